/* activate PROGRAM PATH TIMES: a service manager in small. Listens at PATH, starts PROGRAM, so many times
 * one after the other, and keeps for it what it puts into the descriptor store.
 *
 *     cc activate.c -o activate $(pkg-config --cflags --libs ancillary)
 *
 * It believes a notification only if the kernel says that the service itself has sent it, and takes the
 * descriptors of no other. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST = 3, STORE = 4, NAME = 32 };

static struct {
    int fd;
    char name[NAME];
} store[STORE];
static int stored;

static void die(const char *what)
{
    fprintf(stderr, "activate: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(const char *path, int type)
{
    struct sockaddr_un a;
    int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(a.sun_path, path);
    if (sock == -1 || bind(sock, (struct sockaddr *)&a, sizeof a) == -1)
        die(path);
    return sock;
}

/* In the child: `fds` become FIRST and on. First to numbers above all of them, so that none is written over
 * before it has moved; dup2 leaves out close-on-exec, which is just what is wanted. */
static void inherit(const char *program, int *fds, int n, const char *names)
{
    char number[16];
    sigset_t none;
    int i;
    for (i = 0; i < n; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST + n)) == -1)
            _exit(126);
    for (i = 0; i < n; i++)
        if (dup2(fds[i], FIRST + i) == -1)
            _exit(126);
    snprintf(number, sizeof number, "%ld", (long)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof number, "%d", n);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execl(program, program, (char *)NULL);
    perror(program);
    _exit(127);
}

static pid_t start(const char *program, int door)
{
    int fds[1 + STORE], i;
    char names[(1 + STORE) * (NAME + 1)] = "door";
    pid_t pid;
    fds[0] = door;
    for (i = 0; i < stored; i++) {
        fds[1 + i] = store[i].fd;
        strcat(strcat(names, ":"), store[i].name);
    }
    pid = fork();
    if (pid == -1)
        die("fork");
    if (pid == 0)
        inherit(program, fds, 1 + stored, names);
    return pid;
}

static void keep(const char *text, int fd)
{
    const char *name = strstr(text, "FDNAME=");
    size_t len = name == NULL ? 0 : strcspn(name + 7, "\n:");
    if (strstr(text, "FDSTORE=1") == NULL || len == 0 || len >= NAME || stored == STORE) {
        close(fd);
        return;
    }
    memcpy(store[stored].name, name + 7, len);
    store[stored].name[len] = '\0';
    store[stored++].fd = fd;
    printf("the service stores \"%s\"\n", store[stored - 1].name);
}

/* Everything that waits. A service that has ended may have sent just before. */
static void hear(int sock, pid_t service)
{
    char text[256], control[ANC_CONTROL_MAX];
    struct iovec iov = {text, sizeof text - 1};
    struct msghdr msg;
    struct anc_info info;
    ssize_t n;
    for (;;) {
        int fd = -1;
        memset(&msg, 0, sizeof msg);
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control;
        msg.msg_controllen = sizeof control;
        n = anc_recvmsg(sock, &msg, MSG_DONTWAIT);
        if (n == -1 && errno == EAGAIN)
            return;
        if (n == -1)
            die("the notification socket");
        text[n] = '\0';
        if (anc_decode(&msg, &info, sizeof info) == 0 && info.present & ANC_CREDENTIALS && info.pid == service) {
            if (strcmp(text, "READY=1") == 0)
                printf("the service is ready\n");
            else if (anc_take_fds(&msg, &fd, 1, NULL, ANC_EXACT) == 0)
                keep(text, fd);
        } else {
            printf("somebody else speaks\n");
        }
        anc_close_unclaimed(&msg); /* those of somebody else, or too many */
    }
}

int main(int argc, char **argv)
{
    int door, notify, ended, times;
    char path[108];
    sigset_t child;
    if (argc != 4 || (times = atoi(argv[3])) < 1) {
        fputs("usage: activate PROGRAM PATH TIMES\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s.notify", argv[2]);
    notify = open_socket(path, SOCK_DGRAM);
    if (anc_want(notify, ANC_CREDENTIALS, 0, NULL) == -1 || setenv("NOTIFY_SOCKET", path, 1) == -1)
        die("anc_want");
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    ended = signalfd(-1, &child, SFD_CLOEXEC);
    door = open_socket(argv[2], SOCK_STREAM);
    if (ended == -1 || listen(door, 8) == -1)
        die("listen");
    for (; times > 0; times--) {
        struct pollfd wait_for[2] = {{notify, POLLIN, 0}, {ended, POLLIN, 0}};
        struct signalfd_siginfo info;
        pid_t service = start(argv[1], door);
        int status;
        while (poll(wait_for, 2, -1) == -1 || !wait_for[1].revents)
            hear(notify, service);
        if (read(ended, &info, sizeof info) == -1 || waitpid(service, &status, 0) == -1)
            die("waitpid");
        hear(notify, service);
        if (status != 0)
            return 1;
    }
    return 0;
}
