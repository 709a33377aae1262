/* Sending: every clause of anc_send_fds(3), anc_sendv_fds(3) and anc_send_fd(3). */
#include "interpose.h"
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const unsigned int send_flags[] = {
    0, ANC_DONTWAIT, ANC_ALL, ANC_MOVE, ANC_DONTWAIT | ANC_ALL, ANC_MOVE | ANC_ALL,
    ANC_DONTWAIT | ANC_MOVE, ANC_DONTWAIT | ANC_ALL | ANC_MOVE,
};

static void check_open(const char *what, const int *fds, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        CHECK_CASE(is_open(fds[i]), "%s: descriptor %zu of %zu", what, i, n);
}

/* Refusals: nothing is sent, nothing is closed. */

struct refusal {
    const char *name;
    const char *buf;
    size_t len;
    const int *fds;
    size_t nfds;
    int error;
};

static int valid[ANC_FDS_MAX + 1];

static void check_refused(int type, const struct refusal *r)
{
    int pair[2];
    size_t i;
    socket_pair(type, pair);
    for (i = 0; i < LENGTH(send_flags); i++) {
        ssize_t n = anc_send_fds(pair[0], r->buf, r->len, r->fds, r->nfds, send_flags[i]);
        CHECK_CASE(n == -1 && errno == r->error, "%s, %s, flags %#x: %zd", type_name(type), r->name,
                   send_flags[i], n);
        EXPECT_NOTHING(pair[1]);
        check_open(r->name, valid, LENGTH(valid));
    }
    close_both(pair);
}

TEST(what_is_refused_sends_nothing_and_closes_nothing)
{
    const struct refusal refusals[] = {
        {"NULL with a length", NULL, 1, valid, 1, EFAULT},
        {"NULL with a length, without descriptors", NULL, 1, NULL, 0, EFAULT},
        {"NULL descriptors with a count", "x", 1, NULL, 1, EFAULT},
        {"NULL descriptors with a huge count", "x", 1, NULL, SIZE_MAX, EFAULT},
        {"254 descriptors", "x", 1, valid, ANC_FDS_MAX + 1, EINVAL},
        {"a count that no int holds", "x", 1, valid, (size_t)INT_MAX + 1, EINVAL},
        {"a count whose size wraps to 4", "x", 1, valid, SIZE_MAX / sizeof(int) + 2, EINVAL},
        {"SIZE_MAX descriptors", "x", 1, valid, SIZE_MAX, EINVAL},
        {"SSIZE_MAX + 1 bytes", "x", (size_t)SSIZE_MAX + 1, valid, 1, EINVAL},
        {"SIZE_MAX bytes", "x", SIZE_MAX, valid, 1, EINVAL},
        {"SIZE_MAX bytes without descriptors", "x", SIZE_MAX, NULL, 0, EINVAL},
    };
    size_t i, t;
    new_descriptors(valid, LENGTH(valid));
    for (t = 0; t < 3; t++)
        for (i = 0; i < LENGTH(refusals); i++)
            check_refused(socket_types[t], &refusals[i]);
    anc_close_fds(valid, LENGTH(valid));
}

TEST(descriptors_with_0_bytes_on_a_stream_are_refused)
{
    const struct refusal refusals[] = {
        {"an empty buffer", "", 0, valid, 1, EINVAL},
        {"no buffer", NULL, 0, valid, 253, EINVAL},
    };
    size_t i;
    new_descriptors(valid, LENGTH(valid));
    for (i = 0; i < LENGTH(refusals); i++)
        check_refused(SOCK_STREAM, &refusals[i]);
    anc_close_fds(valid, LENGTH(valid));
}

TEST(flags_of_the_other_direction_and_unknown_ones_are_refused)
{
    const unsigned int known = ANC_DONTWAIT | ANC_ALL | ANC_MOVE;
    struct iovec iov = {"x", 1};
    int pair[2], fd = new_descriptor(), bit;
    socket_pair(SOCK_SEQPACKET, pair);
    for (bit = 0; bit < 32; bit++) {
        unsigned int flag = 1u << bit, with;
        for (with = 0; with <= known; with++) {
            if (with & ~known)
                continue;
            if (flag & ~known) {
                CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, flag | with), EINVAL);
                CHECK_ERRNO(anc_send_fds(-1, NULL, 1, NULL, 1, flag | with), EINVAL);
                CHECK_ERRNO(anc_sendv_fds(pair[0], &iov, 1, &fd, 1, flag | with), EINVAL);
                CHECK_ERRNO(anc_send_fd(pair[0], fd, flag | with), EINVAL);
            }
        }
    }
    CHECK(is_open(fd));
    EXPECT_NOTHING(pair[1]);
    close(fd);
    close_both(pair);
}

static void check_bad_at_every_position(int type, int bad, int n)
{
    int pair[2], fds[ANC_FDS_MAX], i, fd = new_descriptor();
    socket_pair(type, pair);
    for (i = 0; i < n; i++)
        fds[i] = fd;
    for (i = 0; i < n; i++) {
        fds[i] = bad;
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, (size_t)n, 0), EBADF);
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, (size_t)n, ANC_MOVE | ANC_ALL), EBADF);
        fds[i] = fd;
    }
    CHECK(is_open(fd));
    EXPECT_NOTHING(pair[1]);
    close_both(pair);
    close(fd);
}

TEST(a_negative_descriptor_is_EBADF_at_every_position)
{
    static const int values[] = {-1, -2, -100, INT_MIN};
    size_t v, t;
    int n;
    for (t = 0; t < 3; t++)
        for (v = 0; v < LENGTH(values); v++) {
            for (n = 1; n <= 8; n++)
                check_bad_at_every_position(socket_types[t], values[v], n);
            check_bad_at_every_position(socket_types[t], values[v], ANC_FDS_MAX);
        }
}

TEST(a_closed_descriptor_is_EBADF_at_every_position)
{
    size_t t;
    int n;
    for (t = 0; t < 3; t++) {
        for (n = 1; n <= 8; n++)
            check_bad_at_every_position(socket_types[t], 4000, n);
        check_bad_at_every_position(socket_types[t], 4000, ANC_FDS_MAX);
    }
}

TEST(a_negative_descriptor_is_found_before_the_socket_is_looked_at)
{
    int fds[ANC_FDS_MAX], no_socket = new_descriptor(), i;
    for (i = 0; i < ANC_FDS_MAX; i++)
        fds[i] = no_socket;
    for (i = 0; i < ANC_FDS_MAX; i++) { /* else it would be ENOTSOCK */
        fds[i] = -1;
        CHECK_ERRNO(anc_send_fds(no_socket, "x", 1, fds, (size_t)i + 1, 0), EBADF);
        CHECK_ERRNO(anc_send_fds(no_socket, "x", 1, fds, ANC_FDS_MAX, ANC_MOVE), EBADF);
        fds[i] = no_socket;
    }
    CHECK_ERRNO(anc_send_fd(no_socket, -1, ANC_MOVE), EBADF);
    close(no_socket);
}

TEST(what_is_no_socket_is_EBADF_or_ENOTSOCK)
{
    int fd = new_descriptor();
    CHECK_ERRNO(anc_send_fds(-1, "x", 1, &fd, 1, ANC_MOVE), EBADF);
    CHECK_ERRNO(anc_send_fds(4000, "x", 1, &fd, 1, ANC_MOVE), EBADF);
    CHECK_ERRNO(anc_send_fds(4000, "", 0, &fd, 1, ANC_MOVE), EBADF);
    CHECK_ERRNO(anc_send_fds(fd, "x", 1, &fd, 1, ANC_MOVE), ENOTSOCK);
    CHECK_ERRNO(anc_send_fds(fd, "", 0, &fd, 1, ANC_MOVE), ENOTSOCK);
    CHECK_ERRNO(anc_send_fd(fd, fd, ANC_MOVE), ENOTSOCK);
    CHECK(is_open(fd));
    close(fd);
}

/* Buffers. */

TEST(iovec_lists_that_are_refused_send_nothing_and_close_nothing)
{
    struct iovec whole = {"x", 1}, many[1025], null[3] = {{"x", 1}, {NULL, 1}, {"x", 1}};
    struct iovec huge[2] = {{"x", SSIZE_MAX}, {"x", 1}}, wraps[2] = {{"x", SIZE_MAX}, {"x", 2}};
    struct iovec empty[2] = {{"", 0}, {NULL, 0}};
    const struct {
        const char *name;
        const struct iovec *iov;
        int iovcnt, error, streams_only;
    } cases[] = {
        {"-1 buffers", &whole, -1, EINVAL, 0},
        {"INT_MIN buffers", &whole, INT_MIN, EINVAL, 0},
        {"-1 buffers, NULL", NULL, -1, EINVAL, 0},
        {"1025 buffers", many, 1025, EINVAL, 0},
        {"INT_MAX buffers", many, INT_MAX, EINVAL, 0},
        {"NULL with a count", NULL, 1, EFAULT, 0},
        {"NULL in the middle", null, 3, EFAULT, 0},
        {"NULL at the end", null, 2, EFAULT, 0},
        {"more than SSIZE_MAX", huge, 2, EINVAL, 0},
        {"more than SIZE_MAX", wraps, 2, EINVAL, 0},
        {"no buffer", NULL, 0, EINVAL, 1},
        {"empty buffers", empty, 2, EINVAL, 1},
    };
    size_t i, f, t;
    int pair[2], fd = new_descriptor();
    for (i = 0; i < LENGTH(many); i++)
        many[i] = whole;
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        for (i = 0; i < LENGTH(cases); i++)
            for (f = 0; f < LENGTH(send_flags); f++) {
                if (cases[i].streams_only && socket_types[t] != SOCK_STREAM)
                    continue;
                ssize_t n = anc_sendv_fds(pair[0], cases[i].iov, cases[i].iovcnt, &fd, 1,
                                          send_flags[f]);
                CHECK_CASE(n == -1 && errno == cases[i].error, "%s, %s, flags %#x: %zd",
                           type_name(socket_types[t]), cases[i].name, send_flags[f], n);
                CHECK(is_open(fd));
                EXPECT_NOTHING(pair[1]);
            }
        close_both(pair);
    }
    close(fd);
}

/* Each call is wrong in two ways or more: what they are, in the order of the page. */
TEST(of_several_refusals_the_first_on_the_page_is_reported)
{
    struct iovec null_after_huge[3] = {{"x", SSIZE_MAX}, {"x", 1}, {NULL, 1}};
    struct iovec huge[2] = {{"x", SSIZE_MAX}, {"x", 1}};
    struct iovec null = {NULL, 1}, one = {"x", 1};
    int pair[2], bad[ANC_FDS_MAX + 1], fd;
    socket_pair(SOCK_STREAM, pair);
    memset(bad, -1, sizeof bad);
    fd = new_descriptor();
    /* flags, EFAULT */
    CHECK_ERRNO(anc_send_fds(pair[0], NULL, 1, bad, 1, ANC_TRIM), EINVAL);
    /* iovcnt, EFAULT */
    CHECK_ERRNO(anc_sendv_fds(pair[0], NULL, 1025, NULL, 1, 0), EINVAL);
    /* iovcnt, EFAULT */
    CHECK_ERRNO(anc_sendv_fds(pair[0], &null, -1, NULL, 1, 0), EINVAL);
    /* EFAULT, 254 */
    CHECK_ERRNO(anc_send_fds(pair[0], NULL, 1, bad, ANC_FDS_MAX + 1, 0), EFAULT);
    /* EFAULT, total */
    CHECK_ERRNO(anc_sendv_fds(pair[0], null_after_huge, 3, &fd, 1, 0), EFAULT);
    /* EFAULT, total */
    CHECK_ERRNO(anc_sendv_fds(pair[0], huge, 2, NULL, 1, 0), EFAULT);
    /* EFAULT, total, EBADF */
    CHECK_ERRNO(anc_send_fds(pair[0], NULL, SIZE_MAX, bad, 1, 0), EFAULT);
    /* total, EBADF */
    CHECK_ERRNO(anc_sendv_fds(pair[0], huge, 2, bad, 1, 0), EINVAL);
    /* 254, EBADF */
    CHECK_ERRNO(anc_sendv_fds(pair[0], &one, 1, bad, ANC_FDS_MAX + 1, 0), EINVAL);
    /* EBADF, 0 bytes */
    CHECK_ERRNO(anc_send_fds(pair[0], "", 0, bad, 1, 0), EBADF);
    close(fd);
    close_both(pair);
}

TEST(a_buffer_outside_the_process_is_the_kernels_EFAULT)
{
    size_t t;
    int pair[2], fd = new_descriptor();
    if (ON_ASAN || on_valgrind())
        skip("the checker reports the pointer itself");
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        CHECK_ERRNO(anc_send_fds(pair[0], (void *)16, 1, &fd, 1, ANC_MOVE | ANC_ALL), EFAULT);
        CHECK(is_open(fd));
        EXPECT_NOTHING(pair[1]);
        close_both(pair);
    }
    close(fd);
}

TEST(NULL_with_a_length_of_0_is_fine)
{
    struct iovec empty[3] = {{NULL, 0}, {"ab", 2}, {NULL, 0}};
    int pair[2], fd = new_descriptor();
    socket_pair(SOCK_SEQPACKET, pair);
    CHECK_OK(anc_send_fds(pair[0], "ab", 2, NULL, 0, 0), 2);
    EXPECT(pair[1], "ab", NULL, 0);
    CHECK_OK(anc_send_fds(pair[0], NULL, 0, &fd, 1, 0), 0);
    EXPECT(pair[1], "", &fd, 1);
    CHECK_OK(anc_sendv_fds(pair[0], NULL, 0, &fd, 1, ANC_ALL), 0);
    EXPECT(pair[1], "", &fd, 1);
    CHECK_OK(anc_sendv_fds(pair[0], empty, 3, &fd, 1, 0), 2);
    EXPECT(pair[1], "ab", &fd, 1);
    CHECK_OK(anc_send_fds(pair[0], NULL, 0, NULL, 0, 0), 0);
    EXPECT(pair[1], "", NULL, 0);
    EXPECT_NOTHING(pair[1]);
    close(fd);
    close_both(pair);
}

TEST(no_bytes_and_no_descriptors_on_a_stream_send_nothing)
{
    int pair[2];
    size_t i;
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < LENGTH(send_flags); i++) {
        CHECK_OK(anc_send_fds(pair[0], NULL, 0, NULL, 0, send_flags[i]), 0);
        CHECK_OK(anc_sendv_fds(pair[0], NULL, 0, NULL, 0, send_flags[i]), 0);
    }
    EXPECT_NOTHING(pair[1]);
    close_both(pair);
}

TEST(an_empty_message_carries_descriptors)
{
    int pair[2], fds[2], t;
    for (t = 1; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        new_descriptors(fds, 2);
        CHECK_OK(anc_send_fds(pair[0], "", 0, fds, 2, 0), 0);
        EXPECT(pair[1], "", fds, 2);
        CHECK_OK(anc_send_fds(pair[0], NULL, 0, fds, 2, ANC_MOVE), 0);
        CHECK(!is_open(fds[0]) && !is_open(fds[1]));
        CHECK_INT(drain_socket(pair[1]), 2);
        close_both(pair);
    }
}

TEST(a_list_of_1024_buffers_arrives_in_order)
{
    static char bytes[1024];
    struct iovec iov[1024], before[1024];
    size_t i, f, t;
    for (i = 0; i < LENGTH(iov); i++) {
        bytes[i] = (char)(i * 7);
        iov[i] = (struct iovec){bytes + i, 1};
    }
    memcpy(before, iov, sizeof iov);
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(send_flags); f++) {
            int pair[2], fd = new_descriptor(), copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
            socket_pair(socket_types[t], pair);
            CHECK_OK(anc_sendv_fds(pair[0], iov, 1024, &fd, 1, send_flags[f]), 1024);
            CHECK_INT(is_open(fd), !(send_flags[f] & ANC_MOVE));
            expect_message(__FILE__, __LINE__, pair[1], bytes, 1024, &copy, 1);
            CHECK(memcmp(before, iov, sizeof iov) == 0);
            if (is_open(fd))
                close(fd);
            close(copy);
            close_both(pair);
        }
}

/* What passes. */

TEST(bytes_and_descriptors_arrive_on_every_type_with_every_flag)
{
    size_t t, f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(send_flags); f++) {
            int pair[2], fds[3], copies[3], i;
            socket_pair(socket_types[t], pair);
            new_descriptors(fds, 3);
            for (i = 0; i < 3; i++)
                copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
            CHECK_OK(anc_send_fds(pair[0], "hello", 5, fds, 3, send_flags[f]), 5);
            for (i = 0; i < 3; i++)
                CHECK_INT(is_open(fds[i]), !(send_flags[f] & ANC_MOVE));
            EXPECT(pair[1], "hello", copies, 3);
            EXPECT_NOTHING(pair[1]);
            if (!(send_flags[f] & ANC_MOVE))
                anc_close_fds(fds, 3);
            anc_close_fds(copies, 3);
            close_both(pair);
        }
}

TEST(one_descriptor_goes_with_one_NUL_byte)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        socket_pair(socket_types[t], pair);
        CHECK_OK(anc_send_fd(pair[0], fd, 0), 0);
        expect_message(__FILE__, __LINE__, pair[1], "", 1, &fd, 1);
        CHECK_OK(anc_send_fd(pair[0], fd, ANC_DONTWAIT | ANC_ALL | ANC_MOVE), 0);
        CHECK(!is_open(fd));
        expect_message(__FILE__, __LINE__, pair[1], "", 1, &copy, 1);
        EXPECT_NOTHING(pair[1]);
        close(copy);
        close_both(pair);
    }
}

TEST(every_kind_of_descriptor_passes_even_the_sockets_themselves)
{
    int pair[2], fds[8], pipe_ends[2], came[ANC_FDS_MAX], n, i;
    char byte;
    socket_pair(SOCK_SEQPACKET, pair);
    CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    fds[0] = pipe_ends[0];
    fds[1] = pipe_ends[1];
#ifdef __linux__
    fds[2] = open("/", O_PATH | O_CLOEXEC);
    fds[3] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fds[4] = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (fds[4] < 0) /* before Linux 5.3, and valgrind */
        fds[4] = memfd_create("no pidfd", MFD_CLOEXEC);
#else
    fds[2] = open("/", O_RDONLY | O_CLOEXEC);
    fds[3] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fds[4] = open("/dev/null", O_WRONLY | O_CLOEXEC);
#endif
    fds[5] = new_descriptor();
    fds[6] = pair[0];
    fds[7] = pair[1];
    CHECK_OK(anc_send_fds(pair[0], "all", 3, fds, 8, 0), 3);
    CHECK_INT(raw_recv(pair[1], &byte, 1, came, &n, 0), 1);
    CHECK_INT(n, 8);
    for (i = 0; i < 8; i++) {
        struct stat a, b;
        CHECK(fstat(fds[i], &a) == 0 && fstat(came[i], &b) == 0);
        CHECK(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
    }
    anc_close_fds(came, 8);
    anc_close_fds(fds, 8);
}

TEST(a_socket_can_be_moved_over_itself)
{
    int pair[2], came[ANC_FDS_MAX], n;
    char byte;
    socket_pair(SOCK_STREAM, pair);
    CHECK_OK(anc_send_fd(pair[0], pair[0], ANC_MOVE), 0);
    CHECK(!is_open(pair[0]));
    CHECK_INT(raw_recv(pair[1], &byte, 1, came, &n, 0), 1);
    CHECK_INT(n, 1);
    CHECK_OK(anc_send_fds(came[0], "back", 4, NULL, 0, 0), 4);
    EXPECT(pair[1], "back", NULL, 0);
    close(came[0]);
    close(pair[1]);
}

TEST(a_socket_moved_over_itself_by_ANC_ALL_is_closed_after_the_last_byte)
{
    int pair[2], came[ANC_FDS_MAX], n;
    char bytes[8];
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = 2;
    give(pair, 1);
    CHECK_OK(LIBRARY(anc_send_fds(pair[0], "itself", 6, pair, 1, ANC_MOVE | ANC_ALL)), 6);
    CHECK(!is_open(pair[0]));
    CHECK_INT(raw_recv(pair[1], bytes, 8, came, &n, 0), 2);
    CHECK_INT(n, 1);
    close(came[0]);
    EXPECT(pair[1], "self", NULL, 0);
    close(pair[1]);
}

static void tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (void *)&address, len) != 0 || listen(listener, 1) != 0)
        skip("no TCP on the loopback interface: %s", strerror(errno));
    CHECK(getsockname(listener, (void *)&address, &len) == 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(pair[0], (void *)&address, len) == 0);
    pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(pair[1] >= 0);
    close(listener);
}

TEST(an_internet_socket_takes_descriptors_and_drops_them)
{
    int pair[2], pipe_ends[2];
    char bytes[4];
    tcp_pair(pair);
    CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    CHECK_OK(anc_send_fds(pair[0], "tcp", 3, &pipe_ends[1], 1, ANC_MOVE), 3);
    CHECK(!is_open(pipe_ends[1]));
    CHECK_INT(read(pipe_ends[0], bytes, 1), 0); /* nobody holds the writing end any more */
    CHECK_INT(recv(pair[1], bytes, sizeof bytes, 0), 3);
    close(pipe_ends[0]);
    close_both(pair);
}

/* Signals. */

struct full {
    int sock;
    size_t bytes;
};

/* Takes what had filled the socket, and nothing that is sent meanwhile. */
static void make_room(void *arg)
{
    struct full *full = arg;
    char block[4096];
    while (full->bytes > 0) {
        const size_t part = full->bytes < sizeof block ? full->bytes : sizeof block;
        ssize_t n = recv(full->sock, block, part, 0);
        CHECK(n > 0);
        full->bytes -= (size_t)n;
    }
}

TEST(EINTR_before_anything_has_gone_is_not_retried)
{
    size_t t, f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < 2; f++) {
            const unsigned int flags = f ? ANC_MOVE : 0;
            int pair[2], fd = new_descriptor();
            pid_t child;
            socket_pair(socket_types[t], pair);
            fill_socket(pair[0]);
            alarm(20); /* where it is retried, nothing else ends the wait */
            child = interrupt_me(1, NULL, NULL);
            CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, flags), EINTR);
            check_child(child);
            child = interrupt_me(1, NULL, NULL);
            CHECK_ERRNO(anc_send_fd(pair[0], fd, flags), EINTR);
            check_child(child);
            CHECK(is_open(fd));
            CHECK_INT(drain_socket(pair[1]), 0);
            close(fd);
            close_both(pair);
        }
}

TEST(EINTR_is_retried_with_ANC_ALL_on_every_type_and_leaves_no_errno)
{
    size_t t, way;
    for (t = 0; t < 3; t++)
        for (way = 0; way < 4; way++) {
            const unsigned int flags = ANC_ALL | (way & 1 ? ANC_MOVE : 0);
            int pair[2], fd = new_descriptor();
            struct full full;
            pid_t child;
            socket_pair(socket_types[t], pair);
            full = (struct full){pair[1], fill_socket(pair[0])};
            child = interrupt_me(3, make_room, &full);
            if (way & 2)
                CHECK_OK(anc_send_fd(pair[0], fd, flags), 0);
            else
                CHECK_OK(anc_send_fds(pair[0], "x", 1, &fd, 1, flags), 1);
            check_child(child);
            CHECK_INT(is_open(fd), !(flags & ANC_MOVE));
            CHECK_INT(drain_socket(pair[1]), 1);
            if (is_open(fd))
                close(fd);
            close_both(pair);
        }
}

static char large[1 << 20];

TEST(a_signal_in_the_middle_gives_the_count_so_far_and_the_descriptors_have_gone)
{
    int pair[2], fd = new_descriptor();
    ssize_t n;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    child = interrupt_me(1, NULL, NULL);
    errno = 4242;
    n = anc_send_fds(pair[0], large, sizeof large, &fd, 1, ANC_MOVE);
    CHECK(n > 0 && n < (ssize_t)sizeof large);
    CHECK_INT(errno, 4242);
    check_child(child);
    CHECK(!is_open(fd));
    CHECK_INT(drain_socket(pair[1]), 1);
    close_both(pair);
}

/* Reads until all of `large` has come, with one descriptor in all. */
static void read_all_of_it(void *sock)
{
    static char block[65536];
    size_t sum = 0;
    int came[ANC_FDS_MAX], n, descriptors = 0;
    while (sum < sizeof large) {
        ssize_t count = raw_recv(*(int *)sock, block, sizeof block, came, &n, 0);
        CHECK(count > 0);
        if (n > 0)
            close(came[0]);
        descriptors += n;
        sum += (size_t)count;
    }
    CHECK_INT(descriptors, 1);
}

TEST(ANC_ALL_goes_on_after_signals_in_the_middle_and_sends_the_descriptors_once)
{
    int pair[2], fd = new_descriptor();
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    child = interrupt_me(3, read_all_of_it, &pair[1]);
    CHECK_OK(anc_send_fds(pair[0], large, sizeof large, &fd, 1, ANC_ALL), sizeof large);
    check_child(child);
    EXPECT_NOTHING(pair[1]);
    close(fd);
    close_both(pair);
}

/* ANC_ALL. */

enum { TOTAL = 40 };

/* Buffers of these lengths (up to -1), cut after every `at_most` bytes. */
static void check_cut(const int *lengths, size_t at_most)
{
    static char bytes[TOTAL];
    struct iovec iov[64], before[64];
    int pair[2], fd = new_descriptor(), count, i;
    size_t sum = 0;
    for (i = 0; i < TOTAL; i++)
        bytes[i] = (char)('A' + i);
    for (count = 0; lengths[count] >= 0; count++) {
        iov[count] = (struct iovec){lengths[count] ? bytes + sum : NULL, (size_t)lengths[count]};
        sum += (size_t)lengths[count];
    }
    memcpy(before, iov, sizeof iov);
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = at_most;
    CHECK_OK(LIBRARY(anc_sendv_fds(pair[0], iov, count, &fd, 1, ANC_ALL)), sum);
    CHECK_INT(world.calls[SENDMSG], (sum + at_most - 1) / at_most);
    CHECK_INT(world.with_control, 1);
    CHECK(memcmp(before, iov, (size_t)count * sizeof *iov) == 0);
    if (at_most >= sum) {
        expect_message(__FILE__, __LINE__, pair[1], bytes, sum, &fd, 1);
    } else {
        /* The kernel ends a receive at the end of the buffer that the descriptor rode on. */
        expect_message(__FILE__, __LINE__, pair[1], bytes, at_most, &fd, 1);
        expect_message(__FILE__, __LINE__, pair[1], bytes + at_most, sum - at_most, NULL, 0);
    }
    close(fd);
    close_both(pair);
}

TEST(ANC_ALL_sends_every_byte_once_wherever_the_kernel_stops)
{
    static const int lists[][64] = {
        {TOTAL, -1},
        {0, 1, 0, 3, 2, 0, 0, 4, 10, 0, 15, 1, 1, 3, 0, -1},
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1},
        {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 38, -1},
        {20, 20, -1},
    };
    size_t list, at_most;
    for (list = 0; list < LENGTH(lists); list++)
        for (at_most = 1; at_most <= TOTAL; at_most++)
            check_cut(lists[list], at_most);
}

TEST(many_half_sent_buffers_are_sent_to_the_end)
{
    static char bytes[2 * 1024];
    struct iovec iov[1024];
    int pair[2], fd = new_descriptor(), i;
    for (i = 0; i < 2 * 1024; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    for (i = 0; i < 1024; i++)
        iov[i] = (struct iovec){bytes + 2 * i, 2};
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = 33; /* always in the middle of a buffer, and past the library's window */
    CHECK_OK(LIBRARY(anc_sendv_fds(pair[0], iov, 1024, &fd, 1, ANC_ALL)), sizeof bytes);
    expect_message(__FILE__, __LINE__, pair[1], bytes, 33, &fd, 1);
    expect_message(__FILE__, __LINE__, pair[1], bytes + 33, sizeof bytes - 33, NULL, 0);
    close(fd);
    close_both(pair);
}

TEST(without_ANC_ALL_a_short_count_is_returned_after_one_call)
{
    int pair[2], fd = new_descriptor();
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = 2;
    CHECK_OK(LIBRARY(anc_send_fds(pair[0], "hello", 5, &fd, 1, 0)), 2);
    CHECK_INT(world.calls[SENDMSG], 1);
    EXPECT(pair[1], "he", &fd, 1);
    close(fd);
    close_both(pair);
}

static void check_count_so_far(int sock, int peer, unsigned int flags)
{
    int pipe_ends[2];
    char byte;
    ssize_t n;
    CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    errno = 4242;
    n = anc_send_fds(sock, large, sizeof large, &pipe_ends[1], 1, ANC_ALL | ANC_MOVE | flags);
    CHECK(n > 0 && n < (ssize_t)sizeof large);
    CHECK_INT(errno, 4242);
    CHECK(!is_open(pipe_ends[1]));
    /* Another one, on the full socket: neither bytes nor descriptors. */
    CHECK_ERRNO(anc_send_fds(sock, large, sizeof large, pipe_ends, 1, ANC_ALL | ANC_MOVE | flags),
                EAGAIN);
    CHECK(is_open(pipe_ends[0]));
    CHECK_INT(drain_socket(peer), 1);
    CHECK_INT(read(pipe_ends[0], &byte, 1), 0);
    close(pipe_ends[0]);
}

TEST(EAGAIN_in_the_middle_gives_ANC_ALL_the_count_so_far_and_leaves_no_errno)
{
    const struct timeval soon = {0, 10000};
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    check_count_so_far(pair[0], pair[1], ANC_DONTWAIT);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    check_count_so_far(pair[0], pair[1], 0);
    CHECK(fcntl(pair[0], F_SETFL, 0) == 0);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
    check_count_so_far(pair[0], pair[1], 0);
    close_both(pair);
}

static void leave(void *arg)
{
    (void)arg; /* the child's end is the peer's */
}

TEST(an_error_after_the_first_byte_shows_as_a_short_count_then_on_the_next_call)
{
    size_t f;
    for (f = 0; f < 2; f++) {
        const unsigned int flags = f ? ANC_ALL : 0;
        int pair[2], fds[2];
        pid_t child;
        ssize_t n;
        signal(SIGPIPE, SIG_DFL);
        socket_pair(SOCK_STREAM, pair);
        new_descriptors(fds, 2);
        child = interrupt_me(0, leave, NULL);
        close(pair[1]);
        errno = 4242;
        n = anc_send_fds(pair[0], large, sizeof large, fds, 1, flags | ANC_MOVE);
        CHECK(n > 0 && n < (ssize_t)sizeof large);
        CHECK_INT(errno, 4242);
        CHECK(!is_open(fds[0]));
        CHECK_INT(anc_send_fds(pair[0], "x", 1, &fds[1], 1, flags | ANC_MOVE), -1);
        CHECK(errno == EPIPE || errno == ECONNRESET);
        CHECK(is_open(fds[1]));
        check_child(child);
        close(fds[1]);
        close(pair[0]);
    }
}

/* ANC_MOVE. */

TEST(ANC_MOVE_closes_each_of_253_and_nothing_beside_them)
{
    int fds[ANC_FDS_MAX + 2], pair[2], copy, i;
    socket_pair(SOCK_SEQPACKET, pair);
    new_row(fds, ANC_FDS_MAX + 2);
    CHECK_OK(anc_send_fds(pair[0], "x", 1, fds + 1, ANC_FDS_MAX, ANC_MOVE), 1);
    CHECK(is_open(fds[0]) && is_open(fds[ANC_FDS_MAX + 1]));
    for (i = 1; i <= ANC_FDS_MAX; i++)
        CHECK(!is_open(fds[i]));
    copy = fds[0];
    CHECK_OK(anc_send_fd(pair[0], copy, ANC_MOVE), 0);
    CHECK(!is_open(fds[0]) && is_open(fds[ANC_FDS_MAX + 1]));
    close(fds[ANC_FDS_MAX + 1]);
    CHECK_INT(drain_socket(pair[1]), ANC_FDS_MAX + 1);
    close_both(pair);
}

TEST(ANC_MOVE_sends_a_number_that_stands_twice_twice_and_closes_it_once)
{
    /* Positions of three contiguous descriptors. The ledger ends the test at a second close. */
    static const int lists[][6] = {{0, 0, -1}, {0, 1, 0, -1}, {0, 0, 1, 1, -1}, {1, 0, 2, 0, 1, -1},
                                   {2, 1, 0, 2, -1}};
    size_t list;
    for (list = 0; list < LENGTH(lists); list++) {
        int three[3], copies[3], fds[6], expected[6], pair[2], n;
        socket_pair(SOCK_SEQPACKET, pair);
        new_row(three, 3);
        for (n = 0; n < 3; n++)
            copies[n] = fcntl(three[n], F_DUPFD_CLOEXEC, 0);
        for (n = 0; lists[list][n] >= 0; n++) {
            fds[n] = three[lists[list][n]];
            expected[n] = copies[lists[list][n]];
        }
        new_world();
        give(fds, n);
        CHECK_OK(LIBRARY(anc_send_fds(pair[0], "x", 1, fds, (size_t)n, ANC_MOVE)), 1);
        CHECK_INT(owned_by(GIVEN), 0);
        EXPECT(pair[1], "x", expected, n);
        for (n = 0; n < 3; n++)
            if (is_open(three[n]))
                close(three[n]);
        anc_close_fds(copies, 3);
        close_both(pair);
    }
}

TEST(ANC_MOVE_leaves_the_list_as_it_is)
{
    int fds[3], before[3], pair[2];
    socket_pair(SOCK_DGRAM, pair);
    new_descriptors(fds, 3);
    memcpy(before, fds, sizeof fds);
    CHECK_OK(anc_send_fds(pair[0], "x", 1, fds, 3, ANC_MOVE), 1);
    CHECK(memcmp(before, fds, sizeof fds) == 0);
    CHECK_INT(drain_socket(pair[1]), 3);
    close_both(pair);
}

TEST(ANC_MOVE_closes_nothing_on_EAGAIN)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fds[3];
        socket_pair(socket_types[t], pair);
        new_descriptors(fds, 3);
        fill_socket(pair[0]);
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, 3, ANC_MOVE | ANC_DONTWAIT), EAGAIN);
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, 3, ANC_MOVE | ANC_DONTWAIT | ANC_ALL),
                    EAGAIN);
        CHECK_ERRNO(anc_send_fd(pair[0], fds[0], ANC_MOVE | ANC_DONTWAIT), EAGAIN);
        check_open("EAGAIN", fds, 3);
        CHECK_INT(drain_socket(pair[1]), 0);
        anc_close_fds(fds, 3);
        close_both(pair);
    }
}

TEST(ANC_MOVE_closes_nothing_on_EBADF)
{
    int pair[2], fds[3];
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 3);
    close(fds[1]);
    CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, fds, 3, ANC_MOVE), EBADF);
    CHECK(is_open(fds[0]) && is_open(fds[2]));
    EXPECT_NOTHING(pair[1]);
    close(fds[0]);
    close(fds[2]);
    close_both(pair);
}

TEST(a_receiver_that_refuses_descriptors_is_EPERM_and_plain_bytes_still_pass)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), off = 0;
        socket_pair(socket_types[t], pair);
        if (setsockopt(pair[1], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) != 0)
            skip("SO_PASSRIGHTS: %s", strerror(errno));
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, ANC_MOVE), EPERM);
        CHECK_ERRNO(anc_send_fd(pair[0], fd, ANC_MOVE), EPERM);
        CHECK(is_open(fd));
        CHECK_OK(anc_send_fds(pair[0], "plain", 5, NULL, 0, ANC_MOVE), 5);
        EXPECT(pair[1], "plain", NULL, 0);
        close(fd);
        close_both(pair);
    }
}

/* Closed peers, and SIGPIPE, whose default disposition ends the process. */

static void check_gone(int sock, int first_error, int then_error)
{
    struct iovec iov = {"x", 1};
    int fds[2];
    size_t f;
    new_descriptors(fds, 2);
    CHECK_ERRNO(anc_send_fds(sock, "x", 1, fds, 2, ANC_MOVE), first_error);
    for (f = 0; f < LENGTH(send_flags); f++) {
        CHECK_ERRNO(anc_send_fds(sock, "x", 1, fds, 2, send_flags[f]), then_error);
        CHECK_ERRNO(anc_send_fds(sock, "x", 1, NULL, 0, send_flags[f]), then_error);
        CHECK_ERRNO(anc_sendv_fds(sock, &iov, 1, fds, 2, send_flags[f]), then_error);
        CHECK_ERRNO(anc_send_fd(sock, fds[0], send_flags[f]), then_error);
    }
    check_open("EPIPE", fds, 2);
    anc_close_fds(fds, 2);
}

TEST(a_closed_peer_is_an_error_and_never_SIGPIPE)
{
    static const int errors[3][2] = {{EPIPE, EPIPE}, {ECONNREFUSED, ENOTCONN}, {EPIPE, EPIPE}};
    size_t t;
    signal(SIGPIPE, SIG_DFL);
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        close(pair[1]);
        check_gone(pair[0], errors[t][0], errors[t][1]);
        close(pair[0]);
    }
}

TEST(a_shutdown_is_EPIPE_and_never_SIGPIPE)
{
    size_t t;
    signal(SIGPIPE, SIG_DFL);
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        CHECK(shutdown(pair[0], SHUT_WR) == 0);
        check_gone(pair[0], EPIPE, EPIPE);
        close_both(pair);
        socket_pair(socket_types[t], pair);
        CHECK(shutdown(pair[1], SHUT_RD) == 0);
        check_gone(pair[0], EPIPE, EPIPE);
        close_both(pair);
    }
}

/* What stands in for MSG_NOSIGNAL blocks SIGPIPE meanwhile; on every build this must hold. */
TEST(a_pending_SIGPIPE_and_the_signal_mask_stay_as_they_were)
{
    sigset_t pipe_only, before, after, pending;
    int pair[2], with_pending;
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    for (with_pending = 0; with_pending < 2; with_pending++) {
        socket_pair(SOCK_STREAM, pair);
        close(pair[1]);
        if (with_pending) {
            sigprocmask(SIG_BLOCK, &pipe_only, NULL);
            raise(SIGPIPE);
        }
        sigprocmask(SIG_BLOCK, NULL, &before);
        CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, NULL, 0, 0), EPIPE);
        sigprocmask(SIG_BLOCK, NULL, &after);
        CHECK(memcmp(&before, &after, sizeof(long)) == 0);
        sigpending(&pending);
        CHECK_INT(sigismember(&pending, SIGPIPE), with_pending);
        close(pair[0]);
    }
}

TEST(a_socket_that_was_never_connected_is_ENOTCONN)
{
    size_t t;
    signal(SIGPIPE, SIG_DFL);
    for (t = 0; t < 3; t++) {
        int sock = socket(AF_UNIX, socket_types[t] | SOCK_CLOEXEC, 0), fd = new_descriptor();
        CHECK_ERRNO(anc_send_fds(sock, "x", 1, &fd, 1, ANC_MOVE), ENOTCONN);
        CHECK(is_open(fd));
        close(fd);
        close(sock);
    }
}

TEST(a_time_out_before_the_first_byte_is_EAGAIN_and_nothing_has_gone)
{
    const struct timeval soon = {0, 10000};
    size_t t, f;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor();
        socket_pair(socket_types[t], pair);
        fill_socket(pair[0]);
        CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
        for (f = 0; f < LENGTH(send_flags); f++)
            CHECK_ERRNO(anc_send_fds(pair[0], "x", 1, &fd, 1, send_flags[f]), EAGAIN);
        CHECK(is_open(fd));
        CHECK_INT(drain_socket(pair[1]), 0);
        close(fd);
        close_both(pair);
    }
}
