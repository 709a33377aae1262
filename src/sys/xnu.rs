//! XNU: macOS and its relatives. Numbers: sys/socket.h, sys/un.h, sys/ucred.h, pthread.h; held against
//! these headers by `make check-platforms`. What the kernel does: bsd/kern/uipc_usrreq.c.
//!
//! A received descriptor is not close-on-exec from the call itself: [`set_cloexec`](super::set_cloexec)
//! follows, and a thread that forks and executes in between hands it on.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::posix::{SOL_SOCKET, count, option, set_option};
use super::{Peer, gid_t, msghdr};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::*;
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// __DARWIN_ALIGNBYTES32 of sys/_types.h, and one; on 64 bits too.
pub(crate) const CMSG_ALIGN: usize = 4;

/// UIPC_MAX_CMSG_FD of sys/un.h. The kernel installs them all before it looks at the room for them, leaves
/// cmsg_len as it was, and tells nobody the numbers that it cuts off: nothing less will do.
pub(crate) const ARRIVING_MAX: usize = 512;

pub(crate) const ENODATA: c_int = libc::ENODATA;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
/// There is no such flag.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0;
pub(super) const HAS_CMSG_CLOEXEC: bool = false;

const SO_NOSIGPIPE: c_int = 0x1022;
/// The level of a Unix socket's own options.
const SOL_LOCAL: c_int = 0;
const LOCAL_PEERCRED: c_int = 0x001;
const LOCAL_PEERPID: c_int = 0x002;
/// `audit_token_t`, of the process that used the other end last.
const LOCAL_PEERTOKEN: c_int = 0x006;

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

type Xucred = super::bsd::Xucred<()>;

fn xucred(sock: c_int) -> Result<Xucred> {
    // SAFETY: integers.
    unsafe { recorded(sock, SOL_LOCAL, LOCAL_PEERCRED) }
}

/// Who is recorded as the socket's peer: the effective user and group at connect or listen; and the
/// process that used the other end last. ENODATA: nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    let peer = xucred(sock)?;
    peer.of_process(option(sock, SOL_LOCAL, LOCAL_PEERPID).map_err(no_peer)?)
}

pub(crate) fn peer_token(sock: c_int) -> Result<[u32; 8]> {
    // SAFETY: integers.
    unsafe { recorded(sock, SOL_LOCAL, LOCAL_PEERTOKEN) }
}

/// The supplementary groups that are recorded.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    Xucred::copy_groups(xucred(sock), to)
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
