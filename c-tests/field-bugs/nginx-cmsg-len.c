/* nginx's ngx_read_channel, https://github.com/nginx/nginx src/os/unix/ngx_channel.c: cmsg_len of a
 * message that never came.
 *
 * A worker learns its siblings' sockets from the master: a struct, and for "open channel" one
 * descriptor beside it. The reader looks at cmsg_len, level and type in its own buffer without
 * asking msg_controllen whether the kernel wrote any of it. The buffer is a local variable that is
 * not initialised. When a command comes without its descriptor (a full table is enough), it holds
 * what the previous call left in the same place of the stack: the previous descriptor's number, all
 * checks passed.
 *
 * anc_recv_fds says how many came; with none it does not write the slot. */
#include "field.h"

enum { OPEN_CHANNEL = 1, CLOSE_CHANNEL = 2 };

struct command {
    int command, slot, fd;
};

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* The original's control buffer is a local variable. Here the caller has it, so that what it holds
 * before the call is not left to the compiler. */
static int read_by_hand(int sock, struct command *ch, union control *control)
{
    struct iovec iov = {ch, sizeof *ch};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control->bytes,
                         .msg_controllen = sizeof control->bytes};
    if (recvmsg(sock, &msg, 0) != sizeof *ch)
        return -1;
    if (ch->command == OPEN_CHANNEL) {
        if (control->header.cmsg_len < CMSG_LEN(sizeof(int)))
            return -1;
        if (control->header.cmsg_level != SOL_SOCKET || control->header.cmsg_type != SCM_RIGHTS)
            return -1;
        memcpy(&ch->fd, CMSG_DATA(&control->header), sizeof(int));
    }
    return 0;
}

static int read_with_library(int sock, struct command *ch)
{
    size_t nfds;
    int fd;
    ssize_t n = anc_recv_fds(sock, ch, sizeof *ch, &fd, 1, &nfds, ANC_ALL);
    if (n == sizeof *ch && nfds == (ch->command == OPEN_CHANNEL)) {
        ch->fd = nfds ? fd : -1;
        return 0;
    }
    anc_close_fds(&fd, nfds);
    return -1;
}

static void send_command(int sock, int command, const int *fds, int nfds)
{
    struct command ch = {command, 3, 12345};
    CHECK_INT(raw_send(sock, &ch, sizeof ch, fds, nfds, 0), sizeof ch);
}

TEST(by_hand_a_command_without_its_descriptor_gets_the_previous_ones_number)
{
    int pair[2], sent = new_descriptor(), first, other;
    struct command ch;
    union control stack;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    memset(&stack, 0, sizeof stack);
    send_command(pair[0], OPEN_CHANNEL, &sent, 1);
    CHECK_INT(read_by_hand(pair[1], &ch, &stack), 0);
    first = ch.fd;
    CHECK(same_file(first, sent));
    close(first);
    other = new_descriptor(); /* the worker goes on, and opens something else */
    send_command(pair[0], OPEN_CHANNEL, NULL, 0);
    CHECK_INT(read_by_hand(pair[1], &ch, &stack), 0);
    CHECK_INT(ch.fd, first);
    CHECK(same_file(ch.fd, other)); /* and takes it for its sibling's socket */
    leaked(&before);
    close(sent);
    close_both(pair);
}

TEST(by_hand_at_the_limit_too)
{
    int pair[2], sent = new_descriptor(), first;
    struct command ch;
    union control stack;
    struct table before;
    struct rlimit old;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    memset(&stack, 0, sizeof stack);
    send_command(pair[0], OPEN_CHANNEL, &sent, 1);
    CHECK_INT(read_by_hand(pair[1], &ch, &stack), 0);
    first = ch.fd;
    send_command(pair[0], OPEN_CHANNEL, &sent, 1);
    old = leave_room(0);
    CHECK_INT(read_by_hand(pair[1], &ch, &stack), 0);
    restore(&old);
    CHECK_INT(ch.fd, first); /* one socket, two owners: whoever closes first closes for both */
    CHECK_INT(leaked(&before), 1);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_a_command_without_its_descriptor_is_refused)
{
    int pair[2], sent = new_descriptor();
    struct command ch;
    struct table before;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    send_command(pair[0], OPEN_CHANNEL, &sent, 1);
    CHECK_INT(read_with_library(pair[1], &ch), 0);
    CHECK(same_file(ch.fd, sent));
    CHECK_INT(leaked(&before), 1);
    send_command(pair[0], OPEN_CHANNEL, NULL, 0);
    CHECK_INT(read_with_library(pair[1], &ch), -1);
    send_command(pair[0], CLOSE_CHANNEL, NULL, 0);
    CHECK_INT(read_with_library(pair[1], &ch), 0);
    CHECK_INT(ch.fd, -1); /* not the number that the sender wrote into its struct */
    send_command(pair[0], CLOSE_CHANNEL, &sent, 1);
    CHECK_INT(read_with_library(pair[1], &ch), -1);
    CHECK_INT(leaked(&before), 0);
    close(sent);
    close_both(pair);
}

TEST(with_the_library_the_limit_is_an_error)
{
    int pair[2], sent = new_descriptor();
    struct command ch;
    struct table before;
    struct rlimit old;
    socket_pair(SOCK_STREAM, pair);
    before = table_now();
    send_command(pair[0], OPEN_CHANNEL, &sent, 1);
    old = leave_room(0);
    CHECK_ERRNO(read_with_library(pair[1], &ch), EMFILE);
    restore(&old);
    CHECK_INT(leaked(&before), 0);
    close(sent);
    close_both(pair);
}
