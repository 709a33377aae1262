#!/bin/sh
# limits.sh LIST MACHINE [PROGRAM]: the tests of the program that a list such as qemu-user leaves out, one a
# line, or * for all of them; without a program, a line for each program and reason.
awk -v machine="$2" -v program="${3:-}" '
    /^##/ { next }
    /^# / {
        reason = substr($0, 3)
        is_here = reason !~ /^(s390x|aarch64): / || index(reason, machine ": ") == 1
        sub(/^(s390x|aarch64): /, "", reason)
        next
    }
    NF && is_here && program == "" {
        print $1 ": " ($2 == "*" ? "all" : NF - 1 (NF == 2 ? " test" : " tests")) ": " reason
    }
    NF && is_here && program == $1 { for (i = 2; i <= NF; i++) print $i }
' "$1"
