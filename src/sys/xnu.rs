//! XNU: macOS and its relatives. Numbers: sys/socket.h, sys/un.h, sys/ucred.h, pthread.h; held against
//! these headers by `make check-platforms`. What the kernel does: bsd/kern/uipc_usrreq.c.
//!
//! A received descriptor is not close-on-exec from the call itself: [`set_cloexec`](super::set_cloexec)
//! follows, and a thread that forks and executes in between hands it on.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};
use core::ptr;

use super::posix::{SOL_SOCKET, count, option, option_into, set_option};
use super::{Peer, gid_t, msghdr};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::{
    CmsgHeader, MSG_WAITFORONE, STATUS_FLAGS, family_of_address as socket_domain, inode, mmsghdr, name, peer_pidfd,
    process_number, recvmmsg, recvmsg, recvmsg_of_any_family, seals, sendmmsg, table_is_full,
    usual_protocol as socket_protocol,
};
pub(super) use super::bsd::{close_range, is_lacking, meaning};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// __DARWIN_ALIGNBYTES32 of sys/_types.h, and one; on 64 bits too.
pub(crate) const CMSG_ALIGN: usize = 4;

/// UIPC_MAX_CMSG_FD of sys/un.h. The kernel installs them all before it looks at the room for them, leaves
/// cmsg_len as it was, and tells nobody the numbers that it cuts off: nothing less will do.
pub(crate) const ARRIVING_MAX: usize = 512;

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
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const IPPROTO_MPTCP: c_int = -1;
/// There is no such flag.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0;
pub(super) const HAS_CMSG_CLOEXEC: bool = false;

const SO_NOSIGPIPE: c_int = 0x1022;
/// The level of a Unix socket's own options.
const SOL_LOCAL: c_int = 0;
const LOCAL_PEERCRED: c_int = 0x001;
const LOCAL_PEERPID: c_int = 0x002;

pub(super) use libc::__error as errno_location;

/// `sendmsg` that never raises SIGPIPE, which goes to the whole process here, so that blocking it in one
/// thread is not enough. The socket stays so: nobody's write to it raises one any more. A cancellation
/// point.
///
/// # Safety
/// All that msg points to must be readable.
pub(crate) unsafe fn sendmsg(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    set_option(sock, SOL_SOCKET, SO_NOSIGPIPE, 1).or_else(not_of_a_closed_one)?;
    // SAFETY: msg is a reference, the caller vouches for what it points to.
    count(unsafe { libc::sendmsg(sock, msg, flags) })
}

/// EINVAL: both directions are shut down. Sending will say so.
fn not_of_a_closed_one(errno: Errno) -> Result<()> {
    if errno == Errno::EINVAL { Err(Errno::EPIPE) } else { Err(errno) }
}

/// `struct xucred`.
#[repr(C)]
struct Xucred {
    version: u32,
    uid: u32,
    ngroups: i16,
    groups: [gid_t; 16],
}

fn xucred(sock: c_int) -> Result<Xucred> {
    let mut peer = MaybeUninit::<Xucred>::zeroed();
    let mut len = size_of::<Xucred>();
    // SAFETY: peer is writable and len its size.
    unsafe { option_into(sock, SOL_LOCAL, LOCAL_PEERCRED, peer.as_mut_ptr().cast(), &mut len) }.map_err(no_peer)?;
    // SAFETY: integers, all of them initialised.
    Ok(unsafe { peer.assume_init() })
}

/// What the kernel says where nobody is connected, and of sockets of another family.
fn no_peer(errno: Errno) -> Errno {
    if matches!(errno, Errno::EINVAL | Errno::ENOTCONN | Errno::ENOPROTOOPT) { Errno::ENODATA } else { errno }
}

/// Who is recorded as the socket's peer: the effective user and group at connect or listen; and the
/// process that used the other end last. ENODATA: nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    let peer = xucred(sock)?;
    let [gid, ..] = peer.groups;
    let pid = option(sock, SOL_LOCAL, LOCAL_PEERPID).map_err(no_peer)?;
    if pid > 0 && peer.ngroups > 0 { Ok(Peer { pid, uid: peer.uid, gid }) } else { Err(Errno::ENODATA) }
}

/// The supplementary groups that are recorded, 15 at most. The result, and their number where it is known:
/// on success, and with ERANGE.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    match xucred(sock) {
        Ok(peer) => super::bsd::copy_groups(&peer.groups, peer.ngroups, to),
        Err(errno) => (Err(errno), 0),
    }
}

pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 0;

/// `struct __darwin_pthread_handler_rec`, of which pthread_cleanup_push makes a list.
#[repr(C)]
pub(super) struct CleanupBuffer {
    routine: Option<extern "C" fn(*mut c_void)>,
    arg: *mut c_void,
    next: *mut CleanupBuffer,
}

/// `struct _opaque_pthread_t`, its first two words.
#[repr(C)]
struct Thread {
    signature: core::ffi::c_long,
    cleanups: *mut CleanupBuffer,
}

unsafe extern "C" {
    fn pthread_self() -> *mut Thread;
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { routine: None, arg: ptr::null_mut(), next: ptr::null_mut() }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    pub(super) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        // SAFETY: this thread's own list, which nobody else touches.
        unsafe {
            let list = &raw mut (*pthread_self()).cleanups;
            *self = Self { routine: Some(routine), arg, next: list.read() };
            list.write(self);
        }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        // SAFETY: as above.
        unsafe { (&raw mut (*pthread_self()).cleanups).write(self.next) }
    }
}

/// Nobody tells.
pub(super) fn is_single_threaded() -> bool {
    false
}
