//! NetBSD. Numbers: sys/socket.h, sys/un.h, netinet/in.h; held against these headers by
//! `make check-platforms`. Received: sys/kern/uipc_usrreq.c, ip_savecontrol of sys/netinet/ip_input.c.

use core::ffi::c_int;
use core::mem::{offset_of, size_of};

use super::bsd::{self, IP, IP_RECVDSTADDR, TIMEVAL};
use super::{Kind, both, kame, received, shapes};
use crate::abi::{ANC_CREDENTIALS, ANC_DEST, ANC_RIGHTS, ANC_TIME, ANC_TTL, anc_dest, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::errno::Result;
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(in crate::cmsg) use super::kame::{PUTS, source_v6};
pub(crate) use super::lacking::CLOCK;
pub(in crate::cmsg) use super::lacking::{credentials, usual};
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP. NetBSD 6 by this number.
const SCM_TIMESTAMP: c_int = 0x08;
/// `struct sockcred`. LOCAL_CREDS; on streams and seqpackets once. NetBSD 8 by this number.
const SCM_CREDS: c_int = 0x10;
const SO_TIMESTAMP: c_int = 0x2000;
const LOCAL_CREDS: c_int = 0x0004;

/// `struct sockaddr_dl` of the interface.
const IP_RECVIF: c_int = 20;
/// One byte. NetBSD 5.
const IP_RECVTTL: c_int = 23;
/// `struct in_pktinfo`. IP_RECVPKTINFO. NetBSD 8.
const IP_PKTINFO: c_int = 25;
const IP_RECVPKTINFO: c_int = 26;

pub(super) const IPV6_RECVPKTINFO: c_int = 36;
pub(super) const IPV6_RECVTCLASS: c_int = 57;
pub(super) const IPV6_TCLASS: c_int = 61;

/// `struct sockcred`, with as many groups as it says.
#[repr(C)]
struct Sockcred {
    pid: i32,
    uid: u32,
    euid: u32,
    gid: u32,
    egid: u32,
    ngroups: i32,
    groups: [u32; 1],
}
const SOCKCRED: usize = offset_of!(Sockcred, groups);
/// `struct in_pktinfo`: the address, the interface.
const PKTINFO: usize = 8;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
    received(LEVEL, SCM_CREDS, c"SCM_CREDS", SOCKCRED),
];

const IP_KINDS: &[Kind] = &[
    both(IP, IP_PKTINFO, c"IP_PKTINFO", PKTINFO),
    received(IP, IP_RECVDSTADDR, c"IP_RECVDSTADDR", 4),
    received(IP, IP_RECVIF, c"IP_RECVIF", 4),
    received(IP, IP_RECVTTL, c"IP_RECVTTL", 1),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 3] = [(LEVEL, KINDS), (IP, IP_KINDS), (kame::LEVEL, kame::KINDS)];

const DATAGRAMS: u16 = UDP | RAW;

static OWN: [Want; 5] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_CREDENTIALS, UNIX, IP, LOCAL_CREDS, SOCKCRED as u16 + 4 * 17),
    switched(ANC_TIME, DATAGRAMS | UDP6 | RAW6, LEVEL, SO_TIMESTAMP, TIMEVAL as u16),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVPKTINFO, PKTINFO as u16),
    switched(ANC_TTL, DATAGRAMS, IP, IP_RECVTTL, 1),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 2] = [&OWN, kame::WANTS];

/// The local address to send from, and the interface: level, type and payload.
pub(in crate::cmsg) fn source_v4([a, b, c, d]: [u8; 4], ifindex: u32) -> Result<(c_int, c_int, [u8; PKTINFO])> {
    let [i, j, k, l] = ifindex.to_ne_bytes();
    Ok((IP, IP_PKTINFO, [a, b, c, d, i, j, k, l]))
}

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match (level, kind) {
        (LEVEL, SCM_RIGHTS) => return Some((shapes::rights(payload, info), true)),
        (LEVEL, SCM_CREDS) => return sockcred(payload, info),
        (LEVEL, SCM_TIMESTAMP) => (ANC_TIME, bsd::timeval(payload).map(|time| info.time = time)),
        (IP, IP_PKTINFO) => (ANC_DEST, pktinfo(payload).map(|dest| info.dest = dest)),
        (IP, IP_RECVTTL) => (ANC_TTL, bsd::octet(payload).map(|ttl| info.ttl = ttl)),
        (kame::LEVEL, _) => return kame::decode(kind, payload, info),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

fn pktinfo(payload: Payload<'_>) -> Option<anc_dest> {
    let (dest, ifindex) = (bsd::address(payload)?, payload.at(4)?);
    Some(anc_dest { ifindex, ..dest })
}

/// The effective user and group.
fn sockcred(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let fields = || {
        payload.from(SOCKCRED)?;
        let (pid, uid) = (payload.at(offset_of!(Sockcred, pid))?, payload.at(offset_of!(Sockcred, euid))?);
        Some((pid, uid, payload.at(offset_of!(Sockcred, egid))?))
    };
    bsd::credentials(fields(), info)
}
