/* Links: -luring */
/* Channels in other people's loops: edge-triggered epoll, io_uring, threads. */
#include "channel.h"
#include <liburing.h>
#include <sys/epoll.h>

/* The i-th message of a direction: size and descriptors follow from its number. */

static size_t len_of(int i)
{
    return i % 37 == 0 ? (size_t)i * 131 % 70000 : (size_t)i * 29 % 500;
}

static size_t nfds_of(int i)
{
    return i % 5 == 0 ? (size_t)(i / 5 % 4) : i % 401 == 7 ? 300 : 0;
}

static const struct anc_limits limits = {0, 300, 0, 0};
enum { MOST_FDS = 300, MOST_LEN = 70000, LENT = 16, TO_RECEIVE = 2000 };

/* One end, which sends and receives `TO_RECEIVE` messages. */
struct end {
    int sock;
    struct anc_tx tx;
    struct anc_rx rx;
    int slots[ANC_FDS_MAX];
    char out[ANC_TX_BUFFER], in[ANC_RX_BUFFER];
    /* Sent. */
    struct anc_out messages[LENT];
    struct iovec iov[LENT];
    int fds[LENT][MOST_FDS];
    int queued; /* the next to be queued */
    /* Received. */
    int received;
    size_t len, nfds; /* of the message at hand */
};

static unsigned char pattern[MOST_LEN + 256];
static struct end a, b;

static void start_end(struct end *e, int sock)
{
    size_t i;
    widen_table();
    for (i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i * 7 + i / 251);
    memset(e, 0, sizeof *e);
    e->sock = sock;
    for (i = 0; i < LENT; i++)
        e->messages[i].state = ANC_OUT_DONE;
    CHECK_OK(anc_tx_init(&e->tx, sock, e->out, sizeof e->out, &limits, sizeof e->tx), 0);
    CHECK_OK(anc_rx_init(&e->rx, sock, e->in, sizeof e->in, e->slots, ANC_FDS_MAX, &limits, sizeof e->rx), 0);
}

/* Queues the next message, if its place is free. */
static int queue_next(struct end *e)
{
    int i = e->queued, place = i % LENT;
    size_t f;
    if (i == TO_RECEIVE || e->messages[place].state != ANC_OUT_DONE)
        return 0;
    e->iov[place] = (struct iovec){pattern + i % 256, len_of(i)};
    for (f = 0; f < nfds_of(i); f++)
        e->fds[place][f] = numbered((unsigned int)(i + (int)f + 1));
    e->messages[place] = (struct anc_out){.iov = &e->iov[place], .iovcnt = 1, .fds = e->fds[place], .nfds = nfds_of(i),
                                          .flags = ANC_MOVE};
    CHECK_OK(anc_tx_queue(&e->tx, &e->messages[place]), 0);
    e->queued++;
    return 1;
}

static void take(struct end *e, const struct anc_in *in)
{
    int i = e->received;
    size_t f;
    CHECK_CASE(e->len + in->len <= len_of(i) && e->nfds + in->nfds <= nfds_of(i), "message %d", i);
    CHECK_CASE(memcmp(in->data, pattern + i % 256 + e->len, in->len) == 0, "message %d", i);
    for (f = 0; f < in->nfds; f++)
        CHECK_INT(number_of(in->fds[f]), i + (int)(e->nfds + f) + 1);
    e->len += in->len;
    e->nfds += in->nfds;
    if (!in->more) {
        CHECK_CASE(e->len == len_of(i) && e->nfds == nfds_of(i), "message %d", i);
        e->received++;
        e->len = e->nfds = 0;
    }
}

static int is_finished(const struct end *e)
{
    return e->received == TO_RECEIVE && e->queued == TO_RECEIVE && e->messages[(TO_RECEIVE - 1) % LENT].state == ANC_OUT_DONE;
}

static void stop_end(struct end *e)
{
    anc_tx_drop(&e->tx);
    anc_rx_close(&e->rx);
}

/* Edge-triggered epoll: readiness is told once, so every call is made until it would wait. */

static void send_what_goes(struct end *e, int *wait_ms)
{
    do {
        while (queue_next(e))
            ;
        errno = 4242;
        if (anc_tx_flush(&e->tx, 0) != 0) {
            CHECK(errno == EAGAIN || errno == ETOOMANYREFS);
            if (errno == ETOOMANYREFS)
                *wait_ms = 1; /* no edge will tell */
            return;
        }
        CHECK_INT(errno, 4242);
    } while (e->queued < TO_RECEIVE);
}

static void receive_what_came(struct end *e)
{
    struct anc_in in;
    int r;
    while (errno = 4242, (r = anc_rx_recv(&e->rx, &in, 0)) == 1) {
        CHECK_INT(errno, 4242);
        take(e, &in);
    }
    CHECK(r == -1 && errno == EAGAIN);
}

static void epoll_loop(struct end *ends, int n)
{
    struct epoll_event event, events[2];
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), i, open = n;
    CHECK(poll_fd >= 0);
    for (i = 0; i < n; i++) {
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.ptr = &ends[i];
        CHECK(epoll_ctl(poll_fd, EPOLL_CTL_ADD, ends[i].sock, &event) == 0);
    }
    while (open > 0) {
        int wait_ms = 20000, ready;
        for (i = 0, open = 0; i < n; i++)
            open += !is_finished(&ends[i]);
        if (open == 0)
            break;
        for (i = 0; i < n; i++)
            send_what_goes(&ends[i], &wait_ms);
        ready = epoll_wait(poll_fd, events, 2, wait_ms);
        CHECK(ready > 0 || (ready == 0 && wait_ms == 1)); /* else an edge was missed */
        for (i = 0; i < ready; i++)
            receive_what_came(events[i].data.ptr);
    }
    close(poll_fd);
}

TEST(an_edge_triggered_loop_misses_no_message)
{
    FOR_BOTH(type) {
        static struct end ends[2];
        int pair[2], i;
        socket_pair(type | SOCK_NONBLOCK, pair);
        for (i = 0; i < 2; i++)
            start_end(&ends[i], pair[i]);
        epoll_loop(ends, 2);
        for (i = 0; i < 2; i++)
            stop_end(&ends[i]);
        close_both(pair);
    }
}

TEST(an_edge_triggered_server_and_client_in_two_processes)
{
    FOR_BOTH(type) {
        int pair[2];
        pid_t child;
        socket_pair(type | SOCK_NONBLOCK, pair);
        child = fork();
        if (child == 0) {
            alarm(100);
            close(pair[1]);
            start_end(&b, pair[0]);
            epoll_loop(&b, 1);
            stop_end(&b);
            _exit(0);
        }
        start_end(&a, pair[1]);
        epoll_loop(&a, 1);
        stop_end(&a);
        check_child(child);
        close_both(pair);
    }
}

/* Threads: each end is used by two, of which one sends and one receives. */

static void *send_all(void *end)
{
    struct end *e = end;
    while (e->queued < TO_RECEIVE) {
        while (queue_next(e))
            ;
        CHECK_OK(anc_tx_flush(&e->tx, -1), 0);
    }
    return NULL;
}

static void *receive_all(void *end)
{
    struct end *e = end;
    while (e->received < TO_RECEIVE) {
        struct anc_in in;
        CHECK_OK(anc_rx_recv(&e->rx, &in, e->received % 2 ? -1 : 30000), 1);
        take(e, &in);
    }
    return NULL;
}

TEST(one_thread_sends_while_another_receives_on_the_same_socket)
{
    FOR_BOTH(type) {
        pthread_t threads[4];
        int pair[2], i;
        socket_pair(type, pair);
        start_end(&a, pair[0]);
        start_end(&b, pair[1]);
        CHECK(pthread_create(&threads[0], NULL, send_all, &a) == 0);
        CHECK(pthread_create(&threads[1], NULL, send_all, &b) == 0);
        CHECK(pthread_create(&threads[2], NULL, receive_all, &a) == 0);
        CHECK(pthread_create(&threads[3], NULL, receive_all, &b) == 0);
        for (i = 0; i < 4; i++)
            CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(is_finished(&a) && is_finished(&b));
        stop_end(&a);
        stop_end(&b);
        close_both(pair);
    }
}

/* io_uring: the loop owns the system calls. */

enum { SENDS = 1, RECEIVES = 2 };

static struct io_uring ring;
static struct msghdr to_send[2], to_receive[2];
static int sending[2], receiving[2], ended[2], short_sends, sends, receives;
static size_t asked[2];

static struct io_uring_sqe *entry(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    CHECK(sqe);
    return sqe;
}

static void submit_what_goes(struct end *e, int which)
{
    int r;
    if (!sending[which]) {
        while (queue_next(e))
            ;
        r = anc_tx_next(&e->tx, &to_send[which]);
        CHECK(r >= 0);
        if (r == 1) {
            struct io_uring_sqe *sqe = entry();
            size_t i;
            io_uring_prep_sendmsg(sqe, e->sock, &to_send[which], MSG_NOSIGNAL);
            io_uring_sqe_set_data64(sqe, (unsigned int)(which * 4 + SENDS));
            for (i = 0, asked[which] = 0; i < to_send[which].msg_iovlen; i++)
                asked[which] += to_send[which].msg_iov[i].iov_len;
            sending[which] = 1;
        }
    }
    while (!receiving[which] && !ended[which]) {
        r = anc_rx_prepare(&e->rx, &to_receive[which]);
        CHECK(r >= 0);
        if (r == 1) {
            struct io_uring_sqe *sqe = entry();
            io_uring_prep_recvmsg(sqe, e->sock, &to_receive[which], MSG_CMSG_CLOEXEC);
            io_uring_sqe_set_data64(sqe, (unsigned int)(which * 4 + RECEIVES));
            receiving[which] = 1;
        } else {
            struct anc_in in;
            int any = 0;
            while ((r = anc_rx_next(&e->rx, &in)) == 1) {
                take(e, &in);
                any = 1;
            }
            CHECK_INT(r, 0);
            ended[which] = !any;
        }
    }
}

static void complete(struct end *e, int which, int what, int result)
{
    if (what == SENDS) {
        int r = anc_tx_sent(&e->tx, result);
        sending[which] = 0;
        sends++;
        short_sends += result >= 0 && (size_t)result < asked[which];
        CHECK(r == 0 || ((errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS) && result == -errno));
    } else {
        struct anc_in in;
        int r;
        receiving[which] = 0;
        receives++;
        r = anc_rx_got(&e->rx, &to_receive[which], result);
        CHECK(r == 0 || (errno == EINTR && result == -EINTR));
        while ((r = anc_rx_next(&e->rx, &in)) == 1)
            take(e, &in);
        CHECK_INT(r, 0);
    }
}

TEST(an_io_uring_loop_sends_and_receives)
{
    FOR_BOTH(type) {
        struct end *ends[2] = {&a, &b};
        int pair[2], i, r = io_uring_queue_init(16, &ring, 0);
        if (r < 0)
            skip("no io_uring: %s", strerror(-r));
        socket_pair(type, pair);
        short_sends = sends = receives = 0;
        for (i = 0; i < 2; i++) {
            start_end(ends[i], pair[i]);
            if (type == SOCK_STREAM)
                option(pair[i], SO_SNDBUF, 20000); /* so that a large frame goes in parts */
            sending[i] = receiving[i] = ended[i] = 0;
        }
        while (!ended[0] || !ended[1]) {
            struct io_uring_cqe *cqe;
            for (i = 0; i < 2; i++) {
                submit_what_goes(ends[i], i);
                if (!sending[i] && ends[i]->queued == TO_RECEIVE)
                    shutdown(pair[i], SHUT_WR);
            }
            if (ended[0] && ended[1])
                break;
            CHECK(io_uring_submit_and_wait(&ring, 1) >= 0);
            while (io_uring_peek_cqe(&ring, &cqe) == 0) {
                int which = (int)(cqe->user_data / 4), what = (int)(cqe->user_data % 4), result = cqe->res;
                io_uring_cqe_seen(&ring, cqe);
                complete(ends[which], which, what, result);
            }
        }
        printf("     %s: %d sends, of which %d short, and %d receives\n", type_name(type), sends, short_sends, receives);
        CHECK(is_finished(&a) && is_finished(&b));
        CHECK((short_sends > 0) == (type == SOCK_STREAM));
        stop_end(&a);
        stop_end(&b);
        close_both(pair);
        io_uring_queue_exit(&ring);
    }
}
