-- Roles belong to the whole server and may exist already (another database
-- has the extension); nobody is made a member of one here. Who is a member of one
-- that is there already, or may become one, has rights in this database, too.
DO $roles$
DECLARE
    wanted  name;
    members text;
    login   boolean;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['workflow_user', 'workflow_monitor', 'workflow_admin', 'workflow_worker', 'workflow_runtime']::name[] LOOP
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

GRANT USAGE ON SCHEMA workflow TO workflow_user, workflow_monitor, workflow_admin, workflow_worker, workflow_runtime;

