//! Writes the header anew when asked to.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "header")]
    header();
}

/// Writes the header to the file that ANC_HEADER names, or to include/ancillary.h.
#[cfg(feature = "header")]
fn header() {
    println!("cargo:rerun-if-env-changed=ANC_HEADER");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/abi.rs");
    println!("cargo:rerun-if-changed=src/capi");
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let path = std::env::var("ANC_HEADER").unwrap_or_else(|_| format!("{root}/include/ancillary.h"));
    // So that it is written again if somebody took it away.
    println!("cargo:rerun-if-changed={path}");
    let config = cbindgen::Config::from_file(format!("{root}/cbindgen.toml")).expect("cbindgen.toml");
    let mut builder = cbindgen::Builder::new().with_config(config);
    // Only these, and in this order: cbindgen would take the C library's own functions in sys along.
    for file in [
        "abi",
        "capi/descriptors",
        "capi/space",
        "capi/builder",
        "capi/reader",
        "capi/decode",
        "capi/message",
        "capi/peer",
        "capi/describe",
        "capi/want",
        "capi/queue",
        "capi/channel",
    ] {
        builder = builder.with_src(format!("{root}/src/{file}.rs"));
    }
    let mut text = Vec::new();
    builder.generate().expect("the header").write(&mut text);
    let text = String::from_utf8(text).expect("cbindgen writes UTF-8");
    std::fs::write(path, without_safety(&text)).expect("the header's file");
}

/// Leaves out the safety sections: they speak to Rust, and are the last of their comments.
#[cfg(feature = "header")]
fn without_safety(text: &str) -> String {
    let mut lines = text.lines();
    let mut kept: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        if line != " * # Safety" {
            kept.push(line);
            continue;
        }
        if kept.last() == Some(&" *") {
            kept.pop();
        }
        kept.extend(lines.by_ref().find(|line| *line == " */"));
    }
    kept.join("\n") + "\n"
}
