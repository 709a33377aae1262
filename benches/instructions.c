/* instructions ours|careful DESCRIPTORS ROUNDS [threads]: sends and receives a byte and descriptors
 * ROUNDS times, and closes nothing, for bench.sh to count the instructions of round_ours or
 * round_careful under callgrind. What a round costs is the difference of two runs, which takes the
 * dynamic linker's first calls out of it. With threads, a second thread is alive. */
#define _GNU_SOURCE
#include "careful.h"

#include <ancillary.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int pair[2], fds[ANC_FDS_MAX], got[ANC_FDS_MAX];
static char byte = 'x';

__attribute__((noinline)) static int round_ours(size_t n)
{
    size_t count;
    return anc_send_fds(pair[0], &byte, 1, fds, n, 0) == 1
        && anc_recv_fds(pair[1], &byte, 1, got, n, &count, 0) == 1 && count == n;
}

__attribute__((noinline)) static int round_careful(size_t n)
{
    size_t count;
    return careful_send_fds(pair[0], &byte, 1, fds, n, 0) == 1
        && careful_recv_fds(pair[1], &byte, 1, got, n, &count, 0) == 1 && count == n;
}

static void *idle(void *unused)
{
    pause();
    return unused;
}

int main(int argc, char **argv)
{
    int (*round)(size_t);
    struct rlimit limit;
    pthread_t thread;
    size_t n, i;
    long rounds;

    if (argc < 4) {
        fputs("usage: instructions ours|careful DESCRIPTORS ROUNDS [threads]\n", stderr);
        return 2;
    }
    round = strcmp(argv[1], "ours") == 0 ? round_ours : round_careful;
    n = strtoul(argv[2], NULL, 10);
    rounds = strtol(argv[3], NULL, 10);
    if (n > ANC_FDS_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1 || getrlimit(RLIMIT_NOFILE, &limit) == -1)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1 || (argc > 4 && pthread_create(&thread, NULL, idle, NULL) != 0))
        return 1;
    for (i = 0; i < n; i++)
        fds[i] = pair[i % 2];
    while (rounds-- > 0)
        if (!round(n)) {
            perror("instructions");
            return 1;
        }
    return 0;
}
