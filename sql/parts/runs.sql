-- Jobs, their runs and queues as they are looked at; runs that are waited for, and done once more.

-- run_waits_for(run): what a run waits for, of these the first: paused, its queue;
-- signal; restorer, which decides about it; runs; retry, the next attempt; due; order, others of its partition come before
-- it, in an ordered queue; placement, nobody is there where its queue is placed; turn, others of its job, partition and priority do; slot,
-- partition, limit, one that is full; gap; rate; owner, who may not log in; worker,
-- executor. Null for one that does not wait. For the view runs.
CREATE FUNCTION workflow.run_waits_for(run uuid) RETURNS text
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_waits_for';

-- run_runtime(worker, here, ended_at): which runtime has a run: this server, or the worker, if that
-- is one. With ended_at this server has had it, then; null: perhaps another one, which held the
-- database before. For the view runs.
CREATE FUNCTION workflow.run_runtime(worker text, here boolean, ended_at timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_runtime';

-- sees_run(job id, starter): may the current role look at a run of this version of a job
-- that this role has made? Whoever may read the job, and whoever has made the run.
CREATE FUNCTION workflow.sees_run(job int, starter oid) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_sees_run';

-- run_progress(run): what the code of a tracked run that runs has reported last; null:
-- nothing. For the view runs. Errors: WF010, WF002.
CREATE FUNCTION workflow.run_progress(run uuid) RETURNS jsonb
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_progress';

-- Runs that wait and run, and those that have ended, as long as they are remembered. Who
-- has made a run, and may not read its job, is not told where in the owner's code an
-- error was.
CREATE VIEW workflow.runs WITH (security_barrier) AS
    SELECT u.run, j.name AS job, j.version, COALESCE(q.name, 'job:' || o.name) AS queue, u.partition, u.key,
           workflow.run_state(u.state) AS state,
           CASE WHEN u.state = 0 THEN workflow.run_waits_for(u.run) END AS waits_for,
           -- of the attempt that is under way, or was the last one
           u.attempts + CASE WHEN u.state IN (1, 2, 3) THEN 1 ELSE 0 END AS attempt,
           u.due, u.begun AS started_at, u.ended_at,
           workflow.masked(j.owner, j.sensitive, u.result, u.params) AS result,
           workflow.masked(j.owner, j.sensitive, CASE WHEN workflow.may_job(j.id, 'read') THEN u.error
                                                      ELSE u.error - '{detail,hint,context}'::text[] END, u.params) AS error,
           CASE WHEN u.tracked OR u.worker IS NOT NULL THEN workflow.run_runtime(u.worker, u.tracked)
                WHEN u.state IN (3, 4) AND u.begun IS NOT NULL AND j.command IS NOT NULL AND u.error->>'code' IS DISTINCT FROM 'lost'
                THEN workflow.run_runtime(NULL, true, u.ended_at) END AS runtime, u.worker,
           workflow.masked(j.owner, j.sensitive, CASE WHEN u.tracked THEN COALESCE(workflow.run_progress(u.run), u.progress)
                                                      ELSE u.progress END, u.params) AS progress,
           (8 * ((u.level + 2) / 8) - u.level)::smallint AS priority, workflow.masked(j.owner, j.sensitive, u.params) AS params, u.actor, u.started_by, u.losses, u.lease_until, u.timeline,
           u.process, u.invoke, u.tenant
    FROM (SELECT r.id AS run, r.job, r.queue, r.partition, r.key, r.state, r.attempts, r.losses, r.due, r.begun, NULL::timestamptz AS ended_at,
                 NULL::jsonb AS result, r.error, r.worker, r.progress, r.level, r.params, r.actor, r.starter, r.started_by, r.lease_until, r.timeline,
                 r.process, r.invoke, r.state > 0 AND r.lease_until IS NULL AS tracked, r.tenant
          FROM workflow.run r
          UNION ALL
          SELECT h.run, h.job, h.queue, h.partition, h.key, h.state, h.attempts, h.losses, h.due, h.begun, h.ended_at,
                 h.result, h.error, h.worker, h.progress, h.level, h.params, h.actor, h.starter, h.started_by, NULL, NULL,
                 h.process, h.invoke, false, h.tenant
          FROM workflow.run_history h) u
    JOIN workflow.job j ON j.id = u.job
    LEFT JOIN workflow.queue q ON q.id = u.queue
    LEFT JOIN workflow.job o ON o.id = -u.queue
    WHERE workflow.sees_run(j.id, u.starter) AND workflow.sees_tenant(u.tenant);

-- All versions of the jobs that there are. Of one whose queue was dropped that is null.
CREATE VIEW workflow.jobs WITH (security_barrier) AS
    SELECT j.name, j.version, o.name AS owner, (ARRAY['atomic', 'tracked', 'outside'])[j.mode + 1] AS mode, j.command,
           j.parameters, CASE WHEN j.queue > 0 THEN q.name ELSE 'job:' || j.name END AS queue,
           j.retry, j.timeout, j.priority, j.partition, j.limits, j.on_lost, j.result, j.start_within,
           j.description, j.created_at, j.search_path, j.time_zone, j.call ->> 'function' AS function, j.cache
    FROM workflow.job j
    JOIN workflow.owner o ON o.id = j.owner
    LEFT JOIN workflow.queue q ON q.id = j.queue
    WHERE j.dropped_at IS NULL AND workflow.may_job(j.id, 'read');

-- Queues and how full they are: permits that are taken; runs that run, that wait, and those of them that are due
-- and may be claimed, if slots, gaps and limits allow it; which of them comes next, for those who
-- may look at it, and what that waits for.
CREATE VIEW workflow.queues WITH (security_barrier) AS
    SELECT q.name, o.name AS owner, q.max_parallel, q.per, q.min_gap, q.rate, q.rate_interval, q.partition_limit,
           q.ordered, q.on_failed, q.fair, q.weights, q.max_waiting, q.on_full, q.placement, q.ageing, q.notify,
           q.paused, q.note, q.created_at, n.running, n.parked + n.waiting AS waiting, n.ready,
           CASE WHEN q.max_parallel IS NOT NULL OR q.min_gap IS NOT NULL OR q.rate IS NOT NULL
                THEN COALESCE((workflow.queue_state(q.id)).permits, n.running) END AS permits,
           (workflow.queue_state(q.id)).head, (workflow.queue_state(q.id)).head_waits_for
    FROM workflow.queue q
    JOIN workflow.owner o ON o.id = q.owner
    CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM workflow.run r WHERE r.state > 0 AND r.state < 3 AND r.queue = q.id) AS running,
               (SELECT count(*) FROM workflow.run r WHERE NOT r.ready AND r.state = 0 AND r.queue = q.id) AS parked,
               w.waiting, w.ready
        FROM (SELECT count(*) AS waiting, count(*) FILTER (WHERE r.due <= statement_timestamp()) AS ready
              FROM (SELECT e.id FROM workflow.owner e UNION ALL SELECT 0) e(id)
              JOIN workflow.run r ON r.executor = e.id
              WHERE r.ready AND r.queue = q.id) w) n
    WHERE workflow.may_queue(q.id, 'read');

-- What runs have said, see write_log(), as long as it is remembered.
CREATE VIEW workflow.run_logs WITH (security_barrier) AS
    SELECT l.run, j.name AS job, l.attempt, l.at, l.severity,
           workflow.masked_text(j.owner, j.sensitive, l.message, u.params, l.data) AS message,
           workflow.masked(j.owner, j.sensitive, l.data, u.params) AS data, l.n, u.tenant
    FROM workflow.run_log l
    JOIN (SELECT r.id AS run, r.job, r.starter, r.params, r.tenant FROM workflow.run r
          UNION ALL SELECT h.run, h.job, h.starter, h.params, h.tenant FROM workflow.run_history h) u ON u.run = l.run
    JOIN workflow.job j ON j.id = u.job
    WHERE workflow.sees_run(j.id, u.starter) AND workflow.sees_tenant(u.tenant);

-- get_run(run): one run, as the view runs has it. Errors: WF010 no such run, or one that
-- is not remembered any more; WF002.
CREATE FUNCTION workflow.get_run(
    run uuid,
    OUT run uuid, OUT job text, OUT version int, OUT queue text, OUT partition text, OUT key text, OUT state text,
    OUT waits_for text, OUT attempt int, OUT due timestamptz, OUT started_at timestamptz, OUT ended_at timestamptz,
    OUT result jsonb, OUT error jsonb, OUT runtime text, OUT worker text, OUT progress jsonb)
    RETURNS record LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_get_run';

-- await_run(runs, which, timeout): wait until all of the runs have ended, or, 'any', one of
-- them has. The session has no snapshot meanwhile, so this cannot be called in a
-- transaction block. Errors: WF010, WF002, 22023; 57014 when the time is up; 25001; 25006
-- on a standby.
CREATE PROCEDURE workflow.await_run(runs uuid[], which text DEFAULT 'all', timeout interval DEFAULT '30 seconds')
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_run';

-- retry_run(run): a run that has failed, was aborted or has expired is done once more,
-- under its id, with all attempts and what it has saved; one that waits for its next
-- attempt, at once. Returns false for others, and when another run has its key by now that
-- waits or runs. For who may cancel it. Errors: WF010 no such run or the job was dropped, WF002. Locks the run.
CREATE FUNCTION workflow.retry_run(run uuid) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_retry_run';

-- redrive(job, queue, since, limit): retry_run() of all that have failed, those that failed
-- first.
--   job, queue  only of these
--   since       only those that have ended since then
--   limit       so many at most
-- Those whose jobs the caller may not manage are left out. Returns how many. Errors:
-- WF010, 22023.
CREATE FUNCTION workflow.redrive(
    job text DEFAULT NULL, queue text DEFAULT NULL, since timestamptz DEFAULT NULL, "limit" int DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_redrive';

-- alter_runs(filter, changes): change runs that wait.
--   filter      object: job, queue, partition, state, key, since and until (due then or
--               later, and before), ids (an array); what is not given is any
--   changes     object: priority, due, queue, partition (null: none), params (all of them)
-- Those that are locked, or whose jobs the caller may not manage, are left out. Returns how
-- many were changed. Errors: 22023 also for unknown keys, 22004, WF010, WF002 for the queue,
-- WF011, WF013. Locks the runs.
CREATE FUNCTION workflow.alter_runs(filter jsonb, changes jsonb) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_runs';

GRANT EXECUTE ON FUNCTION workflow.retry_run, workflow.redrive, workflow.alter_runs TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_run TO workflow_user, workflow_worker, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.run_waits_for, workflow.run_runtime, workflow.run_progress, workflow.sees_run, workflow.get_run
    TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.jobs TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.queues TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.runs, workflow.run_logs TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
