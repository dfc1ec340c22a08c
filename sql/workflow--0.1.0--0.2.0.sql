\echo Use "ALTER EXTENSION workflow UPDATE" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What the SQL of a version says is done by a library of that version: the one
-- of 0.1.0 does not have this function.
DO $library$
BEGIN
    CREATE FUNCTION workflow.library_version() RETURNS text
        LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'workflow_library_version';
EXCEPTION WHEN undefined_function THEN
    RAISE object_not_in_prerequisite_state USING
        MESSAGE = 'the library of workflow is of version 0.1.0',
        DETAIL = 'This script needs that of 0.2.0.',
        HINT = 'Install it, restart the server, and update the extension then.';
END
$library$;

-- Lock whatever is changed below: all of it or nothing, before anything is
-- changed. A client may have used any of our tables already, and want another
-- one when it has met us. So with something in hand nobody is waited for longer
-- than a tenth of a deadlock_timeout; then all is let go, and others get on,
-- before the next try. The first wait, with empty hands, may be longer; whoever
-- comes meanwhile queues behind it, with what they have. So take them in the order
-- in which they are come to: views before what they read, workflow.process before
-- workflow.timer, others after these two; then what was waited for in the queue
-- is all that those have who are in it. Autovacuum, which whoever waits for long
-- sends away, is sent away here.
DO $lock$
DECLARE
    wanted   CONSTANT pg_catalog.regclass[] := '{workflow.errors, workflow.failure}';
    short    CONSTANT int := (SELECT s.setting::int OPERATOR(pg_catalog./) 10 OPERATOR(pg_catalog.+) 1
                              FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout');
    before   CONSTANT text := pg_catalog.current_setting('lock_timeout');
    long     int := 100;
    relation pg_catalog.regclass;
BEGIN
    LOOP
        BEGIN
            PERFORM pg_catalog.set_config('lock_timeout', long::text, true);
            FOREACH relation IN ARRAY wanted LOOP
                -- LOCK of a view would lock all that it reads, too
                EXECUTE pg_catalog.format(CASE (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation)
                                          WHEN 'v' THEN 'ALTER VIEW %s SET (security_barrier)' ELSE 'LOCK TABLE %s' END, relation);
                PERFORM pg_catalog.set_config('lock_timeout', short::text, true);
            END LOOP;
            PERFORM pg_catalog.set_config('lock_timeout', before, true);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            NULL;   -- rolled back: locks, and the setting
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
    END LOOP;
END
$lock$;

-- ---- tables

ALTER TABLE workflow.failure ADD COLUMN since timestamptz;

-- ---- functions

-- Objects of others that depend on it refuse this; nothing else of theirs is lost
-- but what was granted on it.
DROP FUNCTION workflow.dry_run(uuid, text, jsonb, text);
CREATE FUNCTION workflow.dry_run(
    process uuid, event text, data jsonb DEFAULT NULL, actor text DEFAULT NULL,
    OUT taken boolean, OUT status workflow.status, OUT states text[], OUT context jsonb,
    OUT effects jsonb, OUT deferred boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_dry_run';

-- ---- views

CREATE OR REPLACE VIEW workflow.errors WITH (security_barrier) AS
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

-- ---- grants

REVOKE ALL ON FUNCTION workflow.library_version(), workflow.dry_run(uuid, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION workflow.library_version(), workflow.dry_run(uuid, text, jsonb, text)
    TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.library_version() TO workflow_monitor;
