//! One system call with everything that belongs around it.

mod flags;
mod iov;
mod recv;
mod send;

pub(crate) use flags::Flags;
pub(crate) use recv::recv_fds;
pub(crate) use send::send_fds;
