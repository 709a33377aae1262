//! DragonFly. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against. What the kernel does: sys/kern/uipc_usrreq.c.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::{Peer, gid_t};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::*;
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};
/// What stands behind pthread_cleanup_push is not declared for others.
pub(super) use super::uncancelled::CleanupBuffer;

/// _ALIGNBYTES of sys/cpu/x86_64/include/param.h, sizeof(long) - 1, and one.
pub(crate) const CMSG_ALIGN: usize = 8;

/// More do not fit into the cluster (MCLBYTES) that sendmsg copies control data to.
pub(crate) const ARRIVING_MAX: usize = 512;

/// Payloads of what else an AF_UNIX socket can bring: `struct cmsgcred`.
pub(crate) const UNIX_PAYLOADS: [usize; 1] = [84];

pub(crate) const ENODATA: c_int = libc::ENOTCONN;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
/// sys/sys/socket.h. DragonFly 5.0.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0000_1000;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

/// The level of a Unix socket's own options (sys/sys/un.h).
const SOL_LOCAL: c_int = 0;
const LOCAL_PEERCRED: c_int = 1;

pub(super) use libc::__errno_location as errno_location;

/// LOCAL_PEERCRED does not name the process.
pub(crate) fn peer(_: c_int) -> Result<Peer> {
    Err(Errno::ENOPROTOOPT)
}

/// The supplementary groups that are recorded.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    /// With a pointer that nobody uses (sys/sys/ucred.h).
    type Xucred = super::bsd::Xucred<MaybeUninit<*mut c_void>>;
    // SAFETY: integers, and what may hold anything.
    let asked = unsafe { recorded(sock, SOL_LOCAL, LOCAL_PEERCRED) };
    Xucred::copy_groups(asked, to)
}
