//! SOL_UDP: UDP over IPv4 and IPv6. Numbers: linux/udp.h.

use core::ffi::c_int;

use super::{Kind, received, sent};
use crate::abi::{ANC_SEGMENT, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, INT, UDP, UDP6, Want};

pub(crate) const LEVEL: c_int = 17;

/// u16, the size of the datagrams that one send is cut into. Linux 4.18, net/ipv4/udp.c,
/// __udp_cmsg_send.
pub(crate) const UDP_SEGMENT: c_int = 103;
/// int, the size of the datagrams that one receive joins. UDP_GRO. Linux 5.0, include/linux/udp.h,
/// udp_cmsg_recv.
pub(crate) const UDP_GRO: c_int = 104;

pub(super) const KINDS: &[Kind] =
    &[received(LEVEL, UDP_GRO, c"UDP_GRO", 4), sent(LEVEL, UDP_SEGMENT, c"UDP_SEGMENT", 2)];

/// It is told since Linux 5.13.
pub(super) const WANTS: &[Want] = &[Want {
    fact: ANC_SEGMENT,
    sockets: UDP | UDP6,
    level: LEVEL,
    option: UDP_GRO,
    how: How::Blind { refuses: None },
    payloads: [INT, 0],
}];

/// What a message of this level says.
#[inline]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        UDP_GRO => (ANC_SEGMENT, payload.at(0).map(|bytes| info.segment = bytes)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
