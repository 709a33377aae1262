//! The channel: messages whose descriptors stay with them, at any size.

mod message;
mod rx;
mod tx;

use std::boxed::Box;
use std::ffi::c_int;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ptr::NonNull;
use std::time::Duration;
use std::vec;

pub use message::{Message, Parts};
pub use rx::{Frame, FrameFds, RX_MEMORY, Rx};
pub use tx::{Done, Slot, TX_MEMORY, Tx, Unqueued};

use super::Error;
use crate::abi::anc_limits;
use crate::channel;
use crate::errno::{Errno, Result};

/// What one side of a channel puts up with; 0: the default. The receiving side refuses what exceeds its
/// own; those of the sending side are what the receiver is known to accept.
///
/// ```
/// use ancillary::Limits;
///
/// let limits = Limits { max_message: 1 << 20, ..Limits::default() };
/// # assert_eq!(limits.max_fds, 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Limits {
    /// Bytes of one message; 16 MiB.
    pub max_message: u32,
    /// Descriptors of one message; 253. It may be more.
    pub max_fds: u32,
    /// Bytes of one frame; 65,528, and on SEQPACKET no more. A message that is larger arrives in parts.
    pub max_frame: u32,
}

impl Limits {
    fn checked(self) -> Result<channel::Limits> {
        let Self { max_message, max_fds, max_frame } = self;
        channel::Limits::new(Some(&anc_limits { max_message, max_fds, max_frame, reserved: 0 }))
    }
}

/// Memory that a side of a channel points into. It stays where it is when the side is moved.
enum Memory<T> {
    /// The caller's.
    Lent(NonNull<[T]>),
    /// The side's own, to be freed.
    Owned(NonNull<[T]>),
}

impl<T> Memory<T> {
    fn lent(memory: &mut [T]) -> Self {
        Self::Lent(NonNull::from(memory))
    }

    fn owned(memory: Box<[T]>) -> Self {
        Self::Owned(NonNull::from(Box::leak(memory)))
    }

    fn ptr(&self) -> NonNull<[T]> {
        match self {
            Self::Lent(ptr) | Self::Owned(ptr) => *ptr,
        }
    }

    /// # Safety
    /// Nobody looks at it any more.
    unsafe fn free(&mut self) {
        if let Self::Owned(ptr) = *self {
            *self = Self::Lent(NonNull::from(&mut []));
            // SAFETY: it came from a box, and is freed once.
            drop(unsafe { Box::from_raw(ptr.as_ptr()) });
        }
    }
}

impl Memory<MaybeUninit<u8>> {
    /// Of zeros, of which none costs anything until it is written to.
    fn zeroed(len: usize) -> Self {
        let memory = Box::into_raw(vec![0u8; len].into_boxed_slice()) as *mut [MaybeUninit<u8>];
        // SAFETY: just made, of a type that takes any bytes.
        Self::owned(unsafe { Box::from_raw(memory) })
    }
}

/// A place for a `T` in that memory, and the rest of it.
fn place<T>(memory: &mut [MaybeUninit<u8>]) -> Option<(&mut MaybeUninit<T>, &mut [MaybeUninit<u8>])> {
    let aligned = memory.as_ptr().align_offset(align_of::<T>());
    let (place, rest) = memory.get_mut(aligned..)?.split_at_mut_checked(size_of::<T>())?;
    // SAFETY: aligned, and of that size.
    Some((unsafe { &mut *place.as_mut_ptr().cast() }, rest))
}

/// What a system call of the caller's has returned. An error that is not the system's is his own affair.
fn result_of(result: io::Result<usize>) -> io::Result<Result<usize>> {
    match result {
        Ok(count) => Ok(Ok(count)),
        Err(error) => error.raw_os_error().map(|number| Err(Errno::new(number))).ok_or(error),
    }
}

/// Milliseconds as the core has them: a part of one counts as a whole; None: no limit.
fn milliseconds(timeout: Option<Duration>) -> c_int {
    timeout.map_or(-1, |timeout| {
        let ms = timeout.as_nanos().div_ceil(1_000_000);
        c_int::try_from(ms).unwrap_or(c_int::MAX)
    })
}

/// What the core says to what it was told: where it is the same, it is the system's.
#[cold]
fn of_told(told: Result<usize>, errno: Errno, of_channel: fn(Errno) -> io::Error) -> io::Error {
    if told == Err(errno) { errno.into() } else { of_channel(errno) }
}

/// Why there is no channel.
#[cold]
fn of_start(errno: Errno) -> io::Error {
    if errno == Errno::ENOBUFS { Error::NoRoom.into() } else { errno.into() }
}

/// What the channel itself refuses.
#[cold]
pub(super) fn of_channel(errno: Errno) -> io::Error {
    match errno {
        Errno::EPROTO => Error::Protocol.into(),
        Errno::ECANCELED => Error::Cancelled.into(),
        errno => errno.into(),
    }
}

/// The same of what exceeds the limits.
#[cold]
pub(super) fn of_limits(errno: Errno) -> io::Error {
    match errno {
        Errno::EMSGSIZE => Error::TooLarge.into(),
        Errno::ERANGE => Error::OverLimit.into(),
        errno => of_channel(errno),
    }
}
