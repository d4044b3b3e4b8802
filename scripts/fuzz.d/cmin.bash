# Keeps only the inputs that a corpus needs for its coverage.
#
#   scripts/fuzz cmin --engine NAME --target NAME | --campaign FOLDER
#
#   --time TIME    give up after so long (default 1h); the corpus stays as it was
#
# libFuzzer merges the corpus (and its seeds) into an empty one. For AFL++ the queues
# of all instances are put together, afl-cmin chooses, and the next run begins with
# its choice; finds move to artefacts/. What was before is kept once, as
# corpus.before or sync.before. The campaign must not be running.
#
# Exit status: 0 done; 2 command line, or it is running; 3 missing or failed; 130
# interrupted.

main() {
    parse 'engine= target= campaign= time=' "$@"
    no_arguments
    find_old_campaign
    must_rest "$folder"
    seconds=$(seconds_of --time "${option[time]:-1h}")
    program=$(need_target "$engine" "$target")
    exec 8>"$folder/lock"
    flock -n 8 || fail 2 "the campaign in $folder has just been started"
    [ ! -f "$folder/known" ] || export SMT_FUZZ_KNOWN=$folder/known
    chosen=$folder/corpus.new
    rm -rf "$chosen"
    mkdir "$chosen" 2>/dev/null || fail 3 "cannot write in $folder: is the disk full?"
    trap 'rm -rf "$chosen" "$folder/all.new"; exit 130' INT TERM
    local -a folders
    mapfile -t folders < <(corpus_folders_of "$folder")
    before=$(files_of "${folders[@]}" -maxdepth 1 -type f | wc -l)
    [ "$before" -gt 0 ] || {
        rm -rf "$chosen"
        fail 2 "$folder has no inputs yet: run the campaign first"
    }
    "cmin_$engine" "${folders[@]}"
    say "$engine/$target: $before inputs, $(find "$folder/corpus" -type f | wc -l) are enough"
}

give_up() { # SENTENCE
    tail -n 5 "$folder/logs/cmin.log" | sed 's/^/    /' >&2
    rm -rf "$chosen" "$folder/all.new"
    fail 3 "$1; the corpus stays as it was (log: $folder/logs/cmin.log)"
}

must_have_chosen() {
    [ -n "$(ls -A "$chosen")" ] || give_up 'nothing was chosen'
}

cmin_libfuzzer() { # FOLDER...
    nice timeout -k 5 "$seconds" "$program" -merge=1 -timeout=10 -rss_limit_mb=4096 "$chosen" "$@" \
        >"$folder/logs/cmin.log" 2>&1 </dev/null || give_up "the merge ended with exit status $?"
    must_have_chosen
    rm -rf "$folder/corpus.before"
    mv "$folder/corpus" "$folder/corpus.before" && mv "$chosen" "$folder/corpus"
}

# Instances share most of their queues: by content, each once.
gather_queues() { # FOLDER...
    mkdir "$folder/all.new" || give_up 'cannot write; disk full?'
    find "$@" -maxdepth 1 -type f -print0 | xargs -0 -r sha1sum | while read -r hash file; do
        [ -e "$folder/all.new/$hash" ] || ln "$file" "$folder/all.new/$hash" || cp "$file" "$folder/all.new/$hash"
    done
}

cmin_afl() { # FOLDER...
    command -v afl-cmin >/dev/null || fail 3 "afl-cmin is not installed: apt-get install afl++"
    gather_queues "$@"
    AFL_ALLOW_TMP=1 nice timeout -k 5 "$seconds" afl-cmin -i "$folder/all.new" -o "$chosen" -t 5000 \
        -- "$program" >"$folder/logs/cmin.log" 2>&1 </dev/null || give_up "afl-cmin ended with exit status $?"
    rm -rf "$folder/all.new" "$chosen/.traces"
    must_have_chosen
    local file
    while read -r file; do
        [ -z "$file" ] || mv -n "$file" "$folder/artefacts/$(sed "s|^$folder/sync/||; s|/|-|g" <<<"$file")"
    done < <(artefacts_of "$folder" | grep -F "$folder/sync/")
    remember_totals
    rm -rf "$folder/sync.before" "$folder/corpus"
    [ ! -d "$folder/sync" ] || mv "$folder/sync" "$folder/sync.before"
    mv "$chosen" "$folder/corpus"
}

# The instances begin anew, and with them what they count.
remember_totals() {
    local time executions
    read -r time executions < <(cat "$folder"/sync/*/fuzzer_stats 2>/dev/null | awk '
        $1 == "run_time" && $3 > time { time = $3 }
        $1 == "execs_done" { executions += $3 }
        END { printf "%d %d\n", time, executions }')
    printf '%s %s\n' "$time" "$executions" >>"$folder/earlier"
}
