//! Threads of glibc and musl, which export the two functions behind `pthread_cleanup_push` with the same
//! arguments.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

pub(crate) use crate::sys::pthread::test_cancel;
pub(in crate::sys) use crate::sys::pthread::{disable_cancellation, restore_cancellation};

pub(in crate::sys) const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// `struct _pthread_cleanup_buffer`: four words on glibc, three on musl. It belongs to the C
/// library between push and pop.
#[repr(C)]
pub(in crate::sys) struct CleanupBuffer {
    words: [MaybeUninit<*mut c_void>; 4],
}

unsafe extern "C" {
    fn _pthread_cleanup_push(buffer: *mut CleanupBuffer, routine: extern "C" fn(*mut c_void), arg: *mut c_void);
    fn _pthread_cleanup_pop(buffer: *mut CleanupBuffer, execute: c_int);
}

impl CleanupBuffer {
    #[inline(always)]
    pub(in crate::sys) fn new() -> Self {
        Self { words: [MaybeUninit::uninit(); 4] }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    #[inline(always)]
    pub(in crate::sys) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        // SAFETY: the caller's.
        unsafe { _pthread_cleanup_push(self, routine, arg) }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    #[inline(always)]
    pub(in crate::sys) unsafe fn pop(&mut self) {
        // SAFETY: the caller's; the routine is not executed.
        unsafe { _pthread_cleanup_pop(self, 0) }
    }
}

/// Whether no other thread can cancel this one: glibc keeps the flag for such questions. With one
/// thread, glibc's cancellation points act before their system call or not at all, unless a signal
/// handler cancels its own thread, which pthread_cancel does not allow there.
#[inline]
pub(in crate::sys) fn is_single_threaded() -> bool {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            static __libc_single_threaded: core::ffi::c_char;
        }
        // SAFETY: a variable of glibc's (2.32 and later), written only by this thread while it is
        // the only one, and read as one byte.
        unsafe { (&raw const __libc_single_threaded).read_volatile() != 0 }
    }
    #[cfg(not(target_env = "gnu"))]
    {
        false
    }
}
