/* What a careful C programmer writes where a program can't link libancillary: the same arguments,
 * results and checks as anc_send_fds and anc_recv_fds with the flags below, which have the values of
 * ANC_DONTWAIT, ANC_EXACT and ANC_TRIM. The measure that the benchmarks hold the library against. */
#ifndef CAREFUL_H
#define CAREFUL_H

#include <stddef.h>
#include <sys/types.h>

#define CAREFUL_DONTWAIT 0x01u
#define CAREFUL_EXACT    0x08u
#define CAREFUL_TRIM     0x10u

ssize_t careful_send_fds(int sock, const void *buf, size_t len, const int *fds, size_t nfds, unsigned int flags);
ssize_t careful_recv_fds(int sock, void *buf, size_t len, int *fds, size_t max_fds, size_t *nfds, unsigned int flags);

#endif
