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
 * The third column is WF_LANE_RUNS.  From level to level of each queue of an owner by the
 * index run_due.
 */
static WfStatement owners_statement = {
	.sql = "SELECT o.id, o.role::pg_catalog.oid, 1, ("
	"WITH RECURSIVE level AS ("
	" (SELECT r.queue, r.level, r.due FROM workflow.run r"
	"  WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) o.id"
	"  ORDER BY r.queue, r.level, r.due LIMIT 1)"
	" UNION ALL"
	" SELECT n.* FROM level p CROSS JOIN LATERAL ("
	"  SELECT r.queue, r.level, r.due FROM workflow.run r"
	"  WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) o.id"
	"  AND ROW(r.queue, r.level) OPERATOR(pg_catalog.>) ROW(p.queue, p.level)"
	"  ORDER BY r.queue, r.level, r.due LIMIT 1) n)"
	" SELECT pg_catalog.min(l.due) FROM level l)"
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
