//! The control buffer that a message header points to.

use core::mem::MaybeUninit;
use core::slice;

use crate::sys::msghdr;

/// Bytes of the control buffer. No object is larger than PTRDIFF_MAX: such a length is none.
#[inline]
fn len(msg: &msghdr) -> usize {
    isize::try_from(msg.msg_controllen).unwrap_or(0) as usize
}

/// The control buffer of a message. Without a buffer its length does not count.
///
/// # Safety
/// msg_control is NULL or points to msg_controllen bytes.
#[inline]
pub(crate) unsafe fn control(msg: &msghdr) -> &[MaybeUninit<u8>] {
    if msg.msg_control.is_null() {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { slice::from_raw_parts(msg.msg_control.cast(), len(msg)) }
}

/// The same, to write into.
///
/// # Safety
/// As for [`control`], writable, and nobody else looks at the buffer meanwhile.
#[inline]
pub(crate) unsafe fn control_mut(msg: &mut msghdr) -> &mut [MaybeUninit<u8>] {
    if msg.msg_control.is_null() {
        return &mut [];
    }
    // SAFETY: the caller's.
    unsafe { slice::from_raw_parts_mut(msg.msg_control.cast(), len(msg)) }
}
