#!/usr/bin/env bats
# bench/fuzz/run: the figures are the machine's, that there are some is ours.
load common

@test "the_fuzzing_bench_prints_every_bug_of_the_deep_selftest" {
    [ -n "${SMT_LONG-}" ] || skip "builds fuzz targets: scripts/test --long"
    command -v clang >/dev/null || skip "no clang"
    "$SMT_ROOT/bench/fuzz/run" --quick --part deep --part mutator >"$BATS_TEST_TMPDIR/out"

    [ "$(grep -c '^| deep-' "$BATS_TEST_TMPDIR/out")" = "$(ls "$selftest"-deep/bug-*.sip | wc -l)" ]
    grep -q 'mutations a second' "$BATS_TEST_TMPDIR/out"
}

@test "the_fuzzing_bench_says_which_part_it_does_not_know" {
    run "$SMT_ROOT/bench/fuzz/run" --part nope

    [ "$status" = 2 ]
    [[ $output == *"'speed', 'mutator', 'deep', 'afl'"* ]]
}
