//! Control messages in memory: no system call, no state, no trust in a length.

mod builder;
mod control;
mod decode;
mod kinds;
mod payload;
mod put;
mod reader;
mod rights;
mod slots;
mod space;
mod want;

pub use builder::{Builder, Credentials};
pub use kinds::{Kind, find as kind};
pub use put::Source;
pub use reader::{Message, Messages};
pub use space::{CONTROL_MAX, fds_space, len, space};

pub(crate) use control::{control, control_mut};
pub(crate) use decode::decode;
pub(crate) use kinds::{CLOCK, stamps};
pub(crate) use reader::{Found, Walk};
pub(crate) use rights::{RIGHTS_MAX, Rights};
pub(crate) use slots::Slots;
pub(crate) use space::HEADER;
pub(crate) use want::{How, KNOWN_FACTS, Sockets, Want, sockets, want_space, wants};
