//! Data buffers: what is left of them after a short count.

use core::mem::MaybeUninit;
use core::ptr;

use crate::errno::{Errno, Result};
use crate::sys::{self, iovec, msghdr};

/// The bytes of all buffers together.
///
/// EFAULT: NULL with a length. EINVAL: more than SSIZE_MAX, as sendmsg and recvmsg have it.
#[inline]
pub(super) fn total(iov: &[iovec]) -> Result<usize> {
    let mut sum = 0usize;
    for part in iov {
        if part.iov_base.is_null() && part.iov_len != 0 {
            return Err(Errno::EFAULT);
        }
        sum = sum.saturating_add(part.iov_len);
    }
    if sum > isize::MAX as usize { Err(Errno::EINVAL) } else { Ok(sum) }
}

/// EINVAL where the socket is a stream, on which a message without bytes can't carry descriptors:
/// a 0-byte send drops them, and a 0-byte receive takes them and looks like end of file.
#[cold]
pub(super) fn refuse_empty_on_stream(sock: core::ffi::c_int) -> Result<()> {
    if sys::socket_type(sock)? == sys::SOCK_STREAM { Err(Errno::EINVAL) } else { Ok(()) }
}

/// A message header without control data.
#[inline]
pub(super) fn message(iov: &[iovec]) -> msghdr {
    // SAFETY: null pointers and zero lengths are a valid msghdr.
    let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    msg.msg_iov = iov.as_ptr().cast_mut();
    msg.msg_iovlen = iov.len() as _;
    msg
}

/// How many buffers a window shows at most.
const WINDOW: usize = 16;

/// The rest of a list of buffers.
///
/// The caller's list is const. So the rest is shown to the kernel through a window: the half-done
/// buffer's remainder and some that follow it.
pub(super) struct Rest<'a> {
    iov: &'a [iovec],
    /// Bytes of the first buffer that are done.
    done: usize,
    window: [iovec; WINDOW],
}

impl<'a> Rest<'a> {
    pub(super) fn new(iov: &'a [iovec]) -> Self {
        Self { iov, done: 0, window: [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; WINDOW] }
    }

    /// Passes over `count` bytes. False when nothing is left.
    pub(super) fn advance(&mut self, count: usize) -> bool {
        self.done = self.done.saturating_add(count);
        while let [first, rest @ ..] = self.iov {
            if self.done < first.iov_len {
                return true;
            }
            self.done = self.done.saturating_sub(first.iov_len);
            self.iov = rest;
        }
        false
    }

    /// The next buffers to give to the kernel.
    pub(super) fn buffers(&mut self) -> &[iovec] {
        if self.done == 0 {
            return self.iov;
        }
        let count = self.iov.len().min(WINDOW);
        for (to, from) in self.window.iter_mut().zip(self.iov) {
            *to = *from;
        }
        let [first, ..] = &mut self.window;
        first.iov_base = first.iov_base.cast::<u8>().wrapping_add(self.done).cast();
        first.iov_len = first.iov_len.saturating_sub(self.done);
        self.window.get(..count).unwrap_or_default()
    }
}
