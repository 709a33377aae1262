/* udp-server PORT [COUNT]: sends every datagram back, from the very address that it was sent to, with the
 * type of service that it came with (ECN too), and how long it has waited, until COUNT have come.
 *
 *     cc udp-server.c -o udp-server $(pkg-config --cflags --libs ancillary)
 *
 * It serves IPv4 and IPv6 by one socket, takes up to BATCH messages by one system call, each perhaps of
 * many datagrams that the kernel joined (GRO), and answers them by another, to be cut up alike (GSO).
 * `sh selftest.sh` runs it. Compiles for FreeBSD too, where it was not run. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 16, ROOM = 65535 };

static void die(const char *what)
{
    fprintf(stderr, "udp-server: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* One message of a batch: it is received and answered in the same place. */
static struct slot {
    struct sockaddr_in6 peer;
    struct iovec iov;
    char data[ROOM];
    unsigned char control[512], answer[256];
} slots[BATCH];

static int open_socket(const char *port)
{
    const uint64_t facts = ANC_DEST | ANC_TOS | ANC_TIME;
    int sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), zero = 0;
    struct sockaddr_in6 any;

    if (sock == -1 || setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) == -1)
        die("socket");
    /* For datagrams of IPv6 and of IPv4. A kernel before Linux 5.0 joins none. */
    if (anc_want(sock, facts | ANC_SEGMENT, 0, NULL) == -1 && anc_want(sock, facts, 0, NULL) == -1)
        die("anc_want");
    memset(&any, 0, sizeof any);
    any.sin6_family = AF_INET6;
    any.sin6_port = htons((uint16_t)atoi(port));
    if (bind(sock, (struct sockaddr *)&any, sizeof any) == -1)
        die(port);
    return sock;
}

static void prepare(struct slot *s, struct msghdr *msg)
{
    s->iov.iov_base = s->data;
    s->iov.iov_len = sizeof s->data;
    memset(msg, 0, sizeof *msg);
    msg->msg_name = &s->peer;
    msg->msg_namelen = sizeof s->peer;
    msg->msg_iov = &s->iov;
    msg->msg_iovlen = 1;
    msg->msg_control = s->control;
    msg->msg_controllen = sizeof s->control;
}

/* Turns a received message into its answer: the peer stays, the control messages are new. Returns how
 * many datagrams it was. */
static size_t answer(struct slot *s, struct msghdr *msg, size_t len)
{
    struct anc_info info;
    struct anc_builder b;
    size_t datagrams = 1;

    if (anc_decode(msg, &info, sizeof info) == -1)
        die("decode");
    s->iov.iov_len = len;
    anc_builder_init(&b, s->answer, sizeof s->answer);
    if (info.present & ANC_DEST)
        anc_put_reply_from(&b, &info.dest); /* puts nothing where a group was asked */
    if (info.present & ANC_TOS)
        anc_put_tos(&b, IN6_IS_ADDR_V4MAPPED(&s->peer.sin6_addr) ? AF_INET : AF_INET6, info.tos);
    if (info.present & ANC_SEGMENT && info.segment < len) {
        anc_put_segment(&b, (uint16_t)info.segment);
        datagrams = (len + info.segment - 1) / info.segment;
    }
    if (anc_builder_finish(&b, msg) == -1) /* sets msg_control and msg_controllen */
        die("builder");
    if (info.present & ANC_TIME) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        printf("%zu bytes in %zu datagrams, %" PRId64 " us after they came\n", len, datagrams,
               ((int64_t)now.tv_sec - info.time.sec) * 1000000 + (now.tv_nsec - (int64_t)info.time.nsec) / 1000);
        fflush(stdout);
    }
    msg->msg_flags = 0;
    return datagrams;
}

int main(int argc, char **argv)
{
    static struct mmsghdr v[BATCH];
    long left = argc > 2 ? strtol(argv[2], NULL, 10) : -1;
    int sock, came, sent, n, i;

    if (argc < 2) {
        fputs("usage: udp-server PORT [COUNT]\n", stderr);
        return 2;
    }
    sock = open_socket(argv[1]);
    puts("ready");
    fflush(stdout);
    while (argc < 3 || left > 0) {
        for (i = 0; i < BATCH; i++)
            prepare(&slots[i], &v[i].msg_hdr);
        came = anc_recvmmsg(sock, v, BATCH, MSG_WAITFORONE); /* waits for the first, takes what else is there */
        if (came == -1 && (errno == EINTR || errno == ECONNREFUSED))
            continue;
        if (came == -1)
            die("recvmmsg");
        for (i = 0; i < came; i++)
            left -= (long)answer(&slots[i], &v[i].msg_hdr, v[i].msg_len);
        for (sent = 0; sent < came; sent += n) {
            n = anc_sendmmsg(sock, v + sent, (unsigned int)(came - sent), 0);
            if (n == -1) { /* the first of them can't be sent: that peer gets no answer */
                fprintf(stderr, "udp-server: an answer was not sent: %s\n", strerror(errno));
                n = errno == EINTR ? 0 : 1;
            }
        }
    }
    return 0;
}
