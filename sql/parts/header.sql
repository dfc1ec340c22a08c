\echo Use "CREATE EXTENSION workflow" to load this file. \quit

-- Whoever runs CREATE EXTENSION may have any search_path: every name below is
-- either qualified or made in schema workflow.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- CREATE EXTENSION takes a schema of this name as it finds it: not one that
-- somebody else prepared.
DO $schema$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.pg_authid a
               WHERE n.nspname OPERATOR(pg_catalog.=) 'workflow'
                 AND a.oid OPERATOR(pg_catalog.=) n.nspowner
                 AND a.rolname OPERATOR(pg_catalog.<>) CURRENT_USER) THEN
        RAISE EXCEPTION 'schema "workflow" exists and belongs to another role'
            USING ERRCODE = 'object_in_use', HINT = 'Drop it, or rename it.';
    END IF;
END
$schema$;

