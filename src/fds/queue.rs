//! A queue of descriptors that have come before the bytes that name them.

use core::ffi::c_int;
use core::mem::{self, MaybeUninit};
use core::slice;

use super::close::close_each;
use crate::abi::anc_fd_queue;
use crate::errno::{Errno, Result};

/// No object holds more slots.
const SLOTS_MAX: usize = isize::MAX as usize / mem::size_of::<c_int>();

/// The queue of the C interface: `count` descriptors from slot `head` on.
///
/// They stand side by side and are moved to the front when the room behind them runs short, so that
/// a receive can hand over into one piece.
pub(crate) struct Queue<'a> {
    queue: &'a mut anc_fd_queue,
}

impl<'a> Queue<'a> {
    /// EINVAL: a queue that contradicts itself.
    ///
    /// # Safety
    /// The queue's slots are writable, `size` of them, and those it counts are initialised.
    pub(crate) unsafe fn new(queue: &'a mut anc_fd_queue) -> Result<Self> {
        match queue.head.checked_add(queue.count) {
            Some(end)
                if end <= queue.size
                    && queue.size as usize <= SLOTS_MAX
                    && (queue.size == 0 || !queue.slots.is_null()) =>
            {
                Ok(Self { queue })
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn slots(&mut self) -> &mut [MaybeUninit<c_int>] {
        if self.queue.size == 0 {
            return &mut [];
        }
        // SAFETY: new's caller vouches for the slots; new has seen that they are not NULL.
        unsafe { slice::from_raw_parts_mut(self.queue.slots.cast(), self.queue.size as usize) }
    }

    /// `count` free slots behind the queued descriptors. ENOBUFS: there are fewer.
    pub(crate) fn room(&mut self, count: usize) -> Result<&mut [MaybeUninit<c_int>]> {
        let (head, queued) = (self.queue.head as usize, self.queue.count as usize);
        let size = self.queue.size as usize;
        if size.saturating_sub(queued) < count {
            return Err(Errno::ENOBUFS);
        }
        let mut end = head.saturating_add(queued);
        if size.saturating_sub(end) < count {
            slide(self.slots(), head, queued);
            self.queue.head = 0;
            end = queued;
        }
        let free = self.slots().get_mut(end..).unwrap_or_default();
        Ok(free.get_mut(..count).unwrap_or_default())
    }

    /// Counts descriptors that were handed over to the slots of [`room`](Self::room).
    pub(crate) fn add(&mut self, count: usize) {
        self.queue.count = self.queue.count.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// The oldest descriptor, which is the caller's from here on. ENOMSG: none.
    pub(crate) fn take(&mut self) -> Result<c_int> {
        let Some(left) = self.queue.count.checked_sub(1) else { return Err(Errno::ENOMSG) };
        let head = self.queue.head;
        let Some(slot) = self.slots().get_mut(head as usize) else { return Err(Errno::ENOMSG) };
        // SAFETY: new's caller vouches for the slots that the queue counts.
        let fd = unsafe { mem::replace(slot, MaybeUninit::new(-1)).assume_init() };
        if fd < 0 {
            return Err(Errno::EINVAL);
        }
        self.queue.count = left;
        self.queue.head = if left == 0 { 0 } else { head.saturating_add(1) };
        Ok(fd)
    }

    /// The oldest descriptors, as many as `to` holds. ENOMSG: there are fewer, and none is taken.
    pub(crate) fn take_all(&mut self, to: &mut [MaybeUninit<c_int>]) -> Result<()> {
        if to.len() > self.queue.count as usize {
            return Err(Errno::ENOMSG);
        }
        for slot in to {
            slot.write(self.take()?);
        }
        Ok(())
    }

    /// Closes all that is queued.
    pub(crate) fn close(&mut self) {
        close_each(core::iter::from_fn(|| self.take().ok()));
    }
}

/// Moves `count` slots from `from` on to the front.
pub(super) fn slide(slots: &mut [MaybeUninit<c_int>], from: usize, count: usize) {
    for to in 0..count {
        let from = slots.get(from.saturating_add(to)).copied();
        if let (Some(from), Some(to)) = (from, slots.get_mut(to)) {
            *to = from;
        }
    }
}
