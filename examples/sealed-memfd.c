/* sealed-memfd: reads memory that an untrusted process has sent, and refuses what could change or vanish
 * under its eyes.
 *
 *     cc sealed-memfd.c -o sealed-memfd $(pkg-config --cflags --libs ancillary)
 *
 * A peer can shrink a memfd while it is read, and the reader dies of SIGBUS; or rewrite it between the
 * check and the use. Two seals forbid both, for ever, and anc_fd_require asks for them. What is no memfd
 * at all, a FIFO that blocks or a file on somebody's FUSE, is refused by the same call. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The receiver: what it trusts is checked first, and mapped only then. */

static void read_letter(const char *title, int fd)
{
    struct anc_fd_info info;
    void *letter;
    if (anc_fd_require(fd, ANC_FD_MEMORY, ANC_FD_READ, F_SEAL_SHRINK | F_SEAL_WRITE) == -1) {
        printf("%s: refused: %s\n", title, strerror(errno));
        return;
    }
    if (anc_fd_describe(fd, &info, sizeof info) == -1)
        die("anc_fd_describe");
    if (info.size == 0 || info.size > 4096) { /* the size can't fall any more, but be anything */
        printf("%s: refused: %llu bytes\n", title, (unsigned long long)info.size);
        return;
    }
    letter = mmap(NULL, (size_t)info.size, PROT_READ, MAP_SHARED, fd, 0);
    if (letter == MAP_FAILED)
        die("mmap");
    printf("%s: \"%.*s\"\n", title, (int)info.size, (const char *)letter);
    munmap(letter, (size_t)info.size);
}

static void receive(int sock)
{
    char title[32];
    ssize_t n;
    int fd;
    while ((n = anc_recv_fds(sock, title, sizeof title - 1, &fd, 1, NULL, ANC_EXACT)) > 0) {
        title[n] = '\0';
        read_letter(title, fd);
        close(fd);
    }
    if (n == -1)
        die("anc_recv_fds");
}

/* The sender, which may be anybody. */

static void send_letter(int sock, const char *title, int fd)
{
    if (fd == -1 || anc_send_fds(sock, title, strlen(title), &fd, 1, ANC_MOVE) == -1)
        die(title);
}

static int memory(const char *text, int seals)
{
    int fd = memfd_create("letter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1 || write(fd, text, strlen(text)) == -1 || (seals != 0 && fcntl(fd, F_ADD_SEALS, seals) == -1))
        die("memfd");
    return fd;
}

static void send_all(int sock)
{
    int pipes[2];
    send_letter(sock, "sealed", memory("what you see is what there is", F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    send_letter(sock, "not sealed", memory("now you see me", 0));
    send_letter(sock, "sealed by half", memory("now you read me", F_SEAL_SHRINK));
    send_letter(sock, "empty", memory("", F_SEAL_SHRINK | F_SEAL_WRITE));
    if (pipe2(pipes, O_CLOEXEC) == -1)
        die("pipe2");
    send_letter(sock, "a pipe", pipes[0]);
    close(pipes[1]);
    send_letter(sock, "a directory", open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int main(void)
{
    int pair[2], status;
    pid_t sender;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        die("socketpair");
    sender = fork();
    if (sender == -1)
        die("fork");
    if (sender == 0) {
        close(pair[1]);
        send_all(pair[0]);
        _exit(0);
    }
    close(pair[0]); /* or the end would never come */
    receive(pair[1]);
    return waitpid(sender, &status, 0) == sender && status == 0 ? 0 : 1;
}
