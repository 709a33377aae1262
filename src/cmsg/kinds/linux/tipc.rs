//! SOL_TIPC: AF_TIPC. Numbers: linux/tipc.h. Received, without being asked for, where there is
//! control space: net/tipc/socket.c, tipc_sk_anc_data_recv. Linux 2.6.16.

use core::ffi::c_int;

use super::{Kind, received};

pub(crate) const LEVEL: c_int = 271;

/// Two u32: an error's number, and the length of what follows in TIPC_RETDATA.
pub(crate) const TIPC_ERRINFO: c_int = 1;
/// The message that could not be delivered; never an empty one.
pub(crate) const TIPC_RETDATA: c_int = 2;
/// Three u32: the service that the message was sent to.
pub(crate) const TIPC_DESTNAME: c_int = 3;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, TIPC_ERRINFO, c"TIPC_ERRINFO", 8),
    received(LEVEL, TIPC_RETDATA, c"TIPC_RETDATA", 1),
    received(LEVEL, TIPC_DESTNAME, c"TIPC_DESTNAME", 12),
];
