/* The stack that each call needs, the C library's frames below it included: at most what its page
 * says, 3 KB or 1 KB, so that a handler on a signal stack of 8 KB can call it.
 * Linux alone: pidfds and options of Linux among the calls. */
#include "harness.h"
#include <limits.h>
#include <netinet/in.h>
#include <sys/syscall.h>

/* Other machines have larger frames, and musl's sendmsg has 1 KB of its own. */
#if (defined(__x86_64__) || defined(__i386__)) && defined(__GLIBC__)
enum { MOST = 3072, LESS = 1024 };
#else
enum { MOST = 4096, LESS = 2048 };
#endif
enum { SIZE = 256 * 1024, PATTERN = 0xa5 };

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

static void ask_token(void)
{
    uint32_t token[8];
    result = anc_peer_token(pair[0], token) + 2;
}

static struct anc_peer peer;
static void ask_peer(void)
{
    result = anc_peer(pair[0], &peer, sizeof peer, ANC_PEER_PIDFD) + 1;
    if (peer.pidfd == -1) /* before Linux 6.5 */
        peer.pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    got[0] = peer.pidfd;
}
static void match_pidfd(void) { result = anc_pidfd_matches(peer.pidfd, peer.pid); }
static void want_most(void)
{
    const uint64_t all = ANC_CREDENTIALS | ANC_LABEL | ANC_TIME;
    result = anc_want(seqpacket[1], all, 0, NULL) | anc_want(seqpacket[1], 0, all, NULL);
}

static void want_too_much(void) { result = anc_want(seqpacket[1], ANC_CREDENTIALS | ANC_TIME | ANC_TTL, 0, NULL); }
static void want_stamps(void) { result = anc_want_timestamping(seqpacket[1], 0); }
static void ask_what_is_wanted(void)
{
    uint64_t facts;
    result = anc_wanted(seqpacket[1], &facts);
}

static void close_many(void)
{
    anc_close_fds(got, ANC_FDS_MAX);
    result = 1;
}

/* The control messages: what was received, in `control`. */
static char control[ANC_CONTROL_MAX], part[16];
static struct iovec parts = {part, 1};
static struct msghdr msg;
static struct mmsghdr batch[4];

static struct msghdr *message(size_t controllen)
{
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &parts;
    msg.msg_iovlen = 1;
    msg.msg_control = control;
    msg.msg_controllen = controllen;
    return &msg;
}

static void put_all(void)
{
    static const int nobodys[3] = {1000000, 1000001, 1000002}; /* no descriptors: closing them harms nobody */
    static struct anc_builder b;
    static struct sockaddr_in6 from = {.sin6_family = AF_INET6};
    static struct anc_dest asked = {.family = AF_INET6, .to = {1}, .reply_from = {1}};
    anc_builder_init(&b, control, sizeof control);
    anc_put_fds(&b, nobodys, 3);
    anc_put_credentials(&b, 1, 2, 3);
    anc_put_source(&b, (struct sockaddr *)&from, sizeof from, 1);
    anc_put_reply_from(&b, &asked);
    anc_put_tos(&b, AF_INET, 1);
    anc_put_ttl(&b, AF_INET6, 1);
    anc_put_segment(&b, 1);
    anc_put_txtime(&b, 1);
    anc_put_timestamping(&b, 1);
    anc_put_mark(&b, 1);
    anc_put_priority(&b, 1);
    anc_put(&b, SOL_SOCKET, SCM_RIGHTS, NULL, 0);
    anc_put(&b, 4711, 1, "x", 1);
    result = anc_builder_finish(&b, &msg) + 1;
}

static void put_refused(void)
{
    static struct anc_builder b;
    anc_builder_init(&b, control, 4);
    anc_put_tos(&b, AF_INET, 1);
    result = anc_builder_finish(&b, &msg) + 2;
}

static void read_all(void)
{
    static struct anc_cmsg c;
    static struct anc_info info;
    int n = 0;
    memset(&c, 0, sizeof c);
    while (anc_next(&msg, &c) == 1)
        n += anc_name(c.level, c.type) != NULL;
    result = anc_get(&msg, SOL_SOCKET, SO_PRIORITY, part, 4) == 0 && anc_decode(&msg, &info, sizeof info) == 0
        && anc_truncation_cause(&msg, msg.msg_controllen) == 0 && n > 10 && info.nother > 0 && info.nfds > 0;
}

static void read_malformed(void)
{
    static struct anc_info info;
    result = anc_decode(&msg, &info, sizeof info) + 2;
}

static void find_cause(void) { result = anc_truncation_cause(&msg, ANC_FDS_SPACE(ANC_FDS_MAX)) == EMFILE; }
static void take_most(void) { result = anc_take_fds(&msg, got, ANC_FDS_MAX, &came, 0) + 1; }
static void take_trimmed(void) { result = anc_take_fds(&msg, got, 1, &came, ANC_TRIM) + 1; }
static void take_too_many(void) { result = anc_take_fds(&msg, got, 1, &came, 0) + 2; }
static void take_no_pidfd(void) { result = anc_take_pidfd(&msg) + 2; }
static void close_unclaimed(void)
{
    anc_close_unclaimed(&msg);
    result = 1;
}

/* Whole messages, and the queue. */

static int slots[ANC_FDS_MAX];
static struct anc_fd_queue queue;

static void send_message(void) { result = anc_sendmsg(pair[0], message(0), 0); }
static void receive_message(void) { result = anc_recvmsg(pair[1], message(sizeof control), 0); }
static void peek_message(void) { result = anc_recvmsg(pair[1], message(sizeof control), MSG_PEEK); }
static void receive_batch(void) { result = anc_recvmmsg(seqpacket[1], batch, 4, MSG_DONTWAIT); }
static void send_batch(void) { result = anc_sendmmsg(seqpacket[0], batch, 4, 0) == 4; }

static void queue_receive(void)
{
    anc_fd_queue_init(&queue, slots, ANC_FDS_MAX);
    result = anc_fd_queue_recv(&queue, pair[1], bytes, 1, ANC_FDS_MAX, 0);
}
static void queue_receive_parts(void)
{
    anc_fd_queue_init(&queue, slots, ANC_FDS_MAX);
    result = anc_fd_queue_recvv(&queue, pair[1], &parts, 1, 1, 0) + 2;
}
static void queue_take(void)
{
    got[0] = anc_fd_queue_take(&queue);
    result = anc_fd_queue_take_fds(&queue, got + 1, 7) == 0 && got[0] >= 0;
}
static void queue_close(void)
{
    anc_fd_queue_close(&queue);
    result = 1;
}

/* A channel from pair[0] to pair[1]. */

static struct anc_tx tx;
static struct anc_rx rx;
static struct anc_in in;
static struct anc_out outs[70];
static struct iovec small = {bytes, 64}, large = {bytes, sizeof bytes};
static char tx_buffer[ANC_TX_BUFFER], rx_buffer[ANC_RX_BUFFER];
static struct msghdr asked;
static ssize_t told; /* what became of it */

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
static void show_next(void) { result = anc_tx_next(&tx, &asked); }
static void tell_sent(void) { result = anc_tx_sent(&tx, told) + 1; }
static void prepare_receive(void) { result = anc_rx_prepare(&rx, &asked); }
static void tell_got(void) { result = anc_rx_got(&rx, &asked, told) + 1; }
static void next_frame(void) { result = anc_rx_next(&rx, &in); }

/* What has to be there before. */

static void queue_most(void) { CHECK_INT(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1); }
static void queue_one(void) { CHECK_INT(raw_send(pair[0], "x", 1, fds, 1, 0), 1); }
static void queue_message(void) { CHECK_INT(raw_send(seqpacket[0], "xyz", 3, fds, 4, 0), 3); }

static void queue_parts(void)
{
    CHECK_INT(raw_send(pair[0], "abcde", 5, fds, 2, 0), 5);
    CHECK_INT(raw_send(pair[0], "fghij", 5, fds, 2, 0), 5);
}

/* All that the builder puts, and a kind that only anc_next shows. */
static void lay_all(void)
{
    put_all();
    CHECK_INT(result, 1);
}

static void lay_malformed(void)
{
    static const struct cmsghdr header = {.cmsg_len = 1};
    lay_all();
    memcpy(control, &header, sizeof header);
}

static void receive_here(void)
{
    CHECK_INT(recvmsg(pair[1], message(sizeof control), MSG_CMSG_CLOEXEC), 1);
}
static void hold_most(void)
{
    queue_most();
    receive_here();
}
static void prepare_batch(void)
{
    int i;
    for (i = 0; i < 4; i++) {
        memset(&batch[i], 0, sizeof batch[i]);
        batch[i].msg_hdr.msg_iov = &parts;
        batch[i].msg_hdr.msg_iovlen = 1;
    }
}
static void queue_batch(void)
{
    prepare_batch();
    batch[0].msg_hdr.msg_control = control;
    batch[0].msg_hdr.msg_controllen = sizeof control;
    CHECK_INT(raw_send(seqpacket[0], "x", 1, fds, 4, 0), 1);
}
static void queue_held(void)
{
    queue_most();
    queue_receive();
    CHECK_INT(result, 1);
}

/* A shell's 1,024 is too small for numbers of one's own choice. */
static void widen_table(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Every second number, so that no close_range can help. */
static void open_scattered(void)
{
    int i;
    widen_table();
    for (i = 0; i < ANC_FDS_MAX; i++)
        CHECK((got[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 1000 + 2 * i)) >= 0);
}

static void open_many(void)
{
    int i;
    widen_table();
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

static void describe_one(void)
{
    struct anc_fd_info info;
    result = anc_fd_describe(fds[0], &info, sizeof info) + 1;
}
static void require_one(void) { result = anc_fd_require(fds[0], ANC_FD_EVENT, ANC_FD_READ, 0) + 1; }

/* The descriptors that were received, moved to numbers of which no two follow each other. */
static void hold_scattered(void)
{
    static const struct cmsghdr header = {.cmsg_len = ANC_LEN(sizeof got), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    open_scattered();
    message(ANC_FDS_SPACE(ANC_FDS_MAX));
    memcpy(control, &header, sizeof header);
    memcpy(control + ANC_LEN(0), got, sizeof got);
    memset(got, 0xff, sizeof got);
}

/* Of three none came. */
static void hold_truncated(void)
{
    struct rlimit limit;
    message(0)->msg_flags = MSG_CTRUNC;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)lowest_free();
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

static void send_most_of_a_channel(void)
{
    queue_moved();
    show_next();
    told = kernel_sendmsg(pair[0], &asked, MSG_NOSIGNAL);
    CHECK(told > 0);
}

static void fill_prepared(void)
{
    flush_most();
    prepare_receive();
    told = recvmsg(pair[1], &asked, MSG_CMSG_CLOEXEC);
    CHECK(told > 0);
}

static void fill_and_tell(void)
{
    fill_prepared();
    tell_got();
}

static void deliver_scattered(void)
{
    int i;
    receive_most_of_a_channel();
    for (i = 0; i < ANC_FDS_MAX; i += 2) {
        close(in.fds[i]);
        in.fds[i] = -1;
    }
}

static const struct row {
    const char *name;
    void (*prepare)(void);
    void (*call)(void);
    long long result;
    size_t limit;
} rows[] = {
    {"nothing", NULL, nothing, 1, MOST},
    {"anc_send_fds, 253", NULL, send_most, 1, MOST},
    {"anc_send_fds, refused", NULL, send_refused, 1, MOST},
    {"anc_send_fds MOVE, 253", open_many, send_moved, 1, MOST},
    {"anc_send_fds MOVE, scattered", open_scattered, send_moved, 1, MOST},
    {"anc_send_fds, empty", NULL, send_empty, 1, MOST},
    {"anc_sendv_fds ALL, short", NULL, send_in_parts, -2, MOST},
    {"anc_send_fd", NULL, send_one, 1, MOST},
    {"anc_recv_fds, 253", queue_most, receive_most, 1, MOST},
    {"anc_recv_fds TRIM, 252 surplus", queue_most, receive_trimmed, 1, MOST},
    {"anc_recv_fds, ERANGE", queue_most, receive_too_many, 1, MOST},
    {"anc_recv_fds EXACT, ENOMSG", queue_one, receive_too_few, 1, MOST},
    {"anc_recv_fds, EAGAIN", NULL, receive_none, 1, MOST},
    {"anc_recv_fds, EMSGSIZE", queue_message, receive_truncated, 1, MOST},
    {"anc_recv_fds, full table", fill_up, receive_too_many, 1, MOST},
    {"anc_recvv_fds ALL", queue_parts, receive_in_parts, 10, MOST},
    {"anc_recv_fds ALL, ERANGE", queue_parts, receive_parts_refused, 1, MOST},
    {"anc_recv_fd", queue_one, receive_one, 1, MOST},
    {"anc_close_fds, 253", open_many, close_many, 1, MOST},
    {"anc_close_fds, scattered", open_scattered, close_many, 1, MOST},
    {"anc_put and all of its kind", NULL, put_all, 1, LESS},
    {"anc_put, ENOBUFS", NULL, put_refused, 1, LESS},
    {"anc_next, _name, _get, _decode", lay_all, read_all, 1, LESS},
    {"anc_decode, EBADMSG", lay_malformed, read_malformed, 1, LESS},
    {"anc_truncation_cause, EMFILE", hold_truncated, find_cause, 1, LESS},
    {"anc_take_fds, 253", hold_most, take_most, 1, LESS},
    {"anc_take_fds TRIM, scattered", hold_scattered, take_trimmed, 1, LESS},
    {"anc_take_fds, ERANGE", hold_most, take_too_many, 1, LESS},
    {"anc_take_pidfd, ENOMSG", hold_most, take_no_pidfd, 1, LESS},
    {"anc_close_unclaimed, 253", hold_most, close_unclaimed, 1, LESS},
    {"anc_close_unclaimed, scattered", hold_scattered, close_unclaimed, 1, LESS},
    {"anc_sendmsg", NULL, send_message, 1, LESS},
    {"anc_recvmsg, 253", queue_most, receive_message, 1, LESS},
    {"anc_recvmsg PEEK, 253", queue_most, peek_message, 1, LESS},
    {"anc_sendmmsg", prepare_batch, send_batch, 1, LESS},
    {"anc_recvmmsg", queue_batch, receive_batch, 1, LESS},
    {"anc_fd_queue_recv, 253", queue_most, queue_receive, 1, MOST},
    {"anc_fd_queue_recvv, ERANGE", queue_most, queue_receive_parts, 1, MOST},
    {"anc_fd_queue_take, _take_fds", queue_held, queue_take, 1, LESS},
    {"anc_fd_queue_close, 253", queue_held, queue_close, 1, LESS},
    {"anc_want, all of a Unix socket", NULL, want_most, 0, LESS},
    {"anc_want, refused", NULL, want_too_much, -1, LESS},
    {"anc_want_timestamping", NULL, want_stamps, 0, LESS},
    {"anc_wanted", NULL, ask_what_is_wanted, 0, LESS},
    {"anc_peer PIDFD", NULL, ask_peer, 1, LESS},
    {"anc_pidfd_matches", ask_peer, match_pidfd, 1, LESS},
    {"anc_peer_token", NULL, ask_token, 1, LESS},
    {"anc_fd_describe", NULL, describe_one, 1, LESS},
    {"anc_fd_require", NULL, require_one, 1, LESS},
    {"anc_tx_init", NULL, start_sending, 1, LESS},
    {"anc_tx_queue", start_both, queue_to_channel, 1, LESS},
    {"anc_tx_flush, 70 messages", queue_small, flush, 1, LESS},
    {"anc_tx_flush MOVE, scattered", queue_moved, flush, 1, LESS},
    {"anc_tx_flush, ETIMEDOUT", queue_large, flush_refused, 1, LESS},
    {"anc_tx_flush, EBADF", queue_bad, flush_refused, 1, LESS},
    {"anc_tx_drop MOVE, scattered", queue_moved, drop, 1, LESS},
    {"anc_tx_next, 70 messages", queue_small, show_next, 1, LESS},
    {"anc_tx_sent MOVE, scattered", send_most_of_a_channel, tell_sent, 1, LESS},
    {"anc_rx_init", NULL, start_receiving, 1, LESS},
    {"anc_rx_recv, 253", flush_most, receive_frame, 1, LESS},
    {"anc_rx_recv, full table", flush_most_to_a_full_table, receive_frame, 1, LESS},
    {"anc_rx_recv, EPROTO", flush_lie, receive_frame_refused, 1, LESS},
    {"anc_rx_recv, ETIMEDOUT", start_both, receive_frame_refused, 1, LESS},
    {"anc_rx_prepare, scattered", deliver_scattered, prepare_receive, 1, LESS},
    {"anc_rx_got, 253", fill_prepared, tell_got, 1, LESS},
    {"anc_rx_next, 253", fill_and_tell, next_frame, 1, LESS},
    {"anc_rx_next, scattered", deliver_scattered, next_frame, 0, LESS},
    {"anc_rx_close, 253", receive_most_of_a_channel, end_receiving, 1, LESS},
};

/* How. */

static char *volatile frame;
static int error; /* errno of the call's thread */

/* Everything below this frame is the call's, and the return address to it. */
__attribute__((noinline)) static void make_call(void (*call)(void))
{
    frame = __builtin_frame_address(0);
    errno = 0;
    call();
    error = errno;
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void *on_painted_stack(void *call)
{
    make_call(((const struct row *)call)->call);
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
    memset(&msg, 0, sizeof msg);
    memset(batch, 0, sizeof batch);
    anc_fd_queue_init(&queue, slots, ANC_FDS_MAX);
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
    else if (result == -1 && row->result == 0 && error == ENOPROTOOPT)
        printf("     no such option here: %s\n", row->name);
    else if (result != row->result)
        fail(__FILE__, __LINE__, "%s: %lld", row->name, result);
    if (row->call != send_moved && row->prepare != queue_moved && row->prepare != send_most_of_a_channel)
        anc_close_fds(got, ANC_FDS_MAX);
    anc_close_unclaimed(&msg);
    anc_close_unclaimed(&batch[0].msg_hdr);
    anc_fd_queue_close(&queue);
    return used;
}

TEST(no_call_needs_more_stack_than_its_page_says)
{
    size_t i, used, own = 0, limit, failed = 0;
    if (on_checker())
        skip("valgrind changes what the frames hold, and anc-watch's own are below the calls");
    if (ON_ASAN)
        skip("ASan's own frames are below the calls");
    socket_pair(SOCK_STREAM, pair);
    socket_pair(SOCK_SEQPACKET, seqpacket);
    new_descriptors(fds, ANC_FDS_MAX);
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        measure_prepared(&rows[i]); /* what is bound lazily is bound here */
        used = measure_prepared(&rows[i]);
        if (i == 0) /* what it takes to call anything */
            own = used;
        used -= own;
        limit = rows[i].limit;
        printf("     %5zu of %zu  %s\n", used, limit, rows[i].name);
        failed += used > limit;
    }
    start_over();
    anc_close_fds(fds, ANC_FDS_MAX);
    close_both(pair);
    close_both(seqpacket);
    if (failed > 0)
        fail(__FILE__, __LINE__, "%zu calls need more", failed);
}
