# shellcheck shell=bash
# lib.sh: what setup, check, demo and bench have in common. Sourced by bash.
#
# Each of them has two halves. The first may be root: it installs packages and
# builds the tree in a place, a private directory. Then it hands over to the
# copy of itself in that place, which runs as the server's user, because
# PostgreSQL refuses to run as root: for root the user that Debian's package
# makes, for anybody else themselves.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PGVERSION=${PGVERSION:-15}
SERVER_USER=${SERVER_USER:-postgres}

# One locale that every Debian has; sort order and messages depend on it.
export LANG=C.UTF-8 LC_ALL=C.UTF-8

# Run from make, the makes that are run from here know nothing of it.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# ---- first half --------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "this needs root or sudo: $*"
    fi
}

as_server() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$SERVER_USER" -- "$@"
    else
        "$@"
    fi
}

# A new directory of the server's user that nobody else may look into.
make_place() { # NAME
    local place
    place=$(mktemp -d "${TMPDIR:-/tmp}/workflow-$1.XXXXXX")
    [ "$(id -u)" != 0 ] || chown "$SERVER_USER:" "$place"
    printf '%s\n' "$place"
}

# Git in the repository of this tree, whoever owns it: whoever runs its scripts
# trusts it already.
git_here() { git -c safe.directory='*' -C "$TOP" "$@"; }

is_commit() { git_here rev-parse -q --verify "$1^{commit}" >/dev/null 2>&1; }

export_commit() { # COMMIT DIRECTORY
    mkdir -p "$2"
    git_here archive "$1" | tar -C "$2" -xf -
}

# Go on as the server's user with the copy of a script in PLACE.
hand_over() { # PLACE SCRIPT ARGUMENT...
    local place=$1 script=$2
    shift 2
    cd "$place"
    export WORKFLOW_PLACE=$place
    if [ "$(id -u)" = 0 ]; then
        exec runuser -u "$SERVER_USER" -- "$place/tree/$script" "$@"
    fi
    exec "$place/tree/$script" "$@"
}

# End the process that a pid file names, if it is ours: if it lives in the
# directory of the file. One left behind may name somebody else's by now.
end_process() { # FILE SIGNAL
    local pid tries
    pid=$(head -n 1 "$1" 2>/dev/null) || return 0
    [ "$pid" != $$ ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "${1%/*}" ] || return 0
    kill "-$2" "$pid" 2>/dev/null || return 0
    for ((tries = 150; tries > 0; tries--)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
}

# Stop every server that runs in a place, the tests' own ones too.
stop_servers() { # PLACE
    local file
    while IFS= read -r file; do
        end_process "$file" QUIT
    done < <(find "$1" -name postmaster.pid -type f 2>/dev/null)
}

remove_place() { # PLACE
    case $1 in */workflow-*) ;; *) die "not one of ours: $1" ;; esac
    [ -d "$1" ] || return 0
    cd /
    end_process "$1/pid" TERM # a script that is still at work there
    stop_servers "$1"
    rm -rf "$1"
}

# ---- second half: the PostgreSQL of a place ------------------------------------

use_place() { # PLACE
    PLACE=$1
    PATH_OF_CALLER=$PATH:/usr/sbin:/sbin
    export HOME=$PLACE PSQL_PAGER=cat
    export PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    # What the caller's environment says of some other server is not for ours.
    unset PGDATA PGSERVICE PGOPTIONS PGPASSFILE PGHOSTADDR PGSSLMODE
    use_server "$PLACE"
    cd "$PLACE"
    echo $$ >"$PLACE/pid"
}

# The programs and the server of a place, which may lie in the one in use.
use_server() { # PLACE
    PG_CONFIG=$(cat "$1/pg_config")
    DATA=$1/data
    SOCKETS=$1/sockets
    LOGFILE=$1/server.log
    PATH=$("$PG_CONFIG" --bindir):$PATH_OF_CALLER
    export PG_CONFIG PATH PGHOST=$SOCKETS
}

# A server without a TCP port, on a socket that nobody else sees.
cluster_init() { # settings on stdin
    [ "${#SOCKETS}" -lt 90 ] || die "TMPDIR is too long for a unix socket: $SOCKETS"
    mkdir -m 700 "$SOCKETS"
    initdb -D "$DATA" -U postgres -A trust -E UTF8 --locale=C.UTF-8 >"$PLACE/initdb.log" 2>&1 ||
        { cat "$PLACE/initdb.log" >&2; die "initdb failed"; }
    cat >>"$DATA/postgresql.conf"
    printf "listen_addresses = ''\nunix_socket_directories = '%s'\nport = %s\n" "$SOCKETS" "$PGPORT" \
        >>"$DATA/postgresql.conf"
}

cluster_start() {
    pg_ctl -D "$DATA" -l "$LOGFILE" -s -w -t 120 start ||
        { tail -n 50 "$LOGFILE" >&2; die "the server did not start"; }
}

cluster_stop() { # MODE
    pg_ctl -D "$DATA" -s -w -t 120 -m "${1:-fast}" stop
}

# psql for scripts: rows only, the first error ends it.
sql() { # psql's arguments
    psql -XqAt -v ON_ERROR_STOP=1 "$@"
}

# Ask, ten times a second, until the answer is "t".
sql_until() { # WHAT TRIES QUERY [psql's arguments]
    local what=$1 tries=$2 query=$3
    shift 3
    while [ "$(sql "$@" -c "$query" 2>/dev/null)" != t ]; do
        [ $((tries -= 1)) -gt 0 ] || die "waited in vain: $what"
        sleep 0.1
    done
}
