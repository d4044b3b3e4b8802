# Live memory: mtctl run, memscope, kmemleak, in programs that know nothing of it.
load common
bats_require_minimum_version 1.5.0

mtctl=$SMT_BIN/mtctl
sources=$SMT_ROOT/tests/cli/live

setup_file()
{
    [ -e "$SMT_BIN/libmtpreload.so" ] || skip "built with a sanitizer: no preload object"
    for name in leaks planted timers programs steps interposes; do
        cc -O1 -g -fno-builtin -pthread -I"$SMT_ROOT/src" -o "$BATS_FILE_TMPDIR/$name" \
            "$sources/$name.c" || return 1
    done
    cc -O1 -g -fno-builtin -shared -fPIC -o "$BATS_FILE_TMPDIR/library.so" "$sources/library.c"
    c++ -std=c++17 -O1 -g -fno-builtin -o "$BATS_FILE_TMPDIR/objects" "$sources/objects.cc"
    strip -o "$BATS_FILE_TMPDIR/stripped" "$BATS_FILE_TMPDIR/leaks"
}

# begin PROGRAM...: runs it in the background; $pid, its input and output as
# descriptors 7 and 8. Waits for its first line.
begin()
{
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
    "$mtctl" run "${options[@]}" -- "$@" \
        <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    exec 7>"$BATS_TEST_TMPDIR/in" 8<"$BATS_TEST_TMPDIR/out"
    read -r -t 20 line <&8
}

finish()
{
    exec 7>&- 8<&-
    wait "$pid"
}

# step: one line into the program, one out of it
step()
{
    echo >&7
    read -r -t 20 line <&8
}

# ask WORD...: sets $status and $output
ask()
{
    run "$mtctl" -s "pid:$pid" "$@"
}

# scan_twice: only what is unreachable both times is a leak
scan_twice()
{
    ask kmemleak scan
    ask kmemleak scan
}

# sizes: of the objects that kmemleak lists
sizes()
{
    "$mtctl" -s "pid:$pid" kmemleak | grep -oE '^unreferenced object 0x[0-9a-f]+ \(size [0-9]+' |
        grep -oE '[0-9]+$' | sort -n | tr '\n' ' '
}

@test "exactly the lost blocks are listed, direct and indirect, twice in a row" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    ask kmemleak scan
    [[ $output == "0 new suspected"* ]] # once is not enough
    ask kmemleak scan
    [[ $output == "4 new suspected memory leaks, 4 suspected"* ]]
    [ "$(sizes)" = "48 48 48 101 " ]
    ask kmemleak scan
    [[ $output == "0 new suspected memory leaks, 4 suspected"* ]]
    [ "$(sizes)" = "48 48 48 101 " ]
    ask kmemleak
    [ "$status" = 1 ]
    [ "$(grep -c "(indirect, via 0x" <<<"$output")" = 2 ]
    [[ $output == *'comm "planted", pid '"$pid"* ]]
    [[ $output == *"44 44 44 44 44 44 44 44 44 44 44 44 44 44 44 44  DDDDDDDDDDDDDDDD"* ]]
    [[ $output == *"make_direct+0x"*"[planted] $sources/planted.c:"* ]]
    [[ $output == *"2 direct (149 bytes), 2 indirect (96 bytes)"* ]]
    finish
}

@test "one leak is told without an s" {
    run "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/leaks" 0
    echo "$output"
    [[ $output == *"mtctl: 1 leak at the end of leaks "* ]]
}

@test "after clear only new ones are reported" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    scan_twice
    ask kmemleak clear
    [ "$output" = "cleared: 4" ]
    scan_twice
    [ "$(sizes)" = "" ]
    step
    scan_twice
    [ "$(sizes)" = "55 " ]
    finish
}

@test "stopping by signal finds the same, and says what that costs" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    ask kmemleak stop=signal
    scan_twice
    [[ $output == *"EINTR"* ]]
    [ "$(sizes)" = "48 48 48 101 " ]
    finish
}

@test "a scan that a thread does not stop for does it no harm, even later" {
    begin "$BATS_FILE_TMPDIR/programs" blocks_signals
    ask kmemleak stop=signal
    ask kmemleak scan
    [ "$status" != 0 ]
    [[ $output == *"a thread blocks the signal"* ]]
    step
    [ "$line" = fine ]
    finish
}

@test "young blocks are not reported" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=3600
    scan_twice
    [ "$(sizes)" = "" ]
    finish
}

@test "without stacks, what only stacks hold is suspected" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    ask kmemleak stack=off
    scan_twice
    [ "$(sizes)" = "48 48 48 101 606 707 " ]
    finish
}

@test "dump shows any block, off is irreversible" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    scan_twice
    address=$("$mtctl" -s "pid:$pid" kmemleak | grep -oE '0x[0-9a-f]+' | head -n 1)
    ask kmemleak "dump=$address"
    [[ $output == "object $address (size 101):"* ]]
    ask kmemleak dump=0x10
    [ "$status" = 4 ]
    ask kmemleak off
    ask kmemleak scan
    [ "$status" = 4 ]
    [[ $output == *"kmemleak is off"* ]]
    ask memscope create
    ask kmemleak scan
    [ "$status" = 4 ]
    finish
}

@test "live stacks sums what is live by stack, largest first" {
    begin "$BATS_FILE_TMPDIR/timers"
    step
    step
    ask live stacks --json
    [ "$status" = 0 ]
    run python3 - "$output" <<'PYTHON'
import json, sys
reply = json.loads(sys.argv[1])
held = reply["items"]
mine = [h for h in held if any(f.get("function") == "scap_add_timer" for f in h["stack"])]
assert [(h["blocks"], h["bytes"]) for h in mine] == [(2, 88)], mine
sizes = [h["bytes"] for h in held]
assert sizes == sorted(sizes, reverse=True)
assert sum(sizes) == reply["stats"]["live bytes"]
PYTHON
    echo "$output"
    [ "$status" = 0 ]
    ask live stacks 1
    [ "$(grep -c ^stack\ cookie: <<<"$output")" = 1 ]
    ask live stacks 0
    [ "$status" = 4 ]
    finish
}

@test "what the program says of its blocks counts" {
    begin "$BATS_FILE_TMPDIR/steps" annotated
    step
    ask kmemleak minage=0
    scan_twice
    # Lost; of the ignored one; of the one not looked into, and that itself.
    [ "$(sizes)" = "111 555 666 777 " ]
    finish
}

@test "what a library holds is lost with it, and still has its name" {
    begin "$BATS_FILE_TMPDIR/steps" library "$BATS_FILE_TMPDIR/library.so"
    step
    ask kmemleak minage=0
    scan_twice
    [ "$(sizes)" = "" ]
    step # unloads it
    scan_twice
    [ "$(sizes)" = "1234 " ]
    ask kmemleak
    [[ $output == *"library_hold+0x"*"[library.so]"* ]]
    finish
}

@test "--auto prints what lives longer than its stack lets it" {
    begin "$BATS_FILE_TMPDIR/steps" lives
    ask memscope create
    ask memscope start
    step
    for ((tries = 0; tries < 500; tries++)); do # nothing below a second is an outlier
        ask memscope print --auto
        [[ $output == *"printed 0 entries" ]] || break
    done
    [[ $output == *"older than others of their stack get"* ]]
    [[ $output == *"session_make + 0x"*"MemScope printed 1 entries" ]]
    finish
}

@test "new and delete come in too" {
    run "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/objects"
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *lose_array*lose_object*"2 direct (141 bytes), 0 indirect (0 bytes)"* ]]
}

@test "a container is watched from inside and from outside" {
    unshare -Urpf --mount-proc true || skip "no namespaces here"
    run unshare -Urpf --mount-proc "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/leaks" 0
    [ "$status" = 1 ]
    [[ $output == *"1 direct (100 bytes)"* ]]
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
    unshare -Urpf --mount-proc "$mtctl" run -- "$BATS_FILE_TMPDIR/planted" \
        <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
    outer=$!
    exec 7>"$BATS_TEST_TMPDIR/in" 8<"$BATS_TEST_TMPDIR/out"
    read -r -t 20 line <&8
    pid=$(pgrep -P "$outer")
    ask kmemleak minage=0
    scan_twice
    [ "$(sizes)" = "48 48 48 101 " ]
    exec 7>&- 8<&-
    wait "$outer"
}

@test "mtctl --live watches its own chunks" {
    run "$mtctl" -q kmemleak scan
    [[ $output == *"start it with --live"* ]]
    run "$mtctl" -q --live <<'SHELL'
memscope create
memscope start
mt.mem_alloc 7777
memscope print 0
kmemleak scan
SHELL
    echo "$output"
    [[ $output == *"size:0x1e61 "*"smt_stress_alloc + 0x"*"printed 1 entries"* ]]
    [[ $output == *"0 new suspected memory leaks"* ]]
    "$mtctl" serve -q --live --background --pid-file "$BATS_TEST_TMPDIR/pid" \
        --listen "unix:$BATS_TEST_TMPDIR/sock" 3>&-
    "$mtctl" -s "unix:$BATS_TEST_TMPDIR/sock" mem_alloc 8888
    run "$mtctl" -s "unix:$BATS_TEST_TMPDIR/sock" live stacks 50
    kill "$(cat "$BATS_TEST_TMPDIR/pid")"
    echo "$output"
    [[ $output == *"blocks:1 bytes:8888 "* ]]
}

@test "suppressed functions are left out" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask kmemleak minage=0
    scan_twice
    printf '# ours\nleak:make_n*\n' >"$BATS_TEST_TMPDIR/suppressions"
    ask kmemleak "--suppress=$BATS_TEST_TMPDIR/suppressions"
    [ "$(grep -c ^unreferenced <<<"$output")" = 1 ]
    [[ $output == *"3 suppressed"* ]]
    finish
}

@test "--kmemleak=off refuses scans, and ages still work" {
    options=(--kmemleak=off)
    begin "$BATS_FILE_TMPDIR/timers"
    ask kmemleak scan
    [ "$status" = 4 ]
    ask memscope create
    ask memscope start
    step
    ask memscope print 0
    [[ $output == *"MemScope printed 1 entries"* ]]
    finish
}

@test "ages: the life of a database" {
    begin "$BATS_FILE_TMPDIR/timers"
    step # before collection: not in it
    ask memscope print 0
    [ "$output" = "MemScope database does not exist" ]
    ask memscope create
    [ "$output" = "Creating Memory Scope database" ]
    ask memscope start
    [ "$output" = "Memory scope data collection started" ]
    since=$SECONDS
    step
    step
    step
    ask memscope print 0
    [[ ${lines[0]} == "Warning: "*"little value" ]]
    [[ ${lines[1]} =~ ^[0-9:.]+\ MemScope\ list\ of\ entries\ at\ least\ 0\ seconds\ old$ ]]
    [[ ${lines[2]} =~ ^entry:[0-9]+\ address:0x[0-9a-f]+\ size:0x2c\ cookie:0x[0-9a-f]{8}\ age:([0-9]+)$ ]]
    [ "${BASH_REMATCH[1]}" -le $((SECONDS - since)) ]
    [[ ${lines[4]} =~ ^0x[0-9a-f]+:\ scap_add_timer\ \+\ 0x[0-9a-f]+\ \(.*timers.c:19\)$ ]]
    [[ ${lines[-1]} == "MemScope printed 3 entries" ]]
    ask memscope print 0 --by-stack
    [[ $output == *"entries:3 bytes:132"* ]]
    ask memscope print 1000
    [[ $output == *"MemScope printed 0 entries" ]]
    ask memscope stop
    [ "$output" = "Memory scope data collection stopped" ]
    step
    ask memscope print 0
    [[ $output == *"MemScope printed 3 entries" ]]
    ask memscope destroy
    [ "$output" = "Memory scope database destroyed, disabling data collection" ]
    ask memscope print 0
    [ "$output" = "MemScope database does not exist" ]
    finish
}

@test "ages: nothing is left by the program that was mended" {
    options=(--idle)
    begin "$BATS_FILE_TMPDIR/timers" fixed
    ask memscope create
    ask memscope start
    step
    step
    ask memscope print 0
    [[ $output == *"MemScope printed 0 entries" ]]
    finish
}

@test "the telnet session its users know" {
    begin "$BATS_FILE_TMPDIR/timers"
    "$mtctl" serve -q --attach "pid:$pid" --listen telnet:127.0.0.1:0 >"$BATS_TEST_TMPDIR/serve" 3>&- &
    server=$!
    until grep -q listening "$BATS_TEST_TMPDIR/serve"; do :; done
    exec 9<>"/dev/tcp/127.0.0.1/$(grep -oE '[0-9]+$' "$BATS_TEST_TMPDIR/serve")"
    printf 'o\r\nn\r\no\r\n' >&9
    text=
    until [[ $text == *"collection started"* ]]; do read -r -t 20 line <&9; text+=$line; done
    step
    printf 'p\r\n0\r\nP\r\nO\r\nN\r\np\r\n1\r\nq\r\nquit\r\n' >&9
    text+=$(cat <&9)
    exec 9>&-
    kill "$server"
    wait "$server" || true
    [[ $text == *"os> Creating Memory Scope database"* ]]
    [[ $text == *"Age: "*"MemScope list of entries at least 0 seconds old"* ]]
    [[ $text == *"scap_add_timer + 0x"*"MemScope printed 1 entries"* ]]
    [[ $text == *"Memory scope data collection stopped"* ]]
    [[ $text == *"Memory scope database destroyed, disabling data collection"* ]]
    [[ $text == *"Age: MemScope database does not exist"* ]]
    finish
}

@test "ten small programs leak what valgrind says, byte for byte" {
    for shape in 0 1 2 3 4 5 6 7 8 9; do
        run "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/leaks" "$shape"
        [ "$status" = 1 ]
        ours=$(grep -oE '\([0-9]+ bytes\), [0-9]+ indirect \([0-9]+' <<<"$output" |
            tr -c '0-9\n' ' ' | awk '{print $1, $3}')
        theirs=$(valgrind --leak-check=full "$BATS_FILE_TMPDIR/leaks" "$shape" 2>&1 |
            sed -nE 's/.*(definitely|indirectly) lost: ([0-9,]+) bytes.*/\2/p' | tr -d , | xargs)
        echo "shape $shape: ours $ours, valgrind's $theirs"
        [ "$ours" = "$theirs" ]
    done
}

@test "ten small programs leak what LeakSanitizer says" {
    cc -O1 -g -fno-builtin -pthread -fsanitize=leak -o "$BATS_TEST_TMPDIR/leaks" "$sources/leaks.c" ||
        skip "no LeakSanitizer"
    for shape in 0 1 2 3 4 5 6 7 8 9; do
        run "$mtctl" run --at-exit --json -- "$BATS_FILE_TMPDIR/leaks" "$shape"
        ours=$(grep -oE '"suspected bytes":[0-9]+' <<<"$output" | grep -oE '[0-9]+')
        theirs=$("$BATS_TEST_TMPDIR/leaks" "$shape" 2>&1 |
            sed -nE 's/.*LeakSanitizer: ([0-9]+) byte.*/\1/p')
        echo "shape $shape: ours $ours, LeakSanitizer's $theirs"
        [ "$ours" = "$theirs" ]
    done
}

@test "a stripped program gives module and offset" {
    run "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/stripped" 0
    [[ $output == *"] stripped+0x"* ]]
}

@test "awkward programs work as without it, and leak nothing" {
    for program in all_functions threads forks descriptors signals execs everything_freed; do
        run timeout 60 "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/programs" "$program"
        echo "$program: $status $output"
        [ "$status" = 0 ]
        [[ $output == *fine*"0 leaks at the end"* ]]
        run timeout 60 "$mtctl" run --idle -- "$BATS_FILE_TMPDIR/programs" "$program"
        [ "$status" = 0 ]
        [ "$output" = fine ]
    done
}

@test "a program without descriptors is not kept busy" {
    run timeout 20 "$mtctl" run -- "$BATS_FILE_TMPDIR/programs" no_descriptors
    [ "$status" = 0 ]
    [ "$output" = fine ]
}

@test "a process whose first thread leaves ends when the last one does" {
    run timeout 20 "$mtctl" run -- "$BATS_FILE_TMPDIR/programs" first_thread_leaves
    [ "$status" = 0 ]
    [ "$output" = fine ]
}

@test "double and foreign frees are told, not fatal" {
    run "$mtctl" run -- "$BATS_FILE_TMPDIR/programs" bad_frees
    [ "$status" = 0 ]
    [[ $output == *"double free of 0x"*"free of no live block"*fine* ]]
}

@test "each refused allocation is one run" {
    run "$mtctl" run --oom=1-3 --oom-mode=transient -- "$BATS_FILE_TMPDIR/leaks" 1
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"OOM transient, 3 allocations "*C* ]]
    [[ $output == *"crash (SIGSEGV), allocation"*"refused: node_make"*"repeat:  mtctl run --oom="* ]]
    [[ $output == *"3 refusals: "* ]]
    run "$mtctl" run --oom --only-site=no_such_function -- "$BATS_FILE_TMPDIR/leaks" 1
    [ "$status" = 2 ]
}

@test "whoever ignores SIGCHLD is told the program's exit status" {
    run timeout -k 1 20 env --ignore-signal=CHLD "$mtctl" run --at-exit -- sh -c 'exit 3'
    [ "$status" = 3 ]
}

@test "leaks that could not be looked for are not said to be none" {
    run timeout 30 "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/programs" cannot_be_stopped
    [ "$status" = 3 ]
    [[ $output == *fine*"are not known: ptrace is refused"* ]]
    run timeout 30 "$mtctl" run --oom=1-1 --oom-mode=transient -- \
        "$BATS_FILE_TMPDIR/programs" cannot_be_stopped
    [ "$status" = 0 ]
    [[ $output == *"what 1 run leaked is not known"* ]]
}

@test "a child of the program is refused nothing" {
    run timeout 20 sh -c 'MT_PID=$$ MT_OOM=2:persistent LD_PRELOAD=$1 exec "$2" child_is_not_refused' \
        sh "$SMT_BIN/libmtpreload.so" "$BATS_FILE_TMPDIR/programs"
    [ "$status" = 0 ]
}

@test "a report is written without a control thread too" {
    run timeout 20 sh -c 'MT_PID=$$ MT_SOCKET=off MT_REPORT=$1 LD_PRELOAD=$2 exec true' \
        sh "$BATS_TEST_TMPDIR/report" "$SMT_BIN/libmtpreload.so"
    [ "$status" = 0 ]
    grep -q '^process' "$BATS_TEST_TMPDIR/report"
}

@test "refusals that show the same are one finding, counted, with its stack" {
    "$mtctl" run --oom --json -- "$BATS_FILE_TMPDIR/leaks" 2 >"$BATS_TEST_TMPDIR/found" || [ $? = 1 ]
    run python3 - "$BATS_TEST_TMPDIR/found" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
by_type = lambda name: [line for line in lines if line["type"] == name]
finding, = by_type("finding")
assert finding["verdict"] == "crash" and finding["signal"] == "SIGSEGV", finding
assert finding["signature"].startswith("leaks/crash/"), finding
assert finding["occurrences"] == len(by_type("injection")) == 4, lines
assert {line["signature"] for line in by_type("injection")} == {finding["signature"]}
names = [frame.get("function") for frame in finding["injected_at"]]
assert names[:3] == ["node_make", "ring", "main"], names
assert all(frame["offset"].startswith("0x") for frame in finding["injected_at"])
assert finding["injected_at"][0]["file"].endswith("leaks.c") and finding["injected_at"][0]["line"]
assert finding["repeat"].startswith("mtctl run --oom=1-1 --oom-mode=transient -- "), finding
assert by_type("summary")[0]["unique_findings"] == 1
PYTHON
    echo "$output"
    [ "$status" = 0 ]
}

@test "what leaks only when refused is shown, not what leaks anyway" {
    run "$mtctl" run --oom --oom-mode=transient -- "$BATS_FILE_TMPDIR/programs" leaks_when_refused
    echo "$output"
    [ "$status" = 1 ]
    [[ $output == *"1 unique finding"* ]]
    [[ $output == *"leaked:  second_make"* ]]
    [[ $output != *"leaked:  always_lost"* ]]
}

@test "python3 and git work as without it" {
    script='import json; print(sum(len(json.dumps(list(range(i)))) for i in range(300)))'
    [ "$("$mtctl" run -- python3 -c "$script")" = "$(python3 -c "$script")" ]
    cd "$BATS_TEST_TMPDIR"
    git init -q repository && cd repository && echo >file
    [ "$("$mtctl" run -- git status)" = "$(git status)" ]
    run "$mtctl" run --at-exit -- git status
    [ "$status" = 0 ]
    [[ $output == *"0 leaks at the end of git"* ]]
}

# free_ports N: the first of as many UDP ports in a row, below those that others are given
free_ports()
{
    python3 - "$1" <<'PYTHON'
import random, socket, sys
def is_free(port):
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
count = int(sys.argv[1])
while True:
    first = random.randrange(20000, 32000)
    if all(is_free(first + i) for i in range(count)):
        break
print(first)
PYTHON
}

# calls COUNT RATE: between two sipp, both watched
calls()
{
    command -v sipp || skip "sipp is not installed"
    port=$(free_ports 2)
    (cd "$BATS_TEST_TMPDIR" && exec timeout 100 "$mtctl" run -- sipp -sn uas -i 127.0.0.1 \
        -p "$port" -nostdin >uas 2>&1 3>&-) &
    uas=$!
    (cd "$BATS_TEST_TMPDIR" && timeout 100 "$mtctl" run -- sipp -sn uac "127.0.0.1:$port" \
        -i 127.0.0.1 -p $((port + 1)) -nostdin -m "$1" -r "$2" -d 0 -l 4000 >uac 2>&1) || true
    kill "$uas" # not before: retransmissions may need it
    wait "$uas" || true
    tail -n 40 "$BATS_TEST_TMPDIR/uac"
    grep -qE "Successful call +\\| +[0-9]+ +\\| +$1" "$BATS_TEST_TMPDIR/uac"
}

@test "sipp handles calls with it" {
    calls 300 300
}

@test "sipp handles 10000 calls with it" {
    [ -n "${SMT_LONG-}" ] || skip "takes a minute: scripts/test --long"
    calls 10000 1000
}

@test "an engine names the command it does not know, and those it does" {
    begin "$BATS_FILE_TMPDIR/timers"
    ask help
    [[ $output == "memscope create|start|"*"kmemleak "*"live "* ]]
    ask mem_used
    [ "$status" = 4 ]
    [[ $output == *"command mem_used not found; known: memscope kmemleak"* ]]
    ask memscope nosuch
    [[ $output == *"memscope: expected create|start|print|"* ]]
    finish
}

@test "a library loaded by a relative path has its names" {
    cd "$BATS_FILE_TMPDIR"
    begin ./steps library ./library.so
    step
    cd /
    ask live stacks
    [[ $output == *": library_hold + 0x"*"library.c:"* ]]
    finish
}

@test "the command that repeats a refusal is one for the shell" {
    run "$mtctl" run --oom=1-3 --oom-mode=transient -- "$BATS_FILE_TMPDIR/leaks" 1 "two words"
    [[ $output == *"repeat:  mtctl run --oom="*" 1 'two words'"* ]]
}

@test "the command that repeats a refusal refuses that one alone" {
    run "$mtctl" run --oom=1 --oom-mode=transient -- "$BATS_FILE_TMPDIR/leaks" 1
    repeat=$(grep -m1 -oE -- '--oom=[^ ]+' <<<"$output")

    run "$mtctl" run "$repeat" --oom-mode=transient -- "$BATS_FILE_TMPDIR/leaks" 1

    echo "$output"
    [[ $output == *"1 refusal: 1 crash; "* ]]
}

@test "Ctrl-C ends a sweep: the program with it, and what was found is told" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    env --default-signal=INT "$mtctl" run --oom --oom-mode=transient -- \
        "$BATS_FILE_TMPDIR/programs" waits_when_refused \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    sweep=$!
    exec 8<"$BATS_TEST_TMPDIR/out"
    read -r -t 20 line <&8
    read -r -t 20 -d C line <&8 # the first refusal is a crash, the second one waits
    until pgrep -f "^$BATS_FILE_TMPDIR/programs waits" -P "$sweep"; do kill -0 "$sweep"; done

    kill -INT "$sweep"

    output=$(cat <&8)
    exec 8<&-
    wait "$sweep" || status=$?
    [ "$status" = 130 ]
    [ "$(<"$BATS_TEST_TMPDIR/err")" = "mtctl: stopped by SIGINT" ]
    [[ $output == *"crash (SIGABRT), allocation 1 refused"*"TRUNCATED 1 refusal: 1 crash; "* ]]
    ! pgrep -f "^$BATS_FILE_TMPDIR/programs waits"
}

@test "a program that allocates nothing has nothing to be refused" {
    for oom in --oom --oom=3; do
        run -2 "$mtctl" run "$oom" -- "$BATS_FILE_TMPDIR/programs" allocates_nothing
        [ "$output" = "mtctl: $BATS_FILE_TMPDIR/programs allocates no memory: there is nothing to refuse" ]
    done
}

@test "functions that the program has in front of the C library's are not called" {
    begin "$BATS_FILE_TMPDIR/interposes"
    ask live
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"live blocks: "* ]]
    ask kmemleak scan
    [[ $output == *"scanned "* ]]
    finish
}

@test "with --json a fault is JSON, on standard output" {
    begin "$BATS_FILE_TMPDIR/planted"
    for words in nosuch "memscope nosuch"; do
        "$mtctl" --json -s "pid:$pid" $words >"$BATS_TEST_TMPDIR/fault" && false || [ $? = 4 ]
        python3 -c 'import json, sys; error = json.load(sys.stdin)["error"]
assert error["code"] == 500 and error["message"], error' \
            <"$BATS_TEST_TMPDIR/fault"
    done
    run bash -c '"$@" 2>/dev/null' - "$mtctl" -s "pid:$pid" nosuch
    [ -z "$output" ]
    finish
}

@test "live says whether it knows all blocks" {
    begin "$BATS_FILE_TMPDIR/planted"
    ask live
    [[ $output == *"live blocks: "*"all blocks known: 1"* ]]
    ask kmemleak off
    ask live
    [[ $output == *"all blocks known: 0"* ]]
    finish
}

@test "wrong use is said" {
    run "$mtctl" -s pid:x live
    [ "$status" = 2 ]
    run "$mtctl" -s "pid:$$" live
    [ "$status" = 2 ]
    [[ $output == *"no engine in this process"* ]]
    run "$mtctl" -s pid:99999999 live
    [ "$output" = "mtctl: pid:99999999: no such process" ]
    run timeout 20 "$mtctl" serve --attach "pid:$$" --listen "unix:$BATS_TEST_TMPDIR/socket"
    [ "$status" = 2 ]
    [[ $output == *"no engine in this process"* ]]
    run "$mtctl" run --idle --at-exit -- echo started
    [ "$status" = 2 ]
    [ "$output" = "mtctl run: --at-exit needs what --idle switches off" ]
    run "$mtctl" run --oom -- /no/such/program
    [[ $output == *"/no/such/program: cannot be started"* ]]
    run "$mtctl" run --oom --oom-mode=nosuch -- echo started
    [ "$status" = 2 ]
    [ "$output" = "mtctl: --oom-mode: nosuch: expected transient, persistent or window:K" ]
    run "$mtctl" run
    [ "$status" = 2 ]
    run -127 "$mtctl" run -- /no/such/program
}

@test "a report waits in TMPDIR, and none is left behind, however it ends" {
    export TMPDIR=$BATS_TEST_TMPDIR/reports
    mkdir "$TMPDIR"

    run "$mtctl" run --at-exit -- "$BATS_FILE_TMPDIR/leaks" 0
    [[ $output == *"at the end of leaks"* ]]
    [ -z "$(ls "$TMPDIR")" ]
    "$mtctl" run --at-exit -- /no/such/program 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = 127 ]
    [ -z "$(ls "$TMPDIR")" ]

    local options=(--at-exit)
    begin "$BATS_FILE_TMPDIR/timers"
    [[ $(ls "$TMPDIR") == mtctl-report-* ]]
    kill -TERM "$pid" # for the program
    finish || status=$?
    [ "$status" = 143 ]
    [ -z "$(ls "$TMPDIR")" ]

    # whoever runs us may ignore it
    env --default-signal=HUP "$mtctl" run --oom -- sleep 60 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    pid=$!
    until [ -n "$(ls "$TMPDIR")" ]; do kill -0 "$pid"; done
    kill -HUP "$pid"
    wait "$pid" || status=$?
    [ "$status" = 130 ]
    [ "$(<"$BATS_TEST_TMPDIR/err")" = "mtctl: stopped by SIGHUP" ]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "a TMPDIR that cannot be used is named" {
    touch "$BATS_TEST_TMPDIR/file"
    TMPDIR=/no/such run "$mtctl" run --at-exit -- echo started
    [ "$status" = 3 ]
    [ "$output" = "mtctl: /no/such: cannot hold temporary files (see TMPDIR): No such file or directory" ]
    TMPDIR=$BATS_TEST_TMPDIR/file run "$mtctl" run --oom -- echo started
    [ "$status" = 3 ]
    [ "$output" = "mtctl: $BATS_TEST_TMPDIR/file: cannot hold temporary files (see TMPDIR): Not a directory" ]
}

@test "a forking server that is not ours works with it" {
    local socket=$BATS_TEST_TMPDIR/echo answered=0

    "$mtctl" run -- socat "UNIX-LISTEN:$socket,fork" EXEC:cat 3>&- &
    server=$!
    for ((i = 0; i < 100; i++)); do [ -S "$socket" ] && break; read -r -t 0.1 <> <(:) || true; done
    for ((i = 0; i < 50; i++)); do
        [ "$(socat -t 10 - "UNIX-CONNECT:$socket" <<<"call $i")" = "call $i" ] && answered=$((answered + 1))
    done
    kill "$server"
    wait "$server" || [ $? = 143 ]
    [ "$answered" = 50 ]
}
