/* The names of the older libancillary, by Nicolas George, on the calls of this one. A program that was
 * written for it includes this header where it included ancillary.h, or is compiled with
 *
 *     cc -include ancillary-compat.h ...
 *
 * and links with -lancillary as before. What differs stands in ancillary-compat(7). */
#ifndef ANCILLARY_COMPAT_H
#define ANCILLARY_COMPAT_H

#include "ancillary.h"

#include <errno.h>

#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L)
#define ANCIL_INLINE_ static inline
#elif defined(__GNUC__)
#define ANCIL_INLINE_ static __inline__
#else
#define ANCIL_INLINE_ static
#endif

/**
 * The most descriptors that one call sends or receives. It was 960, of which Linux never took more
 * than these.
 */
#define ANCIL_MAX_N_FDS ANC_FDS_MAX

/**
 * The type of a buffer for n descriptors, of the size that it had. The calls still take one, and do not
 * use it. (struct cmsghdr ends in an array of no length, which not every compiler lets anything follow.)
 */
#define ANCIL_FD_BUFFER(n)                                 \
    struct {                                               \
        size_t h[sizeof(struct cmsghdr) / sizeof(size_t)]; \
        int fd[n];                                         \
    }

/**
 * Sends one byte and n_fds descriptors. buffer is not used, and may be NULL.
 *
 * Returns 0, or -1 and errno as anc_send_fds.
 */
ANCIL_INLINE_ int ancil_send_fds_with_buffer(int sock, const int *fds, unsigned n_fds, void *buffer)
{
    (void)buffer;
    return anc_send_fds(sock, "!", 1, fds, n_fds, 0) < 0 ? -1 : 0;
}

/**
 * Receives up to n_fds descriptors, close-on-exec, with the byte that they came with; the rest of fds
 * is filled with -1. What is more than n_fds is closed. buffer is not used, and may be NULL.
 *
 * Returns the number of descriptors that came, 0 for a byte without any; or -1 and errno, with all
 * that came closed: EPIPE: end of file. EMFILE, EOVERFLOW: some were lost, as by anc_recv_fds. The errors
 * of anc_recvmsg, with fds as it was.
 */
ANCIL_INLINE_ int ancil_recv_fds_with_buffer(int sock, int *fds, unsigned n_fds, void *buffer)
{
    unsigned char control[ANC_CONTROL_MAX];
    char byte;
    struct iovec iov;
    struct msghdr msg;
    size_t got = 0;
    ssize_t bytes;
    unsigned i;
    int cause;

    (void)buffer;
    iov.iov_base = &byte;
    iov.iov_len = 1;
    msg.msg_name = NULL;
    msg.msg_namelen = 0;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control;
    msg.msg_controllen = sizeof control;
    msg.msg_flags = 0;
    bytes = anc_recvmsg(sock, &msg, 0);
    if (bytes < 0)
        return -1;
    for (i = 0; i < n_fds; i++)
        fds[i] = -1;
    cause = anc_truncation_cause(&msg, sizeof control);
    /* More than n_fds are closed; a longer message is cut: both as it was. */
    if (anc_take_fds(&msg, fds, n_fds, &got, ANC_TRIM) == -1)
        cause = errno;
    else if (got == n_fds)
        cause = 0;
    anc_close_unclaimed(&msg);
    if (cause == 0 && bytes == 0 && got == 0)
        cause = EPIPE;
    if (cause != 0) {
        anc_close_fds(fds, got);
        errno = cause;
        return -1;
    }
    return (int)got;
}

/**
 * The same two without a buffer.
 */
ANCIL_INLINE_ int ancil_send_fds(int sock, const int *fds, unsigned n_fds)
{
    return ancil_send_fds_with_buffer(sock, fds, n_fds, NULL);
}
ANCIL_INLINE_ int ancil_recv_fds(int sock, int *fds, unsigned n_fds)
{
    return ancil_recv_fds_with_buffer(sock, fds, n_fds, NULL);
}

/**
 * Sends one byte and one descriptor. Returns 0, or -1 and errno as anc_send_fds.
 */
ANCIL_INLINE_ int ancil_send_fd(int sock, int fd)
{
    return ancil_send_fds_with_buffer(sock, &fd, 1, NULL);
}

/**
 * Receives one descriptor into *fd. Returns 0, or -1 and errno as ancil_recv_fds_with_buffer; ENOMSG: a
 * byte came without one, and *fd is -1.
 */
ANCIL_INLINE_ int ancil_recv_fd(int sock, int *fd)
{
    int got = ancil_recv_fds_with_buffer(sock, fd, 1, NULL);
    if (got == 0)
        errno = ENOMSG;
    return got == 1 ? 0 : -1;
}

#endif /* ANCILLARY_COMPAT_H */
