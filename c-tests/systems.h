/* What some systems lack, or have otherwise, under one name. */
#ifndef SYSTEMS_H
#define SYSTEMS_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* struct cmsghdr as the kernel has it. musl's has half of the length, and padding for the rest. */
#ifdef __linux__
typedef struct {
    size_t cmsg_len;
    int cmsg_level, cmsg_type;
} raw_header;
#else
typedef struct cmsghdr raw_header;
#endif

#ifdef __APPLE__
#define SOCK_CLOEXEC 0x10000000
#define SOCK_NONBLOCK 0x20000000
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static inline int with_flags(int fd, int cloexec, int nonblock)
{
    if (fd >= 0 && cloexec)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (fd >= 0 && nonblock)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static inline int socket_with_flags(int domain, int type, int protocol)
{
    return with_flags(socket(domain, type & 0xffff, protocol), type & SOCK_CLOEXEC, type & SOCK_NONBLOCK);
}

static inline int socketpair_with_flags(int domain, int type, int protocol, int pair[2])
{
    int i, r = socketpair(domain, type & 0xffff, protocol, pair);
    for (i = 0; r == 0 && i < 2; i++)
        with_flags(pair[i], type & SOCK_CLOEXEC, type & SOCK_NONBLOCK);
    return r;
}

static inline int accept_with_flags(int sock, struct sockaddr *from, socklen_t *len, int flags)
{
    return with_flags(accept(sock, from, len), flags & SOCK_CLOEXEC, flags & SOCK_NONBLOCK);
}

static inline int pipe_with_flags(int pair[2], int flags)
{
    int i, r = pipe(pair);
    for (i = 0; r == 0 && i < 2; i++)
        with_flags(pair[i], flags & O_CLOEXEC, flags & O_NONBLOCK);
    return r;
}

#define socket socket_with_flags
#define socketpair socketpair_with_flags
#define accept4 accept_with_flags
#define pipe2 pipe_with_flags
#endif

#if defined(__APPLE__)
#define HAS_SENDMMSG 0
#else
#define HAS_SENDMMSG 1
#endif

#ifndef __linux__
#include <errno.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/types.h>

/* Options and messages of Linux: option() and has_option() skip what wants one of them. */
#define SO_PASSCRED -1
#define SO_PASSPIDFD -1
#define SO_PASSSEC -1
#define SO_PASSRIGHTS -1
#define SO_PEERPIDFD -1
#define SO_INQ -1
#define SO_PRIORITY -1
#define SO_TIMESTAMPNS -1
#define SO_TIMESTAMPING -1
#define SCM_CREDENTIALS -1
#define SCM_PIDFD -2
#define SCM_SECURITY -3
#define SCM_TIMESTAMPNS -4
#define SCM_TIMESTAMPING -5
#ifndef SCM_TIMESTAMP
#define SCM_TIMESTAMP -6
#endif
struct ucred {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

#define SO_SNDBUFFORCE SO_SNDBUF
#define SO_RCVBUFFORCE SO_RCVBUF
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_WAITFORONE
#define MSG_WAITFORONE 0
#endif
#ifndef MSG_ERRQUEUE
#define MSG_ERRQUEUE 0
#endif
#ifndef ECHRNG
#define ECHRNG 9944
#endif
#ifndef ENODATA
#define ENODATA ENOATTR
#endif

#ifndef CMSG_ALIGN
#define CMSG_ALIGN(len) (CMSG_SPACE(len) - CMSG_SPACE(0))
#endif
#ifndef O_DIRECTORY
#define O_DIRECTORY 0
#endif

static inline pid_t gettid(void)
{
    return getpid();
}
#endif

#endif
