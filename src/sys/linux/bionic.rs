//! Threads of Android's C library, which can't be cancelled: it has no pthread_cancel.

use core::ffi::{c_int, c_void};

pub(in crate::sys) struct CleanupBuffer;

impl CleanupBuffer {
    pub(in crate::sys) fn new() -> Self {
        Self
    }

    /// # Safety
    /// None: nothing will run.
    pub(in crate::sys) unsafe fn push(&mut self, _: extern "C" fn(*mut c_void), _: *mut c_void) {}

    /// # Safety
    /// None.
    pub(in crate::sys) unsafe fn pop(&mut self) {}
}

pub(in crate::sys) fn is_single_threaded() -> bool {
    false
}

pub(in crate::sys) fn disable_cancellation() -> c_int {
    0
}

pub(in crate::sys) fn restore_cancellation(_: c_int) {}

pub(crate) fn test_cancel() {}
