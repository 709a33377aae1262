//! One SCM_RIGHTS that grows where it will be sent from: the descriptors of several frames.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of};

use super::Slots;
use super::space::{self, HEADER};
use crate::errno::{Errno, Result};
use crate::sys::{CmsgHeader, FDS_MAX, SCM_RIGHTS, SOL_SOCKET};

/// Room for as many descriptors as one message may carry.
pub(crate) const RIGHTS_MAX: usize = space::fds_space(FDS_MAX).unwrap();

/// An SCM_RIGHTS being filled.
pub(crate) struct Rights<'a> {
    message: &'a mut [MaybeUninit<u8>; RIGHTS_MAX],
    count: usize,
}

impl<'a> Rights<'a> {
    pub(crate) fn new(message: &'a mut [MaybeUninit<u8>; RIGHTS_MAX]) -> Self {
        Self { message, count: 0 }
    }

    /// None: they would be more than one message may carry, and nothing was appended.
    #[inline]
    pub(crate) fn append(&mut self, fds: Slots<'_>) -> Option<()> {
        if fds.len() > FDS_MAX.saturating_sub(self.count) {
            return None;
        }
        let end = HEADER.saturating_add(self.count.saturating_mul(size_of::<c_int>()));
        fds.copy_to_payload(self.message.get_mut(end..)?);
        self.count = self.count.saturating_add(fds.len());
        Some(())
    }

    /// The `msg_controllen` to send it with: 0 for no descriptors. EBADF: one is negative.
    pub(crate) fn finish(self) -> Result<usize> {
        if self.count == 0 {
            return Ok(0);
        }
        let payload = self.count.saturating_mul(size_of::<c_int>());
        let (Some(len), Some(space)) = (space::len(payload), space::space(payload)) else {
            return Err(Errno::ENOBUFS);
        };
        // SAFETY: so many descriptors were appended.
        if unsafe { Slots::new(self.message.get(HEADER..len).unwrap_or_default()) }.any_negative() {
            return Err(Errno::EBADF);
        }
        // The kernel takes the padding too.
        self.message.get_mut(len..space).unwrap_or_default().fill(MaybeUninit::new(0));
        let header = CmsgHeader { len: len as _, level: SOL_SOCKET, kind: SCM_RIGHTS };
        // SAFETY: the message starts with room for a header, which wants no alignment here.
        unsafe { self.message.as_mut_ptr().cast::<CmsgHeader>().write_unaligned(header) };
        Ok(space)
    }
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use super::{RIGHTS_MAX, Rights};
    use crate::cmsg::{Builder, Slots};
    use crate::errno::Errno;

    #[test]
    fn what_has_grown_is_what_a_builder_builds_at_once() {
        let fds: [i32; 253] = core::array::from_fn(|i| 3 * i as i32);
        for count in 0..=253 {
            for parts in 1..=3 {
                let mut grown = [MaybeUninit::new(0xaa); RIGHTS_MAX];
                let mut rights = Rights::new(&mut grown);
                for part in fds[..count].chunks(count / parts + 1) {
                    rights.append(Slots::of(part)).unwrap();
                }
                let len = rights.finish().unwrap();
                let mut built = [MaybeUninit::new(0x55); RIGHTS_MAX];
                let mut builder = Builder::new(&mut built);
                builder.put_fds(&fds[..count]).unwrap();
                assert_eq!(len, builder.len());
                // SAFETY: both were written that far.
                let byte = |byte: &MaybeUninit<u8>| unsafe { byte.assume_init() };
                let bytes = |of: &[MaybeUninit<u8>]| of[..len].iter().map(byte).collect::<Vec<u8>>();
                assert_eq!(bytes(&grown), bytes(&built));
            }
        }
    }

    #[test]
    fn no_more_is_appended_than_one_message_may_carry() {
        let mut message = [MaybeUninit::uninit(); RIGHTS_MAX];
        let mut rights = Rights::new(&mut message);
        rights.append(Slots::of(&[1; 200])).unwrap();
        assert_eq!(rights.append(Slots::of(&[1; 54])), None);
        rights.append(Slots::of(&[1; 53])).unwrap();
        assert_eq!(rights.append(Slots::of(&[1])), None);
        assert_eq!(rights.finish(), Ok(RIGHTS_MAX));
    }

    #[test]
    fn a_negative_slot_is_no_descriptor() {
        for bad in [-1, -24, i32::MIN] {
            let mut message = [MaybeUninit::uninit(); RIGHTS_MAX];
            let mut rights = Rights::new(&mut message);
            rights.append(Slots::of(&[1, bad, 2])).unwrap();
            rights.append(Slots::of(&[3])).unwrap();
            assert_eq!(rights.finish(), Err(Errno::EBADF));
        }
    }
}
