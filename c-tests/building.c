/* Building: every rule of the builder, at every address and in every size of buffer, and what it makes
 * in front of the kernel. */
#include "control.h"
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { BUFFER = 4096, AFTER = 64 };

static const struct ucred somebody = {4711, 12, 13};
static const int three[] = {NO_DESCRIPTOR, NO_DESCRIPTOR + 1, NO_DESCRIPTOR + 2};

/* Puts. */

enum what { FDS, RIGHTS, CREDENTIALS, BYTES, EMPTY, NO_FDS, END };

struct put {
    enum what what;
    size_t len; /* descriptors, or bytes */
};

static void put(struct anc_builder *b, const struct put *p)
{
    switch (p->what) {
    case FDS:
        anc_put_fds(b, three, p->len);
        break;
    case RIGHTS:
        anc_put(b, SOL_SOCKET, SCM_RIGHTS, three, p->len * sizeof(int));
        break;
    case CREDENTIALS:
        anc_put_credentials(b, somebody.pid, somebody.uid, somebody.gid);
        break;
    case BYTES:
        anc_put(b, 4711, -12, "some bytes to send along", p->len);
        break;
    case EMPTY:
        anc_put(b, 4712, 13, NULL, 0);
        break;
    default:
        anc_put_fds(b, NULL, 0);
    }
}

/* The specification: what one put appends. */
static size_t append(unsigned char *at, const struct put *p)
{
    switch (p->what) {
    case FDS:
    case RIGHTS:
        return forge(at, SOL_SOCKET, SCM_RIGHTS, three, p->len * sizeof(int));
    case CREDENTIALS:
        return forge(at, SOL_SOCKET, SCM_CREDENTIALS, &somebody, sizeof somebody);
    case BYTES:
        return forge(at, 4711, -12, "some bytes to send along", p->len);
    case EMPTY:
        return forge(at, 4712, 13, NULL, 0);
    default:
        return 0;
    }
}

static const struct put scripts[][8] = {
    {{END, 0}},
    {{NO_FDS, 0}, {END, 0}},
    {{FDS, 1}, {END, 0}},
    {{FDS, 2}, {END, 0}},
    {{FDS, 3}, {END, 0}},
    {{RIGHTS, 3}, {END, 0}},
    {{FDS, 1}, {RIGHTS, 2}, {END, 0}},
    {{CREDENTIALS, 0}, {END, 0}},
    {{EMPTY, 0}, {END, 0}},
    {{EMPTY, 0}, {FDS, 1}, {EMPTY, 0}, {END, 0}},
    {{BYTES, 1}, {END, 0}},
    {{BYTES, 7}, {BYTES, 8}, {BYTES, 9}, {BYTES, 15}, {BYTES, 16}, {BYTES, 17}, {END, 0}},
    {{CREDENTIALS, 0}, {FDS, 3}, {BYTES, 5}, {NO_FDS, 0}, {FDS, 1}, {EMPTY, 0}, {END, 0}},
    /* A large one that does not fit, then small ones that would: the error sticks. */
    {{FDS, 1}, {BYTES, 24}, {EMPTY, 0}, {FDS, 1}, {END, 0}},
};

static void check_script(const struct put *script, unsigned char *buf, size_t size, size_t fence)
{
    unsigned char expected[BUFFER], one[BUFFER];
    struct anc_builder b;
    struct msghdr msg = with_control(&b, 77);
    size_t len = 0, i, space;
    int fits = 1;
    memset(buf, CANARY, size + fence);
    memset(expected, CANARY, sizeof expected);
    memset(&b, CANARY, sizeof b);
    errno = 4242;
    anc_builder_init(&b, buf, size);
    CHECK(b.buf == buf && b.size == size && b.len == 0 && b.error == 0);
    for (i = 0; script[i].what != END; i++) {
        put(&b, &script[i]);
        space = append(one, &script[i]);
        fits = fits && space <= size - len;
        if (fits) {
            memcpy(expected + len, one, space);
            len += space;
        }
        CHECK_CASE(b.len == len && b.error == (fits ? 0 : ENOBUFS), "put %zu into %zu bytes", i, size);
        CHECK_CASE(b.buf == buf && b.size == size, "put %zu into %zu bytes", i, size);
    }
    CHECK_INT(errno, 4242);
    CHECK_CASE(memcmp(buf, expected, size + fence) == 0, "%zu bytes of %zu", len, size);
    if (fits)
        CHECK_OK(anc_builder_finish(&b, &msg), 0);
    else
        CHECK_ERRNO(anc_builder_finish(&b, &msg), ENOBUFS);
    CHECK_CASE(msg.msg_control == (fits && len ? buf : NULL), "%zu bytes", size);
    CHECK_INT(msg.msg_controllen, fits ? len : 0);
}

TEST(any_buffer_holds_what_fits_and_not_a_byte_more)
{
    static unsigned char buffer[BUFFER];
    size_t s, size, full, i;
    int shift;
    for (s = 0; s < LENGTH(scripts); s++) {
        unsigned char scratch[BUFFER];
        for (full = 0, i = 0; scripts[s][i].what != END; i++)
            full += append(scratch, &scripts[s][i]);
        for (size = 0; size <= full + 9; size++) {
            for (shift = 0; shift < ALIGNMENTS; shift++)
                check_script(scripts[s], buffer + shift, size, AFTER);
            check_script(scripts[s], guarded_end(size), size, 0);
            check_script(scripts[s], guarded_pages(), size, AFTER);
        }
    }
}

TEST(every_length_is_padded_with_zeros)
{
    static const char text[300];
    static unsigned char buffer[BUFFER];
    size_t len, i;
    for (len = 0; len <= sizeof text; len++) {
        struct anc_builder b;
        memset(buffer, CANARY, sizeof buffer);
        anc_builder_init(&b, buffer, ANC_SPACE(len));
        anc_put(&b, 4711, 1, text, len);
        CHECK(b.error == 0 && b.len == ANC_SPACE(len));
        for (i = ANC_LEN(len); i < ANC_SPACE(len); i++)
            CHECK_CASE(buffer[i] == 0, "byte %zu of the padding after %zu bytes", i, len);
        CHECK_INT(buffer[ANC_SPACE(len)], CANARY);
    }
}

TEST(what_is_built_is_what_the_CMSG_macros_build)
{
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(sizeof three) + CMSG_SPACE(sizeof somebody)];
    } by_hand, built;
    struct msghdr msg = with_control(by_hand.bytes, sizeof by_hand);
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    struct anc_builder b;
    memset(&by_hand, 0, sizeof by_hand);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof three), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(c), three, sizeof three);
    c = CMSG_NXTHDR(&msg, c);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof somebody), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
    memcpy(CMSG_DATA(c), &somebody, sizeof somebody);
    anc_builder_init(&b, built.bytes, sizeof built);
    anc_put_fds(&b, three, 3);
    anc_put_credentials(&b, somebody.pid, somebody.uid, somebody.gid);
    CHECK_INT(b.len, sizeof built);
    CHECK(memcmp(&by_hand, &built, sizeof built) == 0);
}

/* Errors. */

static int many[ANC_FDS_MAX + 1];

static void fill_many(void)
{
    size_t i;
    for (i = 0; i < LENGTH(many); i++)
        many[i] = NO_DESCRIPTOR + (int)i;
}

static const int negative_first[] = {-1, NO_DESCRIPTOR}, negative_last[] = {NO_DESCRIPTOR, INT_MIN}, minus_one = -1;

static void bad_room(struct anc_builder *b) { anc_put(b, 4711, 1, many, b->size - b->len); }
static void bad_null_data(struct anc_builder *b) { anc_put(b, 4711, 1, NULL, 1); }
static void bad_null_huge(struct anc_builder *b) { anc_put(b, 4711, 1, NULL, SIZE_MAX); }
static void bad_null_rights(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, NULL, 4); }
static void bad_null_fds(struct anc_builder *b) { anc_put_fds(b, NULL, 1); }
static void bad_null_many(struct anc_builder *b) { anc_put_fds(b, NULL, SIZE_MAX); }
static void bad_first(struct anc_builder *b) { anc_put_fds(b, negative_first, 2); }
static void bad_last(struct anc_builder *b) { anc_put_fds(b, negative_last, 2); }
static void bad_only(struct anc_builder *b) { anc_put_fds(b, &minus_one, 1); }
static void bad_rights(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, negative_last, 8); }
static void bad_254(struct anc_builder *b) { anc_put_fds(b, many, ANC_FDS_MAX + 1); }
static void bad_254_rights(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, sizeof many); }
static void bad_huge_fds(struct anc_builder *b) { anc_put_fds(b, many, SIZE_MAX); }
static void bad_huge_fds_too(struct anc_builder *b) { anc_put_fds(b, many, (size_t)1 << (sizeof(size_t) * 8 - 2)); }
static void bad_1_byte(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, 1); }
static void bad_5_bytes(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, 5); }
static void bad_7_bytes(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, 7); }
static void bad_pidfd(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_PIDFD, many, 4); }
static void bad_empty_pidfd(struct anc_builder *b) { anc_put(b, SOL_SOCKET, SCM_PIDFD, NULL, 0); }
static void bad_in_two_puts(struct anc_builder *b)
{
    anc_put_fds(b, many, 1);
    anc_put_fds(b, many, ANC_FDS_MAX);
}
static void bad_among_others(struct anc_builder *b)
{
    anc_put_fds(b, many, 200);
    anc_put_credentials(b, 1, 2, 3);
    anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, 53 * sizeof(int));
    CHECK_INT(b->error, 0);
    anc_put(b, 4711, SCM_RIGHTS, many, 54 * sizeof(int)); /* no descriptors */
    CHECK_INT(b->error, 0);
    anc_put(b, SOL_SOCKET, SCM_RIGHTS, many, sizeof(int));
}
static void bad_one_by_one(struct anc_builder *b)
{
    int i;
    for (i = 0; i < ANC_FDS_MAX; i++)
        anc_put_fds(b, many + i, 1);
    CHECK_INT(b->error, 0);
    anc_put_fds(b, many, 1);
}

struct bad {
    const char *name;
    void (*put)(struct anc_builder *);
    int error;
};

static const struct bad bads[] = {
    {"no room", bad_room, ENOBUFS},
    {"NULL with a byte", bad_null_data, EFAULT},
    {"NULL with SIZE_MAX bytes", bad_null_huge, EFAULT},
    {"SCM_RIGHTS from NULL", bad_null_rights, EFAULT},
    {"a descriptor at NULL", bad_null_fds, EFAULT},
    {"SIZE_MAX descriptors at NULL", bad_null_many, EFAULT},
    {"-1 first", bad_first, EBADF},
    {"a negative one last", bad_last, EBADF},
    {"-1 alone", bad_only, EBADF},
    {"a negative one by anc_put", bad_rights, EBADF},
    {"254", bad_254, EINVAL},
    {"254 by anc_put", bad_254_rights, EINVAL},
    {"SIZE_MAX descriptors", bad_huge_fds, EINVAL},
    {"descriptors whose bytes overflow", bad_huge_fds_too, EINVAL},
    {"1 byte of SCM_RIGHTS", bad_1_byte, EINVAL},
    {"5 bytes of SCM_RIGHTS", bad_5_bytes, EINVAL},
    {"7 bytes of SCM_RIGHTS", bad_7_bytes, EINVAL},
    {"SCM_PIDFD", bad_pidfd, EINVAL},
    {"an empty SCM_PIDFD", bad_empty_pidfd, EINVAL},
    {"254 in two puts", bad_in_two_puts, EINVAL},
    {"254 among others", bad_among_others, EINVAL},
    {"254 one by one", bad_one_by_one, EINVAL},
};

TEST(each_mistake_has_its_error)
{
    static unsigned char buffer[16384];
    size_t i;
    fill_many();
    for (i = 0; i < LENGTH(bads); i++) {
        struct anc_builder b;
        struct msghdr msg = with_control(buffer, 77);
        size_t len;
        memset(buffer, CANARY, sizeof buffer);
        anc_builder_init(&b, buffer, bads[i].error == ENOBUFS ? sizeof many : sizeof buffer);
        errno = 4242;
        bads[i].put(&b);
        CHECK_INT(errno, 4242);
        CHECK_CASE(b.error == bads[i].error, "%s: %d", bads[i].name, b.error);
        len = b.len;
        CHECK_CASE(anc_builder_finish(&b, &msg) == -1 && errno == bads[i].error, "%s", bads[i].name);
        CHECK_CASE(msg.msg_control == NULL && msg.msg_controllen == 0, "%s", bads[i].name);
        /* Finishing changes nothing, and tells the same again. */
        CHECK_CASE(anc_builder_finish(&b, &msg) == -1 && errno == bads[i].error, "%s", bads[i].name);
        CHECK_CASE(b.len == len && b.error == bads[i].error, "%s", bads[i].name);
    }
}

TEST(refused_descriptors_stay_inside_the_buffer)
{
    unsigned char buffer[ANC_FDS_SPACE(2) + AFTER];
    size_t size, i;
    for (size = 0; size <= ANC_FDS_SPACE(2); size++) {
        struct anc_builder b;
        memset(buffer, CANARY, sizeof buffer);
        anc_builder_init(&b, buffer, size);
        anc_put_fds(&b, negative_last, 2);
        CHECK_CASE(b.len == 0 && (b.error == EBADF || (b.error == ENOBUFS && size < ANC_FDS_SPACE(2))), "%zu bytes", size);
        for (i = size; i < sizeof buffer; i++)
            CHECK_CASE(buffer[i] == CANARY, "%zu bytes", size);
    }
}

TEST(the_first_error_is_the_one_reported)
{
    static unsigned char buffer[16384];
    size_t i, k;
    fill_many();
    for (i = 0; i < LENGTH(bads); i++)
        for (k = 0; k < LENGTH(bads); k++) {
            struct anc_builder b;
            struct msghdr msg = with_control(buffer, 77);
            size_t len;
            if (bads[k].put == bad_among_others || bads[k].put == bad_one_by_one)
                continue; /* they check their own beginning */
            anc_builder_init(&b, buffer, bads[i].error == ENOBUFS ? sizeof many : sizeof buffer);
            bads[i].put(&b);
            len = b.len;
            bads[k].put(&b);
            anc_put_fds(&b, many, 1); /* and nothing is put any more */
            anc_put_credentials(&b, 1, 2, 3);
            CHECK_CASE(b.len == len && b.error == bads[i].error, "%s, then %s", bads[i].name, bads[k].name);
            CHECK_ERRNO(anc_builder_finish(&b, &msg), bads[i].error);
        }
}

TEST(what_the_kernel_never_takes_is_refused)
{
    /* Kinds that are received only; SO_TIMESTAMPING is both. */
    static const int never[] = {SCM_PIDFD, SCM_SECURITY, SO_TIMESTAMP, SO_TIMESTAMPNS, 63, 64};
    static const char data[64];
    size_t i;
    for (i = 0; i < LENGTH(never); i++) {
        unsigned char buffer[256];
        struct anc_builder b;
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put(&b, SOL_SOCKET, never[i], data, 16);
        CHECK_CASE(b.error == EINVAL && b.len == 0, "type %d", never[i]);
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put(&b, 4711, never[i], data, 16);
        CHECK_CASE(b.error == 0, "type %d at another level", never[i]);
    }
}

TEST(any_other_level_and_type_is_put_as_it_is)
{
    static const int numbers[] = {0, 1, 2, 4, 36, 37, 61, 4711, -1, INT_MAX, INT_MIN};
    size_t l, t;
    for (l = 0; l < LENGTH(numbers); l++)
        for (t = 0; t < LENGTH(numbers); t++) {
            unsigned char buffer[64], expected[64];
            struct anc_builder b;
            if (numbers[l] == SOL_SOCKET && numbers[t] <= SCM_PIDFD && numbers[t] > 0)
                continue; /* these are checked */
            anc_builder_init(&b, buffer, sizeof buffer);
            anc_put(&b, numbers[l], numbers[t], "four", 4);
            CHECK_CASE(b.error == 0, "%d, %d", numbers[l], numbers[t]);
            forge(expected, numbers[l], numbers[t], "four", 4);
            CHECK(memcmp(buffer, expected, ANC_SPACE(4)) == 0);
        }
}

TEST(no_length_overflows)
{
    unsigned char buffer[64];
    size_t k;
    for (k = 0; k < 64; k++) {
        size_t lens[4] = {SIZE_MAX - k, (size_t)PTRDIFF_MAX - k, (size_t)PTRDIFF_MAX + 1 + k, sizeof buffer - ANC_LEN(0) + 1 + k}, i;
        for (i = 0; i < 4; i++) {
            struct anc_builder b;
            memset(buffer, CANARY, sizeof buffer);
            anc_builder_init(&b, buffer, sizeof buffer);
            anc_put(&b, 4711, 1, buffer, lens[i]);
            CHECK_CASE(b.error == ENOBUFS && b.len == 0 && buffer[0] == CANARY, "%zu bytes", lens[i]);
        }
    }
}

/* The caller's numbers stand at the end of memory: one past them faults. */
TEST(only_as_much_is_read_as_was_given)
{
    static unsigned char buffer[BUFFER];
    size_t n;
    fill_many();
    for (n = 1; n <= ANC_FDS_MAX; n++) {
        struct anc_builder b;
        unsigned char *end = guarded_end(n * sizeof(int));
        memcpy(end, many, n * sizeof(int));
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put(&b, SOL_SOCKET, SCM_RIGHTS, end, n * sizeof(int));
        CHECK(b.error == 0 && b.len == ANC_FDS_SPACE(n));
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put_fds(&b, (int *)(void *)end, n);
        CHECK(b.error == 0 && b.len == ANC_FDS_SPACE(n));
        CHECK(memcmp(buffer + HEADER, many, n * sizeof(int)) == 0);
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put(&b, 4711, 0, end + n, n);
        CHECK(b.error == 0);
    }
}

TEST(data_may_stand_at_any_address)
{
    unsigned char data[64], buffer[64], expected[64];
    int shift;
    for (shift = 0; shift < ALIGNMENTS; shift++) {
        struct anc_builder b;
        memcpy(data + shift, three, sizeof three);
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put(&b, SOL_SOCKET, SCM_RIGHTS, data + shift, sizeof three);
        CHECK_INT(b.len, forge(expected, SOL_SOCKET, SCM_RIGHTS, three, sizeof three));
        CHECK(memcmp(buffer, expected, b.len) == 0);
    }
}

TEST(NULL_is_never_a_crash)
{
    struct anc_builder b;
    struct msghdr msg = with_control(&b, 77);
    anc_builder_init(NULL, &b, sizeof b);
    anc_builder_init(NULL, NULL, 0);
    anc_put(NULL, 1, 1, NULL, 0);
    anc_put(NULL, 1, 1, three, 4);
    anc_put_fds(NULL, three, 1);
    anc_put_credentials(NULL, 1, 2, 3);
    CHECK_ERRNO(anc_builder_finish(NULL, &msg), EFAULT);
    CHECK_ERRNO(anc_builder_finish(NULL, NULL), EFAULT);
    anc_builder_init(&b, &msg, sizeof msg);
    CHECK_ERRNO(anc_builder_finish(&b, NULL), EFAULT);
}

TEST(NULL_with_a_size_is_EFAULT_and_without_one_a_buffer_of_no_bytes)
{
    static const size_t sizes[] = {1, 16, 4096, PTRDIFF_MAX, SIZE_MAX};
    struct anc_builder b;
    struct msghdr msg = with_control(&b, 77);
    size_t i;
    for (i = 0; i < LENGTH(sizes); i++) {
        anc_builder_init(&b, NULL, sizes[i]);
        anc_put_fds(&b, three, 3);
        anc_put(&b, 4711, 1, "x", 1);
        CHECK(b.error == EFAULT && b.len == 0);
        msg = with_control(&b, 77);
        CHECK_ERRNO(anc_builder_finish(&b, &msg), EFAULT);
        CHECK(msg.msg_control == NULL && msg.msg_controllen == 0);
    }
    anc_builder_init(&b, NULL, 0);
    anc_put_fds(&b, NULL, 0);
    msg = with_control(&b, 77);
    CHECK_OK(anc_builder_finish(&b, &msg), 0);
    CHECK(msg.msg_control == NULL && msg.msg_controllen == 0);
    anc_put(&b, 4711, 1, NULL, 0);
    CHECK_ERRNO(anc_builder_finish(&b, &msg), ENOBUFS);
}

TEST(no_descriptors_write_nothing)
{
    static unsigned char buffer[256];
    struct anc_builder b;
    struct msghdr msg = with_control(&b, 77);
    size_t i;
    memset(buffer, CANARY, sizeof buffer);
    anc_builder_init(&b, buffer, sizeof buffer);
    anc_put_fds(&b, NULL, 0);
    anc_put_fds(&b, three, 0);
    anc_put(&b, SOL_SOCKET, SCM_RIGHTS, NULL, 0);
    anc_put(&b, SOL_SOCKET, SCM_RIGHTS, three, 0);
    CHECK(b.len == 0 && b.error == 0);
    for (i = 0; i < sizeof buffer; i++)
        CHECK_INT(buffer[i], CANARY);
    CHECK_OK(anc_builder_finish(&b, &msg), 0);
    CHECK(msg.msg_control == NULL && msg.msg_controllen == 0);
}

TEST(finishing_sets_the_control_data_and_nothing_else)
{
    unsigned char buffer[256];
    struct anc_builder b, before;
    struct msghdr msg, expected;
    memset(&msg, CANARY, sizeof msg);
    anc_builder_init(&b, buffer, sizeof buffer);
    anc_put_fds(&b, three, 3);
    before = b;
    expected = msg;
    expected.msg_control = buffer;
    expected.msg_controllen = ANC_FDS_SPACE(3);
    CHECK_OK(anc_builder_finish(&b, &msg), 0);
    CHECK(memcmp(&msg, &expected, sizeof msg) == 0);
    CHECK(b.buf == before.buf && b.size == before.size && b.len == before.len && b.error == before.error);
    /* It can go on after that. */
    anc_put_fds(&b, three, 1);
    CHECK_OK(anc_builder_finish(&b, &msg), 0);
    CHECK_INT(msg.msg_controllen, ANC_FDS_SPACE(3) + ANC_FDS_SPACE(1));
}

/* In front of the kernel. */

/* Sends what was built with one byte, by sendmsg or in a batch of one. */
static void send_built(int sock, const struct anc_builder *b, int by_batch)
{
    struct iovec iov = {"x", 1};
    struct mmsghdr v = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
    CHECK_OK(anc_builder_finish(b, &v.msg_hdr), 0);
#if HAS_SENDMMSG && !MUSL_COPIES
    if (by_batch) {
        CHECK_INT(sendmmsg(sock, &v, 1, MSG_NOSIGNAL), 1);
        return;
    }
#endif
    (void)by_batch;
    CHECK_INT(kernel_sendmsg(sock, &v.msg_hdr, MSG_NOSIGNAL), 1);
}

/* One message: these descriptors, and credentials of this process if wanted. */
static void expect_received(int sock, const int *fds, int n, int credentials)
{
    struct message m;
    struct cmsghdr *c;
    struct ucred got = {0, 0, 0};
    int came[ANC_FDS_MAX], i, has_credentials = 0;
    CHECK_INT(recvmsg(sock, receiver(&m, 8, sizeof m.control), MSG_CMSG_CLOEXEC | MSG_DONTWAIT), 1);
    CHECK_INT(m.msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC), 0);
    CHECK_INT(rights_in(&m.msg, came), n);
    for (i = 0; i < n; i++) {
        CHECK_CASE(same_file(came[i], fds[i]), "descriptor %d of %d", i, n);
        close(came[i]);
    }
    for (c = CMSG_FIRSTHDR(&m.msg); c; c = CMSG_NXTHDR(&m.msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&got, CMSG_DATA(c), sizeof got);
            has_credentials = 1;
        }
    CHECK_INT(has_credentials, credentials);
    if (credentials)
        CHECK(got.pid == getpid() && got.uid == getuid() && got.gid == getgid());
}

static void check_kernel(int type, int shift, int by_batch)
{
    static const int counts[] = {0, 1, 2, 3, 4, 252, ANC_FDS_MAX};
    static unsigned char buffer[BUFFER + ALIGNMENTS];
    int pair[2], fds[ANC_FDS_MAX], half;
    size_t i;
    struct anc_builder b;
    socket_pair(type, pair);
    new_descriptors(fds, shift == 0 ? ANC_FDS_MAX : 4);
    for (i = 0; i < (shift == 0 ? LENGTH(counts) : 5); i++) {
        int n = counts[i];
        /* In a buffer of the exact size. */
        memset(buffer, CANARY, sizeof buffer);
        anc_builder_init(&b, buffer + shift, n ? ANC_FDS_SPACE((size_t)n) : 0);
        anc_put_fds(&b, fds, (size_t)n);
        send_built(pair[0], &b, by_batch);
        expect_received(pair[1], fds, n, 0);
        /* In several puts, with unknown levels between, which the kernel passes over. */
        anc_builder_init(&b, buffer + shift, BUFFER);
        half = n / 2;
        anc_put_fds(&b, fds, (size_t)half);
        anc_put(&b, 4711, 1, "odd", 3);
        anc_put(&b, SOL_SOCKET, SCM_RIGHTS, fds + half, (size_t)(n - half) * sizeof(int));
        anc_put(&b, 4711, 2, NULL, 0);
        send_built(pair[0], &b, by_batch);
        expect_received(pair[1], fds, n, 0);
    }
    option(pair[1], SO_PASSCRED, 1);
    for (i = 0; i < 4; i++) {
        int n = counts[i];
        anc_builder_init(&b, buffer + shift, BUFFER);
        if (i % 2)
            anc_put_credentials(&b, getpid(), getuid(), getgid());
        anc_put_fds(&b, fds, (size_t)n);
        if (!(i % 2))
            anc_put(&b, SOL_SOCKET, SCM_CREDENTIALS, &(struct ucred){getpid(), getuid(), getgid()}, sizeof(struct ucred));
        send_built(pair[0], &b, by_batch);
        expect_received(pair[1], fds, n, 1);
    }
    anc_close_fds(fds, shift == 0 ? ANC_FDS_MAX : 4);
    close_both(pair);
}

TEST(what_is_built_is_received)
{
    int t, shift;
    for (t = 0; t < 3; t++)
        for (shift = 0; shift < ALIGNMENTS; shift++)
            check_kernel(socket_types[t], shift, shift % 2);
}

/* One message that the kernel answers with this; the socket is none the worse for it. */
static void expect_refused(int sock, const struct anc_builder *b, int error)
{
    struct iovec iov = {"x", 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    CHECK_OK(anc_builder_finish(b, &msg), 0);
    CHECK_ERRNO(sendmsg(sock, &msg, MSG_NOSIGNAL), error);
}

static int unused_pid(void)
{
    pid_t child = fork();
    int status;
    if (child == 0)
        _exit(0);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return child;
}

struct foreign {
    int pid, uid, gid; /* 0: what it is */
    int error, unprivileged_error;
};

TEST(the_kernel_judges_credentials)
{
    struct foreign cases[] = {
        {0, 0, 0, 0, 0}, {0, 12345, 0, 0, EPERM}, {0, 0, 12345, 0, EPERM}, {1, 0, 0, 0, EPERM},
        {0, -1, 0, EINVAL, EINVAL}, {0, 0, -1, EINVAL, EINVAL}, {0, 0, 0, ESRCH, EPERM},
    };
    int privileged, t;
    size_t i;
    cases[LENGTH(cases) - 1].pid = unused_pid();
    if (geteuid() != 0)
        skip("needs privileges to give up");
    for (privileged = 1; privileged >= 0; privileged--) {
        if (!privileged)
            drop_privileges();
        for (t = 0; t < 3; t++)
            for (i = 0; i < LENGTH(cases); i++) {
                unsigned char buffer[ANC_SPACE(sizeof(struct ucred))];
                const struct foreign *f = &cases[i];
                int error = privileged ? f->error : f->unprivileged_error, pair[2];
                struct anc_builder b;
                socket_pair(socket_types[t], pair);
                anc_builder_init(&b, buffer, sizeof buffer);
                anc_put_credentials(&b, f->pid ? f->pid : getpid(), f->uid ? (uint32_t)f->uid : getuid(),
                                    f->gid ? (uint32_t)f->gid : getgid());
                if (error)
                    expect_refused(pair[0], &b, error);
                else
                    send_built(pair[0], &b, 0);
                close_both(pair);
            }
    }
}

TEST(a_closed_descriptor_is_the_kernels_EBADF)
{
    int t, numbers[2];
    for (t = 0; t < 3; t++) {
        unsigned char buffer[ANC_FDS_SPACE(2)];
        struct anc_builder b;
        int pair[2];
        socket_pair(socket_types[t], pair);
        numbers[0] = pair[0];
        numbers[1] = NO_DESCRIPTOR;
        anc_builder_init(&b, buffer, sizeof buffer);
        anc_put_fds(&b, numbers, 2);
        expect_refused(pair[0], &b, EBADF);
        EXPECT_NOTHING(pair[1]);
        close_both(pair);
    }
}

/* Zeros after the last message: 16 would be EINVAL, so msg_controllen is what was built. */
TEST(the_rest_of_a_large_buffer_is_not_sent)
{
    static unsigned char buffer[65536];
    int pair[2], fd = new_descriptor();
    struct anc_builder b;
    socket_pair(SOCK_STREAM, pair);
    anc_builder_init(&b, buffer, sizeof buffer);
    anc_put_fds(&b, &fd, 1);
    send_built(pair[0], &b, 0);
    expect_received(pair[1], &fd, 1, 0);
    close(fd);
    close_both(pair);
}
