#include "monitor.h"
#include <ancillary.h>

/* After a -1: 1 to try again. */
static int may_go_on(int sock, short events)
{
    struct pollfd pollfd = {.fd = sock, .events = events};
    return errno == EAGAIN && (poll(&pollfd, 1, -1) != -1 || errno == EINTR);
}

static int send_fd(int sock, int fd)
{
    while (anc_send_fd(sock, fd, ANC_ALL) == -1)
        if (!may_go_on(sock, POLLOUT))
            return -1;
    return 0;
}

static int receive_fd(int sock)
{
    int fd;
    while ((fd = anc_recv_fd(sock, ANC_ALL)) == -1)
        if (!may_go_on(sock, POLLIN))
            return -1;
    return fd;
}

const struct monitor monitor_ancillary = {send_fd, receive_fd};
