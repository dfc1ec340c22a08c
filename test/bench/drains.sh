# shellcheck shell=bash
# drains.sh: how fast the engine gets through what is due, and the WAL of it.
# Sourced by run.
#
# drain is measured whatever of these is wanted: the others are compared with it.

DRAINS='drain drain_start_at drain_function drain_held_snapshot drain_backlog drain_finished drain_one_instant wal_per_step'

# Fill the empty tables for a drain while the engine stands still.
fill_drain() { # KIND
    case $1 in
    backlog) load backlog "$BACKLOG" ;;
    finished) load finished "$FINISHED" ;;
    one_instant_held) take_snapshot ;;
    esac
    case $1 in
    start_at) load at_once "$N" 10000 NULL::jsonb '2026-01-01 00:00+00' ;;
    function) load drain_function "$N" ;;
    one_instant*) load drain_instant "$N" ;;
    *) load drain "$N" ;;
    esac
    settle "workflow.process, workflow.timer$([ "$1" != finished ] || echo ', workflow.history')"
    [ "$1" != held ] || take_snapshot
    [[ $1 != one_instant* ]] || [ "$(bench -c 'SELECT count(DISTINCT due) FROM workflow.timer')" = 1 ] ||
        die "not all timers are due at one instant"
}

drain() { # KIND BATCH
    local series=$1_$2
    hold
    configure workflow.batch_size "$2"
    fill_drain "$1"
    release_and_wait "$N"
    case $1 in *held) drop_snapshot ;; esac
    [ "$(bench -c "SELECT count(*) FROM workflow.process WHERE status = 'finalized' AND context->>'n' = '1'")" = "$N" ] ||
        die "not every process of the drain is done"
    note "$series" "$(rate "$N" "$TOOK")"
    tell "$series: $(rate "$N" "$TOOK")/s"
    case $1 in
    drain) note_wal "wal_$series" "$N" "$WAL_FROM" "$WAL_TO" ;;
    one_instant*) note_tenths "$series" "$N" ;;
    esac
    empty
    unconfigure workflow.batch_size
}

# The rates of the first and the last tenth of what was sampled. The first one
# begins when the engine was last seen with nothing done, the last one ends with
# all; between two samples steps are evenly spread.
note_tenths() { # SERIES HOW_MANY
    local first last ratio
    read -r first last ratio < <(awk -v n="$2" '
        function reached(steps, at) { if (at[steps] == "" && $2 >= steps) at[steps] = t + ($1 - t) * (steps - s) / ($2 - s) }
        function per_second(us) { return n / 10 / ((us > 0 ? us : 1) / 1e6) }
        NF < 2 { next } # "ready"
        began == "" { began = t = $1 }
        $2 > 0 { reached(n / 10, at); reached(n * 9 / 10, at); reached(n, at) }
        $2 == 0 { began = $1 }
        { t = $1; s = $2 }
        END {
            a = per_second(at[n / 10] - began)
            b = per_second(at[n] - at[n * 9 / 10])
            printf "%d %d %.3f\n", a, b, b / a
        }' "$PLACE/samples")
    note "$1_first" "$first"
    note "$1_last" "$last"
    note "$1_last_to_first" "$ratio"
    tell "$1: first tenth $first/s, last $last/s"
}

drain_turns() { # ROUND BATCH
    take_turns "$1" plain_drain drain drain "$2"
    ! wanted drain_function || take_turns "$1" none drain function "$2"
}

# The start at a time, and the drain beside, or under, something else.
drain_beside_turns() { # ROUND BATCH
    local kind
    ! wanted drain_start_at || take_turns "$1" none drain start_at "$2"
    ! wanted drain_held_snapshot || take_turns "$1" none drain held "$2"
    ! wanted drain_backlog || take_turns "$1" none drain backlog "$2"
    ! wanted drain_finished || take_turns "$1" none drain finished "$2"
    for kind in one_instant one_instant_held; do
        ! wanted drain_one_instant || take_turns "$1" none drain "$kind" "$2"
    done
}

emit_drain() { # MEASURE KIND BATCH REFERENCE MORE...
    local measure=$1 series=$2_$3 batch=$3 reference=$4
    shift 4
    [ ! -s "$PLACE/series.new.$series" ] ||
        emit "$measure" "$series" timers/s "$reference" batch="$batch" n="$N" executors="$EXECUTORS" rounds="$RUNS" "$@"
}

emit_instant() { # KIND BATCH HELD
    local series=$1_$2
    # shellcheck disable=SC2046 # a word each
    emit_drain drain_one_instant "$1" "$2" "new.drain_$2" held="$3" $(spread_of "${series}_first" first_tenth) \
        $(spread_of "${series}_last" last_tenth) $(spread_of "${series}_last_to_first" last_to_first) aim_last_to_first=0.8 \
        $(against_base "${series}_last_to_first" last_to_first_)
}

emit_wal() { # BATCH
    local series=wal_drain_$1
    wanted wal_per_step || return 0
    # shellcheck disable=SC2046 # a word each
    emit wal_per_step "$series" bytes "reference.$series" batch="$1" n="$N" rounds="$RUNS" \
        $(spread_of "${series}_plain" without_images) \
        $(against "${series}_plain" "reference.${series}_plain" without_images_reference without_images_ratio) \
        $(against_base "${series}_plain" without_images_)
}

measure_drains() {
    local round batch
    # shellcheck disable=SC2086 # a word each
    wanted $DRAINS || return 0
    for ((round = 0; round < RUNS; round++)); do
        for batch in $BATCHES; do drain_turns "$round" "$batch"; done
        for batch in $BATCHES_BESIDE; do drain_beside_turns "$round" "$batch"; done
    done
    for batch in $BATCHES; do
        emit_drain drain drain "$batch" "reference.drain_$batch" aim_ratio=1.3
        emit_drain drain_start_at start_at "$batch" "reference.drain_$batch"
        emit_drain drain_function function "$batch" "reference.drain_$batch" aim_ratio=1.3
        emit_wal "$batch"
    done
    for batch in $BATCHES_BESIDE; do
        emit_drain drain_held_snapshot held "$batch" "new.drain_$batch"
        emit_drain drain_backlog backlog "$batch" "new.drain_$batch" waiting="$BACKLOG"
        emit_drain drain_finished finished "$batch" "new.drain_$batch" finished="$FINISHED"
        ! wanted drain_one_instant || { emit_instant one_instant "$batch" false; emit_instant one_instant_held "$batch" true; }
    done
}
