//! SOL_BLUETOOTH: SCO, ISO and L2CAP sockets of AF_BLUETOOTH. Numbers:
//! include/net/bluetooth/bluetooth.h, which the kernel does not install; BlueZ has a copy.
//!
//! HCI sockets use level 0: see `ip`.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, received};

pub(crate) const LEVEL: c_int = 274;

/// One byte, whether a packet came whole. BT_PKT_STATUS; SCO, ISO. Linux 5.9,
/// net/bluetooth/af_bluetooth.c.
pub(crate) const BT_SCM_PKT_STATUS: c_int = 3;
/// `struct sock_extended_err`, with a time stamp. SO_TIMESTAMPING; error queue. Linux 6.15,
/// net/bluetooth/{iso,l2cap_sock,sco}.c.
pub(crate) const BT_SCM_ERROR: c_int = 4;
/// u16, a packet's number. BT_PKT_SEQNUM; ISO. Linux 6.17, net/bluetooth/af_bluetooth.c.
pub(crate) const BT_SCM_PKT_SEQNUM: c_int = 5;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, BT_SCM_PKT_STATUS, c"BT_SCM_PKT_STATUS", 1),
    received(LEVEL, BT_SCM_ERROR, c"BT_SCM_ERROR", SOCK_EXTENDED_ERR),
    received(LEVEL, BT_SCM_PKT_SEQNUM, c"BT_SCM_PKT_SEQNUM", 2),
];
