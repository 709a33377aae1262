//! Who is at the other end of a Unix socket, as the kernel recorded it when the connection was made.

use core::ffi::c_int;
use core::mem::MaybeUninit;

use crate::errno::{Errno, Result};
use crate::sys::{self, Peer, SOL_SOCKET, gid_t};

/// The peer's process, user and group. ENODATA: none that means anything.
pub(crate) fn peer_credentials(sock: c_int) -> Result<Peer> {
    let peer = sys::peer(sock)?;
    is_of_a_peer(sock).map(|()| peer)
}

/// A new descriptor of the peer's process; None where the system has no such thing. To be asked for once
/// the credentials have shown that there is a peer.
pub(crate) fn peer_pidfd(sock: c_int) -> Result<Option<c_int>> {
    sys::keeping_errno(|| sys::peer_pidfd(sock))
}

/// The label of the peer, with a NUL behind it. len: its bytes; with ERANGE the room that suffices for
/// them and the NUL; else 0. After an error `to` holds an empty string, where it has room.
pub(crate) fn peer_label(sock: c_int, to: &mut [MaybeUninit<u8>], len: &mut usize) -> Result<()> {
    let mut came = to.len();
    let asked = sys::SO_PEERSEC.ok_or(Errno::ENOPROTOOPT).and_then(|name| {
        // SAFETY: so many bytes are writable.
        unsafe { sys::option_into(sock, SOL_SOCKET, name, to.as_mut_ptr().cast(), &mut came) }
    });
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
    let (asked, number) = sys::peer_groups(sock, to);
    let result = match asked {
        Ok(()) | Err(Errno::ERANGE) => is_of_a_peer(sock).and(asked),
        Err(errno) => Err(errno),
    };
    *n = match result {
        Ok(()) | Err(Errno::ERANGE) => number,
        Err(_) => 0,
    };
    result
}

/// The audit token of the process that used the other end last. ENOPROTOOPT: the system has none.
pub(crate) fn peer_token(sock: c_int) -> Result<[u32; 8]> {
    let token = sys::peer_token(sock)?;
    is_of_a_peer(sock).map(|()| token)
}

/// ENODATA unless what the socket has recorded is somebody else's. A listening socket has the credentials that
/// its own clients are to see, and a Bluetooth socket has those of the process that made it: whoever took
/// them for a peer's would trust everybody as himself. To be asked after the record was read.
fn is_of_a_peer(sock: c_int) -> Result<()> {
    let is_unix = sys::socket_domain(sock)? == sys::AF_UNIX;
    let listens = sys::socket_listens(sock)? != 0;
    if is_unix && !listens { Ok(()) } else { Err(Errno::ENODATA) }
}
