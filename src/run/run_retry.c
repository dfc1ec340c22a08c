/*-------------------------------------------------------------------------
 *
 * run_retry.c
 *	  Runs that are done once more.
 *
 * Runs in the sessions of clients.  A run that has ended without success goes back
 * from run_history to workflow.run, under its id: its key and what it has saved are
 * its own still.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "job/job.h"
#include "queue/queue.h"
#include "run/run_failure.h"
#include "run/run_full.h"
#include "run/run_retry.h"
#include "store/run.h"
#include "store/run_key.h"

/* A run that has failed, and is kept where it was for its queue blocks, waits again. */
static bool
revive(WfRunRow *row)
{
	wf_run_row_set(row, WF_RUN_attempts, Int16GetDatum(0));
	wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
	wf_run_row_next_round(row);
	wf_run_failure_wait(row, wf_clock_now(), NULL);
	return true;
}

/* A run that waits for its next attempt, and is locked, gets it at once. */
static bool
hasten(WfRunRow *row)
{
	TimestampTz now = wf_clock_now();

	if (DatumGetInt16(row->values[WF_RUN_state]) == WF_RUN_FAILED)
		return revive(row);
	if (DatumGetInt16(row->values[WF_RUN_state]) != WF_RUN_WAITING ||
		wf_run_row_attempts(row) == 0 || wf_run_row_due(row) <= now)
		return false;
	wf_run_failure_wait(row, now, NULL);
	return true;
}

/* What a new row has that was not remembered. */
static void
fill(WfRunRow *row, const WfJob *job)
{
	const char *partition = row->nulls[WF_RUN_partition] ? NULL :
		TextDatumGetCString(row->values[WF_RUN_partition]);

	wf_run_row_set(row, WF_RUN_ordered,
				   BoolGetDatum(wf_queue(DatumGetInt32(row->values[WF_RUN_queue]))->ordered));
	wf_run_row_set(row, WF_RUN_executor, Int32GetDatum(wf_job_executor(job)));
	wf_run_row_set(row, WF_RUN_root, Int32GetDatum(job->root));
	wf_run_row_set(row, WF_RUN_part, Int64GetDatum(wf_run_part(partition)));
	wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(wf_clock_now()));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(true));
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_WAITING));
	wf_run_row_set(row, WF_RUN_attempts, Int16GetDatum(0));
	wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
	wf_run_row_next_round(row);
	/* its span has been told of: another one follows, below that */
	if (!row->nulls[WF_RUN_traceparent])
		wf_run_row_set(row, WF_RUN_traceparent, CStringGetTextDatum(wf_run_row_span(row)));
}

/*
 * Do a run once more that has ended without success, or at once, if it waits for its
 * next attempt.  False: it is none of those, or another one has its key by now.  The
 * caller has checked rights, and that it exists.  Error WF010 if its job was dropped, or
 * its queue; WF011.  SPI must be connected.
 */
bool
wf_run_retry(const pg_uuid_t *id)
{
	WfRunPast	past;
	WfRunRow	row;
	WfRunRow   *copy;
	const WfJob *job;

	if (wf_run_lock(id, true, &row))
		return hasten(&row);
	if (!wf_run_find_ended(id, &past) || past.state == WF_RUN_FINISHED ||
		!wf_run_key_take_back(id) || !wf_run_take_ended(id, &row))
		return false;
	copy = wf_run_row_copy(&row);	/* what comes now executes statements */
	job = wf_job(wf_run_row_job(copy));
	if (job->dropped)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("job \"%s\" was dropped", wf_quote(job->name))));
	fill(copy, job);
	wf_run_full_admit(DatumGetInt32(copy->values[WF_RUN_queue]), 1, copy);
	wf_run_insert(1, copy);
	return true;
}
