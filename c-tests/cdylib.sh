#!/bin/sh
# cdylib.sh DIRECTORY: what a plain `cargo build` has made there is a library for C, shared and static,
# with the functions of the symbol map.
set -eu
directory=$1
root=$(cd "$(dirname "$0")/.." && pwd)
major=$(sed -n 's/^version = "\([0-9]*\)\..*/\1/p' "$root/Cargo.toml" | head -n 1)
expected=$(sed -n 's/^\t\(anc_[a-z0-9_]*\);$/\1/p' "$root/abi/libancillary.map")
failed=0
same() {
    if [ "$2" = "$3" ]; then echo "ok   $1"; else failed=1; echo "FAIL $1: $3"; fi
}
functions() { "$@" | awk '$2 == "T" && $3 ~ /^anc_/ { print $3 }' | LC_ALL=C sort -u; }
same 'cargo build makes a .so with every function' "$expected" "$(functions nm -D --defined-only "$directory/libancillary.so")"
same 'and with its soname' "libancillary.so.$major" "$(readelf -dW "$directory/libancillary.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')"
same 'and a .a' "$expected" "$(functions nm --defined-only "$directory/libancillary.a" 2> /dev/null)"
exit $failed
