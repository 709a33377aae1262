//! The flags of calls.

use super::set::set;
use crate::abi;

set! {
    /// How a call with descriptors goes about it: `ANC_` flags.
    ///
    /// ```
    /// use ancillary::Flags;
    ///
    /// let flags = Flags::DONTWAIT | Flags::ALL;
    /// assert!(flags.contains(Flags::ALL));
    /// ```
    Flags(u32) {
        /// Not to wait: [`WouldBlock`](std::io::ErrorKind::WouldBlock) instead.
        DONTWAIT = abi::ANC_DONTWAIT;
        /// To go on after signals and short counts until all bytes are sent or received, or the end of
        /// file, WouldBlock or another error; then the result is what has gone or come so far. For
        /// messages (SEQPACKET, DGRAM) after signals only.
        ALL = abi::ANC_ALL;
        /// Receive: exactly as many descriptors as there is room for, or an error.
        EXACT = abi::ANC_EXACT;
        /// Receive: to close the surplus instead of failing. Not with `EXACT`.
        TRIM = abi::ANC_TRIM;
    }
}

set! {
    /// `MSG_` flags of whole messages: for the call, and what it reports of the message.
    ///
    /// ```
    /// use ancillary::MsgFlags;
    ///
    /// let flags = MsgFlags::PEEK | MsgFlags::DONTWAIT;
    /// assert_eq!(format!("{flags:?}"), "PEEK | DONTWAIT");
    /// ```
    MsgFlags(i32) {
        /// To leave the message where it is. Its descriptors are not handed over.
        PEEK = libc::MSG_PEEK;
        /// Not to wait.
        DONTWAIT = libc::MSG_DONTWAIT;
        /// To wait for all bytes.
        WAITALL = libc::MSG_WAITALL;
        /// From the error queue; reported of what came from there. Linux has one.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        ERRQUEUE = libc::MSG_ERRQUEUE;
        /// Out of band; not with control data.
        OOB = libc::MSG_OOB;
        /// The end of a record.
        EOR = libc::MSG_EOR;
        /// More will be sent at once. Linux.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        MORE = libc::MSG_MORE;
        /// By no gateway.
        DONTROUTE = libc::MSG_DONTROUTE;
        /// Reported: the message was longer than the buffers. Asked for: to tell its whole length.
        TRUNC = libc::MSG_TRUNC;
        /// Reported: control data were lost.
        CTRUNC = libc::MSG_CTRUNC;
    }
}
