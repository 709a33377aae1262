#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The descriptor that comes with a byte, or -1. */
int receive(int sock)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c;
    int fd = -1;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    if (n == -1)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c != NULL && c->cmsg_len == CMSG_LEN(sizeof(int)))
        fd = *(int *)CMSG_DATA(c); /* expect: the type is not looked at: under SO_PASSCRED this is the sender's pid */
    if ((msg.msg_flags & MSG_CTRUNC) && fd != -1) {
        close(fd);
        return -1;
    }
    return fd;
}
