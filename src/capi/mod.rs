//! The exported C functions, one file for each section of the header. They check and convert; the
//! modules below do the work. The comments here are the header's.

mod builder;
mod channel;
mod convert;
mod decode;
mod describe;
mod descriptors;
mod message;
mod peer;
mod queue;
mod reader;
mod space;
mod want;

pub use builder::*;
pub use channel::*;
pub use decode::*;
pub use describe::*;
pub use descriptors::*;
pub use message::*;
pub use peer::*;
pub use queue::*;
pub use reader::*;
pub use space::*;
pub use want::*;
