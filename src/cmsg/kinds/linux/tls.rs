//! SOL_TLS: TCP with the kernel's TLS (TCP_ULP "tls"). Numbers: linux/tls.h. The payload is one byte,
//! the record's type.

use core::ffi::c_int;

use super::{Kind, received, sent};
use crate::abi::{ANC_TLS_RECORD, anc_info};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{How, TCP, TCP6, Want};

pub(crate) const LEVEL: c_int = 282;

/// Linux 4.13, net/tls/tls_main.c, tls_process_cmsg.
pub(crate) const TLS_SET_RECORD_TYPE: c_int = 1;
/// Always, once TLS_RX is set. Linux 4.17, net/tls/tls_sw.c, tls_record_content_type.
pub(crate) const TLS_GET_RECORD_TYPE: c_int = 2;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, TLS_GET_RECORD_TYPE, c"TLS_GET_RECORD_TYPE", 1),
    sent(LEVEL, TLS_SET_RECORD_TYPE, c"TLS_SET_RECORD_TYPE", 1),
];

/// The keys to receive with: read as an int they are the version and the cipher. Linux 4.17.
pub(crate) const TLS_RX: c_int = 2;

pub(super) const WANTS: &[Want] = &[Want {
    fact: ANC_TLS_RECORD,
    sockets: TCP | TCP6,
    level: LEVEL,
    option: TLS_RX,
    how: How::ByItself,
    payloads: [1, 0],
}];

/// What a message of this level says.
#[inline]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        TLS_GET_RECORD_TYPE => (ANC_TLS_RECORD, payload.at::<u8>(0).map(|kind| info.tls_record = kind.into())),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}
