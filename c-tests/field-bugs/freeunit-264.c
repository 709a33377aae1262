/* freeunit (NGINX Unit), https://github.com/freeunitorg/freeunit/issues/264: the path without a
 * descriptor, taken in silence.
 *
 * A port message may bring a descriptor, and each handler knows what to do without one. At the
 * descriptor limit Linux delivers payload and credentials, throws the descriptor away and sets
 * MSG_CTRUNC, at which nothing looked. What arrives is well formed, from the right process, and
 * says -1: a process was marked ready without its queue, a port was made that nobody can write to.
 *
 * anc_recv_fds tells the two apart: no descriptor was sent is 0 of them, one was lost is EMFILE. */
#include "field.h"

struct port_message {
    int32_t pid;
    uint32_t type;
};

enum { READY = 5 };

static int receive_by_hand(int sock, struct port_message *m, struct ucred *sender, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {m, sizeof *m};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    *fd = -1;
    sender->pid = -1;
    if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != sizeof *m)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof *sender))
            memcpy(sender, CMSG_DATA(c), sizeof *sender);
        if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof *fd))
            memcpy(fd, CMSG_DATA(c), sizeof *fd);
    }
    return sender->pid == m->pid ? 0 : -1;
}

static int receive_with_library(int sock, struct port_message *m, struct ucred *sender, int *fd)
{
    char control[ANC_CONTROL_MAX];
    struct iovec iov = {m, sizeof *m};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t n = anc_recvmsg(sock, &msg, 0);
    size_t nfds = 0;
    int lost = n < 0 ? errno : anc_truncation_cause(&msg, sizeof control);
    *fd = -1;
    if (n == sizeof *m && !lost && anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, sender, sizeof *sender) == 0 &&
        sender->pid == m->pid && anc_take_fds(&msg, fd, 1, &nfds, 0) == 0)
        return 0;
    anc_close_unclaimed(&msg);
    errno = lost ? lost : EPROTO;
    return -1;
}

static void send_ready(int sock, const int *fds, int nfds)
{
    struct port_message m = {getpid(), READY};
    CHECK_INT(raw_send(sock, &m, sizeof m, fds, nfds, 0), sizeof m);
}

TEST(by_hand_a_lost_descriptor_looks_as_if_none_had_been_sent)
{
    int pair[2], sent = new_descriptor(), fd = -7, sent_without = -7;
    struct port_message lost, without;
    struct ucred sender;
    struct rlimit old;
    socket_pair(SOCK_SEQPACKET, pair);
    option(pair[1], SO_PASSCRED, 1);
    send_ready(pair[0], &sent, 1);
    send_ready(pair[0], NULL, 0);
    old = leave_room(0);
    CHECK_INT(receive_by_hand(pair[1], &lost, &sender, &fd), 0);
    restore(&old);
    CHECK_INT(receive_by_hand(pair[1], &without, &sender, &sent_without), 0);
    CHECK(fd == -1 && sent_without == -1 && memcmp(&lost, &without, sizeof lost) == 0);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_lost_descriptor_is_EMFILE_and_none_is_none)
{
    int pair[2], sent = new_descriptor(), fd = -7;
    struct port_message m;
    struct ucred sender;
    struct table before;
    struct rlimit old;
    socket_pair(SOCK_SEQPACKET, pair);
    option(pair[1], SO_PASSCRED, 1);
    before = table_now();
    send_ready(pair[0], &sent, 1);
    old = leave_room(0);
    CHECK_ERRNO(receive_with_library(pair[1], &m, &sender, &fd), EMFILE);
    restore(&old);
    CHECK_INT(m.type, READY); /* for the log, or an answer */
    send_ready(pair[0], NULL, 0);
    CHECK_INT(receive_with_library(pair[1], &m, &sender, &fd), 0);
    CHECK_INT(fd, -1);
    send_ready(pair[0], (int[]){sent, sent}, 2);
    CHECK_ERRNO(receive_with_library(pair[1], &m, &sender, &fd), EPROTO);
    CHECK_INT(leaked(&before), 0);
    send_ready(pair[0], &sent, 1);
    CHECK_INT(receive_with_library(pair[1], &m, &sender, &fd), 0);
    CHECK(same_file(fd, sent));
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

/* Who needs no credentials has it in one call. */
TEST(with_anc_recv_fds_too)
{
    int pair[2], sent = new_descriptor(), fd = -7, type;
    char buf[8];
    size_t nfds;
    struct table before;
    struct rlimit old;
    for (type = 0; type < 3; type++) {
        socket_pair(socket_types[type], pair);
        before = table_now();
        CHECK_INT(raw_send(pair[0], "ready", 5, &sent, 1, 0), 5);
        old = leave_room(0);
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, sizeof buf, &fd, 1, &nfds, 0), EMFILE);
        restore(&old);
        CHECK_INT(raw_send(pair[0], "ready", 5, NULL, 0, 0), 5);
        CHECK_OK(anc_recv_fds(pair[1], buf, sizeof buf, &fd, 1, &nfds, 0), 5);
        CHECK(nfds == 0 && fd == -7);
        CHECK_INT(leaked(&before), 0);
        close_both(pair);
    }
    close(sent);
}
