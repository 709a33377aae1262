/* Receiving and closing: every clause of anc_recv_fds(3), anc_recvv_fds(3), anc_recv_fd(3) and
 * anc_close_fds(3). Messages are sent by plain sendmsg. */
#include "harness.h"
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const unsigned int receive_flags[] = {
    0, ANC_DONTWAIT, ANC_EXACT, ANC_TRIM, ANC_ALL, ANC_ALL | ANC_EXACT, ANC_ALL | ANC_TRIM,
    ANC_DONTWAIT | ANC_ALL, ANC_DONTWAIT | ANC_EXACT, ANC_DONTWAIT | ANC_TRIM,
    ANC_DONTWAIT | ANC_ALL | ANC_EXACT, ANC_DONTWAIT | ANC_ALL | ANC_TRIM,
};

enum { SLOTS = 300, CANARY = 0x5a5a5a5a };

static void fill_slots(int slots[SLOTS])
{
    int i;
    for (i = 0; i < SLOTS; i++)
        slots[i] = CANARY;
}

static int untouched_from(const int slots[SLOTS], size_t first)
{
    size_t i;
    for (i = first; i < SLOTS; i++)
        if (slots[i] != CANARY)
            return 0;
    return 1;
}

static void send_copies(int sock, const char *text, int fd, int n)
{
    int fds[ANC_FDS_MAX], i;
    for (i = 0; i < n; i++)
        fds[i] = fd;
    CHECK_INT(raw_send(sock, text, strlen(text), fds, n, 0), strlen(text));
}

/* What comes against what was asked for. */

struct asked {
    int type;
    const char *text;
    int came;
    size_t max_fds;
    unsigned int flags;
    int without_nfds; /* nfds is NULL */
};

/* The specification: the count, or an errno as a negative number. */
static int expected(const struct asked *a)
{
    if ((size_t)a->came > a->max_fds && !(a->flags & ANC_TRIM))
        return -ERANGE;
    if ((a->flags & ANC_EXACT) && (size_t)a->came < a->max_fds && (a->came > 0 || *a->text))
        return -ENOMSG;
    /* Without nfds, 0 must mean that nothing was handed over. */
    if (a->without_nfds && !*a->text && a->came > 0 && a->max_fds > 0)
        return -ENOMSG;
    return (int)strlen(a->text);
}

static void check_asked(const int pair[2], int fd, const struct asked *a)
{
    int slots[SLOTS], before = open_descriptors(), wanted = expected(a), left;
    size_t nfds = 99, i, handed;
    char buf[16];
    ssize_t n;
    fill_slots(slots);
    send_copies(pair[0], a->text, fd, a->came);
    errno = 4242;
    /* On a stream, ANC_ALL with more bytes than come would wait for ever. */
    n = anc_recv_fds(pair[1], buf, strlen(a->text), slots, a->max_fds,
                     a->without_nfds ? NULL : &nfds, a->flags);
#define IT                                                                                         \
    "%s, '%s', %d came, %zu asked for, flags %#x, nfds %s", type_name(a->type), a->text, a->came,  \
        a->max_fds, a->flags, a->without_nfds ? "NULL" : "given"
    handed = wanted < 0 ? 0 : (size_t)a->came < a->max_fds ? (size_t)a->came : a->max_fds;
    CHECK_CASE(n == (wanted < 0 ? -1 : wanted), IT);
    CHECK_CASE(errno == (wanted < 0 ? -wanted : 4242), IT);
    CHECK_CASE(a->without_nfds || nfds == handed, IT);
    CHECK_CASE(wanted < 0 || memcmp(buf, a->text, strlen(a->text)) == 0, IT);
    CHECK_CASE(untouched_from(slots, handed) || (n == -1 && (a->flags & ANC_ALL)), IT);
    for (i = 0; i < handed; i++) {
        CHECK_CASE(same_file(fd, slots[i]) && is_cloexec(slots[i]), IT);
        close(slots[i]);
    }
    CHECK_CASE(open_descriptors() == before, IT);
    /* It was consumed, whole: what follows is found whole. */
    send_copies(pair[0], "next", fd, 1);
    left = open_descriptors();
    EXPECT(pair[1], "next", &fd, 1);
    CHECK_CASE(open_descriptors() == left, IT);
#undef IT
}

static void every_way_of_asking(int type, const char *text)
{
    static const size_t asked_for[] = {0, 1, 2, 3, 4, 253, 254, 1000, (size_t)INT_MAX + 1,
                                       PTRDIFF_MAX, SIZE_MAX};
    int pair[2], fd = new_descriptor(), came, without;
    size_t i, f;
    socket_pair(type, pair);
    for (came = 0; came <= 4; came++)
        for (i = 0; i < LENGTH(asked_for); i++)
            for (f = 0; f < LENGTH(receive_flags); f++)
                for (without = 0; without < 2; without++) {
                    struct asked a = {type, text, came, asked_for[i], receive_flags[f], without};
                    if (without && a.max_fds != 0 && !(a.flags & ANC_EXACT))
                        continue;
                    check_asked(pair, fd, &a);
                }
    close(fd);
    close_both(pair);
}

TEST(a_stream_gives_what_was_asked_for_or_the_error_on_the_page)
{
    every_way_of_asking(SOCK_STREAM, "bytes");
}
TEST(a_datagram_gives_what_was_asked_for_or_the_error_on_the_page)
{
    every_way_of_asking(SOCK_DGRAM, "bytes");
}
TEST(a_seqpacket_gives_what_was_asked_for_or_the_error_on_the_page)
{
    every_way_of_asking(SOCK_SEQPACKET, "bytes");
}
TEST(an_empty_datagram_gives_its_descriptors_with_0) { every_way_of_asking(SOCK_DGRAM, ""); }
TEST(an_empty_seqpacket_gives_its_descriptors_with_0) { every_way_of_asking(SOCK_SEQPACKET, ""); }

TEST(slots_beyond_253_are_never_written)
{
    int pair[2], slots[SLOTS], fds[ANC_FDS_MAX], t;
    size_t nfds;
    char byte;
    new_descriptors(fds, ANC_FDS_MAX);
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        fill_slots(slots);
        CHECK_INT(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, slots, SLOTS, &nfds, 0), 1);
        CHECK_INT(nfds, ANC_FDS_MAX);
        CHECK(untouched_from(slots, ANC_FDS_MAX));
        anc_close_fds(slots, nfds);
        close_both(pair);
    }
    anc_close_fds(fds, ANC_FDS_MAX);
}

TEST(all_but_the_first_of_253_are_closed_when_trimmed)
{
    int pair[2], fd = new_descriptor(), before, max;
    socket_pair(SOCK_SEQPACKET, pair);
    before = open_descriptors();
    for (max = 0; max <= ANC_FDS_MAX; max++) {
        int slots[SLOTS];
        size_t nfds;
        char byte;
        fill_slots(slots);
        send_copies(pair[0], "x", fd, ANC_FDS_MAX);
        CHECK_OK(anc_recv_fds(pair[1], &byte, 1, slots, (size_t)max, &nfds, ANC_TRIM), 1);
        CHECK_INT(nfds, max);
        CHECK(untouched_from(slots, nfds));
        CHECK_INT(open_descriptors(), before + max);
        anc_close_fds(slots, nfds);
        CHECK_INT(open_descriptors(), before);
    }
    close(fd);
    close_both(pair);
}

TEST(with_max_fds_0_fds_and_nfds_may_be_NULL)
{
    size_t t, f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(receive_flags); f++) {
            int pair[2], fd = new_descriptor();
            char buf[5];
            socket_pair(socket_types[t], pair);
            send_copies(pair[0], "plain", fd, 0);
            CHECK_OK(anc_recv_fds(pair[1], buf, 5, NULL, 0, NULL, receive_flags[f]), 5);
            send_copies(pair[0], "descr", fd, 3);
            if (receive_flags[f] & ANC_TRIM)
                CHECK_OK(anc_recv_fds(pair[1], buf, 5, NULL, 0, NULL, receive_flags[f]), 5);
            else
                CHECK_ERRNO(anc_recv_fds(pair[1], buf, 5, NULL, 0, NULL, receive_flags[f]), ERANGE);
            EXPECT_NOTHING(pair[1]);
            close(fd);
            close_both(pair);
        }
}

/* Refusals: nothing is consumed. */

struct refusal {
    const char *name;
    void *buf;
    size_t len;
    int *fds;
    size_t max_fds;
    size_t *nfds;
    unsigned int flags;
    int error;
};

static char data[16];
static int slots_of_refused[SLOTS];
static size_t count_of_refused;

static void check_refused(int type, const struct refusal *r)
{
    int pair[2], fd = new_descriptor(), before;
    ssize_t n;
    socket_pair(type, pair);
    send_copies(pair[0], "hello", fd, 2);
    before = open_descriptors();
    fill_slots(slots_of_refused);
    count_of_refused = 99;
    errno = 0;
    n = anc_recv_fds(pair[1], r->buf, r->len, r->fds, r->max_fds, r->nfds, r->flags);
    CHECK_CASE(n == -1 && errno == r->error, "%s, %s: %zd", type_name(type), r->name, n);
    CHECK_CASE(!r->nfds || count_of_refused == 0, "%s", r->name);
    CHECK_CASE(untouched_from(slots_of_refused, 0), "%s", r->name);
    CHECK_CASE(open_descriptors() == before, "%s", r->name);
    EXPECT(pair[1], "hello", ((int[]){fd, fd}), 2);
    close(fd);
    close_both(pair);
}

TEST(what_is_refused_consumes_nothing_and_sets_the_count_to_0)
{
    int *const s = slots_of_refused;
    size_t *const c = &count_of_refused;
    const struct refusal refusals[] = {
        {"NULL with a length", NULL, 1, s, 2, c, 0, EFAULT},
        {"NULL with a length, no descriptors wanted", NULL, 1, NULL, 0, NULL, 0, EFAULT},
        {"NULL with SIZE_MAX bytes", NULL, SIZE_MAX, s, 2, c, 0, EFAULT},
        {"NULL slots", data, 16, NULL, 2, c, 0, EFAULT},
        {"NULL slots, SIZE_MAX", data, 16, NULL, SIZE_MAX, c, 0, EFAULT},
        {"NULL slots with ANC_EXACT", data, 16, NULL, 2, NULL, ANC_EXACT, EFAULT},
        {"nfds NULL", data, 16, s, 2, NULL, 0, EINVAL},
        {"nfds NULL with ANC_TRIM", data, 16, s, 1, NULL, ANC_TRIM, EINVAL},
        {"nfds NULL with ANC_ALL", data, 16, s, 1, NULL, ANC_ALL, EINVAL},
        {"nfds NULL and NULL slots", data, 16, NULL, 1, NULL, 0, EINVAL},
        {"SSIZE_MAX + 1 bytes", data, (size_t)SSIZE_MAX + 1, s, 2, c, 0, EINVAL},
        {"SIZE_MAX bytes", data, SIZE_MAX, s, 2, c, ANC_ALL, EINVAL},
        {"ANC_TRIM with ANC_EXACT", data, 16, s, 2, c, ANC_TRIM | ANC_EXACT, EINVAL},
        {"ANC_TRIM with ANC_EXACT and others", data, 16, s, 2, c,
         ANC_TRIM | ANC_EXACT | ANC_ALL | ANC_DONTWAIT, EINVAL},
        {"ANC_MOVE", data, 16, s, 2, c, ANC_MOVE, EINVAL},
        {"MSG_PEEK-like bits", data, 16, s, 2, c, 0x40000000u, EINVAL},
    };
    size_t i, t;
    for (t = 0; t < 3; t++)
        for (i = 0; i < LENGTH(refusals); i++)
            check_refused(socket_types[t], &refusals[i]);
}

TEST(a_receive_of_0_bytes_on_a_stream_is_refused_and_takes_nothing)
{
    size_t f;
    for (f = 0; f < LENGTH(receive_flags); f++) {
        const struct refusal refusals[] = {
            {"an empty buffer", data, 0, slots_of_refused, 2, &count_of_refused, receive_flags[f],
             EINVAL},
            {"no buffer", NULL, 0, slots_of_refused, 2, &count_of_refused, receive_flags[f],
             EINVAL},
            {"no descriptors wanted", NULL, 0, NULL, 0, NULL, receive_flags[f], EINVAL},
        };
        size_t i;
        for (i = 0; i < LENGTH(refusals); i++)
            check_refused(SOCK_STREAM, &refusals[i]);
    }
}

TEST(flags_of_the_other_direction_and_unknown_ones_are_refused)
{
    const unsigned int known = ANC_DONTWAIT | ANC_ALL | ANC_EXACT | ANC_TRIM;
    const unsigned int known_of_one = ANC_DONTWAIT | ANC_ALL | ANC_TRIM;
    int pair[2], slots[SLOTS], fd = new_descriptor(), bit;
    struct iovec iov = {data, sizeof data};
    size_t f;
    socket_pair(SOCK_DGRAM, pair);
    send_copies(pair[0], "hello", fd, 2);
    fill_slots(slots);
    for (bit = 0; bit < 32; bit++)
        for (f = 0; f < LENGTH(receive_flags); f++) {
            unsigned int flags = (1u << bit) | receive_flags[f];
            size_t nfds = 99;
            if (flags & ~known) {
                CHECK_ERRNO(anc_recv_fds(pair[1], data, sizeof data, slots, 2, &nfds, flags),
                            EINVAL);
                CHECK_INT(nfds, 0);
                nfds = 99;
                CHECK_ERRNO(anc_recvv_fds(pair[1], &iov, 1, slots, 2, &nfds, flags), EINVAL);
                CHECK_INT(nfds, 0);
            }
            if (flags & ~known_of_one)
                CHECK_ERRNO(anc_recv_fd(pair[1], flags), EINVAL);
        }
    CHECK(untouched_from(slots, 0));
    EXPECT(pair[1], "hello", ((int[]){fd, fd}), 2); /* still there, and there once */
    EXPECT_NOTHING(pair[1]);
    close(fd);
    close_both(pair);
}

TEST(what_is_no_socket_is_EBADF_or_ENOTSOCK)
{
    static const unsigned int flags[] = {0, ANC_ALL, ANC_EXACT, ANC_DONTWAIT};
    int fd = new_descriptor();
    size_t i;
    for (i = 0; i < LENGTH(flags); i++) {
        const struct { int sock, error; } cases[] = {{-1, EBADF}, {4000, EBADF}, {fd, ENOTSOCK}};
        size_t c;
        for (c = 0; c < LENGTH(cases); c++) {
            int slots[SLOTS], sock = cases[c].sock;
            size_t nfds = 99, none = 99;
            fill_slots(slots);
            CHECK_ERRNO(anc_recv_fds(sock, data, 1, slots, 1, &nfds, flags[i]), cases[c].error);
            CHECK_ERRNO(anc_recv_fds(sock, data, 0, slots, 1, &none, flags[i]), cases[c].error);
            CHECK(nfds == 0 && none == 0 && untouched_from(slots, 0));
            CHECK_ERRNO(anc_recv_fd(sock, 0), cases[c].error);
        }
    }
    close(fd);
}

/* Each call is wrong in two ways or more: what they are, in the order of the page. */
TEST(of_several_refusals_the_first_on_the_page_is_reported)
{
    struct iovec null_after_huge[3] = {{data, SSIZE_MAX}, {data, 1}, {NULL, 1}};
    struct iovec huge[2] = {{data, SSIZE_MAX}, {data, 1}};
    struct iovec one = {data, 1}, null = {NULL, 1};
    int pair[2], fd;
    size_t n;
    socket_pair(SOCK_STREAM, pair);
    /* flags, EFAULT */
    CHECK_ERRNO(anc_recv_fds(pair[1], NULL, 1, NULL, 1, &n, ANC_MOVE), EINVAL);
    /* both, EFAULT */
    CHECK_ERRNO(anc_recv_fds(pair[1], NULL, 1, NULL, 1, &n, ANC_TRIM | ANC_EXACT), EINVAL);
    /* iovcnt, EFAULT */
    CHECK_ERRNO(anc_recvv_fds(pair[1], NULL, 1025, NULL, 1, &n, 0), EINVAL);
    /* iovcnt, EFAULT */
    CHECK_ERRNO(anc_recvv_fds(pair[1], &null, -1, NULL, 1, &n, 0), EINVAL);
    /* nfds, EFAULT */
    CHECK_ERRNO(anc_recvv_fds(pair[1], NULL, 1, &fd, 1, NULL, 0), EINVAL);
    /* nfds, EFAULT */
    CHECK_ERRNO(anc_recv_fds(pair[1], NULL, 1, NULL, 1, NULL, 0), EINVAL);
    /* EFAULT, total */
    CHECK_ERRNO(anc_recvv_fds(pair[1], null_after_huge, 3, &fd, 1, &n, 0), EFAULT);
    /* EFAULT, total */
    CHECK_ERRNO(anc_recvv_fds(pair[1], huge, 2, NULL, 1, &n, 0), EFAULT);
    /* EFAULT, 0 bytes */
    CHECK_ERRNO(anc_recv_fds(pair[1], data, 0, NULL, 1, &n, 0), EFAULT);
    CHECK_ERRNO(anc_recvv_fds(pair[1], &one, 1, NULL, 1, NULL, ANC_EXACT), EFAULT);
    close_both(pair);
}

TEST(a_buffer_outside_the_process_is_the_kernels_EFAULT_and_leaks_nothing)
{
    size_t t;
    if (ON_ASAN || on_valgrind())
        skip("the checker reports the pointer itself");
    for (t = 0; t < 3; t++) {
        int pair[2], slots[SLOTS], fd = new_descriptor(), before;
        size_t nfds = 99;
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "hello", fd, 2);
        before = open_descriptors();
        fill_slots(slots);
        CHECK_ERRNO(anc_recv_fds(pair[1], (void *)16, 5, slots, 2, &nfds, 0), EFAULT);
        CHECK(nfds == 0 && untouched_from(slots, 0) && open_descriptors() == before);
        if (socket_types[t] == SOCK_STREAM) /* the other types lose it */
            EXPECT(pair[1], "hello", ((int[]){fd, fd}), 2);
        EXPECT_NOTHING(pair[1]);
        close(fd);
        close_both(pair);
    }
}

/* Buffers. */

TEST(iovec_lists_that_are_refused_consume_nothing)
{
    struct iovec whole = {data, 8}, many[1025], null[3] = {{data, 8}, {NULL, 1}, {data, 1}};
    struct iovec huge[2] = {{data, SSIZE_MAX}, {data, 1}}, wraps[2] = {{data, SIZE_MAX}, {data, 9}};
    struct iovec empty[2] = {{data, 0}, {NULL, 0}};
    const struct {
        const char *name;
        const struct iovec *iov;
        int iovcnt, error, streams_only;
    } cases[] = {
        {"-1 buffers", &whole, -1, EINVAL, 0},
        {"INT_MIN buffers", &whole, INT_MIN, EINVAL, 0},
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
    int pair[2], slots[SLOTS], fd = new_descriptor();
    for (i = 0; i < LENGTH(many); i++)
        many[i] = whole;
    fill_slots(slots);
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "hello", fd, 1);
        for (i = 0; i < LENGTH(cases); i++)
            for (f = 0; f < LENGTH(receive_flags); f++) {
                size_t nfds = 99;
                if (cases[i].streams_only && socket_types[t] != SOCK_STREAM)
                    continue;
                ssize_t n = anc_recvv_fds(pair[1], cases[i].iov, cases[i].iovcnt, slots, 1, &nfds,
                                          receive_flags[f]);
                CHECK_CASE(n == -1 && errno == cases[i].error && nfds == 0,
                           "%s, %s, flags %#x: %zd",
                           type_name(socket_types[t]), cases[i].name, receive_flags[f], n);
            }
        CHECK(untouched_from(slots, 0));
        EXPECT(pair[1], "hello", &fd, 1);
        close_both(pair);
    }
    close(fd);
}

TEST(a_list_of_1024_buffers_is_filled_in_order)
{
    static char sent[1024], got[1024];
    struct iovec iov[1024], before[1024];
    size_t i, t;
    for (i = 0; i < 1024; i++) {
        sent[i] = (char)(i * 7 + i / 256);
        iov[i] = (struct iovec){got + i, 1};
    }
    memcpy(before, iov, sizeof iov);
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), came;
        size_t nfds;
        socket_pair(socket_types[t], pair);
        memset(got, 0, sizeof got);
        CHECK_INT(raw_send(pair[0], sent, sizeof sent, &fd, 1, 0), sizeof sent);
        CHECK_OK(anc_recvv_fds(pair[1], iov, 1024, &came, 1, &nfds, 0), sizeof sent);
        CHECK(memcmp(sent, got, sizeof got) == 0 && memcmp(iov, before, sizeof iov) == 0);
        CHECK(nfds == 1 && same_file(fd, came));
        close(came);
        close(fd);
        close_both(pair);
    }
}

TEST(empty_buffers_and_NULL_with_0_are_fine)
{
    struct iovec iov[5] = {{NULL, 0}, {data, 2}, {NULL, 0}, {data + 2, 3}, {data, 0}};
    int pair[2], fd = new_descriptor(), came;
    size_t nfds = 99, t;
    for (t = 0; t < 3; t++) {
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "hello", fd, 1);
        CHECK_OK(anc_recvv_fds(pair[1], iov, 5, &came, 1, &nfds, 0), 5);
        CHECK(memcmp(data, "hello", 5) == 0 && nfds == 1);
        close(came);
        if (socket_types[t] != SOCK_STREAM) {
            send_copies(pair[0], "", fd, 1);
            CHECK_OK(anc_recvv_fds(pair[1], NULL, 0, &came, 1, &nfds, 0), 0);
            CHECK_INT(nfds, 1);
            close(came);
            send_copies(pair[0], "", fd, 0);
            CHECK_OK(anc_recv_fds(pair[1], NULL, 0, &came, 1, &nfds, 0), 0);
            CHECK_INT(nfds, 0);
        }
        close_both(pair);
    }
    close(fd);
}

TEST(a_short_message_leaves_the_rest_of_the_buffer_alone)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        char buf[8] = "ABCDEFG";
        int pair[2];
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "xy", 0, 0);
        CHECK_OK(anc_recv_fds(pair[1], buf, 8, NULL, 0, NULL, 0), 2);
        CHECK(memcmp(buf, "xyCDEFG", 8) == 0);
        close_both(pair);
    }
}

/* A message longer than the buffer. */

TEST(EMSGSIZE_comes_first_consumes_the_message_and_closes_its_descriptors)
{
    size_t t, len, max, f;
    int came;
    for (t = 1; t < 3; t++) {
        int pair[2], fd = new_descriptor(), before;
        socket_pair(socket_types[t], pair);
        before = open_descriptors();
        for (len = 0; len < 5; len++)
            for (came = 0; came <= 3; came++)
                for (max = 0; max <= 4; max++)
                    for (f = 0; f < LENGTH(receive_flags); f++) {
                        int slots[SLOTS];
                        size_t nfds = 99;
                        struct iovec parts[2] = {{data, len / 2}, {data + 8, len - len / 2}};
                        fill_slots(slots);
                        send_copies(pair[0], "hello", fd, came);
                        CHECK_ERRNO(anc_recv_fds(pair[1], data, len, slots, max, &nfds,
                                                 receive_flags[f]), EMSGSIZE);
                        CHECK(nfds == 0 && open_descriptors() == before &&
                              untouched_from(slots, 0));
                        send_copies(pair[0], "hello", fd, came);
                        CHECK_ERRNO(anc_recvv_fds(pair[1], parts, 2, slots, max, &nfds,
                                                  receive_flags[f]), EMSGSIZE);
                        CHECK(nfds == 0 && open_descriptors() == before &&
                              untouched_from(slots, 0));
                    }
        EXPECT_NOTHING(pair[1]);
        close(fd);
        close_both(pair);
    }
}

/* The end of the file. */

TEST(the_end_of_the_file_is_0_whatever_the_flags)
{
    static const size_t asked_for[] = {0, 1, 253, 1000};
    static const int with_end[] = {SOCK_STREAM, SOCK_SEQPACKET};
    size_t t, i, f;
    for (t = 0; t < LENGTH(with_end); t++)
        for (i = 0; i < LENGTH(asked_for); i++)
            for (f = 0; f < LENGTH(receive_flags); f++) {
                int pair[2], slots[SLOTS], again;
                socket_pair(with_end[t], pair);
                close(pair[0]);
                fill_slots(slots);
                for (again = 0; again < 2; again++) {
                    size_t nfds = 99;
                    CHECK_OK(anc_recv_fds(pair[1], data, 8, slots, asked_for[i], &nfds,
                                          receive_flags[f]), 0);
                    CHECK(nfds == 0 && untouched_from(slots, 0));
                }
                if (receive_flags[f] & ANC_EXACT)
                    CHECK_OK(anc_recv_fds(pair[1], data, 8, slots, asked_for[i], NULL,
                                          receive_flags[f]), 0);
                close(pair[1]);
            }
}

TEST(what_was_sent_before_the_peer_closed_comes_before_the_end_of_the_file)
{
    static const int with_end[] = {SOCK_STREAM, SOCK_SEQPACKET};
    size_t t;
    for (t = 0; t < 2; t++) {
        int pair[2], fd = new_descriptor(), came;
        size_t nfds;
        socket_pair(with_end[t], pair);
        send_copies(pair[0], "last", fd, 1);
        close(pair[0]);
        close(fd);
        CHECK_OK(anc_recv_fds(pair[1], data, 8, &came, 1, &nfds, ANC_EXACT), 4);
        CHECK(nfds == 1 && is_open(came));
        close(came);
        CHECK_OK(anc_recv_fds(pair[1], data, 8, &came, 1, &nfds, ANC_EXACT), 0);
        CHECK_INT(nfds, 0);
        close(pair[1]);
    }
}

/* Waiting. */

TEST(EAGAIN_when_nothing_is_there)
{
    const struct timeval soon = {0, 10000};
    size_t t, f, way;
    for (t = 0; t < 3; t++)
        for (way = 0; way < 3; way++) {
            int pair[2];
            socket_pair(socket_types[t], pair);
            if (way == 1)
                CHECK(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
            if (way == 2)
                CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
            for (f = 0; f < LENGTH(receive_flags); f++) {
                int slots[SLOTS];
                size_t nfds = 99;
                fill_slots(slots);
                if (way == 0 && !(receive_flags[f] & ANC_DONTWAIT))
                    continue;
                CHECK_ERRNO(anc_recv_fds(pair[1], data, 8, slots, 1, &nfds, receive_flags[f]),
                            EAGAIN);
                CHECK(nfds == 0 && untouched_from(slots, 0));
            }
            CHECK_ERRNO(anc_recv_fd(pair[1], way == 0 ? ANC_DONTWAIT : 0), EAGAIN);
            close_both(pair);
        }
}

TEST(EINTR_is_not_retried_without_ANC_ALL)
{
    size_t t, f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(receive_flags); f++) {
            int pair[2], slots[SLOTS];
            size_t nfds = 99;
            pid_t child;
            if (receive_flags[f] & (ANC_DONTWAIT | ANC_ALL))
                continue;
            socket_pair(socket_types[t], pair);
            fill_slots(slots);
            alarm(20); /* where it is retried, nothing else ends the wait */
            child = interrupt_me(1, NULL, NULL);
            CHECK_ERRNO(anc_recv_fds(pair[1], data, 8, slots, 1, &nfds, receive_flags[f]), EINTR);
            check_child(child);
            CHECK(nfds == 0 && untouched_from(slots, 0));
            child = interrupt_me(1, NULL, NULL);
            CHECK_ERRNO(anc_recv_fd(pair[1], receive_flags[f] & ANC_TRIM), EINTR);
            check_child(child);
            close_both(pair);
        }
}

struct sending {
    int sock, fd;
    const char *text;
};

static void send_one(void *arg)
{
    const struct sending *s = arg;
    send_copies(s->sock, s->text, s->fd, 1);
}

TEST(EINTR_is_retried_with_ANC_ALL_on_every_type_and_leaves_no_errno)
{
    size_t t, f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(receive_flags); f++) {
            int pair[2], came = CANARY;
            size_t nfds = 99;
            struct sending hello = {.text = "hello", .fd = new_descriptor()};
            pid_t child;
            if ((receive_flags[f] & ANC_ALL) && !(receive_flags[f] & ANC_DONTWAIT)) {
                socket_pair(socket_types[t], pair);
                hello.sock = pair[0];
                child = interrupt_me(3, send_one, &hello);
                CHECK_OK(anc_recv_fds(pair[1], data, 5, &came, 1, &nfds, receive_flags[f]), 5);
                check_child(child);
                CHECK(memcmp(data, "hello", 5) == 0 && nfds == 1 && same_file(hello.fd, came));
                close(came);
                close_both(pair);
            }
            close(hello.fd);
        }
}

TEST(EINTR_in_the_middle_is_retried_with_ANC_ALL_on_a_stream_and_leaves_no_errno)
{
    int pair[2], came;
    struct sending hello = {.text = "hello", .fd = new_descriptor()};
    size_t nfds = 99;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    hello.sock = pair[0];
    send_copies(pair[0], "part", 0, 0);
    child = interrupt_me(3, send_one, &hello);
    CHECK_OK(anc_recv_fds(pair[1], data, 9, &came, 1, &nfds, ANC_ALL), 9);
    check_child(child);
    CHECK(memcmp(data, "parthello", 9) == 0 && nfds == 1 && same_file(hello.fd, came));
    close(came);
    close(hello.fd);
    close_both(pair);
}

TEST(EINTR_is_retried_with_ANC_ALL_for_one_descriptor)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], got;
        struct sending one = {.text = "x", .fd = new_descriptor()};
        pid_t child;
        socket_pair(socket_types[t], pair);
        one.sock = pair[0];
        child = interrupt_me(3, send_one, &one);
        errno = 4242;
        got = anc_recv_fd(pair[1], ANC_ALL);
        CHECK(got >= 0 && errno == 4242 && same_file(one.fd, got));
        check_child(child);
        close(got);
        close(one.fd);
        close_both(pair);
    }
}

/* ANC_ALL on a stream. */

enum { TOTAL = 40 };
static char alphabet[TOTAL];

static void make_alphabet(void)
{
    int i;
    for (i = 0; i < TOTAL; i++)
        alphabet[i] = (char)('A' + i);
}

/* Sends the alphabet in sends of `step` bytes, each with a descriptor, so that the kernel ends a
 * receive at each of them; receives it into buffers of these lengths. */
static void check_cut(const int *lengths, size_t step, int fd)
{
    static char got[TOTAL];
    struct iovec iov[64], before[64];
    int pair[2], slots[TOTAL], count, i;
    size_t sum = 0, at, nfds = 99, sends = (TOTAL + step - 1) / step;
    memset(got, 0, sizeof got);
    for (count = 0; lengths[count] >= 0; count++) {
        iov[count] = (struct iovec){lengths[count] ? got + sum : NULL, (size_t)lengths[count]};
        sum += (size_t)lengths[count];
    }
    CHECK_INT(sum, TOTAL);
    memcpy(before, iov, sizeof iov);
    socket_pair(SOCK_STREAM, pair);
    for (at = 0; at < TOTAL; at += step)
        raw_send(pair[0], alphabet + at, at + step > TOTAL ? TOTAL - at : step, &fd, 1, 0);
    CHECK_OK(anc_recvv_fds(pair[1], iov, count, slots, TOTAL, &nfds, ANC_ALL), TOTAL);
    CHECK(memcmp(got, alphabet, TOTAL) == 0);
    CHECK(memcmp(before, iov, (size_t)count * sizeof *iov) == 0);
    CHECK_INT(nfds, sends);
    for (i = 0; i < (int)nfds; i++)
        CHECK(same_file(fd, slots[i]) && is_cloexec(slots[i]));
    anc_close_fds(slots, nfds);
    EXPECT_NOTHING(pair[1]);
    close_both(pair);
}

TEST(ANC_ALL_receives_every_byte_once_wherever_the_kernel_stops)
{
    static const int lists[][64] = {
        {TOTAL, -1},
        {0, 1, 0, 3, 2, 0, 0, 4, 10, 0, 15, 1, 1, 3, 0, -1},
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1},
        {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 38, -1},
        {20, 20, -1},
        {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, -1},
    };
    int fd = new_descriptor();
    size_t list, step;
    make_alphabet();
    for (list = 0; list < LENGTH(lists); list++)
        for (step = 1; step <= TOTAL; step++)
            check_cut(lists[list], step, fd);
    close(fd);
}

TEST(many_half_filled_buffers_are_filled_to_the_end)
{
    static char sent[2048], got[2048];
    struct iovec iov[1024];
    int pair[2], slots[64], fd = new_descriptor(), i;
    size_t nfds, at;
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < 2048; i++)
        sent[i] = (char)(i * 31 + i / 251);
    for (i = 0; i < 1024; i++)
        iov[i] = (struct iovec){got + 2 * i, 2};
    /* ends in the middle of a buffer, and past the library's window */
    for (at = 0; at < sizeof sent; at += 33)
        raw_send(pair[0], sent + at, at + 33 > sizeof sent ? sizeof sent - at : 33, &fd, 1, 0);
    CHECK_OK(anc_recvv_fds(pair[1], iov, 1024, slots, 64, &nfds, ANC_ALL), 2048);
    CHECK(memcmp(sent, got, sizeof got) == 0);
    CHECK_INT(nfds, 63);
    anc_close_fds(slots, nfds);
    close(fd);
    close_both(pair);
}

TEST(ANC_ALL_stops_at_the_last_byte)
{
    int pair[2], fd = new_descriptor(), slots[SLOTS];
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    fill_slots(slots);
    send_copies(pair[0], "AAAA", fd, 1);
    send_copies(pair[0], "BBBB", fd, 2);
    CHECK_OK(anc_recv_fds(pair[1], data, 4, slots, 8, &nfds, ANC_ALL), 4);
    CHECK(nfds == 1 && untouched_from(slots, 1));
    anc_close_fds(slots, nfds);
    EXPECT(pair[1], "BBBB", ((int[]){fd, fd}), 2);
    close(fd);
    close_both(pair);
}

/* A stream of sends "XXXX" with these many descriptors, then (if so) the end of the file; a receive
 * of `len` bytes with ANC_ALL. */
struct run {
    const char *name;
    int sends[4]; /* up to -1 */
    int ends;
    size_t len, max_fds;
    unsigned int flags;
    int result; /* the count, or an errno as a negative number */
    size_t nfds;
};

static void check_run(const struct run *r)
{
    static char buf[64];
    int pair[2], slots[SLOTS], fd = new_descriptor(), before, i;
    size_t nfds = 99;
    ssize_t n;
    socket_pair(SOCK_STREAM, pair);
    fill_slots(slots);
    for (i = 0; r->sends[i] >= 0; i++)
        send_copies(pair[0], "XXXX", fd, r->sends[i]);
    if (r->ends)
        CHECK(shutdown(pair[0], SHUT_WR) == 0);
    before = open_descriptors();
    errno = 4242;
    n = anc_recv_fds(pair[1], buf, r->len, slots, r->max_fds, &nfds, r->flags);
    CHECK_CASE(n == (r->result < 0 ? -1 : r->result), "%s: %zd", r->name, n);
    CHECK_CASE(errno == (r->result < 0 ? -r->result : 4242), "%s: errno %d", r->name, errno);
    CHECK_CASE(nfds == r->nfds, "%s: %zu descriptors", r->name, nfds);
    CHECK_CASE(untouched_from(slots, n == -1 ? r->max_fds : nfds), "%s", r->name);
    anc_close_fds(slots, nfds);
    CHECK_CASE(open_descriptors() == before, "%s", r->name);
    close(fd);
    close_both(pair);
}

TEST(ANC_ALL_ends_early_with_the_count_and_the_descriptors_so_far)
{
    const unsigned int now = ANC_ALL | ANC_DONTWAIT;
    const struct run runs[] = {
        {"EAGAIN after two sends", {1, 2, -1}, 0, 10, 8, now, 8, 3},
        {"EAGAIN without descriptors", {0, 0, -1}, 0, 10, 8, now, 8, 0},
        {"EAGAIN at once", {-1}, 0, 10, 8, now, -EAGAIN, 0},
        {"end of file after two sends", {1, 2, -1}, 1, 10, 8, ANC_ALL, 8, 3},
        {"end of file at once", {-1}, 1, 10, 8, ANC_ALL, 0, 0},
        {"all slots full", {1, 1, 0, -1}, 0, 12, 2, ANC_ALL, 12, 2},
        {"no slots", {0, 0, 0, -1}, 0, 12, 0, ANC_ALL, 12, 0},
    };
    size_t i;
    for (i = 0; i < LENGTH(runs); i++)
        check_run(&runs[i]);
}

TEST(ANC_ALL_with_ANC_EXACT_counts_over_all_parts)
{
    const unsigned int exact = ANC_ALL | ANC_EXACT;
    const struct run runs[] = {
        {"three of three parts", {1, 1, 1, -1}, 0, 12, 3, exact, 12, 3},
        {"3 in the first part", {3, 0, 0, -1}, 0, 12, 3, exact, 12, 3},
        {"3 in the last part", {0, 0, 3, -1}, 0, 12, 3, exact, 12, 3},
        {"none wanted, none came", {0, 0, -1}, 0, 8, 0, exact, 8, 0},
        {"one too few", {1, 1, 0, -1}, 0, 12, 3, exact, -ENOMSG, 0},
        {"none came", {0, 0, -1}, 0, 8, 1, exact, -ENOMSG, 0},
        {"one too many", {1, 1, 2, -1}, 0, 12, 3, exact, -ERANGE, 0},
        {"end of file with all of them", {2, 1, -1}, 1, 20, 3, exact, 8, 3},
        {"end of file with too few", {2, -1}, 1, 20, 3, exact, -ENOMSG, 0},
        {"end of file at once", {-1}, 1, 20, 3, exact, 0, 0},
        {"EAGAIN with all of them", {2, 1, -1}, 0, 20, 3, exact | ANC_DONTWAIT, 8, 3},
        {"EAGAIN with too few", {2, -1}, 0, 20, 3, exact | ANC_DONTWAIT, -ENOMSG, 0},
        {"EAGAIN at once", {-1}, 0, 20, 3, exact | ANC_DONTWAIT, -EAGAIN, 0},
    };
    size_t i;
    for (i = 0; i < LENGTH(runs); i++)
        check_run(&runs[i]);
}

TEST(ANC_ALL_closes_what_earlier_parts_brought_when_a_later_one_fails)
{
    const struct run runs[] = {
        {"one too many in the second part", {2, 2, -1}, 0, 8, 3, ANC_ALL, -ERANGE, 0},
        {"one too many in the third", {1, 1, 1, -1}, 0, 12, 2, ANC_ALL, -ERANGE, 0},
        {"trimmed in the second part", {2, 2, -1}, 0, 8, 3, ANC_ALL | ANC_TRIM, 8, 3},
        {"trimmed in each part", {2, 2, 2, -1}, 0, 12, 1, ANC_ALL | ANC_TRIM, 12, 1},
        {"trimmed to none", {1, 1, 1, -1}, 0, 12, 0, ANC_ALL | ANC_TRIM, 12, 0},
    };
    size_t i;
    for (i = 0; i < LENGTH(runs); i++)
        check_run(&runs[i]);
}

TEST(ANC_ALL_gives_the_count_so_far_when_the_connection_is_reset)
{
    int pair[2], fd = new_descriptor(), came;
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    send_copies(pair[1], "unread", fd, 0);
    send_copies(pair[0], "reply", fd, 1);
    close(pair[0]);
    CHECK_OK(anc_recv_fds(pair[1], data, 10, &came, 1, &nfds, ANC_ALL), 5);
    CHECK_INT(nfds, 1);
    close(came);
    /* the error is not kept */
    CHECK_OK(anc_recv_fds(pair[1], data, 10, &came, 1, &nfds, ANC_ALL), 0);
    close(fd);
    close(pair[1]);
}

TEST(ANC_ALL_takes_one_message_where_there_are_messages)
{
    size_t t, f;
    for (t = 1; t < 3; t++)
        for (f = 0; f < LENGTH(receive_flags); f++) {
            int pair[2], fd, came;
            size_t nfds;
            if (!(receive_flags[f] & ANC_ALL))
                continue;
            fd = new_descriptor();
            socket_pair(socket_types[t], pair);
            send_copies(pair[0], "one", fd, 1);
            send_copies(pair[0], "two", fd, 1);
            CHECK_OK(anc_recv_fds(pair[1], data, 16, &came, 1, &nfds, receive_flags[f]), 3);
            CHECK_INT(nfds, 1);
            close(came);
            EXPECT(pair[1], "two", &fd, 1);
            close(fd);
            close_both(pair);
        }
}

TEST(without_ANC_ALL_a_stream_gives_what_one_recvmsg_gives)
{
    int pair[2], fd = new_descriptor(), came;
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    send_copies(pair[0], "one", fd, 1);
    send_copies(pair[0], "two", fd, 1);
    CHECK_OK(anc_recv_fds(pair[1], data, 16, &came, 1, &nfds, 0), 3);
    CHECK_INT(nfds, 1);
    close(came);
    EXPECT(pair[1], "two", &fd, 1);
    close(fd);
    close_both(pair);
}

/* anc_recv_fd. */

TEST(one_descriptor_comes_like_accept_whatever_the_byte)
{
    size_t t;
    int byte;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), got;
        socket_pair(socket_types[t], pair);
        for (byte = 0; byte < 256; byte += 51) {
            char c = (char)byte;
            CHECK_INT(raw_send(pair[0], &c, 1, &fd, 1, 0), 1);
            errno = 4242;
            got = anc_recv_fd(pair[1], byte ? ANC_DONTWAIT : ANC_TRIM);
            CHECK(got >= 0 && errno == 4242 && same_file(fd, got) && is_cloexec(got));
            close(got);
        }
        if (socket_types[t] != SOCK_STREAM) { /* an empty message is good too */
            send_copies(pair[0], "", fd, 1);
            got = anc_recv_fd(pair[1], 0);
            CHECK(got >= 0 && same_file(fd, got));
            close(got);
        }
        EXPECT_NOTHING(pair[1]);
        close(fd);
        close_both(pair);
    }
}

TEST(descriptor_number_0_is_received_as_any_other)
{
    int pair[2], fd = new_descriptor(), stdin_copy = fcntl(0, F_DUPFD_CLOEXEC, 3);
    int got, slot = CANARY;
    size_t nfds;
    char byte;
    socket_pair(SOCK_STREAM, pair);
    send_copies(pair[0], "x", fd, 1);
    send_copies(pair[0], "x", fd, 1);
    close(0);
    got = anc_recv_fd(pair[1], 0);
    CHECK_INT(got, 0);
    CHECK(same_file(fd, got));
    anc_close_fds(&got, 1);
    CHECK(!is_open(0));
    CHECK_OK(anc_recv_fds(pair[1], &byte, 1, &slot, 1, &nfds, 0), 1);
    CHECK(nfds == 1 && slot == 0);
    anc_close_fds(&slot, 1);
    CHECK(!is_open(0));
    CHECK_INT(dup2(stdin_copy, 0), 0);
    close(stdin_copy);
    close(fd);
    close_both(pair);
}

TEST(the_end_of_the_file_is_EPIPE_for_one_descriptor)
{
    static const unsigned int flags[] = {0, ANC_DONTWAIT, ANC_TRIM, ANC_ALL,
                                         ANC_DONTWAIT | ANC_ALL | ANC_TRIM};
    size_t f;
    int pair[2];
    for (f = 0; f < LENGTH(flags); f++) {
        socket_pair(SOCK_STREAM, pair);
        close(pair[0]);
        CHECK_ERRNO(anc_recv_fd(pair[1], flags[f]), EPIPE);
        CHECK_ERRNO(anc_recv_fd(pair[1], flags[f]), EPIPE);
        close(pair[1]);
        socket_pair(SOCK_SEQPACKET, pair);
        send_copies(pair[0], "", 0, 0); /* an empty message is no other thing */
        close(pair[0]);
        CHECK_ERRNO(anc_recv_fd(pair[1], flags[f]), EPIPE);
        CHECK_ERRNO(anc_recv_fd(pair[1], flags[f]), EPIPE);
        close(pair[1]);
    }
}

TEST(data_without_a_descriptor_is_ENOMSG_and_consumed)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), got;
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "x", fd, 0);
        send_copies(pair[0], "y", fd, 1);
        CHECK_ERRNO(anc_recv_fd(pair[1], 0), ENOMSG);
        got = anc_recv_fd(pair[1], 0);
        CHECK(got >= 0 && same_file(fd, got));
        close(got);
        close(fd);
        close_both(pair);
    }
}

TEST(a_second_descriptor_is_ERANGE_or_trimmed)
{
    static const int counts[] = {2, 3, 253};
    size_t t, i;
    for (t = 0; t < 3; t++)
        for (i = 0; i < LENGTH(counts); i++) {
            int pair[2], fd = new_descriptor(), got, before;
            socket_pair(socket_types[t], pair);
            before = open_descriptors();
            send_copies(pair[0], "x", fd, counts[i]);
            CHECK_ERRNO(anc_recv_fd(pair[1], 0), ERANGE);
            CHECK_INT(open_descriptors(), before);
            EXPECT_NOTHING(pair[1]);
            send_copies(pair[0], "x", fd, counts[i]);
            got = anc_recv_fd(pair[1], ANC_TRIM);
            CHECK(got >= 0 && same_file(fd, got) && is_cloexec(got));
            CHECK_INT(open_descriptors(), before + 1);
            close(got);
            CHECK_INT(open_descriptors(), before);
            close(fd);
            close_both(pair);
        }
}

TEST(a_message_of_two_bytes_is_EMSGSIZE_for_one_descriptor_but_on_a_stream_the_next_byte_stays)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), got;
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], "xy", fd, 1);
        if (socket_types[t] == SOCK_STREAM) {
            got = anc_recv_fd(pair[1], 0);
            CHECK(got >= 0 && same_file(fd, got));
            close(got);
            EXPECT(pair[1], "y", NULL, 0);
        } else {
            CHECK_ERRNO(anc_recv_fd(pair[1], 0), EMSGSIZE);
            CHECK_ERRNO((send_copies(pair[0], "xy", fd, 1), anc_recv_fd(pair[1], ANC_TRIM)),
                        EMSGSIZE);
        }
        EXPECT_NOTHING(pair[1]);
        close(fd);
        close_both(pair);
    }
}

/* Other sockets, other threads. */

static void udp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    pair[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    pair[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (pair[1] < 0 || bind(pair[1], (void *)&address, len) != 0)
        skip("no UDP on the loopback interface: %s", strerror(errno));
    CHECK(getsockname(pair[1], (void *)&address, &len) == 0);
    CHECK(connect(pair[0], (void *)&address, len) == 0);
}

TEST(a_socket_of_another_family_brings_bytes)
{
    int pair[2], fd = CANARY;
    size_t nfds = 99;
    udp_pair(pair);
    option(pair[1], SO_TIMESTAMP, 1);
    CHECK_INT(raw_send(pair[0], "bytes", 5, pair, 2, 0), 5);
    CHECK_OK(anc_recv_fds(pair[1], data, 16, &fd, 1, &nfds, 0), 5);
    CHECK(nfds == 0 && fd == CANARY);
    CHECK_INT(raw_send(pair[0], "bytes", 5, NULL, 0, 0), 5);
    CHECK_ERRNO(anc_recv_fds(pair[1], data, 4, &fd, 1, &nfds, 0), EMSGSIZE);
    close_both(pair);
}

static void *wait_for_byte(void *fd)
{
    char byte;
    return read(*(int *)fd, &byte, 1) == 1 ? fd : NULL;
}

/* With a second thread the C library's cancellation, and the library's cleanup, are live. */
TEST(all_of_it_works_the_same_in_a_program_with_threads)
{
    int pipe_ends[2];
    pthread_t thread;
    void *result;
    CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
    CHECK(pthread_create(&thread, NULL, wait_for_byte, &pipe_ends[0]) == 0);
    every_way_of_asking(SOCK_STREAM, "bytes");
    every_way_of_asking(SOCK_SEQPACKET, "");
    CHECK(write(pipe_ends[1], "x", 1) == 1);
    CHECK(pthread_join(thread, &result) == 0 && result);
    close_both(pipe_ends);
}

/* anc_close_fds. */

enum { ROW = 6 };

/* Closes these positions, in this order, of a row of contiguous descriptors: these and no
 * others. */
static void close_positions(const int *positions, int n)
{
    int row[ROW], fds[ROW], closed[ROW] = {0}, i;
    new_row(row, ROW);
    for (i = 0; i < n; i++) {
        fds[i] = row[positions[i]];
        closed[positions[i]] = 1;
    }
    errno = 4242;
    anc_close_fds(fds, (size_t)n);
    CHECK_INT(errno, 4242);
    for (i = 0; i < n; i++)
        CHECK_INT(fds[i], -1);
    for (i = 0; i < ROW; i++) {
        CHECK_CASE(is_open(row[i]) == !closed[i], "position %d, of %d from %d", i, n, positions[0]);
        if (!closed[i])
            close(row[i]);
    }
}

static void every_order(int *positions, int n, int max)
{
    int next, i, used;
    if (n > 0)
        close_positions(positions, n);
    for (next = 0; n < max && next < ROW; next++) {
        for (used = i = 0; i < n; i++)
            used |= positions[i] == next;
        if (used)
            continue;
        positions[n] = next;
        every_order(positions, n + 1, max);
    }
}

TEST(exactly_the_named_ones_are_closed_in_every_order_and_with_every_hole)
{
    int positions[ROW];
    every_order(positions, 0, on_valgrind() ? 3 : ROW);
}

TEST(a_run_next_to_descriptors_that_must_stay_leaves_them_open)
{
    int row[255], i;
    new_row(row, 255);
    anc_close_fds(row + 1, 253);
    for (i = 0; i < 255; i++)
        CHECK_INT(is_open(row[0] + i), i == 0 || i == 254);
    anc_close_fds(row, 255); /* the -1 slots are passed over */
}

TEST(negative_slots_stay_as_they_are_and_split_no_run_wrongly)
{
    static const int negative[] = {-1, -2, -100, INT_MIN, INT_MIN + 1};
    size_t v;
    for (v = 0; v < LENGTH(negative); v++) {
        int row[5], fds[9], i;
        new_row(row, 5);
        for (i = 0; i < 9; i++)
            fds[i] = i % 2 ? row[i / 2] : negative[v];
        anc_close_fds(fds, 9);
        for (i = 0; i < 9; i++)
            CHECK_INT(fds[i], i % 2 ? -1 : negative[v]);
        for (i = 0; i < 4; i++)
            CHECK(!is_open(row[i]));
        CHECK(is_open(row[4]));
        close(row[4]);
    }
}

TEST(closing_may_be_repeated_and_keeps_errno_when_close_fails)
{
    int fds[4], numbers[4] = {3900, 3901, 3950, INT_MAX}, top[2] = {INT_MAX - 1, INT_MAX}, i;
    new_descriptors(fds, 4);
    errno = 4242;
    anc_close_fds(fds, 4);
    anc_close_fds(fds, 4);
    anc_close_fds(numbers, 4); /* none of them is open: EBADF */
    anc_close_fds(top, 2);
    CHECK_INT(errno, 4242);
    for (i = 0; i < 4; i++)
        CHECK(fds[i] == -1 && numbers[i] == -1);
    CHECK(top[0] == -1 && top[1] == -1);
}

TEST(nothing_to_close_does_nothing)
{
    int fd = new_descriptor(), slot = fd;
    errno = 4242;
    anc_close_fds(NULL, 0);
    anc_close_fds(NULL, 5);
    anc_close_fds(NULL, SIZE_MAX);
    anc_close_fds(&slot, 0);
    CHECK_INT(errno, 4242);
    CHECK(slot == fd && is_open(fd));
    close(fd);
}

TEST(more_than_253_are_closed_by_one_call)
{
    enum { MANY = 900 };
    int fds[MANY], i;
    new_descriptors(fds, MANY);
    for (i = 0; i < MANY; i += 7) {
        close(fds[i]);
        fds[i] = -1;
    }
    anc_close_fds(fds, MANY);
    for (i = 0; i < MANY; i++)
        CHECK_INT(fds[i], -1);
}
