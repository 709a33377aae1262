//! What /proc shows of this process's descriptors.
//!
//! It is this thread's directory that is read (Linux 3.17): /proc/self is that of the first thread,
//! whose descriptors are others after unshare(CLONE_FILES), and which has none once it has ended.
//!
//! Where /proc is not mounted, as in many a chroot, everything here is ENOENT.

use core::ffi::{c_int, c_uint};
use core::mem::MaybeUninit;
use core::slice;

use crate::errno::{Errno, Result};
use crate::sys::cancel::uncancellable;
use crate::sys::posix::{close, count};

/// "/proc/thread-self/fdinfo/", a number and a NUL.
const PATH_MAX: usize = 25 + DIGITS_MAX + 1;
const DIGITS_MAX: usize = 10;

/// What the link of a descriptor says: "socket:[1234]", "anon_inode:[eventfd]", "/memfd:name
/// (deleted)", a path; as much of it as `to` holds. Needs no descriptor of its own.
pub(crate) fn link(fd: c_uint, to: &mut [MaybeUninit<u8>]) -> Result<&[u8]> {
    let path = path(b"/proc/thread-self/fd/", fd);
    // SAFETY: path ends with a NUL, `to` is writable.
    let len = count(unsafe { libc::readlink(path.as_ptr().cast(), to.as_mut_ptr().cast(), to.len()) } as isize)?;
    Ok(written(to, len))
}

/// The lines that the kernel has for a descriptor in fdinfo; as much of them as `to` holds. Needs one
/// free descriptor.
pub(crate) fn info(fd: c_uint, to: &mut [MaybeUninit<u8>]) -> Result<&[u8]> {
    let path = path(b"/proc/thread-self/fdinfo/", fd);
    let len = uncancellable(|| {
        // SAFETY: path ends with a NUL.
        let file = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
        let file = count(file as isize)? as c_int;
        // SAFETY: `to` is writable.
        let len = count(unsafe { libc::read(file, to.as_mut_ptr().cast(), to.len()) } as isize);
        close(file, file);
        len
    })?;
    Ok(written(to, len))
}

/// Whether there is a /proc, though it may not show this process: it may be that of a PID namespace
/// which does not contain it. Taken to be there if nobody can tell.
pub(crate) fn is_mounted() -> bool {
    uncancellable(|| {
        // The link itself, which is there for everybody; only following it is not.
        let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the path ends with a NUL.
        let link = count(unsafe { libc::open(c"/proc/self".as_ptr(), flags) } as isize);
        if let Ok(link) = link {
            close(link as c_int, link as c_int);
        }
        link != Err(Errno::ENOENT)
    })
}

/// The directory, which ends with a slash, the number, and a NUL.
fn path(directory: &[u8], fd: c_uint) -> [u8; PATH_MAX] {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut rest = fd;
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.wrapping_add((rest % 10) as u8);
        rest /= 10;
    }
    // The last digit stands even for 0.
    let (leading, last) = digits.split_at(DIGITS_MAX - 1);
    let significant = leading.iter().skip_while(|digit| **digit == b'0').chain(last);
    let mut path = [0; PATH_MAX];
    for (to, from) in path.iter_mut().take(PATH_MAX - 1).zip(directory.iter().chain(significant)) {
        *to = *from;
    }
    path
}

/// The first `len` bytes, which a system call has written.
fn written(to: &[MaybeUninit<u8>], len: usize) -> &[u8] {
    let bytes = to.get(..len).unwrap_or_default();
    // SAFETY: the kernel has written them.
    unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_path_ends_with_the_number_whatever_its_length() {
        for fd in [0, 7, 10, 100, 1_000_000, u32::MAX] {
            let path = path(b"/proc/thread-self/fdinfo/", fd);
            let text = format!("/proc/thread-self/fdinfo/{fd}");
            assert_eq!(&path[..text.len()], text.as_bytes());
            assert!(path[text.len()..].iter().all(|byte| *byte == 0) && path.len() > text.len());
        }
    }
}
