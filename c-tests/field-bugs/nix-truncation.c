/* The Rust crate nix, https://github.com/nix-rust/nix/issues/2400 and pull request 2413: refused to
 * look, so they leak.
 *
 * RecvMsg::cmsgs() returns ENOBUFS when MSG_CTRUNC is set, for a truncated buffer is not
 * safe to walk. But the descriptors that did fit are installed, and with the only way to their
 * numbers barred nothing can close them. It takes no attacker: switch on SO_PASSCRED, or send one
 * descriptor more, with a buffer for what was planned.
 *
 * The library's walk trusts no length, so it needs no refusal: after MSG_CTRUNC the messages that
 * are whole can be read, the cause asked for, and everything closed. */
#include "field.h"

/* cmsg_space!(UnixCredentials, RawFd): the padding behind the descriptor is room for another. */
enum { ROOM = CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)) };

static int receive_by_hand(int sock, char *byte, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[ROOM];
    } control;
    struct iovec iov = {byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    if (msg.msg_flags & MSG_CTRUNC) { /* no iterator over the messages */
        errno = ENOBUFS;
        return -1;
    }
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return 0;
}

static int receive_with_library(int sock, char *byte, int *fd)
{
    char control[ROOM];
    struct iovec iov = {byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    int cause;
    if (anc_recvmsg(sock, &msg, 0) != 1)
        return -1;
    cause = anc_truncation_cause(&msg, sizeof control);
    if (cause == 0)
        return anc_take_fds(&msg, fd, 1, NULL, ANC_EXACT);
    anc_close_unclaimed(&msg);
    errno = cause;
    return -1;
}

static void three_and_credentials(int pair[2], int sent[3])
{
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    new_descriptors(sent, 3);
    CHECK_INT(raw_send(pair[0], "x", 1, sent, 3, 0), 1);
}

TEST(by_hand_the_descriptors_that_had_room_stay_open)
{
    int pair[2], sent[3], fd = -1;
    char byte;
    struct table before;
    three_and_credentials(pair, sent);
    before = table_now();
    CHECK_ERRNO(receive_by_hand(pair[1], &byte, &fd), ENOBUFS);
    CHECK_INT(fd, -1);
    CHECK_INT(leaked(&before), sizeof(size_t) == 8 ? 2 : 1);
    anc_close_fds(sent, 3);
    close_both(pair);
}

TEST(with_the_library_the_same_error_leaves_nothing_open)
{
    int pair[2], sent[3], fd = -1;
    char byte;
    struct table before;
    three_and_credentials(pair, sent);
    before = table_now();
    CHECK_ERRNO(receive_with_library(pair[1], &byte, &fd), ENOBUFS);
    CHECK_INT(fd, -1);
    CHECK_INT(leaked(&before), 0);
    CHECK_INT(raw_send(pair[0], "y", 1, sent, 1, 0), 1);
    CHECK_OK(receive_with_library(pair[1], &byte, &fd), 0);
    CHECK(byte == 'y' && same_file(fd, sent[0]));
    close(fd);
    anc_close_fds(sent, 3);
    close_both(pair);
}

/* What is whole can be used although something is missing: the sender's identity, two of three. */
TEST(with_the_library_a_truncated_message_can_be_read)
{
    int pair[2], sent[3], fds[3], i;
    char byte, control[ROOM];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    struct anc_cmsg c = {0};
    struct ucred peer;
    size_t nfds;
    three_and_credentials(pair, sent);
    CHECK_OK(anc_recvmsg(pair[1], &msg, 0), 1);
    CHECK_INT(msg.msg_flags, MSG_CTRUNC);
    CHECK(anc_next(&msg, &c) == 1 && c.type == SCM_CREDENTIALS && !c.cut && c.len == sizeof peer);
    memcpy(&peer, c.data, sizeof peer);
    CHECK_INT(peer.pid, getpid());
    CHECK(anc_next(&msg, &c) == 1 && c.type == SCM_RIGHTS && !c.cut);
    CHECK_INT(anc_next(&msg, &c), 0);
    CHECK_OK(anc_take_fds(&msg, fds, 3, &nfds, 0), 0);
    CHECK_INT(nfds, sizeof(size_t) == 8 ? 2 : 1);
    for (i = 0; i < (int)nfds; i++)
        CHECK(same_file(fds[i], sent[i]));
    anc_close_fds(fds, nfds);
    anc_close_fds(sent, 3);
    close_both(pair);
}
