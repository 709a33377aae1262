/* The channel's receiving half on whatever bytes and descriptors come, cut anywhere, beside a parser of a
 * few lines. What is delivered is what the bytes say, with the descriptors in the order in which they
 * came; what is not taken is closed, once; an error stays. */
#include "fuzz.h"

#define CHECK MUST
#include "../c-tests/kernel-model.h"

enum { LOG = 1 << 16, FRAME_MAX = 400, SLOTS = 600, CALLS_MAX = 20000 };

static int pairs[2][2];
static struct anc_rx rx;
static struct anc_limits limits;
static unsigned char packet_memory[ANC_CONTROL_MAX + 16 + 65536], received[LOG];
static size_t log_len, at; /* what has come, and the frame in it that is next */
static int came, dealt, has_lost, is_within;
static uint64_t message_len, message_fds;

struct parsed {
    size_t len, fds;
    int more, has_header, is_whole, error;
};

static struct parsed parse(void)
{
    const unsigned char *from = received + at;
    struct parsed p = {0, 0, 0, 0, 0, 0};
    uint64_t len, fds;
    if (log_len - at < 8)
        return p;
    p.has_header = 1;
    p.len = from[0] | (size_t)from[1] << 8 | (size_t)from[2] << 16 | (size_t)from[3] << 24;
    p.fds = from[4] | (size_t)from[5] << 8;
    p.more = from[6];
    p.is_whole = log_len - at >= 8 + p.len;
    len = p.len + (is_within ? message_len : 0);
    fds = p.fds + (is_within ? message_fds : 0);
    if (from[7] != 1 || from[6] > 1 || p.fds > 253)
        p.error = EPROTO;
    else if (p.len > limits.max_frame || len > limits.max_message)
        p.error = EMSGSIZE;
    else if (fds > limits.max_fds)
        p.error = ERANGE;
    return p;
}

static void check_over(int error)
{
    struct anc_in in;
    struct msghdr msg;
    memset(&msg, 0, sizeof msg);
    MUST(error == EPROTO || error == EMSGSIZE || error == ERANGE);
    MUST(ledger.open == 0);
    MUST(anc_rx_next(&rx, &in) == -1 && errno == error);
    MUST(anc_rx_prepare(&rx, &msg) == -1 && errno == error);
    MUST(anc_rx_got(&rx, &msg, 1) == -1 && errno == error);
}

/* False: the channel has ended with an error. */
static int take_frames(struct input *in)
{
    struct anc_in got;
    size_t i;
    int r;
    while ((r = anc_rx_next(&rx, &got)) == 1) {
        struct parsed p = parse();
        MUST(p.is_whole && !p.error && got.len == p.len && got.nfds == p.fds && (int)got.more == p.more);
        MUST(memcmp(got.data, received + at + 8, p.len) == 0);
        for (i = 0; i < got.nfds; i++) {
            if (got.fds[i] < 0) {
                MUST(has_lost && (got.fds[i] == -EMFILE || got.fds[i] == -EOVERFLOW));
                continue;
            }
            MUST(dealt < came && got.fds[i] == RECEIVERS + dealt && ledger.is_open[got.fds[i] - SENDERS]);
            dealt++;
            if (byte(in) & 1) {
                goes(got.fds[i]);
                got.fds[i] = -1;
            }
        }
        message_len = p.len + (is_within ? message_len : 0);
        message_fds = p.fds + (is_within ? message_fds : 0);
        is_within = p.more;
        at += 8 + p.len;
    }
    if (r == -1) {
        check_over(errno);
        return 0;
    }
    MUST(!parse().error && !parse().is_whole);
    return 1;
}

/* A header that may be right, in place of noise. */
static size_t likely_header(struct input *in, unsigned char *to, size_t room)
{
    uint8_t how = byte(in), len = byte(in), fds = byte(in);
    unsigned char header[8] = {len, 0, 0, 0, fds, 0, how & 1, 1};
    if (how & 2)
        header[4] &= 3;
    if (how & 4)
        header[0] &= 7;
    if (how > 250)
        header[how % 8] ^= 1 << (how >> 5);
    memcpy(to, header, room < 8 ? room : 8);
    return room < 8 ? room : 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct anc_in got;
    uint8_t how = byte(&in);
    int is_packets = how & 1, calls = 0, slots_count = 253 + (how & 2 ? byte(&in) : 0), is_ended = 0;
    static int slots[SLOTS];
    size_t room;
    if (!pairs[0][0])
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[0]) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pairs[1]) == 0);
    limits.max_frame = 1 + (how & 4 ? byte(&in) % 8 : byte(&in));
    limits.max_message = 1 + word(&in) % 1000;
    limits.max_fds = 1 + word(&in) % 600;
    memset(&ledger, 0, sizeof ledger);
    ledger.sock = pairs[is_packets][0];
    log_len = at = message_len = message_fds = 0;
    came = dealt = has_lost = is_within = 0;
    room = ANC_CONTROL_MAX + 16 + (is_packets ? 65536 : limits.max_frame + (how & 8 ? byte(&in) : 0));
    MUST(anc_rx_init(&rx, ledger.sock, is_packets ? packet_memory : fenced(room, how & 16), room, slots,
                     (size_t)slots_count, &limits, sizeof rx) == 0);
    while (in.left > 0 && calls++ < CALLS_MAX) {
        struct msghdr msg;
        uint8_t what = byte(&in), n;
        size_t len = 0, asked;
        int files = 0, installed, before = errno = 0;
        if ((what & 1) && !take_frames(&in))
            break;
        if (anc_rx_prepare(&rx, &msg) != 1) {
            if (errno != 0) {
                check_over(errno);
                break;
            }
            if (!take_frames(&in))
                break;
            continue;
        }
        MUST(msg.msg_iovlen == 1 && (asked = msg.msg_iov->iov_len) > 0);
        n = byte(&in);
        if (what & 2) {
            len = likely_header(&in, msg.msg_iov->iov_base, asked);
            asked -= len;
        }
        for (; n > 0 && asked > 0 && (what & 4); n--, asked--)
            ((unsigned char *)msg.msg_iov->iov_base)[len++] = byte(&in);
        if (what & 8)
            files = what & 16 ? byte(&in) % 254 : byte(&in) % 4;
        installed = what & 32 ? byte(&in) % (files + 1) : files;
        if (log_len + len > LOG || came + files > 60000)
            break;
        if (len == 0 && files == 0 && !(what & 64)) {
            MUST(anc_rx_got(&rx, &msg, -EAGAIN) == -1 && errno == EAGAIN);
            continue;
        }
        memcpy(received + log_len, msg.msg_iov->iov_base, len);
        log_len += len;
        has_lost |= installed < files;
        fill_control(&msg, came, files, installed, what & 128 ? EMFILE : EOVERFLOW, what & 64);
        came += installed;
        if (anc_rx_got(&rx, &msg, (ssize_t)len) == -1) {
            check_over(errno);
            break;
        }
        MUST(errno == before);
        if (len == 0) {
            is_ended = 1;
            break;
        }
    }
    if (is_ended && take_frames(&in)) {
        MUST(at == log_len && dealt == came && !is_within && ledger.open == 0);
        MUST(anc_rx_next(&rx, &got) == 0);
    }
    anc_rx_close(&rx);
    MUST(ledger.open == 0);
    return 0;
}
