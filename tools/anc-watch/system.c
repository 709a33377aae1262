/* The C library's own functions, and plain system calls. */
#include "watch.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

NEXT_IS(syscall);

extern struct next __start_nexts[], __stop_nexts[];

void *look_up(struct next *next)
{
    next->function = dlsym(RTLD_NEXT, next->name);
    return next->function;
}

void look_up_all(void)
{
    struct next *next;
    for (next = __start_nexts; next < __stop_nexts; next++)
        look_up(next);
}

long raw(long number, ...)
{
    int kept = errno, i;
    long a[6], result;
    va_list args;
    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    result = NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == -1)
        result = -errno;
    errno = kept;
    return result;
}

/* The kernel copies, and says EFAULT where the program would be killed. Where a filter forbids it, the
 * memory is taken to be there. */
bool copy_in(void *to, const void *from, size_t len)
{
    struct iovec here = {to, len}, there = {(void *)from, len};
    long n = raw6(SYS_process_vm_readv, raw0(SYS_getpid), &here, 1, &there, 1, 0);
    if (n == -ENOSYS || n == -EPERM) {
        __builtin_memcpy(to, from, len);
        return true;
    }
    return n == (long)len;
}

long with_room(long (*make)(void *), void *argument)
{
    struct rlimit old, more;
    long result = make(argument);
    if (result != -EMFILE || raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &old) != 0)
        return result;
    more = old;
    more.rlim_cur += 8;
    if (more.rlim_cur > more.rlim_max && raw0(SYS_geteuid) == 0)
        more.rlim_max = more.rlim_cur;
    if (more.rlim_cur > more.rlim_max)
        more.rlim_cur = more.rlim_max;
    if (raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, &more, NULL) != 0)
        return result;
    result = make(argument);
    raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, &old, NULL);
    return result;
}

int descriptor_flags(int fd)
{
    long flags = raw3(SYS_fcntl, fd, F_GETFD, 0);
    return flags < 0 ? -1 : (int)flags;
}

int socket_type(int fd)
{
    int type = -1;
    socklen_t len = sizeof type;
    return raw5(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ? -1 : type;
}

/* glibc's and musl's own word for it; without it, no. */
extern char __libc_single_threaded __attribute__((weak));

bool single_threaded(void)
{
    return &__libc_single_threaded && __libc_single_threaded;
}
