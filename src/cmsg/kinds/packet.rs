//! SOL_PACKET: AF_PACKET. Numbers: linux/if_packet.h. Received: net/packet/af_packet.c,
//! packet_recvmsg.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, received};

pub(crate) const LEVEL: c_int = 263;

/// `struct tpacket_auxdata`, as it is since Linux 3.0. PACKET_AUXDATA. Linux 2.6.21.
pub(crate) const PACKET_AUXDATA: c_int = 8;
/// `struct sock_extended_err`, with a time stamp. SO_TIMESTAMPING; error queue. Linux 2.6.35.
pub(crate) const PACKET_TX_TIMESTAMP: c_int = 16;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, PACKET_AUXDATA, c"PACKET_AUXDATA", 20),
    received(LEVEL, PACKET_TX_TIMESTAMP, c"PACKET_TX_TIMESTAMP", SOCK_EXTENDED_ERR),
];
