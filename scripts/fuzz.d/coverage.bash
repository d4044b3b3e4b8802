# Writes HTML that shows which lines of the parser a corpus reaches.
#
#   scripts/fuzz coverage --target NAME [OPTION...] [FILE|FOLDER...]
#
#   --target NAME     whose corpus, and which target reads it
#   --engine NAME     only this engine's campaign; default: those of both
#   --campaign FOLDER only this one
#   FILE, FOLDER      these inputs instead
#   --output FOLDER   default build/fuzz-coverage-report/TARGET
#   --tool NAME       llvm (llvm-cov), lcov or gcovr; default: the first installed
#   --source DIR|TARBALL, --suite NAME   the parser's source, as for build
#
# The parser is built once more, with counters, and the inputs are replayed through
# the target without any engine. Inputs that end the process are replayed alone, and
# what they reached is lost. Findings are no news here: SMT_FUZZ_KNOWN counts as in
# the campaign.
#
# Exit status: 0 written; 2 command line or input; 3 missing or failed.

main() {
    parse 'engine= target= campaign= output= tool= source= suite=' "$@"
    collect_inputs
    choose_tool
    build_counting
    replay_all
    report=${option[output]:-$build_root/fuzz-coverage-report/$target}
    mkdir -p "$report" 2>/dev/null || fail 3 "cannot write $report: is the disk full?"
    "report_$tool"
    echo "$report/index.html"
}

# Sets inputs to a file with one path a line.
collect_inputs() {
    local -a folders=()
    local each
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    inputs=$scratch/inputs
    if [ ${#arguments[@]} -gt 0 ]; then
        target=${option[target]:-}
        [ -n "$target" ] || fail 2 "which target reads these? give --target"
        folders=("${arguments[@]}")
        for each in "${folders[@]}"; do
            [ -e "$each" ] || fail 2 "$each: no such file or folder"
        done
    else
        target=${option[target]:-}
        [ -n "$target${option[campaign]:-}" ] || fail 2 "which corpus? give --target or --campaign"
        local list
        list=$(each_campaign)
        while read -r each; do
            [ -n "$each" ] || continue
            target=$(value_of "$each/campaign" target)
            mapfile -t -O ${#folders[@]} folders < <(corpus_folders_of "$each")
        done <<<"$list"
        # before the first campaign: the seeds
        [ ${#folders[@]} -gt 0 ] || ! each=$(seeds_folder "$target") || folders=("$each")
    fi
    one_of target "$target" $targets
    is_sip "$target" || fail 2 "$target runs our own code, not the parser: see the preset coverage"
    # AFL++ keeps notes in folders below the queue
    [ ${#folders[@]} = 0 ] || find "${folders[@]}" -path '*/.state' -prune -o -type f -size +0 -print | sort >"$inputs"
    [ -s "$inputs" ] || fail 2 "no inputs: there is no campaign of $target with a corpus, and no seeds are built"
}

llvm_program() { # NAME: llvm-cov or llvm-profdata, as clang's version is called
    local version
    version=$(clang -dumpversion 2>/dev/null | cut -d . -f 1)
    command -v "$1-$version" || command -v "$1"
}

choose_tool() {
    tool=${option[tool]:-}
    [ -z "$tool" ] || one_of tool "$tool" llvm lcov gcovr
    if [ -z "$tool" ]; then
        if command -v clang >/dev/null && llvm_program llvm-cov >/dev/null; then
            tool=llvm
        elif command -v gcc >/dev/null && command -v genhtml >/dev/null; then
            tool=lcov
        elif command -v gcc >/dev/null && command -v gcovr >/dev/null; then
            tool=gcovr
        else
            fail 3 "a report needs clang with llvm, or gcc with lcov or gcovr: apt-get install lcov" \
                "scripts/fuzz status shows how many edges are reached without any of them"
        fi
    fi
    case $tool in
    llvm) command -v clang >/dev/null && llvm_program llvm-cov >/dev/null ||
        fail 3 "--tool llvm needs clang and llvm-cov: apt-get install clang llvm" ;;
    lcov) command -v genhtml >/dev/null || fail 3 "--tool lcov needs lcov: apt-get install lcov" ;;
    gcovr) command -v gcovr >/dev/null || fail 3 "--tool gcovr needs gcovr: apt-get install gcovr" ;;
    esac
}

build_counting() {
    local compiler=gcc
    [ "$tool" != llvm ] || compiler=clang
    counting=$build_root/fuzz-coverage-$compiler
    local log=$counting.log
    mkdir -p "$build_root"
    parser=$("$root/scripts/build-osip" --coverage --cc $compiler --output "$build_root/osip-coverage-$compiler" \
        ${option[source]:+--source "${option[source]}"} ${option[suite]:+--suite "${option[suite]}"}) ||
        fail 3 "lines need the parser's source; scripts/fuzz status shows edges without it"
    { cmake -S "$root" -B "$counting" -G Ninja -DCMAKE_C_COMPILER=$compiler -DCMAKE_BUILD_TYPE=Debug \
        -DBUILD_TESTING=OFF "-DOSIP_ROOT=$parser" && nice ninja -C "$counting" "replay_$target"; } >"$log" 2>&1 || {
        tail -n 20 "$log" | sed 's/^/    /' >&2
        fail 3 "the counting build failed (all of it: $log)"
    }
    program=$counting/fuzz/replay_$target
}

run_inputs() { # FILE...
    LLVM_PROFILE_FILE=$scratch/%p-%m.profraw nice "$program" "$@" >>"$scratch/log" 2>&1 </dev/null
}

replay_all() {
    local -a batch
    local file lost=0
    # what an earlier run counted; clang has no such folder
    [ ! -d "$parser.objects" ] || find "$parser.objects" -name '*.gcda' -delete ||
        fail 3 "the counts of an earlier run in $parser.objects cannot be removed"
    while mapfile -t -n 200 batch && [ ${#batch[@]} -gt 0 ]; do
        run_inputs "${batch[@]}" && continue
        for file in "${batch[@]}"; do
            run_inputs "$file" || lost=$((lost + 1))
        done
    done <"$inputs"
    say "$target: $(wc -l <"$inputs") inputs replayed"
    [ "$lost" = 0 ] || say "$lost of them ended the process, and do not count"
}

report_llvm() {
    local -a sources=(-ignore-filename-regex="^$root/(src|fuzz)/|^/usr/include/")
    "$(llvm_program llvm-profdata)" merge -sparse -o "$scratch/all.profdata" "$scratch"/*.profraw >>"$scratch/log" 2>&1 &&
        "$(llvm_program llvm-cov)" show "$program" "-instr-profile=$scratch/all.profdata" -format=html \
            "-output-dir=$report" "${sources[@]}" >>"$scratch/log" 2>&1 || report_failed
    "$(llvm_program llvm-cov)" report "$program" "-instr-profile=$scratch/all.profdata" "${sources[@]}" |
        awk '/^TOTAL/ { print "lines: " $10 " of " $8 ", functions: " $7 " of " $5 }' >&2
}

report_lcov() {
    lcov -q -c -d "$parser.objects" -o "$scratch/info" >>"$scratch/log" 2>&1 &&
        genhtml -q --ignore-errors source -o "$report" "$scratch/info" >>"$scratch/log" 2>&1 || report_failed
    lcov --summary "$scratch/info" 2>&1 | sed -n 's/^ *\(lines\|functions\)\.*/\1/p' >&2
}

report_gcovr() {
    gcovr -r "$root" --filter '.*/src/osipparser2/' "$parser.objects" --html-details "$report/index.html" --print-summary \
        >>"$scratch/log" 2>&1 || report_failed
    grep -E '^(lines|functions):' "$scratch/log" >&2 || true # the report is there without
}

report_failed() {
    tail -n 15 "$scratch/log" | sed 's/^/    /' >&2
    fail 3 "$tool wrote no report"
}
