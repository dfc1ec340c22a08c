-- What actions cost.

-- action_cost_list(): what calls of the authors' code have cost in this database since `since`,
-- from shared memory: of guards, actions and other expressions that are not made of built-in
-- functions alone, and of commands of jobs.
--   kind, id    0: definition.id, 1: job.id, of those that the current role may read
--   code        the function, or the expression, of which the first 200 bytes
--   calls       how many there were, of which some failed; all other numbers are of all of them
--   total_time, max_time   in milliseconds
--   shared_blks_hit, ...   as in pg_stat_statements
-- No errors but 55000 before adopt() for who is no monitor or administrator. The view
-- action_costs shows names.
CREATE FUNCTION workflow.action_cost_list(
    OUT kind int, OUT id int, OUT code text, OUT since timestamptz, OUT calls bigint, OUT failures bigint,
    OUT total_time double precision, OUT max_time double precision, OUT shared_blks_hit bigint, OUT shared_blks_read bigint,
    OUT shared_blks_dirtied bigint, OUT shared_blks_written bigint, OUT temp_blks_read bigint, OUT temp_blks_written bigint,
    OUT wal_records bigint, OUT wal_fpi bigint, OUT wal_bytes bigint)
    RETURNS SETOF record LANGUAGE c STRICT VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'workflow_action_cost_list';

-- reset_action_costs(): they are measured anew in this database. Returns how many were
-- forgotten. For superusers and workflow_admin. Errors: WF002.
CREATE FUNCTION workflow.reset_action_costs() RETURNS bigint
    LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'workflow_reset_action_costs';

-- What code of definitions and jobs has cost, a row for each function or expression of each
-- version: for those who may read it, and do not work for one tenant. mean_time is of a call.
CREATE VIEW workflow.action_costs WITH (security_barrier) AS
    SELECT CASE c.kind WHEN 0 THEN 'definition' ELSE 'job' END AS kind, d.name AS definition, j.name AS job,
           COALESCE(d.version, j.version) AS version, c.code AS function, c.calls, c.failures, c.total_time,
           c.total_time / NULLIF(c.calls, 0)::double precision AS mean_time, c.max_time,
           c.shared_blks_hit, c.shared_blks_read, c.shared_blks_dirtied, c.shared_blks_written, c.temp_blks_read, c.temp_blks_written,
           c.wal_records, c.wal_fpi, c.wal_bytes, c.since
    FROM workflow.action_cost_list() c
    LEFT JOIN workflow.definition d ON c.kind = 0 AND d.id = c.id
    LEFT JOIN workflow.job j ON c.kind = 1 AND j.id = c.id
    WHERE workflow.sees_tenant(NULL);

GRANT EXECUTE ON FUNCTION workflow.action_cost_list TO workflow_user, workflow_monitor, workflow_admin;
GRANT EXECUTE ON FUNCTION workflow.reset_action_costs TO workflow_admin;
GRANT SELECT ON workflow.action_costs TO workflow_user, workflow_monitor, workflow_admin;
