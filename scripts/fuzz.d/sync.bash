# Exchanges a campaign's corpus and finds with another host or folder, by rsync.
#
#   scripts/fuzz sync --engine NAME --target NAME WHERE
#   scripts/fuzz sync --campaign FOLDER WHERE
#
#   WHERE           FOLDER or HOST:FOLDER: the other one's campaign folder, or one in
#                   between that several hosts use. HOST is what ssh takes
#   --every TIME    again and again, until interrupted
#   --print         only print the commands
#
# Nothing is deleted or overwritten on either side, and the campaign may be running.
# libFuzzer's inputs are named by their content; a running campaign reads new ones
# at its next start. AFL++'s instances are named by host (SMT_FUZZ_HOST, default this
# host's name): ours go there, the others' come here, and the main instance reads
# them while it runs. Every host needs another name.
#
# Exit status: 0 done; 2 command line; 3 rsync is missing or failed; 130 interrupted.

main() {
    parse 'engine= target= campaign= every= print' "$@"
    [ ${#arguments[@]} = 1 ] || fail 2 "with whom? give one FOLDER or HOST:FOLDER"
    where=${arguments[0]%/}
    [ -n "$where" ] && [[ $where != -* ]] || fail 2 "\"${arguments[0]}\" is no FOLDER or HOST:FOLDER"
    find_old_campaign
    [ "$(realpath -m "$where")" != "$(realpath "$folder")" ] || fail 2 "$where is this very campaign"
    command -v rsync >/dev/null || fail 3 "rsync is not installed: apt-get install rsync" \
        "without it copy $folder/corpus and $folder/artefacts by other means: names never collide"
    local pause=''
    [ -z "${option[every]:-}" ] || pause=$(seconds_of --every "${option[every]}")
    host=$(host_name)
    trap 'exit 130' INT TERM
    while
        "sync_$engine"
        [ -n "$pause" ]
    do
        sleep "$pause" &
        wait $!
    done
}

transfer() { # RSYNC-ARGUMENT...
    if [ -n "${option[print]:-}" ]; then
        printf '%q ' rsync "$@"
        echo
        return
    fi
    rsync "$@" || fail 3 "rsync failed with exit status $?: nothing was lost, run it again"
}

# corpus/ and artefacts/, whose names say what is in them
sync_names() {
    transfer -a --ignore-existing --mkpath "$folder/campaign" "$where/campaign"
    local each
    for each in corpus artefacts; do
        mkdir -p "$folder/$each"
        transfer -a --ignore-existing --mkpath "$folder/$each/" "$where/$each/"
        transfer -a --ignore-existing "$where/$each/" "$folder/$each/"
    done
    say "$engine/$target: $(find "$folder/corpus" -type f 2>/dev/null | wc -l) inputs, $(artefacts_of "$folder" | wc -l) artefacts here now"
}

sync_libfuzzer() { sync_names; }

sync_afl() {
    mkdir -p "$folder/sync"
    # .synced and .state are the instance's own notes
    local -a what=(--exclude=.cur_input --exclude=.synced --exclude=.state --exclude=plot_data)
    transfer -a --mkpath "${what[@]}" --include="/$host-*/***" --exclude='*' "$folder/sync/" "$where/sync/"
    transfer -a "${what[@]}" --exclude="/$host-*" "$where/sync/" "$folder/sync/"
    sync_names
}
