/* rr's child_recvmsg, https://github.com/rr-debugger/rr/pull/3870, and gVisor's fdchannel,
 * https://github.com/google/gvisor/pull/14729: a junk descriptor at the limit.
 *
 * With a full descriptor table recvmsg succeeds: the byte comes, the descriptor is thrown away, no
 * control message is written, MSG_CTRUNC is set. Both read the int where the descriptor would be,
 * and got what the memory held: zeros, which is standard input, or the descriptor of the time
 * before.
 *
 * anc_recv_fd fails with EMFILE, and the slot is not written. */
#include "field.h"

struct channel {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control; /* kept from call to call, as gVisor does; rr's memory is the tracee's */
};

static int receive_by_hand(struct channel *ch, int sock)
{
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ch->control.bytes,
                         .msg_controllen = sizeof ch->control.bytes};
    int fd;
    if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    memcpy(&fd, CMSG_DATA(&ch->control.header), sizeof fd);
    return fd;
}

static int receive_with_library(int sock)
{
    return anc_recv_fd(sock, 0);
}

TEST(by_hand_a_full_table_gives_standard_input_or_the_descriptor_of_the_time_before)
{
    int pair[2], sent = new_descriptor(), before_that;
    struct channel ch;
    struct table before;
    struct rlimit old;
    memset(&ch, 0, sizeof ch);
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
    old = leave_room(0);
    CHECK_INT(receive_by_hand(&ch, pair[1]), 0);
    restore(&old);
    CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
    before_that = receive_by_hand(&ch, pair[1]);
    CHECK(same_file(before_that, sent));
    CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
    old = leave_room(0);
    CHECK_INT(receive_by_hand(&ch, pair[1]), before_that);
    restore(&old);
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_full_table_is_EMFILE_and_one_that_has_room_again_goes_on)
{
    int pair[2], sent = new_descriptor(), fd, type;
    struct table before;
    struct rlimit old;
    for (type = 0; type < 3; type++) {
        socket_pair(socket_types[type], pair);
        before = table_now();
        CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
        old = leave_room(0);
        CHECK_ERRNO(receive_with_library(pair[1]), EMFILE);
        restore(&old);
        CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
        fd = receive_with_library(pair[1]);
        CHECK(same_file(fd, sent));
        CHECK_INT(leaked(&before), 1);
        close_both(pair);
    }
    close(sent);
}

/* The same when some have room: none is handed over, and those are closed. */
TEST(with_the_library_a_table_that_fills_up_half_way_leaves_nothing_open)
{
    int room;
    for (room = 0; room < 4; room++) {
        int pair[2], sent[4], fds[4] = {-7, -7, -7, -7}, i;
        char byte;
        size_t nfds = 99;
        struct table before;
        struct rlimit old;
        socket_pair(SOCK_STREAM, pair);
        new_descriptors(sent, 4);
        before = table_now();
        CHECK_INT(raw_send(pair[0], "x", 1, sent, 4, 0), 1);
        old = leave_room(room);
        CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, fds, 4, &nfds, 0), EMFILE);
        restore(&old);
        CHECK_INT(nfds, 0);
        for (i = 0; i < 4; i++)
            CHECK_INT(fds[i], -7);
        CHECK_INT(leaked(&before), 0);
        anc_close_fds(sent, 4);
        close_both(pair);
    }
}
