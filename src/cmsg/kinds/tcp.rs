//! SOL_TCP: TCP and MPTCP. Numbers: linux/tcp.h.

use core::ffi::c_int;

use super::{Kind, received};

pub(crate) const LEVEL: c_int = 6;

/// int, bytes that wait after this read. TCP_INQ. Linux 4.18, net/ipv4/tcp.c, tcp_recvmsg;
/// net/mptcp/protocol.c.
pub(crate) const TCP_CM_INQ: c_int = 36;

pub(super) const KINDS: &[Kind] = &[received(LEVEL, TCP_CM_INQ, c"TCP_CM_INQ", 4)];
