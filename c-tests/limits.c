/* Limits: the descriptor table full at every position of a list, ETOOMANYREFS, 253 and 254.
 * EOVERFLOW, which a security module causes, is left to injected faults. */
#include "harness.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { NUMBERS = 4096 };

/* The table between with_room and as_before. */
static struct rlimit old_limit;
static char filler[NUMBERS];

static void as_before(void)
{
    int fd;
    CHECK(setrlimit(RLIMIT_NOFILE, &old_limit) == 0);
    for (fd = 0; fd < NUMBERS; fd++)
        if (filler[fd])
            close(fd);
}

static void with_room(int room)
{
    int fd;
    CHECK(getrlimit(RLIMIT_NOFILE, &old_limit) == 0);
    for (fd = 0; fd < NUMBERS; fd++)
        filler[fd] = !is_open(fd);
    fill_table(room);
    for (fd = 0; fd < NUMBERS; fd++)
        filler[fd] = (char)(filler[fd] && is_open(fd));
    CHECK_INT(table_room(), room);
}

/* Under valgrind the limit is valgrind's own pretence, which recvmsg does not see. */
static void need_a_limit_that_holds(void)
{
    int pair[2], fd = new_descriptor();
    char byte, control[ANC_FDS_SPACE(1)];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[0], "x", 1, &fd, 1, 0);
    with_room(0);
    CHECK_INT(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC), 1);
    as_before();
    anc_close_unclaimed(&msg);
    close(fd);
    close_both(pair);
    if (!(msg.msg_flags & MSG_CTRUNC))
        skip("RLIMIT_NOFILE does not hold for recvmsg here (valgrind)");
}

/* The full table. */

struct asked {
    int type, sent, room;
    size_t max_fds;
    unsigned int flags;
};

/* The specification: the count, or an errno as a negative number. */
static int expected(const struct asked *a)
{
    const size_t installed = (size_t)(a->sent < a->room ? a->sent : a->room);
    if (installed > a->max_fds && !(a->flags & ANC_TRIM))
        return -ERANGE;
    if ((int)installed < a->sent && !((a->flags & ANC_TRIM) && installed >= a->max_fds))
        return -EMFILE;
    if ((a->flags & ANC_EXACT) && installed < a->max_fds)
        return -ENOMSG;
    return 1;
}

static void check_asked(const int pair[2], const int *fds, const struct asked *a)
{
    int slots[ANC_FDS_MAX], wanted = expected(a);
    size_t nfds = 99, i, installed = (size_t)(a->sent < a->room ? a->sent : a->room);
    const size_t handed = wanted < 0 ? 0 : installed < a->max_fds ? installed : a->max_fds;
    char byte = 0;
    ssize_t n;
    for (i = 0; i < ANC_FDS_MAX; i++)
        slots[i] = 4242;
    CHECK_INT(raw_send(pair[0], "x", 1, fds, a->sent, 0), 1);
    CHECK_INT(raw_send(pair[0], "y", 1, NULL, 0, 0), 1);
    errno = 4242;
    n = anc_recv_fds(pair[1], &byte, 1, slots, a->max_fds, &nfds, a->flags);
#define IT                                                                                         \
    "%s, %d sent, room for %d, %zu asked for, flags %#x: %zd, %zu", type_name(a->type), a->sent,   \
        a->room, a->max_fds, a->flags, n, nfds
    CHECK_CASE(n == (wanted < 0 ? -1 : 1) && errno == (wanted < 0 ? -wanted : 4242), IT);
    CHECK_CASE(nfds == handed, IT);
    for (i = 0; i < nfds; i++)
        CHECK_CASE(same_file(fds[i], slots[i]) && is_cloexec(slots[i]), IT);
    for (; i < ANC_FDS_MAX && !(a->flags & ANC_ALL); i++)
        CHECK_CASE(slots[i] == 4242, IT);
    CHECK_CASE(table_room() == a->room - (int)nfds, IT); /* everything else is closed */
    anc_close_fds(slots, nfds);
    CHECK_CASE(table_room() == a->room, IT);
    n = anc_recv_fds(pair[1], &byte, 1, slots, 1, &nfds, 0);
    CHECK_CASE(n == 1 && nfds == 0 && byte == 'y', IT); /* later messages are whole */
#undef IT
}

static void every_room(int type, int most)
{
    static const unsigned int flags[] = {0, ANC_TRIM, ANC_EXACT, ANC_ALL, ANC_ALL | ANC_TRIM,
                                         ANC_ALL | ANC_EXACT};
    int pair[2], fds[8];
    struct asked a = {.type = type};
    size_t f;
    need_a_limit_that_holds();
    socket_pair(type, pair);
    new_descriptors(fds, 8);
    for (a.room = 0; a.room <= most; a.room++) {
        with_room(a.room);
        for (a.sent = 0; a.sent <= most; a.sent++)
            for (a.max_fds = 0; a.max_fds <= (size_t)most + 1; a.max_fds++)
                for (f = 0; f < LENGTH(flags); f++) {
                    a.flags = flags[f];
                    check_asked(pair, fds, &a);
                }
        as_before();
    }
    anc_close_fds(fds, 8);
    close_both(pair);
}

TEST(a_stream_with_a_full_table_is_EMFILE_at_every_position_or_trimmed)
{
    every_room(SOCK_STREAM, 8);
}
TEST(a_datagram_with_a_full_table_is_EMFILE_at_every_position_or_trimmed)
{
    every_room(SOCK_DGRAM, 8);
}
TEST(a_seqpacket_with_a_full_table_is_EMFILE_at_every_position_or_trimmed)
{
    every_room(SOCK_SEQPACKET, 8);
}

TEST(room_for_some_of_253_is_EMFILE_and_for_all_is_enough)
{
    static const int rooms[] = {0, 1, 100, 251, 252, 253, 254};
    static const size_t asked_for[] = {0, 1, 252, 253};
    static const unsigned int flags[] = {0, ANC_TRIM, ANC_EXACT};
    int fds[ANC_FDS_MAX], i;
    size_t t, r, m, f;
    need_a_limit_that_holds();
    fds[0] = new_descriptor();
    for (i = 1; i < ANC_FDS_MAX; i++)
        fds[i] = fds[0];
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        for (r = 0; r < LENGTH(rooms); r++) {
            with_room(rooms[r]);
            for (m = 0; m < LENGTH(asked_for); m++)
                for (f = 0; f < LENGTH(flags); f++)
                    check_asked(pair, fds, &(struct asked){socket_types[t], 253, rooms[r],
                                                           asked_for[m], flags[f]});
            as_before();
        }
        close_both(pair);
    }
    close(fds[0]);
}

TEST(the_next_message_brings_its_descriptors_as_soon_as_there_is_room)
{
    size_t t;
    need_a_limit_that_holds();
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), came, got;
        size_t nfds;
        char byte;
        socket_pair(socket_types[t], pair);
        CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
        CHECK_INT(raw_send(pair[0], "y", 1, &fd, 1, 0), 1);
        CHECK_INT(raw_send(pair[0], "z", 1, &fd, 1, 0), 1);
        with_room(0);
        CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, &came, 1, &nfds, 0), EMFILE);
        CHECK_ERRNO(anc_recv_fd(pair[1], ANC_TRIM), EMFILE);
        as_before();
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0 && same_file(fd, got));
        close(got);
        close(fd);
        close_both(pair);
    }
}

TEST(an_empty_message_whose_descriptors_were_lost_is_EMFILE_not_0)
{
    int t;
    need_a_limit_that_holds();
    for (t = 1; t < 3; t++) {
        int pair[2], fd = new_descriptor(), came;
        size_t nfds = 99;
        socket_pair(socket_types[t], pair);
        with_room(0);
        CHECK_INT(raw_send(pair[0], "", 0, &fd, 1, 0), 0);
        CHECK_ERRNO(anc_recv_fds(pair[1], NULL, 0, &came, 1, &nfds, 0), EMFILE);
        CHECK_INT(nfds, 0);
        CHECK_INT(raw_send(pair[0], "", 0, &fd, 1, 0), 0);
        CHECK_ERRNO(anc_recv_fd(pair[1], 0), EMFILE);
        as_before();
        close(fd);
        close_both(pair);
    }
}

TEST(EMSGSIZE_comes_before_EMFILE)
{
    int t, room;
    need_a_limit_that_holds();
    for (t = 1; t < 3; t++)
        for (room = 0; room < 3; room++) {
            int pair[2], fd = new_descriptor(), came[3];
            size_t nfds = 99;
            char byte;
            socket_pair(socket_types[t], pair);
            with_room(room);
            CHECK_INT(raw_send(pair[0], "long", 4, (int[]){fd, fd, fd}, 3, 0), 4);
            CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, came, 3, &nfds, 0), EMSGSIZE);
            CHECK(nfds == 0 && table_room() == room);
            as_before();
            close(fd);
            close_both(pair);
        }
}

TEST(ANC_ALL_closes_what_earlier_parts_brought_when_the_table_is_full)
{
    int pair[2], fd = new_descriptor(), came[4], room;
    size_t nfds = 99;
    char buf[4];
    need_a_limit_that_holds();
    for (room = 0; room < 4; room++) {
        socket_pair(SOCK_STREAM, pair);
        with_room(room);
        CHECK_INT(raw_send(pair[0], "xx", 2, (int[]){fd, fd}, 2, 0), 2);
        CHECK_INT(raw_send(pair[0], "yy", 2, (int[]){fd, fd}, 2, 0), 2);
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, 4, came, 4, &nfds, ANC_ALL), EMFILE);
        CHECK(nfds == 0 && table_room() == room);
        as_before();
        close_both(pair);
    }
    close(fd);
}

/* The kernel installs the descriptors first. A pidfd for which no number is left becomes a negative
 * errno, without MSG_CTRUNC: no descriptor was lost. */
TEST(a_pidfd_without_room_is_no_loss_and_not_closed)
{
    size_t t;
    int room, sent;
    need_a_limit_that_holds();
    for (t = 0; t < 3; t++)
        for (room = 0; room <= 3; room++)
            for (sent = 0; sent <= 2; sent++) {
                int pair[2], fd = new_descriptor(), came[2], on = 1;
                size_t nfds = 99;
                char byte;
                socket_pair(socket_types[t], pair);
                if (setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
                    skip("SO_PASSPIDFD: %s", strerror(errno));
                with_room(room);
                CHECK_INT(raw_send(pair[0], "x", 1, (int[]){fd, fd}, sent, 0), 1);
                if (sent > room) {
                    CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, came, 2, &nfds, 0), EMFILE);
                    CHECK_INT(nfds, 0);
                } else {
                    CHECK_OK(anc_recv_fds(pair[1], &byte, 1, came, 2, &nfds, 0), 1);
                    CHECK_INT(nfds, sent);
                }
                CHECK_INT(table_room(), room - (int)nfds);
                anc_close_fds(came, nfds);
                as_before();
                close(fd);
                close_both(pair);
            }
}

TEST(sending_needs_no_room_in_the_table)
{
    int pair[2], fds[ANC_FDS_MAX], i;
    size_t t;
    need_a_limit_that_holds();
    fds[0] = new_descriptor();
    for (i = 1; i < ANC_FDS_MAX; i++)
        fds[i] = fds[0];
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        with_room(0);
        CHECK_OK(anc_send_fds(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1);
        as_before();
        CHECK_INT(drain_socket(pair[1]), ANC_FDS_MAX);
        close_both(pair);
    }
    close(fds[0]);
}

TEST(at_most_253_in_one_message_and_the_kernel_agrees)
{
    int pair[2], fds[ANC_FDS_MAX + 1], came[ANC_FDS_MAX], i;
    size_t t, nfds;
    char byte;
    fds[0] = new_descriptor();
    for (i = 1; i <= ANC_FDS_MAX; i++)
        fds[i] = fds[0];
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        CHECK_ERRNO(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX + 1, 0), EINVAL);
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, ANC_FDS_MAX + 1, 0), EINVAL);
        EXPECT_NOTHING(pair[1]);
        CHECK_OK(anc_send_fds(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, came, ANC_FDS_MAX, &nfds, ANC_EXACT), 1);
        CHECK_INT(nfds, ANC_FDS_MAX);
        anc_close_fds(came, nfds);
        close_both(pair);
    }
    close(fds[0]);
}

/* ETOOMANYREFS. */

enum { LIMIT = 40 };

static void lower_the_limit(void)
{
    struct rlimit limit;
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which sendmsg does not see");
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = LIMIT;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Sends one by one until the kernel refuses. */
static int send_to_the_limit(int sock, int fd)
{
    int sent = 0;
    while (sent < 10 * LIMIT && anc_send_fd(sock, fd, ANC_DONTWAIT) == 0)
        sent++;
    CHECK_INT(errno, ETOOMANYREFS);
    return sent;
}

static void check_in_flight(int type)
{
    int pair[2], fd, fds[2], got, sent, i;
    become_a_lonely_user();
    lower_the_limit();
    socket_pair(type, pair);
    fd = new_descriptor();
    new_descriptors(fds, 2);
    sent = send_to_the_limit(pair[0], fd);
    CHECK(sent > 1 && sent <= LIMIT + 1); /* fewer if the same user has other things in flight */
    /* Nothing has gone, nothing is closed; a blocking send does not wait; the socket is
     * writable. */
    CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, 2, ANC_MOVE | ANC_ALL), ETOOMANYREFS);
    CHECK_ERRNO(anc_send_fd(pair[0], fds[0], ANC_MOVE), ETOOMANYREFS);
    CHECK(is_open(fds[0]) && is_open(fds[1]));
    CHECK_INT(poll(&(struct pollfd){pair[0], POLLOUT, 0}, 1, 0), 1);
    CHECK_OK(anc_send_fds(pair[0], "p", 1, NULL, 0, 0), 1); /* plain bytes still pass */
    /* Each one received makes room for one. */
    for (i = 0; i < 3; i++) {
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0);
        close(got);
        CHECK_OK(anc_send_fd(pair[0], fd, 0), 0);
        CHECK_ERRNO(anc_send_fd(pair[0], fd, 0), ETOOMANYREFS);
    }
    CHECK_INT(drain_socket(pair[1]), sent);
    CHECK_OK(anc_send_fds(pair[0], "x", 1, fds, 2, ANC_MOVE), 1);
    CHECK_INT(drain_socket(pair[1]), 2);
    close(fd);
    close_both(pair);
}

TEST(a_stream_with_too_many_in_flight_is_ETOOMANYREFS_and_nothing_has_gone)
{
    check_in_flight(SOCK_STREAM);
}
TEST(a_seqpacket_with_too_many_in_flight_is_ETOOMANYREFS_and_nothing_has_gone)
{
    check_in_flight(SOCK_SEQPACKET);
}

TEST(one_message_may_pass_the_limit_and_then_nothing_does)
{
    int pair[2], fds[100], i;
    size_t t;
    become_a_lonely_user();
    lower_the_limit();
    fds[0] = new_descriptor();
    for (i = 1; i < 100; i++)
        fds[i] = fds[0];
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        CHECK_OK(anc_send_fds(pair[0], "x", 1, fds, 100, 0), 1);
        CHECK_ERRNO(anc_send_fd(pair[0], fds[0], ANC_MOVE), ETOOMANYREFS);
        CHECK(is_open(fds[0]));
        close(pair[1]); /* what is in flight is released */
        close(pair[0]);
        socket_pair(socket_types[t], pair);
        CHECK_OK(anc_send_fd(pair[0], fds[0], 0), 0);
        CHECK_INT(drain_socket(pair[1]), 1);
        close_both(pair);
    }
    close(fds[0]);
}

TEST(a_bad_descriptor_and_a_full_socket_come_before_ETOOMANYREFS)
{
    int pair[2], other[2], fd, bad;
    become_a_lonely_user();
    lower_the_limit();
    socket_pair(SOCK_STREAM, pair);
    socket_pair(SOCK_STREAM, other);
    fd = new_descriptor();
    bad = LIMIT - 1;
    send_to_the_limit(pair[0], fd);
    CHECK_ERRNO(anc_send_fd(pair[0], bad, 0), EBADF);
    fill_socket(other[0]);
    CHECK_ERRNO(anc_send_fd(other[0], fd, ANC_DONTWAIT), EAGAIN);
    close(fd);
    close_both(other);
    close_both(pair);
}
