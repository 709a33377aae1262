#!/bin/sh
# html.sh OUT: the manual as HTML, each page linked with the others, those of the system on man7.org.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$here" # mandoc takes the first address for a page whose source is in this directory
cp manual.css "$out"
pages=$(ls ./*.[1-8] | sed 's|^\./||')
# A function that is named is a link to its page.
for page in $pages; do
    echo "s|<code class=\"Fn\">\(${page%.*}\)</code>|<a href=\"$page.html\">&</a>|g"
done > "$out/links"
navigation='<nav><a href="index.html">libancillary</a> <a href="ancillary.7.html">ancillary(7)</a> <a href="ancillary-channel.7.html">ancillary-channel(7)</a></nav>'
for page in $pages; do
    ! grep -q '^\.so ' "$page" || continue
    grep -v "\"$page.html\"" "$out/links" > "$out/others"
    # Those of section 7 are long.
    case $page in *.7) contents=toc, ;; *) contents= ;; esac
    mandoc -Thtml -Ios="libancillary $version" \
        -O"$contents"style=manual.css,man='%N.%S.html;https://man7.org/linux/man-pages/man%S/%N.%S.html' "$page" |
        sed -f "$out/others" -e "s|<body>|&$navigation|" > "$out/$page.html"
done
for page in $pages; do
    target=$(sed -n 's|^\.so man[0-9]/||p' "$page")
    [ -z "$target" ] || cp "$out/$target.html" "$out/$page.html"
done
rm "$out/links" "$out/others"

row() { # page
    target=$(sed -n 's|^\.so man[0-9]/||p' "$1")
    what=$(sed -n 's/^\.Nd //p' "${target:-$1}" | sed 's/&/\&amp;/g;s/</\&lt;/g')
    echo "<tr><td class=\"Fn\"><a href=\"$1.html\">${1%.*}(${1##*.})</a></td><td>$what</td></tr>"
}
{
    cat <<HTML
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1.0"/>
<link rel="stylesheet" href="manual.css" type="text/css"/>
<title>libancillary $version: the manual</title>
</head>
<body>
$navigation
<p>File descriptors and all other ancillary data of sockets, for C programs. The manual of
libancillary $version starts at <a href="ancillary.7.html">ancillary(7)</a>.</p>
HTML
    for section in 7 1 8 3 5; do
        case "$pages" in *".$section"*) ;; *) continue ;; esac
        case $section in
        1 | 8) echo '<h1>Programs</h1>' ;;
        3) echo '<h1>Calls</h1>' ;;
        5) echo '<h1>Formats</h1>' ;;
        7) echo '<h1>Concepts</h1>' ;;
        esac
        echo '<table>'
        for page in $pages; do
            [ "${page##*.}" != $section ] || row "$page"
        done
        echo '</table>'
    done
    echo '</body>'
    echo '</html>'
} > "$out/index.html"
