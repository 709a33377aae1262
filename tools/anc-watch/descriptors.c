/* Calls that copy and close descriptors, and that hand them out. */
#include "watch.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __GLIBC__
int close_range(unsigned int first, unsigned int last, int flags);
#endif

NEXT_IS(close);
NEXT_IS(dup2);
NEXT_IS(dup3);
NEXT_IS(fcntl);
NEXT_IS(ioctl);
NEXT_IS(close_range);
NEXT_IS(syscall);

static int watched_close(int fd, bool by_number)
{
    struct received what;
    int kept, result;
    bool waits = closes(fd, &what);
    forget_short_sends(fd);
    forget_partials(fd);
    result = by_number ? (int)NEXT(syscall)(SYS_close, fd) : NEXT(close)(fd);
    kept = errno;
    closed_one(fd, result == 0 || kept != EBADF, waits ? &what : NULL);
    errno = kept;
    return result;
}

TAKEN_OVER int close(int fd)
{
    return watched_close(fd, false);
}

static void close_numbers(unsigned first, unsigned last, unsigned flags)
{
    struct rlimit limit = {.rlim_cur = NUMBERS};
    unsigned fd;
    end_of_run();
    if (flags & CLOSE_RANGE_CLOEXEC) {
        for (fd = first; fd <= last && fd < NUMBERS; fd++)
            is_close_on_exec((int)fd);
        return;
    }
    raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    /* Up to the end of the table, and that is not one of the program's own. */
    sweep_range(first, last, (last >= NUMBERS - 1 || last >= limit.rlim_cur - 1) && descriptor_flags((int)last) < 0);
}

TAKEN_OVER int close_range(unsigned int first, unsigned int last, int flags)
{
    if (first <= last && !(flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
        close_numbers(first, last, (unsigned)flags);
    if (!NEXT(close_range)) {
        errno = ENOSYS;
        return -1;
    }
    return NEXT(close_range)(first, last, flags);
}

TAKEN_OVER int dup2(int fd, int to)
{
    use(fd);
    if (fd != to)
        replaced(to);
    return NEXT(dup2)(fd, to);
}

TAKEN_OVER int dup3(int fd, int to, int flags)
{
    use(fd);
    if (fd != to)
        replaced(to);
    return NEXT(dup3)(fd, to, flags);
}

static int after_fcntl(int fd, int command, void *argument, int result)
{
    int kept = errno;
    if (command == F_GETFD)
        asked_after(fd, result != -1);
    else
        use(fd);
    if (command == F_SETFD && result == 0 && ((long)argument & FD_CLOEXEC))
        is_close_on_exec(fd);
    errno = kept;
    return result;
}

/* As the C library's own, these read an argument that some callers do not pass. */
TAKEN_OVER int fcntl(int fd, int command, ...)
{
    va_list args;
    void *argument;
    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    return after_fcntl(fd, command, argument, NEXT(fcntl)(fd, command, argument));
}

#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;
#endif

TAKEN_OVER int ioctl(int fd, ioctl_request request, ...)
{
    va_list args;
    void *argument;
    int result;
    va_start(args, request);
    argument = va_arg(args, void *);
    va_end(args);
    use(fd);
    result = NEXT(ioctl)(fd, request, argument);
    if (request == FIOCLEX && result == 0)
        is_close_on_exec(fd);
    return result;
}

#ifdef __GLIBC__
NEXT_IS(fcntl64);
NEXT_IS(closefrom);

TAKEN_OVER int fcntl64(int fd, int command, ...)
{
    va_list args;
    void *argument;
    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    return after_fcntl(fd, command, argument, NEXT(fcntl64)(fd, command, argument));
}

TAKEN_OVER void closefrom(int first)
{
    close_numbers(first < 0 ? 0 : (unsigned)first, UINT_MAX, 0);
    NEXT(closefrom)(first);
}
#endif

/* Which arguments are descriptors depends on the call. All are taken for it: what is claimed too easily is
 * not reported, what is reported is true. */
TAKEN_OVER long syscall(long number, ...)
{
    long a[6];
    va_list args;
    int i;
    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    switch (number) {
    case SYS_recvmsg: return watched_recvmsg((int)a[0], (void *)a[1], (int)a[2], true);
    case SYS_recvmmsg: return watched_recvmmsg((int)a[0], (void *)a[1], (unsigned)a[2], (int)a[3], (void *)a[4], true);
    case SYS_sendmsg: return watched_sendmsg((int)a[0], (void *)a[1], (int)a[2], true);
    case SYS_close: return watched_close((int)a[0], true);
    case SYS_fcntl:
        return after_fcntl((int)a[0], (int)a[1], (void *)a[2], (int)NEXT(syscall)(number, a[0], a[1], a[2]));
    case SYS_close_range:
        if ((unsigned)a[0] <= (unsigned)a[1] && !(a[2] & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
            close_numbers((unsigned)a[0], (unsigned)a[1], (unsigned)a[2]);
        break;
    default:
        for (i = 0; i < 6; i++)
            if (a[i] >= 0 && a[i] < NUMBERS)
                may_be_used((int)a[i]);
    }
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
