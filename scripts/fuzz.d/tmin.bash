# Makes inputs smaller that make a target fail.
#
#   scripts/fuzz tmin --target NAME [OPTION...] FILE...
#
#   --target NAME     whose inputs these are
#   --engine NAME     who does it: libfuzzer or afl; default: what is built
#   --time TIME       at most so long for each file (default 1m)
#   --known FILE      findings that do not count as failing (sipmemtest --known)
#   --output FOLDER   where FILE.min is written; default: beside FILE
#
# Any failure counts, not only the first one's: what is left may show another bug.
# scripts/fuzz triage minimises messages by signature, which is mostly what one
# wants; this is for findings that sipmemtest does not show.
#
# Exit status: 0 done; 1 a file does not fail; 2 command line or input; 3 missing or
# failed; 130 interrupted.

main() {
    parse 'engine= target= time= known= output=' "$@"
    target=${option[target]:-}
    [ -n "$target" ] || fail 2 "of which target are these files? give --target"
    one_of target "$target" $targets
    [ ${#arguments[@]} -gt 0 ] || fail 2 "no file to make smaller"
    seconds=$(seconds_of --time "${option[time]:-1m}")
    engine=${option[engine]:-libfuzzer}
    one_of engine "$engine" $engines
    if [ -z "${option[engine]:-}" ] && [ ! -x "$(target_program libfuzzer "$target")" ] &&
        [ -x "$(target_program afl "$target")" ]; then
        engine=afl
    fi
    program=$(need_target "$engine" "$target")
    if [ -n "${option[known]:-}" ]; then
        [ -f "${option[known]}" ] || fail 2 "--known ${option[known]}: no such file"
        export SMT_FUZZ_KNOWN=${option[known]}
    fi
    trap 'exit 130' INT TERM
    local file failed result=0
    for file in "${arguments[@]}"; do
        [ -f "$file" ] || fail 2 "$file: no such file"
        small=${option[output]:-$(dirname "$file")}/$(basename "$file").min
        mkdir -p "$(dirname "$small")" 2>/dev/null || fail 3 "cannot write in $(dirname "$small")"
        rm -f "$small"
        failed=''
        "tmin_$engine" "$file"
        if [ -n "$failed" ]; then
            rm -f "$small"
            say "$file: $failed"
            result=3
        elif [ -s "$small" ]; then
            say "$file: $(stat -c %s "$file") bytes, $small: $(stat -c %s "$small")"
        else
            rm -f "$small"
            say "$file: does not make $target fail, or gets no smaller"
            [ $result = 3 ] || result=1
        fi
    done
    exit $result
}

tmin_libfuzzer() { # FILE
    local scratch status=0
    scratch=$(mktemp -d) || fail 3 "no folder for temporary files: see TMPDIR"
    # Its exit status is that of the input, too: what it leaves tells, unless it did not run or end.
    timeout -k 5 $((seconds + 30)) "$program" -minimize_crash=1 "-max_total_time=$seconds" -timeout=10 \
        "-artifact_prefix=$scratch/" "-exact_artifact_path=$scratch/small" "$1" >"$scratch/log" 2>&1 </dev/null || status=$?
    case $status in
    124 | 137) failed="$(basename "$program") did not end in $((seconds + 30)) s" ;;
    126 | 127) failed="$program does not start: build it again with scripts/fuzz build" ;;
    esac
    # The last one that failed, whoever wrote it.
    if [ -s "$scratch/small" ] && ! "$program" "$scratch/small" >/dev/null 2>&1; then
        cp "$scratch/small" "$small" || fail 3 "cannot write $small: is the disk full?"
    fi
    rm -rf "$scratch"
}

tmin_afl() { # FILE
    command -v afl-tmin >/dev/null || fail 3 "afl-tmin is not installed: apt-get install afl++"
    local log status=0
    log=$(mktemp) || fail 3 "no room for a temporary file: see TMPDIR"
    AFL_QUIET=1 AFL_MAP_SIZE=${AFL_MAP_SIZE:-262144} timeout -k 5 "$seconds" afl-tmin -i "$1" -o "$small" -t 5000 \
        -- "$program" >"$log" 2>&1 </dev/null || status=$?
    case $status in
    0) ;;
    124 | 137) failed="afl-tmin did not end in $seconds s: give a longer --time" ;;
    *)
        failed="afl-tmin failed, exit status $status"
        tail -n 5 "$log" | sed 's/^/    /' >&2
        ;;
    esac
    rm -f "$log"
    # afl-tmin makes inputs smaller that do not fail, too.
    if [ -s "$small" ] && "$program" "$small" >/dev/null 2>&1; then rm -f "$small"; fi
}
