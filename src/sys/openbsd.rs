//! OpenBSD. Numbers: sys/socket.h; held against this header by `make check-platforms`. What the kernel
//! does: sys/kern/uipc_usrreq.c.

use core::ffi::c_int;

use super::Peer;
use super::posix::{SOL_SOCKET, option};
use crate::errno::Result;

pub(crate) use super::bsd::*;
pub(crate) use super::mmsg::{mmsghdr, recvmmsg, sendmmsg};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};
/// OpenBSD's pthread_cleanup_push allocates.
pub(super) use super::uncancelled::CleanupBuffer;

/// _ALIGNBYTES of machine/_types.h, and one.
pub(crate) const CMSG_ALIGN: usize = if cfg!(target_arch = "x86") {
    4
} else if cfg!(target_arch = "sparc64") {
    16
} else {
    8
};

/// More do not fit into the cluster (MCLBYTES) that sendmsg copies control data to.
pub(crate) const ARRIVING_MAX: usize = 512;

pub(crate) const ENODATA: c_int = libc::ENOTCONN;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const MSG_WAITFORONE: c_int = 0x1000;
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0800;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

const SO_PEERCRED: c_int = 0x1022;
const SO_DOMAIN: c_int = 0x1024;
const SO_PROTOCOL: c_int = 0x1025;

pub(super) use libc::__errno as errno_location;

/// The socket's family: AF_UNIX, ...
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_DOMAIN)
}

/// The socket's protocol: IPPROTO_UDP, ...; 0 where the family has but one.
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_PROTOCOL)
}

/// `struct sockpeercred`.
#[repr(C)]
struct PeerCredentials {
    uid: u32,
    gid: u32,
    pid: i32,
}

/// Who is recorded as the socket's peer: the effective user and group at connect or listen. ENODATA:
/// nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    // SAFETY: integers.
    let PeerCredentials { uid, gid, pid } = unsafe { recorded(sock, SOL_SOCKET, SO_PEERCRED) }?;
    Peer { pid, uid, gid }.of_somebody()
}
