#include "triples.h"
#include <ancillary.h>

static ssize_t send1msg(int sock, const void *data, size_t len, int flags,
                        const struct triple *list, size_t count)
{
    struct iovec iov = {(void *)data, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct anc_builder builder;
    size_t total = 0, i;
    void *memory;
    ssize_t n = -1;
    for (i = 0; i < count; i++)
        total += anc_space(list[i].len);
    memory = triples_memory(total);
    anc_builder_init(&builder, memory, total);
    for (i = 0; i < count; i++)
        anc_put(&builder, list[i].level, list[i].type, list[i].data, list[i].len);
    if (anc_builder_finish(&builder, &msg) == 0)
        n = anc_sendmsg(sock, &msg, flags);
    free(memory);
    return n;
}

static void read_triples(const struct msghdr *msg, struct message1 *m)
{
    struct anc_cmsg c = {0};
    while (m->count < sizeof m->list / sizeof m->list[0] && anc_next(msg, &c) == 1) {
        struct triple *triple = &m->list[m->count++];
        triple->level = c.level;
        triple->type = c.type;
        triple->len = c.len;
        memcpy(triple->data, c.data, c.len);
    }
}

static int recv1msg(int sock, int flags, void *buf, size_t max, size_t control, struct message1 *m)
{
    struct iovec iov = {buf, max};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;
    m->count = 0;
    msg.msg_controllen = anc_space(control);
    msg.msg_control = triples_memory(msg.msg_controllen);
    n = msg.msg_control ? anc_recvmsg(sock, &msg, flags) : -1;
    if (n >= 0) {
        read_triples(&msg, m);
        m->len = (size_t)n;
        m->flags = msg.msg_flags;
    }
    free(msg.msg_control);
    return n >= 0 ? 0 : -1;
}

const struct triples triples_ancillary = {send1msg, recv1msg};
