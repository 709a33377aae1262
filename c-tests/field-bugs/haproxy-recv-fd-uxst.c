/* HAProxy's recv_fd_uxst, https://github.com/haproxy/haproxy src/proto_sockpair.c: two descriptors
 * over one int, and none of them close-on-exec.
 *
 * A worker receives an accepted connection from the master over a socket pair. The control buffer
 * is CMSG_SPACE(sizeof(int)), which holds two descriptors on 64-bit systems, and the copy into one
 * int is as long as cmsg_len says: the int behind it on the stack is overwritten with a number that
 * the sender chose. recvmsg is called without MSG_CMSG_CLOEXEC, so that the connection is inherited
 * by whatever the worker executes.
 *
 * anc_recv_fd returns one descriptor, close-on-exec, or an error. */
#include "field.h"

/* *fd is one int; in the test another follows it. */
static int receive_by_hand(int sock, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char data[2];
    struct iovec iov = {data, sizeof data};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t n;
    *fd = -1;
    do
        n = recvmsg(sock, &msg, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
    return 0;
}

static int receive_with_library(int sock)
{
    int fd;
    do
        fd = anc_recv_fd(sock, 0);
    while (fd < 0 && errno == EINTR);
    return fd;
}

TEST(by_hand_a_second_descriptor_overwrites_what_follows_the_int)
{
    int pair[2], sent[2], stack[2] = {-1, 4711};
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, sent, 2, 0), 1);
    CHECK_INT(receive_by_hand(pair[1], stack), 0);
    CHECK((stack[1] != 4711) == (sizeof(size_t) == 8)); /* 32-bit: no room for a second one */
    if (sizeof(size_t) == 8)
        CHECK(same_file(stack[1], sent[1]));
    leaked(&before);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(by_hand_the_descriptor_is_inherited_by_what_is_executed)
{
    int pair[2], sent = new_descriptor(), stack[2];
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
    CHECK_INT(receive_by_hand(pair[1], stack), 0);
    CHECK(!is_cloexec(stack[0]));
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_second_descriptor_is_an_error_and_both_are_closed)
{
    int pair[2], sent[2];
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 2);
    before = table_now();
    CHECK_INT(raw_send(pair[0], "x", 1, sent, 2, 0), 1);
    CHECK_ERRNO(receive_with_library(pair[1]), ERANGE);
    CHECK_INT(leaked(&before), 0);
    anc_close_fds(sent, 2);
    close_both(pair);
}

TEST(with_the_library_the_descriptor_is_close_on_exec)
{
    int pair[2], sent = new_descriptor(), fd;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "x", 1, &sent, 1, 0), 1);
    fd = receive_with_library(pair[1]);
    CHECK(is_cloexec(fd) && same_file(fd, sent));
    close(fd);
    close(sent);
    close_both(pair);
}
