//! The checked walk over a control buffer, whoever filled it.
//!
//! Every length in the buffer is hostile. The kernel cuts messages at the end of the buffer, leaves
//! off the padding of the last one, and aligns nothing if the buffer is not aligned.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};
use core::ops::Range;

use super::space::{HEADER, align};
use crate::errno::{Errno, Result};
use crate::sys::CmsgHeader;

/// Where one control message stands in its buffer.
pub(crate) struct Found {
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
    /// The payload's bytes, as far as the buffer has them.
    pub(crate) payload: Range<usize>,
    /// The header promises more than the buffer has.
    pub(crate) cut: bool,
    /// Where the next one starts.
    pub(crate) next: usize,
}

/// The control message at offset `at` of `buffer`: None at the end, which is fewer bytes than a
/// header; EBADMSG where a length is shorter than its own header.
///
/// # Safety
/// The headers of the buffer's messages must be initialised.
#[inline]
pub(crate) unsafe fn find(buffer: &[MaybeUninit<u8>], at: usize) -> Result<Option<Found>> {
    let Some(rest) = buffer.get(at..) else { return Ok(None) };
    if rest.len() < HEADER {
        return Ok(None);
    }
    // SAFETY: rest holds a header's bytes, initialised as the caller says.
    let header = unsafe { rest.as_ptr().cast::<CmsgHeader>().read_unaligned() };
    if header.len < size_of::<CmsgHeader>() {
        return Err(Errno::EBADMSG);
    }
    let cut = header.len > rest.len();
    let len = header.len.min(rest.len());
    // `len` is at most the buffer's, and so are the sums: the checks never fail, which the
    // optimiser sees only where they are written.
    let end = at.saturating_add(len);
    let next = match align(len) {
        Some(padded) => at.saturating_add(padded),
        None => end,
    };
    Ok(Some(Found { level: header.level, kind: header.kind, payload: at.saturating_add(HEADER).min(end)..end, cut, next }))
}

/// One control message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The level: SOL_SOCKET, ...
    pub level: c_int,
    /// The type within the level: SCM_RIGHTS, ... as a plain int; a received number stays unowned.
    pub kind: c_int,
    /// The payload, as far as it is there, of any alignment.
    pub payload: &'a [u8],
    /// The message's length reaches past the buffer's end: payload has what is left.
    pub cut: bool,
}

/// The control messages of a buffer, in order. Ends after the first malformed one, which is an
/// EBADMSG.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    buffer: &'a [u8],
    at: usize,
}

impl<'a> Messages<'a> {
    /// A walk over the first `msg_controllen` bytes of a control buffer, of any alignment.
    pub fn new(buffer: &'a [u8]) -> Self {
        Self { buffer, at: 0 }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: the same bytes; all of them are initialised.
        let bytes = unsafe { core::slice::from_raw_parts(self.buffer.as_ptr().cast(), self.buffer.len()) };
        // SAFETY: all bytes of self.buffer are initialised.
        match unsafe { find(bytes, self.at) } {
            Ok(None) => None,
            Ok(Some(found)) => {
                self.at = found.next;
                let payload = self.buffer.get(found.payload).unwrap_or_default();
                Some(Ok(Message { level: found.level, kind: found.kind, payload, cut: found.cut }))
            }
            Err(error) => {
                self.at = self.buffer.len();
                Some(Err(error))
            }
        }
    }
}
