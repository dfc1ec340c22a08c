-- Rows of users' own tables that make runs of jobs, start processes, or are events; and
-- rows that carry the states of processes.

-- What is done for rows of a table of a user. The triggers of the server that do it call
-- workflow.table_trigger() with the name, one for each kind of statement.
CREATE TABLE workflow.table_trigger (
    name        text COLLATE "C" PRIMARY KEY,
    owner       int NOT NULL,           -- workflow.owner.id: as whom it is done
    relation    oid NOT NULL,           -- the table; adopt() finds it anew, 0: it did not
    on_table    text NOT NULL,          -- its name, when the trigger was made
    events      text[] NOT NULL,        -- insert, update, delete
    job         text COLLATE "C",       -- of which runs are made; or
    definition  text COLLATE "C",       -- whose processes are started, or get
    event       text,                   -- this
    key         text,                   -- expression: key of the run or process; null: none
    condition   text,                   -- expression: for which rows; null: all
    search_path text NOT NULL,          -- for the expressions, as it was, pg_temp last
    time_zone   text NOT NULL,          -- the same
    calls       jsonb NOT NULL,         -- what the expressions were found to call
    created_at  timestamptz NOT NULL
);

-- table_trigger(): what triggers call, after statements that change rows. For
-- create_table_trigger(), and for the owners of tables when they restore a dump.
CREATE FUNCTION workflow.table_trigger() RETURNS trigger
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_table_trigger';

-- create_table_trigger(...): rows that are written to a table make runs of a job, start
-- processes, or are events, in the transaction that writes them.
--   name        not empty, of 46 bytes at most
--   on_table    one that the caller owns: ordinary or partitioned
--   events      which statements: insert, update, delete; several with commas, or "or"
--   job         a run of it is made for each row; or
--   definition  a process of it is started for each row; with event and key, the
--               process with that key gets this event. Executors start and deliver
--   key         SQL expression of a row: the key of the run or process. Of a run or process
--               that has it already none is made; an event for none is passed over
--   "when"      SQL expression: only for rows of which it is true
-- In expressions new.COLUMN and old.COLUMN are columns, null where there is no such row;
-- COLUMN alone is that of new, or of old after a delete; new and old are the rows as jsonb,
-- op is insert, update or delete. They run as the caller, who owns the trigger. A job that
-- declares parameters gets those that are columns, or op, "table", "by", new, old; all
-- others, processes as input and events as data, an object of these five.
-- Errors: 42501 it is not the caller's table; 42710 the name is taken; 42809 no such
-- triggers on this; 22023, WF002, WF006, WF010, those of the expressions. Locks the table
-- against writers until the end of the transaction.
CREATE FUNCTION workflow.create_table_trigger(
    name text, on_table regclass, events text, job text DEFAULT NULL, definition text DEFAULT NULL, event text DEFAULT NULL,
    key text DEFAULT NULL, "when" text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_table_trigger';

-- drop_table_trigger(name): what was made of its rows stays. For its owner and
-- workflow_admin. Errors: WF010, WF002, 22004. Locks the table, until the end of the
-- transaction.
CREATE FUNCTION workflow.drop_table_trigger(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_table_trigger';

CREATE VIEW workflow.table_triggers WITH (security_barrier) AS
    SELECT t.name, o.name AS owner, COALESCE(c.oid::regclass::text, t.on_table) AS on_table, t.events, t.job, t.definition, t.event,
           t.key, t.condition AS "when",
           CASE WHEN c.oid IS NULL THEN 'no table'
                WHEN NOT COALESCE(pg_has_role(o.role, c.relowner, 'USAGE'), false) THEN 'not owner'
                WHEN r.carriers < cardinality(t.events) THEN 'no trigger'
                WHEN NOT r.enabled THEN 'disabled'
                ELSE 'ready' END AS state,
           t.created_at
    FROM workflow.table_trigger t
    JOIN workflow.owner o ON o.id = t.owner
    LEFT JOIN pg_class c ON c.oid = t.relation
    -- its triggers of the server
    CROSS JOIN LATERAL (
        SELECT count(*) AS carriers, bool_and(g.tgenabled <> 'D') AS enabled FROM pg_trigger g
        WHERE g.tgrelid = t.relation AND g.tgfoid = 'workflow.table_trigger()'::regprocedure
          AND g.tgargs = convert_to(t.name, getdatabaseencoding()) || '\x00'::bytea) r
    WHERE pg_has_role(o.role, 'USAGE') OR pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE');

-- The processes of a definition have rows in a table of the user's, which carry their
-- states; a trigger of the server keeps others from writing them.
CREATE TABLE workflow.binding (
    definition   text COLLATE "C" PRIMARY KEY,
    relation     oid NOT NULL,          -- the table; adopt() finds it anew, 0: it did not
    on_table     text NOT NULL,         -- its name, when it was bound
    key_column   text NOT NULL,         -- its value is the key of the process
    state_column text NOT NULL,
    created_at   timestamptz NOT NULL
);

-- bound_row(): what the trigger calls, for rows whose state was changed. For bind(), and
-- for the owners of tables when they restore a dump.
CREATE FUNCTION workflow.bound_row() RETURNS trigger
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_bound_row';

-- bind(...): from now on each step of a process with a key writes its states into a row of
-- a table, last of all, in its transaction and as the owner of the definition; nobody else
-- changes them there. A process whose row there is not goes on without.
--   definition    for its owner
--   on_table      for its owner; the owner of the definition may update it
--   key_column    unique, all by itself; its value is the process's key
--   state_column  gets the states, as in processes.states, with commas between them; null:
--                 none
-- Errors: WF006, WF002, 42501 it is not the caller's table, 42703, 42710 it is bound, 42P10
-- the column is not unique, 42809, 22023, 22004. Locks the name of the definition, and the
-- table against writers, until the end of the transaction.
CREATE FUNCTION workflow.bind(definition text, on_table regclass, key_column text, state_column text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_bind';

-- unbind(definition): what the rows carry stays. Errors: WF006, WF002, 42704 it is not
-- bound, 22004. Locks the table, until the end of the transaction.
CREATE FUNCTION workflow.unbind(definition text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_unbind';

CREATE VIEW workflow.bindings WITH (security_barrier) AS
    SELECT b.definition, COALESCE(c.oid::regclass::text, b.on_table) AS on_table, b.key_column, b.state_column,
           CASE WHEN c.oid IS NULL THEN 'no table'
                WHEN g.guards = 0 THEN 'no trigger'
                WHEN NOT g.enabled THEN 'disabled'
                ELSE 'ready' END AS state,
           b.created_at
    FROM workflow.binding b
    LEFT JOIN pg_class c ON c.oid = b.relation
    CROSS JOIN LATERAL (
        SELECT count(*) AS guards, bool_and(t.tgenabled <> 'D') AS enabled FROM pg_trigger t
        WHERE t.tgrelid = b.relation AND t.tgfoid = 'workflow.bound_row()'::regprocedure
          AND t.tgargs = convert_to(b.definition, getdatabaseencoding()) || '\x00'::bytea) g
    WHERE EXISTS (SELECT FROM workflow.definition d WHERE d.name = b.definition AND workflow.may(d.id, 'read'));

GRANT EXECUTE ON FUNCTION workflow.table_trigger, workflow.create_table_trigger, workflow.drop_table_trigger,
    workflow.bound_row, workflow.bind, workflow.unbind
    TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.table_triggers, workflow.bindings TO workflow_user, workflow_monitor, workflow_admin;
