#!/bin/sh
# run.sh STAGE OUT KERNEL... [-- PROGRAM...]: boots each kernel in a virtual machine that has nothing but the C
# tests, linked with the library below STAGE, and prints what passed on it. KERNEL is a series (6.1),
# `oldest`, `newest`, or one of these with a system call taken away: oldest-close_range.
#
# What facts.c saw is compared with what is checked in for that series; ANC_BLESS=1 writes it.
# Logs stay in OUT: KERNEL.log, and KERNEL.console, the kernel's own messages.
set -eu
here=$(dirname "$0")
tests=$(dirname "$here")
stage=$1 out=$2
shift 2
kernels='' programs=''
while [ $# -gt 0 ] && [ "$1" != -- ]; do kernels="$kernels $1"; shift; done
[ $# -eq 0 ] || { shift; programs="$*"; }

for tool in apt-get dpkg-deb cpio xz zstd timeout qemu-system-x86_64; do
    command -v "$tool" > /dev/null || { echo "FAIL $tool is not there (Debian: cpio xz-utils zstd qemu-system-x86)"; exit 1; }
done
[ "$(uname -m)" = x86_64 ] || { echo 'FAIL the tests are compiled for this machine, and the kernels are for x86_64'; exit 1; }

# What is the same for all kernels: the first process, the programs with the shared libraries that they load
# (libgcc_s when a thread is cancelled), and the file that one of them reads.
mkdir -p "$out/root/c-tests"
out=$(cd "$out" && pwd)
rm -rf "$out/root" "$out/built" "$out/libraries"
mkdir -p "$out/root/dev" "$out/root/c-tests/wire"
# shellcheck disable=SC2086
EXEC=true sh "$tests/run.sh" shared "$stage" "$out/built" $programs > "$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
${CC:-cc} -std=c11 -O1 -Wall -Wextra -Werror "$tests/facts/facts.c" -o "$out/built/facts"
${CC:-cc} -std=c11 -O1 -Wall -Wextra -Werror -static "$here/init.c" -o "$out/root/init"
cp "$tests/wire/vectors.txt" "$out/root/c-tests/wire/"
(cd "$out/built" && find . -type f -perm -u+x | sed 's|^\./||' | sort) > "$out/root/programs"
while read -r program; do
    mkdir -p "$(dirname "$out/root/$program")"
    ${STRIP:-strip} -o "$out/root/$program" "$out/built/$program"
    ldd "$out/built/$program" | grep -o '/[^ ]*' >> "$out/libraries"
done < "$out/root/programs"
realpath "$(${CC:-cc} -print-file-name=libgcc_s.so.1)" >> "$out/libraries"
mkdir "$out/root/lib" "$out/root/lib64"
sort -u "$out/libraries" | while read -r library; do
    case $library in
    /lib64/*) cp -L "$library" "$out/root/lib64/" ;; # where programs name the loader
    *) cp -L "$library" "$out/root/lib/" ;;
    esac
done

# A /dev/kvm without the processor's own virtualisation runs only kernels that were made for it.
if [ -w /dev/kvm ] && grep -q -w -e vmx -e svm /proc/cpuinfo; then accel=kvm patience=1; else accel=tcg,thread=single patience=10; fi
if [ "$patience" -gt 1 ]; then
    echo 'no KVM, so emulated: of channel-model only the tests that ask the kernel, the others would take hours'
    sed -i 's/^channel-model$/& the_model_of_a_stream_is_the_kernels the_model_of_packets_is_the_kernels/' "$out/root/programs"
fi
(cd "$out/root" && find . | cpio -o -H newc --quiet) > "$out/root.cpio"

boot() { # directory name without
    (cd "$1" && find modules | cpio -o -H newc --quiet) > "$out/modules.cpio"
    cat "$out/root.cpio" "$out/modules.cpio" > "$out/initramfs"
    rm -f "$out/$2.log" "$out/$2.console"
    timeout "${ANC_TIMEOUT:-3600}" qemu-system-x86_64 -accel $accel -cpu qemu64,+rdrand -smp 2 -m 2048 -nodefaults -display none -no-reboot \
        -kernel "$1/vmlinuz" -initrd "$out/initramfs" -append "console=ttyS0 panic=-1 ANC_PATIENCE=$patience ${3:+without=$3}" \
        -serial "file:$out/$2.console" -serial "file:$out/$2.log" > "$out/$2.qemu" 2>&1 || echo "qemu: status $?" >> "$out/$2.qemu"
}

# Counts what a log has, prints what failed and why something was skipped.
judge() { # log
    awk '
        /^== end$/ { ended = 1; next }
        /^== exit / { if ($3 == 0) good++; else { bad++; print "FAIL " name ": status " $3; printf "%s", text }; name = ""; next }
        /^== Linux / { next }
        /^== / { name = $2; text = ""; next }
        { text = text "     " $0 "\n" }
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5 }
        /^     skipped: / { sub(/^     skipped: /, ""); why[name ": " $0]++ }
        END {
            for (reason in why) printf "     skipped: %d x %s\n", why[reason], reason | "sort"
            close("sort")
            if (!ended) { bad++; print "FAIL the machine stopped before the end" (name ? ", in " name : ""); printf "%s", text }
            printf "%d %d %d %d %d\n", good, bad, passed, failed, skipped > counts
        }' counts="$2" "$1"
}

# shellcheck disable=SC2046
sh "$here/fetch.sh" "$out/cache" $(printf '%s\n' $kernels | sed 's/-.*//' | sort -u) > "$out/kernels"

failures=0
printf '%-28s %8s %7s %6s %6s %7s %8s\n' kernel programs failed tests failed skipped seconds > "$out/table"
for kernel in $kernels; do
    series=${kernel%%-*} without=$(echo "$kernel" | sed -n 's/^[^-]*-//p')
    read -r found directory <<EOF
$(sed -n "s/^$series //p" "$out/kernels" | head -n 1)
EOF
    if [ -z "$found" ]; then
        echo "skip $kernel: no suite has a kernel of that series"
        continue
    fi
    name=$found${without:+-$without}
    start=$(date +%s)
    boot "$directory" "$name" "$without"
    seconds=$(($(date +%s) - start))
    echo "Linux $name: $(cat "$directory/package")"
    [ -f "$out/$name.log" ] || : > "$out/$name.log"
    judge "$out/$name.log" "$out/counts"
    read -r good bad passed failed skipped < "$out/counts"
    printf '%-28s %8d %7d %6d %6d %7d %8d\n' "$name" "$good" "$bad" "$passed" "$failed" "$skipped" "$seconds" >> "$out/table"
    [ "$bad" -eq 0 ] || { failures=$((failures + 1)); tail -n 20 "$out/$name.qemu" "$out/$name.console"; }
    if [ -z "$without" ]; then
        sed -n '/^== facts$/,/^== exit/p' "$out/$name.log" | grep -v '^== ' > "$out/$name.facts" || true
        sh "$tests/facts/compare.sh" "$out/$name.facts" || failures=$((failures + 1))
    fi
done
cat "$out/table"
[ "$(wc -l < "$out/table")" -gt 1 ] || { echo 'FAIL no kernel was run'; exit 1; }
[ "$failures" -eq 0 ]
