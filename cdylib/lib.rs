//! The C interface of the crate `ancillary`, as a library for C.

pub use implementation::capi::*;
