#include "triples.h"

static ssize_t send1msg(int sock, const void *data, size_t len, int flags,
                        const struct triple *list, size_t count)
{
    struct iovec iov = {(void *)data, len};
    struct msghdr msg;
    struct cmsghdr *cmsg;
    size_t total = 0, i;
    ssize_t n;

    msg.msg_name = NULL;
    msg.msg_namelen = 0;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_flags = 0;
    for (i = 0; i < count; i++) {
        size_t before = total;
        total += CMSG_SPACE(list[i].len);
        if (total < before) {
            errno = EOVERFLOW;
            return -1;
        }
    }
    msg.msg_control = NULL;
    msg.msg_controllen = total;
    if (total > 0) {
        msg.msg_control = triples_memory(total);
        if (!msg.msg_control)
            return -1;
        cmsg = CMSG_FIRSTHDR(&msg);
        for (i = 0; i < count && cmsg; i++) {
            cmsg->cmsg_level = list[i].level;
            cmsg->cmsg_type = list[i].type;
            cmsg->cmsg_len = CMSG_LEN(list[i].len);
            memcpy(CMSG_DATA(cmsg), list[i].data, list[i].len);
            cmsg = CMSG_NXTHDR(&msg, cmsg);
        }
    }
    n = sendmsg(sock, &msg, flags);
    free(msg.msg_control);
    return n;
}

static int recv1msg(int sock, int flags, void *buf, size_t max, size_t control, struct message1 *m)
{
    struct iovec iov = {buf, max};
    struct msghdr msg;
    struct cmsghdr *cmsg;
    void *memory = triples_memory(CMSG_SPACE(control));
    ssize_t n;

    m->count = 0;
    if (!memory)
        return -1;
    memset(memory, 0, CMSG_SPACE(control));
    msg.msg_name = NULL;
    msg.msg_namelen = 0;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = memory;
    msg.msg_controllen = CMSG_SPACE(control);
    n = recvmsg(sock, &msg, flags);
    if (n < 0) {
        free(memory);
        return -1;
    }
    for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
        struct triple *triple = &m->list[m->count];
        size_t overhead = (size_t)((char *)CMSG_DATA(cmsg) - (char *)cmsg);
        if (cmsg->cmsg_level == 0 && cmsg->cmsg_type == 0)
            continue;
        if (m->count == sizeof m->list / sizeof m->list[0])
            break;
        triple->level = cmsg->cmsg_level;
        triple->type = cmsg->cmsg_type;
        triple->len = cmsg->cmsg_len - overhead;
        memcpy(triple->data, CMSG_DATA(cmsg), triple->len);
        m->count++;
    }
    m->len = (size_t)n;
    m->flags = msg.msg_flags;
    free(memory);
    return 0;
}

const struct triples triples_by_hand = {send1msg, recv1msg};
