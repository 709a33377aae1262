//! SOL_LLC: AF_LLC. Numbers: linux/llc.h.

use core::ffi::c_int;

use super::{Kind, received};

pub(crate) const LEVEL: c_int = 268;

/// `struct llc_pktinfo`. LLC_OPT_PKTINFO. Linux 2.6.25, net/llc/af_llc.c, llc_cmsg_rcv.
pub(crate) const LLC_OPT_PKTINFO: c_int = 9;

pub(super) const KINDS: &[Kind] = &[received(LEVEL, LLC_OPT_PKTINFO, c"LLC_OPT_PKTINFO", 12)];
