/* One test against two ports of the same code: `struct PORT` is a table of functions, of which
 * NAME-by-hand.c has one on the CMSG_ macros, and NAME-ancillary.c one on the library.
 *
 *     BOTH(what_a_user_relies_on) { CHECK(port->...); }
 *     BUG(what_a_hostile_or_unlucky_peer_must_not_do) { return ...; }
 *
 * A BUG returns 1 where the property holds. The library's port must have it; the hand-written one
 * is known to lack it, which is asserted too, and counted. */
#ifndef PORT_H
#define PORT_H

#include "harness.h"
#include <sys/mman.h>

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define BY_HAND PASTE(PORT, by_hand)
#define ANCILLARY PASTE(PORT, ancillary)

#define BOTH(property)                                                                             \
    static void property(const struct PORT *port);                                                 \
    TEST(property##_by_hand) { property(&BY_HAND); }                                               \
    TEST(property##_ancillary) { property(&ANCILLARY); }                                           \
    static void property(const struct PORT *port)

#define BUG(property)                                                                              \
    static int property(const struct PORT *port);                                                  \
    __attribute__((constructor)) static void property##_is_a_bug(void) { bugs_known++; }           \
    TEST(property##_not_by_hand) { has_the_bug(property(&BY_HAND)); }                              \
    TEST(property##_ancillary) { has_no_bug(property(&ANCILLARY)); }                               \
    static int property(const struct PORT *port)

/* The last test: prints both counts. */
#define COUNT(name) TEST(lines_and_bugs) { print_counts(__FILE__, #name); }

enum { PORT_FILES = 4096 };

static int bugs_known;                                /* BUGs of this program */
static struct { int by_hand, ancillary; } *bugs_seen; /* by the tests, which are processes */
static char was_open[PORT_FILES];                     /* before the test */

__attribute__((constructor)) static inline void share_bugs_seen(void)
{
    int fd;
    bugs_seen = mmap(NULL, sizeof *bugs_seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
    if (bugs_seen == MAP_FAILED)
        _exit(1);
    for (fd = 0; fd < PORT_FILES; fd++)
        was_open[fd] = (char)is_open(fd);
}

static inline void has_the_bug(int held)
{
    int fd;
    if (held)
        fail(__FILE__, __LINE__, "the hand-written port no longer has this bug");
    __atomic_add_fetch(&bugs_seen->by_hand, 1, __ATOMIC_SEQ_CST);
    for (fd = 0; fd < PORT_FILES; fd++) /* what it leaked was counted; the harness counts again */
        if (!was_open[fd])
            close(fd);
}

static inline void has_no_bug(int held)
{
    if (!held) {
        __atomic_add_fetch(&bugs_seen->ancillary, 1, __ATOMIC_SEQ_CST);
        fail(__FILE__, __LINE__, "the library's port has this bug");
    }
}

static inline void print_counts(const char *file, const char *name)
{
    char command[512], by_hand[16] = "?", ancillary[16] = "?";
    FILE *script;
    snprintf(command, sizeof command, "%.*s/count.sh %s 2>/dev/null",
             (int)(strrchr(file, '/') - file), file, name);
    script = popen(command, "re");
    if (!script || fscanf(script, "%15s %15s", by_hand, ancillary) != 2)
        printf("     %s: no lines\n", command); /* there may be no shell, or no sources */
    if (script)
        pclose(script);
    printf("     by hand: %s lines, %d bugs; ancillary: %s lines, %d bugs (%d known)\n", by_hand,
           bugs_seen->by_hand, ancillary, bugs_seen->ancillary, bugs_known);
}

/* An eventfd that holds a number, by which the receiver knows it again. */
static inline int numbered(unsigned int number)
{
    return new_numbered(number);
}

/* Its number; closes it. -1: not a numbered descriptor. */
static inline int number_of(int fd)
{
    int number = (int)number_in(fd);
    if (fd >= 0)
        close(fd);
    return number;
}

static inline void set_nonblocking(int fd)
{
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
}

/* How often a peer that has gone raised SIGPIPE. */
static volatile sig_atomic_t sigpipes;

static inline void count_sigpipe(int number)
{
    (void)number;
    sigpipes++;
}

/* Sends bytes with new descriptors, which are then in flight alone. */
static inline void throw_fds(int sock, const void *buf, size_t len, int n)
{
    int fds[ANC_FDS_MAX], i;
    new_descriptors(fds, n);
    CHECK_INT(raw_send(sock, buf, len, fds, n, 0), len);
    for (i = 0; i < n; i++)
        close(fds[i]);
}

/* Leaves room for exactly so many descriptors, without opening any, until room_again(). */
static struct rlimit usual_limit;

static inline void leave_room(int room)
{
    struct rlimit limit;
    int fd, free_below = 0;
    if (on_valgrind())
        skip("under valgrind the limit is a pretence that recvmsg does not see");
    CHECK(getrlimit(RLIMIT_NOFILE, &usual_limit) == 0);
    for (fd = 0; free_below < room || is_open(fd); fd++)
        free_below += !is_open(fd);
    limit = usual_limit;
    limit.rlim_cur = (rlim_t)fd;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static inline void room_again(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &usual_limit) == 0);
}

/* Linux 6.5 and later. */
static inline void want_pidfd(int sock)
{
    int on = 1;
    if (setsockopt(sock, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        skip("no SO_PASSPIDFD: %s", strerror(errno));
}

/* CMSG_SPACE(sizeof(int)) is room for two descriptors where headers and padding have 8 bytes. */
static inline void need_padding(void)
{
    if (CMSG_SPACE(sizeof(int)) < CMSG_LEN(2 * sizeof(int)))
        skip("no room for a second descriptor in the padding here");
}

#endif
