/*-------------------------------------------------------------------------
 *
 * try.c
 *	  What may fail, and leave nothing behind then.
 *
 * Runs in any backend, within a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/try.h"

/*
 * Call call(arg) in a subtransaction, with the present memory context.  Returns NULL, or
 * the error that it failed with, in that context: then what it did is undone.
 */
ErrorData *
wf_try(void (*call) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(context);
		call(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* An outer PG_CATCH does not roll this subtransaction back. */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
