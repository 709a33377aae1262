//! Which control messages carry descriptors.

use core::mem::MaybeUninit;

use crate::cmsg::{self, Found, Slots};
use crate::sys;

/// The control messages of a buffer, as far as it is well formed.
///
/// # Safety
/// The headers of the buffer's messages must be initialised.
#[inline]
pub(super) unsafe fn messages(control: &[MaybeUninit<u8>]) -> impl Iterator<Item = Found> + use<'_> {
    let mut at = 0;
    core::iter::from_fn(move || {
        // SAFETY: the caller's.
        let found = unsafe { cmsg::find(control, at) }.ok().flatten()?;
        at = found.next;
        Some(found)
    })
}

/// The slots of a message that carries descriptors.
///
/// # Safety
/// The message's payload must be initialised.
#[inline]
pub(super) unsafe fn slots<'a>(control: &'a [MaybeUninit<u8>], found: &Found) -> Slots<'a> {
    // SAFETY: the caller's.
    unsafe { Slots::new(control.get(found.payload.clone()).unwrap_or_default()) }
}

#[inline]
pub(super) fn is_rights(found: &Found) -> bool {
    (found.level, found.kind) == (sys::SOL_SOCKET, sys::SCM_RIGHTS)
}

#[inline]
pub(super) fn is_pidfd(found: &Found) -> bool {
    (found.level, found.kind) == (sys::SOL_SOCKET, sys::SCM_PIDFD)
}

#[inline]
pub(super) fn is_carrier(found: &Found) -> bool {
    is_rights(found) || is_pidfd(found)
}
