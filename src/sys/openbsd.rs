//! OpenBSD. Numbers: sys/socket.h; held against this header by `make check-platforms`. What the kernel
//! does: sys/kern/uipc_usrreq.c.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

use super::posix::{SOL_SOCKET, option, option_into};
use super::{Peer, gid_t};
use crate::errno::{Errno, Result};

pub(crate) use super::bsd::{
    CmsgHeader, MSG_WAITFORONE, STATUS_FLAGS, inode, mmsghdr, name, peer_pidfd, process_number, recvmmsg, recvmsg,
    recvmsg_of_any_family, seals, sendmmsg, sendmsg_nosignal as sendmsg, table_is_full,
};
pub(super) use super::bsd::{close_range, is_lacking, meaning};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};
/// OpenBSD's pthread_cleanup_push allocates.
pub(super) use super::uncancelled::{CleanupBuffer, is_single_threaded};

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

pub(crate) const ENODATA: c_int = libc::ENOTCONN;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const IPPROTO_MPTCP: c_int = -1;
pub(super) const WAITFORONE: c_int = 0x1000;
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0800;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

const SO_PEERCRED: c_int = 0x1022;
const SO_DOMAIN: c_int = 0x1024;
const SO_PROTOCOL: c_int = 0x1025;

pub(super) use libc::__errno as errno_location;
pub(super) const PTHREAD_CANCEL_DISABLE: c_int = 1;

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
    let mut peer = PeerCredentials { uid: u32::MAX, gid: u32::MAX, pid: 0 };
    let mut len = size_of::<PeerCredentials>();
    // SAFETY: peer is writable, len is its size, and any bytes are a valid one.
    let asked = unsafe { option_into(sock, SOL_SOCKET, SO_PEERCRED, (&raw mut peer).cast(), &mut len) };
    match asked {
        Ok(()) if peer.pid > 0 && len == size_of::<PeerCredentials>() => {
            Ok(Peer { pid: peer.pid, uid: peer.uid, gid: peer.gid })
        }
        Ok(()) | Err(Errno::EINVAL | Errno::ENOTCONN | Errno::EOPNOTSUPP) => Err(Errno::ENODATA),
        Err(errno) => Err(errno),
    }
}

/// They are not recorded.
pub(crate) fn peer_groups(_: c_int, _: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    (Err(Errno::ENOPROTOOPT), 0)
}
