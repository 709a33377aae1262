#define PORT frames
#include "port.h"
#include "frames.h"

struct ends {
    int pair[2];
    struct frames_state *from, *to;
};

static struct ends open_ends(const struct frames *port)
{
    struct ends ends;
    socket_pair(SOCK_STREAM, ends.pair);
    ends.from = port->open(ends.pair[0]);
    ends.to = port->open(ends.pair[1]);
    return ends;
}

static void close_ends(const struct frames *port, struct ends *ends)
{
    port->close(ends->from);
    port->close(ends->to);
    close_both(ends->pair);
}

/* Frame i: a payload of this length, and a descriptor with its number if i is odd. */
static size_t payload_len(int i, size_t longest)
{
    return (size_t)i * 997 % (longest + 1);
}

static int compose(struct ends *ends, int i, size_t longest)
{
    static unsigned char payload[FRAME_MAX];
    int fd = i % 2 ? numbered((unsigned int)i) : -1;
    memset(payload, i, sizeof payload);
    if (frames_compose(ends->from, (uint32_t)i, fd, payload, payload_len(i, longest)) == 0)
        return 1;
    if (fd != -1)
        close(fd);
    return 0;
}

/* Takes all frames that are there, which begin with number i; the next one's number. -1: an error,
 * or one without its descriptor. */
static int get_all(const struct frames *port, struct ends *ends, int i, size_t longest)
{
    static struct frame frame;
    int result;
    while ((result = port->get(ends->to, &frame)) == 1) {
        size_t len = payload_len(i, longest), at;
        CHECK_INT(frame.header.type, i);
        CHECK_INT(frame.header.len, sizeof frame.header + len);
        for (at = 0; at < len; at++)
            CHECK_INT(frame.payload[at], i % 256);
        if (number_of(frame.fd) != (i % 2 ? i : -1))
            return -1;
        i++;
    }
    return result == -1 ? -1 : i;
}

/* All frames from 1 to count through a pair, in pieces of at_once bytes: 1 if they came whole. */
static int exchange(const struct frames *port, int count, size_t longest, size_t at_once,
                    int send_room)
{
    struct ends ends = open_ends(port);
    int composed = 1, got = 1;
    ends.to->at_once = at_once;
    if (send_room)
        option(ends.pair[0], SO_SNDBUF, send_room);
    while (got > 0 && got <= count) {
        ssize_t n;
        while (composed <= count && compose(&ends, composed, longest))
            composed++;
        CHECK(port->flush(ends.from) >= 0);
        do {
            n = port->read(ends.to);
            CHECK(n > 0 || errno == EAGAIN);
            got = get_all(port, &ends, got, longest);
        } while (n > 0 && got > 0);
    }
    close_ends(port, &ends);
    return got > 0;
}

BOTH(frames_arrive_with_and_without_descriptors)
{
    CHECK(exchange(port, 30, 100, SIZE_MAX, 0));
}

/* The socket takes a part of a frame: its descriptor must go with the first part alone. */
BOTH(a_full_socket_sends_each_descriptor_once)
{
    CHECK(exchange(port, 30, FRAME_MAX - sizeof(struct frame_header), SIZE_MAX, 4608));
}

/* Headers are 8 bytes, and so are the pieces and all payloads. */
BOTH(pieces_that_keep_headers_whole)
{
    struct ends ends = open_ends(port);
    static struct frame frame;
    int i;
    ends.to->at_once = 8;
    for (i = 0; i < 6; i++)
        CHECK(frames_compose(ends.from, 1, i % 2 ? numbered((unsigned)i) : -1, "payload", 8) == 0);
    CHECK_INT(port->flush(ends.from), 1);
    for (i = 0; i < 6; i++) {
        CHECK_INT(port->read(ends.to), 8);
        CHECK_INT(port->get(ends.to, &frame), 0);
        CHECK_INT(port->read(ends.to), 8);
        CHECK_INT(port->get(ends.to, &frame), 1);
        CHECK_INT(number_of(frame.fd), i % 2 ? i : -1);
    }
    close_ends(port, &ends);
}

BOTH(end_of_file_closes_what_waits)
{
    struct ends ends = open_ends(port);
    struct frame_header header = {7, 100, FRAME_HAS_FD};
    throw_fds(ends.pair[0], &header, sizeof header, 1);
    CHECK_INT(port->read(ends.to), sizeof header);
    CHECK_INT(shutdown(ends.pair[0], SHUT_WR), 0);
    CHECK_INT(port->read(ends.to), 0);
    close_ends(port, &ends);
}

BOTH(a_header_that_contradicts_itself_is_an_error)
{
    struct ends ends = open_ends(port);
    struct frame_header header = {7, 3, FRAME_HAS_FD};
    static struct frame frame;
    throw_fds(ends.pair[0], &header, sizeof header, 1);
    CHECK(port->read(ends.to) == -1 || port->get(ends.to, &frame) == -1);
    close_ends(port, &ends);
}

/* A descriptor comes with its frame's first byte: by the time that the header is whole, another
 * read has brought the rest of it. */
BUG(pieces_of_any_size_lose_no_descriptor)
{
    size_t at_once;
    for (at_once = 1; at_once <= 40; at_once++)
        if (!exchange(port, 9, 20, at_once, 0))
            return 0;
    return 1;
}

BUG(a_second_descriptor_does_not_leak)
{
    struct ends ends = open_ends(port);
    struct frame_header header = {7, sizeof header, FRAME_HAS_FD};
    static struct frame frame;
    int before, after;
    need_padding();
    throw_fds(ends.pair[0], &header, sizeof header, 2);
    before = open_descriptors();
    if (port->read(ends.to) > 0 && port->get(ends.to, &frame) == 1 && frame.fd != -1)
        close(frame.fd);
    after = open_descriptors();
    close_ends(port, &ends);
    return after == before;
}

BUG(the_descriptor_is_close_on_exec)
{
    struct ends ends = open_ends(port);
    static struct frame frame;
    int is_private;
    CHECK_INT(frames_compose(ends.from, 1, new_descriptor(), "", 0), 0);
    CHECK_INT(port->flush(ends.from), 1);
    CHECK_INT(port->read(ends.to), sizeof frame.header);
    CHECK_INT(port->get(ends.to, &frame), 1);
    is_private = is_cloexec(frame.fd);
    close(frame.fd);
    close_ends(port, &ends);
    return is_private;
}

BUG(credentials_do_not_take_the_descriptors_room)
{
    struct ends ends = open_ends(port);
    static struct frame frame;
    int came;
    option(ends.pair[1], SO_PASSCRED, 1);
    CHECK_INT(frames_compose(ends.from, 1, numbered(5), "", 0), 0);
    CHECK_INT(port->flush(ends.from), 1);
    CHECK_INT(port->read(ends.to), sizeof frame.header);
    CHECK_INT(port->get(ends.to, &frame), 1);
    came = number_of(frame.fd) == 5;
    close_ends(port, &ends);
    return came;
}

COUNT(frames)
