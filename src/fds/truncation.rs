//! Why a message came without some of its control data.

use core::ffi::c_int;
use core::mem::size_of;

use super::carriers::{is_pidfd, is_rights};
use crate::cmsg::{self, Walk};
use crate::errno::Errno;
use crate::sys::{self, msghdr};

/// The cause of MSG_CTRUNC, asked before anything is closed; `room` is the size of the control
/// buffer that the message was received with. None without MSG_CTRUNC.
///
/// ENOBUFS: the buffer was too small. EMFILE: the descriptor table is full. EOVERFLOW: something
/// else kept the kernel from installing a descriptor.
///
/// # Safety
/// As for a reader of `msg`: control buffer, headers and payloads are what a receive has left.
pub(crate) unsafe fn truncation_cause(msg: &msghdr, room: usize) -> Option<Errno> {
    if msg.msg_flags & sys::MSG_CTRUNC == 0 {
        return None;
    }
    const NO_FD: usize = cmsg::len(0).unwrap();
    const ONE_FD: usize = cmsg::len(size_of::<c_int>()).unwrap();
    // SAFETY: the caller's.
    let control = unsafe { cmsg::control(msg) };
    let (mut rights, mut pidfd) = (false, false);
    let mut used = 0usize;
    // SAFETY: the caller's.
    let mut walk = unsafe { Walk::new(control) };
    while let Some(Ok(found)) = walk.next() {
        if found.is_cut() {
            return Some(Errno::ENOBUFS);
        }
        if is_rights(&found) {
            // The kernel installs as many as there is room for behind the header, to the byte.
            let admitted = room.saturating_sub(used.saturating_add(NO_FD)) / size_of::<c_int>();
            if found.slots().len() >= admitted {
                return Some(Errno::ENOBUFS);
            }
            rights = true;
        } else if is_pidfd(&found) {
            pidfd = found.slots().iter().any(|fd| fd >= 0);
        }
        used = control.len().saturating_sub(walk.rest().len());
    }
    let is_exhausted = room.saturating_sub(used) < ONE_FD;
    if is_exhausted && !rights {
        return Some(Errno::ENOBUFS);
    }
    // The pidfd gets its number after the others: where it has one, they had theirs.
    if !pidfd && sys::table_is_full(None) {
        return Some(Errno::EMFILE);
    }
    // With room behind the descriptors, what is missing is one of them; without, it may be what
    // follows them: a pidfd, the bytes that wait.
    Some(if is_exhausted { Errno::ENOBUFS } else { Errno::EOVERFLOW })
}
