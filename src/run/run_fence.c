/*-------------------------------------------------------------------------
 *
 * run_fence.c
 *	  Fences: who may end a run that was claimed.
 *
 * A fence is a random number that is new at every claim.  Whoever has lost a run,
 * whatever they believe, does not have its fence any more.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "job/job.h"
#include "queue/run_permit.h"
#include "run/run_fence.h"
#include "run/run_rules.h"
#include "shmem/wakeup_runs.h"
#include "store/run_wait.h"

/*
 * A run that is locked and waits is claimed by this role, now.  It waits for nothing any
 * more.  SPI must be connected.
 */
void
wf_run_fence_claim(WfRunRow *row, int64 fence, TimestampTz now)
{
	if (!row->nulls[WF_RUN_awaits])
	{
		Datum		id = row->values[WF_RUN_id];

		wf_run_wait_forget(wf_uuid_array(&id, 1));
	}
	wf_run_row_clear(row, WF_RUN_awaits);
	wf_run_row_clear(row, WF_RUN_parked);
	wf_run_row_clear(row, WF_RUN_start_by);
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_RUNNING));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(false));
	wf_run_row_set(row, WF_RUN_fence, Int64GetDatum(fence));
	wf_run_row_set(row, WF_RUN_claimer, ObjectIdGetDatum(GetUserId()));
	wf_run_row_set(row, WF_RUN_begun, TimestampTzGetDatum(now));
	wf_run_row_set(row, WF_RUN_timeline, Int32GetDatum((int32) GetWALInsertionTimeLine()));
}

/* When the timeout of a run that was claimed is over; infinity: never.  SPI must be connected. */
TimestampTz
wf_run_fence_deadline(const WfRunRow *row)
{
	const Interval *timeout = wf_run_rules_timeout(row, wf_job(wf_run_row_job(row)));

	return timeout == NULL ? DT_NOEND :
		DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, row->values[WF_RUN_begun],
												IntervalPGetDatum(timeout)));
}

/* So long from now. */
static TimestampTz
later(const Interval *interval)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(wf_clock_now()),
												   IntervalPGetDatum(interval)));
}

/*
 * The worker that has a run, which is locked, has it for so long from now on, or, NULL, for
 * as long as it lives, or until its timeout is over.  SPI must be connected.
 */
void
wf_run_fence_lease(WfRunRow *row, const Interval *lease)
{
	TimestampTz ends = Min(lease == NULL ? DT_NOEND : later(lease), wf_run_fence_deadline(row));

	wf_run_row_clear(row, WF_RUN_lease);
	if (lease != NULL)
		wf_run_row_set(row, WF_RUN_lease, IntervalPGetDatum(lease));
	wf_run_row_set(row, WF_RUN_lease_until, TimestampTzGetDatum(ends));
	wf_wakeup_runs_lease(ends);
}

/* A run that is locked is nobody's any more, and waits. */
void
wf_run_fence_clear(WfRunRow *row)
{
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_WAITING));
	wf_run_row_clear(row, WF_RUN_start_by);
	wf_run_row_clear(row, WF_RUN_fence);
	wf_run_row_clear(row, WF_RUN_claimer);
	wf_run_row_clear(row, WF_RUN_timeline);
	wf_run_row_clear(row, WF_RUN_worker);
	wf_run_row_clear(row, WF_RUN_lease);
	wf_run_row_clear(row, WF_RUN_lease_until);
}

/*
 * The claim of a run that is locked ends with this transaction: what it has taken
 * comes back at its commit.  SPI must be connected.
 */
void
wf_run_fence_give_permits(const WfRunRow *row)
{
	WfRunPermit permit;

	wf_run_permit_of(DatumGetInt32(row->values[WF_RUN_queue]),
					 DatumGetInt64(row->values[WF_RUN_part]),
					 wf_job(wf_run_row_job(row))->limits,
					 row->nulls[WF_RUN_worker] ? NULL : TextDatumGetCString(row->values[WF_RUN_worker]), &permit);
	wf_run_permit_give(&permit);
}

/* Is this the fence of the run as it stands? */
bool
wf_run_fence_is(const WfRunRow *row, int64 fence)
{
	int			state = DatumGetInt16(row->values[WF_RUN_state]);

	return (state == WF_RUN_RUNNING || state == WF_RUN_ABORTING) &&
		!row->nulls[WF_RUN_fence] && DatumGetInt64(row->values[WF_RUN_fence]) == fence;
}
