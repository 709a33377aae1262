//! The caller's slots, into which descriptors are handed over.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::close::close_each;
use crate::cmsg::Slots;

/// Slots that are filled from the start. What stands in them is the caller's as soon as the call
/// succeeds; until then it can be closed again.
pub(crate) struct Handed<'a> {
    slots: &'a mut [MaybeUninit<c_int>],
    len: usize,
    /// Whether the caller will learn `len`. If not, an empty message with descriptors would look
    /// like end of file, and nobody would close them.
    pub(crate) is_counted: bool,
}

impl<'a> Handed<'a> {
    #[inline]
    pub(crate) fn new(slots: &'a mut [MaybeUninit<c_int>]) -> Self {
        Self { slots, len: 0, is_counted: true }
    }

    /// Descriptors handed over so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Slots that are free.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.slots.len().saturating_sub(self.len)
    }

    /// Fills free slots; what does not fit stays with the giver.
    #[inline]
    pub(super) fn take(&mut self, from: Slots<'_>) {
        let free = self.slots.get_mut(self.len..).unwrap_or_default();
        self.len = self.len.saturating_add(from.copy_to(free));
    }

    /// Fills one free slot.
    #[inline]
    pub(super) fn put(&mut self, fd: c_int) {
        match self.slots.get_mut(self.len) {
            Some(slot) => {
                slot.write(fd);
                self.len = self.len.saturating_add(1);
            }
            None => close_each(core::iter::once(fd)),
        }
    }

    /// Closes what was handed over.
    #[cold]
    pub(crate) fn close(&mut self) {
        let filled = self.slots.get(..self.len).unwrap_or_default();
        self.len = 0;
        // SAFETY: take has written them.
        close_each(filled.iter().map(|slot| unsafe { slot.assume_init() }));
    }
}
