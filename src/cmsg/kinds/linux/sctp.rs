//! IPPROTO_SCTP, which is SOL_SCTP: SCTP over IPv4 and IPv6. Numbers and structs: linux/sctp.h (RFC
//! 6458, 5.3). Sent: net/sctp/socket.c, sctp_msghdr_parse, with these very lengths; received:
//! net/sctp/ulpevent.c.

use core::ffi::c_int;

use super::{Kind, both, received, sent};

pub(crate) const LEVEL: c_int = 132;

/// `struct sctp_initmsg`. Linux 2.6.
pub(crate) const SCTP_INIT: c_int = 0;
/// `struct sctp_sndrcvinfo`. SCTP_EVENTS (sctp_data_io_event). Linux 2.6.
pub(crate) const SCTP_SNDRCV: c_int = 1;
/// `struct sctp_sndinfo`. Linux 3.17.
pub(crate) const SCTP_SNDINFO: c_int = 2;
/// `struct sctp_rcvinfo`. SCTP_RECVRCVINFO. Linux 3.17.
pub(crate) const SCTP_RCVINFO: c_int = 3;
/// `struct sctp_nxtinfo`. SCTP_RECVNXTINFO. Linux 3.17.
pub(crate) const SCTP_NXTINFO: c_int = 4;
/// `struct sctp_prinfo`. Linux 4.17.
pub(crate) const SCTP_PRINFO: c_int = 5;
/// `struct sctp_authinfo`. Linux 4.17.
pub(crate) const SCTP_AUTHINFO: c_int = 6;
/// `struct in_addr`, one address of several. Linux 4.17.
pub(crate) const SCTP_DSTADDRV4: c_int = 7;
/// `struct in6_addr`, one address of several. Linux 4.17.
pub(crate) const SCTP_DSTADDRV6: c_int = 8;

pub(super) const KINDS: &[Kind] = &[
    received(LEVEL, SCTP_RCVINFO, c"SCTP_RCVINFO", 28),
    sent(LEVEL, SCTP_SNDINFO, c"SCTP_SNDINFO", 16),
    both(LEVEL, SCTP_SNDRCV, c"SCTP_SNDRCV", 32),
    received(LEVEL, SCTP_NXTINFO, c"SCTP_NXTINFO", 16),
    sent(LEVEL, SCTP_INIT, c"SCTP_INIT", 8),
    sent(LEVEL, SCTP_PRINFO, c"SCTP_PRINFO", 8),
    sent(LEVEL, SCTP_AUTHINFO, c"SCTP_AUTHINFO", 2),
    sent(LEVEL, SCTP_DSTADDRV4, c"SCTP_DSTADDRV4", 4),
    sent(LEVEL, SCTP_DSTADDRV6, c"SCTP_DSTADDRV6", 16),
];
