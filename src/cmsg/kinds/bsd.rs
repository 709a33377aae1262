//! What payloads look like on the systems whose sockets descend from BSD's. Which of these a system has
//! differs.

use core::ffi::c_int;
use core::mem::{offset_of, size_of};

use super::shapes::widened;
use crate::abi::{ANC_CREDENTIALS, anc_dest, anc_info, anc_time};
use crate::cmsg::payload::{Fact, Payload};
use crate::errno::{Errno, Result};
use crate::sys::AF_INET;

/// IPPROTO_IP. The level of a Unix socket's own options, too.
pub(super) const IP: c_int = 0;

/// `struct in_addr`, the destination; sent, where the system calls it IP_SENDSRCADDR too: the source.
pub(super) const IP_RECVDSTADDR: c_int = 7;

pub(super) const TIMEVAL: usize = size_of::<libc::timeval>();

/// `struct timeval`: when a message came, of the time of day.
pub(super) fn timeval(payload: Payload<'_>) -> Option<anc_time> {
    const { assert!(offset_of!(libc::timeval, tv_sec) == 0) };
    let usec: libc::suseconds_t = payload.at(offset_of!(libc::timeval, tv_usec))?;
    let nsec = (usec as i64).checked_mul(1000)?;
    time(payload.at::<libc::time_t>(0)? as i64, nsec)
}

/// `struct timespec`.
pub(super) fn timespec(payload: Payload<'_>) -> Option<anc_time> {
    const { assert!(offset_of!(libc::timespec, tv_sec) == 0) };
    let nsec: core::ffi::c_long = payload.at(offset_of!(libc::timespec, tv_nsec))?;
    time(payload.at::<libc::time_t>(0)? as i64, nsec as i64)
}

pub(super) fn time(sec: i64, nsec: i64) -> Option<anc_time> {
    let nsec = u32::try_from(nsec).ok().filter(|nsec| *nsec < 1_000_000_000)?;
    Some(anc_time { sec, nsec, reserved: 0 })
}

/// `struct in_addr`: where a datagram was sent to. The interface comes in a message of its own: [`interface`].
pub(super) fn address(payload: Payload<'_>) -> Option<anc_dest> {
    let to: [u8; 4] = payload.at(0)?;
    let [first, ..] = to;
    let is_group = first >> 4 == 0xe || to == [0xff; 4];
    let reply_from = if is_group { [0; 16] } else { widened(to) };
    Some(anc_dest { family: AF_INET as u32, ifindex: 0, to: widened(to), reply_from })
}

/// `struct sockaddr_dl`: its index.
pub(super) fn interface(payload: Payload<'_>) -> Option<u32> {
    payload.at::<u16>(2).map(u32::from)
}

/// One byte.
pub(super) fn octet(payload: Payload<'_>) -> Option<c_int> {
    payload.at::<u8>(0).map(c_int::from)
}

/// The sender's process, effective user and effective group. None: cut. A process 0 is nobody.
pub(super) fn credentials(of: Option<(i32, u32, u32)>, info: &mut anc_info) -> Fact {
    match of {
        Some((pid, uid, gid)) if pid > 0 => {
            (info.pid, info.uid, info.gid) = (pid, uid, gid);
            Some((ANC_CREDENTIALS, true))
        }
        Some(_) => Some((0, true)),
        None => Some((ANC_CREDENTIALS, false)),
    }
}

/// The local address to send from: level, type and payload. EINVAL: an interface, which can't be chosen.
pub(in crate::cmsg) fn source_v4(address: [u8; 4], ifindex: u32) -> Result<(c_int, c_int, [u8; 4])> {
    if ifindex == 0 { Ok((IP, IP_RECVDSTADDR, address)) } else { Err(Errno::EINVAL) }
}
