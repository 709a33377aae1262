//! Section 8: the descriptor queue.

use core::ffi::{c_int, c_uint, c_void};

use super::convert::{buffer, buffers, count, descriptor, slots, status};
use crate::abi::anc_fd_queue;
use crate::errno::{Errno, Result};
use crate::fds::Queue;
use crate::socket::{self, Flags};
use crate::sys::iovec;
use libc::ssize_t;

/// Starts an empty queue on `size` slots of the caller's, which must outlive it. NULL: no slots.
///
/// For wire formats in which bytes name descriptors that come beside them: a stream gives no byte
/// that a descriptor belongs to, but it keeps their order. Slots must suffice for what may wait for
/// the rest of its message, and for the max_fds of the next receive: twice max_fds where all complete
/// messages are taken before the next receive, and a send's messages name no more than max_fds.
///
/// # Safety
/// `q` must be NULL or writable; `slots` must be valid for `size` ints, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_init(q: *mut anc_fd_queue, slots: *mut c_int, size: usize) {
    let size = if slots.is_null() { 0 } else { u32::try_from(size).unwrap_or(u32::MAX) };
    if !q.is_null() {
        // SAFETY: not NULL, the caller's.
        unsafe { q.write(anc_fd_queue { slots, size, head: 0, count: 0, reserved: 0 }) };
    }
}

/// anc_fd_queue_recvv into one buffer.
///
/// # Safety
/// `q` must be NULL or initialised, with its slots; the others as for anc_recv_fds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_recv(
    q: *mut anc_fd_queue,
    sock: c_int,
    buf: *mut c_void,
    len: usize,
    max_fds: usize,
    flags: c_uint,
) -> ssize_t {
    let iov = [buffer(buf, len)];
    // SAFETY: the caller's pointers.
    count(unsafe { receive(q, sock, Ok(&iov), max_fds, flags) })
}

/// Receives bytes into `iovcnt` buffers, as anc_recvv_fds, and puts up to `max_fds` descriptors at the
/// end of the queue, which owns them. A cancellation point; a cancelled thread leaks nothing.
///
/// Returns the number of bytes; 0 with an unchanged count is end of file, or an empty message.
/// -1 and errno as anc_recvv_fds, with nothing queued. ENOBUFS also: fewer than max_fds slots are
/// free; nothing consumed. EFAULT also: q is NULL. EINVAL also: a queue that contradicts itself.
///
/// flags: ANC_DONTWAIT, ANC_ALL, ANC_EXACT, ANC_TRIM.
///
/// # Safety
/// `q` must be NULL or initialised, with its slots; the others as for anc_recvv_fds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_recvv(
    q: *mut anc_fd_queue,
    sock: c_int,
    iov: *const iovec,
    iovcnt: c_int,
    max_fds: usize,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: the caller's pointers.
    count(unsafe { receive(q, sock, buffers(iov, iovcnt), max_fds, flags) })
}

/// # Safety
/// `q` must be NULL or initialised, with its slots; the buffers must be writable.
unsafe fn receive(
    q: *mut anc_fd_queue,
    sock: c_int,
    iov: Result<&[iovec]>,
    max_fds: usize,
    flags: c_uint,
) -> Result<usize> {
    // SAFETY: the caller's queue.
    let mut queue = unsafe { queue(q) }?;
    let flags = Flags::new(flags, Flags::RECEIVE)?;
    let iov = iov?;
    let room = queue.room(max_fds)?;
    // SAFETY: the caller's buffers.
    let received = unsafe { socket::recv_fds(sock, iov, room, true, flags) }?;
    queue.add(received.fds);
    Ok(received.bytes)
}

/// Takes the oldest descriptor out of the queue: it is the caller's. -1 and errno: ENOMSG: the queue
/// is empty. EFAULT: q is NULL. EINVAL: a queue that contradicts itself.
///
/// # Safety
/// `q` must be NULL or initialised, with its slots.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_take(q: *mut anc_fd_queue) -> c_int {
    // SAFETY: the caller's queue.
    descriptor(unsafe { queue(q) }.and_then(|mut queue| queue.take()))
}

/// Takes the oldest `n` descriptors out of the queue: they are the caller's. Returns 0, or -1 and
/// errno, with none taken: ENOMSG: there are fewer. EFAULT: q is NULL, or fds with a number. EINVAL: a
/// queue that contradicts itself.
///
/// # Safety
/// `q` must be NULL or initialised, with its slots; `fds` must be valid for `n` ints, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_take_fds(q: *mut anc_fd_queue, fds: *mut c_int, n: usize) -> c_int {
    // SAFETY: the caller's queue and slots.
    status(unsafe { queue(q).and_then(|mut queue| queue.take_all(slots(fds, n)?)) })
}

/// Closes all descriptors of the queue, which is empty then and can be used on. Keeps errno. No
/// cancellation point.
///
/// # Safety
/// `q` must be NULL or initialised, with its slots.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_queue_close(q: *mut anc_fd_queue) {
    // SAFETY: the caller's queue.
    if let Ok(mut queue) = unsafe { queue(q) } {
        queue.close();
    }
}

/// # Safety
/// `q` must be NULL or initialised, with its slots.
unsafe fn queue<'a>(q: *mut anc_fd_queue) -> Result<Queue<'a>> {
    // SAFETY: the caller's.
    unsafe { Queue::new(q.as_mut().ok_or(Errno::EFAULT)?) }
}
