#include "commands.h"

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

static int write_command(int sock, const struct command *command)
{
    union control control;
    struct iovec iov = {(void *)command, sizeof *command};
    struct msghdr msg;
    ssize_t n;

    if (command->fd == -1) {
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    } else {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof control;
        memset(&control, 0, sizeof control);
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), &command->fd, sizeof(int));
    }
    msg.msg_flags = 0;
    msg.msg_name = NULL;
    msg.msg_namelen = 0;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;

    n = sendmsg(sock, &msg, 0);
    if (n == -1)
        return errno == EAGAIN ? COMMANDS_AGAIN : COMMANDS_ERROR;
    return COMMANDS_OK;
}

static int read_command(int sock, struct command *command)
{
    /* The original has it on the stack, uninitialised: what the call before left there is what it
     * finds. Static, so that every compiler shows the same. */
    static union control control;
    struct iovec iov = {command, sizeof *command};
    struct msghdr msg;
    ssize_t n;

    msg.msg_name = NULL;
    msg.msg_namelen = 0;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &control;
    msg.msg_controllen = sizeof control;

    n = recvmsg(sock, &msg, 0);
    if (n == -1)
        return errno == EAGAIN ? COMMANDS_AGAIN : COMMANDS_ERROR;
    if (n == 0)
        return COMMANDS_ERROR;
    if ((size_t)n < sizeof *command)
        return COMMANDS_ERROR;
    if (command->code == COMMAND_OPEN) {
        if (control.header.cmsg_len < CMSG_LEN(sizeof(int)))
            return COMMANDS_ERROR;
        if (control.header.cmsg_level != SOL_SOCKET || control.header.cmsg_type != SCM_RIGHTS)
            return COMMANDS_ERROR;
        memcpy(&command->fd, CMSG_DATA(&control.header), sizeof(int));
    }
    return COMMANDS_OK;
}

const struct commands commands_by_hand = {write_command, read_command};
