//! Section 7: what a descriptor is.

use core::ffi::c_int;
use core::mem::size_of;

use super::convert::status;
use crate::abi::anc_fd_info;
use crate::errno::{Errno, Result};
use crate::fds;

/// Tells what `fd` is, in `info`, `size` bytes: all of them are written. What does not apply is 0.
///
/// The descriptor may come from a hostile peer. Nothing about it changes: not its offset, flags, owner
/// or locks. The call needs no free descriptor, and waits for nobody: a file's size is as the system
/// knows it, for who serves the file is not asked (Linux 4.11; before, fstat is used, and a FUSE or
/// NFS server can delay it).
///
/// EVENT, EPOLL, TIMER, SIGNAL, INOTIFY and PROCESS are told by /proc (Linux 3.17): without it they are
/// ANC_FD_OTHER, and a memfd that can't be sealed is ANC_FD_FILE. Such a memfd proves nothing: it
/// can't be told from a file of a tmpfs of the peer's. Seals do.
///
/// Returns 0, or -1 and errno, with *info untouched: EBADF: not open. EINVAL: a size that no version of
/// the struct has had. EFAULT: info is NULL. EACCES: a security module, or FUSE, whose files show
/// themselves to the user who mounted them alone, unless that allows others.
///
/// # Safety
/// `info` must be NULL or writable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_fd_describe(fd: c_int, info: *mut anc_fd_info, size: usize) -> c_int {
    // SAFETY: the caller's pointer.
    status(unsafe { describe(fd, info, size) })
}

/// # Safety
/// As for anc_fd_describe.
unsafe fn describe(fd: c_int, info: *mut anc_fd_info, size: usize) -> Result<()> {
    // What later versions add is unknown here.
    let behind = size.checked_sub(size_of::<anc_fd_info>()).ok_or(Errno::EINVAL)?;
    if info.is_null() {
        return Err(Errno::EFAULT);
    }
    let found = fds::describe(fd)?;
    // SAFETY: not NULL, and the caller's for the struct and the bytes behind it.
    unsafe {
        info.write(found);
        info.add(1).cast::<u8>().write_bytes(0, behind);
    }
    Ok(())
}

/// Refuses a descriptor that is not what it has to be: of one of `kinds` (ANC_FD_ bits; 0: any), with
/// all of `access` (ANC_FD_READ, ANC_FD_WRITE) and all of `seals` (F_SEAL_SHRINK, ...; only
/// ANC_FD_MEMORY has any). It never closes the descriptor, and never changes it: see anc_fd_describe.
///
/// Before a peer's memory is mapped: ANC_FD_MEMORY, ANC_FD_READ, and F_SEAL_SHRINK, without which the
/// peer can shrink it and reading raises SIGBUS; and F_SEAL_WRITE, without which the bytes may change
/// while they are read. Seals can't be taken off.
///
/// Returns 0, or -1 and errno: EPERM: it is not of these kinds, or lacks access or a seal. EBADF: not
/// open. EINVAL: an unknown kind or access. EACCES as anc_fd_describe.
#[unsafe(no_mangle)]
pub extern "C" fn anc_fd_require(fd: c_int, kinds: u32, access: u32, seals: u32) -> c_int {
    status(fds::require(fd, kinds, access, seals))
}
