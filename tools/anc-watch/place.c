/* Where in the program: a list of return addresses. */
#include "watch.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

/* The checker's own code. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static struct place places[PLACES];
static unsigned count = 1; /* 0 is none */

static _Unwind_Reason_Code next_frame(struct _Unwind_Context *context, void *argument)
{
    struct place *place = argument;
    uintptr_t ip = _Unwind_GetIP(context);
    if (ip == 0)
        return _URC_END_OF_STACK;
    if (ip >= (uintptr_t)__ehdr_start && ip < (uintptr_t)_end)
        return _URC_NO_REASON;
    place->frames[place->depth++] = ip - 1; /* inside the call */
    return place->depth < DEPTH ? _URC_NO_REASON : _URC_END_OF_STACK;
}

void this_place(struct place *place, uintptr_t read)
{
    int i;
    place->depth = 0;
    if (read)
        place->frames[place->depth++] = read;
    _Unwind_Backtrace(next_frame, place);
    place->hash = 1469598103934665603u;
    for (i = 0; i < place->depth; i++)
        place->hash = (place->hash ^ place->frames[i]) * 1099511628211u;
}

unsigned keep(const struct place *place)
{
    unsigned i;
    enter();
    for (i = 1; i < count; i++)
        if (places[i].hash == place->hash)
            break;
    if (i == count) {
        if (count == PLACES)
            i = 0;
        else
            places[count++] = *place;
    }
    leave();
    return i;
}

const struct place *kept(unsigned number)
{
    return &places[number];
}

static bool object_of(uintptr_t address, Dl_info *info)
{
    return dladdr((void *)address, info) != 0 && info->dli_fname;
}

bool has_library(void)
{
    return dlsym(RTLD_DEFAULT, "anc_next") != NULL;
}

bool is_in_library(uintptr_t address)
{
    Dl_info info;
    const char *base;
    if (!object_of(address, &info))
        return false;
    base = strrchr(info.dli_fname, '/');
    return strncmp(base ? base + 1 : info.dli_fname, "libancillary.so", 15) == 0;
}

/* A caller may have put a function of its own between it and recvmsg. */
bool is_library(const struct place *place)
{
    int i;
    for (i = 0; i < place->depth && i < 3; i++)
        if (is_in_library(place->frames[i]))
            return true;
    return false;
}

enum { RULES = 128, WORD = 160 };
static struct rule {
    char kind[16], pattern[WORD];
} rules[RULES];
static int nrules;

static bool matches(const char *pattern, const char *text)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '*') {
            while (!matches(pattern + 1, text))
                if (!*text++)
                    return false;
            return true;
        }
        if (*pattern != *text)
            return false;
    }
    return !*text;
}

bool is_suppressed(const char *kind, const struct place *place)
{
    int i, r;
    for (i = 0; nrules && i < place->depth; i++) {
        Dl_info info;
        if (!object_of(place->frames[i], &info))
            continue;
        for (r = 0; r < nrules; r++)
            if (matches(rules[r].kind, kind) &&
                (matches(rules[r].pattern, info.dli_fname) ||
                 (info.dli_sname && matches(rules[r].pattern, info.dli_sname))))
                return true;
    }
    return false;
}

static void rule(const char *line, const char *end)
{
    const char *blank = line;
    while (blank < end && *blank != ' ' && *blank != '\t')
        blank++;
    if (line == end || *line == '#' || blank == end || nrules == RULES ||
        blank - line >= (ptrdiff_t)sizeof rules->kind)
        return;
    memcpy(rules[nrules].kind, line, (size_t)(blank - line));
    while (blank < end && (*blank == ' ' || *blank == '\t'))
        blank++;
    if (end - blank >= WORD)
        return;
    memcpy(rules[nrules++].pattern, blank, (size_t)(end - blank));
}

void read_suppressions(const char *path)
{
    static char text[16384];
    long fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n;
    char *line = text, *end;
    if (fd < 0) {
        note("%s can't be read: errno %d", path, (int)-fd);
        return;
    }
    n = raw3(SYS_read, fd, text, sizeof text - 1);
    raw1(SYS_close, fd);
    while (n > 0 && *line) {
        end = strchr(line, '\n');
        if (!end)
            end = line + strlen(line);
        rule(line, end);
        line = *end ? end + 1 : end;
    }
}
