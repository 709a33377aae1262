#!/bin/sh
# dist.sh BUILD OUT: the source archive has what it should and nothing else, builds without a network and
# with cargo, cc and make alone; archive and libraries are the same bytes wherever and whenever they
# are made.
set -eu
build=$(cd "$1" && pwd) out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0
ok() { echo "ok   $1"; }
same() { # what, file, file
    if diff "$2" "$3" > "$out/log" 2>&1; then ok "$1"; else echo "FAIL $1"; sed 's/^/     /' "$out/log"; failed=1; fi
}
git -C "$root" rev-parse HEAD > /dev/null 2>&1 || { echo 'skipped: the source archive: this is no git repository'; exit 0; }
rm -rf "$out"
mkdir -p "$out/here" "$out/elsewhere and" "$out/first/clean" "$out/second"
out=$(cd "$out" && pwd)
name=libancillary-$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)

# From a copy of the tree with other times, another umask, time zone and language.
tree=$out/elsewhere/tree
mkdir -p "$tree"
(cd "$root" && git ls-files -z | tar cf - --null -T - .git) | (umask 077 && tar xmf - -C "$tree" --no-same-permissions)
sh "$root/dist/archive.sh" "$out/here"
(umask 077 && cd / && TZ=Asia/Kathmandu LC_ALL=C.UTF-8 sh "$tree/dist/archive.sh" "$out/elsewhere")
same 'the archive is the same from another directory, at another time, by another user' "$out/here/$name.tar.gz" "$out/elsewhere/$name.tar.gz"
rm -rf "$tree"

tar tzf "$out/here/$name.tar.gz" | sed -n "s|^$name/\(.*[^/]\)\$|\1|p" | LC_ALL=C sort > "$out/files"
vendored=$(sed -n 's|^vendor/\([^/]*\)/.*|\1|p' "$out/files" | sort -u | tr '\n' ' ')
{
    git -C "$root" ls-files -- . $(sed 's/^/:!/' "$root/dist/left-out")
    echo .cargo/config.toml
    grep '^vendor/libc/' "$out/files"
} | LC_ALL=C sort > "$out/expected"
same "nothing is in it but sources and what they link: $vendored" "$out/expected" "$out/files"

# No network; of the user's environment, the toolchain alone.
if unshare -n true 2> /dev/null; then
    unshare='unshare -n'
elif unshare -rn true 2> /dev/null; then
    unshare='unshare -rn'
else
    echo 'skipped: building without a network: unshare -n is not permitted; cargo is told that there is none'
    unshare=env
fi
build() { # directory, umask, CARGO_NET_OFFLINE
    mkdir "$1/cargo-home"
    tar xzf "$out/here/$name.tar.gz" -C "$1"
    umask "$2"
    # shellcheck disable=SC2086
    $unshare env -i PATH="$PATH" HOME="$1" CARGO_HOME="$1/cargo-home" CARGO_NET_OFFLINE="$3" CC="${CC:-cc}" \
        RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" ${RUSTUP_TOOLCHAIN:+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} \
        make -C "$1/$name" > "$out/log" 2>&1
}
offline=$([ "$unshare" = env ] && echo true || echo false)
for where in first/clean second; do
    if (build "$out/$where" "$([ $where = second ] && echo 077 || echo 022)" "$offline"); then
        ok "it builds without a network and with an empty CARGO_HOME, in $where"
    else
        echo "FAIL it builds without a network and with an empty CARGO_HOME, in $where"
        tail -n 20 "$out/log"
        exit 1
    fi
done
for file in libancillary.so libancillary.a; do
    same "$file is the same from another directory" "$out/first/clean/$name/build/$file" "$out/second/$name/build/$file"
    same "$file of the archive is that of the repository" "$build/$file" "$out/second/$name/build/$file"
done
rm -rf "$out/first" "$out/second"
exit $failed
