/*-------------------------------------------------------------------------
 *
 * api_position.c
 *	  Where the log of the primary is, and a standby that waits until it is there.
 *
 * commit_position() runs in a session of the primary, wait_for_lsn() in one of a
 * standby.  Neither locks anything or reads a table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "api/waiting.h"
#include "base/compat.h"

PG_FUNCTION_INFO_V1(workflow_commit_position);
PG_FUNCTION_INFO_V1(workflow_wait_for_lsn);

/*
 * Nobody tells when something was replayed.  So we look again and again (ms), at first
 * often, for a standby is usually a moment behind.
 */
#define SHORTEST_PAUSE	1
#define LONGEST_PAUSE	50

/* --- commit_position() ------------------------------------------------------------ */

/*
 * Where the last record ends that was inserted.  The server says where the next one will
 * begin: if that is the first one of a page, it is behind the header of the page, which
 * is not written before there is a record for it.
 */
static XLogRecPtr
inserted_up_to(void)
{
	XLogRecPtr	next = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(next, wal_segment_size) == SizeOfXLogLongPHD)
		return next - SizeOfXLogLongPHD;
	if (next % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return next - SizeOfXLogShortPHD;
	return next;
}

/* Errors: 25006 on a standby, 25001 in a transaction that has written. */
static void
require_after_commit(void)
{
	PreventCommandDuringRecovery("workflow.commit_position()");
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("workflow.commit_position() is to be called after COMMIT"),
				 errdetail("This transaction has written something, and its commit will lie behind any position that there is now.")));
}

/*
 * SQL function workflow.commit_position() of sql/parts/standby.sql.  What is returned is
 * on disk: also a commit that was acknowledged before it was (synchronous_commit off)
 * reaches standbys then, without waiting for what comes next.
 */
Datum
workflow_commit_position(PG_FUNCTION_ARGS)
{
	XLogRecPtr	position;

	require_after_commit();
	position = inserted_up_to();
	XLogFlush(position);
	PG_RETURN_LSN(position);
}

/* --- wait_for_lsn() --------------------------------------------------------------- */

/* Is everything there up to that position?  A primary has all that there is. */
static bool
is_there(XLogRecPtr lsn)
{
	return !RecoveryInProgress() || GetXLogReplayRecPtr(NULL) >= lsn;
}

/* End the transaction, so that the session has no snapshot that replay could wait for. */
static void
let_go(void)
{
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	SPI_commit();
	SPI_finish();
}

static void
sleep_for(long ms, uint32 wait_event)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms, wait_event);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Wait until it is there; false: the time is up. */
static bool
wait_until_there(XLogRecPtr lsn, TimestampTz until)
{
	uint32		wait_event = WaitEventExtensionNew("WorkflowWaitForLsn");
	long		pause = SHORTEST_PAUSE;

	while (!is_there(lsn))
	{
		long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

		if (left <= 0)
			return false;
		sleep_for(Min(pause, left), wait_event);
		pause = Min(pause * 2, LONGEST_PAUSE);
	}
	return true;
}

/* SQL procedure workflow.wait_for_lsn(lsn, timeout, reached) of sql/parts/standby.sql. */
Datum
workflow_wait_for_lsn(PG_FUNCTION_ARGS)
{
	XLogRecPtr	lsn;
	TimestampTz until;
	bool		reached;

	wf_waiting_require_top(fcinfo);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", "lsn"),
				 errhint("It is what commit_position() has returned on the primary.")));
	lsn = PG_GETARG_LSN(0);
	until = wf_waiting_until(fcinfo, 1);
	reached = is_there(lsn);
	if (!reached)
	{
		let_go();
		reached = wait_until_there(lsn, until);
	}
	PG_RETURN_DATUM(wf_waiting_row(fcinfo, reached));
}
