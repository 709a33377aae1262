//! What a socket is asked for, and who is at its other end.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::slice;

use super::buffers::number;
use super::{Error, Facts};
use crate::cmsg::Credentials;
use crate::errno::Errno;
use crate::socket;

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

#[cold]
fn of_peer(errno: Errno) -> io::Error {
    if errno == Errno::ENODATA { Error::NoPeer.into() } else { errno.into() }
}

#[cold]
fn of_size(errno: Errno, needed: usize) -> io::Error {
    if errno == Errno::ERANGE { Error::TooSmall { needed }.into() } else { of_peer(errno) }
}
