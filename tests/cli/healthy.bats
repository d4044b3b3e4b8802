#!/usr/bin/env bats
# No false alarms: a healthy parser shows nothing, whatever is refused.

load common

modes=transient,persistent,window:3,double,limit

# Sweeps the given messages with the healthy parser; adds what was done to $done_injections.
sweep_healthy()
{
    sipmemtest --parser selftest --repeat 3 --oom --oom-mode "$1" -q --format "json:$BATS_TEST_TMPDIR/r.json" "${@:2}"
    python3 - "$BATS_TEST_TMPDIR/r.json" >"$BATS_TEST_TMPDIR/sum" <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
summary = [line for line in lines if line["type"] == "summary"][0]
# the manifest was written for another parser
findings = [line["signature"] for line in lines if line["type"] == "finding" and line["verdict"] != "unexpected"]
odd = set(summary["verdicts"]) - {"clean", "benign"}
assert not findings, findings
assert not odd, odd
assert not summary["truncated"]
print(summary["injections"])
PY
    done_injections=$((done_injections + $(<"$BATS_TEST_TMPDIR/sum")))
}

@test "healthy_parser_shows_nothing_in_100000_injections" {
    done_injections=0
    sweep_healthy $modes "$corpus"
    sweep_healthy window:2 "$corpus"
    [ "$done_injections" -ge 100000 ]
}

@test "healthy_messages_of_the_selftest_show_nothing" {
    done_injections=0
    sweep_healthy $modes "$selftest"/healthy-*.sip
    [ "$done_injections" -ge 2000 ]
}

@test "healthy_parser_shows_nothing_in_10000000_injections_of_mutated_messages" {
    [ -n "${SMT_LONG-}" ] || skip "takes minutes: scripts/test --long"
    done_injections=0
    seed=1
    while [ "$done_injections" -lt 10000000 ]; do
        rm -rf "$BATS_TEST_TMPDIR/mutated"
        mkdir "$BATS_TEST_TMPDIR/mutated"
        for message in "$corpus"/*.sip; do
            "$SMT_BIN/sipmemtest" mutate --seed $seed --count 4 --output "$BATS_TEST_TMPDIR/mutated" "$message"
            seed=$((seed + 4))
        done
        echo "seeds below $seed, $done_injections injections so far"
        sweep_healthy $modes "$BATS_TEST_TMPDIR/mutated"
    done
}
