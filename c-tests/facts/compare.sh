#!/bin/sh
# compare.sh TEXT: what facts.c printed on some kernel, beside what is checked in for that kernel. For one that is
# not known the difference to the others is printed and is no failure. ANC_BLESS=1 writes the file instead.
set -eu
text=$1
here=$(dirname "$0")
kernel=$(sed -n '1s/^# Ancillary data on Linux \([0-9.]*\), \([a-z0-9_]*\)$/\1-\2/p' "$text")
[ -n "$kernel" ] || { echo "FAIL $text is not what facts.c prints"; exit 1; }
known=$here/linux-$kernel.txt
if [ "${ANC_BLESS:-}" = 1 ]; then
    cp "$text" "$known"
    echo "written: $known"
elif [ -f "$known" ]; then
    diff -u "$known" "$text" || { echo "FAIL Linux $kernel does not do what it did"; exit 1; }
    echo "ok   Linux $kernel does what $(basename "$known") says"
else
    echo "skip nothing is checked in for Linux $kernel; the difference to what is:"
    for other in "$here"/linux-*.txt; do
        diff -u "$other" "$text" || true
    done
fi
