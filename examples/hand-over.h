/* How a server and its successor talk: over a channel on a socket pair, by messages of a few words
 * that may bring bytes and a descriptor.
 *
 *     predecessor                            successor
 *     goes on serving          <- HELLO      runs, and speaks this version
 *     stops serving
 *     LISTENER, its name       ->            each with its descriptor
 *     CONNECTION, its number   ->            each with its descriptor and the bytes that it is owed
 *     END, how many of them    ->
 *                              <- READY      all is there, and as it should be
 *     will not change its mind
 *     GO                       ->
 *                              <- TAKEN      serves
 *     exits
 *
 * Both have every descriptor by then, so the question is who serves. Exactly one does, because of two
 * rules, whenever either is killed:
 *
 * 1. The successor serves when TAKEN has gone, or when the channel ends after its READY. The end means
 *    that the predecessor is dead, for rule 2 lets it close its side no earlier than the successor is;
 *    and that it has done nothing since it stopped serving, so all it said still holds.
 * 2. The predecessor serves again when the successor has not said TAKEN, and is dead: it kills it and
 *    waits for it first. A successor that has not said TAKEN has touched nothing.
 *
 * So TAKEN is the point of no return. A deadline holds until GO. After GO the predecessor waits for
 * TAKEN or the end, however long: to kill then might hit one that serves. The successor needs no
 * deadline: it gets an answer, or is killed, or sees the end.
 *
 * What nobody can mend is a server that dies while it is the only one: before END, or after TAKEN. */
#ifndef HAND_OVER_H
#define HAND_OVER_H

#include <ancillary.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define HAND_OVER "HAND_OVER" /* in the successor's environment: the number of its socket */

enum { VERSION = 1 };
enum kind { HELLO = 1, LISTENER, CONNECTION, END, READY, GO, TAKEN };

/* What each message starts with. It stays on one machine, and needs no order of bytes. */
struct item {
    uint32_t version; /* here in every version */
    uint32_t kind;
    uint64_t number; /* a listener's, a connection's; END: how many came */
};

/* A message to send. It must stay where it is until it has gone. */
struct message {
    struct anc_out out;
    struct item item;
    struct iovec iov[2];
};

/* One side of it: the successor's, or the predecessor's. */
struct talk {
    int sock;
    int64_t deadline; /* in milliseconds by the monotonic clock; -1: none */
    struct anc_tx tx;
    struct anc_rx rx;
    char tx_buffer[ANC_TX_BUFFER], rx_buffer[ANC_RX_BUFFER];
    int slots[ANC_FDS_MAX];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds until the deadline, as the calls that wait take them. */
static int talk_left(const struct talk *t)
{
    int64_t left = t->deadline - now_ms();
    return t->deadline == -1 ? -1 : left > 0 ? (int)left : 0;
}

static int talk_start(struct talk *t, int sock, int timeout_ms)
{
    t->sock = sock;
    t->deadline = timeout_ms == -1 ? -1 : now_ms() + timeout_ms;
    return anc_tx_init(&t->tx, sock, t->tx_buffer, sizeof t->tx_buffer, NULL, sizeof t->tx) == 0
        && anc_rx_init(&t->rx, sock, t->rx_buffer, sizeof t->rx_buffer, t->slots, ANC_FDS_MAX, NULL, sizeof t->rx) == 0;
}

/* Puts a message behind those that wait. The descriptor is lent, not moved: it may be needed again. */
static int talk_queue(struct talk *t, struct message *m, enum kind kind, uint64_t number, void *bytes, size_t len,
                      const int *fd)
{
    m->item = (struct item){VERSION, kind, number};
    m->iov[0] = (struct iovec){&m->item, sizeof m->item};
    m->iov[1] = (struct iovec){bytes, len};
    m->out = (struct anc_out){.iov = m->iov, .iovcnt = 2, .fds = fd, .nfds = fd != NULL};
    return anc_tx_queue(&t->tx, &m->out) == 0;
}

/* Says one word, and sends all that waits. Whether it has gone. */
static int talk_say(struct talk *t, enum kind kind, uint64_t number)
{
    struct message m;
    int gone = talk_queue(t, &m, kind, number, NULL, 0, NULL);
    while (gone && anc_tx_flush(&t->tx, talk_left(t)) == -1)
        gone = errno == EINTR;
    if (!gone)
        anc_tx_drop(&t->tx); /* m is about to go out of scope */
    return gone;
}

/* Hears the next message: 1; 0 at the end; -1: nothing in time, or nonsense. A descriptor in it is
 * closed by the next call, unless -1 takes its place. */
static int talk_hear(struct talk *t, struct item *item, struct anc_in *in)
{
    int n;
    do /* a reset: the other one died with words unheard; what it said before follows, and the end */
        n = anc_rx_recv(&t->rx, in, talk_left(t));
    while (n == -1 && (errno == EINTR || errno == ECONNRESET));
    if (n != 1)
        return n;
    if (in->more || in->len < sizeof *item)
        return -1;
    memcpy(item, in->data, sizeof *item); /* in->data is not aligned */
    return item->version == VERSION ? 1 : -1;
}

/* Whether the next message is this one word. */
static int talk_hears(struct talk *t, enum kind kind)
{
    struct item item;
    struct anc_in in;
    return talk_hear(t, &item, &in) == 1 && item.kind == kind;
}

/* Leaves the socket, which is the caller's. */
static void talk_end(struct talk *t)
{
    anc_tx_drop(&t->tx);
    anc_rx_close(&t->rx);
}

#endif
