/*-------------------------------------------------------------------------
 *
 * api_await.c
 *	  CALL workflow.await(): wait until a process has reached a state.
 *
 * Runs in client backends, and locks nothing.  Between looks at the process the
 * session has no transaction and no snapshot, so that it does not hold back
 * vacuum.  It sleeps on a condition variable that every commit of a step in this
 * database broadcasts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/arg.h"
#include "api/state_arg.h"
#include "base/compat.h"
#include "base/errcodes.h"
#include "base/quote.h"
#include "base/uuid.h"
#include "definition/definition.h"
#include "process/process.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "store/process_row.h"
#include "store/statement.h"
#include "store/status.h"

PG_FUNCTION_INFO_V1(workflow_await);

/* What is waited for. */
typedef struct Wanted
{
	pg_uuid_t	process;
	char	   *state;			/* NULL: that it is over or has failed */
	TimestampTz until;			/* by the server's clock */
} Wanted;

/*
 * Is the process where it is wanted?  Error WF001 if it does not exist, WF002 if
 * the user may not see it, 22023 if there is no such state, WF004 if it cannot
 * reach the state any more.
 */
static bool
arrived(const Wanted *wanted)
{
	WfRow		row;

	wf_api_read(&wanted->process, &row);
	wf_api_require_sight(&row.id, wf_definition(row.definition));
	if (wanted->state != NULL &&
		wf_state_arg_holds(&row, wf_definition(row.definition), wanted->state))
		return true;
	if (wf_process_row_is_over(&row) || row.status == WF_TERMINATED ||
		(row.status == WF_ERROR && wanted->state == NULL))
	{
		if (wanted->state == NULL)
			return true;
		ereport(ERROR,
				(errcode(WF_ERR_OVER),
				 errmsg("the process ended or failed without reaching state \"%s\"",
						wf_quote(wanted->state))));
	}
	return false;
}

/* Look at the process once, in a transaction of its own. */
static bool
look(const Wanted *wanted)
{
	bool		result;

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_statement_look_only(false);
	result = arrived(wanted);
	if (!result)
		SPI_commit();
	SPI_finish();
	return result;
}

/* The session does not wait any more; also called when it fails. */
static void
stop_waiting(int code, Datum arg)
{
	WfDatabase *database = (WfDatabase *) DatumGetPointer(arg);

	wf_database_awaits_no_more(database);
}

/* Error 57014: the time is up. */
pg_noreturn static void
refuse_late(const Wanted *wanted)
{
	if (wanted->state == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("process %s did not end before the timeout",
						wf_uuid_text(&wanted->process)),
				 errhint("workflow.get() tells where it is.")));
	ereport(ERROR,
			(errcode(ERRCODE_QUERY_CANCELED),
			 errmsg("process %s did not reach state \"%s\" before the timeout",
					wf_uuid_text(&wanted->process), wf_quote(wanted->state)),
			 errhint("workflow.get() tells where it is.")));
}

/* Look at the process, and sleep until a step commits, until it is there. */
static void
wait_for(const Wanted *wanted, WfDatabase *database)
{
	/*
	 * Prepare to sleep before each look, so that a commit after the look wakes
	 * us.
	 */
	ConditionVariablePrepareToSleep(&database->stepped);
	while (!look(wanted))
	{
		long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
														 wanted->until);

		if (ms <= 0)
			refuse_late(wanted);
		ConditionVariableTimedSleep(&database->stepped, ms,
									WaitEventExtensionNew("WorkflowAwait"));
	}
	ConditionVariableCancelSleep();
}

/*
 * SQL procedure workflow.await(process, state, timeout) of
 * sql/parts/process.sql.  Locks nothing, and needs to be called outside of a
 * transaction block.
 */
Datum
workflow_await(PG_FUNCTION_ARGS)
{
	bool		atomic = fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
	Wanted		wanted = {
		.process = *wf_arg_uuid(fcinfo, 0, "process"),
		.until = DT_NOEND
	};
	WfDatabase *database = wf_instance ? wf_database_entry(MyDatabaseId, true) : NULL;

	if (atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("workflow.await() cannot run inside a transaction block or a function"),
				 errdetail("It would hold a snapshot while it waits.")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("workflow.await() cannot wait on a standby"),
				 errdetail("Steps happen on the primary, and nobody here is told of them.")));
	if (database == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no room in shared memory for this database"),
				 errhint("Raise workflow.max_databases.")));

	/* Must survive the transactions in between. */
	if (!PG_ARGISNULL(1))
		wanted.state = MemoryContextStrdup(PortalContext, wf_arg_string(fcinfo, 1, "state"));
	if (!PG_ARGISNULL(2))
		wanted.until = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
															   TimestampTzGetDatum(GetCurrentTimestamp()),
															   PG_GETARG_DATUM(2)));

	wf_database_awaits(database);
	PG_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(database));
	{
		wait_for(&wanted, database);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(database));
	stop_waiting(0, PointerGetDatum(database));
	PG_RETURN_VOID();
}
