/*-------------------------------------------------------------------------
 *
 * api_run.c
 *	  workflow.run_job(), run_jobs() and cancel_run(): runs of jobs.
 *
 * Runs in client backends.  To make runs inserts, and locks nothing but keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/run_sight.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/jsonb.h"
#include "base/quote.h"
#include "job/job.h"
#include "run/run_cancel.h"
#include "run/run_make.h"
#include "store/origin.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_run_job);
PG_FUNCTION_INFO_V1(workflow_run_jobs);
PG_FUNCTION_INFO_V1(workflow_cancel_run);

static int
read_priority(FunctionCallInfo fcinfo, int n, const WfJob *job)
{
	int			priority = PG_ARGISNULL(n) ? job->priority : PG_GETARG_INT32(n);

	if (priority < WF_RUN_PRIORITY_LEAST || priority > WF_RUN_PRIORITY_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("priority must be between %d and %d", WF_RUN_PRIORITY_LEAST, WF_RUN_PRIORITY_MOST)));
	return priority;
}

static TimestampTz
read_at(FunctionCallInfo fcinfo, int n)
{
	TimestampTz at = PG_ARGISNULL(n) ? wf_clock_now() : PG_GETARG_TIMESTAMPTZ(n);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a run's due time must be finite")));
	return at;
}

static WfRunOnConflict
read_on_conflict(FunctionCallInfo fcinfo, int n)
{
	static const char *const words[] = {
		[WF_RUN_EXISTING] = "existing",
		[WF_RUN_ACTIVE] = "active",
		[WF_RUN_REFUSE] = "refuse",
		[WF_RUN_REPLACE] = "replace"
	};
	const char *word = wf_arg_string(fcinfo, n, "on_conflict");

	for (int i = 0; i < (int) lengthof(words); i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("on_conflict must be \"existing\", \"active\", \"refuse\" or \"replace\"")));
}

/* What all runs of a call have in common: the job, and the arguments of these numbers. */
static void
read_request(FunctionCallInfo fcinfo, WfRunRequest *request, int priority, int at, int queue)
{
	char	   *name = wf_arg_string(fcinfo, 0, "job");

	request->job = wf_job_newest(name);
	wf_job_require(request->job, "run");
	request->priority = read_priority(fcinfo, priority, request->job);
	request->at = read_at(fcinfo, at);
	request->queue = wf_run_make_queue(request->job, wf_arg_string_or_null(fcinfo, queue), GetUserId());
}

static const Interval *
read_interval(FunctionCallInfo fcinfo, int n, const char *name)
{
	const Interval zero = {0};

	if (PG_ARGISNULL(n))
		return NULL;
	if (DatumGetInt32(DirectFunctionCall2(interval_cmp, PG_GETARG_DATUM(n), IntervalPGetDatum(&zero))) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name)));
	return PG_GETARG_INTERVAL_P(n);
}

/* How long the run is put off, and at most; its due time is that from now on. */
static void
read_debounce(FunctionCallInfo fcinfo, WfRunRequest *request)
{
	request->debounce = read_interval(fcinfo, 9, "debounce");
	request->at_most = read_interval(fcinfo, 10, "at_most");
	if (request->debounce == NULL && request->at_most != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("at_most needs debounce")));
	if (request->debounce == NULL)
		return;
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("debounce needs a key"),
				 errhint("Calls with the same key are one run.")));
	request->at = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval, TimestampTzGetDatum(request->at),
														  IntervalPGetDatum(request->debounce)));
}

/* The runs that the new one waits for: each exists, and may be seen. */
static void
read_after(FunctionCallInfo fcinfo, WfRunRequest *request)
{
	static const char *const words[] = {
		[WF_RUN_AWAITS_CANCEL] = "cancel",
		[WF_RUN_AWAITS_RUN] = "run",
		[WF_RUN_AWAITS_SKIP] = "skip"
	};
	const char *word = wf_arg_string(fcinfo, 12, "after_failed");

	while (request->after_failed < lengthof(words) && strcmp(word, words[request->after_failed]) != 0)
		request->after_failed++;
	if (request->after_failed == lengthof(words))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("after_failed must be \"cancel\", \"run\" or \"skip\", not \"%s\"",
						wf_quote(word))));
	request->after = wf_arg_uuids(fcinfo, 7, "after", &request->nafter);
	for (int i = 0; i < request->nafter; i++)
		wf_run_sight_require(&request->after[i]);
}

/*
 * SQL function workflow.run_job(...) of sql/parts/run.sql.  With a key, waits for a
 * transaction that is making a run with the same one.
 */
Datum
workflow_run_job(PG_FUNCTION_ARGS)
{
	WfRunRequest request = {0};
	WfRunWanted wanted = {0};
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	int			level;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	level = wf_api_for_tenant(fcinfo, 13);
	read_request(fcinfo, &request, 3, 4, 5);
	request.on_conflict = read_on_conflict(fcinfo, 8);
	request.actor = wf_arg_string_or_null(fcinfo, 11);
	request.trace = wf_arg_trace(fcinfo, 14);
	if (request.actor != NULL)
		wf_arg_check_length("the name of an actor is too long", strlen(request.actor));
	wanted.params = wf_arg_jsonb_or_null(fcinfo, 1);
	wanted.key = wf_arg_string_or_null(fcinfo, 2);
	wanted.partition = wf_arg_string_or_null(fcinfo, 6);
	if (wanted.key != NULL)
		wf_arg_check_run_key(wanted.key);
	wf_arg_check_partition(wanted.partition);
	read_after(fcinfo, &request);
	read_debounce(fcinfo, &request);
	wf_run_make(&request, 1, &wanted, id);
	wf_tenant_work_on(level);
	SPI_finish();
	PG_RETURN_UUID_P(id);
}

/* The elements of an array of texts, one for each of n runs; NULL: no array. */
static char **
read_texts(FunctionCallInfo fcinfo, int arg, const char *name, int n)
{
	Datum	   *elements;
	bool	   *nulls;
	int			found;
	char	  **texts;

	if (PG_ARGISNULL(arg))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &found);
	if (found != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %d elements, and params has %d", name, found, n)));
	texts = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	return texts;
}

/* What is wanted of each run of run_jobs(). */
static WfRunWanted *
read_wanted(FunctionCallInfo fcinfo, int *n)
{
	Datum	   *params;
	bool	   *nulls;
	char	  **keys;
	char	  **partitions;
	WfRunWanted *wanted;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("params must not be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT, &params, &nulls,
					  n);
	keys = read_texts(fcinfo, 2, "keys", *n);
	partitions = read_texts(fcinfo, 3, "partitions", *n);
	wanted = palloc0(sizeof(WfRunWanted) * *n);
	for (int i = 0; i < *n; i++)
	{
		wanted[i].params = nulls[i] ? NULL : DatumGetJsonbP(params[i]);
		wanted[i].key = keys == NULL ? NULL : keys[i];
		wanted[i].partition = partitions == NULL ? NULL : partitions[i];
		if (wanted[i].key != NULL)
			wf_arg_check_run_key(wanted[i].key);
		wf_arg_check_partition(wanted[i].partition);
	}
	return wanted;
}

/*
 * SQL function workflow.run_jobs(...) of sql/parts/run.sql.  Keys are taken in their
 * order.
 */
Datum
workflow_run_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WfRunRequest request = {.on_conflict = WF_RUN_EXISTING};
	WfRunWanted *wanted;
	pg_uuid_t  *ids;
	int			level;
	int			n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	level = wf_api_for_tenant(fcinfo, 7);
	read_request(fcinfo, &request, 4, 5, 6);
	request.trace = wf_arg_trace(fcinfo, 8);
	wanted = read_wanted(fcinfo, &n);
	ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	wf_run_make(&request, n, wanted, ids);
	wf_tenant_work_on(level);
	for (int i = 0; i < n; i++)
	{
		Datum		value = UUIDPGetDatum(&ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
	}
	SPI_finish();
	PG_RETURN_NULL();
}

/*
 * SQL function workflow.cancel_run(run, force, actor) of sql/parts/run.sql.  Locks the run.
 */
Datum
workflow_cancel_run(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = wf_arg_uuid(fcinfo, 0, "run");
	bool		force = wf_arg_bool(fcinfo, 1, "force");
	char	   *actor = wf_worker_arg_actor(fcinfo, 2);
	WfRunState	state;
	int32		job;

	wf_api_connect_to_write(fcinfo);
	state = wf_run_cancel(id, force, actor, &job);
	if (job != 0)
		wf_note_run("cancel_run", id, job, actor,
					wf_note_detail("force", wf_jsonb_scalar(BoolGetDatum(force), BOOLOID)));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(wf_run_row_state_name(state)));
}
