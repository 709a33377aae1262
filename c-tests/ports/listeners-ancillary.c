#include "listeners.h"
#include <ancillary.h>

static int give_group(int sock, const struct listener *group, int count, char *text)
{
    size_t len = listeners_write(group, count, text);
    int fds[LISTENERS_GROUP], i;
    for (i = 0; i < count; i++)
        fds[i] = group[i].fd;
    return anc_send_fds(sock, text, len, fds, (size_t)count, ANC_ALL) == (ssize_t)len ? 0 : -1;
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

/* All groups: 0, or -1 with what has come in fds[0..*got). */
static int take_groups(int sock, struct listener *all, int count, char *text, int *fds, size_t *got)
{
    size_t filled = 0, nfds;
    while (*got < (size_t)count || listeners_read(all, count, text, filled) < count) {
        ssize_t n = anc_recv_fds(sock, text + filled, LISTENERS_TEXT(count) - filled, fds + *got,
                                 (size_t)count - *got, &nfds, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        *got += nfds;
        filled += (size_t)n;
        if (nfds > 0 && send(sock, &nfds, sizeof(int), MSG_NOSIGNAL) < 0)
            return -1;
    }
    return 0;
}

static int take(int sock, struct listener *all, int max)
{
    int count, *fds, i, result;
    size_t got = 0;
    char *text;
    if (send(sock, LISTENERS_QUESTION, strlen(LISTENERS_QUESTION), MSG_NOSIGNAL) < 0)
        return -1;
    if (anc_recv_fds(sock, &count, sizeof count, NULL, 0, NULL, ANC_ALL) != sizeof count)
        return -1;
    if (count < 0 || count > max)
        return -1;
    text = malloc(LISTENERS_TEXT(count) + 1);
    fds = malloc((size_t)count * sizeof(int) + 1);
    result = take_groups(sock, all, count, text, fds, &got);
    for (i = 0; result == 0 && i < count; i++)
        all[i].fd = fds[i];
    if (result == -1)
        anc_close_fds(fds, got);
    free(text);
    free(fds);
    return result == 0 ? count : -1;
}

const struct listeners listeners_ancillary = {give, take};
