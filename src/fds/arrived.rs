//! The descriptors that stand in a control buffer after a receive, and belong to nobody yet.

use core::mem::MaybeUninit;

use super::carriers::{self, is_pidfd, is_rights};
use super::close::close_each;
use super::handed::Handed;
use crate::cmsg::{Found, Slots};
use crate::errno::{Errno, Result};
use crate::sys;

/// The descriptors in a control buffer. Who holds this hands them over or closes them: exactly one
/// of the two methods that take it by value.
#[must_use = "its descriptors stay open"]
pub(crate) struct Arrived<'a> {
    control: &'a [MaybeUninit<u8>],
    slots: usize,
    has_negative: bool,
    has_pidfd: bool,
}

impl<'a> Arrived<'a> {
    /// Looks through a control buffer.
    ///
    /// # Safety
    /// `control` is what a receive has filled, `msg_controllen` bytes: headers and payloads of its
    /// messages are initialised, and nobody owns its descriptors yet.
    #[inline]
    pub(crate) unsafe fn new(control: &'a [MaybeUninit<u8>]) -> Self {
        let mut arrived = Self { control, slots: 0, has_negative: false, has_pidfd: false };
        for found in arrived.messages() {
            if is_rights(&found) {
                let slots = arrived.slots_of(&found);
                arrived.slots = arrived.slots.saturating_add(slots.len());
                arrived.has_negative |= slots.any_negative();
            } else if is_pidfd(&found) {
                arrived.has_pidfd = true;
            }
        }
        arrived
    }

    /// Slots of SCM_RIGHTS, negative ones among them. Linux joins several SCM_RIGHTS of a message
    /// into one; other systems need not.
    #[inline]
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// The error that stands in the first `count` slots in place of a descriptor.
    #[inline]
    pub(crate) fn lost_among(&self, count: usize) -> Option<Errno> {
        if !self.has_negative {
            return None;
        }
        let negative = self.rights().flat_map(|found| self.slots_of(&found).iter()).take(count).find(|fd| *fd < 0)?;
        Some(if negative == -Errno::EMFILE.number() { Errno::EMFILE } else { Errno::EOVERFLOW })
    }

    /// Makes the descriptors close-on-exec, where recvmsg could not.
    #[inline]
    pub(crate) fn set_cloexec(&self) -> Result<()> {
        if !sys::SETS_CLOEXEC_LATE {
            return Ok(());
        }
        self.rights().flat_map(|found| self.slots_of(&found).iter()).filter(|fd| *fd >= 0).try_for_each(sys::set_cloexec)
    }

    /// Moves descriptors into the free slots of `to`, and closes what is left over.
    #[inline]
    pub(crate) fn hand_over(self, to: &mut Handed<'_>) {
        let room = to.room();
        for found in self.rights() {
            to.take(self.slots_of(&found));
        }
        if self.slots > room || self.has_pidfd {
            self.close_after(room);
        }
    }

    /// Closes everything.
    #[cold]
    pub(crate) fn close(self) {
        self.close_after(0);
    }

    #[cold]
    fn close_after(&self, handed: usize) {
        let surplus = self.rights().flat_map(|found| self.slots_of(&found).iter()).skip(handed);
        let pidfds = self.messages().filter(is_pidfd).flat_map(|found| self.slots_of(&found).iter());
        close_each(surplus.chain(pidfds));
    }

    #[inline]
    fn messages(&self) -> impl Iterator<Item = Found> + use<'a> {
        // SAFETY: new's caller vouches for the headers.
        unsafe { carriers::messages(self.control) }
    }

    #[inline]
    fn rights(&self) -> impl Iterator<Item = Found> + use<'a> {
        self.messages().filter(is_rights)
    }

    #[inline]
    fn slots_of(&self, found: &Found) -> Slots<'a> {
        // SAFETY: new's caller vouches for the payloads.
        unsafe { carriers::slots(self.control, found) }
    }
}
