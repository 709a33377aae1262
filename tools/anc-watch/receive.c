/* recvmsg and recvmmsg: what came, how, and whether the program may miss it. */
#include "watch.h"
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

NEXT_IS(recvmsg);
NEXT_IS(recvmmsg);
NEXT_IS(syscall);

/* What the kernel is asked for. */
struct request {
    void *control;
    size_t given;
    ssize_t sent_bytes;  /* pedantic: to the end of the send whose descriptors come next; or -1 */
};

static bool has_room(const struct msghdr *msg)
{
    size_t i;
    for (i = 0; i < (size_t)msg->msg_iovlen; i++)
        if (msg->msg_iov[i].iov_len > 0)
            return true;
    return false;
}

/* A look without control space stops behind the bytes that have descriptors, and installs none. */
static ssize_t bytes_of_the_send(int sock, int flags)
{
    static char scratch[1 << 18];
    int offset = -1;
    socklen_t len = sizeof offset;
    if (!options.pedantic || socket_type(sock) != SOCK_STREAM || flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
        return -1;
    if (raw5(SYS_getsockopt, sock, SOL_SOCKET, SO_PEEK_OFF, &offset, &len) == 0 && offset >= 0)
        return -1;
    return raw6(SYS_recvfrom, sock, scratch, sizeof scratch, MSG_PEEK | MSG_DONTWAIT, NULL, NULL);
}

static bool asks(struct request *request, int sock, const struct msghdr *msg, int flags)
{
    struct msghdr copy;
    if (!copy_in(&copy, msg, sizeof copy) || copy.msg_controllen == 0 || !copy.msg_control)
        return false;
    request->control = copy.msg_control;
    request->given = copy.msg_controllen;
    request->sent_bytes = bytes_of_the_send(sock, flags);
    return true;
}

/* Descriptors of a stream whose send has not been read to its end: pedantic. */
struct partial {
    int sock;
    ssize_t left;
    int fd;
};
enum { PARTIALS = 32 };
static struct partial partials[PARTIALS];
static int npartials;

void forget_partials(int sock)
{
    int i;
    if (npartials == 0)
        return;
    enter();
    for (i = 0; i < npartials; i++)
        if (partials[i].sock == sock)
            partials[i--] = partials[--npartials];
    leave();
}

static void add_partial(struct partial partial)
{
    enter();
    if (npartials < PARTIALS)
        partials[npartials++] = partial;
    leave();
}

/* n more bytes were read. */
static void check_dropped(int sock, ssize_t n)
{
    int i;
    struct place here;
    if (npartials == 0 || n <= 0)
        return;
    this_place(&here, 0);
    enter();
    for (i = 0; i < npartials; i++) {
        struct partial *p = &partials[i];
        if (p->sock != sock)
            continue;
        if (was_closed_unused(p->fd) && !is_library(&here)) {
            report(DROPPED, &here, "read on at", NULL, "ancillary(7), \"Streams glue and cut\"; anc_fd_queue_init(3)",
                   "descriptor %d was closed unused before the %d bytes that it was sent with had been read",
                   p->fd, (int)p->left);
            p->left = 0;
        }
        if ((p->left -= n) <= 0)
            partials[i--] = partials[--npartials];
    }
    leave();
}

/* All that one message brought. */
static void arrived(int sock, struct msghdr *msg, const struct request *request, int flags, ssize_t n, bool look)
{
    struct arrival a = {.msg = msg, .control = request->control, .given = request->given};
    struct place here;
    size_t at = 0, fds = 0, first = 0;
    unsigned how = 0;
    bool stream = false;
    a.written = msg->msg_controllen > a.given ? a.given : msg->msg_controllen;
    a.truncated = msg->msg_flags & MSG_CTRUNC;
    if (a.written != 0 || a.truncated || look) {
        this_place(&here, 0);
        a.place = keep(&here);
    }
    if (!(flags & MSG_CMSG_CLOEXEC))
        how |= INHERITABLE_STILL;
    if (flags & MSG_PEEK)
        how |= PEEKED;
    if (a.truncated)
        how |= CUT;
    if (n == 0) {
        stream = socket_type(sock) == SOCK_STREAM;
        how |= stream && !has_room(msg) ? ZERO_LENGTH : stream ? 0 : EMPTY;
    }
    while (a.written - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr header;
        size_t end, i;
        memcpy(&header, a.control + at, sizeof header);
        if (header.cmsg_len < sizeof header || header.cmsg_len > a.written - at)
            break;
        end = at + header.cmsg_len;
        a.last_type = header.cmsg_type;
        a.last_data = at + CMSG_LEN(0);
        a.last_end = end;
        if (header.cmsg_level == SOL_SOCKET &&
            (header.cmsg_type == SCM_RIGHTS || header.cmsg_type == SCM_PIDFD))
            for (i = at + CMSG_LEN(0); i + sizeof(int) <= end; i += sizeof(int)) {
                int fd;
                unsigned extra = 0;
                memcpy(&fd, a.control + i, sizeof fd);
                if (fd < 0)
                    continue;
                if (header.cmsg_type == SCM_PIDFD)
                    extra = PIDFD;
                else if (i + sizeof(int) == a.given && i > at + CMSG_LEN(0) && a.given % sizeof(size_t) == 0)
                    extra = IN_PADDING;
                /* The kernel makes every pidfd close-on-exec. */
                came(fd, (extra == PIDFD ? how & ~(unsigned)INHERITABLE_STILL : how) | extra, a.place);
                if (fds++ == 0)
                    first = (size_t)fd;
            }
        at += CMSG_ALIGN(header.cmsg_len);
        if (at > a.written)
            break;
    }
    a.is_cut = a.truncated && a.last_end == a.given && a.last_type != SCM_RIGHTS && a.last_type != SCM_PIDFD;
    if (fds > 0 && request->sent_bytes > n && n > 0)
        add_partial((struct partial){sock, request->sent_bytes - n, (int)first});
    a.is_misaligned = a.written > 0 && (uintptr_t)a.control % _Alignof(struct cmsghdr) != 0;
    if (a.is_misaligned && !has_library())
        report_misaligned(&a);
    if (options.pedantic && a.truncated && !is_library(&here))
        report(NOTICED, &here, "received at", NULL,
               "ancillary(7), \"The control buffer and MSG_CTRUNC\", \"The descriptor table is full\"",
               "a message came with MSG_CTRUNC: what was lost is lost for good, and its sender is not told");
    if (look)
        look_at(&a);
}

ssize_t watched_recvmsg(int sock, struct msghdr *msg, int flags, bool by_number)
{
    struct request request;
    bool asked;
    ssize_t n;
    use(sock);
    judge_looks(msg);
    asked = asks(&request, sock, msg, flags);
    n = by_number ? NEXT(syscall)(SYS_recvmsg, sock, msg, flags) : NEXT(recvmsg)(sock, msg, flags);
    if (n >= 0) {
        check_dropped(sock, flags & MSG_PEEK ? 0 : n);
        if (asked)
            arrived(sock, msg, &request, flags, n, true);
    }
    return n;
}

int watched_recvmmsg(int sock, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout,
                     bool by_number)
{
    enum { AT_ONCE = 64 };
    size_t given[AT_ONCE];
    bool looked = false;
    unsigned i;
    int n;
    use(sock);
    for (i = 0; i < count && i < AT_ONCE; i++) {
        struct request request;
        judge_looks(&messages[i].msg_hdr);
        given[i] = asks(&request, sock, &messages[i].msg_hdr, flags | MSG_ERRQUEUE) ? request.given : 0;
    }
    n = by_number ? (int)NEXT(syscall)(SYS_recvmmsg, sock, messages, count, flags, timeout)
                  : NEXT(recvmmsg)(sock, messages, count, (mmsg_flags)flags, timeout);
    for (i = 0; n > 0 && i < (unsigned)n && i < AT_ONCE; i++) {
        struct msghdr *msg = &messages[i].msg_hdr;
        struct request request = {msg->msg_control, given[i], -1};
        bool look = !looked && msg->msg_flags & MSG_CTRUNC;
        if (given[i] == 0)
            continue;
        arrived(sock, msg, &request, flags, messages[i].msg_len, look);
        looked |= look;
    }
    return n;
}

TAKEN_OVER ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
    return watched_recvmsg(sock, msg, flags, false);
}

TAKEN_OVER int recvmmsg(int sock, struct mmsghdr *messages, unsigned int count, mmsg_flags flags, struct timespec *timeout)
{
    return watched_recvmmsg(sock, messages, count, (int)flags, timeout, false);
}
