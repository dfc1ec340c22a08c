# shellcheck shell=bash
# measures.sh: what is measured, and how. Sourced by run.
#
# A measure is a function that is one turn of one side, and notes what the side
# reached; and measure_..., which has the sides take turns and prints the lines.

bench() { sql -d bench "$@"; }

tell() { if has_base; then say "$SIDE: $1"; else say "$1"; fi; }

wanted() { # MEASURE...: is one of them to be measured?
    local measure
    for measure; do
        [[ " $MEASURES " != *" $measure "* ]] || return 0
    done
    return 1
}

now_us() { echo $(($(date +%s%N) / 1000)); }

configure() { # NAME VALUE
    sql -d postgres -c "ALTER SYSTEM SET $1 = $2" -c 'SELECT pg_reload_conf()' >/dev/null
}

# The engine stands still; nothing that becomes due is taken.
hold() {
    configure workflow.enabled off
    sql_until 'executors at rest' 600 \
        "SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor' AND state = 'busy')" -d bench
}

# Make HOW_MANY processes of a definition, 10,000 a transaction; NUMBERED: each
# with its number in the context.
load() { # DEFINITION HOW_MANY [NUMBERED]
    local input='NULL::jsonb'
    [ -z "${3:-}" ] || input="jsonb_build_object('number', i)"
    bench -U bench -c "DO \$\$
        DECLARE low int := 0;
        BEGIN
            WHILE low < $2 LOOP
                PERFORM count(*) FROM workflow.start_many('$1',
                    (SELECT array_agg($input) FROM generate_series(low + 1, least(low + 10000, $2)) i));
                low := low + 10000;
                COMMIT;
            END LOOP;
        END \$\$"
}

settle() { # TABLES
    bench -c "VACUUM (ANALYZE, FREEZE) $1" -c CHECKPOINT
}

empty() {
    bench -c 'TRUNCATE workflow.process, workflow.timer, workflow.history, workflow.key, workflow.failure, workflow.receipt, bench.step_row'
}

# Let the engine go until HOW_MANY steps are done; print the microseconds. The
# workers' own counts are looked at, fifty times a second, because they cost
# nothing; the tables are asked in the end whether it is true.
steps_done() { bench -c "SELECT coalesce(sum(steps), 0) FROM workflow.activity WHERE kind = 'executor'"; }
release_and_wait() { # HOW_MANY
    local before began ended
    before=$(steps_done)
    began=$(now_us)
    configure workflow.enabled on
    bench -c "DO \$\$
        DECLARE patience timestamptz := clock_timestamp() + interval '$LIMIT seconds';
        BEGIN
            LOOP
                EXIT WHEN (SELECT coalesce(sum(steps), 0) FROM workflow.activity WHERE kind = 'executor') >= $before + $1;
                IF clock_timestamp() > patience THEN
                    RAISE 'only % of $1 steps were done in time',
                        (SELECT coalesce(sum(steps), 0) - $before FROM workflow.activity WHERE kind = 'executor');
                END IF;
                COMMIT;
                PERFORM pg_sleep(0.02);
                COMMIT;
            END LOOP;
        END \$\$"
    ended=$(now_us)
    [ "$(bench -c "SELECT NOT EXISTS (SELECT FROM workflow.timer WHERE due <= now())")" = t ] || die "timers are left"
    echo $((ended - began))
}

rate() { # HOW_MANY MICROSECONDS
    awk -v n="$1" -v t="$2" 'BEGIN { printf "%d", n / (t / 1e6) }'
}

# ---- drain -------------------------------------------------------------------------

drain() { # SERIES BATCH [held|backlog]
    local took holder=
    hold
    empty
    configure workflow.batch_size "$2"
    [ "${3:-}" != backlog ] || load backlog "$BACKLOG"
    load drain "$N"
    settle 'workflow.process, workflow.timer'
    if [ "${3:-}" = held ]; then
        coproc HOLDER { bench; }
        holder=$HOLDER_PID
        printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ;' "SELECT 'held';" >&"${HOLDER[1]}"
        read -r _ <&"${HOLDER[0]}"
    fi
    took=$(release_and_wait "$N")
    if [ -n "$holder" ]; then
        kill "$holder"
        wait "$holder" 2>/dev/null || true
    fi
    [ "$(bench -c "SELECT count(*) FROM workflow.process WHERE status = 'finalized' AND context->>'n' = '1'")" = "$N" ] ||
        die "not every process of the drain is done"
    note "$1" "$(rate "$N" "$took")"
    tell "$1: $(rate "$N" "$took")/s"
    hold
    empty
    sql -d postgres -c 'ALTER SYSTEM RESET workflow.batch_size'
    configure workflow.enabled on
}

reference_drain() { # SERIES BATCH
    local line value
    line=$(PGDATABASE=reference "$PLACE/reference/reference" "$N" "$2" "$EXECUTORS")
    value=$(sed 's/.*"value": \([0-9]*\).*/\1/' <<<"$line")
    note "$1" "$value"
    say "reference of $2: $value/s"
}

measure_drains() {
    local run batch reference=none
    wanted drain drain_held_snapshot drain_backlog || return 0
    ! wanted drain || [ ! -d "$PLACE/reference" ] || reference=reference_drain
    for ((run = 0; run < RUNS; run++)); do
        for batch in $BATCHES; do
            take_turns "$run" "$reference" drain "drain_$batch" "$batch"
            ! wanted drain_held_snapshot || take_turns "$run" none drain "held_$batch" "$batch" held
            ! wanted drain_backlog || take_turns "$run" none drain "backlog_$batch" "$batch" backlog
        done
    done
    for batch in $BATCHES; do
        emit drain "drain_$batch" timers/s "$(median reference "drain_$batch")" \
            batch="$batch" n="$N" executors="$EXECUTORS" runs="$RUNS"
        ! wanted drain_held_snapshot || emit drain_held_snapshot "held_$batch" timers/s \
            "$(median new "drain_$batch")" batch="$batch" n="$N" executors="$EXECUTORS" runs="$RUNS"
        ! wanted drain_backlog || emit drain_backlog "backlog_$batch" timers/s \
            "$(median new "drain_$batch")" batch="$batch" n="$N" waiting="$BACKLOG" executors="$EXECUTORS" runs="$RUNS"
    done
}

# ---- workflow3 ----------------------------------------------------------------------

workflow3() {
    local took
    hold
    empty
    load workflow3 "$WORKFLOWS" numbered
    settle 'workflow.process, workflow.timer'
    took=$(release_and_wait $((3 * WORKFLOWS)))
    note workflow3 "$(rate "$WORKFLOWS" "$took")"
    tell "workflow3: $(rate "$WORKFLOWS" "$took")/s"
    # Three rows by three actions, and each step in a transaction of its own.
    [ "$(bench -c "SELECT count(*) = 3 * $WORKFLOWS AND count(DISTINCT (process, step)) = 3 * $WORKFLOWS FROM bench.step_row")" = t ] ||
        die "not every step was done once"
    [ "$(bench -c "SELECT count(*) FROM (SELECT FROM workflow.history WHERE due IS NOT NULL GROUP BY process HAVING count(DISTINCT xmin::text) <> 3) h")" = 0 ] ||
        die "steps of one process shared a transaction"
    empty
}

measure_workflow3() {
    local run
    wanted workflow3 || return 0
    for ((run = 0; run < RUNS; run++)); do
        take_turns "$run" none workflow3
    done
    emit workflow3 workflow3 workflows/s '' steps=3 aim=20000 n="$WORKFLOWS" executors="$EXECUTORS" runs="$RUNS"
}

# ---- send ----------------------------------------------------------------------------

tps() { # CLIENTS SCRIPT
    pgbench -n -c "$1" -j 2 -T "$TIME" -M prepared -U bench -D doors="$DOORS" -f "$TOP/test/bench/$2" bench \
        2>"$PLACE/pgbench.log" | sed -n 's/^tps = \([0-9]*\).* (without.*/\1/p'
    ! grep -q 'aborted\|ERROR' "$PLACE/pgbench.log" || { cat "$PLACE/pgbench.log" >&2; die "pgbench: $2"; }
}

# The doors, and the same rows for the reference.
make_doors() {
    bench -U bench -c "TRUNCATE bench.door" -c "INSERT INTO bench.door (n, process)
        SELECT n, process FROM workflow.start_many('door', array_fill(NULL::jsonb, ARRAY[$DOORS])) WITH ORDINALITY d(process, n)"
    bench -c 'TRUNCATE bench.hand_process, bench.hand_timer, bench.hand_history' \
        -c 'INSERT INTO bench.hand_process SELECT * FROM workflow.process' \
        -c 'INSERT INTO bench.hand_timer SELECT * FROM workflow.timer' \
        -c 'INSERT INTO bench.hand_history SELECT * FROM workflow.history'
}

send() { # CLIENTS
    local value
    settle 'workflow.process, workflow.timer, workflow.history'
    value=$(tps "$1" send.sql)
    note "send_$1" "$value"
    tell "send, $1 clients: $value/s"
}

send_by_hand() { # CLIENTS
    local value
    settle 'bench.hand_process, bench.hand_timer, bench.hand_history'
    value=$(tps "$1" hand.sql)
    note "send_$1" "$value"
    say "by hand, $1 clients: $value/s"
}

measure_send() {
    local run clients
    wanted send || return 0
    each_side make_doors
    for ((run = 0; run < RUNS; run++)); do
        for clients in $CLIENTS; do
            take_turns "$run" send_by_hand send "$clients"
        done
    done
    for clients in $CLIENTS; do
        emit send "send_$clients" commands/s "$(median reference "send_$clients")" clients="$clients" seconds="$TIME" runs="$RUNS"
    done
    each_side empty
}

# ---- latency ---------------------------------------------------------------------------

no_executor() {
    bench -c "SELECT pg_terminate_backend(pid) FROM workflow.activity WHERE kind = 'executor'" >/dev/null
    sql_until 'executors gone' 100 "SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor')" -d bench
}

probe() { PGDATABASE=bench PGUSER=bench "$PLACE/latency" "$@"; }

latency() {
    local bell run warm=$PLACE/warm cold=$PLACE/cold
    bell=$(bench -U bench -c "SELECT workflow.start('bell')")
    probe "$bell" 20 20 >/dev/null # makes an executor, fills its caches
    probe "$bell" "$EVENTS" 20 >"$warm"
    : >"$cold"
    for ((run = 0; run < COLD; run++)); do
        no_executor
        probe "$bell" 1 200 >>"$cold"
    done
    note latency_p50 "$(percentile "$warm" 50)"
    note latency_p99 "$(percentile "$warm" 99)"
    note latency_cold "$(percentile "$cold" 50)"
    note latency_cold_max "$(percentile "$cold" 100)"
    tell "latency: p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms, cold $(percentile "$cold" 50) ms"
    empty
}

# Without a base, one turn of many events; with one, as many pairs as of the others.
measure_latency() {
    local run runs=1
    wanted latency || return 0
    ! has_base || runs=$RUNS
    cc -O2 -I"$("$PG_CONFIG" --includedir)" -o "$PLACE/latency" "$TOP/test/bench/latency.c" -lpq
    for ((run = 0; run < runs; run++)); do
        take_turns "$run" none latency
    done
    # shellcheck disable=SC2046 # a word each
    emit latency latency_p50 ms '' p50_ms="$(median new latency_p50)" p99_ms="$(median new latency_p99)" \
        aim_p50_ms=0.5 aim_p99_ms=1.5 events="$EVENTS" cold_p50_ms="$(median new latency_cold)" \
        cold_max_ms="$(largest new latency_cold_max)" cold_events="$COLD" \
        $(against_base latency_p99 p99_) $(against_base latency_cold cold_)
}

# ---- locked -----------------------------------------------------------------------------

# CPU time of our background workers, in hundredths of a second.
ticks_of_workers() {
    local pid sum=0
    for pid in $(bench -c "SELECT pid FROM workflow.activity WHERE pid IS NOT NULL"); do
        sum=$((sum + $(awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || echo 0)))
    done
    echo "$sum"
}

# A session that holds all lamps, and an event for each of them.
hold_lamps() {
    coproc HOLDER { bench -U bench; }
    printf '%s\n' 'BEGIN;' "SELECT count(*) FROM workflow.send_many(ARRAY(
        SELECT id FROM workflow.processes WHERE definition = 'lamp'), ARRAY['note']);" >&"${HOLDER[1]}"
    read -r _ <&"${HOLDER[0]}"
    bench -U bench -c "SELECT count(workflow.post(id, 'note')) FROM workflow.processes WHERE definition = 'lamp'" >/dev/null
}

release_lamps() {
    local holder=$HOLDER_PID
    printf '%s\n' 'COMMIT;' >&"${HOLDER[1]}"
    sql_until 'what was locked' 600 "SELECT NOT EXISTS (SELECT FROM workflow.timer WHERE event = 'note')" -d bench
    kill "$holder"
    wait "$holder" 2>/dev/null || true
}

# How late (ms) timers of the same owner are meanwhile, and what share of a core
# the workers take (percent): 50 clocks, each of which fires once a second.
clocks() { # SERIES
    local began used late=$PLACE/late
    sleep 5
    began=$(bench -c 'SELECT now()')
    used=$(ticks_of_workers)
    sleep "$HELD_TIME"
    used=$(($(ticks_of_workers) - used))
    bench -c "SELECT round(extract(epoch FROM at - due) * 1000, 3) FROM workflow.history
        WHERE due > '$began' AND event LIKE 'after%'" >"$late"
    [ -s "$late" ] || die "no clock went"
    note "$1_p50" "$(percentile "$late" 50)"
    note "$1_p99" "$(percentile "$late" 99)"
    note "$1_cpu" "$(awk -v t="$used" -v s="$HELD_TIME" 'BEGIN { printf "%.2f", t / s }')"
    tell "$1: p50 $(percentile "$late" 50) ms, p99 $(percentile "$late" 99) ms, $used hundredths of a second of CPU"
}

locked() {
    empty
    bench -U bench -c "SELECT count(*) FROM workflow.start_many('clock', (
        SELECT array_agg(jsonb_build_object('offset', i * 20)) FROM generate_series(1, 50) i))" >/dev/null
    clocks alone
    load lamp "$HELD"
    settle 'workflow.process, workflow.timer'
    hold_lamps
    clocks locked
    release_lamps
    empty
}

measure_locked() {
    local run runs=1
    wanted locked || return 0
    ! has_base || runs=$RUNS
    for ((run = 0; run < runs; run++)); do
        take_turns "$run" none locked
    done
    # shellcheck disable=SC2046 # a word each
    emit locked locked_p50 ms '' p99_ms="$(median new locked_p99)" cpu_percent="$(median new locked_cpu)" \
        alone_p50_ms="$(median new alone_p50)" alone_p99_ms="$(median new alone_p99)" alone_cpu_percent="$(median new alone_cpu)" \
        aim_p99_ms=50 aim_cpu_percent=5 n="$HELD" seconds="$HELD_TIME" \
        $(against_base locked_p99 p99_) $(against_base locked_cpu cpu_)
}

# ---- idle -------------------------------------------------------------------------------

# Transactions of the database, next transaction id, WAL position; asked from
# another database, in read-only transactions.
idle_look() {
    sql -d postgres -F ' ' -c "SELECT xact_commit + xact_rollback, pg_snapshot_xmax(pg_current_snapshot()),
        pg_current_wal_insert_lsn() - '0/0' FROM pg_stat_database WHERE datname = 'bench'"
}
switches() { # PID...
    local pid sum=0
    for pid; do sum=$((sum + $(awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$pid/status"))); done
    echo "$sum"
}

# Statistics of sessions that have ended arrive late, and a checkpoint is
# followed by a line in the WAL: wait until two looks agree.
quiet() {
    local before='' look tries
    for ((tries = 0; tries < 10; tries++)); do
        look=$(idle_look)
        [ "$look" != "$before" ] || return 0
        before=$look
        sleep $((IDLE_TIME < 20 ? IDLE_TIME : 20))
    done
    die "the server does not come to rest"
}

idle() {
    local pids before after switched
    load backlog 1000
    # A process that has run, so that runtime and executor are there and warm.
    load drain 1
    sql_until 'the executor' 100 "SELECT EXISTS (SELECT FROM workflow.process WHERE status = 'finalized')" -d bench
    # Autovacuum looks at every database once a minute.
    configure autovacuum off
    bench -c CHECKPOINT
    read -ra pids <<<"$(bench -c "SELECT string_agg(pid::text, ' ') FROM workflow.activity WHERE pid IS NOT NULL")"
    # The runtime looks once more, a sweep interval after the last transaction.
    sleep $((IDLE_TIME < 35 ? IDLE_TIME : 35))
    quiet
    before=$(idle_look) switched=$(switches "${pids[@]}")
    sleep "$IDLE_TIME"
    switched=$(($(switches "${pids[@]}") - switched)) after=$(idle_look)
    # shellcheck disable=SC2086 # three numbers each
    set -- $before $after
    note idle "$switched"
    note idle_processes "${#pids[@]}"
    note idle_xact $(($4 - $1))
    note idle_xmax $(($5 - $2))
    note idle_wal $(($6 - $3))
    tell "idle: $switched switches, $(($4 - $1)) transactions"
    configure autovacuum on
    empty
}

# Counts, not times: one turn tells as much as three.
measure_idle() {
    wanted idle || return 0
    take_turns 0 none idle
    emit idle idle 'voluntary context switches' '' seconds="$IDLE_TIME" limit=3 processes="$(median new idle_processes)" \
        xact="$(median new idle_xact)" xmax="$(median new idle_xmax)" wal_bytes="$(median new idle_wal)"
}
