//! Which control messages carry descriptors.

use core::mem::MaybeUninit;

use crate::cmsg::{self, Found};
use crate::sys;

/// The control messages of a buffer, as far as it is well formed.
///
/// # Safety
/// Headers and payloads of the buffer's messages must be initialised.
#[inline(always)]
pub(super) unsafe fn messages<'a>(control: &'a [MaybeUninit<u8>]) -> impl Iterator<Item = Found<'a>> + use<'a> {
    let mut rest = control;
    core::iter::from_fn(move || {
        // SAFETY: the caller's.
        let found = unsafe { cmsg::find(rest) }.ok().flatten()?;
        rest = found.rest;
        Some(found)
    })
}

#[inline]
pub(super) fn is_rights(found: &Found<'_>) -> bool {
    (found.level, found.kind) == (sys::SOL_SOCKET, sys::SCM_RIGHTS)
}

#[inline]
pub(super) fn is_pidfd(found: &Found<'_>) -> bool {
    (found.level, found.kind) == (sys::SOL_SOCKET, sys::SCM_PIDFD)
}

#[inline]
pub(super) fn is_carrier(found: &Found<'_>) -> bool {
    is_rights(found) || is_pidfd(found)
}
