#include "harness.h"

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
    return got == 1;
}

void socket_pair(int type, int pair[2])
{
    CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0);
}

void close_both(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

void option(int sock, int name, int value)
{
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

static int run(const struct test *test)
{
    int status;
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        int before, after;
        alarm(120);
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
