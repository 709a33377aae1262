#!/bin/sh
# run-one.sh TARGET STAGE OUT PROGRAM: one of the C tests, for platforms.sh; its log in OUT/PROGRAM.out.
#
# CC, CFLAGS: the compiler; RUNNER: what runs the program; LIMITS: what RUNNER does not do (a file such as
# qemu-user), so that the tests that want it are left out.
set -eu
target=$1 stage=$2 out=$3 program=$4
here=$(cd "$(dirname "$0")" && pwd)
here=${here%/platforms}
left_out=
if [ -n "${LIMITS:-}" ]; then
    left_out=$(sh "$here/platforms/limits.sh" "$LIMITS" "${target%%-*}" "$program" | tr '\n' ' ')
fi
log=$out/$program.out
mkdir -p "$(dirname "$log")"
if [ "$left_out" = '* ' ]; then
    echo 'left out' > "$log"
elif ! EXEC="timeout ${SECONDS_EACH:-600} ${RUNNER:-}" ANC_LEFT_OUT=$left_out sh "$here/run.sh" static "$stage" "$out" "$program" > "$log" 2>&1; then
    echo "FAILED $program" >> "$log"
fi
