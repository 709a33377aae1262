#!/bin/sh
# abi.sh BUILD OUT: a program that was linked with an earlier release still runs with this library.
#
# The shared library has no debug information, and Rust's would tell how Rust sees the structs. A
# program is compiled against the header, so what is held against the baseline is the header: a stub
# that defines each function as the header declares it, with the map and the soname of the library.
# That the library's own types are those of the header is check-declarations' proof.
#
# ANC_BLESS=1 writes the baseline anew: with each release, and before the first one at will.
set -eu
build=$1 out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)
NM=${NM:-nm} READELF=${READELF:-readelf} CC=${CC:-cc}
map=$root/abi/libancillary.map
symbols=$root/debian/libancillary0.symbols
baseline=$root/abi/libancillary.x86_64.abi
constants=$root/abi/constants.x86_64
growing=$root/abi/growing.abignore
failed=0
ok() { echo "ok   $1"; }
bad() { # what, file
    echo "FAIL $1"
    sed 's/^/     /' "$2"
    failed=1
}
quiet() { if [ ! -s "$2" ]; then ok "$1"; else bad "$1" "$2"; fi; } # what, file

# Debian's list follows from the map: a symbol is as old as its node.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
{
    echo "libancillary.so.${version%%.*} libancillary0 #MINVER#"
    echo '* Build-Depends-Package: libancillary-dev'
    awk '/^LIBANCILLARY_/ { node = $1; age = node; sub(/.*_/, "", age); print " " node "@" node " " age ".0" }
        /^[ \t]*anc_/ { sub(/;.*/, "", $1); print " " $1 "@" node " " age ".0" }' "$map" | LC_ALL=C sort
} > "$out/symbols"
if [ -z "${ANC_BLESS:-}" ]; then
    diff "$symbols" "$out/symbols" > "$out/log" || true
    quiet 'debian/libancillary0.symbols is what the map says (ANC_BLESS=1 takes the change)' "$out/log"
fi

case $(${CC} -dumpmachine) in
x86_64-*) ;;
*) echo 'skipped: the baseline of the ABI is for x86_64'; exit $failed ;;
esac
command -v abidw > /dev/null || { echo 'skipped: the ABI against its baseline: this machine has no abidiff (abigail-tools)'; exit $failed; }

{
    echo '#include <ancillary.h>'
    awk '/^[a-z].*[ *]anc_[a-z0-9_]*\(/ { open = 1 } open; /;$/ { open = 0 }' "$root/include/ancillary.h" |
        sed 's/);$/) { __builtin_trap(); }/'
} > "$out/stub.c"
soname=$($READELF -dW "$build/libancillary.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
$CC -g -O0 -shared -fPIC -nostdlib -I"$root/include" "$out/stub.c" -o "$out/stub.so" \
    -Wl,-soname,"$soname" -Wl,--version-script,"$map"
abidw --no-show-locs --no-corpus-path --no-comp-dir-path --no-parameter-names --type-id-style hash "$out/stub.so" |
    sed "s|path='[^']*/stub.c'|path='stub.c'|" > "$out/stub.abi"

sed -n 's/^struct \(anc_[a-z_]*\) {$/\1/p' "$root/include/ancillary.h" | while read -r name; do
    grep -q "class-decl name='$name'" "$out/stub.abi" || echo "$name"
done > "$out/log"
quiet 'every struct of the header is reached by a function' "$out/log"

exports() { $NM -D --defined-only "$1" | awk '$2 == "T" { print $3 }' | LC_ALL=C sort; } # name@@node
exports "$out/stub.so" > "$out/exports"
exports "$build/libancillary.so" | diff "$out/exports" - > "$out/log" || true
quiet 'the library has the symbols and versions that are compared' "$out/log"

# Macros are compiled into programs too.
{
    printf '#include <ancillary.h>\n#include <stdio.h>\nint main(void)\n{\n'
    sed -n 's/^#define \(ANC_[A-Z0-9_]*\) .*/\1/p' "$root/include/ancillary.h" | grep -vx ANC_VERSION |
        sed 's/.*/    printf("& %#llx\\n", (unsigned long long)(&));/'
    printf '    return 0;\n}\n'
} > "$out/constants.c"
$CC -I"$root/include" "$out/constants.c" -o "$out/constants"
"$out/constants" | LC_ALL=C sort > "$out/constants.now"

# struct size BITS, then struct OFFSET member TYPE for each.
members() {
    awk '
        function value(key) { return match($0, " " key "=\047[^\047]*") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "" }
        function type(id) { return named[id] != "" ? named[id] : of[id] != "" ? kind[id] "(" type(of[id]) ")" : kind[id] }
        value("id") != "" && NR == FNR { id = value("id"); named[id] = value("name"); of[id] = value("type-id"); kind[id] = $1 }
        NR == FNR { next }
        /<class-decl/ { struct = value("name"); if (struct !~ /^anc_/) struct = ""; else print struct, "size", value("size-in-bits") }
        /<\/class-decl/ { struct = "" }
        struct && /<data-member/ { offset = value("layout-offset-in-bits") }
        struct && /<var-decl/ { name = type(value("type-id")); gsub(" ", "_", name); print struct, offset, value("name"), name }' "$1" "$1"
}

compare() {
    LC_ALL=C comm -23 "$constants" "$out/constants.now" > "$out/log"
    quiet 'no constant has changed or gone' "$out/log"
    changed=0
    abidiff --harmless --no-added-syms --suppressions "$growing" "$baseline" "$out/stub.abi" > "$out/diff" 2>&1 || changed=$?
    : > "$out/log"
    [ $changed -eq 0 ] || sed '/^$/d' "$out/diff" > "$out/log"
    quiet 'no function and no type has changed or gone' "$out/log"
    members "$baseline" > "$out/members.then"
    members "$out/stub.abi" > "$out/members.now"
    awk -v growing=" $(sed -n 's/^name_regexp = ^(\(.*\))\$$/\1/p' "$growing" | tr '|' ' ') " '
        NR == FNR { now[$1, ++count[$1]] = $0; next }
        { seen[$1]++; then[$1] = 1 }
        $2 == "size" && !index(growing, " " $1 " ") && now[$1, 1] != $0 { print $1 ": its size has changed" }
        $2 == "size" { size[$1] = $3; next }
        now[$1, seen[$1]] != $0 { print $1 ": " $3 " has moved, changed or gone" }
        END {
            for (name in then)
                for (i = seen[name] + 1; i <= count[name]; i++) {
                    split(now[name, i], member, " ")
                    if (member[2] + 0 < size[name] + 0) print name ": " member[3] " is where earlier programs have padding"
                }
        }' "$out/members.now" "$out/members.then" > "$out/log"
    quiet 'structs that travel with their size have grown at their end, if at all' "$out/log"
    sed -n "s/.*<elf-symbol name='\(anc_[a-z0-9_]*\)' version='\(LIBANCILLARY_[0-9.]*\)'.*/\1@@\2/p" "$baseline" | LC_ALL=C sort > "$out/exports.then"
    sed 's/.*@//' "$out/exports.then" | sort -u > "$out/nodes.then"
    LC_ALL=C comm -13 "$out/exports.then" "$out/exports" | grep -F -f "$out/nodes.then" > "$out/log" || true
    quiet 'a new function has a new node in abi/libancillary.map' "$out/log"
}

if [ -z "${ANC_BLESS:-}" ]; then
    compare
    exit $failed
fi
first=$(sed -n "s/^LIBANCILLARY_\([0-9.]*\).*/\1/p" "$map" | head -n 1)
if ! grep -q "^## $first.*unreleased" "$root/CHANGELOG.md"; then
    compare
    [ $failed -eq 0 ] || { echo 'not blessed: this would break programs that are linked with a release'; exit 1; }
fi
cp "$out/symbols" "$symbols"
cp "$out/stub.abi" "$baseline"
cp "$out/constants.now" "$constants"
echo "blessed: $(wc -l < "$out/exports") functions, $(wc -l < "$constants") constants"
