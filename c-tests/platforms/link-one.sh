#!/bin/sh
# link-one.sh TARGET ARCHIVE OUT PROGRAM: compiles and links one of the C tests for another system, for
# platforms.sh. Leaves OUT/PROGRAM, or OUT/PROGRAM.failed.
set -eu
target=$1 archive=$2 out=$3 program=$4
here=$(cd "$(dirname "$0")/.." && pwd)
sources=$here/$program.c
for part in "$here/$program-by-hand.c" "$here/$program-ancillary.c"; do
    [ ! -f "$part" ] || sources="$sources $part"
done
# shellcheck disable=SC2086
if ! "$ZIG" cc -target "$target" -std=c11 -O1 -Wall -Wextra -fno-sanitize=all -I"$here/../include" -I"$here" $sources \
    "$here/harness.c" "$archive" -lpthread -o "$out/$program" > "$out/$program.log" 2>&1; then
    mv "$out/$program.log" "$out/$program.failed"
    rm -f "$out/$program"
fi
