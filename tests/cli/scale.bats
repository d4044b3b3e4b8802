# A sweep over several machines, processes and sittings gives what one gives.
load common

setup()
{
    dir=$BATS_TEST_TMPDIR
    some=("$corpus/invite.sip" "$corpus/auth-aka.sip" "$corpus/bye-basic.sip"
        "$corpus/options-basic.sip" "$corpus/register-basic.sip")
    sweep=(--oom --repeat 3)
}

# findings FILE: how many unique ones its summary counts
findings()
{
    sed -n 's/.*"unique_findings":\([0-9]*\).*/\1/p' "$1"
}

# shards N ARGUMENT...: DIR/1.json ... DIR/N.json
shards()
{
    local n=$1 i
    shift
    for ((i = 1; i <= n; i++)); do
        sipmemtest "$@" --shard "$i/$n" --format "json:$dir/$i.json"
        [ "$status" -le 1 ] || exits 1
    done
}

# --- shards ------------------------------------------------------------------------------

@test "three_shards_merged_equal_one_machine_in_every_mode" {
    modes=(--oom-mode transient,persistent,window:3,double,limit)
    sipmemtest "${sweep[@]}" "${modes[@]}" --format "json:$dir/one" "${some[@]}"
    exits 1
    shards 3 "${sweep[@]}" "${modes[@]}" "${some[@]}"

    sipmemtest merge "$dir/2.json" "$dir/1.json" "$dir/3.json"

    exits 1
    [ "$(findings "$dir/one")" -gt 50 ]
    same "$dir/one" "$dir/out"
}

@test "three_shards_merged_equal_one_machine_for_every_planted_bug" {
    # where a hang is interrupted and where a stack ends differs from process to process
    bugs=$(ls "$selftest"/bug-*.sip | grep -v -e hang -e nondeterministic -e crash-stack)
    sipmemtest "${sweep[@]}" --parser selftest --timeout 1 --format "json:$dir/one" $bugs
    exits 1
    shards 3 "${sweep[@]}" --parser selftest --timeout 1 $bugs

    sipmemtest merge "$dir"/[123].json

    exits 1
    same "$dir/one" "$dir/out"
}

@test "whole_corpus_in_three_shards_merged_equals_one_machine" {
    [ -n "${SMT_LONG:-}" ] || skip "long"
    sipmemtest "${sweep[@]}" --format "json:$dir/one" "$corpus"
    exits 1
    shards 3 "${sweep[@]}" "$corpus"

    sipmemtest merge "$dir"/[123].json

    exits 1
    same "$dir/one" "$dir/out"
}

@test "shards_divide_the_injections_and_only_one_checks_a_message" {
    shards 3 "${sweep[@]}" "$invite"

    counts=$(sed -n 's/.*"type":"summary".*"injections":\([0-9]*\),.*/\1/p' "$dir"/[123].json)
    whole=$(($(tr '\n' '+' <<<"$counts")0))
    largest=$(sort -n <<<"$counts" | tail -1)

    [ $((largest * 3 - whole)) -le 6 ]
    [ "$(cat "$dir"/[123].json | grep -c '"type":"message"')" = 1 ]
}

@test "merge_writes_every_format_as_the_sweep_does" {
    sipmemtest "${sweep[@]}" --format "text:$dir/one" "${some[@]}"
    shards 2 "${sweep[@]}" "${some[@]}"

    sipmemtest merge --format text "$dir"/[12].json

    exits 1
    cmp <(sed 's/ in [0-9.]* s$//' "$dir/one") <(sed 's/ in [0-9.]* s$//' "$dir/out")
}

@test "names_of_any_bytes_survive_the_merge" {
    odd="$dir"/$'odd \x80\\n\\x41 "\303\244"\t\e[1m.sip'
    cp "$invite" "$odd"
    sipmemtest "${sweep[@]}" --format "json:$dir/one" "$odd"
    exits 1
    shards 2 "${sweep[@]}" "$odd"

    sipmemtest merge "$dir"/[12].json

    exits 1
    same "$dir/one" "$dir/out"
}

@test "a_missing_shard_makes_the_result_truncated" {
    shards 3 "${sweep[@]}" "$invite"

    sipmemtest merge "$dir/1.json" "$dir/3.json"

    exits 3
    contains '"truncated":true' "$out"
    contains "missing shards 2" "$err"
}

# --- merge refuses ------------------------------------------------------------------------

# refuses TEXT FILE...: exit 2, said so, and nothing written
refuses()
{
    local text=$1
    shift
    echo untouched >"$dir/report"
    sipmemtest merge --format "json:$dir/report" "$@"
    exits 2 || return 1
    contains "$text" "$err" || return 1
    [ "$(cat "$dir/report")" = untouched ]
}

@test "merge_refuses_what_does_not_belong_together" {
    shards 2 "${sweep[@]}" "$invite"
    sipmemtest "${sweep[@]}" --shard 2/2 --format "json:$dir/messages" "$corpus/bye-basic.sip"
    sipmemtest "${sweep[@]}" --shard 2/2 --parser selftest --format "json:$dir/parser" "$invite"
    sipmemtest "${sweep[@]}" --shard 2/2 --oom-mode transient --format "json:$dir/modes" "$invite"
    sipmemtest "${sweep[@]}" --shard 2/2 --skip-site x --format "json:$dir/sites" "$invite"
    sed 's/"parser_version":"/&0/' "$dir/2.json" >"$dir/version"
    sed 's/"schema":1/"schema":2/' "$dir/2.json" >"$dir/schema"

    refuses "messages_hash is" "$dir/1.json" "$dir/messages"
    refuses 'parser is "selftest" here and "osip" there' "$dir/1.json" "$dir/parser"
    refuses "modes is" "$dir/1.json" "$dir/modes"
    refuses "skip_sites is" "$dir/1.json" "$dir/sites"
    refuses "parser_version is" "$dir/1.json" "$dir/version"
    refuses "schema 2" "$dir/1.json" "$dir/schema"
    refuses "both shard 1 of 2" "$dir/1.json" "$dir/1.json"
    refuses "1.json" "$dir/none/1.json"
}

@test "merge_names_the_line_that_is_cut_off" {
    shards 2 "${sweep[@]}" "$invite"
    lines=$(wc -l <"$dir/2.json")
    head -c -40 "$dir/2.json" >"$dir/cut"
    head -n -1 "$dir/2.json" >"$dir/short"
    sed '3d' "$dir/1.json" >"$dir/hole"
    head -c 3000 /dev/urandom >"$dir/noise"

    refuses "cut:$lines: " "$dir/1.json" "$dir/cut"
    refuses "short:$((lines - 1)): ends without a summary" "$dir/1.json" "$dir/short"
    refuses "noise:1: " "$dir/1.json" "$dir/noise"
    refuses "no run" "$dir/short.no" "$dir/1.json" || refuses "cannot read" "$dir/short.no"
}

@test "a_shard_beyond_the_last_is_refused" {
    sipmemtest --oom --shard 5/4 "$invite"
    complains "--shard: '5/4'"
    sipmemtest --oom --shard 0/4 "$invite"
    complains "--shard: '0/4'"
}

# --- jobs ---------------------------------------------------------------------------------

@test "several_processes_give_the_result_of_one" {
    sipmemtest "${sweep[@]}" --format "json:$dir/one" --format "text:$dir/one.txt" "${some[@]}"

    for jobs in 2 3; do
        sipmemtest "${sweep[@]}" --jobs "$jobs" --format "json:$dir/jobs" --format text "${some[@]}"

        exits 1
        same "$dir/one" "$dir/jobs"
        cmp <(sed 's/ in [0-9.]* s$//' "$dir/one.txt") <(sed 's/ in [0-9.]* s$//' "$dir/out")
    done
}

@test "a_shard_done_by_several_processes_is_the_same_shard" {
    sipmemtest "${sweep[@]}" --shard 2/3 --format "json:$dir/one" "${some[@]}"

    sipmemtest "${sweep[@]}" --shard 2/3 --jobs 2 --format "json:$dir/jobs" "${some[@]}"

    exits 1
    same "$dir/one" "$dir/jobs"
}

@test "several_processes_do_clean_checks_too" {
    sipmemtest --repeat 3 --format "json:$dir/one" "${some[@]}"

    sipmemtest --repeat 3 --jobs 2 --format "json:$dir/jobs" "${some[@]}"

    exits 0
    same "$dir/one" "$dir/jobs"
}

# children_of PID: the processes that it has started
children_of()
{
    local found=
    read -r found <"/proc/$1/task/$1/children" || true
    echo "$found"
}

@test "a_process_that_dies_is_said_and_the_rest_reported" {
    "$SMT_BIN/sipmemtest" --oom --jobs 2 --range 1-40 --format "json:$dir/jobs" "$corpus" \
        2>"$dir/err" &
    parent=$!
    until victim=$(children_of $parent) && [ -n "$victim" ]; do kill -0 $parent; done

    kill -9 ${victim%% *}
    status=0
    wait $parent || status=$?

    [ "$status" = 3 ]
    contains "died of signal 9" "$(cat "$dir/err")"
    contains '"truncated":true' "$(tail -1 "$dir/jobs")"
}

@test "an_interrupt_ends_all_processes_and_reports_so_far" {
    "$SMT_BIN/sipmemtest" --oom --jobs 2 --format "json:$dir/jobs" --resume "$dir/journal" \
        "$corpus" 2>"$dir/err" &
    parent=$!
    until grep -q '"type":"part"' "$dir/journal" 2>/dev/null; do kill -0 $parent; done
    children=$(children_of $parent)

    kill -INT $parent
    status=0
    wait $parent || status=$?

    [ "$status" = 130 ]
    [ "$(wc -w <<<"$children")" = 2 ]
    for child in $children; do ! kill -0 "$child" || return 1; done
    contains '"truncated":true' "$(tail -1 "$dir/jobs")"
    grep -q '"type":"finding"' "$dir/jobs"
}

# --- resume -------------------------------------------------------------------------------

# kills N JOBS: kill -9 at N random moments, then to the end; compared with one
kills()
{
    local n=$1 jobs=$2 i seed=${SMT_SEED:-$RANDOM} parent
    echo "SMT_SEED=$seed"
    RANDOM=$seed
    rm -f "$dir/journal"
    for ((i = 0; i < n; i++)); do
        "$SMT_BIN/sipmemtest" "${sweep[@]}" --jobs "$jobs" --resume "$dir/journal" \
            --format "json:$dir/killed" "${some[@]}" 2>>"$dir/err" &
        parent=$!
        perl -e 'select undef, undef, undef, $ARGV[0] / 1000' $((RANDOM % 150))
        kill -9 $parent 2>/dev/null || true
        wait $parent || true
    done
    sipmemtest "${sweep[@]}" --jobs "$jobs" --resume "$dir/journal" --format "json:$dir/end" \
        "${some[@]}"
    exits 1
    same "$dir/one" "$dir/end"
}

@test "killed_at_twenty_random_moments_it_continues_to_the_same_result" {
    sipmemtest "${sweep[@]}" --format "json:$dir/one" "${some[@]}"

    kills 20 1
    kills 20 2
}

@test "what_is_done_is_not_done_twice" {
    sipmemtest "${sweep[@]}" --resume "$dir/journal" --format "json:$dir/one" "${some[@]}"
    exits 1
    records=$(grep -c '"type":"part"' "$dir/journal")
    before=$(md5sum <"$dir/journal")

    sipmemtest "${sweep[@]}" --resume "$dir/journal" --format "json:$dir/two" "${some[@]}"

    exits 1
    [ "$records" = ${#some[@]} ]
    [ "$(md5sum <"$dir/journal")" = "$before" ]
    same "$dir/one" "$dir/two"
}

@test "a_record_that_was_cut_off_is_done_again" {
    sipmemtest "${sweep[@]}" --resume "$dir/journal" --format "json:$dir/one" "${some[@]}"
    head -c -1000 "$dir/journal" >"$dir/cut"

    sipmemtest "${sweep[@]}" --resume "$dir/cut" --format "json:$dir/two" "${some[@]}"

    exits 1
    same "$dir/one" "$dir/two"
}

@test "the_journal_of_another_run_is_refused_and_left_alone" {
    sipmemtest "${sweep[@]}" --resume "$dir/journal" --format json "$invite"
    before=$(md5sum <"$dir/journal")
    echo "no journal" >"$dir/text"

    for other in "$corpus/bye-basic.sip" "--parser selftest $invite" "--oom-mode limit $invite" \
        "--jobs 2 $invite"; do
        echo untouched >"$dir/report"
        sipmemtest "${sweep[@]}" --resume "$dir/journal" --format "json:$dir/report" $other
        complains "is the journal of another run"
        [ "$(cat "$dir/report")" = untouched ]
    done
    sipmemtest "${sweep[@]}" --resume "$dir/text" "$invite"
    complains "is no journal"

    [ "$(md5sum <"$dir/journal")" = "$before" ]
    [ "$(cat "$dir/text")" = "no journal" ]
}

@test "a_journal_that_cannot_be_written_is_an_error" {
    sipmemtest "${sweep[@]}" --resume "$dir/none/journal" "$invite"

    exits 3
    contains "cannot open" "$err"
}

# --- a message that needs more memory than there is ---------------------------------------

# little COMMAND...: told, with 400 MB to take memory from, of which a run gets half
little() { told bash -c 'ulimit -d 400000; exec "$@"' little "$SMT_BIN/sipmemtest" "$@"; }

# DIR/large.sip: a header that is copied more often than 200 MB hold
large_make()
{
    {
        printf 'OPTIONS sip:a@b SIP/2.0\r\nX: '
        head -c 14000000 /dev/zero | tr '\0' x
        printf '\r\n\r\n'
    } >"$dir/large.sip"
    all=("$corpus/bye-basic.sip" "$dir/large.sip" "$corpus/options-basic.sip" /no/such)
}

@test "a_message_that_needs_too_much_memory_is_left_out_and_the_others_run" {
    large_make

    little "${sweep[@]}" "${all[@]}"

    exits 2
    contains "large.sip: left out from here on: a run needs more memory" "$err"
    [ "$(wc -l <<<"$err")" = 2 ]
    contains "3) $corpus/options-basic.sip ... OK" "$out"
    contains "2 messages," "$out"
    contains "2 inputs could not be used" "$out"
    [[ $out != *TRUNCATED* ]]
}

@test "a_message_that_needs_too_much_memory_counts_once_however_the_sweep_is_divided" {
    large_make
    sweep=(--oom=1-9 --repeat 2)
    little "${sweep[@]}" "${all[@]}" --format "json:$dir/whole.json"

    little "${sweep[@]}" "${all[@]}" --jobs 2 --resume "$dir/journal" --format "json:$dir/jobs.json"
    exits 2
    [ "$(wc -l <<<"$err")" = 2 ]
    same "$dir/whole.json" "$dir/jobs.json"

    little "${sweep[@]}" "${all[@]}" --jobs 2 --resume "$dir/journal" --format "json:$dir/again.json"
    exits 2
    contains "large.sip: left out" "$err"
    same "$dir/whole.json" "$dir/again.json"

    for n in 1 2; do
        little "${sweep[@]}" "${all[@]}" --shard $n/2 --format "json:$dir/$n.json"
        exits 2
    done
    sipmemtest merge "$dir/1.json" "$dir/2.json" --format "json:$dir/merged.json"
    exits 2
    contains "large.sip: left out" "$err"
    same "$dir/whole.json" "$dir/merged.json"
}

@test "nothing_but_messages_that_need_too_much_memory_is_one_complaint" {
    large_make

    little --oom "$dir/large.sip"

    complains "large.sip: left out"
    contains "1 input could not be used" "$out"
}

# --- budget -------------------------------------------------------------------------------

@test "a_budget_is_kept_exactly_and_its_seed_repeats_the_choice" {
    for seed in 7 7 8; do
        sipmemtest "${sweep[@]}" --oom-mode transient --oom-budget 500 --seed $seed \
            --format json "${some[@]}"
        exits 1
        contains '"injections":500,' "$(tail -1 "$dir/out")"
        contains '"budget_spent":true' "$out"
        result "$dir/out" >"$dir/chosen.$seed${first:-}"
        first=.first
    done

    cmp "$dir/chosen.7" "$dir/chosen.7.first"
    ! cmp -s "$dir/chosen.7" "$dir/chosen.8.first"
}

@test "a_budget_takes_new_sites_first" {
    sipmemtest "${sweep[@]}" --oom-mode transient --oom-budget 40 --seed 1 --format json "$invite"

    exits 1
    [ "$(grep -c '"type":"site".*"refused":{"transient":1}' "$dir/out")" = 40 ]
}

@test "a_budget_that_ran_out_is_said_and_decides_no_exit_status" {
    sipmemtest "${sweep[@]}" --oom-budget 3 --seed 1 --parser selftest "$invite"

    exits 0
    contains "budget" "$out"
    contains "seed 1" "$out"
    [[ $out != *TRUNCATED* ]]
}

@test "processes_share_a_budget" {
    sipmemtest "${sweep[@]}" --jobs 2 --oom-budget 61 --seed 7 --format json "${some[@]}"

    exits 1
    contains '"injections":61,' "$(tail -1 "$dir/out")"
}

# --- known findings ------------------------------------------------------------------------

@test "only_new_findings_fail_and_fixed_ones_are_listed" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    exits 0
    cp "$dir/known" "$dir/more"
    printf 'osip/leak/00000000000000ff\trefused in gone\t\n' >>"$dir/more"

    sipmemtest "${sweep[@]}" --known "$dir/more" --format text --format "json:$dir/json" "$invite"

    exits 0
    contains "osip/leak/00000000000000ff" "$out"
    contains "refused in gone" "$out"
    contains '"fixed":["osip/leak/00000000000000ff"]' "$(tail -1 "$dir/json")"
    contains '"fixed_findings":1' "$(tail -1 "$dir/json")"

    sed -i '3d' "$dir/known"
    sipmemtest "${sweep[@]}" --known "$dir/known" "$invite"
    exits 1
    contains ": 1 new" "$out"
}

@test "the_list_is_sorted_text_and_comes_out_the_same_again" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    cp "$dir/known" "$dir/before"

    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"

    exits 0
    cmp "$dir/known" "$dir/before"
    grep -v '^#' "$dir/known" | LC_ALL=C sort -c
    grep -q $'^osip/[a-z-]*/[0-9a-f]*\trefused in ' "$dir/known"
}

@test "a_part_of_the_sweep_removes_nothing_from_the_list" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "${some[@]}"
    cp "$dir/known" "$dir/before"

    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known --range 1 "${some[@]}"

    exits 0
    cmp <(cut -f1 "$dir/known") <(cut -f1 "$dir/before")
}

@test "merge_knows_the_known_findings" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    printf 'osip/leak/00000000000000ff\trefused in gone\t\n' >>"$dir/known"
    sipmemtest "${sweep[@]}" --known "$dir/known" --format "json:$dir/one" "$invite"
    shards 2 "${sweep[@]}" "$invite"

    sipmemtest merge --known "$dir/known" "$dir"/[12].json

    exits 0
    same "$dir/one" "$dir/out"
}

@test "a_list_made_with_another_version_is_noted" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    sed -i 's/^# parser osip .*/# parser osip 4.0.0/' "$dir/known"

    sipmemtest "${sweep[@]}" --known "$dir/known" "$invite"

    exits 0
    contains "note: $dir/known was made with parser osip 4.0.0, this is osip" "$err"
}

@test "findings_may_be_known_from_several_lists" {
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    grep -e '^#' -e /leak/ "$dir/known" >"$dir/leaks"
    grep -v /leak/ "$dir/known" >"$dir/others"

    sipmemtest "${sweep[@]}" --known "$dir/leaks" "$invite"
    exits 1
    sipmemtest "${sweep[@]}" --known "$dir/leaks" --known "$dir/others" "$invite"
    exits 0
    sipmemtest "${sweep[@]}" --known "$dir/leaks" --known "$dir/others" --update-known "$invite"
    exits 2
    complains "writes one file"
}

@test "a_broken_line_of_the_list_is_named" {
    printf '# sipmemtest\nosip/leak/0123456789abcdef\tx\n<<<<<<< HEAD\n' >"$dir/known"
    cp "$dir/known" "$dir/before"
    echo untouched >"$dir/report"

    sipmemtest "${sweep[@]}" --known "$dir/known" --format "json:$dir/report" "$invite"
    complains "known:3: "
    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    complains "known:3: "

    cmp "$dir/known" "$dir/before"
    [ "$(cat "$dir/report")" = untouched ]
}

@test "a_list_that_is_not_there_is_an_error_unless_it_is_to_be_made" {
    sipmemtest "${sweep[@]}" --known "$dir/known" "$invite"
    complains "known"
    [ ! -e "$dir/known" ]

    sipmemtest "${sweep[@]}" --known "$dir/known" --update-known "$invite"
    exits 0
    [ -s "$dir/known" ]
}

@test "whoever ignores SIGCHLD gets the same result" {
    run timeout -k 1 60 env --ignore-signal=CHLD "$SMT_BIN/sipmemtest" --parser selftest --jobs 2 --oom -q \
        "$selftest/healthy-minimal.sip"
    [ "$status" = 0 ]
    [[ $output == *"no findings"* ]]
}
