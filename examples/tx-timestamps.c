/* tx-timestamps ADDRESS PORT [COUNT [hardware]]: sends COUNT datagrams and prints when each of them was
 * handed to the packet scheduler, when it left the kernel for the device, and by the device's own clock
 * when it left that.
 *
 *     cc tx-timestamps.c -o tx-timestamps $(pkg-config --cflags --libs ancillary)
 *
 * The stamps come back on the socket's error queue, each with the number of its send. For those of the
 * device its driver must be told to make them (SIOCSHWTSTAMP; ptp4l does it). Ends with 1 if a stamp has not
 * come within a second. `sh selftest.sh` runs it. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST = 64 };

static void die(const char *what)
{
    fprintf(stderr, "tx-timestamps: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Where a datagram was when; sec is 0 where there is no stamp. */
static struct datagram {
    struct timespec sent;
    struct anc_time scheduled, left_kernel, left_device;
} datagrams[MOST];

/* Which stamps, is said for each send; the socket's option says how they are reported. */
static void send_one(int sock, const struct addrinfo *to, struct datagram *d, uint32_t stamps)
{
    unsigned char control[ANC_SPACE(4)];
    struct iovec iov = {"datagram", 8};
    struct anc_builder b;
    struct msghdr msg;

    memset(&msg, 0, sizeof msg);
    msg.msg_name = to->ai_addr;
    msg.msg_namelen = to->ai_addrlen;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    anc_builder_init(&b, control, sizeof control);
    anc_put_timestamping(&b, stamps);
    if (anc_builder_finish(&b, &msg) == -1)
        die("builder");
    clock_gettime(CLOCK_REALTIME, &d->sent);
    if (anc_sendmsg(sock, &msg, 0) == -1)
        die("sendmsg");
}

/* Takes one message from the error queue, which never waits. Returns 0 if there was none. */
static int take_stamp(int sock, uint32_t count)
{
    unsigned char control[512];
    struct anc_info info;
    struct msghdr msg;
    struct datagram *d;

    memset(&msg, 0, sizeof msg);
    msg.msg_control = control;
    msg.msg_controllen = sizeof control;
    if (anc_recvmsg(sock, &msg, MSG_ERRQUEUE) == -1) {
        if (errno != EAGAIN)
            die("recvmsg");
        return 0;
    }
    if (anc_decode(&msg, &info, sizeof info) == -1)
        die("decode");
    if (!(info.present & ANC_TIME_ID) || !(info.present & ANC_TIMESTAMPING) || info.time_id >= count)
        return 1; /* no stamp of ours */
    d = &datagrams[info.time_id];
    if (info.error.info == SCM_TSTAMP_SCHED)
        d->scheduled = info.software;
    else if (info.error.info == SCM_TSTAMP_SND && info.software.sec != 0)
        d->left_kernel = info.software;
    else if (info.error.info == SCM_TSTAMP_SND)
        d->left_device = info.hardware;
    return 1;
}

static void print_stamp(const char *what, const struct anc_time *t, const struct datagram *d)
{
    if (t->sec == 0)
        printf("%s unknown when", what);
    else
        printf("%s +%" PRId64 " us", what,
               ((t->sec - (int64_t)d->sent.tv_sec) * 1000000000 + (int64_t)t->nsec - d->sent.tv_nsec) / 1000);
}

int main(int argc, char **argv)
{
    uint32_t count = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1, i;
    int is_hardware = argc > 4 && strcmp(argv[4], "hardware") == 0;
    uint32_t stamps = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE;
    uint32_t wanted = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY
        | SOF_TIMESTAMPING_OPT_CMSG;
    struct addrinfo hints, *to;
    struct pollfd p;
    uint32_t missing;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_DGRAM;
    if (argc < 3 || count < 1 || count > MOST || getaddrinfo(argv[1], argv[2], &hints, &to) != 0) {
        fprintf(stderr, "usage: tx-timestamps ADDRESS PORT [COUNT [hardware]], at most %d\n", MOST);
        return 2;
    }
    if (is_hardware) {
        stamps |= SOF_TIMESTAMPING_TX_HARDWARE;
        wanted |= SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_TX_SWHW;
    }
    p.fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p.fd == -1 || anc_want_timestamping(p.fd, wanted) == -1)
        die("socket");
    for (i = 0; i < count; i++)
        send_one(p.fd, to, &datagrams[i], stamps);
    p.events = 0; /* POLLERR comes unasked */
    for (missing = count * (is_hardware ? 3 : 2); missing > 0 && poll(&p, 1, 1000) == 1; missing--)
        if (!take_stamp(p.fd, count))
            break;
    for (i = 0; i < count; i++) {
        const struct datagram *d = &datagrams[i];
        printf("datagram %" PRIu32, i);
        print_stamp(": scheduled", &d->scheduled, d);
        print_stamp(", left the kernel", &d->left_kernel, d);
        if (d->left_device.sec != 0)
            printf(", left the device at %" PRId64 ".%09" PRIu32, d->left_device.sec, d->left_device.nsec);
        putchar('\n');
    }
    freeaddrinfo(to);
    return missing > 0;
}
