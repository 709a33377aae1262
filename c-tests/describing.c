/* anc_fd_describe and anc_fd_require: every kind made for real and received from a peer, what a hostile
 * peer can make of a descriptor, and that looking changes nothing.
 * Linux alone: what its files are. */
#include "harness.h"
#include <linux/filter.h>
#include <linux/fuse.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define LENGTH(array) (sizeof(array) / sizeof *(array))

enum { BOTH = 3 }; /* access, in the makers' table: 1 read, 2 write */

static uint32_t access_of(int bits)
{
    return (bits & 1 ? ANC_FD_READ : 0) | (bits & 2 ? ANC_FD_WRITE : 0);
}

static struct anc_fd_info described(int fd)
{
    struct anc_fd_info info;
    memset(&info, 0xa5, sizeof info);
    CHECK_OK(anc_fd_describe(fd, &info, sizeof info), 0);
    return info;
}

/* One of each kind. -1 where this machine has none. */

static int keep(const int pair[2], int end)
{
    close(pair[!end]);
    return pair[end];
}

static int a_file(void)
{
    char path[] = "/tmp/describing-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    CHECK(fd >= 0 && unlink(path) == 0 && write(fd, "seven b", 7) == 7);
    return fd;
}
static int a_file_in_memory(void) /* of tmpfs, not a memfd */
{
    char path[] = "/dev/shm/describing-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        CHECK(unlink(path) == 0 && write(fd, "seven b", 7) == 7);
    return fd;
}
static int a_directory(void) { return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }
static int a_null(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }
static int a_terminal(void) { return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC); }
static int a_disk(void) { return open("/dev/loop0", O_RDONLY | O_CLOEXEC); }
static int a_pipe(int end)
{
    int pair[2];
    CHECK(pipe2(pair, O_CLOEXEC) == 0);
    return keep(pair, end);
}
static int a_pipe_to_read(void) { return a_pipe(0); }
static int a_pipe_to_write(void) { return a_pipe(1); }
static int a_fifo(void)
{
    char path[] = "/tmp/describing-XXXXXX";
    int fd;
    CHECK(mkdtemp(path) != NULL && rmdir(path) == 0 && mkfifo(path, 0600) == 0);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK(unlink(path) == 0);
    return fd;
}
static int a_socket(void)
{
    int pair[2];
    socket_pair(SOCK_SEQPACKET, pair);
    return keep(pair, 0);
}
static int a_memfd_with(unsigned int flags, off_t size)
{
    int fd = memfd_create("anon_inode:[eventfd]", MFD_CLOEXEC | flags);
    if (fd >= 0)
        CHECK(ftruncate(fd, size) == 0);
    return fd;
}
static int a_memfd(void) { return a_memfd_with(MFD_ALLOW_SEALING, 4096); }
static int an_unsealable_memfd(void) { return a_memfd_with(0, 4096); }
static int a_noexec_memfd(void) { return a_memfd_with(MFD_NOEXEC_SEAL, 4096); }
static int a_huge_memfd(void) { return a_memfd_with(MFD_HUGETLB, 0); }
static int a_memfd_to_read(void)
{
    char path[64];
    int first = a_memfd(), fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", first);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    close(first);
    return fd;
}
static int an_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }
static int a_timer(void) { return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC); }
static int a_signal(void)
{
    sigset_t none;
    sigemptyset(&none);
    return signalfd(-1, &none, SFD_CLOEXEC);
}
static int an_inotify(void) { return inotify_init1(IN_CLOEXEC); }
static int a_process(void) { return (int)syscall(SYS_pidfd_open, getpid(), 0); }
static int a_namespace(void) { return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC); }
static int a_userfault(void) { return (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1); }
static int a_mode_for_ioctl_alone(void) { return open("/dev/null", 3 | O_CLOEXEC); }

static const struct made {
    const char *name;
    int (*make)(void);
    uint32_t kind;
    int access;
    uint64_t size;
} kinds[] = {
    {"file", a_file, ANC_FD_FILE, BOTH, 7},
    {"file of tmpfs", a_file_in_memory, ANC_FD_FILE, BOTH, 7},
    {"directory", a_directory, ANC_FD_DIRECTORY, 1, 0},
    {"/dev/null", a_null, ANC_FD_CHARACTER, BOTH, 0},
    {"/dev/null with mode 3", a_mode_for_ioctl_alone, ANC_FD_CHARACTER, 0, 0},
    {"terminal", a_terminal, ANC_FD_CHARACTER, BOTH, 0},
    {"/dev/loop0", a_disk, ANC_FD_BLOCK, 1, 0},
    {"pipe to read", a_pipe_to_read, ANC_FD_PIPE, 1, 0},
    {"pipe to write", a_pipe_to_write, ANC_FD_PIPE, 2, 0},
    {"FIFO", a_fifo, ANC_FD_PIPE, BOTH, 0},
    {"socket", a_socket, ANC_FD_SOCKET, BOTH, 0},
    {"memfd", a_memfd, ANC_FD_MEMORY, BOTH, 4096},
    {"memfd to read", a_memfd_to_read, ANC_FD_MEMORY, 1, 4096},
    {"memfd that can't be sealed", an_unsealable_memfd, ANC_FD_MEMORY, BOTH, 4096},
    {"memfd that can't be executed", a_noexec_memfd, ANC_FD_MEMORY, BOTH, 4096},
    {"memfd of huge pages", a_huge_memfd, ANC_FD_MEMORY, BOTH, 0},
    {"eventfd", new_descriptor, ANC_FD_EVENT, BOTH, 0},
    {"epoll", an_epoll, ANC_FD_EPOLL, BOTH, 0},
    {"timerfd", a_timer, ANC_FD_TIMER, BOTH, 0},
    {"signalfd", a_signal, ANC_FD_SIGNAL, BOTH, 0},
    {"inotify", an_inotify, ANC_FD_INOTIFY, 1, 0},
    {"pidfd", a_process, ANC_FD_PROCESS, BOTH, 0},
    {"namespace", a_namespace, ANC_FD_OTHER, 1, 0},
    {"userfaultfd", a_userfault, ANC_FD_OTHER, 1, 0},
};

static int make(const struct made *m)
{
    int fd = m->make();
    if (fd < 0)
        printf("     not here: %s (%s)\n", m->name, strerror(errno));
    return fd;
}

TEST(each_kind_is_told_by_exactly_one_bit)
{
    size_t i;
    for (i = 0; i < LENGTH(kinds); i++) {
        const struct made *m = &kinds[i];
        int fd = make(m);
        struct anc_fd_info info;
        if (fd < 0)
            continue;
        info = described(fd);
        CHECK_CASE(info.kind == m->kind, "%s: kind %#x", m->name, info.kind);
        CHECK_CASE(info.access == access_of(m->access), "%s: access %#x", m->name, info.access);
        CHECK_CASE(info.size == m->size, "%s: %llu bytes", m->name, (unsigned long long)info.size);
        if (info.kind != ANC_FD_SOCKET)
            CHECK_CASE(info.domain == 0 && info.type == 0 && info.protocol == 0 && info.listening == 0, "%s", m->name);
        if (info.kind != ANC_FD_MEMORY)
            CHECK_CASE(info.seals == 0, "%s", m->name);
        close(fd);
    }
}

TEST(what_a_peer_sends_is_described_as_what_it_sent)
{
    size_t i;
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = make(&kinds[i]), came[ANC_FDS_MAX], n;
        struct anc_fd_info sent, received;
        char byte;
        if (fd < 0)
            continue;
        sent = described(fd);
        CHECK_INT(raw_send(pair[0], "x", 1, &fd, 1, 0), 1);
        close(fd);
        CHECK_INT(raw_recv(pair[1], &byte, 1, came, &n, 0), 1);
        CHECK_INT(n, 1);
        received = described(came[0]);
        CHECK_CASE(memcmp(&sent, &received, sizeof sent) == 0, "%s", kinds[i].name);
        close(came[0]);
    }
    close_both(pair);
}

TEST(O_PATH_is_PATH_whatever_it_names)
{
    static const struct anc_fd_info path = {.kind = ANC_FD_PATH, .status = O_PATH};
    size_t i;
    for (i = 0; i < LENGTH(kinds); i++) {
        char name[64];
        int fd = make(&kinds[i]), opened;
        struct anc_fd_info info;
        if (fd < 0)
            continue;
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        opened = open(name, O_PATH | O_CLOEXEC);
        CHECK_CASE(opened >= 0, "%s", kinds[i].name);
        info = described(opened);
        CHECK_CASE(memcmp(&info, &path, sizeof info) == 0, "%s", kinds[i].name);
        CHECK_ERRNO(anc_fd_require(opened, kinds[i].kind, 0, 0), EPERM);
        CHECK_ERRNO(anc_fd_require(opened, 0, ANC_FD_READ, 0), EPERM);
        CHECK_OK(anc_fd_require(opened, ANC_FD_PATH, 0, 0), 0);
        close(opened);
        close(fd);
    }
}

/* Status flags. */

TEST(the_status_flags_are_those_of_the_open_description_and_nothing_else)
{
    static const struct {
        int open, shown;
    } cases[] = {
        {O_RDONLY, 0}, {O_WRONLY, 0}, {O_RDWR, 0},
        {O_WRONLY | O_APPEND, O_APPEND}, {O_RDONLY | O_NONBLOCK, O_NONBLOCK}, {O_RDWR | O_SYNC, O_SYNC},
        {O_RDWR | O_DSYNC, O_DSYNC}, {O_RDWR | O_DIRECT, O_DIRECT}, {O_RDONLY | O_NOATIME, O_NOATIME},
        {O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY, 0},
        {O_RDWR | O_APPEND | O_NONBLOCK | O_SYNC, O_APPEND | O_NONBLOCK | O_SYNC},
    };
    char path[] = "/tmp/describing-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    size_t i;
    CHECK(fd >= 0);
    close(fd);
    for (i = 0; i < LENGTH(cases); i++) {
        fd = open(path, cases[i].open | O_CLOEXEC, 0600);
        if (fd < 0 && (cases[i].open & (O_DIRECT | O_NOATIME))) {
            printf("     not here: flags %#o (%s)\n", (unsigned)cases[i].open, strerror(errno));
            continue;
        }
        CHECK(fd >= 0);
        CHECK_CASE(described(fd).status == (uint32_t)cases[i].shown, "flags %#o: %#o", (unsigned)cases[i].open, described(fd).status);
        close(fd);
    }
    CHECK(unlink(path) == 0);
    fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        CHECK_INT(described(fd).status, 0);
        close(fd);
    }
    fd = a_directory();
    CHECK_INT(described(fd).status, 0);
    close(fd);
}

TEST(status_flags_that_another_holder_changes_show)
{
    int pair[2], other;
    socket_pair(SOCK_STREAM, pair);
    other = dup(pair[0]);
    CHECK_INT(described(pair[0]).status, 0);
    CHECK(fcntl(other, F_SETFL, O_NONBLOCK | O_ASYNC) == 0);
    CHECK_INT(described(pair[0]).status, O_NONBLOCK | O_ASYNC);
    CHECK(fcntl(other, F_SETFL, 0) == 0);
    CHECK_INT(described(pair[0]).status, 0);
    close(other);
    close_both(pair);
}

/* Seals and sizes. */

TEST(each_seal_shows_as_it_is_set)
{
    static const int seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_WRITE, F_SEAL_EXEC, F_SEAL_SEAL};
    int fd = a_memfd(), all = 0;
    size_t i, j;
    CHECK_INT(described(fd).seals, 0);
    for (i = 0; i < LENGTH(seals); i++) {
        CHECK_ERRNO(anc_fd_require(fd, 0, 0, (uint32_t)(all | seals[i])), EPERM);
        if (fcntl(fd, F_ADD_SEALS, seals[i]) != 0) {
            printf("     not here: seal %#x (%s)\n", (unsigned)seals[i], strerror(errno));
            continue;
        }
        all = fcntl(fd, F_GET_SEALS); /* F_SEAL_EXEC can bring others */
        CHECK_INT(described(fd).seals, all);
        CHECK_INT(described(fd).kind, ANC_FD_MEMORY);
        for (j = 0; j <= i; j++)
            if (all & seals[j])
                CHECK_OK(anc_fd_require(fd, 0, 0, (uint32_t)seals[j]), 0);
        CHECK_OK(anc_fd_require(fd, ANC_FD_MEMORY, ANC_FD_READ, (uint32_t)all), 0);
    }
    CHECK_ERRNO(anc_fd_require(fd, 0, 0, (uint32_t)all | 0x40000000u), EPERM); /* a seal of some later kernel */
    close(fd);
    fd = an_unsealable_memfd();
    CHECK_INT(described(fd).seals, F_SEAL_SEAL);
    CHECK_INT(described(fd).kind, ANC_FD_MEMORY);
    CHECK_ERRNO(anc_fd_require(fd, ANC_FD_MEMORY, 0, F_SEAL_SHRINK), EPERM);
    close(fd);
    fd = a_memfd(); /* one whose seals look like those of a file of tmpfs */
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
    CHECK_INT(described(fd).kind, ANC_FD_MEMORY);
    close(fd);
}

TEST(no_seals_are_required_of_what_can_have_none)
{
    static const uint32_t seals[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE};
    size_t i, s;
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = kinds[i].kind == ANC_FD_MEMORY ? -1 : make(&kinds[i]);
        if (fd < 0)
            continue;
        for (s = 0; s < LENGTH(seals); s++) {
            CHECK_ERRNO(anc_fd_require(fd, 0, 0, seals[s]), EPERM);
            CHECK_ERRNO(anc_fd_require(fd, kinds[i].kind, 0, seals[s]), EPERM);
        }
        close(fd);
    }
}

TEST(a_size_has_64_bits)
{
    static const long long sizes[] = {0, 1, 4095, (1LL << 31) - 1, 1LL << 31, 1LL << 32, 5LL << 32};
    int (*const makers[])(void) = {a_memfd, a_file};
    size_t i, m;
    for (m = 0; m < LENGTH(makers); m++) {
        int fd = makers[m]();
        for (i = 0; i < LENGTH(sizes); i++) {
            if (sizeof(off_t) < 8 && sizes[i] >= 1LL << 31)
                continue;
            if (ftruncate(fd, (off_t)sizes[i]) != 0) {
                printf("     not here: a file of %lld bytes (%s)\n", sizes[i], strerror(errno));
                continue;
            }
            CHECK_INT(described(fd).size, sizes[i]);
        }
        close(fd);
    }
}

/* Sockets. */

TEST(a_socket_is_told_by_family_type_and_protocol)
{
    static const struct {
        int domain, type, protocol, shown;
    } cases[] = {
        {AF_UNIX, SOCK_STREAM, 0, 0}, {AF_UNIX, SOCK_DGRAM, 0, 0}, {AF_UNIX, SOCK_SEQPACKET, 0, 0},
        {AF_INET, SOCK_STREAM, 0, IPPROTO_TCP}, {AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP},
        {AF_INET6, SOCK_STREAM, 0, IPPROTO_TCP}, {AF_INET6, SOCK_DGRAM, 0, IPPROTO_UDP},
        {AF_INET, SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMP}, {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, IPPROTO_ICMPV6},
        {AF_NETLINK, SOCK_RAW, 0, 0}, {AF_NETLINK, SOCK_RAW, 15, 15}, {AF_PACKET, SOCK_DGRAM, 0, 0},
        {AF_VSOCK, SOCK_STREAM, 0, 0}, {AF_INET, SOCK_STREAM, 262, 262}, /* MPTCP */
    };
    size_t i;
    for (i = 0; i < LENGTH(cases); i++) {
        int fd = socket(cases[i].domain, cases[i].type | SOCK_CLOEXEC, cases[i].protocol);
        struct anc_fd_info info;
        if (fd < 0) {
            printf("     not here: socket(%d, %d, %d) (%s)\n", cases[i].domain, cases[i].type, cases[i].protocol, strerror(errno));
            continue;
        }
        info = described(fd);
        CHECK_INT(info.kind, ANC_FD_SOCKET);
        CHECK_INT(info.domain, cases[i].domain);
        CHECK_INT(info.type, cases[i].type);
        CHECK_INT(info.protocol, cases[i].shown);
        CHECK_INT(info.listening, 0);
        CHECK_INT(info.access, ANC_FD_READ | ANC_FD_WRITE);
        close(fd);
    }
}

TEST(a_socket_listens_from_listen_on)
{
    static const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
    static const struct sockaddr_in loopback = {.sin_family = AF_INET};
    struct {
        const struct sockaddr *address;
        socklen_t len;
        int type;
    } cases[] = {
        {(const struct sockaddr *)&unnamed, sizeof(sa_family_t), SOCK_STREAM},
        {(const struct sockaddr *)&unnamed, sizeof(sa_family_t), SOCK_SEQPACKET},
        {(const struct sockaddr *)&loopback, sizeof loopback, SOCK_STREAM},
    };
    size_t i;
    for (i = 0; i < LENGTH(cases); i++) {
        int fd = socket(cases[i].address->sa_family, cases[i].type | SOCK_CLOEXEC, 0);
        CHECK(fd >= 0 && bind(fd, cases[i].address, cases[i].len) == 0);
        CHECK_INT(described(fd).listening, 0);
        CHECK(listen(fd, 1) == 0);
        CHECK_INT(described(fd).listening, 1);
        close(fd);
    }
}

/* Looking changes nothing. */

struct state {
    off_t offset;
    int status, flags, owner, signal;
};

static struct state state_of(int fd)
{
    struct state s;
    memset(&s, 0, sizeof s);
    s.offset = lseek(fd, 0, SEEK_CUR);
    s.status = fcntl(fd, F_GETFL);
    s.flags = fcntl(fd, F_GETFD);
    s.owner = fcntl(fd, F_GETOWN);
    s.signal = fcntl(fd, F_GETSIG);
    return s;
}

static void look(int fd)
{
    struct anc_fd_info info = described(fd);
    CHECK_OK(anc_fd_require(fd, info.kind, info.access, info.seals), 0);
    CHECK_ERRNO(anc_fd_require(fd, info.kind ^ (ANC_FD_FILE | ANC_FD_SOCKET | ANC_FD_PATH), info.access, 1u << 20), EPERM);
}

TEST(nothing_about_the_descriptor_is_changed)
{
    size_t i;
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = make(&kinds[i]), cloexec;
        struct state before, after;
        if (fd < 0)
            continue;
        lseek(fd, 3, SEEK_SET);
        for (cloexec = 0; cloexec < 2; cloexec++) {
            CHECK(fcntl(fd, F_SETFD, cloexec) == 0);
            fcntl(fd, F_SETFL, cloexec ? O_NONBLOCK : 0);
            before = state_of(fd);
            look(fd);
            after = state_of(fd);
            CHECK_CASE(memcmp(&before, &after, sizeof before) == 0, "%s", kinds[i].name);
        }
        close(fd);
    }
}

TEST(what_waits_in_it_still_waits)
{
    uint64_t count = 3, got = 0;
    int event = new_descriptor(), timer = a_timer(), pair[2];
    struct itimerspec soon = {.it_value = {0, 1}};
    struct pollfd expired = {timer, POLLIN, 0};
    char byte;
    CHECK(write(event, &count, sizeof count) == sizeof count);
    CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0 && poll(&expired, 1, -1) == 1);
    CHECK(pipe2(pair, O_CLOEXEC) == 0 && write(pair[1], "x", 1) == 1);
    look(event);
    look(timer);
    look(pair[0]);
    CHECK(read(event, &got, sizeof got) == sizeof got && got == count);
    CHECK(read(timer, &got, sizeof got) == sizeof got && got == 1);
    CHECK(read(pair[0], &byte, 1) == 1 && byte == 'x');
    close_both(pair);
    close(event);
    close(timer);
}

/* Closing any descriptor of the file would drop the process's locks on it. */
TEST(POSIX_locks_on_the_file_are_kept)
{
    int (*const makers[])(void) = {a_file, a_memfd, a_file_in_memory};
    size_t i;
    for (i = 0; i < LENGTH(makers); i++) {
        int fd = makers[i](), status;
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        pid_t child;
        if (fd < 0)
            continue;
        CHECK(fcntl(fd, F_SETLK, &lock) == 0 && flock(fd, LOCK_EX) == 0);
        look(fd);
        child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK ? 0 : 1);
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        close(fd);
    }
}

/* Only these calls, in these forms: no open, no dup, no ioctl, no read. */
static void install(struct sock_filter *program, size_t len)
{
    struct sock_fprog filter = {(unsigned short)len, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        skip("no seccomp filter: %s", strerror(errno));
}

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define IF_BIT(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), yes, no)
#define DO(action) BPF_STMT(BPF_RET | BPF_K, (uint32_t)(action))
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ARG(n) (offsetof(struct seccomp_data, args[n]) + 4)
#else
#define ARG(n) offsetof(struct seccomp_data, args[n])
#endif

#ifdef SYS_fcntl64
#define FCNTL SYS_fcntl64
#else
#define FCNTL SYS_fcntl
#endif
#ifdef SYS_readlink
#define READLINK SYS_readlink
#else
#define READLINK SYS_readlinkat
#endif

TEST(only_questions_are_asked_that_the_kernel_answers_alone)
{
    struct sock_filter questions[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
#ifdef SYS_socketcall /* by which older machines do what is a call of its own elsewhere */
        IF(SYS_socketcall, 0, 3),
        LOAD(ARG(0)),
        IF(SYS_GETSOCKOPT, 0, 14),
        DO(SECCOMP_RET_ALLOW),
#endif
        IF(FCNTL, 0, 4),
        LOAD(ARG(1)),
        IF(F_GETFL, 1, 0),
        IF(F_GET_SEALS, 0, 9),
        DO(SECCOMP_RET_ALLOW),
        IF(SYS_statx, 0, 3),
        LOAD(ARG(2)),
        IF_BIT(AT_STATX_DONT_SYNC, 0, 5),
        DO(SECCOMP_RET_ALLOW),
        IF(READLINK, 2, 0),
        IF(SYS_getsockopt, 1, 0),
        IF(SYS_exit_group, 0, 1),
        DO(SECCOMP_RET_ALLOW),
        DO(SECCOMP_RET_KILL_PROCESS),
    };
    size_t i;
    if (on_valgrind())
        skip("the filter would see valgrind's own calls");
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = make(&kinds[i]), status;
        pid_t child;
        if (fd < 0)
            continue;
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            struct anc_fd_info info;
            int ok;
            install(questions, LENGTH(questions));
            ok = anc_fd_describe(fd, &info, sizeof info) == 0 && info.kind == kinds[i].kind &&
                 anc_fd_require(fd, info.kind, info.access, info.seals) == 0;
            syscall(SYS_exit_group, ok ? 0 : 1);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_CASE(status == 0, "%s: status %#x", kinds[i].name, (unsigned)status);
        close(fd);
    }
}

TEST(a_kernel_without_statx_is_asked_by_fstat)
{
    struct sock_filter without[] = {
        LOAD(offsetof(struct seccomp_data, nr)),
        IF(SYS_statx, 0, 1),
        DO(SECCOMP_RET_ERRNO | ENOSYS),
        DO(SECCOMP_RET_ALLOW),
    };
    size_t i;
    install(without, LENGTH(without));
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = make(&kinds[i]);
        if (fd < 0)
            continue;
        CHECK_CASE(described(fd).kind == kinds[i].kind && described(fd).size == kinds[i].size, "%s", kinds[i].name);
        close(fd);
    }
}

/* Where there is no /proc, and no room, and no privilege. */

static void in_a_child(void (*then)(void *), void *arg)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        then(arg);
        fflush(stdout);
        _exit(0);
    }
    check_child(child);
}

struct all {
    int fds[LENGTH(kinds)];
};

static void make_all(struct all *all)
{
    size_t i;
    for (i = 0; i < LENGTH(kinds); i++)
        all->fds[i] = make(&kinds[i]);
}

static void check_all(const struct all *all)
{
    size_t i;
    for (i = 0; i < LENGTH(kinds); i++)
        if (all->fds[i] >= 0)
            CHECK_CASE(described(all->fds[i]).kind == kinds[i].kind, "%s: %#x", kinds[i].name, described(all->fds[i]).kind);
}

static void look_without_proc(void *arg)
{
    static const uint32_t nameless = ANC_FD_EVENT | ANC_FD_EPOLL | ANC_FD_TIMER | ANC_FD_SIGNAL | ANC_FD_INOTIFY | ANC_FD_PROCESS;
    const struct all *all = arg;
    char path[] = "/tmp/describing-XXXXXX";
    size_t i;
    CHECK(mkdtemp(path) != NULL);
    CHECK(chroot(path) == 0 && chdir("/") == 0 && access("/proc", F_OK) == -1);
    for (i = 0; i < LENGTH(kinds); i++) {
        uint32_t expected = kinds[i].kind & nameless ? ANC_FD_OTHER : kinds[i].kind;
        if (kinds[i].make == an_unsealable_memfd || kinds[i].make == a_huge_memfd || kinds[i].make == a_namespace)
            expected = ANC_FD_FILE;
        if (all->fds[i] < 0)
            continue;
        CHECK_CASE(described(all->fds[i]).kind == expected, "%s: %#x", kinds[i].name, described(all->fds[i]).kind);
        CHECK_OK(anc_fd_require(all->fds[i], expected, access_of(kinds[i].access), 0), 0);
        if (expected == ANC_FD_OTHER && kinds[i].kind != ANC_FD_OTHER)
            CHECK_ERRNO(anc_fd_require(all->fds[i], kinds[i].kind, 0, 0), EPERM);
    }
}

TEST(without_proc_what_has_no_name_is_OTHER_and_seals_still_prove_a_memfd)
{
    struct all all;
    if (geteuid() != 0)
        skip("chroot is for root");
    make_all(&all);
    in_a_child(look_without_proc, &all);
    CHECK(system("rmdir /tmp/describing-?????? 2> /dev/null") != -1);
    anc_close_fds(all.fds, LENGTH(all.fds));
}

static void look_without_room(void *all)
{
    fill_table(0);
    check_all(all);
}

TEST(no_free_descriptor_is_needed)
{
    struct all all;
    make_all(&all);
    in_a_child(look_without_room, &all);
    anc_close_fds(all.fds, LENGTH(all.fds));
}

TEST(no_privilege_is_needed_not_even_to_look_at_oneself)
{
    struct all all;
    make_all(&all);
    drop_privileges();
    CHECK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
    check_all(&all);
    anc_close_fds(all.fds, LENGTH(all.fds));
}

/* /proc/self is the first thread's. */

static void *look_beside_the_first_thread(void *arg)
{
    int fd = *(int *)arg, other;
    CHECK(unshare(CLONE_FILES) == 0);
    other = an_epoll();
    CHECK(other >= 0 && dup3(other, fd, O_CLOEXEC) == fd); /* of this thread's table alone */
    CHECK_INT(described(fd).kind, ANC_FD_EPOLL);
    CHECK_OK(anc_fd_require(fd, ANC_FD_EPOLL, 0, 0), 0);
    CHECK_ERRNO(anc_fd_require(fd, ANC_FD_EVENT, 0, 0), EPERM);
    return NULL;
}

TEST(a_thread_with_descriptors_of_its_own_is_told_of_those)
{
    pthread_t thread;
    int fd = new_descriptor();
    if (on_valgrind())
        skip("valgrind believes that threads share their descriptors");
    CHECK(pthread_create(&thread, NULL, look_beside_the_first_thread, &fd) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_INT(described(fd).kind, ANC_FD_EVENT);
    close(fd);
}

static void *look_after_the_first_thread(void *arg)
{
    char stat[512], path[64];
    int fd = *(int *)arg, file;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)getpid());
    do { /* until it is a zombie */
        ssize_t n;
        file = open(path, O_RDONLY | O_CLOEXEC);
        n = read(file, stat, sizeof stat - 1);
        stat[n > 0 ? n : 0] = 0;
        close(file);
        sched_yield();
    } while (!strstr(stat, ") Z "));
    if (described(fd).kind != ANC_FD_EVENT)
        _exit(1);
    _exit(0);
}

static void end_the_first_thread(void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, look_after_the_first_thread, arg) == 0);
    syscall(SYS_exit, 0);
}

TEST(a_thread_that_outlives_the_first_one_is_told_all_the_same)
{
    int fd = new_descriptor();
    if (on_valgrind())
        skip("valgrind keeps the first thread");
    in_a_child(end_the_first_thread, &fd);
    close(fd);
}

/* Lies. */

TEST(a_name_alone_makes_no_kind)
{
    static const char *const names[] = {"memfd:x", "memfd:x (deleted)", "anon_inode:[eventfd]", "anon_inode:inotify", "dmabuf:x", "socket:[1]"};
    size_t i, unlinked;
    char dir[] = "/tmp/describing-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    for (i = 0; i < LENGTH(names); i++)
        for (unlinked = 0; unlinked < 2; unlinked++) {
            char path[128];
            int fd, memory;
            snprintf(path, sizeof path, "%s/%s", dir, names[i]);
            fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
            CHECK(fd >= 0);
            if (unlinked)
                CHECK(unlink(path) == 0);
            CHECK_CASE(described(fd).kind == ANC_FD_FILE && described(fd).seals == 0, "%s", names[i]);
            close(fd);
            if (!unlinked)
                CHECK(unlink(path) == 0);
            memory = memfd_create(names[i], MFD_CLOEXEC);
            CHECK_CASE(described(memory).kind == ANC_FD_MEMORY, "a memfd called %s", names[i]);
            close(memory);
        }
    CHECK(rmdir(dir) == 0);
}

/* A tmpfs that is mounted nowhere, as any user has one in a user namespace: its files' names start at
 * its own root. */
static int a_mount_of_ones_own(void)
{
    int mount, context = (int)syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */);
    if (context < 0 || syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) != 0)
        skip("no tmpfs of one's own: %s", strerror(errno));
    mount = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, 0);
    CHECK(mount >= 0);
    close(context);
    return mount;
}

TEST(no_file_of_tmpfs_passes_for_sealed_memory_whatever_its_name)
{
    static const uint32_t seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_EXEC};
    int mount = a_mount_of_ones_own(), fd;
    size_t i;
    fd = openat(mount, "memfd:x", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(described(fd).kind, ANC_FD_FILE); /* as long as it has its name */
    CHECK(unlinkat(mount, "memfd:x", 0) == 0);
    CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
    /* Now it is called as a memfd that can't be sealed, and told apart by nothing: memory it is. */
    CHECK_INT(described(fd).kind, ANC_FD_MEMORY);
    CHECK_INT(described(fd).seals, F_SEAL_SEAL);
    for (i = 0; i < LENGTH(seals); i++)
        CHECK_ERRNO(anc_fd_require(fd, ANC_FD_MEMORY, ANC_FD_READ, seals[i]), EPERM);
    close(fd);
    fd = openat(mount, "anon_inode:[eventfd]", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && unlinkat(mount, "anon_inode:[eventfd]", 0) == 0);
    CHECK_INT(described(fd).kind, ANC_FD_FILE);
    close(fd);
    close(mount);
}

/* A file system whose server answers everything but what fstat asks, and whose file looks like a memfd:
 * no link, a name at the root of a mount that is nowhere. */

static void answer(int fuse, const struct fuse_in_header *request, int error, const void *data, size_t len)
{
    char out[sizeof(struct fuse_out_header) + 256];
    struct fuse_out_header header = {(uint32_t)(sizeof header + len), error, request->unique};
    memcpy(out, &header, sizeof header);
    if (len > 0)
        memcpy(out + sizeof header, data, len);
    CHECK(write(fuse, out, sizeof header + len) == (ssize_t)(sizeof header + len));
}

static void serve(int fuse, int asked)
{
    static char request[1 << 17];
    const struct fuse_in_header *header = (const struct fuse_in_header *)request;
    struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
    struct fuse_open_out opened = {.fh = 1};
    /* Whoever waits for an answer can't be killed until this process has ended. */
    alarm(30);
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    while (read(fuse, request, sizeof request) > 0) {
        struct fuse_entry_out entry = {.nodeid = 2, .attr = {.ino = 2, .mode = S_IFREG | 0666, .nlink = 0, .size = 77}};
        switch (header->opcode) {
        case FUSE_INIT:
            answer(fuse, header, 0, &init, sizeof init);
            break;
        case FUSE_LOOKUP: /* the attributes are valid for no time at all */
            answer(fuse, header, 0, &entry, sizeof entry);
            break;
        case FUSE_OPEN:
            answer(fuse, header, 0, &opened, sizeof opened);
            break;
        case FUSE_GETATTR:
            CHECK(write(asked, "?", 1) == 1);
            break;
        case FUSE_FORGET:
        case FUSE_INTERRUPT:
            break;
        default:
            answer(fuse, header, -ENOSYS, NULL, 0);
        }
    }
    _exit(0);
}

struct served {
    int fd;       /* of the file that is served */
    int asked[2]; /* a byte for each GETATTR */
    pid_t server;
};

/* Mounted by this user; the file is opened by a process of the same. */
static struct served mount_fuse(unsigned int user)
{
    struct served s;
    char dir[] = "/tmp/describing-XXXXXX", options[128], path[64];
    int fuse, came[ANC_FDS_MAX], n, pair[2];
    pid_t opener;
    char byte;
    if (geteuid() != 0)
        skip("mounting is for root");
    fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fuse < 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0)
        skip("no FUSE: %s", strerror(errno));
    CHECK(mkdtemp(dir) != NULL && chmod(dir, 0755) == 0);
    snprintf(options, sizeof options, "fd=%d,rootmode=40777,user_id=%u,group_id=%u", fuse, user, user);
    CHECK(mount("served", dir, "fuse", MS_NOSUID | MS_NODEV, options) == 0);
    CHECK(pipe2(s.asked, O_CLOEXEC | O_NONBLOCK) == 0);
    s.server = fork();
    CHECK(s.server >= 0);
    if (s.server == 0)
        serve(fuse, s.asked[1]);
    close(fuse);
    snprintf(path, sizeof path, "%s/memfd:x", dir);
    socket_pair(SOCK_STREAM, pair);
    opener = fork();
    CHECK(opener >= 0);
    if (opener == 0) {
        int fd;
        CHECK(syscall(SYS_setresgid, user, user, user) == 0 && syscall(SYS_setresuid, user, user, user) == 0);
        fd = open(path, O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0 && raw_send(pair[0], "x", 1, &fd, 1, 0) == 1);
        _exit(0);
    }
    check_child(opener);
    CHECK(raw_recv(pair[1], &byte, 1, came, &n, MSG_DONTWAIT) == 1 && n == 1);
    close_both(pair);
    s.fd = came[0];
    CHECK(umount2(dir, MNT_DETACH) == 0 && rmdir(dir) == 0);
    while (read(s.asked[0], &byte, 1) == 1)
        ;
    return s;
}

static void end(struct served *s)
{
    CHECK(kill(s->server, SIGKILL) == 0 && waitpid(s->server, NULL, 0) == s->server);
    close(s->fd);
    close_both(s->asked);
}

TEST(whoever_serves_the_file_is_not_asked_and_can_delay_nothing)
{
    struct served s = mount_fuse(0);
    struct pollfd asked = {s.asked[0], POLLIN, 0};
    struct anc_fd_info info;
    char byte;
    pid_t child;
    info = described(s.fd);
    CHECK_INT(info.kind, ANC_FD_FILE);
    CHECK_INT(info.size, 77);
    CHECK_INT(info.access, ANC_FD_READ | ANC_FD_WRITE);
    CHECK_INT(info.seals, 0);
    CHECK_OK(anc_fd_require(s.fd, ANC_FD_FILE, ANC_FD_READ, 0), 0);
    CHECK_ERRNO(anc_fd_require(s.fd, ANC_FD_MEMORY, ANC_FD_READ, F_SEAL_SHRINK), EPERM);
    CHECK(read(s.asked[0], &byte, 1) == -1 && errno == EAGAIN);
    /* While fstat does ask, and waits. */
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct stat stat;
        _exit(fstat(s.fd, &stat) == 0 ? 0 : 1);
    }
    CHECK(poll(&asked, 1, -1) == 1);
    CHECK_INT(waitpid(child, NULL, WNOHANG), 0);
    CHECK_INT(described(s.fd).kind, ANC_FD_FILE);
    end(&s); /* before that, not even SIGKILL would end the child */
    CHECK(waitpid(child, NULL, 0) == child);
}

TEST(another_users_FUSE_is_EACCES_and_required_in_vain)
{
    struct served s = mount_fuse(65534);
    struct anc_fd_info info, before;
    memset(&info, 0xa5, sizeof info);
    before = info;
    CHECK_ERRNO(anc_fd_describe(s.fd, &info, sizeof info), EACCES);
    CHECK(memcmp(&info, &before, sizeof info) == 0);
    CHECK_ERRNO(anc_fd_require(s.fd, ANC_FD_FILE, 0, 0), EACCES);
    CHECK_OK(anc_fd_require(s.fd, 0, ANC_FD_READ | ANC_FD_WRITE, 0), 0);
    end(&s);
}

/* Requirements: what describe says, asked for. */

TEST(require_agrees_with_describe_for_every_kind)
{
    size_t i, bit;
    for (i = 0; i < LENGTH(kinds); i++) {
        int fd = make(&kinds[i]), a;
        uint32_t kind = kinds[i].kind, all = 0;
        if (fd < 0)
            continue;
        for (bit = 0; bit < 15; bit++) {
            uint32_t asked = 1u << bit;
            all |= asked;
            for (a = 0; a < 4; a++) {
                if (asked == kind && (a & ~kinds[i].access) == 0)
                    CHECK_OK(anc_fd_require(fd, asked, access_of(a), 0), 0);
                else
                    CHECK_ERRNO(anc_fd_require(fd, asked, access_of(a), 0), EPERM);
            }
            CHECK_OK(anc_fd_require(fd, asked | kind, 0, 0), 0);
        }
        CHECK_OK(anc_fd_require(fd, all, 0, 0), 0);
        CHECK_ERRNO(anc_fd_require(fd, all & ~kind, 0, 0), EPERM);
        CHECK_OK(anc_fd_require(fd, 0, 0, 0), 0);
        CHECK(is_open(fd));
        close(fd);
    }
}

TEST(unknown_kinds_and_access_are_EINVAL_and_nothing_else_is)
{
    int fd = a_file(), bit;
    for (bit = 0; bit < 32; bit++) {
        uint32_t one = (uint32_t)1 << bit;
        if (bit >= 15)
            CHECK_ERRNO(anc_fd_require(fd, ANC_FD_FILE | one, 0, 0), EINVAL);
        if (!(one & (ANC_FD_READ | ANC_FD_WRITE)))
            CHECK_ERRNO(anc_fd_require(fd, 0, one, 0), EINVAL);
        CHECK_ERRNO(anc_fd_require(-1, 0, bit < 30 ? one : 0, 0), bit < 30 ? EINVAL : EBADF);
    }
    CHECK_ERRNO(anc_fd_require(fd, ANC_FD_READ, ANC_FD_FILE, 0), EINVAL); /* the one for the other */
    close(fd);
}

/* Arguments. */

TEST(a_failed_description_writes_nothing)
{
    struct {
        struct anc_fd_info info;
        unsigned char behind[64];
    } space, before;
    int fd = a_file(), closed = a_file();
    size_t size;
    memset(&space, 0xa5, sizeof space);
    before = space;
    close(closed);
    for (size = 0; size < sizeof space.info; size++)
        CHECK_ERRNO(anc_fd_describe(fd, &space.info, size), EINVAL);
    CHECK_ERRNO(anc_fd_describe(-1, &space.info, sizeof space.info), EBADF);
    CHECK_ERRNO(anc_fd_describe(closed, &space.info, sizeof space.info), EBADF);
    CHECK_ERRNO(anc_fd_describe(INT32_MAX, &space.info, sizeof space), EBADF);
    CHECK_ERRNO(anc_fd_describe(INT32_MIN, &space.info, sizeof space), EBADF);
    CHECK_ERRNO(anc_fd_describe(AT_FDCWD, &space.info, sizeof space), EBADF);
    CHECK(memcmp(&space, &before, sizeof space) == 0);
    CHECK_ERRNO(anc_fd_describe(fd, NULL, sizeof space), EFAULT);
    CHECK_ERRNO(anc_fd_require(closed, 0, 0, 0), EBADF);
    CHECK_ERRNO(anc_fd_require(AT_FDCWD, ANC_FD_DIRECTORY, 0, 0), EBADF);
    close(fd);
}

TEST(a_larger_struct_of_a_later_version_is_zero_behind_what_is_known)
{
    struct {
        struct anc_fd_info info;
        unsigned char behind[64];
    } space;
    int fd = a_file();
    size_t size, i;
    for (size = 0; size <= sizeof space.behind; size++) {
        memset(&space, 0xa5, sizeof space);
        CHECK_OK(anc_fd_describe(fd, &space.info, sizeof space.info + size), 0);
        CHECK_INT(space.info.size, 7);
        for (i = 0; i < sizeof space.behind; i++)
            CHECK_INT(space.behind[i], i < size ? 0 : 0xa5);
    }
    close(fd);
}

/* Signals and cancellation. */

static void *look_while_cancelled(void *arg)
{
    int old;
    struct all *all = arg;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    check_all(all);
    return all;
}

TEST(neither_is_a_cancellation_point)
{
    pthread_t thread;
    struct all all;
    void *result;
    make_all(&all);
    CHECK(pthread_create(&thread, NULL, look_while_cancelled, &all) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == &all);
    anc_close_fds(all.fds, LENGTH(all.fds));
}
