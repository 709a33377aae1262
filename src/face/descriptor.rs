//! What a descriptor is.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::set::set;
use super::{Error, number};
use crate::abi;
use crate::errno::Errno;
use crate::fds;
use crate::sys;

set! {
    /// Kinds of descriptors.
    ///
    /// ```
    /// use ancillary::FdKinds;
    ///
    /// let accepted = FdKinds::PIPE | FdKinds::SOCKET;
    /// assert!(!accepted.contains(FdKinds::FILE));
    /// ```
    FdKinds(u32) {
        /// None of the following. A later version may know it.
        OTHER = abi::ANC_FD_OTHER;
        /// A regular file. It may be on FUSE or NFS: reading it may take forever.
        FILE = abi::ANC_FD_FILE;
        /// A directory.
        DIRECTORY = abi::ANC_FD_DIRECTORY;
        /// A character device: /dev/null, a terminal.
        CHARACTER = abi::ANC_FD_CHARACTER;
        /// A block device.
        BLOCK = abi::ANC_FD_BLOCK;
        /// A pipe or FIFO.
        PIPE = abi::ANC_FD_PIPE;
        /// A socket.
        SOCKET = abi::ANC_FD_SOCKET;
        /// memfd_create.
        MEMORY = abi::ANC_FD_MEMORY;
        /// eventfd.
        EVENT = abi::ANC_FD_EVENT;
        /// epoll_create.
        EPOLL = abi::ANC_FD_EPOLL;
        /// timerfd_create.
        TIMER = abi::ANC_FD_TIMER;
        /// signalfd.
        SIGNAL = abi::ANC_FD_SIGNAL;
        /// inotify_init.
        INOTIFY = abi::ANC_FD_INOTIFY;
        /// pidfd_open, and the like.
        PROCESS = abi::ANC_FD_PROCESS;
        /// Opened with O_PATH, whatever it names: it can be neither read nor written.
        PATH = abi::ANC_FD_PATH;
    }
}

set! {
    /// What a descriptor can be used for.
    ///
    /// ```
    /// assert_eq!(format!("{:?}", ancillary::Access::all()), "READ | WRITE");
    /// ```
    Access(u32) {
        /// It can be read.
        READ = abi::ANC_FD_READ;
        /// It can be written.
        WRITE = abi::ANC_FD_WRITE;
    }
}

set! {
    /// What nobody can do any more to a file of memory: F_SEAL_, whose numbers are Linux's on every system
    /// that has them.
    ///
    /// ```
    /// use ancillary::Seals;
    ///
    /// // What makes a peer's memory safe to map and to read.
    /// assert_eq!((Seals::SHRINK | Seals::WRITE).bits(), 0x2 | 0x8);
    /// ```
    Seals(u32) {
        /// Add seals.
        SEAL = 0x01;
        /// Make it smaller.
        SHRINK = 0x02;
        /// Make it larger.
        GROW = 0x04;
        /// Write to it.
        WRITE = 0x08;
        /// Write to it but through mappings that are there. Linux 5.1.
        FUTURE_WRITE = 0x10;
        /// Make it executable. Linux 6.3.
        EXEC = 0x20;
    }
}

/// What a descriptor is, as [`describe`](FdExt::describe) finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FdInfo {
    /// One kind.
    pub kind: FdKinds,
    /// What it can be used for.
    pub access: Access,
    /// O_APPEND, O_ASYNC, O_DIRECT, O_DSYNC, O_NOATIME, O_NONBLOCK, O_PATH, O_SYNC: those that are set.
    pub status: u32,
    /// Of memory.
    pub seals: Seals,
    /// Of a socket.
    pub socket: Option<SocketInfo>,
    /// Bytes, of a file or memory.
    pub size: u64,
}

/// What a socket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SocketInfo {
    /// AF_UNIX, ...
    pub domain: i32,
    /// SOCK_STREAM, ...
    pub ty: i32,
    /// IPPROTO_TCP, ...; 0 where the family has but one.
    pub protocol: i32,
    /// Whether it was made to listen.
    pub is_listening: bool,
}

/// What a descriptor is, which may have come from a hostile peer: nothing about it changes, and nobody is
/// waited for.
///
/// ```
/// use std::os::fd::OwnedFd;
/// use ancillary::{Access, FdExt, FdKinds, Seals};
///
/// let fd = OwnedFd::from(std::fs::File::open("/dev/null")?);
/// assert_eq!(fd.describe()?.kind, FdKinds::CHARACTER);
/// fd.require(FdKinds::CHARACTER | FdKinds::PIPE, Access::READ, Seals::empty())?;
/// let refused = fd.require(FdKinds::empty(), Access::WRITE, Seals::empty()).unwrap_err();
/// assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait FdExt: AsFd {
    /// Tells what it is: `anc_fd_describe`.
    ///
    /// # Errors
    /// The kernel's: EACCES for a file of FUSE, or by a security module.
    ///
    /// ```
    /// # use ancillary::FdExt;
    /// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
    /// assert!(!ours.describe()?.socket.unwrap().is_listening);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn describe(&self) -> io::Result<FdInfo> {
        let info = fds::describe(number(self.as_fd()))?;
        let kind = FdKinds::from_bits_retain(info.kind);
        let socket = SocketInfo {
            domain: info.domain,
            ty: info.socket_type,
            protocol: info.protocol,
            is_listening: info.listening != 0,
        };
        Ok(FdInfo {
            kind,
            access: Access::from_bits_retain(info.access),
            status: info.status,
            seals: Seals::from_bits_retain(info.seals),
            socket: (kind == FdKinds::SOCKET).then_some(socket),
            size: info.size,
        })
    }

    /// Refuses what is not of one of `kinds` (none: any), with all of `access` and `seals`:
    /// `anc_fd_require`.
    ///
    /// # Errors
    /// [`Error::NotAsRequired`]. As for [`describe`](Self::describe).
    ///
    /// ```
    /// # use ancillary::FdExt;
    /// use ancillary::{Access, FdKinds, Seals};
    ///
    /// let file = std::fs::File::open("/dev/null")?;
    /// file.require(FdKinds::CHARACTER, Access::READ, Seals::empty())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn require(&self, kinds: FdKinds, access: Access, seals: Seals) -> io::Result<()> {
        let required = fds::require(number(self.as_fd()), kinds.bits(), access.bits(), seals.bits());
        required.map_err(|errno| match errno {
            Errno::EPERM => Error::NotAsRequired.into(),
            Errno::EINVAL => Error::Invalid.into(),
            errno => errno.into(),
        })
    }
}

impl<T: AsFd + ?Sized> FdExt for T {}

/// Whether `pid` is still the number of the process that `pidfd` refers to: what was looked up by the
/// number in between is this process's then. `anc_pidfd_matches`.
///
/// # Errors
/// EBADF: not a pidfd. EINVAL: pid is not positive. EMFILE, ENOENT: there is no /proc to ask.
///
/// ```
/// # use ancillary::SocketOptions;
/// # let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// if let (who, Some(pidfd)) = ours.peer_pidfd()? {
///     assert!(ancillary::pidfd_matches(&pidfd, who.pid)?);
///     assert!(!ancillary::pidfd_matches(&pidfd, who.pid + 1)?);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pidfd_matches(pidfd: impl AsFd, pid: i32) -> io::Result<bool> {
    if pid <= 0 {
        return Err(Errno::EINVAL.into());
    }
    Ok(sys::process_number(pidfd.as_fd().as_raw_fd())? == pid)
}
