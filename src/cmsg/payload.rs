//! The payload of one control message, and what becomes of it.

use core::mem::{MaybeUninit, size_of};
use core::ptr;

use super::slots::Slots;

/// A payload, read field by field: what is not there is None.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    bytes: &'a [MaybeUninit<u8>],
    /// Where the kernel ran out of room; NULL where it did not.
    cut_at: *const MaybeUninit<u8>,
}

/// Types of which every bit pattern is a value.
///
/// # Safety
/// No padding, no bool, no reference.
pub(super) unsafe trait Plain: Copy {}
// SAFETY: numbers, and arrays of them.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for i64 {}
// SAFETY: as above.
unsafe impl Plain for u64 {}
// SAFETY: as above.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

impl<'a> Payload<'a> {
    /// # Safety
    /// The bytes must be initialised.
    #[inline]
    pub(super) unsafe fn new(bytes: &'a [MaybeUninit<u8>]) -> Self {
        Self { bytes, cut_at: ptr::null() }
    }

    pub(super) fn bytes(self) -> &'a [MaybeUninit<u8>] {
        self.bytes
    }

    pub(super) fn len(self) -> usize {
        self.bytes.len()
    }

    /// The same, received where the kernel ran out of room there.
    pub(super) fn cut_at(self, cut_at: *const MaybeUninit<u8>) -> Self {
        Self { cut_at, ..self }
    }

    /// Whether there may have been more: the kernel makes the length of what it cuts that of the room that
    /// was left.
    pub(super) fn may_be_cut(self) -> bool {
        self.bytes.as_ptr_range().end == self.cut_at
    }

    /// The payload as descriptors.
    pub(super) fn slots(self) -> Slots<'a> {
        // SAFETY: new's caller vouches for the bytes.
        unsafe { Slots::new(self.bytes) }
    }

    /// The value at this offset, of any alignment.
    #[inline]
    pub(super) fn at<T: Plain>(self, offset: usize) -> Option<T> {
        let bytes = self.bytes.get(offset..)?.get(..size_of::<T>())?;
        // SAFETY: so many bytes, initialised as new's caller says, and T takes any of them.
        Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }

    /// None of it.
    pub(super) fn nothing(self) -> Self {
        Self { bytes: &[], ..self }
    }

    /// The rest from this offset on.
    pub(super) fn from(self, offset: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes.get(offset..)?, ..self })
    }
}

/// What a family makes of one of its messages: the ANC_ bit, and whether the payload was there whole;
/// None where only anc_next shows it.
pub(super) type Fact = Option<(u64, bool)>;
