//! Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made.

use core::ffi::c_int;
use core::mem::{MaybeUninit, size_of, size_of_val};

use crate::errno::{Errno, Result};
use crate::sys::{self, SOL_SOCKET, gid_t, ucred};

/// The peer's process, user and group. ENODATA: none that means anything.
///
/// Where the kernel knows no peer it reports pid 0, uid -1 and success; pid 0 with a good uid where
/// the caller's PID namespace does not show the process.
pub(crate) fn peer_credentials(sock: c_int) -> Result<ucred> {
    let mut peer = ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = size_of::<ucred>();
    // SAFETY: peer is writable, len is its size, and any bytes are a valid one.
    unsafe { sys::option_into(sock, SOL_SOCKET, sys::SO_PEERCRED, (&raw mut peer).cast(), &mut len) }?;
    if peer.pid <= 0 || peer.uid == u32::MAX || len != size_of::<ucred>() {
        return Err(Errno::ENODATA);
    }
    is_of_a_peer(sock).map(|()| peer)
}

/// A new descriptor of the peer's process; None before Linux 6.5. To be asked for once the credentials
/// have shown that there is a peer.
pub(crate) fn peer_pidfd(sock: c_int) -> Result<Option<c_int>> {
    sys::keeping_errno(|| match sys::option(sock, SOL_SOCKET, sys::SO_PEERPIDFD) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Errno::ENOPROTOOPT) => Ok(None),
        // Older kernels have no pidfd for a process that has ended and was waited for.
        Err(Errno::EINVAL) => Err(Errno::ESRCH),
        Err(errno) => Err(errno),
    })
}

/// The label of the peer, with a NUL behind it. len: its bytes; with ERANGE the room that suffices for
/// them and the NUL; else 0. After an error `to` holds an empty string, where it has room.
pub(crate) fn peer_label(sock: c_int, to: &mut [MaybeUninit<u8>], len: &mut usize) -> Result<()> {
    let mut came = to.len();
    // SAFETY: so many bytes are writable.
    let asked = unsafe { sys::option_into(sock, SOL_SOCKET, sys::SO_PEERSEC, to.as_mut_ptr().cast(), &mut came) };
    let result = asked.and_then(|()| {
        // SELinux and Smack end their labels with a NUL and count it, AppArmor does not.
        let last = came.checked_sub(1).and_then(|last| to.get(last));
        // SAFETY: the kernel has written `came` bytes.
        let is_terminated = last.is_some_and(|last| unsafe { last.assume_init() } == 0);
        let bytes = if is_terminated { came.saturating_sub(1) } else { came };
        let end = to.get_mut(bytes).ok_or(Errno::ERANGE)?;
        end.write(0);
        Ok(bytes)
    });
    *len = match result {
        Ok(bytes) => bytes,
        // Whether a label that did not fit has a NUL nobody knows.
        Err(Errno::ERANGE) => came.saturating_add(1),
        Err(_) => 0,
    };
    if let (Err(_), Some(first)) = (result, to.first_mut()) {
        first.write(0);
    }
    result.map(drop)
}

/// The supplementary groups of the peer. n: their number; with ERANGE the slots that they need; else 0.
/// ENODATA: there is no peer.
pub(crate) fn peer_groups(sock: c_int, to: &mut [MaybeUninit<gid_t>], n: &mut usize) -> Result<()> {
    let mut bytes = size_of_val(to);
    // SAFETY: so many bytes are writable.
    let asked = unsafe { sys::option_into(sock, SOL_SOCKET, sys::SO_PEERGROUPS, to.as_mut_ptr().cast(), &mut bytes) };
    let result = match asked {
        Ok(()) | Err(Errno::ERANGE) => is_of_a_peer(sock).and(asked),
        Err(errno) => Err(errno),
    };
    *n = match result {
        Ok(()) | Err(Errno::ERANGE) => bytes / size_of::<gid_t>(),
        Err(_) => 0,
    };
    result
}

/// ENODATA unless what the socket has recorded is somebody else's. A listening socket has the credentials that
/// its own clients are to see, and a Bluetooth socket has those of the process that made it: whoever took
/// them for a peer's would trust everybody as himself. To be asked after the record was read.
fn is_of_a_peer(sock: c_int) -> Result<()> {
    let is_unix = sys::option(sock, SOL_SOCKET, sys::SO_DOMAIN)? == sys::AF_UNIX;
    let listens = sys::option(sock, SOL_SOCKET, sys::SO_ACCEPTCONN)? != 0;
    if is_unix && !listens { Ok(()) } else { Err(Errno::ENODATA) }
}
