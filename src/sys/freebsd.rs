//! FreeBSD. Numbers: sys/socket.h, sys/un.h, sys/ucred.h; held against these headers by
//! `make check-platforms`. What the kernel does: sys/kern/uipc_usrreq.c.

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, size_of};

use super::posix::{SOL_SOCKET, count, option};
use super::{Peer, gid_t};
use crate::errno::Result;

pub(crate) use super::bsd::*;
pub(crate) use super::mmsg::{mmsghdr, recvmmsg, sendmmsg};
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// _ALIGNBYTES of machine/_align.h, and one.
pub(crate) const CMSG_ALIGN: usize = if cfg!(target_arch = "arm") { 4 } else { size_of::<usize>() };

/// More do not fit into the cluster (MCLBYTES) that sendmsg copies control data to.
pub(crate) const ARRIVING_MAX: usize = 512;

/// Payloads of what else an AF_UNIX socket can bring: `struct cmsgcred`; `struct sockcred2` with NGROUPS_MAX
/// groups and one.
pub(crate) const UNIX_PAYLOADS: [usize; 2] = [84, 28 + 1024 * size_of::<gid_t>()];

pub(crate) const AF_NETLINK: Option<c_int> = Some(38);

pub(crate) const ENODATA: c_int = libc::ENOTCONN;
pub(crate) const ETOOMANYREFS: c_int = libc::ETOOMANYREFS;
pub(crate) const MSG_WAITFORONE: c_int = 0x0008_0000;
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0x0004_0000;
pub(super) const HAS_CMSG_CLOEXEC: bool = true;

/// What every memory object is born with that was not made for sealing. FreeBSD 13.
pub(crate) const F_SEAL_SEAL: c_int = 0x0001;
const F_GET_SEALS: c_int = 20;
/// FreeBSD 13.1.
pub(crate) const O_PATH: c_int = 0x0040_0000;

const SO_PROTOCOL: c_int = 0x1016;
const SO_DOMAIN: c_int = 0x1019;
/// The level of a Unix socket's own options.
const SOL_LOCAL: c_int = 0;
const LOCAL_PEERCRED: c_int = 1;

pub(super) use libc::__error as errno_location;

unsafe extern "C" {
    /// FreeBSD 13.
    #[link_name = "close_range"]
    fn close_range_of_libc(first: u32, last: u32, flags: c_int) -> c_int;
}

/// Closes the descriptors first..=last in one call. False: not to be had, and nothing is closed.
pub(super) fn close_range(first: c_int, last: c_int) -> bool {
    // SAFETY: closes descriptors, touches no memory.
    unsafe { close_range_of_libc(first as u32, last as u32, 0) == 0 }
}

/// The socket's family: AF_UNIX, ...
pub(crate) fn socket_domain(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_DOMAIN)
}

/// The socket's protocol: IPPROTO_UDP, ...; 0 where the family has but one.
pub(crate) fn socket_protocol(sock: c_int) -> Result<c_int> {
    option(sock, SOL_SOCKET, SO_PROTOCOL)
}

/// The seals of a file that has some: of memory objects. EINVAL: any other.
pub(crate) fn seals(fd: c_int) -> Result<c_int> {
    // SAFETY: fcntl without an argument touches no memory.
    let seals = unsafe { libc::fcntl(fd, F_GET_SEALS) };
    count(seals as libc::ssize_t).map(|_| seals)
}

/// Its last word holds the pid since FreeBSD 13.
type Xucred = super::bsd::Xucred<Pid>;

#[repr(C)]
#[derive(Clone, Copy)]
union Pid {
    unused: *mut c_void,
    pid: i32,
}

fn xucred(sock: c_int) -> Result<Xucred> {
    // SAFETY: integers, and a union of plain bits.
    unsafe { recorded(sock, SOL_LOCAL, LOCAL_PEERCRED) }
}

/// Who is recorded as the socket's peer: the effective user and group at connect or listen. ENODATA: nobody
/// that the kernel can name.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    let peer = xucred(sock)?;
    // SAFETY: both fields are of plain bits, all of them initialised.
    peer.of_process(unsafe { peer.rest.pid })
}

/// The supplementary groups that are recorded.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>]) -> (Result<()>, usize) {
    Xucred::copy_groups(xucred(sock), to)
}

/// `struct _pthread_cleanup_info`.
#[repr(C)]
pub(super) struct CleanupBuffer {
    words: [MaybeUninit<usize>; 8],
}

unsafe extern "C" {
    fn __pthread_cleanup_push_imp(routine: extern "C" fn(*mut c_void), arg: *mut c_void, info: *mut CleanupBuffer);
    fn __pthread_cleanup_pop_imp(execute: c_int);
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { words: [MaybeUninit::uninit(); 8] }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    pub(super) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        // SAFETY: the caller's.
        unsafe { __pthread_cleanup_push_imp(routine, arg, self) }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        // SAFETY: the caller's; the routine is not executed.
        unsafe { __pthread_cleanup_pop_imp(0) }
    }
}
