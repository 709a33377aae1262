/* What is printed: one report for each kind and place, on standard error or into a file. */
#include "watch.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct options options;
uint32_t own_reports;

static const char *const names[KINDS] = {
    [UNCLAIMED] = "unclaimed",   [INHERITABLE] = "inheritable", [TRUNCATED] = "truncated",
    [MISREAD] = "misread",       [MISALIGNED] = "misaligned",   [RESENT] = "resent",
    [UNSENT] = "unsent",         [STALE] = "stale",             [DROPPED] = "dropped",
    [NOTICED] = "noticed",
};

static void put_text(struct out *out, const char *text)
{
    while (*text && out->len < sizeof out->text - 1)
        out->text[out->len++] = *text++;
}

static void put_number(struct out *out, unsigned long number, unsigned base)
{
    char digits[24], *d = digits + sizeof digits - 1;
    *d = 0;
    do
        *--d = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    put_text(out, d);
}

static void put_list(struct out *out, const char *format, va_list args)
{
    for (; *format; format++) {
        char one[2] = {*format, 0};
        if (*format != '%') {
            put_text(out, one);
            continue;
        }
        switch (*++format) {
        case 's': put_text(out, va_arg(args, const char *)); break;
        case 'u': put_number(out, va_arg(args, unsigned), 10); break;
        case 'x': put_number(out, va_arg(args, unsigned long), 16); break;
        case 'd': {
            int number = va_arg(args, int);
            if (number < 0)
                put_text(out, "-");
            put_number(out, number < 0 ? 0UL - (unsigned long)number : (unsigned long)number, 10);
            break;
        }
        default: return;
        }
    }
}

void put(struct out *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_list(out, format, args);
    va_end(args);
}

static void put_start(struct out *out)
{
    put(out, "anc-watch[%d]: ", (int)raw0(SYS_getpid));
}

static void put_place(struct out *out, const char *label, const struct place *place)
{
    int i;
    for (i = 0; i < place->depth; i++) {
        Dl_info info;
        uintptr_t address = place->frames[i];
        put_start(out);
        put(out, "    %s ", i ? "from" : label);
        if (!dladdr((void *)address, &info) || !info.dli_fname) {
            put(out, "0x%x\n", (unsigned long)address);
            continue;
        }
        if (info.dli_sname)
            put(out, "%s in ", info.dli_sname);
        put(out, "%s+0x%x\n", info.dli_fname, (unsigned long)(address - (uintptr_t)info.dli_fbase));
    }
}

static long open_file(void *path)
{
    return raw4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

/* Opened for each report: a descriptor that stayed would be one more of the program's. */
static void write_out(const struct out *out)
{
    long fd = options.log ? with_room(open_file, (void *)(uintptr_t)options.log) : -1;
    if (fd >= 0) {
        raw3(SYS_write, fd, out->text, out->len);
        raw1(SYS_close, fd);
    } else if (table[STDERR_FILENO] == 0) {
        raw3(SYS_write, STDERR_FILENO, out->text, out->len);
    }
}

/* Whether nobody has reported this yet, in all processes that share the count. */
static bool is_new(enum kind kind, const struct place *place)
{
    uint64_t hash = (place->hash ^ (uint64_t)kind * 0x9e3779b97f4a7c15u) | 1;
    unsigned slots = sizeof shared->reported / sizeof *shared->reported, i;
    for (i = 0; i < slots; i++) {
        uint64_t seen = 0;
        _Atomic uint64_t *slot = &shared->reported[(hash + i) % slots];
        if (__atomic_load_n((uint64_t *)slot, __ATOMIC_RELAXED) == hash)
            return false;
        if (__atomic_compare_exchange_n((uint64_t *)slot, &seen, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
        if (seen == hash)
            return false;
    }
    return true;
}

void report(enum kind kind, const struct place *first, const char *label, const struct place *second,
            const char *page, const char *format, ...)
{
    static struct out out; /* too large for a signal's stack; the lock is held */
    va_list args;
    if (is_suppressed(names[kind], first) || (second && is_suppressed(names[kind], second)))
        return;
    shared->reports[kind]++;
    own_reports++;
    if (!is_new(kind, first))
        return;
    enter();
    out.len = 0;
    put_start(&out);
    put(&out, "%s: ", names[kind]);
    va_start(args, format);
    put_list(&out, format, args);
    va_end(args);
    put(&out, "\n");
    put_place(&out, label, first);
    if (second)
        put_place(&out, "received at", second);
    put_start(&out);
    put(&out, "    see %s\n", page);
    write_out(&out);
    leave();
}

void note(const char *format, ...)
{
    static struct out out;
    va_list args;
    enter();
    out.len = 0;
    put_start(&out);
    va_start(args, format);
    put_list(&out, format, args);
    va_end(args);
    put(&out, "\n");
    write_out(&out);
    leave();
}

uint32_t all_reports(void)
{
    uint32_t sum = 0;
    int kind;
    for (kind = 0; kind < KINDS; kind++)
        sum += shared->reports[kind];
    return sum;
}

void summary(void)
{
    static struct out out;
    int kind;
    if (all_reports() == 0)
        return;
    out.len = 0;
    for (kind = 0; kind < KINDS; kind++)
        if (shared->reports[kind])
            put(&out, "%s%s %u", out.len ? ", " : "", names[kind], (unsigned)shared->reports[kind]);
    out.text[out.len] = 0;
    note("in all: %s", out.text);
}
