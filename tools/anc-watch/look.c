/* Whether the program has looked at what the kernel wrote.
 *
 * The processor can watch four places of memory, and perf_event_open(2) lets a thread have them for
 * itself. Each access leaves a record with the address of the instruction. x86 can watch writes, or reads
 * and writes: a place is watched in both ways where one must be told from the other. The first access is
 * what counts; a write means that the memory has another use by now.
 *
 * The records stand in memory that stays when its descriptor is closed, so that the program's table is as
 * it was. Where the system allows none of this, nothing is reported: see unseen_looks. */
#include "watch.h"
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A place that is watched: the memory where its records stand. */
struct point {
    struct perf_event_mmap_page *ring;
};

/* 32-bit systems have a second one. */
#ifdef SYS_mmap2
#define MMAP SYS_mmap2
#else
#define MMAP SYS_mmap
#endif

enum { OFTEN = 256 };

/* NAME_WRITTEN is the same place, watched for writes alone. At most four at a time. */
enum point_name { FLAGS, FLAGS_WRITTEN, DATA, DATA_WRITTEN, BESIDE, LAST, HEADER, POINTS };

struct looks {
    bool busy, active;
    struct arrival arrival;
    struct point points[POINTS];
    int age;
};
OF_THREAD struct looks looks;

static pthread_key_t thread_ends;
static long page_size;
static _Atomic unsigned unseen;

unsigned unseen_looks(void)
{
    return unseen;
}

static void end_of_thread(void *unused)
{
    (void)unused;
    judge_looks(NULL);
}

void start_looks(void)
{
    page_size = sysconf(_SC_PAGESIZE);
    pthread_key_create(&thread_ends, end_of_thread);
}

struct wish {
    const void *address;
    int len, type;
    void *ring;
};

static long make_point(void *argument)
{
    struct wish *wish = argument;
    struct perf_event_attr attr;
    long fd, ring;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = PERF_TYPE_BREAKPOINT;
    attr.bp_type = (uint32_t)wish->type;
    attr.bp_addr = (uintptr_t)wish->address;
    attr.bp_len = (uint64_t)wish->len;
    attr.sample_period = 1;
    attr.sample_type = PERF_SAMPLE_IP;
    attr.exclude_kernel = attr.exclude_hv = 1;
    fd = raw5(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return fd;
    ring = raw6(MMAP, NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    raw1(SYS_close, fd);
    if (ring < 0 && ring > -4096)
        return ring;
    wish->ring = (void *)ring;
    return 0;
}

static bool add_point(enum point_name name, const void *address, int type)
{
    struct wish wish = {address, 4, type, NULL};
    long result = with_room(make_point, &wish);
    looks.points[name].ring = result == 0 ? wish.ring : NULL;
    return result == 0;
}

static bool add_pair(enum point_name name, const void *address)
{
    return add_point(name, address, HW_BREAKPOINT_RW) && add_point(name + 1, address, HW_BREAKPOINT_W);
}

void drop_looks(void)
{
    memset(&looks, 0, sizeof looks);
}

static void forget_looks(void)
{
    int i;
    for (i = 0; i < POINTS; i++) {
        if (looks.points[i].ring)
            raw2(SYS_munmap, looks.points[i].ring, 2 * page_size);
        looks.points[i].ring = NULL;
    }
    looks.active = false;
}

/* The instruction of access `index`, or 0 if there were no so many. */
static uintptr_t access_at(enum point_name name, int index)
{
    const struct perf_event_mmap_page *ring = looks.points[name].ring;
    const char *records;
    uint64_t head, at = 0;
    if (!ring)
        return 0;
    head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
    records = (const char *)ring + page_size;
    while (at + sizeof(struct perf_event_header) + 8 <= head && at < (uint64_t)page_size) {
        const struct perf_event_header *header = (const void *)(records + at);
        uint64_t ip;
        if (header->size == 0)
            break;
        if (header->type == PERF_RECORD_SAMPLE && index-- == 0) {
            memcpy(&ip, header + 1, sizeof ip);
            return (uintptr_t)ip;
        }
        at += header->size;
    }
    return 0;
}

static bool was_accessed_by(enum point_name name, uintptr_t instruction)
{
    int i;
    uintptr_t ip;
    for (i = 0; (ip = access_at(name, i)) != 0; i++)
        if (ip == instruction)
            return true;
    return false;
}

/* The instruction that read the place before anything wrote there, or 0. */
static uintptr_t read_of(enum point_name name)
{
    uintptr_t first = access_at(name, 0);
    return first != 0 && access_at(name + 1, 0) != first ? first : 0;
}

/* The memory has another use. One that changes bits in their place has looked at them. */
static bool is_overwritten(enum point_name name)
{
    uintptr_t first = access_at(name, 0);
    return first != 0 && access_at(name + 1, 0) == first && !(access_of(first) & MAY_MASK);
}

static const char buffer_page[] = "ancillary(7), \"The control buffer and MSG_CTRUNC\"; cmsg(3)";

static void report_truncated(void)
{
    report(TRUNCATED, kept(looks.arrival.place), "received at", NULL,
           "ancillary(7), \"The control buffer and MSG_CTRUNC\", \"The descriptor table is full\"; "
           "anc_truncation_cause(3)",
           "a message came with MSG_CTRUNC, and nobody looked at msg_flags (%u bytes of control data in %u)",
           (unsigned)looks.arrival.written, (unsigned)looks.arrival.given);
}

void report_misaligned(const struct arrival *a)
{
    report(MISALIGNED, kept(a->place), "received at", NULL, "cmsg(3); anc_get(3), anc_next(3)",
           "the control buffer is not aligned for a struct cmsghdr: CMSG_DATA is %u bytes off",
           (unsigned)((uintptr_t)a->control % _Alignof(struct cmsghdr)));
}

static void report_misread(uintptr_t instruction)
{
    const struct arrival *a = &looks.arrival;
    struct place where;
    where.depth = 1;
    where.frames[0] = where.hash = instruction - 1;
    if (a->written == 0)
        report(MISREAD, &where, "read at", kept(a->place), buffer_page,
               "control data was read where the kernel had written none (msg_controllen is 0, in %u bytes)",
               (unsigned)a->given);
    else
        report(MISREAD, &where, "read at", kept(a->place), buffer_page,
               "a control message of type %d has %u bytes of data, and more were read", a->last_type,
               (unsigned)(a->last_end - a->last_data));
}

/* A copy of the whole buffer reads its last int too, in the same few lines of machine code. */
static bool is_copy(uintptr_t instruction)
{
    uintptr_t last = access_at(LAST, 0);
    return last != 0 && last - instruction + 1024 < 2048;
}

/* A read of both sides of a message's end at once. */
static uintptr_t crossing(void)
{
    int i;
    uintptr_t ip;
    for (i = 0; (ip = access_at(DATA, i)) != 0; i++)
        if (access_of(ip) != MAY_READ)
            return 0;
        else if (was_accessed_by(BESIDE, ip))
            return ip;
    return 0;
}

/* The data of a message that was cut was read. Its length shows that it was cut: who has not read the data
 * may have seen that. */
static bool is_cut_and_read(void)
{
    uintptr_t ip = access_at(BESIDE, 0);
    return ip != 0 && access_of(ip) == MAY_READ;
}

/* The instruction that has read what the kernel did not write, or 0.
 *
 * Nothing came: an int is read where the first message's data would stand. A message came: a read behind its
 * end. One of both sides of the end reads a struct that did not come whole; of descriptors it may be a copy
 * of all the slots that there could have been. Behind a message that was cut the kernel's room ends, and
 * something else may begin: there only a read of both sides belongs to the message. */
static uintptr_t misread(void)
{
    const struct arrival *a = &looks.arrival;
    uintptr_t ip;
    if (!looks.points[DATA].ring)
        return 0;
    if (a->is_cut)
        return crossing();
    ip = read_of(DATA);
    if (ip == 0 || is_copy(ip))
        return 0;
    return a->written > 0 && a->last_type == SCM_RIGHTS && was_accessed_by(BESIDE, ip) ? 0 : ip;
}

void judge_looks(const struct msghdr *msg)
{
    const struct arrival *a = &looks.arrival;
    bool ends = !msg || msg == a->msg, was_read, is_unread, is_silent;
    uintptr_t instruction;
    if (!looks.active || looks.busy)
        return;
    know_process();
    if (!looks.active)
        return;
    looks.busy = true;
    was_read = access_at(FLAGS, 0) != 0 && !is_overwritten(FLAGS);
    is_unread = looks.points[FLAGS].ring && !was_read && (access_at(FLAGS, 0) != 0 || ends);
    is_silent = !a->is_cut || is_cut_and_read();
    instruction = was_read ? 0 : misread();
    if (instruction)
        report_misread(instruction);
    if (is_unread && is_silent)
        report_truncated();
    if (looks.points[HEADER].ring && !is_in_library(access_at(HEADER, 0)))
        report_misaligned(a);
    if (ends || was_read || is_unread || instruction || !a->truncated || ++looks.age > 64)
        forget_looks();
    looks.busy = false;
}

/* Another thread would not be seen. */
static bool is_of_this_thread(const struct msghdr *msg)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), there = (uintptr_t)msg;
    return single_threaded() || (there > here && there - here < (8u << 20));
}

static bool is_aligned(const void *address)
{
    return (uintptr_t)address % 4 == 0;
}

/* The last int of the buffer, that only a copy of all of it would read. */
static const char *last_int(const struct arrival *a)
{
    size_t end = a->given & ~(size_t)3;
    return a->control + (end < CMSG_LEN(0) + 8 ? CMSG_LEN(0) + 4 : end - 4);
}

/* Watching costs a hundred times what a receive does. Where a program has received so many times without a
 * fault, every 16th is enough. */
static bool is_due(const struct arrival *arrival)
{
    static _Atomic uint16_t receives[PLACES];
    unsigned n;
    if (arrival->truncated)
        return true;
    n = receives[arrival->place];
    if (n < OFTEN)
        receives[arrival->place]++;
    else
        receives[arrival->place] = (uint16_t)(OFTEN + (n + 1) % 16);
    return n <= OFTEN;
}

void look_at(const struct arrival *arrival)
{
    const size_t data = CMSG_LEN(0);
    bool ok = true, flags = arrival->truncated && is_of_this_thread(arrival->msg);
    const void *msg_flags = &arrival->msg->msg_flags;
    if (looks.busy || looks.active || !is_due(arrival))
        return;
    if (arrival->is_misaligned && has_library()) {
        /* Who reads the first header: with a watch of an int that lies in it. */
        ok = add_point(HEADER, (const char *)(((uintptr_t)arrival->control + 7) & ~(uintptr_t)3), HW_BREAKPOINT_RW) &&
             (!flags || add_pair(FLAGS, msg_flags));
    } else if (!is_aligned(arrival->control) || arrival->given < data + 4) {
        if (!flags || arrival->is_cut)
            return;
        ok = add_pair(FLAGS, msg_flags);
    } else if (arrival->written == 0) {
        ok = add_pair(DATA, arrival->control + data) &&
             (flags ? add_pair(FLAGS, msg_flags) : add_point(LAST, last_int(arrival), HW_BREAKPOINT_RW));
    } else if (arrival->is_cut) {
        if (!flags || arrival->last_end % 4 != 0 || arrival->last_end < arrival->last_data + 4)
            return;
        ok = add_pair(FLAGS, msg_flags) &&
             add_point(DATA, arrival->control + arrival->last_end, HW_BREAKPOINT_RW) &&
             add_point(BESIDE, arrival->control + arrival->last_end - 4, HW_BREAKPOINT_RW);
    } else if (flags) {
        ok = add_pair(FLAGS, msg_flags);
    } else if (arrival->last_end % 4 == 0 && arrival->last_end >= arrival->last_data + 4 &&
               arrival->last_end + 4 <= arrival->given) {
        ok = add_pair(DATA, arrival->control + arrival->last_end) &&
             add_point(BESIDE, arrival->control + arrival->last_end - 4, HW_BREAKPOINT_RW) &&
             (last_int(arrival) < arrival->control + arrival->last_end + 4 ||
              add_point(LAST, last_int(arrival), HW_BREAKPOINT_RW));
    } else {
        return;
    }
    if (!ok) {
        forget_looks();
        unseen++;
        return;
    }
    pthread_setspecific(thread_ends, &looks);
    looks.arrival = *arrival;
    looks.age = 0;
    looks.active = true;
}
