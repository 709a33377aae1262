/* Both halves of a channel with a model of the kernel between them: whatever the messages are and however
 * the kernel cuts, joins and loses, what arrives is what was sent. */
#include "fuzz.h"

#define CHECK MUST

static struct input input;
static uint64_t state;

/* From the input, and by lot when it is used up. */
static unsigned int drawn(unsigned int below)
{
    if (input.left > 0)
        return (below > 256 ? word(&input) : byte(&input)) % below;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned int)(state >> 33) % below;
}

#include "../c-tests/channel-pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pair_size sizes[] = {{8, 30, 4, 20}, {20, 400, 6, 20}, {30, 3, 260, 20}, {4, 100000, 600, 20}};
    static int pairs[2][2];
    size_t i;
    uint8_t how;
    if (!pairs[0][0]) {
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[0]) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pairs[1]) == 0);
        for (i = 0; i < ARENA; i++)
            p.arena[i] = (unsigned char)(i * 2654435761u >> 13);
    }
    input = (struct input){data, size};
    state = size;
    how = byte(&input);
    run_pair(how & 1, pairs[!(how & 1)][0], &sizes[how >> 1 & 3]);
    return 0;
}
