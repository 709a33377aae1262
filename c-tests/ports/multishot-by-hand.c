#include "multishot.h"

static void read_rights(struct cmsghdr *cmsg, struct arrival *a)
{
    size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int), i;
    for (i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof fd, sizeof fd);
        if (a->nfds < MULTISHOT_FDS)
            a->fds[a->nfds++] = fd;
        else
            close(fd);
    }
}

static int read_buffer(void *buf, int len, struct msghdr *layout, struct arrival *a)
{
    struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buf, len, layout);
    struct cmsghdr *cmsg;
    memset(a, 0, sizeof *a);
    if (!out)
        return -1;
    a->bytes = io_uring_recvmsg_payload(out, layout);
    a->len = io_uring_recvmsg_payload_length(out, len, layout);
    a->lost = (out->flags & MSG_TRUNC) != 0;
    for (cmsg = io_uring_recvmsg_cmsg_firsthdr(out, layout); cmsg;
         cmsg = io_uring_recvmsg_cmsg_nexthdr(out, layout, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET)
            continue;
        if (cmsg->cmsg_type == SCM_RIGHTS)
            read_rights(cmsg, a);
        else if (cmsg->cmsg_type == SCM_CREDENTIALS && cmsg->cmsg_len == CMSG_LEN(sizeof a->from))
            memcpy(&a->from, CMSG_DATA(cmsg), sizeof a->from);
    }
    return 0;
}

const struct multishot multishot_by_hand = {read_buffer};
