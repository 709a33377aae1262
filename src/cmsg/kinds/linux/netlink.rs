//! SOL_NETLINK: AF_NETLINK. Numbers: linux/netlink.h. Received: net/netlink/af_netlink.c,
//! netlink_recvmsg.

use core::ffi::c_int;

use super::{Kind, received};

pub(crate) const LEVEL: c_int = 270;

/// `struct nl_pktinfo`: the multicast group. NETLINK_PKTINFO. Linux 2.6.14.
pub(crate) const NETLINK_PKTINFO: c_int = 3;
/// int, the sender's network namespace. NETLINK_LISTEN_ALL_NSID. Linux 4.2.
pub(crate) const NETLINK_LISTEN_ALL_NSID: c_int = 8;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, NETLINK_PKTINFO, c"NETLINK_PKTINFO", 4),
    received(LEVEL, NETLINK_LISTEN_ALL_NSID, c"NETLINK_LISTEN_ALL_NSID", 4),
];
