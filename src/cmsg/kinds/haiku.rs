//! Haiku: headers/posix/sys/socket.h has one kind.

use core::ffi::c_int;
use core::mem::size_of;

use super::{Kind, both, shapes};
use crate::abi::{ANC_RIGHTS, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, UNIX, Want};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::lacking::CLOCK;
pub(in crate::cmsg) use super::lacking::{PUTS, credentials, source_v4, source_v6, usual};
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

const KINDS: &[Kind] = &[both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>())];

pub(super) static LEVELS: [(c_int, &[Kind]); 1] = [(LEVEL, KINDS)];

static OWN: [Want; 1] =
    [Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] }];

pub(in crate::cmsg) static WANTS: [&[Want]; 1] = [&OWN];

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match (level, kind) {
        (LEVEL, SCM_RIGHTS) => Some((shapes::rights(payload, info), true)),
        _ => None,
    }
}
