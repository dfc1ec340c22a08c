# shellcheck shell=bash disable=SC2034 # what is set here is read elsewhere
# engine.sh: what measures have in common. Sourced by run.
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

rate() { # HOW_MANY MICROSECONDS
    awk -v n="$1" -v t="$2" 'BEGIN { printf "%d", n / (t / 1e6) }'
}

configure() { # NAME VALUE
    sql -d postgres -c "ALTER SYSTEM SET $1 = $2" -c 'SELECT pg_reload_conf()' >/dev/null
}

unconfigure() { # NAME
    sql -d postgres -c "ALTER SYSTEM RESET $1" -c 'SELECT pg_reload_conf()' >/dev/null
}

# The engine stands still; nothing that becomes due is taken.
hold() {
    configure workflow.enabled off
    sql_until 'executors at rest' 600 \
        "SELECT NOT EXISTS (SELECT FROM workflow.activity WHERE kind = 'executor' AND state = 'busy')" -d bench
}

# Make HOW_MANY processes of a definition, in transactions of PIECE; INPUT is an
# expression in their number, i; AT, an instant, has them start then.
load() { # DEFINITION HOW_MANY [PIECE [INPUT [AT]]]
    local many=$2 piece=${3:-10000} input=${4:-NULL::jsonb} at=
    [ -z "${5:-}" ] || at=", at => '$5'"
    bench -U bench -c "DO \$\$
        DECLARE low int := 0;
        BEGIN
            WHILE low < $many LOOP
                PERFORM count(*) FROM workflow.start_many('$1',
                    (SELECT array_agg($input) FROM generate_series(low + 1, least(low + $piece, $many)) i)$at);
                low := low + $piece;
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

# A session with a snapshot, until it is told to go.
take_snapshot() {
    coproc HOLDER { bench; }
    SNAPSHOT=$HOLDER_PID
    printf '%s\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ;' "SELECT 'held';" >&"${HOLDER[1]}"
    read -r _ <&"${HOLDER[0]}"
}
drop_snapshot() {
    kill "$SNAPSHOT"
    wait "$SNAPSHOT" 2>/dev/null || true
}

# ---- WAL ---------------------------------------------------------------------------

wal_now() { sql -d postgres -c "SELECT pg_current_wal_insert_lsn() - '0/0'"; }

# Of so many bytes of WAL, those of full-page images; nothing if the server has
# no pg_walinspect to say so.
wal_images() { # FROM TO
    sql -d postgres -c 'SET client_min_messages = error' -c 'CREATE EXTENSION IF NOT EXISTS pg_walinspect' -c "SELECT sum(fpi_size)
        FROM pg_get_wal_stats('0/0'::pg_lsn + $1, least('0/0'::pg_lsn + $2, pg_current_wal_flush_lsn()))" 2>/dev/null || true
}

# Bytes a step, of what was written between two positions.
note_wal() { # SERIES STEPS FROM TO
    local images
    wanted wal_per_step || return 0
    note "$1" "$(awk -v n="$2" -v b=$(($4 - $3)) 'BEGIN { printf "%.1f", b / n }')"
    images=$(wal_images "$3" "$4")
    [ -z "$images" ] || note "$1_plain" "$(awk -v n="$2" -v b=$(($4 - $3)) -v i="$images" 'BEGIN { printf "%.1f", (b - i) / n }')"
}

# ---- until all is done -----------------------------------------------------------

steps_done() { bench -c "SELECT coalesce(sum(steps), 0) FROM workflow.activity WHERE kind = 'executor'"; }

# In a session of its own, in the background: look at the workers' own counts, a
# hundred times a second, because they cost nothing, until HOW_MANY steps are
# done. Then the file has what was seen, a line a look: microseconds, and steps
# that were done then. Sets SAMPLER, when it is looking.
start_sampler() { # HOW_MANY FILE
    local before
    before=$(steps_done)
    bench -c "SELECT 'ready'" -c "DO \$\$
        DECLARE
            patience timestamptz := clock_timestamp() + interval '$LIMIT seconds';
            done bigint;
            samples text := '';
        BEGIN
            LOOP
                SELECT coalesce(sum(steps), 0) - $before INTO done FROM workflow.activity WHERE kind = 'executor';
                samples := samples || trunc(extract(epoch FROM clock_timestamp()) * 1000000) || ' ' || done || E'\n';
                EXIT WHEN done >= $1;
                IF clock_timestamp() > patience THEN
                    RAISE 'only % of $1 steps were done in time', done;
                END IF;
                COMMIT;
                PERFORM pg_sleep(0.01);
                COMMIT;
            END LOOP;
            PERFORM set_config('bench.samples', samples, false);
        END \$\$" -c "SELECT current_setting('bench.samples')" >"$2" &
    SAMPLER=$!
    until [ -s "$2" ]; do sleep 0.01; done
}

# Let the engine go until HOW_MANY steps are done; the tables are asked whether
# what its workers say is true. Sets TOOK, microseconds, and WAL_FROM, WAL_TO.
release_and_wait() { # HOW_MANY
    local began
    start_sampler "$1" "$PLACE/samples"
    WAL_FROM=$(wal_now)
    began=$(now_us)
    configure workflow.enabled on
    wait "$SAMPLER" || die "the engine does not get through"
    TOOK=$(($(now_us) - began))
    WAL_TO=$(wal_now)
    [ "$(bench -c "SELECT NOT EXISTS (SELECT FROM workflow.timer WHERE due <= now())")" = t ] || die "timers are left"
}

# ---- /proc --------------------------------------------------------------------------

# CPU time of processes, in hundredths of a second.
ticks_of() { # PID...
    local pid sum=0
    for pid; do
        sum=$((sum + $(awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || echo 0)))
    done
    echo "$sum"
}

# The same of our background workers.
ticks_of_workers() {
    # shellcheck disable=SC2046 # a word each
    ticks_of $(bench -c "SELECT pid FROM workflow.activity WHERE pid IS NOT NULL")
}
