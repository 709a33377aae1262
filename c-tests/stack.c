/* The stack that each call needs, the C library's frames below it included: at most 3 KB, so that
 * a handler on a signal stack of 8 KB can call it. */
#include "harness.h"
#include <limits.h>

enum { LIMIT = 3072, SIZE = 64 * 1024, PATTERN = 0xa5 };

static int pair[2], seqpacket[2], fds[ANC_FDS_MAX], got[ANC_FDS_MAX];
static size_t came;
static char bytes[1 << 20];
static long long result;

/* What is measured. */

static void nothing(void) { result = 1; }

static void send_most(void) { result = anc_send_fds(pair[0], "x", 1, fds, ANC_FDS_MAX, 0); }
static void send_one(void) { result = anc_send_fd(pair[0], fds[0], 0) + 1; }
static void send_refused(void)
{
    result = anc_send_fds(pair[0], "x", 1, fds, ANC_FDS_MAX + 1, 0) + 2;
}

static void send_moved(void) { result = anc_send_fds(pair[0], "x", 1, got, ANC_FDS_MAX, ANC_MOVE); }

static void send_in_parts(void)
{
    struct iovec iov[3] = {{bytes, 3}, {bytes, 1}, {bytes, sizeof bytes}};
    /* Short: the socket fills up. */
    result = anc_sendv_fds(pair[0], iov, 3, fds, 4, ANC_ALL | ANC_DONTWAIT);
}

static void send_empty(void) { result = anc_send_fds(seqpacket[0], NULL, 0, fds, 4, 0) + 1; }

static void receive_most(void)
{
    result = anc_recv_fds(pair[1], bytes, 1, got, ANC_FDS_MAX, &came, 0);
}
static void receive_one(void) { result = (got[0] = anc_recv_fd(pair[1], 0)) >= 0; }
static void receive_trimmed(void)
{
    result = anc_recv_fds(pair[1], bytes, 1, got, 1, &came, ANC_TRIM);
}
static void receive_too_many(void)
{
    result = anc_recv_fds(pair[1], bytes, 1, got, 1, &came, 0) + 2;
}
static void receive_too_few(void)
{
    result = anc_recv_fds(pair[1], bytes, 1, got, ANC_FDS_MAX, &came, ANC_EXACT) + 2;
}
static void receive_none(void)
{
    result = anc_recv_fds(pair[1], bytes, 1, got, 1, &came, ANC_DONTWAIT) + 2;
}
static void receive_truncated(void)
{
    result = anc_recv_fds(seqpacket[1], bytes, 1, got, 4, &came, 0) + 2;
}

static void receive_in_parts(void)
{
    struct iovec iov[3] = {{bytes, 3}, {bytes, 1}, {bytes, 6}};
    result = anc_recvv_fds(pair[1], iov, 3, got, 8, &came, ANC_ALL);
}

static void receive_parts_refused(void)
{
    result = anc_recv_fds(pair[1], bytes, 10, got, 3, &came, ANC_ALL) + 2;
}

static void close_many(void)
{
    anc_close_fds(got, ANC_FDS_MAX);
    result = 1;
}

/* A channel from pair[0] to pair[1]. */

static struct anc_tx tx;
static struct anc_rx rx;
static struct anc_in in;
static struct anc_out outs[70];
static struct iovec small = {bytes, 64}, large = {bytes, sizeof bytes};
static char tx_buffer[ANC_TX_BUFFER], rx_buffer[ANC_RX_BUFFER];
static int slots[ANC_FDS_MAX];

static void start_sending(void) { result = anc_tx_init(&tx, pair[0], tx_buffer, sizeof tx_buffer, NULL, sizeof tx) + 1; }
static void start_receiving(void)
{
    result = anc_rx_init(&rx, pair[1], rx_buffer, sizeof rx_buffer, slots, ANC_FDS_MAX, NULL, sizeof rx) + 1;
}

static void queue_to_channel(void)
{
    outs[0] = (struct anc_out){.iov = &small, .iovcnt = 1, .fds = fds, .nfds = ANC_FDS_MAX};
    result = anc_tx_queue(&tx, outs) + 1;
}

static void flush(void) { result = anc_tx_flush(&tx, 0) + 1; }
static void flush_refused(void) { result = anc_tx_flush(&tx, 20) + 2; }
static void drop(void) { anc_tx_drop(&tx), result = 1; }
static void receive_frame(void) { result = anc_rx_recv(&rx, &in, 0); }
static void receive_frame_refused(void) { result = anc_rx_recv(&rx, &in, 1) + 2; }
static void end_receiving(void) { anc_rx_close(&rx), result = 1; }

/* What has to be there before. */

static void queue_most(void) { CHECK_INT(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1); }
static void queue_one(void) { CHECK_INT(raw_send(pair[0], "x", 1, fds, 1, 0), 1); }
static void queue_message(void) { CHECK_INT(raw_send(seqpacket[0], "xyz", 3, fds, 4, 0), 3); }

static void queue_parts(void)
{
    CHECK_INT(raw_send(pair[0], "abcde", 5, fds, 2, 0), 5);
    CHECK_INT(raw_send(pair[0], "fghij", 5, fds, 2, 0), 5);
}

/* Every second number, so that no close_range can help. */
static void open_scattered(void)
{
    int i;
    for (i = 0; i < ANC_FDS_MAX; i++)
        CHECK((got[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 1000 + 2 * i)) >= 0);
}

static void open_many(void)
{
    int i;
    for (i = 0; i < ANC_FDS_MAX; i++)
        CHECK((got[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 1000)) >= 0);
}

/* The table is full after the first of many has come. */
static void fill_up(void)
{
    struct rlimit limit;
    queue_most();
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)lowest_free() + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void start_both(void)
{
    start_sending();
    start_receiving();
}

static void queue_small(void)
{
    int i;
    start_both();
    for (i = 0; i < 70; i++) {
        outs[i] = (struct anc_out){.iov = &small, .iovcnt = 1, .fds = &fds[i], .nfds = 1};
        CHECK_INT(anc_tx_queue(&tx, &outs[i]), 0);
    }
}

static void queue_moved(void)
{
    start_both();
    open_scattered();
    queue_to_channel();
    anc_tx_drop(&tx);
    outs[0].fds = got;
    outs[0].flags = ANC_MOVE;
    CHECK_INT(anc_tx_queue(&tx, outs), 0);
}

static void queue_large(void)
{
    start_both();
    outs[0] = (struct anc_out){.iov = &large, .iovcnt = 1};
    CHECK_INT(anc_tx_queue(&tx, outs), 0);
}

static void queue_bad(void)
{
    static int closed;
    queue_small();
    anc_tx_drop(&tx);
    closed = lowest_free();
    outs[0].fds = &closed;
    CHECK_INT(anc_tx_queue(&tx, &outs[0]), 0);
    CHECK_INT(anc_tx_queue(&tx, &outs[1]), 0);
}

static void flush_most(void)
{
    start_both();
    queue_to_channel();
    CHECK_INT(anc_tx_flush(&tx, 0), 0);
}

static void flush_most_to_a_full_table(void)
{
    struct rlimit limit;
    flush_most();
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)lowest_free() + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void flush_lie(void)
{
    start_both();
    CHECK_INT(raw_send(pair[0], "not a header", 12, fds, ANC_FDS_MAX, 0), 12);
}

static void receive_most_of_a_channel(void)
{
    flush_most();
    CHECK_INT(anc_rx_recv(&rx, &in, 0), 1);
}

static const struct row {
    const char *name;
    void (*prepare)(void);
    void (*call)(void);
    long long result;
} rows[] = {
    {"nothing", NULL, nothing, 1},
    {"anc_send_fds, 253", NULL, send_most, 1},
    {"anc_send_fds, refused", NULL, send_refused, 1},
    {"anc_send_fds MOVE, 253", open_many, send_moved, 1},
    {"anc_send_fds MOVE, scattered", open_scattered, send_moved, 1},
    {"anc_send_fds, empty", NULL, send_empty, 1},
    {"anc_sendv_fds ALL, short", NULL, send_in_parts, -2},
    {"anc_send_fd", NULL, send_one, 1},
    {"anc_recv_fds, 253", queue_most, receive_most, 1},
    {"anc_recv_fds TRIM, 252 surplus", queue_most, receive_trimmed, 1},
    {"anc_recv_fds, ERANGE", queue_most, receive_too_many, 1},
    {"anc_recv_fds EXACT, ENOMSG", queue_one, receive_too_few, 1},
    {"anc_recv_fds, EAGAIN", NULL, receive_none, 1},
    {"anc_recv_fds, EMSGSIZE", queue_message, receive_truncated, 1},
    {"anc_recv_fds, full table", fill_up, receive_too_many, 1},
    {"anc_recvv_fds ALL", queue_parts, receive_in_parts, 10},
    {"anc_recv_fds ALL, ERANGE", queue_parts, receive_parts_refused, 1},
    {"anc_recv_fd", queue_one, receive_one, 1},
    {"anc_close_fds, 253", open_many, close_many, 1},
    {"anc_close_fds, scattered", open_scattered, close_many, 1},
    {"anc_tx_init", NULL, start_sending, 1},
    {"anc_tx_queue", start_both, queue_to_channel, 1},
    {"anc_tx_flush, 70 messages", queue_small, flush, 1},
    {"anc_tx_flush MOVE, scattered", queue_moved, flush, 1},
    {"anc_tx_flush, ETIMEDOUT", queue_large, flush_refused, 1},
    {"anc_tx_flush, EBADF", queue_bad, flush_refused, 1},
    {"anc_tx_drop MOVE, scattered", queue_moved, drop, 1},
    {"anc_rx_init", NULL, start_receiving, 1},
    {"anc_rx_recv, 253", flush_most, receive_frame, 1},
    {"anc_rx_recv, full table", flush_most_to_a_full_table, receive_frame, 1},
    {"anc_rx_recv, EPROTO", flush_lie, receive_frame_refused, 1},
    {"anc_rx_recv, ETIMEDOUT", start_both, receive_frame_refused, 1},
    {"anc_rx_close, 253", receive_most_of_a_channel, end_receiving, 1},
};

/* How. */

static char *volatile frame;

/* Everything below this frame is the call's, and the return address to it. */
__attribute__((noinline)) static void call_once(void (*call)(void))
{
    frame = __builtin_frame_address(0);
    call();
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void *on_painted_stack(void *call)
{
    call_once(((const struct row *)call)->call);
    return NULL;
}

static size_t measure(const struct row *row)
{
    char *stack, *low;
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(posix_memalign((void **)&stack, 4096, SIZE) == 0);
    memset(stack, PATTERN, SIZE);
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstack(&attributes, stack, SIZE) == 0);
    CHECK(pthread_create(&thread, &attributes, on_painted_stack, (void *)(uintptr_t)row) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    for (low = stack; *(unsigned char *)low == PATTERN; low++)
        ;
    pthread_attr_destroy(&attributes);
    free(stack);
    return (size_t)(frame - low);
}

static void start_over(void)
{
    int i;
    for (i = 0; i < ANC_FDS_MAX; i++)
        got[i] = -1;
    drain_socket(pair[1]);
    drain_socket(seqpacket[1]);
    anc_tx_drop(&tx);
    anc_rx_close(&rx);
}

static size_t measure_prepared(const struct row *row)
{
    struct rlimit limit;
    size_t used;
    start_over();
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (row->prepare)
        row->prepare();
    used = measure(row);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (row->result == -2)
        CHECK(result > 4 && result < (long long)sizeof bytes);
    else if (result != row->result)
        fail(__FILE__, __LINE__, "%s: %lld", row->name, result);
    if (row->call != send_moved && row->prepare != queue_moved)
        anc_close_fds(got, ANC_FDS_MAX);
    return used;
}

TEST(no_call_needs_more_than_3_KB_of_stack)
{
    size_t i, used, most = 0;
    if (on_valgrind())
        skip("valgrind changes what the frames hold");
    if (ON_ASAN)
        skip("ASan's own frames are below the calls");
    socket_pair(SOCK_STREAM, pair);
    socket_pair(SOCK_SEQPACKET, seqpacket);
    new_descriptors(fds, ANC_FDS_MAX);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        measure_prepared(&rows[i]); /* what is bound lazily is bound here */
        used = measure_prepared(&rows[i]);
        printf("     %5zu  %s\n", used, rows[i].name);
        most = used > most ? used : most;
    }
    start_over();
    anc_close_fds(fds, ANC_FDS_MAX);
    close_both(pair);
    close_both(seqpacket);
    if (most > LIMIT)
        fail(__FILE__, __LINE__, "%zu bytes, not %d", most, LIMIT);
}
