#!/bin/sh
# debian.sh OUT: debian/ makes packages of the source archive; lintian finds nothing in them; what they
# install works. Each library test is run once more while they are made if DEB_BUILD_OPTIONS is
# set and does not have nocheck.
set -eu
out=$1
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in git dpkg-buildpackage dh lintian; do
    command -v $tool > /dev/null || { echo "skipped: Debian's packages: this machine has no $tool"; exit 0; }
done
rm -rf "$out"
mkdir -p "$out/root"
out=$(cd "$out" && pwd)
failed=0
. "$root/c-tests/check.sh"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
source=$out/libancillary-$version
check 'the changelog has the version' grep -q "^libancillary ($version-" "$root/debian/changelog"
sh "$root/dist/archive.sh" "$out"
mv "$source.tar.gz" "$out/libancillary_$version.orig.tar.gz"
tar xzf "$out/libancillary_$version.orig.tar.gz" -C "$out"
cp -r "$root/debian" "$source"

# -d: Rust need not come from a package; debhelper gives the build a home directory of its own.
build() {
    cd "$source" && CARGO_NET_OFFLINE=true RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS-nocheck}" \
        dpkg-buildpackage -us -uc -d
}
check 'dpkg-buildpackage makes them, with the symbols that are listed' build
[ $failed -eq 0 ] || exit 1
cat "$out/log" > "$out/build.log"
check 'lintian finds nothing' lintian --allow-root --display-info --fail-on error,warning,info,pedantic "$out"/*.changes
for package in "$out"/*.deb; do
    case $package in *-dbgsym_*) continue ;; esac
    dpkg-deb -x "$package" "$out/root"
    dpkg-deb -c "$package" | awk '{ print $6 }' > "$out/$(basename "$package" | sed 's/_.*//').files"
done
check 'libancillary0 has the library alone' sh -c '! grep -vE "/$|/usr/lib/[^/]*/libancillary\.so\.[0-9.]*$|/usr/share/(doc|lintian)/" "$1"' sh "$out/libancillary0.files"

# debian/tests, against the packages' files as if they were installed.
libdir=$(cd "$out"/root/usr/lib/*/ && pwd)
export PKG_CONFIG_LIBDIR="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$out/root" LD_LIBRARY_PATH="$libdir" CMAKE_PREFIX_PATH="$out/root/usr"
cd "$source"
for test in $(sed -n 's/^Tests: //p' debian/tests/control); do
    if [ "$test" = cmake ] && ! command -v cmake > /dev/null; then
        echo 'skipped: debian/tests/cmake: this machine has no cmake'
    else
        check "debian/tests/$test" "debian/tests/$test"
    fi
done
exit $failed
