#!/bin/sh
# archive.sh OUT: writes OUT/libancillary-VERSION.tar.gz, which builds with cargo, cc and make alone: the one
# crate that the library links is in it. It is made of the files that git knows, as they are now.
#
# Crates that only tests, the header's maker and optional features use are not in it, nor are the tests
# that need them: dist/left-out.
# The same commit gives the same bytes; SOURCE_DATE_EPOCH: the files' time, else that of the commit.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
name=libancillary-$version
umask 022
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "${out:?}/$name"
mkdir "$out/$name"

cd "$root"
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
cp "$(git rev-parse --git-path index)" "$out/index"
tree=$(export GIT_INDEX_FILE="$out/index" && git add -u && git write-tree)
rm "$out/index"
git archive "$tree" -- . $(sed 's/^/:!/' dist/left-out) |
    tar xf - -C "$out/$name"

cd "$out/$name"
awk '/^\[/ { section = $0; gsub(/[][]/, "", section) }
    /^\[workspace\]/ { print; print ""; next }   # a root of its own, wherever it is unpacked
    section ~ /^(workspace|dev-dependencies|build-dependencies|test|bench|example)/ { next }
    section == "dependencies" && /optional = true/ { next }
    section == "features" { gsub(/"dep:[^"]*"(, )?/, "") }
    1' "$root/Cargo.toml" > Cargo.toml
mkdir .cargo
# Drops what is left out from Cargo.lock, and keeps the version of what is not.
${CARGO:-cargo} vendor --quiet > /dev/null
printf '[source.crates-io]\nreplace-with = "vendor"\n\n[source.vendor]\ndirectory = "vendor"\n' > .cargo/config.toml
find . -exec touch -h -d "@$time" {} +
cd ..
tar --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mode=u+w,go-w,a+rX --mtime="@$time" -cf - "$name" |
    gzip -n -9 > "$name.tar.gz"
rm -rf "${out:?}/$name"
