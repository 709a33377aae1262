//! Properties of control messages in memory: what is built is read, and noise is survived.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

use ancillary::abi::{ANC_EXACT, ANC_TRIM, anc_builder, anc_cmsg};
use ancillary::capi::{
    anc_builder_finish, anc_builder_init, anc_close_unclaimed, anc_next, anc_put, anc_put_fds, anc_take_fds,
    anc_take_pidfd,
};
use ancillary::cmsg::{Builder, Credentials, Messages, fds_space, kind, len, space};
use ancillary::errno::Errno;
use proptest::collection::vec;
use proptest::prelude::*;

const SOL_SOCKET: c_int = libc::SOL_SOCKET;
const SCM_RIGHTS: c_int = libc::SCM_RIGHTS;
const SCM_CREDENTIALS: c_int = 2;
const SCM_PIDFD: c_int = 4;

/// No process has such numbers: closing one by mistake harms nobody.
const NO_DESCRIPTOR: c_int = 1_000_000;

/// One put, and what it must give back.
#[derive(Clone, Debug)]
enum Put {
    Fds(Vec<c_int>),
    Credentials(i32, u32, u32),
    Other(c_int, c_int, Vec<u8>),
}

impl Put {
    fn expected(&self) -> Option<(c_int, c_int, Vec<u8>)> {
        match self {
            Put::Fds(fds) if fds.is_empty() => None,
            Put::Fds(fds) => Some((SOL_SOCKET, SCM_RIGHTS, fds.iter().flat_map(|fd| fd.to_ne_bytes()).collect())),
            Put::Credentials(pid, uid, gid) => {
                let bytes = [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat();
                Some((SOL_SOCKET, SCM_CREDENTIALS, bytes))
            }
            Put::Other(level, kind, payload) => Some((*level, *kind, payload.clone())),
        }
    }

    fn put(&self, builder: &mut Builder<'_>) -> Result<(), Errno> {
        match self {
            Put::Fds(fds) => builder.put_fds(fds),
            Put::Credentials(pid, uid, gid) => {
                builder.put_credentials(&Credentials { pid: *pid, uid: *uid, gid: *gid })
            }
            Put::Other(level, kind, payload) => builder.put(*level, *kind, payload),
        }
    }
}

fn a_descriptor() -> impl Strategy<Value = c_int> {
    NO_DESCRIPTOR..c_int::MAX
}

fn a_put() -> impl Strategy<Value = Put> {
    prop_oneof![
        vec(a_descriptor(), 0..12).prop_map(Put::Fds),
        any::<(i32, u32, u32)>().prop_map(|(pid, uid, gid)| Put::Credentials(pid, uid, gid)),
        // Levels that nobody knows: of the others, some kinds are refused.
        (1000..2000i32, any::<c_int>(), vec(any::<u8>(), 0..60))
            .prop_map(|(level, kind, payload)| Put::Other(level, kind, payload)),
    ]
}

/// A buffer of `size` bytes at this distance from an aligned address, filled with a pattern.
fn buffer(size: usize, shift: usize) -> Vec<MaybeUninit<u8>> {
    vec![MaybeUninit::new(0xaa); size + shift + 16]
}

fn bytes(buffer: &[MaybeUninit<u8>]) -> Vec<u8> {
    // SAFETY: all of it was initialised by `buffer`.
    buffer.iter().map(|byte| unsafe { byte.assume_init() }).collect()
}

fn message(control: &mut [u8]) -> libc::msghdr {
    // SAFETY: null pointers and zero lengths are a valid msghdr.
    let mut msg: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    msg.msg_control = control.as_mut_ptr().cast();
    msg.msg_controllen = control.len() as _;
    msg
}

fn no_cmsg() -> anc_cmsg {
    anc_cmsg { level: 0, kind: 0, data: ptr::null(), len: 0, cut: 0, reserved: 0, next: 0 }
}

/// Descriptors in the messages of this type.
fn slots(control: &[u8], of: c_int) -> Vec<c_int> {
    Messages::new(control)
        .map_while(Result::ok)
        .filter(|message| (message.level, message.kind) == (SOL_SOCKET, of))
        .flat_map(|message| message.payload.chunks_exact(4).map(|slot| c_int::from_ne_bytes(slot.try_into().unwrap())))
        .collect()
}

/// Noise in which headers are plausible, and descriptors nobody's.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let header =
        (prop_oneof![0..64usize, any::<usize>()], prop_oneof![Just(SOL_SOCKET), any::<c_int>()], 0..6 as c_int);
    let chunk = (header, vec(prop_oneof![a_descriptor(), -5..0 as c_int], 0..6), 0..8usize);
    vec(chunk, 0..8).prop_map(|chunks| {
        let mut noise = Vec::new();
        for ((len, level, kind), slots, cut) in chunks {
            noise.extend(len.to_ne_bytes());
            noise.extend(level.to_ne_bytes());
            noise.extend(kind.to_ne_bytes());
            noise.extend(slots.iter().flat_map(|slot| slot.to_ne_bytes()));
            noise.truncate(noise.len() - cut);
        }
        harmless(noise)
    })
}

/// Makes every slot that might be closed a number that nobody has.
fn harmless(mut noise: Vec<u8>) -> Vec<u8> {
    let start = noise.as_ptr() as usize;
    let places: Vec<usize> = Messages::new(&noise)
        .map_while(Result::ok)
        .filter(|message| message.level == SOL_SOCKET && [SCM_RIGHTS, SCM_PIDFD].contains(&message.kind))
        .flat_map(|message| {
            let at = message.payload.as_ptr() as usize - start;
            (0..message.payload.len() / 4).map(move |slot| at + 4 * slot)
        })
        .collect();
    for at in places {
        let slot: &mut [u8; 4] = (&mut noise[at..at + 4]).try_into().unwrap();
        let fd = c_int::from_ne_bytes(*slot);
        if (0..NO_DESCRIPTOR).contains(&fd) {
            *slot = (fd + NO_DESCRIPTOR).to_ne_bytes();
        }
    }
    noise
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// In a buffer of any size and address: what fits is read as it was put, what does not leaves no trace.
    #[test]
    fn what_is_built_is_read(puts in vec(a_put(), 0..10), size in 0..600usize, shift in 0..16usize) {
        let mut memory = buffer(size, shift);
        let mut expected = Vec::new();
        let mut room = size;
        let mut builder = Builder::new(&mut memory[shift..shift + size]);
        for put in &puts {
            let before = builder.len();
            let result = put.put(&mut builder);
            let Some(message) = put.expected() else {
                prop_assert_eq!((result, builder.len()), (Ok(()), before));
                continue;
            };
            let needed = space(message.2.len()).unwrap();
            if needed <= room {
                prop_assert_eq!(result, Ok(()));
                room -= needed;
                expected.push(message);
            } else {
                prop_assert_eq!(result, Err(Errno::ENOBUFS));
            }
            prop_assert_eq!(builder.len(), size - room);
        }
        prop_assert_eq!(builder.is_empty(), expected.is_empty());
        let memory = bytes(&memory);
        let (written, unwritten) = memory[shift..].split_at(size - room);
        prop_assert!(memory[..shift].iter().chain(unwritten).all(|byte| *byte == 0xaa));
        let read: Vec<_> = Messages::new(written).map(Result::unwrap).collect();
        prop_assert!(read.iter().all(|message| !message.cut));
        let read: Vec<_> = read.iter().map(|message| (message.level, message.kind, message.payload.to_vec())).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn at_most_253_descriptors_are_put(counts in vec(0..120usize, 0..8)) {
        let mut memory = buffer(8 * fds_space(120).unwrap(), 0);
        let mut builder = Builder::new(&mut memory);
        let mut sum = 0;
        for count in counts {
            let fds = vec![NO_DESCRIPTOR; count];
            let result = builder.put_fds(&fds);
            if sum + count <= 253 {
                prop_assert_eq!(result, Ok(()));
                sum += count;
            } else {
                prop_assert_eq!(result, Err(Errno::EINVAL));
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_c_macros(payload in 0..100_000u32, huge in 0..64usize) {
        // SAFETY: arithmetic.
        let (macro_len, macro_space) = unsafe { (libc::CMSG_LEN(payload), libc::CMSG_SPACE(payload)) };
        prop_assert_eq!(len(payload as usize), Some(macro_len as usize));
        prop_assert_eq!(space(payload as usize), Some(macro_space as usize));
        prop_assert_eq!(fds_space(payload as usize), space(payload as usize * 4));
        prop_assert!(space(usize::MAX - huge).is_none_or(|sum| sum > usize::MAX - 64));
        prop_assert_eq!(fds_space(usize::MAX / 4 + 1 + huge), None);
    }

    /// Every message that is shown lies in the buffer, behind the one before it; and there is an end.
    #[test]
    fn any_bytes_are_read_inside_their_buffer(bytes in prop_oneof![vec(any::<u8>(), 0..300), noise()]) {
        let range = bytes.as_ptr_range();
        let mut behind = range.start;
        let mut count = 0;
        for message in Messages::new(&bytes) {
            count += 1;
            prop_assert!(count <= bytes.len() / len(0).unwrap() + 1);
            let Ok(message) = message else {
                prop_assert_eq!(message.err(), Some(Errno::EBADMSG));
                continue;
            };
            let payload = message.payload.as_ptr_range();
            prop_assert!(message.payload.is_empty() || (behind <= payload.start && payload.end <= range.end));
            behind = payload.end.max(behind);
            if !message.payload.is_empty() {
                let at = payload.start as usize - range.start as usize - len(0).unwrap();
                let promised = usize::from_ne_bytes(bytes[at..at + size_of::<usize>()].try_into().unwrap());
                prop_assert_eq!(message.cut, promised > bytes.len() - at);
                prop_assert_eq!(message.payload.len(), promised.min(bytes.len() - at) - len(0).unwrap());
            }
        }
    }

    /// The iterator and anc_next show the same.
    #[test]
    fn both_readers_agree(mut bytes in prop_oneof![vec(any::<u8>(), 0..300), noise()]) {
        let before = bytes.clone();
        let msg = message(&mut bytes);
        let mut cursor = no_cmsg();
        for expected in Messages::new(&before) {
            // SAFETY: msg points to bytes.
            let result = unsafe { anc_next(&msg, &mut cursor) };
            let Ok(expected) = expected else {
                prop_assert_eq!(result, -1);
                break;
            };
            prop_assert_eq!(result, 1);
            let shortest = kind(expected.level, expected.kind).map_or(0, |kind| kind.payload);
            // SAFETY: anc_next shows bytes of the buffer.
            let data = unsafe { std::slice::from_raw_parts(cursor.data.cast::<u8>(), cursor.len) };
            prop_assert_eq!((cursor.level, cursor.kind, data), (expected.level, expected.kind, expected.payload));
            prop_assert_eq!(cursor.cut != 0, expected.cut || data.len() < shortest);
        }
        prop_assert_eq!(bytes, before);
    }

    /// Each descriptor is handed over once and in order, or closed; -1 stands in its slot, and nothing else changes.
    #[test]
    fn slots_survive(mut control in noise(), max_fds in 0..20usize, how in 0..3u32) {
        let before = control.clone();
        let flags = [0, ANC_EXACT, ANC_TRIM][how as usize];
        let came: Vec<c_int> = slots(&control, SCM_RIGHTS).into_iter().filter(|fd| *fd >= 0).collect();
        let pidfds = slots(&control, SCM_PIDFD);
        let mut msg = message(&mut control);
        let (mut fds, mut nfds) = (vec![-7; max_fds], 99);
        // SAFETY: the pointers are valid for the lengths beside them.
        let result = unsafe { anc_take_fds(&mut msg, fds.as_mut_ptr(), max_fds, &mut nfds, flags) };
        let is_refused = (came.len() > max_fds && flags != ANC_TRIM) || (came.len() < max_fds && flags == ANC_EXACT);
        prop_assert_eq!(result, if is_refused { -1 } else { 0 });
        prop_assert_eq!(nfds, if is_refused { 0 } else { came.len().min(max_fds) });
        prop_assert_eq!(&fds[..nfds], &came[..nfds]);
        prop_assert!(fds[nfds..].iter().all(|slot| *slot == -7));
        prop_assert!(slots(&control, SCM_RIGHTS).iter().all(|slot| *slot < 0));
        prop_assert_eq!(slots(&control, SCM_PIDFD), pidfds.clone());
        // SAFETY: as above; twice, for it may be repeated.
        let pidfd = unsafe { anc_take_pidfd(&mut msg) };
        prop_assert_eq!(pidfd, pidfds.first().copied().filter(|fd| *fd >= 0).unwrap_or(-1));
        for _ in 0..2 {
            // SAFETY: as above.
            unsafe { anc_close_unclaimed(&mut msg) };
            prop_assert!(slots(&control, SCM_PIDFD).iter().all(|slot| *slot < 0));
        }
        for (was, is) in Messages::new(&before).map_while(Result::ok).zip(Messages::new(&control).map_while(Result::ok)) {
            prop_assert_eq!((was.level, was.kind, was.payload.len(), was.cut), (is.level, is.kind, is.payload.len(), is.cut));
            if was.level != SOL_SOCKET || ![SCM_RIGHTS, SCM_PIDFD].contains(&was.kind) {
                prop_assert_eq!(was.payload, is.payload);
            }
        }
    }

    /// The C builder: the first error stays, and nothing is put behind it.
    #[test]
    fn the_first_error_stays(puts in vec(a_put(), 1..10), bad in 0..10usize, size in 0..600usize) {
        let mut memory = buffer(size, 0);
        let mut builder = anc_builder { buf: ptr::null_mut(), size: 0, len: 0, error: 0 };
        // SAFETY: the pointers are valid for the lengths beside them.
        unsafe { anc_builder_init(&mut builder, memory.as_mut_ptr().cast::<c_void>(), size) };
        let mut failed: Option<(c_int, usize)> = None;
        for (i, put) in puts.iter().enumerate() {
            let before = builder.len;
            let fds = if i == bad { Some(vec![-1]) } else if let Put::Fds(fds) = put { Some(fds.clone()) } else { None };
            // SAFETY: as above.
            unsafe {
                match (fds, put.expected()) {
                    (Some(fds), _) => anc_put_fds(&mut builder, fds.as_ptr(), fds.len()),
                    (None, Some((level, kind, data))) => anc_put(&mut builder, level, kind, data.as_ptr().cast(), data.len()),
                    (None, None) => {}
                }
            }
            if builder.error != 0 {
                failed.get_or_insert((builder.error, before));
            }
            match failed {
                Some(first) => prop_assert_eq!((builder.error, builder.len), first),
                None => prop_assert!(i != bad),
            }
        }
        let mut msg = message(&mut []);
        // SAFETY: both are valid.
        let result = unsafe { anc_builder_finish(&builder, &mut msg) };
        prop_assert_eq!(result, if failed.is_some() { -1 } else { 0 });
        prop_assert_eq!(msg.msg_control.is_null(), failed.is_some() || builder.len == 0);
        prop_assert_eq!(msg.msg_controllen as usize, if failed.is_some() { 0 } else { builder.len });
    }
}
