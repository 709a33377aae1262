//! illumos, as far as usr/src/uts/common/sys/socket.h tells, from which each number is cited.

use core::ffi::c_int;
use core::mem::size_of;

use super::bsd::{self, TIMEVAL};
use super::{Kind, both, received, shapes};
use crate::abi::{ANC_RIGHTS, ANC_TIME, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::lacking::CLOCK;
pub(in crate::cmsg) use super::lacking::{PUTS, credentials, source_v4, source_v6, usual};
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `ucred_t`, which the C library's ucred_ functions read, and only they. SO_RECVUCRED.
const SCM_UCRED: c_int = 0x1012;
/// `struct timeval`: arrival in microseconds. The option of the same number.
const SCM_TIMESTAMP: c_int = 0x1013;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_UCRED, c"SCM_UCRED", 0),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 1] = [(LEVEL, KINDS)];

static OWN: [Want; 2] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, UDP | UDP6 | RAW | RAW6, LEVEL, SCM_TIMESTAMP, TIMEVAL as u16),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 1] = [&OWN];

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match (level, kind) {
        (LEVEL, SCM_RIGHTS) => Some((shapes::rights(payload, info), true)),
        (LEVEL, SCM_TIMESTAMP) => Some((ANC_TIME, bsd::timeval(payload).map(|time| info.time = time).is_some())),
        _ => None,
    }
}
