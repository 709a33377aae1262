/* Calls from signal handlers that interrupt the same calls; SIGPIPE and everything about signals
 * stays the caller's.
 * Linux alone: the size of a signal frame comes by getauxval. */
#include "harness.h"
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

/* A storm. */

enum { STACK = 8192, FDS = 7 };

static volatile sig_atomic_t handled, wrong;
static int handler_pair[2], handler_fd;

/* The handler must not printf: it records the first line that went wrong. */
#define EXPECT_IN_HANDLER(condition)                                                               \
    do {                                                                                           \
        if (!(condition) && !wrong)                                                                \
            wrong = __LINE__;                                                                      \
    } while (0)

struct memory {
    char out[2560], in[ANC_RX_BUFFER];
    int slots[ANC_FDS_MAX];
    struct anc_tx tx;
    struct anc_rx rx;
};

/* A channel of its own, beside that of whom it interrupts. */
static void use_channel(const int *fds)
{
    static struct memory m;
    struct anc_out out = {.fds = fds, .nfds = 2};
    struct anc_in in = {0};
    EXPECT_IN_HANDLER(anc_tx_init(&m.tx, handler_pair[0], m.out, sizeof m.out, NULL, sizeof m.tx) == 0);
    EXPECT_IN_HANDLER(anc_rx_init(&m.rx, handler_pair[1], m.in, sizeof m.in, m.slots, ANC_FDS_MAX, NULL, sizeof m.rx) == 0);
    EXPECT_IN_HANDLER(anc_tx_queue(&m.tx, &out) == 0 && anc_tx_flush(&m.tx, 10) == 0);
    EXPECT_IN_HANDLER(anc_rx_recv(&m.rx, &in, 10) == 1 && in.nfds == 2);
    anc_tx_drop(&m.tx);
    anc_rx_close(&m.rx);
}

static void call_everything(int signal)
{
    int kept = errno, fds[3] = {handler_fd, handler_fd, handler_fd}, got[3];
    char buf[2] = {0};
    struct iovec iov = {buf, 1};
    size_t n;
    (void)signal;
    EXPECT_IN_HANDLER(anc_send_fds(handler_pair[0], "ab", 2, fds, 3, ANC_ALL | ANC_DONTWAIT) == 2);
    EXPECT_IN_HANDLER(anc_recv_fds(handler_pair[1], buf, 2, got, 3, &n, ANC_ALL | ANC_EXACT) == 2 &&
                      n == 3);
    EXPECT_IN_HANDLER(buf[0] == 'a' && buf[1] == 'b');
    EXPECT_IN_HANDLER(anc_sendv_fds(handler_pair[0], &iov, 1, got, 3, ANC_MOVE) == 1);
    EXPECT_IN_HANDLER(anc_recvv_fds(handler_pair[1], &iov, 1, got, 1, &n, ANC_TRIM) == 1 && n == 1);
    EXPECT_IN_HANDLER(anc_send_fd(handler_pair[0], got[0], 0) == 0);
    anc_close_fds(got, 1);
    got[0] = anc_recv_fd(handler_pair[1], ANC_DONTWAIT);
    EXPECT_IN_HANDLER(got[0] >= 0);
    anc_close_fds(got, 1);
    EXPECT_IN_HANDLER(anc_recv_fd(handler_pair[1], ANC_DONTWAIT) == -1 && errno == EAGAIN);
    use_channel(fds);
    handled++;
    errno = kept;
}

/* A signal stack of the usual size, with a page below that may not be touched. */
static char *signal_stack(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = STACK;
    unsigned long frame = getauxval(AT_MINSIGSTKSZ);
    stack_t stack = {0};
    char *low;
    if (ON_ASAN) {
        size = 1 << 20;
        printf("     ASan's own frames are below the calls: a stack of %zu\n", size);
    } else if (frame + 4096 > size) {
        size = (frame + 4096 + page) / page * page;
        printf("     this processor's signal frame has %lu bytes: a stack of %zu\n", frame, size);
    }
    low = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(low != MAP_FAILED && mprotect(low, page, PROT_NONE) == 0);
    stack.ss_sp = low + page;
    stack.ss_size = size;
    CHECK(sigaltstack(&stack, NULL) == 0); /* in place of ASan's own */
    return low;
}

static timer_t timer;

/* SIGUSR1 again and again: setitimer's SIGALRM is the harness's, for a test that hangs. */
static void start_storm(void (*handler)(int), int microseconds)
{
    struct sigaction action = {0};
    struct sigevent event = {0};
    struct itimerspec every = {{0, microseconds * 1000L}, {0, microseconds * 1000L}};
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &every, NULL) == 0);
}

static void end_storm(void)
{
    CHECK(timer_delete(timer) == 0);
    signal(SIGUSR1, SIG_IGN); /* one may still be on its way */
}

/* A call that a signal interrupts before it did anything is made again. */
#define AGAIN(call)                                                                                \
    __extension__({                                                                                \
        ssize_t again_;                                                                            \
        while ((again_ = (call)) == -1 && errno == EINTR)                                          \
            interrupted++;                                                                         \
        again_;                                                                                    \
    })

static long interrupted;

static void one_message(const int pair[2], const int *fds)
{
    static struct memory m;
    static char text[300];
    struct iovec iov = {text, sizeof text};
    struct anc_out out = {.iov = &iov, .iovcnt = 1, .fds = fds, .nfds = FDS};
    struct anc_in in;
    CHECK(anc_tx_init(&m.tx, pair[0], m.out, sizeof m.out, NULL, sizeof m.tx) == 0);
    CHECK(anc_rx_init(&m.rx, pair[1], m.in, sizeof m.in, m.slots, ANC_FDS_MAX, NULL, sizeof m.rx) == 0);
    CHECK_INT(anc_tx_queue(&m.tx, &out), 0);
    CHECK_INT(AGAIN(anc_tx_flush(&m.tx, -1)), 0);
    CHECK_INT(AGAIN(anc_rx_recv(&m.rx, &in, -1)), 1);
    CHECK(in.nfds == FDS && in.len == sizeof text);
    anc_rx_close(&m.rx);
}

static void one_round(const int pair[2], const int *fds)
{
    int got[FDS];
    size_t n;
    char byte;
    CHECK_INT(AGAIN(anc_send_fds(pair[0], "x", 1, fds, FDS, 0)), 1);
    CHECK_INT(AGAIN(anc_recv_fds(pair[1], &byte, 1, got, FDS, &n, 0)), 1);
    CHECK_INT(n, FDS);
    CHECK_INT(AGAIN(anc_send_fds(pair[0], "x", 1, got, FDS, ANC_MOVE | ANC_ALL)), 1);
    CHECK_INT(AGAIN(anc_recv_fds(pair[1], &byte, 1, got, 2, &n, ANC_TRIM | ANC_ALL)), 1);
    CHECK_INT(n, 2);
    anc_close_fds(got, n);
    one_message(pair, fds);
}

static void rounds_in_a_storm(int microseconds, int seconds_tenths)
{
    struct timespec now, end;
    int pair[2], fds[FDS], i, least = on_checker() ? 1 : 100;
    long rounds = 0;
    char *stack = signal_stack();
    socket_pair(SOCK_STREAM, pair);
    socket_pair(SOCK_STREAM, handler_pair);
    handler_fd = new_descriptor();
    new_descriptors(fds, FDS);
    call_everything(0); /* what is bound lazily is bound here, on the large stack */
    one_round(pair, fds);
    handled = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds_tenths / 10;
    start_storm(call_everything, microseconds);
    do {
        for (i = 0; i < 100 && !wrong; i++, rounds++)
            one_round(pair, fds);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!wrong && (now.tv_sec < end.tv_sec || handled < least));
    end_storm();
    if (wrong)
        fail(__FILE__, wrong, "in the handler");
    printf("     %d handlers ran within %ld rounds\n", (int)handled, rounds);
    anc_close_fds(fds, FDS);
    close(handler_fd);
    close_both(handler_pair);
    close_both(pair);
    munmap(stack, 1);
}

TEST(every_call_works_in_a_handler_that_interrupts_the_same_calls)
{
    rounds_in_a_storm(on_checker() ? 5000 : 60, 20);
}

/* The other end lets the receiver wait, so that the handler runs in the middle of recvmsg. */
static atomic_int stop;

static void *send_one_by_one(void *sock)
{
    int fd = new_descriptor();
    while (!stop) {
        struct timespec moment = {0, 30000};
        while (anc_send_fds(*(int *)sock, "x", 1, &fd, 1, 0) == -1)
            CHECK(errno == EINTR);
        nanosleep(&moment, NULL); /* the pace, not a synchronisation */
    }
    close(fd);
    return NULL;
}

static pthread_t receiver;

static void to_the_receiver(int signal)
{
    if (pthread_equal(pthread_self(), receiver))
        call_everything(signal);
    else
        pthread_kill(receiver, signal);
}

TEST(a_waiting_call_can_be_interrupted_by_a_handler_that_makes_it)
{
    int pair[2], i, n = on_checker() ? 100 : 5000;
    pthread_t sender;
    char *stack = signal_stack();
    socket_pair(SOCK_STREAM, pair);
    socket_pair(SOCK_STREAM, handler_pair);
    handler_fd = new_descriptor();
    receiver = pthread_self();
    call_everything(0);
    CHECK(pthread_create(&sender, NULL, send_one_by_one, &pair[0]) == 0);
    start_storm(to_the_receiver, on_checker() ? 5000 : 70);
    for (i = 0; i < n && !wrong; i++) {
        int fd = (int)AGAIN(anc_recv_fd(pair[1], 0));
        CHECK(fd >= 0 && is_cloexec(fd));
        close(fd);
    }
    end_storm();
    if (wrong)
        fail(__FILE__, wrong, "in the handler");
    stop = 1;
    while (recv(pair[1], &(char){0}, 1, MSG_DONTWAIT) == 1)
        ;
    CHECK(pthread_join(sender, NULL) == 0);
    printf("     %d handlers ran, %ld receives were interrupted\n", (int)handled, interrupted);
    close(handler_fd);
    close_both(handler_pair);
    close_both(pair);
    munmap(stack, 1);
}

/* SIGPIPE. */

static volatile sig_atomic_t pipes;

static void count_pipe(int signal)
{
    (void)signal;
    pipes++;
}

struct sending {
    const char *name;
    int type;
    unsigned int flags;
    int fds;
};

static const struct sending sendings[] = {
    {"plain", SOCK_STREAM, 0, 0},          {"with descriptors", SOCK_STREAM, 0, 2},
    {"DONTWAIT", SOCK_STREAM, ANC_DONTWAIT, 2}, {"ALL", SOCK_STREAM, ANC_ALL, 2},
    {"MOVE", SOCK_STREAM, ANC_MOVE, 2},    {"ALL MOVE", SOCK_STREAM, ANC_ALL | ANC_MOVE, 2},
    {"seqpacket", SOCK_SEQPACKET, 0, 2},
};

/* How many SIGPIPEs wait for this thread (0 or 1) and for the process (2). */
static int waiting_pipes(void)
{
    char line[256];
    unsigned long long thread = 0, process = 0, bit = 1ull << (SIGPIPE - 1);
    FILE *status = fopen("/proc/thread-self/status", "re");
    CHECK(status);
    while (fgets(line, sizeof line, status)) {
        sscanf(line, "SigPnd: %llx", &thread);
        sscanf(line, "ShdPnd: %llx", &process);
    }
    fclose(status);
    return !!(thread & bit) + 2 * !!(process & bit);
}

/* None was there before (0), one of the thread (1), one of the process (2). */
static void send_to_nobody(const struct sending *s, void (*disposition)(int), int blocked,
                           int before)
{
    struct sigaction action = {0}, after;
    sigset_t mask, mask_after;
    int pair[2], fds[2], fd, i;
    action.sa_handler = disposition;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2); /* something else that has to stay */
    if (blocked)
        sigaddset(&mask, SIGPIPE);
    CHECK(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
    pipes = 0;
    if (before == 1)
        pthread_kill(pthread_self(), SIGPIPE);
    if (before == 2)
        kill(getpid(), SIGPIPE);
    socket_pair(s->type, pair);
    new_descriptors(fds, 2);
    close(pair[1]);

    CHECK_ERRNO(anc_send_fds(pair[0], "abc", 3, fds, (size_t)s->fds, s->flags), EPIPE);
    CHECK_ERRNO(anc_send_fd(pair[0], fds[0], s->flags & (unsigned int)~ANC_ALL), EPIPE);

    CHECK_INT(pipes, 0);
    CHECK_INT(waiting_pipes(), before);
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask_after) == 0);
    for (i = 1; i < NSIG; i++)
        CHECK_INT(sigismember(&mask_after, i), sigismember(&mask, i));
    CHECK(sigaction(SIGPIPE, NULL, &after) == 0);
    CHECK(after.sa_handler == disposition && (after.sa_flags & SA_RESTART));
    for (fd = 0; fd < 2; fd++)
        CHECK(close(fds[fd]) == 0);
    close(pair[0]);
    if (before) { /* so that it does not end the test */
        struct timespec none = {0, 0};
        sigemptyset(&mask);
        sigaddset(&mask, SIGPIPE);
        CHECK_INT(sigtimedwait(&mask, NULL, &none), SIGPIPE);
    }
}

static void (*const dispositions[])(int) = {SIG_DFL, SIG_IGN, count_pipe};

static void sends_to_nobody(int blocked, int before)
{
    size_t s;
    int d;
    for (s = 0; s < sizeof sendings / sizeof *sendings; s++)
        for (d = 0; d < 3; d++)
            if (!before || dispositions[d] != SIG_IGN) /* which forgets it */
                send_to_nobody(&sendings[s], dispositions[d], blocked, before);
}

TEST(a_peer_that_has_gone_raises_no_SIGPIPE) { sends_to_nobody(0, 0); }
TEST(a_blocked_SIGPIPE_stays_blocked_and_none_waits_afterwards) { sends_to_nobody(1, 0); }
TEST(a_SIGPIPE_that_waited_for_the_thread_still_waits) { sends_to_nobody(1, 1); }

/* Where SIGPIPE has to be taken back, one that waits already can't be told from the own one. */
TEST(a_SIGPIPE_that_waited_for_the_process_still_waits_alone)
{
    if (built_without("nosignal"))
        skip("ANC_WITHOUT=nosignal: sigpending does not tell the thread's from the process's");
    sends_to_nobody(1, 2);
}

/* The peer goes between two parts of one call. */
static void *hang_up(void *arg)
{
    const int *pair = arg;
    char bytes[4096];
    int i;
    for (i = 0; i < 4; i++)
        CHECK(recv(pair[1], bytes, sizeof bytes, 0) > 0);
    close(pair[1]);
    return NULL;
}

TEST(a_peer_that_goes_in_the_middle_raises_no_SIGPIPE)
{
    static char bytes[4 << 20];
    int pair[2], fd = new_descriptor();
    ssize_t n;
    pthread_t thread;
    signal(SIGPIPE, count_pipe);
    socket_pair(SOCK_STREAM, pair);
    CHECK(pthread_create(&thread, NULL, hang_up, pair) == 0);
    n = anc_send_fds(pair[0], bytes, sizeof bytes, &fd, 1, ANC_ALL);
    CHECK(n > 0 && (size_t)n < sizeof bytes);
    CHECK_ERRNO(anc_send_fds(pair[0], bytes, 1, NULL, 0, 0), EPIPE);
    CHECK_INT(pipes, 0);
    CHECK_INT(waiting_pipes(), 0);
    CHECK(pthread_join(thread, NULL) == 0);
    close(fd);
    close(pair[0]);
}

TEST(no_call_changes_the_disposition_of_any_signal)
{
    static struct sigaction before[NSIG];
    struct sigaction after;
    int pair[2], fds[2], got[2], s;
    size_t n;
    char byte;
    for (s = 1; s < NSIG; s++)
        sigaction(s, NULL, &before[s]);
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 2);
    CHECK_INT(anc_send_fds(pair[0], "x", 1, fds, 2, ANC_MOVE | ANC_ALL), 1);
    CHECK_INT(anc_recv_fds(pair[1], &byte, 1, got, 1, &n, ANC_TRIM | ANC_ALL), 1);
    anc_close_fds(got, 1);
    close_both(pair);
    for (s = 1; s < NSIG; s++) {
        memset(&after, 0, sizeof after);
        if (sigaction(s, NULL, &after) == 0)
            CHECK(after.sa_handler == before[s].sa_handler && after.sa_flags == before[s].sa_flags);
    }
}
