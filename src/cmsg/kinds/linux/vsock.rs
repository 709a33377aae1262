//! SOL_VSOCK: AF_VSOCK. Numbers: linux/vm_sockets.h.

use core::ffi::c_int;

use super::{Kind, SOCK_EXTENDED_ERR, received};

pub(crate) const LEVEL: c_int = 287;

/// `struct sock_extended_err`: a zero-copy send is complete. SO_ZEROCOPY; error queue. Linux 6.7,
/// net/vmw_vsock/af_vsock.c.
pub(crate) const VSOCK_RECVERR: c_int = 1;

pub(super) const KINDS: &[Kind] = &[received(LEVEL, VSOCK_RECVERR, c"VSOCK_RECVERR", SOCK_EXTENDED_ERR)];
