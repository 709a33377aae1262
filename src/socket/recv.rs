//! Bytes and descriptors in.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::{Flags, unwound};
use super::iov::{Rest, message, refuse_empty_on_stream, total};
use crate::cmsg::CONTROL_MAX;
use crate::errno::{Errno, Result};
use crate::fds::{Arrived, Handed};
use crate::sys::{self, iovec, msghdr};

/// Room for everything that the socket may have switched on, whatever the caller asked for: a
/// buffer of the exact size would lose descriptors to credentials and time stamps, which come
/// first, and a larger one costs nothing.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL_MAX]);

/// Receives bytes and descriptors.
///
/// On an error nothing is handed over: what came is closed, and what was written to `to` before is
/// taken back.
///
/// # Safety
/// The buffers must be writable.
#[inline]
pub(crate) unsafe fn recv_fds(sock: c_int, iov: &[iovec], to: &mut Handed<'_>, flags: Flags) -> Result<usize> {
    if total(iov)? == 0 {
        refuse_empty_on_stream(sock)?;
    }
    if flags.all() {
        // SAFETY: the caller's.
        return sys::keeping_errno(|| unsafe { recv_all(sock, iov, to, flags) });
    }
    let wanted = if flags.exact() { to.room() } else { 0 };
    // SAFETY: the caller's.
    match unsafe { recv_once(sock, iov, to, wanted, flags) } {
        Ok(count) => Ok(count),
        Err(Failure::NothingConsumed(errno) | Failure::Consumed(errno)) => Err(errno),
    }
}

/// Why nothing was handed over.
enum Failure {
    /// The call itself failed: bytes and descriptors are still in the socket.
    NothingConsumed(Errno),
    /// Something came that can't be handed over: the bytes are lost, the descriptors closed.
    Consumed(Errno),
}

/// One recvmsg.
///
/// # Safety
/// The buffers must be writable.
#[inline]
unsafe fn recv_once(
    sock: c_int,
    iov: &[iovec],
    to: &mut Handed<'_>,
    wanted: usize,
    flags: Flags,
) -> core::result::Result<usize, Failure> {
    let mut control = Control([MaybeUninit::uninit(); CONTROL_MAX]);
    let mut msg = message(iov);
    // SAFETY: msg points to the caller's buffers; control is as long as receive says.
    let count = unsafe { receive(sock, &mut msg, &mut control, to, flags.msg()) }.map_err(Failure::NothingConsumed)?;
    // The kernel never reports more than it was given; whoever stands in for it might.
    let filled = control.0.get(..msg.msg_controllen as usize).unwrap_or(&control.0);
    // SAFETY: recvmsg has filled it, and nobody has seen the descriptors yet.
    let arrived = unsafe { Arrived::new(filled) };
    match refusal(count, msg.msg_flags, &arrived, to, wanted, flags) {
        None => {
            arrived.hand_over(to);
            Ok(count)
        }
        Some(errno) => {
            arrived.close();
            Err(Failure::Consumed(errno))
        }
    }
}

/// The recvmsg itself: a cancellation point that leaks nothing.
///
/// # Safety
/// The buffers that msg points to must be writable.
#[inline]
unsafe fn receive(
    sock: c_int,
    msg: &mut msghdr,
    control: &mut Control,
    to: &mut Handed<'_>,
    flags: c_int,
) -> Result<usize> {
    msg.msg_control = control.0.as_mut_ptr().cast();
    msg.msg_controllen = CONTROL_MAX as _;
    // SAFETY: control is CONTROL_MAX bytes.
    unsafe { unwound::show_no_message(msg) };
    let msg: *mut msghdr = msg;
    let mut unwound = Unwound { msg, handed: (&raw mut *to).cast() };
    // SAFETY: msg points to what the caller vouches for and to control. What close_unwound uses
    // outlives the call, and nobody else touches it meanwhile.
    unsafe { sys::with_cleanup(close_unwound, (&raw mut unwound).cast(), || sys::recvmsg(sock, &mut *msg, flags)) }
}

/// What a thread cancelled in recvmsg leaves behind.
struct Unwound {
    msg: *const msghdr,
    handed: *mut Handed<'static>,
}

extern "C" fn close_unwound(unwound: *mut c_void) {
    // SAFETY: called while `receive` is being unwound: its Unwound, and what that points to, are
    // still there and no longer used.
    unsafe {
        let Unwound { msg, handed } = *unwound.cast::<Unwound>();
        unwound::close_message(&*msg);
        (*handed).close();
    }
}

/// Why what has arrived is not handed over: the first reason that applies.
#[inline]
fn refusal(
    count: usize,
    msg_flags: c_int,
    arrived: &Arrived<'_>,
    to: &Handed<'_>,
    wanted: usize,
    flags: Flags,
) -> Option<Errno> {
    if let Err(errno) = arrived.set_cloexec() {
        return Some(errno);
    }
    let (slots, room) = (arrived.slots(), to.room());
    if msg_flags & sys::MSG_TRUNC != 0 {
        return Some(Errno::EMSGSIZE);
    }
    if slots > room && !flags.trim() {
        return Some(Errno::ERANGE);
    }
    if let Some(errno) = arrived.lost_among(room) {
        return Some(errno);
    }
    // The control buffer holds everything that the socket can bring, so this can only mean that
    // the kernel did not install all descriptors. It does not say why: the table tells, as long
    // as nothing is closed.
    if msg_flags & sys::MSG_CTRUNC != 0 && !(flags.trim() && slots >= room) {
        return Some(if sys::table_is_full() { Errno::EMFILE } else { Errno::EOVERFLOW });
    }
    // Nothing at all is end of file, whatever was wanted.
    let is_end_of_file = count == 0 && slots == 0;
    let looks_like_end_of_file = count == 0 && room > 0 && !to.is_counted;
    if (slots < wanted || looks_like_end_of_file) && !is_end_of_file { Some(Errno::ENOMSG) } else { None }
}

/// Receives until the buffers are full, with the descriptors of all parts.
///
/// # Safety
/// The buffers must be writable.
#[cold]
unsafe fn recv_all(sock: c_int, iov: &[iovec], to: &mut Handed<'_>, flags: Flags) -> Result<usize> {
    let wanted = if flags.exact() { to.room() } else { 0 };
    let mut rest = Rest::new(iov);
    let mut sum = 0usize;
    let result = loop {
        // SAFETY: parts of the caller's buffers.
        match unsafe { recv_once(sock, rest.buffers(), to, 0, flags) } {
            Ok(0) => break Ok(sum),
            Ok(count) => {
                sum = sum.saturating_add(count);
                if !rest.advance(count) || !is_stream(sock) {
                    break Ok(sum);
                }
            }
            Err(Failure::NothingConsumed(Errno::EINTR)) if is_stream(sock) => {}
            Err(Failure::NothingConsumed(_)) if sum > 0 => break Ok(sum),
            Err(Failure::NothingConsumed(errno) | Failure::Consumed(errno)) => break Err(errno),
        }
    };
    let result = result.and_then(|sum| {
        let is_end_of_file = sum == 0 && to.len() == 0;
        if to.len() < wanted && !is_end_of_file { Err(Errno::ENOMSG) } else { Ok(sum) }
    });
    if result.is_err() {
        to.close();
    }
    result
}

/// Whether the bytes that follow belong to the same conversation. Asked only after a short count
/// or a signal.
fn is_stream(sock: c_int) -> bool {
    sys::socket_type(sock) == Ok(sys::SOCK_STREAM)
}
