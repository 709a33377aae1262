/* Programs that do with a message what the checker reports, each beside one that does it right.
 *
 *     planted list            name, anc-watch's options, the kind of report and words of it
 *     planted NAME            runs it
 *
 * Only the C library: this is the program that was never recompiled. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static struct program {
    const char *name, *options, *kind, *words;
    void (*run)(void);
    struct program *next;
} *first, **last = &first;

#define PROGRAM(program_name, options, kind, words)                                                \
    static void program_name(void);                                                                \
    __attribute__((constructor)) static void program_name##_is_one(void)                           \
    {                                                                                              \
        static struct program self = {#program_name, options, kind, words, program_name, NULL};    \
        *last = &self;                                                                             \
        last = &self.next;                                                                         \
    }                                                                                              \
    static void program_name(void)
#define BAD(name, kind, words) PROGRAM(name, "", kind, words)
#define GOOD(name) PROGRAM(name, "", "", "")

static void must(int condition)
{
    if (!condition) {
        perror("planted");
        _exit(99);
    }
}

static int pair[2]; /* from 0 to 1 */

static void pair_of(int type)
{
    must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0);
}

/* A message of len bytes with n descriptors. */
static void give(size_t len, int n)
{
    static char bytes[8];
    _Alignas(size_t) char control[CMSG_SPACE(8 * sizeof(int))];
    struct iovec iov = {bytes, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    int fds[8], i;
    memset(control, 0, sizeof control);
    for (i = 0; i < n; i++)
        must((fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0);
    if (n > 0) {
        struct cmsghdr *c = (struct cmsghdr *)control;
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
    }
    must(sendmsg(pair[0], &msg, MSG_NOSIGNAL) == (ssize_t)len);
    for (i = 0; i < n; i++)
        close(fds[i]);
}

static void passcred(void)
{
    int on = 1;
    must(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
}

struct in {
    _Alignas(size_t) char control[CMSG_SPACE(8 * sizeof(int))];
    char bytes[8];
    struct iovec iov;
    struct msghdr msg;
};

static void prepare(struct in *in, size_t len, size_t room)
{
    memset(in, 0, sizeof *in);
    in->iov = (struct iovec){in->bytes, len};
    in->msg = (struct msghdr){.msg_iov = &in->iov, .msg_iovlen = 1, .msg_control = in->control, .msg_controllen = room};
}

/* Receives up to eight descriptors as it should be done; returns how many. With -rdynamic it has a name. */
int take(int flags, int fds[8]);
int take(int flags, int fds[8])
{
    struct in in;
    struct cmsghdr *c;
    int n = 0;
    prepare(&in, sizeof in.bytes, sizeof in.control);
    must(recvmsg(pair[1], &in.msg, flags) >= 0);
    must(!(in.msg.msg_flags & MSG_CTRUNC));
    for (c = CMSG_FIRSTHDR(&in.msg); c; c = CMSG_NXTHDR(&in.msg, c))
        if (c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == 4)) {
            int came = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            memcpy(fds + n, CMSG_DATA(c), (size_t)came * sizeof(int));
            n += came;
        }
    return n;
}

static int take_one(int flags)
{
    int fds[8];
    must(take(flags, fds) == 1);
    return fds[0];
}

static int one(void)
{
    pair_of(SOCK_STREAM);
    give(1, 1);
    return take_one(MSG_CMSG_CLOEXEC);
}

static void use(int fd)
{
    uint64_t value;
    must(read(fd, &value, sizeof value) == sizeof value);
}

/* Descriptors that nobody claims. */

BAD(left_open_until_the_end, "unclaimed", "open at the end of the process") { one(); }
BAD(left_open_until__exit, "unclaimed", "open at the end of the process") { one(); _exit(0); }
BAD(left_open_until_SIGTERM, "unclaimed", "open at the end of the process") { one(); raise(SIGTERM); }

BAD(closed_by_closing_every_number, "unclaimed", "a sweep over all numbers")
{
    int fd;
    one();
    for (fd = 3; fd < 256; fd++)
        close(fd);
}

BAD(closed_by_closing_every_number_downwards, "unclaimed", "a sweep over all numbers")
{
    int fd;
    one();
    for (fd = 255; fd > 2; fd--)
        close(fd);
}

BAD(closed_by_asking_after_every_number, "unclaimed", "a sweep over all numbers")
{
    int fd;
    one();
    for (fd = 3; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            close(fd);
}

BAD(asked_after_in_a_sweep_and_left, "unclaimed", "open at the end")
{
    int fd;
    one();
    for (fd = 3; fd < 256; fd++)
        fcntl(fd, F_GETFD);
}

BAD(closed_by_close_range, "unclaimed", "closed in a sweep") { one(); close_range(3, ~0U, 0); }
BAD(closed_by_closefrom, "unclaimed", "closed in a sweep") { one(); closefrom(3); }

BAD(the_second_of_two, "unclaimed", "in the padding")
{
    struct in in;
    int fd;
    pair_of(SOCK_STREAM);
    give(1, 2);
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&in.msg)), sizeof fd);
    close(fd);
}

BAD(what_had_room, "unclaimed", "MSG_CTRUNC")
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 4);
    prepare(&in, 1, CMSG_LEN(2 * sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    must(in.msg.msg_flags & MSG_CTRUNC);
}

BAD(the_pidfd, "unclaimed", "pidfd of SO_PASSPIDFD")
{
    int on = 1, fds[8];
    pair_of(SOCK_STREAM);
    must(setsockopt(pair[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) == 0);
    give(1, 0);
    take(MSG_CMSG_CLOEXEC, fds);
}

BAD(of_a_look, "unclaimed", "MSG_PEEK")
{
    pair_of(SOCK_SEQPACKET);
    give(1, 1);
    take_one(MSG_PEEK | MSG_CMSG_CLOEXEC);
    close(take_one(MSG_CMSG_CLOEXEC));
}

BAD(of_an_empty_message, "unclaimed", "0 bytes, which is not the end")
{
    pair_of(SOCK_SEQPACKET);
    give(0, 1);
    take_one(MSG_CMSG_CLOEXEC);
}

BAD(of_a_read_of_nothing, "unclaimed", "a receive of 0 bytes on a stream")
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 1);
    prepare(&in, 0, CMSG_SPACE(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 0);
}

BAD(of_a_batch, "unclaimed", "open at the end")
{
    struct in in;
    struct mmsghdr one_of;
    pair_of(SOCK_STREAM);
    give(1, 1);
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    one_of.msg_hdr = in.msg;
    must(recvmmsg(pair[1], &one_of, 1, MSG_CMSG_CLOEXEC, NULL) == 1);
}

BAD(by_system_call_number, "unclaimed", "open at the end")
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 1);
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    must(syscall(SYS_recvmsg, pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
}

BAD(in_a_child, "unclaimed", "open at the end")
{
    pid_t child = fork();
    if (child == 0) {
        one();
        exit(0);
    }
    waitpid(child, NULL, 0);
}

BAD(in_a_program_that_is_executed, "unclaimed", "open at the end")
{
    execl("/proc/self/exe", "planted", "left_open_until_the_end", (char *)NULL);
}

static void *leave_one(void *unused)
{
    (void)unused;
    one();
    return NULL;
}

BAD(in_a_thread, "unclaimed", "open at the end")
{
    pthread_t thread;
    must(pthread_create(&thread, NULL, leave_one, NULL) == 0);
    pthread_join(thread, NULL);
}

GOOD(closed_without_any_use) { close(one()); }

GOOD(closed_before_a_sweep)
{
    int fd = one(), i;
    close(fd);
    for (i = 3; i < 256; i++)
        if (fcntl(i, F_GETFD) != -1)
            close(i);
}

GOOD(closed_before_a_sweep_of_those_above_it)
{
    int fd = one(), i;
    close(fd);
    for (i = fd + 1; i < 256; i++)
        close(i);
}

GOOD(asked_after_and_kept)
{
    int fd = one();
    must(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

GOOD(used_before_a_sweep)
{
    int i;
    use(one());
    for (i = 3; i < 256; i++)
        close(i);
}

GOOD(several_closed_in_order)
{
    int fds[8], n, i;
    pair_of(SOCK_STREAM);
    give(1, 8);
    n = take(MSG_CMSG_CLOEXEC, fds);
    for (i = 0; i < n; i++)
        close(fds[i]);
}

GOOD(several_closed_at_once)
{
    int fds[8], n;
    pair_of(SOCK_STREAM);
    give(1, 8);
    n = take(MSG_CMSG_CLOEXEC, fds);
    must(close_range((unsigned)fds[0], (unsigned)fds[n - 1], 0) == 0);
}

GOOD(closed_at_once_up_to_the_limit)
{
    struct rlimit limit;
    int fds[8], n;
    pair_of(SOCK_STREAM);
    give(1, 8);
    n = take(MSG_CMSG_CLOEXEC, fds);
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)fds[n - 1] + 1;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    must(close_range((unsigned)fds[0], (unsigned)fds[n - 1], 0) == 0);
}

GOOD(polled) { struct pollfd p = {one(), POLLIN, 0}; must(poll(&p, 1, 0) == 1); }
GOOD(selected) { fd_set set; int fd = one(); FD_ZERO(&set); FD_SET(fd, &set); must(select(fd + 1, &set, NULL, NULL, NULL) == 1); }
GOOD(duplicated) { must(dup2(one(), 100) == 100); }
GOOD(examined) { struct stat st; must(fstat(one(), &st) == 0); }
GOOD(made_a_stream) { must(fdopen(one(), "r") != NULL); }

GOOD(given_to_epoll)
{
    struct epoll_event event = {.events = EPOLLIN};
    must(epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, one(), &event) == 0);
}

GOOD(named_in_a_system_call) { must(syscall(SYS_fstat, one(), &(struct stat){0}) == 0); }

GOOD(passed_on)
{
    _Alignas(size_t) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {"x", 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int fd = one();
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    must(sendmsg(pair[0], &msg, 0) == 1);
}

/* What is given to the kernel in shared memory names nothing in a call. */
GOOD(of_a_program_with_an_io_uring)
{
    char parameters[120] = {0};
    int fd = one();
    if (syscall(425 /* io_uring_setup */, 4, parameters) < 0)
        close(fd);
}

GOOD(used_by_a_child_alone)
{
    int fd = one();
    pid_t child = fork();
    if (child == 0) {
        use(fd);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

GOOD(swept_by_a_child_alone)
{
    int fd = one();
    pid_t child = fork();
    if (child == 0) {
        closefrom(3);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    close(fd);
}

GOOD(swept_by_a_child_of_vfork)
{
    int fd = one();
    pid_t child = vfork();
    if (child == 0) {
        close_range(3, ~0U, 0);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    use(fd);
}

/* Close-on-exec. */

BAD(inheritable_until_it_is_closed, "inheritable", "until it was closed")
{
    pair_of(SOCK_STREAM);
    give(1, 1);
    close(take_one(0));
}

BAD(inheritable_until_the_end, "inheritable", "until the end of the process")
{
    pair_of(SOCK_STREAM);
    give(1, 1);
    use(take_one(0));
}

BAD(inherited_by_what_is_executed, "inheritable", "what is executed inherits it")
{
    pair_of(SOCK_STREAM);
    give(1, 1);
    use(take_one(0));
    execl("/bin/true", "true", (char *)NULL);
}

BAD(inherited_by_what_is_spawned, "inheritable", "what is executed inherits it")
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    pid_t child;
    pair_of(SOCK_STREAM);
    give(1, 1);
    use(take_one(0));
    must(posix_spawn(&child, "/bin/true", NULL, NULL, argv, envp) == 0);
    waitpid(child, NULL, 0);
}

GOOD(close_on_exec_from_the_start) { int fd = one(); use(fd); close(fd); }

GOOD(close_on_exec_set_at_once)
{
    int fd;
    pair_of(SOCK_STREAM);
    give(1, 1);
    fd = take_one(0);
    must(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
    execl("/bin/true", "true", (char *)NULL);
}

GOOD(close_on_exec_set_where_nobody_sees_it)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW);
    int (*its_fcntl)(int, int, ...);
    int fd;
    pair_of(SOCK_STREAM);
    give(1, 1);
    fd = take_one(0);
    must(libc != NULL);
    *(void **)&its_fcntl = dlsym(libc, "fcntl");
    must(its_fcntl(fd, F_SETFD, FD_CLOEXEC) == 0);
    use(fd);
}

/* MSG_CTRUNC. */

static __attribute__((noinline)) ssize_t receive_without_a_look(size_t room)
{
    struct in in;
    prepare(&in, 1, room);
    return recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC);
}

static __attribute__((noinline)) ssize_t receive_with_a_look(size_t room)
{
    struct in in;
    ssize_t n;
    prepare(&in, 1, room);
    n = recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC);
    return in.msg.msg_flags & MSG_CTRUNC ? -1 : n;
}

static __attribute__((noinline)) ssize_t receive_and_clear_a_flag(size_t room)
{
    struct in in;
    ssize_t n;
    prepare(&in, 1, room);
    n = recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC);
#if defined(__x86_64__) || defined(__i386__)
    __asm__ volatile("andl %1, %0" : "+m"(in.msg.msg_flags) : "r"(~MSG_CMSG_CLOEXEC) : "cc"); /* in its place */
#else
    *(volatile int *)&in.msg.msg_flags &= ~MSG_CMSG_CLOEXEC;
#endif
    return *(volatile int *)&in.msg.msg_flags & MSG_CTRUNC ? -1 : n;
}

BAD(credentials_without_room, "truncated", "nobody looked at msg_flags")
{
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    receive_without_a_look(CMSG_LEN(0) - 4);
}

BAD(a_full_table, "truncated", "(0 bytes of control data in ")
{
    struct rlimit limit;
    pair_of(SOCK_STREAM);
    give(1, 1);
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = (rlim_t)pair[1] + 1;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    receive_without_a_look(CMSG_SPACE(sizeof(int)));
}

BAD(truncated_in_a_loop, "truncated", "nobody looked at msg_flags")
{
    static struct in in; /* one msghdr for all, which nothing but the kernel writes */
    int i;
    pair_of(SOCK_SEQPACKET);
    passcred();
    prepare(&in, 1, CMSG_LEN(0) - 4);
    for (i = 0; i < 3; i++) {
        give(1, 0);
        must(recvmsg(pair[1], &in.msg, 0) == 1);
        in.msg.msg_controllen = CMSG_LEN(0) - 4;
    }
    must(in.msg.msg_flags & MSG_CTRUNC); /* of the last one alone */
}

BAD(a_part_of_the_credentials, "truncated", "nobody looked at msg_flags")
{
    static int pid;
    struct in in;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, CMSG_LEN(sizeof pid));
    must(recvmsg(pair[1], &in.msg, 0) == 1);
    pid = *(volatile int *)(in.control + CMSG_LEN(0));
    must(pid == getpid());
}

GOOD(cut_and_seen_by_its_length)
{
    struct in in;
    struct cmsghdr *c;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, CMSG_LEN(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, 0) == 1);
    c = CMSG_FIRSTHDR(&in.msg);
    must(c && c->cmsg_len < CMSG_LEN(sizeof(struct ucred)));
}

GOOD(truncated_and_looked_at)
{
    int i;
    pair_of(SOCK_STREAM);
    passcred();
    for (i = 0; i < 3; i++) {
        give(1, 0);
        must(receive_with_a_look(CMSG_LEN(0) - 4) == -1);
    }
}

GOOD(truncated_and_a_bit_cleared_first)
{
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    must(receive_and_clear_a_flag(CMSG_LEN(0) - 4) == -1);
}

GOOD(truncated_and_copied)
{
    struct in in;
    struct msghdr copy;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, CMSG_LEN(0) - 4);
    must(recvmsg(pair[1], &in.msg, 0) == 1);
    memcpy(&copy, &in.msg, sizeof copy);
    must(copy.msg_flags & MSG_CTRUNC);
}

static struct in of_both;

static void *look_in_a_thread(void *unused)
{
    (void)unused;
    return of_both.msg.msg_flags & MSG_CTRUNC ? &of_both : NULL;
}

GOOD(truncated_and_looked_at_by_another_thread)
{
    pthread_t thread;
    void *result;
    pair_of(SOCK_STREAM);
    passcred();
    prepare(&of_both, 1, CMSG_LEN(0) - 4);
    must(pthread_create(&thread, NULL, look_in_a_thread, NULL) == 0);
    pthread_join(thread, NULL);
    give(1, 0);
    must(recvmsg(pair[1], &of_both.msg, 0) == 1);
    must(pthread_create(&thread, NULL, look_in_a_thread, NULL) == 0);
    pthread_join(thread, &result);
    must(result != NULL);
}

GOOD(no_control_buffer_at_all)
{
    struct in in;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, 0);
    must(recvmsg(pair[1], &in.msg, 0) == 1);
}

/* Control messages that are read at another size than they have. */

static volatile int sink;

BAD(a_descriptor_where_none_came, "misread", "msg_controllen is 0")
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 0);
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    sink = *(volatile int *)(in.control + CMSG_LEN(0));
}

BAD(two_descriptors_where_one_came, "misread", "has 4 bytes of data, and more were read")
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 1);
    prepare(&in, 1, CMSG_SPACE(4 * sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    close(*(volatile int *)(in.control + CMSG_LEN(0)));
    sink = *(volatile int *)(in.control + CMSG_LEN(4));
}

BAD(credentials_that_were_cut, "misread truncated", "of type 2 has 4 bytes of data, and more were read")
{
    struct in in;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, CMSG_LEN(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, 0) == 1);
    sink = (int)*(volatile uint64_t *)(in.control + CMSG_LEN(0));
}

GOOD(nothing_read_where_none_came)
{
    struct in in;
    int i;
    pair_of(SOCK_STREAM);
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    for (i = 0; i < 3; i++) {
        give(1, 0);
        memset(in.control, 0, sizeof in.control); /* zeros over zeros are not a read */
        in.msg.msg_controllen = CMSG_SPACE(sizeof(int));
        must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
        must(CMSG_FIRSTHDR(&in.msg) == NULL);
    }
}

static __attribute__((noinline)) void clear_the_stack(void)
{
    volatile char bytes[2048];
    size_t i;
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = 0;
}

static __attribute__((noinline)) void receive_nothing(void)
{
    struct in in;
    prepare(&in, 1, CMSG_SPACE(sizeof(int)));
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
}

GOOD(the_stack_used_again)
{
    int i;
    pair_of(SOCK_STREAM);
    for (i = 0; i < 3; i++) {
        give(1, 0);
        receive_nothing();
        clear_the_stack();
    }
}

static char copy[sizeof(struct in)];

static void copy_all(const struct in *in)
{
    memcpy(copy, in->control, sizeof in->control);
    __asm__ volatile("" ::"r"(copy) : "memory");
}

GOOD(a_copy_of_the_whole_buffer)
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 0);
    prepare(&in, 1, sizeof in.control);
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    copy_all(&in);
    give(1, 1);
    prepare(&in, 1, sizeof in.control);
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    copy_all(&in);
    close(copy[CMSG_LEN(0)]);
}

GOOD(credentials_that_came_whole)
{
    struct in in;
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    prepare(&in, 1, CMSG_SPACE(sizeof(struct ucred)));
    must(recvmsg(pair[1], &in.msg, 0) == 1);
    sink = (int)*(volatile uint64_t *)(in.control + CMSG_LEN(0));
    sink = *(volatile int *)(in.control + CMSG_LEN(8));
}

/* Alignment. */

static void receive_at(size_t offset)
{
    struct in in;
    pair_of(SOCK_STREAM);
    give(1, 1);
    prepare(&in, 1, 40);
    in.msg.msg_control = in.control + offset;
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 1);
    memcpy((void *)&sink, in.control + offset + CMSG_LEN(0), sizeof sink);
    close(sink);
}

BAD(a_buffer_at_an_odd_place, "misaligned", "1 bytes off") { receive_at(1); }
GOOD(a_buffer_at_an_even_place) { receive_at(sizeof(size_t)); }

/* Sending. */

static ssize_t send_part(const char *buf, size_t len, int fd)
{
    _Alignas(size_t) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {(char *)buf, len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        struct cmsghdr *c = (struct cmsghdr *)control;
        msg.msg_control = control;
        msg.msg_controllen = sizeof control;
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    return sendmsg(pair[0], &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* More than the socket takes at once; made room for, and gone on with. */
enum rest { WITH_IT, WITHOUT_IT, NONE_BUT_ANOTHER_MESSAGE };

static void send_in_parts(enum rest rest)
{
    static char block[1 << 20], other[8], in[1 << 16];
    int fd = eventfd(0, EFD_CLOEXEC);
    ssize_t n;
    pair_of(SOCK_STREAM);
    n = send_part(block, sizeof block, fd);
    must(n > 0 && n < (ssize_t)sizeof block);
    while (recv(pair[1], in, sizeof in, MSG_DONTWAIT) > 0)
        ;
    if (rest == NONE_BUT_ANOTHER_MESSAGE)
        must(send_part(other, sizeof other, fd) > 0);
    else
        must(send_part(block + n, sizeof block - (size_t)n, rest == WITH_IT ? fd : -1) > 0);
}

BAD(the_rest_with_the_descriptor_again, "resent", "they arrive twice") { send_in_parts(WITH_IT); }
GOOD(the_rest_without_the_descriptor) { send_in_parts(WITHOUT_IT); }
GOOD(another_message_with_the_same_descriptor) { send_in_parts(NONE_BUT_ANOTHER_MESSAGE); }

GOOD(the_same_descriptor_with_the_next_message)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    pair_of(SOCK_STREAM);
    must(send_part("ab", 1, fd) == 1 && send_part("ab", 1, fd) == 1);
}

BAD(a_descriptor_without_a_byte, "unsent", "they never arrive") { pair_of(SOCK_STREAM); must(send_part("", 0, 0) == 0); }
GOOD(a_descriptor_with_a_byte) { pair_of(SOCK_STREAM); must(send_part("x", 1, 0) == 1); }
GOOD(an_empty_packet_with_a_descriptor) { pair_of(SOCK_SEQPACKET); must(send_part("", 0, 0) == 0); }

/* Numbers that are kept too long. */

BAD(written_to_after_it_was_closed, "stale", "its number is used again")
{
    int fd = one();
    use(fd);
    close(fd);
    must(write(fd, "12345678", 8) == -1);
}

BAD(sent_after_it_was_closed, "stale", "its number is used again")
{
    int fd = one();
    close(fd);
    must(send_part("x", 1, fd) == -1);
}

PROGRAM(used_when_it_is_another_file, "-u", "stale", "its number is used again")
{
    int fd = one();
    close(fd);
    must(eventfd(0, EFD_CLOEXEC) != fd);
    must(write(fd, "12345678", 8) == -1);
}

GOOD(its_number_is_another_files_by_now)
{
    int fd = one();
    close(fd);
    must(eventfd(0, EFD_CLOEXEC) == fd);
    must(write(fd, "\1\0\0\0\0\0\0", 8) == 8);
}

GOOD(its_number_is_a_streams_by_now)
{
    int fd = one();
    FILE *stream;
    close(fd);
    stream = fopen("/dev/null", "r"); /* opened inside the C library */
    must(stream && fileno(stream) == fd);
    must(read(fd, &(char){0}, 1) == 0);
}

PROGRAM(numbers_kept_apart_are_as_many_as_before, "-u", "", "")
{
    int fd = one(), another;
    close(fd);
    another = open("/dev/null", O_RDONLY | O_CLOEXEC);
    must(another > fd && fcntl(fd, F_GETFD) == -1 && fcntl(another, F_GETFD) == FD_CLOEXEC);
}

/* What a correct program may do too. */

static void take_in_two_reads(int drop_early)
{
    struct in in;
    int fd;
    char rest[8];
    pair_of(SOCK_STREAM);
    give(8, 1);
    prepare(&in, 3, sizeof in.control);
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 3);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&in.msg)), sizeof fd);
    if (drop_early)
        close(fd);
    prepare(&in, sizeof rest, sizeof in.control);
    must(recvmsg(pair[1], &in.msg, MSG_CMSG_CLOEXEC) == 5);
    if (!drop_early)
        close(fd);
}

PROGRAM(dropped_between_two_reads, "-p", "dropped", "before the 5 bytes that it was sent with") { take_in_two_reads(1); }
PROGRAM(dropped_after_both, "-p", "", "") { take_in_two_reads(0); }
GOOD(dropped_between_two_reads_is_not_reported_by_default) { take_in_two_reads(1); }

PROGRAM(truncated_and_noticed, "-p", "noticed", "its sender is not told")
{
    pair_of(SOCK_STREAM);
    passcred();
    give(1, 0);
    must(receive_with_a_look(CMSG_LEN(0) - 4) == -1);
}

/* The program sees nothing of the checker. */

static int open_numbers(void)
{
    int fd, count = 0;
    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

GOOD(the_table_is_the_programs_own)
{
    int i;
    pair_of(SOCK_STREAM);
    for (i = 0; i < 3; i++) {
        int before, lowest = dup(0);
        close(lowest);
        give(1, 1);
        before = open_numbers();
        must(take_one(MSG_CMSG_CLOEXEC) == lowest);
        must(open_numbers() == before + 1);
        use(lowest);
    }
}

static volatile sig_atomic_t ended;
static void end(int number) { ended = number; }

GOOD(signals_are_the_programs_own)
{
    struct sigaction old;
    use(one());
    must(sigaction(SIGTERM, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
    must(signal(SIGTERM, end) == SIG_DFL);
    raise(SIGTERM);
    must(ended == SIGTERM);
}

GOOD(errno_is_the_programs_own)
{
    int fd = one();
    errno = 4242;
    close(fd);
    must(errno == 4242);
    must(close(fd) == -1 && errno == EBADF);
}

GOOD(a_bad_address_is_EFAULT)
{
    void *volatile nowhere = (void *)8;
    pair_of(SOCK_STREAM);
    give(1, 0);
    must(recvmsg(pair[1], nowhere, 0) == -1 && errno == EFAULT);
    must(sendmsg(pair[0], nowhere, 0) == -1 && errno == EFAULT);
    must(poll(nowhere, 1, 0) == -1 && errno == EFAULT);
}

int main(int argc, char **argv)
{
    const struct program *p;
    for (p = first; p; p = p->next)
        if (argc > 1 && strcmp(argv[1], "list") == 0) {
            printf("%s|%s|%s|%s\n", p->name, p->options, p->kind, p->words);
        } else if (argc > 1 && strcmp(argv[1], p->name) == 0) {
            p->run();
            return 0;
        }
    return argc > 1 && strcmp(argv[1], "list") == 0 ? 0 : 98;
}
