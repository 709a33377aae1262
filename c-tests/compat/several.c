/* Several at once, with buffers of the program's and without, as few as there are: written for the older
 * libancillary, whose declarations it repeats. */
#include <ancillary.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int send_all(int sock, const int *fds, unsigned n)
{
    ANCIL_FD_BUFFER(8) buffer;

    assert(n <= 8);
    return ancil_send_fds_with_buffer(sock, fds, n, &buffer);
}

static int receive_all(int sock, int *fds, unsigned n)
{
    ANCIL_FD_BUFFER(8) buffer;

    assert(n <= 8);
    return ancil_recv_fds_with_buffer(sock, fds, n, &buffer);
}

int main(void)
{
    int sock[2], pipes[4], got[ANCIL_MAX_N_FDS], i, n;
    char c;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock) || pipe(pipes) || pipe(pipes + 2))
        return 1;
    if (send_all(sock[0], pipes, 4) == -1 || ancil_send_fds(sock[0], pipes, 2) == -1)
        return 1;
    n = receive_all(sock[1], got, 8);
    if (n != 4) {
        printf("%d of 4 descriptors\n", n);
        return 1;
    }
    for (i = 0; i < n; i += 2)
        if (write(pipes[i + 1], "x", 1) != 1 || read(got[i], &c, 1) != 1 || c != 'x')
            return 1;
    for (i = 0; i < n; i++)
        close(got[i]);
    n = ancil_recv_fds(sock[1], got, ANCIL_MAX_N_FDS);
    if (n != 2 || got[2] != -1)
        return 1;
    close(sock[0]);
    if (ancil_recv_fd(sock[1], got) == 0)
        return 1;
    puts("passed");
    return 0;
}
