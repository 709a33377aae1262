/* A new process asks the old one for its listening sockets: it gets their number, then groups of up
 * to 253 descriptors, each with its name behind a length byte, and answers each group before the
 * next is sent (the shape of HAProxy's _getsocks). Here: what has nothing to do with descriptors;
 * no port counts it. */
#ifndef LISTENERS_H
#define LISTENERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENERS_GROUP = 253, LISTENERS_MAX = 1000, LISTENER_NAME = 255 };

struct listener {
    int fd;
    char name[LISTENER_NAME + 1];
};

struct listeners {
    int (*give)(int sock, const struct listener *all, int count); /* once asked: 0, -1 */
    int (*take)(int sock, struct listener *all, int max);         /* how many; -1: none */
};

extern const struct listeners listeners_by_hand, listeners_ancillary;

#define LISTENERS_QUESTION "_getsocks\n"
#define LISTENERS_TEXT(count) ((size_t)(count) * (1 + LISTENER_NAME))

/* 0 once the question has come. */
static inline int listeners_asked(int sock)
{
    char question[sizeof LISTENERS_QUESTION - 1];
    return recv(sock, question, sizeof question, MSG_WAITALL) == sizeof question ? 0 : -1;
}

static inline size_t listeners_write(const struct listener *from, int count, char *text)
{
    size_t len = 0;
    for (; count > 0; count--, from++) {
        size_t name = strlen(from->name);
        text[len++] = (char)name;
        memcpy(text + len, from->name, name);
        len += name;
    }
    return len;
}

/* Names out of a text: how many are there whole. */
static inline int listeners_read(struct listener *to, int count, const char *text, size_t len)
{
    int i;
    for (i = 0; i < count && len > 0; i++) {
        size_t name = (unsigned char)*text;
        if (len - 1 < name)
            break;
        memcpy(to[i].name, text + 1, name);
        to[i].name[name] = 0;
        text += 1 + name;
        len -= 1 + name;
    }
    return i;
}

#endif
