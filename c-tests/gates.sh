#!/bin/sh
# gates.sh BUILD: what the finished library is made of, compared for equality with what it is meant
# to be made of. WITHOUT: as given to make.
set -eu
build=$1
root=$(cd "$(dirname "$0")/.." && pwd)
NM=${NM:-nm} READELF=${READELF:-readelf}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

same() { # what, expected file, seen file
    if diff -u "$2" "$3" > "$work/diff"; then
        echo "ok   $1"
    else
        echo "FAIL $1 (-expected +seen)"
        sed 1,2d "$work/diff"
        failed=1
    fi
}

is() { # what, expected, seen
    if [ "$2" = "$3" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1: expected '$2', seen '$3'"
        failed=1
    fi
}

so=$build/libancillary.so
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
node=$(sed -n 's/^\(LIBANCILLARY_[0-9.]*\).*/\1/p' "$root/abi/libancillary.map" | tail -n 1)

# The header declares what the map exports, and the library exports that and nothing else.
sed -n 's/^[[:space:]]*\(anc_[a-z0-9_]*\);/\1/p' "$root/abi/libancillary.map" | LC_ALL=C sort > "$work/map"
sed -n 's/^[a-z].*[ *]\(anc_[a-z0-9_]*\)(.*/\1/p' "$root/include/ancillary.h" | LC_ALL=C sort > "$work/header"
$NM -g --defined-only "$build/cargo/release/libancillary.a" 2> /dev/null | awk '$3 ~ /^anc_/ { print $3 }' | LC_ALL=C sort -u > "$work/rust"
$NM -D --defined-only "$so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort > "$work/so"
$NM -g --defined-only "$build/libancillary.a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort > "$work/a"
same 'the header declares every exported function' "$work/map" "$work/header"
same 'the map names every function that src/capi defines for C' "$work/map" "$work/rust"
same 'the .so exports what abi/libancillary.map names' "$work/map" "$work/so"
same 'the .a defines what abi/libancillary.map names' "$work/map" "$work/a"
$NM -D --defined-only "$so" | awk '$2 != "T" && $2 != "A"' > "$work/data"
: > "$work/none"
same 'the .so exports no data' "$work/none" "$work/data"
is 'the exports bear a version' "$(wc -l < "$work/map")" "$($NM -D --defined-only "$so" | grep -c "@@LIBANCILLARY_[0-9.]*$")"

# Imports.
sed 's/#.*//' "$root/abi/imports.linux-gnu" | while read -r name condition; do
    [ -n "$name" ] && [ "$condition" != compiler ] || continue
    case " ${WITHOUT:-} " in
    *" ${condition#-} "*) [ "${condition#-}" != "$condition" ] || echo "$name" ;;
    *) [ -n "$condition" ] && [ "${condition#-}" = "$condition" ] || echo "$name" ;;
    esac
done | LC_ALL=C sort > "$work/allowed"
sed -n 's/ compiler$//p' "$root/abi/imports.linux-gnu" > "$work/compiler"
$NM -D --undefined-only "$so" | awk '{ sub(/@.*/, "", $2); print $2 }' | grep -vxFf "$work/compiler" | LC_ALL=C sort > "$work/so-imports"
$NM --undefined-only "$build/libancillary.a" | awk 'NF == 2 { print $2 }' | grep -vxF -e _GLOBAL_OFFSET_TABLE_ -f "$work/compiler" | LC_ALL=C sort > "$work/a-imports"
same 'the .so imports what abi/imports.linux-gnu allows' "$work/allowed" "$work/so-imports"
same 'the .a imports the same' "$work/allowed" "$work/a-imports"

# The object.
$READELF -dW "$so" > "$work/dynamic"
$READELF -lW "$so" > "$work/segments"
$READELF -SW "$so" > "$work/sections"
strings "$so" "$build/libancillary.a" > "$work/strings"
none() { grep "$@" || true; }
dynamic() { sed -n "s/.*($1).*\[\(.*\)\]/\1/p" "$work/dynamic"; }
is 'the soname is that of the major version' "libancillary.so.${version%%.*}" "$(dynamic SONAME)"
is 'it needs libc and nothing else' 'libc.so.6' "$(dynamic NEEDED)"
is 'from glibc 2.34 on' '' "$($NM -D --undefined-only "$so" | sed -n 's/.*@GLIBC_\([0-9.]*\).*/\1/p' | awk -F . '$1 > 2 || $2 > 34')"
is 'the version node is the newest of the map' "$node" "$($NM -D "$so" | sed -n 's/.* A \(LIBANCILLARY_.*\)/\1/p' | tail -n 1)"
is 'no constructor, no destructor' '' "$(none -E '\((INIT|FINI|INIT_ARRAY|FINI_ARRAY)\)' "$work/dynamic")"
is 'no text relocation' '' "$(none TEXTREL "$work/dynamic")"
is 'no executable stack, no writable code' '' "$(none -E 'GNU_STACK.*E |LOAD.*(WE|RWE)' "$work/segments")"
is 'no writable data' '' "$(awk '$2 ~ /^\.(data|bss|tdata|tbss)$/ || $3 ~ /^\.(data|bss|tdata|tbss)$/' "$work/sections")"
is 'bound at load time' 'yes' "$(grep -q BIND_NOW "$work/dynamic" && echo yes)"
is 'unwind tables for a cancelled thread' 'yes' "$(grep -q '\.eh_frame_hdr' "$work/sections" && echo yes)"
is 'but no landing pads' '' "$(none gcc_except_table "$work/sections")"
is 'below 112 KB' 'yes' "$([ "$(wc -c < "$so")" -lt 114688 ] && echo yes)"
is 'no path of the machine that built it' '' "$(none -F -e "$root" -e "${CARGO_HOME:-$HOME/.cargo}" "$work/strings" | head -n 1)"
exit $failed
