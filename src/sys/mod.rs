//! The platform's facts: constants, layouts, and the only calls into the C library.
//!
//! One file a platform. A port to a new system writes one more, and touches nothing above.

mod cancel;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::*;

pub(crate) use cancel::{Cleanup, test_cancel, uncancellable};
