/* Channels over real sockets that move a few bytes at a time, and whose system calls fail one after the
 * other: nothing is repeated, lost or left open. */
#include "interpose.h"

enum { MESSAGES = 6, FDS = 12, MOST_BYTES = 64, FRAME = 20, CALLS_MAX = 2000 };

static const struct {
    size_t len;
    int fds, moved;
} shapes[MESSAGES] = {{0, 1, 1}, {50, 3, 1}, {5, 0, 0}, {0, 0, 0}, {30, 2, 0}, {7, 4, 1}};

static char text[MESSAGES][MOST_BYTES];
static int copies[FDS]; /* of what is sent */
static uint64_t tx_memory[ANC_TX_BUFFER / sizeof(uint64_t)];
static unsigned char rx_memory[ANC_RX_BUFFER];
static int slots[ANC_FDS_MAX];
static long channels;

static struct {
    int pair[2];
    struct anc_tx tx;
    struct anc_rx rx;
    struct anc_out out[MESSAGES];
    struct iovec iov[MESSAGES];
    int fds[FDS];
    /* What has come. */
    int messages, dealt;
    size_t len; /* of the message at hand */
} c;

static void new_channel(int type)
{
    static const struct anc_limits limits = {0, 0, FRAME, 0};
    int i, k, fd = 0;
    memset(&c, 0, sizeof c);
    new_world();
    socket_pair(type, c.pair);
    CHECK_OK(anc_tx_init(&c.tx, c.pair[0], tx_memory, sizeof tx_memory, &limits, sizeof c.tx), 0);
    CHECK_OK(anc_rx_init(&c.rx, c.pair[1], rx_memory, sizeof rx_memory, slots, ANC_FDS_MAX, &limits, sizeof c.rx), 0);
    for (i = 0; i < MESSAGES; i++) {
        c.iov[i] = (struct iovec){text[i], shapes[i].len};
        c.out[i].iov = &c.iov[i];
        c.out[i].iovcnt = 1;
        c.out[i].fds = c.fds + fd;
        c.out[i].nfds = (size_t)shapes[i].fds;
        c.out[i].flags = shapes[i].moved ? ANC_MOVE : 0;
        for (k = 0; k < shapes[i].fds; k++, fd++) {
            CHECK((c.fds[fd] = fcntl(copies[fd], F_DUPFD_CLOEXEC, 0)) >= 0);
            if (shapes[i].moved)
                give(&c.fds[fd], 1);
        }
        CHECK_OK(anc_tx_queue(&c.tx, &c.out[i]), 0);
    }
    channels++;
}

static void end_channel(void)
{
    int i, k, fd = 0;
    CHECK_INT(owned_by(LIBRARYS), 0);
    CHECK_INT(owned_by(GIVEN), 0);
    for (i = 0; i < MESSAGES; i++)
        for (k = 0; k < shapes[i].fds; k++, fd++)
            if (!shapes[i].moved)
                CHECK_INT(close(c.fds[fd]), 0);
    close(c.pair[1]);
}

static void new_texts(void)
{
    int i, k;
    for (i = 0; i < MESSAGES; i++)
        for (k = 0; k < MOST_BYTES; k++)
            text[i][k] = (char)(' ' + 13 * i + k);
    new_descriptors(copies, FDS);
}

static void check_frame(const struct anc_in *in)
{
    size_t k;
    CHECK(c.messages < MESSAGES && c.len + in->len <= shapes[c.messages].len);
    CHECK(in->len == 0 || memcmp(in->data, text[c.messages] + c.len, in->len) == 0);
    c.len += in->len;
    for (k = 0; k < in->nfds; k++, c.dealt++) {
        int fd = in->fds[k];
        CHECK(fd >= 0 && same_file(fd, copies[c.dealt]));
        if (c.dealt % 2) { /* The others are the library's to close. */
            belongs(fd, NOBODYS);
            in->fds[k] = -1;
            close(fd);
        }
    }
    if (!in->more) {
        CHECK_INT(c.len, shapes[c.messages].len);
        c.messages++;
        c.len = 0;
    }
}

/* Sends all. Temporary errors are met by calling again. */
static void flush_all(int timeout_ms)
{
    int errors = 0;
    while (LIBRARY(anc_tx_flush(&c.tx, timeout_ms)) != 0) {
        CHECK_CASE(errno == EINTR || (timeout_ms == 0 && (errno == EAGAIN || errno == ETOOMANYREFS)),
                   "%zu at most, error %d at call %d, %d ms", world.at_most, world.faults[0].error,
                   world.faults[0].first, timeout_ms);
        CHECK(++errors < CALLS_MAX);
    }
}

/* Receives until end of file. */
static void receive_all(int timeout_ms)
{
    struct anc_in in;
    int r, errors = 0;
    while ((r = (int)LIBRARY(anc_rx_recv(&c.rx, &in, timeout_ms))) != 0) {
        if (r == 1) {
            check_frame(&in);
            continue;
        }
        CHECK(errno == EINTR || (timeout_ms == 0 && errno == EAGAIN));
        CHECK(++errors < CALLS_MAX);
    }
}

static void transfer(int type, size_t at_most, struct fault fault, int timeout_ms)
{
    int i;
    new_channel(type);
    world.at_most = at_most;
    world.faults[0] = fault;
    flush_all(timeout_ms);
    for (i = 0; i < MESSAGES; i++)
        CHECK_INT(c.out[i].state, ANC_OUT_DONE);
    CHECK_INT(owned_by(GIVEN), 0);
    /* The descriptors went in as many calls as there were batches: one, if none was cut off. */
    CHECK_INT(world.with_control, 1);
    close(c.pair[0]);
    receive_all(timeout_ms);
    CHECK_INT(c.messages, MESSAGES);
    CHECK_INT(c.dealt, 10);
    LIBRARY((anc_tx_drop(&c.tx), anc_rx_close(&c.rx), 0));
    end_channel();
}

static int calls_of(int type, size_t at_most, enum call call)
{
    transfer(type, at_most, (struct fault){CALLS, 0, 0, 0}, 0);
    return world.calls[call];
}

static void fail_each_call(int type, size_t at_most, enum call call, const int *errors, int n)
{
    /* A socket more than a quarter full is not writable for poll, and each byte sent alone fills it. */
    int i, k, timeout_ms, calls = calls_of(type, at_most, call), last_ms = at_most == 0 || at_most >= 7 ? 1000 : 0;
    for (timeout_ms = 0; timeout_ms <= last_ms; timeout_ms += 1000)
        for (k = 0; k < n; k++)
            for (i = 1; i <= calls; i += on_valgrind() ? 7 : 1)
                transfer(type, at_most, (struct fault){call, i, i + (int)(i % 3 == 0), errors[k]}, timeout_ms);
}

static void fail_every_call(int type)
{
    static const int sending[] = {EINTR, EAGAIN, ETOOMANYREFS}, receiving[] = {EINTR, EAGAIN};
    static const size_t parts[] = {0, 1, 2, 3, 7, 8, 9, 27, 28, 29, 64};
    size_t i, n = type == SOCK_STREAM ? sizeof parts / sizeof *parts : 1;
    new_texts();
    for (i = 0; i < n; i++) {
        fail_each_call(type, parts[i], SENDMSG, sending, 3);
        fail_each_call(type, parts[i], RECVMSG, receiving, 2);
    }
    printf("     %ld channels\n", channels);
    for (i = 0; i < FDS; i++)
        close(copies[i]);
}

TEST(a_stream_short_at_every_byte_and_failing_at_every_call_repeats_and_loses_nothing)
{
    fail_every_call(SOCK_STREAM);
}

TEST(packets_failing_at_every_call_repeat_and_lose_nothing)
{
    fail_every_call(SOCK_SEQPACKET);
}

/* The connection breaks, or the sender gives up, at any call: what was moved is closed once, and the
 * receiver has whole messages, and an error where the last was cut. */
TEST(a_sender_that_gives_up_at_any_call_leaves_nothing_open)
{
    static const size_t parts[] = {0, 1, 5, 8, 13};
    size_t part;
    int i, k, calls;
    new_texts();
    for (part = 0; part < sizeof parts / sizeof *parts; part++) {
        calls = calls_of(SOCK_STREAM, parts[part], SENDMSG);
        for (i = 1; i <= calls; i++) {
            struct anc_in in;
            int r, done = 0;
            new_channel(SOCK_STREAM);
            world.at_most = parts[part];
            world.faults[0] = (struct fault){SENDMSG, i, INT_MAX, i % 2 ? EPIPE : ECONNRESET};
            CHECK_INT(LIBRARY(anc_tx_flush(&c.tx, -1)), -1);
            CHECK_INT(errno, i % 2 ? EPIPE : ECONNRESET);
            LIBRARY((anc_tx_drop(&c.tx), 0));
            for (k = 0; k < MESSAGES; k++) {
                CHECK(c.out[k].state == ANC_OUT_DROPPED || (c.out[k].state == ANC_OUT_DONE && k == done));
                done += c.out[k].state == ANC_OUT_DONE;
            }
            CHECK_INT(owned_by(GIVEN), 0);
            close(c.pair[0]);
            while ((r = (int)LIBRARY(anc_rx_recv(&c.rx, &in, -1))) == 1)
                check_frame(&in);
            CHECK_INT(c.messages, done);
            CHECK(r == 0 ? c.len == 0 && i == 1 : errno == EPROTO);
            CHECK_INT(owned_by(LIBRARYS), 0);
            CHECK_INT(LIBRARY(anc_rx_recv(&c.rx, &in, -1)), r);
            end_channel();
        }
    }
    printf("     %ld channels\n", channels);
    for (i = 0; i < FDS; i++)
        close(copies[i]);
}
