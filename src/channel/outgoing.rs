//! A message that the caller has queued, and what he has lent with it.

use core::ffi::c_int;
use core::ptr::NonNull;
use core::slice;

use super::gather::COPIED;
use crate::abi::{ANC_MOVE, ANC_OUT_QUEUED, anc_out};
use crate::errno::{Errno, Result};
use crate::sys::{IOV_MAX, iovec};

/// A queued message. It is the channel's to look at, and to write state and progress into, until its
/// state says that it is done or dropped; nothing of it may be looked at afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Outgoing(NonNull<anc_out>);

/// How far a message has come, in the part of its struct that is the library's.
#[repr(C)]
struct Progress {
    /// Where its last byte stands among all that the channel sends; u64::MAX as long as it is in no
    /// frame.
    end: u64,
    /// Bytes that are in no frame yet.
    unframed: u64,
    /// Descriptors that are in a frame.
    framed_fds: u32,
    /// Descriptors that the kernel has.
    gone_fds: u32,
}

const _: () = assert!(size_of::<Progress>() <= size_of::<[u64; 4]>());

impl Outgoing {
    /// EFAULT: NULL with a length. EBADF: a negative descriptor. EINVAL: an unknown flag, a number of
    /// buffers that no call takes. EMSGSIZE: more bytes than the limit. ERANGE: more descriptors.
    ///
    /// # Safety
    /// The message, and what it points to, are valid, and stay so until it is done or dropped.
    pub(super) unsafe fn new(message: NonNull<anc_out>, max_len: u32, max_fds: u32) -> Result<Self> {
        let this = Self(message);
        // SAFETY: the caller's.
        let out = unsafe { message.as_ref() };
        if out.flags & !ANC_MOVE != 0 || usize::try_from(out.iovcnt).map_or(true, |count| count > IOV_MAX) {
            return Err(Errno::EINVAL);
        }
        if out.nfds > max_fds as usize {
            return Err(Errno::ERANGE);
        }
        if (out.iov.is_null() && out.iovcnt != 0) || (out.fds.is_null() && out.nfds != 0) {
            return Err(Errno::EFAULT);
        }
        let mut len = 0u64;
        for part in this.buffers() {
            if part.iov_base.is_null() && part.iov_len != 0 {
                return Err(Errno::EFAULT);
            }
            len = len.saturating_add(part.iov_len as u64);
        }
        if len > max_len.into() {
            return Err(Errno::EMSGSIZE);
        }
        if this.fds().iter().fold(0, |bits, fd| bits | fd) < 0 {
            return Err(Errno::EBADF);
        }
        this.set_state(ANC_OUT_QUEUED);
        this.set_next(None);
        *this.progress() = Progress { end: u64::MAX, unframed: len, framed_fds: 0, gone_fds: 0 };
        Ok(this)
    }

    pub(super) fn buffers<'a>(self) -> &'a [iovec] {
        // SAFETY: new's caller vouches for the message; new has seen that the list is not NULL.
        unsafe {
            let out = self.0.as_ref();
            if out.iovcnt == 0 { &[] } else { slice::from_raw_parts(out.iov, out.iovcnt as usize) }
        }
    }

    pub(super) fn fds<'a>(self) -> &'a [c_int] {
        // SAFETY: as in buffers.
        unsafe {
            let out = self.0.as_ref();
            if out.nfds == 0 { &[] } else { slice::from_raw_parts(out.fds, out.nfds) }
        }
    }

    /// Its bytes, all together.
    fn len(self) -> u64 {
        self.buffers().iter().fold(0u64, |sum, part| sum.saturating_add(part.iov_len as u64))
    }

    /// Whether its descriptors are the channel's, to be closed.
    pub(super) fn is_moved(self) -> bool {
        // SAFETY: new's caller vouches for the message.
        unsafe { self.0.as_ref() }.flags & ANC_MOVE != 0
    }

    pub(super) fn set_state(self, state: u32) {
        // SAFETY: as in is_moved.
        unsafe { (*self.0.as_ptr()).state = state };
    }

    pub(super) fn next(self) -> Option<Self> {
        // SAFETY: as in is_moved.
        NonNull::new(unsafe { self.0.as_ref() }.next).map(Self)
    }

    pub(super) fn set_next(self, next: Option<Self>) {
        // SAFETY: as in is_moved.
        unsafe { (*self.0.as_ptr()).next = next.map_or(core::ptr::null_mut(), |next| next.0.as_ptr()) };
    }

    fn progress<'a>(self) -> &'a mut Progress {
        // SAFETY: as in is_moved; that part is large enough, as asserted, and no reference to it
        // outlives the method that took it.
        unsafe { &mut *(&raw mut (*self.0.as_ptr()).private).cast() }
    }

    /// Bytes that are in no frame yet.
    pub(super) fn unframed(self) -> u64 {
        self.progress().unframed
    }

    /// Descriptors that are in no frame yet.
    pub(super) fn unframed_fds(self) -> usize {
        self.fds().len().saturating_sub(self.progress().framed_fds as usize)
    }

    /// The next descriptors that are in no frame yet.
    pub(super) fn next_fds<'a>(self, count: usize) -> &'a [c_int] {
        let rest = self.fds().get(self.progress().framed_fds as usize..).unwrap_or_default();
        rest.get(..count).unwrap_or_default()
    }

    /// Its bytes and descriptors, where none is in a frame yet, and the bytes stand in one buffer that is
    /// small enough to be copied. Its first frame takes bytes: where all are left the descriptors are too.
    #[inline]
    pub(super) fn small<'a>(self) -> Option<(&'a [u8], &'a [c_int])> {
        let [part] = self.buffers() else { return None };
        let progress = self.progress();
        let fds = self.fds();
        if part.iov_len > COPIED || part.iov_len as u64 != progress.unframed || part.iov_len == 0 {
            return None;
        }
        // SAFETY: so many bytes are readable, until the message is done.
        Some((unsafe { slice::from_raw_parts(part.iov_base.cast(), part.iov_len) }, fds))
    }

    /// Counts one frame for all of it, which ends at `end` among all that the channel sends.
    #[inline]
    pub(super) fn add_whole(self, end: u64) {
        let fds = self.fds().len() as u32;
        let progress = self.progress();
        *progress = Progress { end, unframed: 0, framed_fds: fds, gone_fds: progress.gone_fds };
    }

    /// Counts a frame, which ends at `end` among all that the channel sends. Whether it was the last.
    pub(super) fn add_frame(self, len: u64, fds: usize, end: u64) -> bool {
        let progress = self.progress();
        progress.unframed = progress.unframed.saturating_sub(len);
        progress.framed_fds = progress.framed_fds.saturating_add(fds as u32);
        let is_last = self.unframed() == 0 && self.unframed_fds() == 0;
        if is_last {
            self.progress().end = end;
        }
        is_last
    }

    /// Forgets the frames whose first byte has not gone: `unframed` bytes are in none again, or all.
    pub(super) fn unframe(self, unframed: Option<u64>) {
        let all = self.len();
        let progress = self.progress();
        progress.unframed = unframed.unwrap_or(all);
        progress.framed_fds = progress.gone_fds;
        progress.end = u64::MAX;
    }

    /// The descriptors in frames whose first byte has not gone.
    pub(super) fn framed<'a>(self) -> &'a [c_int] {
        let progress = self.progress();
        self.fds().get(progress.gone_fds as usize..progress.framed_fds as usize).unwrap_or_default()
    }

    /// The descriptors that the kernel does not have.
    pub(super) fn not_gone<'a>(self) -> &'a [c_int] {
        self.fds().get(self.progress().gone_fds as usize..).unwrap_or_default()
    }

    /// The descriptors in frames have gone. Whether these were all.
    pub(super) fn fds_have_gone(self) -> bool {
        self.progress().gone_fds = self.progress().framed_fds;
        self.unframed_fds() == 0
    }

    /// Whether the kernel has any of its descriptors.
    pub(super) fn has_gone_fds(self) -> bool {
        self.progress().gone_fds != 0
    }

    /// Where its last byte stands among all that the channel sends; u64::MAX as long as it is in no frame.
    pub(super) fn end(self) -> u64 {
        self.progress().end
    }
}

/// A place in the queue: the message, and how much of its buffers stands before.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) message: Option<Outgoing>,
    /// Buffers that are done.
    pub(super) buffer: usize,
    /// Bytes of the next one that are done.
    pub(super) offset: usize,
}

impl Place {
    pub(super) fn start_of(message: Option<Outgoing>) -> Self {
        Self { message, buffer: 0, offset: 0 }
    }

    pub(super) fn is_start(self) -> bool {
        self.buffer == 0 && self.offset == 0
    }
}
