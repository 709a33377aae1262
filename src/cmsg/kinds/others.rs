//! Tests of the other systems' files, compiled for the machine that runs them: their tables, and what they
//! make of payloads laid out as their kernels do. Numbers that the rest of the library has of its own
//! system, SOL_SOCKET and the families, are this machine's.

// A file that several systems share is one of each.
#![allow(clippy::duplicate_mod)]

use core::mem::MaybeUninit;

use super::Kind;
use crate::abi::anc_info;
use crate::cmsg::payload::{Fact, Payload};

/// A system's file and those that it shares with others, as its modules.
macro_rules! system {
    ($name:ident, $file:literal { $($tests:item)* }) => {
        #[allow(dead_code, unused_imports)]
        #[path = "."]
        mod $name {
            #[path = "bsd.rs"]
            mod bsd;
            #[path = "cmsgcred.rs"]
            mod cmsgcred;
            #[path = "lacking.rs"]
            mod lacking;
            #[path = "one_form.rs"]
            pub(crate) mod one_form;
            #[path = $file]
            mod platform;

            use super::super::{Kind, Puts, both, put, received, sent, shapes};
            use super::{Told, assert_sound};

            fn told(messages: &[(i32, i32, &[u8])]) -> Told {
                Told::of(messages, platform::decode)
            }

            #[test]
            fn each_kind_is_known_once_and_what_is_cut_is_not_decoded() {
                for (level, kinds) in platform::LEVELS {
                    assert_sound(level, kinds, platform::decode);
                }
            }

            $($tests)*
        }
    };
}

/// What a system says of messages, one after the other.
struct Told {
    info: anc_info,
    present: u64,
    cut: u64,
    others: usize,
}

impl Told {
    fn of(messages: &[(i32, i32, &[u8])], decode: fn(i32, i32, Payload<'_>, &mut anc_info) -> Fact) -> Self {
        // SAFETY: numbers, addresses and pointers, none of which is a reference.
        let info = unsafe { MaybeUninit::<anc_info>::zeroed().assume_init() };
        let mut told = Self { info, present: 0, cut: 0, others: 0 };
        for (level, kind, bytes) in messages {
            let bytes: Vec<_> = bytes.iter().map(|byte| MaybeUninit::new(*byte)).collect();
            // SAFETY: all of them were written.
            let payload = unsafe { Payload::new(&bytes) };
            told.info.present = told.present;
            match decode(*level, *kind, payload, &mut told.info) {
                Some((fact, true)) => told.present |= fact,
                Some((fact, false)) => told.cut |= fact,
                None => told.others += 1,
            }
        }
        told
    }
}

/// A payload of fields, padded as C does it.
fn message(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.resize(bytes.len().next_multiple_of(field.len().min(8)), 0xaa);
        bytes.extend_from_slice(field);
    }
    bytes
}

fn assert_sound(level: i32, kinds: &[Kind], decode: fn(i32, i32, Payload<'_>, &mut anc_info) -> Fact) {
    for kind in kinds {
        assert_eq!(kind.level, level, "{kind:?}");
        assert_eq!(kinds.iter().filter(|other| other.kind == kind.kind).count(), 1, "{kind:?}");
        assert!(kind.sent || kind.received, "{kind:?}");
        for len in 0..kind.payload {
            let told = Told::of(&[(level, kind.kind, &vec![0; len])], decode);
            assert_eq!(told.present & !crate::abi::ANC_RIGHTS, 0, "{kind:?} of {len} bytes");
        }
    }
}

const LEVEL: i32 = crate::sys::SOL_SOCKET;
const IP: i32 = 0;
const IPV6: i32 = 41;

/// 2001:db8::1, of interface 3.
fn pktinfo6() -> Vec<u8> {
    message(&[&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0], &[0, 0, 0, 0, 0, 0, 0, 1], &3u32.to_ne_bytes()])
}

/// `struct timeval` of 64 bits, whose microseconds have as many as the system gives them.
fn timeval(usec: &[u8]) -> Vec<u8> {
    message(&[&1_700_000_000i64.to_ne_bytes(), usec])
}

fn assert_arrived(told: &Told, nsec: u32) {
    assert_eq!(told.present, crate::abi::ANC_TIME);
    assert_eq!((told.info.time.sec, told.info.time.nsec), (1_700_000_000, nsec));
}

/// 192.0.2.7.
const TO: [u8; 4] = [192, 0, 2, 7];

fn assert_sent_to(told: &Told, ifindex: u32) {
    assert_eq!(told.present, crate::abi::ANC_DEST);
    let dest = &told.info.dest;
    assert_eq!((dest.ifindex, &dest.to[..4]), (ifindex, &TO[..]));
    assert_eq!(dest.family, crate::sys::AF_INET as u32);
}

fn assert_ipv6(told: impl Fn(&[(i32, i32, &[u8])]) -> Told, pktinfo: i32, hops: i32, class: i32) {
    use crate::abi::{ANC_DEST, ANC_TOS, ANC_TTL};
    let (info, number) = (pktinfo6(), |n: i32| n.to_ne_bytes());
    let told = told(&[(IPV6, pktinfo, &info), (IPV6, hops, &number(64)), (IPV6, class, &number(0xb8))]);
    assert_eq!((told.present, told.cut, told.others), (ANC_DEST | ANC_TTL | ANC_TOS, 0, 0));
    assert_eq!((told.info.dest.ifindex, told.info.ttl, told.info.tos), (3, 64, 0xb8));
    assert_eq!((&told.info.dest.to[..], &told.info.dest.reply_from[..]), (&info[..16], &info[..16]));
}

system!(freebsd, "freebsd.rs" {
    #[path = "kame.rs"]
    mod kame;
    use super::{IP, IPV6, LEVEL, TO, assert_arrived, assert_ipv6, assert_sent_to, timeval};
    use crate::abi::{ANC_CREDENTIALS, ANC_DEST, ANC_ORIGINAL, ANC_TOS, ANC_TTL};

    /// A process, four ids, and groups: their number has 16 bits in struct cmsgcred.
    fn cmsgcred(ngroups: u16) -> Vec<u8> {
        let fields: [u32; 4] = [4711, 1000, 1001, 100];
        let mut groups = [0u32; 16];
        (groups[0], groups[1]) = (101, 102);
        let mut bytes = fields.map(u32::to_ne_bytes).concat();
        bytes.extend(ngroups.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(groups.map(u32::to_ne_bytes).concat());
        bytes
    }

    #[test]
    fn cmsgcred_names_the_effective_user_and_group() {
        let told = told(&[(LEVEL, 3, &cmsgcred(2))]);
        assert_eq!((told.present, told.info.pid, told.info.uid, told.info.gid), (ANC_CREDENTIALS, 4711, 1001, 101));
    }

    #[test]
    fn a_process_0_is_nobody() {
        let mut bytes = cmsgcred(2);
        bytes[..4].fill(0);
        let cmsgcred = told(&[(LEVEL, 3, &bytes)]);
        let sockcred2 = told(&[(LEVEL, 8, &[0; 28])]);
        assert_eq!((cmsgcred.present, cmsgcred.cut, sockcred2.present, sockcred2.cut), (0, 0, 0, 0));
    }

    #[test]
    fn what_may_be_a_sockcred_under_the_same_number_is_nobody() {
        assert_eq!(told(&[(LEVEL, 3, &cmsgcred(2)[..80])]).others, 1);
        let sockcred: Vec<u8> = [1000u32, 1001, 100, 101, 16].map(u32::to_ne_bytes).concat();
        let sockcred = [sockcred, vec![0; 64]].concat();
        assert_eq!(told(&[(LEVEL, 3, &sockcred)]).others, 1);
    }

    #[test]
    fn sockcred2_names_them_too_whatever_the_number_of_groups() {
        let fields = |groups: u32| [0u32, 4711, 1000, 1001, 100, 101, groups].map(u32::to_ne_bytes).concat();
        for groups in [0u32, 1, 1024] {
            let bytes = [fields(groups), vec![0; groups as usize * 4]].concat();
            let told = told(&[(LEVEL, 8, &bytes)]);
            assert_eq!((told.present, told.info.pid, told.info.uid, told.info.gid), (ANC_CREDENTIALS, 4711, 1001, 101));
        }
        assert_eq!(told(&[(LEVEL, 8, &fields(0)[..24])]).cut, ANC_CREDENTIALS);
    }

    #[test]
    fn each_form_of_the_time_of_day_is_the_same_time() {
        assert_arrived(&told(&[(LEVEL, 2, &timeval(&250_000i64.to_ne_bytes()))]), 250_000_000);
        assert_arrived(&told(&[(LEVEL, 5, &timeval(&250_000_000i64.to_ne_bytes()))]), 250_000_000);
        // A quarter of a second in units of 2^-64 of one.
        assert_arrived(&told(&[(LEVEL, 4, &timeval(&(1u64 << 62).to_ne_bytes()))]), 250_000_000);
        assert_arrived(&told(&[(LEVEL, 4, &timeval(&u64::MAX.to_ne_bytes()))]), 999_999_999);
    }

    #[test]
    fn a_clock_that_is_not_of_the_day_is_no_time_of_arrival() {
        let told = told(&[(LEVEL, 6, &timeval(&0i64.to_ne_bytes())), (LEVEL, 7, &[0; 64])]);
        assert_eq!((told.present, told.others), (0, 2));
    }

    #[test]
    fn an_interface_counts_where_an_address_was_before_it() {
        let dl = [54, 18, 9, 0, 0, 0, 0, 0].map(|byte: u8| byte);
        let index = u16::from_ne_bytes([9, 0]);
        assert_sent_to(&told(&[(IP, 7, &TO), (IP, 20, &dl)]), u32::from(index));
        assert_eq!(told(&[(IP, 20, &dl)]).present, 0);
    }

    #[test]
    fn one_byte_is_a_time_to_live_and_a_type_of_service() {
        let told = told(&[(IP, 65, &[63]), (IP, 68, &[0xb8])]);
        assert_eq!((told.present, told.info.ttl, told.info.tos), (ANC_TTL | ANC_TOS, 63, 0xb8));
    }

    #[test]
    fn the_address_before_a_redirection_is_there_whole() {
        let address = [16, 2, 0, 53, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        let told = told(&[(IP, 27, &address)]);
        assert_eq!(told.present, ANC_ORIGINAL);
        // SAFETY: a sockaddr_storage has more bytes than these, and all were zeroed.
        let stored = unsafe { (&raw const told.info.original).cast::<[u8; 16]>().read() };
        assert_eq!(stored, address);
    }

    #[test]
    fn ipv6_is_that_of_rfc_3542() {
        assert_ipv6(told, 46, 47, 61);
    }

    #[test]
    fn what_is_put_has_the_width_that_its_kernel_reads() {
        let width = |put: &Option<super::super::Put>| put.map(|put| (put.level, put.kind, put.width));
        assert_eq!(platform::PUTS.tos.each_ref().map(width), [Some((IP, 3, 1)), Some((IPV6, 61, 4))]);
        assert_eq!(platform::PUTS.ttl.each_ref().map(width), [None, Some((IPV6, 47, 4))]);
        assert_eq!(platform::source_v4(TO, 0), Ok((IP, 7, TO)));
        assert!(platform::source_v4(TO, 3).is_err());
        let (level, kind, payload) = platform::source_v6([1; 16], 3).unwrap();
        assert_eq!((level, kind, &payload[16..]), (IPV6, 46, &3u32.to_ne_bytes()[..]));
        let (level, kind, payload) = platform::credentials(&crate::cmsg::Credentials { pid: 1, uid: 2, gid: 3 }).unwrap();
        assert_eq!((level, kind, payload), (LEVEL, 3, [0; 84]));
    }

    #[test]
    fn a_broadcast_is_no_address_to_answer_from() {
        for to in [[255; 4], [224, 0, 0, 1]] {
            let told = told(&[(IP, 7, &to)]);
            assert_eq!((told.present, told.info.dest.reply_from), (ANC_DEST, [0; 16]));
        }
    }
});

system!(netbsd, "netbsd.rs" {
    #[path = "kame.rs"]
    mod kame;
    use super::{IP, IPV6, LEVEL, TO, assert_arrived, assert_ipv6, assert_sent_to, timeval};
    use crate::abi::{ANC_CREDENTIALS, ANC_TTL};

    #[test]
    fn sockcred_names_the_process_the_effective_user_and_group() {
        let bytes = [4711u32, 1000, 1001, 100, 101, 0].map(u32::to_ne_bytes).concat();
        let whole = told(&[(LEVEL, 0x10, &bytes)]);
        assert_eq!((whole.present, whole.info.pid, whole.info.uid, whole.info.gid), (ANC_CREDENTIALS, 4711, 1001, 101));
        assert_eq!(told(&[(LEVEL, 0x10, &bytes[..20])]).cut, ANC_CREDENTIALS);
    }

    #[test]
    fn pktinfo_has_the_address_first() {
        assert_sent_to(&told(&[(IP, 25, &[&TO[..], &9u32.to_ne_bytes()].concat())]), 9);
        assert_eq!(platform::source_v4(TO, 0x0102_0304), Ok((IP, 25, {
            let [a, b, c, d] = TO;
            let [i, j, k, l] = 0x0102_0304u32.to_ne_bytes();
            [a, b, c, d, i, j, k, l]
        })));
    }

    #[test]
    fn arrival_and_the_rest_of_a_datagram() {
        assert_arrived(&told(&[(LEVEL, 8, &timeval(&250_000i64.to_ne_bytes()))]), 250_000_000);
        let ttl = told(&[(IP, 23, &[63])]);
        assert_eq!((ttl.present, ttl.info.ttl), (ANC_TTL, 63));
        assert_ipv6(told, 46, 47, 61);
    }

    #[test]
    fn nobody_sends_credentials_nor_a_type_of_service_over_ipv4() {
        assert!(platform::credentials(&crate::cmsg::Credentials { pid: 1, uid: 2, gid: 3 }).is_err());
        assert!(platform::PUTS.tos[0].is_none() && platform::PUTS.ttl[0].is_none());
        assert_eq!(platform::PUTS.tos[1].map(|put| (put.level, put.kind, put.width)), Some((IPV6, 61, 4)));
    }
});

system!(openbsd, "openbsd.rs" {
    #[path = "kame.rs"]
    mod kame;
    use super::{IP, LEVEL, TO, assert_arrived, assert_ipv6, assert_sent_to, timeval};
    use crate::abi::ANC_TTL;

    #[test]
    fn a_datagram_s_facts_are_decoded() {
        assert_arrived(&told(&[(LEVEL, 4, &timeval(&250_000i64.to_ne_bytes()))]), 250_000_000);
        let index = 9u16.to_ne_bytes();
        assert_sent_to(&told(&[(IP, 7, &TO), (IP, 30, &[32, 18, index[0], index[1]])]), 9);
        let ttl = told(&[(IP, 31, &[63])]);
        assert_eq!((ttl.present, ttl.info.ttl), (ANC_TTL, 63));
        assert_ipv6(told, 46, 47, 61);
    }

    #[test]
    fn a_port_and_a_routing_table_are_left_to_anc_next() {
        assert_eq!(told(&[(IP, 33, &[0, 53]), (IP, 35, &[0; 4])]).others, 2);
    }

    #[test]
    fn a_source_is_the_address_alone() {
        assert_eq!(platform::source_v4(TO, 0), Ok((IP, 7, TO)));
        assert!(platform::source_v4(TO, 1).is_err());
    }
});

system!(xnu, "xnu.rs" {
    #[path = "kame.rs"]
    mod kame;
    use super::{IP, LEVEL, TO, assert_arrived, assert_ipv6, assert_sent_to, timeval};
    use crate::abi::{ANC_TOS, ANC_TTL};

    /// suseconds_t has 32 bits there, and padding behind them; here it has 64.
    #[test]
    fn a_datagram_s_facts_are_decoded() {
        assert_arrived(&told(&[(LEVEL, 2, &timeval(&250_000i64.to_ne_bytes()))]), 250_000_000);
        assert_sent_to(&told(&[(IP, 26, &[&9u32.to_ne_bytes()[..], &[10, 0, 0, 1], &TO].concat())]), 9);
        let both = told(&[(IP, 24, &[63]), (IP, 27, &[0xb8])]);
        assert_eq!((both.present, both.info.ttl, both.info.tos), (ANC_TTL | ANC_TOS, 63, 0xb8));
        assert_ipv6(told, 46, 47, 36);
    }

    #[test]
    fn the_address_to_answer_from_is_the_interface_s_own() {
        let info = told(&[(IP, 26, &[&9u32.to_ne_bytes()[..], &[10, 0, 0, 1], &TO].concat())]).info;
        assert_eq!(info.dest.reply_from[..4], [10, 0, 0, 1]);
    }

    #[test]
    fn a_clock_whose_unit_nobody_knows_is_left_to_anc_next() {
        assert_eq!(told(&[(LEVEL, 4, &[0; 8])]).others, 1);
    }
});

system!(dragonfly, "dragonfly.rs" {
    use super::{LEVEL, assert_arrived, timeval};
    use crate::abi::ANC_CREDENTIALS;

    #[test]
    fn cmsgcred_names_the_effective_user_and_group() {
        let mut bytes = [4711u32, 1000, 1001, 100, 0, 101].map(u32::to_ne_bytes).concat();
        bytes.resize(84, 0);
        let whole = told(&[(LEVEL, 3, &bytes)]);
        assert_eq!((whole.present, whole.info.pid, whole.info.uid, whole.info.gid), (ANC_CREDENTIALS, 4711, 1001, 101));
        assert_eq!(told(&[(LEVEL, 3, &bytes[..80])]).cut, ANC_CREDENTIALS);
    }

    #[test]
    fn arrival_is_decoded() {
        assert_arrived(&told(&[(LEVEL, 2, &timeval(&250_000i64.to_ne_bytes()))]), 250_000_000);
    }
});

system!(illumos, "illumos.rs" {
    use super::{LEVEL, assert_arrived, timeval};

    #[test]
    fn arrival_is_decoded_and_ucred_is_left_to_anc_next() {
        let told = told(&[(LEVEL, 0x1012, &[0; 64]), (LEVEL, 0x1013, &timeval(&250_000i64.to_ne_bytes()))]);
        assert_arrived(&told, 250_000_000);
        assert_eq!(told.others, 1);
    }
});

system!(haiku, "haiku.rs" {
    use crate::abi::ANC_RIGHTS;

    #[test]
    fn descriptors_are_counted_and_nothing_else_is_known() {
        let fds = [5i32, -1, 6].map(i32::to_ne_bytes).concat();
        let told = told(&[(super::LEVEL, crate::sys::SCM_RIGHTS, &fds), (super::LEVEL, 2, &[0; 16])]);
        assert_eq!((told.present, told.info.nfds, told.others), (ANC_RIGHTS, 2, 1));
        assert!(platform::source_v4([0; 4], 0).is_err() && platform::source_v6([0; 16], 0).is_err());
    }
});
