/* What datagrams and seqpackets do with descriptors, row by row of the kernel's behaviour as it was
 * measured, seen through the library. */
#include "harness.h"

static const int message_types[2] = {SOCK_DGRAM, SOCK_SEQPACKET};

#define EACH_TYPE(t) for (t = 0; t < 2; t++)

TEST(too_small_a_buffer_is_EMSGSIZE_and_the_next_message_is_whole)
{
    int t, len;
    EACH_TYPE(t)
        for (len = 0; len < 5; len++) {
            int pair[2], fd = new_descriptor(), came[2], before;
            size_t nfds = 99;
            char buf[16] = "";
            socket_pair(message_types[t], pair);
            before = open_descriptors();
            raw_send(pair[0], "hello", 5, (int[]){fd, fd}, 2, 0);
            raw_send(pair[0], "next", 4, &fd, 1, 0);
            CHECK_ERRNO(anc_recv_fds(pair[1], buf, (size_t)len, came, 2, &nfds, 0), EMSGSIZE);
            CHECK_INT(nfds, 0);
            CHECK_INT(open_descriptors(), before);
            CHECK_OK(anc_recv_fds(pair[1], buf, 16, came, 2, &nfds, 0), 4);
            CHECK(memcmp(buf, "next", 4) == 0 && nfds == 1 && same_file(fd, came[0]));
            close(came[0]);
            close(fd);
            close_both(pair);
        }
}

TEST(a_buffer_of_exactly_the_messages_size_is_enough)
{
    int t;
    EACH_TYPE(t) {
        int pair[2];
        char buf[5];
        socket_pair(message_types[t], pair);
        raw_send(pair[0], "hello", 5, NULL, 0, 0);
        CHECK_OK(anc_recv_fds(pair[1], buf, 5, NULL, 0, NULL, 0), 5);
        close_both(pair);
    }
}

TEST(an_empty_message_with_descriptors_is_no_end_of_file)
{
    int t;
    EACH_TYPE(t) {
        int pair[2], fd = new_descriptor(), came;
        size_t nfds;
        char buf[4];
        socket_pair(message_types[t], pair);
        CHECK_OK(anc_send_fds(pair[0], NULL, 0, &fd, 1, 0), 0);
        CHECK_OK(anc_recv_fds(pair[1], buf, 4, &came, 1, &nfds, 0), 0);
        CHECK(nfds == 1 && same_file(fd, came));
        close(came);
        close(fd);
        close_both(pair);
    }
}

TEST(on_a_seqpacket_the_end_of_the_file_and_an_empty_message_are_the_same)
{
    int with_credentials, ends;
    for (with_credentials = 0; with_credentials < 2; with_credentials++)
        for (ends = 0; ends < 2; ends++) {
            int pair[2], came;
            size_t nfds = 99;
            char buf[4];
            socket_pair(SOCK_SEQPACKET, pair);
            if (with_credentials)
                option(pair[1], SO_PASSCRED, 1);
            if (ends)
                CHECK(shutdown(pair[0], SHUT_WR) == 0);
            else
                CHECK_OK(anc_send_fds(pair[0], NULL, 0, NULL, 0, 0), 0);
            CHECK_OK(anc_recv_fds(pair[1], buf, 4, &came, 1, &nfds, ANC_EXACT), 0);
            CHECK_INT(nfds, 0);
            close_both(pair);
        }
}

TEST(a_datagrams_closed_peer_is_EAGAIN_and_never_0)
{
    int pair[2], came, i;
    size_t nfds;
    char buf[4];
    socket_pair(SOCK_DGRAM, pair);
    close(pair[0]);
    for (i = 0; i < 2; i++)
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, 4, &came, 1, &nfds, ANC_DONTWAIT), EAGAIN);
    CHECK_ERRNO(anc_recv_fd(pair[1], ANC_DONTWAIT), EAGAIN);
    close(pair[1]);
}

TEST(a_datagrams_closed_peer_is_ECONNREFUSED_once_then_ENOTCONN_to_send)
{
    int pair[2], fd = new_descriptor();
    socket_pair(SOCK_DGRAM, pair);
    close(pair[1]);
    CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, ANC_MOVE), ECONNREFUSED);
    CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, ANC_MOVE), ENOTCONN);
    CHECK_ERRNO(anc_send_fd(pair[0], fd, ANC_MOVE), ENOTCONN);
    close(fd);
    close(pair[0]);
}

TEST(a_seqpackets_ECONNRESET_comes_once_and_before_queued_replies)
{
    int pair[2], fd = new_descriptor(), came;
    size_t nfds = 99;
    char buf[16];
    socket_pair(SOCK_SEQPACKET, pair);
    raw_send(pair[1], "unread", 6, NULL, 0, 0);
    raw_send(pair[0], "reply", 5, &fd, 1, 0);
    close(pair[0]);
    CHECK_ERRNO(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), ECONNRESET);
    CHECK_INT(nfds, 0);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 5);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 0);
    CHECK_INT(nfds, 0);
    close(fd);
    close(pair[1]);
}

TEST(a_seqpackets_ECONNRESET_shows_on_a_send_and_then_EPIPE)
{
    int pair[2], fd = new_descriptor(), got;
    socket_pair(SOCK_SEQPACKET, pair);
    raw_send(pair[1], "unread", 6, NULL, 0, 0);
    raw_send(pair[0], "r", 1, &fd, 1, 0);
    close(pair[0]);
    CHECK_ERRNO(anc_send_fds(pair[1], "x", 1, &fd, 1, ANC_MOVE), ECONNRESET);
    CHECK_ERRNO(anc_send_fds(pair[1], "x", 1, &fd, 1, ANC_MOVE), EPIPE);
    CHECK(is_open(fd));
    got = anc_recv_fd(pair[1], 0);
    CHECK(got >= 0 && same_file(fd, got));
    close(got);
    close(fd);
    close(pair[1]);
}

/* The page says: longer than the send buffer allows is EMSGSIZE, and nothing was sent. */
TEST(the_largest_message_is_the_send_buffer_less_32_bytes)
{
    static char bytes[1 << 20], got[1 << 20];
    int t;
    EACH_TYPE(t) {
        int pair[2], fd = new_descriptor(), came, size;
        socklen_t len = sizeof size;
        size_t nfds;
        socket_pair(message_types[t], pair);
        CHECK(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &len) == 0);
        CHECK(size > 32 && (size_t)size < sizeof bytes);
        CHECK_ERRNO(anc_send_fds(pair[0], bytes, (size_t)size - 31, &fd, 1, ANC_MOVE | ANC_ALL),
                    EMSGSIZE);
        CHECK(is_open(fd));
        EXPECT_NOTHING(pair[1]);
        CHECK_OK(anc_send_fds(pair[0], bytes, (size_t)size - 32, &fd, 1, 0), size - 32);
        CHECK_OK(anc_recv_fds(pair[1], got, sizeof got, &came, 1, &nfds, 0), size - 32);
        CHECK(nfds == 1 && same_file(fd, came));
        close(came);
        close(fd);
        close_both(pair);
    }
}

TEST(a_full_queue_is_EAGAIN_and_each_message_taken_makes_room_for_one)
{
    int t;
    EACH_TYPE(t) {
        int pair[2], fd = new_descriptor(), came, depth = 0, i;
        socket_pair(message_types[t], pair);
        while (anc_send_fd(pair[0], fd, ANC_DONTWAIT) == 0)
            depth++;
        CHECK(errno == EAGAIN && depth > 1);
        came = anc_recv_fd(pair[1], 0);
        CHECK(came >= 0);
        close(came);
        CHECK_OK(anc_send_fd(pair[0], fd, ANC_DONTWAIT), 0);
        for (i = 0; i < depth; i++) {
            came = anc_recv_fd(pair[1], ANC_DONTWAIT);
            CHECK(came >= 0);
            close(came);
        }
        CHECK_ERRNO(anc_recv_fd(pair[1], ANC_DONTWAIT), EAGAIN);
        close(fd);
        close_both(pair);
    }
}

TEST(each_message_keeps_its_descriptors_whatever_the_neighbours_carry)
{
    static const int carried[] = {0, 3, 1, 0, 2, 253, 0};
    enum { MESSAGES = sizeof carried / sizeof *carried };
    int t, m, i;
    EACH_TYPE(t) {
        int pair[2], fds[ANC_FDS_MAX], came[ANC_FDS_MAX];
        char byte;
        size_t nfds;
        socket_pair(message_types[t], pair);
        new_descriptors(fds, ANC_FDS_MAX);
        for (m = 0; m < MESSAGES; m++) {
            byte = (char)('A' + m);
            CHECK_OK(anc_send_fds(pair[0], &byte, 1, fds, (size_t)carried[m], 0), 1);
        }
        for (m = 0; m < MESSAGES; m++) {
            CHECK_OK(anc_recv_fds(pair[1], &byte, 1, came, ANC_FDS_MAX, &nfds, 0), 1);
            CHECK_INT(byte, 'A' + m);
            CHECK_INT(nfds, carried[m]);
            for (i = 0; i < carried[m]; i++)
                CHECK(same_file(fds[i], came[i]));
            anc_close_fds(came, nfds);
        }
        anc_close_fds(fds, ANC_FDS_MAX);
        close_both(pair);
    }
}

TEST(several_control_messages_of_a_peer_arrive_as_one_list_in_order)
{
    int t;
    EACH_TYPE(t) {
        union {
            struct cmsghdr align;
            char bytes[2 * CMSG_SPACE(2 * sizeof(int))];
        } control;
        struct iovec iov = {"x", 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
        struct cmsghdr *c;
        int pair[2], fds[4], came[4], i = 0;
        size_t nfds;
        char byte;
        socket_pair(message_types[t], pair);
        new_descriptors(fds, 4);
        memset(&control, 0, sizeof control);
        for (c = CMSG_FIRSTHDR(&msg); i < 4; i += 2) {
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(2 * sizeof(int));
            memcpy(CMSG_DATA(c), fds + i, 2 * sizeof(int));
            c = (struct cmsghdr *)(control.bytes + CMSG_SPACE(2 * sizeof(int)));
        }
        CHECK_INT(sendmsg(pair[0], &msg, 0), 1);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, came, 4, &nfds, ANC_EXACT), 1);
        for (i = 0; i < 4; i++)
            CHECK(same_file(fds[i], came[i]));
        anc_close_fds(came, 4);
        anc_close_fds(fds, 4);
        close_both(pair);
    }
}

TEST(credentials_that_a_peer_sends_are_not_taken_for_descriptors)
{
    int t;
    EACH_TYPE(t) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(struct ucred))];
        } control;
        struct ucred mine = {getpid(), getuid(), getgid()};
        struct iovec iov = {"x", 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
        int pair[2], came[4];
        size_t nfds;
        char byte;
        socket_pair(message_types[t], pair);
        option(pair[1], SO_PASSCRED, 1);
        memset(&control, 0, sizeof control);
        *CMSG_FIRSTHDR(&msg) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof mine),
                                                .cmsg_level = SOL_SOCKET,
                                                .cmsg_type = SCM_CREDENTIALS};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &mine, sizeof mine);
        CHECK_INT(sendmsg(pair[0], &msg, 0), 1);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, came, 4, &nfds, 0), 1);
        CHECK_INT(nfds, 0);
        close_both(pair);
    }
}

TEST(closing_the_receiver_releases_queued_descriptors_at_once)
{
    int t;
    EACH_TYPE(t) {
        int pair[2], ends[2];
        char byte;
        socket_pair(message_types[t], pair);
        CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        CHECK_OK(anc_send_fd(pair[0], ends[1], ANC_MOVE), 0);
        CHECK_ERRNO(read(ends[0], &byte, 1), EAGAIN);
        close(pair[1]);
        CHECK_INT(read(ends[0], &byte, 1), 0);
        close(ends[0]);
        close(pair[0]);
    }
}

TEST(queued_descriptors_survive_the_senders_close_and_the_receivers_shutdown)
{
    int t, way;
    EACH_TYPE(t)
        for (way = 0; way < 2; way++) {
            int pair[2], fd = new_descriptor(), got;
            socket_pair(message_types[t], pair);
            CHECK_OK(anc_send_fd(pair[0], fd, 0), 0);
            if (way == 0)
                close(pair[0]);
            else
                CHECK(shutdown(pair[1], SHUT_RD) == 0);
            got = anc_recv_fd(pair[1], ANC_DONTWAIT);
            CHECK(got >= 0 && same_file(fd, got));
            close(got);
            close(fd);
            if (way == 1)
                close(pair[0]);
            close(pair[1]);
        }
}

TEST(a_socket_sent_over_itself_is_received_as_itself)
{
    int t;
    EACH_TYPE(t) {
        int pair[2], got;
        struct stat a, b;
        socket_pair(message_types[t], pair);
        CHECK_OK(anc_send_fd(pair[0], pair[1], 0), 0);
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0 && fstat(got, &a) == 0 && fstat(pair[1], &b) == 0 && a.st_ino == b.st_ino);
        close(got);
        close_both(pair);
    }
}

TEST(a_peek_with_control_space_leaves_the_descriptors_for_the_receive)
{
    int t;
    EACH_TYPE(t) {
        int pair[2], fd = new_descriptor(), peeked[ANC_FDS_MAX], n, got;
        char byte;
        socket_pair(message_types[t], pair);
        raw_send(pair[0], "x", 1, &fd, 1, 0);
        CHECK_INT(raw_recv(pair[1], &byte, 1, peeked, &n, MSG_PEEK), 1);
        CHECK_INT(n, 1);
        close(peeked[0]);
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0 && same_file(fd, got));
        close(got);
        close(fd);
        close_both(pair);
    }
}

#ifdef __linux__
/* A recvmmsg that a signal interrupts after its first message leaves errno 512 on the socket. */
static void leave_512(int sock)
{
    struct mmsghdr v[2];
    struct iovec iov[2];
    char bytes[2];
    pid_t child;
    int i;
    memset(v, 0, sizeof v);
    for (i = 0; i < 2; i++) {
        iov[i] = (struct iovec){bytes + i, 1};
        v[i].msg_hdr.msg_iov = &iov[i];
        v[i].msg_hdr.msg_iovlen = 1;
    }
    child = interrupt_me(1, NULL, NULL);
    CHECK_INT(recvmmsg(sock, v, 2, 0, NULL), 1);
    check_child(child);
}

TEST(the_512_that_an_interrupted_recvmmsg_leaves_is_EINTR_and_nothing_is_lost)
{
    int t, way;
    EACH_TYPE(t)
        for (way = 0; way < 3; way++) {
            int pair[2], fd = new_descriptor(), came;
            size_t nfds = 99;
            char byte;
            socket_pair(message_types[t], pair);
            raw_send(pair[0], "1", 1, NULL, 0, 0);
            leave_512(pair[1]);
            raw_send(pair[0], "2", 1, &fd, 1, 0);
            if (way == 0) {
                CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, &came, 1, &nfds, ANC_DONTWAIT), EINTR);
                CHECK_INT(nfds, 0);
            } else if (way == 1) {
                CHECK_ERRNO(anc_send_fds(pair[1], "x", 1, &fd, 1, ANC_MOVE), EINTR);
                CHECK(is_open(fd));
            } else {
                CHECK_OK(anc_send_fds(pair[1], "x", 1, &fd, 1, ANC_ALL), 1); /* EINTR is retried */
            }
            EXPECT(pair[1], "2", &fd, 1);
            close(fd);
            close_both(pair);
        }
}
#endif
