# shellcheck shell=bash
# plain.sh: turns of the references in plain SQL, plain.sql and plain3.sql.
# Sourced by run. They are played in a database of their own, `reference`.

reference() { sql -d reference "$@"; }

make_plain() {
    reference -q -f "$TOP/test/bench/plain.sql" -f "$TOP/test/bench/plain3.sql"
}

# A statement in as many sessions at once as there are executors. Sets TOOK,
# microseconds, and WAL_FROM, WAL_TO.
in_sessions() { # STATEMENT
    local session sessions=() began i
    WAL_FROM=$(wal_now)
    began=$(now_us)
    for ((i = 0; i < EXECUTORS; i++)); do
        reference -c "$1" &
        sessions+=($!)
    done
    for session in "${sessions[@]}"; do
        wait "$session" || die "the reference fails: $1"
    done
    TOOK=$(($(now_us) - began))
    WAL_TO=$(wal_now)
}

plain_drain() { # SERIES BATCH
    local series=$1_$2
    reference -c "CALL plain.load($N)" -c 'VACUUM (ANALYZE, FREEZE) plain.process, plain.timer' -c CHECKPOINT
    in_sessions "CALL plain.drain($2)"
    [ "$(reference -c "SELECT count(*) = $N AND count(DISTINCT process) = $N AND NOT EXISTS (SELECT FROM plain.timer) FROM plain.history")" = t ] ||
        die "the reference did not fire every timer once"
    note "$series" "$(rate "$N" "$TOOK")"
    note_wal "wal_$series" "$N" "$WAL_FROM" "$WAL_TO"
    say "reference of $series: $(rate "$N" "$TOOK")/s"
}

plain_workflow3() { # SERIES BATCH
    local series=$1_$2
    reference -c "CALL plain3.load($WORKFLOWS)" -c 'VACUUM (ANALYZE, FREEZE) plain3.process, plain3.timer' -c CHECKPOINT
    in_sessions "CALL plain3.drain($2)"
    [ "$(reference -c "SELECT count(*) = 3 * $WORKFLOWS AND count(DISTINCT (process, step)) = 3 * $WORKFLOWS FROM plain3.effect")" = t ] ||
        die "the reference did not do every step once"
    note "$series" "$(rate "$WORKFLOWS" "$TOOK")"
    say "reference of $series: $(rate "$WORKFLOWS" "$TOOK")/s"
}
