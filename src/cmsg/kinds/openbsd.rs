//! OpenBSD. Numbers: sys/socket.h, netinet/in.h; held against these headers by `make check-platforms`.
//! Received: sys/kern/uipc_usrreq.c, ip_savecontrol of sys/netinet/ip_input.c; sent: udp_output.

use core::ffi::c_int;
use core::mem::size_of;

use super::bsd::{self, IP, IP_RECVDSTADDR, TIMEVAL};
use super::{Kind, both, kame, received, shapes};
use crate::abi::{ANC_DEST, ANC_RIGHTS, ANC_TIME, ANC_TTL, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(in crate::cmsg) use super::bsd::source_v4;
pub(in crate::cmsg) use super::kame::{PUTS, source_v6};
pub(crate) use super::lacking::CLOCK;
pub(in crate::cmsg) use super::lacking::{credentials, usual};
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP. OpenBSD 4.4.
const SCM_TIMESTAMP: c_int = 0x04;
const SO_TIMESTAMP: c_int = 0x0800;

/// `struct sockaddr_dl` of the interface.
const IP_RECVIF: c_int = 30;
/// One byte.
const IP_RECVTTL: c_int = 31;
/// u16, big-endian.
const IP_RECVDSTPORT: c_int = 33;
/// u32, the routing table.
const IP_RECVRTABLE: c_int = 35;

pub(super) const IPV6_RECVPKTINFO: c_int = 36;
pub(super) const IPV6_RECVTCLASS: c_int = 57;
pub(super) const IPV6_TCLASS: c_int = 61;

/// `struct sockaddr_dl`.
const SOCKADDR_DL: usize = 32;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
];

const IP_KINDS: &[Kind] = &[
    both(IP, IP_RECVDSTADDR, c"IP_RECVDSTADDR", 4),
    received(IP, IP_RECVIF, c"IP_RECVIF", 4),
    received(IP, IP_RECVTTL, c"IP_RECVTTL", 1),
    received(IP, IP_RECVDSTPORT, c"IP_RECVDSTPORT", 2),
    received(IP, IP_RECVRTABLE, c"IP_RECVRTABLE", 4),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 3] = [(LEVEL, KINDS), (IP, IP_KINDS), (kame::LEVEL, kame::KINDS)];

const DATAGRAMS: u16 = UDP | RAW;

static OWN: [Want; 5] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, DATAGRAMS | UDP6 | RAW6, LEVEL, SO_TIMESTAMP, TIMEVAL as u16),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVDSTADDR, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVIF, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_TTL, DATAGRAMS, IP, IP_RECVTTL, 1),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 2] = [&OWN, kame::WANTS];

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match (level, kind) {
        (LEVEL, SCM_RIGHTS) => return Some((shapes::rights(payload, info), true)),
        (LEVEL, SCM_TIMESTAMP) => (ANC_TIME, bsd::timeval(payload).map(|time| info.time = time)),
        (IP, IP_RECVDSTADDR) => (ANC_DEST, bsd::address(payload).map(|dest| info.dest = dest)),
        (IP, IP_RECVIF) if info.present & ANC_DEST != 0 => {
            (ANC_DEST, bsd::interface(payload).map(|index| info.dest.ifindex = index))
        }
        (IP, IP_RECVTTL) => (ANC_TTL, bsd::octet(payload).map(|ttl| info.ttl = ttl)),
        (kame::LEVEL, _) => return kame::decode(kind, payload, info),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
