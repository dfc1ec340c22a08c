\echo Use "ALTER EXTENSION workflow UPDATE" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the SQL of a version says is done by a library of that version.
DO $library$
BEGIN
    IF pg_catalog.string_to_array(workflow.library_version(), '.')::int[] OPERATOR(pg_catalog.<)
       pg_catalog.string_to_array('0.3.0', '.')::int[] THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('the library of workflow is of version %s', workflow.library_version()),
            DETAIL = 'This script needs that of 0.3.0.',
            HINT = 'Install it, restart the server, and update the extension then.';
    END IF;
END
$library$;

-- Default privileges of whoever runs this are for what they make themselves. They do not
-- count here, so that tables have no grants, and functions those that stand below; the end
-- grants them again.
DO $defaults$
DECLARE
    given record;
BEGIN
    PERFORM set_config('workflow_install.defaults', COALESCE(jsonb_agg(d), '[]')::text, true)
    FROM (SELECT k.kind, a.grantee, string_agg(a.privilege_type, ', ') AS privileges, a.is_grantable
          FROM pg_default_acl d
          JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'FUNCTIONS'), ('T', 'TYPES'), ('n', 'SCHEMAS')) k(type, kind)
              ON k.type = d.defaclobjtype
          LEFT JOIN aclexplode(d.defaclacl) a ON a.grantee <> d.defaclrole
          WHERE d.defaclnamespace = 0 AND d.defaclrole = (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
          GROUP BY k.kind, a.grantee, a.is_grantable) d;
    FOR given IN
        SELECT DISTINCT d.kind, CASE d.grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(d.grantee)) END AS grantee
        FROM jsonb_to_recordset(current_setting('workflow_install.defaults')::jsonb) d(kind text, grantee oid)
        WHERE d.grantee IS NOT NULL
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES REVOKE ALL ON %s FROM %s', given.kind, given.grantee);
    END LOOP;
    -- what the server gives by itself
    ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;
END
$defaults$;

-- ---- what changes its arguments or its result, and is dropped and made anew for that
--
-- Functions and procedures, one a line, as they were. What is granted on them comes back in
-- $rights$ at the end, on the one of the same name whose first argument has the same
-- type. Our views and functions that are made of them are dropped with them, and made anew
-- below. What others have made of them is named here, all at once, before anything is changed.
DO $changed$
DECLARE
    listed CONSTANT text := '
        workflow.send(uuid, text, jsonb, text, text, boolean)
        workflow.send_by_key(text, text, text, jsonb, text, text, boolean)
        workflow.send_many(uuid[], text[], jsonb[], text[], text, boolean)
        workflow.post(uuid, text, jsonb, timestamptz, text, text)
        workflow.post_by_key(text, text, text, jsonb, timestamptz, text, text)
        workflow.available_events(uuid, text)
        workflow.start(text, jsonb, text, int, timestamptz, text)
        workflow.start_many(text, jsonb[], text[], int, timestamptz, text)
        workflow.get(uuid)
        workflow.suspend(uuid)
        workflow.resume(uuid)
        workflow.cancel(uuid, text)
        workflow.set_timer(uuid, text, timestamptz)
        workflow.reset_timer(uuid, text)
        workflow.set_states(uuid, text[], boolean, text)
        workflow.migrate(uuid, int, jsonb, boolean, text)
        workflow.migrate_many(text, int, jsonb, int[], text[], jsonb, boolean, int, text)
        workflow.expire(interval)
        workflow.search(text, text[], jsonb, text[], workflow.status[], int, uuid)
    ';
    others text;
    kept   jsonb;
BEGIN
    WITH RECURSIVE
    -- what hangs on them, directly or not; that of a view's rule hangs on the view
    hangs (classid, objid, deptype, depth) AS (
        SELECT 'pg_proc'::regclass::oid, btrim(l.line)::regprocedure::oid, NULL::"char", 0
        FROM string_to_table(listed, E'\n') l(line) WHERE btrim(l.line) <> ''
        UNION
        SELECT o.classid, o.objid, CASE WHEN r.oid IS NULL THEN d.deptype ELSE 'n' END, h.depth + 1
        FROM hangs h
        JOIN pg_depend d ON d.refclassid = h.classid AND d.refobjid = h.objid AND d.deptype IN ('n', 'a', 'i')
        LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_type = '1'
        CROSS JOIN LATERAL (SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, COALESCE(r.ev_class, d.objid)) o(classid, objid)
        WHERE (o.classid, o.objid) <> (h.classid, h.objid) AND h.depth < 100),
    thing AS (
        SELECT h.classid, h.objid, max(h.depth) AS depth,
               EXISTS (SELECT FROM pg_depend e JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'workflow'
                       WHERE e.classid = h.classid AND e.objid = h.objid AND e.deptype = 'e' AND e.refclassid = 'pg_extension'::regclass) AS ours
        FROM hangs h
        WHERE h.deptype IS DISTINCT FROM 'i'
          AND NOT EXISTS (SELECT FROM pg_class c WHERE h.classid = 'pg_class'::regclass AND c.oid = h.objid AND c.relkind IN ('i', 'I', 't', 'S'))
        GROUP BY h.classid, h.objid),
    -- rights on them, and on columns of views
    rights (classid, objid, name, first, col, owner, acl, init) AS (
        SELECT t.classid, t.objid, p.proname, p.proargtypes[0], NULL::name, p.proowner,
               COALESCE(p.proacl, acldefault('f', p.proowner)), COALESCE(i.initprivs, acldefault('f', p.proowner))
        FROM thing t JOIN pg_proc p ON t.classid = 'pg_proc'::regclass AND p.oid = t.objid
        LEFT JOIN pg_init_privs i ON i.classoid = t.classid AND i.objoid = t.objid AND i.objsubid = 0
        WHERE t.ours
        UNION ALL
        SELECT t.classid, t.objid, c.relname, NULL, NULL, c.relowner,
               COALESCE(c.relacl, acldefault('r', c.relowner)), COALESCE(i.initprivs, acldefault('r', c.relowner))
        FROM thing t JOIN pg_class c ON t.classid = 'pg_class'::regclass AND c.oid = t.objid
        LEFT JOIN pg_init_privs i ON i.classoid = t.classid AND i.objoid = t.objid AND i.objsubid = 0
        WHERE t.ours
        UNION ALL
        SELECT t.classid, t.objid, c.relname, NULL, a.attname, c.relowner, a.attacl, '{}'
        FROM thing t JOIN pg_class c ON t.classid = 'pg_class'::regclass AND c.oid = t.objid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
        WHERE t.ours)
    SELECT (SELECT string_agg(pg_describe_object(t.classid, t.objid, 0), E'\n' ORDER BY t.depth DESC, pg_describe_object(t.classid, t.objid, 0))
            FROM thing t WHERE NOT t.ours),
           jsonb_build_object(
               'drop', (SELECT jsonb_agg(CASE t.classid WHEN 'pg_proc'::regclass THEN 'ROUTINE ' || t.objid::regprocedure
                                                        ELSE 'VIEW ' || t.objid::regclass END ORDER BY t.depth DESC)
                        FROM thing t WHERE t.ours),
               'views', (SELECT jsonb_agg(t.objid::regclass::text ORDER BY t.depth DESC)
                         FROM thing t WHERE t.ours AND t.classid = 'pg_class'::regclass),
               'rights', (SELECT jsonb_agg(jsonb_build_object('name', r.name, 'class', r.classid::regclass, 'first', r.first, 'column', r.col,
                                                              'acl', r.acl::text[], 'init', r.init::text[]))
                          FROM rights r))
    INTO others, kept;
    IF others IS NOT NULL THEN
        RAISE dependent_objects_still_exist USING
            MESSAGE = 'objects that others have made hang on functions of workflow that this update makes anew',
            DETAIL = others,
            HINT = 'Keep what makes them (pg_get_viewdef(), pg_get_functiondef()), drop them, in this order, update the extension, and make them again.';
    END IF;
    PERFORM set_config('workflow_update.kept', kept::text, true);
END
$changed$;

-- Lock whatever is changed below: all of it or nothing, before anything is
-- changed. A client may have used any of our tables already, and want another
-- one when it has met us. So with something in hand nobody is waited for longer
-- than a twentieth of a deadlock_timeout; then all is let go, and others get on,
-- before the next try. The first wait, with empty hands, may be longer; whoever
-- comes meanwhile queues behind it, with what they have. If it is what their
-- transactions begin with, that is nothing, and after a moment all of them are in
-- the queue and all the rest is free. With which view they begin is not known, and
-- each try begins with another one. Views come before tables: who queues for a view
-- has not begun its statement, and calls no function that is gone afterwards.
-- Autovacuum, which whoever waits for long sends away, is sent away here.
-- Behind another script, in the same transaction, hands are not empty, and what is
-- held cannot be let go: then this gives up instead.
DO $lock$
DECLARE
    wanted   CONSTANT pg_catalog.regclass[] := '{workflow.errors, workflow.erasures, workflow.timers, workflow.processes, workflow.process_history, workflow.deferred_events, workflow.inconsistencies, workflow.activity}'::pg_catalog.regclass[]
        OPERATOR(pg_catalog.||) ARRAY(SELECT pg_catalog.jsonb_array_elements_text(NULLIF(pg_catalog.current_setting('workflow_update.kept')::jsonb OPERATOR(pg_catalog.->) 'views', 'null')))::pg_catalog.regclass[]
        OPERATOR(pg_catalog.||) '{workflow.process, workflow.definition, workflow.attribute, workflow.failure, workflow.owner, workflow.erasure, workflow.ring, workflow.permission, workflow.key, workflow.timer, workflow.history}'::pg_catalog.regclass[];
    short    CONSTANT int := (SELECT s.setting::int OPERATOR(pg_catalog./) 20 OPERATOR(pg_catalog.+) 1
                              FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout');
    before   CONSTANT text := pg_catalog.current_setting('lock_timeout');
    behind   CONSTANT boolean := EXISTS (
        SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
        WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
          AND c.relnamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace);
    long     int := CASE WHEN behind THEN short ELSE 100 END;
    views    CONSTANT int := (SELECT count(*) FROM pg_catalog.unnest(wanted) w(relation) JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) w.relation
                              WHERE c.relkind OPERATOR(pg_catalog.=) 'v');
    first    int := 0;
    alone    boolean;
    relation pg_catalog.regclass;
BEGIN
    LOOP
        BEGIN
            PERFORM pg_catalog.set_config('lock_timeout', long::text, true);
            alone := true;
            FOREACH relation IN ARRAY wanted[first OPERATOR(pg_catalog.+) 1:views] OPERATOR(pg_catalog.||) wanted[:first] OPERATOR(pg_catalog.||) wanted[views OPERATOR(pg_catalog.+) 1:] LOOP
                -- LOCK of a view would lock all that it reads, too
                EXECUTE pg_catalog.format(CASE (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation)
                                          WHEN 'v' THEN 'ALTER VIEW %s SET (security_barrier)' ELSE 'LOCK TABLE %s' END, relation);
                PERFORM pg_catalog.set_config('lock_timeout', short::text, true);
                IF alone AND NOT behind THEN
                    PERFORM pg_catalog.pg_sleep(short OPERATOR(pg_catalog./) 1000.0::float8);
                END IF;
                alone := false;
            END LOOP;
            PERFORM pg_catalog.set_config('lock_timeout', before, true);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF behind THEN
                RAISE lock_not_available USING
                    MESSAGE = 'what is to be changed is in use',
                    DETAIL = 'Several versions in one update need a moment of rest.',
                    HINT = 'Update to one version after the other: ALTER EXTENSION workflow UPDATE TO ''0.2.0'', and on from there.';
            END IF;
            -- rolled back: locks, and the setting
        END;
        PERFORM pg_catalog.pg_stat_clear_snapshot();
        PERFORM pg_catalog.pg_cancel_backend(a.pid)
        FROM pg_catalog.pg_stat_activity a
        WHERE a.backend_type OPERATOR(pg_catalog.=) 'autovacuum worker'
          AND a.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
          AND a.query OPERATOR(pg_catalog.!~~) '%(to prevent wraparound)'
          AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid OPERATOR(pg_catalog.=) a.pid
                      AND l.database OPERATOR(pg_catalog.=) a.datid AND l.relation OPERATOR(pg_catalog.=) ANY (wanted));
        PERFORM pg_catalog.pg_sleep(long OPERATOR(pg_catalog./) 1000.0::float8);
        long := LEAST(long OPERATOR(pg_catalog.*) 2, 3000);
        first := (first OPERATOR(pg_catalog.+) 1) OPERATOR(pg_catalog.%) GREATEST(views, 1);
    END LOOP;
END
$lock$;

DO $drop$
DECLARE
    what text;
BEGIN
    FOR what IN SELECT d.what FROM jsonb_array_elements_text(NULLIF(current_setting('workflow_update.kept')::jsonb -> 'drop', 'null')) WITH ORDINALITY d(what, n) ORDER BY d.n LOOP
        EXECUTE 'DROP ' || what;
    END LOOP;
END
$drop$;

-- ---- tables: new columns have a default or may be null, for dumps of earlier versions

ALTER TABLE workflow.definition ADD COLUMN failures text[] COLLATE "C";
ALTER TABLE workflow.definition ADD COLUMN calls jsonb;
ALTER TABLE workflow.definition ADD COLUMN sensitive text[];

-- masked(owner, sensitive, document, truth, more): what the current role is shown of a
-- document that belongs to an owner (its id): all of it, if the role is that of the owner or
-- has its rights, or there are no pointers. Else what the JSON pointers in `sensitive` lead
-- to is '***', and so is what they lead to in truth and more, as far as it stands anywhere
-- else in the document. masked_text(): the same of a text. For the views below and in other
-- parts; null only for null.
CREATE FUNCTION workflow.masked(
    owner int, sensitive text[], document jsonb, truth jsonb DEFAULT NULL, more jsonb DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_masked';
CREATE FUNCTION workflow.masked_text(
    owner int, sensitive text[], message text, truth jsonb DEFAULT NULL, more jsonb DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_masked_text';

ALTER TABLE workflow.failure
    ADD COLUMN handled boolean NOT NULL DEFAULT false,
    ADD COLUMN handler text COLLATE "C",
    ADD COLUMN step int,
    ADD COLUMN told bigint;

-- What is over has no failures any more.
DELETE FROM workflow.failure f USING workflow.process p
    WHERE p.id OPERATOR(pg_catalog.=) f.process
      AND (p.status OPERATOR(pg_catalog.=) 'finalized'
           OR (p.status OPERATOR(pg_catalog.=) 'terminated' AND p.states OPERATOR(pg_catalog.=) '{}' AND p.step OPERATOR(pg_catalog.>) 0));

-- It has no key: a list may hold a value twice. Without a replica identity nobody
-- could delete from it while a publication has it (FOR ALL TABLES, say).
ALTER TABLE workflow.attribute REPLICA IDENTITY FULL;

-- when it handed something over: its timers have to follow
-- also on jobs, queues and limits
ALTER TABLE workflow.permission DROP CONSTRAINT permission_privilege_check;

ALTER TABLE workflow.owner ADD COLUMN handed timestamptz;

-- null: erased before 0.3.0
ALTER TABLE workflow.erasure ADD COLUMN definition text COLLATE "C";

-- What was done with a definition as a whole: that touches no process, and so
-- stands in the history of none.
CREATE TABLE workflow.definition_change (
    seq        bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    definition text COLLATE "C" NOT NULL,
    version    int,                 -- null: with all of them
    at         timestamptz NOT NULL,
    event      text COLLATE "C" NOT NULL,
    actor      text COLLATE "C" NOT NULL,   -- the role that did it
    data       jsonb,
    note       text COLLATE "C",
    gone       timestamptz,         -- when the definition was dropped
    login      text COLLATE "C"     -- the role that had logged in
);
CREATE INDEX definition_change_definition ON workflow.definition_change (definition, seq);

-- one command each: the function updates one catalog row again and again
SELECT pg_catalog.pg_extension_config_dump('workflow.definition_change', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.definition_change_seq_seq', '');

-- An event that came before the process with this key: it is given to the one that
-- is started with it, or deleted. Whoever has the key owns the rows.
CREATE TABLE workflow.early (
    definition text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    seq        bigint GENERATED BY DEFAULT AS IDENTITY,
    until      timestamptz NOT NULL,    -- kept so long
    due        timestamptz NOT NULL,
    event      text COLLATE "C" NOT NULL,
    name       text COLLATE "C",
    actor      text COLLATE "C",
    once       text COLLATE "C",
    data       jsonb,
    tenant     text COLLATE "C" NOT NULL DEFAULT '',    -- whose key it is
    traceparent text COLLATE "C",
    PRIMARY KEY (definition, key, seq)
);
CREATE INDEX early_until ON workflow.early (until);

SELECT pg_extension_config_dump('workflow.early', '');
SELECT pg_extension_config_dump('workflow.early_seq_seq', '');

-- An element of the list of an invoke with "map", while its state is active. Rows belong
-- to whoever holds the process row.
CREATE TABLE workflow.element (
    process uuid NOT NULL,
    invoke  text COLLATE "C" NOT NULL,  -- its id
    number  int NOT NULL,               -- from 0 on; -1: what all of them have
    state   smallint NOT NULL,          -- 0 not begun, 1 under way, 2 done, 3 failed
    child   uuid,                       -- the process or the run that is or was at it
    data    jsonb,                      -- the element; its output or error when it has ended
    PRIMARY KEY (process, invoke, number)
);
CREATE UNIQUE INDEX element_child ON workflow.element (child) WHERE child IS NOT NULL;

SELECT pg_extension_config_dump('workflow.element', '');

-- A state of a process waits for an event with this correlation. Rows belong to whoever
-- holds the process row.
CREATE TABLE workflow.awaited (
    process     uuid NOT NULL,
    state       text COLLATE "C" NOT NULL,
    event       text COLLATE "C" NOT NULL,
    correlation text COLLATE "C" NOT NULL,
    made        xid8 NOT NULL DEFAULT pg_current_xact_id(), -- by this transaction
    PRIMARY KEY (process, state, event, correlation)
);
CREATE INDEX awaited_correlation ON workflow.awaited (event, correlation);

-- An event that is kept for processes that begin to wait for it. Who was about to do so
-- when it was published could not see it: the runtime looks for those until all
-- transactions of then have ended.
CREATE TABLE workflow.published (
    id           bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    event        text COLLATE "C" NOT NULL,
    correlation  text COLLATE "C" NOT NULL,
    until        timestamptz NOT NULL,
    published_by text COLLATE "C" NOT NULL, -- the role
    actor        text COLLATE "C",
    data         jsonb,
    looked       pg_snapshot NOT NULL DEFAULT pg_current_snapshot(),    -- what was seen by then has it
    horizon      xid8,                      -- transactions before it are waited for
    settled      boolean NOT NULL DEFAULT false,
    tenant       text COLLATE "C",          -- whose processes get it; null: all
    traceparent  text COLLATE "C"
);
CREATE INDEX published_correlation ON workflow.published (event, correlation);
CREATE INDEX published_until ON workflow.published (until);
CREATE INDEX published_settled ON workflow.published (id) WHERE NOT settled;

SELECT pg_extension_config_dump('workflow.awaited', '');
SELECT pg_extension_config_dump('workflow.published', '');
SELECT pg_extension_config_dump('workflow.published_id_seq', '');

ALTER TABLE workflow.ring ADD COLUMN walk uuid, ADD COLUMN walk_to timestamptz, ADD COLUMN walked_to timestamptz;

CREATE INDEX process_key ON workflow.process (key) WHERE key IS NOT NULL;

-- null: nobody's
ALTER TABLE workflow.process ADD COLUMN tenant text COLLATE "C", ADD COLUMN traceparent text COLLATE "C";
ALTER TABLE workflow.timer ADD COLUMN traceparent text COLLATE "C";
ALTER TABLE workflow.history
    ADD COLUMN traceparent text COLLATE "C",
    ADD COLUMN began timestamptz,
    ADD COLUMN xid xid8;
CREATE INDEX history_xid ON workflow.history (xid) WHERE xid IS NOT NULL;
CREATE INDEX process_tenant ON workflow.process (tenant) WHERE tenant IS NOT NULL;
ALTER TABLE workflow.key
    ADD COLUMN tenant text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT key_pkey,
    ADD PRIMARY KEY (definition, key, tenant);

-- ---- functions

-- For whom a session works: which processes, runs and tasks there are for it.
--
-- The setting workflow.tenant names the tenant. What a session makes is that tenant's, and
-- what its processes and runs make. With the setting, what belongs to others, or to
-- nobody, does not exist for the session; without it everything does. A role that is
-- confined (confine()) has no such choice: it is kept in workflow.permission, as privilege
-- "tenant" on "tenant:NAME".

-- tenant(): for whom the session works; null: for nobody in particular. In the code of a
-- process or a run: whose that is. For policies of the users' own tables. Error WF002 for
-- a role that is confined, and has not said for which of its tenants it works, or has named
-- another one.
CREATE FUNCTION workflow.tenant() RETURNS text
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'workflow_tenant';

-- sees_tenant(tenant): does what belongs to this tenant (null: to nobody) exist for the
-- session? The views below and in other parts ask it of every row. Errors as of tenant().
CREATE FUNCTION workflow.sees_tenant(tenant text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_sees_tenant';

-- confine(role, tenants, note): the role, and its members, work for these tenants only. With
-- one, it works for that, whatever it has set; with several, or "*", which is any, it has
-- to name one in workflow.tenant, or gets error WF002. Null: it is not confined any more.
-- A role that is a member of several that are confined may work for the tenants of all of
-- them. Superusers and members of workflow_admin, whom nothing confines, are refused. For
-- superusers and workflow_admin. Errors: 42704 no such role, 22023, 22004, WF002.
CREATE FUNCTION workflow.confine(role name, tenants text[], note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_confine';

-- The roles that are confined; those that are the current role's.
CREATE VIEW workflow.confined_roles WITH (security_barrier) AS
    SELECT COALESCE(r.rolname, p.name) AS role,
           pg_catalog.array_agg(pg_catalog.substr(p.definition, 8) ORDER BY p.definition) AS tenants
    FROM workflow.permission p
    LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) p.role
    WHERE p.privilege OPERATOR(pg_catalog.=) 'tenant'
      AND (pg_catalog.pg_has_role('workflow_admin', 'USAGE') OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE')
           OR pg_catalog.pg_has_role(r.oid, 'USAGE'))
    GROUP BY p.role, r.rolname, p.name;

-- define(definition): of a text, too.
CREATE FUNCTION workflow.define(definition text) RETURNS int
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_define_text';

-- change_owner(definition, role, note): give a definition, with all versions and
-- processes, to another role; or a job ('job:NAME') with its runs, a queue ('queue:NAME') or
-- a limit ('limit:NAME'), a schedule ('schedule:NAME'), an alert ('alert:NAME'), a file
-- trigger ('file_trigger:NAME') or a file ('file:PATH'). Steps that have begun end as they
-- began, all later ones run as the new owner. Timers follow a piece at a time; none is fired by
-- both. Grants stay. Returns false when it is that role's already. For the owner
-- and workflow_admin, if they can SET ROLE to the new owner, who has LOGIN, is no
-- superuser and a member of workflow_user. REASSIGN OWNED does the same for all
-- that a role owns here. Errors: WF006, WF002, 42704. Locks the name against
-- define(), and processes whose timers follow at once, skipping locked ones.
CREATE FUNCTION workflow.change_owner(definition text, role name, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_change_owner';

-- drop_definition(name, version, note): remove a version of a definition that no
-- process has any more, not even one that is over; null: all versions, and with
-- them pause and grants. A number that was a version's is not given again while
-- any version is there. An owner who owns nothing any more can be dropped. Returns
-- how many versions. For the owner and workflow_admin. Errors: WF006, WF002, 2BP01
-- when there are processes. Locks the name, and waits for transactions that start
-- processes of it.
CREATE FUNCTION workflow.drop_definition(name text, version int DEFAULT NULL, note text DEFAULT NULL) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_definition';

-- is_over(status, states, step): has a process that stands so come to its end? One
-- that is terminated only if it was cancelled, which left all of its states: one
-- whose start failed (step 0) has none either, and goes on after resume().
-- A single expression, which becomes part of the query that asks. The library has
-- the same in src/store/process_row: wf_process_row_is_over(), and WF_PROCESS_ROW_IS_OVER for SQL.
CREATE FUNCTION workflow.is_over(status workflow.status, states text[], step int) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status = 'finalized' OR (status = 'terminated' AND states = '{}' AND step > 0);

-- sees(definition id, starter): may the current role look at a process of this
-- definition that this role has started? Whoever may read the definition, and
-- whoever has started the process. For the views below and in other parts, which
-- ask it of every row; errors as of may().
CREATE FUNCTION workflow.sees(definition int, starter oid) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_sees';

-- workers(): the workers that serve this database, housekeeping, and owners whose
-- work waits for an executor, from shared memory.
--   kind         launcher, runtime, housekeeping, executor, owner
--   state        what it is at, since then; an owner waits
--   steps, batches   of an executor, since it began
--   wait_reason  why it does not get on
--   process, definition, event, event_since   what a busy executor is at; the first three
--                for those who may read the definition
--   sqlstate, message, failed_at   the last error of a runtime, or of housekeeping
--   looks        how often an executor has looked for work, in vain or not
--   run, job     what an executor of runs is at, since event_since; for those who may read
--                the job
-- No errors. The view activity shows names, and events only to those who may know.
CREATE FUNCTION workflow.workers(
    OUT kind text, OUT pid int, OUT owner int, OUT state text,
    OUT since timestamptz, OUT steps bigint, OUT batches bigint, OUT wait_reason text,
    OUT process uuid, OUT definition int, OUT event text, OUT event_since timestamptz,
    OUT sqlstate text, OUT message text, OUT failed_at timestamptz, OUT looks bigint,
    OUT run uuid, OUT job int)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_runtime_activity';

-- suspend(process): commands are refused and timers wait until resume().
-- Returns false when it was suspended already. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.suspend(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_suspend';

-- resume(process): undo suspend(); deliver the events that were given up after
-- failures once more. Returns false when there was nothing to resume. Errors:
-- WF001, WF002, WF004. Locks the process row.
CREATE FUNCTION workflow.resume(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume';

-- cancel(process): leave all states (exit actions run), drop all timers; the
-- process is over, status terminated. Errors: WF001, WF002, WF004.
CREATE FUNCTION workflow.cancel(process uuid, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel';

-- set_states(...): an operator puts a process into given states, whatever its
-- transitions are.
--   process     its id
--   states      names of states; what they leave open is entered by default.
--               What is active before and after stays as it is
--   execute     true: exit and entry actions run, and the step goes on as after
--               a transition; false: no action runs and nothing follows
--   actor       on whose behalf; default: current_user
--   patch       of the context, before that, as in set_context()
--   note        why; for the history
-- Timers and invokes of what is left end, those of what is entered begin,
-- history is remembered, in both cases. A process that failed goes on, what
-- was given up is delivered again; one that is suspended stays suspended.
-- Returns a verdict like send(). For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF003 (not started yet), WF004; 22023
-- for names that there are not, history states, and states that exclude each
-- other; those of its actions. Locks the process row.
CREATE FUNCTION workflow.set_states(
    process uuid, states text[], execute boolean DEFAULT true, actor text DEFAULT NULL,
    patch jsonb DEFAULT NULL, note text DEFAULT NULL)
    RETURNS workflow.verdict LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_states';

-- set_timer(process, name, due): move the running timer `name` (a key under
-- `after` of an active state) to another due time; one that was never set is
-- set. The history tells it. Errors: WF001, WF002, WF004, WF008. Locks the process
-- row.
CREATE FUNCTION workflow.set_timer(
    process uuid, name text, due timestamptz, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_timer';

-- reset_timer(process, name): start the timer anew, as on entry of its state.
-- Returns the new due time (null: never). Errors and locks as set_timer.
CREATE FUNCTION workflow.reset_timer(
    process uuid, name text, actor text DEFAULT NULL, note text DEFAULT NULL) RETURNS timestamptz
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_reset_timer';

-- migrate(...): a running process goes on with another version of its
-- definition, where it is. No action runs.
--   process     its id
--   version     default: the newest
--   mapping     {"old.state": "new.state" or ["new.one", ...]}; others go by
--               equal names
--   dry_run     tell what would be; locks and writes nothing
--   actor       on whose behalf; default: current_user
--   patch       of the context, before that, as in set_context()
--   note        why; for the history
-- Timers of states that persist keep their due times. A process of that
-- version already is left alone. For the definition's owner and
-- workflow_admin. Errors: WF001, WF002, WF004, WF006; 22023 for a state that
-- has no place in the new version (dry_run: a row that says so), and for a
-- mapping that fits neither version; those of expressions that delay new
-- timers. Locks the process row.
CREATE FUNCTION workflow.migrate(
    process uuid, version int DEFAULT NULL, mapping jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false, actor text DEFAULT NULL, patch jsonb DEFAULT NULL, note text DEFAULT NULL)
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
    dry_run boolean DEFAULT false, "limit" int DEFAULT NULL, actor text DEFAULT NULL,
    patch jsonb DEFAULT NULL, note text DEFAULT NULL)
    RETURNS SETOF workflow.migration LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_migrate_many';

-- set_context(...): an operator repairs the context of a process.
--   process     its id
--   patch       a JSON merge patch (RFC 7396): {"name": value} sets a member,
--               {"name": null} removes it, an object is a patch of what is there
--   actor       on whose behalf; default: current_user
--   note        why; for the history
-- No action runs and no transition is taken; what search() finds is renewed. A
-- process that failed or is suspended stays so. Returns a verdict like send().
-- For the definition's owner and workflow_admin. Errors: WF001, WF002, WF003
-- (not started yet), WF004; 22023 for a patch that is no object, 54000 for a
-- context that gets too large. Locks the process row.
CREATE FUNCTION workflow.set_context(
    process uuid, patch jsonb, actor text DEFAULT NULL, note text DEFAULT NULL)
    RETURNS workflow.verdict LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_context';

CREATE FUNCTION workflow.send(
    process uuid, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    if_step int DEFAULT NULL, if_states text[] DEFAULT NULL, traceparent text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send';

CREATE FUNCTION workflow.send_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, id text DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    if_step int DEFAULT NULL, if_states text[] DEFAULT NULL, start jsonb DEFAULT NULL,
    traceparent text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_by_key';

CREATE FUNCTION workflow.start(
    definition text, input jsonb DEFAULT NULL, key text DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start';

CREATE FUNCTION workflow.start_or_get(
    definition text, input jsonb DEFAULT NULL, key text DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL,
    OUT process uuid, OUT created boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start_or_get';

CREATE FUNCTION workflow.start_many(
    definition text, inputs jsonb[], keys text[] DEFAULT NULL,
    version int DEFAULT NULL, at timestamptz DEFAULT NULL, actor text DEFAULT NULL,
    on_key text DEFAULT 'existing', tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS SETOF uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_start_many';

CREATE FUNCTION workflow.get(
    process uuid,
    OUT id uuid, OUT definition text, OUT version int, OUT key text, OUT status workflow.status,
    OUT suspended boolean, OUT states text[], OUT context jsonb, OUT step int,
    OUT started_at timestamptz, OUT updated_at timestamptz, OUT output jsonb,
    OUT parent uuid, OUT invoke text, OUT children jsonb, OUT outcome text)
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_get';

CREATE FUNCTION workflow.slot(id uuid) RETURNS int
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_slot';
CREATE FUNCTION workflow.slot_of_key(key text) RETURNS int
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_slot_of_key';

CREATE FUNCTION workflow.send_many(
    processes uuid[], events text[], data jsonb[] DEFAULT NULL, ids text[] DEFAULT NULL,
    actor text DEFAULT NULL, nowait boolean DEFAULT false,
    refusals text DEFAULT 'fail', if_steps int[] DEFAULT NULL, if_states text[] DEFAULT NULL,
    traceparent text DEFAULT NULL,
    OUT process uuid, OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean, OUT sqlstate text, OUT message text)
    RETURNS SETOF record LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_send_many';

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

CREATE FUNCTION workflow.post(
    process uuid, event text, data jsonb DEFAULT NULL, at timestamptz DEFAULT NULL,
    id text DEFAULT NULL, actor text DEFAULT NULL, once text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_post';

CREATE FUNCTION workflow.post_by_key(
    definition text, key text, event text, data jsonb DEFAULT NULL, at timestamptz DEFAULT NULL,
    id text DEFAULT NULL, actor text DEFAULT NULL, once text DEFAULT NULL, early interval DEFAULT NULL,
    traceparent text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_post_by_key';

CREATE FUNCTION workflow.expire(
    retention interval DEFAULT NULL, OUT expired bigint, OUT carried bigint, OUT moved boolean, OUT done boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_expire';

CREATE PROCEDURE workflow.expire_all(retention interval DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_expire_all';

CREATE FUNCTION workflow.search(
    definition text, tags text[] DEFAULT NULL, attributes jsonb DEFAULT NULL, states text[] DEFAULT NULL,
    status workflow.status[] DEFAULT NULL, "limit" int DEFAULT 100, after uuid DEFAULT NULL,
    order_by text DEFAULT NULL, after_value jsonb DEFAULT NULL)
    RETURNS SETOF workflow.processes LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'workflow_search';

-- publish(...): an event for all processes with an active state that waits for it with
-- this correlation (`correlate` in the definition), that exist for the session (tenant()),
-- and to whose definitions the caller may send. Executors deliver it after this transaction, as that of post().
--   event, correlation  not empty
--   data        payload
--   keep        also for processes that begin to wait for it so soon; each gets it once
--   actor       on whose behalf; default: current_user
--   traceparent  the trace context of the caller, see spans(); default: workflow.traceparent
-- Returns how many processes wait for it now. Errors: 22023, WF002 the caller may not act
-- for the actor. Locks nothing.
CREATE FUNCTION workflow.publish(
    event text, correlation text, data jsonb DEFAULT NULL, keep interval DEFAULT NULL, actor text DEFAULT NULL,
    traceparent text DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_publish';

-- ---- what people may or have to do

-- A task: open until the state is left or a vote has ended it. Rows belong to whoever
-- holds the process row.
CREATE TABLE workflow.task (
    id         uuid PRIMARY KEY,
    process    uuid NOT NULL,
    definition text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL,
    made_at    timestamptz NOT NULL,
    title      text,
    priority   smallint NOT NULL,
    due        timestamptz,
    need       int NOT NULL,            -- so many votes; 0: one of each name
    names      text[] NOT NULL,         -- people and groups whom it is for
    events     text[] NOT NULL,         -- that they may vote for
    claimed_by text COLLATE "C",
    data       jsonb,
    closed_at  timestamptz,             -- null: open
    closed_by  text COLLATE "C",        -- the actor whose event did it ...
    event      text COLLATE "C",        -- ... and that event
    tenant     text COLLATE "C"         -- that of the process
);
CREATE INDEX task_process ON workflow.task (process);
CREATE INDEX task_open ON workflow.task (id) WHERE closed_at IS NULL;

-- An open task in the inbox of somebody: of whoever has claimed it, or of each name that it
-- is for and that has not voted.
CREATE TABLE workflow.task_seat (
    task       uuid NOT NULL,
    name       text COLLATE "C" NOT NULL,
    process    uuid NOT NULL,
    definition text COLLATE "C" NOT NULL,
    rank       smallint NOT NULL,       -- the other way round than priority
    due        timestamptz NOT NULL,    -- or infinity
    several    boolean NOT NULL,        -- it needs more votes than one
    tenant     text COLLATE "C",
    PRIMARY KEY (task, name)
);
CREATE INDEX task_seat_inbox ON workflow.task_seat (name, rank, due, task);
CREATE INDEX task_seat_process ON workflow.task_seat (process);

-- What was done with a task: vote, claim, release, assign, delegate, comment.
CREATE TABLE workflow.task_act (
    id      bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    task    uuid NOT NULL,
    process uuid NOT NULL,
    at      timestamptz NOT NULL,
    act     text COLLATE "C" NOT NULL,
    actor   text COLLATE "C" NOT NULL,
    name    text COLLATE "C",           -- by which the actor has voted or delegated
    other   text COLLATE "C",           -- to whom it was given
    event   text COLLATE "C",           -- of a vote
    note    text,
    data    jsonb                       -- of a vote
);
CREATE INDEX task_act_task ON workflow.task_act (task, id);
CREATE INDEX task_act_process ON workflow.task_act (process);
CREATE INDEX task_act_votes ON workflow.task_act (actor, process, at) WHERE act = 'vote';

SELECT pg_extension_config_dump('workflow.task', '');
SELECT pg_extension_config_dump('workflow.task_seat', '');
SELECT pg_extension_config_dump('workflow.task_act', '');
SELECT pg_extension_config_dump('workflow.task_act_id_seq', '');

-- inbox(actor, after, n, groups): what somebody may or has to do, the most urgent first:
-- by priority, due time and task.
--   actor       default: current_user
--   after       only tasks behind this one: the last of the page before
--   n           at most so many, up to 1000
--   groups      names by which tasks may be for the actor, besides the own one; default: the
--               roles of which the actor, a role, is a member
-- event is the first of events. Those of definitions to which the caller may not send, or on
-- which the caller may not act for the actor (with groups: for everybody), are left out.
-- Errors: 22023; WF010 `after` is no task.
CREATE FUNCTION workflow.inbox(
    actor text DEFAULT NULL, after uuid DEFAULT NULL, n int DEFAULT 50, groups text[] DEFAULT NULL,
    OUT task uuid, OUT process uuid, OUT definition text, OUT key text, OUT state text, OUT title text,
    OUT event text, OUT priority int, OUT due timestamptz, OUT claimed_by text, OUT data jsonb, OUT events text[])
    RETURNS SETOF record LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'workflow_inbox';

-- outbox(actor, after, n): the processes on whose tasks somebody has voted, the last ones that
-- were started first.
--   actor       default: current_user
--   after       only processes behind this one: the last of the page before
--   n           at most so many, up to 1000
-- count, first and last: how many votes, and when; event: that of the last one. Definitions as
-- of inbox(). Error 22023.
CREATE FUNCTION workflow.outbox(
    actor text DEFAULT NULL, after uuid DEFAULT NULL, n int DEFAULT 50,
    OUT process uuid, OUT definition text, OUT key text, OUT count bigint, OUT first timestamptz,
    OUT last timestamptz, OUT event text)
    RETURNS SETOF record LANGUAGE c STABLE ROWS 20 AS 'MODULE_PATHNAME', 'workflow_outbox';

-- candidates(process, event): who may cause the event now. Where an open task asks for it:
-- those in whose inbox that is, people and groups. Else the roles with LOGIN that may send to
-- the process, and whom `allow` of a transition permits that is not excluded by its guard.
-- Errors: WF001, WF002 the caller may not send to the process, 22023.
CREATE FUNCTION workflow.candidates(process uuid, event text) RETURNS SETOF text
    LANGUAGE c STABLE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_candidates';

-- claim_task(task, actor, groups): the actor takes a task; it is in no other inbox until it is
-- released. True: the actor has it now; false: somebody else has, or it is closed. Errors:
-- WF010 no such task; WF002 it is not for the actor; 55000 it needs several votes. Locks the
-- process row, as all that follow.
CREATE FUNCTION workflow.claim_task(task uuid, actor text DEFAULT NULL, groups text[] DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_claim_task';

-- release_task(task, actor): a task that was claimed or assigned is for all whom it is for.
-- False: nobody had it. Errors: WF010 no such task, or it is closed; WF002 somebody else has it;
-- who may act for everybody may release it, too.
CREATE FUNCTION workflow.release_task(task uuid, actor text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_release_task';

-- assign(task, to_actor, actor, note, instead_of): a task is given to somebody, whomever it is
-- for. One that needs several votes is for that person instead of one of the names that it is
-- for and that has not voted. The actor has the task, or it is for the actor, who
-- gives away its own part; or the caller may act for everybody. Errors: WF010 no such task, or
-- it is closed; WF002; 22023 instead_of is missing or is none of the names, or to_actor is one;
-- 55000 the name has voted.
CREATE FUNCTION workflow.assign(
    task uuid, to_actor text, actor text DEFAULT NULL, note text DEFAULT NULL, instead_of text DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_assign';

-- delegate(task, to_actor, note, actor, groups): the actor has somebody else do its part of a
-- task: as assign(), instead of the name by which the task is for the actor. Errors: WF010,
-- WF002, 22023; 55000 members of a group vote for themselves, or the actor has voted.
CREATE FUNCTION workflow.delegate(
    task uuid, to_actor text, note text DEFAULT NULL, actor text DEFAULT NULL, groups text[] DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_delegate';

-- comment(task, note, actor, groups): a note on a task, of somebody who has it, for whom it is,
-- or who may act for everybody. Errors: WF010 no such task, or it is closed; WF002; 22023 an
-- empty note.
CREATE FUNCTION workflow.comment(
    task uuid, note text, actor text DEFAULT NULL, groups text[] DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_comment';

-- complete_task(...): the actor's vote. When it decides, the process gets the event, as by
-- send(), in this transaction, with data, and with all votes for it as event->'votes'.
--   event       one of the task's
--   data        payload of the event, if this vote decides
--   note        kept with the vote; may be mandatory
--   actor       who votes; default: current_user
--   groups      see inbox()
-- Returns what send() does, and whether the vote was counted: one that would decide is not
-- when the process does not take its event. Errors: WF010 no such task, or it is closed; WF002
-- the task is not for the actor, is claimed by somebody else, or the actor has voted; 22023 not
-- an event of the task, or the note is missing; those of send(). Locks the process row.
CREATE FUNCTION workflow.complete_task(
    task uuid, event text, data jsonb DEFAULT NULL, note text DEFAULT NULL, actor text DEFAULT NULL,
    groups text[] DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT deferred boolean, OUT counted boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_complete_task';

-- Open tasks, of processes that the current role may read.
CREATE VIEW workflow.tasks WITH (security_barrier) AS
    SELECT t.id AS task, t.process, t.definition, p.key, t.state,
           workflow.masked_text(d.owner, d.sensitive, t.title, p.context) AS title, t.events, t.priority::int, t.due,
           t.claimed_by, workflow.masked(d.owner, d.sensitive, t.data, p.context) AS data, t.names, t.need, t.made_at,
           (SELECT pg_catalog.count(*)::int FROM workflow.task_act a
            WHERE a.task OPERATOR(pg_catalog.=) t.id AND a.act OPERATOR(pg_catalog.=) 'vote') AS votes, p.tenant
    FROM workflow.task t JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE t.closed_at IS NULL AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(p.tenant);

-- Who did what with tasks, and who is asked: one row for each act, and one without act for each name
-- that an open task waits for.
CREATE VIEW workflow.approvals WITH (security_barrier) AS
    SELECT t.process, t.definition, p.key, t.id AS task, t.state,
           workflow.masked_text(d.owner, d.sensitive, t.title, p.context) AS title, w.act, w.at, w.actor, w.name, w.other,
           w.event, workflow.masked_text(d.owner, d.sensitive, w.note, p.context, w.data) AS note,
           workflow.masked(d.owner, d.sensitive, w.data, p.context) AS data, t.closed_at, t.closed_by, t.event AS closed_event,
           p.tenant
    FROM (SELECT a.task, a.id, a.act, a.at, a.actor, a.name, a.other, a.event, a.note, a.data FROM workflow.task_act a
          UNION ALL
          SELECT s.task, NULL, NULL, NULL, NULL, s.name, NULL, NULL, NULL, NULL FROM workflow.task_seat s) w
    JOIN workflow.task t ON t.id OPERATOR(pg_catalog.=) w.task
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(p.tenant);

-- ---- how many rows the planner is to expect, who cannot look into the library
ALTER FUNCTION workflow.available_events ROWS 5;
ALTER FUNCTION workflow.send_many ROWS 100;
ALTER FUNCTION workflow.start_many ROWS 100;
ALTER FUNCTION workflow.migrate_many ROWS 100;
ALTER FUNCTION workflow.check ROWS 10;
ALTER FUNCTION workflow.lint(json) ROWS 10;
ALTER FUNCTION workflow.lint(text, int) ROWS 10;
ALTER FUNCTION workflow.simulate(text, jsonb, jsonb, int, timestamptz, int, text) ROWS 20;
ALTER FUNCTION workflow.simulate(json, jsonb, jsonb, timestamptz, int, text) ROWS 20;
ALTER FUNCTION workflow.runtime_activity ROWS 10;

-- ---- views

-- What was done with definitions, by whom and when. That of a definition that was
-- dropped is for administrators, until it expires like a process that has ended.
CREATE VIEW workflow.definition_history WITH (security_barrier) AS
    SELECT c.seq, c.definition, c.version, c.at, c.event, c.actor, c.data, c.note
    FROM workflow.definition_change c
    WHERE CASE WHEN c.gone IS NULL
               THEN workflow.may((SELECT d.id FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) c.definition
                                  ORDER BY d.version DESC LIMIT 1), 'read')
               ELSE pg_catalog.pg_has_role('workflow_admin', 'USAGE') OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE') END;

CREATE OR REPLACE VIEW workflow.processes WITH (security_barrier) AS
    SELECT p.id, d.name AS definition, d.version, p.key, p.status, p.suspended, p.states,
           workflow.masked(d.owner, d.sensitive, p.context) AS context,
           p.step, p.started_by, p.started_at, p.updated_at,
           workflow.masked(d.owner, d.sensitive, p.output, p.context) AS output, p.parent, p.invoke, p.children,
           CASE WHEN p.status OPERATOR(pg_catalog.=) 'finalized' THEN
               CASE WHEN p.states OPERATOR(pg_catalog.&&) d.failures THEN 'failure' ELSE 'success' END END AS outcome, p.tenant
    FROM workflow.process p JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

CREATE OR REPLACE VIEW workflow.timers WITH (security_barrier) AS
    SELECT t.process, d.name AS definition, p.key, t.seq, t.event, t.name, t.state, t.due, t.parked, t.attempts, t.actor,
           workflow.masked(d.owner, d.sensitive,
                           CASE WHEN t.child OPERATOR(pg_catalog.=) 'ffffffff-ffff-ffff-ffff-ffffffffffff' THEN t.data -> 'data' ELSE t.data END,
                           p.context) AS data,
           CASE WHEN t.child OPERATOR(pg_catalog.=) 'ffffffff-ffff-ffff-ffff-ffffffffffff' THEN t.data ->> 'once' END AS once,
           p.tenant
    FROM workflow.timer t
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant)
      -- what was posted to a process that has ended since will not be delivered
      AND NOT workflow.is_over(p.status, p.states, p.step);

-- What has come before its process.
CREATE VIEW workflow.early_events WITH (security_barrier) AS
    SELECT e.definition, e.key, e.seq, e.event, e.due, e.until, e.name, e.actor,
           workflow.masked(n.owner, n.sensitive, e.data) AS data, e.once,
           NULLIF(e.tenant, '') AS tenant
    FROM workflow.early e
    CROSS JOIN LATERAL (SELECT d.owner, d.sensitive FROM workflow.definition d
                        WHERE d.name OPERATOR(pg_catalog.=) e.definition ORDER BY d.version DESC LIMIT 1) n
    WHERE EXISTS (SELECT FROM workflow.definition d
                  WHERE d.name OPERATOR(pg_catalog.=) e.definition AND workflow.may(d.id, 'read'))
      AND workflow.sees_tenant(NULLIF(e.tenant, ''));

CREATE OR REPLACE VIEW workflow.process_history WITH (security_barrier) AS
    SELECT h.process, d.name AS definition, p.key, h.step, h.at, h.event, h.taken, h.from_states, h.to_states,
           h.due, h.actor,
           workflow.masked(d.owner, d.sensitive, CASE WHEN n.note IS NULL THEN h.data ELSE NULLIF(h.data - 'note', '{}') END,
                           p.context, h.data -> 'patch') AS data,
           h.reason, workflow.masked_text(d.owner, d.sensitive, n.note, p.context, h.data -> 'patch') AS note,
           p.tenant
    FROM workflow.history h
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) h.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    CROSS JOIN LATERAL (SELECT CASE WHEN starts_with(h.event, 'workflow.') AND jsonb_typeof(h.data) = 'object' THEN h.data ->> 'note' END) n(note)
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

CREATE OR REPLACE VIEW workflow.deferred_events WITH (security_barrier) AS
    SELECT e.process, d.name AS definition, p.key, e.seq, e.event, e.state, e.at, e.name, e.actor,
           workflow.masked(d.owner, d.sensitive, e.data, p.context) AS data, p.tenant
    FROM workflow.deferred e
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) e.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

-- Who has started a process, and may not read its definition, is told what
-- happened, and not where in the owner's functions, nor what is in the owner's
-- tables ("Failing row contains ...").
CREATE OR REPLACE VIEW workflow.erasures WITH (security_barrier) AS
    SELECT e.process, e.at, o.name AS owner
    FROM workflow.erasure e JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) e.owner
    WHERE (pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE')
           OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(NULL);

CREATE OR REPLACE VIEW workflow.errors WITH (security_barrier) AS
    SELECT f.process, d.name AS definition, p.key, p.status, p.states, f.event, f.attempts, f.given_up, f.at,
           f.sqlstate, workflow.masked_text(d.owner, d.sensitive, f.message, p.context, e.data) AS message,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.detail, p.context, e.data) END AS detail,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.hint, p.context, e.data) END AS hint,
           CASE WHEN workflow.may(d.id, 'read') THEN workflow.masked_text(d.owner, d.sensitive, f.context, p.context, e.data) END AS context,
           f.due, f.actor, workflow.masked(d.owner, d.sensitive, e.data, p.context) AS data,
           f.name, f.state, f.since, f.handled, p.tenant
    FROM workflow.failure f
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) f.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    CROSS JOIN LATERAL (SELECT CASE WHEN f.child OPERATOR(pg_catalog.=) 'ffffffff-ffff-ffff-ffff-ffffffffffff'
                                    THEN f.data -> 'data' ELSE f.data END) e(data)
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

-- ---- jobs, their runs, queues, workers

-- Jobs: named, versioned pieces of work.

-- A version of a job; never changed once written but for its owner and for being
-- dropped. Runs keep the version that they were made with.
CREATE TABLE workflow.job (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    version      int NOT NULL,
    root         int NOT NULL,          -- the id of the first version of this name
    owner        int NOT NULL,          -- workflow.owner.id: as whom it runs
    mode         smallint NOT NULL,     -- 0 atomic, 1 tracked, 2 outside: workers claim its runs
    queue        int NOT NULL,          -- queue.id; -root: its own
    command      text,                  -- null: outside
    call         jsonb,                 -- what the command was found to mean
    parameters   jsonb,                 -- canonical; null: any
    retry        jsonb,                 -- null: by the settings
    timeout      interval,
    priority     smallint NOT NULL,
    partition    text COLLATE "C",
    limits       jsonb,                 -- name -> units
    on_lost      text COLLATE "C" NOT NULL,
    cache        jsonb,
    result       text,                  -- a type, or none
    start_within interval,
    description  text,
    search_path  text NOT NULL,         -- for its code, as it was at create_job(), pg_temp last
    time_zone    text NOT NULL,         -- the same
    created_at   timestamptz NOT NULL,
    dropped_at   timestamptz,
    sensitive    text[],                -- JSON pointers to parameters that only the owner sees; null: none
    calls        jsonb,                 -- what its code was found to call, by its path; null: nothing is looked up
    UNIQUE (name, version)
);

-- The result of a version of a job, for those who call it with the same parameters: the
-- newest row counts. Not unique, so that nobody waits who keeps a result. Not dumped.
CREATE TABLE workflow.job_cache (
    job        int NOT NULL,            -- job.id
    id         uuid NOT NULL,           -- in the order in which they were made
    hash       bigint NOT NULL,         -- of params
    owner      int NOT NULL,            -- as which one it was done
    params     jsonb NOT NULL,
    refresh_at timestamptz,             -- who uses it from then on makes a run, if it is the first
    good_until timestamptz,             -- null: for ever
    result     jsonb,
    process    uuid,                    -- that has invoked the run
    tenant     text COLLATE "C" NOT NULL DEFAULT '',    -- for whom it was done; empty: for nobody
    PRIMARY KEY (job, id)
);
CREATE INDEX job_cache_hash ON workflow.job_cache (job, hash);
CREATE INDEX job_cache_good_until ON workflow.job_cache (good_until) WHERE good_until IS NOT NULL;
CREATE INDEX job_cache_process ON workflow.job_cache (process) WHERE process IS NOT NULL;

-- create_job(...): store a new version of a job.
--   name         not empty, no ':' in it
--   command      what is done: a function, or procedure, by its name: the first there is
--                of (runs jsonb[]), (params jsonb, run jsonb), (params jsonb), or one
--                that takes the parameters by name; or one SQL statement, with $name
--                where a parameter is bound. Names are looked up now, by the caller's
--                path. Null: workers outside the database claim the runs
--   parameters   object: name -> type, or {"type", "default", "required", "check",
--                "title", "description", "sensitive"}; or an array of such with "name". Types are
--                SQL's; a check is an SQL expression of value and params. Null: any
--   queue        default: the job's own, 'job:NAME'
--   mode         'atomic': claim, work and end are one transaction, many runs to a
--                commit; 'tracked': the claim is committed first, and a procedure may
--                commit: for what takes long
--   retry        as "retry" of "on_error" in a definition; its errors may name codes
--                that workers report. Null: by the settings
--   timeout      of one attempt; the lease of a worker ends with it
--   priority     -2 to 2, the most urgent; default 0
--   partition    of runs that name none; behind an '@', an SQL expression of params
--   limits       object: named limit -> units that a run takes of it
--   on_lost      when executor or worker are lost: 'retry', three times in a row at
--                most, or 'fail'
--   cache        object: results are kept, for call_job() of the same parameters by the
--                role as which the job runs, until the job changes. "max_age": interval,
--                for how long; "refresh_age": an older result is returned, too, and the
--                first who gets it makes a run, which renews it; "max_entries": 1 to
--                10,000, default 1,000, the oldest go; "fill": 'calls', default, what a
--                call had to do is kept, too, or 'runs', only what runs return. Runs are
--                always done, and renew it. Needs result, which is not 'none'
--   result       the type of the result; 'none': it is not kept. Null: as it comes
--   start_within a run that has not begun so long after it was due expires
-- The command runs as the caller, who owns the name from then on. Returns the version:
-- 1 for a new name; the newest one, unchanged, when all is the same. Errors: 22023 and
-- those of the command, WF002 when another role owns the name, or the caller may not
-- log in, is a superuser or may not use a limit, WF010 no such queue or limit. Locks the
-- name against other create_job() calls until the end of the transaction.
CREATE FUNCTION workflow.create_job(
    name text, command text DEFAULT NULL, parameters jsonb DEFAULT NULL, queue text DEFAULT NULL,
    mode text DEFAULT 'atomic', retry jsonb DEFAULT NULL, timeout interval DEFAULT NULL, priority int DEFAULT NULL,
    partition text DEFAULT NULL, limits jsonb DEFAULT NULL, on_lost text DEFAULT 'retry', cache jsonb DEFAULT NULL,
    result text DEFAULT NULL, start_within interval DEFAULT NULL, description text DEFAULT NULL)
    RETURNS int LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_job';

-- drop_job(name): the job cannot be run any more, and its name is free for its owner.
-- Runs that have ended keep their version. Error WF017 while runs wait or run; WF010,
-- WF002. Locks the name.
CREATE FUNCTION workflow.drop_job(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_job';

-- call_job(job, params): do what a job does, here and now, in the caller's transaction,
-- as the job's owner; no run is made, and no slot taken. Returns its result. For jobs
-- that are functions or statements and atomic: others are refused with 0A000. The role
-- as which a job runs gets what is kept of it (see cache), of any job. Errors also:
-- WF010, WF002, WF013, those of the command.
CREATE FUNCTION workflow.call_job(job text, params jsonb DEFAULT '{}') RETURNS jsonb
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_call_job';

-- flush_cache(job, params): results that are kept of a job are not used any more: all, or
-- those for these parameters. Returns how many there were. For who may manage the job.
-- Errors: WF010, WF002, WF013. Waits for transactions that are just renewing them.
CREATE FUNCTION workflow.flush_cache(job text, params jsonb DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_flush_cache';

-- job_schema(job, version, language): the parameters of a job, of its newest version, as JSON
-- Schema, for forms; titles and descriptions are in this language, else those that name none.
-- A check is under "x-check", the type of SQL under "x-type". For who may run
-- or read the job. Errors: WF010, WF002, 22004, 22023.
CREATE FUNCTION workflow.job_schema(job text, version int DEFAULT NULL, language text DEFAULT NULL) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_job_schema';

-- may_job(job id, privilege): may the current role run, read, manage?
CREATE FUNCTION workflow.may_job(job int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may_job';

-- Runs of jobs: waiting, running, and what became of them.

-- A run that waits or runs; the one that has ended is in run_history. A claim reads
-- what is ready in the index run_ready, lane after lane: a lane is what one kind of
-- executor does of one job in one partition of one queue.
CREATE TABLE workflow.run (
    id         uuid PRIMARY KEY,
    seq        bigint GENERATED BY DEFAULT AS IDENTITY,
    executor   int NOT NULL,            -- the owner whose executors do it; 0: an outside worker
    queue      int NOT NULL,            -- queue.id; -job.root: the job's own
    root       int NOT NULL,            -- job.root: all versions of the job
    part       bigint NOT NULL,         -- of the partition, see wf_run_part(); 0: none
    level      smallint NOT NULL,       -- -priority: the most urgent is the least; and 8 for each element of
                                        -- the queue's placement of which it was given back, see decline()
    due        timestamptz NOT NULL,    -- not before
    ready      boolean NOT NULL,        -- may be claimed when it is due
    state      smallint NOT NULL,       -- 0 waiting, 1 running, 2 aborting
    attempts   smallint NOT NULL,       -- that failed
    losses     smallint NOT NULL,       -- in a row that ended without a word
    job        int NOT NULL,            -- job.id: the version it was made with
    placed     timestamptz NOT NULL,    -- when it was due first: its place in the order
    starter    oid NOT NULL,            -- role that made it
    started_by text COLLATE "C" NOT NULL,   -- the name of starter, then
    partition  text COLLATE "C",
    key        text COLLATE "C",
    params     jsonb NOT NULL,
    actor      text COLLATE "C",
    start_by   timestamptz,             -- expires when it has not begun by then
    error      jsonb,                   -- of the last attempt
    fence      bigint,                  -- of the claim; null: nobody has it
    claimer    oid,                     -- role that claimed it
    worker     text COLLATE "C",        -- as it calls itself
    begun      timestamptz,             -- when it was claimed
    lease      interval,
    lease_until timestamptz,
    progress   jsonb,
    parked     text COLLATE "C",        -- the event that it waits for, see park()
    awaits     smallint,                -- waits for runs, see run_wait; when one of them did
                                        -- not finish: 0 it is cancelled, 1 run, 2 skipped;
                                        -- 3: it was lost, and waits for its restorer
    process    uuid,                    -- that has invoked it,
    invoke     text COLLATE "C",        -- by this id there,
    rules      jsonb,                   -- timeout (us) and retry, in place of those of the job
    ordered    boolean NOT NULL,        -- it has a place in the order of an ordered queue
    tenant     text COLLATE "C",        -- whose it is
    round      int NOT NULL DEFAULT 1,  -- grows when it is to be done once more, see claim_placed()
    traceparent text COLLATE "C",       -- the trace context in which it was made, see spans()
    timeline   int                      -- of the server that had it claimed: for people, and compared by nobody
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
-- Place by place, however many runs are in one; and those that are due, before all that
-- are not yet, in however many places.
CREATE INDEX run_ready ON workflow.run (executor, queue, level, root, part, due, seq) WHERE ready;
CREATE INDEX run_due ON workflow.run (executor, queue, level, due, seq) WHERE ready;
-- All of an ordered queue, whatever they are at: the first one of a partition comes next.
CREATE INDEX run_order ON workflow.run (queue, part, placed, seq) WHERE ordered;
-- What runs, for counters of queues that are not known.
CREATE INDEX run_running ON workflow.run (queue, part) WHERE state > 0;
-- What waits and may not be claimed yet.
CREATE INDEX run_parked ON workflow.run (queue) WHERE NOT ready AND state = 0;
CREATE INDEX run_lease ON workflow.run (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX run_start_by ON workflow.run (start_by) WHERE start_by IS NOT NULL;

-- A run waits for the end of another one: there is a row for each of them until the runs
-- that wait have heard of it.
CREATE TABLE workflow.run_wait (
    awaited uuid NOT NULL,
    run     uuid NOT NULL,              -- that waits
    PRIMARY KEY (awaited, run)
);
CREATE INDEX run_wait_run ON workflow.run_wait (run);

-- A run that has ended. Partitions form a ring with those of history: see there.
CREATE TABLE workflow.run_history (
    run        uuid NOT NULL,
    ended_at   timestamptz NOT NULL,
    state      smallint NOT NULL,       -- 3 finished, 4 failed, 5 aborted, 6 expired
    job        int NOT NULL,
    queue      int NOT NULL,
    attempts   smallint NOT NULL,
    losses     smallint NOT NULL,
    due        timestamptz NOT NULL,
    placed     timestamptz NOT NULL,
    begun      timestamptz,
    starter    oid NOT NULL,
    started_by text COLLATE "C" NOT NULL,
    level      smallint NOT NULL,
    partition  text COLLATE "C",
    key        text COLLATE "C",
    params     jsonb NOT NULL,
    actor      text COLLATE "C",
    worker     text COLLATE "C",
    progress   jsonb,
    result     jsonb,
    error      jsonb,
    slot       smallint NOT NULL,
    process    uuid,
    invoke     text COLLATE "C",
    rules      jsonb,
    tenant     text COLLATE "C",
    round      int NOT NULL DEFAULT 1,
    traceparent text COLLATE "C",
    xid        xid8,                    -- of the transaction that has written it, where traceparent is not null
    PRIMARY KEY (run, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.run_history_0 PARTITION OF workflow.run_history FOR VALUES IN (0);
CREATE TABLE workflow.run_history_1 PARTITION OF workflow.run_history FOR VALUES IN (1);
CREATE TABLE workflow.run_history_2 PARTITION OF workflow.run_history FOR VALUES IN (2);
CREATE TABLE workflow.run_history_3 PARTITION OF workflow.run_history FOR VALUES IN (3);
CREATE TABLE workflow.run_history_4 PARTITION OF workflow.run_history FOR VALUES IN (4);
CREATE TABLE workflow.run_history_5 PARTITION OF workflow.run_history FOR VALUES IN (5);
CREATE TABLE workflow.run_history_6 PARTITION OF workflow.run_history FOR VALUES IN (6);
CREATE TABLE workflow.run_history_7 PARTITION OF workflow.run_history FOR VALUES IN (7);

-- What has ended of late, for gaps and rates that are not known.
CREATE INDEX run_history_ended ON workflow.run_history (queue, ended_at);
CREATE INDEX run_history_process ON workflow.run_history (process) WHERE process IS NOT NULL;
CREATE INDEX run_history_xid ON workflow.run_history (xid) WHERE xid IS NOT NULL;

-- What a run was asked while somebody else was at it, who is not waited for. Settled and
-- deleted by the runtime.
CREATE TABLE workflow.run_request (
    run   uuid NOT NULL,
    seq   bigint GENERATED BY DEFAULT AS IDENTITY,
    what  smallint NOT NULL,            -- 0 the state that has invoked it was left: to stop, and not to
                                        -- tell of it; 1 to stop, cancel_run(); 2 the same, with force;
                                        -- 3 to see that it was signalled
    actor text COLLATE "C",             -- on whose behalf it is to stop
    event text COLLATE "C",             -- that it was signalled
    PRIMARY KEY (run, seq)
);
CREATE INDEX run_unwanted ON workflow.run_request (run) WHERE what = 0;

-- A line that a run has said, see write_log(). Partitions as of run_history.
CREATE TABLE workflow.run_log (
    run      uuid NOT NULL,
    n        int NOT NULL,              -- of the run, from 1 on
    attempt  int NOT NULL,
    at       timestamptz NOT NULL,
    severity text COLLATE "C" NOT NULL,
    message  text NOT NULL,
    data     jsonb,
    slot     smallint NOT NULL,
    PRIMARY KEY (run, n, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.run_log_0 PARTITION OF workflow.run_log FOR VALUES IN (0);
CREATE TABLE workflow.run_log_1 PARTITION OF workflow.run_log FOR VALUES IN (1);
CREATE TABLE workflow.run_log_2 PARTITION OF workflow.run_log FOR VALUES IN (2);
CREATE TABLE workflow.run_log_3 PARTITION OF workflow.run_log FOR VALUES IN (3);
CREATE TABLE workflow.run_log_4 PARTITION OF workflow.run_log FOR VALUES IN (4);
CREATE TABLE workflow.run_log_5 PARTITION OF workflow.run_log FOR VALUES IN (5);
CREATE TABLE workflow.run_log_6 PARTITION OF workflow.run_log FOR VALUES IN (6);
CREATE TABLE workflow.run_log_7 PARTITION OF workflow.run_log FOR VALUES IN (7);

-- Keys of runs: one run a key, job and tenant, whatever its version.
CREATE TABLE workflow.run_key (
    root   int NOT NULL,
    key    text COLLATE "C" NOT NULL,
    run    uuid NOT NULL,
    tenant text COLLATE "C" NOT NULL DEFAULT '',    -- empty: nobody's
    PRIMARY KEY (root, key, tenant)
);

-- run_job(...): make a run of a job, which is done after this transaction.
--   job         its name; the newest version is run
--   params      jsonb object: they must fit the parameters of the job
--   key         names the run, not empty: of those with one key one run is made
--   priority    -2 to 2, the most urgent; default: the job's
--   at          not before; default: now
--   queue       default: the job's
--   partition   default: the job's
--   after       runs that have to end before; it waits until all of them have
--   after_failed when one of them does not finish: 'cancel', this one is aborted at once;
--               'skip', it is finished at once, without having been done; 'run', it is
--               done after all of them nevertheless
--   on_conflict when a run of the job has the key: 'existing', that one is the answer;
--               'active', the same, but one that has ended does not count; 'refuse',
--               WF016; 'replace', one that waits gets the parameters of this call
--   debounce    with a key: the run is due so long from now, and so is one that has the
--               key and waits for its first attempt: it gets the parameters of this call,
--               and is the answer; on_conflict does not count then. at_most: but not
--               longer than that after the first of these calls
--   actor       on whose behalf
--   tenant      whose it is: keys are those of the tenant; default: workflow.tenant
--   traceparent  the trace context of the caller, see spans(); default: workflow.traceparent
-- Returns the id of the run. Errors: WF010 no such job, queue or run, WF002, WF011 the queue
-- is full, WF013 the parameters do not fit, WF016, 22023. Locks nothing without a key.
CREATE FUNCTION workflow.run_job(
    job text, params jsonb DEFAULT '{}', key text DEFAULT NULL, priority int DEFAULT NULL, at timestamptz DEFAULT NULL,
    queue text DEFAULT NULL, partition text DEFAULT NULL, after uuid[] DEFAULT NULL, on_conflict text DEFAULT 'existing',
    debounce interval DEFAULT NULL, at_most interval DEFAULT NULL, actor text DEFAULT NULL,
    after_failed text DEFAULT 'cancel', tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_run_job';

-- run_jobs(...): the same for many runs at once; params, keys and partitions have an
-- element for each. Returns their ids in that order.
CREATE FUNCTION workflow.run_jobs(
    job text, params jsonb[], keys text[] DEFAULT NULL, partitions text[] DEFAULT NULL, priority int DEFAULT NULL,
    at timestamptz DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL, traceparent text DEFAULT NULL)
    RETURNS SETOF uuid LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_run_jobs';

-- cancel_run(run, force, actor): a run that waits is not done: 'aborted'. One that runs is
-- 'aborting': it is told when it reports its progress, or extends its lease, and may
-- go on; with force what an executor is at is interrupted. Returns its state after
-- that; that of one that has ended stays. For the job's owner, who may manage it, and
-- who made the run. Errors: WF010, WF002. Waits for nobody: where a transaction is claiming,
-- doing or ending the run, it is 'aborting', and stops when that has ended, unless it has ended, too.
CREATE FUNCTION workflow.cancel_run(run uuid, force boolean DEFAULT false, actor text DEFAULT NULL) RETURNS text
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel_run';

-- run_state(state): the word for a run's state.
CREATE FUNCTION workflow.run_state(state smallint) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (ARRAY['waiting', 'running', 'aborting', 'finished', 'failed', 'aborted', 'expired'])[state + 1];

-- work_runs(queue, max): do up to `max` due runs of the current role's jobs, those of a
-- queue or all, in this transaction; what an executor does, by hand, and in its order.
-- Tracked jobs, and those that workers do, are left out. An error of the code is an
-- error of this call. Returns how many runs were taken. Errors: WF010, 22023, 22004;
-- 0A000 in REPEATABLE READ and above, and in the code of a run. Locks the runs, and
-- skips those that are locked.
CREATE FUNCTION workflow.work_runs(queue text DEFAULT NULL, max int DEFAULT 100) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_runs';

-- Queues: what controls how runs are done.

-- A queue. Shared ones have positive numbers; the one of a single job, 'job:NAME',
-- has that of its job, -job.root. A job whose queue has no row is not controlled.
CREATE TABLE workflow.queue (
    id              int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name            text COLLATE "C" NOT NULL UNIQUE,
    owner           int NOT NULL,           -- workflow.owner.id
    max_parallel    int,                    -- null: any number
    per             text COLLATE "C" NOT NULL,  -- cluster, runtime
    min_gap         interval,               -- a slot stays taken for so long after its run
    rate            int,                    -- claims in any rate_interval
    rate_interval   interval,
    partition_limit int,                    -- max_parallel of each partition
    ordered         boolean NOT NULL,       -- only the head of a partition may run
    on_failed       text COLLATE "C" NOT NULL,  -- of ordered ones: skip, block
    fair            boolean NOT NULL,
    weights         jsonb,                  -- partition -> weight
    max_waiting     int,
    on_full         text COLLATE "C" NOT NULL,
    placement       text[] COLLATE "C" NOT NULL,
    ageing          interval,
    notify          boolean NOT NULL DEFAULT false,
    paused          boolean NOT NULL DEFAULT false,
    note            text COLLATE "C",
    created_at      timestamptz NOT NULL
);

-- A named limit, of which runs take units.
CREATE TABLE workflow.rate_limit (
    id              int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name            text COLLATE "C" NOT NULL UNIQUE,
    owner           int NOT NULL,
    max             int,                    -- units at once
    rate            int,                    -- units in any rate_interval
    rate_interval   interval,
    created_at      timestamptz NOT NULL
);

-- create_queue(...): a queue that runs of jobs can be put into.
--   name        at most 200 bytes, without ':'; 'job:NAME': that of one job, whose
--               runs are in it unless they are put elsewhere
--   max_parallel, partition_limit   so many runs at once, in all and of each partition
--   per         'cluster', or 'runtime': max_parallel, min_gap and rate are those of each that
--               share the work: the server that holds the database, and each worker or
--               runtime by its name
--   min_gap     so long after the end of a run its slot stays taken
--   rate, rate_interval   so many begin in any interval of this length; both or none.
--               What has begun counts, also when it was rolled back
--   ordered     of a partition, only the run that was due first may run: one that waits
--               for its next attempt, or is parked, keeps its place
--   on_failed   ... and one that failed: 'skip', the next one may; 'block', none may
--               until retry_run() or cancel_run() of it
--   fair        partitions take turns, or else who is due first comes first
--   weights     {"partition": number}: shares of partitions, against 1 of the others
--   max_waiting so many runs wait at most; on_full: what becomes of the next one:
--               'wait', it waits nevertheless; 'refuse', WF011; 'replace', the newest one
--               that waits of its partition is aborted for it; 'cancel running', one of
--               its partition that runs is to stop, as by cancel_run() with force
--   placement   where runs may be done, 16 elements at most. The first one counts that is
--               usable, as it stands; while none is, they wait. Who lives as a runtime may
--               work if it was approved and is no interface.
--               any           by this server; runs of jobs without a command by any worker
--               local         the same, unless this server is an interface; of jobs without
--                             a command always
--               runtime:ID    by this runtime, if it lives and may work
--               role:engine   by any runtime of the role engine: another server of
--                             PostgreSQL, or this one; of jobs without a command an application
--               standby       by any standby that lives
--   ageing      who waits so long gains a priority; null: nobody does
--   notify      NOTIFY workflow_work when there is work for outside workers, by the
--               runtime, with the name of the queue, at most every 50 ms
-- The caller owns it; 'job:NAME' is for the job's owner, whose it is. Errors: 42710,
-- 22023, 22004, WF002, WF010 no such job.
CREATE FUNCTION workflow.create_queue(
    name text, max_parallel int DEFAULT NULL, per text DEFAULT 'cluster', min_gap interval DEFAULT NULL,
    rate int DEFAULT NULL, rate_interval interval DEFAULT NULL, partition_limit int DEFAULT NULL, ordered boolean DEFAULT false,
    on_failed text DEFAULT 'skip', fair boolean DEFAULT true, weights jsonb DEFAULT NULL, max_waiting int DEFAULT NULL,
    on_full text DEFAULT 'wait', placement text[] DEFAULT '{any}', ageing interval DEFAULT '1 minute',
    notify boolean DEFAULT false)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_queue';

-- alter_queue(name, changes): set some of what create_queue() sets, by its names; null
-- takes a limit away. What runs goes on; what waits is looked at anew. Locks the row of
-- the queue; runs of it, too, when it becomes one that is ordered. Errors: WF010, WF002, 22023, 22004.
CREATE FUNCTION workflow.alter_queue(name text, changes jsonb) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_queue';

-- drop_queue(name): that no run is in any more. Runs of a job that names it are refused
-- from then on; those of a job whose own it is are not limited any more. Waits for
-- transactions that put runs into it. Errors: WF010, WF002, WF017 it has runs.
CREATE FUNCTION workflow.drop_queue(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_queue';

-- pause_queue(name, note): no run of it begins, whoever claims, until resume_queue().
-- Runs that have begun go on. Again: with another note. Errors: WF010, WF002.
CREATE FUNCTION workflow.pause_queue(name text, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause_queue';
CREATE FUNCTION workflow.resume_queue(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume_queue';

-- create_limit(...): a named limit, of which runs of jobs take units, in whatever queue.
--   max         units that are taken at once
--   rate, rate_interval   units that are taken in any interval of this length
-- The caller owns it. Errors: 42710, 22023, 22004, WF002.
CREATE FUNCTION workflow.create_limit(
    name text, max int DEFAULT NULL, rate int DEFAULT NULL, rate_interval interval DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_limit';

-- alter_limit(name, changes), drop_limit(name): as of queues; one that the newest version of
-- a job names, or that of a run, is not dropped, and has as many units as it takes (WF017).
-- What runs when a limit is lowered goes on; the next one waits until enough have ended.
CREATE FUNCTION workflow.alter_limit(name text, changes jsonb) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_limit';
CREATE FUNCTION workflow.drop_limit(name text) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_limit';

-- may_queue(queue id, privilege): may the current role use, claim, read, manage? Error
-- 22023.
CREATE FUNCTION workflow.may_queue(queue int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may_queue';

-- queue_state(queue id): how a queue stands. For the view queues, and who may read the queue.
--   permits          that are taken: by runs, by transactions that have not ended, and within its
--                    gap. Null: it is not known yet since the start of the server, or it limits none
--   head             the run that comes next, for who may look at it; null: none waits
--   head_waits_for   for what, see run_waits_for()
CREATE FUNCTION workflow.queue_state(queue int, OUT permits bigint, OUT head uuid, OUT head_waits_for text)
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_queue_state';

CREATE VIEW workflow.limits WITH (security_barrier) AS
    SELECT l.name, o.name AS owner, l.max, l.rate, l.rate_interval, l.created_at
    FROM workflow.rate_limit l JOIN workflow.owner o ON o.id = l.owner;

-- Runs as they are looked at, waited for, and done once more.

-- run_waits_for(run): what a run waits for, of these the first: paused, its queue;
-- signal; restorer, which decides about it; runs; retry, the next attempt; due; order, others of its partition come before
-- it, in an ordered queue; placement, nobody is there where its queue is placed; turn, others of its job, partition and priority do; slot,
-- partition, limit, one that is full; gap; rate; owner, who may not log in; worker,
-- executor. Null for one that does not wait. For the view runs.
CREATE FUNCTION workflow.run_waits_for(run uuid) RETURNS text
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_waits_for';

-- run_runtime(worker, here, ended_at): which runtime has a run: this server, or the worker, if that
-- is one. With ended_at this server has had it, then; null: perhaps another one, which held the
-- database before. For the view runs.
CREATE FUNCTION workflow.run_runtime(worker text, here boolean, ended_at timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_runtime';

-- sees_run(job id, starter): may the current role look at a run of this version of a job
-- that this role has made? Whoever may read the job, and whoever has made the run.
CREATE FUNCTION workflow.sees_run(job int, starter oid) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_sees_run';

-- run_progress(run): what the code of a tracked run that runs has reported last; null:
-- nothing. For the view runs. Errors: WF010, WF002.
CREATE FUNCTION workflow.run_progress(run uuid) RETURNS jsonb
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_run_progress';

-- Runs that wait and run, and those that have ended, as long as they are remembered. Who
-- has made a run, and may not read its job, is not told where in the owner's code an
-- error was.
CREATE VIEW workflow.runs WITH (security_barrier) AS
    SELECT u.run, j.name AS job, j.version, COALESCE(q.name, 'job:' || o.name) AS queue, u.partition, u.key,
           workflow.run_state(u.state) AS state,
           CASE WHEN u.state = 0 THEN workflow.run_waits_for(u.run) END AS waits_for,
           -- of the attempt that is under way, or was the last one
           u.attempts + CASE WHEN u.state IN (1, 2, 3) THEN 1 ELSE 0 END AS attempt,
           u.due, u.begun AS started_at, u.ended_at,
           workflow.masked(j.owner, j.sensitive, u.result, u.params) AS result,
           workflow.masked(j.owner, j.sensitive, CASE WHEN workflow.may_job(j.id, 'read') THEN u.error
                                                      ELSE u.error - '{detail,hint,context}'::text[] END, u.params) AS error,
           CASE WHEN u.tracked OR u.worker IS NOT NULL THEN workflow.run_runtime(u.worker, u.tracked)
                WHEN u.state IN (3, 4) AND u.begun IS NOT NULL AND j.command IS NOT NULL AND u.error->>'code' IS DISTINCT FROM 'lost'
                THEN workflow.run_runtime(NULL, true, u.ended_at) END AS runtime, u.worker,
           workflow.masked(j.owner, j.sensitive, CASE WHEN u.tracked THEN COALESCE(workflow.run_progress(u.run), u.progress)
                                                      ELSE u.progress END, u.params) AS progress,
           (8 * ((u.level + 2) / 8) - u.level)::smallint AS priority, workflow.masked(j.owner, j.sensitive, u.params) AS params, u.actor, u.started_by, u.losses, u.lease_until, u.timeline,
           u.process, u.invoke, u.tenant
    FROM (SELECT r.id AS run, r.job, r.queue, r.partition, r.key, r.state, r.attempts, r.losses, r.due, r.begun, NULL::timestamptz AS ended_at,
                 NULL::jsonb AS result, r.error, r.worker, r.progress, r.level, r.params, r.actor, r.starter, r.started_by, r.lease_until, r.timeline,
                 r.process, r.invoke, r.state > 0 AND r.lease_until IS NULL AS tracked, r.tenant
          FROM workflow.run r
          UNION ALL
          SELECT h.run, h.job, h.queue, h.partition, h.key, h.state, h.attempts, h.losses, h.due, h.begun, h.ended_at,
                 h.result, h.error, h.worker, h.progress, h.level, h.params, h.actor, h.starter, h.started_by, NULL, NULL,
                 h.process, h.invoke, false, h.tenant
          FROM workflow.run_history h) u
    JOIN workflow.job j ON j.id = u.job
    LEFT JOIN workflow.queue q ON q.id = u.queue
    LEFT JOIN workflow.job o ON o.id = -u.queue
    WHERE workflow.sees_run(j.id, u.starter) AND workflow.sees_tenant(u.tenant);

-- All versions of the jobs that there are. Of one whose queue was dropped that is null.
CREATE VIEW workflow.jobs WITH (security_barrier) AS
    SELECT j.name, j.version, o.name AS owner, (ARRAY['atomic', 'tracked', 'outside'])[j.mode + 1] AS mode, j.command,
           j.parameters, CASE WHEN j.queue > 0 THEN q.name ELSE 'job:' || j.name END AS queue,
           j.retry, j.timeout, j.priority, j.partition, j.limits, j.on_lost, j.result, j.start_within,
           j.description, j.created_at, j.search_path, j.time_zone, j.call ->> 'function' AS function, j.cache
    FROM workflow.job j
    JOIN workflow.owner o ON o.id = j.owner
    LEFT JOIN workflow.queue q ON q.id = j.queue
    WHERE j.dropped_at IS NULL AND workflow.may_job(j.id, 'read');

-- Queues and how full they are: permits that are taken; runs that run, that wait, and those of them that are due
-- and may be claimed, if slots, gaps and limits allow it; which of them comes next, for those who
-- may look at it, and what that waits for.
CREATE VIEW workflow.queues WITH (security_barrier) AS
    SELECT q.name, o.name AS owner, q.max_parallel, q.per, q.min_gap, q.rate, q.rate_interval, q.partition_limit,
           q.ordered, q.on_failed, q.fair, q.weights, q.max_waiting, q.on_full, q.placement, q.ageing, q.notify,
           q.paused, q.note, q.created_at, n.running, n.parked + n.waiting AS waiting, n.ready,
           CASE WHEN q.max_parallel IS NOT NULL OR q.min_gap IS NOT NULL OR q.rate IS NOT NULL
                THEN COALESCE((workflow.queue_state(q.id)).permits, n.running) END AS permits,
           (workflow.queue_state(q.id)).head, (workflow.queue_state(q.id)).head_waits_for
    FROM workflow.queue q
    JOIN workflow.owner o ON o.id = q.owner
    CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM workflow.run r WHERE r.state > 0 AND r.state < 3 AND r.queue = q.id) AS running,
               (SELECT count(*) FROM workflow.run r WHERE NOT r.ready AND r.state = 0 AND r.queue = q.id) AS parked,
               w.waiting, w.ready
        FROM (SELECT count(*) AS waiting, count(*) FILTER (WHERE r.due <= statement_timestamp()) AS ready
              FROM (SELECT e.id FROM workflow.owner e UNION ALL SELECT 0) e(id)
              JOIN workflow.run r ON r.executor = e.id
              WHERE r.ready AND r.queue = q.id) w) n
    WHERE workflow.may_queue(q.id, 'read');

-- What runs have said, see write_log(), as long as it is remembered.
CREATE VIEW workflow.run_logs WITH (security_barrier) AS
    SELECT l.run, j.name AS job, l.attempt, l.at, l.severity,
           workflow.masked_text(j.owner, j.sensitive, l.message, u.params, l.data) AS message,
           workflow.masked(j.owner, j.sensitive, l.data, u.params) AS data, l.n, u.tenant
    FROM workflow.run_log l
    JOIN (SELECT r.id AS run, r.job, r.starter, r.params, r.tenant FROM workflow.run r
          UNION ALL SELECT h.run, h.job, h.starter, h.params, h.tenant FROM workflow.run_history h) u ON u.run = l.run
    JOIN workflow.job j ON j.id = u.job
    WHERE workflow.sees_run(j.id, u.starter) AND workflow.sees_tenant(u.tenant);

-- get_run(run): one run, as the view runs has it. Errors: WF010 no such run, or one that
-- is not remembered any more; WF002.
CREATE FUNCTION workflow.get_run(
    run uuid,
    OUT run uuid, OUT job text, OUT version int, OUT queue text, OUT partition text, OUT key text, OUT state text,
    OUT waits_for text, OUT attempt int, OUT due timestamptz, OUT started_at timestamptz, OUT ended_at timestamptz,
    OUT result jsonb, OUT error jsonb, OUT runtime text, OUT worker text, OUT progress jsonb)
    RETURNS record LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_get_run';

-- await_run(runs, which, timeout): wait until all of the runs have ended, or, 'any', one of
-- them has. The session has no snapshot meanwhile, so this cannot be called in a
-- transaction block. Errors: WF010, WF002, 22023; 57014 when the time is up; 25001; 25006
-- on a standby.
CREATE PROCEDURE workflow.await_run(runs uuid[], which text DEFAULT 'all', timeout interval DEFAULT '30 seconds')
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_run';

-- retry_run(run): a run that has failed, was aborted or has expired is done once more,
-- under its id, with all attempts and what it has saved; one that waits for its next
-- attempt, at once. Returns false for others, and when another run has its key by now that
-- waits or runs. For who may cancel it. Errors: WF010 no such run or the job was dropped, WF002. Locks the run.
CREATE FUNCTION workflow.retry_run(run uuid) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_retry_run';

-- redrive(job, queue, since, limit): retry_run() of all that have failed, those that failed
-- first.
--   job, queue  only of these
--   since       only those that have ended since then
--   limit       so many at most
-- Those whose jobs the caller may not manage are left out. Returns how many. Errors:
-- WF010, 22023.
CREATE FUNCTION workflow.redrive(
    job text DEFAULT NULL, queue text DEFAULT NULL, since timestamptz DEFAULT NULL, "limit" int DEFAULT NULL)
    RETURNS bigint LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_redrive';

-- alter_runs(filter, changes): change runs that wait.
--   filter      object: job, queue, partition, state, key, since and until (due then or
--               later, and before), ids (an array); what is not given is any
--   changes     object: priority, due, queue, partition (null: none), params (all of them)
-- Those that are locked, or whose jobs the caller may not manage, are left out. Returns how
-- many were changed. Errors: 22023 also for unknown keys, 22004, WF010, WF002 for the queue,
-- WF011, WF013. Locks the runs.
CREATE FUNCTION workflow.alter_runs(filter jsonb, changes jsonb) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_runs';

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

-- What each tenant has, and what waits for it.

-- Of tenants with something under way, as far as the current role sees it: processes that are
-- not over, those of them that failed, open tasks; runs that wait and run, and since when the
-- first of those that wait is due.
CREATE VIEW workflow.tenants WITH (security_barrier) AS
    SELECT u.tenant, pg_catalog.sum(u.processes)::bigint AS processes, pg_catalog.sum(u.failed)::bigint AS failed,
           pg_catalog.sum(u.tasks)::bigint AS tasks, pg_catalog.sum(u.waiting)::bigint AS waiting,
           pg_catalog.sum(u.running)::bigint AS running, pg_catalog.min(u.due) AS due_since
    FROM (
        SELECT p.tenant, 1 AS processes, (p.status IN ('error', 'terminated'))::int AS failed, 0 AS tasks, 0 AS waiting,
               0 AS running, NULL::timestamptz AS due
        FROM workflow.process p
        WHERE p.tenant IS NOT NULL AND NOT workflow.is_over(p.status, p.states, p.step)
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(p.tenant)
        UNION ALL
        SELECT t.tenant, 0, 0, 1, 0, 0, NULL
        FROM workflow.task t JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
        WHERE t.tenant IS NOT NULL AND t.closed_at IS NULL
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(t.tenant)
        UNION ALL
        SELECT r.tenant, 0, 0, 0, (r.state OPERATOR(pg_catalog.=) 0)::int, (r.state IN (1, 2))::int,
               CASE WHEN r.state OPERATOR(pg_catalog.=) 0 AND r.due OPERATOR(pg_catalog.<=) pg_catalog.statement_timestamp() THEN r.due END
        FROM workflow.run r
        WHERE r.tenant IS NOT NULL AND workflow.sees_run(r.job, r.starter) AND workflow.sees_tenant(r.tenant)) u
    GROUP BY u.tenant;


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

-- table triggers: of parts/table_trigger.sql
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

-- end of table triggers

DO $dump$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['job', 'run', 'run_wait', 'run_history_0', 'run_history_1', 'run_history_2', 'run_history_3', 'run_history_4', 'run_history_5', 'run_history_6', 'run_history_7', 'run_request', 'run_log_0', 'run_log_1', 'run_log_2', 'run_log_3', 'run_log_4', 'run_log_5', 'run_log_6', 'run_log_7', 'run_key', 'queue', 'rate_limit', 'checkpoint', 'table_trigger', 'binding', 'job_id_seq', 'run_seq_seq', 'run_request_seq_seq', 'queue_id_seq', 'rate_limit_id_seq'] LOOP
        PERFORM pg_catalog.pg_extension_config_dump(('workflow.' OPERATOR(pg_catalog.||) relation)::pg_catalog.regclass, '');
    END LOOP;
END
$dump$;
SELECT pg_catalog.pg_extension_config_dump('workflow.job_cache', 'WHERE false');

-- ---- traces

-- Spans: what happened in the traces of callers, for exporters.
--
-- Functions that start, send, post, publish and make runs take a trace context, as the
-- header traceparent of the W3C has it; without one they take that of the setting
-- workflow.traceparent. It stands in the rows of what they make: process, timer, run and
-- their kin. Where there is none, nothing is stored.

-- span_id(traceparent, id, n): the id of the span of a process or a run (n = 0), or of the
-- n-th step of a process, which began in this context: the first 8 bytes of the SHA-256 of
-- the three texts, with ':' before the last one. Error 22023 for what is no context.
CREATE FUNCTION workflow.span_id(traceparent text, id uuid, n int DEFAULT 0) RETURNS text
    LANGUAGE c STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_span_id';

-- Spans that have ended, of sampled traces, as far as the current role sees what they are of:
--   a step     below the context in which its event came, or the span of its process; with a
--              link to that span, where it is in another trace
--   a process  when it is over; below the context in which it was started
--   a run      when it has ended: its last attempt; below the context in which it was made,
--              or, when it is done once more, below its span of before
-- xid is that of the transaction that has written it; none, and no span, came with a dump.
CREATE VIEW workflow.ended_spans WITH (security_barrier) AS
    -- a view that is a bare UNION ALL is no barrier: the planner takes it apart
    SELECT e.trace_id, e.span_id, e.parent_span_id, e.name, e.kind, e.started_at, e.ended_at, e.status, e.status_message,
           e.attributes, e.links, e.xid
    FROM (
        SELECT s.trace_id, s.span_id, s.parent_span_id, s.name, s.kind, s.started_at, s.ended_at, s.status, s.status_message,
               s.attributes, s.links, h.xid
        FROM workflow.history h
        JOIN workflow.process p ON p.id = h.process
        JOIN workflow.definition d ON d.id = p.definition
        CROSS JOIN LATERAL (
            SELECT substr(h.traceparent, 4, 32) AS trace_id, workflow.span_id(h.traceparent, h.process, h.step) AS span_id,
                   substr(h.traceparent, 37, 16) AS parent_span_id, d.name || ' ' || h.event AS name,
                   CASE WHEN h.event = 'workflow.start' THEN 'internal' WHEN h.due IS NULL THEN 'server' ELSE 'consumer' END AS kind,
                   h.began AS started_at, GREATEST(h.at, h.began) AS ended_at, 'unset' AS status, NULL::text AS status_message,
                   jsonb_strip_nulls(jsonb_build_object(
                       'workflow.process', h.process, 'workflow.definition', d.name, 'workflow.version', d.version,
                       'workflow.key', p.key, 'workflow.tenant', p.tenant, 'workflow.actor', h.actor,
                       'workflow.step', h.step, 'workflow.event', h.event, 'workflow.taken', h.taken, 'workflow.reason', h.reason,
                       'workflow.due', h.due, 'workflow.from_states', h.from_states, 'workflow.to_states', h.to_states)) AS attributes,
                   CASE WHEN substr(p.traceparent, 4, 32) <> substr(h.traceparent, 4, 32) THEN
                       jsonb_build_array(jsonb_build_object('trace_id', substr(p.traceparent, 4, 32),
                                                            'span_id', workflow.span_id(p.traceparent, p.id))) END AS links
            WHERE right(h.traceparent, 1) IN ('1', '3')
            UNION ALL
            SELECT substr(p.traceparent, 4, 32), workflow.span_id(p.traceparent, p.id), substr(p.traceparent, 37, 16), d.name,
                   'internal', p.started_at, GREATEST(h.at, p.started_at),
                   CASE WHEN o.outcome = 'failure' THEN 'error' ELSE 'unset' END,
                   CASE WHEN o.outcome = 'failure' THEN 'ended in ' || array_to_string(p.states, ', ') END,
                   jsonb_strip_nulls(jsonb_build_object(
                       'workflow.process', p.id, 'workflow.definition', d.name, 'workflow.version', d.version,
                       'workflow.key', p.key, 'workflow.tenant', p.tenant, 'workflow.parent', p.parent,
                       'workflow.steps', p.step, 'workflow.outcome', o.outcome)),
                   NULL
            FROM (SELECT CASE WHEN p.status <> 'finalized' THEN 'cancelled'
                              WHEN p.states && d.failures THEN 'failure' ELSE 'success' END) o(outcome)
            -- its last step has ended it
            WHERE h.step = p.step AND workflow.is_over(p.status, p.states, p.step) AND right(p.traceparent, 1) IN ('1', '3')) s
        WHERE h.xid IS NOT NULL AND workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant)
        UNION ALL
        SELECT substr(h.traceparent, 4, 32), workflow.span_id(h.traceparent, h.run), substr(h.traceparent, 37, 16), j.name,
               'consumer', COALESCE(h.begun, h.ended_at), GREATEST(h.ended_at, h.begun),
               CASE WHEN h.state IN (4, 6) THEN 'error' ELSE 'unset' END,
               CASE h.state WHEN 4 THEN workflow.masked(j.owner, j.sensitive, h.error, h.params) ->> 'message'
                            WHEN 6 THEN 'expired' END,
               jsonb_strip_nulls(jsonb_build_object(
                   'workflow.run', h.run, 'workflow.job', j.name, 'workflow.version', j.version,
                   'workflow.queue', COALESCE(q.name, 'job:' || o.name), 'workflow.partition', h.partition,
                   'workflow.key', h.key, 'workflow.tenant', h.tenant, 'workflow.actor', h.actor, 'workflow.worker', h.worker,
                   'workflow.process', h.process, 'workflow.state', workflow.run_state(h.state), 'workflow.due', h.due,
                   'workflow.attempts', h.attempts + CASE h.state WHEN 3 THEN 1 ELSE 0 END, 'workflow.losses', h.losses)),
               NULL, h.xid
        FROM workflow.run_history h
        JOIN workflow.job j ON j.id = h.job
        LEFT JOIN workflow.queue q ON q.id = h.queue
        LEFT JOIN workflow.job o ON o.id = -h.queue
        WHERE h.xid IS NOT NULL AND right(h.traceparent, 1) IN ('1', '3')
          AND workflow.sees_run(j.id, h.starter) AND workflow.sees_tenant(h.tenant)) e;

-- span_position(): which transactions are seen here and now, as pg_current_snapshot() says it; on
-- a standby, too, where that one leaves out those that are under way.
CREATE FUNCTION workflow.span_position() RETURNS pg_snapshot
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_span_position';

-- spans(since, after): spans that have ended since then, the first ones first, for an exporter.
--   since       default: all that are kept
--   after       `position` of the call before: only what was committed after that one had
--               looked, whenever it ended. So nothing is told twice, nor left out because its
--               transaction took long
--   kind        server, of a command; consumer, of a run or of an event that was delivered;
--               internal
--   status      unset, error
--   links       array of {"trace_id", "span_id"}, or null
--   position    for the next call, the same in all rows. Without rows the one before is good
-- What is told is only what the current role sees (ended_spans).
CREATE FUNCTION workflow.spans(
    since timestamptz DEFAULT NULL, after pg_snapshot DEFAULT NULL,
    OUT trace_id text, OUT span_id text, OUT parent_span_id text, OUT name text, OUT kind text,
    OUT started_at timestamptz, OUT ended_at timestamptz, OUT status text, OUT status_message text,
    OUT attributes jsonb, OUT links jsonb, OUT "position" pg_snapshot)
    RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 100
BEGIN ATOMIC
    SELECT s.trace_id, s.span_id, s.parent_span_id, s.name, s.kind, s.started_at, s.ended_at, s.status, s.status_message,
           s.attributes, s.links, workflow.span_position()
    FROM workflow.ended_spans s
    -- CASE goes through the barrier of the view to the indexes, which COALESCE does not
    WHERE s.ended_at >= CASE WHEN $1 IS NULL THEN '-infinity' ELSE $1 END
      AND s.xid >= CASE WHEN $2 IS NULL THEN '0' ELSE pg_snapshot_xmin($2) END
      AND COALESCE(NOT pg_visible_in_snapshot(s.xid, $2), true)
    ORDER BY s.ended_at, s.trace_id, s.span_id;
END;

-- ---- schedules

-- A schedule, and how it stands. An executor of its owner looks for what is due in the
-- index schedule_due.
CREATE TABLE workflow.schedule (
    id           int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name         text COLLATE "C" NOT NULL UNIQUE,
    owner        int NOT NULL,              -- workflow.owner.id: as whom it is fired
    job          text COLLATE "C",          -- its newest version is run,
    definition   text COLLATE "C",          -- or a process of the newest version is started
    cron         text,                      -- when: one of these three
    rule         text,
    every        interval,
    anchor       timestamptz NOT NULL,      -- DTSTART of the rule, a time of the interval
    zone         text COLLATE "C" NOT NULL,
    params       jsonb NOT NULL,
    starts       timestamptz,
    ends         timestamptz,
    overlap      text COLLATE "C" NOT NULL,
    catch_up     text COLLATE "C" NOT NULL,
    gap          text COLLATE "C" NOT NULL,
    fold         text COLLATE "C" NOT NULL,
    jitter       interval,
    calendar     text COLLATE "C",
    priority     smallint,                  -- null: the job's
    engine       text COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL,
    paused       boolean NOT NULL DEFAULT false,
    note         text COLLATE "C",
    next         timestamptz,               -- the time of the next occurrence; null: none comes
    due          timestamptz,               -- when it is fired; null: none comes, paused, suspended
    attempts     smallint NOT NULL DEFAULT 0,   -- that failed, of this occurrence
    losses       smallint NOT NULL DEFAULT 0,   -- in a row that ended the server
    error        jsonb,                     -- of the last attempt, or why it is suspended
    suspended_at timestamptz,
    last         timestamptz,               -- the time of the occurrence that was made last,
    last_at      timestamptz,               -- when that was,
    last_made    uuid,                      -- and the run or process
    active       uuid[] NOT NULL DEFAULT '{}',  -- those that were not over when it was looked last
    made         bigint NOT NULL DEFAULT 0,
    skipped      bigint NOT NULL DEFAULT 0, -- because of those
    queued       timestamptz,               -- the time of the occurrence whose process waits for them
    tenant       text COLLATE "C"           -- for whom it makes something
);
CREATE INDEX schedule_due ON workflow.schedule (owner, due, id) WHERE due IS NOT NULL;

-- create_schedule(...): run a job, or start a process, again and again.
--   name        at most 200 bytes, without ':'
--   job, definition   one of them: what is run or started, in its newest version then
--   cron        a cron expression of five fields, or of six with seconds first
--   rule        an RRULE of RFC 5545; its DTSTART is `starts`, or now
--   zone        in which both are read; null: the time zone of the session
--   params      of the run, or the input of the process; a string that is '$scheduled_at'
--               or '$schedule' becomes the time of the occurrence or the schedule's name
--   starts, ends   not before, not after
--   overlap     while what it made before is not over: 'skip', the occurrence makes
--               nothing; 'queue', one run or process waits for that; 'allow', it is made
--               beside it; 'cancel', that is cancelled first
--   catch_up    what was missed, in a pause or without a server: 'one' for all of it, that
--               of the last time; 'none', what is more than a minute late is left
--               out; 'all', one for each time, whatever overlap says
--   gap         a local time that a day does not have: 'next', it is at the end of the gap;
--               'skip'
--   fold        one that it has twice: 'first', 'second', 'both'
--   jitter      it is fired up to so much later, always the same for a time
--   calendar    of working time: days without any are left out
--   priority    of the runs, -2 to 2; null: the job's
--   engine      'workflow', or 'pg_cron': a job of pg_cron, in this database, fires it; what
--               that has not fired a minute later is fired as by 'workflow'. For cron
--               expressions of five fields, in the time zone of pg_cron
--   every       an interval, counted from `starts`, or now
-- It is fired as the caller, who owns it, and has to have the rights for it each time. What
-- it makes has the actor 'schedule:NAME' and the key 'NAME@TIME'. Where job, rights or
-- parameters do not fit any more, it is suspended. Errors: 42710, 22023, 22004, 42704 no
-- such calendar, 55000 no pg_cron, those of run_job() and start(). Takes the name.
CREATE FUNCTION workflow.create_schedule(
    name text, job text DEFAULT NULL, definition text DEFAULT NULL, cron text DEFAULT NULL, rule text DEFAULT NULL,
    zone text DEFAULT NULL, params jsonb DEFAULT '{}', starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL,
    overlap text DEFAULT 'skip', catch_up text DEFAULT 'one', gap text DEFAULT 'next', fold text DEFAULT 'first',
    jitter interval DEFAULT NULL, calendar text DEFAULT NULL, priority int DEFAULT NULL, engine text DEFAULT 'workflow',
    every interval DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_schedule';

-- alter_schedule(name, changes): other settings for a schedule: an object with some of the
-- arguments of create_schedule but name and engine; times and intervals are strings, null is as
-- there. Where one of them says when it is fired, its next occurrence is the first one from now
-- on; else what it has missed is made as catch_up says. Who changes what is made has to have
-- the rights for it, too. Errors also: those of create_schedule. Errors of this one and all
-- below: WF010 no such schedule, WF002 who may not manage it. They lock its row.
CREATE FUNCTION workflow.alter_schedule(name text, changes jsonb) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_schedule';

-- drop_schedule(name): it makes nothing any more; what it made stays.
CREATE FUNCTION workflow.drop_schedule(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_schedule';

-- pause_schedule(name, note): it makes nothing until resume_schedule(), and then what
-- catch_up says. resume_schedule also ends a suspension: it is tried again.
CREATE FUNCTION workflow.pause_schedule(name text, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause_schedule';
CREATE FUNCTION workflow.resume_schedule(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume_schedule';

-- trigger_now(name, due): make a run or process now, besides its occurrences, also while it is
-- paused. Returns its id. due: fire the schedule if an occurrence has come that was not fired;
-- null if nothing was made; what pg_cron calls. Errors also: 22004, those of run_job() and start().
CREATE FUNCTION workflow.trigger_now(name text, due boolean DEFAULT false) RETURNS uuid
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_trigger_now';

-- backfill(name, from_at, to_at): make those of past occurrences that were not made, all in
-- this transaction. Returns their ids. Errors also: 54000 for more than 10,000 times, those
-- of run_job() and start().
CREATE FUNCTION workflow.backfill(name text, from_at timestamptz, to_at timestamptz) RETURNS SETOF uuid
    LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_backfill';

-- next_times(name, n): its next occurrences. For who may read it. Errors: WF010, WF002, 22023.
CREATE FUNCTION workflow.next_times(name text, n int DEFAULT 10) RETURNS SETOF timestamptz
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_next_times';

-- preview_schedule(...): the next n times of a schedule that is not made yet.
--   cron, rule  one of them, or every
--   zone        null: that of the session
--   from_at     nothing earlier; null: now
--   n           from 1 to 10,000
--   starts      nothing earlier, either; DTSTART of the rule, anchor of the interval; null: from_at
--   ends, gap, fold, every, calendar    as those of create_schedule()
-- Errors: 22023, with the position of what is wrong and a hint, 22004, 42704 no such calendar.
CREATE FUNCTION workflow.preview_schedule(
    cron text DEFAULT NULL, rule text DEFAULT NULL, zone text DEFAULT NULL, from_at timestamptz DEFAULT now(),
    n int DEFAULT 10, starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, gap text DEFAULT 'next',
    fold text DEFAULT 'first', every interval DEFAULT NULL, calendar text DEFAULT NULL)
    RETURNS SETOF timestamptz LANGUAGE c STABLE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_preview_schedule';

-- work_schedules(max): fire up to `max` due schedules of the current role, in this
-- transaction; what an executor does, by hand. An error is an error of this call. Returns how
-- many were fired. Errors: 22023, 22004, those of run_job() and start(). Locks the schedules,
-- and skips those that are locked.
CREATE FUNCTION workflow.work_schedules(max int DEFAULT 100) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_schedules';

-- install_cron(keep): have pg_cron do the housekeeping of this database: two jobs of the
-- caller's, which expire what is over, and fail if check() finds something. Jobs that are
-- there are changed.
--   keep   how long what is over is kept; null: no job expires anything
-- remove_cron(): without them. For superusers and workflow_admin. Errors: 22023, 55000 no
-- pg_cron; 42501 without USAGE on schema cron.
CREATE FUNCTION workflow.install_cron(keep interval DEFAULT '90 days') RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_install_cron';
CREATE FUNCTION workflow.remove_cron() RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_remove_cron';

-- may_schedule(schedule id, privilege): may the current role read, manage?
CREATE FUNCTION workflow.may_schedule(schedule int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may_schedule';

-- Who may read a schedule sees what became of what it made last.
CREATE VIEW workflow.schedules WITH (security_barrier) AS
    SELECT s.name, o.name AS owner, s.job, s.definition, s.cron, s.rule, s.every, s.zone,
           CASE WHEN s.suspended_at IS NOT NULL THEN 'suspended' WHEN s.paused THEN 'paused'
                WHEN s.next IS NULL AND s.queued IS NULL THEN 'ended' ELSE 'active' END AS state,
           CASE WHEN s.suspended_at IS NULL AND NOT s.paused AND s.due IS NOT NULL AND NOT COALESCE(r.rolcanlogin, false)
                THEN 'the owner may not log in'
                ELSE workflow.masked_text(s.owner, m.sensitive, s.error ->> 'message', s.params) END AS reason,
           s.note, s.next, s.due, s.last, s.last_at, s.last_made AS last_id,
           COALESCE((SELECT workflow.run_state(u.state) FROM workflow.run u WHERE u.id OPERATOR(pg_catalog.=) s.last_made),
                    (SELECT workflow.run_state(h.state) FROM workflow.run_history h WHERE h.run OPERATOR(pg_catalog.=) s.last_made),
                    (SELECT p.status::text FROM workflow.process p WHERE p.id OPERATOR(pg_catalog.=) s.last_made)) AS last_result,
           s.made, s.skipped, s.attempts, workflow.masked(s.owner, m.sensitive, s.params) AS params, s.starts, s.ends, s.overlap, s.catch_up, s.gap, s.fold, s.jitter,
           s.calendar, s.priority, s.engine, s.suspended_at, s.created_at, s.queued, s.tenant
    FROM workflow.schedule s
    JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) s.owner
    LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) o.role
    -- of what it makes
    CROSS JOIN LATERAL (SELECT COALESCE(
            (SELECT j.sensitive FROM workflow.job j WHERE j.name OPERATOR(pg_catalog.=) s.job ORDER BY j.version DESC LIMIT 1),
            (SELECT d.sensitive FROM workflow.definition d
             WHERE d.name OPERATOR(pg_catalog.=) s.definition ORDER BY d.version DESC LIMIT 1))) m(sensitive)
    WHERE workflow.may_schedule(s.id, 'read');

SELECT pg_extension_config_dump('workflow.schedule', '');
SELECT pg_extension_config_dump('workflow.schedule_id_seq', '');

-- ---- alerts

-- An alert, and how it stands. Looked at by the runtime of the database, all at once.
CREATE TABLE workflow.alert (
    id         int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,
    owner      int NOT NULL,                -- workflow.owner.id: what it may read counts
    kind       text COLLATE "C" NOT NULL,   -- lag, failures, waiting, silent, busy, p95, p99, failure_rate
    filter     jsonb NOT NULL,
    threshold  double precision NOT NULL,   -- seconds; of failures and busy, how many; of failure_rate, what part
    within     interval NOT NULL,           -- of failures, and of what was done: the last ones
    lasting    interval NOT NULL,           -- begins when it was over the threshold so long,
    keep       interval NOT NULL,           -- ends when it was below it so long
    job        text COLLATE "C",            -- of which a run is made then
    created_at timestamptz NOT NULL,
    paused     boolean NOT NULL DEFAULT false,
    note       text,
    state      text COLLATE "C" NOT NULL DEFAULT 'quiet',   -- quiet, pending, firing
    since      timestamptz NOT NULL,        -- when it took this state
    below      timestamptz,                 -- firing, and below the threshold since then
    value      double precision,            -- when it was looked at last; null: never
    looked_at  timestamptz,
    reason     text,                        -- why it was not, or why no run was made
    last_run   uuid
);

-- For failures: those of late.
CREATE INDEX failure_given_up ON workflow.failure (at) WHERE given_up;
CREATE INDEX run_history_failed ON workflow.run_history (ended_at) WHERE state = 4;
-- For waiting: the task that has been open longest.
CREATE INDEX task_waiting ON workflow.task (definition, state, made_at) WHERE closed_at IS NULL;

-- create_alert(...): be told when something is late, fails or waits too long.
--   name        at most 200 bytes, without ':'
--   kind        'lag', so late is what is due and has not begun: timers and runs that the
--               owner's executors do, or those of the filter; 'failures', so many
--               events were given up and runs have failed; 'waiting', a task has been open,
--               or a run has waited, for so long; 'silent', a runtime has said nothing, but
--               the server that holds the database. Of what was done `within`, as load() has
--               it: 'busy', so many executors and workers were at it, on average; 'p95' and
--               'p99', so long took 95 or 99 % of what ended, at most; 'failure_rate', this part
--               of what has finished or failed has failed
--   filter      object, one of queue, job and definition, with 'waiting' also state, one that
--               has a task; with 'silent' only runtime. Default: all that is the owner's,
--               or all runtimes; 'waiting', 'p95' and 'p99' need one
--   threshold   an interval, default a minute; of 'failures' and 'busy' a number, default 1; of
--               'failure_rate' a part up to 1, default 0.1. A number of the others is in seconds
--   job         a run of it is made when the alert begins and when it ends, with the
--               parameters alert, kind, state ('begins' or 'ends'), value, threshold and
--               since, the actor 'alert:NAME' and the key 'NAME@TIME'
--   lasting     it begins when that has lasted so long; default: at once
--   keep        it ends when it has been below the threshold for so long; default: a minute
--   within      of failures, and of what was done, that of so long; default: an hour. Of what was done a
--               minute or more
-- For who may read the queue, job or definition, or see runtimes, and run the job. Errors: 42710,
-- 22023, 22004, WF010 no such job or queue, WF006, WF018, WF002; 0A000 for a job whose parameters have
-- checks, computed defaults or types that are not plain, or whose partition is computed.
CREATE FUNCTION workflow.create_alert(
    name text, kind text, filter jsonb DEFAULT NULL, threshold text DEFAULT NULL, job text DEFAULT NULL,
    lasting interval DEFAULT NULL, keep interval DEFAULT NULL, within interval DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_alert';
CREATE FUNCTION workflow.create_alert(
    name text, kind text, filter jsonb, threshold interval, job text DEFAULT NULL,
    lasting interval DEFAULT NULL, keep interval DEFAULT NULL, within interval DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_alert_interval';
CREATE FUNCTION workflow.create_alert(
    name text, kind text, filter jsonb, threshold numeric, job text DEFAULT NULL,
    lasting interval DEFAULT NULL, keep interval DEFAULT NULL, within interval DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_alert_numeric';

-- alter_alert(name, changes): other settings for an alert: an object with some of the
-- arguments of create_alert but name and kind, as JSON has them; null is the default. Its
-- state stays. Errors also: those of create_alert. Errors of this one and all below: WF010
-- no such alert, WF002 for all but the owner and workflow_admin. They lock its row.
CREATE FUNCTION workflow.alter_alert(name text, changes jsonb) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_alert';

-- drop_alert(name): no run is made of it any more, also not for its end.
CREATE FUNCTION workflow.drop_alert(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_alert';

-- pause_alert(name, note): it is not looked at, and quiet, until resume_alert(), after which
-- it begins anew. No run is made for that.
CREATE FUNCTION workflow.pause_alert(name text, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause_alert';
CREATE FUNCTION workflow.resume_alert(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume_alert';

-- work_alerts(): look at the alerts of the current role, in this transaction; what the runtime
-- does with all, by hand. Returns how many have begun or ended. Locks them, and skips those
-- that are locked.
CREATE FUNCTION workflow.work_alerts() RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_alerts';

CREATE VIEW workflow.alerts WITH (security_barrier) AS
    SELECT a.name, a.kind, a.filter, a.threshold, CASE WHEN a.paused THEN 'paused' ELSE a.state END AS state, a.since,
           a.value, a.looked_at, a.job, o.name AS owner, a.note, a.reason, a.lasting, a.keep, a.within, a.last_run,
           a.created_at
    FROM workflow.alert a JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner
    WHERE pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE') OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE');

SELECT pg_extension_config_dump('workflow.alert', '');
SELECT pg_extension_config_dump('workflow.alert_id_seq', '');

-- ---- file triggers

-- A file trigger, and how it stands. A background worker looks into its directory.
CREATE TABLE workflow.file_trigger (
    id           int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    name         text COLLATE "C" NOT NULL UNIQUE,
    owner        int NOT NULL,              -- workflow.owner.id: by whose rights runs are made
    directory    text COLLATE "C" NOT NULL, -- an absolute path, or a URL
    pattern      text COLLATE "C" NOT NULL,
    "check"      text COLLATE "C" NOT NULL, -- new, modified, content
    "interval"   interval NOT NULL,
    settle       interval NOT NULL,
    job          text COLLATE "C" NOT NULL,
    priority     smallint,                  -- null: the job's
    starts       timestamptz,
    ends         timestamptz,
    enabled      boolean NOT NULL,
    note         text COLLATE "C",
    created_at   timestamptz NOT NULL,
    suspended_at timestamptz,
    reason       text COLLATE "C",          -- why, or why its directory cannot be looked at
    revision     bigint NOT NULL DEFAULT 0, -- how often its rows of file_seen were written
    inode        bigint,                    -- of the directory; null: not known
    skipped      bigint NOT NULL DEFAULT 0, -- files in it that cannot be told of
    made         bigint NOT NULL DEFAULT 0, -- runs
    last_at      timestamptz,               -- when the last one was made,
    last_file    text COLLATE "C",          -- of what,
    last_run     uuid,                      -- and which it is
    tenant       text COLLATE "C"           -- for whom runs are made
);

-- A file of a file trigger, as it looked when it made a run. Of one that was reported and
-- has not settled: since when it looks so.
CREATE TABLE workflow.file_seen (
    trigger        int NOT NULL,
    name           text COLLATE "C" NOT NULL,   -- behind the directory
    size           bigint,
    modified       timestamptz,
    inode          bigint,
    changed        timestamptz,             -- null: it is not certain that this is its last state
    sha256         bytea,
    run            uuid,                    -- the last one
    seen_at        timestamptz,             -- null: it has made none yet
    waits_since    timestamptz,
    waits_size     bigint,
    waits_modified timestamptz,
    PRIMARY KEY (trigger, name)
);

-- create_file_trigger(...): make a run of a job for each file that comes into a directory,
-- or is changed there. Files that are there already count as new; those that are
-- renamed do under their new names; that one is deleted makes no run.
--   name        at most 200 bytes, without ':'
--   directory   an absolute path: this server looks into it, not below, if a superuser has it
--               listed in workflow.trigger_directories and the caller has been granted
--               'watch' on it, 'directory:PATH'; or any other, or a URL without "/" at its
--               end: runs are made of files that are reported
--   pattern     of names in it: '*' any characters, '?' one; a dot first only by a dot
--   check       'new': each file once; 'modified': again when its size or its time is
--               another; 'content': when its SHA-256 is
--   interval    how often the server looks, at least 1 second
--   settle      not before the file's size and time have been the same for so long
--   job         its newest version is run, as by the caller, with the path as the parameter
--               triggerfile, if it has that or declares none; all others need defaults
--   priority    of the runs, -2 to 2; null: the job's
--   starts, ends   not before, not after
--   enabled     false: it begins with enable_file_trigger()
-- A run has the actor 'file_trigger:NAME'. A file that is changed while a run of it waits
-- makes no other one. When job or rights do not fit any more, it is suspended. Errors: 42710,
-- 22023, 22004, 22001, WF002, WF010 no such job, 0A000 as create_alert(), those of run_job().
CREATE FUNCTION workflow.create_file_trigger(
    name text, directory text, pattern text DEFAULT '*', "check" text DEFAULT 'new',
    "interval" interval DEFAULT '1 minute', settle interval DEFAULT '0', job text DEFAULT NULL,
    priority int DEFAULT NULL, starts timestamptz DEFAULT NULL, ends timestamptz DEFAULT NULL, enabled boolean DEFAULT true)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_create_file_trigger';

-- alter_file_trigger(name, changes): other settings for a file trigger, which knows its files as
-- before: an object with some of pattern, check, interval, settle, job, priority, starts and ends
-- of create_file_trigger(); times and intervals are strings, null is the default as there. Files
-- that a pattern brings are new, unless they have made runs before. Where contents count from now
-- on, a file makes a run when it looks other than it did. Who changes the job has to have the
-- right to run it, too. A suspension stays. Errors also: those of create_file_trigger(). Errors
-- of this one and those below: WF010 no such file trigger, WF002 for all but the owner and
-- workflow_admin, 22004. They lock its row.
CREATE FUNCTION workflow.alter_file_trigger(name text, changes jsonb) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_alter_file_trigger';

-- drop_file_trigger(name): it makes no runs any more, and forgets its files. Those that were
-- made stay.
CREATE FUNCTION workflow.drop_file_trigger(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_file_trigger';

-- disable_file_trigger(name, note): it makes no runs until enable_file_trigger(), and then
-- of all that has come or was changed meanwhile. That ends a suspension, too.
CREATE FUNCTION workflow.enable_file_trigger(name text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_enable_file_trigger';
CREATE FUNCTION workflow.disable_file_trigger(name text, note text DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_disable_file_trigger';

-- report_file(...): a file looks so: whoever looks where this server does not tells it each
-- time. Returns the run that it makes, or that waits; null: none.
--   path       the directory of the trigger, "/" and a name
--   size, modified   of the file; of a URL what is known, as Last-Modified
--   sha256     of the content, if the trigger checks that
--   all three null: it has gone
-- For the owner, workflow_runtime and workflow_admin. Errors also: 22023 not its directory,
-- 22004 what it checks, those of run_job(). Locks the row of the trigger if there is
-- anything new.
CREATE FUNCTION workflow.report_file(trigger text, path text, size bigint, modified timestamptz, sha256 bytea DEFAULT NULL)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_report_file';

-- is_watched(directory): is it listed in workflow.trigger_directories, or below one that is?
CREATE FUNCTION workflow.is_watched(directory text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_is_watched';

CREATE VIEW workflow.file_triggers WITH (security_barrier) AS
    SELECT f.name, o.name AS owner, f.directory, f.pattern, f."check", f."interval", f.settle, f.job, f.priority, f.starts, f.ends,
           CASE WHEN f.suspended_at IS NOT NULL THEN 'suspended' WHEN NOT f.enabled THEN 'disabled'
                WHEN f.ends <= pg_catalog.now() THEN 'ended' WHEN f.reason IS NOT NULL THEN 'failing'
                WHEN NOT workflow.is_watched(f.directory) THEN 'reported' ELSE 'watched' END AS state,
           f.reason, f.note, f.made, f.last_at, f.directory OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) f.last_file AS last_file,
           f.last_run, f.skipped, f.suspended_at, f.created_at, f.tenant
    FROM workflow.file_trigger f JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) f.owner
    WHERE (pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE') OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(f.tenant);

-- Files that have made runs, as long as they are there.
CREATE VIEW workflow.triggered_files WITH (security_barrier) AS
    SELECT f.name AS trigger, f.directory OPERATOR(pg_catalog.||) '/' OPERATOR(pg_catalog.||) s.name AS path, s.size, s.modified, s.seen_at, s.run
    FROM workflow.file_seen s JOIN workflow.file_trigger f ON f.id OPERATOR(pg_catalog.=) s.trigger
    JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) f.owner
    WHERE s.seen_at IS NOT NULL
      AND (pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE') OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(f.tenant);

SELECT pg_extension_config_dump('workflow.file_trigger', '');
SELECT pg_extension_config_dump('workflow.file_trigger_id_seq', '');
SELECT pg_extension_config_dump('workflow.file_seen', '');

-- ---- retention by rules

-- A rule for processes of a definition, or runs of a job or in a queue.
CREATE TABLE workflow.keep (
    id          int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    kind        text COLLATE "C" NOT NULL,  -- definition, job, queue
    name        text COLLATE "C" NOT NULL,
    outcome     text COLLATE "C" NOT NULL,  -- finished, failed, aborted, expired; empty: any
    owner       int NOT NULL,               -- workflow.owner.id: whose it is
    keep        interval,                   -- null: for ever
    relation    oid,                        -- the archive; adopt() finds it anew, 0: it did not
    archive_to  text,                       -- its name, when the rule was made; null: none
    search_path text,                       -- for its triggers, as it was, pg_temp last
    time_zone   text,                       -- the same
    set_at      timestamptz NOT NULL,
    set_by      text COLLATE "C" NOT NULL,
    due         timestamptz,                -- something is to be archived; null: nothing
    position    uuid,                       -- processes or runs up to this one have been looked at
    archived    bigint NOT NULL DEFAULT 0,  -- since the rule was made
    failed      bigint NOT NULL DEFAULT 0,  -- that could not be, in the latest pass,
    error       text,                       -- and the last one of these
    losses      smallint NOT NULL DEFAULT 0,    -- in a row that may have ended the server
    UNIQUE (kind, name, outcome)
);

-- set_retention(...): for how long processes of a definition that are over are kept, or runs
-- of a job or in a queue that have ended; in place of workflow.retention, and of the rule for
-- the same that there is.
--   for_what    the name of a definition, 'job:NAME' or 'queue:NAME'
--   keep        at least a minute; null: for ever
--   outcome     only of those that have ended so: 'finished', 'failed' (a process: in a final
--               state that is a failure), 'aborted' (a process: cancelled), 'expired' (runs);
--               null: of all. A rule for an outcome comes before one for all; one of a job
--               before one of a queue
--   archive_to  a table, ordinary or partitioned, that gets a row of each before it is removed,
--               in the same transaction. It is written to by the owner of the definition, job
--               or queue, by an executor. Of its columns those are filled that have one of these
--               names: of processes process, definition, version, key, outcome, states, context,
--               output, steps, started_by, started_at, ended_at, parent, invoke, tenant, history;
--               of runs run, job, version, queue, partition, key, outcome, attempts, params,
--               result, error, actor, worker, started_by, due, started_at, ended_at, process,
--               invoke, tenant, log; and document, jsonb, which is all of these. Others must do
--               with their defaults
-- For the owner, workflow_admin, and who may manage the job or queue; archive_to only for who
-- has the rights of the owner. Errors: 22004; 22023 also for a table without such columns, or
-- with others of their types; 42501 the owner may not insert into it; 42809; WF002; WF006,
-- WF010. Locks the rule, and waits for a piece of expiry that is under way.
CREATE FUNCTION workflow.set_retention(
    for_what text, keep interval, outcome text DEFAULT NULL, archive_to regclass DEFAULT NULL)
    RETURNS void LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_retention';

-- drop_retention(for_what, outcome): the rule for just this is removed, and what it was for is
-- kept as others say, or workflow.retention. Returns false when there is none. For whom, errors
-- and locks as of set_retention().
CREATE FUNCTION workflow.drop_retention(for_what text, outcome text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_drop_retention';

-- Rules, for the owners of what they are for, administrators and monitors. state: ready; no
-- table, not allowed (to write to it, or to log in): nothing can be archived, and nothing is
-- removed; failed: some could not be in the latest pass, and are tried again in the next; stopped: the server has ended three
-- times in a row while something was archived, which is not tried again before set_retention().
-- archived: rows, since the rule was made.
CREATE VIEW workflow.retention WITH (security_barrier) AS
    SELECT CASE k.kind WHEN 'definition' THEN k.name ELSE k.kind || ':' || k.name END AS for_what,
           NULLIF(k.outcome, '') AS outcome, k.keep, COALESCE(c.oid::regclass::text, k.archive_to) AS archive_to, o.name AS owner,
           CASE WHEN k.archive_to IS NULL THEN 'ready'
                WHEN c.oid IS NULL THEN 'no table'
                WHEN NOT COALESCE(r.rolcanlogin AND has_table_privilege(r.oid, c.oid, 'INSERT'), false) THEN 'not allowed'
                WHEN k.losses >= 3 THEN 'stopped'
                WHEN k.failed > 0 THEN 'failed'
                ELSE 'ready' END AS state,
           k.archived, k.failed, k.error, k.set_at, k.set_by
    FROM workflow.keep k
    JOIN workflow.owner o ON o.id = k.owner
    LEFT JOIN pg_roles r ON r.oid = o.role
    LEFT JOIN pg_class c ON c.oid = k.relation
    WHERE pg_has_role(o.role, 'USAGE') OR pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE');

SELECT pg_extension_config_dump('workflow.keep', '');
SELECT pg_extension_config_dump('workflow.keep_id_seq', '');

-- ---- end of what is new for schedules

-- ---- bulk operations

-- An operation, and how far it has come. An executor of its role looks for what is due in
-- the index bulk_due.
CREATE TABLE workflow.bulk (
    id         uuid PRIMARY KEY,
    owner      int NOT NULL,                -- workflow.owner.id: the role with whose rights it is done
    act        text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,   -- of items: process, run
    filter     jsonb NOT NULL,
    changes    jsonb,
    scope      text[] COLLATE "C",          -- definitions or jobs all of whose items it may touch; null: of all
    keep_all   boolean NOT NULL,            -- also what came of items that were done
    role       text COLLATE "C" NOT NULL,   -- the name of the role, then,
    login      text COLLATE "C" NOT NULL,   -- and who had logged in
    actor      text COLLATE "C",
    note       text COLLATE "C",
    made_at    timestamptz NOT NULL,
    state      text COLLATE "C" NOT NULL DEFAULT 'waiting',
    reason     text COLLATE "C",            -- why it is paused, stopped or cancelled
    due        timestamptz,                 -- its next slice; null: none
    phase      smallint NOT NULL,           -- 0 items are counted, 1 done, 2 those that were locked are done
    source     smallint NOT NULL DEFAULT 0, -- the table of items that it is at
    position   uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',    -- items up to this one are done
    total      bigint,                      -- items, as far as they are counted
    done       bigint NOT NULL DEFAULT 0,
    skipped    bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    failed     bigint NOT NULL DEFAULT 0,
    locked     bigint NOT NULL DEFAULT 0,   -- to be tried again
    begun_at   timestamptz,
    last_at    timestamptz,                 -- its last slice
    paced_at   timestamptz,                 -- since then it goes on without a break,
    paced_from bigint NOT NULL DEFAULT 0,   -- and had done so many items by then
    losses     smallint NOT NULL DEFAULT 0, -- in a row that ended the server
    alone      int NOT NULL DEFAULT 0,      -- so many items are done one by one, after a loss
    attempts   smallint NOT NULL DEFAULT 0, -- that came to nothing, in a row
    ended_at   timestamptz,
    tenant     text COLLATE "C"             -- for whom it works; null: for nobody in particular
);
CREATE INDEX bulk_due ON workflow.bulk (owner, due, id) WHERE due IS NOT NULL;
CREATE INDEX bulk_ended ON workflow.bulk (ended_at) WHERE ended_at IS NOT NULL;

-- What came of an item: of those that were refused, have failed, or are locked by others;
-- of all, if they are to be kept.
CREATE TABLE workflow.bulk_item (
    bulk   uuid NOT NULL,
    item   uuid NOT NULL,                   -- the process or the run
    result text COLLATE "C" NOT NULL,       -- done, skipped, refused, failed, locked
    error  jsonb,
    tries  smallint NOT NULL DEFAULT 0,     -- after the first one
    at     timestamptz NOT NULL,
    PRIMARY KEY (bulk, item)
);
CREATE INDEX bulk_item_item ON workflow.bulk_item (item);
CREATE INDEX bulk_item_locked ON workflow.bulk_item (bulk, item) WHERE result = 'locked';
SELECT pg_extension_config_dump('workflow.bulk', '');
SELECT pg_extension_config_dump('workflow.bulk_item', '');

-- bulk(...): do one thing to many processes or runs. Returns at once; executors do it, a slice
-- a transaction, each item once.
--   act         processes: 'cancel', 'suspend', 'resume', 'send', 'migrate';
--               runs: 'cancel', 'redrive', 'alter'
--   filter      which ones; {}: all. Of processes, those that are not over: definition, version,
--               state (a string or a list: in one of them, or inside of it), status (the same),
--               suspended (true, false), tags and attributes (as search() has them), key, since,
--               until (started then or later, and before), ids. Of runs: job, queue, partition,
--               state (to cancel: 'waiting', 'running', by default both, 'aborting', 'failed'; to
--               redrive: 'failed', the default, 'aborted', 'expired'), key, since, until (due, or,
--               to redrive, ended), ids. Where 'cancel' leaves it open: kind, 'process' or 'run'
--   changes     send: {"event", "data"}; migrate: {"version", "mapping", "patch"}; cancel runs:
--               {"force"}; alter: as alter_runs() has them
--   actor       on whose behalf; default: current_user
--   note        why; for the history of processes, and for who looks
--   keep_all    keep what came of each item, not only of those with which it did not go well
-- Items are those that fit now, and still do when their turn comes; of those definitions and
-- jobs, or runs, that the caller may do this to. Each is done as by the function of that name,
-- with the rights that the caller has then. Errors: 22004; 22023 for what it does not know;
-- 42501; 54000 for more than 100,000 ids; WF002, WF006, WF010; of attributes and tags those of
-- search(), of changes those of alter_runs(). Locks nothing.
CREATE FUNCTION workflow.bulk(
    act text, filter jsonb, changes jsonb DEFAULT NULL, actor text DEFAULT NULL, note text DEFAULT NULL,
    keep_all boolean DEFAULT false)
    RETURNS uuid LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_bulk';

-- pause_bulk(bulk, note): it rests, until resume_bulk(), which also lets one go on that was
-- stopped; it goes on where it was. cancel_bulk: it ends where it is; what was done stays. Each
-- returns whether that changed anything. For who has asked for it and workflow_admin. Errors:
-- 22004; WF010 no such operation; WF002. They lock it, for which they wait for a slice.
CREATE FUNCTION workflow.pause_bulk(bulk uuid, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause_bulk';
CREATE FUNCTION workflow.resume_bulk(bulk uuid) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_resume_bulk';
CREATE FUNCTION workflow.cancel_bulk(bulk uuid, note text DEFAULT NULL) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_cancel_bulk';

-- CALL await_bulk(bulk, timeout, state): wait until nothing more is done of it: it has ended, is
-- paused or stopped; `state` becomes how it stands. Errors: 22004, WF010, WF002; 57014 after the
-- timeout; 25001 in a transaction block; 25006 on a standby. Locks nothing.
CREATE PROCEDURE workflow.await_bulk(bulk uuid, timeout interval DEFAULT '30 seconds', INOUT state text DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_await_bulk';

-- work_bulks(max): do up to `max` items of one operation of the current role that is due, in this
-- transaction, as its executor would; where none is due, what a rule of retention has an archive for
-- goes there. Returns how many; 1 also for a look at the tables; 0: nothing is due. Errors: 22004,
-- 22023. Locks the operation or the rule, and the items, skipping those that are locked.
CREATE FUNCTION workflow.work_bulks(max int DEFAULT 100) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_bulks';

-- Who has asked for an operation sees it, and so do members of that role, administrators and
-- monitors. processed: items that are dealt with for good; rate: of them, a second; eta: when
-- it may be through. What may be data of processes and runs, in filter and changes, is only for
-- that role. Rows are kept as history is.
CREATE VIEW workflow.bulks WITH (security_barrier) AS
    SELECT b.id, b.act, b.kind,
           CASE WHEN m.mine THEN b.filter ELSE b.filter || x.filter END AS filter,
           CASE WHEN m.mine THEN b.changes ELSE b.changes || x.changes END AS changes, b.state,
           CASE WHEN b.due IS NOT NULL AND NOT COALESCE(r.rolcanlogin, false)
                THEN 'the role may not log in' ELSE b.reason END AS reason,
           b.role, b.login, b.actor, b.note, b.made_at AS since, b.total,
           n.processed, b.done, b.skipped, b.refused, b.failed, b.locked, round(n.rate, 1) AS rate,
           CASE WHEN b.due IS NOT NULL AND b.phase > 0 AND n.rate > 0 AND b.total >= n.processed
                THEN b.last_at + (b.total - n.processed)::float8 / n.rate::float8 * interval '1 second' END AS eta,
           b.begun_at, b.last_at, b.ended_at, b.keep_all, b.tenant
    FROM workflow.bulk b
    CROSS JOIN LATERAL (
        SELECT m.processed,
               CASE WHEN b.last_at > b.paced_at
                    THEN (m.processed - b.paced_from)::numeric / extract(epoch FROM b.last_at - b.paced_at) END
        FROM (SELECT b.done + b.skipped + b.refused + b.failed) m(processed)) n(processed, rate)
    LEFT JOIN workflow.owner o ON o.id = b.owner AND o.role <> 0
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = o.role
    CROSS JOIN LATERAL (SELECT r.oid IS NOT NULL AND pg_has_role(r.oid, 'USAGE')) m(mine)
    CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_object_agg(k.key, '***') FILTER (WHERE k.key = 'attributes' AND b.filter ? k.key), '{}'),
               COALESCE(jsonb_object_agg(k.key, '***') FILTER (WHERE k.key <> 'attributes' AND b.changes ? k.key), '{}')
        FROM unnest('{attributes,data,patch,params}'::text[]) k(key)) x(filter, changes)
    WHERE (m.mine OR pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(b.tenant);

-- What came of items, for who sees the operation.
CREATE VIEW workflow.bulk_items WITH (security_barrier) AS
    SELECT i.bulk, i.item, i.result, i.error ->> 'code' AS code,
           workflow.masked_text(s.owner, s.sensitive, i.error ->> 'message', s.truth, s.given) AS message,
           workflow.masked_text(s.owner, s.sensitive, i.error ->> 'detail', s.truth, s.given) AS detail, i.tries, i.at, b.tenant
    FROM workflow.bulk_item i JOIN workflow.bulks b ON b.id = i.bulk
    LEFT JOIN LATERAL (
        SELECT d.owner, d.sensitive, p.context, (SELECT COALESCE(t.changes -> 'data', t.changes -> 'patch') FROM workflow.bulk t WHERE t.id = i.bulk)
        FROM workflow.process p JOIN workflow.definition d ON d.id = p.definition WHERE p.id = i.item
        UNION ALL
        SELECT j.owner, j.sensitive, u.params, (SELECT t.changes FROM workflow.bulk t WHERE t.id = i.bulk) -> 'params'
        FROM (SELECT r.job, r.params FROM workflow.run r WHERE r.id = i.item
              UNION ALL SELECT h.job, h.params FROM workflow.run_history h WHERE h.run = i.item) u
        JOIN workflow.job j ON j.id = u.job LIMIT 1) s(owner, sensitive, truth, given) ON true
    WHERE workflow.sees_tenant(b.tenant);

-- ---- end of what is new for bulk operations

-- What operators have done: who, as which login, and why.

-- Something that an operator has done: written in the same transaction. What is done
-- with a definition is in definition_change. Partitions form a ring with those of history.
CREATE TABLE workflow.act (
    id     uuid NOT NULL,
    at     timestamptz NOT NULL,
    act    text COLLATE "C" NOT NULL,   -- the function that was called
    kind   text COLLATE "C" NOT NULL,   -- of what: process, job, run, queue, limit, schedule, table_trigger, file_trigger,
                                        -- alert, calendar, bulk, owner, role, runtime, setting, database
    object text COLLATE "C",            -- its name or id; null: many
    owner  int NOT NULL,                -- whose it is; 0: administrators'
    role   text COLLATE "C" NOT NULL,   -- current_user
    login  text COLLATE "C" NOT NULL,   -- session_user
    actor  text COLLATE "C",            -- on whose behalf
    detail jsonb,
    note   text COLLATE "C",
    slot   smallint NOT NULL,
    PRIMARY KEY (id, slot)
) PARTITION BY LIST (slot);
CREATE TABLE workflow.act_0 PARTITION OF workflow.act FOR VALUES IN (0);
CREATE TABLE workflow.act_1 PARTITION OF workflow.act FOR VALUES IN (1);
CREATE TABLE workflow.act_2 PARTITION OF workflow.act FOR VALUES IN (2);
CREATE TABLE workflow.act_3 PARTITION OF workflow.act FOR VALUES IN (3);
CREATE TABLE workflow.act_4 PARTITION OF workflow.act FOR VALUES IN (4);
CREATE TABLE workflow.act_5 PARTITION OF workflow.act FOR VALUES IN (5);
CREATE TABLE workflow.act_6 PARTITION OF workflow.act FOR VALUES IN (6);
CREATE TABLE workflow.act_7 PARTITION OF workflow.act FOR VALUES IN (7);
CREATE INDEX act_at ON workflow.act (at);
CREATE INDEX act_object ON workflow.act (object, kind);

DO $dump$
BEGIN
    FOR n IN 0 .. 7 LOOP
        PERFORM pg_catalog.pg_extension_config_dump(('workflow.act_' OPERATOR(pg_catalog.||) n)::pg_catalog.regclass, '');
    END LOOP;
END
$dump$;

-- ---- workers and runtimes: roles

DO $roles$
DECLARE
    wanted  name;
    members text;
    login   boolean;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['workflow_worker', 'workflow_runtime']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) wanted) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
            CONTINUE;
        END IF;
        WITH RECURSIVE m(oid) AS (
            SELECT a.member FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.roleid
            WHERE r.rolname OPERATOR(pg_catalog.=) wanted
            UNION
            SELECT a.member FROM m JOIN pg_catalog.pg_auth_members a ON a.roleid OPERATOR(pg_catalog.=) m.oid)
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ' ORDER BY r.rolname) INTO members
        FROM m JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.oid;
        SELECT r.rolcanlogin INTO login FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) wanted;
        IF members IS NOT NULL OR login THEN
            RAISE WARNING USING
                MESSAGE = pg_catalog.format('role %I exists already%s', wanted, CASE WHEN login THEN ', and may log in' ELSE '' END),
                DETAIL = CASE WHEN members IS NOT NULL THEN pg_catalog.format('Its members: %s.', members) ELSE 'It has no members.' END,
                HINT = 'Roles are the server''s: whoever has this one has its rights in this database, too.';
        END IF;
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA workflow TO workflow_worker, workflow_runtime;

-- ---- files

-- Files that every runtime has: what is stored here, each of them pulls.

-- A version of a file. The newest one of each path is what there is; a few older ones are
-- kept. That a file is gone is a version, too, so that runtimes hear of it.
CREATE TABLE workflow.file (
    path    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,            -- 1, 2, ... of the path
    folded  bytea NOT NULL,             -- the path as it is compared with others: in lower case, UTF-8
    size    bigint,                     -- null: it was deleted
    sha256  bytea,                      -- the same
    mode    text COLLATE "C",           -- null: that of who writes it
    owner   int NOT NULL,
    request bigint GENERATED BY DEFAULT AS IDENTITY,
    xid     xid8 NOT NULL,              -- of the transaction that has written it: requests commit in any order
    at      timestamptz NOT NULL,
    newest  boolean NOT NULL,
    PRIMARY KEY (path, version)
);
CREATE UNIQUE INDEX file_newest ON workflow.file (path) WHERE newest;
CREATE UNIQUE INDEX file_folded ON workflow.file (folded) WHERE newest AND size IS NOT NULL;
CREATE INDEX file_pulled ON workflow.file (xid, request) WHERE newest;
CREATE UNIQUE INDEX file_by_request ON workflow.file (request);
CREATE INDEX file_owner ON workflow.file (owner);

-- What is in a file, in pieces of 256 kB; those of a file that is being sent have its number,
-- below zero, as their version.
CREATE TABLE workflow.file_chunk (
    path    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    n       int NOT NULL,               -- from 0
    bytes   bytea NOT NULL,
    PRIMARY KEY (path, version, n)
);
-- what is worth compressing is so already
ALTER TABLE workflow.file_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- A file that somebody sends in parts.
CREATE TABLE workflow.file_upload (
    id      bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    path    text COLLATE "C" NOT NULL,
    mode    text COLLATE "C",
    role    oid NOT NULL,               -- who sends it
    size    bigint NOT NULL,            -- so much has come
    at      timestamptz NOT NULL        -- when it came
);

-- What was changed, for a week: for people.
CREATE TABLE workflow.file_request (
    request bigint PRIMARY KEY,
    path    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    size    bigint,                     -- null: it was deleted
    at      timestamptz NOT NULL,
    actor   text COLLATE "C" NOT NULL
);
CREATE INDEX file_request_at ON workflow.file_request (at);

-- How far a runtime has taken files over: all newest versions before this place, in the order of
-- (xid, request). It has never heard of what was deleted before `base`. Not dumped.
CREATE TABLE workflow.file_cursor (
    runtime text COLLATE "C" PRIMARY KEY,
    xid     xid8 NOT NULL,
    request bigint NOT NULL,
    base    xid8 NOT NULL,
    at      timestamptz NOT NULL        -- when it has confirmed something last
);

-- What a runtime has confirmed behind that place, or could not write. Not dumped.
CREATE TABLE workflow.file_receipt (
    runtime  text COLLATE "C" NOT NULL,
    request  bigint NOT NULL,
    error    text COLLATE "C",          -- null: it has the file
    attempts int NOT NULL,
    retry_at timestamptz NOT NULL,      -- before that it does not get it again, after an error
    PRIMARY KEY (runtime, request)
);

-- put_file(path, content, mode): from the commit on this is what all runtimes have under that
-- path.
--   path     names separated by "/", below the directory that each runtime keeps files in. No
--            "..", no empty name, none that begins with ".workflow", no "\", no control
--            characters; in Unicode's form NFC; at most 1024 bytes, 255 each. No two files
--            have paths that differ in case only, and none is in the place of a directory
--   content  at most 16 MB; more by begin_file()
--   mode     permissions of the file, '0644' or the like; null: as the runtime likes
-- Returns the number of the version, and what of its content can be compared. Nothing happens,
-- and the version stays, if that is what there is. Who puts a new path owns it; others may
-- write and read what begins with it after grant_on('file:PREFIX', role, 'write', 'read'): a
-- path, or one that ends with "/" and all below it. PREPARE TRANSACTION is refused after it, as
-- after all of these that change files.
-- Errors: 22023, 22001, 22004 the path, the mode; 54000 too large; 42710 another file is in
-- the way; WF002; 55000 as define(). Waits for transactions that change the same path, or one
-- that would be in the way.
CREATE FUNCTION workflow.put_file(
    path text, content bytea, mode text DEFAULT NULL, OUT version bigint, OUT sha256 bytea)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_put_file';

-- begin_file(path, mode): begin to send a file of up to 64 MB in parts; returns a number for it.
-- put_file_part(upload, at, content): the next part, of at most 16 MB, behind the first `at`
-- bytes; returns how many there are now. end_file(upload, sha256): that was all, and its
-- SHA-256 is this; only now the file is there, as with put_file(). Each may be a transaction of
-- its own; what is not ended within a day is forgotten.
-- Errors: those of put_file(); WF010 no such upload; WF002 another role's; 22023 a part that
-- does not follow, or another SHA-256. Lock the upload.
CREATE FUNCTION workflow.begin_file(path text, mode text DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_begin_file';
CREATE FUNCTION workflow.put_file_part(upload bigint, at bigint, content bytea) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_put_file_part';
CREATE FUNCTION workflow.end_file(upload bigint, sha256 bytea, OUT version bigint, OUT sha256 bytea)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_end_file';

-- delete_file(path): no runtime has that file any more; returns the number of the version that
-- says so. For those who may write it. Errors: WF010 there is none; WF002; others as
-- put_file().
CREATE FUNCTION workflow.delete_file(path text) RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_delete_file';

-- get_file(path, version): what is in a file; null: in the newest version. The three before that
-- are kept. get_file_part(path, version, at, length): so many bytes of it, at most 16 MB, from
-- byte `at` on; fewer at its end. For those who may read it: the owner, who was granted it,
-- runtimes, monitors and administrators. Errors: WF010 there is none; WF002; 22023.
CREATE FUNCTION workflow.get_file(path text, version bigint DEFAULT NULL) RETURNS bytea
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_get_file';
CREATE FUNCTION workflow.get_file_part(path text, version bigint, at bigint, length int) RETURNS bytea
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_get_file_part';

-- pull_files(runtime, epoch, n, with_content): what a runtime has still to take over, the oldest first; a new
-- one begins with everything that there is. How many wait beat() says.
--   request  what it confirms
--   sha256   what the file has to be; null, as size, mode and content: it is to be deleted
--   content  null also for files of more than 1 MB, and behind 16 MB, or all if with_content is false:
--            get_file_part() has it
--   mode     null: as it likes
-- The same comes again until it is confirmed, so it does no harm to do something twice; a
-- version that is not the newest one any more is passed over.
-- confirm_files(runtime, epoch, requests, errors): the runtime has these now. errors: what kept
-- it from that, null for each that it has; what it could not write comes again, later and later,
-- up to five minutes, and the others go on. Returns how many it has still to take over.
-- forget_files(runtime, epoch): the runtime has nothing any more, and begins anew.
-- Errors: WF012 its epoch is over; WF018 another role's; WF002 not approved; 22004, 22023,
-- 2202E; 55000 in a transaction that has changed runtimes. Lock how far the runtime is.
CREATE FUNCTION workflow.pull_files(
    runtime text, epoch bigint, n int DEFAULT 100, with_content boolean DEFAULT true,
    OUT request bigint, OUT path text, OUT version bigint, OUT sha256 bytea, OUT size bigint, OUT deleted boolean,
    OUT content bytea, OUT mode text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_pull_files';
CREATE FUNCTION workflow.confirm_files(
    runtime text, epoch bigint, requests bigint[], errors text[] DEFAULT NULL) RETURNS int
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_confirm_files';
CREATE FUNCTION workflow.forget_files(runtime text, epoch bigint) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_forget_files';
-- file_position(runtime, epoch, xid, request): how far a runtime is: it has all newest versions
-- before this place. One that remembers, on the disk with the files, up to where it has them says
-- so when it begins: it is set back to there, or to the beginning ('0', 0) if it was never so far
-- here; then what it has may be that of another time, and it compares all. Errors and lock as above;
-- 22004 one of the two is null.
CREATE FUNCTION workflow.file_position(
    runtime text, epoch bigint, INOUT xid xid8 DEFAULT NULL, INOUT request bigint DEFAULT NULL)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_file_position';

-- may_file(path, owner id, privilege): may the current role read or write a file of that owner?
CREATE FUNCTION workflow.may_file(path text, owner int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may_file';

-- The files that there are; and their versions, as far as they are kept.
CREATE VIEW workflow.files WITH (security_barrier) AS
    SELECT f.path, f.version, f.size, f.sha256, f.mode, o.name AS owner, f.at AS changed_at
    FROM workflow.file f LEFT JOIN workflow.owner o ON o.id = f.owner
    WHERE f.newest AND f.size IS NOT NULL AND workflow.may_file(f.path, f.owner, 'read');
CREATE VIEW workflow.file_versions WITH (security_barrier) AS
    SELECT f.path, f.version, f.size IS NULL AS deleted, f.size, f.sha256, f.mode, o.name AS owner, f.at
    FROM workflow.file f LEFT JOIN workflow.owner o ON o.id = f.owner
    WHERE workflow.may_file(f.path, f.owner, 'read');

-- What was changed in the last seven days.
--   superseded  there is a newer version, which is what runtimes take over
--   waiting     runtimes that have not taken it over yet, of those that pull files
--   errors      what keeps them from that, by runtime
CREATE VIEW workflow.file_requests WITH (security_barrier) AS
    SELECT q.request, q.path, q.version, CASE WHEN q.size IS NULL THEN 'delete' ELSE 'put' END AS change, q.size, q.at, q.actor,
           f.version <> q.version AS superseded, COALESCE(w.waiting, '{}') AS waiting, w.errors
    FROM workflow.file_request q
    JOIN workflow.file f ON f.path = q.path AND f.newest
    CROSS JOIN LATERAL (
        SELECT array_agg(c.runtime ORDER BY c.runtime) AS waiting,
               jsonb_object_agg(c.runtime, r.error) FILTER (WHERE r.error IS NOT NULL) AS errors
        FROM workflow.file_cursor c
        LEFT JOIN workflow.file_receipt r ON r.runtime = c.runtime AND r.request = q.request
        WHERE f.version = q.version AND (f.xid, f.request) >= (c.xid, c.request) AND (f.size IS NOT NULL OR f.xid >= c.base)
          AND (r.request IS NULL OR r.error IS NOT NULL)) w
    WHERE workflow.may_file(q.path, f.owner, 'read');

SELECT pg_catalog.pg_extension_config_dump('workflow.file', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_chunk', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_upload', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_request', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_cursor', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_receipt', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_request_seq', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_upload_id_seq', '');
-- end of files

-- Runtimes: servers that share the work of this database, and know of each other.

-- What a runtime is up to: it works (alive; single: alone); it has ended, and there is
-- nothing to recover (dead); it has ended without a word (terminated), another one recovers
-- what it had in flight (restore), or itself, begun anew (self_restore).
CREATE TYPE workflow.runtime_state AS ENUM ('alive', 'dead', 'terminated', 'self_restore', 'restore', 'single');

-- A runtime. Written when its state changes, never by a beat, and when another server tells
-- what became of a run. Not dumped.
CREATE TABLE workflow.runtime (
    id             text COLLATE "C" PRIMARY KEY,
    kind           text COLLATE "C" NOT NULL,   -- local: the server that holds the database; remote, standby, application
    role           text COLLATE "C" NOT NULL,   -- both, interface, engine
    state          workflow.runtime_state NOT NULL,
    epoch          bigint NOT NULL,             -- random, of its present life
    login          oid NOT NULL,                -- the role that has registered it; 0: local
    approved       boolean NOT NULL,
    graced         boolean NOT NULL,            -- a start of the server gave it grace, since when it has said nothing
    restorer       text COLLATE "C",            -- who recovers it, of this epoch
    restorer_epoch bigint,
    fingerprint    text COLLATE "C",            -- of its start, as it says
    address        text COLLATE "C",            -- where it registered from
    info           jsonb,
    since          timestamptz NOT NULL,        -- in its state
    outcomes       bigint NOT NULL DEFAULT 0,   -- the highest number of an outcome that it has told
    restored_to    timestamptz                  -- it was restored from a backup: what ended later it may not have
);

-- What somebody has set for the whole cluster.
CREATE TABLE workflow.setting (
    name   text COLLATE "C" PRIMARY KEY,
    value  text COLLATE "C",                    -- null: it has its default again
    number bigint NOT NULL,                     -- counts changes of all of them
    set_by text COLLATE "C" NOT NULL,
    set_at timestamptz NOT NULL
);

-- register_runtime(id, kind, role, fingerprint, info): an application server, or another server
-- of PostgreSQL, begins to share the work.
--   id           its own, always the same one; at most 200 bytes
--   kind         'application', or another server of PostgreSQL: 'remote', or 'standby', one that
--                replays this one. The server that holds the database registers itself
--   role         both; interface: it serves calls and runs nothing; engine: it runs, and
--                serves no calls. For people, but that an interface has no turns and
--                claims nothing. One that it has already stays: set_runtime_role()
--   fingerprint  anything that is new at each start of it, and the same until it ends
--   info         what else people may want to know, an object or anything
-- Returns
--   epoch        by which it is known until it ends; null: not yet, call again after `wait`
--   state        alive; without epoch: alive, there is one with that id, and it is being
--                seen whether that one lives; restore, another one recovers what it had
--                in flight
-- What it had claimed in a life that has ended without a word, its jobs decide about now:
-- on_lost. Its life begins when the transaction has committed, and lasts as long as it beats.
-- Errors: WF018 the id is another role's, or its runtime lives elsewhere, or a worker of another
-- role has runs under that name, or single_server is on; 53400 more than
-- workflow.max_runtimes; 22004, 22001, 22023; 55000 as define(). PREPARE TRANSACTION is
-- refused after it, as after all of these that change something. Locks the row of the
-- runtime, then runs that it has.
CREATE FUNCTION workflow.register_runtime(
    id text, kind text DEFAULT 'application', role text DEFAULT 'both', fingerprint text DEFAULT NULL, info jsonb DEFAULT NULL,
    OUT epoch bigint, OUT state workflow.runtime_state, OUT wait interval)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_register_runtime';

-- beat(id, epoch, settings, files): the one call that a runtime makes each
-- alive_signal_interval, or earlier, when its turn begins.
--   settings     up to this number of `settings` it has taken changes over; null: it keeps none
--   files        changes nothing: what it has taken over confirm_files() says
-- Returns
--   ok           false: its epoch is over. It stops what it does, and registers anew
--   now          the time of the database
--   mine         it is its turn to look for work that is due,
--   mine_for     for so long it may begin some,
--   next_in      and its next turn begins so much later
--   everybody    there is so much due that all may look
--   service      it is its turn to call service_turn()
--   runs         more than 0: some may wait for it alone, that it gets by claim_placed(). Of an
--                application only if it has ever called that
--   files        how many files it has still to take over: pull_files()
--   settings     the number of the last change of a setting
--   role         as it is set now
-- Touches no table and needs no transaction id, but for the first time after a start of
-- the server or a change of a runtime or a setting. heartbeat() is the first column of it,
-- and asks for no turn.
-- Errors: WF018 another role's; 22004, 22023, 22001; 55000 in a transaction that has changed
-- runtimes; 25006 on a standby.
CREATE FUNCTION workflow.beat(
    id text, epoch bigint, settings bigint DEFAULT NULL, files bigint DEFAULT NULL,
    OUT ok boolean, OUT now timestamptz, OUT mine boolean, OUT mine_for interval, OUT next_in interval,
    OUT everybody boolean, OUT service boolean, OUT runs int, OUT files int, OUT settings bigint, OUT role text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_beat';
CREATE FUNCTION workflow.heartbeat(id text, epoch bigint) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_heartbeat';

-- take_turn(id, epoch, kind): is it the runtime's turn to look for work ('timer'), or for
-- runtimes to recover ('service')?
--   mine         it is, and it may begin some until `until`
--   next         when its next turn begins
--   batch        so much it takes at once, at most
--   everybody    there is so much due that all may look
-- Turns of different runtimes are timer_interval, or service_timer_interval, apart; work
-- begins in the first part of one only, see protection_interval_in_percents. They keep
-- runtimes out of each other's way; what is claimed twice nobody does twice anyway.
-- Errors: WF012 its epoch is over; others as beat().
CREATE FUNCTION workflow.take_turn(
    id text, epoch bigint, kind text DEFAULT 'timer',
    OUT mine boolean, OUT until timestamptz, OUT next timestamptz, OUT batch int, OUT everybody boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_take_turn';

-- service_turn(id, epoch): if it is the runtime's service turn, it recovers those that have
-- gone: whom it was recovering when it was interrupted, whom somebody was recovering who has
-- gone, who was silent for longest. The jobs decide what becomes of the runs they had
-- claimed.
--   decision     retry, fail; stop: it was to be cancelled; restorer: that decides
-- It does no harm to call it when it is not its turn. Skips runs that are locked, and
-- runtimes that others are at. Errors: WF012 its epoch is over, 0A000 in REPEATABLE READ and
-- above; others as beat().
CREATE FUNCTION workflow.service_turn(
    id text, epoch bigint, OUT runtime text, OUT process_or_run uuid, OUT decision text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_service_turn';

-- work_turn(id, epoch, max, done): what a runtime does in its turn for processes and runs of the
-- server itself, where no executors do, or beside them: all that is due of the current role,
-- up to `max`: steps, runs of jobs that are not tracked, what schedules make, slices of bulk
-- operations. Returns how many were done. Each batch is a transaction; what fails gets an attempt
-- and comes later, as with executors. With each batch the runtime beats. It does no harm when
-- it is not its turn: what others are at is skipped. If more is due afterwards, beat() tells
-- everybody.
-- Errors: WF012 its epoch is over; WF002 it is an interface, or was not approved; WF018 another
-- role's; 25001 in a transaction block, a function or a savepoint; 57014 cancelled, what
-- was committed stays; 22004, 22023; 0A000 in a run; 25006.
CREATE PROCEDURE workflow.work_turn(id text, epoch bigint, max int, INOUT done int DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_work_turn';

-- recover(runtime, by): the same by hand for one, on behalf of a runtime that lives, or of
-- the server that holds the database. For workflow_admin. Errors: WF018 not registered, or
-- nobody who could recover it; WF017 it lives; others as service_turn().
CREATE FUNCTION workflow.recover(
    runtime text, by text DEFAULT NULL, OUT runtime text, OUT process_or_run uuid, OUT decision text)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_recover';

-- shutdown_runtime(id, epoch): the runtime ends, and gives back what it has claimed; no
-- attempt is counted. For its role, and workflow_admin. Errors: WF018 not registered, or
-- another role's; WF012 its epoch is over.
CREATE FUNCTION workflow.shutdown_runtime(id text, epoch bigint) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_shutdown_runtime';

-- set_runtime_role(id, role): from its next beat on, a runtime has another role. For its
-- role, and workflow_admin; that of the server that holds the database for workflow_admin.
-- As an interface, that one begins no tracked runs, and none that schedules have made; steps
-- and other runs it does. Errors: WF018, 22023.
CREATE FUNCTION workflow.set_runtime_role(id text, role text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_runtime_role';

-- approve_runtime(id): a runtime that registered while approve_runtimes was on, or that was
-- restored from a backup, may have turns and claim. remove_runtime(id): forget one that is dead. For workflow_admin. Errors: WF018
-- not registered; WF017 remove_runtime() of one that is not dead.
CREATE FUNCTION workflow.approve_runtime(id text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_approve_runtime';
CREATE FUNCTION workflow.remove_runtime(id text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_remove_runtime';

-- set_setting(name, value): set something for the whole cluster, from the next beat of each
-- runtime on; null: to its default. The view settings has the names. For workflow_admin.
-- Errors: 42704 no such setting; 22023 not a value of it; 22004; WF017 single_server is to be on
-- while others live. Waits for others who set
-- something, or register.
CREATE FUNCTION workflow.set_setting(name text, value text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_set_setting';

-- For the views: all settings that there are, and what runtimes that live have said.
CREATE FUNCTION workflow.setting_list(
    OUT place int, OUT name text, OUT default_value text, OUT unit text, OUT minimum int, OUT maximum int)
    RETURNS SETOF record LANGUAGE c STABLE ROWS 16 AS 'MODULE_PATHNAME', 'workflow_setting_list';
CREATE FUNCTION workflow.runtime_beats(
    OUT epoch bigint, OUT last_heartbeat timestamptz, OUT next_timer timestamptz, OUT next_service timestamptz, OUT settings bigint,
    OUT connected boolean)
    RETURNS SETOF record LANGUAGE c VOLATILE ROWS 10 AS 'MODULE_PATHNAME', 'workflow_runtime_beats';

-- Who shares the work of this database. Runtimes, monitors and administrators see all, others
-- the server that holds it, and what is theirs.
--   epoch            of its present life, or of its last one
--   restorer         who recovers it
--   last_heartbeat   when it said something last; null: it does not live, or the server has
--                    started since
--   in_flight        runs that it has claimed, or executors at work
--   next_turns       {"timer": ..., "service": ...}
--   settings_agreed  it has taken over all settings
--   file_lag         the age of the oldest change of a file that it has not taken over; 0: it has all;
--                    null: it does not pull files
--   restored_to      another server that was restored from a backup: what it did of runs that have
--                    ended later it may not have any more. It does nothing until approve_runtime()
--   connected        the session in which it said something last is there still. It lives without, until
--                    it has been silent for too long
CREATE VIEW workflow.runtimes WITH (security_barrier) AS
    SELECT r.id, r.kind, r.role, r.state, r.epoch, r.restorer, b.last_heartbeat, r.since,
           CASE r.kind
               WHEN 'local' THEN (SELECT count(*) FROM workflow.workers() w WHERE w.kind = 'executor' AND w.state = 'busy' AND b.epoch IS NOT NULL)
               ELSE (SELECT count(*) FROM workflow.run n WHERE n.lease_until IS NOT NULL AND n.worker = r.id) END AS in_flight,
           CASE WHEN b.next_timer IS NOT NULL OR b.next_service IS NOT NULL THEN
               jsonb_strip_nulls(jsonb_build_object('timer', b.next_timer, 'service', b.next_service)) END AS next_turns,
           CASE WHEN r.kind = 'local' THEN b.epoch IS NOT NULL
                ELSE b.settings >= (SELECT COALESCE(max(s.number), 0) FROM workflow.setting s) END AS settings_agreed,
           CASE WHEN c.runtime IS NOT NULL THEN COALESCE((
               SELECT now() - min(f.at) FROM workflow.file f
               WHERE f.newest AND (f.xid, f.request) >= (c.xid, c.request) AND (f.size IS NOT NULL OR f.xid >= c.base)
                 AND NOT EXISTS (SELECT FROM workflow.file_receipt t WHERE t.runtime = c.runtime AND t.request = f.request
                                 AND t.error IS NULL)), '0') END AS file_lag, r.approved,
           CASE WHEN r.login <> 0 THEN pg_get_userbyid(r.login) END AS login, r.address, r.info, r.restored_to, b.connected
    FROM workflow.runtime r
    LEFT JOIN workflow.runtime_beats() b ON b.epoch = r.epoch AND r.state IN ('alive', 'self_restore', 'single')
    LEFT JOIN workflow.file_cursor c ON c.runtime = r.id
    WHERE r.kind = 'local' OR (r.login <> 0 AND pg_has_role(r.login, 'USAGE'))
       OR pg_has_role('workflow_runtime', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE') OR pg_has_role('workflow_admin', 'USAGE');

-- Settings of the whole cluster: one value of each for all runtimes.
--   unit             of value, minimum and maximum
--   agreed           all runtimes that live have taken over the last change of it
CREATE VIEW workflow.settings WITH (security_barrier) AS
    SELECT l.name, COALESCE(s.value, l.default_value) AS value, l.default_value, l.unit, l.minimum, l.maximum, s.set_by, s.set_at,
           NOT EXISTS (SELECT FROM workflow.runtime_beats() b WHERE b.settings < s.number) AS agreed
    FROM workflow.setting_list() l
    LEFT JOIN workflow.setting s ON s.name = l.name
    ORDER BY l.place;

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

-- commit_position(): where the log of the primary is: at or past every commit that was
-- acknowledged before. Called after COMMIT; a standby that has replayed up to there shows
-- what was committed, see wait_for_lsn(). What is returned is on disk: it writes what is
-- not there yet, as a commit does.
-- Errors: 25001 in a transaction that has written something, whose commit is still to
-- come; 25006 on a standby.
CREATE FUNCTION workflow.commit_position() RETURNS pg_lsn
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_commit_position';

-- wait_for_lsn(lsn, timeout, reached): on a standby, wait until what commit_position() has
-- returned on the primary was replayed, or the time is up: then reached is false. On a
-- primary it is true at once, and so it is when the standby becomes one. The session
-- has no snapshot meanwhile, so this cannot be called in a transaction block.
--   timeout     null: for ever
-- Errors: 22004, 25001.
CREATE PROCEDURE workflow.wait_for_lsn(
    lsn pg_lsn, timeout interval DEFAULT '30 seconds', INOUT reached boolean DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'workflow_wait_for_lsn';

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

SELECT pg_catalog.pg_extension_config_dump('workflow.setting', '');

-- Load: how much was done, by the minute, and what waits.

-- What a transaction has done of one thing: a row for all steps of a definition in a batch,
-- say. The runtime deletes them, and adds them to the two tables below.
CREATE TABLE workflow.load_note (
    minute   timestamptz NOT NULL,      -- its beginning
    kind     smallint NOT NULL,         -- 0: processes, 1: runs
    what     int NOT NULL,              -- definition.id, job.id
    queue    int NOT NULL,              -- of a run, as run.queue; else 0
    runtime  text COLLATE "C" NOT NULL, -- the worker that did it; empty: this server
    tenant   text COLLATE "C" NOT NULL, -- empty: nobody's
    started  int NOT NULL,              -- first steps; runs, by when the last attempt began
    finished int NOT NULL,              -- that reached their end
    failed   int NOT NULL,              -- processes that took status error or terminated; runs for good
    ended    int NOT NULL,              -- of all that have, whatever became of them
    steps    int NOT NULL,              -- of processes
    lag      double precision NOT NULL, -- seconds by which what was due began late,
    lags     int NOT NULL,              -- of so many
    busy     double precision NOT NULL, -- seconds that executors and workers spent on it
    took     bigint[]                   -- histogram of microseconds from beginning to end, of those that ended:
                                        -- bucket, count, ... (src/base/histogram.c)
);
-- No key: an index would cost every step. Subscribers know a row by all of its columns.
ALTER TABLE workflow.load_note REPLICA IDENTITY FULL;

-- What was done in a minute: rows with the same key are added. Rows with in_flight say what
-- was under way, and due and waiting, when it ended.
CREATE TABLE workflow.load_minute (
    minute    timestamptz NOT NULL,
    kind      smallint NOT NULL,
    what      int NOT NULL,
    queue     int NOT NULL,
    runtime   text COLLATE "C" NOT NULL,
    tenant    text COLLATE "C" NOT NULL,
    started   bigint,
    finished  bigint,
    failed    bigint,
    ended     bigint,
    steps     bigint,
    lag       double precision,
    lags      bigint,
    busy      double precision,
    took      bigint[],
    in_flight bigint,
    waiting   bigint
);
CREATE INDEX load_minute_minute ON workflow.load_minute (minute);
ALTER TABLE workflow.load_minute REPLICA IDENTITY FULL;

-- What was ever done.
CREATE TABLE workflow.load_total (
    kind     smallint NOT NULL,
    what     int NOT NULL,
    queue    int NOT NULL,
    runtime  text COLLATE "C" NOT NULL,
    tenant   text COLLATE "C" NOT NULL,
    started  bigint NOT NULL,
    finished bigint NOT NULL,
    failed   bigint NOT NULL,
    ended    bigint NOT NULL,
    steps    bigint NOT NULL,
    lag      double precision NOT NULL,
    lags     bigint NOT NULL,
    busy     double precision NOT NULL,
    took     bigint[],
    PRIMARY KEY (kind, what, queue, runtime, tenant)
) WITH (fillfactor = 50);

-- load_add(a, b): two histograms become one; null: an empty one. load_sum(): all of them.
-- Error 22023 for what is no histogram.
CREATE FUNCTION workflow.load_add(a bigint[], b bigint[]) RETURNS bigint[]
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_load_add';
CREATE AGGREGATE workflow.load_sum(took bigint[]) (SFUNC = workflow.load_add, STYPE = bigint[], COMBINEFUNC = workflow.load_add, PARALLEL = SAFE);

-- load_quantile(took, part): so long at most was this part (0 to 1) of what a histogram counts; null:
-- it counts nothing. Error 22023.
CREATE FUNCTION workflow.load_quantile(took bigint[], part double precision) RETURNS interval
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_load_quantile';

-- load_buckets(...): the buckets of load(), whose arguments it checks, from the one of from_at
-- to the last one before to_at. Errors as of load().
CREATE FUNCTION workflow.load_buckets(
    from_at timestamptz, to_at timestamptz, bucket interval, by text[], origin timestamptz, OUT at timestamptz, OUT until timestamptz)
    RETURNS SETOF record LANGUAGE c STABLE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_load_buckets';

-- What was done in each minute, as load() adds it: what the current role may read. What runs
-- now has started; what was not summed yet is there, too.
CREATE VIEW workflow.load_minutes WITH (security_barrier) AS
    SELECT m.minute, CASE m.kind WHEN 0 THEN 'processes' ELSE 'runs' END AS kind,
           CASE WHEN m.runtime <> '' THEN m.runtime
                WHEN m.kind = 1 THEN (SELECT r.id FROM workflow.runtime r WHERE r.kind = 'local' ORDER BY r.state = 'alive' DESC, r.since DESC LIMIT 1)
           END AS runtime,
           CASE WHEN m.kind = 1 THEN COALESCE(q.name, 'job:' || o.name) END AS queue, j.name AS job, d.name AS definition,
           NULLIF(m.tenant, '') AS tenant,
           m.started, m.finished, m.failed, m.ended, m.steps, m.lag, m.lags, m.busy, m.took, m.in_flight, m.waiting
    FROM (SELECT s.minute, s.kind, s.what, s.queue, s.runtime, s.tenant, s.started, s.finished, s.failed, s.ended, s.steps,
                 s.lag, s.lags, s.busy, s.took, s.in_flight, s.waiting
          FROM workflow.load_minute s
          UNION ALL
          SELECT n.minute, n.kind, n.what, n.queue, n.runtime, n.tenant, n.started, n.finished, n.failed, n.ended, n.steps,
                 n.lag, n.lags, n.busy, n.took, NULL, NULL
          FROM workflow.load_note n
          UNION ALL
          SELECT date_bin('1 minute', r.begun, '2000-01-01 00:00+00'), 1, r.job, r.queue, COALESCE(r.worker, ''), COALESCE(r.tenant, ''),
                 1, 0, 0, 0, 0, GREATEST(date_part('epoch', r.begun - r.due), 0), 1, 0, NULL, NULL, NULL
          FROM workflow.run r WHERE r.state > 0 AND r.begun IS NOT NULL) m
    LEFT JOIN workflow.definition d ON m.kind = 0 AND d.id = m.what
    LEFT JOIN workflow.job j ON m.kind = 1 AND j.id = m.what
    LEFT JOIN workflow.queue q ON m.kind = 1 AND q.id = m.queue
    LEFT JOIN workflow.job o ON m.kind = 1 AND o.id = -m.queue
    WHERE COALESCE(CASE m.kind WHEN 0 THEN workflow.sees(d.id, 0::oid) ELSE workflow.sees_run(j.id, 0::oid) END,
                   -- it was dropped
                   pg_has_role('workflow_monitor', 'USAGE') OR pg_has_role('workflow_admin', 'USAGE'))
      AND workflow.sees_tenant(NULLIF(m.tenant, ''));

-- load(...): how much was done from one time to another.
--   from_at, to_at  from the minute of from_at on, and before to_at
--   bucket      a row is of so long: a minute or more. Days and months are those of the time
--               zone of the session
--   by          what there is a row for, in each bucket: of 'runtime', 'queue', 'job',
--               'definition', 'tenant', any; default: for all
--   origin      where a bucket begins; default: midnight, on a Monday or a first of January,
--               whichever the bucket fits. So days that begin at 23:00 have any such time here
-- Returns no row for a bucket in which nothing was done; columns that `by` does not name are
-- null. Who names only runtime, queue or job asks for no processes, and who names only
-- definition for no runs.
--   kind        processes, runs
--   started     processes, with their first step; runs, when their last attempt began
--   finished    that came to their end
--   failed      processes that took status error or terminated; runs, for good
--   ended       of all that did, cancelled ones included
--   steps       of processes
--   in_flight   processes that had started and not ended, runs that were running; waiting: events
--               and runs that were due: at the end of a minute, the most of all minutes
--   lag         by so much what was due began late, on average
--   p50, p95, p99  so long took half, 95 % and 99 % of those that ended, at most, from the
--               beginning (of the last attempt) to the end, to within a sixteenth
--   busy        so many executors and workers were at it, on average
-- What the role may read. Errors: 22004, 22023 also for more than 100,000 buckets, 22008.
CREATE FUNCTION workflow.load(
    from_at timestamptz, to_at timestamptz, bucket interval DEFAULT '1 minute', by text[] DEFAULT '{}', origin timestamptz DEFAULT NULL,
    OUT at timestamptz, OUT kind text, OUT runtime text, OUT queue text, OUT job text, OUT definition text, OUT tenant text,
    OUT started bigint, OUT finished bigint, OUT failed bigint, OUT ended bigint, OUT steps bigint, OUT in_flight bigint, OUT waiting bigint,
    OUT lag interval, OUT p50 interval, OUT p95 interval, OUT p99 interval, OUT busy double precision)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    WITH bounds AS (
        SELECT array_agg(b.at ORDER BY b.at) AS starts, array_agg(b.until ORDER BY b.at) AS ends
        FROM workflow.load_buckets($1, $2, $3, $4, $5) b),
    minutes AS (
        SELECT width_bucket(m.minute, s.starts) AS n, m.minute, m.kind,
               CASE WHEN 'runtime' = ANY ($4) THEN m.runtime END AS runtime, CASE WHEN 'queue' = ANY ($4) THEN m.queue END AS queue,
               CASE WHEN 'job' = ANY ($4) THEN m.job END AS job, CASE WHEN 'definition' = ANY ($4) THEN m.definition END AS definition,
               CASE WHEN 'tenant' = ANY ($4) THEN m.tenant END AS tenant,
               sum(m.started) AS started, sum(m.finished) AS finished, sum(m.failed) AS failed, sum(m.ended) AS ended, sum(m.steps) AS steps,
               sum(m.lag) AS lag, sum(m.lags) AS lags, sum(m.busy) AS busy, workflow.load_sum(m.took) AS took,
               sum(m.in_flight) AS in_flight, sum(m.waiting) AS waiting
        FROM bounds s CROSS JOIN workflow.load_minutes m
        WHERE m.minute >= date_bin('1 minute', $1, '2000-01-01 00:00+00') AND m.minute < $2 AND m.minute >= s.starts[1]
          AND ($4 <@ '{tenant}' OR CASE m.kind WHEN 'runs' THEN $4 && '{runtime,queue,job}' ELSE $4 && '{definition}' END)
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8)
    SELECT s.starts[m.n], m.kind, m.runtime, m.queue, m.job, m.definition, m.tenant,
           COALESCE(sum(m.started), 0)::bigint, COALESCE(sum(m.finished), 0)::bigint, COALESCE(sum(m.failed), 0)::bigint,
           COALESCE(sum(m.ended), 0)::bigint, COALESCE(sum(m.steps), 0)::bigint, max(m.in_flight)::bigint, max(m.waiting)::bigint,
           CASE WHEN sum(m.lags) > 0 THEN make_interval(secs => sum(m.lag) / sum(m.lags)::double precision) END,
           workflow.load_quantile(workflow.load_sum(m.took), 0.5), workflow.load_quantile(workflow.load_sum(m.took), 0.95),
           workflow.load_quantile(workflow.load_sum(m.took), 0.99),
           COALESCE(sum(m.busy), 0) / date_part('epoch', s.ends[m.n] - s.starts[m.n])
    FROM bounds s CROSS JOIN minutes m
    GROUP BY s.starts[m.n], s.ends[m.n], m.kind, m.runtime, m.queue, m.job, m.definition, m.tenant
    ORDER BY 1, 2, 3, 4, 5, 6, 7;
END;

-- What is under way and waits now, of what the role may read: a row for each definition and
-- tenant; for each job, queue, runtime and tenant.
--   in_flight   processes that have started and not ended; runs that run
--   waiting     events and runs that are due
--   lag         since then the first of them is
CREATE VIEW workflow.load_now WITH (security_barrier) AS
    SELECT CASE u.kind WHEN 0 THEN 'processes' ELSE 'runs' END AS kind, NULLIF(u.runtime, '') AS runtime,
           CASE WHEN u.kind = 1 THEN COALESCE(q.name, 'job:' || o.name) END AS queue, j.name AS job, d.name AS definition, NULLIF(u.tenant, '') AS tenant,
           sum(u.in_flight)::bigint AS in_flight, sum(u.waiting)::bigint AS waiting, statement_timestamp() - min(u.due) AS lag
    FROM (SELECT t.kind, t.what, 0 AS queue, '' AS runtime, t.tenant, t.started - t.ended AS in_flight, 0 AS waiting, NULL::timestamptz AS due
          FROM workflow.load_total t WHERE t.kind = 0
          UNION ALL
          SELECT n.kind, n.what, 0, '', n.tenant, n.started - n.ended, 0, NULL
          FROM workflow.load_note n WHERE n.kind = 0
          UNION ALL
          SELECT 0, p.definition, 0, '', COALESCE(p.tenant, ''), 0, 1, t.due
          FROM workflow.timer t JOIN workflow.process p ON p.id = t.process
          WHERE NOT t.parked AND t.due <= statement_timestamp()
          UNION ALL
          SELECT 1, r.job, r.queue, COALESCE(r.worker, ''), COALESCE(r.tenant, ''), 1, 0, NULL
          FROM workflow.run r WHERE r.state > 0
          UNION ALL
          SELECT 1, r.job, r.queue, '', COALESCE(r.tenant, ''), 0, 1, r.due
          FROM workflow.run r WHERE r.state = 0 AND r.ready AND r.due <= statement_timestamp()) u
    LEFT JOIN workflow.definition d ON u.kind = 0 AND d.id = u.what
    LEFT JOIN workflow.job j ON u.kind = 1 AND j.id = u.what
    LEFT JOIN workflow.queue q ON u.kind = 1 AND q.id = u.queue
    LEFT JOIN workflow.job o ON u.kind = 1 AND o.id = -u.queue
    WHERE CASE u.kind WHEN 0 THEN workflow.sees(d.id, 0::oid) ELSE workflow.sees_run(j.id, 0::oid) END
      AND workflow.sees_tenant(NULLIF(u.tenant, ''))
    GROUP BY u.kind, u.runtime, 3, j.name, d.name, u.tenant
    HAVING sum(u.in_flight) > 0 OR sum(u.waiting) > 0;

-- work_load(): add up what was done, in this transaction: what the runtime does when a
-- minute is over, by hand, where there is none. Returns how many transactions' notes were
-- added. For superusers and workflow_admin. Errors: WF002. Waits for another one.
CREATE FUNCTION workflow.work_load() RETURNS bigint
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_work_load';

-- metrics(): what is measured, in the text format of Prometheus: counters of all that was
-- ever done, and how things stand, by definition, queue and job. For workflow_monitor and
-- workflow_admin, who see all. No errors.
CREATE FUNCTION workflow.metrics() RETURNS text
    LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_metrics';

-- critical_steps(process): the same without children; critical_path() is made of it.
CREATE FUNCTION workflow.critical_steps(
    process uuid, OUT step int, OUT event text, OUT waited_in text[], OUT waited_for text, OUT since timestamptz, OUT until timestamptz,
    OUT took interval, OUT late interval, OUT share double precision)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    WITH RECURSIVE process AS MATERIALIZED (
        SELECT p.started_at, d.chart::jsonb AS chart
        FROM workflow.processes p LEFT JOIN workflow.definitions d ON d.name = p.definition AND d.version = p.version
        WHERE p.id = $1),
    history AS MATERIALIZED (
        SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due,
               ARRAY(SELECT s.state FROM unnest(h.from_states) WITH ORDINALITY s(state, n)
                     WHERE s.state <> ALL (h.to_states)
                       AND p.chart #>> string_to_array('states.' || replace(s.state, '.', '.states.') || '.type', '.') IS DISTINCT FROM 'final'
                     ORDER BY s.n) AS left_states
        FROM process p CROSS JOIN workflow.process_history h WHERE h.process = $1 AND h.taken),
    path AS (
        (SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due, h.left_states FROM history h ORDER BY h.step DESC LIMIT 1)
        UNION ALL
        SELECT b.step, b.at, b.event, b.from_states, b.to_states, b.due, b.left_states
        FROM path p CROSS JOIN LATERAL (
            SELECT h.step, h.at, h.event, h.from_states, h.to_states, h.due, h.left_states
            FROM history h WHERE h.step < p.step
            ORDER BY EXISTS (SELECT FROM unnest(p.left_states) s(state)
                             WHERE s.state = ANY (h.to_states) AND s.state <> ALL (h.from_states)) DESC,
                     h.step DESC
            LIMIT 1) b),
    times AS (
        SELECT p.step, p.event, p.from_states, p.to_states, p.left_states, p.due, p.at,
               LEAST(COALESCE(lag(p.at) OVER (ORDER BY p.step), (SELECT c.started_at FROM process c)), p.at) AS since
        FROM path p)
    SELECT t.step, t.event, CASE WHEN t.from_states = t.to_states THEN t.from_states ELSE t.left_states END,
           CASE WHEN t.event = 'workflow.start' THEN 'start' WHEN t.event LIKE 'after.%' THEN 'timer'
                WHEN t.event LIKE 'done.invoke.%' OR t.event LIKE 'error.invoke.%' THEN 'child'
                WHEN t.event LIKE 'task.%' THEN 'task' WHEN t.event LIKE 'workflow.%' THEN 'operator' ELSE 'event' END,
           t.since, t.at, t.at - t.since,
           CASE WHEN t.due IS NOT NULL THEN GREATEST(t.at - GREATEST(t.due, t.since), interval '0') END,
           date_part('epoch', t.at - t.since) / NULLIF(date_part('epoch', sum(t.at - t.since) OVER ()), 0)
    FROM times t ORDER BY t.step;
END;

-- critical_path(process): why a process took as long as it did: the steps of its history each of
-- which had to wait for the one before. From its last step back: a step is preceded by the
-- latest one that had entered a state which it left; where it left none, by the step before.
-- A region that is in a final state waits for the others, and does not count. So of parallel
-- regions the one shows that came last.
--   step         the number of the step, from the first one on
--   event        that caused it
--   waited_in    the states that it left, in which the process was
--   waited_for   start; timer; child, a process or run that a state invoked; task; operator;
--                event, any other
--   since, until from the step before on the path, or the making of the process, to this one
--   took         the time between
--   late         so much of it was the event late that was due at a time
--   share        of all that the process took
--   depth        0: a step of the process. Below a step that waited for a child, and one deeper,
--                stand the steps of the child that came last, so far as it is there still; of a
--                run what it waited for: queue, until it began, and work
--   child        the process or run that it is of; null: of the process itself
-- What the role may read of the process, as far as its history is kept; nothing for others.
-- No errors. For hundreds of thousands of steps it takes long.
CREATE FUNCTION workflow.critical_path(
    process uuid, OUT step int, OUT event text, OUT waited_in text[], OUT waited_for text, OUT since timestamptz, OUT until timestamptz,
    OUT took interval, OUT late interval, OUT share double precision, OUT depth int, OUT child uuid)
    RETURNS SETOF record LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    WITH RECURSIVE path AS (
        SELECT 0 AS depth, $1 AS process, NULL::uuid AS child, ARRAY[s.step] AS place, s.step, s.event, s.waited_in, s.waited_for,
               s.since, s.until, s.late
        FROM workflow.critical_steps($1) s
        UNION ALL
        SELECT p.depth + 1, c.process, c.child, p.place || c.step, c.step, c.event, c.waited_in, c.waited_for, c.since, c.until, c.late
        FROM path p CROSS JOIN LATERAL (
            SELECT l.id AS process, l.id AS child, s.step, s.event, s.waited_in, s.waited_for, s.since, s.until, s.late
            -- ids begin with the real time at which they were made: within these times, if
            -- those are real, and after the process
            FROM (SELECT o.id FROM workflow.processes o
                  WHERE o.id >= CASE WHEN p.since > statement_timestamp() THEN (left(p.process::text, 13) || '-0000-0000-000000000000')::uuid
                                     ELSE (lpad(to_hex(GREATEST((date_part('epoch', p.since) * 1000)::bigint - 1000, 0)), 12, '0') || repeat('0', 20))::uuid END
                    AND o.id <= CASE WHEN p.until < to_timestamp((('x' || left(replace(p.process::text, '-', ''), 12))::bit(48)::bigint) / 1000.0)
                                     THEN repeat('f', 32)::uuid
                                     ELSE (lpad(to_hex((date_part('epoch', p.until) * 1000)::bigint + 1000), 12, '0') || repeat('f', 20))::uuid END
                    AND o.parent = p.process AND p.event IN ('done.invoke.' || o.invoke, 'error.invoke.' || o.invoke)
                    AND o.updated_at <= p.until
                  ORDER BY o.updated_at DESC, o.id DESC LIMIT 1) l
            CROSS JOIN LATERAL workflow.critical_steps(l.id) s
            UNION ALL
            SELECT NULL, l.run, w.step, NULL, '{}', w.waited_for, w.since, w.until, w.late
            FROM (SELECT r.run, r.due, GREATEST(LEAST(r.started_at, r.ended_at), p.since) AS started_at, r.ended_at FROM workflow.runs r
                  WHERE r.process = p.process AND p.event IN ('done.invoke.' || r.invoke, 'error.invoke.' || r.invoke)
                    AND r.ended_at BETWEEN p.since AND p.until
                  ORDER BY r.ended_at DESC, r.run DESC LIMIT 1) l
            CROSS JOIN LATERAL (VALUES (1, 'queue', p.since, l.started_at, GREATEST(l.started_at - GREATEST(l.due, p.since), interval '0')),
                                       (2, 'work', l.started_at, l.ended_at, NULL)) w(step, waited_for, since, until, late)) c
        WHERE p.waited_for = 'child' AND p.depth < 100)
    SELECT p.step, p.event, p.waited_in, p.waited_for, p.since, p.until, p.until - p.since, p.late,
           date_part('epoch', p.until - p.since) / NULLIF(date_part('epoch', sum(p.until - p.since) FILTER (WHERE p.depth = 0) OVER ()), 0),
           p.depth, p.child
    FROM path p ORDER BY p.place;
END;

-- ---- who has done what, with files, too

-- Who has done what, and when. Administrators and monitors see all, others what was done
-- with what is theirs; who works for one tenant, nothing. Rows are kept as history is; those
-- of a definition for as long as it is there.
CREATE VIEW workflow.audit WITH (security_barrier) AS
    SELECT a.at, a.act, a.kind, a.object, a.role, a.login, a.actor, a.detail, a.note
    FROM (
        SELECT t.at, t.act, t.kind, t.object, t.role, t.login, t.actor, t.detail, t.note, t.owner
        FROM workflow.act t
        UNION ALL
        SELECT c.at, substr(c.event, 10), k.kind, k.object, c.actor, c.login, NULL,
               CASE WHEN c.version IS NULL THEN c.data ELSE COALESCE(c.data, '{}') || jsonb_build_object('version', c.version) END,
               c.note,
               CASE WHEN c.gone IS NOT NULL THEN 0
                    WHEN k.kind = 'job' THEN (SELECT j.owner FROM workflow.job j WHERE j.name = k.object ORDER BY j.version DESC LIMIT 1)
                    WHEN k.kind = 'queue' THEN (SELECT q.owner FROM workflow.queue q WHERE q.name = k.object)
                    WHEN k.kind = 'limit' THEN (SELECT l.owner FROM workflow.rate_limit l WHERE l.name = k.object)
                    WHEN k.kind = 'schedule' THEN (SELECT s.owner FROM workflow.schedule s WHERE s.name = k.object)
                    WHEN k.kind = 'file' THEN (SELECT f.owner FROM workflow.file f WHERE f.path = k.object AND f.newest)
                    WHEN k.kind = 'directory' THEN NULL
                    ELSE (SELECT d.owner FROM workflow.definition d WHERE d.name = k.object ORDER BY d.version DESC LIMIT 1) END
        FROM workflow.definition_change c
        CROSS JOIN LATERAL (
            -- names of definitions have none of these prefixes
            SELECT COALESCE(substring(c.definition FROM '^(job|queue|limit|schedule|file|directory):'), 'definition'),
                   regexp_replace(c.definition, '^(job|queue|limit|schedule|file|directory):', '')) k(kind, object)) a
    WHERE (pg_has_role('workflow_admin', 'USAGE') OR pg_has_role('workflow_monitor', 'USAGE')
           OR EXISTS (SELECT FROM workflow.owner o WHERE o.id = a.owner AND o.role <> 0 AND pg_has_role(o.role, 'USAGE')))
      AND workflow.sees_tenant(NULL);

-- ---- what actions cost: workflow.action_costs

-- action_cost_list(): what calls of the authors' code have cost in this database since `since`,
-- from shared memory: of guards, actions and other expressions that are not made of built-in
-- functions alone, and of commands of jobs.
--   kind, id    0: definition.id, 1: job.id, of those that the current role may read
--   code        the function, or the expression, of which the first 200 bytes
--   calls       how many there were, of which some failed; all other numbers are of all of them
--   total_time, max_time   in milliseconds
--   shared_blks_hit, ...   as in pg_stat_statements
-- No errors but 55000 before adopt() for who is no monitor or administrator. The view
-- action_costs shows names.
CREATE FUNCTION workflow.action_cost_list(
    OUT kind int, OUT id int, OUT code text, OUT since timestamptz, OUT calls bigint, OUT failures bigint,
    OUT total_time double precision, OUT max_time double precision, OUT shared_blks_hit bigint, OUT shared_blks_read bigint,
    OUT shared_blks_dirtied bigint, OUT shared_blks_written bigint, OUT temp_blks_read bigint, OUT temp_blks_written bigint,
    OUT wal_records bigint, OUT wal_fpi bigint, OUT wal_bytes bigint)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_action_cost_list';

-- reset_action_costs(): they are measured anew in this database. Returns how many were
-- forgotten. For superusers and workflow_admin. Errors: WF002.
CREATE FUNCTION workflow.reset_action_costs() RETURNS bigint
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_reset_action_costs';

-- What code of definitions and jobs has cost, a row for each function or expression of each
-- version: for those who may read it, and do not work for one tenant. mean_time is of a call.
CREATE VIEW workflow.action_costs WITH (security_barrier) AS
    SELECT CASE c.kind WHEN 0 THEN 'definition' ELSE 'job' END AS kind, d.name AS definition, j.name AS job,
           COALESCE(d.version, j.version) AS version, c.code AS function, c.calls, c.failures, c.total_time,
           c.total_time / NULLIF(c.calls, 0)::double precision AS mean_time, c.max_time,
           c.shared_blks_hit, c.shared_blks_read, c.shared_blks_dirtied, c.shared_blks_written, c.temp_blks_read, c.temp_blks_written,
           c.wal_records, c.wal_fpi, c.wal_bytes, c.since
    FROM workflow.action_cost_list() c
    LEFT JOIN workflow.definition d ON c.kind = 0 AND d.id = c.id
    LEFT JOIN workflow.job j ON c.kind = 1 AND j.id = c.id
    WHERE workflow.sees_tenant(NULL);

SELECT pg_catalog.pg_extension_config_dump('workflow.load_note', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.load_minute', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.load_total', '');

SELECT pg_catalog.pg_extension_config_dump('workflow.runtime', 'WHERE false');

-- ---- this server as a runtime of another one, whose runs it does here: workflow.remote

-- As which role runs of jobs of an owner of the other server are done here.
CREATE TABLE workflow.owner_map_entry (
    remote_owner text COLLATE "C" PRIMARY KEY,
    local_role   text COLLATE "C" NOT NULL
);

-- What became of a run of the other server. Written by the transaction that has done the
-- work; kept for a day after the other server has heard of it, the last one for longer.
CREATE TABLE workflow.outcome (
    run      uuid NOT NULL,
    round    int NOT NULL,              -- of the run: another one for each attempt
    fence    bigint NOT NULL,           -- of the claim under which it is told
    result   jsonb,
    error    jsonb,                     -- null: it has finished, or waits
    said     jsonb,                     -- what its code has said of it, see run_said.c; null: nothing
    number   bigint GENERATED ALWAYS AS IDENTITY,
    ended_at timestamptz NOT NULL,
    told_at  timestamptz,               -- the other server has heard of it,
    taken    boolean,                   -- and the run was this server's still
    PRIMARY KEY (run, round)
);
CREATE INDEX outcome_number ON workflow.outcome (number);
CREATE INDEX outcome_untold ON workflow.outcome (number) WHERE told_at IS NULL;
CREATE INDEX outcome_told ON workflow.outcome (told_at) WHERE told_at IS NOT NULL;

-- map_owner(remote_owner, local_role): runs of jobs that a role of the other server owns are
-- done here as a role of this one, which decides what they may; instead of another one, if
-- there was one. Without an entry they fail.
--   remote_owner  a role of the other server, by its name there
--   local_role    a role of this one that may log in, and is no superuser, nor may SET ROLE to one
-- For members of workflow_admin who may SET ROLE to it: whoever owns jobs there chooses
-- what is done. Errors: WF002, 42704 no such role, 22023 it may not log in, or is a
-- superuser; 22004, 22001.
CREATE FUNCTION workflow.map_owner(remote_owner text, local_role name) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_map_owner';

-- unmap_owner(remote_owner): they are done no more. False: they were not. For
-- workflow_admin.
CREATE FUNCTION workflow.unmap_owner(remote_owner text) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_unmap_owner';

-- accept_remote(system_identifier): go on with the server that the link has found where
-- another one was before, see the view membership. For superusers. Errors: 42501, 22004;
-- 55000 the link has found no such server.
CREATE FUNCTION workflow.accept_remote(system_identifier text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_accept_remote';

-- For the view below.
CREATE FUNCTION workflow.membership_state(
    OUT state text, OUT since timestamptz, OUT id text, OUT epoch bigint, OUT system_identifier text, OUT timeline bigint,
    OUT asked text, OUT trouble text, OUT link_pid int, OUT courier_pid int, OUT executors int)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_membership_state';

-- This server as a runtime of another one.
--   state              none, connecting, waiting: it is being seen whether another runtime has the
--                      id; alive; refused: somebody has to do something, see trouble
--   epoch              under which it claims; null: it does not
--   system_identifier  of the other server
--   asked              of another one that is there now, and that nobody has accepted
--   trouble            what is wrong
CREATE VIEW workflow.membership WITH (security_barrier) AS
    SELECT m.state, m.since, m.id, m.epoch, m.system_identifier, m.timeline, m.asked, m.trouble, m.link_pid, m.courier_pid, m.executors
    FROM workflow.membership_state() m;

-- Whose runs are done here, and as whom.
CREATE VIEW workflow.owner_map WITH (security_barrier) AS
    SELECT m.remote_owner, m.local_role FROM workflow.owner_map_entry m;

-- What became of runs of the other server.
--   state     finished, failed; parked: it waits, and begins anew
--   said      of it by its code: {"progress": ..., "lines": [[at, severity, message, data], ...],
--             "park": [until, event]}, each of which may be missing
--   told_at   the other server has heard of it
--   taken     the run was this server's still
CREATE VIEW workflow.outcomes WITH (security_barrier) AS
    SELECT o.run, o.round, CASE WHEN o.error IS NOT NULL THEN 'failed' WHEN o.said ? 'park' THEN 'parked' ELSE 'finished' END AS state,
           o.result, o.error, o.number, o.ended_at, o.told_at, o.taken, o.said
    FROM workflow.outcome o;

SELECT pg_catalog.pg_extension_config_dump('workflow.owner_map_entry', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.outcome', '');
SELECT pg_catalog.pg_extension_config_dump('workflow.outcome_number_seq', '');

-- ---- owner: of what is new the one of all the rest, with whose rights our code and
-- our views read. Before the grants, which the catalogs remember with who gave them.
DO $owner$
DECLARE
    owner   CONSTANT oid := (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) 'workflow.process'::pg_catalog.regclass);
    command text;
BEGIN
    FOR command IN
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I', o.kind, o.name, pg_catalog.pg_get_userbyid(owner))
        FROM (SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::pg_catalog.regclass::text, c.relowner, c.relnamespace
              FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v')
              UNION ALL
              SELECT 'ROUTINE', p.oid::pg_catalog.regprocedure::text, p.proowner, p.pronamespace FROM pg_catalog.pg_proc p
              UNION ALL
              SELECT 'TYPE', t.oid::pg_catalog.regtype::text, t.typowner, t.typnamespace
              FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.typrelid
              WHERE t.typtype IN ('d', 'e') OR c.relkind OPERATOR(pg_catalog.=) 'c') o(kind, name, role, namespace)
        WHERE o.namespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace AND o.role OPERATOR(pg_catalog.<>) owner
    LOOP
        EXECUTE command;
    END LOOP;
END
$owner$;

-- ---- what reads tables of jobs

-- What does not fit together. A view, so that it reads the tables with the
-- rights of the extension's owner.
CREATE OR REPLACE VIEW workflow.inconsistencies (problem, process, detail) WITH (security_barrier) AS
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
               workflow.is_over(q.status, q.states, q.step) AS over,
               EXISTS (SELECT FROM workflow.owner o JOIN pg_roles a ON a.oid = o.role WHERE o.id = d.owner) AS known
        FROM workflow.process q LEFT JOIN workflow.definition d ON d.id = q.definition),
    -- who looks for what is wrong takes nothing for granted
    child AS NOT MATERIALIZED (
        SELECT p.id AS parent, p.over, c.key AS invoke,
               CASE WHEN c.value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN c.value::uuid END AS id
        FROM p CROSS JOIN LATERAL jsonb_each_text(CASE WHEN jsonb_typeof(p.children) = 'object' THEN p.children END) c
        WHERE jsonb_typeof(p.children -> c.key) <> 'object'),
    invoked AS NOT MATERIALIZED (
        SELECT p.id AS process, c.key AS invoke, c.value ->> 'running' AS running,
               CASE WHEN c.value ->> 'run' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (c.value ->> 'run')::uuid END AS run
        FROM p CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(p.children) = 'object' THEN p.children END) c
        WHERE jsonb_typeof(c.value) = 'object')

    SELECT 'process without definition', p.id, p.definition::text FROM p WHERE p.name IS NULL
    UNION ALL
    SELECT 'definition without owner', NULL, format('%s version %s', d.name, d.version)
    FROM workflow.definition d WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = d.owner)
    UNION ALL
    SELECT 'owner without role', NULL, o.name
    FROM workflow.owner o, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_roles a WHERE a.oid = o.role)
        -- one that has handed everything over is removed when its timers have followed
        AND (EXISTS (SELECT FROM workflow.definition d WHERE d.owner = o.id)
             OR EXISTS (SELECT FROM workflow.calendar c WHERE c.owner = o.id))
    UNION ALL
    SELECT 'permission of no role', NULL, format('%s of %s on %s', g.privilege, g.name, g.definition)
    FROM workflow.permission g, home WHERE home.here AND NOT EXISTS (SELECT FROM pg_roles a WHERE a.oid = g.role)

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
    FROM workflow.key k WHERE NOT EXISTS (SELECT FROM p WHERE p.id = k.process AND p.key = k.key AND p.name = k.definition
                                               AND COALESCE(p.tenant, '') = k.tenant)
    UNION ALL
    SELECT 'process does not have its key', p.id, p.key
    FROM p WHERE p.key IS NOT NULL AND NOT p.over AND NOT EXISTS (
        SELECT FROM workflow.key k WHERE k.definition = p.name AND k.key = p.key AND k.process = p.id
            AND k.tenant = COALESCE(p.tenant, ''))

    UNION ALL
    SELECT 'tenant is not that of the parent', p.id, p.tenant
    FROM p JOIN workflow.process q ON q.id = p.parent WHERE q.tenant IS DISTINCT FROM p.tenant
    UNION ALL
    SELECT 'tenant of a task is not that of its process', t.process, t.tenant
    FROM workflow.task t JOIN p ON p.id = t.process WHERE t.tenant IS DISTINCT FROM p.tenant
        OR EXISTS (SELECT FROM workflow.task_seat s WHERE s.task = t.id AND s.tenant IS DISTINCT FROM t.tenant)
    UNION ALL
    SELECT 'tenant of a run is not that of its process', r.process, r.tenant
    FROM workflow.run r JOIN p ON p.id = r.process WHERE r.tenant IS DISTINCT FROM p.tenant

    UNION ALL
    SELECT 'timer of no process', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = t.process)
        -- posted by somebody who saw a process that was erased meanwhile: the runtime deletes it
        AND NOT EXISTS (SELECT FROM workflow.erasure e WHERE e.process = t.process AND e.pending)
    UNION ALL
    SELECT 'timer of another owner', t.process, format('%s %s', t.seq, t.event)
    FROM workflow.timer t JOIN p ON p.id = t.process WHERE t.owner <> p.owner
        -- those that are parked follow when they are unparked, others soon
        AND NOT t.parked AND NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = t.owner AND o.handed IS NOT NULL)
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
    SELECT 'failure of what is over', f.process, f.event
    FROM workflow.failure f JOIN p ON p.id = f.process WHERE p.over
    UNION ALL
    SELECT 'early event of no definition', NULL, format('%s of %s', e.event, e.definition)
    FROM workflow.early e WHERE NOT EXISTS (SELECT FROM workflow.definition d WHERE d.name = e.definition)
    UNION ALL
    SELECT 'early event is lost', k.process, e.event
    FROM workflow.early e JOIN workflow.key k ON k.definition = e.definition AND k.key = e.key AND k.tenant = e.tenant
        JOIN p ON p.id = k.process WHERE NOT p.over
    UNION ALL
    SELECT 'failed event is lost', f.process, f.event
    FROM workflow.failure f WHERE NOT f.given_up AND NOT f.handled
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = f.process AND t.seq = f.seq)
        AND EXISTS (SELECT FROM p WHERE p.id = f.process AND NOT p.over)
    UNION ALL
    SELECT 'event was given up and is still to come', f.process, f.event
    FROM workflow.failure f JOIN workflow.timer t ON t.process = f.process AND t.seq = f.seq WHERE f.given_up OR f.handled

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
    SELECT 'child is lost', i.process, i.invoke
    FROM invoked i
    WHERE i.running IS NULL AND NOT EXISTS (SELECT FROM workflow.run r WHERE r.id = i.run AND r.process = i.process)
        -- one that has failed may be done once more
        AND NOT EXISTS (SELECT FROM workflow.run_history h WHERE h.run = i.run AND h.process = i.process AND h.state > 3)
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = i.process AND t.child = i.run)
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = i.process AND f.child = i.run)
    UNION ALL
    SELECT 'elements do not add up', i.process, i.invoke
    FROM invoked i
    WHERE i.running <> (SELECT count(*)::text FROM workflow.element e WHERE e.process = i.process AND e.invoke = i.invoke AND e.state = 1)
    UNION ALL
    SELECT 'element of nobody', e.process, format('%s of %s', e.number, e.invoke)
    FROM workflow.element e
    WHERE NOT EXISTS (SELECT FROM invoked i WHERE i.process = e.process AND i.invoke = e.invoke AND i.running IS NOT NULL)
    UNION ALL
    SELECT 'awaited by nobody', a.process, format('%s in %s', a.event, a.state)
    FROM workflow.awaited a
    WHERE NOT EXISTS (SELECT FROM p WHERE p.id = a.process AND NOT p.over)
    UNION ALL
    SELECT 'task of nobody', t.process, t.state
    FROM workflow.task t
    WHERE NOT EXISTS (SELECT FROM p WHERE p.id = t.process AND (t.closed_at IS NOT NULL OR NOT p.over AND EXISTS
        (SELECT FROM unnest(p.states) s WHERE s = t.state OR starts_with(s, t.state || '.'))))
    UNION ALL
    SELECT 'task in a wrong inbox', e.process, format('%s, %s', e.task, e.name)
    FROM workflow.task_seat e
    WHERE NOT EXISTS (SELECT FROM workflow.task t, unnest(CASE WHEN t.claimed_by IS NULL THEN t.names ELSE ARRAY[t.claimed_by::text] END) n(name)
        WHERE t.id = e.task AND t.process = e.process AND t.definition = e.definition AND t.closed_at IS NULL
        AND n.name = e.name AND e.rank = - t.priority AND e.due = COALESCE(t.due, 'infinity'))
    UNION ALL
    SELECT 'task in no inbox', t.process, t.state
    FROM workflow.task t
    WHERE t.closed_at IS NULL AND NOT EXISTS (SELECT FROM workflow.task_seat e WHERE e.task = t.id)
    UNION ALL
    SELECT 'act on no task', a.process, a.task::text
    FROM workflow.task_act a
    WHERE NOT EXISTS (SELECT FROM workflow.task t WHERE t.id = a.task AND t.process = a.process)
    UNION ALL
    SELECT 'end of a child is lost', c.parent, c.invoke
    FROM child c JOIN workflow.process q ON q.id = c.id
    WHERE q.status = 'finalized' AND NOT c.over
        AND NOT EXISTS (SELECT FROM workflow.timer t WHERE t.process = c.parent AND t.child = q.id
                        AND t.event IN ('done.invoke.' || c.invoke, 'error.invoke.' || c.invoke))
        AND NOT EXISTS (SELECT FROM workflow.failure f WHERE f.process = c.parent AND f.child = q.id
                        AND f.event IN ('done.invoke.' || c.invoke, 'error.invoke.' || c.invoke))
    UNION ALL
    SELECT 'children of what is over', p.id, p.children::text FROM p WHERE p.over AND p.children IS NOT NULL

    UNION ALL
    SELECT 'run of no job', r.process, r.id::text
    FROM workflow.run r WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.id = r.job AND j.root = r.root)
    UNION ALL
    SELECT 'run in no queue', r.process, r.id::text
    FROM workflow.run r WHERE r.queue > 0 AND NOT EXISTS (SELECT FROM workflow.queue q WHERE q.id = r.queue)
    UNION ALL
    SELECT 'run has ended and has not', r.process, r.id::text
    FROM workflow.run r WHERE EXISTS (SELECT FROM workflow.run_history h WHERE h.run = r.id)
    UNION ALL
    SELECT 'state of a run does not fit', r.process, format('%s, state %s', r.id, r.state)
    FROM workflow.run r WHERE r.state > 0 AND r.ready OR r.state = 0 AND r.fence IS NOT NULL
    UNION ALL
    SELECT 'run waits for no other', r.process, r.id::text
    FROM workflow.run r WHERE r.state = 0 AND NOT r.ready AND r.awaits IS NOT NULL AND r.parked IS NULL
        AND NOT EXISTS (SELECT FROM workflow.run_wait w WHERE w.run = r.id)
    UNION ALL
    SELECT 'cached result of no job', c.process, c.job::text
    FROM workflow.job_cache c WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.id = c.job AND j.cache IS NOT NULL)
    UNION ALL
    SELECT 'key of no job', NULL, format('%s, %s', k.key, k.run)
    FROM workflow.run_key k WHERE NOT EXISTS (SELECT FROM workflow.job j WHERE j.root = k.root)

    UNION ALL
    SELECT 'table trigger without trigger', NULL, t.name
    FROM home, workflow.table_trigger t
    WHERE home.here AND cardinality(t.events) > (
        SELECT count(*) FROM pg_trigger g
        WHERE g.tgrelid = t.relation AND g.tgfoid = 'workflow.table_trigger()'::regprocedure
          AND g.tgargs = convert_to(t.name, getdatabaseencoding()) || '\x00'::bytea)
    UNION ALL
    SELECT 'binding without trigger', NULL, b.definition
    FROM home, workflow.binding b
    WHERE home.here AND NOT EXISTS (
        SELECT FROM pg_trigger g
        WHERE g.tgrelid = b.relation AND g.tgfoid = 'workflow.bound_row()'::regprocedure
          AND g.tgargs = convert_to(b.definition, getdatabaseencoding()) || '\x00'::bytea)

    UNION ALL
    SELECT 'deferred event of no process', e.process, e.event
    FROM workflow.deferred e WHERE NOT EXISTS (SELECT FROM p WHERE p.id = e.process AND NOT p.over)
    UNION ALL
    SELECT 'attribute of no process', a.process, a.name
    FROM workflow.attribute a WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = a.process)
    UNION ALL
    SELECT 'rest of no process', r.process, r.definition
    FROM workflow.resting r WHERE NOT EXISTS (SELECT FROM workflow.process q WHERE q.id = r.process)
    UNION ALL
    SELECT 'pause of no definition', NULL, u.definition
    FROM workflow.pause u WHERE NOT EXISTS (SELECT FROM workflow.definition d WHERE d.name = u.definition)
    UNION ALL
    SELECT 'schedule of no owner', NULL, s.name
    FROM workflow.schedule s WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = s.owner)
    UNION ALL
    SELECT 'alert of no owner', NULL, a.name
    FROM workflow.alert a WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = a.owner)
    UNION ALL
    SELECT 'file trigger of no owner', NULL, f.name
    FROM workflow.file_trigger f WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = f.owner)
    UNION ALL
    SELECT 'file of no file trigger', NULL, s.name
    FROM workflow.file_seen s WHERE NOT EXISTS (SELECT FROM workflow.file_trigger f WHERE f.id = s.trigger)
    UNION ALL
    SELECT 'retention of nothing', NULL, k.kind || ' ' || k.name
    FROM workflow.keep k WHERE NOT CASE k.kind
        WHEN 'definition' THEN EXISTS (SELECT FROM workflow.definition d WHERE d.name = k.name AND d.owner = k.owner)
        WHEN 'job' THEN EXISTS (SELECT FROM workflow.job j WHERE j.name = k.name AND j.owner = k.owner AND j.dropped_at IS NULL)
        ELSE EXISTS (SELECT FROM workflow.queue q WHERE q.name = k.name AND q.owner = k.owner) END
    UNION ALL
    SELECT 'schedule that nobody fires', NULL, s.name
    FROM workflow.schedule s
    WHERE (s.due IS NULL) IS DISTINCT FROM (s.next IS NULL OR s.paused OR s.suspended_at IS NOT NULL)
    UNION ALL
    SELECT 'runtime that nobody recovers', NULL, r.id
    FROM workflow.runtime r WHERE (r.state = 'restore') <> (r.restorer IS NOT NULL)
    UNION ALL
    SELECT 'bulk operation of no owner', NULL, b.id::text
    FROM workflow.bulk b WHERE b.ended_at IS NULL AND NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = b.owner)
    UNION ALL
    SELECT 'bulk operation that nobody does', NULL, b.id::text
    FROM workflow.bulk b
    WHERE (b.due IS NOT NULL) IS DISTINCT FROM (b.state IN ('waiting', 'running'))
       OR (b.ended_at IS NOT NULL) IS DISTINCT FROM (b.state IN ('cancelled', 'finished'))
    UNION ALL
    SELECT 'item of no bulk operation', NULL, i.item::text
    FROM workflow.bulk_item i WHERE NOT EXISTS (SELECT FROM workflow.bulk b WHERE b.id = i.bulk)
    UNION ALL
    SELECT 'file of no owner', NULL, f.path
    FROM workflow.file f WHERE NOT EXISTS (SELECT FROM workflow.owner o WHERE o.id = f.owner)
    UNION ALL
    SELECT 'file whose newest version is not', NULL, f.path
    FROM workflow.file f
    WHERE f.newest <> NOT EXISTS (SELECT FROM workflow.file g WHERE g.path = f.path AND g.version > f.version)
    UNION ALL
    SELECT 'content of a file is lost', NULL, format('%s version %s', f.path, f.version)
    FROM workflow.file f
    WHERE f.size <> (SELECT COALESCE(sum(octet_length(c.bytes)), 0) FROM workflow.file_chunk c WHERE c.path = f.path AND c.version = f.version)
    UNION ALL
    SELECT 'content of no file', NULL, format('%s version %s', c.path, c.version)
    FROM workflow.file_chunk c
    WHERE CASE WHEN c.version < 0 THEN NOT EXISTS (SELECT FROM workflow.file_upload u WHERE u.id = - c.version AND u.path = c.path)
               ELSE NOT EXISTS (SELECT FROM workflow.file f WHERE f.path = c.path AND f.version = c.version AND f.size IS NOT NULL) END;

CREATE OR REPLACE VIEW workflow.activity WITH (security_barrier) AS
    SELECT a.kind, a.pid, o.name AS owner, a.state, a.since, a.steps, a.batches, a.wait_reason,
           -- of others' processes: that there is an event, and since when; nor does who works
           -- for one tenant learn more
           CASE WHEN workflow.may(d.id, 'read') AND workflow.sees_tenant(NULL) THEN a.process END AS process,
           CASE WHEN workflow.may(d.id, 'read') THEN d.name END AS definition,
           CASE WHEN workflow.may(d.id, 'read') AND workflow.sees_tenant(NULL) THEN a.event END AS event, a.event_since,
           a.sqlstate, a.message, a.failed_at, a.looks,
           CASE WHEN workflow.may_job(j.id, 'read') AND workflow.sees_tenant(NULL) THEN a.run END AS run,
           CASE WHEN workflow.may_job(j.id, 'read') THEN j.name END AS job,
           CASE WHEN workflow.may_job(j.id, 'read') AND workflow.sees_tenant(NULL)
                THEN workflow.masked(j.owner, j.sensitive, workflow.run_progress(r.id), r.params) END AS progress,
           s.wait_event_type, s.wait_event
    FROM workflow.workers() a
    LEFT JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner
    LEFT JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) a.definition
    LEFT JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) a.job
    LEFT JOIN workflow.run r ON r.id OPERATOR(pg_catalog.=) a.run
    LEFT JOIN pg_catalog.pg_stat_activity s ON s.pid OPERATOR(pg_catalog.=) a.pid;

-- ---- grants

REVOKE ALL ON FUNCTION workflow.is_over, workflow.sees, workflow.masked, workflow.masked_text, workflow.set_context FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.is_over, workflow.sees TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.masked, workflow.masked_text TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.library_version TO workflow_worker;
REVOKE ALL ON FUNCTION workflow.workers FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.workers TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.wake TO workflow_admin;
REVOKE ALL ON FUNCTION workflow.suspend, workflow.resume, workflow.cancel, workflow.set_states, workflow.set_timer, workflow.reset_timer,
    workflow.migrate, workflow.migrate_many FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.suspend, workflow.resume, workflow.cancel, workflow.set_states, workflow.set_context,
    workflow.set_timer, workflow.reset_timer, workflow.migrate, workflow.migrate_many TO workflow_user, workflow_admin;
REVOKE ALL ON FUNCTION workflow.define(text), workflow.change_owner, workflow.drop_definition FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.define(text), workflow.change_owner, workflow.drop_definition TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.definition_history TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON FUNCTION workflow.send, workflow.send_by_key, workflow.send_many, workflow.available_events, workflow.post, workflow.post_by_key, workflow.start, workflow.start_or_get, workflow.start_many FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.send, workflow.send_by_key, workflow.send_many, workflow.available_events, workflow.post, workflow.post_by_key, workflow.start, workflow.start_or_get, workflow.start_many TO workflow_user, workflow_admin;
REVOKE ALL ON workflow.element, workflow.awaited, workflow.published, workflow.early, workflow.early_events, workflow.definition_change, workflow.definition_history FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.publish FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.publish TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.early_events TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON FUNCTION workflow.get, workflow.slot, workflow.slot_of_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.get, workflow.slot, workflow.slot_of_key TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON FUNCTION workflow.expire, workflow.search FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.expire_all FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.expire TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.expire_all TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.search TO workflow_user, workflow_monitor, workflow_admin;

-- of jobs
REVOKE ALL ON workflow.act, workflow.act_0, workflow.act_1, workflow.act_2, workflow.act_3, workflow.act_4, workflow.act_5, workflow.act_6, workflow.act_7, workflow.audit FROM PUBLIC;
GRANT SELECT ON workflow.audit TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON workflow.job, workflow.job_cache, workflow.run, workflow.run_wait, workflow.run_history_0, workflow.run_history_1, workflow.run_history_2, workflow.run_history_3, workflow.run_history_4, workflow.run_history_5, workflow.run_history_6, workflow.run_history_7, workflow.run_request, workflow.run_log_0, workflow.run_log_1, workflow.run_log_2, workflow.run_log_3, workflow.run_log_4, workflow.run_log_5, workflow.run_log_6, workflow.run_log_7, workflow.run_key, workflow.queue, workflow.rate_limit, workflow.checkpoint, workflow.run_history, workflow.run_log, workflow.jobs, workflow.queues, workflow.limits, workflow.runs, workflow.run_logs FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.alter_limit, workflow.alter_queue, workflow.alter_runs, workflow.call_job, workflow.cancel_run, workflow.checkpoint, workflow.claim, workflow.complete, workflow.complete_many, workflow.create_job, workflow.create_limit, workflow.create_queue, workflow.drop_job, workflow.drop_limit, workflow.drop_queue, workflow.event_schema, workflow.extend, workflow.fail, workflow.flush_cache, workflow.get_run, workflow.job_schema, workflow.may_job, workflow.may_queue, workflow.park, workflow.pause_queue, workflow.queue_state, workflow.redrive, workflow.release, workflow.report_progress, workflow.resume_queue, workflow.retry_run, workflow.run_job, workflow.run_jobs, workflow.run_progress, workflow.run_state, workflow.run_runtime, workflow.run_waits_for, workflow.save_checkpoint, workflow.sees_run, workflow.signal, workflow.work_runs, workflow.write_log FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.await_run, workflow.await_work FROM PUBLIC;
REVOKE ALL ON workflow.ended_spans FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.span_id, workflow.span_position, workflow.spans FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.span_id, workflow.span_position, workflow.spans TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.ended_spans TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.create_job, workflow.drop_job, workflow.call_job, workflow.flush_cache TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.may_job, workflow.job_schema TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.event_schema TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.jobs TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.run_job, workflow.run_jobs, workflow.cancel_run TO workflow_user, workflow_worker, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.work_runs TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.run_state TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.create_queue, workflow.alter_queue, workflow.drop_queue, workflow.pause_queue, workflow.resume_queue,
    workflow.create_limit, workflow.alter_limit, workflow.drop_limit
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.may_queue, workflow.queue_state TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.queues TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.limits TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.retry_run, workflow.redrive, workflow.alter_runs TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_run TO workflow_user, workflow_worker, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.run_waits_for, workflow.run_runtime, workflow.run_progress, workflow.sees_run, workflow.get_run
    TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.runs, workflow.run_logs TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
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
REVOKE ALL ON workflow.table_trigger, workflow.table_triggers, workflow.binding, workflow.bindings FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.table_trigger, workflow.create_table_trigger, workflow.drop_table_trigger, workflow.bound_row, workflow.bind, workflow.unbind FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.table_trigger, workflow.create_table_trigger, workflow.drop_table_trigger,
    workflow.bound_row, workflow.bind, workflow.unbind
    TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.table_triggers, workflow.bindings TO workflow_user, workflow_monitor, workflow_admin;
-- end of jobs

-- of bulk operations:
REVOKE ALL ON workflow.bulk, workflow.bulk_item, workflow.bulks, workflow.bulk_items FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.bulk, workflow.pause_bulk, workflow.resume_bulk, workflow.cancel_bulk, workflow.work_bulks FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.await_bulk FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    workflow.bulk, workflow.pause_bulk, workflow.resume_bulk, workflow.cancel_bulk, workflow.work_bulks
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_bulk TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.bulks, workflow.bulk_items TO workflow_user, workflow_monitor, workflow_admin;

-- of schedules:
REVOKE ALL ON workflow.schedule, workflow.schedules FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.alter_schedule, workflow.backfill, workflow.create_schedule, workflow.drop_schedule, workflow.install_cron, workflow.may_schedule, workflow.next_times, workflow.preview_schedule, workflow.pause_schedule, workflow.remove_cron, workflow.resume_schedule, workflow.trigger_now, workflow.work_schedules FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    workflow.create_schedule, workflow.alter_schedule, workflow.drop_schedule, workflow.pause_schedule, workflow.resume_schedule,
    workflow.trigger_now, workflow.backfill, workflow.work_schedules
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.install_cron, workflow.remove_cron TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.next_times, workflow.preview_schedule, workflow.may_schedule TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.schedules TO workflow_user, workflow_monitor, workflow_admin;
-- end of those of schedules
-- of alerts:
REVOKE ALL ON workflow.alert, workflow.alerts FROM PUBLIC;
REVOKE ALL ON FUNCTION
    workflow.create_alert(text, text, jsonb, text, text, interval, interval, interval),
    workflow.create_alert(text, text, jsonb, interval, text, interval, interval, interval),
    workflow.create_alert(text, text, jsonb, numeric, text, interval, interval, interval),
    workflow.alter_alert, workflow.drop_alert, workflow.pause_alert, workflow.resume_alert, workflow.work_alerts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    workflow.create_alert(text, text, jsonb, text, text, interval, interval, interval),
    workflow.create_alert(text, text, jsonb, interval, text, interval, interval, interval),
    workflow.create_alert(text, text, jsonb, numeric, text, interval, interval, interval),
    workflow.alter_alert, workflow.drop_alert, workflow.pause_alert, workflow.resume_alert, workflow.work_alerts
    TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.alerts TO workflow_user, workflow_monitor, workflow_admin;
-- end of those of alerts
-- of file triggers:
REVOKE ALL ON workflow.file_trigger, workflow.file_seen, workflow.file_triggers, workflow.triggered_files FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.create_file_trigger, workflow.alter_file_trigger, workflow.drop_file_trigger, workflow.enable_file_trigger, workflow.disable_file_trigger, workflow.report_file, workflow.is_watched FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.create_file_trigger, workflow.alter_file_trigger, workflow.drop_file_trigger, workflow.enable_file_trigger, workflow.disable_file_trigger
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.report_file TO workflow_user, workflow_runtime, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.is_watched TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.file_triggers, workflow.triggered_files TO workflow_user, workflow_monitor, workflow_admin;
-- end of those of file triggers
-- of retention by rules:
REVOKE ALL ON workflow.keep, workflow.retention FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.set_retention, workflow.drop_retention FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.set_retention, workflow.drop_retention TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.retention TO workflow_user, workflow_monitor, workflow_admin;
-- end of those of retention by rules
-- of files:
REVOKE ALL ON workflow.file, workflow.file_chunk, workflow.file_upload, workflow.file_request, workflow.file_cursor, workflow.file_receipt, workflow.files, workflow.file_versions, workflow.file_requests FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.put_file, workflow.begin_file, workflow.put_file_part, workflow.end_file, workflow.delete_file, workflow.get_file, workflow.get_file_part, workflow.pull_files, workflow.confirm_files, workflow.forget_files, workflow.file_position, workflow.may_file FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    workflow.put_file, workflow.begin_file, workflow.put_file_part, workflow.end_file, workflow.delete_file
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.get_file, workflow.get_file_part, workflow.may_file
    TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.pull_files, workflow.confirm_files, workflow.forget_files, workflow.file_position TO workflow_runtime, workflow_admin;
GRANT SELECT ON workflow.files, workflow.file_versions, workflow.file_requests
    TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
-- end of those of files
-- of runtimes:
REVOKE ALL ON workflow.runtime, workflow.setting, workflow.runtimes, workflow.settings FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.register_runtime, workflow.beat, workflow.heartbeat, workflow.take_turn, workflow.service_turn, workflow.recover, workflow.shutdown_runtime, workflow.set_runtime_role, workflow.approve_runtime, workflow.remove_runtime, workflow.set_setting, workflow.setting_list, workflow.runtime_beats, workflow.claim_placed, workflow.decline, workflow.report_placed, workflow.outcome_told, workflow.outcomes_kept FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.await_placed FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.work_turn FROM PUBLIC;
-- of load
REVOKE ALL ON workflow.load_note, workflow.load_minute, workflow.load_total, workflow.load_minutes, workflow.load_now FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.load_add, workflow.load_sum, workflow.load_quantile, workflow.load_buckets, workflow.load, workflow.work_load, workflow.metrics, workflow.critical_steps, workflow.critical_path FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.load_add, workflow.load_sum, workflow.load_quantile, workflow.load_buckets, workflow.load,
    workflow.critical_steps, workflow.critical_path
    TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.work_load TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.metrics TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.load_minutes, workflow.load_now TO workflow_user, workflow_monitor, workflow_admin;
-- of costs
REVOKE ALL ON workflow.action_costs FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.action_cost_list, workflow.reset_action_costs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.action_cost_list TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.reset_action_costs TO workflow_admin;
GRANT SELECT ON workflow.action_costs TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON TYPE workflow.runtime_state FROM PUBLIC;
GRANT USAGE ON TYPE workflow.runtime_state TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION
    workflow.register_runtime, workflow.beat, workflow.heartbeat, workflow.take_turn, workflow.service_turn, workflow.shutdown_runtime,
    workflow.set_runtime_role
    TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.work_turn TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.recover, workflow.approve_runtime, workflow.remove_runtime, workflow.set_setting TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.setting_list, workflow.runtime_beats TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.runtimes, workflow.settings TO workflow_user, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.claim_placed, workflow.decline, workflow.report_placed, workflow.outcome_told, workflow.outcomes_kept TO workflow_runtime, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.await_placed TO workflow_runtime, workflow_admin;
-- end of those of runtimes
-- of restorers:
REVOKE ALL ON workflow.restorers FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.set_restorer, workflow.restorer_states, workflow.restorer_answer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.set_restorer, workflow.restorer_states, workflow.restorer_answer TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.restorers TO workflow_user, workflow_monitor, workflow_admin;
-- end of those of restorers
-- of standbys:
REVOKE ALL ON FUNCTION workflow.commit_position FROM PUBLIC;
REVOKE ALL ON PROCEDURE workflow.wait_for_lsn FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.commit_position TO workflow_user, workflow_worker, workflow_runtime, workflow_monitor, workflow_admin;
GRANT EXECUTE ON PROCEDURE workflow.wait_for_lsn TO workflow_user, workflow_worker, workflow_runtime, workflow_monitor, workflow_admin;
-- end of those of standbys
-- of remote:
REVOKE ALL ON workflow.owner_map_entry, workflow.outcome, workflow.membership, workflow.owner_map, workflow.outcomes FROM PUBLIC;
REVOKE ALL ON FUNCTION workflow.map_owner, workflow.unmap_owner, workflow.accept_remote, workflow.membership_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.map_owner, workflow.unmap_owner TO workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.membership_state TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.membership, workflow.owner_map TO workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.outcomes TO workflow_admin;
-- end of those of remote
REVOKE ALL ON FUNCTION workflow.inbox, workflow.outbox, workflow.candidates, workflow.claim_task, workflow.release_task, workflow.assign,
    workflow.delegate, workflow.comment, workflow.complete_task FROM PUBLIC;
REVOKE ALL ON workflow.task, workflow.task_seat, workflow.task_act, workflow.tasks, workflow.approvals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    workflow.inbox, workflow.outbox, workflow.candidates, workflow.claim_task, workflow.release_task, workflow.assign,
    workflow.delegate, workflow.comment, workflow.complete_task
    TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.tasks, workflow.approvals TO workflow_user, workflow_monitor, workflow_admin;
REVOKE ALL ON FUNCTION workflow.tenant, workflow.sees_tenant, workflow.confine FROM PUBLIC;
REVOKE ALL ON workflow.confined_roles, workflow.tenants FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.tenant, workflow.sees_tenant TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.confine TO workflow_admin;
GRANT SELECT ON workflow.confined_roles TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.tenants TO workflow_user, workflow_monitor, workflow_admin;

-- ---- rights: what users have granted and revoked on what was made anew, by whom, and
-- with which options, in that order: a dump grants in the order of the list. Not by GRANT, which in here would count as the extension's own: pg_dump
-- leaves that out. What was granted first is known from pg_init_privs.
DO $rights$
DECLARE
    item  record;
    roles oid[];
BEGIN
    FOR item IN
        SELECT k.class, COALESCE(p.oid, c.oid) AS oid, CASE WHEN k."column" IS NULL THEN 0 ELSE a.attnum END AS col, COALESCE(p.proowner, c.relowner) AS owner, r.acl
        FROM jsonb_to_recordset(NULLIF(current_setting('workflow_update.kept')::jsonb -> 'rights', 'null'))
             k(class regclass, name name, first oid, "column" name, acl aclitem[], init aclitem[])
        LEFT JOIN pg_proc p ON k.class = 'pg_proc'::regclass AND p.pronamespace = 'workflow'::regnamespace AND p.proname = k.name
                           AND p.proargtypes[0] IS NOT DISTINCT FROM k.first
        LEFT JOIN pg_class c ON k.class = 'pg_class'::regclass AND c.relnamespace = 'workflow'::regnamespace AND c.relname = k.name
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = k."column"
        CROSS JOIN LATERAL (SELECT CASE WHEN k."column" IS NULL THEN COALESCE(p.proacl, c.relacl, acldefault(CASE WHEN p.oid IS NULL THEN 'r' ELSE 'f' END::"char", COALESCE(p.proowner, c.relowner)))
                                        ELSE '{}' END) anew(acl)
        -- what is the extension's own now but for what was revoked, and what was granted
        CROSS JOIN LATERAL (
            SELECT COALESCE(array_agg(format('%s=%s/%I', e.grantee, e.letters, e.grantor)::aclitem ORDER BY e.at), '{}') AS acl
            FROM (SELECT CASE g.grantee WHEN 0 THEN '' ELSE quote_ident(pg_get_userbyid(g.grantee)) END AS grantee, pg_get_userbyid(g.grantor) AS grantor,
                         string_agg(l.letter || CASE WHEN g.is_grantable THEN '*' ELSE '' END, '') AS letters, min(g.at) AS at
                  FROM (SELECT u.grantor, u.grantee, u.privilege_type, bool_or(u.is_grantable) AS is_grantable, min(u.at) AS at
                        FROM (SELECT n.* FROM aclexplode(anew.acl) WITH ORDINALITY n(grantor, grantee, privilege_type, is_grantable, at)
                              WHERE NOT EXISTS (SELECT FROM aclexplode(k.init) i WHERE (i.grantee, i.privilege_type) = (n.grantee, n.privilege_type)
                                    AND NOT EXISTS (SELECT FROM aclexplode(k.acl) b WHERE (b.grantee, b.privilege_type) = (i.grantee, i.privilege_type)))
                              UNION ALL
                              SELECT b.grantor, b.grantee, b.privilege_type, b.is_grantable, 1000 + b.at FROM aclexplode(k.acl) WITH ORDINALITY b(grantor, grantee, privilege_type, is_grantable, at)
                              WHERE NOT EXISTS (SELECT FROM aclexplode(k.init) i WHERE (i.grantor, i.grantee, i.privilege_type, i.is_grantable) = (b.grantor, b.grantee, b.privilege_type, b.is_grantable))) u
                        GROUP BY u.grantor, u.grantee, u.privilege_type) g
                  JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'), ('TRUNCATE', 'D'), ('REFERENCES', 'x'),
                               ('TRIGGER', 't'), ('EXECUTE', 'X'), ('MAINTAIN', 'm')) l(privilege, letter) ON l.privilege = g.privilege_type
                  GROUP BY 1, 2) e) r
        WHERE (SELECT array_agg(b::text ORDER BY b::text) FROM unnest(k.acl) b) IS DISTINCT FROM (SELECT array_agg(b::text ORDER BY b::text) FROM unnest(k.init) b)
    LOOP
        IF item.oid IS NULL OR item.col IS NULL THEN
            RAISE 'the rights on something that is made anew are lost: %', item;
        END IF;
        UPDATE pg_proc SET proacl = item.acl WHERE item.class = 'pg_proc'::regclass AND oid = item.oid;
        UPDATE pg_class SET relacl = item.acl WHERE item.class = 'pg_class'::regclass AND oid = item.oid AND item.col = 0;
        UPDATE pg_attribute SET attacl = item.acl WHERE item.class = 'pg_class'::regclass AND attrelid = item.oid AND attnum = item.col AND item.col > 0;
        -- whoever is named in there cannot be dropped; those below are the server's own
        roles := ARRAY(SELECT m.role FROM (SELECT e.grantee FROM aclexplode(item.acl) e UNION SELECT e.grantor FROM aclexplode(item.acl) e) m(role)
                       WHERE m.role <> item.owner AND m.role >= 12000);
        DELETE FROM pg_shdepend d
        WHERE d.dbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
          AND d.classid = item.class AND d.objid = item.oid AND d.objsubid = item.col AND d.deptype = 'a';
        INSERT INTO pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)
        SELECT (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()), item.class, item.oid, item.col, 'pg_authid'::regclass, role, 'a'
        FROM unnest(roles) role;
    END LOOP;
    PERFORM set_config('workflow_update.kept', '', true);
END
$rights$;

-- Default privileges count again. A kind that had any has no others than those.
DO $defaults$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT d.kind FROM jsonb_to_recordset(current_setting('workflow_install.defaults')::jsonb) d(kind text)
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES REVOKE ALL ON %s FROM PUBLIC', given.kind);
    END LOOP;
    FOR given IN
        SELECT d.kind, d.privileges, CASE d.grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(d.grantee)) END AS grantee,
               CASE WHEN d.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
        FROM jsonb_to_recordset(current_setting('workflow_install.defaults')::jsonb)
            d(kind text, grantee oid, privileges text, is_grantable boolean)
        WHERE d.grantee IS NOT NULL
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES GRANT %s ON %s TO %s%s', given.privileges, given.kind, given.grantee, given.option);
    END LOOP;
    PERFORM set_config('workflow_install.defaults', '', true);
END
$defaults$;
