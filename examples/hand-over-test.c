/* hand-over-test SERVER HASTY DIRECTORY: proves that hand-over.c drops no connection and no byte.
 *
 * Thousands of connections send numbered bytes all the time and compare what comes back, while the
 * server hands over to itself, and to successors that are killed or fail. SERVER is the program; HASTY
 * is the same with a short deadline. The test is also the bad successor (--as), the killer of a good
 * one (--doom), and the predecessor of one that is looked at closely. `sh selftest.sh` runs it. */
#define _GNU_SOURCE
#include "hand-over.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 }; /* nothing takes so long unless it hangs */

static const char *self, *program, *dir;
static int servers_descriptors; /* of one without connections */
static pid_t server, group; /* the server of the day; its group, which all generations are in */

__attribute__((format(printf, 2, 3))) static void check(int is_so, const char *format, ...)
{
    va_list args;
    if (is_so)
        return;
    va_start(args, format);
    fputs("FAIL ", stdout);
    vprintf(format, args);
    printf(" (errno: %s)\n", strerror(errno));
    if (server > 0)
        kill(-group, SIGKILL);
    exit(1);
}

static const char *in_dir(const char *name)
{
    static char paths[4][256];
    static unsigned int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static unsigned int dice(void) /* repeatable */
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return (unsigned int)(x >> 20);
}

static int open_descriptors(pid_t pid)
{
    char path[64];
    int count = -2;
    DIR *open;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    open = opendir(path);
    check(open != NULL, "%s", path);
    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count - (pid == getpid());
}

/* The load. */

static struct client {
    int fd;
    int is_greedy;              /* sends all that goes, and reads little: the server comes to owe it bytes */
    int is_ending;              /* has sent its last byte */
    uint64_t key, sent, came, marked;
} *clients;
static size_t nclients, ngreedy;
static size_t nbehind;          /* clients that nothing has come to since they were marked */
static int poller, lines = -1;  /* the servers' standard output, all generations' */
static uint64_t opened, echoed;
static char unix_name[200], tcp_name[32];
static uint16_t tcp_port;

/* The bytes of a connection: which one it is tells which place it has, as well as a byte can. */
static void number(const struct client *c, uint64_t from, unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t at = from + i;
        bytes[i] = (unsigned char)((at ^ at >> 8 ^ at >> 16) * 29 + c->key * 101);
    }
}

static int connected(int by_tcp)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(by_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    port.sin_port = htons(tcp_port);
    memcpy(path.sun_path, unix_name + 5, strlen(unix_name + 5) + 1);
    check(connect(fd, by_tcp ? (void *)&port : (void *)&path, by_tcp ? sizeof port : sizeof path) == 0, "connect");
    return fd;
}

static void send_more(struct client *c)
{
    unsigned char bytes[8192];
    size_t len = c->is_greedy ? sizeof bytes : 1 + dice() % 300;
    ssize_t n;
    if (c->is_ending || (!c->is_greedy && c->sent - c->came > 300))
        return;
    number(c, c->sent, bytes, len);
    n = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    check(n > 0 || errno == EAGAIN, "a connection was dropped while it sent");
    c->sent += n > 0 ? (uint64_t)n : 0;
}

/* TCP's buffers grow to megabytes, and its timers wait for seconds when they are full: the greedy ones
 * are Unix connections. */
static void open_client(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    size_t place = (size_t)(c - clients);
    *c = (struct client){.is_greedy = place % 2 == 0 && place < ngreedy * 2, .key = opened++};
    c->fd = connected(place % 2 == 1);
    check(epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) == 0, "epoll_ctl");
    send_more(c);
}

/* Reads what has come back; compares; sends more. */
static void turn(struct client *c)
{
    static unsigned char bytes[65536], expected[65536];
    ssize_t n = recv(c->fd, bytes, c->is_greedy && !c->is_ending ? 1 + dice() % 2000 : sizeof bytes, MSG_DONTWAIT);
    check(n >= 0 || errno == EAGAIN, "connection %llu was dropped", (unsigned long long)c->key);
    if (n == 0) {
        check(c->is_ending && c->came == c->sent, "connection %llu ended after %llu of %llu bytes",
              (unsigned long long)c->key, (unsigned long long)c->came, (unsigned long long)c->sent);
        close(c->fd);
        c->fd = -1;
    }
    if (n > 0) {
        number(c, c->came, expected, (size_t)n);
        check(c->came + (size_t)n <= c->sent && memcmp(bytes, expected, (size_t)n) == 0,
              "connection %llu: other bytes than were sent, at %llu", (unsigned long long)c->key,
              (unsigned long long)c->came);
        nbehind -= c->came == c->marked;
        c->came += (size_t)n;
        echoed += (size_t)n;
    }
    if (c->fd != -1)
        send_more(c);
}

/* The next line of a server; NULL when no process has that standard output any more. */
static char *next_line(void)
{
    static char line[256];
    size_t len = 0;
    while (len + 1 < sizeof line && read(lines, line + len, 1) == 1) {
        if (line[len++] == '\n') {
            line[len - 1] = '\0';
            return line;
        }
    }
    return NULL;
}

/* Goes on with the load until `is_reached`; or until a server has said a line, where that is NULL. */
static const char *load(int (*is_reached)(void))
{
    struct epoll_event events[64];
    const char *line = NULL;
    int n;
    while (is_reached == NULL ? line == NULL : !is_reached()) {
        n = epoll_wait(poller, events, 64, PATIENCE_MS);
        check(n > 0 || errno == EINTR, "all stands still");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr != &lines) {
                turn(events[i].data.ptr);
                continue;
            }
            check(is_reached == NULL, "a server talks unasked");
            line = next_line();
            check(line != NULL, "all servers have died");
        }
    }
    return line;
}

static int all_have_moved(void) { return nbehind == 0; }

/* Every connection gets an answer. */
static void move_all(void)
{
    nbehind = 0;
    for (size_t i = 0; i < nclients; i++)
        if (clients[i].fd != -1) {
            clients[i].marked = clients[i].came;
            nbehind++;
        }
    load(all_have_moved);
}

static void open_clients(size_t count, size_t greedy)
{
    clients = calloc(count, sizeof *clients);
    check(clients != NULL, "calloc");
    ngreedy = greedy;
    for (nclients = 0; nclients < count; nclients++)
        open_client(&clients[nclients]);
}

static int all_have_ended(void)
{
    for (size_t i = 0; i < nclients; i++)
        if (clients[i].fd != -1 && clients[i].is_ending)
            return 0;
    return 1;
}

/* Some send no more, and get all that they have sent and then the end. */
static void end_clients(size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++) {
        clients[i].is_ending = 1;
        check(shutdown(clients[i].fd, SHUT_WR) == 0, "shutdown");
    }
    load(all_have_ended);
}

/* The servers. */

/* What is at the server's path from now on: a program; or a script, if `program` is NULL. */
__attribute__((format(printf, 2, 3))) static void put_at_path(const char *target, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    unlink(in_dir("new"));
    if (target != NULL) {
        check(symlink(target, in_dir("new")) == 0, "symlink");
    } else {
        FILE *script = fopen(in_dir("new"), "we");
        check(script != NULL && fputs("#!/bin/sh\n", script) >= 0 && vfprintf(script, format, args) > 0
                  && fchmod(fileno(script), 0700) == 0 && fclose(script) == 0, "script");
    }
    va_end(args);
    check(rename(in_dir("new"), in_dir("server")) == 0, "rename");
}

static pid_t spawn(int out, const char *hand_over, const char *path)
{
    pid_t pid = fork();
    check(pid != -1, "fork");
    if (pid == 0) {
        setpgid(0, group);
        dup2(open(in_dir("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
        dup2(out, STDOUT_FILENO);
        if (hand_over != NULL)
            setenv(HAND_OVER, hand_over, 1);
        execl(path, path, unix_name, tcp_name, (char *)NULL);
        _exit(127);
    }
    setpgid(pid, group);
    return pid;
}

/* Checks a server's line: who says what; with how many connections, if that is known. Returns who. */
static pid_t said(const char *line, const char *what, size_t min, size_t max, size_t *owed)
{
    char words[64];
    size_t connections = 0;
    long pid = 0;
    int n = sscanf(line, "%ld %63[a-z ]: %zu connections are owed %zu bytes", &pid, words, &connections, owed);
    check(n == 4 && strcmp(words, what) == 0, "a server says \"%s\", not that it %s", line, what);
    check(min <= connections && connections <= max, "\"%s\": not %zu to %zu", line, min, max);
    return (pid_t)pid;
}

static void start(const char *target)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &lines};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof port;
    size_t owed;
    int pipes[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(bind(fd, (void *)&port, size) == 0 && getsockname(fd, (void *)&port, &size) == 0, "a free port");
    close(fd);
    tcp_port = ntohs(port.sin_port);
    snprintf(tcp_name, sizeof tcp_name, "tcp:%u", tcp_port);
    unlink(unix_name + 5);
    program = target;
    put_at_path(target, "%s", "");
    check(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
    lines = pipes[0];
    check(epoll_ctl(poller, EPOLL_CTL_ADD, lines, &event) == 0, "epoll_ctl");
    group = 0;
    group = server = spawn(pipes[1], NULL, in_dir("server"));
    close(pipes[1]);
    check(said(load(NULL), "serves", 0, 0, &owed) == server, "another serves");
    servers_descriptors = open_descriptors(server);
}

/* At the end all connections get their last byte, the server has no descriptor more than at first, and
 * no process is left: the pipe that all had as standard output has ended. */
static void stop(void)
{
    struct epoll_event event;
    char byte;
    int status;
    end_clients(0, nclients);
    free(clients);
    nclients = 0;
    check(open_descriptors(server) == servers_descriptors, "the server has %d descriptors, at first %d",
          open_descriptors(server), servers_descriptors);
    check(kill(server, SIGTERM) == 0 && waitpid(server, &status, 0) == server && WIFSIGNALED(status), "SIGTERM");
    check(epoll_wait(poller, &event, 1, PATIENCE_MS) == 1 && read(lines, &byte, 1) == 0, "a process is left");
    close(lines);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    check(errno == ECHILD, "waitpid");
    server = 0;
}

/* Asks for a hand-over, which is to succeed, while `reopened` connections are opened anew. */
static size_t hand_over(size_t reopened)
{
    size_t owed, first = nclients > reopened ? dice() % (nclients - reopened) : 0;
    pid_t old = server;
    int status;
    put_at_path(program, "%s", "");
    end_clients(first, reopened);
    check(kill(old, SIGUSR2) == 0, "kill");
    for (size_t i = first; i < first + reopened; i++)
        open_client(&clients[i]);
    server = said(load(NULL), "has taken over", nclients - reopened, nclients, &owed);
    check(server != old, "the same server");
    check(waitpid(old, &status, 0) == old && status == 0, "the predecessor fails");
    move_all();
    return owed;
}

/* Before it serves again its successor must be dead, and reaped. */
static void check_goes_on(const char *line)
{
    char path[64], child[16];
    size_t owed;
    FILE *children;
    check(said(line, "goes on", nclients, nclients, &owed) == server, "another goes on");
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)server, (long)server);
    children = fopen(path, "re"); /* a kernel may be built without it */
    if (children != NULL) {
        check(fscanf(children, "%15s", child) != 1, "the successor, %s, is there when its predecessor goes on", child);
        fclose(children);
    }
}

/* Asks for a hand-over to what is at the path, which is to fail. */
static void fail_to_hand_over(void)
{
    check(kill(server, SIGUSR2) == 0, "kill");
    check_goes_on(load(NULL));
}

/* Asks for a hand-over to a successor that is killed at its nth stop before or after a system call, or as
 * it is about to say TAKEN: between two calls nothing that it does shows outside. Returns the number of
 * that last stop, if it came so far. */
static unsigned int doom(unsigned int n)
{
    unsigned int last = 0;
    const char *line;
    put_at_path(NULL, "exec %s --doom %u %s \"$0\" \"$@\"\n", self, n, program);
    check(kill(server, SIGUSR2) == 0, "kill");
    line = load(NULL);
    if (sscanf(line, "doomed at the last stop, %u", &last) == 1)
        line = load(NULL);
    check_goes_on(line);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return last;
}

/* Runs the program, and kills it at its nth stop. It must stay the predecessor's child, so the tracer is
 * a child of it. */
static int be_doomed(unsigned int n, const char *path, char **argv)
{
    struct __ptrace_syscall_info info;
    unsigned int stops = 0, sends = 0;
    pid_t victim = getpid();
    int pipes[2], status;
    char byte = 0;

    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* fails where there is no Yama to ask */
    if (pipe2(pipes, O_CLOEXEC) == -1)
        return 126;
    if (fork() != 0) {
        close(pipes[1]);
        if (read(pipes[0], &byte, 1) == 1)
            execv(path, argv);
        return 126;
    }
    close(atoi(getenv(HAND_OVER))); /* or the predecessor would wait for our end too */
    if (ptrace(PTRACE_SEIZE, victim, NULL, PTRACE_O_TRACESYSGOOD) == -1 || ptrace(PTRACE_INTERRUPT, victim, NULL, NULL) == -1)
        return 126;
    while (waitpid(victim, &status, __WALL) == victim && WIFSTOPPED(status)) {
        if (byte == 0)
            byte = write(pipes[1], "x", 1) == 1;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            stops++;
            ptrace(PTRACE_GET_SYSCALL_INFO, victim, sizeof info, &info);
            sends += info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_sendmsg; /* HELLO, READY, TAKEN */
            if (sends == 3) {
                printf("doomed at the last stop, %u\n", stops);
                fflush(stdout);
            }
            if (sends == 3 || stops == n)
                kill(victim, SIGKILL);
        }
        ptrace(PTRACE_SYSCALL, victim, NULL, NULL);
    }
    return 0;
}

static void await_sleep(pid_t pid);

/* Asks for a hand-over, and kills the predecessor at its nth stop. Returns 1: the successor has taken
 * over; 0: all is lost, as it must be where the successor had not been told all; -1: the predecessor has
 * exited before. Nothing is sent meanwhile, so that the stops are those of the hand-over. */
static int kill_predecessor(unsigned int n)
{
    unsigned int stops = 0;
    pid_t old = server;
    size_t owed;
    char *line;
    int status;

    put_at_path(program, "%s", "");
    await_sleep(old);
    check(ptrace(PTRACE_SEIZE, old, NULL, PTRACE_O_TRACESYSGOOD) == 0 && ptrace(PTRACE_INTERRUPT, old, NULL, NULL) == 0
              && waitpid(old, &status, 0) == old, "ptrace");
    check(kill(old, SIGUSR2) == 0, "kill"); /* while it is stopped: no stop is missed */
    ptrace(PTRACE_SYSCALL, old, NULL, NULL);
    while (waitpid(old, &status, 0) == old && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ++stops == n)
            kill(old, SIGKILL);
        ptrace(PTRACE_SYSCALL, old, NULL, NULL);
    }
    line = next_line();
    if (line == NULL) {
        check(WIFSIGNALED(status), "the predecessor exits although nobody took over");
        return 0;
    }
    server = said(line, "has taken over", nclients, nclients, &owed);
    return WIFSIGNALED(status) ? 1 : -1;
}

/* Takes the dead ones off: the clients, and the pipe. */
static void bury(void)
{
    for (size_t i = 0; i < nclients; i++)
        close(clients[i].fd);
    free(clients);
    nclients = 0;
    close(lines);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    server = 0;
}

/* Bad successors. */

static const char *const bad[] = {
    "exits", "stalls", "garbage", "other-version", "deaf", "taken-at-once", /* are told nothing, or do not hear */
    "nonsense", "unready", "leaves", "dies-after-READY", "dies-after-GO",   /* are told all */
};

static int be_bad(const char *how)
{
    static struct talk talk;
    struct message m;
    struct item item;
    struct anc_in in;
    char garbage[4096];
#define IS(name) (strcmp(how, name) == 0)
    if (IS("exits") || !talk_start(&talk, atoi(getenv(HAND_OVER)), -1))
        return 1;
    if (IS("stalls"))
        pause();
    if (IS("garbage")) {
        memset(garbage, 'x', sizeof garbage);
        send(talk.sock, garbage, sizeof garbage, 0);
        pause();
    }
    talk_queue(&talk, &m, HELLO, 0, NULL, 0, NULL);
    m.item.version += IS("other-version"); /* and does all the rest as it should be */
    anc_tx_flush(&talk.tx, -1);
    if (IS("taken-at-once"))
        talk_say(&talk, TAKEN, 0);
    if (IS("taken-at-once") || IS("deaf"))
        pause();
    while (talk_hear(&talk, &item, &in) == 1 && item.kind != END)
        ;
    if (IS("nonsense"))
        talk_say(&talk, GO, 0);
    if (IS("nonsense") || IS("unready"))
        pause();
    if (IS("leaves"))
        return 0;
    talk_say(&talk, READY, 0);
    if (IS("dies-after-READY"))
        return 0;
    talk_hears(&talk, GO);
    if (IS("other-version"))
        talk_say(&talk, TAKEN, 0);
    return 0;
}

/* A good successor, looked at closely by its predecessor: by us. */

static struct {
    struct talk talk;
    struct message messages[8];
    int count, listeners[2], ours[2], theirs[2];
    pid_t pid;
} close_up;

static void start_taker(void)
{
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char number[12];
    int pair[2], null, i;
    snprintf(tcp_name, sizeof tcp_name, "tcp:1"); /* a name is a name */
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    for (i = 0; i < 2; i++) {
        int connection[2];
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection) == 0, "socketpair");
        close_up.ours[i] = connection[0];
        close_up.theirs[i] = connection[1];
        close_up.listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        check(bind(close_up.listeners[i], (void *)&port, sizeof port) == 0 && listen(close_up.listeners[i], 1) == 0, "listen");
    }
    check(send(close_up.ours[0], "xyz", 3, 0) == 3, "send");
    check(fcntl(pair[1], F_SETFD, 0) == 0 && talk_start(&close_up.talk, pair[0], PATIENCE_MS), "talk");
    snprintf(number, sizeof number, "%d", pair[1]);
    group = 0;
    close_up.count = 0;
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    group = server = close_up.pid = spawn(null, number, in_dir("server"));
    close(null);
    close(pair[1]);
    check(talk_hears(&close_up.talk, HELLO), "HELLO");
}

static void tell(enum kind kind, uint64_t number, const char *bytes, size_t len, const int *fd)
{
    struct message *m = &close_up.messages[close_up.count++];
    check(talk_queue(&close_up.talk, m, kind, number, (char *)bytes, len, fd), "queue");
}

static void tell_listeners(void)
{
    tell(LISTENER, 1, unix_name, strlen(unix_name), &close_up.listeners[0]);
    tell(LISTENER, 2, tcp_name, strlen(tcp_name), &close_up.listeners[1]);
}

static void tell_all(void)
{
    tell_listeners();
    tell(CONNECTION, 5, "abc", 3, &close_up.theirs[0]);
    tell(CONNECTION, 6, NULL, 0, &close_up.theirs[1]);
    check(talk_say(&close_up.talk, END, 4), "END");
}

static int untouched(void)
{
    int sent, echoed_back;
    check(ioctl(close_up.theirs[0], FIONREAD, &sent) == 0, "FIONREAD");
    check(ioctl(close_up.ours[0], FIONREAD, &echoed_back) == 0, "FIONREAD");
    return sent == 3 && echoed_back == 0;
}

/* Until the process sleeps: then it has done all that it does of its own. */
static void await_sleep(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    while (state != 'S') {
        FILE *stat = fopen(path, "re");
        check(stat != NULL && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z', "%s", path);
        fclose(stat);
    }
}

static void hang_up(void)
{
    talk_end(&close_up.talk);
    close(close_up.talk.sock);
}

static void end_taker(int is_serving, const char *what)
{
    char bytes[8] = "";
    int status;
    if (is_serving) {
        struct pollfd ready = {.fd = close_up.ours[0], .events = POLLIN};
        check(poll(&ready, 1, PATIENCE_MS) == 1 && recv(close_up.ours[0], bytes, 6, MSG_WAITALL) == 6
                  && memcmp(bytes, "abcxyz", 6) == 0,
              "%s: the connection gets \"%s\"", what, bytes);
        kill(close_up.pid, SIGTERM);
    }
    check(waitpid(close_up.pid, &status, 0) == close_up.pid, "waitpid");
    check(is_serving ? WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM
                     : WIFEXITED(status) && WEXITSTATUS(status) == 1, "%s: ends with %x", what, status);
    check(is_serving || untouched(), "%s: a connection was touched", what);
    for (int i = 0; i < 2; i++) {
        close(close_up.ours[i]);
        close(close_up.theirs[i]);
        close(close_up.listeners[i]);
    }
    server = 0;
}

static void take_a_close_look(void)
{
    static char many[5000];
    struct pollfd ready = {.events = POLLIN};
    int pipes[2];

    program = "";
    start_taker();
    tell_all();
    check(talk_hears(&close_up.talk, READY), "READY");
    await_sleep(close_up.pid);
    check(untouched(), "a successor serves before GO");
    check(talk_say(&close_up.talk, GO, 0) && talk_hears(&close_up.talk, TAKEN), "TAKEN");
    end_taker(1, "after GO");
    hang_up();

    for (int when = 0; when < 3; when++) {
        start_taker();
        tell_all();
        ready.fd = close_up.talk.sock;
        if (when == 1)
            check(poll(&ready, 1, PATIENCE_MS) == 1, "READY"); /* it comes, and is not read */
        if (when == 2)
            check(talk_hears(&close_up.talk, READY), "READY");
        hang_up();
        end_taker(1, "its predecessor has died");
    }
    puts("ok   a successor serves after GO, or when its predecessor has died after END; not before");

#define REFUSED(what, ...) \
    do { \
        struct item item; \
        struct anc_in in; \
        start_taker(); \
        __VA_ARGS__; \
        check(talk_hear(&close_up.talk, &item, &in) == 0, "%s: refused, and the channel ends", what); \
        hang_up(); \
        end_taker(0, what); \
    } while (0)
#define SAY_END(count) check(talk_say(&close_up.talk, END, count), "END")
    check(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
    REFUSED("one missing", tell_listeners(); tell(CONNECTION, 5, "abc", 3, &close_up.theirs[0]); SAY_END(4));
    REFUSED("one too many", tell_listeners(); tell(CONNECTION, 5, "abc", 3, &close_up.theirs[0]); SAY_END(2));
    REFUSED("a number twice",
            tell_listeners(); tell(CONNECTION, 5, "abc", 3, &close_up.theirs[0]);
            tell(CONNECTION, 5, "", 0, &close_up.theirs[1]);
            SAY_END(4));
    REFUSED("a listener missing",
            tell(LISTENER, 1, unix_name, strlen(unix_name), &close_up.listeners[0]);
            SAY_END(1));
    REFUSED("another listener",
            tell(LISTENER, 1, unix_name, strlen(unix_name), &close_up.listeners[0]);
            tell(LISTENER, 2, "tcp:2", 5, &close_up.listeners[1]);
            SAY_END(2));
    REFUSED("a surplus listener",
            tell_listeners(); tell(LISTENER, 3, "tcp:2", 5, &close_up.listeners[1]);
            SAY_END(3));
    REFUSED("a connection as a listener",
            tell(LISTENER, 1, unix_name, strlen(unix_name), &close_up.theirs[0]);
            SAY_END(1));
    REFUSED("a listener as a connection",
            tell_listeners(); tell(CONNECTION, 5, "abc", 3, &close_up.listeners[0]);
            SAY_END(3));
    REFUSED("a pipe", tell_listeners(); tell(CONNECTION, 5, "abc", 3, &pipes[0]); SAY_END(3));
    REFUSED("no descriptor", tell_listeners(); tell(CONNECTION, 5, "abc", 3, NULL); SAY_END(3));
    REFUSED("too many bytes",
            tell_listeners(); tell(CONNECTION, 5, many, sizeof many, &close_up.theirs[0]);
            SAY_END(3));
    REFUSED("GO without END", tell_listeners(); check(talk_say(&close_up.talk, GO, 0), "GO"));
    REFUSED("another version", tell_listeners(); close_up.messages[1].item.version++; SAY_END(2));
    REFUSED("death before END", tell_listeners(); tell(CONNECTION, 5, "abc", 3, &close_up.theirs[0]);
            check(anc_tx_flush(&close_up.talk.tx, -1) == 0 && shutdown(close_up.talk.sock, SHUT_WR) == 0, "shutdown"));
    REFUSED("END for GO", tell_all(); check(talk_hears(&close_up.talk, READY), "READY"); SAY_END(4));
    close(pipes[0]);
    close(pipes[1]);
    puts("ok   a successor refuses what is not whole, and touches nothing");
}

static void stopped(int signal)
{
    const char *what = signal == SIGALRM ? "FAIL it hangs\n" : "FAIL stopped\n";
    if (server > 0)
        kill(-group, SIGKILL);
    _exit(write(STDOUT_FILENO, what, strlen(what)) > 0 ? 1 : 2);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    size_t many = 2000, owed = 0;
    unsigned int last = 0, n, killed = 0;
    int descriptors, is_traceable, outcome = 0, taken;

    if (argc >= 5 && strcmp(argv[1], "--doom") == 0)
        return be_doomed((unsigned int)atoi(argv[2]), argv[3], argv + 4);
    if (argc >= 3 && strcmp(argv[1], "--as") == 0)
        return be_bad(argv[2]);
    if (argc != 4) {
        fputs("usage: hand-over-test SERVER HASTY DIRECTORY\n", stderr);
        return 2;
    }
    self = argv[0];
    dir = argv[3];
    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(unix_name, sizeof unix_name, "unix:%s/socket", dir);
    check(strlen(unix_name) < 5 + 108, "the directory's name is too long");
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < many + 100) {
        many = limit.rlim_cur - 100;
        printf("fewer connections, %zu: RLIMIT_NOFILE\n", many);
    }
    signal(SIGALRM, stopped);
    signal(SIGTERM, stopped);
    signal(SIGINT, stopped);
    alarm(300);
    check(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "subreaper");
    poller = epoll_create1(EPOLL_CLOEXEC);
    descriptors = open_descriptors(getpid());

    put_at_path(argv[1], "%s", "");
    take_a_close_look();

    /* Few connections: killed at every stop. */
    start(argv[1]);
    open_clients(4, 1);
    move_all();
    is_traceable = doom(100000) != 0;
    if (!is_traceable)
        puts("skipped: successors killed at every system call: ptrace is not allowed here");
    for (n = 1; is_traceable && last == 0; n++) {
        last = doom(n);
        move_all();
    }
    if (is_traceable)
        printf("ok   a successor killed at each of %u stops, up to TAKEN: the predecessor goes on\n", last);
    stop();

    start(argv[1]);
    open_clients(4, 1);
    for (n = 1, killed = 0, taken = -1; is_traceable && outcome != -1; n++) {
        move_all();
        outcome = kill_predecessor(n);
        if (outcome == 0) {
            check(taken == -1, "a predecessor killed at stop %u takes all with it, one killed at stop %d did not", n, taken);
            bury();
            start(argv[1]);
            open_clients(4, 1);
        }
        if (outcome == 1 && taken == -1)
            taken = (int)n;
    }
    if (is_traceable) {
        check(taken != -1, "no successor took over from the dead");
        move_all();
        printf("ok   a predecessor killed at each of %u stops: from stop %d on the successor takes over\n", n - 2, taken);
    }
    stop();

    /* Many: hand-overs and failures by turns. */
    start(argv[1]);
    open_clients(many, 32);
    move_all();
    last = is_traceable ? doom(1000000) : 0;
    for (n = 0; n < 20; n++) {
        owed += hand_over(many / 20);
        if (is_traceable) {
            doom(1 + dice() % last);
            killed++;
        }
    }
    check(owed > 0, "the servers never owed a byte");
    printf("ok   20 hand-overs of %zu connections, owed %zu bytes; and %u successors killed at any moment\n", many, owed, killed);
    put_at_path(NULL, "ulimit -n %zu\nexec %s \"$@\"\n", many / 2, program);
    fail_to_hand_over();
    put_at_path("/nowhere", "%s", "");
    fail_to_hand_over();
    move_all();
    puts("ok   a successor that has not enough descriptors, or is not there: the predecessor goes on");
    owed = hand_over(0);
    stop();

    start(argv[2]);
    put_at_path(NULL, "exec %s --as stalls\n", self);
    fail_to_hand_over(); /* without any load that would wake it */
    open_clients(many < 500 ? many : 500, 16);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        move_all();
        put_at_path(NULL, "exec %s --as %s\n", self, bad[i]);
        fail_to_hand_over();
    }
    move_all();
    stop();
    puts("ok   successors that exit, stall, talk nonsense, die after READY and GO: the predecessor goes on");

    close(poller);
    unlink(in_dir("server"));
    unlink(unix_name + 5);
    check(open_descriptors(getpid()) == descriptors - 1, "descriptors are left");
    printf("ok   no process and no descriptor is left; %llu bytes were echoed on %llu connections, each as it was sent\n",
           (unsigned long long)echoed, (unsigned long long)opened);
    return 0;
}
