/*-------------------------------------------------------------------------
 *
 * run_full.c
 *	  Runs that are put into a queue which may be full.
 *
 * Runs in the sessions of clients, and in executors whose code makes runs.  What is in
 * the way of a new run, as its queue says it, is locked without waiting: what another
 * transaction has is left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/jsonb.h"
#include "queue/queue_use.h"
#include "run/run_cancel.h"
#include "run/run_full.h"
#include "run/run_over.h"
#include "shmem/wakeup.h"
#include "store/run.h"
#include "store/statement.h"

/* Of a partition, the newest one that waits; several, as some may be locked. */
static WfStatement newest_statement = {
	.sql = "SELECT w.id FROM ("
	"SELECT r.id, r.seq FROM (SELECT o.id FROM workflow.owner o UNION ALL SELECT 0) e(id)"
	" JOIN workflow.run r ON r.executor OPERATOR(pg_catalog.=) e.id"
	" WHERE r.ready AND r.queue OPERATOR(pg_catalog.=) $1 AND r.part OPERATOR(pg_catalog.=) $2"
	" UNION ALL SELECT r.id, r.seq FROM workflow.run r WHERE NOT r.ready AND r.state OPERATOR(pg_catalog.=) 0"
	" AND r.queue OPERATOR(pg_catalog.=) $1 AND r.part OPERATOR(pg_catalog.=) $2) w"
	" ORDER BY w.seq DESC LIMIT 10",
	WF_ARGS(INT4OID, INT8OID),
	.latest = true
};

/* The ones that run for longest. */
static WfStatement running_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.state OPERATOR(pg_catalog.>) 0"
	" AND r.queue OPERATOR(pg_catalog.=) $1 AND r.part OPERATOR(pg_catalog.=) $2"
	" AND r.state OPERATOR(pg_catalog.=) 1 ORDER BY r.begun, r.seq LIMIT 10",
	WF_ARGS(INT4OID, INT8OID),
	.latest = true
};

/* The runs that a statement finds of the partition of this one; returns how many. */
static int
find(WfStatement *statement, const WfRunRow *row, pg_uuid_t **ids)
{
	Datum		values[2] = {row->values[WF_RUN_queue], row->values[WF_RUN_part]};
	uint64		n = wf_statement_execute(statement, values, NULL, 0);
	bool		isnull;

	*ids = palloc(sizeof(pg_uuid_t) * (n + 1));
	for (uint64 i = 0; i < n; i++)
		(*ids)[i] = *DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	return (int) n;
}

/* What a run has for an error whose place another one takes. */
static Jsonb *
error_of_replaced(void)
{
	const char *keys[] = {"code", "message"};
	Jsonb	   *values[] = {
		wf_jsonb_string("replaced"),
		wf_jsonb_string("the queue was full, and a newer run has taken the place of this one")
	};

	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* The newest run that waits in the partition of this one is not done.  False: there is none. */
static bool
replace(const WfRunRow *row)
{
	pg_uuid_t  *ids;
	int			n = find(&newest_statement, row, &ids);

	for (int i = 0; i < n; i++)
	{
		WfRunRow	old;
		WfRunEnd	end = {.row = &old,.state = WF_RUN_ABORTED,.error = error_of_replaced()};

		if (!wf_run_lock(&ids[i], false, &old) || DatumGetInt16(old.values[WF_RUN_state]) != WF_RUN_WAITING)
			continue;
		wf_run_delete(&old);
		wf_run_over(1, &end);
		wf_wakeup_released_of(DatumGetInt32(old.values[WF_RUN_executor]), WF_LANE_RUNS);
		return true;
	}
	return false;
}

/* What runs of the partition of this one is to stop: one run, as one is too many. */
static void
stop_running(const WfRunRow *row)
{
	pg_uuid_t  *ids;
	int			n = find(&running_statement, row, &ids);

	for (int i = 0; i < n; i++)
	{
		WfRunRow	old;

		if (!wf_run_lock(&ids[i], false, &old) || DatumGetInt16(old.values[WF_RUN_state]) != WF_RUN_RUNNING)
			continue;
		wf_run_cancel_running(&old, true);
		return;
	}
}

/*
 * These runs are about to be put into the queue.  Where they are too many, what its
 * on_full says is done for each of those that are.  Error WF010 if it is gone, WF011 if
 * it is full and there is no place for them.  SPI must be connected.
 */
void
wf_run_full_admit(int32 queue, int n, const WfRunRow *rows)
{
	WfQueueFull full;
	int64		over = wf_queue_use_admit(queue, n, &full);

	for (int i = n - (int) Min(over, n); i < n; i++)
	{
		if (full == WF_FULL_CANCEL)
			stop_running(&rows[i]);
		else if (!replace(&rows[i]))
			wf_queue_use_refuse_full(queue);
	}
}
