//! FreeBSD. Numbers: sys/socket.h, sys/un.h, netinet/in.h; held against these headers by
//! `make check-platforms`. Received: sys/kern/uipc_usrreq.c, sys/kern/uipc_socket.c, ip_savecontrol of
//! sys/netinet/ip_input.c, ip6_savecontrol of sys/netinet6/ip6_input.c; sent: unp_internalize, udp_send.

use core::ffi::c_int;
use core::mem::{offset_of, size_of};

use super::bsd::{self, IP, IP_RECVDSTADDR, TIMEVAL};
use super::cmsgcred::{self, CMSGCRED, SCM_CREDS};
use super::{Kind, Puts, both, kame, put, received, sent, shapes};
use crate::abi::{ANC_CREDENTIALS, ANC_DEST, ANC_ORIGINAL, ANC_RIGHTS, ANC_TIME, ANC_TOS, ANC_TTL, anc_info, anc_time};
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{Clock, How, RAW, RAW6, UDP, UDP6, UNIX, Want, switched};
use crate::sys::{SCM_RIGHTS, SOL_SOCKET};

pub(in crate::cmsg) use super::bsd::source_v4;
pub(in crate::cmsg) use super::cmsgcred::credentials;
pub(in crate::cmsg) use super::kame::source_v6;
pub(in crate::cmsg) use super::lacking::usual;
pub(crate) use super::one_form as stamps;

const LEVEL: c_int = SOL_SOCKET;

/// `struct timeval`: arrival in microseconds. SO_TIMESTAMP. FreeBSD 2.2.
const SCM_TIMESTAMP: c_int = 0x02;
/// `struct bintime`. SO_BINTIME, or SO_TS_CLOCK with SO_TS_BINTIME. FreeBSD 6.
const SCM_BINTIME: c_int = 0x04;
/// `struct timespec`. SO_TS_CLOCK with SO_TS_REALTIME. FreeBSD 12, as the two below.
const SCM_REALTIME: c_int = 0x05;
/// `struct timespec`, since some point in the past. SO_TS_CLOCK with SO_TS_MONOTONIC.
const SCM_MONOTONIC: c_int = 0x06;
/// `struct sock_timestamp_info`: whether the device has stamped.
const SCM_TIME_INFO: c_int = 0x07;
/// `struct sockcred2`. LOCAL_CREDS_PERSISTENT. FreeBSD 13.
const SCM_CREDS2: c_int = 0x08;

/// `struct sockaddr_dl` of the interface.
const IP_RECVIF: c_int = 20;
/// `struct sockaddr_in`: where a datagram was sent to before it was redirected. FreeBSD 14.
const IP_ORIGDSTADDR: c_int = 27;
/// One byte, sent. FreeBSD 12.
const IP_TOS: c_int = 3;
/// One byte. FreeBSD 5.
const IP_RECVTTL: c_int = 65;
/// One byte. FreeBSD 9.
const IP_RECVTOS: c_int = 68;
/// u32. IP_RECVFLOWID, which brings both. FreeBSD 11.
const IP_FLOWID: c_int = 90;
const IP_FLOWTYPE: c_int = 91;
/// u32. IP_RECVRSSBUCKETID. FreeBSD 11.
const IP_RSSBUCKETID: c_int = 92;

pub(super) const IPV6_RECVPKTINFO: c_int = 36;
pub(super) const IPV6_RECVTCLASS: c_int = 57;
pub(super) const IPV6_TCLASS: c_int = 61;

const TIMESPEC: usize = size_of::<libc::timespec>();
/// `struct bintime`: seconds, and a fraction of one in 64 bits.
const BINTIME: usize = size_of::<Bintime>();
#[repr(C)]
struct Bintime {
    sec: libc::time_t,
    frac: u64,
}

/// `struct sockcred2`, with as many groups as it says.
#[repr(C)]
struct Sockcred2 {
    version: i32,
    pid: i32,
    uid: u32,
    euid: u32,
    gid: u32,
    egid: u32,
    ngroups: i32,
    groups: [u32; 1],
}
const SOCKCRED2: usize = offset_of!(Sockcred2, groups);
/// `struct sockaddr_in`.
const SOCKADDR_IN: usize = 16;
/// `struct sockaddr_dl`; what the kernel sends may be shorter, but has the index.
const SOCKADDR_DL: usize = 54;

const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", TIMEVAL),
    both(LEVEL, SCM_CREDS, c"SCM_CREDS", 24),
    received(LEVEL, SCM_CREDS2, c"SCM_CREDS2", SOCKCRED2),
    received(LEVEL, SCM_BINTIME, c"SCM_BINTIME", BINTIME),
    received(LEVEL, SCM_REALTIME, c"SCM_REALTIME", TIMESPEC),
    received(LEVEL, SCM_MONOTONIC, c"SCM_MONOTONIC", TIMESPEC),
    received(LEVEL, SCM_TIME_INFO, c"SCM_TIME_INFO", 64),
];

const IP_KINDS: &[Kind] = &[
    both(IP, IP_RECVDSTADDR, c"IP_RECVDSTADDR", 4),
    received(IP, IP_RECVIF, c"IP_RECVIF", 4),
    received(IP, IP_RECVTTL, c"IP_RECVTTL", 1),
    received(IP, IP_RECVTOS, c"IP_RECVTOS", 1),
    received(IP, IP_ORIGDSTADDR, c"IP_ORIGDSTADDR", SOCKADDR_IN),
    sent(IP, IP_TOS, c"IP_TOS", 1),
    both(IP, IP_FLOWID, c"IP_FLOWID", 4),
    both(IP, IP_FLOWTYPE, c"IP_FLOWTYPE", 4),
    both(IP, IP_RSSBUCKETID, c"IP_RSSBUCKETID", 4),
];

pub(super) static LEVELS: [(c_int, &[Kind]); 3] = [(LEVEL, KINDS), (IP, IP_KINDS), (kame::LEVEL, kame::KINDS)];

const LOCAL_CREDS_PERSISTENT: c_int = 3;
const SO_TIMESTAMP: c_int = 0x0400;
const SO_TS_CLOCK: c_int = 0x1017;
const SO_TS_REALTIME: c_int = 2;
const SO_TS_MONOTONIC: c_int = 3;

/// Of its four settings three tell the time of day; what a socket was asked for stays.
pub(crate) const CLOCK: Option<Clock> =
    Some(Clock { option: SO_TS_CLOCK, realtime: SO_TS_REALTIME, monotonic: SO_TS_MONOTONIC });

const DATAGRAMS: u16 = UDP | RAW;

/// The room of credentials is that of all groups that a process can have.
static OWN: [Want; 8] = [
    Want { fact: ANC_RIGHTS, sockets: UNIX, level: LEVEL, option: 0, how: How::Always, payloads: [0, 0] },
    switched(ANC_CREDENTIALS, UNIX, IP, LOCAL_CREDS_PERSISTENT, SOCKCRED2 as u16 + 4 * 1024),
    Want {
        fact: ANC_TIME,
        sockets: DATAGRAMS | UDP6 | RAW6,
        level: LEVEL,
        option: SO_TIMESTAMP,
        how: How::Clocked,
        payloads: [BINTIME as u16, 64],
    },
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVDSTADDR, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_DEST, DATAGRAMS, IP, IP_RECVIF, 4 + SOCKADDR_DL as u16 + 24),
    switched(ANC_TTL, DATAGRAMS, IP, IP_RECVTTL, 1),
    switched(ANC_TOS, DATAGRAMS, IP, IP_RECVTOS, 1),
    switched(ANC_ORIGINAL, DATAGRAMS, IP, IP_ORIGDSTADDR, SOCKADDR_IN as u16),
];

pub(in crate::cmsg) static WANTS: [&[Want]; 2] = [&OWN, kame::WANTS];

pub(in crate::cmsg) const PUTS: Puts =
    Puts { tos: [put(IP, IP_TOS, 1), put(kame::LEVEL, IPV6_TCLASS, 4)], ..kame::PUTS };

/// What a message says.
pub(in crate::cmsg) fn decode(level: c_int, kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match (level, kind) {
        (LEVEL, SCM_RIGHTS) => return Some((shapes::rights(payload, info), true)),
        (LEVEL, SCM_CREDS) => return unless_sockcred(payload, info),
        (LEVEL, SCM_CREDS2) => return sockcred2(payload, info),
        (LEVEL, SCM_TIMESTAMP) => (ANC_TIME, bsd::timeval(payload).map(|time| info.time = time)),
        (LEVEL, SCM_REALTIME) => (ANC_TIME, bsd::timespec(payload).map(|time| info.time = time)),
        (LEVEL, SCM_BINTIME) => (ANC_TIME, bintime(payload).map(|time| info.time = time)),
        (IP, IP_RECVDSTADDR) => (ANC_DEST, bsd::address(payload).map(|dest| info.dest = dest)),
        (IP, IP_RECVIF) if info.present & ANC_DEST != 0 => {
            (ANC_DEST, bsd::interface(payload).map(|index| info.dest.ifindex = index))
        }
        (IP, IP_RECVTTL) => (ANC_TTL, bsd::octet(payload).map(|ttl| info.ttl = ttl)),
        (IP, IP_RECVTOS) => (ANC_TOS, bsd::octet(payload).map(|tos| info.tos = tos)),
        (IP, IP_ORIGDSTADDR) => (ANC_ORIGINAL, shapes::original::<SOCKADDR_IN>(payload, info)),
        (kame::LEVEL, _) => return kame::decode(kind, payload, info),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

fn bintime(payload: Payload<'_>) -> Option<anc_time> {
    let (sec, frac): (libc::time_t, u64) = (payload.at(0)?, payload.at(offset_of!(Bintime, frac))?);
    let nsec = (frac >> 32).wrapping_mul(1_000_000_000) >> 32;
    bsd::time(sec as i64, nsec as i64)
}

/// LOCAL_CREDS brings `struct sockcred` under the same number: another struct, which is as long if it has 16
/// groups. So what says that it has 16 of them may be either, and is not decoded.
fn unless_sockcred(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let is_cmsgcred = payload.len() == CMSGCRED && cmsgcred::groups(payload)? != 16;
    if is_cmsgcred { cmsgcred::decode(payload, info) } else { None }
}

/// The effective user and group, of a sender who was not asked.
fn sockcred2(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let fields = || {
        payload.from(SOCKCRED2)?;
        let (pid, uid) = (payload.at(offset_of!(Sockcred2, pid))?, payload.at(offset_of!(Sockcred2, euid))?);
        Some((pid, uid, payload.at(offset_of!(Sockcred2, egid))?))
    };
    bsd::credentials(fields(), info)
}
