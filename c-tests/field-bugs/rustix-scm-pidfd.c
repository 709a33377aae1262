/* The Rust crate rustix, https://github.com/bytecodealliance/rustix src/net/send_recv/msg.rs: a
 * pidfd that nobody knows.
 *
 * Its receive buffer hands out SCM_RIGHTS and SCM_CREDENTIALS, and closes the descriptors that were
 * not taken when it is dropped. Every other message is skipped. With SO_PASSPIDFD (Linux 6.5) each
 * message brings a pidfd in an SCM_PIDFD: a descriptor of this process, open, and its number seen
 * by nobody. The option survives accept and fork, so that whoever reads need not be who set it.
 *
 * anc_recv_fds closes it; in a program's own control buffer anc_take_pidfd takes it and
 * anc_close_unclaimed closes it. */
#include "field.h"

enum { ROUNDS = 5 };

/* A socket that attaches pidfds. */
static void pidfd_pair(int pair[2])
{
    int on = 1;
    socket_pair(SOCK_STREAM, pair);
    if (setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        skip("SO_PASSPIDFD: %s", strerror(errno));
}

static ssize_t receive_by_hand(int sock, char *buf, size_t len, int *fd, struct ucred *peer)
{
    union {
        struct cmsghdr align;
        char bytes[256];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    *fd = -1;
    for (c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        size_t i, payload = c->cmsg_len - CMSG_LEN(0);
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_CREDENTIALS && payload >= sizeof *peer)
            memcpy(peer, CMSG_DATA(c), sizeof *peer);
        for (i = 0; c->cmsg_type == SCM_RIGHTS && i < payload / sizeof(int); i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
            if (*fd < 0)
                *fd = one;
            else
                close(one);
        }
    }
    return n;
}

static ssize_t receive_with_library(int sock, char *buf, size_t len, int *fd, struct ucred *peer)
{
    char control[ANC_CONTROL_MAX];
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    size_t nfds;
    ssize_t n = anc_recvmsg(sock, &msg, 0);
    *fd = -1;
    if (n >= 0)
        anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, peer, sizeof *peer);
    anc_take_fds(&msg, fd, 1, &nfds, ANC_TRIM);
    anc_close_unclaimed(&msg);
    return n;
}

TEST(by_hand_every_message_leaves_a_pidfd_open)
{
    int pair[2], sent[2], fd, i;
    char byte;
    struct ucred peer;
    struct table before;
    pidfd_pair(pair);
    option(pair[1], SO_PASSCRED, 1);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        CHECK_INT(raw_send(pair[0], "x", 1, sent, i % 3, 0), 1);
        CHECK_INT(receive_by_hand(pair[1], &byte, 1, &fd, &peer), 1);
        CHECK_INT(peer.pid, getpid());
        if (fd >= 0)
            close(fd);
    }
    CHECK_INT(leaked(&before), ROUNDS);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_in_ones_own_buffer_it_is_closed_with_the_rest)
{
    int pair[2], sent[2], fd, i;
    char byte;
    struct table before;
    pidfd_pair(pair);
    option(pair[1], SO_PASSCRED, 1);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        struct ucred peer = {0, 0, 0};
        CHECK_INT(raw_send(pair[0], "x", 1, sent, i % 3, 0), 1);
        CHECK_INT(receive_with_library(pair[1], &byte, 1, &fd, &peer), 1);
        CHECK(peer.pid == getpid() && peer.uid == geteuid());
        CHECK((fd >= 0) == (i % 3 > 0));
        if (fd >= 0) {
            CHECK(same_file(fd, sent[0]));
            close(fd);
        }
    }
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_the_call_for_descriptors_closes_it)
{
    int pair[2], sent[2], fd, i;
    struct table before;
    pidfd_pair(pair);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        CHECK_INT(raw_send(pair[0], "x", 1, sent, 1, 0), 1);
        fd = anc_recv_fd(pair[1], 0);
        CHECK(same_file(fd, sent[0]));
        close(fd);
        CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
        CHECK_ERRNO(anc_recv_fd(pair[1], 0), ENOMSG); /* a pidfd is no descriptor that was sent */
    }
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_it_can_be_taken)
{
    int pair[2], pidfd;
    char byte, control[ANC_CONTROL_MAX];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    struct table before;
    pidfd_pair(pair);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
    CHECK_OK(anc_recvmsg(pair[1], &msg, 0), 1);
    pidfd = anc_take_pidfd(&msg);
    CHECK(is_cloexec(pidfd));
    anc_close_unclaimed(&msg);
    CHECK(is_open(pidfd)); /* taken is taken */
    CHECK_INT(leaked(&before), 1);
    close_both(pair);
}
