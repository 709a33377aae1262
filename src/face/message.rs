//! One message with all of its control data.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::BorrowedFd;

#[cfg(doc)]
use super::SocketExt;
use super::buffers::{buffers, buffers_mut, is_empty, number};
use super::{Address, Error, MsgFlags, RecvAncillary, SendAncillary};
use crate::errno::Errno;
use crate::socket;
use crate::sys::{iovec, msghdr};

/// What [`recv_message`](SocketExt::recv_message) has brought beside the control data.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Bytes.
    pub bytes: usize,
    /// What the kernel says of the message: [`MsgFlags::TRUNC`], [`MsgFlags::CTRUNC`], ...
    pub flags: MsgFlags,
    /// Who sent it; of a connected stream nobody is named.
    pub from: Address,
}

impl Received {
    /// Where no message has come.
    pub(super) fn nothing() -> Self {
        Self { bytes: 0, flags: MsgFlags::empty(), from: Address::unnamed() }
    }

    /// # Safety
    /// A receive of so many bytes has filled `msg`, which was made by [`incoming`] for this and `control`.
    pub(super) unsafe fn fill(&mut self, bytes: usize, msg: &msghdr, control: &mut RecvAncillary<'_>) {
        (self.bytes, self.flags) = (bytes, MsgFlags::from_bits_retain(msg.msg_flags));
        self.from.set_len(msg.msg_namelen as usize);
        // SAFETY: the caller's.
        unsafe { control.set_filled(msg.msg_controllen as usize, self.flags) };
    }
}

pub(super) fn send_message(
    sock: BorrowedFd<'_>,
    bufs: &[IoSlice<'_>],
    control: &SendAncillary<'_>,
    to: Option<&Address>,
    flags: MsgFlags,
) -> io::Result<usize> {
    let bufs = buffers(bufs)?;
    let msg = outgoing(bufs, Some(control), to);
    // SAFETY: all of it is borrowed.
    unsafe { socket::send_message(number(sock), &msg, flags.bits()) }.map_err(|errno| match errno {
        Errno::EINVAL if !control.is_empty() && is_empty(bufs) => Error::NoBytes.into(),
        errno => errno.into(),
    })
}

pub(super) fn recv_message(
    sock: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    control: &mut RecvAncillary<'_>,
    flags: MsgFlags,
) -> io::Result<Received> {
    let bufs = buffers_mut(bufs)?;
    let mut received = Received::nothing();
    let mut msg = incoming(bufs, control, &mut received.from);
    // SAFETY: all of it is borrowed to be written to.
    let bytes = unsafe { socket::recv_message(number(sock), &mut msg, flags.bits()) }.map_err(|errno| match errno {
        Errno::EINVAL if is_empty(bufs) => Error::NoBytes.into(),
        errno => io::Error::from(errno),
    })?;
    // SAFETY: recvmsg has filled it.
    unsafe { received.fill(bytes, &msg, control) };
    Ok(received)
}

/// The header to send this with.
pub(super) fn outgoing(bufs: &[iovec], control: Option<&SendAncillary<'_>>, to: Option<&Address>) -> msghdr {
    let mut msg = header(bufs);
    if let Some(built) = control.map(SendAncillary::as_built).filter(|built| !built.is_empty()) {
        msg.msg_control = built.as_ptr().cast_mut().cast();
        msg.msg_controllen = built.len() as _;
    }
    if let Some(to) = to {
        msg.msg_name = to.as_ptr().cast_mut().cast();
        msg.msg_namelen = to.len() as _;
    }
    msg
}

/// The header to receive this with. What `control` had before is closed.
pub(super) fn incoming(bufs: &[iovec], control: &mut RecvAncillary<'_>, from: &mut Address) -> msghdr {
    let mut msg = header(bufs);
    let room = control.room();
    msg.msg_control = room.as_mut_ptr().cast();
    msg.msg_controllen = room.len() as _;
    msg.msg_name = from.as_mut_ptr().cast();
    msg.msg_namelen = size_of::<libc::sockaddr_storage>() as _;
    msg
}

/// A message without control data or address.
fn header(bufs: &[iovec]) -> msghdr {
    // SAFETY: null pointers and zero lengths are a valid msghdr.
    let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    msg.msg_iov = bufs.as_ptr().cast_mut();
    msg.msg_iovlen = bufs.len() as _;
    msg
}
