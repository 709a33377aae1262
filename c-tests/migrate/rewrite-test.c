/* The peer of rewrite.c, before and after. With the argument `rewritten`, what the rewriting is for too. */
#define _GNU_SOURCE
#include "rewrite.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *what)
{
    if (!holds) {
        printf("FAIL %s\n", what);
        failed = 1;
    }
}

static int same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

static int open_descriptors(void)
{
    int fd, count = 0;
    for (fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void send_two(int sock, int fd)
{
    int fds[2] = {fd, fd};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof fds)];
    } control;
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    check(sendmsg(sock, &msg, MSG_NOSIGNAL) == 1, "two are sent");
}

int main(int argc, char **argv)
{
    int (*gives[])(int, int) = {give, give_by_pointer};
    int (*receives[])(int) = {receive, receive_in_braces, receive_first};
    int pair[2], pipes[2], rewritten = argc > 1 && strcmp(argv[1], "rewritten") == 0, before, fd, i, j;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 || pipe2(pipes, O_CLOEXEC) == -1)
        return 1;
    before = open_descriptors();
    for (i = 0; i < 2; i++)
        for (j = 0; j < 3; j++) {
            check(gives[i](pair[0], pipes[0]) == 0, "one is sent");
            fd = receives[j](pair[1]);
            check(fd >= 0 && same_file(fd, pipes[0]), "and arrives");
            close(fd);
            check(send(pair[0], "x", 1, 0) == 1 && receives[j](pair[1]) == -1, "none is none");
        }
    check(user(pair[0]) == (long)geteuid(), "the peer's user");
    check(open_descriptors() == before, "nothing stays open");
    if (rewritten) {
        for (j = 0; j < 3; j++) {
            send_two(pair[0], pipes[0]);
            check(receives[j](pair[1]) == -1, "two are refused");
        }
        check(open_descriptors() == before, "and both are closed");
        give(pair[0], pipes[0]);
        fd = receive_first(pair[1]);
        check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "close-on-exec from the receive");
        close(fd);
        close(pair[1]);
        check(give(pair[0], pipes[0]) == -1, "no SIGPIPE"); /* which would end this process */
    } else {
        for (j = 0; j < 3; j++) {
            send_two(pair[0], pipes[0]);
            close(receives[j](pair[1]));
        }
        check(open_descriptors() != before, "by hand the second stays open");
    }
    return failed;
}
