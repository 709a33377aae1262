//! The exported C functions, one file for each section of the header. They check and convert; the
//! modules below do the work. The comments here are the header's.

mod convert;
mod descriptors;
mod space;

pub use descriptors::*;
pub use space::*;
