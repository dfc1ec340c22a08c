# shellcheck shell=bash
# locked.sh: what others feel of processes that are due and locked. Sourced by run.

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
    sleep $((HELD_TIME < 5 ? HELD_TIME : 5))
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

# Without a base, one turn of many clocks; with one, as many pairs as of the others.
measure_locked() {
    local round runs=1
    wanted locked || return 0
    ! has_base || runs=$RUNS
    for ((round = 0; round < runs; round++)); do
        take_turns "$round" none locked
    done
    # shellcheck disable=SC2046 # a word each
    emit locked locked_p50 ms none p99_ms="$(median new.locked_p99)" cpu_percent="$(median new.locked_cpu)" \
        alone_p50_ms="$(median new.alone_p50)" alone_p99_ms="$(median new.alone_p99)" alone_cpu_percent="$(median new.alone_cpu)" \
        aim_p99_ms=50 aim_cpu_percent=5 n="$HELD" seconds="$HELD_TIME" rounds="$runs" \
        $(against_base locked_p99 p99_) $(against_base locked_cpu cpu_)
}

