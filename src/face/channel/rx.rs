//! The receiving side.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::slice;
use std::task::Poll;
use std::time::Duration;

use super::{Limits, Memory, milliseconds, of_limits, of_start, of_told, place, result_of};
use crate::abi::ANC_RX_BUFFER;
use crate::channel::{self, Next};
use crate::cmsg::CONTROL_MAX;
use crate::errno::Errno;
use crate::face::error::of_recv;
use crate::face::{Error, Fds, number};
use crate::sys::{FDS_MAX, iovec, msghdr};

/// Places for descriptors: with those of two messages, frames are read ahead while some wait.
const SLOTS: usize = 2 * FDS_MAX;

/// What stands in the memory before the buffer.
struct Fixed {
    /// What [`prepare`](Rx::prepare) shows.
    prepared: msghdr,
    into: iovec,
    slots: [MaybeUninit<c_int>; SLOTS],
}

const FIXED: usize = size_of::<Fixed>() + align_of::<Fixed>();

/// Bytes of memory for frames of the default size.
pub const RX_MEMORY: usize = ANC_RX_BUFFER + FIXED;

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
/// In a loop of its own a program receives with a timeout of zero when the socket is readable, until
/// [`WouldBlock`](io::ErrorKind::WouldBlock): several messages may come by one system call. Where the system
/// call is not the channel's to make, as with io_uring, [`next_frame`](Self::next_frame) and
/// [`prepare`](Self::prepare) tell it.
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
    fixed: NonNull<Fixed>,
    lent: PhantomData<&'a mut [MaybeUninit<u8>]>,
}

// SAFETY: its pointers lead to memory that is lent to it exclusively, or its own.
unsafe impl<S: Send> Send for Rx<'_, S> {}
// SAFETY: with a shared one only the socket can be looked at.
unsafe impl<S: Sync> Sync for Rx<'_, S> {}

/// A message, or a part of one that is larger than a frame.
///
/// ```
/// use std::io;
/// use std::os::fd::{AsFd, OwnedFd};
/// use ancillary::{Rx, Tx};
///
/// /// The next message, whatever its size.
/// fn whole<S: AsFd>(rx: &mut Rx<'_, S>) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
///     let (mut bytes, mut fds) = (Vec::new(), Vec::new());
///     while let Some(frame) = rx.recv(None)? {
///         bytes.extend_from_slice(frame.bytes);
///         let more = frame.more;
///         for fd in frame.fds {
///             fds.push(fd?);
///         }
///         if !more {
///             return Ok(Some((bytes, fds)));
///         }
///     }
///     Ok(None)
/// }
///
/// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
/// let mut tx: Tx<_> = Tx::new(ours, 4)?;
/// tx.queue(vec![7; 100_000], [std::fs::File::open("/dev/null")?.into()])?;
/// let sender = std::thread::spawn(move || tx.flush(None));
/// let (bytes, fds) = whole(&mut Rx::new(theirs)?)?.unwrap();
/// assert_eq!((bytes.len(), fds.len()), (100_000, 1));
/// # sender.join().unwrap()?;
/// # Ok::<(), io::Error>(())
/// ```
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
///
/// See [`Frame`], and [`take_exact`](Self::take_exact), for an example.
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
        let len = frame.checked_add(CONTROL_MAX + 16 + FIXED);
        // SAFETY: zeros.
        unsafe { Self::start(sock, Memory::zeroed(len.ok_or(Error::NoRoom)?), limits) }
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
        // Who says that something has come, and it is not so, is shown nothing else.
        memory.fill(MaybeUninit::new(0));
        // SAFETY: zeros.
        unsafe { Self::start(sock, Memory::lent(memory), limits) }
    }

    /// # Safety
    /// The memory must be initialised.
    unsafe fn start(sock: S, mut memory: Memory<MaybeUninit<u8>>, limits: Limits) -> io::Result<Self> {
        // SAFETY: lent exclusively, or its own, for as long as the side lives.
        let core = limits.checked().and_then(|limits| unsafe {
            let memory = &mut *memory.ptr().as_ptr();
            let (fixed, buffer) = place::<Fixed>(memory).ok_or(Errno::ENOBUFS)?;
            let fixed = NonNull::from(fixed).cast::<Fixed>();
            let slots = &mut (*fixed.as_ptr()).slots;
            Ok((fixed, channel::Rx::new(number(sock.as_fd()), buffer, slots, limits)?))
        });
        match core {
            Ok((fixed, core)) => Ok(Self { core, sock, memory, fixed, lent: PhantomData }),
            Err(errno) => {
                // SAFETY: nobody has come to use it.
                unsafe { memory.free() };
                Err(of_start(errno))
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

    /// What has come already, for a program whose system calls are its own affair, io_uring's for example:
    /// [`Pending`](Poll::Pending): more has to be received, as [`prepare`](Self::prepare) says; nobody is woken. Ready: the next
    /// frame, or the end of file. What was received before is the channel's again.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv) that every later call fails with, too.
    ///
    /// ```
    /// use std::io;
    /// use std::os::fd::AsRawFd;
    /// use std::task::Poll;
    /// use ancillary::{Rx, Tx};
    ///
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # let mut tx: Tx<_> = Tx::new(ours, 4)?;
    /// # tx.queue(b"open".to_vec(), [std::fs::File::open("/dev/null")?.into()])?;
    /// # tx.queue(b"close".to_vec(), [])?;
    /// # tx.flush(None)?;
    /// # drop(tx);
    /// let mut rx = Rx::new(theirs)?;
    /// # let mut count = 0;
    /// loop {
    ///     match rx.next_frame()? {
    ///         Poll::Ready(Some(frame)) => println!("{frame:?}"),
    ///         Poll::Ready(None) => break,
    ///         Poll::Pending => {
    ///             let Some(msg) = rx.prepare()? else { continue };
    ///             // SAFETY: nothing else is done with the channel meanwhile.
    ///             let n = unsafe { libc::recvmsg(rx.get_ref().as_raw_fd(), msg, libc::MSG_CMSG_CLOEXEC) };
    ///             rx.got(usize::try_from(n).map_err(|_| io::Error::last_os_error()))?;
    ///         }
    ///     }
    ///     # count += 1;
    /// }
    /// # assert_eq!(count, 4);
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn next_frame(&mut self) -> io::Result<Poll<Option<Frame<'_>>>> {
        Ok(match self.core.next().map_err(of_limits)? {
            // SAFETY: the frame is the caller's as long as he has borrowed the channel.
            Next::Frame(frame) => Poll::Ready(Some(unsafe { Frame::of(&frame) })),
            Next::End => Poll::Ready(None),
            Next::Nothing => Poll::Pending,
        })
    }

    /// What to receive next, by one recvmsg with MSG_CMSG_CLOEXEC, whose result is told by
    /// [`got`](Self::got). None: [`next_frame`](Self::next_frame) has something to tell.
    ///
    /// The pointer is good as long as the channel is there, which may be moved. Whoever gives it to the
    /// kernel has to see to it that until that has ended nothing else is done with the channel, and that it
    /// is not dropped.
    ///
    /// # Errors
    /// As for [`next_frame`](Self::next_frame).
    ///
    /// See there for an example.
    pub fn prepare(&mut self) -> io::Result<Option<*mut msghdr>> {
        let Some(mut msg) = self.core.prepare().map_err(of_limits)? else { return Ok(None) };
        let fixed = self.fixed.as_ptr();
        // SAFETY: in the channel's memory, unlike its core, which may be moved.
        unsafe {
            (*fixed).into = *msg.msg_iov;
            msg.msg_iov = &raw mut (*fixed).into;
            (*fixed).prepared = msg;
            Ok(Some(&raw mut (*fixed).prepared))
        }
    }

    /// Says what became of what [`prepare`](Self::prepare) has shown: so many bytes have come, 0 at the end of
    /// file, with what the kernel has written into the message; or nothing, for this reason.
    ///
    /// # Errors
    /// That reason, unless the channel knows what to do; what was prepared may be received again. EINVAL:
    /// nothing was prepared; or more bytes than there was room for, which ends the channel. As for
    /// [`next_frame`](Self::next_frame).
    ///
    /// See there for an example.
    pub fn got(&mut self, result: io::Result<usize>) -> io::Result<()> {
        let result = result_of(result)?;
        // SAFETY: it was prepared, or is nothing but zeros. What no receive has filled shows no control
        // message, for prepare has seen to that, and bytes that are initialised.
        let got = unsafe { self.core.got(&(*self.fixed.as_ptr()).prepared, result) };
        got.map_err(|errno| of_told(result, errno, of_limits))
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
    /// are closed, by the next call on the channel at the latest.
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
