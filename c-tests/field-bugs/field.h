/* What the tests of field bugs share: counting what a call leaves open, and a full table. */
#ifndef FIELD_H
#define FIELD_H

#include "harness.h"

enum { NUMBERS = 1024 };

/* The descriptors that are open. */
struct table {
    char open[NUMBERS];
};

static inline struct table table_now(void)
{
    struct table now;
    int fd;
    for (fd = 0; fd < NUMBERS; fd++)
        now.open[fd] = (char)is_open(fd);
    return now;
}

/* How many descriptors have been opened since and are still open. They are closed, for a control
 * leaks on purpose, and the harness counts. Opens none itself: the table may be full. */
static inline int leaked(const struct table *before)
{
    int fd, count = 0;
    for (fd = 0; fd < NUMBERS; fd++)
        if (!before->open[fd] && is_open(fd)) {
            close(fd);
            count++;
        }
    return count;
}

/* Lowers RLIMIT_NOFILE so that `room` more descriptors can be had; returns the old limit. */
static inline struct rlimit leave_room(int room)
{
    struct rlimit old, lower;
    int limit = 0;
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which recvmsg does not see");
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    lower = old;
    for (; room > 0 || is_open(limit); limit++)
        room -= !is_open(limit);
    lower.rlim_cur = (rlim_t)limit;
    CHECK(setrlimit(RLIMIT_NOFILE, &lower) == 0);
    return old;
}

static inline void restore(const struct rlimit *limit)
{
    CHECK(setrlimit(RLIMIT_NOFILE, limit) == 0);
}

#endif
