# mtctl serve when memory really runs out: a refusal, and it goes on serving.
load mtctl

group=
teardown()
{
    [ -z "$server" ] || kill -KILL "$server"
    [ ! -s "$BATS_TEST_TMPDIR/pid" ] || kill -KILL "$(<"$BATS_TEST_TMPDIR/pid")" || true
    [ -z "$group" ] || for ((i = 0; i < 100; i++)); do rmdir "$group" && break || sleep 0.05; done
}

# group_make BYTES: sets $group to a fresh memory cgroup with that limit
group_make()
{
    local parent file
    for parent in /sys/fs/cgroup/memory /sys/fs/cgroup; do
        mkdir "$parent/mtctl-test-$$" 2>/dev/null || continue
        group=$parent/mtctl-test-$$
        for file in memory.limit_in_bytes memory.max; do
            [ ! -e "$group/$file" ] || ! echo "$1" 2>/dev/null >"$group/$file" || return 0
        done
        rmdir "$group"
        group=
    done
    return 1
}

# exhausts BACKEND [LIBRARY]: 3 GB of address space, 4 GB asked for, twice
exhausts()
{
    local backend=$1 library=$2

    (
        ulimit -v 3000000
        LD_PRELOAD=$library exec "$SMT_BIN/mtctl" serve -q --backend "$backend" \
            --memory-limit 100g --listen "unix:$socket" --background \
            --pid-file "$BATS_TEST_TMPDIR/pid"
    ) >/dev/null 3>&-
    for time in 1 2; do
        refuses "400 - memory allocation failed" -s "unix:$socket" mem_rnd_alloc 500 60000 4000000000
        answers "mtctl $("$SMT_BIN/mtctl" -q core.version | cut -d' ' -f2)" -s "unix:$socket" core.version
    done
    mtctl -s "unix:$socket" mem_free m
    exits 0
    [ "$out" -gt 1000 ]
    # The others keep address space for the thread that had it.
    [ -n "$library" ] || answers '' -s "unix:$socket" mem_rnd_alloc 500 60000 50000000
    kill "$(<"$BATS_TEST_TMPDIR/pid")"
    gone "$BATS_TEST_TMPDIR/pid"
}

@test "exhausted libc: 400, others are answered, freeing makes room" {
    exhausts libc
}

@test "exhausted heap: 400, others are answered, freeing makes room" {
    exhausts heap
}

@test "exhausted mimalloc: 400, others are answered" {
    ldconfig -p | grep -qF libmimalloc.so.2 || skip "libmimalloc.so.2 is not installed"
    exhausts libc libmimalloc.so.2
}

@test "exhausted jemalloc: 400, others are answered" {
    ldconfig -p | grep -qF libjemalloc.so.2 || skip "libjemalloc.so.2 is not installed"
    exhausts libc libjemalloc.so.2
}

@test "in a cgroup, 80 % of what it allows is the limit: 400 before the kernel acts" {
    group_make 67108864 || skip "no memory cgroup can be made here"
    bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$SMT_BIN/mtctl" serve -q \
        --listen "unix:$socket" --background --pid-file "$BATS_TEST_TMPDIR/pid" >/dev/null 3>&-

    for sizes in '16 256' '500 60000'; do
        refuses '400 - memory allocation failed' -s "$socket" mem_rnd_alloc $sizes 1000000000
        mtctl -s "$socket" mem_free m
        exits 0
        [ "$out" -ge 20 ] && [ "$out" -le 52 ]
    done
    answers '' -s "$socket" mem_rnd_alloc 500 60000 20000000
}
