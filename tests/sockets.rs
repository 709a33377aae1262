//! Properties of sending and receiving descriptors.

mod common;

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::Arc;

use ancillary::{Error, Facts, Fds, Flags, SocketExt, SocketOptions};
use common::*;

fn kind_of<T: std::fmt::Debug>(result: std::io::Result<T>) -> (ErrorKind, Option<Error>) {
    let error = result.unwrap_err();
    (error.kind(), Error::of(&error))
}

#[test]
fn what_was_sent_is_what_comes_in_order_and_close_on_exec() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        for count in [0, 1, 2, 3, 17, 252, 253] {
            let sent = files(count);
            assert_eq!(ours.send_fds(b"bytes", &lend(&sent)).unwrap(), 5);
            let mut bytes = [0; 64];
            let (n, came) = theirs.recv_fds::<253>(&mut bytes).unwrap();
            assert_eq!(&bytes[..n], b"bytes");
            assert_eq!(came.iter().map(identity).collect::<Vec<_>>(), sent.iter().map(identity).collect::<Vec<_>>());
            assert!(came.iter().all(is_cloexec));
        }
    });
}

#[test]
fn more_descriptors_than_a_message_carries_are_a_clear_error_and_nothing_goes() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let error = ours.send_fds(b"x", &[ours.as_fd(); 254]).unwrap_err();
        assert_eq!((error.kind(), Error::of(&error)), (ErrorKind::InvalidInput, Some(Error::TooManyFds)));
        assert!(error.to_string().contains("253"));
        assert_eq!(kind_of(ours.send_fds_all(b"x", &[ours.as_fd(); 1000])).1, Some(Error::TooManyFds));
        theirs.set_nonblocking(true).unwrap();
        assert_eq!(kind_of(theirs.recv_fds::<253>(&mut [0])).0, ErrorKind::WouldBlock);
    });
}

#[test]
fn descriptors_need_a_byte_on_a_stream_and_none_in_a_message() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        assert_eq!(kind_of(ours.send_fds(b"", &[ours.as_fd()])).1, Some(Error::NoBytes));
        assert_eq!(kind_of(theirs.recv_fds::<1>(&mut [])).1, Some(Error::NoBytes));
        let (ours, theirs) = seqpacket();
        assert_eq!(ours.send_fds(b"", &[ours.as_fd()]).unwrap(), 0);
        let (n, [_]) = theirs.recv_fds_exact(&mut [0; 8]).unwrap();
        assert_eq!(n, 0);
    });
}

#[test]
fn surplus_is_closed_and_an_error_or_trimmed() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(3);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        assert_eq!(kind_of(theirs.recv_fds::<2>(&mut [0; 8])), (ErrorKind::InvalidData, Some(Error::SurplusFds)));
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        assert_eq!(kind_of(theirs.recv_fds::<0>(&mut [0; 8])).1, Some(Error::SurplusFds));
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        let (_, came) = theirs.recv_fds_with::<2>(&mut [IoSliceMut::new(&mut [0; 8])], Flags::TRIM).unwrap();
        assert_eq!([identity(&came[0]), identity(&came[1])], [identity(&sent[0]), identity(&sent[1])]);
    });
}

#[test]
fn exactly_so_many_means_neither_fewer_nor_more_and_what_came_is_closed() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(2);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        assert_eq!(kind_of(theirs.recv_fds_exact::<3>(&mut [0; 8])), (ErrorKind::InvalidData, Some(Error::MissingFds)));
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        assert_eq!(kind_of(theirs.recv_fds_exact::<1>(&mut [0; 8])).1, Some(Error::SurplusFds));
        ours.send_fds(b"x", &[]).unwrap();
        assert_eq!(kind_of(theirs.recv_fd()).1, Some(Error::MissingFds));
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        let (1, [a, b]) = theirs.recv_fds_exact(&mut [0; 8]).unwrap() else { panic!() };
        assert_eq!([identity(a), identity(b)], [identity(&sent[0]), identity(&sent[1])]);
    });
}

#[test]
fn end_of_file_is_told_as_such() {
    leaves_nothing_open(|| {
        let (_, theirs) = stream();
        let (n, fds) = theirs.recv_fds::<4>(&mut [0; 8]).unwrap();
        assert!(n == 0 && fds.is_empty());
        let ended = (ErrorKind::UnexpectedEof, None);
        assert_eq!(kind_of(theirs.recv_fds_exact::<1>(&mut [0; 8])), ended);
        assert_eq!(kind_of(theirs.recv_fds_exact::<0>(&mut [0; 8])), ended);
        assert_eq!(kind_of(theirs.recv_fds_all::<2>(&mut [0; 8])), ended);
        assert_eq!(kind_of(theirs.recv_fds_all::<0>(&mut [0; 8])), ended);
        assert_eq!(kind_of(theirs.recv_fd()), ended);
    });
}

#[test]
fn a_message_longer_than_the_buffer_is_an_error_and_its_descriptors_are_closed() {
    leaves_nothing_open(|| {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        ours.send_fds(b"too long", &[ours.as_fd()]).unwrap();
        assert_eq!(kind_of(theirs.recv_fds::<1>(&mut [0; 4])), (ErrorKind::InvalidData, Some(Error::Truncated)));
        ours.send_fds(b"next", &[]).unwrap();
        assert_eq!(theirs.recv_fds::<1>(&mut [0; 4]).unwrap().0, 4);
    });
}

#[test]
fn a_full_table_is_emfile_and_nothing_stays_open() {
    if !can_fill_table() {
        return;
    }
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(3);
        for free in [0, 2] {
            ours.send_fds(b"x", &lend(&sent)).unwrap();
            let came = with_full_table(free, || theirs.recv_fds::<3>(&mut [0; 8]).map(drop));
            assert_eq!(came.unwrap_err().raw_os_error(), Some(libc::EMFILE));
        }
    });
}

#[test]
fn sending_all_sends_the_descriptors_once() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let data: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
        let file = file();
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let (mut all, mut fds) = (Vec::new(), Vec::new());
                let mut bytes = [0; 50_001];
                loop {
                    let (n, came) = theirs.recv_fds::<4>(&mut bytes).unwrap();
                    if n == 0 {
                        return (all, fds);
                    }
                    all.extend_from_slice(&bytes[..n]);
                    fds.extend(came);
                }
            });
            ours.send_fds_all(&data, &[file.as_fd()]).unwrap();
            drop(ours);
            let (all, fds) = reader.join().unwrap();
            assert!(all == data);
            assert_eq!(fds.iter().map(identity).collect::<Vec<_>>(), [identity(&file)]);
        });
    });
}

#[test]
fn an_error_in_the_middle_of_sending_all_is_told() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        ours.set_nonblocking(true).unwrap();
        assert_eq!(kind_of(ours.send_fds_all(&[0; 1 << 22], &[])).0, ErrorKind::WouldBlock);
        drop(theirs);
        assert!(matches!(kind_of(ours.send_fds_all(b"x", &[])).0, ErrorKind::BrokenPipe));
    });
}

#[test]
fn receiving_all_gathers_bytes_and_descriptors_of_several_sends() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(2);
        let mut bytes = [0; 11];
        for fd in &sent {
            ours.send_fds(b"first", &[fd.as_fd()]).unwrap();
        }
        ours.send_fds(b"!", &[]).unwrap();
        let came: [OwnedFd; 2] = theirs.recv_fds_all(&mut bytes).unwrap();
        assert_eq!(&bytes, b"firstfirst!");
        assert_eq!(came.map(identity), [identity(&sent[0]), identity(&sent[1])]);

        ours.send_fds(b"part", &[sent[0].as_fd()]).unwrap();
        theirs.set_nonblocking(true).unwrap();
        assert_eq!(kind_of(theirs.recv_fds_all::<1>(&mut bytes)).0, ErrorKind::WouldBlock);
        theirs.set_nonblocking(false).unwrap();
        ours.send_fds(b"part", &[sent[0].as_fd()]).unwrap();
        drop(ours);
        assert_eq!(kind_of(theirs.recv_fds_all::<1>(&mut bytes)).0, ErrorKind::UnexpectedEof);
    });
}

#[test]
fn receiving_all_of_a_message_does_not_take_the_next_one() {
    leaves_nothing_open(|| {
        let (ours, theirs) = seqpacket();
        let file = file();
        ours.send_fds(b"short", &[file.as_fd()]).unwrap();
        ours.send_fds(b"whole!", &[file.as_fd()]).unwrap();
        let mut bytes = [0; 6];
        assert_eq!(kind_of(theirs.recv_fds_all::<1>(&mut bytes)).0, ErrorKind::UnexpectedEof);
        let [fd] = theirs.recv_fds_all(&mut bytes).unwrap();
        assert_eq!((&bytes, identity(fd)), (b"whole!", identity(&file)));
    });
}

#[test]
fn buffers_are_gathered_and_scattered_and_too_many_are_refused() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(ours.send_fds_vectored(&parts, &[ours.as_fd()]).unwrap(), 5);
        let (mut one, mut two) = ([0; 3], [0; 9]);
        let parts = &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        let (n, fds) = theirs.recv_fds_vectored::<1>(parts).unwrap();
        assert_eq!((n, fds.len(), &one, &two[..2]), (5, 1, b"abc", &b"de"[..]));
        let many: Vec<_> = (0..1025).map(|_| IoSlice::new(b"x")).collect();
        assert_eq!(kind_of(ours.send_fds_vectored(&many, &[])).1, Some(Error::TooManyBuffers));
        let mut many: Vec<_> = (0..1025).map(|_| IoSliceMut::new(&mut [])).collect();
        assert_eq!(kind_of(theirs.recv_fds_vectored::<1>(&mut many)).1, Some(Error::TooManyBuffers));
    });
}

#[test]
fn whatever_has_a_descriptor_is_a_socket() {
    leaves_nothing_open(|| {
        fn works(ours: &impl AsFd, theirs: impl AsFd) {
            ours.send_fd(ours).unwrap();
            assert_eq!(identity(theirs.recv_fd().unwrap()), identity(ours));
        }
        let (a, b) = stream();
        works(&a, &b);
        works(&Arc::new(a), Box::new(b.as_fd()));
        let (a, b) = seqpacket();
        works(&a, b);
        let (a, b) = UnixDatagram::pair().unwrap();
        works(&a, b);
    });
}

#[test]
fn a_closed_peer_is_an_error_and_no_signal() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        drop(theirs);
        // SAFETY: Rust's programs ignore it from the start, and again below.
        let was = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let sent = ours.send_fds(b"x", &[ours.as_fd()]);
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGPIPE, was) };
        assert_eq!(kind_of(sent).0, ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_callers_slots_hold_what_came_and_else_stay_as_they_are() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(2);
        let kept: Vec<_> = files(3);
        let before: Vec<_> = kept.iter().map(identity).collect();
        let mut slots: Vec<Option<OwnedFd>> = kept.into_iter().map(Some).collect();
        ours.send_fds(b"x", &lend(&[file(), file(), file(), file()])).unwrap();
        assert_eq!(kind_of(theirs.recv_fds_into(&mut [0; 8], &mut slots)).1, Some(Error::SurplusFds));
        assert_eq!(slots.iter().flatten().map(identity).collect::<Vec<_>>(), before);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        assert_eq!(theirs.recv_fds_into(&mut [0; 8], &mut slots).unwrap(), (1, 2));
        let now: Vec<_> = slots.iter().flatten().map(identity).collect();
        assert_eq!(now, [identity(&sent[0]), identity(&sent[1]), before[2]]);
    });
}

#[test]
fn flags_that_would_close_what_is_lent_or_contradict_each_other_are_refused() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let file = file();
        let moved = Flags::from_bits_retain(4);
        assert!(ours.send_fds_with(&[IoSlice::new(b"x")], &[file.as_fd()], moved).is_err());
        assert!(is_open(file.as_raw_fd()));
        let both = Flags::EXACT | Flags::TRIM;
        let mut bytes = [0];
        let bufs = &mut [IoSliceMut::new(&mut bytes)];
        assert_eq!(kind_of(theirs.recv_fds_with::<1>(bufs, both)).1, Some(Error::Invalid));
    });
}

#[test]
fn nothing_that_is_switched_on_crowds_out_a_descriptor_or_is_taken_for_one() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let facts = Facts::CREDENTIALS | Facts::PIDFD;
        theirs.want(facts, Facts::empty()).unwrap();
        let sent = files(253);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        let (_, came) = theirs.recv_fds_exact::<253>(&mut [0; 8]).unwrap();
        assert!(came.iter().map(identity).eq(sent.iter().map(identity)));
        ours.send_fds(b"x", &[]).unwrap();
        assert!(theirs.recv_fds::<4>(&mut [0; 8]).unwrap().1.is_empty());
    });
}

#[test]
fn a_socket_that_refuses_descriptors_gets_none() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        match theirs.refuse_fds() {
            Ok(()) => assert_eq!(kind_of(ours.send_fd(&ours)).0, ErrorKind::PermissionDenied),
            Err(error) => println!("skipped: {error}"),
        }
    });
}

#[test]
fn the_peer_is_who_connected() {
    leaves_nothing_open(|| {
        let (ours, _theirs) = stream();
        let (who, pidfd) = ours.peer_pidfd().unwrap();
        assert_eq!((who, who.pid), (ours.peer().unwrap(), std::process::id() as i32));
        if let Some(pidfd) = pidfd {
            assert!(is_cloexec(&pidfd));
            assert!(ancillary::pidfd_matches(&pidfd, who.pid).unwrap());
            assert!(!ancillary::pidfd_matches(&pidfd, who.pid + 1).unwrap());
            assert_eq!(kind_of(ancillary::pidfd_matches(&pidfd, 0)).0, ErrorKind::InvalidInput);
        }
        let alone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(kind_of(alone.peer()), (ErrorKind::NotConnected, Some(Error::NoPeer)));
        assert_eq!(kind_of(alone.peer_pidfd()).1, Some(Error::NoPeer));
        assert_eq!(ours.peer_token().unwrap_err().raw_os_error(), Some(libc::ENOPROTOOPT));
        // Groups that do not fit tell how many there are.
        match ours.peer_groups(&mut []) {
            Ok(none) => assert!(none.is_empty()),
            Err(error) => {
                let Some(Error::TooSmall { needed }) = Error::of(&error) else { panic!("{error}") };
                assert_eq!(ours.peer_groups(&mut vec![0; needed]).unwrap().len(), needed);
            }
        }
    });
}

#[test]
fn an_array_of_descriptors_owns_each_until_it_is_taken() {
    leaves_nothing_open(|| {
        let mut fds: Fds<4> = files(3).try_into().unwrap();
        let numbers: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let fds_back = fds.into_array().unwrap_err();
        fds = fds_back;
        let taken = fds.pop().unwrap();
        assert_eq!(taken.as_raw_fd(), numbers[2]);
        fds.push(taken).unwrap();
        fds.push(file()).unwrap();
        let surplus = file();
        let number = surplus.as_raw_fd();
        assert_eq!(fds.push(surplus).unwrap_err().as_raw_fd(), number);
        // One is replaced, and the former owner is not asked again.
        drop(mem::replace(&mut fds[0], file()));
        let mut iter = fds.into_iter();
        assert_eq!(iter.len(), 4);
        let first = iter.next().unwrap();
        drop(iter);
        assert!(is_open(first.as_raw_fd()) && !is_open(numbers[1]) && !is_open(numbers[2]));
        assert!(Fds::<1>::try_from(files(2)).is_err());
        let [a, b] = Fds::<2>::from([file(), file()]).into_array().unwrap();
        drop(a);
        assert!(is_open(b.as_raw_fd()));
        let all: Vec<OwnedFd> = Fds::<3>::from([file(), b]).into();
        assert_eq!(all.len(), 2);
        let _ = Fds::<0>::new().into_array().unwrap();
    });
}

#[test]
fn a_byte_stream_beside_it_stays_in_step() {
    leaves_nothing_open(|| {
        let (mut ours, mut theirs) = stream();
        ours.write_all(b"before").unwrap();
        ours.send_fds(b"with", &[ours.as_fd()]).unwrap();
        let mut bytes = [0; 6];
        theirs.read_exact(&mut bytes).unwrap();
        let (4, fds) = theirs.recv_fds::<1>(&mut bytes).unwrap() else { panic!() };
        assert_eq!(identity(UnixStream::from(fds.into_iter().next().unwrap())), identity(&ours));
    });
}
