//! One system call with everything that belongs around it.

mod batch;
mod flags;
mod iov;
mod message;
mod peer;
mod recv;
mod send;
mod unwound;
mod want;

pub(crate) use batch::{recv_batch, send_batch};
pub(crate) use flags::Flags;
pub(crate) use message::{recv_message, send_message};
pub(crate) use peer::{peer_credentials, peer_groups, peer_label, peer_pidfd, peer_token};
pub(crate) use recv::{Received, recv_fds};
pub(crate) use send::send_fds;
pub(crate) use want::{refuse_fds, want, want_timestamping, wanted};
