#define PORT commands
#include "port.h"
#include "commands.h"

static void channel(int pair[2])
{
    socket_pair(SOCK_STREAM, pair);
    set_nonblocking(pair[0]);
    set_nonblocking(pair[1]);
}

BOTH(commands_arrive_with_and_without_descriptors)
{
    int pair[2], i;
    channel(pair);
    for (i = 1; i <= 20; i++) {
        int fd = i % 3 ? numbered((unsigned int)i) : -1;
        struct command sent = {fd == -1 ? COMMAND_CLOSE : COMMAND_OPEN, 1000 + i, i, fd};
        CHECK_INT(port->write(pair[0], &sent), COMMANDS_OK);
        if (fd != -1)
            close(fd);
    }
    for (i = 1; i <= 20; i++) {
        struct command got;
        CHECK_INT(port->read(pair[1], &got), COMMANDS_OK);
        CHECK(got.pid == 1000 + i && got.slot == i);
        CHECK_INT(got.code, i % 3 ? COMMAND_OPEN : COMMAND_CLOSE);
        CHECK_INT(got.fd == -1 ? -1 : number_of(got.fd), i % 3 ? i : -1);
    }
    close_both(pair);
}

BOTH(nothing_to_read_is_no_error)
{
    struct command got;
    int pair[2];
    channel(pair);
    CHECK_INT(port->read(pair[1], &got), COMMANDS_AGAIN);
    close_both(pair);
}

BOTH(a_full_socket_is_no_error)
{
    struct command command = {COMMAND_OPEN, 1, 1, new_descriptor()};
    int pair[2];
    channel(pair);
    fill_socket(pair[0]);
    CHECK_INT(port->write(pair[0], &command), COMMANDS_AGAIN);
    CHECK_INT(drain_socket(pair[1]), 0);
    close_both(pair);
    close(command.fd);
}

BOTH(end_of_file_is_an_error)
{
    struct command got;
    int pair[2];
    channel(pair);
    close(pair[0]);
    CHECK_INT(port->read(pair[1], &got), COMMANDS_ERROR);
    close(pair[1]);
}

/* Reads one command that must be refused, and counts. */
static int refuses_without_leaking(const struct commands *port, const struct command *command,
                                   size_t len, int fds)
{
    struct command got;
    int pair[2], before, result, after;
    channel(pair);
    throw_fds(pair[0], command, len, fds);
    before = open_descriptors();
    result = port->read(pair[1], &got);
    if (result == COMMANDS_OK && got.fd != -1)
        close(got.fd);
    after = open_descriptors();
    close_both(pair);
    return after == before;
}

BUG(a_command_in_pieces_does_not_leak)
{
    struct command command = {COMMAND_OPEN, 1, 1, -1};
    return refuses_without_leaking(port, &command, 8, 1);
}

BUG(a_second_descriptor_does_not_leak)
{
    struct command command = {COMMAND_OPEN, 1, 1, -1};
    need_padding();
    return refuses_without_leaking(port, &command, sizeof command, 2);
}

BUG(a_descriptor_with_another_command_does_not_leak)
{
    struct command command = {COMMAND_QUIT, 1, 1, -1};
    return refuses_without_leaking(port, &command, sizeof command, 1);
}

/* The caller has closed the first one, or has something else under its number by now. */
BUG(no_descriptor_is_invented)
{
    struct command open = {COMMAND_OPEN, 1, 1, -1}, first, second;
    int pair[2], result;
    channel(pair);
    throw_fds(pair[0], &open, sizeof open, 1);
    CHECK_INT(port->read(pair[1], &first), COMMANDS_OK);
    CHECK_INT(raw_send(pair[0], &open, sizeof open, NULL, 0, 0), sizeof open);
    result = port->read(pair[1], &second);
    close(first.fd);
    close_both(pair);
    return result == COMMANDS_ERROR;
}

BUG(the_descriptor_is_close_on_exec)
{
    struct command open = {COMMAND_OPEN, 1, 1, -1}, got;
    int pair[2], is_private;
    channel(pair);
    throw_fds(pair[0], &open, sizeof open, 1);
    CHECK_INT(port->read(pair[1], &got), COMMANDS_OK);
    is_private = is_cloexec(got.fd);
    close(got.fd);
    close_both(pair);
    return is_private;
}

BUG(a_peer_that_has_gone_kills_nobody)
{
    struct command quit = {COMMAND_QUIT, 1, 1, -1};
    struct sigaction action = {.sa_handler = count_sigpipe};
    int pair[2];
    CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
    channel(pair);
    close(pair[1]);
    CHECK_INT(port->write(pair[0], &quit), COMMANDS_ERROR);
    close(pair[0]);
    return sigpipes == 0;
}

COUNT(commands)
