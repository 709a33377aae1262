/* The first process of a machine that has nothing but a kernel, this program and the C tests: mounts what they
 * look at, runs each program of /programs, one a line with its arguments, with its output on the second serial line, and
 * switches the machine off. `without=CALL` on the kernel's command line takes a system call away.
 *
 *     == NAME
 *     what the program printed
 *     == exit STATUS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <dirent.h>

enum { SECONDS_A_PROGRAM = 1800 };

/* Ends with the reason: a first process that ends stops the kernel, and the machine. */
static void must(int condition, const char *what)
{
    if (!condition) {
        printf("== failed: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void mount_at(const char *type, const char *where)
{
    mkdir(where, 0755);
    must(mount(type, where, type, 0, NULL) == 0, where);
}

/* Raw, for its output is compared with text that no terminal has seen. */
static void print_on(const char *line)
{
    struct termios raw;
    int fd = open(line, O_RDWR | O_NOCTTY);
    must(fd >= 0, line);
    if (tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    dup2(fd, 1);
    dup2(fd, 2);
    if (fd > 2)
        close(fd);
    fd = open("/dev/null", O_RDONLY);
    dup2(fd, 0);
    if (fd > 2)
        close(fd);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void load_modules(const char *where)
{
    DIR *dir = opendir(where);
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
            must(fd >= 0 && syscall(SYS_finit_module, fd, "", 0) == 0, entry->d_name);
            close(fd);
        }
    if (dir)
        closedir(dir);
}

static void bring_up_loopback(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(sock >= 0 && ioctl(sock, SIOCSIFFLAGS, &lo) == 0, "lo");
    close(sock);
}

/* ENOSYS from here on, as on a kernel that has never had the call. */
static void take_away(const char *call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    errno = 0;
    must(strcmp(call, "close_range") == 0, call);
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "seccomp");
    must(syscall(SYS_close_range, 1000, 1000, 0) == -1 && errno == ENOSYS, call);
}

static void on_alarm(int number)
{
    (void)number;
}

/* With nothing left behind: orphans are killed, and reaped here. */
static void run(char *line)
{
    char *words[16] = {NULL}, *program = strtok(line, " \n");
    size_t n = 0;
    pid_t child;
    int status = -1;
    for (words[0] = program; words[n] && n + 2 < sizeof words / sizeof *words; words[n] = strtok(NULL, " \n"))
        n++;
    if (!program)
        return;
    printf("== %s\n", program);
    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        setsid();
        execv(program, words);
        printf("%s: %s\n", program, strerror(errno));
        fflush(stdout);
        _exit(127); /* exit would move the list's file offset, which is the parent's too */
    }
    alarm(SECONDS_A_PROGRAM);
    for (;;) {
        int how;
        pid_t ended = waitpid(-1, &how, 0);
        if (ended == child) {
            status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
            break;
        }
        if (ended < 0 && errno == EINTR) {
            printf("%s: killed after %d seconds\n", program, SECONDS_A_PROGRAM);
            kill(-1, SIGKILL);
        }
    }
    alarm(0);
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    printf("== exit %d\n", status);
}

static void run_all(const char *list)
{
    char line[1024];
    FILE *lines = fopen(list, "re");
    must(lines != NULL, list);
    while (fgets(line, sizeof line, lines))
        run(line);
    fclose(lines);
}

int main(void)
{
    struct utsname system;
    const char *without = getenv("without");
    must(mount("dev", "/dev", "devtmpfs", 0, NULL) == 0 || errno == EBUSY, "/dev");
    print_on("/dev/ttyS1");
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("devpts", "/dev/pts");
    mount_at("tmpfs", "/dev/shm");
    mount_at("tmpfs", "/tmp");
    must(chmod("/tmp", 01777) == 0, "/tmp");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    load_modules("/modules");
    bring_up_loopback();
    if (without)
        take_away(without);
    uname(&system);
    printf("== Linux %s\n", system.release);
    run_all("/programs");
    printf("== end\n");
    tcdrain(1);
    sync();
    reboot(RB_POWER_OFF);
    return 1;
}
