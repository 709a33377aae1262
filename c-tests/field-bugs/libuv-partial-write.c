/* libuv, https://github.com/libuv/libuv/issues/2086 and pull request 2097: the handle goes twice.
 *
 * uv_write2 sends bytes and one handle. Where sendmsg took only a part of the bytes, the loop
 * advanced the buffers and called sendmsg again, with the same control data: the handle was sent
 * once more with each part. The receiver has a descriptor that no message names, and from then on
 * its count is wrong by one.
 *
 * anc_send_fds counts bytes; descriptors have gone with the first of them. So they go along while
 * nothing has gone yet, and with ANC_ALL the library does that itself. */
#include "field.h"

enum { SIZE = 1 << 20 };

struct write_request {
    const char *buf;
    size_t len, sent;
    int fd;
};

/* 1 when all has gone, 0 when the socket is full. */
static int write_by_hand(int sock, struct write_request *w)
{
    while (w->sent < w->len) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = {(char *)w->buf + w->sent, w->len - w->sent};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        ssize_t n;
        memset(&control, 0, sizeof control);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &w->fd, sizeof(int));
        n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        w->sent += (size_t)n;
    }
    return 1;
}

static int write_with_library(int sock, struct write_request *w)
{
    while (w->sent < w->len) {
        ssize_t n = anc_send_fds(sock, w->buf + w->sent, w->len - w->sent, &w->fd, w->sent == 0,
                                 ANC_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        w->sent += (size_t)n;
    }
    return 1;
}

static char block[SIZE];

/* Writes and reads in turns. Returns how many descriptors came with the one message. */
static int descriptors_that_come(int (*write_some)(int, struct write_request *))
{
    static char got[SIZE];
    int pair[2], fd = new_descriptor(), sum = 0, done, i;
    size_t read = 0;
    struct write_request w = {block, sizeof block, 0, fd};
    for (i = 0; i < SIZE; i++)
        block[i] = (char)(i * 7 + i / 251);
    socket_pair(SOCK_STREAM, pair);
    do {
        int came[ANC_FDS_MAX], n;
        size_t left;
        ssize_t count;
        done = write_some(pair[0], &w);
        CHECK(done >= 0);
        while (left = sizeof got - read,
               (count = raw_recv(pair[1], got + read, left, came, &n, MSG_DONTWAIT)) > 0) {
            CHECK(sum > 0 || (read == 0 && n == 1)); /* with the first byte */
            for (i = 0; i < n; i++) {
                CHECK(same_file(came[i], fd));
                close(came[i]);
            }
            sum += n;
            read += (size_t)count;
        }
    } while (!done);
    CHECK(read == sizeof block && memcmp(got, block, sizeof block) == 0);
    close(fd);
    close_both(pair);
    return sum;
}

TEST(by_hand_each_part_of_a_large_message_brings_the_descriptor_again)
{
    CHECK(descriptors_that_come(write_by_hand) > 1);
}

TEST(with_the_library_it_comes_once)
{
    CHECK_INT(descriptors_that_come(write_with_library), 1);
}

/* Takes the whole message, in another process. */
static void take_message(void *arg)
{
    static char got[SIZE];
    int sock = *(int *)arg, sum = 0, came[ANC_FDS_MAX], n;
    size_t read = 0;
    while (read < sizeof got) {
        ssize_t count = raw_recv(sock, got + read, sizeof got - read, came, &n, 0);
        CHECK(count > 0);
        read += (size_t)count;
        sum += n;
        anc_close_fds(came, (size_t)n);
    }
    CHECK(memcmp(got, block, sizeof block) == 0);
    CHECK_INT(sum, 1);
    EXPECT_NOTHING(sock);
}

/* A signal in the middle of a blocking send gives a short count, and the call goes on. The next
 * signals meet a full socket: nothing has gone, and it goes on all the same. */
TEST(with_ANC_ALL_the_library_goes_on_by_itself_and_it_comes_once)
{
    int pair[2], fd = new_descriptor(), i;
    pid_t reader;
    for (i = 0; i < SIZE; i++)
        block[i] = (char)(i * 7 + i / 251);
    socket_pair(SOCK_STREAM, pair);
    reader = interrupt_me(3, take_message, &pair[1]);
    CHECK_OK(anc_send_fds(pair[0], block, sizeof block, &fd, 1, ANC_ALL | ANC_MOVE), SIZE);
    CHECK(!is_open(fd));
    check_child(reader);
    close_both(pair);
}
