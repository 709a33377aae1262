/* Who is at the other end: credentials, pidfd, label and groups of a peer, and whether a number is still
 * its process's.
 * Linux alone: its options and namespaces. */
#include "control.h"
#include "networks.h"
#include <grp.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* The program's own getsockopt, before the C library's: what stands in for the kernel, if anything. */
static int (*stand_in)(int name, void *value, socklen_t *len);

int getsockopt(int sock, int level, int name, void *value, socklen_t *len)
{
    int r = stand_in && level == SOL_SOCKET ? stand_in(name, value, len) : 1;
    return r != 1 ? r : (int)syscall(SYS_getsockopt, sock, level, name, value, len);
}

static int pidfd_of(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 && errno == ENOSYS && pid == getpid()) { /* valgrind */
        int pair[2];
        socklen_t len = sizeof fd;
        socket_pair(SOCK_STREAM, pair);
        getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &fd, &len);
        close_both(pair);
    }
    if (fd < 0 && errno == ENOSYS)
        skip("no pidfd_open");
    CHECK(fd >= 0);
    return fd;
}

static int kernel_has_peer_pidfds(void)
{
    int pair[2], pidfd = -1;
    socklen_t len = sizeof pidfd;
    socket_pair(SOCK_STREAM, pair);
    if (syscall(SYS_getsockopt, pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
        close(pidfd);
    close_both(pair);
    return pidfd >= 0;
}

static int asks_for_pidfd_info(void)
{
    struct { /* struct pidfd_info, as of Linux 6.13 */
        uint64_t mask, rest[7];
    } info = {0, {0}};
    int pidfd = pidfd_of(getpid()), r = ioctl(pidfd, _IOWR(0xFF, 11, info), &info);
    close(pidfd);
    return r == 0 && !built_without("pidfd_info");
}

/* On a kernel without SO_PEERPIDFD the credentials came alone; the pidfd is then one of the number, as good as
 * such a kernel has it. */
static struct anc_peer peer_of(int sock, unsigned int flags)
{
    struct anc_peer p;
    memset(&p, CANARY, sizeof p);
    CHECK_OK(anc_peer(sock, &p, sizeof p, flags), 0);
    if (flags & ANC_PEER_PIDFD && !stand_in && !kernel_has_peer_pidfds()) {
        CHECK(p.present == ANC_PEER_CREDENTIALS && p.pidfd == -1);
        p.pidfd = pidfd_of(p.pid);
        p.present |= ANC_PEER_PIDFD;
    }
    return p;
}

/* Nobody, whatever is asked for, and nothing is left open. */
static void expect_nobody(int sock, int error)
{
    unsigned int flags;
    struct anc_peer p;
    gid_t groups[4];
    size_t n = 4;
    int before = lowest_free();
    for (flags = 0; flags <= (ANC_PEER_CREDENTIALS | ANC_PEER_PIDFD); flags++) {
        memset(&p, CANARY, sizeof p);
        CHECK_ERRNO(anc_peer(sock, &p, sizeof p, flags), error);
        CHECK(p.present == 0 && p.pidfd == -1);
        CHECK(p.pid == (int32_t)0xAAAAAAAA && p.uid == 0xAAAAAAAA && p.gid == 0xAAAAAAAA);
    }
    CHECK_ERRNO(anc_peer_groups(sock, groups, &n), error);
    CHECK_INT(n, 0);
    CHECK_INT(lowest_free(), before);
}

/* Processes that connect. */

static int listener(int type, struct sockaddr_un *at, socklen_t *len)
{
    int sock = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    memset(at, 0, sizeof *at);
    at->sun_family = AF_UNIX;
    *len = sizeof *at;
    CHECK(sock >= 0 && bind(sock, (struct sockaddr *)at, sizeof(sa_family_t)) == 0); /* a free abstract name */
    CHECK(getsockname(sock, (struct sockaddr *)at, len) == 0);
    CHECK(type == SOCK_DGRAM || listen(sock, 8) == 0);
    return sock;
}

struct client {
    pid_t pid;
    int sock; /* accepted */
    int hold; /* the client ends when it is closed */
};

/* A child that becomes somebody, connects, and waits. */
static struct client new_client(int type, void (*become)(void))
{
    struct sockaddr_un at;
    socklen_t len;
    struct client c;
    int hold[2], sock = listener(type, &at, &len);
    CHECK(pipe2(hold, O_CLOEXEC) == 0);
    c.pid = fork();
    CHECK(c.pid >= 0);
    if (c.pid == 0) {
        char byte;
        int mine = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        close(hold[1]);
        if (become)
            become();
        CHECK(connect(mine, (struct sockaddr *)&at, len) == 0);
        CHECK(read(hold[0], &byte, 1) == 0);
        _exit(0);
    }
    close(hold[0]);
    c.hold = hold[1];
    c.sock = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    CHECK(c.sock >= 0);
    close(sock);
    return c;
}

/* Ends it, and leaves it a zombie. */
static void end_client(struct client *c)
{
    siginfo_t info;
    close(c->hold);
    CHECK(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT) == 0);
}

static void become_another(void)
{
    static const gid_t groups[] = {7, 77, 777};
    if (geteuid() != 0)
        return;
    CHECK(setgroups(3, groups) == 0 && setgid(2345) == 0 && setuid(1234) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* /proc/self/fdinfo would be root's on older kernels */
}

/* Credentials. */

TEST(a_pair_of_each_type_has_the_credentials_of_its_maker)
{
    int t, side;
    for (t = 0; t < 3; t++) {
        int pair[2], before;
        socket_pair(socket_types[t], pair);
        before = lowest_free();
        for (side = 0; side < 2; side++) {
            unsigned int flags;
            for (flags = 0; flags <= (ANC_PEER_CREDENTIALS | ANC_PEER_PIDFD); flags++) {
                struct anc_peer p = peer_of(pair[side], flags);
                CHECK_INT(p.present, ANC_PEER_CREDENTIALS | (flags & ANC_PEER_PIDFD));
                CHECK(p.pid == getpid() && p.uid == geteuid() && p.gid == getegid());
                if (flags & ANC_PEER_PIDFD) {
                    CHECK(is_cloexec(p.pidfd));
                    CHECK_OK(anc_pidfd_matches(p.pidfd, p.pid), 1);
                    close(p.pidfd);
                }
                CHECK(flags & ANC_PEER_PIDFD || p.pidfd == -1);
                CHECK_INT(lowest_free(), before);
            }
        }
        close_both(pair);
    }
}

static void check_both_ends(int type)
{
    struct sockaddr_un at;
    socklen_t len;
    int sock = listener(type, &at, &len), hold[2], accepted;
    struct anc_peer p;
    gid_t groups[8];
    size_t n = 8;
    pid_t child;
    CHECK(pipe2(hold, O_CLOEXEC) == 0);
    child = fork();
    if (child == 0) {
        int mine = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        uid_t listeners = geteuid();
        become_another();
        CHECK(connect(mine, (struct sockaddr *)&at, len) == 0);
        p = peer_of(mine, ANC_PEER_PIDFD);
        CHECK(p.pid == getppid() && p.uid == listeners);
        CHECK_OK(anc_pidfd_matches(p.pidfd, getppid()), 1);
        close(hold[1]);
        CHECK(read(hold[0], &p, 1) == 0);
        _exit(0);
    }
    accepted = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    p = peer_of(accepted, ANC_PEER_PIDFD);
    CHECK_INT(p.pid, child);
    CHECK_OK(anc_pidfd_matches(p.pidfd, child), 1);
    CHECK_OK(anc_peer_groups(accepted, groups, &n), 0);
    if (geteuid() == 0) {
        CHECK(p.uid == 1234 && p.gid == 2345);
        CHECK(n == 3 && groups[0] == 7 && groups[1] == 77 && groups[2] == 777);
    } else {
        CHECK(p.uid == geteuid() && p.gid == getegid());
    }
    close_both(hold);
    check_child(child);
    close(p.pidfd);
    close(accepted);
    close(sock);
}

TEST(each_end_of_a_stream_has_the_others_credentials) { check_both_ends(SOCK_STREAM); }
TEST(each_end_of_a_seqpacket_has_the_others_credentials) { check_both_ends(SOCK_SEQPACKET); }

TEST(a_unix_socket_without_a_peer_has_nobody)
{
    int t;
    for (t = 0; t < 3; t++) {
        struct sockaddr_un at;
        socklen_t len;
        int sock = socket(AF_UNIX, socket_types[t] | SOCK_CLOEXEC, 0), bound = listener(socket_types[t], &at, &len);
        expect_nobody(sock, ENODATA);
        expect_nobody(bound, ENODATA); /* its own credentials are there, for its clients */
        if (socket_types[t] == SOCK_DGRAM) {
            CHECK(connect(sock, (struct sockaddr *)&at, len) == 0);
            expect_nobody(sock, ENODATA);
        }
        close(sock);
        close(bound);
    }
}

TEST(other_families_have_nobody)
{
    int sock, client, accepted, netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    own_network();
    expect_nobody(netlink, ENODATA);
    sock = bound(SOCK_STREAM, "127.0.0.1");
    CHECK(listen(sock, 1) == 0);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect_to(client, "127.0.0.1", port_of(sock));
    accepted = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    expect_nobody(sock, ENODATA);
    expect_nobody(client, ENODATA);
    expect_nobody(accepted, ENODATA);
    close(accepted);
    close(client);
    close(sock);
    sock = bound(SOCK_DGRAM, "::1");
    expect_nobody(sock, ENODATA);
    close(sock);
    close(netlink);
}

/* A Bluetooth socket reports the process that made it. */
static int as_bluetooth(int name, void *value, socklen_t *len)
{
    static const int domain = 31;
    if (name != SO_DOMAIN)
        return 1;
    memcpy(value, &domain, sizeof domain);
    *len = sizeof domain;
    return 0;
}

TEST(a_family_that_reports_the_sockets_own_maker_has_nobody)
{
    int pair[2];
    socket_pair(SOCK_SEQPACKET, pair);
    stand_in = as_bluetooth;
    expect_nobody(pair[0], ENODATA);
    stand_in = NULL;
    close_both(pair);
}

static struct ucred forged;
static int with_forged(int name, void *value, socklen_t *len)
{
    if (name != SO_PEERCRED)
        return 1;
    memcpy(value, &forged, sizeof forged);
    *len = sizeof forged;
    return 0;
}

TEST(pid_0_and_uid_minus_1_are_nobody)
{
    static const struct ucred nobody[] = {{0, 0, 0}, {0, 1000, 1000}, {-1, 0, 0}, {1, (uid_t)-1, 0}, {0, (uid_t)-1, (gid_t)-1}};
    int pair[2];
    size_t i;
    struct anc_peer p;
    socket_pair(SOCK_STREAM, pair);
    stand_in = with_forged;
    for (i = 0; i < LENGTH(nobody); i++) {
        forged = nobody[i];
        CHECK_ERRNO(anc_peer(pair[0], &p, sizeof p, ANC_PEER_PIDFD), ENODATA);
        CHECK(p.present == 0 && p.pidfd == -1);
    }
    forged = (struct ucred){1, 0, (gid_t)-1};
    p = peer_of(pair[0], 0);
    CHECK(p.pid == 1 && p.uid == 0 && p.gid == (gid_t)-1);
    stand_in = NULL;
    close_both(pair);
}

TEST(what_is_no_socket_is_the_kernels_error)
{
    int ends[2], file = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path = open("/", O_PATH | O_CLOEXEC), fd = new_descriptor();
    char label[8];
    size_t len = sizeof label;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    expect_nobody(ends[0], ENOTSOCK);
    expect_nobody(file, ENOTSOCK);
    expect_nobody(fd, ENOTSOCK);
    expect_nobody(path, EBADF);
    expect_nobody(-1, EBADF);
    expect_nobody(NO_DESCRIPTOR, EBADF);
    CHECK_ERRNO(anc_peer_label(file, label, &len), ENOTSOCK);
    CHECK_INT(len, 0);
    len = sizeof label;
    CHECK_ERRNO(anc_peer_label(-1, label, &len), EBADF);
    CHECK_INT(len, 0);
    close_both(ends);
    close(file);
    close(path);
    close(fd);
}

TEST(the_struct_is_written_as_far_as_it_was_known)
{
    int pair[2], bit;
    size_t size;
    union {
        struct anc_peer p;
        unsigned char bytes[64];
    } u;
    socket_pair(SOCK_STREAM, pair);
    for (size = 0; size <= sizeof u; size++) {
        size_t i;
        memset(&u, CANARY, sizeof u);
        if (size < 20) {
            CHECK_ERRNO(anc_peer(pair[0], &u.p, size, 0), EINVAL);
            CHECK_ERRNO(anc_peer(pair[0], NULL, size, 0), EINVAL);
        } else {
            CHECK_OK(anc_peer(pair[0], &u.p, size, 0), 0);
            CHECK(u.p.present == ANC_PEER_CREDENTIALS && u.p.pid == getpid());
        }
        for (i = size < 20 ? 0 : 20; i < sizeof u; i++)
            CHECK_INT(u.bytes[i], CANARY);
    }
    CHECK_INT(sizeof(struct anc_peer), 20);
    CHECK_ERRNO(anc_peer(pair[0], NULL, sizeof u.p, 0), EFAULT);
    CHECK_OK(anc_peer(pair[0], &u.p, SIZE_MAX, 0), 0);
    for (bit = 2; bit < 32; bit++) {
        memset(&u, CANARY, sizeof u);
        CHECK_ERRNO(anc_peer(pair[0], &u.p, sizeof u.p, 1u << bit | ANC_PEER_PIDFD), EINVAL);
        CHECK(u.p.present == 0 && u.p.pidfd == -1 && u.p.uid == 0xAAAAAAAA);
    }
    close_both(pair);
}

TEST(a_full_table_is_EMFILE_and_leaks_nothing)
{
    int pair[2], pidfd = pidfd_of(getpid()), room, is_asked;
    struct anc_peer p;
    if (on_valgrind())
        skip("valgrind keeps the table's limit to itself");
    socket_pair(SOCK_STREAM, pair);
    is_asked = kernel_has_peer_pidfds();
    fill_table(0);
    if (is_asked) {
        CHECK_ERRNO(anc_peer(pair[0], &p, sizeof p, ANC_PEER_PIDFD), EMFILE);
        CHECK(p.present == 0 && p.pidfd == -1);
    }
    p = peer_of(pair[0], 0); /* needs none */
    CHECK_INT(p.pid, getpid());
    CHECK_ERRNO(anc_pidfd_matches(pidfd, getpid()), EMFILE);
    close(pidfd); /* room for one */
    room = table_room();
    CHECK_INT(room, 1);
    CHECK_OK(anc_peer(pair[0], &p, sizeof p, ANC_PEER_PIDFD), 0);
    CHECK_INT(table_room(), is_asked ? 0 : 1);
    close(p.pidfd);
    CHECK_INT(table_room(), 1);
    _exit(0); /* the table's fill is no leak */
}

static int peerpidfd_error;
static int fails_peerpidfd(int name, void *value, socklen_t *len)
{
    (void)value, (void)len;
    if (name != SO_PEERPIDFD)
        return 1;
    errno = peerpidfd_error;
    return -1;
}

TEST(an_older_kernel_without_pidfds_gives_credentials_alone)
{
    int pair[2];
    struct anc_peer p;
    socket_pair(SOCK_STREAM, pair);
    stand_in = fails_peerpidfd;
    peerpidfd_error = ENOPROTOOPT;
    p = peer_of(pair[0], ANC_PEER_PIDFD);
    CHECK(p.present == ANC_PEER_CREDENTIALS && p.pidfd == -1 && p.pid == getpid());
    peerpidfd_error = EINVAL; /* a process that is gone, before 6.16: not an unknown flag */
    CHECK_ERRNO(anc_peer(pair[0], &p, sizeof p, ANC_PEER_PIDFD), ESRCH);
    CHECK(p.present == 0 && p.pidfd == -1);
    peerpidfd_error = ENOMEM;
    CHECK_ERRNO(anc_peer(pair[0], &p, sizeof p, ANC_PEER_PIDFD), ENOMEM);
    CHECK(p.present == 0 && p.pidfd == -1);
    CHECK_INT(peer_of(pair[0], 0).present, ANC_PEER_CREDENTIALS);
    stand_in = NULL;
    close_both(pair);
}

TEST(a_peer_that_gave_its_socket_away_or_changed_its_user_is_still_named)
{
    int pair[2], on = 1;
    pid_t child;
    struct anc_peer p;
    unsigned char control[ANC_CONTROL_MAX];
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = with_control(control, sizeof control);
    struct ucred sender;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    socket_pair(SOCK_STREAM, pair);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    child = fork();
    if (child == 0) {
        become_another();
        CHECK_INT(send(pair[1], "x", 1, 0), 1);
        _exit(0);
    }
    check_child(child);
    CHECK_INT(anc_recvmsg(pair[0], &msg, 0), 1);
    CHECK_INT(anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, &sender, sizeof sender), 0);
    CHECK_INT(sender.pid, child);
    p = peer_of(pair[0], ANC_PEER_PIDFD);
    CHECK(p.pid == getpid() && p.uid == geteuid());
    CHECK_OK(anc_pidfd_matches(p.pidfd, child), 0);
    close(p.pidfd);
    close_both(pair);
}

/* Namespaces. Each runs in a process of its own. */

/* In a new PID namespace, where it is number 1; with a /proc of that namespace or with the old one. */
static void in_new_pid_namespace(int has_proc, void (*run)(void *), void *arg)
{
    pid_t child, init;
    int status;
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
            _exit(77);
        init = fork();
        if (init == 0) {
            CHECK(!has_proc || (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
                                mount("proc", "/proc", "proc", 0, NULL) == 0));
            run(arg);
            fflush(stdout);
            _exit(0);
        }
        check_child(init);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip("no PID namespace of its own");
    CHECK_INT(WEXITSTATUS(status), 0);
}

static void in_child(void (*run)(void *), void *arg)
{
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        run(arg);
        fflush(stdout);
        _exit(0);
    }
    check_child(child);
}

/* A process outside: its number is not to be seen, its user is. */
static void expect_unseen(void *sock)
{
    gid_t groups[64];
    size_t n = 64;
    struct anc_peer p;
    struct ucred c;
    socklen_t len = sizeof c;
    int pidfd = -1;
    CHECK(getsockopt(*(int *)sock, SOL_SOCKET, SO_PEERCRED, &c, &len) == 0);
    CHECK(c.pid == 0 && c.uid != (uid_t)-1);
    CHECK_ERRNO(anc_peer(*(int *)sock, &p, sizeof p, ANC_PEER_PIDFD), ENODATA);
    CHECK(p.present == 0 && p.pidfd == -1);
    CHECK_OK(anc_peer_groups(*(int *)sock, groups, &n), 0);
    len = sizeof pidfd;
    if (getsockopt(*(int *)sock, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0) {
        CHECK_INT(errno, ENOPROTOOPT);
        return;
    }
    CHECK_OK(anc_pidfd_matches(pidfd, 1), 0);
    CHECK_OK(anc_pidfd_matches(pidfd, getpid()), 0);
    close(pidfd);
}

TEST(a_peer_that_the_pid_namespace_does_not_show_is_nobody)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    in_new_pid_namespace(1, expect_unseen, &pair[0]);
    close_both(pair);
}

static void connect_and_wait(void *arg)
{
    const struct sockaddr_un *at = arg;
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte;
    CHECK_INT(getpid(), 1);
    CHECK(connect(sock, (const struct sockaddr *)at, sizeof(sa_family_t) + 6) == 0);
    CHECK(read(sock, &byte, 1) == 0);
}

TEST(a_peer_in_a_namespace_below_has_the_number_that_is_seen_from_here)
{
    struct sockaddr_un at;
    socklen_t len;
    int sock = listener(SOCK_STREAM, &at, &len), accepted;
    struct anc_peer p;
    pid_t child;
    CHECK_INT(len, sizeof(sa_family_t) + 6);
    child = fork();
    if (child == 0) {
        in_new_pid_namespace(1, connect_and_wait, &at);
        _exit(0);
    }
    CHECK_INT(fcntl(sock, F_SETFL, O_NONBLOCK), 0);
    for (;;) { /* until it connects, or could not make a namespace */
        struct pollfd wait = {sock, POLLIN, 0};
        siginfo_t info = {0};
        CHECK(poll(&wait, 1, 10) >= 0);
        if (wait.revents)
            break;
        CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
        if (info.si_pid != 0)
            skip("no PID namespace of its own");
    }
    accepted = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
    p = peer_of(accepted, ANC_PEER_PIDFD);
    CHECK(p.pid > 1 && p.pid != child && kill(p.pid, 0) == 0);
    CHECK_OK(anc_pidfd_matches(p.pidfd, p.pid), 1);
    CHECK_OK(anc_pidfd_matches(p.pidfd, 1), 0);
    close(accepted);
    check_child(child);
    CHECK_OK(anc_pidfd_matches(p.pidfd, p.pid), 0);
    close(p.pidfd);
    close(sock);
}

static void expect_overflow_uid(void *sock)
{
    struct anc_peer p;
    if (unshare(CLONE_NEWUSER) != 0)
        return;
    p = peer_of(*(int *)sock, 0);
    CHECK(p.pid == getppid() && p.uid == 65534 && p.gid == 65534);
}

TEST(a_peer_without_a_user_in_the_user_namespace_shows_as_65534)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    in_child(expect_overflow_uid, &pair[0]);
    close_both(pair);
}

/* Numbers of processes. */

TEST(a_number_matches_until_the_process_was_waited_for)
{
    struct client c = new_client(SOCK_STREAM, NULL);
    struct anc_peer early = peer_of(c.sock, ANC_PEER_PIDFD), late;
    CHECK_INT(early.pid, c.pid);
    CHECK_OK(anc_pidfd_matches(early.pidfd, c.pid), 1);
    end_client(&c);
    late = peer_of(c.sock, ANC_PEER_PIDFD); /* of a zombie */
    CHECK_INT(late.pid, c.pid);
    CHECK_OK(anc_pidfd_matches(early.pidfd, c.pid), 1);
    CHECK_OK(anc_pidfd_matches(late.pidfd, c.pid), 1);
    close(late.pidfd);
    check_child(c.pid);
    CHECK_OK(anc_pidfd_matches(early.pidfd, c.pid), 0);
    if (!kernel_has_peer_pidfds()) {
        CHECK_OK(anc_peer(c.sock, &late, sizeof late, ANC_PEER_PIDFD), 0);
        CHECK(late.pid == c.pid && late.present == ANC_PEER_CREDENTIALS && late.pidfd == -1);
    } else if (anc_peer(c.sock, &late, sizeof late, ANC_PEER_PIDFD) == 0) {
        CHECK(late.pid == c.pid && late.present == (ANC_PEER_CREDENTIALS | ANC_PEER_PIDFD));
        CHECK_OK(anc_pidfd_matches(late.pidfd, c.pid), 0);
        close(late.pidfd);
    } else {
        CHECK(errno == ESRCH && late.present == 0);
    }
    CHECK_INT(peer_of(c.sock, 0).pid, c.pid); /* the number alone does not tell */
    close(early.pidfd);
    close(c.sock);
}

static void expect_only(int pidfd, pid_t pid)
{
    static const int others[] = {1, 2, INT_MAX, 0x10000, 0x7fff};
    size_t i;
    CHECK_OK(anc_pidfd_matches(pidfd, pid), 1);
    CHECK_OK(anc_pidfd_matches(pidfd, pid + 1), 0);
    CHECK_OK(anc_pidfd_matches(pidfd, pid > 1 ? pid - 1 : 3), 0);
    CHECK_OK(anc_pidfd_matches(pidfd, pid % 10 == pid ? 11 : pid / 10), 0);
    for (i = 0; i < LENGTH(others); i++)
        if (others[i] != pid)
            CHECK_OK(anc_pidfd_matches(pidfd, others[i]), 0);
}

TEST(no_other_number_matches)
{
    int pidfd = pidfd_of(getpid()), init = (int)syscall(SYS_pidfd_open, 1, 0);
    expect_only(pidfd, getpid());
    if (init >= 0) {
        expect_only(init, 1);
        close(init);
    }
    close(pidfd);
}

TEST(a_number_that_is_none_is_EINVAL)
{
    int pidfd = pidfd_of(getpid());
    CHECK_ERRNO(anc_pidfd_matches(pidfd, 0), EINVAL);
    CHECK_ERRNO(anc_pidfd_matches(pidfd, -1), EINVAL);
    CHECK_ERRNO(anc_pidfd_matches(pidfd, -getpid()), EINVAL);
    CHECK_ERRNO(anc_pidfd_matches(pidfd, INT_MIN), EINVAL);
    CHECK_ERRNO(anc_pidfd_matches(-1, 0), EINVAL);
    close(pidfd);
}

TEST(what_is_no_pidfd_is_EBADF)
{
    char path[32];
    int fds[8], pair[2], n = 0, i, before;
    socket_pair(SOCK_STREAM, pair);
    snprintf(path, sizeof path, "/proc/%d", (int)getpid());
    fds[n++] = new_descriptor();
    fds[n++] = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* it has a line "Pid:" */
    fds[n++] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fds[n++] = open("/", O_PATH | O_CLOEXEC);
    fds[n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
    fds[n++] = dup(pair[0]);
    before = lowest_free();
    for (i = 0; i < n; i++) {
        CHECK(fds[i] >= 0);
        CHECK_ERRNO(anc_pidfd_matches(fds[i], getpid()), EBADF);
    }
    CHECK_ERRNO(anc_pidfd_matches(-1, getpid()), EBADF);
    CHECK_ERRNO(anc_pidfd_matches(INT_MIN, getpid()), EBADF);
    CHECK_ERRNO(anc_pidfd_matches(NO_DESCRIPTOR, getpid()), EBADF);
    CHECK_ERRNO(anc_pidfd_matches(INT_MAX, getpid()), EBADF);
    CHECK_INT(lowest_free(), before);
    for (i = 0; i < n; i++)
        close(fds[i]);
    close_both(pair);
}

TEST(a_pidfd_that_came_with_a_message_matches_its_sender)
{
    int pair[2], on = 1, pidfd;
    pid_t child;
    unsigned char control[ANC_CONTROL_MAX];
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = with_control(control, sizeof control);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    socket_pair(SOCK_STREAM, pair);
    if (setsockopt(pair[0], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        skip("no SO_PASSPIDFD");
    child = fork();
    if (child == 0) {
        CHECK_INT(send(pair[1], "x", 1, 0), 1);
        _exit(0);
    }
    CHECK_INT(anc_recvmsg(pair[0], &msg, 0), 1);
    pidfd = anc_take_pidfd(&msg);
    anc_close_unclaimed(&msg);
    CHECK_OK(anc_pidfd_matches(pidfd, child), 1);
    CHECK_OK(anc_pidfd_matches(pidfd, getpid()), 0);
    check_child(child);
    CHECK_OK(anc_pidfd_matches(pidfd, child), 0);
    close(pidfd);
    close_both(pair);
}

TEST(looking_leaves_a_child_to_be_waited_for_and_its_state_alone)
{
    siginfo_t info;
    int pidfd, status;
    pid_t child = fork();
    if (child == 0)
        _exit(23);
    pidfd = pidfd_of(child);
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    CHECK_OK(anc_pidfd_matches(pidfd, child), 1);
    CHECK_OK(anc_pidfd_matches(pidfd, child), 1);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 23);
    close(pidfd);
}

static int came_back;

static void *ask_while_cancelled(void *sock)
{
    struct anc_peer p;
    char label[8];
    size_t len = sizeof label, n = 0;
    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK_INT(anc_peer(*(int *)sock, &p, sizeof p, ANC_PEER_PIDFD), 0);
    if (p.pidfd == -1)
        p.pidfd = pidfd_of(p.pid);
    CHECK_INT(anc_pidfd_matches(p.pidfd, p.pid), 1);
    anc_peer_label(*(int *)sock, label, &len);
    anc_peer_groups(*(int *)sock, NULL, &n);
    CHECK_INT(syscall(SYS_close, p.pidfd), 0); /* close() would be the end */
    came_back = 1;
    pthread_testcancel();
    return NULL;
}

TEST(a_token_is_of_systems_that_have_one)
{
    uint32_t token[10], none[10];
    int pair[2];
    size_t i;
    socket_pair(SOCK_STREAM, pair);
    memset(token, CANARY, sizeof token);
    memset(none, CANARY, sizeof none);
    memset(none + 1, 0, 8 * sizeof none[0]);
#ifdef LOCAL_PEERTOKEN
    CHECK_OK(anc_peer_token(pair[0], token + 1), 0);
    CHECK_INT(token[1 + 5], getpid());
    CHECK_ERRNO(anc_peer_token(-1, token + 1), EBADF);
#else
    CHECK_ERRNO(anc_peer_token(pair[0], token + 1), ENOPROTOOPT);
#endif
    for (i = 0; i < 10; i++)
        CHECK_INT(token[i], none[i]);
    CHECK_ERRNO(anc_peer_token(pair[0], NULL), EFAULT);
    close_both(pair);
}

TEST(no_call_is_a_cancellation_point)
{
    int pair[2], before;
    pthread_t thread;
    void *result;
    socket_pair(SOCK_STREAM, pair);
    before = open_descriptors();
    CHECK(pthread_create(&thread, NULL, ask_while_cancelled, &pair[0]) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(came_back && result == PTHREAD_CANCELED);
    CHECK_INT(open_descriptors(), before);
    close_both(pair);
}

/* The next process gets this number. */
static int recycle(pid_t pid)
{
    char text[16];
    int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC), n = snprintf(text, sizeof text, "%d", pid - 1), ok;
    ok = fd >= 0 && write(fd, text, (size_t)n) == n;
    close(fd);
    return ok;
}

static void expect_recycled(void *unused)
{
    struct client c = new_client(SOCK_STREAM, NULL), second;
    struct anc_peer p = peer_of(c.sock, ANC_PEER_PIDFD), again, other;
    (void)unused;
    CHECK_OK(anc_pidfd_matches(p.pidfd, c.pid), 1);
    end_client(&c);
    check_child(c.pid);
    CHECK(recycle(c.pid));
    second = new_client(SOCK_STREAM, NULL);
    CHECK_INT(second.pid, c.pid); /* another process, the same number */
    CHECK(kill(p.pid, 0) == 0);
    CHECK_OK(anc_pidfd_matches(p.pidfd, p.pid), 0);
    if (!kernel_has_peer_pidfds()) {
        CHECK_INT(peer_of(c.sock, 0).pid, c.pid);
    } else if (anc_peer(c.sock, &again, sizeof again, ANC_PEER_PIDFD) == 0) {
        CHECK_INT(again.pid, c.pid);
        CHECK_OK(anc_pidfd_matches(again.pidfd, again.pid), 0);
        close(again.pidfd);
    } else {
        CHECK_INT(errno, ESRCH);
    }
    other = peer_of(second.sock, ANC_PEER_PIDFD);
    CHECK_OK(anc_pidfd_matches(other.pidfd, second.pid), 1);
    end_client(&second);
    check_child(second.pid);
    CHECK_OK(anc_pidfd_matches(other.pidfd, second.pid), 0);
    close(other.pidfd);
    close(p.pidfd);
    close(second.sock);
    close(c.sock);
}

TEST(a_recycled_number_is_noticed)
{
    in_new_pid_namespace(1, expect_recycled, NULL);
}

/* Where /proc shows another namespace, its numbers count: there they are looked up. */
static void expect_numbers_of_proc(void *unused)
{
    char text[16] = "";
    int pidfd = pidfd_of(getpid()), outside;
    (void)unused;
    CHECK(readlink("/proc/self", text, sizeof text - 1) > 0);
    outside = atoi(text);
    CHECK(getpid() == 1 && outside > 1);
    CHECK_OK(anc_pidfd_matches(pidfd, 1), 0); /* /proc/1 is somebody else */
    CHECK_OK(anc_pidfd_matches(pidfd, outside), 1);
    if (on_valgrind())
        return;
    fill_table(0);
    CHECK_ERRNO(anc_pidfd_matches(pidfd, 1), EMFILE);
}

TEST(a_number_is_the_one_that_proc_shows)
{
    in_new_pid_namespace(0, expect_numbers_of_proc, NULL);
}

static void tell_and_wait(void *arg)
{
    const int *ends = arg;
    char byte;
    CHECK_INT(write(ends[0], "x", 1), 1);
    CHECK_INT(read(ends[0], &byte, 1), 1);
}

static void expect_no_answer(void *arg)
{
    int pidfd = pidfd_of(getpid()), before;
    CHECK(setns(*(int *)arg, CLONE_NEWNS) == 0);
    before = lowest_free();
    CHECK_ERRNO(anc_pidfd_matches(pidfd, getpid()), ENOENT);
    CHECK_ERRNO(anc_pidfd_matches(pidfd, 1), ENOENT);
    CHECK_INT(lowest_free(), before);
}

TEST(a_proc_that_does_not_show_the_caller_proves_nothing)
{
    int pair[2], mounts;
    pid_t child;
    char byte, path[64];
    unsigned char control[ANC_CONTROL_MAX];
    struct iovec iov = {&byte, 1};
    struct msghdr msg = with_control(control, sizeof control);
    struct ucred sender;
    int on = 1;
    socket_pair(SOCK_STREAM, pair);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    child = fork();
    if (child == 0) {
        close(pair[1]);
        in_new_pid_namespace(1, tell_and_wait, pair);
        _exit(0);
    }
    close(pair[0]);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    if (anc_recvmsg(pair[1], &msg, 0) != 1)
        skip("no PID namespace of its own");
    CHECK_INT(anc_get(&msg, SOL_SOCKET, SCM_CREDENTIALS, &sender, sizeof sender), 0);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)sender.pid);
    mounts = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(mounts >= 0);
    in_child(expect_no_answer, &mounts);
    CHECK_INT(write(pair[1], "x", 1), 1);
    check_child(child);
    close(mounts);
    close(pair[1]);
}

/* A root directory in which there is no /proc. */
#define NO_PROC "/proc/self/fdinfo"

static void expect_answers_without_proc(void *arg)
{
    struct client *c = arg;
    int pidfd = pidfd_of(getpid()), eventfd = new_descriptor(), peer = peer_of(c->sock, ANC_PEER_PIDFD).pidfd;
    int has_info = asks_for_pidfd_info();
    if (chroot(NO_PROC) != 0)
        return;
    if (!has_info) {
        CHECK_ERRNO(anc_pidfd_matches(pidfd, getpid()), ENOENT);
        return;
    }
    expect_only(pidfd, getpid());
    CHECK_OK(anc_pidfd_matches(peer, c->pid), 1);
    close(c->hold); /* a copy: the client lives on */
    CHECK_ERRNO(anc_pidfd_matches(eventfd, getpid()), EBADF);
}

static void expect_answers_on_the_gone_without_proc(void *arg)
{
    struct client *c = arg;
    int peer;
    struct anc_peer p;
    if (!asks_for_pidfd_info() || chroot(NO_PROC) != 0)
        return;
    if (anc_peer(c->sock, &p, sizeof p, ANC_PEER_PIDFD) != 0)
        return;
    peer = p.pidfd;
    CHECK_OK(anc_pidfd_matches(peer, c->pid), 0);
}

static void expect_unseen_without_proc(void *sock)
{
    if (!asks_for_pidfd_info())
        return;
    CHECK(chroot(NO_PROC) == 0);
    expect_unseen(sock);
}

TEST(without_proc_the_kernel_is_asked)
{
    struct client c = new_client(SOCK_STREAM, NULL);
    int pair[2];
    if (geteuid() != 0)
        printf("     skipped: chroot needs privileges\n");
    in_child(expect_answers_without_proc, &c);
    end_client(&c);
    check_child(c.pid);
    in_child(expect_answers_on_the_gone_without_proc, &c);
    close(c.sock);
    socket_pair(SOCK_STREAM, pair);
    in_new_pid_namespace(1, expect_unseen_without_proc, &pair[0]);
    close_both(pair);
}

static void expect_answers_when_not_dumpable(void *unused)
{
    int pidfd = pidfd_of(getpid()), has_info = asks_for_pidfd_info(), may_look;
    (void)unused;
    drop_privileges();
    CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    may_look = access("/proc/thread-self/fdinfo/0", R_OK) == 0;
    if (has_info || may_look)
        expect_only(pidfd, getpid());
    else
        CHECK_ERRNO(anc_pidfd_matches(pidfd, getpid()), EACCES);
}

TEST(a_process_that_nobody_may_inspect_gets_its_answer)
{
    in_child(expect_answers_when_not_dumpable, NULL);
}

/* The label. */

static struct {
    char bytes[8192];
    size_t len;
    int error;
    size_t asked; /* the room that the kernel got */
} module;

static int answers_label(int name, void *value, socklen_t *len)
{
    if (name != SO_PEERSEC)
        return 1;
    module.asked = *len;
    CHECK((int)*len >= 0);
    if (module.error != 0) {
        errno = module.error;
        return -1;
    }
    if (*len < module.len) {
        *len = (socklen_t)module.len;
        errno = ERANGE;
        return -1;
    }
    memcpy(value, module.bytes, module.len);
    *len = (socklen_t)module.len;
    return 0;
}

/* A label of this length, with its NUL counted as SELinux does, or without as AppArmor does. */
static void set_label(size_t len, int counts_nul)
{
    CHECK(len + 1 < sizeof module.bytes);
    memset(module.bytes, 'l', sizeof module.bytes);
    module.bytes[len] = counts_nul ? 0 : 'X';
    module.len = len + (size_t)counts_nul;
    module.error = 0;
}

TEST(a_label_is_a_string_whoever_made_it_at_every_room)
{
    static const size_t lengths[] = {0, 1, 2, 17, 254, 4095};
    int counts_nul;
    size_t i, room;
    unsigned char buf[4200];
    stand_in = answers_label;
    for (counts_nul = 0; counts_nul < 2; counts_nul++)
        for (i = 0; i < LENGTH(lengths); i++)
            for (room = 0; room < lengths[i] + 5; room++) {
                size_t len = room, length = lengths[i];
                set_label(length, counts_nul);
                memset(buf, CANARY, sizeof buf);
                if (room > length) {
                    CHECK_OK(anc_peer_label(0, (char *)buf, &len), 0);
                    CHECK(len == length && strlen((char *)buf) == length && strspn((char *)buf, "l") == length);
                } else {
                    CHECK_ERRNO(anc_peer_label(0, (char *)buf, &len), ERANGE);
                    CHECK(room == 0 || buf[0] == 0);
                    /* what it says is enough, and hardly more */
                    CHECK_CASE(len == length + 1 || (counts_nul && len == length + 2), "%zu of %zu: %zu", room, length, len);
                    CHECK_OK(anc_peer_label(0, (char *)buf, &len), 0);
                    CHECK(len == length && strlen((char *)buf) == length);
                }
                CHECK_INT(buf[(room > length ? room : length + 2)], CANARY);
            }
    stand_in = NULL;
}

TEST(the_room_of_a_label_is_asked_for_with_none)
{
    size_t len = 0;
    char label[64];
    stand_in = answers_label;
    set_label(30, 0);
    CHECK_ERRNO(anc_peer_label(0, NULL, &len), ERANGE);
    CHECK_INT(len, 31);
    CHECK_OK(anc_peer_label(0, label, &len), 0);
    CHECK_INT(len, 30);
    len = 0;
    set_label(0, 0); /* even the empty string needs its NUL */
    CHECK_ERRNO(anc_peer_label(0, NULL, &len), ERANGE);
    CHECK_INT(len, 1);
    CHECK_OK(anc_peer_label(0, label, &len), 0);
    CHECK(len == 0 && label[0] == 0);
    stand_in = NULL;
}

TEST(a_label_takes_any_length_and_no_bad_pointer)
{
    static const size_t huge[] = {INT_MAX, (size_t)INT_MAX + 1, UINT_MAX, (size_t)UINT_MAX + 1, PTRDIFF_MAX, SIZE_MAX};
    size_t i, len;
    char label[64];
    stand_in = answers_label;
    set_label(30, 1);
    for (i = 0; i < LENGTH(huge); i++) {
        len = huge[i];
        if (len == 0)
            continue; /* 32 bits */
        CHECK_OK(anc_peer_label(0, label, &len), 0);
        CHECK(len == 30 && module.asked == INT_MAX && strlen(label) == 30);
        len = huge[i];
        CHECK_ERRNO(anc_peer_label(0, NULL, &len), EFAULT);
        CHECK_INT(len, 0);
    }
    CHECK_ERRNO(anc_peer_label(0, label, NULL), EFAULT);
    CHECK_ERRNO(anc_peer_label(0, NULL, NULL), EFAULT);
    len = 5;
    module.error = EACCES;
    memset(label, 'x', sizeof label);
    CHECK_ERRNO(anc_peer_label(0, label, &len), EACCES);
    CHECK(len == 0 && label[0] == 0 && label[1] == 'x');
    stand_in = NULL;
}

TEST(the_label_is_the_kernels)
{
    int pair[2], r;
    char label[512] = "before", raw[512];
    size_t len = sizeof label;
    socklen_t raw_len = sizeof raw;
    socket_pair(SOCK_STREAM, pair);
    r = getsockopt(pair[0], SOL_SOCKET, SO_PEERSEC, raw, &raw_len);
    if (r == 0) {
        CHECK_OK(anc_peer_label(pair[0], label, &len), 0);
        CHECK(len == strlen(label) && len >= raw_len - 1 && memcmp(label, raw, len) == 0);
    } else {
        CHECK_ERRNO(anc_peer_label(pair[0], label, &len), ENOPROTOOPT);
        CHECK(len == 0 && label[0] == 0);
        printf("     skipped: no security module labels this socket\n");
    }
    close_both(pair);
}

/* Groups. */

static void expect_groups(int sock, size_t count, gid_t first)
{
    size_t room, n, i;
    gid_t *groups = malloc((count + 3) * sizeof *groups);
    CHECK(groups);
    n = 0;
    if (count > 0)
        CHECK_ERRNO(anc_peer_groups(sock, NULL, &n), ERANGE);
    else
        CHECK_OK(anc_peer_groups(sock, NULL, &n), 0);
    CHECK_INT(n, count);
    for (room = count > 40 ? count - 2 : 0; room < count + 3; room++) {
        memset(groups, CANARY, (count + 3) * sizeof *groups);
        n = room;
        if (room < count) {
            CHECK_ERRNO(anc_peer_groups(sock, groups, &n), ERANGE);
            CHECK(n == count && groups[0] == 0xAAAAAAAA);
            continue;
        }
        CHECK_OK(anc_peer_groups(sock, groups, &n), 0);
        CHECK_INT(n, count);
        for (i = 0; i < count; i++)
            CHECK_INT(groups[i], first + i);
        CHECK_INT(groups[count], 0xAAAAAAAA);
    }
    free(groups);
}

TEST(groups_come_whole_or_their_number_does)
{
    static const size_t counts[] = {0, 1, 2, 32, 65536};
    gid_t *many = malloc(65536 * sizeof *many);
    size_t i, k;
    if (geteuid() != 0)
        skip("setting groups needs privileges");
    for (i = 0; i < LENGTH(counts); i++) {
        int pair[2];
        for (k = 0; k < counts[i]; k++)
            many[k] = (gid_t)(500 + k);
        CHECK(setgroups(counts[i], many) == 0);
        socket_pair(socket_types[i % 3], pair);
        CHECK(setgroups(0, NULL) == 0); /* what counts is the moment of the pair */
        expect_groups(pair[0], counts[i], 500);
        close_both(pair);
    }
    free(many);
}

TEST(groups_take_any_number_and_no_bad_pointer)
{
    static const size_t huge[] = {INT_MAX / 4, INT_MAX, UINT_MAX, SIZE_MAX / 4, SIZE_MAX / 4 + 1, PTRDIFF_MAX, SIZE_MAX};
    int pair[2], own = getgroups(0, NULL);
    gid_t groups[1024];
    size_t i, n;
    CHECK(own >= 0 && own < 1024);
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < LENGTH(huge) && !on_valgrind(); i++) { /* which looks for all that memory */
        n = huge[i];
        CHECK_OK(anc_peer_groups(pair[0], groups, &n), 0);
        CHECK_INT(n, own);
        n = huge[i];
        CHECK_ERRNO(anc_peer_groups(pair[0], NULL, &n), EFAULT);
        CHECK_INT(n, 0);
    }
    CHECK_ERRNO(anc_peer_groups(pair[0], groups, NULL), EFAULT);
    CHECK_ERRNO(anc_peer_groups(pair[0], NULL, NULL), EFAULT);
    close_both(pair);
}
