/* credentials serve PATH | credentials ask PATH TEXT [USER]: a server that answers its own user and root
 * alone, and knows for each message who sent it.
 *
 *     cc credentials.c -o credentials $(pkg-config --cflags --libs ancillary)
 *
 * Two questions, two answers. anc_peer tells who connected: asked once, at the door. The credentials of a
 * message tell who sent that message: a connection that was handed on, or inherited by a child, is used by
 * another process than the one that connected. The kernel vouches for both.
 *
 * Compiles for FreeBSD and NetBSD too; it was not run there. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a;
    memset(&a, 0, sizeof a);
    a.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof a.sun_path) {
        fprintf(stderr, "%s: too long\n", path);
        exit(2);
    }
    strcpy(a.sun_path, path);
    return a;
}

static int welcome_user(uint32_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Receives a message of `sock` with its sender; nobody's descriptors. */
static ssize_t receive(int sock, char *text, size_t size, struct anc_info *from)
{
    char control[ANC_CONTROL_MAX];
    struct iovec iov = {text, size - 1};
    struct msghdr msg;
    ssize_t n;
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control;
    msg.msg_controllen = sizeof control;
    n = anc_recvmsg(sock, &msg, 0);
    if (n == -1)
        return -1;
    anc_close_unclaimed(&msg);
    text[n] = '\0';
    return anc_decode(&msg, from, sizeof *from) == -1 ? -1 : n;
}

static void serve_connection(int sock)
{
    struct anc_peer peer;
    struct anc_info from;
    char text[128], reply[256];
    ssize_t n;
    if (anc_peer(sock, &peer, sizeof peer, 0) == -1) {
        printf("nobody who can be named\n"); /* of another PID namespace: a number, but whose? */
        return;
    }
    if (!welcome_user(peer.uid)) {
        printf("user %u is not let in\n", peer.uid);
        return;
    }
    while ((n = receive(sock, text, sizeof text, &from)) > 0) {
        if (!(from.present & ANC_CREDENTIALS) || !welcome_user(from.uid)) {
            printf("user %u has no say\n", from.uid);
            return;
        }
        printf("\"%s\": by %s\n", text, from.pid == peer.pid ? "the process that connected" : "another process");
        n = snprintf(reply, sizeof reply, "you are user %u", from.uid);
        if (anc_send_fds(sock, reply, (size_t)n, NULL, 0, 0) == -1)
            return;
    }
}

/* Until somebody asks it to stop. */
static void serve(const char *path)
{
    struct sockaddr_un a = address(path);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), sock;
    uint64_t refused;
    if (listener == -1 || bind(listener, (struct sockaddr *)&a, sizeof a) == -1 || chmod(path, 0777) == -1)
        die(path);
    /* Before listen: a connection inherits it, and no message comes without. */
    if (anc_want(listener, ANC_CREDENTIALS, 0, &refused) == -1 || listen(listener, 8) == -1)
        die("listen");
    if (anc_refuse_fds(listener) == -1 && errno != ENOPROTOOPT) /* Linux 6.16; before, they are closed */
        die("anc_refuse_fds");
    printf("ready\n");
    while ((sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) != -1) {
        serve_connection(sock);
        close(sock);
        fflush(stdout);
    }
    die("accept4");
}

/* Asks twice: by the process that has connected, and by a child of it. */
static int ask(const char *path, const char *text)
{
    struct sockaddr_un a = address(path);
    int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), i;
    char reply[256];
    if (sock == -1 || connect(sock, (struct sockaddr *)&a, sizeof a) == -1)
        die(path);
    for (i = 0; i < 2; i++) {
        pid_t child = i == 0 ? 0 : fork();
        ssize_t n;
        if (child > 0) {
            waitpid(child, NULL, 0);
            break;
        }
        if (anc_send_fds(sock, text, strlen(text), NULL, 0, 0) == -1)
            return 3;
        n = anc_recv_fds(sock, reply, sizeof reply - 1, NULL, 0, NULL, 0);
        if (n <= 0)
            return 3; /* shown the door */
        reply[n] = '\0';
        puts(reply);
        fflush(stdout);
        if (i == 1)
            _exit(0);
    }
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 5) {
        uid_t user = (uid_t)atoi(argv[4]);
        if (setgroups(0, NULL) == -1 || setgid(user) == -1 || setuid(user) == -1)
            die("setuid");
        argc--;
    }
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        serve(argv[2]);
    if (argc == 4 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], argv[3]);
    fputs("usage: credentials serve PATH | credentials ask PATH TEXT [USER]\n", stderr);
    return 2;
}
