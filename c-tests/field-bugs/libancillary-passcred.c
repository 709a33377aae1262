/* The older libancillary, https://github.com/mhaberler/libancillary fd_pass.c, and pesign,
 * https://github.com/rhboot/pesign/issues/69: a pid taken for a descriptor; success at end of file.
 *
 * ancil_recv_fd gives the kernel a buffer for one int behind one header, and afterwards reads the
 * int at that place. It looks neither at the number of bytes, nor at msg_controllen, nor at the
 * type. With SO_PASSCRED the credentials come first; cut to the buffer's length, they leave exactly
 * the pid where the descriptor was expected. The descriptor has no room and is gone. At end of file
 * nothing is written: the call succeeds with the -1 that it had put there itself.
 *
 * anc_recv_fd's buffer holds everything that a socket can bring, and only SCM_RIGHTS is read as
 * descriptors. End of file is EPIPE. */
#include "field.h"

static int receive_by_hand(int sock, int *fd)
{
    union {
        struct cmsghdr header;
        char bytes[sizeof(struct cmsghdr) + sizeof(int)];
    } control;
    char nothing;
    struct iovec iov = {&nothing, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof(struct cmsghdr) + sizeof(int)};
    *fd = -1;
    control.header.cmsg_len = msg.msg_controllen;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), fd, sizeof *fd);
    if (recvmsg(sock, &msg, 0) < 0)
        return -1;
    memcpy(fd, CMSG_DATA(&control.header), sizeof *fd);
    return 0;
}

static int receive_with_library(int sock, int *fd)
{
    *fd = anc_recv_fd(sock, 0);
    return *fd < 0 ? -1 : 0;
}

TEST(by_hand_the_senders_pid_is_the_descriptor)
{
    int pair[2], sent = new_descriptor(), fd;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "!", 1, &sent, 1, 0), 1);
    CHECK_INT(receive_by_hand(pair[1], &fd), 0);
    CHECK_INT(fd, getpid()); /* the number is the sender's choice, so far as pids can be chosen */
    CHECK_INT(leaked(&before), 0);
    EXPECT_NOTHING(pair[1]); /* the descriptor will not come any more */
    close(sent);
    close_both(pair);
}

TEST(by_hand_end_of_file_and_a_byte_alone_are_success)
{
    int pair[2], fd = 77;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "!", 1, NULL, 0, 0), 1);
    CHECK_INT(receive_by_hand(pair[1], &fd), 0);
    CHECK_INT(fd, -1);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    fd = 77;
    CHECK_INT(receive_by_hand(pair[1], &fd), 0);
    CHECK_INT(fd, -1);
    close_both(pair);
}

TEST(with_the_library_the_descriptor_comes_behind_the_credentials)
{
    int pair[2], sent = new_descriptor(), fd, type;
    struct table before;
    for (type = 0; type < 3; type++) {
        socket_pair(socket_types[type], pair);
        option(pair[1], SO_PASSCRED, 1);
        before = table_now();
        CHECK_INT(raw_send(pair[0], "!", 1, &sent, 1, 0), 1);
        CHECK_INT(receive_with_library(pair[1], &fd), 0);
        CHECK(same_file(fd, sent));
        CHECK_INT(leaked(&before), 1);
        close_both(pair);
    }
    close(sent);
}

TEST(with_the_library_end_of_file_is_EPIPE_and_a_byte_alone_is_ENOMSG)
{
    int pair[2], fd, with_credentials;
    for (with_credentials = 0; with_credentials < 2; with_credentials++) {
        socket_pair(SOCK_STREAM, pair);
        option(pair[1], SO_PASSCRED, with_credentials);
        CHECK_INT(raw_send(pair[0], "!", 1, NULL, 0, 0), 1);
        CHECK_ERRNO(receive_with_library(pair[1], &fd), ENOMSG);
        CHECK(shutdown(pair[0], SHUT_WR) == 0);
        CHECK_ERRNO(receive_with_library(pair[1], &fd), EPIPE);
        close_both(pair);
    }
}
