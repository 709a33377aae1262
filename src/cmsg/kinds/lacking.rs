//! What a system's file takes from here where it has nothing of the kind.

use core::ffi::c_int;

use super::Puts;
use crate::abi::anc_info;
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::Clock;
use crate::errno::{Errno, Result};

/// No clock can be chosen.
pub(crate) const CLOCK: Option<Clock> = None;

/// Nothing can be put.
pub(in crate::cmsg) const PUTS: Puts = Puts {
    tos: [None, None],
    ttl: [None, None],
    segment: None,
    txtime: None,
    timestamping: None,
    mark: None,
    priority: None,
};

/// No address can be chosen for one datagram.
pub(in crate::cmsg) fn source_v4(_: [u8; 4], _: u32) -> Result<(c_int, c_int, [u8; 0])> {
    Err(Errno::EINVAL)
}

pub(in crate::cmsg) fn source_v6(_: [u8; 16], _: u32) -> Result<(c_int, c_int, [u8; 0])> {
    Err(Errno::EINVAL)
}

/// Nobody sends any.
pub(in crate::cmsg) fn credentials(_: &Credentials) -> Result<(c_int, c_int, [u8; 0])> {
    Err(Errno::EINVAL)
}

/// Nothing is told from the rest.
#[inline(always)]
pub(in crate::cmsg) fn usual(_: c_int, _: c_int, _: Payload<'_>, _: &mut anc_info) -> Fact {
    None
}
