//! The constants and structs that C and Rust share: a plain leaf file, which cbindgen turns into
//! the header and ctest2 holds against it.

#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

use libc::{iovec, sockaddr, sockaddr_storage};

/// The version of this header: 0xMMmmpp. `anc_version` tells that of the library that was loaded.
pub const ANC_VERSION: u32 = (0 << 16) | (1 << 8);

/// The call does not wait: EAGAIN instead.
pub const ANC_DONTWAIT: u32 = 0x01;

/// Go on after signals and short counts until all bytes are sent or received, end of file, EAGAIN
/// or another error. The result is then the count so far with the descriptors so far; an error
/// that consumed data stays -1. Receiving messages (SEQPACKET, DGRAM) it goes on after signals only,
/// for a message is all there is. A socket's time-out counts for each wait.
pub const ANC_ALL: u32 = 0x02;

/// Send: close fds[] once the kernel has them, and only then; a number that stands twice is closed
/// once. The thread cannot be cancelled in between.
pub const ANC_MOVE: u32 = 0x04;

/// Receive: exactly max_fds descriptors, or an error.
pub const ANC_EXACT: u32 = 0x08;

/// Receive: close the surplus instead of failing with ERANGE. Not with ANC_EXACT.
pub const ANC_TRIM: u32 = 0x10;

/// The most descriptors that one message can carry.
pub const ANC_FDS_MAX: usize = 253;

/// Control messages being put into the caller's buffer. (buf, len) is good for any sendmsg,
/// sendmmsg or io_uring entry, as long as error is 0.
#[repr(C)]
pub struct anc_builder {
    /// The caller's buffer, of any alignment.
    pub buf: *mut c_uchar,
    /// Its size in bytes.
    pub size: usize,
    /// Bytes written: the msg_controllen to send with.
    pub len: usize,
    /// The first error, an errno, or 0.
    pub error: c_int,
}

/// One control message, as anc_next shows it. Zeroed to start.
///
/// cbindgen:field-names=[level, type, data, len, cut, reserved, next]
#[repr(C)]
pub struct anc_cmsg {
    /// SOL_SOCKET, ...
    pub level: c_int,
    /// SCM_RIGHTS, ...
    pub kind: c_int,
    /// The payload, of any alignment, in the message's control buffer.
    pub data: *const c_void,
    /// Its bytes, as far as they are there.
    pub len: usize,
    /// 1: the payload was shortened.
    pub cut: u32,
    /// 0.
    pub reserved: u32,
    /// Where anc_next goes on.
    pub next: usize,
}

/// Descriptors that came before the bytes that name them. The slots are the caller's memory, the
/// descriptors that the queue counts are the queue's.
#[repr(C)]
pub struct anc_fd_queue {
    /// The caller's slots.
    pub slots: *mut c_int,
    /// Their number.
    pub size: u32,
    /// The slot of the oldest descriptor.
    pub head: u32,
    /// Descriptors queued, side by side.
    pub count: u32,
    /// 0.
    pub reserved: u32,
}

/// The limits of one side of a channel, which copies them. The receiving side refuses what exceeds
/// its own; those of the sending side are what the receiver is known to accept. 0: the default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct anc_limits {
    /// Bytes of one message; default 16 MiB (16,777,216).
    pub max_message: u32,
    /// Descriptors of one message; default ANC_FDS_MAX. It may be more.
    pub max_fds: u32,
    /// Bytes of one frame; default 65,528, and on SOCK_SEQPACKET no more. A message that is larger
    /// arrives in parts.
    pub max_frame: u32,
    /// 0.
    pub reserved: u32,
}

/// Bytes that anc_rx_init needs for frames of the default size.
pub const ANC_RX_BUFFER: usize = 68 * 1024;
/// Bytes that anc_tx_init needs to send some sixty small messages with one system call.
pub const ANC_TX_BUFFER: usize = 8 * 1024;

/// The message waits, or has gone in part.
pub const ANC_OUT_QUEUED: u32 = 0;
/// All of its descriptors have gone, its last byte has not: moved descriptors are closed, borrowed ones
/// may be.
pub const ANC_OUT_FDS_GONE: u32 = 1;
/// All of it has gone: the struct and what it points to are the caller's again.
pub const ANC_OUT_DONE: u32 = 2;
/// It will not go, or not to its end: moved descriptors are closed, the struct is the caller's again.
pub const ANC_OUT_DROPPED: u32 = 3;

/// A message to send. The caller sets iov, iovcnt, fds, nfds and flags; anc_tx_queue writes the rest.
/// It stays where it is, with all that it points to, until state is ANC_OUT_DONE or ANC_OUT_DROPPED.
///
/// cbindgen:field-names=[iov, iovcnt, fds, nfds, flags, state, next, priv]
#[repr(C)]
pub struct anc_out {
    /// The bytes.
    pub iov: *const iovec,
    /// The number of buffers, 0 to 1024.
    pub iovcnt: c_int,
    /// The descriptors.
    pub fds: *const c_int,
    /// Their number, which may exceed ANC_FDS_MAX.
    pub nfds: usize,
    /// 0 or ANC_MOVE.
    pub flags: c_uint,
    /// ANC_OUT_: what has become of it.
    pub state: u32,
    /// The library's.
    pub next: *mut anc_out,
    /// The library's.
    pub private: [u64; 4],
}

/// The sending side of a channel, which anc_tx_init starts. All of it is the library's; it is not to
/// be copied.
///
/// cbindgen:field-names=[priv]
#[repr(C)]
pub struct anc_tx {
    /// The library's.
    pub private: [u64; 32],
}

/// What has come: a message, or a part of one that is larger than a frame. What it points to is valid
/// until the next call on the channel's receiving side.
#[repr(C)]
pub struct anc_in {
    /// The bytes, in the caller's buffer, of any alignment.
    pub data: *const c_void,
    /// Their number.
    pub len: usize,
    /// The descriptors, in the caller's slots; NULL where there are none. Take one by writing -1 into
    /// its slot: the next call closes the rest. A negative errno stands in place of one that was lost:
    /// -EMFILE: the descriptor table was full; -EOVERFLOW: something else kept the kernel from
    /// installing it.
    pub fds: *mut c_int,
    /// Their number.
    pub nfds: usize,
    /// 1: the message goes on with what is received next. 0: it ends here.
    pub more: u32,
    /// 0.
    pub reserved: u32,
}

/// The receiving side of a channel, which anc_rx_init starts. All of it is the library's; it is not to
/// be copied, and stays where it is between anc_rx_prepare and anc_rx_got.
///
/// cbindgen:field-names=[priv]
#[repr(C)]
pub struct anc_rx {
    /// The library's.
    pub private: [u64; 32],
}

/// Descriptors came: nfds. SCM_RIGHTS.
pub const ANC_RIGHTS: u64 = (1 as u64) << 0;
/// pid, uid, gid. SCM_CREDENTIALS; pid 0 is nobody's and does not count.
pub const ANC_CREDENTIALS: u64 = (1 as u64) << 1;
/// pidfd. SCM_PIDFD.
pub const ANC_PIDFD: u64 = (1 as u64) << 2;
/// label, label_len. SCM_SECURITY.
pub const ANC_LABEL: u64 = (1 as u64) << 3;
/// time: the arrival, of any option and width.
pub const ANC_TIME: u64 = (1 as u64) << 4;
/// software, hardware; 0 where there is none. SCM_TIMESTAMPING.
pub const ANC_TIMESTAMPING: u64 = (1 as u64) << 5;
/// time_id: the send that a transmit stamp belongs to. With every such stamp: 0 for all without
/// SOF_TIMESTAMPING_OPT_ID, which the message does not tell from the first send's 0.
pub const ANC_TIME_ID: u64 = (1 as u64) << 6;
/// time_ifindex, time_len. SCM_TIMESTAMPING_PKTINFO.
pub const ANC_TIME_PKTINFO: u64 = (1 as u64) << 7;
/// dest: where the datagram was sent to. IP_PKTINFO, IPV6_PKTINFO.
pub const ANC_DEST: u64 = (1 as u64) << 8;
/// original: the same before it was redirected. IP_ORIGDSTADDR, IPV6_ORIGDSTADDR.
pub const ANC_ORIGINAL: u64 = (1 as u64) << 9;
/// ttl. IP_TTL, IPV6_HOPLIMIT.
pub const ANC_TTL: u64 = (1 as u64) << 10;
/// tos. IP_TOS, IPV6_TCLASS.
pub const ANC_TOS: u64 = (1 as u64) << 11;
/// segment: bytes of each of the datagrams that were joined. UDP_GRO.
pub const ANC_SEGMENT: u64 = (1 as u64) << 12;
/// drops: messages lost so far. SO_RXQ_OVFL.
pub const ANC_DROPS: u64 = (1 as u64) << 13;
/// error, offender: ICMP errors, zero-copy completions, transmit stamps. IP_RECVERR, IPV6_RECVERR.
pub const ANC_ERROR: u64 = (1 as u64) << 14;
/// mark. SO_MARK.
pub const ANC_MARK: u64 = (1 as u64) << 15;
/// priority. SO_PRIORITY.
pub const ANC_PRIORITY: u64 = (1 as u64) << 16;
/// inq: bytes that wait after this read. SCM_INQ, TCP_CM_INQ.
pub const ANC_INQ: u64 = (1 as u64) << 17;
/// tls_record. TLS_GET_RECORD_TYPE.
pub const ANC_TLS_RECORD: u64 = (1 as u64) << 18;
/// vlan_tci, vlan_tpid; 0 where there is none. PACKET_AUXDATA.
pub const ANC_AUXDATA: u64 = (1 as u64) << 19;
/// fragsize: the largest fragment. IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE.
pub const ANC_FRAGSIZE: u64 = (1 as u64) << 20;
/// flowinfo, in host order. IPV6_FLOWINFO.
pub const ANC_FLOWINFO: u64 = (1 as u64) << 21;

/// pid, uid, gid of struct anc_peer.
pub const ANC_PEER_CREDENTIALS: u32 = 0x01;
/// pidfd of struct anc_peer.
pub const ANC_PEER_PIDFD: u32 = 0x02;

/// Who connected or listened, as anc_peer tells it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct anc_peer {
    /// ANC_PEER_ bits: what is there.
    pub present: u32,
    /// The process, in the caller's PID namespace; never 0.
    pub pid: i32,
    /// Its effective user,
    pub uid: u32,
    /// and group.
    pub gid: u32,
    /// A descriptor of the process, which is the caller's; -1 where there is none.
    pub pidfd: i32,
}

/// A point in time.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct anc_time {
    /// Seconds since 1970, or of the device's clock.
    pub sec: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nsec: u32,
    /// 0.
    pub reserved: u32,
}

/// Where a datagram was sent to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct anc_dest {
    /// AF_INET or AF_INET6.
    pub family: u32,
    /// The interface that it came in by.
    pub ifindex: u32,
    /// The destination in the header, in the first 4 or all 16 bytes: it may be a group's.
    pub to: [u8; 16],
    /// The local address to answer from; zeros where the system is to choose.
    pub reply_from: [u8; 16],
}

/// `struct sock_extended_err`.
///
/// cbindgen:field-names=[err, origin, type, code, reserved, info, data]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct anc_sock_error {
    /// An errno; ENOMSG for stamps, 0 for completions.
    pub err: u32,
    /// SO_EE_ORIGIN_LOCAL, _ICMP, _ICMP6, _TIMESTAMPING, _ZEROCOPY, ...
    pub origin: u8,
    /// The ICMP type.
    pub kind: u8,
    /// The ICMP code; of a completion, 1 where the data was copied after all.
    pub code: u8,
    /// 0.
    pub reserved: u8,
    /// The MTU; the first completed send; which stamp (SCM_TSTAMP_SND, ...).
    pub info: u32,
    /// The last completed send; the stamped send (SOF_TIMESTAMPING_OPT_ID).
    pub data: u32,
}

/// What the control messages of one message say, whatever the family and the option. A field is
/// valid only if its bit is set in present, and is not written otherwise.
#[repr(C)]
pub struct anc_info {
    /// ANC_ bits: decoded.
    pub present: u64,
    /// ANC_ bits: arrived shortened, or with an error in place of the pidfd; not decoded.
    pub cut: u64,
    /// Descriptors of SCM_RIGHTS that nobody has taken yet.
    pub nfds: u32,
    /// Messages that only anc_next shows.
    pub nother: u32,
    /// The sender's process,
    pub pid: i32,
    /// user,
    pub uid: u32,
    /// and group.
    pub gid: u32,
    /// To look at: anc_take_pidfd owns it.
    pub pidfd: i32,
    /// The label, in the control buffer; not terminated by a NUL.
    pub label: *const c_char,
    /// Its bytes, a NUL at its end not counted.
    pub label_len: usize,
    /// Arrival.
    pub time: anc_time,
    /// Arrival or departure by the system's clock,
    pub software: anc_time,
    /// and by the device's.
    pub hardware: anc_time,
    /// The send that was stamped, counted from 0; 0 without SOF_TIMESTAMPING_OPT_ID.
    pub time_id: u32,
    /// The device that stamped it.
    pub time_ifindex: u32,
    /// The length of the packet on the link.
    pub time_len: u32,
    /// Time to live, hop limit.
    pub ttl: i32,
    /// Type of service, traffic class.
    pub tos: i32,
    /// Bytes of each joined datagram but the last.
    pub segment: u32,
    /// Messages lost so far.
    pub drops: u32,
    /// The packet's mark.
    pub mark: u32,
    /// The packet's priority.
    pub priority: u32,
    /// Bytes that wait.
    pub inq: u32,
    /// 23: application data.
    pub tls_record: u32,
    /// The largest fragment.
    pub fragsize: u32,
    /// Flow label and traffic class.
    pub flowinfo: u32,
    /// VLAN tag,
    pub vlan_tci: u32,
    /// and its protocol.
    pub vlan_tpid: u32,
    /// Where the datagram was sent to.
    pub dest: anc_dest,
    /// The error.
    pub error: anc_sock_error,
    /// Who reported it, in the control buffer, of its alignment; NULL where nobody is named.
    pub offender: *const sockaddr,
    /// Where the datagram was sent to before it was redirected.
    pub original: sockaddr_storage,
}

/// None of the following. A later version may know it.
pub const ANC_FD_OTHER: u32 = (1 as u32) << 0;
/// A regular file. It may be on FUSE or NFS: reading it may take forever.
pub const ANC_FD_FILE: u32 = (1 as u32) << 1;
/// A directory.
pub const ANC_FD_DIRECTORY: u32 = (1 as u32) << 2;
/// A character device: /dev/null, a terminal.
pub const ANC_FD_CHARACTER: u32 = (1 as u32) << 3;
/// A block device.
pub const ANC_FD_BLOCK: u32 = (1 as u32) << 4;
/// A pipe or FIFO.
pub const ANC_FD_PIPE: u32 = (1 as u32) << 5;
/// A socket: domain, type, protocol, listening.
pub const ANC_FD_SOCKET: u32 = (1 as u32) << 6;
/// memfd_create: seals.
pub const ANC_FD_MEMORY: u32 = (1 as u32) << 7;
/// eventfd.
pub const ANC_FD_EVENT: u32 = (1 as u32) << 8;
/// epoll_create.
pub const ANC_FD_EPOLL: u32 = (1 as u32) << 9;
/// timerfd_create.
pub const ANC_FD_TIMER: u32 = (1 as u32) << 10;
/// signalfd.
pub const ANC_FD_SIGNAL: u32 = (1 as u32) << 11;
/// inotify_init.
pub const ANC_FD_INOTIFY: u32 = (1 as u32) << 12;
/// pidfd_open, and the like.
pub const ANC_FD_PROCESS: u32 = (1 as u32) << 13;
/// Opened with O_PATH, whatever it names: it can be neither read nor written.
pub const ANC_FD_PATH: u32 = (1 as u32) << 14;
/// The descriptor can be read. No kind has this bit, so that kinds and access can't be confused.
pub const ANC_FD_READ: u32 = (1 as u32) << 30;
/// The descriptor can be written.
pub const ANC_FD_WRITE: u32 = (1 as u32) << 31;

/// What a descriptor is.
///
/// cbindgen:field-names=[kind, access, status, seals, domain, type, protocol, listening, size]
#[repr(C)]
pub struct anc_fd_info {
    /// One ANC_FD_ bit: what it is of.
    pub kind: u32,
    /// ANC_FD_READ, ANC_FD_WRITE.
    pub access: u32,
    /// O_APPEND, O_ASYNC, O_DIRECT, O_DSYNC, O_NOATIME, O_NONBLOCK, O_PATH, O_SYNC: those that are set.
    pub status: u32,
    /// MEMORY: F_SEAL_SEAL, ...: those that are set.
    pub seals: u32,
    /// SOCKET: AF_UNIX, ...
    pub domain: i32,
    /// SOCKET: SOCK_STREAM, ...
    pub socket_type: i32,
    /// SOCKET: IPPROTO_TCP, ...; 0 where the family has but one.
    pub protocol: i32,
    /// SOCKET: 1 after listen.
    pub listening: i32,
    /// FILE, MEMORY: bytes.
    pub size: u64,
}
