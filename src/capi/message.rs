//! Section 6: whole messages.

use core::ffi::{c_int, c_uint};

use super::convert::{count, messages};
use crate::errno::Errno;
use crate::socket;
use crate::sys::{mmsghdr, msghdr};
use libc::ssize_t;

/// sendmsg without SIGPIPE; every MSG_ flag passes through. A cancellation point.
///
/// Returns the number of bytes, or -1 and errno. EINTR is not retried. EINVAL: control data with no
/// bytes on a stream, where the descriptors would be lost; MSG_OOB with control data. EFAULT: msg is
/// NULL. The kernel's errors of sendmsg pass through.
///
/// # Safety
/// `msg` must be NULL or valid, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_sendmsg(sock: c_int, msg: *const msghdr, msg_flags: c_int) -> ssize_t {
    // SAFETY: the caller's pointer.
    let msg = unsafe { msg.as_ref() }.ok_or(Errno::EFAULT);
    // SAFETY: the caller's message.
    count(msg.and_then(|msg| unsafe { socket::send_message(sock, msg, msg_flags) }))
}

/// recvmsg whose descriptors are close-on-exec; every MSG_ flag passes through. A cancellation point;
/// a cancelled thread leaks nothing.
///
/// The descriptors stay in the control buffer until anc_take_fds or anc_take_pidfd takes them, or
/// anc_close_unclaimed closes them. With MSG_PEEK they are duplicates, which the call itself closes.
/// What was lost is in msg->msg_flags (MSG_TRUNC, MSG_CTRUNC), never an errno; the echo of
/// MSG_CMSG_CLOEXEC is not.
///
/// Returns the number of bytes, or -1 and errno, with msg_controllen 0. EINTR is not retried. EINVAL:
/// room for control data with no room for bytes on a stream, where the call would look like end of
/// file (not with MSG_ERRQUEUE); MSG_OOB with room for control data. EFAULT: msg is NULL. The
/// kernel's errors of recvmsg pass through.
///
/// # Safety
/// `msg` must be NULL or valid, with all that it points to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_recvmsg(sock: c_int, msg: *mut msghdr, msg_flags: c_int) -> ssize_t {
    // SAFETY: the caller's pointer.
    let msg = unsafe { msg.as_mut() }.ok_or(Errno::EFAULT);
    // SAFETY: the caller's message.
    count(msg.and_then(|msg| unsafe { socket::recv_message(sock, msg, msg_flags) }))
}

/// sendmmsg without SIGPIPE, of at most 1,024 messages. A cancellation point.
///
/// Returns how many have gone; the error that stopped it shows on the next call. On a stream the last
/// of them may have gone in part: its msg_len tells how far, and its descriptors have gone. -1 and
/// errno: none has gone. The refusals are those of anc_sendmsg, for any of the messages and before any effect.
/// EFAULT: NULL with a number.
///
/// # Safety
/// `v` must be NULL or valid for `n` messages, with all that they point to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_sendmmsg(sock: c_int, v: *mut mmsghdr, n: c_uint, msg_flags: c_int) -> c_int {
    // SAFETY: the caller's messages.
    count(unsafe { messages(v, n) }.and_then(|v| unsafe { socket::send_batch(sock, v, msg_flags) })) as c_int
}

/// recvmmsg of at most 1,024 messages, each as by anc_recvmsg; with MSG_DONTWAIT or MSG_WAITFORONE. A
/// cancellation point; a cancelled thread leaks nothing.
///
/// Returns how many messages have come, in v[0] and on; msg_controllen of the others is 0. The error
/// that stopped it, if it was not EAGAIN, shows on the next call on the socket, whichever that is.
/// -1 and errno: none has come. A full descriptor table does not stop it: MSG_CTRUNC tells where. At
/// end of file all that is left is filled with empty messages. EINVAL: neither of the two flags; the refusals of anc_recvmsg. EFAULT: NULL with a
/// number.
///
/// # Safety
/// `v` must be NULL or valid for `n` messages, with all that they point to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_recvmmsg(sock: c_int, v: *mut mmsghdr, n: c_uint, msg_flags: c_int) -> c_int {
    // SAFETY: the caller's messages.
    count(unsafe { messages(v, n) }.and_then(|v| unsafe { socket::recv_batch(sock, v, msg_flags) })) as c_int
}
