/* libancillary: file descriptors and every other ancillary message of sockets.
 * Made from src/ by `make header`; the manual starts at ancillary(7). */
#ifndef ANCILLARY_H
#define ANCILLARY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* glibc declares it only with _GNU_SOURCE; a pointer is enough here. */
struct mmsghdr;
#if defined(__APPLE__) || defined(__DragonFly__) || defined(__sun) || defined(__HAIKU__)
/* These systems have no sendmmsg: the library sends and receives one by one. */
struct mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};
#endif


#ifdef __cplusplus
extern "C" {
#endif

/* Control space, as constant expressions. Each has a function twin for other languages, which
 * answers SIZE_MAX where the result does not fit; a macro is for constants. */
#if defined(__APPLE__) || defined(__sun)
#define ANC_CMSG_ALIGN_ ((size_t)4)
#elif defined(__NetBSD__)
#define ANC_CMSG_ALIGN_ ((size_t)(__ALIGNBYTES + 1))
#elif defined(__OpenBSD__)
#define ANC_CMSG_ALIGN_ ((size_t)(_ALIGNBYTES + 1))
#else
#define ANC_CMSG_ALIGN_ sizeof(size_t)
#endif
#define ANC_ALIGN_(len) (((len) + ANC_CMSG_ALIGN_ - 1) & ~(ANC_CMSG_ALIGN_ - 1))
/* Header and data: as a control length it admits exactly that much. */
#define ANC_LEN(len) (ANC_ALIGN_(sizeof(struct cmsghdr)) + (len))
/* Header and data with padding: the room that one control message takes. */
#define ANC_SPACE(len) (ANC_ALIGN_(sizeof(struct cmsghdr)) + ANC_ALIGN_(len))
/* The room that nfds descriptors take as one control message. */
#define ANC_FDS_SPACE(nfds) ANC_SPACE((nfds) * sizeof(int))
/* Everything that an AF_UNIX socket can bring in one message. On Linux: time stamps, credentials, a
 * security label of 512 bytes, ANC_FDS_MAX descriptors, a pidfd, the bytes that wait. Elsewhere:
 * credentials, and as many descriptors as the kernel lets anybody send. */
#if defined(__FreeBSD__)
#define ANC_CONTROL_MAX (ANC_FDS_SPACE(512) + ANC_SPACE(84) + ANC_SPACE(28 + 1024 * 4))
#elif defined(__NetBSD__)
#define ANC_CONTROL_MAX (ANC_FDS_SPACE(512) + ANC_SPACE(24 + 17 * 4))
#elif defined(__DragonFly__)
#define ANC_CONTROL_MAX (ANC_FDS_SPACE(512) + ANC_SPACE(84))
#elif defined(__OpenBSD__) || defined(__APPLE__)
#define ANC_CONTROL_MAX ANC_FDS_SPACE(512)
#elif defined(__sun)
#define ANC_CONTROL_MAX ANC_FDS_SPACE(2048)
#elif defined(__HAIKU__)
#define ANC_CONTROL_MAX ANC_FDS_SPACE(252)
#else
#define ANC_CONTROL_MAX                                                             \
    (ANC_SPACE(16) + ANC_SPACE(48) + ANC_SPACE(12) + ANC_SPACE(512) +               \
     ANC_FDS_SPACE(ANC_FDS_MAX) + ANC_SPACE(4) + ANC_SPACE(4))
#endif


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
 * that consumed data stays -1. Receiving messages (SEQPACKET, DGRAM) it goes on after signals only,
 * for a message is all there is. A socket's time-out counts for each wait.
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
 * Bytes that anc_rx_init needs for frames of the default size.
 */
#define ANC_RX_BUFFER (68 * 1024)

/**
 * Bytes that anc_tx_init needs to send some sixty small messages with one system call.
 */
#define ANC_TX_BUFFER (8 * 1024)

/**
 * The message waits, or has gone in part.
 */
#define ANC_OUT_QUEUED 0

/**
 * All of its descriptors have gone, its last byte has not: moved descriptors are closed, borrowed ones
 * may be.
 */
#define ANC_OUT_FDS_GONE 1

/**
 * All of it has gone: the struct and what it points to are the caller's again.
 */
#define ANC_OUT_DONE 2

/**
 * It will not go, or not to its end: moved descriptors are closed, the struct is the caller's again.
 */
#define ANC_OUT_DROPPED 3

/**
 * Descriptors came: nfds. SCM_RIGHTS.
 */
#define ANC_RIGHTS ((uint64_t)1 << 0)

/**
 * pid, uid, gid. SCM_CREDENTIALS; pid 0 is nobody's and does not count.
 */
#define ANC_CREDENTIALS ((uint64_t)1 << 1)

/**
 * pidfd. SCM_PIDFD.
 */
#define ANC_PIDFD ((uint64_t)1 << 2)

/**
 * label, label_len. SCM_SECURITY.
 */
#define ANC_LABEL ((uint64_t)1 << 3)

/**
 * time: the arrival, of any option and width.
 */
#define ANC_TIME ((uint64_t)1 << 4)

/**
 * software, hardware; 0 where there is none. SCM_TIMESTAMPING.
 */
#define ANC_TIMESTAMPING ((uint64_t)1 << 5)

/**
 * time_id: the send that a transmit stamp belongs to. With every such stamp: 0 for all without
 * SOF_TIMESTAMPING_OPT_ID, which the message does not tell from the first send's 0.
 */
#define ANC_TIME_ID ((uint64_t)1 << 6)

/**
 * time_ifindex, time_len. SCM_TIMESTAMPING_PKTINFO.
 */
#define ANC_TIME_PKTINFO ((uint64_t)1 << 7)

/**
 * dest: where the datagram was sent to. IP_PKTINFO, IPV6_PKTINFO.
 */
#define ANC_DEST ((uint64_t)1 << 8)

/**
 * original: the same before it was redirected. IP_ORIGDSTADDR, IPV6_ORIGDSTADDR.
 */
#define ANC_ORIGINAL ((uint64_t)1 << 9)

/**
 * ttl. IP_TTL, IPV6_HOPLIMIT.
 */
#define ANC_TTL ((uint64_t)1 << 10)

/**
 * tos. IP_TOS, IPV6_TCLASS.
 */
#define ANC_TOS ((uint64_t)1 << 11)

/**
 * segment: bytes of each of the datagrams that were joined. UDP_GRO.
 */
#define ANC_SEGMENT ((uint64_t)1 << 12)

/**
 * drops: messages lost so far. SO_RXQ_OVFL.
 */
#define ANC_DROPS ((uint64_t)1 << 13)

/**
 * error, offender: ICMP errors, zero-copy completions, transmit stamps. IP_RECVERR, IPV6_RECVERR.
 */
#define ANC_ERROR ((uint64_t)1 << 14)

/**
 * mark. SO_MARK.
 */
#define ANC_MARK ((uint64_t)1 << 15)

/**
 * priority. SO_PRIORITY.
 */
#define ANC_PRIORITY ((uint64_t)1 << 16)

/**
 * inq: bytes that wait after this read. SCM_INQ, TCP_CM_INQ.
 */
#define ANC_INQ ((uint64_t)1 << 17)

/**
 * tls_record. TLS_GET_RECORD_TYPE.
 */
#define ANC_TLS_RECORD ((uint64_t)1 << 18)

/**
 * vlan_tci, vlan_tpid; 0 where there is none. PACKET_AUXDATA.
 */
#define ANC_AUXDATA ((uint64_t)1 << 19)

/**
 * fragsize: the largest fragment. IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE.
 */
#define ANC_FRAGSIZE ((uint64_t)1 << 20)

/**
 * flowinfo, in host order. IPV6_FLOWINFO.
 */
#define ANC_FLOWINFO ((uint64_t)1 << 21)

/**
 * pid, uid, gid of struct anc_peer.
 */
#define ANC_PEER_CREDENTIALS 1

/**
 * pidfd of struct anc_peer.
 */
#define ANC_PEER_PIDFD 2

/**
 * None of the following. A later version may know it.
 */
#define ANC_FD_OTHER ((uint32_t)1 << 0)

/**
 * A regular file. It may be on FUSE or NFS: reading it may take forever.
 */
#define ANC_FD_FILE ((uint32_t)1 << 1)

/**
 * A directory.
 */
#define ANC_FD_DIRECTORY ((uint32_t)1 << 2)

/**
 * A character device: /dev/null, a terminal.
 */
#define ANC_FD_CHARACTER ((uint32_t)1 << 3)

/**
 * A block device.
 */
#define ANC_FD_BLOCK ((uint32_t)1 << 4)

/**
 * A pipe or FIFO.
 */
#define ANC_FD_PIPE ((uint32_t)1 << 5)

/**
 * A socket: domain, type, protocol, listening.
 */
#define ANC_FD_SOCKET ((uint32_t)1 << 6)

/**
 * memfd_create: seals.
 */
#define ANC_FD_MEMORY ((uint32_t)1 << 7)

/**
 * eventfd.
 */
#define ANC_FD_EVENT ((uint32_t)1 << 8)

/**
 * epoll_create.
 */
#define ANC_FD_EPOLL ((uint32_t)1 << 9)

/**
 * timerfd_create.
 */
#define ANC_FD_TIMER ((uint32_t)1 << 10)

/**
 * signalfd.
 */
#define ANC_FD_SIGNAL ((uint32_t)1 << 11)

/**
 * inotify_init.
 */
#define ANC_FD_INOTIFY ((uint32_t)1 << 12)

/**
 * pidfd_open, and the like.
 */
#define ANC_FD_PROCESS ((uint32_t)1 << 13)

/**
 * Opened with O_PATH, whatever it names: it can be neither read nor written.
 */
#define ANC_FD_PATH ((uint32_t)1 << 14)

/**
 * The descriptor can be read. No kind has this bit, so that kinds and access can't be confused.
 */
#define ANC_FD_READ ((uint32_t)1 << 30)

/**
 * The descriptor can be written.
 */
#define ANC_FD_WRITE ((uint32_t)1 << 31)

/**
 * Control messages being put into the caller's buffer. (buf, len) is good for any sendmsg,
 * sendmmsg or io_uring entry, as long as error is 0.
 */
struct anc_builder {
    /**
     * The caller's buffer, of any alignment.
     */
    unsigned char *buf;
    /**
     * Its size in bytes.
     */
    size_t size;
    /**
     * Bytes written: the msg_controllen to send with.
     */
    size_t len;
    /**
     * The first error, an errno, or 0.
     */
    int error;
};

/**
 * Where a datagram was sent to.
 */
struct anc_dest {
    /**
     * AF_INET or AF_INET6.
     */
    uint32_t family;
    /**
     * The interface that it came in by.
     */
    uint32_t ifindex;
    /**
     * The destination in the header, in the first 4 or all 16 bytes: it may be a group's.
     */
    uint8_t to[16];
    /**
     * The local address to answer from; zeros where the system is to choose.
     */
    uint8_t reply_from[16];
};

/**
 * One control message, as anc_next shows it. Zeroed to start.
 *
 */
struct anc_cmsg {
    /**
     * SOL_SOCKET, ...
     */
    int level;
    /**
     * SCM_RIGHTS, ...
     */
    int type;
    /**
     * The payload, of any alignment, in the message's control buffer.
     */
    const void *data;
    /**
     * Its bytes, as far as they are there.
     */
    size_t len;
    /**
     * 1: the payload was shortened.
     */
    uint32_t cut;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Where anc_next goes on.
     */
    size_t next;
};

/**
 * A point in time.
 */
struct anc_time {
    /**
     * Seconds since 1970, or of the device's clock.
     */
    int64_t sec;
    /**
     * Nanoseconds, below 1,000,000,000.
     */
    uint32_t nsec;
    /**
     * 0.
     */
    uint32_t reserved;
};

/**
 * `struct sock_extended_err`.
 *
 */
struct anc_sock_error {
    /**
     * An errno; ENOMSG for stamps, 0 for completions.
     */
    uint32_t err;
    /**
     * SO_EE_ORIGIN_LOCAL, _ICMP, _ICMP6, _TIMESTAMPING, _ZEROCOPY, ...
     */
    uint8_t origin;
    /**
     * The ICMP type.
     */
    uint8_t type;
    /**
     * The ICMP code; of a completion, 1 where the data was copied after all.
     */
    uint8_t code;
    /**
     * 0.
     */
    uint8_t reserved;
    /**
     * The MTU; the first completed send; which stamp (SCM_TSTAMP_SND, ...).
     */
    uint32_t info;
    /**
     * The last completed send; the stamped send (SOF_TIMESTAMPING_OPT_ID).
     */
    uint32_t data;
};

/**
 * What the control messages of one message say, whatever the family and the option. A field is
 * valid only if its bit is set in present, and is not written otherwise.
 */
struct anc_info {
    /**
     * ANC_ bits: decoded.
     */
    uint64_t present;
    /**
     * ANC_ bits: arrived shortened, or with an error in place of the pidfd; not decoded.
     */
    uint64_t cut;
    /**
     * Descriptors of SCM_RIGHTS that nobody has taken yet.
     */
    uint32_t nfds;
    /**
     * Messages that only anc_next shows.
     */
    uint32_t nother;
    /**
     * The sender's process,
     */
    int32_t pid;
    /**
     * user,
     */
    uint32_t uid;
    /**
     * and group.
     */
    uint32_t gid;
    /**
     * To look at: anc_take_pidfd owns it.
     */
    int32_t pidfd;
    /**
     * The label, in the control buffer; not terminated by a NUL.
     */
    const char *label;
    /**
     * Its bytes, a NUL at its end not counted.
     */
    size_t label_len;
    /**
     * Arrival.
     */
    struct anc_time time;
    /**
     * Arrival or departure by the system's clock,
     */
    struct anc_time software;
    /**
     * and by the device's.
     */
    struct anc_time hardware;
    /**
     * The send that was stamped, counted from 0; 0 without SOF_TIMESTAMPING_OPT_ID.
     */
    uint32_t time_id;
    /**
     * The device that stamped it.
     */
    uint32_t time_ifindex;
    /**
     * The length of the packet on the link.
     */
    uint32_t time_len;
    /**
     * Time to live, hop limit.
     */
    int32_t ttl;
    /**
     * Type of service, traffic class.
     */
    int32_t tos;
    /**
     * Bytes of each joined datagram but the last.
     */
    uint32_t segment;
    /**
     * Messages lost so far.
     */
    uint32_t drops;
    /**
     * The packet's mark.
     */
    uint32_t mark;
    /**
     * The packet's priority.
     */
    uint32_t priority;
    /**
     * Bytes that wait.
     */
    uint32_t inq;
    /**
     * 23: application data.
     */
    uint32_t tls_record;
    /**
     * The largest fragment.
     */
    uint32_t fragsize;
    /**
     * Flow label and traffic class.
     */
    uint32_t flowinfo;
    /**
     * VLAN tag,
     */
    uint32_t vlan_tci;
    /**
     * and its protocol.
     */
    uint32_t vlan_tpid;
    /**
     * Where the datagram was sent to.
     */
    struct anc_dest dest;
    /**
     * The error.
     */
    struct anc_sock_error error;
    /**
     * Who reported it, in the control buffer, of its alignment; NULL where nobody is named.
     */
    const struct sockaddr *offender;
    /**
     * Where the datagram was sent to before it was redirected.
     */
    struct sockaddr_storage original;
};

/**
 * Who connected or listened, as anc_peer tells it.
 */
struct anc_peer {
    /**
     * ANC_PEER_ bits: what is there.
     */
    uint32_t present;
    /**
     * The process, in the caller's PID namespace; never 0.
     */
    int32_t pid;
    /**
     * Its effective user,
     */
    uint32_t uid;
    /**
     * and group.
     */
    uint32_t gid;
    /**
     * A descriptor of the process, which is the caller's; -1 where there is none.
     */
    int32_t pidfd;
};

/**
 * What a descriptor is.
 *
 */
struct anc_fd_info {
    /**
     * One ANC_FD_ bit: what it is of.
     */
    uint32_t kind;
    /**
     * ANC_FD_READ, ANC_FD_WRITE.
     */
    uint32_t access;
    /**
     * O_APPEND, O_ASYNC, O_DIRECT, O_DSYNC, O_NOATIME, O_NONBLOCK, O_PATH, O_SYNC: those that are set.
     */
    uint32_t status;
    /**
     * MEMORY: F_SEAL_SEAL, ...: those that are set.
     */
    uint32_t seals;
    /**
     * SOCKET: AF_UNIX, ...
     */
    int32_t domain;
    /**
     * SOCKET: SOCK_STREAM, ...
     */
    int32_t type;
    /**
     * SOCKET: IPPROTO_TCP, ...; 0 where the family has but one.
     */
    int32_t protocol;
    /**
     * SOCKET: 1 after listen.
     */
    int32_t listening;
    /**
     * FILE, MEMORY: bytes.
     */
    uint64_t size;
};

/**
 * Descriptors that came before the bytes that name them. The slots are the caller's memory, the
 * descriptors that the queue counts are the queue's.
 */
struct anc_fd_queue {
    /**
     * The caller's slots.
     */
    int *slots;
    /**
     * Their number.
     */
    uint32_t size;
    /**
     * The slot of the oldest descriptor.
     */
    uint32_t head;
    /**
     * Descriptors queued, side by side.
     */
    uint32_t count;
    /**
     * 0.
     */
    uint32_t reserved;
};

/**
 * The sending side of a channel, which anc_tx_init starts. All of it is the library's; it is not to
 * be copied.
 *
 */
struct anc_tx {
    /**
     * The library's.
     */
    uint64_t priv[32];
};

/**
 * The limits of one side of a channel, which copies them. The receiving side refuses what exceeds
 * its own; those of the sending side are what the receiver is known to accept. 0: the default.
 */
struct anc_limits {
    /**
     * Bytes of one message; default 16 MiB (16,777,216).
     */
    uint32_t max_message;
    /**
     * Descriptors of one message; default ANC_FDS_MAX. It may be more.
     */
    uint32_t max_fds;
    /**
     * Bytes of one frame; default 65,528, and on SOCK_SEQPACKET no more. A message that is larger
     * arrives in parts.
     */
    uint32_t max_frame;
    /**
     * 0.
     */
    uint32_t reserved;
};

/**
 * A message to send. The caller sets iov, iovcnt, fds, nfds and flags; anc_tx_queue writes the rest.
 * It stays where it is, with all that it points to, until state is ANC_OUT_DONE or ANC_OUT_DROPPED.
 *
 */
struct anc_out {
    /**
     * The bytes.
     */
    const struct iovec *iov;
    /**
     * The number of buffers, 0 to 1024.
     */
    int iovcnt;
    /**
     * The descriptors.
     */
    const int *fds;
    /**
     * Their number, which may exceed ANC_FDS_MAX.
     */
    size_t nfds;
    /**
     * 0 or ANC_MOVE.
     */
    unsigned int flags;
    /**
     * ANC_OUT_: what has become of it.
     */
    uint32_t state;
    /**
     * The library's.
     */
    struct anc_out *next;
    /**
     * The library's.
     */
    uint64_t priv[4];
};

/**
 * The receiving side of a channel, which anc_rx_init starts. All of it is the library's; it is not to
 * be copied, and stays where it is between anc_rx_prepare and anc_rx_got.
 *
 */
struct anc_rx {
    /**
     * The library's.
     */
    uint64_t priv[32];
};

/**
 * What has come: a message, or a part of one that is larger than a frame. What it points to is valid
 * until the next call on the channel's receiving side.
 */
struct anc_in {
    /**
     * The bytes, in the caller's buffer, of any alignment.
     */
    const void *data;
    /**
     * Their number.
     */
    size_t len;
    /**
     * The descriptors, in the caller's slots; NULL where there are none. Take one by writing -1 into
     * its slot: the next call closes the rest. A negative errno stands in place of one that was lost:
     * -EMFILE: the descriptor table was full; -EOVERFLOW: something else kept the kernel from
     * installing it.
     */
    int *fds;
    /**
     * Their number.
     */
    size_t nfds;
    /**
     * 1: the message goes on with what is received next. 0: it ends here.
     */
    uint32_t more;
    /**
     * 0.
     */
    uint32_t reserved;
};

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
 * EINVAL: descriptors with 0 bytes on a stream; more than ANC_FDS_MAX; an unknown flag; len above
 * SSIZE_MAX.
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
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_MOVE.
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
 * -1 and errno: *nfds is 0, and no slot of fds was written (with ANC_ALL, slots may hold -1).
 *
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_EXACT, ANC_TRIM.
 *
 * Nothing consumed, the bytes and descriptors are still in the socket: EINVAL: 0 bytes on a
 * stream or more than SSIZE_MAX; an unknown flag; ANC_TRIM with ANC_EXACT; nfds NULL though needed. EFAULT: NULL with a
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
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_TRIM.
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

/**
 * Starts building control messages in `buf`, `size` bytes of any alignment. The buffer stays the
 * caller's and must outlive its use.
 *
 * Each anc_put appends a message, or records the first error, after which nothing is put any more;
 * anc_builder_finish reports it. No byte is written past the buffer's end, and none of a message is
 * left unwritten, padding included. EFAULT: NULL with a size.
 */
void anc_builder_init(struct anc_builder *b, void *buf, size_t size);

/**
 * Appends one control message of any level and type, with `len` bytes of data.
 *
 * ENOBUFS: no room. EFAULT: NULL with a length. EINVAL: a kind that is never sent; for SCM_RIGHTS,
 * data that are not whole ints. SCM_RIGHTS is checked as anc_put_fds does it.
 */
void anc_put(struct anc_builder *b, int level, int type, const void *data, size_t len);

/**
 * Appends descriptors. They stay the caller's: keep them open until the message is sent. No
 * descriptors: nothing is written.
 *
 * EBADF: a negative one. EINVAL: more than ANC_FDS_MAX in the whole message. ENOBUFS: no room.
 * EFAULT: NULL with a number.
 */
void anc_put_fds(struct anc_builder *b, const int *fds, size_t nfds);

/**
 * Appends credentials, for a receiver with SO_PASSCRED. The kernel checks them when they are sent:
 * EPERM for foreign ones without privilege, ESRCH for a pid that nobody has. ENOBUFS: no room.
 */
void anc_put_credentials(struct anc_builder *b, int32_t pid, uint32_t uid, uint32_t gid);

/**
 * Appends the local address to send from, `from` (AF_INET or AF_INET6), and the interface to send by,
 * 0: the system chooses. EINVAL: another family, or a length too short for it. EFAULT: NULL.
 */
void anc_put_source(struct anc_builder *b,
                    const struct sockaddr *from,
                    socklen_t len,
                    uint32_t ifindex);

/**
 * Appends the address that was asked as the one to answer from: `asked` is dest of anc_decode. Puts
 * nothing where an IPv6 group was asked, for which the system chooses; for an IPv4 group the kernel has
 * named an address of the interface. EINVAL: a family that is neither
 * AF_INET nor AF_INET6. EFAULT: NULL.
 */
void anc_put_reply_from(struct anc_builder *b,
                        const struct anc_dest *asked);

/**
 * Appends the type of service or traffic class, 0 to 255, ECN in its lowest two bits; `family` is that
 * of the address that is sent to: AF_INET also for a mapped one. EINVAL: another family or value.
 */
void anc_put_tos(struct anc_builder *b,
                 int family,
                 int tos);

/**
 * Appends the time to live or hop limit, 1 to 255; `family` as for anc_put_tos. EINVAL: another family
 * or value.
 */
void anc_put_ttl(struct anc_builder *b,
                 int family,
                 int ttl);

/**
 * Appends the size of the datagrams that one UDP send is cut into. Linux 4.18.
 */
void anc_put_segment(struct anc_builder *b, uint16_t bytes);

/**
 * Appends the time to transmit at, in nanoseconds of the clock that SO_TXTIME chose. Linux 4.19.
 */
void anc_put_txtime(struct anc_builder *b, uint64_t ns);

/**
 * Appends the stamps that this send asks for: SOF_TIMESTAMPING_TX_ flags. Linux 4.6.
 */
void anc_put_timestamping(struct anc_builder *b, uint32_t sof_flags);

/**
 * Appends the packet's mark. The kernel wants CAP_NET_ADMIN or CAP_NET_RAW (EPERM). Linux 4.4.
 */
void anc_put_mark(struct anc_builder *b, uint32_t mark);

/**
 * Appends the packet's priority. Above 6 the kernel wants CAP_NET_ADMIN or CAP_NET_RAW (EPERM). Linux
 * 6.14.
 */
void anc_put_priority(struct anc_builder *b,
                      uint32_t priority);

/**
 * Points msg_control and msg_controllen of `msg` to what was built: NULL and 0 when that is
 * nothing, and on an error.
 *
 * Returns 0, or -1 with the first error of the puts as errno. EFAULT also: b or msg is NULL.
 */
int anc_builder_finish(const struct anc_builder *b, struct msghdr *msg);

/**
 * Shows the next control message of `msg`, whoever filled it. Pure: nothing is taken.
 *
 * Start with *c zeroed. Lengths are taken as hostile, the buffer may have any alignment, and the
 * last message may lack its padding. c->cut is 1 where the payload was shortened: its header reaches
 * past the buffer, or the kind is known and must be longer; data and len show what is there.
 *
 * Returns 1; 0 at the end, which is fewer bytes than a header; -1 and errno, *c as it was:
 * EBADMSG: a length shorter than its own header. EFAULT: msg or c is NULL, or msg_control is NULL
 * with a length of a header or more.
 */
int anc_next(const struct msghdr *msg,
             struct anc_cmsg *c);

/**
 * Copies the data of the one control message of `msg` that has this level and type, and exactly `len`
 * bytes: the counterpart of anc_put. Pure: a descriptor that is looked at this way is not taken.
 *
 * Returns 0, or -1 and errno, with data as it was: ENOMSG: there is none. EMSGSIZE: it is longer or
 * shorter, or was cut. EBADMSG: a length shorter than its own header. EFAULT: msg is NULL, or data with
 * a length, or msg_control with a length of a header or more. Of several, the last counts, as in
 * anc_decode.
 */
int anc_get(const struct msghdr *msg,
            int level,
            int type,
            void *data,
            size_t len);

/**
 * The name of a control message, as "SCM_RIGHTS", or NULL where it is not known.
 */
const char *anc_name(int level, int type);

/**
 * Takes the descriptors of all SCM_RIGHTS of `msg`, in order: the first *nfds of `fds` are the
 * caller's. Their slots in the control buffer hold -1 from then on. Negative slots are skipped and
 * never counted. What was lost is in msg_flags, not an error here.
 *
 * Returns 0, or -1 and errno, *nfds 0: ERANGE: more than max_fds (ANC_TRIM: the surplus is closed,
 * no error). ENOMSG: fewer than max_fds, with ANC_EXACT. In both cases all of them are closed; a
 * pidfd stays. Nothing taken: EINVAL: an unknown flag; ANC_TRIM with ANC_EXACT; nfds NULL though
 * needed, as in anc_recv_fds; fds in the control buffer. EFAULT: msg is NULL, or fds with max_fds.
 *
 * flags: ANC_EXACT, ANC_TRIM.
 */
int anc_take_fds(struct msghdr *msg, int *fds, size_t max_fds, size_t *nfds, unsigned int flags);

/**
 * Takes the pidfd of `msg`, which is the caller's then.
 *
 * -1 and errno: ENOMSG: none came, or it was taken. EFAULT: msg is NULL. Otherwise the error that
 * the kernel put in its place, as EMFILE for a full descriptor table.
 */
int anc_take_pidfd(struct msghdr *msg);

/**
 * Closes every descriptor in the control buffer of `msg` that nobody has taken, a pidfd too, as far
 * as the buffer is well formed. May be repeated. Keeps errno. No cancellation point.
 */
void anc_close_unclaimed(struct msghdr *msg);

/**
 * Why `msg` came with MSG_CTRUNC; `room` is the msg_controllen that it was received with. To be
 * asked before anything is closed, so not after MSG_PEEK.
 *
 * Returns 0 without MSG_CTRUNC, or: ENOBUFS: the control buffer was too small. EMFILE: the
 * descriptor table is full. EOVERFLOW: something else, such as a security module, kept the kernel
 * from installing a descriptor. Keeps errno.
 */
int anc_truncation_cause(const struct msghdr *msg, size_t room);

/**
 * Decodes the control messages of `msg`, whoever filled it, into `info`, `size` bytes: what each says
 * whatever its family, option and width. Pure: nothing is taken.
 *
 * The struct is not cleared: present, cut, nfds and nother are written, and the fields whose bits are
 * in present. label and offender point into the control buffer. With MSG_CTRUNC in msg_flags, a label
 * at the end of the control data may have been shortened, and counts as cut.
 *
 * Returns 0, or -1 and errno: EBADMSG: a length shorter than its own header; what stood before it is
 * decoded. EINVAL: a size that no version of the struct has had. EFAULT: msg or info is NULL, or
 * msg_control is NULL with a length of a header or more.
 */
int anc_decode(const struct msghdr *msg,
               struct anc_info *info,
               size_t size);

/**
 * sendmsg without SIGPIPE; every MSG_ flag passes through. A cancellation point.
 *
 * Returns the number of bytes, or -1 and errno. EINTR is not retried. EINVAL: control data with no
 * bytes on a stream, where the descriptors would be lost; MSG_OOB with control data. EFAULT: msg is
 * NULL. The kernel's errors of sendmsg pass through.
 */
ssize_t anc_sendmsg(int sock, const struct msghdr *msg, int msg_flags);

/**
 * recvmsg whose descriptors are close-on-exec; every MSG_ flag passes through. A cancellation point;
 * a cancelled thread leaks nothing.
 *
 * The descriptors stay in the control buffer until anc_take_fds or anc_take_pidfd takes them, or
 * anc_close_unclaimed closes them. With MSG_PEEK they are duplicates, which the call itself closes.
 * What was lost is in msg->msg_flags (MSG_TRUNC, MSG_CTRUNC), never an errno; the echo of
 * MSG_CMSG_CLOEXEC is not.
 *
 * Returns the number of bytes, or -1 and errno, with msg_controllen 0. EINTR is not retried. EINVAL:
 * room for control data with no room for bytes on a stream, where the call would look like end of
 * file (not with MSG_ERRQUEUE); MSG_OOB with room for control data. EFAULT: msg is NULL. The
 * kernel's errors of recvmsg pass through.
 */
ssize_t anc_recvmsg(int sock,
                    struct msghdr *msg,
                    int msg_flags);

/**
 * sendmmsg without SIGPIPE, of at most 1,024 messages. A cancellation point.
 *
 * Returns how many have gone; the error that stopped it shows on the next call. On a stream the last
 * of them may have gone in part: its msg_len tells how far, and its descriptors have gone. -1 and
 * errno: none has gone. The refusals are those of anc_sendmsg, for any of the messages and before any effect.
 * EFAULT: NULL with a number.
 */
int anc_sendmmsg(int sock,
                 struct mmsghdr *v,
                 unsigned int n,
                 int msg_flags);

/**
 * recvmmsg of at most 1,024 messages, each as by anc_recvmsg; with MSG_DONTWAIT or MSG_WAITFORONE. A
 * cancellation point; a cancelled thread leaks nothing.
 *
 * Returns how many messages have come, in v[0] and on; msg_controllen of the others is 0. The error
 * that stopped it, if it was not EAGAIN, shows on the next call on the socket, whichever that is.
 * -1 and errno: none has come. A full descriptor table does not stop it: MSG_CTRUNC tells where. At
 * end of file all that is left is filled with empty messages. EINVAL: neither of the two flags; the refusals of anc_recvmsg. EFAULT: NULL with a
 * number.
 */
int anc_recvmmsg(int sock,
                 struct mmsghdr *v,
                 unsigned int n,
                 int msg_flags);

/**
 * Tells who is at the other end of the AF_UNIX socket `sock`, a connected one: `p`, `size` bytes, gets
 * pid, uid and gid, and with ANC_PEER_PIDFD a pidfd, close-on-exec, which is the caller's.
 *
 * They are those of the process that called connect, listen or socketpair, at that moment. Since then it
 * may have ended, changed its user, or left the socket to another process, which speaks in its place.
 *
 * Look at present before pidfd: a kernel before 6.5 has none, and the call succeeds without. A pid alone
 * may be another process by now; anc_pidfd_matches tells.
 *
 * flags: ANC_PEER_PIDFD; ANC_PEER_CREDENTIALS is always understood.
 *
 * Returns 0, or -1 and errno, with present 0 and pidfd -1: ENODATA: no peer, or none that the caller can
 * name: an unconnected or listening socket, one of another family, a process that the caller's PID
 * namespace does not show (the kernel reports pid 0). EMFILE: no free descriptor for the pidfd. ESRCH:
 * the process has ended and was waited for (before Linux 6.16). EINVAL: an unknown flag; a size that no
 * version of the struct has had, and then nothing is written. EFAULT: p is NULL. EBADF, ENOTSOCK.
 */
int anc_peer(int sock,
             struct anc_peer *p,
             size_t size,
             unsigned int flags);

/**
 * Writes the security label of the peer of `sock` to `buf`, which has room for *len bytes, always with a
 * NUL behind it. Which label that is, is the security module's business; AF_UNIX, and internet sockets
 * where the module labels them.
 *
 * Returns 0 with the length in *len, the NUL not counted; or -1 and errno, with an empty string in buf and
 * *len 0, but for ERANGE: *len bytes are room enough, the NUL counted. ENOPROTOOPT: no security module
 * labels this socket. EFAULT: len is NULL, or buf with a length. EBADF, ENOTSOCK.
 *
 * *len 0 asks for the room.
 */
int anc_peer_label(int sock,
                   char *buf,
                   size_t *len);

/**
 * Writes the supplementary groups of the peer of the AF_UNIX socket `sock` to `groups`, which has *n
 * slots. Those of the same moment as anc_peer's gid, which need not be among them.
 *
 * Returns 0 with their number in *n; or -1 and errno, with *n 0, but for ERANGE: they need *n slots, and
 * none was written. ENODATA: no peer, as for anc_peer, but the PID namespace does not matter. ENOPROTOOPT:
 * before Linux 4.13. EFAULT: n is NULL, or groups with a number. EBADF, ENOTSOCK.
 *
 * *n 0 asks for the number: 0 if there are none, ERANGE if there are any.
 */
int anc_peer_groups(int sock,
                    gid_t *groups,
                    size_t *n);

/**
 * Writes to `token`, eight words, the audit token of the process that used the other end of the AF_UNIX
 * socket `sock` last: the val of an audit_token_t, by which macOS's Security framework checks what program
 * it runs. A pid is no substitute: it may be another process by then.
 *
 * Returns 0, or -1 and errno, with eight zeros in token: ENOPROTOOPT: the system has no such thing; only
 * macOS and its relatives have. ENODATA: no peer, as for anc_peer. EFAULT: token is NULL. EBADF, ENOTSOCK.
 */
int anc_peer_token(int sock,
                   uint32_t *token);

/**
 * Tells whether `pid` is still the number of the process that `pidfd` refers to. First look up what is
 * needed by the number, in /proc/PID or elsewhere, then ask: 1 proves that it was this process's all
 * the time.
 *
 * The number is the one that /proc shows; where there is no /proc, that of the caller's PID namespace.
 *
 * Returns 1; 0: the process has ended and was waited for, so that its number may be another's; or it has
 * another number, or none here; or -1 and errno: EBADF: not a pidfd. EINVAL: pid is not positive, or Linux
 * before 5.4. EMFILE: no free descriptor to read /proc with. ENOENT: no /proc, before Linux 6.13, or one
 * that does not show the caller. EACCES: the caller is not dumpable (prctl), on older kernels.
 *
 * A process that has ended keeps its number until it is waited for: still 1.
 */
int anc_pidfd_matches(int pidfd,
                      int32_t pid);

/**
 * Tells what `fd` is, in `info`, `size` bytes: all of them are written. What does not apply is 0.
 *
 * The descriptor may come from a hostile peer. Nothing about it changes: not its offset, flags, owner
 * or locks. The call needs no free descriptor, and waits for nobody: a file's size is as the system
 * knows it, for who serves the file is not asked (Linux 4.11; before, fstat is used, and a FUSE or
 * NFS server can delay it).
 *
 * EVENT, EPOLL, TIMER, SIGNAL, INOTIFY and PROCESS are told by /proc (Linux 3.17): without it they are
 * ANC_FD_OTHER, and a memfd that can't be sealed is ANC_FD_FILE. Such a memfd proves nothing: it
 * can't be told from a file of a tmpfs of the peer's. Seals do.
 *
 * Returns 0, or -1 and errno, with *info untouched: EBADF: not open. EINVAL: a size that no version of
 * the struct has had. EFAULT: info is NULL. EACCES: a security module, or FUSE, whose files show
 * themselves to the user who mounted them alone, unless that allows others.
 */
int anc_fd_describe(int fd,
                    struct anc_fd_info *info,
                    size_t size);

/**
 * Refuses a descriptor that is not what it has to be: of one of `kinds` (ANC_FD_ bits; 0: any), with
 * all of `access` (ANC_FD_READ, ANC_FD_WRITE) and all of `seals` (F_SEAL_SHRINK, ...; only
 * ANC_FD_MEMORY has any). It never closes the descriptor, and never changes it: see anc_fd_describe.
 *
 * Before a peer's memory is mapped: ANC_FD_MEMORY, ANC_FD_READ, and F_SEAL_SHRINK, without which the
 * peer can shrink it and reading raises SIGBUS; and F_SEAL_WRITE, without which the bytes may change
 * while they are read. Seals can't be taken off.
 *
 * Returns 0, or -1 and errno: EPERM: it is not of these kinds, or lacks access or a seal. EBADF: not
 * open. EINVAL: an unknown kind or access. EACCES as anc_fd_describe.
 */
int anc_fd_require(int fd,
                   uint32_t kinds,
                   uint32_t access,
                   uint32_t seals);

/**
 * Asks the socket `sock` for the facts of the set `on`, and no more for those of the set `off`, by
 * the socket options of its family and type, whatever they are called there. All or nothing: on
 * failure every option is as it was. Options that are as they should be are left alone.
 *
 * ANC_RIGHTS is on from the start: off, the socket takes no descriptors (anc_refuse_fds).
 * ANC_TLS_RECORD comes once TLS_RX is set, and can't be switched. ANC_TIME is in nanoseconds, unless
 * the socket was asked for microseconds before. ANC_TIMESTAMPING and the two facts that belong to it
 * are anc_want_timestamping's.
 *
 * *refused is the set of the facts that this socket or this kernel can't bring, or can't stop
 * bringing, or that the kernel refused for another reason; 0 on success. It may be NULL.
 *
 * Returns 0, or -1 and errno: ENOPROTOOPT: facts were refused. EINVAL: an unknown bit, one that
 * is in both sets, or ANC_TIMESTAMPING, ANC_TIME_ID or ANC_TIME_PKTINFO. EBADF, ENOTSOCK. The
 * kernel's errors of setsockopt pass through.
 */
int anc_want(int sock,
             uint64_t on,
             uint64_t off,
             uint64_t *refused);

/**
 * Asks the socket for time stamps as `sof_flags`, the SOF_TIMESTAMPING_ flags of
 * linux/net_tstamp.h, say: ANC_TIMESTAMPING, ANC_TIME_ID, ANC_TIME_PKTINFO. 0 switches them off. The
 * flags take the place of those that were set before.
 *
 * Returns 0, or -1 and errno: ENOPROTOOPT: the socket is of a family that accepts the flags and
 * brings no stamps (AF_UNIX, netlink), or that the library does not know. EINVAL: flags that the
 * kernel does not know. EBADF, ENOTSOCK. The kernel's errors of setsockopt pass through.
 */
int anc_want_timestamping(int sock,
                          uint32_t sof_flags);

/**
 * Writes the set of the facts that the socket is asked for to *kinds, whoever asked: those of which
 * an option that brings them is on. ANC_INQ of an AF_UNIX socket is not told, for the kernel does not
 * tell.
 *
 * Returns 0, or -1 and errno, with *kinds 0: EFAULT: kinds is NULL. EBADF, ENOTSOCK.
 */
int anc_wanted(int sock,
               uint64_t *kinds);

/**
 * The room in bytes that the control messages of one message can take if it brings all the facts of
 * the set `kinds`, whatever the family: `max_fds` descriptors, of which more than ANC_FDS_MAX count
 * as ANC_FDS_MAX, and a label of `max_label` bytes. With a control buffer of this size on a socket
 * that was asked for these facts and no others, MSG_CTRUNC means that a descriptor could not be
 * installed, or that the sender sent more of them than max_fds.
 *
 * SIZE_MAX where it does not fit, or for an unknown bit.
 */
size_t anc_want_space(uint64_t kinds, size_t max_fds, size_t max_label);

/**
 * Makes the AF_UNIX socket `sock` take no descriptors: a peer that sends some gets EPERM, and what
 * it sent them with does not come. What was queued before still comes. Sockets that accept returns
 * inherit it from the listening one. Linux 6.16.
 *
 * Returns 0, or -1 and errno: ENOPROTOOPT: the kernel is older: descriptors come, and must be received
 * and closed. EOPNOTSUPP: not an AF_UNIX socket. EBADF, ENOTSOCK.
 */
int anc_refuse_fds(int sock);

/**
 * Starts an empty queue on `size` slots of the caller's, which must outlive it. NULL: no slots.
 *
 * For wire formats in which bytes name descriptors that come beside them: a stream gives no byte
 * that a descriptor belongs to, but it keeps their order. Slots must suffice for what may wait for
 * the rest of its message, and for the max_fds of the next receive: twice max_fds where all complete
 * messages are taken before the next receive, and a send's messages name no more than max_fds.
 */
void anc_fd_queue_init(struct anc_fd_queue *q,
                       int *slots,
                       size_t size);

/**
 * anc_fd_queue_recvv into one buffer.
 */
ssize_t anc_fd_queue_recv(struct anc_fd_queue *q,
                          int sock,
                          void *buf,
                          size_t len,
                          size_t max_fds,
                          unsigned int flags);

/**
 * Receives bytes into `iovcnt` buffers, as anc_recvv_fds, and puts up to `max_fds` descriptors at the
 * end of the queue, which owns them. A cancellation point; a cancelled thread leaks nothing.
 *
 * Returns the number of bytes; 0 with an unchanged count is end of file, or an empty message.
 * -1 and errno as anc_recvv_fds, with nothing queued. ENOBUFS also: fewer than max_fds slots are
 * free; nothing consumed. EFAULT also: q is NULL. EINVAL also: a queue that contradicts itself.
 *
 * flags: ANC_DONTWAIT, ANC_ALL, ANC_EXACT, ANC_TRIM.
 */
ssize_t anc_fd_queue_recvv(struct anc_fd_queue *q,
                           int sock,
                           const struct iovec *iov,
                           int iovcnt,
                           size_t max_fds,
                           unsigned int flags);

/**
 * Takes the oldest descriptor out of the queue: it is the caller's. -1 and errno: ENOMSG: the queue
 * is empty. EFAULT: q is NULL. EINVAL: a queue that contradicts itself.
 */
int anc_fd_queue_take(struct anc_fd_queue *q);

/**
 * Takes the oldest `n` descriptors out of the queue: they are the caller's. Returns 0, or -1 and
 * errno, with none taken: ENOMSG: there are fewer. EFAULT: q is NULL, or fds with a number. EINVAL: a
 * queue that contradicts itself.
 */
int anc_fd_queue_take_fds(struct anc_fd_queue *q,
                          int *fds,
                          size_t n);

/**
 * Closes all descriptors of the queue, which is empty then and can be used on. Keeps errno. No
 * cancellation point.
 */
void anc_fd_queue_close(struct anc_fd_queue *q);

/**
 * Starts the sending side of a channel on `sock`, an AF_UNIX socket of type SOCK_STREAM or
 * SOCK_SEQPACKET whose other end receives by a channel too. The socket stays the caller's, who sends
 * nothing else on it. One socket may have both sides.
 *
 * buf, len: memory for what one system call is given, of any alignment, at least 2,560 bytes;
 * ANC_TX_BUFFER is plenty. It is the channel's as long as the channel is used. limits: what the
 * receiver accepts, or NULL for the defaults; they are copied. size: sizeof *tx. A side that has
 * messages queued is dropped before it is started over: anc_tx_drop.
 *
 * Returns 0, or -1 and errno: EAFNOSUPPORT: not AF_UNIX. EPROTOTYPE: another type. ENOBUFS: the
 * buffer is too small. EINVAL: a size that no version of the struct has had, frames larger than
 * 65,528 on SOCK_SEQPACKET, limits->reserved not 0. EFAULT: NULL. EBADF, ENOTSOCK.
 */
int anc_tx_init(struct anc_tx *tx,
                int sock,
                void *buf,
                size_t len,
                const struct anc_limits *limits,
                size_t size);

/**
 * Puts a message behind the others. Nothing is sent yet. The struct, and what it points to, must stay
 * as they are until m->state is ANC_OUT_DONE or ANC_OUT_DROPPED; descriptors with ANC_MOVE are the
 * channel's from here on, which closes them when they have gone or are dropped; others must stay
 * open until the state is ANC_OUT_FDS_GONE or a later one. Messages go in the order of the calls.
 * A number that stands twice among moved ones is closed once; among more than ANC_FDS_MAX of them, which
 * need several system calls, each stands once only.
 *
 * A message of no more than max_frame bytes and ANC_FDS_MAX descriptors arrives as one frame, unless
 * it has more buffers than the channel's memory has room for: with ANC_TX_BUFFER fifty, and more of at
 * most 256 bytes each up to 6,000 bytes together. A message without bytes, with or without
 * descriptors, is one too.
 *
 * Returns 0, or -1 and errno, with nothing queued or owned: EMSGSIZE: more bytes than the limit.
 * ERANGE: more descriptors. EBADF: a negative descriptor. EINVAL: an unknown flag, an iovcnt below 0
 * or above 1024, a channel that was not initialised. EFAULT: NULL, with a number. Or the error that
 * every call fails with.
 */
int anc_tx_queue(struct anc_tx *tx,
                 struct anc_out *m);

/**
 * Sends all that is queued, as many frames with each system call as fit. Waits for `timeout_ms`
 * milliseconds at most: 0 not at all, negative without limit; whether the socket is nonblocking makes
 * no difference. A cancellation point while it waits; nothing is lost or sent twice then.
 *
 * Returns 0 when the kernel has all of it. -1 and errno, with the rest queued for the next call: EAGAIN:
 * the socket is full (timeout_ms 0). ETIMEDOUT: it was full until the end. ETOOMANYREFS: too many of the
 * user's descriptors are in flight, and were until the end; poll can't wait for that, a timer can.
 * EINTR. EPIPE and others of the kernel's: the connection is over.
 *
 * EBADF, EINVAL, EPERM, EMSGSIZE, EFAULT: the oldest message can't be sent, for its descriptors (not
 * open, not to be passed, refused by the receiver), its size or its memory. Its state is
 * ANC_OUT_DROPPED; the others stay queued. Where a part of it has gone already, it stays, and nothing
 * behind it can be sent any more.
 */
int anc_tx_flush(struct anc_tx *tx,
                 int timeout_ms);

/**
 * For programs with a loop of their own, io_uring's or another: fills `msg` with what to send next,
 * by one sendmsg with MSG_NOSIGNAL; with musl by anc_sendmsg, for musl's sendmsg takes no more than 252
 * descriptors (ENOMEM). It points into the channel's memory and the messages', which
 * nobody writes to until then. The same is given until anc_tx_sent says what became of it.
 *
 * Returns 1; 0: nothing waits; or -1 and errno: EFAULT: NULL. EINVAL: a channel that was not
 * initialised. Or the error that every call fails with.
 */
int anc_tx_next(struct anc_tx *tx,
                struct msghdr *msg);

/**
 * Says what became of the message that anc_tx_next gave: `n` bytes have gone, or none, and n is the
 * negative errno (-errno after sendmsg; the result of a completion as it is).
 *
 * Returns 0: go on with anc_tx_next. -1 and errno: the same errno as in n, with the meaning that it
 * has for anc_tx_flush. EINVAL also: more bytes than there were, or nothing was asked for.
 */
int anc_tx_sent(struct anc_tx *tx, ssize_t n);

/**
 * Gives back all messages that are not done, as ANC_OUT_DROPPED, and closes moved descriptors that
 * have not gone. Keeps errno; is no cancellation point.
 *
 * Where a part of a message has gone, every call fails with ECANCELED from here on; otherwise the
 * channel can be used on. Descriptors are a part: they go with the first byte of a system call, before
 * the bytes of their messages.
 */
void anc_tx_drop(struct anc_tx *tx);

/**
 * Starts the receiving side of a channel on `sock`, an AF_UNIX socket of type SOCK_STREAM or
 * SOCK_SEQPACKET whose other end sends by a channel. The socket stays the caller's, who receives
 * nothing else from it.
 *
 * buf, len: memory for what is received, of any alignment: ANC_RX_BUFFER bytes; for frames of another
 * size at least ANC_CONTROL_MAX + 16 + max_frame on SOCK_STREAM, and always at least ANC_CONTROL_MAX +
 * 16 + 65,536 on SOCK_SEQPACKET. slots, nslots: memory for descriptors, at least ANC_FDS_MAX of them.
 * Both are the channel's until anc_rx_close. limits: what is accepted, or NULL for the defaults; they
 * are copied. size: sizeof *rx.
 *
 * Returns 0, or -1 and errno: EAFNOSUPPORT: not AF_UNIX. EPROTOTYPE: another type. ENOBUFS: buffer
 * or slots are too small. EINVAL: a size that no version of the struct has had, limits->reserved not
 * 0. EFAULT: NULL. EBADF, ENOTSOCK.
 */
int anc_rx_init(struct anc_rx *rx,
                int sock,
                void *buf,
                size_t len,
                int *slots,
                size_t nslots,
                const struct anc_limits *limits,
                size_t size);

/**
 * Receives the next message, or the next part of one that is larger than a frame, into `in`. Waits
 * for `timeout_ms` milliseconds at most: 0 not at all, negative without limit; whether the socket is
 * nonblocking makes no difference. What was received before is the channel's again, and descriptors
 * that were not taken are closed. A cancellation point; a cancelled thread leaks nothing as long as
 * anc_rx_close is called, but the channel may be of no more use (ECANCELED).
 *
 * Several messages may come with one system call: with edge-triggered readiness call it until EAGAIN.
 *
 * Returns 1; 0: end of file, between two messages. -1 and errno, and the call may be repeated:
 * EAGAIN, ETIMEDOUT, EINTR: nothing has come; ECONNRESET and others of the kernel's. -1 and errno,
 * with every descriptor closed and every later call failing the same: EPROTO: the sender does not
 * keep to the wire, or has ended within a message. EMSGSIZE: a frame or a message is larger than the
 * limit. ERANGE: a message has more descriptors than the limit. EINVAL: a channel that was not
 * initialised. EFAULT: NULL.
 */
int anc_rx_recv(struct anc_rx *rx,
                struct anc_in *in,
                int timeout_ms);

/**
 * For programs with a loop of their own, io_uring's or another, after anc_rx_next has returned 0:
 * fills `msg` with what to receive next, by one recvmsg with MSG_CMSG_CLOEXEC. It points into the
 * channel's memory; until anc_rx_got only that receive may write there.
 *
 * Returns 1: receive this. 0: end of file; or anc_rx_next was not called until it returned 0, and has
 * something to tell. -1 and errno as anc_rx_recv.
 */
int anc_rx_prepare(struct anc_rx *rx,
                   struct msghdr *msg);

/**
 * Says what became of the receive that anc_rx_prepare gave: `n` bytes came, 0 at end of file, with
 * what the kernel wrote into `msg`; or nothing, and n is the negative errno (-errno after recvmsg; the
 * result of a completion as it is).
 *
 * Returns 0: go on with anc_rx_next. -1 and errno: the same errno as in n, and what was prepared may be
 * received again; or the errors of anc_rx_recv, after which the channel is of no more use. EINVAL also:
 * nothing was prepared.
 */
int anc_rx_got(struct anc_rx *rx,
               struct msghdr *msg,
               ssize_t n);

/**
 * The next message, or part of one, of those that have come already. What was received before is the
 * channel's again, and descriptors that were not taken are closed.
 *
 * Returns 1; 0: nothing more, and anc_rx_prepare says whether it is the end: 1 where there is something
 * to receive, 0 at end of file; or -1 and errno as anc_rx_recv, EPROTO where the end has come within a
 * message.
 */
int anc_rx_next(struct anc_rx *rx,
                struct anc_in *in);

/**
 * Closes the descriptors that were received and not taken. Keeps errno; is no cancellation point. The
 * buffer and the slots are the caller's again. Every other call fails with EINVAL until anc_rx_init
 * starts the side over.
 */
void anc_rx_close(struct anc_rx *rx);

#ifdef __cplusplus
}
#endif

#endif /* ANCILLARY_H */
