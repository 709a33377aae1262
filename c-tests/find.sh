#!/bin/sh
# find.sh STAGE STATIC_STAGE OUT: build systems find the installed library, shared and static, there and
# after the tree was moved; what they build links what it should, and runs.
set -eu
stage=$1 static_stage=$2 out=$3
rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
failed=0
. "$here/check.sh"
lacks() { ! command -v "$1" > /dev/null && echo "skipped: $2: this machine has no $1"; }
unset PKG_CONFIG_PATH CMAKE_PREFIX_PATH LD_LIBRARY_PATH CFLAGS LDFLAGS

# What it names by its old place is not there.
cp -r "$stage" "$out/moved"
find "$out/moved/lib" \( -name '*.pc' -o -name '*.cmake' \) -exec sed -i "s|$stage|/nowhere|g" {} +
cp "$here/find/program.c" "$out"
runs() { # shared|static, program: it is linked so, and passes a descriptor
    needed=$(readelf -d "$2" | grep -c 'NEEDED.*libancillary\.so\.0' || true)
    [ "$1-$needed" = shared-1 ] || [ "$1-$needed" = static-0 ] || { echo "$2 is not linked with the $1 library"; return 1; }
    [ "$("$2")" = passed ]
}

# pkg-config
by_pkg_config() { # shared|static, prefix, pkg-config's options...
    kind=$1 prefix=$2
    shift 2
    flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs "$@" ancillary) || return 1
    echo "$flags"
    case "$flags" in *"$prefix"*) ;; *) echo "not from $prefix"; return 1 ;; esac
    # shellcheck disable=SC2086
    ${CC:-cc} "$out/program.c" -o "$out/program" $flags ${whole:-} -Wl,-rpath,"$prefix/lib" && runs "$kind" "$out/program"
}
if ! lacks pkg-config 'pkg-config'; then
    check 'pkg-config: the shared library' by_pkg_config shared "$stage"
    check 'pkg-config: the static library' by_pkg_config static "$static_stage" --static
    whole=-static
    check 'pkg-config: the static library in a program that is static as a whole' by_pkg_config static "$stage" --static
    whole=
    check 'pkg-config: a tree that was moved, with --define-prefix' by_pkg_config shared "$out/moved" --define-prefix
fi

# CMake
by_cmake() { # shared|static (what ancillary::ancillary should be), prefix
    rm -rf "$out/cmake"
    cmake -S "$here/find" -B "$out/cmake" -DCMAKE_PREFIX_PATH="$2" -DCMAKE_BUILD_TYPE=Release &&
        grep "ancillary_DIR:PATH=$2/" "$out/cmake/CMakeCache.txt" &&
        cmake --build "$out/cmake" &&
        runs "$1" "$out/cmake/default" && runs static "$out/cmake/static"
}
if ! lacks cmake 'find_package(ancillary)'; then
    check 'CMake: both libraries, and versions that are refused' by_cmake shared "$stage"
    check 'CMake: a tree that was moved' by_cmake shared "$out/moved"
    check 'CMake: the static library alone' by_cmake static "$static_stage"
fi

# Meson
by_meson() { # shared|static, prefix, meson's options...
    kind=$1 prefix=$2
    shift 2
    rm -rf "$out/meson"
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig meson setup "$@" --cmake-prefix-path "$prefix" "$out/meson" "$here/find" &&
        meson compile -C "$out/meson" && runs "$kind" "$out/meson/program"
}
if ! lacks meson "dependency('ancillary')"; then
    check 'Meson: by pkg-config' by_meson shared "$stage" -Dmethod=pkg-config
    check 'Meson: by pkg-config, static' by_meson static "$stage" -Dmethod=pkg-config -Dstatic=true
    # Meson gives a program the path to what CMake found, and no run path.
    export LD_LIBRARY_PATH="$stage/lib"
    lacks cmake 'Meson by CMake' || check 'Meson: by CMake' by_meson shared "$stage" -Dmethod=cmake
fi
exit $failed
