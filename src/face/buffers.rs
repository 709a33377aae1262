//! Descriptors and buffers as the system calls take them.

use std::ffi::c_int;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::slice;

use super::Error;
use crate::sys::{IOV_MAX, iovec};

pub(super) fn number(fd: BorrowedFd<'_>) -> c_int {
    fd.as_raw_fd()
}

/// The numbers of descriptors.
pub(super) fn numbers<'a>(fds: &'a [BorrowedFd<'_>]) -> &'a [c_int] {
    const { assert!(size_of::<BorrowedFd<'_>>() == size_of::<c_int>()) };
    // SAFETY: a BorrowedFd has the representation of a descriptor.
    unsafe { slice::from_raw_parts(fds.as_ptr().cast(), fds.len()) }
}

/// The buffers as the kernel takes them.
pub(super) fn buffers<'a>(bufs: &'a [IoSlice<'_>]) -> io::Result<&'a [iovec]> {
    if bufs.len() > IOV_MAX {
        return Err(Error::TooManyBuffers.into());
    }
    // SAFETY: an IoSlice has the layout of an iovec.
    Ok(unsafe { slice::from_raw_parts(bufs.as_ptr().cast(), bufs.len()) })
}

/// The same, to receive into.
pub(super) fn buffers_mut<'a>(bufs: &'a mut [IoSliceMut<'_>]) -> io::Result<&'a [iovec]> {
    if bufs.len() > IOV_MAX {
        return Err(Error::TooManyBuffers.into());
    }
    // SAFETY: an IoSliceMut has the layout of an iovec.
    Ok(unsafe { slice::from_raw_parts(bufs.as_ptr().cast(), bufs.len()) })
}

pub(super) fn is_empty(bufs: &[iovec]) -> bool {
    bufs.iter().all(|buf| buf.iov_len == 0)
}
