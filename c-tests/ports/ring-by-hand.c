#include "ring.h"

struct state {
    struct ring_state s;
    struct ring_buffer fds_in, fds_out;
};

union control {
    struct cmsghdr header;
    char room[CMSG_LEN(RING_FDS * sizeof(int))];
};

static struct ring_state *open_ring(int sock)
{
    struct state *state = calloc(1, sizeof *state);
    state->s.sock = sock;
    return &state->s;
}

static void close_fds(struct ring_buffer *fds, size_t max)
{
    int fd;
    for (; max > 0 && ring_used(fds) > 0; max--) {
        ring_copy(fds, &fd, sizeof fd);
        close(fd);
        fds->tail += sizeof fd;
    }
}

static socklen_t build_control(struct ring_buffer *fds, union control *control)
{
    size_t size = ring_used(fds);
    if (size > RING_FDS * sizeof(int))
        size = RING_FDS * sizeof(int);
    if (size == 0)
        return 0;
    memset(control, 0, sizeof *control);
    control->header.cmsg_level = SOL_SOCKET;
    control->header.cmsg_type = SCM_RIGHTS;
    control->header.cmsg_len = CMSG_LEN(size);
    ring_copy(fds, CMSG_DATA(&control->header), size);
    return (socklen_t)control->header.cmsg_len;
}

static int flush(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    while (ring_used(&s->out) > 0) {
        struct iovec iov[2];
        union control control;
        struct msghdr msg = {0};
        ssize_t len;
        msg.msg_iov = iov;
        msg.msg_iovlen = (size_t)ring_filled_pieces(&s->out, iov);
        msg.msg_controllen = build_control(&state->fds_out, &control);
        msg.msg_control = msg.msg_controllen ? &control : NULL;
        do {
            len = sendmsg(s->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        } while (len == -1 && errno == EINTR);
        if (len == -1)
            return -1;
        close_fds(&state->fds_out, RING_FDS);
        s->out.tail += (uint32_t)len;
    }
    return 0;
}

static int queue_fd(struct ring_state *s, int fd)
{
    struct state *state = (struct state *)s;
    if (ring_used(&state->fds_out) == RING_FDS * sizeof(int) && flush(s) == -1)
        return -1;
    return ring_put(&state->fds_out, &fd, sizeof fd);
}

static int decode_control(struct ring_buffer *fds, struct msghdr *msg)
{
    struct cmsghdr *cmsg;
    int overflow = 0;
    for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        size_t size = cmsg->cmsg_len - CMSG_LEN(0), i;
        int fd;
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (i = 0; i < size; i += sizeof fd) {
            memcpy(&fd, CMSG_DATA(cmsg) + i, sizeof fd);
            if (overflow || ring_put(fds, &fd, sizeof fd) == -1) {
                overflow = 1;
                close(fd);
            }
        }
    }
    if (overflow)
        errno = EOVERFLOW;
    return overflow ? -1 : 0;
}

static ssize_t read_ring(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    struct iovec iov[2];
    union control control;
    struct msghdr msg = {0};
    ssize_t len;
    msg.msg_iov = iov;
    msg.msg_iovlen = (size_t)ring_free_pieces(&s->in, iov);
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;
    do {
        len = recvmsg(s->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    if (len <= 0)
        return len;
    if (decode_control(&state->fds_in, &msg) == -1)
        return -1;
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
    if (ring_used(&state->fds_in) < header.nfds * sizeof(int))
        return -1;
    ring_copy(&state->fds_in, fds, header.nfds * sizeof(int));
    state->fds_in.tail += (uint32_t)(header.nfds * sizeof(int));
    ring_copy(&s->in, message, header.size);
    s->in.tail += header.size;
    return 1;
}

static void close_ring(struct ring_state *s)
{
    struct state *state = (struct state *)s;
    close_fds(&state->fds_in, SIZE_MAX);
    close_fds(&state->fds_out, SIZE_MAX);
    free(state);
}

const struct ring ring_by_hand = {open_ring, queue_fd, flush, read_ring, next, close_ring};
