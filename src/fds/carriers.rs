//! Which control messages carry descriptors.

use core::mem::MaybeUninit;

use crate::cmsg::{Found, Walk};
use crate::sys;

/// The control messages of a buffer, as far as it is well formed.
///
/// # Safety
/// Headers and payloads of the buffer's messages must be initialised.
#[inline(always)]
pub(super) unsafe fn messages<'a>(control: &'a [MaybeUninit<u8>]) -> impl Iterator<Item = Found<'a>> + use<'a> {
    // SAFETY: the caller's.
    unsafe { Walk::new(control) }.map_while(Result::ok)
}

#[inline]
pub(super) fn is_rights(found: &Found<'_>) -> bool {
    (found.level, found.kind) == (sys::SOL_SOCKET, sys::SCM_RIGHTS)
}

#[inline]
pub(super) fn is_pidfd(found: &Found<'_>) -> bool {
    found.level == sys::SOL_SOCKET && Some(found.kind) == sys::SCM_PIDFD
}

#[inline]
pub(super) fn is_carrier(found: &Found<'_>) -> bool {
    is_rights(found) || is_pidfd(found)
}
