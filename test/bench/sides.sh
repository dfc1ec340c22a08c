# shellcheck shell=bash
# sides.sh: who is measured, where, and whose turn it is. Sourced by run.
#
# The sides are `new`, this tree, and with BASE also `base`, the other one, each
# with a PostgreSQL and a server of its own; and `reference`, which is plain SQL
# in the server of `new`.
#
# With BASE only the server of the side whose turn it is runs, and it is started
# for the turn. Were the other one only idle, its autovacuum, its checkpoints
# and our own sweeps would fall into a turn that is not its own, and its
# shared_buffers would leave less of the memory as page cache than there is
# without BASE. And so every turn begins alike, whoever had the one before. No
# measure loses by it what it would have otherwise: executors leave before each
# drain anyhow, and each measure fills its tables, or calls for its executor,
# before it looks at the clock.

SIDE=new

has_base() { [ -d "$PLACE/base" ]; }

# What differs from Debian's defaults. Durable: fsync, full_page_writes and
# synchronous_commit stay on.
settings() {
    cat <<CONF
shared_preload_libraries = 'workflow'
shared_buffers = 2GB
max_wal_size = 16GB
checkpoint_timeout = 30min
max_connections = 50
workflow.max_executors = $EXECUTORS
workflow.max_job_executors = $EXECUTORS
max_worker_processes = 70
CONF
}

# Both sides run the same definitions and functions: those of this tree. A base
# whose SQL is too old for them is measured with its own, which may make the role
# itself.
fill_database() {
    local file=test/bench/bench.sql
    bench -c 'CREATE EXTENSION workflow' -c 'CREATE ROLE bench LOGIN'
    bench -1 -f "$TOP/$file" >/dev/null && return
    [ "$SIDE" = base ] || die "$file fails"
    say "the base does not take this tree's $file: it is measured with its own"
    sed '/^CREATE ROLE bench LOGIN;$/d' "$PLACE/base/tree/$file" | bench -1 -f - >/dev/null
}

make_server() { # SIDE
    SIDE=$1
    use_server "$(place_of "$1")"
    settings | cluster_init
    cluster_start
    sql -d postgres -c 'CREATE DATABASE bench' -c 'CREATE DATABASE reference'
    fill_database
}

make_servers() {
    if has_base; then
        make_server base
        cluster_stop
    fi
    make_server new
    make_plain
}

place_of() { # SIDE
    case $1 in base) printf '%s\n' "$PLACE/base" ;; *) printf '%s\n' "$PLACE" ;; esac
}

enter() { # SIDE: from here on it is its turn
    SIDE=$1
    has_base || return 0
    cluster_stop
    use_server "$(place_of "$1")"
    cluster_start
}

# The sides in the order in which they play. Who is first alternates, and with
# BASE nothing comes between the two trees.
order() { # ROUND
    if ! has_base && [ $(($1 % 2)) = 0 ]; then
        printf '%s\n' reference new
    elif ! has_base; then
        printf '%s\n' new reference
    elif [ $(($1 % 2)) = 0 ]; then
        printf '%s\n' reference new base
    else
        printf '%s\n' base new reference
    fi
}

# One turn for each side: TURN, or for the reference REFERENCE (`none`: there is
# none), each with the same arguments.
take_turns() { # ROUND REFERENCE TURN ARGUMENT...
    local round=$1 reference=$2 turn=$3 side
    shift 3
    for side in $(order "$round"); do
        if [ "$side" != reference ]; then
            enter "$side"
            "$turn" "$@"
        elif [ "$reference" != none ]; then
            enter reference
            "$reference" "$@"
        fi
    done
}

# Outside of turns: something to be done in the server of each.
each_side() { # COMMAND...
    local side
    for side in new base; do
        [ "$side" = new ] || has_base || continue
        enter "$side"
        "$@"
    done
}
