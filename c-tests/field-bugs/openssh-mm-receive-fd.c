/* OpenSSH's mm_receive_fd (monitor_fdpass.c) and dovecot's fd_read (src/lib/fdpass.c),
 * https://github.com/openssh/openssh-portable, https://github.com/dovecot/core: the second
 * descriptor stays open.
 *
 * Both receive one descriptor with a control buffer of CMSG_SPACE(sizeof(int)), room for two on
 * 64-bit systems, and copy the first int. OpenSSH looks at the type of the message only, dovecot
 * asks that the length be at least that of one. A peer that sends two leaves one open in the
 * privileged process with every message.
 *
 * anc_recv_fd and anc_recv_fds close what is not handed over. */
#include "field.h"

enum { ROUNDS = 10 };

static int monitor_by_hand(int sock)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    int fd;
    memset(&control, 0, sizeof control);
    if (recvmsg(sock, &msg, 0) != 1)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (!c || c->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static int monitor_with_library(int sock)
{
    return anc_recv_fd(sock, 0);
}

static ssize_t read_by_hand(int sock, void *buf, size_t len, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t n;
    *fd = -1;
    memset(&control, 0, sizeof control);
    n = recvmsg(sock, &msg, 0);
    if (n <= 0)
        return n;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_len >= CMSG_LEN(sizeof(int)) && c->cmsg_level == SOL_SOCKET &&
        c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n;
}

static ssize_t read_with_library(int sock, void *buf, size_t len, int *fd)
{
    size_t nfds;
    ssize_t n = anc_recv_fds(sock, buf, len, fd, 1, &nfds, ANC_TRIM);
    if (nfds == 0)
        *fd = -1;
    return n;
}

/* 32-bit systems have no room for a second int, and so no leak. */
#define PADDING_IS_A_SLOT (sizeof(size_t) == 8)

TEST(by_hand_the_monitor_keeps_one_descriptor_open_with_every_message)
{
    int pair[2], sent[2], i;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        int fd;
        CHECK_INT(raw_send(pair[0], "x", 1, sent, 2, 0), 1);
        fd = monitor_by_hand(pair[1]);
        CHECK(same_file(fd, sent[0]));
        close(fd);
    }
    CHECK_INT(leaked(&before), PADDING_IS_A_SLOT ? ROUNDS : 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(by_hand_fd_read_keeps_one_descriptor_open_with_every_message)
{
    int pair[2], sent[2], i;
    char buf[8];
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        int fd;
        CHECK_INT(raw_send(pair[0], "mail", 4, sent, 2, 0), 4);
        CHECK_INT(read_by_hand(pair[1], buf, sizeof buf, &fd), 4);
        CHECK(same_file(fd, sent[0]));
        close(fd);
    }
    CHECK_INT(leaked(&before), PADDING_IS_A_SLOT ? ROUNDS : 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_the_monitor_refuses_the_message_and_closes_both)
{
    int pair[2], sent[2], fd;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, sent, 2, 0), 1);
    CHECK_ERRNO(monitor_with_library(pair[1]), ERANGE);
    CHECK_INT(raw_send(pair[0], "x", 1, sent, 1, 0), 1);
    fd = monitor_with_library(pair[1]);
    CHECK(same_file(fd, sent[0]));
    close(fd);
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

/* As tolerant as the original: the bytes and the first descriptor. */
TEST(with_the_library_fd_read_closes_the_second)
{
    int pair[2], sent[2], fd, i;
    char buf[8];
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    for (i = 0; i < ROUNDS; i++) {
        CHECK_INT(raw_send(pair[0], "mail", 4, sent, 2, 0), 4);
        CHECK_INT(read_with_library(pair[1], buf, sizeof buf, &fd), 4);
        CHECK(memcmp(buf, "mail", 4) == 0 && same_file(fd, sent[0]) && is_cloexec(fd));
        close(fd);
    }
    CHECK_INT(raw_send(pair[0], "post", 4, NULL, 0, 0), 4);
    CHECK_INT(read_with_library(pair[1], buf, sizeof buf, &fd), 4);
    CHECK(memcmp(buf, "post", 4) == 0 && fd == -1);
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}
