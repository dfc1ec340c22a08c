\echo Use "CREATE EXTENSION workflow" to load this file. \quit

-- Whoever runs CREATE EXTENSION may have any search_path: every name below is
-- either qualified or made in schema workflow.
SET LOCAL search_path TO pg_catalog, pg_temp;

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

-- A member of the extension, and never one that somebody else prepared: where
-- a schema of this name exists, this fails.
CREATE SCHEMA workflow;

-- Errors of our own have SQLSTATE class WF:
--   WF001 no such process        WF002 not allowed       WF003 suspended
--   WF004 over                   WF005 busy              WF006 no such definition
--   WF007 definition has faults  WF008 no such timer
--   WF009 not over               WF010 no such job or queue
--   WF011 queue is full          WF012 fence is not the run's
--   WF013 parameters do not fit  WF014 has moved on       WF015 unknown event
--   WF016 key is taken           WF017 in use
--   WF018 another one's runtime  WF019 no standby confirms
-- so that a client can tell "refused" (WF...) from "failed" (all others).

