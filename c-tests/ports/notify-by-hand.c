#include "notify.h"

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) +
              CMSG_SPACE(sizeof(int) * NOTIFY_FDS)];
};

struct found {
    struct ucred *from;
    int pidfd;
    int *fds;
    size_t nfds;
};

static struct found look_through(struct msghdr *msg)
{
    struct found found = {NULL, -1, NULL, 0};
    struct cmsghdr *cmsg;
    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET)
            continue;
        if (cmsg->cmsg_type == SCM_RIGHTS) {
            found.fds = (int *)(void *)CMSG_DATA(cmsg);
            found.nfds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        } else if (cmsg->cmsg_type == SCM_PIDFD && cmsg->cmsg_len == CMSG_LEN(sizeof(int))) {
            found.pidfd = *(int *)(void *)CMSG_DATA(cmsg);
        } else if (cmsg->cmsg_type == SCM_CREDENTIALS &&
                   cmsg->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
            found.from = (struct ucred *)(void *)CMSG_DATA(cmsg);
        }
    }
    return found;
}

static int ignore(const struct found *found)
{
    size_t i;
    for (i = 0; i < found->nfds; i++)
        close(found->fds[i]);
    if (found->pidfd >= 0)
        close(found->pidfd);
    return NOTIFY_IGNORED;
}

static int receive(int sock, struct notification *n)
{
    union control control;
    struct iovec iov = {n->text, sizeof n->text};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = sizeof control};
    struct found found;
    ssize_t len;

    len = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0)
        return errno == EAGAIN || errno == EINTR ? NOTIFY_NOTHING : NOTIFY_ERROR;
    if (len == 0)
        return NOTIFY_IGNORED;
    found = look_through(&msg);
    if (msg.msg_flags & MSG_CTRUNC) /* too many, it seems */
        return ignore(&found);
    if (!found.from || found.from->pid <= 0)
        return ignore(&found);
    if (!notify_text_is_good(n, (size_t)len, msg.msg_flags))
        return ignore(&found);
    n->from = *found.from;
    n->pidfd = found.pidfd;
    n->nfds = found.nfds;
    n->lost = 0;
    if (found.nfds)
        memcpy(n->fds, found.fds, found.nfds * sizeof(int));
    return NOTIFY_MESSAGE;
}

const struct notify notify_by_hand = {receive};
