-- Definitions all of whose processes rest.

-- Definitions all of whose processes rest.
CREATE TABLE workflow.pause (
    definition text COLLATE "C" PRIMARY KEY,
    owner      int NOT NULL,
    at         timestamptz NOT NULL,
    by         text COLLATE "C" NOT NULL
);

-- Processes that have timers parked over a pause. A row without a pause is
-- work for an executor: to bring those timers back.
CREATE TABLE workflow.resting (
    definition text COLLATE "C" NOT NULL,
    process    uuid NOT NULL,
    PRIMARY KEY (definition, process)
);

-- pause(definition): all of its processes rest, of whatever version: timers
-- wait, commands and starts are refused (WF003), until unpause(). Steps that
-- have begun go on to their end. Returns false when it was paused already.
-- Only for the owner. Errors: WF006, WF002. Locks no process.
CREATE FUNCTION workflow.pause(definition text) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_pause';

-- unpause(definition): undo pause(). What became due meanwhile is delivered,
-- brought back by executors some hundred processes at a time. Returns false
-- when it was not paused. Only for the owner. Errors: WF006, WF002.
CREATE FUNCTION workflow.unpause(definition text) RETURNS boolean
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_unpause';

CREATE VIEW workflow.pauses WITH (security_barrier) AS
    SELECT u.definition, o.name AS owner, u.at, u.by
    FROM workflow.pause u JOIN workflow.owner o ON o.id OPERATOR(pg_catalog.=) u.owner
    WHERE workflow.may((SELECT d.id FROM workflow.definition d WHERE d.name OPERATOR(pg_catalog.=) u.definition
                        ORDER BY d.version DESC LIMIT 1), 'read');

GRANT EXECUTE ON FUNCTION workflow.pause, workflow.unpause TO workflow_user, workflow_admin;
GRANT SELECT ON workflow.pauses TO workflow_user, workflow_monitor, workflow_admin;

