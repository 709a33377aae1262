/* The channel's messages: who owns what at every moment, and what becomes of those that can't be sent. */
#include "channel.h"
#include "interpose.h"

static struct channel ch;

static size_t bytes_of(const struct msghdr *msg)
{
    size_t i, sum = 0;
    for (i = 0; i < (size_t)msg->msg_iovlen; i++)
        sum += msg->msg_iov[i].iov_len;
    return sum;
}

/* Sends the first n bytes of what is to be sent next. */
static void send_first(size_t n)
{
    struct msghdr msg;
    new_world();
    world.at_most = n;
    CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
    watching = 1;
    CHECK_INT(sendmsg(ch.pair[0], &msg, MSG_NOSIGNAL | MSG_DONTWAIT), n);
    watching = 0;
    CHECK_OK(anc_tx_sent(&ch.tx, (ssize_t)n), 0);
}

/* States. */

TEST(the_state_of_every_message_is_known_after_every_byte)
{
    enum { N = 3, LEN = 20, FRAME = LEN + FRAME_HEADER };
    size_t cut;
    int moved, i;
    for (moved = 0; moved < 2; moved++)
        for (cut = 0; cut <= N * FRAME; cut++) {
            struct parcel *p[N], *late = new_parcel(5, 1, ANC_MOVE);
            start_channel(&ch, SOCK_STREAM, NULL);
            for (i = 0; i < N; i++)
                queue_parcel(&ch, p[i] = new_parcel(LEN, 2, moved ? ANC_MOVE : 0));
            if (cut > 0)
                send_first(cut);
            queue_parcel(&ch, late);
            for (i = 0; i < N; i++) {
                uint32_t expected = cut == 0                          ? ANC_OUT_QUEUED
                                    : cut >= (size_t)(i + 1) * FRAME ? ANC_OUT_DONE
                                                                     : ANC_OUT_FDS_GONE;
                CHECK_CASE(p[i]->out.state == expected, "message %d after %zu bytes: %u", i, cut, p[i]->out.state);
                CHECK_INT(is_open(p[i]->fds[0]), !(moved && cut > 0));
                CHECK_INT(is_open(p[i]->fds[1]), !(moved && cut > 0));
            }
            CHECK(late->out.state == ANC_OUT_QUEUED && is_open(late->fds[0]));
            CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
            for (i = 0; i < N; i++) {
                CHECK_INT(p[i]->out.state, ANC_OUT_DONE);
                expect_parcel(&ch, p[i]);
                free_parcel(p[i]);
            }
            CHECK(late->out.state == ANC_OUT_DONE && !is_open(late->fds[0]));
            expect_parcel(&ch, late);
            end_channel(&ch);
            free_parcel(late);
        }
}

TEST(a_message_of_which_nothing_has_gone_is_queued)
{
    size_t nfds;
    for (nfds = 0; nfds < 2; nfds++) {
        struct parcel *p = new_parcel(MAX_FRAME, 1, ANC_MOVE), *behind = new_parcel(10, nfds, ANC_MOVE);
        start_channel(&ch, SOCK_SEQPACKET, NULL);
        queue_parcel(&ch, p);
        queue_parcel(&ch, behind);
        send_first(MAX_FRAME + FRAME_HEADER);
        CHECK_INT(p->out.state, ANC_OUT_DONE);
        CHECK_INT(behind->out.state, ANC_OUT_QUEUED);
        expect_parcel(&ch, p);
        expect_parcel(&ch, behind);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(behind);
    }
}

/* The batch ends in the middle of the message; its last descriptors were with its first frames. */
TEST(the_descriptors_of_a_large_message_have_gone_before_its_bytes)
{
    FOR_BOTH(type) {
        enum { LEN = 500000 };
        struct anc_limits limits = {0, 0, 600, 0};
        struct parcel *p = new_parcel(LEN, 2, ANC_MOVE);
        struct msghdr msg;
        ssize_t n;
        start_channel(&ch, type, &limits);
        queue_parcel(&ch, p);
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
        CHECK(bytes_of(&msg) < LEN);
        n = sendmsg(ch.pair[0], &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        CHECK_INT(n, bytes_of(&msg));
        CHECK_OK(anc_tx_sent(&ch.tx, n), 0);
        CHECK_INT(p->out.state, ANC_OUT_FDS_GONE);
        CHECK(!is_open(p->fds[0]) && !is_open(p->fds[1]));
        end_channel(&ch);
        free_parcel(p);
    }
}

TEST(moved_descriptors_of_a_large_message_are_closed_as_they_go)
{
    FOR_BOTH(type) {
        struct anc_limits limits = {0, 600, 0, 0};
        struct parcel *p = new_parcel(10, 600, ANC_MOVE);
        struct msghdr msg;
        size_t gone, i;
        start_channel(&ch, type, &limits);
        queue_parcel(&ch, p);
        for (gone = 0; gone < 600;) {
            size_t n;
            CHECK_INT(p->out.state, ANC_OUT_QUEUED);
            CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
            for (i = 0; i < 600; i++)
                CHECK_INT(is_open(p->fds[i]), i >= gone);
            n = bytes_of(&msg);
            CHECK_INT(kernel_sendmsg(ch.pair[0], &msg, MSG_NOSIGNAL), n);
            CHECK_OK(anc_tx_sent(&ch.tx, (ssize_t)n), 0);
            gone = gone + ANC_FDS_MAX < 600 ? gone + ANC_FDS_MAX : 600;
        }
        CHECK_INT(p->out.state, ANC_OUT_DONE);
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 0);
        expect_parcel(&ch, p);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* As soon as the state says so, the caller may reuse the struct, the buffers and the numbers. */
TEST(a_message_that_is_done_is_never_looked_at_again)
{
    FOR_BOTH(type) {
        struct parcel *p[3];
        int round, i;
        start_channel(&ch, type, NULL);
        for (round = 0; round < 3; round++) {
            for (i = 0; i < 3; i++)
                queue_parcel(&ch, p[i] = new_parcel(2000, 1, 0));
            CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
            for (i = 0; i < 3; i++) {
                expect_parcel(&ch, p[i]);
                CHECK_INT(p[i]->out.state, ANC_OUT_DONE);
                memset(&p[i]->out, 0xff, sizeof p[i]->out);
                memset(p[i]->iov, 0xff, 16);
                p[i]->out.flags = 0;
                free_parcel(p[i]);
            }
        }
        end_channel(&ch);
    }
}

static void once(int dropped)
{
    FOR_BOTH(type) {
        int fds[2], before;
        struct anc_out out = {.flags = ANC_MOVE};
        struct anc_in in;
        start_channel(&ch, type, NULL);
        before = open_descriptors();
        new_descriptors(fds, 2);
        int many[6] = {fds[1], fds[0], fds[1], fds[1], fds[0], fds[1]};
        out.fds = many;
        out.nfds = 6;
        new_world();
        give(fds, 2);
        CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
        if (dropped) {
            LIBRARY((anc_tx_drop(&ch.tx), 0));
            CHECK_INT(out.state, ANC_OUT_DROPPED);
        } else {
            CHECK_OK(LIBRARY(anc_tx_flush(&ch.tx, 0)), 0);
            CHECK_OK(LIBRARY(anc_rx_recv(&ch.rx, &in, 0)), 1);
            CHECK_INT(in.nfds, 6);
            CHECK(same_file(in.fds[0], in.fds[2]) && same_file(in.fds[0], in.fds[5]));
            CHECK(same_file(in.fds[1], in.fds[4]) && !same_file(in.fds[0], in.fds[1]));
            LIBRARY((anc_rx_close(&ch.rx), 0));
        }
        CHECK_INT(owned_by(GIVEN) + owned_by(LIBRARYS), 0);
        CHECK_INT(open_descriptors(), before);
        end_channel(&ch);
    }
}

TEST(a_number_that_stands_in_a_moved_message_twice_is_closed_once) { once(0); }
TEST(a_number_that_stands_in_a_dropped_message_twice_is_closed_once) { once(1); }

/* However they lie: the numbers need not be in order for it. None of them is open. */
static long long time_of_drop(int first, int step)
{
    enum { DROPPED = 100000 };
    static int fds[DROPPED];
    struct anc_limits limits = {0, DROPPED, 0, 0};
    struct anc_out out = {.fds = fds, .nfds = DROPPED, .flags = ANC_MOVE};
    long long start;
    int i;
    for (i = 0; i < DROPPED; i++)
        fds[i] = first + i * step;
    start_channel(&ch, SOCK_STREAM, &limits);
    CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
    start = now_us();
    anc_tx_drop(&ch.tx);
    start = now_us() - start;
    end_channel(&ch);
    return start;
}

TEST(dropping_a_hundred_thousand_descriptors_takes_no_longer_in_disorder)
{
    long long ordered, reversed;
    if (on_valgrind() || ON_ASAN)
        skip("the time is another here");
    ordered = time_of_drop(1 << 24, 2);
    reversed = time_of_drop((1 << 24) + 200000, -2);
    printf("     %lld us in order, %lld us in reverse\n", ordered, reversed);
    CHECK(reversed < 5 * ordered + 50000);
}

/* Dropping. */

TEST(a_channel_that_was_dropped_before_anything_went_can_be_used_on)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 3, ANC_MOVE), *borrowed = new_parcel(10, 2, 0), *next = new_parcel(9, 1, ANC_MOVE);
        struct msghdr msg;
        int asked, before;
        for (asked = 0; asked < 2; asked++) {
            start_channel(&ch, type, NULL);
            before = open_descriptors();
            queue_parcel(&ch, p);
            queue_parcel(&ch, borrowed);
            if (asked)
                CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
            errno = 4242;
            anc_tx_drop(&ch.tx);
            CHECK_INT(errno, 4242);
            CHECK(p->out.state == ANC_OUT_DROPPED && borrowed->out.state == ANC_OUT_DROPPED);
            CHECK_INT(open_descriptors(), before - 3);
            CHECK(is_open(borrowed->fds[0]) && is_open(borrowed->fds[1]));
            CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
            expect_no_message(&ch);
            CHECK_OK(anc_tx_next(&ch.tx, &msg), 0);
            CHECK_ERRNO(anc_tx_sent(&ch.tx, 1), EINVAL);
            queue_parcel(&ch, next);
            expect_parcel(&ch, next);
            end_channel(&ch);
            free_parcel(p);
            free_parcel(next);
            p = new_parcel(10, 3, ANC_MOVE);
            next = new_parcel(9, 1, ANC_MOVE);
        }
        anc_close_fds(p->fds, p->nfds);
        anc_close_fds(next->fds, next->nfds);
        free_parcel(p);
        free_parcel(next);
        free_parcel(borrowed);
    }
}

/* Between two messages the receiver misses nothing, but for descriptors that went with the first byte
 * of what they left in. */
TEST(a_channel_that_was_dropped_within_a_message_is_over)
{
    enum { N = 3, LEN = 9, FRAME = LEN + FRAME_HEADER };
    size_t cut, nfds;
    for (nfds = 0; nfds < 3; nfds++)
        for (cut = 1; cut <= N * FRAME; cut++) {
            struct parcel *p[N], *behind = new_parcel(7, 2, ANC_MOVE), *next = new_parcel(5, 1, ANC_MOVE);
            int is_over = cut < N * FRAME && (cut % FRAME != 0 || nfds > 0), i, before;
            struct anc_in in;
            struct msghdr msg;
            start_channel(&ch, SOCK_STREAM, NULL);
            for (i = 0; i < N; i++)
                queue_parcel(&ch, p[i] = new_parcel(LEN, nfds, ANC_MOVE));
            send_first(cut);
            queue_parcel(&ch, behind);
            before = open_descriptors();
            anc_tx_drop(&ch.tx);
            CHECK_INT(open_descriptors(), before - 2); /* only the one behind had any left */
            CHECK_INT(behind->out.state, ANC_OUT_DROPPED);
            for (i = 0; i < N; i++)
                CHECK_INT(p[i]->out.state, cut >= (size_t)(i + 1) * FRAME ? ANC_OUT_DONE : ANC_OUT_DROPPED);
            if (is_over) {
                CHECK_ERRNO(anc_tx_queue(&ch.tx, &next->out), ECANCELED);
                CHECK_ERRNO(anc_tx_flush(&ch.tx, -1), ECANCELED);
                CHECK_ERRNO(anc_tx_next(&ch.tx, &msg), ECANCELED);
                CHECK_ERRNO(anc_tx_sent(&ch.tx, 1), ECANCELED);
                anc_tx_drop(&ch.tx);
                CHECK(is_open(next->fds[0]));
                anc_close_fds(next->fds, 1);
                shutdown(ch.pair[0], SHUT_WR);
            } else {
                queue_parcel(&ch, next);
                CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
            }
            for (i = 0; i < N && cut >= (size_t)(i + 1) * FRAME; i++)
                expect_parcel(&ch, p[i]);
            if (is_over) {
                CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), EPROTO);
                CHECK_INT(open_descriptors(), before - 3); /* behind's, next's, and none at the receiver */
            } else {
                expect_parcel(&ch, next);
            }
            end_channel(&ch);
            for (i = 0; i < N; i++)
                free_parcel(p[i]);
            free_parcel(behind);
            free_parcel(next);
        }
}

TEST(dropping_a_message_that_went_in_part_closes_what_has_not_gone)
{
    FOR_BOTH(type) {
        struct anc_limits limits = {0, 600, 0, 0};
        struct parcel *p = new_parcel(10, 600, ANC_MOVE);
        struct msghdr msg;
        struct anc_in in;
        int before, n;
        start_channel(&ch, type, &limits);
        before = open_descriptors();
        queue_parcel(&ch, p);
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
        n = (int)kernel_sendmsg(ch.pair[0], &msg, MSG_NOSIGNAL);
        CHECK_OK(anc_tx_sent(&ch.tx, n), 0);
        CHECK_INT(open_descriptors(), before - ANC_FDS_MAX);
        anc_tx_drop(&ch.tx);
        CHECK_INT(open_descriptors(), before - 600);
        CHECK_INT(p->out.state, ANC_OUT_DROPPED);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), ECANCELED);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        CHECK(in.more && in.nfds == ANC_FDS_MAX);
        shutdown(ch.pair[0], SHUT_WR);
        CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), EPROTO);
        CHECK_INT(open_descriptors(), before - 600);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* What was said of a send that can't be. */
TEST(more_bytes_than_there_were_can_not_have_gone)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 1, ANC_MOVE);
        struct msghdr msg;
        start_channel(&ch, type, NULL);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, 1), EINVAL);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, 0), EINVAL);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, -EAGAIN), EINVAL);
        queue_parcel(&ch, p);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, 1), EINVAL);
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, 19), EINVAL);
        if (type == SOCK_SEQPACKET)
            CHECK_ERRNO(anc_tx_sent(&ch.tx, 17), EINVAL);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, -EAGAIN), EAGAIN);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, -EINTR), EINTR);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, -EPIPE), EPIPE);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, -ETOOMANYREFS), ETOOMANYREFS);
        if (type == SOCK_STREAM)
            CHECK_ERRNO(anc_tx_sent(&ch.tx, 0), EAGAIN);
        CHECK(p->out.state == ANC_OUT_QUEUED && is_open(p->fds[0]));
        expect_parcel(&ch, p);
        CHECK_ERRNO(anc_tx_sent(&ch.tx, 1), EINVAL);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* Messages that the kernel refuses. */

enum { BATCH = 5 };

enum { CLOSED_NUMBER = 3000 }; /* nobody here has that many */

static int io_uring_descriptor(void)
{
#ifndef __linux__
    skip("no io_uring");
#else
    static char parameters[120];
    int fd = (int)syscall(425 /* io_uring_setup */, 4, parameters);
    memset(parameters, 0, sizeof parameters);
    if (fd < 0)
        skip("no io_uring: %s", strerror(errno));
    return fd;
#endif
}

/* Makes a good message into one that fails with this error. */
static void spoil(struct parcel *p, int error)
{
    size_t last = p->nfds - 1;
    switch (error) {
    case EBADF:
        close(p->fds[last]);
        p->fds[last] = CLOSED_NUMBER;
        break;
    case EINVAL:
        close(p->fds[last]);
        p->fds[last] = io_uring_descriptor();
        break;
    case EFAULT:
        p->iov[0].iov_base = (void *)(uintptr_t)4096;
        break;
    }
}

/* Every message of a batch is spoilt or not, in every combination; the good ones arrive. */
static void spoilt(int error)
{
    unsigned int bad;
    FOR_BOTH(type)
        for (bad = 0; bad < 1u << BATCH; bad++) {
            struct parcel *p[BATCH], *behind = new_parcel(3, 1, ANC_MOVE);
            int i, failures = 0;
            start_channel(&ch, type, NULL);
            for (i = 0; i < BATCH; i++) {
                p[i] = new_parcel(1000, bad & 1u << i ? 3 : (size_t)i % 3, ANC_MOVE);
                if (bad & 1u << i)
                    spoil(p[i], error);
                queue_parcel(&ch, p[i]);
            }
            while (anc_tx_flush(&ch.tx, 0) != 0) {
                CHECK_INT(errno, error);
                for (i = 0; !(bad & 1u << i) || __builtin_popcount(bad & ((1u << i) - 1)) < failures; i++)
                    CHECK_INT(p[i]->out.state, bad & 1u << i ? ANC_OUT_DROPPED : ANC_OUT_DONE);
                CHECK_INT(p[i]->out.state, ANC_OUT_DROPPED); /* the oldest that was not done */
                CHECK(!is_open(p[i]->fds[0]) && !is_open(p[i]->fds[1]) && !is_open(p[i]->fds[2]));
                for (i++; i < BATCH; i++)
                    CHECK_CASE(p[i]->out.state == ANC_OUT_QUEUED && (!p[i]->nfds || is_open(p[i]->fds[0])),
                               "%s, bad %#x, message %d: state %u", type_name(type), bad, i, p[i]->out.state);
                failures++;
            }
            CHECK_INT(failures, __builtin_popcount(bad));
            queue_parcel(&ch, behind);
            for (i = 0; i < BATCH; i++)
                if (!(bad & 1u << i))
                    expect_parcel(&ch, p[i]);
            expect_parcel(&ch, behind);
            expect_no_message(&ch);
            end_channel(&ch);
            for (i = 0; i < BATCH; i++)
                free_parcel(p[i]);
            free_parcel(behind);
        }
}

TEST(a_message_with_a_descriptor_that_is_not_open_is_dropped_and_the_others_arrive) { spoilt(EBADF); }
TEST(a_message_with_a_descriptor_that_can_not_be_passed_is_dropped_and_the_others_arrive) { spoilt(EINVAL); }

TEST(a_message_whose_memory_is_not_there_is_dropped_and_the_others_arrive)
{
    if (on_valgrind())
        skip("valgrind reports the address that it is about");
    spoilt(EFAULT);
}

TEST(a_receiver_that_refuses_descriptors_gets_the_messages_without)
{
    FOR_BOTH(type) {
        struct parcel *p[6];
        int i, failures = 0, before;
        start_channel(&ch, type, NULL);
        if (setsockopt(ch.pair[1], SOL_SOCKET, SO_PASSRIGHTS, &(int){0}, sizeof(int)) != 0)
            skip("this kernel lacks SO_PASSRIGHTS");
        before = open_descriptors();
        for (i = 0; i < 6; i++)
            queue_parcel(&ch, p[i] = new_parcel(50, i % 2 ? 2 : 0, ANC_MOVE));
        while (anc_tx_flush(&ch.tx, -1) != 0) {
            CHECK_INT(errno, EPERM);
            CHECK_INT(p[failures * 2 + 1]->out.state, ANC_OUT_DROPPED);
            failures++;
        }
        CHECK_INT(failures, 3);
        CHECK_INT(open_descriptors(), before);
        for (i = 0; i < 6; i += 2)
            expect_parcel(&ch, p[i]);
        expect_no_message(&ch);
        end_channel(&ch);
        for (i = 0; i < 6; i++)
            free_parcel(p[i]);
    }
}

TEST(a_packet_larger_than_the_socket_buffer_is_dropped_and_the_others_arrive)
{
    int at, i;
    for (at = 0; at < BATCH; at++) {
        struct parcel *p[BATCH];
        start_channel(&ch, SOCK_SEQPACKET, NULL);
        option(ch.pair[0], SO_SNDBUF, 6000);
        for (i = 0; i < BATCH; i++)
            queue_parcel(&ch, p[i] = new_parcel(i == at ? 50000 : 40, 1, ANC_MOVE));
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), EMSGSIZE);
        CHECK(p[at]->out.state == ANC_OUT_DROPPED && !is_open(p[at]->fds[0]));
        for (i = 0; i < BATCH; i++)
            if (i != at)
                expect_parcel(&ch, p[i]);
        expect_no_message(&ch);
        end_channel(&ch);
        for (i = 0; i < BATCH; i++)
            free_parcel(p[i]);
    }
}

/* Small ones that are too large together only. */
TEST(a_batch_larger_than_the_socket_buffer_goes_in_parts)
{
    struct parcel *p[40];
    size_t i;
    start_channel(&ch, SOCK_SEQPACKET, NULL);
    option(ch.pair[0], SO_SNDBUF, 6000);
    for (i = 0; i < LENGTH(p); i++)
        queue_parcel(&ch, p[i] = new_parcel(1000, i % 2, ANC_MOVE));
    for (i = 0; i < LENGTH(p); i++)
        expect_parcel(&ch, p[i]);
    end_channel(&ch);
    for (i = 0; i < LENGTH(p); i++)
        free_parcel(p[i]);
}

/* The receiver has its beginning, so it can't be dropped alone. */
TEST(a_message_that_fails_after_its_first_frame_ends_the_channel)
{
    FOR_BOTH(type) {
        struct anc_limits limits = {0, 600, 0, 0};
        struct parcel *p = new_parcel(10, 600, 0), *behind = new_parcel(10, 1, ANC_MOVE);
        struct anc_in in;
        int i;
        start_channel(&ch, type, &limits);
        close(p->fds[300]);
        p->fds[300] = CLOSED_NUMBER;
        queue_parcel(&ch, p);
        queue_parcel(&ch, behind);
        for (i = 0; i < 3; i++) {
            CHECK_ERRNO(anc_tx_flush(&ch.tx, -1), EBADF);
            CHECK(p->out.state == ANC_OUT_QUEUED && behind->out.state == ANC_OUT_QUEUED);
        }
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        CHECK(in.more && in.nfds == ANC_FDS_MAX && number_of(in.fds[252]) == p->number + 252);
        expect_no_message(&ch);
        anc_tx_drop(&ch.tx);
        CHECK(p->out.state == ANC_OUT_DROPPED && behind->out.state == ANC_OUT_DROPPED);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), ECANCELED);
        p->fds[300] = -1;
        end_channel(&ch);
        free_parcel(p);
        free_parcel(behind);
    }
}

/* A caller who closes what he had lent. */
TEST(a_borrowed_descriptor_that_is_closed_too_early_spoils_its_message_only)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 2, 0), *q = new_parcel(11, 1, ANC_MOVE);
        int kept;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        queue_parcel(&ch, q);
        kept = p->fds[1];
        close(kept);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), EBADF);
        CHECK_INT(p->out.state, ANC_OUT_DROPPED);
        CHECK(is_open(p->fds[0]));
        expect_parcel(&ch, q);
        p->fds[1] = -1;
        end_channel(&ch);
        free_parcel(p);
        free_parcel(q);
    }
}

/* An error of the socket's is nobody's fault: nothing is dropped. */
TEST(a_number_that_was_overwritten_sends_nothing_until_it_is_right_again)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 2, 0), *next = new_parcel(300, 1, ANC_MOVE);
        struct msghdr msg;
        int kept = p->fds[1], i;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        queue_parcel(&ch, next);
        p->fds[1] = -1;
        for (i = 0; i < 3; i++) {
            CHECK_ERRNO(anc_tx_next(&ch.tx, &msg), EBADF);
            CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), EBADF);
            expect_no_message(&ch);
        }
        CHECK(p->out.state == ANC_OUT_QUEUED && next->out.state == ANC_OUT_QUEUED);
        p->fds[1] = kept;
        expect_parcel(&ch, p);
        expect_parcel(&ch, next);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(next);
    }
}

TEST(a_socket_that_was_closed_drops_no_message)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 1, ANC_MOVE);
        int kept;
        start_channel(&ch, type, NULL);
        kept = dup(ch.pair[0]);
        queue_parcel(&ch, p);
        close(ch.pair[0]);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), EBADF);
        CHECK(p->out.state == ANC_OUT_QUEUED && is_open(p->fds[0]));
        CHECK_INT(dup2(kept, ch.pair[0]), ch.pair[0]);
        close(kept);
        expect_parcel(&ch, p);
        end_channel(&ch);
        free_parcel(p);
    }
}
