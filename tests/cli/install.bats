# What a user gets: the installed tree and the package, used from there alone.
load common

# The build the programs under test come from.
build=${SMT_BIN%/src}

setup_file() {
    export prefix=$BATS_FILE_TMPDIR/prefix
    export PKG_CONFIG_PATH=
    cmake --install "${SMT_BIN%/src}" --prefix "$prefix" >"$BATS_FILE_TMPDIR/install.log"
}

setup() {
    if [ ! -e "$prefix/include/memtest.h" ]; then skip "a build with sanitizers has no libmemtest"; fi
    libdir=$(dirname "$(find "$prefix" -name libmemtest.so)")
    cd "$BATS_TEST_TMPDIR"
}

# pkg-config that knows the prefix and, for cmocka and the like, the system
pkg() { PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config "$@"; }

example() { cp -r "$prefix/share/doc/sipmemtest/examples/$1" . && cd "$1"; }

# The example reports its own findings and passes.
passes() {
    local output
    output=$(LD_LIBRARY_PATH=$libdir "$@" 2>&1) || { echo "$output"; return 1; }
    contains "careless_parse: 6 allocations" "$output" && contains "PASSED  ] 2 test" "$output"
}

@test "example_builds_with_pkg_config_and_passes" {
    example cmocka
    PKG_CONFIG_PATH=$libdir/pkgconfig make

    passes ./test_config
}

@test "example_builds_with_the_linkers_wrap_and_passes" {
    example cmocka
    PKG_CONFIG_PATH=$libdir/pkgconfig make PKG=memtest-wrap

    passes ./test_config
    [[ $(ldd ./test_config) != *memtest_malloc* ]]
}

@test "example_without_a_catcher_passes_when_it_is_preloaded" {
    example cmocka
    PKG_CONFIG_PATH=$libdir/pkgconfig make PKG=memtest

    run passes ./test_config
    [ "$status" != 0 ]
    LD_PRELOAD=$libdir/libmemtest_malloc.so passes ./test_config
}

@test "example_builds_with_the_cmake_package_and_passes" {
    example cmocka
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build build

    passes build/test_config
}

@test "archive_needs_no_library_of_ours_and_shows_no_inner_name" {
    example cmocka
    PKG_CONFIG_PATH=$libdir/pkgconfig make PKG=memtest-static
    sed -i 's/memtest::malloc/memtest::static/' CMakeLists.txt
    cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix"
    cmake --build build
    inner=$(nm -g --defined-only "$libdir/libmemtest.a" | awk 'NF == 3 { print $3 }' |
        grep -vE '^(smt_(sweep|show)|mt_mem_(alloc|free)$)' || :)

    for program in ./test_config build/test_config; do
        passes $program
        [[ $(ldd $program) != *memtest* ]]
    done
    [ -z "$inner" ] || printf 'not hidden:\n%s\n' "$inner"
    [ -z "$inner" ]
}

@test "shared_library_exports_the_api_alone" {
    nm -D --defined-only "$libdir/libmemtest.so" | awk '{ print $3 }' | sed 's/@.*//' |
        grep -v '^MEMTEST_' | sort >exported
    grep -oE '\b(smt_(sweep|show)(_[a-z]+)?|mt_mem_[a-z]+)\(' "$prefix/include/memtest.h" \
        "$prefix/include/misctest.h" -h | tr -d '(' | sort -u >declared

    diff exported declared
    [ "$(objdump -p "$libdir/libmemtest.so" | awk '/SONAME/ { print $2 }')" = libmemtest.so.0 ]
}

@test "functions_of_misctest_keep_memory_and_give_it_back" {
    cat >leaks.c <<'END'
#include <malloc.h>
#include <misctest.h>
int main(void)
{
    if (mt_mem_alloc(50000000) != 0 || mallinfo2().hblkhd < 50000000) return 1;
    if (mt_mem_alloc((size_t)1 << 60) != -1) return 2;
    mt_mem_free();
    return mallinfo2().hblkhd < 50000000 ? 0 : 3;
}
END
    cc -o shared leaks.c $(pkg --cflags --libs memtest)
    cc -o static leaks.c $(pkg --cflags --libs memtest-static)

    LD_LIBRARY_PATH=$libdir ./shared
    ./static
}

@test "headers_stand_alone_in_c_and_cxx" {
    for language in c c++; do
        printf '#include <memtest.h>\n#include <misctest.h>\n#include <smt_parser.h>\nint main(void) { return 0; }\n' |
            ${CC:-cc} -x "$language" -Wall -Wextra -Werror -fsyntax-only \
                $(pkg --cflags memtest sipmemtest) -
    done
}

@test "adapter_built_out_of_tree_is_swept" {
    example adapter
    PKG_CONFIG_PATH=$libdir/pkgconfig make
    SMT_BIN=$prefix/bin

    sipmemtest --parser ./tiny_adapter.so --oom --repeat 3 "$invite"
    exits 0
    contains "parser tiny 1.0" "$out"
    contains "no findings" "$out"
}

@test "bug_of_an_out_of_tree_parser_is_found_and_replayed" {
    example adapter
    PKG_CONFIG_PATH=$libdir/pkgconfig make CFLAGS="-g -fPIC -DTINY_BUG $(pkg --cflags sipmemtest)"
    SMT_BIN=$prefix/bin

    sipmemtest --parser ./tiny_adapter.so --oom --repeat 3 "$invite"
    exits 1
    contains "SWALLOWED" "$out"
    contains "lost: Via[0]" "$out"
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    eval "${replay#replay: }"
    exits 1
    contains "SWALLOWED" "$out"
}

@test "adapter_for_another_interface_is_refused" {
    example adapter
    sed 's/SMT_PARSER_INTERFACE 1u/SMT_PARSER_INTERFACE 99u/' "$prefix/include/smt_parser.h" >smt_parser.h
    make CFLAGS="-I. -fPIC"

    sipmemtest --parser ./tiny_adapter.so --oom "$invite"
    complains "built for interface 99, this tool speaks 1"
}

@test "what_is_no_adapter_is_refused" {
    example adapter
    cc -shared -fPIC -o not.so tiny.c
    sed -i 's/\.release = release,//' tiny_adapter.c
    PKG_CONFIG_PATH=$libdir/pkgconfig make

    sipmemtest --parser ./not.so "$invite"
    complains "exports no smt_parser_adapter"
    sipmemtest --parser ./none.so "$invite"
    complains "none.so"
    sipmemtest --parser ./tiny_adapter.so "$invite"
    complains "has no release"
}

@test "installed_manual_page_is_read_without_a_warning" {
    cd "$prefix/share/man"
    for page in man*/*; do
        man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$BATS_TEST_TMPDIR/warnings" >/dev/null
        [ ! -s "$BATS_TEST_TMPDIR/warnings" ] || { cat "$BATS_TEST_TMPDIR/warnings"; return 1; }
    done
    contains "smt_show_text" "$(man -l man3/smt_sweep.3)"
}

# --- the package ------------------------------------------------------------------------

package() {
    [ -e "$BATS_FILE_TMPDIR/sipmemtest.deb" ] && return
    (cd "$build" && cpack -G DEB -B "$BATS_FILE_TMPDIR/cpack") >"$BATS_FILE_TMPDIR/cpack.log" 2>&1 ||
        { cat "$BATS_FILE_TMPDIR/cpack.log"; return 1; }
    mv "$BATS_FILE_TMPDIR"/cpack/sipmemtest_*.deb "$BATS_FILE_TMPDIR/sipmemtest.deb"
}

@test "package_names_what_it_depends_on" {
    package
    depends=$(dpkg-deb -f "$BATS_FILE_TMPDIR/sipmemtest.deb" Depends)

    [ "$(dpkg-deb -f "$BATS_FILE_TMPDIR/sipmemtest.deb" Package)" = sipmemtest ]
    for name in libc6 libosip2 libunwind8 libdw1 libjansson4; do contains "$name" "$depends"; done
    dpkg-deb -c "$BATS_FILE_TMPDIR/sipmemtest.deb" >contents
    for path in usr/bin/sipmemtest usr/include/memtest.h usr/include/smt_parser.h \
        usr/share/doc/sipmemtest/copyright usr/share/man/man1/sipmemtest.1 \
        usr/share/man/man1/mtctl.1 usr/share/bash-completion/completions/mtctl \
        usr/share/bash-completion/completions/sipmemtest \
        usr/share/man/man3/libmemtest.3 lib/libmemtest.so.0; do
        contains "$path" "$(<contents)"
    done
}

@test "package_in_a_clean_root_works_from_there" {
    package
    dpkg-deb -x "$BATS_FILE_TMPDIR/sipmemtest.deb" root
    SMT_BIN=$PWD/root/usr/bin

    sipmemtest --version
    exits 0
    contains "parser osip" "$out"
    sipmemtest --repeat 3 "$invite"
    exits 0
    # the tree was moved: its .pc files still find it
    libdir=$(dirname "$(find root -name libmemtest.so)")
    libdir=$PWD/$libdir prefix=$PWD/root/usr
    example cmocka
    PKG_CONFIG_PATH=$libdir/pkgconfig make
    passes ./test_config
}
