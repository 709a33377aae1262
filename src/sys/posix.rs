//! What POSIX, or common descent, gives to all systems, by the facts of the one at hand.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};

use super::platform::{self, HAS_CMSG_CLOEXEC, errno_location, is_lacking};
use super::uncancellable;
use crate::errno::{Errno, Result};

pub(crate) use libc::{gid_t, iovec, msghdr};

pub(crate) const MSG_DONTWAIT: c_int = libc::MSG_DONTWAIT;
pub(crate) const MSG_TRUNC: c_int = libc::MSG_TRUNC;
pub(crate) const MSG_CTRUNC: c_int = libc::MSG_CTRUNC;
pub(crate) const MSG_OOB: c_int = libc::MSG_OOB;
pub(crate) const MSG_PEEK: c_int = libc::MSG_PEEK;

pub(crate) const AF_UNIX: c_int = libc::AF_UNIX;
pub(crate) const AF_INET: c_int = libc::AF_INET;
pub(crate) const AF_INET6: c_int = libc::AF_INET6;
pub(crate) const SOCK_STREAM: c_int = libc::SOCK_STREAM;
pub(crate) const SOCK_RAW: c_int = libc::SOCK_RAW;
pub(crate) const SOCK_SEQPACKET: c_int = libc::SOCK_SEQPACKET;

pub(crate) const SOL_SOCKET: c_int = libc::SOL_SOCKET;
const SO_ACCEPTCONN: c_int = libc::SO_ACCEPTCONN;
const SO_TYPE: c_int = libc::SO_TYPE;

pub(crate) const S_IFREG: u32 = libc::S_IFREG as u32;
pub(crate) const S_IFDIR: u32 = libc::S_IFDIR as u32;
pub(crate) const S_IFCHR: u32 = libc::S_IFCHR as u32;
pub(crate) const S_IFBLK: u32 = libc::S_IFBLK as u32;
pub(crate) const S_IFIFO: u32 = libc::S_IFIFO as u32;
pub(crate) const S_IFSOCK: u32 = libc::S_IFSOCK as u32;
/// musl's and Haiku's have more in it.
pub(crate) const O_ACCMODE: c_int = 3;
pub(crate) const O_RDONLY: c_int = libc::O_RDONLY;
pub(crate) const O_WRONLY: c_int = libc::O_WRONLY;
pub(crate) const O_RDWR: c_int = libc::O_RDWR;

/// The most descriptors that the library sends in one message, on every system: it is in the header.
pub(crate) const FDS_MAX: usize = crate::abi::ANC_FDS_MAX;

/// The most iovecs, and messages, that one call takes: UIO_MAXIOV, IOV_MAX.
pub(crate) const IOV_MAX: usize = 1024;

/// What is recorded of a socket's peer.
#[repr(C)]
pub(crate) struct Peer {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Peer {
    /// ENODATA: no process. 0 is what kernels say of one that they don't know, or don't show to the caller.
    pub(super) fn of_somebody(self) -> Result<Self> {
        if self.pid > 0 { Ok(self) } else { Err(Errno::ENODATA) }
    }
}

/// What stat tells of a file.
pub(crate) struct Inode {
    /// The type: S_IFREG, ...; 0 for what has none, an eventfd for example.
    pub(crate) kind: u32,
    pub(crate) links: u32,
    pub(crate) size: u64,
}

/// Whether received descriptors are not close-on-exec from the kernel call itself, so that
/// [`set_cloexec`] has to follow. A thread that forks and executes in between inherits them.
pub(crate) const SETS_CLOEXEC_LATE: bool = !HAS_CMSG_CLOEXEC;

pub(crate) fn errno() -> c_int {
    // SAFETY: the address of this thread's errno, always valid.
    unsafe { *errno_location() }
}

pub(crate) fn set_errno(number: c_int) {
    // SAFETY: as in errno.
    unsafe { *errno_location() = number }
}

/// Calls `call`, whose system calls may fail without making it fail, and leaves errno as it was if
/// it succeeds.
pub(crate) fn keeping_errno<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    let kept = errno();
    call().inspect(|_| set_errno(kept))
}

/// The error of the call that has just failed.
#[cold]
fn last_error() -> Errno {
    platform::meaning(errno())
}

#[inline]
pub(super) fn count(n: libc::ssize_t) -> Result<usize> {
    usize::try_from(n).map_err(|_| last_error())
}

/// The socket's type: SOCK_STREAM, ...
pub(crate) fn socket_type(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_TYPE)
}

/// 1 after listen.
pub(crate) fn socket_listens(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_ACCEPTCONN)
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

/// The value of a socket option that is a struct, of which the kernel has written so many bytes; the rest
/// is zero.
///
/// # Safety
/// Any bytes must be a valid T.
pub(super) unsafe fn option_as<T>(sock: c_int, level: c_int, name: c_int) -> Result<(T, usize)> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = size_of::<T>();
    // SAFETY: value is writable and len is its size.
    unsafe { option_into(sock, level, name, value.as_mut_ptr().cast(), &mut len) }?;
    // SAFETY: initialised with zeros; the caller vouches for what the kernel wrote over them.
    Ok((unsafe { value.assume_init() }, len))
}

/// The flags of the open description, as F_GETFL reports them.
pub(crate) fn description_flags(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    count(flags as libc::ssize_t).map(|_| flags)
}

/// The file by fstat, which asks the file system: another machine or a process may answer, as late as they
/// like.
#[cfg_attr(all(target_os = "linux", target_env = "gnu"), allow(dead_code))]
pub(crate) fn fstat(fd: c_int) -> Result<Inode> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: stat is writable.
    let r = unsafe { libc::fstat(fd, stat.as_mut_ptr()) };
    count(r as libc::ssize_t)?;
    // SAFETY: integers, all of them initialised.
    let stat = unsafe { stat.assume_init() };
    // The widths differ by system and machine.
    #[allow(clippy::unnecessary_cast)]
    let (kind, links) = (stat.st_mode as u32 & libc::S_IFMT as u32, stat.st_nlink as u32);
    Ok(Inode { kind, links, size: u64::try_from(stat.st_size).unwrap_or(0) })
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

/// What [`wait`] waits for.
pub(crate) const POLLIN: i16 = libc::POLLIN;
pub(crate) const POLLOUT: i16 = libc::POLLOUT;

/// The process and its real user and group, which the kernel names where a sender names none.
#[cfg(feature = "std")]
pub(crate) fn own_ids() -> (c_int, u32, u32) {
    // SAFETY: no preconditions.
    unsafe { (libc::getpid(), libc::getuid(), libc::getgid()) }
}

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

/// Whether the process can't have one more descriptor, tried with a duplicate of `sock`, or with a new
/// descriptor of nothing. No other descriptor will do: closing a duplicate gives up the process's POSIX
/// locks on the file. Keeps errno.
pub(crate) fn table_is_full(sock: Option<c_int>) -> bool {
    let kept = errno();
    let probe = match sock {
        // SAFETY: fcntl with an int touches no memory.
        Some(sock) => unsafe { libc::fcntl(sock, libc::F_DUPFD_CLOEXEC, 0) },
        None => platform::descriptor_of_nothing(),
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
/// To be called with cancellation disabled. A number is released whatever close returns, on all of these
/// systems, so neither EINTR nor another error is a reason to close it again.
pub(crate) fn close(first: c_int, last: c_int) {
    if first < last && platform::close_range(first, last) {
        return;
    }
    for fd in first..=last {
        // SAFETY: closes a descriptor, touches no memory.
        unsafe { libc::close(fd) };
    }
}
