# mtctl serve, as kamcmd, JSON-RPC clients, telnet, nc, socat and mtctl -s see it.
load mtctl

kamcmd_answers()
{
    local expected=$1 got
    shift
    got=$(timeout 10 kamcmd -s "unix:$socket" "$@")
    [ "$got" = "$expected" ] && return
    printf '%s\nanswered: %s\nexpected: %s\n' "$*" "$got" "$expected"
    return 1
}

# --- kamcmd ---

@test "kamcmd: chunks are allocated, resized and freed" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    kamcmd_answers '' mt.mem_alloc 10 k
    kamcmd_answers 10240 mt.mem_used
    kamcmd_answers 10 mt.mem_realloc 20 k
    kamcmd_answers -19 mt.mem_realloc 1 k
    kamcmd_answers '' mt.mem_alloc 3 m
    kamcmd_answers 3 mt.mem_free 1 m
    kamcmd_answers '' mt.mem_rnd_alloc 1 64 10240 k
    kamcmd_answers 10240 mt.mem_used k
    kamcmd_answers 10485760 mt.mem_free
}

@test "kamcmd: sizes beyond 32 bits" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    kamcmd_answers '' mt.mem_alloc 8 g
    kamcmd_answers 8589934592 mt.mem_used
    kamcmd_answers 8 mt.mem_free 1 g
    kamcmd_answers '' mt.mem_alloc s:5000000000
    kamcmd_answers 5000000000 mt.mem_free
}

@test "kamcmd: timed tests are started, listed, stopped and destroyed" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    kamcmd_answers 1 mt.mem_test_start 15 64 25000 128 1500 3600000 k
    kamcmd_answers 2 mt.mem_test_start 1 64 250 1 15 3600000
    ids=$(kamcmd -s "unix:$socket" mt.mem_test_list | sed -n 's/\tID  *: //p' | paste -sd,)
    [ "$ids" = 2,1 ]
    contains 'total        : 25000' "$(kamcmd -s "unix:$socket" mt.mem_test_list 1 k)"
    kamcmd_answers '' mt.mem_test_stop 1
    kamcmd_answers '' mt.mem_test_destroy 1
    kamcmd_answers 'error: 400 - test 1 not found' mt.mem_test_stop 1
    kamcmd_answers '' mt.mem_test_destroy_all 7
    kamcmd_answers '' mt.mem_test_list
    kamcmd_answers 3 mt.mem_test_start 1 64 250 1 15 3600000
}

@test "kamcmd: the rest of the table, and faults as misctest words them" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    kamcmd_answers '' cfg.seti misctest mem_check_content 1
    kamcmd_answers 1 cfg.get misctest mem_check_content
    kamcmd_answers '' cfg.set_now_int misctest mem_check_content 0
    kamcmd_answers 0 cfg.get misctest mem_check_content
    contains 'misctest: mem_realloc_p' "$(kamcmd -s "unix:$socket" cfg.list)"
    contains 'locks        : 1000' "$(kamcmd -s "unix:$socket" mt.lock_test 1000)"
    contains 'mt.mem_rnd_alloc' "$(kamcmd -s "unix:$socket" system.listMethods)"
    contains 'mtctl ' "$(kamcmd -s "unix:$socket" core.version)"
    contains 'smaller chunks first' "$(kamcmd -s "unix:$socket" help mt.mem_free)"
    kamcmd_answers 'error: 500 - bad param use b|k|m|g' mt.mem_alloc 5 q
    kamcmd_answers 'error: 400 - invalid parameter values' mt.lock_test 0
    kamcmd_answers 'error: 400 - memory allocation failed' mt.mem_realloc 1
    kamcmd_answers 'error: 500 - command nosuch.method not found' nosuch.method
}

@test "kamcmd: interactive" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    said=$(printf '%s\n' 'mt.mem_alloc 10 k' 'mt.mem_used' quit | kamcmd -s "unix:$socket")

    [ "$(grep -xc 10240 <<<"$said")" = 1 ]
}

@test "kamcmd: the message test" {
    command -v kamcmd || skip "kamcmd is not installed"
    server_start "unix:$socket"

    kamcmd_answers '' cfg.seti misctest message 1
    contains 'no findings' "$(kamcmd -s "unix:$socket" cfg.sets misctest message_file "$invite")"
}

# --- JSON-RPC ---

@test "JSON-RPC: one request, a batch, netstrings, 64-bit numbers" {
    server_start "unix:$socket"

    python3 - "$socket" <<'END'
import json, socket, sys

def exchange(sent):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(sys.argv[1])
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))

def call(method, params, id):
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id}

one = json.dumps(call("mt.mem_alloc", [8, "g"], 1)).encode()
assert json.loads(exchange(one + b"\n")) == {"jsonrpc": "2.0", "result": None, "id": 1}

length, answer = exchange(b"9999999:{").split(b":", 1)
assert int(length) == len(answer) - 1 and json.loads(answer[:-1])["error"]["code"] == -32600

batch = [call("mt.mem_used", [], "a"), call("mt.mem_free", {"size": 1, "unit": "g"}, 2),
         {"jsonrpc": "2.0", "method": "mt.mem_alloc", "params": [1]}, call("nosuch", [], 3)]
answers = {answer["id"]: answer for answer in json.loads(exchange(json.dumps(batch).encode()))}
assert len(answers) == 3
assert answers["a"]["result"] == 8589934592
assert answers[2]["result"] == 8
assert answers[3]["error"]["code"] == -32601

text = json.dumps(call("mt.mem_used", [], 4)).encode()
size, rest = exchange(b"%d:%s," % (len(text), text)).split(b":", 1)
assert rest[int(size):] == b"," and json.loads(rest[:int(size)])["result"] == 1

assert json.loads(exchange(b'{"jsonrpc": \n'))["error"]["code"] == -32700
fault = json.loads(exchange(json.dumps(call("mt.mem_alloc", [5, "q"], 5)).encode()))["error"]
assert fault == {"code": 500, "message": "bad param use b|k|m|g"}
END
}

# --- text ---

@test "nc and socat: text lines, one answer each" {
    server_start "unix:$socket" tcp:127.0.0.1:0

    said=$(printf '%s\n' 'mem_alloc 10 k' mem_used 'mem_alloc 5 q' quit | nc -U "$socket")
    [ "$said" = $'ok\n10240\nerror: 500 - bad param use b|k|m|g' ]
    said=$(printf 'mt.mem_used k\n' | socat - "${listening[1]}")
    [ "$said" = 10 ]
}

@test "telnet: only its listener greets, and ends lines as telnet does" {
    command -v telnet || skip "telnet is not installed"
    server_start telnet:127.0.0.1:0 tcp:127.0.0.1:0
    port=${listening[0]##*:}

    coproc session { telnet 127.0.0.1 "$port" 3>&-; }
    printf 'mem_alloc 10 k\r\nmem_used\r\nquit\r\n' >&"${session[1]}"
    said=$(cat <&"${session[0]}") || true

    contains '> ' "$said"
    contains '10240' "$said"
    [ -z "$(nc -N 127.0.0.1 "${listening[1]##*:}" </dev/null)" ]
}

@test "what no protocol begins with is answered and dropped, others are served" {
    server_start "unix:$socket"

    head -c 4096 /dev/urandom | nc -N -U "$socket" >/dev/null || true
    printf '\xa1\x1f\xff\xff\xff\xff' | nc -N -U "$socket" >/dev/null || true
    printf '\xa1\x03\x27' | nc -N -U "$socket" >/dev/null || true
    said=$(printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | nc -N -U "$socket")
    contains 'no web server' "$said"

    answers 0 -s "$socket" mem_used
}

# --- mtctl -s ---

@test "mtctl -s prints what the local shell prints" {
    server_start "unix:$socket" tcp:127.0.0.1:0

    answers '' -s "$socket" mem_alloc 10 k
    answers 10 -s "${listening[1]}" mem_used k
    answers '{"result":10240}' -s "unix:$socket" --json mem_used
    refuses '500 - command foo not found' -s "$socket" foo
    refuses '500 - bad param use b|k|m|g' -s "$socket" mem_alloc 5 q
    mtctl -q -s "$socket" <<<$'mem_alloc 1 k\nmem_used'
    [ "$out" = 11264 ]
}

@test "a script runs in a server too" {
    server_start "unix:$socket"
    printf 'modparam("misctest", "mem_check_content", 1)\nmem_alloc(4096);\n' \
        >"$BATS_TEST_TMPDIR/script"

    answers '' -s "$socket" -f "$BATS_TEST_TMPDIR/script"
    answers 4096 -s "$socket" mem_used
}

@test "mtctl -s tells what the server said before it hung up" {
    server_start "unix:$socket"
    printf 'cfg.sets misctest message_data "%02000000d"\n' 0 >"$BATS_TEST_TMPDIR/script"

    mtctl -s "$socket" -f "$BATS_TEST_TMPDIR/script"

    exits 4
    contains 'error: -32600 - malformed or oversized message' "$err"
    contains 'script:1: the script ended here' "$err"
}

@test "without a server, mtctl -s says what to start" {
    mtctl -s "$socket" mem_used

    exits 3
    contains 'is `mtctl serve` running?' "$err"
}

@test "a client's end is seen while another's message test runs" {
    server_start "unix:$socket"
    {
        printf 'INVITE sip:a@b SIP/2.0\r\n'
        printf 'Via: SIP/2.0/UDP h%d;branch=z\r\n' {1..15000}
        echo
    } >"$BATS_TEST_TMPDIR/long.sip"

    timeout 60 python3 - "$socket" "$server" "$BATS_TEST_TMPDIR/long.sip" <<'END'
import os, socket, sys, time

def connected():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(sys.argv[1])
    return client

def has_child():
    tasks = f"/proc/{sys.argv[2]}/task"
    return any(open(f"{tasks}/{task}/children").read() for task in os.listdir(tasks))

leaver, tester = connected(), connected()
leaver.sendall(b"mem_used\n")
assert leaver.recv(10) == b"0\n"
tester.sendall(f"cfg.seti misctest message 1\ncfg.sets misctest message_file {sys.argv[3]}\n".encode())
end = time.time() + 10
while not has_child(): assert time.time() < end
leaver.sendall(b"quit\n")
assert leaver.recv(10) == b""
assert has_child()
END
}

# --- coming and going ---

@test "SIGTERM stops cleanly and reports the leaks it was told to force" {
    server_start "unix:$socket"
    answers '' -s "$socket" mem_alloc 10 k

    server_stop

    [ "$status" = 0 ]
    [ ! -e "$socket" ]
    contains '10240 bytes in 1 chunk leaked' "$(<"$BATS_TEST_TMPDIR/server.err")"
}

@test "SIGHUP stops as SIGTERM does, but for nohup" {
    server_start "unix:$socket"
    kill -HUP "$server"
    wait "$server"
    [ ! -e "$socket" ]
    contains 'nothing was left allocated' "$(<"$BATS_TEST_TMPDIR/server.err")"

    trap '' HUP
    server_start "unix:$socket"
    trap - HUP
    kill -HUP "$server"
    answers 0 -s "$socket" mem_used
}

@test "without standard streams it serves, and no client sees what it tells" {
    "$SMT_BIN/mtctl" serve -q --listen "unix:$socket" <&- >&- 2>&- 3>&- &
    server=$!
    until [ -S "$socket" ]; do :; done
    until timeout 10 nc -N -U "$socket" <<<mem_used >"$BATS_TEST_TMPDIR/answer"; do :; done
    [ "$(<"$BATS_TEST_TMPDIR/answer")" = 0 ]

    kill -TERM "$server"
    wait "$server"
    server=
}

@test "without room for its threads the server tells, and does not abort" {
    told bash -c 'ulimit -v 20000 && exec "$0" serve -q --listen "unix:$1"' "$SMT_BIN/mtctl" "$socket"

    exits 3
    contains 'mtctl: cannot start the server: ' "$err"
    [ ! -e "$socket" ]
}

@test "the socket is the user's alone" {
    server_start "unix:$socket"

    [ "$(stat -c %a "$socket")" = 600 ]
}

@test "streams that were closed are no trouble" {
    "$SMT_BIN/mtctl" serve -q --listen "unix:$socket" <&- >&- 2>&- 3>&- &
    server=$!
    until "$SMT_BIN/mtctl" -q -s "$socket" mem_used; do kill -0 "$server"; done

    kill -TERM "$server"
    status=0
    wait "$server" || status=$?
    server=
    [ "$status" = 0 ]
}

@test "a live server's socket is refused, a dead one's replaced" {
    server_start "unix:$socket"
    mtctl serve -q --listen "unix:$socket"
    exits 3
    contains 'a server is listening there already' "$err"

    kill -KILL "$server"
    wait "$server" || true
    [ -S "$socket" ]
    server_start "unix:$socket"
    answers 0 -s "$socket" mem_used
}

@test "of servers that start at once on a dead one's socket one serves" {
    local servers=() i

    server_start "unix:$socket"
    kill -KILL "$server"
    wait "$server" || true
    server=
    for i in 1 2 3 4; do
        timeout 20 "$SMT_BIN/mtctl" serve -q --listen "unix:$socket" \
            >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
        servers+=($!)
    done

    # the others complain, or the time is over
    until [ "$(cat "$BATS_TEST_TMPDIR"/err.* | wc -l)" -ge 3 ]; do sleep 0.01; done
    answers 0 -s "$socket" mem_used
    kill -TERM "${servers[@]}" || true

    [ "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c listening)" = 1 ]
    [ "$(cat "$BATS_TEST_TMPDIR"/err.* | grep -c 'is listening there already')" = 3 ]
}

@test "a file that is no socket is left alone" {
    echo kept >"$socket"

    mtctl serve -q --listen "unix:$socket"

    exits 3
    [ "$(<"$socket")" = kept ]
}

@test "only loopback addresses are listened on" {
    for address in tcp:0.0.0.0:0 tcp:10.0.0.1:5000 'tcp:[::]:0' telnet:8.8.8.8:23; do
        mtctl serve -q --listen "$address"
        exits 2
        contains 'ssh -L' "$err"
    done
}

@test "a log that cannot be written is told before it serves" {
    mtctl serve -q --listen "unix:$socket" --log /nonexistent/log

    exits 3
    [ -z "$out" ]
    contains '/nonexistent/log: No such file' "$err"
}

@test "in the background: answers when it returns, pid file is one server's" {
    mtctl serve -q --background --pid-file "$BATS_TEST_TMPDIR/pid" --listen "unix:$socket" \
        --log "$BATS_TEST_TMPDIR/log" 3>&-
    exits 0
    answers '' -s "$socket" mem_alloc 1 k

    mtctl serve -q --background --pid-file "$BATS_TEST_TMPDIR/pid" --listen "unix:$socket.2" 3>&-
    exits 3
    contains 'a server that is running has it' "$err"

    kill -TERM "$(<"$BATS_TEST_TMPDIR/pid")"
    gone "$BATS_TEST_TMPDIR/pid"
    contains '1024 bytes in 1 chunk leaked' "$(<"$BATS_TEST_TMPDIR/log")"
}

@test "a pid file that is another's by now, or no file, is left alone" {
    mtctl serve -q --pid-file /dev/null --listen "unix:$socket"
    exits 3
    contains '/dev/null: is no file that can be removed' "$err"
    [ -c /dev/null ]

    mtctl serve -q --background --pid-file "$BATS_TEST_TMPDIR/pid" --listen "unix:$socket" 3>&-
    first=$(<"$BATS_TEST_TMPDIR/pid")
    rm "$BATS_TEST_TMPDIR/pid"
    mtctl serve -q --background --pid-file "$BATS_TEST_TMPDIR/pid" --listen "unix:$socket.2" 3>&-
    kill -TERM "$first"
    gone "$socket"
    while kill -0 "$first"; do :; done
    [ -s "$BATS_TEST_TMPDIR/pid" ]
}
