//! Several messages by one system call.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::iter;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::slice;

use super::buffers::{buffers, buffers_mut};
use super::message::{incoming, outgoing};
use super::{Address, Error, MsgFlags, Received, RecvAncillary, SendAncillary, number};
use crate::errno::Errno;
use crate::socket;
use crate::sys::{IOV_MAX, MSG_DONTWAIT, MSG_WAITFORONE, mmsghdr, msghdr};

/// A message to be sent by [`send_messages`](super::SocketExt::send_messages).
///
/// ```
/// use std::net::UdpSocket;
/// use ancillary::{IpVersion, MsgFlags, SendAncillary, SendMessage, SocketExt, space};
///
/// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// let to = theirs.local_addr()?.into();
/// let mut memory = [std::mem::MaybeUninit::uninit(); space(4)];
/// let mut near = SendAncillary::new(&mut memory);
/// near.put_ttl(IpVersion::V4, 3)?;
///
/// let mut messages = [SendMessage::new(b"far").to(&to), SendMessage::new(b"near").to(&to).with(&near)];
/// assert_eq!(ours.send_messages(&mut messages, MsgFlags::empty())?, 2);
/// assert_eq!(messages[1].sent(), Some(4));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct SendMessage<'a> {
    bufs: Buffers<'a>,
    control: Option<&'a SendAncillary<'a>>,
    to: Option<&'a Address>,
    sent: Option<usize>,
}

#[derive(Clone)]
enum Buffers<'a> {
    One(IoSlice<'a>),
    Several(&'a [IoSlice<'a>]),
}

impl<'a> SendMessage<'a> {
    /// A message of these bytes.
    ///
    /// ```
    /// assert_eq!(ancillary::SendMessage::new(b"hello").sent(), None);
    /// ```
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::of(Buffers::One(IoSlice::new(bytes)))
    }

    /// The same of several buffers.
    ///
    /// ```
    /// use std::io::IoSlice;
    /// use ancillary::SendMessage;
    ///
    /// let parts = [IoSlice::new(b"head"), IoSlice::new(b"body")];
    /// let message = SendMessage::vectored(&parts);
    /// ```
    pub fn vectored(bufs: &'a [IoSlice<'a>]) -> Self {
        Self::of(Buffers::Several(bufs))
    }

    fn of(bufs: Buffers<'a>) -> Self {
        Self { bufs, control: None, to: None, sent: None }
    }

    /// With control data. Several messages may have the same.
    ///
    /// See [`SendMessage`] for an example.
    #[must_use]
    pub fn with(self, control: &'a SendAncillary<'a>) -> Self {
        Self { control: Some(control), ..self }
    }

    /// To an address.
    ///
    /// See [`SendMessage`] for an example.
    #[must_use]
    pub fn to(self, to: &'a Address) -> Self {
        Self { to: Some(to), ..self }
    }

    /// Bytes that have gone by the last call that was given this message, and its control data with them; on
    /// a stream they may be fewer than all. None: it has not gone.
    ///
    /// See [`SendMessage`] for an example.
    pub fn sent(&self) -> Option<usize> {
        self.sent
    }

    fn bufs(&self) -> &[IoSlice<'a>] {
        match &self.bufs {
            Buffers::One(buf) => slice::from_ref(buf),
            Buffers::Several(bufs) => bufs,
        }
    }

    fn is_lost_on_a_stream(&self) -> bool {
        self.control.is_some_and(|control| !control.is_empty()) && self.bufs().iter().all(|buf| buf.is_empty())
    }
}

impl fmt::Debug for SendMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("SendMessage");
        fields.field("bytes", &self.bufs().iter().map(|buf| buf.len()).sum::<usize>());
        fields.field("control", &self.control).field("to", &self.to).field("sent", &self.sent).finish()
    }
}

/// A place for one message that [`recv_messages`](super::SocketExt::recv_messages) brings, with memory of the
/// caller's for its bytes and its control data. It serves any number of calls, one after the other.
///
/// ```
/// use std::mem::MaybeUninit;
/// use std::net::UdpSocket;
/// use ancillary::{Facts, MsgFlags, RecvAncillary, RecvMessage, SocketExt, SocketOptions, space};
///
/// let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
/// theirs.want(Facts::TTL, Facts::empty())?;
/// for i in 0..3 {
///     ours.send_to(&[i; 10], theirs.local_addr()?)?;
/// }
///
/// let mut bytes = [[0; 1500]; 16];
/// let mut memory = [[MaybeUninit::uninit(); space(4)]; 16];
/// let mut messages: Vec<_> = bytes.iter_mut().zip(&mut memory)
///     .map(|(bytes, memory)| RecvMessage::new(bytes, RecvAncillary::new(memory)))
///     .collect();
/// let came = theirs.recv_messages(&mut messages, MsgFlags::empty())?;
/// for (i, message) in messages[..came].iter().enumerate() {
///     assert_eq!(message.bytes(), [i as u8; 10]);
///     assert_eq!(message.received().from.as_ip(), Some(ours.local_addr()?));
///     assert!(message.control.decode()?.ttl().is_some());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What is borrowed from it ends with the next receive:
///
/// ```compile_fail,E0502
/// # use ancillary::{MsgFlags, RecvAncillary, RecvMessage, SocketExt};
/// # let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
/// let (mut bytes, mut memory) = ([0; 64], [std::mem::MaybeUninit::uninit(); 64]);
/// let mut messages = [RecvMessage::new(&mut bytes, RecvAncillary::new(&mut memory))];
/// let first = messages[0].bytes();
/// theirs.recv_messages(&mut messages, MsgFlags::empty());
/// println!("{first:?}");
/// ```
pub struct RecvMessage<'a> {
    bufs: BuffersMut<'a>,
    received: Received,
    /// Its control data. It owns the descriptors among them until they are taken.
    pub control: RecvAncillary<'a>,
}

enum BuffersMut<'a> {
    One(IoSliceMut<'a>),
    Several(&'a mut [IoSliceMut<'a>]),
}

impl<'a> BuffersMut<'a> {
    fn list(&self) -> &[IoSliceMut<'a>] {
        match self {
            Self::One(buf) => slice::from_ref(buf),
            Self::Several(bufs) => bufs,
        }
    }

    fn list_mut(&mut self) -> &mut [IoSliceMut<'a>] {
        match self {
            Self::One(buf) => slice::from_mut(buf),
            Self::Several(bufs) => bufs,
        }
    }
}

impl<'a> RecvMessage<'a> {
    /// A place for a message of so many bytes. A longer one is cut, as its
    /// [flags](super::Received::flags) tell.
    ///
    /// See [`RecvMessage`] for an example.
    pub fn new(bytes: &'a mut [u8], control: RecvAncillary<'a>) -> Self {
        Self::of(BuffersMut::One(IoSliceMut::new(bytes)), control)
    }

    /// The same in several buffers.
    ///
    /// ```
    /// # use std::io::IoSliceMut;
    /// # use ancillary::{MsgFlags, SocketExt};
    /// use ancillary::{RecvAncillary, RecvMessage};
    ///
    /// # let (ours, theirs) = std::os::unix::net::UnixDatagram::pair()?;
    /// ours.send(b"headbody")?;
    /// let (mut head, mut body) = ([0; 4], [0; 64]);
    /// let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// let mut messages = [RecvMessage::vectored(&mut parts, RecvAncillary::new(&mut []))];
    /// theirs.recv_messages(&mut messages, MsgFlags::empty())?;
    /// assert!(messages[0].buffers().eq([b"head", b"body"]));
    /// drop(messages);
    /// assert_eq!(*parts[0], *b"head");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn vectored(bufs: &'a mut [IoSliceMut<'_>], control: RecvAncillary<'a>) -> Self {
        // SAFETY: of a longer life; nobody puts a slice of a shorter one into the list.
        let bufs = unsafe { &mut *(ptr::from_mut(bufs) as *mut [IoSliceMut<'a>]) };
        Self::of(BuffersMut::Several(bufs), control)
    }

    fn of(bufs: BuffersMut<'a>, control: RecvAncillary<'a>) -> Self {
        Self { bufs, received: Received::nothing(), control }
    }

    /// What has come beside the control data; nothing, from nobody, where no message has.
    ///
    /// See [`RecvMessage`] for an example.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The bytes that have come; of several buffers, those in the first.
    ///
    /// See [`RecvMessage`] for an example.
    pub fn bytes(&self) -> &[u8] {
        self.buffers().next().unwrap_or_default()
    }

    /// The bytes that have come, buffer by buffer as far as they are filled.
    ///
    /// See [`vectored`](Self::vectored) for an example.
    pub fn buffers(&self) -> impl Iterator<Item = &[u8]> {
        // Asked for by MSG_TRUNC, the length is that of the whole message.
        let mut left = self.received.bytes;
        self.bufs.list().iter().map_while(move |buf| {
            let filled = buf.get(..left.min(buf.len())).filter(|filled| !filled.is_empty())?;
            left -= filled.len();
            Some(filled)
        })
    }
}

impl fmt::Debug for RecvMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { received, control, .. } = self;
        f.debug_struct("RecvMessage").field("received", received).field("control", control).finish_non_exhaustive()
    }
}

/// A number of headers that many batches stay below, for which little of the stack is taken.
const FEW: usize = 32;

pub(super) fn send_messages(
    sock: BorrowedFd<'_>,
    messages: &mut [SendMessage<'_>],
    flags: MsgFlags,
) -> io::Result<usize> {
    if messages.len() <= FEW { send::<FEW>(sock, messages, flags) } else { send::<IOV_MAX>(sock, messages, flags) }
}

pub(super) fn recv_messages(
    sock: BorrowedFd<'_>,
    messages: &mut [RecvMessage<'_>],
    flags: MsgFlags,
) -> io::Result<usize> {
    if messages.len() <= FEW { recv::<FEW>(sock, messages, flags) } else { recv::<IOV_MAX>(sock, messages, flags) }
}

/// Sends the first `N` of the messages at most.
#[inline(never)]
fn send<const N: usize>(sock: BorrowedFd<'_>, messages: &mut [SendMessage<'_>], flags: MsgFlags) -> io::Result<usize> {
    messages.iter_mut().for_each(|message| message.sent = None);
    let mut room = [const { MaybeUninit::uninit() }; N];
    let headers = fill(
        &mut room,
        messages.iter().map(|message| Ok(outgoing(buffers(message.bufs())?, message.control, message.to))),
    )?;
    // SAFETY: all that the headers point to is borrowed.
    let sent = unsafe { socket::send_batch(number(sock), headers, flags.bits()) }.map_err(|errno| match errno {
        Errno::EINVAL if messages.iter().any(SendMessage::is_lost_on_a_stream) => Error::NoBytes.into(),
        errno => io::Error::from(errno),
    })?;
    for (message, header) in messages.iter_mut().zip(headers).take(sent) {
        message.sent = Some(header.msg_len as usize);
    }
    Ok(sent)
}

/// Receives into the first `N` of the messages at most.
#[inline(never)]
fn recv<const N: usize>(sock: BorrowedFd<'_>, messages: &mut [RecvMessage<'_>], flags: MsgFlags) -> io::Result<usize> {
    messages.iter_mut().for_each(RecvMessage::clear);
    let mut room = [const { MaybeUninit::uninit() }; N];
    let headers = fill(&mut room, messages.iter_mut().map(RecvMessage::header))?;
    let waits = if flags.bits() & MSG_DONTWAIT == 0 { MSG_WAITFORONE } else { 0 };
    // SAFETY: all that the headers point to is borrowed to be written to.
    let came = unsafe { socket::recv_batch(number(sock), headers, flags.bits() | waits) };
    let came = came.map_err(|errno| match errno {
        Errno::EINVAL if messages.iter().any(RecvMessage::has_no_room) => Error::NoBytes.into(),
        errno => io::Error::from(errno),
    })?;
    for (message, header) in messages.iter_mut().zip(headers).take(came) {
        // SAFETY: recvmmsg has filled it.
        unsafe { message.fill(header) };
    }
    Ok(came)
}

/// Writes headers into the room for them, as far as there is some.
fn fill<const N: usize>(
    room: &mut [MaybeUninit<mmsghdr>; N],
    headers: impl Iterator<Item = io::Result<msghdr>>,
) -> io::Result<&mut [mmsghdr]> {
    let mut count = 0;
    for (place, header) in iter::zip(room.iter_mut(), headers) {
        // SAFETY: null pointers and zero lengths are a valid mmsghdr.
        let entry = place.write(unsafe { MaybeUninit::zeroed().assume_init() });
        entry.msg_hdr = header?;
        count += 1;
    }
    // SAFETY: so many were written.
    Ok(unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast(), count) })
}

impl RecvMessage<'_> {
    fn has_no_room(&self) -> bool {
        self.bufs.list().iter().all(|buf| buf.is_empty())
    }

    fn clear(&mut self) {
        self.control.clear();
        self.received = Received::nothing();
    }

    /// The header to receive with, which points into this.
    fn header(&mut self) -> io::Result<msghdr> {
        Ok(incoming(buffers_mut(self.bufs.list_mut())?, &mut self.control, &mut self.received.from))
    }

    /// # Safety
    /// A receive has filled this header, which is this message's.
    unsafe fn fill(&mut self, header: &mmsghdr) {
        // SAFETY: the caller's.
        unsafe { self.received.fill(header.msg_len as usize, &header.msg_hdr, &mut self.control) };
    }
}
