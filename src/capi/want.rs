//! Section 7: what a socket is asked for.

use core::ffi::c_int;

use super::convert::status;
use crate::cmsg;
use crate::errno::Errno;
use crate::socket;

/// Asks the socket `sock` for the facts of the set `on`, and no more for those of the set `off`, by
/// the socket options of its family and type, whatever they are called there. All or nothing: on
/// failure every option is as it was. Options that are as they should be are left alone.
///
/// ANC_RIGHTS is on from the start: off, the socket takes no descriptors (anc_refuse_fds).
/// ANC_TLS_RECORD comes once TLS_RX is set, and can't be switched. ANC_TIME is in nanoseconds, unless
/// the socket was asked for microseconds before. ANC_TIMESTAMPING and the two facts that belong to it
/// are anc_want_timestamping's.
///
/// *refused is the set of the facts that this socket or this kernel can't bring, or can't stop
/// bringing, or that the kernel refused for another reason; 0 on success. It may be NULL.
///
/// Returns 0, or -1 and errno: ENOPROTOOPT: facts were refused. EINVAL: an unknown bit, one that
/// is in both sets, or ANC_TIMESTAMPING, ANC_TIME_ID or ANC_TIME_PKTINFO. EBADF, ENOTSOCK. The
/// kernel's errors of setsockopt pass through.
///
/// # Safety
/// `refused` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_want(sock: c_int, on: u64, off: u64, refused: *mut u64) -> c_int {
    let wanted = socket::want(sock, on, off);
    // SAFETY: the caller's pointer.
    if let Some(refused) = unsafe { refused.as_mut() } {
        *refused = wanted.err().map_or(0, |refusal| refusal.facts);
    }
    status(wanted.map_err(|refusal| refusal.errno))
}

/// Asks the socket for time stamps as `sof_flags`, the SOF_TIMESTAMPING_ flags of
/// linux/net_tstamp.h, say: ANC_TIMESTAMPING, ANC_TIME_ID, ANC_TIME_PKTINFO. 0 switches them off. The
/// flags take the place of those that were set before.
///
/// Returns 0, or -1 and errno: ENOPROTOOPT: the socket is of a family that accepts the flags and
/// brings no stamps (AF_UNIX, netlink), or that the library does not know. EINVAL: flags that the
/// kernel does not know. EBADF, ENOTSOCK. The kernel's errors of setsockopt pass through.
#[unsafe(no_mangle)]
pub extern "C" fn anc_want_timestamping(sock: c_int, sof_flags: u32) -> c_int {
    status(socket::want_timestamping(sock, sof_flags))
}

/// Writes the set of the facts that the socket is asked for to *kinds, whoever asked: those of which
/// an option that brings them is on. ANC_INQ of an AF_UNIX socket is not told, for the kernel does not
/// tell.
///
/// Returns 0, or -1 and errno, with *kinds 0: EFAULT: kinds is NULL. EBADF, ENOTSOCK.
///
/// # Safety
/// `kinds` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_wanted(sock: c_int, kinds: *mut u64) -> c_int {
    // SAFETY: the caller's pointer.
    let Some(kinds) = (unsafe { kinds.as_mut() }) else { return status(Err(Errno::EFAULT)) };
    *kinds = 0;
    status(socket::wanted(sock).map(|facts| *kinds = facts))
}

/// The room in bytes that the control messages of one message can take if it brings all the facts of
/// the set `kinds`, whatever the family: `max_fds` descriptors, of which more than ANC_FDS_MAX count
/// as ANC_FDS_MAX, and a label of `max_label` bytes. With a control buffer of this size on a socket
/// that was asked for these facts and no others, MSG_CTRUNC means that a descriptor could not be
/// installed, or that the sender sent more of them than max_fds.
///
/// SIZE_MAX where it does not fit, or for an unknown bit.
#[unsafe(no_mangle)]
pub extern "C" fn anc_want_space(kinds: u64, max_fds: usize, max_label: usize) -> usize {
    cmsg::want_space(kinds, max_fds, max_label).unwrap_or(usize::MAX)
}

/// Makes the AF_UNIX socket `sock` take no descriptors: a peer that sends some gets EPERM, and what
/// it sent them with does not come. What was queued before still comes. Sockets that accept returns
/// inherit it from the listening one. Linux 6.16.
///
/// Returns 0, or -1 and errno: ENOPROTOOPT: the kernel is older: descriptors come, and must be received
/// and closed. EOPNOTSUPP: not an AF_UNIX socket. EBADF, ENOTSOCK.
#[unsafe(no_mangle)]
pub extern "C" fn anc_refuse_fds(sock: c_int) -> c_int {
    status(socket::refuse_fds(sock))
}
