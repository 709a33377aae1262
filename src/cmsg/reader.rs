//! The checked walk over a control buffer, whoever filled it.
//!
//! Every length in the buffer is hostile. The kernel cuts messages at the end of the buffer, leaves
//! off the padding of the last one, and aligns nothing if the buffer is not aligned.

use core::ffi::c_int;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::slice;

use super::kinds;
use super::payload::Payload;
use super::slots::Slots;
use super::space::HEADER;
use crate::errno::{Errno, Result};
use crate::sys::{CMSG_ALIGN, CmsgHeader};

/// One control message of a walk.
pub(crate) struct Found<'a> {
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
    /// The payload, as far as the buffer has it.
    pub(crate) payload: &'a [MaybeUninit<u8>],
    /// The header promises more than the buffer has.
    pub(crate) cut: bool,
}

impl<'a> Found<'a> {
    /// The payload, to be read field by field.
    #[inline]
    pub(super) fn payload(&self) -> Payload<'a> {
        // SAFETY: Walk::new's caller vouches for the payload.
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
        // SAFETY: Walk::new's caller vouches for the payload.
        unsafe { Slots::new(self.payload) }
    }
}

/// A walk over the control messages of a buffer.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    /// Where the next header would be.
    at: *const MaybeUninit<u8>,
    /// Bytes of the buffer behind that header; negative where the buffer ends before it, or in it.
    behind: isize,
    buffer: PhantomData<&'a [MaybeUninit<u8>]>,
}

impl<'a> Walk<'a> {
    /// # Safety
    /// Headers and payloads of the buffer's messages must be initialised.
    #[inline(always)]
    pub(crate) unsafe fn new(buffer: &'a [MaybeUninit<u8>]) -> Self {
        Self { at: buffer.as_ptr(), behind: (buffer.len() as isize).wrapping_sub(HEADER as isize), buffer: PhantomData }
    }

    /// The buffer from the next message on: empty where the last one lacks its padding, or was malformed.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [MaybeUninit<u8>] {
        match usize::try_from(self.behind.wrapping_add(HEADER as isize)) {
            // SAFETY: so many bytes are there, the header's among them as far as the buffer has it.
            Ok(left) => unsafe { slice::from_raw_parts(self.at, left) },
            Err(_) => &[],
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Found<'a>>;

    /// None at the end, which is fewer bytes than a header. EBADMSG, and then the end: a length that is
    /// shorter than its own header.
    #[inline(always)]
    fn next(&mut self) -> Option<Result<Found<'a>>> {
        let behind = usize::try_from(self.behind).ok()?;
        // SAFETY: a header is there, initialised as new's caller says, and so many bytes behind it.
        let (header, behind) = unsafe {
            (self.at.cast::<CmsgHeader>().read_unaligned(), slice::from_raw_parts(self.at.add(HEADER), behind))
        };
        let len = header.len as usize;
        // Of a length that is shorter than a header this makes one that no buffer has.
        let whole = behind.get(..len.wrapping_sub(HEADER));
        if whole.is_none() && len < HEADER {
            self.behind = isize::MIN;
            return Some(Err(Errno::EBADMSG));
        }
        let payload = whole.unwrap_or(behind);
        // No slice is so long that this wraps. Behind the last message there may be less padding than this.
        let space = payload.len().wrapping_add(HEADER + CMSG_ALIGN - 1) & !(CMSG_ALIGN - 1);
        self.at = self.at.wrapping_add(space);
        self.behind = (behind.len() as isize).wrapping_sub(space as isize);
        Some(Ok(Found { level: header.level, kind: header.kind, payload, cut: whole.is_none() }))
    }
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
///
/// ```
/// use ancillary::cmsg::Messages;
/// use ancillary::errno::Errno;
///
/// // A length that is shorter than its own header.
/// assert_eq!(Messages::new(&[1; 3]).count(), 0);
/// assert_eq!(Messages::new(&[0; 64]).next().unwrap().unwrap_err(), Errno::EBADMSG);
/// ```
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [MaybeUninit<u8>],
}

impl<'a> Messages<'a> {
    /// A walk over the first `msg_controllen` bytes of a control buffer, of any alignment.
    pub fn new(buffer: &'a [u8]) -> Self {
        // SAFETY: the same bytes, only less is said of them.
        Self { rest: unsafe { slice::from_raw_parts(buffer.as_ptr().cast(), buffer.len()) } }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: new was given initialised bytes.
        let mut walk = unsafe { Walk::new(self.rest) };
        let found = walk.next()?;
        self.rest = walk.rest();
        Some(found.map(|found| {
            // SAFETY: as above.
            let payload = unsafe { slice::from_raw_parts(found.payload.as_ptr().cast(), found.payload.len()) };
            Message { level: found.level, kind: found.kind, payload, cut: found.cut }
        }))
    }
}
