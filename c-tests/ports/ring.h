/* Messages with up to 28 descriptors, through ring buffers in both directions (the shape of a
 * Wayland connection). A message: which object, how many descriptors, how many bytes in all. Here:
 * what has nothing to do with descriptors; no port counts it. */
#ifndef RING_H
#define RING_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RING_SIZE = 4096, RING_FDS = 28 };

struct ring_header {
    uint32_t object;
    uint16_t nfds;
    uint16_t size; /* header and arguments */
};

struct ring_buffer {
    unsigned char data[RING_SIZE];
    uint32_t head, tail; /* both count on; bytes lie between tail and head */
};

struct ring_state {
    int sock;
    struct ring_buffer in, out;
};

struct ring {
    struct ring_state *(*open)(int sock);
    int (*queue_fd)(struct ring_state *s, int fd); /* for the next message; the ring's own then */
    int (*flush)(struct ring_state *s);            /* 0; -1 EAGAIN: the rest waits */
    ssize_t (*read)(struct ring_state *s);         /* one call: bytes, 0 end of file, -1 */
    int (*next)(struct ring_state *s, void *message, int fds[RING_FDS]); /* 1, 0 not yet, -1 */
    void (*close)(struct ring_state *s);           /* descriptors too, but not the socket */
};

extern const struct ring ring_by_hand, ring_ancillary;

static inline size_t ring_used(const struct ring_buffer *b)
{
    return b->head - b->tail;
}

static inline int ring_put(struct ring_buffer *b, const void *data, size_t len)
{
    size_t at = b->head % RING_SIZE, first = len < RING_SIZE - at ? len : RING_SIZE - at;
    if (RING_SIZE - ring_used(b) < len)
        return -1;
    memcpy(b->data + at, data, first);
    memcpy(b->data, (const unsigned char *)data + first, len - first);
    b->head += (uint32_t)len;
    return 0;
}

static inline void ring_copy(const struct ring_buffer *b, void *data, size_t len)
{
    size_t at = b->tail % RING_SIZE, first = len < RING_SIZE - at ? len : RING_SIZE - at;
    memcpy(data, b->data + at, first);
    memcpy((unsigned char *)data + first, b->data, len - first);
}

/* len bytes from an offset on, which may wrap: the number of pieces. */
static inline int ring_pieces(struct ring_buffer *b, uint32_t from, size_t len, struct iovec iov[2])
{
    size_t at = from % RING_SIZE, first = len < RING_SIZE - at ? len : RING_SIZE - at;
    iov[0].iov_base = b->data + at;
    iov[0].iov_len = first;
    iov[1].iov_base = b->data;
    iov[1].iov_len = len - first;
    return len > first ? 2 : 1;
}

static inline int ring_filled_pieces(struct ring_buffer *b, struct iovec iov[2])
{
    return ring_pieces(b, b->tail, ring_used(b), iov);
}

static inline int ring_free_pieces(struct ring_buffer *b, struct iovec iov[2])
{
    return ring_pieces(b, b->head, RING_SIZE - ring_used(b), iov);
}

/* The header of the next message, if all of it is there: 1, 0 not yet, -1 it contradicts itself. */
static inline int ring_message(const struct ring_state *s, struct ring_header *header)
{
    if (ring_used(&s->in) < sizeof *header)
        return 0;
    ring_copy(&s->in, header, sizeof *header);
    if (header->size < sizeof *header || header->size > RING_SIZE || header->nfds > RING_FDS)
        return -1;
    return ring_used(&s->in) >= header->size;
}

#endif
