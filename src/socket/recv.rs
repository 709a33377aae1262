//! Bytes and descriptors in.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::iov::{Rest, message, refuse_empty_on_stream, total};
use super::{Flags, unwound};
use crate::cmsg::CONTROL_MAX;
use crate::errno::{Errno, Result};
use crate::fds::{Arrived, Handed, close_copies};
use crate::sys::{self, Cleanup, iovec, msghdr};

/// Room for everything that the socket may have switched on, whatever the caller asked for: a
/// buffer of the exact size would lose descriptors to credentials and time stamps, which come
/// first, and a larger one costs nothing.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL_MAX]);

/// What a receive has brought.
#[derive(Clone, Copy)]
pub(crate) struct Received {
    pub(crate) bytes: usize,
    /// Descriptors handed over.
    pub(crate) fds: usize,
}

/// Receives bytes, and descriptors into the start of `to`. `is_counted`: whether the caller will
/// learn how many descriptors came; if not, an empty message with descriptors would look like end of
/// file, and nobody would close them.
///
/// After an error nothing has been handed over: what came is closed.
///
/// # Safety
/// The buffers must be writable.
#[inline(always)]
pub(crate) unsafe fn recv_fds(
    sock: c_int,
    iov: &[iovec],
    to: &mut [MaybeUninit<c_int>],
    is_counted: bool,
    flags: Flags,
) -> Result<Received> {
    if total(iov)? == 0 {
        refuse_empty_on_stream(sock)?;
    }
    let mut control = Control([MaybeUninit::uninit(); CONTROL_MAX]);
    if flags.all() {
        // SAFETY: the caller's.
        let received = unsafe { recv_all(sock, iov, &mut control, to, is_counted, flags) }?;
        return Ok(received);
    }
    // SAFETY: the caller's.
    match unsafe { recv_once(sock, iov, &mut control, to, &[], is_counted, flags) } {
        Ok(received) => Ok(received),
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

/// One recvmsg. `before` is what earlier ones have handed over, for a cancelled thread to close.
///
/// # Safety
/// The buffers must be writable.
#[inline(always)]
unsafe fn recv_once(
    sock: c_int,
    iov: &[iovec],
    control: &mut Control,
    to: &mut [MaybeUninit<c_int>],
    before: &[c_int],
    is_counted: bool,
    flags: Flags,
) -> core::result::Result<Received, Failure> {
    let mut msg = message(iov);
    msg.msg_control = control.0.as_mut_ptr().cast();
    msg.msg_controllen = CONTROL_MAX as _;
    // SAFETY: msg points to the caller's buffers and to control.
    let bytes = unsafe { receive(sock, &mut msg, before, flags.msg()) }.map_err(Failure::NothingConsumed)?;
    // The kernel never reports more than it was given; whoever stands in for it might.
    let filled = control.0.get(..msg.msg_controllen as usize).unwrap_or(&control.0);
    // SAFETY: recvmsg has filled it, and nobody has seen the descriptors yet.
    let arrived = unsafe { Arrived::new(filled) };
    let is_whole = msg.msg_flags & (sys::MSG_TRUNC | sys::MSG_CTRUNC) == 0 && bytes > 0;
    if is_whole && !sys::SETS_CLOEXEC_LATE {
        if let Some(slots) = arrived.usual() {
            if slots.len() == to.len() || (slots.len() < to.len() && !flags.exact()) {
                return Ok(Received { bytes, fds: slots.copy_to(to) });
            }
        }
    }
    let fds = settle(sock, arrived, bytes, msg.msg_flags, to, is_counted, flags).map_err(Failure::Consumed)?;
    Ok(Received { bytes, fds })
}

/// Hands over or closes what has arrived, whatever it is. The number of descriptors handed over.
#[cold]
fn settle(
    sock: c_int,
    arrived: Arrived<'_>,
    bytes: usize,
    msg_flags: c_int,
    to: &mut [MaybeUninit<c_int>],
    is_counted: bool,
    flags: Flags,
) -> Result<usize> {
    let cloexec = if sys::SETS_CLOEXEC_LATE { arrived.set_cloexec() } else { Ok(()) };
    match cloexec.err().or_else(|| refusal(sock, &arrived, bytes, msg_flags, to.len(), is_counted, flags)) {
        None => Ok(arrived.hand_over(to)),
        Some(errno) => {
            arrived.close();
            Err(errno)
        }
    }
}

/// Why what has arrived is not handed over: the first reason that applies.
fn refusal(
    sock: c_int,
    arrived: &Arrived<'_>,
    bytes: usize,
    msg_flags: c_int,
    room: usize,
    is_counted: bool,
    flags: Flags,
) -> Option<Errno> {
    let slots = arrived.slots();
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
        return Some(if sys::table_is_full(Some(sock)) { Errno::EMFILE } else { Errno::EOVERFLOW });
    }
    // Nothing at all is end of file, whatever was wanted.
    let is_end_of_file = bytes == 0 && slots == 0;
    let looks_like_end_of_file = bytes == 0 && room > 0 && !is_counted;
    let is_short = flags.exact() && slots < room;
    if (is_short || looks_like_end_of_file) && !is_end_of_file { Some(Errno::ENOMSG) } else { None }
}

/// The recvmsg itself: a cancellation point that leaks nothing. A cancelled thread closes what came,
/// and what came before.
///
/// # Safety
/// The buffers that msg points to must be writable.
#[inline(always)]
unsafe fn receive(sock: c_int, msg: &mut msghdr, before: &[c_int], flags: c_int) -> Result<usize> {
    // SAFETY: the caller's.
    unsafe { unwound::show_no_message(msg) };
    let msg: *mut msghdr = msg;
    let mut unwound = Unwound { msg, before };
    let mut cleanup = Cleanup::new();
    // SAFETY: the caller's; what Unwound points to outlives the call, and nobody else touches it
    // meanwhile.
    unsafe {
        cleanup.push(close_unwound, (&raw mut unwound).cast(), !before.is_empty());
        let received = sys::recvmsg(sock, &mut *msg, flags);
        cleanup.pop();
        received
    }
}

/// What a thread cancelled in recvmsg leaves behind.
struct Unwound {
    msg: *mut msghdr,
    before: *const [c_int],
}

extern "C" fn close_unwound(unwound: *mut c_void) {
    // SAFETY: called while `receive` is being unwound: its Unwound, and what that points to, are
    // still there and no longer used.
    unsafe {
        let Unwound { msg, before } = *unwound.cast::<Unwound>();
        unwound::close_message(&mut *msg, CONTROL_MAX);
        close_copies(&*before);
    }
}

/// Receives until the buffers are full, with the descriptors of all parts.
///
/// # Safety
/// The buffers must be writable.
#[cold]
unsafe fn recv_all(
    sock: c_int,
    iov: &[iovec],
    control: &mut Control,
    to: &mut [MaybeUninit<c_int>],
    is_counted: bool,
    flags: Flags,
) -> Result<Received> {
    // SAFETY: the caller's.
    sys::keeping_errno(|| unsafe { recv_parts(sock, iov, control, to, is_counted, flags) })
}

/// # Safety
/// The buffers must be writable.
unsafe fn recv_parts(
    sock: c_int,
    iov: &[iovec],
    control: &mut Control,
    to: &mut [MaybeUninit<c_int>],
    is_counted: bool,
    flags: Flags,
) -> Result<Received> {
    let at_least = if flags.exact() { to.len() } else { 0 };
    let mut handed = Handed::new(to);
    let mut rest = Rest::new(iov);
    let mut sum = 0usize;
    let result = loop {
        let (before, free) = handed.split();
        // SAFETY: parts of the caller's buffers.
        match unsafe { recv_once(sock, rest.buffers(), control, free, before, is_counted, flags.of_a_part()) } {
            Ok(Received { bytes, fds }) => {
                handed.add(fds);
                sum = sum.saturating_add(bytes);
                if bytes == 0 || !rest.advance(bytes) || !is_stream(sock) {
                    break Ok(sum);
                }
            }
            Err(Failure::NothingConsumed(Errno::EINTR)) => {}
            Err(Failure::NothingConsumed(_)) if sum > 0 => break Ok(sum),
            Err(Failure::NothingConsumed(errno) | Failure::Consumed(errno)) => break Err(errno),
        }
    };
    let fds = handed.len();
    let is_end_of_file = sum == 0 && fds == 0;
    let result = if fds < at_least && !is_end_of_file { result.and(Err(Errno::ENOMSG)) } else { result };
    if result.is_err() {
        handed.close();
    }
    result.map(|bytes| Received { bytes, fds })
}

/// Whether the bytes that follow belong to the same conversation. Asked only after a short count.
fn is_stream(sock: c_int) -> bool {
    sys::socket_type(sock) == Ok(sys::SOCK_STREAM)
}
