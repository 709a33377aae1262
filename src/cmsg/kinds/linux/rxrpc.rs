//! SOL_RXRPC: AF_RXRPC. Numbers: linux/rxrpc.h, enum rxrpc_cmsg_type. Received: net/rxrpc/recvmsg.c;
//! sent: rxrpc_sendmsg_cmsg of net/rxrpc/sendmsg.c, with these very lengths. Linux 2.6.22 where
//! nothing else is said.

use core::ffi::{c_int, c_ulong};
use core::mem::size_of;

use super::{Kind, both, received, sent};

pub(crate) const LEVEL: c_int = 272;

/// unsigned long, the program's name for the call.
pub(crate) const RXRPC_USER_CALL_ID: c_int = 1;
/// u32, the code.
pub(crate) const RXRPC_ABORT: c_int = 2;
/// Empty.
pub(crate) const RXRPC_ACK: c_int = 3;
/// u32, an errno.
pub(crate) const RXRPC_NET_ERROR: c_int = 5;
/// Empty. Before Linux 4.9.
pub(crate) const RXRPC_BUSY: c_int = 6;
/// u32, an errno.
pub(crate) const RXRPC_LOCAL_ERROR: c_int = 7;
/// Empty. Before Linux 5.9.
pub(crate) const RXRPC_NEW_CALL: c_int = 8;
/// Empty. Before Linux 5.9; no longer in the header.
pub(crate) const RXRPC_ACCEPT: c_int = 9;
/// Empty. Linux 4.9.
pub(crate) const RXRPC_EXCLUSIVE_CALL: c_int = 10;
/// Empty. Linux 4.13.
pub(crate) const RXRPC_UPGRADE_SERVICE: c_int = 11;
/// s64. Linux 4.13.
pub(crate) const RXRPC_TX_LENGTH: c_int = 12;
/// One to three u32. Linux 4.15.
pub(crate) const RXRPC_SET_CALL_TIMEOUT: c_int = 13;
/// Empty. Linux 5.9.
pub(crate) const RXRPC_CHARGE_ACCEPT: c_int = 14;
/// u64. RXRPC_MANAGE_RESPONSE. Linux 6.16; sent: net/rxrpc/oob.c, as those below.
pub(crate) const RXRPC_OOB_ID: c_int = 15;
/// `struct rxrpc_challenge`; longer for some security classes. Linux 6.16.
pub(crate) const RXRPC_CHALLENGED: c_int = 16;
/// Any length; not looked at. Linux 6.16.
pub(crate) const RXRPC_RESPOND: c_int = 17;
/// Any bytes. Linux 6.16.
pub(crate) const RXRPC_RESP_RXGK_APPDATA: c_int = 19;

pub(super) const KINDS: &[Kind] = &[
    both(LEVEL, RXRPC_USER_CALL_ID, c"RXRPC_USER_CALL_ID", size_of::<c_ulong>()),
    both(LEVEL, RXRPC_ABORT, c"RXRPC_ABORT", 4),
    received(LEVEL, RXRPC_ACK, c"RXRPC_ACK", 0),
    received(LEVEL, RXRPC_NET_ERROR, c"RXRPC_NET_ERROR", 4),
    received(LEVEL, RXRPC_BUSY, c"RXRPC_BUSY", 0),
    received(LEVEL, RXRPC_LOCAL_ERROR, c"RXRPC_LOCAL_ERROR", 4),
    received(LEVEL, RXRPC_NEW_CALL, c"RXRPC_NEW_CALL", 0),
    sent(LEVEL, RXRPC_ACCEPT, c"RXRPC_ACCEPT", 0),
    sent(LEVEL, RXRPC_EXCLUSIVE_CALL, c"RXRPC_EXCLUSIVE_CALL", 0),
    sent(LEVEL, RXRPC_UPGRADE_SERVICE, c"RXRPC_UPGRADE_SERVICE", 0),
    sent(LEVEL, RXRPC_TX_LENGTH, c"RXRPC_TX_LENGTH", 8),
    sent(LEVEL, RXRPC_SET_CALL_TIMEOUT, c"RXRPC_SET_CALL_TIMEOUT", 4),
    sent(LEVEL, RXRPC_CHARGE_ACCEPT, c"RXRPC_CHARGE_ACCEPT", 0),
    both(LEVEL, RXRPC_OOB_ID, c"RXRPC_OOB_ID", 8),
    received(LEVEL, RXRPC_CHALLENGED, c"RXRPC_CHALLENGED", 4),
    sent(LEVEL, RXRPC_RESPOND, c"RXRPC_RESPOND", 0),
    sent(LEVEL, RXRPC_RESP_RXGK_APPDATA, c"RXRPC_RESP_RXGK_APPDATA", 0),
];
