/*-------------------------------------------------------------------------
 *
 * watch_attempt.c
 *	  Transactions of a watcher, and what fails in them.
 *
 * Runs in the watcher.  An error undoes the transaction that is open, and is a result: what
 * becomes of one trigger does not keep others from theirs.  Locks are waited for a moment
 * only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/errcodes.h"
#include "store/origin.h"
#include "store/transaction.h"
#include "watch/watch_attempt.h"

/* So long it waits for a lock. */
#define LOCK_TIMEOUT	"1s"

static Oid	extension_oid = InvalidOid;

/* From now on transactions are those of a database that has this extension. */
void
wf_watch_attempt_in(Oid extension)
{
	extension_oid = extension;
}

/* Begin one, with SPI; false: there is nothing to be done here any more. */
bool
wf_watch_attempt_begin(const char *activity)
{
	if (!wf_transaction_begin(activity, extension_oid))
		return false;
	if (wf_origin_is_ours())
		return true;
	wf_transaction_commit();
	return false;
}

static void
set_lock_timeout(const char *value)
{
	SetConfigOption("lock_timeout", value, PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * Call a function that has transactions.  Returns the error that has undone the last one, in
 * this memory context, or NULL.
 */
ErrorData *
wf_watch_attempt(void (*function) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	set_lock_timeout(LOCK_TIMEOUT);
	pqsignal(SIGINT, StatementCancelHandler);	/* by which a lock timeout comes */
	PG_TRY();
	{
		function(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		wf_transaction_abort(context);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	pqsignal(SIGINT, SIG_IGN);
	QueryCancelPending = false;
	set_lock_timeout("0");
	return error;
}

/* Will an error come again each time: has a job, or a right to it, gone? */
bool
wf_watch_attempt_is_final(int code)
{
	return code != WF_ERR_FULL && code != WF_ERR_SUSPENDED &&
		code != ERRCODE_LOCK_NOT_AVAILABLE && code != ERRCODE_QUERY_CANCELED &&
		ERRCODE_TO_CATEGORY(code) != ERRCODE_OPERATOR_INTERVENTION &&
		ERRCODE_TO_CATEGORY(code) != ERRCODE_TRANSACTION_ROLLBACK &&
		ERRCODE_TO_CATEGORY(code) != ERRCODE_INSUFFICIENT_RESOURCES &&
		ERRCODE_TO_CATEGORY(code) != ERRCODE_SYSTEM_ERROR;
}
