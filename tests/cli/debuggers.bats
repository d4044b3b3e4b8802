#!/usr/bin/env bats
# The tool under valgrind and gdb: they see the parser's memory and its frames.
#
# Sanitizer builds are left out: valgrind cannot run them.

load common

setup()
{
    if nm -D "$SMT_BIN/sipmemtest" | grep -q __asan_init; then
        skip "a sanitizer build"
    fi
}

# under_valgrind ARGUMENT...: sets $status, $report (valgrind's) and $out (the tool's)
under_valgrind()
{
    told valgrind --suppressions="$SMT_ROOT/tests/valgrind.supp" --leak-check=full \
        --error-exitcode=99 --log-file="$BATS_TEST_TMPDIR/report" \
        "$SMT_BIN/sipmemtest" --heap=libc --in-process "$@"
    report=$(<"$BATS_TEST_TMPDIR/report")
}

# under_gdb ARGUMENT...: sets $out: what gdb prints of the stop and of the frames.
# Its exit status says only whether there were frames to print.
under_gdb()
{
    out=$(DEBUGINFOD_URLS='' gdb -nx -batch -ex 'set style enabled off' -ex run -ex bt \
        --args "$SMT_BIN/sipmemtest" "$@" 2>&1 </dev/null) || true
}

# has_frame PATTERN: says what gdb printed when no line is like that
has_frame()
{
    grep -qE "$1" <<<"$out" && return
    printf 'no frame like %s in:\n%s\n' "$1" "$out"
    return 1
}

# token_of FILE: the token of the first finding when its allocations are refused
token_of()
{
    local token
    token=$("$SMT_BIN/sipmemtest" --parser selftest --repeat 2 --oom --format json "$1" |
        grep -oE 'selftest:(transient|persistent):[0-9a-f.]+' | head -1)
    [ -n "$token" ] && echo "$token"
}

@test "valgrind_names_the_planted_over_read" {
    under_valgrind --parser selftest --repeat 1 "$selftest/bug-over-read-1.sip"

    exits 99
    contains "Invalid read of size 1" "$report"
    contains "selftest_bug_over_read" "$report"
    contains "0 bytes after a block of size" "$report"
}

@test "the_command_of_an_uninitialized_finding_names_the_reader" {
    "$SMT_BIN/sipmemtest" --parser selftest --repeat 2 "$selftest/bug-uninitialized-branch.sip" \
        >"$BATS_TEST_TMPDIR/out" || [ $? = 1 ]
    command=$(grep -m1 -oE 'who read it: valgrind .*' "$BATS_TEST_TMPDIR/out")
    contains "--track-origins=yes sipmemtest --heap=libc --in-process " "$command"

    report=$(PATH=$SMT_BIN:$PATH eval "${command#who read it: }" 2>&1 >/dev/null) || true
    contains "Conditional jump or move depends on uninitialised value" "$report"
    contains "Uninitialised value was created by a heap allocation" "$report"
    contains "selftest_bugs.c" "$report"
}

@test "valgrind_names_the_planted_leak" {
    under_valgrind --parser selftest --repeat 1 "$selftest/bug-leak.sip"

    exits 99
    contains "are definitely lost" "$report"
    contains "selftest_bug_leak" "$report"
}

@test "valgrind_names_the_leak_of_a_replayed_refusal" {
    token=$(token_of "$selftest/bug-leak-on-error.sip")

    under_valgrind --replay "$token" "$selftest/bug-leak-on-error.sip"

    exits 99
    contains "are definitely lost" "$report"
    contains "bug_leak_on_error" "$report"
}

@test "valgrind_has_nothing_to_say_of_healthy_messages" {
    under_valgrind --parser selftest --repeat 2 "$selftest"/healthy-*.sip
    exits 0
    contains "ERROR SUMMARY: 0 errors" "$report"

    under_valgrind --parser osip --repeat 2 "$invite"
    exits 0
    contains "ERROR SUMMARY: 0 errors" "$report"
}

@test "gdb_stops_in_the_frame_of_a_crash" {
    under_gdb --in-process --parser selftest "$selftest/bug-crash.sip"

    contains "received signal SIGSEGV" "$out"
    has_frame '^#0 .*selftest_bug_crash '
}

@test "gdb_sees_no_signal_of_a_healthy_message" {
    under_gdb --in-process --parser selftest --repeat 2 "$selftest"/healthy-*.sip

    contains "exited normally" "$out"
}

@test "gdb_stops_at_the_refusal_with_the_parsers_frame" {
    token=$(token_of "$selftest/bug-leak-on-error.sip")

    under_gdb --replay "$token" --break "$selftest/bug-leak-on-error.sip"

    contains "received signal SIGTRAP" "$out"
    has_frame '^#[0-9]+ .*bug_leak_on_error '
}

@test "gdb_stops_at_the_refusal_inside_libosip2" {
    sipmemtest --repeat 2 --oom=7-9 --oom-mode transient "$invite"
    token=$(grep -oE 'osip:transient:[0-9a-f.]+' <<<"$out" | head -1)
    [ -n "$token" ]

    under_gdb --replay "$token" --break "$invite"

    contains "received signal SIGTRAP" "$out"
    has_frame '^#[0-9]+ .*\<osip_[a-z_]+ \('
}
