//! What one side of a channel puts up with.

use core::ffi::c_int;

use super::wire::{HEADER, PACKET_MAX};
use crate::abi::anc_limits;
use crate::errno::{Errno, Result};
use crate::sys::{self, FDS_MAX};

/// Limits in force, none of them 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of a message.
    pub(super) message: u32,
    /// Descriptors of a message.
    pub(super) fds: u32,
    /// Bytes of a frame's payload.
    pub(super) frame: u32,
}

const MESSAGE: u32 = 16 * 1024 * 1024;
const FRAME: u32 = (PACKET_MAX - HEADER) as u32;

impl Limits {
    /// EINVAL: a field of a later version is not 0.
    pub(crate) fn new(wanted: Option<&anc_limits>) -> Result<Self> {
        let or = |wanted: u32, default: u32| if wanted == 0 { default } else { wanted };
        let Some(wanted) = wanted else { return Ok(Self { message: MESSAGE, fds: FDS_MAX as u32, frame: FRAME }) };
        if wanted.reserved != 0 {
            return Err(Errno::EINVAL);
        }
        let message = or(wanted.max_message, MESSAGE);
        Ok(Self { message, fds: or(wanted.max_fds, FDS_MAX as u32), frame: or(wanted.max_frame, FRAME) })
    }
}

/// How the socket keeps what is sent apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundaries {
    /// SOCK_STREAM: not at all.
    None,
    /// SOCK_SEQPACKET: what is sent together arrives together.
    Packets,
}

impl Boundaries {
    /// EAFNOSUPPORT: not AF_UNIX, which alone carries descriptors: an internet socket drops them
    /// without a word. EPROTOTYPE: datagrams may come from anybody, and tell no end.
    pub(super) fn of(sock: c_int) -> Result<Self> {
        if sys::socket_domain(sock)? != sys::AF_UNIX {
            return Err(Errno::EAFNOSUPPORT);
        }
        match sys::socket_type(sock)? {
            sys::SOCK_STREAM => Ok(Self::None),
            sys::SOCK_SEQPACKET => Ok(Self::Packets),
            _ => Err(Errno::EPROTOTYPE),
        }
    }

    /// Bytes that one sendmsg may be given: a packet, or what its result can count.
    pub(super) fn batch_max(self) -> usize {
        match self {
            Self::None => isize::MAX as usize,
            Self::Packets => PACKET_MAX,
        }
    }
}
