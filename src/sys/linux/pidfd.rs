//! Which process a pidfd refers to.

use core::ffi::{c_int, c_uint};
use core::mem::{MaybeUninit, size_of};
use core::ptr;

use super::proc;
use crate::errno::{Errno, Result};
use crate::sys::posix::{count, keeping_errno};

const HAS_GET_INFO: bool = cfg!(not(anc_without = "pidfd_info"));

/// The number of the process; -1 if it has ended and was waited for, 0 if there is none for a process
/// of another PID namespace. EBADF: not a pidfd.
///
/// Where there is a /proc it alone is asked, for there the number will have been looked up: if it shows
/// another namespace than the caller's, as in a container without a /proc of its own, a number that is
/// right for system calls is another process's there. The ioctl is for a place without /proc.
pub(crate) fn number(pidfd: c_int) -> Result<c_int> {
    let fd = c_uint::try_from(pidfd).map_err(|_| Errno::EBADF)?;
    keeping_errno(|| {
        is_pidfd(fd)?;
        match from_proc(fd) {
            Err(Errno::ENOENT) if HAS_GET_INFO && !proc::is_mounted() => from_ioctl(pidfd),
            known => known,
        }
    })
}

/// Asks waitid, which looks at nothing but what kind of file it is, whosever child the process may be.
/// A peer can send whatever it likes for a pidfd: a file whose fstatfs or ioctl its own server answers,
/// when it likes (FUSE), or a buffer whose name, which is a line of its fdinfo, reads as a pidfd's
/// (dma-buf).
///
/// P_PIDFD came with Linux 5.4. Before, and where a filter refuses waitid, nothing is known to be one.
fn is_pidfd(fd: c_uint) -> Result<()> {
    const P_PIDFD: c_int = 3;
    let mut child = MaybeUninit::<libc::siginfo_t>::zeroed();
    // By number: the C library's is a cancellation point. NULL would do for the kernel, not for valgrind.
    // SAFETY: child is writable; WNOWAIT leaves a child as it is.
    let r = unsafe {
        libc::syscall(
            libc::SYS_waitid,
            P_PIDFD,
            fd,
            child.as_mut_ptr(),
            libc::WEXITED | libc::WNOHANG | libc::WNOWAIT,
            ptr::null_mut::<libc::rusage>(),
        )
    };
    match count(r as libc::ssize_t) {
        Ok(_) | Err(Errno::ECHILD) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn from_proc(fd: c_uint) -> Result<c_int> {
    // pos, flags, mnt_id and ino come before: 110 bytes at most.
    let mut lines = [MaybeUninit::uninit(); 256];
    pid_line(proc::info(fd, &mut lines)?).ok_or(Errno::ENOENT)
}

/// The number in the line "Pid:\t1234".
fn pid_line(info: &[u8]) -> Option<c_int> {
    let line = info.split_inclusive(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Pid:\t"))?;
    match line.strip_suffix(b"\n")? {
        b"" => None,
        b"-1" => Some(-1),
        digits => digits.iter().try_fold(0, |number: c_int, byte| {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            number.checked_mul(10)?.checked_add(digit.into())
        }),
    }
}

/// `struct pidfd_info` of linux/pidfd.h, as it was published first.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    pid: u32,
    others: [u32; 11],
}

/// Linux 6.13. ENOENT: an older kernel, which answers EINVAL or ENOTTY.
fn from_ioctl(pidfd: c_int) -> Result<c_int> {
    /// _IOWR(0xFF, 11, struct pidfd_info): the same number on every architecture.
    const PIDFD_GET_INFO: u32 = 0xC040_FF0B;
    const EREMOTE: Errno = Errno::new(libc::EREMOTE);
    const { assert!(size_of::<PidfdInfo>() == 0x40) };
    let mut info = PidfdInfo::default();
    // SAFETY: a pidfd, as is_pidfd has found, and info is what this request writes.
    let r = unsafe { libc::ioctl(pidfd, PIDFD_GET_INFO as _, &raw mut info) };
    match count(r as libc::ssize_t) {
        Ok(_) => Ok(info.pid as c_int),
        Err(Errno::ESRCH) => Ok(-1),
        Err(EREMOTE) => Ok(0),
        Err(_) => Err(Errno::ENOENT),
    }
}

#[cfg(test)]
mod tests {
    use super::pid_line;

    #[test]
    fn the_number_is_that_of_the_whole_line() {
        let before = "pos:\t0\nflags:\t02000002\nmnt_id:\t4\nino:\t4975744\n";
        for (line, number) in [
            ("Pid:\t15246\nNSpid:\t15246\t1\n", Some(15246)),
            ("Pid:\t2147483647\n", Some(i32::MAX)),
            ("Pid:\t0\nNSpid:\t0\n", Some(0)),
            ("Pid:\t-1\nNSpid:\t-1\n", Some(-1)),
            ("Pid:\t15246", None),
            ("Pid:\t\n", None),
            ("Pid:\t-\n", None),
            ("Pid:\t-2\n", None),
            ("Pid:\t2147483648\n", None),
            ("Pid:\t12 34\n", None),
            ("NSpid:\t15246\n", None),
            ("", None),
        ] {
            assert_eq!(pid_line(format!("{before}{line}").as_bytes()), number, "{line}");
        }
    }
}
