#!/bin/sh
# migrate.sh STAGE OUT: anc-migrate reports each bug at its line and is silent on its twin that is right,
# names each idiom's page, and what it rewrites compiles and behaves; MIGRATING.md's examples compile.
set -eu
stage=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
failed=0
. "$root/c-tests/check.sh"
library() {
    echo "$(pkg-config --cflags --libs ancillary) -Wl,-rpath,$(pkg-config --variable=libdir ancillary)"
}

# Each C block of the document is a file of its own.
document() {
    awk -v base="$out/document" '
        /^```c$/ { file = sprintf("%s-%02d.c", base, ++n); code = 1; next }
        /^```$/ { if (code) close(file); code = 0; next }
        code { print > file }' "$root/MIGRATING.md"
    count=0
    for part in "$out"/document-*.c; do
        count=$((count + 1))
        if grep -q liburing "$part" && ! echo '#include <liburing.h>' | ${CC:-cc} -E - > /dev/null 2>&1; then continue; fi
        # shellcheck disable=SC2046
        ${CC:-cc} -std=c11 -Wall -Wextra -Werror -include "$here/document.h" -fsyntax-only "$part" $(pkg-config --cflags ancillary)
    done
    [ $count -eq 24 ] || echo "$count programs found"
}
silent "MIGRATING.md's examples compile, before and after" document

pages() {
    grep -o 'anc[a-z_-]*([137])' "$root/MIGRATING.md" "$root"/tools/anc-migrate/report/*.cocci | sed 's/.*://' | sort -u | while read -r page; do
        name=${page%(*} section=${page#*(}
        [ -f "$root/man/$name.${section%)}" ] || echo "$page: no such page"
    done
}
silent 'every page that is named exists' pages

if ! command -v spatch > /dev/null; then
    echo 'skipped: the rules of anc-migrate: this machine has no spatch (coccinelle)'
    exit $failed
fi
tool="$root/tools/anc-migrate/anc-migrate"
cd "$here"

samples_compile() {
    for sample in *-bad.c *-good.c idioms.c; do
        ${CC:-cc} -std=gnu11 -fsyntax-only "$sample"
    done
}
silent 'the samples compile' samples_compile

# A comment `expect: TEXT` stands where a warning is due.
reported() {
    grep -Hn 'expect: ' ./*-bad.c unparsed.c | sed 's|^\./||; s|^\([^:]*:[0-9]*\):.*expect: \(.*\) \*/|\1: warning: \2|' | LC_ALL=C sort > "$out/expected"
    # shellcheck disable=SC2046
    "$tool" $(ls ./*-bad.c ./*-good.c unparsed.c | grep -v sigpipe-ignored | sed 's|^\./||') > "$out/said" || [ $? -eq 1 ]
    grep ': warning: ' "$out/said" | sed 's/ \[see [^]]*\]$//' | LC_ALL=C sort > "$out/warnings"
    diff "$out/expected" "$out/warnings"
    for rule in "$root"/tools/anc-migrate/report/*.cocci; do
        rule=$(basename "$rule" .cocci)
        [ "$rule" = idioms ] || [ -f "$rule-bad.c" ] || echo "$rule has no sample"
        [ "$rule" = idioms ] || [ -f "$rule-good.c" ] || echo "$rule has no sample that is right"
    done
}
silent 'each bug is reported at its line, and nothing else' reported
elsewhere() { "$tool" sigpipe-ignored-good.c | grep warning || true; }
silent 'SIGPIPE that is taken care of is no bug' elsewhere

noted() {
    sed -n '=; p' idioms.c | sed 'N; s/\n/ /' | grep 'note: ' | while read -r line text; do
        echo "$text" | sed 's/ \*\/$//; s/note: /\n/g' | sed 1d | sed "s/^/idioms.c:$line: note: /; s/ *$//"
    done | LC_ALL=C sort > "$out/expected"
    "$tool" idioms.c | LC_ALL=C sort > "$out/notes"
    diff "$out/expected" "$out/notes"
}
silent 'each idiom is noted with its page' noted

paged() { grep -v ' \[see [a-z_-]*([1-8])\]$' "$out/said" || true; }
silent 'each line names a page' paged

rewritten() {
    cp rewrite.c "$out/rewritten.c"
    "$tool" --rewrite --in-place "$out/rewritten.c"
    ! grep -n 'CMSG_[FN]\|CMSG_DATA\|[^_]recvmsg\|[^_]sendmsg\|SO_PEERCRED' "$out/rewritten.c"
    [ "$(grep -c 'include <ancillary.h>' "$out/rewritten.c")" = 1 ] || echo 'the header is not included once'
    "$tool" --rewrite "$out/rewritten.c" > "$out/again.diff"
    cat "$out/again.diff"
    for version in rewrite.c "$out/rewritten.c"; do
        # shellcheck disable=SC2046
        ${CC:-cc} -std=c11 -g -Wall -Wextra -Werror -I"$here" "$version" rewrite-test.c -o "$out/program" $(library)
        if [ "$version" = rewrite.c ]; then "$out/program"; else "$out/program" rewritten; fi || echo "$version: exit status $?"
    done
    cp rewrite.c "$out/rewrite.c"
    (cd "$out" && "$tool" --rewrite rewrite.c | patch -s -p1 && cmp rewrite.c rewritten.c)
}
silent 'what is rewritten compiles and behaves, once and for all' rewritten

kept() {
    cp rewrite-kept.c "$out/kept.c"
    "$tool" --rewrite --in-place "$out/kept.c"
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only "$out/kept.c" $(pkg-config --cflags ancillary)
    sed 's/anc_\([a-z]*msg\)(/\1(/; /<ancillary.h>/d' "$out/kept.c" | diff rewrite-kept.c -
    grep -q 'anc_sendmsg' "$out/kept.c" || echo 'the calls are not rewritten'
}
silent 'what is not simple is left alone' kept

installed() {
    grep -q "^installed=$stage/" "$stage/bin/anc-migrate" || echo 'the rules were not told to the installed program'
    (cd "$out" && cp "$here/close-on-exec-bad.c" . && "$stage/bin/anc-migrate" close-on-exec-bad.c) > "$out/said" || [ $? -eq 1 ]
    grep -q 'warning: received descriptors' "$out/said" || echo 'it does not find them'
}
silent 'it works where it was installed' installed

tabled() {
    for rule in "$root"/tools/anc-migrate/report/*.cocci; do
        rule=$(basename "$rule" .cocci)
        [ "$rule" = idioms ] || grep -q "^| $rule |" "$root/MIGRATING.md" || echo "$rule is not in the table"
    done
}
silent 'each bug stands in MIGRATING.md' tabled

refused() {
    for wrong in '' --nonsense '--in-place rewrite.c' missing.c; do
        status=0
        # shellcheck disable=SC2086
        "$tool" $wrong > "$out/said" 2>&1 || status=$?
        [ $status -eq 2 ] || echo "anc-migrate $wrong: $status"
    done
}
silent 'wrong usage is status 2' refused
exit $failed
