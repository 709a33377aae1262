//! What the bytes of a message are.

use crate::sys::iovec;

/// What can be the bytes of a message: a slice of them (`AsRef<[u8]>`), or [`Parts`] of several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message of a channel",
    note = "a message is something that is `AsRef<[u8]>`, or `Parts` of such things"
)]
pub trait Message: sealed::Buffers {}

impl<T: sealed::Buffers> Message for T {}

/// A message of several buffers, which go one after the other as if they were one: a header and its
/// payload, without copying either. An array of the same, or a tuple.
///
/// ```
/// use std::sync::Arc;
/// use ancillary::{Parts, Rx, Tx};
///
/// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
/// let payload: Arc<[u8]> = Arc::from(&b"payload"[..]);
/// let mut tx: Tx<_, Parts<([u8; 4], Arc<[u8]>)>> = Tx::new(ours, 4)?;
/// for number in 0..2u32 {
///     tx.queue(Parts((number.to_le_bytes(), payload.clone())), [])?;
/// }
/// tx.flush(None)?;
/// let mut rx = Rx::new(theirs)?;
/// assert_eq!(rx.recv(None)?.unwrap().bytes, b"\0\0\0\0payload");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Parts<T>(pub T);

fn buffer(bytes: &impl AsRef<[u8]>) -> iovec {
    let bytes = bytes.as_ref();
    iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

const NONE: iovec = iovec { iov_base: core::ptr::null_mut(), iov_len: 0 };

mod sealed {
    use super::{NONE, Parts, buffer};
    use crate::sys::{IOV_MAX, iovec};

    pub trait Buffers {
        /// An array of [`COUNT`](Self::COUNT) buffers.
        type Buffers: Copy;
        const NONE: Self::Buffers;
        const COUNT: usize;

        /// Where its bytes are, as long as nobody moves or changes it.
        fn buffers(&self) -> Self::Buffers;
    }

    impl<T: AsRef<[u8]>> Buffers for T {
        type Buffers = [iovec; 1];
        const NONE: Self::Buffers = [NONE];
        const COUNT: usize = 1;

        fn buffers(&self) -> Self::Buffers {
            [buffer(self)]
        }
    }

    impl<T: AsRef<[u8]>, const N: usize> Buffers for Parts<[T; N]> {
        type Buffers = [iovec; N];
        const NONE: Self::Buffers = [NONE; N];
        const COUNT: usize = {
            assert!(N <= IOV_MAX, "more buffers than a system call takes");
            N
        };

        fn buffers(&self) -> Self::Buffers {
            self.0.each_ref().map(buffer)
        }
    }

    macro_rules! tuple {
        ($count:literal: $($T:ident $part:tt),*) => {
            impl<$($T: AsRef<[u8]>),*> Buffers for Parts<($($T),*)> {
                type Buffers = [iovec; $count];
                const NONE: Self::Buffers = [NONE; $count];
                const COUNT: usize = $count;

                fn buffers(&self) -> Self::Buffers {
                    [$(buffer(&self.0.$part)),*]
                }
            }
        };
    }

    tuple!(2: A 0, B 1);
    tuple!(3: A 0, B 1, C 2);
    tuple!(4: A 0, B 1, C 2, D 3);
}
