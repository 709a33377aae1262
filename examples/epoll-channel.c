/* epoll-channel: one thread serves any number of clients over channels, and never waits for one of them.
 *
 *     cc epoll-channel.c -o epoll-channel $(pkg-config --cflags --libs ancillary)
 *
 * A client sends a message with memory to write into; the server writes the message there and sends back
 * how long it was. Channels keep each descriptor with its message over a plain stream, however the
 * kernel cuts it. The loop is three rules:
 *
 *     readable    anc_rx_recv with time-out 0, until EAGAIN
 *     to send     anc_tx_queue, then anc_tx_flush with time-out 0; on EAGAIN wait for EPOLLOUT
 *     writable    anc_tx_flush
 *
 * A client that does not read gets no more read from it: so it can't fill the server's memory. And what it
 * sends is memory, or it is refused: a pipe could be full, and make the server wait. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 10, MESSAGES = 200, LONGEST = 5000 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

struct client {
    int sock, answering; /* answering: an answer has not gone yet */
    struct anc_rx rx;
    struct anc_tx tx;
    struct anc_out out;
    struct iovec iov;
    uint32_t length; /* the answer */
    int slots[ANC_FDS_MAX];
    char rx_memory[ANC_RX_BUFFER], tx_memory[ANC_TX_BUFFER];
};

static struct client *client_new(int sock)
{
    struct client *c = malloc(sizeof *c);
    if (c == NULL)
        die("malloc");
    c->sock = sock;
    c->answering = 0;
    memset(&c->tx, 0, sizeof c->tx);
    if (anc_rx_init(&c->rx, sock, c->rx_memory, sizeof c->rx_memory, c->slots, ANC_FDS_MAX, NULL, sizeof c->rx) == -1
        || anc_tx_init(&c->tx, sock, c->tx_memory, sizeof c->tx_memory, NULL, sizeof c->tx) == -1)
        die("a channel");
    return c;
}

static int poller;

static void client_free(struct client *c)
{
    anc_tx_drop(&c->tx);
    anc_rx_close(&c->rx);
    /* close alone would leave it there: the clients, forked later, have it open too. */
    epoll_ctl(poller, EPOLL_CTL_DEL, c->sock, NULL);
    close(c->sock);
    free(c);
}

/* 1: all is said; 0: not yet; -1: the connection is over. */
static int flush(struct client *c)
{
    if (anc_tx_flush(&c->tx, 0) == 0) {
        c->answering = 0;
        return 1;
    }
    /* ETOOMANYREFS, with descriptors to send, would want a timer here: these answers have none. */
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static int answer(struct client *c, const struct anc_in *in)
{
    /* A part of a message; none or too many; lost to a full table; no memory to write into. */
    if (in->more || in->nfds != 1 || in->fds[0] < 0 || anc_fd_require(in->fds[0], ANC_FD_MEMORY, ANC_FD_WRITE, 0) == -1)
        return -1;
    c->length = write(in->fds[0], in->data, in->len) == (ssize_t)in->len ? (uint32_t)in->len : 0;
    c->iov.iov_base = &c->length;
    c->iov.iov_len = sizeof c->length;
    memset(&c->out, 0, sizeof c->out);
    c->out.iov = &c->iov;
    c->out.iovcnt = 1;
    c->answering = 1;
    if (anc_tx_queue(&c->tx, &c->out) == -1)
        return -1;
    return flush(c);
}

/* 0: go on; -1: it is over. What is left unread is in the channel: so it is asked after each answer. */
static int serve(struct client *c)
{
    struct anc_in in;
    int result;
    if (c->answering && (result = flush(c)) != 1)
        return result;
    while ((result = anc_rx_recv(&c->rx, &in, 0)) == 1)
        if ((result = answer(c, &in)) != 1) /* the descriptor, not taken, is closed by the next call */
            return result;
    return result == -1 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void loop(int clients)
{
    struct epoll_event events[16];
    while (clients > 0) {
        int n = epoll_wait(poller, events, 16, -1), i;
        if (n == -1 && errno != EINTR)
            die("epoll_wait");
        for (i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (serve(c) == -1) {
                client_free(c);
                clients--;
            } else {
                struct epoll_event event = {.events = c->answering ? EPOLLOUT : EPOLLIN, .data.ptr = c};
                if (epoll_ctl(poller, EPOLL_CTL_MOD, c->sock, &event) == -1)
                    die("epoll_ctl");
            }
        }
    }
}

/* A client: sends all before it hears anything, by a process of its own, so that both directions fill up. */

static long length_of(int message)
{
    return message * 25L % LONGEST;
}

static void send_all(int sock, int memory)
{
    static char text[LONGEST], room[ANC_TX_BUFFER];
    struct anc_tx tx;
    int i;
    memset(text, 'x', sizeof text);
    memset(&tx, 0, sizeof tx);
    if (anc_tx_init(&tx, sock, room, sizeof room, NULL, sizeof tx) == -1)
        die("anc_tx_init");
    for (i = 0; i < MESSAGES; i++) {
        struct iovec iov = {text, (size_t)length_of(i)};
        struct anc_out out = {.iov = &iov, .iovcnt = 1, .fds = &memory, .nfds = 1};
        if (anc_tx_queue(&tx, &out) == -1 || anc_tx_flush(&tx, 10000) == -1)
            die("anc_tx_flush");
    }
}

static void hear_all(int sock)
{
    static char memory[ANC_RX_BUFFER];
    static int slots[ANC_FDS_MAX];
    struct anc_rx rx;
    struct anc_in in;
    int i;
    if (anc_rx_init(&rx, sock, memory, sizeof memory, slots, ANC_FDS_MAX, NULL, sizeof rx) == -1)
        die("anc_rx_init");
    for (i = 0; i < MESSAGES; i++) {
        uint32_t length;
        if (anc_rx_recv(&rx, &in, 10000) != 1 || in.len != sizeof length)
            die("anc_rx_recv");
        memcpy(&length, in.data, sizeof length);
        if (length != length_of(i))
            die("an answer");
    }
    anc_rx_close(&rx);
}

static void client(int sock)
{
    int memory = memfd_create("page", MFD_CLOEXEC), status, i;
    long written = 0;
    struct anc_fd_info info;
    pid_t sender = fork();
    if (memory == -1 || sender == -1)
        die("a client");
    if (sender == 0) {
        send_all(sock, memory);
        _exit(0);
    }
    hear_all(sock);
    for (i = 0; i < MESSAGES; i++)
        written += length_of(i);
    if (waitpid(sender, &status, 0) == -1 || status != 0 || anc_fd_describe(memory, &info, sizeof info) == -1
        || info.size != (uint64_t)written)
        die("what was written");
}

int main(void)
{
    int i, status, good = 0;
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (i = 0; i < CLIENTS; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        int pair[2];
        pid_t pid;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
            die("socketpair");
        pid = fork();
        if (pid == -1)
            die("fork");
        if (pid == 0) {
            close(pair[0]);
            client(pair[1]);
            _exit(0);
        }
        close(pair[1]);
        event.data.ptr = client_new(pair[0]);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, pair[0], &event) == -1)
            die("epoll_ctl");
    }
    loop(CLIENTS);
    for (i = 0; i < CLIENTS; i++)
        good += wait(&status) != -1 && status == 0;
    printf("%d clients, %d messages each with a descriptor: %d well served\n", CLIENTS, MESSAGES, good);
    return good == CLIENTS ? 0 : 1;
}
