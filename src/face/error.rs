//! What the library itself refuses, beneath [`io::Error`].

use std::{fmt, io};

use crate::errno::Errno;

/// Why the library refused, where the kernel did not. It stands beneath the [`io::Error`] that a call
/// returns; the kernel's own errors are there as [`io::Error::raw_os_error`], unchanged.
///
/// End of file where something had to come is [`io::ErrorKind::UnexpectedEof`], without an `Error`.
///
/// ```
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
/// use ancillary::{Error, SocketExt};
///
/// let (ours, _theirs) = UnixStream::pair()?;
/// let too_many = [ours.as_fd(); 254];
/// let error = ours.send_fds(b"x", &too_many).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
/// assert_eq!(Error::of(&error), Some(Error::TooManyFds));
/// assert_eq!(error.to_string(), "more than 253 descriptors for one message");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// More descriptors than one message can carry. Nothing was sent.
    TooManyFds,
    /// More than 1,024 buffers. Nothing was sent or received.
    TooManyBuffers,
    /// Descriptors without a byte on a stream, where the kernel would lose them; or a receive there
    /// without room for one. Nothing was sent or received.
    NoBytes,
    /// A buffer, or what is free of it, is too small. Nothing was sent or received.
    NoRoom,
    /// What was asked for is larger than the place for it.
    TooSmall {
        /// The room that suffices.
        needed: usize,
    },
    /// A kind that is never sent, or a value that it can't have; flags that contradict each other.
    Invalid,
    /// A path or name that no address can hold.
    BadAddress,
    /// The message that came is longer than the buffer. It is lost, and its descriptors are closed.
    Truncated,
    /// More descriptors came than were asked for. All are closed, and the bytes are lost.
    SurplusFds,
    /// Fewer descriptors came than were asked for. All are closed, and the bytes are lost.
    MissingFds,
    /// Something kept the kernel from handing over a descriptor, a security module for example; a full
    /// descriptor table is EMFILE. All are closed.
    NotInstalled,
    /// Control data that contradict themselves.
    Malformed,
    /// Nobody is at the other end, or nobody that this process can name.
    NoPeer,
    /// Not of the kinds, or without the access or the seals, that were required.
    NotAsRequired,
    /// A channel's peer does not keep to the wire, or has ended within a message.
    Protocol,
    /// A frame or a message is larger than a channel's limit.
    TooLarge,
    /// A message has more descriptors than a channel's limit.
    OverLimit,
    /// Messages of a channel were dropped of which a part had gone.
    Cancelled,
}

impl Error {
    /// The reason beneath an error of this library's.
    ///
    /// ```
    /// use ancillary::Error;
    ///
    /// let error = std::io::Error::from(Error::NoPeer);
    /// assert_eq!(Error::of(&error), Some(Error::NoPeer));
    /// assert_eq!(Error::of(&std::io::Error::from_raw_os_error(9)), None);
    /// ```
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// The errno that the C library has for it.
    ///
    /// ```
    /// use ancillary::{Error, errno::Errno};
    ///
    /// assert_eq!(Error::SurplusFds.errno(), Errno::ERANGE);
    /// ```
    pub fn errno(self) -> Errno {
        match self {
            Self::TooManyFds | Self::TooManyBuffers | Self::NoBytes | Self::Invalid | Self::BadAddress => Errno::EINVAL,
            Self::NoRoom => Errno::ENOBUFS,
            Self::TooSmall { .. } | Self::SurplusFds | Self::OverLimit => Errno::ERANGE,
            Self::Truncated | Self::TooLarge => Errno::EMSGSIZE,
            Self::MissingFds => Errno::ENOMSG,
            Self::NotInstalled => Errno::EOVERFLOW,
            Self::Malformed => Errno::EBADMSG,
            Self::NoPeer => Errno::ENODATA,
            Self::NotAsRequired => Errno::EPERM,
            Self::Protocol => Errno::EPROTO,
            Self::Cancelled => Errno::ECANCELED,
        }
    }

    fn kind(self) -> io::ErrorKind {
        match self {
            Self::TooManyFds
            | Self::TooManyBuffers
            | Self::NoBytes
            | Self::NoRoom
            | Self::TooSmall { .. }
            | Self::Invalid
            | Self::BadAddress => io::ErrorKind::InvalidInput,
            Self::Truncated
            | Self::SurplusFds
            | Self::MissingFds
            | Self::NotInstalled
            | Self::Malformed
            | Self::Protocol
            | Self::TooLarge
            | Self::OverLimit => io::ErrorKind::InvalidData,
            Self::NoPeer => io::ErrorKind::NotConnected,
            Self::NotAsRequired => io::ErrorKind::PermissionDenied,
            Self::Cancelled => io::ErrorKind::BrokenPipe,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyFds => "more than 253 descriptors for one message",
            Self::TooManyBuffers => "more than 1024 buffers",
            Self::NoBytes => "no byte for descriptors to go with on a stream",
            Self::NoRoom => "no room left in the buffer",
            Self::TooSmall { needed } => return write!(f, "too small: {needed} would suffice"),
            Self::Invalid => "a kind that is never sent, a value out of range, or flags that contradict each other",
            Self::BadAddress => "no address of a Unix socket",
            Self::Truncated => "the message is longer than the buffer",
            Self::SurplusFds => "more descriptors came than were asked for",
            Self::MissingFds => "fewer descriptors came than were asked for",
            Self::NotInstalled => "the kernel did not hand over a descriptor",
            Self::Malformed => "malformed control data",
            Self::NoPeer => "no peer that can be named",
            Self::NotAsRequired => "the descriptor is not what is required",
            Self::Protocol => "the peer does not keep to the channel's wire format",
            Self::TooLarge => "a message larger than the channel's limit",
            Self::OverLimit => "more descriptors than the channel's limit",
            Self::Cancelled => "messages were dropped after a part had gone",
        })
    }
}

impl std::error::Error for Error {}

/// Allocates, as every [`io::Error`] with something beneath it does.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Does not allocate.
impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.number())
    }
}

/// End of file where something had to come. Does not allocate.
#[cold]
pub(super) fn end_of_file() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

/// What building control data refuses.
#[cold]
pub(super) fn of_put(errno: Errno) -> io::Error {
    match errno {
        Errno::ENOBUFS => Error::NoRoom.into(),
        Errno::EINVAL => Error::Invalid.into(),
        errno => errno.into(),
    }
}

/// What receiving refuses: these are the library's own, for the kernel's recvmsg has none of them.
#[cold]
pub(super) fn of_recv(errno: Errno, is_empty: bool) -> io::Error {
    match errno {
        Errno::EINVAL if is_empty => Error::NoBytes.into(),
        Errno::EMSGSIZE => Error::Truncated.into(),
        Errno::ERANGE => Error::SurplusFds.into(),
        Errno::ENOMSG => Error::MissingFds.into(),
        Errno::EOVERFLOW => Error::NotInstalled.into(),
        errno => errno.into(),
    }
}
