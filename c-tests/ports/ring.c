/* Not on macOS: the code by hand wants MSG_CMSG_CLOEXEC. */
#define PORT ring
#include "port.h"
#include "ring.h"

struct ends {
    int pair[2];
    struct ring_state *from, *to;
};

static struct ends open_ends(const struct ring *port)
{
    struct ends ends;
    socket_pair(SOCK_STREAM, ends.pair);
    ends.from = port->open(ends.pair[0]);
    ends.to = port->open(ends.pair[1]);
    return ends;
}

static void close_ends(const struct ring *port, struct ends *ends)
{
    port->close(ends->from);
    port->close(ends->to);
    close_both(ends->pair);
}

static unsigned char message[RING_SIZE];

/* A message for object i, with i % 29 descriptors that have the number i: 0 if there is no room. */
static int put(const struct ring *port, struct ends *ends, uint32_t i)
{
    struct ring_header header = {i, (uint16_t)(i % (RING_FDS + 1)), 0};
    int k;
    header.size = (uint16_t)(sizeof header + i * 37 % 600);
    if (RING_SIZE - ring_used(&ends->from->out) < header.size)
        return 0;
    /* Descriptors first: a flush in the middle of them must not send the message without. */
    for (k = 0; k < header.nfds; k++) {
        int fd = numbered(i);
        if (port->queue_fd(ends->from, fd) == -1) {
            CHECK_INT(k, 0); /* the test flushes before it comes to that */
            close(fd);
            return 0;
        }
    }
    memset(message, (int)i, header.size);
    memcpy(message, &header, sizeof header);
    CHECK_INT(ring_put(&ends->from->out, message, header.size), 0);
    return 1;
}

static uint32_t take_all(const struct ring *port, struct ends *ends, uint32_t i)
{
    int fds[RING_FDS], k, result;
    while ((result = port->next(ends->to, message, fds)) == 1) {
        struct ring_header header;
        memcpy(&header, message, sizeof header);
        CHECK_INT(header.object, i);
        for (k = sizeof header; k < header.size; k++)
            CHECK_INT(message[k], i % 256);
        for (k = 0; k < header.nfds; k++) {
            CHECK(is_cloexec(fds[k]));
            CHECK_INT(number_of(fds[k]), i);
        }
        i++;
    }
    CHECK_INT(result, 0);
    return i;
}

static void exchange(const struct ring *port, uint32_t count, int send_room)
{
    struct ends ends = open_ends(port);
    uint32_t written = 1, taken = 1;
    if (send_room)
        option(ends.pair[0], SO_SNDBUF, send_room);
    while (taken <= count) {
        ssize_t n;
        if (written <= count && put(port, &ends, written))
            written++;
        CHECK(port->flush(ends.from) == 0 || errno == EAGAIN);
        while ((n = port->read(ends.to)) > 0)
            taken = take_all(port, &ends, taken);
        CHECK(n == -1 && errno == EAGAIN);
    }
    close_ends(port, &ends);
}

/* 300 messages wrap around both rings many times. */
BOTH(messages_arrive_with_their_descriptors) { exchange(port, 300, 0); }

/* The socket takes a part of the ring: its descriptors go with the first part alone. */
BOTH(a_full_socket_sends_each_descriptor_once) { exchange(port, 100, 4608); }

BOTH(several_messages_in_one_flush)
{
    struct ends ends = open_ends(port);
    uint32_t i;
    for (i = 1; i <= 6; i++) /* 21 descriptors */
        CHECK(put(port, &ends, i));
    CHECK_INT(port->flush(ends.from), 0);
    CHECK(port->read(ends.to) > 0);
    CHECK_INT(take_all(port, &ends, 1), 7);
    close_ends(port, &ends);
}

BOTH(end_of_file_closes_what_waits)
{
    struct ends ends = open_ends(port);
    struct ring_header header = {1, 5, 100};
    throw_fds(ends.pair[0], &header, sizeof header, 5);
    CHECK_INT(port->read(ends.to), sizeof header);
    CHECK_INT(shutdown(ends.pair[0], SHUT_WR), 0);
    CHECK_INT(port->read(ends.to), 0);
    CHECK_INT(port->next(ends.to, message, (int[RING_FDS]){0}), 0);
    close_ends(port, &ends);
}

BOTH(a_message_that_claims_what_did_not_come_is_an_error)
{
    struct ends ends = open_ends(port);
    struct ring_header header = {1, 5, sizeof header};
    int fds[RING_FDS];
    throw_fds(ends.pair[0], &header, sizeof header, 4);
    CHECK_INT(port->read(ends.to), sizeof header);
    CHECK_INT(port->next(ends.to, message, fds), -1);
    close_ends(port, &ends);
}

/* Descriptors that nobody claims, message after message, must not grow without bounds. */
BOTH(unclaimed_descriptors_end_in_an_error)
{
    struct ends ends = open_ends(port);
    struct ring_header header = {1, 0, sizeof header};
    int fds[RING_FDS], i, refused = 0, open = open_descriptors();
    struct rlimit limit;
    /* A shell's 1,024 would be the end before the port's own limit is. */
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (i = 0; i < 60 && !refused; i++) {
        throw_fds(ends.pair[0], &header, sizeof header, RING_FDS);
        refused = port->read(ends.to) == -1;
        CHECK(refused || port->next(ends.to, message, fds) == 1);
    }
    CHECK(refused);
    CHECK(open_descriptors() <= open + 1024);
    close_ends(port, &ends);
}

/* One descriptor too many, which the kernel drops: from there on each message gets those of the
 * message before. */
BUG(more_than_28_do_not_vanish_in_silence)
{
    struct ends ends = open_ends(port);
    struct ring_header header = {1, 0, sizeof header};
    ssize_t n;
    throw_fds(ends.pair[0], &header, sizeof header, RING_FDS + 1);
    n = port->read(ends.to);
    close_ends(port, &ends);
    return n == -1;
}

/* A message in two parts, as any large one is: the first comes while the table is full. Then there
 * is room again, and the message that follows brings its own. */
static int reads_past_a_loss(const struct ring *port, struct ends *ends)
{
    struct ring_header first = {1, 5, 100}, second = {2, 5, sizeof second};
    unsigned char rest[100 - sizeof first] = {0};
    int fds[RING_FDS], got, i, wrong = 0;
    throw_fds(ends->pair[0], &first, sizeof first, 5);
    leave_room(2);
    got = (int)port->read(ends->to);
    room_again();
    if (got == -1)
        return 1; /* noticed */
    CHECK_INT(raw_send(ends->pair[0], rest, sizeof rest, NULL, 0, 0), sizeof rest);
    for (i = 0; i < 5; i++)
        fds[i] = numbered(2);
    CHECK_INT(raw_send(ends->pair[0], &second, sizeof second, fds, 5, 0), sizeof second);
    for (i = 0; i < 5; i++)
        close(fds[i]);
    if (port->read(ends->to) == -1 || port->next(ends->to, message, fds) == -1)
        return 1;
    for (i = 0; i < 5; i++)
        wrong += number_of(fds[i]) == 2; /* of the second message, given to the first */
    return wrong == 0;
}

BUG(a_full_table_does_not_confuse_descriptors)
{
    struct ends ends = open_ends(port);
    int held = reads_past_a_loss(port, &ends);
    close_ends(port, &ends);
    return held;
}

BUG(credentials_do_not_take_the_descriptors_room)
{
    struct ends ends = open_ends(port);
    int fds[RING_FDS], came;
    option(ends.pair[1], SO_PASSCRED, 1);
    CHECK(put(port, &ends, RING_FDS));
    CHECK_INT(port->flush(ends.from), 0);
    CHECK(port->read(ends.to) > 0);
    came = port->next(ends.to, message, fds) == 1;
    if (came)
        anc_close_fds(fds, RING_FDS);
    close_ends(port, &ends);
    return came;
}

/* SO_PASSPIDFD too is inherited from the listening socket. */
BUG(a_pidfd_does_not_leak)
{
    struct ends ends = open_ends(port);
    int before, after;
    want_pidfd(ends.pair[1]);
    CHECK(put(port, &ends, RING_FDS + 1));
    CHECK_INT(port->flush(ends.from), 0);
    before = open_descriptors();
    CHECK(port->read(ends.to) > 0);
    after = open_descriptors();
    close_ends(port, &ends);
    return after == before;
}

COUNT(ring)
