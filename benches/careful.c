/* Written for speed: one walk over the control buffer, everything unusual out of line. */
#define _GNU_SOURCE
#include "careful.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#define FDS_MAX 253
#define ERESTARTSYS 512 /* an interrupted recvmmsg leaves it on the socket */

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((cold, noinline))

/* Time stamp, time stamps, credentials, label, descriptors, pidfd, bytes that wait. */
#define CONTROL_MAX                                                                                \
    (CMSG_SPACE(16) + CMSG_SPACE(48) + CMSG_SPACE(12) + CMSG_SPACE(512) +                          \
     CMSG_SPACE(FDS_MAX * sizeof(int)) + CMSG_SPACE(4) + CMSG_SPACE(4))

static COLD ssize_t fail(int number)
{
    errno = number;
    return -1;
}

/* On a stream a message without bytes can't carry descriptors. */
static COLD int refuse_empty(int sock)
{
    int type;
    socklen_t size = sizeof type;
    if (getsockopt(sock, SOL_SOCKET, SO_TYPE, &type, &size) == -1)
        return -1;
    return type == SOCK_STREAM ? (int)fail(EINVAL) : 0;
}

/* Eight at a time: gcc -O2 does not vectorise a loop of unknown length. */
static inline int any_negative(const int *fds, size_t n)
{
    typedef uint64_t __attribute__((may_alias, aligned(sizeof(int)))) pair;
    uint64_t pairs = 0;
    int bits = 0;
    const int *end = fds + n, *eights = fds + n / 8 * 8;
    while (fds != eights) {
        const pair *p = (const pair *)fds;
        pairs |= p[0];
        pairs |= p[1];
        pairs |= p[2];
        pairs |= p[3];
        fds += 8;
    }
    while (fds != end)
        bits |= *fds++;
    return (bits | (int)pairs | (int)(pairs >> 32)) < 0;
}

ssize_t careful_send_fds(int sock, const void *buf, size_t len, const int *fds, size_t nfds, unsigned int flags)
{
    union {
        struct cmsghdr header;
        uint64_t words[CMSG_SPACE(FDS_MAX * sizeof(int)) / sizeof(uint64_t)];
    } control;
    struct iovec iov;
    struct msghdr msg;
    ssize_t n;

    if (UNLIKELY(flags & ~CAREFUL_DONTWAIT))
        return fail(EINVAL);
    if (UNLIKELY(buf == NULL && len != 0))
        return fail(EFAULT);
    if (UNLIKELY(len > SSIZE_MAX))
        return fail(EINVAL);
    memset(&msg, 0, sizeof msg);
    if (nfds != 0) {
        if (UNLIKELY(fds == NULL))
            return fail(EFAULT);
        if (UNLIKELY(nfds > FDS_MAX))
            return fail(EINVAL);
        if (UNLIKELY(any_negative(fds, nfds)))
            return fail(EBADF);
        if (UNLIKELY(len == 0) && refuse_empty(sock) == -1)
            return -1;
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        control.words[msg.msg_controllen / sizeof(uint64_t) - 1] = 0; /* the padding */
        control.header.cmsg_len = CMSG_LEN(nfds * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), fds, nfds * sizeof(int));
    }
    iov.iov_base = (void *)buf;
    iov.iov_len = len;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    n = sendmsg(sock, &msg, MSG_NOSIGNAL | (flags & CAREFUL_DONTWAIT ? MSG_DONTWAIT : 0));
    if (UNLIKELY(n == -1 && errno == ERESTARTSYS))
        errno = EINTR;
    return n;
}

/* The message at *at, and where its payload stands: 0 where no whole header is left. The kernel
 * aligns the messages in an aligned buffer; 8 bytes of it stay unused, so that *at stays within. */
static inline const struct cmsghdr *next_message(const unsigned char **at, const unsigned char *end, const int **slots, size_t *n)
{
    const struct cmsghdr *header = (const struct cmsghdr *)*at;
    ptrdiff_t left = end - *at;
    size_t len;
    if (left < (ptrdiff_t)sizeof *header)
        return NULL;
    len = header->cmsg_len;
    if (UNLIKELY(len < sizeof *header))
        return NULL;
    if (UNLIKELY(len > (size_t)left))
        len = left;
    *at += CMSG_ALIGN(len);
    *slots = (const int *)(header + 1);
    *n = (len - sizeof *header) / sizeof(int);
    return header;
}

#define START(msg) ((const unsigned char *)(msg)->msg_control)
#define END(msg)   (START(msg) + (msg)->msg_controllen)

/* Closes the descriptors after the first `keep`, and pidfds. close is a cancellation point. */
static COLD void close_after(const struct msghdr *msg, size_t keep)
{
    const unsigned char *at = START(msg);
    const struct cmsghdr *header;
    const int *slots;
    size_t n;
    int saved = errno, state;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    while ((header = next_message(&at, END(msg), &slots, &n)) != NULL) {
        if (header->cmsg_level != SOL_SOCKET || (header->cmsg_type != SCM_RIGHTS && header->cmsg_type != SCM_PIDFD))
            continue;
        for (; n > 0; n--, slots++) {
            if (header->cmsg_type == SCM_RIGHTS && keep > 0)
                keep--;
            else if (*slots >= 0)
                close(*slots);
        }
    }
    pthread_setcancelstate(state, NULL);
    errno = saved;
}

static void close_all(void *msg)
{
    close_after(msg, 0);
}

/* glibc before 2.41 can act on a cancellation after recvmsg has installed descriptors. */
static COLD ssize_t recvmsg_cancellable(int sock, struct msghdr *msg, int flags)
{
    ssize_t n;
    pthread_cleanup_push(close_all, msg);
    n = recvmsg(sock, msg, flags);
    pthread_cleanup_pop(0);
    return n;
}

static COLD void gather(const struct msghdr *msg, int *fds, size_t count)
{
    const unsigned char *at = START(msg);
    const struct cmsghdr *header;
    const int *slots;
    size_t n;
    while ((header = next_message(&at, END(msg), &slots, &n)) != NULL) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        n = n < count ? n : count;
        memcpy(fds, slots, n * sizeof(int));
        fds += n;
        count -= n;
    }
}

/* The first negative one among the first `room`: 0 if there is none. */
static COLD int lost(const struct msghdr *msg, size_t room)
{
    int fds[FDS_MAX] = {0};
    size_t i;
    room = room < FDS_MAX ? room : FDS_MAX;
    gather(msg, fds, room);
    for (i = 0; i < room; i++)
        if (fds[i] < 0)
            return fds[i] == -EMFILE ? EMFILE : EOVERFLOW;
    return 0;
}

static COLD int table_is_full(int sock)
{
    int fd = fcntl(sock, F_DUPFD_CLOEXEC, 0), state;
    if (fd == -1)
        return errno == EMFILE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    close(fd);
    pthread_setcancelstate(state, NULL);
    return 0;
}

/* Whatever is not exactly what was asked for: 0 if it can be handed over all the same. */
static COLD int refusal(int sock, ssize_t n, const struct msghdr *msg, size_t came, size_t max_fds, int counted, unsigned int flags)
{
    int number;
    if (msg->msg_flags & MSG_TRUNC)
        return EMSGSIZE;
    if (came > max_fds && !(flags & CAREFUL_TRIM))
        return ERANGE;
    if ((number = lost(msg, max_fds)) != 0)
        return number;
    if ((msg->msg_flags & MSG_CTRUNC) && !((flags & CAREFUL_TRIM) && came >= max_fds))
        return table_is_full(sock) ? EMFILE : EOVERFLOW;
    if ((flags & CAREFUL_EXACT) && came < max_fds && (n > 0 || came > 0))
        return ENOMSG;
    if (n == 0 && came > 0 && max_fds > 0 && !counted) /* it would look like end of file */
        return ENOMSG;
    return 0;
}

ssize_t careful_recv_fds(int sock, void *buf, size_t len, int *fds, size_t max_fds, size_t *nfds, unsigned int flags)
{
    union {
        struct cmsghdr header;
        unsigned char bytes[CONTROL_MAX + 8];
    } control;
    const struct cmsghdr *header;
    const unsigned char *at = control.bytes;
    const int *slots, *rights = NULL;
    struct iovec iov;
    struct msghdr msg;
    size_t count, came = 0;
    ssize_t n;
    int msg_flags, number, negative = 0, several = 0, pidfd = 0;

    if (nfds != NULL)
        *nfds = 0;
    else if (UNLIKELY(max_fds != 0 && !(flags & CAREFUL_EXACT)))
        return fail(EINVAL);
    if (UNLIKELY(flags != 0)
        && ((flags & ~(CAREFUL_DONTWAIT | CAREFUL_EXACT | CAREFUL_TRIM))
            || (flags & (CAREFUL_EXACT | CAREFUL_TRIM)) == (CAREFUL_EXACT | CAREFUL_TRIM)))
        return fail(EINVAL);
    if (UNLIKELY((buf == NULL && len != 0) || (fds == NULL && max_fds != 0)))
        return fail(EFAULT);
    if (UNLIKELY(len > SSIZE_MAX))
        return fail(EINVAL);
    if (UNLIKELY(len == 0) && refuse_empty(sock) == -1)
        return -1;

    iov.iov_base = buf;
    iov.iov_len = len;
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.bytes;
    msg.msg_controllen = CONTROL_MAX;
    control.header.cmsg_len = 0; /* nothing yet, for a cancelled thread's handler */
    msg_flags = MSG_CMSG_CLOEXEC | (flags & CAREFUL_DONTWAIT ? MSG_DONTWAIT : 0);
    n = __libc_single_threaded ? recvmsg(sock, &msg, msg_flags) : recvmsg_cancellable(sock, &msg, msg_flags);
    if (UNLIKELY(n == -1)) {
        if (errno == ERESTARTSYS)
            errno = EINTR;
        return -1;
    }

    while ((header = next_message(&at, control.bytes + msg.msg_controllen, &slots, &count)) != NULL) {
        if (UNLIKELY(header->cmsg_level != SOL_SOCKET))
            continue;
        if (header->cmsg_type == SCM_RIGHTS) {
            if (UNLIKELY(rights != NULL))
                several = 1;
            else
                rights = slots;
            came += count;
            negative |= any_negative(slots, count);
        } else if (header->cmsg_type == SCM_PIDFD) {
            pidfd = 1;
        }
    }
    if (UNLIKELY((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || came != max_fds || negative || n == 0)
        && (number = refusal(sock, n, &msg, came, max_fds, nfds != NULL, flags)) != 0) {
        close_after(&msg, 0);
        return fail(number);
    }
    count = came < max_fds ? came : max_fds;
    if (UNLIKELY(several))
        gather(&msg, fds, count);
    else if (count != 0)
        memcpy(fds, rights, count * sizeof(int));
    if (UNLIKELY(came > max_fds || pidfd))
        close_after(&msg, max_fds);
    if (nfds != NULL)
        *nfds = count;
    return n;
}
