/*-------------------------------------------------------------------------
 *
 * api_work.c
 *	  workflow.work(): a batch by hand, in the caller's transaction.
 *
 * Runs in client backends.  It does what an executor of the current role does,
 * but an error of the author's code is an error of the call.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/guc.h"
#include "definition/owner_role.h"
#include "definition/pause.h"
#include "shmem/lane.h"
#include "store/origin.h"
#include "work/batch.h"

PG_FUNCTION_INFO_V1(workflow_work);

/*
 * SQL function workflow.work(max) of sql/parts/timer.sql.  Locks the rows of
 * the processes that it claims, skipping those that are locked, until the end
 * of the transaction.
 */
Datum
workflow_work(PG_FUNCTION_ARGS)
{
	int			limit = PG_GETARG_INT32(0);
	WfBatch		batch = {0};
	int			done;
	int			claimed = 0;

	if (limit < 1 || limit > WF_BATCH_SIZE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be between 1 and %d", WF_BATCH_SIZE_MAX)));
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	batch.owner = wf_owner_role_id(GetUserId());
	if (batch.owner != 0)
	{
		/*
		 * Claim from the first timer on, not from the watermark: the snapshot
		 * of this session may be older than it.
		 */
		PushActiveSnapshot(GetTransactionSnapshot());
		if (wf_pause_look())
			(void) wf_pause_bring_back(batch.owner, limit);
		claimed = wf_batch(&batch, WF_POSITION(DT_NOBEGIN), wf_clock_due_limit(), 0, limit, NULL, &done);
		PopActiveSnapshot();
	}
	SPI_finish();
	PG_RETURN_INT32(claimed);
}
