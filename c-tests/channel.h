/* Both sides of a channel in one process, and messages that show whether they arrive as they were
 * sent: every byte follows from its place, and every descriptor has a number of its own. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "harness.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define MAYBE __attribute__((unused)) static

static const int channel_types[2] = {SOCK_STREAM, SOCK_SEQPACKET};
#define FOR_BOTH(type) for (int type##_i = 0, type; type##_i < 2 && (type = channel_types[type##_i], 1); type##_i++)

enum { MAX_FRAME = 65528, FRAME_HEADER = 8 };

struct channel {
    int pair[2]; /* from 0 to 1 */
    struct anc_tx tx;
    struct anc_rx rx;
    int slots[ANC_FDS_MAX];
    char out[ANC_TX_BUFFER], in[ANC_RX_BUFFER];
};

/* Large messages need more descriptors than many shells allow. */
MAYBE void widen_table(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < 4096)
        skip("a process may have only %d descriptors", (int)limit.rlim_max);
    if (limit.rlim_cur < 4096) {
        limit.rlim_cur = 4096;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
}

MAYBE void start_channel(struct channel *ch, int type, const struct anc_limits *limits)
{
    widen_table();
    socket_pair(type, ch->pair);
    CHECK_OK(anc_tx_init(&ch->tx, ch->pair[0], ch->out, sizeof ch->out, limits, sizeof ch->tx), 0);
    CHECK_OK(anc_rx_init(&ch->rx, ch->pair[1], ch->in, sizeof ch->in, ch->slots, LENGTH(ch->slots), limits,
                         sizeof ch->rx), 0);
}

MAYBE void end_channel(struct channel *ch)
{
    anc_tx_drop(&ch->tx);
    anc_rx_close(&ch->rx);
    close_both(ch->pair);
}

/* An eventfd that tells its number once. */
MAYBE int numbered(unsigned int number)
{
    return new_numbered(number);
}

MAYBE unsigned int number_of(int fd)
{
    return (unsigned int)number_in(fd);
}

MAYBE unsigned char byte_at(unsigned int seed, size_t i)
{
    return (unsigned char)(i * 7 + i / 251 + seed);
}

/* A message with all that it needs. Descriptors are numbered from `number` on, which is its seed. */
struct parcel {
    struct anc_out out;
    unsigned int number;
    size_t len, nfds;
    unsigned char *bytes;
    int *fds;
    struct iovec *iov;
};

MAYBE struct parcel *new_parcel(size_t len, size_t nfds, unsigned int flags)
{
    static unsigned int next = 1;
    struct parcel *p = calloc(1, sizeof *p);
    size_t i;
    CHECK(p);
    p->number = next;
    next += (unsigned int)nfds + 1;
    p->len = len;
    p->nfds = nfds;
    p->bytes = malloc(len + 1);
    p->fds = malloc((nfds + 1) * sizeof *p->fds);
    p->iov = calloc(1024, sizeof *p->iov);
    CHECK(p->bytes && p->fds && p->iov);
    for (i = 0; i < len; i++)
        p->bytes[i] = byte_at(p->number, i);
    for (i = 0; i < nfds; i++)
        p->fds[i] = numbered(p->number + (unsigned int)i);
    p->iov[0].iov_base = p->bytes;
    p->iov[0].iov_len = len;
    p->out.iov = p->iov;
    p->out.iovcnt = 1;
    p->out.fds = p->fds;
    p->out.nfds = nfds;
    p->out.flags = flags;
    /* Of what need not be set. */
    p->out.state = 4242;
    p->out.next = &p->out;
    memset(p->out.priv, 0x5a, sizeof p->out.priv);
    return p;
}

/* Its bytes in so many buffers of about the same size. */
MAYBE void divide(struct parcel *p, int count)
{
    size_t at = 0;
    int i;
    for (i = 0; i < count; i++) {
        size_t end = (size_t)((uint64_t)p->len * (uint64_t)(i + 1) / (uint64_t)count);
        p->iov[i].iov_base = end == at ? NULL : p->bytes + at;
        p->iov[i].iov_len = end - at;
        at = end;
    }
    p->out.iovcnt = count;
}

/* Borrowed descriptors are closed; moved ones are the channel's. */
MAYBE void free_parcel(struct parcel *p)
{
    if (!(p->out.flags & ANC_MOVE))
        anc_close_fds(p->fds, p->nfds);
    free(p->bytes);
    free(p->fds);
    free(p->iov);
    free(p);
}

MAYBE void queue_parcel(struct channel *ch, struct parcel *p)
{
    CHECK_OK(anc_tx_queue(&ch->tx, &p->out), 0);
    CHECK_INT(p->out.state, ANC_OUT_QUEUED);
}

/* This frame continues the message after `*len` bytes and `*nfds` descriptors. */
MAYBE void check_frame(const struct parcel *p, const struct anc_in *in, size_t *len, size_t *nfds)
{
    const unsigned char *data = in->data;
    size_t i;
    CHECK_CASE(*len + in->len <= p->len && *nfds + in->nfds <= p->nfds, "%zu bytes and %zu descriptors after %zu and %zu",
               in->len, in->nfds, *len, *nfds);
    CHECK_INT(in->reserved, 0);
    if (in->len > 0 && memcmp(data, p->bytes + *len, in->len) != 0)
        fail(__FILE__, __LINE__, "other bytes after %zu", *len);
    for (i = 0; i < in->nfds; i++) {
        CHECK_CASE(in->fds[i] >= 0 && is_cloexec(in->fds[i]), "slot %zu: %d", i, in->fds[i]);
        CHECK_INT(number_of(in->fds[i]), p->number + *nfds + i);
    }
    *len += in->len;
    *nfds += in->nfds;
}

/* Receives this message, and meanwhile sends what is queued. Returns the number of its frames. */
MAYBE int expect_parcel(struct channel *ch, const struct parcel *p)
{
    size_t len = 0, nfds = 0;
    int frames = 0, all_has_gone = 0;
    struct anc_in in = {.more = 1};
    while (in.more) {
        int r;
        errno = 4242;
        r = anc_rx_recv(&ch->rx, &in, 0);
        if (r == -1 && errno == EAGAIN && !all_has_gone) {
            all_has_gone = anc_tx_flush(&ch->tx, 0) == 0;
            CHECK(all_has_gone || errno == EAGAIN || errno == ETOOMANYREFS);
            continue;
        }
        if (r != 1 || errno != 4242)
            fail(__FILE__, __LINE__, "anc_rx_recv: %d after %zu of %zu bytes, %zu of %zu descriptors (errno %d)", r, len,
                 p->len, nfds, p->nfds, errno);
        check_frame(p, &in, &len, &nfds);
        frames++;
    }
    CHECK_INT(len, p->len);
    CHECK_INT(nfds, p->nfds);
    return frames;
}

MAYBE void expect_no_message(struct channel *ch)
{
    struct anc_in in;
    CHECK_ERRNO(anc_rx_recv(&ch->rx, &in, 0), EAGAIN);
}

/* A header as it stands on the wire. */
MAYBE void put_header(void *to, uint32_t len, unsigned int nfds, unsigned int flags, unsigned int version)
{
    unsigned char header[FRAME_HEADER] = {
        (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16), (unsigned char)(len >> 24),
        (unsigned char)nfds, (unsigned char)(nfds >> 8), (unsigned char)flags, (unsigned char)version};
    memcpy(to, header, sizeof header);
}

MAYBE long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

#endif
