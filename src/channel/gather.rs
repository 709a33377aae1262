//! Bytes side by side for one sendmsg: small ones copied, large ones where they are.

use core::ptr;

use super::wire::HEADER;
use crate::sys::iovec;

/// A segment of so many bytes is copied, for the kernel's work on one more buffer costs more.
pub(super) const COPIED: usize = 256;

/// A list of buffers being filled, with memory for what is copied.
///
/// Both are the caller's, in which the list must stay as it is until the kernel has taken it.
pub(super) struct Gather<'a> {
    list: &'a mut [iovec],
    memory: &'a mut [u8],
    filled: Mark,
}

/// How far a list was filled.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// Buffers in the list.
    count: usize,
    /// Bytes copied.
    copied: usize,
    /// How many of them stand in the list; what was copied since will be one more buffer.
    listed: usize,
    /// Bytes in all.
    total: usize,
}

impl<'a> Gather<'a> {
    #[inline]
    pub(super) fn new(list: &'a mut [iovec], memory: &'a mut [u8]) -> Self {
        Self { list, memory, filled: Mark { count: 0, copied: 0, listed: 0, total: 0 } }
    }

    /// Bytes in all.
    #[inline]
    pub(super) fn total(&self) -> usize {
        self.filled.total
    }

    #[inline]
    pub(super) fn mark(&self) -> Mark {
        self.filled
    }

    /// Forgets what was appended since.
    #[inline]
    pub(super) fn reset(&mut self, mark: Mark) {
        self.filled = mark;
    }

    /// Room for `len` bytes to be copied, which [`count_copied`](Self::count_copied) appends.
    #[inline]
    pub(super) fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        self.memory.get_mut(self.filled.copied..)?.get_mut(..len)
    }

    /// Appends room for a header, to be written later: where it is. None: there is no room.
    #[inline]
    pub(super) fn reserve_header(&mut self) -> Option<usize> {
        let at = self.filled.copied;
        self.room(HEADER)?;
        self.count_copied(HEADER);
        Some(at)
    }

    /// Writes a header whose room was reserved.
    #[inline]
    pub(super) fn write_header(&mut self, at: usize, header: [u8; HEADER]) {
        if let Some(room) = self.memory.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *room = header;
        }
    }

    /// Appends `len` bytes at `data`. None: there is no room.
    ///
    /// # Safety
    /// They must be readable, and stay so until the kernel has taken them.
    #[inline]
    pub(super) unsafe fn append(&mut self, data: *const u8, len: usize) -> Option<()> {
        if len <= COPIED {
            if let Some(room) = self.room(len) {
                // SAFETY: `len` bytes are readable and `len` are writable; a caller's data is not in the
                // channel's memory.
                unsafe { ptr::copy_nonoverlapping(data, room.as_mut_ptr(), len) };
                self.count_copied(len);
                return Some(());
            }
        }
        self.refer(iovec { iov_base: data.cast_mut().cast(), iov_len: len })
    }

    /// The number of buffers that the list holds.
    pub(super) fn finish(mut self) -> usize {
        self.list_copied();
        self.filled.count
    }

    /// Appends what was written into the room for copied bytes.
    #[inline]
    pub(super) fn count_copied(&mut self, len: usize) {
        // No sum of lengths of things in memory wraps.
        self.filled.copied = self.filled.copied.wrapping_add(len);
        self.filled.total = self.filled.total.wrapping_add(len);
    }

    /// Appends a buffer to the list, in which one place is kept for what is copied behind it.
    fn refer(&mut self, buffer: iovec) -> Option<()> {
        let needed = if self.filled.listed == self.filled.copied { 2 } else { 3 };
        if self.list.len().saturating_sub(self.filled.count) < needed {
            return None;
        }
        self.list_copied();
        self.push(buffer);
        self.filled.total = self.filled.total.wrapping_add(buffer.iov_len);
        Some(())
    }

    /// Makes what was copied since the last time one more buffer.
    fn list_copied(&mut self) {
        if let Some(run) = self.memory.get_mut(self.filled.listed..self.filled.copied).filter(|run| !run.is_empty()) {
            let buffer = iovec { iov_base: run.as_mut_ptr().cast(), iov_len: run.len() };
            self.push(buffer);
            self.filled.listed = self.filled.copied;
        }
    }

    fn push(&mut self, buffer: iovec) {
        if let Some(place) = self.list.get_mut(self.filled.count) {
            *place = buffer;
            self.filled.count = self.filled.count.wrapping_add(1);
        }
    }
}
