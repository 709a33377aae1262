//! SOL_IP: UDP, ping and raw sockets of AF_INET; the error queue of TCP; AF_INET6 sockets for
//! datagrams that came over IPv4.
//!
//! Numbers: linux/in.h. Received: net/ipv4/ip_sockglue.c, ip_cmsg_recv_offset and ip_recv_error;
//! sent: ip_cmsg_send there.
//!
//! Three other families have 0 for their level too, with types of their own: HCI (HCI_CMSG_DIR 1, an
//! int; HCI_CMSG_TSTAMP 2, a timeval), mISDN (MISDN_TIME_STAMP 1, a timeval) and IEEE 802.15.4
//! (WPAN_WANTLQI 3, one byte). Level and type can't tell them from IP_TOS, IP_TTL and SCM_SECURITY,
//! whose names they get; none of them is shorter.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, both, received, sent, sock_error};
use crate::abi::{ANC_DEST, ANC_ERROR, ANC_FRAGSIZE, ANC_LABEL, ANC_ORIGINAL, ANC_TOS, ANC_TTL, anc_info};
use crate::cmsg::kinds::shapes;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{DATAGRAMS, INT, TCP, UDP6, Want, switched};
use crate::sys::AF_INET;

pub(crate) const LEVEL: c_int = 0;

/// One byte; in IP_PKTOPTIONS and sent also an int. IP_RECVTOS. Linux 2.2; sent: 3.13.
pub(crate) const IP_TOS: c_int = 1;
/// int. IP_RECVTTL. Linux 2.2; sent: 3.13.
pub(crate) const IP_TTL: c_int = 2;
/// The label of a security module, of any length; the number is that of linux/socket.h. IP_PASSSEC.
/// Linux 2.6.17.
pub(crate) const SCM_SECURITY: c_int = super::socket::SCM_SECURITY;
/// The options of the header as they came, in words. IP_RECVOPTS. Linux 2.2.
pub(crate) const IP_RECVOPTS: c_int = 6;
/// The options that answer those that came; may be none. IP_RETOPTS. Linux 2.2.
pub(crate) const IP_RETOPTS: c_int = 7;
/// `struct in_pktinfo`. IP_PKTINFO. Linux 2.2.
pub(crate) const IP_PKTINFO: c_int = 8;
/// `struct sock_extended_err` and the offender's `sockaddr_in`; without the latter from TLS
/// (net/tls/tls_sw.c) and RDS (net/rds/recv.c). IP_RECVERR, and for time stamps and zero-copy
/// completions always; error queue. Linux 2.2.
pub(crate) const IP_RECVERR: c_int = 11;
/// `struct sockaddr_in`: where a datagram was sent to before it was redirected. IP_RECVORIGDSTADDR.
/// Linux 2.6.29.
pub(crate) const IP_ORIGDSTADDR: c_int = 20;
/// u32, the sum over the datagram. IP_CHECKSUM; UDP. Linux 4.0.
pub(crate) const IP_CHECKSUM: c_int = 23;
/// int, the largest fragment; not for a datagram in one piece. IP_RECVFRAGSIZE. Linux 4.10.
pub(crate) const IP_RECVFRAGSIZE: c_int = 25;
/// int, 1 to 255. Raw sockets with IPPROTO_RAW. Linux 6.4.
pub(crate) const IP_PROTOCOL: c_int = 52;

pub(super) const KINDS: &[Kind] = &[
    both(LEVEL, IP_PKTINFO, c"IP_PKTINFO", 12),
    both(LEVEL, IP_TTL, c"IP_TTL", 4),
    both(LEVEL, IP_TOS, c"IP_TOS", 1),
    received(LEVEL, IP_RECVERR, c"IP_RECVERR", SOCK_EXTENDED_ERR),
    received(LEVEL, IP_ORIGDSTADDR, c"IP_ORIGDSTADDR", 16),
    received(LEVEL, IP_RECVFRAGSIZE, c"IP_RECVFRAGSIZE", 4),
    received(LEVEL, IP_RECVOPTS, c"IP_RECVOPTS", 4),
    both(LEVEL, IP_RETOPTS, c"IP_RETOPTS", 0),
    received(LEVEL, SCM_SECURITY, c"SCM_SECURITY", 0),
    received(LEVEL, IP_CHECKSUM, c"IP_CHECKSUM", 4),
    sent(LEVEL, IP_PROTOCOL, c"IP_PROTOCOL", 4),
];

/// Those that bring IP_TTL, IP_TOS and the label.
pub(crate) const IP_RECVTTL: c_int = 12;
pub(crate) const IP_RECVTOS: c_int = 13;
pub(crate) const IP_PASSSEC: c_int = 18;

/// The error queue of TCP has the ICMP errors of attempts to connect: those of IPv4 even unasked. UDP over
/// IPv6 needs most of these for the datagrams of IPv4; not IP_PKTINFO, for its own brings the mapped
/// address.
pub(super) const WANTS: &[Want] = &[
    switched(ANC_DEST, DATAGRAMS, LEVEL, IP_PKTINFO, 12),
    switched(ANC_TTL, DATAGRAMS | UDP6, LEVEL, IP_RECVTTL, INT),
    switched(ANC_TOS, DATAGRAMS | UDP6, LEVEL, IP_RECVTOS, 1),
    switched(ANC_ERROR, DATAGRAMS | UDP6 | TCP, LEVEL, IP_RECVERR, (SOCK_EXTENDED_ERR + SOCKADDR_IN) as u16),
    switched(ANC_ORIGINAL, DATAGRAMS | UDP6, LEVEL, IP_ORIGDSTADDR, SOCKADDR_IN as u16),
    switched(ANC_FRAGSIZE, DATAGRAMS | UDP6, LEVEL, IP_RECVFRAGSIZE, INT),
    switched(ANC_LABEL, DATAGRAMS, LEVEL, IP_PASSSEC, 0),
];

/// What a message of this level says.
#[inline(always)]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        IP_PKTINFO => (ANC_DEST, shapes::pktinfo(payload).map(|dest| info.dest = dest)),
        IP_TTL => (ANC_TTL, payload.at(0).map(|ttl| info.ttl = ttl)),
        IP_TOS => (ANC_TOS, tos(payload).map(|tos| info.tos = tos.into())),
        IP_RECVERR => (ANC_ERROR, sock_error(payload, info, Some((AF_INET, SOCKADDR_IN)))),
        IP_ORIGDSTADDR => (ANC_ORIGINAL, shapes::original::<SOCKADDR_IN>(payload, info)),
        IP_RECVFRAGSIZE => (ANC_FRAGSIZE, payload.at(0).map(|size| info.fragsize = size)),
        SCM_SECURITY => (ANC_LABEL, super::label(payload, info)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

/// A byte, or the lowest one of an int where the message came by IP_PKTOPTIONS.
fn tos(payload: Payload<'_>) -> Option<u8> {
    let lowest = if cfg!(target_endian = "big") { payload.at(3) } else { None };
    lowest.or_else(|| payload.at(0))
}

/// `struct sockaddr_in`.
const SOCKADDR_IN: usize = 16;
