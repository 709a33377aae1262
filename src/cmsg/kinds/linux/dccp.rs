//! SOL_DCCP: DCCP over IPv4 and IPv6, until Linux 6.15. Numbers: linux/dccp.h.

use core::ffi::c_int;

use super::{Kind, sent};

pub(crate) const LEVEL: c_int = 269;

/// u32. Linux 2.6.38, net/dccp/proto.c, dccp_msghdr_parse.
pub(crate) const DCCP_SCM_PRIORITY: c_int = 1;

pub(super) const KINDS: &[Kind] = &[sent(LEVEL, DCCP_SCM_PRIORITY, c"DCCP_SCM_PRIORITY", 4)];
