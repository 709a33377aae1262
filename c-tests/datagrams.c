/* Each kind of control message really sent and received: by the kernel this runs on, in a network
 * namespace of the test's own. The options are set by hand, the messages put and decoded by the
 * library.
 * Linux alone: its options and error queue, in a network namespace. */
#include "networks.h"

#include <net/ethernet.h>
#include <netinet/tcp.h>

#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* Younger than some headers. */
enum {
    PASSPIDFD = 76, RCVMARK = 75, RCVPRIORITY = 82, INQ_ON_UNIX = 84, TS_OPT_ID = 81,
    UDP_LEVEL = 17, GSO_SEGMENT = 103, GRO = 104, TCP_INQ_ = 36, RECVFRAGSIZE4 = 25, RECVFRAGSIZE6 = 77,
    FLOWINFO6 = 11, ORIGDSTADDR6 = 74, PKTINFO2292 = 2, HOPLIMIT2292 = 8, ULP = 31, TLS_LEVEL = 282,
};

/* --- Messages --------------------------------------------------------------------------------- */

static struct message {
    struct msghdr msg;
    struct iovec iov;
    struct address from;
    struct anc_info info;
    ssize_t n;
    char data[70000];
    char control[2048];
} got;

/* Receives within 10 seconds, and decodes. Nothing may be cut, no field be written beside its bit. */
static const struct anc_info *receive(int sock, int msg_flags)
{
    struct pollfd p = {sock, (msg_flags & MSG_ERRQUEUE) ? 0 : POLLIN, 0};
    struct anc_info *info = &got.info;

    CHECK_INT(poll(&p, 1, 10000), 1);
    got.iov = (struct iovec){got.data, sizeof got.data};
    got.msg = (struct msghdr){.msg_name = &got.from.is, .msg_namelen = sizeof got.from.is, .msg_iov = &got.iov,
                              .msg_iovlen = 1, .msg_control = got.control, .msg_controllen = sizeof got.control};
    got.n = recvmsg(sock, &got.msg, msg_flags | MSG_DONTWAIT);
    CHECK_CASE(got.n >= 0, "recvmsg");
    CHECK(!(got.msg.msg_flags & MSG_CTRUNC));
    got.from.len = got.msg.msg_namelen;
    memset(info, 0xAA, sizeof *info);
    CHECK_OK(anc_decode(&got.msg, info, sizeof *info), 0);
    CHECK_INT(info->cut, 0);
    return info;
}

static char put_room[512];

static struct anc_builder puts_start(void)
{
    struct anc_builder b;

    anc_builder_init(&b, put_room, sizeof put_room);
    return b;
}

/* Sends with what was put: 0 or the errno. */
static int send_put(int sock, const struct address *to, const void *data, size_t len, const struct anc_builder *b, int msg_flags)
{
    struct iovec iov = {(void *)(uintptr_t)data, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (to) {
        msg.msg_name = (void *)(uintptr_t)&to->is;
        msg.msg_namelen = to->len;
    }
    CHECK_OK(anc_builder_finish(b, &msg), 0);
    return sendmsg(sock, &msg, MSG_NOSIGNAL | msg_flags) == (ssize_t)len ? 0 : errno;
}

static int64_t now(void)
{
    struct timespec t;

    CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void check_time(const struct anc_time *time, int64_t from, int64_t to)
{
    int64_t ns = time->sec * 1000000000 + time->nsec;

    CHECK_CASE(ns >= from && ns <= to, "%lld outside %lld to %lld", (long long)ns, (long long)from, (long long)to);
    CHECK_INT(time->reserved, 0);
}

/* --- Ways through the internet ---------------------------------------------------------------- */

/* Who asks whom, from where; over IPv4 also where one side is an IPv6 socket. */
static const struct way {
    const char *name, *client, *to, *server, *seen; /* seen: `to` as the server's socket shows it */
    int family;                                     /* of the packets */
} ways[] = {
    {"inet", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", AF_INET},
    {"inet6", "::1", "::1", "::1", "::1", AF_INET6},
    {"inet to an inet6 socket", "127.0.0.1", "127.0.0.1", "::", "::ffff:127.0.0.1", AF_INET},
    {"mapped to an inet socket", "::", "::ffff:127.0.0.1", "0.0.0.0", "127.0.0.1", AF_INET},
    {"mapped to an inet6 socket", "::", "::ffff:127.0.0.1", "::", "::ffff:127.0.0.1", AF_INET},
};
#define WAYS (sizeof ways / sizeof *ways)

static int is6(const char *text)
{
    return strchr(text, ':') != NULL;
}

struct ends {
    int client, server;
    struct address to;
};

static struct ends udp(const struct way *way)
{
    struct ends e;

    e.client = bound(SOCK_DGRAM, way->client);
    e.server = bound(SOCK_DGRAM, way->server);
    e.to = address(way->to, port_of(e.server));
    return e;
}

static struct ends tcp(const struct way *way)
{
    struct ends e;
    int listener = bound(SOCK_STREAM, way->server);

    CHECK(listen(listener, 1) == 0);
    e.client = bound(SOCK_STREAM, way->client);
    connect_to(e.client, way->to, port_of(listener));
    e.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(e.server >= 0);
    close(listener);
    return e;
}

static void close_ends(const struct ends *e)
{
    close(e->client);
    close(e->server);
}

/* An option of the two families, at a socket that may see both. */
static void set_ip(int sock, const char *bound_to, int v4, int v6)
{
    set(sock, IPPROTO_IP, v4, 1);
    if (is6(bound_to))
        set(sock, IPPROTO_IPV6, v6, 1);
}

#define FOR_EACH_WAY(way) for (const struct way *way = ways; way < ways + WAYS; way++)

static void ask(const struct ends *e, const char *text)
{
    CHECK(sendto(e->client, text, strlen(text), 0, &e->to.is.any, e->to.len) == (ssize_t)strlen(text));
}

/* --- Unix sockets ----------------------------------------------------------------------------- */

TEST(unix_sockets_bring_rights_and_credentials_and_pidfds)
{
    for (int i = 0; i < 3; i++) {
        int pair[2], fds[2], taken[2], pidfd;
        struct anc_builder b = puts_start();
        const struct anc_info *info;
        size_t n;

        socket_pair(socket_types[i], pair);
        new_descriptors(fds, 2);
        option(pair[1], SO_PASSCRED, 1);
        set(pair[1], SOL_SOCKET, PASSPIDFD, 1);
        anc_put_fds(&b, fds, 2);
        CHECK_INT(send_put(pair[0], NULL, "x", 1, &b, 0), 0);
        info = receive(pair[1], MSG_CMSG_CLOEXEC);
        CHECK_INT(info->present, ANC_RIGHTS | ANC_CREDENTIALS | ANC_PIDFD);
        CHECK(info->nfds == 2 && info->nother == 0);
        CHECK(info->pid == getpid() && info->uid == getuid() && info->gid == getgid());
        pidfd = anc_take_pidfd(&got.msg);
        CHECK_INT(pidfd, info->pidfd);
        CHECK(anc_take_fds(&got.msg, taken, 2, &n, 0) == 0 && n == 2 && same_file(fds[1], taken[1]));
        close(pidfd);
        anc_close_fds(taken, 2);
        anc_close_fds(fds, 2);
        close_both(pair);
    }
}

TEST(credentials_of_before_they_were_asked_for_are_nobodys)
{
    int pair[2];

    socket_pair(SOCK_DGRAM, pair);
    CHECK(send(pair[0], "x", 1, 0) == 1);
    option(pair[1], SO_PASSCRED, 1);
    CHECK_INT(receive(pair[1], 0)->present, 0);
    CHECK_INT(got.info.nother, 0);
    close_both(pair);
}

static const int stamps[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW};
enum { STAMPS = sizeof stamps / sizeof *stamps };

/* The coarse stamps are rounded down. */
static void check_arrival(const struct anc_info *info, int option_name, int64_t before)
{
    int is_coarse = option_name == SO_TIMESTAMP_OLD || option_name == SO_TIMESTAMP_NEW;

    check_time(&info->time, is_coarse ? before / 1000 * 1000 : before, now());
    if (is_coarse)
        CHECK_INT(info->time.nsec % 1000, 0);
}

TEST(unix_messages_bring_their_arrival_whichever_option_asked)
{
    for (int i = 1; i < 3; i++)
        for (int j = 0; j < STAMPS; j++) {
            int64_t before = now();
            int pair[2];

            socket_pair(socket_types[i], pair);
            option(pair[1], stamps[j], 1);
            CHECK(send(pair[0], "x", 1, 0) == 1);
            CHECK_INT(receive(pair[1], 0)->present, ANC_TIME);
            check_arrival(&got.info, stamps[j], before);
            close_both(pair);
        }
}

TEST(unix_streams_tell_what_waits)
{
    int pair[2];

    socket_pair(SOCK_STREAM, pair);
    set(pair[1], SOL_SOCKET, INQ_ON_UNIX, 1);
    CHECK(send(pair[0], got.data, 71, 0) == 71);
    CHECK(recv(pair[1], got.data, 1, 0) == 1);
    CHECK_INT(receive(pair[1], MSG_PEEK)->present, ANC_INQ);
    CHECK(got.n == 70 && got.info.inq <= 70);
    close_both(pair);
}

/* --- Time ------------------------------------------------------------------------------------- */

/* Stamping begins some time after it was asked for: the kernel switches it on in the background. */
static void send_until(const struct ends *e, int is_tcp, uint64_t fact)
{
    int64_t until = now() + INT64_C(10000000000);

    do {
        if (is_tcp)
            CHECK(send(e->client, "x", 1, 0) == 1);
        else
            ask(e, "x");
    } while (!(receive(e->server, 0)->present & fact) && now() < until);
}

TEST(datagrams_and_bytes_bring_their_arrival_whichever_option_asked)
{
    own_network();
    FOR_EACH_WAY(way)
        for (int is_tcp = 0; is_tcp < 2; is_tcp++)
            for (int i = 0; i < STAMPS; i++) {
                struct ends e = is_tcp ? tcp(way) : udp(way);
                int64_t before = now();

                option(e.server, stamps[i], 1);
                send_until(&e, is_tcp, ANC_TIME);
                CHECK_CASE(got.info.present == ANC_TIME, "%s, %s", way->name, is_tcp ? "TCP" : "UDP");
                check_arrival(&got.info, stamps[i], before);
                close_ends(&e);
            }
}

TEST(datagrams_and_bytes_bring_the_software_stamp)
{
    static const int options[] = {SO_TIMESTAMPING_OLD, SO_TIMESTAMPING_NEW};

    own_network();
    FOR_EACH_WAY(way)
        for (int i = 0; i < 4; i++) {
            struct ends e = i & 1 ? tcp(way) : udp(way);
            int64_t before = now();

            option(e.server, options[i / 2], SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
            send_until(&e, i & 1, ANC_TIMESTAMPING);
            CHECK_CASE(got.info.present == ANC_TIMESTAMPING, "%s, %s", way->name, i & 1 ? "TCP" : "UDP");
            check_time(&got.info.software, before, now());
            check_time(&got.info.hardware, 0, 0);
            close_ends(&e);
        }
}

/* Asked for by the message, not the socket. */
TEST(a_sent_datagram_is_stamped_and_its_number_comes_back)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        option(e.client, SO_TIMESTAMPING_NEW, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
        for (uint32_t id = 0; id < 3; id++) {
            struct anc_builder b = puts_start();
            int64_t before = now();

            anc_put_timestamping(&b, SOF_TIMESTAMPING_TX_SOFTWARE);
            CHECK_CASE(send_put(e.client, &e.to, "x", 1, &b, 0) == 0, "%s", way->name);
            CHECK_CASE(receive(e.client, MSG_ERRQUEUE)->present == (ANC_TIMESTAMPING | ANC_ERROR | ANC_TIME_ID),
                       "%s: %#llx", way->name, (unsigned long long)got.info.present);
            CHECK(got.info.error.err == ENOMSG && got.info.error.origin == SO_EE_ORIGIN_TIMESTAMPING);
            CHECK(got.info.error.info == SCM_TSTAMP_SND && got.info.offender == NULL);
            CHECK_INT(got.info.time_id, id);
            check_time(&got.info.software, before, now());
        }
        CHECK(receive(e.server, 0)->present == 0); /* the peer sees nothing of it */
        close_ends(&e);
    }
}

TEST(a_sent_datagram_may_choose_its_number)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        struct anc_builder b = puts_start();
        uint32_t id = 4711;
        int error;

        option(e.client, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
        anc_put_timestamping(&b, SOF_TIMESTAMPING_TX_SOFTWARE);
        anc_put(&b, SOL_SOCKET, TS_OPT_ID, &id, sizeof id);
        error = send_put(e.client, &e.to, "x", 1, &b, 0);
        if (error == EINVAL)
            skip("this kernel has no SCM_TS_OPT_ID");
        CHECK_INT(error, 0);
        CHECK(receive(e.client, MSG_ERRQUEUE)->present & ANC_TIME_ID);
        CHECK_INT(got.info.time_id, 4711);
        close_ends(&e);
    }
}

TEST(sent_bytes_are_stamped_when_they_go_and_when_they_are_acknowledged)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = tcp(way);
        struct anc_builder b = puts_start();
        unsigned seen = 0;

        option(e.client, SO_TIMESTAMPING_NEW, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY);
        anc_put_timestamping(&b, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK);
        CHECK_INT(send_put(e.client, NULL, "12345", 5, &b, 0), 0);
        CHECK_INT(receive(e.server, 0)->present, 0);
        while (seen != (1u << SCM_TSTAMP_SND | 1u << SCM_TSTAMP_SCHED | 1u << SCM_TSTAMP_ACK)) {
            CHECK_CASE(receive(e.client, MSG_ERRQUEUE)->present == (ANC_TIMESTAMPING | ANC_ERROR | ANC_TIME_ID), "%s", way->name);
            CHECK_INT(got.info.time_id, 4); /* the last byte */
            CHECK(got.info.error.info <= SCM_TSTAMP_ACK && !(seen & 1u << got.info.error.info));
            seen |= 1u << got.info.error.info;
        }
        close_ends(&e);
    }
}

TEST(a_datagram_with_its_time_to_transmit_is_accepted)
{
    struct { clockid_t clock; uint32_t flags; } txtime = {CLOCK_MONOTONIC, 0};

    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        struct anc_builder b = puts_start();

        anc_put_txtime(&b, 1);
        CHECK_INT(send_put(e.client, &e.to, "x", 1, &b, 0), EINVAL); /* until the socket has a clock */
        CHECK(setsockopt(e.client, SOL_SOCKET, SO_TXTIME, &txtime, sizeof txtime) == 0);
        CHECK_INT(send_put(e.client, &e.to, "x", 1, &b, 0), 0);
        CHECK_INT(receive(e.server, 0)->present, 0);
        close_ends(&e);
    }
}

/* --- Addresses -------------------------------------------------------------------------------- */

static void check_dest(const struct anc_dest *dest, const char *to, const char *reply_from)
{
    struct address a = address(to, 0), from = address(reply_from ? reply_from : to, 0);
    uint8_t want[16] = {0}, answer[16] = {0};

    memcpy(want, is6(to) ? (void *)&a.is.in6.sin6_addr : &a.is.in.sin_addr, is6(to) ? 16 : 4);
    memcpy(answer, is6(to) ? (void *)&from.is.in6.sin6_addr : &from.is.in.sin_addr, is6(to) ? 16 : 4);
    if (!reply_from)
        memset(answer, 0, sizeof answer);
    CHECK_CASE(dest->family == a.is.any.sa_family && dest->ifindex == 1, "%s by %u", to, dest->ifindex);
    CHECK_CASE(memcmp(dest->to, want, 16) == 0, "to %s", to);
    CHECK_CASE(memcmp(dest->reply_from, answer, 16) == 0, "from %s", to);
}

TEST(a_datagram_brings_where_it_was_sent_to)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        set(e.server, is6(way->server) ? IPPROTO_IPV6 : IPPROTO_IP, is6(way->server) ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
        ask(&e, "x");
        CHECK_CASE(receive(e.server, 0)->present == ANC_DEST, "%s", way->name);
        check_dest(&got.info.dest, way->seen, way->seen);
        close_ends(&e);
    }
}

TEST(the_old_options_of_IPv6_bring_the_same)
{
    struct ends e;

    own_network();
    e = udp(&ways[1]);
    set(e.server, IPPROTO_IPV6, PKTINFO2292, 1);
    set(e.server, IPPROTO_IPV6, HOPLIMIT2292, 1);
    ask(&e, "x");
    CHECK_INT(receive(e.server, 0)->present, ANC_DEST | ANC_TTL);
    check_dest(&got.info.dest, "::1", "::1");
    CHECK_INT(got.info.ttl, 64);
    close_ends(&e);
}

/* What the server sends back comes from the address that was asked, whatever the route would say. */
TEST(the_answer_comes_from_the_address_that_was_asked)
{
    static const struct { const char *client, *to, *server; } asked[] = {
        {"127.0.0.1", "127.1.2.3", "0.0.0.0"},
        {"127.0.0.1", "127.1.2.3", "::"}, /* mapped */
        {"::", "::ffff:127.1.2.3", "::"},
        {"::1", "::1", "::"},
    };

    own_network();
    for (size_t i = 0; i < 4; i++) {
        struct way way = {"", asked[i].client, asked[i].to, asked[i].server, "", 0};
        struct ends e = udp(&way);
        struct anc_builder b = puts_start();

        /* Both, as a server would that does not know who asks. */
        set_ip(e.server, asked[i].server, IP_PKTINFO, IPV6_RECVPKTINFO);
        ask(&e, "question");
        CHECK(receive(e.server, 0)->present == ANC_DEST);
        anc_put_reply_from(&b, &got.info.dest);
        CHECK(b.len > 0);
        CHECK_CASE(send_put(e.server, &got.from, "answer", 6, &b, 0) == 0, "%s", asked[i].to);
        receive(e.client, 0);
        CHECK_CASE(strcmp(text_of(&got.from), asked[i].to) == 0, "%s", text_of(&got.from));
        close_ends(&e);
    }
}

TEST(a_datagram_is_sent_from_the_chosen_address_by_the_chosen_interface)
{
    static const struct { const char *client, *server, *to, *from, *seen; } chosen[] = {
        {"0.0.0.0", "127.0.0.1", "127.0.0.1", "127.9.8.7", "127.9.8.7"},
        {"::", "::", "::ffff:127.0.0.1", "::ffff:127.9.8.7", "::ffff:127.9.8.7"},
        {"::", "::1", "::1", "::1", "::1"},
    };

    own_network();
    for (size_t i = 0; i < 3; i++)
        for (uint32_t ifindex = 0; ifindex < 3; ifindex++) {
            struct way way = {"", chosen[i].client, chosen[i].to, chosen[i].server, "", 0};
            struct ends e = udp(&way);
            struct address from = address(chosen[i].from, 0);
            struct anc_builder b = puts_start();
            int error;

            anc_put_source(&b, &from.is.any, from.len, ifindex);
            error = send_put(e.client, &e.to, "x", 1, &b, 0);
            if (ifindex == 2) { /* there is none */
                CHECK_CASE(error == ENODEV || error == EADDRNOTAVAIL || error == ENETUNREACH, "%s: %d", chosen[i].to, error);
            } else {
                CHECK_CASE(error == 0, "%s: %d", chosen[i].to, error);
                receive(e.server, 0);
                CHECK_CASE(strcmp(text_of(&got.from), chosen[i].seen) == 0, "%s", text_of(&got.from));
            }
            close_ends(&e);
        }
}

TEST(a_foreign_address_can_not_be_sent_from)
{
    static const char *const foreign[][2] = {{"127.0.0.1", "192.0.2.1"}, {"::1", "2001:db8::1"}};

    own_network();
    for (int i = 0; i < 2; i++) {
        struct ends e = udp(&ways[i]);
        struct address from = address(foreign[i][1], 0);
        struct anc_builder b = puts_start();

        anc_put_source(&b, &from.is.any, from.len, 0);
        CHECK_CASE(send_put(e.client, &e.to, "x", 1, &b, 0) != 0, "%s", foreign[i][1]);
        close_ends(&e);
    }
}

/* A group is no address to answer from: nothing that was decoded may make the answer fail. (The loopback
 * brings no groups of IPv6: those are in decoding.c.) */
TEST(a_question_to_a_group_is_answered)
{
    static const struct { const char *client, *to, *server, *seen; } groups[] = {
        {"127.0.0.1", "239.1.2.3", "0.0.0.0", "239.1.2.3"},
        {"127.0.0.1", "239.1.2.3", "::", "::ffff:239.1.2.3"},
    };

    own_network();
    for (size_t i = 0; i < 2; i++) {
        struct way way = {"", groups[i].client, groups[i].to, groups[i].server, "", 0};
        struct ends e = udp(&way);
        struct anc_builder b = puts_start();
        struct address peer;
        struct ip_mreqn join = {e.to.is.in.sin_addr, {0}, 1}, by = {{0}, {htonl(INADDR_LOOPBACK)}, 1};

        CHECK(setsockopt(e.server, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0);
        CHECK(setsockopt(e.client, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by) == 0);
        set(e.server, is6(way.server) ? IPPROTO_IPV6 : IPPROTO_IP, is6(way.server) ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
        if (sendto(e.client, "question", 8, 0, &e.to.is.any, e.to.len) != 8)
            fail(__FILE__, __LINE__, "to %s: %s", groups[i].to, strerror(errno));
        CHECK_CASE(receive(e.server, 0)->present == ANC_DEST, "%s", groups[i].to);
        /* For an IPv4 socket the kernel names an address of its own to answer from. */
        check_dest(&got.info.dest, groups[i].seen, is6(way.server) ? NULL : "127.0.0.1");
        anc_put_reply_from(&b, &got.info.dest);
        CHECK_INT(b.len, is6(way.server) ? 0 : CMSG_SPACE(sizeof(struct in_pktinfo)));
        peer = got.from;
        CHECK_CASE(send_put(e.server, &peer, "answer", 6, &b, 0) == 0, "%s", groups[i].to);
        receive(e.client, 0);
        CHECK(got.n == 6);
        close_ends(&e);
    }
}

/* Nothing redirects here: it is the address that the datagram was sent to. */
TEST(a_datagram_brings_where_it_was_sent_to_at_first)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        struct address was;

        set_ip(e.server, way->server, IP_RECVORIGDSTADDR, ORIGDSTADDR6);
        ask(&e, "x");
        CHECK_CASE(receive(e.server, 0)->present == ANC_ORIGINAL, "%s", way->name);
        memcpy(&was.is, &got.info.original, sizeof got.info.original);
        CHECK_INT(was.is.any.sa_family, way->family);
        CHECK_CASE(strcmp(text_of(&was), way->family == AF_INET ? "127.0.0.1" : "::1") == 0, "%s", way->name);
        CHECK_INT(was.is.in.sin_port, e.to.is.in.sin_port); /* at the same place in both */
        close_ends(&e);
    }
}

/* --- Headers ---------------------------------------------------------------------------------- */

/* The last two bits are ECN. */
TEST(the_receiver_sees_the_type_of_service_that_was_put)
{
    static const int values[] = {0, 1, 2, 3, 0x2e << 2, 0xff};

    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        set_ip(e.server, way->server, IP_RECVTOS, IPV6_RECVTCLASS);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct anc_builder b = puts_start();

            anc_put_tos(&b, way->family, values[i]);
            CHECK_CASE(send_put(e.client, &e.to, "x", 1, &b, 0) == 0, "%s, %#x", way->name, values[i]);
            CHECK_CASE(receive(e.server, 0)->present == ANC_TOS, "%s", way->name);
            CHECK_INT(got.info.tos, values[i]);
        }
        close_ends(&e);
    }
}

TEST(the_receiver_sees_the_time_to_live_that_was_put)
{
    static const int values[] = {1, 2, 64, 254, 255};

    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        set_ip(e.server, way->server, IP_RECVTTL, IPV6_RECVHOPLIMIT);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct anc_builder b = puts_start();

            anc_put_ttl(&b, way->family, values[i]);
            CHECK_CASE(send_put(e.client, &e.to, "x", 1, &b, 0) == 0, "%s, %d", way->name, values[i]);
            CHECK_CASE(receive(e.server, 0)->present == ANC_TTL, "%s", way->name);
            CHECK_INT(got.info.ttl, values[i]);
        }
        close_ends(&e);
    }
}

TEST(IPv6_brings_the_flow)
{
    struct ends e;
    uint32_t flow = htonl(0x00012345);
    struct anc_builder b = puts_start();

    own_network();
    e = udp(&ways[1]);
    set(e.server, IPPROTO_IPV6, FLOWINFO6, 1);
    anc_put(&b, IPPROTO_IPV6, FLOWINFO6, &flow, sizeof flow);
    anc_put_tos(&b, AF_INET6, 0x42);
    CHECK_INT(send_put(e.client, &e.to, "x", 1, &b, 0), 0);
    CHECK_INT(receive(e.server, 0)->present, ANC_FLOWINFO);
    CHECK_INT(got.info.flowinfo, 0x04212345);
    close_ends(&e);
}

TEST(the_largest_fragment_is_told)
{
    struct ifreq mtu = {.ifr_mtu = 1500};

    own_network();
    interface(SIOCSIFMTU, "lo", &mtu);
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        set_ip(e.server, way->server, RECVFRAGSIZE4, RECVFRAGSIZE6);
        set(e.client, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        CHECK(sendto(e.client, got.data, 4000, 0, &e.to.is.any, e.to.len) == 4000);
        CHECK_CASE(receive(e.server, 0)->present == ANC_FRAGSIZE, "%s: %#llx", way->name, (unsigned long long)got.info.present);
        CHECK_CASE(got.n == 4000 && got.info.fragsize > 1400 && got.info.fragsize <= 1500, "%s: %u", way->name, got.info.fragsize);
        ask(&e, "in one piece");
        CHECK_INT(receive(e.server, 0)->present, 0);
        close_ends(&e);
    }
}

TEST(mark_and_priority_are_seen_on_the_same_machine)
{
    own_network();
    FOR_EACH_WAY(way)
        for (int i = 0; i < 2; i++) {
            struct ends e = udp(way);
            struct anc_builder b = puts_start();

            set(e.server, SOL_SOCKET, i ? RCVPRIORITY : RCVMARK, 1);
            i ? anc_put_priority(&b, 5) : anc_put_mark(&b, 0xfedcba98);
            CHECK_INT(send_put(e.client, &e.to, "x", 1, &b, 0), 0);
            CHECK_CASE(receive(e.server, 0)->present == (i ? ANC_PRIORITY : ANC_MARK), "%s", way->name);
            CHECK_INT(i ? got.info.priority : got.info.mark, i ? 5 : 0xfedcba98);
            close_ends(&e);
        }
}

TEST(a_mark_wants_privilege)
{
    struct ends e;
    struct anc_builder b = puts_start();

    own_network();
    e = udp(&ways[0]);
    anc_put_mark(&b, 1);
    drop_privileges();
    CHECK_INT(send_put(e.client, &e.to, "x", 1, &b, 0), EPERM);
    close_ends(&e);
}

/* --- Many at once ----------------------------------------------------------------------------- */

TEST(one_send_is_cut_into_segments_and_one_receive_joins_them)
{
    int is_cut_on_loopback = 0;
    own_network();
    FOR_EACH_WAY(way)
        for (int joined = 0; joined < 2; joined++) {
            struct ends e = udp(way);
            struct anc_builder b = puts_start();
            ssize_t sum = 0;
            int whole;

            if (joined)
                set(e.server, UDP_LEVEL, GRO, 1);
            anc_put_segment(&b, 300);
            CHECK_CASE(send_put(e.client, &e.to, got.data, 2000, &b, 0) == 0, "%s", way->name);
            whole = recv(e.server, got.data, sizeof got.data, MSG_PEEK) == 2000;
            is_cut_on_loopback |= joined && !whole;
            CHECK(joined || !whole);
            while (sum < 2000) {
                receive(e.server, 0);
                if (whole) {
                    CHECK_CASE(got.info.present == ANC_SEGMENT && got.info.segment == 300 && got.n == 2000, "%s", way->name);
                } else {
                    CHECK(got.info.present == 0 && got.n == (sum < 1800 ? 300 : 200));
                }
                sum += got.n;
            }
            close_ends(&e);
        }
    if (is_cut_on_loopback)
        skip("this kernel cuts what goes over the loopback, and joins nothing there");
}

TEST(a_socket_that_overflowed_tells_how_many_were_lost)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        int sent = 200, came = 0;

        option(e.server, SO_RXQ_OVFL, 1);
        option(e.server, SO_RCVBUF, 1);
        for (int i = 0; i < sent; i++)
            CHECK(sendto(e.client, got.data, 1000, 0, &e.to.is.any, e.to.len) == 1000);
        while (recv(e.server, got.data, sizeof got.data, MSG_DONTWAIT) >= 0)
            came++;
        CHECK(came > 0 && came < sent);
        ask(&e, "x");
        CHECK_CASE(receive(e.server, 0)->present == ANC_DROPS, "%s", way->name);
        CHECK_INT(got.info.drops, sent - came);
        close_ends(&e);
    }
}

TEST(TCP_tells_what_waits)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = tcp(way);

        set(e.server, IPPROTO_TCP, TCP_INQ_, 1);
        CHECK(send(e.client, got.data, 71, 0) == 71);
        CHECK(recv(e.server, got.data, 1, 0) == 1);
        CHECK_CASE(receive(e.server, 0)->present == ANC_INQ, "%s", way->name);
        CHECK(got.n == 70 && got.info.inq == 0);
        close_ends(&e);
    }
}

/* --- The error queue -------------------------------------------------------------------------- */

static const char *offender(void)
{
    struct address a;

    CHECK(got.info.offender != NULL);
    memcpy(&a.is, got.info.offender, sizeof(struct sockaddr_in));
    if (a.is.any.sa_family == AF_INET6)
        memcpy(&a.is, got.info.offender, sizeof(struct sockaddr_in6));
    return text_of(&a);
}

TEST(a_closed_port_is_an_error_and_its_offender)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        int is_v4 = way->family == AF_INET;

        set_ip(e.client, way->client, IP_RECVERR, IPV6_RECVERR);
        close(e.server);
        e.server = new_descriptor();
        ask(&e, "x");
        receive(e.client, MSG_ERRQUEUE);
        CHECK_CASE(got.info.present == ANC_ERROR, "%s", way->name);
        CHECK_INT(got.info.error.err, ECONNREFUSED);
        CHECK_INT(got.info.error.origin, is_v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6);
        CHECK_INT(got.info.error.type, is_v4 ? 3 : 1);
        CHECK_INT(got.info.error.code, is_v4 ? 3 : 4);
        CHECK_INT(got.info.error.reserved, 0);
        CHECK_CASE(strcmp(offender(), is6(way->client) ? way->to : is_v4 ? "127.0.0.1" : "::1") == 0, "%s: %s", way->name, offender());
        CHECK((got.msg.msg_flags & MSG_ERRQUEUE) != 0);
        CHECK(strcmp(text_of(&got.from), way->to) == 0); /* where it was to go */
        close_ends(&e);
    }
}

TEST(a_datagram_that_is_too_long_is_an_error_of_this_machine)
{
    struct ifreq mtu = {.ifr_mtu = 1500};

    own_network();
    interface(SIOCSIFMTU, "lo", &mtu);
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);

        set_ip(e.client, way->client, IP_RECVERR, IPV6_RECVERR);
        set(e.client, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
        if (is6(way->client))
            set(e.client, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
        CHECK_ERRNO(sendto(e.client, got.data, 4000, 0, &e.to.is.any, e.to.len), EMSGSIZE);
        CHECK_CASE(receive(e.client, MSG_ERRQUEUE)->present == ANC_ERROR, "%s", way->name);
        CHECK(got.info.error.err == EMSGSIZE && got.info.error.origin == SO_EE_ORIGIN_LOCAL);
        CHECK_INT(got.info.error.info, 1500);
        CHECK(got.info.offender == NULL);
        close_ends(&e);
    }
}

TEST(a_send_without_a_copy_is_reported_complete)
{
    own_network();
    FOR_EACH_WAY(way)
        for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
            struct ends e = is_tcp ? tcp(way) : udp(way);
            struct anc_builder none = puts_start();
            uint32_t completed = 0;

            set(e.client, SOL_SOCKET, SO_ZEROCOPY, 1);
            for (int i = 0; i < 3; i++) {
                int error = send_put(e.client, is_tcp ? NULL : &e.to, put_room, 100, &none, MSG_ZEROCOPY);

                if (error == ENOBUFS) /* RLIMIT_MEMLOCK */
                    skip("MSG_ZEROCOPY: no memory may be locked");
                CHECK_INT(error, 0);
            }
            for (ssize_t sum = 0; sum < 300; sum += got.n)
                CHECK_INT(receive(e.server, 0)->present, 0);
            while (completed < 3) {
                CHECK_CASE(receive(e.client, MSG_ERRQUEUE)->present == ANC_ERROR, "%s", way->name);
                CHECK(got.info.error.err == 0 && got.info.error.origin == SO_EE_ORIGIN_ZEROCOPY);
                CHECK(got.info.error.info == completed && got.info.error.data >= completed);
                CHECK(got.info.error.code <= SO_EE_CODE_ZEROCOPY_COPIED && got.info.offender == NULL);
                completed = got.info.error.data + 1;
            }
            CHECK_INT(completed, 3);
            close_ends(&e);
        }
}

/* --- Other families --------------------------------------------------------------------------- */

TEST(a_packet_brings_its_VLAN)
{
    static const struct { uint16_t tpid, tci; } tags[] = {{0, 0}, {0x8100, 0x6005}, {0x88a8, 0x0fff}, {0x8100, 0}};
    struct sockaddr_ll lo = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = 1};
    int taker, giver;

    own_network();
    taker = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    giver = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK(taker >= 0 && giver >= 0 && bind(taker, (struct sockaddr *)&lo, sizeof lo) == 0);
    set(taker, SOL_PACKET, PACKET_AUXDATA, 1);
    set(taker, SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, 1);
    for (size_t i = 0; i < 4; i++) {
        unsigned char frame[64] = {[12] = 0x88, 0xb5}; /* a protocol for experiments */

        if (tags[i].tpid) {
            const uint16_t head[] = {htons(tags[i].tpid), htons(tags[i].tci), htons(0x88b5)};
            memcpy(frame + 12, head, sizeof head);
        }
        CHECK(sendto(giver, frame, sizeof frame, 0, (struct sockaddr *)&lo, sizeof lo) == sizeof frame);
        CHECK_CASE(receive(taker, 0)->present == ANC_AUXDATA, "tag %zu", i);
        CHECK_CASE(got.info.vlan_tci == tags[i].tci && got.info.vlan_tpid == tags[i].tpid, "tag %zu: %#x %#x", i,
                   got.info.vlan_tci, got.info.vlan_tpid);
    }
    close(taker);
    close(giver);
}

TEST(a_packet_that_was_sent_is_stamped)
{
    struct sockaddr_ll lo = {.sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = 1};
    unsigned char frame[64] = {[12] = 0x88, 0xb5};
    struct iovec iov = {frame, sizeof frame};
    struct msghdr msg = {.msg_name = &lo, .msg_namelen = sizeof lo, .msg_iov = &iov, .msg_iovlen = 1};
    struct anc_builder b = puts_start();
    int sock;

    own_network();
    sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK(sock >= 0);
    option(sock, SO_TIMESTAMPING_NEW, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID);
    anc_put_timestamping(&b, SOF_TIMESTAMPING_TX_SOFTWARE);
    CHECK_OK(anc_builder_finish(&b, &msg), 0);
    CHECK(sendmsg(sock, &msg, 0) == sizeof frame);
    CHECK_INT(receive(sock, MSG_ERRQUEUE)->present, ANC_TIMESTAMPING | ANC_ERROR | ANC_TIME_ID);
    CHECK(got.info.error.err == ENOMSG && got.info.time_id == 0 && got.info.offender == NULL);
    close(sock);
}

/* The kernel is nobody: its credentials have pid 0. */
TEST(netlink_is_named_and_left_to_anc_next)
{
    static const struct { struct nlmsghdr header; struct rtgenmsg body; } ask_for = {
        {sizeof ask_for, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
    struct anc_cmsg c = {0};
    int sock, names = 0;

    own_network();
    sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    CHECK(sock >= 0);
    option(sock, SO_PASSCRED, 1);
    set(sock, SOL_NETLINK, NETLINK_PKTINFO, 1);
    CHECK(send(sock, &ask_for, sizeof ask_for, 0) == sizeof ask_for);
    CHECK_INT(receive(sock, 0)->present, 0);
    CHECK_INT(got.info.nother, 1);
    while (anc_next(&got.msg, &c) == 1)
        names += strcmp(anc_name(c.level, c.type), "NETLINK_PKTINFO") == 0;
    CHECK_INT(names, 1);
    close(sock);
}

TEST(a_TLS_record_brings_its_type)
{
    struct ends e;

    own_network();
    e = tcp(&ways[0]);
    if (setsockopt(e.server, IPPROTO_TCP, ULP, "tls", 3) != 0)
        skip("this kernel has no TLS: %s; recorded bytes in decoding.c instead", strerror(errno));
    {
        /* TLS 1.2 with AES-GCM-128, all keys zero on both sides. */
        struct { uint16_t version, cipher; unsigned char iv[8], key[16], salt[4], seq[8]; } keys = {0x0303, 51, {0}, {0}, {0}, {0}};
        struct anc_builder b = puts_start();
        unsigned char type = 22;

        CHECK(setsockopt(e.client, IPPROTO_TCP, ULP, "tls", 3) == 0);
        if (setsockopt(e.server, TLS_LEVEL, 2, &keys, sizeof keys) != 0) {
            CHECK_INT(errno, ENOENT);
            skip("this kernel has no AES-GCM for TLS; recorded bytes in decoding.c instead");
        }
        CHECK(setsockopt(e.client, TLS_LEVEL, 1, &keys, sizeof keys) == 0);
        anc_put(&b, TLS_LEVEL, 1, &type, 1);
        CHECK_INT(send_put(e.client, NULL, "hello", 5, &b, 0), 0);
        CHECK_INT(receive(e.server, 0)->present, ANC_TLS_RECORD);
        CHECK(got.n == 5 && got.info.tls_record == 22);
    }
    close_ends(&e);
}

/* --- All at once ------------------------------------------------------------------------------ */

TEST(a_datagram_brings_all_that_was_asked_for)
{
    own_network();
    FOR_EACH_WAY(way) {
        struct ends e = udp(way);
        struct anc_builder b = puts_start();
        uint64_t all = ANC_TIME | ANC_DEST | ANC_TTL | ANC_TOS | ANC_ORIGINAL | ANC_SEGMENT | ANC_MARK | ANC_PRIORITY;

        set_ip(e.server, way->server, IP_PKTINFO, IPV6_RECVPKTINFO);
        set_ip(e.server, way->server, IP_RECVTTL, IPV6_RECVHOPLIMIT);
        set_ip(e.server, way->server, IP_RECVTOS, IPV6_RECVTCLASS);
        set_ip(e.server, way->server, IP_RECVORIGDSTADDR, ORIGDSTADDR6);
        set(e.server, UDP_LEVEL, GRO, 1);
        set(e.server, SOL_SOCKET, RCVMARK, 1);
        set(e.server, SOL_SOCKET, RCVPRIORITY, 1);
        option(e.server, SO_TIMESTAMPNS_NEW, 1);
        anc_put_tos(&b, way->family, 0x2e << 2 | 1);
        anc_put_ttl(&b, way->family, 33);
        anc_put_segment(&b, 50);
        anc_put_mark(&b, 7);
        anc_put_priority(&b, 3);
        CHECK_CASE(send_put(e.client, &e.to, got.data, 500, &b, 0) == 0, "%s", way->name);
        receive(e.server, 0);
        CHECK_CASE(got.info.present == all, "%s: %#llx", way->name, (unsigned long long)got.info.present);
        CHECK(got.info.tos == (0x2e << 2 | 1) && got.info.ttl == 33 && got.info.segment == 50 && got.info.mark == 7
              && got.info.priority == 3 && got.info.nother == 0);
        close_ends(&e);
    }
}

/* --- What the puts refuse --------------------------------------------------------------------- */

TEST(values_out_of_range_are_EINVAL)
{
    static const struct { int family, tos, ttl, tos_error, ttl_error; } cases[] = {
        {AF_INET, 0, 1, 0, 0}, {AF_INET6, 255, 255, 0, 0}, {AF_INET, 255, 0, 0, EINVAL}, {AF_INET6, -1, -1, EINVAL, EINVAL},
        {AF_INET, 256, 256, EINVAL, EINVAL}, {AF_INET6, 0x7fffffff, -0x7fffffff - 1, EINVAL, EINVAL},
        {AF_UNIX, 0, 64, EINVAL, EINVAL}, {AF_UNSPEC, 0, 64, EINVAL, EINVAL}, {-1, 0, 64, EINVAL, EINVAL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct anc_builder b = puts_start();

        anc_put_tos(&b, cases[i].family, cases[i].tos);
        CHECK_CASE(b.error == cases[i].tos_error && b.len == (b.error ? 0 : CMSG_SPACE(sizeof(int))), "TOS, case %zu: %d", i, b.error);
        b = puts_start();
        anc_put_ttl(&b, cases[i].family, cases[i].ttl);
        CHECK_CASE(b.error == cases[i].ttl_error && b.len == (b.error ? 0 : CMSG_SPACE(sizeof(int))), "TTL, case %zu: %d", i, b.error);
    }
}

TEST(a_source_is_a_whole_address_of_the_internet)
{
    struct address v4 = address("127.0.0.1", 0), v6 = address("::1", 0), other = v6;
    unsigned char shifted[sizeof v6.is.in6 + 1];

    other.is.any.sa_family = AF_UNIX;
    for (socklen_t len = 0; len <= 40; len++) {
        struct { const struct address *a; socklen_t whole; } const cases[] = {
            {&v4, sizeof v4.is.in}, {&v6, sizeof v6.is.in6}, {&other, 1000}};

        for (int i = 0; i < 3; i++) {
            struct anc_builder b = puts_start();

            anc_put_source(&b, &cases[i].a->is.any, len, 0);
            CHECK_CASE(b.error == (len < cases[i].whole ? EINVAL : 0), "case %d, %u bytes: %d", i, len, b.error);
        }
    }
    memcpy(shifted + 1, &v6.is.in6, sizeof v6.is.in6); /* of no alignment */
    {
        struct anc_builder b = puts_start();

        anc_put_source(&b, (const void *)(shifted + 1), sizeof v6.is.in6, 0);
        CHECK_INT(b.error, 0);
        b = puts_start();
        anc_put_source(&b, NULL, sizeof v6.is.in6, 0);
        CHECK_INT(b.error, EFAULT);
    }
}

TEST(an_answer_wants_a_family_and_nothing_else)
{
    static const struct { uint32_t family; int has_address, error; size_t len; } cases[] = {
        {AF_INET, 1, 0, CMSG_SPACE(12)}, {AF_INET6, 1, 0, CMSG_SPACE(20)}, {AF_INET, 0, 0, 0}, {AF_INET6, 0, 0, 0},
        {AF_UNSPEC, 1, EINVAL, 0}, {AF_UNIX, 1, EINVAL, 0}, {0xffffffff, 1, EINVAL, 0}, {0x80000002, 0, EINVAL, 0},
    };
    struct anc_builder b = puts_start();

    anc_put_reply_from(&b, NULL);
    CHECK_INT(b.error, EFAULT);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct anc_dest asked = {.family = cases[i].family, .ifindex = 1};

        asked.reply_from[0] = (uint8_t)cases[i].has_address;
        b = puts_start();
        anc_put_reply_from(&b, &asked);
        CHECK_CASE(b.error == cases[i].error && b.len == cases[i].len, "case %zu: %d, %zu bytes", i, b.error, b.len);
    }
}

/* The interface matters where the address means nothing without it. */
TEST(only_an_answer_from_a_link_local_address_names_the_interface)
{
    static const struct { uint8_t start[2]; uint32_t ifindex; } cases[] = {
        {{0xfe, 0x80}, 7}, {{0xfe, 0xbf}, 7}, {{0xfe, 0xc0}, 0}, {{0xfe, 0x7f}, 0}, {{0x20, 0x01}, 0}, {{0, 0}, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct anc_dest asked = {.family = AF_INET6, .ifindex = 7, .reply_from = {[15] = 1}};
        struct anc_builder b = puts_start();
        struct msghdr msg = {0};
        struct in6_pktinfo put;

        memcpy(asked.reply_from, cases[i].start, 2);
        anc_put_reply_from(&b, &asked);
        CHECK_OK(anc_builder_finish(&b, &msg), 0);
        CHECK_OK(anc_get(&msg, IPPROTO_IPV6, IPV6_PKTINFO, &put, sizeof put), 0);
        CHECK(memcmp(&put.ipi6_addr, asked.reply_from, 16) == 0);
        CHECK_CASE(put.ipi6_ifindex == cases[i].ifindex, "case %zu: %u", i, (unsigned)put.ipi6_ifindex);
    }
}

/* Each put, by number. */
static size_t put_one(struct anc_builder *b, int which)
{
    static const struct anc_dest asked = {.family = AF_INET6, .reply_from = {1}};
    struct address v4 = address("127.0.0.1", 0), v6 = address("::1", 0);

    switch (which) {
    case 0: anc_put_source(b, &v4.is.any, v4.len, 1); return 12;
    case 1: anc_put_source(b, &v6.is.any, v6.len, 1); return 20;
    case 2: anc_put_reply_from(b, &asked); return 20;
    case 3: anc_put_tos(b, AF_INET, 1); return 4;
    case 4: anc_put_ttl(b, AF_INET6, 1); return 4;
    case 5: anc_put_segment(b, 1); return 2;
    case 6: anc_put_txtime(b, 1); return 8;
    case 7: anc_put_timestamping(b, 1); return 4;
    case 8: anc_put_mark(b, 1); return 4;
    case 9: anc_put_priority(b, 1); return 4;
    }
    return 0;
}
enum { PUTS = 10 };

TEST(every_put_fills_its_room_and_no_more)
{
    for (int i = 0; i < PUTS; i++)
        for (size_t size = 0; size <= CMSG_SPACE(20) + 1; size++) {
            unsigned char room[CMSG_SPACE(20) + 2];
            struct anc_builder b;
            size_t space;

            memset(room, 0xAA, sizeof room);
            anc_builder_init(&b, room, size);
            space = CMSG_SPACE(put_one(&b, i));
            CHECK_CASE(b.error == (size < space ? ENOBUFS : 0) && b.len == (size < space ? 0 : space), "put %d in %zu bytes", i, size);
            for (size_t j = size < space ? 0 : space; j < sizeof room; j++)
                CHECK_CASE(room[j] == 0xAA, "put %d in %zu bytes wrote byte %zu", i, size, j);
        }
}

TEST(after_an_error_nothing_is_put)
{
    for (int i = 0; i < PUTS; i++) {
        struct anc_builder b = puts_start();
        struct msghdr msg = {.msg_control = &b, .msg_controllen = 7};

        anc_put_tos(&b, AF_INET, 256);
        put_one(&b, i);
        CHECK(b.error == EINVAL && b.len == 0);
        CHECK_ERRNO(anc_builder_finish(&b, &msg), EINVAL);
        CHECK(msg.msg_control == NULL && msg.msg_controllen == 0);
        put_one(NULL, i); /* nothing to do, no crash */
    }
}
