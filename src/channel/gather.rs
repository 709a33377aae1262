//! Bytes side by side for one sendmsg: small ones copied, large ones where they are.

use core::ptr;

use super::wire::HEADER;
use crate::sys::iovec;

/// A segment of so many bytes is copied, for the kernel's work on one more buffer costs more.
const COPIED: usize = 256;

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
    pub(super) count: usize,
    /// Bytes copied.
    copied: usize,
    /// Bytes of the list's last buffer.
    last: usize,
    /// Bytes in all.
    pub(super) total: usize,
}

impl<'a> Gather<'a> {
    pub(super) fn new(list: &'a mut [iovec], memory: &'a mut [u8]) -> Self {
        Self { list, memory, filled: Mark { count: 0, copied: 0, last: 0, total: 0 } }
    }

    pub(super) fn mark(&self) -> Mark {
        self.filled
    }

    /// Forgets what was appended since.
    pub(super) fn reset(&mut self, mark: Mark) {
        self.filled = mark;
        if let Some(last) = mark.count.checked_sub(1).and_then(|last| self.list.get_mut(last)) {
            last.iov_len = mark.last;
        }
    }

    /// Appends `len` bytes of memory, to be written later: where they are. None: there is no room.
    pub(super) fn reserve(&mut self, len: usize) -> Option<usize> {
        let at = self.filled.copied;
        let room = self.memory.get_mut(at..)?.get_mut(..len)?.as_mut_ptr();
        self.append_copied(room, len)?;
        Some(at)
    }

    /// Writes what was reserved.
    pub(super) fn write(&mut self, at: usize, bytes: [u8; HEADER]) {
        if let Some(room) = self.memory.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *room = bytes;
        }
    }

    /// Appends `len` bytes at `data`. None: there is no room.
    ///
    /// # Safety
    /// They must be readable, and stay so until the kernel has taken them.
    pub(super) unsafe fn append(&mut self, data: *const u8, len: usize) -> Option<()> {
        if len <= COPIED {
            if let Some(room) = self.memory.get_mut(self.filled.copied..).and_then(|rest| rest.get_mut(..len)) {
                let room = room.as_mut_ptr();
                // SAFETY: `len` bytes are readable and `len` are writable; a caller's data is not in the
                // channel's memory.
                unsafe { ptr::copy_nonoverlapping(data, room, len) };
                return self.append_copied(room, len);
            }
        }
        self.push(iovec { iov_base: data.cast_mut().cast(), iov_len: len })
    }

    /// Counts `len` bytes at the end of the copied ones.
    fn append_copied(&mut self, at: *mut u8, len: usize) -> Option<()> {
        let last = self.filled.count.checked_sub(1).and_then(|last| self.list.get_mut(last));
        match last {
            Some(last) if last.iov_base.cast::<u8>().wrapping_add(last.iov_len) == at => {
                last.iov_len = last.iov_len.wrapping_add(len);
                self.filled.last = last.iov_len;
                self.filled.total = self.filled.total.wrapping_add(len);
            }
            _ => self.push(iovec { iov_base: at.cast(), iov_len: len })?,
        }
        self.filled.copied = self.filled.copied.wrapping_add(len);
        Some(())
    }

    fn push(&mut self, buffer: iovec) -> Option<()> {
        *self.list.get_mut(self.filled.count)? = buffer;
        self.filled.count = self.filled.count.wrapping_add(1);
        self.filled.last = buffer.iov_len;
        self.filled.total = self.filled.total.wrapping_add(buffer.iov_len);
        Some(())
    }
}
