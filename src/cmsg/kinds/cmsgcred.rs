//! SCM_CREDS of FreeBSD and DragonFly: the kernel fills in whatever stands there, where the sender put one.

use core::ffi::c_int;
use core::mem::{offset_of, size_of};

use super::bsd;
use crate::abi::anc_info;
use crate::cmsg::Credentials;
use crate::cmsg::payload::{Fact, Payload};
use crate::errno::Result;
use crate::sys::SOL_SOCKET;

const LEVEL: c_int = SOL_SOCKET;

/// `struct cmsgcred`, by the kernel, where the sender asked for it.
pub(super) const SCM_CREDS: c_int = 0x03;

/// The real user, the effective one, the real group; the first of the groups is the effective one.
#[repr(C)]
struct Cmsgcred {
    pid: i32,
    uid: u32,
    euid: u32,
    gid: u32,
    ngroups: i16,
    groups: [u32; 16],
}
pub(super) const CMSGCRED: usize = size_of::<Cmsgcred>();

/// A sender's, which are nobody else's than his own.
pub(in crate::cmsg) fn credentials(_: &Credentials) -> Result<(c_int, c_int, [u8; CMSGCRED])> {
    Ok((LEVEL, SCM_CREDS, [0; CMSGCRED]))
}

/// The number of groups, with the padding behind it: a 32-bit one in `struct sockcred`.
#[cfg_attr(not(target_os = "freebsd"), allow(dead_code))]
pub(super) fn groups(payload: Payload<'_>) -> Option<i32> {
    payload.at(offset_of!(Cmsgcred, ngroups))
}

/// The effective user and group.
pub(super) fn decode(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let fields = || {
        payload.from(CMSGCRED)?;
        let (pid, uid) = (payload.at(offset_of!(Cmsgcred, pid))?, payload.at(offset_of!(Cmsgcred, euid))?);
        Some((pid, uid, payload.at(offset_of!(Cmsgcred, groups))?))
    };
    bsd::credentials(fields(), info)
}
