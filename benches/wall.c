/* wall: the time of a round trip, the library beside careful C, in turns within one run. A second
 * series of the same careful C shows what differs without a reason.
 *
 * One line for each number of descriptors, for bench.sh:
 *     descriptors ours-ns careful-ns ratio from to   same-ratio same-from same-to
 * Medians of all turns; from and to hold the middle half of the turns' ratios. */
#define _GNU_SOURCE
#include "careful.h"

#include <ancillary.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 201 };

static int pair[2], fds[ANC_FDS_MAX], got[ANC_FDS_MAX];
static char byte = 'x';

__attribute__((noreturn)) static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void ours(size_t n)
{
    size_t count;
    if (anc_send_fds(pair[0], &byte, 1, fds, n, 0) != 1 || anc_recv_fds(pair[1], &byte, 1, got, n, &count, 0) != 1)
        die("ours");
    if (n == 1)
        close(got[0]); /* as anyone would */
    else
        anc_close_fds(got, count);
}

static void careful(size_t n)
{
    size_t count, i;
    if (careful_send_fds(pair[0], &byte, 1, fds, n, 0) != 1 || careful_recv_fds(pair[1], &byte, 1, got, n, &count, 0) != 1)
        die("careful");
    for (i = 0; i < count; i++)
        close(got[i]);
}

static double turn(void (*round)(size_t), size_t n, int rounds)
{
    struct timespec from, to;
    int i;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (i = 0; i < rounds; i++)
        round(n);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / rounds;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(double *values, double share)
{
    qsort(values, TURNS, sizeof *values, ascending);
    return values[(int)(share * (TURNS - 1))];
}

static void compare(size_t n, int rounds)
{
    static void (*const variant[3])(size_t) = {ours, careful, careful};
    static double time[3][TURNS], ratio[TURNS], same[TURNS];
    int i, k;
    for (k = 0; k < 3; k++)
        turn(variant[k], n, rounds); /* warm */
    for (i = 0; i < TURNS; i++) {
        for (k = 0; k < 3; k++) /* whoever comes first changes with every turn */
            time[(i + k) % 3][i] = turn(variant[(i + k) % 3], n, rounds);
        ratio[i] = time[0][i] / time[1][i];
        same[i] = time[2][i] / time[1][i];
    }
    printf("%zu %.0f %.0f %.3f %.3f %.3f %.3f %.3f %.3f\n", n, at(time[0], 0.5), at(time[1], 0.5),
           at(ratio, 0.5), at(ratio, 0.25), at(ratio, 0.75), at(same, 0.5), at(same, 0.25), at(same, 0.75));
}

int main(void)
{
    size_t i;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
        die("socketpair");
    for (i = 0; i < ANC_FDS_MAX; i++)
        if ((fds[i] = eventfd(0, EFD_CLOEXEC)) == -1)
            die("eventfd");
    compare(1, 1000);
    compare(ANC_FDS_MAX, 20);
    return 0;
}
