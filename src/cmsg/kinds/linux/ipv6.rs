//! SOL_IPV6: UDP, ping and raw sockets of AF_INET6; the error queue of TCP.
//!
//! Numbers: linux/in6.h, linux/ipv6.h. Received: net/ipv6/datagram.c, ip6_datagram_recv_ctl,
//! ipv6_recv_error and ipv6_recv_rxpmtu; sent: ip6_datagram_send_ctl there. Where an
//! AF_INET6 socket sends to a mapped address, IPv4's ip_cmsg_send reads: of this level it takes IPV6_PKTINFO
//! with a mapped address and no other, and ignores the rest. An AF_INET socket ignores the whole level.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, both, received, sent, sock_error};
use crate::abi::{ANC_DEST, ANC_ERROR, ANC_FLOWINFO, ANC_FRAGSIZE, ANC_ORIGINAL, ANC_TOS, ANC_TTL, anc_info};
use crate::cmsg::kinds::shapes;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{DATAGRAMS6, INT, TCP6, Want, switched};
use crate::sys::AF_INET6;

pub(crate) const LEVEL: c_int = 41;

/// An extension header is a multiple of this.
const HEADER: usize = 8;
/// `struct in6_pktinfo`.
const PKTINFO: usize = 20;
/// `struct in6_pktinfo`. IPV6_2292PKTINFO. The numbers of RFC 2292. Linux 2.2; by this name since 2.6.14.
pub(crate) const IPV6_2292PKTINFO: c_int = 2;
/// The hop-by-hop options. IPV6_2292HOPOPTS. Linux 2.2.
pub(crate) const IPV6_2292HOPOPTS: c_int = 3;
/// The destination options. IPV6_2292DSTOPTS. Linux 2.2.
pub(crate) const IPV6_2292DSTOPTS: c_int = 4;
/// A routing header. IPV6_2292RTHDR. Linux 2.2.
pub(crate) const IPV6_2292RTHDR: c_int = 5;
/// int, the hop limit. IPV6_2292HOPLIMIT. Linux 2.2.
pub(crate) const IPV6_2292HOPLIMIT: c_int = 8;
/// u32, big-endian: the traffic class and the flow label; not where both are 0. IPV6_FLOWINFO.
/// Linux 2.2.
pub(crate) const IPV6_FLOWINFO: c_int = 11;
/// `struct sock_extended_err` and the offender's `sockaddr_in6`. IPV6_RECVERR, and for time stamps
/// and zero-copy completions always; error queue. Linux 2.2.
pub(crate) const IPV6_RECVERR: c_int = 25;
/// `struct in6_pktinfo`. IPV6_RECVPKTINFO. Linux 2.6.14.
pub(crate) const IPV6_PKTINFO: c_int = 50;
/// int; sent: -1 for the route's. IPV6_RECVHOPLIMIT. Linux 2.6.14.
pub(crate) const IPV6_HOPLIMIT: c_int = 52;
/// The hop-by-hop options. IPV6_RECVHOPOPTS. Linux 2.6.14.
pub(crate) const IPV6_HOPOPTS: c_int = 54;
/// Destination options before a routing header. Linux 2.6.14.
pub(crate) const IPV6_RTHDRDSTOPTS: c_int = 55;
/// A routing header. IPV6_RECVRTHDR. Linux 2.6.14.
pub(crate) const IPV6_RTHDR: c_int = 57;
/// The destination options. IPV6_RECVDSTOPTS. Linux 2.6.14.
pub(crate) const IPV6_DSTOPTS: c_int = 59;
/// `struct ip6_mtuinfo`, with an empty message. IPV6_RECVPATHMTU. Linux 2.6.35.
pub(crate) const IPV6_PATHMTU: c_int = 61;
/// int, 0 or 1. Linux 2.6.35.
pub(crate) const IPV6_DONTFRAG: c_int = 62;
/// int; sent: -1 for the route's. IPV6_RECVTCLASS. Linux 2.6.14.
pub(crate) const IPV6_TCLASS: c_int = 67;
/// `struct sockaddr_in6`: where a datagram was sent to before it was redirected.
/// IPV6_RECVORIGDSTADDR. Linux 2.6.37.
pub(crate) const IPV6_ORIGDSTADDR: c_int = 74;
/// int, the largest fragment; not for a datagram in one piece. IPV6_RECVFRAGSIZE. Linux 4.10.
pub(crate) const IPV6_RECVFRAGSIZE: c_int = 77;

pub(super) const KINDS: &[Kind] = &[
    both(LEVEL, IPV6_PKTINFO, c"IPV6_PKTINFO", PKTINFO),
    both(LEVEL, IPV6_HOPLIMIT, c"IPV6_HOPLIMIT", 4),
    both(LEVEL, IPV6_TCLASS, c"IPV6_TCLASS", 4),
    received(LEVEL, IPV6_RECVERR, c"IPV6_RECVERR", SOCK_EXTENDED_ERR + 28),
    both(LEVEL, IPV6_FLOWINFO, c"IPV6_FLOWINFO", 4),
    received(LEVEL, IPV6_ORIGDSTADDR, c"IPV6_ORIGDSTADDR", 28),
    received(LEVEL, IPV6_RECVFRAGSIZE, c"IPV6_RECVFRAGSIZE", 4),
    both(LEVEL, IPV6_HOPOPTS, c"IPV6_HOPOPTS", HEADER),
    both(LEVEL, IPV6_DSTOPTS, c"IPV6_DSTOPTS", HEADER),
    both(LEVEL, IPV6_RTHDR, c"IPV6_RTHDR", HEADER),
    sent(LEVEL, IPV6_RTHDRDSTOPTS, c"IPV6_RTHDRDSTOPTS", HEADER),
    sent(LEVEL, IPV6_DONTFRAG, c"IPV6_DONTFRAG", 4),
    received(LEVEL, IPV6_PATHMTU, c"IPV6_PATHMTU", 32),
    both(LEVEL, IPV6_2292PKTINFO, c"IPV6_2292PKTINFO", PKTINFO),
    both(LEVEL, IPV6_2292HOPLIMIT, c"IPV6_2292HOPLIMIT", 4),
    both(LEVEL, IPV6_2292HOPOPTS, c"IPV6_2292HOPOPTS", HEADER),
    both(LEVEL, IPV6_2292DSTOPTS, c"IPV6_2292DSTOPTS", HEADER),
    both(LEVEL, IPV6_2292RTHDR, c"IPV6_2292RTHDR", HEADER),
];

/// Those that bring IPV6_PKTINFO, IPV6_HOPLIMIT and IPV6_TCLASS.
pub(crate) const IPV6_RECVPKTINFO: c_int = 49;
pub(crate) const IPV6_RECVHOPLIMIT: c_int = 51;
pub(crate) const IPV6_RECVTCLASS: c_int = 66;

pub(super) const WANTS: &[Want] = &[
    switched(ANC_DEST, DATAGRAMS6, LEVEL, IPV6_RECVPKTINFO, PKTINFO as u16),
    switched(ANC_TTL, DATAGRAMS6, LEVEL, IPV6_RECVHOPLIMIT, INT),
    switched(ANC_TOS, DATAGRAMS6, LEVEL, IPV6_RECVTCLASS, INT),
    switched(ANC_ERROR, DATAGRAMS6 | TCP6, LEVEL, IPV6_RECVERR, (SOCK_EXTENDED_ERR + SOCKADDR_IN6) as u16),
    switched(ANC_ORIGINAL, DATAGRAMS6, LEVEL, IPV6_ORIGDSTADDR, SOCKADDR_IN6 as u16),
    switched(ANC_FRAGSIZE, DATAGRAMS6, LEVEL, IPV6_RECVFRAGSIZE, INT),
    switched(ANC_FLOWINFO, DATAGRAMS6, LEVEL, IPV6_FLOWINFO, INT),
];

/// What a message of this level says.
#[inline]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        IPV6_PKTINFO | IPV6_2292PKTINFO => (ANC_DEST, shapes::pktinfo6(payload).map(|dest| info.dest = dest)),
        IPV6_HOPLIMIT | IPV6_2292HOPLIMIT => (ANC_TTL, payload.at(0).map(|hops| info.ttl = hops)),
        IPV6_TCLASS => (ANC_TOS, payload.at(0).map(|class| info.tos = class)),
        // Nobody makes one without an address.
        IPV6_RECVERR => (
            ANC_ERROR,
            payload
                .from(SOCK_EXTENDED_ERR + SOCKADDR_IN6)
                .and_then(|_| sock_error(payload, info, Some((AF_INET6, SOCKADDR_IN6)))),
        ),
        IPV6_ORIGDSTADDR => (ANC_ORIGINAL, shapes::original::<SOCKADDR_IN6>(payload, info)),
        IPV6_RECVFRAGSIZE => (ANC_FRAGSIZE, payload.at(0).map(|size| info.fragsize = size)),
        IPV6_FLOWINFO => (ANC_FLOWINFO, payload.at(0).map(|flow| info.flowinfo = u32::from_be(flow))),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

/// `struct sockaddr_in6`.
const SOCKADDR_IN6: usize = 28;
