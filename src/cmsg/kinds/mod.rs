//! What is known of each control message of Linux: its name, its shortest whole payload, and which
//! way it goes; and what asks for it. One file a family, one line a kind.
//!
//! The facts are those of the kernel's sources: received is what `put_cmsg` is called for, sent is
//! what the `*_cmsg_send` functions accept. Each constant names the option that asks for the
//! message, the first Linux that has it, and the file of the kernel that makes or reads it.

use core::ffi::{CStr, c_int};
use core::mem::size_of;

use libc::sockaddr_storage;

use super::payload::Payload;
use super::want::Want;
use crate::abi::{ANC_TIME_ID, anc_info, anc_sock_error};

pub(crate) mod alg;
pub(crate) mod bluetooth;
pub(crate) mod can;
pub(crate) mod dccp;
pub(crate) mod ip;
pub(crate) mod ipv6;
pub(crate) mod iucv;
pub(crate) mod llc;
pub(crate) mod netlink;
pub(crate) mod packet;
pub(crate) mod rds;
pub(crate) mod rxrpc;
pub(crate) mod sctp;
pub(crate) mod socket;
pub(crate) mod tcp;
pub(crate) mod tipc;
pub(crate) mod tls;
pub(crate) mod udp;
pub(crate) mod vsock;

/// What is known of one control message.
#[derive(Debug)]
pub struct Kind {
    /// The level: SOL_SOCKET, ...
    pub level: c_int,
    /// The type within the level: SCM_RIGHTS, ...
    pub kind: c_int,
    /// The type's name in the kernel's headers: "SCM_RIGHTS".
    pub name: &'static CStr,
    /// Bytes of the shortest payload that the kernel delivers, or accepts where it delivers none:
    /// what is shorter was cut. 0 where any length is whole.
    pub payload: usize,
    /// Whether sendmsg accepts it, for some family of sockets.
    pub sent: bool,
    /// Whether recvmsg can bring it.
    pub received: bool,
}

/// `struct sock_extended_err` (linux/errqueue.h), which the error queues of all families bring; the
/// offender's address follows it in those of IP.
const SOCK_EXTENDED_ERR: usize = 16;

const fn both(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: true, received: true }
}

const fn received(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: false, received: true }
}

const fn sent(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: true, received: false }
}

/// The levels, the busiest first.
static LEVELS: [(c_int, &[Kind]); 20] = [
    (socket::LEVEL, socket::KINDS),
    (ip::LEVEL, ip::KINDS),
    (ipv6::LEVEL, ipv6::KINDS),
    (udp::LEVEL, udp::KINDS),
    (tcp::LEVEL, tcp::KINDS),
    (tls::LEVEL, tls::KINDS),
    (packet::LEVEL, packet::KINDS),
    (netlink::LEVEL, netlink::KINDS),
    (vsock::LEVEL, vsock::KINDS),
    (alg::LEVEL, alg::KINDS),
    (sctp::LEVEL, sctp::KINDS),
    (bluetooth::LEVEL, bluetooth::KINDS),
    (can::RAW_LEVEL, can::RAW_KINDS),
    (can::J1939_LEVEL, can::J1939_KINDS),
    (tipc::LEVEL, tipc::KINDS),
    (rxrpc::LEVEL, rxrpc::KINDS),
    (rds::LEVEL, rds::KINDS),
    (dccp::LEVEL, dccp::KINDS),
    (llc::LEVEL, llc::KINDS),
    (iucv::LEVEL, iucv::KINDS),
];

/// What asks for them, of the families that have facts.
pub(super) static WANTS: [&[Want]; 7] =
    [socket::WANTS, ip::WANTS, ipv6::WANTS, udp::WANTS, tcp::WANTS, tls::WANTS, packet::WANTS];

/// The control message of this level and type.
#[inline]
pub fn find(level: c_int, kind: c_int) -> Option<&'static Kind> {
    let (_, kinds) = LEVELS.iter().find(|(of, _)| *of == level)?;
    kinds.iter().find(|one| one.kind == kind)
}

/// Every control message that is known.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    LEVELS.iter().flat_map(|(_, kinds)| kinds.iter())
}

/// The label of a security module. SELinux ends it with a NUL.
fn label(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    if payload.may_be_cut() {
        return None;
    }
    let len = payload.len();
    let is_terminated = payload.at(len.checked_sub(1)?) == Some(0u8);
    info.label = payload.bytes().as_ptr().cast();
    info.label_len = if is_terminated { len.saturating_sub(1) } else { len };
    Some(())
}

/// `struct sock_extended_err`, and behind it the offender's address of this family and size: not there
/// at all from TLS and RDS, and nobody where it is of another family. In part it was cut.
fn sock_error(payload: Payload<'_>, info: &mut anc_info, offender: Option<(c_int, usize)>) -> Option<()> {
    const SO_EE_ORIGIN_TIMESTAMPING: u8 = 4;
    let address = payload.from(SOCK_EXTENDED_ERR)?;
    let (family, size) = offender.unwrap_or((0, 0));
    if address.len() != 0 && address.len() < size {
        return None;
    }
    info.error = anc_sock_error {
        err: payload.at(0)?,
        origin: payload.at(4)?,
        kind: payload.at(5)?,
        code: payload.at(6)?,
        reserved: 0,
        info: payload.at(8)?,
        data: payload.at(12)?,
    };
    let is_named = size != 0 && address.at::<u16>(0).map(c_int::from) == Some(family);
    info.offender = if is_named { address.bytes().as_ptr().cast() } else { core::ptr::null() };
    if info.error.origin == SO_EE_ORIGIN_TIMESTAMPING {
        info.time_id = info.error.data;
        info.present |= ANC_TIME_ID;
    }
    Some(())
}

/// A socket address of N bytes: where a datagram was sent to before it was redirected.
fn original<const N: usize>(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    let address: [u8; N] = payload.at(0)?;
    const { assert!(N <= size_of::<sockaddr_storage>()) };
    let storage: *mut sockaddr_storage = &mut info.original;
    // SAFETY: a sockaddr_storage has room for N bytes, as asserted, and any bytes are a valid one.
    unsafe { storage.cast::<[u8; N]>().write(address) };
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{LEVELS, all, find};

    #[test]
    fn every_kind_is_found_by_its_level_and_type_and_once() {
        for kind in all() {
            assert!(core::ptr::eq(find(kind.level, kind.kind).unwrap(), kind), "{kind:?} stands twice");
        }
        for (level, kinds) in &LEVELS {
            assert!(kinds.iter().all(|kind| kind.level == *level), "a kind of level {level} names another one");
            assert_eq!(LEVELS.iter().filter(|(other, _)| other == level).count(), 1);
        }
    }

    #[test]
    fn every_kind_goes_some_way_and_has_a_name_of_its_own() {
        for kind in all() {
            assert!(kind.sent || kind.received, "{kind:?}");
            let name = kind.name.to_bytes();
            assert!(
                !name.is_empty() && name.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == b'_')
            );
            // The label has the same name at both levels.
            let same = all().filter(|other| other.name == kind.name).count();
            assert_eq!(same, if name == b"SCM_SECURITY" { 2 } else { 1 }, "{kind:?}");
        }
    }

    #[test]
    fn what_no_kernel_knows_is_not_found() {
        for (level, kinds) in &LEVELS {
            for kind in [i32::MIN, -1, i32::MAX] {
                assert!(find(*level, kind).is_none());
            }
            assert!(kinds.len() < 32);
        }
        for level in [i32::MIN, -1, 2, 99, 254, 0x1_0000, i32::MAX] {
            assert!((0..128).all(|kind| find(level, kind).is_none()));
        }
    }
}
