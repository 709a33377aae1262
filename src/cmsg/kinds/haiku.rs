//! Haiku: headers/posix/sys/socket.h has one kind.

use core::ffi::c_int;
use core::mem::size_of;

use super::{Kind, Puts, both, shapes};
use crate::abi::{ANC_RIGHTS, anc_info};
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, How, UNIX, Want};
use crate::errno::{Errno, Result};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

const KINDS: &[Kind] = &[both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>())];

pub(super) static LEVELS: [(c_int, &[Kind]); 1] = [(LEVEL, KINDS)];

pub(crate) const CLOCK: Option<Clock> = None;

static OWN: [Want; 1] =
    [Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] }];

pub(in crate::cmsg) static WANTS: [&[Want]; 1] = [&OWN];

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
pub(in crate::cmsg) fn source_v4(_: [u8; 4], _: u32) -> Result<(c_int, c_int, [u8; 4])> {
    Err(Errno::EINVAL)
}

pub(in crate::cmsg) fn source_v6(_: [u8; 16], _: u32) -> Result<(c_int, c_int, [u8; 20])> {
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

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match (level, kind) {
        (LEVEL, SCM_RIGHTS) => Some((shapes::rights(payload, info), true)),
        _ => None,
    }
}
