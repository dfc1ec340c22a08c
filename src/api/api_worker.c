/*-------------------------------------------------------------------------
 *
 * api_worker.c
 *	  What outside workers call: they claim runs, say how they are, and end them.
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
#include "api/run_sight.h"
#include "base/clock.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "job/job.h"
#include "job/run_claim.h"
#include "job/run_rules.h"
#include "job/run_signal.h"
#include "job/run_worker.h"
#include "queue/queue.h"
#include "queue/queue_right.h"
#include "store/checkpoint.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_claim);
PG_FUNCTION_INFO_V1(workflow_complete);
PG_FUNCTION_INFO_V1(workflow_complete_many);
PG_FUNCTION_INFO_V1(workflow_fail);
PG_FUNCTION_INFO_V1(workflow_release);
PG_FUNCTION_INFO_V1(workflow_extend);
PG_FUNCTION_INFO_V1(workflow_report_progress);
PG_FUNCTION_INFO_V1(workflow_save_checkpoint);
PG_FUNCTION_INFO_V1(workflow_checkpoint);
PG_FUNCTION_INFO_V1(workflow_park);
PG_FUNCTION_INFO_V1(workflow_signal);

/* Runs of one claim. */
#define CLAIM_MAX		10000

/* --- arguments ------------------------------------------------------------------- */

/*
 * Connect SPI for a call that changes runs which are claimed.  Error 0A000 where the
 * snapshot of the transaction may be older than the claim.
 */
static void
connect(FunctionCallInfo fcinfo)
{
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("runs cannot be claimed or ended in transaction isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errhint("Use READ COMMITTED.")));
}

static void
require_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

static int64
read_fence(FunctionCallInfo fcinfo, int n)
{
	require_argument(fcinfo, n, "fence");
	return PG_GETARG_INT64(n);
}

/* The run and fence of a call that a worker makes. */
static pg_uuid_t *
read_run(FunctionCallInfo fcinfo, int n, int64 *fence)
{
	if (PG_ARGISNULL(n) && PG_ARGISNULL(n + 1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments \"run\" and \"fence\" must not be null"),
				 errhint("They are those that claim() has returned.")));
	*fence = read_fence(fcinfo, n + 1);
	return wf_arg_uuid(fcinfo, n, "run");
}

static const Interval *
read_lease(FunctionCallInfo fcinfo, int n)
{
	Interval   *lease;

	require_argument(fcinfo, n, "lease");
	lease = PG_GETARG_INTERVAL_P(n);
	if (lease->month < 0 || lease->day < 0 || lease->time < 0 ||
		(lease->month == 0 && lease->day == 0 && lease->time == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lease must be positive")));
	return lease;
}

static char *
read_actor(FunctionCallInfo fcinfo, int n)
{
	char	   *actor = wf_arg_string_or_null(fcinfo, n);

	if (actor != NULL)
		wf_arg_check_length("the name of an actor is too long", strlen(actor));
	return actor;
}

/* The name of a checkpoint or of an event. */
static char *
read_name(FunctionCallInfo fcinfo, int n, const char *what)
{
	char	   *name = wf_arg_string(fcinfo, n, what);

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	wf_arg_check_length(psprintf("%s is too long", what), strlen(name));
	return name;
}

static TimestampTz
read_time(FunctionCallInfo fcinfo, int n, const char *name, TimestampTz without)
{
	TimestampTz at = PG_ARGISNULL(n) ? without : PG_GETARG_TIMESTAMPTZ(n);

	if (!PG_ARGISNULL(n) && TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite", name)));
	return at;
}

/* --- claim ------------------------------------------------------------------------ */

static void
read_count(FunctionCallInfo fcinfo, WfRunClaim *wanted)
{
	require_argument(fcinfo, 2, "n");
	wanted->n = PG_GETARG_INT32(2);
	if (wanted->n < 1 || wanted->n > CLAIM_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", CLAIM_MAX, wanted->n)));
}

/* The jobs that are named. */
static void
read_jobs(FunctionCallInfo fcinfo, WfRunClaim *wanted)
{
	List	   *names = wf_arg_strings(fcinfo, 4, "jobs");
	int32	   *roots = palloc(sizeof(int32) * (list_length(names) + 1));
	ListCell   *cell;

	if (!PG_ARGISNULL(4) && names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("jobs must not be empty"),
				 errhint("For all jobs it is null.")));
	foreach(cell, names)
		roots[wanted->nroots++] = wf_job_newest(lfirst(cell))->root;
	wanted->roots = roots;
}

/* When the timeout of the run is over. */
static Datum
deadline_of(const WfJob *job, const WfRunRow *row, bool *isnull)
{
	const Interval *timeout = wf_run_rules_timeout(row, job);

	*isnull = timeout == NULL;
	if (*isnull)
		return (Datum) 0;
	return DirectFunctionCall2(timestamptz_pl_interval, row->values[WF_RUN_begun],
							   IntervalPGetDatum(timeout));
}

/* A row of the result, in the order of the OUT arguments. */
static void
put_claimed(ReturnSetInfo *result, const WfRunRow *row)
{
	static const int columns[] = {
		WF_RUN_id, WF_RUN_fence, WF_RUN_job, WF_RUN_job, WF_RUN_params, WF_RUN_key, WF_RUN_partition,
		WF_RUN_attempts, WF_RUN_begun, WF_RUN_lease_until
	};
	const WfJob *job = wf_job(wf_run_row_job(row));
	Datum		values[lengthof(columns)];
	bool		nulls[lengthof(columns)];

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		values[i] = row->values[columns[i]];
		nulls[i] = row->nulls[columns[i]];
	}
	values[2] = CStringGetTextDatum(job->name);
	values[3] = Int32GetDatum(job->version);
	values[7] = Int32GetDatum(wf_run_row_attempts(row) + 1);
	values[8] = deadline_of(job, row, &nulls[8]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * SQL function workflow.claim(...) of sql/parts/worker.sql.  Locks runs that are due
 * and that nobody has locked.
 */
Datum
workflow_claim(PG_FUNCTION_ARGS)
{
	WfRunClaim	wanted = {0};
	WfRunRow  **rows;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	wanted.worker = read_name(fcinfo, 1, "worker");
	read_count(fcinfo, &wanted);
	wanted.lease = read_lease(fcinfo, 3);
	wanted.actor = read_actor(fcinfo, 5);
	connect(fcinfo);
	wanted.queue = wf_queue_number(wf_arg_string(fcinfo, 0, "queue"));
	wf_queue_right_require(wanted.queue, WF_QUEUE_CLAIM);
	read_jobs(fcinfo, &wanted);
	n = wf_run_claim(&wanted, &rows);
	for (int i = 0; i < n; i++)
		put_claimed((ReturnSetInfo *) fcinfo->resultinfo, rows[i]);
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

	completed.run = *read_run(fcinfo, 0, &completed.fence);
	connect(fcinfo);
	wf_run_worker_complete(1, &completed, read_actor(fcinfo, 3), &taken);
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

	require_argument(fcinfo, 0, "runs");
	require_argument(fcinfo, 1, "fences");
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
	connect(fcinfo);
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
	pg_uuid_t  *run = read_run(fcinfo, 0, &fence);
	TimestampTz retry_at = read_time(fcinfo, 3, "retry_at", DT_NOEND);
	Jsonb	   *error;
	const char *state;

	require_argument(fcinfo, 2, "error");
	error = PG_GETARG_JSONB_P(2);
	if (!JB_ROOT_IS_OBJECT(error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an error must be a JSON object"),
				 errhint("For example {\"code\": \"timeout\", \"message\": \"...\"}.")));
	connect(fcinfo);
	state = wf_run_worker_fail(run, fence, error, retry_at, wf_arg_bool(fcinfo, 4, "final"),
							   read_actor(fcinfo, 5));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/* SQL function workflow.release(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_release(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 0, &fence);
	TimestampTz at = read_time(fcinfo, 2, "at", DT_NOBEGIN);
	bool		taken;

	connect(fcinfo);
	taken = wf_run_worker_release(run, fence, at);
	SPI_finish();
	PG_RETURN_BOOL(taken);
}

/* --- while it runs ------------------------------------------------------------------ */

/* SQL function workflow.extend(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_extend(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 0, &fence);
	const Interval *lease = read_lease(fcinfo, 2);
	const char *word;

	connect(fcinfo);
	word = wf_run_worker_extend(run, fence, lease);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(word));
}

static Jsonb *
make_number(int64 number)
{
	return wf_jsonb_scalar(NumericGetDatum(int64_to_numeric(number)), NUMERICOID);
}

/* What is kept of a report: those that are not null, and when it came. */
static Jsonb *
make_progress(FunctionCallInfo fcinfo)
{
	const char *keys[] = {"at", "done", "note", "total"};
	char		at[MAXDATELEN + 1];
	Jsonb	   *values[lengthof(keys)] = {0};

	(void) JsonEncodeDateTime(at, TimestampTzGetDatum(wf_clock_now()), TIMESTAMPTZOID, NULL);
	values[0] = wf_jsonb_string(at);
	values[1] = make_number(PG_GETARG_INT64(0));
	if (!PG_ARGISNULL(2))
		values[2] = wf_jsonb_string(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	if (!PG_ARGISNULL(1))
		values[3] = make_number(PG_GETARG_INT64(1));
	return wf_jsonb_object(lengthof(keys), keys, values);
}

/* SQL function workflow.report_progress(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_report_progress(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 3, &fence);

	require_argument(fcinfo, 0, "done");
	if (!PG_ARGISNULL(2))
		wf_arg_check_length("note is too long", VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(2)));
	connect(fcinfo);
	wf_run_worker_progress(run, fence, make_progress(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.save_checkpoint(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_save_checkpoint(PG_FUNCTION_ARGS)
{
	char	   *name = read_name(fcinfo, 0, "name");
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 2, &fence);
	WfRunRow	row;

	require_argument(fcinfo, 1, "value");
	connect(fcinfo);
	wf_run_worker_require(run, fence, &row);
	wf_checkpoint_save(run, name, PG_GETARG_JSONB_P(1));
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.checkpoint(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_checkpoint(PG_FUNCTION_ARGS)
{
	char	   *name = read_name(fcinfo, 0, "name");
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 1, &fence);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext own;
	WfRunRow	row;
	Jsonb	   *value;

	connect(fcinfo);
	wf_run_worker_require(run, fence, &row);
	own = MemoryContextSwitchTo(caller);
	value = wf_checkpoint_find(run, name);
	MemoryContextSwitchTo(own);
	SPI_finish();
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(value);
}

/* --- waiting ------------------------------------------------------------------------- */

/* SQL function workflow.park(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_park(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = read_run(fcinfo, 2, &fence);
	WfRunPark	park = {
		.until = read_time(fcinfo, 0, "until", DT_NOEND),
		.event = PG_ARGISNULL(1) ? NULL : read_name(fcinfo, 1, "event")
	};

	park.runs = wf_arg_uuids(fcinfo, 4, "runs", &park.nruns);
	if (PG_ARGISNULL(0) && PG_ARGISNULL(1) && PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a run is parked until a time, for an event or for runs")));
	if (park.nruns == 0 && !PG_ARGISNULL(4))
		park.until = wf_clock_now();	/* none of them has still to end */
	connect(fcinfo);
	for (int i = 0; i < park.nruns; i++)
	{
		(void) wf_run_sight_require(&park.runs[i]);
		if (memcmp(&park.runs[i], run, UUID_LEN) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a run cannot wait for its own end")));
	}
	wf_run_worker_park(run, fence, &park);
	SPI_finish();
	PG_RETURN_VOID();
}

/* SQL function workflow.signal(...) of sql/parts/worker.sql.  Locks the run. */
Datum
workflow_signal(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *run = wf_arg_uuid(fcinfo, 0, "run");
	char	   *event = read_name(fcinfo, 1, "event");
	Jsonb	   *payload = PG_ARGISNULL(2) ? wf_jsonb_parse("null") : PG_GETARG_JSONB_P(2);
	bool		first;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	first = wf_run_signal(run, event, payload);
	SPI_finish();
	PG_RETURN_BOOL(first);
}
