#include "harness.h"
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

struct test *first_test, **last_test = &first_test;

enum { PASSED = 0, FAILED = 1, SKIPPED = 77 };

void fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    fprintf(stdout, "     %s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stdout, format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    _exit(FAILED);
}

void skip(const char *reason, ...)
{
    va_list args;
    fputs("     skipped: ", stdout);
    va_start(args, reason);
    vfprintf(stdout, reason, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
    _exit(SKIPPED);
}

#ifdef __linux__
int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        fail(__FILE__, __LINE__, "/proc/self/fd: %s", strerror(errno));
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the directory's own */
}

int new_descriptor(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(fd >= 0);
    return fd;
}

/* eventfds that share a counter are one. */
int same_file(int a, int b)
{
    uint64_t put = 1, got = 0;
    while (read(b, &got, sizeof got) > 0)
        ;
    got = 0;
    CHECK(write(a, &put, sizeof put) == sizeof put);
    if (read(b, &got, sizeof got) != sizeof got) {
        CHECK(read(a, &got, sizeof got) == sizeof got);
        return 0;
    }
    /* qemu-user swaps the bytes of eventfds that it knows, and a received one it does not. */
    return got != 0;
}

static int nameless_file(void)
{
    return memfd_create("numbered", MFD_CLOEXEC);
}
#else
/* /dev/fd need not show them all. */
int open_descriptors(void)
{
    int fd, count = 0;
    for (fd = 0; fd < 65536; fd++)
        count += is_open(fd);
    return count;
}

static int nameless_file(void)
{
    char path[] = "/tmp/c-tests-XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0 && (unlink(path) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0))
        return -1;
    return fd;
}

int new_descriptor(void)
{
    int fd = nameless_file();
    CHECK(fd >= 0);
    return fd;
}

int same_file(int a, int b)
{
    struct stat one, other;
    CHECK(fstat(a, &one) == 0 && fstat(b, &other) == 0);
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}
#endif

int new_numbered(long number)
{
    int fd = nameless_file();
    CHECK(fd >= 0 && ftruncate(fd, number) == 0);
    return fd;
}

long number_in(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? (long)file.st_size : -1;
}

void new_descriptors(int *fds, int n)
{
    int i;
    for (i = 0; i < n; i++)
        fds[i] = new_descriptor();
}

int is_open(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

int is_cloexec(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    CHECK(flags != -1);
    return (flags & FD_CLOEXEC) != 0;
}

void socket_pair(int type, int pair[2])
{
#ifdef __APPLE__
    if (type == SOCK_SEQPACKET)
        skip("no SOCK_SEQPACKET");
#endif
    CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0);
}

void close_both(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

void option(int sock, int name, int value)
{
    if (name < 0)
        skip("an option of Linux");
    if (setsockopt(sock, SOL_SOCKET, name, &value, sizeof value) != 0)
        fail(__FILE__, __LINE__, "socket option %d: %s", name, strerror(errno));
}

void fill_table(int room)
{
    /* Numbers below the limit that are free count too: the limit is about numbers. */
    struct rlimit limit;
    int fd, highest = -1, free_below = 0;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (fd = 0; fd < 4096; fd++)
        if (is_open(fd))
            highest = fd;
    for (fd = 0; fd <= highest; fd++)
        free_below += !is_open(fd);
    while (free_below > room) {
        CHECK(fcntl(0, F_DUPFD_CLOEXEC, 0) <= highest);
        free_below--;
    }
    limit.rlim_cur = (rlim_t)(highest + 1 + room - free_below);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void drop_privileges(void)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        skip("cannot drop privileges");
}

void become_a_lonely_user(void)
{
    const uid_t user = 100000 + (uid_t)getpid();
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(user) != 0 || setuid(user) != 0))
        drop_privileges();
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 1); /* /proc/self/fd would be root's */
#endif
}

int on_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD"); /* valgrind's own way into the program */
    return preload && strstr(preload, "vgpreload") != NULL;
}

int on_checker(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return on_valgrind() || (preload && strstr(preload, "libanc-watch") != NULL);
}

int built_without(const char *thing)
{
    const char *lacks = getenv("ANC_WITHOUT");
    return lacks && strstr(lacks, thing) != NULL;
}

int goes_on(int round, int n, int seconds)
{
    static struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (round == 0)
        start = now;
    return round < n && now.tv_sec - start.tv_sec < seconds;
}

unsigned int patience(void)
{
    const char *times = getenv("ANC_PATIENCE");
    return times && atoi(times) > 0 ? (unsigned int)atoi(times) : 1;
}

int lowest_free(void)
{
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);
    CHECK(fd >= 0);
    close(fd);
    return fd;
}

#ifdef __linux__
static void wait_until_it_sleeps(const char *path)
{
    char stat[256];
    const char *state;
    ssize_t n;
    int fd;
    do {
        sched_yield();
        fd = open(path, O_RDONLY | O_CLOEXEC);
        CHECK(fd >= 0);
        n = read(fd, stat, sizeof stat - 1);
        close(fd);
        CHECK(n > 0);
        stat[n] = 0;
        state = strrchr(stat, ')'); /* the name before it may hold anything */
    } while (!state || strncmp(state, ") S", 3) != 0);
}

void wait_until_asleep(pid_t thread)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    wait_until_it_sleeps(path);
}

static void wait_until_process_sleeps(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    wait_until_it_sleeps(path);
}
#else
/* Elsewhere nobody tells; it will sleep by then. */
static void wait_until_process_sleeps(pid_t process)
{
    struct timespec a_while = {0, 50 * 1000 * 1000};
    (void)process;
    nanosleep(&a_while, NULL);
}

void wait_until_asleep(pid_t thread)
{
    wait_until_process_sleeps(thread);
}
#endif

const int socket_types[3] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

const char *type_name(int type)
{
    return type == SOCK_STREAM ? "STREAM" : type == SOCK_DGRAM ? "DGRAM" : "SEQPACKET";
}

union control {
    struct cmsghdr align;
    char bytes[4096];
};

ssize_t kernel_sendmsg(int sock, const struct msghdr *msg, int flags)
{
#if MUSL_COPIES
    struct {
        void *name;
        int namelen;
        struct iovec *iov;
        size_t iovlen;
        void *control;
        size_t controllen;
        unsigned int flags;
    } whole = {msg->msg_name, (int)msg->msg_namelen, msg->msg_iov, (size_t)msg->msg_iovlen, msg->msg_control,
               msg->msg_controllen, 0};
    return syscall(SYS_sendmsg, sock, &whole, flags);
#else
    return sendmsg(sock, msg, flags);
#endif
}

ssize_t raw_send(int sock, const void *buf, size_t len, const int *fds, int nfds, int msg_flags)
{
    union control control;
    struct iovec iov = {(void *)buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (nfds > 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
        CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
        CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
        CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, (size_t)nfds * sizeof(int));
    }
    return kernel_sendmsg(sock, &msg, msg_flags | MSG_NOSIGNAL);
}

ssize_t raw_recv(int sock, void *buf, size_t len, int fds[ANC_FDS_MAX], int *nfds, int msg_flags)
{
    union control control;
    struct iovec iov = {buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control};
    struct cmsghdr *c;
    ssize_t n = recvmsg(sock, &msg, msg_flags | MSG_CMSG_CLOEXEC);
    *nfds = 0;
    for (c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            *nfds = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds, CMSG_DATA(c), (size_t)*nfds * sizeof(int));
        }
    return n;
}

int table_room(void)
{
    int fds[4096], n = 0, i;
    while (n < 4096 && (fds[n] = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
        n++;
    for (i = 0; i < n; i++)
        close(fds[i]);
    return n;
}

void new_row(int *fds, int n)
{
    int i, first = 300; /* beyond whatever the process was started with */
    for (i = 0; i < n; i++) {
        int fd = new_descriptor();
        fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, first + i);
        close(fd);
        CHECK_INT(fds[i], first + i);
    }
}

void expect_message(const char *file, int line, int sock, const void *buf, size_t len, const int *fds, int nfds)
{
    char got[4096];
    int came[ANC_FDS_MAX], n, i;
    ssize_t count = raw_recv(sock, got, sizeof got, came, &n, MSG_DONTWAIT);
    if (count != (ssize_t)len || memcmp(got, buf, len) != 0)
        fail(file, line, "not the message that was expected: %zd bytes", count);
    if (n != nfds)
        fail(file, line, "%d descriptors came, not %d", n, nfds);
    for (i = 0; i < n; i++) {
        if (!same_file(fds[i], came[i]))
            fail(file, line, "descriptor %d is another file", i);
        close(came[i]);
    }
}

void expect_nothing(const char *file, int line, int sock)
{
    char byte;
    int came[ANC_FDS_MAX], n;
    ssize_t count = raw_recv(sock, &byte, 1, came, &n, MSG_DONTWAIT);
    if (count != -1 || errno != EAGAIN)
        fail(file, line, "something waits in the socket: %zd bytes, %d descriptors (errno %d)", count, n, errno);
}

size_t fill_socket(int sock)
{
    static const char block[4096];
    size_t sum = 0;
    ssize_t n;
    while ((n = send(sock, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
        sum += (size_t)n;
    CHECK(errno == EAGAIN);
    return sum;
}

int drain_socket(int sock)
{
    static char block[65536];
    int came[ANC_FDS_MAX], n, sum = 0, i;
    while (raw_recv(sock, block, sizeof block, came, &n, MSG_DONTWAIT) > 0 || n > 0) {
        for (i = 0; i < n; i++)
            close(came[i]);
        sum += n;
    }
    return sum;
}

static int *signals_seen; /* shared with the child that sends them */

static void count_signal(int number)
{
    (void)number;
    __atomic_add_fetch(signals_seen, 1, __ATOMIC_SEQ_CST);
}

pid_t interrupt_me(int times, void (*then)(void *), void *arg)
{
    struct sigaction action = {.sa_handler = count_signal};
    pid_t parent = getpid(), child;
    int i;
    signals_seen = mmap(NULL, sizeof *signals_seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(signals_seen != MAP_FAILED);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    child = fork();
    if (child != 0)
        return child;
    alarm(60);
    for (i = 1; i <= times; i++) {
        wait_until_process_sleeps(parent);
        CHECK(kill(parent, SIGUSR1) == 0);
        while (__atomic_load_n(signals_seen, __ATOMIC_SEQ_CST) < i)
            sched_yield();
    }
    if (then) {
        wait_until_process_sleeps(parent);
        then(arg);
    }
    _exit(PASSED);
}

void check_child(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_CASE(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child's status is %#x", status);
}

/* A list of words. */
static int is_in(const char *list, const char *word)
{
    size_t len = strlen(word);
    while (list && *list) {
        size_t next = strcspn(list, " ");
        if (next == len && strncmp(list, word, len) == 0)
            return 1;
        list += next + (list[next] != 0);
    }
    return 0;
}

static int run(const struct test *test)
{
    int status;
    pid_t child;
    if (is_in(getenv("ANC_LEFT_OUT"), test->name)) {
        puts("     skipped: left out here");
        return SKIPPED;
    }
    fflush(stdout);
    child = fork();
    if (child == 0) {
        int before, after;
        alarm(600 * patience()); /* what hangs ends; what a busy machine delays does not */
        before = open_descriptors();
        test->run();
        after = open_descriptors();
        if (after != before)
            fail(__FILE__, __LINE__, "%d descriptors before, %d after", before, after);
        exit(PASSED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return FAILED;
    if (WIFSIGNALED(status))
        printf("     killed by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static int is_wanted(const char *name, char **names)
{
    if (!*names)
        return 1;
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0, skipped = 0;
    const struct test *test;
    (void)argc;
    for (test = first_test; test; test = test->next) {
        int result;
        if (!is_wanted(test->name, argv + 1))
            continue;
        result = run(test);
        printf("%s %s\n", result == PASSED ? "ok  " : result == SKIPPED ? "skip" : "FAIL", test->name);
        passed += result == PASSED;
        skipped += result == SKIPPED;
        failed += result != PASSED && result != SKIPPED;
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0 || passed + skipped == 0;
}
