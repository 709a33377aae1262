//! What the systems share whose sockets descend from BSD's, and that Linux has otherwise. A system's file
//! takes all of it and names anew what it has differently, or has at all.

use core::ffi::{c_int, c_uint};
use core::mem::{MaybeUninit, size_of};

use super::platform::{HAS_CMSG_CLOEXEC, MSG_CMSG_CLOEXEC};
use super::posix::{
    IOV_MAX, MSG_DONTWAIT, Peer, SOCK_STREAM, count, keeping_errno, option_as, socket_type, table_is_full,
};
use super::{gid_t, msghdr};
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

pub(crate) const SCM_RIGHTS: c_int = 0x01;
pub(crate) const SCM_PIDFD: Option<c_int> = None;
pub(crate) const SO_PASSRIGHTS: Option<c_int> = None;
pub(crate) const SO_PEERSEC: Option<c_int> = None;
pub(crate) const AF_PACKET: Option<c_int> = None;
pub(crate) const AF_NETLINK: Option<c_int> = None;
pub(crate) const MSG_ERRQUEUE: c_int = 0;
pub(crate) const IPPROTO_MPTCP: c_int = -1;
pub(crate) const F_SEAL_SEAL: c_int = 0;
pub(crate) const O_PATH: c_int = 0;

/// Payloads of what else an AF_UNIX socket can bring: nothing but descriptors.
pub(crate) const UNIX_PAYLOADS: [usize; 0] = [];

pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 1;

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

/// No process has a token.
pub(crate) fn peer_token(_: c_int) -> Result<[u32; 8]> {
    Err(Errno::ENOPROTOOPT)
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

pub(crate) use super::posix::fstat as inode;

/// What is recorded of the socket's peer, by an option that brings a struct of integers. ENODATA: nobody.
///
/// # Safety
/// Any bytes must be a valid T.
pub(super) unsafe fn recorded<T>(sock: c_int, level: c_int, name: c_int) -> Result<T> {
    // SAFETY: the caller's.
    match unsafe { option_as::<T>(sock, level, name) } {
        Ok((record, len)) if len == size_of::<T>() => Ok(record),
        Ok(_) => Err(Errno::ENODATA),
        Err(errno) => Err(no_peer(errno)),
    }
}

/// What the kernels say where nobody is connected, and of sockets of another family.
pub(super) fn no_peer(errno: Errno) -> Errno {
    match errno {
        Errno::EINVAL | Errno::ENOTCONN | Errno::ENOPROTOOPT | Errno::EOPNOTSUPP => Errno::ENODATA,
        errno => errno,
    }
}

/// `struct xucred`: the effective user at connect or listen, the effective group and then the supplementary
/// ones, and what else a system has there.
#[repr(C)]
pub(super) struct Xucred<Rest> {
    pub(super) version: u32,
    pub(super) uid: u32,
    pub(super) ngroups: i16,
    pub(super) groups: [gid_t; 16],
    pub(super) rest: Rest,
}

impl<Rest> Xucred<Rest> {
    /// As the peer, if there is a process of this number.
    pub(super) fn of_process(&self, pid: i32) -> Result<Peer> {
        let [gid, ..] = self.groups;
        if self.ngroups > 0 { Peer { pid, uid: self.uid, gid }.of_somebody() } else { Err(Errno::ENODATA) }
    }

    /// The supplementary groups, 15 at most. The result, and their number where it is known: on success, and
    /// with ERANGE.
    pub(super) fn copy_groups(asked: Result<Self>, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
        let peer = match asked {
            Ok(peer) => peer,
            Err(errno) => return (Err(errno), 0),
        };
        let count = usize::try_from(peer.ngroups).unwrap_or(0).min(peer.groups.len());
        let groups = peer.groups.get(1..count).unwrap_or_default();
        if to.len() < groups.len() {
            return (Err(Errno::ERANGE), groups.len());
        }
        for (to, from) in to.iter_mut().zip(groups) {
            to.write(*from);
        }
        (Ok(()), groups.len())
    }
}

/// They are not recorded.
pub(crate) fn peer_groups(_: c_int, _: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    (Err(Errno::ENOPROTOOPT), 0)
}

/// Nobody tells.
pub(super) fn is_single_threaded() -> bool {
    false
}

/// A new descriptor, or -1 and errno.
pub(super) fn descriptor_of_nothing() -> c_int {
    // SAFETY: touches no memory.
    unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0) }
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

/// The socket's family, by its own address, for systems without SO_DOMAIN.
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
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
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    match (super::socket_domain(sock)?, socket_type(sock)?) {
        (libc::AF_INET | libc::AF_INET6, SOCK_STREAM) => Ok(libc::IPPROTO_TCP),
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => Ok(libc::IPPROTO_UDP),
        _ => Ok(0),
    }
}

/// As the systems with sendmmsg have it; in the header, too.
#[allow(non_camel_case_types, unreachable_pub)]
#[repr(C)]
pub struct mmsghdr {
    pub(crate) msg_hdr: msghdr,
    pub(crate) msg_len: c_uint,
}

/// There is no such flag.
pub(crate) const MSG_WAITFORONE: c_int = 0;

/// Message by message.
///
/// # Safety
/// All that the messages point to must be readable.
pub(crate) unsafe fn sendmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    one_by_one(messages, |entry, _| {
        // SAFETY: the caller's.
        unsafe { super::sendmsg(sock, &entry.msg_hdr, flags) }
    })
}

/// Message by message.
///
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
fn one_by_one(messages: &mut [mmsghdr], mut call: impl FnMut(&mut mmsghdr, bool) -> Result<usize>) -> Result<usize> {
    keeping_errno(|| {
        let mut done = 0usize;
        for entry in messages.iter_mut().take(IOV_MAX) {
            match call(entry, done == 0) {
                Ok(bytes) => entry.msg_len = bytes as c_uint,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
            done = done.saturating_add(1);
        }
        Ok(done)
    })
}

/// `sendmsg` that never raises SIGPIPE, of systems with MSG_NOSIGNAL. A cancellation point.
///
/// # Safety
/// All that msg points to must be readable.
#[inline]
pub(crate) unsafe fn sendmsg(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    count(unsafe { libc::sendmsg(sock, msg, flags | libc::MSG_NOSIGNAL) })
}
