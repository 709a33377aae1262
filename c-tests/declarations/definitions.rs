//! The declarations of leaf.rs are those of the definitions in src/capi, and all of them.

#![allow(dead_code, unused_imports)]

mod leaf;

/// An array of two functions exists only if they have the same type.
macro_rules! agree {
    ($($name:ident)*) => {
        #[test]
        fn every_declaration_has_its_definitions_type() {
            $( let _ = [ancillary::capi::$name, leaf::$name]; )*
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

agree! {
    anc_close_fds anc_control_max anc_fds_space anc_len anc_recv_fd anc_recv_fds anc_recvv_fds
    anc_send_fd anc_send_fds anc_sendv_fds anc_space anc_version
}

#[test]
fn every_exported_function_is_compared() {
    let map = include_str!("../../abi/libancillary.map");
    let exported: Vec<&str> =
        map.lines().filter_map(|line| line.trim().strip_suffix(';')).filter(|name| name.starts_with("anc_")).collect();
    assert_eq!(exported, NAMES);
    let leaf = include_str!("leaf.rs");
    for name in exported {
        assert!(leaf.contains(&format!("pub fn {name}(")), "{name} is not declared in leaf.rs");
    }
}
