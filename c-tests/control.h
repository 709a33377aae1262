/* Control buffers made by hand, memory whose neighbours fault, and a receive by plain recvmsg. */
#ifndef CONTROL_H
#define CONTROL_H

#include "harness.h"
#include <limits.h>
#include <sys/mman.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define UNUSED __attribute__((unused)) static

enum {
    HEADER = ANC_LEN(0),
    ALIGNMENTS = 16,
    CANARY = 0xAA,
    SLOT_CANARY = 0x5a5a5a5a,
    /* The lowest number that is surely no descriptor: closing it by mistake harms nobody. */
    NO_DESCRIPTOR = 1000000,
};

/* Writes one control message to any address, with any cmsg_len, and zeros as padding. Returns the
 * room that it took. */
UNUSED size_t forge_lying(void *at, int level, int type, size_t cmsg_len, const void *data, size_t len)
{
    raw_header header;
    memset(&header, 0, sizeof header);
    header.cmsg_len = cmsg_len;
    header.cmsg_level = level;
    header.cmsg_type = type;
    memset(at, 0, ANC_SPACE(len));
    memcpy(at, &header, sizeof header);
    if (len > 0)
        memcpy((char *)at + HEADER, data, len);
    return ANC_SPACE(len);
}

UNUSED size_t forge(void *at, int level, int type, const void *data, size_t len)
{
    return forge_lying(at, level, type, ANC_LEN(len), data, len);
}

UNUSED struct msghdr with_control(void *control, size_t len)
{
    struct msghdr msg;
    memset(&msg, 0, sizeof msg);
    msg.msg_control = control;
    msg.msg_controllen = len;
    return msg;
}

/* Some pages of which both neighbours fault. */
enum { GUARDED = 4 * 4096 };

UNUSED unsigned char *guarded_pages(void)
{
    static unsigned char *pages;
    if (!pages) {
        long page = sysconf(_SC_PAGESIZE);
        CHECK(page > 0 && GUARDED % page == 0);
        pages = mmap(NULL, (size_t)(GUARDED + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED);
        pages += page;
        CHECK(mprotect(pages, GUARDED, PROT_READ | PROT_WRITE) == 0);
    }
    return pages;
}

/* len bytes: one past the end faults; or one before the start. */
UNUSED unsigned char *guarded_end(size_t len)
{
    return guarded_pages() + GUARDED - len;
}

UNUSED void write_guarded(int allowed)
{
    CHECK(mprotect(guarded_pages(), GUARDED, allowed ? PROT_READ | PROT_WRITE : PROT_READ) == 0);
}

UNUSED int duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CHECK(copy >= 0);
    return copy;
}

/* A message with its buffers, as recvmsg wants it. */
struct message {
    struct msghdr msg;
    struct iovec iov;
    char data[64];
    union {
        struct cmsghdr align;
        unsigned char bytes[4096];
    } control;
};

UNUSED struct msghdr *receiver(struct message *m, size_t len, size_t control)
{
    memset(m, 0, sizeof *m);
    memset(m->control.bytes, CANARY, sizeof m->control.bytes);
    m->iov.iov_base = m->data;
    m->iov.iov_len = len;
    m->msg.msg_iov = &m->iov;
    m->msg.msg_iovlen = 1;
    m->msg.msg_control = m->control.bytes;
    m->msg.msg_controllen = control;
    return &m->msg;
}

/* A message to send, whose control data are these descriptors. */
UNUSED struct msghdr *sender(struct message *m, const char *text, const int *fds, int n)
{
    receiver(m, strlen(text), 0);
    memcpy(m->data, text, strlen(text));
    if (n > 0)
        m->msg.msg_controllen = forge(m->control.bytes, SOL_SOCKET, SCM_RIGHTS, fds, (size_t)n * sizeof *fds);
    else
        m->msg.msg_control = NULL;
    return &m->msg;
}

/* The slots of this type of message, and how many, in a received one: from any address, and without the
 * library. */
UNUSED int slots_in(const struct msghdr *msg, int type, int fds[ANC_FDS_MAX])
{
    const char *bytes = msg->msg_control;
    size_t at, space, len;
    int n = 0;
    for (at = 0; at + HEADER <= msg->msg_controllen; at += space) {
        raw_header header;
        memcpy(&header, bytes + at, sizeof header);
        CHECK(header.cmsg_len >= HEADER && header.cmsg_len <= msg->msg_controllen - at);
        len = header.cmsg_len - HEADER;
        space = ANC_SPACE(len);
        if (header.cmsg_level != SOL_SOCKET || header.cmsg_type != type)
            continue;
        len -= len % sizeof(int);
        memcpy(fds + n, bytes + at + HEADER, len);
        n += (int)(len / sizeof(int));
    }
    return n;
}

UNUSED int rights_in(const struct msghdr *msg, int fds[ANC_FDS_MAX])
{
    return slots_in(msg, SCM_RIGHTS, fds);
}

/* -1: none. */
UNUSED int pidfd_in(const struct msghdr *msg)
{
    int fds[ANC_FDS_MAX];
    return slots_in(msg, SCM_PIDFD, fds) > 0 ? fds[0] : -1;
}

/* The pid that a pidfd stands for. */
UNUSED int pid_of(int pidfd)
{
    char path[64], text[1024] = "";
    const char *line;
    int fd, pid = -1;
    ssize_t n;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    line = strstr(text, "\nPid:");
    if (line)
        sscanf(line, "\nPid: %d", &pid);
    return pid;
}

/* Until unplug_holes, the numbers of the open descriptors are those below the lowest free one. */
static int plugs[4096], plug_count;

UNUSED void plug_holes(void)
{
    int fd, highest = 2;
    for (fd = 3; fd < 4096; fd++)
        if (is_open(fd))
            highest = fd;
    for (plug_count = 0; lowest_free() < highest; plug_count++) {
        CHECK(plug_count < (int)LENGTH(plugs));
        plugs[plug_count] = duplicate(0);
    }
}

UNUSED void unplug_holes(void)
{
    while (plug_count > 0)
        close(plugs[--plug_count]);
}

/* The limit is about numbers: with holes in the table it would admit more. */
static struct rlimit limit_before;

UNUSED void limits_begin(void)
{
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which the kernel's recvmsg does not see");
    CHECK(getrlimit(RLIMIT_NOFILE, &limit_before) == 0);
    plug_holes();
}

UNUSED void allow_any(void)
{
    CHECK(setrlimit(RLIMIT_NOFILE, &limit_before) == 0);
}

/* Room for exactly this many descriptors more. */
UNUSED void allow_only(int room)
{
    struct rlimit limit = limit_before;
    allow_any();
    limit.rlim_cur = (rlim_t)(lowest_free() + room);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

UNUSED void limits_end(void)
{
    allow_any();
    unplug_holes();
}

UNUSED void accept_pidfds(int sock)
{
    int on = 1;
    if (setsockopt(sock, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) != 0)
        skip("no SO_PASSPIDFD (Linux 6.5)");
}

#endif
