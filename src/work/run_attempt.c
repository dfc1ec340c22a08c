/*-------------------------------------------------------------------------
 *
 * run_attempt.c
 *	  Runs that failed: attempts, back-off, the end.
 *
 * Runs in executors, between batches, each record in a transaction of its own.  A
 * run is never lost: until it has ended it is a row of workflow.run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "run/run_failure.h"
#include "run/run_inside.h"
#include "shmem/slot.h"
#include "store/checkpoint.h"
#include "store/run.h"
#include "store/run_request.h"
#include "work/attempt.h"
#include "work/record.h"
#include "work/report.h"
#include "work/run_attempt.h"

/* What has failed; error NULL: no attempt, just a later due time. */
typedef struct Failed
{
	const pg_uuid_t *run;
	const ErrorData *error;
	TimestampTz due;
} Failed;

/* Whoever has the run locked may be a client that goes home over it: never waited for. */
static bool
record(void *arg)
{
	const Failed *failed = arg;
	const ErrorData *error = failed->error;
	WfRunRow	row;
	Jsonb	   *kept;
	bool		another;

	if (!wf_run_lock(failed->run, false, &row) ||
		DatumGetInt16(row.values[WF_RUN_state]) != WF_RUN_WAITING)
		return false;
	if (error == NULL)
	{
		wf_run_row_set(&row, WF_RUN_due, TimestampTzGetDatum(failed->due));
		wf_run_update(&row);
		return true;
	}
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && wf_slot_was_interrupted(failed->run, &another) && another)
		return true;			/* that it should be done once more */
	wf_run_inside_end();
	wf_run_inside_keep(&row);
	kept = wf_run_failure_of(error);
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && wf_run_request_stops(failed->run))
	{
		wf_checkpoint_forget(1, &failed->run);
		(void) wf_run_failure_stopped(&row, kept);
	}
	else if (!wf_attempt_is_shortage(error->sqlerrcode) || !wf_run_failure_outlast(&row, kept))
	{
		WfRunState	state = wf_run_failure_record(&row, unpack_sql_state(error->sqlerrcode), kept,
												  DT_NOEND, false);

		wf_report_note_run(&row, wf_job(wf_run_row_job(&row)), state, error);
	}
	return true;
}

/*
 * Note that the run a batch was at, alone, failed with `error`: it gets an attempt
 * and a later due time, or it has failed; a shortage of the server is no attempt for
 * as long as workflow.shortage_limit.  Nothing happens when somebody else has the
 * run.  Throws nothing: what goes wrong here is logged.
 */
WfRecord
wf_run_attempt_failed(const WfBatch *batch, Oid extension, const ErrorData *error)
{
	Failed		failed = {.run = &batch->run,.error = error};

	return wf_record(extension, record, &failed);
}

/* The same without an attempt: only the due time moves. */
WfRecord
wf_run_attempt_postpone(const WfBatch *batch, Oid extension, TimestampTz due)
{
	Failed		failed = {.run = &batch->run,.due = due};

	return wf_record(extension, record, &failed);
}
