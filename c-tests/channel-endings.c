/* Channels whose thread is cancelled, or whose peer is killed, at any moment: nothing is left behind,
 * lost in between or sent twice. */
#include "channel.h"
#include "interpose.h"
#include <sched.h>

static struct channel ch;
static const struct anc_limits limits = {0, 300, 0, 0};

static unsigned int chance(unsigned int below)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned int)(state >> 33) % below;
}

static void spin(unsigned int n)
{
    volatile unsigned int i;
    for (i = 0; i < n; i++)
        ;
}

static struct {
    int timeout, count, result, error;
    _Atomic pid_t thread;
    _Atomic int done;
    struct anc_in in;
} job;

static void start_job(pthread_t *thread, void *(*run)(void *), int timeout)
{
    memset(&job, 0, sizeof job);
    job.timeout = timeout;
    CHECK(pthread_create(thread, NULL, run, NULL) == 0);
}

/* At the worst moments. */

static enum call cancelled_at;
static int cancelled_in;

static void cancel_here(enum call call)
{
    if (call == cancelled_at && world.calls[call] == cancelled_in) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
}

static void *receive_watched(void *arg)
{
    watching = 1;
    while (anc_rx_recv(&ch.rx, &job.in, job.timeout) == 1)
        job.count++;
    watching = 0;
    return arg;
}

static void expect_cancelled(pthread_t thread)
{
    void *result;
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

TEST(a_receive_cancelled_just_after_the_system_call_leaks_nothing)
{
    int timeout, nth, calls_before;
    FOR_BOTH(type)
        for (timeout = -1; timeout < 10000; timeout += 5000)
            for (nth = 1; nth <= 4; nth++)
                for (calls_before = 0; calls_before < 2; calls_before++) {
                    struct parcel *p[12];
                    pthread_t thread;
                    struct msghdr msg;
                    int i, before;
                    start_channel(&ch, type, &limits);
                    before = open_descriptors();
                    for (i = 0; i < 12; i++) {
                        queue_parcel(&ch, p[i] = new_parcel(30, (size_t)(1 + i % 3), ANC_MOVE));
                        if (i % 3 == 2)
                            CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
                    }
                    new_world();
                    cancelled_at = RECVMSG;
                    cancelled_in = nth;
                    if (calls_before)
                        world.before = cancel_here;
                    else
                        world.after = cancel_here;
                    start_job(&thread, receive_watched, timeout);
                    expect_cancelled(thread);
                    CHECK_INT(job.count, 3 * (nth - 1));
                    CHECK_ERRNO(anc_rx_recv(&ch.rx, &job.in, 0), ECANCELED);
                    CHECK_ERRNO(anc_rx_next(&ch.rx, &job.in), ECANCELED);
                    CHECK_ERRNO(anc_rx_prepare(&ch.rx, &msg), ECANCELED);
                    CHECK_INT(owned_by(LIBRARYS), 0);
                    CHECK_INT(open_descriptors(), before);
                    drain_socket(ch.pair[1]);
                    end_channel(&ch);
                    for (i = 0; i < 12; i++)
                        free_parcel(p[i]);
                }
}

/* What waits for its name is not forgotten: it goes when the channel is closed. */
TEST(descriptors_that_wait_when_a_receive_is_cancelled_go_with_the_channel)
{
    char frame[FRAME_HEADER + 4] = {0};
    int fds[3], before;
    pthread_t thread;
    start_channel(&ch, SOCK_STREAM, NULL);
    before = open_descriptors();
    new_descriptors(fds, 3);
    put_header(frame, 4, 3, 0, 1);
    CHECK_INT(raw_send(ch.pair[0], frame, 5, fds, 3, 0), 5);
    anc_close_fds(fds, 3);
    new_world();
    cancelled_at = RECVMSG;
    cancelled_in = 2;
    world.before = cancel_here;
    start_job(&thread, receive_watched, -1);
    expect_cancelled(thread);
    CHECK_ERRNO(anc_rx_recv(&ch.rx, &job.in, 0), ECANCELED);
    LIBRARY((anc_rx_close(&ch.rx), 0));
    CHECK_INT(owned_by(LIBRARYS), 0);
    CHECK_INT(open_descriptors(), before);
    end_channel(&ch);
}

static void *send_watched(void *arg)
{
    watching = 1;
    job.result = anc_tx_flush(&ch.tx, job.timeout);
    watching = 0;
    job.done = 1;
    pthread_testcancel();
    return arg;
}

TEST(a_send_cancelled_at_any_system_call_has_sent_each_byte_and_descriptor_once)
{
    enum { N = 30 };
    int nth, calls_before;
    FOR_BOTH(type)
        for (nth = 1; nth <= 3; nth++)
            for (calls_before = 0; calls_before < 2; calls_before++) {
                struct parcel *p[N];
                pthread_t thread;
                int i;
                start_channel(&ch, type, &limits);
                new_world();
                for (i = 0; i < N; i++) {
                    queue_parcel(&ch, p[i] = new_parcel(i % 4 ? 100 : 50000, i % 9 ? (size_t)(i % 3) : 260, ANC_MOVE));
                    give(p[i]->fds, (int)p[i]->nfds);
                }
                cancelled_at = SENDMSG;
                cancelled_in = nth;
                if (calls_before)
                    world.before = cancel_here;
                else
                    world.after = cancel_here;
                start_job(&thread, send_watched, 60000);
                expect_cancelled(thread); /* in the waiting, for all do not fit */
                CHECK_INT(job.done, 0);
                for (i = 0; i < N; i++)
                    if (p[i]->out.state != ANC_OUT_QUEUED && p[i]->nfds > 0)
                        CHECK(owner[p[i]->fds[0]] == NOBODYS);
                for (i = 0; i < N; i++)
                    expect_parcel(&ch, p[i]);
                for (i = 0; i < N; i++)
                    CHECK_INT(p[i]->out.state, ANC_OUT_DONE);
                expect_no_message(&ch);
                end_channel(&ch);
                for (i = 0; i < N; i++)
                    free_parcel(p[i]);
            }
}

/* At random ones. */

static void *receive_until_cancelled(void *arg)
{
    job.thread = gettid();
    for (;;) {
        int r = anc_rx_recv(&ch.rx, &job.in, job.timeout);
        if (r != 1)
            break;
        job.count++;
    }
    job.error = errno;
    return arg;
}

static void *send_until_cancelled(void *arg)
{
    job.thread = gettid();
    job.result = anc_tx_flush(&ch.tx, job.timeout);
    job.done = 1;
    pthread_testcancel();
    return arg;
}

static void cancel_receives(int type)
{
    int round, over = 0, usable = 0, free_number = lowest_free();
    for (round = 0; goes_on(round, 3000, 2); round++) {
        enum { N = 6 };
        struct parcel *p[N];
        struct anc_in in;
        pthread_t thread;
        int i, r;
        start_channel(&ch, type, &limits);
        start_job(&thread, receive_until_cancelled, round % 2 ? -1 : 60000);
        for (i = 0; i < N; i++) {
            queue_parcel(&ch, p[i] = new_parcel(20, (size_t)(i % 3), ANC_MOVE));
            if (i % 2)
                CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        }
        spin(chance(20000));
        pthread_cancel(thread);
        expect_cancelled(thread);
        r = anc_rx_recv(&ch.rx, &in, 0);
        if (r == -1 && errno == ECANCELED) {
            over++;
            CHECK_ERRNO(anc_rx_next(&ch.rx, &in), ECANCELED);
        } else {
            /* It was cancelled outside of the system call: nothing was lost. */
            usable++;
            for (i = job.count; r == 1; i++, r = anc_rx_recv(&ch.rx, &in, 0)) {
                size_t len = 0, nfds = 0;
                check_frame(p[i], &in, &len, &nfds);
            }
            CHECK_INT(i, N);
            CHECK(r == -1 && errno == EAGAIN);
        }
        drain_socket(ch.pair[1]);
        end_channel(&ch);
        for (i = 0; i < N; i++)
            free_parcel(p[i]);
        CHECK_INT(lowest_free(), free_number);
    }
    printf("     %s, %d rounds: %d in recvmsg, %d outside of it\n", type_name(type), round, over, usable);
}

TEST(receives_cancelled_at_random_leak_nothing)
{
    FOR_BOTH(type)
        cancel_receives(type);
}

static void cancel_sends(int type)
{
    int round, waiting = 0, through = 0, free_number = lowest_free();
    for (round = 0; goes_on(round, 1000, 2); round++) {
        enum { N = 12 };
        struct parcel *p[N];
        pthread_t thread;
        void *result;
        int i, received;
        start_channel(&ch, type, &limits);
        for (i = 0; i < N; i++)
            queue_parcel(&ch, p[i] = new_parcel(i % 2 ? 50 : 45000, (size_t)(i % 4), ANC_MOVE));
        start_job(&thread, send_until_cancelled, round % 2 ? -1 : 60000);
        for (received = (int)chance(N), i = 0; i < received; i++) {
            struct anc_in in;
            size_t len = 0, nfds = 0;
            CHECK_OK(anc_rx_recv(&ch.rx, &in, 20000), 1);
            check_frame(p[i], &in, &len, &nfds);
        }
        spin(chance(3000));
        pthread_cancel(thread);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED || job.done);
        waiting += !job.done;
        through += job.done;
        if (round % 3) {
            /* Sent on by another thread. */
            for (; i < N; i++)
                expect_parcel(&ch, p[i]);
            expect_no_message(&ch);
        } else {
            anc_tx_drop(&ch.tx);
            shutdown(ch.pair[0], SHUT_WR);
            for (; i < N && p[i]->out.state == ANC_OUT_DONE; i++)
                expect_parcel(&ch, p[i]);
            for (; i < N; i++)
                CHECK_INT(p[i]->out.state, ANC_OUT_DROPPED);
        }
        end_channel(&ch);
        for (i = 0; i < N; i++)
            free_parcel(p[i]);
        CHECK_INT(lowest_free(), free_number);
    }
    printf("     %s, %d rounds: %d while waiting, %d too late\n", type_name(type), round, waiting, through);
}

TEST(sends_cancelled_at_random_send_nothing_twice)
{
    FOR_BOTH(type)
        cancel_sends(type);
}

/* Killed. */

/* The descriptors of a pipe whose other end shows whether anybody still has one. */
static void nobody_has(int pipe_end)
{
    struct pollfd watch = {pipe_end, 0, 0};
    CHECK_INT(poll(&watch, 1, 10000), 1); /* POLLERR or POLLHUP, once all others are closed */
}

TEST(a_sender_killed_at_random_is_the_end_or_an_error_and_leaves_nothing)
{
    FOR_BOTH(type) {
        int round, ends = 0, errors = 0, messages = 0, free_number = lowest_free();
        for (round = 0; goes_on(round, 300, 2); round++) {
            int pipes[2], frames = (int)chance(40), i, r = 1;
            struct anc_in in = {0};
            pid_t child;
            CHECK(pipe2(pipes, O_CLOEXEC) == 0);
            start_channel(&ch, type, &limits);
            child = fork();
            if (child == 0) {
                static char bytes[100000];
                struct iovec iov = {bytes, 0};
                int fds[300], f;
                close(pipes[0]);
                for (f = 0; f < 300; f++)
                    fds[f] = pipes[1];
                for (i = 0;; i++) {
                    struct anc_out out = {.iov = &iov, .iovcnt = 1, .fds = fds, .nfds = (size_t)(i % 4 == 3 ? 300 : i % 3)};
                    iov.iov_len = i % 3 ? 50 : 90000;
                    CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
                    while (anc_tx_flush(&ch.tx, -1) != 0)
                        CHECK(errno == ETOOMANYREFS);
                }
            }
            close(ch.pair[0]);
            close(pipes[1]);
            for (i = 0; i < frames; i++) {
                CHECK_OK(anc_rx_recv(&ch.rx, &in, 20000), 1);
                messages += !in.more;
            }
            spin(chance(20000));
            CHECK(kill(child, SIGKILL) == 0);
            CHECK(waitpid(child, NULL, 0) == child);
            while ((r = anc_rx_recv(&ch.rx, &in, 20000)) == 1)
                messages += !in.more;
            if (r == 0) {
                ends++;
                CHECK(!in.more);
            } else {
                errors++;
                CHECK_INT(errno, EPROTO);
                CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), EPROTO);
            }
            nobody_has(pipes[0]);
            close(pipes[0]);
            anc_rx_close(&ch.rx);
            close(ch.pair[1]);
            CHECK_INT(lowest_free(), free_number);
        }
        printf("     %s, %d rounds, %d messages: %d ended between two, %d within one\n", type_name(type), round, messages,
               ends, errors);
    }
}

TEST(a_receiver_killed_at_random_is_EPIPE_and_leaves_nothing)
{
    FOR_BOTH(type) {
        int round, sent = 0, free_number = lowest_free();
        for (round = 0; goes_on(round, 300, 2); round++) {
            enum { QUEUED = 4 };
            int pipes[2], kill_at = (int)chance(30), turn, r = 0, i;
            static char bytes[90000];
            struct iovec iov = {bytes, sizeof bytes};
            struct anc_out out[QUEUED];
            int fds[QUEUED][3];
            pid_t child;
            CHECK(pipe2(pipes, O_CLOEXEC) == 0);
            start_channel(&ch, type, &limits);
            child = fork();
            if (child == 0) {
                struct anc_in in;
                close(pipes[0]);
                close(pipes[1]);
                close(ch.pair[0]);
                while (anc_rx_recv(&ch.rx, &in, -1) == 1)
                    if (in.nfds > 0)
                        in.fds[0] = -1; /* kept open */
                _exit(0);
            }
            close(ch.pair[1]);
            anc_rx_close(&ch.rx);
            for (turn = 0; r == 0; turn++) {
                for (i = 0; i < QUEUED; i++) {
                    int f;
                    for (f = 0; f < 3; f++)
                        CHECK((fds[i][f] = fcntl(pipes[1], F_DUPFD_CLOEXEC, 0)) >= 0);
                    out[i] = (struct anc_out){.iov = &iov, .iovcnt = i % 2, .fds = fds[i], .nfds = 3, .flags = ANC_MOVE};
                    CHECK_OK(anc_tx_queue(&ch.tx, &out[i]), 0);
                }
                if (turn == kill_at) {
                    spin(chance(10000));
                    CHECK(kill(child, SIGKILL) == 0);
                }
                r = anc_tx_flush(&ch.tx, 20000);
                sent += r == 0 ? QUEUED : 0;
            }
            CHECK_INT(r, -1);
            /* ECONNREFUSED: what older kernels say of a packet that meets a peer just closing. */
            CHECK_CASE(errno == EPIPE || errno == ECONNRESET || (errno == ECONNREFUSED && type == SOCK_SEQPACKET),
                       "round %d", round);
            anc_tx_drop(&ch.tx);
            for (i = 0; i < QUEUED; i++)
                CHECK(out[i].state == ANC_OUT_DROPPED || out[i].state == ANC_OUT_DONE);
            CHECK(waitpid(child, NULL, 0) == child);
            close(pipes[1]);
            nobody_has(pipes[0]);
            close(pipes[0]);
            close(ch.pair[0]);
            CHECK_INT(lowest_free(), free_number);
        }
        printf("     %s, %d rounds: %d messages sent\n", type_name(type), round, sent);
    }
}
