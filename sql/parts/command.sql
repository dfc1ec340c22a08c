-- Commands.

-- send(...): a command. Takes its transition in the caller's transaction.
--   process     its id
--   event       name of the event
--   data        payload, event->'data' in guards and actions
--   id          repeated with the same id, gives the first verdict again, with the
--               context as it stands by then
--   actor       on whose behalf; default: current_user
--   nowait      refuse with WF005 when somebody else is at the process
--   if_step     refuse with WF014 unless this is its step, ...
--   if_states   ... and unless each of these states is active or holds one that is
--   traceparent  the trace context of the caller, see spans(); default: workflow.traceparent
-- Both conditions are looked at after the receipt of `id`, and before WF003. Returns taken (false: no active state handles it now; recorded as ignored),
-- where the process stands after it, and deferred (true: not taken yet, it is
-- kept until the states that defer it are left). Errors: WF001, WF002 (also:
-- the actor is not allowed to, or the caller may not act for it), WF003, WF004,
-- WF005, WF014, WF015, 22023 for a state that does not exist, those of guards and
-- actions. WF003 is for a process that failed, or
-- has not started yet, too; WF005 also for an action that commands its own
-- process. Locks the process row until the end of the transaction.
CREATE FUNCTION workflow.send(
    process uuid, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    if_step int DEFAULT NULL, if_states text[] DEFAULT NULL, traceparent text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send';

-- send_many(...): send() for every element of processes, in that order, set-based.
--   events, data  one for all (one element) or one a process; data may be null
--   ids         as long as processes, or null
--   refusals    'fail': one refusal fails the whole call; 'report': it is a row with
--               sqlstate and message, and no verdict. A failure, which is an error of
--               guards and actions, always fails the call
--   if_steps    if_step of send(), as data
--   if_states, traceparent  for all processes
-- Processes are locked in the order of their ids.
CREATE FUNCTION workflow.send_many(
    processes uuid[], events text[], data jsonb[] DEFAULT NULL, ids text[] DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    refusals text DEFAULT 'fail', if_steps int[] DEFAULT NULL, if_states text[] DEFAULT NULL,
    traceparent text DEFAULT NULL,
    OUT process uuid, OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean, OUT sqlstate text, OUT message text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_many';

-- send_by_key(...): send() to the process with this business key.
--   start       when there is none, one is started first, as start() does, with this
--               input; default: WF001
-- With `start` it waits for transactions that are starting a process with the key, and
-- those that come later wait for this one. Errors then also: WF006, those of start().
CREATE FUNCTION workflow.send_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    if_step int DEFAULT NULL, if_states text[] DEFAULT NULL, start jsonb DEFAULT NULL,
    traceparent text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_by_key';

-- available_events(process, actor, language): the commands that active states have a
-- handler for, in document order. enabled: would it be taken if it came now without
-- data? Null: that depends on its data. reason, unless it would: data; guard, no guard
-- lets it pass whatever its data; allow, the actor may not send it; undeclared, the
-- definition does not accept it. What the definition declares of the event: title and
-- description in this language, else those that name none; schema, the JSON Schema of its
-- data; meta. Events of timers are left out. Error WF001, WF002, 22023.
CREATE FUNCTION workflow.available_events(
    process uuid, actor text DEFAULT NULL, language text DEFAULT NULL, OUT event text, OUT enabled boolean,
    OUT reason text, OUT title text, OUT description text, OUT schema jsonb, OUT meta jsonb)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_available_events';

-- event_schema(definition, event, version, language): what data an event has, by the newest
-- version or this one, as JSON Schema, for forms: as job_schema(). True of anything: they are
-- not declared; false: the definition does not accept it. Null: the event is not declared.
-- For who may start, send or read. Errors: WF006, WF002, 22004, 22023.
CREATE FUNCTION workflow.event_schema(
    definition text, event text, version int DEFAULT NULL, language text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_event_schema';

GRANT EXECUTE ON FUNCTION
    workflow.send, workflow.send_many, workflow.send_by_key, workflow.available_events
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.event_schema TO workflow_user, workflow_monitor, workflow_admin;

