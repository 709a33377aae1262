//! The batch's calls, of those C libraries that have them beside bsd's recvmsg.

use core::ffi::c_int;
use core::ptr;

use super::platform::MSG_CMSG_CLOEXEC;
use super::posix::{IOV_MAX, count, table_is_full};
use crate::errno::{Errno, Result};

pub(crate) use libc::mmsghdr;

/// `sendmmsg` that never raises SIGPIPE, of at most IOV_MAX messages. A cancellation point.
///
/// # Safety
/// All that the messages point to must be readable.
pub(crate) unsafe fn sendmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    let len = messages.len().min(IOV_MAX);
    let flags = flags | libc::MSG_NOSIGNAL;
    // SAFETY: `len` messages are there, the caller vouches for what they point to.
    count(unsafe { libc::sendmmsg(sock, messages.as_mut_ptr(), len as _, flags as _) } as libc::ssize_t)
}

/// `recvmmsg` without a time limit, of at most IOV_MAX messages.
///
/// # Safety
/// All that the messages point to must be writable, for as long as the lengths beside it say.
pub(crate) unsafe fn recvmmsg(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    let len = messages.len().min(IOV_MAX);
    let flags = flags | MSG_CMSG_CLOEXEC;
    // SAFETY: `len` messages are there, the caller vouches for what they point to.
    let received = unsafe { libc::recvmmsg(sock, messages.as_mut_ptr(), len as _, flags as _, ptr::null_mut()) };
    match count(received as libc::ssize_t) {
        Err(Errno::EMSGSIZE) if table_is_full(Some(sock)) => Err(Errno::EMFILE),
        received => received,
    }
}
