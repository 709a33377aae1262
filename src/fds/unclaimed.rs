//! The descriptors in the control buffer of a message that stays with the caller.
//!
//! Who owns what stands in the buffer itself: a descriptor that was taken or closed leaves -1 in
//! its slot. So there is no state beside it, and every call may be repeated.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

use super::carriers::{self, is_carrier, is_pidfd, is_rights};
use super::close::close_each;
use super::handed::Handed;
use crate::cmsg::{self, Found};
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
        // SAFETY: of's caller vouches for headers and payloads.
        let mut rights = unsafe {
            let control = &*self.control;
            carriers::messages(control).filter(is_rights).flat_map(move |found| carriers::slots(control, &found).iter())
        };
        let result = rights.by_ref().filter(|fd| *fd >= 0).try_for_each(sys::set_cloexec);
        drop(rights);
        result.inspect_err(|_| self.close())
    }

    /// Moves the descriptors of all SCM_RIGHTS into the free slots of `to`.
    ///
    /// ERANGE: there are more, and `trim` does not allow to close the surplus. ENOMSG: fewer than
    /// `wanted`. In both cases all of them are closed.
    pub(crate) fn take_fds(&mut self, to: &mut Handed<'_>, wanted: usize, trim: bool) -> Result<()> {
        let count = self.count();
        let refusal = if count > to.room() && !trim {
            Some(Errno::ERANGE)
        } else if count < wanted {
            Some(Errno::ENOMSG)
        } else {
            None
        };
        let mut fds = self.drain(is_rights);
        if refusal.is_none() {
            for fd in fds.by_ref().take(to.room()) {
                to.put(fd);
            }
        }
        close_each(fds);
        refusal.map_or(Ok(()), Err)
    }

    /// The pidfd: ENOMSG, or the error that the kernel put in its place.
    pub(crate) fn take_pidfd(&mut self) -> Result<c_int> {
        // SAFETY: of's caller vouches for headers and payloads.
        let slot = unsafe {
            carriers::messages(self.control)
                .filter(is_pidfd)
                .flat_map(|found| carriers::slots(self.control, &found).iter())
                .next()
        };
        match slot {
            None | Some(TAKEN) => Err(Errno::ENOMSG),
            Some(error) if error < 0 => Err(Errno::new(error.saturating_neg())),
            Some(_) => self.drain(is_pidfd).next().ok_or(Errno::ENOMSG),
        }
    }

    /// Descriptors that SCM_RIGHTS brought and that nobody has taken.
    fn count(&self) -> usize {
        // SAFETY: of's caller vouches for headers and payloads.
        unsafe {
            carriers::messages(self.control)
                .filter(is_rights)
                .flat_map(|found| carriers::slots(self.control, &found).iter())
                .filter(|fd| *fd >= 0)
                .fold(0usize, |count, _| count.saturating_add(1))
        }
    }

    /// Takes descriptors out of their slots, one by one, as the iterator is advanced.
    fn drain(&mut self, from: fn(&Found) -> bool) -> impl Iterator<Item = c_int> {
        let control = &mut *self.control;
        let mut at = 0;
        let mut slots = 0..0;
        core::iter::from_fn(move || {
            loop {
                while let Some(slot) = control.get_mut(slots.clone()).and_then(|left| left.first_chunk_mut()) {
                    slots.start = slots.start.saturating_add(size_of::<c_int>());
                    let slot: &mut [MaybeUninit<u8>; size_of::<c_int>()] = slot;
                    // SAFETY: initialised, as of's caller says, and as large as an int.
                    let fd = unsafe { slot.as_ptr().cast::<c_int>().read_unaligned() };
                    if fd >= 0 {
                        *slot = TAKEN.to_ne_bytes().map(MaybeUninit::new);
                        return Some(fd);
                    }
                }
                // SAFETY: of's caller vouches for the headers.
                let found = unsafe { cmsg::find(control, at) }.ok().flatten()?;
                at = found.next;
                slots = if from(&found) { found.payload } else { 0..0 };
            }
        })
    }
}
