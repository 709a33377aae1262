//! Linux. One file a family.
//!
//! The facts are those of the kernel's sources: received is what `put_cmsg` is called for, sent is
//! what the `*_cmsg_send` functions accept. Each constant names the option that asks for the
//! message, the first Linux that has it, and the file of the kernel that makes or reads it.

use super::{Kind, Puts, both, put, received, sent, shapes};
use crate::abi::{ANC_TIME_ID, anc_info, anc_sock_error};
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, Want};
use crate::errno::Result;
use core::ffi::c_int;

pub(crate) mod alg;
pub(crate) mod bluetooth;
pub(crate) mod can;
pub(crate) mod dccp;
pub(crate) mod ip;
pub(crate) mod ipv6;
pub(crate) mod iucv;
pub(crate) mod llc;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod rds;
pub(crate) mod rxrpc;
pub(crate) mod sctp;
pub(crate) mod socket;
pub(crate) mod stamps;
pub(crate) mod tcp;
pub(crate) mod tipc;
pub(crate) mod tls;
pub(crate) mod udp;
pub(crate) mod vsock;

/// `struct sock_extended_err` (linux/errqueue.h), which the error queues of all families bring; the
/// offender's address follows it in those of IP.
const SOCK_EXTENDED_ERR: usize = 16;

/// The levels, the busiest first.
pub(super) static LEVELS: [(c_int, &[Kind]); 20] = [
    (socket::LEVEL, socket::KINDS),
    (ip::LEVEL, ip::KINDS),
    (ipv6::LEVEL, ipv6::KINDS),
    (udp::LEVEL, udp::KINDS),
    (tcp::LEVEL, tcp::KINDS),
    (tls::LEVEL, tls::KINDS),
    (packet::LEVEL, packet::KINDS),
    (netlink::LEVEL, netlink::KINDS),
    (vsock::LEVEL, vsock::KINDS),
    (alg::LEVEL, alg::KINDS),
    (sctp::LEVEL, sctp::KINDS),
    (bluetooth::LEVEL, bluetooth::KINDS),
    (can::RAW_LEVEL, can::RAW_KINDS),
    (can::J1939_LEVEL, can::J1939_KINDS),
    (tipc::LEVEL, tipc::KINDS),
    (rxrpc::LEVEL, rxrpc::KINDS),
    (rds::LEVEL, rds::KINDS),
    (dccp::LEVEL, dccp::KINDS),
    (llc::LEVEL, llc::KINDS),
    (iucv::LEVEL, iucv::KINDS),
];

/// What asks for them, of the families that have facts.
pub(in crate::cmsg) static WANTS: [&[Want]; 7] =
    [socket::WANTS, ip::WANTS, ipv6::WANTS, udp::WANTS, tcp::WANTS, tls::WANTS, packet::WANTS];

/// The options for arrivals have their clocks in their names.
pub(crate) const CLOCK: Option<Clock> = None;

pub(in crate::cmsg) const PUTS: Puts = Puts {
    tos: [put(ip::LEVEL, ip::IP_TOS, 4), put(ipv6::LEVEL, ipv6::IPV6_TCLASS, 4)],
    ttl: [put(ip::LEVEL, ip::IP_TTL, 4), put(ipv6::LEVEL, ipv6::IPV6_HOPLIMIT, 4)],
    segment: put(udp::LEVEL, udp::UDP_SEGMENT, 2),
    txtime: put(socket::LEVEL, socket::SCM_TXTIME, 8),
    timestamping: put(socket::LEVEL, socket::SCM_TIMESTAMPING, 4),
    mark: put(socket::LEVEL, socket::SO_MARK, 4),
    priority: put(socket::LEVEL, socket::SO_PRIORITY, 4),
};

/// The local address to send from, and the interface: level, type and payload.
pub(in crate::cmsg) fn source_v4(address: [u8; 4], ifindex: u32) -> Result<(c_int, c_int, [u8; 12])> {
    Ok((ip::LEVEL, ip::IP_PKTINFO, shapes::pktinfo_from(address, ifindex)))
}

/// The same of IPv6.
pub(in crate::cmsg) fn source_v6(address: [u8; 16], ifindex: u32) -> Result<(c_int, c_int, [u8; 20])> {
    Ok((ipv6::LEVEL, ipv6::IPV6_PKTINFO, shapes::pktinfo6_from(address, ifindex)))
}

/// `struct ucred`.
pub(in crate::cmsg) fn credentials(of: &Credentials) -> Result<(c_int, c_int, [u8; 12])> {
    let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (of.pid.to_ne_bytes(), of.uid.to_ne_bytes(), of.gid.to_ne_bytes());
    Ok((socket::LEVEL, socket::SCM_CREDENTIALS, [a, b, c, d, e, f, g, h, i, j, k, l]))
}

/// What a message of a kind that nearly every datagram server asks for says; None where it is another. A
/// few comparisons tell these from the rest, which takes the families' tables.
#[inline(always)]
pub(in crate::cmsg) fn usual(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match (level, kind) {
        (socket::LEVEL, socket::SCM_TIMESTAMPNS) => socket::decode(kind, payload, info),
        (ip::LEVEL, ip::IP_PKTINFO | ip::IP_TTL | ip::IP_TOS) => ip::decode(kind, payload, info),
        _ => None,
    }
}

/// What a message says.
#[inline]
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match level {
        socket::LEVEL => socket::decode(kind, payload, info),
        ip::LEVEL => ip::decode(kind, payload, info),
        ipv6::LEVEL => ipv6::decode(kind, payload, info),
        udp::LEVEL => udp::decode(kind, payload, info),
        tcp::LEVEL => tcp::decode(kind, payload, info),
        tls::LEVEL => tls::decode(kind, payload, info),
        packet::LEVEL => packet::decode(kind, payload, info),
        _ => None,
    }
}

/// The label of a security module. SELinux ends it with a NUL.
fn label(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    if payload.may_be_cut() {
        return None;
    }
    let len = payload.len();
    let is_terminated = payload.at(len.checked_sub(1)?) == Some(0u8);
    info.label = payload.bytes().as_ptr().cast();
    info.label_len = if is_terminated { len.saturating_sub(1) } else { len };
    Some(())
}

/// `struct sock_extended_err`, and behind it the offender's address of this family and size: not there
/// at all from TLS and RDS, and nobody where it is of another family. In part it was cut.
fn sock_error(payload: Payload<'_>, info: &mut anc_info, offender: Option<(c_int, usize)>) -> Option<()> {
    const SO_EE_ORIGIN_TIMESTAMPING: u8 = 4;
    let address = payload.from(SOCK_EXTENDED_ERR)?;
    let (family, size) = offender.unwrap_or((0, 0));
    if address.len() != 0 && address.len() < size {
        return None;
    }
    info.error = anc_sock_error {
        err: payload.at(0)?,
        origin: payload.at(4)?,
        kind: payload.at(5)?,
        code: payload.at(6)?,
        reserved: 0,
        info: payload.at(8)?,
        data: payload.at(12)?,
    };
    let is_named = size != 0 && address.at::<u16>(0).map(c_int::from) == Some(family);
    info.offender = if is_named { address.bytes().as_ptr().cast() } else { core::ptr::null() };
    if info.error.origin == SO_EE_ORIGIN_TIMESTAMPING {
        info.time_id = info.error.data;
        info.present |= ANC_TIME_ID;
    }
    Some(())
}
