/* Control messages as lists of (level, type, data), in and out, for a language that has no structs
 * (the shape of Twisted's send1msg and recv1msg). Descriptors are ints in the data: who got the
 * list owns them. */
#ifndef TRIPLES_H
#define TRIPLES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIPLE_DATA = 1024 };

struct triple {
    int level, type;
    size_t len;
    unsigned char data[TRIPLE_DATA];
};

struct message1 {
    size_t len;
    int flags;
    struct triple list[8];
    size_t count;
};

struct triples {
    ssize_t (*send1msg)(int sock, const void *data, size_t len, int flags,
                        const struct triple *list, size_t count);
    /* 0 or -1; flags and room for control data are the caller's choice. */
    int (*recv1msg)(int sock, int flags, void *buf, size_t max, size_t control, struct message1 *m);
};

extern const struct triples triples_by_hand, triples_ancillary;

/* What malloc may return: memory that was used before. */
static inline void *triples_memory(size_t size)
{
    void *memory = malloc(size + 1);
    return memory ? memset(memory, 0x3f, size + 1) : NULL;
}

#endif
