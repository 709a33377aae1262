//! Batches: sendmmsg and recvmmsg on the caller's array.

use core::ffi::{c_int, c_void};

use super::{message, unwound};
use crate::errno::{Errno, Result};
use crate::fds::Unclaimed;
use crate::sys::{self, Cleanup, mmsghdr};

/// sendmmsg: the number of messages that have gone. The error that stopped it shows on the next
/// call, or here if it met the first message.
///
/// # Safety
/// All that the messages point to must be readable.
pub(crate) unsafe fn send_batch(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    for entry in &*messages {
        // SAFETY: the caller's.
        unsafe { message::refuse_losing(sock, &entry.msg_hdr, flags & !sys::MSG_ERRQUEUE) }?;
    }
    // SAFETY: the caller's.
    unsafe { sys::sendmmsg(sock, messages, flags) }
}

/// recvmmsg: the number of messages that have come. The control buffers of the others hold nothing.
///
/// EINVAL: neither MSG_DONTWAIT nor MSG_WAITFORONE. Without them the kernel waits until the last
/// message has come, and a signal in between loses its error on the socket: ERESTARTSYS for
/// whoever calls next.
///
/// # Safety
/// All that the messages point to must be writable.
pub(crate) unsafe fn recv_batch(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    let received = unsafe { refuse(sock, messages, flags).and_then(|()| receive(sock, messages, flags)) };
    let filled = received.unwrap_or(0);
    let mut settled = Ok(());
    for entry in messages.iter_mut().take(filled) {
        // SAFETY: recvmmsg has filled it.
        let this = unsafe { message::settle(&mut entry.msg_hdr, flags) };
        settled = settled.and(this);
    }
    let result = received.and_then(|count| settled.map(|()| count));
    for entry in messages.iter_mut().take(filled).filter(|_| result.is_err()) {
        // SAFETY: settled above.
        unsafe { Unclaimed::of(&mut entry.msg_hdr) }.close();
    }
    for entry in messages.iter_mut().skip(result.unwrap_or(0)) {
        entry.msg_hdr.msg_controllen = 0;
    }
    result
}

/// # Safety
/// As for recv_batch.
unsafe fn refuse(sock: c_int, messages: &[mmsghdr], flags: c_int) -> Result<()> {
    // Where there is no such flag, no call waits for more than the first.
    if sys::MSG_WAITFORONE != 0 && flags & (sys::MSG_DONTWAIT | sys::MSG_WAITFORONE) == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's.
    messages.iter().try_for_each(|entry| unsafe { message::refuse_losing(sock, &entry.msg_hdr, flags) })
}

extern "C" fn close_unwound(messages: *mut c_void) {
    // SAFETY: called while `receive` is being unwound, with a pointer to its messages.
    for entry in unsafe { &mut **messages.cast::<*mut [mmsghdr]>() } {
        let room = entry.msg_hdr.msg_controllen as usize;
        // SAFETY: `receive` has shown no message in it before the call.
        unsafe { unwound::close_message(&mut entry.msg_hdr, room) };
    }
}

/// recvmmsg as a cancellation point that leaks nothing.
///
/// # Safety
/// As for recv_batch.
unsafe fn receive(sock: c_int, messages: &mut [mmsghdr], flags: c_int) -> Result<usize> {
    for entry in &mut *messages {
        // SAFETY: the caller's.
        unsafe { unwound::show_no_message(&mut entry.msg_hdr) };
    }
    let messages: *mut [mmsghdr] = messages;
    let mut unwound = messages;
    let mut cleanup = Cleanup::new();
    // SAFETY: the caller's; the messages outlive the call.
    unsafe {
        cleanup.push(close_unwound, (&raw mut unwound).cast(), false);
        let received = sys::recvmmsg(sock, &mut *messages, flags);
        cleanup.pop();
        received
    }
}
