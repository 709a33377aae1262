/* Reading: anc_next over every cut and every lie, on memory whose neighbours fault and that can't be
 * written, against a reader of eight lines. */
#include "control.h"
#include <sys/time.h>

/* The specification: 1, 0 or -1, and what stands at `at`. */
struct expected {
    int level, type, cut;
    size_t data, len, next;
};

/* Noise happens upon kinds that this specification does not know: those may be cut. */
#define UNKNOWN SIZE_MAX

static size_t shortest(int level, int type)
{
    if (level != SOL_SOCKET)
        return UNKNOWN;
    switch (type) {
    case SCM_RIGHTS:
    case SCM_PIDFD:
        return 4;
    case SCM_CREDENTIALS:
        return sizeof(struct ucred);
    default:
        return UNKNOWN;
    }
}

static int expect_at(const unsigned char *bytes, size_t size, size_t at, struct expected *e)
{
    raw_header header;
    size_t left = at < size ? size - at : 0, there;
    if (left < HEADER)
        return 0;
    memcpy(&header, bytes + at, sizeof header);
    if (header.cmsg_len < sizeof header)
        return -1;
    there = header.cmsg_len < left ? header.cmsg_len : left;
    e->level = header.cmsg_level;
    e->type = header.cmsg_type;
    e->data = at + HEADER;
    e->len = there - HEADER;
    e->cut = header.cmsg_len > left ? 1 : shortest(e->level, e->type) == UNKNOWN ? -1 : e->len < shortest(e->level, e->type);
    e->next = at + there;
    return 1;
}

/* Walks the whole buffer by anc_next and by the specification. Returns the number of messages. */
static int check_walk(const unsigned char *bytes, size_t size, const char *which)
{
    const struct msghdr msg = with_control((void *)bytes, size);
    struct anc_cmsg c, before;
    size_t at = 0;
    int n, wanted, result;
    memset(&c, 0, sizeof c);
    for (n = 0;; n++) {
        struct expected e = {0, 0, 0, 0, 0, 0};
        before = c;
        wanted = expect_at(bytes, size, at, &e);
        errno = 4242;
        result = anc_next(&msg, &c);
        CHECK_CASE(result == wanted, "%s: message %d of %zu bytes: %d, not %d", which, n, size, result, wanted);
        CHECK_CASE(errno == (wanted < 0 ? EBADMSG : 4242), "%s: message %d", which, n);
        if (wanted <= 0)
            break;
        CHECK_CASE(c.level == e.level && c.type == e.type && c.len == e.len && (e.cut < 0 || (int)c.cut == e.cut),
                   "%s: message %d of %zu bytes: level %d type %d len %zu cut %u, not %d %d %zu %d", which, n, size,
                   c.level, c.type, c.len, c.cut, e.level, e.type, e.len, e.cut);
        CHECK_CASE((const unsigned char *)c.data == bytes + e.data && c.reserved == 0, "%s: message %d", which, n);
        /* The next one starts where alignment puts it, the end of the buffer is the end. */
        at = e.next % sizeof(size_t) ? e.next + sizeof(size_t) - e.next % sizeof(size_t) : e.next;
        CHECK_CASE(n <= (int)(size / HEADER), "%s: no end", which);
    }
    CHECK_CASE(result != -1 || memcmp(&c, &before, sizeof c) == 0, "%s: the cursor moved", which);
    /* The end is the end, and an error stays one. */
    errno = 4242;
    CHECK_CASE(anc_next(&msg, &c) == result, "%s: asked again", which);
    return n;
}

/* The same bytes against either fence, where they can only be read. */
static int check_fenced(const unsigned char *bytes, size_t size, const char *which)
{
    unsigned char *at_end, *at_start = guarded_pages();
    int n;
    write_guarded(1);
    at_end = guarded_end(size);
    memcpy(at_end, bytes, size);
    write_guarded(0);
    n = check_walk(at_end, size, which);
    write_guarded(1);
    memcpy(at_start, bytes, size);
    write_guarded(0);
    CHECK_INT(check_walk(at_start, size, which), n);
    return n;
}

static const struct ucred somebody = {4711, 12, 13};
static const int three[] = {NO_DESCRIPTOR, NO_DESCRIPTOR + 1, NO_DESCRIPTOR + 2};

/* Every kind that an AF_UNIX socket brings, and some that nobody knows. */
static size_t everything(unsigned char *buffer)
{
    static const long long stamp[2] = {1700000000, 123456789};
    size_t len = forge(buffer, SOL_SOCKET, SO_TIMESTAMP, stamp, sizeof stamp);
    len += forge(buffer + len, SOL_SOCKET, SCM_CREDENTIALS, &somebody, sizeof somebody);
    len += forge(buffer + len, 4711, -1, "five", 5);
    len += forge(buffer + len, SOL_SOCKET, SCM_RIGHTS, three, sizeof three);
    len += forge(buffer + len, -1, 4711, NULL, 0);
    len += forge(buffer + len, SOL_SOCKET, SCM_PIDFD, three, 4);
    return len;
}

enum { MESSAGES = 6 };

TEST(every_message_is_shown_in_order)
{
    static const int kinds[MESSAGES][3] = {
        {SOL_SOCKET, SO_TIMESTAMP, 16}, {SOL_SOCKET, SCM_CREDENTIALS, sizeof somebody}, {4711, -1, 5},
        {SOL_SOCKET, SCM_RIGHTS, 12},   {-1, 4711, 0},                                  {SOL_SOCKET, SCM_PIDFD, 4},
    };
    unsigned char buffer[1024];
    struct msghdr msg = with_control(buffer, everything(buffer));
    struct anc_cmsg c;
    int i;
    memset(&c, 0, sizeof c);
    for (i = 0; i < MESSAGES; i++) {
        CHECK_OK(anc_next(&msg, &c), 1);
        CHECK_INT(c.level, kinds[i][0]);
        CHECK_INT(c.type, kinds[i][1]);
        CHECK_INT(c.len, kinds[i][2]);
        CHECK_INT(c.cut, 0);
        if (c.type == SCM_CREDENTIALS)
            CHECK(memcmp(c.data, &somebody, sizeof somebody) == 0);
        if (c.type == SCM_RIGHTS && c.level == SOL_SOCKET)
            CHECK(memcmp(c.data, three, sizeof three) == 0);
    }
    CHECK_OK(anc_next(&msg, &c), 0);
    CHECK_OK(anc_next(&msg, &c), 0);
}

TEST(a_buffer_may_end_anywhere)
{
    unsigned char buffer[1024];
    size_t full = everything(buffer), size;
    for (size = 0; size <= full; size++)
        check_fenced(buffer, size, "cut");
    CHECK_INT(check_fenced(buffer, full, "whole"), MESSAGES);
    /* Without the padding of the last message: one int of 4 bytes, 4 of padding on 64-bit. */
    CHECK_INT(check_fenced(buffer, full - (ANC_SPACE(4) - ANC_LEN(4)), "no padding"), MESSAGES);
}

TEST(a_buffer_may_start_at_any_address)
{
    unsigned char plain[1024], moved[1024 + ALIGNMENTS];
    size_t full = everything(plain);
    int shift;
    for (shift = 0; shift < ALIGNMENTS; shift++) {
        memcpy(moved + shift, plain, full);
        CHECK_INT(check_walk(moved + shift, full, "moved"), MESSAGES);
        CHECK(memcmp(moved + shift, plain, full) == 0);
    }
}

/* Hostile lengths, in each of three messages, with every cut of the buffer behind them. */
TEST(a_length_may_lie)
{
    size_t lies[512], count = 0, k, size, full, i;
    int which;
    for (k = 0; k <= 4 * HEADER + 40; k++)
        lies[count++] = k;
    for (k = 0; k < 40; k++) {
        lies[count++] = SIZE_MAX - k;
        lies[count++] = (size_t)PTRDIFF_MAX - k;
        lies[count++] = (size_t)PTRDIFF_MAX + 1 + k;
        lies[count++] = (size_t)INT_MAX - k;
        lies[count++] = (size_t)UINT_MAX - k;
    }
    for (which = 0; which < 3; which++)
        for (i = 0; i < count; i++) {
            unsigned char buffer[256];
            char name[64];
            snprintf(name, sizeof name, "message %d claims %zu bytes", which, lies[i]);
            for (full = 0, k = 0; k < 3; k++)
                full += forge_lying(buffer + full, SOL_SOCKET, k == 1 ? SCM_CREDENTIALS : SCM_RIGHTS,
                                    (int)k == which ? lies[i] : ANC_LEN(12), three, 12);
            for (size = full - 2 * HEADER - 20; size <= full; size += on_valgrind() ? 7 : 1)
                check_fenced(buffer, size, name);
        }
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

TEST(noise_is_read_inside_its_buffer_and_to_an_end)
{
    int round, rounds = on_valgrind() ? 500 : 20000, longest = 0;
    for (round = 0; round < rounds; round++) {
        unsigned char noise[256];
        size_t size = random_number() % sizeof noise, i;
        int n;
        for (i = 0; i < sizeof noise; i++)
            noise[i] = (unsigned char)random_number();
        /* Mostly lengths that might be, or every walk would end at once. */
        for (i = 0; round % 8 && i + sizeof(struct cmsghdr) <= sizeof noise; i += sizeof(size_t)) {
            struct cmsghdr header = {.cmsg_len = random_number() % 64, .cmsg_level = random_number() % 3,
                                     .cmsg_type = random_number() % 5};
            memcpy(noise + i, &header, sizeof header);
        }
        n = check_fenced(noise, size, "noise");
        longest = n > longest ? n : longest;
    }
    CHECK_CASE(longest >= 3, "the noise never got beyond message %d", longest);
}

/* Whatever stands in the cursor: an offset outside is the end, one inside is read as a message. */
TEST(a_cursor_from_elsewhere_stays_inside_the_buffer)
{
    unsigned char *bytes;
    size_t full, k;
    int i;
    write_guarded(1);
    full = everything(guarded_pages());
    bytes = guarded_end(full);
    everything(bytes);
    write_guarded(0);
    for (i = 0; i < 3; i++)
        for (k = 0; k < 300; k++) {
            const struct msghdr msg = with_control(bytes, full);
            struct anc_cmsg c = {.next = i == 0 ? k : i == 1 ? SIZE_MAX - k : (size_t)PTRDIFF_MAX + 150 - k};
            size_t start = c.next;
            int result = anc_next(&msg, &c);
            if (start > full || full - start < HEADER)
                CHECK_INT(result, 0);
            else if (result == 1)
                CHECK((const unsigned char *)c.data >= bytes && (const unsigned char *)c.data + c.len <= bytes + full);
        }
}

TEST(nothing_can_be_wrong_with_no_control_data)
{
    struct msghdr msg = with_control(NULL, 0);
    char byte = 0;
    struct anc_cmsg c;
    memset(&c, 0, sizeof c);
    CHECK_OK(anc_next(&msg, &c), 0);
    msg = with_control(&byte, 0);
    CHECK_OK(anc_next(&msg, &c), 0);
}

TEST(NULL_is_EFAULT_and_leaves_the_cursor)
{
    unsigned char buffer[1024];
    struct msghdr msg = with_control(buffer, everything(buffer)), lying = with_control(NULL, 1);
    struct anc_cmsg c, before;
    memset(&c, CANARY, sizeof c);
    before = c;
    CHECK_ERRNO(anc_next(NULL, &c), EFAULT);
    CHECK(memcmp(&c, &before, sizeof c) == 0);
    CHECK_ERRNO(anc_next(&msg, NULL), EFAULT);
    CHECK_ERRNO(anc_next(NULL, NULL), EFAULT);
    for (lying.msg_controllen = 0; lying.msg_controllen < HEADER; lying.msg_controllen++)
        CHECK_OK(anc_next(&lying, &c), 0); /* less than a header is the end, wherever it stands */
    CHECK_ERRNO(anc_next(&lying, &c), EFAULT);
    lying.msg_controllen = SIZE_MAX;
    CHECK_ERRNO(anc_next(&lying, &c), EFAULT);
    CHECK(memcmp(&c, &before, sizeof c) == 0);
}

/* anc_get. */

enum { MOST = 40 };

static void check_get(const unsigned char *bytes, size_t size, int level, int type, size_t len, const char *which)
{
    const struct msghdr msg = with_control((void *)bytes, size);
    unsigned char data[MOST + 8], expected[MOST + 8];
    struct expected e = {0, 0, 0, 0, 0, 0};
    size_t at = 0;
    int error = ENOMSG, found, result;
    size_t from = 0;
    memset(data, CANARY, sizeof data);
    memset(expected, CANARY, sizeof expected);
    /* The last of its kind counts. */
    while ((found = expect_at(bytes, size, at, &e)) == 1) {
        if (e.next - at < HEADER + e.len)
            fail(__FILE__, __LINE__, "the specification contradicts itself");
        if (e.level == level && e.type == type) {
            raw_header header;
            memcpy(&header, bytes + at, sizeof header);
            error = header.cmsg_len != ANC_LEN(len) || e.cut > 0 ? EMSGSIZE : 0;
            from = e.data;
        }
        at = e.next % sizeof(size_t) ? e.next + sizeof(size_t) - e.next % sizeof(size_t) : e.next;
    }
    if (found == -1)
        error = EBADMSG;
    if (!error && len > 0)
        memcpy(expected, bytes + from, len);
    errno = 4242;
    result = anc_get(&msg, level, type, len ? data : NULL, len);
    CHECK_CASE(result == (error ? -1 : 0) && errno == (error ? error : 4242), "%s, %zu bytes of level %d, type %d", which,
               len, level, type);
    CHECK_CASE(memcmp(data, expected, sizeof data) == 0, "%s, %zu bytes of level %d, type %d", which, len, level, type);
}

static const int wanted_kinds[][2] = {
    {SOL_SOCKET, SCM_CREDENTIALS}, {SOL_SOCKET, SCM_RIGHTS}, {SOL_SOCKET, SCM_PIDFD}, {4711, -1}, {-1, 4711},
    {SOL_SOCKET, 4711}, {4711, SCM_RIGHTS},
};

TEST(the_data_of_one_kind_are_got_whole_or_not_at_all)
{
    unsigned char buffer[1024];
    size_t full = everything(buffer), size, k, len;
    /* A second of each: the last counts. */
    full += forge(buffer + full, SOL_SOCKET, SCM_CREDENTIALS, "not the first", 12);
    full += forge(buffer + full, SOL_SOCKET, SCM_RIGHTS, three + 1, 4);
    for (size = 0; size <= full; size += on_valgrind() ? 5 : 1) {
        unsigned char *end;
        write_guarded(1);
        end = guarded_end(size);
        memcpy(end, buffer, size);
        write_guarded(0);
        for (k = 0; k < LENGTH(wanted_kinds); k++)
            for (len = 0; len <= MOST; len++)
                check_get(end, size, wanted_kinds[k][0], wanted_kinds[k][1], len, "everything");
    }
}

TEST(a_length_that_lies_is_got_by_nobody)
{
    static const size_t lies[] = {0, 1, 15, 16, 17, 27, 28, 29, 48, 100, INT_MAX, PTRDIFF_MAX, SIZE_MAX - 7, SIZE_MAX};
    size_t i, k, len;
    int which;
    for (which = 0; which < 3; which++)
        for (i = 0; i < LENGTH(lies); i++) {
            unsigned char buffer[256];
            size_t full = 0;
            static const int types[3] = {4711, SCM_CREDENTIALS, SCM_RIGHTS};
            for (k = 0; k < 3; k++)
                full += forge_lying(buffer + full, SOL_SOCKET, types[k], (int)k == which ? lies[i] : ANC_LEN(12), three, 12);
            for (k = 0; k < 3; k++)
                for (len = 0; len <= MOST; len++)
                    check_get(buffer, full, SOL_SOCKET, types[k], len, "a lie");
        }
}

TEST(getting_from_or_to_NULL_is_EFAULT)
{
    unsigned char buffer[1024];
    struct msghdr msg = with_control(buffer, everything(buffer)), lying = with_control(NULL, HEADER);
    struct ucred got;
    CHECK_ERRNO(anc_get(NULL, SOL_SOCKET, SCM_CREDENTIALS, &got, sizeof got), EFAULT);
    CHECK_ERRNO(anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, NULL, sizeof got), EFAULT);
    CHECK_ERRNO(anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, NULL, 0), EMSGSIZE);
    CHECK_OK(anc_get(&msg, -1, 4711, NULL, 0), 0);
    CHECK_ERRNO(anc_get(&lying, SOL_SOCKET, SCM_CREDENTIALS, &got, sizeof got), EFAULT);
    lying.msg_controllen--;
    CHECK_ERRNO(anc_get(&lying, SOL_SOCKET, SCM_CREDENTIALS, &got, sizeof got), ENOMSG);
    CHECK_ERRNO(anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, &got, SIZE_MAX), EMSGSIZE);
}

TEST(credentials_of_the_kernel_are_got)
{
    int t;
    for (t = 0; t < 3; t++) {
        struct message m;
        struct ucred got;
        int pair[2];
        socket_pair(socket_types[t], pair);
        option(pair[1], SO_PASSCRED, 1);
        CHECK_INT(send(pair[0], "xy", 2, 0), 2);
        CHECK_INT(recvmsg(pair[1], receiver(&m, 2, 128), 0), 2);
        CHECK_OK(anc_get(&m.msg, SOL_SOCKET, SCM_CREDENTIALS, &got, sizeof got), 0);
        CHECK(got.pid == getpid() && got.uid == getuid() && got.gid == getgid());
        CHECK_ERRNO(anc_get(&m.msg, SOL_SOCKET, SCM_RIGHTS, &got, 4), ENOMSG);
        CHECK_INT(send(pair[0], "xy", 2, 0), 2);
        CHECK_INT(recvmsg(pair[1], receiver(&m, 2, ANC_LEN(8)), 0), 2);
        CHECK_ERRNO(anc_get(&m.msg, SOL_SOCKET, SCM_CREDENTIALS, &got, sizeof got), EMSGSIZE);
        close_both(pair);
    }
}

/* Cut: too short for what it is. */

struct cut_case {
    int type;
    size_t whole;
};

TEST(a_payload_shorter_than_its_kind_is_cut)
{
    static const struct cut_case cases[] = {
        {SCM_RIGHTS, 4}, {SCM_CREDENTIALS, sizeof(struct ucred)}, {SCM_PIDFD, 4}, {4711, 0},
    };
    static const char zeros[64];
    size_t i, len;
    for (i = 0; i < LENGTH(cases); i++)
        for (len = 0; len <= cases[i].whole + 8; len++) {
            unsigned char buffer[128];
            struct msghdr msg = with_control(buffer, forge(buffer, SOL_SOCKET, cases[i].type, zeros, len));
            struct anc_cmsg c;
            memset(&c, 0, sizeof c);
            CHECK_OK(anc_next(&msg, &c), 1);
            CHECK_CASE(c.cut == (len < cases[i].whole) && c.len == len, "type %d, %zu bytes", cases[i].type, len);
            /* At another level the number says nothing. */
            forge(buffer, 4711, cases[i].type, zeros, len);
            memset(&c, 0, sizeof c);
            CHECK_OK(anc_next(&msg, &c), 1);
            CHECK_INT(c.cut, 0);
        }
}

#ifdef __LP64__
TEST(a_time_stamp_shorter_than_its_kind_is_cut)
{
    static const int types[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, 63, 64};
    static const char zeros[16];
    size_t i, len;
    for (i = 0; i < LENGTH(types); i++)
        for (len = 0; len <= 16; len++) {
            unsigned char buffer[128];
            struct msghdr msg = with_control(buffer, forge(buffer, SOL_SOCKET, types[i], zeros, len));
            struct anc_cmsg c;
            memset(&c, 0, sizeof c);
            CHECK_OK(anc_next(&msg, &c), 1);
            CHECK_CASE(c.cut == (len < 16) && c.len == len, "type %d, %zu bytes", types[i], len);
        }
}
#endif

/* The kernel cuts credentials and stamps bytewise, and says so with MSG_CTRUNC only. */
TEST(what_the_kernel_cut_short_is_cut)
{
    size_t room;
    int t, stamped;
    for (t = 0; t < 3; t++)
        for (stamped = 0; stamped < (t == 0 ? 1 : 2); stamped++) {
            size_t whole = stamped ? sizeof(struct timeval) : sizeof(struct ucred);
            int pair[2];
            socket_pair(socket_types[t], pair);
            option(pair[1], stamped ? SO_TIMESTAMP : SO_PASSCRED, 1);
            for (room = 0; room <= ANC_SPACE(whole) + 1; room++) {
                struct message m;
                struct anc_cmsg c;
                CHECK_INT(send(pair[0], "x", 1, 0), 1);
                CHECK_INT(recvmsg(pair[1], receiver(&m, 1, room), 0), 1);
                CHECK_CASE(!(m.msg.msg_flags & MSG_CTRUNC) == (room >= ANC_LEN(whole)), "%zu bytes", room);
                memset(&c, 0, sizeof c);
                CHECK_INT(anc_next(&m.msg, &c), room >= HEADER);
                CHECK_CASE(room < HEADER || c.type == (stamped ? SO_TIMESTAMP : SCM_CREDENTIALS), "%zu bytes", room);
                if (room < HEADER)
                    continue;
                CHECK_INT(c.len, room - HEADER < whole ? room - HEADER : whole);
                CHECK_CASE(c.cut == (room < ANC_LEN(whole)), "type %d, %zu bytes", c.type, room);
                if (c.len >= sizeof(pid_t) && !stamped)
                    CHECK(memcmp(c.data, &(pid_t){getpid()}, sizeof(pid_t)) == 0);
                CHECK_INT(anc_next(&m.msg, &c), 0);
            }
            close_both(pair);
        }
}

/* Two stamps in one message. The first: SO_TIMESTAMP and SO_TIMESTAMPNS, old and new, from whoever gives
 * them. The second as recorded on i386 with a 64-bit time_t (glibc 2.36, SO_TIMESTAMP_OLD set by number):
 * glibc has appended the wide form itself, unaligned to 8 bytes. */
TEST(both_forms_of_a_time_stamp_are_shown)
{
    static const uint32_t narrow[2] = {0x6b01699f, 0x0003b47b}, wide[4] = {0x6b01699f, 0, 0x0003b47b, 0};
    static const int types[][2] = {{29, 63}, {35, 64}, {29, 35}, {35, 29}, {63, 64}};
    size_t i;
    for (i = 0; i < LENGTH(types); i++) {
        unsigned char buffer[128];
        size_t len = forge(buffer, SOL_SOCKET, types[i][0], narrow, sizeof narrow);
        struct msghdr msg;
        struct anc_cmsg c;
        len += forge(buffer + len, SOL_SOCKET, types[i][1], wide, sizeof wide);
        msg = with_control(buffer, len);
        memset(&c, 0, sizeof c);
        CHECK_OK(anc_next(&msg, &c), 1);
        CHECK(c.level == SOL_SOCKET && c.type == types[i][0] && c.len == 8 && memcmp(c.data, narrow, 8) == 0);
        CHECK_OK(anc_next(&msg, &c), 1);
        CHECK(c.level == SOL_SOCKET && c.type == types[i][1] && c.len == 16 && memcmp(c.data, wide, 16) == 0);
        CHECK_INT(c.cut, 0);
        CHECK_OK(anc_next(&msg, &c), 0);
    }
}

#if __SIZEOF_SIZE_T__ == 4
TEST(the_stamp_that_glibc_appends_on_i386_is_shown)
{
    static const unsigned char recorded[2][48] = {
        {0x14, 0, 0, 0, 1, 0, 0, 0, 0x1d, 0, 0, 0, 0x9f, 0x69, 0x01, 0x6b, 0x7b, 0xb4, 0x03, 0,
         0x1c, 0, 0, 0, 1, 0, 0, 0, 0x3f, 0, 0, 0, 0x9f, 0x69, 0x01, 0x6b, 0, 0, 0, 0, 0x7b, 0xb4, 0x03, 0, 0, 0, 0, 0},
        {0x14, 0, 0, 0, 1, 0, 0, 0, 0x23, 0, 0, 0, 0x9f, 0x69, 0x01, 0x6b, 0xaa, 0xe3, 0x79, 0x0e,
         0x1c, 0, 0, 0, 1, 0, 0, 0, 0x40, 0, 0, 0, 0x9f, 0x69, 0x01, 0x6b, 0, 0, 0, 0, 0xaa, 0xe3, 0x79, 0x0e, 0, 0, 0, 0},
    };
    int i;
    for (i = 0; i < 2; i++) {
        struct msghdr msg = with_control((void *)recorded[i], 48);
        struct anc_cmsg c;
        memset(&c, 0, sizeof c);
        CHECK_OK(anc_next(&msg, &c), 1);
        CHECK(c.type == (i ? 35 : 29) && c.len == 8 && !c.cut);
        CHECK_OK(anc_next(&msg, &c), 1);
        CHECK(c.type == (i ? 64 : 63) && c.len == 16 && !c.cut);
        CHECK_OK(anc_next(&msg, &c), 0);
    }
}
#endif

TEST(a_kind_has_a_name_at_its_level_only)
{
    CHECK(strcmp(anc_name(SOL_SOCKET, SCM_RIGHTS), "SCM_RIGHTS") == 0);
    CHECK(strcmp(anc_name(SOL_SOCKET, SCM_CREDENTIALS), "SCM_CREDENTIALS") == 0);
    CHECK(strcmp(anc_name(SOL_SOCKET, SCM_PIDFD), "SCM_PIDFD") == 0);
    CHECK(anc_name(SOL_SOCKET, 4711) == NULL);
    CHECK(anc_name(4711, SCM_RIGHTS) == NULL);
    CHECK(anc_name(-1, -1) == NULL);
    CHECK(anc_name(INT_MAX, INT_MIN) == NULL);
}

/* Reading takes nothing, and looking twice shows the same. */
TEST(reading_a_received_message_leaves_its_descriptors)
{
    int pair[2], fds[2], seen[2], t;
    new_descriptors(fds, 2);
    for (t = 0; t < 3; t++) {
        struct message m;
        struct anc_cmsg c;
        unsigned char bytes[sizeof m.control];
        int twice;
        socket_pair(socket_types[t], pair);
        CHECK_INT(raw_send(pair[0], "x", 1, fds, 2, 0), 1);
        CHECK_INT(recvmsg(pair[1], receiver(&m, 1, sizeof m.control), MSG_CMSG_CLOEXEC), 1);
        memcpy(bytes, m.control.bytes, sizeof bytes);
        for (twice = 0; twice < 2; twice++) {
            memset(&c, 0, sizeof c);
            CHECK_OK(anc_next(&m.msg, &c), 1);
            CHECK(c.level == SOL_SOCKET && c.type == SCM_RIGHTS && c.len == sizeof seen && !c.cut);
            memcpy(seen, c.data, sizeof seen);
            CHECK(same_file(seen[0], fds[0]) && same_file(seen[1], fds[1]));
            CHECK_OK(anc_next(&m.msg, &c), 0);
        }
        CHECK(memcmp(bytes, m.control.bytes, sizeof bytes) == 0);
        close(seen[0]);
        close(seen[1]);
        close_both(pair);
    }
    close(fds[0]);
    close(fds[1]);
}
