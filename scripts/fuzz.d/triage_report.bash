# Of scripts/fuzz triage: what is written about findings.

# A static library does not say its version; its folder does.
instrumented_parser() {
    local place
    place=$(sed -n 's/^OSIP_ROOT:[A-Z]*=//p' "${shows_instrumented%/src/sipmemtest}/CMakeCache.txt" 2>/dev/null)
    basename "${place:-as installed}"
}

who_is() { # WHO
    case $1 in
    target) echo "the target fuzz_$target" ;;
    instrumented) echo "sipmemtest, instrumented parser ($(instrumented_parser))" ;;
    installed) echo "sipmemtest, installed parser $(parser_version "$shows_installed")" ;;
    valgrind) echo "valgrind, installed parser" ;;
    esac
}

verdict_of() { # PLACE
    local verdict
    verdict=$(awk -F'\t' '$1 == "installed" || $1 == "instrumented" { print $3; exit }' "$1/shown.tsv")
    [ -n "$verdict" ] || verdict=$(sed -n 's|^target/\([^/]*\)/.*|\1|p' "$1/signature")
    echo "${verdict:-not repeated}"
}

asked() { # WHO: was there such a program?
    case $1 in
    target) [ ${#targets_built[@]} -gt 0 ] ;;
    instrumented) [ -n "$shows_instrumented" ] ;;
    installed) [ -n "$shows_installed" ] ;;
    esac
}

table_of_shown() { # PLACE
    local who row
    printf '| | shows it |\n|---|---|\n'
    for who in target instrumented installed valgrind; do
        row=$(awk -F'\t' -v w="$who" '$1 == w { print "`" $2 "` " $3; exit }' "$1/shown.tsv")
        if [ -n "$row" ]; then
            echo "| $(who_is $who) | yes: $row |"
        elif [ $who != valgrind ] && asked $who; then
            echo "| $(who_is $who) | no |"
        fi
    done
}

commands_of() { # PLACE
    local plan_text=
    if [ -f "$1/token" ]; then
        echo "sipmemtest --parser $parser --replay $(cat "$1/token") message.sip"
        if [ -f "$1/plan" ] && [ -f "$1/original.sip" ]; then
            echo "sipmemtest --parser $parser --ops $operations --oom-at $(cat "$1/plan") original.sip"
        fi
    else
        [ ! -f "$1/plan" ] || plan_text=$(cat "$1/plan")
        echo "sipmemtest --parser $parser --ops $operations ${plan_text:+--oom-at $plan_text }message.sip"
    fi
    [ ! -f "$1/artefact" ] || [ ! -f "$1/program" ] || echo "SMT_FUZZ_KNOWN= $(cat "$1/program") artefact"
}

write_finding() { # PLACE
    local count
    count=$(wc -l <"$1/artefacts" 2>/dev/null || echo 0)
    {
        printf '# %s\n\n`%s`, target `%s`, %d artefact(s), the first `%s`.\n' "$(verdict_of "$1")" \
            "$(cat "$1/signature")" "$target" "$count" "$(head -n 1 "$1/artefacts" 2>/dev/null)"
        [ ! -f "$1/known" ] || printf 'Known: listed in `%s`.\n' "$(cat "$1/known")"
        printf '\n## Who shows it\n\n'
        table_of_shown "$1"
        printf '\n## Again\n\n```sh\n'
        commands_of "$1"
        printf '```\n\n## The message\n\n%d bytes; CR is ^M, the end of a line $:\n\n```\n' "$(stat -c %s "$1/message.sip")"
        head -c 4000 "$1/message.sip" | cat -A
        printf '\n```\n'
        if [ -s "$1/report.txt" ]; then
            printf '\n## What sipmemtest says\n\n```\n%s\n```\n' "$(head -n 80 "$1/report.txt")"
        elif [ -s "$1/target.log" ]; then
            printf '\n## What the target says\n\n```\n%s\n```\n' \
                "$(grep -avE '^(INFO:|Running:)' "$1/target.log" | head -n 60 | cat -v)"
        fi
    } >"$1/README.md"
}

mark() { # PLACE WHO
    ! asked "$2" || { column_has 1 "$2" "$1/shown.tsv" && echo yes || echo no; }
}

report_row() { # PLACE
    printf '| [`%s`](%s/README.md) | %s | %s | %s | %s | %d | %s |\n' "$(cat "$1/signature")" "$(basename "$1")" \
        "$(verdict_of "$1")" "$(mark "$1" target)" "$(mark "$1" instrumented)" "$(mark "$1" installed)" \
        "$(wc -l <"$1/artefacts" 2>/dev/null || echo 0)" "$(cat "$1/known" 2>/dev/null || { [ "$(cat "$1/signature")" = not-repeated ] || echo '**new**'; })"
}

write_report() {
    local place fresh='' old='' none='' fresh_count=0 old_count=0
    for place in "$output"/*/; do
        place=${place%/}
        [ -f "$place/signature" ] || continue
        write_finding "$place"
        if [ "$(cat "$place/signature")" = not-repeated ]; then
            none=$(report_row "$place")$'\n'
        elif [ -f "$place/known" ]; then
            old+=$(report_row "$place")$'\n' old_count=$((old_count + 1))
        else
            fresh+=$(report_row "$place")$'\n' fresh_count=$((fresh_count + 1))
        fi
    done
    {
        printf '# Findings of the target %s\n\n%d new, %d known; %d artefact(s).\n\n' "$target" \
            "$fresh_count" "$old_count" "$(cut -f 2 "$output/artefacts.tsv" | sort -u | wc -l)"
        printf '| finding | verdict | target | instrumented | installed | artefacts | |\n|---|---|---|---|---|---|---|\n'
        printf '%s%s%s' "$fresh" "$old" "$none"
    } >"$output/report.md" || fail 3 "cannot write in $output: is the disk full?"
    new_findings=$((new_findings + fresh_count))
    echo "$target: $fresh_count new, $old_count known: $output/report.md"
}
