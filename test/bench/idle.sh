# shellcheck shell=bash
# idle.sh: what is used where nothing is to be done. Sourced by run.

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
    emit idle idle 'voluntary context switches' none seconds="$IDLE_TIME" limit=3 processes="$(median new.idle_processes)" \
        xact="$(median new.idle_xact)" xmax="$(median new.idle_xmax)" wal_bytes="$(median new.idle_wal)"
}
