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

/// Whether nobody can cancel this thread: glibc keeps the flag for such questions. With one thread,
/// glibc's cancellation points act before their system call or not at all.
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

/// Calls `call`, a cancellation point, such that a thread cancelled in it runs `routine(arg)`.
///
/// glibc before 2.41 can act on a cancellation after the system call has had its effect; musl and
/// later glibc act only where it had none.
///
/// # Safety
/// `routine(arg)` must be sound at every moment of `call`, in which nothing may need dropping: a
/// cancelled thread never returns from it.
#[inline]
pub(crate) unsafe fn with_cleanup<T>(
    routine: extern "C" fn(*mut c_void),
    arg: *mut c_void,
    call: impl FnOnce() -> T,
) -> T {
    if is_single_threaded() {
        return call();
    }
    let mut buffer = CleanupBuffer { words: [MaybeUninit::uninit(); 4] };
    // SAFETY: buffer outlives the matching pop below, or is unwound by the C library, which then
    // forgets it.
    unsafe { _pthread_cleanup_push(&mut buffer, routine, arg) };
    let result = call();
    // SAFETY: pops what was pushed above, and does not execute it.
    unsafe { _pthread_cleanup_pop(&mut buffer, 0) };
    result
}

/// Calls `call` while this thread cannot be cancelled.
///
/// For closing (close is a cancellation point) and for whatever must not be torn from it.
#[inline]
pub(crate) fn uncancellable<T>(call: impl FnOnce() -> T) -> T {
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
