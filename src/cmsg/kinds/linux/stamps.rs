//! The two forms of the time stamps, and what the flags of SO_TIMESTAMPING ask for.

use core::ffi::c_int;

use super::socket::{
    SCM_TIMESTAMP, SCM_TIMESTAMPING, SCM_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPING_NEW, SO_TIMESTAMPNS_NEW,
};
use crate::abi::{ANC_TIME_ID, ANC_TIME_PKTINFO, ANC_TIMESTAMPING};

pub(crate) use super::socket::OLD_IS_WIDE;

/// What reads as on only where the socket has the new form. SO_TIMESTAMP_NEW does so for
/// SO_TIMESTAMPNS_NEW too.
pub(crate) const NEW: &[c_int] = &[SO_TIMESTAMP_NEW, SO_TIMESTAMPING_NEW];
/// The same of the old form; but SCM_TIMESTAMPING reads the flags of either.
pub(crate) const OLD: &[c_int] = &[SCM_TIMESTAMP, SCM_TIMESTAMPNS, SCM_TIMESTAMPING];

/// The options for the arrival in nanoseconds, the form that is preferred first.
pub(crate) fn arrival(is_new: bool) -> &'static [c_int] {
    if is_new { &[SO_TIMESTAMPNS_NEW, SCM_TIMESTAMPNS] } else { &[SCM_TIMESTAMPNS, SO_TIMESTAMPNS_NEW] }
}

/// The options that take flags, the same way.
pub(crate) fn timestamping(is_new: bool) -> &'static [c_int] {
    if is_new { &[SO_TIMESTAMPING_NEW, SCM_TIMESTAMPING] } else { &[SCM_TIMESTAMPING, SO_TIMESTAMPING_NEW] }
}

/// What the flags ask for.
pub(crate) fn facts(flags: c_int) -> u64 {
    const OPT_ID: c_int = 1 << 7;
    const OPT_PKTINFO: c_int = 1 << 13;
    let with = |flag, fact| if flags & flag != 0 { fact } else { 0 };
    with(!0, ANC_TIMESTAMPING) | with(OPT_ID, ANC_TIME_ID) | with(OPT_PKTINFO, ANC_TIME_PKTINFO)
}
