//! Bytes and descriptors by one call.

use std::ffi::c_int;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::buffers::{buffers, buffers_mut, is_empty, number, numbers};
use super::error::{end_of_file, of_recv};
use super::{Error, Fds, Flags};
use crate::errno::Errno;
use crate::socket::{self, Flags as Checked, Received as Counts};
use crate::sys::FDS_MAX;

#[inline]
pub(super) fn send(
    sock: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    fds: &[BorrowedFd<'_>],
    flags: Flags,
) -> io::Result<usize> {
    let (bufs, fds) = (buffers(bufs)?, numbers(fds));
    let send = |flags: Flags| {
        let flags = Checked::new(flags.bits(), (Flags::DONTWAIT | Flags::ALL).bits())?;
        // SAFETY: borrowed buffers.
        unsafe { socket::send_fds(number(sock), bufs, fds, flags) }
    };
    send(flags).map_err(|errno| match errno {
        Errno::EINVAL if fds.len() > FDS_MAX => Error::TooManyFds.into(),
        Errno::EINVAL if !fds.is_empty() && is_empty(bufs) => Error::NoBytes.into(),
        errno => errno.into(),
    })
}

/// Receives into slots, which are as they were after an error but for those that hold -1.
#[inline]
pub(super) fn receive(
    sock: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    to: &mut [MaybeUninit<c_int>],
    flags: Flags,
) -> io::Result<Counts> {
    let bufs = buffers_mut(bufs)?;
    let Ok(checked) = Checked::new(flags.bits(), Checked::RECEIVE) else { return Err(Error::Invalid.into()) };
    // SAFETY: buffers that are borrowed to be written to.
    let counts = unsafe { socket::recv_fds(number(sock), bufs, to, true, checked) };
    counts.map_err(|errno| of_recv(errno, is_empty(bufs)))
}

#[inline]
pub(super) fn recv<const N: usize>(
    sock: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    flags: Flags,
) -> io::Result<(usize, Fds<N>)> {
    let mut fds = Fds::new();
    let counts = receive(sock, bufs, fds.slots(), flags)?;
    // SAFETY: so many slots were filled.
    unsafe { fds.set_len(counts.fds) };
    Ok((counts.bytes, fds))
}

/// The same with room for as many as are asked for.
pub(super) fn recv_up_to(
    sock: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    max: usize,
    flags: Flags,
) -> io::Result<(usize, Fds<FDS_MAX>)> {
    let mut fds = Fds::new();
    let slots = fds.slots();
    let counts = receive(sock, bufs, &mut slots[..max.min(FDS_MAX)], flags)?;
    // SAFETY: so many slots were filled.
    unsafe { fds.set_len(counts.fds) };
    Ok((counts.bytes, fds))
}

/// All `N` descriptors. The end of file is not a matter of their number.
#[inline]
pub(super) fn exact<const N: usize>((n, fds): (usize, Fds<N>)) -> io::Result<(usize, [OwnedFd; N])> {
    if n == 0 && fds.is_empty() {
        return Err(end_of_file());
    }
    Ok((n, fds.into_array().map_err(|_| Error::MissingFds)?))
}
