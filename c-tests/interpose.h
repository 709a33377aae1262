/* The program's own sendmsg, recvmsg, close, fcntl, getsockopt and syscall. The dynamic linker
 * gives them to the shared library, and the static linker to the archive, before the C library's.
 * Included in one file of a program.
 *
 * Inside LIBRARY(call) they count, fail as planned, and keep a ledger of who owns each descriptor:
 * the test ends when the library closes what it never got, or closes a number twice. Outside they
 * are the C library's. */
#ifndef INTERPOSE_H
#define INTERPOSE_H

#include "harness.h"
#include <dlfcn.h>
#include <limits.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum call { SENDMSG, RECVMSG, CLOSE, CLOSE_RANGE, DUPFD, SETFD, GETSOCKOPT, OTHER, CALLS };
static const char *const call_names[CALLS] = {
    "sendmsg", "recvmsg", "close", "close_range", "F_DUPFD_CLOEXEC", "F_SETFD", "getsockopt",
    "other",
};

/* Calls number first to last of this kind fail; last 0 is first. */
struct fault {
    enum call call;
    int first, last, error;
};

enum { FAULTS = 4, NUMBERS = 4096 };
enum owner { NOBODYS, LIBRARYS, GIVEN };

static struct {
    /* The plan. */
    struct fault faults[FAULTS];
    size_t at_most;     /* bytes that one sendmsg or recvmsg moves; 0: all */
    int forced_flags;   /* added to msg_flags */
    int close_reports;  /* the errno of every close, which closes all the same */
    ssize_t (*recvmsg)(int sock, struct msghdr *msg, int flags); /* in place of the kernel's */
    void (*before)(enum call call);
    void (*after)(enum call call);
    /* What happened. */
    int calls[CALLS];
    int with_control;   /* sendmsgs with control data */
    int flags;          /* of the last sendmsg or recvmsg */
} world;

static unsigned char owner[NUMBERS];
static _Thread_local int watching; /* other threads' calls are not the library's */

#define NEXT(name) ((__typeof__(name) *)next_of(&next_##name, #name))
static void *next_sendmsg, *next_recvmsg, *next_close, *next_fcntl, *next_getsockopt;
#if defined(__linux__)
static void *next_syscall;
#elif defined(__FreeBSD__)
static void *next_close_range;
#endif

static inline void *next_of(void **next, const char *name)
{
    if (!*next)
        *next = dlsym(RTLD_NEXT, name);
    return *next;
}

/* A plan is made after this. */
static inline void new_world(void)
{
    memset(&world, 0, sizeof world);
    memset(owner, NOBODYS, sizeof owner);
}

static inline long long unwatched(long long result)
{
    watching = 0;
    return result;
}

/* The call, watched. */
#define LIBRARY(call) (watching = 1, unwatched((long long)(call)))

static inline void belongs(int fd, enum owner who)
{
    CHECK(fd >= 0 && fd < NUMBERS);
    owner[fd] = (unsigned char)who;
}

static inline void give(const int *fds, int n)
{
    int i;
    for (i = 0; i < n; i++)
        belongs(fds[i], GIVEN);
}

static inline int owned_by(enum owner who)
{
    int fd, count = 0;
    for (fd = 0; fd < NUMBERS; fd++)
        count += owner[fd] == who;
    return count;
}

/* Exactly these were handed over, and nothing else is left of what the library got. */
static inline void handed_over(const int *fds, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++) {
        if (fds[i] < 0 || fds[i] >= NUMBERS || owner[fds[i]] != LIBRARYS)
            fail(__FILE__, __LINE__, "%d was handed over, but is not the library's", fds[i]);
        CHECK(is_open(fds[i]) && is_cloexec(fds[i]));
        belongs(fds[i], NOBODYS);
    }
    CHECK_INT(owned_by(LIBRARYS), 0);
}

/* Counts a call, and tells whether it has to fail. */
static inline int fails(enum call call)
{
    int i, n = ++world.calls[call];
    if (world.before)
        world.before(call);
    for (i = 0; i < FAULTS; i++) {
        const struct fault *f = &world.faults[i];
        int last = f->last ? f->last : f->first;
        if (f->first && f->call == call && n >= f->first && n <= last) {
            errno = f->error;
            return 1;
        }
    }
    return 0;
}

static inline void done(enum call call)
{
    int kept = errno;
    if (world.after)
        world.after(call);
    errno = kept;
}

/* The first `at_most` bytes of a list of buffers. */
static inline struct iovec *first_bytes(const struct msghdr *msg, size_t all, size_t *count)
{
    static struct iovec part[1024];
    size_t i, left = world.at_most;
    for (i = 0; i < all && left > 0; i++) {
        part[i] = msg->msg_iov[i];
        if (part[i].iov_len > left)
            part[i].iov_len = left;
        left -= part[i].iov_len;
    }
    *count = i;
    return part;
}

static inline void note_arrivals(struct msghdr *msg)
{
    struct cmsghdr *c;
    for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t i, n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (c->cmsg_level != SOL_SOCKET ||
            (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != SCM_PIDFD))
            continue;
        for (i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (fd >= 0)
                belongs(fd, LIBRARYS);
        }
    }
}

ssize_t sendmsg(int sock, const struct msghdr *msg, int flags)
{
    struct msghdr part = *msg;
    size_t count = 0;
    ssize_t n;
    if (!watching)
        return NEXT(sendmsg)(sock, msg, flags);
    world.flags = flags;
    if (fails(SENDMSG))
        return -1;
    world.with_control += msg->msg_controllen != 0;
    if (world.at_most) {
        part.msg_iov = first_bytes(msg, (size_t)msg->msg_iovlen, &count);
        part.msg_iovlen = (__typeof__(part.msg_iovlen))count;
    }
    n = NEXT(sendmsg)(sock, &part, flags);
    done(SENDMSG);
    return n;
}

ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
    struct iovec *all = msg->msg_iov;
    size_t count = (size_t)msg->msg_iovlen, first = 0;
    ssize_t n;
    if (!watching)
        return NEXT(recvmsg)(sock, msg, flags);
    world.flags = flags;
    if (fails(RECVMSG))
        return -1;
    if (world.recvmsg)
        return world.recvmsg(sock, msg, flags);
    if (world.at_most) {
        msg->msg_iov = first_bytes(msg, count, &first);
        msg->msg_iovlen = (__typeof__(msg->msg_iovlen))first;
    }
    n = NEXT(recvmsg)(sock, msg, flags);
    msg->msg_iov = all;
    msg->msg_iovlen = (__typeof__(msg->msg_iovlen))count;
    if (n >= 0) {
        note_arrivals(msg);
        msg->msg_flags |= world.forced_flags;
        done(RECVMSG);
    }
    return n;
}

static inline void closes(int fd)
{
    if (fd < 0 || fd >= NUMBERS || owner[fd] == NOBODYS)
        fail(__FILE__, __LINE__, "the library closes %d, which is not its own", fd);
    owner[fd] = NOBODYS;
}

int close(int fd)
{
    int r;
    if (!watching)
        return NEXT(close)(fd);
    closes(fd);
    fails(CLOSE);
    r = NEXT(close)(fd);
    if (r != 0)
        fail(__FILE__, __LINE__, "close(%d): %s", fd, strerror(errno));
    done(CLOSE);
    if (world.close_reports) {
        errno = world.close_reports;
        return -1;
    }
    return 0;
}

/* As the C library's own, these two read arguments that some callers do not pass. */
__attribute__((no_sanitize("address"))) int fcntl(int fd, int command, ...)
{
    va_list args;
    long arg;
    int r;
    enum call call = command == F_DUPFD_CLOEXEC ? DUPFD : command == F_SETFD ? SETFD : OTHER;
    va_start(args, command);
    arg = va_arg(args, long);
    va_end(args);
    if (!watching)
        return NEXT(fcntl)(fd, command, arg);
    if (fails(call))
        return -1;
    r = NEXT(fcntl)(fd, command, arg);
    if (call == DUPFD && r >= 0)
        belongs(r, LIBRARYS);
    return r;
}

int getsockopt(int sock, int level, int name, void *value, socklen_t *len)
{
    if (watching && fails(GETSOCKOPT))
        return -1;
    return NEXT(getsockopt)(sock, level, name, value, len);
}

/* Linux's by number, FreeBSD's by name. */
static inline int close_range_fails(int first, int last, int flags)
{
    int fd;
    if (fails(CLOSE_RANGE))
        return 1;
    CHECK((unsigned int)first <= (unsigned int)last && flags == 0);
    for (fd = first; fd <= last; fd++)
        CHECK(fd < NUMBERS && owner[fd] != NOBODYS && NEXT(fcntl)(fd, F_GETFD) != -1);
    return 0;
}

/* Where the kernel has not got it (before Linux 5.9, valgrind) they still have to be closed. */
static inline void close_range_has_come(int first, int last, int has_closed)
{
    int fd;
    for (fd = first; has_closed && fd <= last; fd++)
        closes(fd);
    done(CLOSE_RANGE);
}

#ifdef __FreeBSD__
int close_range(unsigned int first, unsigned int last, int flags)
{
    int r;
    if (!watching)
        return NEXT(close_range)(first, last, flags);
    if (close_range_fails((int)first, (int)last, flags))
        return -1;
    r = NEXT(close_range)(first, last, flags);
    close_range_has_come((int)first, (int)last, r == 0);
    return r;
}
#endif

#ifdef __linux__
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
    long a[6], r;
    va_list args;
    int i;
    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    /* With musl, how a large message goes. */
    if (watching && number == SYS_sendmsg) {
        world.flags = (int)a[2];
        if (fails(SENDMSG))
            return -1;
        world.with_control++;
        r = NEXT(syscall)(number, a[0], a[1], a[2]);
        done(SENDMSG);
        return r;
    }
    if (!watching)
        return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    CHECK_INT(number, SYS_close_range);
    if (close_range_fails((int)a[0], (int)a[1], (int)a[2]))
        return -1;
    r = NEXT(syscall)(number, a[0], a[1], a[2]);
    close_range_has_come((int)a[0], (int)a[1], r == 0);
    return r;
}
#endif

/* The calls since new_world: named ones as often as said, others never. A list ends with CALLS. */
static inline void called(const char *what, const int (*expected)[2])
{
    int call, times;
    for (call = 0; call < CALLS; call++) {
        const int(*e)[2] = expected;
        for (times = 0; (*e)[0] != CALLS; e++)
            if ((*e)[0] == call)
                times = (*e)[1];
        if (world.calls[call] != times)
            fail(__FILE__, __LINE__, "%s: %d %s, not %d", what, world.calls[call], call_names[call],
                 times);
    }
}

#endif
