-- What each tenant has, and what waits for it.

-- Of tenants with something under way, as far as the current role sees it: processes that are
-- not over, those of them that failed, open tasks; runs that wait and run, and since when the
-- first of those that wait is due.
CREATE VIEW workflow.tenants WITH (security_barrier) AS
    SELECT u.tenant, pg_catalog.sum(u.processes)::bigint AS processes, pg_catalog.sum(u.failed)::bigint AS failed,
           pg_catalog.sum(u.tasks)::bigint AS tasks, pg_catalog.sum(u.waiting)::bigint AS waiting,
           pg_catalog.sum(u.running)::bigint AS running, pg_catalog.min(u.due) AS due_since
    FROM (
        SELECT p.tenant, 1 AS processes, (p.status IN ('error', 'terminated'))::int AS failed, 0 AS tasks, 0 AS waiting,
               0 AS running, NULL::timestamptz AS due
        FROM workflow.process p
        WHERE p.tenant IS NOT NULL AND NOT workflow.is_over(p.status, p.states, p.step)
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(p.tenant)
        UNION ALL
        SELECT t.tenant, 0, 0, 1, 0, 0, NULL
        FROM workflow.task t JOIN workflow.process p ON p.id OPERATOR(pg_catalog.=) t.process
        WHERE t.tenant IS NOT NULL AND t.closed_at IS NULL
          AND workflow.sees(p.definition, p.starter) AND workflow.sees_tenant(t.tenant)
        UNION ALL
        SELECT r.tenant, 0, 0, 0, (r.state OPERATOR(pg_catalog.=) 0)::int, (r.state IN (1, 2))::int,
               CASE WHEN r.state OPERATOR(pg_catalog.=) 0 AND r.due OPERATOR(pg_catalog.<=) pg_catalog.statement_timestamp() THEN r.due END
        FROM workflow.run r
        WHERE r.tenant IS NOT NULL AND workflow.sees_run(r.job, r.starter) AND workflow.sees_tenant(r.tenant)) u
    GROUP BY u.tenant;

GRANT SELECT ON workflow.tenants TO workflow_user, workflow_monitor, workflow_admin;
