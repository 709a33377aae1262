//! SOL_SOCKET: what any family may have.
//!
//! Numbers: linux/socket.h for the first four, asm/socket.h for the rest. Of the architectures that
//! Rust knows, only SPARC numbers the latter differently (PA-RISC does too).

use core::ffi::{c_int, c_long};
use core::mem::size_of;

use super::{Kind, both, received, sent};
use crate::abi::{
    ANC_CREDENTIALS, ANC_DROPS, ANC_INQ, ANC_LABEL, ANC_MARK, ANC_PIDFD, ANC_PRIORITY, ANC_RIGHTS, ANC_TIME,
    ANC_TIME_PKTINFO, ANC_TIMESTAMPING, anc_info, anc_time,
};
use crate::cmsg::kinds::shapes;
use crate::cmsg::payload::{Fact, Payload};
use crate::cmsg::want::{
    How, INT, NETLINK, PACKET, PING, PING6, RAW, RAW6, Sockets, TCP, TCP6, UDP, UDP6, UNIX, UNIX_MESSAGES, UNIX_STREAM,
    Want, switched,
};

pub(crate) const LEVEL: c_int = crate::sys::SOL_SOCKET;

const fn number(generic: c_int, sparc: c_int) -> c_int {
    if cfg!(any(target_arch = "sparc", target_arch = "sparc64")) { sparc } else { generic }
}

/// Two words of the time stamps that came before Linux 5.1: `struct __kernel_old_timeval` and
/// `__kernel_old_timespec`. x32 has 64-bit ones.
const OLD_TIME: usize = if cfg!(target_arch = "x86_64") { 16 } else { 2 * size_of::<c_long>() };
/// The same since Linux 5.1, for every architecture: `struct __kernel_timespec`, `__kernel_sock_timeval`.
const NEW_TIME: usize = 16;

/// SCM_RIGHTS: descriptors, as ints. AF_UNIX. Linux 2.2, net/core/scm.c.
/// SCM_CREDENTIALS: `struct ucred`. SO_PASSCRED; AF_UNIX, netlink. Linux 2.2, include/net/scm.h.
pub(crate) use crate::sys::{SCM_CREDENTIALS, SCM_RIGHTS};
/// A descriptor of the sender's process, or a negative errno. SO_PASSPIDFD; AF_UNIX. Linux 6.5,
/// include/net/scm.h.
pub(crate) const SCM_PIDFD: c_int = crate::sys::SCM_PIDFD.unwrap();
/// The label of a security module, of any length. SO_PASSSEC; AF_UNIX. Linux 2.6.18, include/net/scm.h.
pub(crate) const SCM_SECURITY: c_int = 0x03;

/// Arrival in microseconds. SO_TIMESTAMP, as SO_TIMESTAMP_OLD. Linux 2.2, net/socket.c.
pub(crate) const SCM_TIMESTAMP: c_int = number(29, 0x1d);
/// The same in nanoseconds. SO_TIMESTAMPNS, as SO_TIMESTAMPNS_OLD. Linux 2.6.22, net/socket.c.
pub(crate) const SCM_TIMESTAMPNS: c_int = number(35, 0x21);
/// Three stamps: software, nothing, hardware; sent: a u32 of SOF_TIMESTAMPING_TX_ flags (Linux 4.6).
/// SO_TIMESTAMPING, as SO_TIMESTAMPING_OLD. Linux 2.6.30, net/core/scm.c.
pub(crate) const SCM_TIMESTAMPING: c_int = number(37, 0x23);
/// The forms with 64-bit time on every architecture. The option of the same name. Linux 5.1,
/// net/socket.c. On 32-bit, a C library with 64-bit time calls this one SCM_TIMESTAMP.
pub(crate) const SO_TIMESTAMP_NEW: c_int = number(63, 0x46);
/// As SO_TIMESTAMP_NEW.
pub(crate) const SO_TIMESTAMPNS_NEW: c_int = number(64, 0x42);
/// As SO_TIMESTAMP_NEW; sent as SCM_TIMESTAMPING is.
pub(crate) const SO_TIMESTAMPING_NEW: c_int = number(65, 0x43);
/// Attributes (`struct nlattr`) of a TCP connection when data was acknowledged.
/// SOF_TIMESTAMPING_OPT_STATS; error queue. Linux 4.10, net/socket.c.
pub(crate) const SCM_TIMESTAMPING_OPT_STATS: c_int = number(54, 0x38);
/// `struct scm_ts_pktinfo`: the device of a hardware stamp. SOF_TIMESTAMPING_OPT_PKTINFO. Linux
/// 4.13, net/socket.c.
pub(crate) const SCM_TIMESTAMPING_PKTINFO: c_int = number(58, 0x3c);
/// When to transmit, u64 nanoseconds. SO_TXTIME; UDP, packet, CAN. Linux 4.19, net/core/sock.c.
pub(crate) const SCM_TXTIME: c_int = number(61, 0x3f);
/// The u32 that the stamp of this send is to carry. SOF_TIMESTAMPING_OPT_ID. Linux 6.13,
/// net/core/sock.c.
pub(crate) const SCM_TS_OPT_ID: c_int = number(81, 0x5a);

/// Messages dropped so far, u32; only once there are some. SO_RXQ_OVFL. Linux 2.6.33, net/socket.c.
pub(crate) const SO_RXQ_OVFL: c_int = number(40, 0x24);
/// The packet's mark, u32. SO_RCVMARK. Linux 5.19, net/socket.c; sent: net/core/sock.c, Linux 4.4.
pub(crate) const SO_MARK: c_int = number(36, 0x22);
/// The packet's priority, u32. SO_RCVPRIORITY. Linux 6.14, net/socket.c, net/core/sock.c.
pub(crate) const SO_PRIORITY: c_int = 12;
/// Bytes that wait after this read, int. SO_INQ; AF_UNIX streams. Linux 6.17, net/unix/af_unix.c.
pub(crate) const SCM_INQ: c_int = number(84, 0x5d);
/// Whether a frame was acknowledged, int. SO_WIFI_STATUS; error queue. Linux 3.3, net/socket.c.
pub(crate) const SCM_WIFI_STATUS: c_int = number(41, 0x25);
/// `struct dmabuf_cmsg`: bytes that were copied. MSG_SOCK_DEVMEM; TCP. Linux 6.12, net/ipv4/tcp.c.
pub(crate) const SCM_DEVMEM_LINEAR: c_int = number(78, 0x57);
/// `struct dmabuf_cmsg`: bytes that lie in device memory; sent: u32, the memory's number (Linux
/// 6.16, net/core/sock.c). MSG_SOCK_DEVMEM; TCP. Linux 6.12, net/ipv4/tcp.c.
pub(crate) const SCM_DEVMEM_DMABUF: c_int = number(79, 0x58);

pub(super) const KINDS: &[Kind] = &[
    both(LEVEL, SCM_RIGHTS, c"SCM_RIGHTS", size_of::<c_int>()),
    both(LEVEL, SCM_CREDENTIALS, c"SCM_CREDENTIALS", 12),
    received(LEVEL, SCM_PIDFD, c"SCM_PIDFD", size_of::<c_int>()),
    received(LEVEL, SCM_SECURITY, c"SCM_SECURITY", 0),
    received(LEVEL, SCM_TIMESTAMP, c"SCM_TIMESTAMP", OLD_TIME),
    received(LEVEL, SCM_TIMESTAMPNS, c"SCM_TIMESTAMPNS", OLD_TIME),
    both(LEVEL, SCM_TIMESTAMPING, c"SCM_TIMESTAMPING", 3 * OLD_TIME),
    received(LEVEL, SO_TIMESTAMP_NEW, c"SO_TIMESTAMP_NEW", NEW_TIME),
    received(LEVEL, SO_TIMESTAMPNS_NEW, c"SO_TIMESTAMPNS_NEW", NEW_TIME),
    both(LEVEL, SO_TIMESTAMPING_NEW, c"SO_TIMESTAMPING_NEW", 3 * NEW_TIME),
    received(LEVEL, SO_RXQ_OVFL, c"SO_RXQ_OVFL", 4),
    both(LEVEL, SO_MARK, c"SO_MARK", 4),
    both(LEVEL, SO_PRIORITY, c"SO_PRIORITY", 4),
    received(LEVEL, SCM_INQ, c"SCM_INQ", 4),
    sent(LEVEL, SCM_TXTIME, c"SCM_TXTIME", 8),
    sent(LEVEL, SCM_TS_OPT_ID, c"SCM_TS_OPT_ID", 4),
    received(LEVEL, SCM_TIMESTAMPING_OPT_STATS, c"SCM_TIMESTAMPING_OPT_STATS", 4),
    received(LEVEL, SCM_TIMESTAMPING_PKTINFO, c"SCM_TIMESTAMPING_PKTINFO", 16),
    received(LEVEL, SCM_WIFI_STATUS, c"SCM_WIFI_STATUS", 4),
    received(LEVEL, SCM_DEVMEM_LINEAR, c"SCM_DEVMEM_LINEAR", 24),
    both(LEVEL, SCM_DEVMEM_DMABUF, c"SCM_DEVMEM_DMABUF", 24),
];

/// SO_PASSCRED, SO_PASSSEC and SO_PASSPIDFD, which the message's constant names.
pub(crate) const SO_PASSCRED: c_int = libc::SO_PASSCRED;
pub(crate) const SO_PASSSEC: c_int = number(34, 0x1f);
pub(crate) const SO_PASSPIDFD: c_int = number(76, 0x55);
/// On from the start. Linux 6.16; before that descriptors come always.
pub(crate) const SO_PASSRIGHTS: c_int = crate::sys::SO_PASSRIGHTS.unwrap();
/// Those that bring SO_MARK and SO_PRIORITY.
pub(crate) const SO_RCVMARK: c_int = number(75, 0x54);
pub(crate) const SO_RCVPRIORITY: c_int = number(82, 0x5b);

/// Whether the old stamps are as wide as the new ones.
pub(crate) const OLD_IS_WIDE: bool = OLD_TIME == NEW_TIME;
/// One stamp; or two, where glibc appends a wide one to a narrow one of the kernel's.
const ARRIVAL: [u16; 2] = if OLD_IS_WIDE { [NEW_TIME as u16, 0] } else { [OLD_TIME as u16, NEW_TIME as u16] };
/// All of these are accepted by every socket. Unix streams and netlink bring no stamps, ping sockets
/// nothing but stamps.
const TIMED: Sockets = STAMPED | UNIX_MESSAGES;
const STAMPED: Sockets = COUNTED | PING | PING6 | TCP | TCP6;
const COUNTED: Sockets = UDP | UDP6 | RAW | RAW6 | PACKET;

const fn form(option: c_int) -> Want {
    Want { fact: ANC_TIME, sockets: TIMED, level: LEVEL, option, how: How::Form, payloads: ARRIVAL }
}

/// What the flags of SO_TIMESTAMPING bring. The old form reads the flags of either.
pub(super) const fn stamped(fact: u64, sockets: Sockets, payload: u16) -> Want {
    Want { fact, sockets, level: LEVEL, option: SCM_TIMESTAMPING, how: How::Stamped, payloads: [payload, 0] }
}

/// SO_TIMESTAMP_NEW reads as on with SO_TIMESTAMPNS_NEW, too.
pub(super) const WANTS: &[Want] = &[
    Want {
        fact: ANC_RIGHTS,
        sockets: UNIX,
        level: LEVEL,
        option: SO_PASSRIGHTS,
        how: How::FromTheStart,
        payloads: [0, 0],
    },
    switched(ANC_CREDENTIALS, UNIX | NETLINK, LEVEL, SO_PASSCRED, 12),
    switched(ANC_PIDFD, UNIX, LEVEL, SO_PASSPIDFD, INT),
    switched(ANC_LABEL, UNIX | NETLINK, LEVEL, SO_PASSSEC, 0),
    form(SCM_TIMESTAMPNS),
    form(SO_TIMESTAMPNS_NEW),
    form(SCM_TIMESTAMP),
    form(SO_TIMESTAMP_NEW),
    stamped(ANC_TIMESTAMPING, STAMPED, 3 * NEW_TIME as u16),
    stamped(ANC_TIME_PKTINFO, STAMPED, 16),
    switched(ANC_DROPS, COUNTED, LEVEL, SO_RXQ_OVFL, INT),
    switched(ANC_MARK, COUNTED, LEVEL, SO_RCVMARK, INT),
    switched(ANC_PRIORITY, COUNTED, LEVEL, SO_RCVPRIORITY, INT),
    Want {
        fact: ANC_INQ,
        sockets: UNIX_STREAM,
        level: LEVEL,
        option: SCM_INQ,
        how: How::Blind { refuses: Some(2) },
        payloads: [INT, 0],
    },
];

/// What a message of this level says.
#[inline(always)]
pub(in crate::cmsg) fn decode(kind: c_int, payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let (fact, whole) = match kind {
        SCM_RIGHTS => return Some((rights(payload, info), true)),
        SCM_CREDENTIALS => return credentials(payload, info),
        SCM_PIDFD => return pidfd(payload, info),
        SCM_SECURITY => (ANC_LABEL, super::label(payload, info)),
        SCM_TIMESTAMP | SO_TIMESTAMP_NEW => {
            // With both options on, the finer one counts, whichever comes first.
            if info.present & ANC_TIME != 0 {
                return Some((0, true));
            }
            (ANC_TIME, timeval(payload, kind).map(|time| info.time = time))
        }
        SCM_TIMESTAMPNS | SO_TIMESTAMPNS_NEW => {
            (ANC_TIME, pair(payload, 0, width(kind), 1).map(|time| info.time = time))
        }
        SCM_TIMESTAMPING | SO_TIMESTAMPING_NEW => (ANC_TIMESTAMPING, timestamping(payload, width(kind), info)),
        SCM_TIMESTAMPING_PKTINFO => (ANC_TIME_PKTINFO, timestamping_pktinfo(payload, info)),
        SO_RXQ_OVFL => (ANC_DROPS, payload.at(0).map(|drops| info.drops = drops)),
        SO_MARK => (ANC_MARK, payload.at(0).map(|mark| info.mark = mark)),
        SO_PRIORITY => (ANC_PRIORITY, payload.at(0).map(|priority| info.priority = priority)),
        SCM_INQ => (ANC_INQ, payload.at(0).map(|inq| info.inq = inq)),
        _ => return None,
    };
    Some((fact, whole.is_some()))
}

fn rights(payload: Payload<'_>, info: &mut anc_info) -> u64 {
    // ANC_RIGHTS, where some are there.
    shapes::rights(payload, info)
}

/// SO_PASSCRED switched on after the message was sent gives pid 0 and the overflow uid: nobody's.
fn credentials(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    let Some([pid, uid, gid]) = payload.at::<[u32; 3]>(0) else { return Some((ANC_CREDENTIALS, false)) };
    if pid == 0 {
        return Some((0, true));
    }
    (info.pid, info.uid, info.gid) = (pid as i32, uid, gid);
    Some((ANC_CREDENTIALS, true))
}

/// A negative errno stands in its place where the kernel could not install it; -1 where it was taken.
fn pidfd(payload: Payload<'_>, info: &mut anc_info) -> Fact {
    match payload.at(0) {
        Some(-1) => Some((0, true)),
        Some(fd) if fd >= 0 => {
            info.pidfd = fd;
            Some((ANC_PIDFD, true))
        }
        _ => Some((ANC_PIDFD, false)),
    }
}

/// Bytes of two words of a stamp of this kind.
fn width(kind: c_int) -> usize {
    if matches!(kind, SCM_TIMESTAMP | SCM_TIMESTAMPNS | SCM_TIMESTAMPING) { OLD_TIME } else { NEW_TIME }
}

/// Two words at this index, of so many bytes together, of which the second counts so many nanoseconds a
/// unit.
fn pair(payload: Payload<'_>, index: usize, width: usize, unit: i64) -> Option<anc_time> {
    let at = index.saturating_mul(width);
    let [sec, sub] = if width == NEW_TIME { payload.at(at)? } else { payload.at::<[i32; 2]>(at)?.map(i64::from) };
    time(sec, sub, unit)
}

fn time(sec: i64, sub: i64, unit: i64) -> Option<anc_time> {
    let nsec = u32::try_from(sub.checked_mul(unit)?).ok().filter(|nsec| *nsec < 1_000_000_000)?;
    Some(anc_time { sec, nsec, reserved: 0 })
}

/// Seconds and microseconds. The old form of sparc64 has an int for the latter, and padding behind it.
fn timeval(payload: Payload<'_>, kind: c_int) -> Option<anc_time> {
    if cfg!(target_arch = "sparc64") && kind == SCM_TIMESTAMP {
        return time(payload.at(0)?, payload.at::<i32>(8)?.into(), 1000);
    }
    pair(payload, 0, width(kind), 1000)
}

/// The one in the middle has been empty since Linux 3.17.
fn timestamping(payload: Payload<'_>, width: usize, info: &mut anc_info) -> Option<()> {
    let (software, hardware) = (pair(payload, 0, width, 1)?, pair(payload, 2, width, 1)?);
    (info.software, info.hardware) = (software, hardware);
    Some(())
}

/// `struct scm_ts_pktinfo`: the device, the packet's length, two words for later.
fn timestamping_pktinfo(payload: Payload<'_>, info: &mut anc_info) -> Option<()> {
    let [ifindex, len, _, _]: [u32; 4] = payload.at(0)?;
    (info.time_ifindex, info.time_len) = (ifindex, len);
    Some(())
}
