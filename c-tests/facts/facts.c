/* What this kernel does with ancillary data, as the tables of the design's kernel page: what each read of
 * a stream brings, and what each control length lets through. Plain system calls, no library.
 *
 * The text is the same on each run of the same kernel, so that it can be compared. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int condition, const char *what)
{
    if (!condition) {
        perror(what);
        exit(1);
    }
}

/* Texts that grow. */
struct text {
    char chars[4096];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->len += (size_t)vsnprintf(t->chars + t->len, sizeof t->chars - t->len, format, args);
    va_end(args);
    must(t->len < sizeof t->chars, "text");
}

static void send_with(int sock, const char *bytes, int nfds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control;
    struct iovec iov = {(void *)bytes, strlen(bytes)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    int i, fd = 0;
    if (nfds > 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
        *CMSG_FIRSTHDR(&msg) = (struct cmsghdr){
            .cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        for (i = 0; i < nfds; i++)
            memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)) + (size_t)i * sizeof fd, &fd, sizeof fd);
    }
    must(sendmsg(sock, &msg, 0) == (ssize_t)strlen(bytes), "sendmsg");
}

struct received {
    struct msghdr msg;
    struct iovec iov;
    ssize_t n;
    char data[256];
    _Alignas(struct cmsghdr) unsigned char control[4096];
};

static void receive(struct received *r, int sock, size_t len, size_t control)
{
    r->iov = (struct iovec){r->data, len};
    r->msg = (struct msghdr){.msg_iov = &r->iov, .msg_iovlen = 1, .msg_control = r->control, .msg_controllen = control};
    r->n = recvmsg(sock, &r->msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

/* Closes the descriptors, and returns their number. */
static int close_slots(const struct cmsghdr *c)
{
    int i, fd, n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof fd);
    for (i = 0; i < n; i++) {
        memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof fd, sizeof fd);
        close(fd);
    }
    return n;
}

static int lowest_free(void)
{
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    must(fd >= 0, "dup");
    close(fd);
    return fd;
}

/* Streams: which bytes bring which descriptors. */

struct part {
    const char *bytes;
    int fds;
};

static const struct part apart[] = {{"AAAA", 0}, {"BBBB", 1}, {"CCCC", 0}, {"DDDD", 1}, {NULL, 0}};
static const struct part adjacent[] = {{"BBBB", 1}, {"DDDD", 1}, {NULL, 0}};
static const struct part empty_between[] = {{"BBBB", 1}, {"CCCC", 0}, {"DDDD", 2}, {"EEEE", 0}, {NULL, 0}};

static void reads(const char *name, const struct part *parts, size_t first, size_t then)
{
    int pair[2];
    struct received r;
    struct cmsghdr *c;
    const char *between = "";
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    for (; parts->bytes; parts++)
        send_with(pair[0], parts->bytes, parts->fds);
    printf("| %s | ", name);
    for (;; first = then, between = ", ") {
        receive(&r, pair[1], first, sizeof r.control);
        if (r.n <= 0)
            break;
        printf("%s%.*s", between, (int)r.n, r.data);
        for (c = CMSG_FIRSTHDR(&r.msg); c; c = CMSG_NXTHDR(&r.msg, c))
            if (c->cmsg_type == SCM_RIGHTS) {
                int n = close_slots(c);
                printf(n == 1 ? "+fd" : "+%d fds", n);
            }
    }
    printf(" |\n");
    close(pair[0]);
    close(pair[1]);
}

static void streams(void)
{
    size_t size;
    char name[32];
    printf("## Streams: what each read brings\n\nSent: AAAA, BBBB+fd, CCCC, DDDD+fd.\n\n| read size | reads |\n|---|---|\n");
    for (size = 1; size <= 17; size++) {
        snprintf(name, sizeof name, "%zu", size);
        reads(name, apart, size, size);
    }
    reads("100", apart, 100, 100);
    for (size = 1; size <= 9; size++) {
        snprintf(name, sizeof name, "%zu then 100", size);
        reads(name, apart, size, 100);
    }
    printf("\nSent: BBBB+fd, DDDD+fd.\n\n| read size | reads |\n|---|---|\n");
    for (size = 1; size <= 5; size++) {
        snprintf(name, sizeof name, "%zu then 100", size);
        reads(name, adjacent, size, 100);
    }
    printf("\nSent: BBBB+fd, CCCC, DDDD+2 fds, EEEE.\n\n| read size | reads |\n|---|---|\n");
    reads("3", empty_between, 3, 3);
    reads("100", empty_between, 100, 100);
}

/* The control buffer: what each length lets through. */

enum { CREDENTIALS = 1, PIDFD = 2, STAMP = 4, INQ = 8 };

struct row {
    const char *name;
    int type, fds, options;
};

static const char *kind_name(int type)
{
    switch (type) {
    case SCM_RIGHTS:
        return "rights";
    case SCM_CREDENTIALS:
        return "credentials";
    case SCM_PIDFD:
        return "pidfd";
    case SO_INQ:
        return "inq";
    default:
        return "stamp";
    }
}

static size_t whole(int type)
{
    return type == SCM_CREDENTIALS ? sizeof(struct ucred) : type == SCM_RIGHTS || type == SCM_PIDFD || type == SO_INQ ? 4 : 16;
}

/* One receive with this control length, as text. */
static void outcome(const struct row *row, const int pair[2], size_t control, struct text *t, int *installed)
{
    struct received r;
    struct cmsghdr *c;
    int before = lowest_free(), reported = 0, now;
    const char *between = "";
    t->len = 0;
    send_with(pair[0], "x", row->fds);
    receive(&r, pair[1], 1, control);
    must(r.n == 1, "recvmsg");
    now = lowest_free();
    for (c = CMSG_FIRSTHDR(&r.msg); c; c = CMSG_NXTHDR(&r.msg, c)) {
        size_t len = c->cmsg_len - CMSG_LEN(0);
        add(t, "%s", between);
        between = ", ";
        if (c->cmsg_type == SCM_RIGHTS) {
            int n = close_slots(c);
            reported += n;
            add(t, n == 1 ? "1 descriptor" : "%d descriptors", n);
            continue;
        }
        if (c->cmsg_type == SCM_PIDFD)
            reported += close_slots(c);
        add(t, len < whole(c->cmsg_type) ? "%s cut" : "%s", kind_name(c->cmsg_type));
    }
    if (t->len == 0)
        add(t, "nothing");
    if (r.msg.msg_flags & MSG_CTRUNC)
        add(t, ", CTRUNC");
    *installed += now - before != reported;
}

static void control_lengths(const struct row *row)
{
    static const struct {
        int bit, name;
    } options[] = {{CREDENTIALS, SO_PASSCRED}, {PIDFD, SO_PASSPIDFD}, {STAMP, SO_TIMESTAMP}, {INQ, SO_INQ}};
    int pair[2], on = 1, wrong = 0;
    size_t i, control, first = 0, end = 200;
    struct text now, last;
    must(socketpair(AF_UNIX, row->type | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    printf("\n### %s\n\n", row->name);
    for (i = 0; i < sizeof options / sizeof *options; i++)
        if (row->options & options[i].bit && setsockopt(pair[1], SOL_SOCKET, options[i].name, &on, sizeof on) != 0) {
            printf("This kernel lacks socket option %d.\n", options[i].name);
            close(pair[0]);
            close(pair[1]);
            return;
        }
    printf("| control length | brings |\n|---|---|\n");
    for (control = 0; control <= end; control++) {
        outcome(row, pair, control, &now, &wrong);
        if (control > 0 && strcmp(now.chars, last.chars) != 0) {
            if (first == control - 1)
                printf("| %zu | %s |\n", first, last.chars);
            else
                printf("| %zu-%zu | %s |\n", first, control - 1, last.chars);
            first = control;
        }
        last = now;
    }
    printf("| %zu and more | %s |\n\nInstalled and not reported, or the reverse: %d of %zu lengths.\n", first, last.chars,
           wrong, end + 1);
    close(pair[0]);
    close(pair[1]);
}

/* Single answers. */

static const char *error_name(void)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{EINVAL, "EINVAL"}, {EBADF, "EBADF"}, {ENODATA, "ENODATA"}, {ECHILD, "ECHILD"}, {ESRCH, "ESRCH"},
                 {ENOPROTOOPT, "ENOPROTOOPT"}, {ENOTTY, "ENOTTY"}};
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (errno == names[i].number)
            return names[i].name;
    return strerror(errno);
}

static void answer(const char *question, ssize_t result)
{
    if (result < 0)
        printf("- %s: %s\n", question, error_name());
    else
        printf("- %s: %zd\n", question, result);
}

static ssize_t send_control(int type, size_t len, const void *control, size_t controllen)
{
    int pair[2], error;
    struct iovec iov = {(void *)"x", len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = (void *)control, .msg_controllen = controllen};
    ssize_t n;
    must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    n = sendmsg(pair[0], &msg, MSG_NOSIGNAL);
    error = errno;
    close(pair[0]);
    close(pair[1]);
    errno = error;
    return n;
}

static void answers(void)
{
    static union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(254 * sizeof(int)) + 64];
    } c;
    int fd = 0;
    size_t n;
    static const struct {
        const char *name;
        size_t fds;
    } counts[] = {{"253 descriptors", 253}, {"254 descriptors", 254}};
    printf("\n## On send\n\n");
    for (n = 0; n < 2; n++) {
        memset(&c, 0, sizeof c);
        c.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(counts[n].fds * sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        answer(counts[n].name, send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(counts[n].fds * sizeof fd)));
    }
    memset(&c, 0, sizeof c);
    c.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    answer("no bytes with a descriptor, STREAM", send_control(SOCK_STREAM, 0, &c, CMSG_SPACE(sizeof fd)));
    answer("no bytes with a descriptor, SEQPACKET", send_control(SOCK_SEQPACKET, 0, &c, CMSG_SPACE(sizeof fd)));
    answer("a control length below a header", send_control(SOCK_STREAM, 1, &c, sizeof(struct cmsghdr) - 1));
    for (n = sizeof(struct cmsghdr) - 1; n <= sizeof(struct cmsghdr); n++) {
        char question[64];
        snprintf(question, sizeof question, "%zu zero bytes after the last message", n);
        answer(question, send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(sizeof fd) + n));
    }
    c.align.cmsg_type = 4711;
    answer("an unknown type at SOL_SOCKET", send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(sizeof fd)));
    c.align.cmsg_type = SCM_PIDFD;
    answer("SCM_PIDFD", send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(sizeof fd)));
    c.align.cmsg_level = 4711;
    answer("an unknown level", send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(sizeof fd)));
    c.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    fd = -1;
    memcpy(CMSG_DATA(&c.align), &fd, sizeof fd);
    answer("the descriptor -1", send_control(SOCK_STREAM, 1, &c, CMSG_SPACE(sizeof fd)));
}

/* What a socket says of its peer, which is this process where there is one. */
static void peer(const char *socket_is, int sock)
{
    struct ucred c;
    socklen_t len = sizeof c;
    gid_t groups[65536];
    int pidfd;
    must(getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) == 0, "SO_PEERCRED");
    printf("| %s | %s | ", socket_is, c.pid == getpid() ? "this process" : c.pid == 0 && c.uid == (uid_t)-1 ? "pid 0, uid -1" : "?");
    len = sizeof pidfd;
    if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0) {
        printf("%s | ", fcntl(pidfd, F_GETFD) == FD_CLOEXEC ? "close-on-exec" : "?");
        close(pidfd);
    } else {
        printf("%s | ", error_name());
    }
    len = sizeof groups;
    printf("%s |\n", getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0 ? "yes" : error_name());
    close(sock);
}

static int new_socket(int family, int type, int listens)
{
    struct sockaddr at = {.sa_family = AF_UNIX};
    int sock = socket(family, type, 0);
    must(sock >= 0, "socket");
    must(!listens || (bind(sock, &at, sizeof at.sa_family) == 0 && listen(sock, 1) == 0), "listen");
    return sock;
}

/* The line Pid: of its fdinfo, what waitid says of it, and the result of PIDFD_GET_INFO. */
static void pidfd_row(const char *process_is, int pidfd, pid_t pid)
{
    struct {
        uint64_t mask, cgroup;
        uint32_t pid, others[11];
    } info = {0};
    char path[64], line[256];
    siginfo_t child;
    FILE *file;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    file = fopen(path, "r");
    must(file != NULL, path);
    while (fgets(line, sizeof line, file) && strncmp(line, "Pid:", 4) != 0)
        ;
    fclose(file);
    printf("| %s | %s | ", process_is, atoi(line + 4) == pid ? "its number" : atoi(line + 4) == -1 ? "-1" : "?");
    printf("%s | ", waitid(P_PIDFD, (id_t)pidfd, &child, WEXITED | WNOHANG | WNOWAIT) == 0 ? "0" : error_name());
    printf("%s |\n", ioctl(pidfd, _IOWR(0xFF, 11, info), &info) != 0 ? error_name() : (pid_t)info.pid == pid ? "its number" : "?");
}

static void peers(void)
{
    int pair[2], hold[2], pidfd;
    siginfo_t info;
    pid_t child;
    char byte;
    printf("\n## The peer\n\n| socket | SO_PEERCRED | SO_PEERPIDFD | SO_PEERGROUPS |\n|---|---|---|---|\n");
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0, "socketpair");
    peer("pair, DGRAM", pair[0]);
    close(pair[1]);
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    peer("pair, STREAM", pair[0]);
    close(pair[1]);
    peer("unconnected", new_socket(AF_UNIX, SOCK_STREAM, 0));
    peer("listening", new_socket(AF_UNIX, SOCK_STREAM, 1));
    peer("internet", new_socket(AF_INET, SOCK_STREAM, 0));

    printf("\n| pidfd of a process that | Pid: | waitid | PIDFD_GET_INFO |\n|---|---|---|---|\n");
    must(pipe(hold) == 0, "pipe");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) != 0);
    }
    pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    must(child > 0 && (pidfd >= 0 || errno == ENOSYS), "child");
    if (pidfd < 0) {
        close(hold[1]);
        return;
    }
    pidfd_row("lives", pidfd, child);
    close(hold[1]);
    must(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0, "waitid");
    pidfd_row("has ended", pidfd, child);
    must(waitpid(child, NULL, 0) == child, "waitpid");
    pidfd_row("was waited for", pidfd, child);
    close(pidfd);
    close(hold[0]);
    pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    pidfd_row("is no child", pidfd, getpid());
    close(pidfd);
    printf("\nwaitid of what is no pidfd: %s.\n",
           waitid(P_PIDFD, STDIN_FILENO, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? "0" : error_name());
}

int main(void)
{
    static const struct row rows[] = {
        {"1 descriptor, STREAM", SOCK_STREAM, 1, 0},
        {"2 descriptors, STREAM", SOCK_STREAM, 2, 0},
        {"3 descriptors, credentials and pidfd, STREAM", SOCK_STREAM, 3, CREDENTIALS | PIDFD},
        {"3 descriptors, credentials, pidfd and inq, STREAM", SOCK_STREAM, 3, CREDENTIALS | PIDFD | INQ},
        {"3 descriptors, credentials, pidfd and a time stamp, DGRAM", SOCK_DGRAM, 3, CREDENTIALS | PIDFD | STAMP},
        {"3 descriptors, credentials, pidfd and a time stamp, SEQPACKET", SOCK_SEQPACKET, 3, CREDENTIALS | PIDFD | STAMP},
        {"no descriptors, credentials, STREAM", SOCK_STREAM, 0, CREDENTIALS},
    };
    struct utsname system;
    unsigned major = 0, minor = 0;
    size_t i;
    must(uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2, "uname");
    printf("# Ancillary data on Linux %u.%u, %s\n\nMade by facts.c: `make facts`.\n\n", major, minor, system.machine);
    streams();
    printf("\n## The control buffer\n\nHeader %zu, LEN(4) %zu, SPACE(4) %zu.\n", CMSG_LEN(0), CMSG_LEN(4), CMSG_SPACE(4));
    for (i = 0; i < sizeof rows / sizeof *rows; i++)
        control_lengths(&rows[i]);
    answers();
    peers();
    return 0;
}
