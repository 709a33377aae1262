//! Control data that were received, and their descriptors.

use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::slice;

use super::error::of_recv;
use super::{Destination, Error, Facts, Fds, Info, MsgFlags, SocketError, StampDevice, Stamps, Timestamp, Vlan};
use crate::cmsg::{Credentials, Found, HEADER, Slots, Walk};
use crate::errno::Errno;
use crate::fds::{Unclaimed, take_next, truncation_cause};
use crate::sys::{MSG_CTRUNC, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET, msghdr};

/// Room for control data, in memory of the caller's, of any alignment; and what
/// [`recv_message`](super::SocketExt::recv_message) has put there.
///
/// It owns the descriptors among them until they are taken. Those that nobody takes are closed by the next
/// receive, by [`clear`](Self::clear), or when it is dropped.
///
/// ```
/// use std::io::{IoSlice, IoSliceMut};
/// use std::mem::MaybeUninit;
/// use std::os::fd::AsFd;
/// use std::os::unix::net::UnixStream;
/// use ancillary::{AncillaryData, Facts, MsgFlags, RecvAncillary, SocketExt, SocketOptions};
///
/// let (ours, theirs) = UnixStream::pair()?;
/// theirs.want(Facts::CREDENTIALS, Facts::empty())?;
/// ours.send_fds(b"hello", &[ours.as_fd()])?;
///
/// let mut memory = [MaybeUninit::uninit(); ancillary::CONTROL_MAX];
/// let mut control = RecvAncillary::new(&mut memory);
/// let mut bytes = [0; 64];
/// let came = theirs.recv_message(&mut [IoSliceMut::new(&mut bytes)], &mut control, MsgFlags::empty())?;
/// assert_eq!((&bytes[..came.bytes], came.flags), (&b"hello"[..], MsgFlags::empty()));
/// for data in control.messages() {
///     match data {
///         AncillaryData::Credentials(who) => assert_eq!(who.pid, std::process::id() as i32),
///         AncillaryData::Rights(fds) => assert_eq!(fds.count(), 1),
///         other => println!("{other:?}"),
///     }
/// }
/// let [descriptor] = control.take_fds_exact::<1>()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What is borrowed from it ends with the next receive:
///
/// ```compile_fail,E0502
/// # use ancillary::{MsgFlags, RecvAncillary, SocketExt};
/// # let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
/// let mut control = RecvAncillary::new(&mut memory);
/// let first = control.messages().next();
/// theirs.recv_message(&mut [], &mut control, MsgFlags::empty());
/// println!("{first:?}");
/// ```
///
/// ```compile_fail,E0505
/// # use ancillary::{AncillaryData, RecvAncillary};
/// let mut memory = [std::mem::MaybeUninit::uninit(); 64];
/// let mut control = RecvAncillary::new(&mut memory);
/// let Some(AncillaryData::Rights(mut fds)) = control.messages().next() else { return };
/// let fd = fds.next();
/// drop(control);
/// println!("{fd:?}");
/// ```
pub struct RecvAncillary<'a> {
    memory: &'a mut [MaybeUninit<u8>],
    /// Bytes that a receive has filled: headers and payloads of the messages there are initialised.
    len: usize,
    flags: MsgFlags,
}

impl<'a> RecvAncillary<'a> {
    /// Room for what a receive brings.
    ///
    /// ```
    /// use ancillary::{Facts, RecvAncillary, want_space};
    ///
    /// // As much as the socket was asked for, or CONTROL_MAX for all that a Unix socket has.
    /// let room = want_space(Facts::RIGHTS | Facts::PIDFD, 8, 0).unwrap();
    /// let mut memory = vec![std::mem::MaybeUninit::uninit(); room];
    /// let control = RecvAncillary::new(&mut memory);
    /// assert_eq!(control.messages().count(), 0);
    /// ```
    pub fn new(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { memory, len: 0, flags: MsgFlags::empty() }
    }

    /// Closes the descriptors that nobody has taken, and forgets what came.
    ///
    /// ```
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = ancillary::RecvAncillary::new(&mut memory);
    /// control.clear();
    /// ```
    pub fn clear(&mut self) {
        if self.len != 0 {
            self.unclaimed().close();
        }
        self.len = 0;
        self.flags = MsgFlags::empty();
    }

    /// Whether control data were lost: MSG_CTRUNC.
    pub fn is_truncated(&self) -> bool {
        self.flags.contains(MsgFlags::CTRUNC)
    }

    /// Why control data were lost, if they were: [`Error::NoRoom`]: here was too little room. EMFILE: the
    /// descriptor table is full. [`Error::NotInstalled`]: something else kept the kernel from handing over
    /// a descriptor. To be asked before any is taken.
    ///
    /// ```
    /// use std::io::IoSliceMut;
    /// use std::os::fd::AsFd;
    /// use ancillary::{Error, MsgFlags, RecvAncillary, SocketExt, fds_space};
    ///
    /// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// ours.send_fds(b"x", &[ours.as_fd(); 3])?;
    /// let mut memory = [std::mem::MaybeUninit::uninit(); fds_space(1)];
    /// let mut control = RecvAncillary::new(&mut memory);
    /// theirs.recv_message(&mut [IoSliceMut::new(&mut [0])], &mut control, MsgFlags::empty())?;
    /// assert_eq!(Error::of(&control.truncation_cause().unwrap()), Some(Error::NoRoom));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn truncation_cause(&self) -> Option<io::Error> {
        // SAFETY: a receive has filled so much.
        unsafe { truncation_cause(&self.header(), self.memory.len()) }.map(|errno| match errno {
            Errno::ENOBUFS => Error::NoRoom.into(),
            errno => of_recv(errno, false),
        })
    }

    /// The control messages, one by one. Nothing is taken: descriptors are lent.
    ///
    /// See [`RecvAncillary`] for an example.
    pub fn messages(&self) -> Messages<'_> {
        let filled = self.filled();
        // SAFETY: a receive has filled so much.
        Messages { walk: unsafe { Walk::new(filled) }, is_truncated: self.is_truncated(), rest: filled }
    }

    /// The control messages, one by one, with their descriptors to take.
    ///
    /// ```
    /// # use std::io::IoSliceMut;
    /// # use std::os::fd::{AsFd, OwnedFd};
    /// # use ancillary::{MsgFlags, SocketExt, fds_space};
    /// use ancillary::{RecvAncillary, ReceivedData};
    ///
    /// # let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// # ours.send_fds(b"x", &[ours.as_fd(); 3])?;
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); fds_space(3)];
    /// let mut control = RecvAncillary::new(&mut memory);
    /// # theirs.recv_message(&mut [IoSliceMut::new(&mut [0])], &mut control, MsgFlags::empty())?;
    /// let mut kept: Vec<OwnedFd> = Vec::new();
    /// for data in control.drain() {
    ///     match data {
    ///         ReceivedData::Rights(fds) => kept.extend(fds),
    ///         ReceivedData::Pidfd(pidfd) => kept.push(pidfd?),
    ///         ReceivedData::Other(other) => println!("{other:?}"),
    ///     }
    /// }
    /// assert_eq!(kept.len(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn drain(&mut self) -> Drain<'_> {
        let is_truncated = self.is_truncated();
        let rest = self.memory.get_mut(..self.len).unwrap_or_default();
        Drain { rest, is_truncated }
    }

    /// Takes the descriptors of all SCM_RIGHTS, in order.
    ///
    /// # Errors
    /// [`Error::SurplusFds`]: there are more than `N`, and all are closed.
    ///
    /// ```
    /// # let mut memory = [std::mem::MaybeUninit::uninit(); 64];
    /// let mut control = ancillary::RecvAncillary::new(&mut memory);
    /// assert!(control.take_fds::<8>()?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_fds<const N: usize>(&mut self) -> io::Result<Fds<N>> {
        self.take_at_least(0)
    }

    /// Takes the descriptors of all SCM_RIGHTS, which must be `N`.
    ///
    /// # Errors
    /// [`Error::SurplusFds`], [`Error::MissingFds`]: there are more or fewer, and all are closed.
    ///
    /// See [`RecvAncillary`] for an example.
    pub fn take_fds_exact<const N: usize>(&mut self) -> io::Result<[OwnedFd; N]> {
        self.take_at_least(N)?.into_array().map_err(|_| Error::MissingFds.into())
    }

    /// Takes the pidfd.
    ///
    /// # Errors
    /// [`Error::MissingFds`]: none came, or it was taken. Otherwise the error that the kernel put in its
    /// place: EMFILE for a full descriptor table.
    ///
    /// ```
    /// # use std::io::IoSliceMut;
    /// # use std::os::unix::net::UnixStream;
    /// use ancillary::{CONTROL_MAX, Facts, MsgFlags, RecvAncillary, SocketExt, SocketOptions};
    ///
    /// let (ours, theirs) = UnixStream::pair()?;
    /// if theirs.want(Facts::PIDFD, Facts::empty()).is_ok() {
    ///     ours.send_fds(b"x", &[])?;
    ///     let mut memory = [std::mem::MaybeUninit::uninit(); CONTROL_MAX];
    ///     let mut control = RecvAncillary::new(&mut memory);
    ///     theirs.recv_message(&mut [IoSliceMut::new(&mut [0])], &mut control, MsgFlags::empty())?;
    ///     let sender = control.take_pidfd()?;
    ///     assert!(ancillary::pidfd_matches(&sender, std::process::id() as i32)?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_pidfd(&mut self) -> io::Result<OwnedFd> {
        match self.unclaimed().take_pidfd() {
            // SAFETY: it was the control buffer's, which has it no more.
            Ok(fd) => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(errno) => Err(of_recv(errno, false)),
        }
    }

    /// All that the messages say, whatever the family: `anc_decode`.
    ///
    /// # Errors
    /// [`Error::Malformed`], which no kernel makes.
    ///
    /// See [`Info`] for an example.
    pub fn decode(&self) -> io::Result<Info<'_>> {
        // SAFETY: a receive has filled so much.
        unsafe { Info::of(self.filled(), self.is_truncated()) }.map_err(|_| Error::Malformed.into())
    }

    fn take_at_least<const N: usize>(&mut self, at_least: usize) -> io::Result<Fds<N>> {
        let mut fds = Fds::new();
        let taken = self.unclaimed().take_fds(fds.slots(), at_least, false).map_err(|errno| of_recv(errno, false))?;
        // SAFETY: so many were taken.
        unsafe { fds.set_len(taken) };
        Ok(fds)
    }

    fn filled(&self) -> &[MaybeUninit<u8>] {
        self.memory.get(..self.len).unwrap_or_default()
    }

    fn unclaimed(&mut self) -> Unclaimed<'_> {
        let filled = self.memory.get_mut(..self.len).unwrap_or_default();
        // SAFETY: a receive has filled so much, and what stands there is owned here.
        unsafe { Unclaimed::in_control(filled) }
    }

    /// What the C interface would have of it, to look at.
    fn header(&self) -> msghdr {
        // SAFETY: null pointers and zero lengths are a valid msghdr.
        let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        msg.msg_control = self.memory.as_ptr().cast_mut().cast();
        msg.msg_controllen = self.len as _;
        msg.msg_flags = if self.is_truncated() { MSG_CTRUNC } else { 0 };
        msg
    }

    /// Room for a receive, with nothing in it.
    pub(super) fn room(&mut self) -> &mut [MaybeUninit<u8>] {
        self.clear();
        self.memory
    }

    /// # Safety
    /// A receive has filled so many bytes of the room, and nobody else owns the descriptors there.
    pub(super) unsafe fn set_filled(&mut self, len: usize, flags: MsgFlags) {
        self.len = len.min(self.memory.len());
        self.flags = flags;
    }
}

impl Drop for RecvAncillary<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for RecvAncillary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.messages()).finish()
    }
}

/// One control message, with its descriptors lent.
///
/// ```
/// use ancillary::AncillaryData;
///
/// fn show(data: &AncillaryData<'_>) -> String {
///     match data {
///         AncillaryData::Ttl(hops) => format!("{hops} hops left"),
///         AncillaryData::Unknown { level, ty, payload, .. } => {
///             let name = ancillary::cmsg::kind(*level, *ty).map(|kind| kind.name);
///             format!("{level}/{ty} {name:?}, {} bytes", payload.len())
///         }
///         other => format!("{other:?}"),
///     }
/// }
/// assert_eq!(show(&AncillaryData::Ttl(64)), "64 hops left");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AncillaryData<'a> {
    /// SCM_RIGHTS.
    Rights(BorrowedFds<'a>),
    /// SCM_PIDFD; the error that stands in its place, ENOMSG where it was taken.
    Pidfd(Result<BorrowedFd<'a>, Errno>),
    /// SCM_CREDENTIALS.
    Credentials(Credentials),
    /// SCM_SECURITY.
    Label(&'a [u8]),
    /// SCM_TIMESTAMP, SCM_TIMESTAMPNS.
    Time(Timestamp),
    /// SCM_TIMESTAMPING.
    Timestamping(Stamps),
    /// SCM_TIMESTAMPING_PKTINFO.
    TimePktinfo(StampDevice),
    /// IP_PKTINFO, IPV6_PKTINFO.
    Dest(Destination),
    /// IP_ORIGDSTADDR, IPV6_ORIGDSTADDR.
    Original(SocketAddr),
    /// IP_TTL, IPV6_HOPLIMIT.
    Ttl(i32),
    /// IP_TOS, IPV6_TCLASS.
    Tos(i32),
    /// UDP_GRO.
    Segment(u32),
    /// SO_RXQ_OVFL.
    Drops(u32),
    /// IP_RECVERR, IPV6_RECVERR, and who reported it.
    Error(SocketError, Option<SocketAddr>),
    /// SO_MARK.
    Mark(u32),
    /// SO_PRIORITY.
    Priority(u32),
    /// SCM_INQ, TCP_CM_INQ.
    Inq(u32),
    /// TLS_GET_RECORD_TYPE.
    TlsRecord(u32),
    /// PACKET_AUXDATA.
    Auxdata(Vlan),
    /// IP_RECVFRAGSIZE, IPV6_RECVFRAGSIZE.
    Fragsize(u32),
    /// IPV6_FLOWINFO.
    Flowinfo(u32),
    /// Another kind, credentials of nobody (pid 0), or one that was cut.
    Unknown {
        /// SOL_SOCKET, ...
        level: i32,
        /// SCM_RIGHTS, ...
        ty: i32,
        /// As much of the payload as is there.
        payload: &'a [u8],
        /// Whether it was shortened.
        cut: bool,
    },
}

impl<'a> AncillaryData<'a> {
    /// What a message says that has no descriptors; `is_last`: it was received with MSG_CTRUNC, and ends
    /// the control data.
    ///
    /// # Safety
    /// Header and payload of the message, `region`, are initialised.
    unsafe fn of(found: &Found<'a>, region: &'a [MaybeUninit<u8>], is_last: bool) -> Self {
        // SAFETY: the caller's.
        let info = unsafe { Info::of(region, is_last) };
        info.ok().and_then(|info| Self::fact(&info)).unwrap_or_else(|| {
            // SAFETY: the caller's.
            let payload = unsafe { slice::from_raw_parts(found.payload.as_ptr().cast(), found.payload.len()) };
            Self::Unknown { level: found.level, ty: found.kind, payload, cut: found.is_cut() }
        })
    }

    /// The fact of an info of one message.
    fn fact(info: &Info<'a>) -> Option<Self> {
        let present = info.present();
        // Transmit stamps are numbered by the error that they come with.
        let fact = if present.contains(Facts::ERROR) { Facts::ERROR } else { present };
        match fact {
            Facts::CREDENTIALS => info.credentials().map(Self::Credentials),
            Facts::LABEL => info.label().map(Self::Label),
            Facts::TIME => info.time().map(Self::Time),
            Facts::TIMESTAMPING => info.timestamping().map(Self::Timestamping),
            Facts::TIME_PKTINFO => info.time_pktinfo().map(Self::TimePktinfo),
            Facts::DEST => info.dest().map(Self::Dest),
            Facts::ORIGINAL => info.original().map(Self::Original),
            Facts::TTL => info.ttl().map(Self::Ttl),
            Facts::TOS => info.tos().map(Self::Tos),
            Facts::SEGMENT => info.segment().map(Self::Segment),
            Facts::DROPS => info.drops().map(Self::Drops),
            Facts::ERROR => info.error().map(|error| Self::Error(error, info.offender())),
            Facts::MARK => info.mark().map(Self::Mark),
            Facts::PRIORITY => info.priority().map(Self::Priority),
            Facts::INQ => info.inq().map(Self::Inq),
            Facts::TLS_RECORD => info.tls_record().map(Self::TlsRecord),
            Facts::AUXDATA => info.auxdata().map(Self::Auxdata),
            Facts::FRAGSIZE => info.fragsize().map(Self::Fragsize),
            Facts::FLOWINFO => info.flowinfo().map(Self::Flowinfo),
            _ => None,
        }
    }
}

/// The control messages of a [`RecvAncillary`], which lends them: [`RecvAncillary::messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    walk: Walk<'a>,
    rest: &'a [MaybeUninit<u8>],
    is_truncated: bool,
}

impl<'a> Iterator for Messages<'a> {
    type Item = AncillaryData<'a>;

    fn next(&mut self) -> Option<AncillaryData<'a>> {
        let found = self.walk.next()?.ok()?;
        let behind = self.walk.rest();
        let region = self.rest.get(..self.rest.len().saturating_sub(behind.len())).unwrap_or_default();
        self.rest = behind;
        Some(match (found.level, found.kind) {
            (SOL_SOCKET, SCM_RIGHTS) => AncillaryData::Rights(BorrowedFds { slots: found.slots(), owner: PhantomData }),
            (SOL_SOCKET, kind) if Some(kind) == SCM_PIDFD => AncillaryData::Pidfd(match found.slots().iter().next() {
                // SAFETY: the control buffer owns it as long as it is lent.
                Some(fd) if fd >= 0 => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
                Some(-1) | None => Err(Errno::ENOMSG),
                Some(error) => Err(Errno::new(error.saturating_neg())),
            }),
            // SAFETY: a receive has filled it.
            _ => unsafe { AncillaryData::of(&found, region, self.is_truncated && behind.is_empty()) },
        })
    }
}

impl FusedIterator for Messages<'_> {}

/// The descriptors of one SCM_RIGHTS, lent. Those that were taken, or could not be handed over, are left
/// out.
#[derive(Clone)]
pub struct BorrowedFds<'a> {
    slots: Slots<'a>,
    owner: PhantomData<BorrowedFd<'a>>,
}

impl<'a> Iterator for BorrowedFds<'a> {
    type Item = BorrowedFd<'a>;

    fn next(&mut self) -> Option<BorrowedFd<'a>> {
        loop {
            let (fd, rest) = self.slots.split_first()?;
            self.slots = rest;
            if fd >= 0 {
                // SAFETY: the control buffer owns it as long as it is lent.
                return Some(unsafe { BorrowedFd::borrow_raw(fd) });
            }
        }
    }
}

impl FusedIterator for BorrowedFds<'_> {}

impl fmt::Debug for BorrowedFds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// One control message, with its descriptors to take.
///
/// See [`RecvAncillary::drain`] for an example.
#[derive(Debug)]
pub enum ReceivedData<'a> {
    /// SCM_RIGHTS. Descriptors that are not taken stay in the [`RecvAncillary`], which closes them.
    Rights(ReceivedFds<'a>),
    /// SCM_PIDFD; the error that the kernel put in its place; [`Error::MissingFds`] where it was taken.
    Pidfd(io::Result<OwnedFd>),
    /// A message without descriptors.
    Other(AncillaryData<'a>),
}

/// The control messages of a [`RecvAncillary`], with their descriptors to take: [`RecvAncillary::drain`].
pub struct Drain<'a> {
    rest: &'a mut [MaybeUninit<u8>],
    is_truncated: bool,
}

impl<'a> Iterator for Drain<'a> {
    type Item = ReceivedData<'a>;

    fn next(&mut self) -> Option<ReceivedData<'a>> {
        let all = mem::take(&mut self.rest);
        // SAFETY: a receive has filled it.
        let mut walk = unsafe { Walk::new(all) };
        let found = walk.next()?.ok()?;
        let (kind, payload) = ((found.level, found.kind), found.payload.len());
        let len = all.len().saturating_sub(walk.rest().len());
        let (region, behind) = all.split_at_mut_checked(len)?;
        let is_last = self.is_truncated && behind.is_empty();
        self.rest = behind;
        let slots = |region: &'a mut [MaybeUninit<u8>]| {
            region.get_mut(HEADER..).and_then(|bytes| bytes.get_mut(..payload)).unwrap_or_default()
        };
        match kind {
            (SOL_SOCKET, SCM_RIGHTS) => Some(ReceivedData::Rights(ReceivedFds { slots: slots(region) })),
            (SOL_SOCKET, kind) if Some(kind) == SCM_PIDFD => {
                // SAFETY: the same message, whose descriptor nobody has taken.
                let taken = unsafe { Unclaimed::in_control(region) }.take_pidfd();
                // SAFETY: it was the control buffer's, which has it no more.
                let pidfd = taken.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
                Some(ReceivedData::Pidfd(pidfd.map_err(|errno| of_recv(errno, false))))
            }
            _ => {
                let region: &'a [MaybeUninit<u8>] = region;
                // SAFETY: as above.
                let found = unsafe { Walk::new(region) }.next()?.ok()?;
                // SAFETY: as above.
                Some(ReceivedData::Other(unsafe { AncillaryData::of(&found, region, is_last) }))
            }
        }
    }
}

impl FusedIterator for Drain<'_> {}

impl fmt::Debug for Drain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// The descriptors of one SCM_RIGHTS, to take.
pub struct ReceivedFds<'a> {
    slots: &'a mut [MaybeUninit<u8>],
}

impl Iterator for ReceivedFds<'_> {
    type Item = OwnedFd;

    fn next(&mut self) -> Option<OwnedFd> {
        // SAFETY: slots of the control buffer, which owns what stands there.
        let fd = unsafe { take_next(&mut self.slots) }?;
        // SAFETY: it was the control buffer's, which has it no more.
        Some(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl FusedIterator for ReceivedFds<'_> {}

impl fmt::Debug for ReceivedFds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedFds").finish_non_exhaustive()
    }
}
