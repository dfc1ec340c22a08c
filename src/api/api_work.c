/*-------------------------------------------------------------------------
 *
 * api_work.c
 *	  workflow.work(), work_runs(), work_schedules(): a batch by hand, in the caller's
 *	  transaction.
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
#include "api/arg.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/guc.h"
#include "definition/owner_role.h"
#include "definition/pause.h"
#include "queue/queue.h"
#include "run/run_inside.h"
#include "shmem/lane.h"
#include "store/origin.h"
#include "work/batch.h"
#include "work/run_batch.h"
#include "work/schedule_batch.h"

PG_FUNCTION_INFO_V1(workflow_work);
PG_FUNCTION_INFO_V1(workflow_work_runs);
PG_FUNCTION_INFO_V1(workflow_work_schedules);

/* How many at most. */
static int
read_limit(FunctionCallInfo fcinfo, int n)
{
	int			limit = PG_GETARG_INT32(n);

	if (limit < 1 || limit > WF_BATCH_SIZE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be between 1 and %d", WF_BATCH_SIZE_MAX)));
	return limit;
}

/*
 * SQL function workflow.work(max) of sql/parts/timer.sql.  Locks the rows of
 * the processes that it claims, skipping those that are locked, until the end
 * of the transaction.
 */
Datum
workflow_work(PG_FUNCTION_ARGS)
{
	int			limit = read_limit(fcinfo, 0);
	WfBatch		batch = {0};
	int			done;
	int			claimed = 0;

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

/* Do a batch of runs.  A session that goes on after an error is at no run any more. */
static int
work_at_runs(WfBatch *batch, int limit)
{
	const WfPosition first = WF_POSITION(DT_NOBEGIN);
	TimestampTz next;
	int			done;
	volatile int claimed = 0;

	PG_TRY();
	{
		claimed = wf_run_batch(batch, first, wf_clock_now(), 0, limit, &next, &done);
	}
	PG_CATCH();
	{
		wf_run_inside_forget();
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_run_inside_forget();
	return claimed;
}

/*
 * SQL function workflow.work_runs(queue, max) of sql/parts/run.sql.  Locks the runs that
 * it claims, skipping those that are locked, until the end of the transaction.
 */
Datum
workflow_work_runs(PG_FUNCTION_ARGS)
{
	char	   *queue = wf_arg_string_or_null(fcinfo, 0);
	WfBatch		batch = {.kind = WF_LANE_RUNS,.by_hand = true};
	int			limit;
	int			claimed = 0;

	wf_worker_arg_require(fcinfo, 1, "max");
	limit = read_limit(fcinfo, 1);
	wf_worker_arg_connect(fcinfo);
	if (wf_run_inside() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a run cannot do other runs"),
				 errhint("Make them with workflow.run_job(), and wait for them with workflow.park().")));
	if (queue != NULL)
		batch.queue = wf_queue_number(queue);
	batch.owner = wf_owner_role_id(GetUserId());
	if (batch.owner != 0)
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		claimed = work_at_runs(&batch, limit);
		PopActiveSnapshot();
	}
	SPI_finish();
	PG_RETURN_INT32(claimed);
}

/*
 * SQL function workflow.work_schedules(max) of sql/parts/schedule.sql.  Locks the schedules
 * that it fires, skipping those that are locked, until the end of the transaction.
 */
Datum
workflow_work_schedules(PG_FUNCTION_ARGS)
{
	WfBatch		batch = {.kind = WF_LANE_SCHEDULES,.by_hand = true};
	int			limit;
	int			claimed = 0;

	wf_worker_arg_require(fcinfo, 0, "max");
	limit = read_limit(fcinfo, 0);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	batch.owner = wf_owner_role_id(GetUserId());
	if (batch.owner != 0)
	{
		TimestampTz next;
		int			done;

		PushActiveSnapshot(GetTransactionSnapshot());
		claimed = wf_schedule_batch(&batch, WF_POSITION(DT_NOBEGIN), wf_clock_now(), 0, limit, &next, &done);
		PopActiveSnapshot();
	}
	SPI_finish();
	PG_RETURN_INT32(claimed);
}
