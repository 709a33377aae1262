/* anc-watch: a library that is preloaded into a program, and stands between it and the C library in
 * every call that brings, names, copies or closes a descriptor.
 *
 *     receive.c, send.c, descriptors.c, uses.c    the calls that are taken over, and what they mean
 *     table.c      what is known of each descriptor that came in a message, and whether it was claimed
 *     sweep.c      closing or asking after every number: a program that does not know what it has
 *     look.c       whether the program has looked at what the kernel wrote, by the processor's watchpoints
 *     access.c     what an instruction does to memory: reads it, writes it, or both
 *     place.c      where in the program: a list of return addresses, and what is suppressed there
 *     report.c     what is printed
 *     process.c    the life of the process: start, fork, exec, end
 *     system.c     the C library's own functions, and plain system calls
 *
 * All of it runs inside of the program's own calls, in signal handlers too: no memory is allocated, no
 * stdio is used, errno stays as it was, and the one lock is held with all signals blocked. */
#ifndef WATCH_H
#define WATCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* A function that takes over the C library's. */
#define TAKEN_OVER __attribute__((visibility("default")))
#define OF_THREAD static __thread __attribute__((tls_model("initial-exec")))

/* What the C libraries declare differently. */
#ifdef __GLIBC__
typedef int mmsg_flags;
#else
typedef unsigned int mmsg_flags;
#endif

/* system.c */

/* The C library's function of this name. All are looked up when the process starts. */
struct next {
    const char *name;
    void *function;
};
void *look_up(struct next *next);
void look_up_all(void);
#define NEXT_IS(name) static struct next next_##name __attribute__((section("nexts"), used)) = {#name, NULL}
#define NEXT(name) ((__typeof__(&name))(next_##name.function ? next_##name.function : look_up(&next_##name)))

/* The system call; -errno. errno itself is left alone. */
long raw(long number, ...);
#define raw0(number) raw(number, 0L, 0L, 0L, 0L, 0L, 0L)
#define raw1(number, a) raw(number, (long)(a), 0L, 0L, 0L, 0L, 0L)
#define raw2(number, a, b) raw(number, (long)(a), (long)(b), 0L, 0L, 0L, 0L)
#define raw3(number, a, b, c) raw(number, (long)(a), (long)(b), (long)(c), 0L, 0L, 0L)
#define raw4(number, a, b, c, d) raw(number, (long)(a), (long)(b), (long)(c), (long)(d), 0L, 0L)
#define raw5(number, a, b, c, d, e) raw(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0L)
#define raw6(number, a, b, c, d, e, f) \
    raw(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* Copies memory of the program's that may not be there. */
bool copy_in(void *to, const void *from, size_t len);
/* Makes a descriptor where the table is full, too: the limit is raised for as long as `make` runs. */
long with_room(long (*make)(void *), void *argument);
/* The flags of F_GETFD, or -1 if the number is not open. */
int descriptor_flags(int fd);
int socket_type(int fd);
bool single_threaded(void);

/* place.c */

enum { DEPTH = 16, PLACES = 2048 };
struct place {
    uint64_t hash;
    int depth;
    uintptr_t frames[DEPTH];
};
/* Who has called into the checker; read: an instruction of the program's that is to stand first, or 0. */
void this_place(struct place *place, uintptr_t read);
/* Kept for later, as a number: 0 if there is no more room. */
unsigned keep(const struct place *place);
const struct place *kept(unsigned number);
/* libancillary.so, which reads a buffer of any alignment, and does not read what did not come. */
bool has_library(void);
bool is_in_library(uintptr_t address);
bool is_library(const struct place *place);      /* it has called */
bool is_suppressed(const char *kind, const struct place *place);
void read_suppressions(const char *path);

/* report.c */

enum kind {
    UNCLAIMED, INHERITABLE, TRUNCATED, MISREAD, MISALIGNED, RESENT, UNSENT, STALE, DROPPED, NOTICED, KINDS,
};
struct out {
    size_t len;
    char text[6000];
};
void put(struct out *out, const char *format, ...); /* %s, %d, %u, %x: ints and strings only */
/* One report. `first` says where; `second`, if it is there, where the descriptor was received. */
void report(enum kind kind, const struct place *first, const char *label, const struct place *second,
            const char *page, const char *format, ...);
void note(const char *format, ...);
void summary(void);
uint32_t all_reports(void);                      /* in all processes that share the count */
extern uint32_t own_reports;

/* What all processes share that came by fork() from the one that was executed. */
struct shared {
    _Atomic uint32_t next_id;
    _Atomic uint32_t reports[KINDS];
    _Atomic uint64_t reported[8192];           /* hashes of kind and place: each is printed once */
    _Atomic uint8_t claimed[1 << 20];          /* by the id of a descriptor that was received */
};
extern struct shared *shared;

struct options {
    bool pedantic, unique;
    int exit_status;                           /* 0: the program's own */
    const char *log;
};
extern struct options options;

/* The one lock, with all signals blocked. */
void enter(void);
void leave(void);

/* table.c */

enum { NUMBERS = 1 << 16 };
/* How a descriptor came. */
enum how {
    INHERITABLE_STILL = 1, PEEKED = 2, PIDFD = 4, CUT = 8, EMPTY = 16, IN_PADDING = 32, ZERO_LENGTH = 64,
    UNUSED = 128,
};
struct received {
    int fd;
    uint32_t id;
    unsigned place, how;
};
void came(int fd, unsigned how, unsigned place);
/* A call names this number. */
void used(int fd);
static inline void use(int fd);
void may_be_used(int fd);                        /* this may be its number, or any other int */
bool is_waiting(int fd, struct received *what);  /* received here, and neither used nor closed */
void claim(const struct received *what);
bool was_closed(int fd);
bool was_closed_unused(int fd);
void given_out_again(int fd);                    /* if it is open, it is another file's by now */
/* The number is about to be closed; what it was is told, for a sweep. */
bool closes(int fd, struct received *what);
void replaced(int fd);                           /* by dup2 */
void is_close_on_exec(int fd);
void unclaimed(const struct received *what, const char *how_it_ended);
void about_to_execute(const char *what);
void table_after_fork(void);
void table_at_end(void);
void sweep_range(unsigned first, unsigned last, bool knows_nothing);

extern _Atomic uint8_t table[NUMBERS];           /* 0: not one that came in a message */
void end_of_run(void);
extern bool in_a_run(void);

static inline void use(int fd)
{
    if (in_a_run())
        end_of_run();
    if (fd >= 0 && fd < NUMBERS && table[fd] != 0)
        used(fd);
}

/* sweep.c */
void asked_after(int fd, bool is_open);
void closed_one(int fd, bool was_open, const struct received *what);

/* access.c */

/* MAY_MASK: modifies single bits. */
enum { MAY_READ = 1, MAY_WRITE = 2, MAY_MODIFY = 4, MAY_MASK = 8, ANYTHING = 15 };
unsigned access_of(uintptr_t behind);            /* the instruction that ends there */

/* look.c */

struct arrival {
    struct msghdr *msg;
    char *control;
    size_t given, written;                       /* bytes of the control buffer: the room, what came */
    bool truncated;
    int last_type;                               /* the last message: 0, SCM_RIGHTS, ... */
    size_t last_data, last_end;                  /* its data */
    bool is_cut, is_misaligned;
    unsigned place;
};
void look_at(const struct arrival *arrival);
void report_misaligned(const struct arrival *arrival);
/* Before the next receive into msg; NULL: the thread or the process ends. */
void judge_looks(const struct msghdr *msg);
void drop_looks(void);                           /* they are another process's */
void start_looks(void);
unsigned unseen_looks(void);

/* send.c; by_number: by syscall(2) */
ssize_t watched_sendmsg(int sock, const struct msghdr *msg, int flags, bool by_number);
void forget_short_sends(int sock);
/* receive.c */
ssize_t watched_recvmsg(int sock, struct msghdr *msg, int flags, bool by_number);
int watched_recvmmsg(int sock, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout,
                     bool by_number);
void forget_partials(int sock);

/* process.c */
void at_end(void);
void know_process(void);
void watch_signals(void);

#endif
