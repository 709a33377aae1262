/* Time stamps through a cast pointer: https://github.com/systemd/systemd/pull/27253 (riscv32),
 * https://github.com/rsyslog/rsyslog/pull/2509 (alpha, ia64).
 *
 * CMSG_DATA is aligned as size_t is, and only if the control buffer is. A struct timeval with a
 * 64-bit time_t wants 8 bytes on some 32-bit systems where CMSG_DATA has 4, and a buffer declared
 * as a char array, or io_uring's behind an odd name length, is aligned to nothing at all. Reading
 * through (struct timeval *)CMSG_DATA(c) is then a trap or a slow repair in the kernel.
 *
 * On x86_64 the processor reads unaligned memory, so the bug can't show as a failure: the control
 * asserts that the pointer which it would read through is misaligned, and does not read. With
 * -fsanitize=alignment the read itself is reported.
 *
 * anc_get works on a buffer of any alignment and copies to a variable that has its own. */
#include "field.h"
#include <sys/time.h>

/* A control buffer as it happens to stand in a struct. */
struct connection {
    _Alignas(8) char kind;
    char control[127];
};

static void stamped_pair(int pair[2])
{
    socket_pair(SOCK_DGRAM, pair); /* streams never bring stamps */
    option(pair[1], SO_TIMESTAMP, 1);
    CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
}

static const struct timeval *stamp_by_hand(int sock, struct connection *conn)
{
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = conn->control,
                         .msg_controllen = sizeof conn->control};
    if (recvmsg(sock, &msg, 0) != 1 || msg.msg_controllen < CMSG_LEN(sizeof(struct timeval)))
        return NULL;
    /* CMSG_DATA(CMSG_FIRSTHDR(&msg)), without the access to a misaligned header that it would be */
    return (const struct timeval *)(const void *)(conn->control + CMSG_LEN(0));
}

static int stamp_with_library(int sock, struct connection *conn, struct timeval *stamp)
{
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = conn->control,
                         .msg_controllen = sizeof conn->control};
    if (anc_recvmsg(sock, &msg, 0) != 1)
        return -1;
    anc_close_unclaimed(&msg);
    return anc_get(&msg, SOL_SOCKET, SCM_TIMESTAMP, stamp, sizeof *stamp);
}

TEST(by_hand_the_pointer_is_misaligned)
{
    int pair[2];
    struct connection conn;
    const struct timeval *stamp;
    stamped_pair(pair);
    stamp = stamp_by_hand(pair[1], &conn);
    CHECK(stamp && (uintptr_t)stamp % _Alignof(struct timeval) != 0);
    close_both(pair);
}

TEST(with_the_library_the_stamp_is_read_from_any_alignment)
{
    int pair[2];
    struct connection conn;
    struct timeval before, stamp = {0, 0}, after;
    CHECK(gettimeofday(&before, NULL) == 0);
    stamped_pair(pair);
    CHECK_INT(stamp_with_library(pair[1], &conn, &stamp), 0);
    CHECK(gettimeofday(&after, NULL) == 0);
    CHECK(!timercmp(&stamp, &before, <) && !timercmp(&stamp, &after, >));
    close_both(pair);
}

/* All eight alignments, with a descriptor behind the stamp. */
TEST(with_the_library_descriptors_are_taken_from_any_alignment)
{
    int offset;
    for (offset = 0; offset < 8; offset++) {
        int pair[2], sent[3], fds[3], i;
        char byte;
        _Alignas(8) char memory[136];
        struct iovec iov = {&byte, 1};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = memory + offset,
                             .msg_controllen = 128};
        size_t nfds;
        socket_pair(SOCK_DGRAM, pair);
        option(pair[1], SO_TIMESTAMP, 1);
        new_descriptors(sent, 3);
        CHECK_INT(raw_send(pair[0], "x", 1, sent, 3, 0), 1);
        CHECK_OK(anc_recvmsg(pair[1], &msg, 0), 1);
        CHECK_OK(anc_take_fds(&msg, fds, 3, &nfds, 0), 0);
        CHECK_INT(nfds, 3);
        for (i = 0; i < 3; i++)
            CHECK(same_file(fds[i], sent[i]));
        anc_close_fds(fds, 3);
        anc_close_fds(sent, 3);
        close_both(pair);
    }
}
