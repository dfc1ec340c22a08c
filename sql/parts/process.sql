-- Processes: how they begin, are found and looked at.

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
    depth      int,                     -- so many levels below one that was started
    tenant     text COLLATE "C",        -- whose it is
    traceparent text COLLATE "C"        -- the trace context in which it was started, see spans()
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);
-- For views that are asked for a key; no step changes it.
CREATE INDEX process_key ON workflow.process (key) WHERE key IS NOT NULL;
-- For those who ask for a tenant; nor this one.
CREATE INDEX process_tenant ON workflow.process (tenant) WHERE tenant IS NOT NULL;

-- Business keys: one process a key, definition and tenant, whatever its version. Processes
-- that are over may have had it before (start(on_key => 'active')).
CREATE TABLE workflow.key (
    definition text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    process    uuid NOT NULL,
    tenant     text COLLATE "C" NOT NULL DEFAULT '',    -- empty: nobody's
    PRIMARY KEY (definition, key, tenant)
);

-- is_over(status, states, step): has a process that stands so come to its end? One
-- that is terminated only if it was cancelled, which left all of its states: one
-- whose start failed (step 0) has none either, and goes on after resume().
-- A single expression, which becomes part of the query that asks. The library has
-- the same in src/store/process_row: wf_process_row_is_over(), and WF_PROCESS_ROW_IS_OVER for SQL.
CREATE FUNCTION workflow.is_over(status workflow.status, states text[], step int) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status = 'finalized' OR (status = 'terminated' AND states = '{}' AND step > 0);

-- start(...): make a process and enter its initial states in the caller's
-- transaction; with `at`, make it only and start it then.
--   definition  a definition's name
--   input       jsonb object, laid over the definition's initial context
--   key         business key, not empty
--   version     default: the newest
--   at          when to start; default: now, in this transaction
--   actor       on whose behalf; default: current_user
--   on_key      when a process of this definition has the key: 'existing', that
--               one is returned and nothing is started; 'refuse', WF016; 'active',
--               as 'existing', but one that is over does not count: its key goes
--               to the new process
--   tenant      whose it is: keys are those of the tenant; default: workflow.tenant
--   traceparent  the trace context of the caller, see spans(); default: workflow.traceparent
-- Returns the process's id. Errors: WF006, WF002, WF016, 22023, those of its actions.
CREATE FUNCTION workflow.start(
    definition text, input jsonb DEFAULT NULL, key text DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start';

-- start_or_get(...): start(), and whether the process is new.
CREATE FUNCTION workflow.start_or_get(
    definition text, input jsonb DEFAULT NULL, key text DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL,
    OUT process uuid, OUT created boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start_or_get';

-- start_many(...): start() for every element of inputs, set-based.
--   inputs      one a process; a null element is an empty input
--   keys        as long as inputs, or null
-- Returns the ids in the order of inputs. Keys are taken in their own order, a
-- thousand processes at a time.
CREATE FUNCTION workflow.start_many(
    definition text, inputs jsonb[], keys text[] DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS SETOF uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start_many';

-- slot(process): the slot, 0 to 4095, that the id of a process carries: that of its
-- key, of its parent, or a random one. slot_of_key(key): that of a key, the first 12
-- bits of SHA-256 of its UTF-8 bytes. From 0.3.0 on, and for ever; ids that older
-- versions made have random ones.
CREATE FUNCTION workflow.slot(id uuid) RETURNS int
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_slot';
CREATE FUNCTION workflow.slot_of_key(key text) RETURNS int
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_slot_of_key';

-- find(definition, key): the process with this business key. Errors: WF001, WF002.
CREATE FUNCTION workflow.find(definition text, key text) RETURNS uuid
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_find';

-- get(process): where it stands. Error WF001.
CREATE FUNCTION workflow.get(
    process uuid,
    OUT id uuid, OUT definition text, OUT version int, OUT key text, OUT status workflow.status,
    OUT suspended boolean, OUT states text[], OUT context jsonb, OUT step int,
    OUT started_at timestamptz, OUT updated_at timestamptz, OUT output jsonb,
    OUT parent uuid, OUT invoke text, OUT children jsonb, OUT outcome text)
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_get';

-- CALL await(process, state, timeout): wait until the process is in `state`
-- (null: until it is over or failed). Holds no snapshot and no lock; refuses
-- to run inside a transaction block, and on a standby. Errors: WF001, WF002;
-- 22023 for a state that no version of the definition has;
-- WF004 when it ended or failed without getting there; 57014 after `timeout`.
CREATE PROCEDURE workflow.await(
    process uuid, state text DEFAULT NULL, timeout interval DEFAULT '30 seconds')
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await';

-- sees(definition id, starter): may the current role look at a process of this
-- definition that this role has started? Whoever may read the definition, and
-- whoever has started the process. For the views below and in other parts, which
-- ask it of every row; errors as of may().
CREATE FUNCTION workflow.sees(definition int, starter oid) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_sees';

CREATE VIEW workflow.processes WITH (security_barrier) AS
    SELECT p.id, d.name AS definition, d.version, p.key, p.status, p.suspended, p.states,
           workflow.masked(d.owner, d.sensitive, p.context) AS context,
           p.step, p.started_by, p.started_at, p.updated_at,
           workflow.masked(d.owner, d.sensitive, p.output, p.context) AS output, p.parent, p.invoke, p.children,
           CASE WHEN p.status OPERATOR(pg_catalog.=) 'finalized' THEN
               CASE WHEN p.states OPERATOR(pg_catalog.&&) d.failures THEN 'failure' ELSE 'success' END END AS outcome, p.tenant
    FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

REVOKE ALL ON TYPE workflow.status FROM PUBLIC;
GRANT USAGE ON TYPE workflow.status TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.start, workflow.start_or_get, workflow.start_many TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.is_over, workflow.sees, workflow.find, workflow.get, workflow.slot, workflow.slot_of_key
    TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.processes TO workflow_user, workflow_monitor, workflow_admin;

