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

GRANT EXECUTE ON FUNCTION workflow.tenant, workflow.sees_tenant TO workflow_user, workflow_worker, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.confine TO workflow_admin;
GRANT SELECT ON workflow.confined_roles TO workflow_user, workflow_monitor, workflow_admin;
