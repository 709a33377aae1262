/* Facts that are asked for: on every kind of socket each fact comes, or is refused and nothing changed.
 * Linux alone: its options, in a network namespace. */
#include "networks.h"

#include <dlfcn.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/mman.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define FLAGGED (ANC_TIMESTAMPING | ANC_TIME_ID | ANC_TIME_PKTINFO)
#define RX_STAMPS (SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE)

/* Younger than some headers. */
enum {
    RCVMARK = 75, RCVPRIORITY = 82, IP_RECVFRAGSIZE_ = 25, IP_PASSSEC_ = 18, IPV6_FLOWINFO_ = 11, IPV6_ORIGDSTADDR_ = 74,
    IPV6_RECVFRAGSIZE_ = 77, UDP_LEVEL = 17, UDP_SEGMENT_ = 103, UDP_GRO_ = 104, TCP_INQ_ = 36, TLS_LEVEL = 282,
    TLS_RX_ = 2, MPTCP = 262, UDPLITE = 136, EXPERIMENT = 253,
};

static const char *const names[] = {
    "RIGHTS", "CREDENTIALS", "PIDFD", "LABEL", "TIME", "TIMESTAMPING", "TIME_ID", "TIME_PKTINFO", "DEST", "ORIGINAL", "TTL",
    "TOS", "SEGMENT", "DROPS", "ERROR", "MARK", "PRIORITY", "INQ", "TLS_RECORD", "AUXDATA", "FRAGSIZE", "FLOWINFO",
};
enum { FACTS = LENGTH(names) };
#define ALL (((uint64_t)1 << FACTS) - 1)

static const char *name_of(uint64_t fact)
{
    int i = 0;

    while (i < FACTS && !(fact >> i & 1))
        i++;
    return i < FACTS ? names[i] : "nothing";
}

#define FOR_EACH_FACT(fact) for (uint64_t fact = 1; fact & ALL; fact <<= 1)

/* --- The system's calls ----------------------------------------------------------------------- */

/* Fails the n-th setsockopt of the library, or does without an option. */
static struct {
    int watching, calls, fails_at, error;
    int lacks_level, lacks_name, only_reading; /* lacks_name 0: nothing */
    int is_tls;
} world;

static int lacks(int level, int name, int reading)
{
    return world.watching && world.lacks_name == name && world.lacks_level == level && (reading || !world.only_reading);
}

static void *next_of(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);

    CHECK(next != NULL);
    return next;
}

int setsockopt(int sock, int level, int name, const void *value, socklen_t len)
{
    static int (*next)(int, int, int, const void *, socklen_t);

    if (!next)
        *(void **)&next = next_of("setsockopt");
    if (world.watching && ++world.calls == world.fails_at) {
        errno = world.error;
        return -1;
    }
    if (lacks(level, name, 0)) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return next(sock, level, name, value, len);
}

int getsockopt(int sock, int level, int name, void *value, socklen_t *len)
{
    static int (*next)(int, int, int, void *, socklen_t *);

    if (!next)
        *(void **)&next = next_of("getsockopt");
    if (lacks(level, name, 1)) {
        errno = ENOPROTOOPT;
        return -1;
    }
    if (world.watching && world.is_tls && level == TLS_LEVEL && name == TLS_RX_) {
        memcpy(value, &(uint16_t[]){0x0303, 51}, 4);
        return 0;
    }
    return next(sock, level, name, value, len);
}

static long long unwatched(long long result)
{
    world.watching = 0;
    return result;
}

#define LIBRARY(call) (world.calls = 0, world.watching = 1, unwatched(call))

/* --- Options ---------------------------------------------------------------------------------- */

/* Whatever brings a fact; but SO_TIMESTAMPING, and the forms of SO_TIMESTAMP, of which a socket has one. */
static const struct {
    int level, name;
} options[] = {
    {SOL_SOCKET, SO_PASSRIGHTS}, {SOL_SOCKET, SO_PASSCRED}, {SOL_SOCKET, SO_PASSSEC}, {SOL_SOCKET, SO_PASSPIDFD},
    {SOL_SOCKET, SO_TIMESTAMPNS}, {SOL_SOCKET, SO_RXQ_OVFL}, {SOL_SOCKET, RCVMARK}, {SOL_SOCKET, RCVPRIORITY},
    {SOL_SOCKET, SO_INQ}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_IP, IP_RECVERR}, {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVTOS}, {IPPROTO_IP, IP_PASSSEC_}, {IPPROTO_IP, IP_RECVORIGDSTADDR},
    {IPPROTO_IP, IP_RECVFRAGSIZE_}, {IPPROTO_IPV6, IPV6_RECVERR}, {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT}, {IPPROTO_IPV6, IPV6_RECVTCLASS}, {IPPROTO_IPV6, IPV6_ORIGDSTADDR_},
    {IPPROTO_IPV6, IPV6_RECVFRAGSIZE_}, {IPPROTO_IPV6, IPV6_FLOWINFO_}, {UDP_LEVEL, UDP_GRO_}, {IPPROTO_TCP, TCP_INQ_},
    {SOL_PACKET, PACKET_AUXDATA},
};
static const int forms[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW,
                            SO_TIMESTAMPING_OLD, SO_TIMESTAMPING_NEW};

static int option_of(int sock, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof value;

    return getsockopt(sock, level, name, &value, &len) == 0 ? value : -errno;
}

struct state {
    int of[LENGTH(options)], forms[LENGTH(forms)];
};

static struct state state_of(int sock)
{
    struct state s;

    for (size_t i = 0; i < LENGTH(options); i++)
        s.of[i] = option_of(sock, options[i].level, options[i].name);
    for (size_t i = 0; i < LENGTH(forms); i++)
        s.forms[i] = option_of(sock, SOL_SOCKET, forms[i]);
    return s;
}

static void check_same(const struct state *a, const struct state *b, const char *what, uint64_t fact)
{
    for (size_t i = 0; i < LENGTH(options); i++)
        CHECK_CASE(a->of[i] == b->of[i], "%s, %s: option %d of level %d: %d, was %d", what, name_of(fact), options[i].name,
                   options[i].level, b->of[i], a->of[i]);
    for (size_t i = 0; i < LENGTH(forms); i++)
        CHECK_CASE(a->forms[i] == b->forms[i], "%s, %s: stamp %d: %d, was %d", what, name_of(fact), forms[i], b->forms[i],
                   a->forms[i]);
}

/* --- Sockets ---------------------------------------------------------------------------------- */

static const struct scene {
    const char *name;
    int domain, type, protocol;
    const char *from, *to; /* the internet's */
} scenes[] = {
    {"unix stream", AF_UNIX, SOCK_STREAM, 0, NULL, NULL},
    {"unix dgram", AF_UNIX, SOCK_DGRAM, 0, NULL, NULL},
    {"unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0, NULL, NULL},
    {"udp", AF_INET, SOCK_DGRAM, 0, "127.0.0.1", "127.0.0.1"},
    {"udp6", AF_INET6, SOCK_DGRAM, 0, "::1", "::1"},
    {"udp6 from a mapped address", AF_INET6, SOCK_DGRAM, 0, "::", "::ffff:127.0.0.1"},
    {"raw", AF_INET, SOCK_RAW, EXPERIMENT, "127.0.0.1", "127.0.0.1"},
    {"raw6", AF_INET6, SOCK_RAW, EXPERIMENT, "::1", "::1"},
    {"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "127.0.0.1", "127.0.0.1"},
    {"ping6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "::1", "::1"},
    {"tcp", AF_INET, SOCK_STREAM, 0, "127.0.0.1", "127.0.0.1"},
    {"tcp6", AF_INET6, SOCK_STREAM, 0, "::1", "::1"},
    {"tcp6 from a mapped address", AF_INET6, SOCK_STREAM, 0, "::", "::ffff:127.0.0.1"},
    {"mptcp", AF_INET, SOCK_STREAM, MPTCP, "127.0.0.1", "127.0.0.1"},
    {"mptcp6", AF_INET6, SOCK_STREAM, MPTCP, "::1", "::1"},
    {"netlink", AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK, NULL, NULL},
    {"packet raw", AF_PACKET, SOCK_RAW, 0, NULL, NULL},
    {"packet dgram", AF_PACKET, SOCK_DGRAM, 0, NULL, NULL},
};
#define FOR_EACH_SCENE(s) for (const struct scene *s = scenes; s < scenes + LENGTH(scenes); s++)

static int is_internet(const struct scene *s)
{
    return s->domain == AF_INET || s->domain == AF_INET6;
}

static int is_tcp(const struct scene *s)
{
    return is_internet(s) && s->type == SOCK_STREAM;
}

static int is_mapped(const struct scene *s)
{
    return s->to && strstr(s->to, "ffff:") != NULL;
}

static int is_ping(const struct scene *s)
{
    return s->protocol == IPPROTO_ICMP || s->protocol == IPPROTO_ICMPV6;
}

struct ends {
    int sock, peer; /* sock is asked; peer sends to it */
    struct address to;
    struct sockaddr_ll link;
    struct sockaddr_nl netlink;
};

static struct sockaddr_ll link_of(void)
{
    return (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = 1, .sll_halen = 6};
}

/* Whether this kernel has such sockets. */
static int exists(const struct scene *s)
{
    int sock = socket(s->domain, s->type | SOCK_CLOEXEC, s->protocol);

    if (sock < 0) {
        printf("     skipped: %s: %s\n", s->name, strerror(errno));
        return 0;
    }
    close(sock);
    return 1;
}

static int opened(const struct scene *s)
{
    int sock = socket(s->domain, s->type | SOCK_CLOEXEC, s->protocol);

    CHECK_CASE(sock >= 0, "%s", s->name);
    return sock;
}

static struct ends connected(const struct scene *s)
{
    struct ends e;
    struct address a = address(s->from, 0);
    int listener = opened(s);

    CHECK(bind(listener, &a.is.any, a.len) == 0 && listen(listener, 1) == 0);
    e.to = address(s->to, port_of(listener));
    e.peer = opened(s);
    CHECK_CASE(connect(e.peer, &e.to.is.any, e.to.len) == 0, "%s", s->name);
    e.sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(e.sock >= 0);
    close(listener);
    return e;
}

static struct ends ends_of(const struct scene *s)
{
    struct ends e = {-1, -1, {.len = 0}, link_of(), {.nl_family = AF_NETLINK}};
    struct address a;
    socklen_t len = sizeof e.netlink;
    int pair[2];

    if (s->domain == AF_UNIX) {
        socket_pair(s->type, pair);
        e.peer = pair[0];
        e.sock = pair[1];
    } else if (is_tcp(s)) {
        return connected(s);
    } else {
        e.peer = opened(s);
        e.sock = opened(s);
    }
    if (is_internet(s)) {
        a = address(s->from, 0);
        if (s->type != SOCK_RAW)
            CHECK(bind(e.sock, &a.is.any, a.len) == 0 && bind(e.peer, &a.is.any, a.len) == 0);
        e.to = address(s->to, s->type == SOCK_RAW ? 0 : port_of(e.sock));
    } else if (s->domain == AF_PACKET) {
        CHECK(bind(e.sock, (struct sockaddr *)&e.link, sizeof e.link) == 0);
        set(e.sock, SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, 1);
    } else if (s->domain == AF_NETLINK) {
        CHECK(bind(e.sock, (struct sockaddr *)&e.netlink, sizeof e.netlink) == 0);
        CHECK(getsockname(e.sock, (struct sockaddr *)&e.netlink, &len) == 0);
    }
    return e;
}

static void close_ends(const struct ends *e)
{
    close(e->sock);
    close(e->peer);
}

/* --- Traffic ---------------------------------------------------------------------------------- */

static char data[70000];

/* What came: the facts, the largest control data of one message, and whether anything was cut. */
static struct {
    uint64_t facts;
    size_t longest;
    int cut;
} came;
static size_t room = 4096; /* of the control buffer */

/* As much as is there, which the loopback has delivered by the time that the send returns. */
static void take(int sock, size_t bytes, int msg_flags)
{
    static unsigned char *pages;
    struct iovec iov = {data, bytes};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_controllen = room};
    struct pollfd p = {sock, (msg_flags & MSG_ERRQUEUE) ? 0 : POLLIN, 0};
    struct anc_info info;

    if (!pages) {
        pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0 && room <= 4096);
    }
    msg.msg_control = pages + 4096 - room;
    if (poll(&p, 1, 20 * (int)patience()) < 0 || (recvmsg(sock, &msg, msg_flags | MSG_DONTWAIT) < 0 &&
                                recvmsg(sock, &msg, msg_flags | MSG_DONTWAIT) < 0)) /* the first may be an ICMP error */
        return;
    CHECK_OK(anc_decode(&msg, &info, sizeof info), 0);
    came.facts |= info.present;
    came.cut |= (msg.msg_flags & MSG_CTRUNC) != 0;
    if (msg.msg_controllen > came.longest)
        came.longest = msg.msg_controllen;
    anc_close_unclaimed(&msg);
}

/* A message of this many bytes to e->sock. */
static ssize_t give(const struct scene *s, const struct ends *e, size_t bytes)
{
    struct nlmsghdr header = {.nlmsg_len = sizeof header, .nlmsg_type = 100};

    memset(data, 0, bytes);
    if (s->domain == AF_NETLINK)
        return sendto(e->peer, &header, sizeof header, MSG_DONTWAIT, (const struct sockaddr *)&e->netlink, sizeof e->netlink);
    if (s->domain == AF_PACKET) {
        data[12] = (char)0x88, data[13] = (char)0xb5;
        return sendto(e->peer, data, 64, 0, (const struct sockaddr *)&e->link, sizeof e->link);
    }
    if (s->domain == AF_UNIX || is_tcp(s))
        return send(e->peer, data, bytes, MSG_NOSIGNAL);
    if (is_ping(s)) { /* which answers itself */
        data[0] = s->domain == AF_INET ? 8 : (char)128;
        return sendto(e->sock, data, bytes, 0, &e->to.is.any, e->to.len);
    }
    return sendto(e->peer, data, bytes, 0, &e->to.is.any, e->to.len);
}

static void plain(const struct scene *s, const struct ends *e)
{
    give(s, e, 20);
    if (s->type == SOCK_STREAM)
        take(e->sock, 1, 0); /* some wait */
    take(e->sock, sizeof data, 0);
}

static void with_descriptors(const struct ends *e, int n)
{
    int fds[ANC_FDS_MAX] = {0};

    if (raw_send(e->peer, "xy", 2, fds, n, MSG_DONTWAIT) > 0)
        take(e->sock, sizeof data, MSG_CMSG_CLOEXEC);
}

/* Sets what the header is sent with. */
static void internet(const struct scene *s, int sock, int v4, int v6, int value)
{
    setsockopt(sock, IPPROTO_IP, v4, &value, sizeof value);
    if (s->domain == AF_INET6)
        setsockopt(sock, IPPROTO_IPV6, v6, &value, sizeof value);
}

static void in_fragments(const struct scene *s, const struct ends *e)
{
    internet(s, e->peer, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_DONT);
    internet(s, e->sock, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_DONT);
    give(s, e, 3000);
    take(e->sock, sizeof data, 0);
}

static void with_flow(const struct scene *s, const struct ends *e)
{
    int out = is_ping(s) ? e->sock : e->peer, class = 0x20;

    setsockopt(out, IPPROTO_IPV6, IPV6_TCLASS, &class, sizeof class);
    give(s, e, 20);
    take(e->sock, sizeof data, 0);
}

static void in_segments(const struct scene *s, const struct ends *e)
{
    int bytes = 300, none = 0;

    setsockopt(e->peer, UDP_LEVEL, UDP_SEGMENT_, &bytes, sizeof bytes);
    give(s, e, 1200);
    setsockopt(e->peer, UDP_LEVEL, UDP_SEGMENT_, &none, sizeof none);
    for (int i = 0; i < 4; i++)
        take(e->sock, sizeof data, 0);
}

static void too_many(const struct scene *s, const struct ends *e)
{
    int least = 1, all = 1 << 18;

    setsockopt(e->sock, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    for (int i = 0; i < 300; i++)
        give(s, e, 1000);
    while (recv(e->sock, data, sizeof data, MSG_DONTWAIT) >= 0 || errno != EAGAIN) /* an ICMP error may wait too */
        ;
    setsockopt(e->sock, SOL_SOCKET, SO_RCVBUF, &all, sizeof all);
    give(s, e, 20);
    take(e->sock, sizeof data, 0);
}

/* A datagram that is too long for the link is an error of the queue. */
static void too_long(const struct scene *s, const struct ends *e)
{
    internet(s, e->sock, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO);
    memset(data, 0, 4000);
    data[0] = s->domain == AF_INET ? 8 : (char)128;
    sendto(e->sock, data, 4000, 0, &e->to.is.any, e->to.len);
    take(e->sock, sizeof data, MSG_ERRQUEUE);
}

static uint16_t checksum(const void *bytes, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i + 1 < len; i += 2) {
        uint16_t word;
        memcpy(&word, (const char *)bytes + i, 2);
        sum += word;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* An attempt to connect, by a socket of this scene, is answered by an ICMP error: the listener's filter
 * drops every packet, so that the attempt waits, and its packet is seen and sent back in the error. */
static void unreachable(const struct scene *s, int sock)
{
    const int is_v4 = s->domain == AF_INET || is_mapped(s);
    const char *self = is_v4 ? "127.0.0.1" : "::1";
    struct address from = address(s->from, 0), to, icmp_to = address(self, 0);
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog all = {1, &drop};
    int listener = socket(s->domain, SOCK_STREAM | SOCK_CLOEXEC, 0), tap, icmp;
    unsigned char packet[128], error[8 + 128] = {0};
    ssize_t n;

    CHECK(setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) == 0);
    CHECK(bind(listener, &from.is.any, from.len) == 0 && listen(listener, 1) == 0);
    to = address(s->to, port_of(listener));
    tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(is_v4 ? ETH_P_IP : ETH_P_IPV6));
    icmp = socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, is_v4 ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    CHECK(tap >= 0 && icmp >= 0);
    CHECK(fcntl(sock, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERRNO(connect(sock, &to.is.any, to.len), EINPROGRESS);
    n = recv(tap, packet, sizeof packet, 0);
    CHECK(n >= (is_v4 ? 40 : 60));
    n = is_v4 ? 28 : 60;
    memcpy(error + 8, packet, (size_t)n);
    error[0] = is_v4 ? 3 : 1; /* unreachable: */
    error[1] = is_v4 ? 1 : 3; /* the host */
    n += 8;
    if (is_v4) {
        const uint16_t sum = checksum(error, (size_t)n);
        memcpy(error + 2, &sum, 2);
    }
    CHECK(sendto(icmp, error, (size_t)n, 0, &icmp_to.is.any, icmp_to.len) == n);
    take(sock, sizeof data, MSG_ERRQUEUE);
    close(tap);
    close(icmp);
    close(listener);
}

/* All that can bring one of these facts to e->sock. */
static uint64_t traffic(const struct scene *s, const struct ends *e, uint64_t facts)
{
    const int is_datagram = is_internet(s) && !is_tcp(s);

    memset(&came, 0, sizeof came);
    plain(s, e);
    if (facts & ANC_RIGHTS && s->domain == AF_UNIX)
        with_descriptors(e, 2);
    if (facts & ANC_FRAGSIZE && is_datagram)
        in_fragments(s, e);
    if (facts & ANC_FLOWINFO && is_datagram && s->domain == AF_INET6)
        with_flow(s, e);
    if (facts & ANC_SEGMENT && is_datagram && s->protocol == 0)
        in_segments(s, e);
    if (facts & ANC_DROPS && s->domain != AF_UNIX && !is_tcp(s))
        too_many(s, e);
    if (facts & ANC_ERROR && is_datagram)
        too_long(s, e);
    return came.facts;
}

/* While one socket is stamped the kernel stamps what arrives for all; but it begins in its own time. */
static int stamped = -1;

static void wait_for_stamps(void)
{
    const int flags = RX_STAMPS;
    struct address self;
    int i;

    stamped = bound(SOCK_DGRAM, "127.0.0.1");
    self = address("127.0.0.1", port_of(stamped));
    set(stamped, SOL_SOCKET, SO_TIMESTAMPING_OLD, flags);
    memset(&came, 0, sizeof came);
    for (i = 0; goes_on(i, 100000, 10) && came.longest == 0; i++) {
        CHECK(sendto(stamped, "x", 1, 0, &self.is.any, self.len) == 1);
        take(stamped, 1, 0);
    }
    CHECK(came.facts == ANC_TIMESTAMPING);
}

/* A network with a short link and with ping sockets for all. */
static void network(void)
{
    struct ifreq mtu = {.ifr_mtu = 1500};
    int file;

    own_network();
    interface(SIOCSIFMTU, "lo", &mtu);
    file = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
    if (file >= 0 && write(file, "0 2147483647", 12) != 12)
        printf("     ping_group_range: %s\n", strerror(errno));
    close(file);
    wait_for_stamps();
}

static void end_network(void)
{
    close(stamped);
}

/* An error of a connection comes only before there is one. */
static struct ends ends_for(const struct scene *s, uint64_t fact)
{
    struct ends e;

    if (fact != ANC_ERROR || !is_tcp(s))
        return ends_of(s);
    e.sock = opened(s);
    e.peer = new_descriptor();
    return e;
}

static uint64_t traffic_for(const struct scene *s, const struct ends *e, uint64_t fact)
{
    if (fact != ANC_ERROR || !is_tcp(s))
        return traffic(s, e, fact);
    memset(&came, 0, sizeof came);
    unreachable(s, e->sock);
    return came.facts;
}

/* --- The promise ------------------------------------------------------------------------------ */

/* Whether segments of one send arrive as one datagram; older kernels cut them before the loopback. */
static int joins_on_loopback(void)
{
    int to = bound(SOCK_DGRAM, "127.0.0.1"), from = bound(SOCK_DGRAM, "127.0.0.1"), joins;

    connect_to(from, "127.0.0.1", port_of(to));
    if (setsockopt(to, UDP_LEVEL, UDP_GRO_, &(int){1}, sizeof(int)) != 0 ||
        setsockopt(from, UDP_LEVEL, UDP_SEGMENT_, &(int){10}, sizeof(int)) != 0) {
        joins = 0;
    } else {
        CHECK_INT(send(from, data, 20, 0), 20);
        joins = recv(to, (char[20]){0}, 20, 0) == 20;
    }
    close(to);
    close(from);
    return joins;
}

/* What the kernel may accept and this machine can't show: a label wants a security module that makes
 * labels, the flow is IPv6's alone. */
static int is_beyond_showing(const struct scene *s, uint64_t fact)
{
    return fact == ANC_LABEL || (fact == ANC_FLOWINFO && is_mapped(s)) || (fact == ANC_SEGMENT && !joins_on_loopback());
}

static uint64_t granted_to(const struct scene *s)
{
    uint64_t granted = 0;

    FOR_EACH_FACT(fact) {
        int sock = opened(s);

        if (!(fact & FLAGGED) && anc_want(sock, fact, 0, NULL) == 0)
            granted |= fact;
        close(sock);
    }
    return granted;
}

static void check_granted(const struct scene *s, const struct ends *e, uint64_t fact, const struct state *before)
{
    const uint64_t always = fact == ANC_RIGHTS ? ANC_RIGHTS : 0;
    struct state after;
    uint64_t wanted;

    CHECK_OK(anc_wanted(e->sock, &wanted), 0);
    wanted &= ~(s->domain == AF_UNIX ? ANC_RIGHTS : 0);
    CHECK_CASE((wanted | always) == fact || (fact == ANC_INQ && s->domain == AF_UNIX), "%s, %s: wanted %#llx", s->name,
               name_of(fact), (unsigned long long)wanted);
    if (!is_beyond_showing(s, fact))
        CHECK_CASE(traffic_for(s, e, fact) == fact, "%s: granted %s, came %#llx", s->name, name_of(fact),
                   (unsigned long long)came.facts);
    CHECK_CASE(came.longest <= anc_want_space(fact, 2, 0), "%s, %s: %zu", s->name, name_of(fact), came.longest);
    /* And off again. */
    if (fact == ANC_RIGHTS)
        return;
    CHECK_OK(anc_want(e->sock, 0, fact, &wanted), 0);
    CHECK(wanted == 0);
    after = state_of(e->sock);
    check_same(before, &after, s->name, fact);
    if (fact != ANC_ERROR)
        CHECK_CASE(traffic_for(s, e, fact) == 0, "%s: %s came once it was off", s->name, name_of(fact));
}

TEST(every_fact_comes_or_is_refused_with_nothing_changed)
{
    network();
    FOR_EACH_SCENE(s) {
        uint64_t granted = 0, wanted = 99;

        if (!exists(s))
            continue;
        FOR_EACH_FACT(fact) {
            struct ends e;
            struct state before, after;
            uint64_t refused = 99;
            int r;

            if (fact & FLAGGED)
                continue;
            e = ends_for(s, fact);
            before = state_of(e.sock);
            errno = 4242;
            r = anc_want(e.sock, fact, 0, &refused);
            if (r == 0) {
                CHECK_CASE(errno == 4242 && refused == 0, "%s, %s", s->name, name_of(fact));
                check_granted(s, &e, fact, &before);
                granted |= fact;
            } else {
                CHECK_CASE(r == -1 && errno == ENOPROTOOPT && refused == fact, "%s, %s: %#llx", s->name, name_of(fact),
                           (unsigned long long)refused);
                after = state_of(e.sock);
                check_same(&before, &after, s->name, fact);
                CHECK_OK(anc_wanted(e.sock, &wanted), 0);
                CHECK_CASE(!(wanted & fact), "%s, %s", s->name, name_of(fact));
                /* What never comes need not be switched off. */
                CHECK_OK(anc_want(e.sock, 0, fact, &refused), 0);
                CHECK(refused == 0);
            }
            close_ends(&e);
        }
        printf("     %s: %#llx\n", s->name, (unsigned long long)granted);
    }
    printf("     skipped: that a label comes: it wants a security module that labels messages\n");
    end_network();
}

/* With every option on by hand no other fact comes than those that are granted. */
TEST(no_fact_is_refused_that_an_option_brings)
{
    network();
    FOR_EACH_SCENE(s) {
        uint64_t facts, granted, unseen;
        struct ends e;

        if (!exists(s))
            continue;
        granted = unseen = granted_to(s);
        for (int only_error = 0; only_error < 1 + (is_tcp(s) && s->protocol == 0); only_error++) {
            e = ends_for(s, only_error ? ANC_ERROR : 0);
            for (size_t i = 0; i < LENGTH(options); i++) {
                const int one = 1;
                setsockopt(e.sock, options[i].level, options[i].name, &one, sizeof one);
            }
            facts = traffic_for(s, &e, only_error ? ANC_ERROR : ALL);
            if (only_error) /* whose own headers are told as well; those of data never */
                facts &= ~(ANC_DEST | ANC_ORIGINAL | ANC_TTL | ANC_TOS | ANC_FLOWINFO);
            CHECK_CASE((facts & ~granted) == 0, "%s: refused %s", s->name, name_of(facts & ~granted));
            unseen &= ~facts;
            close_ends(&e);
        }
        FOR_EACH_FACT(fact)
            CHECK_CASE(!(unseen & fact) || is_beyond_showing(s, fact), "%s: granted %s", s->name, name_of(fact));
    }
    end_network();
}

/* Of a socket that sees both, datagrams of both. */
TEST(IPv4_and_IPv6_bring_the_same_to_one_socket)
{
    uint64_t both = ANC_DEST | ANC_TTL | ANC_TOS | ANC_ORIGINAL | ANC_TIME | ANC_MARK, refused;
    struct address v4, v6;
    int sock, peer4, peer6;

    network();
    sock = bound(SOCK_DGRAM, "::");
    peer4 = bound(SOCK_DGRAM, "127.0.0.1");
    peer6 = bound(SOCK_DGRAM, "::1");
    v4 = address("127.0.0.1", port_of(sock));
    v6 = address("::1", port_of(sock));
    if (anc_want(sock, both, 0, &refused) != 0) {
        CHECK(refused == ANC_MARK); /* before Linux 5.19 */
        both &= ~ANC_MARK;
    }
    CHECK_OK(anc_want(sock, both, 0, NULL), 0);
    for (int i = 0; i < 4; i++) {
        memset(&came, 0, sizeof came);
        if (i % 2)
            CHECK(sendto(peer4, "x", 1, 0, &v4.is.any, v4.len) == 1);
        else
            CHECK(sendto(peer6, "x", 1, 0, &v6.is.any, v6.len) == 1);
        take(sock, 1, 0);
        CHECK_CASE(came.facts == both, "IPv%d: %#llx", i % 2 ? 4 : 6, (unsigned long long)came.facts);
    }
    /* Also where the socket is IPv6's alone. */
    close(sock);
    sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set(sock, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    CHECK_OK(anc_want(sock, both, 0, NULL), 0);
    close(sock);
    close(peer4);
    close(peer6);
    end_network();
}

TEST(sockets_of_other_families_are_refused_everything)
{
    static const struct { int domain, type, protocol; } others[] = {
        {AF_INET, SOCK_DGRAM, UDPLITE}, {AF_INET6, SOCK_DGRAM, UDPLITE}, {AF_INET, SOCK_STREAM, IPPROTO_SCTP},
        {40 /* AF_VSOCK */, SOCK_STREAM, 0}, {44 /* AF_XDP */, SOCK_RAW, 0}, {29 /* AF_CAN */, SOCK_RAW, 1},
    };
    int seen = 0;

    for (size_t i = 0; i < LENGTH(others); i++) {
        int sock = socket(others[i].domain, others[i].type | SOCK_CLOEXEC, others[i].protocol);
        uint64_t facts = 99;

        if (sock < 0)
            continue;
        seen++;
        CHECK_ERRNO(anc_want(sock, ALL & ~FLAGGED, 0, &facts), ENOPROTOOPT);
        CHECK(facts == (ALL & ~FLAGGED));
        CHECK_OK(anc_want(sock, 0, ALL & ~FLAGGED, &facts), 0);
        CHECK(facts == 0);
        CHECK_ERRNO(anc_want_timestamping(sock, RX_STAMPS), ENOPROTOOPT);
        CHECK_OK(anc_wanted(sock, &facts), 0);
        CHECK(facts == 0);
        close(sock);
    }
    if (!seen)
        skip("this kernel has none");
}

/* --- All or nothing --------------------------------------------------------------------------- */

TEST(one_refused_fact_undoes_all_others_and_all_refused_ones_are_told)
{
    network();
    FOR_EACH_SCENE(s) {
        uint64_t granted, refused = 99, others;

        if (!exists(s))
            continue;
        granted = granted_to(s);
        others = ALL & ~FLAGGED & ~granted;
        for (int start = 0; start < 3; start++) {
            struct ends e = ends_of(s);
            struct state before, after;

            /* From nothing, from all, from every other fact. */
            const uint64_t had = start == 0 ? 0 : start == 1 ? granted : granted & 0x555555;
            if (s->domain == AF_UNIX && s->type == SOCK_STREAM && start) /* can't be compared */
                granted &= ~ANC_INQ;
            CHECK_OK(anc_want(e.sock, had & granted, 0, NULL), 0);
            before = state_of(e.sock);
            CHECK_ERRNO(anc_want(e.sock, granted | others, 0, &refused), ENOPROTOOPT);
            CHECK_CASE(refused == others, "%s: %#llx, not %#llx", s->name, (unsigned long long)refused, (unsigned long long)others);
            after = state_of(e.sock);
            check_same(&before, &after, s->name, granted);
            CHECK_ERRNO(anc_want(e.sock, others, granted & ~ANC_RIGHTS, &refused), ENOPROTOOPT);
            CHECK(refused == others);
            after = state_of(e.sock);
            check_same(&before, &after, s->name, granted);
            /* What was refused left out, all is granted. */
            CHECK_OK(anc_want(e.sock, (granted | others) & ~refused, 0, &refused), 0);
            CHECK(refused == 0);
            close_ends(&e);
        }
    }
    end_network();
}

/* A unix stream's SO_INQ can't be read: that it stayed on is seen by what comes. */
TEST(a_count_that_can_not_be_read_survives_a_refusal)
{
    const struct scene *s = &scenes[0];
    struct ends e = ends_of(s);
    uint64_t refused;

    if (anc_want(e.sock, ANC_INQ, 0, NULL) != 0)
        skip("this kernel has no SO_INQ for Unix sockets");
    CHECK_ERRNO(anc_want(e.sock, ANC_CREDENTIALS | ANC_TTL, ANC_INQ, &refused), ENOPROTOOPT);
    CHECK(refused == ANC_TTL);
    CHECK(traffic(s, &e, 0) == ANC_INQ);
    CHECK_ERRNO(anc_want(e.sock, ANC_INQ | ANC_TTL, 0, &refused), ENOPROTOOPT);
    CHECK(traffic(s, &e, 0) == ANC_INQ);
    CHECK_OK(anc_want(e.sock, ANC_CREDENTIALS, ANC_INQ, &refused), 0);
    CHECK(traffic(s, &e, 0) == ANC_CREDENTIALS);
    CHECK_ERRNO(anc_want(e.sock, ANC_INQ | ANC_TTL, ANC_CREDENTIALS, &refused), ENOPROTOOPT);
    CHECK(traffic(s, &e, 0) == ANC_CREDENTIALS);
    CHECK_ERRNO(anc_want(e.sock, ANC_TTL, ANC_INQ | ANC_CREDENTIALS, &refused), ENOPROTOOPT);
    CHECK(traffic(s, &e, 0) == ANC_CREDENTIALS);
    close_ends(&e);
}

TEST(a_setsockopt_that_fails_undoes_the_others_whichever_it_is)
{
    static const int errors[] = {EPERM, ENOPROTOOPT, EOPNOTSUPP, EINVAL, ENOMEM};
    static const uint64_t had_of[] = {0, ALL, 0x555555, 0x2aaaaa};
    uint64_t refused;
    int tried = 0;

    network();
    FOR_EACH_SCENE(s) {
        uint64_t granted;

        if (!exists(s))
            continue;
        granted = granted_to(s) & ~ANC_RIGHTS;
        if (s->domain == AF_UNIX && s->type == SOCK_STREAM)
            granted &= ~ANC_INQ;
        for (size_t h = 0; h < LENGTH(had_of); h++)
            for (int at = 1;; at++) {
                struct ends e = ends_of(s);
                struct state before, after;
                const uint64_t had = had_of[h] & granted, on = granted & 0x33cccc, off = granted & ~on;
                const int error = errors[at % (int)LENGTH(errors)], told = error == EOPNOTSUPP ? ENOPROTOOPT : error;
                int r;

                CHECK_OK(anc_want(e.sock, had, 0, NULL), 0);
                before = state_of(e.sock);
                world.fails_at = at;
                world.error = error;
                errno = 4242;
                r = (int)LIBRARY(anc_want(e.sock, on, off, &refused));
                world.fails_at = 0;
                if (r == 0) {
                    CHECK_CASE(world.calls < at && errno == 4242 && refused == 0, "%s", s->name);
                    close_ends(&e);
                    break;
                }
                /* A form that a kernel does not know has another. */
                CHECK_CASE(errno == told && refused != 0 && (refused & (refused - 1)) == 0 && (refused & ~(on | off)) == 0,
                           "%s, call %d: %#llx", s->name, at, (unsigned long long)refused);
                after = state_of(e.sock);
                check_same(&before, &after, s->name, refused);
                close_ends(&e);
                tried++;
                if (at > 100)
                    fail(__FILE__, __LINE__, "%s: no end", s->name);
            }
    }
    CHECK(tried > 50);
    end_network();
}

TEST(what_is_as_it_should_be_is_not_set)
{
    network();
    FOR_EACH_SCENE(s) {
        struct ends e;
        uint64_t granted;

        if (!exists(s))
            continue;
        granted = granted_to(s);
        if (s->domain == AF_UNIX && s->type == SOCK_STREAM)
            granted &= ~ANC_INQ;
        e = ends_of(s);
        CHECK_OK(anc_want(e.sock, granted, 0, NULL), 0);
        CHECK_OK(LIBRARY(anc_want(e.sock, granted, 0, NULL)), 0);
        CHECK_CASE(world.calls == 0, "%s: %d", s->name, world.calls);
        CHECK_OK(anc_want(e.sock, 0, granted & ~ANC_RIGHTS, NULL), 0);
        CHECK_OK(LIBRARY(anc_want(e.sock, 0, granted & ~ANC_RIGHTS, NULL)), 0);
        CHECK_CASE(world.calls == 0, "%s: %d", s->name, world.calls);
        close_ends(&e);
    }
    end_network();
}

/* --- What is wrong ---------------------------------------------------------------------------- */

TEST(a_wrong_set_has_no_effect)
{
    const struct { uint64_t on, off; } wrong[] = {
        {ALL + 1, 0}, {0, ALL + 1}, {(uint64_t)1 << 63, 0}, {ANC_CREDENTIALS | (uint64_t)1 << 40, 0},
        {ANC_CREDENTIALS, ANC_CREDENTIALS}, {ANC_CREDENTIALS | ANC_PIDFD, ANC_PIDFD}, {ANC_TIMESTAMPING, 0},
        {ANC_TIME_ID | ANC_CREDENTIALS, 0}, {ANC_TIME_PKTINFO, 0}, {0, ANC_TIMESTAMPING}, {0, ANC_TIME_ID},
        {ANC_CREDENTIALS, ANC_TIME_PKTINFO},
    };
    struct state before, after;
    uint64_t refused;
    int pair[2];

    socket_pair(SOCK_SEQPACKET, pair);
    before = state_of(pair[1]);
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        refused = 99;
        CHECK_ERRNO(anc_want(pair[1], wrong[i].on, wrong[i].off, &refused), EINVAL);
        CHECK(refused == 0);
        CHECK_ERRNO(anc_want(-1, wrong[i].on, wrong[i].off, NULL), EINVAL);
    }
    after = state_of(pair[1]);
    check_same(&before, &after, "a wrong set", 0);
    CHECK_OK(anc_want(pair[1], 0, 0, &refused), 0);
    CHECK_OK(anc_want(pair[1], 0, 0, NULL), 0);
    close_both(pair);
}

TEST(what_is_no_socket_is_told)
{
    int file = new_descriptor();
    uint64_t facts;

    facts = 99;
    CHECK_ERRNO(anc_want(file, ANC_TIME, 0, &facts), ENOTSOCK);
    CHECK(facts == 0);
    CHECK_ERRNO(anc_want(file, 0, 0, &facts), ENOTSOCK);
    facts = 99;
    CHECK_ERRNO(anc_wanted(file, &facts), ENOTSOCK);
    CHECK(facts == 0);
    CHECK_ERRNO(anc_want_timestamping(file, 0), ENOTSOCK);
    CHECK_ERRNO(anc_want_timestamping(file, RX_STAMPS), ENOTSOCK);
    if (!built_without("passrights"))
        CHECK_ERRNO(anc_refuse_fds(file), ENOTSOCK);
    close(file);
    facts = 99;
    CHECK_ERRNO(anc_want(file, ANC_TIME, 0, &facts), EBADF);
    CHECK(facts == 0);
    CHECK_ERRNO(anc_want(-1, 0, ANC_TIME, NULL), EBADF);
    facts = 99;
    CHECK_ERRNO(anc_wanted(-1, &facts), EBADF);
    CHECK(facts == 0);
    CHECK_ERRNO(anc_want_timestamping(-1, 0), EBADF);
    if (!built_without("passrights"))
        CHECK_ERRNO(anc_refuse_fds(-1), EBADF);
    CHECK_ERRNO(anc_wanted(0, NULL), EFAULT);
}

/* Since Linux 6.1 some kernels ask for privilege, others do not. */
TEST(an_option_that_wants_privilege_is_refused_with_the_kernels_error)
{
    struct state before, after;
    uint64_t refused;
    int sock;

    network();
    sock = bound(SOCK_DGRAM, "127.0.0.1");
    drop_privileges();
    before = state_of(sock);
    if (anc_want(sock, ANC_MARK | ANC_TTL, 0, &refused) == 0)
        skip("this kernel gives marks to everybody");
    if (errno == ENOPROTOOPT)
        skip("this kernel gives marks to nobody");
    CHECK(errno == EPERM && refused == ANC_MARK);
    after = state_of(sock);
    check_same(&before, &after, "without privilege", ANC_MARK);
    close(sock);
    end_network();
}

/* --- Kernels that lack something ---------------------------------------------------------------- */

/* On a socket of this scene, with a kernel that lacks this option. */
static int want_without(const struct scene *s, int level, int name, uint64_t on, uint64_t off, uint64_t *refused)
{
    struct ends e = ends_of(s);
    struct state before = state_of(e.sock), after;
    int r, error;

    world.lacks_level = level;
    world.lacks_name = name;
    errno = 4242;
    r = (int)LIBRARY(anc_want(e.sock, on, off, refused));
    error = errno;
    world.lacks_name = 0;
    after = state_of(e.sock);
    if (r != 0)
        check_same(&before, &after, s->name, on | off);
    else
        CHECK_INT(error, 4242);
    close_ends(&e);
    return r ? error : 0;
}

TEST(an_older_kernel_refuses_what_it_has_not_and_has_nothing_to_switch_off)
{
    const struct { const struct scene *s; int level, name; uint64_t fact, other; } cases[] = {
        {&scenes[1], SOL_SOCKET, SO_PASSPIDFD, ANC_PIDFD, ANC_CREDENTIALS},
        {&scenes[3], SOL_SOCKET, RCVPRIORITY, ANC_PRIORITY, ANC_SEGMENT},
        {&scenes[3], IPPROTO_IP, IP_RECVFRAGSIZE_, ANC_FRAGSIZE, ANC_TIME},
        {&scenes[4], IPPROTO_IPV6, IPV6_RECVFRAGSIZE_, ANC_FRAGSIZE, ANC_TTL},
        {&scenes[4], IPPROTO_IP, IP_RECVTTL, ANC_TTL, ANC_TOS},
        {&scenes[10], IPPROTO_TCP, TCP_INQ_, ANC_INQ, ANC_TIME},
        {&scenes[0], SOL_SOCKET, SO_INQ, ANC_INQ, ANC_CREDENTIALS},
        {&scenes[3], UDP_LEVEL, UDP_GRO_, ANC_SEGMENT, ANC_TIME},
    };
    uint64_t refused;

    network();
    for (size_t i = 0; i < LENGTH(cases); i++) {
        CHECK_INT(want_without(cases[i].s, cases[i].level, cases[i].name, cases[i].fact | cases[i].other, 0, &refused), ENOPROTOOPT);
        CHECK_CASE(refused == cases[i].fact, "%zu: %#llx", i, (unsigned long long)refused);
        CHECK_INT(want_without(cases[i].s, cases[i].level, cases[i].name, cases[i].other, cases[i].fact, &refused), 0);
        CHECK(refused == 0);
    }
    /* Also the one that can't be read, when it is refused together with what is. */
    CHECK_INT(want_without(&scenes[0], SOL_SOCKET, SO_INQ, ANC_INQ | ANC_TTL | ANC_CREDENTIALS, 0, &refused), ENOPROTOOPT);
    CHECK(refused == (ANC_INQ | ANC_TTL));
    end_network();
}

/* Descriptors come always then. */
TEST(a_kernel_without_SO_PASSRIGHTS_brings_descriptors_and_can_not_stop)
{
    uint64_t refused, facts;
    int pair[2];

    for (int t = 0; t < 3; t++) {
        CHECK_INT(want_without(&scenes[t], SOL_SOCKET, SO_PASSRIGHTS, ANC_RIGHTS | ANC_CREDENTIALS, 0, &refused), 0);
        CHECK_INT(want_without(&scenes[t], SOL_SOCKET, SO_PASSRIGHTS, ANC_CREDENTIALS, ANC_RIGHTS, &refused), ENOPROTOOPT);
        CHECK(refused == ANC_RIGHTS);
        socket_pair(socket_types[t], pair);
        world.lacks_level = SOL_SOCKET;
        world.lacks_name = SO_PASSRIGHTS;
        CHECK_ERRNO(LIBRARY(anc_refuse_fds(pair[1])), ENOPROTOOPT);
        CHECK_OK(LIBRARY(anc_wanted(pair[1], &facts)), 0);
        CHECK(facts == ANC_RIGHTS);
        world.lacks_name = 0;
        close_both(pair);
    }
}

TEST(a_UDP_GRO_that_can_not_be_read_is_switched_all_the_same)
{
    const struct scene *s = &scenes[3];
    struct ends e;

    network();
    if (!joins_on_loopback())
        skip("this kernel cuts what goes over the loopback, and joins nothing there");
    e = ends_of(s);
    world.lacks_level = UDP_LEVEL;
    world.lacks_name = UDP_GRO_;
    world.only_reading = 1;
    CHECK_OK(LIBRARY(anc_want(e.sock, ANC_SEGMENT | ANC_TTL, 0, NULL)), 0);
    CHECK(traffic(s, &e, ANC_SEGMENT) == (ANC_SEGMENT | ANC_TTL));
    CHECK_ERRNO(LIBRARY(anc_want(e.sock, ANC_CREDENTIALS, ANC_SEGMENT | ANC_TTL, NULL)), ENOPROTOOPT);
    CHECK(traffic(s, &e, ANC_SEGMENT) == (ANC_SEGMENT | ANC_TTL));
    CHECK_OK(LIBRARY(anc_want(e.sock, 0, ANC_SEGMENT, NULL)), 0);
    CHECK(traffic(s, &e, ANC_SEGMENT) == ANC_TTL);
    close_ends(&e);
    end_network();
}

TEST(the_record_type_comes_once_TLS_receives_and_can_not_be_switched)
{
    struct ends e;
    uint64_t facts;

    network();
    e = ends_of(&scenes[10]);
    CHECK_ERRNO(anc_want(e.sock, ANC_TLS_RECORD, 0, NULL), ENOPROTOOPT);
    world.is_tls = 1; /* this kernel may have no TLS: its answer is made here */
    CHECK_OK(LIBRARY(anc_want(e.sock, ANC_TLS_RECORD | ANC_TIME, 0, &facts)), 0);
    CHECK_OK(LIBRARY(anc_wanted(e.sock, &facts)), 0);
    CHECK(facts == (ANC_TLS_RECORD | ANC_TIME));
    CHECK_ERRNO(LIBRARY(anc_want(e.sock, 0, ANC_TLS_RECORD | ANC_TIME, &facts)), ENOPROTOOPT);
    CHECK(facts == ANC_TLS_RECORD);
    CHECK_OK(anc_wanted(e.sock, &facts), 0);
    CHECK(facts == ANC_TIME);
    close_ends(&e);
    end_network();
}

/* --- Time stamps ------------------------------------------------------------------------------ */

/* The type of the one control message that comes with a message; 0: none. */
static int type_that_comes(int from, int to)
{
    struct msghdr msg = {.msg_iov = &(struct iovec){data, 10}, .msg_iovlen = 1, .msg_control = (char[256]){0}, .msg_controllen = 256};
    struct anc_cmsg c = {0};

    CHECK(send(from, "x", 1, 0) == 1 && recvmsg(to, &msg, 0) == 1);
    return anc_next(&msg, &c) == 1 ? c.type : 0;
}

TEST(the_arrival_has_the_C_librarys_name_and_one_form_at_a_time)
{
    int pair[2];

    socket_pair(SOCK_DGRAM, pair);
    CHECK_OK(anc_want(pair[1], ANC_TIME, 0, NULL), 0);
    if (sizeof(long) == 8)
        CHECK_INT(type_that_comes(pair[0], pair[1]), SCM_TIMESTAMPNS);
    else
        CHECK_INT(type_that_comes(pair[0], pair[1]), SO_TIMESTAMPNS_NEW);
    close_both(pair);
    /* What other code asked for stays, and goes. */
    for (size_t i = 0; i < 4; i++) {
        uint64_t facts;

        socket_pair(SOCK_DGRAM, pair);
        option(pair[1], forms[i], 1);
        CHECK_OK(anc_wanted(pair[1], &facts), 0);
        CHECK(facts == (ANC_TIME | ANC_RIGHTS));
        CHECK_OK(anc_want(pair[1], ANC_TIME, 0, NULL), 0);
        CHECK_INT(type_that_comes(pair[0], pair[1]), forms[i]);
        CHECK_ERRNO(anc_want(pair[1], ANC_TTL, ANC_TIME, NULL), ENOPROTOOPT);
        CHECK_INT(type_that_comes(pair[0], pair[1]), forms[i]);
        CHECK_OK(anc_want(pair[1], 0, ANC_TIME, NULL), 0);
        CHECK_INT(type_that_comes(pair[0], pair[1]), 0);
        close_both(pair);
    }
}

/* The kernel gives all stamps of a socket the form of what was asked for last. */
TEST(stamps_of_other_code_keep_their_form)
{
    network();
    for (size_t i = 0; i < 4; i++) {
        int from = bound(SOCK_DGRAM, "127.0.0.1"), to = bound(SOCK_DGRAM, "127.0.0.1");

        connect_to(from, "127.0.0.1", port_of(to));
        option(to, forms[i], 1);
        CHECK_OK(anc_want_timestamping(to, RX_STAMPS), 0);
        CHECK_INT(type_that_comes(from, to), forms[i]);
        CHECK_OK(anc_want_timestamping(to, 0), 0);
        CHECK_INT(type_that_comes(from, to), forms[i]);
        close(from);
        close(to);
    }
    for (size_t i = 4; i < 6; i++) {
        int from = bound(SOCK_DGRAM, "127.0.0.1"), to = bound(SOCK_DGRAM, "127.0.0.1");

        connect_to(from, "127.0.0.1", port_of(to));
        option(to, forms[i], RX_STAMPS);
        if (option_of(to, SOL_SOCKET, forms[i]) != RX_STAMPS) { /* Linux 5.10 does not tell the new form: it can't be kept */
            close(from);
            close(to);
            continue;
        }
        CHECK_OK(anc_want(to, ANC_TIME, 0, NULL), 0);
        CHECK_INT(type_that_comes(from, to), i == 4 ? SO_TIMESTAMPNS_OLD : SO_TIMESTAMPNS_NEW);
        CHECK_OK(anc_want(to, 0, ANC_TIME, NULL), 0);
        CHECK_INT(type_that_comes(from, to), forms[i]);
        close(from);
        close(to);
    }
    end_network();
}

TEST(stamps_come_or_are_refused)
{
    network();
    FOR_EACH_SCENE(s) {
        const int stamped = s->domain != AF_UNIX && s->domain != AF_NETLINK;
        struct state before, after;
        uint64_t facts;
        struct ends e;

        if (!exists(s))
            continue;
        e = ends_of(s);
        before = state_of(e.sock);
        if (stamped) {
            CHECK_OK(anc_want_timestamping(e.sock, RX_STAMPS), 0);
            CHECK_OK(anc_wanted(e.sock, &facts), 0);
            CHECK_CASE(facts == ANC_TIMESTAMPING, "%s: %#llx", s->name, (unsigned long long)facts);
            CHECK_CASE(traffic(s, &e, 0) == ANC_TIMESTAMPING, "%s: %#llx", s->name, (unsigned long long)came.facts);
            CHECK(came.longest <= anc_want_space(ANC_TIMESTAMPING, 0, 0));
            /* What anc_want switches is apart from it. */
            CHECK_OK(anc_want(e.sock, ANC_TIME, 0, NULL), 0);
            CHECK_OK(anc_want(e.sock, 0, ANC_TIME, NULL), 0);
            CHECK(traffic(s, &e, 0) == ANC_TIMESTAMPING);
            CHECK_ERRNO(anc_want_timestamping(e.sock, 1u << 30), EINVAL);
            CHECK_ERRNO(anc_want_timestamping(e.sock, 1u << 31), EINVAL);
            CHECK(traffic(s, &e, 0) == ANC_TIMESTAMPING);
        } else {
            CHECK_ERRNO(anc_want_timestamping(e.sock, RX_STAMPS), ENOPROTOOPT);
        }
        CHECK_OK(anc_want_timestamping(e.sock, 0), 0);
        after = state_of(e.sock);
        check_same(&before, &after, s->name, ANC_TIMESTAMPING);
        CHECK(traffic(s, &e, 0) == 0);
        close_ends(&e);
    }
    end_network();
}

TEST(the_flags_of_stamps_are_told_as_facts)
{
    const struct { unsigned int flags; uint64_t facts; } cases[] = {
        {0, 0},
        {RX_STAMPS, ANC_TIMESTAMPING},
        {RX_STAMPS | SOF_TIMESTAMPING_OPT_ID, ANC_TIMESTAMPING | ANC_TIME_ID},
        {RX_STAMPS | SOF_TIMESTAMPING_OPT_PKTINFO, ANC_TIMESTAMPING | ANC_TIME_PKTINFO},
        {SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_PKTINFO, ANC_TIMESTAMPING | ANC_TIME_ID | ANC_TIME_PKTINFO},
    };
    uint64_t facts;

    for (size_t i = 0; i < LENGTH(cases); i++) {
        int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        CHECK_OK(anc_want_timestamping(sock, cases[i].flags), 0);
        CHECK_INT(option_of(sock, SOL_SOCKET, SO_TIMESTAMPING_OLD), cases[i].flags);
        CHECK_OK(anc_wanted(sock, &facts), 0);
        CHECK_CASE(facts == cases[i].facts, "%zu: %#llx", i, (unsigned long long)facts);
        close(sock);
    }
}

TEST(what_was_asked_for_by_hand_is_told)
{
    network();
    FOR_EACH_SCENE(s) {
        uint64_t granted, facts;
        struct ends e;

        if (!exists(s))
            continue;
        granted = granted_to(s);
        e = ends_of(s);
        for (size_t i = 0; i < LENGTH(options); i++) {
            const int one = 1;
            setsockopt(e.sock, options[i].level, options[i].name, &one, sizeof one);
        }
        if (s->domain == AF_UNIX)
            granted &= ~ANC_INQ;
        CHECK_OK(anc_wanted(e.sock, &facts), 0);
        CHECK_CASE(facts == granted, "%s: %#llx, not %#llx", s->name, (unsigned long long)facts, (unsigned long long)granted);
        close_ends(&e);
    }
    end_network();
}

/* --- Room ------------------------------------------------------------------------------------- */

/* 32-bit: glibc adds a stamp of its own to a narrow one. */
static int is_narrow(void)
{
    return sizeof(long) == 4;
}

TEST(the_room_of_a_fact_is_that_of_its_largest_message)
{
    const size_t time = is_narrow() ? ANC_SPACE(8) + ANC_SPACE(16) : ANC_SPACE(16), error = ANC_SPACE(16 + 28);
    const struct { uint64_t fact; size_t room; } rooms[] = {
        {0, 0}, {ANC_CREDENTIALS, ANC_SPACE(12)}, {ANC_PIDFD, ANC_SPACE(4)}, {ANC_TIME, time},
        {ANC_TIMESTAMPING, ANC_SPACE(48) + error}, {ANC_TIME_ID, error}, {ANC_TIME_PKTINFO, ANC_SPACE(16)},
        {ANC_DEST, ANC_SPACE(20)}, {ANC_ORIGINAL, ANC_SPACE(28)}, {ANC_TTL, ANC_SPACE(4)}, {ANC_TOS, ANC_SPACE(4)},
        {ANC_SEGMENT, ANC_SPACE(4)}, {ANC_DROPS, ANC_SPACE(4)}, {ANC_ERROR, error}, {ANC_MARK, ANC_SPACE(4)},
        {ANC_PRIORITY, ANC_SPACE(4)}, {ANC_INQ, ANC_SPACE(4)}, {ANC_TLS_RECORD, ANC_SPACE(1)},
        {ANC_AUXDATA, ANC_SPACE(20)}, {ANC_FRAGSIZE, ANC_SPACE(4)}, {ANC_FLOWINFO, ANC_SPACE(4)},
        /* No socket brings both. */
        {ANC_PIDFD | ANC_TTL, ANC_SPACE(4)}, {ANC_AUXDATA | ANC_CREDENTIALS, ANC_SPACE(20)},
        {ANC_TIMESTAMPING | ANC_ERROR | ANC_TIME_ID, ANC_SPACE(48) + error},
    };

    for (size_t i = 0; i < LENGTH(rooms); i++)
        for (size_t fds = 0; fds < 3; fds++)
            CHECK_OK(anc_want_space(rooms[i].fact, fds, 100), rooms[i].room);
    for (size_t n = 0; n < 300; n++) {
        const size_t fds = n < ANC_FDS_MAX ? n : ANC_FDS_MAX;

        CHECK_OK(anc_want_space(ANC_RIGHTS, n, 7), n ? ANC_FDS_SPACE(fds) : 0);
        CHECK_OK(anc_want_space(ANC_LABEL, n, n), ANC_SPACE(n));
        CHECK_OK(anc_want_space(ANC_RIGHTS | ANC_PIDFD, n, n), (n ? ANC_FDS_SPACE(fds) : 0) + ANC_SPACE(4));
    }
    CHECK_OK(anc_want_space(ANC_RIGHTS, SIZE_MAX, 0), ANC_FDS_SPACE(ANC_FDS_MAX));
}

TEST(all_that_a_unix_socket_brings_fits_into_the_largest_buffer)
{
    const uint64_t all = ANC_RIGHTS | ANC_CREDENTIALS | ANC_PIDFD | ANC_LABEL | ANC_INQ | ANC_TIME;
    const size_t second = is_narrow() ? ANC_SPACE(8) : 0; /* is the C library's */

    /* Which has room for SO_TIMESTAMPING too, that no Unix socket brings, and for time and count, of
     * which messages bring the one and streams the other. */
    CHECK_INT(anc_want_space(all, ANC_FDS_MAX, 512), ANC_CONTROL_MAX - ANC_SPACE(48) - ANC_SPACE(4) + second);
    for (uint64_t kinds = 0; kinds <= all; kinds++)
        CHECK(anc_want_space(kinds, 3, 1) % sizeof(long) == 0);
}

TEST(what_does_not_fit_and_what_is_unknown_is_SIZE_MAX)
{
    CHECK_OK(anc_want_space(ANC_LABEL, 0, SIZE_MAX), SIZE_MAX);
    CHECK_OK(anc_want_space(ANC_LABEL, 0, SIZE_MAX - ANC_LEN(0) + 1), SIZE_MAX);
    CHECK_OK(anc_want_space(ANC_LABEL | ANC_RIGHTS, ANC_FDS_MAX, SIZE_MAX - 200), SIZE_MAX);
    for (int bit = FACTS; bit < 64; bit++)
        CHECK_OK(anc_want_space((uint64_t)1 << bit | ANC_TTL, 1, 1), SIZE_MAX);
    CHECK(anc_want_space(ALL, ANC_FDS_MAX, 512) < 4096);
}

/* Everything at once, into exactly that room. */
TEST(nothing_is_cut_in_the_room_for_what_is_wanted)
{
    network();
    FOR_EACH_SCENE(s) {
        const unsigned int flags = RX_STAMPS | SOF_TIMESTAMPING_OPT_PKTINFO | SOF_TIMESTAMPING_TX_SOFTWARE |
                                   SOF_TIMESTAMPING_OPT_CMSG | (is_tcp(s) ? 0 : SOF_TIMESTAMPING_OPT_ID);
        uint64_t granted, wanted;
        size_t all;
        struct ends e;

        if (!exists(s))
            continue;
        for (int only_error = 0; only_error < 1 + (is_tcp(s) && s->protocol == 0); only_error++) {
            granted = granted_to(s);
            e = ends_for(s, only_error ? ANC_ERROR : 0);
            CHECK_OK(anc_want(e.sock, granted, 0, NULL), 0);
            if (s->domain != AF_UNIX && s->domain != AF_NETLINK)
                CHECK_OK(anc_want_timestamping(e.sock, flags), 0);
            CHECK_OK(anc_wanted(e.sock, &wanted), 0);
            wanted |= granted;
            all = anc_want_space(wanted, 2, 0);
            room = all;
            traffic_for(s, &e, only_error ? ANC_ERROR : ALL);
            /* And the stamps of what it sends itself. */
            if (!only_error && is_internet(s) && s->type != SOCK_RAW) {
                if (is_tcp(s))
                    CHECK(send(e.sock, "x", 1, 0) == 1);
                else
                    give(s, &(struct ends){e.sock, e.sock, e.to, e.link, e.netlink}, 20);
                for (int i = 0; i < 3; i++)
                    take(e.sock, sizeof data, MSG_ERRQUEUE);
            }
            CHECK_CASE(!came.cut && came.longest <= all, "%s: %zu of %zu", s->name, came.longest, all);
            printf("     %s: %zu of %zu bytes\n", s->name, came.longest, all);
            room = 4096;
            close_ends(&e);
        }
    }
    end_network();
}

TEST(no_byte_of_the_room_of_a_unix_socket_is_spare)
{
    for (int t = 0; t < 3; t++)
        for (int n = 0; n <= ANC_FDS_MAX; n = n < 5 ? n + 1 : n + 31) {
            const struct scene *s = &scenes[t];
            struct ends e = ends_of(s);
            uint64_t facts = ANC_RIGHTS | ANC_CREDENTIALS | ANC_PIDFD, refused;
            struct msghdr msg = {.msg_iov = &(struct iovec){data, 10}, .msg_iovlen = 1, .msg_control = (char[2048]){0}};
            int fds[ANC_FDS_MAX] = {0};

            anc_want(e.sock, ANC_TIME | ANC_INQ, 0, &refused);
            facts |= (ANC_TIME | ANC_INQ) & ~refused;
            if (anc_want(e.sock, facts, 0, &refused) != 0)
                skip("this kernel has no %s", name_of(refused));
            CHECK_INT(raw_send(e.peer, "xyz", 3, fds, n, 0), 3);
            msg.msg_iov->iov_len = s->type == SOCK_STREAM ? 1 : 10;
            msg.msg_controllen = anc_want_space(facts, (size_t)n, 0);
            CHECK(recvmsg(e.sock, &msg, MSG_CMSG_CLOEXEC) > 0);
            CHECK_CASE(!(msg.msg_flags & MSG_CTRUNC), "%s, %d", s->name, n);
            if (n) /* and no byte is spare */
                CHECK_CASE(msg.msg_controllen == anc_want_space(facts, (size_t)n, 0) - (is_narrow() && t ? ANC_SPACE(8) : 0),
                           "%s, %d: %zu", s->name, n, (size_t)msg.msg_controllen);
            anc_close_unclaimed(&msg);
            close_ends(&e);
        }
}

TEST(in_that_room_a_full_table_cuts)
{
    struct ends e = ends_of(&scenes[2]);
    struct msghdr msg = {.msg_iov = &(struct iovec){data, 10}, .msg_iovlen = 1, .msg_control = (char[2048]){0}};
    const size_t all = anc_want_space(ANC_RIGHTS, 3, 0);
    struct rlimit old, limit;

    CHECK_INT(raw_send(e.peer, "xyz", 3, (int[]){0, 1, 2}, 3, 0), 3);
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    limit = old;
    limit.rlim_cur = (rlim_t)lowest_free() + 1;
    if (on_valgrind())
        skip("the limit is valgrind's own pretence, which recvmsg does not see");
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    msg.msg_controllen = all;
    CHECK_INT(recvmsg(e.sock, &msg, MSG_CMSG_CLOEXEC), 3);
    CHECK(msg.msg_flags & MSG_CTRUNC);
    CHECK_INT(anc_truncation_cause(&msg, all), EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    anc_close_unclaimed(&msg);
    close_ends(&e);
}

/* --- No descriptors --------------------------------------------------------------------------- */

/* Whether this kernel and this build can refuse them. */
static int can_refuse(void)
{
    int pair[2], can;

    socket_pair(SOCK_STREAM, pair);
    can = option_of(pair[0], SOL_SOCKET, SO_PASSRIGHTS) >= 0 && !built_without("passrights");
    close_both(pair);
    return can;
}

TEST(a_socket_that_refuses_descriptors_gets_none_and_the_sender_EPERM)
{
    for (int t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor();
        uint64_t facts;

        socket_pair(socket_types[t], pair);
        CHECK_INT(raw_send(pair[0], "before", 6, &fd, 1, 0), 6);
        if (!can_refuse()) {
            CHECK_ERRNO(anc_refuse_fds(pair[1]), ENOPROTOOPT);
            CHECK_ERRNO(anc_want(pair[1], 0, ANC_RIGHTS, &facts), ENOPROTOOPT);
            CHECK(facts == ANC_RIGHTS);
            CHECK_OK(anc_want(pair[1], ANC_RIGHTS, 0, &facts), 0);
            EXPECT(pair[1], "before", &fd, 1);
        } else {
            CHECK_OK(anc_refuse_fds(pair[1]), 0);
            CHECK_OK(anc_wanted(pair[1], &facts), 0);
            CHECK(facts == 0);
            CHECK_ERRNO(anc_send_fds(pair[0], "with", 4, &fd, 1, 0), EPERM);
            CHECK_ERRNO(anc_send_fd(pair[0], fd, ANC_MOVE), EPERM);
            CHECK(is_open(fd));
            CHECK_OK(anc_send_fds(pair[0], "without", 7, NULL, 0, 0), 7);
            CHECK_OK(anc_send_fds(pair[1], "back", 4, &fd, 1, 0), 4); /* is the other socket's own */
            EXPECT(pair[1], "before", &fd, 1);
            EXPECT(pair[1], "without", NULL, 0);
            EXPECT(pair[0], "back", &fd, 1);
            /* Again, and back. */
            CHECK_OK(anc_refuse_fds(pair[1]), 0);
            CHECK_OK(anc_want(pair[1], ANC_RIGHTS, 0, NULL), 0);
            CHECK_OK(anc_send_fds(pair[0], "again", 5, &fd, 1, 0), 5);
            EXPECT(pair[1], "again", &fd, 1);
            CHECK_OK(anc_want(pair[1], 0, ANC_RIGHTS, NULL), 0);
            CHECK_ERRNO(anc_send_fds(pair[0], "with", 4, &fd, 1, 0), EPERM);
        }
        close(fd);
        close_both(pair);
    }
}

TEST(only_a_unix_socket_can_refuse_descriptors)
{
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

    CHECK_INT(anc_refuse_fds(sock), -1);
    error = errno;
    CHECK_INT(error, can_refuse() ? EOPNOTSUPP : ENOPROTOOPT);
    close(sock);
}

/* A TCP socket that lingers over what nobody reads holds the close of its last descriptor. */
TEST(a_socket_that_refuses_descriptors_is_not_held_by_closing_them)
{
    const struct linger linger = {1, 2};
    struct timespec from, to;
    struct ends e;
    int pair[2];

    if (!can_refuse())
        skip("this kernel or build can't refuse descriptors");
    network();
    e = ends_of(&scenes[10]);
    fcntl(e.peer, F_SETFL, O_NONBLOCK);
    while (send(e.peer, data, sizeof data, MSG_NOSIGNAL) > 0)
        ;
    CHECK(setsockopt(e.peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    fcntl(e.peer, F_SETFL, 0);
    socket_pair(SOCK_SEQPACKET, pair);
    CHECK_OK(anc_refuse_fds(pair[1]), 0);
    CHECK_ERRNO(anc_send_fd(pair[0], e.peer, ANC_MOVE), EPERM);
    CHECK_INT(send(pair[0], "x", 1, 0), 1);
    clock_gettime(CLOCK_MONOTONIC, &from);
    CHECK_INT(recv(pair[1], data, 10, 0), 1); /* no control space */
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 1000);
    close_both(pair);
    setsockopt(e.peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof linger);
    close_ends(&e);
    end_network();
}

/* --- Listening -------------------------------------------------------------------------------- */

/* As accept(2) does it: most options go on, those of Unix sockets that are not about who sends do not. */
TEST(accepted_sockets_inherit_what_the_page_says)
{
    static const struct { const char *name; int domain, type; uint64_t inherited, not_inherited; } cases[] = {
        {"unix stream", AF_UNIX, SOCK_STREAM, ANC_CREDENTIALS | ANC_PIDFD | ANC_LABEL, 0},
        {"unix seqpacket", AF_UNIX, SOCK_SEQPACKET, ANC_CREDENTIALS | ANC_PIDFD | ANC_LABEL, ANC_TIME},
        {"tcp", AF_INET, SOCK_STREAM, ANC_TIME | ANC_INQ | ANC_ERROR, 0},
        {"tcp6", AF_INET6, SOCK_STREAM, ANC_TIME | ANC_INQ | ANC_ERROR, 0},
    };

    network();
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (int off = 0; off < 2; off++) {
            const uint64_t rights = cases[i].domain == AF_UNIX && !off ? ANC_RIGHTS : 0;
            struct address a = {.len = sizeof(sa_family_t)};
            int listener = socket(cases[i].domain, cases[i].type | SOCK_CLOEXEC, 0);
            int client = socket(cases[i].domain, cases[i].type | SOCK_CLOEXEC, 0), server;
            uint64_t facts, refused;

            if (off && (cases[i].domain != AF_UNIX || !can_refuse())) {
                close(listener);
                close(client);
                continue;
            }
            a.is.any.sa_family = (sa_family_t)cases[i].domain;
            if (cases[i].domain != AF_UNIX)
                a = address(cases[i].domain == AF_INET ? "127.0.0.1" : "::1", 0);
            CHECK(bind(listener, &a.is.any, a.len) == 0 && listen(listener, 1) == 0);
            if (anc_want(listener, cases[i].inherited | cases[i].not_inherited, off ? ANC_RIGHTS : 0, &refused) != 0)
                CHECK((refused & ~ANC_PIDFD) == 0); /* before Linux 6.5 */
            CHECK_OK(anc_want(listener, (cases[i].inherited | cases[i].not_inherited) & ~refused, off ? ANC_RIGHTS : 0, NULL), 0);
            a.len = sizeof a.is;
            CHECK(getsockname(listener, &a.is.any, &a.len) == 0);
            CHECK(connect(client, &a.is.any, a.len) == 0);
            if (off) /* before accept, too */
                CHECK_ERRNO(anc_send_fd(client, client, 0), EPERM);
            server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            CHECK(server >= 0);
            CHECK_OK(anc_wanted(server, &facts), 0);
            CHECK_CASE(facts == ((cases[i].inherited & ~refused) | rights), "%s: %#llx", cases[i].name, (unsigned long long)facts);
            close(listener);
            close(client);
            close(server);
        }
    end_network();
}

/* --- Signals ---------------------------------------------------------------------------------- */

static int asked_by_handler, answer;

static void ask(int number)
{
    uint64_t facts;

    (void)number;
    answer = anc_want(asked_by_handler, ANC_CREDENTIALS, 0, &facts) == 0 && anc_wanted(asked_by_handler, &facts) == 0 &&
             (facts & ANC_CREDENTIALS);
}

TEST(a_signal_handler_may_ask)
{
    int pair[2];

    socket_pair(SOCK_STREAM, pair);
    asked_by_handler = pair[1];
    signal(SIGUSR1, ask);
    raise(SIGUSR1);
    CHECK(answer);
    close_both(pair);
}
