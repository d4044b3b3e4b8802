# Shared by the tests of mtctl: the program, and a server in front of the test.
load common

mtctl() { told "$SMT_BIN/mtctl" "$@"; }

# answers TEXT COMMAND...: exactly this, and exit status 0
answers()
{
    local expected=$1
    shift
    mtctl -q "$@"
    exits 0 || return 1
    [ "$out" = "$expected" ] && return
    printf '%s\nanswered: %s\nexpected: %s\n' "$*" "$out" "$expected"
    return 1
}

# refuses TEXT COMMAND...: `error: TEXT` on standard error, and exit status 4
refuses()
{
    local expected="error: $1"
    shift
    mtctl -q "$@"
    exits 4 || return 1
    [ "$err" = "$expected" ] && return
    printf '%s\nanswered: %s\nexpected: %s\n' "$*" "$err" "$expected"
    return 1
}

# server_start LISTENER...: sets $server to its process id and $listening to the
# addresses it tells; returns when it answers. Its complaints go to server.err.
# $limit, if set, is a command before it.
server_start()
{
    local arguments=() address line

    for address; do arguments+=(--listen "$address"); done
    exec 7< <(${limit-} && exec "$SMT_BIN/mtctl" serve -q "${arguments[@]}" \
        2>"$BATS_TEST_TMPDIR/server.err" 3>&-)
    server=$!
    listening=()
    for address; do
        read -r -u 7 line || {
            cat "$BATS_TEST_TMPDIR/server.err"
            return 1
        }
        listening+=("${line#listening on }")
    done
}

# server_stop: SIGTERM; sets $status
server_stop()
{
    status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    exec 7<&-
}

# gone PATH: waits until there is no such file
gone()
{
    local i

    for ((i = 0; i < 500; i++)); do
        [ -e "$1" ] || return 0
        sleep 0.01
    done
    return 1
}

socket=$BATS_TEST_TMPDIR/socket
server=
limit=

teardown()
{
    [ -z "$server" ] || kill -KILL "$server"
    [ ! -s "$BATS_TEST_TMPDIR/pid" ] || kill -KILL "$(<"$BATS_TEST_TMPDIR/pid")" || true
}
