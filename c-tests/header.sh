#!/bin/sh
# header.sh OUT: include/ancillary.h is what cbindgen makes of src/, byte for byte, and compiles
# alone and included twice, in every C and C++ that a daemon may be written in.
#
# ANC_BLESS=1 takes a change of src/ into include/ancillary.h.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p "$out"
failed=0

if [ -n "${ANC_BLESS:-}" ]; then
    made=$root/include/ancillary.h
else
    made=$(cd "$out" && pwd)/ancillary.h
fi
ANC_HEADER=$made CARGO_TARGET_DIR=$(cd "$out" && pwd)/cargo ${CARGO:-cargo} build --quiet --locked --package ancillary --features header
if diff -u include/ancillary.h "$made" > "$out/header.diff"; then
    echo 'ok   include/ancillary.h is what cbindgen makes of src/'
else
    echo 'FAIL include/ancillary.h is not what cbindgen makes of src/ (ANC_BLESS=1 takes the change):'
    cat "$out/header.diff"
    failed=1
fi

cat > "$out/alone.c" <<'PROGRAM'
#include <ancillary.h>
PROGRAM
cat > "$out/twice.c" <<'PROGRAM'
#include <ancillary.h>
#include <ancillary.h>
int constant_expressions[ANC_CONTROL_MAX + ANC_LEN(4) + ANC_SPACE(4) + ANC_FDS_SPACE(ANC_FDS_MAX)];
#if ANC_VERSION < 0x000100
#error "the preprocessor can compare versions"
#endif
PROGRAM

supports() { # compiler, option...: a program that includes nothing of ours
    echo '#include <sys/socket.h>' | "$@" -fsyntax-only - 2> /dev/null
}

compiled=''
compile() { # language, compiler, option...
    language=$1
    shift
    if ! supports "$@" -x "$language"; then
        echo "skip $*: not on this machine"
        return
    fi
    for program in alone twice; do
        if ! "$@" -x "$language" -Iinclude -pedantic-errors -Wall -Wextra -Werror -fsyntax-only "$out/$program.c"; then
            echo "FAIL $*: $program"
            failed=1
        fi
    done
    compiled="$compiled ${1}${3:+/32}:${2#-std=}"
}

for width in '' -m32; do
    for standard in c89 c99 c11 c17 c2x; do
        compile c gcc -std=$standard $width
        compile c clang -std=$standard $width
    done
    for standard in c++98 c++11 c++14 c++17 c++20 c++23; do
        compile c++ g++ -std=$standard $width
        compile c++ clang++ -std=$(echo $standard | sed 's/23/2b/') $width
    done
done
for needed in gcc:c89 g++:c++98 gcc/32:c89; do
    case "$compiled " in
    *" $needed "*) ;;
    *)
        echo "FAIL nothing was compiled as $needed"
        failed=1
        ;;
    esac
done
[ $failed -ne 0 ] || echo "ok   it compiles alone and twice:$compiled"
exit $failed
