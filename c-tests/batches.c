/* Batches: KERNEL's rows on recvmmsg and sendmmsg, each through anc_recvmmsg and anc_sendmmsg; and threads
 * cancelled in the calls that fill the caller's own control buffers. */
#include "control.h"
#include <dlfcn.h>
#include <sched.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { BATCH = 8, MOST = 1024 };

static struct message in[BATCH], out[BATCH];
static struct mmsghdr v[BATCH];

static struct mmsghdr *receivers(size_t len, size_t control)
{
    int i;
    for (i = 0; i < BATCH; i++) {
        v[i].msg_hdr = *receiver(&in[i], len, control);
        v[i].msg_len = 4242;
    }
    return v;
}

/* Messages "0", "1", ... of which number i has i % 4 descriptors. */
static struct mmsghdr *senders(const int *fds)
{
    char text[2] = "0";
    int i;
    for (i = 0; i < BATCH; i++, text[0]++) {
        v[i].msg_hdr = *sender(&out[i], text, fds, i % 4);
        v[i].msg_len = 4242;
    }
    return v;
}

static void queue_messages(int sock, const int *fds, int n)
{
    char text[2] = "0";
    int i;
    for (i = 0; i < n; i++, text[0]++)
        CHECK_INT(raw_send(sock, text, 1, fds, i % 4, 0), 1);
}

static void close_batch(unsigned n)
{
    unsigned i;
    for (i = 0; i < n; i++)
        anc_close_unclaimed(&v[i].msg_hdr);
}

/* Messages first.. to first + n - 1 of those stand in v[0] and on, and nothing in the others. */
static void check_batch(int first, int n)
{
    int came[ANC_FDS_MAX], i, k;
    for (i = 0; i < n; i++) {
        CHECK_CASE(v[i].msg_len == 1 && in[i].data[0] == '0' + first + i, "message %d", i);
        CHECK_CASE(v[i].msg_hdr.msg_flags == 0, "message %d: flags %#x", i, (unsigned)v[i].msg_hdr.msg_flags);
        CHECK_INT(rights_in(&v[i].msg_hdr, came), (first + i) % 4);
        for (k = 0; k < (first + i) % 4; k++)
            CHECK(is_cloexec(came[k]));
    }
    for (; i < BATCH; i++)
        CHECK_CASE(v[i].msg_hdr.msg_controllen == 0, "message %d", i);
}

TEST(a_batch_comes_in_order_with_its_descriptors)
{
    static const int flags[] = {MSG_DONTWAIT, MSG_WAITFORONE, MSG_DONTWAIT | MSG_WAITFORONE, MSG_WAITFORONE | MSG_CMSG_CLOEXEC};
    int t, n, fds[3] = {0, 1, 2}, before;
    size_t f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(flags); f++)
            for (n = 1; n <= BATCH; n++) {
                int pair[2];
                socket_pair(socket_types[t], pair);
                before = lowest_free();
                CHECK_OK(anc_sendmmsg(pair[0], senders(fds), (unsigned)n, 0), n);
                CHECK_INT(v[n - 1].msg_len, 1);
                CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, flags[f]), n);
                check_batch(0, n);
                close_batch(BATCH);
                CHECK_INT(lowest_free(), before);
                /* An array shorter than what waits. */
                queue_messages(pair[0], fds, BATCH);
                CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), (unsigned)n, flags[f]), n);
                close_batch((unsigned)n);
                CHECK_INT(v[n % BATCH].msg_len, n < BATCH ? 4242 : 1);
                CHECK_INT(lowest_free(), before);
                drain_socket(pair[1]);
                close_both(pair);
            }
}

/* Without them the kernel waits until the last message has come; a signal in between leaves its error
 * on the socket. */
TEST(a_batch_must_not_wait_for_more_than_one)
{
    static const int flags[] = {0, MSG_PEEK, MSG_WAITALL, MSG_TRUNC, MSG_CMSG_CLOEXEC};
    int t, pair[2], fds[3] = {0, 1, 2}, i;
    size_t f;
    for (t = 0; t < 3; t++)
        for (f = 0; f < LENGTH(flags); f++) {
            socket_pair(socket_types[t], pair);
            queue_messages(pair[0], fds, BATCH);
            CHECK_ERRNO(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, flags[f]), EINVAL);
            for (i = 0; i < BATCH; i++)
                CHECK_INT(v[i].msg_hdr.msg_controllen, 0);
            CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_DONTWAIT), BATCH);
            check_batch(0, BATCH);
            close_batch(BATCH);
            close_both(pair);
        }
}

TEST(NULL_with_a_number_is_EFAULT_and_0_messages_are_0)
{
    int pair[2];
    socket_pair(SOCK_SEQPACKET, pair);
    CHECK_ERRNO(anc_sendmmsg(pair[0], NULL, 1, 0), EFAULT);
    CHECK_ERRNO(anc_recvmmsg(pair[1], NULL, 1, MSG_DONTWAIT), EFAULT);
    CHECK_ERRNO(anc_recvmmsg(pair[1], NULL, UINT_MAX, MSG_DONTWAIT), EFAULT);
    CHECK_OK(anc_sendmmsg(pair[0], NULL, 0, 0), 0);
    CHECK_OK(anc_recvmmsg(pair[1], NULL, 0, MSG_DONTWAIT), 0);
    close_both(pair);
}

/* Whatever was in the buffers before, a failed batch leaves nothing to claim. */
TEST(a_failed_batch_leaves_no_control_data)
{
    int t, fd = new_descriptor(), i;
    for (t = 0; t < 3; t++) {
        int pair[2], how;
        socket_pair(socket_types[t], pair);
        for (how = 0; how < 5; how++) {
            receivers(1, ANC_FDS_SPACE(1));
            for (i = 0; i < BATCH; i++)
                forge(in[i].control.bytes, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
            if (how == 0)
                CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), EAGAIN);
            else if (how == 1)
                CHECK_ERRNO(anc_recvmmsg(-1, v, BATCH, MSG_DONTWAIT), EBADF);
            else if (how == 2)
                CHECK_ERRNO(anc_recvmmsg(fd, v, BATCH, MSG_DONTWAIT), ENOTSOCK);
            else if (how == 3)
                CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, 0), EINVAL);
            else
                CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT | MSG_OOB), EINVAL);
            for (i = 0; i < BATCH; i++)
                CHECK_INT(v[i].msg_hdr.msg_controllen, 0);
            close_batch(BATCH);
            CHECK(is_open(fd));
        }
        /* One came: the others hold nothing. */
        receivers(1, ANC_FDS_SPACE(1));
        for (i = 0; i < BATCH; i++)
            forge(in[i].control.bytes, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
        CHECK_INT(send(pair[0], "0", 1, 0), 1);
        CHECK_OK(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), 1);
        check_batch(0, 1);
        close_batch(BATCH);
        CHECK(is_open(fd));
        close_both(pair);
    }
    close(fd);
}

TEST(one_message_that_would_lose_descriptors_refuses_the_batch)
{
    int fd = new_descriptor(), bad, i;
    for (bad = 0; bad < BATCH; bad++) {
        int pair[2], fds[3] = {fd, fd, fd};
        socket_pair(SOCK_STREAM, pair);
        senders(fds);
        v[bad].msg_hdr = *sender(&out[bad], "", &fd, 1);
        CHECK_ERRNO(anc_sendmmsg(pair[0], v, BATCH, 0), EINVAL);
        EXPECT_NOTHING(pair[1]);
        queue_messages(pair[0], fds, 1);
        receivers(1, 128);
        v[bad].msg_hdr = *receiver(&in[bad], 0, 128);
        CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), EINVAL);
        for (i = 0; i < BATCH; i++)
            CHECK_INT(v[i].msg_hdr.msg_controllen, 0);
        EXPECT(pair[1], "0", NULL, 0);
        /* Out of band, with control data in one of them. */
        for (i = 0; i < BATCH; i++)
            v[i].msg_hdr = *sender(&out[i], "x", &fd, i == bad);
        CHECK_ERRNO(anc_sendmmsg(pair[0], v, BATCH, MSG_OOB), EINVAL);
        EXPECT_NOTHING(pair[1]);
        close_both(pair);
    }
    close(fd);
}

TEST(sending_stops_at_the_bad_one_whose_error_shows_next)
{
    int t, bad, closed = NO_DESCRIPTOR, fds[3] = {0, 1, 2};
    for (t = 0; t < 3; t++)
        for (bad = 0; bad < BATCH; bad++) {
            int pair[2], i;
            socket_pair(socket_types[t], pair);
            senders(fds);
            v[bad].msg_hdr = *sender(&out[bad], "x", &closed, 1);
            if (bad > 0)
                CHECK_OK(anc_sendmmsg(pair[0], v, BATCH, 0), bad);
            CHECK_ERRNO(anc_sendmmsg(pair[0], v + bad, (unsigned)(BATCH - bad), 0), EBADF);
            CHECK_INT(v[bad].msg_len, 4242);
            if (bad + 1 < BATCH)
                CHECK_OK(anc_sendmmsg(pair[0], v + bad + 1, (unsigned)(BATCH - bad - 1), 0), BATCH - bad - 1);
            for (i = 0; i < BATCH; i++)
                if (i != bad) {
                    char byte;
                    int came[ANC_FDS_MAX], n;
                    CHECK_INT(raw_recv(pair[1], &byte, 1, came, &n, MSG_DONTWAIT), 1);
                    CHECK(byte == '0' + i && n == i % 4);
                    anc_close_fds(came, (size_t)n);
                }
            EXPECT_NOTHING(pair[1]);
            close_both(pair);
        }
}

TEST(a_full_socket_stops_a_batch_without_losing_a_descriptor)
{
    int t, fds[3] = {0, 1, 2};
    for (t = 0; t < 3; t++) {
        int pair[2], sent = 0, expected = 0, n, i;
        socket_pair(socket_types[t], pair);
        while ((n = anc_sendmmsg(pair[0], senders(fds), BATCH, MSG_DONTWAIT)) > 0)
            for (i = 0; i < n; i++, sent++)
                expected += i % 4;
        CHECK(n == -1 && errno == EAGAIN && sent > 0);
        CHECK_INT(drain_socket(pair[1]), expected);
        close_both(pair);
    }
}

TEST(no_batch_raises_SIGPIPE)
{
    int t, fds[3] = {0, 1, 2};
    signal(SIGPIPE, SIG_DFL);
    for (t = 0; t < 3; t++) {
        int pair[2];
        sigset_t pending;
        socket_pair(socket_types[t], pair);
        close(pair[1]);
        CHECK_ERRNO(anc_sendmmsg(pair[0], senders(fds), BATCH, 0), socket_types[t] == SOCK_DGRAM ? ECONNREFUSED : EPIPE);
        CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
        close(pair[0]);
    }
}

/* KERNEL: at most 1,024 of a batch go or come. */

static struct mmsghdr large[MOST + 300];
static char large_bytes[MOST + 300];
static struct iovec large_parts[MOST + 300];
static union {
    struct cmsghdr align;
    unsigned char bytes[ANC_FDS_SPACE(1)];
} large_control[MOST + 300];

static void prepare_large(int fd)
{
    size_t i;
    for (i = 0; i < LENGTH(large); i++) {
        large_parts[i] = (struct iovec){&large_bytes[i], 1};
        large[i].msg_hdr = with_control(large_control[i].bytes, ANC_FDS_SPACE(1));
        large[i].msg_hdr.msg_iov = &large_parts[i];
        large[i].msg_hdr.msg_iovlen = 1;
        forge(large_control[i].bytes, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
    }
}

TEST(a_batch_is_1024_messages_at_most)
{
    int pair[2], fd = new_descriptor(), before, room = 1 << 22, granted;
    socklen_t len = sizeof granted;
    size_t i;
    socket_pair(SOCK_STREAM, pair);
    /* More than net.core.wmem_max has been for most of its life. */
    if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
        option(pair[0], SO_SNDBUF, room);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &granted, &len) == 0);
    if (granted < room)
        skip("the socket may buffer %d bytes only", granted);
    before = lowest_free();
    memset(large_bytes, 'x', sizeof large_bytes);
    prepare_large(fd);
    CHECK_OK(anc_sendmmsg(pair[0], large, LENGTH(large), 0), MOST);
    prepare_large(fd);
    CHECK_OK(anc_recvmmsg(pair[1], large, LENGTH(large), MSG_DONTWAIT), MOST);
    for (i = 0; i < MOST; i++)
        anc_close_unclaimed(&large[i].msg_hdr);
    EXPECT_NOTHING(pair[1]);
    CHECK(is_open(fd));
    CHECK_INT(lowest_free(), before);
    close(fd);
    close_both(pair);
}

TEST(messages_beyond_1024_hold_no_control_data)
{
    int pair[2], fd = new_descriptor();
    size_t i;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(send(pair[0], "x", 1, 0), 1);
    prepare_large(fd);
    CHECK_OK(anc_recvmmsg(pair[1], large, LENGTH(large), MSG_DONTWAIT), 1);
    for (i = 1; i < LENGTH(large); i++)
        CHECK_CASE(large[i].msg_hdr.msg_controllen == 0, "message %zu", i);
    close(fd);
    close_both(pair);
}

/* KERNEL: errno 512, saved errors, end of file, a full table. */

#ifdef __linux__
/* recvmmsg without the two flags, interrupted after its first message, returns 1 and leaves ERESTARTSYS on
 * the socket: whoever calls next fails with a number that no program should see. */
static void leave_512(const int pair[2])
{
    struct message m[2];
    struct mmsghdr two[2] = {{.msg_len = 0}, {.msg_len = 0}};
    pid_t child;
    two[0].msg_hdr = *receiver(&m[0], 1, 0);
    two[1].msg_hdr = *receiver(&m[1], 1, 0);
    CHECK_INT(send(pair[0], "x", 1, 0), 1);
    child = interrupt_me(1, NULL, NULL);
    CHECK_INT(syscall(SYS_recvmmsg, pair[1], two, 2, 0, NULL), 1);
    check_child(child);
}

static long long next_call(int which, int sock, struct message *m)
{
    char byte;
    size_t n;
    struct mmsghdr one = {.msg_len = 0};
    switch (which) {
    case 0:
        return anc_recvmsg(sock, receiver(m, 1, 128), MSG_DONTWAIT);
    case 1:
        one.msg_hdr = *receiver(m, 1, 128);
        return anc_recvmmsg(sock, &one, 1, MSG_DONTWAIT);
    case 2:
        return anc_sendmsg(sock, sender(m, "x", NULL, 0), MSG_DONTWAIT);
    case 3:
        one.msg_hdr = *sender(m, "x", NULL, 0);
        return anc_sendmmsg(sock, &one, 1, MSG_DONTWAIT);
    case 4:
        return anc_recv_fds(sock, &byte, 1, NULL, 0, &n, ANC_DONTWAIT);
    default:
        return anc_send_fds(sock, "x", 1, NULL, 0, ANC_DONTWAIT);
    }
}

TEST(errno_512_is_EINTR_once)
{
    int t, which, left = 0;
    for (t = 0; t < 3; t++)
        for (which = 0; which < 6; which++) {
            struct message m;
            int pair[2], saved;
            socklen_t len = sizeof saved;
            long long n;
            socket_pair(socket_types[t], pair);
            leave_512(pair);
            CHECK_INT(send(pair[0], "y", 1, 0), 1);
            errno = 0;
            n = next_call(which, pair[1], &m);
            /* Not every path looks at the socket's saved error. Where it does, it is 512. */
            CHECK_CASE(n >= 0 || errno == EINTR, "call %d on a %s", which, type_name(socket_types[t]));
            left += n < 0;
            if (n >= 0)
                CHECK(getsockopt(pair[1], SOL_SOCKET, SO_ERROR, &saved, &len) == 0);
            CHECK(next_call(which, pair[1], &m) >= 0 || errno == EAGAIN);
            close_both(pair);
        }
    CHECK_CASE(left > 0, "no call saw it");
}

#endif

TEST(a_buffer_nowhere_ends_the_batch_and_shows_on_the_next_call)
{
    int t, bad, fds[3] = {0, 1, 2}, before;
    if (ON_ASAN || on_valgrind())
        skip("the checker reports the pointer itself");
    for (t = 0; t < 3; t++)
        for (bad = 0; bad < BATCH; bad++) {
            int pair[2], is_stream = socket_types[t] == SOCK_STREAM, i;
            socket_pair(socket_types[t], pair);
            before = lowest_free();
            queue_messages(pair[0], fds, BATCH);
            receivers(1, 128);
            in[bad].iov.iov_base = (void *)16;
            if (bad > 0) {
                CHECK_OK(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), bad);
                check_batch(0, bad);
                close_batch(BATCH);
                CHECK_ERRNO(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_DONTWAIT), EFAULT);
            } else {
                CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), EFAULT);
            }
            for (i = 0; i < BATCH; i++)
                CHECK_INT(v[i].msg_hdr.msg_controllen, 0);
            CHECK_INT(lowest_free(), before);
            /* A stream has kept the message, the others have lost it. */
            i = is_stream ? bad : bad + 1;
            receivers(1, 128);
            if (i < BATCH) {
                CHECK_OK(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), BATCH - i);
                check_batch(i, BATCH - i);
            }
            close_batch(BATCH);
            CHECK_INT(lowest_free(), before);
            close_both(pair);
        }
}

TEST(end_of_file_fills_the_batch_of_a_seqpacket)
{
    int queued, fds[3] = {0, 1, 2}, i;
    for (queued = 0; queued < BATCH; queued++) {
        int pair[2];
        socket_pair(SOCK_SEQPACKET, pair);
        queue_messages(pair[0], fds, queued);
        close(pair[0]);
        CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_WAITFORONE), BATCH);
        for (i = queued; i < BATCH; i++)
            CHECK(v[i].msg_len == 0 && v[i].msg_hdr.msg_flags == 0 && v[i].msg_hdr.msg_controllen == 0);
        check_batch(0, queued);
        close_batch(BATCH);
        close(pair[1]);
    }
}

TEST(end_of_file_of_a_stream_is_one_empty_message_or_more)
{
    int pair[2], n;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(send(pair[0], "0", 1, 0), 1);
    close(pair[0]);
    n = anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_WAITFORONE);
    CHECK(n >= 2 && v[0].msg_len == 1 && v[1].msg_len == 0 && v[1].msg_hdr.msg_controllen == 0);
    close(pair[1]);
}

/* The batch goes on: what did not fit is gone, told by MSG_CTRUNC in its message. */
TEST(a_full_table_in_the_middle_of_a_batch_leaks_nothing)
{
    int t, room, fds[3] = {0, 1, 2}, before;
    limits_begin();
    for (t = 0; t < 3; t++)
        for (room = 0; room <= 12; room++) {
            int pair[2], came[ANC_FDS_MAX], left = room, i;
            socket_pair(socket_types[t], pair);
            before = lowest_free();
            queue_messages(pair[0], fds, BATCH);
            allow_only(room);
            CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_DONTWAIT), BATCH);
            for (i = 0; i < BATCH; i++) {
                int sent = i % 4, got = sent < left ? sent : left;
                CHECK_CASE(v[i].msg_len == 1 && in[i].data[0] == '0' + i, "message %d", i);
                CHECK_CASE(v[i].msg_hdr.msg_flags == (got < sent ? MSG_CTRUNC : 0), "message %d, room %d", i, room);
                CHECK_CASE(rights_in(&v[i].msg_hdr, came) == got, "message %d, room %d", i, room);
                CHECK_INT(anc_truncation_cause(&v[i].msg_hdr, 128), got < sent ? EMFILE : 0);
                left -= got;
            }
            allow_any();
            close_batch(BATCH);
            CHECK_INT(lowest_free(), before);
            close_both(pair);
        }
    limits_end();
}

TEST(each_message_of_a_batch_tells_what_it_lost)
{
    int t, fds[3] = {0, 1, 2}, i, before;
    for (t = 0; t < 3; t++) {
        int pair[2], came[ANC_FDS_MAX];
        socket_pair(socket_types[t], pair);
        before = lowest_free();
        for (i = 0; i < BATCH; i++)
            CHECK_INT(raw_send(pair[0], "text", 4, fds, i % 4, 0), 4);
        receivers(4, 128);
        for (i = 0; i < BATCH; i++) {
            if (i % 2 && socket_types[t] != SOCK_STREAM)
                in[i].iov.iov_len = 1;
            v[i].msg_hdr.msg_controllen = i % 3 ? 128 : ANC_LEN(4);
        }
        CHECK_OK(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), BATCH);
        for (i = 0; i < BATCH; i++) {
            int lost = i % 3 == 0 && i % 4 > (ANC_SPACE(4) == ANC_LEN(4) ? 0 : 1);
            int flags = (in[i].iov.iov_len < 4 ? MSG_TRUNC : 0) | (i % 4 && lost ? MSG_CTRUNC : 0);
            CHECK_CASE(v[i].msg_hdr.msg_flags == flags, "message %d: %#x", i, (unsigned)v[i].msg_hdr.msg_flags);
            CHECK_INT(rights_in(&v[i].msg_hdr, came), lost ? 1 : i % 4);
        }
        close_batch(BATCH);
        CHECK_INT(lowest_free(), before);
        close_both(pair);
    }
}

/* Every slot shows the first message again, and installs its descriptors again. */
TEST(a_peeking_batch_leaves_no_duplicates)
{
    int t, fds[3] = {0, 1, 2}, i, before, with_pidfd;
    for (with_pidfd = 0; with_pidfd < 2; with_pidfd++)
        for (t = 0; t < 3; t++) {
            int pair[2];
            socket_pair(socket_types[t], pair);
            if (with_pidfd)
                accept_pidfds(pair[1]);
            CHECK_INT(raw_send(pair[0], "x", 1, fds, 3, 0), 1);
            before = lowest_free();
            CHECK_OK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_DONTWAIT | MSG_PEEK), BATCH);
            CHECK_INT(lowest_free(), before);
            for (i = 0; i < BATCH; i++) {
                int came[ANC_FDS_MAX];
                CHECK(v[i].msg_len == 1 && v[i].msg_hdr.msg_flags == 0);
                CHECK(rights_in(&v[i].msg_hdr, came) == 3 && came[0] == -1 && came[1] == -1 && came[2] == -1);
                CHECK_INT(pidfd_in(&v[i].msg_hdr), -1);
            }
            if (with_pidfd)
                option(pair[1], SO_PASSPIDFD, 0); /* drain_socket knows no pidfds */
            CHECK_INT(drain_socket(pair[1]), 3);
            close_both(pair);
        }
}

TEST(a_waiting_batch_is_interrupted_by_a_signal)
{
    int t;
    for (t = 0; t < 3; t++) {
        int pair[2], fds[3] = {0, 1, 2};
        pid_t child;
        socket_pair(socket_types[t], pair);
        child = interrupt_me(1, NULL, NULL);
        CHECK_ERRNO(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_WAITFORONE), EINTR);
        check_child(child);
        fill_socket(pair[0]);
        child = interrupt_me(1, NULL, NULL);
        CHECK_ERRNO(anc_sendmmsg(pair[0], senders(fds), BATCH, 0), EINTR);
        check_child(child);
        CHECK_INT(drain_socket(pair[1]), 0);
        close_both(pair);
    }
}

static void close_writer(void *sock)
{
    close(*(int *)sock);
}

TEST(WAITFORONE_waits_for_the_first)
{
    int pair[2], status;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    /* The child's copy of the writing end is the last one when ours is closed. */
    child = interrupt_me(0, close_writer, &pair[0]);
    close(pair[0]);
    CHECK(anc_recvmmsg(pair[1], receivers(1, 128), BATCH, MSG_WAITFORONE) >= 1);
    CHECK_INT(v[0].msg_len, 0);
    CHECK(waitpid(child, &status, 0) == child);
    close(pair[1]);
}

/* Without MSG_CMSG_CLOEXEC the library sets the flag itself, and a descriptor on which that fails must not be
 * handed over. This one, in place of the C library's, fails then. */
static int setfd_fails_at, setfds;

int fcntl(int fd, int command, ...)
{
    static int (*next)(int, int, ...);
    va_list args;
    long arg;
    va_start(args, command);
    arg = va_arg(args, long);
    va_end(args);
    if (command == F_SETFD && setfd_fails_at > 0 && ++setfds == setfd_fails_at) {
        errno = EIO;
        return -1;
    }
    if (!next)
        next = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
    return next(fd, command, arg);
}

TEST(a_descriptor_that_cannot_be_close_on_exec_breaks_the_batch_and_leaks_nothing)
{
    int t, fds[3] = {0, 1, 2}, before, i, whole, is_late = built_without("cmsg_cloexec"), all = is_late ? 12 : 0;
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        before = lowest_free();
        for (whole = 0; whole < 2; whole++)
            for (setfd_fails_at = 1; setfd_fails_at <= all + 1; setfd_fails_at++) {
                int n = BATCH;
                setfds = 0;
                queue_messages(pair[0], fds, BATCH);
                receivers(1, 128);
                if (whole)
                    for (n = 0; n < BATCH && anc_recvmsg(pair[1], &v[n].msg_hdr, MSG_DONTWAIT) == 1; n++)
                        ;
                else if (setfd_fails_at <= all)
                    CHECK_ERRNO(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), EIO);
                else
                    CHECK_OK(anc_recvmmsg(pair[1], v, BATCH, MSG_DONTWAIT), BATCH);
                if (whole && setfd_fails_at <= all)
                    CHECK(n < BATCH && errno == EIO && v[n].msg_hdr.msg_controllen == 0);
                close_batch((unsigned)n);
                if (!whole && setfd_fails_at <= all)
                    for (i = 0; i < BATCH; i++)
                        CHECK_INT(v[i].msg_hdr.msg_controllen, 0);
                CHECK_INT(lowest_free(), before);
                drain_socket(pair[1]);
            }
        setfd_fails_at = 0;
        close_both(pair);
    }
}

/* Cancellation, of Linux: elsewhere recvmmsg is the library's own loop. */
#ifdef __linux__

/* Stands in for the C library's: cancels itself at the worst moment, when the kernel has installed the
 * descriptors, as glibc before 2.41 can. */
static _Thread_local int cancels_after;

static void cancel_if_asked(void)
{
    if (cancels_after) {
        cancels_after = 0;
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
}

#ifdef __GLIBC__
typedef int batch_flags;
#else
typedef unsigned int batch_flags; /* musl */
#endif

int recvmmsg(int sock, struct mmsghdr *messages, unsigned int n, batch_flags flags, struct timespec *timeout)
{
    /* A cancellation point, as the C library's. */
    int old, result;
    pthread_testcancel();
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    result = (int)syscall(SYS_recvmmsg, sock, messages, n, flags, timeout);
    pthread_setcanceltype(old, &old);
    cancel_if_asked();
    return result;
}

static struct job {
    int sock, flags, worst_moment, returned, result;
    _Atomic pid_t thread;
} job;

static void *receive_batch(void *unused)
{
    (void)unused;
    job.thread = (pid_t)syscall(SYS_gettid);
    cancels_after = job.worst_moment;
    job.result = anc_recvmmsg(job.sock, v, BATCH, job.flags);
    job.returned = 1;
    pthread_testcancel();
    return NULL;
}

static pthread_t start(int sock, int flags, int worst_moment)
{
    pthread_t thread;
    memset(&job, 0, sizeof job);
    job.sock = sock;
    job.flags = flags;
    job.worst_moment = worst_moment;
    CHECK(pthread_create(&thread, NULL, receive_batch, NULL) == 0);
    return thread;
}

static void join(pthread_t thread)
{
    void *result;
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

TEST(a_thread_cancelled_right_after_recvmmsg_leaks_nothing)
{
    int t, n, fds[3] = {0, 1, 2}, before, i, again[32];
    size_t room;
    for (t = 0; t < 3; t++) {
        int pair[2];
        socket_pair(socket_types[t], pair);
        accept_pidfds(pair[1]);
        before = lowest_free();
        for (n = 0; n <= BATCH; n++)
            for (room = 0; room <= 128; room += n == BATCH ? 1 : 16) {
                queue_messages(pair[0], fds, n);
                receivers(1, room);
                for (i = 0; i < BATCH; i++) /* what earlier messages may have left */
                    forge(in[i].control.bytes, SOL_SOCKET, SCM_RIGHTS, &pair[0], 4);
                join(start(pair[1], MSG_DONTWAIT, 1));
                CHECK_INT(job.returned, 0);
                CHECK_CASE(lowest_free() == before && is_open(pair[0]), "%d messages, %zu bytes", n, room);
                /* A cleanup handler of the thread's own may look after the batch too, when the numbers
                 * are somebody else's. */
                for (i = 0; i < 32; i++)
                    again[i] = duplicate(pair[0]);
                close_batch(BATCH);
                for (i = 0; i < 32; i++)
                    CHECK(close(again[i]) == 0);
            }
        close_both(pair);
    }
}

TEST(a_waiting_batch_can_be_cancelled)
{
    int t;
    for (t = 0; t < 3; t++) {
        int pair[2], fd = new_descriptor(), i;
        pthread_t thread;
        socket_pair(socket_types[t], pair);
        receivers(1, 128);
        for (i = 0; i < BATCH; i++)
            forge(in[i].control.bytes, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
        thread = start(pair[1], MSG_WAITFORONE, 0);
        while (!job.thread)
            sched_yield();
        wait_until_asleep(job.thread);
        pthread_cancel(thread);
        join(thread);
        CHECK(!job.returned && is_open(fd));
        close(fd);
        close_both(pair);
    }
}

/* Data and cancellation reach a waiting thread at once: it has all of a message, or none. */
TEST(a_batch_racing_with_cancellation_leaks_nothing)
{
    int round, rounds = on_valgrind() || ON_ASAN ? 60 : 1500, early = 0, hit = 0, late = 0, delay = 0;
    int fds[3] = {0, 1, 2}, before = lowest_free();
    for (round = 0; goes_on(round, rounds, 6); round++) {
        int pair[2], came;
        volatile int i;
        pthread_t thread;
        socket_pair(socket_types[round % 3], pair);
        receivers(1, 128);
        thread = start(pair[1], MSG_WAITFORONE, 0);
        while (!job.thread)
            sched_yield();
        if (round % 2)
            wait_until_asleep(job.thread);
        CHECK_INT(raw_send(pair[0], "x", 1, fds, 3, 0), 1);
        CHECK_INT(raw_send(pair[0], "y", 1, fds, 3, 0), 1);
        for (i = 0; i < delay; i++)
            ;
        pthread_cancel(thread);
        CHECK(pthread_join(thread, NULL) == 0); /* it may have ended before */
        if (job.returned)
            close_batch(BATCH);
        came = drain_socket(pair[1]);
        /* The delay follows the moment at which the descriptors come out of the kernel. */
        early += came == 6;
        late += job.returned;
        hit += came < 6 && !job.returned;
        delay += came == 6 ? 7 : job.returned && delay >= 7 ? -7 : 0;
        close_both(pair);
        CHECK_CASE(lowest_free() == before, "round %d", round);
    }
    printf("     %d rounds: %d before the descriptors came, %d after the call, %d in between\n", round, early, late, hit);
}
#endif
