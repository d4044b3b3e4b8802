# Shows every campaign, or those that are named, on one screen.
#
#   scripts/fuzz status [OPTION...]
#
#   --engine NAME, --target NAME   only campaigns of these
#   --campaign FOLDER              only this one
#   --line                         one line for each
#   --whatsup                      AFL++'s own afl-whatsup after it
#
# Speed is that of the last session, coverage that of the best process, time and
# executions those of all sessions. "Unique" counts what scripts/fuzz triage told
# apart; artefacts that came after it are "not sorted yet". The screen again and
# again: watch scripts/fuzz status
#
# Exit status: 0 shown; 2 command line, or no such campaign.

main() {
    parse 'engine= target= campaign= line whatsup' "$@"
    no_arguments
    local -a found
    local list each
    list=$(each_campaign)
    mapfile -t found <<<"$list"
    if [ -z "$list" ]; then
        say "no campaign in $campaigns yet; scripts/fuzz run makes one"
        exit 0
    fi
    for each in "${found[@]}"; do
        gather "$each"
        if [ -n "${option[line]:-}" ]; then show_line; else show_block; fi
        [ -z "${option[whatsup]:-}" ] || whatsup "$each"
    done
}

now=$(date +%s)

# Sets what is shown, all of it by name.
gather() { # FOLDER
    shown=$1 engine=$(value_of "$1/campaign" engine) target=$(value_of "$1/campaign" target)
    run_seconds=0 executions=0 speed=0 coverage='not known yet' instances=''
    sessions=$(files_of "$1/logs" -name '*.log' -printf '%f\n' | sed 's/-.*//' | sort -u | wc -l)
    "gather_$engine" "$1"
    state=stopped
    ! is_running "$1" || state="running (process $(cat "$1/pid" 2>/dev/null || echo '?'))"
    gather_corpus "$1"
    gather_finds "$1"
}

# The last numbers of each session's log: "#86599: cov: 5 ft: 5 corp: 4 exec/s 0
# oom/timeout/crash: 0/0/2 time: 15s job: 3 dft_time: 0"; exec/s is mostly 0 there.
gather_libfuzzer() { # FOLDER
    local log line edges
    for log in "$1"/logs/*.log; do
        [ -f "$log" ] || continue
        line=$(grep -E '^#[0-9]+: cov: ' "$log" | tail -n 1) || continue
        [[ $line =~ ^#([0-9]+):\ cov:\ ([0-9]+)\ ft:\ ([0-9]+).*\ time:\ ([0-9]+)s ]] || continue
        executions=$((executions + BASH_REMATCH[1]))
        run_seconds=$((run_seconds + BASH_REMATCH[4]))
        speed=$((BASH_REMATCH[1] / (BASH_REMATCH[4] > 0 ? BASH_REMATCH[4] : 1)))
        edges=$(sed -n 's/.*Loaded [0-9]* modules *(\([0-9]*\) inline.*/\1/p' "$log" | head -n 1)
        coverage="${BASH_REMATCH[3]} features"
    done
    # "cov" counts more than edges in fork mode; run measures them when its time is over
    [ ! -s "$1/edges" ] || [ -z "${edges:-}" ] ||
        coverage+=", $(cat "$1/edges") of $edges edges ($(percent "$(cat "$1/edges")" "$edges")) when last at rest"
}

gather_afl() { # FOLDER
    local file key value best=0 name instance_speed done_here edges_found total_edges time
    for file in "$1"/sync/*/fuzzer_stats; do
        [ -f "$file" ] || continue
        name=${file%/*} name=${name##*/}
        instance_speed=0 done_here=0 edges_found=0 total_edges=0 time=0 finds=0
        while IFS=: read -r key value; do
            value=${value# }
            case ${key%% *} in
            run_time) time=$value ;;
            execs_done) done_here=$value ;;
            execs_per_sec) instance_speed=${value%.*} ;;
            execs_ps_last_min) [ "${value%.*}" = 0 ] || instance_speed=${value%.*} ;;
            edges_found) edges_found=$value ;;
            total_edges) total_edges=$value ;;
            saved_crashes | saved_hangs) finds=$((finds + value)) ;;
            esac
        done <"$file"
        executions=$((executions + done_here))
        speed=$((speed + instance_speed))
        [ "$time" -le "$run_seconds" ] || run_seconds=$time
        instances+=$(printf '    %-24s %8s exec/s  %s edges  %s finds' "$name" "$(grouped "$instance_speed")" \
            "$edges_found" "$finds")$'\n'
        if [ "$edges_found" -gt "$best" ]; then
            best=$edges_found
            coverage="$edges_found edges of $total_edges ($(percent "$edges_found" "$total_edges"))"
        fi
    done
    [ ! -f "$1/earlier" ] || while read -r time done_here; do # before a cmin
        run_seconds=$((run_seconds + time)) executions=$((executions + done_here))
    done <"$1/earlier"
}

gather_corpus() { # FOLDER
    local -a folders
    mapfile -t folders < <(corpus_folders_of "$1")
    read -r corpus_files corpus_bytes newest_input < <(newest "${folders[@]}")
}

# newest FOLDER...: how many files, bytes, the time of the last one
newest() {
    [ $# -gt 0 ] || { echo 0 0 0 && return; }
    files_of "$@" -maxdepth 1 -type f -printf '%s %T@\n' |
        awk '{ n++; b += $1; if ($2 > t) t = $2 } END { printf "%d %.0f %.0f\n", n, b, t }'
}

gather_finds() { # FOLDER
    local list=$1/triage/artefacts.tsv
    artefact_count=$(artefacts_of "$1" | wc -l)
    newest_find=$(artefacts_of "$1" | tr '\n' '\0' | xargs -0 -r stat -c %Y | sort -n | tail -n 1)
    unsorted=$(artefacts_of "$1" | tr '\n' '\0' | xargs -0 -r sha1sum | cut -c 1-40 | sort -u |
        awk -F'\t' 'FILENAME != "-" { seen[$2] = 1; next } !($1 in seen) { n++ } END { print n + 0 }' \
            "$([ -f "$list" ] && echo "$list" || echo /dev/null)" -)
    unique=$(files_of "$1/triage" -mindepth 2 -maxdepth 2 -name signature ! -path "*/not-repeated/*" | wc -l)
    known=$(files_of "$1/triage" -mindepth 2 -maxdepth 2 -name known | wc -l)
}

percent() { # PART WHOLE
    awk -v p="$1" -v w="$2" 'BEGIN { if (w > 0) printf "%.1f %%", 100 * p / w; else printf "?" }'
}

grouped() { sed -E ':a;s/^([0-9]+)([0-9]{3})/\1,\2/;ta' <<<"$1"; }

duration() { # SECONDS
    if [ "$1" -lt 60 ]; then
        echo "$1 s"
    elif [ "$1" -lt 3600 ]; then
        echo "$(($1 / 60)) min $(($1 % 60)) s"
    else
        echo "$(($1 / 3600)) h $((($1 % 3600) / 60)) min"
    fi
}

ago() { # EPOCH
    [ "${1:-0}" -gt 0 ] && echo "$(duration $((now > $1 ? now - $1 : 0))) ago" || echo none
}

findings_text() {
    local text="$unique unique"
    [ "$known" = 0 ] || text+=" ($known known)"
    text+=", $artefact_count artefacts"
    [ "$unsorted" = 0 ] || text+=", $unsorted not sorted yet"
    echo "$text"
}

show_line() {
    echo "$engine/$target $state: $(duration "$run_seconds"), $(grouped "$speed") exec/s, $coverage," \
        "$(grouped "$corpus_files") inputs, $(findings_text), last find $(ago "$newest_find")"
}

show_block() {
    printf '%s  %s\n' "$engine/$target" "$state"
    printf '  %-13s %s\n' \
        'running time' "$(duration "$run_seconds"), $sessions session(s)" \
        speed "$(grouped "$speed") exec/s, $(grouped "$executions") executions" \
        coverage "$coverage" \
        corpus "$(grouped "$corpus_files") inputs, $(numfmt --to=iec --suffix=B "$corpus_bytes"), last new one $(ago "$newest_input")" \
        findings "$(findings_text), last $(ago "$newest_find")" \
        folder "$shown"
    printf '%s\n' "$instances"
}

whatsup() { # FOLDER
    [ "$engine" = afl ] || return 0
    if ! command -v afl-whatsup >/dev/null; then
        say "afl-whatsup is not installed: apt-get install afl++"
    elif [ -d "$1/sync" ]; then
        afl-whatsup -s -d "$1/sync" 2>/dev/null | sed 1,2d || say "afl-whatsup failed on $1/sync"
    fi
}
