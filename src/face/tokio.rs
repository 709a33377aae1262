//! The same calls on tokio's sockets.
//!
//! [`AsyncSocketExt`] is for [`UnixStream`], [`UnixDatagram`], [`UdpSocket`], and, for SEQPACKET and other
//! crates' sockets, [`AsyncFd`]. A channel on one of them has [`Tx::flush_async`] and [`Rx::recv_async`].
//!
//! Unless a call says otherwise, it is cancellation-safe: a future that is dropped before it is ready has
//! neither sent nor received anything.
//!
//! ```
//! use ancillary::tokio::AsyncSocketExt;
//! use std::os::fd::AsFd;
//! use tokio::net::UnixStream;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let (ours, theirs) = UnixStream::pair()?;
//! let file = std::fs::File::open("/dev/null")?;
//! ours.send_fds(b"take this", &[file.as_fd()]).await?;
//! let (n, [fd]) = theirs.recv_fds_exact(&mut [0; 64]).await?;
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use ::tokio::io::Interest;
use ::tokio::io::unix::AsyncFd;
use ::tokio::net::{UdpSocket, UnixDatagram, UnixStream};
use ::tokio::time::sleep;

use super::channel::{of_channel, of_limits};
use super::error::end_of_file;
use super::passing::{exact, receive, recv, recv_up_to, send};
use super::{
    Address, Error, Fds, Flags, Frame, Message, MsgFlags, Received, RecvAncillary, RecvMessage, Rx, SendAncillary,
    SendMessage, Tx, batch, message, number,
};
use crate::channel::{self, Next};
use crate::errno::Errno;
use crate::sys;

/// Sockets that tell tokio when they are ready.
///
/// ```
/// use std::os::unix::net::UnixDatagram;
/// use ancillary::tokio::AsyncSocketExt;
/// use tokio::io::unix::AsyncFd;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // Any socket that does not block.
/// let (ours, theirs) = UnixDatagram::pair()?;
/// theirs.set_nonblocking(true)?;
/// let theirs = AsyncFd::new(theirs)?;
/// ours.send(b"x")?;
/// assert_eq!(theirs.recv_fds::<1>(&mut [0]).await?.0, 1);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait AsyncSocket: AsFd + Sync + sealed::Sealed {
    /// Calls once the socket is ready, until it would not block.
    #[doc(hidden)]
    fn when<R: Send>(
        &self,
        interest: Interest,
        call: impl FnMut() -> io::Result<R> + Send,
    ) -> impl Future<Output = io::Result<R>> + Send;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! sockets {
    ($($socket:ty)*) => {
        $(
            impl sealed::Sealed for $socket {}

            impl AsyncSocket for $socket {
                async fn when<R: Send>(
                    &self,
                    interest: Interest,
                    mut call: impl FnMut() -> io::Result<R> + Send,
                ) -> io::Result<R> {
                    self.async_io(interest, || uninterrupted(&mut call)).await
                }
            }
        )*
    };
}

sockets!(UnixStream UnixDatagram UdpSocket);

impl<T: AsFd + AsRawFd> sealed::Sealed for AsyncFd<T> {}

impl<T: AsFd + AsRawFd + Send + Sync> AsyncSocket for AsyncFd<T> {
    async fn when<R: Send>(&self, interest: Interest, mut call: impl FnMut() -> io::Result<R> + Send) -> io::Result<R> {
        self.async_io(interest, |_| uninterrupted(&mut call)).await
    }
}

impl<S: AsyncSocket> sealed::Sealed for &S {}

impl<S: AsyncSocket> AsyncSocket for &S {
    async fn when<R: Send>(&self, interest: Interest, call: impl FnMut() -> io::Result<R> + Send) -> io::Result<R> {
        (**self).when(interest, call).await
    }
}

/// A signal is no reason to give up: nothing waits.
fn uninterrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The calls of [`SocketExt`](super::SocketExt), on sockets that tell tokio when they are ready. Errors and all
/// else are as there. [`SocketOptions`](super::SocketOptions) has those that do not wait.
///
/// See [the module](self) for an example.
pub trait AsyncSocketExt: AsyncSocket {
    /// See [`SocketExt::send_fds`](super::SocketExt::send_fds).
    ///
    /// # Errors
    /// As there.
    fn send_fds(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> impl Future<Output = io::Result<usize>> + Send {
        async move { self.send_fds_vectored(&[IoSlice::new(bytes)], fds).await }
    }

    /// See [`SocketExt::send_fds_vectored`](super::SocketExt::send_fds_vectored).
    ///
    /// # Errors
    /// As there.
    fn send_fds_vectored(
        &self,
        bufs: &[IoSlice<'_>],
        fds: &[BorrowedFd<'_>],
    ) -> impl Future<Output = io::Result<usize>> + Send {
        async move { self.when(Interest::WRITABLE, || send(self.as_fd(), bufs, fds, Flags::DONTWAIT)).await }
    }

    /// See [`SocketExt::send_fds_all`](super::SocketExt::send_fds_all). Not cancellation-safe: a part may
    /// have gone, and the descriptors with it, once and never again.
    ///
    /// # Errors
    /// As there.
    fn send_fds_all(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> impl Future<Output = io::Result<()>> + Send {
        async move {
            let mut gone = self.send_fds(bytes, fds).await?;
            while let Some(rest @ [_, ..]) = bytes.get(gone..) {
                gone += match self.send_fds(rest, &[]).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => count,
                };
            }
            Ok(())
        }
    }

    /// See [`SocketExt::send_fd`](super::SocketExt::send_fd).
    ///
    /// # Errors
    /// As there.
    fn send_fd(&self, fd: impl AsFd + Send + Sync) -> impl Future<Output = io::Result<()>> + Send {
        async move { self.send_fds(&[0], &[fd.as_fd()]).await.map(drop) }
    }

    /// See [`SocketExt::recv_fds`](super::SocketExt::recv_fds).
    ///
    /// # Errors
    /// As there.
    fn recv_fds<const N: usize>(&self, bytes: &mut [u8]) -> impl Future<Output = io::Result<(usize, Fds<N>)>> + Send {
        async move { self.recv_fds_vectored(&mut [IoSliceMut::new(bytes)]).await }
    }

    /// See [`SocketExt::recv_fds_vectored`](super::SocketExt::recv_fds_vectored).
    ///
    /// # Errors
    /// As there.
    fn recv_fds_vectored<const N: usize>(
        &self,
        bufs: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<(usize, Fds<N>)>> + Send {
        async move { self.when(Interest::READABLE, || recv(self.as_fd(), bufs, Flags::DONTWAIT)).await }
    }

    /// See [`SocketExt::recv_fds_exact`](super::SocketExt::recv_fds_exact).
    ///
    /// # Errors
    /// As there.
    fn recv_fds_exact<const N: usize>(
        &self,
        bytes: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, [OwnedFd; N])>> + Send {
        async move {
            let flags = Flags::DONTWAIT | Flags::EXACT;
            let mut bufs = [IoSliceMut::new(bytes)];
            self.when(Interest::READABLE, || exact(recv(self.as_fd(), &mut bufs, flags)?)).await
        }
    }

    /// See [`SocketExt::recv_fds_all`](super::SocketExt::recv_fds_all). Not cancellation-safe: what had come
    /// is lost, and its descriptors are closed.
    ///
    /// # Errors
    /// As there.
    fn recv_fds_all<const N: usize>(&self, bytes: &mut [u8]) -> impl Future<Output = io::Result<[OwnedFd; N]>> + Send {
        async move {
            let mut fds = Fds::<N>::new();
            let mut came = 0;
            loop {
                let have = fds.len();
                let counts = self
                    .when(Interest::READABLE, || {
                        let rest = &mut [IoSliceMut::new(bytes.get_mut(came..).unwrap_or_default())];
                        let free = fds.slots().get_mut(have..).unwrap_or_default();
                        let counts = receive(self.as_fd(), rest, free, Flags::DONTWAIT)?;
                        // SAFETY: so many more slots were filled.
                        unsafe { fds.set_len(have + counts.fds) };
                        Ok((counts.bytes, counts.fds))
                    })
                    .await?;
                came += counts.0;
                if came >= bytes.len() && (came != 0 || counts.1 != 0) {
                    return fds.into_array().map_err(|_| Error::MissingFds.into());
                }
                // The end, or a message that is shorter.
                if counts.0 == 0 || sys::socket_type(number(self.as_fd()))? != sys::SOCK_STREAM {
                    return Err(end_of_file());
                }
            }
        }
    }

    /// See [`SocketExt::recv_fds_into`](super::SocketExt::recv_fds_into).
    ///
    /// # Errors
    /// As there.
    fn recv_fds_into(
        &self,
        bytes: &mut [u8],
        slots: &mut [Option<OwnedFd>],
    ) -> impl Future<Output = io::Result<(usize, usize)>> + Send {
        async move {
            let mut bufs = [IoSliceMut::new(bytes)];
            self.when(Interest::READABLE, || {
                let (n, fds) = recv_up_to(self.as_fd(), &mut bufs, slots.len(), Flags::DONTWAIT)?;
                let count = fds.len();
                for (slot, fd) in slots.iter_mut().zip(fds) {
                    *slot = Some(fd);
                }
                Ok((n, count))
            })
            .await
        }
    }

    /// See [`SocketExt::recv_fd`](super::SocketExt::recv_fd).
    ///
    /// # Errors
    /// As there.
    fn recv_fd(&self) -> impl Future<Output = io::Result<OwnedFd>> + Send {
        async move {
            let (_, [fd]) = self.recv_fds_exact(&mut [0]).await?;
            Ok(fd)
        }
    }

    /// See [`SocketExt::send_message`](super::SocketExt::send_message).
    ///
    /// # Errors
    /// As there.
    fn send_message(
        &self,
        bufs: &[IoSlice<'_>],
        control: &SendAncillary<'_>,
        flags: MsgFlags,
    ) -> impl Future<Output = io::Result<usize>> + Send {
        async move { send_message(self, bufs, control, None, flags).await }
    }

    /// See [`SocketExt::send_message_to`](super::SocketExt::send_message_to).
    ///
    /// # Errors
    /// As there.
    fn send_message_to(
        &self,
        bufs: &[IoSlice<'_>],
        control: &SendAncillary<'_>,
        to: &Address,
        flags: MsgFlags,
    ) -> impl Future<Output = io::Result<usize>> + Send {
        async move { send_message(self, bufs, control, Some(to), flags).await }
    }

    /// See [`SocketExt::recv_message`](super::SocketExt::recv_message).
    ///
    /// # Errors
    /// As there.
    fn recv_message(
        &self,
        bufs: &mut [IoSliceMut<'_>],
        control: &mut RecvAncillary<'_>,
        flags: MsgFlags,
    ) -> impl Future<Output = io::Result<Received>> + Send {
        async move {
            let flags = flags | MsgFlags::DONTWAIT;
            self.when(to_receive(flags), || message::recv_message(self.as_fd(), bufs, control, flags)).await
        }
    }

    /// See [`SocketExt::send_messages`](super::SocketExt::send_messages).
    ///
    /// # Errors
    /// As there.
    fn send_messages(
        &self,
        messages: &mut [SendMessage<'_>],
        flags: MsgFlags,
    ) -> impl Future<Output = io::Result<usize>> + Send {
        async move {
            let flags = flags | MsgFlags::DONTWAIT;
            self.when(Interest::WRITABLE, || batch::send_messages(self.as_fd(), messages, flags)).await
        }
    }

    /// See [`SocketExt::recv_messages`](super::SocketExt::recv_messages).
    ///
    /// # Errors
    /// As there.
    fn recv_messages(
        &self,
        messages: &mut [RecvMessage<'_>],
        flags: MsgFlags,
    ) -> impl Future<Output = io::Result<usize>> + Send {
        async move {
            let flags = flags | MsgFlags::DONTWAIT;
            self.when(to_receive(flags), || batch::recv_messages(self.as_fd(), messages, flags)).await
        }
    }
}

impl<S: AsyncSocket + ?Sized> AsyncSocketExt for S {}

/// What is in the error queue makes a socket ready for everything.
fn to_receive(flags: MsgFlags) -> Interest {
    if flags.bits() & sys::MSG_ERRQUEUE != 0 { Interest::ERROR } else { Interest::READABLE }
}

async fn send_message<S: AsyncSocket + ?Sized>(
    sock: &S,
    bufs: &[IoSlice<'_>],
    control: &SendAncillary<'_>,
    to: Option<&Address>,
    flags: MsgFlags,
) -> io::Result<usize> {
    let flags = flags | MsgFlags::DONTWAIT;
    sock.when(Interest::WRITABLE, || message::send_message(sock.as_fd(), bufs, control, to, flags)).await
}

/// A core that is lent to a future.
struct Lent<'a, T>(&'a mut T);

// SAFETY: the channels, which lend them, are Send if their sockets and messages are, which is asked for
// where they are lent.
unsafe impl<T> Send for Lent<'_, T> {}

impl Lent<'_, channel::Tx> {
    /// Whether all has gone; if not, too many descriptors are in flight.
    fn flush(&mut self) -> io::Result<bool> {
        // SAFETY: the messages stay in their places until they are done.
        match unsafe { channel::flush(self.0, 0) } {
            Ok(()) => Ok(true),
            Err(Errno::ETOOMANYREFS) => Ok(false),
            Err(errno) => Err(of_channel(errno)),
        }
    }
}

impl Lent<'_, channel::Rx> {
    fn receive(&mut self) -> io::Result<()> {
        // SAFETY: the memory is as it has to be.
        unsafe { channel::receive(self.0, sys::MSG_DONTWAIT) }.map_err(of_limits)
    }
}

impl<S: AsyncSocket + Send, T: Message + Send, const F: usize> Tx<'_, S, T, F> {
    /// Sends all that is queued: [`flush`](Tx::flush). Cancellation-safe: what has not gone stays queued, and
    /// nothing goes twice. Where too many descriptors are in flight it waits by the runtime's timer.
    ///
    /// # Errors
    /// As for [`flush`](Tx::flush).
    ///
    /// ```
    /// use ancillary::{Rx, Tx};
    /// use tokio::net::UnixStream;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let mut tx: Tx<UnixStream> = Tx::new(ours, 64)?;
    /// tx.queue(b"open".to_vec(), [std::fs::File::open("/dev/null")?.into()])?;
    /// tx.flush_async().await?;
    ///
    /// let mut rx = Rx::new(theirs)?;
    /// let frame = rx.recv_async().await?.expect("not the end");
    /// let [fd] = frame.fds.take_exact()?;
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn flush_async(&mut self) -> io::Result<()> {
        let (core, sock) = self.parts();
        let mut core = Lent(core);
        const PAUSE_MAX: Duration = Duration::from_millis(50);
        let mut pause = Duration::from_millis(1);
        while !sock.when(Interest::WRITABLE, || core.flush()).await? {
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }
}

impl<S: AsyncSocket + Send> Rx<'_, S> {
    /// Receives the next frame: [`recv`](Rx::recv). Cancellation-safe: what had come stays with the channel.
    ///
    /// # Errors
    /// As for [`recv`](Rx::recv).
    ///
    /// See [`Tx::flush_async`] for an example.
    pub async fn recv_async(&mut self) -> io::Result<Option<Frame<'_>>> {
        loop {
            let (core, sock) = self.parts();
            match core.next().map_err(of_limits)? {
                // SAFETY: the frame is the caller's as long as he has borrowed the channel.
                Next::Frame(frame) => return Ok(Some(unsafe { Frame::of(&frame) })),
                Next::End => return Ok(None),
                Next::Nothing => {}
            }
            let mut core = Lent(core);
            sock.when(Interest::READABLE, || core.receive()).await?;
        }
    }
}
