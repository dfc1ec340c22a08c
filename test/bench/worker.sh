# shellcheck shell=bash disable=SC2034 # what is set here is read elsewhere
# worker.sh: a worker in plain SQL (worker.c), for references. Sourced by run.

compile() { # PROGRAM
    [ -x "$PLACE/$1" ] || cc -O2 -I"$("$PG_CONFIG" --includedir)" -o "$PLACE/$1" "$TOP/test/bench/$1.c" -lpq
}

# Its tables were empty when they were analyzed, and the plan for empty tables
# reads them from end to end for each row: as they grow it costs several times
# what the statement needs, until autovacuum has been there.
BY_INDEX='-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off'

# In database reference. Sets WORKER, the process, and WORKER_BACKEND.
start_worker() { # STATEMENT
    coproc WORKER_OUT { PGDATABASE=reference PGOPTIONS=$BY_INDEX exec "$PLACE/worker" plain "$1"; }
    WORKER=$WORKER_OUT_PID
    read -r WORKER_BACKEND <&"${WORKER_OUT[0]}" || die "no worker"
}

stop_worker() {
    kill "$WORKER"
    wait "$WORKER" 2>/dev/null || true
}
