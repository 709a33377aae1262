//! The platform's facts: constants, layouts, and the only calls into the C library.
//!
//! One file a platform. A port to a new system writes one more, and touches nothing above.

mod cancel;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) mod pidfd;
#[cfg(target_os = "linux")]
pub(crate) mod proc;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
compile_error!("libancillary has no src/sys file for this system yet");

pub(crate) use cancel::{Cleanup, test_cancel, uncancellable};
