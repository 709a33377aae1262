/* The channel's waiting: deadlines, signals, a full socket, too many descriptors in flight. */
#include "channel.h"
#include "interpose.h"
#include <sched.h>

static struct channel ch;

/* A busy machine may be late, but not by more than this. */
enum { LATE_US = 5000000, A_MINUTE = 60000 };

static void nonblocking(int sock, int yes)
{
    CHECK(fcntl(sock, F_SETFL, yes ? O_NONBLOCK : 0) == 0);
}

/* -1 with this errno after that time, not earlier and not much later. */
#define TIMES_OUT(call, ms, expected)                                                              \
    do {                                                                                           \
        long long start_ = now_us(), took_;                                                        \
        CHECK_ERRNO(call, expected);                                                               \
        took_ = now_us() - start_;                                                                 \
        CHECK_CASE(took_ >= (ms) * 1000LL, "%d ms: after %lld us already", (int)(ms), took_);      \
        CHECK_CASE(took_ < (ms) * 1000LL + LATE_US, "%d ms: after %lld us only", (int)(ms), took_); \
    } while (0)

static const int timeouts[] = {1, 2, 3, 5, 8, 20};

TEST(a_receive_times_out_when_its_time_has_passed)
{
    struct anc_in in;
    int block, round;
    size_t t;
    FOR_BOTH(type) {
        start_channel(&ch, type, NULL);
        for (block = 0; block < 2; block++) {
            nonblocking(ch.pair[1], !block);
            TIMES_OUT(anc_rx_recv(&ch.rx, &in, 0), 0, EAGAIN);
            for (t = 0; t < LENGTH(timeouts); t++)
                for (round = 0; round < (timeouts[t] < 5 ? 50 : 5); round++)
                    TIMES_OUT(anc_rx_recv(&ch.rx, &in, timeouts[t]), timeouts[t], ETIMEDOUT);
        }
        end_channel(&ch);
    }
}

TEST(a_send_times_out_when_its_time_has_passed)
{
    int block, round;
    size_t t;
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 1, ANC_MOVE);
        start_channel(&ch, type, NULL);
        fill_socket(ch.pair[0]);
        queue_parcel(&ch, p);
        for (block = 0; block < 2; block++) {
            nonblocking(ch.pair[0], !block);
            TIMES_OUT(anc_tx_flush(&ch.tx, 0), 0, EAGAIN);
            for (t = 0; t < LENGTH(timeouts); t++)
                for (round = 0; round < (timeouts[t] < 5 ? 50 : 5); round++) {
                    new_world();
                    TIMES_OUT(LIBRARY(anc_tx_flush(&ch.tx, timeouts[t])), timeouts[t], ETIMEDOUT);
                    CHECK_CASE(world.calls[SENDMSG] <= 2, "%d sendmsgs", world.calls[SENDMSG]);
                }
        }
        CHECK(p->out.state == ANC_OUT_QUEUED && is_open(p->fds[0]));
        drain_socket(ch.pair[1]);
        expect_parcel(&ch, p);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* The time is for all of the call: a peer can't stretch it byte by byte. */
static void *dribble(void *arg)
{
    const char *bytes = arg;
    struct timespec pause = {0, 500000};
    int i;
    for (i = 0; i < 400; i++) {
        CHECK_INT(send(ch.pair[0], bytes + i, 1, MSG_NOSIGNAL), 1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

TEST(a_peer_that_dribbles_does_not_stretch_the_time)
{
    static char frame[FRAME_HEADER + 392];
    struct anc_in in;
    pthread_t thread;
    int late = 0;
    start_channel(&ch, SOCK_STREAM, NULL);
    memset(frame, 'x', sizeof frame);
    put_header(frame, 392, 0, 0, 1);
    CHECK(pthread_create(&thread, NULL, dribble, frame) == 0);
    for (;;) {
        long long start = now_us(), took;
        int r = anc_rx_recv(&ch.rx, &in, 10);
        if (r == 1)
            break;
        took = now_us() - start;
        CHECK(r == -1 && errno == ETIMEDOUT);
        CHECK_CASE(took >= 10000 && took < 10000 + LATE_US, "%lld us", took);
        late++;
    }
    CHECK(in.len == 392 && ((const char *)in.data)[391] == 'x');
    CHECK(late > 1); /* at least 200 ms in parts of 10 */
    CHECK(pthread_join(thread, NULL) == 0);
    end_channel(&ch);
}

/* A byte out of band makes the socket ready, and there is nothing to receive. */
static long long started;
static int out_of_band;

static ssize_t receive_after_which_one_comes(int sock, struct msghdr *msg, int flags)
{
    ssize_t n = NEXT(recvmsg)(sock, msg, flags);
    int kept = errno;
    CHECK_CASE(now_us() - started < 20000 + LATE_US, "after %d bytes", out_of_band);
    CHECK_INT(send(ch.pair[0], "!", 1, MSG_OOB), 1);
    out_of_band++;
    errno = kept;
    return n;
}

TEST(bytes_out_of_band_do_not_stretch_the_time)
{
    struct anc_in in;
    start_channel(&ch, SOCK_STREAM, NULL);
    if (send(ch.pair[0], "!", 1, MSG_OOB) == -1 && errno == EOPNOTSUPP) {
        end_channel(&ch);
        skip("this kernel has no MSG_OOB on AF_UNIX");
    }
    new_world();
    world.recvmsg = receive_after_which_one_comes;
    started = now_us();
    out_of_band = 0;
    TIMES_OUT(LIBRARY(anc_rx_recv(&ch.rx, &in, 20)), 20, ETIMEDOUT);
    CHECK(out_of_band > 1);
    new_world();
    end_channel(&ch);
}

/* Woken up. */

static struct {
    int timeout, result, error;
    struct anc_in in;
    _Atomic pid_t thread;
} waiter;

static void *wait_for_message(void *arg)
{
    waiter.thread = gettid();
    waiter.result = anc_rx_recv(&ch.rx, &waiter.in, waiter.timeout);
    waiter.error = errno;
    return arg;
}

static void *wait_for_room(void *arg)
{
    waiter.thread = gettid();
    waiter.result = anc_tx_flush(&ch.tx, waiter.timeout);
    waiter.error = errno;
    return arg;
}

static pthread_t start_waiting(void *(*run)(void *), int timeout)
{
    pthread_t thread;
    waiter.thread = 0;
    waiter.timeout = timeout;
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    while (!waiter.thread)
        sched_yield();
    wait_until_asleep(waiter.thread);
    return thread;
}

TEST(a_message_wakes_a_receive_that_waits)
{
    int block, limited;
    FOR_BOTH(type)
        for (block = 0; block < 2; block++)
            for (limited = 0; limited < 2; limited++) {
                struct parcel *p = new_parcel(10, 2, ANC_MOVE);
                size_t len = 0, nfds = 0;
                pthread_t thread;
                start_channel(&ch, type, NULL);
                nonblocking(ch.pair[1], !block);
                thread = start_waiting(wait_for_message, limited ? A_MINUTE : -1);
                queue_parcel(&ch, p);
                CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
                CHECK(pthread_join(thread, NULL) == 0);
                CHECK_INT(waiter.result, 1);
                check_frame(p, &waiter.in, &len, &nfds);
                CHECK(len == 10 && nfds == 2);
                end_channel(&ch);
                free_parcel(p);
            }
}

TEST(end_of_file_wakes_a_receive_that_waits)
{
    int limited;
    FOR_BOTH(type)
        for (limited = 0; limited < 2; limited++) {
            pthread_t thread;
            start_channel(&ch, type, NULL);
            thread = start_waiting(wait_for_message, limited ? A_MINUTE : -1);
            shutdown(ch.pair[0], SHUT_WR);
            CHECK(pthread_join(thread, NULL) == 0);
            CHECK_INT(waiter.result, 0);
            end_channel(&ch);
        }
}

TEST(a_reader_wakes_a_send_that_waits)
{
    int block, limited;
    FOR_BOTH(type)
        for (block = 0; block < 2; block++)
            for (limited = 0; limited < 2; limited++) {
                struct parcel *p = new_parcel(1000000, 300, ANC_MOVE);
                struct anc_limits limits = {0, 300, 0, 0};
                size_t len = 0, nfds = 0;
                struct anc_in in = {.more = 1};
                pthread_t thread;
                start_channel(&ch, type, &limits);
                nonblocking(ch.pair[0], !block);
                queue_parcel(&ch, p);
                thread = start_waiting(wait_for_room, limited ? A_MINUTE : -1);
                while (in.more) {
                    CHECK_OK(anc_rx_recv(&ch.rx, &in, A_MINUTE), 1);
                    check_frame(p, &in, &len, &nfds);
                }
                CHECK(len == 1000000 && nfds == 300);
                CHECK(pthread_join(thread, NULL) == 0);
                CHECK_INT(waiter.result, 0);
                end_channel(&ch);
                free_parcel(p);
            }
}

TEST(a_peer_that_goes_wakes_a_send_that_waits)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 1, ANC_MOVE);
        pthread_t thread;
        start_channel(&ch, type, NULL);
        fill_socket(ch.pair[0]);
        queue_parcel(&ch, p);
        thread = start_waiting(wait_for_room, -1);
        close(ch.pair[1]);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK_INT(waiter.result, -1);
        CHECK(waiter.error == EPIPE || waiter.error == ECONNRESET);
        ch.pair[1] = dup(0);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* Signals. */

static struct parcel *for_signals;

static void send_from_child(void *arg)
{
    (void)arg;
    queue_parcel(&ch, for_signals);
    CHECK_OK(anc_tx_flush(&ch.tx, -1), 0);
}

TEST(a_signal_ends_the_waiting_for_a_message_and_the_call_can_be_repeated)
{
    enum { TIMES = 5 };
    int limited;
    FOR_BOTH(type)
        for (limited = 0; limited < 2; limited++) {
            struct anc_in in;
            size_t len = 0, nfds = 0;
            pid_t child;
            int i;
            start_channel(&ch, type, NULL);
            for_signals = new_parcel(100, 3, ANC_MOVE);
            child = interrupt_me(TIMES, send_from_child, NULL);
            for (i = 0; i < TIMES; i++)
                CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, limited ? A_MINUTE : -1), EINTR);
            CHECK_OK(anc_rx_recv(&ch.rx, &in, limited ? A_MINUTE : -1), 1);
            check_frame(for_signals, &in, &len, &nfds);
            CHECK(len == 100 && nfds == 3);
            check_child(child);
            anc_close_fds(for_signals->fds, 3); /* the child's copies were moved */
            free_parcel(for_signals);
            end_channel(&ch);
        }
}

TEST(a_signal_ends_the_waiting_for_room_and_the_call_can_be_repeated)
{
    enum { TIMES = 5 };
    int limited;
    FOR_BOTH(type)
        for (limited = 0; limited < 2; limited++) {
            pid_t child;
            int i;
            start_channel(&ch, type, NULL);
            fill_socket(ch.pair[0]);
            for_signals = new_parcel(100, 3, ANC_MOVE);
            child = interrupt_me(TIMES, NULL, NULL);
            queue_parcel(&ch, for_signals);
            for (i = 0; i < TIMES; i++)
                CHECK_ERRNO(anc_tx_flush(&ch.tx, limited ? A_MINUTE : -1), EINTR);
            CHECK(for_signals->out.state == ANC_OUT_QUEUED && is_open(for_signals->fds[0]));
            check_child(child);
            CHECK_INT(drain_socket(ch.pair[1]), 0);
            expect_parcel(&ch, for_signals);
            end_channel(&ch);
            free_parcel(for_signals);
        }
}

#if !defined(__APPLE__) && !defined(__OpenBSD__) /* which have no timer_create */
static timer_t timer;
static volatile sig_atomic_t storm_signals;

static void count_storm(int number)
{
    (void)number;
    storm_signals++;
}

static void start_storm(void)
{
    struct sigaction action = {.sa_handler = count_storm};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec every = {{0, 100000}, {0, 100000}};
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &every, NULL) == 0);
}

static void *send_in_a_storm(void *arg)
{
    struct parcel **p = arg;
    int i, r;
    for (i = 0; p[i]; i++) {
        queue_parcel(&ch, p[i]);
        if (i % 3 == 2)
            while ((r = anc_tx_flush(&ch.tx, i % 2 ? A_MINUTE : -1)) == -1 && errno == EINTR)
                ;
    }
    while ((r = anc_tx_flush(&ch.tx, -1)) == -1 && errno == EINTR)
        ;
    CHECK_INT(r, 0);
    return NULL;
}

TEST(messages_are_whole_in_a_storm_of_signals)
{
    enum { N = 150 };
    FOR_BOTH(type) {
        struct parcel *p[N + 1] = {NULL};
        struct anc_limits limits = {0, 300, 0, 0};
        pthread_t thread;
        int i, interrupted = 0;
        start_channel(&ch, type, &limits);
        for (i = 0; i < N; i++)
            p[i] = new_parcel((size_t)(i % 10 == 0 ? i * 3000 : i), i % 50 == 7 ? 300 : (size_t)(i % 4), ANC_MOVE);
        start_storm();
        CHECK(pthread_create(&thread, NULL, send_in_a_storm, p) == 0);
        for (i = 0; i < N; i++) {
            struct anc_in in = {.more = 1};
            size_t len = 0, nfds = 0;
            while (in.more) {
                int r = anc_rx_recv(&ch.rx, &in, i % 2 ? A_MINUTE : -1);
                if (r == -1 && errno == EINTR) {
                    interrupted++;
                    in.more = 1;
                    continue;
                }
                CHECK_INT(r, 1);
                check_frame(p[i], &in, &len, &nfds);
            }
            CHECK(len == p[i]->len && nfds == p[i]->nfds);
        }
        while (pthread_join(thread, NULL) != 0)
            ;
        CHECK(timer_delete(timer) == 0);
        printf("     %s: %d signals, %d receives interrupted\n", type_name(type), (int)storm_signals, interrupted);
        end_channel(&ch);
        for (i = 0; i < N; i++)
            free_parcel(p[i]);
    }
}
#endif

/* Too many descriptors in flight. */

enum { MAY_HAVE = 200, FLOOD = 700 };

static struct anc_out flood[FLOOD];
static char sixty[60]; /* so that a batch has fewer descriptors than the process may have */
static struct iovec buffer = {sixty, sizeof sixty};
static int lent;

static void start_flood(int type)
{
    struct rlimit limit = {MAY_HAVE, MAY_HAVE};
    int i;
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which sendmsg does not see");
    start_channel(&ch, type, NULL);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    become_a_lonely_user();
    lent = numbered(1);
    for (i = 0; i < FLOOD; i++) {
        flood[i] = (struct anc_out){.iov = &buffer, .iovcnt = 1, .fds = &lent, .nfds = 1};
        CHECK_OK(anc_tx_queue(&ch.tx, &flood[i]), 0);
    }
}

static void receive_flood(int n)
{
    struct anc_in in;
    int i;
    for (i = 0; i < n; i++) {
        CHECK_OK(anc_rx_recv(&ch.rx, &in, A_MINUTE), 1);
        CHECK(in.len == sizeof sixty && in.nfds == 1 && in.fds[0] >= 0 && !in.more);
    }
}

static int flood_sent(void)
{
    int i;
    for (i = 0; i < FLOOD && flood[i].state == ANC_OUT_DONE; i++)
        ;
    return i;
}

static void end_flood(void)
{
    CHECK_INT(flood_sent(), FLOOD);
    expect_no_message(&ch);
    end_channel(&ch);
    close(lent);
}

static void too_many_in_flight(int type)
{
    int sent, tries, most;
    long long best;
    start_flood(type);
    TIMES_OUT(anc_tx_flush(&ch.tx, 0), 0, ETOOMANYREFS);
    sent = flood_sent();
    CHECK_CASE(sent > MAY_HAVE / 2 && sent < FLOOD, "%d", sent);
    /* By a timer: the socket is writable all the time. */
    new_world();
    TIMES_OUT(LIBRARY(anc_tx_flush(&ch.tx, 60)), 60, ETOOMANYREFS);
    CHECK_CASE(world.calls[SENDMSG] < 20, "%d sendmsgs in 60 ms", world.calls[SENDMSG]);
    CHECK_INT(flood_sent(), sent);
    TIMES_OUT(anc_tx_flush(&ch.tx, 1), 1, ETOOMANYREFS);
    /* The last pause, which would be 50 ms, ends with the time. */
    for (best = A_MINUTE * 1000LL, tries = 0; best > 100000 && tries < 50; tries++) {
        long long start = now_us();
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 70), ETOOMANYREFS);
        best = now_us() - start < best ? now_us() - start : best;
    }
    CHECK_CASE(best <= 100000, "%lld us at best", best);
    /* And the pauses do not grow beyond that: doubled for ever they would be 10 in this time. */
    for (most = tries = 0; most < 14 && tries < 20; tries++) {
        new_world();
        CHECK_ERRNO(LIBRARY(anc_tx_flush(&ch.tx, 600)), ETOOMANYREFS);
        most = world.calls[SENDMSG] > most ? world.calls[SENDMSG] : most;
    }
    CHECK_CASE(most >= 14, "%d sendmsgs at most", most);
    /* Where the receiver takes some, some go. */
    receive_flood(sent / 2);
    CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), ETOOMANYREFS);
    CHECK(flood_sent() > sent);
    receive_flood(flood_sent() - sent / 2);
    while (flood_sent() < FLOOD) {
        sent = flood_sent();
        CHECK(anc_tx_flush(&ch.tx, 0) == 0 || errno == ETOOMANYREFS);
        receive_flood(flood_sent() - sent);
    }
    end_flood();
}

TEST(too_many_descriptors_in_flight_on_a_stream_are_told_apart_from_a_full_socket) { too_many_in_flight(SOCK_STREAM); }
TEST(too_many_descriptors_in_flight_on_a_seqpacket_are_told_apart_from_a_full_socket) { too_many_in_flight(SOCK_SEQPACKET); }

static void waits_for_receiver(int type, int timeout)
{
    pthread_t thread;
    start_flood(type);
    new_world();
    thread = start_waiting(wait_for_room, timeout);
    CHECK(flood_sent() < FLOOD);
    receive_flood(FLOOD);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_CASE(waiter.result == 0, "anc_tx_flush: %d with errno %d", waiter.result, waiter.error);
    end_flood();
}

TEST(a_stream_with_too_many_in_flight_goes_on_when_the_receiver_takes_some) { waits_for_receiver(SOCK_STREAM, A_MINUTE); }
TEST(a_seqpacket_with_too_many_in_flight_goes_on_when_the_receiver_takes_some) { waits_for_receiver(SOCK_SEQPACKET, -1); }

TEST(a_signal_ends_the_waiting_for_descriptors_in_flight)
{
    pid_t child;
    int i, sent, received = 0;
    start_flood(SOCK_STREAM);
    CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), ETOOMANYREFS);
    child = interrupt_me(3, NULL, NULL);
    for (i = 0; i < 3; i++)
        CHECK_ERRNO(anc_tx_flush(&ch.tx, A_MINUTE), EINTR);
    check_child(child);
    while (received < FLOOD) {
        sent = flood_sent();
        receive_flood(sent - received);
        received = sent;
        CHECK(anc_tx_flush(&ch.tx, 0) == 0 || errno == ETOOMANYREFS);
    }
    end_flood();
}

/* A full socket comes first, and is waited for by its readiness. */
TEST(a_full_socket_is_not_taken_for_too_many_in_flight)
{
    start_flood(SOCK_STREAM);
    CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), ETOOMANYREFS);
    fill_socket(ch.pair[0]);
    TIMES_OUT(anc_tx_flush(&ch.tx, 0), 0, EAGAIN);
    TIMES_OUT(anc_tx_flush(&ch.tx, 20), 20, ETIMEDOUT);
    anc_tx_drop(&ch.tx);
    end_channel(&ch);
    close(lent);
}
