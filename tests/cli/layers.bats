# scripts/check-layers: a checker that lets everything pass checks nothing.
load common

setup()
{
    src=$BATS_TEST_TMPDIR/src
    mkdir -p "$src/heap" "$src/sweep" "$src/run"
    echo '#include "base/base.h"' >"$src/heap/heap.c"
}

@test "the_tree_keeps_its_layers" {
    run "$SMT_ROOT/scripts/check-layers"

    [ "$status" = 0 ]
    [[ $output =~ [0-9]{2,}" files, 0 wrong includes" ]]
}

@test "includes_of_lower_front_doors_and_named_doors_pass" {
    printf '%s\n' '#include "sweep/inside.h"' '#include "run/run.h"' '#include "run/verdict.h"' \
        '#include <uthash.h>' >"$src/sweep/sweep.c"

    run "$SMT_ROOT/scripts/check-layers" "$src"

    [ "$status" = 0 ]
}

@test "an_upward_include_fails_with_file_and_line" {
    printf '%s\n' '/* x */' '#include "sweep/sweep.h"' >"$src/heap/arena.c"

    run "$SMT_ROOT/scripts/check-layers" "$src"

    [ "$status" != 0 ]
    contains "arena.c:2: " "$output"
    contains "heap/ must not know sweep/" "$output"
}

@test "a_back_door_fails" {
    echo '  #  include "heap/arena.h"' >"$src/run/worker.c"

    run "$SMT_ROOT/scripts/check-layers" "$src"

    [ "$status" != 0 ]
    contains 'front door, "heap/heap.h"' "$output"
}

@test "unknown_rooms_and_empty_trees_fail" {
    mkdir "$src/attic" "$BATS_TEST_TMPDIR/empty"
    echo '#include "cellar/cellar.h"' >"$src/attic/attic.c"

    run "$SMT_ROOT/scripts/check-layers" "$src"
    [ "$status" != 0 ]
    contains "attic/ is not in the list" "$output"
    contains "cellar" "$output"

    run "$SMT_ROOT/scripts/check-layers" "$BATS_TEST_TMPDIR/empty"
    [ "$status" != 0 ]
}
