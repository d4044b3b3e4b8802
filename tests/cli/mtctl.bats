# mtctl without a server: commands, the shell, scripts, the engine's options.
load mtctl

# --- commands ---

@test "the manual's examples are taken as they stand" {
    answers '' mem_alloc 10 k
    answers 0 mem_free 1 m
    answers 0 mem_used
    answers '' mem_rnd_alloc 1 64 10240 k
    answers '' mem_test_destroy_all
    answers '' mem_test_list
}

@test "a command may have its mt. in front and either case of the unit" {
    answers '' mt.mem_alloc 10 K
    answers 0 mt.mem_used M
}

@test "the warning is given once, and not with --quiet" {
    mtctl mem_used
    exits 0
    [ "$(grep -c 'debugging tool' <<<"$err")" = 1 ]

    mtctl -q mem_used
    [ -z "$err" ]
}

@test "wrong values are a 400, a wrong unit is a 500" {
    refuses '400 - invalid parameter values' mem_alloc
    refuses '400 - invalid parameter values' mem_alloc -5
    refuses '400 - invalid parameter values' mem_alloc ten
    refuses '400 - invalid parameter values' mem_rnd_alloc 10 5 100
    refuses '400 - invalid parameter values' mem_rnd_alloc 10 500 100
    refuses '400 - invalid parameter values' mem_test_start 1 2 10 20 10 1000
    refuses '400 - invalid parameter values' lock_test 0
    refuses '400 - test 99 not found' mem_test_stop 99
    refuses '400 - memory allocation failed' mem_realloc 10 k
    refuses '500 - bad param use b|k|m|g' mem_alloc 5 q
    refuses '500 - command nosuch not found' nosuch
}

@test "more than the memory limit is refused before it is taken" {
    refuses '400 - memory allocation failed' --memory-limit 1m mem_alloc 2 m
    answers '' --memory-limit 3m mem_alloc 2 m
}

@test "a timed test runs to its end and shows its fields in order" {
    mtctl -q mem_test_start 1 64 250 1 5 100 b

    exits 0
    fields=$(sed -n 's/^\t\(.*[^ ]\) *: [0-9]*$/\1/p' <<<"$out" | paste -sd,)
    expected='ID,run time (s),remaining (s),allocations,errors,overflows,total alloc,min,max,total'
    [ "$fields" = "$expected" ]
}

@test "a timed test without descriptors is a 400, and no abort" {
    local faults=0

    for limit in {4..12}; do
        told bash -c 'ulimit -n $1 && exec "$0" -q mem_test_start 1 2 10 1 2 10' "$SMT_BIN/mtctl" \
            "$limit"
        [ "$status" != 4 ] || faults=$((faults + 1))
        [ "$status" = 0 ] || [ "$status" = 4 ] || [ "$status" = 127 ] # no library was loaded
    done
    [ "$faults" -gt 1 ]
}

@test "--json answers one line of JSON for a result and for a fault" {
    answers '{"result":0}' --json mem_used
    answers '{"result":[]}' --json mem_test_list

    mtctl -q --json mem_alloc x
    exits 4
    [ "$out" = '{"error":{"code":400,"message":"invalid parameter values"}}' ]
}

# --- one table for help, man page and completion ---

# Long options in --help of `mtctl ARGUMENT...`, one a line
long_options()
{
    "$SMT_BIN/mtctl" "$@" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

@test "mtctl --help fits 100 columns and names every command and subcommand" {
    mtctl --help
    exits 0
    [ -z "$err" ]
    [ -z "$(grep -E '^.{101}' <<<"$out")" ]
    help=$out

    for word in $("$SMT_BIN/mtctl" -q system.listMethods) serve monitor run; do
        contains "$word" "$help"
    done
}

@test "every option, command and parameter of mtctl is in man page and completion" {
    man=$("$SMT_BIN/mtctl" --print-man | sed 's/\\-/-/g; s/\\f.//g')
    completion=$("$SMT_BIN/mtctl" --print-completion=bash)

    [ "$( (long_options; long_options serve; long_options run; long_options monitor) | wc -l)" -ge 40 ]
    for option in $(long_options; long_options serve; long_options run; long_options monitor); do
        contains "$option" "$man"
        contains "$option" "$completion"
    done
    for name in $("$SMT_BIN/mtctl" -q system.listMethods) mem_check_content fault_limit; do
        contains "$name" "$man"
        contains "$name" "$completion"
    done
}

@test "every option of mtctl --help is known to the parser" {
    for subcommand in '' serve run monitor; do
        for option in $(long_options $subcommand); do
            mtctl $subcommand "$option=1" --no-such-option
            exits 2
            [[ $err != *"$option: no such option"* ]]
        done
    done
}

@test "the man page of mtctl has its sections and no warnings" {
    man_page_has mtctl NAME SYNOPSIS DESCRIPTION OPTIONS COMMANDS PARAMETERS "MTCTL SERVE" "MTCTL RUN" \
        "MTCTL MONITOR" "EXIT STATUS" FILES EXAMPLES "SEE ALSO"
}

# complete_words WORD...: what bash offers for the last word
complete_words()
{
    bash -c 'compopt() { :; }; eval "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
             _mtctl; printf "%s\n" "${COMPREPLY[@]}"' \
        - "$("$SMT_BIN/mtctl" --print-completion=bash)" "$@"
}

@test "completion of mtctl: options, commands, units, parameters, subcommands" {
    [ "$(complete_words mtctl --back)" = --backend= ]
    [ "$(complete_words mtctl --backend = he)" = heap ]
    [ "$(complete_words mtctl -p mem_ch)" = mem_check_content= ]
    [ "$(complete_words mtctl mem_rn)" = mem_rnd_alloc ]
    [ "$(complete_words mtctl -q mt.mem_rn)" = mt.mem_rnd_alloc ]
    [ "$(complete_words mtctl mem_alloc 10 '')" = $'b\nk\nm\ng' ]
    [ "$(complete_words mtctl cfg.get misctest mem_re)" = mem_realloc_p ]
    [ "$(complete_words mtctl memscope st)" = $'start\nstats\nstop' ]
    [ "$(complete_words mtctl ser)" = serve ]
    [ "$(complete_words mtctl serve --backg)" = --background ]
    [ "$(complete_words mtctl run --kmemleak of)" = off ]
    [ "$(complete_words mtctl monitor --format = js)" = json ]
}

@test "an option before a subcommand is told where it belongs" {
    mtctl -q serve

    exits 2
    contains 'mtctl serve' "$err"
}

@test "engine options have no meaning in a client" {
    mtctl -s "$socket" -p mem_check_content=1 mem_used

    exits 2
    contains '--server' "$err"
}

# --- the shell ---

@test "a line the shell cannot read is a fault as any" {
    told "$SMT_BIN/mtctl" -q <<<'mem_alloc "10'
    exits 4
    contains 'error: 400 - a quote is not closed' "$err"

    told "$SMT_BIN/mtctl" -q --json <<<'mem_alloc "10'
    exits 4
    contains '{"error":{"code":400,"message":"a quote is not closed"}}' "$out"
}

@test "the shell keeps chunks between commands and goes on after a fault" {
    mtctl -q <<'END'
mem_alloc 10 k
mem_alloc 3 m
nosuch
# a comment
mem_used k
mem_realloc 1 k
mem_free
END

    exits 4
    [ "$err" = 'error: 500 - command nosuch not found' ]
    [ "$(sed -n 1p <<<"$out")" = 3082 ]
    [ "$(wc -l <<<"$out")" = 3 ]
}

@test "mem_free frees smaller chunks first" {
    mtctl -q <<'END'
mem_alloc 3 m
mem_alloc 10 k
mem_alloc 20 k
mem_free 15 k
mem_used k
END

    exits 0
    [ "$out" = $'30720\n3072' ] || [ "$out" = $'30\n3072' ]
}

# types HOME: what the shell shows on a terminal when standard input's lines are
# typed, each once the shell has shown the text before its bar
types()
{
    HOME=$1 XDG_STATE_HOME= TERM=vt100 python3 -c '
import os, pty, select, signal, sys, termios, time

child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], [sys.argv[1], "-q"])
shown, seen = b"", 0
for line in sys.stdin.read().splitlines():
    awaited, typed = line.split("|", 1)
    end = time.time() + 30
    while (at := shown.find(awaited.encode(), seen)) < 0 and time.time() < end:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096)
    seen = at + len(awaited) if at >= 0 else len(shown)
    # The prompt is shown before the line is edited, and until then the terminal echoes and
    # takes Ctrl-C itself. A lone Ctrl-C is for a command: no line is edited any more.
    edits = typed != "\\x03"
    while typed and time.time() < end and edits == bool(termios.tcgetattr(terminal)[3] & termios.ICANON):
        pass
    os.write(terminal, typed.encode().decode("unicode_escape").encode())
# What is typed while the shell is busy with a line may be lost.
try:
    for again in range(10):
        while select.select([terminal], [], [], 3)[0]:
            shown += os.read(terminal, 4096)
        os.write(terminal, b"quit\n")
    os.kill(child, signal.SIGKILL)
except OSError:
    pass
sys.stdout.write(shown.decode().replace("\r", "").replace("\0", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))' "$SMT_BIN/mtctl"
}

@test "on a terminal, Tab completes commands, units and parameters" {
    said=$(types "$BATS_TEST_TMPDIR" <<'END'
mt> |mem_al\t
mem_alloc |10 k\n
mt> |mem_used \t
  g|b\n
10240|cfg.get misc\t
misctest |mem_re\t
mem_realloc_p |\n
mt> |quit\n
END
    )

    contains 'mt> mem_alloc 10 k' "$said"
    contains $'  b\n  k\n  m\n  g' "$said"
    contains 'mt> cfg.get misctest mem_realloc_p' "$said"
}

@test "on a terminal, the arrow key brings back the last session's lines" {
    types "$BATS_TEST_TMPDIR" <<'END'
mt> |mem_used k\n
mt> |quit\n
END

    said=$(types "$BATS_TEST_TMPDIR" <<'END'
mt> |mem_alloc 7 k\n
mt> |\x1b[A\x1b[A\x1b[A\n
7|\x04
END
    )

    contains $'mem_used k\n7\n' "$said"
}

@test "on a terminal, a line is kept before it is carried out" {
    said=$(types "$BATS_TEST_TMPDIR" <<END
mt> |cfg.seti misctest message 1\\n
mt> |cfg.sets misctest message_file $BATS_TEST_TMPDIR/.mtctl_history\\n
findings|quit\\n
END
    )

    contains '.mtctl_history: ' "$said"
    contains ' bytes, not accepted' "$said"
}

@test "on a terminal, letters of any language are kept, in any locale" {
    for locale in C C.UTF-8 de_DE.ISO-8859-1; do
        said=$(LC_ALL=$locale types "$BATS_TEST_TMPDIR" <<'END'
mt> |cfg.sets misctest message_file /tmp/j\xf6rg\n
mt> |cfg.get misctest message_file\n
mt> |quit\n
END
        )

        contains $'message_file\n/tmp/jörg\n' "$said"
    done
}

@test "on a terminal, Ctrl-C gives up a line, or a long command, not the shell" {
    said=$(types "$BATS_TEST_TMPDIR" <<'END'
mt> |mem_alloc 7 k\n
mt> |mem_alloc 9
mem_alloc 9|9\x03
mt> |lock_test 9000000000000000000\n
lock_test 9|\x03
interrupted|
mt> |mem_alloc 1 k\n
mt> |mem_used k\n
mt> |quit\n
END
    )

    contains 'error: 500 - interrupted' "$said"
    contains $'mt> mem_used k\n8\n' "$said"
    contains $'^C\nmt> lock_test' "$said"
}

# --- scripts ---

@test "an excerpt of a Kamailio configuration runs verbatim" {
    cat >"$BATS_TEST_TMPDIR/kamailio.cfg" <<'END'
#!KAMAILIO
loadmodule "misctest.so"
...
modparam("misctest", "memory", 1)
modparam("misctest", "mem_check_content", 1)
modparam("tm", "fr_timer", 5)
...
request_route {
    mem_alloc(1048576); # 1MB
    mt_mem_alloc(4096); /* and
    more */
}
END
    printf '%s\n' 'mem_used' 'cfg.get misctest mem_check_content' 'mem_free();' 'mt.mem_used' \
        >>"$BATS_TEST_TMPDIR/kamailio.cfg"

    answers $'1052672\n1\n0' -f "$BATS_TEST_TMPDIR/kamailio.cfg"
}

@test "a script reads what Kamailio does: quotes, hexadecimal, lists of modules" {
    cat >"$BATS_TEST_TMPDIR/script" <<'END'
modparam("tm|misctest|sl", "mem_check_content", "1")
modparam('misctest', 'message_data', 'a;"b\n", /* c')
mem_alloc("1000"); mem_alloc(0x10);
mem_used
cfg.get misctest mem_check_content
cfg.get misctest message_data
END

    answers $'1016\n1\na;"b\\n", /* c' -f "$BATS_TEST_TMPDIR/script"

    for line in 'modparam("misctests|tm", "mem_check_content", 1)' 'modparam("m", "memory", 0)'; do
        printf '%s\n' "$line" 'mem_alloc 1' 'cfg.get misctest mem_check_content' >"$BATS_TEST_TMPDIR/script"
        answers 0 -f "$BATS_TEST_TMPDIR/script"
    done
}

@test "a whole kamailio.cfg runs what is misctest's and tells what it left out" {
    cat >"$BATS_TEST_TMPDIR/kamailio.cfg" <<'END'
#!KAMAILIO
#!define WITH_MISCTEST
#!ifdef WITH_ACC
   ALTER TABLE acc ADD COLUMN src_user VARCHAR(64) NOT NULL DEFAULT '';
   #!ifdef WITH_MISCTEST
mem_alloc(1);
   #!endif
#!else
debug=2
#!endif
listen=udp:127.0.0.1:5060
tcp.reuse = 1 desc "a {"
loadmodule "sl.so"
loadmodule "misctest.so"
#!ifdef WITH_MISCTEST
modparam("misctest", "mem_check_content", 1)
#!else
mem_alloc(2);
#!endif
modparam("acc", "log_extra",
    "src_user=$fU;" "x")
request_route { mem_alloc(1048576); # 1MB
    if (!mf_process_maxfwd_header("10")) {
        sl_send_reply("483", "Too { Many");
        exit;
    }
    if ($rU == $null
            || is_method("OPTIONS")) mt_mem_alloc(4096); else { drop; }
    switch ($rU) {
    case "a:b": mem_alloc(16);
        break;
    default: $var(x) = 'a}';
    }
    route(RELAY);
}
route[RELAY] {
    t_relay();
}
mem_used
cfg.get misctest mem_check_content
END

    answers $'1052688\n1' -f "$BATS_TEST_TMPDIR/kamailio.cfg"

    [ "$err" = "mtctl: $BATS_TEST_TMPDIR/kamailio.cfg: left out as not misctest's: 3 lines by \
#!ifdef (first in line 4); 3 settings (first in line 9); 2 lines of other modules (first in line \
13); 4 conditions, whose statements run (first in line 23); 7 other statements (first in line 24)" ]
}

@test "a mistake in a block is told, and not taken for another module's" {
    for line in 'mem_aloc(1);' 'mt_mem_used();' 'mem_alloc("much");'; do
        printf 'request_route {\n%s\n}\n' "$line" >"$BATS_TEST_TMPDIR/script"

        mtctl -q -f "$BATS_TEST_TMPDIR/script"

        exits 2
        contains 'script:2: ' "$err"
    done
    for line in 'xlog("outside of a block");' 'mem_aloc 1'; do
        printf '%s\n' "$line" >"$BATS_TEST_TMPDIR/script"

        mtctl -q -f "$BATS_TEST_TMPDIR/script"

        [ "$status" = 2 ] || [ "$status" = 4 ]
        contains 'script:1: ' "$err"
    done
}

@test "braces in a command's argument are no block" {
    printf 'cfg.sets misctest message_data {a}\ncfg.get misctest message_data\n' \
        >"$BATS_TEST_TMPDIR/script"

    answers '{a}' -f "$BATS_TEST_TMPDIR/script"
}

@test "a comment that is not closed is told with its line" {
    printf 'mem_alloc 1\n mem_used\n/* this\nmem_used\n' >"$BATS_TEST_TMPDIR/script"

    mtctl -q -f "$BATS_TEST_TMPDIR/script"

    exits 2
    contains 'script:3: a comment is not closed' "$err"
}

@test "half of a command that was interrupted is no answer" {
    {
        printf 'INVITE sip:a@b SIP/2.0\r\n'
        printf 'Via: SIP/2.0/UDP h%d;branch=z\r\n' {1..15000}
        echo
    } >"$BATS_TEST_TMPDIR/long.sip"
    for words in 'lock_test 9000000000000000000' 'mem_rnd_alloc 1 1 9000000000000000000' \
        "-p message=1 cfg.sets misctest message_file $BATS_TEST_TMPDIR/long.sip"; do
        env --default-signal=INT "$SMT_BIN/mtctl" -q --memory-limit 16g $words \
            >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
        until [ "/proc/$!/exe" -ef "$SMT_BIN/mtctl" ] &&
            grep -q '^SigCgt:.*[2367abef]$' "/proc/$!/status"; do :; done

        kill -INT $!

        wait $! || status=$?
        [ "$status" = 130 ]
        [ ! -s "$BATS_TEST_TMPDIR/out" ]
        [ "$(<"$BATS_TEST_TMPDIR/err")" = 'error: 500 - interrupted' ]
    done
}

# reading_interrupted SIGNAL OPTION...: how an mtctl ends that waits for more
# input when the signal comes; sets $status
reading_interrupted()
{
    local input program signal=$1
    shift

    mkfifo "$BATS_TEST_TMPDIR/input.$signal"
    exec {input}<>"$BATS_TEST_TMPDIR/input.$signal"
    echo mem_alloc 10 >&"$input"
    env --default-signal=INT "$SMT_BIN/mtctl" -q "$@" <&"$input" 3>&- &
    program=$!
    until grep -q '^\(0\|63\) 0x0 ' "/proc/$program/syscall"; do :; done # read(0)
    kill -"$signal" "$program"
    status=0
    wait "$program" || status=$?
    exec {input}>&-
    rm "$BATS_TEST_TMPDIR/input.$signal"
}

@test "Ctrl-C and SIGTERM end a script or a shell that waits for its input" {
    reading_interrupted INT -f -
    [ "$status" = 130 ]
    reading_interrupted TERM -f -
    [ "$status" = 143 ]
    reading_interrupted INT
    [ "$status" = 130 ]
    reading_interrupted TERM
    [ "$status" = 130 ]
}

@test "a script's first fault ends it, and its line is told" {
    printf 'mem_alloc 1\n\nmem_alloc 5 q\nmem_used\n' >"$BATS_TEST_TMPDIR/script"

    mtctl -q -f "$BATS_TEST_TMPDIR/script"

    exits 4
    [ -z "$out" ]
    contains 'error: 500 - bad param use b|k|m|g' "$err"
    contains 'script:3:' "$err"
}

@test "a statement that cannot be read is told with its line" {
    printf 'mem_alloc(1);\nmem_alloc("much");\n' >"$BATS_TEST_TMPDIR/script"

    mtctl -q -f "$BATS_TEST_TMPDIR/script"

    exits 2
    contains 'script:2: expected mem_alloc(size)' "$err"
}

# --- the message test ---

@test "message=1 with a file runs the message test and reports" {
    mtctl -q -p message=1 -p "message_file=$invite"

    exits 0
    contains 'clean runs' "$out"
    contains 'no findings' "$out"
}

@test "the parameters of the message test may come in any order" {
    mtctl -q -p "message_file=$invite" -p message=1 mem_used

    exits 0
    contains 'no findings' "$out"
}

@test "without message=1 the message is only kept" {
    answers '' cfg.sets misctest message_file "$invite"
}

@test "with --json the report of a parameter's message test is JSON too" {
    mtctl -q --json -p message=1 -p "message_data=OPTIONS sip:a@b SIP/2.0\r\n\r\n" mem_used

    exits 0
    python3 -c 'import json, sys
report, used = [json.loads(line)["result"] for line in sys.stdin]
assert report.endswith("\nno findings") and used == 0' <<<"$out"
}

@test "a message test's finding is told, and is exit status 1" {
    mtctl -q --parser selftest -p message=1 -p "message_file=$selftest/bug-leak.sip" mem_used

    exits 1
    contains 'leak: 1 block' "$out"
    contains 'allocated in selftest_bug_leak' "$out"
    contains '1 finding' "$out"
}

@test "message_data in a modparam has its escapes decoded once" {
    printf 'modparam("misctest", "message", 1)\nmodparam("misctest", "message_data", "%s")\n' \
        'OPTIONS sip:a@b SIP/2.0\r\nSubject: \"\r\n\r\n' >"$BATS_TEST_TMPDIR/script"

    mtctl -q -f "$BATS_TEST_TMPDIR/script"

    exits 0
    contains 'message_data: 39 bytes' "$out"
}

@test "message_data as a word has its escapes decoded too" {
    mtctl -q -p message=1 cfg.sets misctest message_data 'OPTIONS sip:a@b SIP/2.0\r\n\r\n'

    exits 0
    contains 'message_data: 27 bytes' "$out"
}

@test "a script that is a directory is told as such" {
    mtctl -q -f "$BATS_TEST_TMPDIR"

    exits 2
    [ "$err" = "mtctl: $BATS_TEST_TMPDIR: is a directory, not a file" ]
}

@test "a wrong value of an option says which are right" {
    mtctl -q -p nosuch=1 mem_used
    exits 2
    contains '--param: nosuch=1: no such parameter; known: memory mem_check_content' "$err"

    mtctl -q --parser nosuch mem_used
    exits 2
    contains "mtctl: --parser: no parser is called 'nosuch'; known: osip" "$err"
}

@test "a fault quotes no control characters" {
    refuses '500 - command a?[31mb not found' $'a\x1b[31mb'
}

@test "a message file that is not there is a fault" {
    refuses '400 - /nonexistent: cannot open: No such file or directory' \
        -p message=1 cfg.sets misctest message_file /nonexistent
}

# --- the engine ---

@test "the heap backend refuses the allocation it is told to" {
    printf 'mem_alloc 10\nmem_alloc 10\nmem_alloc 10\n' >"$BATS_TEST_TMPDIR/script"

    refuses_third() { mtctl -q --backend heap "$@" -f "$BATS_TEST_TMPDIR/script"; }

    refuses_third -p fault_nth=3
    exits 4
    contains '400 - memory allocation failed' "$err"
    refuses_third -p fault_nth=4
    exits 0
}

@test "libc has no fault plan, and says which backend has" {
    mtctl -q -p fault_nth=1 mem_used

    exits 2
    contains 'use --backend heap' "$err"
}

@test "other allocators are stressed by LD_PRELOAD" {
    for library in libmimalloc.so.2 libjemalloc.so.2; do
        ldconfig -p | grep -qF "$library" || skip "$library is not installed"
        LD_PRELOAD=$library answers '' -p mem_check_content=1 mem_rnd_alloc 16 256 5000000
    done
}
