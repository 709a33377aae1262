/* Messages that an io_uring multishot receive has put into provided buffers: a header, room for an
 * address, room for control data, the bytes. Where each part is, both ports ask liburing; who reads
 * the control data is the difference. */
#ifndef MULTISHOT_H
#define MULTISHOT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MULTISHOT_FDS = 16 };

struct arrival {
    const unsigned char *bytes;
    size_t len;
    int fds[MULTISHOT_FDS]; /* the caller's */
    size_t nfds;
    struct ucred from; /* pid 0: not told */
    int lost;          /* descriptors or bytes have been left out */
};

struct multishot {
    int (*read)(void *buf, int len, struct msghdr *layout, struct arrival *a); /* 0, -1 */
};

extern const struct multishot multishot_by_hand, multishot_ancillary;

#endif
