-- Roles belong to the whole server and may exist already (another database
-- has the extension); nobody is made a member of one here.
DO $roles$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['workflow_user', 'workflow_monitor', 'workflow_admin']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) wanted) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
        END IF;
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA workflow TO workflow_user, workflow_monitor, workflow_admin;

