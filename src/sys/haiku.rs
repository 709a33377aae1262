//! Haiku. Each number is cited from the system's sources, of which no headers could be had to hold it
//! against: headers/posix/sys/socket.h, where nothing else is said.

use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr;

use super::Peer;
use super::posix::SOL_SOCKET;
use crate::errno::Result;

pub(crate) use super::bsd::*;
pub(crate) use super::pthread::test_cancel;
pub(super) use super::pthread::{disable_cancellation, restore_cancellation};

/// _ALIGNBYTES of headers/posix/sys/param.h, and one.
pub(crate) const CMSG_ALIGN: usize = size_of::<core::ffi::c_long>();

/// What fits into MAX_ANCILLARY_DATA_LENGTH, 1024 bytes, to which the kernel shortens the room for control
/// data (src/add-ons/kernel/network/stack, _user_recvmsg). More can't be sent either.
pub(crate) const ARRIVING_MAX: usize = 252;

pub(crate) const ENODATA: c_int = libc::ENODATA;
/// There is no such error, and none has this number.
pub(crate) const ETOOMANYREFS: c_int = 0;
/// There is no such flag.
pub(crate) const MSG_CMSG_CLOEXEC: c_int = 0;
pub(super) const HAS_CMSG_CLOEXEC: bool = false;

const SO_PEERCRED: c_int = 0x4000_000b;

pub(super) use libc::_errnop as errno_location;

/// Who is recorded as the socket's peer (`struct ucred`). ENODATA: nobody.
pub(crate) fn peer(sock: c_int) -> Result<Peer> {
    // SAFETY: integers, laid out as struct ucred.
    unsafe { recorded::<Peer>(sock, SOL_SOCKET, SO_PEERCRED) }?.of_somebody()
}

/// `struct __pthread_cleanup_handler` of headers/posix/pthread.h, as what follows.
#[repr(C)]
pub(super) struct CleanupBuffer {
    previous: *mut CleanupBuffer,
    function: Option<extern "C" fn(*mut c_void)>,
    argument: *mut c_void,
}

unsafe extern "C" {
    fn __pthread_cleanup_push_handler(handler: *mut CleanupBuffer);
    fn __pthread_cleanup_pop_handler() -> *mut CleanupBuffer;
}

impl CleanupBuffer {
    pub(super) fn new() -> Self {
        Self { previous: ptr::null_mut(), function: None, argument: ptr::null_mut() }
    }

    /// # Safety
    /// The buffer stays where it is until it is popped, or until the thread has run the routine.
    pub(super) unsafe fn push(&mut self, routine: extern "C" fn(*mut c_void), arg: *mut c_void) {
        (self.function, self.argument) = (Some(routine), arg);
        // SAFETY: the caller's.
        unsafe { __pthread_cleanup_push_handler(self) }
    }

    /// # Safety
    /// It was pushed, and is the last one that was.
    pub(super) unsafe fn pop(&mut self) {
        // SAFETY: the caller's; the routine is not executed.
        unsafe { __pthread_cleanup_pop_handler() };
    }
}
