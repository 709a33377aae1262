/* OpenBSD's imsg, lib/libutil/imsg-buffer.c (ibuf_read_process), also in tmux and OpenSMTPD: a
 * descriptor lost when a read ends inside a header.
 *
 * The descriptor of a message comes with its first byte. imsg hands the one that a read brought to
 * the header that this read completes, and closes what is left over when it has parsed all bytes.
 * If the read ends inside the header, there is no taker yet: it is closed. The next read completes
 * a header that says that a descriptor belongs to it, and there is none. A short write of the
 * sender, or a full buffer of the receiver, is enough.
 *
 * In anc_fd_queue descriptors wait for the bytes that name them, however these are cut. */
#include "field.h"

struct header {
    uint32_t len, has_fd;
};

struct message {
    struct header header;
    int fd;
};

struct parser {
    char bytes[256];
    size_t n;
};

/* Reads at most `most` bytes; returns the message that is complete, as 1. */
static int read_by_hand(struct parser *p, int sock, size_t most, struct message *m)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {p->bytes + p->n, most};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = CMSG_LEN(sizeof(int))};
    struct cmsghdr *c;
    int fd = -1, complete = 0;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof fd);
    p->n += (size_t)n;
    if (p->n >= sizeof m->header) {
        memcpy(&m->header, p->bytes, sizeof m->header);
        m->fd = -1;
        if (m->header.has_fd) {
            m->fd = fd;
            fd = -1;
        }
        p->n -= sizeof m->header;
        memmove(p->bytes, p->bytes + sizeof m->header, p->n);
        complete = 1;
    }
    if (fd != -1)
        close(fd);
    return complete;
}

static int read_with_library(struct parser *p, struct anc_fd_queue *q, int sock, size_t most,
                             struct message *m)
{
    struct iovec iov = {p->bytes + p->n, most};
    ssize_t n = anc_fd_queue_recvv(q, sock, &iov, 1, 1, 0);
    if (n <= 0)
        return -1;
    p->n += (size_t)n;
    if (p->n < sizeof m->header)
        return 0;
    memcpy(&m->header, p->bytes, sizeof m->header);
    p->n -= sizeof m->header;
    memmove(p->bytes, p->bytes + sizeof m->header, p->n);
    m->fd = m->header.has_fd ? anc_fd_queue_take(q) : -1;
    return m->header.has_fd && m->fd < 0 ? -1 : 1;
}

static void send_message(int sock, int fd)
{
    struct header h = {sizeof h, 1};
    CHECK_INT(raw_send(sock, &h, sizeof h, &fd, 1, 0), sizeof h);
}

TEST(by_hand_a_header_in_two_reads_comes_without_its_descriptor)
{
    int pair[2], sent = new_descriptor();
    size_t cut;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    for (cut = 1; cut < sizeof(struct header); cut++) {
        struct parser parser = {.n = 0};
        struct message m;
        send_message(pair[0], sent);
        CHECK_INT(read_by_hand(&parser, pair[1], cut, &m), 0);
        CHECK_INT(read_by_hand(&parser, pair[1], 200, &m), 1);
        CHECK_CASE(m.header.has_fd == 1 && m.fd == -1, "cut at %zu", cut);
        CHECK_INT(leaked(&before), 0); /* closed, not leaked: gone for good */
    }
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_header_may_be_cut_anywhere)
{
    int pair[2], sent = new_descriptor(), slots[4];
    size_t cut;
    struct table before;
    struct anc_fd_queue q;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    anc_fd_queue_init(&q, slots, 4);
    for (cut = 1; cut < sizeof(struct header); cut++) {
        struct parser parser = {.n = 0};
        struct message m;
        send_message(pair[0], sent);
        CHECK_INT(read_with_library(&parser, &q, pair[1], cut, &m), 0);
        CHECK_INT(read_with_library(&parser, &q, pair[1], 200, &m), 1);
        CHECK_CASE(same_file(m.fd, sent), "cut at %zu", cut);
        close(m.fd);
        CHECK_INT(leaked(&before), 0);
    }
    anc_fd_queue_close(&q);
    close(sent);
    close_both(pair);
}

/* Many messages, read byte by byte, two bytes at a time, and so on. A read gives the descriptor of
 * one send only, so that it brings one at most. */
TEST(with_the_library_many_messages_keep_their_descriptors_at_every_read_size)
{
    enum { MESSAGES = 6 };
    size_t most;
    for (most = 1; most <= 3 * sizeof(struct header); most++) {
        int pair[2], sent[MESSAGES], slots[2 * MESSAGES], i;
        struct anc_fd_queue q;
        struct parser parser = {.n = 0};
        struct table before;
        socket_pair(SOCK_STREAM, pair);
        new_descriptors(sent, MESSAGES);
        before = table_now();
        anc_fd_queue_init(&q, slots, 2 * MESSAGES);
        for (i = 0; i < MESSAGES; i++)
            send_message(pair[0], sent[i]);
        CHECK(shutdown(pair[0], SHUT_WR) == 0);
        for (i = 0; i < MESSAGES;) {
            struct message m;
            int complete = read_with_library(&parser, &q, pair[1], most, &m);
            CHECK_CASE(complete >= 0, "reads of %zu", most);
            if (complete) {
                CHECK_CASE(same_file(m.fd, sent[i]), "reads of %zu, message %d", most, i);
                close(m.fd);
                i++;
            }
        }
        CHECK_INT(q.count, 0);
        CHECK_INT(leaked(&before), 0);
        anc_close_fds(sent, MESSAGES);
        close_both(pair);
    }
}
