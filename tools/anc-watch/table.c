/* What is known of each descriptor that came in a message.
 *
 * It is claimed when a call names its number: then the program has it, and what it does with it is its
 * own affair. Asking after the number by F_GETFD, and closing it, are not enough when they are done to all
 * numbers in turn (sweep.c). Closing it alone is: it was refused.
 *
 * A number that was closed is remembered until the kernel gives it out again, as far as can be seen. */
#include "watch.h"
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NONE, WAITING, CLAIMED, CLOSED, STATE = 3, INHERITED = 4 };

_Atomic uint8_t table[NUMBERS];
static struct received records[NUMBERS];
static _Atomic int highest = -1;

static bool was_claimed_anywhere(const struct received *r)
{
    return shared->claimed[r->id % sizeof shared->claimed];
}

void came(int fd, unsigned how, unsigned place)
{
    struct received *r;
    if (fd < 0 || fd >= NUMBERS)
        return;
    know_process();
    watch_signals();
    r = &records[fd];
    r->fd = fd;
    r->id = shared->next_id++;
    r->how = how;
    r->place = place;
    shared->claimed[r->id % sizeof shared->claimed] = 0;
    if (fd > highest)
        highest = fd;
    table[fd] = WAITING;
}

void claim(const struct received *what)
{
    uint8_t waiting = WAITING, inherited = WAITING | INHERITED;
    shared->claimed[what->id % sizeof shared->claimed] = 1;
    if (records[what->fd].id != what->id)
        return;
    if (!__atomic_compare_exchange_n((uint8_t *)&table[what->fd], &waiting, CLAIMED, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
        __atomic_compare_exchange_n((uint8_t *)&table[what->fd], &inherited, CLAIMED | INHERITED, false,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void given_out_again(int fd)
{
    if (was_closed(fd) && descriptor_flags(fd) >= 0)
        table[fd] = NONE;
}

void used(int fd)
{
    struct received *r = &records[fd];
    struct place here;
    switch (table[fd] & STATE) {
    case WAITING: claim(r); break;
    case CLOSED:
        if (descriptor_flags(fd) >= 0) {
            table[fd] = NONE; /* somebody else's by now */
            break;
        }
        this_place(&here, 0);
        report(STALE, &here, "used at", kept(r->place), "ancillary(7), OWNERSHIP; anc_fd_queue_take(3)",
               "descriptor %d came in a message and was closed, and its number is used again", fd);
        break;
    }
}

void may_be_used(int fd)
{
    if (fd >= 0 && fd < NUMBERS && (table[fd] & STATE) == WAITING)
        claim(&records[fd]);
}

bool is_waiting(int fd, struct received *what)
{
    if (fd < 0 || fd >= NUMBERS || table[fd] != WAITING)
        return false;
    *what = records[fd];
    return true;
}

bool was_closed(int fd)
{
    return fd >= 0 && fd < NUMBERS && (table[fd] & STATE) == CLOSED;
}

bool was_closed_unused(int fd)
{
    return was_closed(fd) && records[fd].how & UNUSED;
}

/* The last moment to ask the kernel: what is unset now was so all the time. */
static void check_inheritable(int fd, const char *what)
{
    const struct received *r = &records[fd];
    int flags;
    if (!(r->how & INHERITABLE_STILL))
        return;
    flags = descriptor_flags(fd);
    if (flags < 0 || flags & FD_CLOEXEC)
        return;
    report(INHERITABLE, kept(r->place), "received at", NULL,
           "ancillary(7), \"Fork and exec\"; recvmsg(2), MSG_CMSG_CLOEXEC",
           "descriptor %d came in a message without close-on-exec, and %s", fd, what);
    records[fd].how &= ~(unsigned)INHERITABLE_STILL;
}

bool closes(int fd, struct received *what)
{
    bool waits;
    if (fd < 0 || fd >= NUMBERS || (table[fd] & STATE) == NONE)
        return false;
    if ((table[fd] & STATE) == CLOSED) {
        given_out_again(fd);
        return false;
    }
    waits = is_waiting(fd, what);
    if (waits)
        records[fd].how |= UNUSED;
    if (!(table[fd] & INHERITED))
        check_inheritable(fd, "it never was until it was closed");
    table[fd] = CLOSED;
    return waits;
}

void replaced(int fd)
{
    struct received what;
    if (closes(fd, &what))
        claim(&what);
    if (fd >= 0 && fd < NUMBERS)
        table[fd] = NONE;
}

void is_close_on_exec(int fd)
{
    if (fd >= 0 && fd < NUMBERS && table[fd] != NONE)
        records[fd].how &= ~(unsigned)INHERITABLE_STILL;
}

/* io_uring names descriptors in memory that it shares with the kernel. */
static bool uses_io_uring(void)
{
    static const char name[] = "anon_inode:[io_uring]";
    char path[32] = "/proc/self/fd/", target[32], digits[8], *d;
    int fd;
    for (fd = 0; fd < 1024; fd++) {
        int n = fd;
        d = digits + sizeof digits - 1;
        *d = 0;
        do
            *--d = (char)('0' + n % 10);
        while ((n /= 10) != 0);
        strcpy(path + 14, d);
        if (raw4(SYS_readlinkat, AT_FDCWD, path, target, sizeof target) == (long)sizeof name - 1 &&
            memcmp(target, name, sizeof name - 1) == 0)
            return true;
    }
    return false;
}

void unclaimed(const struct received *what, const char *how_it_ended)
{
    const char *why = "", *page = "ancillary(7), OWNERSHIP; anc_close_unclaimed(3)";
    if (was_claimed_anywhere(what) || uses_io_uring())
        return;
    if (what->how & PEEKED) {
        why = " (MSG_PEEK with a control buffer: each look installs another one)";
        page = "ancillary(7), \"MSG_PEEK duplicates\"";
    } else if (what->how & PIDFD) {
        why = " (the pidfd of SO_PASSPIDFD)";
        page = "ancillary(7), \"Options that bring other control messages\"; anc_take_pidfd(3)";
    } else if (what->how & ZERO_LENGTH) {
        why = " (a receive of 0 bytes on a stream takes the next message's descriptors)";
        page = "ancillary(7), \"Zero bytes\"";
    } else if (what->how & EMPTY) {
        why = " (with 0 bytes, which is not the end of the file)";
        page = "ancillary(7), \"Zero bytes\"";
    } else if (what->how & IN_PADDING) {
        why = " (in the padding: CMSG_SPACE of an odd number of descriptors has room for one more)";
        page = "ancillary(7), \"The control buffer and MSG_CTRUNC\"";
    } else if (what->how & CUT) {
        why = " (of a message with MSG_CTRUNC: those that had room are installed)";
        page = "ancillary(7), \"The control buffer and MSG_CTRUNC\"; anc_close_unclaimed(3)";
    }
    report(UNCLAIMED, kept(what->place), "received at", NULL, page,
           "descriptor %d came in a message%s and was never used; %s", what->fd, why, how_it_ended);
}

void sweep_range(unsigned first, unsigned last, bool knows_nothing)
{
    unsigned fd;
    for (fd = first; fd <= last && (int)fd <= highest; fd++) {
        struct received what;
        if (!closes((int)fd, &what) || !knows_nothing)
            continue;
        unclaimed(&what, "all descriptors were closed in a sweep");
    }
}

void about_to_execute(const char *what)
{
    int fd;
    for (fd = 0; fd <= highest; fd++)
        if ((table[fd] & STATE) == WAITING || (table[fd] & STATE) == CLAIMED) {
            bool inherits = records[fd].how & INHERITABLE_STILL;
            check_inheritable(fd, what);
            if (inherits)
                claim(&records[fd]);
        }
}

/* What the parent received is the parent's to close. A child's use counts for both. */
void table_after_fork(void)
{
    int fd;
    for (fd = 0; fd <= highest; fd++)
        if (table[fd] != NONE)
            table[fd] |= INHERITED;
}

void table_at_end(void)
{
    int fd;
    for (fd = 0; fd <= highest; fd++) {
        struct received what;
        if (is_waiting(fd, &what) && descriptor_flags(fd) >= 0)
            unclaimed(&what, "it is open at the end of the process");
        if ((table[fd] & STATE) != CLOSED && table[fd] != NONE && !(table[fd] & INHERITED))
            check_inheritable(fd, "it never was until the end of the process");
    }
}
