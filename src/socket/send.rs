//! Bytes and descriptors out.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::Flags;
use super::iov::{Rest, message, refuse_empty_on_stream, total};
use crate::cmsg::{Builder, fds_space};
use crate::errno::{Errno, Result};
use crate::fds::close_moved;
use crate::sys::{self, FDS_MAX, iovec, msghdr};

/// Room for the descriptors of one message, aligned as the kernel's headers want it.
#[repr(C, align(8))]
struct Control([MaybeUninit<u8>; CONTROL_SIZE]);

const CONTROL_SIZE: usize = fds_space(FDS_MAX).unwrap();

/// Sends the bytes, and the descriptors with the first of them. The count of bytes is what has
/// gone; the descriptors have gone if it is an `Ok`.
///
/// # Safety
/// The buffers must be readable.
#[inline(always)]
pub(crate) unsafe fn send_fds(sock: c_int, iov: &[iovec], fds: &[c_int], flags: Flags) -> Result<usize> {
    let len = total(iov)?;
    let mut control = Control([MaybeUninit::uninit(); CONTROL_SIZE]);
    let mut builder = Builder::new(&mut control.0);
    builder.put_fds(fds)?;
    let control_len = builder.len();
    if len == 0 && !fds.is_empty() {
        refuse_empty_on_stream(sock)?;
    }

    let mut msg = message(iov);
    msg.msg_control = control.0.as_mut_ptr().cast();
    msg.msg_controllen = control_len as _;
    if flags.all() || flags.moves() {
        // SAFETY: msg points to the caller's buffers and to control, all readable.
        let sent = unsafe { send_with_care(sock, &msg, iov, fds, flags) }?;
        return Ok(sent);
    }
    // SAFETY: as above.
    unsafe { sys::sendmsg(sock, &msg, flags.msg()) }
}

/// Sends with ANC_ALL or ANC_MOVE.
///
/// # Safety
/// All that msg and iov point to must be readable.
#[cold]
unsafe fn send_with_care(sock: c_int, msg: &msghdr, iov: &[iovec], fds: &[c_int], flags: Flags) -> Result<usize> {
    // SAFETY: the caller's.
    let send = || unsafe { sys::sendmsg(sock, msg, flags.msg()) };
    // SAFETY: the caller's.
    let send = || if flags.all() { sys::keeping_errno(|| unsafe { send_all(sock, iov, send, flags) }) } else { send() };
    if flags.moves() { send_moving(fds, send) } else { send() }
}

/// Sends, and closes what has gone.
///
/// sendmsg reports nothing to a cancelled thread, not even that the descriptors have gone. So the
/// thread can't be cancelled between the send and the closing. The closing comes last, for the
/// socket may be among the descriptors.
fn send_moving(fds: &[c_int], send: impl FnOnce() -> Result<usize>) -> Result<usize> {
    sys::test_cancel();
    sys::uncancellable(|| send().inspect(|_| close_moved(core::iter::once(fds))))
}

/// Sends until all has gone: `first`, then what a short count left, without control data, for the
/// descriptors went with the first byte. Where that fails, the next call will meet the error.
///
/// # Safety
/// The buffers must be readable.
unsafe fn send_all(sock: c_int, iov: &[iovec], first: impl FnMut() -> Result<usize>, flags: Flags) -> Result<usize> {
    let mut count = retried(first)?;
    let mut sum = count;
    let mut rest = Rest::new(iov);
    while rest.advance(count) {
        let msg = message(rest.buffers());
        // SAFETY: msg points into the caller's buffers.
        count = match retried(|| unsafe { sys::sendmsg(sock, &msg, flags.msg()) }) {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        sum = sum.saturating_add(count);
    }
    Ok(sum)
}

/// Calls again after signals.
#[inline]
fn retried(mut call: impl FnMut() -> Result<usize>) -> Result<usize> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
