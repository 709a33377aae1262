#!/bin/sh
# html.sh OUT: `make html` gives a page for each of the manual's, and no link of one to another dangles.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
sh "$root/man/html.sh" "$out"
cd "$out"
failed=0
check() { # what: the complaints are in the file log
    if [ ! -s log ]; then echo "ok   $1"; else echo "FAIL $1"; head -n 20 log | sed 's/^/     /'; failed=1; fi
}

for page in "$root"/man/*.[1-8]; do
    page=${page##*/}
    if ! grep -q '</html>' "$page.html"; then
        echo "$page.html is not whole"
    elif ! grep -q "href=\"$page.html\"" index.html; then
        echo "$page is not in the index"
    fi
done > log
check 'every page is there, and in the index'

grep -oH ' \(href\|src\|id\)="[^"]*"' ./*.html | sed 's|^\./||' | awk -F '"' '
    { split($1, place, ": "); file = place[1]; there[file] = 1; value = $2; gsub(/%7E/, "~", value) }
    place[2] == "id=" { there[file "#" value] = 1; next }
    value ~ /^#/ { link[file ": " value] = file value; next }
    value ~ /^https:\/\/man7\.org\/linux\/man-pages\/man[1-8]\/[^\/]*\.[1-8]\.html$/ { next }
    { link[file ": " value] = value }
    END { there["manual.css"] = 1; for (name in link) if (!(link[name] in there)) print name }' | sort > log
check 'no link dangles'

# A call of this library that is linked to the system's manual has no page here.
grep -o 'man7.org[^"]*/anc[^"]*' ./*.html > log || true
check 'no page of the library is looked for elsewhere'
pages=$(ls ./*.html | wc -l)
reached=$(grep -oh 'href="[^"#]*\.html' ./*.html | sed 's/href="//' | grep -v : | sort -u | wc -l)
[ "$pages" -eq "$reached" ] || echo "$reached of $pages pages are linked to" > log
check 'every page is linked to'
rm -f log
exit $failed
