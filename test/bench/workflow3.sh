# shellcheck shell=bash
# workflow3.sh: processes of three steps, each in a transaction of its own after
# the one before. Sourced by run.
#
# Measured with batches as large as the reference's best, and with the size that
# the engine has unless told otherwise.

workflow3() { # SERIES BATCH
    local series=$1_$2
    hold
    if [ "$2" = default ]; then unconfigure workflow.batch_size; else configure workflow.batch_size "$2"; fi
    load workflow3 "$WORKFLOWS" 10000 "jsonb_build_object('number', i)"
    settle 'workflow.process, workflow.timer'
    release_and_wait $((3 * WORKFLOWS))
    note "$series" "$(rate "$WORKFLOWS" "$TOOK")"
    tell "$series: $(rate "$WORKFLOWS" "$TOOK")/s"
    # Three rows by three actions, and each step in a transaction of its own.
    [ "$(bench -c "SELECT count(*) = 3 * $WORKFLOWS AND count(DISTINCT (process, step)) = 3 * $WORKFLOWS FROM bench.step_row")" = t ] ||
        die "not every step was done once"
    [ "$(bench -c "SELECT count(*) FROM (SELECT FROM workflow.history WHERE due IS NOT NULL GROUP BY process HAVING count(DISTINCT xmin::text) <> 3) h")" = 0 ] ||
        die "steps of one process shared a transaction"
    empty
    unconfigure workflow.batch_size
}

measure_workflow3() {
    local round batch
    wanted workflow3 || return 0
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" plain_workflow3 workflow3 workflow3 1000
        take_turns "$round" none workflow3 workflow3 default
    done
    for batch in 1000 default; do
        emit workflow3 "workflow3_$batch" workflows/s reference.workflow3_1000 steps=3 aim_ratio=1.3 \
            batch="$([ "$batch" = default ] && sql -d postgres -c 'SHOW workflow.batch_size' || echo "$batch")" \
            reference_batch=1000 n="$WORKFLOWS" executors="$EXECUTORS" rounds="$RUNS"
    done
}
