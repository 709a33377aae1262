//! What the systems share whose sockets descend from BSD's, and that Linux has otherwise.

use core::ffi::{c_int, c_uint};
use core::mem::{MaybeUninit, size_of};

use super::platform::{HAS_CMSG_CLOEXEC, MSG_CMSG_CLOEXEC};
use super::posix::{IOV_MAX, Inode, SOCK_STREAM, close, count, errno, set_errno, socket_type};
use super::{gid_t, msghdr, uncancellable};
use crate::errno::{Errno, Result};

/// `struct cmsghdr`: socklen_t has 32 bits.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct CmsgHeader {
    pub(crate) len: u32,
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
}

/// The flags of an open description that all of these systems have.
pub(crate) const STATUS_FLAGS: c_int = libc::O_APPEND | libc::O_NONBLOCK | libc::O_SYNC;

/// What an error number means: itself.
pub(super) fn meaning(number: c_int) -> Errno {
    Errno::new(number)
}

/// There is no close_range.
pub(super) fn close_range(_: c_int, _: c_int) -> bool {
    false
}

pub(super) fn is_lacking(_: c_int, _: c_int) -> bool {
    false
}

/// No descriptor refers to a process.
pub(crate) fn process_number(_: c_int) -> Result<c_int> {
    Err(Errno::EBADF)
}

pub(crate) fn peer_pidfd(_: c_int) -> Result<Option<c_int>> {
    Ok(None)
}

/// What has no file has no name either.
pub(crate) fn name(_: c_uint, _: &mut [MaybeUninit<u8>]) -> Result<&[u8]> {
    Err(Errno::ENOENT)
}

/// No file has seals.
pub(crate) fn seals(_: c_int) -> Result<c_int> {
    Err(Errno::EINVAL)
}

/// fstat. It asks the file system, which may be another machine or a process: it may take as long as
/// they like.
pub(crate) fn inode(fd: c_int) -> Result<Inode> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: stat is writable.
    let r = unsafe { libc::fstat(fd, stat.as_mut_ptr()) };
    count(r as libc::ssize_t)?;
    // SAFETY: integers, all of them initialised.
    let stat = unsafe { stat.assume_init() };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    Ok(Inode { kind: stat.st_mode as u32 & libc::S_IFMT as u32, links: stat.st_nlink as u32, size })
}

/// The supplementary groups of a `struct xucred`, of which the first is the effective group.
pub(super) fn copy_groups(groups: &[gid_t; 16], ngroups: i16, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    let count = usize::try_from(ngroups).unwrap_or(0).min(groups.len());
    let supplementary = groups.get(1..count).unwrap_or_default();
    if to.len() < supplementary.len() {
        return (Err(Errno::ERANGE), supplementary.len());
    }
    for (to, from) in to.iter_mut().zip(supplementary) {
        to.write(*from);
    }
    (Ok(()), supplementary.len())
}

/// `recvmsg` whose descriptors are close-on-exec, as far as the platform can. A cancellation point.
///
/// EMFILE: none of the message's descriptors could be installed, and all are gone. The kernel calls it
/// EMSGSIZE.
///
/// # Safety
/// All that msg points to must be writable, for as long as the lengths beside it say.
#[inline]
pub(crate) unsafe fn recvmsg(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    let cloexec = if HAS_CMSG_CLOEXEC { MSG_CMSG_CLOEXEC } else { 0 };
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    match count(unsafe { libc::recvmsg(sock, msg, flags | cloexec) }) {
        Err(Errno::EMSGSIZE) if table_is_full(Some(sock)) => Err(Errno::EMFILE),
        received => received,
    }
}

/// The same on a socket of any family, which ignores flags that it does not know.
///
/// # Safety
/// As for recvmsg.
#[inline]
pub(crate) unsafe fn recvmsg_of_any_family(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    unsafe { recvmsg(sock, msg, flags) }
}

/// Whether the process can't have one more descriptor, tried with a duplicate of `sock`, or with a new
/// socket. No other descriptor will do: closing a duplicate gives up the process's POSIX locks on the
/// file. Keeps errno.
pub(crate) fn table_is_full(sock: Option<c_int>) -> bool {
    let kept = errno();
    let probe = match sock {
        // SAFETY: fcntl with an int touches no memory.
        Some(sock) => unsafe { libc::fcntl(sock, libc::F_DUPFD_CLOEXEC, 0) },
        // SAFETY: touches no memory.
        None => unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0) },
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

/// The socket's family, by its own address, for systems without SO_DOMAIN.
pub(crate) fn family_of_address(sock: c_int) -> Result<c_int> {
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: address is writable and len its size.
    let r = unsafe { libc::getsockname(sock, address.as_mut_ptr().cast(), &mut len) };
    count(r as libc::ssize_t)?;
    // SAFETY: integers, all of them initialised.
    Ok(c_int::from(unsafe { address.assume_init() }.ss_family))
}

/// The protocol that the family has for the socket's type, for systems without SO_PROTOCOL; 0 where the
/// family has but one.
pub(crate) fn usual_protocol(sock: c_int) -> Result<c_int> {
    match (super::socket_domain(sock)?, socket_type(sock)?) {
        (libc::AF_INET | libc::AF_INET6, SOCK_STREAM) => Ok(libc::IPPROTO_TCP),
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => Ok(libc::IPPROTO_UDP),
        _ => Ok(0),
    }
}

/// The batch's calls, of those C libraries that have them.
#[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
mod batches {
    use core::ptr;

    use super::*;

    pub(crate) use libc::mmsghdr;

    pub(crate) const MSG_WAITFORONE: c_int = super::super::platform::WAITFORONE;

    /// `sendmmsg` that never raises SIGPIPE, of at most IOV_MAX messages. A cancellation point.
    ///
    /// # Safety
    /// All that the messages point to must be readable.
    pub(crate) unsafe fn sendmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
        let len = messages.len().min(IOV_MAX);
        let flags = flags | libc::MSG_NOSIGNAL;
        // SAFETY: `len` messages are there, the caller vouches for what they point to.
        count(unsafe { libc::sendmmsg(sock, messages.as_mut_ptr(), len as _, flags) } as libc::ssize_t)
    }

    /// `recvmmsg` without a time limit, of at most IOV_MAX messages.
    ///
    /// # Safety
    /// All that the messages point to must be writable, for as long as the lengths beside it say.
    pub(crate) unsafe fn recvmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
        let len = messages.len().min(IOV_MAX);
        let flags = flags | MSG_CMSG_CLOEXEC;
        // SAFETY: `len` messages are there, the caller vouches for what they point to.
        let received = unsafe { libc::recvmmsg(sock, messages.as_mut_ptr(), len as _, flags, ptr::null_mut()) };
        match count(received as libc::ssize_t) {
            Err(Errno::EMSGSIZE) if table_is_full(Some(sock)) => Err(Errno::EMFILE),
            received => received,
        }
    }
}

/// The same message by message, of the others.
#[cfg(not(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")))]
mod batches {
    use super::*;
    use crate::sys::platform::sendmsg;
    use crate::sys::posix::MSG_DONTWAIT;

    /// As the other systems have it; in the header, too.
    #[allow(non_camel_case_types)]
    #[repr(C)]
    pub struct mmsghdr {
        pub(crate) msg_hdr: msghdr,
        pub(crate) msg_len: c_uint,
    }

    /// There is no such flag.
    pub(crate) const MSG_WAITFORONE: c_int = 0;

    /// # Safety
    /// All that the messages point to must be readable.
    pub(crate) unsafe fn sendmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
        one_by_one(messages, |entry, _| {
            // SAFETY: the caller's.
            unsafe { sendmsg(sock, &entry.msg_hdr, flags) }
        })
    }

    /// # Safety
    /// All that the messages point to must be writable, for as long as the lengths beside it say.
    pub(crate) unsafe fn recvmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
        one_by_one(messages, |entry, is_first| {
            let flags = if is_first { flags } else { flags | MSG_DONTWAIT };
            // SAFETY: the caller's.
            unsafe { recvmsg(sock, &mut entry.msg_hdr, flags) }
        })
    }

    /// An error after the first message shows as a short count.
    fn one_by_one(
        messages: &mut [mmsghdr],
        mut call: impl FnMut(&mut mmsghdr, bool) -> Result<usize>,
    ) -> Result<usize> {
        let kept = errno();
        let mut done = 0usize;
        for entry in messages.iter_mut().take(IOV_MAX) {
            match call(entry, done == 0) {
                Ok(bytes) => entry.msg_len = bytes as c_uint,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
            done = done.saturating_add(1);
        }
        set_errno(kept);
        Ok(done)
    }
}

pub(crate) use batches::*;

/// `sendmsg` that never raises SIGPIPE, of systems with MSG_NOSIGNAL. A cancellation point.
///
/// # Safety
/// All that msg points to must be readable.
#[inline]
pub(crate) unsafe fn sendmsg_nosignal(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    count(unsafe { libc::sendmsg(sock, msg, flags | libc::MSG_NOSIGNAL) })
}
