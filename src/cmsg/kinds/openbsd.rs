//! OpenBSD. Numbers: sys/socket.h, netinet/in.h; held against these headers by `make check-platforms`.
//! Received: sys/kern/uipc_usrreq.c, ip_savecontrol of sys/netinet/ip_input.c; sent: udp_output.

use core::ffi::c_int;
use core::mem::size_of;

use super::shapes::PKTINFO6;
use super::{Kind, Puts, both, bsd, kame, put, received, shapes};
use crate::abi::{ANC_DEST, ANC_RIGHTS, ANC_TIME, ANC_TTL, anc_info};
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::errno::{Errno, Result};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;
/// IPPROTO_IP.
const IP: c_int = 0;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP. OpenBSD 4.4.
const SCM_TIMESTAMP: c_int = 0x04;
const SO_TIMESTAMP: c_int = 0x0800;

/// `struct in_addr`, the destination; sent, as IP_SENDSRCADDR (OpenBSD 6.1): the source.
const IP_RECVDSTADDR: c_int = 7;
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

const TIMEVAL: usize = size_of::<libc::timeval>();
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

pub(crate) const CLOCK: Option<Clock> = None;

const DATAGRAMS: u16 = UDP | RAW;

static OWN: [Want; 5] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_TIME, DATAGRAMS | UDP6 | RAW6, LEVEL, SO_TIMESTAMP, TIMEVAL as u16),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVDSTADDR, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVIF, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_TTL, DATAGRAMS, IP, IP_RECVTTL, 1),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 2] = [&OWN, kame::WANTS];

pub(in crate::cmsg) const PUTS: Puts = Puts {
    tos: [None, put(kame::LEVEL, IPV6_TCLASS, 4)],
    ttl: [None, put(kame::LEVEL, kame::IPV6_HOPLIMIT, 4)],
    segment: None,
    txtime: None,
    timestamping: None,
    mark: None,
    priority: None,
};

/// The local address to send from: level, type and payload. EINVAL: an interface, which can't be chosen.
pub(in crate::cmsg) fn source_v4(address: [u8; 4], ifindex: u32) -> Result<(c_int, c_int, [u8; 4])> {
    if ifindex == 0 { Ok((IP, IP_RECVDSTADDR, address)) } else { Err(Errno::EINVAL) }
}

/// The local address to send from, and the interface: level, type and payload.
pub(in crate::cmsg) fn source_v6(address: [u8; 16], ifindex: u32) -> Result<(c_int, c_int, [u8; PKTINFO6])> {
    Ok((kame::LEVEL, kame::IPV6_PKTINFO, shapes::pktinfo6_from(address, ifindex)))
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
