//! Control messages in memory: no system call, no state, no trust in a length.

mod builder;
mod reader;
mod slots;
mod space;

pub use builder::Builder;
pub use reader::{Message, Messages};
pub use space::{CONTROL_MAX, fds_space, len, space};

pub(crate) use reader::{Found, find};
pub(crate) use slots::Slots;
