//! Section 7: the peer of a Unix socket.

use core::ffi::{c_char, c_int, c_uint};
use core::mem::size_of;
use core::ptr::NonNull;

use super::convert::{answer, slots, status};
use crate::abi::{ANC_PEER_CREDENTIALS, ANC_PEER_PIDFD, anc_peer};
use crate::errno::{Errno, Result};
use crate::{socket, sys};
use libc::gid_t;

/// Tells who is at the other end of the AF_UNIX socket `sock`, a connected one: `p`, `size` bytes, gets
/// pid, uid and gid, and with ANC_PEER_PIDFD a pidfd, close-on-exec, which is the caller's.
///
/// They are those of the process that called connect, listen or socketpair, at that moment. Since then it
/// may have ended, changed its user, or left the socket to another process, which speaks in its place.
///
/// Look at present before pidfd: a kernel before 6.5 has none, and the call succeeds without. A pid alone
/// may be another process by now; anc_pidfd_matches tells.
///
/// flags: ANC_PEER_PIDFD; ANC_PEER_CREDENTIALS is always understood.
///
/// Returns 0, or -1 and errno, with present 0 and pidfd -1: ENODATA: no peer, or none that the caller can
/// name: an unconnected or listening socket, one of another family, a process that the caller's PID
/// namespace does not show (the kernel reports pid 0). EMFILE: no free descriptor for the pidfd. ESRCH:
/// the process has ended and was waited for (before Linux 6.16). EINVAL: an unknown flag; a size that no
/// version of the struct has had, and then nothing is written. EFAULT: p is NULL. EBADF, ENOTSOCK.
///
/// # Safety
/// `p` must be NULL or writable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_peer(sock: c_int, p: *mut anc_peer, size: usize, flags: c_uint) -> c_int {
    // SAFETY: the caller's pointer.
    status(unsafe { peer(sock, p, size, flags) })
}

/// Writes the security label of the peer of `sock` to `buf`, which has room for *len bytes, always with a
/// NUL behind it. Which label that is, is the security module's business; AF_UNIX, and internet sockets
/// where the module labels them.
///
/// Returns 0 with the length in *len, the NUL not counted; or -1 and errno, with an empty string in buf and
/// *len 0, but for ERANGE: *len bytes are room enough, the NUL counted. ENOPROTOOPT: no security module
/// labels this socket. EFAULT: len is NULL, or buf with a length. EBADF, ENOTSOCK.
///
/// *len 0 asks for the room.
///
/// # Safety
/// The pointers must be NULL or valid, buf for *len bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_peer_label(sock: c_int, buf: *mut c_char, len: *mut usize) -> c_int {
    // SAFETY: the caller's pointers.
    status(unsafe { label(sock, buf, len) })
}

/// Writes the supplementary groups of the peer of the AF_UNIX socket `sock` to `groups`, which has *n
/// slots. Those of the same moment as anc_peer's gid, which need not be among them.
///
/// Returns 0 with their number in *n; or -1 and errno, with *n 0, but for ERANGE: they need *n slots, and
/// none was written. ENODATA: no peer, as for anc_peer, but the PID namespace does not matter. ENOPROTOOPT:
/// before Linux 4.13. EFAULT: n is NULL, or groups with a number. EBADF, ENOTSOCK.
///
/// *n 0 asks for the number: 0 if there are none, ERANGE if there are any.
///
/// # Safety
/// The pointers must be NULL or valid, groups for *n gid_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_peer_groups(sock: c_int, groups: *mut gid_t, n: *mut usize) -> c_int {
    // SAFETY: the caller's pointers.
    status(unsafe { self::groups(sock, groups, n) })
}

/// Writes to `token`, eight words, the audit token of the process that used the other end of the AF_UNIX
/// socket `sock` last: the val of an audit_token_t, by which macOS's Security framework checks what program
/// it runs. A pid is no substitute: it may be another process by then.
///
/// Returns 0, or -1 and errno, with eight zeros in token: ENOPROTOOPT: the system has no such thing; only
/// macOS and its relatives have. ENODATA: no peer, as for anc_peer. EFAULT: token is NULL. EBADF, ENOTSOCK.
///
/// # Safety
/// `token` must be NULL or writable for eight words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_peer_token(sock: c_int, token: *mut u32) -> c_int {
    // SAFETY: the caller's pointer.
    status(unsafe { self::token(sock, token) })
}

/// Tells whether `pid` is still the number of the process that `pidfd` refers to. First look up what is
/// needed by the number, in /proc/PID or elsewhere, then ask: 1 proves that it was this process's all
/// the time.
///
/// The number is the one that /proc shows; where there is no /proc, that of the caller's PID namespace.
///
/// Returns 1; 0: the process has ended and was waited for, so that its number may be another's; or it has
/// another number, or none here; or -1 and errno: EBADF: not a pidfd. EINVAL: pid is not positive, or Linux
/// before 5.4. EMFILE: no free descriptor to read /proc with. ENOENT: no /proc, before Linux 6.13, or one
/// that does not show the caller. EACCES: the caller is not dumpable (prctl), on older kernels.
///
/// A process that has ended keeps its number until it is waited for: still 1.
#[unsafe(no_mangle)]
pub extern "C" fn anc_pidfd_matches(pidfd: c_int, pid: i32) -> c_int {
    let matches = if pid > 0 { sys::process_number(pidfd).map(|number| number == pid) } else { Err(Errno::EINVAL) };
    answer(matches)
}

/// # Safety
/// As for anc_peer.
unsafe fn peer(sock: c_int, p: *mut anc_peer, size: usize, flags: c_uint) -> Result<()> {
    if size < size_of::<anc_peer>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's pointer; p is as large as `size` says.
    let p = unsafe { p.as_mut() }.ok_or(Errno::EFAULT)?;
    p.present = 0;
    p.pidfd = -1;
    if flags & !(ANC_PEER_CREDENTIALS | ANC_PEER_PIDFD) != 0 {
        return Err(Errno::EINVAL);
    }
    let credentials = socket::peer_credentials(sock)?;
    let pidfd = if flags & ANC_PEER_PIDFD != 0 { socket::peer_pidfd(sock)? } else { None };
    *p = anc_peer {
        present: ANC_PEER_CREDENTIALS | if pidfd.is_some() { ANC_PEER_PIDFD } else { 0 },
        pid: credentials.pid,
        uid: credentials.uid,
        gid: credentials.gid,
        pidfd: pidfd.unwrap_or(-1),
    };
    Ok(())
}

/// # Safety
/// As for anc_peer_label.
unsafe fn label(sock: c_int, buf: *mut c_char, len: *mut usize) -> Result<()> {
    // SAFETY: the caller's pointer.
    let len = unsafe { len.as_mut() }.ok_or(Errno::EFAULT)?;
    let room = core::mem::take(len);
    // SAFETY: the caller's pointer, of so many bytes.
    socket::peer_label(sock, unsafe { slots(buf.cast(), room) }?, len)
}

/// # Safety
/// As for anc_peer_token.
unsafe fn token(sock: c_int, token: *mut u32) -> Result<()> {
    let token = NonNull::new(token.cast::<[u32; 8]>()).ok_or(Errno::EFAULT)?;
    let asked = socket::peer_token(sock);
    // SAFETY: the caller's pointer, of eight words.
    unsafe { token.write(asked.unwrap_or([0; 8])) };
    asked.map(drop)
}

/// # Safety
/// As for anc_peer_groups.
unsafe fn groups(sock: c_int, groups: *mut gid_t, n: *mut usize) -> Result<()> {
    // SAFETY: the caller's pointer.
    let n = unsafe { n.as_mut() }.ok_or(Errno::EFAULT)?;
    let room = core::mem::take(n);
    // SAFETY: the caller's pointer, of so many slots.
    socket::peer_groups(sock, unsafe { slots(groups, room) }?, n)
}
