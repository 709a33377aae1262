/* anc_take_fds, anc_take_pidfd and anc_close_unclaimed over arbitrary control buffers, and the queue over
 * arbitrary structs: each descriptor once, in order, and -1 where it stood. */
#include "fuzz.h"

enum { MOST = 1024 };

static void take(struct input *in, uint8_t how)
{
    uint32_t which = word(in);
    size_t max_fds = byte(in) % 64, length = in->left < 4096 ? in->left : 4096, came, handed, n = 99, i;
    unsigned int flags = how & 2 ? ANC_EXACT : how & 4 ? ANC_TRIM : 0;
    unsigned char *bytes = fenced(length, how & 1);
    static int expected[MOST], got[MOST];
    struct msghdr msg;
    int result, wanted, pidfd, pidfds;
    if (length > 0)
        memcpy(bytes, in->data, length);
    tame(bytes, length, which);
    memset(&msg, 0, sizeof msg);
    msg.msg_control = bytes;
    msg.msg_controllen = length;
    pidfds = (int)descriptors_in(bytes, length, SCM_PIDFD, expected);
    came = descriptors_in(bytes, length, SCM_RIGHTS, expected);
    wanted = came > max_fds && flags != ANC_TRIM ? ERANGE : came < max_fds && flags == ANC_EXACT ? ENOMSG : 0;
    handed = wanted ? 0 : came < max_fds ? came : max_fds;
    errno = 0;
    result = anc_take_fds(&msg, got, max_fds, &n, flags);
    MUST(result == (wanted ? -1 : 0) && errno == wanted && n == handed);
    for (i = 0; i < handed; i++)
        MUST(got[i] == expected[i]);
    MUST(descriptors_in(bytes, length, SCM_RIGHTS, expected) == 0);
    MUST((int)descriptors_in(bytes, length, SCM_PIDFD, expected) == pidfds);
    if (how & 8) {
        pidfd = anc_take_pidfd(&msg);
        MUST(pidfd == -1 || (pidfds > 0 && pidfd == expected[0]));
    }
    anc_close_unclaimed(&msg);
    MUST(descriptors_in(bytes, length, SCM_PIDFD, expected) == 0);
    MUST(anc_take_fds(&msg, got, MOST, &n, 0) == 0 && n == 0);
}

static void queue(struct input *in)
{
    static int slots[256];
    struct anc_fd_queue q = {slots, byte(in), word(in), word(in), 0}, before;
    uint32_t i;
    char data[4];
    struct iovec iov = {data, sizeof data};
    int is_sane;
    if (byte(in) % 2) {
        q.head %= 256;
        q.count %= 256;
    }
    for (i = 0; i < 256; i++)
        slots[i] = NO_DESCRIPTOR + (int)i;
    before = q;
    is_sane = (uint64_t)q.head + q.count <= q.size;
    /* No socket: what can be refused is refused before, and nothing comes. */
    MUST(anc_fd_queue_recvv(&q, -1, &iov, 1, byte(in), 0) == -1);
    MUST(q.count == before.count && q.size == before.size && q.slots == slots);
    MUST(is_sane || errno == EINVAL);
    for (i = 0; is_sane && i < before.count && in->left > 0 && byte(in) % 4;) {
        uint32_t n = byte(in), k;
        int some[256];
        if (n % 2) {
            MUST(anc_fd_queue_take(&q) == NO_DESCRIPTOR + (int)(before.head + i++));
        } else if (anc_fd_queue_take_fds(&q, some, n) == 0) {
            for (k = 0; k < n; k++)
                MUST(some[k] == NO_DESCRIPTOR + (int)(before.head + i++));
        } else {
            MUST(errno == ENOMSG && n > before.count - i && q.count == before.count - i);
        }
    }
    anc_fd_queue_close(&q);
    MUST(is_sane ? q.count == 0 : memcmp(&q, &before, sizeof q) == 0);
    MUST(anc_fd_queue_take(&q) == -1 && errno == (is_sane ? ENOMSG : EINVAL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t how = byte(&in);
    if (how & 0x80)
        queue(&in);
    else
        take(&in, how);
    return 0;
}
