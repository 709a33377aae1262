#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The user who sent the byte that waits, or -1. */
long sender(int sock)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c;
    if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET &&
            c->cmsg_type == SCM_CREDENTIALS) { /* expect: the length is not looked at: a credential that was cut reads as junk, or as root */
            struct ucred from;
            memcpy(&from, CMSG_DATA(c), sizeof from);
            return (long)from.uid;
        }
    return -1;
}
