/* broker WORKER: starts the program WORKER and hands it descriptors, each with a request.
 *
 *     cc broker.c -o broker $(pkg-config --cflags --libs ancillary)
 *
 * The broker may open things that the worker may not: that is what passing descriptors is for. Here
 * the files have lost their names before the worker hears of them. `make demo` runs the two. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define VOICE "broker"
#define VOICE_COLOUR "\033[1;36m"
#define VOICE_MARGIN ""
#include "voice.h"

#define WORKER_SOCKET 3 /* its number in the worker, told as an argument */

/* Things to hand out. All are close-on-exec: the worker gets what it is given, no more. */

struct things {
    int log, notes, listener, event, timer, memory;
};

static void open_files(struct things *t)
{
    char dir[] = "/tmp/broker-XXXXXX", path[64];
    const char notes[] = "read me, and only read me";
    int fd;

    if (mkdtemp(dir) == NULL)
        die("mkdtemp");
    snprintf(path, sizeof path, "%s/log", dir);
    t->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (t->log == -1 || unlink(path) == -1 || dprintf(t->log, "the broker was here\n") < 0)
        die(path);

    snprintf(path, sizeof path, "%s/notes", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd == -1 || write(fd, notes, strlen(notes)) == -1)
        die(path);
    close(fd);
    t->notes = open(path, O_RDONLY | O_CLOEXEC);
    if (t->notes == -1 || unlink(path) == -1 || rmdir(dir) == -1)
        die(path);
}

static struct sockaddr_in open_listener(struct things *t)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->listener == -1 || bind(t->listener, (struct sockaddr *)&address, size) == -1 || listen(t->listener, 1) == -1
        || getsockname(t->listener, (struct sockaddr *)&address, &size) == -1)
        die("listener");
    return address;
}

static void open_memory(struct things *t)
{
    t->memory = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (t->memory == -1 || dprintf(t->memory, "sealed with a kiss") < 0
        || fcntl(t->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1)
        die("memfd");
}

/* The worker. */

static pid_t start_worker(const char *program, int *sock)
{
    int pair[2];
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        die("socketpair");
    pid = fork();
    if (pid == -1)
        die("fork");
    if (pid == 0) {
        char number[12];
        snprintf(number, sizeof number, "%d", WORKER_SOCKET);
        /* dup2 onto another number clears close-on-exec; onto itself it would not. */
        if (pair[1] == WORKER_SOCKET ? fcntl(WORKER_SOCKET, F_SETFD, 0) == 0 : dup2(pair[1], WORKER_SOCKET) != -1)
            execl(program, program, number, (char *)NULL);
        perror(program);
        _exit(127);
    }
    close(pair[1]); /* or the worker's end would never be seen */
    *sock = pair[0];
    return pid;
}

/* Sends a request with the descriptor that it is about. It tells our number of it, and which file
 * that is, for the worker to compare: "log 4 2049:1234 20". */
static void request(int sock, const char *what, int fd, long fact, unsigned int flags)
{
    char text[128];
    struct stat st;
    int len;
    if (fstat(fd, &st) == -1)
        die(what);
    len = snprintf(text, sizeof text, "%s %d %lu:%lu %ld", what, fd, (unsigned long)st.st_dev, (unsigned long)st.st_ino, fact);
    if (anc_send_fds(sock, text, (size_t)len, &fd, 1, flags) != len)
        die("anc_send_fds");
}

/* Waits until the worker has done what it was asked, and gives its word for it. */
static long answer(int sock)
{
    char text[64];
    ssize_t n = anc_recv_fds(sock, text, sizeof text - 1, NULL, 0, NULL, 0);
    if (n == -1)
        die("anc_recv_fds");
    check(n > 0, "the worker answers");
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    struct things t;
    struct sockaddr_in address;
    struct itimerspec soon;
    const uint64_t seven = 7;
    const char hello[] = "Who is there?";
    char heard[64];
    ssize_t n;
    off_t before, after;
    int sock, tcp, status, count = open_descriptors();
    long workers;
    pid_t pid;

    if (argc != 2) {
        fputs("usage: broker WORKER\n", stderr);
        return 2;
    }
    open_files(&t);
    address = open_listener(&t);
    t.event = eventfd(0, EFD_CLOEXEC);
    t.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (t.event == -1 || t.timer == -1)
        die("eventfd, timerfd");
    open_memory(&t);
    pid = start_worker(argv[1], &sock);
    say("started the worker, with a socket as number %d and none of what follows", WORKER_SOCKET);

    before = lseek(t.log, 0, SEEK_CUR);
    say("sends a log file: number %d, no name, written up to %ld", t.log, (long)before);
    request(sock, "log", t.log, (long)before, 0);
    answer(sock);
    after = lseek(t.log, 0, SEEK_CUR);
    check(after > before, "the worker's line moves the broker's offset");
    say("sees its own offset move to %ld: one open file, two numbers", (long)after);

    /* With ANC_MOVE the descriptor is the worker's alone: once it has gone, our number is closed. */
    say("sends a file that it opened to read: number %d, moved", t.notes);
    request(sock, "notes", t.notes, 0, ANC_MOVE);
    answer(sock);
    check(fcntl(t.notes, F_GETFD) == -1 && errno == EBADF, "ANC_MOVE closes");

    say("sends a TCP listener: number %d, 127.0.0.1:%d", t.listener, ntohs(address.sin_port));
    request(sock, "listener", t.listener, ntohs(address.sin_port), 0);
    tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tcp == -1 || connect(tcp, (struct sockaddr *)&address, sizeof address) == -1
        || send(tcp, hello, strlen(hello), MSG_NOSIGNAL) == -1)
        die("connect");
    n = recv(tcp, heard, sizeof heard - 1, MSG_WAITALL); /* until the worker closes */
    check(n > 0, "the worker answers by TCP");
    heard[n] = '\0';
    answer(sock);
    say("hears by TCP: \"%s\"", heard);

    say("sends an eventfd: number %d, and adds 7 to it", t.event);
    request(sock, "event", t.event, 7, 0);
    if (write(t.event, &seven, sizeof seven) == -1)
        die("eventfd");
    answer(sock);

    memset(&soon, 0, sizeof soon);
    soon.it_value.tv_nsec = 50 * 1000 * 1000;
    say("sends a timerfd: number %d, set to 50 ms, moved", t.timer);
    if (timerfd_settime(t.timer, 0, &soon, NULL) == -1)
        die("timerfd_settime");
    request(sock, "timer", t.timer, 1, ANC_MOVE);
    answer(sock);

    say("sends sealed memory: number %d, moved", t.memory);
    request(sock, "memory", t.memory, 0, ANC_MOVE);
    answer(sock);

    say("says good-bye");
    if (anc_send_fds(sock, "bye", 3, NULL, 0, 0) != 3)
        die("anc_send_fds");
    workers = answer(sock); /* what it has left open */

    n = anc_recv_fds(sock, heard, sizeof heard, NULL, 0, NULL, 0);
    check(n == 0, "the worker's end is end of file");
    n = anc_send_fds(sock, "still there?", 12, NULL, 0, 0);
    check(n == -1 && errno == EPIPE, "sending to nobody is EPIPE");
    say("sees the worker hang up: receiving gives 0, sending EPIPE, and no signal kills it");
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the worker is content");

    {
        int mine[] = {t.log, t.listener, t.event, tcp, sock};
        anc_close_fds(mine, sizeof mine / sizeof *mine);
    }
    check(workers == 0, "the worker leaks no descriptor");
    check(open_descriptors() == count, "the broker leaks no descriptor");
    printf("\nNo descriptor leaked on either side: both have closed all that they got (counted).\n");
    return 0;
}
