/* Whatever the receiving socket has switched on neither crowds out a descriptor nor is taken for
 * one, and a pidfd is closed: every subset of the options, on every type. */
#include "harness.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *name;
    int option, value;
} options[] = {
    {"SO_PASSCRED", SO_PASSCRED, 1},
    {"SO_PASSPIDFD", SO_PASSPIDFD, 1},
    {"SO_PASSSEC", SO_PASSSEC, 1},
    {"SO_INQ", SO_INQ, 1},
    {"SO_TIMESTAMP", SO_TIMESTAMP, 1},
    {"SO_TIMESTAMPNS", SO_TIMESTAMPNS, 1},
    {"SO_TIMESTAMPING", SO_TIMESTAMPING, 0x18 /* RX_SOFTWARE, SOFTWARE */},
};
enum { SUBSETS = 1 << LENGTH(options) };

/* Switches on what the kernel has for this type, and returns which that is. */
static unsigned int switch_on(int sock, unsigned int subset)
{
    unsigned int set = 0;
    size_t i;
    for (i = 0; i < LENGTH(options); i++)
        if ((subset >> i & 1) &&
            setsockopt(sock, SOL_SOCKET, options[i].option, &options[i].value, sizeof(int)) == 0)
            set |= 1u << i;
    return set;
}

struct asked {
    const char *type;
    unsigned int subset;
    int came;
    size_t max_fds;
    unsigned int flags;
};

static void check_asked(const int pair[2], const int *fds, int before, const struct asked *a)
{
    const size_t came = (size_t)a->came, handed = came < a->max_fds ? came : a->max_fds;
    const int refused = came > a->max_fds && !(a->flags & ANC_TRIM);
    int got[ANC_FDS_MAX];
    size_t nfds = 99, i;
    char byte = 0;
    ssize_t n;
    CHECK_INT(raw_send(pair[0], "x", 1, fds, a->came, 0), 1);
    errno = 4242;
    n = anc_recv_fds(pair[1], &byte, 1, got, a->max_fds, &nfds, a->flags);
#define IT                                                                                         \
    "%s, options %#x, %d came, %zu asked for, flags %#x: %zd, %zu", a->type, a->subset, a->came,   \
        a->max_fds, a->flags, n, nfds
    CHECK_CASE(n == (refused ? -1 : 1) && errno == (refused ? ERANGE : 4242), IT);
    CHECK_CASE(refused || byte == 'x', IT);
    CHECK_CASE(nfds == (refused ? 0 : handed), IT);
    for (i = 0; i < nfds; i++)
        CHECK_CASE(is_cloexec(got[i]) && (i > 2 || same_file(fds[i], got[i])), IT);
    /* the surplus and the pidfd are closed */
    CHECK_CASE(open_descriptors() == before + (int)nfds, IT);
    anc_close_fds(got, nfds);
#undef IT
}

static void every_number(const int pair[2], const int *fds, const char *type, unsigned int subset)
{
    static const int numbers[] = {0, 1, 2, 253};
    static const size_t asked_for[] = {0, 1, 2, 253};
    size_t n, m;
    int before = open_descriptors();
    for (n = 0; n < LENGTH(numbers); n++)
        for (m = 0; m < LENGTH(asked_for); m++) {
            struct asked a = {type, subset, numbers[n], asked_for[m], 0};
            check_asked(pair, fds, before, &a);
            a.flags = ANC_TRIM | ANC_ALL;
            check_asked(pair, fds, before, &a);
        }
}

static void every_subset(int type)
{
    int fds[ANC_FDS_MAX];
    unsigned int subset, covered = 0, step = on_valgrind() ? 9 : 1;
    size_t i;
    new_descriptors(fds, ANC_FDS_MAX);
    for (subset = 0; subset < SUBSETS; subset += step) {
        int pair[2];
        unsigned int set;
        socket_pair(type, pair);
        set = switch_on(pair[1], subset);
        covered |= set;
        if (set == subset) /* else it was there already */
            every_number(pair, fds, type_name(type), subset);
        close_both(pair);
    }
    for (i = 0; i < LENGTH(options); i++)
        if (!(covered >> i & 1))
            printf("     skipped: the kernel has no %s for %s\n", options[i].name, type_name(type));
    if (step > 1)
        printf("     skipped: all subsets but each %uth, for valgrind is slow\n", step);
    anc_close_fds(fds, ANC_FDS_MAX);
}

TEST(no_option_of_a_stream_crowds_out_or_adds_a_descriptor) { every_subset(SOCK_STREAM); }
TEST(no_option_of_a_datagram_crowds_out_or_adds_a_descriptor) { every_subset(SOCK_DGRAM); }
TEST(no_option_of_a_seqpacket_crowds_out_or_adds_a_descriptor) { every_subset(SOCK_SEQPACKET); }

TEST(one_descriptor_comes_alone_with_every_option_on)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), before, got;
        socket_pair(socket_types[t], pair);
        switch_on(pair[1], SUBSETS - 1);
        before = open_descriptors();
        CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0 && same_file(fd, got) && is_cloexec(got));
        CHECK_INT(open_descriptors(), before + 1);
        close(got);
        CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
        CHECK_ERRNO(anc_recv_fd(pair[1], 0), ENOMSG);
        CHECK_INT(raw_send(pair[0], "x", 1, (int[]){fd, fd}, 2, 0), 1);
        CHECK_ERRNO(anc_recv_fd(pair[1], 0), ERANGE);
        CHECK_INT(open_descriptors(), before);
        close(fd);
        close_both(pair);
    }
}

TEST(a_pidfd_is_closed_when_the_message_is_refused_empty_or_too_long)
{
    size_t t;
    for (t = 1; t < 3; t++) {
        int pair[2], fd = new_descriptor(), before, got;
        size_t nfds;
        char byte;
        socket_pair(socket_types[t], pair);
        switch_on(pair[1], SUBSETS - 1);
        before = open_descriptors();
        CHECK_INT(raw_send(pair[0], "long", 4, &fd, 1, 0), 4);
        CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, &got, 1, &nfds, 0), EMSGSIZE);
        CHECK_INT(open_descriptors(), before);
        CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
        CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, &got, 1, &nfds, ANC_EXACT), ENOMSG);
        CHECK_INT(open_descriptors(), before);
        CHECK_INT(raw_send(pair[0], "", 0, NULL, 0, 0), 0);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, &got, 1, &nfds, ANC_EXACT), 0);
        CHECK_INT(nfds, 0);
        CHECK_INT(open_descriptors(), before);
        CHECK_INT(raw_send(pair[0], "", 0, &fd, 1, 0), 0);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, &got, 1, &nfds, 0), 0);
        CHECK(nfds == 1 && same_file(fd, got));
        close(got);
        CHECK_INT(open_descriptors(), before);
        close(fd);
        close_both(pair);
    }
}

TEST(ANC_ALL_closes_the_pidfd_of_each_part)
{
    int pair[2], fd = new_descriptor(), before, got[3], i;
    size_t nfds;
    char buf[6];
    socket_pair(SOCK_STREAM, pair);
    switch_on(pair[1], SUBSETS - 1);
    before = open_descriptors();
    for (i = 0; i < 3; i++)
        CHECK_INT(raw_send(pair[0], "xy", 2, &fd, 1, 0), 2);
    CHECK_OK(anc_recv_fds(pair[1], buf, 6, got, 3, &nfds, ANC_ALL | ANC_EXACT), 6);
    CHECK_INT(open_descriptors(), before + 3);
    anc_close_fds(got, 3);
    close(fd);
    close_both(pair);
}

TEST(the_end_of_the_file_is_0_with_every_option_on)
{
    size_t t;
    for (t = 0; t < 3; t += 2) {
        int pair[2], got;
        size_t nfds = 99;
        char byte;
        socket_pair(socket_types[t], pair);
        switch_on(pair[1], SUBSETS - 1);
        close(pair[0]);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, &got, 1, &nfds, ANC_EXACT), 0);
        CHECK_INT(nfds, 0);
        close(pair[1]);
    }
}

/* Else the tests above would prove little: the kernel really brings these messages. */
TEST(the_kernel_brings_what_was_switched_on)
{
    static const struct {
        int option_index, type;
        const char *name;
        int on[3]; /* STREAM, DGRAM, SEQPACKET */
    } kinds[] = {
        {0, SCM_CREDENTIALS, "SCM_CREDENTIALS", {1, 1, 1}}, {1, SCM_PIDFD, "SCM_PIDFD", {1, 1, 1}},
        {2, SCM_SECURITY, "SCM_SECURITY", {1, 1, 1}},       {3, SO_INQ, "SCM_INQ", {1, 0, 0}},
        {5, SO_TIMESTAMPNS, "SCM_TIMESTAMPNS", {0, 1, 1}},
    };
    size_t t, k;
    for (t = 0; t < 3; t++) {
        union {
            struct cmsghdr align;
            char bytes[4096];
        } control;
        char byte;
        struct iovec iov = {&byte, 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control};
        struct cmsghdr *c;
        unsigned int set, came = 0;
        int pair[2];
        socket_pair(socket_types[t], pair);
        set = switch_on(pair[1], SUBSETS - 1);
        CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
        CHECK_INT(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC), 1);
        for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
            for (k = 0; k < LENGTH(kinds); k++)
                if (c->cmsg_type == kinds[k].type) {
                    came |= 1u << k;
                    if (kinds[k].type == SCM_PIDFD)
                        close(*(int *)CMSG_DATA(c));
                }
        for (k = 0; k < LENGTH(kinds); k++)
            if ((set >> kinds[k].option_index & 1) && kinds[k].on[t] && !(came >> k & 1))
                printf("     skipped: no %s came on %s\n", kinds[k].name,
                       type_name(socket_types[t]));
        CHECK(came & 1); /* credentials come on every kernel */
        close_both(pair);
    }
}
