/* A thread cancelled at any point leaves no descriptor behind that nobody owns.
 * Linux alone: it joins by pthread_tryjoin_np. */
#include "interpose.h"
#include <sched.h>
#include <sys/ioctl.h>

enum { MOST = 8 };

/* What a thread does, and what came of it. */
static struct job {
    int sock, moves, unwatched, returned;
    _Atomic int pause;
    int fds[MOST];
    size_t nfds;
    long long result;
    char buf[64];
    unsigned int flags;
    void (*call)(struct job *);
    _Atomic pid_t thread;
} job;

static void receive_some(struct job *j)
{
    j->result = anc_recv_fds(j->sock, j->buf, 4, j->fds, MOST, &j->nfds, j->flags);
}

static void receive_parts(struct job *j)
{
    struct iovec iov[2] = {{j->buf, 1}, {j->buf + 1, 3}};
    j->result = anc_recvv_fds(j->sock, iov, 2, j->fds, MOST, &j->nfds, j->flags);
}

static void receive_trimmed(struct job *j)
{
    j->result = anc_recv_fds(j->sock, j->buf, 4, j->fds, 1, &j->nfds, j->flags | ANC_TRIM);
}

static void receive_one(struct job *j)
{
    j->fds[0] = anc_recv_fd(j->sock, j->flags);
    j->result = j->fds[0] < 0 ? -1 : 1;
    j->nfds = j->fds[0] >= 0;
}

static void send_some(struct job *j)
{
    j->result = anc_send_fds(j->sock, "abcd", 4, j->fds, j->nfds, j->flags);
}

static void send_parts(struct job *j)
{
    char text[] = "abcd";
    struct iovec iov[2] = {{text, 1}, {text + 1, 3}};
    j->result = anc_sendv_fds(j->sock, iov, 2, j->fds, j->nfds, j->flags);
}

static void send_one(struct job *j)
{
    j->result = anc_send_fd(j->sock, j->fds[0], j->flags);
}

struct way {
    const char *name;
    unsigned int flags;
    void (*call)(struct job *);
};

static const struct way receives[] = {
    {"anc_recv_fds", 0, receive_some},       {"anc_recv_fds ALL", ANC_ALL, receive_some},
    {"anc_recvv_fds", 0, receive_parts},     {"anc_recvv_fds ALL", ANC_ALL, receive_parts},
    {"anc_recv_fds TRIM", 0, receive_trimmed}, {"anc_recv_fds ALL TRIM", ANC_ALL, receive_trimmed},
    {"anc_recv_fd", 0, receive_one},         {"anc_recv_fd TRIM", ANC_TRIM, receive_one},
};
static const struct way sends[] = {
    {"anc_send_fds", 0, send_some},       {"anc_send_fds ALL", ANC_ALL, send_some},
    {"anc_send_fds MOVE", ANC_MOVE, send_some},
    {"anc_send_fds ALL MOVE", ANC_ALL | ANC_MOVE, send_some},
    {"anc_sendv_fds", 0, send_parts},     {"anc_sendv_fds MOVE", ANC_MOVE, send_parts},
    {"anc_send_fd", 0, send_one},         {"anc_send_fd MOVE", ANC_MOVE, send_one},
};
enum { RECEIVES = sizeof receives / sizeof *receives, SENDS = sizeof sends / sizeof *sends };

/* Threads. */

static void spin(int n)
{
    volatile int i;
    for (i = 0; i < n; i++)
        ;
}

static int cancels_itself_first;

static void *run_job(void *arg)
{
    struct job *j = arg;
    if (cancels_itself_first)
        pthread_cancel(pthread_self());
    j->thread = gettid();
    spin(j->pause); /* a race needs room for the other to be early */
    watching = !j->unwatched;
    j->call(j);
    j->returned = 1;
    watching = 0;
    pthread_testcancel();
    return NULL;
}

static void new_job(const struct way *way, int sock)
{
    memset(&job, 0, sizeof job);
    job.sock = sock;
    job.flags = way->flags;
    job.call = way->call;
    job.moves = (way->flags & ANC_MOVE) != 0;
    cancels_itself_first = 0;
    new_world();
}

static void descriptors_to_send(int n)
{
    new_descriptors(job.fds, n);
    job.nfds = (size_t)n;
    if (job.moves)
        give(job.fds, n);
}

static pthread_t start(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_job, &job) == 0);
    return thread;
}

static void wait_until_blocked(void)
{
    while (!job.thread)
        sched_yield();
    wait_until_asleep(job.thread);
}

static void expect_cancelled(pthread_t thread)
{
    void *result;
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void queue_message(int sock, const char *text, int n)
{
    int fds[MOST];
    new_descriptors(fds, n);
    CHECK_INT(anc_send_fds(sock, text, strlen(text), fds, (size_t)n, ANC_MOVE), strlen(text));
}

/* Before the call. */

TEST(a_cancellation_that_waits_already_stops_a_receive_before_it_consumes)
{
    int r;
    for (r = 0; r < RECEIVES; r++) {
        int pair[2], before = open_descriptors();
        socket_pair(SOCK_STREAM, pair);
        queue_message(pair[0], "a", 1);
        new_job(&receives[r], pair[1]);
        cancels_itself_first = 1;
        expect_cancelled(start());
        CHECK_INT(job.returned, 0);
        CHECK_INT(drain_socket(pair[1]), 1);
        close_both(pair);
        CHECK_INT(open_descriptors(), before);
    }
}

TEST(a_cancellation_that_waits_already_stops_a_send_before_anything_goes)
{
    int s;
    for (s = 0; s < SENDS; s++) {
        int pair[2], i;
        socket_pair(SOCK_STREAM, pair);
        new_job(&sends[s], pair[0]);
        descriptors_to_send(sends[s].call == send_one ? 1 : 3);
        cancels_itself_first = 1;
        expect_cancelled(start());
        CHECK_INT(job.returned, 0);
        CHECK_INT(drain_socket(pair[1]), 0);
        for (i = 0; i < (int)job.nfds; i++)
            CHECK(is_open(job.fds[i]));
        anc_close_fds(job.fds, job.nfds);
        close_both(pair);
    }
}

static void close_list(struct job *j)
{
    anc_close_fds(j->fds, j->nfds);
}

TEST(a_cancelled_thread_still_closes_its_whole_list)
{
    static const struct way way = {"anc_close_fds", ANC_MOVE, close_list};
    int ranges, i;
    for (ranges = 0; ranges < 2; ranges++) {
        struct fault no_range = {CLOSE_RANGE, 1, INT_MAX, ENOSYS};
        new_job(&way, -1);
        if (!ranges)
            world.faults[0] = no_range;
        descriptors_to_send(MOST);
        cancels_itself_first = 1;
        expect_cancelled(start());
        CHECK_INT(job.returned, 1);
        CHECK_INT(owned_by(GIVEN), 0);
        for (i = 0; i < MOST; i++)
            CHECK_INT(job.fds[i], -1);
    }
}

/* While it waits. */

TEST(a_waiting_receive_can_be_cancelled)
{
    int r;
    for (r = 0; r < RECEIVES; r++) {
        int pair[2];
        pthread_t thread;
        socket_pair(SOCK_STREAM, pair);
        new_job(&receives[r], pair[1]);
        thread = start();
        wait_until_blocked();
        pthread_cancel(thread);
        expect_cancelled(thread);
        CHECK_INT(job.returned, 0);
        close_both(pair);
    }
}

TEST(a_waiting_send_can_be_cancelled_unless_it_moves)
{
    int s;
    for (s = 0; s < SENDS; s++) {
        int pair[2], i, n = sends[s].call == send_one ? 1 : 3;
        pthread_t thread;
        void *result;
        socket_pair(SOCK_STREAM, pair);
        fill_socket(pair[0]);
        new_job(&sends[s], pair[0]);
        descriptors_to_send(n);
        thread = start();
        wait_until_blocked();
        pthread_cancel(thread);
        while (job.moves && pthread_tryjoin_np(thread, &result) == EBUSY)
            drain_socket(pair[1]);
        if (!job.moves)
            CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK_INT(job.returned, job.moves);
        if (job.moves)
            CHECK(job.result >= 0 && owned_by(GIVEN) == 0);
        else
            CHECK_INT(drain_socket(pair[1]), 0);
        for (i = 0; i < n && !job.moves; i++)
            CHECK(close(job.fds[i]) == 0);
        close_both(pair);
    }
}

static const struct way *twice;

static void receive_twice(struct job *j)
{
    twice->call(j);
    handed_over(j->fds, j->nfds);
    CHECK(j->result == 1);
    j->pause = 1; /* the first is through */
    twice->call(j);
}

/* The second call's buffers lie where the first one's lay, and still show its descriptors. */
TEST(a_cancelled_receive_does_not_close_what_an_earlier_one_handed_over)
{
    static const struct way way = {"twice", 0, receive_twice};
    int r, first[MOST], waiting;
    size_t i, n;
    for (r = 0; r < RECEIVES; r++) {
        int pair[2];
        pthread_t thread;
        if (receives[r].flags & ANC_ALL)
            continue; /* would wait for more in the first call */
        socket_pair(SOCK_STREAM, pair);
        queue_message(pair[0], "a", 1 + !(receives[r].call == receive_one));
        new_job(&way, pair[1]);
        job.flags = receives[r].flags;
        twice = &receives[r];
        thread = start();
        do {
            wait_until_blocked();
            CHECK(ioctl(pair[1], FIONREAD, &waiting) == 0);
        } while (waiting > 0 || !job.pause);
        wait_until_blocked();
        memcpy(first, job.fds, sizeof first);
        n = receives[r].call == receive_some || receives[r].call == receive_parts ? 2 : 1;
        pthread_cancel(thread);
        expect_cancelled(thread);
        CHECK_INT(job.returned, 0);
        for (i = 0; i < n; i++)
            CHECK(close(first[i]) == 0);
        close_both(pair);
    }
}

/* ANC_ALL has some parts already when it waits for the next. */
TEST(a_receive_cancelled_between_its_parts_closes_what_has_come)
{
    int r, parts;
    for (r = 0; r < RECEIVES; r++)
        for (parts = 1; parts <= 3 && receives[r].flags & ANC_ALL; parts++) {
            int pair[2], before = open_descriptors(), i, waiting;
            pthread_t thread;
            socket_pair(SOCK_STREAM, pair);
            for (i = 0; i < parts; i++)
                queue_message(pair[0], "a", receives[r].call == receive_trimmed ? 3 : 2);
            new_job(&receives[r], pair[1]);
            thread = start();
            do {
                wait_until_blocked();
                CHECK(ioctl(pair[1], FIONREAD, &waiting) == 0);
            } while (waiting > 0);
            wait_until_blocked();
            pthread_cancel(thread);
            expect_cancelled(thread);
            CHECK_INT(job.returned, 0);
            handed_over(NULL, 0);
            close_both(pair);
            CHECK_INT(open_descriptors(), before);
        }
}

/* At the worst moment. */

/* glibc before 2.41 can act on a cancellation when recvmsg has installed its descriptors already.
 * These hooks do it there on every system. */
static enum call cancelled_at;
static int cancelled_in;  /* that call's number */
static int acts_there;    /* or only asks, as another thread would */

static void cancel_here(enum call call)
{
    if (call != cancelled_at || world.calls[call] != cancelled_in)
        return;
    pthread_cancel(pthread_self());
    if (acts_there)
        pthread_testcancel();
}

static void asked_before(enum call call) { cancel_here(call); }

struct moment {
    enum call call;
    int number, acts, before;
};

static void cancel_at(const struct moment *m)
{
    cancelled_at = m->call;
    cancelled_in = m->number;
    acts_there = m->acts;
    if (m->before)
        world.before = asked_before;
    else
        world.after = cancel_here;
}

TEST(a_cancellation_right_after_recvmsg_closes_what_it_installed)
{
    int r, n, part, type;
    for (type = 0; type < 2; type++)
        for (r = 0; r < RECEIVES; r++)
            for (n = 1; n <= MOST; n++)
                for (part = 1; part <= (receives[r].flags & ANC_ALL && !type ? 3 : 1); part++) {
                    struct moment m = {RECVMSG, part, 1, 0};
                    int pair[2], i, per_message = part == 1 ? n : 1 + n % 2;
                    socket_pair(type ? SOCK_SEQPACKET : SOCK_STREAM, pair);
                    option(pair[1], SO_PASSCRED, n % 2);
                    for (i = 0; i < part; i++)
                        queue_message(pair[0], "a", per_message);
                    new_job(&receives[r], pair[1]);
                    cancel_at(&m);
                    expect_cancelled(start());
                    CHECK_INT(job.returned, 0);
                    handed_over(NULL, 0);
                    CHECK_INT(drain_socket(pair[1]), 0);
                    close_both(pair);
                }
}

TEST(a_cancellation_right_after_recvmsg_closes_a_pidfd_too)
{
    int r, on = 1;
    for (r = 0; r < RECEIVES; r++) {
        static const struct moment m = {RECVMSG, 1, 1, 0};
        int pair[2];
        socket_pair(SOCK_STREAM, pair);
        if (setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
            skip("SO_PASSPIDFD: %s", strerror(errno));
        queue_message(pair[0], "a", 2);
        new_job(&receives[r], pair[1]);
        cancel_at(&m);
        expect_cancelled(start());
        handed_over(NULL, 0);
        close_both(pair);
    }
}

/* Whoever stands in for recvmsg may report a longer control buffer than it was given. */
static ssize_t boasting_recvmsg(int sock, struct msghdr *msg, int flags)
{
    ssize_t n;
    struct cmsghdr *rights = msg->msg_control;
    memset(rights, -1, msg->msg_controllen); /* no slot of the buffer is one beside the kernel's */
    n = NEXT(recvmsg)(sock, msg, flags);
    note_arrivals(msg);
    rights->cmsg_len = msg->msg_controllen = 1 << 20;
    done(RECVMSG);
    return n;
}

TEST(a_cancelled_receive_believes_no_control_length)
{
    static const struct moment m = {RECVMSG, 1, 1, 0};
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    queue_message(pair[0], "a", 3);
    new_job(&receives[0], pair[1]);
    world.recvmsg = boasting_recvmsg;
    cancel_at(&m);
    expect_cancelled(start());
    handed_over(NULL, 0);
    close_both(pair);
}

/* close is a cancellation point: asked before the nth of them, the real one would act. */
static void closing_is_not_cancelled(const struct moment *m, const struct way *way,
                                     unsigned int flags, int max_ok)
{
    int pair[2], returned_fds;
    struct fault no_range = {CLOSE_RANGE, 1, INT_MAX, ENOSYS};
    socket_pair(SOCK_STREAM, pair);
    queue_message(pair[0], "a", 5);
    new_job(way, pair[1]);
    job.flags |= flags;
    world.faults[0] = no_range; /* one by one: more places to be cancelled at */
    cancel_at(m);
    expect_cancelled(start());
    CHECK_INT(job.returned, 1);
    returned_fds = (int)job.nfds;
    CHECK_INT(returned_fds, max_ok);
    handed_over(job.fds, job.nfds);
    anc_close_fds(job.fds, job.nfds);
    close_both(pair);
}

TEST(a_cancellation_while_the_surplus_is_closed_leaves_none_of_it_open)
{
    int nth, acts;
    for (acts = 0; acts < 2; acts++)
        for (nth = 1; nth <= 4; nth++) {
            struct moment m = {CLOSE, nth, acts, 1};
            closing_is_not_cancelled(&m, &receives[4], 0, 1);           /* trimmed to one */
            closing_is_not_cancelled(&m, &receives[7], 0, 1);
            closing_is_not_cancelled(&m, &receives[6], 0, 0);           /* ERANGE */
        }
}

static void lossy(enum call call)
{
    if (call == RECVMSG)
        world.forced_flags = MSG_CTRUNC;
    asked_before(call);
}

TEST(a_cancellation_while_the_table_is_probed_leaves_nothing_open)
{
    int nth;
    for (nth = 1; nth <= 6; nth++) { /* the probe's own, then five that came */
        struct moment m = {CLOSE, nth, 1, 1};
        struct fault no_range = {CLOSE_RANGE, 1, INT_MAX, ENOSYS};
        int pair[2];
        socket_pair(SOCK_STREAM, pair);
        queue_message(pair[0], "a", 5);
        new_job(&receives[0], pair[1]);
        world.faults[0] = no_range;
        cancel_at(&m);
        world.before = lossy;
        expect_cancelled(start());
        CHECK_INT(job.returned, 1);
        CHECK_INT(job.nfds, 0);
        CHECK_INT(world.calls[DUPFD], 1);
        handed_over(NULL, 0);
        close_both(pair);
    }
}

/* Asked right after recvmsg, acted upon at the next chance: there is none before the caller has
 * its descriptors. */
TEST(a_cancellation_asked_for_after_recvmsg_leaves_the_descriptors_to_the_caller)
{
    int r, n;
    for (r = 0; r < RECEIVES; r++)
        for (n = 1; n <= 3; n++) {
            static const struct moment m = {RECVMSG, 1, 0, 0};
            int pair[2];
            socket_pair(SOCK_STREAM, pair);
            queue_message(pair[0], "abcd", n);
            new_job(&receives[r], pair[1]);
            cancel_at(&m);
            expect_cancelled(start());
            handed_over(job.returned ? job.fds : NULL, job.returned ? job.nfds : 0);
            if (receives[r].call == receive_some) {
                CHECK_INT(job.returned, 1);
                CHECK_INT(job.nfds, n);
            }
            anc_close_fds(job.fds, job.returned ? job.nfds : 0);
            close_both(pair);
        }
}

TEST(ANC_MOVE_is_not_cancelled_between_the_send_and_the_closing)
{
    static const struct moment moments[] = {
        {SENDMSG, 1, 0, 1}, {SENDMSG, 1, 1, 1}, {SENDMSG, 1, 0, 0}, {SENDMSG, 1, 1, 0},
        {CLOSE, 1, 1, 1},   {CLOSE, 2, 1, 1},   {CLOSE, 3, 1, 1},   {CLOSE, 3, 1, 0},
    };
    size_t m;
    int s;
    for (s = 0; s < SENDS; s++)
        for (m = 0; m < sizeof moments / sizeof *moments; m++) {
            struct fault no_range = {CLOSE_RANGE, 1, INT_MAX, ENOSYS};
            int pair[2], n = sends[s].call == send_one ? 1 : 3;
            pthread_t thread;
            void *result;
            if (!(sends[s].flags & ANC_MOVE))
                continue;
            socket_pair(SOCK_STREAM, pair);
            new_job(&sends[s], pair[0]);
            world.faults[0] = no_range;
            descriptors_to_send(n);
            cancel_at(&moments[m]);
            thread = start();
            CHECK(pthread_join(thread, &result) == 0);
            CHECK_INT(job.returned, 1);
            CHECK_INT(owned_by(GIVEN), 0);
            CHECK_INT(drain_socket(pair[1]), n);
            close_both(pair);
        }
}

/* Races. */

/* Waits until the other thread is about to call. */
static void wait_until_started(void)
{
    int i;
    for (i = 0; !job.thread; i++)
        if (i > 10000) /* the other one may need this processor */
            sched_yield();
}

/* A delay that follows the moment at which the descriptors come out of the kernel, and the numbers
 * of rounds on either side of it and just there. */
static struct aim {
    int delay, early, hit, late;
} aim;

static void adjust(int still_queued, int returned)
{
    if (still_queued) {
        aim.early++;
        aim.delay += 7;
    } else if (returned) {
        aim.late++;
        aim.delay -= aim.delay > 7 ? 7 : 0;
    } else {
        aim.hit++;
    }
}

static void race(const struct way *way, int type, int waits)
{
    int pair[2], fds[3], came;
    pthread_t thread;
    void *result;
    socket_pair(type, pair);
    new_descriptors(fds, 3);
    new_job(way, pair[1]);
    job.unwatched = 1; /* the cancellation may act before the ledger is written */
    job.pause = 1000;
    if (!waits)
        CHECK_INT(raw_send(pair[0], "abcd", 4, fds, 3, 0), 4);
    thread = start();
    if (waits)
        wait_until_blocked();
    else
        wait_until_started();
    if (waits)
        CHECK_INT(raw_send(pair[0], "abcd", 4, fds, 3, 0), 4);
    spin(aim.delay);
    pthread_cancel(thread);
    CHECK(pthread_join(thread, &result) == 0);
    anc_close_fds(job.fds, job.returned ? job.nfds : 0);
    came = drain_socket(pair[1]);
    adjust(came > 0, job.returned);
    anc_close_fds(fds, 3);
    close_both(pair);
}

static void races(int n, int waits)
{
    static const struct way ways[] = {
        {"", 0, receive_some},
        {"", ANC_ALL, receive_some},
        {"", ANC_TRIM, receive_trimmed},
        {"", 0, receive_parts},
    };
    int round, free_number = lowest_free();
    for (round = 0; goes_on(round, n, 4); round++) {
        race(&ways[round % 4], round & 4 ? SOCK_STREAM : SOCK_SEQPACKET, waits);
        CHECK_INT(lowest_free(), free_number);
    }
    printf("     %d rounds: %d before the descriptors came, %d after the call, %d in between\n",
           round, aim.early, aim.late, aim.hit);
}

TEST(a_receive_racing_with_cancellation_leaks_nothing)
{
    races(20000, 0);
}

/* A receiver that waits is the case of daemons: the data and the cancellation come together. */
TEST(a_waiting_receive_that_data_and_cancellation_reach_at_once_leaks_nothing)
{
    races(12000, 1);
}

TEST(a_move_racing_with_cancellation_is_whole_or_not_at_all)
{
    int round, free_number = lowest_free();
    for (round = 0; goes_on(round, 10000, 4); round++) {
        int pair[2], came, left;
        pthread_t thread;
        void *result;
        socket_pair(SOCK_STREAM, pair);
        new_job(&sends[2 + round % 2], pair[0]);
        descriptors_to_send(3);
        job.pause = 1000;
        thread = start();
        wait_until_started();
        spin(aim.delay);
        pthread_cancel(thread);
        CHECK(pthread_join(thread, &result) == 0);
        left = owned_by(GIVEN);
        came = drain_socket(pair[1]);
        if (left + came != 3 || (left != 0 && came != 0))
            fail(__FILE__, __LINE__, "round %d: %d sent, %d still open", round, came, left);
        adjust(left > 0, came > 0);
        if (left)
            anc_close_fds(job.fds, 3);
        close_both(pair);
        CHECK_INT(lowest_free(), free_number);
    }
    printf("     %d rounds: %d moved\n", round, aim.late);
}

/* A process with one thread. */

static int exits_with(void (*run)(void))
{
    int status;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        run();
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

enum { CLEANED = 42 };
static int lonely_pair[2], lonely_before, lonely_expected;

static void lonely_cleanup(void *arg)
{
    (void)arg;
    watching = 0;
    if (owned_by(LIBRARYS) != 0 || open_descriptors() != lonely_before ||
        drain_socket(lonely_pair[1]) != lonely_expected)
        _exit(2);
    _exit(CLEANED);
}

static const struct way *lonely_way;

static void lonely_call(void)
{
    new_job(lonely_way, lonely_pair[1]);
    lonely_before = open_descriptors();
    pthread_cleanup_push(lonely_cleanup, NULL);
    pthread_cancel(pthread_self());
    watching = 1;
    job.call(&job);
    pthread_cleanup_pop(0);
}

TEST(a_process_with_one_thread_can_cancel_itself)
{
    int r;
    for (r = 0; r < RECEIVES; r++) {
        socket_pair(SOCK_STREAM, lonely_pair);
        queue_message(lonely_pair[0], "a", 1);
        lonely_way = &receives[r];
        lonely_expected = 1;
        CHECK_INT(exits_with(lonely_call), CLEANED);
        close_both(lonely_pair);
    }
}

/* The cancellation of oneself while recvmsg is on its way, as a signal handler could do it. */
static void lonely_worst_moment(void)
{
    static const struct moment m = {RECVMSG, 1, 0, 0};
    new_job(&receives[0], lonely_pair[1]);
    lonely_before = open_descriptors();
    cancel_at(&m);
    pthread_cleanup_push(lonely_cleanup, NULL);
    watching = 1;
    job.call(&job);
    watching = 0;
    handed_over(job.fds, job.nfds);
    anc_close_fds(job.fds, job.nfds);
    pthread_testcancel();
    pthread_cleanup_pop(0);
}

TEST(a_process_with_one_thread_that_cancels_itself_during_a_receive_owns_what_came)
{
    socket_pair(SOCK_STREAM, lonely_pair);
    queue_message(lonely_pair[0], "a", 3);
    lonely_expected = 0;
    CHECK_INT(exits_with(lonely_worst_moment), CLEANED);
    close_both(lonely_pair);
}

/* A child of fork has one thread again, which may start others. */
static void *do_nothing(void *arg)
{
    return arg;
}

static void child_with_new_threads(void)
{
    static const struct moment m = {RECVMSG, 1, 1, 0};
    new_job(&receives[0], lonely_pair[1]);
    cancel_at(&m);
    expect_cancelled(start());
    handed_over(NULL, 0);
    _exit(CLEANED);
}

TEST(a_child_of_a_process_with_threads_is_cancelled_as_cleanly)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, do_nothing, NULL) == 0);
    socket_pair(SOCK_STREAM, lonely_pair);
    queue_message(lonely_pair[0], "a", 3);
    CHECK_INT(exits_with(child_with_new_threads), CLEANED);
    lonely_way = &receives[0];
    lonely_expected = 0; /* the first child has taken them */
    CHECK_INT(exits_with(lonely_call), CLEANED);
    pthread_join(thread, NULL);
    close_both(lonely_pair);
}

/* The caller's frames. */

static int cleaned;

static void count_cleanup(void *arg)
{
    (void)arg;
    cleaned++;
}

static void call_below_handlers(struct job *j)
{
    pthread_cleanup_push(count_cleanup, NULL);
    pthread_cleanup_push(count_cleanup, NULL);
    receive_some(j);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
}

static void cancel_waiting(const struct way *way)
{
    static const struct moment m = {RECVMSG, 1, 1, 0};
    int pair[2], waits;
    for (waits = 0; waits < 2; waits++) {
        pthread_t thread;
        socket_pair(SOCK_STREAM, pair);
        new_job(way, pair[1]);
        if (!waits) {
            queue_message(pair[0], "a", 2);
            cancel_at(&m);
        }
        cleaned = 0;
        thread = start();
        if (waits) {
            wait_until_blocked();
            pthread_cancel(thread);
        }
        expect_cancelled(thread);
        CHECK_INT(cleaned, 2);
        handed_over(NULL, 0);
        close_both(pair);
    }
}

TEST(the_cleanup_handlers_of_the_caller_run)
{
    static const struct way way = {"below handlers", 0, call_below_handlers};
    cancel_waiting(&way);
}

#ifdef __EXCEPTIONS
static void destroy(int *object)
{
    cleaned += *object;
}

__attribute__((noinline)) static void call_below_objects(struct job *j)
{
    __attribute__((cleanup(destroy))) int first = 1;
    __attribute__((cleanup(destroy))) int second = 1;
    receive_some(j);
}
#endif

TEST(the_objects_in_frames_of_the_caller_are_destroyed)
{
#ifdef __EXCEPTIONS
    static const struct way way = {"below objects", 0, call_below_objects};
    cancel_waiting(&way);
#else
    skip("C compilers destroy none without -fexceptions");
#endif
}

/* The state of cancellation. */

static void with_every_call(void (*check)(void))
{
    int pair[2], fds[3], got[3], both;
    size_t n;
    char buf[4];
    for (both = 0; both < 2; both++) {
        socket_pair(both ? SOCK_SEQPACKET : SOCK_STREAM, pair);
        new_descriptors(fds, 3);
        anc_send_fds(pair[0], "abcd", 4, fds, 3, ANC_MOVE | ANC_ALL);
        check();
        anc_recv_fds(pair[1], buf, 4, got, 1, &n, ANC_TRIM);
        check();
        anc_send_fd(pair[0], got[0], 0);
        check();
        anc_send_fd(pair[0], got[0], 0);
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, 4, NULL, 0, NULL, 0), ERANGE);
        check();
        anc_recv_fds(pair[1], buf, 1, &got[1], 1, &n, ANC_ALL);
        check();
        anc_close_fds(got, 2);
        check();
        close_both(pair);
    }
}

static int expected_state;

static void check_state(void)
{
    int state, ignored;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    CHECK_INT(state, expected_state);
    pthread_setcancelstate(state, &ignored);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &state);
    CHECK_INT(state, PTHREAD_CANCEL_DEFERRED);
}

TEST(calls_leave_the_cancellation_state_as_it_was)
{
    int old;
    expected_state = PTHREAD_CANCEL_ENABLE;
    with_every_call(check_state);
    expected_state = PTHREAD_CANCEL_DISABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    with_every_call(check_state);
    pthread_setcancelstate(old, &expected_state);
}

static void *uncancelled(void *arg)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &expected_state);
    expected_state = PTHREAD_CANCEL_DISABLE;
    pthread_cancel(pthread_self());
    with_every_call(check_state);
    return arg;
}

TEST(a_thread_that_disabled_cancellation_is_not_cancelled)
{
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, uncancelled, &job) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == &job);
}
