/*-------------------------------------------------------------------------
 *
 * claimed_row.c
 *	  Runs that were claimed, as functions return them.
 *
 * Runs in the sessions of workers and runtimes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/claimed_row.h"
#include "job/job.h"
#include "run/run_fence.h"

/* The columns of claim() but for traceparent, in the order of its OUT arguments.  SPI must be connected. */
void
wf_claimed_row_fill(const WfRunRow *row, Datum *values, bool *nulls)
{
	static const int columns[WF_CLAIMED_ROW_COLUMNS] = {
		WF_RUN_id, WF_RUN_fence, WF_RUN_job, WF_RUN_job, WF_RUN_params, WF_RUN_key, WF_RUN_partition,
		WF_RUN_attempts, WF_RUN_begun, WF_RUN_lease_until
	};
	const WfJob *job = wf_job(wf_run_row_job(row));
	TimestampTz deadline = wf_run_fence_deadline(row);

	for (int i = 0; i < WF_CLAIMED_ROW_COLUMNS; i++)
	{
		values[i] = row->values[columns[i]];
		nulls[i] = row->nulls[columns[i]];
	}
	values[2] = CStringGetTextDatum(job->name);
	values[3] = Int32GetDatum(job->version);
	values[7] = Int32GetDatum(wf_run_row_attempts(row) + 1);
	values[8] = TimestampTzGetDatum(deadline);
	nulls[8] = TIMESTAMP_IS_NOEND(deadline);
}

/* The trace context for what the worker does. */
void
wf_claimed_row_trace(const WfRunRow *row, Datum *value, bool *null)
{
	const char *span = wf_run_row_span(row);

	*null = span == NULL;
	*value = span == NULL ? (Datum) 0 : CStringGetTextDatum(span);
}
