# shellcheck shell=bash
# jobs.sh: runs of jobs by executors and by outside workers. Sourced by run.
#
# job_drain is measured whatever of its kin is wanted: the others are compared
# with it. A base without jobs is left out.

JOB_DRAINS='job_drain job_limits job_backlog job_finished job_held_snapshot'

has_jobs() { [ "$(bench -c "SELECT to_regclass('workflow.run') IS NOT NULL")" = t ]; }

# Make HOW_MANY runs of a job, in transactions of 10,000.
load_runs() { # JOB HOW_MANY [MORE_ARGUMENTS]
    bench -U bench -c "DO \$\$
        BEGIN
            FOR low IN 0 .. $2 - 1 BY 10000 LOOP
                PERFORM count(*) FROM workflow.run_jobs('$1', (SELECT array_agg(jsonb_build_object('n', i))
                    FROM generate_series(low + 1, least(low + 10000, $2)) i)${3:-});
                COMMIT;
            END LOOP;
        END \$\$"
}

empty_runs() { bench -c 'TRUNCATE workflow.run, workflow.run_history, workflow.run_key'; }

fill_jobs() { # KIND
    case $1 in
    backlog) load_runs no_op "$BACKLOG" ", at => now() + interval '30 days'" ;;
    finished) load_runs no_op "$FINISHED" ;;
    esac
    if [ "$1" = finished ]; then
        release_runs "$FINISHED"
        hold
    fi
    case $1 in
    limits) load_runs limited "$N" ;;
    *) load_runs no_op "$N" ;;
    esac
    settle 'workflow.run, workflow.run_history'
    [ "$1" != held ] || take_snapshot
}

# Let the executors go until HOW_MANY runs have ended; as release_and_wait.
release_runs() { # HOW_MANY
    local began
    start_sampler "$1" "$PLACE/samples"
    began=$(now_us)
    configure workflow.enabled on
    wait "$SAMPLER" || die "runs are left"
    TOOK=$(($(now_us) - began))
}

job_drain() { # KIND BATCH
    local series=job_$1_$2 before
    has_jobs || return 0
    hold
    configure workflow.batch_size "$2"
    fill_jobs "$1"
    before=$(bench -c 'SELECT count(*) FROM workflow.run_history WHERE state = 3')
    release_runs "$N"
    [ "$1" != held ] || drop_snapshot
    [ "$(bench -c "SELECT count(*) - $before = $N FROM workflow.run_history WHERE state = 3")" = t ] ||
        die "not every run has finished once"
    note "$series" "$(rate "$N" "$TOOK")"
    tell "$series: $(rate "$N" "$TOOK")/s"
    empty_runs
    unconfigure workflow.batch_size
}

job_turns() { # ROUND BATCH
    take_turns "$1" plain_drain job_drain drain "$2"
    ! wanted job_limits || take_turns "$1" none job_drain limits "$2"
    ! wanted job_held_snapshot || take_turns "$1" none job_drain held "$2"
    ! wanted job_backlog || take_turns "$1" none job_drain backlog "$2"
    ! wanted job_finished || take_turns "$1" none job_drain finished "$2"
}

emit_job() { # MEASURE KIND BATCH REFERENCE MORE...
    local measure=$1 series=job_$2_$3 batch=$3 reference=$4
    shift 4
    [ ! -s "$PLACE/series.new.$series" ] ||
        emit "$measure" "$series" runs/s "$reference" batch="$batch" n="$N" executors="$EXECUTORS" rounds="$RUNS" "$@"
}

measure_job_drains() {
    local round batch
    # shellcheck disable=SC2086 # a word each
    wanted $JOB_DRAINS || return 0
    for ((round = 0; round < RUNS; round++)); do
        for batch in $BATCHES_BESIDE; do job_turns "$round" "$batch"; done
    done
    for batch in $BATCHES_BESIDE; do
        emit_job job_drain drain "$batch" "reference.drain_$batch" aim_ratio=0.7
        emit_job job_limits limits "$batch" "new.job_drain_$batch" aim_ratio=0.9
        emit_job job_held_snapshot held "$batch" "new.job_drain_$batch" aim_ratio=0.9
        emit_job job_backlog backlog "$batch" "new.job_drain_$batch" waiting="$BACKLOG" aim_ratio=0.9
        emit_job job_finished finished "$batch" "new.job_drain_$batch" finished="$FINISHED" aim_ratio=0.9
    done
}

# ---- outside workers --------------------------------------------------------------

# A worker's loop in the server: claim a hundred, complete them, until nothing is left.
WORKER_LOOP="DO \$\$
    DECLARE
        claimed record;
    BEGIN
        LOOP
            SELECT array_agg(c.run) AS runs, array_agg(c.fence) AS fences INTO claimed FROM workflow.claim('outside', 'bench', 100) c;
            EXIT WHEN claimed.runs IS NULL;
            COMMIT;
            PERFORM count(*) FROM workflow.complete_many(claimed.runs, claimed.fences);
            COMMIT;
        END LOOP;
    END \$\$"

# The least that a queue in a table takes for the same: one transaction marks a
# hundred rows, the next one deletes them and keeps a line of each.
WORKER_BY_HAND="DO \$\$
    DECLARE
        claimed int[];
    BEGIN
        LOOP
            WITH c AS (
                UPDATE plain.task t SET worker = 'bench', until = now() + interval '1 minute'
                WHERE t.ctid = ANY (ARRAY(SELECT d.ctid FROM plain.task d WHERE d.worker IS NULL
                                          ORDER BY d.n FOR UPDATE SKIP LOCKED LIMIT 100))
                RETURNING t.n)
            SELECT array_agg(n) INTO claimed FROM c;
            EXIT WHEN claimed IS NULL;
            COMMIT;
            WITH d AS (DELETE FROM plain.task t WHERE t.n = ANY (claimed) RETURNING t.n, t.params)
            INSERT INTO plain.task_done SELECT n, params, now() FROM d;
            COMMIT;
        END LOOP;
    END \$\$"

workers() {
    local session sessions=() began i
    has_jobs || return 0
    load_runs outside "$N"
    settle 'workflow.run, workflow.run_history'
    began=$(now_us)
    for ((i = 0; i < EXECUTORS; i++)); do
        bench -U bench -c "$WORKER_LOOP" &
        sessions+=($!)
    done
    for session in "${sessions[@]}"; do wait "$session" || die "a worker fails"; done
    note worker_drain "$(rate "$N" $(($(now_us) - began)))"
    [ "$(bench -c "SELECT count(*) FROM workflow.run_history WHERE state = 3")" = "$N" ] || die "not every run was completed"
    tell "worker_drain: $(tail -n 1 "$PLACE/series.$SIDE.worker_drain")/s"
    empty_runs
}

workers_by_hand() {
    reference -c 'TRUNCATE plain.task, plain.task_done' \
        -c "INSERT INTO plain.task SELECT i, jsonb_build_object('n', i) FROM generate_series(1, $N) i" \
        -c 'VACUUM (ANALYZE, FREEZE) plain.task' -c CHECKPOINT
    in_sessions "$WORKER_BY_HAND"
    [ "$(reference -c 'SELECT count(*) FROM plain.task_done')" = "$N" ] || die "the reference did not do all"
    note worker_drain "$(rate "$N" "$TOOK")"
    say "reference of worker_drain: $(rate "$N" "$TOOK")/s"
}

measure_workers() {
    local round
    wanted worker_drain || return 0
    for ((round = 0; round < RUNS; round++)); do
        take_turns "$round" workers_by_hand workers
    done
    emit worker_drain worker_drain runs/s reference.worker_drain batch=100 n="$N" workers="$EXECUTORS" rounds="$RUNS" aim_ratio=0.5
}

# ---- how soon, how long -----------------------------------------------------------

call_job() { # JOB EVENTS PAUSE_MS
    PGDATABASE=bench PGUSER=bench "$PLACE/latency" bench \
        "SELECT workflow.run_job('$1', pg_catalog.jsonb_build_object('n', \$1::int))" "$2" "$3"
}

# Beside a timer's, in the same turn.
job_latency() {
    local warm=$PLACE/warm bell
    has_jobs || return 0
    bell=$(bench -U bench -c "SELECT workflow.start('bell')")
    ring "$bell" 20 20 >/dev/null
    ring "$bell" "$EVENTS" 20 >"$warm"
    note step_latency_p50 "$(percentile "$warm" 50)"
    note step_latency_p99 "$(percentile "$warm" 99)"
    call_job note 20 20 >/dev/null
    call_job note "$EVENTS" 20 >"$warm"
    note job_latency_p50 "$(percentile "$warm" 50)"
    note job_latency_p99 "$(percentile "$warm" 99)"
    tell "job_latency: p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms"
    empty
    empty_runs
}

# How soon a run begins in a queue in which very many wait for a partition that is full.
job_full() {
    local warm=$PLACE/warm claim
    has_jobs || return 0
    call_job beside 20 20 >/dev/null
    call_job beside "$EVENTS" 20 >"$warm"
    note job_free_p50 "$(percentile "$warm" 50)"
    bench -c 'TRUNCATE bench.seen'
    load_runs holder 1
    claim=$(bench -U bench -c "SELECT format('%L, %s', run, fence) FROM workflow.claim('narrow', 'bench', lease => '1 day')")
    load_runs behind "$BACKLOG"
    settle 'workflow.run, workflow.run_history'
    call_job beside 20 20 >/dev/null
    call_job beside "$EVENTS" 20 >"$warm"
    [ "$(bench -c "SELECT count(*) = $BACKLOG FROM workflow.run WHERE ready")" = t ] || die "runs of a full partition have begun"
    note job_full_p50 "$(percentile "$warm" 50)"
    note job_full_p99 "$(percentile "$warm" 99)"
    tell "job_full: p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms"
    hold
    bench -U bench -c "SELECT workflow.complete($claim)" >/dev/null
    empty
    empty_runs
    configure workflow.enabled on
}

# Fifty tracked runs of two seconds, with an executor for each. The first time starts
# them all.
sleepers() {
    local began
    has_jobs || return 0
    load_runs nap 50
    began=$(now_us)
    sql_until 'all who sleep' 600 'SELECT NOT EXISTS (SELECT FROM workflow.run)' -d bench
    note "sleep50" "$(awk -v t=$(($(now_us) - began)) 'BEGIN { printf "%.2f", t / 1e6 }')"
    tell "sleep50: $(tail -n 1 "$PLACE/series.$SIDE.sleep50") s"
    empty_runs
}

# How late timers are, 1,000 a second, alone and beside 100 tracked runs of 2 s.
timers_beside() {
    has_jobs || return 0
    empty
    bench -U bench -c "SELECT count(*) FROM workflow.start_many('clock', (
        SELECT array_agg(jsonb_build_object('offset', i)) FROM generate_series(1, 1000) i))" >/dev/null
    clocks timers_alone
    load_runs nap 100
    clocks timers_beside
    bench -c "SELECT workflow.cancel_run(id, true) FROM workflow.run" >/dev/null
    sql_until 'the last runs' 600 'SELECT NOT EXISTS (SELECT FROM workflow.run)' -d bench
    empty
    empty_runs
}

# With so many executors for runs.
restart_with_job_executors() { # HOW_MANY
    configure workflow.max_job_executors "$1"
    cluster_stop
    cluster_start
}

measure_job_times() {
    local round
    wanted job_latency job_full sleep50 timers_beside_jobs || return 0
    compile latency
    for ((round = 0; round < RUNS; round++)); do
        ! wanted job_latency || take_turns "$round" none job_latency
        ! wanted job_full || take_turns "$round" none job_full
    done
    each_side restart_with_job_executors 50
    for ((round = 0; round < RUNS; round++)); do
        ! wanted sleep50 || take_turns "$round" none sleepers
        ! wanted timers_beside_jobs || take_turns "$round" none timers_beside
    done
    each_side restart_with_job_executors "$EXECUTORS"
    # shellcheck disable=SC2046 # a word each
    ! wanted job_latency || emit job_latency job_latency_p50 ms new.step_latency_p50 aim_ratio=1.2 events="$EVENTS" rounds="$RUNS" \
        $(spread_of job_latency_p99 p99_ms) $(against job_latency_p99 new.step_latency_p99 p99_step_ms p99_ratio)
    # shellcheck disable=SC2046 # a word each
    ! wanted job_full || emit job_full job_full_p50 ms new.job_free_p50 waiting="$BACKLOG" events="$EVENTS" rounds="$RUNS" \
        $(spread_of job_full_p99 p99_ms) aim_ms=5
    ! wanted sleep50 || emit sleep50 sleep50 s none runs=50 executors=50 rounds="$RUNS" aim_s=2.6
    ! wanted timers_beside_jobs || emit timers_beside_jobs timers_beside_p99 ms new.timers_alone_p99 rounds="$RUNS" aim_ratio=1
}

measure_jobs() {
    measure_job_drains
    measure_workers
    measure_job_times
}
