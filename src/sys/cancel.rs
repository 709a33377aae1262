//! Cancellation of threads.
//!
//! A cancelled thread unwinds through the library's frames. They hold nothing to run then (the
//! shipped library is built with panic=abort and has unwind tables, but no landing pads), so
//! what must be closed is registered with the C library, as `pthread_cleanup_push` does it in C
//! programs that are compiled without exceptions. glibc and musl export the two functions behind
//! that macro with the same arguments.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

/// `struct _pthread_cleanup_buffer`: four words on glibc, three on musl. It belongs to the C
/// library between push and pop.
#[repr(C)]
struct CleanupBuffer {
    words: [MaybeUninit<*mut c_void>; 4],
}

unsafe extern "C" {
    fn _pthread_cleanup_push(buffer: *mut CleanupBuffer, routine: extern "C" fn(*mut c_void), arg: *mut c_void);
    fn _pthread_cleanup_pop(buffer: *mut CleanupBuffer, execute: c_int);
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Whether no other thread can cancel this one: glibc keeps the flag for such questions. With one
/// thread, glibc's cancellation points act before their system call or not at all, unless a signal
/// handler cancels its own thread, which pthread_cancel does not allow there.
#[inline]
fn is_single_threaded() -> bool {
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

/// What a thread runs if it is cancelled between push and pop: `pthread_cleanup_push`.
///
/// glibc before 2.41 can act on a cancellation after the system call has had its effect; musl and
/// later glibc act only where it had none.
pub(crate) struct Cleanup {
    buffer: CleanupBuffer,
    is_pushed: bool,
}

impl Cleanup {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { buffer: CleanupBuffer { words: [MaybeUninit::uninit(); 4] }, is_pushed: false }
    }

    /// Registers the routine; where there is one thread only if it `always` has something to do.
    ///
    /// # Safety
    /// `self` stays where it is until [`pop`](Self::pop), which must follow in the same function.
    /// Until then `routine(arg)` must be sound at every moment, and nothing may need dropping: a
    /// cancelled thread never gets to the pop.
    #[inline(always)]
    pub(crate) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void, always: bool) {
        self.is_pushed = always || !is_single_threaded();
        if self.is_pushed {
            // SAFETY: the buffer stays until it is popped, or until the C library, which has run
            // the routine then, unwinds this frame.
            unsafe { _pthread_cleanup_push(&mut self.buffer, routine, arg) };
        }
    }

    /// # Safety
    /// Follows [`push`](Self::push) in the same function.
    #[inline(always)]
    pub(crate) unsafe fn pop(&mut self) {
        if self.is_pushed {
            // SAFETY: pops what was pushed, and does not execute it.
            unsafe { _pthread_cleanup_pop(&mut self.buffer, 0) };
        }
    }
}

/// Calls `call` while this thread cannot be cancelled.
///
/// For closing (close is a cancellation point) and for whatever must not be torn from it. A thread that
/// cancels itself counts as not alone (glibc's pthread_cancel sees to that).
#[inline]
pub(crate) fn uncancellable<T>(call: impl FnOnce() -> T) -> T {
    if is_single_threaded() {
        return call();
    }
    let mut state: c_int = 0;
    // SAFETY: state is writable; both calls affect this thread only.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state) };
    let result = call();
    let mut disabled: c_int = 0;
    // SAFETY: as above; state is what the first call stored.
    unsafe { pthread_setcancelstate(state, &mut disabled) };
    result
}

/// Acts on a pending cancellation of this thread.
///
/// Nothing may need dropping in the caller: a cancelled thread never returns.
#[inline]
pub(crate) fn test_cancel() {
    // SAFETY: no preconditions.
    unsafe { pthread_testcancel() }
}
