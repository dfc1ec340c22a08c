/*-------------------------------------------------------------------------
 *
 * api_get_run.c
 *	  workflow.get_run(), retry_run(), redrive(), and what the view runs asks.
 *
 * Runs in client backends.  What only looks locks nothing and is STABLE.
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
#include "utils/json.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/note.h"
#include "api/result.h"
#include "api/run_sight.h"
#include "base/errcodes.h"
#include "base/jsonb.h"
#include "base/uuid.h"
#include "cluster/member_load.h"
#include "definition/sensitive.h"
#include "job/job.h"
#include "queue/queue.h"
#include "run/run_look.h"
#include "run/run_retry.h"
#include "store/origin.h"
#include "store/run.h"
#include "store/runtime_row.h"
#include "store/statement.h"
#include "store/tenant.h"

PG_FUNCTION_INFO_V1(workflow_get_run);
PG_FUNCTION_INFO_V1(workflow_run_waits_for);
PG_FUNCTION_INFO_V1(workflow_run_runtime);
PG_FUNCTION_INFO_V1(workflow_sees_run);
PG_FUNCTION_INFO_V1(workflow_retry_run);
PG_FUNCTION_INFO_V1(workflow_redrive);

/* In the order of the OUT arguments. */
static WfStatement get_statement = {
	.sql = "SELECT r.run, r.job, r.version, r.queue, r.partition, r.key, r.state, r.waits_for, r.attempt, r.due,"
	" r.started_at, r.ended_at, r.result, r.error, r.runtime, r.worker, r.progress, r.params"
	" FROM workflow.runs r WHERE r.run OPERATOR(pg_catalog.=) $1",
	WF_ARGS(UUIDOID)
};

/* Of those, from 0; params are not returned. */
#define GET_RESULT		12
#define GET_ERROR		13
#define GET_PROGRESS	16
#define GET_PARAMS		17
#define N_GET			18

/*
 * Those that failed first come first; $1: job.root, $2: queue, 0: any.  One that has
 * failed where its queue blocks has not ended, and is known by when it was claimed.
 */
static WfStatement failed_statement = {
	.sql = "SELECT f.run, f.job FROM (SELECT h.run, h.job, h.queue, h.ended_at, h.tenant FROM workflow.run_history h"
	" WHERE h.state OPERATOR(pg_catalog.=) 4 AND h.ended_at OPERATOR(pg_catalog.>=) $3 UNION ALL"
	" SELECT r.id, r.job, r.queue, COALESCE(r.begun, r.due), r.tenant FROM workflow.run r"
	" WHERE r.state OPERATOR(pg_catalog.>) 0 AND r.state OPERATOR(pg_catalog.=) 4) f"
	" JOIN workflow.job j ON j.id OPERATOR(pg_catalog.=) f.job WHERE j.dropped_at IS NULL"
	" AND ($1 OPERATOR(pg_catalog.=) 0 OR j.root OPERATOR(pg_catalog.=) $1)"
	" AND ($2 OPERATOR(pg_catalog.=) 0 OR f.queue OPERATOR(pg_catalog.=) $2)"
	" AND f.ended_at OPERATOR(pg_catalog.>=) $3 AND ($4 IS NULL OR f.tenant OPERATOR(pg_catalog.=) $4)"
	" AND (f.queue OPERATOR(pg_catalog.<) 0 OR EXISTS (SELECT FROM workflow.queue q WHERE q.id OPERATOR(pg_catalog.=) f.queue))"
	" ORDER BY f.ended_at, f.run",
	WF_ARGS(INT4OID, INT4OID, TIMESTAMPTZOID, TEXTOID)
};

/* --- looking ---------------------------------------------------------------------- */

/* Who may not read the job is not told where in it an error was. */
static Datum
without_place(Datum error)
{
	Datum		keys[] = {CStringGetTextDatum("detail"), CStringGetTextDatum("hint"), CStringGetTextDatum("context")};

	return DirectFunctionCall2(jsonb_delete_array, error,
							   PointerGetDatum(construct_array(keys, lengthof(keys), TEXTOID, -1, false,
															   TYPALIGN_INT)));
}

/* Hide what is hidden from the current user, wherever it may be quoted. */
static void
hide(const WfJob *job, Datum *values, const bool *nulls)
{
	static const int quoting[] = {GET_RESULT, GET_ERROR, GET_PROGRESS};
	WfMask	   *mask;

	if (job->nsensitive == 0 || !wf_sensitive_hides_of(job->author.role))
		return;
	mask = wf_job_mask(job, values[GET_PARAMS]);
	for (int i = 0; i < (int) lengthof(quoting); i++)
		if (!nulls[quoting[i]])
			values[quoting[i]] = JsonbPGetDatum(wf_mask_document(mask, DatumGetJsonbP(values[quoting[i]])));
}

static Datum
look_get(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = PG_GETARG_UUID_P(0);
	Datum		value = PG_GETARG_DATUM(0);
	Datum		values[N_GET];
	bool		nulls[N_GET];
	TupleDesc	desc;
	const WfJob *job;
	bool		may_read;
	Datum		result;

	desc = wf_result_type(fcinfo);
	wf_api_connect_to_look();
	job = wf_run_sight_look(id, &may_read);
	if (wf_statement_execute(&get_statement, &value, NULL, 1) == 0)
		wf_run_sight_refuse_missing(id);
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, values, nulls);
	if (!may_read && !nulls[GET_ERROR])
		values[GET_ERROR] = without_place(values[GET_ERROR]);
	hide(job, values, nulls);
	result = PointerGetDatum(SPI_returntuple(heap_form_tuple(desc, values, nulls), desc));
	SPI_finish();
	return result;
}

/*
 * SQL function workflow.get_run(run) of sql/parts/run.sql.  Locks nothing.
 */
Datum
workflow_get_run(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_get, fcinfo);
}

static Datum
look_waits_for(PG_FUNCTION_ARGS)
{
	WfRunRow	row;
	const char *word;

	wf_api_connect_to_look();
	wf_member_load_if_changed();
	word = wf_run_find(PG_GETARG_UUID_P(0), &row) && wf_tenant_sees(wf_run_row_tenant(&row)) ?
		wf_run_look_waits_for(&row) : NULL;
	SPI_finish();
	if (word == NULL)
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	return PointerGetDatum(cstring_to_text(word));
}

/*
 * SQL function workflow.run_waits_for(run) of sql/parts/run.sql.  Locks nothing.
 */
Datum
workflow_run_waits_for(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_waits_for, fcinfo);
}

/*
 * The id of this instance, as a runtime of this database; NULL: it has none yet, or another one
 * may have held the database at that time.
 */
static const char *
own_id(TimestampTz at)
{
	WfMemberCluster cluster;

	wf_member_cluster(&cluster);
	return cluster.local_id[0] == '\0' || at < cluster.local_since ? NULL : pstrdup(cluster.local_id);
}

/* That of a worker which is a runtime, or was one; NULL: it is none. */
static const char *
id_of(const char *worker)
{
	WfMemberRow member;
	WfRuntimeRow row;
	bool		any;

	if (wf_member_find(worker, &member, &any) == WF_MEMBER_HEARD)
		return worker;
	return any && wf_runtime_row_exists() && wf_runtime_row_find(worker, &row) ? worker : NULL;
}

static Datum
look_runtime(PG_FUNCTION_ARGS)
{
	char	   *worker = wf_arg_string_or_null(fcinfo, 0);
	bool		here = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	TimestampTz at = PG_ARGISNULL(2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(2);
	MemoryContext caller = CurrentMemoryContext;
	const char *id;

	if (worker == NULL && !here)
	{
		fcinfo->isnull = true;
		return (Datum) 0;
	}
	wf_api_connect_to_look();
	wf_member_load_if_changed();
	id = here ? own_id(at) : id_of(worker);
	fcinfo->isnull = id == NULL;
	id = id == NULL ? NULL : MemoryContextStrdup(caller, id);
	SPI_finish();
	return id == NULL ? (Datum) 0 : CStringGetTextDatum(id);
}

/* SQL function workflow.run_runtime(worker, here, ended_at) of sql/parts/runs.sql.  Locks nothing. */
Datum
workflow_run_runtime(PG_FUNCTION_ARGS)
{
	return wf_api_look(look_runtime, fcinfo);
}

/* --- sight ------------------------------------------------------------------------- */

/* The last answer of an expression, which is good for one user in one command. */
typedef struct Answer
{
	Oid			user;
	TimestampTz statement;
	SubTransactionId subxact;
	CommandId	command;
	int32		job;
	bool		may_read;
} Answer;

static bool
is_good(const Answer *answer, int32 job)
{
	return answer->job == job && answer->user == GetUserId() &&
		answer->statement == GetCurrentStatementStartTimestamp() &&
		answer->subxact == GetCurrentSubTransactionId() &&
		answer->command == GetCurrentCommandId(false);
}

static Datum
look_may_read(PG_FUNCTION_ARGS)
{
	bool		may;

	wf_api_connect_to_look();
	may = wf_job_may(wf_job(PG_GETARG_INT32(0)), "read");
	SPI_finish();
	return BoolGetDatum(may);
}

/*
 * SQL function workflow.sees_run(job id, starter) of sql/parts/run.sql.  Locks
 * nothing.  Rows of one job often come together, so the last answer is kept.
 */
Datum
workflow_sees_run(PG_FUNCTION_ARGS)
{
	int32		job = PG_GETARG_INT32(0);
	Answer	   *answer = fcinfo->flinfo->fn_extra;

	if (answer == NULL)
		answer = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Answer));
	if (!is_good(answer, job))
	{
		answer->may_read = DatumGetBool(wf_api_look(look_may_read, fcinfo));
		answer->job = job;
		answer->user = GetUserId();
		answer->statement = GetCurrentStatementStartTimestamp();
		answer->subxact = GetCurrentSubTransactionId();
		answer->command = GetCurrentCommandId(false);
	}
	PG_RETURN_BOOL(answer->may_read || PG_GETARG_OID(1) == GetUserId());
}

/* --- once more ---------------------------------------------------------------------- */

/*
 * SQL function workflow.retry_run(run) of sql/parts/run.sql.  Locks the run.
 */
Datum
workflow_retry_run(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = PG_GETARG_UUID_P(0);
	WfRunRow	row;
	bool		retried;

	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	wf_run_sight_require_manager(id);
	retried = wf_run_retry(id);
	if (retried && wf_run_find(id, &row))
		wf_note_run("retry_run", id, wf_run_row_job(&row), NULL, NULL);
	SPI_finish();
	PG_RETURN_BOOL(retried);
}

/* The most that redrive() takes. */
static int64
read_limit(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		return PG_INT64_MAX;
	if (PG_GETARG_INT32(n) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limit must be at least 1, not %d", PG_GETARG_INT32(n))));
	return PG_GETARG_INT32(n);
}

/* Which runs redrive() was asked for. */
static Jsonb *
redriven(FunctionCallInfo fcinfo, const char *job, const char *queue)
{
	static const char *const keys[] = {"job", "queue", "since", "limit"};
	Jsonb	   *values[] = {
		job == NULL ? NULL : wf_jsonb_string(job), queue == NULL ? NULL : wf_jsonb_string(queue),
		PG_ARGISNULL(2) ? NULL : wf_jsonb_string(JsonEncodeDateTime(NULL, PG_GETARG_DATUM(2), TIMESTAMPTZOID, NULL)),
		PG_ARGISNULL(3) ? NULL :
		wf_note_number(PG_GETARG_INT32(3))
	};

	return wf_jsonb_object(lengthof(keys), (const char **) keys, values);
}

/*
 * SQL function workflow.redrive(...) of sql/parts/run.sql.  Locks the runs, in the
 * order of their ends.
 */
Datum
workflow_redrive(PG_FUNCTION_ARGS)
{
	char	   *job = wf_arg_string_or_null(fcinfo, 0);
	char	   *queue = wf_arg_string_or_null(fcinfo, 1);
	Datum		values[4];
	int64		limit = read_limit(fcinfo, 3);
	SPITupleTable *found;
	uint64		n;
	int64		retried = 0;

	values[2] = PG_ARGISNULL(2) ? TimestampTzGetDatum(DT_NOBEGIN) : PG_GETARG_DATUM(2);
	wf_api_connect_to_write(fcinfo);
	wf_origin_require();
	values[0] = Int32GetDatum(job == NULL ? 0 : wf_job_newest(job)->root);
	values[1] = Int32GetDatum(queue == NULL ? 0 : wf_queue_number(queue));
	values[3] = wf_tenant_datum();
	n = wf_statement_execute(&failed_statement, values, values[3] == (Datum) 0 ? "   n" : NULL, 0);
	found = SPI_tuptable;
	for (uint64 i = 0; i < n && retried < limit; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(found->vals[i], found->tupdesc, 1, &isnull);
		int32		version = DatumGetInt32(SPI_getbinval(found->vals[i], found->tupdesc, 2, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (wf_job_may(wf_job(version), "manage"))
			retried += wf_run_retry(DatumGetUUIDP(id));
	}
	if (retried > 0)
		wf_note_runs("redrive", job, redriven(fcinfo, job, queue), retried);
	SPI_finish();
	PG_RETURN_INT64(retried);
}
