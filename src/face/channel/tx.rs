//! The sending side.

use std::boxed::Box;
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::iter;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::time::Duration;
use std::vec::Vec;

use super::{Limits, Memory, Message, milliseconds, of_channel, of_limits, of_start, of_told, place, result_of};
use crate::abi::{ANC_MOVE, ANC_OUT_DONE, ANC_OUT_DROPPED, ANC_OUT_QUEUED, ANC_TX_BUFFER, anc_out};
use crate::channel;
use crate::errno::Errno;
#[cfg(doc)]
use crate::face::Error;
use crate::face::{Fds, number};
use crate::sys::msghdr;

/// Bytes of memory with which some sixty small messages leave by one system call. 2,560 suffice.
pub const TX_MEMORY: usize = ANC_TX_BUFFER + size_of::<msghdr>() + align_of::<msghdr>();

/// The sending side of a channel on a Unix socket of type STREAM or SEQPACKET, whose other end receives by
/// [`Rx`](super::Rx), or by the C library's `anc_rx`.
///
/// Messages are queued and then flushed, as many by each system call as fit. A message is bytes, `T`, which
/// the channel keeps until they have gone and then gives back, and up to `F` descriptors, which are its own
/// from the start: closed when they have gone. `T` may be a `Vec<u8>`, an `Arc<[u8]>`, an array, `&'a [u8]`
/// of something that lives longer than the channel, or [`Parts`](super::Parts) of such. Where a call fails or
/// a timeout ends it, what has not gone stays queued; nothing goes twice.
///
/// In a loop of its own a program flushes with a timeout of zero when the socket is writable, and until
/// then keeps what [`WouldBlock`](io::ErrorKind::WouldBlock) has left queued. Where the system call is not
/// the channel's to make, as with io_uring, [`prepare`](Self::prepare) tells it.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use ancillary::{Rx, Tx};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let mut tx: Tx<UnixStream> = Tx::new(ours, 64)?;
/// let file = std::fs::File::open("/dev/null")?;
/// tx.queue(b"open".to_vec(), [file.into()])?;
/// tx.queue(b"close".to_vec(), [])?;
/// tx.flush(None)?;
///
/// let mut rx = Rx::new(theirs)?;
/// let mut frame = rx.recv(None)?.expect("not the end");
/// assert_eq!(frame.bytes, b"open");
/// let fd = frame.fds.next().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A message that was queued is the channel's:
///
/// ```compile_fail,E0382
/// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// # let file = std::fs::File::open("/dev/null").unwrap();
/// # let mut tx: ancillary::Tx<_> = ancillary::Tx::new(ours, 1).unwrap();
/// let fd = std::os::fd::OwnedFd::from(file);
/// tx.queue(b"open".to_vec(), [fd]);
/// println!("{fd:?}");
/// ```
///
/// and what it borrows must live longer:
///
/// ```compile_fail,E0597
/// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let mut tx: ancillary::Tx<_, &[u8]> = ancillary::Tx::new(ours, 1).unwrap();
/// {
///     let bytes = vec![1, 2, 3];
///     tx.queue(&bytes[..], []);
/// }
/// tx.flush(None);
/// ```
///
/// as this does:
///
/// ```
/// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let bytes = vec![1, 2, 3];
/// let mut tx: ancillary::Tx<_, &[u8]> = ancillary::Tx::new(ours, 1)?;
/// tx.queue(&bytes[..], [])?;
/// tx.flush(None)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Tx<'a, S, T: Message = Vec<u8>, const F: usize = 4> {
    core: channel::Tx,
    sock: S,
    /// A ring of the messages that are queued, or were not given back yet. Places that were lent for one `T`
    /// are not to be filled with another that ends sooner, and stay there:
    ///
    /// ```compile_fail
    /// fn shorter<'a, S>(tx: ancillary::Tx<'a, S, &'static [u8]>) -> ancillary::Tx<'a, S, &'a [u8]> {
    ///     tx
    /// }
    /// ```
    slots: Memory<Slot<T, F>>,
    oldest: usize,
    count: usize,
    memory: Memory<MaybeUninit<u8>>,
    /// In that memory, what [`prepare`](Self::prepare) shows.
    prepared: NonNull<msghdr>,
    lent: PhantomData<&'a mut ()>,
}

/// A place for one message, in memory of the caller's.
///
/// See [`Tx::in_place`] for an example.
pub struct Slot<T: Message, const F: usize = 4> {
    out: anc_out,
    buffers: T::Buffers,
    fds: [c_int; F],
    bytes: Option<T>,
}

impl<T: Message, const F: usize> Slot<T, F> {
    /// An empty place.
    pub const fn new() -> Self {
        Self {
            out: anc_out {
                iov: ptr::null(),
                iovcnt: 0,
                fds: ptr::null(),
                nfds: 0,
                flags: 0,
                state: ANC_OUT_QUEUED,
                next: ptr::null_mut(),
                private: [0; 4],
            },
            buffers: T::NONE,
            fds: [-1; F],
            bytes: None,
        }
    }
}

impl<T: Message, const F: usize> Default for Slot<T, F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Message, const F: usize> fmt::Debug for Slot<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

// SAFETY: its pointers lead into itself and its bytes.
unsafe impl<T: Message + Send, const F: usize> Send for Slot<T, F> {}
// SAFETY: nothing can be done with a shared one.
unsafe impl<T: Message + Sync, const F: usize> Sync for Slot<T, F> {}

// SAFETY: its pointers lead to memory that is lent to it exclusively, or its own: of T and of bytes.
unsafe impl<S: Send, T: Message + Send, const F: usize> Send for Tx<'_, S, T, F> {}
// SAFETY: with a shared one only the socket can be looked at.
unsafe impl<S: Sync, T: Message + Sync, const F: usize> Sync for Tx<'_, S, T, F> {}

/// A message that was not queued, and why. It becomes an [`io::Error`] by `?`, which closes its
/// descriptors.
///
/// ```
/// use ancillary::{Fds, Tx};
///
/// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// let mut tx: Tx<_> = Tx::new(ours, 2)?;
/// for i in 0..10 {
///     let mut message = (vec![i], Fds::new());
///     while let Err(full) = tx.queue(message.0, message.1) {
///         if full.error.kind() != std::io::ErrorKind::WouldBlock {
///             return Err(full.error);
///         }
///         tx.flush(None)?;
///         message = (full.bytes, full.fds);
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Unqueued<T, const F: usize = 4> {
    /// [`WouldBlock`](io::ErrorKind::WouldBlock): all places are taken: flush. [`Error::TooLarge`],
    /// [`Error::OverLimit`]: it exceeds the limits. Or what every call fails with.
    pub error: io::Error,
    /// The bytes.
    pub bytes: T,
    /// The descriptors.
    pub fds: Fds<F>,
}

impl<T, const F: usize> From<Unqueued<T, F>> for io::Error {
    fn from(unqueued: Unqueued<T, F>) -> Self {
        unqueued.error
    }
}

/// A message that is given back.
///
/// See [`Tx::reclaim`] for an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Done<T> {
    /// Its bytes.
    pub bytes: T,
    /// Whether all of it has gone. If not, its descriptors are closed.
    pub is_sent: bool,
}

impl<S: AsFd, T: Message, const F: usize> Tx<'static, S, T, F> {
    /// The sending side on this socket, with places for so many messages. This allocates, and nothing
    /// afterwards does.
    ///
    /// # Errors
    /// EAFNOSUPPORT: not a Unix socket. EPROTOTYPE: datagrams.
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// // Messages of at most 64 bytes without memory of their own, and one descriptor.
    /// let tx: ancillary::Tx<_, [u8; 64], 1> = ancillary::Tx::new(ours, 16)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(sock: S, messages: usize) -> io::Result<Self> {
        Self::with_limits(sock, messages, Limits::default())
    }

    /// The same for a receiver with these limits.
    ///
    /// # Errors
    /// As for [`new`](Self::new). EINVAL: frames that no packet of a SEQPACKET socket can hold.
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let limits = ancillary::Limits { max_message: 4, ..Default::default() };
    /// let mut tx: ancillary::Tx<_> = ancillary::Tx::with_limits(ours, 1, limits)?;
    /// let refused = tx.queue(b"too long".to_vec(), []).unwrap_err();
    /// assert_eq!(refused.bytes, b"too long");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_limits(sock: S, messages: usize, limits: Limits) -> io::Result<Self> {
        let slots = iter::repeat_with(Slot::new).take(messages).collect();
        Self::start(sock, Memory::owned(slots), Memory::owned(Box::new_uninit_slice(TX_MEMORY)), limits)
    }
}

impl<'a, S: AsFd, T: Message, const F: usize> Tx<'a, S, T, F> {
    /// The same in memory of the caller's, for each message and for what one system call is given:
    /// [`TX_MEMORY`] bytes, or 2,560 at least.
    ///
    /// # Errors
    /// As for [`new`](Tx::new). [`Error::NoRoom`].
    ///
    /// ```
    /// # use std::mem::{MaybeUninit, size_of};
    /// # use ancillary::Limits;
    /// use ancillary::{Slot, TX_MEMORY, Tx};
    ///
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut slots = [const { Slot::<&[u8], 1>::new() }; 8];
    /// let mut memory = [MaybeUninit::uninit(); TX_MEMORY];
    /// let mut tx = Tx::in_place(&ours, &mut slots, &mut memory, Limits::default())?;
    /// tx.queue(&b"hello"[..], [])?;
    /// tx.flush(None)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn in_place(
        sock: S,
        slots: &'a mut [Slot<T, F>],
        memory: &'a mut [MaybeUninit<u8>],
        limits: Limits,
    ) -> io::Result<Self> {
        Self::start(sock, Memory::lent(slots), Memory::lent(memory), limits)
    }

    fn start(
        sock: S,
        mut slots: Memory<Slot<T, F>>,
        mut memory: Memory<MaybeUninit<u8>>,
        limits: Limits,
    ) -> io::Result<Self> {
        // SAFETY: the memory is lent exclusively, or its own, for as long as the side lives.
        let core = limits.checked().and_then(|limits| unsafe {
            let (prepared, buffer) = place::<msghdr>(&mut *memory.ptr().as_ptr()).ok_or(Errno::ENOBUFS)?;
            Ok((NonNull::from(prepared).cast(), channel::Tx::new(number(sock.as_fd()), buffer, limits)?))
        });
        match core {
            Ok((prepared, core)) => {
                Ok(Self { core, sock, slots, oldest: 0, count: 0, memory, prepared, lent: PhantomData })
            }
            Err(errno) => {
                // SAFETY: nobody has come to use them.
                unsafe {
                    slots.free();
                    memory.free();
                }
                Err(of_start(errno))
            }
        }
    }

    /// Puts a message behind the others. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`Unqueued`], which has the message.
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut tx: ancillary::Tx<_> = ancillary::Tx::new(ours, 1)?;
    /// tx.queue(b"one".to_vec(), [])?;
    /// let full = tx.queue(b"two".to_vec(), []).unwrap_err();
    /// assert_eq!(full.error.kind(), std::io::ErrorKind::WouldBlock);
    /// tx.flush(None)?;
    /// tx.queue(full.bytes, full.fds)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn queue(&mut self, bytes: T, fds: impl Into<Fds<F>>) -> Result<(), Unqueued<T, F>> {
        let fds = fds.into();
        if self.count == self.capacity() {
            self.reclaim();
        }
        let Some(slot) = self.slot(self.count) else {
            return Err(Unqueued { error: io::ErrorKind::WouldBlock.into(), bytes, fds });
        };
        // SAFETY: a free place, which the core does not look at. It gets pointers to what stays there,
        // which nobody writes to until the message is done.
        let queued = unsafe {
            (*slot).buffers = T::buffers((*slot).bytes.insert(bytes));
            (&raw mut (*slot).fds).cast::<c_int>().copy_from_nonoverlapping(fds.numbers().as_ptr(), fds.len());
            (*slot).out = anc_out {
                iov: (&raw const (*slot).buffers).cast(),
                iovcnt: T::COUNT as c_int,
                fds: (&raw const (*slot).fds).cast(),
                nfds: fds.len(),
                flags: ANC_MOVE,
                state: ANC_OUT_QUEUED,
                next: ptr::null_mut(),
                private: [0; 4],
            };
            self.core.queue(NonNull::new_unchecked(&raw mut (*slot).out))
        };
        match queued {
            Ok(()) => {
                self.count += 1;
                fds.forget();
                Ok(())
            }
            Err(errno) => {
                // SAFETY: the place is free again.
                let bytes = unsafe { (*slot).bytes.take() };
                match bytes {
                    Some(bytes) => Err(Unqueued { error: of_limits(errno), bytes, fds }),
                    None => unreachable!("it has just been put there"),
                }
            }
        }
    }

    /// Sends all that is queued, within this time; None: without limit, zero: not to wait. Whether the
    /// socket is nonblocking makes no difference.
    ///
    /// # Errors
    /// What has not gone stays queued. [`WouldBlock`](io::ErrorKind::WouldBlock),
    /// [`TimedOut`](io::ErrorKind::TimedOut): the socket is full, or was until the end. ETOOMANYREFS: too
    /// many of the user's descriptors are in flight, or were: to be tried again by a timer. Interrupted. The
    /// kernel's: the connection is over.
    ///
    /// EBADF, EINVAL, EPERM, EMSGSIZE: the oldest message can't be sent, for its descriptors or its size,
    /// and is dropped; the others stay queued.
    ///
    /// See [`Tx`] for an example.
    pub fn flush(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        // SAFETY: the messages stay in their places until they are done.
        unsafe { channel::flush(&mut self.core, milliseconds(timeout)) }.map_err(of_channel)
    }

    /// What to send next, for a program whose system calls are its own affair, io_uring's for example: by one
    /// sendmsg with MSG_NOSIGNAL, whose result is told by [`sent`](Self::sent), and then again until there is
    /// nothing. None: all has gone.
    ///
    /// The pointer is good as long as the channel is there, which may be moved. Whoever gives it to the
    /// kernel has to see to it that until that has ended nothing else is done with the channel, but that
    /// messages are queued, and that it is not dropped.
    ///
    /// musl's sendmsg takes no more than 252 descriptors (ENOMEM): there it is the system call itself that
    /// sends, `libc::syscall`'s or io_uring's.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    ///
    /// ```
    /// use std::io;
    /// use std::os::fd::AsRawFd;
    /// use ancillary::{Rx, Tx};
    ///
    /// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut tx: Tx<_> = Tx::new(ours, 4)?;
    /// tx.queue(b"open".to_vec(), [std::fs::File::open("/dev/null")?.into()])?;
    /// while let Some(msg) = tx.prepare()? {
    ///     // SAFETY: nothing else is done with the channel meanwhile.
    ///     let n = unsafe { libc::sendmsg(tx.get_ref().as_raw_fd(), msg, libc::MSG_NOSIGNAL) };
    ///     tx.sent(usize::try_from(n).map_err(|_| io::Error::last_os_error()))?;
    /// }
    /// assert_eq!(Rx::new(theirs)?.recv(None)?.unwrap().bytes, b"open");
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn prepare(&mut self) -> io::Result<Option<*const msghdr>> {
        let Some(msg) = self.core.next().map_err(of_channel)? else { return Ok(None) };
        // SAFETY: a place for it, in memory that is the channel's own.
        unsafe { self.prepared.write(msg) };
        Ok(Some(self.prepared.as_ptr()))
    }

    /// Says what became of what [`prepare`](Self::prepare) has shown: so many bytes have gone, or none, for
    /// this reason.
    ///
    /// # Errors
    /// That reason, unless the channel knows what to do; it means what it means to [`flush`](Self::flush), and
    /// what was prepared may be prepared again. EINVAL: more bytes than there were.
    ///
    /// See [`prepare`](Self::prepare) for an example.
    pub fn sent(&mut self, result: io::Result<usize>) -> io::Result<()> {
        let result = result_of(result)?;
        self.core.sent(result).map_err(|errno| of_told(result, errno, of_channel))
    }

    /// The core, whose messages stay in their places until they are done; and the socket.
    #[cfg(feature = "tokio")]
    pub(in crate::face) fn parts(&mut self) -> (&mut channel::Tx, &S) {
        (&mut self.core, &self.sock)
    }

    /// Gives back the oldest message, if it is done. Those that nobody takes are dropped when their places
    /// are needed.
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut tx: ancillary::Tx<_> = ancillary::Tx::new(ours, 4)?;
    /// tx.queue(Vec::from("x"), [])?;
    /// assert!(tx.reclaim().is_none());
    /// tx.flush(None)?;
    /// let done = tx.reclaim().unwrap();
    /// assert!(done.is_sent);
    /// // Its memory serves the next one.
    /// let mut bytes = done.bytes;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reclaim(&mut self) -> Option<Done<T>> {
        let slot = self.slot(0).filter(|_| self.count != 0)?;
        // SAFETY: one of the places; its state is the core's to write, which is not at work.
        let state = unsafe { (*slot).out.state };
        if state != ANC_OUT_DONE && state != ANC_OUT_DROPPED {
            return None;
        }
        self.oldest = (self.oldest + 1) % self.capacity();
        self.count -= 1;
        // SAFETY: the core looks at nothing of a message that is done.
        let bytes = unsafe { (*slot).bytes.take() }?;
        Some(Done { bytes, is_sent: state == ANC_OUT_DONE })
    }

    /// Drops all messages that have not gone, and closes their descriptors. They are given back as not sent.
    /// Where a part of one has gone, the channel can't be used any more: [`Error::Cancelled`].
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let mut tx: ancillary::Tx<_> = ancillary::Tx::new(ours, 4)?;
    /// tx.queue(Vec::from("x"), [])?;
    /// tx.clear();
    /// assert!(!tx.reclaim().unwrap().is_sent);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn clear(&mut self) {
        self.core.drop_all();
    }

    /// Whether all messages have gone or were dropped.
    ///
    /// ```
    /// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let tx: ancillary::Tx<_> = ancillary::Tx::new(ours, 4)?;
    /// assert!(tx.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        let newest = self.count.checked_sub(1).and_then(|newest| self.slot(newest));
        // SAFETY: as in reclaim.
        newest.is_none_or(|slot| unsafe { matches!((*slot).out.state, ANC_OUT_DONE | ANC_OUT_DROPPED) })
    }

    /// The socket.
    pub fn get_ref(&self) -> &S {
        &self.sock
    }

    fn capacity(&self) -> usize {
        self.slots.ptr().len()
    }

    /// The place so many behind the oldest message. None: that is the oldest's again.
    fn slot(&self, behind: usize) -> Option<*mut Slot<T, F>> {
        let at = (behind < self.capacity()).then(|| (self.oldest + behind) % self.capacity())?;
        // SAFETY: within the slots.
        Some(unsafe { self.slots.ptr().cast::<Slot<T, F>>().as_ptr().add(at) })
    }
}

impl<S, T: Message, const F: usize> Drop for Tx<'_, S, T, F> {
    fn drop(&mut self) {
        self.core.drop_all();
        let slots = self.slots.ptr();
        for at in 0..slots.len() {
            // SAFETY: one of the places, which the core looks at no more.
            drop(unsafe { (*slots.cast::<Slot<T, F>>().as_ptr().add(at)).bytes.take() });
        }
        // SAFETY: the core is not used any more.
        unsafe {
            self.slots.free();
            self.memory.free();
        }
    }
}

impl<S: AsFd, T: Message, const F: usize> AsFd for Tx<'_, S, T, F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sock.as_fd()
    }
}

impl<S: fmt::Debug, T: Message, const F: usize> fmt::Debug for Tx<'_, S, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("sock", &self.sock).field("messages", &self.count).finish_non_exhaustive()
    }
}
