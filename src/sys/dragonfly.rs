//! DragonFly. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against. What the kernel does: sys/kern/uipc_usrreq.c.

use core::ffi::c_int;
use core::mem::MaybeUninit;

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
/// What stands behind pthread_cleanup_push is not declared for others.
pub(super) use super::uncancelled::{CleanupBuffer, is_single_threaded};

/// _ALIGNBYTES of sys/cpu/x86_64/include/param.h, sizeof(long) - 1, and one.
pub(crate) const CMSG_ALIGN: usize = 8;

/// More do not fit into the cluster (MCLBYTES) that sendmsg copies control data to.
pub(crate) const ARRIVING_MAX: usize = 512;

/// Payloads of what else an AF_UNIX socket can bring: `struct cmsgcred`.
pub(crate) const UNIX_PAYLOADS: [usize; 1] = [84];

/// sys/sys/socket.h.
pub(crate) const SCM_RIGHTS: c_int = 0x01;
pub(crate) const SCM_PIDFD: Option<c_int> = None;
pub(crate) const SO_PASSRIGHTS: Option<c_int> = None;
pub(crate) const SO_PEERSEC: Option<c_int> = None;
pub(crate) const AF_PACKET: Option<c_int> = None;
pub(crate) const AF_NETLINK: Option<c_int> = None;
pub(crate) const MSG_ERRQUEUE: c_int = 0;
pub(crate) const F_SEAL_SEAL: c_int = 0;
pub(crate) const O_PATH: c_int = 0;

pub(crate) const ENODATA: c_int = libc::ENOTCONN;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const IPPROTO_MPTCP: c_int = -1;
/// sys/sys/socket.h. DragonFly 5.0.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0000_1000;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

pub(super) use libc::__errno_location as errno_location;
/// include/pthread.h.
pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// LOCAL_PEERCRED does not name the process.
pub(crate) fn peer(_: c_int) -> Result<Peer> {
    Err(Errno::ENOPROTOOPT)
}

pub(crate) fn peer_groups(_: c_int, _: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    (Err(Errno::ENOPROTOOPT), 0)
}
