//! Properties of the channel.

mod common;

use std::cell::Cell;
use std::io::{ErrorKind, Write};
use std::mem::{self, MaybeUninit};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use ancillary::{Error, Fds, Limits, Parts, RX_MEMORY, Rx, Slot, TX_MEMORY, Tx};
use common::*;

const NOW: Option<Duration> = Some(Duration::ZERO);

fn sending<S: AsFd>(sock: S) -> Tx<'static, S> {
    Tx::new(sock, 64).unwrap()
}

fn reason<T>(result: std::io::Result<T>) -> (ErrorKind, Option<Error>) {
    let error = result.err().expect("an error");
    (error.kind(), Error::of(&error))
}

#[test]
fn messages_arrive_in_order_each_with_its_own_descriptors() {
    for ty in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET] {
        leaves_nothing_open(|| {
            let (ours, theirs) = pair(ty);
            let mut sizes = (0..300usize).map(|i| (i * 7919 % 5000, i * 31 % 5)).collect::<Vec<_>>();
            sizes.extend([(0, 0), (65_528, 4), (200_000, 1), (1_000_000, 0), (0, 4)]);
            let sent: Vec<Vec<OwnedFd>> = sizes.iter().map(|(_, fds)| files(*fds)).collect();
            let identities: Vec<Vec<_>> = sent.iter().map(|fds| fds.iter().map(identity).collect()).collect();
            let bytes = |i: usize, len: usize| (0..len).map(|at| (i + at) as u8).collect::<Vec<u8>>();
            std::thread::scope(|scope| {
                scope.spawn({
                    let sizes = sizes.clone();
                    move || {
                        let mut tx = sending(ours);
                        for (i, ((len, _), fds)) in sizes.into_iter().zip(sent).enumerate() {
                            let mut message = (bytes(i, len), Fds::try_from(fds).unwrap());
                            while let Err(full) = tx.queue(message.0, message.1) {
                                assert_eq!(full.error.kind(), ErrorKind::WouldBlock);
                                tx.flush(None).unwrap();
                                message = (full.bytes, full.fds);
                            }
                        }
                        tx.flush(None).unwrap();
                        assert!(tx.is_empty());
                    }
                });
                let mut rx = Rx::new(theirs).unwrap();
                for (i, (len, _)) in sizes.iter().enumerate() {
                    let (mut all, mut fds) = (Vec::new(), Vec::new());
                    loop {
                        let frame = rx.recv(None).unwrap().expect("not the end");
                        all.extend_from_slice(frame.bytes);
                        fds.extend(frame.fds.map(|fd| identity(fd.unwrap())));
                        if !frame.more {
                            break;
                        }
                    }
                    assert!(all == bytes(i, *len), "message {i}");
                    assert_eq!(fds, identities[i], "message {i}");
                }
                assert!(rx.recv(None).unwrap().is_none());
            });
        });
    }
}

#[test]
fn a_full_queue_gives_the_message_back_and_done_ones_come_back_in_order() {
    leaves_nothing_open(|| {
        let (ours, _theirs) = stream();
        let mut tx: Tx<_, Vec<u8>, 1> = Tx::new(ours, 2).unwrap();
        tx.queue(vec![1], [file()]).unwrap();
        tx.queue(vec![2], []).unwrap();
        let kept = file();
        let which = identity(&kept);
        let full = tx.queue(vec![3], [kept]).unwrap_err();
        assert_eq!((full.error.kind(), &full.bytes, identity(&full.fds[0])), (ErrorKind::WouldBlock, &vec![3], which));
        assert!(tx.reclaim().is_none() && !tx.is_empty());
        tx.flush(None).unwrap();
        assert!(tx.is_empty());
        // The oldest one makes room.
        tx.queue(full.bytes, full.fds).unwrap();
        let done = tx.reclaim().unwrap();
        assert!(done.is_sent && done.bytes == [2]);
        assert!(tx.reclaim().is_none());
        tx.flush(None).unwrap();
        assert_eq!(tx.reclaim().unwrap().bytes, [3]);
        assert!(tx.reclaim().is_none());
        let mut none: Tx<_> = Tx::new(tx.get_ref(), 0).unwrap();
        assert_eq!(none.queue(vec![], []).unwrap_err().error.kind(), ErrorKind::WouldBlock);
        assert!(none.reclaim().is_none() && none.is_empty());
    });
}

#[test]
fn a_full_socket_keeps_the_rest_and_nothing_goes_twice() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(&ours);
        let mut rx = Rx::new(&theirs).unwrap();
        for i in 0..40u8 {
            tx.queue(vec![i; 30_000], [file()]).unwrap();
        }
        let start = Instant::now();
        assert_eq!(reason(tx.flush(Some(Duration::from_millis(30)))).0, ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(30));
        let mut seen = 0;
        loop {
            match tx.flush(NOW) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                Ok(()) if seen == 40 => break,
                Ok(()) => {}
            }
            while let Some(frame) = match rx.recv(NOW) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                frame => frame.unwrap(),
            } {
                assert!(frame.bytes == [seen; 30_000] && frame.fds.len() == 1);
                seen += 1;
            }
        }
    });
}

#[test]
fn receiving_waits_no_longer_than_it_may() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut rx = Rx::new(theirs).unwrap();
        assert_eq!(reason(rx.recv(NOW)).0, ErrorKind::WouldBlock);
        let start = Instant::now();
        assert_eq!(reason(rx.recv(Some(Duration::from_micros(20_500)))).0, ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_micros(20_500));
        let mut tx = sending(ours);
        tx.queue(vec![1], []).unwrap();
        tx.flush(Some(Duration::MAX)).unwrap();
        assert_eq!(rx.recv(Some(Duration::MAX)).unwrap().unwrap().bytes, [1]);
        drop(tx);
        assert!(rx.recv(NOW).unwrap().is_none());
    });
}

#[test]
fn descriptors_that_are_not_taken_are_closed_by_the_next_call_or_with_the_channel() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(ours);
        let mut rx = Rx::new(theirs).unwrap();
        let empty = open();
        for i in 0..4u8 {
            tx.queue(vec![i], [file(), file()]).unwrap();
        }
        assert_eq!(open().len(), empty.len() + 8);
        tx.flush(None).unwrap();
        assert_eq!(open(), empty, "what was moved is closed here");
        let taken = rx.recv(None).unwrap().unwrap().fds.next().unwrap().unwrap();
        // All of them have come; those of the first frame that stay with the channel are closed now.
        let _ = rx.recv(None).unwrap();
        assert_eq!(open().len(), empty.len() + 1 + 6);
        let frame = rx.recv(None).unwrap().unwrap();
        assert_eq!(reason(frame.fds.take_exact::<1>()).1, Some(Error::SurplusFds));
        let frame = rx.recv(None).unwrap().unwrap();
        assert_eq!(reason(frame.fds.take_exact::<3>()).1, Some(Error::MissingFds));
        assert_eq!(reason(rx.recv(NOW)).0, ErrorKind::WouldBlock);
        assert_eq!(open().len(), empty.len() + 1);
        tx.queue(vec![], [file()]).unwrap();
        tx.queue(vec![], [file()]).unwrap();
        tx.flush(None).unwrap();
        rx.recv(None).unwrap();
        drop((rx, taken));
        assert_eq!(open().len(), empty.len() - 1);
    });
}

#[test]
fn what_has_not_gone_is_closed_and_dropped_with_the_channel() {
    leaves_nothing_open(|| {
        struct Counted(Rc<Cell<usize>>);
        impl AsRef<[u8]> for Counted {
            fn as_ref(&self) -> &[u8] {
                b"bytes"
            }
        }
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.set(self.0.get() + 1);
            }
        }
        let dropped = Rc::new(Cell::new(0));
        let (ours, _theirs) = stream();
        let mut tx: Tx<_, Counted> = Tx::new(&ours, 4).unwrap();
        tx.queue(Counted(dropped.clone()), [file()]).unwrap_or_else(|_| panic!());
        tx.flush(None).unwrap();
        for _ in 0..3 {
            tx.queue(Counted(dropped.clone()), [file()]).unwrap_or_else(|_| panic!());
        }
        assert_eq!(dropped.get(), 0);
        drop(tx);
        assert_eq!((dropped.get(), Rc::strong_count(&dropped)), (4, 1));

        let mut slots = [const { Slot::<Counted, 1>::new() }; 3];
        let mut memory = [MaybeUninit::uninit(); TX_MEMORY];
        let mut tx = Tx::in_place(&ours, &mut slots, &mut memory, Limits::default()).unwrap();
        tx.queue(Counted(dropped.clone()), [file()]).unwrap_or_else(|_| panic!());
        drop(tx);
        assert_eq!(dropped.get(), 5);
        // A channel that is forgotten does no harm to what it was lent, which can be used on.
        let mut tx = Tx::in_place(&ours, &mut slots, &mut memory, Limits::default()).unwrap();
        tx.queue(Counted(dropped.clone()), []).unwrap_or_else(|_| panic!());
        mem::forget(tx);
        let mut tx = Tx::in_place(&ours, &mut slots, &mut memory, Limits::default()).unwrap();
        tx.queue(Counted(dropped.clone()), []).unwrap_or_else(|_| panic!());
        assert_eq!(dropped.get(), 6);
        drop(tx);
        drop(slots);
        assert_eq!(Rc::strong_count(&dropped), 1);
    });
}

#[test]
fn a_channel_may_be_moved_with_messages_queued() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx: Tx<_, [u8; 300], 2> = Tx::new(ours, 8).unwrap();
        for i in 0..5 {
            tx.queue([i; 300], [file()]).unwrap();
        }
        let mut tx = Box::new(tx);
        tx.queue([5; 300], [file(), file()]).unwrap();
        let mut rx = Rx::new(theirs).unwrap();
        let mut tx = std::thread::spawn(move || {
            let mut tx = *tx;
            tx.flush(None).unwrap();
            tx
        })
        .join()
        .unwrap();
        for i in 0..6 {
            rx = std::thread::spawn(move || {
                let frame = rx.recv(None).unwrap().unwrap();
                assert!(frame.bytes == [i; 300] && frame.fds.len() == if i == 5 { 2 } else { 1 });
                rx
            })
            .join()
            .unwrap();
        }
        assert!((0..6).all(|i| tx.reclaim().unwrap().bytes == [i; 300]));
    });
}

#[test]
fn dropped_messages_come_back_unsent_and_a_part_of_one_ends_the_channel() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(ours);
        tx.queue(vec![1], [file()]).unwrap();
        tx.queue(vec![2], [file()]).unwrap();
        tx.clear();
        for i in 1..3 {
            let done = tx.reclaim().unwrap();
            assert!(!done.is_sent && done.bytes == [i]);
        }
        tx.queue(vec![3], []).unwrap();
        tx.flush(None).unwrap();
        tx.queue(vec![4; 10 << 20], [file()]).unwrap();
        assert_eq!(reason(tx.flush(NOW)).0, ErrorKind::WouldBlock);
        tx.clear();
        assert_eq!(reason(tx.flush(NOW)), (ErrorKind::BrokenPipe, Some(Error::Cancelled)));
        let refused = tx.queue(vec![5], [file()]).unwrap_err();
        assert_eq!((Error::of(&refused.error), refused.bytes, refused.fds.len()), (Some(Error::Cancelled), vec![5], 1));
        drop(tx);
        let mut rx = Rx::new(theirs).unwrap();
        assert_eq!(rx.recv(None).unwrap().unwrap().bytes, [3]);
        // In parts, and then the end within a message.
        let error = loop {
            match rx.recv(None) {
                Ok(frame) => assert!(frame.expect("not the end").more),
                Err(error) => break error,
            }
        };
        assert_eq!(Error::of(&error), Some(Error::Protocol));
        assert_eq!(reason(rx.recv(None)).1, Some(Error::Protocol));
    });
}

#[test]
fn the_parts_of_a_message_go_one_after_the_other_and_come_back() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let payload: Rc<[u8]> = Rc::from(vec![9; 5000]);
        type Three = Parts<([u8; 3], Vec<u8>, Rc<[u8]>)>;
        let mut tx: Tx<_, Three, 1> = Tx::new(&ours, 4).unwrap();
        for i in 0..3 {
            tx.queue(Parts(([i; 3], vec![i; 300], payload.clone())), [file()]).unwrap();
        }
        let limits = Limits { max_message: 7, ..Limits::default() };
        let mut small: Tx<_, Parts<[&[u8]; 3]>, 1> = Tx::with_limits(&ours, 1, limits).unwrap();
        let refused = small.queue(Parts([b"1234", b"", b"5678"]), []).unwrap_err();
        assert_eq!(Error::of(&refused.error), Some(Error::TooLarge));
        // They may be moved when they are queued.
        let mut tx = Box::new(tx);
        tx.flush(None).unwrap();
        let mut rx = Rx::new(&theirs).unwrap();
        for i in 0..3 {
            let frame = rx.recv(None).unwrap().unwrap();
            let (head, body) = frame.bytes.split_at(303);
            assert!(head == [i; 303] && *body == payload[..] && !frame.more);
            let [_fd] = frame.fds.take_exact().unwrap();
            assert_eq!(tx.reclaim().unwrap().bytes.0.0, [i; 3]);
        }
        assert_eq!(Rc::strong_count(&payload), 1);
        // One after the other, also where they are many, few, or empty.
        let long = [7; 300];
        let mut many: Tx<_, Parts<[&[u8]; 100]>, 1> = Tx::new(&ours, 1).unwrap();
        many.queue(Parts(std::array::from_fn(|i| &long[..if i % 3 == 0 { 0 } else { 300 }])), []).unwrap();
        many.flush(None).unwrap();
        let mut none: Tx<_, Parts<[&[u8]; 0]>, 1> = Tx::new(&ours, 1).unwrap();
        none.queue(Parts([]), [file()]).unwrap();
        none.flush(None).unwrap();
        let mut all = 0;
        loop {
            let frame = rx.recv(None).unwrap().unwrap();
            assert!(frame.bytes.iter().all(|byte| *byte == 7));
            all += frame.bytes.len();
            if !frame.more {
                break;
            }
        }
        assert_eq!(all, 66 * 300);
        let frame = rx.recv(None).unwrap().unwrap();
        assert_eq!((frame.bytes.len(), frame.fds.len()), (0, 1));
    });
}

/// The result of a system call.
fn called(n: libc::ssize_t) -> std::io::Result<usize> {
    usize::try_from(n).map_err(|_| std::io::Error::last_os_error())
}

#[test]
fn a_program_may_make_the_system_calls_itself_and_move_the_channel_meanwhile() {
    for ty in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET] {
        leaves_nothing_open(|| {
            let (ours, theirs) = pair(ty | libc::SOCK_NONBLOCK);
            // Each changes places with another one, as in a list of connections.
            let (others_ours, others) = pair(ty);
            let mut txs: [Tx<_, Vec<u8>, 2>; 2] = [ours, others_ours].map(|ours| Tx::new(ours, 4).unwrap());
            let mut rxs = [theirs, others].map(|theirs| Rx::new(theirs).unwrap());
            const COUNT: usize = 40;
            let len = |i: usize| i * 7919 % 200_000;
            let mut sent = Vec::new();
            let mut came = 0;
            // One more, also while others are on their way.
            let mut queue = |tx: &mut Tx<_, Vec<u8>, 2>| {
                let (one, i) = (file(), sent.len());
                let number = identity(&one);
                let is_queued = i < COUNT && tx.queue(vec![i as u8; len(i)], [one]).is_ok();
                sent.extend(is_queued.then_some(number));
            };
            let (mut bytes, mut fds) = (0, Vec::new());
            loop {
                queue(&mut txs[0]);
                while let Some(msg) = txs[0].prepare().unwrap() {
                    txs.swap(0, 1);
                    queue(&mut txs[1]);
                    let sock = txs[1].as_fd().as_raw_fd();
                    // SAFETY: nothing else is done with the channel meanwhile.
                    let n = called(unsafe { libc::sendmsg(sock, msg, libc::MSG_NOSIGNAL) });
                    txs.swap(0, 1);
                    if let Err(full) = txs[0].sent(n) {
                        assert_eq!(full.kind(), ErrorKind::WouldBlock);
                        break;
                    }
                }
                match rxs[0].next_frame().unwrap() {
                    Poll::Ready(Some(frame)) => {
                        assert!(frame.bytes.iter().all(|byte| *byte == came as u8));
                        (bytes, came) = (bytes + frame.bytes.len(), came + usize::from(!frame.more));
                        fds.extend(frame.fds.map(|fd| identity(fd.unwrap())));
                        if !frame.more {
                            assert_eq!(mem::take(&mut bytes), len(came - 1));
                        }
                    }
                    Poll::Ready(None) => panic!("the other end is there"),
                    Poll::Pending if came == COUNT => break,
                    Poll::Pending => {
                        let msg = rxs[0].prepare().unwrap().expect("more to come");
                        rxs.swap(0, 1);
                        let sock = rxs[1].as_fd().as_raw_fd();
                        // SAFETY: nothing else is done with the channel meanwhile.
                        let n = called(unsafe { libc::recvmsg(sock, msg, libc::MSG_CMSG_CLOEXEC) });
                        rxs.swap(0, 1);
                        rxs[0].got(n).unwrap();
                    }
                }
            }
            assert_eq!(fds, sent);
            drop(txs);
            let [mut rx, _other] = rxs;
            let msg = rx.prepare().unwrap().expect("the end to come");
            // SAFETY: as above.
            rx.got(called(unsafe { libc::recvmsg(rx.as_fd().as_raw_fd(), msg, 0) })).unwrap();
            assert!(
                rx.prepare().unwrap().is_none() && rx.next_frame().unwrap().map(|frame| frame.is_none()).is_ready()
            );
        });
    }
}

#[test]
fn what_is_told_of_a_call_that_was_not_made_invents_nothing() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(&ours);
        assert_eq!(tx.sent(Ok(1)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        tx.queue(b"some".to_vec(), [file()]).unwrap();
        tx.prepare().unwrap().unwrap();
        assert_eq!(tx.sent(Ok(1000)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(tx.sent(Err(ErrorKind::Other.into())).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(
            tx.sent(Err(std::io::Error::from_raw_os_error(libc::EAGAIN))).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        // io_uring's, of a send that was called off; and others that the channel has a meaning of its own for.
        for number in [libc::ECANCELED, libc::ENOBUFS] {
            let told = tx.sent(Err(std::io::Error::from_raw_os_error(number))).unwrap_err();
            assert_eq!(told.raw_os_error(), Some(number));
        }
        tx.flush(None).unwrap();

        let mut rx = Rx::new(&theirs).unwrap();
        for number in [libc::ECANCELED, libc::EMSGSIZE, libc::ERANGE, libc::EPROTO] {
            rx.prepare().unwrap().unwrap();
            let told = rx.got(Err(std::io::Error::from_raw_os_error(number))).unwrap_err();
            assert_eq!(told.raw_os_error(), Some(number));
        }
        let mut rx = Rx::new(&theirs).unwrap();
        assert_eq!(rx.got(Ok(8)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        // What came before is not shown again.
        let frame = rx.recv(None).unwrap().unwrap();
        let [fd] = frame.fds.take_exact().unwrap();
        for count in [0, 1, 7] {
            let mut rx = Rx::new(&theirs).unwrap();
            rx.prepare().unwrap().unwrap();
            rx.got(Ok(count)).unwrap();
            assert_eq!(rx.got(Ok(1)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        }
        let msg = rx.prepare().unwrap().unwrap();
        // A header that the caller makes up names a descriptor, and none has come.
        // SAFETY: the receive that is not made would write there.
        unsafe { (*(*msg).msg_iov).iov_base.cast::<[u8; 8]>().write([0, 0, 0, 0, 1, 0, 0, 1]) };
        assert_eq!(reason(rx.got(Ok(8))).1, Some(Error::Protocol));
        assert!(is_open(fd.as_raw_fd()));
        let mut rx = Rx::new(&theirs).unwrap();
        rx.prepare().unwrap().unwrap();
        assert_eq!(reason(rx.got(Ok(8))).1, Some(Error::Protocol));
        let mut rx = Rx::new(&theirs).unwrap();
        rx.prepare().unwrap().unwrap();
        assert_eq!(rx.got(Ok(usize::MAX)).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    });
}

#[test]
fn limits_are_kept_on_both_sides() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let limits = Limits { max_message: 100, max_fds: 1, ..Limits::default() };
        let mut tx: Tx<_, Vec<u8>> = Tx::with_limits(&ours, 4, limits).unwrap();
        let refused = tx.queue(vec![0; 101], [file()]).unwrap_err();
        assert_eq!((Error::of(&refused.error), refused.bytes.len()), (Some(Error::TooLarge), 101));
        let refused = tx.queue(vec![], [file(), file()]).unwrap_err();
        assert_eq!((Error::of(&refused.error), refused.fds.len()), (Some(Error::OverLimit), 2));
        tx.queue(vec![0; 100], [file()]).unwrap();
        tx.flush(None).unwrap();
        let mut tx = sending(&ours);
        tx.queue(vec![], [file(), file()]).unwrap();
        tx.flush(None).unwrap();
        let mut rx = Rx::with_limits(theirs, limits).unwrap();
        assert_eq!(rx.recv(None).unwrap().unwrap().bytes.len(), 100);
        assert_eq!(reason(rx.recv(None)), (ErrorKind::InvalidData, Some(Error::OverLimit)));
        assert_eq!(reason(rx.recv(None)).1, Some(Error::OverLimit));
        let (ours, theirs) = stream();
        let mut tx = sending(&ours);
        tx.queue(vec![0; 101], []).unwrap();
        tx.flush(None).unwrap();
        assert_eq!(reason(Rx::with_limits(theirs, limits).unwrap().recv(None)).1, Some(Error::TooLarge));
    });
}

#[test]
fn frames_may_be_larger_or_smaller_than_usual() {
    leaves_nothing_open(|| {
        for max_frame in [10, 65_528, 200_000] {
            let (ours, theirs) = stream();
            let limits = Limits { max_frame, ..Limits::default() };
            let mut tx: Tx<_, Vec<u8>> = Tx::with_limits(ours, 4, limits).unwrap();
            let mut rx = Rx::with_limits(theirs, limits).unwrap();
            let len = max_frame as usize;
            tx.queue((0..len + 1).map(|i| i as u8).collect(), []).unwrap();
            let sender = std::thread::spawn(move || tx.flush(None).unwrap());
            let frame = rx.recv(None).unwrap().unwrap();
            assert!(
                frame.more && frame.bytes.len() == len && frame.bytes.iter().enumerate().all(|(i, b)| *b == i as u8)
            );
            let frame = rx.recv(None).unwrap().unwrap();
            assert!(!frame.more && frame.bytes == [len as u8]);
            sender.join().unwrap();
        }
    });
}

#[test]
fn a_peer_that_does_not_keep_to_the_wire_is_told_and_again() {
    leaves_nothing_open(|| {
        let (mut ours, theirs) = stream();
        ours.write_all(&[0xff; 64]).unwrap();
        let mut rx = Rx::new(theirs).unwrap();
        for _ in 0..2 {
            assert_eq!(reason(rx.recv(None)), (ErrorKind::InvalidData, Some(Error::Protocol)));
        }
    });
}

#[test]
fn a_full_table_costs_descriptors_and_not_the_connection() {
    if !can_fill_table() {
        return;
    }
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(ours);
        let mut rx = Rx::new(theirs).unwrap();
        tx.queue(b"lost".to_vec(), [file(), file()]).unwrap();
        tx.flush(None).unwrap();
        with_full_table(1, || {
            let frame = rx.recv(None).unwrap().unwrap();
            assert_eq!(frame.bytes, b"lost");
            let came: Vec<_> = frame.fds.map(|fd| fd.map(drop).map_err(|error| error.raw_os_error())).collect();
            assert_eq!(came, [Ok(()), Err(Some(libc::EMFILE))]);
        });
        tx.queue(b"next".to_vec(), [file()]).unwrap();
        tx.flush(None).unwrap();
        let frame = rx.recv(None).unwrap().unwrap();
        assert_eq!(frame.bytes, b"next");
        let [_fd] = frame.fds.take_exact().unwrap();
    });
}

#[test]
fn sockets_that_can_not_carry_a_channel_are_refused() {
    leaves_nothing_open(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(Tx::<_>::new(&udp, 1).unwrap_err().raw_os_error(), Some(libc::EAFNOSUPPORT));
        assert_eq!(Rx::new(&udp).unwrap_err().raw_os_error(), Some(libc::EAFNOSUPPORT));
        let (one, _other) = UnixDatagram::pair().unwrap();
        assert_eq!(Tx::<_>::new(&one, 1).unwrap_err().raw_os_error(), Some(libc::EPROTOTYPE));
        assert_eq!(Rx::new(&one).unwrap_err().raw_os_error(), Some(libc::EPROTOTYPE));
    });
}

#[test]
fn memory_of_the_callers_serves_of_any_alignment_and_too_little_is_refused() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut slots = [const { Slot::<&[u8], 1>::new() }; 2];
        let mut tx_memory = [MaybeUninit::uninit(); TX_MEMORY];
        let mut rx_memory = vec![MaybeUninit::uninit(); RX_MEMORY + 8];
        let short = Tx::in_place(&ours, &mut slots, &mut tx_memory[..1000], Limits::default()).map(drop);
        assert_eq!(reason(short).1, Some(Error::NoRoom));
        for len in [0, 1, 2000, RX_MEMORY - 3000] {
            let short = Rx::in_place(&theirs, &mut rx_memory[..len], Limits::default()).map(drop);
            assert_eq!(reason(short).1, Some(Error::NoRoom));
        }
        let bytes = vec![7; 65_528];
        for offset in 0..8 {
            let mut tx = Tx::in_place(&ours, &mut slots, &mut tx_memory[offset..], Limits::default()).unwrap();
            let memory = &mut rx_memory[offset..offset + RX_MEMORY];
            let mut rx = Rx::in_place(&theirs, memory, Limits::default()).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    tx.queue(&bytes, [file()]).unwrap();
                    tx.flush(None).unwrap();
                });
                let frame = rx.recv(None).unwrap().unwrap();
                assert!(frame.bytes == bytes && !frame.more);
                let [_] = frame.fds.take_exact().unwrap();
            });
        }
    });
}

#[test]
fn a_message_whose_descriptor_can_not_be_sent_is_dropped_alone() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut tx = sending(ours);
        if ancillary::SocketOptions::refuse_fds(&theirs).is_err() {
            println!("skipped: no SO_PASSRIGHTS");
            return;
        }
        tx.queue(b"before".to_vec(), []).unwrap();
        tx.queue(b"with".to_vec(), [file()]).unwrap();
        tx.queue(b"after".to_vec(), []).unwrap();
        assert_eq!(reason(tx.flush(None)).0, ErrorKind::PermissionDenied);
        tx.flush(None).unwrap();
        let fates: Vec<_> = std::iter::from_fn(|| tx.reclaim()).map(|done| done.is_sent).collect();
        assert_eq!(fates, [true, false, true]);
        let mut rx = Rx::new(theirs).unwrap();
        assert_eq!(rx.recv(None).unwrap().unwrap().bytes, b"before");
        assert_eq!(rx.recv(None).unwrap().unwrap().bytes, b"after");
    });
}

#[test]
fn bytes_that_panic_when_they_are_looked_at_leave_the_channel_as_it_was() {
    leaves_nothing_open(|| {
        struct Moody(bool);
        impl AsRef<[u8]> for Moody {
            fn as_ref(&self) -> &[u8] {
                assert!(!self.0, "as asked");
                b"fine"
            }
        }
        let (ours, theirs): (UnixStream, _) = stream();
        let mut tx: Tx<_, Moody, 1> = Tx::new(ours, 1).unwrap();
        let moody = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(tx.queue(Moody(true), [file()]))));
        assert!(moody.is_err() && tx.is_empty());
        tx.queue(Moody(false), [file()]).unwrap_or_else(|_| panic!());
        tx.flush(None).unwrap();
        assert_eq!(Rx::new(theirs).unwrap().recv(None).unwrap().unwrap().bytes, b"fine");
    });
}
