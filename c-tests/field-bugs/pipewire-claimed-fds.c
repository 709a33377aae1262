/* PipeWire's native protocol, https://github.com/PipeWire/pipewire
 * src/modules/module-protocol-native/connection.c: descriptors that a header claims.
 *
 * A message's header says how many descriptors belong to it. The reader of the early versions
 * pointed the message at the next so many slots of its array without asking how many had come. A
 * peer that claims descriptors and sends none is given what stands there: the numbers of earlier
 * messages, dealt long ago and by now something else's.
 *
 * anc_fd_queue deals only what it holds: ENOMSG, and the message can be refused before its
 * payload. */
#include "field.h"

struct header {
    uint32_t size, nfds;
};

struct buffer {
    int fds[28];
    uint32_t nfds, next;
};

static void refill_by_hand(struct buffer *b, int sock, struct header *h)
{
    int came[ANC_FDS_MAX], n;
    CHECK_INT(raw_recv(sock, h, sizeof *h, came, &n, 0), sizeof *h);
    memcpy(b->fds + b->nfds, came, (size_t)n * sizeof(int));
    b->nfds += (uint32_t)n;
}

static const int *deal_by_hand(struct buffer *b, const struct header *h)
{
    const int *fds = b->fds + b->next;
    b->next += h->nfds;
    if (b->next >= b->nfds) /* all is read: start again in front */
        b->next = b->nfds = 0;
    return fds;
}

static int deal_with_library(struct anc_fd_queue *q, const struct header *h, int *fds)
{
    uint32_t i;
    if (h->nfds > q->count) {
        errno = EPROTO;
        return -1;
    }
    for (i = 0; i < h->nfds; i++)
        fds[i] = anc_fd_queue_take(q);
    return 0;
}

static void send_header(int sock, uint32_t claimed, const int *fds, int nfds)
{
    struct header h = {0, claimed};
    CHECK_INT(raw_send(sock, &h, sizeof h, fds, nfds, 0), sizeof h);
}

TEST(by_hand_a_claim_is_met_with_a_descriptor_of_somebody_else)
{
    int pair[2], sent = new_descriptor(), first, secret;
    struct buffer buffer = {.nfds = 0};
    struct header h;
    const int *fds;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    send_header(pair[0], 1, &sent, 1);
    refill_by_hand(&buffer, pair[1], &h);
    first = deal_by_hand(&buffer, &h)[0];
    CHECK(same_file(first, sent));
    close(first);
    secret = new_descriptor(); /* of the process itself, or of another client */
    send_header(pair[0], 1, NULL, 0);
    refill_by_hand(&buffer, pair[1], &h);
    fds = deal_by_hand(&buffer, &h);
    CHECK(same_file(fds[0], secret));
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_claim_is_refused_and_the_queue_stays_in_order)
{
    int pair[2], sent = new_descriptor(), slots[28], fds[28];
    uint32_t claim;
    struct anc_fd_queue q;
    struct header h;
    struct iovec iov = {&h, sizeof h};
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    anc_fd_queue_init(&q, slots, 28);
    send_header(pair[0], 1, &sent, 1);
    CHECK_OK(anc_fd_queue_recvv(&q, pair[1], &iov, 1, 28, 0), sizeof h);
    CHECK_INT(deal_with_library(&q, &h, fds), 0);
    CHECK(same_file(fds[0], sent));
    close(fds[0]);
    for (claim = 1; claim != 0; claim = claim < 4 ? claim + 1 : claim * 16) { /* up to 2^30 */
        send_header(pair[0], claim, NULL, 0);
        CHECK_OK(anc_fd_queue_recvv(&q, pair[1], &iov, 1, 28, 0), sizeof h);
        CHECK_ERRNO(deal_with_library(&q, &h, fds), EPROTO);
        CHECK_ERRNO(anc_fd_queue_take(&q), ENOMSG);
    }
    send_header(pair[0], 1, &sent, 1);
    CHECK_OK(anc_fd_queue_recvv(&q, pair[1], &iov, 1, 28, 0), sizeof h);
    CHECK_INT(deal_with_library(&q, &h, fds), 0);
    CHECK(same_file(fds[0], sent));
    close(fds[0]);
    anc_fd_queue_close(&q);
    CHECK_INT(leaked(&before), 0);
    close(sent);
    close_both(pair);
}

/* The opposite: descriptors that no header names. They must not pile up, nor reach the next
 * client. */
TEST(with_the_library_unnamed_descriptors_fill_the_queue_and_no_more)
{
    int pair[2], sent[10], slots[28], reads = 0;
    struct anc_fd_queue q;
    struct header h;
    struct iovec iov = {&h, sizeof h};
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 10);
    before = table_now();
    anc_fd_queue_init(&q, slots, 28);
    while (reads < 10) {
        send_header(pair[0], 0, sent, 10);
        if (anc_fd_queue_recvv(&q, pair[1], &iov, 1, 10, 0) < 0)
            break;
        reads++;
    }
    CHECK(reads == 2 && errno == ENOBUFS); /* the third is still in the socket */
    anc_fd_queue_close(&q);
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 10);
    close_both(pair);
}
