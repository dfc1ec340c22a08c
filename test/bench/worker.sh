# shellcheck shell=bash disable=SC2034 # what is set here is read elsewhere
# worker.sh: a worker in plain SQL (worker.c), for references. Sourced by run.

compile() { # PROGRAM
    [ -x "$PLACE/$1" ] || cc -O2 -I"$("$PG_CONFIG" --includedir)" -o "$PLACE/$1" "$TOP/test/bench/$1.c" -lpq
}

# In database reference. Sets WORKER, the process, and WORKER_BACKEND.
start_worker() { # STATEMENT
    coproc WORKER_OUT { PGDATABASE=reference exec "$PLACE/worker" plain "$1"; }
    WORKER=$WORKER_OUT_PID
    read -r WORKER_BACKEND <&"${WORKER_OUT[0]}" || die "no worker"
}

stop_worker() {
    kill "$WORKER"
    wait "$WORKER" 2>/dev/null || true
}
