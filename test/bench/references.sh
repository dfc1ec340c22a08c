# shellcheck shell=bash
# references.sh: do our references do the same as those that every ratio used to
# be quoted against, in ../shared/bench? Sourced by run.
#
# Whoever comes second has it a little better, so each is first as often as the
# other. A machine that is not quiet makes rates differ by more than what is asked
# for; the bytes of WAL, of load and drain together, tell even then whether the
# same is written.

# The frozen ones print a line of their own.
frozen() { # SERIES PROGRAM N BATCH
    local line
    line=$(PGDATABASE=reference "$PLACE/reference/$2" "$3" "$4" "$EXECUTORS" 2>/dev/null)
    [[ $line =~ '"value": '([0-9]+).*'"left": 0}' ]] || die "$2: $line"
    note "$1" "${BASH_REMATCH[1]}"
    say "frozen $1: $(tail -n 1 "$PLACE/series.$SIDE.$1")/s"
}

# One of ours, `new`, and the frozen one, `reference`; who is first alternates.
compare_reference() { # ROUND WHAT BATCH
    local side before
    for side in $([ $(($1 % 2)) = 0 ] && echo new reference || echo reference new); do
        SIDE=$side
        before=$(wal_now)
        case $side,$2 in
        new,drain) plain_drain "like_$2" "$3" ;;
        new,workflow3) plain_workflow3 "like_$2" "$3" ;;
        reference,drain) frozen "like_$2_$3" reference "$N" "$3" ;;
        reference,workflow3) frozen "like_$2_$3" reference3 "$WORKFLOWS" "$3" ;;
        esac
        note "like_$2_$3_wal" $(($(wal_now) - before))
    done
    SIDE=new
}

agrees() { # SERIES
    ratios "new.$1" "reference.$1" | spread it | awk -F= '/^it=/ { print ($2 >= 0.95 && $2 <= 1.05 ? "true" : "false") }'
}

emit_reference() { # WHAT BATCH UNIT N
    # shellcheck disable=SC2046 # a word each
    emit references "like_$1_$2" "$3" "reference.like_$1_$2" of="\"$1\"" batch="$2" n="$4" rounds=$((2 * RUNS)) \
        agrees_within=0.05 agrees="$(agrees "like_$1_$2")" \
        $(ratios "new.like_$1_$2_wal" "reference.like_$1_$2_wal" | spread wal_ratio)
}

measure_references() {
    local round batch
    wanted references || return 0
    [ -d "$PLACE/reference" ] || return 0
    enter new
    for ((round = 0; round < 2 * RUNS; round++)); do
        for batch in $BATCHES; do compare_reference "$round" drain "$batch"; done
        compare_reference "$round" workflow3 1000
    done
    for batch in $BATCHES; do emit_reference drain "$batch" timers/s "$N"; done
    emit_reference workflow3 1000 workflows/s "$WORKFLOWS"
}
