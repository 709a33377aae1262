//! Putting what a datagram is to carry, whatever the family: the sending side of `decode`.

use core::ffi::c_int;

use super::builder::Builder;
use super::kinds::{self, PUTS, Put};
use crate::abi::anc_dest;
use crate::errno::{Errno, Result};
use crate::sys::{AF_INET, AF_INET6};

/// A local address to send from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// IPv4.
    V4([u8; 4]),
    /// IPv6.
    V6([u8; 16]),
}

impl Builder<'_> {
    /// Sends from this address, by this interface; 0: the system chooses.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_source(&mut self, from: Source, ifindex: u32) -> Result<()> {
        match from {
            Source::V4(address) => {
                let (level, kind, payload) = kinds::source_v4(address, ifindex)?;
                self.put(level, kind, &payload)
            }
            Source::V6(address) => {
                let (level, kind, payload) = kinds::source_v6(address, ifindex)?;
                self.put(level, kind, &payload)
            }
        }
    }

    /// Answers from the address that was asked. A group has none to answer from: nothing is put then.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: a family that is neither AF_INET nor AF_INET6.
    pub fn put_reply_from(&mut self, asked: &anc_dest) -> Result<()> {
        let [a, b, c, d, ..] = asked.reply_from;
        let is_known = asked.reply_from != [0; 16];
        match c_int::try_from(asked.family) {
            Ok(AF_INET) if is_known => self.put_source(Source::V4([a, b, c, d]), 0),
            // A link-local address means something on its own interface only.
            Ok(AF_INET6) if is_known => {
                let is_link_local = a == 0xfe && b & 0xc0 == 0x80;
                self.put_source(Source::V6(asked.reply_from), if is_link_local { asked.ifindex } else { 0 })
            }
            Ok(AF_INET | AF_INET6) => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The type of service or traffic class, ECN in its lowest two bits.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has none, the family, or a value outside 0 to 255.
    pub fn put_tos(&mut self, family: c_int, tos: c_int) -> Result<()> {
        self.put_octet(family, tos, 0, PUTS.tos)
    }

    /// The time to live or hop limit.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has none, the family, or a value outside 1 to 255.
    pub fn put_ttl(&mut self, family: c_int, ttl: c_int) -> Result<()> {
        self.put_octet(family, ttl, 1, PUTS.ttl)
    }

    /// The size of the datagrams that one UDP send is cut into (GSO).
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_segment(&mut self, bytes: u16) -> Result<()> {
        self.put_number(PUTS.segment, bytes.into())
    }

    /// When to transmit, in nanoseconds of the clock that SO_TXTIME chose.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_txtime(&mut self, ns: u64) -> Result<()> {
        self.put_number(PUTS.txtime, ns)
    }

    /// Which stamps this send asks for: SOF_TIMESTAMPING_TX_ flags.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_timestamping(&mut self, sof_flags: u32) -> Result<()> {
        self.put_number(PUTS.timestamping, sof_flags.into())
    }

    /// The packet's mark, which wants CAP_NET_ADMIN or CAP_NET_RAW.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_mark(&mut self, mark: u32) -> Result<()> {
        self.put_number(PUTS.mark, mark.into())
    }

    /// The packet's priority; above 6 it wants CAP_NET_ADMIN or CAP_NET_RAW.
    ///
    /// # Errors
    /// ENOBUFS: no room. EINVAL: the system has no such message.
    pub fn put_priority(&mut self, priority: u32) -> Result<()> {
        self.put_number(PUTS.priority, priority.into())
    }

    fn put_octet(&mut self, family: c_int, value: c_int, least: c_int, [v4, v6]: [Option<Put>; 2]) -> Result<()> {
        let value = u8::try_from(value).ok().filter(|value| c_int::from(*value) >= least).ok_or(Errno::EINVAL)?;
        match family {
            AF_INET => self.put_number(v4, value.into()),
            AF_INET6 => self.put_number(v6, value.into()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// EINVAL: the system has no such message.
    #[inline(never)]
    fn put_number(&mut self, put: Option<Put>, number: u64) -> Result<()> {
        let Put { level, kind, width } = put.ok_or(Errno::EINVAL)?;
        match width {
            1 => self.put(level, kind, &(number as u8).to_ne_bytes()),
            2 => self.put(level, kind, &(number as u16).to_ne_bytes()),
            4 => self.put(level, kind, &(number as u32).to_ne_bytes()),
            _ => self.put(level, kind, &number.to_ne_bytes()),
        }
    }
}
