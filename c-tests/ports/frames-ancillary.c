#include "frames.h"
#include <ancillary.h>

struct state {
    struct frames_state s;
    struct anc_fd_queue queue;
    int slots[2]; /* a read can bring one while that of the frame before waits for its end */
};

static struct frames_state *open_frames(int sock)
{
    struct state *state = calloc(1, sizeof *state);
    state->s.sock = sock;
    state->s.at_once = SIZE_MAX;
    anc_fd_queue_init(&state->queue, state->slots, 2);
    return &state->s;
}

static int flush(struct frames_state *s)
{
    struct frame_out *out;
    while ((out = frames_to_send(s))) {
        ssize_t n = anc_send_fds(s->sock, out->bytes + out->sent, out->len - out->sent, &out->fd,
                                 out->fd != -1, ANC_DONTWAIT | ANC_ALL | ANC_MOVE);
        if (n == -1)
            return errno == EAGAIN ? 0 : -1;
        out->fd = -1;
        frames_sent(s, (size_t)n);
    }
    return 1;
}

static ssize_t read_more(struct frames_state *s)
{
    struct anc_fd_queue *queue = &((struct state *)s)->queue;
    struct iovec iov = frames_room(s);
    ssize_t n = anc_fd_queue_recv(queue, s->sock, iov.iov_base, iov.iov_len, 1, ANC_DONTWAIT);
    if (n > 0)
        s->filled += (size_t)n;
    return n;
}

static int get(struct frames_state *s, struct frame *f)
{
    struct state *state = (struct state *)s;
    int result = frames_take_bytes(s, f);
    if (result != 1)
        return result;
    f->fd = -1;
    if (f->header.flags & FRAME_HAS_FD)
        f->fd = anc_fd_queue_take(&state->queue);
    return 1;
}

static void close_frames(struct frames_state *s)
{
    struct state *state = (struct state *)s;
    size_t i;
    for (i = 0; i < s->queued; i++)
        anc_close_fds(&s->out[(s->first + i) % FRAMES_QUEUED].fd, 1);
    anc_fd_queue_close(&state->queue);
    free(state);
}

const struct frames frames_ancillary = {open_frames, flush, read_more, get, close_frames};
