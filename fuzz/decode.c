/* anc_decode over arbitrary bytes: inside the buffer, nothing but what its bits say is written, and what
 * points into the buffer stays in it. */
#include "fuzz.h"

static int is_inside(const void *at, size_t size, const unsigned char *bytes, size_t length)
{
    const unsigned char *start = at;
    return start >= bytes && start <= bytes + length && size <= length - (size_t)(start - bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t how = byte(&in);
    uint32_t which = how & 2 ? word(&in) : 0;
    size_t length = in.left < 4096 ? in.left : 4096;
    unsigned char *bytes = fenced(length, how & 1), before[4096];
    struct anc_info info, untouched;
    struct msghdr msg;
    int result;
    if (length > 0)
        memcpy(bytes, in.data, length);
    tame(bytes, length, which);
    memcpy(before, bytes, length);
    memset(&msg, 0, sizeof msg);
    msg.msg_control = bytes;
    msg.msg_controllen = length;
    msg.msg_flags = how & 4 ? MSG_CTRUNC : 0;
    memset(&info, 0xAA, sizeof info);
    memset(&untouched, 0xAA, sizeof untouched);
    errno = 0;
    result = anc_decode(&msg, &info, sizeof info);
    MUST(result == 0 || (result == -1 && errno == EBADMSG));
    MUST(memcmp(bytes, before, length) == 0);
    if (info.present & ANC_LABEL)
        MUST(is_inside(info.label, info.label_len, bytes, length)
             && !((how & 4) && info.label + info.label_len == (const char *)bytes + length));
    if (info.present & ANC_ERROR && info.offender)
        MUST(is_inside(info.offender, sizeof(struct sockaddr), bytes, length));
    if (info.present & ANC_PIDFD)
        MUST(info.pidfd >= 0);
    if (info.present & ANC_TIME)
        MUST(info.time.nsec < 1000000000);
    if (!(info.present & ANC_TTL))
        MUST(info.ttl == untouched.ttl);
    if (!(info.present & ANC_DEST))
        MUST(memcmp(&info.dest, &untouched.dest, sizeof info.dest) == 0);
    if (!(info.present & ANC_ORIGINAL))
        MUST(memcmp(&info.original, &untouched.original, sizeof info.original) == 0);
    return 0;
}
