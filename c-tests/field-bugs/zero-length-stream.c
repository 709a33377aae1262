/* No bytes on a stream: unix(7), "at least one byte of real data", and
 * https://gist.github.com/kentonv/bc7592af98c68ba2738f4436920868dc: descriptors lost without a
 * word.
 *
 * A payload whose length the header gives as 0 is read with an empty buffer. Linux then takes the
 * descriptors of the *next* message and leaves its bytes, and returns 0, which looks like the end
 * of the file. The next message comes without what it names. In the other direction sendmsg of 0
 * bytes with descriptors returns 0, and they never arrive.
 *
 * anc_recv_fds and anc_send_fds, anc_recvmsg and anc_sendmsg refuse both with EINVAL before
 * anything is taken or sent. */
#include "field.h"

struct header {
    uint32_t len;
};

static ssize_t payload_by_hand(int sock, void *buf, size_t len, int *fds, int *nfds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c;
    ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    *nfds = 0;
    if (n <= 0)
        return n; /* the end of the file */
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            *nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(c), (size_t)*nfds * sizeof(int));
        }
    return n;
}

static ssize_t payload_with_library(int sock, void *buf, size_t len, int *fds, size_t *nfds)
{
    return anc_recv_fds(sock, buf, len, fds, 4, nfds, 0);
}

/* A message whose payload is empty, then one with a descriptor. */
static void send_two(int pair[2], int fd)
{
    struct header empty = {0};
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], &empty, sizeof empty, NULL, 0, 0), sizeof empty);
    CHECK_INT(raw_send(pair[0], "next", 4, &fd, 1, 0), 4);
}

TEST(by_hand_an_empty_payload_swallows_the_next_messages_descriptor)
{
    int pair[2], sent = new_descriptor(), fds[4], nfds;
    struct header h;
    struct table before;
    send_two(pair, sent);
    before = table_now();
    CHECK_INT(read(pair[1], &h, sizeof h), sizeof h);
    CHECK_INT(payload_by_hand(pair[1], NULL, h.len, fds, &nfds), 0);
    CHECK_INT(nfds, 0);
    CHECK_INT(leaked(&before), 1);
    EXPECT(pair[1], "next", NULL, 0); /* its bytes are still there, its descriptor is not */
    close(sent);
    close_both(pair);
}

TEST(by_hand_a_descriptor_sent_without_a_byte_is_gone)
{
    int pair[2], sent = new_descriptor();
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], NULL, 0, &sent, 1, 0), 0); /* success */
    EXPECT_NOTHING(pair[1]);
    CHECK_INT(raw_send(pair[0], "later", 5, NULL, 0, 0), 5);
    EXPECT(pair[1], "later", NULL, 0);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_an_empty_payload_is_refused_and_the_next_message_is_whole)
{
    int pair[2], sent = new_descriptor(), fds[4];
    char buf[4], control[64];
    size_t nfds = 99;
    struct header h;
    struct iovec iov = {buf, 0};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof control};
    struct table before;
    send_two(pair, sent);
    before = table_now();
    CHECK_INT(read(pair[1], &h, sizeof h), sizeof h);
    CHECK_ERRNO(payload_with_library(pair[1], NULL, h.len, fds, &nfds), EINVAL);
    CHECK_INT(nfds, 0);
    CHECK_ERRNO(anc_recvmsg(pair[1], &msg, 0), EINVAL);
    CHECK_INT(leaked(&before), 0);
    CHECK_INT(payload_with_library(pair[1], buf, 4, fds, &nfds), 4);
    CHECK(memcmp(buf, "next", 4) == 0 && nfds == 1 && same_file(fds[0], sent));
    close(fds[0]);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_descriptor_without_a_byte_is_refused)
{
    int pair[2], sent = new_descriptor();
    char control[64];
    struct anc_builder b;
    struct msghdr msg = {.msg_iov = NULL};
    socket_pair(SOCK_STREAM, pair);
    CHECK_ERRNO(anc_send_fds(pair[0], NULL, 0, &sent, 1, ANC_MOVE), EINVAL);
    anc_builder_init(&b, control, sizeof control);
    anc_put_fds(&b, &sent, 1);
    CHECK_INT(anc_builder_finish(&b, &msg), 0);
    CHECK_ERRNO(anc_sendmsg(pair[0], &msg, 0), EINVAL);
    EXPECT_NOTHING(pair[1]);
    CHECK(is_open(sent)); /* ANC_MOVE closes only what has gone */
    close(sent);
    close_both(pair);
}
