/* Control space: the macros, their twins, and what the kernel puts into buffers of these sizes. */
#include "harness.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Constant expressions: the size of an array, a static assertion, a case, an enumerator, an
 * initialiser of an object with static storage, a bit-field's width. */
typedef char as_array[ANC_CONTROL_MAX], as_small_array[ANC_FDS_SPACE(1)];
_Static_assert(ANC_LEN(4) == CMSG_LEN(4), "ANC_LEN");
_Static_assert(ANC_SPACE(4) == CMSG_SPACE(4), "ANC_SPACE");
_Static_assert(ANC_FDS_SPACE(ANC_FDS_MAX) == CMSG_SPACE(253 * sizeof(int)), "ANC_FDS_SPACE");
_Static_assert(ANC_CONTROL_MAX > ANC_FDS_SPACE(ANC_FDS_MAX), "ANC_CONTROL_MAX");
#ifdef __linux__
_Static_assert(ANC_CONTROL_MAX < 2048, "ANC_CONTROL_MAX");
#endif
enum { AS_ENUMERATOR = ANC_LEN(0) };
static const size_t as_initialiser[] = {ANC_LEN(0), ANC_SPACE(0), ANC_FDS_SPACE(2),
                                        ANC_CONTROL_MAX};
struct as_width { unsigned int bits : ANC_LEN(4); };
#if ANC_FDS_MAX != 253
#error "ANC_FDS_MAX is not good for #if"
#endif

TEST(the_macros_are_constant_expressions)
{
    switch (sizeof(as_array)) {
    case ANC_SPACE(0):
    case ANC_LEN(1):
        CHECK(!"the wrong size");
        break;
    case ANC_CONTROL_MAX:
        break;
    default:
        CHECK(!"an unknown size");
    }
    CHECK_INT(AS_ENUMERATOR, CMSG_LEN(0));
    CHECK_INT(as_initialiser[2], CMSG_SPACE(2 * sizeof(int)));
    CHECK_INT(sizeof(as_small_array), CMSG_SPACE(sizeof(int)));
    CHECK_INT(sizeof(struct as_width), sizeof(unsigned int));
}

TEST(the_macros_are_size_t_and_safe_inside_expressions)
{
    size_t one = 1, n = 3;
    CHECK(sizeof(ANC_LEN(1)) == sizeof(size_t) && sizeof(ANC_CONTROL_MAX) == sizeof(size_t));
    CHECK((ANC_LEN(0) - ANC_LEN(1)) > 0); /* unsigned */
    CHECK_INT(2 * ANC_LEN(one + 2), 2 * CMSG_LEN(3));
    CHECK_INT(2 * ANC_SPACE(one + 2) % 1000, 2 * CMSG_SPACE(3) % 1000);
    CHECK_INT(2 * ANC_FDS_SPACE(one + 2), 2 * CMSG_SPACE(3 * sizeof(int)));
    CHECK_INT(2 * ANC_CONTROL_MAX, 2 * anc_control_max());
    CHECK_INT(ANC_FDS_SPACE(n & 1), CMSG_SPACE(sizeof(int)));
}

TEST(macros_and_twins_agree_with_the_C_librarys)
{
    size_t len;
    errno = 4242;
    for (len = 0; len <= 2000; len++) {
        CHECK_INT(ANC_LEN(len), CMSG_LEN(len));
        CHECK_INT(anc_len(len), CMSG_LEN(len));
        CHECK_INT(ANC_SPACE(len), CMSG_SPACE(len));
        CHECK_INT(anc_space(len), CMSG_SPACE(len));
        CHECK_INT(ANC_FDS_SPACE(len), CMSG_SPACE(len * sizeof(int)));
        CHECK_INT(anc_fds_space(len), CMSG_SPACE(len * sizeof(int)));
    }
    CHECK_INT(anc_control_max(), ANC_CONTROL_MAX);
    CHECK_INT(errno, 4242);
}

/* The largest argument with a result, and the result, for each function. */
TEST(the_twins_give_SIZE_MAX_where_the_result_does_not_fit)
{
    const size_t header = CMSG_LEN(0), align = sizeof(size_t);
    const size_t last_len = SIZE_MAX - header;
    const size_t last_space = (SIZE_MAX - (align - 1)) - header; /* a multiple of align */
    const size_t last_fds = last_space / sizeof(int);
    size_t i;
    CHECK(anc_len(last_len) == SIZE_MAX && anc_len(last_len - 1) == SIZE_MAX - 1);
    CHECK(anc_space(last_space) == SIZE_MAX - (align - 1));
    CHECK(anc_space(last_space - align) == SIZE_MAX - (align - 1) - align);
    CHECK(anc_fds_space(last_fds) == SIZE_MAX - (align - 1));
    for (i = 1; i <= 100; i++) {
        CHECK(anc_len(last_len + i % header) == SIZE_MAX);
        CHECK(anc_space(last_space + i % (header + align)) == SIZE_MAX ||
              i % (header + align) == 0);
        CHECK(anc_fds_space(last_fds + i) == SIZE_MAX);
        CHECK(anc_len(SIZE_MAX - i % header) == SIZE_MAX);
        CHECK(anc_space(SIZE_MAX - i % header) == SIZE_MAX);
        CHECK(anc_fds_space(SIZE_MAX - i) == SIZE_MAX);
        CHECK(anc_fds_space(SIZE_MAX / sizeof(int) + i) == SIZE_MAX); /* the product wraps */
        CHECK(anc_fds_space(SIZE_MAX / 2 + i) == SIZE_MAX);
    }
}

/* What the kernel puts there. */

struct seen {
    int nfds, ctrunc;
};

/* Receives into a control buffer of this length, and closes what came. */
static struct seen receive_raw(int sock, size_t control_len)
{
    union {
        struct cmsghdr align;
        char bytes[4096];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = control_len};
    struct cmsghdr *c;
    struct seen seen = {0, 0};
    int i, fd;
    CHECK_INT(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC), 1);
    seen.ctrunc = (msg.msg_flags & MSG_CTRUNC) != 0;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        const int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        if (c->cmsg_type != SCM_RIGHTS && c->cmsg_type != 4 /* SCM_PIDFD */)
            continue;
        for (i = 0; i < n; i++) {
            memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof fd, sizeof fd);
            close(fd);
        }
        if (c->cmsg_type == SCM_RIGHTS)
            seen.nfds += n;
    }
    return seen;
}

static void send_copies(int sock, int n)
{
    int fds[ANC_FDS_MAX], i, fd = new_descriptor();
    for (i = 0; i < n; i++)
        fds[i] = fd;
    CHECK_INT(raw_send(sock, "x", 1, fds, n, 0), 1);
    close(fd);
}

static void switch_everything_on(int sock)
{
    static const int options[] = {SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC, SO_INQ, SO_TIMESTAMP,
                                  SO_TIMESTAMPNS};
    int on = 1, timestamping = 0x18;
    size_t i;
    for (i = 0; i < LENGTH(options); i++)
        /* refused where the type has none */
        setsockopt(sock, SOL_SOCKET, options[i], &on, sizeof on);
    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPING, &timestamping, sizeof timestamping);
}

TEST(a_buffer_of_ANC_CONTROL_MAX_holds_253_descriptors_with_every_option_on)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        struct seen seen;
        int pair[2];
        socket_pair(socket_types[t], pair);
        switch_everything_on(pair[1]);
        send_copies(pair[0], ANC_FDS_MAX);
        seen = receive_raw(pair[1], ANC_CONTROL_MAX);
        CHECK(seen.nfds == ANC_FDS_MAX && !seen.ctrunc);
        close_both(pair);
    }
}

TEST(a_buffer_of_ANC_FDS_SPACE_loses_descriptors_to_the_options)
{
    size_t t;
    for (t = 0; t < 3; t++) {
        struct seen seen;
        int pair[2];
        socket_pair(socket_types[t], pair);
        switch_everything_on(pair[1]);
        send_copies(pair[0], 1);
        seen = receive_raw(pair[1], ANC_FDS_SPACE(1));
        CHECK(seen.nfds == 0 && seen.ctrunc);
        send_copies(pair[0], ANC_FDS_MAX);
        seen = receive_raw(pair[1], ANC_FDS_SPACE(ANC_FDS_MAX));
        CHECK(seen.nfds < ANC_FDS_MAX && seen.ctrunc);
        close_both(pair);
    }
}

/* 64-bit: ANC_SPACE(4) is 24 bytes, and takes two descriptors; ANC_LEN(4), 20, admits one. */
TEST(ANC_LEN_admits_exactly_one_descriptor_and_ANC_SPACE_whatever_the_padding_holds)
{
    const int in_padding = (int)((ANC_SPACE(sizeof(int)) - ANC_LEN(sizeof(int))) / sizeof(int));
    size_t t;
    for (t = 0; t < 3; t++) {
        struct seen seen;
        int pair[2];
        socket_pair(socket_types[t], pair);
        send_copies(pair[0], 2);
        seen = receive_raw(pair[1], ANC_LEN(sizeof(int)));
        CHECK(seen.nfds == 1 && seen.ctrunc);
        send_copies(pair[0], 2);
        seen = receive_raw(pair[1], ANC_FDS_SPACE(1));
        CHECK_INT(seen.nfds, 1 + in_padding);
        CHECK_INT(seen.ctrunc, in_padding == 0);
        send_copies(pair[0], 1);
        seen = receive_raw(pair[1], ANC_LEN(sizeof(int)) - 1);
        CHECK(seen.nfds == 0 && seen.ctrunc);
        close_both(pair);
    }
}
