/*-------------------------------------------------------------------------
 *
 * run_sweep.c
 *	  What a sweep asks of the table workflow.run.
 *
 * Runs in the runtime of a database (bgworker/sweep.c), and where jobs are handed over,
 * which locks runs, and skips those that are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/version.h"
#include "shmem/wakeup.h"
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

/* Runs of an owner whose jobs are another one's by now. */
#define TO_FOLLOW \
	" FROM workflow.run r JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) r.job" \
	" WHERE r.executor OPERATOR(pg_catalog.=) $1 AND j.owner OPERATOR(pg_catalog.<>) $1"

static WfStatement follow_statement = {
	.sql = "WITH piece AS MATERIALIZED (SELECT r.id, j.owner" TO_FOLLOW " LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED)"
	" UPDATE workflow.run u SET executor = p.owner FROM piece p WHERE u.id OPERATOR(pg_catalog.=) p.id"
	" RETURNING u.executor, u.due",
	WF_ARGS(INT4OID, INT8OID),
	.latest = true
};

static WfStatement has_to_follow_statement = {
	.sql = "SELECT" TO_FOLLOW " LIMIT 1",
	WF_ARGS(INT4OID)
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

/*
 * Have a piece of the runs of an owner follow their jobs to other owners, those that
 * nobody has locked.  Returns how many.  SPI must be connected.
 */
int
wf_run_sweep_follow(int32 owner, int limit)
{
	Datum		values[2] = {Int32GetDatum(owner), Int64GetDatum(limit)};
	int			n = wf_version_has_column("run", "id") ?
		(int) wf_statement_execute(&follow_statement, values, NULL, 0) : 0;
	bool		isnull;

	for (int i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		wf_wakeup_work(DatumGetInt32(SPI_getbinval(row, desc, 1, &isnull)), WF_LANE_RUNS,
					   DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull)));
	}
	return n;
}

/* Are there any?  SPI must be connected. */
bool
wf_run_sweep_has_to_follow(int32 owner)
{
	Datum		value = Int32GetDatum(owner);

	return wf_version_has_column("run", "id") &&
		wf_statement_execute(&has_to_follow_statement, &value, NULL, 1) > 0;
}
