/* A model of an AF_UNIX socket's queue, which channel-model.c holds against the kernel's, and
 * descriptors that are numbers only, with a ledger of those that are open. Included in one file of a
 * program, which defines CHECK. */
#ifndef KERNEL_MODEL_H
#define KERNEL_MODEL_H

#include "systems.h"
#include <ancillary.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <unistd.h>

#define INLINE __attribute__((unused)) static

/* File f is number SENDERS + f at the sender's, and RECEIVERS + f at the receiver's. */
enum { FILES = 1 << 16, SENDERS = 1000000, RECEIVERS = SENDERS + FILES, PIDFD = RECEIVERS + FILES, PROBE, NUMBERS_END };

static struct {
    unsigned char is_open[NUMBERS_END - SENDERS];
    long open;
    int table_is_full; /* what a probe finds */
    int sock;          /* that probes duplicate */
} ledger = {.sock = -1};

INLINE void comes(int fd)
{
    CHECK(fd >= SENDERS && fd < NUMBERS_END && !ledger.is_open[fd - SENDERS]);
    ledger.is_open[fd - SENDERS] = 1;
    ledger.open++;
}

/* Closed, or taken by the test. */
INLINE void goes(int fd)
{
    CHECK(fd >= SENDERS && fd < NUMBERS_END && ledger.is_open[fd - SENDERS]);
    ledger.is_open[fd - SENDERS] = 0;
    ledger.open--;
}

INLINE void *next_function(const char *name)
{
    void *next = dlsym(RTLD_NEXT, name);
    CHECK(next);
    return next;
}

/* The program's own, for the dynamic linker gives them to the shared library and the static linker to
 * the archive. Real descriptors go through to the C library. */
int close(int fd)
{
    static int (*next)(int);
    if (fd >= SENDERS) {
        goes(fd);
        return 0;
    }
    if (!next)
        next = (int (*)(int))next_function("close");
    return next(fd);
}

__attribute__((no_sanitize("address"))) int fcntl(int fd, int command, ...)
{
    static int (*next)(int, int, ...);
    va_list args;
    long arg;
    va_start(args, command);
    arg = va_arg(args, long);
    va_end(args);
    if (fd >= SENDERS) {
        CHECK(fd < NUMBERS_END && ledger.is_open[fd - SENDERS] && command == F_SETFD);
        return 0;
    }
    if (fd == ledger.sock && command == F_DUPFD_CLOEXEC) {
        if (ledger.table_is_full) {
            errno = EMFILE;
            return -1;
        }
        comes(PROBE);
        return PROBE;
    }
    if (!next)
        next = (int (*)(int, int, ...))next_function("fcntl");
    return next(fd, command, arg);
}

#ifdef __linux__
__attribute__((no_sanitize("address"))) long syscall(long number, ...)
{
    static long (*next)(long, ...);
    va_list args;
    long a[6];
    int i;
    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_close_range && (int)a[0] >= SENDERS) {
        CHECK((int)a[0] <= (int)a[1] && (unsigned int)a[2] == 0);
        for (i = (int)a[0]; i <= (int)a[1]; i++)
            goes(i);
        return 0;
    }
    if (!next)
        next = (long (*)(long, ...))next_function("syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
#endif

INLINE size_t append_control(struct msghdr *msg, size_t at, int type, const void *data, size_t len)
{
    raw_header header;
    CHECK(at + CMSG_SPACE(len) <= ANC_CONTROL_MAX);
    memset(&header, 0, sizeof header);
    header.cmsg_len = CMSG_LEN(len);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = type;
    memcpy((char *)msg->msg_control + at, &header, sizeof header);
    memcpy((char *)msg->msg_control + at + CMSG_LEN(0), data, len);
    return at + CMSG_SPACE(len);
}

/* Writes what a receive leaves beside the bytes: of so many files from `first` on that many were
 * installed, for this reason no more (EMFILE: the table is full). with_sender: also what SO_PASSCRED and
 * SO_PASSPIDFD bring. */
INLINE void fill_control(struct msghdr *msg, int first, int files, int installed, int reason, int with_sender)
{
    int fds[ANC_FDS_MAX], i, pidfd = PIDFD, sender[3] = {4242, 0, 0};
    size_t at = 0;
    CHECK(msg->msg_controllen >= ANC_CONTROL_MAX && files <= ANC_FDS_MAX && installed <= files);
    if (with_sender)
        at = append_control(msg, at, SCM_CREDENTIALS, sender, sizeof sender);
    for (i = 0; i < installed; i++)
        comes(fds[i] = RECEIVERS + first + i);
    if (installed > 0)
        at = append_control(msg, at, SCM_RIGHTS, fds, sizeof *fds * (size_t)installed);
    ledger.table_is_full = installed < files && reason == EMFILE;
    if (with_sender) {
        if (ledger.table_is_full)
            pidfd = -EMFILE;
        else
            comes(PIDFD);
        at = append_control(msg, at, 4 /* SCM_PIDFD */, &pidfd, sizeof pidfd);
    }
    msg->msg_controllen = at;
    msg->msg_flags = MSG_CMSG_CLOEXEC | (installed < files ? MSG_CTRUNC : 0);
}

/* A queue of buffers, each of which came with one send or is a part of a large one. */
enum { QUEUE_BYTES = 1 << 22, QUEUE_BUFFERS = 1 << 14 };

struct queue {
    int is_stream;
    size_t written, read;
    int head, tail, files; /* files: sent so far */
    struct buffer {
        size_t left;
        int first, fds;
    } buffers[QUEUE_BUFFERS];
    unsigned char bytes[QUEUE_BYTES];
};

INLINE void empty_queue(struct queue *q, int is_stream)
{
    q->is_stream = is_stream;
    q->written = q->read = 0;
    q->head = q->tail = q->files = 0;
}

/* Where it is empty, it has all of its room again. */
INLINE void renew_queue(struct queue *q)
{
    if (q->head == q->tail) {
        q->written = q->read = 0;
        q->head = q->tail = 0;
    }
}

/* A send of len bytes and so many descriptors, of which the kernel makes buffers of `cut` bytes. */
INLINE void queue_send(struct queue *q, const void *bytes, size_t len, int fds, size_t cut)
{
    size_t done = 0, part;
    do {
        part = len - done < cut ? len - done : cut;
        CHECK(q->tail < QUEUE_BUFFERS && q->written + part <= QUEUE_BYTES);
        if (part > 0)
            memcpy(q->bytes + q->written, (const char *)bytes + done, part);
        q->buffers[q->tail++] = (struct buffer){part, q->files, done == 0 ? fds : 0};
        q->written += part;
        done += part;
    } while (done < len);
    q->files += fds;
}

/* What a receive into `room` bytes takes out of the queue. */
struct taken {
    size_t len;
    const unsigned char *bytes;
    int first, fds, is_cut;
};

INLINE struct taken queue_receive(struct queue *q, size_t room)
{
    struct taken t = {0, q->bytes + q->read, 0, 0, 0};
    while (q->head < q->tail && (t.len < room || !q->is_stream)) {
        struct buffer *b = &q->buffers[q->head];
        size_t part = b->left < room - t.len ? b->left : room - t.len;
        if (b->fds > 0) {
            t.first = b->first;
            t.fds = b->fds;
            b->fds = 0;
        }
        t.len += part;
        q->read += part;
        b->left -= part;
        if (!q->is_stream) {
            t.is_cut = b->left > 0;
            q->read += b->left;
            q->head++;
            break;
        }
        if (b->left > 0)
            break;
        q->head++;
        if (t.fds > 0)
            break;
    }
    return t;
}

#endif
