-- The end: what is said of all parts at once.

-- Every table and sequence is dumped, with all of its rows. One command each: the
-- function updates one catalog row again and again.
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
-- but results that are kept to save work, and who shares it now
SELECT pg_catalog.pg_extension_config_dump('workflow.job_cache', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('workflow.runtime', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_cursor', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('workflow.file_receipt', 'WHERE false');

-- wake(): when this transaction commits, the workers look at this database anew, as
-- at the start of the server: for work that nobody announced, and for owners and
-- housekeeping that are held back after a failure. For superusers and workflow_admin.
CREATE FUNCTION workflow.wake() RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_wake';

-- How many rows the planner is to expect, who cannot look into the library: with a
-- thousand of each, which is its guess, it reads whole tables.
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

-- PUBLIC gets nothing, whatever a part may have forgotten; base tables have no
-- grants at all.
REVOKE ALL ON ALL ROUTINES IN SCHEMA workflow FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA workflow FROM PUBLIC;

GRANT EXECUTE ON FUNCTION workflow.wake TO workflow_admin;

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

SELECT workflow.wake();
