\echo Use "CREATE EXTENSION workflow" to load this file. \quit

-- Whoever runs CREATE EXTENSION may have any search_path: every name below is
-- either qualified or made in schema workflow.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Default privileges of whoever runs this are for what they make themselves. They do not
-- count here, so that tables have no grants, and functions those that stand below; the end
-- puts them back.
DO $defaults$
BEGIN
    PERFORM set_config('workflow_install.defaults', COALESCE(jsonb_agg(jsonb_build_object(
        'oid', d.oid, 'defaclrole', d.defaclrole, 'defaclobjtype', d.defaclobjtype, 'defaclacl', d.defaclacl::text)), '[]')::text, true)
    FROM pg_default_acl d WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = 0;
    DELETE FROM pg_default_acl d WHERE d.defaclrole = current_user::regrole AND d.defaclnamespace = 0;
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

