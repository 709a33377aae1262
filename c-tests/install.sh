#!/bin/sh
# install.sh OUT: make install and make uninstall, as a distribution and as a user call them.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
failed=0
ok() { echo "ok   $1"; }
bad() { echo "FAIL $1"; failed=1; }
try() { # what, command...
    what=$1
    shift
    if "$@" > "$out/log" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/     /' "$out/log"; fi
}
quiet_make() { (unset PREFIX LIBDIR DESTDIR; make --no-print-directory -C "$root" "$@") > /dev/null; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

cp "$root/c-tests/find/program.c" "$out"
run() { # pkg-config's options..., compiles and runs
    flags=$(pkg-config "$@" ancillary)
    # shellcheck disable=SC2086
    ${CC:-cc} "$out/program.c" -o "$out/program" $flags "-Wl,-rpath,$(echo "$flags" | sed -n 's/.*-L\([^ ]*\).*/\1/p')" && [ "$("$out/program")" = passed ]
}

files() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }
expected() { # prefix, libdir
    {
        for file in libancillary.a libancillary.so "libancillary.so.${version%%.*}" "libancillary.so.$version" \
            ancillary/libanc-watch.so pkgconfig/ancillary.pc cmake/ancillary/ancillaryConfig.cmake cmake/ancillary/ancillaryConfigVersion.cmake; do
            echo ".$2/$file"
        done
        for header in ancillary.h ancillary.hpp ancillary-compat.h; do echo ".$1/include/$header"; done
        for tool in anc-migrate anc-watch; do echo ".$1/bin/$tool"; done
        (cd "$root/tools" && find anc-migrate -name '*.cocci' -o -name anc_facts.py -o -name macros.h) | sed "s|^|.$1/share/ancillary/|"
        for page in "$root"/man/*.[137]; do
            echo ".$1/share/man/man${page##*.}/${page##*/}"
        done
    } | LC_ALL=C sort
}
build="BUILD=$out/build"

quiet_make install "$build" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR="$out/dest"
if [ "$(files "$out/dest")" = "$(expected /usr /usr/lib/x86_64-linux-gnu)" ]; then
    ok 'DESTDIR, PREFIX and LIBDIR say where the files go'
else
    bad 'DESTDIR, PREFIX and LIBDIR say where the files go'
    files "$out/dest"
fi
if grep -rq "$out" "$out/dest"; then bad 'DESTDIR stays out of every file'; else ok 'DESTDIR stays out of every file'; fi
quiet_make uninstall "$build" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu DESTDIR="$out/dest"
if [ -z "$(files "$out/dest")" ]; then ok 'uninstall leaves nothing'; else bad 'uninstall leaves nothing'; fi

quiet_make install "$build" PREFIX="$out/prefix"
export PKG_CONFIG_PATH="$out/prefix/lib/pkgconfig"
try 'a program links and runs with --cflags --libs' run --cflags --libs
[ "$(pkg-config --modversion ancillary)" = "$version" ] && ok 'the .pc has the version' || bad 'the .pc has the version'
rm "$out"/prefix/lib/libancillary.so*
try 'and with --static, without the .so' run --static --cflags --libs
quiet_make uninstall "$build" PREFIX="$out/prefix"
PKG_CONFIG_PATH=$out/build
try 'and with the -uninstalled .pc of the build' run --cflags --libs
exit $failed
