#!/bin/sh
# facts.sh OUT [update]: prints what this kernel does, and compares it with what is checked in for this
# version. For another version the difference is printed and is no failure. update: writes the file.
set -eu
out=$1
here=$(dirname "$0")
mkdir -p "$out"
${CC:-cc} -std=c11 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/facts.c" -o "$out/facts"
"$out/facts" > "$out/facts.txt"
version=$(uname -r | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
known=$here/linux-$version-$(uname -m).txt
if [ "${2:-}" = update ]; then
    cp "$out/facts.txt" "$known"
    echo "written: $known"
elif [ -f "$known" ]; then
    diff -u "$known" "$out/facts.txt" || { echo "FAIL Linux $version does not do what it did"; exit 1; }
    echo "ok   Linux $version does what $(basename "$known") says"
else
    echo "skip nothing is checked in for Linux $version, $(uname -m); the difference to what is:"
    for other in "$here"/linux-*.txt; do
        diff -u "$other" "$out/facts.txt" || true
    done
fi
