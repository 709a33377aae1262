//! Sockets of every kind that have a descriptor.

use std::ffi::c_int;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::slice;

use super::batch::{recv_messages, send_messages};
use super::error::{end_of_file, of_recv};
use super::{Address, Error, Facts, Fds, Flags, MsgFlags, RecvAncillary, RecvMessage, SendAncillary, SendMessage};
use crate::cmsg::Credentials;
use crate::errno::Errno;
use crate::socket::{self, Flags as Checked, Received as Counts};
use crate::sys::{self, FDS_MAX, IOV_MAX, iovec, msghdr};

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

/// What a socket is asked for, and who is at its other end. None of it waits: it is for whatever has a
/// descriptor, tokio's sockets too.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use ancillary::{Facts, SocketOptions};
///
/// let (ours, _theirs) = UnixStream::pair()?;
/// ours.want(Facts::CREDENTIALS | Facts::PIDFD, Facts::empty())?;
/// println!("{:?} by {:?}", ours.wanted()?, ours.peer()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait SocketOptions: AsFd {
    /// Asks for the facts `on`, and no more for the facts `off`, by the socket options of the family:
    /// `anc_want`. All or nothing.
    ///
    /// # Errors
    /// What was refused, and why; it becomes an [`io::Error`] by `?`.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// use ancillary::Facts;
    ///
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.want(Facts::CREDENTIALS, Facts::empty())?;
    /// assert!(ours.wanted()?.contains(Facts::CREDENTIALS));
    /// assert_eq!(ours.want(Facts::TTL, Facts::empty()).unwrap_err().facts, Facts::TTL);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn want(&self, on: Facts, off: Facts) -> Result<(), Refusal> {
        let wanted = socket::want(number(self.as_fd()), on.bits(), off.bits());
        wanted.map_err(|refusal| Refusal { facts: Facts::from_bits_retain(refusal.facts), errno: refusal.errno })
    }

    /// The facts that the socket is asked for, whoever asked: `anc_wanted`.
    ///
    /// # Errors
    /// The kernel's.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// // From the start.
    /// assert_eq!(ours.wanted()?, ancillary::Facts::RIGHTS);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn wanted(&self) -> io::Result<Facts> {
        Ok(Facts::from_bits_retain(socket::wanted(number(self.as_fd()))?))
    }

    /// Asks for time stamps by the SOF_TIMESTAMPING_ flags of linux/net_tstamp.h; 0 for none.
    ///
    /// # Errors
    /// ENOPROTOOPT: this socket has none.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// const RX_SOFTWARE: u32 = 1 << 3 | 1 << 4;
    /// std::net::UdpSocket::bind("127.0.0.1:0")?.want_timestamping(RX_SOFTWARE)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn want_timestamping(&self, sof_flags: u32) -> io::Result<()> {
        Ok(socket::want_timestamping(number(self.as_fd()), sof_flags)?)
    }

    /// Makes a Unix socket take no descriptors: who sends some gets EPERM. Linux 6.16.
    ///
    /// # Errors
    /// ENOPROTOOPT: an older kernel. EOPNOTSUPP: not a Unix socket.
    ///
    /// ```
    /// # use ancillary::{SocketExt, SocketOptions};
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// if theirs.refuse_fds().is_ok() {
    ///     assert_eq!(ours.send_fd(&ours).unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn refuse_fds(&self) -> io::Result<()> {
        Ok(socket::refuse_fds(number(self.as_fd()))?)
    }

    /// The process, user and group at the other end of a connected Unix socket, as they were at connect,
    /// listen or socketpair: `anc_peer`.
    ///
    /// # Errors
    /// [`Error::NoPeer`]: there is none, or none that this process can name.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// assert_eq!(ours.peer()?.pid, std::process::id() as i32);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn peer(&self) -> io::Result<Credentials> {
        let peer = socket::peer_credentials(number(self.as_fd())).map_err(of_peer)?;
        Ok(Credentials { pid: peer.pid, uid: peer.uid, gid: peer.gid })
    }

    /// The same, and a descriptor of the process, which no other process can have the number of. None
    /// before Linux 6.5.
    ///
    /// # Errors
    /// As for [`peer`](Self::peer). ESRCH: it has ended and was waited for (before Linux 6.16).
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let (who, pidfd) = ours.peer_pidfd()?;
    /// if let Some(pidfd) = pidfd {
    ///     // What is read of /proc/PID between the two is this process's.
    ///     assert!(ancillary::pidfd_matches(&pidfd, who.pid)?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn peer_pidfd(&self) -> io::Result<(Credentials, Option<OwnedFd>)> {
        let credentials = self.peer()?;
        let pidfd = socket::peer_pidfd(number(self.as_fd())).map_err(of_peer)?;
        // SAFETY: the kernel has just made it.
        Ok((credentials, pidfd.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// The security label of the peer.
    ///
    /// # Errors
    /// [`Error::TooSmall`]. ENOPROTOOPT: no security module labels this socket.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// match ours.peer_label(&mut [0; 256]) {
    ///     Ok(label) => println!("{}", String::from_utf8_lossy(label)),
    ///     Err(error) => println!("none: {error}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn peer_label<'a>(&self, to: &'a mut [u8]) -> io::Result<&'a [u8]> {
        let mut len = 0;
        // SAFETY: as bytes that may be anything, of which only initialised ones are written.
        let room = unsafe { slice::from_raw_parts_mut(to.as_mut_ptr().cast(), to.len()) };
        let asked = socket::peer_label(number(self.as_fd()), room, &mut len);
        asked.map_err(|errno| of_size(errno, len))?;
        Ok(to.get(..len).unwrap_or_default())
    }

    /// The supplementary groups of the peer, at the moment of [`peer`](Self::peer). Linux 4.13.
    ///
    /// # Errors
    /// [`Error::TooSmall`]. [`Error::NoPeer`].
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut groups = [0; 65536];
    /// println!("{:?}", ours.peer_groups(&mut groups)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn peer_groups<'a>(&self, to: &'a mut [u32]) -> io::Result<&'a [u32]> {
        let mut count = 0;
        // SAFETY: as numbers that may be anything, of which only initialised ones are written.
        let room = unsafe { slice::from_raw_parts_mut(to.as_mut_ptr().cast(), to.len()) };
        let asked = socket::peer_groups(number(self.as_fd()), room, &mut count);
        asked.map_err(|errno| of_size(errno, count))?;
        Ok(to.get(..count).unwrap_or_default())
    }

    /// The audit token of the process that used the other end last, by which macOS's Security framework
    /// checks what program it runs: the words of an `audit_token_t`. Nobody else gets the same, unlike a pid;
    /// on Linux [`peer_pidfd`](Self::peer_pidfd) serves the same end.
    ///
    /// # Errors
    /// [`Error::NoPeer`]. ENOPROTOOPT: the system has no tokens.
    ///
    /// ```
    /// # use ancillary::SocketOptions;
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// match ours.peer_token() {
    ///     Ok(token) => println!("process {}", token[5]),
    ///     Err(error) => println!("none: {error}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn peer_token(&self) -> io::Result<[u32; 8]> {
        socket::peer_token(number(self.as_fd())).map_err(of_peer)
    }
}

impl<T: AsFd + ?Sized> SocketOptions for T {}

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

/// Why a socket can't bring the facts that it was asked for.
///
/// ```
/// # use ancillary::SocketOptions;
/// use ancillary::Facts;
///
/// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// let refusal = ours.want(Facts::TTL | Facts::PIDFD, Facts::empty()).unwrap_err();
/// assert_eq!(refusal.to_string(), "the socket can't bring TTL");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// Those that were refused; none where the call itself was wrong.
    pub facts: Facts,
    /// ENOPROTOOPT, or the kernel's error.
    pub errno: Errno,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.facts.is_empty() {
            true => write!(f, "no facts can be asked for: {}", io::Error::from(self.errno)),
            false => write!(f, "the socket can't bring {:?}", self.facts),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        refusal.errno.into()
    }
}

pub(super) fn number(fd: BorrowedFd<'_>) -> c_int {
    fd.as_raw_fd()
}

/// The numbers of descriptors.
pub(super) fn numbers<'a>(fds: &'a [BorrowedFd<'_>]) -> &'a [c_int] {
    const { assert!(size_of::<BorrowedFd<'_>>() == size_of::<c_int>()) };
    // SAFETY: a BorrowedFd has the representation of a descriptor.
    unsafe { slice::from_raw_parts(fds.as_ptr().cast(), fds.len()) }
}

/// The buffers as the kernel takes them.
pub(super) fn buffers<'a>(bufs: &'a [IoSlice<'_>]) -> io::Result<&'a [iovec]> {
    if bufs.len() > IOV_MAX {
        return Err(Error::TooManyBuffers.into());
    }
    // SAFETY: an IoSlice has the layout of an iovec.
    Ok(unsafe { slice::from_raw_parts(bufs.as_ptr().cast(), bufs.len()) })
}

/// The same, to receive into.
pub(super) fn buffers_mut<'a>(bufs: &'a mut [IoSliceMut<'_>]) -> io::Result<&'a [iovec]> {
    if bufs.len() > IOV_MAX {
        return Err(Error::TooManyBuffers.into());
    }
    // SAFETY: an IoSliceMut has the layout of an iovec.
    Ok(unsafe { slice::from_raw_parts(bufs.as_ptr().cast(), bufs.len()) })
}

fn is_empty(bufs: &[iovec]) -> bool {
    bufs.iter().all(|buf| buf.iov_len == 0)
}

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

#[cold]
fn of_peer(errno: Errno) -> io::Error {
    if errno == Errno::ENODATA { Error::NoPeer.into() } else { errno.into() }
}

#[cold]
fn of_size(errno: Errno, needed: usize) -> io::Error {
    if errno == Errno::ERANGE { Error::TooSmall { needed }.into() } else { of_peer(errno) }
}
