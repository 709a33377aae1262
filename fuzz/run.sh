#!/bin/sh
# run.sh STAGE OUT SECONDS [target...]: fuzzes the C API by libFuzzer (clang), SECONDS for all targets
# together. The library is built anew with coverage counters; STAGE gives the header. What is found new
# stays in OUT/corpus; what crashes, in OUT. Needs no nightly compiler.
set -eu
stage=$1 out=$2 seconds=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- reader builder_reader taking receiving decode channel_rx channel_pair
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here/.."
# With std, so that a panic ends the run with its message; overflow checks are the profile's own.
CARGO_TARGET_DIR=$out/cargo CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true \
    ${CARGO:-cargo} rustc --quiet --locked --package ancillary --lib --release --features capi --crate-type staticlib -- -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares
each=$((seconds / $#))
failed=0
for target in "$@"; do
    clang -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -I "$stage/include" "$here/$target.c" "$out/cargo/release/libancillary.a" -o "$out/$target" -lm -ldl -lpthread
    mkdir -p "$out/corpus/$target"
    if "$out/$target" -max_total_time="$((each > 0 ? each : 1))" -timeout=10 -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$out/$target-" "$out/corpus/$target" "$here/corpus/$target" > "$out/$target.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log")
        cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$out/$target.log" | tail -n 1)
        echo "ok   $target: $runs inputs, $cover edges"
    else
        failed=1
        echo "FAIL $target"
        tail -n 40 "$out/$target.log"
    fi
done
exit $failed
