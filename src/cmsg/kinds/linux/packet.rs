//! SOL_PACKET: AF_PACKET. Numbers: linux/if_packet.h. Received: net/packet/af_packet.c,
//! packet_recvmsg.

use core::ffi::c_int;

use super::socket::stamped;
use super::{Kind, SOCK_EXTENDED_ERR, received, sock_error};
use crate::abi::{ANC_AUXDATA, ANC_ERROR, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{PACKET, Want, switched};

pub(crate) const LEVEL: c_int = 263;

/// `struct tpacket_auxdata`, as it is since Linux 3.0. PACKET_AUXDATA. Linux 2.6.21.
pub(crate) const PACKET_AUXDATA: c_int = 8;
/// `struct sock_extended_err`, with a time stamp. SO_TIMESTAMPING; error queue. Linux 2.6.35.
pub(crate) const PACKET_TX_TIMESTAMP: c_int = 16;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, PACKET_AUXDATA, c"PACKET_AUXDATA", 20),
    received(LEVEL, PACKET_TX_TIMESTAMP, c"PACKET_TX_TIMESTAMP", SOCK_EXTENDED_ERR),
];

/// Errors are those of stamps alone.
pub(super) const WANTS: &[Want] =
    &[switched(ANC_AUXDATA, PACKET, LEVEL, PACKET_AUXDATA, 20), stamped(ANC_ERROR, PACKET, SOCK_EXTENDED_ERR as u16)];

/// What a message of this level says.
#[inline]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        PACKET_AUXDATA => (ANC_AUXDATA, auxdata(payload, info)),
        PACKET_TX_TIMESTAMP => (ANC_ERROR, sock_error(payload, info, None)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

/// `struct tpacket_auxdata`: status, length, snapped length, three offsets, the VLAN tag and its
/// protocol, of which the status says whether they are there.
fn auxdata(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    const TP_STATUS_VLAN_VALID: u32 = 1 << 4;
    const TP_STATUS_VLAN_TPID_VALID: u32 = 1 << 6;
    let (status, tci, tpid): (u32, u16, u16) = (payload.at(0)?, payload.at(16)?, payload.at(18)?);
    info.vlan_tci = if status & TP_STATUS_VLAN_VALID != 0 { tci.into() } else { 0 };
    info.vlan_tpid = if status & TP_STATUS_VLAN_TPID_VALID != 0 { tpid.into() } else { 0 };
    Some(())
}
