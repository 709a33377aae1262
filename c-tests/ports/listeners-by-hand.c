#include "listeners.h"

static int give_group(int sock, const struct listener *group, int count, char *text)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * LISTENERS_GROUP)];
    } control;
    struct iovec iov = {text, listeners_write(group, count, text)};
    struct msghdr msg;
    struct cmsghdr *cmsg;
    ssize_t sent;
    int i;

    memset(&msg, 0, sizeof msg);
    memset(&control, 0, sizeof control);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    for (i = 0; i < count; i++)
        memcpy(CMSG_DATA(cmsg) + (size_t)i * sizeof(int), &group[i].fd, sizeof(int));
    do {
        sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (sent == -1 && errno == EINTR);
    return sent == (ssize_t)iov.iov_len ? 0 : -1;
}

static int give(int sock, const struct listener *all, int count)
{
    char *text = malloc(LISTENERS_TEXT(LISTENERS_GROUP));
    int done = 0, answer, result = listeners_asked(sock);
    if (result == 0 && send(sock, &count, sizeof count, MSG_NOSIGNAL) != sizeof count)
        result = -1;
    while (result == 0 && done < count) {
        int group = count - done < LISTENERS_GROUP ? count - done : LISTENERS_GROUP;
        result = give_group(sock, all + done, group, text);
        if (result == 0 && recv(sock, &answer, sizeof answer, MSG_WAITALL) != sizeof answer)
            result = -1;
        done += group;
    }
    free(text);
    return result;
}

static int take(int sock, struct listener *all, int max)
{
    size_t room = CMSG_SPACE(sizeof(int)) * LISTENERS_GROUP, filled = 0;
    char *control = malloc(room), *text = NULL;
    int *fds = NULL, count = 0, got = 0, result = -1, i;
    struct msghdr msg;
    struct iovec iov = {&count, sizeof count};
    struct cmsghdr *cmsg;
    ssize_t n;

    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    if (send(sock, LISTENERS_QUESTION, strlen(LISTENERS_QUESTION), MSG_NOSIGNAL) < 0)
        goto out;
    if (recvmsg(sock, &msg, MSG_WAITALL) != sizeof count || count < 0 || count > max)
        goto out;
    text = malloc(LISTENERS_TEXT(count) + 1);
    fds = malloc((size_t)count * sizeof(int) + 1);
    while (got < count) {
        iov.iov_base = text + filled;
        iov.iov_len = LISTENERS_TEXT(count) - filled;
        msg.msg_control = control;
        msg.msg_controllen = room;
        n = recvmsg(sock, &msg, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (send(sock, &got, sizeof got, MSG_NOSIGNAL) < 0)
            break;
        for (cmsg = CMSG_FIRSTHDR(&msg); cmsg != NULL; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
            if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
                size_t len = cmsg->cmsg_len - CMSG_LEN(0);
                if (len / sizeof(int) + (size_t)got > (size_t)count)
                    goto out;
                memcpy(&fds[got], CMSG_DATA(cmsg), len);
                got += (int)(len / sizeof(int));
            }
        }
        filled += (size_t)n;
    }
    if (got != count || listeners_read(all, count, text, filled) != count)
        goto out;
    for (i = 0; i < count; i++)
        all[i].fd = fds[i];
    result = count;
    got = 0;
out:
    for (i = 0; i < got; i++)
        close(fds[i]);
    free(control);
    free(text);
    free(fds);
    return result;
}

const struct listeners listeners_by_hand = {give, take};
