/* Not on macOS: the code by hand wants sendmmsg. */
#define PORT batch
#include "port.h"
#include "batch.h"

enum { LONGEST = 5000 };

static struct batch_queue queue;
static unsigned char texts[256][LONGEST];

static size_t length_of(int i)
{
    return 1 + (size_t)i * 997 % LONGEST;
}

/* Message i, with i % 5 descriptors that have its number: 0 if the queue is full. */
static int put(const struct batch *port, int i)
{
    int fds[4] = {-1}, n = i % 5, k;
    for (k = 0; k < n; k++)
        fds[k] = numbered((unsigned int)i);
    memset(texts[i], i, LONGEST);
    if (port->queue(&queue, texts[i], length_of(i), fds, (size_t)n) == 0)
        return 1;
    for (k = 0; k < n; k++)
        close(fds[k]);
    return 0;
}

/* Reads on in message i: 1 at its end, 0 not yet. Its descriptors come with its first byte. */
static int take(const struct batch *port, int sock, int i, size_t *filled)
{
    unsigned char buf[LONGEST];
    int fds[BATCH_FDS];
    size_t nfds, k;
    ssize_t n = port->read(sock, buf, length_of(i) - *filled, fds, &nfds);
    if (n == -1)
        CHECK_INT(errno, EAGAIN);
    if (n == -1)
        return 0;
    CHECK(n > 0);
    CHECK_INT(nfds, *filled == 0 ? i % 5 : 0);
    for (k = 0; k < (size_t)n; k++)
        CHECK_INT(buf[k], i);
    for (k = 0; k < nfds; k++) {
        CHECK(is_cloexec(fds[k]));
        CHECK_INT(number_of(fds[k]), i);
    }
    *filled += (size_t)n;
    if (*filled < length_of(i))
        return 0;
    *filled = 0;
    return 1;
}

static void exchange(const struct batch *port, int count, int send_room)
{
    int pair[2], written = 1, taken = 1;
    size_t filled = 0;
    socket_pair(SOCK_STREAM, pair);
    if (send_room)
        option(pair[0], SO_SNDBUF, send_room);
    queue.sock = pair[0];
    while (taken <= count) {
        while (written <= count && put(port, written))
            written++;
        CHECK(port->flush(&queue) >= 0);
        taken += take(port, pair[1], taken, &filled);
    }
    close_both(pair);
}

BOTH(messages_arrive_with_their_descriptors) { exchange(port, 200, 0); }

/* A batch stops in the middle of a message, which goes on without its descriptors. */
BOTH(a_full_socket_sends_each_descriptor_once) { exchange(port, 60, 4608); }

BOTH(a_dropped_queue_closes_its_descriptors)
{
    int pair[2], i;
    socket_pair(SOCK_STREAM, pair);
    queue.sock = pair[0];
    for (i = 1; i <= 20; i++)
        CHECK(put(port, i));
    port->close(&queue);
    close_both(pair);
}

BOTH(a_peer_that_has_gone_is_an_error)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    queue.sock = pair[0];
    CHECK(put(port, 3));
    close(pair[1]);
    CHECK_INT(port->flush(&queue), -1);
    port->close(&queue);
    close(pair[0]);
}

/* A listening socket with SO_PASSCRED (PassCredentials= in its unit) makes every peer able to end
 * its connection with 253 descriptors. */
BUG(credentials_do_not_take_the_descriptors_room)
{
    int pair[2], fds[BATCH_FDS];
    size_t nfds;
    char byte;
    ssize_t n;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    throw_fds(pair[0], "x", 1, BATCH_FDS);
    n = port->read(pair[1], &byte, 1, fds, &nfds);
    anc_close_fds(fds, nfds);
    close_both(pair);
    return n == 1 && nfds == BATCH_FDS;
}

BUG(a_pidfd_does_not_leak)
{
    int pair[2], fds[BATCH_FDS], before, after;
    size_t nfds;
    char byte;
    socket_pair(SOCK_STREAM, pair);
    want_pidfd(pair[1]);
    throw_fds(pair[0], "x", 1, 2);
    before = open_descriptors();
    CHECK_INT(port->read(pair[1], &byte, 1, fds, &nfds), 1);
    CHECK_INT(nfds, 2);
    anc_close_fds(fds, nfds);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

COUNT(batch)
