//! The platform's facts: constants, layouts, and the only calls into the C library.
//!
//! One file a platform: [`posix`] and [`cancel`] are written in terms of what it says, and the rest of the
//! library in terms of theirs. A port to a new system writes one more file, and one with its kinds of
//! control messages (`cmsg::kinds`), and touches nothing else.
//!
//! A flag that a system lacks is 0, an option None.

mod cancel;
mod posix;
#[cfg(not(target_os = "android"))]
mod pthread;

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux/mod.rs"]
mod platform;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
compile_error!("libancillary has no src/sys file for this system yet");

pub(crate) use cancel::{Cleanup, uncancellable};
pub(crate) use platform::*;
pub(crate) use posix::*;
