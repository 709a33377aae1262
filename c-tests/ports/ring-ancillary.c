#include "ring.h"
#include <ancillary.h>

struct state {
    struct ring_state s;
    int fds_out[RING_FDS];
    size_t nfds_out;
    struct anc_fd_queue fds_in;
    int slots[1024];
};

static struct ring_state *open_ring(int sock)
{
    struct state *state = calloc(1, sizeof *state);
    state->s.sock = sock;
    anc_fd_queue_init(&state->fds_in, state->slots, 1024);
    return &state->s;
}

static int flush(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    while (ring_used(&s->out) > 0) {
        struct iovec iov[2];
        int pieces = ring_filled_pieces(&s->out, iov);
        ssize_t len = anc_sendv_fds(s->sock, iov, pieces, state->fds_out, state->nfds_out,
                                    ANC_DONTWAIT | ANC_ALL | ANC_MOVE);
        if (len == -1)
            return -1;
        state->nfds_out = 0;
        s->out.tail += (uint32_t)len;
    }
    return 0;
}

static int queue_fd(struct ring_state *s, int fd)
{
    struct state *state = (struct state *)s;
    if (state->nfds_out == RING_FDS && (flush(s) == -1 || state->nfds_out == RING_FDS))
        return -1;
    state->fds_out[state->nfds_out++] = fd;
    return 0;
}

static ssize_t read_ring(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    struct iovec iov[2];
    int pieces = ring_free_pieces(&s->in, iov);
    ssize_t len;
    do
        len = anc_fd_queue_recvv(&state->fds_in, s->sock, iov, pieces, RING_FDS, ANC_DONTWAIT);
    while (len == -1 && errno == EINTR);
    if (len > 0)
        s->in.head += (uint32_t)len;
    return len;
}

static int next(struct ring_state *s, void *message, int fds[RING_FDS])
{
    struct state *state = (struct state *)s;
    struct ring_header header;
    int result = ring_message(s, &header);
    if (result != 1)
        return result;
    if (anc_fd_queue_take_fds(&state->fds_in, fds, header.nfds) == -1)
        return -1;
    ring_copy(&s->in, message, header.size);
    s->in.tail += header.size;
    return 1;
}

static void close_ring(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    anc_close_fds(state->fds_out, state->nfds_out);
    anc_fd_queue_close(&state->fds_in);
    free(state);
}

const struct ring ring_ancillary = {open_ring, queue_fd, flush, read_ring, next, close_ring};
