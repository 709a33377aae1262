/* hand-over LISTENER...: an echo server that replaces itself under load. LISTENER is unix:PATH, or
 * tcp:PORT on the loopback.
 *
 *     cc hand-over.c -o hand-over $(pkg-config --cflags --libs ancillary)
 *
 * On SIGUSR2 it starts the program that is now at its path, and hands over its listeners, its
 * connections and the bytes that it owes them. No connection and no byte is dropped or doubled: either
 * the successor has taken over everything, or the server goes on as if nothing had happened.
 * hand-over.h tells how. `sh selftest.sh` runs it with thousands of connections, and with successors
 * that fail in every way. */
#define _GNU_SOURCE
#include "hand-over.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef DEADLINE_MS
#define DEADLINE_MS 10000 /* from the start of a successor to its READY */
#endif

enum { ROOM = 4096 };

/* A listener or a connection. */
struct source {
    enum kind kind;
    int fd;
    uint64_t number;  /* its name, over all generations: higher than those of all that are older */
    uint32_t events;  /* what epoll watches it for; 0: not watched */
    size_t from, to;
    char bytes[ROOM]; /* from..to: a listener's name; what a connection has sent and not got back */
    TAILQ_ENTRY(source) link;
    struct message message;
};

static TAILQ_HEAD(sources, source) sources = TAILQ_HEAD_INITIALIZER(sources); /* by number: listeners first */
static int poller;
static struct talk talk; /* with the predecessor, and later with the successor */
static pid_t successor;

static void die(const char *what)
{
    fprintf(stderr, "hand-over %ld: %s: %s\n", (long)getpid(), what, strerror(errno));
    exit(1);
}

static uint64_t newest(void)
{
    struct source *last = TAILQ_LAST(&sources, sources);
    return last == NULL ? 0 : last->number;
}

static void report(const char *what)
{
    size_t connections = 0, owed = 0;
    struct source *s;
    TAILQ_FOREACH(s, &sources, link)
        if (s->kind == CONNECTION) {
            connections++;
            owed += s->to - s->from;
        }
    printf("%ld %s: %zu connections are owed %zu bytes\n", (long)getpid(), what, connections, owed);
    fflush(stdout);
}

/* The server. */

static struct source *add(enum kind kind, uint64_t number, int fd)
{
    struct source *s = calloc(1, sizeof *s);
    if (s == NULL)
        die("calloc");
    s->kind = kind;
    s->number = number;
    s->fd = fd;
    TAILQ_INSERT_TAIL(&sources, s, link);
    return s;
}

/* A connection is read only when all that was read has gone back. */
static void watch(struct source *s)
{
    uint32_t events = s->kind == CONNECTION && s->from != s->to ? EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (events != s->events && epoll_ctl(poller, s->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, s->fd, &event) == -1)
        die("epoll_ctl");
    s->events = events;
}

static void drop(struct source *s)
{
    /* close alone would leave it there as long as a predecessor that is about to exit has it open too. */
    epoll_ctl(poller, EPOLL_CTL_DEL, s->fd, NULL);
    close(s->fd);
    TAILQ_REMOVE(&sources, s, link);
    free(s);
}

static void welcome(const struct source *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd != -1)
        watch(add(CONNECTION, newest() + 1, fd));
}

static void echo(struct source *s)
{
    ssize_t n;
    if (s->from == s->to) {
        n = recv(s->fd, s->bytes, ROOM, 0);
        if (n == -1 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop(s);
            return;
        }
        s->from = 0;
        s->to = (size_t)n;
    }
    n = send(s->fd, s->bytes + s->from, s->to - s->from, MSG_NOSIGNAL);
    if (n == -1 && errno != EAGAIN) {
        drop(s);
        return;
    }
    s->from += n > 0 ? (size_t)n : 0;
    watch(s);
}

static void open_listener(const char *name)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int is_unix = strncmp(name, "unix:", 5) == 0, one = 1;
    int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct source *s = add(LISTENER, newest() + 1, fd);

    s->to = strlen(name);
    if (s->to > ROOM)
        die(name);
    memcpy(s->bytes, name, s->to);
    strncpy(path.sun_path, name + 5, sizeof path.sun_path - 1);
    port.sin_port = htons((uint16_t)atoi(name + 4));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, is_unix ? (void *)&path : (void *)&port, is_unix ? sizeof path : sizeof port) == -1
        || listen(fd, SOMAXCONN) == -1)
        die(name);
}

/* The predecessor. */

/* Whether one was started; where not, nothing has changed. */
static int has_started_successor(char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &talk};
    char number[12];
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
        return 0;
    successor = -1;
    if (talk_start(&talk, pair[0], DEADLINE_MS) && epoll_ctl(poller, EPOLL_CTL_ADD, pair[0], &event) == 0)
        successor = fork();
    if (successor == 0) {
        snprintf(number, sizeof number, "%d", pair[1]);
        if (fcntl(pair[1], F_SETFD, 0) == 0 && setenv(HAND_OVER, number, 1) == 0)
            execvp(argv[0], argv);
        _exit(127);
    }
    close(pair[1]); /* or the successor's death would not be seen */
    if (successor == -1) {
        successor = 0;
        close(pair[0]);
    }
    return successor != 0;
}

/* Goes on serving, which it may only when the successor is dead (rule 2). */
static void give_up(void)
{
    kill(successor, SIGKILL);
    while (waitpid(successor, NULL, 0) == -1 && errno == EINTR)
        ;
    successor = 0;
    talk_end(&talk);
    close(talk.sock);
    report("goes on");
}

/* Whether the successor serves. It has said something; that should be HELLO. */
static int has_handed_over(void)
{
    uint64_t count = 0;
    struct source *s;

    if (!talk_hears(&talk, HELLO))
        return 0;
    TAILQ_FOREACH(s, &sources, link) {
        if (!talk_queue(&talk, &s->message, s->kind, s->number, s->bytes + s->from, s->to - s->from, &s->fd))
            return 0;
        count++;
    }
    if (!talk_say(&talk, END, count) || !talk_hears(&talk, READY) || !talk_say(&talk, GO, 0))
        return 0;
    talk.deadline = -1;
    return talk_hears(&talk, TAKEN);
}

/* The successor. Whatever it does not like, it exits: the predecessor goes on. */

static void require(int is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "hand-over %ld: %s: does not take over\n", (long)getpid(), what);
        exit(1);
    }
}

static int option(int fd, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &size) == -1 ? -1 : value;
}

static void take(const struct item *item, struct anc_in *in)
{
    size_t len = in->len - sizeof *item;
    struct source *s;

    require(item->kind == LISTENER || item->kind == CONNECTION, "an unknown message");
    require(item->number > newest(), "a number came twice");
    require(len <= ROOM, "too many bytes");
    require(in->nfds == 1 && in->fds[0] >= 0, "a descriptor did not come"); /* negative: the table is full */
    require(option(in->fds[0], SO_TYPE) == SOCK_STREAM && option(in->fds[0], SO_ACCEPTCONN) == (item->kind == LISTENER),
            "another kind of descriptor");
    s = add(item->kind, item->number, in->fds[0]);
    in->fds[0] = -1; /* ours */
    memcpy(s->bytes, (const char *)in->data + sizeof *item, len);
    s->to = len;
}

/* Whether the listeners are those of the command line, in their order. */
static int are_wanted(char **names)
{
    struct source *s;
    TAILQ_FOREACH(s, &sources, link) {
        if (s->kind != LISTENER)
            break;
        if (*names == NULL || strlen(*names) != s->to || memcmp(*names, s->bytes, s->to) != 0)
            return 0;
        names++;
    }
    return *names == NULL;
}

static void take_over(int sock, char **names)
{
    struct item item;
    struct anc_in in;
    uint64_t count = 0;
    int heard;

    require(talk_start(&talk, sock, -1) && talk_say(&talk, HELLO, 0), "channel");
    for (;;) {
        require(talk_hear(&talk, &item, &in) == 1, "the predecessor has died, or speaks nonsense");
        if (item.kind == END)
            break;
        take(&item, &in);
        count++;
    }
    require(item.number == count, "something is missing");
    require(are_wanted(names), "other listeners");
    talk_say(&talk, READY, 0); /* fails where the predecessor has just died: the end follows */
    heard = talk_hear(&talk, &item, &in);
    require(heard == 0 || (heard == 1 && item.kind == GO), "the predecessor does not say GO");
    talk_say(&talk, TAKEN, 0); /* fails where it has died: rule 1 */
    talk_end(&talk);
    close(sock);
    report("has taken over");
}

int main(int argc, char **argv)
{
    const char *sock = getenv(HAND_OVER);
    struct epoll_event events[64], event = {.events = EPOLLIN};
    struct signalfd_siginfo info;
    struct source *s;
    sigset_t usr2;
    int signals, i, n;

    if (argc < 2) {
        fputs("usage: hand-over LISTENER...\n", stderr);
        return 2;
    }
    /* A successor inherits this, so that a request that comes before it listens waits, and kills nobody. */
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    signals = signalfd(-1, &usr2, SFD_CLOEXEC | SFD_NONBLOCK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    event.data.ptr = &signals;
    if (signals == -1 || poller == -1 || epoll_ctl(poller, EPOLL_CTL_ADD, signals, &event) == -1)
        die("epoll");
    if (sock != NULL)
        take_over(atoi(sock), argv + 1);
    else
        for (i = 1; i < argc; i++)
            open_listener(argv[i]);
    TAILQ_FOREACH(s, &sources, link)
        watch(s);
    if (sock == NULL)
        report("serves");

    for (;;) {
        n = epoll_wait(poller, events, 64, successor == 0 ? -1 : talk_left(&talk));
        for (i = 0; i < n; i++) {
            s = events[i].data.ptr;
            if (events[i].data.ptr == &signals) {
                if (read(signals, &info, sizeof info) > 0 && successor == 0 && !has_started_successor(argv))
                    report("goes on");
            } else if (events[i].data.ptr == &talk) {
                if (has_handed_over())
                    return 0;
                give_up();
            } else if (s->kind == LISTENER) {
                welcome(s);
            } else {
                echo(s);
            }
        }
        if (successor != 0 && talk_left(&talk) == 0)
            give_up();
    }
}
