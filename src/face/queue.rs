//! A queue of descriptors that have come before the bytes that name them.

use std::ffi::c_int;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use super::passing::receive;
use super::{Error, Fds, Flags};
use crate::abi::anc_fd_queue;
use crate::errno::Errno;
use crate::fds::Queue;

/// Up to `N` descriptors in the order in which they came, for wire formats in which bytes name descriptors
/// that come beside them (imsg, Wayland, D-Bus): a stream gives no byte that a descriptor belongs to, but
/// it keeps their order. New protocols have [`Tx`](super::Tx) and [`Rx`](super::Rx).
///
/// `N` must suffice for what waits for the rest of its message, and for the next receive: twice what one
/// send may bring, where all whole messages are dealt with before the next receive.
///
/// ```
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
/// use ancillary::{FdQueue, SocketExt};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// ours.send_fds(b"2", &[ours.as_fd(), theirs.as_fd()])?;
///
/// let mut queue = FdQueue::<56>::new();
/// let mut bytes = [0; 4096];
/// let n = queue.recv(&theirs, &mut bytes, 28)?;
/// // The message says "2".
/// assert_eq!(&bytes[..n], b"2");
/// let fds = queue.take_fds::<2>().expect("so many came");
/// assert!(queue.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FdQueue<const N: usize> {
    slots: [MaybeUninit<c_int>; N],
    /// The slot of the oldest descriptor.
    head: u32,
    count: u32,
}

impl<const N: usize> FdQueue<N> {
    /// An empty one.
    ///
    /// ```
    /// assert!(ancillary::FdQueue::<8>::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self { slots: [MaybeUninit::uninit(); N], head: 0, count: 0 }
    }

    /// Descriptors queued.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Receives bytes, and puts up to `max_fds` descriptors behind the others. 0 bytes and an unchanged
    /// length are the end of file, or an empty message.
    ///
    /// # Errors
    /// As for [`recv_fds`](super::SocketExt::recv_fds), with nothing queued. [`Error::NoRoom`]: less than
    /// `max_fds` places are free, and nothing was received.
    ///
    /// See [`FdQueue`] for an example.
    pub fn recv(&mut self, sock: impl AsFd, bytes: &mut [u8], max_fds: usize) -> io::Result<usize> {
        self.recv_vectored(sock, &mut [IoSliceMut::new(bytes)], max_fds, Flags::empty())
    }

    /// The same into several buffers, with every option.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    ///
    /// ```
    /// # use std::io::{ErrorKind, IoSliceMut};
    /// # use ancillary::{FdQueue, Flags};
    /// let (_ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut queue = FdQueue::<8>::new();
    /// let came = queue.recv_vectored(&theirs, &mut [IoSliceMut::new(&mut [0])], 4, Flags::DONTWAIT);
    /// assert_eq!(came.unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_vectored(
        &mut self,
        sock: impl AsFd,
        bufs: &mut [IoSliceMut<'_>],
        max_fds: usize,
        flags: Flags,
    ) -> io::Result<usize> {
        // The caller's code, which may panic: not in the midst of the queue's.
        let sock = sock.as_fd();
        self.with(|queue| {
            let room = queue.room(max_fds).map_err(|_| Error::NoRoom)?;
            let came = receive(sock, bufs, room, flags)?;
            queue.add(came.fds);
            Ok(came.bytes)
        })
    }

    /// Takes the oldest one.
    ///
    /// ```
    /// # use ancillary::SocketExt;
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fd(&ours)?;
    /// let mut queue = ancillary::FdQueue::<8>::new();
    /// queue.recv(&theirs, &mut [0], 4)?;
    /// assert!(queue.take().is_some() && queue.take().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take(&mut self) -> Option<OwnedFd> {
        let fd = self.with(|queue| queue.take()).ok()?;
        // SAFETY: it was the queue's, which has it no more.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Takes the `M` oldest ones. None where there are fewer, and none is taken.
    ///
    /// ```
    /// assert!(ancillary::FdQueue::<8>::new().take_fds::<1>().is_none());
    /// ```
    pub fn take_fds<const M: usize>(&mut self) -> Option<[OwnedFd; M]> {
        let mut fds = Fds::<M>::new();
        self.with(|queue| queue.take_all(fds.slots())).ok()?;
        // SAFETY: all slots were filled.
        unsafe { fds.set_len(M) };
        fds.into_array().ok()
    }

    /// Closes all.
    ///
    /// ```
    /// # let mut queue = ancillary::FdQueue::<8>::new();
    /// queue.clear();
    /// assert!(queue.is_empty());
    /// ```
    pub fn clear(&mut self) {
        let _ = self.with::<_, Errno>(|queue| {
            queue.close();
            Ok(())
        });
    }

    /// Lends the queue to the core, whose struct points to the slots.
    fn with<T, E: From<Errno>>(&mut self, call: impl FnOnce(&mut Queue<'_>) -> Result<T, E>) -> Result<T, E> {
        let size = u32::try_from(N).unwrap_or(u32::MAX);
        let slots = self.slots.as_mut_ptr().cast();
        let mut lent = anc_fd_queue { slots, size, head: self.head, count: self.count, reserved: 0 };
        // SAFETY: `size` slots are there, and those that are counted are initialised.
        let result = unsafe { Queue::new(&mut lent) }.map_err(E::from).and_then(|mut queue| call(&mut queue));
        (self.head, self.count) = (lent.head, lent.count);
        result
    }
}

impl<const N: usize> Default for FdQueue<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Drop for FdQueue<N> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<const N: usize> fmt::Debug for FdQueue<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FdQueue").field("len", &self.len()).field("capacity", &N).finish()
    }
}
