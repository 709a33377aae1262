#!/bin/sh
# kinds.sh check|update|print: the tables of control messages in ancillary.7 are what
# src/cmsg/kinds/linux says: the lines both(...), received(...), sent(...), the arms of decode, and
# the doc comments of the constants. What this script can't read there is an error, not a gap.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
page=$root/man/ancillary.7
kinds=$root/src/cmsg/kinds/linux
begin='.\" kinds: made by man/kinds.sh'
end='.\" end of kinds'

# The families in the order of LEVELS: those that anc_decode knows, and the others.
families=$(sed -n '/static LEVELS/,/^];/s/^ *(\([a-z0-9]*\)::.*/\1/p' "$kinds/mod.rs" | awk '!seen[$0]++')
decoded=
named=
for family in $families; do
    if grep -q 'fn decode(' "$kinds/$family.rs"; then decoded="$decoded $family"; else named="$named $family"; fi
done
for file in "$kinds"/*.rs; do
    family=$(basename "$file" .rs)
    [ "$family" = mod ] || [ "$family" = stamps ] || case " $(echo $families) " in
    *" $family "*) ;;
    *) echo "kinds.sh: $family.rs is not in LEVELS" >&2; exit 1 ;;
    esac
done

# What is common to all files, then each family: facts, one a line.
#   level NAME | kind FAMILY NAME WAY BYTES BIT LINUX OPTION
facts() {
    for family in $decoded $named; do
        awk -v family="$family" '
        function die(what) { print "kinds.sh: " FILENAME ": " what > "/dev/stderr"; failed = 1; exit 1 }
        function value(e,    n, t, i, v) { # a sum or product of numbers, constants and size_of
            gsub(/size_of::<c_int>\(\)/, "4", e)
            gsub(/size_of::<c_u?long>\(\)|align_of::<u64>\(\)/, "8", e)
            n = split(e, t, /[ \t]+/)
            for (i = 1; i <= n; i++) if (t[i] in constant) t[i] = constant[t[i]]
            if (n == 1 && t[1] ~ /^[0-9]+$/) return t[1]
            if (n == 3 && t[1] ~ /^[0-9]+$/ && t[3] ~ /^[0-9]+$/) {
                if (t[2] == "+") return t[1] + t[3]
                if (t[2] == "*") return t[1] * t[3]
            }
            die("no number: " e)
        }
        function first(text,    found) { # the first sentence that starts with "Linux 2.2", or else that has it
            if (!match(text, /(^|\. )Linux [0-9]+(\.[0-9]+)*/) && !match(text, /Linux [0-9]+(\.[0-9]+)*/)) return ""
            found = substr(text, RSTART, RLENGTH)
            sub(/.*Linux /, "", found)
            return found
        }
        function linux(doc,    at, clause, sending, all) { # "sent: " may have a version of its own
            if ((at = index(doc, "sent: "))) {
                clause = substr(doc, at + 6)
                if (match(clause, /\)|\. |\.$/)) clause = substr(clause, 1, RSTART - 1)
                sending = clause ~ /^[0-9]+\.[0-9.]+$/ ? clause : first(clause)
                if (sending != "") doc = substr(doc, 1, at - 1) substr(doc, at + 6 + length(clause))
            }
            all = first(doc)
            return sending != "" ? all "/" sending : all
        }
        function option(name, doc,    n, part, i, o) { # the sentence that starts with one
            if (doc ~ /(The|the) option of the same name/) return name
            n = split(doc, part, /\. |\.$/)
            for (i = 1; i <= n; i++) {
                if (part[i] ~ /^Always/) o = "always"
                else if (match(part[i], /^(SO|SOF|MSG|IP|IPV6|TCP|UDP|PACKET|NETLINK)_[A-Z0-9_]+/)) o = substr(part[i], 1, RLENGTH)
                else continue
                return o (part[i] ~ /error queue/ ? "," : "")
            }
            return ""
        }
        function described(name,    doc, other) { # its doc comment, or that of the one it refers to
            doc = comment[name]
            if (match(doc, /As [A-Z][A-Z0-9_]+/)) {
                other = substr(doc, RSTART + 3, RLENGTH - 3)
                if (!(other in comment)) die(name " refers to " other)
                return doc " " comment[other]
            }
            return doc
        }
        FNR == 1 { file++; doc = ""; inherited = "" }
        # Constants of bytes, in mod.rs too. Of one that depends on the architecture, that of x86_64.
        /^(pub\(crate\) |pub\(super\) )?const [A-Z_0-9]+: usize = / {
            name = $0; sub(/: usize.*/, "", name); sub(/.*const /, "", name)
            e = $0; sub(/.*usize = /, "", e); sub(/;.*/, "", e)
            if (e ~ /x86_64"\) \{ [0-9]+ \}/) { sub(/.*x86_64"\) \{ /, "", e); sub(/ .*/, "", e) }
            constant[name] = value(e); doc = ""; next
        }
        file == 1 { next }
        FNR == 1 { level = $0; sub(/:.*/, "", level); n = 0; out = ""
            while (match(level, /SOL_[A-Z0-9_]+/)) { out = out (n++ ? "," : "") substr(level, RSTART, RLENGTH); level = substr(level, RSTART + RLENGTH) }
            if (!n) die("its first line names no level")
            print "level", out; next
        }
        # Doc comments: of a constant, or of names that are defined elsewhere ("NAME: ...").
        /^\/\/\/ / { line = substr($0, 5)
            if (match(line, /^[A-Z][A-Z0-9_]+: /)) { foreign = substr(line, 1, RLENGTH - 2); line = substr(line, RLENGTH + 1); comment[foreign] = line; next }
            if (foreign != "") { comment[foreign] = comment[foreign] " " line; next }
            doc = doc (doc == "" ? "" : " ") line; next
        }
        { foreign = "" }
        /^pub\(crate\) const [A-Z0-9_]+: c_int = / { name = $3; sub(/:.*/, "", name)
            if (name ~ /LEVEL$/) { doc = ""; next }
            if (doc == "") doc = inherited
            comment[name] = inherited = doc; doc = ""; next
        }
        { doc = "" }
        # One line a kind.
        match($0, /(both|received|sent)\([A-Z0-9_]*LEVEL, /) {
            line = substr($0, RSTART); way = line; sub(/\(.*/, "", way)
            sub(/^[a-z]*\(/, "", line); sub(/\)[],; ]*$/, "", line)
            while (line != "") {
                # Two may share a line.
                rest = ""
                if (match(line, /\), (both|received|sent)\(/)) { rest = substr(line, RSTART + 3); line = substr(line, 1, RSTART - 1) }
                if (split(line, f, /, /) != 4) die("not a kind: " line)
                name = f[3]; gsub(/c?"/, "", name)
                if (!(f[2] in comment)) die(f[2] " has no doc comment")
                count++; names[count] = name; constants[count] = f[2]; ways[count] = way; bytes[count] = value(f[4])
                line = rest
                if (line != "") { way = line; sub(/\(.*/, "", way); sub(/^[a-z]*\(/, "", line) }
            }
            next
        }
        # The arms of decode, and the functions that some of them call.
        /ANC_[A-Z_]+/ && /^use|^    ANC_/ { s = $0; while (match(s, /ANC_[A-Z_]+/)) { imported[substr(s, RSTART, RLENGTH)] = 1; s = substr(s, RSTART + RLENGTH) } next }
        /^(pub.*)?fn decode\(/ { decoding = 1; next }
        /^fn [a-z_]+\(/ { helper = $2; sub(/\(.*/, "", helper); decoding = 0 }
        /^}/ { decoding = 0; helper = "" }
        decoding && /^        [A-Z][A-Z0-9_ |]* => / { arm = $0; sub(/ => .*/, "", arm); gsub(/[| ]+/, " ", arm); sub(/^ /, "", arm)
            body = $0; sub(/.* => /, "", body)
            if (body ~ /^return /) { call = body; sub(/^return (Some\(\()?/, "", call); sub(/\(.*/, "", call); calls[arm] = call; arm = "" }
        }
        (arm != "" || helper != "") && match($0, /ANC_[A-Z_]+/) {
            bit = substr($0, RSTART, RLENGTH)
            if (arm != "") { bits[arm] = bit; arm = "" }
            else if (!(helper in helps)) helps[helper] = bit
        }
        END {
            if (failed) exit 1
            if (!count) die("no kinds")
            for (arm in calls) { if (!(calls[arm] in helps)) die("no bit in " calls[arm]); bits[arm] = helps[calls[arm]] }
            for (arm in bits) { delete imported[bits[arm]]; n = split(arm, f, " "); for (i = 1; i <= n; i++) bit_of[f[i]] = bits[arm] }
            for (bit in imported) die(bit " is in no arm of decode")
            for (i = 1; i <= count; i++) {
                b = bit_of[constants[i]]; delete bit_of[constants[i]]; d = described(constants[i])
                l = linux(d); o = option(names[i], d)
                print "kind", family, names[i], ways[i], bytes[i], b == "" ? "-" : b, l == "" ? "-" : l, o == "" ? "-" : o
            }
            for (c in bit_of) die("an arm of decode for " c ", which is no kind")
        }' "$kinds/mod.rs" "$kinds/$family.rs" || exit 1
    done
}

tables() {
    awk -v decoded="$decoded" '
    BEGIN { n = split(decoded, f, " "); for (i = 1; i <= n; i++) full[f[i]] = 1 }
    function cell(x) { return x == "-" ? "\\(en" : x }
    $1 == "level" { level = $2; next }
    {
        if ($2 in full) {
            if (level != last) { row[++rows] = ".It Em " level " Ta Ta Ta Ta"; last = level }
            way = $4 == "both" ? "both" : $4 == "sent" ? "out" : "in"
            row[++rows] = ".It \\ " $3 " Ta " way " Ta " $5 " Ta " cell($6) " Ta " cell($7)
            if ($8 != "-") {
                o = $8
                if (sub(/,$/, "", o)) o = o " Pq error queue"
                option[++options] = ".It " $3 " Ta " o
            }
        } else {
            if (level != last) { others[++m] = level; last = level }
            list[m] = list[m] (list[m] == "" ? "" : " ,\n") ".Dv " $3
        }
    }
    END {
        print ".Bl -column \"SCM_TIMESTAMPING_OPT_STATS\" \"both\" \"bytes\" \"ANC_TIME_PKTINFO\" \"Linux\""
        print ".It Em kind Ta Em way Ta Em bytes Ta Em decoded Ta Em Linux"
        for (i = 1; i <= rows; i++) print row[i]
        print ".El"
        print ".Pp"
        print "What asks for them, or allows them to be sent:"
        print ".Bl -column \"SCM_TIMESTAMPING_OPT_STATS\" \"SOF_TIMESTAMPING_OPT_PKTINFO\""
        print ".It Em kind Ta Em option"
        for (i = 1; i <= options; i++) print option[i]
        print ".El"
        print ".Pp"
        print "Known to"
        print ".Xr anc_name 3"
        print "and"
        print ".Xr anc_put 3 ,"
        print "and shown by"
        print ".Xr anc_next 3"
        print "alone:"
        print ".Bl -tag -width Ds"
        for (i = 1; i <= m; i++) { gsub(/,/, " , ", others[i]); print ".It Dv " others[i]; print list[i] " ." }
        print ".El"
    }' "$1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
facts > "$work/facts"
tables "$work/facts" > "$work/tables"
begin=$begin end=$end awk -v tables="$work/tables" '
    BEGIN { begin = ENVIRON["begin"]; end = ENVIRON["end"] }
    $0 == begin { print; while ((getline line < tables) > 0) print line; skip = 1; found++; next }
    $0 == end { skip = 0; found++ }
    !skip { print }
    END { exit found == 2 ? 0 : 1 }' "$page" > "$work/page" || { echo "kinds.sh: ancillary.7 has not both of its marker lines" >&2; exit 1; }

case ${1:-} in
check)
    if ! cmp -s "$page" "$work/page"; then
        diff -u "$page" "$work/page" || true
        echo "the tables of kinds in ancillary.7 are not what src/cmsg/kinds/linux says: man/kinds.sh update" >&2
        exit 1
    fi ;;
update) cmp -s "$page" "$work/page" || cat "$work/page" > "$page" ;;
print) cat "$work/facts" ;;
*) echo "usage: kinds.sh check|update|print" >&2; exit 2 ;;
esac
