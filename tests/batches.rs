//! Properties of batches: several messages by one system call.

mod common;

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use ancillary::{
    CONTROL_MAX, Error, Facts, IpVersion, MsgFlags, RecvAncillary, RecvMessage, SendAncillary, SendMessage, SocketExt,
    SocketOptions, fds_space, space,
};
use common::*;

const NONE: MsgFlags = MsgFlags::empty();

type Memory = [MaybeUninit<u8>; CONTROL_MAX];

/// Memory for so many messages.
struct Places {
    bytes: Vec<[u8; 16]>,
    control: Vec<Memory>,
}

impl Places {
    fn new(count: usize) -> Self {
        Self { bytes: vec![[0; 16]; count], control: vec![[MaybeUninit::uninit(); CONTROL_MAX]; count] }
    }

    fn messages(&mut self) -> Vec<RecvMessage<'_>> {
        let places = self.bytes.iter_mut().zip(&mut self.control);
        places.map(|(bytes, control)| RecvMessage::new(bytes, RecvAncillary::new(control))).collect()
    }
}

fn kind_of<T>(result: std::io::Result<T>) -> (ErrorKind, Option<Error>) {
    let error = result.err().expect("an error");
    (error.kind(), Error::of(&error))
}

#[test]
fn each_message_has_its_own_bytes_and_descriptors() {
    for ty in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET, libc::SOCK_STREAM] {
        leaves_nothing_open(|| {
            let (ours, theirs) = pair(ty);
            let sent: Vec<Vec<OwnedFd>> = (0..9).map(|i| files(i % 3 + 1)).collect();
            let mut rooms = [[MaybeUninit::uninit(); fds_space(3)]; 9];
            let mut controls: Vec<_> = rooms.iter_mut().map(|room| SendAncillary::new(room)).collect();
            for (control, fds) in controls.iter_mut().zip(&sent) {
                control.put_fds(&lend(fds)).unwrap();
            }
            let bytes: Vec<Vec<u8>> = (0..9).map(|i| vec![i; usize::from(i) + 1]).collect();
            let mut messages: Vec<_> =
                bytes.iter().zip(&controls).map(|(bytes, control)| SendMessage::new(bytes).with(control)).collect();
            assert_eq!(ours.send_messages(&mut messages, NONE).unwrap(), 9);
            assert!(messages.iter().zip(&bytes).all(|(message, bytes)| message.sent() == Some(bytes.len())));

            // More places than messages: the others hold nothing.
            let mut places = Places::new(12);
            let mut messages = places.messages();
            assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 9);
            for (i, message) in messages.iter_mut().enumerate() {
                let (bytes, fds) = (bytes.get(i).cloned().unwrap_or_default(), sent.get(i).map_or(&[][..], |fds| fds));
                assert_eq!((message.bytes(), message.received().bytes), (&bytes[..], bytes.len()));
                assert_eq!(message.received().flags - MsgFlags::EOR, NONE);
                let came = message.control.take_fds::<3>().unwrap();
                assert!(came.iter().all(is_cloexec));
                assert!(came.iter().map(identity).eq(fds.iter().map(identity)), "message {i}");
            }
        });
    }
}

#[test]
fn what_nobody_takes_is_closed_by_the_next_batch_or_with_its_place() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let before = open();
        let send = |count| {
            for _ in 0..count {
                ours.send_fds(b"x", &[ours.as_fd(); 2]).unwrap();
            }
        };
        let mut places = Places::new(4);
        let mut messages = places.messages();
        send(4);
        assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 4);
        assert_eq!(open().len(), before.len() + 8);
        // One that fails, ...
        assert_eq!(kind_of(theirs.recv_messages(&mut messages, NONE)).0, ErrorKind::WouldBlock);
        assert_eq!(open(), before);
        assert!(messages.iter().all(|message| message.bytes().is_empty() && message.control.messages().count() == 0));
        // one that brings less, ...
        send(4);
        theirs.recv_messages(&mut messages, NONE).unwrap();
        send(1);
        assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 1);
        assert_eq!(open().len(), before.len() + 2);
        assert!(messages[1..].iter().all(|message| message.bytes().is_empty() && message.received().from.is_unnamed()));
        // one that has no use for the place, ...
        send(2);
        let mut many = Places::new(1025);
        let mut many = many.messages();
        theirs.recv_messages(&mut many[1024..], NONE).unwrap();
        assert_eq!(theirs.recv_messages(&mut many, NONE).unwrap(), 1);
        assert_eq!((open().len(), many[1024].bytes()), (before.len() + 4, &b""[..]));
        drop(many);
        // and the end of a place.
        let kept = messages[0].control.take_fds::<2>().unwrap();
        send(3);
        theirs.recv_messages(&mut messages[1..], NONE).unwrap();
        drop(messages);
        assert_eq!(open().len(), before.len() + 2);
        drop(kept);
        assert_eq!(open(), before);
    });
}

#[test]
fn a_batch_that_stops_short_tells_which_have_gone() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let sent = file();
        let mut room = [MaybeUninit::uninit(); fds_space(1)];
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[sent.as_fd()]).unwrap();
        let too_long = vec![0; 10 << 20];
        let mut messages = [
            SendMessage::new(b"first").with(&control),
            SendMessage::new(b"").with(&control),
            SendMessage::new(&too_long).with(&control),
            SendMessage::new(b"last").with(&control),
        ];
        assert_eq!(ours.send_messages(&mut messages, NONE).unwrap(), 2);
        assert_eq!(messages.each_ref().map(SendMessage::sent), [Some(5), Some(0), None, None]);
        // The rest: the reason, and nothing has gone, whatever had before.
        let error = ours.send_messages(&mut messages[2..], NONE).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        let mut places = Places::new(4);
        let mut came = places.messages();
        assert_eq!(theirs.recv_messages(&mut came, NONE).unwrap(), 2);
        for message in &mut came[..2] {
            let [fd] = message.control.take_fds_exact().unwrap();
            assert_eq!(identity(fd), identity(&sent));
        }
        assert_eq!(messages[0].sent(), Some(5));
        assert!(ours.send_messages(&mut messages[2..3], NONE).is_err());
        messages.swap(0, 2);
        assert!(ours.send_messages(&mut messages, NONE).is_err());
        assert_eq!(messages.each_ref().map(SendMessage::sent), [None; 4]);
    });
}

#[test]
fn on_a_stream_the_last_may_go_in_part_and_its_descriptors_have_gone() {
    leaves_nothing_open(|| {
        let (ours, mut theirs) = stream();
        ours.set_nonblocking(true).unwrap();
        let sent = files(2);
        let mut rooms = [[MaybeUninit::uninit(); fds_space(1)]; 2];
        let [one, other] = &mut rooms;
        let (mut one, mut other) = (SendAncillary::new(one), SendAncillary::new(other));
        one.put_fds(&[sent[0].as_fd()]).unwrap();
        other.put_fds(&[sent[1].as_fd()]).unwrap();
        let long = vec![7; 10 << 20];
        let mut messages = [
            SendMessage::new(b"x").with(&one),
            SendMessage::new(&long).with(&other),
            SendMessage::new(b"y").with(&one),
        ];
        assert_eq!(ours.send_messages(&mut messages, NONE).unwrap(), 2);
        let gone = messages[1].sent().unwrap();
        assert!(gone > 0 && gone < long.len());
        assert_eq!((messages[0].sent(), messages[2].sent()), (Some(1), None));
        let (1, [a]) = theirs.recv_fds_exact(&mut [0; 8]).unwrap() else { panic!() };
        let (_, [b]) = theirs.recv_fds_exact(&mut [0; 8]).unwrap();
        assert_eq!([identity(a), identity(b)], [identity(&sent[0]), identity(&sent[1])]);
        ours.set_nonblocking(false).unwrap();
        drop(ours);
        assert_eq!(std::io::copy(&mut theirs, &mut std::io::sink()).unwrap(), gone as u64 - 8);
    });
}

#[test]
fn it_waits_for_the_first_message_only_and_not_at_all_if_asked() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let mut places = Places::new(3);
        let mut messages = places.messages();
        assert_eq!(kind_of(theirs.recv_messages(&mut messages, MsgFlags::DONTWAIT)).0, ErrorKind::WouldBlock);
        std::thread::scope(|scope| {
            scope.spawn(|| ours.send(b"x").unwrap());
            assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 1);
        });
        assert_eq!(theirs.recv_messages(&mut [], NONE).unwrap(), 0);
        assert_eq!(ours.send_messages(&mut [], NONE).unwrap(), 0);
    });
}

#[test]
fn what_was_lost_of_one_message_is_told_of_that_one() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let sent = files(3);
        for bytes in [&b"short"[..], b"longer than its place", b"short"] {
            ours.send_fds(bytes, &lend(&sent)).unwrap();
        }
        let mut bytes = [[0; 16]; 3];
        let mut rooms = [[MaybeUninit::uninit(); fds_space(3)]; 2];
        let mut little = [MaybeUninit::uninit(); fds_space(1)];
        let [a, b, c] = &mut bytes;
        let [first, second] = &mut rooms;
        let mut messages = [
            RecvMessage::new(a, RecvAncillary::new(first)),
            RecvMessage::new(b, RecvAncillary::new(second)),
            RecvMessage::new(c, RecvAncillary::new(&mut little)),
        ];
        assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 3);
        let flags = messages.each_ref().map(|message| message.received().flags);
        assert_eq!(flags, [NONE, MsgFlags::TRUNC, MsgFlags::CTRUNC]);
        assert_eq!(messages[1].bytes(), b"longer than its ");
        assert_eq!(messages[1].control.take_fds::<3>().unwrap().len(), 3);
        assert_eq!(Error::of(&messages[2].control.truncation_cause().unwrap()), Some(Error::NoRoom));

        // Asked for the whole length, no more is shown than is there.
        ours.send(b"longer than its place").unwrap();
        assert_eq!(theirs.recv_messages(&mut messages[..1], MsgFlags::TRUNC).unwrap(), 1);
        assert_eq!((messages[0].received().bytes, messages[0].bytes()), (21, &b"longer than its "[..]));
    });
}

#[test]
fn several_buffers_are_filled_one_after_the_other() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let parts = [IoSlice::new(b"he"), IoSlice::new(b""), IoSlice::new(b"adbo")];
        ours.send_messages(&mut [SendMessage::vectored(&parts), SendMessage::vectored(&[])], NONE).unwrap();
        let (mut a, mut b, mut c) = ([0; 4], [0; 4], [0; 4]);
        let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b), IoSliceMut::new(&mut c)];
        let mut other = [0; 4];
        let mut messages = [
            RecvMessage::vectored(&mut bufs, RecvAncillary::new(&mut [])),
            RecvMessage::new(&mut other, RecvAncillary::new(&mut [])),
        ];
        assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 2);
        assert!(messages[0].buffers().eq([&b"head"[..], b"bo"]));
        assert_eq!((messages[0].bytes(), messages[1].buffers().count()), (&b"head"[..], 0));
    });
}

#[test]
fn what_would_lose_descriptors_is_refused_before_anything_goes() {
    leaves_nothing_open(|| {
        let (ours, mut theirs) = stream();
        let mut room = [MaybeUninit::uninit(); fds_space(1)];
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[ours.as_fd()]).unwrap();
        let mut messages = [SendMessage::new(b"fine"), SendMessage::new(b"").with(&control)];
        assert_eq!(kind_of(ours.send_messages(&mut messages, NONE)).1, Some(Error::NoBytes));
        let many = vec![IoSlice::new(b""); 1025];
        let mut messages = [SendMessage::new(b"fine"), SendMessage::vectored(&many)];
        assert_eq!(kind_of(ours.send_messages(&mut messages, NONE)).1, Some(Error::TooManyBuffers));
        theirs.set_nonblocking(true).unwrap();
        assert_eq!(kind_of(theirs.read(&mut [0])).0, ErrorKind::WouldBlock);
        let mut room = [MaybeUninit::uninit(); fds_space(1)];
        let mut messages = [RecvMessage::new(&mut [], RecvAncillary::new(&mut room))];
        assert_eq!(kind_of(theirs.recv_messages(&mut messages, NONE)).1, Some(Error::NoBytes));
    });
}

#[test]
fn as_many_go_by_one_call_as_the_system_takes() {
    leaves_nothing_open(|| {
        let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        set_option(&theirs, libc::SOL_SOCKET, libc::SO_RCVBUF, 8 << 20).unwrap();
        theirs.want(Facts::TTL, Facts::empty()).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let to = theirs.local_addr().unwrap().into();
        let from = ours.local_addr().unwrap();
        let mut room = [MaybeUninit::uninit(); space(4)];
        let mut control = SendAncillary::new(&mut room);
        control.put_ttl(IpVersion::V4, 9).unwrap();
        // About where the room on the stack changes, and beyond what one call takes.
        for count in [31, 32, 33, 200, 1024, 1030] {
            let bytes: Vec<_> = (0..count as u32).map(u32::to_ne_bytes).collect();
            let mut messages: Vec<_> =
                bytes.iter().map(|bytes| SendMessage::new(bytes).to(&to).with(&control)).collect();
            let gone = ours.send_messages(&mut messages, NONE).unwrap();
            assert_eq!(gone, count.min(1024));
            assert!(messages.iter().enumerate().all(|(i, message)| message.sent().is_some() == (i < gone)));
            let mut places = Places::new(count);
            let mut messages = places.messages();
            let came = theirs.recv_messages(&mut messages, NONE).unwrap();
            // The loopback loses what the socket has no room for.
            assert!(came == gone || count > 33, "{came} of {gone}");
            for (i, message) in messages[..came].iter().enumerate() {
                assert_eq!(message.bytes(), bytes[i]);
                assert_eq!(message.received().from.as_ip(), Some(from));
                assert_eq!(message.control.decode().unwrap().ttl(), Some(9));
            }
            assert!(messages[came..].iter().all(|message| message.received().from.is_unnamed()));
        }
    });
}

#[test]
fn at_the_end_of_file_all_places_that_are_left_hold_empty_messages() {
    leaves_nothing_open(|| {
        let (mut ours, theirs) = stream();
        ours.write_all(b"last").unwrap();
        drop(ours);
        let mut places = Places::new(3);
        let mut messages = places.messages();
        assert_eq!(theirs.recv_messages(&mut messages, NONE).unwrap(), 3);
        assert_eq!(messages.iter().map(RecvMessage::bytes).collect::<Vec<_>>(), [&b"last"[..], b"", b""]);
    });
}
