/*-------------------------------------------------------------------------
 *
 * transaction.c
 *	  Transactions of background workers, and of procedures that work as they do.
 *
 * Runs in background workers, and in such a procedure.  Only this file starts and ends
 * transactions; functions that SQL calls run in those of their sessions.
 *
 * A procedure that catches errors needs a subtransaction for each of its transactions:
 * what is thrown undoes that, and the transaction around it, which has done nothing, ends
 * with it.
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

/* In a procedure: its memory; else NULL. */
static MemoryContext procedure = NULL;

/* The nest level of the subtransaction that stands for a transaction; 0: none is open. */
static int	part_level = 0;

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

/* --- in a procedure --------------------------------------------------------------- */

/*
 * From now on, until wf_transaction_procedure_end(), which is called after an error, too,
 * transactions are those of a procedure, which has connected SPI for that.
 */
void
wf_transaction_procedure_begin(void)
{
	procedure = CurrentMemoryContext;
	part_level = 0;
}

/*
 * They are not any more.  After an error, which was copied, one that is open is undone: who
 * handles the error of a call does not expect a subtransaction.
 */
void
wf_transaction_procedure_end(void)
{
	while (part_level > 0 && GetCurrentTransactionNestLevel() >= part_level)
		RollbackAndReleaseCurrentSubTransaction();
	procedure = NULL;
	part_level = 0;
}

static void
begin_part(void)
{
	BeginInternalSubTransaction(NULL);
	part_level = GetCurrentTransactionNestLevel();
}

/* The subtransaction has become part of the transaction, or was undone. */
static void
end_transaction_of_part(void)
{
	part_level = 0;
	MemoryContextSwitchTo(procedure);
	SPI_commit();
}

static void
commit_part(void)
{
	ReleaseCurrentSubTransaction();
	end_transaction_of_part();
}

/* If the commit has failed, it has undone everything itself. */
static void
abort_part(void)
{
	if (part_level == 0)
		return;
	while (GetCurrentTransactionNestLevel() >= part_level)
		RollbackAndReleaseCurrentSubTransaction();
	end_transaction_of_part();
}

/* --- begin -------------------------------------------------------------------------- */

static void
begin(const char *activity)
{
	SetCurrentStatementStartTimestamp();
	if (procedure != NULL)
	{
		begin_part();
		return;
	}
	StartTransactionCommand();
	pgstat_report_activity(STATE_RUNNING, activity);
}

/* Nothing was done.  The memory context is the one of before again, which not all versions see to. */
static void
end_empty(MemoryContext context)
{
	if (procedure != NULL)
	{
		commit_part();
		return;
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	pgstat_report_activity(STATE_IDLE, NULL);
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
	MemoryContext context = CurrentMemoryContext;
	Oid			found;

	begin(activity);
	found = lock_extension();
	if (!OidIsValid(found) || (OidIsValid(extension) && extension != found))
	{
		end_empty(context);
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

/* --- end ---------------------------------------------------------------------------- */

/*
 * Commit what wf_transaction_begin() began, and report statistics and that the
 * worker is idle.  Switches to TopMemoryContext; in a procedure to the memory of that.
 */
void
wf_transaction_commit(void)
{
	MemoryContext context = TopMemoryContext;

	PopActiveSnapshot();
	SPI_finish();
	if (procedure != NULL)
	{
		commit_part();
		return;
	}
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
	if (procedure != NULL)
	{
		FlushErrorState();
		abort_part();
		MemoryContextSwitchTo(context);
		return;
	}
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(context);
	FlushErrorState();
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}
