/*-------------------------------------------------------------------------
 *
 * api_worker.c
 *	  What outside workers call: they claim runs, and end them.
 *
 * Runs in the sessions of workers.  Locks runs: a claim those that are free, the
 * others the one whose fence is given.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/claimed_row.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "cluster/claimer.h"
#include "job/job.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "run/run_claim.h"
#include "run/run_fence.h"
#include "run/run_signal.h"
#include "run/run_worker.h"
#include "shmem/member.h"
#include "store/checkpoint.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_claim);
PG_FUNCTION_INFO_V1(workflow_complete);
PG_FUNCTION_INFO_V1(workflow_complete_many);
PG_FUNCTION_INFO_V1(workflow_fail);
PG_FUNCTION_INFO_V1(workflow_release);
PG_FUNCTION_INFO_V1(workflow_extend);

/* Runs of one claim. */
#define CLAIM_MAX		10000

/* --- claim ------------------------------------------------------------------------ */

static void
read_count(FunctionCallInfo fcinfo, WfRunClaim *wanted)
{
	wf_worker_arg_require(fcinfo, 2, "n");
	wanted->n = PG_GETARG_INT32(2);
	if (wanted->n < 1 || wanted->n > CLAIM_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", CLAIM_MAX, wanted->n)));
}

/*
 * A runtime has its runs for as long as it lives.  But not every driver knows infinity, so it is
 * told the end of the lease that it has asked for, or the deadline.
 */
static Datum
lease_asked_for(const Interval *lease, Datum deadline)
{
	Datum		ends = DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(wf_clock_now()),
										   IntervalPGetDatum(lease));

	return TimestampTzGetDatum(Min(DatumGetTimestampTz(ends), DatumGetTimestampTz(deadline)));
}

/* lease: that of a runtime; NULL: the run has one */
static void
put_claimed(ReturnSetInfo *result, const WfRunRow *row, const Interval *lease)
{
	Datum		values[WF_CLAIMED_ROW_COLUMNS + 1];
	bool		nulls[WF_CLAIMED_ROW_COLUMNS + 1];

	wf_claimed_row_fill(row, values, nulls);
	if (lease != NULL)
		values[9] = lease_asked_for(lease, values[8]);
	wf_claimed_row_trace(row, &values[WF_CLAIMED_ROW_COLUMNS], &nulls[WF_CLAIMED_ROW_COLUMNS]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * May the worker claim under its name?  A runtime, of which *row is made, has to give its
 * epoch; returns NULL for others.
 */
static const WfMemberRow *
check_worker(FunctionCallInfo fcinfo, const char *worker, int arg, WfMemberRow *row)
{
	int64		epoch = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT64(arg);

	return wf_claimer_check(worker, PG_ARGISNULL(arg) ? NULL : &epoch, row) ? row : NULL;
}

/*
 * SQL function workflow.claim(...) of sql/parts/worker.sql.  Locks runs that are due
 * and that nobody has locked.
 */
Datum
workflow_claim(PG_FUNCTION_ARGS)
{
	WfRunClaim	wanted = {0};
	const Interval *lease;
	WfMemberRow member;
	TimestampTz next = DT_NOEND;
	WfRunRow  **rows;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	wanted.worker = wf_worker_arg_name(fcinfo, 1, "worker");
	read_count(fcinfo, &wanted);
	lease = wf_worker_arg_lease(fcinfo, 3);
	wanted.actor = wf_worker_arg_actor(fcinfo, 5);
	wf_worker_arg_connect(fcinfo);
	wanted.queue = wf_queue_number(wf_arg_string(fcinfo, 0, "queue"));
	wf_queue_right_require(wanted.queue, WF_QUEUE_CLAIM);
	wanted.member = check_worker(fcinfo, wanted.worker, 6, &member);
	wanted.lease = wanted.member == NULL ? lease : NULL;
	wanted.njobs = wf_worker_arg_jobs(wf_worker_arg_names(fcinfo, 4), &wanted.jobs);
	n = wf_run_claim(&wanted, &rows, &next);
	if (!PG_ARGISNULL(6))
		wf_member_backlog(n == wanted.n);
	for (int i = 0; i < n; i++)
		put_claimed((ReturnSetInfo *) fcinfo->resultinfo, rows[i], wanted.member == NULL ? NULL : lease);
	SPI_finish();
	PG_RETURN_NULL();
}

/* --- the end of a run --------------------------------------------------------------- */

/* SQL function workflow.complete(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_complete(PG_FUNCTION_ARGS)
{
	WfRunCompleted completed = {.result = wf_arg_jsonb_or_null(fcinfo, 2)};
	bool		taken;

	completed.run = *wf_worker_arg_run(fcinfo, 0, &completed.fence);
	wf_worker_arg_connect(fcinfo);
	wf_run_worker_complete(1, &completed, wf_worker_arg_actor(fcinfo, 3), &taken);
	SPI_finish();
	PG_RETURN_BOOL(taken);
}

static int
compare_completed(const void *a, const void *b)
{
	return memcmp(&((const WfRunCompleted *) a)->run, &((const WfRunCompleted *) b)->run, UUID_LEN);
}

/* The elements of an array argument, so many unless n is -1. */
static int
read_elements(FunctionCallInfo fcinfo, int arg, Oid type, const char *name, int n, Datum **values,
			  bool **nulls)
{
	int16		length;
	bool		by_value;
	char		align;
	int			found;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), type, length, by_value, align, values, nulls, &found);
	if (n >= 0 && found != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %d elements, and runs has %d", name, found, n)));
	return found;
}

/* What complete_many() is asked for, in the order of ids. */
static int
read_completed(FunctionCallInfo fcinfo, WfRunCompleted **completed)
{
	Datum	   *runs;
	Datum	   *fences;
	Datum	   *results = NULL;
	bool	   *nulls;
	bool	   *no_fence;
	bool	   *no_result = NULL;
	int			n;

	wf_worker_arg_require(fcinfo, 0, "runs");
	wf_worker_arg_require(fcinfo, 1, "fences");
	n = read_elements(fcinfo, 0, UUIDOID, "runs", -1, &runs, &nulls);
	(void) read_elements(fcinfo, 1, INT8OID, "fences", n, &fences, &no_fence);
	if (!PG_ARGISNULL(2))
		(void) read_elements(fcinfo, 2, JSONBOID, "results", n, &results, &no_result);
	*completed = palloc0(sizeof(WfRunCompleted) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i] || no_fence[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of \"%s\" is null", i + 1, nulls[i] ? "runs" : "fences")));
		(*completed)[i].run = *DatumGetUUIDP(runs[i]);
		(*completed)[i].fence = DatumGetInt64(fences[i]);
		if (results != NULL && !no_result[i])
			(*completed)[i].result = DatumGetJsonbP(results[i]);
	}
	qsort(*completed, n, sizeof(WfRunCompleted), compare_completed);
	return n;
}

/*
 * SQL function workflow.complete_many(...) of sql/parts/worker.sql.  Locks the runs in
 * the order of their ids.
 */
Datum
workflow_complete_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfRunCompleted *completed;
	bool	   *taken;
	int			n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	n = read_completed(fcinfo, &completed);
	taken = palloc(sizeof(bool) * (n + 1));
	wf_worker_arg_connect(fcinfo);
	wf_run_worker_complete(n, completed, NULL, taken);
	for (int i = 0; i < n; i++)
	{
		Datum		value = UUIDPGetDatum(&completed[i].run);
		bool		isnull = false;

		if (taken[i])
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	SPI_finish();
	PG_RETURN_NULL();
}

/* SQL function workflow.fail(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_fail(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run(fcinfo, 0, &fence);
	TimestampTz retry_at = wf_worker_arg_time(fcinfo, 3, "retry_at", DT_NOEND);
	Jsonb	   *error;
	const char *state;

	wf_worker_arg_require(fcinfo, 2, "error");
	error = PG_GETARG_JSONB_P(2);
	if (!JB_ROOT_IS_OBJECT(error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an error must be a JSON object"),
				 errhint("For example {\"code\": \"timeout\", \"message\": \"...\"}.")));
	wf_worker_arg_connect(fcinfo);
	state = wf_run_worker_fail(run, fence, error, retry_at, wf_arg_bool(fcinfo, 4, "final"),
							   wf_worker_arg_actor(fcinfo, 5));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* SQL function workflow.release(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_release(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run(fcinfo, 0, &fence);
	TimestampTz at = wf_worker_arg_time(fcinfo, 2, "at", DT_NOBEGIN);
	bool		taken;

	wf_worker_arg_connect(fcinfo);
	taken = wf_run_worker_release(run, fence, at);
	SPI_finish();
	PG_RETURN_BOOL(taken);
}

/* --- while it runs ------------------------------------------------------------------ */

/*
 * SQL function workflow.extend(...) of sql/parts/worker.sql.  Locks the run, unless the worker
 * has it for as long as it lives.
 */
Datum
workflow_extend(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run(fcinfo, 0, &fence);
	const Interval *lease = wf_worker_arg_lease(fcinfo, 2);
	const char *word;

	wf_worker_arg_connect(fcinfo);
	word = wf_run_worker_extend(run, fence, lease);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(word));
}

