//! DragonFly, as far as sys/sys/socket.h tells, from which each number is cited. Received and sent:
//! sys/kern/uipc_usrreq.c, sys/netinet/ip_input.c.

use core::ffi::c_int;
use core::mem::size_of;

use super::{Kind, Puts, both, bsd, received, shapes};
use crate::abi::{ANC_CREDENTIALS, ANC_RIGHTS, ANC_TIME, anc_info};
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::errno::{Errno, Result};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP.
const SCM_TIMESTAMP: c_int = 0x02;
/// `struct cmsgcred`, by the kernel, where the sender asked for it.
const SCM_CREDS: c_int = 0x03;
const SO_TIMESTAMP: c_int = 0x0400;

const TIMEVAL: usize = size_of::<libc::timeval>();

/// `struct cmsgcred`: a pid, two uids, a gid, the number of groups, 16 groups.
const CMSGCRED: usize = 84;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
    both(LEVEL, SCM_CREDS, c"SCM_CREDS", CMSGCRED),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 1] = [(LEVEL, KINDS)];

pub(crate) const CLOCK: Option<Clock> = None;

static OWN: [Want; 2] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, UDP | UDP6 | RAW | RAW6, LEVEL, SO_TIMESTAMP, TIMEVAL as u16),
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

/// `struct cmsgcred`, which the kernel fills in whatever stands there: nobody sends foreign ones.
pub(in crate::cmsg) fn credentials(_: &Credentials) -> Result<(c_int, c_int, [u8; CMSGCRED])> {
    Ok((LEVEL, SCM_CREDS, [0; CMSGCRED]))
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
        (LEVEL, SCM_CREDS) => cmsgcred(payload, info),
        (LEVEL, SCM_TIMESTAMP) => Some((ANC_TIME, bsd::timeval(payload).map(|time| info.time = time).is_some())),
        _ => None,
    }
}

/// The effective user and group, of which the latter is the first of the groups.
fn cmsgcred(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (Some(pid), Some(uid), Some(gid), Some(_)) =
        (payload.at(0), payload.at(8), payload.at(20), payload.from(CMSGCRED))
    else {
        return Some((ANC_CREDENTIALS, false));
    };
    (info.pid, info.uid, info.gid) = (pid, uid, gid);
    Some((ANC_CREDENTIALS, true))
}
