# shellcheck shell=bash
# latency.sh: how soon an action begins. Sourced by run.
#
# The reference is a worker that waits for NOTIFY and takes one row at a time
# from a table.

no_executor() {
    bench -c "SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'" >/dev/null
    sql_until 'executors gone' 100 "SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor')" -d bench
}

ring() { # PROCESS EVENTS PAUSE_MS
    PGDATABASE=bench PGUSER=bench "$PLACE/latency" bench \
        "SELECT workflow.post('$1', 'ring', pg_catalog.jsonb_build_object('n', \$1::int))" "$2" "$3"
}

latency() {
    local bell i warm=$PLACE/warm cold=$PLACE/cold
    bell=$(bench -U bench -c "SELECT workflow.start('bell')")
    ring "$bell" 20 20 >/dev/null # makes an executor, fills its caches
    ring "$bell" "$EVENTS" 20 >"$warm"
    : >"$cold"
    for ((i = 0; i < COLD; i++)); do
        no_executor
        ring "$bell" 1 200 >>"$cold"
    done
    note latency_p50 "$(percentile "$warm" 50)"
    note latency_p99 "$(percentile "$warm" 99)"
    note latency_cold "$(percentile "$cold" 50)"
    note latency_cold_max "$(percentile "$cold" 100)"
    tell "latency: p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms, cold $(percentile "$cold" 50) ms"
    empty
}

# shellcheck disable=SC2016 # SQL's
RING_BY_HAND='WITH rung AS (INSERT INTO plain.bell VALUES ($1::int)) SELECT pg_notify($$plain$$, $$$$)'
HEAR_BY_HAND='WITH heard AS (DELETE FROM plain.bell WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM plain.bell ORDER BY n FOR UPDATE SKIP LOCKED LIMIT 1)) RETURNING n)
    INSERT INTO plain.seen SELECT n, clock_timestamp() FROM heard'

latency_by_hand() {
    local warm=$PLACE/warm
    start_worker "$HEAR_BY_HAND"
    PGDATABASE=reference "$PLACE/latency" plain "$RING_BY_HAND" 20 20 >/dev/null
    PGDATABASE=reference "$PLACE/latency" plain "$RING_BY_HAND" "$EVENTS" 20 >"$warm"
    stop_worker
    note latency_p50 "$(percentile "$warm" 50)"
    note latency_p99 "$(percentile "$warm" 99)"
    say "reference of latency: p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms"
}

measure_latency() {
    local round
    wanted latency || return 0
    compile latency
    compile worker
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" latency_by_hand latency
    done
    # shellcheck disable=SC2046 # a word each
    emit latency latency_p50 ms reference.latency_p50 p50_ms="$(median new.latency_p50)" $(spread_of latency_p99 p99_ms) \
        $(against latency_p99 reference.latency_p99 p99_reference p99_ratio) \
        aim_p50_ms=0.5 aim_p99_ms=1.5 events="$EVENTS" rounds="$RUNS" $(spread_of latency_cold cold_p50_ms) \
        cold_max_ms="$(largest new.latency_cold_max)" cold_events="$COLD" \
        $(against_base latency_p99 p99_) $(against_base latency_cold cold_)
}
