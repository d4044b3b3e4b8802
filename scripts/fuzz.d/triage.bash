# Sorts what campaigns found: each artefact is repeated, findings are told apart by
# signature, minimised and reported.
#
#   scripts/fuzz triage [OPTION...]            every campaign, or those named
#   scripts/fuzz triage --target NAME FILE...  these artefacts
#
#   --engine NAME, --target NAME, --campaign FOLDER   which campaigns
#   --known FILE      findings that are no news (sipmemtest --known); repeatable. Also
#                     the campaign's own and those in docs/findings/
#   --output FOLDER   where to; default FOLDER/triage of a campaign, ./triage for files
#   --limit N         at most so many artefacts this time; the rest waits
#   --parser NAME     instead of the target's (sipmemtest --list-parsers)
#   --again           those that were sorted before too
#   --valgrind        repeat each new finding under valgrind, with the C library's heap
#
# An artefact is split into the message and the plan of refused allocations (target
# oom; what other targets read is put into a message where that is possible) and
# repeated by three: the target itself; sipmemtest with the instrumented parser;
# sipmemtest with the installed one, first by the same plan, then by the place that
# was refused. It belongs to the finding that the installed parser shows, else to
# that of the instrumented one, else to what the target reported. Written are
#
#   FOLDER/triage/report.md       a table of all findings, new ones first
#   FOLDER/triage/SIGNATURE/      one finding: README.md, message.sip (minimised), token
#                                 and plan to repeat it, finding.json, report.txt,
#                                 target.log, the first artefact
#   FOLDER/triage/artefacts.tsv   which artefact belongs to which findings
#
# Exit status: 0 nothing new; 1 new findings; 2 command line or input; 3 nothing is
# built to repeat artefacts with.

# shellcheck source=/dev/null
. "$parts/triage_report.bash"

main() {
    parse 'engine= target= campaign= output= known+ limit= parser= again valgrind' "$@"
    limit=${option[limit]:-}
    [ -z "$limit" ] || limit=$(whole_number --limit "$limit" 1 999999)
    need_known
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    new_findings=0
    if [ ${#arguments[@]} -gt 0 ]; then
        triage_files
    else
        triage_campaigns
    fi
    [ "$new_findings" = 0 ] || exit 1
}

need_known() {
    local file
    while read -r file; do
        [ -z "$file" ] || [ -f "$file" ] || fail 2 "--known $file: no such file"
    done <<<"${option[known]:-}"
}

triage_files() {
    local file
    target=${option[target]:-}
    [ -n "$target" ] || fail 2 "of which target are these files? give --target"
    one_of target "$target" $targets
    for file in "${arguments[@]}"; do
        [ -f "$file" ] || fail 2 "$file: no such file"
    done
    folder=$PWD output=${option[output]:-$PWD/triage}
    triage_list < <(printf '%s\n' "${arguments[@]}")
}

triage_campaigns() {
    local list each
    list=$(each_campaign)
    [ -n "$list" ] || say "no campaign in $campaigns yet"
    [ -z "${option[output]:-}" ] || [ "$(wc -l <<<"$list")" = 1 ] ||
        fail 2 "--output is for one campaign: say which, by --campaign or --engine and --target"
    while read -r each; do
        [ -n "$each" ] || continue
        folder=$each output=${option[output]:-$each/triage}
        target=$(value_of "$folder/campaign" target)
        triage_list < <(artefacts_of "$folder")
    done <<<"$list"
}

triage_list() { # artefacts, a line each, on standard input
    local file name signatures said hash count=0 rest=0
    local -A done_now=()
    mkdir -p "$output" 2>/dev/null && touch "$output/artefacts.tsv" ||
        fail 3 "cannot write in $output: is the disk full?"
    find_programs
    # What a target names alike needs sipmemtest only once.
    declare -gA sorted_before=()
    while IFS=$'\t' read -r file name signatures said; do
        [ -n "${option[again]:-}" ] || [ -z "$said" ] || sorted_before[$said]=$signatures
    done <"$output/artefacts.tsv"
    while read -r file; do
        name=${file#"$folder"/}
        # by content: AFL++ moves its files when it goes on
        hash=$(sha1sum <"$file" | cut -c 1-40)
        if [ -n "${done_now[$hash]:-}" ] ||
            { [ -z "${option[again]:-}" ] && column_has 2 "$hash" "$output/artefacts.tsv"; }; then
            continue
        elif [ -n "$limit" ] && [ "$count" -ge "$limit" ]; then
            rest=$((rest + 1))
            continue
        fi
        count=$((count + 1))
        done_now[$hash]=1
        triage_one "$file" "$name"
    done
    [ "$rest" = 0 ] || say "$rest artefact(s) wait for the next time (--limit $limit)"
    write_report
}

# --- with what ---------------------------------------------------------------------

# Sets those that are there: targets_built, shows_instrumented, shows_installed.
find_programs() {
    local variant order='libfuzzer afl-asan afl'
    targets_built=() shows_instrumented=''
    # who found it is asked first
    [ "$(value_of "$folder/campaign" engine)" != afl ] || order='afl afl-asan libfuzzer'
    for variant in $order; do
        [ ! -x "$(target_program "$variant" "$target")" ] || targets_built+=("$(target_program "$variant" "$target")")
    done
    for variant in libfuzzer afl-asan afl; do
        [ -n "$shows_instrumented" ] || [ ! -x "$(engine_build $variant)/src/sipmemtest" ] ||
            shows_instrumented=$(engine_build $variant)/src/sipmemtest
    done
    shows_installed=$(release_program sipmemtest) || shows_installed=
    is_sip "$target" || shows_installed='' shows_instrumented=''
    replay=$(release_program "replay_$target") || replay=
    [ ${#targets_built[@]} -gt 0 ] || [ -z "$replay" ] || targets_built=("$replay")
    [ -n "${targets_built[*]}$shows_installed" ] || fail 3 \
        "nothing is built to repeat artefacts with: cmake --preset release && ninja -C build/release" \
        "(scripts/fuzz build makes the instrumented programs too)"
    [ -n "$shows_instrumented" ] || ! is_sip "$target" ||
        say "no instrumented parser is built: only the installed one is asked (scripts/fuzz build)"
    parser=osip
    [ "$target" != selftest ] || parser=selftest-deep
    parser=${option[parser]:-$parser}
    operations=parse,sdp,clone,render,access
    [ "$target" = oom ] || operations+=,roundtrip
    known_files=()
    for variant in "$root"/docs/findings/known-*.txt "$folder/known.own"; do
        [ ! -f "$variant" ] || known_files+=("$variant")
    done
    while read -r variant; do
        [ -z "$variant" ] || known_files+=("$variant")
    done <<<"${option[known]:-}"
}

parser_version() { # PROGRAM
    "$1" --version 2>/dev/null | sed -nE "s/^parser ${parser:-osip}: version ([0-9.]+).*/\1/p"
}

# No pipe: grep ends at the first hit, and cut, still writing, would fail for both.
column_has() { # COLUMNS TEXT FILE
    grep -Fxq -e "$2" < <(cut -f "$1" "$3")
}

known_in() { # SIGNATURE: prints the file that lists it
    [ ${#known_files[@]} -gt 0 ] || return 1
    local file
    for file in "${known_files[@]}"; do
        ! column_has 1 "$1" "$file" || { basename "$file" && return; }
    done
    return 1
}

# --- one artefact --------------------------------------------------------------------

# Writes the message that shows what the target was given.
split_message() { # FILE MESSAGE
    local size
    size=$(stat -c %s "$1")
    case $target in
    oom) if [ "$size" -ge 8 ]; then head -c "$((size - 8))" "$1"; else cat "$1"; fi ;;
    uri) printf 'OPTIONS ' && cat "$1" && printf ' SIP/2.0\r\nTo: <' && cat "$1" && printf '>\r\n\r\n' ;;
    sdp)
        printf 'INVITE sip:a SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n' "$size"
        cat "$1"
        ;;
    headers) printf 'OPTIONS sip:a SIP/2.0\r\n%s: ' "$(header_of "$1")" && tail -c +2 "$1" && printf '\r\n\r\n' ;;
    *) cat "$1" ;;
    esac >"$2"
}

# The header that an input's first byte means: a row of fuzz/header_rows.h.
header_of() { # FILE
    local -a names
    local byte
    mapfile -t names < <(sed -nE 's/^    X\("([^"]+)".*/\1/p' "$root/fuzz/header_rows.h")
    byte=$(head -c 1 "$1" | od -An -tu1)
    echo "${names[$(((${byte:-65} + 256 - 65) % 256 % ${#names[@]}))]}"
}

# Runs PROGRAM on FILE as the campaign did; if it finds nothing, with nothing known.
ask_program() { # PROGRAM FILE LOG
    local program=$1 file=$2 log=$3
    local -a flags=()
    [[ $program != "$(engine_build libfuzzer)"/* ]] || flags=(-timeout=20 -rss_limit_mb=4096)
    [ ! -f "$folder/known" ] || local -x SMT_FUZZ_KNOWN=$folder/known
    [ "$target" != oom ] || local -x SMT_FUZZ_KNOWN_DEPTH=${SMT_FUZZ_KNOWN_DEPTH:-2}
    ask_once || return
    local -x SMT_FUZZ_KNOWN=
    ask_once
}

ask_once() { # of ask_program; bash need not say that a signal ended it
    {
        SMT_FUZZ_SHOW_PLAN=1 timeout -k 5 30 "$program" "${flags[@]}" "$file" >"$log" 2>&1 </dev/null
    } 2>/dev/null
}

# Repeats it with the target itself, as each engine has it, until one finds
# something. Sets target_status, target_says, target_name and target_is_sure (it names
# the same finding by the same name).
ask_target() { # FILE WORK
    local program
    target_status=0 target_says='' target_name='' target_is_sure='' plan=''
    for program in "${targets_built[@]}"; do
        ask_program "$program" "$1" "$2/target.log" || target_status=$?
        shows_target=$program
        [ "$target_status" = 0 ] || break
    done
    [ "$target_status" != 0 ] || return 0
    target_says=$(sed -nE '/: (plan|refused|let through): /d; s/^sipmemtest-fuzz: ([a-z-]+: .*)/\1/p' "$2/target.log" | head -n 1)
    target_is_sure=
    [ -z "$target_says" ] || [[ $target_says == crash* ]] || target_is_sure=1
    [ -n "$target_says" ] || target_says=$(sed -nE 's/.*(runtime error: .*)/\1/p; s/^SUMMARY: //p' "$2/target.log" | head -n 1)
    [ "$target_status" != 124 ] || target_says='hang: no end after 30 s'
    [ -n "$target_says" ] || target_says="exit status $target_status"
    target_name=$(target_signature "$2/target.log")
}

# target/KIND/HASH of the kind and the innermost functions of the parser.
target_signature() { # LOG
    local kind frames
    # the target's own word for a finding of a clean run
    ! grep -Eo -m 1 '(osip|selftest[a-z-]*)/[a-z-]+/[0-9a-f]{16}' <<<"$target_says" || return 0
    kind=$(sed -nE 's/^([a-z-]+): .*/\1/p; s/^[A-Za-z]+Sanitizer: ([a-zA-Z-]+).*/\1/p; s/^libFuzzer: ([a-z-]+).*/\1/p
        s/^runtime error: .*/undefined/p' <<<"$target_says" | head -n 1)
    frames=$(sed -nE 's/^ *#[0-9]+ 0x[0-9a-f]+ in ([A-Za-z_0-9]+).*/\1/p' "$1" |
        grep -vE '^(__|_IO_|_start|main$|raise|abort|gsignal|smt_|fuzz_|LLVMFuzzer|sigaction|str|mem|malloc|free|realloc|calloc)' |
        head -n 3 || true)
    # without frames (grep prints none) the words decide, but for numbers
    printf 'target/%s/%s\n' "${kind:-failed}" \
        "$(printf '%s %s' "$kind" "${frames:-${target_says//[0-9]/}}" | sha1sum | cut -c 1-16)"
}

# A slow message is no slow parser: page passes of one with a thousand parameters
# take long, and hangs show without.
look_seconds=120
look_checks=all

# Runs the message; findings are folders in OUT/saved/.
look() { # PROGRAM OUT MESSAGE OPTION...
    local program=$1 out=$2 message=$3
    shift 3
    rm -rf "$out" && mkdir -p "$out"
    # from its folder, so that reports name the message and no path
    (cd "$(dirname "$message")" && exec timeout -k 5 "$look_seconds" "$program" \
        --parser "$parser" --check "$look_checks" --repeat 3 --progress=never --color=never -q --format "text:$out/report.txt" \
        --save-findings "$out/saved" "$@" "${message##*/}") >"$out/log" 2>&1 </dev/null || [ $? = 1 ] || return 1
}

field() { # FOLDER NAME: of its finding.json
    sed -nE "s/^  \"$2\": \"?([^\"]*)\"?,?\$/\1/p" "$1/finding.json" | head -n 1
}

# Prints "SIGNATURE VERDICT FOLDER" for each finding in OUT.
seen_in() { # OUT
    local each
    for each in "$1"/saved/*/; do
        [ ! -f "$each/finding.json" ] || echo "$(field "$each" signature) $(field "$each" verdict) $each"
    done
}

declare -a how=()
set_how() { # PLAN: the options that repeat the plan, or a clean run
    if [ -n "$1" ]; then
        how=(--ops "$operations" --oom-at "$1")
    else
        how=(--ops "$operations")
    fi
}

# What was refused, as --oom-at takes it. Refusals that are known to end in a crash
# are let through, and a limit is no list: then it is not the plan but what was refused,
# in at most eight ranges.
plan_of() { # LOG
    [ -f "$1" ] || return 0
    sed -n 's/^sipmemtest-fuzz: \(plan\|refused\|let through\): /\1=/p' "$1" | awk -F= '
        $1 == "plan" && !whole { whole = $2; less = whole == "limit" }
        $1 == "let through" { less = 1 }
        $1 == "refused" && n && $2 == last + 1 { last = $2; next }
        $1 == "refused" { close_range(); first = last = $2; n++ }
        function close_range() { if (n) list = list (list ? "," : "") first (last > first ? "-" last : "") }
        END { close_range(); print less && n && n <= 8 ? list : whole }'
}

# The plan for the installed parser, which counts in its own clean run.
installed_plan() { # FILE
    [ "$target" = oom ] || return 0
    [ -n "$replay" ] || { echo "$plan" && return; }
    ask_program "$replay" "$1" "$scratch/replay.log" || true # finding or not
    plan_of "$scratch/replay.log"
}

triage_one() { # FILE NAME
    local file=$1 name=$2 work=$scratch/work all=''
    rm -rf "$work" && mkdir -p "$work"
    case $name in
    */hangs/* | */timeout-*) look_checks=fences ;;
    *) look_checks=all ;;
    esac
    split_message "$file" "$work/message.sip"
    ask_target "$file" "$work"
    plan=$(plan_of "$work/target.log")
    if [ -n "$target_is_sure" ] && [ -n "${sorted_before[$target_name]:-}" ]; then
        all=${sorted_before[$target_name]}
    else
        ask_sipmemtest "$file" "$name" "$work"
    fi
    [ -n "$all" ] || all=${target_name:-not-repeated}
    [ -z "$target_is_sure" ] || sorted_before[$target_name]=$all
    for signature in $all; do
        file_artefact "$signature"
    done
    printf '%s\t%s\t%s\t%s\n' "$name" "$hash" "${all# }" \
        "${target_is_sure:+$target_name}" >>"$output/artefacts.tsv"
    say "$name: ${all# }"
}

# Adds to all the signatures of what sipmemtest shows, and files them.
ask_sipmemtest() { # FILE NAME WORK
    local name=$2 work=$3 signature verdict place pair plan_here finding paired=' '
    plan_here=$(installed_plan "$1")
    if [ -n "$shows_installed" ]; then
        set_how "$plan_here"
        look "$shows_installed" "$work/installed" "$work/message.sip" "${how[@]}" ||
            say "$name: sipmemtest could not run it: $(tail -n 1 "$work/installed/log")"
    fi
    if [ -n "$shows_instrumented" ]; then
        set_how "$plan"
        look "$shows_instrumented" "$work/instrumented" "$work/message.sip" "${how[@]}" ||
            say "$name: the instrumented sipmemtest could not run it: $(tail -n 1 "$work/instrumented/log")"
        ask_installed_by_token "$work"
    fi
    while read -r signature verdict place; do
        finding=$(finer_name "$signature" "$verdict")
        file_finding "$finding" installed "$signature" "$verdict" "$place" "$plan_here"
        all+=" $finding"
    done < <(seen_in "$work/installed"; seen_in "$work/by-token")
    while read -r signature verdict place; do
        pair=$(pair_of "$signature" "$verdict" "$work" "$paired")
        paired+="$pair "
        finding=$(finer_name "${pair:-$signature}" "$verdict")
        file_finding "$finding" instrumented "$signature" "$verdict" "$place" "$plan"
        [ -n "$pair" ] || all+=" $finding"
    done < <(seen_in "$work/instrumented")
}

# A contradiction (mismatch) is told apart by the target more finely: by header.
finer_name() { # SIGNATURE VERDICT
    if [[ $2 = mismatch && $target_name =~ ^(osip|selftest[a-z-]*)/mismatch/ ]]; then
        echo "$target_name"
    else
        echo "$1"
    fi
}

# A release with other allocations is asked by the place that was refused.
ask_installed_by_token() { # WORK
    [ -n "$shows_installed" ] && [ -n "$plan" ] && [ -z "$(seen_in "$1/installed")" ] || return 0
    local signature verdict place
    while read -r signature verdict place; do
        # another release need not have the place: then nothing is seen
        look "$shows_installed" "$1/by-token" "$1/message.sip" --replay "$(field "$place" replay)" || true
        [ -z "$(seen_in "$1/by-token")" ] || return 0
    done < <(seen_in "$1/instrumented")
}

# The installed parser's signature that is the same finding: the same one, else one
# with the same verdict. Function names differ where one of the two is stripped.
pair_of() { # SIGNATURE VERDICT WORK PAIRED
    seen_in "$3/installed" | { cat && seen_in "$3/by-token"; } | awk -v s="$1" -v v="$2" -v paired="$4" '
        $1 == s { same = $1 }
        $2 == v && !like && index(paired, " " $1 " ") == 0 { like = $1 }
        END { print same ? same : like }'
}

# --- one finding's folder ------------------------------------------------------------

place_of() { echo "$output/${1//\//-}"; }

open_finding() { # SIGNATURE; 1 when there is one
    local place
    place=$(place_of "$1")
    [ ! -f "$place/signature" ] || return 1
    mkdir -p "$place" && echo "$1" >"$place/signature" || fail 3 "cannot write in $output: is the disk full?"
    : >"$place/shown.tsv"
}

file_finding() { # SIGNATURE WHO THEIR-SIGNATURE VERDICT SAVED PLAN
    local place program=shows_$2 minimal
    place=$(place_of "$1")
    if open_finding "$1"; then
        cp "$work/message.sip" "$place/original.sip"
        cp "$5/message.sip" "$5/finding.json" "$place/"
        field "$5" replay >"$place/token"
        cp "${5%/saved/*}/report.txt" "$place/report.txt"
        # As small as it goes: only once for each finding.
        set_how "$6"
        [[ $5 != */by-token/* ]] || how=(--replay "$(field "$5" replay)")
        if look "${!program}" "$scratch/minimal" "$work/message.sip" "${how[@]}" --minimize; then
            minimal=$(seen_in "$scratch/minimal" | awk -v s="$3" '$1 == s { print $3 }' | head -n 1)
            if [ -n "$minimal" ] && is_still "$1" "$3" "$minimal/message.sip"; then
                cp "$minimal/message.sip" "$place/"
                field "$minimal" replay >"$place/token"
            fi
        fi
        [ -z "$6" ] || echo "$6" >"$place/plan"
        [ -z "${option[valgrind]:-}" ] || [ "$2" != installed ] || ask_valgrind "$place"
    fi
    show_in "$place" "$2" "$3" "$4"
}

# Where the target tells apart what sipmemtest does not: does it call it the same?
is_still() { # SIGNATURE THEIR-SIGNATURE MESSAGE
    [ "$1" != "$2" ] && [ "$1" = "$target_name" ] || return 0
    [[ $target = message || $target = selftest ]] || return 1
    ask_program "$shows_target" "$3" "$scratch/still.log" || true # its words decide
    grep -aqF "$1" "$scratch/still.log"
}

show_in() { # PLACE WHO SIGNATURE VERDICT
    column_has 1,2 "$2	$3" "$1/shown.tsv" || printf '%s\t%s\t%s\n' "$2" "$3" "$4" >>"$1/shown.tsv"
    local listed
    # the coarser of two names does not decide, nor does the target's for another finding
    [ "$(cat "$1/signature")" != "${target_name:-none}" ] || [ "$3" = "$target_name" ] || return 0
    [ "$2" != target ] || [ "${3%/*}" = "$(sed 's|/[^/]*$||' "$1/signature")" ] || return 0
    [ -f "$1/known" ] || ! listed=$(known_in "$3") || echo "$listed" >"$1/known"
}

file_artefact() { # SIGNATURE: of triage_one
    local place
    place=$(place_of "$1")
    if open_finding "$1"; then
        cp "$work/message.sip" "$place/message.sip"
        [ -z "$plan" ] || echo "$plan" >"$place/plan"
    fi
    [ -z "$target_name" ] || show_in "$place" target "$target_name" "$(said_shortly)"
    if [ ! -e "$place/artefact" ]; then
        cp "$file" "$place/artefact"
        [ ! -s "$work/target.log" ] || cp "$work/target.log" "$place/"
        [ -z "$target_name" ] || echo "${shows_target#"$root"/}" >"$place/program"
    fi
    grep -Fxqs -e "$name" "$place/artefacts" || echo "$name" >>"$place/artefacts"
}

# Without stacks and the artefact's path.
said_shortly() {
    sed -E 's/; (refused|allocated) in .*//; s|; /[^;]*$||' <<<"$target_says" | cut -c 1-200
}

# valgrind cannot look into our heap: the C library's, with the same refusals.
ask_valgrind() { # PLACE
    if ! command -v valgrind >/dev/null; then
        say "valgrind is not installed: apt-get install valgrind"
        option[valgrind]=
        return
    fi
    local status=0
    timeout -k 5 300 valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
        "--suppressions=$root/tests/valgrind.supp" --log-file="$1/valgrind.log" \
        "$shows_installed" --in-process --heap=libc --parser "$parser" --repeat 1 \
        --replay "$(cat "$1/token")" "$1/message.sip" >/dev/null 2>&1 </dev/null || status=$?
    case $status in
    124 | 137) say "valgrind: no end after 300 s: $1" ;;
    125 | 126 | 127) say "valgrind cannot be run (exit status $status): $1" ;;
    esac
    if grep -q '^==' "$1/valgrind.log" 2>/dev/null; then
        show_in "$1" valgrind "$(cat "$1/signature")" "$(sed -nE 's/^==[0-9]+== +([A-Z].*)/\1/p' "$1/valgrind.log" | head -n 1)"
    fi
}
