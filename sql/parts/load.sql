-- Load: how much was done, by the minute, and what waits.

-- What a transaction has done of one thing: a row for all steps of a definition in a batch,
-- say. The runtime deletes them, and adds them to the two tables below.
CREATE TABLE workflow.load_note (
    minute   timestamptz NOT NULL,      -- its beginning
    kind     smallint NOT NULL,         -- 0: processes, 1: runs
    what     int NOT NULL,              -- definition.id, job.id
    queue    int NOT NULL,              -- of a run, as run.queue; else 0
    runtime  text COLLATE "C" NOT NULL, -- the worker that did it; empty: this server
    tenant   text COLLATE "C" NOT NULL, -- empty: nobody's
    started  int NOT NULL,              -- first steps; runs, by when the last attempt began
    finished int NOT NULL,              -- that reached their end
    failed   int NOT NULL,              -- processes that took status error or terminated; runs for good
    ended    int NOT NULL,              -- of all that have, whatever became of them
    steps    int NOT NULL,              -- of processes
    lag      double precision NOT NULL, -- seconds by which what was due began late,
    lags     int NOT NULL,              -- of so many
    busy     double precision NOT NULL, -- seconds that executors and workers spent on it
    took     bigint[]                   -- histogram of microseconds from beginning to end, of those that ended:
                                        -- bucket, count, ... (src/base/histogram.c)
);
-- No key: an index would cost every step. Subscribers know a row by all of its columns.
ALTER TABLE workflow.load_note REPLICA IDENTITY FULL;

-- What was done in a minute: rows with the same key are added. Rows with in_flight say what
-- was under way, and due and waiting, when it ended.
CREATE TABLE workflow.load_minute (
    minute    timestamptz NOT NULL,
    kind      smallint NOT NULL,
    what      int NOT NULL,
    queue     int NOT NULL,
    runtime   text COLLATE "C" NOT NULL,
    tenant    text COLLATE "C" NOT NULL,
    started   bigint,
    finished  bigint,
    failed    bigint,
    ended     bigint,
    steps     bigint,
    lag       double precision,
    lags      bigint,
    busy      double precision,
    took      bigint[],
    in_flight bigint,
    waiting   bigint
);
CREATE INDEX load_minute_minute ON workflow.load_minute (minute);
ALTER TABLE workflow.load_minute REPLICA IDENTITY FULL;

-- What was ever done.
CREATE TABLE workflow.load_total (
    kind     smallint NOT NULL,
    what     int NOT NULL,
    queue    int NOT NULL,
    runtime  text COLLATE "C" NOT NULL,
    tenant   text COLLATE "C" NOT NULL,
    started  bigint NOT NULL,
    finished bigint NOT NULL,
    failed   bigint NOT NULL,
    ended    bigint NOT NULL,
    steps    bigint NOT NULL,
    lag      double precision NOT NULL,
    lags     bigint NOT NULL,
    busy     double precision NOT NULL,
    took     bigint[],
    PRIMARY KEY (kind, what, queue, runtime, tenant)
) WITH (fillfactor = 50);

-- load_add(a, b): two histograms become one; null: an empty one. load_sum(): all of them.
-- Error 22023 for what is no histogram.
CREATE FUNCTION workflow.load_add(a bigint[], b bigint[]) RETURNS bigint[]
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_load_add';
CREATE AGGREGATE workflow.load_sum(took bigint[]) (SFUNC = workflow.load_add, STYPE = bigint[], COMBINEFUNC = workflow.load_add, PARALLEL = SAFE);

-- load_quantile(took, part): so long at most was this part (0 to 1) of what a histogram counts; null:
-- it counts nothing. Error 22023.
CREATE FUNCTION workflow.load_quantile(took bigint[], part double precision) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_load_quantile';

-- load_buckets(...): the buckets of load(), whose arguments it checks, from the one of from_at
-- to the last one before to_at. Errors as of load().
CREATE FUNCTION workflow.load_buckets(
    from_at timestamptz, to_at timestamptz, bucket interval, by text[], origin timestamptz, OUT at timestamptz, OUT until timestamptz)
    RETURNS SETOF record LANGUAGE c STABLE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_load_buckets';

-- What was done in each minute, as load() adds it: what the current role may read. What runs
-- now has started; what was not summed yet is there, too.
CREATE VIEW workflow.load_minutes WITH (security_barrier) AS
    SELECT m.minute, CASE m.kind WHEN 0 THEN 'processes' ELSE 'runs' END AS kind,
           CASE WHEN m.runtime <> '' THEN m.runtime
                WHEN m.kind = 1 THEN (SELECT r.id FROM workflow.runtime r WHERE r.kind = 'local' ORDER BY r.state = 'alive' DESC, r.since DESC LIMIT 1)
           END AS runtime,
           CASE WHEN m.kind = 1 THEN COALESCE(q.name, 'job:' || o.name) END AS queue, j.name AS job, d.name AS definition,
           NULLIF(m.tenant, '') AS tenant,
           m.started, m.finished, m.failed, m.ended, m.steps, m.lag, m.lags, m.busy, m.took, m.in_flight, m.waiting
    FROM (SELECT s.minute, s.kind, s.what, s.queue, s.runtime, s.tenant, s.started, s.finished, s.failed, s.ended, s.steps,
                 s.lag, s.lags, s.busy, s.took, s.in_flight, s.waiting
          FROM workflow.load_minute s
          UNION ALL
          SELECT n.minute, n.kind, n.what, n.queue, n.runtime, n.tenant, n.started, n.finished, n.failed, n.ended, n.steps,
                 n.lag, n.lags, n.busy, n.took, NULL, NULL
          FROM workflow.load_note n
          UNION ALL
          SELECT date_bin('1 minute', r.begun, '2000-01-01 00:00+00'), 1, r.job, r.queue, COALESCE(r.worker, ''), COALESCE(r.tenant, ''),
                 1, 0, 0, 0, 0, GREATEST(date_part('epoch', r.begun - r.due), 0), 1, 0, NULL, NULL, NULL
          FROM workflow.run r WHERE r.state > 0 AND r.begun IS NOT NULL) m
    LEFT JOIN workflow.definition d ON m.kind = 0 AND d.id = m.what
    LEFT JOIN workflow.job j ON m.kind = 1 AND j.id = m.what
    LEFT JOIN workflow.queue q ON m.kind = 1 AND q.id = m.queue
    LEFT JOIN workflow.job o ON m.kind = 1 AND o.id = -m.queue
    WHERE COALESCE(CASE m.kind WHEN 0 THEN workflow.sees(d.id, 0::oid) ELSE workflow.sees_run(j.id, 0::oid) END,
                   -- it was dropped
                   pg_has_role('workflow_monitor', 'USAGE') OR pg_has_role('workflow_admin', 'USAGE'))
      AND workflow.sees_tenant(NULLIF(m.tenant, ''));

-- load(...): how much was done from one time to another.
--   from_at, to_at  from the minute of from_at on, and before to_at
--   bucket      a row is of so long: a minute or more. Days and months are those of the time
--               zone of the session
--   by          what there is a row for, in each bucket: of 'runtime', 'queue', 'job',
--               'definition', 'tenant', any; default: for all
--   origin      where a bucket begins; default: midnight, on a Monday or a first of January,
--               whichever the bucket fits. So days that begin at 23:00 have any such time here
-- Returns no row for a bucket in which nothing was done; columns that `by` does not name are
-- null. Who names only runtime, queue or job asks for no processes, and who names only
-- definition for no runs.
--   kind        processes, runs
--   started     processes, with their first step; runs, when their last attempt began
--   finished    that came to their end
--   failed      processes that took status error or terminated; runs, for good
--   ended       of all that did, cancelled ones included
--   steps       of processes
--   in_flight   processes that had started and not ended, runs that were running; waiting: events
--               and runs that were due: at the end of a minute, the most of all minutes
--   lag         by so much what was due began late, on average
--   p50, p95, p99  so long took half, 95 % and 99 % of those that ended, at most, from the
--               beginning (of the last attempt) to the end, to within a sixteenth
--   busy        so many executors and workers were at it, on average
-- What the role may read. Errors: 22004, 22023 also for more than 100,000 buckets, 22008.
CREATE FUNCTION workflow.load(
    from_at timestamptz, to_at timestamptz, bucket interval DEFAULT '1 minute', by text[] DEFAULT '{}', origin timestamptz DEFAULT NULL,
    OUT at timestamptz, OUT kind text, OUT runtime text, OUT queue text, OUT job text, OUT definition text, OUT tenant text,
    OUT started bigint, OUT finished bigint, OUT failed bigint, OUT ended bigint, OUT steps bigint, OUT in_flight bigint, OUT waiting bigint,
    OUT lag interval, OUT p50 interval, OUT p95 interval, OUT p99 interval, OUT busy double precision)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    WITH bounds AS (
        SELECT array_agg(b.at ORDER BY b.at) AS starts, array_agg(b.until ORDER BY b.at) AS ends
        FROM workflow.load_buckets($1, $2, $3, $4, $5) b),
    minutes AS (
        SELECT width_bucket(m.minute, s.starts) AS n, m.minute, m.kind,
               CASE WHEN 'runtime' = ANY ($4) THEN m.runtime END AS runtime, CASE WHEN 'queue' = ANY ($4) THEN m.queue END AS queue,
               CASE WHEN 'job' = ANY ($4) THEN m.job END AS job, CASE WHEN 'definition' = ANY ($4) THEN m.definition END AS definition,
               CASE WHEN 'tenant' = ANY ($4) THEN m.tenant END AS tenant,
               sum(m.started) AS started, sum(m.finished) AS finished, sum(m.failed) AS failed, sum(m.ended) AS ended, sum(m.steps) AS steps,
               sum(m.lag) AS lag, sum(m.lags) AS lags, sum(m.busy) AS busy, workflow.load_sum(m.took) AS took,
               sum(m.in_flight) AS in_flight, sum(m.waiting) AS waiting
        FROM bounds s CROSS JOIN workflow.load_minutes m
        WHERE m.minute >= date_bin('1 minute', $1, '2000-01-01 00:00+00') AND m.minute < $2 AND m.minute >= s.starts[1]
          AND ($4 <@ '{tenant}' OR CASE m.kind WHEN 'runs' THEN $4 && '{runtime,queue,job}' ELSE $4 && '{definition}' END)
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8)
    SELECT s.starts[m.n], m.kind, m.runtime, m.queue, m.job, m.definition, m.tenant,
           COALESCE(sum(m.started), 0)::bigint, COALESCE(sum(m.finished), 0)::bigint, COALESCE(sum(m.failed), 0)::bigint,
           COALESCE(sum(m.ended), 0)::bigint, COALESCE(sum(m.steps), 0)::bigint, max(m.in_flight)::bigint, max(m.waiting)::bigint,
           CASE WHEN sum(m.lags) > 0 THEN make_interval(secs => sum(m.lag) / sum(m.lags)::double precision) END,
           workflow.load_quantile(workflow.load_sum(m.took), 0.5), workflow.load_quantile(workflow.load_sum(m.took), 0.95),
           workflow.load_quantile(workflow.load_sum(m.took), 0.99),
           COALESCE(sum(m.busy), 0) / date_part('epoch', s.ends[m.n] - s.starts[m.n])
    FROM bounds s CROSS JOIN minutes m
    GROUP BY s.starts[m.n], s.ends[m.n], m.kind, m.runtime, m.queue, m.job, m.definition, m.tenant
    ORDER BY 1, 2, 3, 4, 5, 6, 7;
END;

-- What is under way and waits now, of what the role may read: a row for each definition and
-- tenant; for each job, queue, runtime and tenant.
--   in_flight   processes that have started and not ended; runs that run
--   waiting     events and runs that are due
--   lag         since then the first of them is
CREATE VIEW workflow.load_now WITH (security_barrier) AS
    SELECT CASE u.kind WHEN 0 THEN 'processes' ELSE 'runs' END AS kind, NULLIF(u.runtime, '') AS runtime,
           CASE WHEN u.kind = 1 THEN COALESCE(q.name, 'job:' || o.name) END AS queue, j.name AS job, d.name AS definition, NULLIF(u.tenant, '') AS tenant,
           sum(u.in_flight)::bigint AS in_flight, sum(u.waiting)::bigint AS waiting, statement_timestamp() - min(u.due) AS lag
    FROM (SELECT t.kind, t.what, 0 AS queue, '' AS runtime, t.tenant, t.started - t.ended AS in_flight, 0 AS waiting, NULL::timestamptz AS due
          FROM workflow.load_total t WHERE t.kind = 0
          UNION ALL
          SELECT n.kind, n.what, 0, '', n.tenant, n.started - n.ended, 0, NULL
          FROM workflow.load_note n WHERE n.kind = 0
          UNION ALL
          SELECT 0, p.definition, 0, '', COALESCE(p.tenant, ''), 0, 1, t.due
          FROM workflow.timer t JOIN workflow.process p ON p.id = t.process
          WHERE NOT t.parked AND t.due <= statement_timestamp()
          UNION ALL
          SELECT 1, r.job, r.queue, COALESCE(r.worker, ''), COALESCE(r.tenant, ''), 1, 0, NULL
          FROM workflow.run r WHERE r.state > 0
          UNION ALL
          SELECT 1, r.job, r.queue, '', COALESCE(r.tenant, ''), 0, 1, r.due
          FROM workflow.run r WHERE r.state = 0 AND r.ready AND r.due <= statement_timestamp()) u
    LEFT JOIN workflow.definition d ON u.kind = 0 AND d.id = u.what
    LEFT JOIN workflow.job j ON u.kind = 1 AND j.id = u.what
    LEFT JOIN workflow.queue q ON u.kind = 1 AND q.id = u.queue
    LEFT JOIN workflow.job o ON u.kind = 1 AND o.id = -u.queue
    WHERE CASE u.kind WHEN 0 THEN workflow.sees(d.id, 0::oid) ELSE workflow.sees_run(j.id, 0::oid) END
      AND workflow.sees_tenant(NULLIF(u.tenant, ''))
    GROUP BY u.kind, u.runtime, 3, j.name, d.name, u.tenant
    HAVING sum(u.in_flight) > 0 OR sum(u.waiting) > 0;

-- work_load(): add up what was done, in this transaction: what the runtime does when a
-- minute is over, by hand, where there is none. Returns how many transactions' notes were
-- added. For superusers and workflow_admin. Errors: WF002. Waits for another one.
CREATE FUNCTION workflow.work_load() RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_load';

-- metrics(): what is measured, in the text format of Prometheus: counters of all that was
-- ever done, and how things stand, by definition, queue and job. For workflow_monitor and
-- workflow_admin, who see all. No errors.
CREATE FUNCTION workflow.metrics() RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_metrics';

-- critical_steps(process): the same without children; critical_path() is made of it.
CREATE FUNCTION workflow.critical_steps(
    process uuid, OUT step int, OUT event text, OUT waited_in text[], OUT waited_for text, OUT since timestamptz, OUT until timestamptz,
    OUT took interval, OUT late interval, OUT share double precision)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    WITH RECURSIVE process AS MATERIALIZED (
        SELECT p.started_at, d.chart::jsonb AS chart
        FROM workflow.processes p LEFT JOIN workflow.definitions d ON d.name = p.definition AND d.version = p.version
        WHERE p.id = $1),
    history AS MATERIALIZED (
        SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due,
               ARRAY(SELECT s.state FROM unnest(h.from_states) WITH ORDINALITY s(state, n)
                     WHERE s.state <> ALL (h.to_states)
                       AND p.chart #>> string_to_array('states.' || replace(s.state, '.', '.states.') || '.type', '.') IS DISTINCT FROM 'final'
                     ORDER BY s.n) AS left_states
        FROM process p CROSS JOIN workflow.process_history h WHERE h.process = $1 AND h.taken),
    path AS (
        (SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due, h.left_states FROM history h ORDER BY h.step DESC LIMIT 1)
        UNION ALL
        SELECT b.step, b.at, b.event, b.from_states, b.to_states, b.due, b.left_states
        FROM path p CROSS JOIN LATERAL (
            SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due, h.left_states
            FROM history h WHERE h.step < p.step
            ORDER BY EXISTS (SELECT FROM unnest(p.left_states) s(state)
                             WHERE s.state = ANY (h.to_states) AND s.state <> ALL (h.from_states)) DESC,
                     h.step DESC
            LIMIT 1) b),
    times AS (
        SELECT p.step, p.event, p.from_states, p.to_states, p.left_states, p.due, p.at,
               LEAST(COALESCE(lag(p.at) OVER (ORDER BY p.step), (SELECT c.started_at FROM process c)), p.at) AS since
        FROM path p)
    SELECT t.step, t.event, CASE WHEN t.from_states = t.to_states THEN t.from_states ELSE t.left_states END,
           CASE WHEN t.event = 'workflow.start' THEN 'start' WHEN t.event LIKE 'after.%' THEN 'timer'
                WHEN t.event LIKE 'done.invoke.%' OR t.event LIKE 'error.invoke.%' THEN 'child'
                WHEN t.event LIKE 'task.%' THEN 'task' WHEN t.event LIKE 'workflow.%' THEN 'operator' ELSE 'event' END,
           t.since, t.at, t.at - t.since,
           CASE WHEN t.due IS NOT NULL THEN GREATEST(t.at - GREATEST(t.due, t.since), interval '0') END,
           date_part('epoch', t.at - t.since) / NULLIF(date_part('epoch', sum(t.at - t.since) OVER ()), 0)
    FROM times t ORDER BY t.step;
END;

-- critical_path(process): why a process took as long as it did: the steps of its history each of
-- which had to wait for the one before. From its last step back: a step is preceded by the
-- latest one that had entered a state which it left; where it left none, by the step before.
-- A region that is in a final state waits for the others, and does not count. So of parallel
-- regions the one shows that came last.
--   step         the number of the step, from the first one on
--   event        that caused it
--   waited_in    the states that it left, in which the process was
--   waited_for   start; timer; child, a process or run that a state invoked; task; operator;
--                event, any other
--   since, until from the step before on the path, or the making of the process, to this one
--   took         the time between
--   late         so much of it was the event late that was due at a time
--   share        of all that the process took
--   depth        0: a step of the process. Below a step that waited for a child, and one deeper,
--                stand the steps of the child that came last, so far as it is there still; of a
--                run what it waited for: queue, until it began, and work
--   child        the process or run that it is of; null: of the process itself
-- What the role may read of the process, as far as its history is kept; nothing for others.
-- No errors. For hundreds of thousands of steps it takes long.
CREATE FUNCTION workflow.critical_path(
    process uuid, OUT step int, OUT event text, OUT waited_in text[], OUT waited_for text, OUT since timestamptz, OUT until timestamptz,
    OUT took interval, OUT late interval, OUT share double precision, OUT depth int, OUT child uuid)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    WITH RECURSIVE path AS (
        SELECT 0 AS depth, $1 AS process, NULL::uuid AS child, ARRAY[s.step] AS place, s.step, s.event, s.waited_in, s.waited_for,
               s.since, s.until, s.late
        FROM workflow.critical_steps($1) s
        UNION ALL
        SELECT p.depth + 1, c.process, c.child, p.place || c.step, c.step, c.event, c.waited_in, c.waited_for, c.since, c.until, c.late
        FROM path p CROSS JOIN LATERAL (
            SELECT l.id AS process, l.id AS child, s.step, s.event, s.waited_in, s.waited_for, s.since, s.until, s.late
            -- ids begin with the real time at which they were made: within these times, if
            -- those are real, and after the process
            FROM (SELECT o.id FROM workflow.processes o
                  WHERE o.id >= CASE WHEN p.since > statement_timestamp() THEN (left(p.process::text, 13) || '-0000-0000-000000000000')::uuid
                                     ELSE (lpad(to_hex(GREATEST((date_part('epoch', p.since) * 1000)::bigint - 1000, 0)), 12, '0') || repeat('0', 20))::uuid END
                    AND o.id <= CASE WHEN p.until < to_timestamp((('x' || left(replace(p.process::text, '-', ''), 12))::bit(48)::bigint) / 1000.0)
                                     THEN repeat('f', 32)::uuid
                                     ELSE (lpad(to_hex((date_part('epoch', p.until) * 1000)::bigint + 1000), 12, '0') || repeat('f', 20))::uuid END
                    AND o.parent = p.process AND p.event IN ('done.invoke.' || o.invoke, 'error.invoke.' || o.invoke)
                    AND o.updated_at <= p.until
                  ORDER BY o.updated_at DESC, o.id DESC LIMIT 1) l
            CROSS JOIN LATERAL workflow.critical_steps(l.id) s
            UNION ALL
            SELECT NULL, l.run, w.step, NULL, '{}', w.waited_for, w.since, w.until, w.late
            FROM (SELECT r.run, r.due, GREATEST(LEAST(r.started_at, r.ended_at), p.since) AS started_at, r.ended_at FROM workflow.runs r
                  WHERE r.process = p.process AND p.event IN ('done.invoke.' || r.invoke, 'error.invoke.' || r.invoke)
                    AND r.ended_at BETWEEN p.since AND p.until
                  ORDER BY r.ended_at DESC, r.run DESC LIMIT 1) l
            CROSS JOIN LATERAL (VALUES (1, 'queue', p.since, l.started_at, GREATEST(l.started_at - GREATEST(l.due, p.since), interval '0')),
                                       (2, 'work', l.started_at, l.ended_at, NULL)) w(step, waited_for, since, until, late)) c
        WHERE p.waited_for = 'child' AND p.depth < 100)
    SELECT p.step, p.event, p.waited_in, p.waited_for, p.since, p.until, p.until - p.since, p.late,
           date_part('epoch', p.until - p.since) / NULLIF(date_part('epoch', sum(p.until - p.since) FILTER (WHERE p.depth = 0) OVER ()), 0),
           p.depth, p.child
    FROM path p ORDER BY p.place;
END;

-- Of tenants with something under way, as far as the current role sees it: processes that are
-- not over, those of them that failed, open tasks; runs that wait and run, and since when the
-- first of those that wait is due.
CREATE VIEW workflow.tenants WITH (security_barrier) AS
    SELECT u.tenant, pg_catalog.sum(u.processes)::bigint AS processes, pg_catalog.sum(u.failed)::bigint AS failed,
           pg_catalog.sum(u.tasks)::bigint AS tasks, pg_catalog.sum(u.waiting)::bigint AS waiting,
           pg_catalog.sum(u.running)::bigint AS running, pg_catalog.min(u.due) AS due_since
    FROM (
        SELECT p.tenant, 1 AS processes, (p.status IN ('error', 'terminated'))::int AS failed, 0 AS tasks, 0 AS waiting,
               0 AS running, NULL::timestamptz AS due
        FROM workflow.process p
        WHERE p.tenant IS NOT NULL AND NOT workflow.is_over(p.status, p.states, p.step)
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(p.tenant)
        UNION ALL
        SELECT t.tenant, 0, 0, 1, 0, 0, NULL
        FROM workflow.task t JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
        WHERE t.tenant IS NOT NULL AND t.closed_at IS NULL
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(t.tenant)
        UNION ALL
        SELECT r.tenant, 0, 0, 0, (r.state OPERATOR(pg_catalog.=) 0)::int, (r.state IN (1, 2))::int,
               CASE WHEN r.state OPERATOR(pg_catalog.=) 0 AND r.due OPERATOR(pg_catalog.<=) pg_catalog.statement_timestamp() THEN r.due END
        FROM workflow.run r
        WHERE r.tenant IS NOT NULL AND workflow.sees_run(r.job, r.starter) AND workflow.sees_tenant(r.tenant)) u
    GROUP BY u.tenant;

GRANT EXECUTE ON FUNCTION workflow.load_add, workflow.load_sum, workflow.load_quantile, workflow.load_buckets, workflow.load,
    workflow.critical_steps, workflow.critical_path
    TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.work_load TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.metrics TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.load_minutes, workflow.load_now, workflow.tenants TO workflow_user, workflow_monitor, workflow_admin;
