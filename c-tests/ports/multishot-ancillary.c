#include "multishot.h"
#include <ancillary.h>

static int read_buffer(void *buf, int len, struct msghdr *layout, struct arrival *a)
{
    struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buf, len, layout);
    struct msghdr msg = {0};
    memset(a, 0, sizeof *a);
    if (!out)
        return -1;
    a->bytes = io_uring_recvmsg_payload(out, layout);
    a->len = io_uring_recvmsg_payload_length(out, len, layout);
    a->lost = (out->flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    msg.msg_control = (char *)io_uring_recvmsg_name(out) + layout->msg_namelen;
    msg.msg_controllen = out->controllen;
    anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, &a->from, sizeof a->from);
    anc_take_fds(&msg, a->fds, MULTISHOT_FDS, &a->nfds, ANC_TRIM);
    anc_close_unclaimed(&msg);
    return 0;
}

const struct multishot multishot_ancillary = {read_buffer};
