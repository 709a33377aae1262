//! SOL_IUCV: AF_IUCV, between guests of z/VM. Numbers: include/net/iucv/af_iucv.h, which the kernel
//! does not install.

use core::ffi::c_int;

use super::{Kind, both};

pub(crate) const LEVEL: c_int = 277;

/// u32, the message's target class. Always. Linux 2.6.31, net/iucv/af_iucv.c.
pub(crate) const SCM_IUCV_TRGCLS: c_int = 1;

pub(super) const KINDS: &[Kind] = &[both(LEVEL, SCM_IUCV_TRGCLS, c"SCM_IUCV_TRGCLS", 4)];
