/* Whole messages: every clause of anc_sendmsg and anc_recvmsg, and what the kernel does with each MSG_
 * flag on a Unix socket. */
#include "control.h"
#include <dlfcn.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#ifdef __linux__
#include <linux/net_tstamp.h>
#include <net/ethernet.h>
#endif
#include <netinet/in.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

/* Round trips. */

TEST(a_message_goes_and_comes_with_its_descriptors)
{
    static const int counts[] = {0, 1, 2, 3, 100, ANC_FDS_MAX};
    size_t t, i;
    for (t = 0; t < 3; t++)
        for (i = 0; i < LENGTH(counts); i++) {
            struct message out, in;
            struct msghdr before;
            int pair[2], n = counts[i], fds[ANC_FDS_MAX], came[ANC_FDS_MAX], k;
            socket_pair(socket_types[t], pair);
            new_descriptors(fds, n);
            sender(&out, "hello", fds, n);
            before = out.msg;
            CHECK_OK(anc_sendmsg(pair[0], &out.msg, 0), 5);
            CHECK(memcmp(&out.msg, &before, sizeof before) == 0);
            CHECK_OK(anc_recvmsg(pair[1], receiver(&in, sizeof in.data, sizeof in.control), 0), 5);
            CHECK(memcmp(in.data, "hello", 5) == 0);
            CHECK_INT(in.msg.msg_flags, 0);
            CHECK_INT(rights_in(&in.msg, came), n);
            CHECK_INT(in.msg.msg_controllen, n ? ANC_FDS_SPACE((size_t)n) : 0);
            for (k = 0; k < n; k++)
                CHECK(is_cloexec(came[k]) && same_file(came[k], fds[k]));
            anc_close_unclaimed(&in.msg);
            anc_close_fds(fds, (size_t)n);
            close_both(pair);
        }
}

TEST(unclaimed_descriptors_stay_until_taken_or_closed)
{
    int pair[2], fds[3], came[3], t;
    size_t n;
    new_descriptors(fds, 3);
    for (t = 0; t < 3; t++) {
        struct message out, in;
        socket_pair(socket_types[t], pair);
        CHECK_OK(anc_sendmsg(pair[0], sender(&out, "x", fds, 3), 0), 1);
        CHECK_OK(anc_recvmsg(pair[1], receiver(&in, 1, sizeof in.control), 0), 1);
        CHECK_OK(anc_take_fds(&in.msg, came, 3, &n, 0), 0);
        CHECK_INT(n, 3);
        CHECK(same_file(came[0], fds[0]) && same_file(came[1], fds[1]) && same_file(came[2], fds[2]));
        anc_close_unclaimed(&in.msg);
        CHECK(is_open(came[0]) && is_open(came[1]) && is_open(came[2]));
        anc_close_fds(came, n);
        close_both(pair);
    }
    anc_close_fds(fds, 3);
}

TEST(names_and_buffers_pass_through)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX}, from = to, came;
    struct iovec parts[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}}, halves[2];
    struct msghdr msg = {.msg_name = &to, .msg_iov = parts, .msg_iovlen = 3};
    int a = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char first[3], second[8];
    CHECK(a >= 0 && b >= 0);
    snprintf(from.sun_path + 1, 64, "ancillary-whole-a-%d", (int)getpid());
    snprintf(to.sun_path + 1, 64, "ancillary-whole-b-%d", (int)getpid());
    CHECK(bind(a, (struct sockaddr *)&from, sizeof from) == 0 && bind(b, (struct sockaddr *)&to, sizeof to) == 0);
    msg.msg_namelen = sizeof to;
    CHECK_OK(anc_sendmsg(a, &msg, 0), 5);
    halves[0] = (struct iovec){first, 3};
    halves[1] = (struct iovec){second, 8};
    msg = (struct msghdr){.msg_name = &came, .msg_namelen = sizeof came, .msg_iov = halves, .msg_iovlen = 2};
    CHECK_OK(anc_recvmsg(b, &msg, 0), 5);
    CHECK(memcmp(first, "abc", 3) == 0 && memcmp(second, "de", 2) == 0);
    CHECK(msg.msg_namelen == sizeof from && memcmp(&came, &from, sizeof from) == 0);
    close(a);
    close(b);
}

TEST(a_control_buffer_of_any_size_and_address_is_kept_to)
{
    static unsigned char buffer[256];
    int t, shift, fd = new_descriptor(), before = lowest_free();
    size_t room;
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        for (shift = 0; shift < ALIGNMENTS; shift++)
            for (room = 0; room <= 2 * HEADER + 40; room++) {
                struct message in;
                size_t i;
                int copies[3] = {fd, fd, fd};
                CHECK_INT(raw_send(pair[0], "x", 1, copies, 3, 0), 1);
                memset(buffer, CANARY, sizeof buffer);
                receiver(&in, 1, room);
                in.msg.msg_control = buffer + shift;
                CHECK_OK(anc_recvmsg(pair[1], &in.msg, 0), 1);
                CHECK((in.msg.msg_flags & ~MSG_CTRUNC) == 0 && in.msg.msg_controllen <= room);
                for (i = 0; i < sizeof buffer; i++)
                    CHECK_CASE((i >= (size_t)shift && i < (size_t)shift + room) || buffer[i] == CANARY, "%zu bytes", room);
                anc_close_unclaimed(&in.msg);
            }
        close_both(pair);
    }
    CHECK_INT(lowest_free(), before);
    close(fd);
}

/* Flags. */

TEST(DONTWAIT_does_not_wait)
{
    int t;
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2];
        socket_pair(socket_types[t], pair);
        CHECK_ERRNO(anc_recvmsg(pair[1], receiver(&m, 1, sizeof m.control), MSG_DONTWAIT), EAGAIN);
        CHECK_INT(m.msg.msg_controllen, 0);
        fill_socket(pair[0]);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "x", &pair[0], 1), MSG_DONTWAIT), EAGAIN);
        CHECK_INT(drain_socket(pair[1]), 0);
        close_both(pair);
    }
}

/* Each peek installs another set: all of them are closed at once, the pidfd too. */
static void peek(int type, int with_pidfd, const char *glued)
{
    int pair[2], fds[3], came[3], before, i;
    struct message m;
    struct anc_cmsg c;
    size_t n, len = strlen(glued) + 4;
    socket_pair(type, pair);
    if (with_pidfd) {
        accept_pidfds(pair[1]);
        option(pair[1], SO_PASSCRED, 1);
    }
    new_descriptors(fds, 3);
    if (*glued)
        CHECK_INT(send(pair[0], glued, strlen(glued), 0), strlen(glued));
    CHECK_INT(raw_send(pair[0], "text", 4, fds, 3, 0), 4);
    before = lowest_free();
    for (i = 0; i < 5; i++) {
        int slot, seen = 0;
        receiver(&m, len, sizeof m.control);
        CHECK_OK(anc_recvmsg(pair[1], &m.msg, MSG_PEEK), len);
        CHECK_INT(lowest_free(), before);
        CHECK_INT(m.msg.msg_flags, 0);
        memset(&c, 0, sizeof c);
        while (anc_next(&m.msg, &c) == 1) {
            size_t at;
            if (c.level != SOL_SOCKET || (c.type != SCM_RIGHTS && c.type != SCM_PIDFD))
                continue;
            for (at = 0; at < c.len; at += sizeof slot, seen++) {
                memcpy(&slot, (const char *)c.data + at, sizeof slot);
                CHECK_INT(slot, -1);
            }
        }
        CHECK_INT(seen, with_pidfd ? 4 : 3);
        CHECK_OK(anc_take_fds(&m.msg, came, 3, &n, 0), 0);
        CHECK_INT(n, 0);
        CHECK_ERRNO(anc_take_pidfd(&m.msg), ENOMSG);
    }
    CHECK_OK(anc_recvmsg(pair[1], receiver(&m, len, sizeof m.control), 0), len);
    CHECK_OK(anc_take_fds(&m.msg, came, 3, &n, 0), 0);
    CHECK_INT(n, 3);
    for (i = 0; i < 3; i++)
        CHECK(same_file(came[i], fds[i]));
    anc_close_unclaimed(&m.msg);
    anc_close_fds(came, 3);
    anc_close_fds(fds, 3);
    close_both(pair);
}

TEST(a_peek_leaves_no_duplicates)
{
    int t, with_pidfd;
    for (with_pidfd = 0; with_pidfd < 2; with_pidfd++) {
        for (t = 0; t < 3; t++)
            peek(socket_types[t], with_pidfd, "");
        /* On a stream, plain bytes hand out the descriptors of the next send. */
        peek(SOCK_STREAM, with_pidfd, "plain");
    }
}

TEST(OOB_with_control_data_is_refused_before_any_effect)
{
    int pair[2], fd = new_descriptor(), t;
    for (t = 0; t < 3; t++) {
        struct message m;
        socket_pair(socket_types[t], pair);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "text", &fd, 1), MSG_OOB), EINVAL);
        EXPECT_NOTHING(pair[1]);
        CHECK_INT(raw_send(pair[0], "kept", 4, &fd, 1, 0), 4);
        CHECK_ERRNO(anc_recvmsg(pair[1], receiver(&m, 4, sizeof m.control), MSG_OOB), EINVAL);
        CHECK_INT(m.msg.msg_controllen, 0);
        CHECK_ERRNO(anc_recvmsg(pair[1], receiver(&m, 4, 1), MSG_OOB | MSG_PEEK), EINVAL);
        EXPECT(pair[1], "kept", &fd, 1);
        close_both(pair);
    }
    close(fd);
}

TEST(OOB_without_control_data_passes_through)
{
    struct message m;
    int pair[2];
    ssize_t n;
    socket_pair(SOCK_STREAM, pair);
    n = anc_sendmsg(pair[0], sender(&m, "x", NULL, 0), MSG_OOB);
    if (n == -1 && errno == EOPNOTSUPP)
        skip("this kernel has no out-of-band data on Unix sockets");
    CHECK_INT(n, 1);
    receiver(&m, 1, 0);
    m.msg.msg_control = NULL;
    CHECK_OK(anc_recvmsg(pair[1], &m.msg, MSG_OOB), 1);
    CHECK(m.data[0] == 'x' && (m.msg.msg_flags & MSG_OOB));
    close_both(pair);
}

TEST(what_was_lost_is_in_the_flags_and_no_error)
{
    int t, fd = new_descriptor(), two[2], before = lowest_free();
    two[0] = two[1] = fd;
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2], came[ANC_FDS_MAX], is_stream = socket_types[t] == SOCK_STREAM;
        socket_pair(socket_types[t], pair);
        /* Data. MSG_TRUNC asks for the whole length; on a stream it is no loss to leave bytes. */
        CHECK_INT(raw_send(pair[0], "12345", 5, &fd, 1, 0), 5);
        CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 2, sizeof m.control), 0), 2);
        CHECK_INT(m.msg.msg_flags, is_stream ? 0 : MSG_TRUNC);
        CHECK_INT(rights_in(&m.msg, came), 1);
        anc_close_unclaimed(&m.msg);
        if (!is_stream) {
            CHECK_INT(raw_send(pair[0], "12345", 5, &fd, 1, 0), 5);
            CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 2, sizeof m.control), MSG_TRUNC), 5);
            CHECK_INT(m.msg.msg_flags, MSG_TRUNC);
            anc_close_unclaimed(&m.msg);
        }
        drain_socket(pair[1]);
        /* Control data. */
        CHECK_INT(raw_send(pair[0], "12345", 5, two, 2, 0), 5);
        CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 5, ANC_LEN(4)), 0), 5);
        CHECK_INT(m.msg.msg_flags, MSG_CTRUNC);
        CHECK_INT(rights_in(&m.msg, came), 1);
        anc_close_unclaimed(&m.msg);
        close_both(pair);
    }
    CHECK_INT(lowest_free(), before);
    close(fd);
}

TEST(a_full_table_is_no_error)
{
    int t;
    limits_begin();
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2], fds[3] = {0, 1, 2}, came[ANC_FDS_MAX], room, before;
        socket_pair(socket_types[t], pair);
        before = lowest_free();
        for (room = 0; room <= 3; room++) {
            CHECK_INT(raw_send(pair[0], "x", 1, fds, 3, 0), 1);
            allow_only(room);
            CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 1, sizeof m.control), 0), 1);
            allow_any();
            CHECK_INT(m.msg.msg_flags, room < 3 ? MSG_CTRUNC : 0);
            CHECK_INT(rights_in(&m.msg, came), room);
            anc_close_unclaimed(&m.msg);
            CHECK_INT(lowest_free(), before);
        }
        close_both(pair);
    }
    limits_end();
}

TEST(CMSG_CLOEXEC_is_always_asked_for_and_never_echoed)
{
    int t, asked, fd = new_descriptor(), came[ANC_FDS_MAX];
    for (t = 0; t < 3; t++)
        for (asked = 0; asked < 2; asked++) {
            struct message m;
            int pair[2];
            socket_pair(socket_types[t], pair);
            CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
            CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 1, sizeof m.control), asked ? MSG_CMSG_CLOEXEC : 0), 1);
            CHECK_INT(m.msg.msg_flags, 0);
            CHECK(rights_in(&m.msg, came) == 1 && is_cloexec(came[0]));
            anc_close_unclaimed(&m.msg);
            close_both(pair);
        }
    close(fd);
}

TEST(WAITALL_ends_where_descriptors_are)
{
    struct message m;
    int pair[2], fd = new_descriptor(), came[ANC_FDS_MAX];
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(send(pair[0], "ab", 2, 0), 2);
    CHECK_INT(send(pair[0], "cd", 2, 0), 2);
    CHECK_INT(raw_send(pair[0], "ef", 2, &fd, 1, 0), 2);
    CHECK_INT(send(pair[0], "gh", 2, 0), 2);
    CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 5, sizeof m.control), MSG_WAITALL), 5);
    CHECK(memcmp(m.data, "abcde", 5) == 0 && rights_in(&m.msg, came) == 1);
    anc_close_unclaimed(&m.msg);
    CHECK_INT(raw_send(pair[0], "ij", 2, &fd, 1, 0), 2);
    CHECK_INT(send(pair[0], "kl", 2, 0), 2);
    CHECK_OK(anc_recvmsg(pair[1], receiver(&m, 7, sizeof m.control), MSG_WAITALL), 5);
    CHECK(memcmp(m.data, "fghij", 5) == 0 && rights_in(&m.msg, came) == 1);
    anc_close_unclaimed(&m.msg);
    close(fd);
    close_both(pair);
}

#ifdef __linux__
/* The error queue has no bytes of its own, so it is read without any. */
TEST(an_error_queue_is_read_without_bytes)
{
    int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int peer, stamps = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct message m;
    struct anc_cmsg c;
    struct pollfd queue = {.fd = stream};
    CHECK(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    CHECK(connect(stream, (struct sockaddr *)&address, len) == 0 && (peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    CHECK_ERRNO(anc_recvmsg(stream, receiver(&m, 0, sizeof m.control), MSG_ERRQUEUE), EAGAIN);
    CHECK_INT(m.msg.msg_controllen, 0);
    option(stream, SO_TIMESTAMPING, stamps);
    CHECK_INT(send(stream, "x", 1, 0), 1);
    CHECK_INT(poll(&queue, 1, 10000), 1);
    CHECK_OK(anc_recvmsg(stream, receiver(&m, 0, sizeof m.control), MSG_ERRQUEUE), 0);
    CHECK(m.msg.msg_flags & MSG_ERRQUEUE);
    memset(&c, 0, sizeof c);
    CHECK_OK(anc_next(&m.msg, &c), 1);
    CHECK(c.level == SOL_SOCKET && c.type == SO_TIMESTAMPING);
    close(stream);
    close(listener);
    close(peer);
}
#endif

/* Refusals and failures. */

/* A message that has room for bytes in none of its buffers. */
static void without_bytes(struct message *m, int how)
{
    static struct iovec empty[3];
    if (how == 0) {
        m->msg.msg_iov = NULL;
        m->msg.msg_iovlen = 0;
    } else {
        empty[0].iov_base = empty[2].iov_base = m->data;
        m->msg.msg_iov = empty;
        m->msg.msg_iovlen = how;
    }
}

TEST(control_data_without_bytes_are_refused_on_a_stream_only)
{
    int t, how, fd = new_descriptor(), came[ANC_FDS_MAX];
    for (t = 0; t < 3; t++)
        for (how = 0; how <= 3; how++) {
            struct message m;
            int pair[2], is_stream = socket_types[t] == SOCK_STREAM;
            socket_pair(socket_types[t], pair);
            sender(&m, "", &fd, 1);
            without_bytes(&m, how);
            if (is_stream) {
                CHECK_ERRNO(anc_sendmsg(pair[0], &m.msg, 0), EINVAL);
                EXPECT_NOTHING(pair[1]);
                CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
            } else {
                CHECK_OK(anc_sendmsg(pair[0], &m.msg, 0), 0);
            }
            receiver(&m, 0, sizeof m.control);
            without_bytes(&m, how);
            if (is_stream) {
                CHECK_ERRNO(anc_recvmsg(pair[1], &m.msg, 0), EINVAL);
                CHECK_INT(m.msg.msg_controllen, 0);
                EXPECT(pair[1], "x", &fd, 1);
            } else {
                CHECK_OK(anc_recvmsg(pair[1], &m.msg, 0), 0);
                CHECK(rights_in(&m.msg, came) == 1 && same_file(came[0], fd));
                anc_close_unclaimed(&m.msg);
            }
            /* Bytes in the last buffer alone are bytes. */
            if (how == 3) {
                sender(&m, "", &fd, 1);
                without_bytes(&m, how);
                m.msg.msg_iov[2].iov_len = 1;
                CHECK_OK(anc_sendmsg(pair[0], &m.msg, 0), 1);
                m.msg.msg_iov[2].iov_len = 0;
                CHECK_INT(drain_socket(pair[1]), 1);
            }
            close_both(pair);
        }
    close(fd);
}

TEST(no_bytes_and_no_control_data_pass_on_every_socket)
{
    int t, way;
    for (t = 0; t < 3; t++)
        for (way = 0; way < 2; way++) {
            struct message m;
            int pair[2];
            socket_pair(socket_types[t], pair);
            receiver(&m, 0, way ? 0 : 100);
            if (!way)
                m.msg.msg_control = NULL;
            m.msg.msg_controllen = 0;
            CHECK_OK(anc_sendmsg(pair[0], &m.msg, 0), 0);
            CHECK_INT(send(pair[0], "x", 1, 0), 1);
            CHECK_OK(anc_recvmsg(pair[1], &m.msg, 0), 0);
            close_both(pair);
        }
}

TEST(NULL_is_EFAULT)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    CHECK_ERRNO(anc_sendmsg(pair[0], NULL, 0), EFAULT);
    CHECK_ERRNO(anc_recvmsg(pair[1], NULL, 0), EFAULT);
    close_both(pair);
}

TEST(a_control_length_without_a_buffer_leaks_nothing)
{
    int t, fd = new_descriptor(), before = lowest_free();
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2];
        size_t n;
        socket_pair(socket_types[t], pair);
        CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
        receiver(&m, 1, 100);
        m.msg.msg_control = NULL;
        CHECK_INT(anc_recvmsg(pair[1], &m.msg, 0), 1);
        CHECK(m.msg.msg_flags & MSG_CTRUNC);
        CHECK_OK(anc_take_fds(&m.msg, NULL, 0, &n, 0), 0);
        anc_close_unclaimed(&m.msg);
        close_both(pair);
        CHECK_INT(lowest_free(), before);
    }
    close(fd);
}

/* What stood in the buffer before must not be taken for what came. */
static void failed(int sock, struct message *m, int flags, int error, int fd, const char *which)
{
    int came[4];
    size_t n;
    forge(m->control.bytes, SOL_SOCKET, SCM_RIGHTS, &fd, sizeof fd);
    m->msg.msg_controllen = ANC_FDS_SPACE(1);
    errno = 0;
    CHECK_CASE(anc_recvmsg(sock, &m->msg, flags) == -1 && errno == error, "%s", which);
    CHECK_CASE(m->msg.msg_controllen == 0, "%s", which);
    CHECK_INT(anc_take_fds(&m->msg, came, 4, &n, 0), 0);
    CHECK_INT(n, 0);
    anc_close_unclaimed(&m->msg);
    CHECK_CASE(is_open(fd), "%s", which);
}

TEST(a_failed_receive_leaves_no_control_data)
{
    int t, fd = new_descriptor();
    for (t = 0; t < 3; t++) {
        int pair[2];
        struct message m;
        socket_pair(socket_types[t], pair);
        receiver(&m, 1, 0);
        failed(pair[1], &m, MSG_DONTWAIT, EAGAIN, fd, "nothing waits");
        failed(pair[1], &m, MSG_OOB, EINVAL, fd, "out of band");
        failed(-1, &m, 0, EBADF, fd, "no descriptor");
        failed(fd, &m, 0, ENOTSOCK, fd, "no socket");
        if (socket_types[t] == SOCK_STREAM) {
            receiver(&m, 0, 0);
            failed(pair[1], &m, 0, EINVAL, fd, "no bytes");
        }
        receiver(&m, 1, 0);
        m.msg.msg_iovlen = 1025;
        if (!ON_ASAN && !on_valgrind()) {
            static struct iovec many[1025];
            many[0].iov_base = m.data;
            many[0].iov_len = 1;
            m.msg.msg_iov = many;
            failed(pair[1], &m, 0, EMSGSIZE, fd, "1025 buffers");
            receiver(&m, 1, 0);
            m.iov.iov_base = (void *)16;
            CHECK_INT(send(pair[0], "x", 1, 0), 1);
            failed(pair[1], &m, 0, EFAULT, fd, "data nowhere");
        }
        close_both(pair);
    }
    close(fd);
}

TEST(end_of_file_is_0_without_control_data)
{
    int t;
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2];
        socket_pair(socket_types[t], pair);
        close(pair[0]);
        receiver(&m, 1, sizeof m.control);
        if (socket_types[t] == SOCK_DGRAM) {
            CHECK_ERRNO(anc_recvmsg(pair[1], &m.msg, MSG_DONTWAIT), EAGAIN); /* a datagram socket has no end */
        } else {
            CHECK_OK(anc_recvmsg(pair[1], &m.msg, 0), 0);
            CHECK_INT(m.msg.msg_flags, 0);
        }
        CHECK_INT(m.msg.msg_controllen, 0);
        close(pair[1]);
    }
}

TEST(the_kernels_errors_of_sending_pass_through)
{
    struct message m;
    int t, closed = NO_DESCRIPTOR;
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "x", &closed, 1), 0), EBADF);
        EXPECT_NOTHING(pair[1]);
        CHECK_ERRNO(anc_sendmsg(-1, sender(&m, "x", NULL, 0), 0), EBADF);
        close_both(pair);
    }
}

/* Sending to a closed peer raises SIGPIPE on a stream, which would end this process. */
TEST(no_send_raises_SIGPIPE)
{
    int t;
    signal(SIGPIPE, SIG_DFL);
    for (t = 0; t < 3; t++) {
        struct message m;
        sigset_t pending, mask;
        int pair[2], on_stream = socket_types[t] != SOCK_DGRAM;
        socket_pair(socket_types[t], pair);
        close(pair[1]);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "x", &pair[0], 1), 0), on_stream ? EPIPE : ECONNREFUSED);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "x", NULL, 0), MSG_DONTWAIT), on_stream ? EPIPE : ENOTCONN);
        CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
        CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGPIPE));
        close(pair[0]);
    }
}

TEST(a_signal_is_EINTR_and_nothing_is_lost)
{
    int t, fd = new_descriptor();
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2];
        pid_t child;
        socket_pair(socket_types[t], pair);
        child = interrupt_me(1, NULL, NULL);
        CHECK_ERRNO(anc_recvmsg(pair[1], receiver(&m, 1, sizeof m.control), 0), EINTR);
        CHECK_INT(m.msg.msg_controllen, 0);
        check_child(child);
        fill_socket(pair[0]);
        child = interrupt_me(1, NULL, NULL);
        CHECK_ERRNO(anc_sendmsg(pair[0], sender(&m, "x", &fd, 1), 0), EINTR);
        check_child(child);
        CHECK_INT(drain_socket(pair[1]), 0);
        close_both(pair);
    }
    close(fd);
}

/* Cancellation. */

/* glibc before 2.41 can act on a cancellation when recvmsg has installed its descriptors already. This
 * one, which stands in for the C library's, does it on every system. */
static _Thread_local int cancels_after;
static size_t overstates; /* what it adds to msg_controllen, as no kernel does */

ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
    static ssize_t (*next)(int, struct msghdr *, int);
    ssize_t n;
    if (!next)
        next = (ssize_t(*)(int, struct msghdr *, int))dlsym(RTLD_NEXT, "recvmsg");
    n = next(sock, msg, flags);
    if (cancels_after) {
        cancels_after = 0;
        msg->msg_controllen += overstates;
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return n;
}

static struct message of_the_thread;

static void *receive_cancelled(void *sock)
{
    cancels_after = 1;
    anc_recvmsg(*(int *)sock, &of_the_thread.msg, MSG_DONTWAIT);
    return NULL;
}

TEST(a_thread_cancelled_right_after_the_kernels_call_leaks_nothing)
{
    int t, n, fds[3] = {0, 1, 2}, before, i, again[4];
    size_t room;
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        accept_pidfds(pair[1]);
        before = lowest_free();
        for (n = -1; n <= 3; n++)
            for (room = 0; room <= ANC_FDS_SPACE(3) + ANC_SPACE(4); room++) {
                pthread_t thread;
                void *result;
                if (n >= 0)
                    CHECK_INT(raw_send(pair[0], "x", 1, fds, n, 0), 1);
                /* With what an earlier message may have left in the buffer. */
                receiver(&of_the_thread, 1, room);
                forge(of_the_thread.control.bytes, SOL_SOCKET, SCM_RIGHTS, &pair[0], 4);
                CHECK(pthread_create(&thread, NULL, receive_cancelled, &pair[1]) == 0);
                CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
                CHECK_CASE(lowest_free() == before && is_open(pair[0]), "%d descriptors, %zu bytes", n, room);
                /* A cleanup handler of the thread's own may look after the message too, when the numbers
                 * are somebody else's. */
                for (i = 0; i < 4; i++)
                    again[i] = duplicate(pair[0]);
                anc_close_unclaimed(&of_the_thread.msg);
                for (i = 0; i < 4; i++)
                    CHECK(close(again[i]) == 0);
            }
        close_both(pair);
    }
}

TEST(a_thread_cancelled_then_reads_no_further_than_its_buffer)
{
    int pair[2], fds[2] = {0, 1}, before;
    socket_pair(SOCK_STREAM, pair);
    before = lowest_free();
    for (overstates = 0; overstates < 100; overstates += 7) {
        unsigned char *behind = of_the_thread.control.bytes + ANC_FDS_SPACE(2);
        pthread_t thread;
        void *result;
        CHECK_INT(raw_send(pair[0], "x", 1, fds, 2, 0), 1);
        receiver(&of_the_thread, 1, ANC_FDS_SPACE(2));
        forge(behind, SOL_SOCKET, SCM_RIGHTS, &pair[0], 4);
        CHECK(pthread_create(&thread, NULL, receive_cancelled, &pair[1]) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
        CHECK(lowest_free() == before && is_open(pair[0]));
    }
    close_both(pair);
}

#ifdef __linux__
/* Packet sockets refuse every flag that they do not know, MSG_CMSG_CLOEXEC among them. */
TEST(a_packet_socket_is_received_from_and_errno_kept)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    char byte, control[64];
    struct iovec iov = {&byte, 1};
    struct mmsghdr one;
    int packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP)), udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (packets == -1)
        skip("packet sockets want CAP_NET_RAW (%s)", strerror(errno));
    CHECK_INT(sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    memset(&one, 0, sizeof one);
    one.msg_hdr.msg_iov = &iov;
    one.msg_hdr.msg_iovlen = 1;
    one.msg_hdr.msg_control = control;
    one.msg_hdr.msg_controllen = sizeof control;
    errno = 4242;
    CHECK_INT(anc_recvmsg(packets, &one.msg_hdr, 0), 1);
    CHECK_INT(errno, 4242);
    CHECK_INT(sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    CHECK_INT(anc_recvmmsg(packets, &one, 1, MSG_WAITFORONE), 1);
    CHECK_INT(errno, 4242);
    close(packets);
    close(udp);
}
#endif
