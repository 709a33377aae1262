//! Haiku. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against: headers/posix/sys/socket.h, where nothing else is said.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};
use core::ptr;

use super::posix::{SOL_SOCKET, option_into};
use super::{Peer, gid_t};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::{
    CmsgHeader, MSG_WAITFORONE, STATUS_FLAGS, family_of_address as socket_domain, inode, mmsghdr, name, peer_pidfd,
    process_number, recvmmsg, recvmsg, recvmsg_of_any_family, seals, sendmmsg, sendmsg_nosignal as sendmsg,
    table_is_full, usual_protocol as socket_protocol,
};
pub(super) use super::bsd::{close_range, is_lacking, meaning};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// _ALIGNBYTES of headers/posix/sys/param.h, and one.
pub(crate) const CMSG_ALIGN: usize = size_of::<core::ffi::c_long>();

/// What fits into MAX_ANCILLARY_DATA_LENGTH, 1024 bytes, to which the kernel shortens the room for control
/// data (src/add-ons/kernel/network/stack, _user_recvmsg). More can't be sent either.
pub(crate) const ARRIVING_MAX: usize = 252;

/// An AF_UNIX socket brings descriptors alone.
pub(crate) const UNIX_PAYLOADS: [usize; 0] = [];

pub(crate) const SCM_RIGHTS: c_int = 0x01;
pub(crate) const SCM_PIDFD: Option<c_int> = None;
pub(crate) const SO_PASSRIGHTS: Option<c_int> = None;
pub(crate) const SO_PEERSEC: Option<c_int> = None;
pub(crate) const AF_PACKET: Option<c_int> = None;
pub(crate) const AF_NETLINK: Option<c_int> = None;
pub(crate) const MSG_ERRQUEUE: c_int = 0;
pub(crate) const F_SEAL_SEAL: c_int = 0;
pub(crate) const O_PATH: c_int = 0;

pub(crate) const ENODATA: c_int = libc::ENODATA;
/// There is no such error, and none has this number.
pub(crate) const ETOOMANYREFS: c_int = 0;
pub(crate) const IPPROTO_MPTCP: c_int = -1;
/// There is no such flag.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0;
pub(super) const HAS_CMSG_CLOEXEC: bool = false;

const SO_PEERCRED: c_int = 0x4000_000b;

pub(super) use libc::_errnop as errno_location;

/// Who is recorded as the socket's peer (`struct ucred`). ENODATA: nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    let mut peer = Peer { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = size_of::<Peer>();
    // SAFETY: peer is writable, laid out as struct ucred, len is its size, and any bytes are a valid one.
    let asked = unsafe { option_into(sock, SOL_SOCKET, SO_PEERCRED, (&raw mut peer).cast(), &mut len) };
    match asked {
        Ok(()) if peer.pid > 0 && len == size_of::<Peer>() => Ok(peer),
        Ok(()) | Err(Errno::EINVAL | Errno::ENOTCONN) => Err(Errno::ENODATA),
        Err(errno) => Err(errno),
    }
}

/// They are not recorded.
pub(crate) fn peer_groups(_: c_int, _: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    (Err(Errno::ENOPROTOOPT), 0)
}

/// headers/posix/pthread.h, as what follows.
pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// `struct __pthread_cleanup_handler`.
#[repr(C)]
pub(super) struct CleanupBuffer {
    previous: *mut CleanupBuffer,
    function: Option<extern "C" fn(*mut c_void)>,
    argument: *mut c_void,
}

unsafe extern "C" {
    fn __pthread_cleanup_push_handler(handler: *mut CleanupBuffer);
    fn __pthread_cleanup_pop_handler() -> *mut CleanupBuffer;
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { previous: ptr::null_mut(), function: None, argument: ptr::null_mut() }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    pub(super) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        (self.function, self.argument) = (Some(routine), arg);
        // SAFETY: the caller's.
        unsafe { __pthread_cleanup_push_handler(self) }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        // SAFETY: the caller's; the routine is not executed.
        unsafe { __pthread_cleanup_pop_handler() };
    }
}

/// Nobody tells.
pub(super) fn is_single_threaded() -> bool {
    false
}
