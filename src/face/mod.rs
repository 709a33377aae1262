//! The safe Rust API, over the same core as the C functions.
//!
//! What needs no system call is there without `std`: sets, what control messages say, sizes.

mod address;
mod facts;
mod info;
mod set;

pub use facts::{Facts, fds_space, space, want_space};
pub use info::{Destination, Info, SocketError, StampDevice, Stamps, Timestamp, Vlan};

#[cfg(feature = "std")]
mod batch;
#[cfg(feature = "std")]
mod buffers;
#[cfg(feature = "std")]
mod channel;
#[cfg(feature = "std")]
mod descriptor;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "std")]
mod fds;
#[cfg(feature = "std")]
mod flags;
#[cfg(feature = "std")]
mod message;
#[cfg(feature = "std")]
mod options;
#[cfg(feature = "std")]
mod passing;
#[cfg(feature = "std")]
mod queue;
#[cfg(feature = "std")]
mod recv_ancillary;
#[cfg(feature = "std")]
mod send_ancillary;
#[cfg(feature = "std")]
mod socket;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(feature = "std")]
pub use {
    address::Address,
    batch::{RecvMessage, SendMessage},
    channel::{Done, Frame, FrameFds, Limits, Message, Parts, RX_MEMORY, Rx, Slot, TX_MEMORY, Tx, Unqueued},
    descriptor::{Access, FdExt, FdInfo, FdKinds, Seals, SocketInfo, pidfd_matches},
    error::Error,
    fds::{Fds, IntoIter},
    flags::{Flags, MsgFlags},
    message::Received,
    options::{Refusal, SocketOptions},
    queue::FdQueue,
    recv_ancillary::{AncillaryData, BorrowedFds, Drain, Messages, ReceivedData, ReceivedFds, RecvAncillary},
    send_ancillary::{IpVersion, SendAncillary},
    socket::SocketExt,
};

#[cfg(feature = "std")]
use buffers::number;
