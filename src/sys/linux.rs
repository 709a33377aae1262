//! Linux.
//!
//! `--cfg anc_without="..."` takes one thing away that other systems lack, so that its replacement
//! is tested here.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};

use super::cancel::uncancellable;
use crate::errno::{Errno, Result};

pub(crate) use libc::{gid_t, iovec, mmsghdr, msghdr, ucred};

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

/// SCM_MAX_FD of net/scm.h: more in one message is EINVAL.
pub(crate) const FDS_MAX: usize = 253;

/// The most iovecs that one call takes: UIO_MAXIOV.
pub(crate) const IOV_MAX: usize = 1024;

/// The control messages of an AF_UNIX socket, as the kernel's headers number them (linux/socket.h,
/// asm-generic/socket.h); the libc crate lacks some.
pub(crate) const SOL_SOCKET: c_int = libc::SOL_SOCKET;
pub(crate) const SCM_RIGHTS: c_int = 0x01;
pub(crate) const SCM_CREDENTIALS: c_int = 0x02;
pub(crate) const SCM_PIDFD: c_int = 0x04;

/// Whether an AF_UNIX socket takes descriptors: on from the start. Linux 6.16.
pub(crate) const SO_PASSRIGHTS: c_int =
    if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) { 0x5c } else { 83 };

/// Payloads of everything that an AF_UNIX socket can bring beside descriptors and the label, in
/// the order in which they come: TIMESTAMP or TIMESTAMPNS (64-bit), TIMESTAMPING, CREDENTIALS;
/// PIDFD and INQ after the descriptors.
pub(crate) const UNIX_PAYLOADS: [usize; 5] = [16, 48, 12, 4, 4];

/// Room for a security label. SELinux's and AppArmor's stay far below.
pub(crate) const LABEL_MAX: usize = 512;

pub(crate) const MSG_DONTWAIT: c_int = libc::MSG_DONTWAIT;
pub(crate) const MSG_TRUNC: c_int = libc::MSG_TRUNC;
pub(crate) const MSG_CTRUNC: c_int = libc::MSG_CTRUNC;
pub(crate) const MSG_OOB: c_int = libc::MSG_OOB;
pub(crate) const MSG_PEEK: c_int = libc::MSG_PEEK;
pub(crate) const MSG_ERRQUEUE: c_int = libc::MSG_ERRQUEUE;
pub(crate) const MSG_WAITFORONE: c_int = libc::MSG_WAITFORONE;
/// recvmsg reports the request in msg_flags, where it says nothing about the message.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = libc::MSG_CMSG_CLOEXEC;
pub(crate) const AF_UNIX: c_int = libc::AF_UNIX;
pub(crate) const AF_INET: c_int = libc::AF_INET;
pub(crate) const AF_INET6: c_int = libc::AF_INET6;
pub(crate) const SOCK_STREAM: c_int = libc::SOCK_STREAM;
pub(crate) const SOCK_SEQPACKET: c_int = libc::SOCK_SEQPACKET;

pub(crate) const SO_DOMAIN: c_int = libc::SO_DOMAIN;
pub(crate) const SO_ACCEPTCONN: c_int = libc::SO_ACCEPTCONN;
/// The peer of a socket: `struct ucred`; the label of a security module; Linux 4.13: an array of gid_t
/// (asm/socket.h).
pub(crate) const SO_PEERCRED: c_int = libc::SO_PEERCRED;
pub(crate) const SO_PEERSEC: c_int = libc::SO_PEERSEC;
pub(crate) const SO_PEERGROUPS: c_int = if IS_SPARC { 0x3d } else { 59 };
/// Linux 6.5: a new descriptor, close-on-exec.
pub(crate) const SO_PEERPIDFD: c_int = if IS_SPARC { 0x56 } else { 77 };
const IS_SPARC: bool = cfg!(any(target_arch = "sparc", target_arch = "sparc64"));
pub(crate) const SO_TYPE: c_int = libc::SO_TYPE;
pub(crate) const SO_PROTOCOL: c_int = libc::SO_PROTOCOL;
pub(crate) const S_IFREG: u32 = libc::S_IFREG;
pub(crate) const S_IFDIR: u32 = libc::S_IFDIR;
pub(crate) const S_IFCHR: u32 = libc::S_IFCHR;
pub(crate) const S_IFBLK: u32 = libc::S_IFBLK;
pub(crate) const S_IFIFO: u32 = libc::S_IFIFO;
pub(crate) const S_IFSOCK: u32 = libc::S_IFSOCK;
pub(crate) const F_SEAL_SEAL: c_int = libc::F_SEAL_SEAL;
/// musl's has O_PATH in it, too.
pub(crate) const O_ACCMODE: c_int = 3;
pub(crate) const O_RDONLY: c_int = libc::O_RDONLY;
pub(crate) const O_WRONLY: c_int = libc::O_WRONLY;
pub(crate) const O_RDWR: c_int = libc::O_RDWR;
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

const HAS_CMSG_CLOEXEC: bool = cfg!(not(anc_without = "cmsg_cloexec"));
const HAS_NOSIGNAL: bool = cfg!(not(anc_without = "nosignal"));
const HAS_CLOSE_RANGE: bool = cfg!(not(anc_without = "close_range"));
const HAS_PASSRIGHTS: bool = cfg!(not(anc_without = "passrights"));

/// Whether received descriptors are not close-on-exec from the kernel call itself, so that
/// [`set_cloexec`] has to follow. A thread that forks and executes in between inherits them.
pub(crate) const SETS_CLOEXEC_LATE: bool = !HAS_CMSG_CLOEXEC;

pub(crate) fn errno() -> c_int {
    // SAFETY: the address of this thread's errno, always valid.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(number: c_int) {
    // SAFETY: as in errno.
    unsafe { *libc::__errno_location() = number }
}

/// Calls `call`, whose system calls may fail without making it fail, and leaves errno as it was if
/// it succeeds.
pub(crate) fn keeping_errno<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let kept = errno();
    call().inspect(|_| set_errno(kept))
}

/// The error of the call that has just failed.
///
/// A recvmmsg that a signal interrupted after its first message leaves ERESTARTSYS (512), a number
/// that no program should see, on the socket: the next call fails with it once. It means EINTR.
#[cold]
fn last_error() -> Errno {
    const ERESTARTSYS: c_int = 512;
    match errno() {
        ERESTARTSYS => Errno::EINTR,
        number => Errno::new(number),
    }
}

#[inline]
pub(super) fn count(n: libc::ssize_t) -> Result<usize> {
    usize::try_from(n).map_err(|_| last_error())
}

/// `sendmsg` that never raises SIGPIPE. A cancellation point.
///
/// # Safety
/// All that msg points to must be readable.
#[inline]
pub(crate) unsafe fn sendmsg(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    let send = |flags| count(unsafe { libc::sendmsg(sock, msg, flags) });
    if HAS_NOSIGNAL {
        send(flags | libc::MSG_NOSIGNAL)
    } else {
        without_sigpipe(|| send(flags), |result| *result == Err(Errno::EPIPE))
    }
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
    if HAS_NOSIGNAL {
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
        Err(Errno::EINVAL) if option(sock, SOL_SOCKET, SO_DOMAIN) == Ok(libc::AF_PACKET) => receive(flags),
        received => received,
    })
}

/// The socket's type: SOCK_STREAM, ...
pub(crate) fn socket_type(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, libc::SO_TYPE)
}

/// The value of a socket option that is an int.
pub(crate) fn option(sock: c_int, level: c_int, name: c_int) -> Result<c_int> {
    if is_lacking(level, name) {
        return Err(Errno::ENOPROTOOPT);
    }
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>();
    // SAFETY: value is writable and len is its size.
    unsafe { option_into(sock, level, name, (&raw mut value).cast(), &mut len) }.map(|()| value)
}

/// The value of a socket option of any length. len: the room, of which the kernel can use INT_MAX
/// bytes; then the bytes that the kernel speaks of, with ERANGE those that it would need.
///
/// # Safety
/// `to` must be writable for `len` bytes.
pub(crate) unsafe fn option_into(
    sock: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: &mut usize,
) -> Result<()> {
    let mut bytes = (*len).min(c_int::MAX as usize) as libc::socklen_t;
    // SAFETY: the caller's.
    let r = unsafe { libc::getsockopt(sock, level, name, to, &mut bytes) };
    *len = bytes as usize;
    count(r as libc::ssize_t).map(drop)
}

/// The flags of the open description, as F_GETFL reports them.
pub(crate) fn description_flags(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    count(flags as libc::ssize_t).map(|_| flags)
}

/// The seals of a file that has some: of memfds, and of all files of tmpfs and hugetlbfs. EINVAL: any
/// other.
pub(crate) fn seals(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let seals = unsafe { libc::fcntl(fd, libc::F_GET_SEALS) };
    count(seals as libc::ssize_t).map(|_| seals)
}

/// What stat tells of a file.
pub(crate) struct Inode {
    /// The type: S_IFREG, ...; 0 for what has none, an eventfd for example.
    pub(crate) kind: u32,
    pub(crate) links: u32,
    pub(crate) size: u64,
}

/// As the system knows it, without asking who serves the file: to fstat, a FUSE server of the peer's
/// answers when it likes.
///
/// Without statx (before Linux 4.11, and under seccomp filters that do not know it) the C library
/// takes fstat, but not with that flag.
pub(crate) fn inode(fd: c_int) -> Result<Inode> {
    match statx(fd, libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC) {
        Err(Errno::EINVAL | Errno::ENOSYS) => statx(fd, libc::AT_EMPTY_PATH),
        known => known,
    }
}

fn statx(fd: c_int, flags: c_int) -> Result<Inode> {
    let mut inode = MaybeUninit::<libc::statx>::zeroed();
    let mask = libc::STATX_TYPE | libc::STATX_NLINK | libc::STATX_SIZE;
    // SAFETY: an empty path that ends with a NUL; inode is writable.
    let r = unsafe { libc::statx(fd, c"".as_ptr(), flags, mask, inode.as_mut_ptr()) };
    count(r as libc::ssize_t)?;
    // SAFETY: integers, all of them initialised.
    let inode = unsafe { inode.assume_init() };
    Ok(Inode { kind: u32::from(inode.stx_mode) & libc::S_IFMT, links: inode.stx_nlink, size: inode.stx_size })
}

/// Sets a socket option that is an int.
pub(crate) fn set_option(sock: c_int, level: c_int, name: c_int, value: c_int) -> Result<()> {
    if is_lacking(level, name) {
        return Err(Errno::ENOPROTOOPT);
    }
    // SAFETY: value is readable for its size.
    let r = unsafe { libc::setsockopt(sock, level, name, (&raw const value).cast(), size_of::<c_int>() as _) };
    count(r as libc::ssize_t).map(drop)
}

/// Whether this build does without an option that the system has.
fn is_lacking(level: c_int, name: c_int) -> bool {
    !HAS_PASSRIGHTS && (level, name) == (SOL_SOCKET, SO_PASSRIGHTS)
}

/// The process and its real user and group, which the kernel names where a sender names none.
#[cfg(feature = "std")]
pub(crate) fn own_ids() -> (c_int, u32, u32) {
    // SAFETY: no preconditions.
    unsafe { (libc::getpid(), libc::getuid(), libc::getgid()) }
}

/// What [`wait`] waits for.
pub(crate) const POLLIN: i16 = libc::POLLIN;
pub(crate) const POLLOUT: i16 = libc::POLLOUT;

/// Waits until the socket is ready, or so many milliseconds have passed: -1 for no limit. False when
/// they have. EINTR. A cancellation point.
pub(crate) fn wait(sock: c_int, events: i16, timeout_ms: c_int) -> Result<bool> {
    let mut one = libc::pollfd { fd: sock, events, revents: 0 };
    // SAFETY: one entry.
    count(unsafe { libc::poll(&mut one, 1, timeout_ms) } as libc::ssize_t).map(|ready| ready != 0)
}

/// Sleeps so many milliseconds. EINTR. A cancellation point.
pub(crate) fn sleep(ms: c_int) -> Result<()> {
    // SAFETY: no entry.
    count(unsafe { libc::poll(core::ptr::null_mut(), 0, ms) } as libc::ssize_t).map(drop)
}

/// Nanoseconds since some point in the past, by a clock that nobody sets.
pub(crate) fn now_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: now is writable. CLOCK_MONOTONIC is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    (now.tv_sec as i64).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec as i64)
}

/// Sets FD_CLOEXEC, for systems whose recvmsg can't.
pub(crate) fn set_cloexec(fd: c_int) -> Result<()> {
    // SAFETY: fcntl with an int touches no memory.
    let r = unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    count(r as libc::ssize_t).map(drop)
}

/// Whether the process can't have one more descriptor, tried with a duplicate of `sock`, or with an
/// eventfd. No other descriptor will do: closing a duplicate gives up the process's POSIX locks on the
/// file. Keeps errno.
pub(crate) fn table_is_full(sock: Option<c_int>) -> bool {
    let kept = errno();
    let probe = match sock {
        // SAFETY: fcntl with an int touches no memory.
        Some(sock) => unsafe { libc::fcntl(sock, libc::F_DUPFD_CLOEXEC, 0) },
        // SAFETY: touches no memory.
        None => unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) },
    };
    let is_full = match probe {
        -1 => errno() == libc::EMFILE,
        copy => {
            uncancellable(|| close(copy, copy));
            false
        }
    };
    set_errno(kept);
    is_full
}

/// Closes the descriptors first..=last, which all belong to the caller. Changes errno.
///
/// To be called with cancellation disabled. Linux releases a number whatever close returns, so
/// neither EINTR nor another error is a reason to close it again.
pub(crate) fn close(first: c_int, last: c_int) {
    if HAS_CLOSE_RANGE && first < last {
        // By number: glibc has a function for it since 2.34 only, musl still has none.
        // SAFETY: closes descriptors, touches no memory.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
            return;
        }
        // ENOSYS before Linux 5.9, and whatever a seccomp filter answers.
    }
    for fd in first..=last {
        // SAFETY: closes a descriptor, touches no memory.
        unsafe { libc::close(fd) };
    }
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
