//! The state of cancellation, of every system that has such a thing.

use core::ffi::c_int;

use super::platform::PTHREAD_CANCEL_DISABLE;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

/// Returns the state to restore.
#[inline]
pub(super) fn disable_cancellation() -> c_int {
    let mut state: c_int = 0;
    // SAFETY: state is writable; the call affects this thread only.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state) };
    state
}

#[inline]
pub(super) fn restore_cancellation(state: c_int) {
    let mut disabled: c_int = 0;
    // SAFETY: as above; state is what the first call stored.
    unsafe { pthread_setcancelstate(state, &mut disabled) };
}

/// Acts on a pending cancellation of this thread.
///
/// Nothing may need dropping in the caller: a cancelled thread never returns.
#[inline]
pub(crate) fn test_cancel() {
    // SAFETY: no preconditions.
    unsafe { pthread_testcancel() }
}
