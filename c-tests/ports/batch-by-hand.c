#include "batch.h"

static int queue(struct batch_queue *q, const void *bytes, size_t len, const int *fds, size_t nfds)
{
    struct batch_message *m = batch_new(q, bytes, len, fds, nfds);
    if (!m)
        return -1;
    if (nfds) {
        memset(&m->control, 0, sizeof m->control);
        m->control.header.cmsg_level = SOL_SOCKET;
        m->control.header.cmsg_type = SCM_RIGHTS;
        m->control.header.cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(&m->control.header), fds, nfds * sizeof(int));
        m->msg.msg_control = &m->control;
        m->msg.msg_controllen = m->control.header.cmsg_len;
    }
    q->count++;
    return 0;
}

static void close_fds(struct batch_message *m)
{
    while (m->nfds)
        close(m->fds[--m->nfds]);
    m->msg.msg_control = NULL;
    m->msg.msg_controllen = 0;
}

static int flush(struct batch_queue *q)
{
    while (q->count) {
        struct mmsghdr v[BATCH_AT_ONCE];
        size_t n;
        int sent, i;
        for (n = 0; n < q->count && n < BATCH_AT_ONCE; n++)
            v[n].msg_hdr = batch_nth(q, n)->msg;
        sent = sendmmsg(q->sock, v, (unsigned int)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == -1)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        for (i = 0; i < sent; i++) {
            close_fds(batch_nth(q, 0));
            batch_gone(q, v[i].msg_len);
        }
    }
    return 1;
}

static void close_queue(struct batch_queue *q)
{
    size_t i;
    for (i = 0; i < q->count; i++)
        close_fds(batch_nth(q, i));
    q->count = 0;
}

static ssize_t read_message(int sock, void *buf, size_t len, int fds[BATCH_FDS], size_t *nfds)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * BATCH_FDS)];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *cmsg;
    ssize_t n;
    *nfds = 0;
    n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return n;
    for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
            *nfds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds, CMSG_DATA(cmsg), *nfds * sizeof(int));
        }
    }
    if (msg.msg_flags & MSG_CTRUNC) {
        while (*nfds)
            close(fds[--*nfds]);
        errno = ENOTRECOVERABLE;
        return -1;
    }
    return n;
}

const struct batch batch_by_hand = {queue, flush, close_queue, read_message};
