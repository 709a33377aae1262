#!/bin/sh
# watch.sh STAGE TESTS OUT: anc-watch reports what is planted and nothing beside it, every control of
# field-bugs, and nothing of the library's own tests, which are built in TESTS.
# WATCH_ONLY: planted, field-bugs, library or command alone.
set -eu
stage=$1 tests=$(cd "$2" && pwd) out=$3
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here/../.."
watch=$stage/bin/anc-watch
passed=0 failed=0 skipped=0
ok() { passed=$((passed + 1)); }
bad() { # what, file...
    echo "FAIL $1"
    shift
    [ $# -eq 0 ] || sed 's/^/     /' "$@" | head -n 20
    failed=$((failed + 1))
}
wanted() { [ -z "${WATCH_ONLY:-}" ] || [ "$WATCH_ONLY" = "$1" ]; }

# Runs a program: its output in $out/output, the reports in $out/reports, their kinds in $kinds, its
# exit status in $status.
run() { # options, command...
    options=$1
    shift
    : > "$out/reports"
    status=0
    # shellcheck disable=SC2086
    timeout 600 "$watch" $options -o "$out/reports" "$@" > "$out/output" 2>&1 || status=$?
    kinds=$(sed -n 's/^anc-watch\[[0-9]*\]: \([a-z]*\): .*/\1/p' "$out/reports" | sort -u | tr '\n' ' ')
}

# Whether the processor's watchpoints can be had here; without them two kinds are not seen.
build() { # compiler, flags, program
    # shellcheck disable=SC2086
    $1 -std=c11 -g $2 -Wall -Wextra -Werror "$here/planted.c" -o "$3" -pthread -ldl
}
build "${CC:-cc}" -O1 "$out/planted"
run '' "$out/planted" a_full_table
looks=yes
case $kinds in
*truncated*) ;;
*)
    if grep -q 'were not watched' "$out/reports"; then
        looks=no
        echo '     skipped: no watchpoints here (perf_event_open): truncated and misread'
    fi
    ;;
esac
is_looked_for() { # kinds
    case $looks-$1 in
    no-*truncated* | no-*misread*) skipped=$((skipped + 1)); return 1 ;;
    esac
}

planted() { # program
    "$1" list > "$out/list"
    while IFS='|' read -r name options expected words; do
        is_looked_for "$expected" || continue
        run "$options" "$1" "$name" < /dev/null
        if [ "$kinds" != "$expected${expected:+ }" ]; then
            bad "$name: '$kinds', not '$expected'" "$out/reports" "$out/output"
        elif [ -n "$expected" ] && ! grep -qF -- "$words" "$out/reports"; then
            bad "$name: without the words '$words'" "$out/reports"
        elif [ -n "$expected" ] && ! grep -q 'see .*(' "$out/reports"; then
            bad "$name: without a page to read" "$out/reports"
        elif [ "$status" -ne 0 ] && [ "$status-$name" != 143-left_open_until_SIGTERM ]; then
            bad "$name: exit status $status" "$out/output"
        else
            ok
        fi
    done < "$out/list"
}
if wanted planted; then
    planted "$out/planted"
    build "${CC:-cc}" -O2 "$out/planted-O2"
    planted "$out/planted-O2"
    if command -v clang > /dev/null; then
        build clang -O2 "$out/planted-clang"
        planted "$out/planted-clang"
    fi
fi

# What by hand goes wrong in a way that only the protocol knows, and the option that shows what can be seen.
option_for() { # test
    case $1 in
    by_hand_a_header_in_two_reads_comes_without_its_descriptor) echo '-p dropped' ;;
    by_hand_the_caller_waits_for_ever) echo '-p noticed' ;;
    by_hand_a_claim_is_met_with_a_descriptor_of_somebody_else) echo '-u stale' ;;
    esac
}
if wanted field-bugs; then
    for source in c-tests/field-bugs/*.c; do
        program=$tests/field-bugs/$(basename "$source" .c)
        for name in $(sed -n 's/^TEST(\(.*\))$/\1/p' "$source"); do
            run '' "$program" "$name"
            case $name-$(option_for "$name") in
            by_hand*-)
                if [ -n "$kinds" ]; then
                    ok
                elif grep -q '^skip' "$out/output"; then
                    skipped=$((skipped + 1))
                elif is_looked_for truncated; then
                    bad "$(basename "$source"): $name is not reported" "$out/output"
                fi
                ;;
            *)
                if [ -n "$kinds" ]; then bad "$name is reported" "$out/reports"; else ok; fi
                ;;
            esac
            set -- $(option_for "$name")
            if [ $# -eq 2 ]; then
                run "$1" "$program" "$name"
                if [ "$kinds" = "$2 " ]; then ok; else bad "$name: with $1 '$kinds', not '$2'" "$out/reports"; fi
            fi
        done
    done
fi

# Of a port, those tests that run none of the code by hand: it is not the library's, and has bugs.
names_of() { # program: nothing names all
    case $1 in
    */ports/*) "$1" 2> /dev/null | sed -n 's/^ok   //p' | grep -v -e by_hand -e understand_each_other ;;
    esac
}
if wanted library; then
    printf 'unsent */streams\n' > "$out/suppressions" # shows with a plain sendmsg what the library refuses
    for source in c-tests/*.c c-tests/ports/*.c; do
        program=${source#c-tests/}
        program=$tests/${program%.c}
        [ -x "$program" ] || continue
        case $source in
        # Whose tests set the older library's receiver beside ours, and it has bugs.
        c-tests/compat.c) continue ;;
        # Millions of states without a system call: nothing to watch, and a long time.
        c-tests/channel-model.c) continue ;;
        esac
        # shellcheck disable=SC2046
        run "-s $out/suppressions" "$program" $(names_of "$program")
        if [ "$status" -eq 0 ] && [ ! -s "$out/reports" ]; then
            ok
        else
            bad "$source: exit status $status, reports: $kinds" "$out/reports" "$out/output"
        fi
    done
fi

expect() { # what, condition...
    what=$1
    shift
    if "$@"; then ok; else bad "$what" "$out/reports" "$out/output"; fi
}
has() { grep -q -- "$1" "$out/reports"; }
lacks() { ! grep -q -- "$1" "$out/reports"; }
if wanted command; then
    run '-e 9' "$out/planted" left_open_until_the_end
    expect 'the status of -e' [ "$status" -eq 9 ]
    run '-e 9' "$out/planted" left_open_until__exit
    expect 'the status of -e at _exit' [ "$status" -eq 9 ]
    run '-e 9' "$out/planted" in_a_child
    expect 'the status of -e for what a child did' [ "$status" -eq 9 ]
    run '-e 9' "$out/planted" closed_without_any_use
    expect 'the status of the program' [ "$status" -eq 0 ]
    run '-e 9' "$out/planted" no_such_program
    expect 'and its own failure' [ "$status" -eq 98 ]

    run '' "$out/planted" left_open_until_the_end
    address=$(sed -n 's/.*received at .*planted+\(0x[0-9a-f]*\)$/\1/p' "$out/reports")
    expect 'the first place is where recvmsg was called' [ "$(addr2line -fe "$out/planted" "$address" | head -n 1)" = take ]
    expect 'the sum' has 'in all: unclaimed 1$'
    run '' "$out/planted" the_table_is_the_programs_own
    expect 'silence' [ ! -s "$out/reports" ]

    "$watch" "$out/planted" left_open_until_the_end > "$out/output" 2> "$out/reports" || true
    expect 'without -o it is standard error' has unclaimed
    printf '# a comment\nunclaimed */planted\n' > "$out/suppressions"
    run "-s $out/suppressions" "$out/planted" left_open_until_the_end
    expect 'what is suppressed' [ ! -s "$out/reports" ]
    printf 'inheritable *\nunclaimed */plante\n' > "$out/suppressions"
    run "-s $out/suppressions" "$out/planted" left_open_until_the_end
    expect 'what is not suppressed' has unclaimed
    printf 'unclaimed take\n' > "$out/suppressions"
    ${CC:-cc} -std=c11 -O1 -rdynamic "$here/planted.c" -o "$out/planted-named" -pthread
    run '' "$out/planted-named" left_open_until_the_end
    expect 'exported functions have names' has ' take in '
    run "-s $out/suppressions" "$out/planted-named" left_open_until_the_end
    expect 'what is suppressed by a function' [ ! -s "$out/reports" ]

    ${CC:-cc} -std=c11 -O1 -static "$here/planted.c" -o "$out/planted-static" -pthread 2> /dev/null
    run '' "$out/planted-static" left_open_until_the_end
    expect 'a static program is refused' grep -q 'statically linked' "$out/output"
    expect 'with status 2' [ "$status" -eq 2 ]
    run '' "$out/no-such-file"
    expect 'no such program' grep -q 'not found' "$out/output"
    run '' sh -c "$out/planted left_open_until_the_end; $out/planted inheritable_until_the_end"
    expect 'what a shell starts' has unclaimed
    expect 'all of it' has inheritable
    (cd "$out" && rm -f log && "$watch" -o log sh -c 'cd /; exec "$0" left_open_until_the_end' "$out/planted")
    cp "$out/log" "$out/reports"
    expect 'a log in the directory of the start' has unclaimed
    if ldd "$(command -v python3 || echo /bin/sh)" > /dev/null 2>&1 && command -v python3 > /dev/null; then
        run '' python3 -c 'import socket,array
a, b = socket.socketpair()
socket.send_fds(a, [b"x"], [0])
m, fds, flags, address = socket.recv_fds(b, 1, 1)
print(fds)'
        expect 'a program of another language' has unclaimed
    fi
fi

echo "anc-watch: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
