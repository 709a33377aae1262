//! The payload of SCM_RIGHTS: ints, in a buffer of any alignment.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of, size_of_val};
use core::slice;

/// An int's bytes, of any alignment.
type Slot = [MaybeUninit<u8>; size_of::<c_int>()];

/// The ints of a payload; bytes that make no whole int are left out.
#[derive(Clone, Copy)]
pub(crate) struct Slots<'a>(&'a [Slot]);

impl<'a> Slots<'a> {
    /// # Safety
    /// The payload must be initialised.
    #[inline]
    pub(crate) unsafe fn new(payload: &'a [MaybeUninit<u8>]) -> Self {
        // SAFETY: so many ints are in the payload; a Slot wants no alignment.
        Self(unsafe { slice::from_raw_parts(payload.as_ptr().cast(), payload.len() / size_of::<Slot>()) })
    }

    #[inline]
    pub(crate) fn of(fds: &'a [c_int]) -> Self {
        // SAFETY: the bytes of initialised ints.
        unsafe { Self::new(slice::from_raw_parts(fds.as_ptr().cast(), size_of_val(fds))) }
    }

    #[inline]
    pub(crate) fn none() -> Self {
        Self(&[])
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = c_int> + Clone + 'a {
        // SAFETY: new's caller vouches for the bytes.
        self.0.iter().map(|slot| unsafe { slot.as_ptr().cast::<c_int>().read_unaligned() })
    }

    /// The first one, and the others.
    #[cfg(feature = "std")]
    pub(crate) fn split_first(self) -> Option<(c_int, Self)> {
        let (_, rest) = self.0.split_first()?;
        Some((self.iter().next()?, Self(rest)))
    }

    /// Whether a slot holds no descriptor but an error. One pass without a branch for each slot.
    #[inline]
    pub(crate) fn any_negative(self) -> bool {
        self.iter().fold(0, |bits, fd| bits | fd) < 0
    }

    /// Copies slots to the start of a payload. Returns all of them or-ed: negative if one is.
    #[inline(always)]
    pub(crate) fn copy_and_join(self, to: &mut [MaybeUninit<u8>]) -> c_int {
        to.chunks_exact_mut(size_of::<c_int>()).zip(self.iter()).fold(0, |bits, (to, fd)| {
            // SAFETY: chunks_exact_mut gives size_of::<c_int>() bytes.
            unsafe { to.as_mut_ptr().cast::<c_int>().write_unaligned(fd) };
            bits | fd
        })
    }

    /// Copies slots to the start of a payload, as many as it has room for.
    #[inline]
    pub(crate) fn copy_to_payload(self, to: &mut [MaybeUninit<u8>]) {
        let count = self.len().min(to.len() / size_of::<Slot>());
        // SAFETY: both hold `count` ints, and a shared borrow can't overlap an exclusive one.
        unsafe { to.as_mut_ptr().cast::<Slot>().copy_from_nonoverlapping(self.0.as_ptr(), count) };
    }

    /// Copies slots to the start of `to`, as many as both have, and returns their number.
    #[inline]
    pub(crate) fn copy_to(self, to: &mut [MaybeUninit<c_int>]) -> usize {
        let count = self.len().min(to.len());
        // SAFETY: both hold `count` ints, and a shared borrow can't overlap an exclusive one.
        unsafe { to.as_mut_ptr().cast::<Slot>().copy_from_nonoverlapping(self.0.as_ptr(), count) };
        count
    }
}
