//! Descriptors that wait for the bytes that name them, dealt out in the order in which they came.

use core::ffi::c_int;
use core::mem::{self, MaybeUninit};
use core::slice;

use super::Arrived;
use super::close::close_each;
use super::queue::slide;
use crate::errno::{Errno, Result};

/// The caller's slots: from `at` on the descriptors that were dealt last, behind them those that wait.
///
/// A slot holds a descriptor, or a negative errno in place of one that the kernel would not install.
/// Of the dealt ones the caller takes what he wants and leaves -1 in its slot; what he leaves is closed
/// by [`take_back`](Self::take_back).
#[repr(C)]
pub(crate) struct Dealer {
    slots: *mut c_int,
    size: u32,
    at: u32,
    dealt: u32,
    waiting: u32,
}

impl Dealer {
    /// # Safety
    /// `size` slots are writable as long as the dealer is used; those that were dealt are the caller's
    /// to write to between its methods, the others nobody's.
    pub(crate) unsafe fn new(slots: *mut c_int, size: u32) -> Self {
        Self { slots, size, at: 0, dealt: 0, waiting: 0 }
    }

    /// Slots that hold nothing.
    pub(crate) fn free(&self) -> usize {
        self.size.saturating_sub(self.dealt).saturating_sub(self.waiting) as usize
    }

    /// Whether descriptors wait for the frame that names them.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting != 0
    }

    /// What was dealt last.
    pub(crate) fn dealt(&mut self) -> &mut [MaybeUninit<c_int>] {
        let (at, dealt) = (self.at as usize, self.dealt as usize);
        self.slots().get_mut(at..).and_then(|slots| slots.get_mut(..dealt)).unwrap_or_default()
    }

    /// Puts what a receive has brought behind those that wait. EPROTO: there is no room for it, and it
    /// is closed.
    #[inline]
    pub(crate) fn queue(&mut self, arrived: Arrived<'_>) -> Result<()> {
        let count = match arrived.usual() {
            Some(slots) => slots.len(),
            None => arrived.slots(),
        };
        if count > self.free() {
            arrived.close();
            return Err(Errno::EPROTO);
        }
        self.waiting = self.waiting.saturating_add(arrived.hand_over(self.room(count)) as u32);
        Ok(())
    }

    /// Deals the next `count` descriptors. Where fewer wait, the others were lost for this reason: their
    /// slots hold its negative number. EPROTO: fewer wait, though none was lost.
    #[inline]
    pub(crate) fn deal(&mut self, count: u16, lost: Option<Errno>) -> Result<()> {
        let count = u32::from(count);
        let missing = count.saturating_sub(self.waiting);
        if missing > 0 {
            self.mark_lost(missing, lost.ok_or(Errno::EPROTO)?)?;
        }
        self.dealt = count;
        self.waiting = self.waiting.saturating_sub(count);
        Ok(())
    }

    /// Puts the negative number of `errno` behind those that wait, so many times.
    #[cold]
    fn mark_lost(&mut self, missing: u32, errno: Errno) -> Result<()> {
        if missing as usize > self.free() {
            return Err(Errno::EPROTO);
        }
        for slot in self.room(missing as usize) {
            slot.write(errno.number().saturating_neg());
        }
        self.waiting = self.waiting.saturating_add(missing);
        Ok(())
    }

    /// Closes what the caller has left of those that were dealt.
    #[inline]
    pub(crate) fn take_back(&mut self) {
        if self.dealt != 0 {
            self.close_dealt();
        }
    }

    #[inline(never)]
    fn close_dealt(&mut self) {
        close_slots(self.dealt());
        self.at = if self.waiting == 0 { 0 } else { self.at.saturating_add(self.dealt) };
        self.dealt = 0;
    }

    /// Closes all.
    #[cold]
    pub(crate) fn close(&mut self) {
        self.dealt = self.dealt.saturating_add(self.waiting);
        self.waiting = 0;
        self.take_back();
    }

    /// `count` free slots behind those that wait, which are as many as are free at most.
    fn room(&mut self, count: usize) -> &mut [MaybeUninit<c_int>] {
        let (at, used) = (self.at as usize, self.dealt.saturating_add(self.waiting) as usize);
        let mut end = at.saturating_add(used);
        if (self.size as usize).saturating_sub(end) < count {
            slide(self.slots(), at, used);
            self.at = 0;
            end = used;
        }
        self.slots().get_mut(end..).and_then(|free| free.get_mut(..count)).unwrap_or_default()
    }

    fn slots(&mut self) -> &mut [MaybeUninit<c_int>] {
        // SAFETY: new's caller vouches for them.
        unsafe { slice::from_raw_parts_mut(self.slots.cast(), self.size as usize) }
    }
}

/// Closes the descriptors in these slots, and leaves -1 in each.
fn close_slots(slots: &mut [MaybeUninit<c_int>]) {
    // SAFETY: slots that a dealer counts were written.
    close_each(slots.iter_mut().map(|slot| unsafe { mem::replace(slot, MaybeUninit::new(-1)).assume_init() }));
}
