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

-- library_version(): of the library that this session has loaded, like '0.3.0'.
-- That of the SQL is pg_extension.extversion; the library may be the newer one,
-- until ALTER EXTENSION workflow UPDATE.
CREATE FUNCTION workflow.library_version() RETURNS text
    LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_library_version';
