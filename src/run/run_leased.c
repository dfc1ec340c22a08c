/*-------------------------------------------------------------------------
 *
 * run_leased.c
 *	  Leases that begin with the commit of their claim.
 *
 * Runs in the sessions of outside workers.  Nobody can be at a run before its claim has
 * committed, and whoever takes leases away sees it from then on.  So where a transaction
 * ends that has claimed runs a while ago, their leases are written once more, as from now
 * on.  One that ends at once is left as it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "run/run_fence.h"
#include "run/run_leased.h"
#include "store/run.h"
#include "store/statement.h"

/* What a transaction takes by itself between a claim and its end is not counted (us). */
#define AT_ONCE			(100 * 1000)

/* A run that this transaction has claimed, unless it was rolled back to before that. */
typedef struct Leased
{
	pg_uuid_t	run;
	int64		fence;
} Leased;

/* Of Leased, in the memory of the transaction. */
static List *leased = NIL;
static TimestampTz first_at;	/* when the first one of them was claimed */

/* This transaction has claimed these, for a time each. */
void
wf_run_leased(int n, WfRunRow *const *rows)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	if (leased == NIL)
		first_at = wf_clock_now();
	for (int i = 0; i < n; i++)
	{
		Leased	   *claimed = palloc(sizeof(Leased));

		claimed->run = *wf_run_row_id(rows[i]);
		claimed->fence = DatumGetInt64(rows[i]->values[WF_RUN_fence]);
		leased = lappend(leased, claimed);
	}
	MemoryContextSwitchTo(old);
}

/* The lease of a run begins now, if this transaction has it still. */
static void
begin(const Leased *claimed)
{
	WfRunRow	row;

	if (!wf_run_lock(&claimed->run, false, &row) || !wf_run_fence_is(&row, claimed->fence))
		return;
	wf_run_fence_lease(&row, DatumGetIntervalP(row.values[WF_RUN_lease]));
	wf_run_update(&row);
}

/* Those of all of them, unless it has dropped the extension. */
static void
begin_all(void)
{
	ListCell   *cell;

	if (!OidIsValid(get_namespace_oid("workflow", true)))
		return;
	/* a statement that ends transactions has no snapshot, and SPI wants one */
	wf_statement_connect();
	wf_statement_push_snapshot();
	foreach(cell, leased)
		begin(lfirst(cell));
	PopActiveSnapshot();
	SPI_finish();
}

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT)
	{
		if (leased != NIL && wf_clock_now() - first_at > AT_ONCE)
			begin_all();
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		leased = NIL;
}

/* Registers the callback; once, from _PG_init. */
void
wf_run_leased_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
}
