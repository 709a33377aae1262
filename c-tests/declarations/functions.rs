//! What a Rust program would declare to call the C library: plain, for ctest2's parser to read.

use libc::{c_char, c_int, c_uint, c_void, gid_t, iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};

use super::abi::*;

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
    pub fn anc_builder_init(b: *mut anc_builder, buf: *mut c_void, size: size_t);
    pub fn anc_put(b: *mut anc_builder, level: c_int, kind: c_int, data: *const c_void, len: size_t);
    pub fn anc_put_fds(b: *mut anc_builder, fds: *const c_int, nfds: size_t);
    pub fn anc_put_credentials(b: *mut anc_builder, pid: i32, uid: u32, gid: u32);
    pub fn anc_builder_finish(b: *const anc_builder, msg: *mut msghdr) -> c_int;
    pub fn anc_next(msg: *const msghdr, c: *mut anc_cmsg) -> c_int;
    pub fn anc_name(level: c_int, kind: c_int) -> *const c_char;
    pub fn anc_take_fds(msg: *mut msghdr, fds: *mut c_int, max_fds: size_t, nfds: *mut size_t, flags: c_uint) -> c_int;
    pub fn anc_take_pidfd(msg: *mut msghdr) -> c_int;
    pub fn anc_close_unclaimed(msg: *mut msghdr);
    pub fn anc_truncation_cause(msg: *const msghdr, room: size_t) -> c_int;
    pub fn anc_sendmsg(sock: c_int, msg: *const msghdr, msg_flags: c_int) -> ssize_t;
    pub fn anc_recvmsg(sock: c_int, msg: *mut msghdr, msg_flags: c_int) -> ssize_t;
    pub fn anc_sendmmsg(sock: c_int, v: *mut mmsghdr, n: c_uint, msg_flags: c_int) -> c_int;
    pub fn anc_recvmmsg(sock: c_int, v: *mut mmsghdr, n: c_uint, msg_flags: c_int) -> c_int;
    pub fn anc_fd_queue_init(q: *mut anc_fd_queue, slots: *mut c_int, size: size_t);
    pub fn anc_fd_queue_recvv(
        q: *mut anc_fd_queue,
        sock: c_int,
        iov: *const iovec,
        iovcnt: c_int,
        max_fds: size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_fd_queue_take(q: *mut anc_fd_queue) -> c_int;
    pub fn anc_fd_queue_close(q: *mut anc_fd_queue);
    pub fn anc_get(msg: *const msghdr, level: c_int, kind: c_int, data: *mut c_void, len: size_t) -> c_int;
    pub fn anc_fd_queue_recv(
        q: *mut anc_fd_queue,
        sock: c_int,
        buf: *mut c_void,
        len: size_t,
        max_fds: size_t,
        flags: c_uint,
    ) -> ssize_t;
    pub fn anc_fd_queue_take_fds(q: *mut anc_fd_queue, fds: *mut c_int, n: size_t) -> c_int;
    pub fn anc_decode(msg: *const msghdr, info: *mut anc_info, size: size_t) -> c_int;
    pub fn anc_put_source(b: *mut anc_builder, from: *const sockaddr, len: socklen_t, ifindex: u32);
    pub fn anc_put_reply_from(b: *mut anc_builder, asked: *const anc_dest);
    pub fn anc_put_tos(b: *mut anc_builder, family: c_int, tos: c_int);
    pub fn anc_put_ttl(b: *mut anc_builder, family: c_int, ttl: c_int);
    pub fn anc_put_segment(b: *mut anc_builder, bytes: u16);
    pub fn anc_put_txtime(b: *mut anc_builder, ns: u64);
    pub fn anc_put_timestamping(b: *mut anc_builder, sof_flags: u32);
    pub fn anc_put_mark(b: *mut anc_builder, mark: u32);
    pub fn anc_put_priority(b: *mut anc_builder, priority: u32);
    pub fn anc_peer(sock: c_int, p: *mut anc_peer, size: size_t, flags: c_uint) -> c_int;
    pub fn anc_peer_label(sock: c_int, buf: *mut c_char, len: *mut size_t) -> c_int;
    pub fn anc_peer_token(sock: c_int, token: *mut u32) -> c_int;
    pub fn anc_peer_groups(sock: c_int, groups: *mut gid_t, n: *mut size_t) -> c_int;
    pub fn anc_pidfd_matches(pidfd: c_int, pid: i32) -> c_int;
    pub fn anc_fd_describe(fd: c_int, info: *mut anc_fd_info, size: size_t) -> c_int;
    pub fn anc_fd_require(fd: c_int, kinds: u32, access: u32, seals: u32) -> c_int;
    pub fn anc_want(sock: c_int, on: u64, off: u64, refused: *mut u64) -> c_int;
    pub fn anc_want_timestamping(sock: c_int, sof_flags: u32) -> c_int;
    pub fn anc_wanted(sock: c_int, kinds: *mut u64) -> c_int;
    pub fn anc_want_space(kinds: u64, max_fds: size_t, max_label: size_t) -> size_t;
    pub fn anc_refuse_fds(sock: c_int) -> c_int;
    pub fn anc_tx_init(
        tx: *mut anc_tx,
        sock: c_int,
        buf: *mut c_void,
        len: size_t,
        limits: *const anc_limits,
        size: size_t,
    ) -> c_int;
    pub fn anc_tx_queue(tx: *mut anc_tx, m: *mut anc_out) -> c_int;
    pub fn anc_tx_flush(tx: *mut anc_tx, timeout_ms: c_int) -> c_int;
    pub fn anc_tx_next(tx: *mut anc_tx, msg: *mut msghdr) -> c_int;
    pub fn anc_tx_sent(tx: *mut anc_tx, n: ssize_t) -> c_int;
    pub fn anc_tx_drop(tx: *mut anc_tx);
    pub fn anc_rx_init(
        rx: *mut anc_rx,
        sock: c_int,
        buf: *mut c_void,
        len: size_t,
        fds: *mut c_int,
        nslots: size_t,
        limits: *const anc_limits,
        size: size_t,
    ) -> c_int;
    pub fn anc_rx_recv(rx: *mut anc_rx, input: *mut anc_in, timeout_ms: c_int) -> c_int;
    pub fn anc_rx_prepare(rx: *mut anc_rx, msg: *mut msghdr) -> c_int;
    pub fn anc_rx_got(rx: *mut anc_rx, msg: *mut msghdr, n: ssize_t) -> c_int;
    pub fn anc_rx_next(rx: *mut anc_rx, input: *mut anc_in) -> c_int;
    pub fn anc_rx_close(rx: *mut anc_rx);
}
