/*-------------------------------------------------------------------------
 *
 * queue_use.c
 *	  What is in a queue, and whom that concerns.
 *
 * Runs in any backend, and locks nothing.  Runs of a queue that are ready are found by
 * the index run_ready, executor by executor; the others by run_parked and run_running.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "queue/queue.h"
#include "queue/queue_use.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/statement.h"

/* Who has runs of the queue that are ready; 0: outside workers. */
static WfStatement executors_statement = {
	.sql = "SELECT e.id FROM (SELECT o.id FROM workflow.owner o UNION ALL SELECT 0) e(id)"
	" WHERE EXISTS (SELECT FROM workflow.run r WHERE r.ready AND r.executor OPERATOR(pg_catalog.=) e.id"
	" AND r.queue OPERATOR(pg_catalog.=) $1)",
	WF_ARGS(INT4OID),
	.latest = true
};

static WfStatement others_statement = {
	.sql = "SELECT FROM workflow.run r WHERE r.state OPERATOR(pg_catalog.>) 0 AND r.queue OPERATOR(pg_catalog.=) $1"
	" UNION ALL SELECT FROM workflow.run r WHERE NOT r.ready AND r.state OPERATOR(pg_catalog.=) 0"
	"  AND r.queue OPERATOR(pg_catalog.=) $1 LIMIT 1",
	WF_ARGS(INT4OID),
	.latest = true
};

/* Those that wait, ready or not; no more of them than matter. */
static WfStatement waiting_statement = {
	.sql = "SELECT pg_catalog.count(*) FROM ("
	"SELECT FROM (SELECT o.id FROM workflow.owner o UNION ALL SELECT 0) e(id)"
	" JOIN workflow.run r ON r.executor OPERATOR(pg_catalog.=) e.id"
	" WHERE r.ready AND r.queue OPERATOR(pg_catalog.=) $1"
	" UNION ALL"
	" SELECT FROM workflow.run r WHERE NOT r.ready AND r.queue OPERATOR(pg_catalog.=) $1"
	"  AND r.state OPERATOR(pg_catalog.=) 0 LIMIT $2) w",
	WF_ARGS(INT4OID, INT8OID),
	.latest = true
};

/* By the newest version of a job, which makes runs, or by runs that there are. */
#define USERS_OF_LIMIT \
	"FROM workflow.job j WHERE j.limits OPERATOR(pg_catalog.?) $1" \
	" AND ((j.dropped_at IS NULL AND NOT EXISTS (SELECT FROM workflow.job n" \
	"   WHERE n.name OPERATOR(pg_catalog.=) j.name AND n.dropped_at IS NULL" \
	"   AND n.version OPERATOR(pg_catalog.>) j.version))" \
	"  OR EXISTS (SELECT FROM workflow.run r WHERE r.job OPERATOR(pg_catalog.=) j.id))"

static WfStatement limit_statement = {
	.sql = "SELECT " USERS_OF_LIMIT " LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* The most that any of them takes. */
static WfStatement units_statement = {
	.sql = "SELECT j.name, (j.limits OPERATOR(pg_catalog.->>) $1)::pg_catalog.int4 " USERS_OF_LIMIT
	" ORDER BY 2 DESC, 1 LIMIT 1",
	WF_ARGS(TEXTOID),
	.latest = true
};

/* Who does their runs; 0: outside workers. */
static WfStatement limit_executors_statement = {
	.sql = "SELECT DISTINCT CASE WHEN j.mode OPERATOR(pg_catalog.=) 2 THEN 0 ELSE j.owner END " USERS_OF_LIMIT,
	WF_ARGS(TEXTOID),
	.latest = true
};

/* Is any run in the queue?  SPI must be connected, as for all of these. */
bool
wf_queue_use_has_runs(int32 number)
{
	Datum		value = Int32GetDatum(number);

	return wf_statement_execute(&others_statement, &value, NULL, 1) > 0 ||
		wf_statement_execute(&executors_statement, &value, NULL, 1) > 0;
}

/* May a run take units of the limit? */
bool
wf_queue_use_limit_is_used(const char *name)
{
	Datum		value = CStringGetTextDatum(name);

	return wf_statement_execute(&limit_statement, &value, NULL, 1) > 0;
}

/* Error WF017 if a run takes more units of the limit than so many, and would wait for ever. */
void
wf_queue_use_require_units(const char *name, int most)
{
	Datum		value = CStringGetTextDatum(name);
	bool		isnull;
	int			units;

	if (wf_statement_execute(&units_statement, &value, NULL, 1) == 0)
		return;
	units = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (units <= most)
		return;
	ereport(ERROR,
			(errcode(WF_ERR_IN_USE),
			 errmsg("limit \"%s\" cannot have less than %d units", wf_quote(name), units),
			 errdetail("A run of job \"%s\" takes so many of them at once.",
					   wf_quote(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1))),
			 errhint("Make a version of the job that takes fewer, and let its runs end or cancel them.")));
}

pg_noreturn static void
refuse_full(const WfQueue *queue, int64 waiting)
{
	ereport(ERROR,
			(errcode(WF_ERR_FULL),
			 errmsg("queue \"%s\" is full", wf_quote(queue->name)),
			 errdetail_plural("%lld run waits in it, of at most %d.", "%lld runs wait in it, of at most %d.",
							  (unsigned long) waiting, (long long) waiting, queue->max_waiting)));
}

/*
 * So many runs are about to be put into the queue.  Keeps it from being dropped until
 * the end of the transaction.  Error WF010 if it is gone, WF011 if it is full and
 * refuses more; what other transactions are putting into it at the same time is not
 * counted.  Returns how many are too many, of a queue that does not refuse them: *full
 * says what is to be done then.
 */
int64
wf_queue_use_admit(int32 number, int n, WfQueueFull *full)
{
	const WfQueue *queue;
	Datum		values[2];
	int64		waiting;
	bool		isnull;

	wf_queue_keep(number);
	queue = wf_queue(number);
	*full = queue->on_full;
	if (*full == WF_FULL_WAIT || queue->max_waiting == WF_QUEUE_UNLIMITED)
		return 0;
	values[0] = Int32GetDatum(number);
	values[1] = Int64GetDatum(queue->max_waiting);
	(void) wf_statement_execute(&waiting_statement, values, NULL, 1);
	waiting = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	queue = wf_queue(number);
	if (*full == WF_FULL_REFUSE && waiting + n > queue->max_waiting)
		refuse_full(queue, waiting);
	return Max(0, waiting + n - queue->max_waiting);
}

/* Error WF011: there is no run whose place the new one could take. */
void
wf_queue_use_refuse_full(int32 number)
{
	const WfQueue *queue = wf_queue(number);

	refuse_full(queue, queue->max_waiting);
}

/* Those whom the statement finds look again at commit. */
static void
wake(WfStatement *statement, Datum value)
{
	uint64		n = wf_statement_execute(statement, &value, NULL, 0);
	bool		isnull;

	for (uint64 i = 0; i < n; i++)
	{
		int32		executor = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
														   SPI_tuptable->tupdesc, 1, &isnull));

		if (executor != 0)
			wf_wakeup_work(executor, WF_LANE_RUNS, wf_clock_now());
		else
			wf_wakeup_runs_outside(wf_clock_now());
	}
}

/* What a limit allows has changed: who does runs that take units of it looks again at commit. */
void
wf_queue_use_wake_limit(const char *name)
{
	wake(&limit_executors_statement, CStringGetTextDatum(name));
	wf_wakeup_runs_placed();
}

/* The same of a queue; members on which it is placed look, too. */
void
wf_queue_use_wake(int32 number)
{
	wf_wakeup_runs_queue(number, DT_NOBEGIN);
	wake(&executors_statement, Int32GetDatum(number));
	if (wf_queue(number)->notifies)
		wf_wakeup_runs_notifies();
}
