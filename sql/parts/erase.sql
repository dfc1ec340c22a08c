-- Processes that are forgotten before their time.

-- Processes that were erased. `pending`: a transaction that saw the process
-- may still be under way and leave an event for it behind; `seen`: when the
-- runtime noticed.
CREATE TABLE workflow.erasure (
    process uuid PRIMARY KEY,
    at      timestamptz NOT NULL,
    owner   int NOT NULL,
    pending boolean NOT NULL,
    seen    timestamptz,
    definition text COLLATE "C"     -- null: erased before 0.3.0
);
CREATE INDEX erasure_pending ON workflow.erasure (process) WHERE pending;

-- erase(process, force): remove everything that is known of a process that is
-- over: its row, context, timers, history, failures, receipts and key, and the runs
-- that its states have made and that have ended. With
-- force also one that is not over, as it stands: no exit action runs. What is
-- left is its id and the time, in workflow.erasures. Returns how many rows
-- there were. Only for the owner of the definition. Errors: WF001, WF002,
-- WF005 in an action of the process itself, WF009. Locks the process row.
CREATE FUNCTION workflow.erase(
    process uuid, force boolean DEFAULT false,
    OUT timers bigint, OUT history bigint, OUT failures bigint, OUT receipts bigint)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'workflow_erase';

CREATE VIEW workflow.erasures WITH (security_barrier) AS
    SELECT e.process, e.at, o.name AS owner
    FROM workflow.erasure e JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) e.owner
    WHERE (pg_catalog.pg_has_role(o.role, 'USAGE') OR pg_catalog.pg_has_role('workflow_admin', 'USAGE')
           OR pg_catalog.pg_has_role('workflow_monitor', 'USAGE'))
      AND workflow.sees_tenant(NULL);

GRANT EXECUTE ON FUNCTION workflow.erase TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.erasures TO workflow_user, workflow_monitor, workflow_admin;

