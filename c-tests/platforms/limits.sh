#!/bin/sh
# limits.sh LIST MACHINE [PROGRAM]: the tests of the program that a list such as qemu-user leaves out, one a
# line, or * for all of them; without a program, a line for each reason.
awk -v machine="$2" -v program="${3:-}" '
    function told() {
        if (program == "" && programs != "")
            print programs ": " reason
        programs = ""
    }
    /^##/ { next }
    /^# / {
        told()
        reason = substr($0, 3)
        is_here = reason !~ /^(s390x|aarch64): / || index(reason, machine ": ") == 1
        sub(/^(s390x|aarch64): /, "", reason)
        next
    }
    NF && is_here && program == $1 { for (i = 2; i <= NF; i++) print $i }
    NF && is_here && index(programs " ", " " $1 " ") == 0 && programs != $1 { programs = programs (programs == "" ? "" : " ") $1 }
    END { told() }
' "$1"
