//! The constants and structs that C and Rust share: a plain leaf file, which cbindgen turns into
//! the header and ctest2 holds against it.

/// The version of this header: 0xMMmmpp. `anc_version` tells that of the library that was loaded.
pub const ANC_VERSION: u32 = (0 << 16) | (1 << 8);

/// The call does not wait: EAGAIN instead.
pub const ANC_DONTWAIT: u32 = 0x01;

/// Go on after signals and short counts until all bytes are sent or received, end of file, EAGAIN
/// or another error. The result is then the count so far with the descriptors so far; an error
/// that consumed data stays -1. No effect on receiving messages (SEQPACKET, DGRAM). A socket's
/// time-out counts for each wait.
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
