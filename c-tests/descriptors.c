/* The main job: what anc_send_fds sends, anc_recv_fds hands over. */
#include "harness.h"

static void round_trip(int type, int n)
{
    int pair[2], sent[ANC_FDS_MAX], got[ANC_FDS_MAX], i;
    size_t count = 99;
    char byte = 0;
    socket_pair(type, pair);
    new_descriptors(sent, n);
    CHECK_INT(anc_send_fds(pair[0], "x", 1, sent, (size_t)n, 0), 1);
    CHECK_INT(anc_recv_fds(pair[1], &byte, 1, got, ANC_FDS_MAX, &count, 0), 1);
    CHECK_INT(byte, 'x');
    CHECK_INT(count, n);
    for (i = 0; i < n; i++) {
        CHECK(got[i] != sent[i] && same_file(sent[i], got[i]));
        CHECK(is_cloexec(got[i]));
    }
    anc_close_fds(got, count);
    for (i = 0; i < n; i++)
        CHECK_INT(got[i], -1);
    anc_close_fds(sent, (size_t)n);
    close_both(pair);
}

static void every_count(int type)
{
    int n;
    for (n = 1; n <= ANC_FDS_MAX; n++)
        round_trip(type, n);
}

TEST(a_stream_carries_1_to_253_descriptors_in_order) { every_count(SOCK_STREAM); }
TEST(a_datagram_carries_1_to_253_descriptors_in_order) { every_count(SOCK_DGRAM); }
TEST(a_seqpacket_carries_1_to_253_descriptors_in_order) { every_count(SOCK_SEQPACKET); }

TEST(one_descriptor_needs_no_buffer)
{
    int pair[2], fd = new_descriptor(), got;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(anc_send_fd(pair[0], fd, 0), 0);
    got = anc_recv_fd(pair[1], 0);
    CHECK(got >= 0 && same_file(fd, got) && is_cloexec(got));
    close(got);
    close(fd);
    close_both(pair);
}

TEST(the_loaded_library_has_the_headers_version)
{
    CHECK_INT(anc_version(), ANC_VERSION);
}
