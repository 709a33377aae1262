/* decode ours|careful ROUNDS: decodes a UDP message of time, address, type of service and time to live
 * ROUNDS times, for bench.sh to count the instructions of round_ours or round_careful under callgrind.
 * What the two find must agree. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What a careful C programmer keeps of such a message; of IPv4 alone, unlike anc_decode. */
struct facts {
    unsigned int present;
    struct timespec time;
    struct in_addr to, reply_from;
    unsigned int ifindex;
    int tos, ttl;
};
enum { TIME = 1, DEST = 2, TOS = 4, TTL = 8 };

/* With the checks that anc_decode makes: no length is believed, no alignment, nothing cut is read. */
static int careful_decode(const struct msghdr *msg, struct facts *facts)
{
    const unsigned char *at, *end;

    if (msg == NULL || facts == NULL)
        return errno = EFAULT, -1;
    facts->present = 0;
    at = msg->msg_control;
    if (at == NULL)
        return msg->msg_controllen < sizeof(struct cmsghdr) ? 0 : (errno = EFAULT, -1);
    end = at + msg->msg_controllen;
    while ((size_t)(end - at) >= sizeof(struct cmsghdr)) {
        struct cmsghdr header;
        const unsigned char *data = at + CMSG_LEN(0);
        size_t len, left = (size_t)(end - at);

        memcpy(&header, at, sizeof header);
        if (header.cmsg_len < sizeof header)
            return errno = EBADMSG, -1;
        len = header.cmsg_len < left ? header.cmsg_len : left;
        at = CMSG_ALIGN(len) < left ? at + CMSG_ALIGN(len) : end;
        len -= CMSG_LEN(0);
        if (header.cmsg_level == SOL_SOCKET) {
            if (header.cmsg_type == SO_TIMESTAMPNS && len >= sizeof facts->time) {
                memcpy(&facts->time, data, sizeof facts->time);
                if (facts->time.tv_nsec >= 0 && facts->time.tv_nsec < 1000000000)
                    facts->present |= TIME;
            }
        } else if (header.cmsg_level == IPPROTO_IP) {
            switch (header.cmsg_type) {
            case IP_PKTINFO: {
                struct in_pktinfo info;
                if (len < sizeof info)
                    break;
                memcpy(&info, data, sizeof info);
                facts->to = info.ipi_addr;
                facts->reply_from = info.ipi_spec_dst;
                facts->ifindex = (unsigned int)info.ipi_ifindex;
                facts->present |= DEST;
                break;
            }
            case IP_TOS:
                if (len < 1)
                    break;
                facts->tos = *data;
                facts->present |= TOS;
                break;
            case IP_TTL:
                if (len < sizeof facts->ttl)
                    break;
                memcpy(&facts->ttl, data, sizeof facts->ttl);
                facts->present |= TTL;
                break;
            }
        }
    }
    return 0;
}

static struct facts facts;
static struct anc_info info;
static struct msghdr msg;

__attribute__((noinline)) static int round_careful(void)
{
    return careful_decode(&msg, &facts) == 0 && facts.present == (TIME | DEST | TOS | TTL);
}

__attribute__((noinline)) static int round_ours(void)
{
    return anc_decode(&msg, &info, sizeof info) == 0 && info.present == (ANC_TIME | ANC_DEST | ANC_TOS | ANC_TTL);
}

static unsigned char control[256];

/* Appends one as the kernel does. */
static void put(int level, int type, const void *data, size_t len)
{
    struct cmsghdr header;

    memset(&header, 0, sizeof header);
    header.cmsg_len = CMSG_LEN(len);
    header.cmsg_level = level;
    header.cmsg_type = type;
    memcpy(control + msg.msg_controllen, &header, sizeof header);
    memcpy(control + msg.msg_controllen + CMSG_LEN(0), data, len);
    msg.msg_controllen += CMSG_SPACE(len);
}

int main(int argc, char **argv)
{
    static const struct timespec time = {1700000000, 123456789};
    static const unsigned char tos = 0xb8;
    static const int ttl = 64;
    struct in_pktinfo pktinfo = {.ipi_ifindex = 1};
    long rounds;

    if (argc != 3) {
        fputs("usage: decode ours|careful ROUNDS\n", stderr);
        return 2;
    }
    pktinfo.ipi_addr.s_addr = pktinfo.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK);
    msg.msg_control = control;
    put(SOL_SOCKET, SO_TIMESTAMPNS, &time, sizeof time);
    put(IPPROTO_IP, IP_PKTINFO, &pktinfo, sizeof pktinfo);
    put(IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    put(IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    if (!round_ours() || !round_careful() || info.time.nsec != facts.time.tv_nsec || info.tos != facts.tos
        || info.ttl != facts.ttl || memcmp(info.dest.to, &facts.to, 4) != 0)
        return fputs("decode: the two do not agree\n", stderr), 1;
    for (rounds = strtol(argv[2], NULL, 10); rounds > 0; rounds--)
        if (!(strcmp(argv[1], "ours") == 0 ? round_ours() : round_careful()))
            return 1;
    return 0;
}
