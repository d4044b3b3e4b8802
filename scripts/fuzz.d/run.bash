# Runs a campaign until its time is over or it is interrupted.
#
#   scripts/fuzz run --engine libfuzzer|afl --target NAME [OPTION...]
#
#   --engine NAME      libfuzzer or afl
#   --target NAME      message, sdp, uri, headers, oom or selftest; of our own code
#                      wire_binrpc, wire_jsonrpc, wire_text or script
#   --time TIME        how long: 90s, 30m, 8h (default 1h); not counting earlier times
#   --jobs N           processes of the engine (default: processors of this machine)
#   --campaign FOLDER  where it lives; default build/campaign/ENGINE/TARGET. Alone it
#                      is enough to go on with a campaign
#   --seeds FOLDER     first inputs; default: made by the build from corpus/
#   --known FILE       findings that are no news, besides those the build knows: a file of
#                      sipmemtest --known. Targets go on where one of them shows. Kept
#                      for later runs
#   --min-free SIZE    stop when the disk has less room left (default 256M)
#   --print            only print the commands that would be started
#   --quiet            no line a minute
#
# libFuzzer runs N jobs that survive what they find (-fork=N -ignore_crashes=1).
# AFL++ runs one main instance with the SIP mutator; with 2 jobs a second one built
# with sanitizers; with 3 one that solves comparisons (cmplog); then more with other
# power schedules, among them one with AFL++'s plain mutations and one with ours only.
#
# Ctrl-C or SIGTERM stops every process that was started here, keeps the corpus and
# ends with 130. The same command goes on from there. In the folder:
#
#   corpus/        inputs that reached something new (libFuzzer; AFL++ after cmin)
#   sync/          AFL++'s output, a folder for each instance, named HOST-...
#   artefacts/     libFuzzer's finds: crash-*, leak-*, timeout-*, oom-*
#   logs/          what the engines printed, a file for each start and process
#   seeds/         first inputs made here; known, known.own: findings that are no news
#   triage/        made by scripts/fuzz triage
#
# SMT_FUZZ_KNOWN_DEPTH=N: the target oom compares the innermost N functions of a
# refusal with known ones; default here 2, and 0 compares all.
#
# Exit status: 0 the time is over and nothing was found; 1 something was; 2 command
# line or input; 3 missing or failed, also a full disk; 130 interrupted.

tick_seconds=${SMT_FUZZ_TICK:-2}
most_artefacts=20000

main() {
    parse 'engine= target= time= jobs= campaign= seeds= known= min-free= print quiet' "$@"
    no_arguments
    find_campaign
    [ -n "$engine" ] && [ -n "$target" ] || fail 2 "a new campaign needs --engine and --target"
    seconds=$(seconds_of --time "${option[time]:-1h}")
    jobs=$(whole_number --jobs "${option[jobs]:-$(nproc 2>/dev/null || echo 1)}" 1 256)
    min_free=$(numfmt --from=iec "${option[min-free]:-256M}" 2>/dev/null) ||
        fail 2 "--min-free \"${option[min-free]}\": a size, as 256M or 2G"
    [ -z "${option[known]:-}" ] || [ -f "${option[known]}" ] || fail 2 "--known ${option[known]}: no such file"
    host=$(host_name)
    "need_$engine"
    prepare_folder
    choose_seeds
    "plan_$engine"
    if [ -n "${option[print]:-}" ]; then
        print_plan
        exit 0
    fi
    start_all
    watch_all
}

# --- before the start ------------------------------------------------------------

need_libfuzzer() {
    command -v clang >/dev/null || [ -x "$(target_program libfuzzer "$target")" ] || fail 3 \
        "libFuzzer's targets need clang, which is not installed: apt-get install clang" \
        "without it --engine afl (apt-get install afl++) and replaying files still work"
    program=$(need_target libfuzzer "$target")
}

need_afl() {
    command -v afl-fuzz >/dev/null || fail 3 \
        "AFL++ is not installed: apt-get install afl++" \
        "without it --engine libfuzzer (clang) and replaying files still work"
    program=$(need_target afl "$target")
    mutator=
    ! is_sip "$target" || mutator=$(release_program sipmemtest-afl-mutator.so) ||
        say "no sipmemtest-afl-mutator.so in build/release: AFL++ runs without the SIP mutator"
}

# disk WORDS...: a sentence instead of a bare error of mkdir or cp
on_disk() {
    "$@" 2>/dev/null || fail 3 "cannot write in $folder: is the disk full, or the folder not ours?"
}

prepare_folder() {
    if [ -e "$folder" ] && [ ! -f "$folder/campaign" ] && [ -n "$(ls -A "$folder" 2>/dev/null)" ]; then
        fail 2 "$folder exists and is no campaign; choose another --campaign"
    fi
    on_disk mkdir -p "$folder"/{corpus,artefacts,logs,seeds}
    must_rest "$folder"
    if [ ! -f "$folder/campaign" ]; then
        printf 'engine=%s\ntarget=%s\nfirst_start=%s\n' "$engine" "$target" "$(date +%s)" >"$folder/campaign.new" &&
            mv "$folder/campaign.new" "$folder/campaign" || fail 3 "cannot write in $folder: is the disk full?"
    fi
    [ -z "${option[known]:-}" ] || on_disk cp "${option[known]}" "$folder/known.own"
    if [ -f "$folder/known.own" ]; then
        on_disk cat "$folder/known.own" "$(dirname "$program")/known-findings.txt" >"$folder/known"
        export SMT_FUZZ_KNOWN=$folder/known
    fi
    # New callers of a function whose refusal is known to go wrong are no news.
    [ "$target" != oom ] || export SMT_FUZZ_KNOWN_DEPTH=${SMT_FUZZ_KNOWN_DEPTH:-2}
    enough_room || fail 3 "less than --min-free is left on the disk of $folder: nothing was started"
}

enough_room() {
    local free
    free=$(df --output=avail -B1 "$folder" 2>/dev/null | tail -n 1) || return 0
    [ "$free" -ge "$min_free" ]
}

tiny_seed() {
    local message='OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP c.example;branch=z9hG4bK1\r\nFrom: <sip:a@c.example>;tag=1\r\nTo: <sip:a@b.example>\r\nCall-ID: 1@c.example\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'
    # shellcheck disable=SC2059
    case $target in
    message | selftest) printf "$message" ;;
    headers) printf 'A<sip:a@b.example>;tag=1' ;;
    oom) printf "$message\\0\\0\\0\\0\\0\\0\\0\\0" ;;
    uri) printf 'sip:a@b.example;lr' ;;
    sdp) printf 'v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n' ;;
    *) printf 'x' ;;
    esac
}

# Sets seeds to a folder that has at least one file.
choose_seeds() {
    seeds=${option[seeds]:-}
    if [ -n "$seeds" ]; then
        [ -d "$seeds" ] || fail 2 "--seeds $seeds: no such folder"
        [ -n "$(find "$seeds" -type f -size +0 -print -quit)" ] ||
            fail 2 "--seeds $seeds: no file with anything in it; leave --seeds out to begin with corpus/"
        return
    fi
    if [ "$engine" = afl ] && [ -n "$(ls -A "$folder/corpus")" ]; then
        seeds=$folder/corpus
    elif ! seeds=$(seeds_folder "$target"); then
        say "no seeds are built for $target: beginning with one tiny input of our own"
        seeds=$folder/seeds
        tiny_seed >"$seeds/tiny" || fail 3 "cannot write in $folder: is the disk full?"
    fi
}

# --- what is to be started: lines of names, environments and commands -----------

declare -a plan_name=() plan_command=()
plan() { # NAME COMMAND...
    plan_name+=("$1")
    shift
    plan_command+=("$(printf '%q ' "$@")")
}

print_plan() {
    local i
    for i in "${!plan_name[@]}"; do
        printf '# %s\n%s\n' "${plan_name[$i]}" "${plan_command[$i]% }"
    done
}

# The [libfuzzer] lines of fuzz/TARGET.options, as flags.
engine_options() {
    local file=$root/fuzz/$target.options
    [ ! -f "$file" ] ||
        sed -n '/^\[libfuzzer\]/,/^\[/{/^dict *=/d;s/^\([a-z_]*\) *= *\(.*\)$/-\1=\2/p}' "$file"
}

words() { # prints the option that gives the engine its dictionary
    ! is_sip "$target" || echo "$1$root/fuzz/sip.dict"
}

plan_libfuzzer() {
    local -a flags
    mapfile -t flags < <(engine_options)
    on_disk mkdir -p "$folder/tmp"
    # TMPDIR: the jobs' own corpora, which a stop in between must not lose.
    plan "$host" env TMPDIR="$folder/tmp" "$program" "-fork=$jobs" -ignore_crashes=1 \
        -ignore_ooms=1 -ignore_timeouts=1 "-max_total_time=$seconds" \
        "-artifact_prefix=$folder/artefacts/" $(words -dict=) "${flags[@]}" \
        "$folder/corpus" "$seeds"
}

tail_bytes() { [ "$target" = oom ] && echo 8 || echo 0; }

# plan_instance NAME -M|-S VARIANT both|plain|only FLAG...
plan_instance() {
    local name=$1 role=$2 variant=$3 mutation=$4
    shift 4
    local -a environment=(AFL_NO_UI=1 AFL_AUTORESUME=1 AFL_TRY_AFFINITY=1 AFL_SKIP_CPUFREQ=1
        AFL_NO_CRASH_README=1)
    ! pipes_cores || environment+=(AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1)
    if [ -n "${mutator:-}" ] && [ "$mutation" != plain ]; then
        environment+=("AFL_CUSTOM_MUTATOR_LIBRARY=$mutator" "SMT_FUZZ_TAIL=$(tail_bytes)")
        [ "$mutation" != only ] || environment+=(AFL_CUSTOM_MUTATOR_ONLY=1)
    fi
    # ASAN_OPTIONS: AFL++ has its own, and refuses others
    plan "$host-$name" env -u ASAN_OPTIONS "${environment[@]}" afl-fuzz -i "$seeds" -o "$folder/sync" \
        "$role" "$host-$name" $(words -x) -t 2000+ -V "$seconds" "$@" \
        -- "$(target_program "$variant" "$target")"
}

plan_afl() {
    local i asan cmplog
    # -p SCHEDULE, then who mutates: both, plain (AFL++ alone), only (ours alone)
    local -a more=('explore both' 'coe both' 'exploit plain' 'rare only' 'lin both' 'mmopt both'
        'quad both' 'seek both')
    asan=$(target_program afl-asan "$target")
    cmplog=$(target_program afl-cmplog "$target")
    plan_instance main -M afl both
    for ((i = 2; i <= jobs; i++)); do
        if [ "$i" = 2 ] && [ -x "$asan" ]; then
            plan_instance asan -S afl-asan both -p fast
        elif [ "$i" = 3 ] && [ -x "$cmplog" ]; then
            plan_instance cmplog -S afl both -p fast -c "$cmplog" -l 2
        else
            set -- ${more[$((i % ${#more[@]}))]}
            plan_instance "$i-$1" -S afl "$2" -p "$1"
        fi
    done
    [ "$jobs" = 1 ] || [ -x "$asan" ] ||
        say "no target with sanitizers is built for AFL++: only what the heap's own checks see is found"
    explain_once
}

core_pattern=${SMT_FUZZ_CORE_PATTERN:-/proc/sys/kernel/core_pattern}
governor=/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
pipes_cores() { [[ $(cat "$core_pattern" 2>/dev/null) == '|'* ]]; }

# What AFL++ would refuse to start for, once for each campaign.
explain_once() {
    [ ! -e "$folder/explained" ] || return 0
    ! pipes_cores || say "this system hands core dumps to a program, and a crash may be taken for a time-out meanwhile." \
        "To be exact, as root: echo core >/proc/sys/kernel/core_pattern. Going on without (AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES)"
    ! grep -qs -e powersave -e schedutil -e ondemand "$governor" ||
        say "the processors save power, so executions a second are fewer than they could be." \
            "As root: echo performance for each cpu*/cpufreq/scaling_governor. Going on without (AFL_SKIP_CPUFREQ)"
    on_disk touch "$folder/explained"
}

# --- running -----------------------------------------------------------------------

declare -a pids=()
stopping='' reason='' rescued=1

start_all() {
    local i stamp noun
    stamp=$(date +%s)
    exec 9>"$folder/lock" || fail 3 "cannot write in $folder: is the disk full?"
    # Every process below keeps descriptor 9: the lock lasts as long as one of them.
    flock -n 9 || fail 2 "the campaign in $folder has just been started by somebody else"
    echo $$ >"$folder/pid" && printf '%s\n' "$stamp" "$seconds" "$jobs" >"$folder/session" ||
        fail 3 "cannot write in $folder: is the disk full?"
    found_before=$(artefacts_of "$folder" | wc -l)
    trap 'stopping=1 reason=interrupted' INT TERM HUP
    set -m # each gets a process group of its own: Ctrl-C reaches only us
    for i in "${!plan_name[@]}"; do
        eval "exec nice ${plan_command[$i]}" >"$folder/logs/$stamp-${plan_name[$i]}.log" 2>&1 </dev/null &
        pids+=($!)
    done
    set +m
    [ ${#pids[@]} = 1 ] && noun=process || noun=processes
    say "$engine/$target: ${#pids[@]} $noun, ${option[time]:-1h}, in $folder"
}

alive() {
    local pid
    for pid in "${pids[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || return 0
    done
    return 1
}

signal_all() { # SIGNAL: to our process groups only
    local pid
    for pid in "${pids[@]}"; do
        kill "-$1" -- "-$pid" 2>/dev/null || true # it may have ended
    done
}

# libFuzzer deletes its jobs' corpora when it is interrupted. A file asks the jobs
# to end first; what they had not handed over by then is moved, and stays where it
# is when that fails.
ask_jobs_to_stop() {
    local place wait complaints
    for place in "$folder"/tmp/libFuzzerTemp.*.dir; do
        [ -d "$place" ] && touch "$place/STOP" 2>/dev/null || continue
        for ((wait = 0; wait < 25; wait++)); do
            alive || return 0
            sleep 0.2
        done
        # the jobs may end, and their files go, just now
        complaints=$(LC_ALL=C find "$place" -path '*/C[0-9]*/*' -type f \
            -exec cp -n -t "$folder/corpus" {} + 2>&1 |
            sed '/^\(find\|cp: cannot stat\|cp: cannot open\).*: No such file or directory$/d') || true
        [ -n "$complaints" ] || continue
        say "inputs of jobs stay in $place: ${complaints%%$'\n'*}"
        rescued=''
    done
}

# And what it left outside: afl-fuzz forgets the server of its cmplog program. Who
# holds our lock by this descriptor has inherited it from us.
kill_holders() {
    local holder pid lock
    lock=$(realpath "$folder/lock")
    for holder in /proc/[0-9]*/fd/9; do
        pid=${holder#/proc/} pid=${pid%%/*}
        if [ "$pid" != $$ ] && [ "$(readlink "$holder" 2>/dev/null)" = "$lock" ]; then
            kill -KILL "$pid" 2>/dev/null || true # gone meanwhile, or not ours
        fi
    done
}

stop_all() {
    local signal wait
    [ "$engine" != libfuzzer ] || ask_jobs_to_stop
    for signal in TERM KILL; do
        signal_all $signal
        for ((wait = 0; wait < 50; wait++)); do
            alive || break 2
            sleep 0.2
        done
    done
    signal_all KILL # what an instance left in its group, as a target that hangs
    kill_holders
    wait
}

# Time, disk, processes: whatever ends the campaign sets reason.
watch_all() {
    local begin=$SECONDS told=$SECONDS
    while [ -z "$stopping" ] && alive; do
        # a signal ends wait, but not sleep
        sleep "$tick_seconds" 9>&- &
        wait $! || true # a signal is no failure
        [ -z "$stopping" ] || break
        if [ $((SECONDS - begin)) -ge "$seconds" ]; then
            stopping=1 reason='time is over'
        elif ! enough_room; then
            stopping=1 reason='disk is full'
        elif [ "$(artefacts_of "$folder" | wc -l)" -gt $((found_before + most_artefacts)) ]; then
            stopping=1 reason='too many finds'
        elif [ -z "${option[quiet]:-}" ] && [ $((SECONDS - told)) -ge 60 ]; then
            told=$SECONDS
            "$0" status --campaign "$folder" --line 9>&- >&2 || true # it says why; the campaign goes on
        fi
    done
    # an engine that ended by itself before its time failed, but for rounding
    [ -n "$reason" ] || [ $((SECONDS - begin + 5)) -lt "$seconds" ] || reason='time is over'
    trap '' INT TERM HUP
    stop_all
    [ -z "$rescued" ] || rm -rf "$folder/tmp"
    measure_edges
    finish
}

last_words() { # of the engines' logs, when one failed
    local log
    for log in "$folder"/logs/"$(head -n 1 "$folder/session")"-*.log; do
        say "$(basename "$log"):"
        sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$log" | grep -v '^ *$' | tail -n 8 | sed 's/^/    /' >&2
    done
}

# What libFuzzer prints in fork mode mixes edges with features; read once without
# forking, the corpus says how many edges it reaches.
measure_edges() {
    local edges
    [ "$engine" = libfuzzer ] && [ "$reason" = 'time is over' ] || return 0
    edges=$(nice timeout -k 5 60 "$program" -runs=0 -timeout=10 "$folder/corpus" 2>&1 </dev/null |
        sed -n 's/.*INITED cov: \([0-9]*\) .*/\1/p' | head -n 1) || true # a find may end it before
    [ -z "$edges" ] || echo "$edges" >"$folder/edges" || say "the edges reached cannot be written in $folder"
}

finish() {
    local found
    rm -f "$folder/pid"
    found=$(($(artefacts_of "$folder" | wc -l) - found_before))
    say "${reason:-the engine ended by itself}: $found artefact(s) more, corpus and finds are in $folder"
    [ "$found" = 0 ] || say "scripts/fuzz triage --campaign $folder sorts them"
    case $reason in
    interrupted) exit 130 ;;
    'disk is full') fail 3 "less than ${option[min-free]:-256M} is left: make room and run the same command again" ;;
    'too many finds') fail 1 "more than $most_artefacts finds in one go, most of them surely the same: triage them," \
        "add what is known to the file of --known, and go on" ;;
    'time is over') [ "$found" = 0 ] || exit 1 ;;
    *)
        last_words
        exit 3
        ;;
    esac
}
