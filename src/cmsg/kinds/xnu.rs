//! XNU: macOS and its relatives. Numbers: sys/socket.h, netinet/in.h, netinet6/in6.h; held against these
//! headers by `make check-platforms`. Received: ip_savecontrol of bsd/netinet/ip_input.c; sent: udp_output.
//!
//! The numbers of IPv6 are those of RFC 3542, which a program gets with __APPLE_USE_RFC_3542.

use core::ffi::c_int;
use core::mem::size_of;

use super::bsd::{self, IP, IP_RECVDSTADDR, TIMEVAL};
use super::{Kind, both, kame, received, shapes};
use crate::abi::{ANC_DEST, ANC_RIGHTS, ANC_TIME, ANC_TOS, ANC_TTL, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::errno::Result;
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(in crate::cmsg) use super::kame::{PUTS, source_v6};
pub(crate) use super::lacking::CLOCK;
pub(in crate::cmsg) use super::lacking::{credentials, usual};
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP.
const SCM_TIMESTAMP: c_int = 0x02;
/// u64, by mach_absolute_time, whose unit only the running system knows. SO_TIMESTAMP_MONOTONIC.
const SCM_TIMESTAMP_MONOTONIC: c_int = 0x04;
const SO_TIMESTAMP: c_int = 0x0400;

/// `struct sockaddr_dl` of the interface.
const IP_RECVIF: c_int = 20;
/// One byte.
const IP_RECVTTL: c_int = 24;
/// `struct in_pktinfo`. The option of the same number. Mac OS X 10.7.
const IP_PKTINFO: c_int = 26;
/// One byte. Mac OS X 10.13.
const IP_RECVTOS: c_int = 27;

pub(super) const IPV6_RECVPKTINFO: c_int = 61;
pub(super) const IPV6_RECVTCLASS: c_int = 35;
pub(super) const IPV6_TCLASS: c_int = 36;

/// `struct in_pktinfo`.
const PKTINFO: usize = 12;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
    received(LEVEL, SCM_TIMESTAMP_MONOTONIC, c"SCM_TIMESTAMP_MONOTONIC", 8),
];

const IP_KINDS: &[Kind] = &[
    both(IP, IP_PKTINFO, c"IP_PKTINFO", PKTINFO),
    received(IP, IP_RECVDSTADDR, c"IP_RECVDSTADDR", 4),
    received(IP, IP_RECVIF, c"IP_RECVIF", 4),
    received(IP, IP_RECVTTL, c"IP_RECVTTL", 1),
    received(IP, IP_RECVTOS, c"IP_RECVTOS", 1),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 3] = [(LEVEL, KINDS), (IP, IP_KINDS), (kame::LEVEL, kame::KINDS)];

const DATAGRAMS: u16 = UDP | RAW;

static OWN: [Want; 5] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, DATAGRAMS | UDP6 | RAW6, LEVEL, SO_TIMESTAMP, TIMEVAL as u16),
    switched(ANC_DEST, DATAGRAMS, IP, IP_PKTINFO, PKTINFO as u16),
    switched(ANC_TTL, DATAGRAMS, IP, IP_RECVTTL, 1),
    switched(ANC_TOS, DATAGRAMS, IP, IP_RECVTOS, 1),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 2] = [&OWN, kame::WANTS];

/// The local address to send from, and the interface: level, type and payload.
pub(in crate::cmsg) fn source_v4(address: [u8; 4], ifindex: u32) -> Result<(c_int, c_int, [u8; PKTINFO])> {
    Ok((IP, IP_PKTINFO, shapes::pktinfo_from(address, ifindex)))
}

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match (level, kind) {
        (LEVEL, SCM_RIGHTS) => return Some((shapes::rights(payload, info), true)),
        (LEVEL, SCM_TIMESTAMP) => (ANC_TIME, bsd::timeval(payload).map(|time| info.time = time)),
        (IP, IP_PKTINFO) => (ANC_DEST, shapes::pktinfo(payload).map(|dest| info.dest = dest)),
        (IP, IP_RECVTTL) => (ANC_TTL, bsd::octet(payload).map(|ttl| info.ttl = ttl)),
        (IP, IP_RECVTOS) => (ANC_TOS, bsd::octet(payload).map(|tos| info.tos = tos)),
        (kame::LEVEL, _) => return kame::decode(kind, payload, info),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
