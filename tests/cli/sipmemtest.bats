# The command line of sipmemtest: what goes in, what comes out, exit statuses.
load common

# All long options that --help shows.
long_options()
{
    "$SMT_BIN/sipmemtest" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

# --- help, version, lists ---------------------------------------------------------------

@test "no_arguments_show_short_usage_on_standard_error" {
    sipmemtest

    exits 2
    [ -z "$out" ]
    contains "Usage: sipmemtest" "$err"
    contains "--help" "$err"
    [ "$(wc -l <<<"$err")" -le 3 ]
}

@test "help_goes_to_standard_output_with_examples_last" {
    sipmemtest --help

    exits 0
    [ -z "$err" ]
    contains "Refused allocations:" "$out"
    contains "--replay TOKEN" "${out##*Examples:}"
    [[ ! $out =~ print-man ]]
}

@test "help_fits_a_terminal_of_100_columns" {
    sipmemtest --help

    exits 0
    [ -z "$(grep -E '^.{101}' <<<"$out")" ]
}

@test "version_tells_every_parsers_version_and_build_id" {
    sipmemtest --version

    exits 0
    contains "sipmemtest " "$out"
    [[ $out =~ "parser osip: version "[0-9].*"libosipparser2.so".*"build-id "[0-9a-f]{8,} ]]
    contains "parser selftest: version" "$out"
}

@test "listed_parsers_can_be_chosen" {
    sipmemtest --list-parsers
    names=$(awk '{print $1}' <<<"$out")

    [ -n "$names" ]
    for name in $names; do
        sipmemtest --parser "$name" --repeat 2 "$invite"
        exits 0
    done
}

@test "listed_formats_can_be_chosen" {
    sipmemtest --list-formats
    names=$(awk '{print $1}' <<<"$out")

    contains text "$names"
    for name in $names; do
        sipmemtest --format "$name:$BATS_TEST_TMPDIR/report" --repeat 2 "$invite"
        exits 0
        [ -z "$out" ]
    done
}

# --- the option table -------------------------------------------------------------------

@test "every_option_of_help_is_in_man_page_and_completion" {
    man=$("$SMT_BIN/sipmemtest" --print-man | sed 's/\\-/-/g; s/\\f.//g')
    completion=$("$SMT_BIN/sipmemtest" --print-completion=bash)

    [ "$(long_options | wc -l)" -ge 30 ]
    for option in $(long_options); do
        contains "$option" "$man"
        contains " $option" "$completion"
    done
}

@test "every_option_of_help_is_known_to_the_parser" {
    [ "$(long_options | wc -l)" -ge 30 ]
    for option in $(long_options); do
        sipmemtest "$option" --no-such-option
        [ "$status" -le 2 ]
        [[ $err != *"$option: no such option"* ]]
    done
}

@test "man_page_has_its_sections_and_no_warnings" {
    man_page_has sipmemtest NAME SYNOPSIS DESCRIPTION OPTIONS VERDICTS "EXIT STATUS" EXAMPLES "SEE ALSO"

    contains swallowed "$out"
}

# complete WORD...: what bash offers for the last word
complete_words()
{
    bash -c 'compopt() { :; }; eval "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
             _sipmemtest; printf "%s\n" "${COMPREPLY[@]}"' \
        - "$("$SMT_BIN/sipmemtest" --print-completion=bash)" "$@"
}

@test "completion_offers_options_words_and_list_elements" {
    [ "$(complete_words sipmemtest --list-p)" = --list-parsers ]
    [ "$(complete_words sipmemtest --crlf = st)" = strict ]
    [ "$(complete_words sipmemtest --ops parse,cl)" = parse,clone ]
    [ "$(complete_words sipmemtest --parser selftest-)" = selftest-deep ]
    [ "$(cd "$corpus" && complete_words sipmemtest --oom invite.s)" = invite.sip ]
}

# --- wrong command lines -------------------------------------------------------------------

@test "unknown_options_are_named_and_the_near_one_is_offered" {
    sipmemtest --massage-file "$invite"
    complains "--massage-file: no such option; did you mean --message-file?"

    sipmemtest -qZ "$invite"
    complains "-Z: no such option"

    sipmemtest --mess x
    complains "--mess: may mean --message-file, --message-data"
}

@test "missing_and_superfluous_arguments_are_said" {
    sipmemtest --parser
    complains "--parser: needs NAME"

    sipmemtest --quiet=3 "$invite"
    complains "--quiet: takes no argument"
}

@test "unknown_words_are_answered_with_the_known_ones" {
    sipmemtest --parser nope "$invite"
    complains "known: osip, selftest"

    sipmemtest --ops parse,fold "$invite"
    complains "unknown operation 'fold'; known: parse, sdp, clone"

    sipmemtest --check fences,page "$invite"
    complains "unknown check 'page'; known: fences, pages, uninit, all"

    sipmemtest --oom --oom-mode often "$invite"
    complains "known: transient, persistent, window:K"

    sipmemtest --format yaml "$invite"
    complains "text"

    sipmemtest --crlf=lf "$invite"
    complains "keep, fix or strict"

    sipmemtest --color=blue "$invite"
    complains "known: auto always never"
}

@test "bad_values_are_quoted_with_an_example" {
    for words in "--repeat -1" "--timeout 0" "--timeout 1e3" "--heap-limit 3q" "--range 0" \
        "--range 1," "--range 3-1" "--shard 3/2" "--shard 0/2" "--oom=9-3" "--oom=0" \
        "--oom=1:" "--oom-trace=3" "--oom-budget 0" "--oom-budget s" "--seed x" \
        "--mem-check-content=2" "--oom-at 0" "--oom-at 7,3"; do
        # shellcheck disable=SC2086 # option and value
        sipmemtest $words "$invite"
        complains "${words%%[ =]*}"
    done
}

@test "options_without_effect_are_refused" {
    for words in "--oom-mode transient" "--oom-trace" "--oom-budget 5" "--seed 3" \
        "--only-site x" "--skip-site x" "--shard 1/2" "--break" "--update-known" \
        "--oom --oom-at 3" "--oom --replay osip:clean" "--heap=libc --check=pages" "-q -v"; do
        # shellcheck disable=SC2086 # options
        sipmemtest $words "$invite"
        complains "--"
    done
    sipmemtest --oom
    complains "no message"
}

@test "two_formats_do_not_share_standard_output" {
    sipmemtest --format text --format json "$invite"

    complains "both go to standard output"
}

@test "docs_json_md_names_what_json_lines_hold" {
    python3 - "$SMT_ROOT" <<'PYTHON'
import glob, json, re, sys

root = sys.argv[1]
page = open(root + "/docs/json.md").read()
rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
said = set(re.findall("`([a-z_]+)`", " ".join(rows)))
code = "".join(open(name).read() for name in glob.glob(root + "/src/report/json*.c"))
maps = {"verdicts", "verdicts_all", "options", "refused", "codes"}  # of names of other things

def names(value):
    if isinstance(value, list):
        return set().union(*map(names, value))
    if not isinstance(value, dict):
        return set()
    inner = (names(member) for name, member in value.items() if name not in maps)
    return set(value).union(*inner)

lines = [json.loads(line) for line in open(root + "/tests/golden/report/full.json")]
held = set().union(*map(names, lines))
assert len(held) > 50 and "unusable" in {line["type"] for line in lines}
told = set(re.findall("`([a-z_]+)`", page))
assert not held - told, ("not in docs/json.md", held - told)
assert not [name for name in said if '"%s"' % name not in code], "in no line: " + str(said)
PYTHON
}

@test "what_follows_two_dashes_is_no_option" {
    sipmemtest -- --oom

    complains "--oom: cannot open"
}

# --- messages --------------------------------------------------------------------------------

@test "a_message_comes_from_file_data_standard_input_or_argument" {
    sipmemtest --repeat 2 --message-file "$invite" \
        --message-data 'OPTIONS sip:a SIP/2.0\r\n\r\n' "$corpus/bye-basic.sip" - <"$invite"

    exits 0
    [ -z "$err" ]
    contains "1) $invite" "$out"
    contains "2) data:1" "$out"
    contains "3) $corpus/bye-basic.sip" "$out"
    contains "4) -" "$out"
}

@test "a_message_without_end_of_line_and_with_nul_is_run" {
    sipmemtest --repeat 2 --message-data 'OPTIONS sip:a\0b SIP/2.0\r\nX: \x41\\'

    exits 0
    contains "1) data:1" "$out"
}

@test "a_directory_is_read_in_sorted_order" {
    mkdir -p "$BATS_TEST_TMPDIR/messages/a"
    cp "$invite" "$BATS_TEST_TMPDIR/messages/b.sip"
    cp "$invite" "$BATS_TEST_TMPDIR/messages/a/z.sip"

    sipmemtest --repeat 2 "$BATS_TEST_TMPDIR/messages"

    exits 0
    [[ $out == *"1) "*"/a/z.sip"*"2) "*"/b.sip"* ]]
}

@test "unusable_inputs_are_said_and_the_others_run" {
    : >"$BATS_TEST_TMPDIR/empty.sip"
    mkdir "$BATS_TEST_TMPDIR/folder"
    head -c 67108865 /dev/zero >"$BATS_TEST_TMPDIR/large.sip"

    sipmemtest --repeat 2 /no/such/file "$BATS_TEST_TMPDIR/empty.sip" \
        "$BATS_TEST_TMPDIR/folder" "$BATS_TEST_TMPDIR/large.sip" --message-data 'a\q' \
        --message-file "$corpus" "$invite"

    exits 2
    [ "$(wc -l <<<"$err")" = 6 ]
    contains "/no/such/file: cannot open" "$err"
    contains "empty.sip: empty message" "$err"
    contains "folder" "$err"
    contains "large.sip: larger than the limit" "$err"
    contains "column 2" "$err"
    contains "is a directory" "$err"
    contains "1) $invite" "$out"
    contains "6 inputs could not be used" "$out"
}

@test "a_range_apart_from_its_option_is_told_how_to_type_it" {
    sipmemtest --oom 7-10 "$invite"
    complains "7-10: no such file; for the option type --oom=7-10"

    sipmemtest --oom --oom-trace 2 "$invite"
    complains "type --oom-trace=2"

    cd "$BATS_TEST_TMPDIR"
    cp "$invite" 7-10
    sipmemtest --oom=1-2 -q 7-10
    [ "$status" -le 1 ]
}

@test "a_second_standard_input_is_an_empty_message" {
    sipmemtest --repeat 2 - - <"$invite"

    complains "standard input: empty message"
    contains "1) -" "$out"
}

@test "strict_line_ends_leave_out_the_message_and_exit_2" {
    sipmemtest --repeat 2 --crlf=strict "$corpus/ends-lf-only.sip" "$invite"

    complains "ends-lf-only.sip: line 1"
    contains "1) $invite" "$out"
}

@test "split_runs_every_message_of_a_stream" {
    cat "$corpus/bye-basic.sip" "$corpus/cancel-basic.sip" >"$BATS_TEST_TMPDIR/stream"

    sipmemtest --repeat 2 --split "$BATS_TEST_TMPDIR/stream"

    exits 0
    contains "stream#1" "$out"
    contains "stream#2" "$out"
}

@test "range_chooses_messages_by_number" {
    sipmemtest --repeat 2 --range 1,3-4 "$invite" "$corpus/bye-basic.sip" "$corpus/ack-basic.sip"

    exits 0
    contains "1) $invite" "$out"
    contains "3) $corpus/ack-basic.sip" "$out"
    [[ $out != *bye-basic* ]]

    sipmemtest --range 5 "$invite"
    complains "--range"
}

# --- findings and exit status ------------------------------------------------------------------

@test "a_clean_message_exits_0_with_nothing_on_standard_error" {
    sipmemtest --parser selftest --repeat 3 "$selftest/healthy-minimal.sip"

    exits 0
    [ -z "$err" ]
}

@test "a_finding_exits_1" {
    sipmemtest --parser selftest --repeat 3 "$selftest/bug-leak.sip"

    exits 1
    contains leak "$out"
    [ -z "$err" ]
}

@test "bugs_that_wait_for_a_structure_show_alone_in_the_deep_selftest" {
    for message in "$selftest"-deep/bug-*.sip; do
        name=$(basename "$message" .sip)
        sipmemtest --parser selftest-deep --repeat 2 --format "json:$BATS_TEST_TMPDIR/j" "$message"
        exits 1
        [ "$(grep -c '"type":"finding"' "$BATS_TEST_TMPDIR/j")" = 1 ]
        sipmemtest --parser selftest --repeat 2 "$message"
        exits 0
        sipmemtest --parser selftest-deep --repeat 2 "${message/bug-/twin-}"
        exits 0
    done
    [ "$name" != "bug-*" ]
}

@test "the_highest_exit_status_wins" {
    sipmemtest --parser selftest --repeat 3 "$selftest/bug-leak.sip" /no/such/file
    exits 2
    contains leak "$out"

    sipmemtest --repeat 3 /no/such/file --format "text:/no/such/folder/report" "$invite"
    exits 3
}

@test "oom_takes_a_range_in_both_spellings" {
    sipmemtest --repeat 3 --oom=1:7-10 --oom-mode transient "$invite"
    first=$out
    exits 1
    contains "OOM transient" "$out"

    sipmemtest --repeat 3 --oom=7-10 --oom-mode transient "$invite"
    exits 1
    [ "${first% in *}" = "${out% in *}" ]
}

@test "a_range_past_every_allocation_exits_2" {
    sipmemtest --repeat 3 --oom=100000-100001 "$invite"

    exits 2
    contains "--oom" "$err"
}

@test "decoys_find_a_write_far_beyond_its_block_and_its_replay_needs_no_option" {
    sipmemtest --parser selftest --repeat 3 "$selftest/bug-overflow-wild.sip"
    exits 0
    sipmemtest --parser selftest --repeat 3 --decoys 64 "$selftest/healthy-invite-sdp.sip"
    exits 0

    sipmemtest --parser selftest --repeat 3 --decoys 64 "$selftest/bug-overflow-wild.sip"
    exits 1
    contains "byte 12001 past the end of block 26 (13 bytes)" "$out"
    contains "1 unique finding (1 corrupt)" "$out"
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    eval "${replay#replay: }"
    exits 1
    contains "CORRUPT" "$out"
}

@test "decoys_that_nobody_would_check_are_refused" {
    sipmemtest --decoys 8 --heap=libc "$invite"
    complains "--decoys"
    sipmemtest --decoys 8 --mem-check-content=0 "$invite"
    complains "--decoys"
    sipmemtest --decoys 5000 "$invite"
    complains "--decoys: '5000' is no number from 0 to 4096"
}

@test "content_check_0_removes_fences_from_the_checks" {
    sipmemtest --parser selftest --repeat 3 --check=fences "$selftest/bug-overflow-1.sip"
    exits 1

    sipmemtest --parser selftest --repeat 3 --check=fences --mem-check-content=0 \
        "$selftest/bug-overflow-1.sip"
    exits 0
}

@test "debug_shows_the_text_of_both_runs" {
    sipmemtest --parser selftest --repeat 3 --oom --debug "$selftest/bug-swallowed-header.sip"

    exits 1
    [ "$(grep -c 'text of the clean run:' <<<"$out")" -ge 1 ]
    [ "$(grep -c 'text of this run:' <<<"$out")" -ge 1 ]
    contains "| text" "$out"

    sipmemtest --parser selftest --repeat 3 --oom "$selftest/bug-swallowed-header.sip"
    [[ $out != *"text of"* ]]
}

@test "one_plan_runs_once" {
    sipmemtest --repeat 3 --oom-at 37 "$invite"

    exits 1
    contains "OOM" "$out"
}

@test "a_plan_behind_the_last_allocation_is_refused" {
    sipmemtest --repeat 3 --oom-at 999999 "$invite"

    exits 2
    contains "--oom-at: no message makes as many as 999999 allocations" "$err"
    contains "no findings" "$out"
}

@test "a_replayed_plan_behind_the_last_allocation_is_refused" {
    local last

    sipmemtest --repeat 3 -q --oom-at 1 --format json "$invite"
    last=$(grep -m1 -oE '"allocations":[0-9]+' <<<"$out")

    sipmemtest --replay "osip:at:$((${last#*:} + 1))" "$invite"
    complains "nothing would be refused: $invite makes only ${last#*:} allocations"
    [ -z "$out" ]

    sipmemtest --replay "osip:at:${last#*:}" "$invite"
    contains "1 injection" "$out"
}

@test "one_of_a_thing_has_no_s" {
    sipmemtest --parser selftest --repeat 3 "$selftest/bug-over-read-1.sip"
    contains "0 bytes past the end of" "$out"

    sipmemtest --parser selftest --repeat 3 "$selftest/bug-under-read.sip"
    contains "1 byte before block" "$out"
}

@test "libc_heap_in_process_runs_clean" {
    sipmemtest --repeat 3 --heap=libc --in-process "$invite"

    exits 0
}

@test "a_replayed_finding_exits_1" {
    sipmemtest --parser selftest --repeat 3 --oom "$selftest/bug-leak-on-error.sip"
    token=$(grep -oE 'selftest:(transient|persistent):[0-9a-f.]+' <<<"$out" | head -1)
    [ -n "$token" ]

    sipmemtest --replay "$token" "$selftest/bug-leak-on-error.sip"
    exits 1
    contains leak "$out"
    contains "$token" "$out"

    sipmemtest --parser osip --replay "$token" "$selftest/bug-leak-on-error.sip"
    complains "token is for parser selftest"

    sipmemtest --parser selftest --replay "$token" "$invite" "$invite"
    complains "--range"
}

@test "a_printed_replay_works_for_a_text_and_for_a_part_of_a_stream" {
    stream="$BATS_TEST_TMPDIR/a stream"
    cat "$selftest/healthy-invite-sdp.sip" "$selftest/bug-leak.sip" >"$stream"
    data=$(sed 's/\r$//; s/$/\\r\\n/' "$selftest/bug-leak.sip" | tr -d '\n')

    sipmemtest --parser selftest --repeat 3 --split "$stream"
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    contains "--split --range 2 '$stream'" "$replay"
    eval "${replay#replay: }"
    exits 1
    contains "LEAK" "$out"

    sipmemtest --parser selftest --repeat 3 --message-data "$data"
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    eval "${replay#replay: }"
    exits 1
    contains "LEAK" "$out"

    sipmemtest --parser selftest --repeat 3 - <"$selftest/bug-leak.sip"
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    contains " - # and the same standard input" "$replay"
    eval "${replay#replay: }" <"$selftest/bug-leak.sip"
    exits 1
}

# replays ARGUMENT...: the first replay line printed shows the same finding again
replays()
{
    local replay signature
    sipmemtest --repeat 3 "$@"
    signature=$(grep -m1 -oE 'signature: .*' <<<"$out")
    replay=$(grep -m1 -oE 'replay: sipmemtest .*' <<<"$out")
    [ -n "$signature" ] && [ -n "$replay" ] || return 1
    eval "${replay#replay: }"
    contains "$signature" "$out"
}

@test "a_printed_replay_repeats_options_that_alter_bytes_or_verdicts" {
    tr -d '\r' <"$selftest/bug-leak.sip" >"$BATS_TEST_TMPDIR/lf.sip"
    replays --parser selftest --crlf=fix "$BATS_TEST_TMPDIR/lf.sip"
    contains " --crlf=fix " "$(grep replay: <<<"$out")"
    replays --parser selftest --heap=libc "$selftest/bug-double-free.sip"
    contains "--heap=libc" "$out"
    replays --parser selftest --mem-check-content=0 --oom "$selftest/bug-leak-on-error.sip"
    contains "--mem-check-content=0" "$out"
    replays --parser selftest --timeout 1 --quarantine 1m "$selftest/bug-leak.sip"
    contains "--quarantine=1048576 --timeout=1" "$out"

    sipmemtest --parser selftest --repeat 3 --crlf=keep --timeout 10 "$selftest/bug-leak.sip"
    [[ $out =~ replay:\ sipmemtest\ --parser\ selftest\ --replay\ [^\ ]+\ [^\ ]+bug-leak.sip ]]
}

@test "what_only_a_later_run_or_the_manifest_shows_is_replayed" {
    replays --parser selftest "$selftest/bug-nondeterministic.sip"
    replays --parser selftest --oom "$selftest/bug-poison.sip"

    cp "$selftest/healthy-minimal.sip" "$BATS_TEST_TMPDIR/message.sip"
    printf 'message.sip\treject\n' >"$BATS_TEST_TMPDIR/MANIFEST.tsv"
    replays --parser selftest "$BATS_TEST_TMPDIR/message.sip"
    contains UNEXPECTED "$out"
}

@test "a_replay_does_the_operations_of_its_token" {
    sipmemtest --repeat 3 --ops parse,clone --oom=7-9 --oom-mode transient "$invite"
    token=$(grep -oE 'osip/parse,clone:transient:[0-9a-f.]+' <<<"$out" | head -1)
    [ -n "$token" ]

    sipmemtest --replay "$token" "$invite"

    exits 1
    contains "$token" "$out"
}

@test "a_replayed_run_that_is_no_defect_exits_0" {
    sipmemtest --replay osip:clean "$invite"

    exits 0
}

@test "mutate_writes_the_same_bytes_for_the_same_seed" {
    sipmemtest mutate --seed 7 "$invite"
    exits 0
    first=$out

    sipmemtest mutate --seed 7 "$invite"
    [ "$first" = "$out" ]
    [ "$first" != "$(cat "$invite")" ]

    cd "$BATS_TEST_TMPDIR"
    cp "$invite" mutate
    sipmemtest --repeat 2 ./mutate
    exits 0
    contains "1) ./mutate" "$out"
}

# saved_repeats VERDICT ARGUMENT...: what is saved of its finding shows it again, by the
# command in its folder alone; sets $command
saved_repeats()
{
    local verdict=$1 folder
    shift
    rm -rf "$BATS_TEST_TMPDIR/found"
    sipmemtest --repeat 3 --save-findings "$BATS_TEST_TMPDIR/found" "$@"
    exits 1
    folder=$(echo "$BATS_TEST_TMPDIR"/found/selftest-"$verdict"-*)
    command=$(<"$folder/replay")

    cd "$folder"
    PATH=$SMT_BIN:$PATH told sh ./replay
    cd "$OLDPWD"
    exits 1
    contains "signature: selftest/$verdict/${folder##*-}" "$out"
}

@test "saved_findings_are_a_folder_each_that_repeats_them" {
    saved_repeats leak --parser selftest --minimize "$selftest/bug-leak.sip"

    [ "$(wc -c <"$BATS_TEST_TMPDIR"/found/*/message.sip)" -le "$(wc -c <"$selftest/bug-leak.sip")" ]
}

@test "a_saved_finding_repeats_options_that_alter_verdicts" {
    saved_repeats leak --parser selftest --heap=libc --message-data "$(<"$selftest/bug-leak.sip")"$'\n'
    contains " --heap=libc message.sip" "$command"
    saved_repeats leak --parser selftest --mem-check-content=0 --ops parse --oom \
        --minimize "$selftest/bug-leak-on-error.sip"
    contains " --mem-check-content=0 message.sip" "$command"
    saved_repeats leak --parser selftest --timeout 1 --quarantine 1m --jobs 2 - \
        <"$selftest/bug-leak.sip"
    contains " --quarantine=1048576 --timeout=1 message.sip" "$command"
    # the bytes are saved as they were mended
    tr -d '\r' <"$selftest/bug-leak.sip" >"$BATS_TEST_TMPDIR/lf.sip"
    saved_repeats leak --parser selftest --crlf=fix "$BATS_TEST_TMPDIR/lf.sip"
    [[ $command != *crlf* ]]
}

@test "known_findings_exit_0_and_new_ones_1" {
    known=$BATS_TEST_TMPDIR/known
    sipmemtest --parser selftest --known "$known" "$selftest/bug-leak.sip"
    complains "$known"

    sipmemtest --parser selftest --known "$known" --update-known "$selftest/bug-leak.sip"
    exits 0
    grep -q '^selftest/leak/' "$known"

    sipmemtest --parser selftest --known "$known" "$selftest/bug-leak.sip"
    exits 0

    sipmemtest --parser selftest --known "$known" "$selftest/bug-leak.sip" "$selftest/bug-crash.sip"
    exits 1
}

# --- streams ---------------------------------------------------------------------------------------

@test "a_full_disk_exits_3" {
    status=0
    "$SMT_BIN/sipmemtest" --repeat 3 "$invite" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = 3 ]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ]

    status=0
    "$SMT_BIN/sipmemtest" --help >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = 3 ]
}

@test "a_closed_standard_output_exits_3" {
    status=0
    "$SMT_BIN/sipmemtest" --repeat 3 "$invite" <&- >&- 2>&- || status=$?

    [ "$status" = 3 ]
}

# ignoring SIGNAL COMMAND...: as a caller does that ignores it, which a shell cannot for all
ignoring()
{
    python3 -c 'import os, signal, sys
signal.signal(getattr(signal, sys.argv[1]), signal.SIG_IGN)
os.execv(sys.argv[2], sys.argv[2:])' "$@"
}

@test "signals_that_the_caller_ignores_change_nothing" {
    sipmemtest --parser selftest --repeat 2 "$selftest"/bug-{crash,crash-exit,leak}.sip \
        --format "json:$BATS_TEST_TMPDIR/one"
    exits 1

    for each in CHLD PIPE HUP; do
        told ignoring SIG$each "$SMT_BIN/sipmemtest" --parser selftest --repeat 2 --jobs 2 \
            "$selftest"/bug-{crash,crash-exit,leak}.sip --format "json:$BATS_TEST_TMPDIR/$each"
        exits 1
        same "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/$each"
    done
}

@test "a_progress_bar_is_not_written_into_files" {
    sipmemtest --repeat 3 --oom "$invite"

    [ -z "$err" ]
}

@test "a_progress_bar_is_erased_before_lines" {
    sipmemtest --oom --progress=always "$invite" "$invite" "$invite" "$invite"

    exits 1
    contains $'\r[' "$err"
    [[ $err =~ [0-9]\ of\ 4,\ [0-9]+\ of\ [0-9]+\ injections ]]
    [ "${err: -4}" = $'\r\033[K' ]
    [[ $out != *$'\r'* ]]
}

@test "a_sweep_of_more_than_a_minute_is_said_beforehand" {
    { sed '/^Content-Length/,$d' "$corpus/bye-basic.sip"
      for i in {1..1000}; do printf 'Route: <sip:p%d.example.com;lr>\r\n' "$i"; done
      printf 'Content-Length: 0\r\n\r\n'; } >"$BATS_TEST_TMPDIR/long.sip"

    "$SMT_BIN/sipmemtest" --oom --repeat 2 --check=fences "$BATS_TEST_TMPDIR/long.sip" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    until grep -q . "$BATS_TEST_TMPDIR/err"; do kill -0 "$pid"; done
    kill -TERM "$pid"
    wait "$pid" || true

    [[ $(<"$BATS_TEST_TMPDIR/err") =~ note:\ this\ may\ take\ [0-9]+\ minutes ]]
}

@test "an_interrupt_writes_what_was_found" {
    "$SMT_BIN/sipmemtest" --oom "$corpus" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    # interrupt once a sweep has begun to show results; set ends a wait for nothing
    until grep -q . "$BATS_TEST_TMPDIR/out"; do kill -0 "$pid"; done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?

    [ "$status" = 130 ]
    grep -q TRUNCATED "$BATS_TEST_TMPDIR/out"
    grep -q '^sipmemtest: interrupted' "$BATS_TEST_TMPDIR/err"
}

@test "a_heap_limit_run_is_told_like_a_sweep" {
    sipmemtest --repeat 3 --heap-limit 4k "$invite"
    contains "OOM limit" "$out"
    contains "1 clean" "$out"

    sipmemtest --repeat 3 --heap-limit 64m "$invite"
    exits 0
    contains "nothing refused" "$out"
}

@test "a_token_whose_stack_is_gone_says_so" {
    sipmemtest --replay osip:transient:0123456789abcdef.0123456789abcdef.1.5 "$invite"
    exits 0
    contains "call stack is not in this message" "$err"
}
