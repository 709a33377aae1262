#!/bin/sh
# facts.sh OUT: prints what this kernel does, and compares it with what is checked in for this version.
# ANC_BLESS=1 writes that file.
set -eu
out=$1
here=$(dirname "$0")
mkdir -p "$out"
${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/facts.c" -o "$out/facts"
"$out/facts" > "$out/facts.txt"
sh "$here/compare.sh" "$out/facts.txt"
