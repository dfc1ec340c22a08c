-- What would happen.

-- dry_run(process, event, data, actor): what send() would do, and nothing kept.
-- The step runs for real, guards and actions with it, in a subtransaction that
-- is rolled back: what a ROLLBACK does not undo (sequences, dblink, session
-- locks, files) is done. Deferred triggers do not fire. Takes no lock on the
-- process and waits for nobody who has one: it answers for the process as the
-- statement's snapshot shows it.
-- Returns what send() would, and `effects`, a jsonb array of what would happen
-- in order, each {"effect": ..., ...}: transition, exited, entered, action,
-- raised, sent, cancelled, armed, disarmed, invoked, stopped, received, done; "refused"
-- (with the SQLSTATE that send() would give) or "error" as the last when the
-- command fails, and then the process as it stands. Errors: WF001, WF002; 25006
-- in a read-only transaction or on a standby; deadlock, cancellation and such.
CREATE FUNCTION workflow.dry_run(
    process uuid, event text, data jsonb DEFAULT NULL, actor text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT effects jsonb, OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_dry_run';

-- simulate(...): start a process, play a script with it under a clock of its
-- own, and forget it all.
--   definition  a definition's name; or, as json, a definition that need not be
--               stored
--   script      array of objects, played in order: {"after": duration or ms} or
--               {"at": time} lets time pass, {"event", "data", "actor"} is a
--               command, {"done" or "error": id, "output", "data"} answers for a
--               child, {"until_idle": true} runs all timers until none is left,
--               {"guards": {name: true or false}} says what guards answer from
--               then on (json only)
--   input       as for start()
--   version     default: the newest
--   start       when the simulation begins; default: now
--   max_events  more than so many are an error
--   actor       default: current_user; of commands, too, that name none
-- Returns one row an event that reached the process: commands, timers that
-- became due, what it sent to itself. Those that fail are rows with an error.
-- Of json, functions that do not exist are told of by a NOTICE; such guards hold,
-- such actions do nothing. now() and workflow.test_clock are the simulated time.
-- Runs what dry_run() runs, and forgets it the same way. The process is in no
-- table: functions that look for it by its id find none. Children are not run.
-- Needs the rights to start and to send. Errors: WF006, WF002; of the json WF007
-- as in define(); 54000 after max_events; 25006 as dry_run().
CREATE FUNCTION workflow.simulate(
    definition text, script jsonb, input jsonb DEFAULT NULL, version int DEFAULT NULL,
    start timestamptz DEFAULT NULL, max_events int DEFAULT 10000, actor text DEFAULT NULL,
    OUT at timestamptz, OUT event text, OUT kind text, OUT taken boolean,
    OUT from_states text[], OUT to_states text[], OUT status workflow.status,
    OUT context jsonb, OUT effects jsonb, OUT error jsonb)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_simulate';
CREATE FUNCTION workflow.simulate(
    definition json, script jsonb, input jsonb DEFAULT NULL,
    start timestamptz DEFAULT NULL, max_events int DEFAULT 10000, actor text DEFAULT NULL,
    OUT at timestamptz, OUT event text, OUT kind text, OUT taken boolean,
    OUT from_states text[], OUT to_states text[], OUT status workflow.status,
    OUT context jsonb, OUT effects jsonb, OUT error jsonb)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_simulate_json';

GRANT EXECUTE ON FUNCTION
    workflow.dry_run, workflow.simulate(text, jsonb, jsonb, int, timestamptz, int, text),
    workflow.simulate(json, jsonb, jsonb, timestamptz, int, text)
    TO workflow_user, workflow_admin;

