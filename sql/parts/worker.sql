-- Outside workers: applications that claim runs of jobs without a command, and end them.
-- What they say of a run with its fence, the command of a job that an executor calls says
-- without run and fence: then it is the run that the executor is at.

-- What a run has kept for its next attempt, and what was signalled to it. Goes with it,
-- unless it failed. Of a run of another server that is done here it goes when it has
-- finished here, or 90 days later.
CREATE TABLE workflow.checkpoint (
    run      uuid NOT NULL,
    name     text COLLATE "C" NOT NULL,
    value    jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    placed   boolean NOT NULL,          -- the run is one of another server, see remote.sql
    PRIMARY KEY (run, name)
);

-- claim(...): claim up to n runs of a queue that are due, those that nobody has, and that
-- exist for the session (tenant()); whose each is, is in the view runs.
--   queue       its name; 'job:NAME': that of one job
--   worker      who claims, as it calls itself
--   lease       so long it has them, unless it extends that: extend()
--   jobs        only runs of these jobs: 'charge', or of these versions of one:
--               'charge:3', 'charge:3-', 'charge:-5', 'charge:3-5'
--   actor       on whose behalf
--   epoch       of a worker that is a runtime, which must say it: register_runtime(). That has
--               them for as long as it lives, whatever `lease` and lease_until say
-- Of a queue that is placed elsewhere it claims nothing.
-- Most urgent ones first; of one priority partitions take turns. Returns
--   fence       by which the worker ends the run, and only who has it
--   attempt     1 for the first; deadline: when the job's timeout is over, or null
--   traceparent  the trace context of what the worker does, or null: see spans()
-- A claim is durable when the transaction has committed, and is at least once: do it in
-- a transaction of its own. Locks the runs, and skips those that are locked. For who
-- may claim from the queue. Errors: WF010, WF002, 22023, 22004; WF012 the epoch is over,
-- WF018 the runtime is another role's; WF019 no synchronous standby confirms it, and
-- workflow.require_sync asks for that; 0A000 in REPEATABLE READ and above. PREPARE TRANSACTION is refused after it, as after complete() and its kin.
CREATE FUNCTION workflow.claim(
    queue text, worker text, n int DEFAULT 1, lease interval DEFAULT '1 minute', jobs text[] DEFAULT NULL,
    actor text DEFAULT NULL, epoch bigint DEFAULT NULL,
    OUT run uuid, OUT fence bigint, OUT job text, OUT version int, OUT params jsonb, OUT key text,
    OUT partition text, OUT attempt int, OUT deadline timestamptz, OUT lease_until timestamptz,
    OUT traceparent text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_claim';

-- await_work(queue, timeout, ready, jobs, worker): wait until a run of the queue can be claimed,
-- of these jobs, as claim() takes them, or the time is up: then ready is false. A worker that is
-- a runtime gives its id, for queues that are placed on it. The
-- session has no snapshot meanwhile, so this cannot be called in a transaction block.
-- It is a hint: another worker may be faster.
-- Errors: WF010, WF002, 22023, 25001; 25006 on a standby.
CREATE PROCEDURE workflow.await_work(
    queue text, timeout interval DEFAULT '30 seconds', INOUT ready boolean DEFAULT NULL, jobs text[] DEFAULT NULL,
    worker text DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_work';

-- complete(run, fence, result): the run is finished. In one transaction with what the
-- worker has written in this database it is exactly once. Returns false, and nothing
-- happens, when the fence is not (any more) the run's: another one has it, or it has
-- ended. A lease that is over, of a run that nobody has taken away, does not matter.
--   actor       on whose behalf
-- As for all calls with run and fence: for the role that claimed it, if it may claim
-- from the queue or has claimed it by claim_placed(), and workflow_admin. Errors: WF002, 22004; 0A000 in REPEATABLE READ and
-- above. Locks the run.
CREATE FUNCTION workflow.complete(run uuid, fence bigint, result jsonb DEFAULT NULL, actor text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_complete';

-- complete_many(runs, fences, results): complete() for several; returns those that
-- were taken. Locks them in the order of their ids.
CREATE FUNCTION workflow.complete_many(runs uuid[], fences bigint[], results jsonb[] DEFAULT NULL) RETURNS SETOF uuid
    LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_complete_many';

-- fail(run, fence, error, ...): the attempt failed. The job's retry says whether and when
-- the next one comes, by error->>'code'.
--   error       an object
--   retry_at    when it comes, if it does
--   final       it does not
-- Returns the state of the run: 'waiting' or 'failed'; 'aborted', if it was to be
-- cancelled; 'lost', when the fence is not the run's. Errors and locks as complete();
-- 22023 for an error that is no object.
CREATE FUNCTION workflow.fail(
    run uuid, fence bigint, error jsonb, retry_at timestamptz DEFAULT NULL, final boolean DEFAULT false,
    actor text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_fail';

-- release(run, fence, at): give a run back that was not done; no attempt is counted.
--   at          not before; default: at once
-- Returns false when the fence is not the run's. Errors and locks as complete().
CREATE FUNCTION workflow.release(run uuid, fence bigint, at timestamptz DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_release';

-- extend(run, fence, lease): the worker is at it still, and has it for so long from now, but
-- not longer than the timeout of the job lets it. Returns 'go on'; 'cancel': the run is to
-- stop, complete() or fail() it soon; 'lost': the fence is not the run's. Errors and locks as complete();
-- of a run that a runtime has for as long as it lives, it writes and locks nothing.
CREATE FUNCTION workflow.extend(run uuid, fence bigint, lease interval DEFAULT '1 minute') RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_extend';

-- report_progress(done, total, note, run, fence): what get_run() tells of the run, at once
-- when a tracked run says it of itself, whatever becomes of its transaction.
-- Errors: WF012 the fence is not the run's; 22004 without run and fence, when no executor
-- is at a run here; 57014 in a tracked run that is to be cancelled; others and locks as
-- complete().
CREATE FUNCTION workflow.report_progress(
    done bigint, total bigint DEFAULT NULL, note text DEFAULT NULL, run uuid DEFAULT NULL, fence bigint DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_report_progress';

-- save_checkpoint(name, value, run, fence): keep a value for later attempts of the run,
-- once this transaction has committed. It is kept until the run has ended, and if it
-- failed, as long as that is remembered. A value of that name is replaced.
-- checkpoint(name, run, fence): the value; null: there is none. What was signalled to the
-- run is there by the name of the event.
-- Of a run that is done on another server than its own, what it saves is kept there, and
-- what it has saved elsewhere, and what was signalled to it, came with it.
-- Errors: WF012, 22004; 54000 more than a million characters came with it; others as
-- complete(). Lock the run; not from its inside.
CREATE FUNCTION workflow.save_checkpoint(name text, value jsonb, run uuid DEFAULT NULL, fence bigint DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_save_checkpoint';
CREATE FUNCTION workflow.checkpoint(name text, run uuid DEFAULT NULL, fence bigint DEFAULT NULL)
    RETURNS jsonb LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_checkpoint';

-- write_log(severity, message, data, run, fence): a line of the log of the run, see the
-- view run_logs. From inside of a run, the lines of an attempt are written when it is
-- over, also when it has failed: 1,000 of them, or 256 kB, at most; the others are
-- counted.
--   severity    debug, log, info, notice, warning or error
--   data        of any kind
-- Errors: WF012, 22004, 22023, 22001 a line of more than 256 kB; others and locks as
-- complete().
CREATE FUNCTION workflow.write_log(
    severity text, message text, data jsonb DEFAULT NULL, run uuid DEFAULT NULL, fence bigint DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_write_log';

-- park(until, event, run, fence, runs): the run is given back until then, or until the
-- event is signalled to it, or all of these runs have ended, whichever is first, and holds
-- no slot meanwhile; its code begins anew then, and finds what it has saved. An event that
-- was signalled before is found at once, as are runs that have ended. No attempt is
-- counted. From inside of a run, it waits when its code has returned, and this transaction
-- has committed; what the code returns is ignored.
-- Errors: WF012, 22004, 22023 without until, event and runs, WF010 no such run of those,
-- 0A000 runs, when it is done on another server than its own;
-- others and locks as complete().
CREATE FUNCTION workflow.park(
    until timestamptz DEFAULT NULL, event text DEFAULT NULL, run uuid DEFAULT NULL, fence bigint DEFAULT NULL,
    runs uuid[] DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_park';

-- signal(run, event, payload): tell a run something. The first one of each event counts;
-- it is kept for who parks later. Returns false when there was one before, or the run has
-- ended. For who may run the job. Errors: WF010 no such run; WF002. Waits for who tells it the
-- same, and for nobody who is claiming, ending or parking the run.
CREATE FUNCTION workflow.signal(run uuid, event text, payload jsonb DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_signal';

GRANT EXECUTE ON FUNCTION
    workflow.claim, workflow.complete, workflow.complete_many, workflow.fail, workflow.release, workflow.extend,
    workflow.report_progress, workflow.write_log, workflow.save_checkpoint, workflow.checkpoint, workflow.park, workflow.signal
    TO workflow_user, workflow_worker, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_work TO workflow_user, workflow_worker, workflow_admin;
-- Of runs that it has claimed by claim_placed().
GRANT EXECUTE ON FUNCTION
    workflow.complete, workflow.complete_many, workflow.fail, workflow.release, workflow.extend,
    workflow.report_progress, workflow.write_log, workflow.save_checkpoint, workflow.checkpoint, workflow.park
    TO workflow_runtime;
