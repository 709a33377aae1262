/* A queue of messages, some with descriptors, that goes out by sendmmsg over a stream, 16 at once;
 * the other side reads message by message (the shape of D-Bus broker's socket). Here: what has
 * nothing to do with descriptors; no port counts it. */
#ifndef BATCH_H
#define BATCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH_AT_ONCE = 16, BATCH_QUEUED = 32, BATCH_FDS = 253 };

struct batch_message {
    struct iovec iov; /* what has not gone */
    int fds[BATCH_FDS];
    size_t nfds; /* 0 once they have gone */
    struct msghdr msg;
    union {
        struct cmsghdr header;
        unsigned char bytes[CMSG_SPACE(BATCH_FDS * sizeof(int))];
    } control;
};

struct batch_queue {
    int sock;
    struct batch_message all[BATCH_QUEUED];
    size_t first, count;
};

struct batch {
    /* The bytes stay in place until sent; the descriptors are the queue's if it is 0. */
    int (*queue)(struct batch_queue *q, const void *bytes, size_t len, const int *fds, size_t nfds);
    int (*flush)(struct batch_queue *q); /* 1 all gone, 0 the socket is full, -1 */
    void (*close)(struct batch_queue *q);
    /* One call: bytes, of which none is beyond the current message; 0 end of file; -1. */
    ssize_t (*read)(int sock, void *buf, size_t len, int fds[BATCH_FDS], size_t *nfds);
};

extern const struct batch batch_by_hand, batch_ancillary;

/* A free entry with the bytes, or NULL. */
static inline struct batch_message *batch_new(struct batch_queue *q, const void *bytes, size_t len,
                                              const int *fds, size_t nfds)
{
    struct batch_message *m = &q->all[(q->first + q->count) % BATCH_QUEUED];
    if (q->count == BATCH_QUEUED || nfds > BATCH_FDS)
        return NULL;
    memset(&m->msg, 0, sizeof m->msg);
    m->iov.iov_base = (void *)bytes;
    m->iov.iov_len = len;
    m->msg.msg_iov = &m->iov;
    m->msg.msg_iovlen = 1;
    m->nfds = nfds;
    if (nfds)
        memcpy(m->fds, fds, nfds * sizeof(int));
    return m;
}

static inline struct batch_message *batch_nth(struct batch_queue *q, size_t n)
{
    return &q->all[(q->first + n) % BATCH_QUEUED];
}

/* So many bytes of the first message have gone. */
static inline void batch_gone(struct batch_queue *q, size_t n)
{
    struct batch_message *m = &q->all[q->first];
    m->iov.iov_base = (char *)m->iov.iov_base + n;
    m->iov.iov_len -= n;
    if (m->iov.iov_len == 0) {
        q->first = (q->first + 1) % BATCH_QUEUED;
        q->count--;
    }
}

#endif
