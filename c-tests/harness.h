/* Every test runs in a process of its own, with its descriptors counted before and after.
 *
 *     TEST(a_property_that_a_user_relies_on) { CHECK(...); }
 *
 * The program prints a line for each test, and ends with `N passed, N failed`. With arguments it
 * runs only the tests of these names; ANC_LEFT_OUT names those that it skips. */
#ifndef HARNESS_H
#define HARNESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "numbers.h"
#include "systems.h"
#include <ancillary.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};
extern struct test *first_test, **last_test;

#define TEST(test_name)                                                                            \
    static void test_name(void);                                                                   \
    __attribute__((constructor)) static void test_name##_is_a_test(void)                           \
    {                                                                                              \
        static struct test self = {#test_name, test_name, NULL};                                   \
        *last_test = &self;                                                                        \
        last_test = &self.next;                                                                    \
    }                                                                                              \
    static void test_name(void)

/* Ends the test. */
__attribute__((format(printf, 3, 4), noreturn)) void fail(const char *file, int line, const char *format, ...);
/* Ends the test as skipped; the reason is printed. */
__attribute__((format(printf, 1, 2), noreturn)) void skip(const char *reason, ...);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__FILE__, __LINE__, "%s", #condition);                                            \
    } while (0)

#define CHECK_INT(value, expected)                                                                 \
    do {                                                                                           \
        long long value_ = (long long)(value), expected_ = (long long)(expected);                  \
        if (value_ != expected_)                                                                   \
            fail(__FILE__, __LINE__, "%s is %lld, not %lld (errno %d)", #value, value_, expected_, errno); \
    } while (0)

/* call is -1 with this errno. */
#define CHECK_ERRNO(call, expected)                                                                \
    do {                                                                                           \
        long long value_;                                                                          \
        errno = 0;                                                                                 \
        value_ = (long long)(call);                                                                \
        if (value_ != -1 || errno != (expected))                                                   \
            fail(__FILE__, __LINE__, "%s is %lld with errno %d, not -1 with %s", #call, value_, errno, #expected); \
    } while (0)

int open_descriptors(void);                  /* their number in this process */
int new_descriptor(void);                    /* a file of its own, close-on-exec */
int new_numbered(long number);               /* a file that says so, close-on-exec */
long number_in(int fd);                      /* -1: not one of these */
int is_open(int fd);
int is_cloexec(int fd);
int same_file(int a, int b);                 /* of new_descriptor */
void socket_pair(int type, int pair[2]);     /* AF_UNIX, close-on-exec */
void close_both(const int pair[2]);
void option(int sock, int name, int value);  /* setsockopt at SOL_SOCKET, checked */
void new_descriptors(int *fds, int n);
/* Leaves room for exactly `room` more descriptors, until the test ends. */
void fill_table(int room);
/* As privileged processes may exceed limits, ends the test as skipped unless it can drop to nobody. */
void drop_privileges(void);
/* The kernel counts descriptors in flight for each user, over all processes, and spares the
 * privileged. So: a user whom nobody else is. */
void become_a_lonely_user(void);
int on_valgrind(void);
int on_checker(void);                        /* valgrind or anc-watch: slow, and with frames of its own */
int built_without(const char *thing);        /* ANC_WITHOUT names it: what `make WITHOUT=` was given */
/* Whether the next of n rounds is due. A busy machine gets fewer: no more than so many seconds of them. */
int goes_on(int round, int n, int seconds);
/* How many times longer than on a real machine things may take: an emulated one is slow. ANC_PATIENCE. */
unsigned int patience(void);
int lowest_free(void);                       /* the number that the next descriptor gets: a leak moves it */
void wait_until_asleep(pid_t thread);        /* until that thread of this process waits in the kernel */

#if defined(__SANITIZE_ADDRESS__)
#define ON_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ON_ASAN 1
#endif
#endif
#ifndef ON_ASAN
#define ON_ASAN 0
#endif

/* The most descriptors that the C library's own sendmsg takes: musl copies control data, and has room for
 * 1,024 bytes. kernel_sendmsg takes what the kernel takes. */
#if defined(__linux__) && !defined(__GLIBC__) && SIZE_MAX > UINT32_MAX
#define MUSL_COPIES 1
enum { SENDMSG_MAX = 252 };
#else
#define MUSL_COPIES 0
enum { SENDMSG_MAX = ANC_FDS_MAX };
#endif
ssize_t kernel_sendmsg(int sock, const struct msghdr *msg, int flags);

/* Plain system calls, so that one end of a test does not depend on the library. */
extern const int socket_types[3];            /* STREAM, DGRAM, SEQPACKET */
const char *type_name(int type);
ssize_t raw_send(int sock, const void *buf, size_t len, const int *fds, int nfds, int msg_flags);
ssize_t raw_recv(int sock, void *buf, size_t len, int fds[ANC_FDS_MAX], int *nfds, int msg_flags);
int table_room(void);                        /* descriptors that the process may still have */
void new_row(int *fds, int n);               /* whose numbers follow each other */
/* A message of these bytes and descriptors waits; it is taken, its descriptors closed. */
void expect_message(const char *file, int line, int sock, const void *buf, size_t len, const int *fds, int nfds);
#define EXPECT(sock, text, fds, nfds) expect_message(__FILE__, __LINE__, sock, text, strlen(text), fds, nfds)
/* Nothing waits. */
void expect_nothing(const char *file, int line, int sock);
#define EXPECT_NOTHING(sock) expect_nothing(__FILE__, __LINE__, sock)
/* Sends plain bytes until the socket is full, and returns how many. */
size_t fill_socket(int sock);
/* Takes all that waits, and returns how many descriptors came. */
int drain_socket(int sock);
/* A child process that, `times` times, waits until this one sleeps and sends it SIGUSR1, whose
 * handler only counts (no SA_RESTART); then waits once more and calls `then`. */
pid_t interrupt_me(int times, void (*then)(void *), void *arg);
void check_child(pid_t child);               /* waits for it: it must have exited with 0 */

/* The call gives this, and leaves errno alone. */
#define CHECK_OK(call, expected)                                                                   \
    do {                                                                                           \
        long long value_, expected_ = (long long)(expected);                                       \
        errno = 4242;                                                                              \
        value_ = (long long)(call);                                                                \
        if (value_ != expected_)                                                                   \
            fail(__FILE__, __LINE__, "%s is %lld, not %lld (errno %d)", #call, value_, expected_, errno); \
        if (errno != 4242)                                                                         \
            fail(__FILE__, __LINE__, "%s changed errno to %d", #call, errno);                      \
    } while (0)

/* As CHECK, for one of many cases: the rest says which. */
#define CHECK_CASE(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            char which_[256];                                                                      \
            snprintf(which_, sizeof which_, __VA_ARGS__);                                          \
            fail(__FILE__, __LINE__, "%s: %s (errno %d)", which_, #condition, errno);              \
        }                                                                                          \
    } while (0)

#endif
