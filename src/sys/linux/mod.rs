//! Linux.
//!
//! `--cfg anc_without="..."` takes one thing away that other systems lack, so that its replacement
//! is tested here.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of, size_of_val};

use super::cancel::uncancellable;
use super::posix::{SOL_SOCKET, count, errno, keeping_errno, option, option_as, option_into, set_errno};
use super::{IOV_MAX, Inode, Peer, gid_t, msghdr};
use crate::errno::{Errno, Result};

mod pidfd;
mod proc;
#[cfg_attr(target_os = "android", path = "bionic.rs")]
mod threads;

pub(crate) use libc::mmsghdr;
pub(crate) use pidfd::number as process_number;
pub(crate) use proc::link as name;
pub(crate) use threads::*;

/// `struct cmsghdr` as the kernel has it. musl declares a 32-bit length, and padding beside it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct CmsgHeader {
    pub(crate) len: usize,
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
}

/// Control messages start at multiples of this.
pub(crate) const CMSG_ALIGN: usize = size_of::<usize>();

/// The most descriptors that a message can bring: SCM_MAX_FD of net/scm.h.
pub(crate) const ARRIVING_MAX: usize = 253;

/// The control messages of an AF_UNIX socket, as the kernel's headers number them (linux/socket.h,
/// asm-generic/socket.h); the libc crate lacks some.
pub(crate) const SCM_RIGHTS: c_int = 0x01;
pub(crate) const SCM_CREDENTIALS: c_int = 0x02;
pub(crate) const SCM_PIDFD: Option<c_int> = Some(0x04);

/// Whether an AF_UNIX socket takes descriptors: on from the start. Linux 6.16.
pub(crate) const SO_PASSRIGHTS: Option<c_int> = Some(if IS_SPARC { 0x5c } else { 83 });

/// Payloads of everything that an AF_UNIX socket can bring beside descriptors, in the order in
/// which they come: TIMESTAMP or TIMESTAMPNS (64-bit), TIMESTAMPING, CREDENTIALS, SECURITY; PIDFD and INQ after the descriptors.
pub(crate) const UNIX_PAYLOADS: [usize; 6] = [16, 48, 12, LABEL_MAX, 4, 4];

/// Room for a security label. SELinux's and AppArmor's stay far below.
const LABEL_MAX: usize = 512;

pub(crate) const AF_PACKET: Option<c_int> = Some(libc::AF_PACKET);
pub(crate) const AF_NETLINK: Option<c_int> = Some(libc::AF_NETLINK);
pub(crate) const ENODATA: c_int = libc::ENODATA;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const IPPROTO_MPTCP: c_int = 262;

pub(crate) const MSG_ERRQUEUE: c_int = libc::MSG_ERRQUEUE;
pub(crate) const MSG_WAITFORONE: c_int = libc::MSG_WAITFORONE;
/// recvmsg reports the request in msg_flags, where it says nothing about the message.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;

const SO_DOMAIN: c_int = libc::SO_DOMAIN;
const SO_PROTOCOL: c_int = libc::SO_PROTOCOL;
/// The peer of a socket: `struct ucred`; the label of a security module; Linux 4.13: an array of gid_t
/// (asm/socket.h).
const SO_PEERCRED: c_int = libc::SO_PEERCRED;
pub(crate) const SO_PEERSEC: Option<c_int> = Some(libc::SO_PEERSEC);
const SO_PEERGROUPS: c_int = if IS_SPARC { 0x3d } else { 59 };
/// Linux 6.5: a new descriptor, close-on-exec.
const SO_PEERPIDFD: c_int = if IS_SPARC { 0x56 } else { 77 };
const IS_SPARC: bool = cfg!(any(target_arch = "sparc", target_arch = "sparc64"));
/// What all files of tmpfs are born with.
pub(crate) const F_SEAL_SEAL: c_int = libc::F_SEAL_SEAL;
pub(crate) const O_PATH: c_int = libc::O_PATH;
/// What F_GETFL reports and is neither the access mode, nor about how the file was found (O_DIRECTORY,
/// O_NOFOLLOW, O_TMPFILE), nor the kernel's own (O_LARGEFILE on all of 64 bits).
pub(crate) const STATUS_FLAGS: c_int = libc::O_APPEND
    | libc::O_ASYNC
    | libc::O_DIRECT
    | libc::O_DSYNC
    | libc::O_NOATIME
    | libc::O_NONBLOCK
    | libc::O_PATH
    | libc::O_SYNC;

pub(super) const HAS_CMSG_CLOEXEC: bool = cfg!(not(anc_without = "cmsg_cloexec"));
const HAS_NOSIGNAL: bool = cfg!(not(anc_without = "nosignal"));
const HAS_CLOSE_RANGE: bool = cfg!(not(anc_without = "close_range"));
const HAS_PASSRIGHTS: bool = cfg!(not(anc_without = "passrights"));

pub(super) fn errno_location() -> *mut c_int {
    // SAFETY: no preconditions.
    unsafe { location() }
}

#[cfg(target_os = "android")]
use libc::__errno as location;
#[cfg(not(target_os = "android"))]
use libc::__errno_location as location;

/// What an error number means.
///
/// A recvmmsg that a signal interrupted after its first message leaves ERESTARTSYS (512), a number
/// that no program should see, on the socket: the next call fails with it once. It means EINTR.
pub(super) fn meaning(number: c_int) -> Errno {
    const ERESTARTSYS: c_int = 512;
    match number {
        ERESTARTSYS => Errno::EINTR,
        number => Errno::new(number),
    }
}

/// `sendmsg` that never raises SIGPIPE. A cancellation point.
///
/// # Safety
/// All that msg points to must be readable.
#[inline]
pub(crate) unsafe fn sendmsg(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    let send = |flags| count(unsafe { call_sendmsg(sock, msg, flags) });
    if HAS_NOSIGNAL {
        send(flags | libc::MSG_NOSIGNAL)
    } else {
        without_sigpipe(|| send(flags), |result| *result == Err(Errno::EPIPE))
    }
}

#[cfg(not(all(target_env = "musl", target_pointer_width = "64")))]
use libc::sendmsg as call_sendmsg;

/// `sendmsg`. musl copies the control data to zero the padding that its headers have where the kernel has
/// the upper half of a length, and has room for 1024 bytes: 252 descriptors. More is ENOMEM. So that goes
/// by number, as the kernel wants it. It can't be cancelled while it waits then, only before.
///
/// # Safety
/// All that msg points to must be readable.
#[cfg(all(target_env = "musl", target_pointer_width = "64"))]
unsafe fn call_sendmsg(sock: c_int, msg: &msghdr, flags: c_int) -> libc::ssize_t {
    /// `struct user_msghdr` of linux/socket.h.
    #[repr(C)]
    struct UserMsghdr {
        name: *mut core::ffi::c_void,
        namelen: c_int,
        iov: *mut libc::iovec,
        iovlen: usize,
        control: *mut core::ffi::c_void,
        controllen: usize,
        flags: core::ffi::c_uint,
    }
    if msg.msg_controllen <= 1024 {
        // SAFETY: the caller's.
        return unsafe { libc::sendmsg(sock, msg, flags) };
    }
    let msg = UserMsghdr {
        name: msg.msg_name,
        namelen: msg.msg_namelen as c_int,
        iov: msg.msg_iov,
        iovlen: msg.msg_iovlen as usize,
        control: msg.msg_control,
        controllen: msg.msg_controllen as usize,
        flags: 0,
    };
    test_cancel();
    // SAFETY: the caller's.
    unsafe { libc::syscall(libc::SYS_sendmsg, sock, &raw const msg, flags) as libc::ssize_t }
}

/// `sendmmsg` that never raises SIGPIPE, of at most UIO_MAXIOV messages. A cancellation point.
///
/// # Safety
/// All that the messages point to must be readable.
#[inline]
pub(crate) unsafe fn sendmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    let len = messages.len().min(IOV_MAX);
    // SAFETY: `len` messages are there, the caller vouches for what they point to.
    let mut send =
        |flags| count(unsafe { libc::sendmmsg(sock, messages.as_mut_ptr(), len as _, flags as _) } as libc::ssize_t);
    if HAS_NOSIGNAL && cfg!(target_env = "musl") {
        // musl's goes message by message, and leaves the error of a later one in errno.
        keeping_errno(|| send(flags | libc::MSG_NOSIGNAL))
    } else if HAS_NOSIGNAL {
        send(flags | libc::MSG_NOSIGNAL)
    } else {
        // The error of a later message shows as a short count.
        without_sigpipe(|| send(flags), |result| *result != Ok(len))
    }
}

/// `recvmsg` whose descriptors are close-on-exec, as far as the platform can. A cancellation point.
///
/// # Safety
/// All that msg points to must be writable, for as long as the lengths beside it say.
#[inline]
pub(crate) unsafe fn recvmsg(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    let cloexec = if HAS_CMSG_CLOEXEC { libc::MSG_CMSG_CLOEXEC } else { 0 };
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    count(unsafe { libc::recvmsg(sock, msg, flags | cloexec) })
}

/// The same on a socket of any family.
///
/// # Safety
/// As for recvmsg.
#[inline]
pub(crate) unsafe fn recvmsg_of_any_family(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    with_cloexec(sock, flags, |flags| count(unsafe { libc::recvmsg(sock, msg, flags) }))
}

/// `recvmmsg` without a time limit, on a socket of any family, of at most UIO_MAXIOV messages.
///
/// # Safety
/// All that the messages point to must be writable, for as long as the lengths beside it say.
#[inline]
pub(crate) unsafe fn recvmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    let len = messages.len().min(IOV_MAX);
    let messages = messages.as_mut_ptr();
    with_cloexec(sock, flags, |flags| {
        // SAFETY: `len` messages are there, the caller vouches for what they point to.
        let received = unsafe { libc::recvmmsg(sock, messages, len as _, flags as _, core::ptr::null_mut()) };
        count(received as libc::ssize_t)
    })
}

/// Receives with MSG_CMSG_CLOEXEC. Packet sockets refuse every flag that they do not know, this one
/// among them; only AF_UNIX sockets bring descriptors, so the others can do without.
fn with_cloexec(sock: c_int, flags: c_int, mut receive: impl FnMut(c_int) -> Result<usize>) -> Result<usize> {
    if !HAS_CMSG_CLOEXEC {
        return receive(flags);
    }
    keeping_errno(|| match receive(flags | libc::MSG_CMSG_CLOEXEC) {
        Err(Errno::EINVAL) if socket_domain(sock) == Ok(libc::AF_PACKET) => receive(flags),
        received => received,
    })
}

/// The socket's family: AF_UNIX, ...
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_DOMAIN)
}

/// The socket's protocol: IPPROTO_UDP, ...; 0 where the family has but one.
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_PROTOCOL)
}

/// Who is recorded as the socket's peer. ENODATA: nobody that the caller can name.
///
/// Where the kernel knows no peer it reports pid 0, uid -1 and success; pid 0 with a good uid where
/// the caller's PID namespace does not show the process.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    const { assert!(size_of::<Peer>() == size_of::<libc::ucred>()) };
    // SAFETY: integers, laid out as struct ucred.
    let (peer, len) = unsafe { option_as::<Peer>(sock, SOL_SOCKET, SO_PEERCRED) }?;
    if peer.uid != u32::MAX && len == size_of::<Peer>() { peer.of_somebody() } else { Err(Errno::ENODATA) }
}

/// The supplementary groups that are recorded. The result, and their number where it is known: on
/// success, and with ERANGE.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    let mut bytes = size_of_val(to);
    // SAFETY: so many bytes are writable.
    let asked = unsafe { option_into(sock, SOL_SOCKET, SO_PEERGROUPS, to.as_mut_ptr().cast(), &mut bytes) };
    (asked, bytes / size_of::<gid_t>())
}

/// A new descriptor of the peer's process; None before Linux 6.5. To be asked for once the credentials
/// have shown that there is a peer.
pub(crate) fn peer_pidfd(sock: c_int) -> Result<Option<c_int>> {
    match option(sock, SOL_SOCKET, SO_PEERPIDFD) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Errno::ENOPROTOOPT) => Ok(None),
        // Older kernels have no pidfd for a process that has ended and was waited for.
        Err(Errno::EINVAL) => Err(Errno::ESRCH),
        Err(errno) => Err(errno),
    }
}

/// No process has a token.
pub(crate) fn peer_token(_: c_int) -> Result<[u32; 8]> {
    Err(Errno::ENOPROTOOPT)
}

/// The seals of a file that has some: of memfds, and of all files of tmpfs and hugetlbfs. EINVAL: any
/// other.
pub(crate) fn seals(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let seals = unsafe { libc::fcntl(fd, libc::F_GET_SEALS) };
    count(seals as libc::ssize_t).map(|_| seals)
}

/// As the system knows it, without asking who serves the file: to fstat, a FUSE server of the peer's
/// answers when it likes.
///
/// Without statx (before Linux 4.11, and under seccomp filters that do not know it) fstat has to do,
/// which has no such flag.
pub(crate) fn inode(fd: c_int) -> Result<Inode> {
    match statx(fd, libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC) {
        Err(Errno::EINVAL | Errno::ENOSYS) => fstat(fd),
        known => known,
    }
}

fn statx(fd: c_int, flags: c_int) -> Result<Inode> {
    let mut inode = MaybeUninit::<libc::statx>::zeroed();
    let mask = libc::STATX_TYPE | libc::STATX_NLINK | libc::STATX_SIZE;
    // SAFETY: an empty path that ends with a NUL; inode is writable.
    #[cfg(target_env = "gnu")]
    let r = unsafe { libc::statx(fd, c"".as_ptr(), flags, mask, inode.as_mut_ptr()) };
    // By number: musl has a function for it since 1.2.5 only, Android since API 30.
    // SAFETY: as above.
    #[cfg(not(target_env = "gnu"))]
    let r = unsafe { libc::syscall(libc::SYS_statx, fd, c"".as_ptr(), flags, mask, inode.as_mut_ptr()) };
    count(r as libc::ssize_t)?;
    // SAFETY: integers, all of them initialised.
    let inode = unsafe { inode.assume_init() };
    Ok(Inode { kind: u32::from(inode.stx_mode) & libc::S_IFMT, links: inode.stx_nlink, size: inode.stx_size })
}

/// By glibc's statx, which takes fstat where the kernel has none, if it is not given that flag.
#[cfg(target_env = "gnu")]
fn fstat(fd: c_int) -> Result<Inode> {
    statx(fd, libc::AT_EMPTY_PATH)
}

#[cfg(not(target_env = "gnu"))]
use super::posix::fstat;

/// Whether this build does without an option that the system has.
pub(super) fn is_lacking(level: c_int, name: c_int) -> bool {
    !HAS_PASSRIGHTS && level == SOL_SOCKET && Some(name) == SO_PASSRIGHTS
}

/// A new descriptor, or -1 and errno.
pub(super) fn descriptor_of_nothing() -> c_int {
    // SAFETY: touches no memory.
    unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }
}

/// Closes the descriptors first..=last in one call. False: not to be had, and nothing is closed.
pub(super) fn close_range(first: c_int, last: c_int) -> bool {
    // By number: glibc has a function for it since 2.34 only, musl still has none. ENOSYS before Linux
    // 5.9, and whatever a seccomp filter answers.
    // SAFETY: closes descriptors, touches no memory.
    HAS_CLOSE_RANGE && unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0
}

/// Calls `send` with SIGPIPE blocked, and removes the one that it may have raised, for systems
/// without MSG_NOSIGNAL: SIGPIPE goes to the thread that wrote, so nobody else can see it in between.
fn without_sigpipe(
    send: impl FnOnce() -> Result<usize>,
    may_have_raised: impl FnOnce(&Result<usize>) -> bool,
) -> Result<usize> {
    use core::ptr;
    let mut pipe = MaybeUninit::<libc::sigset_t>::uninit();
    let mut old = MaybeUninit::<libc::sigset_t>::uninit();
    let mut pending = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises pipe, sigpending pending, and pthread_sigmask old.
    let was_pending = unsafe {
        libc::sigemptyset(pipe.as_mut_ptr());
        libc::sigaddset(pipe.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, pipe.as_ptr(), old.as_mut_ptr());
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    };
    let result = send();
    if may_have_raised(&result) && !was_pending {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // sigtimedwait is a cancellation point.
        // SAFETY: pipe was initialised above; a null siginfo is allowed.
        let take = || unsafe { libc::sigtimedwait(pipe.as_ptr(), ptr::null_mut(), &none) };
        let kept = errno();
        uncancellable(|| while take() == -1 && errno() == libc::EINTR {});
        set_errno(kept);
    }
    // SAFETY: old was initialised by the first pthread_sigmask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old.as_ptr(), ptr::null_mut()) };
    result
}
