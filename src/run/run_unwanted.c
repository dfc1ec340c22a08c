/*-------------------------------------------------------------------------
 *
 * run_unwanted.c
 *	  Runs that the process which has invoked them does not want any more.
 *
 * A step that leaves the state of a run holds its process, and the run may be about to
 * ask for that: so it waits for no run, and locks none that runs.  One that waits is
 * deleted if it is free.  For any other the step leaves word in run_request, which the
 * runtime looks at after the commit, and again until nobody has the run; executors do
 * no run of which there is word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "run/run_over.h"
#include "run/run_unwanted.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "shmem/wakeup_runs.h"
#include "store/run.h"
#include "store/run_request.h"

/* After one that is locked we look again so soon (ms). */
#define LOCKED_PAUSE	200

static bool
waits(const WfRunRow *row)
{
	return DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_WAITING;
}

/* A run that waits, and is locked, is done by nobody; its process need not hear of it. */
static void
abort_waiting(WfRunRow *row)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_ABORTED,.untold = true};

	wf_run_delete(row);
	wf_run_over(1, &end);
	wf_wakeup_released_of(DatumGetInt32(row->values[WF_RUN_executor]), WF_LANE_RUNS);
}

/*
 * A run is not wanted any more.  Waits for nobody.  SPI must be connected, as for the
 * other.
 */
void
wf_run_unwanted(const pg_uuid_t *run)
{
	WfRunRow	row;

	if (!wf_run_find(run, &row))
		return;
	if (waits(&row) && wf_run_lock(run, false, &row) && waits(&row))
	{
		abort_waiting(&row);
		return;
	}
	wf_run_request_add(run);
	wf_wakeup_runs_lease(wf_clock_now());
}

/* Tell a run that it is not wanted.  False: somebody has it locked. */
static bool
tell(const pg_uuid_t *run)
{
	WfRunRow	row;

	if (!wf_run_find(run, &row))
		return true;
	if (!wf_run_lock(run, false, &row))
		return false;
	if (waits(&row))
		abort_waiting(&row);
	else if (DatumGetInt16(row.values[WF_RUN_state]) == WF_RUN_RUNNING)
	{
		wf_run_row_set(&row, WF_RUN_state, Int16GetDatum(WF_RUN_ABORTING));
		wf_run_update(&row);
		(void) wf_slot_cancel(DatumGetInt64(row.values[WF_RUN_fence]), false);
	}
	return true;
}

/*
 * For the runtime: tell those of which there is word, a piece of them; *more: there are
 * others.  Returns when to look again; infinity: there was none that somebody has.
 */
TimestampTz
wf_run_unwanted_settle(bool *more)
{
	pg_uuid_t  *runs = palloc(sizeof(pg_uuid_t) * WF_RUN_REQUEST_PIECE);
	int			n = wf_run_request_list(runs);
	int			locked = 0;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tell(&runs[i]))
			wf_run_request_forget(&runs[i]);
		else
			locked++;
	}
	if (n == WF_RUN_REQUEST_PIECE && locked < n)
		*more = true;
	return locked == 0 ? DT_NOEND : TimestampTzPlusMilliseconds(wf_clock_now(), LOCKED_PAUSE);
}
