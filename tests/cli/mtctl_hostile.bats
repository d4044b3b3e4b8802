# mtctl serve and clients that mean no good: tests/cli/hostile.py makes each
# attack three times and compares the server's descriptors and memory.
load mtctl

# sanitized: whether the program brings a sanitizer's malloc
sanitized()
{
    nm -D "$SMT_BIN/mtctl" | grep -q __asan_init
}

# survives ATTACK: then the server stops as if nothing had been
survives()
{
    local memory=1

    ! sanitized || memory=0
    SMT_HOSTILE_MEMORY=$memory python3 "$SMT_ROOT/tests/cli/hostile.py" "$socket" "$server" "$1"
    server_stop
    [ "$status" = 0 ]
    [ "$(<"$BATS_TEST_TMPDIR/server.err")" = "mtctl: stopped, nothing was left allocated" ]
}

@test "hostile: packets cut anywhere, left half open, half closed or closed" {
    server_start "unix:$socket"
    survives truncated
}

@test "hostile: packets with a few bytes changed" {
    server_start "unix:$socket"
    survives noise
}

@test "hostile: messages without end" {
    server_start "unix:$socket"
    survives oversized
}

@test "hostile: clients that ask and do not read" {
    server_start "unix:$socket"
    survives slow
}

@test "hostile: clients killed in mid-answer" {
    server_start "unix:$socket"
    survives killed
}

@test "hostile: 10,000 connections" {
    server_start "unix:$socket"
    survives crowd
}

@test "hostile: more clients than descriptors" {
    limit="ulimit -n 64"
    server_start "unix:$socket"
    survives descriptors_gone
}

@test "hostile: messages until memory runs out" {
    ! sanitized || skip "a sanitizer needs all the address space there is"
    limit="ulimit -v 400000"
    server_start "unix:$socket"
    survives memory_gone
}

@test "others are answered within 50 ms while memory is filled" {
    ! sanitized || skip "a sanitizer is slow"
    server_start "unix:$socket"
    survives busy
}
