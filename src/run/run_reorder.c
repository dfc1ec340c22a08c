/*-------------------------------------------------------------------------
 *
 * run_reorder.c
 *	  Runs of a queue whose order was changed.
 *
 * Runs in the sessions of clients.  Waits for transactions that have runs of the queue
 * locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "queue/queue.h"
#include "run/run_over.h"
#include "run/run_reorder.h"
#include "store/run.h"
#include "store/statement.h"

/* Those that have failed, and were kept because the queue blocked. */
static WfStatement kept_statement = {
	.sql = "SELECT r.id FROM workflow.run r WHERE r.state OPERATOR(pg_catalog.>) 0"
	" AND r.queue OPERATOR(pg_catalog.=) $1 AND r.state OPERATOR(pg_catalog.=) 4",
	WF_ARGS(INT4OID),
	.latest = true
};

/* They have ended. */
static void
let_go(int32 queue)
{
	Datum		value = Int32GetDatum(queue);
	uint64		n = wf_statement_execute(&kept_statement, &value, NULL, 0);
	SPITupleTable *found = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		WfRunRow	row;
		WfRunEnd	end = {.row = &row,.state = WF_RUN_FAILED};
		bool		isnull;

		if (!wf_run_lock(DatumGetUUIDP(SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull)), true, &row) ||
			DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_FAILED)
			continue;
		if (!row.nulls[WF_RUN_error])
			end.error = DatumGetJsonbP(row.values[WF_RUN_error]);
		wf_run_delete(&row);
		wf_run_over(1, &end);
	}
}

/*
 * A queue was made or changed in this transaction: its runs follow.  If it is ordered,
 * all of them have a place in the order; unless it blocks, none that has failed is in
 * the way.  SPI must be connected.
 */
void
wf_run_reorder(int32 number)
{
	WfQueue		queue = *wf_queue(number);

	if (queue.ordered)
		wf_run_enter_order(number);
	if (!queue.ordered || !queue.blocks)
		let_go(number);
}
