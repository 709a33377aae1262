/* Why a message came short: anc_truncation_cause in front of the kernel, for every control length, with
 * the descriptor table full at every position. The truth is known from what was set up. */
#include "control.h"

enum { PASSCRED = 1, PASSPIDFD = 2, STAMP_OR_INQ = 4, OPTIONS = 8, MOST_FDS = 5, FREE = 1000 };

struct setting {
    int type, options, fds;
    int room;       /* descriptors that the process may still have */
    size_t control; /* the length of the control buffer */
};

struct outcome {
    int flags;
    int reported;   /* descriptors that the message shows, the pidfd among them */
    int installed;  /* descriptors that the process has got */
    int lost_pidfd; /* an error in the pidfd's place */
    int cause;
    uint64_t looks; /* all that the message and the table show, in one number */
};

/* 1, or 0 where the kernel has not got one of them. */
static int set_option(int sock, int name)
{
    const int on = 1;
    int r = setsockopt(sock, SOL_SOCKET, name, &on, sizeof on);
    CHECK(r == 0 || errno == ENOPROTOOPT);
    return r == 0;
}

static int set_options(int sock, int type, int options)
{
    return (!(options & PASSCRED) || set_option(sock, SO_PASSCRED)) &&
           (!(options & PASSPIDFD) || set_option(sock, SO_PASSPIDFD)) &&
           (!(options & STAMP_OR_INQ) || set_option(sock, type == SOCK_STREAM ? SO_INQ : SO_TIMESTAMP));
}

static struct outcome receive(const int pair[2], const struct setting *s)
{
    static const int fds[MOST_FDS] = {0, 1, 2, 0, 1};
    struct message m;
    struct outcome o = {0, 0, 0, 0, 0, 0};
    struct cmsghdr *c;
    int came[ANC_FDS_MAX], before = lowest_free(), fd, i;
    CHECK_INT(raw_send(pair[0], "x", 1, fds, s->fds, 0), 1);
    receiver(&m, 1, s->control);
    if (s->room != FREE)
        allow_only(s->room);
    CHECK_INT(recvmsg(pair[1], &m.msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT), 1);
    errno = 4242;
    o.cause = anc_truncation_cause(&m.msg, s->control);
    CHECK_INT(errno, 4242);
    if (s->room != FREE)
        allow_any();
    o.flags = m.msg.msg_flags & ~MSG_CMSG_CLOEXEC;
    /* The numbers that were free are filled from the lowest on. */
    while (is_open(before + o.installed))
        o.installed++;
    o.reported = rights_in(&m.msg, came);
    for (i = 0; i < o.reported; i++)
        CHECK(came[i] >= before);
    fd = pidfd_in(&m.msg);
    o.reported += fd >= 0;
    o.lost_pidfd = fd < -1;
    o.looks = s->control << 1 | (s->room == o.installed);
    for (c = CMSG_FIRSTHDR(&m.msg); c; c = CMSG_NXTHDR(&m.msg, c))
        o.looks = (o.looks * 97 + (uint64_t)c->cmsg_type) * 4099 + c->cmsg_len;
    o.looks = o.looks << 1 | (uint64_t)o.lost_pidfd;
    anc_close_unclaimed(&m.msg);
    CHECK_INT(lowest_free(), before);
    return o;
}

/* Compiled for and run on 64-bit and 32-bit. */
static size_t full_length(const struct setting *s)
{
    return (s->options & PASSCRED ? ANC_SPACE(sizeof(struct ucred)) : 0) + (s->options & PASSPIDFD ? ANC_SPACE(4) : 0) +
           (s->options & STAMP_OR_INQ ? ANC_SPACE(s->type == SOCK_STREAM ? 4 : 16) : 0) +
           (s->fds ? ANC_FDS_SPACE((size_t)s->fds) : 0);
}

#define WAS                                                                                                 \
    "%s, options %d, %d sent, room %d, control length %zu: flags %#x, %d reported, %d installed, cause %d", \
        type_name(s.type), s.options, s.fds, s.room, s.control, (unsigned)o.flags, o.reported, o.installed, o.cause

/* What was answered, and what the answer may be. */
enum { BUFFER = 1, TABLE = 2 };
struct answer {
    struct setting setting;
    struct outcome outcome;
    int truth;
};
static struct answer *answers;
static int count, undecided, both;

static void note(struct setting s, struct outcome o, int truth)
{
    if (count % 4096 == 0)
        answers = realloc(answers, (size_t)(count + 4096) * sizeof *answers);
    CHECK(answers != NULL);
    answers[count++] = (struct answer){s, o, truth};
}

static void receive_and_note(const int pair[2], struct setting s)
{
    struct setting roomy = s, free_table = s;
    struct outcome o = receive(pair, &s), in_a_large_buffer, in_a_free_table;
    int truth;
    /* KERNEL: at every length the number installed equals the number reported. */
    CHECK_CASE(o.installed == o.reported, WAS);
    if (!(o.flags & MSG_CTRUNC)) {
        CHECK_CASE(o.cause == 0, WAS);
        return;
    }
    /* What would have been lost if only one of the two were short. */
    roomy.control = sizeof(((struct message *)NULL)->control);
    in_a_large_buffer = receive(pair, &roomy);
    free_table.room = FREE;
    in_a_free_table = s.room == FREE ? o : receive(pair, &free_table);
    truth = (in_a_free_table.flags & MSG_CTRUNC ? BUFFER : 0) |
            (in_a_large_buffer.flags & MSG_CTRUNC || in_a_large_buffer.lost_pidfd ? TABLE : 0);
    CHECK_CASE(truth != 0, WAS);
    /* A table that is not full kept nothing out. */
    if (o.installed < s.room)
        truth = BUFFER;
    note(s, o, truth);
}

static void every_length(int type)
{
    struct setting s = {.type = type};
    for (s.options = 0; s.options < OPTIONS; s.options++) {
        int pair[2];
        int can;
        socket_pair(type, pair);
        can = set_options(pair[1], type, s.options);
        for (s.fds = 0; can && s.fds <= MOST_FDS; s.fds++)
            for (s.room = -1; s.room <= s.fds + 1; s.room++)
                for (s.control = 0; s.control <= full_length(&s) + 9; s.control++) {
                    struct setting now = s;
                    if (s.room < 0)
                        now.room = FREE;
                    receive_and_note(pair, now);
                }
        close_both(pair);
    }
}

static int by_looks(const void *a, const void *b)
{
    uint64_t left = ((const struct answer *)a)->outcome.looks, right = ((const struct answer *)b)->outcome.looks;
    return left < right ? -1 : left > right;
}

/* Answers to messages that look the same. Where the truth of some is the buffer alone and of others the
 * table alone, nobody can tell from the message, and either answer will do. */
static void check_group(const struct answer *first, const struct answer *end)
{
    const struct answer *a;
    int buffer_alone = 0, table_alone = 0;
    for (a = first; a < end; a++) {
        buffer_alone |= a->truth == BUFFER;
        table_alone |= a->truth == TABLE;
    }
    for (a = first; a < end; a++) {
        struct setting s = a->setting;
        struct outcome o = a->outcome;
        int may = buffer_alone && table_alone ? BUFFER | TABLE : a->truth;
        if (s.fds == MOST_FDS)
            continue; /* these are here for what they look like: fewer, with a full table */
        CHECK_CASE((o.cause == ENOBUFS && may & BUFFER) || (o.cause == EMFILE && may & TABLE), WAS);
        undecided += buffer_alone && table_alone && a->truth != (BUFFER | TABLE);
        both += a->truth == (BUFFER | TABLE);
    }
}

TEST(the_cause_is_right_wherever_the_message_can_tell)
{
    int t, first, i;
    limits_begin();
    for (t = 0; t < 3; t++)
        every_length(socket_types[t]);
    limits_end();
    qsort(answers, (size_t)count, sizeof *answers, by_looks);
    for (first = 0; first < count; first = i) {
        for (i = first; i < count && answers[i].outcome.looks == answers[first].outcome.looks; i++)
            ;
        check_group(answers + first, answers + i);
    }
    printf("     %d messages with MSG_CTRUNC: for %d both the buffer and the table were short, and %d look like one "
           "of the other cause\n", count, both, undecided);
    free(answers);
}

/* The same with a free table only, which every checker allows. */
TEST(a_short_buffer_is_ENOBUFS)
{
    int t;
    plug_holes();
    for (t = 0; t < 3; t++) {
        struct setting s = {.type = socket_types[t], .room = FREE};
        for (s.options = 0; s.options < OPTIONS; s.options++) {
            int pair[2];
            int can;
            socket_pair(s.type, pair);
            can = set_options(pair[1], s.type, s.options);
            for (s.fds = 0; can && s.fds <= 3; s.fds++)
                for (s.control = 0; s.control <= full_length(&s) + 9; s.control += on_valgrind() ? 5 : 1) {
                    struct outcome o = receive(pair, &s);
                    CHECK_CASE(o.cause == (o.flags & MSG_CTRUNC ? ENOBUFS : 0), WAS);
                    CHECK_CASE(s.control < full_length(&s) || !(o.flags & MSG_CTRUNC), WAS);
                }
            close_both(pair);
        }
    }
    unplug_holes();
}

/* The largest message, cut by the table at every position and in a buffer of the exact length. */
TEST(a_message_of_253_is_cut_by_the_table_or_by_the_buffer)
{
    static const int rooms[] = {0, 1, 2, 100, 251, 252};
    int pair[2], fds[ANC_FDS_MAX] = {0}, came[ANC_FDS_MAX], before, n;
    size_t i;
    limits_begin();
    socket_pair(SOCK_SEQPACKET, pair);
    before = lowest_free();
    for (i = 0; i < LENGTH(rooms); i++) {
        struct message m;
        CHECK_INT(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1);
        allow_only(rooms[i]);
        CHECK_INT(recvmsg(pair[1], receiver(&m, 1, ANC_LEN(ANC_FDS_MAX * sizeof(int))), MSG_CMSG_CLOEXEC), 1);
        CHECK_INT(rights_in(&m.msg, came), rooms[i]);
        CHECK_INT(anc_truncation_cause(&m.msg, ANC_LEN(ANC_FDS_MAX * sizeof(int))), EMFILE);
        allow_any();
        anc_close_unclaimed(&m.msg);
        CHECK_INT(raw_send(pair[0], "x", 1, fds, ANC_FDS_MAX, 0), 1);
        n = rooms[i] + 1;
        CHECK_INT(recvmsg(pair[1], receiver(&m, 1, ANC_LEN((size_t)n * sizeof(int))), MSG_CMSG_CLOEXEC), 1);
        CHECK(rights_in(&m.msg, came) >= n && rights_in(&m.msg, came) <= n + 1);
        CHECK_INT(anc_truncation_cause(&m.msg, ANC_LEN((size_t)n * sizeof(int))), m.msg.msg_flags & MSG_CTRUNC ? ENOBUFS : 0);
        anc_close_unclaimed(&m.msg);
        CHECK_INT(lowest_free(), before);
    }
    close_both(pair);
    limits_end();
}

/* Made by hand: what no kernel here does. */
TEST(neither_the_buffer_nor_the_table_is_EOVERFLOW)
{
    unsigned char buffer[256];
    int fds[3] = {0, 1, 2}, before = lowest_free(), input;
    size_t len = forge(buffer, SOL_SOCKET, SCM_RIGHTS, fds, 4);
    struct msghdr msg = with_control(buffer, len);
    msg.msg_flags = MSG_CTRUNC;
    CHECK_OK(anc_truncation_cause(&msg, sizeof buffer), EOVERFLOW);
    /* The table is probed with standard input. Where that is closed, its number is free. */
    input = duplicate(0);
    close(0);
    CHECK_OK(anc_truncation_cause(&msg, sizeof buffer), EOVERFLOW);
    CHECK(!is_open(0));
    CHECK(dup2(input, 0) == 0);
    close(input);
    msg.msg_controllen = 0;
    CHECK_OK(anc_truncation_cause(&msg, sizeof buffer), EOVERFLOW);
    msg.msg_flags = 0;
    CHECK_OK(anc_truncation_cause(&msg, sizeof buffer), 0);
    msg.msg_flags = MSG_TRUNC | MSG_CMSG_CLOEXEC;
    CHECK_OK(anc_truncation_cause(&msg, sizeof buffer), 0);
    CHECK_OK(anc_truncation_cause(NULL, sizeof buffer), 0);
    msg = with_control(NULL, 0);
    msg.msg_flags = MSG_CTRUNC;
    CHECK_OK(anc_truncation_cause(&msg, 0), ENOBUFS);
    CHECK_INT(lowest_free(), before);
}

TEST(any_buffer_and_any_room_are_survived)
{
    static const size_t rooms[] = {0, 1, 15, 16, 17, 100, PTRDIFF_MAX, SIZE_MAX - 1, SIZE_MAX};
    uint64_t random = 88172645463325252u;
    int round;
    size_t i, r;
    for (round = 0; round < 2000; round++) {
        unsigned char *noise;
        size_t size = (size_t)round % 100;
        struct msghdr msg;
        noise = guarded_end(size);
        for (i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            noise[i] = (unsigned char)(random >> 33);
            if (i % sizeof(struct cmsghdr) < sizeof(size_t))
                noise[i] = i % sizeof(struct cmsghdr) ? 0 : noise[i] % 64;
            else if (i % 4)
                noise[i] = 0;
            else
                noise[i] %= 3;
        }
        msg = with_control(noise, size);
        msg.msg_flags = MSG_CTRUNC;
        for (r = 0; r < LENGTH(rooms); r++) {
            int cause = anc_truncation_cause(&msg, rooms[r]);
            CHECK(cause == ENOBUFS || cause == EOVERFLOW);
        }
    }
}
