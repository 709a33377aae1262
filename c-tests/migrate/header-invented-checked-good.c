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
    for (c = CMSG_FIRSTHDR(&msg) == &control.header ? &control.header : NULL; c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        size_t i;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int came;
            memcpy(&came, CMSG_DATA(&control.header) + i * sizeof came, sizeof came);
            if (fd == -1)
                fd = came;
            else
                close(came);
        }
    }
    if ((msg.msg_flags & MSG_CTRUNC) && fd != -1) {
        close(fd);
        return -1;
    }
    return fd;
}
