/* The channel's receiver beside peers that lie, flood, stall and go, and in a full descriptor table. */
#include "channel.h"
#include "interpose.h"
#include <sys/mman.h>

static struct channel ch;

/* The peer is made by hand: it writes to this end. */
#define PEER ch.pair[0]

enum { LIMIT_MESSAGE = 1000, LIMIT_FDS = 100, LIMIT_FRAME = 300 };
static const struct anc_limits limits = {LIMIT_MESSAGE, LIMIT_FDS, LIMIT_FRAME, 0};

/* One send of these bytes with so many new descriptors, which are not kept. */
static void send_raw(const void *bytes, size_t len, int nfds)
{
    int fds[ANC_FDS_MAX];
    new_descriptors(fds, nfds);
    CHECK_INT(raw_send(PEER, bytes, len, fds, nfds, 0), len);
    anc_close_fds(fds, (size_t)nfds);
}

/* A frame as a header says it, with so many bytes and descriptors as are really there. */
static void send_frame(uint32_t says, unsigned int says_fds, unsigned int flags, size_t len, int nfds)
{
    static char frame[70000];
    put_header(frame, says, says_fds, flags, 1);
    send_raw(frame, FRAME_HEADER + len, nfds);
}

/* The receiver gives this error again and again, and holds no descriptor. */
static void expect_error(int expected, int before)
{
    struct anc_in in;
    struct msghdr msg = {0};
    CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 1000), expected);
    CHECK_INT(open_descriptors(), before);
    CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, -1), expected);
    CHECK_ERRNO(anc_rx_next(&ch.rx, &in), expected);
    CHECK_ERRNO(anc_rx_prepare(&ch.rx, &msg), expected);
    CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, 1), expected);
    CHECK_INT(open_descriptors(), before);
    anc_rx_close(&ch.rx);
    CHECK_INT(open_descriptors(), before);
}

static void expect_frame(size_t len, size_t nfds, uint32_t more)
{
    struct anc_in in;
    CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
    CHECK_INT(in.len, len);
    CHECK_INT(in.nfds, nfds);
    CHECK_INT(in.more, more);
}

/* Lies. */

static const struct lie {
    const char *name;
    uint32_t len;
    unsigned int nfds, flags, version;
    int comes, error; /* comes: descriptors */
} lies[] = {
    {"version 0", 0, 0, 0, 0, 0, EPROTO},
    {"version 2", 0, 0, 0, 2, 0, EPROTO},
    {"version 255, with descriptors", 0, 2, 0, 255, 2, EPROTO},
    {"flag 2", 0, 0, 2, 1, 0, EPROTO},
    {"flag 128 beside MORE", 0, 1, 129, 1, 1, EPROTO},
    {"254 descriptors", 0, 254, 0, 1, 253, EPROTO},
    {"65535 descriptors", 0, 65535, 0, 1, 0, EPROTO},
    {"a length over the limit", LIMIT_FRAME + 1, 0, 0, 1, 0, EMSGSIZE},
    {"a length over the limit, with descriptors", LIMIT_FRAME + 1, 3, 0, 1, 3, EMSGSIZE},
    {"the largest length", UINT32_MAX, 1, 0, 1, 1, EMSGSIZE},
    {"the largest length with MORE", UINT32_MAX, 1, 1, 1, 1, EMSGSIZE},
    {"more descriptors than the limit", 0, LIMIT_FDS + 1, 0, 1, LIMIT_FDS + 1, ERANGE},
    {"more descriptors than the limit, none there", 0, LIMIT_FDS + 1, 0, 1, 0, ERANGE},
    {"one descriptor that did not come", 0, 1, 0, 1, 0, EPROTO},
    {"one descriptor more than came", 0, 6, 0, 1, 5, EPROTO},
};

/* At the start, behind other messages in the same packet, within a message. */
TEST(a_header_that_lies_is_an_error_before_its_payload)
{
    size_t i;
    int where, before;
    FOR_BOTH(type)
        for (i = 0; i < LENGTH(lies); i++)
            for (where = 0; where < 4; where++) {
                const struct lie *lie = &lies[i];
                char bytes[4 * FRAME_HEADER] = {0};
                size_t len = 0;
                int good = 0;
                start_channel(&ch, type, &limits);
                before = open_descriptors();
                if (where == 1 || where == 2) {
                    /* Behind two good ones, the second of which may go on. */
                    put_header(bytes, 0, 0, 0, 1);
                    put_header(bytes + FRAME_HEADER, 0, 0, where == 2, 1);
                    len = 2 * FRAME_HEADER;
                    good = 2;
                } else if (where == 3) {
                    send_frame(20, 2, 1, 20, 2);
                    expect_frame(20, 2, 1);
                }
                put_header(bytes + len, lie->len, lie->nfds, lie->flags, lie->version);
                len += FRAME_HEADER;
                send_raw(bytes, len, lie->comes);
                while (good-- > 0)
                    expect_frame(0, 0, where == 2 && good == 0);
                struct anc_in in;
                errno = 0;
                CHECK_CASE(anc_rx_recv(&ch.rx, &in, 0) == -1 && errno == lie->error, "%s, %s, %d", type_name(type), lie->name,
                           where);
                expect_error(lie->error, before);
                end_channel(&ch);
            }
}

TEST(a_message_larger_than_the_limit_is_an_error_at_the_header_that_exceeds_it)
{
    FOR_BOTH(type) {
        int before, i;
        start_channel(&ch, type, &limits);
        before = open_descriptors();
        for (i = 0; i < 4; i++) {
            send_frame(250, 0, 1, 250, 0);
            expect_frame(250, 0, 1);
        }
        send_frame(1, 1, 0, type == SOCK_STREAM ? 0 : 1, 1);
        expect_error(EMSGSIZE, before);
        end_channel(&ch);
    }
}

TEST(a_message_with_more_descriptors_than_the_limit_is_an_error_at_the_header_that_exceeds_it)
{
    FOR_BOTH(type) {
        int before;
        start_channel(&ch, type, &limits);
        before = open_descriptors();
        send_frame(0, 60, 1, 0, 60);
        send_frame(0, 40, 1, 0, 40);
        send_frame(0, 1, 0, 0, 1);
        expect_frame(0, 60, 1);
        expect_frame(0, 40, 1);
        expect_error(ERANGE, before);
        end_channel(&ch);
    }
}

/* A limit is one at the end of its type, too. */
TEST(a_message_beyond_4_GB_is_an_error)
{
    enum { GB = 1 << 30 };
    struct anc_limits vast = {UINT32_MAX, 0, GB, 0};
    const size_t room = ANC_CONTROL_MAX + 16 + (size_t)GB;
    struct msghdr msg;
    struct anc_in in;
    int i;
    /* Of which next to nothing is touched. */
    void *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        skip("no room for a GB");
    start_channel(&ch, SOCK_STREAM, NULL);
    CHECK_OK(anc_rx_init(&ch.rx, ch.pair[1], memory, room, ch.slots, LENGTH(ch.slots), &vast, sizeof ch.rx), 0);
    for (i = 0; i < 4; i++) {
        CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 1);
        put_header(msg.msg_iov->iov_base, i < 3 ? GB : GB - 1, 0, 1, 1);
        msg.msg_controllen = 0;
        CHECK_OK(anc_rx_got(&ch.rx, &msg, FRAME_HEADER + GB - (i == 3)), 0);
        CHECK_OK(anc_rx_next(&ch.rx, &in), 1);
        CHECK(in.len == GB - (size_t)(i == 3) && in.more);
    }
    CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 1);
    put_header(msg.msg_iov->iov_base, 1, 0, 0, 1);
    msg.msg_controllen = 0;
    CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, FRAME_HEADER), EMSGSIZE);
    end_channel(&ch);
    munmap(memory, room);
}

TEST(the_limits_start_over_with_every_message)
{
    FOR_BOTH(type) {
        int i;
        start_channel(&ch, type, &limits);
        for (i = 0; i < 3; i++) {
            send_frame(300, 60, 1, 300, 60);
            send_frame(300, 40, 1, 300, 40);
            send_frame(300, 0, 1, 300, 0);
            send_frame(100, 0, 0, 100, 0);
            expect_frame(300, 60, 1);
            expect_frame(300, 40, 1);
            expect_frame(300, 0, 1);
            expect_frame(100, 0, 0);
        }
        expect_no_message(&ch);
        end_channel(&ch);
    }
}

/* Descriptors that no frame names. */

TEST(descriptors_that_no_header_names_are_an_error_at_the_end_at_the_latest)
{
    FOR_BOTH(type) {
        int before;
        start_channel(&ch, type, &limits);
        before = open_descriptors();
        send_frame(5, 2, 0, 5, 4);
        shutdown(PEER, SHUT_WR);
        expect_frame(5, 2, 0);
        expect_error(EPROTO, before);
        end_channel(&ch);
    }
}

/* Frames without descriptors, and 253 with each. */
TEST(a_flood_of_descriptors_without_a_name_never_fills_the_table)
{
    FOR_BOTH(type) {
        int before, sent, r;
        struct anc_in in;
        start_channel(&ch, type, &limits);
        before = open_descriptors();
        for (sent = 0; sent < 8; sent++)
            send_frame(0, 0, 0, 0, ANC_FDS_MAX);
        while ((r = anc_rx_recv(&ch.rx, &in, 0)) == 1)
            CHECK(open_descriptors() <= before + ANC_FDS_MAX);
        CHECK_INT(r, -1);
        CHECK_INT(errno, EPROTO);
        expect_error(EPROTO, before);
        drain_socket(ch.pair[1]);
        end_channel(&ch);
    }
}

/* The same with more slots than one message needs. */
TEST(a_flood_of_descriptors_ends_where_the_slots_end)
{
    static int slots[600];
    int before, sent, r;
    struct anc_in in;
    start_channel(&ch, SOCK_STREAM, &limits);
    anc_rx_close(&ch.rx);
    CHECK_OK(anc_rx_init(&ch.rx, ch.pair[1], ch.in, sizeof ch.in, slots, LENGTH(slots), &limits, sizeof ch.rx), 0);
    before = open_descriptors();
    for (sent = 0; sent < 10; sent++)
        send_frame(0, 0, 0, 0, 100);
    while ((r = anc_rx_recv(&ch.rx, &in, 0)) == 1)
        CHECK(open_descriptors() <= before + (int)LENGTH(slots));
    CHECK(r == -1 && errno == EPROTO);
    expect_error(EPROTO, before);
    end_channel(&ch);
}

/* As 250 wait already, the receiver reads frame by frame: those of a batch come where a frame starts. */
TEST(descriptors_within_a_frame_are_an_error)
{
    int cut;
    for (cut = 1; cut < FRAME_HEADER + 20; cut++) {
        char frame[FRAME_HEADER + 20] = {0};
        int before;
        start_channel(&ch, SOCK_STREAM, NULL);
        before = open_descriptors();
        send_frame(0, 0, 0, 0, 250);
        expect_frame(0, 0, 0);
        put_header(frame, 20, 250, 0, 1);
        send_raw(frame, (size_t)cut, 0);
        CHECK_ERRNO(anc_rx_recv(&ch.rx, &(struct anc_in){0}, 0), EAGAIN);
        send_raw(frame + cut, sizeof frame - (size_t)cut, 1);
        expect_error(EPROTO, before);
        end_channel(&ch);
    }
}

/* The end, and silence, within a frame. */

enum { WHOLE = FRAME_HEADER + 12 };

TEST(end_of_file_at_any_byte_of_a_frame_is_an_error)
{
    int cut, within;
    for (within = 0; within < 2; within++)
        for (cut = 0; cut <= WHOLE; cut++) {
            char frame[WHOLE] = {0};
            struct anc_in in;
            int before;
            start_channel(&ch, SOCK_STREAM, &limits);
            before = open_descriptors();
            if (within)
                send_frame(10, 1, 1, 10, 1);
            put_header(frame, WHOLE - FRAME_HEADER, 3, 0, 1);
            if (cut > 0)
                send_raw(frame, (size_t)cut, 3);
            shutdown(PEER, SHUT_WR);
            if (within)
                expect_frame(10, 1, 1);
            if (cut == WHOLE)
                expect_frame(WHOLE - FRAME_HEADER, 3, 0);
            if ((cut == 0 && !within) || cut == WHOLE)
                CHECK_OK(anc_rx_recv(&ch.rx, &in, -1), 0);
            else
                expect_error(EPROTO, before);
            end_channel(&ch);
        }
}

TEST(a_peer_that_stalls_is_waited_for_and_may_go_on)
{
    int cut;
    for (cut = 1; cut < WHOLE; cut++) {
        char frame[WHOLE] = {0};
        struct anc_in in;
        int before;
        start_channel(&ch, SOCK_STREAM, &limits);
        before = open_descriptors();
        put_header(frame, WHOLE - FRAME_HEADER, 3, 0, 1);
        send_raw(frame, (size_t)cut, 3);
        CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 0), EAGAIN);
        CHECK_ERRNO(anc_rx_recv(&ch.rx, &in, 2), ETIMEDOUT);
        CHECK_INT(open_descriptors(), before + 3); /* they have come, and wait */
        send_raw(frame + cut, (size_t)(WHOLE - cut), 0);
        expect_frame(WHOLE - FRAME_HEADER, 3, 0);
        expect_no_message(&ch);
        end_channel(&ch);
    }
}

TEST(a_peer_that_stalls_for_ever_leaves_nothing_when_the_channel_is_closed)
{
    char frame[WHOLE] = {0};
    int before;
    start_channel(&ch, SOCK_STREAM, &limits);
    before = open_descriptors();
    put_header(frame, WHOLE - FRAME_HEADER, 3, 0, 1);
    send_raw(frame, WHOLE - 1, 3);
    CHECK_ERRNO(anc_rx_recv(&ch.rx, &(struct anc_in){0}, 0), EAGAIN);
    anc_rx_close(&ch.rx);
    CHECK_INT(open_descriptors(), before);
    end_channel(&ch);
}

/* Packets. */

static void packet_error(const void *bytes, size_t len, int nfds, int frames)
{
    int before;
    start_channel(&ch, SOCK_SEQPACKET, NULL);
    before = open_descriptors();
    send_raw(bytes, len, nfds);
    while (frames-- > 0)
        expect_frame(4, 0, 0);
    expect_error(EPROTO, before);
    end_channel(&ch);
}

TEST(a_packet_that_is_not_whole_frames_is_an_error)
{
    static char packet[70000];
    size_t len, i;
    int nfds;
    for (nfds = 0; nfds < 3; nfds += 2) {
        for (i = 0; i < 3; i++)
            put_header(packet + 12 * i, 4, 0, 0, 1);
        put_header(packet + 24, 4, (unsigned int)nfds, 0, 1);
        for (len = 1; len < 36; len++)
            if (nfds || len % 12)
                packet_error(packet, len, nfds, (int)(len / 12));
        put_header(packet, 60000, (unsigned int)nfds, 0, 1);
        packet_error(packet, 60007, nfds, 0);
    }
    packet_error("", 0, 1, 0);            /* empty, but for a descriptor */
    packet_error(packet, 65536 + 4096, 2, 0); /* larger than any packet */
}

TEST(two_packets_do_not_make_a_frame)
{
    char frame[WHOLE] = {0};
    size_t cut;
    for (cut = 1; cut < WHOLE; cut++) {
        int before;
        start_channel(&ch, SOCK_SEQPACKET, NULL);
        before = open_descriptors();
        put_header(frame, WHOLE - FRAME_HEADER, 1, 0, 1);
        send_raw(frame, cut, 1);
        send_raw(frame + cut, WHOLE - cut, 0);
        expect_error(EPROTO, before);
        end_channel(&ch);
    }
}

TEST(a_packet_that_does_not_fit_is_an_error_and_leaves_no_descriptor)
{
    static char small[ANC_CONTROL_MAX + 16 + 65536], packet[66000];
    int before;
    start_channel(&ch, SOCK_SEQPACKET, NULL);
    anc_rx_close(&ch.rx);
    CHECK_OK(anc_rx_init(&ch.rx, ch.pair[1], small, sizeof small, ch.slots, ANC_FDS_MAX, NULL, sizeof ch.rx), 0);
    before = open_descriptors();
    put_header(packet, MAX_FRAME, 3, 0, 1);
    send_raw(packet, sizeof packet, 3);
    expect_error(EPROTO, before);
    end_channel(&ch);
}

TEST(descriptors_that_the_packet_does_not_name_are_an_error_at_its_end)
{
    int before;
    start_channel(&ch, SOCK_SEQPACKET, NULL);
    before = open_descriptors();
    send_frame(3, 1, 0, 3, 2);
    send_frame(3, 1, 0, 3, 0);
    expect_frame(3, 1, 0);
    expect_error(EPROTO, before);
    end_channel(&ch);
}

/* Told wrongly what came. */
TEST(more_bytes_than_there_was_room_for_can_not_have_come)
{
    FOR_BOTH(type) {
        struct msghdr msg;
        struct anc_in in;
        int before;
        start_channel(&ch, type, NULL);
        before = open_descriptors();
        CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, 0), EINVAL);
        send_frame(3, 1, 0, 3, 1);
        CHECK_OK(anc_rx_prepare(&ch.rx, &msg), 1);
        CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, -EAGAIN), EAGAIN);
        CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, -EINTR), EINTR);
        CHECK_INT(recvmsg(ch.pair[1], &msg, MSG_CMSG_CLOEXEC), 11);
        CHECK_ERRNO(anc_rx_got(&ch.rx, &msg, 1 << 20), EINVAL);
        CHECK_INT(open_descriptors(), before);
        CHECK_ERRNO(anc_rx_next(&ch.rx, &in), EINVAL);
        end_channel(&ch);
    }
}

/* A full descriptor table. */

enum { MESSAGES = 6, EACH = 4 };

static struct parcel *lost[MESSAGES], *later[3];

/* What came of message i, where all slots together had room for `room` in each batch. */
static void expect_lost(int i, int first, int room, int error)
{
    struct anc_in in;
    size_t f;
    CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
    CHECK_INT(in.len, lost[i]->len);
    CHECK(in.len == 0 || memcmp(in.data, lost[i]->bytes, in.len) == 0);
    CHECK_INT(in.nfds, lost[i]->nfds);
    for (f = 0; f < in.nfds; f++)
        if (first + (int)f < room)
            CHECK_INT(number_of(in.fds[f]), lost[i]->number + f);
        else
            CHECK_CASE(in.fds[f] == -error, "message %d, slot %zu: %d", i, f, in.fds[f]);
}

static void send_batch(struct parcel **p, int n)
{
    int i;
    for (i = 0; i < n; i++)
        queue_parcel(&ch, p[i]);
    CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
}

/* Makes the table end after so many more descriptors; the limit that was. */
static struct rlimit leave_room(int room)
{
    struct rlimit limit, full;
    int end, found = 0;
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which recvmsg does not see");
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    full = limit;
    for (end = lowest_free(); found < room; end++)
        found += !is_open(end);
    full.rlim_cur = (rlim_t)end;
    CHECK(setrlimit(RLIMIT_NOFILE, &full) == 0);
    return limit;
}

static void full_table(int type, int room)
{
    struct rlimit limit;
    int i, fds;
    for (i = 0; i < MESSAGES; i++)
        lost[i] = new_parcel((size_t)i * 10, i % 3 == 1 ? 0 : EACH, ANC_MOVE);
    for (i = 0; i < 3; i++)
        later[i] = new_parcel((size_t)i * 9, (size_t)i, ANC_MOVE);
    start_channel(&ch, type, NULL);
    send_batch(lost, MESSAGES);
    limit = leave_room(room);
    CHECK_INT(table_room(), room);
    for (i = 0, fds = 0; i < MESSAGES; i++) {
        expect_lost(i, fds, room, EMFILE);
        fds += (int)lost[i]->nfds;
    }
    expect_no_message(&ch);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    send_batch(later, 3);
    for (i = 0; i < 3; i++) {
        struct anc_in in;
        size_t len = 0, nfds = 0;
        CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
        check_frame(later[i], &in, &len, &nfds);
        CHECK(len == later[i]->len && nfds == later[i]->nfds);
    }
    end_channel(&ch);
    for (i = 0; i < MESSAGES; i++)
        free_parcel(lost[i]);
    for (i = 0; i < 3; i++)
        free_parcel(later[i]);
}

TEST(a_message_that_finds_the_table_full_arrives_with_the_lost_ones_marked)
{
    int room;
    FOR_BOTH(type)
        for (room = 0; room <= EACH * 4; room++)
            full_table(type, room);
}

/* The next batch waits in the socket already, so that nothing but its own header tells where the
 * batch with losses ends. */
TEST(messages_that_wait_behind_a_batch_with_losses_are_whole)
{
    int room, i, fds, batch;
    FOR_BOTH(type)
        for (room = 0; room <= 4; room++) {
            struct parcel *p[12];
            struct rlimit limit;
            static const size_t counts[12] = {2, 0, 2, 0, 1, 3, 0, 0, 0, 2, 2, 1}; /* four batches of three */
            start_channel(&ch, type, NULL);
            for (i = 0; i < 12; i++)
                p[i] = new_parcel(i % 4 ? (size_t)i * 11 : 0, counts[i], ANC_MOVE);
            for (batch = 0; batch < 4; batch++)
                send_batch(p + 3 * batch, 3);
            limit = leave_room(room);
            for (i = 0, fds = 0; i < 12; i++) {
                struct anc_in in;
                size_t f;
                CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
                CHECK(in.len == p[i]->len && in.nfds == p[i]->nfds);
                CHECK(in.len == 0 || memcmp(in.data, p[i]->bytes, in.len) == 0);
                for (f = 0; f < in.nfds; f++, fds++)
                    if (i >= 3 || fds < room)
                        CHECK_INT(number_of(in.fds[f]), p[i]->number + f);
                    else
                        CHECK_INT(in.fds[f], -EMFILE);
                if (i == 2)
                    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
            }
            expect_no_message(&ch);
            end_channel(&ch);
            for (i = 0; i < 12; i++)
                free_parcel(p[i]);
        }
}

/* A security module's doing, by hand: all but the first of a receive are withheld. */
static int keeps;

static ssize_t withhold(int sock, struct msghdr *msg, int flags)
{
    ssize_t n = NEXT(recvmsg)(sock, msg, flags);
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(msg) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        int have = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)), i, fd;
        for (i = keeps; i < have; i++) {
            memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof fd, sizeof fd);
            NEXT(close)(fd);
        }
        if (have > keeps) {
            msg->msg_flags |= MSG_CTRUNC;
            c->cmsg_len = CMSG_LEN((size_t)keeps * sizeof(int));
            msg->msg_controllen = keeps ? CMSG_SPACE((size_t)keeps * sizeof(int)) : 0;
        }
    }
    if (n >= 0)
        note_arrivals(msg);
    return n;
}

TEST(a_descriptor_that_was_withheld_is_told_apart_from_a_full_table)
{
    FOR_BOTH(type)
        for (keeps = 0; keeps <= EACH * 4; keeps++) {
            int i, fds;
            start_channel(&ch, type, NULL);
            for (i = 0; i < MESSAGES; i++)
                lost[i] = new_parcel((size_t)i * 10, i % 3 == 1 ? 0 : EACH, ANC_MOVE);
            send_batch(lost, MESSAGES);
            new_world();
            world.recvmsg = withhold;
            for (i = 0, fds = 0; i < MESSAGES; i++) {
                watching = 1;
                expect_lost(i, fds, keeps, EOVERFLOW);
                watching = 0;
                fds += (int)lost[i]->nfds;
            }
            CHECK_ERRNO(LIBRARY(anc_rx_recv(&ch.rx, &(struct anc_in){0}, 0)), EAGAIN);
            CHECK_INT(owned_by(LIBRARYS), 0);
            end_channel(&ch);
            for (i = 0; i < MESSAGES; i++)
                free_parcel(lost[i]);
        }
}

/* 253 slots are enough, whatever is lost and whatever comes. */
TEST(a_message_of_a_thousand_descriptors_survives_a_full_table)
{
    FOR_BOTH(type) {
        struct anc_limits large = {0, 1000, 0, 0};
        struct parcel *p = new_parcel(500, 1000, ANC_MOVE), *behind = new_parcel(5, 5, ANC_MOVE);
        struct anc_in in = {.more = 1};
        struct rlimit limit, full;
        size_t seen = 0, f;
        int frame;
        start_channel(&ch, type, &large);
        queue_parcel(&ch, p);
        queue_parcel(&ch, behind);
        CHECK_OK(anc_tx_flush(&ch.tx, 0), 0);
        limit = leave_room(100);
        CHECK(getrlimit(RLIMIT_NOFILE, &full) == 0);
        for (frame = 0; in.more; frame++) {
            /* Every second batch finds room for some. */
            CHECK(setrlimit(RLIMIT_NOFILE, frame % 2 ? &limit : &full) == 0);
            CHECK_OK(anc_rx_recv(&ch.rx, &in, 0), 1);
            for (f = 0; f < in.nfds; f++, seen++)
                if (frame % 2 || f < 100)
                    CHECK_INT(number_of(in.fds[f]), p->number + seen);
                else
                    CHECK_INT(in.fds[f], -EMFILE);
        }
        CHECK(seen == 1000 && frame == 4);
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        expect_parcel(&ch, behind);
        end_channel(&ch);
        free_parcel(p);
        free_parcel(behind);
    }
}
