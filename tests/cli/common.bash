# Shared by the command-line tests: where the programs and the messages are.
SMT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SMT_BIN=${SMT_BIN:-$SMT_ROOT/build/release/src}
corpus=$SMT_ROOT/corpus
invite=$corpus/invite.sip
selftest=$SMT_ROOT/tests/selftest

# told COMMAND...: sets $status, $out (standard output, without zero bytes) and $err;
# the files out and err keep both as they were.
told()
{
    status=0
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    out=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
    err=$(<"$BATS_TEST_TMPDIR/err")
}

sipmemtest() { told "$SMT_BIN/sipmemtest" "$@"; }

# exits N: says what was printed when the status is another one
exits()
{
    [ "$status" = "$1" ] && return
    printf 'exit status %s, not %s\n--- stdout\n%s\n--- stderr\n%s\n' "$status" "$1" "$out" "$err"
    return 1
}

# complains TEXT: one line "sipmemtest: ...TEXT...", and exit status 2
complains()
{
    exits 2 || return 1
    [[ $err == "sipmemtest: "*"$1"* && $err != *$'\n'* ]] && return
    printf 'no single line with "%s" in:\n%s\n' "$1" "$err"
    return 1
}

# contains TEXT WHOLE
contains()
{
    [[ $2 == *"$1"* ]] && return
    printf 'no "%s" in:\n%s\n' "$1" "$2"
    return 1
}

# man_page_has PROGRAM SECTION...: and no warnings; sets $out to the page
man_page_has()
{
    local section
    command -v groff >/dev/null || skip "no groff"
    told "$SMT_BIN/$1" --print-man
    exits 0 || return 1
    for section in "${@:2}"; do
        grep -qx ".SH $section" <<<"$out" || { echo "no section $section" && return 1; }
    done
    [ -z "$(groff -man -ww -Tutf8 <<<"$out" 2>&1 >/dev/null)" ]
}

# result FILE: what does not depend on machine or time
result()
{
    grep -v '^{"type":"run"' "$1" | sed -E 's/"seconds":[0-9.e+-]+/"seconds":0/'
}

# same A B: are the results the same, byte for byte?
same()
{
    cmp <(result "$1") <(result "$2") || { diff <(result "$1") <(result "$2") | cut -c1-600; return 1; }
}
