//! Section 1: descriptors in one call.

use core::ffi::{c_int, c_uint, c_void};

use super::convert::{Report, buffer, buffers, count, descriptor, descriptors, slots, status};
use crate::abi::{ANC_ALL, ANC_DONTWAIT, ANC_TRIM, ANC_VERSION};
use crate::errno::{Errno, Result};
use crate::fds;
use crate::socket::{self, Flags, Received};
use crate::sys::iovec;
use libc::ssize_t;

/// The version of the library that was loaded: 0xMMmmpp, to compare with ANC_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn anc_version() -> u32 {
    ANC_VERSION
}

/// Sends `len` bytes from `buf`, and `nfds` descriptors with the first of them, by one sendmsg on
/// the AF_UNIX socket `sock`. Never SIGPIPE. A cancellation point.
///
/// `fds` stay the caller's; the peer gets duplicates, as if by dup. With ANC_MOVE they are closed
/// once the kernel has them.
///
/// Returns the number of bytes that have gone. With 1 and more, all descriptors have gone: on a
/// stream, go on with the rest of the bytes and no descriptors. 0 is an empty message (SEQPACKET,
/// DGRAM), whose descriptors have gone too. -1 and errno: neither bytes nor descriptors have gone.
///
/// flags: ANC_DONTWAIT, ANC_ALL, ANC_MOVE.
///
/// EINVAL: descriptors with 0 bytes on a stream; more than ANC_FDS_MAX; an unknown flag; len above
/// SSIZE_MAX.
/// EFAULT: NULL with a length, in buf or fds. EBADF: a negative descriptor, or one that is not
/// open. EINTR: a signal came before anything had gone. ETOOMANYREFS: the user's descriptors in
/// flight have reached RLIMIT_NOFILE: wait by a timer, for the socket stays writable. EPERM: the
/// peer refuses descriptors. The kernel's other errors of sendmsg pass through.
///
/// An internet socket takes descriptors and drops them without a word.
///
/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_send_fds(
    sock: c_int,
    buf: *const c_void,
    len: usize,
    fds: *const c_int,
    nfds: usize,
    flags: c_uint,
) -> ssize_t {
    let iov = [buffer(buf.cast_mut(), len)];
    // SAFETY: the caller's pointers.
    count(unsafe { send(sock, Ok(&iov), fds, nfds, flags) })
}

/// anc_send_fds from `iovcnt` buffers.
///
/// EINVAL also: iovcnt below 0 or above 1024; more than SSIZE_MAX bytes in all. EFAULT also: NULL
/// with a length in iov or in one of its entries.
///
/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_sendv_fds(
    sock: c_int,
    iov: *const iovec,
    iovcnt: c_int,
    fds: *const c_int,
    nfds: usize,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: the caller's pointers.
    count(unsafe { send(sock, buffers(iov, iovcnt), fds, nfds, flags) })
}

/// Sends one NUL byte and the descriptor `fd`. Returns 0, or -1 and errno as anc_send_fds.
///
/// flags: ANC_DONTWAIT, ANC_ALL, ANC_MOVE.
///
/// # Safety
/// With ANC_MOVE, nobody else may own `fd`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_send_fd(sock: c_int, fd: c_int, flags: c_uint) -> c_int {
    let byte = 0u8;
    let iov = [buffer((&raw const byte).cast_mut().cast(), 1)];
    // SAFETY: one readable byte and one int.
    status(unsafe { send(sock, Ok(&iov), &fd, 1, flags) }.map(drop))
}

/// Receives up to `len` bytes into `buf`, and up to `max_fds` descriptors into `fds`, by one
/// recvmsg on the AF_UNIX socket `sock`. The descriptors are close-on-exec. A cancellation point;
/// a cancelled thread leaks nothing.
///
/// The first *nfds of `fds` are the caller's; fewer than max_fds is success. Everything else that
/// came is closed, whatever the call returns: surplus, a pidfd. Slots beyond *nfds are not written.
/// max_fds 0: fds may be NULL. nfds may be NULL with max_fds 0 or ANC_EXACT.
///
/// Returns the number of bytes. 0 with *nfds 0: end of file, or an empty message, which SEQPACKET
/// and DGRAM can't tell apart from it. 0 with *nfds > 0: an empty message with descriptors.
/// -1 and errno: *nfds is 0, and no slot of fds was written (with ANC_ALL, slots may hold -1).
///
/// flags: ANC_DONTWAIT, ANC_ALL, ANC_EXACT, ANC_TRIM.
///
/// Nothing consumed, the bytes and descriptors are still in the socket: EINVAL: 0 bytes on a
/// stream or more than SSIZE_MAX; an unknown flag; ANC_TRIM with ANC_EXACT; nfds NULL though needed. EFAULT: NULL with a
/// length, in buf or fds. EINTR: a signal came first. EAGAIN, ECONNRESET and the kernel's other
/// errors of recvmsg.
///
/// Consumed, and everything that came is closed; the first that applies: EMSGSIZE: the message is
/// longer than buf. ERANGE: more descriptors than max_fds (ANC_TRIM: closed, no error). EMFILE:
/// fewer came than were sent, for the descriptor table is full. EOVERFLOW: the same for another
/// reason, such as a security module. ENOMSG: fewer than max_fds, with ANC_EXACT; or an empty message
/// with descriptors, with nfds NULL, for a 0 would look like end of file. On a stream each
/// of these ends the conversation: bytes are lost. With ANC_TRIM, a loss beyond the first max_fds
/// is none.
///
/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_recv_fds(
    sock: c_int,
    buf: *mut c_void,
    len: usize,
    fds: *mut c_int,
    max_fds: usize,
    nfds: *mut usize,
    flags: c_uint,
) -> ssize_t {
    let iov = [buffer(buf, len)];
    // SAFETY: the caller's pointers.
    count(unsafe { recv(sock, Ok(&iov), fds, max_fds, nfds, flags) })
}

/// anc_recv_fds into `iovcnt` buffers.
///
/// EINVAL also: iovcnt below 0 or above 1024; more than SSIZE_MAX bytes in all. EFAULT also: NULL
/// with a length in iov or in one of its entries.
///
/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_recvv_fds(
    sock: c_int,
    iov: *const iovec,
    iovcnt: c_int,
    fds: *mut c_int,
    max_fds: usize,
    nfds: *mut usize,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: the caller's pointers.
    count(unsafe { recv(sock, buffers(iov, iovcnt), fds, max_fds, nfds, flags) })
}

/// Receives one byte and one descriptor, which it returns, like accept: it is the caller's, and
/// close-on-exec.
///
/// -1 and errno as anc_recv_fds; also EPIPE at end of file, and ENOMSG for data without a
/// descriptor, which is consumed. A second descriptor is ERANGE (ANC_TRIM: closed).
///
/// flags: ANC_DONTWAIT, ANC_ALL, ANC_TRIM.
#[unsafe(no_mangle)]
pub extern "C" fn anc_recv_fd(sock: c_int, flags: c_uint) -> c_int {
    let mut byte = 0u8;
    let iov = [buffer((&raw mut byte).cast(), 1)];
    let mut fd: c_int = -1;
    let mut receive = || {
        let flags = Flags::new(flags, ANC_DONTWAIT | ANC_ALL | ANC_TRIM)?;
        // SAFETY: iov is one writable byte, fd one writable slot.
        let received = unsafe { socket::recv_fds(sock, &iov, slots(&mut fd, 1)?, true, flags) }?;
        match received {
            Received { fds: 0, bytes: 0 } => Err(Errno::EPIPE),
            Received { fds: 0, .. } => Err(Errno::ENOMSG),
            _ => Ok(fd),
        }
    };
    descriptor(receive())
}

/// Closes `nfds` descriptors and writes -1 into their slots; negative slots stay as they are.
/// Numbers that follow each other are closed by one close_range (Linux 5.9), else one by one.
/// Each number must stand once. Keeps errno. No cancellation point: a cancelled thread closes all.
///
/// # Safety
/// `fds` must be NULL or point to `nfds` ints.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_close_fds(fds: *mut c_int, nfds: usize) {
    // SAFETY: the caller's pointer, and all its slots are initialised.
    if let Ok(slots) = unsafe { slots(fds, nfds) } {
        // SAFETY: as above.
        fds::close_list(unsafe { &mut *(&raw mut *slots as *mut [c_int]) });
    }
}

/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[inline(always)]
unsafe fn send(sock: c_int, iov: Result<&[iovec]>, fds: *const c_int, nfds: usize, flags: c_uint) -> Result<usize> {
    let flags = Flags::new(flags, Flags::SEND)?;
    // SAFETY: the caller's pointers.
    unsafe { socket::send_fds(sock, iov?, descriptors(fds, nfds)?, flags) }
}

/// # Safety
/// The pointers must be valid for the lengths beside them, or NULL.
#[inline(always)]
unsafe fn recv(
    sock: c_int,
    iov: Result<&[iovec]>,
    fds: *mut c_int,
    max_fds: usize,
    nfds: *mut usize,
    flags: c_uint,
) -> Result<usize> {
    // SAFETY: the caller's pointer.
    let report = unsafe { Report::new(nfds) };
    let flags = Flags::new(flags, Flags::RECEIVE)?;
    // What is wrong whatever the pointers are comes before them.
    if matches!(iov, Err(Errno::EINVAL)) {
        return Err(Errno::EINVAL);
    }
    report.is_needed(max_fds, flags)?;
    // SAFETY: the caller's pointers.
    let received = unsafe { socket::recv_fds(sock, iov?, slots(fds, max_fds)?, report.is_there(), flags) }?;
    report.set(received.fds);
    Ok(received.bytes)
}
