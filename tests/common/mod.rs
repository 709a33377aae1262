//! What the tests of the face share.

#![allow(dead_code, unreachable_pub, reason = "each program uses a part of it")]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Runs a test while no other one opens descriptors, and sees that it leaves none open.
pub fn leaves_nothing_open(test: impl FnOnce()) {
    alone(|| {
        let before = open();
        test();
        assert_eq!(open(), before, "descriptors were left open, or foreign ones closed");
    });
}

/// Runs a test while no other one opens descriptors.
pub fn alone(test: impl FnOnce()) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    test();
}

/// The numbers of this process's descriptors.
pub fn open() -> Vec<i32> {
    let listed = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name());
    let numbers: Vec<i32> = listed.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
    // Without that of the listing itself, which is closed by now.
    let mut still: Vec<i32> = numbers.into_iter().filter(|fd| is_open(*fd)).collect();
    still.sort_unstable();
    still
}

pub fn is_open(fd: i32) -> bool {
    // SAFETY: touches no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

pub fn is_cloexec(fd: impl AsFd) -> bool {
    // SAFETY: as above.
    unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
}

/// What tells one file from another.
pub fn identity(fd: impl AsFd) -> (u64, u64) {
    let stat = fs::metadata(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())).unwrap();
    (stat.dev(), stat.ino())
}

pub fn stream() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

pub fn pair(ty: i32) -> (OwnedFd, OwnedFd) {
    let mut fds = [-1; 2];
    // SAFETY: two ints are writable.
    assert_eq!(unsafe { libc::socketpair(libc::AF_UNIX, ty | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()) }, 0);
    // SAFETY: both have just been made.
    fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).into()
}

pub fn seqpacket() -> (OwnedFd, OwnedFd) {
    pair(libc::SOCK_SEQPACKET)
}

pub fn pipe() -> (OwnedFd, OwnedFd) {
    let mut fds = [-1; 2];
    // SAFETY: two ints are writable.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: both have just been made.
    fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).into()
}

/// So many different files.
pub fn files(count: usize) -> Vec<OwnedFd> {
    (0..count).map(|_| file()).collect()
}

pub fn file() -> OwnedFd {
    // Each has an inode of its own, which an eventfd has not.
    // SAFETY: the name ends with a NUL.
    let fd = unsafe { libc::memfd_create(c"test".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0);
    // SAFETY: it has just been made.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub fn lend(fds: &[OwnedFd]) -> Vec<BorrowedFd<'_>> {
    fds.iter().map(AsFd::as_fd).collect()
}

/// Whether [`with_full_table`] can be had: valgrind keeps the limit from the kernel.
pub fn can_fill_table() -> bool {
    let is_there = !std::env::var("LD_PRELOAD").is_ok_and(|preload| preload.contains("vgpreload"));
    if !is_there {
        println!("skipped: valgrind");
    }
    is_there
}

/// Runs `call` while the process can have `free` more descriptors.
pub fn with_full_table<T>(free: usize, call: impl FnOnce() -> T) -> T {
    struct Restored(libc::rlimit);
    impl Drop for Restored {
        fn drop(&mut self) {
            // SAFETY: readable.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &self.0) }, 0);
        }
    }
    // Whatever is free below the highest number is filled.
    let mut filler = files(free);
    let highest = *open().last().unwrap();
    while filler.last().is_none_or(|fd| fd.as_raw_fd() < highest) {
        filler.push(file());
    }
    let end = *open().last().unwrap() as u64 + 1;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: limit is writable, and readable.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &libc::rlimit { rlim_cur: end, ..limit }), 0);
    }
    let _restored = Restored(limit);
    filler.truncate(filler.len() - free);
    call()
}

/// Runs a test in a process of its own, as a user whom nobody else is: the kernel counts descriptors in flight
/// for each user, and spares the privileged. `name`: of the test that calls this.
pub fn as_a_lonely_user(name: &str, test: impl FnOnce()) {
    const IS_THERE: &str = "ANC_TEST_IS_LONELY";
    if std::env::var_os(IS_THERE).is_none() {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args([name, "--exact", "--nocapture"]).env(IS_THERE, "");
        let mut run = None;
        alone(|| run = Some(program.output().unwrap()));
        let run = run.expect("it has ended");
        let output = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{output}{}", String::from_utf8_lossy(&run.stderr));
        assert!(output.contains("1 passed"), "no such test: {output}");
        output.lines().filter(|line| line.starts_with("skipped")).for_each(|line| println!("{line}"));
        return;
    }
    let user = 100_000 + std::process::id();
    // SAFETY: no list of groups, and nothing else that points anywhere.
    unsafe {
        if libc::geteuid() == 0 {
            assert!(libc::setgroups(0, std::ptr::null()) == 0 && libc::setgid(user) == 0 && libc::setuid(user) == 0);
        }
        // /proc/self/fd would be root's.
        libc::prctl(libc::PR_SET_DUMPABLE, 1);
    }
    test();
}

/// Sets the limit of descriptors for the rest of the process.
pub fn limit_descriptors(count: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: limit is writable, and readable.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &libc::rlimit { rlim_cur: count, ..limit }), 0);
    }
}

pub fn set_option(sock: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let sock = sock.as_fd().as_raw_fd();
    // SAFETY: value is readable for its size.
    match unsafe { libc::setsockopt(sock, level, name, (&raw const value).cast(), 4) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
