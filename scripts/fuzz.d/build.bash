# Builds what campaigns need: the parser and the targets, instrumented, and the
# ordinary programs that triage repeats artefacts with.
#
#   scripts/fuzz build [OPTION...]
#
#   --engine NAME     libfuzzer or afl; default: those whose compiler is installed
#   --source DIR|TARBALL   the parser's source; default: Debian's, by scripts/build-osip
#   --suite NAME      the Debian suite to take it from
#   --installed       no source: the installed parser, with allocation sites as the only
#                     coverage. Also done when no source can be had
#   --jobs N          compile so many files at once (default: processors)
#   --force           from scratch
#
# Made are, under build/:
#   fuzz/             libFuzzer with address and undefined sanitizers
#   fuzz-afl/         AFL++, on our heap with its own checks; fuzz-afl-asan/ with
#                     sanitizers; fuzz-afl-cmplog/ to solve comparisons
#   release/          sipmemtest, replay programs, AFL++'s SIP mutator: installed parser
#
# known-findings.txt beside the targets comes from docs/findings/known-*.txt: at
# what is listed there, the target oom does not end again. For a release without a
# list, docs/fuzzing.md says how to make one.
#
# Exit status: 0 built; 2 command line or input; 3 something is missing or failed.

main() {
    parse 'engine= source= suite= installed jobs= force' "$@"
    no_arguments
    jobs=$(whole_number --jobs "${option[jobs]:-$(nproc 2>/dev/null || echo 1)}" 1 256)
    [ -z "${option[engine]:-}" ] || one_of engine "${option[engine]}" $engines
    [ -z "${option[installed]:-}" ] || [ -z "${option[source]:-}${option[suite]:-}" ] ||
        fail 2 "--installed goes with neither --source nor --suite"
    command -v cmake >/dev/null && command -v ninja >/dev/null ||
        fail 3 "cmake and ninja are needed: scripts/setup installs them"
    choose_engines
    log=$build_root/fuzz-build.log
    mkdir -p "$build_root" 2>/dev/null && : >"$log" || fail 3 "cannot write in $build_root: is the disk full?"
    fetch_source
    local each
    for each in $wanted; do
        "build_$each"
    done
    build_release
    say "done; scripts/fuzz run --engine ${wanted%% *} --target message --time 10m begins"
}

can_libfuzzer() { command -v clang >/dev/null; }
can_afl() { command -v afl-clang-fast >/dev/null; }

choose_engines() {
    local each
    wanted=
    for each in ${option[engine]:-$engines}; do
        ! "can_$each" || wanted+="${wanted:+ }$each"
    done
    case ${option[engine]:-both}/$wanted in
    libfuzzer/) fail 3 "libFuzzer's targets need clang, which is not installed: apt-get install clang" \
        "without it --engine afl (apt-get install afl++) and the replay programs of an ordinary build still work" ;;
    afl/) fail 3 "AFL++ is not installed: apt-get install afl++" \
        "without it --engine libfuzzer (clang) and the replay programs of an ordinary build still work" ;;
    both/) fail 3 "neither clang (apt-get install clang) nor AFL++ (apt-get install afl++) is installed" \
        "without them the replay programs of an ordinary build, and scripts/fuzz triage, still work" ;;
    both/afl) say "clang is not installed: no libFuzzer, AFL++ only" ;;
    both/libfuzzer) say "AFL++ is not installed: libFuzzer only" ;;
    esac
}

# logged WORDS...: quiet unless it fails
logged() {
    echo "+ $*" >>"$log"
    "$@" >>"$log" 2>&1 && return
    tail -n 25 "$log" | sed 's/^/    /' >&2
    fail 3 "failed: $* (all of it: $log)"
}

# Sets source; empty means the installed parser.
fetch_source() {
    local status=0
    source=
    [ -z "${option[installed]:-}" ] || return 0
    source=$("$root/scripts/build-osip" --fetch-only ${option[source]:+--source "${option[source]}"} \
        ${option[suite]:+--suite "${option[suite]}"}) || status=$?
    [ "$status" = 0 ] || [ -z "${option[source]:-}${option[suite]:-}" ] || exit "$status"
    [ "$status" = 0 ] ||
        say "going on with the installed parser: coverage is its allocation sites only," \
            "and no sanitizer sees into it (scripts/fuzz build --source DIR|TARBALL does better)"
}

# parser_for OPTION...: prints the parser's folder, nothing for the installed one.
parser_for() {
    [ -z "$source" ] ||
        "$root/scripts/build-osip" "$@" --source "$source" ${option[force]:+--force} || exit
}

# targets_in FOLDER PRESET PARSER CMAKE-OPTION...
targets_in() {
    local place=$1 preset=$2 parser=$3
    shift 3
    [ -z "${option[force]:-}" ] || rm -rf "$place"
    logged cmake -S "$root" --preset "$preset" -B "$place" "-DOSIP_ROOT=$parser" "$@"
    logged nice ninja -C "$place" -j "$jobs" all fuzz_seeds sipmemtest
    say "$place: parser $(parser_name "$parser")"
}

parser_name() { [ -n "$1" ] && basename "$1" || echo 'as installed'; }

build_libfuzzer() {
    local parser
    parser=$(parser_for --libfuzzer --asan --ubsan) || exit
    targets_in "$(engine_build libfuzzer)" fuzz "$parser"
}

build_afl() {
    local parser
    parser=$(parser_for --afl) || exit
    targets_in "$(engine_build afl)" fuzz-afl "$parser"
    parser=$(parser_for --afl --asan --ubsan) || exit
    targets_in "$(engine_build afl-asan)" fuzz-afl "$parser" -DSMT_FUZZ_SANITIZE=address,undefined
    # Only the environment tells the compiler, so this parser gets its own folder.
    if [ -n "$parser" ]; then
        export AFL_LLVM_CMPLOG=1
        parser=$(parser_for --afl --output "${parser%-asan-ubsan}-cmplog") || exit
        targets_in "$(engine_build afl-cmplog)" fuzz-afl "$parser"
        unset AFL_LLVM_CMPLOG
    fi
}

build_release() {
    logged cmake -S "$root" --preset release -B "$build_root/release"
    logged nice ninja -C "$build_root/release" -j "$jobs" all
    say "$build_root/release: parser as installed"
}
