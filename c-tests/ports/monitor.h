/* A privilege-separated monitor hands descriptors to its unprivileged half: each with a byte that
 * means nothing (the shape of OpenSSH's monitor_fdpass). Both wait, whatever O_NONBLOCK says. */
#ifndef MONITOR_H
#define MONITOR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct monitor {
    int (*send_fd)(int sock, int fd); /* 0 or -1 */
    int (*receive_fd)(int sock);      /* the descriptor or -1 */
};

extern const struct monitor monitor_by_hand, monitor_ancillary;

#endif
