//! SOL_TCP: TCP and MPTCP. Numbers: linux/tcp.h.

use core::ffi::c_int;

use super::{Kind, received};
use crate::abi::{ANC_INQ, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{INT, TCP, TCP6, Want, switched};

pub(crate) const LEVEL: c_int = 6;

/// int, bytes that wait after this read. TCP_INQ. Linux 4.18, net/ipv4/tcp.c, tcp_recvmsg;
/// net/mptcp/protocol.c.
pub(crate) const TCP_CM_INQ: c_int = 36;

pub(super) const KINDS: &[Kind] = &[received(LEVEL, TCP_CM_INQ, c"TCP_CM_INQ", 4)];

/// The option of the same number is TCP_INQ.
pub(super) const WANTS: &[Want] = &[switched(ANC_INQ, TCP | TCP6, LEVEL, TCP_CM_INQ, INT)];

/// What a message of this level says.
#[inline]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        TCP_CM_INQ => (ANC_INQ, payload.at(0).map(|inq| info.inq = inq)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
