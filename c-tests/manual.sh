#!/bin/sh
# manual.sh STAGE OUT: the manual is clean mdoc, has a page for every exported function, shows the
# header's prototypes, and its example programs compile in every C; so does what the README shows.
set -eu
stage=$1 out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
failed=0
. "$root/c-tests/check.sh"

cd "$root/man"
pages=$(grep -L '^\.so ' ./*.[137])
# Whether this machine's database of other manuals is up to date is not the pages' doing.
lint() { mandoc -Tlint -Wstyle $pages 2>&1 | grep -v '^mandoc: outdated mandoc.db' || true; }
silent 'mandoc -Tlint finds nothing' lint

# groff knows some versions of the BSDs by name and warns of all others, as packages' checkers then do.
formatted() { groff -mandoc -Tutf8 -z $pages 2>&1 | grep -v "warning.*can't break line" || true; }
if command -v groff > /dev/null; then
    silent 'groff has nothing to say' formatted
else
    echo 'skipped: what groff says: this machine has none'
fi

silent 'the tables of kinds are those of the source' sh -c 'sh kinds.sh check > /dev/null'

missing() {
    for name in $(sed -n 's/^[[:space:]]*\(anc_[a-z0-9_]*\);/\1/p' "$root/abi/libancillary.map"); do
        [ -f "$name.3" ] || echo "$name has no page"
    done
    for alias in $(grep -l '^\.so ' ./*.3); do
        page=$(basename "$(sed -n 's/^\.so man3\///p' "$alias")")
        grep -q "^\.Nm $(basename "$alias" .3)\( ,\)\{0,1\}$" "$page" || echo "$page does not name $alias"
    done
}
silent 'every exported function has a page' missing

# A prototype that differs from the header's is a conflicting declaration.
prototypes() {
    for page in $(grep -l '^\.Ft' $pages); do
        program=$out/$(basename "$page" .3)-synopsis.c
        awk '
            /^\.In / && /ancillary/ { print "#include <" $2 ">" }
            /^\.Sh/ { synopsis = $2 == "SYNOPSIS" }
            !synopsis { next }
            /^\.Ft/ { sub(/^\.Ft /, ""); gsub(/"/, ""); type = $0 }
            /^\.F[no] / { open = ($1 == ".Fo"); name = $2; n = 0; arguments = $0; sub(/^\.F[no] [^ ]*/, "", arguments) }
            /^\.Fa / { arguments = arguments " " substr($0, 5) }
            /^\.Fn / || /^\.Fc/ {
                if (name !~ /^anc(il)?_/) next
                n = split(arguments, part, "\"")
                printf "%s %s(", type, name
                first = 1
                for (i = 2; i <= n; i += 2) { printf "%s%s", first ? "" : ", ", part[i]; first = 0 }
                print first ? "void);" : ");"
            }' "$page" > "$program"
        grep -q '(' "$program" || echo "$page: no prototype found"
        ${CC:-cc} -std=c99 -Wall -Wextra -Werror -fsyntax-only -I"$root/include" "$program"
    done
}
silent 'each SYNOPSIS agrees with the header' prototypes
unshown() {
    for name in $(sed -n 's/^[[:space:]]*\(anc_[a-z0-9_]*\);/\1/p' "$root/abi/libancillary.map"); do
        grep -q " \**$name(" "$out"/*-synopsis.c || echo "$name is in no SYNOPSIS"
    done
}
silent 'and every exported function is in one' unshown

# Literal displays that start with an #include are whole programs.
for page in $pages; do
    case $page in *.hpp.7) language=cpp ;; *) language=c ;; esac
    awk -v base="$out/$(basename "$page")" -v language=$language '
        /^\.Bd -literal/ { display = 1; program = 0; next }
        /^\.Ed/ { display = 0; if (program) close(file); program = 0; next }
        display == 1 { display = 2; if (/^#include|^#define _/) { program = 1; file = base "-example" ++n "." language } }
        program { gsub(/\\e/, "\\"); gsub(/\\&/, ""); gsub(/\\-/, "-"); print > file }' "$page"
done
examples() {
    count=0
    for program in "$out"/*-example*.c; do
        for standard in c89 c11 c2x; do
            ${CC:-cc} -std=$standard -pedantic-errors -Wall -Wextra -Werror -I"$root/include" -fsyntax-only "$program"
        done
        ${CXX:-c++} -std=c++98 -pedantic-errors -Wall -Wextra -Werror -I"$root/include" -fsyntax-only -x c++ "$program"
        count=$((count + 1))
    done
    [ $count -ge 8 ] || echo "only $count programs found"
    for program in "$out"/*-example*.cpp; do
        for standard in c++11 c++20; do
            ${CXX:-c++} -std=$standard -pedantic-errors -Wall -Wextra -Werror -I"$root/include" -fsyntax-only "$program"
        done
    done
}
silent 'the example programs compile as C and C++' examples

readme() {
    awk '/^```c$/ { getline; whole = /^#include/ } /^```$/ { whole = 0 } whole' "$root/README.md" > "$out/readme.c"
    grep -q anc_ "$out/readme.c" || echo 'no program found'
    ${CC:-cc} -std=c99 -pedantic-errors -Wall -Wextra -Werror -I"$root/include" -fsyntax-only "$out/readme.c"
}
silent "the README's program compiles" readme

export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
run_examples() {
    for program in "$out"/*-example*.c; do
        ${CC:-cc} -std=c11 "$program" -o "${program%.c}" $(pkg-config --cflags --libs ancillary) -pthread \
            -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
    done
    for program in "$out"/*-example*.cpp; do
        ${CXX:-c++} -std=c++11 "$program" -o "${program%.cpp}" $(pkg-config --cflags --libs ancillary) \
            -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
    done
    for program in "$out"/*-example*.c "$out"/*-example*.cpp; do
        timeout 20 "${program%.c*}" > "$out/output" 2>&1 < /dev/null || echo "$program: exit status $?: $(cat "$out/output")"
    done
}
silent 'the example programs run' run_examples
exit $failed
