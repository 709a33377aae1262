//! The descriptors that stand in a control buffer after a receive, and belong to nobody yet.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use super::carriers::{is_carrier, is_pidfd, is_rights, messages};
use super::close::close_each;
use crate::cmsg::Slots;
use crate::errno::{Errno, Result};
use crate::sys;

/// The descriptors in a control buffer. Who holds this hands them over or closes them: exactly one
/// of the methods that take it by value.
#[must_use = "its descriptors stay open"]
pub(crate) struct Arrived<'a> {
    control: &'a [MaybeUninit<u8>],
}

impl<'a> Arrived<'a> {
    /// # Safety
    /// `control` is what a receive has filled, `msg_controllen` bytes: headers and payloads of its
    /// messages are initialised, and nobody owns its descriptors yet.
    #[inline]
    pub(crate) unsafe fn new(control: &'a [MaybeUninit<u8>]) -> Self {
        Self { control }
    }

    /// The descriptors, in the usual case: they are all in one SCM_RIGHTS, into which the kernel
    /// joins several, and none of them is an error. Copying them hands them over.
    #[inline(always)]
    pub(crate) fn usual(&self) -> Option<Slots<'a>> {
        let mut rights = Slots::none();
        // SAFETY: new's caller vouches for the buffer.
        for found in unsafe { messages(self.control) } {
            if is_carrier(&found) {
                if is_pidfd(&found) || !rights.is_empty() {
                    return None;
                }
                rights = found.slots();
            }
        }
        if rights.any_negative() { None } else { Some(rights) }
    }

    /// Slots of SCM_RIGHTS, negative ones among them.
    pub(crate) fn slots(&self) -> usize {
        self.rights().fold(0usize, |count, _| count.saturating_add(1))
    }

    /// The error that stands in the first `count` slots in place of a descriptor.
    pub(crate) fn lost_among(&self, count: usize) -> Option<Errno> {
        // Not take(), nor skip() below: that they count down without wrapping is not to be seen through the
        // walk, so that their overflow checks stay where the core library has some.
        let (negative, _) = self.rights().zip(0..count).find(|(fd, _)| *fd < 0)?;
        Some(if negative == -Errno::EMFILE.number() { Errno::EMFILE } else { Errno::EOVERFLOW })
    }

    /// Makes the descriptors close-on-exec, where recvmsg could not.
    pub(crate) fn set_cloexec(&self) -> Result<()> {
        self.rights().filter(|fd| *fd >= 0).try_for_each(sys::set_cloexec)
    }

    /// Moves descriptors to the start of `to`, as many as it has room for, and closes what is left
    /// over. Returns their number.
    pub(crate) fn hand_over(self, to: &mut [MaybeUninit<c_int>]) -> usize {
        let count = to.iter_mut().zip(self.rights()).fold(0usize, |count, (slot, fd)| {
            slot.write(fd);
            count.saturating_add(1)
        });
        self.close_after(count);
        count
    }

    /// Closes everything.
    pub(crate) fn close(self) {
        self.close_after(0);
    }

    /// Closes all but the first `handed` of SCM_RIGHTS.
    fn close_after(&self, handed: usize) {
        // SAFETY: new's caller vouches for the buffer.
        let pidfds = unsafe { messages(self.control) }.filter(is_pidfd).flat_map(|found| found.slots().iter());
        let mut handed = handed;
        let rest = self.rights().filter(|_| match handed.checked_sub(1) {
            Some(left) => {
                handed = left;
                false
            }
            None => true,
        });
        close_each(rest.chain(pidfds));
    }

    fn rights(&self) -> impl Iterator<Item = c_int> + use<'a> {
        // SAFETY: new's caller vouches for the buffer.
        unsafe { messages(self.control) }.filter(is_rights).flat_map(|found| found.slots().iter())
    }
}
