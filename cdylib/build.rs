//! Gives the cdylib its soname.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(target.as_str(), "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" | "illumos") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libancillary.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
    }
}
