-- Who is at work.

-- runtime_activity(): the workers that serve this database, and owners whose
-- work waits for one, from shared memory.
CREATE FUNCTION workflow.runtime_activity(
    OUT kind text, OUT pid int, OUT owner int, OUT state text,
    OUT since timestamptz, OUT steps bigint, OUT batches bigint, OUT wait_reason text)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_runtime_activity';

CREATE VIEW workflow.activity WITH (security_barrier) AS
    SELECT a.kind, a.pid, o.name AS owner, a.state, a.since, a.steps, a.batches, a.wait_reason
    FROM workflow.runtime_activity() a
    LEFT JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) a.owner;

GRANT EXECUTE ON FUNCTION workflow.runtime_activity TO workflow_user, workflow_monitor, workflow_admin;
GRANT SELECT ON workflow.activity TO workflow_user, workflow_monitor, workflow_admin;

