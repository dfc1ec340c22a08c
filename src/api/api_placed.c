/*-------------------------------------------------------------------------
 *
 * api_placed.c
 *	  Runtimes claim the runs that are placed on them, wait for such, and number what they tell.
 *
 * Runs in the sessions of runtimes.  A claim locks runs that are due and free; to wait locks
 * nothing, see waiting.c; the others lock the row of the runtime.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/claimed_row.h"
#include "api/runtime_arg.h"
#include "api/waiting.h"
#include "api/worker_arg.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/jsonb.h"
#include "cluster/claimer.h"
#include "cluster/member_load.h"
#include "cluster/member_outcome.h"
#include "definition/owner_role.h"
#include "job/job.h"
#include "job/job_call.h"
#include "run/run_placed.h"
#include "run/run_rules.h"
#include "run/run_said.h"
#include "run/run_worker.h"
#include "shmem/placed.h"
#include "store/checkpoint.h"
#include "store/origin.h"

PG_FUNCTION_INFO_V1(workflow_claim_placed);
PG_FUNCTION_INFO_V1(workflow_await_placed);
PG_FUNCTION_INFO_V1(workflow_decline);
PG_FUNCTION_INFO_V1(workflow_report_placed);
PG_FUNCTION_INFO_V1(workflow_outcome_told);
PG_FUNCTION_INFO_V1(workflow_outcomes_kept);

/* Runs of one claim. */
#define CLAIM_MAX	10000

/* --- claim ------------------------------------------------------------------------- */

/* Columns behind those of claim(). */
enum
{
	PLACED_OWNER = WF_CLAIMED_ROW_COLUMNS, PLACED_MODE, PLACED_COMMAND, PLACED_TIMEOUT, PLACED_ROUND,
	PLACED_POSITION, PLACED_TYPES, PLACED_TENANT, PLACED_TRACE, PLACED_CHECKPOINTS, PLACED_COLUMNS
};

static int
read_count(FunctionCallInfo fcinfo, int arg)
{
	int			n;

	wf_worker_arg_require(fcinfo, arg, "n");
	n = PG_GETARG_INT32(arg);
	if (n < 1 || n > CLAIM_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n must be between 1 and %d, not %d", CLAIM_MAX, n)));
	return n;
}

/* Runs; NULL: it does not say.  Error 22004. */
static ArrayType *
read_runs(FunctionCallInfo fcinfo, int arg, const char *name)
{
	ArrayType  *runs = PG_ARGISNULL(arg) ? NULL : PG_GETARG_ARRAYTYPE_P(arg);

	if (runs != NULL && array_contains_nulls(runs))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not contain nulls", name)));
	return runs;
}

/* A text, or null. */
static void
put_text(const char *text, Datum *value, bool *null)
{
	*null = text == NULL;
	*value = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* The types of the parameters of a statement, by name; NULL: it is a function. */
static Jsonb *
types_of(const WfJobCommand *command)
{
	Jsonb	  **types = palloc(sizeof(Jsonb *) * (command->n + 1));

	if (command->function != NULL)
		return NULL;
	for (int i = 0; i < command->n; i++)
		types[i] = wf_jsonb_string(command->types[i]);
	return wf_jsonb_object(command->n, command->names, types);
}

/* What the runtime is to execute: the name of a function, or a statement. */
static void
put_command(const WfJob *job, Datum *values, bool *nulls)
{
	const WfJobCommand *command = wf_job_call_command(job);
	const char *text = command->function == NULL ? job->command : wf_job_command_function(command);
	Jsonb	   *types = types_of(command);

	put_text(text, &values[PLACED_COMMAND], &nulls[PLACED_COMMAND]);
	values[PLACED_TYPES] = JsonbPGetDatum(types);
	nulls[PLACED_TYPES] = types == NULL;
}

/* A row of the result, in the order of the OUT arguments. */
static void
put_placed(ReturnSetInfo *result, const WfMemberRow *member, const WfRunRow *row)
{
	const WfJob *job = wf_job(wf_run_row_job(row));
	const Interval *timeout = wf_run_rules_timeout(row, job);
	Datum		values[PLACED_COLUMNS];
	bool		nulls[PLACED_COLUMNS] = {false};
	Jsonb	   *checkpoints;

	wf_claimed_row_fill(row, values, nulls);
	job = wf_job(wf_run_row_job(row));
	put_text(GetUserNameFromId(wf_owner_role_of(job->owner), true), &values[PLACED_OWNER], &nulls[PLACED_OWNER]);
	job = wf_job(wf_run_row_job(row));
	values[PLACED_MODE] = CStringGetTextDatum(job->mode == WF_JOB_TRACKED ? "tracked" : "atomic");
	put_command(job, values, nulls);
	values[PLACED_TIMEOUT] = IntervalPGetDatum(timeout);
	nulls[PLACED_TIMEOUT] = timeout == NULL;
	values[PLACED_ROUND] = row->values[WF_RUN_round];
	/* what it reads was written before; and behind it this claim is */
	values[PLACED_POSITION] = LSNGetDatum(GetXLogInsertRecPtr());
	nulls[PLACED_POSITION] = member->kind != WF_RUNTIME_STANDBY;
	values[PLACED_TENANT] = row->values[WF_RUN_tenant];
	nulls[PLACED_TENANT] = row->nulls[WF_RUN_tenant];
	wf_claimed_row_trace(row, &values[PLACED_TRACE], &nulls[PLACED_TRACE]);
	checkpoints = wf_checkpoint_all(wf_run_row_id(row));
	values[PLACED_CHECKPOINTS] = JsonbPGetDatum(checkpoints);
	nulls[PLACED_CHECKPOINTS] = checkpoints == NULL;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * SQL function workflow.claim_placed(id, epoch, n, known) of sql/parts/placed.sql.  Locks runs that
 * are due and that nobody has locked.
 */
Datum
workflow_claim_placed(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);
	int64		epoch = wf_runtime_arg_epoch(fcinfo, 1);
	int			most = read_count(fcinfo, 2);
	ArrayType  *known = read_runs(fcinfo, 3, "known");
	WfMemberRow member;
	WfRunRow  **rows;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	wf_worker_arg_connect(fcinfo);
	(void) wf_claimer_check(id, &epoch, &member);
	n = wf_run_placed_claim(&member, known, most, &rows);
	for (int i = 0; i < n; i++)
		put_placed((ReturnSetInfo *) fcinfo->resultinfo, &member, rows[i]);
	SPI_finish();
	PG_RETURN_NULL();
}

/* --- waiting ------------------------------------------------------------------------ */

/* Who waits; in memory that stays. */
typedef struct Waiter
{
	char	   *id;
	int64		epoch;
} Waiter;

/* Is there anything placed on it?  Errors as claim_placed(). */
static bool
look(void *arg, TimestampTz *next)
{
	const Waiter *waiter = arg;
	WfMemberRow member;
	TimestampTz due;
	uint64		generation;

	wf_origin_require();
	wf_claimer_require(waiter->id, waiter->epoch, &member);
	(void) wf_placed_mark(member.epoch, true, &due, &generation);
	if (due <= wf_clock_now())
		return wf_run_placed_is_ready(&member, next);
	*next = due;
	return false;
}

/*
 * SQL procedure workflow.await_placed(id, epoch, timeout, ready) of sql/parts/placed.sql.
 * Locks nothing, and needs to be called outside of a transaction block.
 */
Datum
workflow_await_placed(PG_FUNCTION_ARGS)
{
	Waiter		waiter = {.epoch = wf_runtime_arg_epoch(fcinfo, 1)};
	MemoryContext old;
	bool		ready;

	wf_waiting_require(fcinfo);
	old = MemoryContextSwitchTo(PortalContext);
	waiter.id = wf_runtime_arg_id(fcinfo, 0);
	MemoryContextSwitchTo(old);
	ready = wf_waiting(look, &waiter, wf_waiting_until(fcinfo, 2), WaitEventExtensionNew("WorkflowAwaitPlaced"));
	PG_RETURN_DATUM(wf_waiting_row(fcinfo, ready));
}

/* SQL function workflow.decline(run, fence).  Locks the run. */
Datum
workflow_decline(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run(fcinfo, 0, &fence);
	bool		taken;

	wf_worker_arg_connect(fcinfo);
	wf_member_load_if_changed();
	taken = wf_run_worker_decline(run, fence);
	SPI_finish();
	PG_RETURN_BOOL(taken);
}

/* SQL function workflow.report_placed(run, fence, said).  Locks the run. */
Datum
workflow_report_placed(PG_FUNCTION_ARGS)
{
	int64		fence;
	pg_uuid_t  *run = wf_worker_arg_run(fcinfo, 0, &fence);
	WfRunSaid	said;
	bool		taken;

	wf_worker_arg_require(fcinfo, 2, "said");
	wf_worker_arg_connect(fcinfo);
	wf_run_said_read(PG_GETARG_JSONB_P(2), &said);
	taken = wf_run_worker_said(run, fence, &said);
	SPI_finish();
	PG_RETURN_BOOL(taken);
}

/* --- what it tells --------------------------------------------------------------------- */

/* The number of an outcome.  Errors 22004, 22023. */
static int64
read_number(FunctionCallInfo fcinfo, int arg)
{
	wf_worker_arg_require(fcinfo, arg, "number");
	if (PG_GETARG_INT64(arg) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number must not be negative")));
	return PG_GETARG_INT64(arg);
}

/* SQL function workflow.outcome_told(id, epoch, number).  Locks the row of the runtime. */
Datum
workflow_outcome_told(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);
	int64		epoch = wf_runtime_arg_epoch(fcinfo, 1);
	int64		number = read_number(fcinfo, 2);
	bool		heard;

	wf_worker_arg_connect(fcinfo);
	heard = wf_member_outcome_told(id, epoch, number);
	SPI_finish();
	PG_RETURN_BOOL(heard);
}

/* SQL function workflow.outcomes_kept(id, epoch, number, runs).  Locks the row of the runtime. */
Datum
workflow_outcomes_kept(PG_FUNCTION_ARGS)
{
	const char *id = wf_runtime_arg_id(fcinfo, 0);
	int64		epoch = wf_runtime_arg_epoch(fcinfo, 1);
	int64		number = read_number(fcinfo, 2);
	ArrayType  *runs;
	bool		kept;

	wf_worker_arg_require(fcinfo, 3, "runs");
	runs = read_runs(fcinfo, 3, "runs");
	wf_worker_arg_connect(fcinfo);
	kept = wf_member_outcome_kept(id, epoch, number, runs);
	SPI_finish();
	PG_RETURN_BOOL(kept);
}
