/* A channel whose two sides are joined by the model of a kernel, with everything drawn: the messages,
 * what of a batch the kernel takes, into what buffers it cuts it, how much it gives at a time, and which
 * descriptors it does not install. Included in one file of a program, which defines CHECK and
 * drawn(below). */
#ifndef CHANNEL_PAIR_H
#define CHANNEL_PAIR_H

#include "kernel-model.h"
#include <stdlib.h>
#include <sys/uio.h>

enum { ARENA = 4 << 20, PAIR_MESSAGES = 256, PAIR_PARTS = 16, PAIR_FRAME_MAX = 70000, PAIR_SLOTS = 1000 };

struct pair_size {
    unsigned int messages, len, fds, sends; /* at most; sends: before one takes all that is left */
};

static struct queue pair_queue;
static struct {
    struct anc_tx tx;
    struct anc_rx rx;
    struct anc_out out[PAIR_MESSAGES];
    struct iovec iov[PAIR_MESSAGES][PAIR_PARTS];
    size_t start[PAIR_MESSAGES], len[PAIR_MESSAGES];
    int first[PAIR_MESSAGES], nfds[PAIR_MESSAGES];
    int queued, received;   /* messages */
    int files, dealt;       /* descriptors queued, and delivered */
    size_t in_message;      /* bytes of the message at hand */
    int lost[FILES];        /* why the file was not installed */
    int fds[FILES];
    unsigned char arena[ARENA];
    uint64_t out_memory[20000 / sizeof(uint64_t)];
    unsigned char in_memory[ANC_CONTROL_MAX + 16 + PAIR_FRAME_MAX + 8];
    int slots[PAIR_SLOTS];
    long sent_calls, received_calls, frames, losses;
} p;

INLINE void pair_queue_message(const struct pair_size *size)
{
    int i = p.queued, parts = 0;
    size_t len = drawn(4) ? drawn(size->len < 300 ? size->len + 1 : 300) : drawn(size->len + 1), left = len, at;
    unsigned int fds = drawn(3) ? drawn(4) : drawn(size->fds + 1), k;
    if (i == PAIR_MESSAGES || (unsigned int)i == size->messages || p.files + (int)fds > FILES)
        return;
    at = p.start[i] = drawn((unsigned int)(ARENA - len));
    p.len[i] = len;
    while (left > 0 && parts < PAIR_PARTS - 1) {
        size_t part = drawn(2) ? left : drawn((unsigned int)(left < 600 ? left + 1 : 600));
        p.iov[i][parts++] = (struct iovec){p.arena + at, part};
        at += part;
        left -= part;
    }
    if (left > 0)
        p.iov[i][parts++] = (struct iovec){p.arena + at, left};
    p.first[i] = p.files;
    p.nfds[i] = (int)fds;
    for (k = 0; k < fds; k++, p.files++) {
        p.fds[p.files] = SENDERS + p.files;
        comes(p.fds[p.files]);
    }
    memset(&p.out[i], 0, sizeof p.out[i]);
    p.out[i].iov = p.iov[i];
    p.out[i].iovcnt = parts;
    p.out[i].fds = fds ? p.fds + p.first[i] : NULL;
    p.out[i].nfds = fds;
    p.out[i].flags = ANC_MOVE;
    CHECK(anc_tx_queue(&p.tx, &p.out[i]) == 0);
    p.queued++;
}

/* What sendmsg does. */
INLINE void pair_send(const struct pair_size *size)
{
    static unsigned char bytes[1 << 20];
    struct msghdr msg;
    struct cmsghdr *c;
    size_t total = 0, taken, i;
    int r = anc_tx_next(&p.tx, &msg), n = 0;
    CHECK(r >= 0);
    if (r == 0)
        return;
    for (i = 0; i < msg.msg_iovlen; i++)
        total += msg.msg_iov[i].iov_len;
    CHECK(total > 0);
    renew_queue(&pair_queue);
    taken = pair_queue.is_stream && drawn(3) ? 1 + drawn((unsigned int)(total < 100 || drawn(2) ? total : 100)) : total;
    if (pair_queue.head == pair_queue.tail && taken > sizeof bytes && pair_queue.is_stream)
        taken = sizeof bytes;
    if (drawn(size->sends + 1) == 0 || taken > sizeof bytes ||
        pair_queue.written + taken > QUEUE_BYTES || pair_queue.tail + 2000 > QUEUE_BUFFERS) {
        int error = drawn(2) ? EAGAIN : drawn(2) ? EINTR : ETOOMANYREFS;
        errno = 0;
        CHECK(anc_tx_sent(&p.tx, -error) == -1 && errno == error);
        return;
    }
    for (total = i = 0; total < taken; i++) {
        size_t part = msg.msg_iov[i].iov_len < taken - total ? msg.msg_iov[i].iov_len : taken - total;
        memcpy(bytes + total, msg.msg_iov[i].iov_base, part);
        total += part;
    }
    c = CMSG_FIRSTHDR(&msg);
    if (c) {
        int fd, k;
        n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof fd);
        CHECK(c->cmsg_type == SCM_RIGHTS && n > 0 && n <= ANC_FDS_MAX && CMSG_NXTHDR(&msg, c) == NULL);
        for (k = 0; k < n; k++) {
            memcpy(&fd, CMSG_DATA(c) + sizeof fd * (size_t)k, sizeof fd);
            CHECK(fd == SENDERS + pair_queue.files + k && ledger.is_open[fd - SENDERS]);
        }
    }
    queue_send(&pair_queue, bytes, taken, n, pair_queue.is_stream ? 600 + drawn(40000) : SIZE_MAX);
    CHECK(anc_tx_sent(&p.tx, (ssize_t)taken) == 0);
    p.sent_calls++;
    /* Moved descriptors are closed when they have gone, and not before. */
    for (i = 0; i < (size_t)p.files; i += 1 + (size_t)p.files / 50)
        CHECK(ledger.is_open[i] == ((int)i >= pair_queue.files));
}

INLINE void pair_check_frame(const struct anc_in *in)
{
    int i = p.received;
    size_t k;
    CHECK(i < p.queued);
    CHECK(p.in_message + in->len <= p.len[i]);
    CHECK(in->len == 0 || memcmp(in->data, p.arena + p.start[i] + p.in_message, in->len) == 0);
    p.in_message += in->len;
    for (k = 0; k < in->nfds; k++, p.dealt++) {
        CHECK(p.dealt < p.first[i] + p.nfds[i]);
        CHECK(in->fds[k] == (p.lost[p.dealt] ? -p.lost[p.dealt] : RECEIVERS + p.dealt));
        if (in->fds[k] >= 0 && drawn(2)) {
            goes(in->fds[k]);
            in->fds[k] = -1;
        }
    }
    p.frames++;
    if (!in->more) {
        CHECK(p.in_message == p.len[i] && p.dealt == p.first[i] + p.nfds[i]);
        p.in_message = 0;
        p.received++;
    }
}

INLINE void pair_receive(int loses)
{
    struct msghdr msg;
    struct anc_in in;
    struct taken t;
    size_t room;
    int r, k, installed, reason = 0;
    while ((r = anc_rx_next(&p.rx, &in)) == 1)
        pair_check_frame(&in);
    CHECK(r == 0);
    CHECK(anc_rx_prepare(&p.rx, &msg) == 1);
    room = msg.msg_iov->iov_len;
    if (pair_queue.is_stream && drawn(2))
        room = 1 + drawn((unsigned int)(room < 100 || drawn(2) ? room : 100));
    t = queue_receive(&pair_queue, room);
    if (t.len == 0) {
        errno = 0;
        CHECK(anc_rx_got(&p.rx, &msg, -EAGAIN) == -1 && errno == EAGAIN);
        return;
    }
    memcpy(msg.msg_iov->iov_base, t.bytes, t.len);
    installed = t.fds;
    if (t.fds > 0 && loses && drawn(4) == 0) {
        installed = (int)drawn((unsigned int)t.fds + 1);
        reason = drawn(2) ? EMFILE : EOVERFLOW;
    }
    for (k = 0; k < t.fds; k++)
        p.lost[t.first + k] = k < installed ? 0 : reason;
    p.losses += t.fds - installed;
    fill_control(&msg, t.first, t.fds, installed, reason, drawn(4) == 0);
    CHECK(anc_rx_got(&p.rx, &msg, (ssize_t)t.len) == 0);
    p.received_calls++;
}

/* One channel, from its start until all has come and end of file, or until it is dropped in the middle. */
INLINE void run_pair(int is_stream, int sock, const struct pair_size *size)
{
    /* Not a million frames. */
    const unsigned int frame = drawn(3) ? 65528 : size->len / 200 + 1 + (drawn(2) ? drawn(64) : drawn(50000));
    const struct anc_limits limits = {0, FILES, frame, 0};
    size_t out_len = 2560 + drawn((unsigned int)sizeof p.out_memory - 2560 + 1), room = is_stream ? 8 + frame : 65536;
    unsigned int loses = drawn(2), steps = drawn(8) ? UINT32_MAX : drawn(200), calls = 0;
    struct msghdr msg;
    struct anc_in in;
    int i;
    memset(&ledger, 0, sizeof ledger);
    ledger.sock = sock;
    p.queued = p.received = p.files = p.dealt = 0;
    p.in_message = 0;
    empty_queue(&pair_queue, is_stream);
    CHECK(anc_tx_init(&p.tx, sock, p.out_memory, out_len, &limits, sizeof p.tx) == 0);
    /* Of any alignment. */
    CHECK(anc_rx_init(&p.rx, sock, p.in_memory + drawn(8), ANC_CONTROL_MAX + 8 + room, p.slots,
                      ANC_FDS_MAX + (drawn(2) ? drawn(PAIR_SLOTS - ANC_FDS_MAX + 1) : 0), &limits, sizeof p.rx) == 0);
    while (p.received < p.queued || ((unsigned int)p.queued < size->messages && p.files < FILES / 2)) {
        unsigned int what = drawn(4);
        if (calls++ == steps)
            break;
        if (what == 0)
            pair_queue_message(size);
        else if (what < 3)
            pair_send(size);
        else
            pair_receive((int)loses);
        if ((unsigned int)p.queued == size->messages || p.queued == PAIR_MESSAGES)
            pair_send(size), pair_receive((int)loses);
    }
    if (calls <= steps && p.received == p.queued) {
        for (i = 0; i < p.queued; i++)
            CHECK(p.out[i].state == ANC_OUT_DONE);
        CHECK(anc_tx_next(&p.tx, &msg) == 0);
        CHECK(anc_rx_next(&p.rx, &in) == 0);
        CHECK(anc_rx_prepare(&p.rx, &msg) == 1);
        fill_control(&msg, 0, 0, 0, 0, 0);
        CHECK(anc_rx_got(&p.rx, &msg, 0) == 0);
        CHECK(anc_rx_next(&p.rx, &in) == 0);
        CHECK(ledger.open == 0);
    }
    anc_tx_drop(&p.tx);
    for (i = 0; i < p.queued; i++)
        CHECK(p.out[i].state == ANC_OUT_DONE || p.out[i].state == ANC_OUT_DROPPED);
    anc_rx_close(&p.rx);
    CHECK(ledger.open == 0);
}

#endif
