/* anc-show unix PATH | udp PORT | udp6 PORT | tcp PORT [COUNT]: receives on a socket and prints in words
 * every control message that comes, until COUNT messages have come (0: for ever).
 *
 *     cc anc-show.c -o anc-show $(pkg-config --cflags --libs ancillary)
 *
 * All that is worth asking for is asked for, the control buffer has room for all of it, and nothing
 * that arrives stays open. `sh selftest.sh` runs it. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "anc-show: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Fact by fact: what this kernel does not know, or this socket never brings, is refused and not shown. */
static void ask_for_all(int sock)
{
    int bit;
    for (bit = 0; bit < 64; bit++)
        anc_want(sock, (uint64_t)1 << bit, 0, NULL);
    anc_want_timestamping(sock, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
}

static int open_socket(const char *kind, const char *where)
{
    union { struct sockaddr any; struct sockaddr_in in; struct sockaddr_in6 in6; struct sockaddr_un un; } a;
    socklen_t len;
    int is_tcp = strcmp(kind, "tcp") == 0, one = 1, sock, conn = -1;

    memset(&a, 0, sizeof a);
    if (strcmp(kind, "unix") == 0) {
        a.un.sun_family = AF_UNIX;
        strncpy(a.un.sun_path, where, sizeof a.un.sun_path - 1);
        len = sizeof a.un;
    } else if (strcmp(kind, "udp6") == 0) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons((uint16_t)atoi(where));
        len = sizeof a.in6;
    } else {
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons((uint16_t)atoi(where));
        len = sizeof a.in;
    }
    sock = socket(a.any.sa_family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (sock == -1)
        die("socket");
    setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ask_for_all(sock); /* before a peer can send */
    if (bind(sock, &a.any, len) == -1)
        die(where);
    if (!is_tcp)
        return sock;
    if (listen(sock, 1) == -1 || (conn = accept(sock, NULL, NULL)) == -1)
        die("accept");
    close(sock);
    ask_for_all(conn);
    return conn;
}

static void print_address(const char *what, uint32_t family, const void *bytes)
{
    char text[INET6_ADDRSTRLEN] = "?";

    inet_ntop((int)family, bytes, text, sizeof text);
    printf("  %s %s\n", what, text);
}

/* One fact a line; a field means something only where its bit is set. */
static void print_facts(const struct anc_info *i)
{
    if (i->present & ANC_RIGHTS)
        printf("  %" PRIu32 " descriptors\n", i->nfds);
    if (i->present & ANC_CREDENTIALS)
        printf("  sent by process %" PRId32 " of user %" PRIu32 ", group %" PRIu32 "\n", i->pid, i->uid, i->gid);
    if (i->present & ANC_PIDFD)
        printf("  with a descriptor of that process, %" PRId32 "\n", i->pidfd);
    if (i->present & ANC_LABEL)
        printf("  labelled %.*s\n", (int)i->label_len, i->label);
    if (i->present & ANC_TIME)
        printf("  arrived at %" PRId64 ".%09" PRIu32 "\n", i->time.sec, i->time.nsec);
    if (i->present & ANC_DEST) {
        print_address("sent to", i->dest.family, i->dest.to);
        print_address("to be answered from", i->dest.family, i->dest.reply_from);
        printf("  came in by interface %" PRIu32 "\n", i->dest.ifindex);
    }
    if (i->present & ANC_ORIGINAL) {
        const struct sockaddr_in *in = (const void *)&i->original;
        const struct sockaddr_in6 *in6 = (const void *)&i->original;
        print_address("first sent to", i->original.ss_family,
                      i->original.ss_family == AF_INET ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr);
    }
    if (i->present & ANC_TTL)
        printf("  %" PRId32 " hops left\n", i->ttl);
    if (i->present & ANC_TOS)
        printf("  class %#x, ECN %d\n", (unsigned)i->tos >> 2, (int)(i->tos & 3));
    if (i->present & ANC_FLOWINFO)
        printf("  flow %#" PRIx32 "\n", i->flowinfo);
    if (i->present & ANC_SEGMENT)
        printf("  joined of datagrams of %" PRIu32 " bytes\n", i->segment);
    if (i->present & ANC_DROPS)
        printf("  %" PRIu32 " were lost so far\n", i->drops);
    if (i->present & ANC_MARK)
        printf("  mark %#" PRIx32 "\n", i->mark);
    if (i->present & ANC_PRIORITY)
        printf("  priority %" PRIu32 "\n", i->priority);
    if (i->present & ANC_INQ)
        printf("  %" PRIu32 " bytes wait behind it\n", i->inq);
    if (i->nother != 0)
        printf("  %" PRIu32 " of which only the name is known\n", i->nother);
    if (i->cut != 0)
        printf("  cut short: facts %#" PRIx64 "\n", i->cut);
}

int main(int argc, char **argv)
{
    static char data[65536], control[ANC_CONTROL_MAX + 1024];
    long left = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    int sock;

    if (argc < 3) {
        fputs("usage: anc-show unix PATH | udp PORT | udp6 PORT | tcp PORT [COUNT]\n", stderr);
        return 2;
    }
    sock = open_socket(argv[1], argv[2]);
    for (;;) {
        struct iovec iov = {data, sizeof data};
        struct msghdr msg;
        struct anc_cmsg c;
        struct anc_info info;
        ssize_t n;
        int more;

        memset(&msg, 0, sizeof msg);
        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = control;
        msg.msg_controllen = sizeof control;
        n = anc_recvmsg(sock, &msg, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            die("recvmsg");
        printf("%zd bytes%s\n", n, msg.msg_flags & MSG_CTRUNC ? ", and control messages were lost" : "");
        memset(&c, 0, sizeof c);
        while ((more = anc_next(&msg, &c)) == 1) {
            const char *name = anc_name(c.level, c.type);
            printf("  [%s, %zu bytes%s]\n", name ? name : "unknown", c.len, c.cut ? ", cut" : "");
        }
        if (more == -1 || anc_decode(&msg, &info, sizeof info) == -1)
            die("a malformed control buffer");
        print_facts(&info);
        anc_close_unclaimed(&msg); /* nobody took the descriptors */
        fflush(stdout);
        if (--left == 0 || (n == 0 && strcmp(argv[1], "tcp") == 0))
            return 0;
    }
}
