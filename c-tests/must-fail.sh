#!/bin/sh
# must-fail.sh OUT: each gate goes red for the defect that it is there for. Every defect is planted
# in a copy of the sources of its own.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0 caught=0
mkdir -p "$out"
out=$(cd "$out" && pwd)

copy() {
    rm -rf "$out/tree" "$out"/build/libancillary*
    mkdir -p "$out/tree"
    (cd "$root" && tar cf - --exclude ./build --exclude ./target --exclude ./.git .) | (cd "$out/tree" && tar xmf -) # new to make and cargo
}

plant() { # file, sed script: must change something
    cp "$out/tree/$1" "$out/before"
    sed -i "$2" "$out/tree/$1"
    if cmp -s "$out/before" "$out/tree/$1"; then
        echo "FAIL nothing was planted in $1"
        exit 1
    fi
}

must_fail() { # what, expected words, command...
    what=$1 words=$2
    shift 2
    if (cd "$out/tree" && "$@") > "$out/log" 2>&1; then
        echo "FAIL $what: nobody noticed"
        failed=1
    elif grep -q -e "$words" "$out/log"; then
        echo "ok   $what: $(grep -m 1 -o -e "$words.*" "$out/log")"
        caught=$((caught + 1))
    else
        echo "FAIL $what: failed, but not with '$words':"
        tail -n 5 "$out/log"
        failed=1
    fi
}

library() { make --no-print-directory BUILD="$out/build" "$@"; }
gates() { library && sh c-tests/gates.sh "$out/build"; }

copy
(cd "$out/tree" && gates) > "$out/log" 2>&1 || { echo 'FAIL the copy fails without a defect:'; cat "$out/log"; exit 1; }

copy
plant src/capi/space.rs 's/    cmsg::len(len).unwrap_or(usize::MAX)/    [16, 20, 24][len]/'
must_fail 'one index that can be out of bounds' 'undefined reference to .anc_a_panic_can_be_reached' library

copy
plant src/capi/space.rs 's/    cmsg::len(len).unwrap_or(usize::MAX)/    len + 16/'
must_fail 'one addition that can overflow' 'undefined reference to .anc_a_panic_can_be_reached' library

copy
plant src/capi/space.rs 's/    cmsg::CONTROL_MAX/    unsafe { libc::getpid() as usize }/'
must_fail 'an import that is not on the list' '+getpid' gates

copy
plant src/capi/space.rs 's/fn anc_control_max/fn anc_planted() {}\n\/\/\/ .\n#[unsafe(no_mangle)]\npub extern "C" fn anc_control_max/'
must_fail 'an export that is not in the map' '+anc_planted' gates

copy
plant abi/libancillary.map 's/^local:/	anc_missing;\nlocal:/'
must_fail 'a map that names what does not exist' 'anc_missing' gates

copy
plant abi/libancillary.map '/anc_version/d'
must_fail 'an export that left the map' '+anc_version' gates

copy
plant Makefile 's/^SONAME := .*/SONAME := libancillary.so.1/'
must_fail 'a soname that differs' 'FAIL the soname' gates

copy
plant include/ancillary.h 's/#define ANC_TRIM 16/#define ANC_TRIM 32/'
must_fail 'a header that somebody edited' 'FAIL include/ancillary.h is not' sh c-tests/header.sh "$out/header"

copy
plant include/ancillary.h 's|^#define ANC_LEN|// C++ comment\n#define ANC_LEN|'
must_fail 'a header that C89 does not know' 'C++ style comments' sh c-tests/header.sh "$out/header"

# The library that was built last stands for all of these: it is the header and the map that changed.
copy
library > "$out/log" 2>&1
breaks_programs() { # what, expected words, file, sed script
    plant "$3" "$4"
    must_fail "$1" "$2" sh c-tests/abi.sh "$out/build" "$out/abi"
    cp "$out/before" "$out/tree/$3"
}
if command -v abidw > /dev/null && sh "$out/tree/c-tests/abi.sh" "$out/build" "$out/abi" > /dev/null; then
    breaks_programs 'a struct that changed' "parameter 2 of type 'anc_in" \
        include/ancillary.h '/^struct anc_in {/,/^};/s/    size_t len;/    int planted;\n&/'
    breaks_programs 'two members that changed places' 'anc_peer: uid has moved' \
        include/ancillary.h '/^struct anc_peer {/,/^};/{s/uint32_t uid/uint32_t planted/;s/uint32_t gid/uint32_t uid/;s/planted/gid/}'
    breaks_programs 'a struct with a size that grew in the middle' 'anc_info: dest has moved' \
        include/ancillary.h 's/^    struct anc_dest dest;/    uint32_t planted;\n&/'
    breaks_programs 'an argument that changed' "'unsigned int' to 'unsigned long int'" \
        include/ancillary.h 's/^int anc_recv_fd(int sock, unsigned int/int anc_recv_fd(int sock, unsigned long/'
    breaks_programs 'a constant that changed' 'ANC_TRIM 0x10' include/ancillary.h 's/#define ANC_TRIM 16/#define ANC_TRIM 32/'
    breaks_programs 'a symbol that was removed' 'Removed function' include/ancillary.h 's/^uint32_t anc_version(void);//'
    breaks_programs 'a symbol that changed its node' 'function uint32_t anc_version()' \
        abi/libancillary.map 's/^	anc_version;//;$a LIBANCILLARY_0.2 { anc_version; } LIBANCILLARY_0.1;'
    plant abi/libancillary.map 's/^local:/	anc_planted;\n&/'
    breaks_programs 'a symbol added to a node that is out' 'anc_planted@@LIBANCILLARY_0.1' include/ancillary.h 's/^uint32_t anc_version(void);/&\nvoid anc_planted(void);/'
    cp "$root/abi/libancillary.map" "$out/tree/abi/libancillary.map"
    plant include/ancillary.h '/^struct anc_peer {/,/^};/s/^};/    uint32_t planted;\n&/'
    if (cd "$out/tree" && sh c-tests/abi.sh "$out/build" "$out/abi") > "$out/log"; then
        echo 'ok   but a struct with a size may grow at its end'
    else
        echo 'FAIL a struct with a size may not grow at its end'
        failed=1
    fi
else
    echo 'skipped: changes of the ABI: this machine has no abidiff, or is no x86_64'
fi

rm -rf "$out/tree"
echo "$caught passed, $failed failed"
exit $failed
