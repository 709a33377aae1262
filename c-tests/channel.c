/* The channel: every message arrives whole, in order, with its descriptors; small ones together. */
#include "channel.h"
#include "interpose.h"
#include <netinet/in.h>
#include <sys/mman.h>

static struct channel ch;

/* Arrival. */

static int divided_up(size_t a, size_t b)
{
    return (int)((a + b - 1) / b);
}

/* How many frames a message is documented to have. */
static int frames_of(size_t len, size_t nfds)
{
    int of_bytes = divided_up(len, MAX_FRAME), of_fds = divided_up(nfds, ANC_FDS_MAX);
    return of_bytes > of_fds ? of_bytes : of_fds > 0 ? of_fds : 1;
}

static void arrives(int type, size_t len, int buffers, size_t nfds, unsigned int flags)
{
    struct anc_limits limits = {0, 1000, 0, 0};
    struct parcel *p = new_parcel(len, nfds, flags);
    int frames;
    start_channel(&ch, type, &limits);
    divide(p, buffers);
    queue_parcel(&ch, p);
    frames = expect_parcel(&ch, p);
    CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
    CHECK_INT(p->out.state, ANC_OUT_DONE);
    if (buffers <= 50 || len <= 4096)
        CHECK_CASE(frames == frames_of(len, nfds), "%s, %zu bytes in %d buffers, %zu descriptors: %d frames",
                   type_name(type), len, buffers, nfds, frames);
    end_channel(&ch);
    free_parcel(p);
}

TEST(a_message_of_any_size_arrives_as_it_was_sent)
{
    static const size_t sizes[] = {0, 1, 255, 256, 257, 4096, MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 200000};
    static const int buffers[] = {1, 2, 50, 55, 1024};
    static const size_t counts[] = {0, 1, 2, 252, 253, 254, 1000};
    size_t s, b, c;
    FOR_BOTH(type)
        for (s = 0; s < LENGTH(sizes); s++)
            for (b = 0; b < LENGTH(buffers); b++)
                for (c = 0; c < LENGTH(counts); c++)
                    arrives(type, sizes[s], buffers[b], counts[c], c % 2 ? ANC_MOVE : 0);
}

TEST(a_message_of_several_MB_arrives_as_it_was_sent)
{
    FOR_BOTH(type) {
        arrives(type, 5000000, 1, 3, ANC_MOVE);
        arrives(type, 5000000, 1024, 1000, ANC_MOVE);
        arrives(type, 16 << 20, 7, 0, 0); /* the default limit */
    }
}

TEST(a_message_without_bytes_or_buffers_is_one)
{
    FOR_BOTH(type) {
        struct anc_out out = {0};
        struct anc_in in = {.more = 7, .reserved = 7};
        start_channel(&ch, type, NULL);
        CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        CHECK_INT(in.len, 0);
        CHECK_INT(in.nfds, 0);
        CHECK(!in.fds && in.data && in.more == 0 && in.reserved == 0);
        expect_no_message(&ch);
        end_channel(&ch);
    }
}

/* As many as the process may have; borrowed ones may repeat. */
TEST(twenty_thousand_descriptors_arrive_with_one_message)
{
    struct anc_limits limits = {0, 20000, 0, 0};
    struct rlimit limit;
    size_t moved;
    widen_table();
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    moved = limit.rlim_cur >= 21000 ? 20000 : (size_t)limit.rlim_cur - 400;
    if (moved < 20000)
        printf("     %zu moved: the process may have no more\n", moved);
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(5, moved, ANC_MOVE), *behind = new_parcel(6, 1, ANC_MOVE);
        int many[20000], files[100], i, got = 0;
        struct anc_out out = {.fds = many, .nfds = LENGTH(many)};
        struct stat want, is;
        struct anc_in in;
        start_channel(&ch, type, &limits);
        queue_parcel(&ch, p);
        queue_parcel(&ch, behind);
        CHECK_INT(expect_parcel(&ch, p), frames_of(5, moved));
        CHECK_INT(expect_parcel(&ch, behind), 1);
        CHECK_INT(p->out.state, ANC_OUT_DONE);
        for (i = 0; i < 100; i++)
            CHECK((files[i] = new_numbered(0)) >= 0);
        for (i = 0; i < 20000; i++)
            many[i] = files[i * i % 97];
        CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
        do {
            size_t f;
            int r = anc_rx_recv(&ch.rx, &in, 0);
            if (r == -1 && errno == EAGAIN) {
                CHECK(anc_tx_flush(&ch.tx, 0) == 0 || errno == EAGAIN || errno == ETOOMANYREFS);
                in.more = 1;
                continue;
            }
            CHECK_INT(r, 1);
            for (f = 0; f < in.nfds; f++, got++) {
                CHECK(fstat(in.fds[f], &is) == 0 && fstat(many[got], &want) == 0);
                CHECK(is.st_ino == want.st_ino);
            }
        } while (in.more);
        CHECK_INT(got, 20000);
        CHECK_INT(out.state, ANC_OUT_DONE);
        anc_close_fds(files, 100);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(behind);
    }
}

/* The receiver's buffer is cut at odd places by frames of all sizes. */
TEST(messages_of_all_sizes_follow_each_other)
{
    FOR_BOTH(type) {
        struct parcel *p[150];
        size_t i;
        start_channel(&ch, type, NULL);
        for (i = 0; i < LENGTH(p); i++) {
            p[i] = new_parcel(i * i * i % 70001 % (i % 3 ? 300 : 70001), i * 37 % 5 ? i * 37 % 7 : i, ANC_MOVE);
            queue_parcel(&ch, p[i]);
        }
        for (i = 0; i < LENGTH(p); i++)
            expect_parcel(&ch, p[i]);
        expect_no_message(&ch);
        end_channel(&ch);
        for (i = 0; i < LENGTH(p); i++)
            free_parcel(p[i]);
    }
}

TEST(the_socket_may_move_any_number_of_bytes_at_a_time)
{
    static const size_t at_mosts[] = {1, 2, 3, 5, 7, 8, 9, 13, 64, 71, 72, 73, 1000};
    size_t a, i;
    for (a = 0; a < LENGTH(at_mosts); a++) {
        struct parcel *p[20];
        start_channel(&ch, SOCK_STREAM, NULL);
        for (i = 0; i < LENGTH(p); i++) {
            p[i] = new_parcel(i == 9 ? 700 : i % 4 ? 10 * i : 0, i % 3, ANC_MOVE);
            queue_parcel(&ch, p[i]);
        }
        new_world();
        world.at_most = at_mosts[a];
        for (i = 0; i < LENGTH(p); i++)
            give(p[i]->fds, (int)p[i]->nfds);
        for (i = 0; i < LENGTH(p); i++) {
            struct anc_in in;
            size_t len = 0, nfds = 0;
            while (LIBRARY(anc_rx_recv(&ch.rx, &in, 0)) != 1) {
                CHECK_INT(errno, EAGAIN);
                CHECK(LIBRARY(anc_tx_flush(&ch.tx, 0)) == 0 || errno == EAGAIN); /* the socket is full soon */
            }
            check_frame(p[i], &in, &len, &nfds);
            CHECK(len == p[i]->len && nfds == p[i]->nfds && !in.more);
        }
        CHECK_ERRNO(LIBRARY(anc_rx_recv(&ch.rx, &(struct anc_in){0}, 0)), EAGAIN);
        CHECK_INT(owned_by(LIBRARYS) + owned_by(GIVEN), 0);
        end_channel(&ch);
        for (i = 0; i < LENGTH(p); i++)
            free_parcel(p[i]);
    }
}

/* Smaller frames, by limits of one's own. */
TEST(a_message_comes_in_frames_of_the_limit)
{
    FOR_BOTH(type) {
        struct anc_limits limits = {1000, 0, 10, 0};
        struct parcel *p = new_parcel(1000, 9, ANC_MOVE), *larger = new_parcel(1001, 0, 0);
        start_channel(&ch, type, &limits);
        CHECK_ERRNO(anc_tx_queue(&ch.tx, &larger->out), EMSGSIZE);
        queue_parcel(&ch, p);
        CHECK_INT(expect_parcel(&ch, p), 100);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(larger);
    }
}

TEST(a_small_buffer_sends_every_message_in_more_frames)
{
    static char small[2560], large[1 << 17];
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(300000, 300, ANC_MOVE), *q = new_parcel(60000, 3, ANC_MOVE);
        struct anc_limits limits = {0, 300, 0, 0};
        start_channel(&ch, type, &limits);
        CHECK_OK(anc_tx_init(&ch.tx, ch.pair[0], small, sizeof small, &limits, sizeof ch.tx), 0);
        divide(p, 1024);
        queue_parcel(&ch, p);
        CHECK(expect_parcel(&ch, p) > 1024 / (int)(sizeof small / 8 / sizeof(struct iovec)));
        CHECK_OK(anc_tx_init(&ch.tx, ch.pair[0], large, sizeof large, &limits, sizeof ch.tx), 0);
        divide(q, 700);
        queue_parcel(&ch, q);
        CHECK_INT(expect_parcel(&ch, q), 1);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(q);
    }
}

/* What the manual promises of ANC_TX_BUFFER. */
TEST(fifty_buffers_or_six_thousand_bytes_of_small_ones_are_one_frame)
{
    FOR_BOTH(type) {
        size_t large, i;
        for (large = 0; large <= 50; large++) {
            struct parcel *p = new_parcel(large * 1000 + (50 - large) * 256, 253, ANC_MOVE);
            size_t at = 0;
            start_channel(&ch, type, NULL);
            for (i = 0; i < 50; i++) {
                /* As evenly mixed as can be. */
                size_t len = (i + 1) * large / 50 != i * large / 50 ? 1000 : 256;
                p->iov[i] = (struct iovec){p->bytes + at, len};
                at += len;
            }
            p->out.iovcnt = 50;
            queue_parcel(&ch, p);
            CHECK_INT(expect_parcel(&ch, p), 1);
            end_channel(&ch);
            free_parcel(p);
        }
        for (i = 24; i <= 1024; i += 100) {
            struct parcel *p = new_parcel(6000, 253, ANC_MOVE);
            start_channel(&ch, type, NULL);
            divide(p, (int)i);
            queue_parcel(&ch, p);
            CHECK_INT(expect_parcel(&ch, p), 1);
            end_channel(&ch);
            free_parcel(p);
        }
    }
}

TEST(a_message_is_one_frame_behind_others_that_have_filled_the_list_too)
{
    FOR_BOTH(type) {
        struct parcel *first = new_parcel(10000, 1, ANC_MOVE), *p = new_parcel(20000, 2, ANC_MOVE);
        start_channel(&ch, type, NULL);
        divide(first, 30);
        divide(p, 50);
        queue_parcel(&ch, first);
        queue_parcel(&ch, p);
        CHECK_INT(expect_parcel(&ch, first), 1);
        CHECK_INT(expect_parcel(&ch, p), 1);
        end_channel(&ch);
        free_parcel(first);
        free_parcel(p);
    }
}

/* One sendmsg takes 1,024 buffers, whatever the channel's memory has room for. */
TEST(a_large_sending_buffer_makes_no_batch_that_the_kernel_refuses)
{
    static char large[1 << 20], in[ANC_RX_BUFFER + (1 << 20)];
    FOR_BOTH(type) {
        struct anc_limits limits = {0, 0, type == SOCK_STREAM ? 1 << 20 : 0, 0};
        struct parcel *p = new_parcel(type == SOCK_STREAM ? 1024 * 300 : 60000, 3, ANC_MOVE), *many[700];
        struct msghdr msg;
        size_t i;
        start_channel(&ch, type, &(struct anc_limits){0, 0, 0, 0});
        CHECK_OK(anc_tx_init(&ch.tx, ch.pair[0], large, sizeof large, &limits, sizeof ch.tx), 0);
        CHECK_OK(anc_rx_init(&ch.rx, ch.pair[1], in, sizeof in, ch.slots, LENGTH(ch.slots), &limits, sizeof ch.rx), 0);
        divide(p, 1024);
        queue_parcel(&ch, p);
        expect_parcel(&ch, p);
        free_parcel(p);
        for (i = 0; i < LENGTH(many); i++)
            /* Two buffers each; and then what is copied behind them. */
            queue_parcel(&ch, many[i] = new_parcel(i < 512 ? 300 : 10, 0, 0));
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
        CHECK_CASE(msg.msg_iovlen <= 1024, "%zu buffers", (size_t)msg.msg_iovlen);
        for (i = 0; i < LENGTH(many); i++) {
            CHECK_INT(expect_parcel(&ch, many[i]), 1);
            free_parcel(many[i]);
        }
        end_channel(&ch);
    }
}

/* Together. */

enum { SMALL = 64, MANY = 1000 };

static void coalesce(int type, size_t nfds)
{
    struct parcel *p[SMALL];
    int i;
    start_channel(&ch, type, NULL);
    new_world();
    for (i = 0; i < SMALL; i++) {
        p[i] = new_parcel(64, nfds, ANC_MOVE);
        give(p[i]->fds, (int)nfds);
        CHECK_INT(LIBRARY(anc_tx_queue(&ch.tx, &p[i]->out)), 0);
    }
    CHECK_INT(LIBRARY(anc_tx_flush(&ch.tx, 0)), 0);
    CHECK_INT(world.calls[SENDMSG], 1);
    for (i = 0; i < SMALL; i++) {
        struct anc_in in;
        size_t len = 0, count = 0;
        CHECK_INT(p[i]->out.state, ANC_OUT_DONE);
        CHECK_INT(LIBRARY(anc_rx_recv(&ch.rx, &in, 0)), 1);
        check_frame(p[i], &in, &len, &count);
        CHECK(len == 64 && count == nfds);
    }
    CHECK_INT(world.calls[RECVMSG], 1);
    CHECK_INT(world.calls[GETSOCKOPT] + world.calls[DUPFD] + world.calls[SETFD] + world.calls[OTHER], 0);
    LIBRARY((anc_rx_close(&ch.rx), 0));
    CHECK_INT(owned_by(LIBRARYS) + owned_by(GIVEN), 0);
    end_channel(&ch);
    for (i = 0; i < SMALL; i++)
        free_parcel(p[i]);
}

TEST(small_messages_leave_in_one_system_call_and_arrive_in_one)
{
    if (built_without("cmsg_cloexec"))
        skip("close-on-exec is set descriptor by descriptor");
    FOR_BOTH(type) {
        coalesce(type, 0);
        coalesce(type, 1);
        coalesce(type, 3);
    }
}

TEST(a_batch_carries_as_many_descriptors_as_a_message_can)
{
    static char large[1 << 16];
    FOR_BOTH(type) {
        struct parcel *p[300];
        size_t i;
        start_channel(&ch, type, NULL);
        CHECK_OK(anc_tx_init(&ch.tx, ch.pair[0], large, sizeof large, NULL, sizeof ch.tx), 0);
        new_world();
        for (i = 0; i < LENGTH(p); i++) {
            p[i] = new_parcel(8, 1, ANC_MOVE);
            give(p[i]->fds, 1);
            queue_parcel(&ch, p[i]);
        }
        CHECK_INT(LIBRARY(anc_tx_flush(&ch.tx, 0)), 0);
        CHECK_INT(world.calls[SENDMSG], 2);
        CHECK_INT(world.with_control, 2);
        for (i = 0; i < LENGTH(p); i++)
            CHECK_INT(expect_parcel(&ch, p[i]), 1);
        end_channel(&ch);
        for (i = 0; i < LENGTH(p); i++)
            free_parcel(p[i]);
    }
}

/* Control data is for descriptors: without them the call is as cheap as write. */
TEST(messages_without_descriptors_have_no_control_data)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(100, 0, 0);
        start_channel(&ch, type, NULL);
        new_world();
        queue_parcel(&ch, p);
        CHECK_INT(LIBRARY(anc_tx_flush(&ch.tx, -1)), 0);
        CHECK_INT(world.with_control, 0);
        CHECK_INT(LIBRARY(anc_tx_flush(&ch.tx, -1)), 0); /* nothing waits */
        CHECK_INT(world.calls[SENDMSG], 1);
        CHECK(world.flags & MSG_NOSIGNAL || built_without("nosignal"));
        expect_parcel(&ch, p);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* What was received, until the next call. */

enum next { BY_RECV, BY_NEXT, BY_PREPARE, BY_CLOSE, NEXTS };

static void next_call(enum next by)
{
    struct anc_in in;
    struct msghdr msg;
    switch (by) {
    case BY_RECV: CHECK_ERRNO(LIBRARY(anc_rx_recv(&ch.rx, &in, 0)), EAGAIN); break;
    case BY_NEXT: CHECK_OK(LIBRARY(anc_rx_next(&ch.rx, &in)), 0); break;
    case BY_PREPARE: CHECK_OK(LIBRARY(anc_rx_prepare(&ch.rx, &msg)), 1); break;
    default: errno = 4242; LIBRARY((anc_rx_close(&ch.rx), 0)); CHECK_INT(errno, 4242);
    }
}

TEST(descriptors_that_were_not_taken_are_closed_by_the_next_call)
{
    int by, taken;
    FOR_BOTH(type)
        for (by = 0; by < NEXTS; by++)
            for (taken = 0; taken < 8; taken++) {
                struct parcel *p = new_parcel(20, 3, ANC_MOVE);
                struct anc_in in;
                int i, fds[3], before;
                start_channel(&ch, type, NULL);
                new_world();
                queue_parcel(&ch, p);
                CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
                before = open_descriptors();
                CHECK_OK(LIBRARY(anc_rx_recv(&ch.rx, &in, 0)), 1);
                CHECK_INT(in.nfds, 3);
                CHECK_INT(open_descriptors(), before + 3);
                CHECK(memcmp(in.data, p->bytes, 20) == 0);
                for (i = 0; i < 3; i++) {
                    fds[i] = in.fds[i];
                    if (taken & 1 << i) {
                        in.fds[i] = -1;
                        belongs(fds[i], NOBODYS);
                    }
                }
                next_call((enum next)by);
                CHECK_INT(owned_by(LIBRARYS), 0);
                for (i = 0; i < 3; i++)
                    CHECK_INT(is_open(fds[i]), (taken & 1 << i) != 0);
                for (i = 0; i < 3; i++)
                    if (taken & 1 << i) {
                        CHECK_INT(number_of(fds[i]), p->number + (unsigned int)i);
                        close(fds[i]);
                    }
                end_channel(&ch);
                free_parcel(p);
            }
}

/* The sending side may do anything meanwhile. */
TEST(what_was_received_stays_until_the_next_call_of_the_receiving_side)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(30, 2, ANC_MOVE), *q = new_parcel(3000, 4, ANC_MOVE);
        struct anc_in in;
        size_t len = 0, nfds = 0;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        queue_parcel(&ch, q);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        anc_tx_drop(&ch.tx);
        check_frame(p, &in, &len, &nfds);
        CHECK(len == 30 && nfds == 2);
        expect_parcel(&ch, q);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(q);
    }
}

/* What an earlier receive has left in the control buffer belongs to somebody: a receive that knows no
 * control data, as recv does, brings none. */
TEST(descriptors_come_once_though_the_control_buffer_is_the_same)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(10, 3, ANC_MOVE), *q = new_parcel(20, 0, 0);
        struct msghdr msg;
        struct anc_in in;
        size_t len = 0, nfds = 0;
        ssize_t n;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        expect_parcel(&ch, p);
        queue_parcel(&ch, q);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        CHECK_OK(anc_rx_next(&ch.rx, &in), 0);
        CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 1);
        n = recv(ch.pair[1], msg.msg_iov->iov_base, msg.msg_iov->iov_len, MSG_DONTWAIT);
        CHECK_INT(n, FRAME_HEADER + 20);
        CHECK_OK(anc_rx_got(&ch.rx, &msg, n), 0);
        CHECK_OK(anc_rx_next(&ch.rx, &in), 1);
        check_frame(q, &in, &len, &nfds);
        CHECK_OK(anc_rx_next(&ch.rx, &in), 0);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(q);
    }
}

TEST(closing_closes_what_waits_behind_the_message_at_hand)
{
    FOR_BOTH(type) {
        struct parcel *p[4];
        struct anc_in in;
        int i, before, taken;
        size_t slot;
        memset(ch.slots, 0xff, sizeof ch.slots);
        start_channel(&ch, type, NULL);
        for (i = 0; i < 4; i++) {
            p[i] = new_parcel(10, 3, ANC_MOVE);
            queue_parcel(&ch, p[i]);
        }
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        before = open_descriptors();
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        CHECK_INT(open_descriptors(), before + 9);
        taken = in.fds[1];
        in.fds[1] = -1;
        anc_rx_close(&ch.rx);
        CHECK_INT(open_descriptors(), before + 1);
        /* Nor can anybody close them again. */
        for (slot = 0; slot < LENGTH(ch.slots); slot++)
            CHECK_INT(ch.slots[slot], -1);
        CHECK_INT(number_of(taken), p[1]->number + 1);
        close(taken);
        anc_rx_close(&ch.rx);
        CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), EINVAL);
        end_channel(&ch);
        for (i = 0; i < 4; i++)
            free_parcel(p[i]);
    }
}

/* The end. */

TEST(end_of_file_between_messages_is_0_each_time)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(9, 1, ANC_MOVE);
        struct anc_in in;
        struct msghdr msg;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        shutdown(ch.pair[0], SHUT_WR);
        expect_parcel(&ch, p);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, -1), 0);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 0);
        CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 0);
        CHECK_OK(anc_rx_next(&ch.rx, &in), 0);
        end_channel(&ch);
        free_parcel(p);
    }
}

TEST(a_peer_that_is_gone_is_EPIPE_without_a_signal_and_the_messages_come_back)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(9, 2, ANC_MOVE), *q = new_parcel(9, 1, 0);
        start_channel(&ch, type, NULL);
        close(ch.pair[1]);
        queue_parcel(&ch, p);
        queue_parcel(&ch, q);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, -1), EPIPE);
        CHECK_ERRNO(anc_tx_flush(&ch.tx, 0), EPIPE);
        CHECK(p->out.state == ANC_OUT_QUEUED && is_open(p->fds[0]));
        errno = 4242;
        anc_tx_drop(&ch.tx);
        CHECK_INT(errno, 4242);
        CHECK(p->out.state == ANC_OUT_DROPPED && q->out.state == ANC_OUT_DROPPED);
        CHECK(!is_open(p->fds[0]) && !is_open(p->fds[1]) && is_open(q->fds[0]));
        ch.pair[1] = dup(0);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(q);
    }
}

/* The peer goes with what was sent to it unread; its own messages still come on SEQPACKET, where the
 * reset is reported before them. */
TEST(messages_of_a_peer_that_has_gone_still_arrive)
{
    FOR_BOTH(type) {
        struct parcel *p = new_parcel(9, 1, ANC_MOVE);
        struct anc_in in;
        start_channel(&ch, type, NULL);
        queue_parcel(&ch, p);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        CHECK_INT(raw_send(ch.pair[1], "unread", 6, NULL, 0, 0), 6);
        close(ch.pair[0]);
        expect_parcel(&ch, p);
        if (type == SOCK_STREAM)
            CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), ECONNRESET);
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 0);
        ch.pair[0] = dup(0);
        end_channel(&ch);
        free_parcel(p);
    }
}

/* Both ways. */

TEST(one_socket_has_both_sides)
{
    static struct channel back;
    int round, i;
    FOR_BOTH(type) {
        start_channel(&ch, type, NULL);
        memcpy(back.pair, (int[2]){ch.pair[1], ch.pair[0]}, sizeof back.pair);
        CHECK_OK(anc_tx_init(&back.tx, back.pair[0], back.out, sizeof back.out, NULL, sizeof back.tx), 0);
        CHECK_OK(anc_rx_init(&back.rx, back.pair[1], back.in, sizeof back.in, back.slots, ANC_FDS_MAX, NULL,
                             sizeof back.rx), 0);
        for (round = 0; round < 20; round++) {
            struct parcel *there[3], *here[3];
            for (i = 0; i < 3; i++) {
                queue_parcel(&ch, there[i] = new_parcel((size_t)(round * 1000 + i), (size_t)i, ANC_MOVE));
                queue_parcel(&back, here[i] = new_parcel((size_t)(round * 100 + i), (size_t)(2 - i), ANC_MOVE));
            }
            CHECK_OK(anc_tx_flush(&back.tx, 0), 0);
            CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
            for (i = 0; i < 3; i++) {
                expect_parcel(&ch, there[i]);
                expect_parcel(&back, here[i]);
                free_parcel(there[i]);
                free_parcel(here[i]);
            }
        }
        anc_rx_close(&back.rx);
        end_channel(&ch);
    }
}

/* What else may come. */

TEST(credentials_pidfds_and_stamps_are_ignored)
{
    int round, i;
    FOR_BOTH(type) {
        struct parcel *p[7];
        start_channel(&ch, type, NULL);
        option(ch.pair[1], SO_PASSCRED, 1);
        option(ch.pair[1], SO_TIMESTAMPNS, 1);
        if (setsockopt(ch.pair[1], SOL_SOCKET, SO_PASSPIDFD, &(int){1}, sizeof(int)) != 0)
            printf("     without SO_PASSPIDFD, which this kernel lacks\n");
        for (round = 0; round < 3; round++) {
            int before = open_descriptors();
            for (i = 0; i < 7; i++)
                queue_parcel(&ch, p[i] = new_parcel((size_t)(i * 50), (size_t)(round ? i * 36 : 0), ANC_MOVE));
            for (i = 0; i < 7; i++) {
                expect_parcel(&ch, p[i]);
                free_parcel(p[i]);
            }
            expect_no_message(&ch);
            CHECK_INT(open_descriptors(), before);
        }
        end_channel(&ch);
    }
}

/* A read stops where the sender's identity changes; frames don't. */
TEST(messages_of_several_processes_arrive_on_one_socket)
{
    enum { CHILDREN = 4, EACH = 5 };
    FOR_BOTH(type) {
        int c, i, more;
        struct anc_in in;
        start_channel(&ch, type, NULL);
        option(ch.pair[1], SO_PASSCRED, 1);
        for (c = 0; c < CHILDREN; c++) {
            pid_t child = fork();
            if (child == 0) {
                struct parcel *p[EACH];
                for (i = 0; i < EACH; i++)
                    queue_parcel(&ch, p[i] = new_parcel(20 + (size_t)i, 1, ANC_MOVE));
                CHECK_OK(anc_tx_flush(&ch.tx, -1), 0);
                _exit(0);
            }
            check_child(child);
        }
        for (c = 0; c < CHILDREN; c++)
            for (i = 0, more = 0; i < EACH; i++) {
                unsigned int number;
                CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
                CHECK(in.len == 20 + (size_t)i && in.nfds == 1 && !more);
                number = number_of(in.fds[0]);
                CHECK_INT(((const unsigned char *)in.data)[5], byte_at(number, 5));
            }
        expect_no_message(&ch);
        end_channel(&ch);
    }
}

/* What is refused. */

TEST(only_connected_kinds_of_unix_sockets_have_channels)
{
    int sock, pair[2], file = new_descriptor();
    struct anc_tx *tx = &ch.tx;
    struct anc_rx *rx = &ch.rx;
#define BOTH_FAIL(sock, error)                                                                     \
    do {                                                                                           \
        CHECK_ERRNO(anc_tx_init(tx, sock, ch.out, sizeof ch.out, NULL, sizeof *tx), error);        \
        CHECK_ERRNO(anc_rx_init(rx, sock, ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX, NULL, sizeof *rx), error); \
    } while (0)
    sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock >= 0) {
        BOTH_FAIL(sock, EAFNOSUPPORT);
        close(sock);
    }
    socket_pair(SOCK_DGRAM, pair);
    BOTH_FAIL(pair[0], EPROTOTYPE);
    BOTH_FAIL(file, ENOTSOCK);
    close(file);
    BOTH_FAIL(file, EBADF);
    BOTH_FAIL(-1, EBADF);
    close_both(pair);
}

TEST(arguments_are_checked)
{
    FOR_BOTH(type) {
        struct anc_tx *tx = &ch.tx;
        struct anc_rx *rx = &ch.rx;
        struct anc_limits odd = {0, 0, 0, 1}, large = {0, 0, MAX_FRAME + 1, 0};
        size_t size;
        int s;
        socket_pair(type, ch.pair);
        s = ch.pair[0];
        CHECK_ERRNO(anc_tx_init(NULL, s, ch.out, sizeof ch.out, NULL, sizeof *tx), EFAULT);
        CHECK_ERRNO(anc_tx_init(tx, s, NULL, sizeof ch.out, NULL, sizeof *tx), EFAULT);
        CHECK_ERRNO(anc_tx_init(tx, s, NULL, 0, NULL, sizeof *tx), ENOBUFS);
        CHECK_ERRNO(anc_tx_init(tx, s, ch.out, sizeof ch.out, &odd, sizeof *tx), EINVAL);
        CHECK_ERRNO(anc_rx_init(NULL, s, ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX, NULL, sizeof *rx), EFAULT);
        CHECK_ERRNO(anc_rx_init(rx, s, NULL, sizeof ch.in, ch.slots, ANC_FDS_MAX, NULL, sizeof *rx), EFAULT);
        CHECK_ERRNO(anc_rx_init(rx, s, ch.in, sizeof ch.in, NULL, ANC_FDS_MAX, NULL, sizeof *rx), EFAULT);
        CHECK_ERRNO(anc_rx_init(rx, s, ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX - 1, NULL, sizeof *rx), ENOBUFS);
        CHECK_ERRNO(anc_rx_init(rx, s, ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX, &odd, sizeof *rx), EINVAL);
        for (size = 0; size < sizeof *tx; size++)
            CHECK_ERRNO(anc_tx_init(tx, s, ch.out, sizeof ch.out, NULL, size), EINVAL);
        for (size = 0; size < sizeof *rx; size++)
            CHECK_ERRNO(anc_rx_init(rx, s, ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX, NULL, size), EINVAL);
        if (type == SOCK_STREAM)
            CHECK_OK(anc_tx_init(tx, s, ch.out, sizeof ch.out, &large, sizeof *tx), 0);
        else
            CHECK_ERRNO(anc_tx_init(tx, s, ch.out, sizeof ch.out, &large, sizeof *tx), EINVAL);
        close_both(ch.pair);
    }
}

/* A later version's struct is larger; what this one does not know stays as it is. */
TEST(a_larger_struct_is_fine)
{
    static uint64_t tx[40], rx[40];
    socket_pair(SOCK_STREAM, ch.pair);
    memset(tx, 0x5a, sizeof tx);
    memset(rx, 0x5a, sizeof rx);
    CHECK_OK(anc_tx_init((struct anc_tx *)tx, ch.pair[0], ch.out, sizeof ch.out, NULL, sizeof tx), 0);
    CHECK_OK(anc_rx_init((struct anc_rx *)rx, ch.pair[1], ch.in, sizeof ch.in, ch.slots, ANC_FDS_MAX, NULL, sizeof rx), 0);
    CHECK_INT(tx[32], 0x5a5a5a5a5a5a5a5a);
    CHECK_INT(rx[32], 0x5a5a5a5a5a5a5a5a);
    CHECK_OK(anc_tx_flush((struct anc_tx *)tx, 0), 0);
    anc_rx_close((struct anc_rx *)rx);
    close_both(ch.pair);
}

TEST(every_call_refuses_NULL_and_what_was_not_initialised)
{
    struct anc_tx tx = {{0}};
    struct anc_rx rx = {{0}};
    struct anc_out out = {0};
    struct anc_in in;
    struct msghdr msg = {0};
    CHECK_ERRNO(anc_tx_queue(&tx, &out), EINVAL);
    CHECK_ERRNO(anc_tx_flush(&tx, 0), EINVAL);
    CHECK_ERRNO(anc_tx_next(&tx, &msg), EINVAL);
    CHECK_ERRNO(anc_tx_sent(&tx, 1), EINVAL);
    anc_tx_drop(&tx);
    CHECK_ERRNO(anc_rx_recv(&rx, &in, 0), EINVAL);
    CHECK_ERRNO(anc_rx_prepare(&rx, &msg), EINVAL);
    CHECK_ERRNO(anc_rx_got(&rx, &msg, 1), EINVAL);
    CHECK_ERRNO(anc_rx_next(&rx, &in), EINVAL);
    anc_rx_close(&rx);
    CHECK_ERRNO(anc_tx_queue(NULL, &out), EFAULT);
    CHECK_ERRNO(anc_tx_flush(NULL, 0), EFAULT);
    CHECK_ERRNO(anc_tx_next(NULL, &msg), EFAULT);
    CHECK_ERRNO(anc_tx_sent(NULL, 1), EFAULT);
    anc_tx_drop(NULL);
    CHECK_ERRNO(anc_rx_recv(NULL, &in, 0), EFAULT);
    CHECK_ERRNO(anc_rx_prepare(NULL, &msg), EFAULT);
    CHECK_ERRNO(anc_rx_got(NULL, &msg, 1), EFAULT);
    CHECK_ERRNO(anc_rx_next(NULL, &in), EFAULT);
    anc_rx_close(NULL);
    start_channel(&ch, SOCK_STREAM, NULL);
    CHECK_ERRNO(anc_tx_queue(&ch.tx, NULL), EFAULT);
    CHECK_OK(anc_tx_queue(&ch.tx, &out), 0);
    CHECK_ERRNO(anc_tx_next(&ch.tx, NULL), EFAULT);
    CHECK_ERRNO(anc_rx_recv(&ch.rx, NULL, 0), EFAULT);
    CHECK_ERRNO(anc_rx_prepare(&ch.rx, NULL), EFAULT);
    CHECK_ERRNO(anc_rx_got(&ch.rx, NULL, 1), EFAULT);
    CHECK_ERRNO(anc_rx_next(&ch.rx, NULL), EFAULT);
    CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
    CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
    end_channel(&ch);
}

/* Messages there and back over these buffers, which end where they end. */
static int is_aligned(const void *p, size_t to)
{
    return (uintptr_t)p % to == 0;
}

static void works_with(int type, size_t out_len, size_t in_len, size_t offset, const struct anc_limits *limits)
{
    char *out = malloc(out_len + offset), *in = malloc(in_len + offset);
    int *slots = malloc(ANC_FDS_MAX * sizeof *slots);
    struct msghdr msg;
    int i;
    CHECK(out && in && slots);
    socket_pair(type, ch.pair);
    CHECK_OK(anc_tx_init(&ch.tx, ch.pair[0], out + offset, out_len, limits, sizeof ch.tx), 0);
    CHECK_OK(anc_rx_init(&ch.rx, ch.pair[1], in + offset, in_len, slots, ANC_FDS_MAX, limits, sizeof ch.rx), 0);
    for (i = 0; i < 3; i++) {
        struct parcel *p = new_parcel((size_t)i * 150, i == 1 ? 253 : 2, ANC_MOVE);
        divide(p, 20);
        queue_parcel(&ch, p);
        /* Whose loop it is may look into the control data. */
        CHECK_OK(anc_tx_next(&ch.tx, &msg), 1);
        CHECK(msg.msg_control == NULL || is_aligned(msg.msg_control, _Alignof(struct cmsghdr)));
        CHECK(is_aligned(msg.msg_iov, _Alignof(struct iovec)));
        CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 1);
        CHECK(is_aligned(msg.msg_control, _Alignof(struct cmsghdr)));
        expect_parcel(&ch, p);
        free_parcel(p);
    }
    end_channel(&ch);
    free(out);
    free(in);
    free(slots);
}

/* The documented sizes suffice at every alignment, less is refused or works: never half. */
TEST(buffers_of_every_length_around_the_least_and_any_alignment)
{
    struct anc_limits limits = {0, 0, 100, 0};
    size_t offset, less;
    FOR_BOTH(type) {
        size_t least = ANC_CONTROL_MAX + 16 + (type == SOCK_STREAM ? 100 : 65536);
        for (offset = 0; offset <= 16; offset++) {
            int refused = 0;
            works_with(type, 2560, least, offset, &limits);
            works_with(type, 2561 + offset, least + offset, offset, &limits);
            for (less = 1; less < 30; less++) {
                struct anc_rx rx;
                char *in = malloc(least + offset);
                int pair[2];
                socket_pair(type, pair);
                if (anc_rx_init(&rx, pair[1], in + offset, least - less, ch.slots, ANC_FDS_MAX, &limits, sizeof rx) == 0) {
                    anc_rx_close(&rx);
                    CHECK(!refused);
                    works_with(type, 2560, least - less, offset, &limits);
                } else {
                    CHECK_INT(errno, ENOBUFS);
                    refused = 1;
                }
                free(in);
                close_both(pair);
            }
            CHECK(refused);
        }
    }
}

TEST(every_length_of_the_sending_buffer_is_refused_or_works)
{
    size_t offset, len;
    for (offset = 0; offset <= 16; offset += 3) {
        int accepted = 0;
        for (len = 0; len < 2600; len += len < 1000 || len > 2100 ? 37 : 1) {
            char *out = malloc(len + offset + 1);
            int r, pair[2];
            CHECK(out);
            socket_pair(SOCK_STREAM, pair);
            r = anc_tx_init(&ch.tx, pair[0], out + offset, len, NULL, sizeof ch.tx);
            CHECK(r == 0 || (errno == ENOBUFS && !accepted));
            accepted |= r == 0;
            free(out);
            close_both(pair);
            if (r == 0)
                works_with(SOCK_STREAM, len, ANC_RX_BUFFER, offset, NULL);
        }
        CHECK(accepted);
    }
}

TEST(a_message_that_is_refused_stays_with_the_caller)
{
    FOR_BOTH(type) {
        struct anc_limits limits = {1000, 4, 0, 0};
        struct parcel *p = new_parcel(100, 4, ANC_MOVE), *good = new_parcel(10, 1, ANC_MOVE);
        struct anc_out kept = p->out;
        int i;
        start_channel(&ch, type, &limits);
#define REFUSED(change, error)                                                                     \
        do {                                                                                       \
            p->out = kept;                                                                         \
            change;                                                                                \
            CHECK_ERRNO(anc_tx_queue(&ch.tx, &p->out), error);                                     \
            CHECK_INT(p->out.state, 4242);                                                         \
        } while (0)
        REFUSED(p->out.flags |= ANC_ALL, EINVAL);
        REFUSED(p->out.flags = 1u << 31, EINVAL);
        REFUSED(p->out.iovcnt = -1, EINVAL);
        REFUSED(p->out.iovcnt = 1025, EINVAL);
        REFUSED(p->out.iov = NULL, EFAULT);
        REFUSED(p->out.fds = NULL, EFAULT);
        REFUSED(p->out.nfds = 5, ERANGE);
        REFUSED(p->out.nfds = SIZE_MAX, ERANGE);
        p->iov[0].iov_len = 1001;
        REFUSED(, EMSGSIZE);
        p->iov[0].iov_len = SIZE_MAX;
        REFUSED(, EMSGSIZE);
        p->iov[1] = p->iov[0];
        REFUSED(p->out.iovcnt = 2, EMSGSIZE); /* both together overflow */
        p->iov[0].iov_len = p->iov[1].iov_len = SIZE_MAX / 2 + 1;
        REFUSED(p->out.iovcnt = 2, EMSGSIZE); /* and are 0 then */
        p->iov[0].iov_len = 100;
        p->iov[0].iov_base = NULL;
        REFUSED(, EFAULT);
        p->iov[0].iov_base = p->bytes;
        for (i = 0; i < 4; i++) {
            int fd = p->fds[i];
            p->fds[i] = i % 2 ? -1 : -100;
            REFUSED(, EBADF);
            p->fds[i] = fd;
        }
        for (i = 0; i < 4; i++)
            CHECK(is_open(p->fds[i]));
        p->out = kept;
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        expect_no_message(&ch); /* nothing of it was queued */
        queue_parcel(&ch, good);
        queue_parcel(&ch, p);
        expect_parcel(&ch, good);
        expect_parcel(&ch, p);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(good);
    }
}
