//! Cancellation of threads.
//!
//! A cancelled thread unwinds through the library's frames. They hold nothing to run then (the
//! shipped library is built with panic=abort and has unwind tables, but no landing pads), so
//! what must be closed is registered with the C library, as `pthread_cleanup_push` does it in C
//! programs that are compiled without exceptions: by the functions behind that macro.

use core::ffi::c_void;

use super::platform::{CleanupBuffer, disable_cancellation, is_single_threaded, restore_cancellation};

/// Whether there are threads that may be cancelled in this library's calls: those of C programs, which the
/// functions for C are for. No thread survives it in Rust's functions, whose frames have things to drop.
const MAY_BE_CANCELLED: bool = cfg!(feature = "capi");

/// What a thread runs if it is cancelled between push and pop: `pthread_cleanup_push`.
///
/// glibc before 2.41 can act on a cancellation after the system call has had its effect, and so can
/// NetBSD's; the other C libraries act only where it had none.
pub(crate) struct Cleanup {
    buffer: CleanupBuffer,
    is_pushed: bool,
}

impl Cleanup {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { buffer: CleanupBuffer::new(), is_pushed: false }
    }

    /// Registers the routine; where there is one thread only if it `always` has something to do.
    ///
    /// # Safety
    /// `self` stays where it is until [`pop`](Self::pop), which must follow in the same function.
    /// Until then `routine(arg)` must be sound at every moment, and nothing may need dropping: a
    /// cancelled thread never gets to the pop.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void, always: bool) {
        self.is_pushed = MAY_BE_CANCELLED && (always || !is_single_threaded());
        if self.is_pushed {
            // SAFETY: the buffer stays until it is popped, or until the C library, which has run
            // the routine then, unwinds this frame.
            unsafe { self.buffer.push(routine, arg) };
        }
    }

    /// # Safety
    /// Follows [`push`](Self::push) in the same function.
    #[inline(always)]
    pub(crate) unsafe fn pop(&mut self) {
        if self.is_pushed {
            // SAFETY: pops what was pushed, and does not execute it.
            unsafe { self.buffer.pop() };
        }
    }
}

/// Calls `call` while this thread cannot be cancelled.
///
/// For closing (close is a cancellation point) and for whatever must not be torn from it. A thread that
/// cancels itself counts as not alone (glibc's pthread_cancel sees to that).
#[inline]
pub(crate) fn uncancellable<T>(call: impl FnOnce() -> T) -> T {
    if !MAY_BE_CANCELLED || is_single_threaded() {
        return call();
    }
    let state = disable_cancellation();
    let result = call();
    restore_cancellation(state);
    result
}
