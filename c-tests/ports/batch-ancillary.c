#include "batch.h"
#include <ancillary.h>

static int queue(struct batch_queue *q, const void *bytes, size_t len, const int *fds, size_t nfds)
{
    struct batch_message *m = batch_new(q, bytes, len, fds, nfds);
    struct anc_builder builder;
    if (!m)
        return -1;
    anc_builder_init(&builder, &m->control, sizeof m->control);
    anc_put_fds(&builder, fds, nfds);
    if (anc_builder_finish(&builder, &m->msg) == -1)
        return -1;
    q->count++;
    return 0;
}

static void close_fds(struct batch_message *m)
{
    anc_close_fds(m->fds, m->nfds);
    m->nfds = 0;
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
        sent = anc_sendmmsg(q->sock, v, (unsigned int)n, MSG_DONTWAIT);
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
    return anc_recv_fds(sock, buf, len, fds, BATCH_FDS, nfds, ANC_DONTWAIT);
}

const struct batch batch_ancillary = {queue, flush, close_queue, read_message};
