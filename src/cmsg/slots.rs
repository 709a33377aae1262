//! The payload of SCM_RIGHTS: ints, in a buffer of any alignment.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

/// The ints of a payload; bytes that make no whole int are left out.
#[derive(Clone, Copy)]
pub(crate) struct Slots<'a>(&'a [MaybeUninit<u8>]);

impl<'a> Slots<'a> {
    /// # Safety
    /// The payload must be initialised.
    #[inline]
    pub(crate) unsafe fn new(payload: &'a [MaybeUninit<u8>]) -> Self {
        Self(payload)
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0.len() / size_of::<c_int>()
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [MaybeUninit<u8>] {
        self.0
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = c_int> + Clone + 'a {
        // SAFETY: chunks_exact gives size_of::<c_int>() bytes, which new's caller vouches for.
        self.0.chunks_exact(size_of::<c_int>()).map(|bytes| unsafe { bytes.as_ptr().cast::<c_int>().read_unaligned() })
    }

    /// Whether a slot holds no descriptor but an error. One pass without a branch for each slot.
    #[inline]
    pub(crate) fn any_negative(self) -> bool {
        self.iter().fold(0, |bits, fd| bits | fd) < 0
    }

    /// Copies slots to the start of `to`, as many as both have, and returns their number.
    #[inline]
    pub(crate) fn copy_to(self, to: &mut [MaybeUninit<c_int>]) -> usize {
        let count = self.len().min(to.len());
        // SAFETY: both hold `count` ints, and a shared borrow can't overlap an exclusive one.
        unsafe { to.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(self.0.as_ptr().cast(), count * size_of::<c_int>()) };
        count
    }
}
