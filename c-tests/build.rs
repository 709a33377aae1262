//! Writes a C and a Rust program that compare every declaration of declarations/ with the
//! header of the library that pkg-config finds: sizes, alignments, offsets, constants, signatures.

fn main() {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rerun-if-changed=../src/abi.rs");
    let library = pkg_config::probe_library("ancillary").expect("PKG_CONFIG_PATH names the staged install");
    for path in &library.link_paths {
        println!("cargo:rustc-link-arg-bins=-Wl,-rpath,{}", path.display());
    }
    let mut generator = ctest2::TestGenerator::new();
    for path in &library.include_paths {
        println!("cargo:rerun-if-changed={}", path.join("ancillary.h").display());
        generator.include(path);
    }
    generator.header("ancillary.h");
    generator.type_name(|name, is_struct, _| match name {
        "iovec" | "msghdr" | "mmsghdr" | "sockaddr" | "sockaddr_storage" => format!("struct {name}"),
        _ if is_struct => format!("struct {name}"),
        _ => name.to_string(),
    });
    // What C calls otherwise.
    generator.field_name(|structure, field| match (structure, field) {
        // Not "private", which C++ keeps for itself.
        (_, "private") => "priv".to_string(),
        ("anc_fd_info", "kind") => field.to_string(),
        (_, "kind" | "socket_type") => "type".to_string(),
        _ => field.to_string(),
    });
    generator.generate("declarations/leaf.rs", "comparison.rs");
}
