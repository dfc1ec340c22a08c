/*-------------------------------------------------------------------------
 *
 * restricted.c
 *	  A definition's code in a session that is not its owner's.
 *
 * Runs in backends of clients.  See restricted.h for what is refused, and
 * why.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_largeobject.h"
#include "miscadmin.h"
#include "utils/plancache.h"

#include "base/compat.h"
#include "base/cursor.h"
#include "base/xact_stack.h"
#include "eval/restricted.h"
#include "eval/restricted_function.h"
#include "eval/setting_list.h"

static object_access_hook_type previous_hook = NULL;

/*
 * Calls of other roles' code, the innermost last.  An error ends a call
 * together with its subtransaction.  The error may be caught by code of
 * another role in turn, so the outer calls must still be known then.
 */
static WfXactStack entered;

/* Is code of another role running? */
bool
wf_restricted_is_inside(void)
{
	return wf_xact_stack_depth(&entered) > 0;
}

/* --- functions that work on the session ---------------------------------- */

/*
 * Functions are looked at when a call of them is prepared, and PL/pgSQL
 * prepares simple expressions once a transaction, whoever calls its function
 * then.  So this is the transaction in which such a call was prepared outside
 * of foreign code.
 */
static LocalTransactionId prepared_lxid = InvalidLocalTransactionId;

/* Have everything prepared again. */
static void
forget_prepared(void)
{
	if (prepared_lxid != WF_MY_LXID)
		return;
	ResetPlanCache();
	prepared_lxid = InvalidLocalTransactionId;
}

/* The call of a function is being prepared. */
static void
on_function_call(Oid function)
{
	if (wf_restricted_is_inside())
		wf_restricted_function_refuse(function);
	else if (prepared_lxid != WF_MY_LXID && wf_restricted_function_is(function))
		prepared_lxid = WF_MY_LXID;
}

static GucRealCheckHook previous_check_seed = NULL;

/*
 * SET seed is a call of setseed(), and what it does is not undone with the
 * setting.
 */
static bool
check_seed(double *value, void **extra, GucSource source)
{
	if (source >= PGC_S_INTERACTIVE && wf_restricted_is_inside())
	{
		GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
		GUC_check_errmsg("actions cannot set the seed of random numbers in a session that is not their owner's");
		GUC_check_errhint(WF_HINT_POST);
		return false;
	}
	return previous_check_seed(value, extra, source);
}

/* --- hooks ---------------------------------------------------------------- */

/* Object access hook: refuse to create objects inside of such code. */
static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id,
				 int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_FUNCTION_EXECUTE)
		on_function_call(object_id);
	else if (access == OAT_POST_CREATE && class_id != LargeObjectRelationId &&
			 wf_restricted_is_inside())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot create objects in a session that is not their owner's"),
				 errhint(WF_HINT_POST)));
}

/*
 * Chain the object access hook, and the check of the seed; called by
 * _PG_init().
 */
void
wf_restricted_init(void)
{
	struct config_real *seed = (struct config_real *) wf_setting_list_find("seed");

	previous_check_seed = seed->check_hook;
	seed->check_hook = check_seed;
	previous_hook = object_access_hook;
	object_access_hook = on_object_access;
}

/* --- entering and leaving ------------------------------------------------- */

/*
 * Refuse, with 42501, a SET CONSTRAINTS inside of another role's code that
 * is for all constraints or makes some deferred.  It would fire triggers
 * that the caller has left for the end of the transaction, or leave triggers
 * of the caller's later statements for it.
 */
void
wf_restricted_constraints(bool all, bool deferred)
{
	if ((all || deferred) && wf_restricted_is_inside())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot change constraints of a session that is not their owner's"),
				 errdetail("Only constraints that are named can be set, and to IMMEDIATE."),
				 errhint(WF_HINT_POST)));
}

/*
 * Enter code of another role.  Error 42501 if the session has open
 * cursors.  Calls nest; the returned depth is for the wf_restricted_leave() of
 * this call.  After an error nothing has to be undone.
 */
int
wf_restricted_enter(void)
{
	if (wf_cursor_is_open())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions of another role cannot run while cursors are open"),
				 errdetail("Such actions could read and replace the cursors."),
				 errhint(WF_HINT_POST)));
	forget_prepared();
	return wf_xact_stack_push(&entered, NULL);
}

/*
 * Leave code of another role.  `depth` is what wf_restricted_enter()
 * returned.  Error 42501 if the code left a cursor open.
 */
void
wf_restricted_leave(int depth)
{
	wf_xact_stack_pop(&entered, depth);
	if (wf_cursor_is_open())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot leave a cursor open in a session that is not their owner's"),
				 errhint(WF_HINT_POST)));
}
