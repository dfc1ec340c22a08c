/*-------------------------------------------------------------------------
 *
 * record.c
 *	  What has failed is recorded in a transaction of its own.
 *
 * Runs in executors, between batches: the batch in which it happened was rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "store/transaction.h"
#include "work/record.h"
#include "work/report.h"

/*
 * Record what has failed: record(arg) does it, and returns false if there is nothing to
 * record, because somebody else has it or it is gone.  What was noted for the server's log
 * meanwhile is written when that is committed.  With no transaction open; throws nothing:
 * what goes wrong here is logged.
 */
WfRecord
wf_record(Oid extension, bool (*record) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	volatile WfRecord recorded = WF_RECORD_TAKEN;

	PG_TRY();
	{
		if (wf_transaction_begin("workflow failure", extension))
		{
			if (record(arg))
				recorded = WF_RECORD_DONE;
			wf_transaction_commit();
			wf_report_write();
		}
	}
	PG_CATCH();
	{
		recorded = WF_RECORD_FAILED;
		EmitErrorReport();
		wf_transaction_abort(context);
		wf_report_forget();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return recorded;
}
