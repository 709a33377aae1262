/* Frames of a header and a payload, some with a descriptor, over a stream, read in pieces as they
 * come (the shape of imsg). Here: what has nothing to do with descriptors; no port counts it. */
#ifndef FRAMES_H
#define FRAMES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 16384, FRAMES_QUEUED = 8, FRAME_HAS_FD = 1 };

struct frame_header {
    uint32_t type;
    uint16_t len; /* header and payload */
    uint16_t flags;
};

struct frame {
    struct frame_header header;
    unsigned char payload[FRAME_MAX];
    int fd; /* the caller's, or -1 */
};

struct frame_out {
    unsigned char bytes[FRAME_MAX];
    size_t len, sent;
    int fd; /* -1: none, or gone */
};

struct frames_state {
    int sock;
    unsigned char in[2 * FRAME_MAX];
    size_t filled;
    size_t at_once; /* read at most so many bytes by one call */
    struct frame_out out[FRAMES_QUEUED];
    size_t first, queued;
};

struct frames {
    struct frames_state *(*open)(int sock);
    int (*flush)(struct frames_state *s);                /* 1 all sent, 0 the socket is full, -1 */
    ssize_t (*read)(struct frames_state *s);             /* one call: bytes, 0 end of file, -1 */
    int (*get)(struct frames_state *s, struct frame *f); /* 1 a frame, 0 not yet, -1 */
    void (*close)(struct frames_state *s);               /* descriptors too, but not the socket */
};

extern const struct frames frames_by_hand, frames_ancillary;

/* Queues a frame; the descriptor is the queue's from here on. */
static inline int frames_compose(struct frames_state *s, uint32_t type, int fd, const void *data,
                                 size_t len)
{
    struct frame_out *out = &s->out[(s->first + s->queued) % FRAMES_QUEUED];
    struct frame_header header = {type, (uint16_t)(sizeof header + len), 0};
    if (s->queued == FRAMES_QUEUED || len > FRAME_MAX - sizeof header)
        return -1;
    if (fd != -1)
        header.flags = FRAME_HAS_FD;
    memcpy(out->bytes, &header, sizeof header);
    memcpy(out->bytes + sizeof header, data, len);
    out->len = header.len;
    out->sent = 0;
    out->fd = fd;
    s->queued++;
    return 0;
}

static inline struct frame_out *frames_to_send(struct frames_state *s)
{
    return s->queued ? &s->out[s->first] : NULL;
}

static inline void frames_sent(struct frames_state *s, size_t n)
{
    s->out[s->first].sent += n;
    if (s->out[s->first].sent == s->out[s->first].len) {
        s->first = (s->first + 1) % FRAMES_QUEUED;
        s->queued--;
    }
}

static inline struct iovec frames_room(struct frames_state *s)
{
    size_t room = sizeof s->in - s->filled;
    struct iovec iov = {s->in + s->filled, room < s->at_once ? room : s->at_once};
    return iov;
}

/* The header at this offset of what was read: 1, 0 not yet, -1 it contradicts itself. */
static inline int frames_header(const struct frames_state *s, size_t at, struct frame_header *h)
{
    if (s->filled < at || s->filled - at < sizeof *h)
        return 0;
    memcpy(h, s->in + at, sizeof *h);
    return h->len >= sizeof *h && h->len <= FRAME_MAX ? 1 : -1;
}

/* The first frame, if it is complete. */
static inline int frames_take_bytes(struct frames_state *s, struct frame *f)
{
    int result = frames_header(s, 0, &f->header);
    if (result != 1)
        return result;
    if (s->filled < f->header.len)
        return 0;
    memcpy(f->payload, s->in + sizeof f->header, f->header.len - sizeof f->header);
    s->filled -= f->header.len;
    memmove(s->in, s->in + f->header.len, s->filled);
    return 1;
}

#endif
