# Fuzz targets without an engine: replay_TARGET of an ordinary build. That nothing
# is found in seeds and regressions is ctest's to say; here, that something would be.
load common

setup()
{
    replay=$SMT_BIN/../fuzz/replay
    seeds=$SMT_BIN/../fuzz/seeds
    regressions=$SMT_ROOT/fuzz/regressions
    [ -x "${replay}_oom" ] || skip "built without fuzz targets"
    unset SMT_FUZZ_IGNORE SMT_FUZZ_KNOWN_DEPTH SMT_FUZZ_PAGES SMT_FUZZ_HEAP
    export SMT_FUZZ_KNOWN=
}

@test "a_refusal_that_is_not_known_ends_the_process_with_its_plan_and_place" {
    run "${replay}_oom" "$seeds/oom"
    [ "$status" = 134 ]
    [[ "$output" =~ sipmemtest-fuzz:\ (leak|swallowed|wrong-code|corrupt):\ .*\;\ --oom-at\ [0-9].*\;\ refused\ in\ .*osip_.*/seeds/oom/ ]]
}

@test "the_plan_of_a_finding_repeats_it" {
    "${replay}_oom" -k "$seeds/oom" >/dev/null 2>"$BATS_TEST_TMPDIR/found" || [ $? = 1 ]
    line=$(grep -m 1 'wrong-code: parse .*--oom-at [0-9]*;' "$BATS_TEST_TMPDIR/found")
    plan=$(sed -E 's/.*--oom-at ([^;]*);.*/\1/' <<<"$line")
    head -c -8 "${line##*; }" >"$BATS_TEST_TMPDIR/message.sip"

    run "$SMT_BIN/sipmemtest" -q --oom-at "$plan" "$BATS_TEST_TMPDIR/message.sip"
    [ "$status" = 1 ]
    [[ "$output" == *WRONG-CODE* ]]
}

@test "every_finding_is_one_line_when_told_to_go_on" {
    run "${replay}_oom" -k "$seeds/oom"
    [ "$status" = 1 ]
    found=$(sed -nE 's/^oom: [0-9]+ inputs, ([0-9]+) with a finding/\1/p' <<<"$output")
    [ "$found" -gt 20 ]
    [ "$(grep -c '^sipmemtest-fuzz: ' <<<"$output")" = "$found" ]
}

@test "a_leak_of_a_clean_run_has_the_signature_that_sipmemtest_gives" {
    message=$regressions/message/two-content-types-in-a-part.sip
    run "${replay}_message" "$message"
    [ "$status" = 134 ]
    signature=$(grep -o 'osip/leak/[0-9a-f]*' <<<"$output")
    [ -n "$signature" ]

    run "$SMT_BIN/sipmemtest" -q "$message"
    [[ "$output" == *"signature: $signature"* ]]
}

@test "what_is_listed_is_let_through" {
    message=$regressions/message/two-content-types-in-a-part.sip
    signature=$("${replay}_message" "$message" 2>&1 | grep -o 'osip/leak/[0-9a-f]*') || true
    printf '%s\t\tas found\n' "$signature" >"$BATS_TEST_TMPDIR/known"

    SMT_FUZZ_KNOWN=$BATS_TEST_TMPDIR/known "${replay}_message" "$message"
    SMT_FUZZ_IGNORE=mismatch,leak "${replay}_message" "$message"
}

@test "a_header_that_changes_when_rendered_is_told_by_name" {
    printf 'B<sip:nora@192.0.2.10;x=%%>' >"$BATS_TEST_TMPDIR/contact"
    run "${replay}_headers" "$BATS_TEST_TMPDIR/contact"
    [ "$status" = 134 ]
    [[ "$output" == *"mismatch: roundtrip: rendered, parsed and rendered again: Contact at "* ]]
}

@test "settings_that_mean_nothing_end_with_2" {
    printf 'x' >"$BATS_TEST_TMPDIR/x"
    SMT_FUZZ_IGNORE=leaks run "${replay}_uri" "$BATS_TEST_TMPDIR/x"
    [ "$status" = 2 ]
    SMT_FUZZ_KNOWN_DEPTH=deep run "${replay}_uri" "$BATS_TEST_TMPDIR/x"
    [ "$status" = 2 ]
    SMT_FUZZ_KNOWN=/nonexistent run "${replay}_uri" "$BATS_TEST_TMPDIR/x"
    [ "$status" = 2 ]
    SMT_FUZZ_HEAP=libc SMT_FUZZ_PAGES=1 run "${replay}_uri" "$BATS_TEST_TMPDIR/x"
    [ "$status" = 2 ]
    run "${replay}_uri" --help
    [ "$status" = 2 ]
    [[ "$output" == usage:* ]]
}

@test "closer_looks_find_nothing_in_a_healthy_message" {
    run "${replay}_message" -p "$SMT_ROOT/corpus/invite.sip" "$SMT_ROOT/corpus/multipart-mixed-sdp.sip"
    [ "$status" = 0 ]
    [[ "$output" == *"2 inputs, nothing found"* ]]
}

@test "an_engine_without_its_compiler_says_what_still_works" {
    run cmake -S "$SMT_ROOT" -B "$BATS_TEST_TMPDIR/build" -DCMAKE_C_COMPILER=gcc -DSMT_FUZZ_ENGINE=libfuzzer
    [ "$status" != 0 ]
    [[ "$output" == *"needs clang"*"replay programs"*"still work"* ]]
    run cmake -S "$SMT_ROOT" -B "$BATS_TEST_TMPDIR/build" -DSMT_FUZZ_ENGINE=afl
    [ "$status" != 0 ]
    [[ "$output" == *"afl-clang-fast"*"still work"* ]]
}
