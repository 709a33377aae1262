//! Section 4: reading control messages, and taking their descriptors.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::convert::{Report, descriptor, slots, status};
use crate::abi::{ANC_EXACT, ANC_TRIM, anc_cmsg};
use crate::cmsg::{self, Walk};
use crate::errno::{Errno, Result};
use crate::fds::{self, Unclaimed};
use crate::socket::Flags;
use crate::sys::msghdr;

/// Shows the next control message of `msg`, whoever filled it. Pure: nothing is taken.
///
/// Start with *c zeroed. Lengths are taken as hostile, the buffer may have any alignment, and the
/// last message may lack its padding. c->cut is 1 where the payload was shortened: its header reaches
/// past the buffer, or the kind is known and must be longer; data and len show what is there.
///
/// Returns 1; 0 at the end, which is fewer bytes than a header; -1 and errno, *c as it was:
/// EBADMSG: a length shorter than its own header. EFAULT: msg or c is NULL, or msg_control is NULL
/// with a length of a header or more.
///
/// # Safety
/// The pointers must be NULL or valid, and msg_control valid for msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_next(msg: *const msghdr, c: *mut anc_cmsg) -> c_int {
    // SAFETY: the caller's pointers.
    match unsafe { next(msg, c) } {
        Ok(found) => c_int::from(found),
        Err(errno) => status(Err(errno)),
    }
}

/// # Safety
/// As for anc_next.
#[inline]
unsafe fn next(msg: *const msghdr, c: *mut anc_cmsg) -> Result<bool> {
    // SAFETY: the caller's pointers.
    let (Some(msg), Some(c)) = (unsafe { (msg.as_ref(), c.as_mut()) }) else { return Err(Errno::EFAULT) };
    // SAFETY: the caller's buffer.
    let control = unsafe { checked_control(msg) }?;
    // SAFETY: the caller's buffer, whose messages are there.
    let mut walk = unsafe { Walk::new(control.get(c.next..).unwrap_or_default()) };
    let Some(found) = walk.next().transpose()? else { return Ok(false) };
    c.level = found.level;
    c.kind = found.kind;
    c.data = found.payload.as_ptr().cast();
    c.len = found.payload.len();
    c.cut = u32::from(found.is_cut());
    c.reserved = 0;
    c.next = control.len().saturating_sub(walk.rest().len());
    Ok(true)
}

/// The control buffer of a message. EFAULT: NULL with a length of a header or more; less is no
/// message, whatever it points to.
///
/// # Safety
/// msg_control is NULL or points to msg_controllen bytes.
#[inline]
pub(super) unsafe fn checked_control(msg: &msghdr) -> Result<&[MaybeUninit<u8>]> {
    if msg.msg_control.is_null() {
        return if msg.msg_controllen as usize >= cmsg::HEADER { Err(Errno::EFAULT) } else { Ok(&[]) };
    }
    // SAFETY: the caller's.
    Ok(unsafe { cmsg::control(msg) })
}

/// Copies the data of the one control message of `msg` that has this level and type, and exactly `len`
/// bytes: the counterpart of anc_put. Pure: a descriptor that is looked at this way is not taken.
///
/// Returns 0, or -1 and errno, with data as it was: ENOMSG: there is none. EMSGSIZE: it is longer or
/// shorter, or was cut. EBADMSG: a length shorter than its own header. EFAULT: msg is NULL, or data with
/// a length, or msg_control with a length of a header or more. Of several, the last counts, as in
/// anc_decode.
///
/// # Safety
/// The pointers must be NULL or valid for the lengths beside them, and msg_control valid for
/// msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_get(
    msg: *const msghdr,
    level: c_int,
    r#type: c_int,
    data: *mut c_void,
    len: usize,
) -> c_int {
    // SAFETY: the caller's pointers.
    status(unsafe { get(msg, level, r#type, data, len) })
}

/// # Safety
/// As for anc_get.
unsafe fn get(msg: *const msghdr, level: c_int, kind: c_int, data: *mut c_void, len: usize) -> Result<()> {
    // SAFETY: the caller's pointer.
    let msg = unsafe { msg.as_ref() }.ok_or(Errno::EFAULT)?;
    if data.is_null() && len != 0 {
        return Err(Errno::EFAULT);
    }
    let mut last = None;
    // SAFETY: the caller's buffer, whose messages are there.
    for found in unsafe { Walk::new(checked_control(msg)?) } {
        let found = found?;
        if (found.level, found.kind) == (level, kind) {
            last = Some(found);
        }
    }
    let found = last.ok_or(Errno::ENOMSG)?;
    if found.is_cut() || found.payload.len() != len {
        return Err(Errno::EMSGSIZE);
    }
    // SAFETY: both have `len` bytes; the caller's data may lie anywhere, so they may overlap.
    unsafe { data.cast::<MaybeUninit<u8>>().copy_from(found.payload.as_ptr(), len) };
    Ok(())
}

/// The name of a control message, as "SCM_RIGHTS", or NULL where it is not known.
#[unsafe(no_mangle)]
pub extern "C" fn anc_name(level: c_int, r#type: c_int) -> *const c_char {
    cmsg::kind(level, r#type).map_or(ptr::null(), |kind| kind.name.as_ptr())
}

/// Takes the descriptors of all SCM_RIGHTS of `msg`, in order: the first *nfds of `fds` are the
/// caller's. Their slots in the control buffer hold -1 from then on. Negative slots are skipped and
/// never counted. What was lost is in msg_flags, not an error here.
///
/// Returns 0, or -1 and errno, *nfds 0: ERANGE: more than max_fds (ANC_TRIM: the surplus is closed,
/// no error). ENOMSG: fewer than max_fds, with ANC_EXACT. In both cases all of them are closed; a
/// pidfd stays. Nothing taken: EINVAL: an unknown flag; ANC_TRIM with ANC_EXACT; nfds NULL though
/// needed, as in anc_recv_fds; fds in the control buffer. EFAULT: msg is NULL, or fds with max_fds.
///
/// flags: ANC_EXACT, ANC_TRIM.
///
/// # Safety
/// The pointers must be NULL or valid for the lengths beside them, and msg_control valid for
/// msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_take_fds(
    msg: *mut msghdr,
    fds: *mut c_int,
    max_fds: usize,
    nfds: *mut usize,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's pointer.
    let report = unsafe { Report::new(nfds) };
    let take = || {
        let flags = Flags::new(flags, ANC_EXACT | ANC_TRIM)?;
        report.is_needed(max_fds, flags)?;
        // SAFETY: the caller's pointers.
        let (msg, to) = unsafe { (msg.as_mut().ok_or(Errno::EFAULT)?, slots(fds, max_fds)?) };
        let at_least = if flags.exact() { to.len() } else { 0 };
        // SAFETY: the caller's message.
        unsafe { Unclaimed::of(msg) }.take_fds(to, at_least, flags.trim())
    };
    status(take().map(|taken| report.set(taken)))
}

/// Takes the pidfd of `msg`, which is the caller's then.
///
/// -1 and errno: ENOMSG: none came, or it was taken. EFAULT: msg is NULL. Otherwise the error that
/// the kernel put in its place, as EMFILE for a full descriptor table.
///
/// # Safety
/// `msg` must be NULL or valid, and msg_control valid for msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_take_pidfd(msg: *mut msghdr) -> c_int {
    // SAFETY: the caller's pointer.
    let msg = unsafe { msg.as_mut() }.ok_or(Errno::EFAULT);
    // SAFETY: the caller's message.
    descriptor(msg.and_then(|msg| unsafe { Unclaimed::of(msg) }.take_pidfd()))
}

/// Closes every descriptor in the control buffer of `msg` that nobody has taken, a pidfd too, as far
/// as the buffer is well formed. May be repeated. Keeps errno. No cancellation point.
///
/// # Safety
/// `msg` must be NULL or valid, and msg_control valid for msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_close_unclaimed(msg: *mut msghdr) {
    // SAFETY: the caller's pointer and message.
    if let Some(msg) = unsafe { msg.as_mut() } {
        // SAFETY: as above.
        unsafe { Unclaimed::of(msg) }.close();
    }
}

/// Why `msg` came with MSG_CTRUNC; `room` is the msg_controllen that it was received with. To be
/// asked before anything is closed, so not after MSG_PEEK.
///
/// Returns 0 without MSG_CTRUNC, or: ENOBUFS: the control buffer was too small. EMFILE: the
/// descriptor table is full. EOVERFLOW: something else, such as a security module, kept the kernel
/// from installing a descriptor. Keeps errno.
///
/// # Safety
/// `msg` must be NULL or valid, and msg_control valid for msg_controllen bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_truncation_cause(msg: *const msghdr, room: usize) -> c_int {
    // SAFETY: the caller's pointer and message.
    let cause = unsafe { msg.as_ref().and_then(|msg| fds::truncation_cause(msg, room)) };
    cause.map_or(0, Errno::number)
}
