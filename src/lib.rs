//! Ancillary data of sockets, handled without a leaked descriptor: the core of libancillary.
//!
//! C programs link the library and include `ancillary.h`. This crate is the implementation, and has the same
//! for Rust, in types that own and lend:
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use std::os::fd::AsFd;
//! use std::os::unix::net::UnixStream;
//! use ancillary::SocketExt;
//!
//! let (ours, theirs) = UnixStream::pair()?;
//! let file = std::fs::File::open("/dev/null")?;
//! ours.send_fds_all(b"take this", &[file.as_fd()])?;
//! let (n, [fd]) = theirs.recv_fds_exact(&mut [0; 64])?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | What for | What there is |
//! |---|---|
//! | bytes and descriptors over Unix sockets | `SocketExt`, `Fds` |
//! | any control message, over sockets of every family | `SendAncillary`, `RecvAncillary`, `SocketExt::send_message` |
//! | several messages by one system call | `SendMessage`, `RecvMessage` |
//! | what is to come with each message; who the peer is | `SocketOptions`, [`Facts`] |
//! | what came with a message, in one struct | [`Info`] |
//! | what a received descriptor is, and refusing what it should not be | `FdExt` |
//! | messages of any size that keep their descriptors | `Tx`, `Rx` |
//! | descriptors of a protocol that exists (Wayland, imsg) | `FdQueue` |
//! | all of that on tokio's sockets, with the feature `tokio` | `tokio::AsyncSocketExt` |
//! | control messages in memory, without `std` | [`cmsg`] |
//!
//! # The map
//!
//! Bytes and descriptors flow through the modules from left to right, and each module calls only
//! those to its right:
//!
//! ```text
//! capi  ->  channel  ->  socket  ->  fds  ->  cmsg  ->  sys
//! check     frames       one         who      pure      the platform's
//! convert   and          system      owns     memory    facts
//!           batches      call        what
//! ```
//!
//! [`abi`] holds the constants and structs of the C interface, [`errno`] the one error type.
//!
//! # Promises
//!
//! * No descriptor is leaked or invented: a receive hands over exactly what it reports, and closes
//!   everything else that the kernel installed, on every path.
//! * A thread that is cancelled (`pthread_cancel`) is a matter of C programs, and of the feature `capi`: no
//!   thread may be cancelled in Rust's functions.
//! * No allocation, lock, thread, global state, output or panic. The link of the shared library
//!   fails if a panic can be reached.
//! * Whatever a peer sends is untrusted.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Of what is below them only the C functions use all.
#![cfg_attr(not(feature = "capi"), allow(dead_code, unused_imports))]
// Much is there for Linux alone, which has the most kinds of messages.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

#[cfg(all(feature = "std", not(test)))]
extern crate std;

#[doc(hidden)]
// Its comments speak to cbindgen, too.
#[allow(rustdoc::broken_intra_doc_links)]
pub mod abi;
pub mod cmsg;
pub mod errno;

mod face;
mod sys;

#[cfg(any(feature = "std", feature = "capi"))]
mod channel;
#[cfg(any(feature = "std", feature = "capi"))]
mod fds;
#[cfg(any(feature = "std", feature = "capi"))]
mod socket;

pub use cmsg::{CONTROL_MAX, Credentials};
pub use face::*;

#[cfg(feature = "capi")]
#[doc(hidden)]
pub mod capi;

#[cfg(all(feature = "capi", not(feature = "std"), not(test)))]
mod panic;
