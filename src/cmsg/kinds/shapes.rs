//! What payloads look like that several systems have, and what they say.

use core::mem::size_of;

use libc::sockaddr_storage;

use crate::abi::{ANC_RIGHTS, anc_dest, anc_info};
use crate::cmsg::payload::Payload;
use crate::sys::{AF_INET, AF_INET6};

/// `struct in6_pktinfo`.
pub(super) const PKTINFO6: usize = 20;

/// SCM_RIGHTS: descriptors that nobody has taken yet.
pub(super) fn rights(payload: Payload<'_>, info: &mut anc_info) -> u64 {
    // No slice is so long that this wraps.
    let there = payload.slots().iter().fold(0usize, |count, fd| count.wrapping_add(usize::from(fd >= 0)));
    let there = u32::try_from(there).unwrap_or(u32::MAX);
    info.nfds = info.nfds.saturating_add(there);
    if there > 0 { ANC_RIGHTS } else { 0 }
}

/// `struct in_pktinfo`: the interface; ipi_spec_dst, the local address to answer from; ipi_addr, the
/// destination in the header.
pub(super) fn pktinfo(payload: Payload<'_>) -> Option<anc_dest> {
    let [ifindex, spec_dst, addr]: [[u8; 4]; 3] = payload.at(0)?;
    let ifindex = u32::from_ne_bytes(ifindex);
    Some(anc_dest { family: AF_INET as u32, ifindex, to: widened(addr), reply_from: widened(spec_dst) })
}

pub(super) fn widened([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    u128::from(u32::from_le_bytes([a, b, c, d])).to_le_bytes()
}

/// The same, sent: the local address to send from.
pub(super) fn pktinfo_from([a, b, c, d]: [u8; 4], ifindex: u32) -> [u8; 12] {
    let [i, j, k, l] = ifindex.to_ne_bytes();
    [i, j, k, l, a, b, c, d, 0, 0, 0, 0]
}

/// `struct in6_pktinfo`: the destination in the header; the interface. A group is no address to answer
/// from, nor is IPv4's, mapped, or its broadcast.
pub(super) fn pktinfo6(payload: Payload<'_>) -> Option<anc_dest> {
    let (to, ifindex) = (payload.at::<[u8; 16]>(0)?, payload.at::<u32>(16)?);
    let (number, mapped) = (u128::from_be_bytes(to), u128::from_be_bytes(to) as u32);
    let is_group = number >> 120 == 0xff || number >> 32 == 0xffff && (mapped >> 28 == 0xe || mapped == u32::MAX);
    Some(anc_dest { family: AF_INET6 as u32, ifindex, to, reply_from: if is_group { [0; 16] } else { to } })
}

/// The same, sent: the local address to send from.
pub(super) fn pktinfo6_from(address: [u8; 16], ifindex: u32) -> [u8; PKTINFO6] {
    let mut payload = [0; PKTINFO6];
    let (to, index) = payload.split_at_mut(16);
    to.copy_from_slice(&address);
    index.copy_from_slice(&ifindex.to_ne_bytes());
    payload
}

/// A socket address of N bytes: where a datagram was sent to before it was redirected.
pub(super) fn original<const N: usize>(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    let address: [u8; N] = payload.at(0)?;
    const { assert!(N <= size_of::<sockaddr_storage>()) };
    let storage: *mut sockaddr_storage = &mut info.original;
    // SAFETY: a sockaddr_storage has room for N bytes, as asserted, and any bytes are a valid one.
    unsafe { storage.cast::<[u8; N]>().write(address) };
    Some(())
}
