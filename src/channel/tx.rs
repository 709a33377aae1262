//! The sending side: queued messages made into frames, and frames into batches.
//!
//! A batch is what one sendmsg is given. Its descriptors are those of all frames that start in it, and
//! the kernel takes them with its first byte. After a short count the rest of the batch goes without
//! control data; frames that start there have sent their descriptors already.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::slice;

use super::gather::Gather;
use super::limits::{Boundaries, Limits};
use super::outgoing::{Outgoing, Place};
use super::wire::{HEADER, Header, PACKET_MAX};
use crate::abi::{ANC_OUT_DONE, ANC_OUT_DROPPED, ANC_OUT_FDS_GONE, anc_out, anc_tx};
use crate::cmsg::{RIGHTS_MAX, Rights, Slots};
use crate::errno::{Errno, Result};
use crate::fds::close_moved;
use crate::sys::{self, CMSG_ALIGN, FDS_MAX, IOV_MAX, iovec, msghdr};

/// The state of the sending side, in the caller's anc_tx.
#[repr(C)]
pub(crate) struct Tx {
    /// [`MAGIC`] once it is initialised.
    magic: u64,
    sock: c_int,
    /// The errno that every call fails with, or 0.
    error: c_int,
    limits: Limits,
    boundaries: Boundaries,
    /// The next batch is to have one frame only, for one of several has made the last one fail.
    is_single: bool,
    /// The first byte of the batch has gone, and the descriptors with it.
    has_gone: bool,

    /// The messages that are not done, oldest first.
    oldest: Option<Outgoing>,
    newest: Option<Outgoing>,
    /// Where the next frame starts.
    framing: Place,

    /// Where the first frame of the batch started, and how many bytes of its message it left.
    first: Place,
    first_unframed: u64,
    /// Bytes of the batch that have not gone.
    left: usize,
    /// Frames in the batch.
    frames: u32,
    control_len: u32,
    /// The buffers of the batch that have not gone.
    buffers_from: u32,
    buffers_to: u32,

    /// Bytes that have gone, and that are in frames, since the start; and where the last done message
    /// ended among them.
    sent: u64,
    framed: u64,
    done: u64,

    /// Three parts of the caller's buffer.
    control: *mut u8,
    list: *mut iovec,
    memory: *mut u8,
    list_len: u32,
    memory_len: u32,
}

const MAGIC: u64 = u64::from_be_bytes(*b"anc-tx-1");

const _: () = assert!(size_of::<Tx>() <= size_of::<anc_tx>() && align_of::<Tx>() <= align_of::<anc_tx>());

/// Of the buffer, behind the control data, this part is the list of buffers, as far as one sendmsg takes
/// it. A small message takes 72 bytes of memory and no buffer of its own.
const LIST_PART: usize = 8;

/// The least room behind the control data.
const ROOM_MIN: usize = 1024 - ALIGN;

/// Of the buffer's first two parts, control data and the list: XNU aligns the former less than pointers.
const ALIGN: usize = if CMSG_ALIGN < align_of::<iovec>() { align_of::<iovec>() } else { CMSG_ALIGN };

const _: () = assert!(RIGHTS_MAX % align_of::<iovec>() == 0);

impl Tx {
    /// ENOBUFS: the buffer is too small. EINVAL: on a SEQPACKET socket, frames larger than a packet;
    /// limits of a later version. The refusals of [`Boundaries::of`].
    ///
    /// # Safety
    /// The buffer stays writable, and is nobody else's, as long as the channel is used.
    pub(crate) unsafe fn new(sock: c_int, buffer: &mut [MaybeUninit<u8>], limits: Limits) -> Result<Self> {
        let boundaries = Boundaries::of(sock)?;
        if boundaries == Boundaries::Packets && limits.frame as usize > PACKET_MAX - HEADER {
            return Err(Errno::EINVAL);
        }
        let start = buffer.as_mut_ptr().cast::<u8>();
        let aligned = start.align_offset(ALIGN);
        let len = buffer.len().min(u32::MAX as usize);
        let room = len.checked_sub(RIGHTS_MAX.saturating_add(aligned)).filter(|room| *room >= ROOM_MIN);
        let room = room.ok_or(Errno::ENOBUFS)?;
        let list_len = (room / LIST_PART / size_of::<iovec>()).min(IOV_MAX);
        let control = start.wrapping_add(aligned);
        let list = control.wrapping_add(RIGHTS_MAX).cast::<iovec>();
        // The parts are looked at as plain values later.
        buffer.fill(MaybeUninit::new(0));
        Ok(Self {
            magic: MAGIC,
            sock,
            error: 0,
            limits,
            boundaries,
            is_single: false,
            has_gone: false,
            oldest: None,
            newest: None,
            framing: Place::start_of(None),
            first: Place::start_of(None),
            first_unframed: 0,
            left: 0,
            frames: 0,
            control_len: 0,
            buffers_from: 0,
            buffers_to: 0,
            sent: 0,
            framed: 0,
            done: 0,
            control,
            list,
            memory: list.wrapping_add(list_len).cast(),
            list_len: list_len as u32,
            memory_len: room.saturating_sub(list_len.saturating_mul(size_of::<iovec>())) as u32,
        })
    }

    /// The state in the caller's struct. EINVAL: it was not initialised.
    ///
    /// # Safety
    /// `tx` is valid, and all of what [`new`](Self::new) and [`queue`](Self::queue) ask for holds.
    pub(crate) unsafe fn of<'a>(tx: NonNull<anc_tx>) -> Result<&'a mut Self> {
        let tx = tx.cast::<Self>();
        // SAFETY: the caller's struct, initialised as integers at least, is as large as the state.
        if unsafe { (&raw const (*tx.as_ptr()).magic).read() } != MAGIC {
            return Err(Errno::EINVAL);
        }
        // SAFETY: what has the magic number was written by new.
        Ok(unsafe { &mut *tx.as_ptr() })
    }

    pub(super) fn sock(&self) -> c_int {
        self.sock
    }

    /// Puts a message behind the others. The refusals are those of [`Outgoing::new`]; after one the
    /// message and its descriptors are the caller's.
    ///
    /// # Safety
    /// The message and what it points to are valid, and stay so until it is done or dropped; moved
    /// descriptors are the channel's from here on.
    pub(crate) unsafe fn queue(&mut self, message: NonNull<anc_out>) -> Result<()> {
        self.check()?;
        // SAFETY: the caller's.
        let message = unsafe { Outgoing::new(message, self.limits.message, self.limits.fds) }?;
        match self.newest {
            Some(newest) => newest.set_next(Some(message)),
            None => self.oldest = Some(message),
        }
        self.newest = Some(message);
        if self.framing.message.is_none() {
            self.framing = Place::start_of(Some(message));
        }
        Ok(())
    }

    /// What to send next, until [`sent`](Self::sent) says what became of it: None where nothing waits.
    pub(crate) fn next(&mut self) -> Result<Option<msghdr>> {
        self.check()?;
        if self.left == 0 {
            self.make_batch()?;
        }
        if self.left == 0 {
            return Ok(None);
        }
        // SAFETY: null pointers and zero lengths are a valid msghdr.
        let mut msg: msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        msg.msg_iov = self.list.wrapping_add(self.buffers_from as usize);
        msg.msg_iovlen = self.buffers_to.saturating_sub(self.buffers_from) as _;
        if !self.has_gone && self.control_len != 0 {
            msg.msg_control = self.control.cast();
            msg.msg_controllen = self.control_len as _;
        }
        Ok(Some(msg))
    }

    /// What became of [`next`](Self::next): so many bytes of it have gone, or none for this reason. An
    /// error that is not the end of the batch is the caller's, who may try again.
    ///
    /// EINVAL: more than there was.
    pub(crate) fn sent(&mut self, result: Result<usize>) -> Result<()> {
        self.check()?;
        if self.left == 0 {
            return Err(Errno::EINVAL);
        }
        let count = match result {
            Ok(count) => count,
            Err(errno) => return self.refused(errno),
        };
        if count > self.left || (self.boundaries == Boundaries::Packets && count != self.left) {
            return Err(Errno::EINVAL);
        }
        if count == 0 {
            return Err(Errno::EAGAIN);
        }
        if !self.has_gone {
            self.has_gone = true;
            self.is_single = false;
            if self.control_len != 0 {
                self.fds_have_gone();
            }
        }
        self.sent = self.sent.wrapping_add(count as u64);
        self.left = self.left.saturating_sub(count);
        self.pass(count);
        while let Some(oldest) = self.oldest {
            let end = oldest.end();
            if end > self.sent {
                break;
            }
            self.done = end;
            self.oldest = oldest.next();
            oldest.set_state(ANC_OUT_DONE);
        }
        if self.oldest.is_none() {
            self.newest = None;
        }
        Ok(())
    }

    /// Gives back all messages: closes moved descriptors that have not gone. Where one of them has gone
    /// in part, the receiver can make nothing of what would follow: every call fails with ECANCELED then.
    pub(crate) fn drop_all(&mut self) {
        let mut is_within = self.sent != self.done;
        while let Some(oldest) = self.oldest {
            // Between two messages too, descriptors of those behind may be with the receiver already.
            is_within |= oldest.has_gone_fds();
            self.drop_oldest(oldest);
        }
        if is_within {
            self.error = Errno::ECANCELED.number();
        }
        self.framed = self.sent;
        self.left = 0;
    }

    fn check(&self) -> Result<()> {
        if self.error == 0 { Ok(()) } else { Err(Errno::new(self.error)) }
    }

    /// Makes a batch of as many frames as fit. It is empty where no message waits.
    fn make_batch(&mut self) -> Result<()> {
        self.has_gone = false;
        self.frames = 0;
        self.first = self.framing;
        self.first_unframed = self.framing.message.map_or(0, Outgoing::unframed);
        // SAFETY: these parts of the buffer are the channel's, apart from each other, as new has laid
        // them out, and none is looked at otherwise as long as no batch is out.
        let (control, list, memory) = unsafe {
            (
                &mut *self.control.cast::<[MaybeUninit<u8>; RIGHTS_MAX]>(),
                slice::from_raw_parts_mut(self.list, self.list_len as usize),
                slice::from_raw_parts_mut(self.memory, self.memory_len as usize),
            )
        };
        let mut bytes = Gather::new(list, memory);
        let mut fds = Rights::new(control);
        while let Some(message) = self.framing.message {
            if self.append_small(message, &mut bytes, &mut fds).is_none() {
                let mark = bytes.mark();
                if self.append_frame(message, &mut bytes, &mut fds).is_none() {
                    bytes.reset(mark);
                    break;
                }
            }
            self.frames = self.frames.wrapping_add(1);
            if self.is_single {
                break;
            }
        }
        self.left = bytes.total();
        self.buffers_from = 0;
        self.buffers_to = bytes.finish() as u32;
        if self.left == 0 && self.framing.message.is_some() {
            return Err(Errno::ENOBUFS);
        }
        // The caller has changed what he had lent, if one is negative now.
        self.control_len = fds.finish().inspect_err(|_| self.unmake_batch())? as u32;
        Ok(())
    }

    /// Appends the next frame where it is a whole message of one small buffer, as most are. None: it is
    /// not, or there is no room, and nothing has changed.
    #[inline]
    fn append_small(&mut self, message: Outgoing, bytes: &mut Gather<'_>, fds: &mut Rights<'_>) -> Option<()> {
        let (data, of_frame) = message.small()?;
        let end = bytes.total().saturating_add(HEADER).saturating_add(data.len());
        if data.len() > self.limits.frame as usize || end > self.boundaries.batch_max() {
            return None;
        }
        let room = bytes.room(HEADER.saturating_add(data.len()))?;
        let (header, payload) = room.split_first_chunk_mut()?;
        if !of_frame.is_empty() {
            fds.append(Slots::of(of_frame))?;
        }
        *header = Header { len: data.len() as u32, fds: of_frame.len() as u16, more: false }.to_bytes();
        payload.copy_from_slice(data);
        bytes.count_copied(HEADER.saturating_add(data.len()));
        self.framed = self.framed.wrapping_add(HEADER.saturating_add(data.len()) as u64);
        message.add_whole(self.framed);
        self.framing = Place::start_of(message.next());
        Some(())
    }

    /// Appends the next frame of a message: as much as a frame may carry. None: the batch has no room for
    /// it, and only `bytes` is to be reset.
    #[inline]
    fn append_frame(&mut self, message: Outgoing, bytes: &mut Gather<'_>, fds: &mut Rights<'_>) -> Option<()> {
        let of_frame = message.next_fds(message.unframed_fds().min(FDS_MAX));
        let before = bytes.total();
        let room = self.boundaries.batch_max();
        let wanted = message.unframed().min(self.limits.frame.into()).min(room.saturating_sub(HEADER) as u64) as usize;
        if before.saturating_add(HEADER).saturating_add(wanted) > room {
            return None;
        }
        let header = bytes.reserve_header()?;
        let mut place = self.framing;
        let mut left = wanted;
        while left > 0 {
            let part = message.buffers().get(place.buffer)?;
            let rest = part.iov_len.saturating_sub(place.offset);
            let len = rest.min(left);
            let data = part.iov_base.cast::<u8>().wrapping_add(place.offset);
            // SAFETY: within the message's buffers, which are readable until it is done.
            if len != 0 && unsafe { bytes.append(data, len) }.is_none() {
                // A message with more buffers than any batch has room for.
                if before == 0 && left < wanted {
                    break;
                }
                return None;
            }
            left = left.saturating_sub(len);
            if len == rest {
                place = Place { message: place.message, buffer: place.buffer.saturating_add(1), offset: 0 };
            } else {
                place.offset = place.offset.saturating_add(len);
            }
        }
        if !of_frame.is_empty() {
            fds.append(Slots::of(of_frame))?;
        }
        let len = wanted.saturating_sub(left);
        self.framed = self.framed.wrapping_add(HEADER.saturating_add(len) as u64);
        let is_last = message.add_frame(len as u64, of_frame.len(), self.framed);
        bytes.write_header(header, Header { len: len as u32, fds: of_frame.len() as u16, more: !is_last }.to_bytes());
        self.framing = if is_last { Place::start_of(message.next()) } else { place };
        Some(())
    }

    /// The messages of which frames are in the batch, and maybe one more behind them.
    fn of_batch(&self) -> impl Iterator<Item = Outgoing> + use<> {
        let behind = self.framing.message.and_then(Outgoing::next);
        core::iter::successors(self.first.message, |message| message.next()).take_while(move |one| Some(*one) != behind)
    }

    /// The kernel has the descriptors of the batch: moved ones are closed.
    fn fds_have_gone(&mut self) {
        close_moved(self.of_batch().filter(|message| message.is_moved()).map(Outgoing::framed));
        let behind = self.framing.message.filter(|_| self.framing.is_start());
        for message in self.of_batch() {
            if message.fds_have_gone() && Some(message) != behind {
                message.set_state(ANC_OUT_FDS_GONE);
            }
        }
    }

    /// Passes over bytes of the batch that have gone.
    fn pass(&mut self, count: usize) {
        let mut count = count;
        while self.buffers_from < self.buffers_to {
            // SAFETY: a buffer of the list, which is the channel's.
            let first = unsafe { &mut *self.list.wrapping_add(self.buffers_from as usize) };
            if count < first.iov_len {
                first.iov_base = first.iov_base.cast::<u8>().wrapping_add(count).cast();
                first.iov_len = first.iov_len.saturating_sub(count);
                return;
            }
            count = count.saturating_sub(first.iov_len);
            self.buffers_from = self.buffers_from.saturating_add(1);
        }
    }

    /// Nothing of the batch, or of its rest, has gone for this reason.
    ///
    /// Where it lies in a message, the others need not suffer: a batch of several frames is taken apart,
    /// and a message whose first frame fails alone is dropped.
    #[cold]
    fn refused(&mut self, errno: Errno) -> Result<()> {
        let may_be_the_messages = match errno {
            // A descriptor that is not open, that can't be passed, or that the receiver refuses.
            Errno::EBADF | Errno::EINVAL | Errno::EPERM => self.control_len != 0,
            // A packet larger than the socket's buffer, memory that is not there.
            Errno::EMSGSIZE | Errno::EFAULT => true,
            _ => false,
        };
        if self.has_gone || !may_be_the_messages || sys::socket_type(self.sock).is_err() {
            return Err(errno);
        }
        let is_alone = self.frames == 1;
        let starts_message = self.sent == self.done;
        if is_alone && !starts_message {
            return Err(errno);
        }
        self.unmake_batch();
        if !is_alone {
            self.is_single = true;
            return Ok(());
        }
        if let Some(oldest) = self.oldest {
            self.drop_oldest(oldest);
        }
        Err(errno)
    }

    /// Forgets the batch, of which nothing has gone.
    fn unmake_batch(&mut self) {
        let mut unframed = Some(self.first_unframed);
        for message in self.of_batch() {
            message.unframe(unframed.take());
        }
        self.framing = self.first;
        self.framed = self.sent;
        self.left = 0;
    }

    fn drop_oldest(&mut self, oldest: Outgoing) {
        if oldest.is_moved() {
            close_moved(core::iter::once(oldest.not_gone()));
        }
        self.oldest = oldest.next();
        if self.oldest.is_none() {
            self.newest = None;
        }
        self.framing = Place::start_of(self.oldest);
        oldest.set_state(ANC_OUT_DROPPED);
    }
}
