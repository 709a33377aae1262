//! The checked builder: control messages appended to the caller's buffer, of any alignment.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of_val};

use super::space::{self, HEADER};
use crate::errno::{Errno, Result};
use crate::sys::{CMSG_ALIGN, CmsgHeader, FDS_MAX, SCM_RIGHTS, SOL_SOCKET};

/// Appends control messages to a buffer.
///
/// No byte is written past the buffer's end, and no padding byte within a message is left
/// unwritten: the kernel takes up to 15 bytes after the last message, but only zeros say nothing.
#[derive(Debug)]
pub struct Builder<'a> {
    buffer: &'a mut [MaybeUninit<u8>],
    len: usize,
}

impl<'a> Builder<'a> {
    /// A builder on a buffer of any size and alignment.
    #[inline]
    pub fn new(buffer: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written: the `msg_controllen` to send with.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was put.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends one message of any level and type.
    ///
    /// # Errors
    /// ENOBUFS: no room; the buffer is as it was.
    #[inline]
    pub fn put(&mut self, level: c_int, kind: c_int, payload: &[u8]) -> Result<()> {
        let (Some(len), Some(space)) = (space::len(payload.len()), space::space(payload.len())) else {
            return Err(Errno::ENOBUFS);
        };
        let Some(room) = self.buffer.get_mut(self.len..).and_then(|rest| rest.get_mut(..space)) else {
            return Err(Errno::ENOBUFS);
        };
        // The padding ends the message and is shorter than this; header and payload overwrite the rest.
        if let Some(end) = room.last_chunk_mut() {
            *end = [MaybeUninit::new(0u8); CMSG_ALIGN];
        }
        let start = room.as_mut_ptr();
        // SAFETY: room is `space` bytes: HEADER, then the payload.
        unsafe {
            start.write_bytes(0, HEADER);
            start.cast::<CmsgHeader>().write_unaligned(CmsgHeader { len, level, kind });
            start.add(HEADER).cast::<u8>().copy_from_nonoverlapping(payload.as_ptr(), payload.len());
        }
        self.len = self.len.saturating_add(space);
        Ok(())
    }

    /// Appends the descriptors as one SCM_RIGHTS. No descriptors: nothing is written.
    ///
    /// # Errors
    /// EINVAL: more than the platform's 253; EBADF: a negative one; ENOBUFS: no room.
    #[inline]
    pub fn put_fds(&mut self, fds: &[c_int]) -> Result<()> {
        if fds.is_empty() {
            return Ok(());
        }
        if fds.len() > FDS_MAX {
            return Err(Errno::EINVAL);
        }
        if fds.iter().fold(0, |bits, fd| bits | fd) < 0 {
            return Err(Errno::EBADF);
        }
        // SAFETY: the bytes of initialised ints.
        self.put(SOL_SOCKET, SCM_RIGHTS, unsafe { core::slice::from_raw_parts(fds.as_ptr().cast(), size_of_val(fds)) })
    }
}
