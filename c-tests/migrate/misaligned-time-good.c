#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

/* When the datagram that waits arrived: seconds, or -1. */
long arrival(int sock)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(struct timeval))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c;
    if (recvmsg(sock, &msg, 0) == -1)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMP && c->cmsg_len == CMSG_LEN(sizeof(struct timeval))) {
            struct timeval at;
            memcpy(&at, CMSG_DATA(c), sizeof at);
            return (long)at.tv_sec;
        }
    return -1;
}
