//! A round trip of descriptors over a socket pair, closing included, with each of the crates that do it; and
//! the least that can be done with the C library's functions, which checks nothing. What is faster than
//! that does without them: rustix makes the system calls itself.
//!
//! They take turns, so that whatever else the machine does meets all alike. A line for each: descriptors,
//! crate, median nanoseconds of a round trip, and its ratio to ours of the same turn with the middle half,
//! allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's, which is called for everything.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A socket pair and descriptors to send: lent, and as bare numbers for the crates that take these.
struct Setting<'a> {
    ours: UnixStream,
    theirs: UnixStream,
    fds: Vec<BorrowedFd<'a>>,
    numbers: Vec<RawFd>,
}

fn ancillary<const N: usize>(s: &Setting<'_>) {
    use ancillary::SocketExt;
    s.ours.send_fds(b"x", &s.fds).unwrap();
    let (n, fds) = s.theirs.recv_fds::<N>(&mut [0; 64]).unwrap();
    assert_eq!((n, fds.len()), (1, N));
}

fn unix_ancillary<const N: usize>(s: &Setting<'_>) {
    use unix_ancillary::UnixStreamExt;
    s.ours.send_fds(b"x", &s.fds).unwrap();
    let (n, fds) = s.theirs.recv_fds_exact_into::<N>(&mut [0; 64]).unwrap();
    assert_eq!((n, fds.len()), (1, N));
}

fn rustix<const N: usize>(s: &Setting<'_>) {
    use rustix::net::*;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&s.fds)));
    sendmsg(&s.ours, &[IoSlice::new(b"x")], &mut control, SendFlags::NOSIGNAL).unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 64];
    let bufs = &mut [IoSliceMut::new(&mut bytes)];
    let came = recvmsg(&s.theirs, bufs, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let mut count = 0;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            count += fds.map(drop).count();
        }
    }
    assert_eq!((came.bytes, count), (1, N));
}

fn nix<const N: usize>(s: &Setting<'_>) {
    use nix::sys::socket::*;
    let control = [ControlMessage::ScmRights(&s.numbers)];
    sendmsg::<()>(s.ours.as_raw_fd(), &[IoSlice::new(b"x")], &control, MsgFlags::MSG_NOSIGNAL, None).unwrap();
    let mut space = nix::cmsg_space!([RawFd; 253]);
    let mut bytes = [0; 64];
    let bufs = &mut [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let came = recvmsg::<()>(s.theirs.as_raw_fd(), bufs, Some(&mut space), flags).unwrap();
    let mut count = 0;
    for message in came.cmsgs().unwrap() {
        if let ControlMessageOwned::ScmRights(fds) = message {
            count += fds.len();
            close(&fds);
        }
    }
    assert_eq!((came.bytes, count), (1, N));
}

fn sendfd<const N: usize>(s: &Setting<'_>) {
    use ::sendfd::{RecvWithFd, SendWithFd};
    s.ours.send_with_fd(b"x", &s.numbers).unwrap();
    let mut fds = [-1; N];
    let (n, count) = s.theirs.recv_with_fd(&mut [0; 64], &mut fds).unwrap();
    close(&fds[..count]);
    assert_eq!((n, count), (1, N));
}

/// The C library's functions, and nothing else.
fn least<const N: usize>(s: &Setting<'_>) {
    const ROOM: usize = 16 + 4 * 254;
    #[repr(align(8))]
    struct Control([MaybeUninit<u8>; ROOM]);
    let len = 16 + 4 * N;
    let mut control = Control([MaybeUninit::uninit(); ROOM]);
    let start = control.0.as_mut_ptr().cast::<u8>();
    // SAFETY: a header and N numbers have room there; the messages point to what is there, too.
    unsafe {
        start.cast::<libc::cmsghdr>().write(libc::cmsghdr {
            cmsg_len: len as _,
            cmsg_level: libc::SOL_SOCKET,
            cmsg_type: libc::SCM_RIGHTS,
        });
        start.add(len).cast::<u32>().write(0);
        start.add(16).cast::<RawFd>().copy_from_nonoverlapping(s.numbers.as_ptr(), N);
        let mut iov = libc::iovec { iov_base: b"x".as_ptr().cast_mut().cast(), iov_len: 1 };
        let mut msg: libc::msghdr = MaybeUninit::zeroed().assume_init();
        (msg.msg_iov, msg.msg_iovlen) = (&mut iov, 1);
        (msg.msg_control, msg.msg_controllen) = (start.cast(), len.next_multiple_of(8) as _);
        assert_eq!(libc::sendmsg(s.ours.as_raw_fd(), &msg, libc::MSG_NOSIGNAL), 1);
        let mut bytes = [0; 64];
        let mut iov = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: 64 };
        (msg.msg_iov, msg.msg_controllen) = (&mut iov, ROOM as _);
        assert_eq!(libc::recvmsg(s.theirs.as_raw_fd(), &mut msg, libc::MSG_CMSG_CLOEXEC), 1);
        for i in 0..N {
            libc::close(start.add(16 + 4 * i).cast::<RawFd>().read());
        }
    }
}

/// Closes descriptors that a crate has given as numbers.
fn close(fds: &[RawFd]) {
    for fd in fds {
        // SAFETY: it has just come, and nobody else has it.
        drop(unsafe { OwnedFd::from_raw_fd(*fd) });
    }
}

type Round = fn(&Setting<'_>);

fn run<const N: usize>(turns: usize, rounds: u32) {
    let file = std::fs::File::open("/dev/null").unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let setting = Setting { ours, theirs, fds: vec![file.as_fd(); N], numbers: vec![file.as_raw_fd(); N] };
    let crates: [(&str, Round); 6] = [
        ("ancillary", ancillary::<N>),
        ("unix-ancillary", unix_ancillary::<N>),
        ("rustix", rustix::<N>),
        ("nix", nix::<N>),
        ("sendfd", sendfd::<N>),
        ("the-least", least::<N>),
    ];
    let mut times = [const { Vec::new() }; 6];
    for turn in 0..turns {
        // Each comes first as often as the others.
        for i in 0..crates.len() {
            let which = (turn + i) % crates.len();
            let start = Instant::now();
            for _ in 0..rounds {
                black_box(crates[which].1)(&setting);
            }
            times[which].push(start.elapsed().as_nanos() as f64 / f64::from(rounds));
        }
    }
    for (which, (name, round)) in crates.iter().enumerate() {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        round(&setting);
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        let ratios: Vec<f64> = times[which].iter().zip(&times[0]).map(|(time, ours)| time / ours).collect();
        let [low, middle, high] = quartiles(&ratios);
        let [_, ns, _] = quartiles(&times[which]);
        println!("{N} {name} {ns:.0} {middle:.2} {low:.2} {high:.2} {allocations}");
    }
}

fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

fn main() {
    run::<1>(201, 200);
    run::<16>(201, 50);
    run::<253>(101, 10);
}
