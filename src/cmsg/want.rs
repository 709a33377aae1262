//! What asks for a fact: the socket options of each family, and the room that their messages take.

use core::ffi::c_int;
use core::mem::size_of;

use super::kinds;
use super::space::{fds_space, space};
use crate::abi::{ANC_ERROR, ANC_FLOWINFO, ANC_LABEL, ANC_RIGHTS, ANC_TIME_ID, ANC_TIMESTAMPING};
use crate::sys::{self, FDS_MAX};

/// Kinds of sockets, one bit each, that differ in what they bring.
pub(crate) type Sockets = u16;

pub(crate) const UNIX_STREAM: Sockets = 1 << 0;
/// SOCK_DGRAM, SOCK_SEQPACKET.
pub(crate) const UNIX_MESSAGES: Sockets = 1 << 1;
pub(crate) const UDP: Sockets = 1 << 2;
/// Datagrams of IPv4 come too, with mapped addresses, and with IPv4's messages for their headers.
pub(crate) const UDP6: Sockets = 1 << 3;
/// TCP and MPTCP.
pub(crate) const TCP: Sockets = 1 << 4;
pub(crate) const TCP6: Sockets = 1 << 5;
pub(crate) const RAW: Sockets = 1 << 6;
pub(crate) const RAW6: Sockets = 1 << 7;
/// SOCK_DGRAM with IPPROTO_ICMP.
pub(crate) const PING: Sockets = 1 << 8;
pub(crate) const PING6: Sockets = 1 << 9;
pub(crate) const PACKET: Sockets = 1 << 10;
pub(crate) const NETLINK: Sockets = 1 << 11;
const KINDS_OF_SOCKETS: u32 = 12;

pub(crate) const UNIX: Sockets = UNIX_STREAM | UNIX_MESSAGES;
/// Whatever receives single datagrams of IPv4, and of IPv6.
pub(crate) const DATAGRAMS: Sockets = UDP | RAW | PING;
pub(crate) const DATAGRAMS6: Sockets = UDP6 | RAW6 | PING6;

/// How an option brings its fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// Switched on. Where a socket has several such options for a fact, all of them are needed.
    Switched,
    /// The same; but some kernels do not tell whether it is on. A socket has one of these at most.
    /// `refuses`: a value that is EINVAL to a kernel that has the option.
    Blind { refuses: Option<c_int> },
    /// One of several forms of the same option, of which a socket has one at a time.
    Form,
    /// On from the start, and where the kernel has no such option.
    FromTheStart,
    /// Not by switching: it reads as other than 0 once the fact comes.
    ByItself,
    /// By the flags of SO_TIMESTAMPING, which are the caller's choice.
    Stamped,
    /// Always: the system has no option for it.
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Always,
    /// Switched on, with a second option that says by which clock: [`Clock`].
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Clocked,
}

/// One line of a family's table: a socket option, an int, and the fact that it brings.
#[derive(Debug)]
pub(crate) struct Want {
    /// One ANC_ bit.
    pub(crate) fact: u64,
    /// The sockets on which it comes, which are fewer than those that accept the option.
    pub(crate) sockets: Sockets,
    pub(crate) level: c_int,
    pub(crate) option: c_int,
    pub(crate) how: How,
    /// Bytes of the payloads that may come at once for it; 0: none. Those of descriptors and labels
    /// depend on the caller.
    pub(crate) payloads: [u16; 2],
}

/// The option that says by which clock arrivals are told.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) option: c_int,
    /// What it is set to: nanoseconds of the time of day.
    pub(crate) realtime: c_int,
    /// What does not tell the time of day.
    pub(crate) monotonic: c_int,
}

pub(super) const fn switched(fact: u64, sockets: Sockets, level: c_int, option: c_int, payload: u16) -> Want {
    Want { fact, sockets, level, option, how: How::Switched, payloads: [payload, 0] }
}

/// Every option that is known, family by family. Of the forms of one option those that read as on
/// along with another come after it.
pub(crate) fn wants() -> impl Iterator<Item = &'static Want> {
    kinds::WANTS.iter().flat_map(|family| family.iter())
}

/// The kind of a socket of this domain, type and protocol; none where nothing is known of it.
pub(crate) fn sockets(domain: c_int, kind: c_int, protocol: c_int) -> Sockets {
    match (domain, kind, protocol) {
        (sys::AF_UNIX, sys::SOCK_STREAM, _) => UNIX_STREAM,
        (sys::AF_UNIX, _, _) => UNIX_MESSAGES,
        (sys::AF_INET, sys::SOCK_RAW, _) => RAW,
        (sys::AF_INET, _, libc::IPPROTO_UDP) => UDP,
        (sys::AF_INET, _, libc::IPPROTO_TCP | sys::IPPROTO_MPTCP) => TCP,
        (sys::AF_INET, _, libc::IPPROTO_ICMP) => PING,
        (sys::AF_INET6, sys::SOCK_RAW, _) => RAW6,
        (sys::AF_INET6, _, libc::IPPROTO_UDP) => UDP6,
        (sys::AF_INET6, _, libc::IPPROTO_TCP | sys::IPPROTO_MPTCP) => TCP6,
        (sys::AF_INET6, _, libc::IPPROTO_ICMPV6) => PING6,
        _ if Some(domain) == sys::AF_PACKET => PACKET,
        _ if Some(domain) == sys::AF_NETLINK => NETLINK,
        _ => 0,
    }
}

/// All facts that there are, on whatever system.
pub(crate) const KNOWN_FACTS: u64 = (ANC_FLOWINFO << 1) - 1;

/// The room that one message with all of these facts can need, on whatever socket brings the most of
/// them. No message brings more than FDS_MAX descriptors. None: it does not fit, or a fact is unknown.
pub(crate) fn want_space(facts: u64, max_fds: usize, max_label: usize) -> Option<usize> {
    if facts & !KNOWN_FACTS != 0 {
        return None;
    }
    // Stamps of what was sent come with the error that numbers them.
    let stamps = facts & (ANC_TIMESTAMPING | ANC_TIME_ID) != 0;
    let facts = if stamps { facts | ANC_ERROR } else { facts };
    let mut most = 0;
    for kind in 0..KINDS_OF_SOCKETS {
        let mut sum = 0usize;
        for fact in (0..u64::BITS).map(|bit| 1 << bit).filter(|fact| facts & fact != 0) {
            let mut room = 0;
            for want in wants().filter(|want| want.fact == fact && want.sockets >> kind & 1 != 0) {
                room = want_room(want, max_fds, max_label)?.max(room);
            }
            sum = sum.checked_add(room)?;
        }
        most = sum.max(most);
    }
    Some(most)
}

/// The room of the messages that one option brings.
fn want_room(want: &Want, max_fds: usize, max_label: usize) -> Option<usize> {
    match want.fact {
        ANC_RIGHTS if max_fds == 0 => Some(0),
        ANC_RIGHTS => fds_space(max_fds.min(FDS_MAX)),
        ANC_LABEL => space(max_label),
        _ => want
            .payloads
            .iter()
            .filter(|payload| **payload != 0)
            .try_fold(0usize, |sum, payload| sum.checked_add(space(usize::from(*payload))?)),
    }
}

/// Bytes of a payload that is one int.
pub(super) const INT: u16 = size_of::<c_int>() as u16;

#[cfg(test)]
mod tests {
    use super::{How, KNOWN_FACTS, Want, sockets, want_space, wants};
    use crate::abi::*;

    #[test]
    fn every_option_fits_into_a_set_of_64() {
        assert!(wants().count() <= 64);
    }

    #[test]
    fn every_fact_has_its_option() {
        assert_eq!(wants().fold(ANC_TIME_ID, |facts, want| facts | want.fact), KNOWN_FACTS);
        for want in wants() {
            assert_eq!(want.fact.count_ones(), 1, "{want:?}");
            assert_ne!(want.sockets, 0, "{want:?}");
        }
    }

    #[test]
    fn an_option_stands_once_for_a_fact_and_a_socket() {
        for (i, one) in wants().enumerate() {
            for other in wants().skip(i + 1) {
                let same = |a: &Want, b: &Want| (a.fact, a.level, a.option) == (b.fact, b.level, b.option);
                assert!(!same(one, other) || one.sockets & other.sockets == 0, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn every_message_has_a_payload() {
        for want in wants().filter(|want| want.fact & (ANC_RIGHTS | ANC_LABEL) == 0) {
            assert_ne!(want.payloads[0], 0, "{want:?}");
        }
    }

    #[test]
    fn a_socket_has_one_way_to_a_fact() {
        for one in wants() {
            for other in wants().filter(|other| other.fact == one.fact && other.sockets & one.sockets != 0) {
                assert_eq!(one.how, other.how, "{one:?} {other:?}");
            }
            assert!(one.how != How::Form || one.fact == ANC_TIME);
        }
    }

    #[test]
    fn sockets_of_which_nothing_is_known_are_none() {
        assert_eq!(sockets(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP), 0);
        assert_eq!(sockets(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE), 0);
        assert_eq!(sockets(libc::AF_VSOCK, libc::SOCK_STREAM, 0), 0);
    }

    #[test]
    fn space_does_not_overflow() {
        assert_eq!(want_space(0, usize::MAX, usize::MAX), Some(0));
        assert_eq!(want_space(ANC_RIGHTS, usize::MAX, 0), want_space(ANC_RIGHTS, ANC_FDS_MAX, 0));
        for short in 0..200 {
            let all = want_space(KNOWN_FACTS, ANC_FDS_MAX, usize::MAX - short);
            assert_eq!(all, None);
        }
        assert_eq!(want_space(1 << 22, 0, 0), None);
    }
}
