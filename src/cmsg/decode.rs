//! All control messages of a message as one struct, whatever the family and the option.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::kinds;
use super::payload::{Fact, Payload};
use super::reader::find;
use crate::abi::anc_info;
use crate::errno::Result;

/// Decodes a control buffer into `info`. It never clears the struct: only the counts, the bits, and
/// the fields whose bits are set are written.
///
/// EBADMSG: the buffer is malformed; what stands before that was decoded.
///
/// # Safety
/// Headers and payloads of the buffer's messages must be initialised.
pub(crate) unsafe fn decode(control: &[MaybeUninit<u8>], info: &mut anc_info) -> Result<()> {
    info.present = 0;
    info.cut = 0;
    info.nfds = 0;
    info.nother = 0;
    let mut rest = control;
    // SAFETY: the caller's.
    while let Some(found) = unsafe { find(rest) }? {
        rest = found.rest;
        let mut payload = found.payload();
        // What a header promises and the buffer has not was cut. Descriptors count all the same, for
        // those that are there are the caller's.
        if found.cut && (found.level, found.kind) != (kinds::socket::LEVEL, kinds::socket::SCM_RIGHTS) {
            payload = payload.nothing();
        }
        match decode_one(found.level, found.kind, payload, info) {
            Some((fact, true)) => info.present |= fact,
            Some((fact, false)) => info.cut |= fact,
            None => info.nother = info.nother.saturating_add(1),
        }
    }
    Ok(())
}

#[inline]
fn decode_one(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match level {
        kinds::socket::LEVEL => kinds::socket::decode(kind, payload, info),
        kinds::ip::LEVEL => kinds::ip::decode(kind, payload, info),
        kinds::ipv6::LEVEL => kinds::ipv6::decode(kind, payload, info),
        kinds::udp::LEVEL => kinds::udp::decode(kind, payload, info),
        kinds::tcp::LEVEL => kinds::tcp::decode(kind, payload, info),
        kinds::tls::LEVEL => kinds::tls::decode(kind, payload, info),
        kinds::packet::LEVEL => kinds::packet::decode(kind, payload, info),
        _ => None,
    }
}
