#!/usr/bin/env bash
# A worker in the shell: worker.sh QUEUE. The PG* variables of the environment say which database.
# Values get into statements as variables of psql, which quotes them.
queue=${1:?worker.sh QUEUE} lease=${LEASE:-30} batch=10 stop=''
trap 'stop=1' TERM
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

sql() { # -v NAME=VALUE...: what stands on stdin
    psql -XqAtF $'\t' -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -v queue="$queue" -v lease="$lease s" "$@"
}

charge() { # RUN FENCE SECONDS PARAMS: the work of one run
    sleep "$3"                          # what is done elsewhere is done at least once,
    sql -v run="$1" -v fence="$2" -v params="$4" <<'END'
BEGIN;                                  -- what is written here exactly once
INSERT INTO shop.receipt (customer, amount) VALUES (:'params'::jsonb->>'customer', (:'params'::jsonb->>'amount')::numeric);
SELECT workflow.complete(:'run', :'fence', jsonb_build_object('paid', :'params'::jsonb->'amount')) AS ours \gset
\if :ours
COMMIT;
\endif
END
}

fail() { # RUN FENCE MESSAGE: the job's retry says by the code whether another attempt comes
    [[ $3 =~ ERROR:\ +([0-9A-Z]{5}): ]]
    sql -v run="$1" -v fence="$2" -v code="${BASH_REMATCH[1]:-failed}" -v message="$3" <<'END'
SELECT workflow.fail(:'run', :'fence', jsonb_build_object('code', :'code', 'message', :'message'));
END
}

held() { # FUNCTION: for all runs of the batch
    sql -v runs="{$runs}" -v fences="{$fences}" <<<"SELECT $1 FROM unnest(:'runs'::uuid[], :'fences'::bigint[]) AS held (run, fence)"
}

while [ -z "$stop" ]; do
    sql -v worker="worker $$" -v batch="$batch" >"$answer" <<'END' || sleep 1
CALL workflow.await_work(:'queue', '5 s') \g /dev/null
SELECT run, fence, params->>'seconds', params FROM workflow.claim(:'queue', :'worker', :batch, :'lease');
END
    mapfile -t claims <"$answer"
    runs='' fences=''
    for claim in "${claims[@]}"; do
        IFS=$'\t' read -r run fence _ <<<"$claim"
        runs+=${runs:+,}$run fences+=${fences:+,}$fence
    done
    [ -n "$runs" ] || continue
    while sleep $((lease / 3)) && kill -0 $$; do held "workflow.extend(run, fence, :'lease')"; done >/dev/null 2>&1 & keeper=$!
    for claim in "${claims[@]}"; do
        [ -z "$stop" ] || break
        IFS=$'\t' read -r run fence seconds params <<<"$claim"
        charge "$run" "$fence" "$seconds" "$params" >"$answer" 2>&1
        case $? in 0 | 2) ;; *) fail "$run" "$fence" "$(<"$answer")" ;; esac        # 2: the connection was lost
    done >/dev/null
    kill "$keeper"
    held 'workflow.release(run, fence)' >/dev/null      # what was not done; false for what has ended
done
