#!/bin/sh
# cplusplus.sh STAGE OUT: ancillary.hpp as a stranger meets it, through pkg-config, below STAGE. It compiles
# without a warning in each C++ from 11 on, alone, twice, and without exceptions; mistakes do not compile;
# the tests run, their translation units of one C++ and of several, with the sanitizers; an object that
# includes it defines nothing.
#
# CXX_MATRIX: compilers, default "g++ clang++". EXEC: what runs the tests (valgrind ...).
set -eu
stage=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
failed=0
mkdir -p "$out"
out=$(cd "$out" && pwd)
ok() { echo "ok   $1"; }
bad() { echo "FAIL $1"; failed=1; }

export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
cflags=$(pkg-config --cflags ancillary)
libs="$(pkg-config --libs ancillary) -Wl,-rpath,$(pkg-config --variable=libdir ancillary)"
strict='-pedantic-errors -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror'
units='owners passing control channel allocation unit units'

compilers=''
for compiler in ${CXX_MATRIX:-g++ clang++}; do
    if command -v "$compiler" > /dev/null; then compilers="$compilers $compiler"; else echo "skipped: this machine has no $compiler"; fi
done
[ -n "$compilers" ] || { echo 'skipped: ancillary.hpp: this machine has no C++ compiler'; exit 0; }

echo '#include <ancillary.hpp>' > "$out/alone.cpp"
printf '#include <ancillary.hpp>\n#include <ancillary.hpp>\nint main() {}\n' > "$out/twice.cpp"
empty=$out/empty.cpp
: > "$empty"
echo '#include <vector>' > "$out/library.cpp"
standards() { # compiler...: those that it knows
    for standard in 11 14 17 20 2b; do
        if "$@" -std=c++$standard -fsyntax-only "$empty" 2> /dev/null; then echo c++$standard; fi
    done
}

# libc++ where it is there.
compiled=''
for compiler in $compilers; do
    for library in '' -stdlib=libc++; do
        [ -z "$library" ] || case $compiler in *clang*) "$compiler" $library -fsyntax-only "$out/library.cpp" 2> /dev/null || { echo "skipped: $compiler has no libc++"; continue; } ;; *) continue ;; esac
        for standard in $(standards "$compiler" $library); do
            for source in "$out/alone.cpp" "$out/twice.cpp" "-fno-exceptions -fno-rtti $here/must-not-compile.cpp"; do
                # shellcheck disable=SC2086
                "$compiler" $library -std=$standard $strict $cflags -fsyntax-only $source || bad "$compiler $library $standard: $source"
            done
            compiled="$compiled $compiler${library:+/libc++}:$standard"
        done
    done
done
[ -n "$compiled" ] || bad 'nothing was compiled'
[ $failed -ne 0 ] || ok "it compiles without a warning:$compiled"

# Each mistake is an error, in the oldest C++ and in a new one.
count=$(sed -n 's/^#.*MISTAKE == \([0-9]*\).*/\1/p' "$here/must-not-compile.cpp" | wc -l)
accepted=''
standard=c++11
for compiler in $compilers; do
    number=0
    while [ $number -lt "$count" ]; do
        number=$((number + 1))
        # shellcheck disable=SC2086
        if "$compiler" -std=$standard -Wall -Werror -Wno-error=unused-variable $cflags -DMISTAKE=$number -fsyntax-only "$here/must-not-compile.cpp" > "$out/mistake.log" 2>&1; then
            accepted="$accepted $compiler:$standard:$number"
        fi
    done
    standard=c++17
done
if [ "$count" -ge 20 ] && [ -z "$accepted" ]; then ok "$count mistakes do not compile"; else bad "mistakes that compile:$accepted (of $count)"; fi

# What it leaves in an object file: nothing of its own where it is only included; where it is used, inline
# functions, which any number of units may have.
for compiler in $compilers; do
    # shellcheck disable=SC2086
    "$compiler" -std=c++11 -O2 $cflags -c "$out/alone.cpp" -o "$out/alone.o"
    # shellcheck disable=SC2086
    "$compiler" -std=c++11 -O1 $cflags -c "$here/channel.cpp" -o "$out/used.o"
    defined=$(nm --defined-only "$out/alone.o")
    strong=$(nm -C --defined-only "$out/used.o" | grep ' [A-Z] .*ancillary::' | grep -v ' W ' || true)
    if [ -z "$defined$strong" ]; then ok "$compiler: an object that includes it defines nothing, and one that uses it nothing strong"; else bad "$compiler: defined: $defined $strong"; fi
done

run() { # name, link flags..., on objects in $out/name
    name=$1
    shift
    # shellcheck disable=SC2086
    "$@" "$out/$name"/*.o -o "$out/$name/tests" $libs -pthread
    # shellcheck disable=SC2086
    if ASAN_OPTIONS=use_sigaltstack=0 ${EXEC:-} "$out/$name/tests" > "$out/$name/log" 2>&1; then
        ok "$name: $(grep '^[0-9]* passed' "$out/$name/log")"
        sed -n 's/^ *\(skipped: .*\)/     \1/p' "$out/$name/log"
    else
        bad "$name"
        cat "$out/$name/log"
    fi
}
build() { # name, C compiler, C++ compiler, flags, flags for C++ alone, standards in turn...
    name=$1 cc=$2 cxx=$3 flags=$4 only=$5
    shift 5
    rm -rf "$out/$name"
    mkdir -p "$out/$name"
    # shellcheck disable=SC2086
    "$cc" -std=c11 -O1 -g $flags $cflags -c "$here/../harness.c" -o "$out/$name/harness.o"
    for unit in $units; do
        # shellcheck disable=SC2086
        "$cxx" -std="$1" -O1 -g $strict $flags $only $cflags -c "$here/$unit.cpp" -o "$out/$name/$unit.o"
        set -- "$@" "$1"
        shift
    done
    # shellcheck disable=SC2086
    run "$name" "$cxx" $flags $only
}
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
library=''
for compiler in $compilers; do
    case $compiler in
    *clang*) cc=clang && if clang++ -stdlib=libc++ -fsyntax-only "$out/library.cpp" 2> /dev/null; then library=-stdlib=libc++; fi ;;
    *) cc=${CC:-cc} && build "tests-$compiler-c++11" "$cc" "$compiler" '' '' c++11 ;;
    esac
    [ -n "${EXEC:-}" ] || build "tests-$compiler-sanitized" "$cc" "$compiler" "$sanitize" '' "$(standards "$compiler" | tail -n 1)"
    # shellcheck disable=SC2046
    build "tests-$compiler-mixed" "$cc" "$compiler" '' "-fno-exceptions -fno-rtti $library" $(standards "$compiler")
done
exit $failed
