# shellcheck shell=bash
# each.sh: what a single call, and a single step of a worker, cost: CPU time of
# who does it, WAL, and by how much the tables and indexes grow. Sourced by run.
#
# The calls are made by one session, a transaction each, while the engine stands
# still; then the worker does what was posted, in batches of 100.

# A session of the role bench that runs what is written to it.
begin_session() {
    coproc SESSION { bench -U bench; }
    SESSION_OUT=${SESSION[0]} SESSION_IN=${SESSION[1]}
    echo 'SELECT pg_backend_pid();' >&"$SESSION_IN"
    read -r BACKEND <&"$SESSION_OUT"
}

# Run statements, and wait for the last of them.
in_session() { # FILE
    { printf '\\o /dev/null\n'; cat "$1"; printf '\\o\n'; echo "SELECT 'done';"; } >&"$SESSION_IN"
    read -r _ <&"$SESSION_OUT"
}

end_session() {
    # shellcheck disable=SC2153 # of coproc
    local session=$SESSION_PID
    echo '\q' >&"$SESSION_IN"
    wait "$session" 2>/dev/null || true
}

size_of_tables() {
    bench -c "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'workflow'::regnamespace AND relkind = 'r'"
}

# A statement for each of OPS processes of a definition; or as often, if none is
# named.
statements() { # STATEMENT_BEFORE STATEMENT_AFTER [DEFINITION]
    if [ $# = 2 ]; then
        bench -c "SELECT \$\$$1$2\$\$ FROM generate_series(1, $OPS)"
    else
        bench -c "SELECT \$\$$1\$\$ || id || \$\$$2\$\$ FROM workflow.processes WHERE definition = '$3'"
    fi
}

note_each() { # SERIES MANY TICKS WAL_FROM WAL_TO SIZE
    local images
    note "each_$1" "$(awk -v t="$3" -v n="$2" 'BEGIN { printf "%.1f", t * 10000 / n }')"
    note "each_$1_wal" $((($5 - $4) / $2))
    images=$(wal_images "$4" "$5")
    [ -z "$images" ] || note "each_$1_wal_plain" $((($5 - $4 - images) / $2))
    note "each_$1_disk" $(($6 / $2))
    tell "$1: $(tail -n 1 "$PLACE/series.$SIDE.each_$1") us, $((($5 - $4) / $2)) bytes of WAL, $(($6 / $2)) on disk"
}

# The statements of a file; the first tenth of them before anything is noted.
each_of() { # SERIES MANY_A_STATEMENT FILE
    local ticks size from many warm
    warm=$(($(wc -l <"$3") / 10 + 1))
    head -n "$warm" "$3" >"$PLACE/some"
    in_session "$PLACE/some"
    tail -n +$((warm + 1)) "$3" >"$PLACE/some"
    many=$(wc -l <"$PLACE/some")
    size=$(size_of_tables) from=$(wal_now) ticks=$(ticks_of "$BACKEND")
    in_session "$PLACE/some"
    ticks=$(($(ticks_of "$BACKEND") - ticks))
    note_each "$1" $((many * $2)) "$ticks" "$from" "$(wal_now)" $(($(size_of_tables) - size))
}

# What was posted, by workers that have begun with it.
each_step() { # SERIES MANY
    local ticks size
    size=$(size_of_tables)
    release_and_wait "$2"
    # shellcheck disable=SC2046 # a word each
    ticks=$(ticks_of $(bench -c "SELECT pid FROM workflow.activity WHERE kind = 'executor' AND pid IS NOT NULL"))
    note_each "$1" "$2" "$ticks" "$WAL_FROM" "$WAL_TO" $(($(size_of_tables) - size))
}

each() {
    local file=$PLACE/statements
    empty
    hold
    configure workflow.batch_size 100
    begin_session
    statements "SELECT workflow.start('lamp');" '' >"$file"
    each_of start 1 "$file"
    statements "SELECT workflow.start('door');" '' >"$file"
    each_of start_with_timer 1 "$file"
    settle 'workflow.process, workflow.timer, workflow.history'
    statements "SELECT workflow.send('" "', 'note');" lamp >"$file"
    each_of send 1 "$file"
    statements "SELECT workflow.send('" "', 'push');" door >"$file"
    each_of send_with_timers 1 "$file"
    statements "SELECT workflow.post('" "', 'note');" lamp >"$file"
    each_of post 1 "$file"
    each_step step "$OPS"
    hold
    OPS=$((OPS / 100)) statements "SELECT count(*) FROM workflow.start_many('door', array_fill(NULL::jsonb, ARRAY[1000]));" '' \
        >"$file"
    each_of start_many 1000 "$file"
    end_session
    configure workflow.enabled on
    unconfigure workflow.batch_size
    empty
}

EACH='start start_with_timer start_many send send_with_timers post step'

measure_each() {
    local round what
    wanted each || return 0
    for ((round = 0; round < RUNS; round++)); do take_turns "$round" none each; done
    for what in $EACH; do
        # shellcheck disable=SC2046 # a word each
        emit each "each_$what" 'CPU us' none of="\"$what\"" n="$OPS" rounds="$RUNS" $(spread_of "each_${what}_wal" wal) \
            $(spread_of "each_${what}_wal_plain" wal_without_images) $(spread_of "each_${what}_disk" disk)
    done
}
