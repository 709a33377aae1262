/* What the targets share: bytes to draw from, memory whose neighbours fault, and a reader of a few lines to
 * hold the library against.
 *
 * No number below NO_DESCRIPTOR ever stands where the library may close it, so that closing is an EBADF and
 * hits nothing of the fuzzer's own. */
#ifndef FUZZ_H
#define FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../c-tests/numbers.h"
#include <ancillary.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNUSED __attribute__((unused)) static

enum { HEADER = ANC_LEN(0), NO_DESCRIPTOR = 1000000, PAGES = 16 * 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                   \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            abort();                                                                      \
        }                                                                                 \
    } while (0)

/* The input, drawn from its start; zeros when it is used up. */
struct input {
    const uint8_t *data;
    size_t left;
};

UNUSED uint8_t byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->data++;
}

UNUSED uint32_t word(struct input *in)
{
    uint32_t value = byte(in);
    value |= (uint32_t)byte(in) << 8;
    value |= (uint32_t)byte(in) << 16;
    return value | (uint32_t)byte(in) << 24;
}

/* size bytes between pages that fault, against the one or the other fence. The library is not compiled by
 * the fuzzer's sanitizer, so that only the hardware sees where it reads. */
UNUSED unsigned char *fenced(size_t size, int at_end)
{
    static unsigned char *pages;
    if (!pages) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        pages = mmap(NULL, PAGES + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        MUST(pages != MAP_FAILED);
        pages += page;
        MUST(mprotect(pages, PAGES, PROT_READ | PROT_WRITE) == 0);
    }
    MUST(size <= PAGES);
    return at_end ? pages + PAGES - size : pages;
}

/* The specification: the message at `at`, 1, 0 at the end, -1 where a length is shorter than a header. */
struct found {
    int level, type, is_beyond;
    size_t data, len, next;
};

UNUSED int find_at(const unsigned char *bytes, size_t size, size_t at, struct found *f)
{
    struct cmsghdr header;
    size_t left = at < size ? size - at : 0, there;
    if (left < HEADER)
        return 0;
    memcpy(&header, bytes + at, sizeof header);
    if (header.cmsg_len < sizeof header)
        return -1;
    there = header.cmsg_len < left ? header.cmsg_len : left;
    f->level = header.cmsg_level;
    f->type = header.cmsg_type;
    f->is_beyond = header.cmsg_len > left;
    f->data = at + HEADER;
    f->len = there - HEADER;
    f->next = at + (there + sizeof(size_t) - 1) / sizeof(size_t) * sizeof(size_t);
    return 1;
}

/* Makes the lengths of noise plausible, where a bit of `which` says so, and its descriptors harmless. */
UNUSED void tame(unsigned char *bytes, size_t size, uint32_t which)
{
    struct found f;
    size_t at, slot;
    int fd;
    for (at = 0; size - at >= HEADER && at < size; at = f.next, which = which >> 1 | which << 31) {
        struct cmsghdr header;
        memcpy(&header, bytes + at, sizeof header);
        if (which & 1) {
            header.cmsg_len = HEADER + header.cmsg_len % 40;
            header.cmsg_level = header.cmsg_level % 2 ? SOL_SOCKET : header.cmsg_level % 8;
            header.cmsg_type = header.cmsg_type % 2 ? SCM_RIGHTS : header.cmsg_type % 8;
        }
        memcpy(bytes + at, &header, sizeof header);
        if (find_at(bytes, size, at, &f) != 1)
            break;
        if (f.level != SOL_SOCKET || (f.type != SCM_RIGHTS && f.type != SCM_PIDFD))
            continue;
        for (slot = 0; slot + sizeof fd <= f.len; slot += sizeof fd) {
            memcpy(&fd, bytes + f.data + slot, sizeof fd);
            if (fd >= 0)
                fd = NO_DESCRIPTOR + fd % NO_DESCRIPTOR;
            memcpy(bytes + f.data + slot, &fd, sizeof fd);
        }
    }
}

/* The descriptors of all messages of this type, in order. */
UNUSED size_t descriptors_in(const unsigned char *bytes, size_t size, int type, int *fds)
{
    struct found f;
    size_t at, slot, n = 0;
    for (at = 0; find_at(bytes, size, at, &f) == 1; at = f.next)
        if (f.level == SOL_SOCKET && f.type == type)
            for (slot = 0; slot + sizeof *fds <= f.len; slot += sizeof *fds) {
                memcpy(&fds[n], bytes + f.data + slot, sizeof *fds);
                n += fds[n] >= 0;
            }
    return n;
}

#endif
