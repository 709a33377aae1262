/* A sweep: closing every number, or asking after every number and closing what is open. Who does that does
 * not know what it has; a descriptor that nothing but a sweep has touched is one that nobody claimed.
 *
 * The first calls of a sweep look like any others. So what they did is kept, and judged when the run ends,
 * or when so many numbers in a row were not open that it can be nothing else. */
#include "watch.h"

enum { MISSES = 32, GAP = 64, KEPT = 192 };
enum run { NO_RUN, ASKING, CLOSING };

struct pending {
    struct received what;
    bool closed;
};

struct sweep {
    enum run run;
    int last, length, misses, count;
    bool last_was_open, is_sweep;
    struct pending pending[KEPT];
};
OF_THREAD struct sweep sweep;

bool in_a_run(void)
{
    return sweep.run != NO_RUN;
}

static const char ended[] = "a sweep over all numbers found and closed it";

void end_of_run(void)
{
    int i, count = sweep.count;
    bool was_sweep = sweep.is_sweep;
    sweep.run = NO_RUN;
    sweep.count = 0;
    for (i = 0; i < count && !was_sweep; i++)
        if (!sweep.pending[i].closed)
            claim(&sweep.pending[i].what); /* somebody asked after this number alone */
}

static void start(enum run run, int fd)
{
    end_of_run();
    sweep.run = run;
    sweep.last = fd;
    sweep.length = sweep.misses = 0;
    sweep.last_was_open = sweep.is_sweep = false;
}

static void miss(void)
{
    int i;
    if (++sweep.misses != MISSES)
        return;
    sweep.is_sweep = true;
    for (i = 0; i < sweep.count; i++)
        if (sweep.pending[i].closed)
            unclaimed(&sweep.pending[i].what, ended);
    sweep.count = 0;
}

static void wait_for_the_end(const struct received *what, bool closed)
{
    if (sweep.is_sweep) {
        if (closed)
            unclaimed(what, ended);
    } else if (sweep.count < KEPT) {
        sweep.pending[sweep.count].what = *what;
        sweep.pending[sweep.count++].closed = closed;
    } else if (!closed) {
        claim(what);
    }
}

static struct pending *pending_of(int fd)
{
    int i;
    for (i = sweep.count - 1; i >= 0; i--)
        if (sweep.pending[i].what.fd == fd)
            return &sweep.pending[i];
    return NULL;
}

static bool follows(int fd)
{
    int step = fd - sweep.last;
    return sweep.length == 0 || (step > 0 && step <= GAP) || (sweep.run == CLOSING && step < 0 && step >= -GAP);
}

void asked_after(int fd, bool is_open)
{
    struct received what;
    if (sweep.run == ASKING && sweep.length > 0 && fd == sweep.last) {
        struct pending *pending = pending_of(fd);
        if (pending) { /* twice the same number is an interest in this one */
            if (!pending->closed)
                claim(&pending->what);
            *pending = sweep.pending[--sweep.count];
        }
    } else {
        if (sweep.run != ASKING || !follows(fd))
            start(ASKING, fd);
        if (is_open && is_waiting(fd, &what))
            wait_for_the_end(&what, false);
        sweep.length++;
        if (!is_open)
            miss();
    }
    sweep.last = fd;
    sweep.last_was_open = is_open;
}

void closed_one(int fd, bool was_open, const struct received *what)
{
    if (sweep.run == ASKING && fd == sweep.last && sweep.last_was_open) {
        struct pending *pending = pending_of(fd);
        if (pending)
            pending->closed = true;
        else if (what && sweep.is_sweep)
            unclaimed(what, ended);
        sweep.last_was_open = false;
        return;
    }
    if (sweep.run != CLOSING || !follows(fd))
        start(CLOSING, fd);
    if (what && sweep.length > 0)
        wait_for_the_end(what, true);
    sweep.length++;
    sweep.last = fd;
    if (!was_open)
        miss();
}
