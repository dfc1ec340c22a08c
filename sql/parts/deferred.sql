-- Events that have reached a process, and wait there.

-- An event that active states keep for later. Whoever holds the process row
-- owns these, too. They are worked in the order of seq.
CREATE TABLE workflow.deferred (
    process uuid NOT NULL,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL,       -- when it reached the process
    state   text COLLATE "C" NOT NULL,  -- which deferred it then
    event   text COLLATE "C" NOT NULL,
    name    text COLLATE "C",           -- id of a posted event
    actor   text COLLATE "C",
    data    jsonb,
    PRIMARY KEY (process, seq)
);

CREATE VIEW workflow.deferred_events WITH (security_barrier) AS
    SELECT e.process, d.name AS definition, p.key, e.seq, e.event, e.state, e.at, e.name, e.actor,
           workflow.masked(d.owner, d.sensitive, e.data, p.context) AS data, p.tenant
    FROM workflow.deferred e
    JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) e.process
    JOIN workflow.definition d ON d.id OPERATOR(pg_catalog.=) p.definition
    WHERE workflow.sees(d.id, p.starter) AND workflow.sees_tenant(p.tenant);

GRANT SELECT ON workflow.deferred_events TO workflow_user, workflow_monitor, workflow_admin;

