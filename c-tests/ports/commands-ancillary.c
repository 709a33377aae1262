#include "commands.h"
#include <ancillary.h>

static int failure(void)
{
    return errno == EAGAIN ? COMMANDS_AGAIN : COMMANDS_ERROR;
}

static int write_command(int sock, const struct command *command)
{
    ssize_t n = anc_send_fds(sock, command, sizeof *command, &command->fd, command->fd != -1, 0);
    return n == -1 ? failure() : COMMANDS_OK;
}

static int read_command(int sock, struct command *command)
{
    int fd = -1;
    size_t nfds;
    ssize_t n = anc_recv_fds(sock, command, sizeof *command, &fd, 1, &nfds, 0);
    if (n == -1)
        return failure();
    if (n != sizeof *command || nfds != (command->code == COMMAND_OPEN)) {
        anc_close_fds(&fd, nfds);
        return COMMANDS_ERROR;
    }
    command->fd = fd;
    return COMMANDS_OK;
}

const struct commands commands_ancillary = {write_command, read_command};
