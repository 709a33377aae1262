#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 3 };

/* How many descriptors came; -1: an error, or too many. */
int receive(int sock, int fds[MOST])
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(MOST * sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *c;
    size_t nfds = 0, i;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    if (n == -1)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        if (c->cmsg_len > CMSG_LEN(MOST * sizeof(int))) {
            int came;
            for (i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
                memcpy(&came, CMSG_DATA(c) + i * sizeof came, sizeof came);
                close(came);
            }
            return -1;
        }
        nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), nfds * sizeof(int));
    }
    if (msg.msg_flags & MSG_CTRUNC) {
        for (i = 0; i < nfds; i++)
            close(fds[i]);
        return -1;
    }
    return (int)nfds;
}
