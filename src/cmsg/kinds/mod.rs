//! What is known of each control message.

use core::ffi::{CStr, c_int};

/// One kind of control message.
#[derive(Debug)]
pub struct Kind {
    /// Its level: SOL_SOCKET, ...
    pub level: c_int,
    /// Its type within the level.
    pub kind: c_int,
    /// Its name in the system's headers.
    pub name: &'static CStr,
    /// Bytes of the shortest whole payload: what is shorter was cut. 0 where any length is whole.
    pub payload: usize,
    /// Whether sendmsg accepts it.
    pub sent: bool,
    /// Whether recvmsg can bring it.
    pub received: bool,
}

const STUB: &[Kind] = &[
    Kind { level: 1, kind: 1, name: c"SCM_RIGHTS", payload: 4, sent: true, received: true },
    Kind { level: 1, kind: 2, name: c"SCM_CREDENTIALS", payload: 12, sent: true, received: true },
    Kind { level: 1, kind: 4, name: c"SCM_PIDFD", payload: 4, sent: false, received: true },
];

/// What is known of a control message of this level and type.
pub fn find(level: c_int, kind: c_int) -> Option<&'static Kind> {
    STUB.iter().find(|known| (known.level, known.kind) == (level, kind))
}
