#!/bin/sh
# count.sh NAME    lines of NAME-by-hand.c and NAME-ancillary.c: neither blank nor comment
# count.sh table   the README's table: lines, and the BUGs that NAME.c asserts
# count.sh check   the README's table is that
set -eu
cd "$(dirname "$0")"

lines() {
    awk '{
        text = ""
        while (length($0)) {
            if (inside) {
                at = index($0, "*/")
                if (!at) break
                inside = 0
                $0 = substr($0, at + 2)
            } else {
                at = index($0, "/*")
                text = text (at ? substr($0, 1, at - 1) : $0)
                if (!at) break
                inside = 1
                $0 = substr($0, at + 2)
            }
        }
        if (text ~ /[^ \t]/) n++
    } END { print n + 0 }' "$1"
}

table() {
    echo '| port | by hand: lines | bugs | ancillary: lines | bugs |'
    echo '|---|---|---|---|---|'
    for port in monitor commands frames ring notify batch listeners triples multishot; do
        [ -f "$port.c" ] || continue
        echo "| $port | $(lines "$port-by-hand.c") | $(grep -c '^BUG(' "$port.c") | $(lines "$port-ancillary.c") | 0 |"
    done | awk -F'|' '{ print; a += $3; b += $4; c += $5 } END { print "| **all** | " a " | " b " | " c " | 0 |" }'
}

case ${1:-table} in
table) table ;;
check)
    table | while IFS= read -r row; do
        grep -qxF "$row" README.md || { echo "README.md lacks: $row"; exit 1; }
    done ;;
*) echo "$(lines "$1-by-hand.c") $(lines "$1-ancillary.c")" ;;
esac
