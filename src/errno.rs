//! The core's one error type.

use core::ffi::c_int;
use core::fmt;

/// What a call of the core returns.
pub type Result<T> = core::result::Result<T, Errno>;

/// A positive error number of the platform, as in `errno`.
///
/// ```
/// use ancillary::errno::Errno;
///
/// assert_eq!(Errno::new(libc::EBADF), Errno::EBADF);
/// assert_eq!(Errno::EBADF.number(), libc::EBADF);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(c_int);

impl Errno {
    /// The error with this number.
    pub const fn new(number: c_int) -> Self {
        Self(number)
    }

    /// The number, as C's `errno` has it.
    pub const fn number(self) -> c_int {
        self.0
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "errno {}", self.0)
    }
}

impl core::error::Error for Errno {}

macro_rules! names {
    ($($name:ident),* $(,)?) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($name), "` of the platform.")]
                pub const $name: Self = Self(libc::$name);
            )*
        }
    };
}

names!(
    EAFNOSUPPORT,
    EAGAIN,
    EBADF,
    EBADMSG,
    ECANCELED,
    ECHILD,
    ECONNRESET,
    EFAULT,
    EINTR,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENOBUFS,
    ENOENT,
    ENOMSG,
    ENOPROTOOPT,
    ENOSYS,
    ENOTCONN,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
    EPIPE,
    EPROTO,
    EPROTOTYPE,
    ERANGE,
    ESRCH,
    ETIMEDOUT,
);

impl Errno {
    /// `ENODATA` of the platform; `ENOTCONN` where it has none.
    pub const ENODATA: Self = Self(crate::sys::ENODATA);
    /// `ETOOMANYREFS` of the platform; 0 where it has none.
    pub const ETOOMANYREFS: Self = Self(crate::sys::ETOOMANYREFS);
}
