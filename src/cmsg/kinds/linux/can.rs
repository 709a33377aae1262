//! SOL_CAN_RAW and SOL_CAN_J1939: AF_CAN. Numbers: linux/can/raw.h, linux/can/j1939.h.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, received};

pub(crate) const RAW_LEVEL: c_int = 101;
pub(crate) const J1939_LEVEL: c_int = 107;

/// `struct sock_extended_err`, with a time stamp. SO_TIMESTAMPING; error queue. Linux 6.0,
/// net/can/raw.c.
pub(crate) const SCM_CAN_RAW_ERRQUEUE: c_int = 1;

/// One byte; not for a broadcast. Always. Linux 5.4, net/can/j1939/socket.c, as those below.
pub(crate) const SCM_J1939_DEST_ADDR: c_int = 1;
/// u64; where there is one.
pub(crate) const SCM_J1939_DEST_NAME: c_int = 2;
/// One byte.
pub(crate) const SCM_J1939_PRIO: c_int = 3;
/// `struct sock_extended_err`. SO_J1939_ERRQUEUE; error queue.
pub(crate) const SCM_J1939_ERRQUEUE: c_int = 4;

pub(super) const RAW_KINDS: &[Kind] =
    &[received(RAW_LEVEL, SCM_CAN_RAW_ERRQUEUE, c"SCM_CAN_RAW_ERRQUEUE", SOCK_EXTENDED_ERR)];

pub(super) const J1939_KINDS: &[Kind] = &[
    received(J1939_LEVEL, SCM_J1939_DEST_ADDR, c"SCM_J1939_DEST_ADDR", 1),
    received(J1939_LEVEL, SCM_J1939_DEST_NAME, c"SCM_J1939_DEST_NAME", 8),
    received(J1939_LEVEL, SCM_J1939_PRIO, c"SCM_J1939_PRIO", 1),
    received(J1939_LEVEL, SCM_J1939_ERRQUEUE, c"SCM_J1939_ERRQUEUE", SOCK_EXTENDED_ERR),
];
