//! The checked builder: control messages appended to the caller's buffer, of any alignment.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};
use core::slice;

use super::kinds;
use super::reader::Walk;
use super::slots::Slots;
use super::space::{self, HEADER};
use crate::errno::{Errno, Result};
use crate::sys::{CMSG_ALIGN, CmsgHeader, FDS_MAX, SCM_RIGHTS, SOL_SOCKET};

/// Appends control messages to a buffer.
///
/// No byte is written past the buffer's end, and no padding byte within a message is left
/// unwritten: the kernel takes up to 15 bytes after the last message, but only zeros say nothing.
///
/// ```
/// use core::mem::MaybeUninit;
/// use ancillary::cmsg::{Builder, Messages, space};
///
/// let mut buffer = [MaybeUninit::uninit(); space(4).unwrap()];
/// let mut builder = Builder::new(&mut buffer);
/// builder.put(libc::SOL_IP, libc::IP_TTL, &3i32.to_ne_bytes())?;
/// let len = builder.len();
///
/// // SAFETY: so many bytes were written.
/// let built: Vec<u8> = buffer[..len].iter().map(|byte| unsafe { byte.assume_init() }).collect();
/// let message = Messages::new(&built).next().unwrap()?;
/// assert_eq!((message.level, message.kind), (libc::SOL_IP, libc::IP_TTL));
/// assert_eq!(message.payload, 3i32.to_ne_bytes());
/// # Ok::<(), ancillary::errno::Errno>(())
/// ```
#[derive(Debug)]
pub struct Builder<'a> {
    buffer: &'a mut [MaybeUninit<u8>],
    len: usize,
}

impl<'a> Builder<'a> {
    /// A builder on a buffer of any size and alignment.
    #[inline]
    pub fn new(buffer: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { buffer, len: 0 }
    }

    /// A builder that goes on where another has written `len` bytes into the same buffer.
    #[inline]
    pub(crate) fn resume(buffer: &'a mut [MaybeUninit<u8>], len: usize) -> Self {
        Self { buffer, len }
    }

    /// Bytes written: the `msg_controllen` to send with.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was put.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what was put.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// What was put, all of it initialised.
    #[cfg(feature = "std")]
    pub(crate) fn as_built(&self) -> &[MaybeUninit<u8>] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Appends one message of any level and type.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: a kind that can only be received. SCM_RIGHTS is checked as
    /// [`put_fds`](Self::put_fds) does it, and its payload must be whole ints. After an error
    /// what was put before stands.
    #[inline]
    pub fn put(&mut self, level: c_int, kind: c_int, payload: &[u8]) -> Result<()> {
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS) {
            if payload.len() % size_of::<c_int>() != 0 {
                return Err(Errno::EINVAL);
            }
            // SAFETY: initialised bytes.
            return self
                .put_rights(unsafe { Slots::new(slice::from_raw_parts(payload.as_ptr().cast(), payload.len())) });
        }
        if kinds::find(level, kind).is_some_and(|known| !known.sent) {
            return Err(Errno::EINVAL);
        }
        self.append(level, kind, payload.len(), |room| copy(payload, room))
    }

    /// Appends the descriptors as one SCM_RIGHTS. No descriptors: nothing is written.
    ///
    /// # Errors
    /// EINVAL: more than the platform's 253 in the whole message; EBADF: a negative one; ENOBUFS: no
    /// room.
    #[inline]
    pub fn put_fds(&mut self, fds: &[c_int]) -> Result<()> {
        self.put_rights(Slots::of(fds))
    }

    /// Appends credentials. The kernel takes foreign ones only from the privileged (EPERM).
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has none to send.
    #[inline]
    pub fn put_credentials(&mut self, credentials: &Credentials) -> Result<()> {
        let (level, kind, payload) = kinds::credentials(credentials)?;
        self.append(level, kind, payload.len(), |room| copy(&payload, room))
    }

    #[inline]
    fn put_rights(&mut self, fds: Slots<'_>) -> Result<()> {
        if fds.is_empty() {
            return Ok(());
        }
        if fds.len() > FDS_MAX.saturating_sub(self.fds()) {
            return Err(Errno::EINVAL);
        }
        self.append(SOL_SOCKET, SCM_RIGHTS, fds.len().saturating_mul(size_of::<c_int>()), |room| {
            // Copied and looked at in one pass.
            if fds.copy_and_join(room) < 0 { Err(Errno::EBADF) } else { Ok(()) }
        })
    }

    /// Descriptors put so far: the kernel's limit is that of the whole message.
    #[inline]
    fn fds(&self) -> usize {
        // SAFETY: append has initialised what is written.
        let written = unsafe { Walk::new(self.buffer.get(..self.len).unwrap_or_default()) };
        let mut count = 0usize;
        for found in written.flatten() {
            if (found.level, found.kind) == (SOL_SOCKET, SCM_RIGHTS) {
                count = count.saturating_add(found.slots().len());
            }
        }
        count
    }

    /// Appends a message whose payload `write` writes. After an error it does not count.
    #[inline(always)]
    fn append(
        &mut self,
        level: c_int,
        kind: c_int,
        payload: usize,
        write: impl FnOnce(&mut [MaybeUninit<u8>]) -> Result<()>,
    ) -> Result<()> {
        let (Some(len), Some(space)) = (space::len(payload), space::space(payload)) else {
            return Err(Errno::ENOBUFS);
        };
        let Some(room) = self.buffer.get_mut(self.len..).and_then(|rest| rest.get_mut(..space)) else {
            return Err(Errno::ENOBUFS);
        };
        // The padding ends the message and is shorter than this; header and payload overwrite the rest.
        if let Some(end) = room.last_chunk_mut() {
            *end = [MaybeUninit::new(0u8); CMSG_ALIGN];
        }
        let Some((header, behind)) = room.split_first_chunk_mut() else { return Err(Errno::ENOBUFS) };
        let header: &mut [MaybeUninit<u8>; HEADER] = header;
        *header = [MaybeUninit::new(0); HEADER];
        // SAFETY: HEADER bytes hold a header, which wants no alignment here.
        unsafe { header.as_mut_ptr().cast::<CmsgHeader>().write_unaligned(CmsgHeader { len: len as _, level, kind }) };
        write(behind.get_mut(..payload).unwrap_or_default())?;
        self.len = self.len.saturating_add(space);
        Ok(())
    }
}

#[inline]
fn copy(payload: &[u8], room: &mut [MaybeUninit<u8>]) -> Result<()> {
    let count = payload.len().min(room.len());
    // SAFETY: both hold `count` bytes, and a shared borrow can't overlap an exclusive one.
    unsafe { room.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(payload.as_ptr(), count) };
    Ok(())
}

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Credentials {
    /// The process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

#[cfg(feature = "std")]
impl Credentials {
    /// Those of this process, by its real user and group, as the kernel names a sender who names nobody.
    ///
    /// ```
    /// assert_eq!(ancillary::Credentials::own().pid, std::process::id() as i32);
    /// ```
    pub fn own() -> Self {
        let (pid, uid, gid) = crate::sys::own_ids();
        Self { pid, uid, gid }
    }
}
