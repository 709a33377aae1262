#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Messages that end with a zero byte; the last descriptor of them, or -1. */
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
    do {
        ssize_t n;
        msg.msg_controllen = sizeof control;
        do
            n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
        while (n == -1 && errno == EINTR);
        if (n == -1)
            break;
        for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
            size_t i;
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            for (i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                int came;
                memcpy(&came, CMSG_DATA(c) + i * sizeof came, sizeof came);
                if (fd == -1)
                    fd = came; /* the first that comes is kept */
                else
                    close(came);
            }
        }
        if ((msg.msg_flags & MSG_CTRUNC) && fd != -1) {
            close(fd);
            return -1;
        }
    } while (byte != 0);
    return fd;
}
