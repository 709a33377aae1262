/* Links: -luring */
#define PORT multishot
#include "port.h"
#include "multishot.h"

enum { BUFFERS = 8, BUFFER = 2048, GROUP = 1 };

/* What a multishot receive has left. The alignment is the kernel's own choice: none. */
static _Alignas(16) unsigned char buffers[BUFFERS][BUFFER];
static int lengths[BUFFERS];

/* Why there are no multishot receives here, or NULL. */
static const char *missing;

static int arm(struct io_uring *ring, int sock, struct msghdr *layout)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_provide_buffers(sqe, buffers, BUFFER, BUFFERS, GROUP, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe = io_uring_get_sqe(ring);
    io_uring_prep_recvmsg_multishot(sqe, sock, layout, MSG_CMSG_CLOEXEC);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return io_uring_submit(ring);
}

/* Receives so many messages: buffer i has message i. 0, or an errno. */
static int receive_by_ring(int sock, struct msghdr *layout, int count)
{
    struct io_uring ring;
    int result = -io_uring_queue_init(BUFFERS, &ring, 0), i;
    if (result != 0)
        return result;
    if (arm(&ring, sock, layout) != 2)
        result = EINVAL; /* before Linux 5.17 the first entry is refused for its flag, and the second not taken */
    for (i = 0; i < count && result == 0; i++) {
        struct io_uring_cqe *cqe;
        CHECK_INT(io_uring_wait_cqe(&ring, &cqe), 0);
        if (cqe->res < 0) {
            result = -cqe->res;
        } else {
            CHECK_INT(cqe->flags >> IORING_CQE_BUFFER_SHIFT, i);
            lengths[i] = cqe->res;
        }
        io_uring_cqe_seen(&ring, cqe);
    }
    io_uring_queue_exit(&ring);
    return result;
}

/* The same layout, by recvmsg. */
static void receive_by_recvmsg(int sock, struct msghdr *layout, int count)
{
    int i;
    for (i = 0; i < count; i++) {
        struct io_uring_recvmsg_out out = {0};
        unsigned char *name = buffers[i] + sizeof out, *control = name + layout->msg_namelen;
        struct iovec iov = {control + layout->msg_controllen, 0};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = layout->msg_controllen};
        ssize_t n;
        iov.iov_len = (size_t)(buffers[i] + BUFFER - (unsigned char *)iov.iov_base);
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
        CHECK(n >= 0);
        out.controllen = (uint32_t)msg.msg_controllen;
        out.payloadlen = (uint32_t)n;
        out.flags = (uint32_t)msg.msg_flags;
        memcpy(buffers[i], &out, sizeof out);
        lengths[i] = (int)((unsigned char *)iov.iov_base + n - buffers[i]);
    }
}

static void receive(int sock, struct msghdr *layout, int count)
{
    static char reason[128];
    int error;
    memset(buffers, 0, sizeof buffers);
    error = receive_by_ring(sock, layout, count);
    if (error == 0)
        return;
    snprintf(reason, sizeof reason, "no multishot receive (%s): recvmsg fills the buffers instead",
             strerror(error));
    if (!missing)
        printf("     %s\n", reason);
    missing = reason;
    receive_by_recvmsg(sock, layout, count);
}

/* As a server's: room for the address, and for these messages to the byte. */
static struct msghdr layout_for(size_t namelen, size_t controllen)
{
    struct msghdr layout = {.msg_namelen = (socklen_t)namelen, .msg_controllen = controllen};
    return layout;
}

static void send_numbered(int sock, const char *text, int first, int n)
{
    int fds[ANC_FDS_MAX] = {-1}, i;
    for (i = 0; i < n; i++)
        fds[i] = numbered((unsigned int)(first + i));
    CHECK_INT(raw_send(sock, text, strlen(text), fds, n, 0), strlen(text));
    for (i = 0; i < n; i++)
        close(fds[i]);
}

static void messages_arrive(const struct multishot *port, int type, size_t namelen)
{
    size_t controllen = CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(5 * sizeof(int));
    struct msghdr layout = layout_for(namelen, controllen);
    int pair[2], i, k;
    socket_pair(type, pair);
    option(pair[1], SO_PASSCRED, 1);
    for (i = 0; i < 6; i++)
        send_numbered(pair[0], "message", 10 * i + 1, i);
    receive(pair[1], &layout, 6);
    for (i = 0; i < 6; i++) {
        struct arrival a;
        CHECK_INT(port->read(buffers[i], lengths[i], &layout, &a), 0);
        CHECK(a.len == 7 && memcmp(a.bytes, "message", 7) == 0 && !a.lost);
        CHECK_INT(a.from.pid, getpid());
        CHECK_INT(a.nfds, i);
        for (k = 0; k < i; k++) {
            CHECK(is_cloexec(a.fds[k]));
            CHECK_INT(number_of(a.fds[k]), 10 * i + 1 + k);
        }
    }
    close_both(pair);
}

BOTH(messages_arrive_with_their_descriptors)
{
    messages_arrive(port, SOCK_SEQPACKET, 0);
    messages_arrive(port, SOCK_DGRAM, sizeof(struct sockaddr_storage));
}

/* Room for the address of an odd size puts the control data at an odd place; liburing's pointers to
 * headers there are undefined behaviour. */
TEST(control_data_at_any_alignment_ancillary)
{
    size_t namelen;
    for (namelen = 1; namelen < 16; namelen++)
        messages_arrive(&multishot_ancillary, SOCK_DGRAM, namelen);
}

BOTH(a_buffer_that_is_too_short_is_refused)
{
    struct msghdr layout = layout_for(16, 64);
    struct arrival a;
    int len;
    for (len = -1; len < 16 + 16 + 64; len++)
        CHECK_INT(port->read(buffers[0], len, &layout, &a), -1);
}

/* One message with two descriptors, read with room for credentials and `controllen` more; how many
 * descriptors more there are after the caller has closed its own. */
static int leaked(const struct multishot *port, int name, size_t controllen, struct arrival *a)
{
    struct msghdr layout = layout_for(0, CMSG_SPACE(sizeof(struct ucred)) + controllen);
    int pair[2], before, after;
    socket_pair(SOCK_SEQPACKET, pair);
    option(pair[1], SO_PASSCRED, 1);
    if (name == SO_PASSPIDFD)
        want_pidfd(pair[1]);
    send_numbered(pair[0], "x", 1, 1);
    before = open_descriptors();
    receive(pair[1], &layout, 1);
    CHECK_INT(port->read(buffers[0], lengths[0], &layout, a), 0);
    anc_close_fds(a->fds, a->nfds);
    after = open_descriptors();
    close_both(pair);
    return after - before;
}

/* liburing's nexthdr wants the last message's padding, which the kernel does not need: the
 * descriptor is installed, and nobody sees it. */
BUG(the_last_message_needs_no_padding)
{
    struct arrival a;
    if (CMSG_SPACE(sizeof(int)) == CMSG_LEN(sizeof(int)))
        skip("no padding here");
    return leaked(port, 0, CMSG_LEN(sizeof(int)), &a) == 0 && a.nfds == 1;
}

BUG(a_pidfd_does_not_leak)
{
    struct arrival a;
    return leaked(port, SO_PASSPIDFD, 2 * CMSG_SPACE(sizeof(int)), &a) == 0 && a.nfds == 1;
}

/* MSG_CTRUNC stands in the buffer's header alone. */
BUG(lost_descriptors_are_reported)
{
    struct msghdr layout = layout_for(0, CMSG_SPACE(2 * sizeof(int)));
    struct arrival a;
    int pair[2];
    socket_pair(SOCK_SEQPACKET, pair);
    send_numbered(pair[0], "x", 1, 5);
    receive(pair[1], &layout, 1);
    CHECK_INT(port->read(buffers[0], lengths[0], &layout, &a), 0);
    CHECK_INT(a.nfds, 2);
    anc_close_fds(a.fds, a.nfds);
    close_both(pair);
    return a.lost;
}

COUNT(multishot)
