//! Properties of the queue, and of telling what a descriptor is.

mod common;

use std::io::{ErrorKind, IoSliceMut};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ancillary::{Access, Error, FdExt, FdKinds, FdQueue, Flags, Seals, SocketExt};
use common::*;

#[test]
fn a_socket_that_panics_leaves_the_queue_as_it_was() {
    struct Panics;
    impl AsFd for Panics {
        fn as_fd(&self) -> BorrowedFd<'_> {
            panic!("no descriptor today");
        }
    }
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(3);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        let mut queue = FdQueue::<3>::new();
        queue.recv(&theirs, &mut [0], 3).unwrap();
        drop(queue.take());
        catch_unwind(AssertUnwindSafe(|| queue.recv(Panics, &mut [0], 1))).unwrap_err();
        let left: Vec<_> = std::iter::from_fn(|| queue.take()).map(identity).collect();
        assert_eq!(left, [identity(&sent[1]), identity(&sent[2])]);
    });
}

#[test]
fn a_queue_gives_descriptors_in_the_order_in_which_they_came() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(60);
        let mut queue = FdQueue::<8>::new();
        let (mut into, mut out) = (sent.iter(), sent.iter().map(identity));
        for turn in 0..20 {
            for fd in into.by_ref().take(3) {
                ours.send_fds(b"x", &lend(&[fd.try_clone().unwrap()])).unwrap();
                assert_eq!(queue.recv(&theirs, &mut [0], 1).unwrap(), 1);
            }
            // A queue may be moved.
            queue = Box::new(std::mem::take(&mut queue)).pop_one(&mut out);
            while queue.len() > if turn < 15 { 4 } else { 0 } {
                assert_eq!(queue.take().map(identity), out.next());
            }
        }
        assert!(queue.is_empty() && out.next().is_none() && queue.take().is_none());
    });
}

trait PopOne {
    fn pop_one(self, expected: &mut impl Iterator<Item = (u64, u64)>) -> FdQueue<8>;
}

impl PopOne for Box<FdQueue<8>> {
    fn pop_one(mut self, expected: &mut impl Iterator<Item = (u64, u64)>) -> FdQueue<8> {
        assert_eq!(self.take().map(identity), expected.next());
        *self
    }
}

#[test]
fn a_queue_takes_no_more_than_it_has_room_for_and_closes_what_is_left() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut queue = FdQueue::<4>::new();
        ours.send_fds(b"x", &lend(&files(3))).unwrap();
        let refused = queue.recv(&theirs, &mut [0; 8], 5).unwrap_err();
        assert_eq!(Error::of(&refused), Some(Error::NoRoom));
        assert_eq!(queue.recv(&theirs, &mut [0; 8], 4).unwrap(), 1);
        assert_eq!(queue.len(), 3);
        assert_eq!(Error::of(&queue.recv(&theirs, &mut [0; 8], 2).unwrap_err()), Some(Error::NoRoom));
        ours.send_fds(b"x", &lend(&files(2))).unwrap();
        assert_eq!(Error::of(&queue.recv(&theirs, &mut [0; 8], 1).unwrap_err()), Some(Error::SurplusFds));
        assert_eq!(queue.len(), 3);
        assert!(queue.take_fds::<4>().is_none());
        assert_eq!(queue.len(), 3);
        let [a, b] = queue.take_fds().unwrap();
        queue.clear();
        assert!(queue.is_empty() && is_open(a.as_raw_fd()) && is_open(b.as_raw_fd()));
        ours.send_fds(b"x", &lend(&files(2))).unwrap();
        queue.recv_vectored(&theirs, &mut [IoSliceMut::new(&mut [0])], 1, Flags::TRIM).unwrap();
        assert_eq!(queue.len(), 1);
    });
}

#[test]
fn a_descriptor_is_told_for_what_it_is() {
    leaves_nothing_open(|| {
        let (reader, writer) = pipe();
        for (fd, access) in [(reader, Access::READ), (writer, Access::WRITE)] {
            let info = fd.describe().unwrap();
            assert_eq!((info.kind, info.access, info.socket), (FdKinds::PIPE, access, None));
            fd.require(FdKinds::PIPE, access, Seals::empty()).unwrap();
            let refused = fd.require(FdKinds::PIPE, Access::all(), Seals::empty()).unwrap_err();
            assert_eq!(
                (refused.kind(), Error::of(&refused)),
                (ErrorKind::PermissionDenied, Some(Error::NotAsRequired))
            );
            assert!(fd.require(FdKinds::FILE | FdKinds::SOCKET, access, Seals::empty()).is_err());
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = listener.describe().unwrap().socket.unwrap();
        let expected = (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP, true);
        assert_eq!((socket.domain, socket.ty, socket.protocol, socket.is_listening), expected);
        let unknown =
            listener.require(FdKinds::from_bits_retain(1 << 29), Access::empty(), Seals::empty()).unwrap_err();
        assert_eq!(Error::of(&unknown), Some(Error::Invalid));
    });
}

#[test]
fn memory_is_told_with_its_size_and_seals() {
    leaves_nothing_open(|| {
        // SAFETY: the name ends with a NUL.
        let fd = unsafe { libc::memfd_create(c"x".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
        // SAFETY: it has just been made.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: no memory.
        assert_eq!(unsafe { libc::ftruncate(fd.as_raw_fd(), 12345) }, 0);
        let wanted = Seals::SHRINK | Seals::WRITE;
        assert!(fd.require(FdKinds::MEMORY, Access::READ, wanted).is_err());
        // SAFETY: no memory.
        assert_eq!(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, wanted.bits()) }, 0);
        fd.require(FdKinds::MEMORY, Access::READ, wanted).unwrap();
        let info = fd.describe().unwrap();
        assert_eq!((info.kind, info.size, info.seals), (FdKinds::MEMORY, 12345, wanted));
    });
}
