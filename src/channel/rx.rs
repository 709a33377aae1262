//! The receiving side: bytes and descriptors made into frames again.
//!
//! On a stream no receive tells which of its bytes the descriptors came with. It need not, as long as
//! descriptors are dealt out in order and no more are taken in than there are slots for. So the
//! receiver reads on past the frame at hand only while a whole message's worth of slots is free.
//! Otherwise it reads to the frame's end; if descriptors still wait there, the next header, for the
//! frame that they belong to started in the same batch; and so on.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

use super::limits::{Boundaries, Limits};
use super::wire::{HEADER, Header, PACKET_MAX};
use crate::abi::anc_rx;
use crate::cmsg::CONTROL_MAX;
use crate::errno::{Errno, Result};
use crate::fds::{Arrived, Dealer};
use crate::sys::{self, CMSG_ALIGN, FDS_MAX, iovec, msghdr};

/// The state of the receiving side, in the caller's anc_rx.
#[repr(C)]
pub(crate) struct Rx {
    /// [`MAGIC`] once it is initialised.
    magic: u64,
    sock: c_int,
    /// The errno that every call fails with, or 0.
    error: c_int,
    limits: Limits,
    boundaries: Boundaries,
    progress: Progress,
    /// The frame at `start` was given to the caller, and is his until the next call.
    is_delivered: bool,
    /// Whether end of file has come.
    is_ended: bool,
    /// A SEQPACKET socket has reported a reset, which comes before replies that are still queued.
    was_reset: bool,
    /// Why descriptors of the last batch are missing: an errno, or 0.
    lost: c_int,

    /// The header at `start`, once it has come whole.
    header: Header,
    /// Frames, bytes and descriptors of the message so far, the frame at hand included.
    is_within: bool,
    message_len: u64,
    message_fds: u64,

    /// Two parts of the caller's buffer.
    control: *mut u8,
    bytes: *mut u8,
    room: usize,
    /// The bytes that were received and not passed, from the start of a header on.
    start: usize,
    end: usize,
    /// Where the next receive writes.
    into: iovec,

    dealer: Dealer,
}

const MAGIC: u64 = u64::from_be_bytes(*b"anc-rx-1");

const _: () = assert!(size_of::<Rx>() <= size_of::<anc_rx>() && align_of::<Rx>() <= align_of::<anc_rx>());

/// How far the frame at `start` has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Not to the end of its header.
    Header,
    /// Its header has been dealt with.
    Payload,
}

/// What a look at the buffer has found.
pub(crate) enum Next {
    /// A frame.
    Frame(Frame),
    /// Not enough.
    Nothing,
    /// End of file, between two messages.
    End,
}

/// A frame, in the caller's memory.
pub(crate) struct Frame {
    pub(crate) data: *const u8,
    pub(crate) len: usize,
    pub(crate) fds: *mut c_int,
    pub(crate) nfds: usize,
    pub(crate) more: bool,
}

impl Rx {
    /// ENOBUFS: the buffer is too small for a frame of the limit, or the slots are fewer than one message
    /// can carry. The refusals of [`Boundaries::of`].
    ///
    /// # Safety
    /// The buffer and the slots stay writable, and are nobody else's but for what is delivered, as long
    /// as the channel is used.
    pub(crate) unsafe fn new(
        sock: c_int,
        buffer: &mut [MaybeUninit<u8>],
        slots: &mut [MaybeUninit<c_int>],
        limits: Limits,
    ) -> Result<Self> {
        let boundaries = Boundaries::of(sock)?;
        let start = buffer.as_mut_ptr().cast::<u8>();
        let aligned = start.align_offset(CMSG_ALIGN);
        let room = buffer.len().saturating_sub(CONTROL_MAX.saturating_add(aligned));
        let needed = match boundaries {
            Boundaries::None => HEADER.saturating_add(limits.frame as usize),
            // However small the frames are, a packet of them must be taken whole.
            Boundaries::Packets => PACKET_MAX,
        };
        if room < needed || slots.len() < FDS_MAX {
            return Err(Errno::ENOBUFS);
        }
        let control = start.wrapping_add(aligned);
        Ok(Self {
            magic: MAGIC,
            sock,
            error: 0,
            limits,
            boundaries,
            progress: Progress::Header,
            is_delivered: false,
            is_ended: false,
            was_reset: false,
            lost: 0,
            header: Header { len: 0, fds: 0, more: false },
            is_within: false,
            message_len: 0,
            message_fds: 0,
            control,
            bytes: control.wrapping_add(CONTROL_MAX),
            room,
            start: 0,
            end: 0,
            into: iovec { iov_base: core::ptr::null_mut(), iov_len: 0 },
            // SAFETY: the caller's.
            dealer: unsafe { Dealer::new(slots.as_mut_ptr().cast(), u32::try_from(slots.len()).unwrap_or(u32::MAX)) },
        })
    }

    /// The state in the caller's struct. EINVAL: it was not initialised.
    ///
    /// # Safety
    /// `rx` is valid, and all of what [`new`](Self::new) asks for holds.
    pub(crate) unsafe fn of<'a>(rx: NonNull<anc_rx>) -> Result<&'a mut Self> {
        let rx = rx.cast::<Self>();
        // SAFETY: the caller's struct, initialised as integers at least, is as large as the state.
        if unsafe { (&raw const (*rx.as_ptr()).magic).read() } != MAGIC {
            return Err(Errno::EINVAL);
        }
        // SAFETY: what has the magic number was written by new.
        Ok(unsafe { &mut *rx.as_ptr() })
    }

    pub(super) fn sock(&self) -> c_int {
        self.sock
    }

    /// The next frame that has come whole. What was delivered before is the channel's again.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Next> {
        self.pass_delivered()?;
        if !self.is_whole() {
            return if self.is_ended { self.end_of_file() } else { Ok(Next::Nothing) };
        }
        self.is_delivered = true;
        let fds = self.dealer.dealt();
        Ok(Next::Frame(Frame {
            nfds: fds.len(),
            fds: fds.as_mut_ptr().cast(),
            data: self.bytes.wrapping_add(self.start).wrapping_add(HEADER),
            len: self.header.len as usize,
            more: self.header.more,
        }))
    }

    /// What to receive next, until [`got`](Self::got) says what came: None where a whole frame, or end
    /// of file, is there already.
    pub(crate) fn prepare(&mut self) -> Result<Option<msghdr>> {
        self.pass_delivered()?;
        if self.is_whole() || self.is_ended {
            return Ok(None);
        }
        let len = self.wanted();
        self.move_to_front(len);
        let free = self.room.saturating_sub(self.end);
        self.into = iovec { iov_base: self.bytes.wrapping_add(self.end).cast(), iov_len: len.unwrap_or(free) };
        // A thread that is cancelled in recvmsg looks for descriptors here, and so does `got`.
        // SAFETY: the control buffer is the channel's, as new has laid it out.
        unsafe { self.control.write_bytes(0, size_of::<usize>()) };
        // SAFETY: null pointers and zero lengths are a valid msghdr.
        let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        msg.msg_iov = &raw mut self.into;
        msg.msg_iovlen = 1;
        msg.msg_control = self.control.cast();
        msg.msg_controllen = CONTROL_MAX as _;
        Ok(Some(msg))
    }

    /// What [`prepare`](Self::prepare) has brought: so many bytes, with the lengths and flags that the
    /// kernel wrote into its message; or nothing, for this reason, which is the caller's, who may try
    /// again. EINVAL: nothing was prepared. After any other error every call fails with the same, and
    /// all descriptors are closed.
    ///
    /// # Safety
    /// A receive has filled the message that prepare gave, or failed.
    pub(crate) unsafe fn got(&mut self, msg: &msghdr, result: Result<usize>) -> Result<()> {
        self.check()?;
        let count = match result {
            Ok(count) => count,
            Err(Errno::ECONNRESET) if self.boundaries == Boundaries::Packets && !self.was_reset => {
                self.was_reset = true;
                return Ok(());
            }
            Err(errno) => return Err(errno),
        };
        let asked = core::mem::replace(&mut self.into.iov_len, 0);
        if asked == 0 {
            return Err(Errno::EINVAL);
        }
        let filled = (msg.msg_controllen as usize).min(CONTROL_MAX);
        // SAFETY: the control buffer is the channel's, and was filled as far as the kernel says.
        let arrived = unsafe { Arrived::new(slice::from_raw_parts(self.control.cast(), filled)) };
        if count > asked {
            arrived.close();
            return self.fail(Errno::EINVAL);
        }
        let settled = self.take(arrived, count, msg.msg_flags);
        settled.or_else(|errno| self.fail(errno))
    }

    /// Closes all descriptors that the caller has not taken. Every call fails with EINVAL afterwards.
    pub(crate) fn close(&mut self) {
        self.dealer.close();
        self.magic = 0;
    }

    /// Every call fails with `errno` from here on, until it is [`mended`](Self::mend).
    pub(super) fn mar(&mut self, errno: Errno) {
        self.error = errno.number();
    }

    pub(super) fn mend(&mut self) {
        self.error = 0;
    }

    fn check(&self) -> Result<()> {
        if self.error == 0 { Ok(()) } else { Err(Errno::new(self.error)) }
    }

    #[cold]
    fn fail<T>(&mut self, errno: Errno) -> Result<T> {
        self.dealer.close();
        self.error = errno.number();
        Err(errno)
    }

    /// Bytes that wait. `start` is never beyond `end`.
    fn have(&self) -> usize {
        self.end.wrapping_sub(self.start)
    }

    /// Bytes of the frame at hand, its header included, which its limit keeps within the room.
    fn frame_len(&self) -> usize {
        HEADER.wrapping_add(self.header.len as usize)
    }

    /// Whether the frame at hand has come whole.
    fn is_whole(&self) -> bool {
        self.progress == Progress::Payload && self.have() >= self.frame_len()
    }

    /// Bytes that the next receive may take at most: None for all that there is room for, as always between
    /// two packets, where nothing waits.
    fn wanted(&self) -> Option<usize> {
        if self.dealer.free() >= FDS_MAX && self.lost == 0 {
            return None;
        }
        let needed = if self.progress == Progress::Payload { self.frame_len() } else { HEADER };
        Some(needed.saturating_sub(self.have()))
    }

    /// Makes room behind the bytes that wait: for so many, or for all that can be had.
    fn move_to_front(&mut self, wanted: Option<usize>) {
        let have = self.have();
        if have == 0 {
            (self.start, self.end) = (0, 0);
            return;
        }
        let is_enough = wanted.is_some_and(|wanted| wanted <= self.room.saturating_sub(self.end));
        if self.start != 0 && !is_enough {
            // SAFETY: both within the room, as start and end always are.
            unsafe { self.bytes.wrapping_add(self.start).copy_to(self.bytes, have) };
            (self.start, self.end) = (0, have);
        }
    }

    /// Takes in what a receive has brought.
    fn take(&mut self, arrived: Arrived<'_>, count: usize, msg_flags: c_int) -> Result<()> {
        // The control buffer holds everything that the socket can bring, so this means that the kernel
        // did not install all descriptors, of which there may be none left.
        let is_short = msg_flags & sys::MSG_CTRUNC != 0;
        let brings = is_short || arrived.slots() != 0;
        let cloexec = if sys::SETS_CLOEXEC_LATE { arrived.set_cloexec() } else { Ok(()) };
        if let Err(errno) = cloexec.and_then(|()| self.refuse(brings, count, msg_flags)) {
            arrived.close();
            return Err(errno);
        }
        if brings {
            // Asked before anything is closed.
            self.lost = match is_short {
                true if sys::table_is_full(Some(self.sock)) => Errno::EMFILE.number(),
                true => Errno::EOVERFLOW.number(),
                false => 0,
            };
        }
        self.dealer.queue(arrived)?;
        self.is_ended = count == 0;
        self.end = self.end.saturating_add(count).min(self.room);
        self.meet_header()
    }

    /// EPROTO: what no sender that keeps to the wire sends.
    fn refuse(&self, brings: bool, count: usize, msg_flags: c_int) -> Result<()> {
        let is_odd = match self.boundaries {
            Boundaries::Packets => msg_flags & sys::MSG_TRUNC != 0,
            // Descriptors come with the first byte of a batch, where a frame starts: not within a frame,
            // nor while others wait for their frame in a batch that has started before.
            Boundaries::None => brings && self.wanted().is_some() && (self.have() != 0 || self.dealer.has_waiting()),
        };
        // An empty message has no frame to name them.
        if is_odd || (brings && count == 0) { Err(Errno::EPROTO) } else { Ok(()) }
    }

    /// Deals with the header at `start` as soon as it is there: its limits, its descriptors.
    #[inline(always)]
    fn meet_header(&mut self) -> Result<()> {
        if self.progress != Progress::Header || self.have() < HEADER {
            // No frame of a packet goes on in the next one.
            let is_odd =
                self.boundaries == Boundaries::Packets && self.progress == Progress::Header && self.have() != 0;
            return if is_odd { Err(Errno::EPROTO) } else { Ok(()) };
        }
        // SAFETY: so many bytes were received, start is within the room.
        let bytes = unsafe { self.bytes.wrapping_add(self.start).cast::<[u8; HEADER]>().read_unaligned() };
        let header = Header::from_bytes(bytes)?;
        let (len, fds) = if self.is_within { (self.message_len, self.message_fds) } else { (0, 0) };
        // Neither wraps: each was within a limit of 32 bits before.
        (self.message_len, self.message_fds) =
            (len.wrapping_add(header.len.into()), fds.wrapping_add(header.fds.into()));
        if header.len > self.limits.frame || self.message_len > self.limits.message.into() {
            return Err(Errno::EMSGSIZE);
        }
        if self.message_fds > self.limits.fds.into() {
            return Err(Errno::ERANGE);
        }
        self.header = header;
        if self.boundaries == Boundaries::Packets && self.have() < self.frame_len() {
            return Err(Errno::EPROTO);
        }
        self.dealer.deal(header.fds, if self.lost == 0 { None } else { Some(Errno::new(self.lost)) })?;
        self.is_within = header.more;
        self.progress = Progress::Payload;
        Ok(())
    }

    /// Takes back the frame that was delivered last, and looks at the one behind it.
    #[inline(always)]
    fn pass_delivered(&mut self) -> Result<()> {
        self.check()?;
        if !core::mem::replace(&mut self.is_delivered, false) {
            return Ok(());
        }
        self.dealer.take_back();
        // What was delivered was whole: this is no more than `end`.
        self.start = self.start.wrapping_add(self.frame_len());
        self.progress = Progress::Header;
        let met = self.end_packet().and_then(|()| self.meet_header());
        met.or_else(|errno| self.fail(errno))
    }

    /// At the end of a packet nothing is left of it.
    fn end_packet(&mut self) -> Result<()> {
        if self.boundaries == Boundaries::None || self.have() != 0 {
            return Ok(());
        }
        self.lost = 0;
        if self.dealer.has_waiting() { Err(Errno::EPROTO) } else { Ok(()) }
    }

    /// EPROTO: within a frame or a message, or with descriptors that no frame has named.
    #[cold]
    fn end_of_file(&mut self) -> Result<Next> {
        if self.have() != 0 || self.is_within || self.dealer.has_waiting() {
            return self.fail(Errno::EPROTO);
        }
        Ok(Next::End)
    }
}
