//! What a Rust program would declare to call the C library: plain, for ctest2's parser to read.

use libc::{c_int, c_uint, c_void, iovec, size_t, ssize_t};

#[path = "../../src/abi.rs"]
pub mod abi;
pub use abi::*;

extern "C" {
    pub fn anc_version() -> u32;
    pub fn anc_send_fds(
        sock: c_int,
        buf: *const c_void,
        len: size_t,
        fds: *const c_int,
        nfds: size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_recv_fds(
        sock: c_int,
        buf: *mut c_void,
        len: size_t,
        fds: *mut c_int,
        max_fds: size_t,
        nfds: *mut size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_sendv_fds(
        sock: c_int,
        iov: *const iovec,
        iovcnt: c_int,
        fds: *const c_int,
        nfds: size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_recvv_fds(
        sock: c_int,
        iov: *const iovec,
        iovcnt: c_int,
        fds: *mut c_int,
        max_fds: size_t,
        nfds: *mut size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_send_fd(sock: c_int, fd: c_int, flags: c_uint) -> c_int;
    pub fn anc_recv_fd(sock: c_int, flags: c_uint) -> c_int;
    pub fn anc_close_fds(fds: *mut c_int, nfds: size_t);
    pub fn anc_len(len: size_t) -> size_t;
    pub fn anc_space(len: size_t) -> size_t;
    pub fn anc_fds_space(nfds: size_t) -> size_t;
    pub fn anc_control_max() -> size_t;
}
