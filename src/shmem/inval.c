/*-------------------------------------------------------------------------
 *
 * inval.c
 *	  Tables of ours that a session keeps in memory until they change.
 *
 * Runs in any backend.  A change is told as a change of the table itself: the
 * server delivers that message to every session after the commit that it
 * belongs to became visible and before that commit returns, through a
 * prepared transaction and to standbys, too.
 *
 * Who looks at the very moment in between sees what the commit wrote, a command
 * to a process that it pauses, say, and has not been told.  So whoever changes
 * counts in shared memory from before the change until all are told, and while
 * anybody in the database does nothing that is kept is good.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "shmem/instance.h"
#include "shmem/inval.h"
#include "shmem/wakeup.h"

static WfInval *watches = NULL;
static bool registered = false;

/* InvalidOid: messages were lost, anything may have changed. */
static void
on_change(Datum arg, Oid relation)
{
	for (WfInval *watch = watches; watch != NULL; watch = watch->next)
		if (!OidIsValid(relation) || watch->relation == relation)
			watch->relation = InvalidOid;
}

/* InvalidOid: the extension is not there. */
static Oid
relation_of(const WfInval *watch)
{
	Oid			schema = get_namespace_oid("workflow", true);

	return OidIsValid(schema) ? get_relname_relid(watch->table, schema) : InvalidOid;
}

/*
 * Is what is kept still good?  Else the caller reads the table, between
 * wf_inval_begin() and the next look.  Needs a transaction.
 */
bool
wf_inval_is_good(WfInval *watch)
{
	if (pg_atomic_read_u32(wf_instance_changing()) > 0)
		return false;

	/* They told before they left the count. */
	pg_memory_barrier();
	AcceptInvalidationMessages();

	/* A table that was dropped told so. */
	return OidIsValid(watch->relation);
}

/*
 * What is read from now on is good until a change is told.  Without the
 * extension, nothing is ever good.
 */
void
wf_inval_begin(WfInval *watch)
{
	bool		known = false;

	if (!registered)
		CacheRegisterRelcacheCallback(on_change, (Datum) 0);
	registered = true;
	for (WfInval *other = watches; other != NULL; other = other->next)
		known = known || other == watch;
	if (!known)
	{
		watch->next = watches;
		watches = watch;
	}
	watch->relation = relation_of(watch);
}

/*
 * Before, so that the command counter, which moves behind the statement, has
 * this session hear of it as well; an abort has it hear once more.
 */
void
wf_inval_changing(WfInval *watch)
{
	wf_wakeup_changing();
	CacheInvalidateRelcacheByRelid(relation_of(watch));
}
