#define PORT notify
#include "port.h"
#include "notify.h"

static struct notification got;

static void open_notify(int pair[2])
{
    socket_pair(SOCK_DGRAM, pair);
    notify_prepare(pair[1]);
}

static void close_notification(struct notification *n)
{
    anc_close_fds(n->fds, n->nfds);
    if (n->pidfd >= 0)
        close(n->pidfd);
}

static int has_pidfds(int sock)
{
    int on = 0;
    socklen_t len = sizeof on;
    return getsockopt(sock, SOL_SOCKET, SO_PASSPIDFD, &on, &len) == 0 && on;
}

static void expect(const struct notify *port, int pair[2], const char *text, int first, int n)
{
    int i;
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_MESSAGE);
    CHECK(strcmp(got.text, text) == 0);
    CHECK(got.from.pid == getpid() && got.from.uid == getuid() && got.from.gid == getgid());
    CHECK_INT(got.pidfd >= 0, has_pidfds(pair[1]));
    CHECK(got.pidfd < 0 || is_cloexec(got.pidfd));
    CHECK(!got.lost);
    CHECK_INT(got.nfds, n);
    for (i = 0; i < n; i++) {
        CHECK(is_cloexec(got.fds[i]));
        CHECK_INT(number_of(got.fds[i]), first + i);
    }
    got.nfds = 0;
    close_notification(&got);
}

static void notify_with(int sock, const void *text, size_t len, int first, int n)
{
    int fds[ANC_FDS_MAX] = {-1}, i;
    for (i = 0; i < n; i++)
        fds[i] = numbered((unsigned int)(first + i));
    CHECK_INT(raw_send(sock, text, len, fds, n, 0), len);
    for (i = 0; i < n; i++)
        close(fds[i]);
}

BOTH(messages_arrive_with_their_sender_and_descriptors)
{
    static const int counts[] = {0, 1, 2, 28, 253};
    int pair[2];
    size_t i;
    open_notify(pair);
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        notify_with(pair[0], "READY=1\nFDSTORE=1\n", 18, 7, counts[i]);
        expect(port, pair, "READY=1\nFDSTORE=1\n", 7, counts[i]);
    }
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_NOTHING);
    close_both(pair);
}

/* A bad message, and the good one behind it, which still comes. */
static void passes_over(const struct notify *port, const void *text, size_t len)
{
    int pair[2];
    open_notify(pair);
    notify_with(pair[0], text, len, 1, 3);
    notify_with(pair[0], "READY=1", 7, 9, 1);
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_IGNORED);
    expect(port, pair, "READY=1", 9, 1);
    close_both(pair);
}

BOTH(a_text_that_is_too_long_is_passed_over)
{
    static char text[2 * NOTIFY_TEXT];
    memset(text, 'x', sizeof text);
    passes_over(port, text, NOTIFY_TEXT + 1);
    passes_over(port, text, sizeof text);
}

BOTH(a_text_with_a_zero_byte_is_passed_over)
{
    passes_over(port, "READY=1\0STOPPING=1", 18);
}

BOTH(the_longest_text_is_kept)
{
    static char text[NOTIFY_TEXT + 1];
    int pair[2];
    memset(text, 'x', NOTIFY_TEXT);
    open_notify(pair);
    notify_with(pair[0], text, NOTIFY_TEXT, 1, 2);
    expect(port, pair, text, 1, 2);
    close_both(pair);
}

/* What was queued before SO_PASSCRED was on comes with pid 0, which is nobody. */
BOTH(a_message_of_nobody_is_passed_over)
{
    int pair[2];
    socket_pair(SOCK_DGRAM, pair);
    notify_with(pair[0], "READY=1", 7, 1, 2);
    notify_prepare(pair[1]);
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_IGNORED);
    close_both(pair);
}

/* An unprivileged service fills the manager's table with these. */
BUG(an_empty_message_leaks_nothing)
{
    int pair[2], before, after;
    open_notify(pair);
    notify_with(pair[0], "", 0, 1, 5);
    before = open_descriptors();
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_IGNORED);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

/* READY=1 is lost with them, and the service is killed by its start time-out. */
BUG(a_full_table_does_not_lose_the_text)
{
    int pair[2], result;
    open_notify(pair);
    notify_with(pair[0], "READY=1\nFDSTORE=1", 17, 1, 5);
    leave_room(2);
    result = port->receive(pair[1], &got);
    room_again();
    if (result == NOTIFY_MESSAGE) {
        CHECK(strcmp(got.text, "READY=1\nFDSTORE=1") == 0);
        CHECK(got.lost && got.nfds == 2);
        CHECK_INT(number_of(got.fds[0]), 1);
        CHECK_INT(number_of(got.fds[1]), 2);
        CHECK_INT(got.pidfd, -1);
    }
    close_both(pair);
    return result == NOTIFY_MESSAGE;
}

/* SCM_PIDFD brings a negative error number then, which is no descriptor. */
BOTH(a_full_table_gives_no_false_pidfd)
{
    int pair[2];
    open_notify(pair);
    notify_with(pair[0], "READY=1", 7, 1, 0);
    leave_room(0);
    CHECK_INT(port->receive(pair[1], &got), NOTIFY_MESSAGE);
    room_again();
    CHECK(got.pidfd < 0 && got.nfds == 0);
    close_both(pair);
}

COUNT(notify)
