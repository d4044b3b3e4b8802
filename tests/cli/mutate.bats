# sipmemtest mutate: bytes to standard output, everything else to standard error.

setup() {
    SMT_ROOT=$BATS_TEST_DIRNAME/../..
    SMT_BIN=${SMT_BIN:-$SMT_ROOT/build/release/src}
    message=$BATS_TEST_TMPDIR/message.sip
    printf '%s\r\n' 'OPTIONS sip:a@b.example SIP/2.0' 'Via: SIP/2.0/UDP h.example;branch=z9hG4bK1' \
        'To: <sip:a@b.example>' 'Content-Length: 0' '' >"$message"
}

mutate() { "$SMT_BIN/sipmemtest" mutate "$@"; }

@test "the same seed gives the same bytes, another seed others" {
    mutate --seed 3 "$message" >"$BATS_TEST_TMPDIR/a"
    mutate --seed 3 "$message" >"$BATS_TEST_TMPDIR/b"
    mutate --seed 4 "$message" >"$BATS_TEST_TMPDIR/c"
    cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    ! cmp -s "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/c"
    ! cmp -s "$BATS_TEST_TMPDIR/a" "$message"
}

@test "a drawn seed is told, and repeats the bytes" {
    mutate "$message" >"$BATS_TEST_TMPDIR/a" 2>"$BATS_TEST_TMPDIR/err"
    seed=$(sed -n 's/.*--seed \([0-9]*\)$/\1/p' "$BATS_TEST_TMPDIR/err")
    mutate --seed "$seed" "$message" | cmp - "$BATS_TEST_TMPDIR/a"
}

@test "standard input works like a file" {
    mutate --seed 3 - <"$message" >"$BATS_TEST_TMPDIR/a"
    mutate --seed 3 "$message" | cmp - "$BATS_TEST_TMPDIR/a"
}

@test "--op does exactly this operation" {
    run mutate --seed 1 --op header-name-form "$message"
    [ "$status" -eq 0 ]
    [ "$(mutate --seed 1 --op header-name-form "$message" | wc -l)" -eq 5 ]
    [[ "$output" == *$'\nv: SIP'* || "$output" == *$'\nt: <sip'* || "$output" == *$'\nl: 0'* ]]
}

@test "--count and --output write a file for each seed, as one by one" {
    mkdir "$BATS_TEST_TMPDIR/d"
    mutate --seed 5 --count 3 --output "$BATS_TEST_TMPDIR/d" "$message"
    [ "$(ls "$BATS_TEST_TMPDIR/d" | tr '\n' ' ')" = "5.sip 6.sip 7.sip " ]
    mutate --seed 6 "$message" | cmp - "$BATS_TEST_TMPDIR/d/6.sip"
    mutate --seed 5 --count 3 "$message" >"$BATS_TEST_TMPDIR/all"
    cat "$BATS_TEST_TMPDIR"/d/*.sip | cmp - "$BATS_TEST_TMPDIR/all"
}

@test "--list names every operation that --op takes" {
    names=$(mutate --list | sed -n '/^fix-ups/q;s/^  \([a-z0-9-]*\) .*/\1/p')
    [ "$(echo "$names" | wc -l)" -gt 80 ]
    for name in $names; do mutate --seed 1 --op "$name" "$message" >/dev/null; done
}

@test "--max-size is never exceeded" {
    for seed in 1 2 3 4 5 6 7 8 9; do
        [ "$(mutate --seed $seed --max-size 100 "$message" | wc -c)" -le 100 ]
    done
}

@test "help, completion and man page come from its option table" {
    run mutate --help
    [ "$status" -eq 0 ]
    [[ "$output" == *"Usage: sipmemtest mutate [OPTION...] FILE"*"--max-size=SIZE"*"Examples:"* ]]
    run "$SMT_BIN/sipmemtest" --print-completion bash
    [[ "$output" == *"part-fold"* ]]
    run "$SMT_BIN/sipmemtest" --print-man
    [[ "$output" == *".SH SIPMEMTEST MUTATE"*"max\\-size"* ]]
    run mutate --max-size 0 "$message"
    [ "$status" -eq 2 ]
    [ "$output" = "sipmemtest mutate: --max-size: '0' is no size from 1 to 64m" ]
}

@test "mistakes end with 2 and name what is wrong" {
    run mutate
    [ "$status" -eq 2 ]
    [[ "$output" == *"FILE"* ]]
    run mutate --seed x "$message"
    [ "$status" -eq 2 ]
    [[ "$output" == *"x"* ]]
    run mutate --op no-such "$message"
    [ "$status" -eq 2 ]
    [[ "$output" == *"--list"* ]]
    run mutate "$BATS_TEST_TMPDIR/none"
    [ "$status" -eq 2 ]
    [[ "$output" == *"none"* ]]
    run mutate "$message" "$message"
    [ "$status" -eq 2 ]
}

@test "a full disk ends with 3" {
    run bash -c '"$1" mutate --seed 1 "$2" >/dev/full' - "$SMT_BIN/sipmemtest" "$message"
    [ "$status" -eq 3 ]
    [[ "$output" == *"cannot write"* ]]
}
