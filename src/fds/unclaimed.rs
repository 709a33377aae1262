//! The descriptors in the control buffer of a message that stays with the caller.
//!
//! Who owns what stands in the buffer itself: a descriptor that was taken or closed leaves -1 in
//! its slot. So there is no state beside it, and every call may be repeated.

use core::ffi::c_int;
use core::mem::{self, MaybeUninit, size_of};

use super::carriers::{is_carrier, is_pidfd, is_rights, messages};
use super::close::close_each;
use crate::cmsg::{self, Found, HEADER, Walk};
use crate::errno::{Errno, Result};
use crate::sys::{self, msghdr};

/// What a slot holds when its descriptor has been taken.
const TAKEN: c_int = -1;

/// A control buffer, in which descriptors may stand that nobody has claimed yet.
pub(crate) struct Unclaimed<'a> {
    control: &'a mut [MaybeUninit<u8>],
}

impl<'a> Unclaimed<'a> {
    /// # Safety
    /// `msg` was filled by a receive: its control buffer is writable for msg_controllen bytes, and
    /// headers and payloads of the messages in it are initialised. The descriptors in it belong to
    /// nobody else.
    #[inline]
    pub(crate) unsafe fn of(msg: &'a mut msghdr) -> Self {
        // SAFETY: the caller's.
        Self { control: unsafe { cmsg::control_mut(msg) } }
    }

    /// # Safety
    /// The same of a control buffer, or of whole messages of it.
    #[cfg(feature = "std")]
    pub(crate) unsafe fn in_control(control: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { control }
    }

    /// Closes what nobody has taken.
    pub(crate) fn close(&mut self) {
        close_each(self.drain(is_carrier));
    }

    /// Makes the descriptors close-on-exec, where recvmsg could not. Where that fails, all of them
    /// are closed.
    #[inline]
    pub(crate) fn set_cloexec(&mut self) -> Result<()> {
        if !sys::SETS_CLOEXEC_LATE {
            return Ok(());
        }
        let result = self.slots(is_rights).filter(|fd| *fd >= 0).try_for_each(sys::set_cloexec);
        result.inspect_err(|_| self.close())
    }

    /// Moves the descriptors of all SCM_RIGHTS to the start of `to`, and returns their number.
    ///
    /// ERANGE: there are more, and `trim` does not allow to close the surplus. ENOMSG: fewer than
    /// `at_least`. In both cases all of them are closed. EINVAL: `to` lies in the control buffer.
    pub(crate) fn take_fds(&mut self, to: &mut [MaybeUninit<c_int>], at_least: usize, trim: bool) -> Result<usize> {
        let count = self.slots(is_rights).filter(|fd| *fd >= 0).fold(0usize, |count, _| count.saturating_add(1));
        let refusal = if count > to.len() && !trim {
            Err(Errno::ERANGE)
        } else if count < at_least {
            Err(Errno::ENOMSG)
        } else {
            Ok(count.min(to.len()))
        };
        // Written in place, the numbers would stand for descriptors that nobody has taken.
        let (taken, control) = (to.get(..count).unwrap_or(to).as_ptr_range(), self.control.as_ptr_range());
        if (taken.start as usize) < control.end as usize && (control.start as usize) < taken.end as usize {
            return Err(Errno::EINVAL);
        }
        let mut fds = self.drain(is_rights);
        if refusal.is_ok() {
            // The slot comes first, for a descriptor that was drained has no other owner.
            for (slot, fd) in to.iter_mut().zip(&mut fds) {
                slot.write(fd);
            }
        }
        close_each(fds);
        refusal
    }

    /// The pidfd: ENOMSG, or the error that the kernel put in its place.
    pub(crate) fn take_pidfd(&mut self) -> Result<c_int> {
        let slot = self.slots(is_pidfd).next();
        match slot {
            None | Some(TAKEN) => Err(Errno::ENOMSG),
            Some(error) if error < 0 => Err(Errno::new(error.saturating_neg())),
            Some(_) => self.drain(is_pidfd).next().ok_or(Errno::ENOMSG),
        }
    }

    /// What stands in the slots.
    fn slots(&self, from: fn(&Found<'_>) -> bool) -> impl Iterator<Item = c_int> {
        // SAFETY: of's caller vouches for the buffer.
        unsafe { messages(self.control) }.filter(from).flat_map(|found| found.slots().iter())
    }

    /// Takes descriptors out of their slots, one by one, as the iterator is advanced.
    fn drain(&mut self, from: fn(&Found<'_>) -> bool) -> impl Iterator<Item = c_int> {
        let mut rest = &mut *self.control;
        let mut slots: &mut [MaybeUninit<u8>] = &mut [];
        core::iter::from_fn(move || {
            loop {
                // SAFETY: of's caller vouches for the buffer.
                if let Some(fd) = unsafe { take_next(&mut slots) } {
                    return Some(fd);
                }
                // SAFETY: of's caller vouches for the buffer.
                let mut walk = unsafe { Walk::new(rest) };
                let found = walk.next()?.ok()?;
                let payload = if from(&found) { found.payload.len() } else { 0 };
                let this = rest.len().saturating_sub(walk.rest().len());
                let (this, behind) = mem::take(&mut rest).split_at_mut_checked(this)?;
                rest = behind;
                slots = this.get_mut(HEADER..).and_then(|bytes| bytes.get_mut(..payload)).unwrap_or_default();
            }
        })
    }
}

/// Takes the next descriptor out of its slot, and passes over the slots before it, which have none.
///
/// # Safety
/// The slots are initialised, and their descriptors belong to nobody else.
#[inline(always)]
pub(crate) unsafe fn take_next(slots: &mut &mut [MaybeUninit<u8>]) -> Option<c_int> {
    while let Some((slot, behind)) = mem::take(slots).split_first_chunk_mut() {
        *slots = behind;
        let slot: &mut [MaybeUninit<u8>; size_of::<c_int>()] = slot;
        // SAFETY: initialised, as the caller says, and as large as an int.
        let fd = unsafe { slot.as_ptr().cast::<c_int>().read_unaligned() };
        if fd >= 0 {
            *slot = TAKEN.to_ne_bytes().map(MaybeUninit::new);
            return Some(fd);
        }
    }
    None
}
