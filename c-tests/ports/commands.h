/* Commands of a fixed size over a stream, one of which brings a descriptor (the shape of nginx's
 * channel between master and workers). The sockets are nonblocking. */
#ifndef COMMANDS_H
#define COMMANDS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { COMMAND_QUIT = 1, COMMAND_OPEN = 2, COMMAND_CLOSE = 3 };
enum { COMMANDS_OK = 0, COMMANDS_ERROR = -1, COMMANDS_AGAIN = -2 };

struct command {
    uint32_t code;
    int32_t pid, slot;
    int32_t fd; /* COMMAND_OPEN: the receiver's descriptor; else -1 */
};

struct commands {
    int (*write)(int sock, const struct command *command);
    int (*read)(int sock, struct command *command);
};

extern const struct commands commands_by_hand, commands_ancillary;

#endif
