/* Threads, fork and exec: a received descriptor never reaches an executed program, and the library
 * works in whatever fork leaves.
 * Linux alone: it reads /proc/self/fd and executes memfds. */
#include "harness.h"
#include <stdatomic.h>
#include <sys/mman.h>

static atomic_int stop;
static const char marker[] = "anc-received"; /* the name of a memfd shows in /proc/self/fd */
static const char lister[] = "ANC_FORKS_LISTS_DESCRIPTORS";
enum { INHERITED = 3, CLEAN = 0 };

/* The executed program is this one again. */
__attribute__((constructor)) static void list_descriptors(void)
{
    struct dirent *entry;
    char name[256], link[256];
    DIR *dir;
    if (!getenv(lister))
        return;
    dir = opendir("/proc/self/fd");
    if (!dir)
        _exit(4);
    while ((entry = readdir(dir))) {
        ssize_t n;
        snprintf(name, sizeof name, "/proc/self/fd/%.200s", entry->d_name);
        n = readlink(name, link, sizeof link - 1);
        link[n < 0 ? 0 : n] = 0;
        if (strstr(link, marker))
            _exit(INHERITED);
    }
    _exit(CLEAN);
}

static int marked_descriptor(void)
{
    int fd = memfd_create(marker, MFD_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

enum { PASSED_FDS = 5 };

struct traffic {
    int pair[2];
    int fds[PASSED_FDS];
    unsigned int flags;
    size_t max_fds;
    long rounds;
};

static void *receive_in_a_loop(void *arg)
{
    struct traffic *t = arg;
    int got[PASSED_FDS];
    char byte;
    size_t n;
    while (!stop) {
        CHECK_INT(anc_send_fds(t->pair[0], "x", 1, t->fds, PASSED_FDS, 0), 1);
        CHECK_INT(anc_recv_fds(t->pair[1], &byte, 1, got, t->max_fds, &n, t->flags), 1);
        CHECK_INT(n, t->max_fds);
        anc_close_fds(got, n);
        t->rounds++;
    }
    return NULL;
}

static void start_traffic(struct traffic *t, pthread_t *thread, unsigned int flags, size_t max_fds)
{
    int i;
    memset(t, 0, sizeof *t);
    t->flags = flags;
    t->max_fds = max_fds;
    socket_pair(SOCK_STREAM, t->pair);
    for (i = 0; i < PASSED_FDS; i++)
        t->fds[i] = marked_descriptor();
    CHECK(pthread_create(thread, NULL, receive_in_a_loop, t) == 0);
}

static void stop_traffic(struct traffic *t, pthread_t thread)
{
    stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    stop = 0;
    anc_close_fds(t->fds, PASSED_FDS);
    close_both(t->pair);
}

/* The child as fork left it: the numbers that an execve would keep. */
static int would_inherit(void)
{
    char name[64], link[256];
    int fd;
    for (fd = 3; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);
        ssize_t n;
        if (flags == -1 || flags & FD_CLOEXEC)
            continue;
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        n = readlink(name, link, sizeof link - 1);
        link[n < 0 ? 0 : n] = 0;
        if (strstr(link, marker))
            return 1;
    }
    return 0;
}

static int fork_and(int execute, char **environment)
{
    char *const argv[] = {(char *)(uintptr_t) "lister", NULL};
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (would_inherit())
            _exit(INHERITED);
        if (execute)
            execve("/proc/self/exe", argv, environment);
        _exit(execute ? 5 : CLEAN);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The environment with the order to list. */
static char **listing_environment(void)
{
    CHECK(setenv(lister, "1", 1) == 0);
    return environ;
}

static void forks(int n, unsigned int flags, size_t max_fds)
{
    struct traffic t;
    pthread_t thread;
    int i, every = 8;
    if (built_without("cmsg_cloexec"))
        skip("ANC_WITHOUT=cmsg_cloexec: a fork between recvmsg and fcntl inherits");
    if (on_valgrind())
        every = n + 1; /* /proc/self/exe is valgrind */
    start_traffic(&t, &thread, flags, max_fds);
    for (i = 0; goes_on(i, n, 4); i++)
        CHECK_INT(fork_and(i % every == every - 1, listing_environment()), CLEAN);
    stop_traffic(&t, thread);
    printf("     %d forks, %d of them with exec, while %ld messages came\n", i, i / every,
           t.rounds);
}

TEST(a_received_descriptor_never_reaches_a_program_that_another_thread_executes)
{
    forks(3000, 0, PASSED_FDS);
}

TEST(neither_does_one_that_is_closed_as_surplus)
{
    forks(1500, ANC_TRIM, 2);
}

TEST(the_executed_program_does_see_what_it_may_inherit)
{
    int fd = marked_descriptor(), status;
    pid_t child;
    char *const argv[] = {(char *)(uintptr_t) "lister", NULL};
    if (on_valgrind())
        skip("/proc/self/exe is valgrind");
    CHECK(fcntl(fd, F_SETFD, 0) == 0);
    CHECK(would_inherit());
    child = fork();
    if (child == 0) {
        execve("/proc/self/exe", argv, listing_environment());
        _exit(5);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(WEXITSTATUS(status), INHERITED);
    close(fd);
}

/* Using the library in the child. */

/* All calls once, on sockets of its own; 0 or the step that failed. */
static int use_the_library(int type)
{
    int pair[2], fds[3], got[3], i;
    size_t n;
    char buf[4];
    struct iovec iov = {buf, 4};
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) != 0)
        return 1;
    for (i = 0; i < 3; i++)
        if ((fds[i] = new_numbered(0)) < 0)
            return 2;
    if (anc_send_fds(pair[0], "abcd", 4, fds, 3, ANC_ALL) != 4)
        return 3;
    if (anc_recv_fds(pair[1], buf, 4, got, 3, &n, ANC_EXACT | ANC_ALL) != 4 || n != 3)
        return 4;
    anc_close_fds(got, 3);
    if (anc_sendv_fds(pair[0], &iov, 1, fds, 3, ANC_MOVE) != 4)
        return 5;
    if (anc_recvv_fds(pair[1], &iov, 1, got, 1, &n, ANC_TRIM) != 4 || n != 1)
        return 6;
    if (anc_send_fd(pair[0], got[0], ANC_MOVE) != 0 || (got[0] = anc_recv_fd(pair[1], 0)) < 0)
        return 7;
    if (anc_send_fd(pair[0], got[0], 0) != 0)
        return 8;
    if (anc_recv_fds(pair[1], buf, 4, NULL, 0, NULL, 0) != -1 || errno != ERANGE)
        return 10;
    close(got[0]);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

TEST(the_library_works_in_a_child_forked_while_other_threads_are_in_it)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    struct traffic t;
    pthread_t thread;
    int i;
    start_traffic(&t, &thread, 0, PASSED_FDS);
    for (i = 0; goes_on(i, 2000, 4); i++) {
        pid_t child = fork();
        int status;
        if (child == 0) {
            int before, step;
            alarm(20); /* a lock that the fork left locked would hang it */
            before = lowest_free();
            step = use_the_library(types[i % 3]);
            _exit(step ? step : lowest_free() == before ? 0 : 9);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
    }
    stop_traffic(&t, thread);
}

TEST(a_descriptor_sent_before_fork_is_received_once_by_either_process)
{
    int pair[2], fd = new_descriptor(), status, got;
    pid_t child;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(anc_send_fd(pair[0], fd, 0), 0);
    CHECK_INT(anc_send_fd(pair[0], fd, 0), 0);
    child = fork();
    if (child == 0) {
        got = anc_recv_fd(pair[1], 0);
        _exit(got < 0 || !same_file(fd, got));
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    got = anc_recv_fd(pair[1], ANC_DONTWAIT);
    CHECK(got >= 0 && same_file(fd, got));
    CHECK_ERRNO(anc_recv_fd(pair[1], ANC_DONTWAIT), EAGAIN);
    close(got);
    close(fd);
    close_both(pair);
}

static void *use_until_stopped(void *arg)
{
    (void)arg;
    while (!stop)
        CHECK_INT(use_the_library(SOCK_STREAM), 0);
    return NULL;
}

TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    int i;
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, use_until_stopped, NULL) == 0);
    for (i = 0; goes_on(i, 10000, 2); i++)
        CHECK_INT(use_the_library(SOCK_SEQPACKET), 0);
    stop = 1;
    for (i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}
