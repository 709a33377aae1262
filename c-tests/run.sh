#!/bin/sh
# run.sh shared|static STAGE OUT [program...]: compiles the C tests as a stranger would, with what
# pkg-config prints for the library installed below STAGE, and runs them without LD_LIBRARY_PATH.
#
# CC, CFLAGS: the compiler; EXEC: what runs the programs (valgrind ...).
set -eu
kind=$1 stage=$2 out=$3
shift 3
here=$(dirname "$0")
[ $# -gt 0 ] || set -- $(cd "$here" && ls ./*.c | grep -v harness | sed 's|^\./||; s|\.c$||')
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
mkdir -p "$out"
case $kind in
shared) libs="$(pkg-config --cflags --libs ancillary) -Wl,-rpath,$(pkg-config --variable=libdir ancillary)" ;;
static) libs="$(pkg-config --static --cflags --libs ancillary)" ;;
esac
failed=0 total=0
for test in "$@"; do
    ${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/$test.c" "$here/harness.c" -o "$out/$test" $libs -pthread
    if [ "$kind" = shared ]; then
        readelf -d "$out/$test" | grep -q 'NEEDED.*libancillary\.so' || { echo "FAIL $test: not linked with the .so"; exit 1; }
    elif readelf -d "$out/$test" | grep -q 'libancillary'; then
        echo "FAIL $test: not linked with the .a"; exit 1
    fi
    ${EXEC:-} "$out/$test" > "$out/$test.log" 2>&1 && status=0 || status=$?
    tail -n 1 "$out/$test.log" | sed "s|^|$test ($kind${EXEC:+, ${EXEC%% *}}): |"
    grep -E -A1 '^     skipped' "$out/$test.log" || true
    if [ "$status" -ne 0 ]; then
        failed=$((failed + 1))
        cat "$out/$test.log"
    fi
done
[ "$failed" -eq 0 ]
