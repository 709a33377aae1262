//! What a thread cancelled in a receiving call leaves behind.
//!
//! glibc before 2.41 can act on a cancellation after recvmsg has installed descriptors: the only
//! trace of them is the control buffer. So the buffer shows no message before the call, and the
//! cleanup closes what it shows.

use core::mem::{MaybeUninit, size_of};

use crate::cmsg;
use crate::fds::Unclaimed;
use crate::sys::msghdr;

/// Gives the first message of a control buffer no length. The kernel overwrites it with the first
/// message that it writes; where the buffer is too small for that, there is nothing to find.
///
/// # Safety
/// msg_control is NULL or points to msg_controllen writable bytes.
#[inline]
pub(super) unsafe fn show_no_message(msg: &mut msghdr) {
    // SAFETY: the caller's.
    if let Some(len) = unsafe { cmsg::control_mut(msg) }.first_chunk_mut() {
        *len = [MaybeUninit::new(0u8); size_of::<usize>()];
    }
}

/// Closes what a message has brought that nobody has seen, in a control buffer of `room` bytes. The
/// slots hold -1 then, for the thread's own cleanup handlers may look after the message too.
///
/// # Safety
/// [`show_no_message`] was called on it; a receive may have filled it, or not.
#[cold]
pub(super) unsafe fn close_message(msg: &mut msghdr, room: usize) {
    msg.msg_controllen = (msg.msg_controllen as usize).min(room) as _;
    // SAFETY: the control buffer's first length was written by show_no_message or by the kernel;
    // what follows a message of the kernel's is as msg_controllen says, which comes with it.
    unsafe { Unclaimed::of(msg) }.close();
}
