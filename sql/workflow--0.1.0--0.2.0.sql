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

-- Lock whatever is changed below: all of it or nothing. Timers come first, then
-- processes, as claims lock them. But a client may have used any of our tables
-- already, and want another one when it has met us. So nobody is waited for
-- longer than a tenth of a deadlock_timeout with something in hand; what we have
-- is let go, and others get on, before the next try. Autovacuum, which whoever
-- waits longer sends away, is sent away here.
DO $lock$
DECLARE
    patience CONSTANT text := pg_catalog.current_setting('lock_timeout');
    short    CONSTANT int := (SELECT s.setting::int OPERATOR(pg_catalog./) 10 OPERATOR(pg_catalog.+) 1
                              FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout');
BEGIN
    LOOP
        BEGIN
            PERFORM pg_catalog.set_config('lock_timeout', short::text, true);
            LOCK TABLE workflow.timer, workflow.process, workflow.failure;
            -- LOCK of a view would lock all that it reads. This does not.
            ALTER VIEW workflow.errors SET (security_barrier);
            PERFORM pg_catalog.set_config('lock_timeout', patience, true);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            NULL;   -- rolled back: locks, and the setting
        END;
        PERFORM pg_catalog.pg_stat_clear_snapshot();
        PERFORM pg_catalog.pg_cancel_backend(a.pid)
        FROM pg_catalog.pg_stat_activity a
        WHERE a.backend_type OPERATOR(pg_catalog.=) 'autovacuum worker'
          AND a.query OPERATOR(pg_catalog.!~~) '%(to prevent wraparound)'
          AND EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
                      WHERE l.pid OPERATOR(pg_catalog.=) a.pid
                        AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
                        AND c.relnamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace);
        PERFORM pg_catalog.pg_sleep(0.1);
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
