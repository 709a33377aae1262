//! What is known of each control message of the system: its name, its shortest whole payload, and which
//! way it goes; and what asks for it. One line a kind; one file a system, or a family where there are many.
//!
//! A system's file has the tables LEVELS and WANTS; what the builder's own calls put: PUTS, `source_v4`,
//! `source_v6`, `credentials`; what the messages say: `decode`, and `usual` for those that nearly every
//! server asks for; and the forms of its time stamps: `stamps`, `CLOCK`. What it has not, it takes from
//! `lacking`.

use core::ffi::{CStr, c_int};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[allow(dead_code)]
mod bsd;
#[cfg(any(target_os = "dragonfly", target_os = "freebsd"))]
mod cmsgcred;
#[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_vendor = "apple"))]
mod kame;
// What a system has otherwise is not taken from there.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[allow(dead_code)]
mod lacking;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) mod one_form;
#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod others;
#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "linux/mod.rs")]
#[cfg_attr(target_os = "freebsd", path = "freebsd.rs")]
#[cfg_attr(target_os = "netbsd", path = "netbsd.rs")]
#[cfg_attr(target_os = "openbsd", path = "openbsd.rs")]
#[cfg_attr(target_os = "dragonfly", path = "dragonfly.rs")]
#[cfg_attr(target_vendor = "apple", path = "xnu.rs")]
#[cfg_attr(target_os = "illumos", path = "illumos.rs")]
#[cfg_attr(target_os = "haiku", path = "haiku.rs")]
mod platform;
mod shapes;

pub(crate) use platform::{CLOCK, stamps};
pub(super) use platform::{PUTS, WANTS, credentials, decode, source_v4, source_v6, usual};

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

/// A control message with a number in it, which one of the builder's own calls puts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Put {
    pub(super) level: c_int,
    pub(super) kind: c_int,
    /// Bytes of the number.
    pub(super) width: usize,
}

/// Those that the system has.
#[derive(Debug)]
pub(super) struct Puts {
    /// Over IPv4, and over IPv6.
    pub(super) tos: [Option<Put>; 2],
    pub(super) ttl: [Option<Put>; 2],
    pub(super) segment: Option<Put>,
    pub(super) txtime: Option<Put>,
    pub(super) timestamping: Option<Put>,
    pub(super) mark: Option<Put>,
    pub(super) priority: Option<Put>,
}

const fn put(level: c_int, kind: c_int, width: usize) -> Option<Put> {
    Some(Put { level, kind, width })
}

const fn both(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: true, received: true }
}

const fn received(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: false, received: true }
}

const fn sent(level: c_int, kind: c_int, name: &'static CStr, payload: usize) -> Kind {
    Kind { level, kind, name, payload, sent: true, received: false }
}

/// The control message of this level and type.
///
/// ```
/// let kind = ancillary::cmsg::kind(libc::SOL_SOCKET, libc::SCM_RIGHTS).unwrap();
/// assert_eq!(kind.name, c"SCM_RIGHTS");
/// ```
#[inline]
pub fn find(level: c_int, kind: c_int) -> Option<&'static Kind> {
    let (_, kinds) = platform::LEVELS.iter().find(|(of, _)| *of == level)?;
    kinds.iter().find(|one| one.kind == kind)
}

/// Every control message that is known.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    platform::LEVELS.iter().flat_map(|(_, kinds)| kinds.iter())
}

#[cfg(test)]
mod tests {
    use super::platform::LEVELS;
    use super::{all, find};

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
