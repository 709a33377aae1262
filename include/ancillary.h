/* libancillary: file descriptors and every other ancillary message of sockets.
 * Made from src/ by `make header`; the manual starts at ancillary(7). */
#ifndef ANCILLARY_H
#define ANCILLARY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>


#ifdef __cplusplus
extern "C" {
#endif

/* Control space, as constant expressions. Each has a function twin for other languages, which
 * answers SIZE_MAX where the result does not fit; a macro is for constants. */
#define ANC_ALIGN_(len) (((len) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
/* Header and data: as a control length it admits exactly that much. */
#define ANC_LEN(len) (ANC_ALIGN_(sizeof(struct cmsghdr)) + (len))
/* Header and data with padding: the room that one control message takes. */
#define ANC_SPACE(len) (ANC_ALIGN_(sizeof(struct cmsghdr)) + ANC_ALIGN_(len))
/* The room that nfds descriptors take as one control message. */
#define ANC_FDS_SPACE(nfds) ANC_SPACE((nfds) * sizeof(int))
/* Everything that an AF_UNIX socket can bring in one message: time stamps, credentials, a security
 * label of 512 bytes, ANC_FDS_MAX descriptors, a pidfd, the bytes that wait. */
#define ANC_CONTROL_MAX                                                             \
    (ANC_SPACE(16) + ANC_SPACE(48) + ANC_SPACE(12) + ANC_SPACE(512) +               \
     ANC_FDS_SPACE(ANC_FDS_MAX) + ANC_SPACE(4) + ANC_SPACE(4))


/**
 * The version of this header: 0xMMmmpp. `anc_version` tells that of the library that was loaded.
 */
#define ANC_VERSION ((0 << 16) | (1 << 8))

/**
 * The call does not wait: EAGAIN instead.
 */
#define ANC_DONTWAIT 1

/**
 * Go on after signals and short counts until all bytes are sent or received, end of file, EAGAIN
 * or another error. The result is then the count so far with the descriptors so far; an error
 * that consumed data stays -1. No effect on receiving messages (SEQPACKET, DGRAM). A socket's
 * time-out counts for each wait.
 */
#define ANC_ALL 2

/**
 * Send: close fds[] once the kernel has them, and only then; a number that stands twice is closed
 * once. The thread cannot be cancelled in between.
 */
#define ANC_MOVE 4

/**
 * Receive: exactly max_fds descriptors, or an error.
 */
#define ANC_EXACT 8

/**
 * Receive: close the surplus instead of failing with ERANGE. Not with ANC_EXACT.
 */
#define ANC_TRIM 16

/**
 * The most descriptors that one message can carry.
 */
#define ANC_FDS_MAX 253

/**
 * The version of the library that was loaded: 0xMMmmpp, to compare with ANC_VERSION.
 */
uint32_t anc_version(void);

/**
 * Sends `len` bytes from `buf`, and `nfds` descriptors with the first of them, by one sendmsg on
 * the AF_UNIX socket `sock`. Never SIGPIPE. A cancellation point.
 *
 * `fds` stay the caller's; the peer gets duplicates, as if by dup. With ANC_MOVE they are closed
 * once the kernel has them.
 *
 * Returns the number of bytes that have gone. With 1 and more, all descriptors have gone: on a
 * stream, go on with the rest of the bytes and no descriptors. 0 is an empty message (SEQPACKET,
 * DGRAM), whose descriptors have gone too. -1 and errno: neither bytes nor descriptors have gone.
 *
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_MOVE.
 *
 * EINVAL: descriptors with 0 bytes on a stream; more than ANC_FDS_MAX; an unknown flag.
 * EFAULT: NULL with a length, in buf or fds. EBADF: a negative descriptor, or one that is not
 * open. EINTR: a signal came before anything had gone. ETOOMANYREFS: the user's descriptors in
 * flight have reached RLIMIT_NOFILE: wait by a timer, for the socket stays writable. EPERM: the
 * peer refuses descriptors. The kernel's other errors of sendmsg pass through.
 *
 * An internet socket takes descriptors and drops them without a word.
 */
ssize_t anc_send_fds(int sock,
                     const void *buf,
                     size_t len,
                     const int *fds,
                     size_t nfds,
                     unsigned int flags);

/**
 * anc_send_fds from `iovcnt` buffers.
 *
 * EINVAL also: iovcnt below 0 or above 1024; more than SSIZE_MAX bytes in all. EFAULT also: NULL
 * with a length in iov or in one of its entries.
 */
ssize_t anc_sendv_fds(int sock,
                      const struct iovec *iov,
                      int iovcnt,
                      const int *fds,
                      size_t nfds,
                      unsigned int flags);

/**
 * Sends one NUL byte and the descriptor `fd`. Returns 0, or -1 and errno as anc_send_fds.
 *
 * flags: ANC_DONTWAIT, ANC_MOVE.
 */
int anc_send_fd(int sock, int fd, unsigned int flags);

/**
 * Receives up to `len` bytes into `buf`, and up to `max_fds` descriptors into `fds`, by one
 * recvmsg on the AF_UNIX socket `sock`. The descriptors are close-on-exec. A cancellation point;
 * a cancelled thread leaks nothing.
 *
 * The first *nfds of `fds` are the caller's; fewer than max_fds is success. Everything else that
 * came is closed, whatever the call returns: surplus, a pidfd. Slots beyond *nfds are not written.
 * max_fds 0: fds may be NULL. nfds may be NULL with max_fds 0 or ANC_EXACT.
 *
 * Returns the number of bytes. 0 with *nfds 0: end of file, or an empty message, which SEQPACKET
 * and DGRAM can't tell apart from it. 0 with *nfds > 0: an empty message with descriptors.
 * -1 and errno: *nfds is 0, and no slot of fds was written (with ANC_ALL, slots may have been).
 *
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_EXACT, ANC_TRIM.
 *
 * Nothing consumed, the bytes and descriptors are still in the socket: EINVAL: 0 bytes on a
 * stream; an unknown flag; ANC_TRIM with ANC_EXACT; nfds NULL though needed. EFAULT: NULL with a
 * length, in buf or fds. EINTR: a signal came first. EAGAIN, ECONNRESET and the kernel's other
 * errors of recvmsg.
 *
 * Consumed, and everything that came is closed; the first that applies: EMSGSIZE: the message is
 * longer than buf. ERANGE: more descriptors than max_fds (ANC_TRIM: closed, no error). EMFILE:
 * fewer came than were sent, for the descriptor table is full. EOVERFLOW: the same for another
 * reason, such as a security module. ENOMSG: fewer than max_fds, with ANC_EXACT; or an empty message
 * with descriptors, with nfds NULL, for a 0 would look like end of file. On a stream each
 * of these ends the conversation: bytes are lost. With ANC_TRIM, a loss beyond the first max_fds
 * is none.
 */
ssize_t anc_recv_fds(int sock,
                     void *buf,
                     size_t len,
                     int *fds,
                     size_t max_fds,
                     size_t *nfds,
                     unsigned int flags);

/**
 * anc_recv_fds into `iovcnt` buffers.
 *
 * EINVAL also: iovcnt below 0 or above 1024; more than SSIZE_MAX bytes in all. EFAULT also: NULL
 * with a length in iov or in one of its entries.
 */
ssize_t anc_recvv_fds(int sock,
                      const struct iovec *iov,
                      int iovcnt,
                      int *fds,
                      size_t max_fds,
                      size_t *nfds,
                      unsigned int flags);

/**
 * Receives one byte and one descriptor, which it returns, like accept: it is the caller's, and
 * close-on-exec.
 *
 * -1 and errno as anc_recv_fds; also EPIPE at end of file, and ENOMSG for data without a
 * descriptor, which is consumed. A second descriptor is ERANGE (ANC_TRIM: closed).
 *
 * flags: ANC_DONTWAIT, ANC_TRIM.
 */
int anc_recv_fd(int sock, unsigned int flags);

/**
 * Closes `nfds` descriptors and writes -1 into their slots; negative slots stay as they are.
 * Numbers that follow each other are closed by one close_range (Linux 5.9), else one by one.
 * Each number must stand once. Keeps errno. No cancellation point: a cancelled thread closes all.
 */
void anc_close_fds(int *fds, size_t nfds);

/**
 * The function twin of ANC_LEN: the bytes of a control message's header and `len` bytes of data,
 * without padding. SIZE_MAX where that does not fit.
 */
size_t anc_len(size_t len);

/**
 * The function twin of ANC_SPACE: the room that a control message with `len` bytes of data takes,
 * padding included. SIZE_MAX where that does not fit.
 */
size_t anc_space(size_t len);

/**
 * The function twin of ANC_FDS_SPACE: the room that `nfds` descriptors take as one control
 * message. SIZE_MAX where that does not fit.
 */
size_t anc_fds_space(size_t nfds);

/**
 * The function twin of ANC_CONTROL_MAX: room for everything that an AF_UNIX socket can bring in
 * one message.
 */
size_t anc_control_max(void);

#ifdef __cplusplus
}
#endif

#endif /* ANCILLARY_H */
