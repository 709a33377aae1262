//! The frame on the wire: eight bytes, little-endian, and the payload behind them.
//!
//! ```text
//! u32 length   of the payload
//! u16 nfds     0 to 253
//! u8  flags    bit 0: another frame of the same message follows; the rest 0
//! u8  version  1
//! ```

use crate::errno::{Errno, Result};
use crate::sys::FDS_MAX;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 8;

/// The largest packet on a SEQPACKET socket, headers included.
pub(crate) const PACKET_MAX: usize = 64 * 1024;

const MORE: u8 = 1;
const VERSION: u8 = 1;

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Bytes of payload.
    pub(crate) len: u32,
    /// Descriptors of this frame.
    pub(crate) fds: u16,
    /// Whether another frame of the same message follows.
    pub(crate) more: bool,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let [a, b, c, d] = self.len.to_le_bytes();
        let [e, f] = self.fds.to_le_bytes();
        [a, b, c, d, e, f, if self.more { MORE } else { 0 }, VERSION]
    }

    /// EPROTO: another version, a flag that this one does not have, more descriptors than one message
    /// can carry.
    pub(crate) fn from_bytes([a, b, c, d, e, f, flags, version]: [u8; HEADER]) -> Result<Self> {
        let fds = u16::from_le_bytes([e, f]);
        if version != VERSION || flags & !MORE != 0 || usize::from(fds) > FDS_MAX {
            return Err(Errno::EPROTO);
        }
        Ok(Self { len: u32::from_le_bytes([a, b, c, d]), fds, more: flags & MORE != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::Header;
    use crate::errno::Errno;

    #[test]
    fn a_header_is_these_bytes() {
        let header = Header { len: 0x0403_0201, fds: 253, more: true };
        assert_eq!(header.to_bytes(), [1, 2, 3, 4, 253, 0, 1, 1]);
        assert_eq!(Header::from_bytes(header.to_bytes()), Ok(header));
    }

    #[test]
    fn what_this_version_does_not_know_is_refused() {
        for bytes in [[0, 0, 0, 0, 254, 0, 0, 1], [0, 0, 0, 0, 0, 1, 0, 1], [0; 8], [0, 0, 0, 0, 0, 0, 0, 2]] {
            assert_eq!(Header::from_bytes(bytes), Err(Errno::EPROTO), "{bytes:?}");
        }
        for flags in 2..=255 {
            assert_eq!(Header::from_bytes([0, 0, 0, 0, 0, 0, flags, 1]), Err(Errno::EPROTO));
        }
    }
}
