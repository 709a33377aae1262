//! For threads of a C library whose `pthread_cleanup_push` allocates, or wants a frame of C: what would be
//! cleaned up is not cancelled. So receiving is no cancellation point there; a thread that is cancelled
//! in it ends with its next one.

use core::ffi::{c_int, c_void};

use super::pthread::{disable_cancellation, restore_cancellation};

pub(super) struct CleanupBuffer {
    state: c_int,
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { state: 0 }
    }

    /// # Safety
    /// None: the routine will not run.
    pub(super) unsafe fn push(&mut self, _: extern "C" fn(*mut c_void), _: *mut c_void) {
        self.state = disable_cancellation();
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        restore_cancellation(self.state);
    }
}
