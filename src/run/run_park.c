/*-------------------------------------------------------------------------
 *
 * run_park.c
 *	  Runs that are given back until something happens.
 *
 * Runs in the sessions of outside workers, and in executors.  The run is locked by the
 * caller.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "run/run_fence.h"
#include "run/run_over.h"
#include "run/run_park.h"
#include "store/checkpoint.h"
#include "store/run.h"

/*
 * A run that is locked is nobody's any more, and waits; not for an event that it was
 * told before, or for runs that have ended.  That is no attempt.  taken: its row was
 * taken by this transaction, and comes back.  SPI must be connected.
 */
void
wf_run_park(WfRunRow *row, const WfRunPark *park, bool taken)
{
	TimestampTz until = park->until;

	if (park->event != NULL && wf_checkpoint_find(wf_run_row_id(row), park->event) != NULL)
		until = wf_run_row_due(row);
	else if (park->event != NULL)
		wf_run_row_set(row, WF_RUN_parked, CStringGetTextDatum(park->event));
	if (park->nruns > 0)
		wf_run_row_set(row, WF_RUN_awaits, Int16GetDatum(WF_RUN_AWAITS_RUN));
	wf_run_fence_clear(row);
	wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
	wf_run_row_next_round(row);
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(!TIMESTAMP_IS_NOEND(until)));
	if (!TIMESTAMP_IS_NOEND(until))
		wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(until));
	if (taken)
		wf_run_put_back(1, &row);
	else
		wf_run_update(row);
	if (park->nruns > 0)
		wf_run_over_await(row, park->nruns, park->runs);
}
