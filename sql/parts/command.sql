-- Commands.

-- send(...): a command. Takes its transition in the caller's transaction.
--   process     its id
--   event       name of the event
--   data        payload, event->'data' in guards and actions
--   id          repeated with the same id, gives the first verdict again
--   actor       on whose behalf; default: current_user
--   nowait      refuse with WF005 when somebody else is at the process
-- Returns taken (false: no active state handles it now; recorded as ignored),
-- where the process stands after it, and deferred (true: not taken yet, it is
-- kept until the states that defer it are left). Errors: WF001, WF002 (also:
-- the actor is not allowed to, or the caller may not act for it), WF003, WF004,
-- WF005, those of guards and actions. WF003 is for a process that failed, or
-- has not started yet, too; WF005 also for an action that commands its own
-- process. Locks the process row until the end of the transaction.
CREATE FUNCTION workflow.send(
    process uuid, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send';

-- send_many(...): send() for every element of processes, in that order, set-based.
--   events      one for all (one element) or one a process
--   data, ids   as long as processes, or null
-- One refusal or failure fails the whole call. Processes are locked in the
-- order of their ids.
CREATE FUNCTION workflow.send_many(
    processes uuid[], events text[], data jsonb[] DEFAULT NULL, ids text[] DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    OUT process uuid, OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_many';

-- send_by_key(...): send() to the process with this business key.
CREATE FUNCTION workflow.send_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_by_key';

-- available_events(process, actor): the commands that active states have a
-- handler for, in document order, and whether a guard lets them pass with no
-- data. Events of timers are left out. Error WF001, WF002.
CREATE FUNCTION workflow.available_events(
    process uuid, actor text DEFAULT NULL, OUT event text, OUT enabled boolean)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_available_events';

GRANT EXECUTE ON FUNCTION
    workflow.send, workflow.send_many, workflow.send_by_key, workflow.available_events
    TO workflow_user, workflow_admin;

