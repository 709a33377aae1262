/* Internet sockets for the tests, in a network of the test's own. */
#ifndef NETWORKS_H
#define NETWORKS_H

#include "harness.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage room;
    } is;
    socklen_t len;
};

static inline void interface(unsigned long request, const char *name, struct ifreq *ifr)
{
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(sock >= 0);
    snprintf(ifr->ifr_name, sizeof ifr->ifr_name, "%s", name);
    CHECK_CASE(ioctl(sock, request, ifr) == 0, "%s: request %#lx", name, request);
    close(sock);
}

/* A network namespace with nothing but a loopback interface, which is up. It ends with the test. */
static inline void own_network(void)
{
    struct ifreq ifr = {.ifr_flags = IFF_UP | IFF_RUNNING | IFF_MULTICAST};

    if (unshare(CLONE_NEWNET) != 0)
        skip("no network namespace of its own: %s", strerror(errno));
    interface(SIOCSIFFLAGS, "lo", &ifr);
}

static inline struct address address(const char *text, int port)
{
    struct address a = {.len = 0};

    if (strchr(text, ':')) {
        a.is.in6.sin6_family = AF_INET6;
        a.is.in6.sin6_port = htons((uint16_t)port);
        a.len = sizeof a.is.in6;
        CHECK(inet_pton(AF_INET6, text, &a.is.in6.sin6_addr) == 1);
    } else {
        a.is.in.sin_family = AF_INET;
        a.is.in.sin_port = htons((uint16_t)port);
        a.len = sizeof a.is.in;
        CHECK(inet_pton(AF_INET, text, &a.is.in.sin_addr) == 1);
    }
    return a;
}

/* A socket bound to this address and any port. */
static inline int bound(int type, const char *text)
{
    struct address a = address(text, 0);
    int sock = socket(a.is.any.sa_family, type | SOCK_CLOEXEC, 0);

    CHECK(sock >= 0);
    CHECK_CASE(bind(sock, &a.is.any, a.len) == 0, "bind to %s", text);
    return sock;
}

static inline int port_of(int sock)
{
    struct address a = {.len = sizeof a.is};

    CHECK(getsockname(sock, &a.is.any, &a.len) == 0);
    return ntohs(a.is.any.sa_family == AF_INET ? a.is.in.sin_port : a.is.in6.sin6_port);
}

/* The address without its port, as text. */
static inline const char *text_of(const struct address *a)
{
    static char text[INET6_ADDRSTRLEN];
    const void *bytes = a->is.any.sa_family == AF_INET ? (const void *)&a->is.in.sin_addr : &a->is.in6.sin6_addr;

    return inet_ntop(a->is.any.sa_family, bytes, text, sizeof text);
}

static inline void connect_to(int sock, const char *text, int port)
{
    struct address a = address(text, port);

    CHECK_CASE(connect(sock, &a.is.any, a.len) == 0, "connect to %s", text);
}

/* Sets an option; where the kernel does not know it the test is skipped. */
static inline void set(int sock, int level, int name, int value)
{
    if (setsockopt(sock, level, name, &value, sizeof value) == 0)
        return;
    if (errno == ENOPROTOOPT || errno == EPERM)
        skip("option %d of level %d: %s", name, level, strerror(errno));
    fail(__FILE__, __LINE__, "option %d of level %d: %s", name, level, strerror(errno));
}

#endif
