//! The sizes of control messages.

use core::ffi::c_int;
use core::mem::size_of;

use crate::sys::{ARRIVING_MAX, CMSG_ALIGN, CmsgHeader, UNIX_PAYLOADS};

/// Bytes from the start of a control message to its payload.
pub(crate) const HEADER: usize = align(size_of::<CmsgHeader>()).unwrap();

/// `len` rounded up to where the next control message may start.
pub(crate) const fn align(len: usize) -> Option<usize> {
    match len.checked_add(CMSG_ALIGN - 1) {
        Some(sum) => Some(sum & !(CMSG_ALIGN - 1)),
        None => None,
    }
}

/// The length of a control message with a payload of `payload` bytes, without padding: `CMSG_LEN`.
/// None where it does not fit.
pub const fn len(payload: usize) -> Option<usize> {
    payload.checked_add(HEADER)
}

/// The room that a control message with a payload of `payload` bytes takes, with padding:
/// `CMSG_SPACE`. None where it does not fit.
pub const fn space(payload: usize) -> Option<usize> {
    match align(payload) {
        Some(padded) => padded.checked_add(HEADER),
        None => None,
    }
}

/// The room that `count` descriptors take. None where it does not fit.
pub const fn fds_space(count: usize) -> Option<usize> {
    match count.checked_mul(size_of::<c_int>()) {
        Some(bytes) => space(bytes),
        None => None,
    }
}

/// Room for everything that an AF_UNIX socket can bring in one message: all kinds, with as many
/// descriptors as the platform allows and a security label of 512 bytes. In a buffer of this size
/// nothing crowds out a descriptor.
pub const CONTROL_MAX: usize = {
    let mut sum = fds_space(ARRIVING_MAX).unwrap();
    let mut i = 0;
    while i < UNIX_PAYLOADS.len() {
        sum += space(UNIX_PAYLOADS[i]).unwrap();
        i += 1;
    }
    sum
};
