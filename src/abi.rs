//! The constants and structs that C and Rust share: a plain leaf file, which cbindgen turns into
//! the header and ctest2 holds against it.

#![allow(non_camel_case_types)]

use core::ffi::{c_int, c_uchar, c_void};

/// The version of this header: 0xMMmmpp. `anc_version` tells that of the library that was loaded.
pub const ANC_VERSION: u32 = (0 << 16) | (1 << 8);

/// The call does not wait: EAGAIN instead.
pub const ANC_DONTWAIT: u32 = 0x01;

/// Go on after signals and short counts until all bytes are sent or received, end of file, EAGAIN
/// or another error. The result is then the count so far with the descriptors so far; an error
/// that consumed data stays -1. Receiving messages (SEQPACKET, DGRAM) it goes on after signals only,
/// for a message is all there is. A socket's time-out counts for each wait.
pub const ANC_ALL: u32 = 0x02;

/// Send: close fds[] once the kernel has them, and only then; a number that stands twice is closed
/// once. The thread cannot be cancelled in between.
pub const ANC_MOVE: u32 = 0x04;

/// Receive: exactly max_fds descriptors, or an error.
pub const ANC_EXACT: u32 = 0x08;

/// Receive: close the surplus instead of failing with ERANGE. Not with ANC_EXACT.
pub const ANC_TRIM: u32 = 0x10;

/// The most descriptors that one message can carry.
pub const ANC_FDS_MAX: usize = 253;

/// Control messages being put into the caller's buffer. (buf, len) is good for any sendmsg,
/// sendmmsg or io_uring entry, as long as error is 0.
#[repr(C)]
pub struct anc_builder {
    /// The caller's buffer, of any alignment.
    pub buf: *mut c_uchar,
    /// Its size in bytes.
    pub size: usize,
    /// Bytes written: the msg_controllen to send with.
    pub len: usize,
    /// The first error, an errno, or 0.
    pub error: c_int,
}

/// One control message, as anc_next shows it. Zeroed to start.
///
/// cbindgen:field-names=[level, type, data, len, cut, reserved, next]
#[repr(C)]
pub struct anc_cmsg {
    /// SOL_SOCKET, ...
    pub level: c_int,
    /// SCM_RIGHTS, ...
    pub kind: c_int,
    /// The payload, of any alignment, in the message's control buffer.
    pub data: *const c_void,
    /// Its bytes, as far as they are there.
    pub len: usize,
    /// 1: the payload was shortened.
    pub cut: u32,
    /// 0.
    pub reserved: u32,
    /// Where anc_next goes on.
    pub next: usize,
}

/// Descriptors that came before the bytes that name them. The slots are the caller's memory, the
/// descriptors that the queue counts are the queue's.
#[repr(C)]
pub struct anc_fd_queue {
    /// The caller's slots.
    pub slots: *mut c_int,
    /// Their number.
    pub size: u32,
    /// The slot of the oldest descriptor.
    pub head: u32,
    /// Descriptors queued, side by side.
    pub count: u32,
    /// 0.
    pub reserved: u32,
}
