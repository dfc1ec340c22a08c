/*-------------------------------------------------------------------------
 *
 * run_sweep.c
 *	  What a sweep asks of the table workflow.run.
 *
 * Runs in the runtime of a database (bgworker/sweep.c).  Takes no locks but those of
 * a SELECT.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/version.h"
#include "store/run_sweep.h"
#include "store/statement.h"

/*
 * The third column is WF_LANE_RUNS.  From place to place of an owner by the index
 * run_ready; one with more places than are looked at may have work now.
 */
static WfStatement owners_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 1, ("
	"WITH RECURSIVE place AS ("
	" (SELECT r.queue, r.root, r.part, r.level, r.due FROM workflow.run r"
	"  WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) o.id"
	"  ORDER BY r.queue, r.root, r.part, r.level, r.due LIMIT 1)"
	" UNION ALL"
	" SELECT n.* FROM place p CROSS JOIN LATERAL ("
	"  SELECT r.queue, r.root, r.part, r.level, r.due FROM workflow.run r"
	"  WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) o.id"
	"  AND ROW(r.queue, r.root, r.part, r.level) OPERATOR(pg_catalog.>) ROW(p.queue, p.root, p.part, p.level)"
	"  ORDER BY r.queue, r.root, r.part, r.level, r.due LIMIT 1) n)"
	" SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.<) 10000 THEN pg_catalog.min(q.due)"
	"  ELSE pg_catalog.statement_timestamp() END"
	" FROM (SELECT p.due FROM place p LIMIT 10000) q)"
	" FROM workflow.owner o"
};

/* SQL of versions before 0.3.0 has no runs. */
static WfStatement no_runs_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 1, NULL::pg_catalog.timestamptz FROM workflow.owner o"
};

/*
 * Every owner, and when its next run is due.  Returns their number; rows are in
 * SPI_tuptable, as of wf_timer_sweep_owners().
 */
uint64
wf_run_sweep_owners(void)
{
	return wf_statement_execute(wf_version_has_column("run", "id") ? &owners_statement :
								&no_runs_statement, NULL, NULL, 0);
}
