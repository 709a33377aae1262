//! The declarations of functions.rs are those of the definitions in src/capi, and all of them.

#![allow(dead_code, unused_imports)]

mod abi {
    pub use ancillary::abi::*;
}
mod functions;

/// An array of two functions exists only if they have the same type.
macro_rules! agree {
    ($($name:ident)*) => {
        #[test]
        fn every_declaration_has_its_definitions_type() {
            $( let _ = [ancillary::capi::$name, functions::$name]; )*
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

agree! {
    anc_builder_finish anc_builder_init anc_close_fds anc_close_unclaimed anc_control_max
    anc_decode anc_fd_describe anc_fd_queue_close anc_fd_queue_init anc_fd_queue_recv
    anc_fd_queue_recvv anc_fd_queue_take anc_fd_queue_take_fds anc_fd_require anc_fds_space
    anc_get anc_len anc_name anc_next anc_peer anc_peer_groups anc_peer_label anc_peer_token
    anc_pidfd_matches anc_put anc_put_credentials anc_put_fds anc_put_mark anc_put_priority
    anc_put_reply_from anc_put_segment anc_put_source anc_put_timestamping anc_put_tos
    anc_put_ttl anc_put_txtime anc_recv_fd anc_recv_fds anc_recvmmsg anc_recvmsg anc_recvv_fds
    anc_refuse_fds anc_rx_close anc_rx_got anc_rx_init anc_rx_next anc_rx_prepare anc_rx_recv
    anc_send_fd anc_send_fds anc_sendmmsg anc_sendmsg anc_sendv_fds anc_space anc_take_fds
    anc_take_pidfd anc_truncation_cause anc_tx_drop anc_tx_flush anc_tx_init anc_tx_next
    anc_tx_queue anc_tx_sent anc_version anc_want anc_want_space anc_want_timestamping
    anc_wanted
}

#[test]
fn every_exported_function_is_compared() {
    let map = include_str!("../../abi/libancillary.map");
    let exported: Vec<&str> =
        map.lines().filter_map(|line| line.trim().strip_suffix(';')).filter(|name| name.starts_with("anc_")).collect();
    assert_eq!(exported, NAMES);
    let declared = include_str!("functions.rs");
    for name in exported {
        assert!(declared.contains(&format!("pub fn {name}(")), "{name} is not declared in functions.rs");
    }
}
