-- Restorers: functions that decide what becomes of runs that were lost.

-- set_restorer(for_what, fn): from now on a function decides about runs that whoever had them
-- will not end: a runtime that has gone, a worker whose lease is over, an executor that died.
--   for_what     a definition: about runs that its processes have invoked; or a job, as
--                'job:NAME': about all others of its runs
--   fn           a function (runtime text, what uuid, context jsonb) that returns text or jsonb;
--                null: nobody decides any more but on_lost
-- It is told
--   runtime      the id of the runtime, or the worker, that had the run; null: an executor
--   what         the process; of a job the run
--   context      that of the process; of a job an object: params, key, partition, attempt,
--                losses (in a row, with this one), worker, progress, process, actor
-- and returns
--   retry        the run waits for its turn again, three times in a row at most
--   resume       the same: the process goes on waiting for it
--   fail         the run has failed; the process hears of it
--   default      on_lost of its job decides; so does null
--   {"states": [...]}   of a definition: the process is put into these states, as by
--                set_states(), and the run is cancelled if the state is left that has invoked it
-- It is asked by a run of a job named 'restorer:FOR_WHAT', which an executor of its owner does:
-- it may do what the owner may, in one transaction with what it decides, has 10 seconds, and what
-- it throws, or answers else, is the error of that run; on_lost decides then. Meanwhile the lost
-- run waits for 'restorer'. It belongs to the current role, which owns what it is for, and
-- decides for as long as both belong to the same. It ends with what it is for.
-- Errors: WF006, WF010 no such definition or job; WF002 another role's; 22023 a queue, ...;
-- 42P13 not such a function; 42501 the caller may not call it; WF017 it is asked just now, when
-- it is removed; 22004; those of create_job(). Locks its name.
CREATE FUNCTION workflow.set_restorer(for_what text, fn regprocedure) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_restorer';

-- restorer_states(run, process, answer): the states that a restorer has answered; none: the
-- run does not wait for that any more; null: it has answered a word. Error 22023 for what is
-- no answer. restorer_answer(run, process, answer): the word, or 'states' if the process was
-- put into these. For the runs of restorers.
CREATE FUNCTION workflow.restorer_states(run uuid, process uuid, answer jsonb) RETURNS text[]
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_restorer_states';
CREATE FUNCTION workflow.restorer_answer(run uuid, process uuid, answer jsonb) RETURNS text
    LANGUAGE sql VOLATILE
    RETURN (SELECT CASE WHEN s.states IS NULL THEN COALESCE(answer #>> '{}', 'default')
                        WHEN s.states = '{}' THEN 'default'
                        ELSE (SELECT 'states' FROM workflow.set_states(process, s.states, note => format('run %s was lost', run))) END
            FROM (SELECT workflow.restorer_states(run, process, answer) AS states OFFSET 0) s);

-- Functions that decide about lost runs, for who may read what they are for as a job.
--   active           false: what it is for has another owner by now, and it is not asked
CREATE VIEW workflow.restorers WITH (security_barrier) AS
    SELECT substr(j.name, 10) AS for_what, substring(j.command FROM 'to_jsonb[(](.*)[(][$]runtime, [$]what,') AS function,
           o.name AS owner, j.created_at AS set_at,
           j.owner = CASE WHEN j.name LIKE 'restorer:job:%' THEN
               (SELECT n.owner FROM workflow.job n WHERE n.name = substr(j.name, 14) AND n.dropped_at IS NULL ORDER BY n.version DESC LIMIT 1)
               ELSE (SELECT d.owner FROM workflow.definition d WHERE d.name = substr(j.name, 10) ORDER BY d.version DESC LIMIT 1) END AS active
    FROM workflow.job j JOIN workflow.owner o ON o.id = j.owner
    WHERE j.name LIKE 'restorer:%' AND j.dropped_at IS NULL AND workflow.may_job(j.id, 'read')
      AND NOT EXISTS (SELECT FROM workflow.job n WHERE n.name = j.name AND n.version > j.version);

GRANT EXECUTE ON FUNCTION workflow.set_restorer, workflow.restorer_states, workflow.restorer_answer TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.restorers TO workflow_user, workflow_monitor, workflow_admin;
