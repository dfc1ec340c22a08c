/*-------------------------------------------------------------------------
 *
 * waiting.c
 *	  Procedures that wait for what other transactions do.
 *
 * Runs in client backends, and locks nothing.  Between its looks the session has no
 * transaction and no snapshot, so that it does not hold back vacuum.  It sleeps on the
 * condition variable of its database that is broadcast when a step has committed, a run
 * becomes ready, or one ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/ipc.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "api/api.h"
#include "api/result.h"
#include "api/waiting.h"
#include "base/clock.h"
#include "shmem/database.h"
#include "shmem/instance.h"
#include "store/statement.h"

/* Error 25001 if a procedure is called inside a transaction block or a function. */
void
wf_waiting_require_top(FunctionCallInfo fcinfo)
{
	wf_api_require_top(fcinfo, "It would hold a snapshot while it waits.");
}

/* The same, and error 25006 on a standby. */
void
wf_waiting_require(FunctionCallInfo fcinfo)
{
	wf_waiting_require_top(fcinfo);
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("workflow.%s() cannot wait on a standby", get_func_name(fcinfo->flinfo->fn_oid)),
				 errdetail("What it waits for happens on the primary, and nobody here is told of it.")));
}

/* Until when to wait, by argument n, an interval; for ever if it is null. */
TimestampTz
wf_waiting_until(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(n)));
}

/* The row that a procedure with one INOUT argument, a boolean, returns. */
Datum
wf_waiting_row(FunctionCallInfo fcinfo, bool there)
{
	Datum		value = BoolGetDatum(there);

	return wf_result_row(fcinfo, &value, NULL);
}

/* Look once, in a transaction of its own. */
static bool
look_once(WfWaitingLook look, void *arg, TimestampTz *next)
{
	bool		there;

	*next = DT_NOEND;
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_statement_look_only(false);
	there = look(arg, next);
	SPI_commit();
	SPI_finish();
	return there;
}

/* How long to sleep at most (ms); 0: the time is up. */
static long
pause_until(TimestampTz until, TimestampTz next)
{
	long		ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	if (ms > 0 && !TIMESTAMP_IS_NOEND(next))
		ms = Min(ms, Max(TimestampDifferenceMilliseconds(wf_clock_now(), next), 1));
	return ms;
}

static bool
wait_at(WfDatabase *database, WfWaitingLook look, void *arg, TimestampTz until, uint32 wait_event)
{
	TimestampTz next;
	bool		there;

	/* before each look, so that a commit after it wakes us */
	ConditionVariablePrepareToSleep(&database->stepped);
	while (!(there = look_once(look, arg, &next)))
	{
		long		ms = pause_until(until, next);

		if (ms <= 0)
			break;
		ConditionVariableTimedSleep(&database->stepped, ms, wait_event);
	}
	ConditionVariableCancelSleep();
	return there;
}

/* The session does not wait any more; also called when it fails. */
static void
stop_waiting(int code, Datum arg)
{
	wf_database_awaits_no_more((WfDatabase *) DatumGetPointer(arg));
}

/*
 * Wait until look() says that it is there; false: the time is up.  arg is in memory that
 * survives transactions.  To be called in a procedure for which wf_waiting_require() was.
 */
bool
wf_waiting(WfWaitingLook look, void *arg, TimestampTz until, uint32 wait_event)
{
	WfDatabase *database = wf_instance ? wf_database_entry(MyDatabaseId, true) : NULL;
	bool		there;

	if (database == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no room in shared memory for this database"),
				 errhint("Raise workflow.max_databases.")));
	wf_database_awaits(database);
	PG_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(database));
	{
		there = wait_at(database, look, arg, until, wait_event);
	}
	PG_END_ENSURE_ERROR_CLEANUP(stop_waiting, PointerGetDatum(database));
	stop_waiting(0, PointerGetDatum(database));
	return there;
}
