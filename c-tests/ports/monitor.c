#define PORT monitor
#include "port.h"
#include "monitor.h"

BOTH(descriptors_arrive_in_order)
{
    int pair[2], sent[5], i;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 5);
    for (i = 0; i < 5; i++)
        CHECK_INT(port->send_fd(pair[0], sent[i]), 0);
    for (i = 0; i < 5; i++) {
        int got = port->receive_fd(pair[1]);
        CHECK(got >= 0 && same_file(sent[i], got));
        close(got);
        close(sent[i]);
    }
    close_both(pair);
}

BOTH(end_of_file_is_an_error)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    close(pair[0]);
    CHECK_INT(port->receive_fd(pair[1]), -1);
    close(pair[1]);
}

BOTH(a_byte_without_a_descriptor_is_an_error)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "x", 1, NULL, 0, 0), 1);
    CHECK_INT(port->receive_fd(pair[1]), -1);
    close_both(pair);
}

BOTH(a_closed_descriptor_is_not_sent)
{
    int pair[2], fd = new_descriptor();
    socket_pair(SOCK_STREAM, pair);
    close(fd);
    CHECK_INT(port->send_fd(pair[0], fd), -1);
    EXPECT_NOTHING(pair[1]);
    close_both(pair);
}

static void send_from_child(void *sock)
{
    throw_fds(*(int *)sock, "", 1, 1);
}

static void waits_through_signals(const struct monitor *port, int is_nonblocking)
{
    int pair[2], got;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    if (is_nonblocking)
        set_nonblocking(pair[1]);
    child = interrupt_me(2, send_from_child, &pair[0]);
    got = port->receive_fd(pair[1]);
    CHECK(got >= 0);
    check_child(child);
    close(got);
    close_both(pair);
}

BOTH(signals_do_not_end_the_wait) { waits_through_signals(port, 0); }
BOTH(a_nonblocking_socket_is_waited_for) { waits_through_signals(port, 1); }

/* CMSG_SPACE(sizeof(int)) is 24 bytes on 64-bit, of which two descriptors need 24. */
BUG(a_second_descriptor_does_not_leak)
{
    int pair[2], before, after, got;
    need_padding();
    socket_pair(SOCK_STREAM, pair);
    throw_fds(pair[0], "", 1, 2);
    before = open_descriptors();
    got = port->receive_fd(pair[1]);
    if (got >= 0)
        close(got);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

/* The child that the monitor starts next inherits what it received. */
BUG(the_descriptor_is_close_on_exec)
{
    int pair[2], got, is_private;
    socket_pair(SOCK_STREAM, pair);
    throw_fds(pair[0], "", 1, 1);
    got = port->receive_fd(pair[1]);
    CHECK(got >= 0);
    is_private = is_cloexec(got);
    close(got);
    close_both(pair);
    return is_private;
}

/* SO_PASSCRED is inherited from a listening socket. Credentials come first and leave no room. */
BUG(credentials_do_not_take_the_descriptors_room)
{
    int pair[2], got;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    throw_fds(pair[0], "", 1, 1);
    got = port->receive_fd(pair[1]);
    if (got >= 0)
        close(got);
    close_both(pair);
    return got >= 0;
}

BUG(a_peer_that_has_gone_kills_nobody)
{
    int pair[2], fd = new_descriptor();
    struct sigaction action = {.sa_handler = count_sigpipe};
    CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
    socket_pair(SOCK_STREAM, pair);
    close(pair[1]);
    CHECK_INT(port->send_fd(pair[0], fd), -1);
    close(pair[0]);
    close(fd);
    return sigpipes == 0;
}

COUNT(monitor)
