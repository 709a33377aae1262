//! The flags of one call, checked.

use core::ffi::c_int;

use crate::abi::{ANC_ALL, ANC_DONTWAIT, ANC_EXACT, ANC_MOVE, ANC_TRIM};
use crate::errno::{Errno, Result};
use crate::sys;

/// Flags that the call at hand knows.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    pub(crate) const SEND: u32 = ANC_DONTWAIT | ANC_ALL | ANC_MOVE;
    pub(crate) const RECEIVE: u32 = ANC_DONTWAIT | ANC_ALL | ANC_EXACT | ANC_TRIM;

    /// EINVAL: a bit that is not in `known`, or ANC_TRIM with ANC_EXACT.
    #[inline]
    pub(crate) fn new(bits: u32, known: u32) -> Result<Self> {
        const CONTRADICTION: u32 = ANC_EXACT | ANC_TRIM;
        if bits != 0 && (bits & !known != 0 || bits & CONTRADICTION == CONTRADICTION) {
            return Err(Errno::EINVAL);
        }
        Ok(Self(bits))
    }

    /// For one of several parts, which need not bring everything.
    pub(super) fn of_a_part(self) -> Self {
        Self(self.0 & !ANC_EXACT)
    }

    /// MSG_ flags for the system call.
    #[inline]
    pub(super) fn msg(self) -> c_int {
        if self.0 & ANC_DONTWAIT != 0 { sys::MSG_DONTWAIT } else { 0 }
    }

    #[inline]
    pub(super) fn all(self) -> bool {
        self.0 & ANC_ALL != 0
    }

    #[inline]
    pub(super) fn moves(self) -> bool {
        self.0 & ANC_MOVE != 0
    }

    #[inline]
    pub(crate) fn exact(self) -> bool {
        self.0 & ANC_EXACT != 0
    }

    #[inline]
    pub(crate) fn trim(self) -> bool {
        self.0 & ANC_TRIM != 0
    }
}
