/* The descriptor queue: order, room, sliding, contradictions; and a random run against an array. */
#include "control.h"

enum { SLOTS = 8 };

/* Each of the two calls in turn. */
static ssize_t receive(struct anc_fd_queue *q, int sock, char *buf, size_t len, size_t max_fds, unsigned int flags)
{
    static int turn;
    struct iovec iov = {buf, len};
    return turn++ % 2 ? anc_fd_queue_recvv(q, sock, &iov, 1, max_fds, flags)
                      : anc_fd_queue_recv(q, sock, buf, len, max_fds, flags);
}

static void send_some(int sock, const char *text, const int *fds, int n)
{
    CHECK_INT(raw_send(sock, text, strlen(text), fds, n, 0), strlen(text));
}

static void expect_next(struct anc_fd_queue *q, int file)
{
    int fd = anc_fd_queue_take(q);
    CHECK(fd >= 0 && is_cloexec(fd) && same_file(fd, file));
    close(fd);
}

TEST(descriptors_are_dealt_out_in_the_order_in_which_they_were_sent)
{
    int t, i;
    for (t = 0; t < 3; t++) {
        int pair[2], files[6], slots[SLOTS];
        char buf[8];
        struct anc_fd_queue q;
        socket_pair(socket_types[t], pair);
        new_descriptors(files, 6);
        anc_fd_queue_init(&q, slots, SLOTS);
        CHECK(q.slots == slots && q.size == SLOTS && q.head == 0 && q.count == 0 && q.reserved == 0);
        send_some(pair[0], "one", files, 1);
        send_some(pair[0], "none", files, 0);
        send_some(pair[0], "three", files + 1, 3);
        send_some(pair[0], "two", files + 4, 2);
        for (i = 0; q.count < 6; i++)
            CHECK(receive(&q, pair[1], buf, sizeof buf, SLOTS - q.count, ANC_DONTWAIT) > 0);
        CHECK(i >= 3);
        for (i = 0; i < 6; i++) {
            CHECK_INT(q.count, 6 - i);
            expect_next(&q, files[i]);
        }
        CHECK_ERRNO(anc_fd_queue_take(&q), ENOMSG);
        anc_close_fds(files, 6);
        close_both(pair);
    }
}

/* Every head and every count, and from there every number of descriptors. */
TEST(queued_descriptors_slide_to_make_room)
{
    int pair[2], file = new_descriptor(), extra, before = lowest_free();
    uint32_t head, count;
    socket_pair(SOCK_SEQPACKET, pair);
    before = lowest_free();
    for (head = 0; head < SLOTS; head++)
        for (count = 0; head + count <= SLOTS; count++)
            for (extra = 0; extra <= SLOTS; extra++) {
                int slots[SLOTS + 2], expected[SLOTS], copies[SLOTS], i;
                struct anc_fd_queue q = {slots + 1, SLOTS, head, count, 0};
                char byte;
                for (i = 0; i < SLOTS + 2; i++)
                    slots[i] = SLOT_CANARY;
                for (i = 0; i < (int)count; i++)
                    expected[i] = slots[1 + (int)head + i] = duplicate(file);
                for (i = 0; i < extra; i++)
                    copies[i] = file;
                send_some(pair[0], "x", copies, extra);
                if ((int)count + extra > SLOTS) {
                    CHECK_ERRNO(receive(&q, pair[1], &byte, 1, (size_t)extra, 0), ENOBUFS);
                    CHECK(q.head == head && q.count == count);
                    EXPECT(pair[1], "x", copies, extra);
                    extra = SLOTS; /* more would be the same */
                } else {
                    CHECK_OK(receive(&q, pair[1], &byte, 1, (size_t)extra, 0), 1);
                    CHECK_INT(q.count, (int)count + extra);
                    CHECK(q.slots == slots + 1 && q.size == SLOTS && q.head + q.count <= q.size);
                }
                CHECK(slots[0] == SLOT_CANARY && slots[SLOTS + 1] == SLOT_CANARY);
                for (i = 0; i < (int)count; i++) {
                    CHECK_INT(anc_fd_queue_take(&q), expected[i]);
                    close(expected[i]);
                }
                while (q.count > 0)
                    expect_next(&q, file);
                CHECK_INT(lowest_free(), before);
            }
    close(file);
    close_both(pair);
}

/* From every head with every count, every number: the oldest, in order, or none at all. */
TEST(several_are_taken_whole_or_not_at_all)
{
    static const size_t huge[] = {SLOTS + 1, UINT_MAX, (size_t)UINT_MAX + 1, PTRDIFF_MAX, SIZE_MAX};
    uint32_t head, count;
    size_t n, i;
    for (head = 0; head < SLOTS; head++)
        for (count = 0; head + count <= SLOTS; count++)
            for (n = 0; n <= SLOTS + LENGTH(huge); n++) {
                int slots[SLOTS], got[SLOTS + 1];
                struct anc_fd_queue q = {slots, SLOTS, head, count, 0};
                size_t asked = n > SLOTS ? huge[n - SLOTS - 1] : n;
                for (i = 0; i < SLOTS; i++)
                    slots[i] = NO_DESCRIPTOR + (int)i;
                for (i = 0; i <= SLOTS; i++)
                    got[i] = SLOT_CANARY;
                if (asked > count) {
                    CHECK_ERRNO(anc_fd_queue_take_fds(&q, got, asked), ENOMSG);
                    CHECK(q.head == head && q.count == count && got[0] == SLOT_CANARY);
                    CHECK_ERRNO(anc_fd_queue_take_fds(&q, NULL, asked), EFAULT);
                    continue;
                }
                CHECK_OK(anc_fd_queue_take_fds(&q, asked ? got : NULL, asked), 0);
                CHECK_INT(q.count, count - asked);
                for (i = 0; i < asked; i++)
                    CHECK_INT(got[i], NO_DESCRIPTOR + (int)(head + i));
                CHECK_INT(got[asked], SLOT_CANARY);
                for (; i < count; i++)
                    CHECK_INT(anc_fd_queue_take(&q), NO_DESCRIPTOR + (int)(head + i));
                CHECK_ERRNO(anc_fd_queue_take(&q), ENOMSG);
            }
}

TEST(too_few_free_slots_are_ENOBUFS_before_anything_is_read)
{
    static const size_t asked[] = {SLOTS + 1, ANC_FDS_MAX, SIZE_MAX > UINT_MAX ? SIZE_MAX - UINT_MAX : SIZE_MAX, SIZE_MAX};
    int t, file = new_descriptor();
    size_t i;
    for (t = 0; t < 3; t++) {
        int pair[2], slots[SLOTS];
        struct anc_fd_queue q;
        char byte;
        socket_pair(socket_types[t], pair);
        anc_fd_queue_init(&q, slots, SLOTS);
        send_some(pair[0], "text", &file, 1);
        for (i = 0; i < LENGTH(asked); i++)
            CHECK_ERRNO(receive(&q, pair[1], &byte, 1, asked[i], 0), ENOBUFS);
        anc_fd_queue_init(&q, NULL, 0);
        CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 1, 0), ENOBUFS);
        EXPECT(pair[1], "text", &file, 1);
        close_both(pair);
    }
    close(file);
}

TEST(a_queue_without_slots_takes_bytes_only)
{
    static const size_t sizes[] = {0, 1, SLOTS, SIZE_MAX};
    int pair[2], file = new_descriptor();
    size_t i;
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < LENGTH(sizes); i++) {
        struct anc_fd_queue q;
        char buf[8];
        anc_fd_queue_init(&q, NULL, sizes[i]);
        CHECK(q.slots == NULL && q.size == 0 && q.head == 0 && q.count == 0);
        send_some(pair[0], "plain", NULL, 0);
        CHECK_OK(receive(&q, pair[1], buf, sizeof buf, 0, 0), 5);
        send_some(pair[0], "more", &file, 1);
        CHECK_ERRNO(receive(&q, pair[1], buf, sizeof buf, 0, 0), ERANGE);
        CHECK_ERRNO(anc_fd_queue_take(&q), ENOMSG);
        anc_fd_queue_close(&q);
    }
    close(file);
    close_both(pair);
}

/* As many as a queue can count. */
TEST(more_slots_than_a_queue_counts_are_not_used)
{
    int slot;
    struct anc_fd_queue q;
    anc_fd_queue_init(&q, &slot, (size_t)UINT_MAX - 1);
    CHECK_INT(q.size, UINT_MAX - 1);
    anc_fd_queue_init(&q, &slot, UINT_MAX);
    CHECK_INT(q.size, UINT_MAX);
    anc_fd_queue_init(&q, &slot, SIZE_MAX);
    CHECK_INT(q.size, UINT_MAX);
    if (SIZE_MAX > UINT_MAX) {
        anc_fd_queue_init(&q, &slot, SIZE_MAX - UINT_MAX);
        CHECK_INT(q.size, UINT_MAX);
    }
    anc_fd_queue_init(NULL, &slot, 1);
}

TEST(a_queue_that_contradicts_itself_is_EINVAL_and_touched_by_nobody)
{
    static const uint32_t bad[][3] = { /* size, head, count */
        {0, 1, 0}, {0, 0, 1}, {SLOTS, SLOTS + 1, 0}, {SLOTS, SLOTS, 1}, {SLOTS, 1, SLOTS}, {SLOTS, 0, SLOTS + 1},
        {SLOTS, UINT_MAX, 1}, {SLOTS, 1, UINT_MAX}, {SLOTS, UINT_MAX, UINT_MAX}, {SLOTS, 0x80000000u, 0x80000000u},
    };
    int pair[2], slots[SLOTS], file = new_descriptor(), i, without;
    char byte;
    size_t n;
    socket_pair(SOCK_STREAM, pair);
    send_some(pair[0], "text", &file, 1);
    for (without = 0; without < 2; without++)
        for (n = 0; n < LENGTH(bad) + (size_t)without; n++) {
            struct anc_fd_queue q = {without ? NULL : slots, SLOTS, 0, 1, 0}, before;
            if (n < LENGTH(bad)) {
                q.size = bad[n][0];
                q.head = bad[n][1];
                q.count = bad[n][2];
            }
            for (i = 0; i < SLOTS; i++)
                slots[i] = file;
            before = q;
            CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 0, 0), EINVAL);
            CHECK_ERRNO(anc_fd_queue_take(&q), EINVAL);
            CHECK_ERRNO(anc_fd_queue_take_fds(&q, &i, 1), EINVAL);
            CHECK_ERRNO(anc_fd_queue_take_fds(&q, NULL, 0), EINVAL);
            errno = 4242;
            anc_fd_queue_close(&q);
            CHECK_INT(errno, 4242);
            CHECK(memcmp(&q, &before, sizeof q) == 0 && is_open(file));
        }
    CHECK_ERRNO(anc_fd_queue_take(NULL), EFAULT);
    for (i = 0; i < 2; i++)
        CHECK_ERRNO(receive(NULL, pair[1], &byte, 1, 0, 0), EFAULT);
    CHECK_ERRNO(anc_fd_queue_take_fds(NULL, &i, 1), EFAULT);
    CHECK_ERRNO(anc_fd_queue_take_fds(NULL, NULL, 0), EFAULT);
    anc_fd_queue_close(NULL);
    EXPECT(pair[1], "text", &file, 1);
    close(file);
    close_both(pair);
}

TEST(a_queue_is_closed_whole_and_used_on)
{
    int pair[2], slots[SLOTS], file = new_descriptor(), copies[SLOTS], n, taken, i, before;
    char byte;
    struct anc_fd_queue q;
    for (i = 0; i < SLOTS; i++)
        copies[i] = file;
    socket_pair(SOCK_SEQPACKET, pair);
    before = lowest_free();
    anc_fd_queue_init(&q, slots, SLOTS);
    for (n = 0; n <= SLOTS; n++)
        for (taken = 0; taken <= n; taken++) {
            send_some(pair[0], "x", copies, n);
            CHECK_OK(receive(&q, pair[1], &byte, 1, (size_t)n, 0), 1);
            for (i = 0; i < taken; i++)
                expect_next(&q, file);
            errno = 4242;
            anc_fd_queue_close(&q);
            CHECK_INT(errno, 4242);
            CHECK_INT(q.count, 0);
            CHECK_INT(lowest_free(), before);
            i = duplicate(file); /* again: closes nobody else's */
            anc_fd_queue_close(&q);
            CHECK(is_open(i));
            close(i);
            CHECK_ERRNO(anc_fd_queue_take(&q), ENOMSG);
        }
    close(file);
    close_both(pair);
}

/* Flags and failures: as anc_recvv_fds, with nothing queued. */

struct asked {
    unsigned int flags;
    size_t max_fds;
    int came;
    int result; /* the count, or an errno as a negative number */
    int queued;
};

TEST(the_flags_mean_what_they_mean_everywhere)
{
    static const struct asked cases[] = {
        {0, 2, 2, 4, 2}, {0, 2, 1, 4, 1}, {0, 2, 3, -ERANGE, 0}, {0, 0, 1, -ERANGE, 0}, {0, 0, 0, 4, 0},
        {ANC_TRIM, 2, 3, 4, 2}, {ANC_TRIM, 0, 3, 4, 0}, {ANC_TRIM, 4, 3, 4, 3},
        {ANC_EXACT, 2, 2, 4, 2}, {ANC_EXACT, 2, 1, -ENOMSG, 0}, {ANC_EXACT, 2, 3, -ERANGE, 0}, {ANC_EXACT, 2, 0, -ENOMSG, 0},
        {ANC_ALL, 2, 2, 4, 2}, {ANC_ALL, 2, 3, -ERANGE, 0}, {ANC_ALL | ANC_TRIM, 2, 3, 4, 2},
        {ANC_ALL | ANC_EXACT, 3, 2, -ENOMSG, 0}, {ANC_DONTWAIT, 2, 2, 4, 2},
    };
    int t, file = new_descriptor(), queued, i;
    size_t n;
    for (t = 0; t < 3; t++)
        for (n = 0; n < LENGTH(cases); n++)
            for (queued = 0; queued < 3; queued++) {
                const struct asked *a = &cases[n];
                int pair[2], slots[SLOTS], copies[SLOTS], before;
                char buf[4];
                struct anc_fd_queue q;
                socket_pair(socket_types[t], pair);
                before = open_descriptors();
                anc_fd_queue_init(&q, slots, SLOTS);
                for (i = 0; i < SLOTS; i++)
                    copies[i] = file;
                if (queued > 0) {
                    send_some(pair[0], "four", copies, queued);
                    CHECK_OK(receive(&q, pair[1], buf, 4, (size_t)queued, 0), 4);
                }
                send_some(pair[0], "four", copies, a->came);
                if (a->result < 0)
                    CHECK_ERRNO(receive(&q, pair[1], buf, 4, a->max_fds, a->flags), -a->result);
                else
                    CHECK_OK(receive(&q, pair[1], buf, 4, a->max_fds, a->flags), a->result);
                CHECK_CASE((int)q.count == queued + a->queued, "case %zu on %s", n, type_name(socket_types[t]));
                CHECK_INT(open_descriptors(), before + queued + a->queued);
                while (q.count > 0)
                    expect_next(&q, file);
                CHECK_INT(open_descriptors(), before);
                EXPECT_NOTHING(pair[1]);
                close_both(pair);
            }
    close(file);
}

TEST(a_refused_receive_reads_nothing)
{
    int pair[2], slots[SLOTS], file = new_descriptor(), bit;
    char byte;
    struct iovec part = {&byte, 1}, nowhere = {NULL, 1};
    struct anc_fd_queue q;
    socket_pair(SOCK_STREAM, pair);
    anc_fd_queue_init(&q, slots, SLOTS);
    send_some(pair[0], "text", &file, 1);
    for (bit = 0; bit < 32; bit++)
        if (!((1u << bit) & (ANC_DONTWAIT | ANC_ALL | ANC_EXACT | ANC_TRIM)))
            CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 1, 1u << bit), EINVAL);
    CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 1, ANC_EXACT | ANC_TRIM), EINVAL);
    CHECK_ERRNO(receive(&q, pair[1], &byte, 0, 1, 0), EINVAL);
    CHECK_ERRNO(anc_fd_queue_recvv(&q, pair[1], &part, -1, 1, 0), EINVAL);
    CHECK_ERRNO(anc_fd_queue_recvv(&q, pair[1], &part, 1025, 1, 0), EINVAL);
    CHECK_ERRNO(anc_fd_queue_recvv(&q, pair[1], NULL, 1, 1, 0), EFAULT);
    CHECK_ERRNO(anc_fd_queue_recv(&q, pair[1], NULL, 1, 1, 0), EFAULT);
    CHECK_ERRNO(anc_fd_queue_recv(&q, pair[1], &byte, 0, 1, 0), EINVAL);
    CHECK_ERRNO(anc_fd_queue_recvv(&q, pair[1], &nowhere, 1, 1, 0), EFAULT);
    CHECK_ERRNO(receive(&q, -1, &byte, 1, 1, 0), EBADF);
    CHECK(q.count == 0 && q.head == 0);
    EXPECT(pair[1], "text", &file, 1);
    CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 1, ANC_DONTWAIT), EAGAIN);
    close(file);
    close_both(pair);
}

TEST(end_of_file_is_0_with_an_unchanged_count)
{
    int pair[2], slots[SLOTS], file = new_descriptor(), two[2];
    char byte;
    struct anc_fd_queue q;
    two[0] = two[1] = file;
    socket_pair(SOCK_STREAM, pair);
    anc_fd_queue_init(&q, slots, SLOTS);
    send_some(pair[0], "x", two, 2);
    close(pair[0]);
    CHECK_OK(receive(&q, pair[1], &byte, 1, SLOTS, 0), 1);
    CHECK_OK(receive(&q, pair[1], &byte, 1, SLOTS - 2, 0), 0);
    CHECK_INT(q.count, 2);
    anc_fd_queue_close(&q);
    close(file);
    close(pair[1]);
}

/* An empty datagram's descriptors are told by the count alone. */
TEST(an_empty_datagram_fills_the_queue)
{
    int pair[2], slots[SLOTS], file = new_descriptor();
    char byte;
    struct anc_fd_queue q;
    socket_pair(SOCK_DGRAM, pair);
    anc_fd_queue_init(&q, slots, SLOTS);
    send_some(pair[0], "", &file, 1);
    CHECK_OK(receive(&q, pair[1], &byte, 1, SLOTS, 0), 0);
    CHECK_INT(q.count, 1);
    expect_next(&q, file);
    send_some(pair[0], "longer than the buffer", &file, 1);
    CHECK_ERRNO(receive(&q, pair[1], &byte, 1, SLOTS, 0), EMSGSIZE);
    CHECK_INT(q.count, 0);
    close(file);
    close_both(pair);
}

TEST(ALL_gathers_the_descriptors_of_every_part)
{
    int pair[2], slots[SLOTS], files[4], i;
    char buf[6];
    struct anc_fd_queue q;
    struct iovec parts[2] = {{buf, 2}, {buf + 2, 4}};
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(files, 4);
    anc_fd_queue_init(&q, slots, SLOTS);
    send_some(pair[0], "ab", files, 1);
    send_some(pair[0], "cd", files + 1, 2);
    send_some(pair[0], "ef", files + 3, 1);
    CHECK_OK(anc_fd_queue_recvv(&q, pair[1], parts, 2, 4, ANC_ALL), 6);
    CHECK(memcmp(buf, "abcdef", 6) == 0 && q.count == 4);
    for (i = 0; i < 4; i++)
        expect_next(&q, files[i]);
    anc_close_fds(files, 4);
    close_both(pair);
}

TEST(a_full_table_is_EMFILE_and_queues_nothing)
{
    int t, room, before, fds[3] = {0, 1, 2};
    limits_begin();
    for (t = 0; t < 3; t++)
        for (room = 0; room < 3; room++) {
            int pair[2], slots[SLOTS];
            char byte;
            struct anc_fd_queue q;
            socket_pair(socket_types[t], pair);
            before = lowest_free();
            anc_fd_queue_init(&q, slots, SLOTS);
            send_some(pair[0], "x", fds, 3);
            allow_only(room);
            CHECK_ERRNO(receive(&q, pair[1], &byte, 1, 3, 0), EMFILE);
            allow_any();
            CHECK_INT(q.count, 0);
            CHECK_INT(lowest_free(), before);
            close_both(pair);
        }
    limits_end();
}

/* A random run against an array. */

static uint64_t random_state = 42;

static unsigned int random_below(unsigned int limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)(random_state >> 33) % limit;
}

/* A file for each descriptor that is on its way: its number in the order of sending is its content. */
static void random_run(uint32_t size, int steps)
{
    int pair[2], slots[64], fd, n, i;
    char buf[16];
    uint64_t sent = 0, came = 0, taken = 0; /* of all that was ever sent, in order */
    struct anc_fd_queue q;
    socket_pair(SOCK_STREAM, pair);
    anc_fd_queue_init(&q, slots, size);
    while (steps-- > 0) {
        unsigned int what = random_below(4);
        uint64_t queued = came - taken;
        if (what == 0 && sent - came < 20) {
            int fds[4];
            n = (int)random_below(5);
            for (i = 0; i < n; i++)
                fds[i] = new_numbered(++sent);
            CHECK(raw_send(pair[0], "0123456789", 1 + random_below(10), fds, n, 0) > 0);
            anc_close_fds(fds, (size_t)n);
        } else if (what <= 2) {
            size_t free_slots = size - (size_t)queued, len = 1 + random_below(12), max = random_below((unsigned)size + 2);
            ssize_t count = receive(&q, pair[1], buf, len, max, ANC_DONTWAIT);
            if (max > free_slots) {
                CHECK(count == -1 && errno == ENOBUFS);
            } else if (count > 0) {
                CHECK(q.count >= queued && q.count - queued <= max);
                came += q.count - queued;
            } else {
                CHECK(count == -1 && (errno == EAGAIN || errno == ERANGE));
                CHECK_INT(q.count, queued);
                /* What was too much is gone: start anew where the sender stands. */
                if (errno == ERANGE) {
                    while (q.count > 0) {
                        fd = anc_fd_queue_take(&q);
                        CHECK_INT(number_in(fd), ++taken);
                        close(fd);
                    }
                    drain_socket(pair[1]);
                    came = taken = sent;
                }
            }
        } else {
            n = (int)random_below(4);
            for (i = 0; i < n; i++) {
                fd = anc_fd_queue_take(&q);
                if (taken == came) {
                    CHECK(fd == -1 && errno == ENOMSG);
                } else {
                    CHECK_INT(number_in(fd), ++taken);
                    close(fd);
                }
            }
        }
        CHECK_INT(q.count, came - taken);
        CHECK(q.head + q.count <= q.size && q.size == size && q.slots == slots);
    }
    anc_fd_queue_close(&q);
    close_both(pair);
}

TEST(a_random_run_gives_what_an_array_would)
{
    uint32_t size;
    int before = lowest_free();
    for (size = 0; size <= 12; size++) {
        random_run(size, on_valgrind() ? 200 : 5000);
        CHECK_INT(lowest_free(), before);
    }
    random_run(64, on_valgrind() ? 500 : 20000);
    CHECK_INT(lowest_free(), before);
}
