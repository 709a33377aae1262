#include "notify.h"
#include <ancillary.h>

static int read_sender(const struct msghdr *msg, struct ucred *from)
{
    struct anc_cmsg c = {0};
    while (anc_next(msg, &c) == 1)
        if (c.level == SOL_SOCKET && c.type == SCM_CREDENTIALS && c.len == sizeof *from) {
            memcpy(from, c.data, sizeof *from);
            return from->pid > 0;
        }
    return 0;
}

static int receive(int sock, struct notification *n)
{
    unsigned char control[ANC_CONTROL_MAX];
    struct iovec iov = {n->text, sizeof n->text};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t len = anc_recvmsg(sock, &msg, MSG_DONTWAIT);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR ? NOTIFY_NOTHING : NOTIFY_ERROR;
    n->lost = anc_truncation_cause(&msg, sizeof control) != 0;
    if (!read_sender(&msg, &n->from) || !notify_text_is_good(n, (size_t)len, msg.msg_flags) ||
        anc_take_fds(&msg, n->fds, NOTIFY_FDS, &n->nfds, 0) == -1) {
        anc_close_unclaimed(&msg);
        return NOTIFY_IGNORED;
    }
    n->pidfd = anc_take_pidfd(&msg);
    return NOTIFY_MESSAGE;
}

const struct notify notify_ancillary = {receive};
