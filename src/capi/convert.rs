//! The one place where C's arguments become Rust's, and Rust's results C's.

use core::ffi::{c_int, c_uint, c_void};
use core::mem::{MaybeUninit, size_of};
use core::slice;

use crate::cmsg::Source;
use crate::errno::{Errno, Result};
use crate::socket::Flags;
use crate::sys::{self, AF_INET, AF_INET6, FDS_MAX, IOV_MAX, iovec, mmsghdr};
use libc::{sockaddr, sockaddr_in, sockaddr_in6, socklen_t, ssize_t};

/// A count or -1 and errno.
#[inline]
pub(super) fn count(result: Result<usize>) -> ssize_t {
    match result {
        // No count of bytes passes SSIZE_MAX: the kernel's are ssize_t.
        Ok(count) => count as ssize_t,
        Err(errno) => failed(errno) as ssize_t,
    }
}

/// 0 or -1 and errno.
#[inline]
pub(super) fn status(result: Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(errno) => failed(errno),
    }
}

/// 1, 0, or -1 and errno.
#[inline]
pub(super) fn answer(result: Result<bool>) -> c_int {
    match result {
        Ok(yes) => c_int::from(yes),
        Err(errno) => failed(errno),
    }
}

/// A descriptor or -1 and errno.
#[inline]
pub(super) fn descriptor(result: Result<c_int>) -> c_int {
    match result {
        Ok(fd) => fd,
        Err(errno) => failed(errno),
    }
}

/// Out of line, so that no success pays for it.
#[cold]
#[inline(never)]
fn failed(errno: Errno) -> c_int {
    sys::set_errno(errno.number());
    -1
}

/// A data buffer. EFAULT for NULL with a length comes with the other buffers' check.
#[inline]
pub(super) fn buffer(data: *mut c_void, len: usize) -> iovec {
    iovec { iov_base: data, iov_len: len }
}

/// A list of data buffers. EINVAL: a count below 0 or above 1024; EFAULT: NULL with a count.
///
/// # Safety
/// `iov` must be NULL or point to `count` iovecs.
#[inline]
pub(super) unsafe fn buffers<'a>(iov: *const iovec, count: c_int) -> Result<&'a [iovec]> {
    match usize::try_from(count) {
        Ok(0) => Ok(&[]),
        Ok(count) if count > IOV_MAX => Err(Errno::EINVAL),
        Ok(_) if iov.is_null() => Err(Errno::EFAULT),
        // SAFETY: the caller's, not NULL, and short.
        Ok(count) => Ok(unsafe { slice::from_raw_parts(iov, count) }),
        Err(_) => Err(Errno::EINVAL),
    }
}

/// Descriptors to send. EFAULT: NULL with a count. Of a longer list than one message can carry, one
/// too many is enough for it to be refused.
///
/// # Safety
/// `fds` must be NULL or point to `count` ints.
#[inline]
pub(super) unsafe fn descriptors<'a>(fds: *const c_int, count: usize) -> Result<&'a [c_int]> {
    if count == 0 {
        Ok(&[])
    } else if fds.is_null() {
        Err(Errno::EFAULT)
    } else {
        // SAFETY: the caller's, not NULL, and short.
        Ok(unsafe { slice::from_raw_parts(fds, count.min(FDS_MAX + 1)) })
    }
}

/// Slots for descriptors and the like, or memory to work in, whose content does not matter. EFAULT: NULL with a count.
///
/// # Safety
/// `to` must be NULL or point to `count` writable T.
#[inline]
pub(super) unsafe fn slots<'a, T>(to: *mut T, count: usize) -> Result<&'a mut [MaybeUninit<T>]> {
    if count == 0 {
        Ok(&mut [])
    } else if to.is_null() {
        Err(Errno::EFAULT)
    } else {
        // No object is larger than PTRDIFF_MAX, whatever the caller says.
        let count = count.min(isize::MAX as usize / size_of::<T>());
        // SAFETY: the caller's, not NULL, and no longer than an object can be.
        Ok(unsafe { slice::from_raw_parts_mut(to.cast(), count) })
    }
}

/// Data to send. EFAULT: NULL with a length.
///
/// # Safety
/// `data` must be NULL or point to `len` bytes.
#[inline]
pub(super) unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        Ok(&[])
    } else if data.is_null() {
        Err(Errno::EFAULT)
    } else {
        // SAFETY: the caller's, not NULL. No object is larger than PTRDIFF_MAX.
        Ok(unsafe { slice::from_raw_parts(data.cast(), len.min(isize::MAX as usize)) })
    }
}

/// A batch of messages. EFAULT: NULL with a number.
///
/// # Safety
/// `v` must be NULL or point to `n` messages.
#[inline]
pub(super) unsafe fn messages<'a>(v: *mut mmsghdr, n: c_uint) -> Result<&'a mut [mmsghdr]> {
    if n == 0 {
        Ok(&mut [])
    } else if v.is_null() {
        Err(Errno::EFAULT)
    } else {
        let n = (n as usize).min(isize::MAX as usize / size_of::<mmsghdr>());
        // SAFETY: the caller's, not NULL, and no longer than an object can be.
        Ok(unsafe { slice::from_raw_parts_mut(v, n) })
    }
}

/// Where the caller learns how many descriptors are his: 0 until the call has succeeded.
pub(super) struct Report<'a>(Option<&'a mut usize>);

impl<'a> Report<'a> {
    /// # Safety
    /// `nfds` must be NULL or writable.
    #[inline(always)]
    pub(super) unsafe fn new(nfds: *mut usize) -> Self {
        // SAFETY: the caller's.
        let mut nfds = unsafe { nfds.as_mut() };
        if let Some(nfds) = &mut nfds {
            **nfds = 0;
        }
        Self(nfds)
    }

    /// EINVAL: NULL, though the number can vary.
    #[inline(always)]
    pub(super) fn is_needed(&self, max_fds: usize, flags: Flags) -> Result<()> {
        if self.0.is_none() && max_fds != 0 && !flags.exact() { Err(Errno::EINVAL) } else { Ok(()) }
    }

    #[inline(always)]
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    #[inline(always)]
    pub(super) fn set(self, fds: usize) {
        if let Some(nfds) = self.0 {
            *nfds = fds;
        }
    }
}

/// The address of a sockaddr of AF_INET or AF_INET6. EFAULT: NULL; EINVAL: another family, or too short.
///
/// # Safety
/// `from` must be NULL or point to `len` bytes, of any alignment.
pub(super) unsafe fn source(from: *const sockaddr, len: socklen_t) -> Result<Source> {
    if from.is_null() {
        return Err(Errno::EFAULT);
    }
    let len = usize::try_from(len).unwrap_or(0);
    if len < size_of::<sockaddr>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: so many bytes are there.
    match c_int::from(unsafe { (&raw const (*from).sa_family).read_unaligned() }) {
        AF_INET if len >= size_of::<sockaddr_in>() => {
            // SAFETY: as above.
            let address = unsafe { from.cast::<sockaddr_in>().read_unaligned() }.sin_addr;
            Ok(Source::V4(address.s_addr.to_ne_bytes()))
        }
        AF_INET6 if len >= size_of::<sockaddr_in6>() => {
            // SAFETY: as above.
            Ok(Source::V6(unsafe { from.cast::<sockaddr_in6>().read_unaligned() }.sin6_addr.s6_addr))
        }
        _ => Err(Errno::EINVAL),
    }
}
