//! Section 5: control messages decoded.

use core::ffi::c_int;
use core::mem::size_of;

use super::convert::status;
use super::reader::checked_control;
use crate::abi::anc_info;
use crate::cmsg;
use crate::errno::{Errno, Result};
use crate::sys::msghdr;

/// Decodes the control messages of `msg`, whoever filled it, into `info`, `size` bytes: what each says
/// whatever its family, option and width. Pure: nothing is taken.
///
/// The struct is not cleared: present, cut, nfds and nother are written, and the fields whose bits are
/// in present. label and offender point into the control buffer. With MSG_CTRUNC in msg_flags, a label
/// at the end of the control data may have been shortened, and counts as cut.
///
/// Returns 0, or -1 and errno: EBADMSG: a length shorter than its own header; what stood before it is
/// decoded. EINVAL: a size that no version of the struct has had. EFAULT: msg or info is NULL, or
/// msg_control is NULL with a length of a header or more.
///
/// # Safety
/// The pointers must be NULL or valid, and msg_control valid for msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_decode(msg: *const msghdr, info: *mut anc_info, size: usize) -> c_int {
    // SAFETY: the caller's pointers.
    status(unsafe { decode(msg, info, size) })
}

/// # Safety
/// As for anc_decode.
#[inline]
unsafe fn decode(msg: *const msghdr, info: *mut anc_info, size: usize) -> Result<()> {
    if size < size_of::<anc_info>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's pointers; info is as large as `size` says.
    let (Some(msg), Some(info)) = (unsafe { (msg.as_ref(), info.as_mut()) }) else { return Err(Errno::EFAULT) };
    // SAFETY: the caller's buffer.
    unsafe { checked_control(msg) }?;
    // SAFETY: its messages are there.
    unsafe { cmsg::decode(msg, info) }
}
