# check.sh, for other scripts, which set `out` and `failed`. check WHAT COMMAND...: whether it succeeds, and
# what it said if not.
check() {
    what=$1
    shift
    if "$@" > "$out/log" 2>&1; then
        echo "ok   $what"
    else
        echo "FAIL $what"
        tail -n 30 "$out/log" | sed 's/^/     /'
        failed=1
    fi
}
