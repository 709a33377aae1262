/* MSG_PEEK with control space, https://github.com/phoenix-rtos/phoenix-rtos-kernel/pull/788
 * (Linux's behaviour, discussed); in the kernel itself the same sharing was CVE-2021-0920: every
 * look is another set of descriptors.
 *
 * A program peeks to learn how long the next message is, with the same msghdr that it then receives
 * with. Linux installs the descriptors at each peek, and again at the receive. On a stream even a
 * peek at plain bytes brings those of the next message.
 *
 * anc_recvmsg closes a peek's duplicates itself: a look leaves nothing behind. */
#include "field.h"

enum { LOOKS = 3, SIZE = 64 };

/* EMSGSIZE leaves the message where it is: the caller comes again with a larger buffer. */
static ssize_t receive_by_hand(int sock, char *buf, size_t len, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t n = recvmsg(sock, &msg, MSG_PEEK | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    if (n > (ssize_t)len) {
        errno = EMSGSIZE;
        return -1;
    }
    msg.msg_controllen = CMSG_LEN(sizeof(int));
    n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    *fd = -1;
    if (n >= 0 && CMSG_FIRSTHDR(&msg))
        memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof *fd);
    return n;
}

static ssize_t receive_with_library(int sock, char *buf, size_t len, int *fd)
{
    char control[ANC_CONTROL_MAX];
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    if (anc_recvmsg(sock, &msg, MSG_PEEK | MSG_TRUNC) > (ssize_t)len) {
        errno = EMSGSIZE;
        return -1;
    }
    return anc_recv_fds(sock, buf, len, fd, 1, NULL, ANC_EXACT);
}

static int left_open_by(ssize_t (*receive)(int, char *, size_t, int *))
{
    int pair[2], sent = new_descriptor(), fd, i, left_open;
    char buf[SIZE], message[SIZE] = "a message";
    struct table before;
    socket_pair(SOCK_SEQPACKET, pair);
    before = table_now();
    CHECK_INT(raw_send(pair[0], message, SIZE, &sent, 1, 0), SIZE);
    for (i = 0; i < LOOKS; i++)
        CHECK_ERRNO(receive(pair[1], buf, (size_t)8 << i, &fd), EMSGSIZE);
    CHECK_INT(receive(pair[1], buf, SIZE, &fd), SIZE);
    CHECK(memcmp(buf, message, SIZE) == 0 && same_file(fd, sent));
    close(fd);
    left_open = leaked(&before);
    close(sent);
    close_both(pair);
    return left_open;
}

TEST(by_hand_each_look_leaves_a_duplicate_open)
{
    CHECK_INT(left_open_by(receive_by_hand), LOOKS + 1);
}

TEST(with_the_library_looking_costs_no_descriptor)
{
    CHECK_INT(left_open_by(receive_with_library), 0);
}

/* Plain bytes in front, the descriptor with the next message. */
static void plain_then_descriptor(int pair[2], int fd)
{
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "plain", 5, NULL, 0, 0), 5);
    CHECK_INT(raw_send(pair[0], "next", 4, &fd, 1, 0), 4);
}

TEST(by_hand_a_look_at_plain_bytes_brings_the_next_messages_descriptor)
{
    int pair[2], sent = new_descriptor(), came[ANC_FDS_MAX], n;
    char buf[5];
    struct table before;
    plain_then_descriptor(pair, sent);
    before = table_now();
    CHECK_INT(raw_recv(pair[1], buf, sizeof buf, came, &n, MSG_PEEK), 5);
    CHECK(memcmp(buf, "plain", 5) == 0);
    CHECK_INT(n, 1);
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_look_at_plain_bytes_takes_nothing_from_the_next_message)
{
    int pair[2], sent = new_descriptor(), i;
    char buf[5], control[ANC_CONTROL_MAX];
    struct table before;
    plain_then_descriptor(pair, sent);
    before = table_now();
    for (i = 0; i < LOOKS; i++) {
        struct iovec iov = {buf, sizeof buf};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
        CHECK_OK(anc_recvmsg(pair[1], &msg, MSG_PEEK), 5);
        CHECK(memcmp(buf, "plain", 5) == 0);
        CHECK_INT(leaked(&before), 0);
    }
    CHECK_INT(read(pair[1], buf, 5), 5);
    EXPECT(pair[1], "next", &sent, 1);
    close(sent);
    close_both(pair);
}
