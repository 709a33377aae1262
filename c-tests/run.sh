#!/bin/sh
# run.sh shared|static STAGE OUT [program...]: compiles the C tests as a stranger would, with what
# pkg-config prints for the library installed below STAGE, and runs them without LD_LIBRARY_PATH.
# A program is NAME.c, with NAME-by-hand.c and NAME-ancillary.c where they are there; what else it
# links stands in its comment `Links: -l...`.
#
# CC, CFLAGS: the compiler; EXEC: what runs the programs (valgrind ...).
set -eu
kind=$1 stage=$2 out=$3
shift 3
here=$(dirname "$0")
programs() {
    cd "$here"
    for source in *.c field-bugs/*.c ports/*.c; do
        case $source in
        harness.c | *-by-hand.c | *-ancillary.c | *'*'*) ;;
        *) echo "${source%.c}" ;;
        esac
    done
}
[ $# -gt 0 ] || set -- $(programs)

export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
case $kind in
shared) library="$(pkg-config --cflags --libs ancillary) -Wl,-rpath,$(pkg-config --variable=libdir ancillary)" ;;
static) library="$(pkg-config --static --cflags --libs ancillary)" ;;
esac

build() { # program
    sources=$here/$1.c
    for part in "$here/$1-by-hand.c" "$here/$1-ancillary.c"; do
        [ ! -f "$part" ] || sources="$sources $part"
    done
    links=$(sed -n 's|.*Links: \(-l[^*]*[^* ]\).*|\1|p' "$here/$1.c")
    mkdir -p "$(dirname "$out/$1")"
    # shellcheck disable=SC2086
    ${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} -I"$here" $sources "$here/harness.c" \
        -o "$out/$1" $library $links -pthread
    needed=$(readelf -d "$out/$1" | grep -c 'NEEDED.*libancillary\.so' || true)
    [ "$kind-$needed" = shared-1 ] || [ "$kind-$needed" = static-0 ] || { echo "FAIL $1: not linked with the $kind library"; exit 1; }
}

passed=0 failed=0
for program in "$@"; do
    build "$program"
    # shellcheck disable=SC2086
    if ${EXEC:-} "$out/$program" > "$out/$program.log" 2>&1; then status=0; else status=$?; fi
    echo "$program ($kind${CC:+, $CC}${CFLAGS:+, sanitized}${EXEC:+, ${EXEC%% *}}): $(grep '^[0-9]* passed' "$out/$program.log" || tail -n 1 "$out/$program.log")"
    grep -h '^     skipped: ' "$out/$program.log" | sort | uniq -c | sed 's/^ */     /' || true
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        cat "$out/$program.log"
    fi
done
echo "$kind: $passed programs passed, $failed failed"
[ "$failed" -eq 0 ]
