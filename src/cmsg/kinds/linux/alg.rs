//! SOL_ALG: AF_ALG, the kernel's ciphers. Numbers: linux/if_alg.h. Sent: crypto/af_alg.c,
//! af_alg_cmsg_send.

use core::ffi::c_int;

use super::{Kind, sent};

pub(crate) const LEVEL: c_int = 279;

/// `struct af_alg_iv`: u32, then that many bytes. Linux 2.6.38.
pub(crate) const ALG_SET_IV: c_int = 2;
/// u32, ALG_OP_DECRYPT or ALG_OP_ENCRYPT. Linux 2.6.38.
pub(crate) const ALG_SET_OP: c_int = 3;
/// u32. Linux 4.1.
pub(crate) const ALG_SET_AEAD_ASSOCLEN: c_int = 4;

pub(super) const KINDS: &[Kind] = &[
    sent(LEVEL, ALG_SET_OP, c"ALG_SET_OP", 4),
    sent(LEVEL, ALG_SET_IV, c"ALG_SET_IV", 4),
    sent(LEVEL, ALG_SET_AEAD_ASSOCLEN, c"ALG_SET_AEAD_ASSOCLEN", 4),
];
