#!/bin/sh
# cargo-c.sh STAGE OUT: what `cargo cinstall` installs agrees with what `make install` did, but for
# what cargo-c has no means to do:
# - symbol versions: rustc passes a version script of its own, beside which linkers take no second one.
#   A program that was linked with either library runs with the other, in one direction with a remark of
#   the dynamic linker.
# - the CMake package, which is made from a template.
# - an archive without Rust's own symbols: it collides with that of another Rust library.
set -eu
stage=$1 out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
${CARGO:-cargo} cinstall --version > /dev/null 2>&1 || { echo 'skipped: cargo cinstall: this machine has no cargo-c'; exit 0; }
rm -rf "$out/root"
mkdir -p "$out"
out=$(cd "$out" && pwd)
failed=0
same() { # what, expected, seen
    if [ "$2" = "$3" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1 (-make install +cargo cinstall)"
        echo "$2" > "$out/expected"
        echo "$3" | diff -u "$out/expected" - | sed 1,2d
        failed=1
    fi
}

# std is for programs in Rust; without it a panic that can be reached fails this link too.
cd "$root"
CARGO_TARGET_DIR=$out/cargo ${CARGO:-cargo} cinstall --package ancillary --release --locked --no-default-features \
    --prefix "$stage" --libdir "$stage/lib" --destdir "$out/root" 2> "$out/log" || { echo 'FAIL cargo cinstall'; cat "$out/log"; exit 1; }
seen=$out/root$stage

files() { (cd "$1" && find . ! -type d ! -name .done ! -path './lib/cmake/*' ! -path './bin/*' ! -path '*/ancillary/*' ! -path '*/man1/*' | LC_ALL=C sort); }
dynamic() { readelf -dW "$1/lib/libancillary.so" | sed -n 's/.*(\(SONAME\|NEEDED\)).*\[\(.*\)\]/\1 \2/p'; }
exports() { nm -D --defined-only "$1/lib/libancillary.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort; }
flags() { PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --define-variable=prefix=/p --print-provides --cflags --libs ancillary; }
text() { (cd "$1" && cat include/* share/man/man[37]/*) | cksum; }
same 'the same files' "$(files "$stage")" "$(files "$seen")"
same 'the same soname, and libc alone' "$(dynamic "$stage")" "$(dynamic "$seen")"
same 'the same functions' "$(exports "$stage")" "$(exports "$seen")"
same 'the same flags and version by pkg-config' "$(flags "$stage")" "$(flags "$seen")"
same 'the same headers and manual' "$(text "$stage")" "$(text "$seen")"

for from in "$stage" "$seen"; do
    ${CC:-cc} "$root/c-tests/find/program.c" -I"$from/include" -L"$from/lib" -lancillary -o "$out/program"
    for with in "$stage" "$seen"; do
        LD_LIBRARY_PATH=$with/lib "$out/program" 2>> "$out/log" || true
    done
done > "$out/output"
same 'a program that was linked with either runs with both' "passed passed passed passed" "$(tr '\n' ' ' < "$out/output" | sed 's/ $//')"
exit $failed
