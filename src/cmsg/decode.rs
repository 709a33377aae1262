//! All control messages of a message as one struct, whatever the family and the option.

use core::ptr;

use super::control::control;
use super::kinds;
use super::reader::{Found, Walk};
use crate::abi::anc_info;
use crate::errno::Result;
use crate::sys::{MSG_CTRUNC, SCM_RIGHTS, SOL_SOCKET, msghdr};

/// Decodes the control messages of a message into `info`. It never clears the struct: only the counts,
/// the bits, and the fields whose bits are set are written.
///
/// EBADMSG: the buffer is malformed; what stands before that was decoded.
///
/// # Safety
/// msg_control is NULL or points to msg_controllen bytes, and headers and payloads of the messages there
/// are initialised.
#[inline]
pub(crate) unsafe fn decode(msg: &msghdr, info: &mut anc_info) -> Result<()> {
    // SAFETY: the caller's.
    let mut walk = unsafe { Walk::new(control(msg)) };
    let mut present = 0;
    loop {
        let here = walk.clone();
        let Some(found) = walk.next() else { break };
        match usual(found, info) {
            Some(fact) => present |= fact,
            None => return decode_rest(msg, info, here, present),
        }
    }
    (info.present, info.cut, info.nfds, info.nother) = (present, 0, 0, 0);
    Ok(())
}

/// The fact of a whole message of a usual kind.
#[inline(always)]
fn usual(found: Result<Found<'_>>, info: &mut anc_info) -> Option<u64> {
    let found = found.ok().filter(|found| !found.cut)?;
    let fact = kinds::usual(found.level, found.kind, found.payload(), info);
    fact.filter(|(_, is_whole)| *is_whole).map(|(fact, _)| fact)
}

/// Goes on from the first unusual message, whatever comes.
#[inline(never)]
fn decode_rest(msg: &msghdr, info: &mut anc_info, walk: Walk<'_>, present: u64) -> Result<()> {
    (info.present, info.cut, info.nfds, info.nother) = (present, 0, 0, 0);
    let cut_at = if msg.msg_flags & MSG_CTRUNC != 0 { walk.rest().as_ptr_range().end } else { ptr::null() };
    for found in walk {
        let found = found?;
        let mut payload = found.payload().cut_at(cut_at);
        // What a header promises and the buffer has not was cut. Descriptors count all the same, for
        // those that are there are the caller's.
        if found.cut && (found.level, found.kind) != (SOL_SOCKET, SCM_RIGHTS) {
            payload = payload.nothing();
        }
        match kinds::decode(found.level, found.kind, payload, info) {
            Some((fact, true)) => info.present |= fact,
            Some((fact, false)) => info.cut |= fact,
            None => info.nother = info.nother.saturating_add(1),
        }
    }
    Ok(())
}
