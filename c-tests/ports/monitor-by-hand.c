#include "monitor.h"

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static void wait_for(int sock, short events)
{
    struct pollfd pollfd = {.fd = sock, .events = events};
    (void)poll(&pollfd, 1, -1);
}

static int send_fd(int sock, int fd)
{
    union control control;
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg;
    struct cmsghdr *cmsg;
    ssize_t n;

    memset(&msg, 0, sizeof msg);
    memset(&control, 0, sizeof control);
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);

    while ((n = sendmsg(sock, &msg, 0)) == -1 && (errno == EAGAIN || errno == EINTR))
        wait_for(sock, POLLOUT);
    return n == 1 ? 0 : -1;
}

static int receive_fd(int sock)
{
    union control control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg;
    struct cmsghdr *cmsg;
    ssize_t n;
    int fd;

    memset(&msg, 0, sizeof msg);
    memset(&control, 0, sizeof control);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;

    while ((n = recvmsg(sock, &msg, 0)) == -1 && (errno == EAGAIN || errno == EINTR))
        wait_for(sock, POLLIN);
    if (n != 1)
        return -1;
    cmsg = CMSG_FIRSTHDR(&msg);
    if (cmsg == NULL)
        return -1;
    if (cmsg->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(cmsg), sizeof fd);
    return fd;
}

const struct monitor monitor_by_hand = {send_fd, receive_fd};
