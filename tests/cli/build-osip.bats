# scripts/build-osip: most of it on a parser of one file, so that no network and
# no minute is needed; the real source once, where a mirror has it.

setup() {
    script=$BATS_TEST_DIRNAME/../../scripts/build-osip
    export SMT_OSIP_CACHE=$BATS_TEST_TMPDIR/cache
    unset CC CFLAGS
    tree=$BATS_TEST_TMPDIR/libosip2-4.1.0
    mkdir -p "$tree/src/osipparser2" "$tree/include/osipparser2/headers"
    printf 'AC_INIT\nAM_INIT_AUTOMAKE(libosip2, 4.1.0)\n' >"$tree/configure.in"
    printf 'int parse(const char *s);\n' >"$tree/include/osipparser2/osip_parser.h"
    printf 'int header;\n' >"$tree/include/osipparser2/headers/osip_via.h"
    printf '%s\n' '#include <osipparser2/osip_parser.h>' 'int parse(const char *s)' \
        '{ int x[1] = {0}; return x[s[0] & 1] + (s[0] == 65 ? 1 << (s[1] & 63) : 0); }' \
        >"$tree/src/osipparser2/osip_message_parse.c"
    out=$BATS_TEST_TMPDIR/out
    cat >"$BATS_TEST_TMPDIR/main.c" <<'END'
#include <osipparser2/osip_parser.h>
int main(int argc, char **argv) { return argc > 1 ? parse(argv[1]) & 0 : 0; }
END
}

# A PATH that has everything the script needs but the programs named.
path_without() {
    local folder=$BATS_TEST_TMPDIR/path program name
    mkdir -p "$folder"
    for program in /usr/bin/* /bin/*; do
        name=${program##*/}
        [ -e "$folder/$name" ] || ln -s "$program" "$folder/$name"
    done
    for name; do rm -f "$folder"/$name; done
    printf '%s' "$folder"
}

link() { # COMPILER FLAG...
    local compiler=$1
    shift
    "$compiler" "$@" -I"$out/include" "$BATS_TEST_TMPDIR/main.c" "$out/lib/libosipparser2.a" \
        -o "$BATS_TEST_TMPDIR/main"
}

@test "a folder becomes include/ and a static library" {
    run "$script" --source "$tree" --output "$out"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "$out" ]
    [[ "$output" == *"libosip2 4.1.0"* ]]
    [ -f "$out/include/osipparser2/headers/osip_via.h" ]
    link gcc
    "$BATS_TEST_TMPDIR/main" x
}

@test "a tarball works like the folder, with modern and old version lines" {
    rm "$tree/configure.in"
    printf 'AC_INIT([libosip2],[5.3.1])\n' >"$tree/configure.ac"
    tar -czf "$BATS_TEST_TMPDIR/t.tar.gz" -C "$BATS_TEST_TMPDIR" libosip2-4.1.0
    run "$script" --source "$BATS_TEST_TMPDIR/t.tar.gz" --output "$out"
    [ "$status" -eq 0 ]
    [[ "$output" == *"libosip2 5.3.1"* ]]
    grep -qx "Version: 5.3.1" "$out/lib/pkgconfig/libosip2.pc"
    [ -f "$out/lib/libosipparser2.a" ]
}

@test "what is up to date is not built again, unless forced or told otherwise" {
    "$script" --source "$tree" --output "$out"
    run "$script" --source "$tree" --output "$out"
    [ "$status" -eq 0 ]
    [[ "$output" == *"up to date"* ]]
    run "$script" --source "$tree" --output "$out" --force
    [[ "$output" != *"up to date"* ]]
    run "$script" --source "$tree" --output "$out" --cflags -DX
    [[ "$output" != *"up to date"* ]]
}

@test "a changed source is built again" {
    "$script" --source "$tree" --output "$out"
    touch -d '+1 hour' "$tree/src/osipparser2/osip_message_parse.c"
    run "$script" --source "$tree" --output "$out"
    [ "$status" -eq 0 ]
    [[ "$output" != *"up to date"* ]]
}

@test "--edit changes one file and leaves the source alone" {
    printf 'AC_INIT\nAM_INIT_AUTOMAKE(libosip2, 0.0.%d)\n' $$ >"$tree/configure.in"
    base=$BATS_TEST_DIRNAME/../../build/osip-0.0.$$
    printf 'int other(void) { return 1; }\n' >"$tree/src/osipparser2/other.c"
    run "$script" --source "$tree" --output "$out" --edit 'other.c=s/1/changed/'
    [ "$status" -eq 3 ]
    run "$script" --source "$tree" --output "$out" --edit 'other.c=s/other/another/'
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "$out" ]
    nm "$out/lib/libosipparser2.a" | grep -q ' T another$'
    nm "$base/lib/libosipparser2.a" | grep -q ' T other$'
    link gcc
    run "$script" --source "$tree" --output "$out" --edit 'other.c=s/nothing/like/'
    [ "$status" -eq 2 ]
    run "$script" --source "$tree" --output "$out" --edit 'none.c=s/a/b/'
    [ "$status" -eq 2 ]
    run "$script" --source "$tree" --edit 'other.c=s/1/2/'
    [ "$status" -eq 2 ]
    rm -rf "$base" "$base.objects"
}

@test "--asan and --ubsan find what the parser does wrong, and end the run" {
    "$script" --source "$tree" --output "$out" --asan --ubsan
    link gcc $(cat "$out/link-flags")
    "$BATS_TEST_TMPDIR/main" x
    run "$BATS_TEST_TMPDIR/main" a
    [ "$status" -ne 0 ]
    run "$BATS_TEST_TMPDIR/main" Ao
    [ "$status" -ne 0 ]
    [[ "$output" == *"runtime error"* ]]
}

@test "without the options the same program finds nothing" {
    "$script" --source "$tree" --output "$out"
    [ -z "$(cat "$out/link-flags")" ]
    link gcc
    "$BATS_TEST_TMPDIR/main" Ao
}

@test "--libfuzzer instruments for clang's fuzzer" {
    command -v clang >/dev/null || skip "clang is not installed"
    "$script" --source "$tree" --output "$out" --libfuzzer
    nm "$out/lib/libosipparser2.a" | grep -q __sanitizer_cov
    printf '%s\n' '#include <stdint.h>' '#include <stddef.h>' '#include <osipparser2/osip_parser.h>' \
        'int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) {' \
        'char s[2] = {n ? (char)(d[0] & ~1) : 0}; parse(s); return 0; }' >"$BATS_TEST_TMPDIR/main.c"
    link clang -fsanitize=fuzzer
    run "$BATS_TEST_TMPDIR/main" -runs=100 -seed=1
    [ "$status" -eq 0 ]
}

@test "--afl instruments for AFL++" {
    command -v afl-clang-fast >/dev/null || skip "afl++ is not installed"
    "$script" --source "$tree" --output "$out" --afl
    nm "$out/lib/libosipparser2.a" | grep -q __afl_area_ptr
    AFL_QUIET=1 link afl-clang-fast
    "$BATS_TEST_TMPDIR/main" x
}

@test "--coverage writes counters" {
    "$script" --source "$tree" --output "$out" --coverage
    link gcc $(cat "$out/link-flags")
    "$BATS_TEST_TMPDIR/main" x
    find "$out.objects" -name '*.gcda' | grep -q .
}

@test "--libfuzzer and --afl exclude each other" {
    run "$script" --source "$tree" --libfuzzer --afl
    [ "$status" -eq 2 ]
    [[ "$output" == *"exclude each other"* ]]
}

@test "no clang: says so, and what still works" {
    PATH=$(path_without 'clang*') run "$script" --source "$tree" --output "$out" --libfuzzer
    [ "$status" -eq 3 ]
    [[ "$output" == *"apt-get install clang"* ]]
    [[ "$output" == *"gcc still works"* ]]
    [ ! -e "$out" ]
}

@test "gcc cannot do --libfuzzer: says so" {
    run "$script" --source "$tree" --output "$out" --libfuzzer --cc gcc
    [ "$status" -eq 3 ]
    [[ "$output" == *"needs clang"* ]]
}

@test "no afl++: says so, and what still works" {
    PATH=$(path_without 'afl-*') run "$script" --source "$tree" --output "$out" --afl
    [ "$status" -eq 3 ]
    [[ "$output" == *"apt-get install afl++"* ]]
    [[ "$output" == *"still work"* ]]
}

@test "no dpkg-source: says so" {
    PATH=$(path_without dpkg-source) run "$script" --output "$out"
    [ "$status" -eq 3 ]
    [[ "$output" == *"apt-get install dpkg-dev"* ]]
}

# An apt that knows one mirror, which nobody listens to: port 9 of this machine.
@test "no network: says so, names no host, and what still works" {
    folder=$(path_without apt-get)
    cat >"$folder/apt-get" <<'END'
#!/bin/sh
case $1 in
indextargets) echo "http://127.0.0.1:9/debian/ own main Debian" ;;
*) exec /usr/bin/apt-get -o Acquire::Retries=0 "$@" -o Acquire::Retries=0 ;;
esac
END
    chmod +x "$folder/apt-get"
    PATH=$folder run "$script" --output "$out" --suite own
    [ "$status" -eq 3 ]
    [[ "$output" == *"no network"* ]]
    [[ "$output" == *"installed library"* ]]
    [[ "$output" != *"127.0.0.1"* ]]
    [ ! -e "$out" ]
}

@test "an apt that fails is not one without repositories" {
    folder=$(path_without apt-get)
    printf '#!/bin/sh\nexit 100\n' >"$folder/apt-get"
    chmod +x "$folder/apt-get"
    PATH=$folder run "$script" --output "$out"
    [ "$status" -eq 3 ]
    [[ "$output" == *"apt cannot tell its repositories"* ]]
    [[ "$output" != *"no Debian archive"* ]]
}

@test "no source in what is given: says so" {
    run "$script" --source "$BATS_TEST_TMPDIR/none"
    [ "$status" -eq 2 ]
    [[ "$output" == *"no such folder or tarball"* ]]
    run "$script" --source "$BATS_TEST_DIRNAME"
    [ "$status" -eq 2 ]
    [[ "$output" == *"osip_message_parse.c"* ]]
    echo garbage >"$BATS_TEST_TMPDIR/garbage.tar.gz"
    run "$script" --source "$BATS_TEST_TMPDIR/garbage.tar.gz"
    [ "$status" -eq 2 ]
    [[ "$output" == *"tarball"* ]]
}

@test "a source that does not compile leaves the old output alone" {
    "$script" --source "$tree" --output "$out"
    echo 'int broken(' >"$tree/src/osipparser2/broken.c"
    run "$script" --source "$tree" --output "$out" --force
    [ "$status" -eq 3 ]
    [[ "$output" == *"do not compile"* ]]
    [ -f "$out/lib/libosipparser2.a" ]
}

@test "a folder that is not ours is not overwritten" {
    mkdir "$out"
    echo precious >"$out/file"
    run "$script" --source "$tree" --output "$out"
    [ "$status" -eq 2 ]
    [ "$(cat "$out/file")" = precious ]
}

@test "unknown options and missing values end with 2" {
    run "$script" --nonsense
    [ "$status" -eq 2 ]
    run "$script" --source
    [ "$status" -eq 2 ]
    run "$script" --help
    [ "$status" -eq 0 ]
    [[ "$output" == *"--libfuzzer"* ]]
}

@test "the real source comes through this machine's apt, and the system's apt is untouched" {
    before=$(find /etc/apt /var/lib/apt/lists -type f -printf '%p %s %T@\n' 2>/dev/null | sha256sum)
    run "$script" --fetch-only
    if [ "$status" -eq 3 ]; then
        skip "SKIPPED, NOT TESTED: no source of libosip2 through apt here (no network?): ${lines[-2]}"
    fi
    [ "$status" -eq 0 ]
    folder=${lines[-1]}
    [ -f "$folder/src/osipparser2/osip_message_parse.c" ]
    run "$script" --output "$out"
    [ "$status" -eq 0 ]
    nm "$out/lib/libosipparser2.a" | grep -q ' T osip_message_parse'
    after=$(find /etc/apt /var/lib/apt/lists -type f -printf '%p %s %T@\n' 2>/dev/null | sha256sum)
    [ "$before" = "$after" ]
}
