/* Every receive on what a hostile stand-in for recvmsg leaves: any control data, count and flags. What the
 * call hands over and what it closes are together what came, each number once. */
#include "fuzz.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum { MOST = 2048 };

static struct input bytes_to_come;
static uint32_t tamed, flags_to_come;
static int came[MOST], closed[MOST];
static size_t came_count, closed_count;

/* In place of the C library's, for the library that is linked statically. */
ssize_t recvmsg(int sock, struct msghdr *msg, int flags)
{
    size_t room = msg->msg_controllen, length = bytes_to_come.left < room ? bytes_to_come.left : room, total = 0, i;
    (void)sock;
    (void)flags;
    for (i = 0; i < msg->msg_iovlen; i++)
        total += msg->msg_iov[i].iov_len;
    if (length > 0)
        memcpy(msg->msg_control, bytes_to_come.data, length);
    tame(msg->msg_control, length, tamed);
    msg->msg_controllen = length;
    msg->msg_flags = (int)(flags_to_come & (MSG_CTRUNC | MSG_TRUNC | MSG_EOR | MSG_CMSG_CLOEXEC));
    came_count = descriptors_in(msg->msg_control, length, SCM_RIGHTS, came);
    came_count += descriptors_in(msg->msg_control, length, SCM_PIDFD, came + came_count);
    return (ssize_t)(flags_to_come >> 16) % (ssize_t)(total + 1);
}

static void note_closed(int fd)
{
    MUST(fd >= NO_DESCRIPTOR && closed_count < MOST);
    closed[closed_count++] = fd;
}

int close(int fd)
{
    if (fd < NO_DESCRIPTOR)
        return (int)syscall(SYS_close, fd);
    note_closed(fd);
    return 0;
}

long syscall(long number, ...)
{
    static long (*next)(long, ...);
    va_list args;
    long a[6];
    int i;
    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_close_range && (int)a[0] >= NO_DESCRIPTOR) {
        MUST((int)a[1] >= (int)a[0]);
        for (i = (int)a[0]; i <= (int)a[1]; i++)
            note_closed(i);
        return 0;
    }
    if (!next)
        next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int by_number(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return left < right ? -1 : left > right;
}

/* The numbers may stand twice: what came is a bag. */
static void check_all_accounted_for(const int *handed, size_t n)
{
    static int all[2 * MOST];
    size_t i;
    memcpy(all, closed, closed_count * sizeof *all);
    if (n > 0)
        memcpy(all + closed_count, handed, n * sizeof *all);
    MUST(closed_count + n == came_count);
    qsort(all, came_count, sizeof *all, by_number);
    qsort(came, came_count, sizeof *came, by_number);
    for (i = 0; i < came_count; i++)
        MUST(all[i] == came[i]);
}

static void receive(uint8_t how, size_t max_fds, unsigned int flags)
{
    static int slots[256];
    char data[16];
    size_t n = 0;
    ssize_t result = anc_recv_fds(-1, data, how & 1 ? sizeof data : 1, slots, max_fds, &n, flags);
    MUST(result >= 0 || n == 0);
    MUST(n <= max_fds);
    check_all_accounted_for(slots, n);
}

static void receive_one(unsigned int flags)
{
    int fd = anc_recv_fd(-1, flags & (ANC_DONTWAIT | ANC_TRIM));
    check_all_accounted_for(&fd, fd >= 0);
}

static void receive_whole(uint8_t how, size_t max_fds, unsigned int flags)
{
    static int slots[256];
    static unsigned char control[2048 + 16];
    char data[16];
    struct iovec iov = {data, sizeof data};
    struct msghdr msg;
    size_t n = 0, slots_used;
    memset(&msg, 0, sizeof msg);
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control + (how & 15);
    msg.msg_controllen = 2048;
    MUST(anc_recvmsg(-1, &msg, how & 16 ? MSG_PEEK : 0) >= 0);
    MUST(!(msg.msg_flags & MSG_CMSG_CLOEXEC));
    if (!(how & 16))
        anc_take_fds(&msg, slots, max_fds, &n, flags & (ANC_EXACT | ANC_TRIM));
    slots_used = n;
    if (how & 32) {
        int pidfd = anc_take_pidfd(&msg);
        if (pidfd >= 0)
            slots[slots_used++] = pidfd;
    }
    anc_close_unclaimed(&msg);
    anc_close_unclaimed(&msg);
    check_all_accounted_for(slots, slots_used);
}

static void receive_queued(uint8_t how, size_t max_fds, unsigned int flags)
{
    static int slots[256];
    struct anc_fd_queue q = {slots, 256, how & 15, how >> 4, 0};
    char data[16];
    struct iovec iov = {data, sizeof data};
    uint32_t i, queued = q.count;
    int handed[256];
    ssize_t result;
    size_t n = 0;
    for (i = 0; i < 256; i++)
        slots[i] = -1;
    for (i = 0; i < queued; i++)
        slots[q.head + i] = 3 * NO_DESCRIPTOR + (int)i;
    if (how & 1)
        result = anc_fd_queue_recvv(&q, -1, &iov, 1, max_fds, flags);
    else
        result = anc_fd_queue_recv(&q, -1, data, sizeof data, max_fds, flags);
    MUST(result >= 0 || q.count == queued);
    for (i = 0; i < queued; i++)
        MUST(anc_fd_queue_take(&q) == 3 * NO_DESCRIPTOR + (int)i);
    while (q.count > 0)
        handed[n++] = anc_fd_queue_take(&q);
    check_all_accounted_for(handed, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t which = byte(&in), how = byte(&in);
    size_t max_fds = byte(&in) % 200;
    unsigned int flags = (which & 4 ? ANC_DONTWAIT : 0) | (which & 8 ? ANC_EXACT : which & 16 ? ANC_TRIM : 0);
    flags_to_come = word(&in);
    tamed = word(&in);
    bytes_to_come = in;
    came_count = closed_count = 0;
    if (which % 4 == 0)
        receive(how, max_fds, flags);
    else if (which % 4 == 1)
        receive_one(flags);
    else if (which % 4 == 2)
        receive_whole(how, max_fds, flags);
    else
        receive_queued(how, max_fds, flags);
    return 0;
}
