-- Who is at work.

-- workers(): the workers that serve this database, housekeeping, and owners whose
-- work waits for an executor, from shared memory.
--   kind         launcher, runtime, housekeeping, executor, owner
--   state        what it is at, since then; an owner waits
--   steps, batches   of an executor, since it began
--   wait_reason  why it does not get on
--   process, definition, event, event_since   what a busy executor is at; the first three
--                for those who may read the definition
--   sqlstate, message, failed_at   the last error of a runtime, or of housekeeping
--   looks        how often an executor has looked for work, in vain or not
--   run, job     what an executor of runs is at, since event_since; for those who may read
--                the job
-- No errors. The view activity shows names, and events only to those who may know.
CREATE FUNCTION workflow.workers(
    OUT kind text, OUT pid int, OUT owner int, OUT state text,
    OUT since timestamptz, OUT steps bigint, OUT batches bigint, OUT wait_reason text,
    OUT process uuid, OUT definition int, OUT event text, OUT event_since timestamptz,
    OUT sqlstate text, OUT message text, OUT failed_at timestamptz, OUT looks bigint,
    OUT run uuid, OUT job int)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_runtime_activity';

-- runtime_activity(): what the view was made of up to 0.2.0, and what others may
-- have made views of since.
CREATE FUNCTION workflow.runtime_activity(
    OUT kind text, OUT pid int, OUT owner int, OUT state text,
    OUT since timestamptz, OUT steps bigint, OUT batches bigint, OUT wait_reason text)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_runtime_activity';

CREATE VIEW workflow.activity WITH (security_barrier) AS
    SELECT a.kind, a.pid, o.name AS owner, a.state, a.since, a.steps, a.batches, a.wait_reason,
           -- of others' processes: that there is an event, and since when; nor does who works
           -- for one tenant learn more
           CASE WHEN workflow.may(d.id, 'read') AND workflow.sees_tenant(NULL) THEN a.process END AS process,
           CASE WHEN workflow.may(d.id, 'read') THEN d.name END AS definition,
           CASE WHEN workflow.may(d.id, 'read') AND workflow.sees_tenant(NULL) THEN a.event END AS event, a.event_since,
           a.sqlstate, a.message, a.failed_at, a.looks,
           CASE WHEN workflow.may_job(j.id, 'read') AND workflow.sees_tenant(NULL) THEN a.run END AS run,
           CASE WHEN workflow.may_job(j.id, 'read') THEN j.name END AS job,
           CASE WHEN workflow.may_job(j.id, 'read') AND workflow.sees_tenant(NULL)
                THEN workflow.masked(j.owner, j.sensitive, workflow.run_progress(r.id), r.params) END AS progress,
           s.wait_event_type, s.wait_event
    FROM workflow.workers() a
    LEFT JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner
    LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) a.definition
    LEFT JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) a.job
    LEFT JOIN workflow.run r ON r.id OPERATOR(pg_catalog.=) a.run
    LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid OPERATOR(pg_catalog.=) a.pid;

-- the view runtimes counts executors, and runtimes see it
GRANT EXECUTE ON FUNCTION workflow.workers TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.runtime_activity TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.activity TO workflow_user, workflow_monitor, workflow_admin;
