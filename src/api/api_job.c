/*-------------------------------------------------------------------------
 *
 * api_job.c
 *	  workflow.create_job(), drop_job(), call_job(), flush_cache(), job_schema(): jobs.
 *
 * Runs in client backends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "job/job.h"
#include "job/job_cached.h"
#include "job/job_call.h"
#include "job/job_define.h"
#include "job/job_given.h"
#include "job/job_restorer.h"
#include "parameter/parameter_schema.h"
#include "run/run_refresh.h"
#include "store/job_cache.h"
#include "store/origin.h"
#include "store/statement.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_create_job);
PG_FUNCTION_INFO_V1(workflow_drop_job);
PG_FUNCTION_INFO_V1(workflow_call_job);
PG_FUNCTION_INFO_V1(workflow_flush_cache);
PG_FUNCTION_INFO_V1(workflow_may_job);
PG_FUNCTION_INFO_V1(workflow_job_schema);

/*
 * SQL function workflow.create_job(...) of sql/parts/job.sql.  Locks the name against
 * other calls until the end of the transaction, then the row of the owner.
 */
Datum
workflow_create_job(PG_FUNCTION_ARGS)
{
	WfJobText	text = {0};
	int32		version;

	text.name = wf_arg_string(fcinfo, 0, "name");
	text.command = wf_arg_string_or_null(fcinfo, 1);
	text.parameters = wf_arg_jsonb_or_null(fcinfo, 2);
	text.queue = wf_arg_string_or_null(fcinfo, 3);
	text.mode = wf_arg_string(fcinfo, 4, "mode");
	text.retry = wf_arg_jsonb_or_null(fcinfo, 5);
	text.timeout = wf_arg_interval_or_null(fcinfo, 6);
	text.priority = PG_ARGISNULL(7) ? 0 : PG_GETARG_INT32(7);
	text.partition = wf_arg_string_or_null(fcinfo, 8);
	wf_arg_check_partition(text.partition);
	text.limits = wf_arg_jsonb_or_null(fcinfo, 9);
	text.on_lost = wf_arg_string(fcinfo, 10, "on_lost");
	text.cache = wf_arg_jsonb_or_null(fcinfo, 11);
	text.result = wf_arg_string_or_null(fcinfo, 12);
	text.start_within = wf_arg_interval_or_null(fcinfo, 13);
	text.description = wf_arg_string_or_null(fcinfo, 14);

	wf_api_connect_to_write(fcinfo);
	version = wf_job_define(&text);
	SPI_finish();
	PG_RETURN_INT32(version);
}

/* SQL function workflow.drop_job(name) of sql/parts/job.sql.  Locks the name. */
Datum
workflow_drop_job(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "name");

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_job_define_drop(name);
	wf_job_restorer_forget(psprintf("job:%s", name));
	SPI_finish();
	PG_RETURN_VOID();
}

/* Error 0A000 unless the command can be called in anybody's transaction. */
static void
require_callable(const WfJob *job)
{
	if (job->mode != WF_JOB_ATOMIC || job->is_procedure || job->takes_many)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("job \"%s\" cannot be called", job->name),
				 errdetail("%s", job->mode == WF_JOB_OUTSIDE ? "It has no command." :
						   job->mode == WF_JOB_TRACKED ? "It is tracked." :
						   job->takes_many ? "It takes many runs at once." : "It is a procedure."),
				 errhint("Make a run of it with workflow.run_job().")));
}

/*
 * What a job returns for the current user, who may run it: what is kept of it, or what
 * comes of its command.
 */
static Jsonb *
call(const WfJob *job, Jsonb *given)
{
	WfUserContext bracket = {0};
	WfJobCacheFound found;
	Jsonb	   *params;
	Jsonb	   *result;

	if (!wf_job_cached_is_read(job))
		require_callable(job);
	params = wf_job_given_check(job, given);
	if (wf_job_cached_find(job, params, &found))
	{
		if (found.to_refresh)
			wf_run_refresh(job, params, &found);
		return found.result;
	}
	require_callable(job);
	result = wf_job_call_one(job, params, NULL, job->timeout, &bracket);
	wf_user_context_leave(&bracket);
	wf_job_cached_called(job, params, result);
	return result;
}

/*
 * SQL function workflow.call_job(job, params) of sql/parts/job.sql.  Locks what is kept of
 * the job for these parameters, if it is free.
 */
Datum
workflow_call_job(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *name = wf_arg_string(fcinfo, 0, "job");
	Jsonb	   *params = wf_arg_jsonb_or_null(fcinfo, 1);
	const WfJob *job;
	Jsonb	   *result;
	int			level;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	level = wf_tenant_work_for(wf_tenant_current());
	job = wf_job_newest(name);
	wf_job_require(job, "run");
	result = call(job, params);
	wf_tenant_work_on(level);
	if (result != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		result = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(result));
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(result);
}

/*
 * SQL function workflow.flush_cache(job, params) of sql/parts/job.sql.  Waits for
 * transactions that are at the rows.
 */
Datum
workflow_flush_cache(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "job");
	Jsonb	   *params = wf_arg_jsonb_or_null(fcinfo, 1);
	const WfJob *job;
	uint64		n;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	job = wf_job_newest(name);
	wf_job_require(job, "manage");
	if (params != NULL)
		params = wf_job_given_check(job, params);
	n = wf_job_cache_flush(job->name, params);
	wf_note_object("flush_cache", "job", job->name, job->owner, NULL,
				   wf_note_detail("count", wf_note_number(n)));
	SPI_finish();
	PG_RETURN_INT64((int64) n);
}

static Datum
look_may_job(PG_FUNCTION_ARGS)
{
	char	   *privilege = wf_arg_string(fcinfo, 1, "privilege");
	bool		may;

	if (strcmp(privilege, "run") != 0 && strcmp(privilege, "read") != 0 && strcmp(privilege, "manage") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown privilege \"%s\"", wf_quote(privilege)),
				 errhint("Privileges on jobs are run, read and manage.")));
	wf_api_connect_to_look();
	may = wf_job_may(wf_job(PG_GETARG_INT32(0)), privilege);
	SPI_finish();
	PG_RETURN_BOOL(may);
}

/* SQL function workflow.may_job(job, privilege) of sql/parts/job.sql.  Locks nothing. */
Datum
workflow_may_job(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_may_job, fcinfo);
}

/* By name and version; the newest one without. */
static WfStatement version_statement = {
	.sql = "SELECT j.id, j.description FROM workflow.job j WHERE j.name OPERATOR(pg_catalog.=) $1"
	" AND j.dropped_at IS NULL AND ($2 IS NULL OR j.version OPERATOR(pg_catalog.=) $2)"
	" ORDER BY j.version DESC LIMIT 1",
	WF_ARGS(TEXTOID, INT4OID)
};

static Datum
look_schema(PG_FUNCTION_ARGS)
{
	char	   *name = wf_arg_string(fcinfo, 0, "job");
	Datum		values[2] = {CStringGetTextDatum(name), PG_GETARG_DATUM(1)};
	MemoryContext caller = CurrentMemoryContext;
	const WfJob *job;
	char	   *description;
	bool		isnull;
	Jsonb	   *schema;

	wf_api_connect_to_look();
	job = wf_job_newest(name);
	if (wf_statement_execute(&version_statement, values, PG_ARGISNULL(1) ? " n" : NULL, 1) == 0)
		ereport(ERROR,
				(errcode(WF_ERR_NO_JOB),
				 errmsg("job \"%s\" has no version %d", job->name, PG_GETARG_INT32(1))));
	description = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	job = wf_job(DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	if (!wf_job_may(job, "run"))
		wf_job_require(job, "read");
	schema = wf_parameter_schema(job->parameters, job->name, description, wf_arg_language(fcinfo, 2));
	MemoryContextSwitchTo(caller);
	schema = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(schema));
	SPI_finish();
	return JsonbPGetDatum(schema);
}

/* SQL function workflow.job_schema(job, version, language) of sql/parts/job.sql.  Locks nothing. */
Datum
workflow_job_schema(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_schema, fcinfo);
}
