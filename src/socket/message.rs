//! Whole messages: sendmsg and recvmsg on the caller's msghdr, with every MSG_ flag.

use core::ffi::{c_int, c_void};
use core::slice;

use super::iov::refuse_empty_on_stream;
use super::unwound;
use crate::errno::{Errno, Result};
use crate::fds::Unclaimed;
use crate::sys::{self, Cleanup, IOV_MAX, msghdr};

/// sendmsg.
///
/// # Safety
/// All that msg points to must be readable.
#[inline]
pub(crate) unsafe fn send_message(sock: c_int, msg: &msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    unsafe {
        refuse_losing(sock, msg, flags & !sys::MSG_ERRQUEUE)?;
        sys::sendmsg(sock, msg, flags)
    }
}

/// recvmsg. The descriptors stay in the control buffer; after an error there is none.
///
/// # Safety
/// All that msg points to must be writable.
#[inline]
pub(crate) unsafe fn recv_message(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    let received = unsafe { refuse_losing(sock, msg, flags).and_then(|()| receive(sock, msg, flags)) };
    // SAFETY: recvmsg has filled it.
    let received = received.and_then(|count| unsafe { settle(msg, flags) }.map(|()| count));
    if received.is_err() {
        msg.msg_controllen = 0;
    }
    received
}

/// EINVAL where the kernel would lose descriptors without a word: on a stream, in a message without
/// bytes; and out of band, for whose last byte they never arrive.
///
/// The error queue may have no bytes, so reading it without any is usual; for a send its flag means
/// nothing.
///
/// # Safety
/// As for send_message.
#[inline]
pub(super) unsafe fn refuse_losing(sock: c_int, msg: &msghdr, flags: c_int) -> Result<()> {
    if msg.msg_control.is_null() || msg.msg_controllen == 0 {
        return Ok(());
    }
    if flags & sys::MSG_OOB != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's. What is beyond IOV_MAX the kernel refuses.
    let has_bytes = !msg.msg_iov.is_null()
        && unsafe { slice::from_raw_parts(msg.msg_iov, (msg.msg_iovlen as usize).min(IOV_MAX)) }
            .iter()
            .any(|part| part.iov_len != 0);
    if has_bytes || flags & sys::MSG_ERRQUEUE != 0 { Ok(()) } else { refuse_empty_on_stream(sock) }
}

/// recvmsg as a cancellation point that leaks nothing.
///
/// # Safety
/// All that msg points to must be writable.
#[inline]
unsafe fn receive(sock: c_int, msg: &mut msghdr, flags: c_int) -> Result<usize> {
    struct Unwound {
        msg: *mut msghdr,
        room: usize,
    }
    extern "C" fn close(unwound: *mut c_void) {
        // SAFETY: called while `receive` is being unwound: its Unwound and its msg are still there.
        unsafe {
            let Unwound { msg, room } = *unwound.cast::<Unwound>();
            unwound::close_message(&mut *msg, room);
        }
    }
    // SAFETY: the caller's; msg outlives the call.
    unsafe {
        unwound::show_no_message(msg);
        let room = msg.msg_controllen as usize;
        let msg: *mut msghdr = msg;
        let mut unwound = Unwound { msg, room };
        let mut cleanup = Cleanup::new();
        cleanup.push(close, (&raw mut unwound).cast(), false);
        let received = sys::recvmsg_of_any_family(sock, &mut *msg, flags);
        cleanup.pop();
        received
    }
}

/// Makes of what recvmsg left what the caller is told.
///
/// Every peek installs descriptors anew, which nobody knows as duplicates: they are closed at once.
///
/// # Safety
/// recvmsg has filled msg, and nobody has seen it since.
#[inline]
pub(super) unsafe fn settle(msg: &mut msghdr, flags: c_int) -> Result<()> {
    msg.msg_flags &= !sys::MSG_CMSG_CLOEXEC;
    // SAFETY: the caller's.
    let mut unclaimed = unsafe { Unclaimed::of(msg) };
    if flags & sys::MSG_PEEK != 0 {
        unclaimed.close();
    }
    unclaimed.set_cloexec()
}
