-- Placed runs: with commands, of queues that are placed on a runtime, which does them in place
-- of the server that holds the database.

-- claim_placed(id, epoch, n, known): claim up to n runs with commands that are placed on a runtime,
-- due and free, of all owners.
--   known        the runs that it knows it has, all of them; null: it does not say. Others that it
--                has, because the answer to a claim was lost, it gets first, with another fence
-- As claim(); besides it returns
--   owner        the role that owns the job
--   mode         atomic, tracked
--   command      what the runtime executes: a function, by its name and schema, or a statement
--                with $name for parameters
--   timeout      of all of a run, or null
--   round        with the run it is the key of what has become of it at the runtime: it is the
--                same when the run is claimed anew because it was lost or given back, and another
--                one for the next attempt, after park(), and when it is done once more
--   position     for a standby: what it has to have replayed before
--   types        of the parameters of a statement, by name; null: of a function
--   tenant       whose the run is, or null
--   traceparent  the trace context of what the runtime does, or null
--   checkpoints  what the run has kept, and what was signalled to it, by name; null: nothing; false: it is
--                more than a million characters
-- The runtime has them for as long as it lives: lease_until is infinity, or the deadline. It ends
-- them by complete() and its kin, and needs no privilege for that. When it has gone, their jobs
-- decide: on_lost.
-- A queue's owner decides by its placement who reads what is in it. For the role that has
-- registered the runtime. Errors: WF012 the epoch is over, WF018 the runtime is another role's,
-- WF002 it may not work, WF019 as claim(); 22004, 22023, 22001; 0A000 in REPEATABLE READ and above. PREPARE
-- TRANSACTION is refused after it.
CREATE FUNCTION workflow.claim_placed(
    id text, epoch bigint, n int, known uuid[] DEFAULT NULL,
    OUT run uuid, OUT fence bigint, OUT job text, OUT version int, OUT params jsonb, OUT key text,
    OUT partition text, OUT attempt int, OUT deadline timestamptz, OUT lease_until timestamptz,
    OUT owner text, OUT mode text, OUT command text, OUT timeout interval, OUT round int, OUT "position" pg_lsn,
    OUT types jsonb, OUT tenant text, OUT traceparent text,
    OUT checkpoints jsonb)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_claim_placed';

-- await_placed(id, epoch, timeout, ready): wait until claim_placed() may find something, or the
-- time is up: then ready is false. The session has no snapshot meanwhile, so this cannot be called
-- in a transaction block. It is no beat. Errors: those of claim_placed(); 25001; 25006 on a standby.
CREATE PROCEDURE workflow.await_placed(
    id text, epoch bigint, timeout interval DEFAULT '30 seconds', INOUT ready boolean DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_placed';

-- decline(run, fence): what was claimed by claim_placed() cannot be done there: the next element of
-- the queue's placement that is usable counts for this run, whatever counts for others; no attempt
-- is counted. False: there is no such, or the run has no command; the runtime has it still. True also if the fence is not
-- the run's. Errors and locks as complete().
CREATE FUNCTION workflow.decline(run uuid, fence bigint) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_decline';

-- report_placed(run, fence, said): what the code of a run that was claimed by claim_placed() has said of it,
-- {"progress": ..., "lines": [[at, severity, message, data], ...], "park": [until, event]}, each of which may
-- be missing. With park it is given back, as by park(). False: the fence is not the run's. Errors and locks
-- as complete(); 22023, 22007 it makes no sense.
CREATE FUNCTION workflow.report_placed(run uuid, fence bigint, said jsonb) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_report_placed';

-- outcome_told(id, epoch, number): beside complete() or fail(), the number that what has become of
-- the run has at the runtime, where numbers only grow. The highest is kept. False: the epoch is
-- over. PREPARE TRANSACTION is refused after it.
-- outcomes_kept(id, epoch, number, runs): before it claims, a runtime says which is the highest
-- number of those that it has, and which runs the last ones have ended. False: that is less than it has
-- told. It was restored from a backup, and does nothing until approve_runtime(); the log has the
-- runs whose outcomes it may have lost, and the view runtimes when that began.
-- Both lock the row of the runtime where they change it, and are for the role that has registered it. Errors: WF018 the
-- runtime is another role's, WF012 the epoch is over (outcomes_kept); 22004, 22023, 22001; 25006.
CREATE FUNCTION workflow.outcome_told(id text, epoch bigint, number bigint) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_outcome_told';
CREATE FUNCTION workflow.outcomes_kept(id text, epoch bigint, number bigint, runs uuid[]) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_outcomes_kept';

GRANT EXECUTE ON FUNCTION workflow.claim_placed, workflow.decline, workflow.report_placed, workflow.outcome_told, workflow.outcomes_kept TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_placed TO workflow_runtime, workflow_admin;
