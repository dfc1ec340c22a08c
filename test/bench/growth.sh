# shellcheck shell=bash
# growth.sh: how rate and latency change with what is in the database: timers that
# wait, processes that are over, large contexts. Sourced by run.
#
# Each turn fills empty tables, gets through N timers that are due (fewer with
# large contexts), then rings a bell.

# Contexts get a string of so many bytes, which does not compress.
make_filler() { # BYTES
    bench -U bench -c 'SET client_min_messages = warning' -c 'CREATE TABLE IF NOT EXISTS bench.filler (filler text)' -c 'TRUNCATE bench.filler' -c "INSERT INTO bench.filler
        SELECT left(string_agg(translate(encode(sha512(i::text::bytea), 'base64'), E'\n', ''), ''), $1) FROM generate_series(0, $1 / 80) i"
}

CONTEXT_OF_SIZE="jsonb_build_object('filler', (SELECT filler FROM bench.filler))"

# How many processes have contexts of this size: 200 MB of them at most.
many_of() { echo $((200000000 / $1 < N ? 200000000 / $1 : N)); } # BYTES

# How many of them are started at once: 10 MB of them.
piece_of() { echo $((10000000 / $1 > 10000 ? 10000 : 10000000 / $1)); } # BYTES

growth() { # WHAT SIZE
    local series=growth_$1_$2 many=$N input=NULL::jsonb piece=10000 bell warm=$PLACE/warm
    hold
    configure workflow.batch_size 100
    case $1 in
    waiting) load backlog "$2" ;;
    finished) load finished "$2" ;;
    context)
        make_filler "$2"
        many=$(many_of "$2") input=$CONTEXT_OF_SIZE piece=$(piece_of "$2")
        ;;
    esac
    load drain "$many" "$piece" "$input"
    settle 'workflow.process, workflow.timer, workflow.history'
    release_and_wait "$many"
    note "$series" "$(rate "$many" "$TOOK")"
    note "${series}_wal" $(((WAL_TO - WAL_FROM) / many))
    bell=$(bench -U bench -c "SELECT workflow.start('bell', $input)")
    ring "$bell" 20 20 >/dev/null
    ring "$bell" "$EVENTS" 20 >"$warm"
    note "${series}_p50" "$(percentile "$warm" 50)"
    note "${series}_p99" "$(percentile "$warm" 99)"
    tell "$1 $2: $(rate "$many" "$TOOK")/s, latency p50 $(percentile "$warm" 50) ms, p99 $(percentile "$warm" 99) ms"
    empty
    unconfigure workflow.batch_size
}

emit_growth() { # WHAT SIZE LEAST_SIZE
    local series=growth_$1_$2 many=$N
    [ "$1" != context ] || many=$(many_of "$2")
    # shellcheck disable=SC2046 # a word each
    emit growth "$series" timers/s "new.growth_$1_$3" of="\"$1\"" size="$2" batch=100 n="$many" executors="$EXECUTORS" \
        rounds="$RUNS" $(spread_of "${series}_wal" wal) $(spread_of "${series}_p50" p50_ms) $(spread_of "${series}_p99" p99_ms)
}

measure_growth() {
    local round size
    wanted growth || return 0
    compile latency
    for ((round = 0; round < RUNS; round++)); do
        for size in $SIZES; do take_turns "$round" none growth waiting "$size"; done
        for size in $SIZES; do take_turns "$round" none growth finished "$size"; done
        for size in $CONTEXTS; do take_turns "$round" none growth context "$size"; done
    done
    for size in $SIZES; do emit_growth waiting "$size" "${SIZES%% *}"; done
    for size in $SIZES; do emit_growth finished "$size" "${SIZES%% *}"; done
    for size in $CONTEXTS; do emit_growth context "$size" "${CONTEXTS%% *}"; done
}
