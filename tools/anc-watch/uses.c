/* Every other call of the C library that names a descriptor: whoever calls it has the number. And those
 * that make one, for the option that keeps numbers apart. */
#include "watch.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#define USES(type, name, parameters, arguments, fd)                                                \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER type name parameters                                                                \
    {                                                                                              \
        use(fd);                                                                                   \
        return NEXT(name) arguments;                                                               \
    }
#define USES_TWO(type, name, parameters, arguments, fd, other)                                     \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER type name parameters                                                                \
    {                                                                                              \
        use(fd);                                                                                   \
        use(other);                                                                                \
        return NEXT(name) arguments;                                                               \
    }

/* Reading and writing. */
USES(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n), fd)
USES(ssize_t, pread, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at), fd)
USES(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n), fd)
USES(ssize_t, preadv, (int fd, const struct iovec *iov, int n, off_t at), (fd, iov, n, at), fd)
USES(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags), fd)
USES(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at), fd)
USES(ssize_t, pwritev, (int fd, const struct iovec *iov, int n, off_t at), (fd, iov, n, at), fd)
USES(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags), fd)
USES(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence), fd)
USES(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), fd)
USES(ssize_t, recvfrom, (int fd, void *restrict buf, size_t n, int flags, struct sockaddr *restrict from, socklen_t *restrict len), (fd, buf, n, flags, from, len), fd)
USES_TWO(ssize_t, sendfile, (int to, int fd, off_t *at, size_t n), (to, fd, at, n), fd, to)
USES_TWO(ssize_t, splice, (int fd, off64_t *from, int to, off64_t *at, size_t n, unsigned flags), (fd, from, to, at, n, flags), fd, to)
USES_TWO(ssize_t, tee, (int fd, int to, size_t n, unsigned flags), (fd, to, n, flags), fd, to)
USES(ssize_t, vmsplice, (int fd, const struct iovec *iov, size_t n, unsigned flags), (fd, iov, n, flags), fd)
USES_TWO(ssize_t, copy_file_range, (int fd, off64_t *from, int to, off64_t *at, size_t n, unsigned flags), (fd, from, to, at, n, flags), fd, to)
USES(FILE *, fdopen, (int fd, const char *mode), (fd, mode), fd)
USES(DIR *, fdopendir, (int fd), (fd), fd)
USES(int, vdprintf, (int fd, const char *restrict format, va_list args), (fd, format, args), fd)
USES(int, eventfd_read, (int fd, eventfd_t *value), (fd, value), fd)
USES(int, eventfd_write, (int fd, eventfd_t value), (fd, value), fd)

/* A write also ends what is known of a short send. */
#define SENDS(type, name, parameters, arguments, fd)                                               \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER type name parameters                                                                \
    {                                                                                              \
        type result;                                                                               \
        use(fd);                                                                                   \
        result = NEXT(name) arguments;                                                             \
        if (result > 0)                                                                            \
            forget_short_sends(fd);                                                                \
        return result;                                                                             \
    }
SENDS(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n), fd)
SENDS(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n), fd)
SENDS(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags), fd)
SENDS(ssize_t, sendto, (int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len), (fd, buf, n, flags, to, len), fd)

#ifdef __GLIBC__

/* The names for 64-bit offsets. */
USES(ssize_t, pread64, (int fd, void *buf, size_t n, off64_t at), (fd, buf, n, at), fd)
USES(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at), fd)
USES(off64_t, lseek64, (int fd, off64_t at, int whence), (fd, at, whence), fd)
USES_TWO(ssize_t, sendfile64, (int to, int fd, off64_t *at, size_t n), (to, fd, at, n), fd, to)
USES(int, fstat64, (int fd, struct stat64 *st), (fd, st), fd)
USES(int, fstatat64, (int fd, const char *restrict path, struct stat64 *restrict st, int flags), (fd, path, st, flags), fd)
USES(int, fstatfs64, (int fd, struct statfs64 *st), (fd, st), fd)
USES(int, ftruncate64, (int fd, off64_t len), (fd, len), fd)
USES(void *, mmap64, (void *address, size_t n, int protection, int flags, int fd, off64_t at), (address, n, protection, flags, fd, at), flags & MAP_ANONYMOUS ? -1 : fd)

/* Programs that were compiled with _FORTIFY_SOURCE call these. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *restrict buf, size_t n, size_t room, int flags, struct sockaddr *restrict from, socklen_t *restrict len);
int __vdprintf_chk(int fd, int flag, const char *format, va_list args);
USES(ssize_t, __read_chk, (int fd, void *buf, size_t n, size_t room), (fd, buf, n, room), fd)
USES(ssize_t, __pread_chk, (int fd, void *buf, size_t n, off_t at, size_t room), (fd, buf, n, at, room), fd)
USES(ssize_t, __pread64_chk, (int fd, void *buf, size_t n, off64_t at, size_t room), (fd, buf, n, at, room), fd)
USES(ssize_t, __recv_chk, (int fd, void *buf, size_t n, size_t room, int flags), (fd, buf, n, room, flags), fd)
USES(ssize_t, __recvfrom_chk, (int fd, void *restrict buf, size_t n, size_t room, int flags, struct sockaddr *restrict from, socklen_t *restrict len), (fd, buf, n, room, flags, from, len), fd)
USES(int, __vdprintf_chk, (int fd, int flag, const char *format, va_list args), (fd, flag, format, args), fd)

int __dprintf_chk(int fd, int flag, const char *format, ...);
TAKEN_OVER int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list args;
    int result;
    va_start(args, format);
    result = __vdprintf_chk(fd, flag, format, args);
    va_end(args);
    return result;
}

#endif

TAKEN_OVER int dprintf(int fd, const char *restrict format, ...)
{
    va_list args;
    int result;
    va_start(args, format);
    result = vdprintf(fd, format, args);
    va_end(args);
    return result;
}

/* Files. */
USES(int, fstat, (int fd, struct stat *st), (fd, st), fd)
USES(int, fstatat, (int fd, const char *restrict path, struct stat *restrict st, int flags), (fd, path, st, flags), fd)
#ifdef STATX_TYPE
USES(int, statx, (int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict st), (fd, path, flags, mask, st), fd)
#endif
USES(int, fstatfs, (int fd, struct statfs *st), (fd, st), fd)
USES(int, fstatvfs, (int fd, struct statvfs *st), (fd, st), fd)
USES(int, fchmod, (int fd, mode_t mode), (fd, mode), fd)
USES(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), fd)
USES(int, fchdir, (int fd), (fd), fd)
USES(int, ftruncate, (int fd, off_t len), (fd, len), fd)
USES(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), fd)
USES(int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len), fd)
USES(int, posix_fadvise, (int fd, off_t at, off_t len, int advice), (fd, at, len, advice), fd)
USES(int, fsync, (int fd), (fd), fd)
USES(int, fdatasync, (int fd), (fd), fd)
USES(int, syncfs, (int fd), (fd), fd)
USES(int, flock, (int fd, int operation), (fd, operation), fd)
USES(int, lockf, (int fd, int command, off_t len), (fd, command, len), fd)
USES(int, futimens, (int fd, const struct timespec times[2]), (fd, times), fd)
USES(ssize_t, fgetxattr, (int fd, const char *name, void *value, size_t n), (fd, name, value, n), fd)
USES(int, fsetxattr, (int fd, const char *name, const void *value, size_t n, int flags), (fd, name, value, n, flags), fd)
USES(ssize_t, flistxattr, (int fd, char *list, size_t n), (fd, list, n), fd)
USES(void *, mmap, (void *address, size_t n, int protection, int flags, int fd, off_t at), (address, n, protection, flags, fd, at), flags & MAP_ANONYMOUS ? -1 : fd)
USES(int, faccessat, (int fd, const char *path, int mode, int flags), (fd, path, mode, flags), fd)
USES(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode), fd)
USES(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags), fd)
USES(ssize_t, readlinkat, (int fd, const char *restrict path, char *restrict buf, size_t n), (fd, path, buf, n), fd)
USES(int, symlinkat, (const char *target, int fd, const char *path), (target, fd, path), fd)
USES(int, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags), fd)
USES(int, fchownat, (int fd, const char *path, uid_t user, gid_t group, int flags), (fd, path, user, group, flags), fd)
USES(int, utimensat, (int fd, const char *path, const struct timespec times[2], int flags), (fd, path, times, flags), fd)
USES_TWO(int, renameat, (int fd, const char *path, int to, const char *name), (fd, path, to, name), fd, to)
USES_TWO(int, linkat, (int fd, const char *path, int to, const char *name, int flags), (fd, path, to, name, flags), fd, to)

/* Terminals, sockets, and what waits. */
USES(int, isatty, (int fd), (fd), fd)
USES(char *, ttyname, (int fd), (fd), fd)
USES(int, ttyname_r, (int fd, char *buf, size_t n), (fd, buf, n), fd)
USES(int, tcgetattr, (int fd, struct termios *to), (fd, to), fd)
USES(int, tcsetattr, (int fd, int when, const struct termios *to), (fd, when, to), fd)
USES(pid_t, tcgetpgrp, (int fd), (fd), fd)
USES(int, tcsetpgrp, (int fd, pid_t group), (fd, group), fd)
USES(int, bind, (int fd, const struct sockaddr *address, socklen_t n), (fd, address, n), fd)
USES(int, connect, (int fd, const struct sockaddr *address, socklen_t n), (fd, address, n), fd)
USES(int, listen, (int fd, int n), (fd, n), fd)
USES(int, shutdown, (int fd, int how), (fd, how), fd)
USES(int, getsockname, (int fd, struct sockaddr *restrict address, socklen_t *restrict n), (fd, address, n), fd)
USES(int, getpeername, (int fd, struct sockaddr *restrict address, socklen_t *restrict n), (fd, address, n), fd)
USES(int, getsockopt, (int fd, int level, int name, void *restrict value, socklen_t *restrict n), (fd, level, name, value, n), fd)
USES(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t n), (fd, level, name, value, n), fd)
USES_TWO(int, epoll_ctl, (int fd, int operation, int other, struct epoll_event *event), (fd, operation, other, event), fd, operation == EPOLL_CTL_DEL ? -1 : other)
USES(int, epoll_wait, (int fd, struct epoll_event *events, int n, int timeout), (fd, events, n, timeout), fd)
USES(int, epoll_pwait, (int fd, struct epoll_event *events, int n, int timeout, const sigset_t *set), (fd, events, n, timeout, set), fd)
USES(int, timerfd_settime, (int fd, int flags, const struct itimerspec *new, struct itimerspec *old), (fd, flags, new, old), fd)
USES(int, timerfd_gettime, (int fd, struct itimerspec *now), (fd, now), fd)
USES(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), fd)
USES(int, waitid, (idtype_t which, id_t id, siginfo_t *info, int options), (which, id, info, options), which == P_PIDFD ? (int)id : -1)
USES(int, setns, (int fd, int type), (fd, type), fd)
USES_TWO(int, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t *actions, int fd, int to), (actions, fd, to), fd, -1)
USES(int, posix_spawn_file_actions_addclose, (posix_spawn_file_actions_t *actions, int fd), (actions, fd), fd)

int pidfd_send_signal(int fd, int number, siginfo_t *info, unsigned flags);
USES(int, pidfd_send_signal, (int fd, int number, siginfo_t *info, unsigned flags), (fd, number, info, flags), fd)

static void use_polled(const struct pollfd *fds, nfds_t n)
{
    struct pollfd one;
    nfds_t i;
    for (i = 0; i < n && copy_in(&one, &fds[i], sizeof one); i++)
        use(one.fd);
}

NEXT_IS(poll);
TAKEN_OVER int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    use_polled(fds, n);
    return NEXT(poll)(fds, n, timeout);
}

NEXT_IS(ppoll);
TAKEN_OVER int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *set)
{
    use_polled(fds, n);
    return NEXT(ppoll)(fds, n, timeout, set);
}

#ifdef __GLIBC__
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
NEXT_IS(__poll_chk);
TAKEN_OVER int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    use_polled(fds, n);
    return NEXT(__poll_chk)(fds, n, timeout, room);
}
#endif

static void use_selected(int n, const fd_set *set)
{
    int fd;
    for (fd = 0; set && fd < n && fd < FD_SETSIZE; fd++)
        if (FD_ISSET(fd, set))
            use(fd);
}

NEXT_IS(select);
TAKEN_OVER int select(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict other, struct timeval *restrict timeout)
{
    use_selected(n, in);
    use_selected(n, out);
    use_selected(n, other);
    return NEXT(select)(n, in, out, other, timeout);
}

NEXT_IS(pselect);
TAKEN_OVER int pselect(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict other, const struct timespec *restrict timeout, const sigset_t *restrict set)
{
    use_selected(n, in);
    use_selected(n, out);
    use_selected(n, other);
    return NEXT(pselect)(n, in, out, other, timeout, set);
}

/* The number of a received descriptor that was closed is not given out again, as long as there are others:
 * whoever uses it still has kept it too long. */
static int kept_apart(int fd)
{
    int from = fd + 1, to, command;
    if (!was_closed(fd))
        return fd;
    if (!options.unique) {
        given_out_again(fd);
        return fd;
    }
    command = descriptor_flags(fd) & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;
    for (;;) {
        while (was_closed(from))
            from++;
        to = (int)raw3(SYS_fcntl, fd, command, from);
        if (to < 0)
            return fd;
        if (!was_closed(to))
            break;
        raw1(SYS_close, to);
        from = to + 1;
    }
    raw1(SYS_close, fd);
    return to;
}

#define MAKES(name, parameters, arguments)                                                         \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER int name parameters                                                                 \
    {                                                                                              \
        return kept_apart(NEXT(name) arguments);                                                   \
    }
#define MAKES_FROM(name, parameters, arguments, fd)                                                \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER int name parameters                                                                 \
    {                                                                                              \
        use(fd);                                                                                   \
        return kept_apart(NEXT(name) arguments);                                                   \
    }
#define OPENS(name, parameters, arguments, fd)                                                     \
    NEXT_IS(name);                                                                                 \
    TAKEN_OVER int name parameters                                                                 \
    {                                                                                              \
        va_list args;                                                                              \
        mode_t mode;                                                                               \
        va_start(args, flags);                                                                     \
        mode = va_arg(args, mode_t);                                                               \
        va_end(args);                                                                              \
        use(fd);                                                                                   \
        return kept_apart(NEXT(name) arguments);                                                   \
    }

OPENS(open, (const char *path, int flags, ...), (path, flags, mode), -1)
OPENS(openat, (int dir, const char *path, int flags, ...), (dir, path, flags, mode), dir)
#ifdef __GLIBC__
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode), -1)
OPENS(openat64, (int dir, const char *path, int flags, ...), (dir, path, flags, mode), dir)
#endif
MAKES(socket, (int domain, int type, int protocol), (domain, type, protocol))
MAKES(eventfd, (unsigned value, int flags), (value, flags))
MAKES(epoll_create1, (int flags), (flags))
MAKES(memfd_create, (const char *name, unsigned flags), (name, flags))
MAKES(timerfd_create, (clockid_t clock, int flags), (clock, flags))
MAKES(inotify_init1, (int flags), (flags))
MAKES_FROM(signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), fd)
MAKES_FROM(accept, (int fd, struct sockaddr *restrict address, socklen_t *restrict n), (fd, address, n), fd)
MAKES_FROM(accept4, (int fd, struct sockaddr *restrict address, socklen_t *restrict n, int flags), (fd, address, n, flags), fd)
MAKES_FROM(dup, (int fd), (fd), fd)

static int pair_apart(int result, int fds[2])
{
    if (result == 0) {
        fds[0] = kept_apart(fds[0]);
        fds[1] = kept_apart(fds[1]);
    }
    return result;
}

NEXT_IS(socketpair);
TAKEN_OVER int socketpair(int domain, int type, int protocol, int fds[2])
{
    return pair_apart(NEXT(socketpair)(domain, type, protocol, fds), fds);
}

NEXT_IS(pipe);
TAKEN_OVER int pipe(int fds[2])
{
    return pair_apart(NEXT(pipe)(fds), fds);
}

NEXT_IS(pipe2);
TAKEN_OVER int pipe2(int fds[2], int flags)
{
    return pair_apart(NEXT(pipe2)(fds, flags), fds);
}
