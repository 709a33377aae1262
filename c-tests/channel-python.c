/* The channel and a peer in another language, wire/peer.py, which has read the manual alone. */
#include "control.h"

/* A peer that waits to send does not receive. So no more descriptors are under way at a time than may be in
 * flight, or each could wait for the other. */
enum { MESSAGES = 4000, UNDER_WAY = 32, FDS_UNDER_WAY = 700, KINDS = 16, FDS = 600, PATTERN = 1 << 18 };

/* python3 with this program of wire/ and a file beside it; `sock` is its standard input. */
static pid_t python(int sock, const char *program, const char *argument)
{
    const char *slash = strrchr(__FILE__, '/');
    int here = slash ? (int)(slash + 1 - __FILE__) : 0;
    char path[2][512];
    pid_t child;
    snprintf(path[0], sizeof path[0], "%.*swire/%s", here, __FILE__, program);
    snprintf(path[1], sizeof path[1], "%.*swire/%s", here, __FILE__, argument);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (dup2(sock, 0) == 0)
            execlp("python3", "python3", "-B", path[0], path[1], (char *)NULL);
        _exit(127);
    }
    return child;
}

static void need_python(void)
{
    int status;
    pid_t child;
    if (on_valgrind())
        skip("valgrind follows into python3, which is not under test");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execlp("python3", "python3", "-c", "import sys; sys.exit(sys.version_info < (3, 8))", (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child);
    if (status != 0)
        skip("there is no Python 3.8 or later");
}

TEST(the_vectors_hold_for_a_peer_in_another_language)
{
    need_python();
    check_child(python(0, "vectors.py", "vectors.txt"));
}

/* A message of the test, which its number determines. */
struct random_message {
    size_t offset, len, nfds;
};

static unsigned char pattern[PATTERN];
static struct random_message messages[MESSAGES];
static ino_t inodes[KINDS];
static int files[KINDS];

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * n >> 32);
}

static int kind_of(size_t message, size_t fd)
{
    return (int)((message * 7 + fd * 5) % KINDS);
}

static ino_t inode(int fd)
{
    struct stat status;
    CHECK(fstat(fd, &status) == 0);
    return status.st_ino;
}

static void make_messages(void)
{
    size_t i;
    for (i = 0; i < PATTERN; i++)
        pattern[i] = (unsigned char)random_below(256);
    for (i = 0; i < KINDS; i++) {
        CHECK((files[i] = new_numbered(0)) >= 0);
        inodes[i] = inode(files[i]);
    }
    for (i = 0; i < MESSAGES; i++) {
        struct random_message *m = &messages[i];
        m->len = random_below(50) == 0 ? random_below(PATTERN) : random_below(300);
        m->offset = random_below((uint32_t)(PATTERN - m->len));
        m->nfds = random_below(50) == 0 ? random_below(FDS + 1) : random_below(2) * random_below(4);
    }
}

/* What the queue needs to keep of a message. */
struct slot {
    struct anc_out out;
    struct iovec iov;
    int fds[FDS];
};

static void queue(struct anc_tx *tx, struct slot *slot, size_t i)
{
    const struct random_message *m = &messages[i];
    size_t k;
    memset(&slot->out, 0, sizeof slot->out);
    slot->out.flags = m->nfds < 4 && i % 2 ? ANC_MOVE : 0;
    for (k = 0; k < m->nfds; k++)
        slot->fds[k] = slot->out.flags ? duplicate(files[kind_of(i, k)]) : files[kind_of(i, k)];
    slot->iov.iov_base = pattern + m->offset;
    slot->iov.iov_len = m->len;
    slot->out.iov = &slot->iov;
    slot->out.iovcnt = 1;
    slot->out.fds = slot->fds;
    slot->out.nfds = m->nfds;
    CHECK_OK(anc_tx_queue(tx, &slot->out), 0);
}

/* Sends all messages to the peer, at most so many of them at a time, and sees each come back. */
static void exchange(int type, unsigned int seed)
{
    static const struct anc_limits limits = {0, FDS, 0, 0};
    static char tx_buffer[ANC_TX_BUFFER], rx_buffer[ANC_RX_BUFFER];
    static struct slot under_way[UNDER_WAY];
    size_t sent = 0, received = 0, fds_under_way = 0, len = 0, nfds = 0, k;
    int pair[2], slots[ANC_FDS_MAX], r;
    struct anc_tx tx;
    struct anc_rx rx;
    struct anc_in in;
    pid_t peer;
    random_state = seed;
    make_messages();
    socket_pair(type, pair);
    if (type == SOCK_STREAM)
        option(pair[1], SO_SNDBUF, 8192); /* so that the peer waits within a frame, and is interrupted there */
    peer = python(pair[1], "echo.py", "");
    close(pair[1]);
    CHECK_OK(anc_tx_init(&tx, pair[0], tx_buffer, sizeof tx_buffer, &limits, sizeof tx), 0);
    CHECK_OK(anc_rx_init(&rx, pair[0], rx_buffer, sizeof rx_buffer, slots, ANC_FDS_MAX, &limits, sizeof rx), 0);
    while (received < MESSAGES) {
        struct pollfd ready = {pair[0], POLLIN, 0};
        int wait_ms = -1;
        for (; sent < MESSAGES && sent - received < UNDER_WAY; sent++) {
            if (fds_under_way + messages[sent].nfds > FDS_UNDER_WAY)
                break;
            fds_under_way += messages[sent].nfds;
            queue(&tx, &under_way[sent % UNDER_WAY], sent);
        }
        if (anc_tx_flush(&tx, 0) != 0) {
            CHECK(errno == EAGAIN || errno == ETOOMANYREFS);
            if (errno == EAGAIN)
                ready.events = POLLIN | POLLOUT;
            else
                wait_ms = 5;
        }
        while ((r = anc_rx_recv(&rx, &in, 0)) == 1) {
            const struct random_message *m = &messages[received];
            CHECK_CASE(in.len <= m->len - len && memcmp(in.data, pattern + m->offset + len, in.len) == 0,
                       "message %zu: other bytes", received);
            CHECK_CASE(in.nfds <= m->nfds - nfds, "message %zu: too many descriptors", received);
            for (k = 0; k < in.nfds; k++)
                CHECK_CASE(inode(in.fds[k]) == inodes[kind_of(received, nfds + k)], "message %zu: descriptor %zu",
                           received, nfds + k);
            len += in.len;
            nfds += in.nfds;
            if (!in.more) {
                CHECK_CASE(len == m->len && nfds == m->nfds, "message %zu: too short", received);
                CHECK_INT(under_way[received % UNDER_WAY].out.state, ANC_OUT_DONE);
                received++;
                fds_under_way -= nfds;
                len = nfds = 0;
                break; /* let the queue grow by one, now and then by several */
            }
        }
        if (r != 1) {
            CHECK_CASE(r == -1 && errno == EAGAIN, "message %zu: %d", received, r);
            CHECK(received == MESSAGES || poll(&ready, 1, wait_ms) >= 0);
        }
    }
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    CHECK_INT(anc_rx_recv(&rx, &in, -1), 0);
    check_child(peer);
    anc_tx_drop(&tx);
    anc_rx_close(&rx);
    anc_close_fds(files, KINDS);
    close(pair[0]);
}

TEST(a_stream_carries_thousands_of_messages_to_the_peer_and_back)
{
    need_python();
    exchange(SOCK_STREAM, 1);
}

TEST(packets_carry_thousands_of_messages_to_the_peer_and_back)
{
    need_python();
    exchange(SOCK_SEQPACKET, 2);
}
