# shellcheck shell=bash
# send.sh: commands a second, against the same writes by hand. Sourced by run.

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
    local round clients
    wanted send || return 0
    each_side make_doors
    for ((round = 0; round < RUNS; round++)); do
        for clients in $CLIENTS; do
            take_turns "$round" send_by_hand send "$clients"
        done
    done
    for clients in $CLIENTS; do
        emit send "send_$clients" commands/s "reference.send_$clients" clients="$clients" seconds="$TIME" rounds="$RUNS"
    done
    each_side empty
}

