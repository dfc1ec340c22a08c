/*-------------------------------------------------------------------------
 *
 * run_failure.c
 *	  What becomes of a run whose attempt failed.
 *
 * Runs in executors, and in the sessions of outside workers.  The run is locked by
 * the caller; it waits for its next attempt, or goes to run_history.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/jsonb.h"
#include "definition/retry.h"
#include "job/job.h"
#include "queue/queue.h"
#include "run/run_failure.h"
#include "run/run_fence.h"
#include "run/run_over.h"
#include "run/run_rules.h"
#include "shmem/wakeup.h"

/* Pauses of a run that meets a shortage (s): it grows with what has passed. */
#define SHORTAGE_PAUSE_MIN	1
#define SHORTAGE_PAUSE_MAX	30

/* Under this key an error says since when its shortage lasts. */
#define SHORTAGE_SINCE		"shortage_since"

/* A time as JSON has it. */
Jsonb *
wf_run_failure_time(TimestampTz at)
{
	char		text[MAXDATELEN + 1];

	(void) JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
	return wf_jsonb_string(text);
}

/* The hint of an error; of what a job's author cannot know from it, ours. */
static const char *
hint_of(const ErrorData *error)
{
	if (error->hint == NULL && error->sqlerrcode == ERRCODE_INVALID_TRANSACTION_TERMINATION)
		return "Only the procedure of a tracked job can COMMIT, and no function that it calls.";
	return error->hint;
}

/* An error as it is kept with a run: code (the SQLSTATE), message, detail, hint, context. */
Jsonb *
wf_run_failure_of(const ErrorData *error)
{
	const char *keys[] = {"code", "message", "detail", "hint", "context", "at"};
	const char *texts[] = {unpack_sql_state(error->sqlerrcode), error->message, error->detail,
	hint_of(error), error->context};
	Jsonb	   *values[lengthof(keys)];
	int			n = 0;

	for (int i = 0; i < (int) lengthof(texts); i++)
	{
		if (texts[i] == NULL)
			continue;
		keys[n] = keys[i];
		values[n++] = wf_jsonb_string(texts[i]);
	}
	keys[n] = "at";
	values[n++] = wf_run_failure_time(GetCurrentTimestamp());
	return wf_jsonb_object(n, keys, values);
}

/* A run that is locked is nobody's any more, and waits until then. */
void
wf_run_failure_wait(WfRunRow *row, TimestampTz due, Jsonb *error)
{
	wf_run_fence_clear(row);
	wf_run_row_set(row, WF_RUN_due, TimestampTzGetDatum(due));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(true));
	if (error != NULL)
		wf_run_row_set(row, WF_RUN_error, JsonbPGetDatum(error));
	wf_run_update(row);
}

/* Does a run that has failed keep those behind it waiting? */
static bool
blocks(const WfRunRow *row)
{
	const WfQueue *queue = wf_queue(DatumGetInt32(row->values[WF_RUN_queue]));

	return queue->ordered && queue->blocks;
}

/* It stays where it is, until somebody decides about it. */
static void
keep_failed(WfRunRow *row, Jsonb *error)
{
	wf_run_fence_clear(row);
	wf_run_row_set(row, WF_RUN_state, Int16GetDatum(WF_RUN_FAILED));
	wf_run_row_set(row, WF_RUN_ready, BoolGetDatum(false));
	wf_run_row_set(row, WF_RUN_ordered, BoolGetDatum(true));
	wf_run_row_set(row, WF_RUN_error, JsonbPGetDatum(error));
	wf_run_update(row);
	wf_wakeup_stepped();		/* who waits for it */
}

/* A run that is locked has failed for good. */
void
wf_run_failure_end(WfRunRow *row, Jsonb *error)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_FAILED,.error = error};

	if (blocks(row))
	{
		keep_failed(row, error);
		return;
	}
	wf_run_delete(row);
	wf_run_over(1, &end);
}

/* A run that is locked was to stop, and has: that is no attempt.  Returns its state. */
WfRunState
wf_run_failure_stopped(WfRunRow *row, Jsonb *error)
{
	WfRunEnd	end = {.row = row,.state = WF_RUN_ABORTED,.error = error};

	wf_run_delete(row);
	wf_run_over(1, &end);
	return WF_RUN_ABORTED;
}

/* Since when the last error of the run has been a shortage; now, if it has not. */
static TimestampTz
shortage_since(const WfRunRow *row)
{
	JsonbValue	since;

	if (row->nulls[WF_RUN_error] ||
		getKeyJsonValueFromContainer(&DatumGetJsonbP(row->values[WF_RUN_error])->root,
									 SHORTAGE_SINCE, strlen(SHORTAGE_SINCE), &since) == NULL ||
		since.type != jbvNumeric)
		return wf_clock_now();
	return (TimestampTz) DatumGetInt64(DirectFunctionCall1(numeric_int8,
														   NumericGetDatum(since.val.numeric)));
}

/*
 * The attempt met a shortage of the server.  It does not count, and the run comes
 * again, the longer the shortage lasts the later; false: it has lasted for
 * workflow.shortage_limit.
 */
bool
wf_run_failure_outlast(WfRunRow *row, Jsonb *error)
{
	TimestampTz now = wf_clock_now();
	TimestampTz since = shortage_since(row);
	const char *keys[] = {SHORTAGE_SINCE};
	Jsonb	   *values[] = {wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(since)), NUMERICOID)};
	int64		pause = (now - since) / 2;

	if (now - since >= wf_shortage_limit * USECS_PER_SEC)
		return false;
	pause = Max(pause, SHORTAGE_PAUSE_MIN * USECS_PER_SEC);
	pause = Min(pause, SHORTAGE_PAUSE_MAX * USECS_PER_SEC);
	wf_run_row_next_round(row);
	wf_run_failure_wait(row, now + pause, wf_jsonb_merge(error, wf_jsonb_object(1, keys, values)));
	return true;
}

/*
 * An attempt of a run that is locked has failed, with this code, which the retry
 * rules of its job ask for, and this error.  retry_at: when the worker wants it to
 * come again, or DT_NOEND: as the rules say.  final: it is not to come again.
 * Returns its state.
 */
WfRunState
wf_run_failure_record(WfRunRow *row, const char *code, Jsonb *error, TimestampTz retry_at,
					  bool final)
{
	const WfJob *job = wf_job(wf_run_row_job(row));
	int			attempts = Min(wf_run_row_attempts(row) + 1, PG_INT16_MAX);
	TimestampTz due;

	wf_run_row_set(row, WF_RUN_attempts, Int16GetDatum(attempts));
	wf_run_row_set(row, WF_RUN_losses, Int16GetDatum(0));
	wf_run_row_next_round(row);
	if (!final && wf_retry_plan(wf_run_rules_retry(row, job), code, attempts, &due))
	{
		wf_run_failure_wait(row, retry_at == DT_NOEND ? due : retry_at, error);
		return WF_RUN_WAITING;
	}
	wf_run_failure_end(row, error);
	return WF_RUN_FAILED;
}
