#!/usr/bin/env bats
# mtctl monitor as a user types it. Needs SMT_BIN (default build/release/src).

setup() {
    MTCTL="${SMT_BIN:-$BATS_TEST_DIRNAME/../../build/release/src}/mtctl"
    DIR="$(mktemp -d)"
    CHILDREN=()
}

teardown() {
    for child in "${CHILDREN[@]}"; do
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    done
    rm -rf "$DIR"
}

# A server that keeps $1 bytes of each request; its port in $PORT, pid in $SERVER.
start_server() {
    python3 - "$1" >"$DIR/port" 3>&- <<'PYTHON' &
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
kept = []
while True:
    client, _ = listener.accept()
    client.recv(100)
    if int(sys.argv[1]):
        kept.append(bytearray(int(sys.argv[1])))
    client.close()
PYTHON
    SERVER=$!
    CHILDREN+=("$SERVER")
    wait_for "$DIR/port"
    PORT="$(cat "$DIR/port")"
}

wait_for() {
    local tries=0
    until [ -s "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ]
        read -r -t 0.02 <> <(:) || true
    done
}

# Has this process been killed? It may take a moment to die.
is_gone() {
    local tries=0
    while grep -qs '^State:.[^Z]' "/proc/$1/status"; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || return 1
        read -r -t 0.02 <> <(:) || true
    done
}

# start PROGRAM...: in the background, in $STARTED; returns when the shell that is to
# become the program has become it.
start() {
    "$@" 3>&- &
    STARTED=$!
    CHILDREN+=("$STARTED")
    until [ "$(cat "/proc/$STARTED/comm")" = "$(basename "$1")" ]; do kill -0 "$STARTED"; done
}

# A process that only waits, in $IDLE.
start_idle() {
    start sleep 1000
    IDLE=$STARTED
}

load_step() {
    echo "for i in 1 2 3 4; do echo hello | nc -N -w 2 127.0.0.1 $PORT; done"
}

json() {
    python3 -c "import json,sys; r=json.load(open(sys.argv[1])); print($2)" "$1"
}

@test "a stock web server under load is steady" {
    python3 -u -m http.server --bind 127.0.0.1 --directory "$DIR" 0 >"$DIR/log" 2>&1 3>&- &
    SERVER=$!
    CHILDREN+=("$SERVER")
    wait_for "$DIR/log"
    PORT="$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$DIR/log")"

    run "$MTCTL" monitor --pid "$SERVER" --rounds 40 --settle 20 --step \
        "python3 -c 'import urllib.request as u
for i in range(10): u.urlopen(\"http://127.0.0.1:$PORT/\").read()'"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady"* ]]
}

@test "a server that keeps something of each request is suspected" {
    start_server 3000

    run "$MTCTL" monitor --pid "$SERVER" --rounds 30 --settle 5 --step "$(load_step)" \
        --limit 1g --format text --format "json:$DIR/r.json"

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"leak suspected"* ]]
    [[ "$output" == *"[heap]"* ]]
    [[ "$output" == *"1G resident in"* ]]
    [ "$(json "$DIR/r.json" 'len(r["processes"][0]["samples"])')" -eq 31 ]
    [ "$(json "$DIR/r.json" '"[heap]" in r["processes"][0]["smaps_end"]')" = True ]
}

@test "its healthy twin is steady" {
    start_server 0

    run "$MTCTL" monitor --pid "$SERVER" --rounds 30 --settle 5 --step "$(load_step)"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady"* ]]
}

# --- with the engine inside: exact figures ---

# engine_begin PROGRAM...: starts it with the engine in it, its output in
# $DIR/said; $SERVER
engine_begin() {
    [ -e "$(dirname "$MTCTL")/libmtpreload.so" ] || skip "built with a sanitizer: no preload object"
    "$MTCTL" run -- "$@" >"$DIR/said" 2>&1 3>&- &
    SERVER=$!
    CHILDREN+=("$SERVER")
}

# A server of ours that loses 37 bytes for each `l`; told through $DIR/server.
server_begin() {
    cc -g -O1 -fno-omit-frame-pointer -o "$DIR/lossy" "$BATS_TEST_DIRNAME/monitor/server.c"
    engine_begin "$DIR/lossy" "$DIR/server"
    wait_for "$DIR/said"
}

leak_library() {
    cc -g -O1 -fno-omit-frame-pointer -shared -fPIC -o "$DIR/libleak.so" \
        "$BATS_TEST_DIRNAME/monitor/leak.c"
}

web_begin() {
    engine_begin /usr/bin/env python3 -u -m http.server --bind 127.0.0.1 --directory "$DIR" 0
    wait_for "$DIR/said"
    PORT="$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$DIR/said")"
}

web_step() {
    echo "for i in 1 2 3 4; do printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 127.0.0.1 $PORT; done"
}

@test "a stock web server with the engine in it is steady, to the byte in most rounds" {
    web_begin

    run "$MTCTL" monitor --pid "$SERVER" --rounds 25 --settle 20 --step "$(web_step)"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady"* ]]
    [[ "$output" == *"   live "*" bytes, "*" blocks   slope 0 a round"* ]]
}

@test "the same with 100 bytes lost a request: suspected, and the stack is named" {
    leak_library
    export LD_PRELOAD="$DIR/libleak.so"
    web_begin
    unset LD_PRELOAD

    run "$MTCTL" monitor --pid "$SERVER" --rounds 25 --settle 20 --step "$(web_step)" \
        --format text --format "json:$DIR/r.json" --format "html:$DIR/r.html"

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"Live bytes rise by 400 bytes a round in all thirds of the run (exact)."* ]]
    [[ "$output" == *"400 bytes in 4 blocks a round, the slope of the live bytes"*"lose_session + "*"leak.c:"*"accept4 + "* ]]
    [ "$(json "$DIR/r.json" '"lose_session" in r["processes"][0]["stacks"]')" = True ]
    grep -q "lose_session" "$DIR/r.html"
}

# sipp_begin: a SIP server; without its wait for late retransmissions, in which
# it keeps four seconds' worth of calls
sipp_begin() {
    command -v sipp || skip "sipp is not installed"
    sipp -sd uas | sed '/<timewait/d' >"$DIR/uas.xml"
    for try in 1 2 3 4 5; do
        PORT="$(python3 -c 'import socket; s=socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
        engine_begin sipp -sf "$DIR/uas.xml" -i 127.0.0.1 -p "$PORT" -nostdin -deadcall_wait 0
        sipp -sn uac -i 127.0.0.1 -m 1 -d 0 -timeout 5 -nostdin "127.0.0.1:$PORT" >"$DIR/uac" 2>&1 3>&- &&
            return
    done
    cat "$DIR/uac"
    return 1
}

@test "a stock SIP server under calls is steady to the byte; with a leak its stack is named" {
    local step

    step='sipp -sn uac -i 127.0.0.1 -m 10 -r 200 -d 0 -nostdin 127.0.0.1:$PORT >/dev/null 2>&1'
    sipp_begin
    run "$MTCTL" monitor --pid "$SERVER" --rounds 15 --settle 50 --step "PORT=$PORT; $step"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady"*"slope 0 a round [0 .. 0]   thirds +0 +0 +0"* ]]

    leak_library
    export LEAK=64 LD_PRELOAD="$DIR/libleak.so"
    sipp_begin
    unset LD_PRELOAD
    run "$MTCTL" monitor --pid "$SERVER" --rounds 15 --settle 50 --step "PORT=$PORT; $step"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"blocks a round, the slope of the live bytes"*"lose_session + "*"recvfrom + "*"SIPpSocket"* ]]
}

@test "37 bytes lost each round are seen to the byte after a dozen rounds" {
    server_begin

    run "$MTCTL" monitor --pid "$SERVER" --rounds 12 --settle 0 --format text \
        --format "json:$DIR/r.json" --step "printf l | nc -N -U $DIR/server"

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"Live bytes rise by 37 bytes a round"*"37 bytes in 1 block a round, the slope"*"lose_session + "*"server.c:"*"main + "* ]]
    [ "$(json "$DIR/r.json" '[b["live_bytes"] - a["live_bytes"] for a, b in zip(r["processes"][0]["samples"], r["processes"][0]["samples"][1:])] == [37] * 12')" = True ]
    [ "$(json "$DIR/r.json" 'r["processes"][0]["samples"][12]["live_blocks"] - r["processes"][0]["samples"][0]["live_blocks"]')" -eq 12 ]
}

@test "its healthy twin is steady to the byte" {
    server_begin

    run "$MTCTL" monitor --pid "$SERVER" --rounds 12 --settle 0 \
        --step "printf n | nc -N -U $DIR/server"

    [ "$status" -eq 0 ]
    [[ "$output" == *"slope 0 a round [0 .. 0]   thirds +0 +0 +0"* ]]
}

@test "a forked child has exact figures of its own; a process without engine is told apart" {
    server_begin
    start_idle

    run "$MTCTL" monitor --pid "$SERVER" --pid "$IDLE" --rounds 20 --settle 0 --format text \
        --format "json:$DIR/r.json" --step "if [ \$MTCTL_ROUND = 2 ]; then printf f | nc -N -U $DIR/server; fi
            if [ \$MTCTL_ROUND -ge 3 ]; then printf l | nc -N -U $DIR/server.child; fi"
    CHILD="$(json "$DIR/r.json" 'r["processes"][2]["pid"]')"
    CHILDREN+=("$CHILD")

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"process $CHILD (lossy) forked by $SERVER: watched too"* ]]
    [[ "$output" == *"process $IDLE (sleep) has no engine in it: judged by its pages"* ]]
    [[ "$output" == *"$SERVER lossy: steady"*"$CHILD lossy: leak suspected"*"lose_session + "* ]]
}

@test "what became another program by exec is told by its own figures, and so is what it was" {
    server_begin

    run "$MTCTL" monitor --pid "$SERVER" --rounds 24 --settle 0 --step "
        if [ \$MTCTL_ROUND = 12 ]; then printf e | nc -N -U $DIR/server
            until printf n | nc -N -U $DIR/server; do :; done 2>/dev/null
        fi; printf l | nc -N -U $DIR/server"

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"lossy: leak suspected, ended"*"lose_session + "*"lossy: leak suspected ("*"lose_session + "* ]]
}

@test "of a process that dies the stacks are named all the same" {
    server_begin

    run "$MTCTL" monitor --pid "$SERVER" --rounds 20 --settle 10 --step "
        if [ \$MTCTL_ROUND = 16 ]; then kill $SERVER
            while [ -e /proc/$SERVER/stat ] && ! grep -q ') Z ' /proc/$SERVER/stat; do :; done
        else printf l | nc -N -U $DIR/server; fi"

    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"leak suspected, ended (16 looks)"*"37 bytes in 1 block a round"*"lose_session + "* ]]
}

@test "an engine that does not know all blocks is said, and pages are judged" {
    server_begin
    "$MTCTL" -s "pid:$SERVER" kmemleak off

    run "$MTCTL" monitor --pid "$SERVER" --rounds 12 --settle 0 --step "printf n | nc -N -U $DIR/server"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"its engine tells no live bytes: it does not know all blocks"* ]]
    [[ "$output" == *": steady"* ]]
    [[ "$output" != *"   live "* ]]
}

# --- what is known, and what goes wrong ---

@test "a slope known from a baseline is not suspected, but strict counts it" {
    start_server 3000
    run "$MTCTL" monitor --pid "$SERVER" --rounds 25 --settle 5 --step "$(load_step)" \
        --format "json:$DIR/old.json"
    [ "$status" -eq 1 ]
    # the same leak again may measure a few bytes more: allow for twice as much
    python3 - "$DIR/old.json" <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
for figure in ("rss", "private"):
    report["processes"][0]["decision"][figure]["high"] *= 2
json.dump(report, open(sys.argv[1], "w"))
PYTHON

    run "$MTCTL" monitor --pid "$SERVER" --rounds 25 --settle 5 --step "$(load_step)" \
        --baseline "$DIR/old.json"
    [ "$status" -eq 0 ]
    [[ "$output" == *"look further"* ]]
    run "$MTCTL" monitor --pid "$SERVER" --rounds 25 --settle 5 --step "$(load_step)" \
        --baseline "$DIR/old.json" --strict
    [ "$status" -eq 1 ]
}

@test "a baseline that does not fit is told" {
    start_idle
    "$MTCTL" monitor --pid "$IDLE" --rounds 1 --settle 0 --step true --format "json:$DIR/old.json"
    start_named other

    run "$MTCTL" monitor --pid "$IDLE" --rounds 1 --settle 0 --step true --baseline "$DIR/old.json"
    [ "$status" -eq 0 ]
    [[ "$output" == *"process $IDLE (other): the baseline knows none of that name"* ]]
    run "$MTCTL" monitor --pid "$IDLE" --interval 10 --duration 0.1 --baseline "$DIR/old.json"
    [ "$status" -eq 2 ]
    [[ "$output" == *"old.json: is of a test with --step, and this is one without"* ]]
}

@test "a process that dies in round 3 ends the test with what was gathered" {
    start_idle

    run "$MTCTL" monitor --pid "$IDLE" --rounds 10 --settle 0 \
        --step "if [ \$MTCTL_ROUND = 3 ]; then kill $IDLE
            while [ -e /proc/$IDLE/stat ] && ! grep -q ') Z ' /proc/$IDLE/stat; do :; done; fi"

    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"round 3 ended abnormally: process $IDLE (sleep) ended"* ]]
    [[ "$output" == *"(3 looks)"* ]]
}

@test "a step that fails or does not exist ends the test" {
    start_idle

    run "$MTCTL" monitor --pid "$IDLE" --rounds 10 --settle 0 \
        --step 'if [ $MTCTL_ROUND = 7 ]; then echo out of beer; exit 5; fi'
    [ "$status" -eq 3 ]
    [[ "$output" == *"round 7 ended abnormally: the step gave exit status 5: out of beer"* ]]
    [[ "$output" == *"(7 looks)"* ]]
    run "$MTCTL" monitor --pid "$IDLE" --rounds 2 --settle 0 --step /no/such/step
    [ "$status" -eq 3 ]
    [[ "$output" == *"round 1 ended abnormally"*"command not found"* ]]
}

@test "of a step that fails the exit status and the last words are told" {
    start_idle

    run "$MTCTL" monitor --pid "$IDLE" --rounds 2 --step 'seq 3000; printf "\033[2J\377\n"; exit 255'
    [[ "$output" == *"the step gave exit status 255: ..."*$'\n2999\n3000\n\\x1B[2J\\xFF\n'* ]]
    [[ "$output" != *$'\n1000\n'* ]]
    run "$MTCTL" monitor --pid "$IDLE" --rounds 2 --step 'kill -9 $$'
    [[ "$output" == *"the step was ended by signal 9"* ]]
}

@test "a step that prints without end takes no memory for it" {
    start_idle

    for where in --settle=0 --via=sh; do
        run "$MTCTL" monitor --pid "$IDLE" --rounds 1 "$where" --step-timeout 20 --step \
            'head -c 32000000 /dev/zero; until [ $(stat -Lc %b /proc/$$/fd/1) -lt 8000 ]; do :; done'
        echo "$where: $output"
        [ "$status" -eq 0 ]
    done
}

@test "an abnormal end is told once on a terminal, and on both streams elsewhere" {
    local command
    start_idle

    command="'$MTCTL' monitor --pid $IDLE --rounds 2 --settle 0 --step 'exit 5'"
    run script -qefc "$command" "$DIR/typescript"
    echo "$output"
    [ "$status" -eq 3 ]
    [ "$(grep -c 'round 1 ended abnormally' <<<"$output")" = 1 ]

    bash -c "$command" >"$DIR/out" 2>"$DIR/err" || [ $? = 3 ]
    grep -q '^round 1 ended abnormally' "$DIR/out"
    grep -q '^mtctl monitor: round 1 ended abnormally' "$DIR/err"
}

# The longest line that was drawn on a terminal of so many columns.
drawn_width() {
    script -qefc "stty cols $1; '$MTCTL' monitor --pid $IDLE --rounds 40 --settle 0 --step true >'$DIR/out'" \
        "$DIR/typescript" >"$DIR/screen"
    python3 - "$DIR/screen" <<'PYTHON'
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
assert "round 40 of 40" in text
table = re.sub("\x1b\\[[0-9?]*[A-Za-z]", "", text)
print(max(len(line) for line in table.replace("\r", "").split("\n")))
PYTHON
}

@test "the table fits the terminal, and none is drawn where it cannot be" {
    start_idle

    [ "$(TERM=xterm drawn_width 80)" -le 80 ]
    [ "$(TERM=xterm drawn_width 200)" -gt 80 ]
    TERM=xterm drawn_width 40
    grep -q $'\e\[?7l.*round 40 of 40' "$DIR/screen"
    ! TERM=dumb drawn_width 80 2>/dev/null
    ! grep -q $'\e' "$DIR/screen"
}

@test "a step that hangs is killed with its children" {
    start_idle

    run "$MTCTL" monitor --pid "$IDLE" --rounds 2 --step-timeout 0.2 \
        --step "sleep 987 & echo \$! >$DIR/hung; wait"

    [ "$status" -eq 3 ]
    [[ "$output" == *"round 1 ended abnormally: the step did not end within 0.2 s"* ]]
    is_gone "$(cat "$DIR/hung")"
}

@test "a program that restarts is followed" {
    cp "$(command -v sleep)" "$DIR/restarter"
    start "$DIR/restarter" 1000
    FIRST=$STARTED

    run "$MTCTL" monitor --process restarter --rounds 4 --settle 0 \
        --step "if [ \$MTCTL_ROUND = 2 ]; then kill $FIRST; while grep -qs 'State:.[^Z]' /proc/$FIRST/status; do :; done; $DIR/restarter 1000 >/dev/null 2>&1 & echo \$! >$DIR/second; fi"
    kill "$(cat "$DIR/second")"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"round 2: process $FIRST (restarter) ended"* ]]
    [[ "$output" == *"(restarter) restarted: watched from now on"* ]]
}

@test "a program that becomes another one by exec is followed" {
    mkfifo "$DIR/go"
    bash -c "read -r line <$DIR/go; exec sleep 1000" 3>&- &
    BECOMING=$!
    CHILDREN+=("$BECOMING")

    run "$MTCTL" monitor --pid "$BECOMING" --rounds 4 --settle 100 \
        --step "if [ \$MTCTL_ROUND = 2 ]; then echo >$DIR/go
            until grep -q sleep /proc/$BECOMING/comm; do :; done; fi"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"(bash) started the program sleep in its place"* ]]
    [[ "$output" == *"$BECOMING sleep: undecided (3 looks)"* ]]
}

@test "a kernel thread has no memory to look at" {
    [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip "no kernel thread in sight"

    run "$MTCTL" monitor --pid 2 --step true

    [ "$status" -eq 2 ]
    [[ "$output" == *"process 2 (kthreadd) has no memory of its own"* ]]
}

@test "a fork is followed" {
    cat >"$DIR/forker.py" <<'PYTHON'
import os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: os.fork() or signal.pause())
print("ready", flush=True)
while True:
    signal.pause()
PYTHON
    python3 "$DIR/forker.py" >"$DIR/ready" 3>&- &
    FORKER=$!
    CHILDREN+=("$FORKER")
    wait_for "$DIR/ready"

    run "$MTCTL" monitor --pid "$FORKER" --rounds 4 --settle 100 --format text \
        --format "json:$DIR/r.json" --step "if [ \$MTCTL_ROUND = 2 ]; then kill -USR1 $FORKER
            until grep -q . /proc/$FORKER/task/$FORKER/children; do :; done; fi"
    kill "$(json "$DIR/r.json" 'r["processes"][1]["pid"]')"

    [[ "$output" == *"(python3) forked by $FORKER: watched too"* ]]
}

@test "on the clock every change is seen at the next look" {
    python3 - >"$DIR/ready" 3>&- <<'PYTHON' &
import time
print("ready", flush=True)
kept = []
while True:
    kept.append(b"x" * 300000)
    time.sleep(0.01)
PYTHON
    GROWER=$!
    CHILDREN+=("$GROWER")
    wait_for "$DIR/ready"

    run "$MTCTL" monitor --pid "$GROWER" --interval 100 --duration 2 --format "json:$DIR/r.json"

    [ "$(json "$DIR/r.json" 'len({s["rss"] for s in r["processes"][0]["samples"]})')" -gt 10 ]
}

# A process of 40 MB that gives a page back and takes another every few milliseconds, in $BUSY;
# keeps, or drops, $1 bytes for each hundredth of a second. Ends after $2 seconds.
start_busy() {
    python3 - "$@" >"$DIR/busy" 3>&- <<'PYTHON' &
import mmap, os, sys, time
size, leak, seconds = 40 << 20, int(sys.argv[1]), float(sys.argv[2])
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for at in range(0, size, 4096):
    memory[at] = 1
print("ready", flush=True)
began, at, kept = time.monotonic(), 0, []
while (now := time.monotonic() - began) < seconds:
    while leak and len(kept) < now * 100:
        kept.append(bytearray(leak))
    memory.madvise(mmap.MADV_DONTNEED, at, 4096)
    memory[at] = 1
    at = (at + 4096) % size
    time.sleep(0.003)
if sys.argv[3:]:
    os.execlp(sys.argv[3], sys.argv[3], "1000")
PYTHON
    BUSY=$!
    CHILDREN+=("$BUSY")
    wait_for "$DIR/busy"
}

@test "on the clock a busy process is looked at in full as rarely as the budget says" {
    start_busy 0 600

    run "$MTCTL" monitor --pid "$BUSY" --interval 10 --duration 2 --cpu-budget 0.0001 \
        --format text --format "json:$DIR/few.json"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady (201 looks, "*" of them full"*": budget of 0.0001 % of a core)"* ]]
    run "$MTCTL" monitor --pid "$BUSY" --interval 10 --duration 2 --cpu-budget 0 \
        --format text --format "json:$DIR/all.json"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *": steady (201 looks)"* ]]

    # one in each sixtieth, the detailed ones, and no more
    [ "$(json "$DIR/few.json" 'r["processes"][0]["looks"]["full"] <= 70')" = True ]
    [ "$(json "$DIR/few.json" 'sum("rss" in s for s in r["processes"][0]["samples"]) >= 60')" = True ]
    [ "$(json "$DIR/few.json" '{("rss" in s, "private" in s, "vm_rss" in s) for s in r["processes"][0]["samples"] if s["look"] == "brief"}')" \
        = "{(False, False, True)}" ]
    [ "$(json "$DIR/all.json" 'r["processes"][0]["looks"]["brief"]')" -eq 0 ]
    [ "$(python3 -c "import json, sys
few, all = (json.load(open(f))['look_cpu_s'] for f in sys.argv[1:])
print(few < all)" "$DIR/few.json" "$DIR/all.json")" = True ]
}

@test "a page lost every hundredth of a second is told from as few looks" {
    start_busy 4000 600

    run "$MTCTL" monitor --pid "$BUSY" --interval 10 --duration 3 --cpu-budget 0.0001

    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *": leak suspected (301 looks, "*" of them full"* ]]
}

@test "a process that ends between two full looks has ended" {
    start_busy 0 0.7

    run "$MTCTL" monitor --pid "$BUSY" --interval 10 --duration 600 --cpu-budget 0.0001

    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"ended abnormally: process $BUSY (python3) ended"* ]]
}

@test "brief looks at what exec put there are not told as looks at what was there before" {
    start_busy 0 1.2 sleep

    run "$MTCTL" monitor --pid "$BUSY" --interval 5 --duration 3 --cpu-budget 0.000001 \
        --format text --format "json:$DIR/r.json"

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"(python3) started the program sleep in its place"* ]]
    [ "$(json "$DIR/r.json" 'r["processes"][0]["samples"][-1]["look"] != "brief"')" = True ]
    [ "$(json "$DIR/r.json" '[sum(s["look"] == look for s in p["samples"]) - n for p in r["processes"] for look, n in p["looks"].items() if n != sum(s["look"] == look for s in p["samples"])]')" = "[]" ]
}

@test "ticks that a stopped monitor missed are left out and not made up for" {
    start_idle
    "$MTCTL" monitor --pid "$IDLE" --interval 10 --duration 4 --format "json:$DIR/r.json" 3>&- &
    MONITOR=$!
    read -r -t 0.5 <> <(:) || true
    kill -STOP "$MONITOR"
    read -r -t 2 <> <(:) || true
    kill -CONT "$MONITOR"
    wait "$MONITOR"

    # each sample has the tick of its time, to a second; the last one is there
    [ "$(json "$DIR/r.json" 'max(s["time_ms"] - 10 * s["round"] for s in r["processes"][0]["samples"]) < 1500')" = True ]
    [ "$(json "$DIR/r.json" 'len(r["processes"][0]["samples"]) < 350')" = True ]
    [ "$(json "$DIR/r.json" 'r["processes"][0]["samples"][-1]["round"]')" -eq 400 ]
}

@test "several processes of one name are all watched" {
    cp "$(command -v sleep)" "$DIR/twins"
    for i in 1 2; do start "$DIR/twins" 1000; done

    run "$MTCTL" monitor --process twins --interval 10 --duration 0.3 --format "json:$DIR/r.json" \
        --all twins,nobody

    [ "$status" -eq 0 ]
    [ "$(json "$DIR/r.json" 'len(r["processes"])')" -eq 2 ]
    [ "$(json "$DIR/r.json" 'len(r["processes"][1]["samples"])')" -eq 31 ]
    [ "$(json "$DIR/r.json" 'r["all"][0]["processes_end"]')" -eq 2 ]
    [ "$(json "$DIR/r.json" 'r["all"][1]["processes_end"]')" -eq 0 ]
}

@test "for want of descriptors no process is said to have ended" {
    cp "$(command -v sleep)" "$DIR/many"
    for i in $(seq 40); do start "$DIR/many" 1000; done

    run bash -c "ulimit -S -n 64; exec '$MTCTL' monitor --process many --interval 10 --duration 0.3"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c "many: steady (31 looks)" <<<"$output")" -eq 40 ]
    run bash -c "ulimit -n 64; exec '$MTCTL' monitor --process many --interval 10 --duration 0.3"
    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"Too many open files (ulimit -n)"* ]]
    ! grep -q "(many) ended" <<<"$output"
}

# A process called $1 that only waits, in $IDLE.
start_named() {
    cp "$(command -v sleep)" "$DIR/$1"
    "$DIR/$1" 1000 3>&- &
    IDLE=$!
    CHILDREN+=("$IDLE")
    until [ "$(tr -d '\n' </proc/$IDLE/comm)" = "$(head -c 15 <<<"$1" | tr -d '\n')" ]; do :; done
}

@test "a long name is compared with the command line, of a script, too" {
    NAME=a_name_of_more_than_15_characters
    start_named "$NAME"
    BINARY="$IDLE"
    printf '#!/bin/sh\nread -r line\n' >"$DIR/a_script_of_more_than_15_characters"
    chmod +x "$DIR/a_script_of_more_than_15_characters"
    mkfifo "$DIR/never"
    "$DIR/a_script_of_more_than_15_characters" <>"$DIR/never" 3>&- &
    SCRIPT=$!
    CHILDREN+=("$SCRIPT")
    until grep -qs a_script "/proc/$SCRIPT/comm"; do :; done

    run "$MTCTL" monitor --process "$NAME" --process "$DIR/a_script_of_more_than_15_characters" \
        --process a_script_of_more_than_15_characters --rounds 1 --settle 0 --step true

    echo "$output"
    [[ "$output" == *"$BINARY a_name_of_more_: "* ]]
    [[ "$output" == *"$SCRIPT a_script_of_mor: "* ]]
    run "$MTCTL" monitor --process a_name_of_more_than_16_characters --rounds 1 --step true
    [ "$status" -eq 2 ]
}

@test "a name that is no text is found as it is and shown escaped" {
    NAME=$'e\e[31m\xff\n(<&) x'
    start_named "$NAME"

    run "$MTCTL" monitor --process "$NAME" --rounds 1 --settle 0 --step true \
        --plot "$DIR/p.svg" --format text --format "html:$DIR/r.html"

    echo "$output"
    [[ "$output" == "$IDLE "'e\x1B[31m\xFF\n(<&) x: '* ]]
    iconv -f utf-8 -t utf-8 "$DIR/r.html" >/dev/null
    python3 -c 'import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])' "$DIR/p.svg"
}

@test "names that match nothing or only the monitor are errors" {
    run "$MTCTL" monitor --process no-such-program
    [ "$status" -eq 2 ]
    [[ "$output" == *"no process is called no-such-program"* ]]
    cp "$MTCTL" "$DIR/only-me"
    run "$DIR/only-me" monitor --process only-me
    [ "$status" -eq 2 ]
    [[ "$output" == *"only the monitor itself is called only-me"* ]]
    run "$MTCTL" monitor --pid 4194303
    [ "$status" -eq 2 ]
    [[ "$output" == *"no process 4194303"* ]]
}

@test "unusable options are refused" {
    mkdir "$DIR/folder.svg"
    for arguments in "" "--pid 1 --step true --rounds 0" "--pid 0" "--pid 1 --rounds 3" \
        "--pid 1 --step true --interval 5" "--pid 1 --format pdf" "--pid 1 --plot a.gif" \
        "--pid 1 --limit much" "--pid 1 --plot /no/such/a.png" "--pid 1 --format json:/no/such/a" \
        "--pid 1 --cpu-budget 101" "--pid 1 --cpu-budget -1" "--pid 1 --step true --cpu-budget 1" \
        "--pid 1 --via sh --cpu-budget 1" \
        "--pid 1 --step=" "--pid 1 --interval 0" "--pid 1 more" "--process=" "--pid 1 --via=" \
        "--pid 1 --all=," "--pid 1 --all=" "--pid 1 --step-timeout 3" "--pid 1 --format json:/" \
        "--pid 1 --plot $DIR/folder.svg"; do
        # shellcheck disable=SC2086 # several words on purpose
        run "$MTCTL" monitor $arguments
        echo "$arguments: $output"
        [ "$status" -eq 2 ]
    done
    run "$MTCTL" monitor --pid $$ --baseline "$DIR/none.json"
    [ "$status" -eq 2 ]
}

@test "without the right to read smaps it falls back and says so" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to become somebody else"
    chmod 755 "$DIR"
    cp "$MTCTL" "$DIR/mtctl"
    start_idle

    run setpriv --reuid=nobody --clear-groups "$DIR/mtctl" monitor --pid "$IDLE" --interval 10 \
        --duration 0.2

    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"smaps is not readable (Permission denied): resident from status"* ]]
    [[ "$output" == *"private dirty ~"* ]]
}

@test "gnuplot missing is said once and the data kept" {
    start_idle

    PATH="$DIR" run "$MTCTL" monitor --pid "$IDLE" --interval 10 --duration 0.2 \
        --plot "$DIR/trend.svg"

    [ "$status" -eq 0 ]
    [ "$(grep -c "its data is kept: gnuplot" <<<"$output")" -eq 1 ]
    grep -q "EOD" "$DIR/trend.svg.gp"
}

@test "a picture that is cut off is told, and Ctrl-C reaches gnuplot" {
    start_idle
    printf '#!/bin/sh\ngrep SigBlk /proc/self/status >"%s"\nprintf "<svg><path/>" >"%s"\n' \
        "$DIR/blocked" "$DIR/p.svg" >"$DIR/gnuplot"
    chmod +x "$DIR/gnuplot"

    PATH="$DIR:$PATH" run "$MTCTL" monitor --pid "$IDLE" --rounds 1 --settle 0 --step true \
        --plot "$DIR/p.svg"

    echo "$output"
    [[ "$output" == *"p.svg not drawn (gnuplot wrote only a part of it)"* ]]
    grep -q $'SigBlk:\t0*$' "$DIR/blocked"
    [ -s "$DIR/p.svg.gp" ]
}

@test "plot and html are written" {
    command -v gnuplot || skip "gnuplot is not installed"
    start_idle

    run "$MTCTL" monitor --pid "$IDLE" --interval 10 --duration 0.2 --plot "$DIR/trend.svg" \
        --plot "$DIR/trend.png" --format "html:$DIR/r.html"
    [ "$status" -eq 0 ]

    grep -q "</svg>" "$DIR/trend.svg"
    [ "$(head -c 4 "$DIR/trend.png" | tail -c 3)" = PNG ]
    grep -q "<svg" "$DIR/r.html"
    ! grep -qE '(src|href)="' "$DIR/r.html"
}

@test "Ctrl-C shows the results so far and exits 130" {
    start_idle
    mkfifo "$DIR/rounds"

    "$MTCTL" monitor --pid "$IDLE" --rounds 1000 --settle 0 \
        --step "if [ \$MTCTL_ROUND = 4 ]; then echo >$DIR/rounds; sleep 600; fi" >"$DIR/out" 3>&- &
    MONITOR=$!
    read -r <"$DIR/rounds"
    kill -INT "$MONITOR" # blocked and read from a descriptor: no handler to race with
    status=0
    wait "$MONITOR" || status=$?

    cat "$DIR/out"
    [ "$status" -eq 130 ]
    grep -q "interrupted; results so far" "$DIR/out"
    grep -q "(4 looks)" "$DIR/out"
}

@test "when the terminal ends the reports are written, and under nohup the test goes on" {
    start_idle
    mkfifo "$DIR/rounds"
    STEP="if [ \$MTCTL_ROUND = 4 ]; then echo >$DIR/rounds; sleep \$PAUSE; fi"

    PAUSE=600 "$MTCTL" monitor --pid "$IDLE" --rounds 1000 --settle 0 --step "$STEP" \
        --format "json:$DIR/r.json" 3>&- &
    MONITOR=$!
    read -r <"$DIR/rounds"
    kill -HUP "$MONITOR"
    status=0
    wait "$MONITOR" || status=$?
    [ "$status" -eq 130 ]
    [ "$(json "$DIR/r.json" 'r["interrupted"], r["rounds"]')" = "True 3" ]

    PAUSE=0 nohup "$MTCTL" monitor --pid "$IDLE" --rounds 12 --settle 0 --step "$STEP" >"$DIR/out" 3>&- &
    MONITOR=$!
    read -r <"$DIR/rounds"
    kill -HUP "$MONITOR"
    wait "$MONITOR"
    grep -q "steady after 12 rounds" "$DIR/out"
}

@test "through a shell as the transport: same verdict, step run there too" {
    start_server 3000

    run "$MTCTL" monitor --via "echo greeting; sh" --pid "$SERVER" --rounds 30 --settle 5 \
        --step "$(load_step); echo it\\'s done >$DIR/stepped"

    echo "$output"
    [ "$status" -eq 1 ]
    [ "$(cat "$DIR/stepped")" = "it's done" ]
}

@test "through a shell each answer belongs to one question" {
    start_idle

    run "$MTCTL" monitor --via sh --pid "$IDLE" --rounds 2 --settle 0 --step true \
        --format "json:$DIR/r.json"

    echo "$output"
    [ "$(json "$DIR/r.json" 'r["processes"][0]["ps_end"].split(" time ")[1].split()[1:]')" = \
        "['sleep', '1000']" ]
    [[ "$(json "$DIR/r.json" 'r["processes"][0]["smaps_start"].split()[1]')" = r*p ]]
    [ "$(id -u)" -eq 0 ] || return 0
    chmod 755 "$DIR"
    cp "$MTCTL" "$DIR/mtctl"
    run setpriv --reuid=nobody --clear-groups "$DIR/mtctl" monitor --via sh --pid "$IDLE" \
        --rounds 2 --settle 0 --step true
    echo "$output"
    [[ "$output" == *"smaps is not readable (Permission denied): resident from status"* ]]
    [[ "$output" == *"private dirty ~"* ]]
}

@test "through a shell on a terminal: the same, and it ends" {
    start_idle
    cat >"$DIR/tty" <<'PYTHON'
import os, pty, sys
os.closerange(3, 10)
open(sys.argv[1], "w").write(str(os.getpid()))
pty.spawn(["sh"])
PYTHON

    run "$MTCTL" monitor --via "python3 $DIR/tty $DIR/pid; true" --pid "$IDLE" --rounds 2 \
        --settle 0 --step ": $(printf '%5000s' x)" --format "json:$DIR/r.json"

    echo "$output"
    [ "$status" -eq 0 ]
    is_gone "$(cat "$DIR/pid")"
    run "$MTCTL" monitor --via "python3 $DIR/tty $DIR/pid" --pid "$IDLE" --rounds 1 --step 'echo why; exit 3'
    echo "$output"
    [[ "$output" == *"the step gave exit status 3: why"* ]]
    [[ "$(json "$DIR/r.json" 'r["processes"][0]["ps_end"]')" == "uid "*" sleep 1000" ]]
    [[ "$(json "$DIR/r.json" 'r["processes"][0]["samples"][0]["heap"] > 0')" = True ]]
}

@test "a transport that does not end is ended" {
    start_idle

    printf '#!/bin/sh\nsh\necho $$ >"%s"\nexec sleep 988 3>&-\n' "$DIR/stays" >"$DIR/transport"
    chmod +x "$DIR/transport"

    run "$MTCTL" monitor --via "$DIR/transport; true" --pid "$IDLE" --rounds 1 --settle 0 --step true

    echo "$output"
    [ "$status" -eq 0 ]
    is_gone "$(cat "$DIR/stays")"
}

@test "through a shell: hung steps are killed, failed ones told, lost shells told" {
    start_idle

    run "$MTCTL" monitor --via sh --pid "$IDLE" --rounds 2 --step-timeout 0.3 --step "sleep 986"
    [ "$status" -eq 3 ]
    [[ "$output" == *"did not end within 0.3 s"* ]]
    run "$MTCTL" monitor --via sh --pid "$IDLE" --rounds 2 --step "echo why; exit 9"
    [ "$status" -eq 3 ]
    [[ "$output" == *"the step gave exit status 9: why"* ]]
    run "$MTCTL" monitor --via 'sh & wait $!' --pid "$IDLE" --rounds 2 --step true
    [ "$status" -eq 3 ]
    run "$MTCTL" monitor --via 'exec sh' --pid "$IDLE" --rounds 5 --settle 0 \
        --step 'if [ $MTCTL_ROUND = 3 ]; then kill -9 $(ps -o ppid= -p $PPID); fi'
    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"round 3 ended abnormally: the remote shell closed"* ]]
    [[ "$output" == *"(3 looks)"* ]]
}

@test "through ssh to a real sshd" {
    SSHD="$(command -v sshd || ls /usr/sbin/sshd 2>/dev/null)" || skip "sshd is not installed"
    ssh-keygen -q -t ed25519 -N '' -f "$DIR/host"
    ssh-keygen -q -t ed25519 -N '' -f "$DIR/key"
    cp "$DIR/key.pub" "$DIR/authorized"
    chmod 700 "$DIR"
    [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
    started=
    for try in 1 2 3 4 5; do
        SSH_PORT="$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
        "$SSHD" -D -e -f /dev/null -p "$SSH_PORT" -h "$DIR/host" -o ListenAddress=127.0.0.1 \
            -o PidFile=none -o StrictModes=no -o UsePAM=no \
            -o AuthorizedKeysFile="$DIR/authorized" >"$DIR/sshd.log" 2>&1 3>&- &
        DAEMON=$!
        wait_for "$DIR/sshd.log"
        if grep -q "listening" "$DIR/sshd.log"; then
            started=yes
            break
        fi
        wait "$DAEMON" || true
    done
    [ -n "$started" ]
    CHILDREN+=("$DAEMON")
    start_server 3000
    VIA="ssh -p $SSH_PORT -i $DIR/key -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=$DIR/known -o LogLevel=ERROR $(id -un)@127.0.0.1"

    run "$MTCTL" monitor --via "$VIA" --pid "$SERVER" --rounds 30 --settle 5 --step "$(load_step)"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"leak suspected after 30 rounds"* ]]
    rm "$DIR/authorized"
    run "$MTCTL" monitor --via "$VIA" --pid "$SERVER" --rounds 3 --step true
    echo "$output"
    [ "$status" -eq 3 ]
    [[ "$output" == *"the remote shell closed"*"ermission denied"* ]]
}
