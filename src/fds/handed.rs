//! The caller's slots, into which descriptors are handed over.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::close::close_list;

/// Slots that are filled from the start. What stands in them is the caller's as soon as the call
/// succeeds; until then it can be closed again.
pub(crate) struct Handed<'a> {
    slots: &'a mut [MaybeUninit<c_int>],
    len: usize,
}

impl<'a> Handed<'a> {
    pub(crate) fn new(slots: &'a mut [MaybeUninit<c_int>]) -> Self {
        Self { slots, len: 0 }
    }

    /// Descriptors handed over so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Counts the first `count` of the free slots as filled: they hold descriptors that have no
    /// other owner.
    pub(crate) fn add(&mut self, count: usize) {
        self.len = self.len.saturating_add(count);
    }

    /// What was handed over so far, and the free slots.
    pub(crate) fn split(&mut self) -> (&[c_int], &mut [MaybeUninit<c_int>]) {
        let (filled, free) = self.slots.split_at_mut_checked(self.len).unwrap_or_default();
        // SAFETY: the first `len` slots were filled, as add's callers say.
        (unsafe { &*(&raw const *filled as *const [c_int]) }, free)
    }

    /// Closes what was handed over, and leaves -1 in its slots: the caller may know no better than to
    /// close them.
    pub(crate) fn close(self) {
        let filled = self.slots.get_mut(..self.len).unwrap_or_default();
        // SAFETY: the first `len` slots were filled, as add's callers say.
        close_list(unsafe { &mut *(&raw mut *filled as *mut [c_int]) });
    }
}
