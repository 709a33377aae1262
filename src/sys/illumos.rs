//! illumos. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against: usr/src/uts/common/sys/socket.h, where nothing else is said.

use core::ffi::c_int;

use super::Peer;
use super::posix::{SOL_SOCKET, option};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::*;
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};
/// What stands behind pthread_cleanup_push wants the address of a frame of C.
pub(super) use super::uncancelled::CleanupBuffer;

/// _CMSG_HDR_ALIGNMENT and _CMSG_DATA_ALIGNMENT, both of them; the former is 8 on SPARC, for which Rust has
/// no illumos.
pub(crate) const CMSG_ALIGN: usize = 4;

/// SO_MAXARGSIZE of sys/socketvar.h bounds the control data of sendmsg in bytes: 8192.
pub(crate) const ARRIVING_MAX: usize = 2048;

pub(crate) const SCM_RIGHTS: c_int = 0x1010;

pub(crate) const ENODATA: c_int = libc::ENODATA;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x1000;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

const SO_PROTOTYPE: c_int = 0x1009;
const SO_DOMAIN: c_int = 0x100c;

pub(super) use libc::___errno as errno_location;

/// The socket's family: AF_UNIX, ...
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_DOMAIN)
}

/// The socket's protocol: IPPROTO_UDP, ...; 0 where the family has but one.
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_PROTOTYPE)
}

/// getpeerucred allocates.
pub(crate) fn peer(_: c_int) -> Result<Peer> {
    Err(Errno::ENOPROTOOPT)
}
