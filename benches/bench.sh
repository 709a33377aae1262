#!/bin/sh
# bench.sh STAGE OUT: what the library installed below STAGE costs, beside careful hand-written C
# (careful.c). Programs and callgrind's files go to OUT. A report, not a test: a goal that is missed
# is said, and is no failure. OUT/cost.svg draws the ratios; README shows one of them, benches/cost.svg.
#
# CC, CFLAGS: for both sides alike; default cc -O2.
set -eu
stage=$1 out=$2
here=$(dirname "$0")
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
flags="${CFLAGS:--O2}"
mkdir -p "$out"
for program in instructions wall; do
    # shellcheck disable=SC2046,SC2086 # lists of flags
    ${CC:-cc} -std=gnu11 $flags -Wall -Wextra -Werror "$here/$program.c" "$here/careful.c" -o "$out/$program" \
        $(pkg-config --cflags --libs ancillary) -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)" -pthread
done
# shellcheck disable=SC2046,SC2086
${CC:-cc} -std=gnu11 $flags -Wall -Wextra -Werror "$here/decode.c" -o "$out/decode" $(pkg-config --cflags --libs ancillary) \
    -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
# shellcheck disable=SC2046,SC2086
${CC:-cc} -std=gnu11 $flags -Wall -Wextra -Werror "$here/channel.c" -o "$out/channel" $(pkg-config --cflags --libs ancillary) \
    -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
: > "$out/rows"
draw() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >> "$out/rows"; } # group, what, ratio

echo "libancillary $(pkg-config --modversion ancillary) beside careful hand-written C that makes the same checks"
echo "$(${CC:-cc} --version | head -n 1), $flags"

# count WHO DESCRIPTORS [threads]: `instructions function [object]` for each function of a round
count() {
    for rounds in 2 4; do
        valgrind --quiet --tool=callgrind --toggle-collect="round_$1" --compress-strings=no --compress-pos=no \
            --callgrind-out-file="$out/callgrind.$rounds" "$out/instructions" "$1" "$2" "$rounds" ${3:-} > "$out/log" 2>&1 ||
            { cat "$out/log" >&2; exit 1; }
        awk '/^ob=/ { object = substr($0, 4); sub(".*/", "", object) }
            /^fn=/ { name = substr($0, 4) }
            /^calls=/ { getline; next }   # the line after it is the callee'"'"'s
            /^[0-9]/ { cost[name " " object] += $2 }
            END { for (key in cost) print key, cost[key] }' "$out/callgrind.$rounds" | sort > "$out/cost.$rounds"
    done
    join -a 2 -e 0 -o 0,1.2,1.3,2.2,2.3 "$out/cost.2" "$out/cost.4" |
        awk '{ each = ($5 - $3) / 2; if (each >= 0.5) printf "%d %s %s\n", each + 0.5, $1, $4 }' | sort -rn
}

if command -v valgrind > /dev/null; then
    printf '\nInstructions of send + receive (callgrind)\n'
    printf '  %-28s %8s %10s %7s %6s\n' descriptors ours 'careful C' ratio goal
    for threads in '' threads; do
        for n in 1 253; do
            for who in ours careful; do
                count "$who" "$n" "$threads" > "$out/$who.$n$threads"
            done
            awk -v n="$n" -v threads="$threads" -v goal=0.97 '
                FILENAME ~ /ours/ { ours += $1; next } { careful += $1 }
                END {
                    ratio = ours / careful
                    printf "  %-28s %8d %10d %7.2f", n (threads ? ", beside another thread" : ""), ours, careful, ratio
                    if (threads) print "      -"
                    else printf "  %5.2f  %s\n", goal, ratio <= goal ? "met" : "MISSED"
                }' "$out/ours.$n$threads" "$out/careful.$n$threads"
            [ -n "$threads" ] || draw 'instructions of send and receive' "$n $([ "$n" = 1 ] && echo descriptor || echo descriptors)" \
                "$(awk 'FILENAME ~ /ours/ { ours += $1; next } { careful += $1 } END { print ours / careful }' "$out/ours.$n" "$out/careful.$n")"
        done
    done
    printf '\nWhere they go%42s %6s\n' 1 253
    for who in ours careful; do
        awk '
            { name = $2 ~ /^0x/ ? "(not exported)" : $2; sub("^_+", "", name); sub("_avx.*|_sse.*|_evex.*|_erms.*", "", name)
              key = sprintf("%-26s %-22s", name, $3); cost[key, FILENAME] += $1; keys[key] }
            END { for (key in keys) printf "  %s %4d %6d\n", key, cost[key, ARGV[1]], cost[key, ARGV[2]] }
            ' "$out/$who.1" "$out/$who.253" | sed 's/instructions   /the program    /' | sort -k4,4nr
        [ "$who" = careful ] || echo
    done
else
    printf '\nInstructions: not counted, for there is no valgrind\n'
fi

# decode WHO: instructions of one round
decode() {
    for rounds in 2 4; do
        valgrind --quiet --tool=callgrind --toggle-collect="round_$1" --callgrind-out-file="$out/callgrind.$rounds" \
            "$out/decode" "$1" "$rounds" > "$out/log" 2>&1 || { cat "$out/log" >&2; exit 1; }
    done
    sed -n 's/^totals: //p' "$out/callgrind.2" "$out/callgrind.4" | paste -s -d ' ' | awk '{ print int(($2 - $1) / 2 + 0.5) }'
}
if command -v valgrind > /dev/null; then
    printf '\nInstructions of decoding a UDP message of time, address, TTL and TOS (callgrind)\n'
    ours=$(decode ours) careful=$(decode careful)
    echo "$ours $careful" | awk '{ ratio = $1 / $2
        printf "  %-28s %8d %10d %7.2f   1.00  %s\n", "anc_decode", $1, $2, ratio, ratio <= 1 ? "met" : "MISSED" }'
    draw 'instructions of decoding' 'time, address, TTL and TOS' "$(awk "BEGIN { print $ours / $careful }")"
fi

printf '\nTime of a round trip, closing included (medians of 201 turns, the middle half in brackets)\n'
printf '  %-12s %10s %10s  %-20s %-20s %s\n' descriptors 'ours, ns' 'careful C' ratio 'careful C to itself' goal
"$out/wall" | while read -r n ours careful ratio from to same same_from same_to; do
    if [ "$n" = 1 ]; then
        goal='not to be told apart' is_met="$from <= $same"
    else
        goal=0.65 is_met="$ratio <= 0.65"
    fi
    # Where the same code differs from itself by this much, the machine is doing something else.
    verdict=$(awk "BEGIN { print ($same_to - $same_from > 0.1) ? \"can't tell: busy machine\" : ($is_met) ? \"met\" : \"MISSED\" }")
    draw 'time of a round trip, closing included' "$n $([ "$n" = 1 ] && echo descriptor || echo descriptors)" "$ratio"
    printf '  %-12s %10s %10s  %-20s %-20s %s  %s\n' "$n" "$ours" "$careful" "$ratio [$from, $to]" "$same [$same_from, $same_to]" "$goal" "$verdict"
done

printf '\nTime of a frame of 80 bytes between two processes (medians of interleaved turns, the middle half in brackets)\n'
printf '  %-34s %8s %12s  %-22s %s\n' '' 'by hand' 'the channel' ratio goal
"$out/channel" | while read -r name by_hand channel ratio from to; do
    case $name in
    one-by-one/16/0) goal=0.12 ;;
    one-by-one/64/0) goal=0.07 ;;
    one-by-one/16/1) goal=0.18 ;;
    one-by-one/64/1) goal=0.15 ;;
    glued/16/* | glued/64/*) goal=1.05 ;;
    moved/*) goal=0.20 ;;
    borrowed/*) goal=0.10 ;;
    *) goal='' ;;
    esac
    case $name in
    moved/*) what="a descriptor moved, of ${name#*/}" ;;
    borrowed/*) what="a descriptor lent, of ${name#*/}" ;;
    *) together=${name#*/} && what="${name%%/*}, ${together%/*} at a time$([ "${name##*/}" = 0 ] || echo ', one fd each')" ;;
    esac
    case $name in
    glued/16/* | glued/64/*) draw 'time of a frame, beside careful gluing' "${what#glued, }" "$ratio" ;;
    one-by-one/16/* | one-by-one/64/*) draw 'time of a frame, beside one sendmsg each' "${what#one-by-one, }" "$ratio" ;;
    */1000000) draw 'time of a descriptor of a million, beside one each' "${what%,*}" "$ratio" ;;
    esac
    verdict=$([ -z "$goal" ] || awk "BEGIN { print ($ratio <= $goal) ? \"met\" : \"MISSED\" }")
    printf '  %-34s %8s %12s  %-22s %s  %s\n' "$what" "$by_hand" "$channel" "$ratio [$from, $to]" "$goal" "$verdict"
done

if CARGO_TARGET_DIR=$out/cargo ${CARGO:-cargo} build --quiet --locked --release -p bench-rust --manifest-path "$here/../Cargo.toml"; then
    printf '\nRound trips in Rust, closing included (medians of interleaved turns, the middle half in brackets)\n'
    printf '  (the least: the functions of the C library alone, without a check)\n'
    printf '  %-12s %-16s %9s  %-20s %s\n' descriptors crate ns 'ratio to ours' allocations
    "$out/cargo/release/bench-rust" | while read -r n name ns ratio from to allocations; do
        [ "$name" = the-least ] || [ "$name" = ancillary ] ||
            draw 'time of a round trip in Rust, beside' "$name, $n" "$(awk "BEGIN { print 1 / $ratio }")"
        printf '  %-12s %-16s %9s  %-20s %s\n' "$n" "$name" "$ns" "$ratio [$from, $to]" "$allocations"
    done
else
    printf '\nRust: not measured, for the other crates could not be had\n'
fi

sort -s -t "$(printf '\t')" -k1,1 "$out/rows" | awk -f "$here/picture.awk" > "$out/cost.svg"
printf '\n%s/cost.svg is a picture of it\n' "$out"
