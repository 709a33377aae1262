/* A cursor that serves for more than the one descriptor: all that is about it stays, and the file compiles. */
#define _GNU_SOURCE
#include <string.h>
#if __STDC_VERSION__ >= 201112L
#include <sys/un.h>
#endif
#include <unistd.h>

ssize_t give(int sock, int fd);
ssize_t give(int sock, int fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c;
    memset(&control, 0, sizeof control);
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    msg.msg_controllen = c->cmsg_len;
    return sendmsg(sock, &msg, 0);
}

int receive(struct msghdr *from, int sock);
int receive(struct msghdr *from, int sock)
{
    struct msghdr msg = *from;
    struct cmsghdr *c;
    int fd = -1;
    if (recvmsg(sock, &msg, 0) != 1)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        fd = *(int *)CMSG_DATA(c);
    if (c && c->cmsg_len != CMSG_LEN(sizeof(int)))
        return -2;
    return fd;
}
