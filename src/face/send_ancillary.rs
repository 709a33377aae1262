//! Building control data.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use super::buffers::numbers;
use super::error::of_put;
use super::{Destination, Error};
use crate::cmsg::{Builder, Credentials, Source};
use crate::errno::Result;
use crate::sys::{AF_INET, AF_INET6, FDS_MAX, SCM_RIGHTS, SOL_SOCKET};

/// Control data to send, in memory of the caller's, of any alignment.
///
/// The same can be sent many times, and the memory used for the next by [`clear`](Self::clear) or by a
/// new `SendAncillary`, which costs nothing.
///
/// ```
/// use std::io::IoSlice;
/// use std::mem::MaybeUninit;
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
/// use ancillary::{Credentials, MsgFlags, SendAncillary, SocketExt, fds_space, space};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let mut memory = [MaybeUninit::uninit(); fds_space(1) + space(12)];
/// let mut control = SendAncillary::new(&mut memory);
/// control.put_fds(&[theirs.as_fd()])?;
/// control.put_credentials(&Credentials::own())?;
/// ours.send_message(&[IoSlice::new(b"one")], &control, MsgFlags::empty())?;
/// ours.send_message(&[IoSlice::new(b"two")], &control, MsgFlags::empty())?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The descriptors stay open as long as it is used:
///
/// ```compile_fail,E0505
/// # use std::os::fd::AsFd;
/// # let file = std::fs::File::open("/dev/null").unwrap();
/// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
/// let mut control = ancillary::SendAncillary::new(&mut memory);
/// control.put_fds(&[file.as_fd()]);
/// drop(file);
/// println!("{}", control.len());
/// ```
pub struct SendAncillary<'a> {
    builder: Builder<'a>,
    fds: PhantomData<BorrowedFd<'a>>,
}

/// Which of the two a type of service or a time to live is for: that of the address that is sent to, IPv4
/// for a mapped one too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    fn family(self) -> std::ffi::c_int {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }
}

impl<'a> SendAncillary<'a> {
    /// Control data to be built there.
    ///
    /// ```
    /// let mut memory = [std::mem::MaybeUninit::uninit(); ancillary::fds_space(2)];
    /// assert!(ancillary::SendAncillary::new(&mut memory).is_empty());
    /// ```
    pub fn new(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { builder: Builder::new(memory), fds: PhantomData }
    }

    /// None at all.
    ///
    /// ```
    /// assert!(ancillary::SendAncillary::none().is_empty());
    /// ```
    pub fn none() -> Self {
        Self::new(&mut [])
    }

    /// Bytes built.
    pub fn len(&self) -> usize {
        self.builder.len()
    }

    /// Whether nothing was put.
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// Forgets what was put.
    ///
    /// ```
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = ancillary::SendAncillary::new(&mut memory);
    /// control.put_mark(7)?;
    /// control.clear();
    /// assert!(control.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn clear(&mut self) {
        self.builder.clear();
    }

    /// Appends descriptors as one SCM_RIGHTS: `anc_put_fds`. None: nothing is put.
    ///
    /// # Errors
    /// [`Error::TooManyFds`]: more than 253 in the whole message. [`Error::NoRoom`].
    ///
    /// ```
    /// # use std::os::fd::AsFd;
    /// # let file = std::fs::File::open("/dev/null")?;
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); ancillary::fds_space(1)];
    /// ancillary::SendAncillary::new(&mut memory).put_fds(&[file.as_fd()])?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put_fds(&mut self, fds: &[BorrowedFd<'a>]) -> io::Result<()> {
        let put = self.builder.put_fds(numbers(fds));
        put.map_err(|errno| if errno == Error::TooManyFds.errno() { Error::TooManyFds.into() } else { of_put(errno) })
    }

    /// Appends credentials. The kernel takes foreign ones only from the privileged, when they are sent.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    ///
    /// See [`SendAncillary`] for an example.
    pub fn put_credentials(&mut self, credentials: &Credentials) -> io::Result<()> {
        self.put_with(|builder| builder.put_credentials(credentials))
    }

    /// Appends a message of any level and type but SCM_RIGHTS, whose descriptors have to be borrowed.
    ///
    /// # Errors
    /// [`Error::NoRoom`]. [`Error::Invalid`]: SCM_RIGHTS, or a kind that is never sent.
    ///
    /// ```
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = ancillary::SendAncillary::new(&mut memory);
    /// control.put(libc::SOL_SOCKET, libc::SO_MARK, &7u32.to_ne_bytes())?;
    /// assert!(control.put(libc::SOL_SOCKET, libc::SCM_RIGHTS, &[1, 0, 0, 0]).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put(&mut self, level: i32, ty: i32, payload: &[u8]) -> io::Result<()> {
        if (level, ty) == (SOL_SOCKET, SCM_RIGHTS) {
            return Err(Error::Invalid.into());
        }
        self.put_with(|builder| builder.put(level, ty, payload))
    }

    /// Appends the local address to send from, and the interface to send by; 0: the system chooses.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use std::net::{Ipv4Addr, UdpSocket};
    /// use ancillary::{MsgFlags, SendAncillary, SocketExt};
    ///
    /// let (ours, theirs) = (UdpSocket::bind("0.0.0.0:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = SendAncillary::new(&mut memory);
    /// control.put_source(Ipv4Addr::new(127, 0, 0, 3).into(), 0)?;
    /// ours.send_message_to(&[IoSlice::new(b"x")], &control, &theirs.local_addr()?.into(), MsgFlags::empty())?;
    /// assert_eq!(theirs.recv_from(&mut [0])?.1.ip(), Ipv4Addr::new(127, 0, 0, 3));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put_source(&mut self, from: IpAddr, ifindex: u32) -> io::Result<()> {
        let from = match from {
            IpAddr::V4(address) => Source::V4(address.octets()),
            IpAddr::V6(address) => Source::V6(address.octets()),
        };
        self.put_with(|builder| builder.put_source(from, ifindex))
    }

    /// Appends the address that was asked as the one to answer from. For a group, where the system is to
    /// choose, nothing is put.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    ///
    /// See [`Destination`] for an example.
    pub fn put_reply_from(&mut self, asked: &Destination) -> io::Result<()> {
        self.put_with(|builder| builder.put_reply_from(&asked.to_abi()))
    }

    /// Appends the type of service or traffic class, ECN in its lowest two bits.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    ///
    /// ```
    /// use ancillary::IpVersion;
    ///
    /// const ECT0: u8 = 0b10;
    /// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// ancillary::SendAncillary::new(&mut memory).put_tos(IpVersion::V6, ECT0)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put_tos(&mut self, version: IpVersion, tos: u8) -> io::Result<()> {
        self.put_with(|builder| builder.put_tos(version.family(), tos.into()))
    }

    /// Appends the time to live or hop limit.
    ///
    /// # Errors
    /// [`Error::NoRoom`]. [`Error::Invalid`]: 0.
    pub fn put_ttl(&mut self, version: IpVersion, ttl: u8) -> io::Result<()> {
        self.put_with(|builder| builder.put_ttl(version.family(), ttl.into()))
    }

    /// Appends the size of the datagrams that one UDP send is cut into.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use std::net::UdpSocket;
    /// use ancillary::{MsgFlags, SendAncillary, SocketExt};
    ///
    /// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    /// ours.connect(theirs.local_addr()?)?;
    /// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = SendAncillary::new(&mut memory);
    /// control.put_segment(1000)?;
    /// ours.send_message(&[IoSlice::new(&[0; 2500])], &control, MsgFlags::empty())?;
    /// for len in [1000, 1000, 500] {
    ///     assert_eq!(theirs.recv(&mut [0; 1500])?, len);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put_segment(&mut self, bytes: u16) -> io::Result<()> {
        self.put_with(|builder| builder.put_segment(bytes))
    }

    /// Appends the time to transmit at, in nanoseconds of the clock that SO_TXTIME chose.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn put_txtime(&mut self, ns: u64) -> io::Result<()> {
        self.put_with(|builder| builder.put_txtime(ns))
    }

    /// Appends the stamps that this send asks for: SOF_TIMESTAMPING_TX_ flags.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn put_timestamping(&mut self, sof_flags: u32) -> io::Result<()> {
        self.put_with(|builder| builder.put_timestamping(sof_flags))
    }

    /// Appends the packet's mark, which wants privileges when it is sent.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn put_mark(&mut self, mark: u32) -> io::Result<()> {
        self.put_with(|builder| builder.put_mark(mark))
    }

    /// Appends the packet's priority; above 6 it wants privileges when it is sent.
    ///
    /// # Errors
    /// [`Error::NoRoom`].
    pub fn put_priority(&mut self, priority: u32) -> io::Result<()> {
        self.put_with(|builder| builder.put_priority(priority))
    }

    fn put_with(&mut self, put: impl FnOnce(&mut Builder<'a>) -> Result<()>) -> io::Result<()> {
        put(&mut self.builder).map_err(of_put)
    }

    /// What was built.
    pub(super) fn as_built(&self) -> &[MaybeUninit<u8>] {
        self.builder.as_built()
    }
}

const _: () = assert!(FDS_MAX == 253, "the error's text says so");

impl fmt::Debug for SendAncillary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendAncillary").field("len", &self.len()).finish_non_exhaustive()
    }
}
