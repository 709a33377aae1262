#include <ancillary.h>
#include <unistd.h>

int main(void)
{
    int pair[2], fd;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 || anc_send_fd(pair[0], 1, 0) == -1)
        return 1;
    fd = anc_recv_fd(pair[1], 0);
    return fd < 0 || write(fd, "passed\n", 7) != 7;
}
