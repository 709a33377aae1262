/* tx-timestamps ADDRESS PORT [COUNT]: sends COUNT datagrams over UDP and tells when each of them was queued
 * for its device and when it left the system, as the kernel stamped them.
 *
 *     cc tx-timestamps.c -o tx-timestamps $(pkg-config --cflags --libs ancillary)
 *
 * The stamps come back on the socket's error queue, each as a message of its own that says which send it
 * belongs to. `sh selftest.sh` runs it. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATIENCE_MS = 5000 };

static void die(const char *what)
{
    fprintf(stderr, "tx-timestamps: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int connect_to(const char *address, const char *port)
{
    struct sockaddr_in to4;
    struct sockaddr_in6 to6;
    const struct sockaddr *to = (const struct sockaddr *)&to4;
    socklen_t len = sizeof to4;
    int sock;

    memset(&to4, 0, sizeof to4);
    memset(&to6, 0, sizeof to6);
    to4.sin_family = AF_INET;
    to6.sin6_family = AF_INET6;
    to4.sin_port = to6.sin6_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET6, address, &to6.sin6_addr) == 1) {
        to = (const struct sockaddr *)&to6;
        len = sizeof to6;
    } else if (inet_pton(AF_INET, address, &to4.sin_addr) != 1) {
        errno = EINVAL;
        die(address);
    }
    sock = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock == -1 || connect(sock, to, len) == -1)
        die(address);
    /* How stamps are reported: by the system's clock, numbered by send, without the packet's bytes. Which
     * sends are stamped each of them says for itself. */
    if (anc_want_timestamping(sock, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
                                        SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_CMSG) == -1)
        die("anc_want_timestamping");
    return sock;
}

/* Sends a datagram that is to be stamped twice. */
static void send_stamped(int sock, const char *text)
{
    unsigned char control[64];
    struct iovec iov;
    struct msghdr msg;
    struct anc_builder b;

    iov.iov_base = (char *)text;
    iov.iov_len = strlen(text);
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    anc_builder_init(&b, control, sizeof control);
    anc_put_timestamping(&b, SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE);
    if (anc_builder_finish(&b, &msg) == -1)
        die("builder");
    while (anc_sendmsg(sock, &msg, 0) == -1)
        if (errno != ECONNREFUSED) /* nobody listens: told of the send before this one */
            die("send");
}

/* Takes one message off the error queue. Returns 0 if it was no stamp. */
static int take_stamp(int sock, struct anc_info *info)
{
    unsigned char control[512];
    struct msghdr msg;
    struct pollfd ready;

    ready.fd = sock;
    ready.events = 0; /* the error queue is told by POLLERR, which nobody has to ask for */
    if (poll(&ready, 1, PATIENCE_MS) != 1) {
        fputs("tx-timestamps: no stamp came; does the device make any?\n", stderr);
        exit(1);
    }
    memset(&msg, 0, sizeof msg);
    msg.msg_control = control;
    msg.msg_controllen = sizeof control;
    if (anc_recvmsg(sock, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) == -1) {
        if (errno == EAGAIN || errno == ECONNREFUSED)
            return 0;
        die("error queue");
    }
    if (anc_decode(&msg, info, sizeof *info) == -1)
        die("decode");
    return (info->present & ANC_ERROR) && info->error.origin == SO_EE_ORIGIN_TIMESTAMPING &&
           (info->present & ANC_TIMESTAMPING);
}

static int64_t nanoseconds(int64_t sec, int64_t nsec)
{
    return sec * 1000000000 + nsec;
}

int main(int argc, char **argv)
{
    long count = argc > 3 ? strtol(argv[3], NULL, 10) : 1, i;
    int sock;

    if (argc < 3) {
        fputs("usage: tx-timestamps ADDRESS PORT [COUNT]\n", stderr);
        return 2;
    }
    sock = connect_to(argv[1], argv[2]);
    for (i = 0; i < count; i++) {
        struct timespec now;
        int64_t sent;
        int left = 2;
        clock_gettime(CLOCK_REALTIME, &now);
        sent = nanoseconds(now.tv_sec, now.tv_nsec);
        send_stamped(sock, "when?");
        while (left > 0) {
            struct anc_info info;
            if (!take_stamp(sock, &info) || info.time_id != (uint32_t)i)
                continue;
            printf("datagram %" PRIu32 " %s %" PRId64 " ns after the call\n", info.time_id,
                   info.error.info == SCM_TSTAMP_SCHED ? "was queued" : "left",
                   nanoseconds(info.software.sec, info.software.nsec) - sent);
            left--;
        }
    }
    return 0;
}
