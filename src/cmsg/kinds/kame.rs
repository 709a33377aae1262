//! IPPROTO_IPV6 of the systems whose IPv6 descends from KAME's: UDP and raw sockets of AF_INET6. Numbers:
//! netinet6/in6.h. A system's file has those in which they differ.

use core::ffi::c_int;

use super::platform::{IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_TCLASS};
use super::shapes::{self, PKTINFO6};
use super::{Kind, Puts, both, lacking, put, received};
use crate::abi::{ANC_DEST, ANC_TOS, ANC_TTL, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{INT, RAW6, UDP6, Want, switched};
use crate::errno::Result;

pub(super) const LEVEL: c_int = 41;

/// An extension header is a multiple of this.
const HEADER: usize = 8;

/// `struct ip6_mtuinfo`, with an empty message. IPV6_RECVPATHMTU.
pub(super) const IPV6_PATHMTU: c_int = 44;
/// `struct in6_pktinfo`. IPV6_RECVPKTINFO.
pub(super) const IPV6_PKTINFO: c_int = 46;
/// int. IPV6_RECVHOPLIMIT.
pub(super) const IPV6_HOPLIMIT: c_int = 47;
/// The hop-by-hop options. IPV6_RECVHOPOPTS.
pub(super) const IPV6_HOPOPTS: c_int = 49;
/// The destination options. IPV6_RECVDSTOPTS.
pub(super) const IPV6_DSTOPTS: c_int = 50;
/// A routing header. IPV6_RECVRTHDR.
pub(super) const IPV6_RTHDR: c_int = 51;

pub(super) const KINDS: &[Kind] = &[
    both(LEVEL, IPV6_PKTINFO, c"IPV6_PKTINFO", PKTINFO6),
    both(LEVEL, IPV6_HOPLIMIT, c"IPV6_HOPLIMIT", 4),
    both(LEVEL, IPV6_TCLASS, c"IPV6_TCLASS", 4),
    both(LEVEL, IPV6_HOPOPTS, c"IPV6_HOPOPTS", HEADER),
    both(LEVEL, IPV6_DSTOPTS, c"IPV6_DSTOPTS", HEADER),
    both(LEVEL, IPV6_RTHDR, c"IPV6_RTHDR", HEADER),
    received(LEVEL, IPV6_PATHMTU, c"IPV6_PATHMTU", 32),
];

/// What brings IPV6_HOPLIMIT.
pub(super) const IPV6_RECVHOPLIMIT: c_int = 37;

const DATAGRAMS6: u16 = UDP6 | RAW6;

pub(super) const WANTS: &[Want] = &[
    switched(ANC_DEST, DATAGRAMS6, LEVEL, IPV6_RECVPKTINFO, PKTINFO6 as u16),
    switched(ANC_TTL, DATAGRAMS6, LEVEL, IPV6_RECVHOPLIMIT, INT),
    switched(ANC_TOS, DATAGRAMS6, LEVEL, IPV6_RECVTCLASS, INT),
];

pub(in crate::cmsg) const PUTS: Puts =
    Puts { tos: [None, put(LEVEL, IPV6_TCLASS, 4)], ttl: [None, put(LEVEL, IPV6_HOPLIMIT, 4)], ..lacking::PUTS };

/// The local address to send from, and the interface: level, type and payload.
pub(in crate::cmsg) fn source_v6(address: [u8; 16], ifindex: u32) -> Result<(c_int, c_int, [u8; PKTINFO6])> {
    Ok((LEVEL, IPV6_PKTINFO, shapes::pktinfo6_from(address, ifindex)))
}

/// What a message of this level says.
pub(super) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        IPV6_PKTINFO => (ANC_DEST, shapes::pktinfo6(payload).map(|dest| info.dest = dest)),
        IPV6_HOPLIMIT => (ANC_TTL, payload.at(0).map(|hops| info.ttl = hops)),
        IPV6_TCLASS => (ANC_TOS, payload.at(0).map(|class| info.tos = class)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
