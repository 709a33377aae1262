/* The Rust crate passfd, https://github.com/polachok/passfd src/lib.rs: the padding's leak, and
 * that of every refusal.
 *
 * recv_fd means to make sure that exactly one descriptor came: msg_controllen must be
 * CMSG_SPACE(sizeof(int)) after the call. On 64-bit systems it is 24 with one descriptor, and 24
 * with two. The second stays open. And as the length of the data is compared first, a message with
 * any other number of bytes is an error that leaves all its descriptors open.
 *
 * anc_recv_fds with ANC_EXACT is what was meant. */
#include "field.h"

static int receive_by_hand(int sock)
{
    union {
        struct cmsghdr align;
        char bytes[256];
    } control;
    int dummy, fd;
    struct iovec iov = {&dummy, sizeof dummy};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = CMSG_SPACE(sizeof(int))};
    memset(&control, 0, sizeof control);
    if (recvmsg(sock, &msg, 0) != sizeof dummy)
        return -1;
    if (msg.msg_controllen != CMSG_SPACE(sizeof(int)) || control.align.cmsg_level != SOL_SOCKET ||
        control.align.cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(&control.align), sizeof fd);
    return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
}

static int receive_with_library(int sock)
{
    int dummy, fd;
    size_t nfds;
    ssize_t n = anc_recv_fds(sock, &dummy, sizeof dummy, &fd, 1, &nfds, ANC_EXACT | ANC_ALL);
    if (n == sizeof dummy)
        return fd;
    anc_close_fds(&fd, nfds); /* of a message that ended early: a short count, and the caller's */
    return -1;
}

TEST(by_hand_two_descriptors_have_the_length_of_one)
{
    int pair[2], sent[2], fd;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "1234", 4, sent, 2, 0), 4);
    fd = receive_by_hand(pair[1]);
    CHECK(same_file(fd, sent[0]));
    close(fd);
    CHECK_INT(leaked(&before), sizeof(size_t) == 8 ? 1 : 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(by_hand_a_message_of_another_size_leaves_its_descriptors_open)
{
    int pair[2], sent[2];
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "1", 1, sent, 2, 0), 1);
    CHECK_INT(receive_by_hand(pair[1]), -1);
    CHECK_INT(leaked(&before), sizeof(size_t) == 8 ? 2 : 1);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_exactly_one_is_exactly_one)
{
    int pair[2], sent[2], n;
    struct table before;
    new_descriptors(sent, 2);
    before = table_now();
    for (n = 0; n <= 2; n++) {
        int fd;
        socket_pair(SOCK_STREAM, pair);
        CHECK_INT(raw_send(pair[0], "1234", 4, sent, n, 0), 4);
        errno = 0;
        fd = receive_with_library(pair[1]);
        if (n == 1) {
            CHECK(same_file(fd, sent[0]) && is_cloexec(fd));
            close(fd);
        } else {
            CHECK(fd == -1 && errno == (n ? ERANGE : ENOMSG));
        }
        close_both(pair);
        CHECK_INT(leaked(&before), 0);
    }
    anc_close_fds(sent, 2);
}

/* The peer sends one byte and goes: the call has waited for four, as the protocol has it. */
TEST(with_the_library_a_message_of_another_size_is_closed_with_its_descriptor)
{
    int pair[2], sent = new_descriptor();
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "1", 1, &sent, 1, 0), 1);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    CHECK_INT(receive_with_library(pair[1]), -1);
    CHECK_INT(leaked(&before), 0);
    close(sent);
    close_both(pair);
}
