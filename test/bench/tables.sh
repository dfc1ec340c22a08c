# shellcheck shell=bash
# tables.sh: rows that are loaded into a table of a user's, of each of which a run is made.
# Sourced by run. A base without table triggers is left out.

LOAD_ROWS="SELECT i, 'customer ' || i % 1000, i * 1.5, '2026-01-01'::timestamptz + i * interval '1 minute' FROM generate_series"

# One statement. Notes what it took.
load_table() { # TABLE SERIES
    local began
    settle "$1, workflow.run, bench.hand_run"
    began=$(now_us)
    bench -U bench -c "INSERT INTO $1 $LOAD_ROWS(1, $ROWS) i"
    note "$2" "$(awk -v t=$(($(now_us) - began)) 'BEGIN { printf "%.1f", t / 1000 }')"
}

table_load() {
    [ "$(bench -c "SELECT to_regclass('bench.loaded') IS NOT NULL")" = t ] || return 0
    hold
    load_table bench.loaded table_load
    [ "$(bench -c "SELECT count(*) = $ROWS AND count(DISTINCT params->'new'->>'id') = $ROWS FROM workflow.run")" = t ] || die "not one run a row"
    tell "table_load: $(tail -n 1 "$PLACE/series.$SIDE.table_load") ms"
    bench -c 'TRUNCATE bench.loaded'
    empty_runs
    configure workflow.enabled on
}

# Into tables of the side whose turn it is, which has no use for them.
table_load_by_hand() {
    load_table bench.loaded_by_hand table_load
    [ "$(bench -c "SELECT count(*) = $ROWS FROM bench.hand_run")" = t ] || die "not one row a row"
    say "reference of table_load: $(tail -n 1 "$PLACE/series.$SIDE.table_load") ms"
    bench -c 'TRUNCATE bench.loaded_by_hand, bench.hand_run'
}

measure_tables() {
    local round
    wanted table_load || return 0
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" table_load_by_hand table_load
    done
    emit table_load table_load ms reference.table_load rows="$ROWS" rounds="$RUNS" aim_ratio=1.5
}
