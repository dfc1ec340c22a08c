# shellcheck shell=bash
# members.sh: what runtimes cost the server that have nothing to do. Sourced by run.

# Microseconds of the CPU that processes have used: ticks are too long for what they do.
cpu_of() { # PID...
    local pid ns sum=0
    for pid; do
        read -r ns _ <"/proc/$pid/schedstat"
        sum=$((sum + ns / 1000))
    done
    echo "$sum"
}

# Fifty runtimes, each of which beats once a second, and takes its turns; five share a session.
members() {
    local pids before after used clients=10
    bench -c 'CREATE TABLE bench.member AS SELECT n, (workflow.register_runtime(format($$m%s$$, n))).epoch FROM generate_series(0, 49) n' \
        -c 'CREATE INDEX ON bench.member ((n % 10))' -c 'VACUUM (FREEZE, ANALYZE) bench.member'
    echo 'SELECT b.ok FROM bench.member m, workflow.beat(format($$m%s$$, m.n), m.epoch) b WHERE m.n % 10 = :client_id;' >"$PLACE/beat.sql"
    configure autovacuum off
    pgbench -n -c "$clients" -R "$clients" -T $((IDLE_TIME + 20)) -f "$PLACE/beat.sql" -M prepared bench >/dev/null 2>>"$LOGFILE" &
    sql_until 'the sessions' 100 "SELECT count(*) = $clients FROM pg_stat_activity WHERE application_name = 'pgbench'" -d postgres
    sleep 5
    read -ra pids <<<"$(sql -d postgres -c "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'pgbench'")"
    before=$(idle_look) used=$(cpu_of "${pids[@]}")
    sleep "$IDLE_TIME"
    used=$(($(cpu_of "${pids[@]}") - used)) after=$(idle_look)
    # shellcheck disable=SC2086 # three numbers each
    set -- $before $after
    note members "$(awk -v us="$used" -v s="$IDLE_TIME" 'BEGIN { print us / 10000 / s }')"
    note members_xact $(($4 - $1))
    note members_xmax $(($5 - $2))
    note members_wal $(($6 - $3))
    tell "members: $used us of CPU in $IDLE_TIME s, $(($4 - $1)) transactions, $(($5 - $2)) transaction ids, $(($6 - $3)) bytes of WAL"
    wait $!
    bench -c 'SELECT workflow.shutdown_runtime(format($$m%s$$, n), epoch) FROM bench.member' -c 'DROP TABLE bench.member' >/dev/null
    configure autovacuum on
}

measure_members() {
    wanted members || return 0
    take_turns 0 none members
    emit members members 'percent of a core' none seconds="$IDLE_TIME" runtimes=50 limit=1 xact="$(median new.members_xact)" xmax="$(median new.members_xmax)" wal_bytes="$(median new.members_wal)"
}
