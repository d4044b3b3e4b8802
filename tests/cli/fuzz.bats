# scripts/fuzz: most of it with engines that are small scripts, so that no compiler
# and no minute is needed; the real ones with SMT_LONG.
load common

setup()
{
    dir=$BATS_TEST_TMPDIR
    fuzz=$SMT_ROOT/scripts/fuzz
    export SMT_FUZZ_BUILD_ROOT=$dir/build SMT_FUZZ_CAMPAIGNS=$dir/campaign SMT_BIN
    export SMT_FUZZ_TICK=0.1 SMT_FUZZ_HOST=here
    unset ASAN_OPTIONS SMT_FUZZ_KNOWN
    campaign=$dir/campaign/libfuzzer/message
    patient_ticks
}

fuzz()
{
    rm -f "$dir/acted"
    told "$fuzz" "$@"
}

# The tick of a campaign lasts until the target has acted: its time, a second or less, may
# be over before a busy machine has started it.
patient_ticks()
{
    mkdir "$dir/ticks"
    cat >"$dir/ticks/sleep" <<END
#!/bin/bash
[ "\$1" != "$SMT_FUZZ_TICK" ] || until [ -e "$dir/acted" ]; do $(command -v sleep) 0.01; done
exec $(command -v sleep) "\$@"
END
    chmod +x "$dir/ticks/sleep"
    export PATH=$dir/ticks:$PATH
}

# A target that behaves as libFuzzer's does, and stays until it is told to go. What
# it does besides is in $FAKE.
fake_target()
{
    mkdir -p "$dir/build/fuzz/fuzz"
    cat >"$dir/build/fuzz/fuzz/fuzz_$1" <<'END'
#!/bin/bash
folders=() merge=
for argument; do
    case $argument in
    -artifact_prefix=*) prefix=${argument#*=} ;;
    -merge=1) merge=1 ;;
    -runs=0) printf "#2\tINITED cov: 50 ft: 60 corp: 2/3b\n" && exit 0 ;;
    -*) ;;
    *) folders+=("$argument") ;;
    esac
done
if [ -n "$merge" ]; then
    cp "$(find "${folders[@]:1}" -type f | sort | head -n 1)" "${folders[0]}/"
    exit 0
fi
trap 'exit 72' INT TERM
trap 'touch "${0%/build/*}/acted"' EXIT
echo "INFO: Loaded 1 modules   (200 inline 8-bit counters): 200 [0x1, 0x2),"
echo "#1000: cov: 50 ft: 60 corp: 2 exec/s 0 oom/timeout/crash: 0/0/0 time: 10s job: 1 dft_time: 0"
echo $$ >"${folders[0]}/input-$$"
eval "$FAKE"
touch "${0%/build/*}/acted"
while sleep 0.05; do :; done
END
    chmod +x "$dir/build/fuzz/fuzz/fuzz_$1"
}

fake_afl()
{
    mkdir -p "$dir/bin" "$dir/build"/fuzz-afl{,-asan,-cmplog}/fuzz
    printf '#!/bin/sh\n' | tee "$dir/bin/afl-fuzz" "$dir/build"/fuzz-afl{,-asan,-cmplog}/fuzz/fuzz_{message,oom} >/dev/null
    chmod +x "$dir/bin/afl-fuzz" "$dir/build"/fuzz-afl*/fuzz/fuzz_*
    export PATH=$dir/bin:$PATH
    export SMT_FUZZ_CORE_PATTERN=$dir/core_pattern
    echo core >"$SMT_FUZZ_CORE_PATTERN"
}

# A PATH without the programs named.
path_without()
{
    local folder=$dir/path name
    mkdir "$folder"
    ln -s /usr/bin/* "$folder/"
    for name; do rm -f "$folder"/$name; done
    export PATH=$folder
}

# --- command line -------------------------------------------------------------------------

@test "every_command_explains_itself" {
    fuzz --help
    exits 0
    contains "A night:" "$out"
    for each in build run status triage tmin cmin coverage sync; do
        contains "$each" "$out"
        "$fuzz" $each --help >"$dir/help"
        grep -q "scripts/fuzz $each" "$dir/help"
        grep -q "Exit status:" "$dir/help"
        head -n 1 "$dir/help" | grep -q '^[A-Z]'
        ! grep -q shellcheck "$dir/help" || return 1
        # every option that the code takes is explained
        for option in $(sed -nE "s/^    parse '([^']*)'.*/\1/p" "$SMT_ROOT/scripts/fuzz.d/$each.bash"); do
            grep -q -e "--${option%[=+]}" "$dir/help" || { echo "$each --$option"; return 1; }
        done
    done
}

@test "mistakes_on_the_command_line_end_with_2" {
    while read -r line; do
        fuzz $line
        exits 2 || { echo "$line"; return 1; }
        [ -n "$err" ]
    done <<'END'

nonsense
run
run --engine
run --engine foo --target message
run --engine libfuzzer --target foo
run --engine libfuzzer --target message --time never
run --engine libfuzzer --target message --time 0
run --engine libfuzzer --target message --jobs 0
run --engine libfuzzer --target message --min-free much
run --engine libfuzzer --target message --known /nowhere
run --engine libfuzzer --target message extra
status --time 1
status --line=1
status --campaign /nowhere
triage file
triage --target message /nowhere
triage --known /nowhere
tmin
tmin --target message
cmin
cmin --campaign /nowhere
coverage
coverage --target message /nowhere
sync
sync --engine libfuzzer --target message /tmp/x
build --installed --source /nowhere
build --engine foo
END
}

@test "no_clang_is_said_and_what_still_works" {
    path_without 'clang*' 'afl-*'

    fuzz build --engine libfuzzer
    exits 3
    contains "apt-get install clang" "$err"
    contains "still work" "$err"
    fuzz build
    exits 3
    fuzz run --engine libfuzzer --target message
    exits 3
    contains "apt-get install clang" "$err"
}

@test "no_afl_is_said_and_what_still_works" {
    path_without 'afl-*'

    fuzz build --engine afl
    exits 3
    contains "apt-get install afl++" "$err"
    fuzz run --engine afl --target message
    exits 3
    contains "--engine libfuzzer" "$err"
}

@test "targets_that_are_not_built_are_named" {
    fuzz run --engine libfuzzer --target message
    exits 3
    contains "scripts/fuzz build" "$err"
    [ ! -e "$campaign" ]
}

@test "a_minimiser_that_fails_is_not_an_input_that_gets_no_smaller" {
    fake_afl
    printf '#!/bin/sh\necho "PROGRAM ABORT: no memory"\nexit 1\n' >"$dir/bin/afl-tmin"
    chmod +x "$dir/bin/afl-tmin"
    echo x >"$dir/input"

    fuzz tmin --engine afl --target message "$dir/input"
    exits 3
    contains "no memory" "$err"
    contains "afl-tmin failed, exit status 1" "$err"
    ! grep -q 'gets no smaller' <<<"$err"
}

@test "a_target_that_does_not_start_is_not_an_input_that_gets_no_smaller" {
    mkdir -p "$dir/build/fuzz/fuzz"
    printf '#!/no/such/loader\n' >"$dir/build/fuzz/fuzz/fuzz_message"
    chmod +x "$dir/build/fuzz/fuzz/fuzz_message"
    echo x >"$dir/input"

    fuzz tmin --engine libfuzzer --target message "$dir/input"
    exits 3
    contains "fuzz_message does not start" "$err"
    ! grep -q 'gets no smaller' <<<"$err"
}

# --- running ------------------------------------------------------------------------------

@test "a_campaign_ends_with_its_time_and_keeps_its_corpus" {
    fake_target message

    FAKE= fuzz run --engine libfuzzer --target message --time 1 --jobs 1
    exits 0
    contains "time is over" "$err"
    [ "$(ls "$campaign/corpus" | wc -l)" = 1 ]
    [ "$(cat "$campaign/edges")" = 50 ]
    FAKE= fuzz run --campaign "$campaign" --time 1
    exits 0
    [ "$(ls "$campaign/corpus" | wc -l)" = 2 ]
}

@test "without_seeds_a_tiny_input_of_our_own_begins" {
    fake_target message

    SMT_BIN=$dir FAKE= fuzz run --engine libfuzzer --target message --time 1
    contains "tiny input" "$err"
    grep -q '^OPTIONS' "$campaign/seeds/tiny"
    mkdir "$dir/empty"
    fuzz run --engine libfuzzer --target message --seeds "$dir/empty"
    exits 2
    contains "no file with anything in it" "$err"
}

@test "finds_make_exit_status_1" {
    fake_target message

    FAKE='echo bug >"${prefix}crash-1"' fuzz run --engine libfuzzer --target message --time 1
    exits 1
    contains "1 artefact(s) more" "$err"
    # those of earlier times do not count again
    FAKE= fuzz run --engine libfuzzer --target message --time 1
    exits 0
}

@test "a_signal_ends_every_process_that_was_started" {
    fake_target message
    # one that hangs, and one that left the process group
    FAKE='echo $$ >>"$FAKE_PIDS"; (trap "" INT TERM; echo $BASHPID >>"$FAKE_PIDS"; exec sleep 600) &
        setsid bash -c "echo \$\$ >>$FAKE_PIDS; exec sleep 600" &' \
        FAKE_PIDS=$dir/pids "$fuzz" run --engine libfuzzer --target message --time 1h 2>"$dir/err" 3>&- &
    pid=$!
    until [ "$(wc -l <"$dir/pids" 2>/dev/null || echo 0)" = 3 ]; do sleep 0.05; done

    kill -TERM $pid
    status=0
    wait $pid || status=$?

    [ "$status" = 130 ]
    for each in $(<"$dir/pids"); do ! kill -0 "$each" 2>/dev/null; done
    [ "$(ls "$campaign/corpus" | wc -l)" = 1 ]
    [ ! -e "$campaign/tmp" ]
}

@test "what_jobs_had_not_handed_over_is_kept" {
    fake_target message

    FAKE='d=$TMPDIR/libFuzzerTemp.FuzzWithFork1.dir; mkdir -p $d/C7; echo new >$d/C7/fresh' \
        fuzz run --engine libfuzzer --target message --time 1
    [ "$(cat "$campaign/corpus/fresh")" = new ]
}

@test "what_jobs_had_not_handed_over_and_cannot_be_kept_stays_and_is_said" {
    fake_target message

    FAKE='d=$TMPDIR/libFuzzerTemp.FuzzWithFork1.dir; mkdir -p $d/C7; echo new >$d/C7/fresh; rm -r ${folders[0]}' \
        fuzz run --engine libfuzzer --target message --time 1
    contains "inputs of jobs stay in $campaign/tmp/libFuzzerTemp" "$err"
    [ "$(cat "$campaign"/tmp/*/C7/fresh)" = new ]
}

@test "a_running_campaign_is_not_started_again_and_status_says_it_runs" {
    fake_target message
    FAKE= "$fuzz" run --engine libfuzzer --target message --time 1h 2>/dev/null 3>&- &
    pid=$!
    until [ -n "$(ls "$campaign/corpus" 2>/dev/null)" ]; do sleep 0.05; done

    fuzz run --engine libfuzzer --target message
    exits 2
    contains "is running (process $pid)" "$err"
    fuzz status
    contains "running (process $pid)" "$out"
    fuzz cmin --campaign "$campaign"
    exits 2
    kill -TERM $pid
    wait $pid || true
    fuzz status
    contains "stopped" "$out"
}

@test "an_engine_that_ends_by_itself_is_a_failure_with_its_last_words" {
    fake_target message

    FAKE='echo "no such dictionary"; exit 1' fuzz run --engine libfuzzer --target message --time 1h
    exits 3
    contains "no such dictionary" "$err"
}

@test "a_full_disk_is_said_and_stops_the_campaign" {
    fake_target message
    mkdir "$dir/bin"
    printf '#!/bin/sh\necho Avail; cat "%s/free"\n' "$dir" >"$dir/bin/df"
    chmod +x "$dir/bin/df"
    echo 99999999999 >"$dir/free"

    PATH=$dir/bin:$PATH FAKE="echo 1000 >$dir/free" fuzz run --engine libfuzzer --target message --time 1h
    exits 3
    contains "disk is full" "$err"
    contains "make room" "$err"
    [ "$(ls "$campaign/corpus" | wc -l)" = 1 ]
    PATH=$dir/bin:$PATH fuzz run --engine libfuzzer --target message
    exits 3
    contains "nothing was started" "$err"
}

@test "a_folder_that_is_no_campaign_is_left_alone" {
    fake_target message
    mkdir "$dir/mine"
    echo precious >"$dir/mine/file"

    fuzz run --engine libfuzzer --target message --campaign "$dir/mine"
    exits 2
    [ "$(ls "$dir/mine")" = file ]
}

@test "findings_that_are_known_reach_the_target" {
    fake_target message
    echo '# beside' >"$dir/build/fuzz/fuzz/known-findings.txt"
    echo '# ours' >"$dir/known"

    FAKE='cp "$SMT_FUZZ_KNOWN" "${folders[0]}/known"' \
        fuzz run --engine libfuzzer --target message --time 1 --known "$dir/known"
    exits 0
    [ "$(sort "$campaign/corpus/known")" = $'# beside\n# ours' ]
}

@test "afl_gets_a_main_a_sanitizer_a_cmplog_instance_and_other_schedules" {
    fake_afl

    fuzz run --engine afl --target message --jobs 6 --time 90s --print
    exits 0
    [ "$(grep -c ' -M here-main ' <<<"$out")" = 1 ]
    grep ' -S here-asan ' <<<"$out" | grep -q 'fuzz-afl-asan/fuzz/fuzz_message$'
    grep ' -S here-cmplog ' <<<"$out" | grep -q ' -c .*fuzz-afl-cmplog/fuzz/fuzz_message '
    [ "$(sed -nE 's/.* -p ([a-z]+).*/\1/p' <<<"$out" | sort -u | wc -l)" -ge 4 ]
    [ "$(grep -c AFL_AUTORESUME=1 <<<"$out")" = 6 ]
    [ "$(grep -c ' -V 90 ' <<<"$out")" = 6 ]
    [[ $out != *AFL_I_DONT_CARE* ]]
}

@test "afl_is_told_about_the_tail_and_about_core_dumps_that_go_elsewhere" {
    fake_afl
    echo '|/usr/lib/handler' >"$SMT_FUZZ_CORE_PATTERN"

    fuzz run --engine afl --target oom --jobs 1 --print
    contains "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1" "$out"
    contains "core_pattern" "$err"
    [ ! -e "$SMT_BIN/../fuzz/sipmemtest-afl-mutator.so" ] || contains "SMT_FUZZ_TAIL=8" "$out"
    # explained once
    fuzz run --engine afl --target oom --jobs 1 --print
    [[ $err != *core_pattern* ]]
}

# --- status -------------------------------------------------------------------------------

@test "status_adds_up_what_both_engines_wrote" {
    mkdir -p "$campaign"/{logs,corpus,artefacts,triage/a} "$dir/campaign/afl/oom/sync"/{h-main,h-2}/{queue,crashes}
    printf 'engine=libfuzzer\ntarget=message\n' >"$campaign/campaign"
    printf 'INFO: Loaded 1 modules   (2000 inline 8-bit counters): 2000\n%s\n%s\n' \
        '#500: cov: 10 ft: 20 corp: 4 exec/s 0 oom/timeout/crash: 0/0/2 time: 5s job: 3 dft_time: 0' \
        '#30000: cov: 500 ft: 999 corp: 4 exec/s 0 oom/timeout/crash: 0/0/2 time: 10s job: 3 dft_time: 0' |
        tee "$campaign/logs/100-h.log" >"$campaign/logs/200-h.log"
    echo x | tee "$campaign/corpus/1" >"$campaign/corpus/2"
    echo x | tee "$campaign/artefacts/crash-1" >"$campaign/artefacts/crash-2"
    echo y >"$campaign/artefacts/crash-2"
    printf 'artefacts/crash-1\t%s\ty\n' "$(echo x | sha1sum | cut -c 1-40)" >"$campaign/triage/artefacts.tsv"
    echo osip/leak/1 >"$campaign/triage/a/signature"
    echo 500 >"$campaign/edges"
    printf 'engine=afl\ntarget=oom\n' >"$dir/campaign/afl/oom/campaign"
    printf '%s\n' 'run_time          : 3600' 'execs_done        : 1000000' 'execs_per_sec     : 250.10' \
        'execs_ps_last_min : 300.01' 'edges_found       : 900' 'total_edges       : 5000' 'saved_crashes     : 1' |
        tee "$dir/campaign/afl/oom/sync/h-main/fuzzer_stats" >"$dir/campaign/afl/oom/sync/h-2/fuzzer_stats"
    echo x >"$dir/campaign/afl/oom/sync/h-2/crashes/id:0"
    echo readme >"$dir/campaign/afl/oom/sync/h-2/crashes/README.txt"

    fuzz status
    exits 0
    contains "libfuzzer/message  stopped" "$out"
    contains "20 s, 2 session(s)" "$out"
    contains "3,000 exec/s, 60,000 executions" "$out"
    contains "999 features, 500 of 2000 edges (25.0 %)" "$out"
    contains "1 unique, 2 artefacts, 1 not sorted yet" "$out"
    contains "600 exec/s, 2,000,000 executions" "$out"
    contains "900 edges of 5000 (18.0 %)" "$out"
    contains "0 unique, 1 artefacts, 1 not sorted yet" "$out"
    fuzz status --line --engine afl
    [ "$(wc -l <<<"$out")" = 1 ]
}

@test "status_without_any_campaign_says_so" {
    fuzz status
    exits 0
    contains "no campaign" "$err"
}

# --- triage -------------------------------------------------------------------------------

@test "triage_tells_findings_apart_and_minimises_them" {
    cp "$selftest/bug-crash.sip" "$dir/one"
    { head -n 1 "$selftest/bug-crash.sip" && printf 'X-Other: 1\r\n' && tail -n +2 "$selftest/bug-crash.sip"; } >"$dir/two"
    cp "$selftest/bug-leak.sip" "$dir/three"
    cp "$selftest/healthy-minimal.sip" "$dir/four"
    cd "$dir"

    fuzz triage --target selftest --parser selftest one two three four
    exits 1
    contains "2 new, 0 known" "$out"
    crash=$(echo triage/selftest-crash-*)
    [ "$(cat "$crash/artefacts")" = $'one\ntwo' ]
    grep -q '^four.*not-repeated' triage/artefacts.tsv
    [ "$(stat -c %s "$crash/message.sip")" -le "$(stat -c %s one)" ]
    # what the report says repeats it
    sipmemtest $(sed -n 's/^sipmemtest \(.*replay.*\) message.sip$/\1/p' "$crash/README.md" | head -n 1) "$crash/message.sip"
    exits 1
    contains "$(cat "$crash/signature")" "$out"
}

@test "triage_does_not_do_it_twice_and_knows_what_is_known" {
    cp "$selftest/bug-leak.sip" "$dir/one"
    cd "$dir"
    fuzz triage --target selftest --parser selftest one
    exits 1
    # at the top of a list that is longer than what a pipe holds
    { cat triage/selftest-leak-*/signature && seq -f 'selftest/leak/%016.0f' 5000; } >known

    fuzz triage --target selftest --parser selftest one
    [[ $err != *one:* ]]
    fuzz triage --target selftest --parser selftest --again --known known one
    exits 0
    contains "0 new, 1 known" "$out"
    grep -q '| known |' triage/report.md
}

@test "triage_tells_contradictions_apart_as_the_target_does" {
    cd "$dir"
    fuzz triage --target message "$BATS_TEST_DIRNAME"/../../fuzz/regressions/message/{at-sign-in-user,auth-info-comma}.sip
    contains "2 known" "$out"
    [ "$(ls -d triage/osip-mismatch-*/ | wc -l)" = 2 ]
    [[ $err != *Aborted* ]]
}

@test "triage_goes_through_a_campaign" {
    folder=$dir/campaign/libfuzzer/selftest
    mkdir -p "$folder/artefacts"
    printf 'engine=libfuzzer\ntarget=selftest\n' >"$folder/campaign"
    cp "$selftest/bug-leak.sip" "$folder/artefacts/leak-1"
    cp "$selftest/bug-crash.sip" "$folder/artefacts/crash-1"

    fuzz triage --parser selftest --limit 1
    exits 1
    contains "1 artefact(s) wait" "$err"
    fuzz triage --parser selftest
    contains "2 new" "$out"
    fuzz status
    contains "2 unique, 2 artefacts, last" "$out"
}

@test "triage_splits_an_artefact_into_message_and_plan" {
    [ -x "$SMT_BIN/../fuzz/replay_oom" ] || skip "replay_oom is not built"
    # the 60th allocation alone: a parameter is lost
    { cat "$invite" && printf '\x00\x00\x3b\x00\x00\x00\x00\x00'; } >"$dir/one"
    cd "$dir"

    SMT_FUZZ_KNOWN= fuzz triage --target oom one
    [ "$status" -le 1 ] # some releases have it listed
    finding=$(dirname triage/osip-*/plan | head -n 1)
    [ "$(cat "$finding/plan")" = 60 ]
    cmp "$finding/original.sip" "$invite"
    cmp "$finding/artefact" one
    [ -s "$finding/finding.json" ]
}

@test "triage_puts_what_is_no_message_into_one" {
    printf 'BZ' >"$dir/header"
    printf 'sip:a' >"$dir/uri"
    printf 'v=0' >"$dir/sdp"
    cd "$dir"

    for each in header uri sdp; do
        fuzz triage --target ${each/header/headers} --output "$dir/$each.out" $each
        [ "$status" -le 1 ]
        head -c 1000 "$each.out"/*/message.sip >>"$dir/all"
    done
    grep -q '^Contact: Z' "$dir/all"
    grep -q '^OPTIONS sip:a SIP/2.0' "$dir/all"
    grep -q '^Content-Length: 3' "$dir/all"
}

# --- between nights -----------------------------------------------------------------------

@test "cmin_keeps_what_was_before_once" {
    fake_target message
    FAKE= fuzz run --engine libfuzzer --target message --time 1
    FAKE= fuzz run --engine libfuzzer --target message --time 1

    fuzz cmin --campaign "$campaign"
    exits 0
    contains "2 inputs, 1 are enough" "$err"
    [ "$(ls "$campaign/corpus" | wc -l)" = 1 ]
    [ "$(ls "$campaign/corpus.before" | wc -l)" = 2 ]
}

@test "cmin_that_fails_leaves_the_corpus_as_it_was" {
    fake_target message
    FAKE= fuzz run --engine libfuzzer --target message --time 1
    printf '#!/bin/sh\nexit 1\n' >"$dir/build/fuzz/fuzz/fuzz_message"

    fuzz cmin --campaign "$campaign"
    exits 3
    contains "stays as it was" "$err"
    [ "$(ls "$campaign/corpus" | wc -l)" = 1 ]
    [ ! -e "$campaign/corpus.new" ]
}

@test "sync_exchanges_and_deletes_nothing" {
    command -v rsync >/dev/null || skip "rsync is not installed"
    mkdir -p "$campaign"/{corpus,artefacts} "$dir/there"/{corpus,artefacts}
    printf 'engine=libfuzzer\ntarget=message\n' | tee "$campaign/campaign" >"$dir/there/campaign"
    echo a >"$campaign/corpus/a"
    echo b >"$dir/there/corpus/b"
    echo c >"$dir/there/artefacts/crash-c"

    fuzz sync --campaign "$campaign" "$dir/there"
    exits 0
    [ "$(ls "$campaign/corpus")" = $'a\nb' ]
    [ "$(ls "$dir/there/corpus")" = $'a\nb' ]
    [ "$(ls "$campaign/artefacts")" = crash-c ]
}

@test "sync_sends_our_instances_and_takes_the_others" {
    command -v rsync >/dev/null || skip "rsync is not installed"
    folder=$dir/campaign/afl/message
    mkdir -p "$folder/sync/here-main/queue" "$dir/there/sync"/{there-main,here-main}/queue
    printf 'engine=afl\ntarget=message\n' >"$folder/campaign"
    echo ours >"$folder/sync/here-main/queue/id:1"
    echo theirs >"$dir/there/sync/there-main/queue/id:1"
    echo old >"$dir/there/sync/here-main/queue/id:0"

    fuzz sync --campaign "$folder" "$dir/there"
    exits 0
    [ "$(cat "$folder/sync/there-main/queue/id:1")" = theirs ]
    [ "$(cat "$dir/there/sync/here-main/queue/id:1")" = ours ]
    [ ! -e "$folder/sync/here-main/queue/id:0" ]
}

@test "no_rsync_is_said" {
    mkdir -p "$campaign"
    printf 'engine=libfuzzer\ntarget=message\n' >"$campaign/campaign"
    path_without rsync

    fuzz sync --campaign "$campaign" "$dir/there"
    exits 3
    contains "apt-get install rsync" "$err"
}

# --- the real ones ------------------------------------------------------------------------

# The parser's source; these need it, and minutes.
need_source()
{
    [ -n "${SMT_LONG:-}" ] || skip "long"
    source=$("$SMT_ROOT/scripts/build-osip" --fetch-only 2>/dev/null) ||
        skip "SKIPPED, NOT TESTED: no source of libosip2 through apt here"
    unset SMT_FUZZ_TICK CC CXX CFLAGS CXXFLAGS
}

@test "both_engines_run_what_is_built_and_go_on_after_finds" {
    need_source
    command -v clang >/dev/null && command -v afl-fuzz >/dev/null || skip "clang and afl++ are not both installed"
    unset SMT_BIN

    fuzz build --source "$source"
    exits 0
    for engine in libfuzzer afl; do
        for target in message oom; do
            fuzz run --engine $engine --target $target --time 30 --jobs 2 --quiet
            [ "$status" -le 1 ] || exits 0
            fuzz status --engine $engine --target $target
            [[ $out =~ [1-9][0-9,]*' executions' && $out =~ [1-9][0-9]*' '(of [0-9]+ )?edges ]]
        done
        # again, from where it stopped
        before=$(find "$dir/campaign/$engine/message" -path '*/corpus/*' -o -path '*/queue/id*' | wc -l)
        fuzz run --engine $engine --target message --time 20 --jobs 1 --quiet
        [ "$status" -le 1 ] || exits 0
        [ "$(find "$dir/campaign/$engine/message" -path '*/corpus/*' -o -path '*/queue/id*' | wc -l)" -ge "$before" ]
        fuzz cmin --engine $engine --target message
        exits 0
    done
    fuzz triage --limit 5
    [ "$status" -le 1 ] || exits 0
    fuzz coverage --target message --source "$source"
    exits 0
    [ -s "$out" ]
}

@test "clusterfuzzlite_gets_targets_that_run_where_nothing_is_installed" {
    need_source
    command -v clang++ >/dev/null || skip "clang is not installed"
    export CC=clang CXX=clang++ CFLAGS='-O1 -fno-omit-frame-pointer -gline-tables-only -fsanitize=address -fsanitize=fuzzer-no-link'
    export CXXFLAGS=$CFLAGS LIB_FUZZING_ENGINE=-fsanitize=fuzzer SANITIZER=address
    export SRC=$dir/src WORK=$dir/work OUT=$dir/out
    mkdir "$SRC" "$WORK" "$OUT"
    ln -s "$source" "$SRC/libosip2"

    cd "$SMT_ROOT"
    .clusterfuzzlite/build.sh >"$dir/log" 2>&1 || { tail -n 30 "$dir/log"; return 1; }

    for target in message sdp uri headers oom selftest; do
        [ -s "$OUT/fuzz_$target.dict" ]
        [ -s "$OUT/fuzz_$target.options" ]
        mkdir "$dir/$target"
        (cd "$dir/$target" && unzip -q "$OUT/fuzz_${target}_seed_corpus.zip")
        # libraries that are no part of a bare system come from lib/ beside it
        ! LD_TRACE_LOADED_OBJECTS=1 "$OUT/fuzz_$target" | grep -v "$OUT/lib" | grep -E 'unwind|dw|elf|jansson|uv|xxhash'
        status=0
        (cd "$OUT" && ./fuzz_$target -max_total_time=5 -dict=fuzz_$target.dict "$dir/$target") >"$dir/run" 2>&1 || status=$?
        # it runs; what it finds is its business
        grep -qE '^#[0-9]+' "$dir/run"
        grep -qE 'DONE|sipmemtest-fuzz:|Sanitizer' "$dir/run"
    done
}

@test "clusterfuzzlite_without_its_environment_says_so" {
    cd "$SMT_ROOT"
    run env -u OUT .clusterfuzzlite/build.sh
    [ "$status" -eq 2 ]
    contains "is not set" "$output"
}
