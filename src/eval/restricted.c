/*-------------------------------------------------------------------------
 *
 * foreign.c
 *	  A definition's code in a session that is not its owner's.
 *
 * Runs in clients' sessions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_largeobject.h"
#include "executor/spi.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "base/compat.h"
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
typedef struct Entered
{
	LocalTransactionId lxid;
	SubTransactionId subid;
} Entered;

static Entered *entered = NULL;
static int	nentered = 0;
static int	entered_size = 0;

static WfStatement cursors_statement = {
	.sql = "SELECT name FROM pg_catalog.pg_cursors",
	.nargs = 0
};

static bool
is_inside(void)
{
	while (nentered > 0 &&
		   (entered[nentered - 1].lxid != WF_MY_LXID ||
			!SubTransactionIsActive(entered[nentered - 1].subid)))
		nentered--;
	return nentered > 0;
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

void
wf_foreign_init(void)
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
	n = wf_execute(&cursors_statement, NULL, NULL, 0);
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

void
wf_foreign_constraints(bool all, bool deferred)
{
	if ((all || deferred) && is_inside())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot change constraints of a session that is not their owner's"),
				 errdetail("Only constraints that are named can be set, and to IMMEDIATE."),
				 errhint(HINT_POST)));
}

int
wf_foreign_enter(void)
{
	if (has_open_cursor())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions of another role cannot run while cursors are open"),
				 errdetail("They could read and replace them."),
				 errhint(HINT_POST)));
	(void) is_inside();			/* forgets what errors ended */
	if (nentered == entered_size)
	{
		int			size = Max(8, 2 * entered_size);

		entered = entered == NULL ?
			MemoryContextAlloc(TopMemoryContext, size * sizeof(Entered)) :
			repalloc(entered, size * sizeof(Entered));
		entered_size = size;
	}
	entered[nentered].lxid = WF_MY_LXID;
	entered[nentered].subid = GetCurrentSubTransactionId();
	return nentered++;
}

void
wf_foreign_leave(int depth)
{
	nentered = Min(nentered, depth);
	if (has_open_cursor())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("actions cannot leave a cursor open in a session that is not their owner's"),
				 errhint(HINT_POST)));
}
