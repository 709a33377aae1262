/* channel: the time of a frame between two processes, the channel beside what programs write by hand.
 *
 * A frame is 80 bytes on the wire: by hand a header of 16 and a payload of 64; by the channel 8 and
 * 72. The sender has so many of them at a time; the receiver sums up their first bytes and closes their
 * descriptors. Turns are interleaved within one run.
 *
 * One line for each comparison, for bench.sh: a name, ns by hand, ns by the channel, the ratio's median
 * and the middle half of the turns' ratios. */
#define _GNU_SOURCE
#include <ancillary.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 41, HEADER = 16, PAYLOAD = 64, FRAME = 80, BUFFER = 64 * 1024, TOGETHER_MAX = 64 };

struct header {
    uint32_t length, nfds;
    uint64_t id;
};

/* What is sent: frames in all, at a time, and descriptors of each. */
struct load {
    long frames;
    int together, nfds;
};

static int file;                       /* what is passed */
static int is_moving;                  /* the sender gives up a duplicate for each descriptor it sends */
static char payload[FRAME] = {1};

__attribute__((noreturn)) static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int given(void)
{
    int fd = is_moving ? dup(file) : file;
    if (fd == -1)
        die("dup");
    return fd;
}

/* By hand: one sendmsg a frame. */

static void fill(struct msghdr *msg, struct iovec iov[2], struct header *header, char *control, int nfds, int fd)
{
    *header = (struct header){PAYLOAD, (uint32_t)nfds, 0};
    iov[0] = (struct iovec){header, HEADER};
    iov[1] = (struct iovec){payload, PAYLOAD};
    *msg = (struct msghdr){.msg_iov = iov, .msg_iovlen = 2};
    if (nfds != 0) {
        struct cmsghdr *c;
        msg->msg_control = control;
        msg->msg_controllen = CMSG_SPACE(sizeof fd);
        c = CMSG_FIRSTHDR(msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
}

static void one_by_one_send(int sock, const struct load *load)
{
    long i;
    for (i = 0; i < load->frames; i++) {
        _Alignas(8) char control[CMSG_SPACE(sizeof(int))];
        struct header header;
        struct iovec iov[2];
        struct msghdr msg;
        int fd = load->nfds ? given() : -1;
        fill(&msg, iov, &header, control, load->nfds, fd);
        if (sendmsg(sock, &msg, MSG_NOSIGNAL) != FRAME)
            die("sendmsg");
        if (load->nfds && is_moving)
            close(fd);
    }
}

static void mmsg_send(int sock, const struct load *load)
{
    static struct mmsghdr v[TOGETHER_MAX];
    static struct iovec iov[TOGETHER_MAX][2];
    static struct header headers[TOGETHER_MAX];
    static _Alignas(8) char control[TOGETHER_MAX][CMSG_SPACE(sizeof(int))];
    long i;
    int k, gone;
    for (i = 0; i < load->frames; i += load->together) {
        for (k = 0; k < load->together; k++)
            fill(&v[k].msg_hdr, iov[k], &headers[k], control[k], load->nfds, file);
        for (gone = 0; gone < load->together;) {
            int r = sendmmsg(sock, v + gone, (unsigned int)(load->together - gone), MSG_NOSIGNAL);
            if (r <= 0)
                die("sendmmsg");
            gone += r;
        }
    }
}

static unsigned long apart_receive(int sock, long frames)
{
    unsigned long sum = 0;
    long i;
    for (i = 0; i < frames; i++) {
        _Alignas(8) char control[CMSG_SPACE(sizeof(int))];
        struct header header;
        struct iovec iov = {&header, HEADER};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *c;
        char data[PAYLOAD];
        if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL) != HEADER ||
            recv(sock, data, PAYLOAD, MSG_WAITALL) != PAYLOAD)
            die("recvmsg");
        sum += (unsigned char)data[0];
        if (header.nfds != 0) {
            int fd;
            c = CMSG_FIRSTHDR(&msg);
            if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof fd))
                die("no descriptor");
            memcpy(&fd, CMSG_DATA(c), sizeof fd);
            close(fd);
        }
    }
    return sum;
}

/* By hand, glued as the channel does it: one sendmsg for all messages at hand, whose descriptors go with
 * the first byte; the receiver reads what there is, and queues descriptors. Careful, as the channel is:
 * lengths, counts and truncation are checked, a short send goes on without the descriptors. */

struct message {
    const void *data;
    size_t length;
    int nfds, fds[1];
};

__attribute__((noinline)) static void glue(int sock, const struct message *messages, int n)
{
    static char buffer[TOGETHER_MAX * FRAME];
    static _Alignas(8) char control[CMSG_SPACE(TOGETHER_MAX * sizeof(int))];
    struct iovec iov = {buffer, 0};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    int k, nfds = 0, fds[TOGETHER_MAX];
    for (k = 0; k < n; k++) {
        const struct message *m = &messages[k];
        struct header header = {(uint32_t)m->length, (uint32_t)m->nfds, 0};
        if (HEADER + m->length > sizeof buffer - iov.iov_len || m->nfds > TOGETHER_MAX - nfds)
            die("no room");
        memcpy(buffer + iov.iov_len, &header, HEADER);
        memcpy(buffer + iov.iov_len + HEADER, m->data, m->length);
        iov.iov_len += HEADER + m->length;
        memcpy(fds + nfds, m->fds, (size_t)m->nfds * sizeof(int));
        nfds += m->nfds;
    }
    if (nfds != 0) {
        struct cmsghdr *c;
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
    }
    while (iov.iov_len > 0) {
        ssize_t sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
        if (sent <= 0)
            die("sendmsg");
        iov.iov_base = (char *)iov.iov_base + sent;
        iov.iov_len -= (size_t)sent;
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    }
    if (is_moving)
        for (k = 0; k < nfds; k++)
            close(fds[k]);
}

static void glued_send(int sock, const struct load *load)
{
    static struct message messages[TOGETHER_MAX];
    long i;
    int k;
    for (i = 0; i < load->frames; i += load->together) {
        for (k = 0; k < load->together; k++)
            messages[k] = (struct message){payload, PAYLOAD, load->nfds, {load->nfds ? given() : -1}};
        glue(sock, messages, load->together);
    }
}

static unsigned long glued_receive(int sock, long frames)
{
    static char buffer[BUFFER];
    static _Alignas(8) char control[ANC_CONTROL_MAX];
    static int queue[2 * ANC_FDS_MAX];
    size_t start = 0, end = 0, first = 0, last = 0;
    unsigned long sum = 0;
    while (frames > 0) {
        struct iovec iov;
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *c;
        ssize_t n;
        memmove(buffer, buffer + start, end - start);
        end -= start;
        start = 0;
        memmove(queue, queue + first, (last - first) * sizeof *queue);
        last -= first;
        first = 0;
        iov = (struct iovec){buffer + end, sizeof buffer - end};
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
        if (n <= 0 || (msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC)))
            die("recvmsg");
        end += (size_t)n;
        for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
                size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                if (count > 2 * ANC_FDS_MAX - last)
                    die("too many");
                memcpy(queue + last, CMSG_DATA(c), count * sizeof(int));
                last += count;
            }
        while (end - start >= HEADER) {
            struct header header;
            memcpy(&header, buffer + start, HEADER);
            if (header.length > BUFFER - HEADER || header.nfds > last - first)
                die("header");
            if (end - start < HEADER + header.length)
                break;
            sum += (unsigned char)buffer[start + HEADER];
            for (; header.nfds > 0; header.nfds--)
                close(queue[first++]);
            start += HEADER + header.length;
            frames--;
        }
    }
    return sum;
}

/* The channel. */

static void channel_send(int sock, const struct load *load)
{
    static char memory[ANC_TX_BUFFER];
    static struct anc_tx tx;
    static struct anc_out out[TOGETHER_MAX];
    static int fds[TOGETHER_MAX][ANC_FDS_MAX];
    struct iovec iov = {payload, 72};
    long i;
    int k, j;
    if (anc_tx_init(&tx, sock, memory, sizeof memory, NULL, sizeof tx) == -1)
        die("anc_tx_init");
    for (i = 0; i < load->frames; i += load->together) {
        for (k = 0; k < load->together; k++) {
            for (j = 0; j < load->nfds; j++)
                fds[k][j] = given();
            out[k] = (struct anc_out){.iov = &iov, .iovcnt = 1, .fds = fds[k], .nfds = (size_t)load->nfds,
                                      .flags = is_moving ? ANC_MOVE : 0};
            if (anc_tx_queue(&tx, &out[k]) == -1)
                die("anc_tx_queue");
        }
        if (anc_tx_flush(&tx, -1) == -1)
            die("anc_tx_flush");
    }
}

static unsigned long channel_receive(int sock, long frames)
{
    static char memory[ANC_RX_BUFFER];
    static int slots[ANC_FDS_MAX];
    static struct anc_rx rx;
    struct anc_in in;
    unsigned long sum = 0;
    if (anc_rx_init(&rx, sock, memory, sizeof memory, slots, ANC_FDS_MAX, NULL, sizeof rx) == -1)
        die("anc_rx_init");
    for (; frames > 0; frames--) {
        if (anc_rx_recv(&rx, &in, -1) != 1)
            die("anc_rx_recv");
        sum += *(const unsigned char *)in.data;
    }
    anc_rx_close(&rx);
    return sum;
}

struct way {
    void (*send)(int sock, const struct load *load);
    unsigned long (*receive)(int sock, long frames);
};
static const struct way one_by_one = {one_by_one_send, apart_receive}, mmsg = {mmsg_send, apart_receive},
                        glued = {glued_send, glued_receive}, channel = {channel_send, channel_receive};

/* Nanoseconds from the first send until the receiver has all. */
static double turn(const struct way *way, const struct load *load)
{
    struct timespec from, to;
    char ready;
    int pair[2], status;
    pid_t child;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
        die("socketpair");
    child = fork();
    if (child == -1)
        die("fork");
    if (child == 0) {
        close(pair[0]);
        if (write(pair[1], "r", 1) != 1 || way->receive(pair[1], load->frames) != (unsigned long)load->frames ||
            write(pair[1], "d", 1) != 1)
            _exit(1);
        _exit(0);
    }
    close(pair[1]);
    if (read(pair[0], &ready, 1) != 1)
        die("read");
    clock_gettime(CLOCK_MONOTONIC, &from);
    way->send(pair[0], load);
    if (read(pair[0], &ready, 1) != 1)
        die("the receiver");
    clock_gettime(CLOCK_MONOTONIC, &to);
    close(pair[0]);
    if (waitpid(child, &status, 0) == -1 || status != 0)
        die("waitpid");
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(double *values, int n, double share)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    return values[(int)(share * (n - 1))];
}

/* ns a unit (frame or descriptor) of each. */
static void compare(const char *name, const struct way *hand, const struct load *by_hand, const struct way *ours,
                    const struct load *by_ours, double units, int turns)
{
    double hand_ns[TURNS], our_ns[TURNS], ratio[TURNS];
    int i;
    for (i = 0; i < turns; i++) {
        if (i % 2) {
            our_ns[i] = turn(ours, by_ours);
            hand_ns[i] = turn(hand, by_hand);
        } else {
            hand_ns[i] = turn(hand, by_hand);
            our_ns[i] = turn(ours, by_ours);
        }
        ratio[i] = our_ns[i] / hand_ns[i];
    }
    printf("%s %.0f %.0f %.3f %.3f %.3f\n", name, at(hand_ns, turns, 0.5) / units, at(our_ns, turns, 0.5) / units,
           at(ratio, turns, 0.5), at(ratio, turns, 0.25), at(ratio, turns, 0.75));
    fflush(stdout);
}

int main(void)
{
    static const int together[] = {1, 16, 64};
    size_t t;
    int nfds;
    long n;
    char name[80];
    if ((file = eventfd(0, EFD_CLOEXEC)) == -1)
        die("eventfd");
    for (nfds = 0; nfds <= 1; nfds++)
        for (t = 0; t < 3; t++) {
            struct load load = {6400, together[t], nfds};
            snprintf(name, sizeof name, "one-by-one/%d/%d", together[t], nfds);
            compare(name, &one_by_one, &load, &channel, &load, (double)load.frames, TURNS);
            snprintf(name, sizeof name, "sendmmsg/%d/%d", together[t], nfds);
            compare(name, &mmsg, &load, &channel, &load, (double)load.frames, TURNS);
            snprintf(name, sizeof name, "glued/%d/%d", together[t], nfds);
            compare(name, &glued, &load, &channel, &load, (double)load.frames, TURNS);
        }
    for (is_moving = 1; is_moving >= 0; is_moving--)
        for (n = 10000; n <= 1000000; n *= 10) {
            struct load single = {n, 1, 1}, many = {n / 250, 1, 250};
            snprintf(name, sizeof name, "%s/%ld", is_moving ? "moved" : "borrowed", n);
            compare(name, &one_by_one, &single, &channel, &many, (double)n, n > 100000 ? 3 : 11);
        }
    return 0;
}
