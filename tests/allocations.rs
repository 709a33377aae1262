//! Nothing allocates, unless a vector is asked for.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};

use ancillary::*;
use common::{file, files, leaves_nothing_open, lend, stream};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's, which is called for everything.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
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

/// How often a call allocates.
fn allocations<T>(call: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.with(Cell::get);
    let result = call();
    (COUNT.with(Cell::get) - before, result)
}

/// The result of a call that does not allocate.
#[track_caller]
fn without<T>(call: impl FnOnce() -> T) -> T {
    let (count, result) = allocations(call);
    assert_eq!(count, 0, "allocations");
    result
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| vec![1]).0, 1);
}

#[test]
fn sending_and_receiving_do_not_allocate() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(253);
        let lent = lend(&sent);
        let mut bytes = [0; 64];
        for count in [0, 1, 253] {
            without(|| {
                ours.send_fds(b"x", &lent[..count]).unwrap();
                drop(theirs.recv_fds::<253>(&mut bytes).unwrap());
                ours.send_fds_all(b"x", &lent[..count]).unwrap();
                drop(theirs.recv_fds_vectored::<253>(&mut [IoSliceMut::new(&mut bytes)]).unwrap());
                ours.send_fds_vectored(&[IoSlice::new(b"x")], &lent[..count]).unwrap();
                let bufs = &mut [IoSliceMut::new(&mut bytes)];
                drop(theirs.recv_fds_with::<253>(bufs, Flags::DONTWAIT).unwrap());
            });
        }
        let mut slots = [const { None::<OwnedFd> }; 4];
        without(|| {
            ours.send_fd(&ours).unwrap();
            theirs.recv_fd().unwrap();
            ours.send_fds(b"x", &lent[..2]).unwrap();
            let (_, [_, _]) = theirs.recv_fds_exact(&mut bytes).unwrap();
            ours.send_fds(b"x", &lent[..2]).unwrap();
            let [_, _] = theirs.recv_fds_all(&mut bytes[..1]).unwrap();
            ours.send_fds(b"x", &lent[..2]).unwrap();
            theirs.recv_fds_into(&mut bytes, &mut slots).unwrap();
        });
        ours.send_fds(b"x", &lent[..2]).unwrap();
        assert_eq!(allocations(|| Vec::from(theirs.recv_fds::<4>(&mut bytes).unwrap().1)).0, 1);
        // Neither do the usual errors.
        theirs.set_nonblocking(true).unwrap();
        assert!(without(|| theirs.recv_fds::<1>(&mut bytes)).is_err());
        drop((slots, ours));
        assert!(without(|| theirs.recv_fd()).is_err());
    });
}

#[test]
fn whole_messages_do_not_allocate() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        without(|| {
            theirs.want(Facts::CREDENTIALS | Facts::PIDFD, Facts::empty()).unwrap();
            b.want(Facts::DEST | Facts::TTL | Facts::TIME, Facts::empty()).unwrap();
            let mut room = [MaybeUninit::uninit(); fds_space(2) + space(12)];
            let mut control = SendAncillary::new(&mut room);
            control.put_fds(&[ours.as_fd(), theirs.as_fd()]).unwrap();
            control.put_credentials(&Credentials::own()).unwrap();
            ours.send_message(&[IoSlice::new(b"x")], &control, MsgFlags::empty()).unwrap();
            let to = b.local_addr().unwrap().into();
            a.send_message_to(&[IoSlice::new(b"x")], &SendAncillary::none(), &to, MsgFlags::empty()).unwrap();
            let mut room = [MaybeUninit::uninit(); CONTROL_MAX];
            let mut control = RecvAncillary::new(&mut room);
            let mut bytes = [0; 16];
            b.recv_message(&mut [IoSliceMut::new(&mut bytes)], &mut control, MsgFlags::empty()).unwrap();
            assert!(control.decode().unwrap().dest().is_some() && control.messages().count() == 3);
            theirs.recv_message(&mut [IoSliceMut::new(&mut bytes)], &mut control, MsgFlags::empty()).unwrap();
            assert_eq!(control.messages().count(), 3);
            for data in control.drain() {
                if let ReceivedData::Rights(mut fds) = data {
                    drop(fds.next());
                }
            }
            assert_eq!(control.decode().unwrap().fds(), 1);
        });
    });
}

#[test]
fn batches_do_not_allocate() {
    leaves_nothing_open(|| {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let mut bytes = [[0; 4]; 8];
        let mut rooms = [[MaybeUninit::uninit(); fds_space(1)]; 8];
        without(|| {
            let mut room = [MaybeUninit::uninit(); fds_space(1)];
            let mut control = SendAncillary::new(&mut room);
            control.put_fds(&[ours.as_fd()]).unwrap();
            let mut messages = [(); 8].map(|()| SendMessage::new(b"x").with(&control));
            ours.send_messages(&mut messages, MsgFlags::empty()).unwrap();
            let mut rooms = rooms.iter_mut();
            let mut places = bytes
                .each_mut()
                .map(|bytes| RecvMessage::new(bytes, RecvAncillary::new(rooms.next().expect("as many"))));
            assert_eq!(theirs.recv_messages(&mut places, MsgFlags::empty()).unwrap(), 8);
            let [_fd] = places[7].control.take_fds_exact().unwrap();
            assert!(theirs.recv_messages(&mut places, MsgFlags::DONTWAIT).is_err());
        });
    });
}

#[test]
fn asking_does_not_allocate() {
    leaves_nothing_open(|| {
        let (ours, _theirs) = stream();
        let file = file();
        let mut groups = [0; 1000];
        without(|| {
            ours.wanted().unwrap();
            ours.peer().unwrap();
            drop(ours.peer_pidfd().unwrap());
            ours.peer_groups(&mut groups).unwrap();
            file.describe().unwrap();
            file.require(FdKinds::MEMORY, Access::READ, Seals::empty()).unwrap();
        });
    });
}

#[test]
fn queue_and_channel_do_not_allocate_once_they_are_there() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        without(|| {
            let mut queue = FdQueue::<8>::new();
            ours.send_fd(&ours).unwrap();
            queue.recv(&theirs, &mut [0; 4], 4).unwrap();
            queue.take().unwrap();
        });
        let mut tx: Tx<_, [u8; 64], 1> = Tx::new(&ours, 16).unwrap();
        let mut rx = Rx::new(&theirs).unwrap();
        let fds = files(160);
        let mut fds = fds.into_iter();
        without(|| {
            for _ in 0..10 {
                for i in 0..16 {
                    tx.queue([i; 64], fds.next().unwrap()).unwrap();
                }
                tx.flush(None).unwrap();
                for i in 0..16 {
                    let frame = rx.recv(None).unwrap().unwrap();
                    assert_eq!(frame.bytes, [i; 64]);
                    let [_fd] = frame.fds.take_exact().unwrap();
                }
            }
            assert!(rx.recv(Some(std::time::Duration::ZERO)).is_err());
        });
        // In memory of the caller's not even their beginning does.
        let mut slots = [const { Slot::<&[u8], 1>::new() }; 4];
        let mut tx_memory = [MaybeUninit::uninit(); TX_MEMORY];
        let mut rx_memory = vec![MaybeUninit::uninit(); RX_MEMORY];
        without(|| {
            let mut tx = Tx::in_place(&ours, &mut slots, &mut tx_memory, Limits::default()).unwrap();
            let mut rx = Rx::in_place(&theirs, &mut rx_memory, Limits::default()).unwrap();
            tx.queue(&b"hello"[..], []).unwrap();
            tx.flush(None).unwrap();
            assert_eq!(rx.recv(None).unwrap().unwrap().bytes, b"hello");
        });
    });
}
