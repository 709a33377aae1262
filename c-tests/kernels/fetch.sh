#!/bin/sh
# fetch.sh CACHE SERIES...: a kernel of each series (6.1), of the `oldest` and of the `newest` one, from the suites
# of the Debian mirror that this machine's apt uses. Only unpacked, below CACHE: nothing is installed.
# Prints a line for each: what was asked for, its series and a DIRECTORY, or nothing where no suite has one.
#
# DIRECTORY has vmlinuz, the modules that the tests can use, and the package's name and version.
set -eu
cache=$1
shift
suites='bullseye bookworm trixie trixie-backports sid experimental'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
modules='fuse loop tls'

mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial" "$cache/debs"
cache=$(cd "$cache" && pwd)
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)}
[ -n "$mirror" ] || { echo 'fetch.sh: apt has no Debian mirror, and DEBIAN_MIRROR is not set' >&2; exit 1; }
for suite in $suites; do
    echo "deb [signed-by=$keyring arch=amd64] $mirror $suite main"
done > "$cache/apt/sources.list"

# An apt of its own: what this machine has and trusts stays as it is.
apt() { # command arguments...
    command=$1
    shift
    "$command" -q -o "Dir::Etc::sourcelist=$cache/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::status=/dev/null \
        -o "Dir::State::lists=$cache/apt/lists" -o "Dir::Cache=$cache/apt/cache" -o Acquire::Languages=none \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Sandbox::User=root "$@"
}
# A suite that has gone is none of which a kernel can be had.
apt apt-get update > "$cache/apt/update.log" 2>&1 || true

# SERIES VERSION PACKAGE DEPENDS, from the oldest series to the newest, the last of each.
# shellcheck disable=SC2046
apt apt-cache show $(apt apt-cache pkgnames linux-image- | grep '^linux-image-[0-9].*-amd64$' | grep -v -e '-rt-' -e '-cloud-') |
    awk '/^Package: / { package = $2 } /^Version: / { version = $2 } /^Depends: / { sub(/^Depends: /, ""); depends = $0 }
        /^$/ { match(package, /[0-9]+\.[0-9]+/); print substr(package, RSTART, RLENGTH), version, package, depends }' |
    sort -V -k 2,2 | awk '{ last[$1] = $0 } END { for (series in last) print last[series] }' | sort -V > "$cache/available"
[ -s "$cache/available" ] || { cat "$cache/apt/update.log" >&2; exit 1; }

unpack() { # package version directory
    (cd "$cache/debs" && rm -f "$1"_* && apt apt-get download "$1=$2" > "$cache/apt/download.log" 2>&1) || { cat "$cache/apt/download.log" >&2; return 1; }
    mkdir -p "$3/tree"
    dpkg-deb --fsys-tarfile "$cache/debs/$1"_*.deb > "$3/tree.tar"
    # shellcheck disable=SC2046
    tar -x -f "$3/tree.tar" -C "$3/tree" --wildcards '*/vmlinuz*' $(printf '*/%s.ko* ' $modules) 2> /dev/null || true
    rm "$3/tree.tar"
    rm -f "$cache/debs/$1"_*
}

get() { # version package depends directory
    rm -rf "$4" "$4.new"
    mkdir -p "$4.new/modules"
    unpack "$2" "$1" "$4.new"
    for part in $(echo "$3" | grep -o 'linux-\(binary\|modules\|image\)-[^ ,]*' | sort -u); do
        unpack "$part" "$(apt apt-cache show "$part" | sed -n 's/^Version: //p' | sort -V | tail -n 1)" "$4.new"
    done
    find "$4.new/tree" -name 'vmlinuz*' -type f -exec mv {} "$4.new/vmlinuz" \;
    test -s "$4.new/vmlinuz"
    for module in $modules; do
        find "$4.new/tree" -name "$module.ko*" -type f -exec mv {} "$4.new/modules/" \;
    done
    find "$4.new/modules" -name '*.xz' -exec xz -d {} +
    find "$4.new/modules" -name '*.zst' -exec zstd -q -d --rm {} +
    rm -rf "$4.new/tree"
    echo "$2 $1" > "$4.new/package"
    mv "$4.new" "$4"
}

for series in "$@"; do
    line=$(case $series in
        oldest) head -n 1 "$cache/available" ;;
        newest) tail -n 1 "$cache/available" ;;
        *) grep "^$series " "$cache/available" || true ;;
        esac)
    [ -n "$line" ] || continue
    echo "$line" | {
        read -r found version package depends
        directory=$cache/linux-$version
        if [ ! -s "$directory/vmlinuz" ]; then
            get "$version" "$package" "$depends" "$directory" >&2
        fi
        echo "$series $found $directory"
    }
done
