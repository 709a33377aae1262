//! Properties of the calls on tokio's sockets: those of the blocking ones, and that a future can be dropped
//! wherever it waits.

mod common;

use std::future::Future;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ancillary::tokio::AsyncSocketExt;
use ancillary::{
    AncillaryData, CONTROL_MAX, Error, Facts, IpVersion, MsgFlags, RecvAncillary, RecvMessage, Rx, SendAncillary,
    SendMessage, SocketOptions, Tx, fds_space,
};
use common::*;
use tokio::io::unix::AsyncFd;
use tokio::net::{UdpSocket, UnixDatagram, UnixStream};
use tokio::task::yield_now;

/// Runs a test on a runtime of its own, which is gone before descriptors are counted.
fn run(test: impl Future<Output = ()>) {
    let mut test = Some(test);
    leaves_nothing_open(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(60), test.take().unwrap()).await.expect("in time");
        });
    });
}

/// Polls a future so many times and drops it, unless it is ready before.
async fn dropped_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(result) = polled {
            return Some(result);
        }
        yield_now().await;
    }
    None
}

fn is_send<T: Send>(future: T) -> T {
    future
}

fn seqpackets() -> (AsyncFd<OwnedFd>, AsyncFd<OwnedFd>) {
    let (ours, theirs) = pair(libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK);
    #[allow(deprecated, reason = "its successor is newer than what users may have")]
    (AsyncFd::new(ours).unwrap(), AsyncFd::new(theirs).unwrap())
}

#[test]
fn what_was_sent_is_what_comes_on_every_socket() {
    run(async {
        async fn works(ours: impl AsyncSocketExt, theirs: impl AsyncSocketExt) {
            let sent = files(3);
            let lent = lend(&sent);
            let expected: Vec<_> = sent.iter().map(identity).collect();
            let mut bytes = [0; 16];
            ours.send_fds(b"bytes", &lent).await.unwrap();
            let (5, came) = theirs.recv_fds::<3>(&mut bytes).await.unwrap() else { panic!() };
            assert!(came.iter().all(is_cloexec));
            assert_eq!(came.iter().map(identity).collect::<Vec<_>>(), expected);
            let parts = [IoSlice::new(b"by"), IoSlice::new(b"tes")];
            ours.send_fds_vectored(&parts, &lent).await.unwrap();
            let [a, b, c] = theirs.recv_fds_all(&mut bytes[..5]).await.unwrap();
            assert_eq!((&bytes[..5], [a, b, c].map(identity).to_vec()), (&b"bytes"[..], expected.clone()));
            ours.send_fd(&sent[0]).await.unwrap();
            assert_eq!(identity(theirs.recv_fd().await.unwrap()), expected[0]);
            ours.send_fds(b"x", &lent).await.unwrap();
            let mut slots = [const { None }; 4];
            let came = theirs.recv_fds_into(&mut bytes, &mut slots).await.unwrap();
            assert_eq!((came, slots.iter().flatten().count()), ((1, 3), 3));
            ours.send_fds(b"x", &lent).await.unwrap();
            let surplus = theirs.recv_fds::<2>(&mut bytes).await.unwrap_err();
            assert_eq!(Error::of(&surplus), Some(Error::SurplusFds));
            let many = ours.send_fds(b"x", &vec![lent[0]; 254]).await.unwrap_err();
            assert_eq!(Error::of(&many), Some(Error::TooManyFds));
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        works(&ours, &theirs).await;
        drop(ours);
        let ended = theirs.recv_fd().await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        works(&ours, &theirs).await;
        let (ours, theirs) = seqpackets();
        works(&ours, &theirs).await;
    });
}

#[test]
fn messages_with_control_data_come_and_go() {
    run(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.want(Facts::CREDENTIALS, Facts::empty()).unwrap();
        let mut room = [MaybeUninit::uninit(); 64];
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[ours.as_fd()]).unwrap();
        let bytes = [IoSlice::new(b"x")];
        is_send(ours.send_message(&bytes, &control, MsgFlags::empty())).await.unwrap();
        let mut room = [MaybeUninit::uninit(); CONTROL_MAX];
        let mut control = RecvAncillary::new(&mut room);
        let mut bytes = [0; 8];
        let mut bufs = [IoSliceMut::new(&mut bytes)];
        let came = theirs.recv_message(&mut bufs, &mut control, MsgFlags::empty());
        assert_eq!(is_send(came).await.unwrap().bytes, 1);
        assert_eq!((control.messages().count(), control.take_fds::<1>().unwrap().len()), (2, 1));

        let localhost: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (a, b) = (UdpSocket::bind(localhost).await.unwrap(), UdpSocket::bind(localhost).await.unwrap());
        b.want(Facts::TTL, Facts::empty()).unwrap();
        let mut room = [MaybeUninit::uninit(); 64];
        let mut control = SendAncillary::new(&mut room);
        control.put_ttl(IpVersion::V4, 9).unwrap();
        let to = b.local_addr().unwrap().into();
        a.send_message_to(&[IoSlice::new(b"x")], &control, &to, MsgFlags::empty()).await.unwrap();
        let mut room = [MaybeUninit::uninit(); 64];
        let mut control = RecvAncillary::new(&mut room);
        b.recv_message(&mut bufs, &mut control, MsgFlags::empty()).await.unwrap();
        assert!(matches!(control.messages().next(), Some(AncillaryData::Ttl(9))));

        // The error queue is waited for, too.
        a.want(Facts::ERROR, Facts::empty()).unwrap();
        let closed = std::net::UdpSocket::bind(localhost).unwrap().local_addr().unwrap();
        a.send_to(b"anybody?", closed).await.unwrap();
        let mut room = [MaybeUninit::uninit(); 128];
        let mut control = RecvAncillary::new(&mut room);
        a.recv_message(&mut bufs, &mut control, MsgFlags::ERRQUEUE).await.unwrap();
        assert!(matches!(control.messages().next(), Some(AncillaryData::Error(..))));
    });
}

#[test]
fn batches_come_and_go_and_one_that_is_dropped_while_it_waits_has_done_nothing() {
    run(async {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let sent = file();
        let mut room = [MaybeUninit::uninit(); fds_space(1)];
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[sent.as_fd()]).unwrap();
        let mut bytes = [[0; 8]; 4];
        let mut rooms = [[MaybeUninit::uninit(); CONTROL_MAX]; 4];
        let mut places: Vec<_> = bytes
            .iter_mut()
            .zip(&mut rooms)
            .map(|(bytes, room)| RecvMessage::new(bytes, RecvAncillary::new(room)))
            .collect();
        for polls in 0..4 {
            assert!(dropped_after(polls, theirs.recv_messages(&mut places, MsgFlags::empty())).await.is_none());
        }
        let mut gone = 0;
        let mut messages = [(); 3].map(|()| SendMessage::new(b"x").with(&control));
        while let Some(sent) = dropped_after(3, is_send(ours.send_messages(&mut messages, MsgFlags::empty()))).await {
            let sent = sent.unwrap();
            assert_eq!(messages.iter().filter(|message| message.sent() == Some(1)).count(), sent);
            gone += sent;
        }
        assert_eq!(messages.each_ref().map(SendMessage::sent), [None; 3]);
        let mut came = 0;
        while came < gone {
            let n = is_send(theirs.recv_messages(&mut places, MsgFlags::empty())).await.unwrap();
            for place in &mut places[..n] {
                let [fd] = place.control.take_fds_exact().unwrap();
                assert_eq!((place.bytes(), identity(fd)), (&b"x"[..], identity(&sent)));
            }
            came += n;
        }
        assert!(dropped_after(3, theirs.recv_messages(&mut places, MsgFlags::empty())).await.is_none());
    });
}

#[test]
fn a_receive_that_is_dropped_while_it_waits_has_taken_nothing() {
    run(async {
        for polls in 0..4 {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let mut bytes = [0; 8];
            assert!(dropped_after(polls, theirs.recv_fds::<1>(&mut bytes)).await.is_none());
            assert!(dropped_after(polls, theirs.recv_fds_exact::<1>(&mut bytes)).await.is_none());
            assert!(dropped_after(polls, theirs.recv_fd()).await.is_none());
            let sent = file();
            ours.send_fds(b"x", &[sent.as_fd()]).await.unwrap();
            // Each is dropped before it has come to the socket, or is ready.
            let came = loop {
                match dropped_after(polls, theirs.recv_fds_exact::<1>(&mut bytes)).await {
                    Some(came) => break came.unwrap(),
                    None if polls == 0 => {
                        break theirs.recv_fds_exact::<1>(&mut bytes).await.unwrap();
                    }
                    None => {}
                }
            };
            let (1, [fd]) = came else { panic!() };
            assert_eq!(identity(fd), identity(&sent));
        }
    });
}

#[test]
fn a_send_that_is_dropped_while_it_waits_has_sent_nothing() {
    run(async {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let sent = file();
        let mut gone = 0;
        while let Some(result) = dropped_after(3, ours.send_fds(b"x", &[sent.as_fd()])).await {
            result.unwrap();
            gone += 1;
        }
        for polls in 0..3 {
            assert!(dropped_after(polls, ours.send_fds(b"no", &[sent.as_fd()])).await.is_none());
        }
        let mut bytes = [0; 8];
        for _ in 0..gone {
            let (1, [fd]) = theirs.recv_fds_exact(&mut bytes).await.unwrap() else { panic!() };
            assert_eq!(identity(fd), identity(&sent));
        }
        assert!(dropped_after(3, theirs.recv_fds::<1>(&mut bytes)).await.is_none());
    });
}

#[test]
fn sending_all_sends_the_descriptors_once_also_where_it_is_dropped() {
    run(async {
        for polls in [1, 2, 5, usize::MAX] {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let sent = file();
            let data = vec![7; 2_000_000];
            let reader = async {
                let (mut all, mut fds, mut bytes) = (0, 0, vec![0; 60_000]);
                loop {
                    let (n, came) = theirs.recv_fds::<2>(&mut bytes).await.unwrap();
                    if n == 0 {
                        return (all, fds);
                    }
                    (all, fds) = (all + n, fds + came.len());
                }
            };
            let writer = async {
                let is_done = dropped_after(polls, ours.send_fds_all(&data, &[sent.as_fd()])).await;
                drop(ours);
                is_done.is_some()
            };
            let ((all, fds), is_done) = tokio::join!(reader, writer);
            assert_eq!((is_done, fds), (all == data.len(), 1));
            assert_eq!(is_done, polls == usize::MAX);
        }
    });
}

#[test]
fn receiving_all_that_is_dropped_in_the_middle_leaks_nothing() {
    run(async {
        for polls in 0..5 {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.send_fds(b"part", &[file().as_fd()]).await.unwrap();
            let mut bytes = [0; 8];
            assert!(dropped_after(polls, theirs.recv_fds_all::<2>(&mut bytes)).await.is_none());
        }
        let (ours, theirs) = seqpackets();
        ours.send_fds(b"part", &[file().as_fd()]).await.unwrap();
        let short = theirs.recv_fds_all::<1>(&mut [0; 8]).await.unwrap_err();
        assert_eq!(short.kind(), ErrorKind::UnexpectedEof);
    });
}

/// Sends through a channel whose futures are dropped after so many polls, and receives the same way.
async fn through_a_channel<S: ancillary::tokio::AsyncSocket + Send>(ours: S, theirs: S, polls: usize) {
    let mut tx: Tx<_, Vec<u8>, 2> = Tx::new(ours, 8).unwrap();
    let mut rx = Rx::new(theirs).unwrap();
    const COUNT: usize = 60;
    let len = |i: usize| if i % 10 == 3 { 300_000 } else { i * 97 % 3000 };
    let writer = async {
        for i in 0..COUNT {
            let mut message = (vec![i as u8; len(i)], ancillary::Fds::<2>::from(file()));
            while let Err(full) = tx.queue(message.0, message.1) {
                message = (full.bytes, full.fds);
                if let Some(flushed) = dropped_after(polls, is_send(tx.flush_async())).await {
                    flushed.unwrap();
                }
                yield_now().await;
            }
        }
        while !tx.is_empty() {
            if let Some(flushed) = dropped_after(polls, tx.flush_async()).await {
                flushed.unwrap();
            }
            yield_now().await;
        }
        drop(tx);
    };
    let reader = async {
        for i in 0..COUNT {
            let (mut all, mut fds) = (0, 0);
            loop {
                yield_now().await;
                let Some(frame) = dropped_after(polls, is_send(rx.recv_async())).await else { continue };
                let frame = frame.unwrap().expect("not the end");
                assert!(frame.bytes.iter().all(|byte| *byte == i as u8), "message {i}");
                (all, fds) = (all + frame.bytes.len(), fds + frame.fds.map(Result::unwrap).count());
                if !frame.more {
                    break;
                }
            }
            assert_eq!((all, fds), (len(i), 1), "message {i}");
        }
        assert!(rx.recv_async().await.unwrap().is_none());
    };
    tokio::join!(writer, reader);
}

#[test]
fn a_channel_loses_nothing_and_sends_nothing_twice_where_its_futures_are_dropped() {
    for polls in [1, 2, 3, usize::MAX] {
        run(async move {
            let (ours, theirs) = UnixStream::pair().unwrap();
            through_a_channel(ours, theirs, polls).await;
            let (ours, theirs) = seqpackets();
            through_a_channel(ours, theirs, polls).await;
        });
    }
}

/// Puts as many descriptors in flight as the limit allows, until what this returns is dropped. None: this
/// user has no limit.
fn too_many_in_flight() -> Option<(std::os::unix::net::UnixStream, std::os::unix::net::UnixStream)> {
    limit_descriptors(64);
    let (ours, theirs) = stream();
    let file = file();
    for _ in 0..100 {
        match ancillary::SocketExt::send_fds(&ours, b"x", &[file.as_fd()]) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::ETOOMANYREFS));
                return Some((ours, theirs));
            }
        }
    }
    println!("skipped: this user has no limit of descriptors in flight");
    None
}

#[test]
fn too_many_descriptors_in_flight_are_waited_out_by_the_timer() {
    as_a_lonely_user("too_many_descriptors_in_flight_are_waited_out_by_the_timer", || {
        run(async {
            let (ours, theirs) = UnixStream::pair().unwrap();
            let mut tx: Tx<_, Vec<u8>, 1> = Tx::new(&ours, 8).unwrap();
            let mut rx = Rx::new(&theirs).unwrap();
            let Some(in_flight) = too_many_in_flight() else { return };
            let sent = file();
            let expected = identity(&sent);
            tx.queue(vec![1], [sent]).unwrap();
            assert_eq!(tx.flush(Some(Duration::ZERO)).unwrap_err().raw_os_error(), Some(libc::ETOOMANYREFS));
            assert_eq!(ours.send_fd(&theirs).await.unwrap_err().raw_os_error(), Some(libc::ETOOMANYREFS));

            // The socket is ready all the time, and is asked a few times only.
            let mut polls = 0;
            let mut flush = Box::pin(tx.flush_async());
            let counted = std::future::poll_fn(|context| {
                polls += 1;
                flush.as_mut().poll(context)
            });
            assert!(tokio::time::timeout(Duration::from_millis(100), counted).await.is_err());
            assert!((4..30).contains(&polls), "{polls} polls");
            drop(flush);

            // Another one, that is dropped while it waits, has sent nothing.
            assert!(tokio::time::timeout(Duration::from_millis(5), tx.flush_async()).await.is_err());
            let free = async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(in_flight);
            };
            let (flushed, ()) = tokio::join!(tx.flush_async(), free);
            flushed.unwrap();
            let frame = rx.recv_async().await.unwrap().unwrap();
            assert_eq!(frame.bytes, [1]);
            let [fd] = frame.fds.take_exact().unwrap();
            assert_eq!(identity(fd), expected);
            assert!(dropped_after(3, rx.recv_async()).await.is_none());
        });
    });
}
