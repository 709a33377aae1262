/* The channel's two pure halves, in every way in which a kernel may cut, join and lose what is sent.
 *
 * A receive may bring any part of what was sent that has the first byte of one send with descriptors at
 * most, and none behind such a send. Whatever the sender's kernel cuts, however far the sender is when
 * the receiver reads, and whatever the receiver has room for: this is all that can be seen of it. So the
 * exploration tries each such part at every step, with as many of its descriptors installed as can be,
 * and goes on from every state that it has not seen yet. The first tests hold that against the kernel. */
#include "harness.h"
#include "kernel-model.h"

enum { FRAMES = 6, BYTES = 128, SLOTS = 2 * ANC_FDS_MAX, MADE = 2048, HEADER_BYTES = 8 };

struct frame {
    unsigned int len, fds;
    int more;
};

/* What one sendmsg is given. */
struct send {
    size_t start, end;
    int first, fds;
};

/* What is sent. */
static struct stream {
    int is_stream;
    int frames, sends, files;
    struct frame frame[FRAMES];
    struct send send[FRAMES];
    size_t at[FRAMES + 1]; /* where each frame starts, and where the last one ends */
    int named[FRAMES + 1]; /* descriptors of the frames before */
    size_t len;
    unsigned char bytes[BYTES];
    /* What is wrong with it. */
    int error;        /* the only one that the receiver may end with; 0: none */
    int must_fail;    /* by end of file at the latest, */
    size_t fails_at;  /* or when so many bytes have come; 0: no matter */
    int is_loose;     /* losses hide what is wrong, and where */
} s;

/* How it is received. */
static struct variant {
    size_t room;
    size_t slots;
    struct anc_limits limits;
    int prepares_first, with_sender;
} v;

static struct anc_rx rx;
static union {
    unsigned char bytes[ANC_CONTROL_MAX + 16 + 65536];
    uint64_t aligned;
} memory;
static int slots[SLOTS];
static struct {
    int installed, reason;
} arrival[FRAMES];
static int pair[2];
static long streams, receives, states;

static void report(void)
{
    printf("     %ld streams, %ld states, %ld receives\n", streams, states, receives);
}

/* The wire, written from its description and not from the library. */
static void append_frame(unsigned int len, unsigned int fds, int more)
{
    unsigned char *to = s.bytes + s.len;
    unsigned int i;
    CHECK(s.frames < FRAMES && s.len + HEADER_BYTES + len <= BYTES);
    s.frame[s.frames] = (struct frame){len, fds, more};
    to[0] = (unsigned char)(len & 255);
    to[1] = (unsigned char)(len >> 8 & 255);
    to[2] = (unsigned char)(len >> 16 & 255);
    to[3] = (unsigned char)(len >> 24);
    to[4] = (unsigned char)(fds & 255);
    to[5] = (unsigned char)(fds >> 8);
    to[6] = (unsigned char)(more != 0);
    to[7] = 1;
    for (i = 0; i < len; i++)
        to[8 + i] = (unsigned char)(0x40 + 16 * s.frames + i);
    s.at[s.frames] = s.len;
    s.len += HEADER_BYTES + len;
    s.named[s.frames + 1] = s.named[s.frames] + (int)fds;
    s.at[++s.frames] = s.len;
}

static void new_stream(int is_stream)
{
    memset(&s, 0, sizeof s);
    s.is_stream = is_stream;
}

static void append_send(size_t end, int fds)
{
    size_t start = s.sends ? s.send[s.sends - 1].end : 0;
    s.send[s.sends++] = (struct send){start, end, s.files, fds};
    s.files += fds;
}

/* Frames into sends: a send ends behind frame i where bit i is set, and behind the last. False: more
 * descriptors than one can carry. */
static int cut_into_sends(unsigned int ends)
{
    int i, from = 0;
    s.sends = s.files = 0;
    for (i = 0; i < s.frames; i++)
        if ((ends >> i & 1) || i == s.frames - 1) {
            if (s.named[i + 1] - s.named[from] > ANC_FDS_MAX)
                return 0;
            append_send(s.at[i + 1], s.named[i + 1] - s.named[from]);
            from = i + 1;
        }
    return 1;
}

/* Whether a receive can bring these bytes. *which: the send of which it brings the descriptors, or -1. */
static int may_come(size_t from, size_t len, int *which)
{
    int i;
    *which = -1;
    for (i = 0; i < s.sends; i++) {
        const struct send *send = &s.send[i];
        if (!s.is_stream && send->start == from)
            return *which = i, send->end == from + len;
        if (send->fds == 0 || send->start < from || send->start >= from + len)
            continue;
        if (*which >= 0 || from + len > send->end)
            return 0;
        *which = i;
    }
    return s.is_stream;
}

/* States seen, of this stream. */
enum { SEEN = 1 << 16 };
static struct {
    uint64_t state;
    long stream;
} seen[SEEN];
static int seen_count;

static int is_new(uint64_t state)
{
    size_t i = (size_t)(state * 0x9e3779b97f4a7c15u >> 48);
    for (; seen[i].stream == streams; i = (i + 1) % SEEN)
        if (seen[i].state == state)
            return 0;
    CHECK(++seen_count < SEEN / 2);
    seen[i].stream = streams;
    seen[i].state = state;
    return 1;
}

/* The descriptors that wait are known from what has come, and so are the bytes. */
static uint64_t state_at(size_t pos, int fd)
{
    uint64_t hash = pos, word;
    size_t i;
    int send;
    for (i = 0; i < sizeof rx / sizeof word; i++) {
        memcpy(&word, (char *)&rx + i * sizeof word, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (send = 0; send < s.sends; send++)
        if (s.send[send].start < pos && (s.is_loose || s.send[send].first + s.send[send].fds > fd))
            hash = (hash ^ (uint64_t)(1 + arrival[send].installed * 256 + arrival[send].reason)) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

/* What stands in the slot of this file. */
static int slot_of(int file)
{
    int i;
    for (i = 0; file >= s.send[i].first + s.send[i].fds; i++)
        CHECK(i + 1 < s.sends);
    return file - s.send[i].first < arrival[i].installed ? RECEIVERS + file : -arrival[i].reason;
}

static int frames_within(size_t pos)
{
    int i = 0;
    while (i < s.frames && s.at[i + 1] <= pos)
        i++;
    return i;
}

/* Exactly these are open: what has come and was not dealt out. */
static void check_open(size_t pos, int fd)
{
    long open = 0;
    int i, file;
    for (i = 0; i < s.sends && s.send[i].start < pos; i++)
        for (file = s.send[i].first; file < s.send[i].first + arrival[i].installed; file++)
            if (file >= fd) {
                CHECK(ledger.is_open[RECEIVERS + file - SENDERS]);
                open++;
            }
    CHECK_INT(ledger.open, open);
}

/* No frame was given what had not come. */
static void check_named(size_t pos)
{
    int i, named = 0, came = 0;
    for (i = 0; i < s.frames && s.at[i] + HEADER_BYTES <= pos; i++)
        named = s.named[i + 1];
    for (i = 0; i < s.sends && s.send[i].start < pos; i++)
        came += s.send[i].fds;
    CHECK(named <= came);
}

/* As much is asked for as may come without harm: all that there is room for, or up to the end of the
 * frame or header at hand where less than one message's slots are free, or losses leave open which send
 * is at hand. Whether that leaves no place for descriptors: it is within a frame, or others wait, which
 * came with the send that is at hand. */
static int check_room(size_t room, size_t pos, int frame, int fd)
{
    int i, is_dealt = pos - s.at[frame] >= HEADER_BYTES, is_lossy = 0;
    size_t have = pos - s.at[frame], dealt_here = is_dealt ? s.frame[frame].fds : 0, used = dealt_here, needed;
    for (i = 0; i < s.sends && s.send[i].start < pos; i++)
        if (s.send[i].fds > 0) {
            int end = s.send[i].first + arrival[i].installed, dealt = is_dealt ? s.named[frame + 1] : fd;
            used += end > dealt ? (size_t)(end - (s.send[i].first > dealt ? s.send[i].first : dealt)) : 0;
            is_lossy = arrival[i].installed < s.send[i].fds;
        }
    needed = is_dealt ? HEADER_BYTES + s.frame[frame].len : HEADER_BYTES;
    if (!s.is_stream || (!is_lossy && v.slots - used >= ANC_FDS_MAX)) {
        CHECK_INT(room, v.room - have);
        return 0;
    }
    CHECK_INT(room, needed - have);
    return have != 0 || used > dealt_here;
}

static void start(void)
{
    struct anc_limits limits = v.limits;
    CHECK(v.slots <= SLOTS && ANC_CONTROL_MAX + v.room <= sizeof memory.bytes);
    memset(&rx, 0, sizeof rx);
    memset(slots, 0x5a, sizeof slots);
    ledger.sock = pair[0];
    CHECK_OK(anc_rx_init(&rx, pair[0], memory.bytes, ANC_CONTROL_MAX + v.room, slots, v.slots, &limits, sizeof rx), 0);
}

/* Every call fails with the same from here on, and nothing is open. */
static void check_over(int error)
{
    struct anc_in in;
    struct msghdr msg;
    memset(&msg, 0, sizeof msg);
    CHECK_INT(ledger.open, 0);
    CHECK_ERRNO(anc_rx_next(&rx, &in), error);
    CHECK_ERRNO(anc_rx_prepare(&rx, &msg), error);
    CHECK_ERRNO(anc_rx_got(&rx, &msg, 1), error);
    anc_rx_close(&rx);
    CHECK_INT(ledger.open, 0);
    CHECK_ERRNO(anc_rx_next(&rx, &in), EINVAL);
}

static void check_frame(const struct anc_in *in, int frame, int fd)
{
    const struct frame *f = &s.frame[frame];
    unsigned int i;
    CHECK(frame < s.frames);
    CHECK(in->len == f->len && in->nfds == f->fds && (in->more != 0) == (f->more != 0) && in->reserved == 0);
    CHECK(in->len == 0 || memcmp(in->data, s.bytes + s.at[frame] + HEADER_BYTES, in->len) == 0);
    CHECK((in->fds == NULL) == (in->nfds == 0));
    /* In place. */
    CHECK((const unsigned char *)in->data >= memory.bytes + ANC_CONTROL_MAX + HEADER_BYTES &&
          (const unsigned char *)in->data + in->len <= memory.bytes + ANC_CONTROL_MAX + v.room);
    CHECK(in->nfds == 0 || (in->fds >= slots && in->fds + in->nfds <= slots + v.slots));
    for (i = 0; i < f->fds; i++, fd++) {
        if (!s.is_loose)
            CHECK_INT(in->fds[i], slot_of(fd));
        else if (in->fds[i] >= 0)
            CHECK(in->fds[i] >= RECEIVERS && in->fds[i] < PIDFD && ledger.is_open[in->fds[i] - SENDERS]);
        else
            CHECK(in->fds[i] == -EMFILE || in->fds[i] == -EOVERFLOW);
        /* Some are taken, some are left to be closed. */
        if (in->fds[i] >= 0 && fd % 3 == 0) {
            goes(in->fds[i]);
            in->fds[i] = -1;
        }
    }
}

/* All that has come whole, and then what to receive. 1; 0: end of file; or -1. */
static int take_frames(struct msghdr *msg, int *frame, int *fd)
{
    struct anc_in in;
    for (;;) {
        int r, prepared = 0;
        if (v.prepares_first && (prepared = anc_rx_prepare(&rx, msg)) != 0)
            return prepared;
        r = anc_rx_next(&rx, &in);
        if (r != 1)
            return r == 0 && !v.prepares_first ? anc_rx_prepare(&rx, msg) : r;
        check_frame(&in, *frame, *fd);
        *fd += (int)s.frame[(*frame)++].fds;
    }
}

static int between_messages(size_t pos, int frame)
{
    return s.at[frame] == pos && (frame == 0 || !s.frame[frame - 1].more);
}

static void end_of_file(struct msghdr msg, size_t pos, int frame)
{
    struct anc_in in;
    int is_clean = between_messages(pos, frame) && ledger.open == 0;
    fill_control(&msg, 0, 0, 0, 0, 0);
    CHECK_INT(anc_rx_got(&rx, &msg, 0), 0);
    if (is_clean) {
        CHECK(pos < s.len || !s.must_fail);
        CHECK_INT(anc_rx_next(&rx, &in), 0);
        CHECK_INT(anc_rx_prepare(&rx, &msg), 0);
        CHECK_INT(anc_rx_next(&rx, &in), 0);
        anc_rx_close(&rx);
        CHECK_INT(ledger.open, 0);
    } else {
        CHECK(s.error != 0 || pos < s.len);
        CHECK_ERRNO(anc_rx_next(&rx, &in), EPROTO);
        check_over(EPROTO);
    }
}

static void explore(size_t pos, int frame, int fd);

/* One receive, and all that can come of it. is_odd: no descriptors may come. */
static void receive(struct msghdr msg, size_t pos, size_t len, int which, int frame, int fd, int is_odd)
{
    int first = which < 0 ? 0 : s.send[which].first, fds = which < 0 ? 0 : s.send[which].fds;
    int r;
    memcpy(msg.msg_iov->iov_base, s.bytes + pos, len);
    if (which >= 0)
        fill_control(&msg, first, fds, arrival[which].installed, arrival[which].reason, v.with_sender);
    else
        fill_control(&msg, 0, 0, 0, 0, v.with_sender);
    receives++;
    errno = 4242;
    r = anc_rx_got(&rx, &msg, (ssize_t)len);
    if (r != 0) {
        CHECK(r == -1 && s.error != 0 && errno == s.error);
        check_over(s.error);
    } else {
        CHECK(which < 0 || !is_odd);
        CHECK(errno == 4242 && !ledger.is_open[PIDFD - SENDERS] && !ledger.is_open[PROBE - SENDERS]);
        CHECK_ERRNO(anc_rx_got(&rx, &msg, 1), EINVAL); /* once only */
        explore(pos + len, frame, fd);
    }
}

static void explore(size_t pos, int frame, int fd)
{
    struct msghdr msg;
    struct anc_in in;
    struct saved {
        struct anc_rx rx;
        unsigned char bytes[BYTES], is_open[MADE];
        int slots[SLOTS];
        long open;
    } saved;
    size_t held = v.room < s.len ? v.room : s.len, slots_size = sizeof *slots * v.slots, len, room;
    int r = take_frames(&msg, &frame, &fd), which, i, is_odd = 0;
    if (r == -1) {
        CHECK(s.error != 0 && errno == s.error);
        check_over(s.error);
        return;
    }
    CHECK_INT(r, 1);
    CHECK_INT(frame, frames_within(pos));
    CHECK(s.fails_at == 0 || pos < s.fails_at);
    if (!s.is_loose) {
        check_open(pos, fd);
        check_named(pos);
        is_odd = check_room(msg.msg_iov->iov_len, pos, frame, fd);
    }
    CHECK(msg.msg_iovlen == 1 && msg.msg_iov->iov_len > 0 && !msg.msg_name && msg.msg_flags == 0);
    room = msg.msg_iov->iov_len;
    CHECK((unsigned char *)msg.msg_iov->iov_base >= memory.bytes + ANC_CONTROL_MAX &&
          (unsigned char *)msg.msg_iov->iov_base + room <= memory.bytes + ANC_CONTROL_MAX + v.room);
    if (!is_new(state_at(pos, fd)))
        return;
    states++;

    CHECK(s.files < MADE);
    saved.rx = rx;
    saved.open = ledger.open;
    memcpy(saved.bytes, memory.bytes + ANC_CONTROL_MAX, held);
    memcpy(saved.slots, slots, slots_size);
    memcpy(saved.is_open, ledger.is_open + (RECEIVERS - SENDERS), (size_t)s.files + 1);
#define RESTORE                                                                                    \
    (rx = saved.rx, ledger.open = saved.open, memcpy(memory.bytes + ANC_CONTROL_MAX, saved.bytes, held), \
     memcpy(slots, saved.slots, slots_size),                                                       \
     memcpy(ledger.is_open + (RECEIVERS - SENDERS), saved.is_open, (size_t)s.files + 1))

    /* A receive that brings nothing changes nothing. */
    CHECK_ERRNO(anc_rx_got(&rx, &msg, -EINTR), EINTR);
    CHECK_ERRNO(anc_rx_got(&rx, &msg, -EAGAIN), EAGAIN);
    CHECK(memcmp(&rx, &saved.rx, sizeof rx) == 0);
    CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
    CHECK_INT(msg.msg_iov->iov_len, room);

    if (!s.is_stream) { /* A reset stands before what is still queued. */
        CHECK_OK(anc_rx_got(&rx, &msg, -ECONNRESET), 0);
        CHECK_INT(anc_rx_next(&rx, &in), 0);
        CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
    }
    CHECK_ERRNO(anc_rx_got(&rx, &msg, -ECONNRESET), ECONNRESET);
    RESTORE;
    fill_control(&msg, s.files, 1, 1, 0, 0);
    CHECK_ERRNO(anc_rx_got(&rx, &msg, (ssize_t)room + 1), EINVAL);
    check_over(EINVAL);
    RESTORE;
    CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
    anc_rx_close(&rx);
    CHECK_INT(ledger.open, 0);
    RESTORE;
    end_of_file(msg, pos, frame);
    RESTORE;
    for (len = 1; len <= s.len - pos; len++) {
        if (!may_come(pos, len, &which))
            continue;
        CHECK(s.is_stream || len <= room);
        if (len > room)
            break;
        if (which < 0) {
            receive(msg, pos, len, which, frame, fd, is_odd);
            RESTORE;
            continue;
        }
        for (i = s.send[which].fds; i >= 0; i--) {
            /* Of many descriptors: all, all but one, half, one and none. */
            if (s.send[which].fds > 4 && i != s.send[which].fds && i != s.send[which].fds - 1 &&
                i != s.send[which].fds / 2 && i > 1)
                continue;
            arrival[which].installed = i;
            arrival[which].reason = i == s.send[which].fds ? 0 : (i + which) % 2 ? EMFILE : EOVERFLOW;
            receive(msg, pos, len, which, frame, fd, is_odd);
            RESTORE;
            if (s.error != 0 && !s.is_loose)
                break;
        }
    }
}

static void explore_stream(void)
{
    streams++;
    seen_count = 0;
    memset(arrival, 0, sizeof arrival);
    start();
    explore(0, 0, 0);
    memset(ledger.is_open, 0, sizeof ledger.is_open);
    ledger.open = 0;
}

/* What the kernel does: sends and receives in turn on a real pair, beside the model's. Descriptors are
 * told apart by the numbers of the files, pipes. */
enum { PIPES = 12 };
static struct queue queue;
static int pipes[PIPES][2];
static ino_t inodes[PIPES];

static void new_pipes(void)
{
    int i;
    for (i = 0; i < PIPES; i++) {
        struct stat st;
        CHECK(pipe2(pipes[i], O_CLOEXEC) == 0 && fstat(pipes[i][0], &st) == 0);
        inodes[i] = st.st_ino;
    }
}

static void close_pipes(void)
{
    int i;
    for (i = 0; i < PIPES; i++)
        close_both(pipes[i]);
}

static unsigned int drawn(unsigned int below)
{
    static uint64_t state = 0x5eed;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)(state >> 33) % below;
}

/* One receive, on both. False: nothing is there. */
static int receive_beside(size_t pos, size_t room, int table)
{
    char bytes[BYTES];
    union {
        char bytes[CMSG_SPACE(sizeof(int) * ANC_FDS_MAX)];
        struct cmsghdr aligned;
    } control;
    struct iovec iov = {bytes, room};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct rlimit limit, narrow;
    struct taken t = queue_receive(&queue, room);
    int fds[PIPES], n = 0, installed = t.fds < table ? t.fds : table, i, which;
    ssize_t r;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    narrow = limit;
    narrow.rlim_cur = (rlim_t)(lowest_free() + table);
    CHECK(setrlimit(RLIMIT_NOFILE, &narrow) == 0);
    r = recvmsg(pair[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (r == -1) {
        CHECK(errno == EAGAIN && t.len == 0 && t.fds == 0);
        return 0;
    }
    CHECK_INT(r, t.len);
    CHECK(memcmp(bytes, t.bytes, t.len) == 0);
    CHECK_INT((msg.msg_flags & MSG_TRUNC) != 0, t.is_cut);
    CHECK_INT((msg.msg_flags & MSG_CTRUNC) != 0, installed < t.fds);
    if (CMSG_FIRSTHDR(&msg)) {
        CHECK(CMSG_FIRSTHDR(&msg)->cmsg_type == SCM_RIGHTS && !CMSG_NXTHDR(&msg, CMSG_FIRSTHDR(&msg)));
        n = (int)((CMSG_FIRSTHDR(&msg)->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof *fds * (size_t)n);
    }
    CHECK_INT(n, installed);
    for (i = 0; i < n; i++) {
        struct stat st;
        CHECK(fstat(fds[i], &st) == 0 && st.st_ino == inodes[t.first + i]);
        close(fds[i]);
    }
    /* And what the exploration takes for possible. */
    if (r > 0 && !t.is_cut) {
        CHECK(may_come(pos, (size_t)r, &which));
        CHECK(which < 0 || s.send[which].fds == 0 ? t.fds == 0 : s.send[which].first == t.first && s.send[which].fds == t.fds);
    }
    if (t.is_cut)
        return 0;
    return (int)r;
}

static void beside_the_kernel(int type)
{
    int rounds = 8000, round, is_stream = type == SOCK_STREAM;
    long calls = 0;
    new_pipes();
    for (round = 0; round < rounds; round++) {
        int sends = 1 + (int)drawn(4), sent = 0, fixed = (int)drawn(3), r;
        size_t pos = 0, room = 1 + drawn(12);
        socket_pair(type, pair);
        empty_queue(&queue, is_stream);
        new_stream(is_stream);
        while (sent < sends || queue.head < queue.tail) {
            if (sent < sends && drawn(2)) {
                size_t len = 1 + drawn(6), i;
                int fds[3], n = drawn(3) ? (int)drawn(4) : 0, k;
                for (i = 0; i < len; i++)
                    s.bytes[s.len + i] = (unsigned char)drawn(256);
                for (k = 0; k < n; k++)
                    fds[k] = pipes[s.files + k][0];
                CHECK_INT(raw_send(pair[0], s.bytes + s.len, len, fds, n, 0), len);
                queue_send(&queue, s.bytes + s.len, len, n, SIZE_MAX);
                s.len += len;
                append_send(s.len, n);
                sent++;
            } else {
                calls++;
                r = receive_beside(pos, fixed ? room : 1 + drawn(12), drawn(4) ? PIPES : (int)drawn(3));
                pos = is_stream ? pos + (size_t)r : queue.head > 0 ? s.send[queue.head - 1].end : 0;
            }
        }
        close_both(pair);
    }
    close_pipes();
    printf("     %d streams, %ld receives\n", rounds, calls);
}

/* States are told apart by all bytes of the structs. channel-random runs the same code there. */
static void needs_padding(void)
{
    if (on_valgrind())
        skip("padding is undefined to valgrind, and RLIMIT_NOFILE its own pretence");
}

TEST(the_model_of_a_stream_is_the_kernels)
{
    needs_padding();
    beside_the_kernel(SOCK_STREAM);
}

TEST(the_model_of_packets_is_the_kernels)
{
    needs_padding();
    beside_the_kernel(SOCK_SEQPACKET);
}


static const struct variant variants[] = {
    {10, ANC_FDS_MAX, {0, 2000, 2, 0}, 0, 0},
    {100, ANC_FDS_MAX, {0, 2000, 3, 0}, 1, 1},
    {11, ANC_FDS_MAX + 1, {0, 2000, 3, 0}, 1, 0},
    {13, ANC_FDS_MAX + 3, {0, 2000, 4, 0}, 0, 1},
    {100, SLOTS, {0, 2000, 3, 0}, 0, 0},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* Where the machine is slow only every so many streams. */
#ifndef STRIDE
#define STRIDE 1
#endif
static int stride(void)
{
    return ON_ASAN ? 31 : STRIDE;
}

/* All streams of so many frames with payloads and descriptors from these lists, all flags, cut into
 * sends in all ways; each received in so many of the variants. */
static void all_streams(int is_stream, int frames, const unsigned int *lens, int nlens, const unsigned int *fds,
                        int nfds, int variants_each)
{
    long kinds = (long)nlens * nfds, all = 1, code;
    int i, k, step = stride();
    static long turn;
    for (i = 0; i < frames; i++)
        all *= kinds;
    for (code = 0; code < all; code++) {
        unsigned int more, ends;
        for (more = 0; more < 1u << (frames - 1); more++)
            for (ends = 0; ends < 1u << (frames - 1); ends++) {
                long rest = code;
                if (turn++ % step != 0)
                    continue;
                new_stream(is_stream);
                for (i = 0; i < frames; i++, rest /= kinds)
                    append_frame(lens[rest % kinds / nfds], fds[rest % kinds % nfds], more >> i & 1);
                if (!cut_into_sends(ends))
                    continue;
                for (k = 0; k < variants_each; k++) {
                    v = variants[(turn / step + k) % VARIANTS];
                    if (!is_stream)
                        v.room = 65536;
                    explore_stream();
                }
            }
    }
}

static const unsigned int lens[] = {0, 1, 2}, few[] = {0, 1, 2, 3}, many[] = {0, 1, 84, 126, 127, 252, 253};


TEST(short_streams_arrive_in_every_way)
{
    needs_padding();
    socket_pair(SOCK_STREAM, pair);
    all_streams(1, 1, lens, 3, few, 4, VARIANTS);
    all_streams(1, 2, lens, 3, few, 4, VARIANTS);
    all_streams(1, 3, lens, 3, few, 4, 1);
    all_streams(1, 4, lens, 2, few, 2, 1);
    report();
    close_both(pair);
}

TEST(short_streams_with_many_descriptors_arrive_in_every_way)
{
    needs_padding();
    socket_pair(SOCK_STREAM, pair);
    all_streams(1, 2, lens + 1, 1, many, 7, VARIANTS);
    all_streams(1, 3, lens + 1, 1, many, 7, 1);
    report();
    close_both(pair);
}

TEST(short_packets_arrive)
{
    needs_padding();
    socket_pair(SOCK_SEQPACKET, pair);
    all_streams(0, 1, lens, 3, few, 4, VARIANTS);
    all_streams(0, 2, lens, 3, few, 4, VARIANTS);
    all_streams(0, 3, lens, 3, few, 3, 1);
    all_streams(0, 3, lens, 1, many, 7, 1);
    report();
    close_both(pair);
}

/* A wrong stream, in one of the variants, and once more with losses. */
static void explore_variants(void)
{
    static long turn;
    if (turn++ % stride() != 0)
        return;
    v = variants[turn / stride() % VARIANTS];
    if (!s.is_stream)
        v.room = 65536;
    explore_stream();
    /* With losses, what is wrong may look like a loss. */
    s.is_loose = 1;
    s.must_fail = 0;
    s.fails_at = 0;
    explore_stream();
}

/* Two frames in up to three sends that end where they like, with descriptors that nobody or somebody
 * names: in the middle of frames, too many, too few. */
static void misplaced_descriptors(int is_stream)
{
    unsigned int code;
    size_t first, second;
    for (code = 0; code < 3 * 3 * 2 * 2 * 27; code++) {
        unsigned int a = code % 3, b = code / 3 % 3, lens_are = code / 9 % 4, sent = code / 36;
        int fds[3] = {(int)(sent % 3), (int)(sent / 3 % 3), (int)(sent / 9)}, total, is_exact, i, k;
        size_t len = 2 * HEADER_BYTES + (lens_are & 1) + (lens_are >> 1);
        for (first = 1; first <= len; first++)
            for (second = first + 1; second <= len + 1; second++) {
                new_stream(is_stream);
                append_frame(lens_are & 1, a, code & 1);
                append_frame(lens_are >> 1, b, 0);
                append_send(first, fds[0]);
                if (first < len)
                    append_send(second < len ? second : len, fds[1]);
                if (second < len)
                    append_send(len, fds[2]);
                total = s.files;
                s.error = EPROTO;
                s.must_fail = total != (int)(a + b);
                if (!is_stream) {
                    /* Packets are exact. */
                    is_exact = 1;
                    for (i = k = 0; i < s.sends; i++) {
                        int from = k;
                        while (k < s.frames && s.at[k + 1] <= s.send[i].end)
                            k++;
                        is_exact &= s.at[k] == s.send[i].end && s.named[k] - s.named[from] == s.send[i].fds;
                    }
                    if (is_exact)
                        continue;
                    s.must_fail = 1;
                }
                explore_variants();
            }
    }
}

TEST(misplaced_descriptors_end_the_stream)
{
    needs_padding();
    socket_pair(SOCK_STREAM, pair);
    misplaced_descriptors(1);
    report();
    close_both(pair);
}

TEST(misplaced_descriptors_and_frames_end_the_packets)
{
    needs_padding();
    socket_pair(SOCK_SEQPACKET, pair);
    misplaced_descriptors(0);
    report();
    close_both(pair);
}

/* Each frame named in its send, but for those that are said to be more or fewer. */
TEST(many_descriptors_too_many_or_too_few_end_the_stream)
{
    needs_padding();
    unsigned int code, ends;
    socket_pair(SOCK_STREAM, pair);
    for (code = 0; code < 7 * 7 * 4; code++)
        for (ends = 0; ends < 2; ends++) {
            unsigned int a = many[code % 7], b = many[code / 7 % 7], which = code / 49 % 2, more = code / 98;
            struct send *send;
            new_stream(1);
            append_frame(1, a, 0);
            append_frame(0, b, 0);
            if (!cut_into_sends(ends))
                continue;
            send = &s.send[which && s.sends > 1];
            if (more ? send->fds == ANC_FDS_MAX : send->fds == 0)
                continue;
            send->fds += more ? 1 : -1;
            s.files += more ? 1 : -1;
            if (s.sends > 1 && send == &s.send[0])
                s.send[1].first = send->fds;
            s.error = EPROTO;
            s.must_fail = 1;
            explore_variants();
        }
    report();
    close_both(pair);
}

static void wrong_headers(int is_stream)
{
    static const unsigned char version[] = {0, 2, 3, 0x81, 255}, flags[] = {2, 3, 4, 0x80, 255};
    static const unsigned int names[] = {254, 255, 256, 0x1fd, 0x8000, 65535};
    unsigned int code, ends, defect;
    for (code = 0; code < 27; code++)
        for (ends = 0; ends < 4; ends++)
            for (defect = 0; defect < 5 + 5 + 6; defect++) {
                unsigned int bad = code % 3, fds = code / 3 % 3;
                unsigned char *header;
                new_stream(is_stream);
                append_frame(1, fds, code / 9 == 1);
                append_frame(code / 9, fds, code / 9 == 2);
                append_frame(1, fds, 0);
                cut_into_sends(ends);
                header = s.bytes + s.at[bad];
                if (defect < 5)
                    header[7] = version[defect];
                else if (defect < 10)
                    header[6] = flags[defect - 5];
                else {
                    header[4] = (unsigned char)(names[defect - 10] & 255);
                    header[5] = (unsigned char)(names[defect - 10] >> 8);
                }
                s.error = EPROTO;
                s.must_fail = 1;
                s.fails_at = s.at[bad] + HEADER_BYTES;
                explore_variants();
            }
}

TEST(wrong_headers_end_the_channel_at_once)
{
    needs_padding();
    socket_pair(SOCK_STREAM, pair);
    wrong_headers(1);
    close_both(pair);
    socket_pair(SOCK_SEQPACKET, pair);
    wrong_headers(0);
    report();
    close_both(pair);
}

static void limited(int is_stream, struct anc_limits limits)
{
    long code, step = stride();
    unsigned int more, len, fds;
    int i;
    for (code = 0; code < 16 * 16 * 16; code += step)
        for (more = 0; more < 4; more++) {
            long rest = code;
            new_stream(is_stream);
            for (i = 0; i < 3; i++, rest /= 16)
                append_frame((unsigned int)rest % 4, (unsigned int)rest / 4 % 4, more >> i & 1);
            cut_into_sends((unsigned int)code % 4);
            for (i = 0, len = fds = 0; i < 3 && s.error == 0; i++) {
                len += s.frame[i].len;
                fds += s.frame[i].fds;
                if (s.frame[i].len > limits.max_frame || len > limits.max_message)
                    s.error = EMSGSIZE;
                else if (fds > limits.max_fds)
                    s.error = ERANGE;
                s.must_fail = s.error != 0;
                s.fails_at = s.must_fail ? s.at[i] + HEADER_BYTES : 0;
                if (!s.frame[i].more)
                    len = fds = 0;
            }
            v = variants[code % VARIANTS];
            v.limits = limits;
            v.room = is_stream ? HEADER_BYTES + limits.max_frame + (size_t)code % 3 : 65536;
            explore_stream();
        }
}

TEST(limits_hold_as_soon_as_a_header_is_there)
{
    needs_padding();
    socket_pair(SOCK_STREAM, pair);
    limited(1, (struct anc_limits){3, 3, 2, 0});
    limited(1, (struct anc_limits){2, 2, 3, 0});
    limited(1, (struct anc_limits){5, 4, 3, 0});
    close_both(pair);
    socket_pair(SOCK_SEQPACKET, pair);
    limited(0, (struct anc_limits){3, 3, 2, 0});
    limited(0, (struct anc_limits){5, 4, 3, 0});
    report();
    close_both(pair);
}

TEST(descriptors_of_an_empty_packet_and_cut_packets_end_the_channel)
{
    needs_padding();
    int installed, k;
    socket_pair(SOCK_SEQPACKET, pair);
    for (k = 0; k < VARIANTS; k++)
        for (installed = 0; installed <= 2; installed++) {
            struct msghdr msg;
            v = variants[k];
            v.room = 65536;
            start();
            CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
            fill_control(&msg, 0, 2, installed, EMFILE, 0);
            CHECK_ERRNO(anc_rx_got(&rx, &msg, 0), EPROTO);
            check_over(EPROTO);
            new_stream(0);
            append_frame(2, 2, 0);
            start();
            CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
            memcpy(msg.msg_iov->iov_base, s.bytes, s.len);
            fill_control(&msg, 0, 2, installed, EMFILE, v.with_sender);
            msg.msg_flags |= MSG_TRUNC;
            CHECK_ERRNO(anc_rx_got(&rx, &msg, (ssize_t)s.len), EPROTO);
            check_over(EPROTO);
        }
    close_both(pair);
}

/* What was lost of one packet excuses no other. */
TEST(a_packet_behind_one_with_losses_brings_what_it_names)
{
    needs_padding();
    int k;
    socket_pair(SOCK_SEQPACKET, pair);
    for (k = 0; k < VARIANTS; k++) {
        struct msghdr msg;
        struct anc_in in;
        v = variants[k];
        v.room = 65536;
        new_stream(0);
        append_frame(0, 2, 0);
        start();
        CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
        memcpy(msg.msg_iov->iov_base, s.bytes, s.len);
        fill_control(&msg, 0, 2, 0, EMFILE, v.with_sender);
        CHECK_INT(anc_rx_got(&rx, &msg, (ssize_t)s.len), 0);
        CHECK_INT(anc_rx_next(&rx, &in), 1);
        CHECK(in.nfds == 2 && in.fds[0] == -EMFILE && in.fds[1] == -EMFILE);
        CHECK_INT(anc_rx_next(&rx, &in), 0);
        CHECK_INT(anc_rx_prepare(&rx, &msg), 1);
        memcpy(msg.msg_iov->iov_base, s.bytes, s.len);
        fill_control(&msg, 0, 0, 0, 0, v.with_sender);
        CHECK_ERRNO(anc_rx_got(&rx, &msg, (ssize_t)s.len), EPROTO);
        check_over(EPROTO);
    }
    close_both(pair);
}

/* The sending side. */
enum { MESSAGES = 3, OUT_BUFFER = 2560 };

static struct {
    struct anc_out out[MESSAGES];
    struct iovec iov[MESSAGES][4];
    int fds[MESSAGES][3 * ANC_FDS_MAX];
    int first[MESSAGES + 1]; /* the first frame of each, in the stream */
    int messages;
} m;
static struct anc_tx tx;
static uint64_t tx_memory[OUT_BUFFER / sizeof(uint64_t)];

/* Where the sender is. */
struct sending {
    int queued;
    size_t pos, from, to; /* bytes that have gone; the batch that is out, of frames whole */
    int is_single;
    unsigned int dropped; /* messages, a bit each */
};

static int frame_at(size_t pos)
{
    return frames_within(pos);
}

static int message_of(int frame)
{
    int i = 0;
    while (frame >= m.first[i + 1])
        i++;
    return i;
}

static void append_message(size_t len, int fds, int moved, int is_scattered)
{
    int i = m.messages++, more, at = s.named[s.frames], parts = 0;
    static unsigned char whole[MESSAGES][8];
    size_t left = len, k, n = 0;
    unsigned int fds_left = (unsigned int)fds;
    m.first[i] = s.frames;
    do {
        unsigned int part = left < 2 ? (unsigned int)left : 2, few_ = fds_left < ANC_FDS_MAX ? fds_left : ANC_FDS_MAX;
        left -= part;
        fds_left -= few_;
        more = left > 0 || fds_left > 0;
        append_frame(part, few_, more);
        /* A buffer each byte, and an empty one; or one for all. */
        for (k = 0; k < part; k++, n++) {
            whole[i][n] = s.bytes[s.len - part + k];
            if (is_scattered)
                m.iov[i][parts++] = (struct iovec){s.bytes + s.len - part + k, 1};
        }
    } while (more);
    m.iov[i][parts++] = is_scattered ? (struct iovec){NULL, 0} : (struct iovec){whole[i], n};
    for (k = 0; k < (size_t)fds; k++)
        m.fds[i][k] = SENDERS + at + (int)k;
    s.files = at + fds;
    memset(&m.out[i], 0, sizeof m.out[i]);
    m.out[i].iov = m.iov[i];
    m.out[i].iovcnt = parts;
    m.out[i].fds = fds ? m.fds[i] : NULL;
    m.out[i].nfds = (size_t)fds;
    m.out[i].flags = moved ? ANC_MOVE : 0;
    m.out[i].state = 77;
    m.first[i + 1] = s.frames;
}

/* Descriptors of the stream that have gone where the sender is. */
static int gone(const struct sending *at)
{
    return s.named[frame_at(at->pos > at->from ? at->to : at->from)];
}

static void check_sending(const struct sending *at)
{
    int i, file, have_gone = gone(at);
    for (i = 0; i < m.messages; i++) {
        int is_dropped = at->dropped >> i & 1, first = s.named[m.first[i]], end = s.named[m.first[i + 1]];
        unsigned int state = m.out[i].state;
        if (i >= at->queued)
            CHECK_INT(state, 77);
        else if (is_dropped)
            CHECK_INT(state, ANC_OUT_DROPPED);
        else if (s.at[m.first[i + 1]] <= at->pos)
            CHECK_INT(state, ANC_OUT_DONE);
        else if (first == end)
            CHECK(state == ANC_OUT_QUEUED || state == ANC_OUT_FDS_GONE);
        else
            CHECK_INT(state, have_gone >= end ? ANC_OUT_FDS_GONE : ANC_OUT_QUEUED);
        for (file = first; file < end; file++)
            CHECK_INT(ledger.is_open[file], !((m.out[i].flags & ANC_MOVE) && (is_dropped || file < have_gone)));
    }
}

/* Makes the batch where there is none, as the library must: all frames that are queued and fit. */
static void choose_batch(struct sending *at)
{
    int frame = frame_at(at->pos), end = m.first[at->queued], to = frame;
    if (at->pos != at->to)
        return;
    at->from = at->pos;
    while (to < end && s.named[to + 1] - s.named[frame] <= ANC_FDS_MAX && !(at->is_single && to > frame))
        to++;
    at->to = s.at[to];
}

static void check_next(struct sending *at)
{
    struct msghdr msg;
    size_t i, found = 0;
    int r;
    memset(&msg, 0x5a, sizeof msg);
    choose_batch(at);
    r = anc_tx_next(&tx, &msg);
    CHECK_INT(r, at->pos < at->to);
    if (r == 0)
        return;
    CHECK(msg.msg_name == NULL && msg.msg_namelen == 0);
    for (i = 0; i < msg.msg_iovlen; i++) {
        CHECK(at->pos + found + msg.msg_iov[i].iov_len <= at->to);
        CHECK(memcmp(msg.msg_iov[i].iov_base, s.bytes + at->pos + found, msg.msg_iov[i].iov_len) == 0);
        found += msg.msg_iov[i].iov_len;
    }
    CHECK_INT(at->pos + found, at->to);
    if (at->pos == at->from && s.named[frame_at(at->to)] > s.named[frame_at(at->from)]) {
        int first = s.named[frame_at(at->from)], n = s.named[frame_at(at->to)] - first, k;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        CHECK(c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && !CMSG_NXTHDR(&msg, c));
        CHECK_INT(c->cmsg_len, CMSG_LEN(sizeof(int) * (size_t)n));
        for (k = 0; k < n; k++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + sizeof fd * (size_t)k, sizeof fd);
            CHECK_INT(fd, SENDERS + first + k);
        }
    } else
        CHECK_INT(msg.msg_controllen, 0);
}

struct saved_sending {
    struct anc_tx tx;
    struct anc_out out[MESSAGES];
    uint64_t memory[OUT_BUFFER / sizeof(uint64_t)];
    unsigned char is_open[MADE];
    long open;
};

static void save_sending(struct saved_sending *to)
{
    CHECK(s.files <= MADE);
    to->tx = tx;
    memcpy(to->out, m.out, sizeof m.out);
    memcpy(to->memory, tx_memory, sizeof tx_memory);
    memcpy(to->is_open, ledger.is_open, (size_t)s.files);
    to->open = ledger.open;
}

static void restore_sending(const struct saved_sending *from)
{
    tx = from->tx;
    memcpy(m.out, from->out, sizeof m.out);
    memcpy(tx_memory, from->memory, sizeof tx_memory);
    memcpy(ledger.is_open, from->is_open, (size_t)s.files);
    ledger.open = from->open;
}

static uint64_t state_of_sending(const struct sending *at)
{
    uint64_t hash = 0, word;
    size_t i;
    for (i = 0; i < sizeof tx / sizeof word; i++) {
        memcpy(&word, (char *)&tx + i * sizeof word, sizeof word);
        hash = (hash ^ word) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    hash ^= (uint64_t)at->queued + 16u * at->dropped + 1024u * (uint64_t)at->is_single;
    hash = (hash ^ (at->pos + 4096 * at->from + 4096 * 4096 * at->to)) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

static void drop_all(struct sending at)
{
    struct msghdr msg;
    /* The descriptors of a batch go with its first byte, ahead of the bytes of the messages behind. */
    int i, is_cut = 0, gone = at.pos > at.from ? frame_at(at.to) : 0;
    anc_tx_drop(&tx);
    for (i = 0; i < at.queued; i++)
        if (s.at[m.first[i + 1]] > at.pos) {
            at.dropped |= 1u << i;
            is_cut |= s.at[m.first[i]] < at.pos || (gone > m.first[i] && s.named[gone] > s.named[m.first[i]]);
        }
    check_sending(&at);
    if (is_cut) {
        CHECK_ERRNO(anc_tx_next(&tx, &msg), ECANCELED);
        CHECK_ERRNO(anc_tx_queue(&tx, &m.out[0]), ECANCELED);
        CHECK_ERRNO(anc_tx_sent(&tx, 1), ECANCELED);
    } else {
        struct anc_out again;
        memset(&again, 0, sizeof again);
        CHECK_INT(anc_tx_next(&tx, &msg), 0);
        CHECK_INT(anc_tx_queue(&tx, &again), 0);
        CHECK_INT(anc_tx_next(&tx, &msg), 1);
        CHECK(msg.msg_iovlen == 1 && msg.msg_iov->iov_len == HEADER_BYTES && msg.msg_controllen == 0);
        CHECK(memcmp(msg.msg_iov->iov_base, "\0\0\0\0\0\0\0\1", HEADER_BYTES) == 0);
        CHECK_INT(anc_tx_sent(&tx, HEADER_BYTES), 0);
        CHECK_INT(again.state, ANC_OUT_DONE);
    }
}

static void explore_sending(struct sending at);

/* The batch is refused for what it holds: taken apart, until the message at fault stands alone. */
static void refuse(struct sending at, int error)
{
    int frame = frame_at(at.from), frames = frame_at(at.to) - frame;
    int has_fds = s.named[frame_at(at.to)] > s.named[frame];
    struct anc_tx before = tx;
    if (at.pos > at.from || (error == EBADF && !has_fds) || (frames == 1 && frame != m.first[message_of(frame)])) {
        CHECK_ERRNO(anc_tx_sent(&tx, -error), error);
        CHECK(memcmp(&before, &tx, sizeof tx) == 0);
        return;
    }
    if (frames > 1) {
        CHECK_OK(anc_tx_sent(&tx, -error), 0);
        at.to = at.pos;
        at.is_single = 1;
    } else {
        CHECK_ERRNO(anc_tx_sent(&tx, -error), error);
        at.dropped |= 1u << message_of(frame);
        at.pos = at.from = at.to = s.at[m.first[message_of(frame) + 1]];
    }
    check_sending(&at);
    explore_sending(at);
}

static void explore_sending(struct sending at)
{
    static const int passing[] = {EAGAIN, EINTR, ETOOMANYREFS, EPIPE, ENOBUFS};
    struct saved_sending saved;
    struct sending then;
    size_t n, i;
    if (!is_new(state_of_sending(&at)))
        return;
    states++;
    save_sending(&saved);
    drop_all(at);
    restore_sending(&saved);
    if (at.queued < m.messages) {
        then = at;
        CHECK_OK(anc_tx_queue(&tx, &m.out[at.queued]), 0);
        then.queued++;
        check_sending(&then);
        explore_sending(then);
        restore_sending(&saved);
    }
    check_next(&at);
    if (at.pos == at.to) {
        CHECK_ERRNO(anc_tx_sent(&tx, 1), EINVAL);
        return;
    }
    check_next(&at); /* the same again */
    save_sending(&saved);
    for (i = 0; i < sizeof passing / sizeof *passing; i++)
        CHECK_ERRNO(anc_tx_sent(&tx, -passing[i]), passing[i]);
    CHECK_ERRNO(anc_tx_sent(&tx, (ssize_t)(at.to - at.pos) + 1), EINVAL);
    CHECK_ERRNO(anc_tx_sent(&tx, 0), s.is_stream ? EAGAIN : EINVAL);
    CHECK(memcmp(&saved.tx, &tx, sizeof tx) == 0);
    drop_all(at);
    restore_sending(&saved);
    if (at.queued < m.messages) { /* While a batch is out. */
        then = at;
        CHECK_OK(anc_tx_queue(&tx, &m.out[at.queued]), 0);
        then.queued++;
        check_sending(&then);
        check_next(&then);
        explore_sending(then);
        restore_sending(&saved);
    }
    refuse(at, EBADF);
    restore_sending(&saved);
    refuse(at, EFAULT);
    restore_sending(&saved);
    for (n = s.is_stream ? 1 : at.to - at.pos; n <= at.to - at.pos; n++) {
        receives++;
        CHECK_OK(anc_tx_sent(&tx, (ssize_t)n), 0);
        then = at;
        then.pos += n;
        then.is_single = 0;
        check_sending(&then);
        explore_sending(then);
        restore_sending(&saved);
    }
    if (!s.is_stream && at.to - at.pos > 1)
        CHECK_ERRNO(anc_tx_sent(&tx, 1), EINVAL);
    restore_sending(&saved);
}

static void all_sendings(int is_stream, int is_scattered)
{
    static const int few_fds[] = {0, 1, 2}, many_fds[] = {0, 1, 126, 252, 253, 254};
    static const struct anc_limits limits = {0, 2000, 2, 0};
    struct sending at;
    long code, kinds, all, step = stride();
    int list, count, i;
    socket_pair(is_stream ? SOCK_STREAM : SOCK_SEQPACKET, pair);
    for (list = 0; list < 2; list++) {
        int nlens = list ? 2 : 3, nfds = list ? 6 : 3;
        kinds = (long)nlens * nfds * 2;
        for (count = 1; count <= MESSAGES - list; count++) {
            for (i = 0, all = 1; i < count; i++)
                all *= kinds;
            for (code = 0; code < all; code += step) {
                long rest = code;
                new_stream(is_stream);
                memset(&m, 0, sizeof m);
                for (i = 0; i < count; i++, rest /= kinds)
                    /* 0, 1 and 3 bytes, which are two frames. */
                    append_message((size_t)(rest % nlens) * (size_t)(rest % nlens + 1) / 2,
                                   (list ? many_fds : few_fds)[rest / nlens % nfds], rest / nlens / nfds % 2, is_scattered);
                memset(ledger.is_open, 0, sizeof ledger.is_open);
                ledger.open = 0;
                for (i = 0; i < s.files; i++)
                    comes(SENDERS + i);
                memset(&tx, 0, sizeof tx);
                CHECK_OK(anc_tx_init(&tx, pair[0], tx_memory, sizeof tx_memory, &limits, sizeof tx), 0);
                streams++;
                seen_count = 0;
                memset(&at, 0, sizeof at);
                explore_sending(at);
            }
        }
    }
    report();
    close_both(pair);
}

TEST(messages_leave_in_every_way_on_streams)
{
    needs_padding();
    all_sendings(1, 0);
    all_sendings(1, 1);
}

TEST(messages_leave_in_every_way_in_packets)
{
    needs_padding();
    all_sendings(0, 0);
    all_sendings(0, 1);
}
