/* Channels at sizes that can't be tried in every way: messages of megabytes, thousands of descriptors,
 * and everything in between drawn by lot. */
#include "harness.h"

static uint64_t state;

static unsigned int drawn(unsigned int below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)((state >> 33) % below);
}

#include "channel-pair.h"

static void run_pairs(int type, struct pair_size size, int rounds, int seconds)
{
    const uint64_t seed = 6;
    int round, pair[2];
    size_t i;
    state = seed;
    for (i = 0; i < ARENA; i++)
        p.arena[i] = (unsigned char)(i * 2654435761u >> 13);
    socket_pair(type, pair);
    if (on_valgrind())
        rounds = rounds / 50 + 1;
    for (round = 0; goes_on(round, rounds, seconds); round++)
        run_pair(type == SOCK_STREAM, pair[0], &size);
    printf("     seed %d: %d channels, %ld sends, %ld receives, %ld frames, %ld descriptors lost\n", (int)seed,
           round, p.sent_calls, p.received_calls, p.frames, p.losses);
    CHECK(round > 0);
    close_both(pair);
}

TEST(small_messages_on_streams)
{
    run_pairs(SOCK_STREAM, (struct pair_size){40, 400, 6, 10}, 4000, 4);
}

TEST(small_messages_in_packets)
{
    run_pairs(SOCK_SEQPACKET, (struct pair_size){40, 400, 6, 10}, 4000, 4);
}

TEST(large_messages_on_streams)
{
    run_pairs(SOCK_STREAM, (struct pair_size){12, 2 << 20, 4000, 10}, 150, 6);
}

TEST(large_messages_in_packets)
{
    run_pairs(SOCK_SEQPACKET, (struct pair_size){12, 2 << 20, 4000, 10}, 150, 4);
}

TEST(many_descriptors_on_streams)
{
    run_pairs(SOCK_STREAM, (struct pair_size){200, 3, 260, 20}, 400, 4);
}
