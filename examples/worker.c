/* worker SOCKET: does what the broker at the other end of the descriptor SOCKET asks for, with the
 * descriptor that comes with each request.
 *
 *     cc worker.c -o worker $(pkg-config --cflags --libs ancillary)
 *
 * It never opens a file: it has what it was given. Started by root it becomes nobody first, and works all
 * the same: what a descriptor can do was settled when it was opened. `make demo` runs the two. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define VOICE "worker"
#define VOICE_COLOUR "\033[1;33m"
#define VOICE_MARGIN "        "
#include "voice.h"

/* For good: the groups go while there is still the right to drop them, and the user last. */
static void drop_privileges(void)
{
    const uid_t nobody = 65534;
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) == -1 || setresgid(nobody, nobody, nobody) == -1 || setresuid(nobody, nobody, nobody) == -1)
        die("dropping privileges");
    check(setuid(0) == -1 && open("/etc/shadow", O_RDONLY) == -1, "there is no way back");
    say("is nobody from here on");
}

/* What a received descriptor can do: all that the broker's own can. */

static void use_log(int fd, long offset)
{
    check(lseek(fd, 0, SEEK_CUR) == offset, "the offset is shared");
    if (dprintf(fd, "and so was the worker\n") < 0)
        die("log");
    say("finds the offset at %ld, as the broker left it, and writes a line", offset);
}

static void use_notes(int fd)
{
    char text[64];
    ssize_t n = read(fd, text, sizeof text);
    check(n > 0, "a file opened to read can be read");
    check(write(fd, "x", 1) == -1 && errno == EBADF, "a file opened to read can't be written");
    say("reads \"%.*s\"; writing fails: EBADF", (int)n, text);
}

static void use_listener(int fd)
{
    char text[64];
    const char reply[] = "The worker. You knocked at your own door.";
    ssize_t n;
    int tcp = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (tcp == -1)
        die("accept");
    n = recv(tcp, text, sizeof text, 0);
    if (n == -1 || send(tcp, reply, strlen(reply), MSG_NOSIGNAL) == -1)
        die("the accepted connection");
    close(tcp);
    say("accepts a connection on it, which asks \"%.*s\"", (int)n, text);
}

/* eventfd and timerfd alike: epoll tells when there is something to read, and 8 bytes say how much. */
static uint64_t wait_and_read(int fd)
{
    struct epoll_event event;
    uint64_t value = 0;
    int poller = epoll_create1(EPOLL_CLOEXEC);
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    if (poller == -1 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == -1)
        die("epoll");
    check(epoll_wait(poller, &event, 1, 5000) == 1, "epoll wakes up");
    close(poller);
    if (read(fd, &value, sizeof value) != sizeof value)
        die("read");
    return value;
}

static void use_memory(int fd)
{
    struct stat st;
    char *text;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals == -1 || fstat(fd, &st) == -1)
        die("memfd");
    check((seals & F_SEAL_WRITE) && (seals & F_SEAL_SHRINK), "the seals are there");
    /* Because of the seals: nobody can shorten it under the mapping, or change what was checked. */
    text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED)
        die("mmap");
    check(write(fd, "x", 1) == -1 && errno == EPERM, "sealed memory can't be written");
    say("sees the seals, maps it: \"%.*s\"; writing fails: EPERM", (int)st.st_size, text);
    munmap(text, (size_t)st.st_size);
}

/* Is it the broker's file? Numbers say nothing: each process counts its own. */
static void compare(const char *what, int fd, int theirs, unsigned long dev, unsigned long ino)
{
    struct stat st;
    char number[32];
    if (fstat(fd, &st) == -1)
        die(what);
    check(st.st_dev == dev && st.st_ino == ino, "it is the same file");
    check(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is close-on-exec");
    snprintf(number, sizeof number, fd == theirs ? "%d too" : "%d, not %d", fd, theirs);
    if ((st.st_mode & S_IFMT) == 0) /* all event and timer descriptors have one inode: it proves nothing */
        say("has it as number %s", number);
    else
        say("has it as number %s: the same file (device %lu, inode %lu)", number, dev, ino);
}

int main(int argc, char **argv)
{
    int sock, theirs, held[16], count = open_descriptors();
    size_t nheld = 0, got;
    char text[128], what[16];
    unsigned long dev, ino;
    long fact;
    ssize_t n;

    if (argc != 2) {
        fputs("usage: worker SOCKET\n", stderr);
        return 2;
    }
    sock = atoi(argv[1]);
    drop_privileges();
    for (;;) {
        int *fd = held + nheld;
        /* At most one descriptor a request: whatever else a broker might send is closed, and is an error. */
        n = anc_recv_fds(sock, text, sizeof text - 1, fd, nheld < 16 ? 1 : 0, &got, 0);
        if (n == -1)
            die("anc_recv_fds");
        check(n > 0, "the broker says good-bye before it goes");
        nheld += got; /* ours now: to be closed by us, whatever the request says */
        text[n] = '\0';
        if (strcmp(text, "bye") == 0)
            break;
        check(got == 1 && sscanf(text, "%15s %d %lu:%lu %ld", what, &theirs, &dev, &ino, &fact) == 5, "the request makes sense");

        compare(what, *fd, theirs, dev, ino);
        if (strcmp(what, "log") == 0) {
            use_log(*fd, fact);
        } else if (strcmp(what, "notes") == 0) {
            use_notes(*fd);
        } else if (strcmp(what, "listener") == 0) {
            use_listener(*fd);
        } else if (strcmp(what, "event") == 0) {
            check(wait_and_read(*fd) == (uint64_t)fact, "the eventfd counts");
            say("is woken by epoll, and reads %ld", fact);
        } else if (strcmp(what, "timer") == 0) {
            check(wait_and_read(*fd) == (uint64_t)fact, "the timer expires once");
            say("is woken by epoll when the time is up");
        } else if (strcmp(what, "memory") == 0) {
            use_memory(*fd);
        } else {
            check(0, "the request is known");
        }
        if (anc_send_fds(sock, "0", 1, NULL, 0, 0) != 1)
            die("anc_send_fds");
    }

    anc_close_fds(held, nheld);
    n = snprintf(text, sizeof text, "%d", open_descriptors() - count);
    say("closes all %d that it got: %s left", (int)nheld, text);
    if (anc_send_fds(sock, text, (size_t)n, NULL, 0, 0) != n)
        die("anc_send_fds");
    return 0;
}
