//! The payload of one control message, and what becomes of it.

use core::mem::{MaybeUninit, size_of};

use super::slots::Slots;

/// A payload, read field by field: what is not there is None.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a>(&'a [MaybeUninit<u8>]);

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
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

impl<'a> Payload<'a> {
    /// # Safety
    /// The bytes must be initialised.
    #[inline]
    pub(super) unsafe fn new(bytes: &'a [MaybeUninit<u8>]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(self) -> &'a [MaybeUninit<u8>] {
        self.0
    }

    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    /// The payload as descriptors.
    pub(super) fn slots(self) -> Slots<'a> {
        // SAFETY: new's caller vouches for the bytes.
        unsafe { Slots::new(self.0) }
    }

    /// The value at this offset, of any alignment.
    #[inline]
    pub(super) fn at<T: Plain>(self, offset: usize) -> Option<T> {
        let bytes = self.0.get(offset..)?.get(..size_of::<T>())?;
        // SAFETY: so many bytes, initialised as new's caller says, and T takes any of them.
        Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
    }

    /// None of it.
    pub(super) fn nothing(self) -> Self {
        Self(&[])
    }

    /// The rest from this offset on.
    pub(super) fn from(self, offset: usize) -> Option<Self> {
        self.0.get(offset..).map(Self)
    }
}

/// What a family makes of one of its messages: the ANC_ bit, and whether the payload was there whole;
/// None where only anc_next shows it.
pub(super) type Fact = Option<(u64, bool)>;
