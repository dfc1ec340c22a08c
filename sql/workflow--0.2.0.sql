\echo Use "CREATE EXTENSION workflow" to load this file. \quit

-- Whoever runs CREATE EXTENSION may have any search_path: every name below is
-- either qualified or made in schema workflow.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- A member of the extension, and never one that somebody else prepared: where
-- a schema of this name exists, this fails.
CREATE SCHEMA workflow;

-- Roles belong to the whole server and may exist already (another database
-- has the extension); nobody is made a member of one here.
DO $roles$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['workflow_user', 'workflow_monitor', 'workflow_admin']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) wanted) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
        END IF;
    END LOOP;
END
$roles$;

-- status: where a process stands.
--   initialized  made, its start is due later
--   running      a step is under way (seen from outside only in careful mode)
--   idled        waits for a command or a timer
--   finalized    reached a final state of the root: over
--   terminated   failed where nothing but resume() leads out, or was cancelled
--                (then states is empty: over)
--   error        failed; a command, a timer or resume() leads out
CREATE TYPE workflow.status AS ENUM
    ('initialized', 'running', 'idled', 'finalized', 'terminated', 'error');

-- The server, the database and the extension (by this table) that all of this
-- was written in, once there is something. A dump carries it along: restored, in
-- whatever place, it does not fit, and nothing runs until workflow.adopt().
CREATE TABLE workflow.stamp (
    one               boolean PRIMARY KEY DEFAULT true CHECK (one),
    system_identifier bigint NOT NULL,
    database          oid NOT NULL,
    relation          oid NOT NULL,
    at                timestamptz NOT NULL
);

-- On whose behalf definitions run. Rows elsewhere carry the id; the name is
-- what survives a dump, the oid is what is resolved from it.
CREATE TABLE workflow.owner (
    id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name name NOT NULL UNIQUE,
    role oid NOT NULL
);

-- A version of a definition; never changed once written.
CREATE TABLE workflow.definition (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    version     int NOT NULL,
    owner       int NOT NULL,
    source      json NOT NULL,      -- as the author wrote it
    chart       json NOT NULL,      -- the canonical form, what is executed
    search_path text NOT NULL,      -- for user code: as it was at define(), pg_temp last
    time_zone   text NOT NULL,      -- the same
    functions   jsonb NOT NULL,     -- signature -> hash of its definition
    created_at  timestamptz NOT NULL,
    UNIQUE (name, version)
);

-- Who besides the owner (and workflow_admin) may do what with a definition.
CREATE TABLE workflow.permission (
    definition text COLLATE "C" NOT NULL,
    role       oid NOT NULL,
    name       name NOT NULL,           -- of the role, for adopt()
    privilege  text COLLATE "C" NOT NULL CHECK (privilege IN ('start', 'send', 'read', 'act')),
    -- by name, too: where no role has it after a restore, role is 0
    PRIMARY KEY (definition, role, privilege, name)
);

-- A process: one instance of a definition. The hot row: no index on anything
-- that a step changes, and room for HOT updates on its page.
CREATE TABLE workflow.process (
    id         uuid PRIMARY KEY,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    definition int NOT NULL,
    starter    oid NOT NULL,            -- role that started it
    step       int NOT NULL,            -- steps taken, the number of the last history row
    status     workflow.status NOT NULL,
    suspended  boolean NOT NULL,
    states     text[] COLLATE "C" NOT NULL, -- active atomic and final states
    context    jsonb NOT NULL,
    started_by text COLLATE "C" NOT NULL,   -- the name of starter, then
    key        text COLLATE "C",
    history    jsonb,                   -- history state -> what it remembers
    children   jsonb,                   -- invoke id -> process that is at it
    output     jsonb,                   -- of one that reached its end
    parent     uuid,                    -- the process that invoked this one,
    invoke     text COLLATE "C",        -- by this id there,
    depth      int                      -- so many levels below one that was started
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);

-- Business keys: one process a key and definition, whatever its version.
CREATE TABLE workflow.key (
    definition text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    process    uuid NOT NULL,
    PRIMARY KEY (definition, key)
);

-- An event that has still to reach a process. Whoever holds the process row
-- owns its timers; a post() only inserts.
CREATE TABLE workflow.timer (
    process  uuid NOT NULL,
    seq      bigint GENERATED BY DEFAULT AS IDENTITY,
    due      timestamptz NOT NULL,
    owner    int NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    parked   boolean NOT NULL DEFAULT false, -- its process is suspended, terminated or resting
    event    text COLLATE "C" NOT NULL,
    name     text COLLATE "C",          -- key under `after`, or id of a sent event
    state    text COLLATE "C",          -- `after`: the state that armed it
    actor    text COLLATE "C",
    data     jsonb,
    child    uuid,                      -- sent by this child: only while it is one
    PRIMARY KEY (process, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX timer_due ON workflow.timer (owner, due, seq) WHERE NOT parked;
-- Events with an id: a process may have a hundred thousand of them.
CREATE INDEX timer_name ON workflow.timer (process, name) WHERE state IS NULL AND name IS NOT NULL;

-- Which partition of history and receipt is written to, and since when. No row:
-- the first one. They form a ring; the oldest is emptied before it is next.
CREATE TABLE workflow.ring (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    slot  smallint NOT NULL,
    since timestamptz NOT NULL
);

-- One row an event that reached a process.
CREATE TABLE workflow.history (
    process     uuid NOT NULL,
    at          timestamptz NOT NULL,
    due         timestamptz,            -- null: a command
    step        int NOT NULL,
    taken       boolean NOT NULL,       -- false: no active state handled it
    reason      text COLLATE "C",       -- why not: refused, deferred; null: ignored
    event       text COLLATE "C" NOT NULL,
    from_states text[] COLLATE "C" NOT NULL,
    to_states   text[] COLLATE "C" NOT NULL,
    actor       text COLLATE "C",
    data        jsonb,
    slot        smallint NOT NULL,
    PRIMARY KEY (process, step, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.history_0 PARTITION OF workflow.history FOR VALUES IN (0);
CREATE TABLE workflow.history_1 PARTITION OF workflow.history FOR VALUES IN (1);
CREATE TABLE workflow.history_2 PARTITION OF workflow.history FOR VALUES IN (2);
CREATE TABLE workflow.history_3 PARTITION OF workflow.history FOR VALUES IN (3);
CREATE TABLE workflow.history_4 PARTITION OF workflow.history FOR VALUES IN (4);
CREATE TABLE workflow.history_5 PARTITION OF workflow.history FOR VALUES IN (5);
CREATE TABLE workflow.history_6 PARTITION OF workflow.history FOR VALUES IN (6);
CREATE TABLE workflow.history_7 PARTITION OF workflow.history FOR VALUES IN (7);

-- An event that active states keep for later. Whoever holds the process row
-- owns these, too. They are worked in the order of seq.
CREATE TABLE workflow.deferred (
    process uuid NOT NULL,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL,       -- when it reached the process
    state   text COLLATE "C" NOT NULL,  -- which deferred it then
    event   text COLLATE "C" NOT NULL,
    name    text COLLATE "C",           -- id of a posted event
    actor   text COLLATE "C",
    data    jsonb,
    PRIMARY KEY (process, seq)
);

-- An event whose step failed: retried (its timer is still there) or given up.
CREATE TABLE workflow.failure (
    process  uuid NOT NULL,
    seq      bigint NOT NULL,           -- of its timer
    at       timestamptz NOT NULL,
    due      timestamptz NOT NULL,      -- of the event, as first scheduled
    attempts int NOT NULL,
    given_up boolean NOT NULL,
    event    text COLLATE "C" NOT NULL,
    name     text COLLATE "C",
    state    text COLLATE "C",
    actor    text COLLATE "C",
    data     jsonb,
    child    uuid,
    sqlstate text COLLATE "C" NOT NULL,
    message  text NOT NULL,
    detail   text,
    hint     text,
    context  text,
    since    timestamptz,               -- when it failed first; null: 0.1.0 did not note it
    PRIMARY KEY (process, seq)
);

-- The verdict of a command that came with an id, for its repetition.
CREATE TABLE workflow.receipt (
    process uuid NOT NULL,
    id      text COLLATE "C" NOT NULL,
    at      timestamptz NOT NULL,
    taken   boolean NOT NULL,
    deferred boolean NOT NULL,
    status  workflow.status NOT NULL,
    states  text[] COLLATE "C" NOT NULL,
    context jsonb NOT NULL,
    slot    smallint NOT NULL,
    PRIMARY KEY (process, id, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.receipt_0 PARTITION OF workflow.receipt FOR VALUES IN (0);
CREATE TABLE workflow.receipt_1 PARTITION OF workflow.receipt FOR VALUES IN (1);
CREATE TABLE workflow.receipt_2 PARTITION OF workflow.receipt FOR VALUES IN (2);
CREATE TABLE workflow.receipt_3 PARTITION OF workflow.receipt FOR VALUES IN (3);
CREATE TABLE workflow.receipt_4 PARTITION OF workflow.receipt FOR VALUES IN (4);
CREATE TABLE workflow.receipt_5 PARTITION OF workflow.receipt FOR VALUES IN (5);
CREATE TABLE workflow.receipt_6 PARTITION OF workflow.receipt FOR VALUES IN (6);
CREATE TABLE workflow.receipt_7 PARTITION OF workflow.receipt FOR VALUES IN (7);

-- Definitions all of whose processes rest.
CREATE TABLE workflow.pause (
    definition text COLLATE "C" PRIMARY KEY,
    owner      int NOT NULL,
    at         timestamptz NOT NULL,
    by         text COLLATE "C" NOT NULL
);

-- Processes that have timers parked over a pause. A row without a pause is
-- work for an executor: to bring those timers back.
CREATE TABLE workflow.resting (
    definition text COLLATE "C" NOT NULL,
    process    uuid NOT NULL,
    PRIMARY KEY (definition, process)
);

-- Processes that were erased. `pending`: a transaction that saw the process
-- may still be under way and leave an event for it behind; `seen`: when the
-- runtime noticed.
CREATE TABLE workflow.erasure (
    process uuid PRIMARY KEY,
    at      timestamptz NOT NULL,
    owner   int NOT NULL,
    pending boolean NOT NULL,
    seen    timestamptz
);
CREATE INDEX erasure_pending ON workflow.erasure (process) WHERE pending;

-- Calendars of working time, as they were defined.
CREATE TABLE workflow.calendar (
    name     text COLLATE "C" PRIMARY KEY,
    owner    int NOT NULL,
    calendar jsonb NOT NULL,
    at       timestamptz NOT NULL
);

-- What definitions declare to be searchable, of each process. Equal values are
-- found by their hash: a value may be longer than an index entry.
CREATE TABLE workflow.attribute (
    process    uuid NOT NULL,
    definition text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    value      jsonb NOT NULL
);
CREATE INDEX attribute_process ON workflow.attribute (process, name);
CREATE INDEX attribute_value ON workflow.attribute
    (definition, name, (pg_catalog.jsonb_hash_extended(value, 0)), process);

-- One command each: the function updates one catalog row again and again.
DO $dump$
DECLARE
    relation pg_catalog.regclass;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace
          AND c.relkind IN ('r', 'S')
        ORDER BY c.oid
    LOOP
        PERFORM pg_catalog.pg_extension_config_dump(relation, '');
    END LOOP;
END
$dump$;

-- The stored procedures. Errors of our own have SQLSTATE class WF:
--   WF001 no such process        WF002 not allowed       WF003 suspended
--   WF004 over                   WF005 busy              WF006 no such definition
--   WF007 definition has faults  WF008 no such timer
--   WF009 not over
-- so that a client can tell "refused" (WF...) from "failed" (all others).

-- define(definition): store a new version of a definition.
--   definition  XState-shaped JSON; its "id" is the definition's name
-- Returns the version: 1 for a new name; the newest version, unchanged, when
-- the definition is the same as that one. The caller owns the name from then
-- on. Errors: WF007 with every fault and its JSON path in the detail; WF002
-- when another role owns the name, or the caller may not log in or is a
-- superuser. Locks the name against other define() calls until the end of
-- the transaction.
CREATE FUNCTION workflow.define(definition json) RETURNS int
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_define';

-- start(...): make a process and enter its initial states in the caller's
-- transaction; with `at`, make it only and start it then.
--   definition  a definition's name
--   input       jsonb object, laid over the definition's initial context
--   key         business key: when a process of this definition has it, that
--               process is returned and nothing is started
--   version     default: the newest
--   at          when to start; default: now, in this transaction
--   actor       on whose behalf; default: current_user
-- Returns the process's id. Errors: WF006, WF002, those of its actions.
CREATE FUNCTION workflow.start(
    definition text, input jsonb DEFAULT NULL, key text DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start';

-- start_many(...): start() for every element of inputs, set-based.
--   inputs      one a process; a null element is an empty input
--   keys        as long as inputs, or null
-- Returns the ids in the order of inputs. Keys are taken in their own order, a
-- thousand processes at a time.
CREATE FUNCTION workflow.start_many(
    definition text, inputs jsonb[], keys text[] DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS SETOF uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start_many';

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

-- find(definition, key): the process with this business key. Errors: WF001, WF002.
CREATE FUNCTION workflow.find(definition text, key text) RETURNS uuid
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_find';

-- send_by_key(...): send() to the process with this business key.
CREATE FUNCTION workflow.send_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_by_key';

-- post(...): an event that an executor delivers after this transaction, now
-- or at `at`. Takes no lock on the process unless it has an id.
--   id          names it for cancel_event(); a second post with the id of a
--               pending one replaces it, under a lock on the process row
-- Before the process has started it waits for that. Errors: WF001, WF002,
-- WF004.
CREATE FUNCTION workflow.post(
    process uuid, event text, data jsonb DEFAULT NULL, at timestamptz DEFAULT NULL,
    id text DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_post';

-- post_by_key(...): post() to the process with this business key.
CREATE FUNCTION workflow.post_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, at timestamptz DEFAULT NULL,
    id text DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_post_by_key';

-- cancel_event(process, id): take back a posted or delayed event that has not
-- been delivered. Returns whether there was one. Locks the process row.
CREATE FUNCTION workflow.cancel_event(process uuid, id text) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel_event';

-- set_timer(process, name, due): move the running timer `name` (a key under
-- `after` of an active state) to another due time; one that was never set is
-- set. Errors: WF001, WF002, WF004, WF008. Locks the process row.
CREATE FUNCTION workflow.set_timer(process uuid, name text, due timestamptz) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_timer';

-- reset_timer(process, name): start the timer anew, as on entry of its state.
-- Returns the new due time (null: never). Errors and locks as set_timer.
CREATE FUNCTION workflow.reset_timer(process uuid, name text) RETURNS timestamptz
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_reset_timer';

-- suspend(process): commands are refused and timers wait until resume().
-- Returns false when it was suspended already. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.suspend(process uuid) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_suspend';

-- resume(process): undo suspend(); deliver the events that were given up after
-- failures once more. Returns false when there was nothing to resume. Errors:
-- WF001, WF002, WF004. Locks the process row.
CREATE FUNCTION workflow.resume(process uuid) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume';

-- cancel(process): leave all states (exit actions run), drop all timers; the
-- process is over, status terminated. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.cancel(process uuid, actor text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel';

-- verdict: what a call that moves a process answers, where it cannot name the
-- columns itself.
CREATE TYPE workflow.verdict AS (taken boolean, status workflow.status, states text[], context jsonb);

-- set_states(...): an operator puts a process into given states, whatever its
-- transitions are.
--   process     its id
--   states      names of states; what they leave open is entered by default.
--               What is active before and after stays as it is
--   execute     true: exit and entry actions run, and the step goes on as after
--               a transition; false: no action runs and nothing follows
--   actor       on whose behalf; default: current_user
-- Timers and invokes of what is left end, those of what is entered begin,
-- history is remembered, in both cases. A process that failed goes on, what
-- was given up is delivered again; one that is suspended stays suspended.
-- Returns a verdict like send(). For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF003 (not started yet), WF004; 22023
-- for names that there are not, history states, and states that exclude each
-- other; those of its actions. Locks the process row.
CREATE FUNCTION workflow.set_states(
    process uuid, states text[], execute boolean DEFAULT true, actor text DEFAULT NULL)
    RETURNS workflow.verdict LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_states';

-- migration: what migrate() answers.
--   states          where the process is in the new version; null: it stays
--                   where it was, problems say why
--   timers_kept     events of its timers which go on, by their new names
--   timers_armed    of those that the new version has more
--   timers_dropped  of those that it does not have, by their old names
--   problems        [{"problem", "name", "message"}], or null
CREATE TYPE workflow.migration AS (
    process uuid, from_version int, to_version int, states text[],
    timers_kept text[], timers_armed text[], timers_dropped text[], problems jsonb);

-- migrate(...): a running process goes on with another version of its
-- definition, where it is. No action runs.
--   process     its id
--   version     default: the newest
--   mapping     {"old.state": "new.state" or ["new.one", ...]}; others go by
--               equal names
--   dry_run     tell what would be; locks and writes nothing
--   actor       on whose behalf; default: current_user
-- Timers of states that persist keep their due times. A process of that
-- version already is left alone. For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF004, WF006; 22023 for a state that
-- has no place in the new version (dry_run: a row that says so), and for a
-- mapping that fits neither version; those of expressions that delay new
-- timers. Locks the process row.
CREATE FUNCTION workflow.migrate(
    process uuid, version int DEFAULT NULL, mapping jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false, actor text DEFAULT NULL)
    RETURNS workflow.migration LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_migrate';

-- migrate_many(...): migrate() for all processes of a definition that are not
-- over and not of that version already.
--   from_versions  only of these
--   states         only where one of these, or one inside of it, is active
--   context        only those whose context contains this
--   limit          so many at most
-- One row for each; those that cannot go, or that another session is at, stay
-- as they are, and their row has problems. Locks the process rows, in the
-- order of their ids, as many as there are.
CREATE FUNCTION workflow.migrate_many(
    definition text, version int DEFAULT NULL, mapping jsonb DEFAULT NULL,
    from_versions int[] DEFAULT NULL, states text[] DEFAULT NULL, context jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false, "limit" int DEFAULT NULL, actor text DEFAULT NULL)
    RETURNS SETOF workflow.migration LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_migrate_many';

-- pause(definition): all of its processes rest, of whatever version: timers
-- wait, commands and starts are refused (WF003), until unpause(). Steps that
-- have begun go on to their end. Returns false when it was paused already.
-- Only for the owner. Errors: WF006, WF002. Locks no process.
CREATE FUNCTION workflow.pause(definition text) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause';

-- unpause(definition): undo pause(). What became due meanwhile is delivered,
-- brought back by executors some hundred processes at a time. Returns false
-- when it was not paused. Only for the owner. Errors: WF006, WF002.
CREATE FUNCTION workflow.unpause(definition text) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_unpause';

-- erase(process, force): remove everything that is known of a process that is
-- over: its row, context, timers, history, failures, receipts and key. With
-- force also one that is not over, as it stands: no exit action runs. What is
-- left is its id and the time, in workflow.erasures. Returns how many rows
-- there were. Only for the owner of the definition. Errors: WF001, WF002,
-- WF005 in an action of the process itself, WF009. Locks the process row.
CREATE FUNCTION workflow.erase(
    process uuid, force boolean DEFAULT false,
    OUT timers bigint, OUT history bigint, OUT failures bigint, OUT receipts bigint)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_erase';

-- CALL await(process, state, timeout): wait until the process is in `state`
-- (null: until it is over or failed). Holds no snapshot and no lock; refuses
-- to run inside a transaction block, and on a standby. Errors: WF001, WF002;
-- WF004 when it ended or failed without getting there; 57014 after `timeout`.
CREATE PROCEDURE workflow.await(
    process uuid, state text DEFAULT NULL, timeout interval DEFAULT '30 seconds')
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await';

-- get(process): where it stands. Error WF001.
CREATE FUNCTION workflow.get(
    process uuid,
    OUT id uuid, OUT definition text, OUT version int, OUT key text, OUT status workflow.status,
    OUT suspended boolean, OUT states text[], OUT context jsonb, OUT step int,
    OUT started_at timestamptz, OUT updated_at timestamptz, OUT output jsonb,
    OUT parent uuid, OUT invoke text, OUT children jsonb)
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_get';

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
--               child, {"until_idle": true} runs all timers until none is left
--   input       as for start()
--   version     default: the newest
--   start       when the simulation begins; default: now
--   max_events  more than so many are an error
--   actor       default: current_user; of commands, too, that name none
-- Returns one row an event that reached the process: commands, timers that
-- became due, what it sent to itself. Those that fail are rows with an error.
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

-- available_events(process, actor): the commands that active states have a
-- handler for, in document order, and whether a guard lets them pass with no
-- data. Events of timers are left out. Error WF001, WF002.
CREATE FUNCTION workflow.available_events(
    process uuid, actor text DEFAULT NULL, OUT event text, OUT enabled boolean)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_available_events';

-- define_calendar(name, calendar): a calendar of working time, new or instead
-- of the one of this name. Timers that run keep the due times that they have.
--   calendar    {"zone": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]], ...},
--               "holidays": ["2026-12-25", ...], "exceptions": {"2026-12-24": [["09:00", "12:00"]], ...}}
-- Whoever defines the name first owns it. Errors: WF007 with every fault and
-- its JSON path in the detail; WF002 when another role owns it. Locks the
-- calendar against other changes until the end of the transaction.
CREATE FUNCTION workflow.define_calendar(name text, calendar jsonb) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_define_calendar';

-- drop_calendar(name): steps that need it fail from now on. Errors: 42704, WF002.
CREATE FUNCTION workflow.drop_calendar(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_calendar';

-- add_working_time(start, duration, calendar): the instant when so much working
-- time has gone by: months as they are in any calendar, then working days, then
-- hours. Errors: 42704 no such calendar; 22023 a negative duration; 22008 there
-- is not so much working time.
CREATE FUNCTION workflow.add_working_time(start timestamptz, duration interval, calendar text)
    RETURNS timestamptz LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_add_working_time';

-- working_time_between(a, b, calendar): working time from a to b, in hours;
-- negative when b is before a. Error 42704.
CREATE FUNCTION workflow.working_time_between(a timestamptz, b timestamptz, calendar text)
    RETURNS interval LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_working_time_between';

-- adopt(): let the workflows of a database that was restored from a dump,
-- copied or upgraded go on here; owners are found anew by their names.
-- Returns the number of owners; a WARNING for each whose role does not exist.
-- For superusers and workflow_admin. Error WF002.
CREATE FUNCTION workflow.adopt() RETURNS bigint
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_adopt';

-- expire(retention): what the runtime does by itself: if a seventh of the
-- retention has passed since it was last done, the processes that ended longer
-- ago than the retention go, with their history, receipts and keys. A process
-- that has not ended keeps its history. All in this transaction.
--   retention   default: workflow.retention (0, for ever, if not set)
-- Returns how many processes expired, how many rows of others were carried
-- forward, and whether it came to its end (moved): not when another session
-- reads or writes what was to be emptied; the next call goes on. Waits for
-- nobody. For superusers and workflow_admin. Error WF002.
CREATE FUNCTION workflow.expire(
    retention interval DEFAULT NULL, OUT expired bigint, OUT carried bigint, OUT moved boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_expire';

-- work(max): step up to `max` due timers of the current role's processes, in
-- this transaction; what an executor does, by hand. An error of user code is
-- an error of this call. Returns how many timers were taken.
CREATE FUNCTION workflow.work(max int DEFAULT 100) RETURNS int
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_work';

-- grant_on(definition, role, privileges): let a role start, send, read, or act:
-- pass any actor with what it may do otherwise.
-- revoke_on: take it back. Only for the definition's owner.
CREATE FUNCTION workflow.grant_on(definition text, role name, VARIADIC privileges text[]) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_grant_on';
CREATE FUNCTION workflow.revoke_on(definition text, role name, VARIADIC privileges text[]) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_revoke_on';

-- may(definition id, privilege): may the current role start, send, read, act?
CREATE FUNCTION workflow.may(definition int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may';

-- function_state(signature, role): what became of a function that a definition
-- names: the hash of it now (null: it is gone), and whether the role may call
-- it. For the view drift.
CREATE FUNCTION workflow.function_state(signature text, role oid, OUT hash text, OUT allowed boolean)
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_function_state';

-- runtime_activity(): the workers that serve this database, and owners whose
-- work waits for one, from shared memory.
CREATE FUNCTION workflow.runtime_activity(
    OUT kind text, OUT pid int, OUT owner int, OUT state text,
    OUT since timestamptz, OUT steps bigint, OUT batches bigint, OUT wait_reason text)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_runtime_activity';

-- diagram(...): a picture of a definition, of a process with its active states
-- marked: text of a stateDiagram-v2 of Mermaid, or ('dot') of Graphviz.
--   version     default: the newest
-- For a process, who started it but may not read its definition sees states
-- and events only. Errors: WF001, WF002, WF006; 22023 for another format.
CREATE FUNCTION workflow.diagram(definition text, version int DEFAULT NULL, format text DEFAULT 'mermaid')
    RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_diagram';
CREATE FUNCTION workflow.diagram(process uuid, format text DEFAULT 'mermaid')
    RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_diagram_of';

-- lint(...): what is legal in a definition and hardly meant so, in document
-- order. A definition as define() takes it, or one that is stored.
--   path        in the text of the definition
--   rule        warning (what define() warns of), unreachable,
--               unreachable_final, no_exit, never_done, dead, repeated_guard,
--               no_otherwise, transient, shadowed_timer, endless,
--               deferred_and_handled
-- Errors: WF007, WF002 as define(); WF006, WF002.
CREATE FUNCTION workflow.lint(definition json, OUT path text, OUT rule text, OUT message text, OUT hint text)
    RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_lint';
CREATE FUNCTION workflow.lint(definition text, version int DEFAULT NULL,
    OUT path text, OUT rule text, OUT message text, OUT hint text)
    RETURNS SETOF record LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_lint_stored';

-- export(...): a definition as the configuration of a machine of XState 5, in
-- the order of its text. What has to be implemented to run it, and what is
-- lost, stands under meta.workflow. Errors: WF006, WF002.
CREATE FUNCTION workflow.export(definition text, version int DEFAULT NULL) RETURNS json
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_export';

-- library_version(): of the library that this session has loaded, like '0.2.0'.
-- That of the SQL is pg_extension.extversion; the library may be the newer one,
-- until ALTER EXTENSION workflow UPDATE.
CREATE FUNCTION workflow.library_version() RETURNS text
    LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_library_version';
-- What people look at. Each shows what the current role may read: what it
-- owns, started, or was granted, everything for workflow_monitor and
-- workflow_admin.

CREATE VIEW workflow.definitions WITH (security_barrier) AS
    SELECT d.id, d.name, d.version, o.name AS owner, d.created_at, d.search_path, d.time_zone, d.functions, d.source, d.chart
    FROM workflow.definition d JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    WHERE workflow.may(d.id, 'read');

CREATE VIEW workflow.processes WITH (security_barrier) AS
    SELECT p.id, d.name AS definition, d.version, p.key, p.status, p.suspended, p.states, p.context,
           p.step, p.started_by, p.started_at, p.updated_at, p.output, p.parent, p.invoke, p.children
    FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

CREATE VIEW workflow.timers WITH (security_barrier) AS
    SELECT t.process, d.name AS definition, p.key, t.seq, t.event, t.name, t.state, t.due, t.parked, t.attempts, t.actor, t.data
    FROM workflow.timer t
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE (workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER))
      -- what was posted to a process that has ended since will not be delivered
      AND p.status OPERATOR(pg_catalog.<>) 'finalized'
      AND NOT (p.status OPERATOR(pg_catalog.=) 'terminated' AND p.states OPERATOR(pg_catalog.=) '{}');

CREATE VIEW workflow.process_history WITH (security_barrier) AS
    SELECT h.process, d.name AS definition, p.key, h.step, h.at, h.event, h.taken, h.from_states, h.to_states,
           h.due, h.actor, h.data, h.reason
    FROM workflow.history h
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

CREATE VIEW workflow.deferred_events WITH (security_barrier) AS
    SELECT e.process, d.name AS definition, p.key, e.seq, e.event, e.state, e.at, e.name, e.actor, e.data
    FROM workflow.deferred e
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) e.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

-- Who has started a process, and may not read its definition, is told what
-- happened, and not where in the owner's functions, nor what is in the owner's
-- tables ("Failing row contains ...").
CREATE VIEW workflow.errors WITH (security_barrier) AS
    SELECT f.process, d.name AS definition, p.key, p.status, p.states, f.event, f.attempts, f.given_up, f.at,
           f.sqlstate, f.message,
           CASE WHEN workflow.may(d.id, 'read') THEN f.detail END AS detail,
           CASE WHEN workflow.may(d.id, 'read') THEN f.hint END AS hint,
           CASE WHEN workflow.may(d.id, 'read') THEN f.context END AS context,
           f.due, f.actor, f.data, f.name, f.state, f.since
    FROM workflow.failure f
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.may(d.id, 'read') OR p.starter OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_authid a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER);

-- Functions that are not what they were when a definition was stored.
CREATE VIEW workflow.drift WITH (security_barrier) AS
    SELECT d.name AS definition, d.version, f.signature AS function,
           CASE WHEN s.hash IS NULL THEN 'missing' WHEN NOT s.allowed THEN 'not allowed' ELSE 'changed' END AS problem,
           f.hash AS defined, s.hash AS present
    FROM workflow.definition d
    JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    CROSS JOIN LATERAL pg_catalog.jsonb_each_text(d.functions) f(signature, hash)
    CROSS JOIN LATERAL workflow.function_state(f.signature, o.role) s
    WHERE workflow.may(d.id, 'read') AND (s.hash IS DISTINCT FROM f.hash OR NOT s.allowed);

CREATE VIEW workflow.pauses WITH (security_barrier) AS
    SELECT u.definition, o.name AS owner, u.at, u.by
    FROM workflow.pause u JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) u.owner
    WHERE workflow.may((SELECT d.id FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) u.definition
                        ORDER BY d.version DESC LIMIT 1), 'read');

CREATE VIEW workflow.erasures WITH (security_barrier) AS
    SELECT e.process, e.at, o.name AS owner
    FROM workflow.erasure e JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) e.owner
    WHERE pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE')
       OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE');

-- Whoever may use workflows may count in any calendar.
CREATE VIEW workflow.calendars WITH (security_barrier) AS
    SELECT c.name, o.name AS owner, c.at, c.calendar
    FROM workflow.calendar c JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) c.owner;

CREATE VIEW workflow.activity WITH (security_barrier) AS
    SELECT a.kind, a.pid, o.name AS owner, a.state, a.since, a.steps, a.batches, a.wait_reason
    FROM workflow.runtime_activity() a
    LEFT JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner;

-- search(...): processes of a definition by where they are and what they are
-- about, those that are over included, in the order of their ids.
--   tags        each of them is on an active state
--   attributes  {"name": value, ...}: of what the definition declares under
--               `search`; a list: all of its elements
--   states      in one of them, or inside of it
--   status      one of them
--   "limit"     at most so many, up to 10000
--   after       only ids behind this one: the last of the page before
-- Rows as in workflow.processes; who may not read the definition finds what
-- they started. Errors: WF006; 22023 for a tag, attribute or state that no
-- version of the definition has.
CREATE FUNCTION workflow.search(
    definition text, tags text[] DEFAULT NULL, attributes jsonb DEFAULT NULL, states text[] DEFAULT NULL,
    status workflow.status[] DEFAULT NULL, "limit" int DEFAULT 100, after uuid DEFAULT NULL)
    RETURNS SETOF workflow.processes LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'workflow_search';

-- is_configuration(definition id, states): may these be what is active in a
-- process of this definition? For check(). Error WF006.
CREATE FUNCTION workflow.is_configuration(definition int, states text[]) RETURNS boolean
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_is_configuration';

-- What does not fit together. A view, so that it reads the tables with the
-- rights of the extension's owner.
CREATE VIEW workflow.inconsistencies (problem, process, detail) WITH (security_barrier) AS
    WITH
    -- what was restored or copied has roles of elsewhere until adopt()
    home AS (
        SELECT NOT EXISTS (SELECT FROM workflow.stamp s
            WHERE s.system_identifier <> (SELECT c.system_identifier FROM pg_control_system() c)
               OR s.database <> (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
               OR s.relation <> 'workflow.stamp'::regclass) AS here),
    -- the partition that is emptied next may have rows of processes that are gone
    emptied AS (
        SELECT (COALESCE((SELECT r.slot FROM workflow.ring r), 0) + 1) % 8 AS slot),
    p AS NOT MATERIALIZED (
        SELECT q.*, d.name, d.owner,
               q.status = 'finalized' OR (q.status = 'terminated' AND q.states = '{}' AND q.step > 0) AS over,
               EXISTS (SELECT FROM workflow.owner o JOIN pg_authid a ON a.oid = o.role WHERE o.id = d.owner) AS known
        FROM workflow.process q LEFT JOIN workflow.definition d ON d.id = q.definition),
    -- who looks for what is wrong takes nothing for granted
    child AS NOT MATERIALIZED (
        SELECT p.id AS parent, p.over, c.key AS invoke,
               CASE WHEN c.value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN c.value::uuid END AS id
        FROM p CROSS JOIN LATERAL jsonb_each_text(CASE WHEN jsonb_typeof(p.children) = 'object' THEN p.children END) c)

    SELECT 'process without definition', p.id, p.definition::text FROM p WHERE p.name IS NULL
    UNION ALL
    SELECT 'definition without owner', NULL, format('%s version %s', d.name, d.version)
    FROM workflow.definition d WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = d.owner)
    UNION ALL
    SELECT 'owner without role', NULL, o.name
    FROM workflow.owner o, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = o.role)
    UNION ALL
    SELECT 'permission of no role', NULL, format('%s of %s on %s', g.privilege, g.name, g.definition)
    FROM workflow.permission g, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = g.role)

    UNION ALL
    SELECT 'states that do not go together', p.id, p.states::text
    FROM home, p    -- asked in this order: a chart is looked at if it can be
    WHERE CASE WHEN home.here AND p.known AND NOT p.over AND p.step > 0
               THEN NOT workflow.is_configuration(p.definition, p.states) ELSE false END
    UNION ALL
    SELECT 'status does not fit', p.id, format('%s in %s after %s steps', p.status, p.states, p.step)
    FROM p WHERE (p.status = 'initialized') <> (p.step = 0 AND p.status <> 'terminated')
        OR p.status = 'running'
    UNION ALL
    SELECT 'start is lost', p.id, NULL
    FROM p WHERE p.step = 0
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = p.id AND t.event = 'workflow.start')
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = p.id AND f.event = 'workflow.start')

    UNION ALL
    SELECT 'key of no process', k.process, format('%s of %s', k.key, k.definition)
    FROM workflow.key k WHERE NOT EXISTS (SELECT FROM p WHERE p.id = k.process AND p.key = k.key AND p.name = k.definition)
    UNION ALL
    SELECT 'process does not have its key', p.id, p.key
    FROM p WHERE p.key IS NOT NULL AND NOT EXISTS (
        SELECT FROM workflow.key k WHERE k.definition = p.name AND k.key = p.key AND k.process = p.id)

    UNION ALL
    SELECT 'timer of another owner', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process WHERE t.owner <> p.owner
    UNION ALL
    SELECT 'timer of a state that is not active', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process
    WHERE t.state IS NOT NULL
        AND (p.over OR (t.state <> p.name AND NOT EXISTS (
            SELECT FROM unnest(p.states) s(leaf) WHERE s.leaf = t.state OR starts_with(s.leaf, t.state || '.'))))
    UNION ALL
    SELECT 'timer runs twice', t.process, format('%s of %s', t.name, t.state)
    FROM workflow.timer t WHERE t.state IS NOT NULL GROUP BY t.process, t.state, t.name HAVING count(*) > 1
    UNION ALL
    SELECT 'timer is parked for no reason', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process
    WHERE t.parked AND NOT p.suspended AND p.status NOT IN ('terminated', 'initialized')
        AND NOT EXISTS (SELECT FROM workflow.resting r WHERE r.process = p.id)

    UNION ALL
    SELECT 'history has gaps', p.id, format('%s rows for %s steps', count(h.step), p.step)
    FROM p LEFT JOIN workflow.history h ON h.process = p.id
    GROUP BY p.id, p.step
    HAVING count(h.step) <> p.step OR count(DISTINCT h.step) <> p.step OR COALESCE(max(h.step), 0) <> p.step
    UNION ALL
    SELECT 'history ends elsewhere', p.id, format('%s, not %s', h.to_states, p.states)
    FROM p JOIN workflow.history h ON h.process = p.id AND h.step = p.step WHERE h.to_states <> p.states
    UNION ALL
    SELECT 'history of no process', h.process, format('step %s', h.step)
    FROM workflow.history h, emptied e
    WHERE h.slot <> e.slot AND NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = h.process)
    UNION ALL
    SELECT 'receipt of no process', r.process, r.id
    FROM workflow.receipt r WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = r.process)

    UNION ALL
    SELECT 'failure of no process', f.process, f.event
    FROM workflow.failure f WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = f.process)
    UNION ALL
    SELECT 'failed event is lost', f.process, f.event
    FROM workflow.failure f WHERE NOT f.given_up
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = f.process AND t.seq = f.seq)
        AND EXISTS (SELECT FROM p WHERE p.id = f.process AND NOT p.over)
    UNION ALL
    SELECT 'event was given up and is still to come', f.process, f.event
    FROM workflow.failure f JOIN workflow.timer t ON t.process = f.process AND t.seq = f.seq WHERE f.given_up

    UNION ALL
    SELECT 'child is lost', c.parent, c.invoke
    FROM child c
    WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = c.id AND q.parent = c.parent AND q.invoke = c.invoke)
        AND NOT EXISTS (SELECT FROM workflow.erasure e WHERE e.process = c.id)
        -- expired, and its parent has still to hear of its end
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = c.parent AND t.child = c.id)
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = c.parent AND f.child = c.id)
    UNION ALL
    SELECT 'child is lost', p.id, p.children::text FROM p WHERE jsonb_typeof(p.children) <> 'object'
    UNION ALL
    SELECT 'end of a child is lost', c.parent, c.invoke
    FROM child c JOIN workflow.process q ON q.id = c.id
    WHERE q.status = 'finalized' AND NOT c.over
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = c.parent AND t.child = q.id AND t.event = 'done.invoke.' || c.invoke)
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = c.parent AND f.child = q.id AND f.event = 'done.invoke.' || c.invoke)
    UNION ALL
    SELECT 'children of what is over', p.id, p.children::text FROM p WHERE p.over AND p.children IS NOT NULL

    UNION ALL
    SELECT 'deferred event of no process', e.process, e.event
    FROM workflow.deferred e WHERE NOT EXISTS (SELECT FROM p WHERE p.id = e.process AND NOT p.over)
    UNION ALL
    SELECT 'attribute of no process', a.process, a.name
    FROM workflow.attribute a WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = a.process)
    UNION ALL
    SELECT 'pause of no definition', NULL, u.definition
    FROM workflow.pause u WHERE NOT EXISTS (SELECT FROM workflow.definition d WHERE d.name = u.definition);

-- check(): does everything fit together? One row for each thing that does not;
-- none is what it should be, at any time and whatever has happened. Reads all
-- tables, in one snapshot, and locks nothing. For workflow_monitor,
-- workflow_admin and superusers.
--   problem   what is wrong, in fixed words
--   process   the process concerned, if it is one
--   detail    names and numbers
CREATE FUNCTION workflow.check(OUT problem text, OUT process uuid, OUT detail text)
    RETURNS SETOF record LANGUAGE sql STABLE
    -- tables that were empty when they were last analyzed look as if a nested loop
    -- over them cost nothing; what has no other way is not worth compiling
    SET enable_nestloop TO off
    SET jit TO off
BEGIN ATOMIC
    SELECT i.problem, i.process, i.detail FROM workflow.inconsistencies i;
END;
-- PUBLIC gets nothing; base tables have no grants at all.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA workflow FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA workflow FROM PUBLIC;
REVOKE ALL ON TYPE workflow.status, workflow.verdict, workflow.migration FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA workflow FROM PUBLIC;

GRANT USAGE ON SCHEMA workflow TO workflow_user, workflow_monitor, workflow_admin;
GRANT USAGE ON TYPE workflow.status, workflow.verdict, workflow.migration TO workflow_user, workflow_monitor, workflow_admin;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA workflow TO workflow_user, workflow_admin;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA workflow TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.may(int, text), workflow.get(uuid), workflow.find(text, text), workflow.runtime_activity(), workflow.library_version(),
    workflow.diagram(text, int, text), workflow.diagram(uuid, text),
    workflow.lint(text, int), workflow.export(text, int), workflow.function_state(text, oid),
    workflow.search(text, text[], jsonb, text[], workflow.status[], int, uuid)
    TO workflow_monitor;

-- For those who see everything.
REVOKE EXECUTE ON FUNCTION workflow.check(), workflow.is_configuration(int, text[]) FROM workflow_user;
GRANT EXECUTE ON FUNCTION workflow.check(), workflow.is_configuration(int, text[]) TO workflow_monitor;
GRANT SELECT ON workflow.inconsistencies TO workflow_monitor, workflow_admin;

GRANT SELECT ON
    workflow.definitions, workflow.processes, workflow.timers, workflow.process_history,
    workflow.deferred_events, workflow.errors, workflow.drift, workflow.pauses, workflow.erasures,
    workflow.calendars, workflow.activity
    TO workflow_user, workflow_monitor, workflow_admin;

-- Last: when this transaction commits, the launcher looks at this database.
CREATE FUNCTION workflow.wake() RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_wake';
REVOKE ALL ON FUNCTION workflow.wake() FROM PUBLIC;
SELECT workflow.wake();
