/*-------------------------------------------------------------------------
 *
 * run_unwanted.c
 *	  Runs that the process which has invoked them does not want any more.
 *
 * A step that leaves the state of a run holds its process, and the run may be about to
 * ask for that: so it waits for no run, and locks none that runs.  One that waits is
 * deleted if it is free.  For any other the step leaves word, which the runtime settles
 * (run_asked.c); executors do no run of which there is word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "run/run_ask.h"
#include "run/run_over.h"
#include "run/run_unwanted.h"
#include "shmem/slot.h"
#include "shmem/wakeup.h"
#include "store/run.h"

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
	wf_run_ask_later(&(WfRunWord) {.run = *run,.what = WF_RUN_ASKED_UNWANTED});
}

/* Tell a run of which there is word.  False: somebody has it locked. */
bool
wf_run_unwanted_settle(const pg_uuid_t *run)
{
	WfRunRow	row;
	WfRunFound	found = wf_run_ask_lock(run, &row);

	if (found != WF_RUN_OURS)
		return found == WF_RUN_GONE_BY;
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
