/* sendmsg and sendmmsg: descriptors that are passed on, and those that never arrive or arrive twice. */
#include "watch.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

NEXT_IS(sendmsg);
NEXT_IS(sendmmsg);
NEXT_IS(syscall);

enum { SHORT_SENDS = 16, SAME = 8 };

/* A stream took a part of what was to be sent with descriptors. */
static struct short_send {
    int sock;
    const char *rest;
    int fds[SAME], nfds;
} shorts[SHORT_SENDS];
static int nshorts;

struct passed {
    int fds[SAME], nfds;
};

/* The descriptors of a message that the kernel has read. Each is used. */
static void descriptors_of(const struct msghdr *msg, struct passed *passed)
{
    struct cmsghdr *c;
    passed->nfds = 0;
    for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
        size_t i;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(0))
            continue;
        for (i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len && i < 253; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            use(fd);
            if (passed->nfds < SAME)
                passed->fds[passed->nfds] = fd;
            passed->nfds++;
        }
    }
}

void forget_short_sends(int sock)
{
    int i;
    if (nshorts == 0)
        return;
    enter();
    for (i = 0; i < nshorts; i++)
        if (shorts[i].sock == sock)
            shorts[i--] = shorts[--nshorts];
    leave();
}

static const char *start_of(const struct msghdr *msg)
{
    size_t i;
    for (i = 0; i < (size_t)msg->msg_iovlen; i++)
        if (msg->msg_iov[i].iov_len > 0)
            return msg->msg_iov[i].iov_base;
    return NULL;
}

static bool goes_on(int sock, const struct msghdr *msg, const struct passed *passed)
{
    bool result = false;
    int i;
    if (nshorts == 0 || passed->nfds == 0)
        return false;
    enter();
    for (i = 0; i < nshorts; i++)
        result |= shorts[i].sock == sock && shorts[i].rest == start_of(msg) && shorts[i].nfds == passed->nfds &&
                  memcmp(shorts[i].fds, passed->fds,
                         (size_t)(passed->nfds < SAME ? passed->nfds : SAME) * sizeof(int)) == 0;
    leave();
    return result;
}

static void remember_short(int sock, const struct msghdr *msg, const struct passed *passed, size_t n)
{
    size_t i;
    for (i = 0; i < (size_t)msg->msg_iovlen && n >= msg->msg_iov[i].iov_len; i++)
        n -= msg->msg_iov[i].iov_len;
    if (i == (size_t)msg->msg_iovlen)
        return;
    enter();
    if (nshorts < SHORT_SENDS) {
        struct short_send *s = &shorts[nshorts++];
        s->sock = sock;
        s->rest = (const char *)msg->msg_iov[i].iov_base + n;
        s->nfds = passed->nfds;
        memcpy(s->fds, passed->fds, sizeof s->fds);
    }
    leave();
}

static void went(int sock, const struct msghdr *msg, ssize_t n)
{
    struct passed passed;
    struct place here;
    descriptors_of(msg, &passed);
    if (passed.nfds > 0 && n == 0 && !start_of(msg) && socket_type(sock) == SOCK_STREAM) {
        this_place(&here, 0);
        report(UNSENT, &here, "sent at", NULL, "ancillary(7), \"Zero bytes\"; anc_send_fds(3)",
               "%d descriptors were sent over a stream without a byte: they never arrive", passed.nfds);
    }
    if (goes_on(sock, msg, &passed)) {
        this_place(&here, 0);
        report(RESENT, &here, "sent at", NULL, "ancillary(7), \"Streams glue and cut\"; anc_send_fds(3)",
               "after a short count the rest was sent with the same %d descriptors: they arrive twice",
               passed.nfds);
    }
    forget_short_sends(sock);
    if (passed.nfds > 0 && n > 0 && socket_type(sock) == SOCK_STREAM)
        remember_short(sock, msg, &passed, (size_t)n);
}

ssize_t watched_sendmsg(int sock, const struct msghdr *msg, int flags, bool by_number)
{
    struct passed passed;
    ssize_t n;
    use(sock);
    n = by_number ? NEXT(syscall)(SYS_sendmsg, sock, msg, flags) : NEXT(sendmsg)(sock, msg, flags);
    if (n >= 0 && (msg->msg_controllen || nshorts))
        went(sock, msg, n);
    else if (n < 0 && errno == EBADF && descriptor_flags(sock) >= 0)
        descriptors_of(msg, &passed); /* one of these is not open */
    return n;
}

TAKEN_OVER ssize_t sendmsg(int sock, const struct msghdr *msg, int flags)
{
    return watched_sendmsg(sock, msg, flags, false);
}

TAKEN_OVER int sendmmsg(int sock, struct mmsghdr *messages, unsigned int count, mmsg_flags flags)
{
    int n, i;
    use(sock);
    n = NEXT(sendmmsg)(sock, messages, count, flags);
    for (i = 0; i < n; i++)
        went(sock, &messages[i].msg_hdr, messages[i].msg_len);
    return n;
}
