//! The channel: messages whose descriptors stay with them, at any size, over a socket that keeps
//! neither together.
//!
//! A stream glues, cuts and stops as its buffers happen to lie, so that the byte that a descriptor
//! came with can't be known. So every frame says how many descriptors are its own, and the receiver
//! deals them out in the order in which they came.
//!
//! `rx` and `tx` do no input or output: they say what to receive and to send next, and are told what
//! became of it. `io` does it for them.

mod gather;
mod io;
mod limits;
mod outgoing;
mod rx;
mod tx;
mod wire;

#[cfg(feature = "tokio")]
pub(crate) use io::receive;
pub(crate) use io::{flush, recv};
pub(crate) use limits::Limits;
pub(crate) use rx::{Frame, Next, Rx};
pub(crate) use tx::Tx;
