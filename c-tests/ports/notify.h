/* The socket that services tell their state to: datagrams of text with credentials, a pidfd, and up
 * to 253 descriptors to keep (the shape of systemd's receiver of sd_notify). A datagram that is no
 * good is passed over: too long, with a zero byte inside, or of nobody. */
#ifndef NOTIFY_H
#define NOTIFY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "numbers.h"
#include "systems.h"
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NOTIFY_TEXT = 4096, NOTIFY_FDS = 253 };
enum { NOTIFY_ERROR = -1, NOTIFY_NOTHING = 0, NOTIFY_MESSAGE = 1, NOTIFY_IGNORED = 2 };

struct notification {
    char text[NOTIFY_TEXT + 1];
    struct ucred from;
    int pidfd; /* the caller's, or -1 */
    int fds[NOTIFY_FDS]; /* the caller's */
    size_t nfds;
    int lost; /* not all descriptors that were sent could be received */
};

struct notify {
    int (*receive)(int sock, struct notification *n);
};

extern const struct notify notify_by_hand, notify_ancillary;

/* For both: switches on what is to come. */
static inline void notify_prepare(int sock)
{
    int on = 1;
    (void)setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    (void)setsockopt(sock, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on); /* Linux 6.5 */
}

/* For both: ends the text, and looks at it. */
static inline int notify_text_is_good(struct notification *n, size_t len, int msg_flags)
{
    if (len > NOTIFY_TEXT || msg_flags & MSG_TRUNC)
        return 0;
    n->text[len] = 0;
    return len > 0 && strlen(n->text) == len;
}

#endif
