//! illumos, as far as usr/src/uts/common/sys/socket.h tells, from which each number is cited.

use core::ffi::c_int;
use core::mem::size_of;

use super::{Kind, Puts, both, bsd, received, shapes};
use crate::abi::{ANC_RIGHTS, ANC_TIME, anc_info};
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::errno::{Errno, Result};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `ucred_t`, which the C library's ucred_ functions read, and only they. SO_RECVUCRED.
const SCM_UCRED: c_int = 0x1012;
/// `struct timeval`: arrival in microseconds. The option of the same number.
const SCM_TIMESTAMP: c_int = 0x1013;

const TIMEVAL: usize = size_of::<libc::timeval>();

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_UCRED, c"SCM_UCRED", 0),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 1] = [(LEVEL, KINDS)];

pub(crate) const CLOCK: Option<Clock> = None;

static OWN: [Want; 2] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, UDP | UDP6 | RAW | RAW6, LEVEL, SCM_TIMESTAMP, TIMEVAL as u16),
];

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
        (LEVEL, SCM_TIMESTAMP) => Some((ANC_TIME, bsd::timeval(payload).map(|time| info.time = time).is_some())),
        _ => None,
    }
}
