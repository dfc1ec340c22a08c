/*-------------------------------------------------------------------------
 *
 * leftovers.c
 *	  What the author's code leaves behind in the session of an executor.
 *
 * Runs in executors, which step the events of many processes one after the other
 * in one session and several in one transaction.  What one of them leaves, the
 * next one meets: it would fail with "already exists", or find a lock taken that
 * is its own session's.  So an event that may have left something ends its batch,
 * and the session is cleaned behind it:
 *
 *	prepared statements		of the session; they survive a rollback
 *	temporary objects		till the end of the session, if committed
 *	open cursors			till the end of the transaction, or with hold of
 *							the session
 *	advisory locks			of the session; they survive a rollback
 *	modes of constraints	till the end of the transaction
 *
 * LISTEN is refused in background processes by the server.  In a client's session
 * none of this is done: it is the client's own, or the code is restricted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "commands/prepare.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/portal.h"

#include "base/cursor.h"
#include "eval/leftovers.h"
#include "eval/restricted_function.h"

/* Noted by the hooks since wf_leftovers_begin(). */
static bool prepared = false;
static bool locked = false;
static bool constrained = false;

/* A transaction has committed temporary objects. */
static bool temporary = false;

static bool watching = false;	/* in an executor */
static ProcessUtility_hook_type previous_utility = NULL;
static object_access_hook_type previous_access = NULL;

/* --- hooks ----------------------------------------------------------------- */

static void
on_utility(PlannedStmt *plan, const char *query, bool read_only_tree,
		   ProcessUtilityContext context, ParamListInfo params,
		   QueryEnvironment *environment, DestReceiver *receiver,
		   QueryCompletion *completion)
{
	if (IsA(plan->utilityStmt, PrepareStmt))
		prepared = true;
	else if (IsA(plan->utilityStmt, ConstraintsSetStmt))
		constrained = true;
	(previous_utility ? previous_utility : standard_ProcessUtility)
		(plan, query, read_only_tree, context, params, environment, receiver, completion);
}

static void
on_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (access == OAT_FUNCTION_EXECUTE && wf_restricted_function_locks(object_id))
		locked = true;
	if (previous_access)
		previous_access(access, class_id, object_id, sub_id, arg);
}

/* A procedure may commit several times: each of its transactions is seen here. */
static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0)
		temporary = true;
}

/* Chain the hooks, in an executor. */
void
wf_leftovers_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_utility;
	previous_access = object_access_hook;
	object_access_hook = on_access;
	watching = true;
}

/* --- asking ----------------------------------------------------------------- */

/* A batch begins, in a session that is clean. */
void
wf_leftovers_begin(void)
{
	prepared = locked = constrained = false;
}

/*
 * May something have been left in the session since then?  Functions of locks
 * are noted when an expression is set up, which is once a transaction: so one
 * that has been called counts until the batch ends.  Never outside of executors.
 */
bool
wf_leftovers_any(void)
{
	return watching &&
		(prepared || locked || constrained ||
		 (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0 ||
		 wf_cursor_is_open());
}

/*
 * After the transactions of a batch: has something outlived them?  Then
 * wf_leftovers_clean() is to be called.  A rollback undoes temporary objects.  Of
 * advisory locks the caller takes care.
 */
bool
wf_leftovers_stay(void)
{
	return prepared || temporary || wf_cursor_is_open();
}

/* Clean the session, in a transaction of its own. */
void
wf_leftovers_clean(void)
{
	DropAllPreparedStatements();
	PortalHashTableDeleteAll();
	if (temporary)
		ResetTempTableNamespace();
	temporary = false;
	wf_leftovers_begin();
}
