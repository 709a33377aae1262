# check.sh, for other scripts, which set `out` and `failed`. WHAT, then a command, and what it said where it
# fails. check: it has to succeed. silent: and to say nothing.
check() {
    what=$1
    shift
    if "$@" > "$out/log" 2>&1; then passed; else complain; fi
}
silent() {
    what=$1
    shift
    if "$@" > "$out/log" 2>&1 && [ ! -s "$out/log" ]; then passed; else complain; fi
}
passed() { echo "ok   $what"; }
complain() {
    echo "FAIL $what"
    tail -n 60 "$out/log" | sed 's/^/     /'
    failed=1
}
