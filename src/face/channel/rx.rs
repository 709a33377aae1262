//! The receiving side.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::slice;
use std::time::Duration;

use super::{Limits, Memory, bytes, milliseconds, of_channel, of_limits};
use crate::abi::ANC_RX_BUFFER;
use crate::channel;
use crate::cmsg::CONTROL_MAX;
use crate::errno::Errno;
use crate::face::error::of_recv;
use crate::face::{Error, Fds, number};
use crate::sys::FDS_MAX;

/// Places for descriptors: with those of two messages, frames are read ahead while some wait.
const SLOTS: usize = 2 * FDS_MAX;
type Slots = [MaybeUninit<c_int>; SLOTS];
const SLOT_BYTES: usize = size_of::<Slots>();

/// Bytes of memory for frames of the default size.
pub const RX_MEMORY: usize = ANC_RX_BUFFER + SLOT_BYTES + size_of::<c_int>();

/// The receiving side of a channel on a Unix socket of type STREAM or SEQPACKET, whose other end sends by
/// [`Tx`](super::Tx), or by the C library's `anc_tx`.
///
/// ```
/// # use std::os::unix::net::UnixStream;
/// # use ancillary::Tx;
/// use ancillary::Rx;
///
/// # let (ours, theirs) = UnixStream::pair()?;
/// # let mut tx: Tx<UnixStream> = Tx::new(ours, 64)?;
/// # tx.queue(b"open".to_vec(), [std::fs::File::open("/dev/null")?.into()])?;
/// # tx.flush(None)?;
/// # drop(tx);
/// let mut rx = Rx::new(theirs)?;
/// while let Some(frame) = rx.recv(None)? {
///     for fd in frame.fds {
///         // A descriptor that was lost, to a full table for example, does not end the connection.
///         println!("{:?} with {:?}", frame.bytes, fd?);
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A frame is the channel's again by the next call:
///
/// ```compile_fail,E0499
/// # let (_ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let mut rx = ancillary::Rx::new(theirs).unwrap();
/// let first = rx.recv(None).unwrap();
/// let second = rx.recv(None).unwrap();
/// println!("{first:?}");
/// ```
pub struct Rx<'a, S> {
    core: channel::Rx,
    sock: S,
    memory: Memory<MaybeUninit<u8>>,
    lent: PhantomData<&'a mut [MaybeUninit<u8>]>,
}

// SAFETY: its pointers lead to memory that is lent to it exclusively, or its own.
unsafe impl<S: Send> Send for Rx<'_, S> {}
// SAFETY: with a shared one only the socket can be looked at.
unsafe impl<S: Sync> Sync for Rx<'_, S> {}

/// A message, or a part of one that is larger than a frame.
#[derive(Debug)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its descriptors, to take. The rest is closed by the next call on the channel.
    pub fds: FrameFds<'a>,
    /// Whether the message goes on with the next frame.
    pub more: bool,
}

/// The descriptors of a [`Frame`], to take: one by one, each or why it was lost (EMFILE,
/// [`Error::NotInstalled`]).
pub struct FrameFds<'a> {
    slots: &'a mut [c_int],
}

impl<S: AsFd> Rx<'static, S> {
    /// The receiving side on this socket. This allocates some 70 KB, and nothing afterwards does.
    ///
    /// # Errors
    /// EAFNOSUPPORT: not a Unix socket. EPROTOTYPE: datagrams.
    ///
    /// See [`Rx`] for an example.
    pub fn new(sock: S) -> io::Result<Self> {
        Self::with_limits(sock, Limits::default())
    }

    /// The same with these limits. It allocates what they need.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    ///
    /// ```
    /// # let (_ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let limits = ancillary::Limits { max_frame: 4096, max_fds: 1, ..Default::default() };
    /// let rx = ancillary::Rx::with_limits(theirs, limits)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_limits(sock: S, limits: Limits) -> io::Result<Self> {
        // A packet is no larger than 64 KiB, and is taken whole.
        let frame = (limits.max_frame as usize).max(ANC_RX_BUFFER - CONTROL_MAX - 16);
        let len =
            [CONTROL_MAX, 16, SLOT_BYTES, size_of::<c_int>()].iter().try_fold(frame, |sum, n| sum.checked_add(*n));
        Self::start(sock, Memory::owned(bytes(len.ok_or(Error::NoRoom)?)), limits)
    }
}

impl<'a, S: AsFd> Rx<'a, S> {
    /// The same in memory of the caller's: [`RX_MEMORY`] bytes, or more for larger frames.
    ///
    /// # Errors
    /// As for [`new`](Rx::new). [`Error::NoRoom`].
    ///
    /// ```
    /// # use std::mem::MaybeUninit;
    /// use ancillary::{Limits, RX_MEMORY, Rx};
    ///
    /// # let (_ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut memory = [MaybeUninit::uninit(); RX_MEMORY];
    /// let rx = Rx::in_place(&theirs, &mut memory, Limits::default())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn in_place(sock: S, memory: &'a mut [MaybeUninit<u8>], limits: Limits) -> io::Result<Self> {
        Self::start(sock, Memory::lent(memory), limits)
    }

    fn start(sock: S, mut memory: Memory<MaybeUninit<u8>>, limits: Limits) -> io::Result<Self> {
        // SAFETY: lent exclusively, or its own, for as long as the side lives.
        let core = limits.checked().and_then(|limits| unsafe {
            let (slots, buffer) = split(&mut *memory.ptr().as_ptr()).ok_or(Errno::ENOBUFS)?;
            channel::Rx::new(number(sock.as_fd()), buffer, slots, limits)
        });
        match core {
            Ok(core) => Ok(Self { core, sock, memory, lent: PhantomData }),
            Err(errno) => {
                // SAFETY: nobody has come to use it.
                unsafe { memory.free() };
                Err(of_channel(errno))
            }
        }
    }

    /// Receives the next frame, within this time; None: without limit (where the socket is nonblocking,
    /// too), zero: not to wait. None: the end of file, between two messages. What was received before is
    /// the channel's again, and descriptors that were not taken are closed.
    ///
    /// # Errors
    /// The call may be repeated: [`WouldBlock`](io::ErrorKind::WouldBlock),
    /// [`TimedOut`](io::ErrorKind::TimedOut), Interrupted, the kernel's.
    ///
    /// Every later call fails the same: [`Error::Protocol`]: the sender does not keep to the wire, or has
    /// ended within a message. [`Error::TooLarge`], [`Error::OverLimit`]: it exceeds the limits.
    ///
    /// See [`Rx`] for an example.
    pub fn recv(&mut self, timeout: Option<Duration>) -> io::Result<Option<Frame<'_>>> {
        // SAFETY: the memory is as start has laid it out.
        let frame = unsafe { channel::recv(&mut self.core, milliseconds(timeout)) }.map_err(of_limits)?;
        // SAFETY: the frame is the caller's as long as he has borrowed the channel.
        Ok(frame.map(|frame| unsafe { Frame::of(&frame) }))
    }

    /// The core, whose memory is as it has to be; and the socket.
    #[cfg(feature = "tokio")]
    pub(in crate::face) fn parts(&mut self) -> (&mut channel::Rx, &S) {
        (&mut self.core, &self.sock)
    }

    /// The socket.
    pub fn get_ref(&self) -> &S {
        &self.sock
    }
}

/// The places for descriptors, and the rest.
fn split(memory: &mut [MaybeUninit<u8>]) -> Option<(&mut Slots, &mut [MaybeUninit<u8>])> {
    let aligned = memory.as_ptr().align_offset(align_of::<c_int>());
    let (slots, buffer) = memory.get_mut(aligned..)?.split_at_mut_checked(SLOT_BYTES)?;
    // SAFETY: aligned, and of that size.
    Some((unsafe { &mut *slots.as_mut_ptr().cast() }, buffer))
}

impl<S> Drop for Rx<'_, S> {
    fn drop(&mut self) {
        self.core.close();
        // SAFETY: the core is not used any more.
        unsafe { self.memory.free() };
    }
}

impl<S: AsFd> AsFd for Rx<'_, S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sock.as_fd()
    }
}

impl<S: fmt::Debug> fmt::Debug for Rx<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rx").field("sock", &self.sock).finish_non_exhaustive()
    }
}

impl Frame<'_> {
    /// # Safety
    /// The frame is nobody else's as long as it lives.
    pub(in crate::face) unsafe fn of(frame: &channel::Frame) -> Self {
        // SAFETY: the caller's; the channel has filled both.
        let (bytes, slots) =
            unsafe { (slice::from_raw_parts(frame.data, frame.len), slice::from_raw_parts_mut(frame.fds, frame.nfds)) };
        Self { bytes, fds: FrameFds { slots }, more: frame.more }
    }
}

impl FrameFds<'_> {
    /// Takes all, which must be `N`.
    ///
    /// # Errors
    /// [`Error::SurplusFds`], [`Error::MissingFds`]: there are more or fewer. Why one was lost. The others
    /// are closed.
    ///
    /// ```
    /// # use ancillary::{Rx, Tx};
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # let mut tx: Tx<_> = Tx::new(ours, 1)?;
    /// # tx.queue(b"open".to_vec(), [std::fs::File::open("/dev/null")?.into()])?;
    /// # tx.flush(None)?;
    /// # let mut rx = Rx::new(theirs)?;
    /// let frame = rx.recv(None)?.unwrap();
    /// let [fd] = frame.fds.take_exact()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_exact<const N: usize>(self) -> io::Result<[OwnedFd; N]> {
        if self.slots.len() > N {
            return Err(Error::SurplusFds.into());
        }
        let mut fds = Fds::new();
        for fd in self {
            // There is room for each.
            let _ = fds.push(fd?);
        }
        fds.into_array().map_err(|_| Error::MissingFds.into())
    }
}

impl Iterator for FrameFds<'_> {
    type Item = io::Result<OwnedFd>;

    fn next(&mut self) -> Option<io::Result<OwnedFd>> {
        let (slot, rest) = mem::take(&mut self.slots).split_first_mut()?;
        self.slots = rest;
        Some(match mem::replace(slot, -1) {
            // SAFETY: it was the channel's, which has it no more.
            fd if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            lost => Err(of_recv(Errno::new(lost.saturating_neg()), false)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.slots.len(), Some(self.slots.len()))
    }
}

impl ExactSizeIterator for FrameFds<'_> {}
impl FusedIterator for FrameFds<'_> {}

impl fmt::Debug for FrameFds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.slots.iter()).finish()
    }
}
