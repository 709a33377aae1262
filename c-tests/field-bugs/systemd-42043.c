/* systemd, https://github.com/systemd/systemd/pull/42043 (also pull request 40089, issue 34688): a
 * call that is never answered.
 *
 * Where a security module or the descriptor limit keeps a descriptor back, recvmsg gives the whole
 * message and MSG_CTRUNC. recvmsg_safe() made an error of that, the bytes were thrown away with the
 * descriptors, and the server dropped the connection: the caller waited for a reply to a request of
 * which nobody knew the name any more. The fix keeps the bytes, drops the descriptors, and answers
 * the caller with an error.
 *
 * That needs the whole-message call: anc_recvmsg keeps the bytes whatever was lost,
 * anc_truncation_cause says why, anc_close_unclaimed drops the rest. (anc_recv_fds is the
 * recvmsg_safe here: -1, and the bytes count as lost.) */
#include "field.h"

enum { SENT = 4 };

/* Serves one request, "name" with descriptors: answers "name ok" or "name " and an errno. */
static int serve_by_hand(int sock)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(ANC_FDS_MAX * sizeof(int))];
    } control;
    char request[64], reply[96];
    struct iovec iov = {request, sizeof request - 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    size_t i, nfds = 0;
    if (n <= 0)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            for (i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++, nfds++) {
                int fd;
                memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                close(fd);
            }
    if (msg.msg_flags & MSG_CTRUNC) {
        errno = ECHRNG;
        return -1;
    }
    request[n] = 0;
    snprintf(reply, sizeof reply, "%s ok", request);
    return send(sock, reply, strlen(reply), MSG_NOSIGNAL) < 0 ? -1 : (int)nfds;
}

static int serve_with_library(int sock)
{
    char request[64], reply[96], control[ANC_CONTROL_MAX];
    struct iovec iov = {request, sizeof request - 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t n = anc_recvmsg(sock, &msg, 0);
    int fds[ANC_FDS_MAX], lost;
    size_t nfds;
    if (n <= 0)
        return -1;
    request[n] = 0;
    lost = anc_truncation_cause(&msg, sizeof control);
    anc_take_fds(&msg, fds, ANC_FDS_MAX, &nfds, 0);
    anc_close_unclaimed(&msg);
    anc_close_fds(fds, nfds); /* a real server would use them, unless `lost` */
    if (lost)
        snprintf(reply, sizeof reply, "%s %d", request, lost);
    else
        snprintf(reply, sizeof reply, "%s ok", request);
    return anc_send_fds(sock, reply, strlen(reply), NULL, 0, 0) < 0 ? -1 : (int)nfds;
}

/* A caller's request meets a table with room for `room` of its descriptors. */
static int call(int (*serve)(int), int pair[2], int room, int *error)
{
    int sent[SENT], result;
    struct table before;
    struct rlimit old;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, SENT);
    CHECK_INT(raw_send(pair[0], "job7", 4, sent, SENT, 0), 4);
    before = table_now();
    old = leave_room(room);
    errno = 0;
    result = serve(pair[1]);
    *error = errno;
    restore(&old);
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, SENT);
    return result;
}

TEST(by_hand_the_caller_waits_for_ever)
{
    int room;
    for (room = 0; room < SENT; room++) {
        int pair[2], error;
        CHECK_INT(call(serve_by_hand, pair, room, &error), -1);
        CHECK_INT(error, ECHRNG);
        EXPECT_NOTHING(pair[0]); /* no reply, and the request is gone from the socket */
        EXPECT_NOTHING(pair[1]);
        close_both(pair);
    }
}

TEST(with_the_library_the_caller_is_told)
{
    int room;
    for (room = 0; room < SENT; room++) {
        int pair[2], error;
        char expected[32];
        CHECK_INT(call(serve_with_library, pair, room, &error), room);
        snprintf(expected, sizeof expected, "job7 %d", EMFILE);
        EXPECT(pair[0], expected, NULL, 0);
        close_both(pair);
    }
}

TEST(with_the_library_a_request_that_lost_nothing_is_served)
{
    int pair[2], error;
    CHECK_INT(call(serve_with_library, pair, SENT, &error), SENT);
    EXPECT(pair[0], "job7 ok", NULL, 0);
    close_both(pair);
}

/* What the short call does instead: it can't answer, but it does not pretend either. */
TEST(with_anc_recv_fds_the_loss_is_an_error)
{
    int pair[2], sent[SENT], fds[SENT];
    char request[64];
    size_t nfds = 99;
    struct table before;
    struct rlimit old;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, SENT);
    CHECK_INT(raw_send(pair[0], "job7", 4, sent, SENT, 0), 4);
    before = table_now();
    old = leave_room(2);
    CHECK_ERRNO(anc_recv_fds(pair[1], request, sizeof request, fds, SENT, &nfds, 0), EMFILE);
    restore(&old);
    CHECK_INT(nfds, 0);
    CHECK_INT(leaked(&before), 0);
    EXPECT_NOTHING(pair[1]);
    anc_close_fds(sent, SENT);
    close_both(pair);
}
