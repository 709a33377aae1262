#!/bin/sh
# demo.sh STAGE OUT: compiles broker.c and worker.c as a stranger would, with what pkg-config prints
# for the library installed below STAGE, and runs them.
set -eu
stage=$1 out=$2
here=$(dirname "$0")
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
mkdir -p "$out"
for program in broker worker; do
    # shellcheck disable=SC2046,SC2086 # lists of flags
    ${CC:-cc} -std=c99 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/$program.c" -o "$out/$program" \
        $(pkg-config --cflags --libs ancillary) -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
done
exec "$out/broker" "$out/worker"
