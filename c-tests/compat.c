/* ancillary-compat.h: the results of the older libancillary where they were right, and safe ones where they
 * were not. `old_recv` is a receiver of its shape, written anew: beside it the same is asserted to be the same. */
#include "control.h"
#include <ancillary-compat.h>

/* It fills the slots with -1, gives the kernel room for exactly n descriptors, and believes the length that it
 * had written itself where the kernel writes nothing. */
static int old_recv(int sock, int *fds, unsigned n)
{
    union {
        struct cmsghdr header;
        char bytes[sizeof(struct cmsghdr) + sizeof(int) * 960];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int) * n)};
    control.header.cmsg_len = msg.msg_controllen;
    memset(CMSG_DATA(&control.header), 0xff, sizeof(int) * n);
    if (recvmsg(sock, &msg, 0) < 0)
        return -1;
    memcpy(fds, CMSG_DATA(&control.header), sizeof(int) * n);
    return (int)((control.header.cmsg_len - sizeof(struct cmsghdr)) / sizeof(int));
}

static int old_send(int sock, const int *fds, unsigned n)
{
    union {
        struct cmsghdr header;
        char bytes[sizeof(struct cmsghdr) + sizeof(int) * 960];
    } control;
    char byte = '!';
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int) * n)};
    control.header.cmsg_len = msg.msg_controllen;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n);
    return sendmsg(sock, &msg, MSG_NOSIGNAL) >= 0 ? 0 : -1;
}

/* Every number sent and every number asked for, by either sender: as many come, with the same files, and -1
 * behind them. */
TEST(as_many_come_as_they_did)
{
    int t, sent, asked, who, i;
    for (t = 0; t < 3; t++)
        for (sent = 1; sent <= 6; sent++)
            for (asked = 1; asked <= 6; asked++)
                for (who = 0; who < 2; who++) {
                    int pair[2], files[6], was[6], is[6], expected = sent < asked ? sent : asked, before;
                    socket_pair(socket_types[t], pair);
                    new_descriptors(files, sent);
                    before = open_descriptors();
                    CHECK_INT(who ? old_send(pair[0], files, (unsigned)sent) : ancil_send_fds(pair[0], files, (unsigned)sent), 0);
                    CHECK_INT(old_recv(pair[1], was, (unsigned)asked), expected);
                    CHECK_INT(who ? old_send(pair[0], files, (unsigned)sent) : ancil_send_fds(pair[0], files, (unsigned)sent), 0);
                    CHECK_OK(ancil_recv_fds(pair[1], is, (unsigned)asked), expected);
                    for (i = 0; i < asked; i++) {
                        CHECK((was[i] >= 0) == (i < expected) && (is[i] >= 0) == (i < expected));
                        CHECK(i < expected ? same_file(was[i], files[i]) && same_file(is[i], files[i]) : is[i] == -1);
                    }
                    CHECK_INT(open_descriptors(), before + 2 * expected); /* the surplus is closed */
                    anc_close_fds(was, (size_t)expected);
                    anc_close_fds(is, (size_t)expected);
                    anc_close_fds(files, (size_t)sent);
                    close_both(pair);
                }
}

TEST(one_is_sent_and_received)
{
    int t, pair[2], file = new_descriptor(), fd = 77;
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        CHECK_OK(ancil_send_fd(pair[0], file), 0);
        CHECK_OK(ancil_recv_fd(pair[1], &fd), 0);
        CHECK(same_file(fd, file) && is_cloexec(fd));
        close(fd);
        /* To a peer that still has the older library, and from one. */
        CHECK_INT(ancil_send_fd(pair[0], file), 0);
        CHECK_INT(old_recv(pair[1], &fd, 1), 1);
        CHECK(same_file(fd, file) && !is_cloexec(fd));
        close(fd);
        CHECK_INT(old_send(pair[0], &file, 1), 0);
        CHECK_INT(ancil_recv_fd(pair[1], &fd), 0);
        close(fd);
        close_both(pair);
    }
    close(file);
}

TEST(the_byte_on_the_wire_is_the_same)
{
    int pair[2], file = new_descriptor();
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(ancil_send_fd(pair[0], file), 0);
    EXPECT(pair[1], "!", &file, 1);
    CHECK_INT(ancil_send_fds(pair[0], NULL, 0), 0);
    EXPECT(pair[1], "!", NULL, 0);
    /* One byte is read of a stream, and no more. */
    CHECK_INT(raw_send(pair[0], "xyz", 3, &file, 1, 0), 3);
    close(file);
    CHECK_INT(ancil_recv_fd(pair[1], &file), 0);
    EXPECT(pair[1], "yz", NULL, 0);
    close(file);
    close_both(pair);
}

TEST(the_buffer_may_be_any)
{
    int pair[2], file = new_descriptor(), fds[2];
    ANCIL_FD_BUFFER(2) buffer;
    CHECK_INT(sizeof buffer, sizeof(struct cmsghdr) + 2 * sizeof(int));
    memset(&buffer, 0x55, sizeof buffer);
    socket_pair(SOCK_STREAM, pair);
    CHECK_OK(ancil_send_fds_with_buffer(pair[0], &file, 1, &buffer), 0);
    CHECK_OK(ancil_recv_fds_with_buffer(pair[1], fds, 2, &buffer), 1);
    close(fds[0]);
    CHECK_OK(ancil_send_fds_with_buffer(pair[0], &file, 1, NULL), 0);
    CHECK_OK(ancil_recv_fds_with_buffer(pair[1], fds, 2, NULL), 1);
    close(fds[0]);
    close(file);
    close_both(pair);
}

TEST(end_of_file_was_success_and_is_EPIPE)
{
    int pair[2], fds[3] = {77, 77, 77};
    socket_pair(SOCK_STREAM, pair);
    close(pair[0]);
    CHECK_INT(old_recv(pair[1], fds, 3), 3);
    CHECK_INT(fds[0], -1);
    fds[0] = 77;
    CHECK_ERRNO(ancil_recv_fds(pair[1], fds, 3), EPIPE);
    CHECK(fds[0] == -1 && fds[1] == -1 && fds[2] == -1);
    fds[0] = 77;
    CHECK_ERRNO(ancil_recv_fd(pair[1], fds), EPIPE);
    CHECK_INT(fds[0], -1);
    close(pair[1]);
}

TEST(a_byte_alone_was_success_and_is_none)
{
    int pair[2], fds[2] = {77, 77};
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "!!!", 3, NULL, 0, 0), 3);
    CHECK_INT(old_recv(pair[1], fds, 2), 2);
    CHECK_OK(ancil_recv_fds(pair[1], fds, 2), 0);
    CHECK(fds[0] == -1 && fds[1] == -1);
    fds[0] = 77;
    CHECK_ERRNO(ancil_recv_fd(pair[1], fds), ENOMSG);
    CHECK_INT(fds[0], -1);
    close_both(pair);
}

TEST(credentials_were_taken_for_a_descriptor_and_are_not)
{
    int t, pair[2], file = new_descriptor(), fd;
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        option(pair[1], SO_PASSCRED, 1);
        CHECK_INT(ancil_send_fd(pair[0], file), 0);
        CHECK_INT(old_recv(pair[1], &fd, 1), 1);
        CHECK_INT(fd, getpid());
        CHECK_INT(ancil_send_fd(pair[0], file), 0);
        CHECK_OK(ancil_recv_fd(pair[1], &fd), 0);
        CHECK(same_file(fd, file));
        close(fd);
        close_both(pair);
    }
    close(file);
}

/* Room for one of three: the older library tells of one, or of three of which none is there. */
TEST(a_full_table_lost_descriptors_silently_and_is_EMFILE)
{
    int t, room, pair[2], sent[3] = {0, 1, 2}, fds[3];
    limits_begin();
    for (t = 0; t < 3; t++)
        for (room = 0; room < 3; room++) {
            int before;
            socket_pair(socket_types[t], pair);
            before = lowest_free();
            CHECK_INT(ancil_send_fds(pair[0], sent, 3), 0);
            CHECK_INT(ancil_send_fds(pair[0], sent, 3), 0);
            allow_only(room);
            CHECK_INT(old_recv(pair[1], fds, 3), room == 0 ? 3 : room);
            anc_close_fds(fds, (size_t)room);
            fds[0] = fds[1] = fds[2] = 77;
            CHECK_ERRNO(ancil_recv_fds(pair[1], fds, 3), EMFILE);
            CHECK(fds[0] == -1 && fds[1] == -1 && fds[2] == -1);
            allow_any();
            CHECK_INT(lowest_free(), before);
            close_both(pair);
        }
    limits_end();
}

/* All that were asked for have come: what was lost behind them would have been closed. */
TEST(a_loss_of_the_surplus_is_none)
{
    int pair[2], sent[3] = {0, 1, 2}, fd;
    limits_begin();
    socket_pair(SOCK_SEQPACKET, pair);
    CHECK_INT(ancil_send_fds(pair[0], sent, 3), 0);
    allow_only(1);
    CHECK_OK(ancil_recv_fd(pair[1], &fd), 0);
    allow_any();
    close(fd);
    close_both(pair);
    limits_end();
}

TEST(a_longer_message_is_cut_as_it_was)
{
    int t, pair[2], file = new_descriptor(), fd;
    for (t = 0; t < 3; t++) {
        if (socket_types[t] == SOCK_STREAM)
            continue;
        socket_pair(socket_types[t], pair);
        CHECK_INT(raw_send(pair[0], "hello", 5, &file, 1, 0), 5);
        CHECK_INT(old_recv(pair[1], &fd, 1), 1);
        close(fd);
        CHECK_INT(raw_send(pair[0], "hello", 5, &file, 1, 0), 5);
        CHECK_OK(ancil_recv_fd(pair[1], &fd), 0);
        CHECK(same_file(fd, file));
        close(fd);
        EXPECT_NOTHING(pair[1]);
        close_both(pair);
    }
    close(file);
}

TEST(errors_of_the_kernel_pass_through_with_nothing_written)
{
    int pair[2], fd = 77, none = -1, i, many[ANC_FDS_MAX + 1];
    socket_pair(SOCK_STREAM, pair);
    CHECK(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERRNO(ancil_recv_fd(pair[1], &fd), EAGAIN);
    CHECK_ERRNO(ancil_recv_fds(-1, &fd, 1), EBADF);
    CHECK_INT(fd, 77);
    CHECK_ERRNO(ancil_send_fd(pair[0], none), EBADF);
    CHECK_ERRNO(ancil_send_fd(-1, 0), EBADF);
    for (i = 0; i <= ANC_FDS_MAX; i++)
        many[i] = 0;
    CHECK_ERRNO(ancil_send_fds(pair[0], many, ANC_FDS_MAX + 1), EINVAL);
    CHECK_ERRNO(old_send(pair[0], many, ANC_FDS_MAX + 1), MUSL_COPIES ? ENOMEM : EINVAL);
    EXPECT_NOTHING(pair[1]);
    close_both(pair);
}

/* The harness's own SIGPIPE is as it was: the call raises none. */
TEST(a_peer_that_has_gone_was_a_signal_and_is_EPIPE)
{
    int pair[2];
    signal(SIGPIPE, SIG_DFL);
    socket_pair(SOCK_STREAM, pair);
    close(pair[1]);
    CHECK_ERRNO(ancil_send_fd(pair[0], 0), EPIPE);
    close(pair[0]);
}

TEST(as_many_as_the_macro_says_go_and_come)
{
    int pair[2], fds[ANCIL_MAX_N_FDS], i;
    socket_pair(SOCK_SEQPACKET, pair);
    for (i = 0; i < ANCIL_MAX_N_FDS; i++)
        fds[i] = 0;
    CHECK_OK(ancil_send_fds(pair[0], fds, ANCIL_MAX_N_FDS), 0);
    CHECK_OK(ancil_recv_fds(pair[1], fds, ANCIL_MAX_N_FDS), ANCIL_MAX_N_FDS);
    anc_close_fds(fds, ANCIL_MAX_N_FDS);
    close_both(pair);
}

TEST(a_pidfd_stayed_open_where_there_was_room_and_is_closed)
{
    int pair[2], file = new_descriptor(), fds[8], before;
    socket_pair(SOCK_STREAM, pair);
    accept_pidfds(pair[1]);
    before = open_descriptors();
    CHECK_INT(ancil_send_fd(pair[0], file), 0);
    CHECK_INT(old_recv(pair[1], fds, 8), 1);
    CHECK_INT(open_descriptors(), before + 2);
    before = open_descriptors();
    CHECK_INT(ancil_send_fd(pair[0], file), 0);
    CHECK_OK(ancil_recv_fds(pair[1], fds + 1, 7), 1);
    CHECK(same_file(fds[1], file));
    CHECK_INT(open_descriptors(), before + 1);
    CHECK(close(fds[0] + 1) == 0); /* what the older one left */
    anc_close_fds(fds, 2);
    close(file);
    close_both(pair);
}
