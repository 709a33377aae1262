/* The table of control messages, held against the system's headers: numbers, names and the shortest
 * payloads; and against the running kernel: whatever it accepts has a name and may be put.
 * Linux alone: the control messages of its families. */
#include "harness.h"

/* The C library's headers first: the kernel's make way for them, not the other way round. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <linux/can.h>
#include <linux/can/j1939.h>
#include <linux/can/raw.h>
#include <linux/errqueue.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/llc.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rds.h>
#include <linux/rxrpc.h>
#include <linux/sctp.h>
#include <linux/tcp.h>
#include <linux/tipc.h>
#include <linux/tls.h>
#include <linux/udp.h>
#include <linux/version.h>
#include <linux/vm_sockets.h>
#ifdef __has_include
#if __has_include(<linux/dccp.h>) /* until Linux 6.15 */
#include <linux/dccp.h>
#define HAVE_DCCP
#endif
#endif
#define iovec kernel_iovec /* sys/uio.h has it, too */
#include <linux/uio.h>
#undef iovec

/* Since a version of the kernel's headers, for what #ifdef can't see: enumerators and structs. */
#define HEADERS(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

/* Levels that some C libraries leave out. */
#ifndef SOL_IP
#define SOL_IP 0
#endif
#ifndef SOL_TCP
#define SOL_TCP 6
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef SOL_IPV6
#define SOL_IPV6 41
#endif
#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif
#ifndef SOL_LLC
#define SOL_LLC 268
#endif
#ifndef SOL_DCCP
#define SOL_DCCP 269
#endif
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif
#ifndef SOL_RXRPC
#define SOL_RXRPC 272
#endif
#ifndef SOL_BLUETOOTH
#define SOL_BLUETOOTH 274
#endif
#ifndef SOL_RDS
#define SOL_RDS 276
#endif
#ifndef SOL_IUCV
#define SOL_IUCV 277
#endif
#ifndef SOL_ALG
#define SOL_ALG 279
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef SOL_VSOCK
#define SOL_VSOCK 287
#endif

/* What linux/time_types.h calls __kernel_old_timeval and __kernel_old_timespec: two words. */
struct old_time {
    __kernel_long_t seconds, fraction;
};
struct new_time {
    long long seconds, fraction;
};
struct v6_error {
    struct sock_extended_err error;
    struct sockaddr_in6 offender;
};

enum way { RECEIVED = 1, SENT = 2, BOTH = 3 };

/* Each names its type twice over: its number comes from the header, its name from this line. */
#define KIND(level, type, shortest, way) {level, type, #type, shortest, way}

static const struct kind {
    int level, type;
    const char *name;
    size_t shortest;
    enum way way;
} kinds[] = {
    KIND(SOL_SOCKET, SCM_RIGHTS, sizeof(int), BOTH),
    KIND(SOL_SOCKET, SCM_CREDENTIALS, sizeof(struct ucred), BOTH),
#ifdef SCM_SECURITY
    KIND(SOL_SOCKET, SCM_SECURITY, 0, RECEIVED),
    KIND(SOL_IP, SCM_SECURITY, 0, RECEIVED),
#else
    {SOL_SOCKET, 3, "SCM_SECURITY", 0, RECEIVED},
    {SOL_IP, 3, "SCM_SECURITY", 0, RECEIVED},
#endif
#ifdef SCM_PIDFD
    KIND(SOL_SOCKET, SCM_PIDFD, sizeof(int), RECEIVED),
#else
    {SOL_SOCKET, 4, "SCM_PIDFD", sizeof(int), RECEIVED},
#endif
    {SOL_SOCKET, SO_TIMESTAMP_OLD, "SCM_TIMESTAMP", sizeof(struct old_time), RECEIVED},
    {SOL_SOCKET, SO_TIMESTAMPNS_OLD, "SCM_TIMESTAMPNS", sizeof(struct old_time), RECEIVED},
    {SOL_SOCKET, SO_TIMESTAMPING_OLD, "SCM_TIMESTAMPING", 3 * sizeof(struct old_time), BOTH},
    KIND(SOL_SOCKET, SO_TIMESTAMP_NEW, sizeof(struct new_time), RECEIVED),
    KIND(SOL_SOCKET, SO_TIMESTAMPNS_NEW, sizeof(struct new_time), RECEIVED),
    KIND(SOL_SOCKET, SO_TIMESTAMPING_NEW, 3 * sizeof(struct new_time), BOTH),
    KIND(SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS, sizeof(struct nlattr), RECEIVED),
    KIND(SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO, sizeof(struct scm_ts_pktinfo), RECEIVED),
    KIND(SOL_SOCKET, SCM_TXTIME, sizeof(uint64_t), SENT),
    KIND(SOL_SOCKET, SO_RXQ_OVFL, sizeof(uint32_t), RECEIVED),
    KIND(SOL_SOCKET, SO_MARK, sizeof(uint32_t), BOTH),
    KIND(SOL_SOCKET, SO_PRIORITY, sizeof(uint32_t), BOTH),
    KIND(SOL_SOCKET, SCM_WIFI_STATUS, sizeof(int), RECEIVED),
#ifdef SCM_DEVMEM_LINEAR
    KIND(SOL_SOCKET, SCM_DEVMEM_LINEAR, sizeof(struct dmabuf_cmsg), RECEIVED),
    KIND(SOL_SOCKET, SCM_DEVMEM_DMABUF, sizeof(struct dmabuf_cmsg), BOTH),
#endif
#ifdef SCM_TS_OPT_ID
    KIND(SOL_SOCKET, SCM_TS_OPT_ID, sizeof(uint32_t), SENT),
#endif
#ifdef SCM_INQ
    KIND(SOL_SOCKET, SCM_INQ, sizeof(int), RECEIVED),
#endif

    KIND(SOL_IP, IP_PKTINFO, sizeof(struct in_pktinfo), BOTH),
    KIND(SOL_IP, IP_TTL, sizeof(int), BOTH),
    KIND(SOL_IP, IP_TOS, 1, BOTH),
    /* TLS and RDS leave the offender out. */
    KIND(SOL_IP, IP_RECVERR, sizeof(struct sock_extended_err), RECEIVED),
    KIND(SOL_IP, IP_ORIGDSTADDR, sizeof(struct sockaddr_in), RECEIVED),
    KIND(SOL_IP, IP_RECVOPTS, 4, RECEIVED),
    KIND(SOL_IP, IP_RETOPTS, 0, BOTH),
    KIND(SOL_IP, IP_CHECKSUM, sizeof(uint32_t), RECEIVED),
#ifdef IP_RECVFRAGSIZE
    KIND(SOL_IP, IP_RECVFRAGSIZE, sizeof(int), RECEIVED),
#endif
#ifdef IP_PROTOCOL
    KIND(SOL_IP, IP_PROTOCOL, sizeof(int), SENT),
#endif

    KIND(SOL_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo), BOTH),
    KIND(SOL_IPV6, IPV6_HOPLIMIT, sizeof(int), BOTH),
    KIND(SOL_IPV6, IPV6_TCLASS, sizeof(int), BOTH),
#ifdef IPV6_FLOWINFO
    KIND(SOL_IPV6, IPV6_FLOWINFO, sizeof(uint32_t), BOTH),
#endif
    KIND(SOL_IPV6, IPV6_RECVERR, sizeof(struct v6_error), RECEIVED),
#ifdef IPV6_ORIGDSTADDR
    KIND(SOL_IPV6, IPV6_ORIGDSTADDR, sizeof(struct sockaddr_in6), RECEIVED),
#endif
#ifdef IPV6_RECVFRAGSIZE
    KIND(SOL_IPV6, IPV6_RECVFRAGSIZE, sizeof(int), RECEIVED),
#endif
    KIND(SOL_IPV6, IPV6_DONTFRAG, sizeof(int), SENT),
    KIND(SOL_IPV6, IPV6_PATHMTU, sizeof(struct ip6_mtuinfo), RECEIVED),
    /* An extension header is as long as its own length says, in units of 8. */
    KIND(SOL_IPV6, IPV6_HOPOPTS, 8, BOTH),
    KIND(SOL_IPV6, IPV6_DSTOPTS, 8, BOTH),
    KIND(SOL_IPV6, IPV6_RTHDR, 8, BOTH),
    KIND(SOL_IPV6, IPV6_RTHDRDSTOPTS, 8, SENT),
    KIND(SOL_IPV6, IPV6_2292PKTINFO, sizeof(struct in6_pktinfo), BOTH),
    KIND(SOL_IPV6, IPV6_2292HOPLIMIT, sizeof(int), BOTH),
    KIND(SOL_IPV6, IPV6_2292HOPOPTS, 8, BOTH),
    KIND(SOL_IPV6, IPV6_2292DSTOPTS, 8, BOTH),
    KIND(SOL_IPV6, IPV6_2292RTHDR, 8, BOTH),

    KIND(SOL_UDP, UDP_SEGMENT, sizeof(uint16_t), SENT),
    KIND(SOL_UDP, UDP_GRO, sizeof(int), RECEIVED),
    KIND(SOL_TCP, TCP_CM_INQ, sizeof(int), RECEIVED),
    KIND(SOL_TLS, TLS_SET_RECORD_TYPE, 1, SENT),
    KIND(SOL_TLS, TLS_GET_RECORD_TYPE, 1, RECEIVED),
    KIND(SOL_PACKET, PACKET_AUXDATA, sizeof(struct tpacket_auxdata), RECEIVED),
    KIND(SOL_PACKET, PACKET_TX_TIMESTAMP, sizeof(struct sock_extended_err), RECEIVED),
    KIND(SOL_NETLINK, NETLINK_PKTINFO, sizeof(struct nl_pktinfo), RECEIVED),
    KIND(SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, sizeof(int), RECEIVED),
#ifdef VSOCK_RECVERR
    KIND(SOL_VSOCK, VSOCK_RECVERR, sizeof(struct sock_extended_err), RECEIVED),
#endif
    KIND(SOL_ALG, ALG_SET_IV, sizeof(struct af_alg_iv), SENT),
    KIND(SOL_ALG, ALG_SET_OP, sizeof(uint32_t), SENT),
    KIND(SOL_ALG, ALG_SET_AEAD_ASSOCLEN, sizeof(uint32_t), SENT),

    KIND(IPPROTO_SCTP, SCTP_INIT, sizeof(struct sctp_initmsg), SENT),
    KIND(IPPROTO_SCTP, SCTP_SNDRCV, sizeof(struct sctp_sndrcvinfo), BOTH),
    KIND(IPPROTO_SCTP, SCTP_SNDINFO, sizeof(struct sctp_sndinfo), SENT),
    KIND(IPPROTO_SCTP, SCTP_RCVINFO, sizeof(struct sctp_rcvinfo), RECEIVED),
    KIND(IPPROTO_SCTP, SCTP_NXTINFO, sizeof(struct sctp_nxtinfo), RECEIVED),
    KIND(IPPROTO_SCTP, SCTP_PRINFO, sizeof(struct sctp_prinfo), SENT),
    KIND(IPPROTO_SCTP, SCTP_AUTHINFO, sizeof(struct sctp_authinfo), SENT),
    KIND(IPPROTO_SCTP, SCTP_DSTADDRV4, sizeof(struct in_addr), SENT),
    KIND(IPPROTO_SCTP, SCTP_DSTADDRV6, sizeof(struct in6_addr), SENT),

    /* The kernel does not install the headers of these. */
    {SOL_BLUETOOTH, 3, "BT_SCM_PKT_STATUS", 1, RECEIVED},
    {SOL_BLUETOOTH, 4, "BT_SCM_ERROR", sizeof(struct sock_extended_err), RECEIVED},
    {SOL_BLUETOOTH, 5, "BT_SCM_PKT_SEQNUM", 2, RECEIVED},
    {SOL_IUCV, 1, "SCM_IUCV_TRGCLS", sizeof(uint32_t), BOTH},

#if HEADERS(6, 0)
    KIND(SOL_CAN_RAW, SCM_CAN_RAW_ERRQUEUE, sizeof(struct sock_extended_err), RECEIVED),
#endif
    KIND(SOL_CAN_J1939, SCM_J1939_DEST_ADDR, 1, RECEIVED),
    KIND(SOL_CAN_J1939, SCM_J1939_DEST_NAME, sizeof(name_t), RECEIVED),
    KIND(SOL_CAN_J1939, SCM_J1939_PRIO, 1, RECEIVED),
    KIND(SOL_CAN_J1939, SCM_J1939_ERRQUEUE, sizeof(struct sock_extended_err), RECEIVED),

    KIND(SOL_TIPC, TIPC_ERRINFO, 2 * sizeof(uint32_t), RECEIVED),
    KIND(SOL_TIPC, TIPC_RETDATA, 1, RECEIVED),
    KIND(SOL_TIPC, TIPC_DESTNAME, 3 * sizeof(uint32_t), RECEIVED),

    KIND(SOL_RXRPC, RXRPC_USER_CALL_ID, sizeof(unsigned long), BOTH),
    KIND(SOL_RXRPC, RXRPC_ABORT, sizeof(uint32_t), BOTH),
    KIND(SOL_RXRPC, RXRPC_ACK, 0, RECEIVED),
    KIND(SOL_RXRPC, RXRPC_NET_ERROR, sizeof(uint32_t), RECEIVED),
    KIND(SOL_RXRPC, RXRPC_BUSY, 0, RECEIVED),
    KIND(SOL_RXRPC, RXRPC_LOCAL_ERROR, sizeof(uint32_t), RECEIVED),
    KIND(SOL_RXRPC, RXRPC_NEW_CALL, 0, RECEIVED),
    {SOL_RXRPC, 9, "RXRPC_ACCEPT", 0, SENT},
    KIND(SOL_RXRPC, RXRPC_EXCLUSIVE_CALL, 0, SENT),
    KIND(SOL_RXRPC, RXRPC_UPGRADE_SERVICE, 0, SENT),
    KIND(SOL_RXRPC, RXRPC_TX_LENGTH, sizeof(int64_t), SENT),
    KIND(SOL_RXRPC, RXRPC_SET_CALL_TIMEOUT, sizeof(uint32_t), SENT),
#if HEADERS(5, 10)
    KIND(SOL_RXRPC, RXRPC_CHARGE_ACCEPT, 0, SENT),
#endif
#if HEADERS(6, 16)
    KIND(SOL_RXRPC, RXRPC_OOB_ID, sizeof(uint64_t), BOTH),
    KIND(SOL_RXRPC, RXRPC_CHALLENGED, sizeof(struct rxrpc_challenge), RECEIVED),
    KIND(SOL_RXRPC, RXRPC_RESPOND, 0, SENT),
    KIND(SOL_RXRPC, RXRPC_RESP_RXGK_APPDATA, 0, SENT),
#endif

    KIND(SOL_RDS, RDS_CMSG_RDMA_ARGS, sizeof(struct rds_rdma_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_RDMA_DEST, sizeof(rds_rdma_cookie_t), BOTH),
    KIND(SOL_RDS, RDS_CMSG_RDMA_MAP, sizeof(struct rds_get_mr_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_RDMA_STATUS, sizeof(struct rds_rdma_notify), RECEIVED),
    KIND(SOL_RDS, RDS_CMSG_CONG_UPDATE, sizeof(uint64_t), RECEIVED),
    KIND(SOL_RDS, RDS_CMSG_ATOMIC_FADD, sizeof(struct rds_atomic_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_ATOMIC_CSWP, sizeof(struct rds_atomic_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_MASKED_ATOMIC_FADD, sizeof(struct rds_atomic_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_MASKED_ATOMIC_CSWP, sizeof(struct rds_atomic_args), SENT),
    KIND(SOL_RDS, RDS_CMSG_RXPATH_LATENCY, sizeof(struct rds_cmsg_rx_trace), RECEIVED),
    KIND(SOL_RDS, RDS_CMSG_ZCOPY_COOKIE, sizeof(uint32_t), SENT),
    KIND(SOL_RDS, RDS_CMSG_ZCOPY_COMPLETION, sizeof(struct rds_zcopy_cookies), RECEIVED),

#ifdef HAVE_DCCP
    KIND(SOL_DCCP, DCCP_SCM_PRIORITY, sizeof(uint32_t), SENT),
#endif
    KIND(SOL_LLC, LLC_OPT_PKTINFO, sizeof(struct llc_pktinfo), RECEIVED),
};
#define COUNT (sizeof kinds / sizeof *kinds)

TEST(every_control_message_of_the_headers_has_its_name)
{
    for (size_t i = 0; i < COUNT; i++) {
        const char *name = anc_name(kinds[i].level, kinds[i].type);

        CHECK_CASE(name != NULL, "%s", kinds[i].name);
        CHECK_CASE(strcmp(name, kinds[i].name) == 0, "%s is called %s", kinds[i].name, name);
    }
}

/* The C library's name is one of two numbers on 32-bit, as its time_t is wide. */
TEST(the_stamps_have_a_name_whichever_form_the_C_library_asks_for)
{
    CHECK(anc_name(SOL_SOCKET, SCM_TIMESTAMP) != NULL);
    CHECK(anc_name(SOL_SOCKET, SCM_TIMESTAMPNS) != NULL);
    CHECK(anc_name(SOL_SOCKET, SCM_TIMESTAMPING) != NULL);
    CHECK(strcmp(anc_name(SOL_SOCKET, SO_TIMESTAMP_OLD), anc_name(SOL_SOCKET, SO_TIMESTAMP_NEW)) != 0);
}

TEST(what_is_no_control_message_has_no_name)
{
    static const int nothing[] = {-1, 0x7fffffff, -0x7fffffff - 1};

    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < 3; j++) {
            CHECK(anc_name(kinds[i].level, nothing[j]) == NULL);
            CHECK(anc_name(nothing[j], kinds[i].type) == NULL);
        }
    CHECK(anc_name(SOL_SOCKET, SO_RCVTIMEO) == NULL);
    CHECK(anc_name(SOL_IP, IP_MTU_DISCOVER) == NULL);
    CHECK(anc_name(SOL_IPV6, IPV6_V6ONLY) == NULL);
    CHECK(anc_name(SOL_UDP, UDP_CORK) == NULL);
    CHECK(anc_name(SOL_TCP, TCP_NODELAY) == NULL);
    CHECK(anc_name(SOL_ALG, ALG_SET_KEY) == NULL);
}

/* Shows a message with a payload of `len` bytes to anc_next. */
static struct anc_cmsg shown(const struct kind *kind, size_t len)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(256)];
    } control;
    struct msghdr msg = {.msg_control = &control, .msg_controllen = CMSG_LEN(len)};
    struct anc_cmsg c = {0};

    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(len);
    control.header.cmsg_level = kind->level;
    control.header.cmsg_type = kind->type;
    CHECK_INT(anc_next(&msg, &c), 1);
    CHECK_CASE(c.level == kind->level && c.type == kind->type && c.len == len, "%s", kind->name);
    return c;
}

TEST(a_payload_is_cut_below_the_size_of_its_struct)
{
    for (size_t i = 0; i < COUNT; i++)
        for (size_t len = 0; len <= kinds[i].shortest + 16; len++)
            CHECK_CASE(shown(&kinds[i], len).cut == (len < kinds[i].shortest), "%s with %zu bytes, not %zu",
                       kinds[i].name, len, kinds[i].shortest);
    for (size_t len = 0; len < 16; len++)
        CHECK(!shown(&(struct kind){SOL_SOCKET, 0x7fff, "unknown", 0, 0}, len).cut);
}

TEST(what_no_kernel_accepts_can_not_be_put)
{
    for (size_t i = 0; i < COUNT; i++) {
        char data[128] = {0}, control[256];
        struct anc_builder b;

        anc_builder_init(&b, control, sizeof control);
        anc_put(&b, kinds[i].level, kinds[i].type, data, kinds[i].shortest);
        CHECK_CASE(b.error == (kinds[i].way & SENT ? 0 : EINVAL), "%s gives %d", kinds[i].name, b.error);
    }
}

/* Sends one byte to itself with a control message; 0 or the errno. */
static int sent_with(int sock, const struct sockaddr *to, socklen_t to_len, int level, int type, const void *data, size_t len)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(64)];
    } control;
    char byte = 0, sink[16];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = to_len, .msg_iov = &iov, .msg_iovlen = 1,
                         .msg_control = &control, .msg_controllen = CMSG_SPACE(len)};
    int error;

    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(len);
    control.header.cmsg_level = level;
    control.header.cmsg_type = type;
    memcpy(CMSG_DATA(&control.header), data, len);
    error = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
    while (recv(sock, sink, sizeof sink, MSG_DONTWAIT) >= 0)
        ;
    return error;
}

/* A socket of this family that is bound to the loopback, and its address. */
static int on_loopback(int family, struct sockaddr_storage *to, socklen_t *len)
{
    int sock = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memset(to, 0, sizeof *to);
    to->ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)to)->sin6_addr = in6addr_loopback;
    *len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (sock < 0 || bind(sock, (struct sockaddr *)to, *len) != 0)
        skip("no loopback of family %d: %s", family, strerror(errno));
    CHECK(getsockname(sock, (struct sockaddr *)to, len) == 0);
    return sock;
}

/* The kernel as judge: EINVAL is its answer to what it does not know. */
static void the_kernel_accepts_no_more(int family)
{
    static const size_t lengths[] = {0, 1, 2, 4, 8, 12, 16, 20, 24, 32, 48};
    int levels[] = {SOL_SOCKET, family == AF_INET ? SOL_IP : SOL_IPV6, SOL_UDP}, accepted = 0;
    struct sockaddr_storage to;
    socklen_t to_len;
    int sock = on_loopback(family, &to, &to_len);

    /* What SCM_TXTIME and SCM_TS_OPT_ID need. */
    setsockopt(sock, SOL_SOCKET, SO_TXTIME, &(struct sock_txtime){.clockid = CLOCK_MONOTONIC}, sizeof(struct sock_txtime));
    option(sock, SO_TIMESTAMPING_OLD, SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_SOFTWARE);

    for (size_t i = 0; i < 3; i++)
        for (int type = 0; type < 160; type++)
            for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++)
                for (int fill = 0; fill < 2; fill++) {
                    const char *name = anc_name(levels[i], type);
                    int data[12], error;
                    struct anc_builder b;
                    char control[128];

                    for (size_t k = 0; k < 12; k++)
                        data[k] = fill;
                    error = sent_with(sock, (struct sockaddr *)&to, to_len, levels[i], type, data, lengths[j]);
                    if (error == EINVAL)
                        continue;
                    accepted++;
                    CHECK_CASE(name != NULL, "level %d type %d with %zu bytes: errno %d", levels[i], type, lengths[j], error);
                    anc_builder_init(&b, control, sizeof control);
                    anc_put(&b, levels[i], type, data, lengths[j]);
                    /* An internet socket ignores rights, whatever they are. */
                    CHECK_CASE(b.error == 0 || (levels[i] == SOL_SOCKET && type == SCM_RIGHTS), "%s: %d", name, b.error);
                }
    CHECK(accepted > 10);
    close(sock);
}

TEST(whatever_the_kernel_accepts_on_IPv4_has_a_name_and_can_be_put)
{
    the_kernel_accepts_no_more(AF_INET);
}

TEST(whatever_the_kernel_accepts_on_IPv6_has_a_name_and_can_be_put)
{
    the_kernel_accepts_no_more(AF_INET6);
}

/* Receives; each message must have a name and the very size of the table. */
static int brought(int sock)
{
    char data[64], control[1024];
    struct iovec iov = {data, sizeof data};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct anc_cmsg c = {0};
    int count = 0;

    CHECK(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) >= 0);
    for (; anc_next(&msg, &c) == 1; count++) {
        const struct kind *kind = NULL;

        for (size_t i = 0; i < COUNT; i++)
            if (kinds[i].level == c.level && kinds[i].type == c.type)
                kind = &kinds[i];
        CHECK_CASE(anc_name(c.level, c.type) != NULL, "level %d type %d of %zu bytes", c.level, c.type, c.len);
        CHECK_CASE(!c.cut, "%s of %zu bytes", anc_name(c.level, c.type), c.len);
        if (kind != NULL)
            CHECK_CASE(kind->way & RECEIVED && (c.len == kind->shortest || kind->shortest == 0), "%s of %zu bytes", kind->name, c.len);
    }
    anc_close_unclaimed(&msg);
    return count;
}

static int datagram_with_everything(int family)
{
    static const int stamps[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMPNS_OLD, SO_TIMESTAMPNS_NEW, SO_TIMESTAMP_NEW};
    int count = 0, one = 1;

    for (size_t i = 0; i < sizeof stamps / sizeof *stamps; i++) {
        static const int v4[] = {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVOPTS, IP_RETOPTS, IP_RECVORIGDSTADDR, IP_CHECKSUM, 25 /* RECVFRAGSIZE */};
        static const int v6[] = {IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, 11 /* FLOWINFO */,
                                 74 /* RECVORIGDSTADDR */, 77 /* RECVFRAGSIZE */, IPV6_2292PKTINFO,
                                 IPV6_2292HOPLIMIT, IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR};
        struct sockaddr_storage to;
        socklen_t len;
        int sock = on_loopback(family, &to, &len);

        for (size_t j = 0; family == AF_INET && j < sizeof v4 / sizeof *v4; j++)
            setsockopt(sock, SOL_IP, v4[j], &one, sizeof one);
        for (size_t j = 0; family == AF_INET6 && j < sizeof v6 / sizeof *v6; j++)
            setsockopt(sock, SOL_IPV6, v6[j], &one, sizeof one);
        setsockopt(sock, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
        /* RCVMARK, RCVPRIORITY, which the headers may lack and the kernel, too. */
        for (int option_name = 75; SOL_SOCKET == 1 && option_name <= 82; option_name += 7)
            setsockopt(sock, SOL_SOCKET, option_name, &one, sizeof one);
        setsockopt(sock, SOL_UDP, UDP_GRO, &one, sizeof one);
        option(sock, i < 2 ? SO_TIMESTAMPING_OLD : SO_TIMESTAMPING_NEW, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
        option(sock, stamps[i], 1);
        CHECK(sendto(sock, "x", 1, 0, (struct sockaddr *)&to, len) == 1);
        count += brought(sock);
        close(sock);
    }
    return count;
}

TEST(whatever_the_kernel_brings_on_IPv4_has_a_name_and_its_size)
{
    CHECK(datagram_with_everything(AF_INET) >= 4 * 5);
}

TEST(whatever_the_kernel_brings_on_IPv6_has_a_name_and_its_size)
{
    CHECK(datagram_with_everything(AF_INET6) >= 4 * 6);
}

TEST(whatever_the_kernel_brings_on_Unix_sockets_has_a_name_and_its_size)
{
    for (int i = 0; i < 3; i++) {
        static const int options[] = {16, 34, 76, 84}; /* PASSCRED, PASSSEC, PASSPIDFD, INQ where SOL_SOCKET is 1 */
        int pair[2], fd = new_descriptor(), one = 1;

        socket_pair(socket_types[i], pair);
        for (size_t j = 0; SOL_SOCKET == 1 && j < 4; j++)
            setsockopt(pair[1], SOL_SOCKET, options[j], &one, sizeof one);
        option(pair[1], SO_PASSCRED, 1);
        option(pair[1], SO_TIMESTAMP_NEW, 1);
        CHECK(raw_send(pair[0], "x", 1, &fd, 1, 0) == 1);
        CHECK(brought(pair[1]) >= 2);
        close(fd);
        close_both(pair);
    }
}
