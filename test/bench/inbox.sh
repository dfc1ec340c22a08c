# shellcheck shell=bash
# inbox.sh: tasks of people, beside processes that are over. Sourced by run.
#
# A task is for a person, one of a thousand, and for a crowd, one of fifty. A base without
# tasks is left out.

has_inbox() { [ "$(bench -c "SELECT EXISTS (SELECT FROM workflow.definitions WHERE name = 'ask')")" = t ]; }

fill_inbox() {
    hold
    load ask "$TASKS" 10000 "jsonb_build_object('person', 'p' || i % 1000, 'crowd', 'g' || i % 50)"
    load finished $((PROCESSES - TASKS))
    settle 'workflow.process, workflow.task, workflow.task_seat'
}

empty_inbox() {
    empty
    bench -c 'TRUNCATE workflow.task, workflow.task_seat, workflow.task_act'
    configure workflow.enabled on
}

# Pages of twenty, of persons by chance with their crowds, one after the other. The first ones,
# which come from disk, are not counted.
inbox() {
    local log=$PLACE/inbox
    has_inbox || return 0
    fill_inbox
    turn_pages 1
    rm -f "$log".*
    turn_pages "$TIME"
    awk '{ print $3 / 1000 }' "$log".* >"$PLACE/pages"
    note inbox_p50 "$(percentile "$PLACE/pages" 50)"
    note inbox_p99 "$(percentile "$PLACE/pages" 99)"
    tell "inbox: p50 $(percentile "$PLACE/pages" 50) ms, p99 $(percentile "$PLACE/pages" 99) ms"
    ! wanted task_claims || task_claims
    empty_inbox
}

turn_pages() { # SECONDS
    pgbench -n -c 1 -T "$1" -M prepared -U bench -l --log-prefix="$PLACE/inbox" -f "$TOP/test/bench/inbox.sql" bench \
        >"$PLACE/pgbench.log" 2>&1
    ! grep -q 'aborted\|ERROR' "$PLACE/pgbench.log" || { cat "$PLACE/pgbench.log" >&2; die "pgbench: inbox"; }
}

# Somebody of a crowd takes one of the first twenty tasks of its inbox, and another one if
# somebody else was quicker, until nothing is left.
CLAIM_LOOP="DO \$\$
    DECLARE
        wanted uuid;
        n int := 0;
    BEGIN
        LOOP
            n := n + 1;
            SELECT i.task INTO wanted FROM workflow.inbox(format('c%s-%s', pg_backend_pid(), n), groups => '{g1}', n => 20) i ORDER BY random() LIMIT 1;
            EXIT WHEN wanted IS NULL;
            PERFORM workflow.claim_task(wanted, format('c%s-%s', pg_backend_pid(), n), '{g1}');
            COMMIT;
        END LOOP;
    END \$\$"

# All of one crowd's tasks, by sixteen sessions at once: each once, and no session meets an error.
task_claims() {
    local session sessions=() began many i
    many=$(bench -c "SELECT count(*) FROM workflow.task_seat WHERE name = 'g1'")
    began=$(now_us)
    for ((i = 0; i < 16; i++)); do
        bench -U bench -c "$CLAIM_LOOP" &
        sessions+=($!)
    done
    for session in "${sessions[@]}"; do wait "$session" || die "who claims fails"; done
    note task_claims "$(rate "$many" $(($(now_us) - began)))"
    [ "$(bench -c "SELECT count(*) = $many AND count(DISTINCT task) = $many FROM workflow.task_act WHERE act = 'claim'")" = t ] ||
        die "not every task was claimed once"
    tell "task_claims: $(tail -n 1 "$PLACE/series.$SIDE.task_claims")/s"
}

measure_inbox() {
    local round
    wanted inbox task_claims || return 0
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" none inbox
    done
    # shellcheck disable=SC2046 # a word each
    ! wanted inbox || emit inbox inbox_p50 ms none processes="$PROCESSES" tasks="$TASKS" rounds="$RUNS" \
        $(spread_of inbox_p99 p99_ms) aim_ms=5
    ! wanted task_claims || emit task_claims task_claims claims/s none sessions=16 tasks=$((TASKS / 50)) rounds="$RUNS"
}
