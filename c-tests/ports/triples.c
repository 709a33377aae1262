#define PORT triples
#include "port.h"
#include "triples.h"

static struct message1 got;

static struct triple rights(const int *fds, size_t n)
{
    struct triple triple = {SOL_SOCKET, SCM_RIGHTS, n * sizeof(int), {0}};
    memcpy(triple.data, fds, triple.len);
    return triple;
}

static struct triple credentials(void)
{
    struct ucred mine = {getpid(), getuid(), getgid()};
    struct triple triple = {SOL_SOCKET, SCM_CREDENTIALS, sizeof mine, {0}};
    memcpy(triple.data, &mine, sizeof mine);
    return triple;
}

static void check_rights(const struct triple *triple, int first, int n)
{
    int fds[ANC_FDS_MAX], i;
    CHECK_INT(triple->level, SOL_SOCKET);
    CHECK_INT(triple->type, SCM_RIGHTS);
    CHECK_INT(triple->len, (size_t)n * sizeof(int));
    memcpy(fds, triple->data, triple->len);
    for (i = 0; i < n; i++)
        CHECK_INT(number_of(fds[i]), first + i);
}

static int receive(const struct triples *port, int sock, int flags)
{
    char buf[8192];
    return port->recv1msg(sock, flags, buf, sizeof buf, 4096, &got);
}

BOTH(a_message_without_a_list)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(port->send1msg(pair[0], "hello", 5, 0, NULL, 0), 5);
    CHECK_INT(receive(port, pair[1], 0), 0);
    CHECK(got.len == 5 && got.count == 0);
    close_both(pair);
}

BOTH(descriptors_as_data)
{
    int pair[2], fds[ANC_FDS_MAX], n, i;
    socket_pair(SOCK_STREAM, pair);
    for (n = 1; n <= ANC_FDS_MAX; n += 28) {
        struct triple list;
        if (n > SENDMSG_MAX && port == &BY_HAND)
            break;
        for (i = 0; i < n; i++)
            fds[i] = numbered((unsigned int)i + 7);
        list = rights(fds, (size_t)n);
        CHECK_INT(port->send1msg(pair[0], "x", 1, 0, &list, 1), 1);
        for (i = 0; i < n; i++)
            close(fds[i]);
        CHECK_INT(receive(port, pair[1], 0), 0);
        CHECK_INT(got.count, 1);
        check_rights(&got.list[0], 7, n);
    }
    close_both(pair);
}

BOTH(what_was_cut_shows_in_the_flags)
{
    int pair[2];
    char buf[4];
    socket_pair(SOCK_DGRAM, pair);
    throw_fds(pair[0], "12345678", 8, 8);
    CHECK_INT(port->recv1msg(pair[1], 0, buf, sizeof buf, 4, &got), 0);
    CHECK_INT(got.len, 4);
    CHECK((got.flags & MSG_TRUNC) && (got.flags & MSG_CTRUNC));
    CHECK_INT(got.count, 1);
    CHECK_INT(got.list[0].len % sizeof(int), 0);
    anc_close_fds((int *)(void *)got.list[0].data, got.list[0].len / sizeof(int));
    close_both(pair);
}

BOTH(the_kernels_errors_pass_through)
{
    struct triple list = {SOL_SOCKET, 4242, 4, {0}};
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    CHECK_ERRNO(port->send1msg(pair[0], "x", 1, 0, &list, 1), EINVAL);
    CHECK_ERRNO(receive(port, pair[1], MSG_DONTWAIT), EAGAIN);
    close_both(pair);
}

/* Before glibc 2.36, CMSG_NXTHDR reads the length of the header that is yet to be written, and what
 * malloc returned makes it NULL: the second triple is left out, used memory sent in its place. */
static int macro_looks_ahead(void)
{
    union {
        struct cmsghdr header;
        unsigned char room[2 * CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_control = &control, .msg_controllen = sizeof control};
    memset(&control, 0x3f, sizeof control);
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    return CMSG_NXTHDR(&msg, CMSG_FIRSTHDR(&msg)) == NULL;
}

BOTH(two_triples_in_used_memory)
{
    int pair[2], fd = numbered(3);
    struct triple list[2];
    if (port == &triples_by_hand && macro_looks_ahead())
        skip("a bug with this C library");
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    list[0] = rights(&fd, 1);
    list[1] = credentials();
    CHECK_INT(port->send1msg(pair[0], "x", 1, 0, list, 2), 1);
    close(fd);
    CHECK_INT(receive(port, pair[1], 0), 0);
    CHECK_INT(got.count, 2);
    CHECK_INT(got.list[0].type, SCM_CREDENTIALS);
    CHECK_INT(got.list[0].len, list[1].len);
    CHECK(memcmp(got.list[0].data, list[1].data, list[1].len) == 0);
    check_rights(&got.list[1], 3, 1);
    close_both(pair);
}

BUG(descriptors_are_close_on_exec)
{
    int pair[2], fd, is_private;
    socket_pair(SOCK_STREAM, pair);
    throw_fds(pair[0], "x", 1, 1);
    CHECK_INT(receive(port, pair[1], 0), 0);
    CHECK_INT(got.list[0].len, sizeof fd);
    memcpy(&fd, got.list[0].data, sizeof fd);
    is_private = is_cloexec(fd);
    close(fd);
    close_both(pair);
    return is_private;
}

/* Looking twice and then receiving makes three descriptors of one. */
BUG(looking_at_a_message_makes_no_descriptors)
{
    int pair[2], before, after;
    socket_pair(SOCK_DGRAM, pair);
    throw_fds(pair[0], "x", 1, 1);
    before = open_descriptors();
    CHECK_INT(receive(port, pair[1], MSG_PEEK), 0);
    CHECK_INT(receive(port, pair[1], MSG_PEEK), 0);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

/* The kernel says 0, and the descriptor is gone. */
BUG(descriptors_without_bytes_do_not_vanish)
{
    int pair[2], fd = new_descriptor(), refused;
    struct triple list = rights(&fd, 1);
    socket_pair(SOCK_STREAM, pair);
    refused = port->send1msg(pair[0], "", 0, 0, &list, 1) == -1;
    close(fd);
    close_both(pair);
    return refused;
}

COUNT(triples)
