# Draws what bench.sh has measured: a bar a line of `group, what, ratio`, separated by tabs. Gives SVG, in the reader's own light or dark.
BEGIN {
    FS = "\t"
    left = 330; width = 300; row = 22; most = 1.3; y = 34
}
function text(x, y, class, what) {
    gsub(/&/, "\\&amp;", what)
    gsub(/</, "\\&lt;", what)
    body = body sprintf("<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, what)
}
$1 != group {
    group = $1
    y += 14
    text(16, y + 15, "group", group)
    y += row + 2
}
{
    shown = $3 > most ? most : $3
    text(left - 12, y + 15, "what", $2)
    body = body sprintf("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"14\" class=\"%s\"/>\n", left, y + 4, shown * width,
                        $3 < 1.005 ? "less" : "more")
    # Not across the line.
    beside = shown > 0.85 && shown < 1 ? 1 : shown
    text(left + beside * width + 6, y + 15, "ratio", sprintf("%.2f", $3))
    y += row
}
END {
    if (NR == 0)
        exit
    height = y + 16
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", left + most * width + 56, height,
        "What libancillary costs, as a part of what the same costs otherwise"
    print "<style>"
    print "text { font: 13px sans-serif; fill: #24292f } .group { font-weight: bold } .what { text-anchor: end } .ratio, .scale { fill: #57606a }"
    print ".less { fill: #2a7f62 } .more { fill: #b4690e } line { stroke: #57606a; stroke-dasharray: 3 3 }"
    print "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ratio, .scale { fill: #9198a1 } .less { fill: #3fb68b } .more { fill: #d9a03f } }"
    print "</style>"
    printf "<text x=\"%d\" y=\"20\" class=\"scale\" text-anchor=\"middle\">what it stands beside: 1.00</text>\n", left + width
    printf "%s", body
    printf "<line x1=\"%d\" y1=\"28\" x2=\"%d\" y2=\"%d\"/>\n</svg>\n", left + width, left + width, height - 8
}
