//! What a control message can tell.

use super::set::set;
use crate::abi;
use crate::cmsg;

set! {
    /// Facts that control messages tell, whatever the family and the option that brings them.
    ///
    /// ```
    /// use ancillary::Facts;
    ///
    /// let asked = Facts::CREDENTIALS | Facts::PIDFD;
    /// assert!(asked.contains(Facts::PIDFD) && !asked.intersects(Facts::TTL));
    /// assert_eq!(asked - Facts::PIDFD, Facts::CREDENTIALS);
    /// assert_eq!(format!("{asked:?}"), "CREDENTIALS | PIDFD");
    /// ```
    Facts(u64) {
        /// Descriptors: SCM_RIGHTS.
        RIGHTS = abi::ANC_RIGHTS;
        /// The sender's process, user and group: SCM_CREDENTIALS.
        CREDENTIALS = abi::ANC_CREDENTIALS;
        /// A descriptor of the sender's process: SCM_PIDFD.
        PIDFD = abi::ANC_PIDFD;
        /// The sender's security label: SCM_SECURITY.
        LABEL = abi::ANC_LABEL;
        /// When it arrived.
        TIME = abi::ANC_TIME;
        /// Stamps of the system's and the device's clock: SCM_TIMESTAMPING.
        TIMESTAMPING = abi::ANC_TIMESTAMPING;
        /// Which send a transmit stamp belongs to.
        TIME_ID = abi::ANC_TIME_ID;
        /// The device that stamped it: SCM_TIMESTAMPING_PKTINFO.
        TIME_PKTINFO = abi::ANC_TIME_PKTINFO;
        /// Where the datagram was sent to: IP_PKTINFO, IPV6_PKTINFO.
        DEST = abi::ANC_DEST;
        /// The same before it was redirected: IP_ORIGDSTADDR, IPV6_ORIGDSTADDR.
        ORIGINAL = abi::ANC_ORIGINAL;
        /// The time to live or hop limit.
        TTL = abi::ANC_TTL;
        /// The type of service or traffic class.
        TOS = abi::ANC_TOS;
        /// The size of datagrams that were joined: UDP_GRO.
        SEGMENT = abi::ANC_SEGMENT;
        /// How many messages were lost: SO_RXQ_OVFL.
        DROPS = abi::ANC_DROPS;
        /// ICMP errors, zero-copy completions, transmit stamps: IP_RECVERR, IPV6_RECVERR.
        ERROR = abi::ANC_ERROR;
        /// The packet's mark.
        MARK = abi::ANC_MARK;
        /// The packet's priority.
        PRIORITY = abi::ANC_PRIORITY;
        /// Bytes that wait after this read: SCM_INQ, TCP_CM_INQ.
        INQ = abi::ANC_INQ;
        /// The type of a TLS record.
        TLS_RECORD = abi::ANC_TLS_RECORD;
        /// The VLAN tag: PACKET_AUXDATA.
        AUXDATA = abi::ANC_AUXDATA;
        /// The size of the largest fragment.
        FRAGSIZE = abi::ANC_FRAGSIZE;
        /// Flow label and traffic class: IPV6_FLOWINFO.
        FLOWINFO = abi::ANC_FLOWINFO;
    }
}

/// The room that the control messages of one message can take if it brings all of these facts, with
/// `max_fds` descriptors and a label of `max_label` bytes: `anc_want_space`. None where it does not fit,
/// or a bit has no name.
///
/// ```
/// use ancillary::{Facts, fds_space, want_space};
///
/// assert_eq!(want_space(Facts::RIGHTS, 3, 0), Some(fds_space(3)));
/// assert!(want_space(Facts::RIGHTS | Facts::CREDENTIALS, 3, 0) > Some(fds_space(3)));
/// ```
pub fn want_space(facts: Facts, max_fds: usize, max_label: usize) -> Option<usize> {
    cmsg::want_space(facts.bits(), max_fds, max_label)
}

/// The room that `count` descriptors take as one control message, as a constant for an array's length.
/// `usize::MAX` where it does not fit, which no array has.
///
/// ```
/// use std::mem::MaybeUninit;
///
/// let space = [MaybeUninit::<u8>::uninit(); ancillary::fds_space(1)];
/// assert_eq!(space.len(), 24); // of a 64-bit system
/// ```
pub const fn fds_space(count: usize) -> usize {
    match cmsg::fds_space(count) {
        Some(space) => space,
        None => usize::MAX,
    }
}

/// The room that a payload of `len` bytes takes as a control message: `CMSG_SPACE`. `usize::MAX` where it
/// does not fit.
///
/// ```
/// use ancillary::{fds_space, space};
///
/// // A descriptor and credentials.
/// const ROOM: usize = fds_space(1) + space(12);
/// assert_eq!(ROOM, 24 + 32); // of a 64-bit system
/// ```
pub const fn space(len: usize) -> usize {
    match cmsg::space(len) {
        Some(space) => space,
        None => usize::MAX,
    }
}
