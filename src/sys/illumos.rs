//! illumos. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against: usr/src/uts/common/sys/socket.h, where nothing else is said.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::posix::{SOL_SOCKET, option};
use super::{Peer, gid_t};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::{
    CmsgHeader, MSG_WAITFORONE, STATUS_FLAGS, inode, mmsghdr, name, peer_pidfd, process_number, recvmmsg, recvmsg,
    recvmsg_of_any_family, seals, sendmmsg, sendmsg_nosignal as sendmsg, table_is_full,
};
pub(super) use super::bsd::{close_range, is_lacking, meaning};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};
/// What stands behind pthread_cleanup_push wants the address of a frame of C.
pub(super) use super::uncancelled::{CleanupBuffer, is_single_threaded};

/// _CMSG_HDR_ALIGNMENT and _CMSG_DATA_ALIGNMENT, both of them; the former is 8 on SPARC, for which Rust has
/// no illumos.
pub(crate) const CMSG_ALIGN: usize = 4;

/// SO_MAXARGSIZE of sys/socketvar.h bounds the control data of sendmsg in bytes: 8192.
pub(crate) const ARRIVING_MAX: usize = 2048;

/// An AF_UNIX socket that was not asked for more brings descriptors alone.
pub(crate) const UNIX_PAYLOADS: [usize; 0] = [];

pub(crate) const SCM_RIGHTS: c_int = 0x1010;
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
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x1000;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

const SO_PROTOTYPE: c_int = 0x1009;
const SO_DOMAIN: c_int = 0x100c;

pub(super) use libc::___errno as errno_location;
/// usr/src/head/pthread.h.
pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 0x01;

/// The socket's family: AF_UNIX, ...
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_DOMAIN)
}

/// The socket's protocol: IPPROTO_UDP, ...; 0 where the family has but one.
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_PROTOTYPE)
}

/// getpeerucred wants memory of a size that only the running system knows.
pub(crate) fn peer(_: c_int) -> Result<Peer> {
    Err(Errno::ENOPROTOOPT)
}

pub(crate) fn peer_groups(_: c_int, _: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    (Err(Errno::ENOPROTOOPT), 0)
}
