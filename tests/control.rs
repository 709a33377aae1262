//! Properties of control data: built, received, read, taken.

mod common;

use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ancillary::{
    Address, AncillaryData, CONTROL_MAX, Credentials, Error, Facts, IpVersion, MsgFlags, ReceivedData, RecvAncillary,
    SendAncillary, SocketExt, SocketOptions, fds_space, space,
};
use common::*;

const NONE: MsgFlags = MsgFlags::empty();

type Memory<const N: usize> = [MaybeUninit<u8>; N];

fn memory<const N: usize>() -> Memory<N> {
    [MaybeUninit::uninit(); N]
}

/// Receives into a buffer whose bytes do not matter.
fn receive(sock: impl AsFd, control: &mut RecvAncillary<'_>, flags: MsgFlags) -> std::io::Result<ancillary::Received> {
    sock.recv_message(&mut [IoSliceMut::new(&mut [0; 64])], control, flags)
}

#[test]
fn one_buffer_serves_many_sends() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let sent = files(2);
        let mut room = memory::<{ fds_space(2) }>();
        for fd in &sent {
            let mut control = SendAncillary::new(&mut room);
            control.put_fds(&[fd.as_fd()]).unwrap();
            for _ in 0..3 {
                ours.send_message(&[IoSlice::new(b"x")], &control, NONE).unwrap();
                assert_eq!(identity(theirs.recv_fd().unwrap()), identity(fd));
            }
            control.clear();
            ours.send_message(&[IoSlice::new(b"x")], &control, NONE).unwrap();
            assert_eq!(Error::of(&theirs.recv_fd().unwrap_err()), Some(Error::MissingFds));
        }
    });
}

#[test]
fn what_can_not_be_sent_is_refused_and_what_was_put_before_stands() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut room = memory::<{ fds_space(200) + fds_space(53) + space(4) }>();
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[ours.as_fd(); 200]).unwrap();
        let refused = |result: std::io::Result<()>| Error::of(&result.unwrap_err());
        assert_eq!(refused(control.put_fds(&[ours.as_fd(); 54])), Some(Error::TooManyFds));
        // A number is not a descriptor that somebody lends.
        let number = ours.as_raw_fd().to_ne_bytes();
        assert_eq!(refused(control.put(libc::SOL_SOCKET, libc::SCM_RIGHTS, &number)), Some(Error::Invalid));
        // SCM_SECURITY is never sent.
        assert_eq!(refused(control.put(libc::SOL_SOCKET, 3, b"label")), Some(Error::Invalid));
        assert_eq!(refused(control.put_ttl(IpVersion::V4, 0)), Some(Error::Invalid));
        assert_eq!(
            refused(
                control
                    .put_credentials(&Credentials { pid: 1, uid: 0, gid: 0 })
                    .and(control.put_fds(&[ours.as_fd(); 53]))
            ),
            Some(Error::NoRoom)
        );
        let mut room = memory::<{ fds_space(200) }>();
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&[ours.as_fd(); 200]).unwrap();
        assert_eq!(refused(control.put_mark(1)), Some(Error::NoRoom));
        ours.send_message(&[IoSlice::new(b"x")], &control, NONE).unwrap();
        assert_eq!(theirs.recv_fds_exact::<200>(&mut [0]).unwrap().1.len(), 200);
        assert_eq!(Error::of(&ours.send_message(&[], &control, NONE).unwrap_err()), Some(Error::NoBytes));
    });
}

#[test]
fn credentials_pidfd_and_descriptors_come_side_by_side() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        theirs.want(Facts::CREDENTIALS | Facts::PIDFD, Facts::empty()).unwrap();
        let sent = files(2);
        let mut room = memory::<{ fds_space(2) + space(12) }>();
        let mut control = SendAncillary::new(&mut room);
        control.put_fds(&lend(&sent)).unwrap();
        control.put_credentials(&Credentials::own()).unwrap();
        ours.send_message(&[IoSlice::new(b"hello")], &control, NONE).unwrap();

        let mut room = memory::<CONTROL_MAX>();
        let mut control = RecvAncillary::new(&mut room);
        let came = receive(&theirs, &mut control, NONE).unwrap();
        assert_eq!((came.bytes, came.flags), (5, NONE));
        assert!(!control.is_truncated() && control.truncation_cause().is_none());
        let (mut fds, mut who, mut process) = (Vec::new(), None, None);
        for data in control.messages() {
            match data {
                AncillaryData::Rights(lent) => fds.extend(lent.map(identity)),
                AncillaryData::Credentials(credentials) => who = Some(credentials),
                AncillaryData::Pidfd(pidfd) => {
                    process = Some(ancillary::pidfd_matches(pidfd.unwrap(), std::process::id() as i32).unwrap())
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(fds, sent.iter().map(identity).collect::<Vec<_>>());
        assert_eq!((who, process), (Some(Credentials::own()), Some(true)));

        let info = control.decode().unwrap();
        assert_eq!(info.present(), Facts::RIGHTS | Facts::CREDENTIALS | Facts::PIDFD);
        assert_eq!((info.fds(), info.others(), info.credentials()), (2, 0, who));

        let pidfd = control.take_pidfd().unwrap();
        assert!(is_cloexec(&pidfd));
        assert_eq!(Error::of(&control.take_pidfd().unwrap_err()), Some(Error::MissingFds));
        let [a, b] = control.take_fds_exact().unwrap();
        assert_eq!([identity(a), identity(b)], [identity(&sent[0]), identity(&sent[1])]);
        assert_eq!(control.decode().unwrap().fds(), 0);
        assert!(control.messages().all(|data| match data {
            AncillaryData::Rights(mut fds) => fds.next().is_none(),
            AncillaryData::Pidfd(pidfd) => pidfd.is_err(),
            _ => true,
        }));
        drop(control);
        assert!(is_open(pidfd.as_raw_fd()));
    });
}

#[test]
fn what_nobody_takes_is_closed_by_whatever_comes_next() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        theirs.want(Facts::PIDFD, Facts::empty()).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let before = open();
        let nothing_came = |control: &RecvAncillary<'_>| {
            assert_eq!(control.messages().count(), 0);
            assert_eq!(open(), before);
        };
        let mut room = memory::<CONTROL_MAX>();
        let mut control = RecvAncillary::new(&mut room);
        for how in 0..5 {
            ours.send_fds(b"x", &[ours.as_fd(); 3]).unwrap();
            receive(&theirs, &mut control, NONE).unwrap();
            assert_eq!(open().len(), before.len() + 4);
            match how {
                0 => control.clear(),
                // The next one, which brings nothing.
                1 => assert_eq!(receive(&theirs, &mut control, NONE).unwrap_err().kind(), ErrorKind::WouldBlock),
                // Taking fewer, or more.
                2 => {
                    assert_eq!(Error::of(&control.take_fds::<2>().unwrap_err()), Some(Error::SurplusFds));
                    drop(control.take_pidfd());
                    control.clear();
                }
                3 => {
                    assert_eq!(Error::of(&control.take_fds_exact::<4>().unwrap_err()), Some(Error::MissingFds));
                    control.clear();
                }
                _ => {
                    drop(control);
                    assert_eq!(open(), before);
                    return;
                }
            }
            nothing_came(&control);
        }
    });
}

#[test]
fn what_is_drained_is_the_callers_and_the_rest_stays_until_it_is_closed() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        theirs.want(Facts::CREDENTIALS | Facts::PIDFD, Facts::empty()).unwrap();
        let sent = files(3);
        ours.send_fds(b"x", &lend(&sent)).unwrap();
        let mut room = memory::<CONTROL_MAX>();
        let mut control = RecvAncillary::new(&mut room);
        receive(&theirs, &mut control, NONE).unwrap();

        let mut kept: Vec<OwnedFd> = Vec::new();
        let mut others = 0;
        for data in control.drain() {
            match data {
                ReceivedData::Rights(mut fds) => kept.extend(fds.next()),
                ReceivedData::Pidfd(_) => {}
                ReceivedData::Other(AncillaryData::Credentials(who)) => {
                    others += 1;
                    assert_eq!(who, Credentials::own());
                }
                ReceivedData::Other(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((kept.len(), others), (1, 1));
        assert_eq!(control.decode().unwrap().fds(), 2);
        // Iterators that nobody advances take nothing.
        assert_eq!(control.drain().count(), 3);
        let Some(ReceivedData::Rights(fds)) = control.drain().find(|data| matches!(data, ReceivedData::Rights(_)))
        else {
            panic!()
        };
        let _ = fds;
        let rest = control.take_fds::<2>().unwrap();
        assert_eq!(rest.iter().map(identity).collect::<Vec<_>>(), [identity(&sent[1]), identity(&sent[2])]);
        assert_eq!(identity(&kept[0]), identity(&sent[0]));
        assert!(control.drain().any(|data| matches!(data, ReceivedData::Pidfd(Err(_)))));
    });
}

#[test]
fn a_peek_leaves_the_message_and_hands_over_nothing() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        ours.send_fds(b"x", &[ours.as_fd()]).unwrap();
        let before = open();
        let mut room = memory::<CONTROL_MAX>();
        let mut control = RecvAncillary::new(&mut room);
        assert_eq!(receive(&theirs, &mut control, MsgFlags::PEEK).unwrap().bytes, 1);
        assert!(control.take_fds::<1>().unwrap().is_empty());
        assert_eq!(open(), before);
        receive(&theirs, &mut control, NONE).unwrap();
        assert_eq!(control.take_fds::<1>().unwrap().len(), 1);
    });
}

#[test]
fn what_did_not_fit_is_told_and_why() {
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut room = memory::<{ fds_space(1) }>();
        let mut control = RecvAncillary::new(&mut room);
        ours.send_fds(b"x", &[ours.as_fd(); 5]).unwrap();
        let came = receive(&theirs, &mut control, NONE).unwrap();
        assert!(came.flags.contains(MsgFlags::CTRUNC) && control.is_truncated());
        assert_eq!(Error::of(&control.truncation_cause().unwrap()), Some(Error::NoRoom));

        // A message cut in its payload shows as what is left of it.
        theirs.want(Facts::CREDENTIALS, Facts::empty()).unwrap();
        ours.send_fds(b"x", &[]).unwrap();
        receive(&theirs, &mut control, NONE).unwrap();
        let Some(AncillaryData::Unknown { level, ty, payload, cut: true }) = control.messages().next() else {
            panic!()
        };
        assert_eq!((level, ty, payload.len()), (libc::SOL_SOCKET, libc::SCM_CREDENTIALS, 8));
        assert_eq!(control.decode().unwrap().cut(), Facts::CREDENTIALS);
    });
}

#[test]
fn a_full_table_is_told_as_the_cause() {
    if !can_fill_table() {
        return;
    }
    leaves_nothing_open(|| {
        let (ours, theirs) = stream();
        let mut room = memory::<CONTROL_MAX>();
        let mut control = RecvAncillary::new(&mut room);
        ours.send_fds(b"x", &lend(&files(2))).unwrap();
        let cause = with_full_table(0, || {
            receive(&theirs, &mut control, NONE).unwrap();
            control.truncation_cause().unwrap()
        });
        assert_eq!(cause.raw_os_error(), Some(libc::EMFILE));
    });
}

#[test]
fn a_datagram_tells_where_when_and_how_it_came() {
    leaves_nothing_open(|| {
        for (v4, host) in [(true, "127.0.0.2"), (false, "::1")] {
            let Ok(server) = UdpSocket::bind((host, 0)) else {
                println!("skipped: no {host}");
                continue;
            };
            let facts = Facts::DEST | Facts::TTL | Facts::TOS | Facts::TIME;
            server.want(facts, Facts::empty()).unwrap();
            assert!(server.wanted().unwrap().contains(facts));
            let client = UdpSocket::bind((if v4 { "127.0.0.1" } else { host }, 0)).unwrap();
            let version = if v4 { IpVersion::V4 } else { IpVersion::V6 };
            let mut room = memory::<256>();
            let mut control = SendAncillary::new(&mut room);
            control.put_ttl(version, 7).unwrap();
            control.put_tos(version, 0x28).unwrap();
            let to = server.local_addr().unwrap().into();
            assert_eq!(client.send_message_to(&[IoSlice::new(b"asked")], &control, &to, NONE).unwrap(), 5);

            let mut room = memory::<256>();
            let mut control = RecvAncillary::new(&mut room);
            let came = receive(&server, &mut control, NONE).unwrap();
            assert_eq!(came.from.as_ip(), Some(client.local_addr().unwrap()));
            let info = control.decode().unwrap();
            assert_eq!((info.present(), info.ttl(), info.tos()), (facts, Some(7), Some(0x28)));
            let dest = info.dest().unwrap();
            assert_eq!((dest.to, dest.reply_from), (host.parse().unwrap(), Some(host.parse().unwrap())));
            let age = SystemTime::now().duration_since(info.time().unwrap().into()).unwrap();
            assert!(age < Duration::from_secs(60));
            let mut each: Vec<String> =
                control.messages().map(|data| format!("{data:?}")).map(|text| text[..3].into()).collect();
            each.sort();
            assert_eq!(each, ["Des", "Tim", "Tos", "Ttl"]);

            // Answered from the address that was asked, though the socket is bound to none.
            let any = UdpSocket::bind((if v4 { "0.0.0.0" } else { "::" }, 0)).unwrap();
            let mut room = memory::<256>();
            let mut control = SendAncillary::new(&mut room);
            control.put_reply_from(&dest).unwrap();
            any.send_message_to(&[IoSlice::new(b"answer")], &control, &came.from, NONE).unwrap();
            assert_eq!(client.recv_from(&mut [0; 16]).unwrap().1.ip(), dest.to);
            control.clear();
            control.put_source(host.parse().unwrap(), 0).unwrap();
            any.send_message_to(&[IoSlice::new(b"answer")], &control, &came.from, NONE).unwrap();
            assert_eq!(client.recv_from(&mut [0; 16]).unwrap().1.ip(), dest.to);
        }
    });
}

#[test]
fn an_icmp_error_names_who_reported_it() {
    leaves_nothing_open(|| {
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let sock = UdpSocket::bind("127.0.0.1:0").unwrap();
        sock.want(Facts::ERROR, Facts::empty()).unwrap();
        sock.connect(closed).unwrap();
        sock.send(b"anybody there?").unwrap();
        let mut room = memory::<256>();
        let mut control = RecvAncillary::new(&mut room);
        // It comes by the loopback, before send returns.
        let came = receive(&sock, &mut control, MsgFlags::ERRQUEUE | MsgFlags::DONTWAIT).unwrap();
        assert!(came.flags.contains(MsgFlags::ERRQUEUE));
        assert_eq!(came.from.as_ip(), Some(closed));
        let Some(AncillaryData::Error(error, Some(offender))) = control.messages().next() else {
            panic!("{control:?}")
        };
        assert_eq!((error.errno.number(), error.ty, error.code), (libc::ECONNREFUSED, 3, 3));
        assert_eq!(offender.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(control.decode().unwrap().offender(), Some(offender));
    });
}

#[test]
fn a_message_that_nobody_knows_shows_its_level_type_and_bytes() {
    leaves_nothing_open(|| {
        // SAFETY: no memory.
        let netlink = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        // SAFETY: it has just been made.
        let netlink = unsafe { <OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(netlink) };
        const SOL_NETLINK: i32 = 270;
        const NETLINK_PKTINFO: i32 = 3;
        set_option(&netlink, SOL_NETLINK, NETLINK_PKTINFO, 1).unwrap();
        // RTM_GETLINK of an interface that is not there is answered by an error.
        let mut request = [0u8; 32];
        request[..4].copy_from_slice(&32u32.to_ne_bytes());
        request[4..6].copy_from_slice(&18u16.to_ne_bytes());
        request[6..8].copy_from_slice(&1u16.to_ne_bytes());
        netlink.send_message(&[IoSlice::new(&request)], &SendAncillary::none(), NONE).unwrap();
        let mut room = memory::<256>();
        let mut control = RecvAncillary::new(&mut room);
        receive(&netlink, &mut control, NONE).unwrap();
        let Some(AncillaryData::Unknown { level, ty, payload, cut }) = control.messages().next() else { panic!() };
        assert_eq!((level, ty, payload, cut), (SOL_NETLINK, NETLINK_PKTINFO, &[0; 4][..], false));
        assert_eq!(control.decode().unwrap().others(), 1);
        let drained = control.drain().next();
        assert!(matches!(drained, Some(ReceivedData::Other(AncillaryData::Unknown { level: SOL_NETLINK, .. }))));
    });
}

#[test]
fn addresses_name_who_sent() {
    leaves_nothing_open(|| {
        let dir = std::env::temp_dir().join(format!("ancillary-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("one");
        let (one, two) = (UnixDatagram::bind(&path).unwrap(), UnixDatagram::bind(dir.join("two")).unwrap());
        let mut room = memory::<64>();
        let mut control = RecvAncillary::new(&mut room);
        let bytes = [IoSlice::new(b"x")];
        let to = Address::unix(dir.join("two")).unwrap();
        one.send_message_to(&bytes, &SendAncillary::none(), &to, NONE).unwrap();
        assert_eq!(receive(&two, &mut control, NONE).unwrap().from.as_path(), Some(&*path));
        let unnamed = UnixDatagram::unbound().unwrap();
        unnamed.send_message_to(&bytes, &SendAncillary::none(), &to, NONE).unwrap();
        let from = receive(&two, &mut control, NONE).unwrap().from;
        assert!(
            from.is_unnamed() && from.as_path().is_none() && from.as_abstract().is_none() && from.as_ip().is_none()
        );
        std::fs::remove_dir_all(&dir).unwrap();

        let name = format!("ancillary\0{}", std::process::id());
        use std::os::linux::net::SocketAddrExt;
        let bound = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let named = UnixDatagram::bind_addr(&bound).unwrap();
        named.send_message_to(&bytes, &SendAncillary::none(), &Address::unix_abstract(&name).unwrap(), NONE).unwrap();
        assert_eq!(receive(&named, &mut control, NONE).unwrap().from.as_abstract(), Some(name.as_bytes()));

        for text in ["127.0.0.1:80", "[2001:db8::1]:443", "[fe80::1%7]:1"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Address::from(address).as_ip(), Some(address));
            assert_eq!(format!("{:?}", Address::from(address)), text);
        }
        for bad in ["", "a\0b"] {
            assert_eq!(Error::of(&Address::unix(bad).unwrap_err()), Some(Error::BadAddress));
        }
        let long = "x".repeat(107);
        assert_eq!(Address::unix(&long).unwrap().as_path(), Some(Path::new(&long)));
        assert!(Address::unix("x".repeat(108)).is_err());
        assert_eq!(Address::unix_abstract(&long).unwrap().as_abstract(), Some(long.as_bytes()));
        assert!(Address::unix_abstract("x".repeat(108)).is_err());
    });
}

#[test]
fn facts_are_asked_for_all_or_none() {
    leaves_nothing_open(|| {
        let (ours, _theirs) = stream();
        let refusal = ours.want(Facts::CREDENTIALS | Facts::TTL | Facts::DEST, Facts::empty()).unwrap_err();
        assert_eq!(refusal.facts, Facts::TTL | Facts::DEST);
        assert_eq!(std::io::Error::from(refusal).raw_os_error(), Some(libc::ENOPROTOOPT));
        assert_eq!(ours.wanted().unwrap(), Facts::RIGHTS);
        ours.want(Facts::CREDENTIALS, Facts::empty()).unwrap();
        ours.want(Facts::empty(), Facts::CREDENTIALS).unwrap();
        assert_eq!(ours.wanted().unwrap(), Facts::RIGHTS);
        let both = ours.want(Facts::CREDENTIALS, Facts::CREDENTIALS).unwrap_err();
        assert!(both.facts.is_empty() && both.errno.number() == libc::EINVAL);
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.want_timestamping(1 << 3 | 1 << 4).unwrap();
        assert!(udp.wanted().unwrap().contains(Facts::TIMESTAMPING));
        assert_eq!(ours.want_timestamping(1 << 3).unwrap_err().raw_os_error(), Some(libc::ENOPROTOOPT));
    });
}

#[test]
fn a_set_is_what_its_names_say() {
    assert_eq!(format!("{:?}", Facts::empty()), "(none)");
    assert_eq!(format!("{:?}", Facts::from_bits_retain(1 << 63) | Facts::TTL), "TTL | 0x8000000000000000");
    assert_eq!(Facts::all().iter().count(), 22);
    assert_eq!(Facts::all().iter().collect::<Facts>(), Facts::all());
    assert_eq!((Facts::TTL | Facts::TOS) & Facts::TOS, Facts::TOS);
    assert!((Facts::TTL | Facts::TOS) - Facts::TOS == Facts::TTL);
    assert_eq!(Facts::all().bits(), (1 << 22) - 1);
}
