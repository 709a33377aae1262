/* A file that the parent has opened, read by its child: written for the older libancillary. */
#include <ancillary.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(int sock)
{
    char line[64];
    FILE *f;
    int fd;

    if (ancil_recv_fd(sock, &fd) != 0) {
        perror("ancil_recv_fd");
        return 1;
    }
    f = fdopen(fd, "r");
    if (f == NULL || fgets(line, sizeof line, f) == NULL)
        return 1;
    fclose(f);
    return strcmp(line, "passed\n");
}

int main(void)
{
    char name[] = "/tmp/compat-XXXXXX";
    int sock[2], fd = mkstemp(name), status;

    if (fd < 0 || unlink(name) != 0 || write(fd, "passed\n", 7) != 7 || lseek(fd, 0, SEEK_SET) != 0)
        return 1;
    if (socketpair(PF_UNIX, SOCK_STREAM, 0, sock)) {
        perror("socketpair");
        return 1;
    }
    switch (fork()) {
    case -1:
        perror("fork");
        return 1;
    case 0:
        close(sock[0]);
        exit(child(sock[1]));
    }
    close(sock[1]);
    if (ancil_send_fd(sock[0], fd) == -1) {
        perror("ancil_send_fd");
        return 1;
    }
    close(fd);
    if (wait(&status) == -1 || status != 0)
        return 1;
    puts("passed");
    return 0;
}
