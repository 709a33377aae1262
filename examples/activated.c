/* activated: a service that a service manager starts with its sockets open, and that leaves what must
 * outlive it in the manager's descriptor store.
 *
 *     cc activated.c -o activated $(pkg-config --cflags --libs ancillary)
 *
 * The protocol is systemd's, by hand. Descriptors are inherited from number 3 on: LISTEN_FDS says how
 * many, LISTEN_FDNAMES what they are called, LISTEN_PID whom they are for. To the store they go as a
 * datagram to NOTIFY_SOCKET, "FDSTORE=1" and a name; the next start brings them back among the others.
 * Here the service counts its answers in memory that is kept so: it ends after each, and goes on counting.
 *
 * In a unit: FileDescriptorName=door in its .socket; FileDescriptorStoreMax=1 and NotifyAccess=main.
 * `activate` is a manager for the demonstration. */
#define _GNU_SOURCE
#include <ancillary.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "activated: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The inherited descriptor of this name, or -1. Names, not numbers: the order is the manager's business. */
static int inherited(const char *name)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES");
    int fd, found = -1;
    if (pid == NULL || count == NULL || names == NULL || atol(pid) != (long)getpid())
        return -1; /* not for us: a parent's, left in the environment */
    for (fd = 3; fd < 3 + atoi(count); fd++) {
        size_t len = strcspn(names, ":");
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) /* inherited, so it is not; what we start is not to have it */
            die("LISTEN_FDS");
        if (len == strlen(name) && strncmp(names, name, len) == 0)
            found = fd;
        names += len + (names[len] == ':');
    }
    return found;
}

/* Tells the manager, with a descriptor or without. */
static void notify(const char *text, int fd)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to;
    int sock;
    memset(&to, 0, sizeof to);
    to.sun_family = AF_UNIX;
    if (path == NULL || strlen(path) >= sizeof to.sun_path)
        return; /* nobody to tell */
    strcpy(to.sun_path, path);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock == -1 || connect(sock, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) == -1
        || anc_send_fds(sock, text, strlen(text), &fd, fd != -1, 0) == -1)
        die("NOTIFY_SOCKET");
    close(sock);
}

/* The count: from the store, or new and on its way there. */
static uint32_t *open_count(void)
{
    int fd = inherited("count");
    void *count;
    if (fd == -1) {
        fd = memfd_create("count", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd == -1 || ftruncate(fd, sizeof(uint32_t)) == -1 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == -1)
            die("memfd");
        notify("FDSTORE=1\nFDNAME=count", fd);
    }
    /* The store is the manager's, which is trusted; the name may be anybody's mistake. */
    if (anc_fd_require(fd, ANC_FD_MEMORY, ANC_FD_READ | ANC_FD_WRITE, F_SEAL_SHRINK) == -1)
        die("count");
    count = mmap(NULL, sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (count == MAP_FAILED)
        die("mmap");
    close(fd);
    return count;
}

int main(void)
{
    int door = inherited("door"), sock;
    struct anc_fd_info info;
    uint32_t *count;
    char text[64];
    int len;

    if (door == -1) {
        fputs("activated: no socket called door: this is for a service manager to start\n", stderr);
        return 2;
    }
    if (anc_fd_require(door, ANC_FD_SOCKET, 0, 0) == -1 || anc_fd_describe(door, &info, sizeof info) == -1)
        die("door");
    if (info.domain != AF_UNIX || info.type != SOCK_STREAM || !info.listening) {
        fputs("activated: door is another kind of socket\n", stderr);
        return 2;
    }
    count = open_count();
    notify("READY=1", -1);

    sock = accept4(door, NULL, NULL, SOCK_CLOEXEC); /* it was there before we were */
    if (sock == -1)
        die("accept4");
    len = snprintf(text, sizeof text, "answer %u\n", ++*count);
    if (anc_send_fds(sock, text, (size_t)len, NULL, 0, ANC_ALL) != len)
        die("the answer");
    return 0;
}
