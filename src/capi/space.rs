//! Section 2: control space.

use crate::cmsg;

/// The function twin of ANC_LEN: the bytes of a control message's header and `len` bytes of data,
/// without padding. SIZE_MAX where that does not fit.
#[unsafe(no_mangle)]
pub extern "C" fn anc_len(len: usize) -> usize {
    cmsg::len(len).unwrap_or(usize::MAX)
}

/// The function twin of ANC_SPACE: the room that a control message with `len` bytes of data takes,
/// padding included. SIZE_MAX where that does not fit.
#[unsafe(no_mangle)]
pub extern "C" fn anc_space(len: usize) -> usize {
    cmsg::space(len).unwrap_or(usize::MAX)
}

/// The function twin of ANC_FDS_SPACE: the room that `nfds` descriptors take as one control
/// message. SIZE_MAX where that does not fit.
#[unsafe(no_mangle)]
pub extern "C" fn anc_fds_space(nfds: usize) -> usize {
    cmsg::fds_space(nfds).unwrap_or(usize::MAX)
}

/// The function twin of ANC_CONTROL_MAX: room for everything that an AF_UNIX socket can bring in
/// one message.
#[unsafe(no_mangle)]
pub extern "C" fn anc_control_max() -> usize {
    cmsg::CONTROL_MAX
}
