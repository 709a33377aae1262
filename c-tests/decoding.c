/* anc_decode on recorded and forged buffers. What is expected is a whole struct, filled with 0xAA and
 * with only those fields set that the message speaks of: so every test sees too that no other byte of
 * the struct was written. Buffers end where a page without access begins.
 * Linux alone: what its messages say. */
#include "harness.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/mman.h>

#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>

#ifndef SCM_SECURITY
#define SCM_SECURITY 3
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#ifndef SCM_TIMESTAMPING_PKTINFO
#define SCM_TIMESTAMPING_PKTINFO 58
#endif
#ifndef SCM_INQ
#define SCM_INQ 84
#endif
#define LEVEL_UDP 17
#define LEVEL_TCP 6
#define LEVEL_TLS 282
#define LEVEL_NETLINK 270
#define UDP_GRO_ 104
#define TCP_CM_INQ_ 36
#define TLS_GET_RECORD_TYPE_ 2
#define NETLINK_PKTINFO_ 3
#define IP_RECVFRAGSIZE_ 25
#define IPV6_2292PKTINFO_ 2
#define IPV6_2292HOPLIMIT_ 8
#define IPV6_FLOWINFO_ 11
#define IPV6_ORIGDSTADDR_ 74
#define IPV6_RECVFRAGSIZE_ 77

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NET16(x) ((uint16_t)((((x) & 0xff) << 8) | ((x) >> 8)))
#define NET32(x) ((uint32_t)NET16((x) & 0xffff) << 16 | NET16((uint32_t)(x) >> 16))
#else
#define NET16(x) (x)
#define NET32(x) (x)
#endif

enum { FILL = 0xAA };

/* --- What each kind says ---------------------------------------------------------------------- */

typedef void expectation(struct anc_info *want, const unsigned char *payload);

struct old_pair { long sec, sub; };     /* __kernel_old_timeval, __kernel_old_timespec */
struct new_pair { int64_t sec, sub; };  /* __kernel_sock_timeval, __kernel_timespec */
struct sock_error4 { struct sock_extended_err error; struct sockaddr_in offender; };
struct sock_error6 { struct sock_extended_err error; struct sockaddr_in6 offender; };
struct pktinfo4 { uint32_t ifindex; uint8_t spec_dst[4], addr[4]; };
struct pktinfo6 { uint8_t addr[16]; uint32_t ifindex; };

static const int rights[] = {3, 4, 5};
static const struct ucred credentials = {77, 1001, 1002};
static const int pidfd = 9;
static const char label[] = "system_u:system_r:init_t:s0"; /* its NUL is of the payload */
static const char bare_label[] = {'u', 'n', 'c', 'o', 'n', 'f', 'i', 'n', 'e', 'd'};
static const struct old_pair old_stamp = {1700000001, 123456};
static const struct new_pair new_stamp = {INT64_C(5000000001), 123456};
static const struct old_pair old_stamps[3] = {{11, 12}, {13, 14}, {15, 999999999}};
static const struct new_pair new_stamps[3] = {{INT64_C(0x100000011), 12}, {13, 14}, {-15, 16}};
static const uint32_t stamp_pktinfo[4] = {6, 1514, 0xdead, 0xbeef};
static const uint32_t number = 0x01020304, flow = NET32(0x0bc12345);
static const unsigned char byte_of_tos[2] = {0x2e, 0};
static const int tos = 0x2e, ttl = 63, hop_limit = -1;
static const struct pktinfo4 pktinfo4 = {7, {10, 0, 0, 1}, {10, 0, 0, 255}};
static const struct pktinfo6 pktinfo6 = {{0xfe, 0x80, [15] = 1}, 8}, group6 = {{0xff, 0x02, [15] = 1}, 9};
static const struct pktinfo6 mapped6 = {{[10] = 0xff, 0xff, 10, 0, 0, 1}, 8};
static const struct pktinfo6 mapped_group6 = {{[10] = 0xff, 0xff, 239, 1, 2, 3}, 9};
static const struct pktinfo6 mapped_broadcast6 = {{[10] = 0xff, 0xff, 255, 255, 255, 255}, 9};
static const struct sockaddr_in original4 = {AF_INET, NET16(53), {NET32(0x0a000002)}, {0}};
static const struct sockaddr_in6 original6 = {AF_INET6, NET16(53), 5, {{{0x20, 1, [15] = 2}}}, 3};
#define ERROR(err, origin, kind, of, about, value)                                                  \
    {.ee_errno = (err), .ee_origin = (origin), .ee_type = (kind), .ee_code = (of), .ee_info = (about), .ee_data = (value)}
static const struct sock_error4 refused4 = {
    ERROR(ECONNREFUSED, SO_EE_ORIGIN_ICMP, 3, 4, 1400, 5), {AF_INET, 0, {NET32(0x7f000001)}, {0}}};
static const struct sock_error6 refused6 = {
    ERROR(ECONNREFUSED, SO_EE_ORIGIN_ICMP6, 1, 4, 1280, 6), {AF_INET6, 0, 0, {{{[15] = 1}}}, 0}};
static const struct sock_error4 sent4 = {
    .error = ERROR(ENOMSG, SO_EE_ORIGIN_TIMESTAMPING, 0, 0, SCM_TSTAMP_ACK, 4711)};
static const struct sock_error6 copied6 = {
    .error = ERROR(0, SO_EE_ORIGIN_ZEROCOPY, 0, SO_EE_CODE_ZEROCOPY_COPIED, 3, 9)};
static const unsigned char record = 23;
static const struct tpacket_auxdata tagged = {
    .tp_status = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, .tp_vlan_tci = 0x2005, .tp_vlan_tpid = 0x88a8};
static const struct tpacket_auxdata no_tpid = {
    .tp_status = TP_STATUS_VLAN_VALID, .tp_vlan_tci = 5, .tp_vlan_tpid = 0x8100};
static const struct tpacket_auxdata untagged = {.tp_status = TP_STATUS_USER, .tp_vlan_tci = 5, .tp_vlan_tpid = 6};

#define SAYS(function, what)                                                                       \
    static void function(struct anc_info *want, const unsigned char *payload)                      \
    {                                                                                              \
        (void)payload;                                                                             \
        what;                                                                                      \
    }
#define TIME(s, ns) ((struct anc_time){(s), (ns), 0})

static void says_address(struct anc_dest *dest, uint32_t family, uint32_t ifindex, const void *to,
                         const void *from, size_t len)
{
    memset(dest, 0, sizeof *dest);
    dest->family = family;
    dest->ifindex = ifindex;
    memcpy(dest->to, to, len);
    if (from)
        memcpy(dest->reply_from, from, len);
}

static void says_error(struct anc_info *want, const struct sock_extended_err *e, const unsigned char *offender)
{
    want->error = (struct anc_sock_error){e->ee_errno, e->ee_origin, e->ee_type, e->ee_code, 0, e->ee_info, e->ee_data};
    want->offender = (const struct sockaddr *)(const void *)offender;
}

SAYS(says_rights, want->nfds += 3)
SAYS(says_credentials, (want->pid = 77, want->uid = 1001, want->gid = 1002))
SAYS(says_pidfd, want->pidfd = 9)
SAYS(says_label, (want->label = (const char *)payload, want->label_len = sizeof label - 1))
SAYS(says_bare_label, (want->label = (const char *)payload, want->label_len = sizeof bare_label))
SAYS(says_old_micro, want->time = TIME(1700000001, 123456000))
SAYS(says_old_nano, want->time = TIME(1700000001, 123456))
SAYS(says_new_micro, want->time = TIME(INT64_C(5000000001), 123456000))
SAYS(says_new_nano, want->time = TIME(INT64_C(5000000001), 123456))
SAYS(says_old_stamps, (want->software = TIME(11, 12), want->hardware = TIME(15, 999999999)))
SAYS(says_new_stamps, (want->software = TIME(INT64_C(0x100000011), 12), want->hardware = TIME(-15, 16)))
SAYS(says_stamp_pktinfo, (want->time_ifindex = 6, want->time_len = 1514))
SAYS(says_drops, want->drops = number)
SAYS(says_mark, want->mark = number)
SAYS(says_priority, want->priority = number)
SAYS(says_inq, want->inq = number)
SAYS(says_segment, want->segment = number)
SAYS(says_fragsize, want->fragsize = number)
SAYS(says_flowinfo, want->flowinfo = 0x0bc12345)
SAYS(says_tos, want->tos = 0x2e)
SAYS(says_ttl, want->ttl = 63)
SAYS(says_hop_limit, want->ttl = -1)
SAYS(says_dest4, says_address(&want->dest, AF_INET, 7, pktinfo4.addr, pktinfo4.spec_dst, 4))
SAYS(says_dest6, says_address(&want->dest, AF_INET6, 8, pktinfo6.addr, pktinfo6.addr, 16))
SAYS(says_mapped, says_address(&want->dest, AF_INET6, 8, mapped6.addr, mapped6.addr, 16))
SAYS(says_group6, says_address(&want->dest, AF_INET6, 9, group6.addr, NULL, 16))
SAYS(says_mapped_group, says_address(&want->dest, AF_INET6, 9, mapped_group6.addr, NULL, 16))
SAYS(says_mapped_broadcast, says_address(&want->dest, AF_INET6, 9, mapped_broadcast6.addr, NULL, 16))
SAYS(says_original4, memcpy(&want->original, &original4, sizeof original4))
SAYS(says_original6, memcpy(&want->original, &original6, sizeof original6))
SAYS(says_refused4, says_error(want, &refused4.error, payload + 16))
SAYS(says_refused_by_nobody, says_error(want, &refused4.error, NULL))
SAYS(says_refused6, says_error(want, &refused6.error, payload + 16))
SAYS(says_sent, (says_error(want, &sent4.error, NULL), want->time_id = 4711))
SAYS(says_copied, says_error(want, &copied6.error, NULL))
SAYS(says_record, want->tls_record = 23)
SAYS(says_tagged, (want->vlan_tci = 0x2005, want->vlan_tpid = 0x88a8))
SAYS(says_no_tpid, (want->vlan_tci = 5, want->vlan_tpid = 0))
SAYS(says_untagged, (want->vlan_tci = 0, want->vlan_tpid = 0))

static const struct sample {
    const char *name;
    int level, type;
    uint64_t bits;
    const void *data;
    size_t len;
    expectation *says;
} samples[] = {
#define S(level, type, bits, data, says) {#type " of " #data, level, type, bits, &data, sizeof data, says}
    S(SOL_SOCKET, SCM_RIGHTS, ANC_RIGHTS, rights, says_rights),
    S(SOL_SOCKET, SCM_CREDENTIALS, ANC_CREDENTIALS, credentials, says_credentials),
    S(SOL_SOCKET, SCM_PIDFD, ANC_PIDFD, pidfd, says_pidfd),
    S(SOL_SOCKET, SCM_SECURITY, ANC_LABEL, label, says_label),
    S(SOL_SOCKET, SCM_SECURITY, ANC_LABEL, bare_label, says_bare_label),
    S(SOL_SOCKET, SO_TIMESTAMP_OLD, ANC_TIME, old_stamp, says_old_micro),
    S(SOL_SOCKET, SO_TIMESTAMPNS_OLD, ANC_TIME, old_stamp, says_old_nano),
    S(SOL_SOCKET, SO_TIMESTAMPING_OLD, ANC_TIMESTAMPING, old_stamps, says_old_stamps),
    S(SOL_SOCKET, SO_TIMESTAMP_NEW, ANC_TIME, new_stamp, says_new_micro),
    S(SOL_SOCKET, SO_TIMESTAMPNS_NEW, ANC_TIME, new_stamp, says_new_nano),
    S(SOL_SOCKET, SO_TIMESTAMPING_NEW, ANC_TIMESTAMPING, new_stamps, says_new_stamps),
    {"pktinfo of stamps", SOL_SOCKET, SCM_TIMESTAMPING_PKTINFO, ANC_TIME_PKTINFO, stamp_pktinfo, 16, says_stamp_pktinfo},
    S(SOL_SOCKET, SO_RXQ_OVFL, ANC_DROPS, number, says_drops),
    S(SOL_SOCKET, SO_MARK, ANC_MARK, number, says_mark),
    S(SOL_SOCKET, SO_PRIORITY, ANC_PRIORITY, number, says_priority),
    S(SOL_SOCKET, SCM_INQ, ANC_INQ, number, says_inq),
    S(IPPROTO_IP, IP_PKTINFO, ANC_DEST, pktinfo4, says_dest4),
    S(IPPROTO_IP, IP_TTL, ANC_TTL, ttl, says_ttl),
    {"TOS as a byte", IPPROTO_IP, IP_TOS, ANC_TOS, &byte_of_tos, 1, says_tos},
    S(IPPROTO_IP, IP_RECVERR, ANC_ERROR, refused4.error, says_refused_by_nobody),
    {"an error and its offender", IPPROTO_IP, IP_RECVERR, ANC_ERROR, &refused4, 32, says_refused4},
    S(IPPROTO_IP, IP_RECVERR, ANC_ERROR | ANC_TIME_ID, sent4, says_sent),
    S(IPPROTO_IP, IP_ORIGDSTADDR, ANC_ORIGINAL, original4, says_original4),
    S(IPPROTO_IP, IP_RECVFRAGSIZE_, ANC_FRAGSIZE, number, says_fragsize),
    S(IPPROTO_IP, SCM_SECURITY, ANC_LABEL, label, says_label),
    S(IPPROTO_IPV6, IPV6_PKTINFO, ANC_DEST, pktinfo6, says_dest6),
    S(IPPROTO_IPV6, IPV6_PKTINFO, ANC_DEST, mapped6, says_mapped),
    S(IPPROTO_IPV6, IPV6_PKTINFO, ANC_DEST, group6, says_group6),
    S(IPPROTO_IPV6, IPV6_PKTINFO, ANC_DEST, mapped_group6, says_mapped_group),
    S(IPPROTO_IPV6, IPV6_PKTINFO, ANC_DEST, mapped_broadcast6, says_mapped_broadcast),
    S(IPPROTO_IPV6, IPV6_2292PKTINFO_, ANC_DEST, pktinfo6, says_dest6),
    S(IPPROTO_IPV6, IPV6_HOPLIMIT, ANC_TTL, ttl, says_ttl),
    S(IPPROTO_IPV6, IPV6_HOPLIMIT, ANC_TTL, hop_limit, says_hop_limit),
    S(IPPROTO_IPV6, IPV6_2292HOPLIMIT_, ANC_TTL, ttl, says_ttl),
    S(IPPROTO_IPV6, IPV6_TCLASS, ANC_TOS, tos, says_tos),
    S(IPPROTO_IPV6, IPV6_RECVERR, ANC_ERROR, refused6, says_refused6),
    S(IPPROTO_IPV6, IPV6_RECVERR, ANC_ERROR, copied6, says_copied),
    S(IPPROTO_IPV6, IPV6_ORIGDSTADDR_, ANC_ORIGINAL, original6, says_original6),
    S(IPPROTO_IPV6, IPV6_RECVFRAGSIZE_, ANC_FRAGSIZE, number, says_fragsize),
    S(IPPROTO_IPV6, IPV6_FLOWINFO_, ANC_FLOWINFO, flow, says_flowinfo),
    S(LEVEL_UDP, UDP_GRO_, ANC_SEGMENT, number, says_segment),
    S(LEVEL_TCP, TCP_CM_INQ_, ANC_INQ, number, says_inq),
    S(LEVEL_TLS, TLS_GET_RECORD_TYPE_, ANC_TLS_RECORD, record, says_record),
    S(SOL_PACKET, PACKET_AUXDATA, ANC_AUXDATA, tagged, says_tagged),
    S(SOL_PACKET, PACKET_AUXDATA, ANC_AUXDATA, no_tpid, says_no_tpid),
    S(SOL_PACKET, PACKET_AUXDATA, ANC_AUXDATA, untagged, says_untagged),
    {"TX_TIMESTAMP", SOL_PACKET, PACKET_TX_TIMESTAMP, ANC_ERROR | ANC_TIME_ID, &sent4, 16, says_sent},
};
#define SAMPLES (sizeof samples / sizeof *samples)

/* IP_PKTOPTIONS brings the whole int; what is shorter than that is read as the byte. */
static const struct sample tos_as_int = {"TOS as an int", IPPROTO_IP, IP_TOS, ANC_TOS, &tos, sizeof tos, says_tos};

/* --- Buffers and structs ---------------------------------------------------------------------- */

/* `len` bytes behind which nothing may be read. Always the same ones. */
static unsigned char *fenced(size_t len)
{
    enum { ROOM = 65536 };
    static unsigned char *room;

    if (!room) {
        room = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(room != MAP_FAILED && mprotect(room + ROOM, ROOM, PROT_NONE) == 0);
    }
    CHECK(len <= ROOM);
    return room + ROOM - len;
}

/* Writes a control message that says it has `len` bytes of payload, of which `there` are. */
static size_t lay(unsigned char *at, int level, int type, const void *data, size_t len, size_t there)
{
    struct cmsghdr header;

    memset(&header, 0, sizeof header);
    header.cmsg_len = CMSG_LEN(len);
    header.cmsg_level = level;
    header.cmsg_type = type;
    memcpy(at, &header, sizeof header);
    if (there)
        memcpy(at + CMSG_LEN(0), data, there);
    return CMSG_SPACE(len);
}

/* Of one sample, at the buffer's very end; padding only where there is more to come. */
static unsigned char *laid(const struct sample *s, size_t len, size_t there)
{
    unsigned char *at = fenced(CMSG_LEN(there));

    lay(at, s->level, s->type, s->data, len, there);
    return at;
}

static struct anc_info filled(void)
{
    struct anc_info info;

    memset(&info, FILL, sizeof info);
    return info;
}

/* Nothing said yet. */
static struct anc_info nothing(void)
{
    struct anc_info info = filled();

    info.present = info.cut = 0;
    info.nfds = info.nother = 0;
    return info;
}

static void add(struct anc_info *want, const struct sample *s, const unsigned char *at)
{
    want->present |= s->bits;
    s->says(want, at + CMSG_LEN(0));
}

static struct anc_info decoded(const unsigned char *at, size_t len, int result, int error)
{
    struct msghdr msg = {.msg_control = (void *)(uintptr_t)at, .msg_controllen = len};
    struct anc_info info = filled();

    if (error)
        CHECK_ERRNO(anc_decode(&msg, &info, sizeof info), error);
    else
        CHECK_OK(anc_decode(&msg, &info, sizeof info), result);
    return info;
}

/* Ends the test with the first difference. */
static void expect(const struct anc_info *got, const struct anc_info *want, const char *name, size_t which)
{
    const unsigned char *a = (const void *)got, *b = (const void *)want;

    CHECK_CASE(got->present == want->present, "%s %zu: present %#llx, not %#llx", name, which,
               (unsigned long long)got->present, (unsigned long long)want->present);
    CHECK_CASE(got->cut == want->cut, "%s %zu: cut %#llx, not %#llx", name, which, (unsigned long long)got->cut,
               (unsigned long long)want->cut);
    for (size_t i = 0; i < sizeof *got; i++)
        CHECK_CASE(a[i] == b[i], "%s %zu: byte %zu of the struct is %#x, not %#x", name, which, i, a[i], b[i]);
}

/* The same, for all buffers of one message. */
static void expect_one(const struct sample *s, const unsigned char *at, size_t len, size_t which)
{
    struct anc_info got = decoded(at, len, 0, 0), want = nothing();

    add(&want, s, at);
    expect(&got, &want, s->name, which);
}

/* --- Whole messages --------------------------------------------------------------------------- */

TEST(each_kind_says_its_fact_and_nothing_else_of_the_struct_is_written)
{
    for (size_t i = 0; i < SAMPLES; i++)
        expect_one(&samples[i], laid(&samples[i], samples[i].len, samples[i].len), CMSG_LEN(samples[i].len), 0);
    expect_one(&tos_as_int, laid(&tos_as_int, 4, 4), CMSG_LEN(4), 0);
}

TEST(every_fact_has_a_sample)
{
    uint64_t all = 0;

    for (size_t i = 0; i < SAMPLES; i++)
        all |= samples[i].bits;
    CHECK_INT(all, ((uint64_t)1 << 22) - 1);
}

TEST(no_alignment_is_wanted_of_the_buffer)
{
    for (size_t shift = 0; shift < 16; shift++)
        for (size_t i = 0; i < SAMPLES; i++) {
            const struct sample *s = &samples[i];
            unsigned char *at = fenced(256 + shift);

            lay(at, s->level, s->type, s->data, s->len, s->len);
            expect_one(s, at, CMSG_LEN(s->len), shift);
            expect_one(s, at, CMSG_SPACE(s->len), shift);
        }
}

TEST(what_is_longer_than_the_kind_says_the_same)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        unsigned char more[128] = {0}, *at = fenced(CMSG_LEN(sizeof more));

        /* Whose length is of the fact itself. */
        if (s->bits & (ANC_RIGHTS | ANC_LABEL) || s->data == &refused4.error || s->data == &byte_of_tos)
            continue;
        memcpy(more, s->data, s->len);
        lay(at, s->level, s->type, more, sizeof more, sizeof more);
        expect_one(s, at, CMSG_LEN(sizeof more), 0);
    }
}

TEST(decode_only_reads)
{
    long page = sysconf(_SC_PAGESIZE);
    unsigned char *map = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;

    CHECK(map != MAP_FAILED);
    for (size_t i = 0; i < SAMPLES; i++) {
        struct msghdr msg = {.msg_control = map + 256, .msg_controllen = CMSG_SPACE(samples[i].len)};
        struct anc_info first = filled(), again = filled(), want = nothing();

        CHECK(mprotect(map, (size_t)page, PROT_READ | PROT_WRITE) == 0);
        at = map + 256;
        lay(at, samples[i].level, samples[i].type, samples[i].data, samples[i].len, samples[i].len);
        memcpy(map, &msg, sizeof msg);
        CHECK(mprotect(map, (size_t)page, PROT_READ) == 0);
        CHECK_OK(anc_decode((const void *)map, &first, sizeof first), 0);
        CHECK_OK(anc_decode((const void *)map, &again, sizeof again), 0);
        add(&want, &samples[i], at);
        expect(&first, &want, samples[i].name, 1);
        expect(&again, &want, samples[i].name, 2);
    }
    munmap(map, (size_t)page);
}

/* --- Cut messages ----------------------------------------------------------------------------- */

/* A list of things, or of any length: shortened they are still something. */
static int has_no_length_of_its_own(const struct sample *s)
{
    return (s->bits & (ANC_RIGHTS | ANC_LABEL)) != 0;
}

/* As the kernel cuts: the header's length is that of what is there. */
TEST(a_payload_cut_at_any_length_sets_its_cut_bit_and_no_field)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];

        for (size_t len = 0; len < s->len && !has_no_length_of_its_own(s); len++) {
            unsigned char *at = laid(s, len, len);
            struct anc_info want = nothing(), got = decoded(at, CMSG_LEN(len), 0, 0);

            /* An error of which the offender was cut off as a whole is one that names nobody. */
            if (s->bits & ANC_ERROR && len == sizeof(struct sock_extended_err) && s->level != IPPROTO_IPV6) {
                add(&want, s, at);
                want.offender = NULL;
            } else {
                want.cut = s->bits & ~ANC_TIME_ID;
            }
            expect(&got, &want, s->name, len);
        }
    }
}

/* As no kernel does, but a forger may: the header promises what the buffer has not. */
TEST(a_header_that_reaches_past_the_buffer_is_a_cut_payload)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];

        for (int huge = 0; huge < 2; huge++)
            for (size_t there = 0; there <= s->len - (huge ? 0 : 1); there++) {
                size_t promised = huge ? (size_t)-1 - CMSG_LEN(0) : s->len;
                struct anc_info want = nothing(), got = decoded(laid(s, promised, there), CMSG_LEN(there), 0, 0);

                want.cut = s->bits & ~(ANC_TIME_ID | ANC_RIGHTS);
                if (s->bits == ANC_RIGHTS) { /* the descriptors that are there are the caller's */
                    want.nfds = (uint32_t)(there / sizeof(int));
                    want.present = want.nfds ? ANC_RIGHTS : 0;
                }
                expect(&got, &want, s->name, there);
            }
    }
}

TEST(descriptors_that_are_there_count_at_any_length)
{
    const struct sample *s = &samples[0];

    for (size_t len = 0; len < s->len; len++) {
        struct anc_info want = nothing(), got = decoded(laid(s, len, len), CMSG_LEN(len), 0, 0);

        want.nfds = (uint32_t)(len / sizeof(int));
        want.present = want.nfds ? ANC_RIGHTS : 0;
        expect(&got, &want, "rights", len);
    }
}

TEST(a_label_is_all_bytes_but_a_NUL_at_its_end)
{
    static const struct { const char *bytes; size_t len, says; } labels[] = {
        {"a", 1, 1}, {"a", 2, 1}, {"a\0b", 3, 3}, {"a\0b", 4, 3}, {"a\0", 3, 2}, {"", 1, 0},
    };

    for (int level = 0; level < 2; level++)
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
            unsigned char *at = fenced(CMSG_LEN(labels[i].len));
            struct anc_info want = nothing(), got;

            lay(at, level ? SOL_SOCKET : IPPROTO_IP, SCM_SECURITY, labels[i].bytes, labels[i].len, labels[i].len);
            got = decoded(at, CMSG_LEN(labels[i].len), 0, 0);
            want.present = ANC_LABEL;
            want.label = (const char *)at + CMSG_LEN(0);
            want.label_len = labels[i].says;
            expect(&got, &want, "label", i);
        }
}

TEST(a_label_of_no_bytes_is_none)
{
    struct anc_info want = nothing(), got = decoded(laid(&samples[3], 0, 0), CMSG_LEN(0), 0, 0);

    want.cut = ANC_LABEL;
    expect(&got, &want, "label", 0);
}

static struct anc_info received(const unsigned char *at, size_t len, int msg_flags)
{
    struct msghdr msg = {.msg_control = (void *)(uintptr_t)at, .msg_controllen = len, .msg_flags = msg_flags};
    struct anc_info info = filled();

    CHECK_OK(anc_decode(&msg, &info, sizeof info), 0);
    return info;
}

/* The kernel gives what it cuts the length of the room that was left, and MSG_CTRUNC says so of the whole
 * message: a label that ends there is not to be trusted. */
TEST(a_label_at_the_end_of_a_truncated_buffer_is_cut)
{
    static const int levels[] = {SOL_SOCKET, IPPROTO_IP};

    for (size_t i = 0; i < 2; i++)
        for (size_t len = 1; len <= sizeof label; len++) {
            unsigned char *at = fenced(CMSG_LEN(len));
            struct anc_info want = nothing(), got;

            lay(at, levels[i], SCM_SECURITY, label, len, len);
            got = received(at, CMSG_LEN(len), MSG_CTRUNC | MSG_CMSG_CLOEXEC);
            want.cut = ANC_LABEL;
            expect(&got, &want, "cut", len);
            got = received(at, CMSG_LEN(len), MSG_TRUNC | MSG_CMSG_CLOEXEC);
            CHECK_CASE(got.present == ANC_LABEL && got.cut == 0, "not truncated, %zu bytes", len);
        }
}

/* Padding, or another message behind it, shows that there was room for more. */
TEST(a_label_with_room_behind_it_is_whole_though_something_else_was_cut)
{
    for (size_t len = 1; len <= sizeof label; len++)
        for (size_t behind = CMSG_SPACE(len) - CMSG_LEN(len); behind <= 7 + CMSG_LEN(4); behind += CMSG_LEN(4)) {
            unsigned char *at = fenced(CMSG_LEN(len) + behind);
            struct anc_info want = nothing(), got;

            if (behind == 0)
                continue;
            lay(at, SOL_SOCKET, SCM_SECURITY, label, len, len);
            memset(at + CMSG_LEN(len), 0, behind);
            want.present = ANC_LABEL;
            want.label = (const char *)at + CMSG_LEN(0);
            want.label_len = len == sizeof label ? len - 1 : len;
            if (behind >= CMSG_LEN(4)) {
                lay(at + CMSG_SPACE(len), SOL_SOCKET, SCM_RIGHTS, rights, 4, 4);
                want.present |= ANC_RIGHTS;
                want.nfds = 1;
            }
            got = received(at, CMSG_LEN(len) + behind, MSG_CTRUNC);
            expect(&got, &want, "label", len);
        }
}

TEST(kinds_that_have_a_length_are_whole_though_something_else_was_cut)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        unsigned char *at = laid(s, s->len, s->len);
        struct anc_info want = nothing(), got = received(at, CMSG_LEN(s->len), MSG_CTRUNC);

        if (s->bits == ANC_LABEL)
            continue;
        add(&want, s, at);
        expect(&got, &want, s->name, i);
    }
}

TEST(an_IPv4_TOS_is_a_byte_or_an_int)
{
    for (size_t len = 1; len <= 4; len++) {
        unsigned char bytes[4] = {0};

        memcpy(bytes, &tos, sizeof tos);
        if (len < 4)
            bytes[0] = (unsigned char)tos;
        expect_one(&tos_as_int, (lay(fenced(CMSG_LEN(len)), IPPROTO_IP, IP_TOS, bytes, len, len), fenced(CMSG_LEN(len))),
                   CMSG_LEN(len), len);
    }
}

/* What stands in the buffer behind the offender's first bytes is no part of its address. */
TEST(an_offender_is_named_only_as_a_whole)
{
    for (size_t len = 16; len <= 16 + sizeof(struct sockaddr_in6); len++) {
        int whole4 = len >= 32, whole6 = len == 44;
        unsigned char bytes[64] = {0}, *at;
        struct anc_info got;

        memcpy(bytes, &refused4, sizeof refused4);
        at = fenced(CMSG_LEN(len));
        lay(at, IPPROTO_IP, IP_RECVERR, bytes, len, len);
        got = decoded(at, CMSG_LEN(len), 0, 0);
        CHECK_CASE(!(got.present & ANC_ERROR) || got.offender == (whole4 ? (const void *)(at + CMSG_LEN(16)) : NULL),
                   "IPv4, %zu bytes", len);

        memcpy(bytes, &refused6, sizeof refused6);
        lay(at, IPPROTO_IPV6, IPV6_RECVERR, bytes, len, len);
        got = decoded(at, CMSG_LEN(len), 0, 0);
        CHECK_CASE(!(got.present & ANC_ERROR) || got.offender == (whole6 ? (const void *)(at + CMSG_LEN(16)) : NULL),
                   "IPv6, %zu bytes", len);
    }
}

/* Of a family that is larger than the room for it: the peer does not choose the family, but a forger. */
TEST(an_offender_of_a_family_that_does_not_fit_is_nobody)
{
    static const sa_family_t families[] = {AF_INET6, AF_UNIX, 0xffff};

    for (size_t i = 0; i < 3; i++) {
        struct sock_error4 forged = refused4;
        unsigned char *at = fenced(CMSG_LEN(sizeof forged));
        struct anc_info got;

        forged.offender.sin_family = families[i];
        lay(at, IPPROTO_IP, IP_RECVERR, &forged, sizeof forged, sizeof forged);
        got = decoded(at, CMSG_LEN(sizeof forged), 0, 0);
        CHECK_CASE(!(got.present & ANC_ERROR) || got.offender == NULL, "family %d", families[i]);
    }
}

/* --- Values that are no fact ------------------------------------------------------------------- */

TEST(pid_0_is_no_identity)
{
    static const struct ucred nobody = {0, 65534, 65534};
    const struct sample s = {"pid 0", SOL_SOCKET, SCM_CREDENTIALS, 0, &nobody, sizeof nobody, NULL};
    struct anc_info want = nothing(), got = decoded(laid(&s, s.len, s.len), CMSG_LEN(s.len), 0, 0);

    expect(&got, &want, s.name, 0);
}

TEST(a_pidfd_that_could_not_be_installed_is_cut_and_one_that_was_taken_is_gone)
{
    static const struct { int slot; uint64_t present, cut; } cases[] = {
        {0, ANC_PIDFD, 0}, {0x7fffffff, ANC_PIDFD, 0}, {-1, 0, 0},
        {-EMFILE, 0, ANC_PIDFD}, {-2, 0, ANC_PIDFD}, {-0x7fffffff - 1, 0, ANC_PIDFD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sample s = {"pidfd", SOL_SOCKET, SCM_PIDFD, 0, &cases[i].slot, sizeof(int), NULL};
        struct anc_info want = nothing(), got = decoded(laid(&s, s.len, s.len), CMSG_LEN(s.len), 0, 0);

        want.present = cases[i].present;
        want.cut = cases[i].cut;
        if (want.present)
            want.pidfd = cases[i].slot;
        expect(&got, &want, s.name, i);
    }
}

TEST(negative_slots_are_no_descriptors)
{
    static const int slots[][3] = {{-1, -1, -1}, {-24, 3, -1}, {0, -1, 1}, {5, 6, 7}};
    static const uint32_t count[] = {0, 1, 2, 3};

    for (size_t i = 0; i < 4; i++) {
        const struct sample s = {"rights", SOL_SOCKET, SCM_RIGHTS, 0, slots[i], sizeof slots[i], NULL};
        struct anc_info want = nothing(), got = decoded(laid(&s, s.len, s.len), CMSG_LEN(s.len), 0, 0);

        want.nfds = count[i];
        want.present = count[i] ? ANC_RIGHTS : 0;
        expect(&got, &want, s.name, i);
    }
}

TEST(a_time_that_no_clock_shows_is_none)
{
    static const struct { int type; int64_t sub; } cases[] = {
        {SO_TIMESTAMP_NEW, 1000000}, {SO_TIMESTAMP_NEW, -1}, {SO_TIMESTAMP_NEW, INT64_MAX}, {SO_TIMESTAMP_NEW, INT64_MIN},
        {SO_TIMESTAMP_NEW, INT64_C(1) << 32}, {SO_TIMESTAMPNS_NEW, 1000000000}, {SO_TIMESTAMPNS_NEW, -1},
        {SO_TIMESTAMPNS_NEW, INT64_MAX}, {SO_TIMESTAMPNS_NEW, INT64_C(1) << 32},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct new_pair pair = {1, cases[i].sub};
        const struct sample s = {"stamp", SOL_SOCKET, cases[i].type, 0, &pair, sizeof pair, NULL};
        struct anc_info want = nothing(), got = decoded(laid(&s, s.len, s.len), CMSG_LEN(s.len), 0, 0);

        want.cut = ANC_TIME;
        expect(&got, &want, s.name, i);
    }
}

TEST(a_bad_stamp_of_three_spoils_all_and_the_empty_one_in_the_middle_none)
{
    for (int i = 0; i < 3; i++) {
        struct new_pair stamps[3] = {{1, 2}, {3, 4}, {5, 6}};
        const struct sample s = {"stamps", SOL_SOCKET, SO_TIMESTAMPING_NEW, 0, stamps, sizeof stamps, NULL};
        struct anc_info want = nothing(), got;

        stamps[i].sub = -1;
        got = decoded(laid(&s, s.len, s.len), CMSG_LEN(s.len), 0, 0);
        if (i == 1) {
            want.present = ANC_TIMESTAMPING;
            want.software = TIME(1, 2);
            want.hardware = TIME(5, 6);
        } else {
            want.cut = ANC_TIMESTAMPING;
        }
        expect(&got, &want, s.name, (size_t)i);
    }
}

TEST(what_only_anc_next_shows_is_counted)
{
    static const struct { int level, type; } others[] = {
        {SOL_SOCKET, 0}, {SOL_SOCKET, 0x7fff}, {SOL_SOCKET, -1}, {SOL_SOCKET, 54 /* OPT_STATS */}, {SOL_SOCKET, 61 /* TXTIME */},
        {IPPROTO_IP, IP_RECVOPTS}, {IPPROTO_IP, IP_RETOPTS}, {IPPROTO_IP, 23 /* CHECKSUM */},
        {IPPROTO_IPV6, IPV6_HOPOPTS}, {IPPROTO_IPV6, IPV6_PATHMTU}, {LEVEL_UDP, 103}, {LEVEL_UDP, 0},
        {LEVEL_TCP, 35}, {LEVEL_TLS, 1}, {SOL_PACKET, 0}, {LEVEL_NETLINK, NETLINK_PKTINFO_}, {279, 3}, {132, 2},
        {-1, SCM_RIGHTS}, {2, 2}, {0x7fffffff, 0},
    };
    unsigned char data[32] = {0};
    size_t n = sizeof others / sizeof *others, total = n * CMSG_SPACE(sizeof data), used = 0;
    unsigned char *at = fenced(total);
    struct anc_info want = nothing(), got;

    for (size_t i = 0; i < n; i++)
        used += lay(at + used, others[i].level, others[i].type, data, sizeof data, sizeof data);
    CHECK_INT(used, total);
    for (size_t i = 0; i <= n; i++) {
        want.nother = (uint32_t)i;
        got = decoded(at, i * CMSG_SPACE(sizeof data), 0, 0);
        expect(&got, &want, "others", i);
    }
}

/* --- Several ---------------------------------------------------------------------------------- */

TEST(of_two_options_for_the_arrival_the_finer_counts)
{
    static const int micro[] = {SO_TIMESTAMP_OLD, SO_TIMESTAMP_NEW}, nano[] = {SO_TIMESTAMPNS_OLD, SO_TIMESTAMPNS_NEW};

    for (int i = 0; i < 8; i++) {
        const struct new_pair coarse = {1, 999999}, fine = {1, 999999001};
        const struct old_pair old_coarse = {1, 999999}, old_fine = {1, 999999001};
        const void *c = i & 1 ? (const void *)&coarse : &old_coarse, *f = i & 2 ? (const void *)&fine : &old_fine;
        size_t cs = i & 1 ? sizeof coarse : sizeof old_coarse, fs = i & 2 ? sizeof fine : sizeof old_fine;
        size_t total = CMSG_SPACE(cs) + CMSG_SPACE(fs), used;
        unsigned char *at = fenced(total);
        struct anc_info want = nothing(), got;

        if (i & 4) {
            used = lay(at, SOL_SOCKET, micro[i & 1], c, cs, cs);
            lay(at + used, SOL_SOCKET, nano[(i & 2) / 2], f, fs, fs);
        } else {
            used = lay(at, SOL_SOCKET, nano[(i & 2) / 2], f, fs, fs);
            lay(at + used, SOL_SOCKET, micro[i & 1], c, cs, cs);
        }
        got = decoded(at, total, 0, 0);
        want.present = ANC_TIME;
        want.time = TIME(1, 999999001);
        expect(&got, &want, "two stamps", (size_t)i);
    }
}

TEST(descriptors_of_several_messages_add_up)
{
    size_t one = CMSG_SPACE(sizeof rights), n = 100;
    unsigned char *at = fenced(n * one);

    for (size_t i = 0; i < n; i++)
        lay(at + i * one, SOL_SOCKET, SCM_RIGHTS, rights, sizeof rights, sizeof rights);
    for (size_t i = 1; i <= n; i++) {
        struct anc_info want = nothing(), got = decoded(at, i * one, 0, 0);

        want.present = ANC_RIGHTS;
        want.nfds = (uint32_t)(3 * i);
        expect(&got, &want, "rights", i);
    }
}

TEST(of_several_of_one_kind_the_last_counts)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        unsigned char *at = fenced(CMSG_SPACE(sizeof(struct new_pair) * 3 + 64) + CMSG_LEN(s->len)), other[64];
        size_t used;
        struct anc_info want = nothing(), got;

        if (s->bits & (ANC_RIGHTS | ANC_TIME)) /* which have rules of their own */
            continue;
        memcpy(other, s->data, s->len);
        if (s->bits != ANC_TIMESTAMPING && !(s->bits & ANC_ERROR) && s->bits != ANC_ORIGINAL)
            other[0] ^= 0x10;
        used = lay(at, s->level, s->type, other, s->len, s->len);
        lay(at + used, s->level, s->type, s->data, s->len, s->len);
        got = decoded(at, used + CMSG_LEN(s->len), 0, 0);
        add(&want, s, at + used);
        expect(&got, &want, s->name, 0);
    }
}

/* One of each kind in one buffer; returns where each begins. */
static unsigned char *all_together(size_t starts[SAMPLES + 1])
{
    size_t total = 0, used = 0;
    unsigned char *at;

    for (size_t i = 0; i < SAMPLES; i++)
        total += CMSG_SPACE(samples[i].len);
    at = fenced(total);
    memset(at, 0, total);
    for (size_t i = 0; i < SAMPLES; i++) {
        starts[i] = used;
        used += lay(at + used, samples[i].level, samples[i].type, samples[i].data, samples[i].len, samples[i].len);
    }
    starts[SAMPLES] = used;
    return at;
}

/* What the first n samples say together. */
static struct anc_info together(const unsigned char *at, const size_t *starts, size_t n)
{
    struct anc_info want = nothing();

    for (size_t i = 0; i < n; i++) {
        int is_coarse = samples[i].type == SO_TIMESTAMP_OLD || samples[i].type == SO_TIMESTAMP_NEW;

        if (!(is_coarse && samples[i].level == SOL_SOCKET && want.present & ANC_TIME))
            add(&want, &samples[i], at + starts[i]);
    }
    return want;
}

/* The buffer ends at every byte, as the kernel ends it: the last header tells what is left. */
TEST(all_kinds_together_are_decoded_as_far_as_the_buffer_reaches)
{
    size_t starts[SAMPLES + 1];
    unsigned char *all = all_together(starts), *copy = malloc(starts[SAMPLES]);
    size_t i = 0;

    CHECK(copy != NULL);
    memcpy(copy, all, starts[SAMPLES]);
    for (size_t len = 0; len <= starts[SAMPLES]; len++) {
        unsigned char *at = fenced(len);
        struct anc_info want, got;

        while (i < SAMPLES && len >= starts[i] + CMSG_LEN(samples[i].len))
            i++;
        memcpy(at, copy, len);
        want = together(at, starts, i);
        if (i < SAMPLES && len >= starts[i] + CMSG_LEN(0)) {
            const struct sample *s = &samples[i];
            int is_coarse = s->level == SOL_SOCKET && (s->type == SO_TIMESTAMP_OLD || s->type == SO_TIMESTAMP_NEW);

            /* The coarser stamp is not looked at once there is one. */
            if (!(is_coarse && want.present & ANC_TIME))
                want.cut = s->bits & ~(ANC_TIME_ID | ANC_RIGHTS);
            if (s->bits == ANC_RIGHTS) {
                want.nfds = (uint32_t)((len - starts[i] - CMSG_LEN(0)) / sizeof(int));
                want.present = want.nfds ? ANC_RIGHTS : 0;
            }
        }
        got = decoded(at, len, 0, 0);
        expect(&got, &want, "together", len);
    }
    free(copy);
}

TEST(a_malformed_length_ends_it_and_what_stood_before_is_decoded)
{
    size_t starts[SAMPLES + 1];
    unsigned char *all = all_together(starts), *at = malloc(starts[SAMPLES]);

    CHECK(at != NULL);
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t bad = 0; bad < CMSG_LEN(0); bad++) {
            struct cmsghdr header;
            struct anc_info want, got;

            memcpy(at, all, starts[SAMPLES]);
            memcpy(&header, at + starts[i], sizeof header);
            header.cmsg_len = bad;
            memcpy(at + starts[i], &header, sizeof header);
            got = decoded(at, starts[SAMPLES], -1, EBADMSG);
            want = together(at, starts, i);
            expect(&got, &want, "malformed", i);
        }
    free(at);
}

TEST(random_bytes_neither_crash_it_nor_lead_it_past_the_buffer)
{
    uint64_t seed = 88172645463325252u;

    for (int round = 0; round < (on_valgrind() ? 2000 : 100000); round++) {
        size_t len = (size_t)(round % 200), done = 0;
        unsigned char *at = fenced(len);
        struct msghdr msg = {.msg_control = at, .msg_controllen = len};
        struct anc_info info = filled();

        for (size_t i = 0; i < len; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            at[i] = (unsigned char)seed;
        }
        /* Headers that are likely enough to be walked over. */
        while (len - done >= sizeof(struct cmsghdr)) {
            const struct sample *s = &samples[seed % SAMPLES];
            struct cmsghdr header;

            memset(&header, 0, sizeof header);
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            header.cmsg_len = CMSG_LEN(seed % 64);
            header.cmsg_level = s->level;
            header.cmsg_type = s->type;
            memcpy(at + done, &header, sizeof header);
            done += CMSG_SPACE(seed % 64);
            if (done > len)
                break;
        }
        CHECK(anc_decode(&msg, &info, sizeof info) == 0 || errno == EBADMSG);
        CHECK(!(info.present & ~(((uint64_t)1 << 22) - 1)) && !(info.cut & ~(((uint64_t)1 << 22) - 1)));
        if (info.present & ANC_LABEL)
            CHECK((unsigned char *)info.label >= at && (unsigned char *)info.label + info.label_len <= at + len);
        if (info.present & ANC_ERROR && info.offender)
            CHECK((unsigned char *)info.offender >= at
                  && (unsigned char *)info.offender + sizeof(struct sockaddr_in) <= at + len);
    }
}

/* --- Arguments -------------------------------------------------------------------------------- */

TEST(an_empty_message_says_nothing)
{
    struct anc_info want = nothing(), got;
    struct msghdr msg = {0};

    for (size_t len = 0; len < sizeof(struct cmsghdr); len++) {
        unsigned char *at = fenced(len);

        memset(at, 0xff, len);
        got = decoded(at, len, 0, 0);
        expect(&got, &want, "empty", len);
        /* Less than a header is no message, whatever it points to. */
        msg.msg_controllen = len;
        got = filled();
        CHECK_OK(anc_decode(&msg, &got, sizeof got), 0);
        expect(&got, &want, "NULL", len);
    }
}

TEST(null_is_EFAULT)
{
    struct anc_info info = filled(), untouched = filled();
    struct msghdr msg = {.msg_controllen = sizeof(struct cmsghdr)};

    CHECK_ERRNO(anc_decode(NULL, &info, sizeof info), EFAULT);
    CHECK_ERRNO(anc_decode(&msg, NULL, sizeof info), EFAULT);
    CHECK_ERRNO(anc_decode(NULL, NULL, sizeof info), EFAULT);
    CHECK_ERRNO(anc_decode(&msg, &info, sizeof info), EFAULT);
    CHECK(memcmp(&info, &untouched, sizeof info) == 0);
}

TEST(a_size_below_the_first_version_is_EINVAL_and_a_later_one_is_served)
{
    struct { struct anc_info info; unsigned char later[64]; } large, untouched;
    unsigned char *at = laid(&samples[0], samples[0].len, samples[0].len);
    struct msghdr msg = {.msg_control = at, .msg_controllen = CMSG_LEN(samples[0].len)};
    struct anc_info want = nothing();

    memset(&untouched, FILL, sizeof untouched);
    for (size_t size = 0; size <= sizeof large; size++) {
        large = untouched;
        if (size < sizeof large.info) {
            /* Nothing of a struct that is smaller than it should be. */
            struct anc_info *small = (void *)fenced(size);

            memset(small, FILL, size);
            CHECK_ERRNO(anc_decode(&msg, small, size), EINVAL);
            CHECK(memcmp(small, &untouched, size) == 0);
            at = laid(&samples[0], samples[0].len, samples[0].len); /* it lies in the same page */
            continue;
        }
        CHECK_OK(anc_decode(&msg, &large.info, size), 0);
        add(&want, &samples[0], at);
        want.nfds = 3;
        expect(&large.info, &want, "size", size);
        CHECK(memcmp(large.later, untouched.later, sizeof large.later) == 0);
    }
}

/* --- Beside the other calls ------------------------------------------------------------------- */

TEST(what_was_taken_is_not_there_any_more)
{
    int pair[2], fds[2], taken[2];
    size_t count;
    char byte, control[256];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct anc_info info;

    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 2);
    CHECK(raw_send(pair[0], "x", 1, fds, 2, 0) == 1);
    CHECK(anc_recvmsg(pair[1], &msg, 0) == 1);
    CHECK_OK(anc_decode(&msg, &info, sizeof info), 0);
    CHECK(info.present == ANC_RIGHTS && info.nfds == 2);
    CHECK(anc_take_fds(&msg, taken, 2, &count, 0) == 0 && count == 2);
    CHECK_OK(anc_decode(&msg, &info, sizeof info), 0);
    CHECK(info.present == 0 && info.nfds == 0 && info.cut == 0);
    anc_close_fds(taken, 2);
    anc_close_fds(fds, 2);
    close_both(pair);
}

/* A bit of cut and the cut of anc_next are the same thing. */
TEST(decode_and_next_agree_on_what_was_cut)
{
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t len = 1; len <= samples[i].len; len++) {
            struct msghdr msg = {.msg_control = laid(&samples[i], len, len), .msg_controllen = CMSG_LEN(len)};
            struct anc_info info = filled();
            struct anc_cmsg c = {0};

            CHECK(anc_decode(&msg, &info, sizeof info) == 0 && anc_next(&msg, &c) == 1);
            /* An offender in part is more than the shortest error; a stamp's device says enough at 8. */
            if (samples[i].bits & ANC_ERROR && len > 16 && len < samples[i].len)
                CHECK_CASE(info.cut != 0, "%s of %zu bytes", samples[i].name, len);
            else
                CHECK_CASE((info.cut != 0) == (c.cut != 0) || samples[i].bits == ANC_RIGHTS, "%s of %zu bytes: cut %#llx, %d",
                           samples[i].name, len, (unsigned long long)info.cut, (int)c.cut);
        }
}
