//! The platform's facts: constants, layouts, and the only calls into the C library.
//!
//! One file a platform: [`posix`] and [`cancel`] are written in terms of what it says, and the rest of the
//! library in terms of theirs. A port to a new system writes one more file, and one with its kinds of
//! control messages (`cmsg::kinds`), and touches nothing else.
//!
//! A flag that a system lacks is 0, an option None.

// What a system has otherwise hides what stands there.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[allow(dead_code)]
mod bsd;
mod cancel;
#[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
mod mmsg;
mod posix;
#[cfg(not(target_os = "android"))]
mod pthread;
#[cfg(any(target_os = "dragonfly", target_os = "illumos", target_os = "openbsd"))]
mod uncancelled;

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "linux/mod.rs")]
#[cfg_attr(target_os = "freebsd", path = "freebsd.rs")]
#[cfg_attr(target_os = "netbsd", path = "netbsd.rs")]
#[cfg_attr(target_os = "openbsd", path = "openbsd.rs")]
#[cfg_attr(target_os = "dragonfly", path = "dragonfly.rs")]
#[cfg_attr(target_vendor = "apple", path = "xnu.rs")]
#[cfg_attr(target_os = "illumos", path = "illumos.rs")]
#[cfg_attr(target_os = "haiku", path = "haiku.rs")]
mod platform;

pub(crate) use cancel::{Cleanup, uncancellable};
pub(crate) use platform::*;
pub(crate) use posix::*;
