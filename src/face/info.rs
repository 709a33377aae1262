//! The control messages of one message, decoded.

use core::ffi::c_int;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::slice;

use super::Facts;
use super::address::socket_addr;
use crate::abi::{anc_dest, anc_info, anc_sock_error, anc_time};
use crate::cmsg::{self, Credentials};
use crate::errno::{Errno, Result};
use crate::sys::{AF_INET, AF_INET6, MSG_CTRUNC, msghdr};

/// What the control messages of one message say, whatever the family, the option and its width.
///
/// A fact is there or it is not, and each has its method, which is None where it did not come.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::mem::MaybeUninit;
/// use std::net::UdpSocket;
/// use ancillary::{Facts, RecvAncillary, SocketExt, SocketOptions};
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// server.want(Facts::DEST | Facts::TTL, Facts::empty())?;
/// UdpSocket::bind("127.0.0.1:0")?.send_to(b"?", server.local_addr()?)?;
///
/// let mut space = [MaybeUninit::uninit(); 256];
/// let mut control = RecvAncillary::new(&mut space);
/// server.recv_message(&mut [std::io::IoSliceMut::new(&mut [0; 16])], &mut control, Default::default())?;
/// let info = control.decode()?;
/// assert_eq!(info.dest().unwrap().to, server.local_addr()?.ip());
/// assert!(info.ttl().is_some() && info.tos().is_none());
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Info<'a> {
    info: anc_info,
    /// The label and the offender's address stand there.
    control: PhantomData<&'a [u8]>,
}

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp {
    /// Seconds since 1970, or of the device's clock.
    pub sec: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nsec: u32,
}

/// Where a datagram was sent to.
///
/// A server that is bound to no address answers from the one that was asked:
///
#[cfg_attr(feature = "std", doc = "```")]
#[cfg_attr(not(feature = "std"), doc = "```ignore")]
/// use std::io::{IoSlice, IoSliceMut};
/// use std::mem::MaybeUninit;
/// use std::net::UdpSocket;
/// use ancillary::{Facts, MsgFlags, RecvAncillary, SendAncillary, SocketExt, SocketOptions};
///
/// let server = UdpSocket::bind("0.0.0.0:0")?;
/// server.want(Facts::DEST, Facts::empty())?;
/// # let client = UdpSocket::bind("127.0.0.1:0")?;
/// # client.send_to(b"who is there?", ("127.0.0.2", server.local_addr()?.port()))?;
///
/// let mut memory = [MaybeUninit::uninit(); 256];
/// let mut control = RecvAncillary::new(&mut memory);
/// let mut bytes = [0; 1500];
/// let asked = server.recv_message(&mut [IoSliceMut::new(&mut bytes)], &mut control, MsgFlags::empty())?;
/// let dest = control.decode()?.dest().expect("it was asked for");
///
/// let mut memory = [MaybeUninit::uninit(); 64];
/// let mut answer = SendAncillary::new(&mut memory);
/// answer.put_reply_from(&dest)?;
/// server.send_message_to(&[IoSlice::new(b"I am")], &answer, &asked.from, MsgFlags::empty())?;
/// # assert_eq!(client.recv_from(&mut bytes)?.1.ip().to_string(), "127.0.0.2");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Destination {
    /// The destination in the header: it may be a group's.
    pub to: IpAddr,
    /// The local address to answer from; None where the system is to choose.
    pub reply_from: Option<IpAddr>,
    /// The interface that it came in by.
    pub ifindex: u32,
}

/// An error that the socket's error queue brought: `struct sock_extended_err`.
///
#[cfg_attr(feature = "std", doc = "```")]
#[cfg_attr(not(feature = "std"), doc = "```ignore")]
/// use std::io::IoSliceMut;
/// use std::net::UdpSocket;
/// use ancillary::{Facts, MsgFlags, RecvAncillary, SocketExt, SocketOptions};
///
/// let sock = UdpSocket::bind("127.0.0.1:0")?;
/// sock.want(Facts::ERROR, Facts::empty())?;
/// # let nobody = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
/// sock.send_to(b"anybody there?", nobody)?;
/// let mut memory = [std::mem::MaybeUninit::uninit(); 256];
/// let mut control = RecvAncillary::new(&mut memory);
/// let mut bytes = [0; 64];
/// // The bytes and the address are those that were sent.
/// let failed = sock.recv_message(&mut [IoSliceMut::new(&mut bytes)], &mut control, MsgFlags::ERRQUEUE)?;
/// let info = control.decode()?;
/// assert_eq!(info.error().map(|error| error.errno.number()), Some(libc::ECONNREFUSED));
/// println!("{:?} by {:?}", failed.from, info.offender());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketError {
    /// What went wrong; ENOMSG for stamps, 0 for completions.
    pub errno: Errno,
    /// SO_EE_ORIGIN_LOCAL, _ICMP, _ICMP6, _TIMESTAMPING, _ZEROCOPY, ...
    pub origin: u8,
    /// The ICMP type.
    pub ty: u8,
    /// The ICMP code; of a completion, 1 where the data was copied after all.
    pub code: u8,
    /// The MTU; the first completed send; which stamp.
    pub info: u32,
    /// The last completed send; the stamped send.
    pub data: u32,
}

/// Stamps of one message by two clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamps {
    /// By the system's clock.
    pub software: Option<Timestamp>,
    /// By the device's.
    pub hardware: Option<Timestamp>,
}

/// The device that stamped a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StampDevice {
    /// The interface.
    pub ifindex: u32,
    /// The length of the packet on the link.
    pub len: u32,
}

/// A VLAN tag; 0 where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vlan {
    /// The tag.
    pub tci: u32,
    /// Its protocol.
    pub tpid: u32,
}

impl<'a> Info<'a> {
    /// Decodes the control messages in these bytes, whoever received them; `is_truncated`: it was with
    /// MSG_CTRUNC. Descriptors are not looked at beyond their number.
    ///
    /// ```
    /// use ancillary::{Facts, Info};
    ///
    /// let info = Info::decode(&[], false)?;
    /// assert_eq!(info.present(), Facts::empty());
    /// # Ok::<(), ancillary::errno::Errno>(())
    /// ```
    ///
    /// # Errors
    /// EBADMSG: a length that is shorter than its own header.
    pub fn decode(control: &'a [u8], is_truncated: bool) -> Result<Self> {
        // SAFETY: initialised bytes.
        unsafe { Self::of(slice::from_raw_parts(control.as_ptr().cast(), control.len()), is_truncated) }
    }

    /// # Safety
    /// Headers and payloads of the messages there are initialised.
    pub(super) unsafe fn of(control: &'a [MaybeUninit<u8>], is_truncated: bool) -> Result<Self> {
        // SAFETY: null pointers and zero lengths are a valid msghdr.
        let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        msg.msg_control = control.as_ptr().cast_mut().cast();
        msg.msg_controllen = control.len() as _;
        msg.msg_flags = if is_truncated { MSG_CTRUNC } else { 0 };
        // SAFETY: numbers and pointers, NULL included.
        let mut info: anc_info = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the caller's.
        unsafe { cmsg::decode(&msg, &mut info) }?;
        Ok(Self { info, control: PhantomData })
    }

    /// The facts that came.
    pub fn present(&self) -> Facts {
        Facts::from_bits_retain(self.info.present)
    }

    /// The facts that arrived shortened, or with an error in place of the pidfd.
    pub fn cut(&self) -> Facts {
        Facts::from_bits_retain(self.info.cut)
    }

    /// Descriptors that nobody has taken yet.
    pub fn fds(&self) -> usize {
        self.info.nfds as usize
    }

    /// Messages of kinds that have no method here.
    pub fn others(&self) -> usize {
        self.info.nother as usize
    }

    fn has<T>(&self, fact: Facts, value: impl FnOnce(&anc_info) -> T) -> Option<T> {
        self.present().contains(fact).then(|| value(&self.info))
    }

    /// The sender's process, user and group. Never pid 0, which is nobody's.
    pub fn credentials(&self) -> Option<Credentials> {
        self.has(Facts::CREDENTIALS, |info| Credentials { pid: info.pid, uid: info.uid, gid: info.gid })
    }

    /// The sender's security label, without a NUL at its end.
    pub fn label(&self) -> Option<&'a [u8]> {
        // SAFETY: decode has found so many bytes of it in the control buffer.
        self.has(Facts::LABEL, |info| unsafe { slice::from_raw_parts(info.label.cast(), info.label_len) })
    }

    /// When it arrived.
    pub fn time(&self) -> Option<Timestamp> {
        self.has(Facts::TIME, |info| Timestamp::new(info.time))
    }

    /// When it arrived or left, by the system's and the device's clock.
    pub fn timestamping(&self) -> Option<Stamps> {
        let some = |time: anc_time| Some(Timestamp::new(time)).filter(|time| (time.sec, time.nsec) != (0, 0));
        self.has(Facts::TIMESTAMPING, |info| Stamps { software: some(info.software), hardware: some(info.hardware) })
    }

    /// The send that a transmit stamp belongs to.
    pub fn time_id(&self) -> Option<u32> {
        self.has(Facts::TIME_ID, |info| info.time_id)
    }

    /// The device that stamped it.
    pub fn time_pktinfo(&self) -> Option<StampDevice> {
        self.has(Facts::TIME_PKTINFO, |info| StampDevice { ifindex: info.time_ifindex, len: info.time_len })
    }

    /// Where the datagram was sent to.
    pub fn dest(&self) -> Option<Destination> {
        self.has(Facts::DEST, |info| Destination::new(&info.dest)).flatten()
    }

    /// Where the datagram was sent to before it was redirected.
    pub fn original(&self) -> Option<SocketAddr> {
        // SAFETY: a sockaddr_storage has room for an address of any family.
        self.has(Facts::ORIGINAL, |info| unsafe { socket_addr((&raw const info.original).cast()) }).flatten()
    }

    /// Time to live, hop limit.
    pub fn ttl(&self) -> Option<i32> {
        self.has(Facts::TTL, |info| info.ttl)
    }

    /// Type of service, traffic class.
    pub fn tos(&self) -> Option<i32> {
        self.has(Facts::TOS, |info| info.tos)
    }

    /// Bytes of each joined datagram but the last.
    pub fn segment(&self) -> Option<u32> {
        self.has(Facts::SEGMENT, |info| info.segment)
    }

    /// Messages lost so far.
    pub fn drops(&self) -> Option<u32> {
        self.has(Facts::DROPS, |info| info.drops)
    }

    /// The error, of the error queue.
    pub fn error(&self) -> Option<SocketError> {
        self.has(Facts::ERROR, |info| SocketError::new(&info.error))
    }

    /// Who reported the error.
    pub fn offender(&self) -> Option<SocketAddr> {
        let offender = self.has(Facts::ERROR, |info| info.offender)?;
        // SAFETY: decode has found an address of its family's size there, or gives NULL.
        if offender.is_null() { None } else { unsafe { socket_addr(offender.cast()) } }
    }

    /// The packet's mark.
    pub fn mark(&self) -> Option<u32> {
        self.has(Facts::MARK, |info| info.mark)
    }

    /// The packet's priority.
    pub fn priority(&self) -> Option<u32> {
        self.has(Facts::PRIORITY, |info| info.priority)
    }

    /// Bytes that wait after this read.
    pub fn inq(&self) -> Option<u32> {
        self.has(Facts::INQ, |info| info.inq)
    }

    /// The type of the TLS record; 23: application data.
    pub fn tls_record(&self) -> Option<u32> {
        self.has(Facts::TLS_RECORD, |info| info.tls_record)
    }

    /// The VLAN tag.
    pub fn auxdata(&self) -> Option<Vlan> {
        self.has(Facts::AUXDATA, |info| Vlan { tci: info.vlan_tci, tpid: info.vlan_tpid })
    }

    /// The size of the largest fragment.
    pub fn fragsize(&self) -> Option<u32> {
        self.has(Facts::FRAGSIZE, |info| info.fragsize)
    }

    /// Flow label and traffic class.
    pub fn flowinfo(&self) -> Option<u32> {
        self.has(Facts::FLOWINFO, |info| info.flowinfo)
    }
}

// SAFETY: its pointers are shared references into the control buffer.
unsafe impl Send for Info<'_> {}
// SAFETY: as above.
unsafe impl Sync for Info<'_> {}

impl core::fmt::Debug for Info<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut fields = f.debug_struct("Info");
        fields.field("present", &self.present());
        macro_rules! each {
            ($($name:ident)*) => {
                $(if let Some(value) = self.$name() {
                    fields.field(stringify!($name), &value);
                })*
            };
        }
        each!(credentials label time timestamping time_id time_pktinfo dest original ttl tos segment drops error
            offender mark priority inq tls_record auxdata fragsize flowinfo);
        fields.field("cut", &self.cut()).field("fds", &self.fds()).field("others", &self.others()).finish()
    }
}

impl Timestamp {
    fn new(time: anc_time) -> Self {
        Self { sec: time.sec, nsec: time.nsec }
    }
}

/// Of the system's clock; 1970 where the system's type can't hold it.
///
/// ```
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// use ancillary::Timestamp;
///
/// let time = SystemTime::from(Timestamp { sec: -1, nsec: 500_000_000 });
/// assert_eq!(UNIX_EPOCH.duration_since(time).unwrap(), Duration::from_millis(500));
/// ```
#[cfg(feature = "std")]
impl From<Timestamp> for std::time::SystemTime {
    fn from(time: Timestamp) -> Self {
        use std::time::{Duration, UNIX_EPOCH};
        let whole = Duration::from_secs(time.sec.unsigned_abs());
        let start = if time.sec < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        let nsec = Duration::from_nanos(time.nsec.into());
        start.and_then(|start| start.checked_add(nsec)).unwrap_or(UNIX_EPOCH)
    }
}

impl Destination {
    fn new(dest: &anc_dest) -> Option<Self> {
        let address = |bytes: [u8; 16]| match c_int::try_from(dest.family) {
            Ok(AF_INET) => Some(IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))),
            Ok(AF_INET6) => Some(IpAddr::V6(Ipv6Addr::from(bytes))),
            _ => None,
        };
        let reply_from = if dest.reply_from == [0; 16] { None } else { address(dest.reply_from) };
        Some(Self { to: address(dest.to)?, reply_from, ifindex: dest.ifindex })
    }

    /// As the builder takes it.
    #[cfg(feature = "std")]
    pub(super) fn to_abi(self) -> anc_dest {
        let bytes = |address: IpAddr| match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            }
            IpAddr::V6(address) => address.octets(),
        };
        let family = if self.to.is_ipv4() { AF_INET } else { AF_INET6 } as u32;
        let reply_from = self.reply_from.filter(|from| from.is_ipv4() == self.to.is_ipv4());
        anc_dest { family, ifindex: self.ifindex, to: bytes(self.to), reply_from: reply_from.map_or([0; 16], bytes) }
    }
}

impl SocketError {
    fn new(error: &anc_sock_error) -> Self {
        let anc_sock_error { err, origin, kind, code, info, data, .. } = *error;
        Self { errno: Errno::new(err as c_int), origin, ty: kind, code, info, data }
    }
}
