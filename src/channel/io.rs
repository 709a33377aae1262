//! The channel's input and output: one system call at a time, and the waiting in between.

use core::ffi::c_int;

use super::rx::{Frame, Next, Rx};
use super::tx::Tx;
use crate::errno::{Errno, Result};
use crate::socket;
use crate::sys::{self, uncancellable};

/// The end of a call's patience.
struct Deadline {
    /// By [`sys::now_ns`]; None: never.
    at: Option<i64>,
}

const NS_PER_MS: i64 = 1_000_000;

impl Deadline {
    /// So many milliseconds from now; a negative number is no limit.
    fn after(ms: c_int) -> Self {
        let ns = i64::from(ms).saturating_mul(NS_PER_MS);
        Self { at: if ms < 0 { None } else { Some(sys::now_ns().saturating_add(ns)) } }
    }

    /// Milliseconds that are left, a part of one counting as a whole, for poll: -1 for no limit.
    fn left(&self) -> c_int {
        let left = |at: i64| {
            let ns = at.saturating_sub(sys::now_ns()).max(0);
            c_int::try_from(ns.saturating_add(NS_PER_MS - 1) / NS_PER_MS).unwrap_or(c_int::MAX)
        };
        self.at.map_or(-1, left)
    }

    /// Waits until the socket is ready. ETIMEDOUT, EINTR.
    ///
    /// At the end the socket is not looked at again: a byte out of band makes it ready, and a receive
    /// finds nothing, as often as the peer likes.
    fn wait(&self, sock: c_int, events: i16) -> Result<()> {
        // A limit beyond what poll takes is waited for in parts.
        loop {
            let left = self.left();
            if left == 0 {
                return Err(Errno::ETIMEDOUT);
            }
            if sys::wait(sock, events, left)? {
                return Ok(());
            }
        }
    }

    /// Sleeps for so long, but not beyond the end. Whether it had not come before. EINTR.
    fn sleep(&self, ms: c_int) -> Result<bool> {
        let left = self.left();
        sys::sleep(if left < 0 { ms } else { ms.min(left) })?;
        Ok(left != 0)
    }
}

/// Sends all that is queued, within so many milliseconds: 0 not to wait, negative for no limit.
///
/// EAGAIN, ETOOMANYREFS: it would have to wait. ETIMEDOUT: the socket was full until the end;
/// ETOOMANYREFS: too many descriptors were in flight until then. EINTR. What has not gone stays queued.
///
/// # Safety
/// What [`Tx::queue`] asks for holds.
pub(crate) unsafe fn flush(tx: &mut Tx, timeout_ms: c_int) -> Result<()> {
    // SAFETY: the caller's.
    let Some(mut unsent) = (unsafe { send(tx) })? else { return Ok(()) };
    if timeout_ms == 0 {
        return Err(unsent);
    }
    let deadline = Deadline::after(timeout_ms);
    // The user's descriptors in flight are counted over all sockets: no readiness tells when there are
    // fewer, the socket is writable all the time.
    const PAUSE_MAX_MS: c_int = 50;
    let mut pause_ms = 1;
    loop {
        if unsent == Errno::EAGAIN {
            deadline.wait(tx.sock(), sys::POLLOUT)?;
        } else {
            if !deadline.sleep(pause_ms)? {
                return Err(unsent);
            }
            pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MAX_MS);
        }
        // SAFETY: the caller's.
        match unsafe { send(tx) }? {
            Some(errno) => unsent = errno,
            None => return Ok(()),
        }
    }
}

/// Sends what the socket takes. None: all; otherwise why there is some left: EAGAIN, ETOOMANYREFS.
///
/// sendmsg reports nothing to a cancelled thread, not even that the descriptors have gone. So the
/// thread can't be cancelled in it; it can in the waiting.
///
/// # Safety
/// As for flush.
unsafe fn send(tx: &mut Tx) -> Result<Option<Errno>> {
    while let Some(msg) = tx.next()? {
        // SAFETY: the caller's messages, and the channel's own memory.
        let sent = uncancellable(|| unsafe { sys::sendmsg(tx.sock(), &msg, sys::MSG_DONTWAIT) });
        match tx.sent(sent) {
            Ok(()) => {}
            Err(errno @ (Errno::EAGAIN | Errno::ETOOMANYREFS)) => return Ok(Some(errno)),
            Err(errno) => return Err(errno),
        }
    }
    Ok(None)
}

/// Receives the next frame, within so many milliseconds: 0 not to wait, negative for no limit. None:
/// end of file.
///
/// EAGAIN, ETIMEDOUT, EINTR: none has come; the call may be repeated. A thread that is cancelled here
/// leaves the channel marred: what it had received is lost.
///
/// # Safety
/// What [`Rx::new`] asks for holds.
#[inline]
pub(crate) unsafe fn recv(rx: &mut Rx, timeout_ms: c_int) -> Result<Option<Frame>> {
    match rx.next()? {
        Next::Frame(frame) => Ok(Some(frame)),
        Next::End => Ok(None),
        // SAFETY: the caller's.
        Next::Nothing => sys::keeping_errno(|| unsafe { recv_more(rx, timeout_ms) }),
    }
}

/// The same, where no frame has come whole.
///
/// # Safety
/// As for recv.
#[inline(never)]
unsafe fn recv_more(rx: &mut Rx, timeout_ms: c_int) -> Result<Option<Frame>> {
    let msg_flags = if timeout_ms < 0 { 0 } else { sys::MSG_DONTWAIT };
    let mut deadline = None;
    loop {
        // SAFETY: the caller's.
        match unsafe { receive(rx, msg_flags) } {
            Err(Errno::EAGAIN) if timeout_ms != 0 => {
                deadline.get_or_insert_with(|| Deadline::after(timeout_ms)).wait(rx.sock(), sys::POLLIN)?;
            }
            result => result?,
        }
        match rx.next()? {
            Next::Frame(frame) => return Ok(Some(frame)),
            Next::End => return Ok(None),
            Next::Nothing => {}
        }
    }
}

/// One recvmsg of what is to be received next.
///
/// # Safety
/// As for recv.
pub(crate) unsafe fn receive(rx: &mut Rx, msg_flags: c_int) -> Result<()> {
    let Some(mut msg) = rx.prepare()? else { return Ok(()) };
    rx.mar(Errno::ECANCELED);
    // SAFETY: the message points to the channel's memory.
    let received = unsafe { socket::recv_message(rx.sock(), &mut msg, msg_flags) };
    rx.mend();
    // SAFETY: recvmsg has filled the message, or failed.
    unsafe { rx.got(&msg, received) }
}
