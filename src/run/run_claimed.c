/*-------------------------------------------------------------------------
 *
 * run_claimed.c
 *	  Runs that a runtime has claimed, all of them.
 *
 * Runs where a runtime that has claimed runs ends, or is recovered.  Skips runs that are
 * locked: somebody is about to say something of them.  SPI must be connected.
 *
 * Workers call themselves what they like, also by the name that a runtime of another role
 * takes later.  So a run is a runtime's only if it was claimed by who speaks for that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "run/run_claimed.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_lost.h"
#include "store/run.h"
#include "store/statement.h"

/* By the index of leases, which has the runs of all workers, and no others. */
static WfStatement claimed_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.lease_until IS NOT NULL"
	" AND r.worker OPERATOR(pg_catalog.=) $1"
	" AND (r.claimer OPERATOR(pg_catalog.=) $2 OR pg_catalog.pg_has_role(r.claimer, $2, 'USAGE'))"
	" ORDER BY r.lease_until",
	WF_ARGS(TEXTOID, OIDOID),
	.latest = true
};

static WfStatement others_statement = {
	.sql = "SELECT FROM workflow.run r WHERE r.lease_until IS NOT NULL"
	" AND r.worker OPERATOR(pg_catalog.=) $1 AND r.claimer OPERATOR(pg_catalog.<>) $2 LIMIT 1",
	WF_ARGS(TEXTOID, OIDOID),
	.latest = true
};

/* When it has claimed the last one of those. */
static WfStatement last_statement = {
	.sql = "SELECT pg_catalog.max(r.begun) FROM workflow.run r WHERE r.lease_until IS NOT NULL"
	" AND r.worker OPERATOR(pg_catalog.=) $1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/*
 * What runtimes have for as long as they live that are not there, or have ended, or live another
 * life by now.
 */
static WfStatement orphans_statement = {
	.sql = "SELECT r.id, r.fence FROM workflow.run r WHERE r.lease_until IS NOT NULL AND r.lease IS NULL"
	" AND r.state OPERATOR(pg_catalog.>) 0 AND r.fence IS NOT NULL"
	" AND NOT EXISTS (SELECT FROM workflow.runtime t WHERE t.id OPERATOR(pg_catalog.=) r.worker"
	"  AND t.state OPERATOR(pg_catalog.<>) 'dead' AND NOT (r.begun OPERATOR(pg_catalog.<) t.since"
	"   AND t.state OPERATOR(pg_catalog.=) ANY ('{alive,self_restore,single}'::workflow.runtime_state[]))) LIMIT $1",
	WF_ARGS(INT8OID),
	.latest = true
};

/*
 * The runs that a runtime of that role has, in the current memory context.  Returns how
 * many.
 */
int
wf_run_claimed(const char *worker, Oid login, pg_uuid_t **runs)
{
	Datum		values[2] = {CStringGetTextDatum(worker), ObjectIdGetDatum(login)};
	int			n = (int) wf_statement_execute(&claimed_statement, values, NULL, 0);

	*runs = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		(*runs)[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	return n;
}

/* Has a worker of that name, but of another role, runs? */
bool
wf_run_claimed_by_others(const char *worker, Oid login)
{
	Datum		values[2] = {CStringGetTextDatum(worker), ObjectIdGetDatum(login)};

	return wf_statement_execute(&others_statement, values, NULL, 1) > 0;
}

/* When a worker of that name has claimed the last one that it has; DT_NOBEGIN: it has none. */
TimestampTz
wf_run_claimed_last(const char *worker)
{
	Datum		value = CStringGetTextDatum(worker);
	bool		isnull;
	Datum		last;

	(void) wf_statement_execute(&last_statement, &value, NULL, 1);
	last = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? DT_NOBEGIN : DatumGetTimestampTz(last);
}

/* Lock a run if it is the worker's still, and free. */
static bool
hold(const char *worker, const pg_uuid_t *run, WfRunRow *row)
{
	return wf_run_lock(run, false, row) && !row->nulls[WF_RUN_lease_until] &&
		!row->nulls[WF_RUN_worker] &&
		strcmp(TextDatumGetCString(row->values[WF_RUN_worker]), worker) == 0;
}

/*
 * The worker will not end this run: its job says what becomes of it.  False: it is not
 * the worker's any more, or locked.  *asked: its restorer will.
 */
bool
wf_run_claimed_lose(const char *worker, const pg_uuid_t *run, WfRunState *state, bool *asked)
{
	WfRunRow	row;

	if (!hold(worker, run, &row))
		return false;
	*state = wf_run_lost(&row);
	*asked = *state == WF_RUN_WAITING && !row.nulls[WF_RUN_awaits];
	return true;
}

/* The worker gives this run back, as by release().  False: as above. */
bool
wf_run_claimed_give_back(const char *worker, const pg_uuid_t *run)
{
	WfRunRow	row;

	if (!hold(worker, run, &row))
		return false;
	wf_run_fence_give_permits(&row);
	if (DatumGetInt16(row.values[WF_RUN_state]) == WF_RUN_ABORTING)
		(void) wf_run_failure_stopped(&row, NULL);
	else
		wf_run_failure_wait(&row, wf_run_row_due(&row), NULL);
	return true;
}

/*
 * Up to so many runs are lost that a runtime has claimed, for as long as it lives, and that is
 * not there: the database was restored, where no runtimes are, or it ended while somebody had
 * the run locked, and may live again.  Those that are locked are left, and *locked becomes
 * true.  Returns how many it were.
 */
int
wf_run_claimed_lose_orphans(int most, bool *locked)
{
	Datum		value = Int64GetDatum(most);
	int			n = (int) wf_statement_execute(&orphans_statement, &value, NULL, 0);
	SPITupleTable *found = SPI_tuptable;
	int			lost = 0;

	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		pg_uuid_t  *run = DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull));
		int64		fence = DatumGetInt64(SPI_getbinval(found->vals[i], found->tupdesc, 2, &isnull));
		WfRunRow	row;

		if (!wf_run_lock(run, false, &row))
		{
			*locked = true;
			continue;
		}
		if (!wf_run_fence_is(&row, fence))
			continue;
		(void) wf_run_lost(&row);
		lost++;
	}
	return lost;
}
