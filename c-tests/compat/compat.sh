#!/bin/sh
# compat.sh STAGE OUT: programs that were written for the older libancillary compile as they are with
# -include ancillary-compat.h, and with its name in place of ancillary.h, in every C and C++; and run. Without
# it they fail to compile, and never link with something else of these names.
set -eu
stage=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
failed=0
mkdir -p "$out"
out=$(cd "$out" && pwd)
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
flags="$(pkg-config --cflags --libs ancillary) -Wl,-rpath,$(pkg-config --variable=libdir ancillary)"

try() { # what, command...
    what=$1
    shift
    # shellcheck disable=SC2086
    if "$@" -Wall -Wextra -Werror -o "$out/program" $flags > "$out/log" 2>&1 && [ "$("$out/program" 2>> "$out/log")" = passed ]; then
        count=$((count + 1))
    else
        echo "FAIL $what: $*"
        cat "$out/log"
        failed=1
    fi
}

count=0
for program in file several; do
    source=$here/$program.c
    sed 's/<ancillary.h>/<ancillary-compat.h>/' "$source" > "$out/renamed.c"
    for standard in gnu89 gnu99 gnu11 gnu2x; do
        try 'as it is' ${CC:-cc} -std=$standard -include ancillary-compat.h "$source"
        try 'with another include' ${CC:-cc} -std=$standard "$out/renamed.c"
    done
    command -v "${CXX:-c++}" > /dev/null || continue
    for standard in gnu++98 gnu++11 gnu++20; do
        try 'as it is' ${CXX:-c++} -x c++ -std=$standard -include ancillary-compat.h "$source"
    done
done
[ $failed -ne 0 ] || echo "ok   programs for the older library compile and run, $count times"

cat > "$out/header.c" <<'PROGRAM'
#include <ancillary-compat.h>
#include <ancillary-compat.h>
/* As the older header and programs without one declare them. */
extern int ancil_send_fd(int, int);
extern int ancil_recv_fds(int, int *, unsigned);
PROGRAM
for compiler in gcc clang; do
    command -v $compiler > /dev/null || { echo "skipped: this machine has no $compiler"; continue; }
    for standard in c89 c99 c11 c2x; do
        # shellcheck disable=SC2086
        $compiler -std=$standard -pedantic-errors -Wall -Wextra -Wconversion -Wshadow -Werror -fsyntax-only $(pkg-config --cflags ancillary) "$out/header.c" || { echo "FAIL $compiler $standard"; failed=1; }
    done
done
[ $failed -ne 0 ] || echo 'ok   the header compiles twice, and beside the declarations of the older one'

# shellcheck disable=SC2086
if ${CC:-cc} -std=gnu99 "$here/file.c" -o "$out/program" $flags > "$out/log" 2>&1; then
    echo 'FAIL without the header something else has these names'
    failed=1
elif grep -q 'ancil_' "$out/log"; then
    echo 'ok   without the header they do not link'
fi
exit $failed
