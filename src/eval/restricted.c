/*-------------------------------------------------------------------------
 *
 * restricted.c
 *	  A definition's code in a session that is not its owner's.
 *
 * Runs in clients' sessions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_largeobject.h"
#include "executor/spi.h"
#include "utils/portal.h"

#include "base/xact_stack.h"
#include "eval/restricted.h"
#include "store/statement.h"

#define HINT_POST \
	"Send the event with workflow.post(), then an executor runs the actions as their owner."

static object_access_hook_type previous_hook = NULL;

/*
 * Where foreign code was entered, the innermost last.  An error ends it with
 * its subtransaction; whoever caught that error may be foreign code again, so
 * what lies below must still be known.
 */
static WfXactStack entered;

static WfStatement cursors_statement = {
	.sql = "SELECT name FROM pg_catalog.pg_cursors",
	.nargs = 0
};

static bool
is_inside(void)
{
	return wf_xact_stack_depth(&entered) > 0;
}

static void
on_object_access(ObjectAccessType access, Oid class_id, Oid object_id,
				 int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_POST_CREATE && class_id != LargeObjectRelationId &&
		is_inside())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot create objects in a session that is not their owner's"),
				 errhint(HINT_POST)));
}

/* _PG_init's part: chains the object access hook. */
void
wf_restricted_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = on_object_access;
}

/*
 * A cursor that could be closed and replaced.  One that is being executed
 * cannot, nor that of a loop over a query, which PL/pgSQL pins.
 */
static bool
has_open_cursor(void)
{
	bool		found = false;
	uint64		n;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	n = wf_statement_execute(&cursors_statement, NULL, NULL, 0);
	for (uint64 i = 0; i < n && !found; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1);
		Portal		portal = name != NULL ? GetPortalByName(name) : NULL;

		found = PortalIsValid(portal) && portal->status == PORTAL_READY &&
			!portal->portalPinned;
	}
	SPI_finish();
	return found;
}

/*
 * Refuses SET CONSTRAINTS of such code that is for all constraints, or makes
 * some deferred: it would fire triggers that the caller has left for the end,
 * or leave those of the caller's later statements for it.
 */
void
wf_restricted_constraints(bool all, bool deferred)
{
	if ((all || deferred) && is_inside())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot change constraints of a session that is not their owner's"),
				 errdetail("Only constraints that are named can be set, and to IMMEDIATE."),
				 errhint(HINT_POST)));
}

/*
 * Around code of another role.  enter refuses when the session has open
 * cursors, leave when the code left one open.  They nest: enter returns the
 * depth, for the leave that belongs to it.  Errors need no undo.
 */
int
wf_restricted_enter(void)
{
	if (has_open_cursor())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions of another role cannot run while cursors are open"),
				 errdetail("They could read and replace them."),
				 errhint(HINT_POST)));
	return wf_xact_stack_push(&entered, NULL);
}

void
wf_restricted_leave(int depth)
{
	wf_xact_stack_pop(&entered, depth);
	if (has_open_cursor())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot leave a cursor open in a session that is not their owner's"),
				 errhint(HINT_POST)));
}
