# shellcheck shell=bash
# small.sh: what a step costs where each comes alone: single starts at a steady
# rate, CPU time of whoever works at them. Sourced by run.
#
# The reference is one worker in plain SQL that takes one row a transaction
# (worker.c, its own time counts, too), woken by NOTIFY. Who starts is not counted
# on either side.

# 500 transactions a second, in the background. Sets FEEDER.
feed() { # DATABASE ROLE SCRIPT
    pgbench -n -c 8 -j 1 -R "$SMALL_RATE" -T $((SMALL_TIME + 3)) -M prepared -U "$2" -f "$TOP/test/bench/$3" "$1" \
        >"$PLACE/feed.log" 2>&1 &
    FEEDER=$!
}

# Wait for it. Sets FED, how many transactions there were.
fed() {
    if ! wait "$FEEDER" || grep -q 'aborted\|ERROR' "$PLACE/feed.log"; then
        cat "$PLACE/feed.log" >&2
        die "pgbench fails"
    fi
    FED=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$PLACE/feed.log")
}

# CPU microseconds a step, and steps a second, of a time amid it. /proc counts
# hundredths of a second, so that it is not to be short.
watch_steps() { # TICKS STEPS: commands that print them
    local ticks steps began
    sleep 1.5
    ticks=$("$1") steps=$("$2") began=$(now_us)
    sleep "$SMALL_TIME"
    ticks=$(($("$1") - ticks)) steps=$(($("$2") - steps)) began=$(($(now_us) - began))
    [ "$steps" -gt 0 ] || die "no step was done"
    note small "$(awk -v t="$ticks" -v n="$steps" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    note small_rate "$(awk -v n="$steps" -v t="$began" 'BEGIN { printf "%.1f", n / (t / 1e6) }')"
}

small() {
    settle 'workflow.process, workflow.timer, workflow.history'
    # None is to leave and take along what it has used.
    configure workflow.executor_idle_timeout 3600
    feed bench bench small.sql
    watch_steps ticks_of_workers steps_done
    fed
    sql_until 'the last steps' 100 'SELECT NOT EXISTS (SELECT FROM workflow.timer)' -d bench
    [ "$(bench -c "SELECT count(*) FROM workflow.process WHERE status = 'finalized' AND context->>'n' = '1'")" = "$FED" ] ||
        die "not every process was done once"
    tell "small transactions: $(tail -n 1 "$PLACE/series.$SIDE.small") us a step at $(tail -n 1 "$PLACE/series.$SIDE.small_rate")/s"
    unconfigure workflow.executor_idle_timeout
    empty
}

STEP_BY_HAND="WITH event AS (DELETE FROM plain.timer WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM plain.timer WHERE due <= now() ORDER BY due FOR UPDATE SKIP LOCKED LIMIT 1)) RETURNING process, event
    ), line AS (
        INSERT INTO plain.history SELECT process, now(), event, ARRAY['waiting'], ARRAY['done'] FROM event)
    UPDATE plain.process p SET status = 3, states = ARRAY['done'], context = jsonb_set(context, ARRAY['n'], '1'), updated_at = now()
    WHERE p.id = (SELECT process FROM event)"

ticks_by_hand() { ticks_of "$WORKER" "$WORKER_BACKEND"; }
steps_by_hand() { reference -c 'SELECT count(*) FROM plain.history'; }

small_by_hand() {
    reference -c 'CALL plain.load(0)' -c 'VACUUM (ANALYZE) plain.process, plain.timer, plain.history' -c CHECKPOINT
    start_worker "$STEP_BY_HAND"
    feed reference postgres small_plain.sql
    watch_steps ticks_by_hand steps_by_hand
    fed
    sql_until 'the last steps' 100 'SELECT NOT EXISTS (SELECT FROM plain.timer)' -d reference
    stop_worker
    [ "$(reference -c "SELECT count(*) FROM plain.process WHERE status = 3")" = "$FED" ] || die "not every row was done once"
    say "reference of small transactions: $(tail -n 1 "$PLACE/series.$SIDE.small") us a step at $(tail -n 1 "$PLACE/series.$SIDE.small_rate")/s"
}

measure_small() {
    local round
    wanted small_transactions || return 0
    compile worker
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" small_by_hand small
    done
    # shellcheck disable=SC2046 # a word each
    emit small_transactions small 'CPU us a step' reference.small seconds="$SMALL_TIME" rounds="$RUNS" \
        rate_wanted="$SMALL_RATE" $(spread_of small_rate rate) rate_reference="$(median reference.small_rate)"
}
