/* anc_next, anc_name and anc_truncation_cause over arbitrary bytes: inside the buffer, to an end, and as the
 * specification has it. */
#include "fuzz.h"

/* anc_get of the kind of the message at `at`: the last of that kind counts. */
static void get(const struct msghdr *msg, const unsigned char *bytes, size_t size, size_t at)
{
    struct found wanted, last, other;
    unsigned char data[4096], untouched[4096];
    size_t length, from;
    int result, off, end;
    MUST(find_at(bytes, size, at, &wanted) == 1);
    last = wanted;
    for (from = at; (end = find_at(bytes, size, from, &other)) == 1; from = other.next)
        if (other.level == wanted.level && other.type == wanted.type)
            last = other;
    memset(untouched, 0xAA, sizeof untouched);
    for (off = last.len ? -1 : 0; off <= 1; off++) {
        length = last.len + (size_t)off;
        memcpy(data, untouched, sizeof data);
        errno = 0;
        result = anc_get(msg, wanted.level, wanted.type, data, length);
        if (result == 0)
            MUST(end == 0 && off == 0 && !last.is_beyond && memcmp(data, bytes + last.data, length) == 0);
        else
            MUST(errno == (end == 0 ? EMSGSIZE : EBADMSG) && memcmp(data, untouched, sizeof data) == 0);
        MUST(memcmp(data + length, untouched, sizeof data - length) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t how = byte(&in);
    uint32_t which = how & 2 ? word(&in) : 0;
    size_t room = how & 4 ? word(&in) % 4096 : SIZE_MAX, at = 0, length = in.left < 4096 ? in.left : 4096;
    unsigned char *bytes = fenced(length, how & 1), before[4096];
    struct msghdr msg;
    struct anc_cmsg c;
    struct found f;
    int result, wanted, cause;
    if (length > 0)
        memcpy(bytes, in.data, length);
    tame(bytes, length, which);
    memcpy(before, bytes, length);
    memset(&msg, 0, sizeof msg);
    memset(&c, 0, sizeof c);
    msg.msg_control = bytes;
    msg.msg_controllen = length;
    msg.msg_flags = MSG_CTRUNC;
    while ((wanted = find_at(bytes, length, at, &f)) == 1) {
        MUST(anc_next(&msg, &c) == 1);
        MUST(c.level == f.level && c.type == f.type && c.len == f.len && c.reserved == 0);
        MUST((const unsigned char *)c.data == bytes + f.data);
        MUST(c.cut <= 1 && (c.cut || !f.is_beyond));
        MUST(anc_name(c.level, c.type) == anc_name(f.level, f.type));
        get(&msg, bytes, length, at);
        at = f.next;
    }
    errno = 0;
    result = anc_next(&msg, &c);
    MUST(result == wanted && errno == (wanted ? EBADMSG : 0));
    cause = anc_truncation_cause(&msg, room);
    MUST(cause == ENOBUFS || cause == EOVERFLOW);
    MUST(memcmp(bytes, before, length) == 0);
    /* A cursor that somebody has damaged. */
    memset(&c, 0, sizeof c);
    c.next = how & 8 ? SIZE_MAX - room : room;
    while (anc_next(&msg, &c) == 1)
        MUST((const unsigned char *)c.data >= bytes && c.len <= length &&
             (const unsigned char *)c.data + c.len <= bytes + length);
    return 0;
}
