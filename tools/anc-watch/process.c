/* The life of the process: start, fork, exec, end. */
#include "watch.h"
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

NEXT_IS(_exit);
NEXT_IS(execve);
NEXT_IS(execv);
NEXT_IS(execvp);
NEXT_IS(execvpe);
NEXT_IS(fexecve);
NEXT_IS(posix_spawn);
NEXT_IS(posix_spawnp);
NEXT_IS(system);
NEXT_IS(popen);
NEXT_IS(sigaction);
NEXT_IS(signal);

static struct shared of_its_own; /* until there is memory to share */
struct shared *shared = &of_its_own;

static _Atomic int lock;
OF_THREAD sigset_t blocked_before;
OF_THREAD int depth;
static pid_t process, ended;
static bool is_executed; /* and not forked */

void enter(void)
{
    sigset_t all;
    if (depth++ > 0)
        return;
    sigfillset(&all);
    raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &blocked_before, 8);
    while (__atomic_exchange_n((int *)&lock, 1, __ATOMIC_ACQUIRE))
        raw0(SYS_sched_yield);
}

void leave(void)
{
    if (--depth > 0)
        return;
    __atomic_store_n((int *)&lock, 0, __ATOMIC_RELEASE);
    raw4(SYS_rt_sigprocmask, SIG_SETMASK, &blocked_before, NULL, 8);
}

/* A child has a copy of one thread only: nobody else holds the lock. */
static void in_child(void)
{
    lock = 0;
    depth = 0;
    process = (pid_t)raw0(SYS_getpid);
    is_executed = false;
    own_reports = 0;
    drop_looks();
    table_after_fork();
}

/* Some forks do not tell. */
void know_process(void)
{
    if (process != (pid_t)raw0(SYS_getpid))
        in_child();
}

/* What has become of all that came: once in each process. */
void at_end(void)
{
    know_process();
    if (ended == process)
        return;
    ended = process;
    end_of_run();
    judge_looks(NULL);
    table_at_end();
    if (!is_executed)
        return;
    summary();
    if (unseen_looks())
        note("%u receives were not watched for what the program reads of them: see anc-watch(1), LIMITS",
             unseen_looks());
}

static int status_for(int status)
{
    return options.exit_status && (own_reports || (is_executed && all_reports())) ? options.exit_status : status;
}

__attribute__((destructor)) static void end(void)
{
    at_end();
    if (status_for(0) != 0) {
        fflush(NULL);
        raw1(SYS_exit_group, options.exit_status);
    }
}

TAKEN_OVER void _exit(int status)
{
    at_end();
    NEXT(_exit)(status_for(status));
    __builtin_unreachable();
}

TAKEN_OVER void _Exit(int status)
{
    _exit(status);
}

/* A daemon is ended by a signal. Only the default action is replaced, and only where a descriptor came. */
enum { DEADLY = 3 };
static const int deadly[DEADLY] = {SIGTERM, SIGINT, SIGHUP};
static struct sigaction originals[DEADLY];

static void die(int number)
{
    at_end();
    NEXT(signal)(number, SIG_DFL);
    raw3(SYS_tgkill, raw0(SYS_getpid), raw0(SYS_gettid), number);
}

void watch_signals(void)
{
    static bool done;
    int i;
    if (done)
        return;
    done = true;
    for (i = 0; i < DEADLY; i++) {
        struct sigaction action;
        if (NEXT(sigaction)(deadly[i], NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
            action.sa_handler == SIG_DFL) {
            originals[i] = action;
            action.sa_handler = die;
            NEXT(sigaction)(deadly[i], &action, NULL);
        }
    }
}

TAKEN_OVER int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    int result = NEXT(sigaction)(number, action, old), i;
    for (i = 0; result == 0 && i < DEADLY; i++)
        if (deadly[i] == number && old && old->sa_handler == die)
            *old = originals[i];
    return result;
}

TAKEN_OVER sighandler_t signal(int number, sighandler_t handler)
{
    sighandler_t old = NEXT(signal)(number, handler);
    return old == die ? SIG_DFL : old;
}

/* A child of vfork() would write into this process's records. */
TAKEN_OVER pid_t vfork(void)
{
    return fork();
}

static const char inherited[] = "what is executed inherits it";

TAKEN_OVER int execve(const char *path, char *const argv[], char *const envp[])
{
    about_to_execute(inherited);
    return NEXT(execve)(path, argv, envp);
}

TAKEN_OVER int execv(const char *path, char *const argv[])
{
    about_to_execute(inherited);
    return NEXT(execv)(path, argv);
}

TAKEN_OVER int execvp(const char *file, char *const argv[])
{
    about_to_execute(inherited);
    return NEXT(execvp)(file, argv);
}

TAKEN_OVER int execvpe(const char *file, char *const argv[], char *const envp[])
{
    about_to_execute(inherited);
    return NEXT(execvpe)(file, argv, envp);
}

TAKEN_OVER int fexecve(int fd, char *const argv[], char *const envp[])
{
    use(fd);
    about_to_execute(inherited);
    return NEXT(fexecve)(fd, argv, envp);
}

enum { ARGUMENTS = 1024 };

/* The arguments of execl as an array. */
static char *const *collect(char **argv, const char *first, va_list *args)
{
    int n = 0;
    argv[n++] = (char *)first;
    while (argv[n - 1] && n < ARGUMENTS)
        argv[n++] = va_arg(*args, char *);
    argv[n - 1] = NULL;
    return argv;
}

TAKEN_OVER int execl(const char *path, const char *first, ...)
{
    char *argv[ARGUMENTS];
    va_list args;
    va_start(args, first);
    collect(argv, first, &args);
    va_end(args);
    return execv(path, argv);
}

TAKEN_OVER int execlp(const char *file, const char *first, ...)
{
    char *argv[ARGUMENTS];
    va_list args;
    va_start(args, first);
    collect(argv, first, &args);
    va_end(args);
    return execvp(file, argv);
}

TAKEN_OVER int execle(const char *path, const char *first, ...)
{
    char *argv[ARGUMENTS], *const *envp;
    va_list args;
    va_start(args, first);
    collect(argv, first, &args);
    envp = va_arg(args, char *const *);
    va_end(args);
    return execve(path, argv, envp);
}

TAKEN_OVER int posix_spawn(pid_t *restrict pid, const char *restrict path,
                           const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *restrict attributes,
                           char *const argv[restrict], char *const envp[restrict])
{
    about_to_execute(inherited);
    return NEXT(posix_spawn)(pid, path, actions, attributes, argv, envp);
}

TAKEN_OVER int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                            const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *restrict attributes,
                            char *const argv[restrict], char *const envp[restrict])
{
    about_to_execute(inherited);
    return NEXT(posix_spawnp)(pid, file, actions, attributes, argv, envp);
}

TAKEN_OVER int system(const char *command)
{
    about_to_execute(inherited);
    return NEXT(system)(command);
}

TAKEN_OVER FILE *popen(const char *command, const char *mode)
{
    about_to_execute(inherited);
    return NEXT(popen)(command, mode);
}

__attribute__((constructor)) static void start(void)
{
    const char *value;
    void *memory;
    look_up_all();
    memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        shared = memory;
    process = (pid_t)raw0(SYS_getpid);
    is_executed = true;
    options.log = getenv("ANC_WATCH_LOG");
    options.pedantic = getenv("ANC_WATCH_PEDANTIC") != NULL;
    options.unique = getenv("ANC_WATCH_UNIQUE") != NULL;
    if ((value = getenv("ANC_WATCH_EXITCODE")) != NULL)
        options.exit_status = atoi(value);
    if ((value = getenv("ANC_WATCH_SUPPRESSIONS")) != NULL)
        read_suppressions(value);
    start_looks();
    pthread_atfork(NULL, NULL, in_child);
    at_quick_exit(at_end);
}
