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
-- Behind another script, in the same transaction, hands are not empty, and what is
-- held cannot be let go: then this gives up instead.
DO $lock$
DECLARE
    wanted   CONSTANT pg_catalog.regclass[] := '{workflow.timers}';
    short    CONSTANT int := (SELECT s.setting::int OPERATOR(pg_catalog./) 10 OPERATOR(pg_catalog.+) 1
                              FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'deadlock_timeout');
    before   CONSTANT text := pg_catalog.current_setting('lock_timeout');
    behind   CONSTANT boolean := EXISTS (
        SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
        WHERE l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
          AND c.relnamespace OPERATOR(pg_catalog.=) 'workflow'::pg_catalog.regnamespace);
    long     int := CASE WHEN behind THEN short ELSE 100 END;
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
    END LOOP;
END
$lock$;

-- ---- tables: new columns have a default or may be null, for dumps of earlier versions

-- ---- functions

-- ---- views: CREATE OR REPLACE, new columns last

-- ---- grants, for what is new: nothing for PUBLIC

