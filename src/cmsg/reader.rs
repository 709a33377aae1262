//! The checked walk over a control buffer, whoever filled it.
//!
//! Every length in the buffer is hostile. The kernel cuts messages at the end of the buffer, leaves
//! off the padding of the last one, and aligns nothing if the buffer is not aligned.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

use super::kinds;
use super::payload::Payload;
use super::slots::Slots;
use super::space::HEADER;
use crate::errno::{Errno, Result};
use crate::sys::{CMSG_ALIGN, CmsgHeader};

/// The first control message of a buffer.
pub(crate) struct Found<'a> {
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
    /// The payload, as far as the buffer has it.
    pub(crate) payload: &'a [MaybeUninit<u8>],
    /// The header promises more than the buffer has.
    pub(crate) cut: bool,
    /// The buffer behind it: the messages that follow.
    pub(crate) rest: &'a [MaybeUninit<u8>],
}

impl<'a> Found<'a> {
    /// The payload, to be read field by field.
    #[inline]
    pub(super) fn payload(&self) -> Payload<'a> {
        // SAFETY: find's caller vouches for the payload.
        unsafe { Payload::new(self.payload) }
    }

    /// Whether the payload was shortened: its header promises more than the buffer has, or the kernel
    /// has made the header fit the buffer, which shows where the kind must be longer.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut || kinds::find(self.level, self.kind).is_some_and(|known| self.payload.len() < known.payload)
    }

    /// The payload as descriptors.
    #[inline]
    pub(crate) fn slots(&self) -> Slots<'a> {
        // SAFETY: find's caller vouches for the payload.
        unsafe { Slots::new(self.payload) }
    }
}

/// The control message at the start of `buffer`: None at the end, which is fewer bytes than a
/// header; EBADMSG where a length is shorter than its own header.
///
/// # Safety
/// Headers and payloads of the buffer's messages must be initialised.
#[inline(always)]
pub(crate) unsafe fn find(buffer: &[MaybeUninit<u8>]) -> Result<Option<Found<'_>>> {
    if buffer.len() < HEADER {
        return Ok(None);
    }
    // SAFETY: the buffer holds a header's bytes, initialised as the caller says.
    let header = unsafe { buffer.as_ptr().cast::<CmsgHeader>().read_unaligned() };
    if header.len < size_of::<CmsgHeader>() {
        return Err(Errno::EBADMSG);
    }
    let end = header.len.min(buffer.len());
    Ok(Some(Found {
        level: header.level,
        kind: header.kind,
        payload: buffer.get(HEADER..end).unwrap_or_default(),
        cut: header.len > buffer.len(),
        // No slice is so long that this wraps.
        rest: buffer
            .get((end.wrapping_add(CMSG_ALIGN - 1) & !(CMSG_ALIGN - 1)).min(buffer.len())..)
            .unwrap_or_default(),
    }))
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
    rest: &'a [MaybeUninit<u8>],
}

impl<'a> Messages<'a> {
    /// A walk over the first `msg_controllen` bytes of a control buffer, of any alignment.
    pub fn new(buffer: &'a [u8]) -> Self {
        // SAFETY: the same bytes, only less is said of them.
        Self { rest: unsafe { core::slice::from_raw_parts(buffer.as_ptr().cast(), buffer.len()) } }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: new was given initialised bytes.
        match unsafe { find(self.rest) } {
            Ok(None) => None,
            Ok(Some(found)) => {
                self.rest = found.rest;
                // SAFETY: as above.
                let payload =
                    unsafe { core::slice::from_raw_parts(found.payload.as_ptr().cast(), found.payload.len()) };
                Some(Ok(Message { level: found.level, kind: found.kind, payload, cut: found.cut }))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}
