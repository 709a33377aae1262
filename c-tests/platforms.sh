#!/bin/sh
# platforms.sh OUT [target...]: what can be proved of the other systems and machines from here, and how.
# platforms.sh --compile OUT [target...]: that the library compiles for each system, and no more.
#
# compiled  the library for the target, with a core library built for it
# crate     the Rust crate with all of its features, with a standard library built for it: checked
# no panic  the panic handler, and the function that nobody defines, are gone from the archive
# headers   every constant, size, offset and room agrees with the target's own C headers (ziglang)
# linked    the shared library, with nothing undefined; on other systems than Linux also so many of the C
#           tests, with the archive: all but those whose first comment says `Linux alone: why`, or
#           `Not on SYSTEM: why`; and the examples that name the system
# run       the C tests. What qemu-user does not do is left out, as platforms/qemu-user says; anything
#           else that fails is an error, and its log is shown
#
# Wants a rustc with the core library's sources (Debian: rustc-web, cargo-web, rust-web-src); ZIG: the
# compiler of the PyPI package ziglang; for the tests musl-gcc, gcc -m32, and qemu-user-static with
# libc6-arm64-cross and libc6-s390x-cross. What is not there is skipped, with its reason.
# TESTS: the programs to run or link; all of them unless it is set, none if it is empty. JOBS: how many at a
# time.
set -eu
compile=
[ "$1" != --compile ] || { compile=only; shift; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
RUSTC=${PLATFORM_RUSTC:-/usr/bin/rustc} CARGO=${PLATFORM_CARGO:-/usr/bin/cargo}
export RUSTC
if ! sources=$("$RUSTC" --print sysroot 2> /dev/null)/lib/rustlib/src/rust/library || [ ! -d "$sources/core" ] || [ ! -x "$CARGO" ]; then
    echo "skipped: no rustc with the sources of its core library (Debian: rustc-web, cargo-web, rust-web-src)"
    exit 0
fi
# Rust's name of the target, zig's, the system in facts.py, and what compiles and runs the tests.
targets='
x86_64-unknown-linux-musl   x86_64-linux-musl   linux   musl-gcc:
i686-unknown-linux-gnu      x86-linux-gnu       linux   gcc,-m32:
aarch64-unknown-linux-gnu   aarch64-linux-gnu   linux   zig:qemu-aarch64-static
s390x-unknown-linux-gnu     s390x-linux-gnu     linux   zig:qemu-s390x-static
x86_64-linux-android        -                   -       -
x86_64-unknown-freebsd      x86_64-freebsd      freebsd -
x86_64-unknown-netbsd       x86_64-netbsd       netbsd  -
aarch64-unknown-netbsd      aarch64-netbsd      netbsd  -
x86_64-unknown-openbsd      x86_64-openbsd      openbsd -
x86_64-apple-darwin         x86_64-macos        xnu     -
aarch64-apple-darwin        aarch64-macos       xnu     -
x86_64-unknown-dragonfly    -                   -       -
x86_64-unknown-illumos      -                   -       -
x86_64-unknown-haiku        -                   -       -
'
crate() { # target
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$out/cargo "$CARGO" check --quiet --locked --package ancillary --lib --features tokio \
        -Zbuild-std=std,panic_abort --target "$1"
}

if [ -n "$compile" ]; then
    export RUSTFLAGS='-D warnings'
    chosen=${*:-$(echo "$targets" | awk '$1 !~ /^(aarch64|s390x|$)/ { print $1 }')}
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$out/cargo "$CARGO" check --quiet --locked --package ancillary -Zbuild-std=core \
        --lib --no-default-features --features capi $(printf -- '--target %s ' $chosen)
    echo "ok   it compiles for" $chosen
    crate x86_64-apple-darwin
    echo 'ok   so does the crate, for x86_64-apple-darwin'
    exit 0
fi

ZIG=${ZIG:-$(python3 -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))' 2> /dev/null || true)}
[ -n "$ZIG" ] || echo 'skipped: comparing with the headers of other systems, and linking for them: no ziglang'
export ZIG_GLOBAL_CACHE_DIR="$out/zig" ZIG_LOCAL_CACHE_DIR="$out/zig"

# liburing is there for this machine alone.
programs=$(cd c-tests && for source in *.c field-bugs/*.c ports/*.c; do
    case $source in
    harness.c | *-by-hand.c | *-ancillary.c) ;;
    *) grep -q 'Links: .*uring' "$source" || echo "${source%.c}" ;;
    esac
done)
exports=$(sed -n 's/^[[:space:]]*\(anc_[a-z0-9_]*\);/\1/p' abi/libancillary.map)
failed=0 emulated=

cargo() { # target, arguments: -Zbuild-std wants RUSTC_BOOTSTRAP
    target=$1
    shift
    RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$out/cargo "$CARGO" rustc --quiet --package ancillary -Zbuild-std=core --target "$target" --lib \
        --release --no-default-features --features capi --crate-type staticlib "$@"
}

headers() { # target, zig's name, system: prints how many facts agree
    work=$out/facts/$1
    rm -rf "$work"
    mkdir -p "$work"
    cp -r src tests examples Cargo.toml Cargo.lock build.rs "$work"
    sed -i '/^default-members = /d; s/^members = .*/members = []/' "$work/Cargo.toml"
    python3 c-tests/platforms/facts.py plan "$3" "$work" > "$work/facts.c" || return 1
    "$ZIG" cc -target "$2" -D__APPLE_USE_RFC_3542 -I include -S -o "$work/facts.s" "$work/facts.c" > "$work/log" 2>&1 || return 1
    count=$(python3 c-tests/platforms/facts.py plant "$3" "$work" "$work/facts.s") || return 1
    (cd "$work" && cargo "$1" --offline) > "$work/log" 2>&1 || return 1
    echo "$count facts"
}

link() { # target, zig's name, archive
    to=$2
    # __libc_single_threaded came with glibc 2.32.
    case $to in *-gnu) to=$to.2.36 ;; esac
    case $to in
    *-macos*)
        "$ZIG" cc -target "$to" -dynamiclib -o "$out/$1.dylib" $(printf -- '-Wl,-u,_%s ' $exports) "$3" -Wl,-dead_strip ;;
    *) "$ZIG" cc -target "$to" -shared -nostartfiles -o "$out/$1.so" $(printf -- '-Wl,-u,%s ' $exports) "$3" \
        -Wl,-soname,libancillary.so.0 -Wl,--version-script,abi/libancillary.map -Wl,--gc-sections -Wl,-z,defs -lpthread ;;
    esac > "$out/$1.link.log" 2>&1
}

stage() { # target, archive: what run.sh static links
    mkdir -p "$out/stage/$1/lib/pkgconfig" "$out/stage/$1/include"
    cp include/*.h "$out/stage/$1/include/"
    cp "$2" "$out/stage/$1/lib/libancillary.a"
    sed -e "s|@PREFIX@|$out/stage/$1|" -e "s|@LIBDIR@|$out/stage/$1/lib|" -e "s|@INCLUDEDIR@|$out/stage/$1/include|" \
        -e 's|@VERSION@|0|' pkgconfig/ancillary.pc.in > "$out/stage/$1/lib/pkgconfig/ancillary.pc"
}

tests() { # target, zig's name, system, archive: links them, and prints how many
    work=$out/tests/$1
    rm -rf "$work"
    mkdir -p "$work/field-bugs" "$work/ports"
    case $3 in freebsd) named=FreeBSD ;; netbsd) named=NetBSD ;; openbsd) named=OpenBSD ;; *) named=macOS ;; esac
    for program in ${TESTS-$programs}; do
        sed '/\*\//q' "c-tests/$program.c" | grep -q "Linux alone: \|Not on .*$named" || echo "$program"
    done > "$work/programs"
    export ZIG
    xargs -r -P "${JOBS:-2}" -n 1 sh c-tests/platforms/link-one.sh "$2" "$4" "$work" < "$work/programs"
    ! cat "$work"/*.failed "$work"/*/*.failed 2> /dev/null | sed 's/^/     /' >&2 || true
    for program in $(cat "$work/programs"); do
        [ -f "$work/$program" ] || return 1
    done
    # The examples whose first comment says `Compiles for SYSTEM, ...`.
    examples=0
    for example in $(awk -v named="Compiles for .*$named" 'FNR == 1 { is_head = 1 } is_head && $0 ~ named { print FILENAME }
        /\*\// { is_head = 0 }' examples/*.c); do
        "$ZIG" cc -target "$2" -std=c11 -Wall -Wextra -Werror -Iinclude "$example" "$4" -lpthread -o "$work/example" \
            > "$work/example.failed" 2>&1 || { cat "$work/example.failed" >&2; return 1; }
        examples=$((examples + 1))
    done
    echo "$(grep -c . "$work/programs") tests$([ "$examples" -eq 0 ] || echo ", examples: $examples")"
}

run() { # target, compiler and what runs it
    compiler=$(echo "${2%%:*}" | tr , ' ') runner=${2#*:}
    if [ "$compiler" = zig ]; then
        [ -n "$ZIG" ] || { echo 'skipped: no ziglang'; return; }
        compiler="$ZIG cc -target $3.2.36"
    fi
    command -v "${compiler%% *}" > /dev/null || { echo "skipped: no ${compiler%% *}"; return; }
    [ -z "$runner" ] || command -v "$runner" > /dev/null || { echo "skipped: no $runner"; return; }
    flags= limits=
    case $compiler in
    # Debian's cross compilers can't be installed beside gcc-multilib.
    "$ZIG"*)
        flags='-Wno-error -fno-sanitize=all'
        limits=c-tests/platforms/qemu-user
        runner="$runner -L /usr/${1%%-*}-linux-gnu" ;;
    # musl has no headers of the kernel, and other types in msghdr, of which compilers warn.
    musl-gcc)
        mkdir -p "$out/kernel"
        ln -sfn /usr/include/linux "$out/kernel/linux"
        ln -sfn /usr/include/asm-generic "$out/kernel/asm-generic"
        ln -sfn "/usr/include/$(cc -print-multiarch)/asm" "$out/kernel/asm"
        flags="-Wno-error -idirafter $out/kernel" ;;
    esac
    work=$out/tests/$1
    rm -rf "$work"
    mkdir -p "$work"
    # One by one: a program that does not compile there ends run.sh.
    echo "${TESTS-$programs}" | CC=$compiler CFLAGS=$flags RUNNER=$runner LIMITS=$limits \
        xargs -r -P "${JOBS:-2}" -n 1 sh c-tests/platforms/run-one.sh "$1" "$out/stage/$1" "$work"
    passed=0 failing= left_out=0
    : > "$work/log"
    for program in ${TESTS-$programs}; do
        if grep -q '^left out$' "$work/$program.out"; then
            left_out=$((left_out + 1))
        elif grep -q '^FAILED ' "$work/$program.out"; then
            failing="$failing $program"
            cat "$work/$program.out" >&2
        else
            passed=$((passed + 1))
        fi
        cat "$work/$program.out" >> "$work/log"
    done
    without=$(sed -n 's/^ *\([0-9]*\)  *skipped: left out here$/\1/p' "$work/log" | awk '{ n += $1 } END { print n + 0 }')
    echo "$passed programs passed, $(sed -n 's/^.*): \([0-9]*\) passed,.*/\1/p' "$work/log" | awk '{ n += $1 } END { print n + 0 }') tests$(
        [ -z "$limits" ] || echo "; not supported by qemu-user: $without tests, programs: $left_out")${failing:+; FAILED:$failing}"
    [ -z "$failing" ]
}

printf '%-26s %-9s %-6s %-9s %-11s %-26s %s\n' target compiled crate 'no panic' headers linked run
while read -r target zig system runs; do
    [ -n "$target" ] || continue
    [ $# -eq 0 ] || case " $* " in *" $target "*) ;; *) continue ;; esac
    compiled=no crate=no panics=- agrees=- linked=- ran=-
    archive=$out/cargo/$target/release/libancillary.a
    if cargo "$target" --locked -- -C force-unwind-tables=yes > "$out/$target.log" 2>&1; then
        compiled=yes panics=yes
        if crate "$target" > "$out/$target.crate.log" 2>&1; then crate=yes; else failed=1; fi
        ! grep -q anc_a_panic_can_be_reached "$archive" || { panics=NO failed=1; }
        if [ -n "$ZIG" ] && [ "$zig" != - ]; then
            agrees=$(headers "$target" "$zig" "$system") || { agrees=NO failed=1; }
            if link "$target" "$zig" "$archive"; then linked=yes; else linked=NO failed=1; fi
            if [ "$system" != linux ] && [ -n "${TESTS-$programs}" ]; then
                linked="$linked, $(tests "$target" "$zig" "$system" "$archive")" || { linked="$linked NOT all tests" failed=1; }
            fi
        fi
        if [ "$runs" != - ]; then
            stage "$target" "$archive"
            ran=$(run "$target" "$runs" "$zig") || failed=1
            case $runs,$ran in *qemu*passed*) emulated="$emulated ${target%%-*}" ;; esac
        fi
    else
        failed=1
    fi
    printf '%-26s %-9s %-6s %-9s %-11s %-26s %s\n' "$target" "$compiled" "$crate" "$panics" "$agrees" "$linked" "$ran"
done << END
$targets
END
for machine in $emulated; do
    sh c-tests/platforms/limits.sh c-tests/platforms/qemu-user "$machine" | sed "s/^/skipped on qemu-user, $machine: tests of /"
done
[ "$failed" -eq 0 ]
