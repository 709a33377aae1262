#define PORT listeners
#include "port.h"
#include "listeners.h"

static struct listener given[LISTENERS_MAX], taken[LISTENERS_MAX];

/* A child process with so many listeners (eventfds with their numbers) gives them away. */
static pid_t start_giver(const struct listeners *port, const int pair[2], int count,
                         size_t name_len)
{
    pid_t child = fork();
    int i;
    if (child != 0)
        return child;
    close(pair[1]);
    for (i = 0; i < count; i++) {
        given[i].fd = numbered((unsigned int)i + 1);
        memset(given[i].name, 'n', name_len);
        snprintf(given[i].name + name_len - 4, 5, "%04u", (unsigned int)i % 10000);
    }
    _exit(port->give(pair[0], given, count) != 0);
}

static int take_all(const struct listeners *giver, const struct listeners *taker, int count,
                    size_t name_len)
{
    int pair[2], got, i;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    child = start_giver(giver, pair, count, name_len);
    close(pair[0]);
    got = taker->take(pair[1], taken, LISTENERS_MAX);
    close(pair[1]);
    if (got == -1) {
        CHECK(waitpid(child, NULL, 0) == child);
        return -1;
    }
    check_child(child);
    for (i = 0; i < got; i++) {
        CHECK_INT(strlen(taken[i].name), name_len);
        CHECK_INT(atoi(taken[i].name + name_len - 4), i);
        CHECK_INT(number_of(taken[i].fd), i + 1);
    }
    return got;
}

BOTH(all_listeners_arrive_with_their_names)
{
    static const int counts[] = {0, 1, 5, 253, 254, 600};
    size_t i;
    if (SENDMSG_MAX < 253 && port == &BY_HAND)
        skip("this C library's sendmsg does not take 253 descriptors");
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++)
        CHECK_INT(take_all(port, port, counts[i], 9), counts[i]);
}

TEST(the_ports_understand_each_other)
{
    CHECK_INT(take_all(&listeners_by_hand, &listeners_ancillary, SENDMSG_MAX < 253 ? 200 : 300, 9), SENDMSG_MAX < 253 ? 200 : 300);
    CHECK_INT(take_all(&listeners_ancillary, &listeners_by_hand, 300, 9), 300);
}

/* A giver that says `count` and sends `fds` descriptors with names, without waiting for anything.
 * The question and the answers stay unread. */
static void play_giver(int sock, int count, int fds)
{
    char text[1000];
    int i;
    for (i = 0; i < fds; i++)
        strcpy(given[i].name, "tcp");
    CHECK_INT(send(sock, &count, sizeof count, 0), sizeof count);
    throw_fds(sock, text, listeners_write(given, fds, text), fds);
}

BOTH(a_giver_that_dies_in_the_middle_is_an_error)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    play_giver(pair[0], 7, 4);
    CHECK_INT(shutdown(pair[0], SHUT_WR), 0);
    CHECK_INT(port->take(pair[1], taken, LISTENERS_MAX), -1);
    close_both(pair);
}

BOTH(more_listeners_than_there_is_room_are_an_error)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    play_giver(pair[0], 11, 11);
    CHECK_INT(port->take(pair[1], taken, 10), -1);
    close_both(pair);
}

/* The kernel cuts a large message into several, of which the first has the descriptors. Who stops
 * reading once all descriptors are there has not got all names. */
BUG(long_names_arrive)
{
    return take_all(port, port, 253, 200) == 253;
}

BUG(more_than_announced_do_not_leak)
{
    int pair[2], before, after, got;
    socket_pair(SOCK_STREAM, pair);
    play_giver(pair[0], 2, 5);
    before = open_descriptors();
    got = port->take(pair[1], taken, LISTENERS_MAX);
    CHECK_INT(got, -1);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

BUG(listeners_are_close_on_exec)
{
    int pair[2], are_private;
    socket_pair(SOCK_STREAM, pair);
    play_giver(pair[0], 2, 2);
    CHECK_INT(port->take(pair[1], taken, LISTENERS_MAX), 2);
    are_private = is_cloexec(taken[0].fd) && is_cloexec(taken[1].fd);
    close(taken[0].fd);
    close(taken[1].fd);
    close_both(pair);
    return are_private;
}

BUG(a_pidfd_does_not_leak)
{
    int pair[2], before, after;
    socket_pair(SOCK_STREAM, pair);
    want_pidfd(pair[1]);
    play_giver(pair[0], 1, 1);
    before = open_descriptors();
    CHECK_INT(port->take(pair[1], taken, LISTENERS_MAX), 1);
    close(taken[0].fd);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

COUNT(listeners)
