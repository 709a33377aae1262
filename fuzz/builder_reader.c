/* What any sequence of puts builds, into a buffer of any size and address, the reader gives back; and what is
 * refused leaves no trace. */
#include "fuzz.h"

enum { MOST = 64 };

static struct put {
    int level, type;
    size_t len;
    unsigned char data[256];
} puts_done[MOST];

static int is_rights(const struct put *p)
{
    return p->level == SOL_SOCKET && p->type == SCM_RIGHTS;
}

static size_t has_negative(const struct put *p)
{
    size_t at;
    int fd;
    for (at = 0; at + sizeof fd <= p->len; at += sizeof fd) {
        memcpy(&fd, p->data + at, sizeof fd);
        if (fd < 0)
            return 1;
    }
    return 0;
}

static void draw(struct input *in, struct put *p)
{
    uint8_t what = byte(in);
    size_t i;
    memset(p, 0, sizeof *p);
    p->level = what & 0x10 ? SOL_SOCKET : (int)word(in);
    p->type = what & 0x10 ? what & 15 : (int)word(in);
    p->len = byte(in);
    for (i = 0; i < p->len && !(what & 0x20); i++) /* or zeros: many descriptors from few bytes */
        p->data[i] = byte(in);
}

static void put(struct anc_builder *b, const struct put *p, int in_ints)
{
    int fds[64], ids[3];
    if (is_rights(p) && p->len % sizeof(int) == 0 && in_ints) {
        memcpy(fds, p->data, p->len);
        anc_put_fds(b, p->len ? fds : NULL, p->len / sizeof(int));
    } else if (p->level == SOL_SOCKET && p->type == SCM_CREDENTIALS && p->len == sizeof ids && in_ints) {
        memcpy(ids, p->data, sizeof ids);
        anc_put_credentials(b, ids[0], (uint32_t)ids[1], (uint32_t)ids[2]);
    } else {
        anc_put(b, p->level, p->type, p->data, p->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t how = byte(&in);
    size_t room = word(&in) % 8192, descriptors = 0, count = 0, i, k;
    unsigned char *bytes = fenced(room, how & 1);
    struct anc_builder b;
    struct msghdr msg;
    struct anc_cmsg c;
    memset(bytes, 0xAA, room);
    anc_builder_init(&b, bytes, room);
    while (in.left > 0 && count < MOST && b.error == 0) {
        struct put *p = &puts_done[count];
        size_t before = b.len;
        draw(&in, p);
        put(&b, p, how & 2);
        if (b.error) {
            MUST(b.len == before);
            MUST(b.error == ENOBUFS || b.error == EINVAL || (b.error == EBADF && is_rights(p) && has_negative(p)));
            MUST(b.error != ENOBUFS || anc_space(p->len) > room - before);
            break;
        }
        if (is_rights(p)) {
            MUST(p->len % sizeof(int) == 0 && !has_negative(p));
            descriptors += p->len / sizeof(int);
            MUST(descriptors <= ANC_FDS_MAX);
            if (p->len == 0) {
                MUST(b.len == before);
                continue;
            }
        }
        MUST(b.len == before + anc_space(p->len) && b.len <= room);
        for (i = before + anc_len(p->len); i < b.len; i++)
            MUST(bytes[i] == 0);
        count++;
    }
    memset(&msg, 0, sizeof msg);
    MUST(anc_builder_finish(&b, &msg) == (b.error ? -1 : 0));
    MUST(msg.msg_control == (b.error || !b.len ? NULL : bytes) && msg.msg_controllen == (b.error ? 0 : b.len));
    /* What was put before an error still stands there. */
    msg.msg_control = bytes;
    msg.msg_controllen = b.len;
    memset(&c, 0, sizeof c);
    for (k = 0; k < count; k++) {
        MUST(anc_next(&msg, &c) == 1);
        MUST(c.level == puts_done[k].level && c.type == puts_done[k].type && c.len == puts_done[k].len);
        MUST(memcmp(c.data, puts_done[k].data, c.len) == 0);
    }
    MUST(anc_next(&msg, &c) == 0);
    return 0;
}
