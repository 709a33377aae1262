/* How the broker and the worker talk to the person who watches: one line at a time, each in a colour
 * and at a margin of its own. VOICE is who talks. */
#ifndef VOICE_H
#define VOICE_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    int colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    va_list args;
    va_start(args, format);
    printf("%s%s%s%s  ", VOICE_MARGIN, colour ? VOICE_COLOUR : "", VOICE, colour ? "\033[0m" : "");
    vprintf(format, args);
    putchar('\n');
    fflush(stdout); /* the other one writes to the same place */
    va_end(args);
}

static void die(const char *what)
{
    fprintf(stderr, VOICE ": %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Ends the demo if something is not as it was claimed. */
static void check(int as_claimed, const char *claim)
{
    if (!as_claimed) {
        fprintf(stderr, VOICE ": NOT SO: %s\n", claim);
        exit(1);
    }
}

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the descriptor of the directory itself */
    if (dir == NULL)
        die("/proc/self/fd");
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

#endif
