//! Section 9: the channel.

use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::{self, NonNull};

use super::convert::{self, answer, status};
use crate::abi::{anc_in, anc_limits, anc_out, anc_rx, anc_tx};
use crate::channel::{self, Frame, Limits, Next, Rx, Tx};
use crate::errno::{Errno, Result};
use crate::sys::{self, msghdr};
use libc::ssize_t;

/// Starts the sending side of a channel on `sock`, an AF_UNIX socket of type SOCK_STREAM or
/// SOCK_SEQPACKET whose other end receives by a channel too. The socket stays the caller's, who sends
/// nothing else on it. One socket may have both sides.
///
/// buf, len: memory for what one system call is given, of any alignment, at least 2,560 bytes;
/// ANC_TX_BUFFER is plenty. It is the channel's as long as the channel is used. limits: what the
/// receiver accepts, or NULL for the defaults; they are copied. size: sizeof *tx. A side that has
/// messages queued is dropped before it is started over: anc_tx_drop.
///
/// Returns 0, or -1 and errno: EAFNOSUPPORT: not AF_UNIX. EPROTOTYPE: another type. ENOBUFS: the
/// buffer is too small. EINVAL: a size that no version of the struct has had, frames larger than
/// 65,528 on SOCK_SEQPACKET, limits->reserved not 0. EFAULT: NULL. EBADF, ENOTSOCK.
///
/// # Safety
/// The pointers must be NULL or valid; buf for `len` bytes, as long as the channel is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_init(
    tx: *mut anc_tx,
    sock: c_int,
    buf: *mut c_void,
    len: usize,
    limits: *const anc_limits,
    size: usize,
) -> c_int {
    let start = || {
        let place = destination::<_, Tx>(tx, size)?;
        // SAFETY: the caller's pointers.
        let tx = unsafe { Tx::new(sock, convert::slots(buf.cast(), len)?, Limits::new(limits.as_ref())?) }?;
        // SAFETY: as large as the caller says.
        unsafe { place.write(tx) };
        Ok(())
    };
    status(sys::keeping_errno(start))
}

/// Puts a message behind the others. Nothing is sent yet. The struct, and what it points to, must stay
/// as they are until m->state is ANC_OUT_DONE or ANC_OUT_DROPPED; descriptors with ANC_MOVE are the
/// channel's from here on, which closes them when they have gone or are dropped; others must stay
/// open until the state is ANC_OUT_FDS_GONE or a later one. Messages go in the order of the calls.
/// A number that stands twice among moved ones is closed once; among more than ANC_FDS_MAX of them, which
/// need several system calls, each stands once only.
///
/// A message of no more than max_frame bytes and ANC_FDS_MAX descriptors arrives as one frame, unless
/// it has more buffers than the channel's memory has room for: with ANC_TX_BUFFER fifty, and more of at
/// most 256 bytes each up to 6,000 bytes together. A message without bytes, with or without
/// descriptors, is one too.
///
/// Returns 0, or -1 and errno, with nothing queued or owned: EMSGSIZE: more bytes than the limit.
/// ERANGE: more descriptors. EBADF: a negative descriptor. EINVAL: an unknown flag, an iovcnt below 0
/// or above 1024, a channel that was not initialised. EFAULT: NULL, with a number. Or the error that
/// every call fails with.
///
/// # Safety
/// `tx` must be NULL or initialised; `m` must be NULL or valid as long as said above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_queue(tx: *mut anc_tx, m: *mut anc_out) -> c_int {
    // SAFETY: the caller's channel and message.
    status(unsafe { sending(tx).and_then(|tx| tx.queue(NonNull::new(m).ok_or(Errno::EFAULT)?)) })
}

/// Sends all that is queued, as many frames with each system call as fit. Waits for `timeout_ms`
/// milliseconds at most: 0 not at all, negative without limit; whether the socket is nonblocking makes
/// no difference. A cancellation point while it waits; nothing is lost or sent twice then.
///
/// Returns 0 when the kernel has all of it. -1 and errno, with the rest queued for the next call: EAGAIN:
/// the socket is full (timeout_ms 0). ETIMEDOUT: it was full until the end. ETOOMANYREFS: too many of the
/// user's descriptors are in flight, and were until the end; poll can't wait for that, a timer can.
/// EINTR. EPIPE and others of the kernel's: the connection is over.
///
/// EBADF, EINVAL, EPERM, EMSGSIZE, EFAULT: the oldest message can't be sent, for its descriptors (not
/// open, not to be passed, refused by the receiver), its size or its memory. Its state is
/// ANC_OUT_DROPPED; the others stay queued. Where a part of it has gone already, it stays, and nothing
/// behind it can be sent any more.
///
/// # Safety
/// `tx` must be NULL or initialised, and its messages valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_flush(tx: *mut anc_tx, timeout_ms: c_int) -> c_int {
    // SAFETY: the caller's channel.
    status(sys::keeping_errno(|| unsafe { channel::flush(sending(tx)?, timeout_ms) }))
}

/// For programs with a loop of their own, io_uring's or another: fills `msg` with what to send next,
/// by one sendmsg with MSG_NOSIGNAL; with musl by anc_sendmsg, for musl's sendmsg takes no more than 252
/// descriptors (ENOMEM). It points into the channel's memory and the messages', which
/// nobody writes to until then. The same is given until anc_tx_sent says what became of it.
///
/// Returns 1; 0: nothing waits; or -1 and errno: EFAULT: NULL. EINVAL: a channel that was not
/// initialised. Or the error that every call fails with.
///
/// # Safety
/// `tx` must be NULL or initialised, and its messages valid; `msg` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_next(tx: *mut anc_tx, msg: *mut msghdr) -> c_int {
    // SAFETY: the caller's.
    shown(msg, unsafe { sending(tx) }.and_then(Tx::next))
}

/// Says what became of the message that anc_tx_next gave: `n` bytes have gone, or none, and n is the
/// negative errno (-errno after sendmsg; the result of a completion as it is).
///
/// Returns 0: go on with anc_tx_next. -1 and errno: the same errno as in n, with the meaning that it
/// has for anc_tx_flush. EINVAL also: more bytes than there were, or nothing was asked for.
///
/// # Safety
/// `tx` must be NULL or initialised, and its messages valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_sent(tx: *mut anc_tx, n: ssize_t) -> c_int {
    // SAFETY: the caller's channel.
    status(sys::keeping_errno(|| unsafe { sending(tx) }?.sent(result(n))))
}

/// Gives back all messages that are not done, as ANC_OUT_DROPPED, and closes moved descriptors that
/// have not gone. Keeps errno; is no cancellation point.
///
/// Where a part of a message has gone, every call fails with ECANCELED from here on; otherwise the
/// channel can be used on. Descriptors are a part: they go with the first byte of a system call, before
/// the bytes of their messages.
///
/// # Safety
/// `tx` must be NULL or initialised, and its messages valid; none may be on its way through io_uring.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_tx_drop(tx: *mut anc_tx) {
    // SAFETY: the caller's channel.
    if let Ok(tx) = unsafe { sending(tx) } {
        tx.drop_all();
    }
}

/// Starts the receiving side of a channel on `sock`, an AF_UNIX socket of type SOCK_STREAM or
/// SOCK_SEQPACKET whose other end sends by a channel. The socket stays the caller's, who receives
/// nothing else from it.
///
/// buf, len: memory for what is received, of any alignment: ANC_RX_BUFFER bytes; for frames of another
/// size at least ANC_CONTROL_MAX + 16 + max_frame on SOCK_STREAM, and always at least ANC_CONTROL_MAX +
/// 16 + 65,536 on SOCK_SEQPACKET. slots, nslots: memory for descriptors, at least ANC_FDS_MAX of them.
/// Both are the channel's until anc_rx_close. limits: what is accepted, or NULL for the defaults; they
/// are copied. size: sizeof *rx.
///
/// Returns 0, or -1 and errno: EAFNOSUPPORT: not AF_UNIX. EPROTOTYPE: another type. ENOBUFS: buffer
/// or slots are too small. EINVAL: a size that no version of the struct has had, limits->reserved not
/// 0. EFAULT: NULL. EBADF, ENOTSOCK.
///
/// # Safety
/// The pointers must be NULL or valid; buf for `len` bytes and slots for `nslots` ints, as long as the
/// channel is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_init(
    rx: *mut anc_rx,
    sock: c_int,
    buf: *mut c_void,
    len: usize,
    slots: *mut c_int,
    nslots: usize,
    limits: *const anc_limits,
    size: usize,
) -> c_int {
    let start = || {
        let place = destination::<_, Rx>(rx, size)?;
        // SAFETY: the caller's pointers.
        let rx = unsafe {
            Rx::new(
                sock,
                convert::slots(buf.cast(), len)?,
                convert::slots(slots, nslots)?,
                Limits::new(limits.as_ref())?,
            )
        }?;
        // SAFETY: as large as the caller says.
        unsafe { place.write(rx) };
        Ok(())
    };
    status(sys::keeping_errno(start))
}

/// Receives the next message, or the next part of one that is larger than a frame, into `in`. Waits
/// for `timeout_ms` milliseconds at most: 0 not at all, negative without limit; whether the socket is
/// nonblocking makes no difference. What was received before is the channel's again, and descriptors
/// that were not taken are closed. A cancellation point; a cancelled thread leaks nothing as long as
/// anc_rx_close is called, but the channel may be of no more use (ECANCELED).
///
/// Several messages may come with one system call: with edge-triggered readiness call it until EAGAIN.
///
/// Returns 1; 0: end of file, between two messages. -1 and errno, and the call may be repeated:
/// EAGAIN, ETIMEDOUT, EINTR: nothing has come; ECONNRESET and others of the kernel's. -1 and errno,
/// with every descriptor closed and every later call failing the same: EPROTO: the sender does not
/// keep to the wire, or has ended within a message. EMSGSIZE: a frame or a message is larger than the
/// limit. ERANGE: a message has more descriptors than the limit. EINVAL: a channel that was not
/// initialised. EFAULT: NULL.
///
/// # Safety
/// `rx` must be NULL or initialised; `in` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_recv(rx: *mut anc_rx, r#in: *mut anc_in, timeout_ms: c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { delivered(r#in, receiving(rx, r#in).and_then(|rx| channel::recv(rx, timeout_ms))) }
}

/// For programs with a loop of their own, io_uring's or another, after anc_rx_next has returned 0:
/// fills `msg` with what to receive next, by one recvmsg with MSG_CMSG_CLOEXEC. It points into the
/// channel's memory; until anc_rx_got only that receive may write there.
///
/// Returns 1: receive this. 0: end of file; or anc_rx_next was not called until it returned 0, and has
/// something to tell. -1 and errno as anc_rx_recv.
///
/// # Safety
/// `rx` must be NULL or initialised; `msg` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_prepare(rx: *mut anc_rx, msg: *mut msghdr) -> c_int {
    // SAFETY: the caller's.
    shown(msg, unsafe { receiving(rx, msg) }.and_then(Rx::prepare))
}

/// Says what became of the receive that anc_rx_prepare gave: `n` bytes came, 0 at end of file, with
/// what the kernel wrote into `msg`; or nothing, and n is the negative errno (-errno after recvmsg; the
/// result of a completion as it is).
///
/// Returns 0: go on with anc_rx_next. -1 and errno: the same errno as in n, and what was prepared may be
/// received again; or the errors of anc_rx_recv, after which the channel is of no more use. EINVAL also:
/// nothing was prepared.
///
/// # Safety
/// `rx` must be NULL or initialised; `msg` must be NULL or what the receive has left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_got(rx: *mut anc_rx, msg: *mut msghdr, n: ssize_t) -> c_int {
    // SAFETY: the caller's.
    status(sys::keeping_errno(|| unsafe { receiving(rx, msg)?.got(&*msg, result(n)) }))
}

/// The next message, or part of one, of those that have come already. What was received before is the
/// channel's again, and descriptors that were not taken are closed.
///
/// Returns 1; 0: nothing more, and anc_rx_prepare says whether it is the end: 1 where there is something
/// to receive, 0 at end of file; or -1 and errno as anc_rx_recv, EPROTO where the end has come within a
/// message.
///
/// # Safety
/// `rx` must be NULL or initialised; `in` must be NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_next(rx: *mut anc_rx, r#in: *mut anc_in) -> c_int {
    // SAFETY: the caller's.
    let next = unsafe { receiving(rx, r#in) }.and_then(Rx::next);
    let frame = next.map(|next| match next {
        Next::Frame(frame) => Some(frame),
        Next::Nothing | Next::End => None,
    });
    // SAFETY: the caller's.
    unsafe { delivered(r#in, frame) }
}

/// Closes the descriptors that were received and not taken. Keeps errno; is no cancellation point. The
/// buffer and the slots are the caller's again. Every other call fails with EINVAL until anc_rx_init
/// starts the side over.
///
/// # Safety
/// `rx` must be NULL or initialised; no receive may be on its way through io_uring.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_rx_close(rx: *mut anc_rx) {
    // SAFETY: the caller's channel.
    if let Some(Ok(rx)) = NonNull::new(rx).map(|rx| unsafe { Rx::of(rx) }) {
        rx.close();
    }
}

/// Where the state goes. EFAULT: NULL; EINVAL: a struct that is smaller than the first version's.
fn destination<Struct, State>(to: *mut Struct, size: usize) -> Result<*mut State> {
    if to.is_null() {
        return Err(Errno::EFAULT);
    }
    if size < size_of::<Struct>() { Err(Errno::EINVAL) } else { Ok(to.cast()) }
}

/// # Safety
/// `tx` must be NULL or initialised, and its messages valid.
unsafe fn sending<'a>(tx: *mut anc_tx) -> Result<&'a mut Tx> {
    // SAFETY: the caller's.
    unsafe { Tx::of(NonNull::new(tx).ok_or(Errno::EFAULT)?) }
}

/// # Safety
/// `rx` must be NULL or initialised.
unsafe fn receiving<'a, T>(rx: *mut anc_rx, other: *const T) -> Result<&'a mut Rx> {
    if other.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the caller's.
    unsafe { Rx::of(NonNull::new(rx).ok_or(Errno::EFAULT)?) }
}

/// What a system call returned, with its errno in place of -1.
fn result(n: ssize_t) -> Result<usize> {
    usize::try_from(n).map_err(|_| Errno::new(c_int::try_from(n.saturating_neg()).unwrap_or(c_int::MAX)))
}

/// 1 and the message; 0 where there is none; -1 and errno.
fn shown(to: *mut msghdr, msg: Result<Option<msghdr>>) -> c_int {
    let found = msg.and_then(|msg| if to.is_null() { Err(Errno::EFAULT) } else { Ok(msg) });
    if let Ok(Some(msg)) = found {
        // SAFETY: not NULL, the caller's.
        unsafe { to.write(msg) };
    }
    answer(found.map(|msg| msg.is_some()))
}

/// 1 and the frame; 0 where there is none; -1 and errno.
///
/// # Safety
/// `to` must be NULL or writable.
unsafe fn delivered(to: *mut anc_in, frame: Result<Option<Frame>>) -> c_int {
    if let (Ok(Some(frame)), false) = (&frame, to.is_null()) {
        let Frame { data, len, fds, nfds, more } = *frame;
        let fds = if nfds == 0 { ptr::null_mut() } else { fds };
        // SAFETY: not NULL, the caller's.
        unsafe { to.write(anc_in { data: data.cast(), len, fds, nfds, more: more.into(), reserved: 0 }) };
    }
    answer(frame.map(|frame| frame.is_some()))
}
