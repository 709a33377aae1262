/* syslog-ng, https://github.com/syslog-ng/syslog-ng/issues/4597: a credential cut short.
 *
 * Credentials are cut bytewise to what the control buffer has left. On 32-bit systems with 64-bit
 * time stamps, syslog-ng's buffer held the stamp and the bare header of the credentials. It read
 * the struct behind that header all the same, without a look at cmsg_len, and logged the pid that
 * it found there: 1970995200. In a buffer that was set to zero first, what was cut off reads as
 * user 0.
 *
 * anc_get gives the whole struct or an error; anc_next marks such a message as cut and gives the length
 * that is there. */
#include "field.h"

/* A buffer for a time stamp alone, or for a descriptor alone: the length that CVE-2014-3635's fix
 * has. SO_PASSCRED was switched on later. */
enum { ROOM = CMSG_LEN(sizeof(int)) };

static int peer_by_hand(int sock, struct ucred *peer)
{
    union {
        struct cmsghdr align;
        char bytes[128];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = ROOM};
    struct cmsghdr *c;
    memset(&control, 0, sizeof control);
    if (recvmsg(sock, &msg, 0) != 1)
        return -1;
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(peer, CMSG_DATA(c), sizeof *peer);
            return 0;
        }
    return -1;
}

static int peer_with_library(int sock, struct ucred *peer, size_t room)
{
    char byte, control[128];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = room};
    if (anc_recvmsg(sock, &msg, 0) != 1)
        return -1;
    anc_close_unclaimed(&msg);
    return anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, peer, sizeof *peer);
}

/* A byte from a user who is not root. */
static struct ucred send_as_user(int sock)
{
    int root = geteuid() == 0;
    struct ucred user = {getpid(), root ? 65534 : geteuid(), root ? 65534 : getegid()};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof user)];
    } control;
    struct iovec iov = {"x", 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_CREDENTIALS;
    control.header.cmsg_len = CMSG_LEN(sizeof user);
    memcpy(CMSG_DATA(&control.header), &user, sizeof user);
    CHECK_INT(sendmsg(sock, &msg, MSG_NOSIGNAL), 1);
    return user;
}

TEST(by_hand_the_user_is_root)
{
    int pair[2];
    struct ucred user, peer;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    user = send_as_user(pair[0]);
    CHECK(user.uid != 0);
    CHECK_INT(peer_by_hand(pair[1], &peer), 0);
    CHECK(peer.pid == user.pid && peer.uid == 0 && peer.gid == 0);
    close_both(pair);
}

TEST(with_the_library_a_credential_is_whole_or_cut_at_every_length)
{
    int pair[2];
    size_t room;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    for (room = 0; room <= CMSG_SPACE(sizeof(struct ucred)); room++) {
        struct ucred peer = {-7, 77, 77}, user = send_as_user(pair[0]);
        int result = peer_with_library(pair[1], &peer, room);
        if (room >= CMSG_LEN(sizeof peer))
            CHECK_CASE(result == 0 && memcmp(&peer, &user, sizeof peer) == 0, "room %zu", room);
        else
            CHECK_CASE(result == -1 && peer.pid == -7 && peer.uid == 77, "room %zu", room);
    }
    close_both(pair);
}

TEST(with_the_library_the_cut_shows_what_is_there)
{
    int pair[2];
    char byte, control[ROOM];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = ROOM};
    struct anc_cmsg c = {0};
    int32_t pid;
    socket_pair(SOCK_STREAM, pair);
    option(pair[1], SO_PASSCRED, 1);
    send_as_user(pair[0]);
    CHECK_OK(anc_recvmsg(pair[1], &msg, 0), 1);
    CHECK_INT(msg.msg_flags, MSG_CTRUNC);
    CHECK_OK(anc_next(&msg, &c), 1);
    CHECK(c.type == SCM_CREDENTIALS && c.cut == 1 && c.len == sizeof pid);
    memcpy(&pid, c.data, sizeof pid);
    CHECK_INT(pid, getpid());
    CHECK_OK(anc_next(&msg, &c), 0);
    CHECK_INT(anc_truncation_cause(&msg, ROOM), ENOBUFS);
    close_both(pair);
}
