/* Taking and closing what stands in a control buffer: anc_take_fds, anc_take_pidfd and
 * anc_close_unclaimed, against a specification, over buffers made by hand and by the kernel. */
#include "control.h"
#include <netinet/in.h>

/* Layouts of control buffers.
 *
 * R an SCM_RIGHTS, P an SCM_PIDFD, with these slots: o an open descriptor, t taken (-1), m and x
 * errors (-EMFILE, the least int). C credentials. U, V kinds whose payload only looks like a
 * descriptor: an unknown type, SCM_RIGHTS's number at another level. '.' one byte more that makes
 * no whole int. */
static const char *const layouts[] = {
    "", "R", "Ro", "Roo", "Rooo", "RoRo", "RooRRo", "RRRo", "Po", "RoPo", "PoRo", "RooPoRo", "CRo", "RoC", "CRooPo",
    "Rt", "Rto", "Rot", "Roto", "Rm", "Rmo", "Rom", "Romo", "RmRo", "Rx", "Rxo", "Roxo", "RttRoPt", "RoPt", "RooPm",
    "CPm", "Pt", "Pm", "Ut", "Uo", "UoRo", "VoRo", "RoUoRo", "RoVo", "RoUoPoVoRo", "Ro.", "Roo.", "R.", "Po.", "P.",
    "RoRoRoRoRo", "PoPo", "RoPoPo", "RooooooPo", "RotmxotmxoPoRotmxo", "C", "CU",
};

enum { MOST = 16, BUFFER = 1024 };

struct slot {
    size_t at;     /* its place in the buffer */
    char carrier;  /* R, P, U or V */
    int holds;
};

struct layout {
    const char *text;
    unsigned char *bytes;
    size_t len;
    struct slot slots[MOST];
    int count;
};

static int slot_value(char c, int file)
{
    return c == 'o' ? duplicate(file) : c == 't' ? -1 : c == 'm' ? -EMFILE : INT_MIN;
}

static size_t lay_message(struct layout *l, size_t at, const char **text, int file)
{
    static const struct ucred somebody = {4711, 1, 2};
    unsigned char payload[MOST * sizeof(int) + 1];
    char carrier = *(*text)++;
    size_t len = 0;
    if (carrier == 'C')
        return forge(l->bytes + at, SOL_SOCKET, SCM_CREDENTIALS, &somebody, sizeof somebody);
    for (; **text && strchr("otmx", **text); ++*text, len += sizeof(int)) {
        struct slot slot = {at + HEADER + len, carrier, slot_value(**text, file)};
        memcpy(payload + len, &slot.holds, sizeof(int));
        l->slots[l->count++] = slot;
    }
    if (**text == '.') {
        payload[len++] = 0;
        ++*text;
    }
    return forge(l->bytes + at, carrier == 'V' ? IPPROTO_IP : SOL_SOCKET,
                 carrier == 'P' ? SCM_PIDFD : carrier == 'U' ? 9999 : SCM_RIGHTS, payload, len);
}

static void lay(struct layout *l, const char *text, unsigned char *bytes, int file)
{
    l->text = text;
    l->bytes = bytes;
    l->len = 0;
    l->count = 0;
    while (*text)
        l->len += lay_message(l, l->len, &text, file);
}

static int holds_now(const struct layout *l, int slot)
{
    int value;
    memcpy(&value, l->bytes + l->slots[slot].at, sizeof value);
    return value;
}

static int is_claimable(const struct slot *slot, const char *carriers)
{
    return slot->holds >= 0 && strchr(carriers, slot->carrier) != NULL;
}

static size_t claimable(const struct layout *l, const char *carriers)
{
    size_t n = 0;
    int i;
    for (i = 0; i < l->count; i++)
        n += is_claimable(&l->slots[i], carriers);
    return n;
}

static void close_layout(const struct layout *l)
{
    int i;
    for (i = 0; i < l->count; i++)
        if (l->slots[i].holds >= 0 && is_open(l->slots[i].holds))
            close(l->slots[i].holds);
}

/* Checks the buffer byte by byte: -1 in the slots of these carriers that held a descriptor, the rest
 * as it was. */
static void check_buffer(const struct layout *l, const unsigned char *before, const char *emptied)
{
    static const int taken = -1;
    unsigned char expected[BUFFER];
    int i;
    memcpy(expected, before, l->len);
    for (i = 0; i < l->count; i++)
        if (is_claimable(&l->slots[i], emptied))
            memcpy(expected + l->slots[i].at, &taken, sizeof taken);
    CHECK_CASE(memcmp(expected, l->bytes, l->len) == 0, "%s", l->text);
}

/* anc_take_fds. */

struct asked {
    size_t max_fds;
    unsigned int flags;
    int without_nfds;
};

/* The specification: 0 or an errno. */
static int expected(const struct layout *l, const struct asked *a)
{
    size_t came = claimable(l, "R");
    if (a->without_nfds && a->max_fds > 0 && !(a->flags & ANC_EXACT))
        return EINVAL;
    if (came > a->max_fds && !(a->flags & ANC_TRIM))
        return ERANGE;
    return came < a->max_fds && (a->flags & ANC_EXACT) ? ENOMSG : 0;
}

static void check_fates(const struct layout *l, const int *slots, size_t handed, int nothing_taken, const char *which)
{
    size_t taken = 0;
    int i;
    for (i = 0; i < l->count; i++) {
        const struct slot *slot = &l->slots[i];
        if (slot->holds < 0)
            continue;
        if (slot->carrier != 'R' || nothing_taken) {
            CHECK_CASE(is_open(slot->holds), "%s", which);
        } else if (taken < handed) {
            CHECK_CASE(slots[taken++] == slot->holds && is_open(slot->holds), "%s", which);
        } else {
            CHECK_CASE(!is_open(slot->holds), "%s", which);
        }
    }
    for (i = (int)taken; i < MOST; i++)
        CHECK_CASE(slots[i] == SLOT_CANARY, "%s", which);
}

static void check_take(const char *text, int shift, const struct asked *a, int file)
{
    static unsigned char buffer[BUFFER + ALIGNMENTS], before[BUFFER];
    struct layout l;
    struct msghdr msg, msg_before;
    size_t nfds = 99, handed;
    int slots[MOST], wanted, result, i, repeated;
    char which[160];
    snprintf(which, sizeof which, "'%s' + %d, %zu asked for, flags %#x, nfds %s", text, shift, a->max_fds, a->flags,
             a->without_nfds ? "NULL" : "given");
    for (i = 0; i < MOST; i++)
        slots[i] = SLOT_CANARY;
    lay(&l, text, buffer + shift, file);
    memcpy(before, l.bytes, l.len);
    msg = msg_before = with_control(l.bytes, l.len);
    wanted = expected(&l, a);
    handed = wanted ? 0 : claimable(&l, "R") < a->max_fds ? claimable(&l, "R") : a->max_fds;
    errno = 4242;
    result = anc_take_fds(&msg, slots, a->max_fds, a->without_nfds ? NULL : &nfds, a->flags);
    CHECK_CASE(result == (wanted ? -1 : 0) && errno == (wanted ? wanted : 4242), "%s", which);
    CHECK_CASE(a->without_nfds || nfds == handed, "%s", which);
    CHECK_CASE(memcmp(&msg, &msg_before, sizeof msg) == 0, "%s", which);
    check_fates(&l, slots, handed, wanted == EINVAL, which);
    check_buffer(&l, before, wanted == EINVAL ? "" : "R");
    /* Again: nothing is left to take, and nothing is closed twice. */
    repeated = duplicate(file);
    if (wanted != EINVAL) {
        nfds = 99;
        CHECK_INT(anc_take_fds(&msg, slots, MOST, &nfds, 0), 0);
        CHECK_CASE(nfds == 0, "%s", which);
        CHECK_CASE(is_open(repeated), "%s", which);
    }
    close(repeated);
    close_layout(&l);
}

static void every_take(int shift)
{
    static const size_t asked_for[] = {0, 1, 2, 3, 4, 5, 7, MOST};
    static const unsigned int flags[] = {0, ANC_EXACT, ANC_TRIM};
    int file = new_descriptor(), before = lowest_free();
    size_t l, n, f;
    int without;
    for (l = 0; l < LENGTH(layouts); l++)
        for (n = 0; n < LENGTH(asked_for); n++)
            for (f = 0; f < LENGTH(flags); f++)
                for (without = 0; without < 2; without++) {
                    struct asked a = {asked_for[n], flags[f], without};
                    check_take(layouts[l], shift, &a, file);
                }
    CHECK_INT(lowest_free(), before);
    close(file);
}

TEST(descriptors_are_taken_in_order_or_closed_as_the_page_says)
{
    every_take(0);
}

TEST(a_control_buffer_may_stand_at_any_address)
{
    int shift;
    for (shift = 1; shift < (on_valgrind() ? 6 : ALIGNMENTS); shift++)
        every_take(shift);
}

TEST(more_slots_than_any_message_can_fill_are_fine)
{
    static const size_t huge[] = {254, (size_t)INT_MAX + 1, PTRDIFF_MAX, SIZE_MAX / 4, SIZE_MAX};
    int file = new_descriptor();
    size_t i;
    for (i = 0; i < LENGTH(huge); i++) {
        unsigned char buffer[BUFFER];
        struct layout l;
        struct msghdr msg;
        int slots[MOST];
        size_t nfds = 99;
        lay(&l, "RooPo", buffer, file);
        msg = with_control(buffer, l.len);
        CHECK_OK(anc_take_fds(&msg, slots, huge[i], &nfds, 0), 0);
        CHECK_INT(nfds, 2);
        CHECK_ERRNO(anc_take_fds(&msg, slots, huge[i], &nfds, ANC_EXACT), ENOMSG);
        close_layout(&l);
    }
    close(file);
}

/* Refusals: nothing is taken, nothing closed. */

struct refusal {
    int has_msg, has_fds;
    size_t max_fds;
    int has_nfds;
    unsigned int flags;
    int error;
};

static void check_refusal(const struct refusal *r, int file)
{
    unsigned char buffer[BUFFER], before[BUFFER];
    struct layout l;
    struct msghdr msg;
    int slots[MOST], i;
    size_t nfds = 99;
    for (i = 0; i < MOST; i++)
        slots[i] = SLOT_CANARY;
    lay(&l, "RooPo", buffer, file);
    memcpy(before, buffer, l.len);
    msg = with_control(buffer, l.len);
    CHECK_ERRNO(anc_take_fds(r->has_msg ? &msg : NULL, r->has_fds ? slots : NULL, r->max_fds,
                             r->has_nfds ? &nfds : NULL, r->flags),
                r->error);
    CHECK_CASE(!r->has_nfds || nfds == 0, "flags %#x", r->flags);
    check_fates(&l, slots, 0, 1, "refused");
    check_buffer(&l, before, "");
    close_layout(&l);
}

TEST(a_refused_take_takes_nothing)
{
    static const struct refusal refusals[] = {
        {0, 1, 2, 1, 0, EFAULT},         {0, 0, 0, 0, 0, EFAULT},
        {0, 1, 2, 0, ANC_EXACT, EFAULT}, {1, 0, 2, 1, 0, EFAULT},
        {1, 0, 1, 1, ANC_TRIM, EFAULT},  {1, 0, 2, 0, ANC_EXACT, EFAULT},
        {1, 0, SIZE_MAX, 1, 0, EFAULT},  {1, 1, 2, 0, 0, EINVAL},
        {1, 1, 1, 0, ANC_TRIM, EINVAL},  {1, 1, 2, 1, ANC_EXACT | ANC_TRIM, EINVAL},
        {1, 1, 0, 0, ANC_EXACT | ANC_TRIM, EINVAL},
    };
    int file = new_descriptor(), bit;
    size_t i;
    for (i = 0; i < LENGTH(refusals); i++)
        check_refusal(&refusals[i], file);
    for (bit = 0; bit < 32; bit++) {
        struct refusal unknown = {1, 1, 2, 1, 1u << bit, EINVAL};
        if (unknown.flags == ANC_EXACT || unknown.flags == ANC_TRIM)
            continue;
        check_refusal(&unknown, file);
        unknown.flags |= ANC_TRIM;
        check_refusal(&unknown, file);
    }
    close(file);
}

TEST(a_message_without_control_data_has_nothing_to_take)
{
    struct msghdr empty = with_control(NULL, 0), lying = with_control(NULL, 4096);
    struct msghdr *both[2] = {&empty, &lying};
    int slots[MOST], i;
    size_t nfds = 99;
    for (i = 0; i < 2; i++) {
        CHECK_OK(anc_take_fds(both[i], slots, MOST, &nfds, 0), 0);
        CHECK_INT(nfds, 0);
        CHECK_OK(anc_take_fds(both[i], NULL, 0, NULL, 0), 0);
        CHECK_ERRNO(anc_take_fds(both[i], slots, 1, NULL, ANC_EXACT), ENOMSG);
        CHECK_ERRNO(anc_take_pidfd(both[i]), ENOMSG);
        anc_close_unclaimed(both[i]);
    }
    anc_close_unclaimed(NULL);
    CHECK_ERRNO(anc_take_pidfd(NULL), EFAULT);
}

/* anc_take_pidfd. */

struct pidfd_case {
    const char *layout;
    int error; /* 0: the pidfd */
};

TEST(the_pidfd_is_taken_once_or_its_error_told)
{
    static const struct pidfd_case cases[] = {
        {"", ENOMSG},    {"Ro", ENOMSG},  {"C", ENOMSG},    {"Uo", ENOMSG},   {"P", ENOMSG},     {"P.", ENOMSG},
        {"Pt", ENOMSG},  {"RoPt", ENOMSG}, {"Pm", EMFILE},  {"CRoPm", EMFILE}, {"Po", 0},        {"RoPo", 0},
        {"PoRo", 0},     {"CRttPo", 0},   {"UoPo", 0},      {"Po.", 0},
    };
    int file = new_descriptor(), shift, repeat;
    size_t i;
    for (i = 0; i < LENGTH(cases); i++)
        for (shift = 0; shift < ALIGNMENTS; shift++) {
            unsigned char buffer[BUFFER + ALIGNMENTS], before[BUFFER];
            struct layout l;
            struct msghdr msg;
            int pidfd;
            lay(&l, cases[i].layout, buffer + shift, file);
            memcpy(before, l.bytes, l.len);
            msg = with_control(l.bytes, l.len);
            errno = 4242;
            pidfd = anc_take_pidfd(&msg);
            if (cases[i].error) {
                CHECK_CASE(pidfd == -1 && errno == cases[i].error, "%s", l.text);
                check_buffer(&l, before, "");
            } else {
                CHECK_CASE(pidfd >= 0 && errno == 4242 && is_open(pidfd), "%s", l.text);
                check_buffer(&l, before, "P");
            }
            for (repeat = 0; repeat < 2; repeat++)
                CHECK_ERRNO(anc_take_pidfd(&msg), cases[i].error == EMFILE ? EMFILE : ENOMSG);
            close_layout(&l);
        }
    close(file);
}

TEST(every_error_that_the_kernel_may_put_in_the_pidfds_place_is_told)
{
    /* -1 is no EPERM: it marks what was taken. */
    static const int holds[] = {-ENOENT, -ESRCH, -ENOMEM, -EACCES, -EINVAL, -ENFILE, -EMFILE, -4095};
    size_t i;
    for (i = 0; i < LENGTH(holds); i++) {
        unsigned char buffer[ANC_SPACE(4)];
        struct msghdr msg = with_control(buffer, forge(buffer, SOL_SOCKET, SCM_PIDFD, &holds[i], 4));
        CHECK_ERRNO(anc_take_pidfd(&msg), -holds[i]);
        CHECK_ERRNO(anc_take_pidfd(&msg), -holds[i]);
        anc_close_unclaimed(&msg);
        CHECK_ERRNO(anc_take_pidfd(&msg), -holds[i]);
    }
}

TEST(a_pidfd_survives_a_take_that_fails)
{
    static const struct asked failing[] = {{1, 0, 0}, {0, 0, 0}, {5, ANC_EXACT, 0}, {1, ANC_EXACT, 0}};
    int file = new_descriptor(), pidfd, slots[MOST];
    size_t i, nfds;
    for (i = 0; i < LENGTH(failing); i++) {
        unsigned char buffer[BUFFER];
        struct layout l;
        struct msghdr msg;
        lay(&l, "RoPoRoo", buffer, file);
        msg = with_control(buffer, l.len);
        CHECK_ERRNO(anc_take_fds(&msg, slots, failing[i].max_fds, &nfds, failing[i].flags),
                    failing[i].flags && failing[i].max_fds > 3 ? ENOMSG : ERANGE);
        CHECK_OK(pidfd = anc_take_pidfd(&msg), l.slots[1].holds);
        CHECK(same_file(file, pidfd));
        close(pidfd);
        CHECK(!is_open(l.slots[0].holds) && !is_open(l.slots[2].holds) && !is_open(l.slots[3].holds));
    }
    close(file);
}

/* anc_close_unclaimed. */

TEST(what_nobody_took_is_closed_once)
{
    int file = new_descriptor(), before = lowest_free(), shift, i, repeat;
    size_t n;
    for (n = 0; n < LENGTH(layouts); n++)
        for (shift = 0; shift < (on_valgrind() ? 2 : ALIGNMENTS); shift++) {
            unsigned char buffer[BUFFER + ALIGNMENTS], bytes[BUFFER];
            int again[MOST];
            struct layout l;
            struct msghdr msg, msg_before;
            lay(&l, layouts[n], buffer + shift, file);
            memcpy(bytes, l.bytes, l.len);
            msg = msg_before = with_control(l.bytes, l.len);
            errno = 4242;
            anc_close_unclaimed(&msg);
            CHECK_INT(errno, 4242);
            CHECK_CASE(memcmp(&msg, &msg_before, sizeof msg) == 0, "%s", l.text);
            check_buffer(&l, bytes, "RP");
            for (i = 0; i < l.count; i++)
                if (l.slots[i].holds >= 0)
                    CHECK_CASE(is_open(l.slots[i].holds) == !is_claimable(&l.slots[i], "RP"), "%s", l.text);
            /* The same numbers in somebody else's hands. */
            for (i = 0; i < MOST; i++)
                again[i] = duplicate(file);
            for (repeat = 0; repeat < 2; repeat++)
                anc_close_unclaimed(&msg);
            for (i = 0; i < MOST; i++)
                CHECK_CASE(close(again[i]) == 0, "%s", l.text);
            check_buffer(&l, bytes, "RP");
            for (i = 0; i < l.count; i++)
                if (!is_claimable(&l.slots[i], "RP") && l.slots[i].holds >= 0)
                    close(l.slots[i].holds);
        }
    CHECK_INT(lowest_free(), before);
    close(file);
}

TEST(what_was_taken_by_hand_is_left_alone)
{
    static const int taken = -1;
    int file = new_descriptor(), which, i, slots[MOST];
    size_t nfds;
    for (which = 0; which < 4; which++) {
        unsigned char buffer[BUFFER];
        struct layout l;
        struct msghdr msg;
        lay(&l, "RooRoPo", buffer, file);
        memcpy(buffer + l.slots[which].at, &taken, sizeof taken);
        msg = with_control(buffer, l.len);
        CHECK_OK(anc_take_fds(&msg, slots, which % 2 ? 3 : 0, &nfds, ANC_TRIM), 0);
        CHECK_INT(nfds, which == 3 ? 3 : which % 2 ? 2 : 0);
        anc_close_unclaimed(&msg);
        CHECK(is_open(l.slots[which].holds));
        for (i = 0; i < 4; i++)
            CHECK_CASE(holds_now(&l, i) == -1, "%d", i);
        close_layout(&l);
    }
    close(file);
}

/* A length below its header ends the buffer: what stands behind it can't be told from noise. */
TEST(closing_goes_as_far_as_the_buffer_is_well_formed)
{
    size_t bad;
    int file = new_descriptor();
    for (bad = 0; bad < sizeof(struct cmsghdr); bad++) {
        unsigned char buffer[BUFFER];
        int fds[3], slots[MOST];
        size_t len, nfds;
        struct msghdr msg;
        fds[0] = duplicate(file);
        fds[1] = duplicate(file);
        fds[2] = duplicate(file);
        len = forge(buffer, SOL_SOCKET, SCM_RIGHTS, fds, 4);
        len += forge_lying(buffer + len, SOL_SOCKET, SCM_RIGHTS, bad, fds + 1, 4);
        len += forge(buffer + len, SOL_SOCKET, SCM_RIGHTS, fds + 2, 4);
        msg = with_control(buffer, len);
        if (bad % 2) {
            CHECK_OK(anc_take_fds(&msg, slots, MOST, &nfds, 0), 0);
            CHECK_INT(nfds, 1);
            close(slots[0]);
        } else {
            anc_close_unclaimed(&msg);
        }
        CHECK(!is_open(fds[0]) && is_open(fds[1]) && is_open(fds[2]));
        close(fds[1]);
        close(fds[2]);
    }
    close(file);
}

/* On pages that fault behind the buffer: a length that promises more gives what is there. */
TEST(a_length_beyond_the_buffer_gives_the_descriptors_that_are_there)
{
    static const size_t beyond[] = {1, 4, 8, 100, INT_MAX, PTRDIFF_MAX, SIZE_MAX};
    int file = new_descriptor(), slots[MOST], way, whole;
    size_t i, tail, nfds;
    for (i = 0; i < LENGTH(beyond); i++)
        for (way = 0; way < 2; way++)
            for (whole = 0; whole < 3; whole++)
                for (tail = 0; tail < 4; tail++) {
                    unsigned char buffer[ANC_SPACE(16)], *end;
                    int fds[4] = {-1, -1, -1, -1}, k;
                    size_t len = ANC_LEN((size_t)whole * 4 + tail), lie = len + beyond[i];
                    struct msghdr msg;
                    for (k = 0; k < whole; k++)
                        fds[k] = duplicate(file);
                    fds[whole] = file; /* cut: not to be closed */
                    forge_lying(buffer, SOL_SOCKET, SCM_RIGHTS, lie < len ? SIZE_MAX : lie, fds, sizeof fds);
                    end = guarded_end(len);
                    memcpy(end, buffer, len);
                    msg = with_control(end, len);
                    if (way) {
                        CHECK_OK(anc_take_fds(&msg, slots, MOST, &nfds, 0), 0);
                        CHECK_INT(nfds, whole);
                        anc_close_fds(slots, nfds);
                    } else {
                        anc_close_unclaimed(&msg);
                    }
                    for (k = 0; k < whole; k++)
                        CHECK(!is_open(fds[k]));
                    CHECK(is_open(file));
                }
    close(file);
}

TEST(closing_keeps_errno_even_where_close_fails)
{
    int fd = new_descriptor(), numbers[3];
    unsigned char buffer[ANC_FDS_SPACE(3)];
    struct msghdr msg;
    numbers[0] = fd;
    numbers[1] = NO_DESCRIPTOR;
    numbers[2] = NO_DESCRIPTOR + 2;
    msg = with_control(buffer, forge(buffer, SOL_SOCKET, SCM_RIGHTS, numbers, sizeof numbers));
    errno = 4242;
    anc_close_unclaimed(&msg);
    CHECK_INT(errno, 4242);
    CHECK(!is_open(fd));
}

static void *take_and_close_when_cancelled(void *arg)
{
    struct msghdr *msgs = arg;
    static int slots[MOST]; /* not on the stack that is unwound, which confuses a checker */
    static size_t nfds;
    pthread_cancel(pthread_self());
    anc_close_unclaimed(&msgs[0]);
    anc_take_fds(&msgs[1], slots, 1, &nfds, 0);
    anc_take_fds(&msgs[2], slots, 0, NULL, ANC_TRIM);
    msgs[0].msg_flags = 1;
    pthread_testcancel();
    return NULL;
}

TEST(a_cancelled_thread_still_closes_everything)
{
    int file = new_descriptor(), before = lowest_free(), i;
    unsigned char buffers[3][BUFFER];
    struct layout l;
    struct msghdr msgs[3];
    pthread_t thread;
    void *result;
    for (i = 0; i < 3; i++) {
        lay(&l, "RoRoooRo", buffers[i], file);
        msgs[i] = with_control(buffers[i], l.len);
    }
    CHECK(pthread_create(&thread, NULL, take_and_close_when_cancelled, msgs) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK_INT(msgs[0].msg_flags, 1);
    CHECK_INT(lowest_free(), before);
    close(file);
}

/* What the kernel brings. */

static void from_the_kernel(int type, int n, int shift)
{
    static unsigned char control[4096 + ALIGNMENTS];
    int pair[2], sent[ANC_FDS_MAX], got[ANC_FDS_MAX], i, pidfd, before;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = with_control(control + shift, 4096);
    size_t nfds;
    socket_pair(type, pair);
    accept_pidfds(pair[1]);
    option(pair[1], SO_PASSCRED, 1);
    option(pair[1], SO_TIMESTAMP, 1);
    new_descriptors(sent, n);
    before = lowest_free();
    CHECK_INT(raw_send(pair[0], "x", 1, sent, n, 0), 1);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    CHECK_INT(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC), 1);
    CHECK_OK(anc_take_fds(&msg, got, ANC_FDS_MAX, &nfds, 0), 0);
    CHECK_INT(nfds, n);
    for (i = 0; i < n; i++)
        CHECK(same_file(sent[i], got[i]));
    if (shift % 2) {
        pidfd = anc_take_pidfd(&msg);
        CHECK(pidfd >= 0 && is_cloexec(pidfd));
        CHECK_INT(pid_of(pidfd), getpid());
        CHECK_ERRNO(anc_take_pidfd(&msg), ENOMSG);
        close(pidfd);
    } else {
        CHECK(is_open(pidfd_in(&msg)));
    }
    anc_close_unclaimed(&msg);
    anc_close_unclaimed(&msg);
    anc_close_fds(got, nfds);
    CHECK_INT(lowest_free(), before);
    anc_close_fds(sent, (size_t)n);
    close_both(pair);
}

TEST(what_a_socket_brings_is_taken_or_closed)
{
    static const int counts[] = {0, 1, 2, 3, 64, ANC_FDS_MAX};
    size_t t, n;
    int shift;
    for (t = 0; t < 3; t++)
        for (n = 0; n < LENGTH(counts); n++)
            for (shift = 0; shift < (counts[n] > 3 ? 2 : ALIGNMENTS); shift++)
                from_the_kernel(socket_types[t], counts[n], shift);
}

TEST(a_pidfd_that_found_the_table_full_is_EMFILE)
{
    int t;
    limits_begin();
    for (t = 0; t < 3; t++) {
        struct message m;
        int pair[2], before;
        socket_pair(socket_types[t], pair);
        accept_pidfds(pair[1]);
        before = lowest_free();
        CHECK_INT(send(pair[0], "x", 1, 0), 1);
        allow_only(0);
        CHECK_INT(recvmsg(pair[1], receiver(&m, 1, sizeof m.control), MSG_CMSG_CLOEXEC), 1);
        CHECK_INT(pidfd_in(&m.msg), -EMFILE);
        CHECK_ERRNO(anc_take_pidfd(&m.msg), EMFILE);
        allow_any();
        anc_close_unclaimed(&m.msg);
        CHECK_ERRNO(anc_take_pidfd(&m.msg), EMFILE);
        CHECK_INT(lowest_free(), before);
        close_both(pair);
    }
    limits_end();
}

/* Numbers written over their own slots would stand there as if nobody had taken them. */
TEST(slots_in_the_control_buffer_itself_are_refused)
{
    int pair[2], fd = new_descriptor();
    char byte, control[ANC_SPACE(sizeof(int))] __attribute__((aligned(8)));
    struct iovec iov = {&byte, 1};
    struct msghdr msg;
    size_t nfds = 99;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(anc_send_fd(pair[0], fd, 0), 0);
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control;
    msg.msg_controllen = sizeof control;
    CHECK_INT(anc_recvmsg(pair[1], &msg, 0), 1);
    CHECK_ERRNO(anc_take_fds(&msg, (int *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&msg)), 1, &nfds, 0), EINVAL);
    CHECK_INT(nfds, 0);
    anc_close_unclaimed(&msg);
    close(fd);
    close_both(pair);
}
