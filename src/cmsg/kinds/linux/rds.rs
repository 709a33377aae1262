//! SOL_RDS: AF_RDS. Numbers and structs: linux/rds.h. Received: net/rds/recv.c; sent:
//! rds_cmsg_send of net/rds/send.c. Linux 2.6.30 where nothing else is said.

use core::ffi::c_int;
use core::mem::align_of;

use super::{Kind, both, received, sent};

pub(crate) const LEVEL: c_int = 276;

/// `struct rds_atomic_args`.
const ATOMIC_ARGS: usize = 72;

/// `struct rds_rdma_args`.
pub(crate) const RDS_CMSG_RDMA_ARGS: c_int = 1;
/// u64, a cookie.
pub(crate) const RDS_CMSG_RDMA_DEST: c_int = 2;
/// `struct rds_get_mr_args`.
pub(crate) const RDS_CMSG_RDMA_MAP: c_int = 3;
/// `struct rds_rdma_notify`.
pub(crate) const RDS_CMSG_RDMA_STATUS: c_int = 4;
/// u64, a mask of ports. RDS_CONG_MONITOR.
pub(crate) const RDS_CMSG_CONG_UPDATE: c_int = 5;
/// `struct rds_atomic_args`. Linux 2.6.37, as the three below.
pub(crate) const RDS_CMSG_ATOMIC_FADD: c_int = 6;
pub(crate) const RDS_CMSG_ATOMIC_CSWP: c_int = 7;
pub(crate) const RDS_CMSG_MASKED_ATOMIC_FADD: c_int = 8;
pub(crate) const RDS_CMSG_MASKED_ATOMIC_CSWP: c_int = 9;
/// `struct rds_cmsg_rx_trace`. SO_RDS_MSG_RXPATH_LATENCY. Linux 4.11.
pub(crate) const RDS_CMSG_RXPATH_LATENCY: c_int = 11;
/// u32. Linux 4.17.
pub(crate) const RDS_CMSG_ZCOPY_COOKIE: c_int = 12;
/// `struct rds_zcopy_cookies`. SO_ZEROCOPY. Linux 4.17.
pub(crate) const RDS_CMSG_ZCOPY_COMPLETION: c_int = 13;

pub(super) const KINDS: &[Kind] = &[
    sent(LEVEL, RDS_CMSG_RDMA_ARGS, c"RDS_CMSG_RDMA_ARGS", 56),
    both(LEVEL, RDS_CMSG_RDMA_DEST, c"RDS_CMSG_RDMA_DEST", 8),
    sent(LEVEL, RDS_CMSG_RDMA_MAP, c"RDS_CMSG_RDMA_MAP", 32),
    // A u64 and an int.
    received(LEVEL, RDS_CMSG_RDMA_STATUS, c"RDS_CMSG_RDMA_STATUS", 8 + align_of::<u64>()),
    received(LEVEL, RDS_CMSG_CONG_UPDATE, c"RDS_CMSG_CONG_UPDATE", 8),
    sent(LEVEL, RDS_CMSG_ATOMIC_FADD, c"RDS_CMSG_ATOMIC_FADD", ATOMIC_ARGS),
    sent(LEVEL, RDS_CMSG_ATOMIC_CSWP, c"RDS_CMSG_ATOMIC_CSWP", ATOMIC_ARGS),
    sent(LEVEL, RDS_CMSG_MASKED_ATOMIC_FADD, c"RDS_CMSG_MASKED_ATOMIC_FADD", ATOMIC_ARGS),
    sent(LEVEL, RDS_CMSG_MASKED_ATOMIC_CSWP, c"RDS_CMSG_MASKED_ATOMIC_CSWP", ATOMIC_ARGS),
    // Four bytes, then three u64.
    received(LEVEL, RDS_CMSG_RXPATH_LATENCY, c"RDS_CMSG_RXPATH_LATENCY", align_of::<u64>() + 24),
    sent(LEVEL, RDS_CMSG_ZCOPY_COOKIE, c"RDS_CMSG_ZCOPY_COOKIE", 4),
    received(LEVEL, RDS_CMSG_ZCOPY_COMPLETION, c"RDS_CMSG_ZCOPY_COMPLETION", 36),
];
