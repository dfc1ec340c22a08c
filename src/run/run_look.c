/*-------------------------------------------------------------------------
 *
 * run_look.c
 *	  What a run waits for.
 *
 * Runs in any session, and locks nothing.  What it says was so a moment ago.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "job/job.h"
#include "queue/run_permit.h"
#include "run/run_look.h"
#include "run/run_turn.h"
#include "shmem/owner.h"
#include "store/run_scan.h"
#include "store/statement.h"

static WfRunPlace
place_of(const WfRunRow *row)
{
	return (WfRunPlace)
	{
		.executor = DatumGetInt32(row->values[WF_RUN_executor]),
			.queue = DatumGetInt32(row->values[WF_RUN_queue]),
			.root = DatumGetInt32(row->values[WF_RUN_root]),
			.part = DatumGetInt64(row->values[WF_RUN_part]),
			.level = DatumGetInt16(row->values[WF_RUN_level])
	};
}

/* Is it the first one of its place? */
static bool
is_head(const WfRunRow *row)
{
	WfRunPlace	place = place_of(row);
	WfRunScan  *scan;
	WfRunRow	first;
	bool		head;

	wf_statement_push_snapshot();
	scan = wf_run_scan_open(WF_RUN_BY_PLACE);
	wf_run_scan_begin(scan, &place, WF_POSITION(DT_NOBEGIN), wf_run_row_due(row));
	head = !wf_run_scan_next(scan, &first) || wf_run_row_seq(&first) == wf_run_row_seq(row);
	wf_run_scan_close(scan);
	PopActiveSnapshot();
	return head;
}

/* The word for what it does not get; NULL: it could have all it needs. */
static const char *
missing_permit(const WfRunRow *row)
{
	WfRunPlace	place = place_of(row);
	WfRunPermit permit;
	WfPermitKind missing;
	WfPermitLack lack;

	wf_run_permit_of(place.queue, place.part, wf_job(wf_run_row_job(row))->limits, NULL, &permit);
	if (wf_run_permit_is_free(&permit, &missing, &lack))
		return NULL;
	if (lack == WF_LACKS_RATE)
		return "rate";
	if (missing == WF_PERMIT_PARTITION)
		return "partition";
	if (missing == WF_PERMIT_LIMIT)
		return "limit";
	return lack == WF_LACKS_GAP ? "gap" : "slot";
}

/* Is nobody to be had who does it: may its owner not log in? */
static bool
waits_for_owner(int32 executor)
{
	const WfOwner *owner = wf_owner_entry(MyDatabaseId, executor, false);

	return executor != 0 && owner != NULL && owner->reason >= WF_WAIT_ROLE_GONE &&
		wf_owner_held_until(owner) > GetCurrentTimestamp();
}

/* Is there nobody where its queue is placed?  A standby does not know. */
static bool
is_homeless(const WfRunRow *row)
{
	const WfQueue *queue = wf_queue(DatumGetInt32(row->values[WF_RUN_queue]));

	return queue->placement.n > 0 && !RecoveryInProgress() &&
		wf_placement_current(&queue->placement, DatumGetInt32(row->values[WF_RUN_executor]) == 0,
							 WF_RUN_PASSED(DatumGetInt16(row->values[WF_RUN_level]))) == NULL;
}

/* Was it lost, and somebody decides about it? */
static bool
is_lost(const WfRunRow *row)
{
	return !row->nulls[WF_RUN_awaits] && DatumGetInt16(row->values[WF_RUN_awaits]) == WF_RUN_AWAITS_RESTORER;
}

/*
 * What a run waits for; NULL: it does not wait.  The words are those of
 * workflow.run_waits_for() in sql/parts/run.sql.  SPI must be connected.
 */
const char *
wf_run_look_waits_for(const WfRunRow *row)
{
	const char *missing;

	if (DatumGetInt16(row->values[WF_RUN_state]) != WF_RUN_WAITING)
		return NULL;
	if (wf_queue(DatumGetInt32(row->values[WF_RUN_queue]))->paused)
		return "paused";
	if (!DatumGetBool(row->values[WF_RUN_ready]) || wf_run_row_due(row) > wf_clock_now())
		return !row->nulls[WF_RUN_parked] ? "signal" : is_lost(row) ? "restorer" :
			!row->nulls[WF_RUN_awaits] ? "runs" :
			wf_run_row_attempts(row) > 0 ? "retry" : "due";
	if (is_homeless(row))
		return "placement";
	if (wf_queue(DatumGetInt32(row->values[WF_RUN_queue]))->ordered ? !wf_run_turn_is(row) : !is_head(row))
		return wf_queue(DatumGetInt32(row->values[WF_RUN_queue]))->ordered ? "order" : "turn";
	missing = missing_permit(row);
	if (missing != NULL)
		return missing;
	if (waits_for_owner(DatumGetInt32(row->values[WF_RUN_executor])))
		return "owner";
	return DatumGetInt32(row->values[WF_RUN_executor]) == 0 ? "worker" : "executor";
}
