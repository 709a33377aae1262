//! NetBSD. Numbers: sys/socket.h, sys/un.h, pthread.h; held against these headers by
//! `make check-platforms`. What the kernel does: sys/kern/uipc_usrreq.c.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};

use super::posix::count;
use super::{Peer, gid_t};
use crate::errno::Result;

pub(crate) use super::bsd::*;
pub(crate) use super::mmsg::{mmsghdr, recvmmsg, sendmmsg};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// __ALIGNBYTES of machine/cdefs.h, and one.
pub(crate) const CMSG_ALIGN: usize = match () {
    () if cfg!(target_arch = "x86") => 4,
    () if cfg!(any(target_arch = "x86_64", target_arch = "arm", target_arch = "mips", target_arch = "powerpc")) => 8,
    () => 16,
};

/// More do not fit into the cluster (MCLBYTES) that sendmsg copies control data to.
pub(crate) const ARRIVING_MAX: usize = 512;

/// Payloads of what else an AF_UNIX socket can bring: `struct sockcred` with NGROUPS_MAX groups and one.
pub(crate) const UNIX_PAYLOADS: [usize; 1] = [24 + 17 * size_of::<gid_t>()];

pub(crate) const ENODATA: c_int = libc::ENODATA;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const MSG_WAITFORONE: c_int = 0x2000;
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0800;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

/// memfd_create. NetBSD 11.
pub(crate) const F_SEAL_SEAL: c_int = 0x0001;
const F_GET_SEALS: c_int = 17;

/// The level of a Unix socket's own options.
const SOL_LOCAL: c_int = 0;
const LOCAL_PEEREID: c_int = 0x0003;

pub(super) use libc::__errno as errno_location;

/// The seals of a file that has some: of memory objects. EINVAL: any other.
pub(crate) fn seals(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let seals = unsafe { libc::fcntl(fd, F_GET_SEALS) };
    count(seals as libc::ssize_t).map(|_| seals)
}

/// Who is recorded as the socket's peer: the effective user and group at connect or listen. ENODATA:
/// nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    // SAFETY: integers, laid out as struct unpcbid.
    unsafe { recorded::<Peer>(sock, SOL_LOCAL, LOCAL_PEEREID) }?.of_somebody()
}

/// `struct pthread_cleanup_store`.
#[repr(C)]
pub(super) struct CleanupBuffer {
    words: [MaybeUninit<*mut c_void>; 4],
}

unsafe extern "C" {
    fn pthread__cleanup_push(routine: extern "C" fn(*mut c_void), arg: *mut c_void, store: *mut c_void);
    fn pthread__cleanup_pop(execute: c_int, store: *mut c_void);
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { words: [MaybeUninit::uninit(); 4] }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    pub(super) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        // SAFETY: the caller's.
        unsafe { pthread__cleanup_push(routine, arg, (&raw mut self.words).cast()) }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        // SAFETY: the caller's; the routine is not executed.
        unsafe { pthread__cleanup_pop(0, (&raw mut self.words).cast()) }
    }
}
