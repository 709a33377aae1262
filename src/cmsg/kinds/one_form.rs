//! The stamps of a system where each option has one form, and none takes flags.

use core::ffi::c_int;

pub(crate) const OLD_IS_WIDE: bool = true;
pub(crate) const NEW: &[c_int] = &[];
pub(crate) const OLD: &[c_int] = &[];

pub(crate) fn arrival(_: bool) -> &'static [c_int] {
    &[]
}

pub(crate) fn timestamping(_: bool) -> &'static [c_int] {
    &[]
}

pub(crate) fn facts(_: c_int) -> u64 {
    0
}
