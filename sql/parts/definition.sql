-- Definitions: on whose behalf they run, their versions, who may do what with them,
-- and what became of the functions that they name.

-- On whose behalf definitions run. Rows elsewhere carry the id; the name is
-- what survives a dump, the oid is what is resolved from it.
CREATE TABLE workflow.owner (
    id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name name NOT NULL UNIQUE,
    role oid NOT NULL
);

-- A version of a definition; never changed once written.
CREATE TABLE workflow.definition (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL,
    version     int NOT NULL,
    owner       int NOT NULL,
    source      json NOT NULL,      -- as the author wrote it
    chart       json NOT NULL,      -- the canonical form, what is executed
    search_path text NOT NULL,      -- for user code: as it was at define(), pg_temp last
    time_zone   text NOT NULL,      -- the same
    functions   jsonb NOT NULL,     -- signature -> hash of its definition
    created_at  timestamptz NOT NULL,
    failures    text[] COLLATE "C", -- final states of the root that are a failure; null: none
    UNIQUE (name, version)
);

-- Who besides the owner (and workflow_admin) may do what with a definition.
CREATE TABLE workflow.permission (
    definition text COLLATE "C" NOT NULL,
    role       oid NOT NULL,
    name       name NOT NULL,           -- of the role, for adopt()
    privilege  text COLLATE "C" NOT NULL CHECK (privilege IN ('start', 'send', 'read', 'act')),
    -- by name, too: where no role has it after a restore, role is 0
    PRIMARY KEY (definition, role, privilege, name)
);

-- define(definition): store a new version of a definition.
--   definition  XState-shaped JSON; its "id" is the definition's name
-- Returns the version: 1 for a new name; the newest version, unchanged, when
-- the definition is the same as that one. The caller owns the name from then
-- on. Errors: WF007 with every fault and its JSON path in the detail; WF002
-- when another role owns the name, or the caller may not log in or is a
-- superuser. Locks the name against other define() calls until the end of
-- the transaction.
CREATE FUNCTION workflow.define(definition json) RETURNS int
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_define';

-- grant_on(definition, role, privileges): let a role start, send, read, or act:
-- pass any actor with what it may do otherwise.
-- revoke_on: take it back. Only for the definition's owner.
CREATE FUNCTION workflow.grant_on(definition text, role name, VARIADIC privileges text[]) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_grant_on';
CREATE FUNCTION workflow.revoke_on(definition text, role name, VARIADIC privileges text[]) RETURNS void
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_revoke_on';

-- may(definition id, privilege): may the current role start, send, read, act?
CREATE FUNCTION workflow.may(definition int, privilege text) RETURNS boolean
    LANGUAGE c STRICT STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'workflow_may';

CREATE VIEW workflow.definitions WITH (security_barrier) AS
    SELECT d.id, d.name, d.version, o.name AS owner, d.created_at, d.search_path, d.time_zone, d.functions, d.source, d.chart
    FROM workflow.definition d JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    WHERE workflow.may(d.id, 'read');

-- function_state(signature, role): what became of a function that a definition
-- names: the hash of it now (null: it is gone), and whether the role may call
-- it. For the view drift.
CREATE FUNCTION workflow.function_state(signature text, role oid, OUT hash text, OUT allowed boolean)
    LANGUAGE c STRICT STABLE AS 'MODULE_PATHNAME', 'workflow_function_state';

-- Functions that are not what they were when a definition was stored.
CREATE VIEW workflow.drift WITH (security_barrier) AS
    SELECT d.name AS definition, d.version, f.signature AS function,
           CASE WHEN s.hash IS NULL THEN 'missing' WHEN NOT s.allowed THEN 'not allowed' ELSE 'changed' END AS problem,
           f.hash AS defined, s.hash AS present
    FROM workflow.definition d
    JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) d.owner
    CROSS JOIN LATERAL pg_catalog.jsonb_each_text(d.functions) f(signature, hash)
    CROSS JOIN LATERAL workflow.function_state(f.signature, o.role) s
    WHERE workflow.may(d.id, 'read') AND (s.hash IS DISTINCT FROM f.hash OR NOT s.allowed);

GRANT EXECUTE ON FUNCTION workflow.define, workflow.grant_on, workflow.revoke_on TO workflow_user, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.may, workflow.function_state TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.definitions, workflow.drift TO workflow_user, workflow_monitor, workflow_admin;

