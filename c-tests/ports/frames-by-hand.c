#include "frames.h"

enum { WAITING = 2 * FRAME_MAX / sizeof(struct frame_header) + 1 };

struct state {
    struct frames_state s;
    size_t parsed;    /* headers before this offset have been looked at */
    int fds[WAITING]; /* of frames whose header says so, in order */
    size_t nfds;
};

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static struct frames_state *open_frames(int sock)
{
    struct state *state = calloc(1, sizeof *state);
    state->s.sock = sock;
    state->s.at_once = SIZE_MAX;
    return &state->s;
}

static int flush(struct frames_state *s)
{
    struct frame_out *out;
    while ((out = frames_to_send(s))) {
        struct iovec iov = {out->bytes + out->sent, out->len - out->sent};
        struct msghdr msg;
        union control control;
        ssize_t n;
        memset(&msg, 0, sizeof msg);
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        if (out->fd != -1) {
            struct cmsghdr *cmsg;
            memset(&control, 0, sizeof control);
            msg.msg_control = &control;
            msg.msg_controllen = sizeof control;
            cmsg = CMSG_FIRSTHDR(&msg);
            cmsg->cmsg_len = CMSG_LEN(sizeof(int));
            cmsg->cmsg_level = SOL_SOCKET;
            cmsg->cmsg_type = SCM_RIGHTS;
            memcpy(CMSG_DATA(cmsg), &out->fd, sizeof(int));
        }
        n = sendmsg(s->sock, &msg, MSG_DONTWAIT);
        if (n == -1)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        if (out->fd != -1) {
            close(out->fd);
            out->fd = -1;
        }
        frames_sent(s, (size_t)n);
    }
    return 1;
}

/* The descriptor that a read brings belongs to the header in it that says so; else nobody
 * wants it. */
static int parse_headers(struct state *state, int fd)
{
    struct frame_header header;
    int result;
    while ((result = frames_header(&state->s, state->parsed, &header)) == 1) {
        if (header.flags & FRAME_HAS_FD) {
            state->fds[state->nfds++] = fd;
            fd = -1;
        }
        state->parsed += header.len;
    }
    if (fd != -1)
        close(fd);
    return result;
}

static ssize_t read_more(struct frames_state *s)
{
    struct state *state = (struct state *)s;
    struct iovec iov = frames_room(s);
    struct msghdr msg;
    struct cmsghdr *cmsg;
    union control control;
    ssize_t n;
    int fd = -1;

    memset(&msg, 0, sizeof msg);
    memset(&control, 0, sizeof control);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;
    n = recvmsg(s->sock, &msg, MSG_DONTWAIT);
    if (n <= 0)
        return n;
    for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(cmsg), sizeof fd);
    s->filled += (size_t)n;
    return parse_headers(state, fd) == -1 ? -1 : n;
}

static int get(struct frames_state *s, struct frame *f)
{
    struct state *state = (struct state *)s;
    int result = frames_take_bytes(s, f);
    if (result != 1)
        return result;
    state->parsed -= f->header.len;
    f->fd = -1;
    if (f->header.flags & FRAME_HAS_FD) {
        f->fd = state->fds[0];
        memmove(state->fds, state->fds + 1, --state->nfds * sizeof(int));
    }
    return 1;
}

static void close_frames(struct frames_state *s)
{
    struct state *state = (struct state *)s;
    size_t i;
    for (i = 0; i < s->queued; i++)
        if (s->out[(s->first + i) % FRAMES_QUEUED].fd != -1)
            close(s->out[(s->first + i) % FRAMES_QUEUED].fd);
    for (i = 0; i < state->nfds; i++)
        if (state->fds[i] != -1)
            close(state->fds[i]);
    free(state);
}

const struct frames frames_by_hand = {open_frames, flush, read_more, get, close_frames};
