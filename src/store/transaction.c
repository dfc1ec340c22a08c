/*-------------------------------------------------------------------------
 *
 * transaction.c
 *	  Transactions of background workers.
 *
 * Runs in background workers.  Only this file starts and ends transactions;
 * functions that SQL calls run in those of their sessions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "shmem/inval.h"
#include "store/statement.h"
#include "store/transaction.h"

/* The OID of the extension in this database, or InvalidOid.  Needs a transaction. */
Oid
wf_transaction_extension_oid(void)
{
	return get_extension_oid("workflow", true);
}

/*
 * Lock the extension object, if it is there.  Returns its OID, or InvalidOid.
 *
 * DROP EXTENSION locks the extension object before its tables, and taking the
 * same lock first avoids a deadlock with it.  Look again with the lock: the
 * extension may have been dropped, or dropped and created, meanwhile.  Looking is
 * a scan of a catalog, so what it found is kept for as long as a table that goes
 * with the extension stays.
 */
static Oid
lock_extension(void)
{
	static WfInval watch = {.table = "process"};
	static Oid	known = InvalidOid;

	if (OidIsValid(known))
	{
		LockDatabaseObject(ExtensionRelationId, known, 0, AccessShareLock);
		if (likely(wf_inval_is_good(&watch)))
			return known;
	}
	wf_inval_begin(&watch);
	known = wf_transaction_extension_oid();
	if (OidIsValid(known))
	{
		LockDatabaseObject(ExtensionRelationId, known, 0, AccessShareLock);
		if (wf_transaction_extension_oid() != known)
			known = InvalidOid;
	}
	return known;
}

/*
 * Begin a transaction with its statement timestamp and a share lock on the
 * extension object, so that the extension stays until the end; without SPI and a
 * snapshot, as a procedure that commits wants it.  activity: a constant, for
 * pg_stat_activity.  Returns false, with no transaction left open, when the extension
 * is gone or is not the one with this OID (InvalidOid: any).
 */
bool
wf_transaction_begin_bare(const char *activity, Oid extension)
{
	Oid			found;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	pgstat_report_activity(STATE_RUNNING, activity);

	found = lock_extension();
	if (!OidIsValid(found) || (OidIsValid(extension) && extension != found))
	{
		CommitTransactionCommand();
		pgstat_report_activity(STATE_IDLE, NULL);
		return false;
	}
	return true;
}

/* Connect SPI, and take a snapshot. */
void
wf_transaction_enter(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	(void) wf_statement_look_only(false);
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Undo that; the transaction goes on. */
void
wf_transaction_leave(void)
{
	PopActiveSnapshot();
	SPI_finish();
}

/* Begin a transaction as wf_transaction_begin_bare(), with SPI and a snapshot. */
bool
wf_transaction_begin(const char *activity, Oid extension)
{
	if (!wf_transaction_begin_bare(activity, extension))
		return false;
	wf_transaction_enter();
	return true;
}

/*
 * Commit what wf_transaction_begin() began, and report statistics and that the
 * worker is idle.  Switches to TopMemoryContext.
 */
void
wf_transaction_commit(void)
{
	MemoryContext context = TopMemoryContext;

	PopActiveSnapshot();
	SPI_finish();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

/*
 * After an error was caught: abort whatever is open, flush the error state, and
 * switch to `context`.  The caller has copied the error if it wants it.
 */
void
wf_transaction_abort(MemoryContext context)
{
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	FlushErrorState();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}
