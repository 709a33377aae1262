/* An empty datagram with a descriptor: dovecot's fd_read (https://github.com/dovecot/core
 * src/lib/fdpass.c) and QEMU's v9fs_receivefd (https://github.com/qemu/qemu
 * hw/9pfs/virtio-9p-proxy.c) stop at `ret <= 0`.
 *
 * On datagram and seqpacket sockets a message may have no bytes, and descriptors all the same. Code
 * that takes 0 for the end of the file returns before it has looked at the control buffer: one
 * descriptor leaks with each such message, and on a seqpacket the connection is given up as closed.
 *
 * anc_recv_fds counts descriptors apart from bytes: only 0 with *nfds 0 can be the end. */
#include "field.h"

enum { ROUNDS = 6 };

static ssize_t receive_by_hand(int sock, void *buf, size_t len, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = CMSG_LEN(sizeof(int))};
    struct cmsghdr *c;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    *fd = -1;
    if (n <= 0)
        return n;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n;
}

static ssize_t receive_with_library(int sock, void *buf, size_t len, int *fd)
{
    size_t nfds;
    ssize_t n = anc_recv_fds(sock, buf, len, fd, 1, &nfds, 0);
    if (nfds == 0)
        *fd = -1;
    return n;
}

TEST(by_hand_each_empty_message_leaves_its_descriptor_open)
{
    int type;
    for (type = 1; type < 3; type++) {
        int pair[2], sent = new_descriptor(), fd, i;
        char buf[8];
        struct table before;
        socket_pair(socket_types[type], pair);
        before = table_now();
        for (i = 0; i < ROUNDS; i++) {
            CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
            CHECK_INT(receive_by_hand(pair[1], buf, sizeof buf, &fd), 0);
            CHECK_INT(fd, -1);
        }
        CHECK_INT(leaked(&before), ROUNDS);
        close(sent);
        close_both(pair);
    }
}

TEST(with_the_library_an_empty_message_hands_over_its_descriptor)
{
    int type;
    for (type = 1; type < 3; type++) {
        int pair[2], sent = new_descriptor(), fd, i;
        char buf[8];
        struct table before;
        socket_pair(socket_types[type], pair);
        before = table_now();
        for (i = 0; i < ROUNDS; i++) {
            CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
            CHECK_INT(receive_with_library(pair[1], buf, sizeof buf, &fd), 0);
            CHECK(same_file(fd, sent));
            close(fd);
        }
        CHECK_INT(leaked(&before), 0);
        close(sent);
        close_both(pair);
    }
}

/* A caller who wants no descriptors, and one who has no count, lose none either. */
TEST(with_the_library_nobody_leaks_an_empty_messages_descriptor)
{
    int type;
    for (type = 1; type < 3; type++) {
        int pair[2], sent = new_descriptor(), fd = -7;
        char buf[8];
        struct table before;
        socket_pair(socket_types[type], pair);
        before = table_now();
        CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, sizeof buf, NULL, 0, NULL, 0), ERANGE);
        CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
        CHECK_INT(anc_recv_fds(pair[1], buf, sizeof buf, NULL, 0, NULL, ANC_TRIM), 0);
        CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
        CHECK_ERRNO(anc_recv_fds(pair[1], buf, sizeof buf, &fd, 1, NULL, ANC_EXACT), ENOMSG);
        CHECK_INT(fd, -7);
        CHECK_INT(leaked(&before), 0);
        CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0);
        fd = anc_recv_fd(pair[1], 0);
        CHECK(same_file(fd, sent));
        CHECK_INT(leaked(&before), 1);
        close(sent);
        close_both(pair);
    }
}
