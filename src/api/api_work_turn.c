/*-------------------------------------------------------------------------
 *
 * api_work_turn.c
 *	  CALL workflow.work_turn(): the turn of a runtime.
 *
 * Runs in the sessions of runtimes.  Each batch is a transaction, which locks the processes,
 * runs and schedules that it claims, skipping those that are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#include "api/api.h"
#include "api/result.h"
#include "api/runtime_arg.h"
#include "api/worker_arg.h"
#include "base/errcodes.h"
#include "base/guc.h"
#include "base/quote.h"
#include "cluster/member_beat.h"
#include "definition/owner_role.h"
#include "run/run_inside.h"
#include "store/origin.h"
#include "store/transaction.h"
#include "work/work_turn.h"

PG_FUNCTION_INFO_V1(workflow_work_turn);

/* More than in one batch, by far. */
#define TURN_MAX	1000000

/* How many at most. */
static int
read_max(FunctionCallInfo fcinfo, int n)
{
	int			max;

	wf_worker_arg_require(fcinfo, n, "max");
	max = PG_GETARG_INT32(n);
	if (max < 1 || max > TURN_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max must be between 1 and %d, not %d", TURN_MAX, max)));
	return max;
}

/* Error 0A000 in a run, and 25001 where a savepoint keeps it from committing. */
static void
require_outermost(void)
{
	if (wf_run_inside() != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a run cannot take the turn of a runtime")));
	if (IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("workflow.work_turn() cannot run inside a subtransaction"),
				 errdetail("It commits after each batch.")));
}

/* Error WF002: it may not run anything. */
static void
refuse(const WfMemberRow *row)
{
	ereport(ERROR,
			(errcode(WF_ERR_NOT_ALLOWED),
			 errmsg("runtime \"%s\" may not work", wf_quote(row->id)),
			 row->approved ? errdetail("Its role is \"interface\".") :
			 errdetail("It was not approved yet.")));
}

/*
 * For work_turn.c: the runtime beats, since it may be long at it, and hears whether it lives.
 * Errors WF012, WF018, WF002.
 */
static void
goes_on(void *arg)
{
	WfMemberBeat *beat = arg;
	WfMemberAnswer answer;

	if (!wf_transaction_begin("workflow beat", InvalidOid))
		return;
	wf_member_beat_require(beat, &answer);
	if (!answer.row.approved || answer.row.role == WF_MEMBER_INTERFACE)
		refuse(&answer.row);
	wf_transaction_commit();
}

/* In transactions of its own: what is due of the current role. */
static int
work(WfMemberBeat *beat, int max)
{
	int32		owner;

	goes_on(beat);
	if (!wf_transaction_begin("workflow turn", InvalidOid))
		return 0;
	wf_origin_require();
	owner = wf_owner_role_id(GetUserId());
	wf_transaction_commit();
	return owner == 0 ? 0 : wf_work_turn(owner, max, goes_on, beat);
}

/* The row that a procedure with one INOUT argument returns. */
static Datum
make_row(FunctionCallInfo fcinfo, int done)
{
	Datum		value = Int32GetDatum(done);

	return wf_result_row(fcinfo, &value, NULL);
}

/*
 * SQL procedure workflow.work_turn(id, epoch, max, done) of sql/parts/runtime.sql.  To be
 * called outside of a transaction block.
 */
Datum
workflow_work_turn(PG_FUNCTION_ARGS)
{
	WfMemberBeat beat = {.settings = -1,.files = -1};
	int			max;
	int			done = 0;
	MemoryContext context;

	beat.id = wf_runtime_arg_id(fcinfo, 0);
	beat.epoch = wf_runtime_arg_epoch(fcinfo, 1);
	max = read_max(fcinfo, 2);
	require_outermost();
	wf_api_connect_to_commit(fcinfo);
	/* arguments may be gone with the first transaction */
	beat.id = pstrdup(beat.id);
	context = CurrentMemoryContext;
	wf_transaction_procedure_begin();
	PG_TRY();
	{
		done = work(&beat, max);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		wf_transaction_procedure_end();
		ReThrowError(error);
	}
	PG_END_TRY();
	wf_transaction_procedure_end();
	SPI_finish();
	PG_RETURN_DATUM(make_row(fcinfo, done));
}
