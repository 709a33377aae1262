#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int give(int sock, int fd)
{
    struct cmsghdr *control = malloc(sizeof(struct cmsghdr) + sizeof(int)); /* expect: the size is put together without padding: ANC_SPACE, ANC_FDS_SPACE */
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg;
    struct cmsghdr *c;
    ssize_t sent;
    memset(&msg, 0, sizeof msg);
    memset(control, 0, CMSG_SPACE(sizeof(int)));
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control;
    msg.msg_controllen = CMSG_SPACE(sizeof(int));
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    free(control);
    return sent == 1 ? 0 : -1;
}
