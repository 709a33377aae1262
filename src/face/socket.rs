//! Sockets of every kind that have a descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(doc)]
use super::Error;
use super::batch::{recv_messages, send_messages};
use super::buffers::number;
use super::error::end_of_file;
use super::message::{recv_message, send_message};
use super::passing::{exact, recv, recv_up_to, send};
use super::{Address, Fds, Flags, MsgFlags, Received, RecvAncillary, RecvMessage, SendAncillary, SendMessage};
use crate::sys;

/// Bytes and descriptors over Unix sockets, and control messages over sockets of every family.
///
/// For whatever has a descriptor: [`UnixStream`](std::os::unix::net::UnixStream),
/// [`UnixDatagram`](std::os::unix::net::UnixDatagram), [`UdpSocket`](std::net::UdpSocket), an [`OwnedFd`] of
/// a SEQPACKET socket, other crates' sockets.
///
/// # What holds for all calls
///
/// * A call is one system call, unless it says otherwise, and allocates nothing, unless it fails.
/// * What is not handed over of what has come is closed: surplus descriptors, pidfds, on every path.
/// * Descriptors are close-on-exec from the system call itself. SIGPIPE is never raised.
/// * Descriptors go with the first byte. A stream joins and cuts: what one send gave may come by several
///   receives, and several sends by one. A channel ([`Tx`](super::Tx), [`Rx`](super::Rx)) keeps messages together.
/// * A signal that comes before anything has gone or come is
///   [`Interrupted`](io::ErrorKind::Interrupted), but for the calls that go on until all is done.
///
/// ```
/// use std::fs::File;
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
/// use ancillary::SocketExt;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let file = File::open("/dev/null")?;
/// ours.send_fds_all(b"take this", &[file.as_fd()])?;
///
/// let mut bytes = [0; 64];
/// let (n, [fd]) = theirs.recv_fds_exact(&mut bytes)?;
/// assert_eq!(&bytes[..n], b"take this");
/// let file = File::from(fd);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait SocketExt: AsFd {
    /// Sends bytes, and descriptors with the first of them. The number of bytes that have gone: with 1 and
    /// more, and with 0 for an empty message, the descriptors have gone too.
    ///
    /// # Errors
    /// Neither bytes nor descriptors have gone. [`Error::TooManyFds`]. [`Error::NoBytes`]: descriptors
    /// without a byte on a stream. ETOOMANYREFS: too many of the user's descriptors are in flight.
    /// EPERM: the peer refuses descriptors.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::SocketExt;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// assert_eq!(ours.send_fds(b"two", &[ours.as_fd(), ours.as_fd()])?, 3);
    /// assert_eq!(ours.send_fds(b"none", &[])?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(self.as_fd(), &[IoSlice::new(bytes)], fds, Flags::empty())
    }

    /// The same from several buffers.
    ///
    /// # Errors
    /// As for [`send_fds`](Self::send_fds); [`Error::TooManyBuffers`].
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use std::io::IoSlice;
    /// # use ancillary::SocketExt;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    /// assert_eq!(ours.send_fds_vectored(&parts, &[ours.as_fd()])?, 8);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn send_fds_vectored(&self, bufs: &[IoSlice<'_>], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        send(self.as_fd(), bufs, fds, Flags::empty())
    }

    /// Sends all of the bytes, by as many system calls as that takes; the descriptors go once, with the
    /// first. Goes on after signals.
    ///
    /// # Errors
    /// As for [`send_fds`](Self::send_fds). A part may have gone, and the descriptors with it.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # let reader = std::thread::spawn(move || std::io::copy(&mut { theirs }, &mut std::io::sink()));
    /// ours.send_fds_all(&[0; 1 << 20], &[ours.as_fd()])?;
    /// # drop(ours);
    /// # assert_eq!(reader.join().unwrap()?, 1 << 20);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn send_fds_all(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut gone = send(self.as_fd(), &[IoSlice::new(bytes)], fds, Flags::ALL)?;
        // A short count hides an error, which the next send meets.
        while let Some(rest @ [_, ..]) = bytes.get(gone..) {
            gone += match send(self.as_fd(), &[IoSlice::new(rest)], &[], Flags::ALL)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                count => count,
            };
        }
        Ok(())
    }

    /// Sends one byte and a descriptor, for [`recv_fd`](Self::recv_fd).
    ///
    /// # Errors
    /// As for [`send_fds`](Self::send_fds).
    ///
    /// ```
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fd(&std::fs::File::open("/dev/null")?)?;
    /// let fd = theirs.recv_fd()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn send_fd(&self, fd: impl AsFd) -> io::Result<()> {
        self.send_fds(&[0], &[fd.as_fd()]).map(drop)
    }

    /// Sends with every option.
    ///
    /// # Errors
    /// As for [`send_fds`](Self::send_fds).
    ///
    /// ```
    /// # use std::io::IoSlice;
    /// # use ancillary::SocketExt;
    /// use ancillary::Flags;
    ///
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds_with(&[IoSlice::new(b"x")], &[], Flags::DONTWAIT)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn send_fds_with(&self, bufs: &[IoSlice<'_>], fds: &[BorrowedFd<'_>], flags: Flags) -> io::Result<usize> {
        send(self.as_fd(), bufs, fds, flags)
    }

    /// Receives bytes and up to `N` descriptors: fewer is success. 0 bytes and no descriptor is the end of
    /// file, or an empty message, which SEQPACKET and DGRAM can't tell apart from it.
    ///
    /// # Errors
    /// Nothing is lost by [`Error::NoBytes`] and the kernel's errors. Lost is what came, and its descriptors
    /// are closed, by [`Error::Truncated`], [`Error::SurplusFds`], EMFILE, [`Error::NotInstalled`].
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"x", &[ours.as_fd()])?;
    /// let mut bytes = [0; 64];
    /// let (n, fds) = theirs.recv_fds::<8>(&mut bytes)?;
    /// assert_eq!((n, fds.len()), (1, 1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn recv_fds<const N: usize>(&self, bytes: &mut [u8]) -> io::Result<(usize, Fds<N>)> {
        recv(self.as_fd(), &mut [IoSliceMut::new(bytes)], Flags::empty())
    }

    /// The same into several buffers.
    ///
    /// # Errors
    /// As for [`recv_fds`](Self::recv_fds); [`Error::TooManyBuffers`].
    ///
    /// ```
    /// # use std::io::IoSliceMut;
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"headbody", &[])?;
    /// let (mut head, mut body) = ([0; 4], [0; 64]);
    /// let parts = &mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// assert_eq!(theirs.recv_fds_vectored::<1>(parts)?.0, 8);
    /// assert_eq!(&body[..4], b"body");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn recv_fds_vectored<const N: usize>(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<(usize, Fds<N>)> {
        recv(self.as_fd(), bufs, Flags::empty())
    }

    /// Receives bytes and exactly `N` descriptors.
    ///
    /// # Errors
    /// As for [`recv_fds`](Self::recv_fds); [`Error::MissingFds`] for fewer;
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) at the end of file, also for `N` 0.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::{Error, SocketExt};
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"x", &[ours.as_fd(); 3])?;
    /// let (_, [a, b, c]) = theirs.recv_fds_exact(&mut [0; 64])?;
    /// ours.send_fds(b"x", &[ours.as_fd()])?;
    /// let error = theirs.recv_fds_exact::<2>(&mut [0; 64]).unwrap_err();
    /// assert_eq!(Error::of(&error), Some(Error::MissingFds));
    /// drop((ours, a, b, c));
    /// let error = theirs.recv_fds_exact::<2>(&mut [0; 64]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn recv_fds_exact<const N: usize>(&self, bytes: &mut [u8]) -> io::Result<(usize, [OwnedFd; N])> {
        exact(recv(self.as_fd(), &mut [IoSliceMut::new(bytes)], Flags::EXACT)?)
    }

    /// Fills all of the buffer, by as many system calls as that takes, and receives exactly `N` descriptors
    /// with it. Goes on after signals.
    ///
    /// # Errors
    /// As for [`recv_fds_exact`](Self::recv_fds_exact); UnexpectedEof also after a part, or where a message
    /// (SEQPACKET, DGRAM) is shorter.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"first", &[ours.as_fd()])?;
    /// ours.send_fds(b"second", &[ours.as_fd()])?;
    /// let mut bytes = [0; 11];
    /// let [a, b] = theirs.recv_fds_all(&mut bytes)?;
    /// assert_eq!(&bytes, b"firstsecond");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn recv_fds_all<const N: usize>(&self, bytes: &mut [u8]) -> io::Result<[OwnedFd; N]> {
        let (came, fds) = recv(self.as_fd(), &mut [IoSliceMut::new(bytes)], Flags::ALL)?;
        // A short count hides an error, which the next receive meets; what it brings is no part of this.
        if came < bytes.len() && came != 0 && sys::socket_type(number(self.as_fd()))? == sys::SOCK_STREAM {
            recv::<0>(self.as_fd(), &mut [IoSliceMut::new(&mut [0])], Flags::ALL)?;
        }
        if came < bytes.len() {
            return Err(end_of_file());
        }
        Ok(exact((came, fds))?.1)
    }

    /// Receives bytes, and descriptors into the caller's slots, from the first on; what stood in those is
    /// dropped. The number of bytes and of descriptors.
    ///
    /// # Errors
    /// As for [`recv_fds`](Self::recv_fds); the slots are as they were.
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"x", &[ours.as_fd()])?;
    /// let mut slots = [const { None }; 8];
    /// assert_eq!(theirs.recv_fds_into(&mut [0; 64], &mut slots)?, (1, 1));
    /// let fd = slots[0].take().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn recv_fds_into(&self, bytes: &mut [u8], slots: &mut [Option<OwnedFd>]) -> io::Result<(usize, usize)> {
        let (n, fds) = recv_up_to(self.as_fd(), &mut [IoSliceMut::new(bytes)], slots.len(), Flags::empty())?;
        let count = fds.len();
        for (slot, fd) in slots.iter_mut().zip(fds) {
            *slot = Some(fd);
        }
        Ok((n, count))
    }

    /// Receives one byte and one descriptor, which it returns, as accept does.
    ///
    /// # Errors
    /// As for [`recv_fds_exact`](Self::recv_fds_exact).
    ///
    /// ```
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fd(&ours)?;
    /// let fd = theirs.recv_fd()?;
    /// drop((ours, fd));
    /// assert_eq!(theirs.recv_fd().unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn recv_fd(&self) -> io::Result<OwnedFd> {
        let (_, [fd]) = self.recv_fds_exact(&mut [0])?;
        Ok(fd)
    }

    /// Receives with every option.
    ///
    /// # Errors
    /// As for [`recv_fds`](Self::recv_fds); [`Error::MissingFds`] with [`Flags::EXACT`].
    ///
    /// ```
    /// # use std::io::IoSliceMut;
    /// # use ancillary::SocketExt;
    /// use ancillary::Flags;
    ///
    /// # let (_ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let error = theirs.recv_fds_with::<1>(&mut [IoSliceMut::new(&mut [0])], Flags::DONTWAIT).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    fn recv_fds_with<const N: usize>(&self, bufs: &mut [IoSliceMut<'_>], flags: Flags) -> io::Result<(usize, Fds<N>)> {
        recv(self.as_fd(), bufs, flags)
    }

    /// Sends one message with control data: `anc_sendmsg`. The number of bytes that have gone.
    ///
    /// # Errors
    /// The kernel's. [`Error::NoBytes`]: control data without a byte on a stream. EINVAL: control data out
    /// of band.
    ///
    /// See [`SendAncillary`] for an example.
    fn send_message(&self, bufs: &[IoSlice<'_>], control: &SendAncillary<'_>, flags: MsgFlags) -> io::Result<usize> {
        send_message(self.as_fd(), bufs, control, None, flags)
    }

    /// The same to an address.
    ///
    /// # Errors
    /// As for [`send_message`](Self::send_message).
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use std::net::UdpSocket;
    /// use ancillary::{IpVersion, MsgFlags, SendAncillary, SocketExt, space};
    ///
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// let mut memory = [std::mem::MaybeUninit::uninit(); space(4)];
    /// let mut control = SendAncillary::new(&mut memory);
    /// control.put_ttl(IpVersion::V4, 3)?;
    /// let to = theirs.local_addr()?.into();
    /// ours.send_message_to(&[IoSlice::new(b"near")], &control, &to, MsgFlags::empty())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn send_message_to(
        &self,
        bufs: &[IoSlice<'_>],
        control: &SendAncillary<'_>,
        to: &Address,
        flags: MsgFlags,
    ) -> io::Result<usize> {
        send_message(self.as_fd(), bufs, control, Some(to), flags)
    }

    /// Receives one message with its control data: `anc_recvmsg`. What `control` had before is closed. What
    /// was lost is told by the flags of the result, and is no error.
    ///
    /// # Errors
    /// The kernel's. [`Error::NoBytes`]: room for control data and none for a byte, on a stream.
    ///
    /// See [`RecvAncillary`] for an example.
    fn recv_message(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        control: &mut RecvAncillary<'_>,
        flags: MsgFlags,
    ) -> io::Result<Received> {
        recv_message(self.as_fd(), bufs, control, flags)
    }

    /// Sends messages by one system call, of 1,024 at most: `anc_sendmmsg`. How many have gone, from the
    /// first on; [`SendMessage::sent`] tells how far each has. The error that stopped it shows on the next
    /// call.
    ///
    /// # Errors
    /// None has gone. As for [`send_message`](Self::send_message).
    ///
    /// See [`SendMessage`] for an example.
    fn send_messages(&self, messages: &mut [SendMessage<'_>], flags: MsgFlags) -> io::Result<usize> {
        send_messages(self.as_fd(), messages, flags)
    }

    /// Receives messages by one system call, as many as are there, 1,024 at most, and waits for no more than
    /// the first: `anc_recvmmsg`. How many have come; the other places hold nothing. What they had before is
    /// closed. What was lost of a message is told by its [flags](Received::flags), and is no error. The error
    /// that stopped it shows on the next call on the socket.
    ///
    /// At the end of file a stream, or a SEQPACKET, fills all places that are left with empty messages.
    ///
    /// # Errors
    /// None has come. As for [`recv_message`](Self::recv_message).
    ///
    /// See [`RecvMessage`] for an example.
    fn recv_messages(&self, messages: &mut [RecvMessage<'_>], flags: MsgFlags) -> io::Result<usize> {
        recv_messages(self.as_fd(), messages, flags)
    }
}

impl<T: AsFd + ?Sized> SocketExt for T {}
