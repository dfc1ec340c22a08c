/*-------------------------------------------------------------------------
 *
 * job_call.c
 *	  Runs the command of a job.
 *
 * Runs in executors, and in the session that calls call_job().  A function that takes
 * jsonb is called as it is, without a statement; its lookup is kept until the function
 * changes.  All others are statements with plans that are kept.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errcodes.h"
#include "eval/expected_calls.h"
#include "eval/meter.h"
#include "job/job_author.h"
#include "job/job_call.h"
#include "parameter/parameter_type.h"

/* The largest result that is kept, in bytes. */
#define RESULT_MAX	(50 * 1000 * 1000)

/* The command of a job, ready to be called. */
struct WfJobCall
{
	MemoryContext context;		/* that of the job */
	WfJobCommand *command;
	Oid			function;		/* InvalidOid: not looked up, or gone */
	FmgrInfo   *flinfo;			/* good for the row of pg_proc with the next two */
	TransactionId row_xmin;
	ItemPointerData row_place;
	const Jsonb *calls;			/* what it may call, or NULL: not known */
	SPIPlanPtr	plan;			/* of a statement; NULL: not made yet */
	WfParameterType *types;			/* of its parameters */
	WfParameterType	returns;		/* what comes out */
	WfParameterType	result;			/* what the job says; name NULL: nothing */
	WfMeter		meter;			/* what its calls cost */
};

/* One call. */
typedef struct Call
{
	const WfJob *job;
	Jsonb	   *params;
	Jsonb	   *run;			/* or NULL */
	MemoryContext context;		/* the result is to be there */
	Jsonb	   *result;
	bool		top;			/* at top level */
	int			n;				/* runs that are done at once; 0: one */
	Datum	   *all;			/* their parameters; */
	Jsonb	  **results;
} Call;

/*
 * A stored command, in the memory context of its job.  calls: what all code of the job called
 * when it was stored, or NULL; result: a type, or NULL.
 */
struct WfJobCall *
wf_job_call_new(Jsonb *stored, const Jsonb *calls, const char *result)
{
	struct WfJobCall *call = palloc0(sizeof(struct WfJobCall));

	call->context = CurrentMemoryContext;
	call->command = wf_job_command_read(stored);
	call->calls = calls;
	call->types = palloc0(sizeof(WfParameterType) * (call->command->n + 1));
	for (int i = 0; i < call->command->n; i++)
		call->types[i] = (WfParameterType) {.name = call->command->types[i],.context = call->context};
	call->result = (WfParameterType) {.name = result,.context = call->context};
	return call;
}

/* Measure what calls cost: they are those of this job, by its id, and of this command. */
void
wf_job_call_measure(struct WfJobCall *call, int32 job, const char *command)
{
	wf_meter_set(&call->meter, WF_COST_JOB, job, command);
}

/* What the command of a job means. */
const WfJobCommand *
wf_job_call_command(const WfJob *job)
{
	return job->call->command;
}

/* --- results ----------------------------------------------------------------------- */

/* Error WF013 if the result of a run of the job is too large to be kept. */
void
wf_job_call_check_result(const WfJob *job, const Jsonb *result)
{
	if (VARSIZE(result) > RESULT_MAX)
		ereport(ERROR,
				(errcode(WF_ERR_PARAMETERS),
				 errmsg("the result of job \"%s\" is too large", job->name),
				 errdetail("It has %zu bytes; %d are allowed.", (Size) VARSIZE(result), RESULT_MAX)));
}

/* The result as it is kept, in the caller's memory context. */
static void
keep_result(Call *call, Datum value, bool isnull, Oid type)
{
	struct WfJobCall *ready = call->job->call;
	MemoryContext old;
	Jsonb	   *result;

	if (isnull || type == VOIDOID || !call->job->keeps_result)
		return;
	if (ready->returns.oid != type)
	{
		ready->returns = (WfParameterType) {.name = MemoryContextStrdup(ready->context,
																  format_type_be_qualified(type)),.context = ready->context};
		wf_parameter_type_find(&ready->returns);
	}
	result = wf_parameter_type_write(&ready->returns, value);
	wf_job_call_check_result(call->job, result);
	if (ready->result.name != NULL)
	{
		Datum		typed;

		wf_parameter_type_find(&ready->result);
		typed = wf_parameter_type_read(&ready->result, result, &isnull);
		if (isnull)
			return;
		result = wf_parameter_type_write(&ready->result, typed);
	}
	old = MemoryContextSwitchTo(call->context);
	call->result = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(result));
	MemoryContextSwitchTo(old);
}

/* --- functions ------------------------------------------------------------------------ */

/* The function with its signature; error 42883 if it is gone. */
static Oid
look_up(const WfJobCommand *command)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		found;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = CStringGetTextDatum(command->function);
	fcinfo->args[0].isnull = false;
	found = to_regprocedure(fcinfo);
	if (fcinfo->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function %s of the job does not exist any more", command->function)));
	return DatumGetObjectId(found);
}

/*
 * Find the function, and how it is called, which another language, SECURITY DEFINER or SET
 * change.  An earlier way is left to the session: the function may be running.
 */
static void
find_function(struct WfJobCall *call)
{
	HeapTuple	tuple = OidIsValid(call->function) ?
		SearchSysCache1(PROCOID, ObjectIdGetDatum(call->function)) : NULL;
	MemoryContext old;

	if (!HeapTupleIsValid(tuple))
	{
		call->flinfo = NULL;
		call->function = look_up(call->command);
		tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->function));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for function %u", call->function);
	}
	if (call->flinfo == NULL || call->row_xmin != HeapTupleHeaderGetRawXmin(tuple->t_data) ||
		!ItemPointerEquals(&call->row_place, &tuple->t_self))
	{
		old = MemoryContextSwitchTo(call->context);
		call->flinfo = palloc(sizeof(FmgrInfo));
		fmgr_info(call->function, call->flinfo);
		MemoryContextSwitchTo(old);
		call->row_xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
		call->row_place = tuple->t_self;
	}
	ReleaseSysCache(tuple);
}

static void
call_function(Call *call)
{
	struct WfJobCall *ready = call->job->call;
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	find_function(ready);
	if (object_aclcheck(ProcedureRelationId, ready->function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, ready->command->function);
	InitFunctionCallInfoData(*fcinfo, ready->flinfo, ready->flinfo->fn_nargs, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(call->params);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = JsonbPGetDatum(call->run);
	fcinfo->args[1].isnull = call->run == NULL;
	if (ready->flinfo->fn_strict && ready->flinfo->fn_nargs > 1 && call->run == NULL)
		return;
	result = FunctionCallInvoke(fcinfo);
	keep_result(call, result, fcinfo->isnull, get_func_rettype(ready->function));
}

/*
 * What a function of many runs has returned: an array with a result for each; anything
 * else is none.  Error WF013 for an array of another length.
 */
static void
keep_results(Call *call, Datum value, bool isnull, Oid type)
{
	Oid			element = get_element_type(type);
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (isnull || !OidIsValid(element) || !call->job->keeps_result)
		return;
	get_typlenbyvalalign(element, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(value), element, length, by_value, align, &values, &nulls, &n);
	if (n != call->n)
		ereport(ERROR,
				(errcode(WF_ERR_PARAMETERS),
				 errmsg("job \"%s\" has returned %d results for %d runs", call->job->name, n, call->n)));
	for (int i = 0; i < n; i++)
	{
		call->result = NULL;
		keep_result(call, values[i], nulls[i], element);
		call->results[i] = call->result;
	}
}

/* A function of many runs. */
static void
call_many(Call *call)
{
	struct WfJobCall *ready = call->job->call;
	LOCAL_FCINFO(fcinfo, 1);
	Datum		result;

	find_function(ready);
	if (object_aclcheck(ProcedureRelationId, ready->function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, ready->command->function);
	InitFunctionCallInfoData(*fcinfo, ready->flinfo, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = PointerGetDatum(construct_array(call->all, call->n, JSONBOID, -1, false, TYPALIGN_INT));
	fcinfo->args[0].isnull = false;
	result = FunctionCallInvoke(fcinfo);
	keep_results(call, result, fcinfo->isnull, get_func_rettype(ready->function));
}

/* --- statements ------------------------------------------------------------------------ */

static SPIPlanPtr
plan_of(struct WfJobCall *call)
{
	const WfJobCommand *command = call->command;
	Oid		   *types = palloc(sizeof(Oid) * (command->n + 1));
	SPIPlanPtr	plan;

	if (call->plan != NULL)
		return call->plan;
	for (int i = 0; i < command->n; i++)
	{
		wf_parameter_type_find(&call->types[i]);
		types[i] = call->types[i].oid;
	}
	plan = SPI_prepare(command->text, command->n, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	return call->plan = plan;
}

/* The value of parameter i of the statement; one without a name is all parameters. */
static Datum
argument(const Call *call, int i, bool *isnull)
{
	const WfJobCommand *command = call->job->call->command;
	const char *name = command->names[i];
	JsonbValue	value;

	*isnull = false;
	if (name == NULL && i == 0)
		return JsonbPGetDatum(call->params);
	if (name == NULL)
	{
		*isnull = call->run == NULL;
		return JsonbPGetDatum(call->run);
	}
	*isnull = getKeyJsonValueFromContainer(&call->params->root, name, strlen(name), &value) == NULL;
	return *isnull ? (Datum) 0 :
		wf_parameter_type_read(&call->job->call->types[i], JsonbValueToJsonb(&value), isnull);
}

static ParamListInfo
arguments(const Call *call)
{
	const struct WfJobCall *ready = call->job->call;
	ParamListInfo params = makeParamList(ready->command->n);

	for (int i = 0; i < ready->command->n; i++)
	{
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = ready->types[i].oid;
		params->params[i].value = argument(call, i, &params->params[i].isnull);
	}
	return params;
}

/* Execute the statement, whatever calls of it are looked up for that being what they were. */
static int
execute(Call *call)
{
	struct WfJobCall *ready = call->job->call;
	WfExpectedCalls expected = {.text = ready->command->text,.calls = ready->calls,.key = WF_JOB_COMMAND_KEY};
	volatile int code = 0;

	wf_expected_calls_begin(&expected);
	PG_TRY();
	{
		SPIPlanPtr	plan = plan_of(ready);
		SPIExecuteOptions options = {.params = arguments(call)};

		code = SPI_execute_plan_extended(plan, &options);
	}
	PG_FINALLY();
	{
		wf_expected_calls_end(&expected);
	}
	PG_END_TRY();
	return code;
}

static void
call_statement(Call *call)
{
	int			code = execute(call);

	if (code < 0)
		elog(ERROR, "could not execute the command of job \"%s\": %s", call->job->name,
			 SPI_result_code_string(code));
	if (SPI_processed > 0 && SPI_tuptable != NULL && SPI_tuptable->tupdesc->natts > 0)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		keep_result(call, value, isnull, SPI_gettypeid(SPI_tuptable->tupdesc, 1));
	}
}

/* --- procedures at top level --------------------------------------------------------------- */

/* The plan of CALL, which is in the portal's memory. */
static List *
plan_call(const struct WfJobCall *call)
{
	const WfJobCommand *command = call->command;
	RawStmt    *statement = linitial_node(RawStmt, raw_parser(command->text, RAW_PARSE_DEFAULT));
	Oid		   *types = palloc(sizeof(Oid) * (command->n + 1));
	List	   *queries;

	for (int i = 0; i < command->n; i++)
		types[i] = call->types[i].oid;
	queries = pg_analyze_and_rewrite_fixedparams(statement, command->text, types, command->n, NULL);
	return pg_plan_queries(queries, command->text, CURSOR_OPT_PARALLEL_OK, NULL);
}

/*
 * Call a procedure as a client's CALL does: in a portal, which is what lives on when it
 * commits, and has snapshots taken for it.
 */
static void
call_procedure(Call *call)
{
	struct WfJobCall *ready = call->job->call;
	Portal		portal = CreateNewPortal();
	MemoryContext old = MemoryContextSwitchTo(portal->portalContext);
	ParamListInfo params;
	QueryCompletion completion;
	List	   *plan;

	portal->visible = false;
	for (int i = 0; i < ready->command->n; i++)
		wf_parameter_type_find(&ready->types[i]);
	PushActiveSnapshot(GetTransactionSnapshot());
	params = arguments(call);
	plan = plan_call(ready);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	PortalDefineQuery(portal, NULL, ready->command->text, CMDTAG_CALL, plan, NULL);
	PortalStart(portal, params, 0, InvalidSnapshot);
	(void) wf_portal_run(portal, None_Receiver, &completion);
	PortalDrop(portal, false);
}

/* --- calls ---------------------------------------------------------------------------------- */

static void
run_command(Call *call)
{
	if (call->n > 0)
		call_many(call);
	else if (call->job->is_procedure && call->top)
		call_procedure(call);
	else if (call->job->call->command->text == NULL)
		call_function(call);
	else
		call_statement(call);
}

/* Run the command, and measure what that costs. */
static void
run(void *arg)
{
	Call	   *call = arg;
	WfMeter    *meter = &call->job->call->meter;
	WfMeterReading reading;

	wf_meter_begin(meter, &reading);
	PG_TRY();
	{
		run_command(call);
	}
	PG_CATCH();
	{
		wf_meter_end(meter, &reading, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	wf_meter_end(meter, &reading, false);
}

/*
 * Call the command of a job in the present transaction, in the user context of the
 * job's author, which is entered if it is not open yet and stays open:
 * wf_user_context_leave() is the caller's.  params: as wf_job_given_check()
 * returned them.  run: what a function of (jsonb, jsonb) gets, or NULL.  timeout: or NULL.
 * The result is in the current memory context, or NULL: null, or not kept.  SPI must be
 * connected.  Throws what the command throws; WF013 if the result is too large.
 */
Jsonb *
wf_job_call_one(const WfJob *job, Jsonb *params, Jsonb *run_info, const Interval *timeout,
				WfUserContext *bracket)
{
	Call		call = {.job = job,.params = params,.run = run_info,.context = CurrentMemoryContext};

	wf_job_author_run(job, bracket, timeout, run, &call);
	return call.result;
}

/*
 * The same for n runs at once, of a job that takes_many; results has room for as many.
 */
void
wf_job_call_many(const WfJob *job, int n, Datum *params, Jsonb **results, const Interval *timeout,
				 WfUserContext *bracket)
{
	Call		call = {
		.job = job,.n = n,.all = params,.results = results,.context = CurrentMemoryContext
	};

	memset(results, 0, sizeof(Jsonb *) * n);
	wf_job_author_run(job, bracket, timeout, run, &call);
}

/*
 * The same at top level, in a transaction without SPI and snapshot, in a session of
 * the job's owner: a procedure may COMMIT.  Another transaction may be open
 * afterwards.  The author's settings, the tenant and the trace context (or NULL), are those of
 * the session from now on.  Its timeout is the caller's.
 */
Jsonb *
wf_job_call_top(const WfJob *job, Jsonb *params, Jsonb *run_info, const char *tenant, const char *trace)
{
	Call		call = {
		.job = job,.params = params,.run = run_info,.context = CurrentMemoryContext,.top = true
	};

	wf_user_context_pin_session(&job->author, tenant, trace);
	if (job->is_procedure)
		run(&call);
	else
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		PushActiveSnapshot(GetTransactionSnapshot());
		run(&call);
		PopActiveSnapshot();
		SPI_finish();
	}
	MemoryContextSwitchTo(call.context);
	return call.result;
}
