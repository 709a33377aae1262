//! Section 3: building control messages.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::{ptr, slice};

use super::convert::{bytes, descriptors, source, status};
use crate::abi::{anc_builder, anc_dest};
use crate::cmsg::{Builder, Credentials};
use crate::errno::{Errno, Result};
use crate::sys::msghdr;
use libc::{sockaddr, socklen_t};

/// Starts building control messages in `buf`, `size` bytes of any alignment. The buffer stays the
/// caller's and must outlive its use.
///
/// Each anc_put appends a message, or records the first error, after which nothing is put any more;
/// anc_builder_finish reports it. No byte is written past the buffer's end, and none of a message is
/// left unwritten, padding included. EFAULT: NULL with a size.
///
/// # Safety
/// `b` must be NULL or writable; `buf` must be valid for `size` bytes, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_builder_init(b: *mut anc_builder, buf: *mut c_void, size: usize) {
    let error = if buf.is_null() && size != 0 { Errno::EFAULT.number() } else { 0 };
    let size = if error == 0 { size.min(isize::MAX as usize) } else { 0 };
    if !b.is_null() {
        // SAFETY: not NULL, the caller's.
        unsafe { b.write(anc_builder { buf: buf.cast(), size, len: 0, error }) };
    }
}

/// Appends one control message of any level and type, with `len` bytes of data.
///
/// ENOBUFS: no room. EFAULT: NULL with a length. EINVAL: a kind that is never sent; for SCM_RIGHTS,
/// data that are not whole ints. SCM_RIGHTS is checked as anc_put_fds does it.
///
/// # Safety
/// `b` must be NULL or initialised; `data` must be valid for `len` bytes, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put(b: *mut anc_builder, level: c_int, r#type: c_int, data: *const c_void, len: usize) {
    // SAFETY: the caller's pointers.
    unsafe { put(b, |builder| builder.put(level, r#type, bytes(data, len)?)) }
}

/// Appends descriptors. They stay the caller's: keep them open until the message is sent. No
/// descriptors: nothing is written.
///
/// EBADF: a negative one. EINVAL: more than ANC_FDS_MAX in the whole message. ENOBUFS: no room.
/// EFAULT: NULL with a number.
///
/// # Safety
/// `b` must be NULL or initialised; `fds` must be valid for `nfds` ints, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_fds(b: *mut anc_builder, fds: *const c_int, nfds: usize) {
    // SAFETY: the caller's pointers.
    unsafe { put(b, |builder| builder.put_fds(descriptors(fds, nfds)?)) }
}

/// Appends credentials, for a receiver with SO_PASSCRED. The kernel checks them when they are sent:
/// EPERM for foreign ones without privilege, ESRCH for a pid that nobody has. ENOBUFS: no room.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_credentials(b: *mut anc_builder, pid: i32, uid: u32, gid: u32) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_credentials(&Credentials { pid, uid, gid })) }
}

/// Appends the local address to send from, `from` (AF_INET or AF_INET6), and the interface to send by,
/// 0: the system chooses. EINVAL: another family, or a length too short for it. EFAULT: NULL.
///
/// # Safety
/// `b` must be NULL or initialised; `from` must be valid for `len` bytes, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_source(b: *mut anc_builder, from: *const sockaddr, len: socklen_t, ifindex: u32) {
    // SAFETY: the caller's pointers.
    unsafe { put(b, |builder| builder.put_source(source(from, len)?, ifindex)) }
}

/// Appends the address that was asked as the one to answer from: `asked` is dest of anc_decode. Puts
/// nothing where an IPv6 group was asked, for which the system chooses; for an IPv4 group the kernel has
/// named an address of the interface. EINVAL: a family that is neither
/// AF_INET nor AF_INET6. EFAULT: NULL.
///
/// # Safety
/// `b` must be NULL or initialised, `asked` NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_reply_from(b: *mut anc_builder, asked: *const anc_dest) {
    // SAFETY: the caller's pointers.
    unsafe { put(b, |builder| builder.put_reply_from(asked.as_ref().ok_or(Errno::EFAULT)?)) }
}

/// Appends the type of service or traffic class, 0 to 255, ECN in its lowest two bits; `family` is that
/// of the address that is sent to: AF_INET also for a mapped one. EINVAL: another family or value.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_tos(b: *mut anc_builder, family: c_int, tos: c_int) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_tos(family, tos)) }
}

/// Appends the time to live or hop limit, 1 to 255; `family` as for anc_put_tos. EINVAL: another family
/// or value.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_ttl(b: *mut anc_builder, family: c_int, ttl: c_int) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_ttl(family, ttl)) }
}

/// Appends the size of the datagrams that one UDP send is cut into. Linux 4.18.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_segment(b: *mut anc_builder, bytes: u16) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_segment(bytes)) }
}

/// Appends the time to transmit at, in nanoseconds of the clock that SO_TXTIME chose. Linux 4.19.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_txtime(b: *mut anc_builder, ns: u64) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_txtime(ns)) }
}

/// Appends the stamps that this send asks for: SOF_TIMESTAMPING_TX_ flags. Linux 4.6.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_timestamping(b: *mut anc_builder, sof_flags: u32) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_timestamping(sof_flags)) }
}

/// Appends the packet's mark. The kernel wants CAP_NET_ADMIN or CAP_NET_RAW (EPERM). Linux 4.4.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_mark(b: *mut anc_builder, mark: u32) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_mark(mark)) }
}

/// Appends the packet's priority. Above 6 the kernel wants CAP_NET_ADMIN or CAP_NET_RAW (EPERM). Linux
/// 6.14.
///
/// # Safety
/// `b` must be NULL or initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_put_priority(b: *mut anc_builder, priority: u32) {
    // SAFETY: the caller's pointer.
    unsafe { put(b, |builder| builder.put_priority(priority)) }
}

/// Points msg_control and msg_controllen of `msg` to what was built: NULL and 0 when that is
/// nothing, and on an error.
///
/// Returns 0, or -1 with the first error of the puts as errno. EFAULT also: b or msg is NULL.
///
/// # Safety
/// `b` must be NULL or initialised, `msg` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anc_builder_finish(b: *const anc_builder, msg: *mut msghdr) -> c_int {
    // SAFETY: the caller's pointers.
    let (Some(b), Some(msg)) = (unsafe { (b.as_ref(), msg.as_mut()) }) else {
        return status(Err(Errno::EFAULT));
    };
    let error = if b.error == 0 && b.len > b.size { Errno::ENOBUFS.number() } else { b.error };
    let is_empty = error != 0 || b.len == 0;
    msg.msg_control = if is_empty { ptr::null_mut() } else { b.buf.cast() };
    msg.msg_controllen = if is_empty { 0 } else { b.len as _ };
    status(if error == 0 { Ok(()) } else { Err(Errno::new(error)) })
}

/// Puts with the C struct's buffer, length and sticky error.
///
/// # Safety
/// `b` must be NULL or initialised, with a buffer of the size that it says.
#[inline]
unsafe fn put(b: *mut anc_builder, what: impl FnOnce(&mut Builder<'_>) -> Result<()>) {
    // SAFETY: the caller's pointer.
    let Some(b) = (unsafe { b.as_mut() }) else { return };
    if b.error != 0 {
        return;
    }
    let buffer: &mut [MaybeUninit<u8>] = if b.buf.is_null() {
        &mut []
    } else {
        // SAFETY: the caller's buffer, no longer than an object can be.
        unsafe { slice::from_raw_parts_mut(b.buf.cast(), b.size.min(isize::MAX as usize)) }
    };
    let mut builder = Builder::resume(buffer, b.len);
    match what(&mut builder) {
        Ok(()) => b.len = builder.len(),
        Err(errno) => b.error = errno.number(),
    }
}
