#include "notify.h"
#include <ancillary.h>

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
    if (anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, &n->from, sizeof n->from) == -1 ||
        n->from.pid <= 0 || !notify_text_is_good(n, (size_t)len, msg.msg_flags) ||
        anc_take_fds(&msg, n->fds, NOTIFY_FDS, &n->nfds, 0) == -1) {
        anc_close_unclaimed(&msg);
        return NOTIFY_IGNORED;
    }
    n->pidfd = anc_take_pidfd(&msg);
    return NOTIFY_MESSAGE;
}

const struct notify notify_ancillary = {receive};
