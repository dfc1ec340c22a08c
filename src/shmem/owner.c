/*-------------------------------------------------------------------------
 *
 * owner.c
 *	  What the processes of an instance know of an owner of work.
 *
 * See shmem.h for the locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "shmem/owner.h"
#include "shmem/shmem.h"

/* A free owner entry that once was in use: a search must not stop there. */
#define OWNER_DELETED	(-1)

/* Fill a free place; under the lock. */
void
wf_owner_init(WfOwner *entry, Oid dbid, int32 owner)
{
	SpinLockAcquire(&entry->mutex);
	entry->mark = DT_NOBEGIN;
	entry->generation = 0;
	entry->cursor_due = DT_NOBEGIN;
	entry->cursor_seq = -1;
	entry->cursor_epoch = 0;
	SpinLockRelease(&entry->mutex);

	entry->role = InvalidOid;
	entry->not_before = DT_NOBEGIN;
	entry->served = DT_NOBEGIN;
	entry->failures = 0;
	entry->executors = 0;
	entry->reason = WF_WAIT_NONE;
	entry->cleared = false;
	entry->suspect_until = DT_NOBEGIN;
	for (int i = 0; i < WF_SUSPECTS; i++)
		entry->suspects[i] = (WfSuspect) {.seq = -1};
	entry->suspect = 0;
	entry->backlog = false;
	entry->owner = owner;
	entry->dbid = dbid;
}

/*
 * Find an owner, or a place for it (the first free one on its path), under
 * the lock.  The path ends at an entry that never was in use.
 */
static WfOwner *
find_owner(Oid dbid, int32 owner, WfOwner **free_place)
{
	int			n = wf_shared->nowners;
	uint32		hash = hash_combine(murmurhash32(dbid),
									murmurhash32((uint32) owner));

	*free_place = NULL;
	for (int i = 0; i < n; i++)
	{
		WfOwner    *entry = &wf_shared->owners[(hash + i) % n];

		if (entry->dbid == dbid && entry->owner == owner)
			return entry;
		if (!OidIsValid(entry->dbid))
		{
			if (*free_place == NULL)
				*free_place = entry;
			if (entry->owner != OWNER_DELETED)
				break;
		}
	}
	return NULL;
}

/*
 * The entry of an owner of a database, made (mark -infinity) when it does not
 * exist and `create`.  NULL when there is none, or the table is full: then
 * the owner has no mark of its own, see WfDatabase.others (one WARNING).
 */
WfOwner *
wf_owner_entry(Oid dbid, int32 owner, bool create)
{
	static WfOwner *last = NULL;
	static bool warned = false;
	WfOwner    *entry;
	WfOwner    *place;

	/* an entry of our own database cannot go away */
	if (last && last->dbid == dbid && last->owner == owner &&
		dbid == MyDatabaseId)
		return last;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	entry = find_owner(dbid, owner, &place);
	LWLockRelease(wf_shared->lock);

	if (entry == NULL && create)
	{
		LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
		entry = find_owner(dbid, owner, &place);
		if (entry == NULL && place != NULL)
		{
			wf_owner_init(place, dbid, owner);
			entry = place;
		}
		LWLockRelease(wf_shared->lock);
	}

	if (entry)
		last = entry;
	else if (create && !warned)
	{
		warned = true;
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many owners of work for workflow"),
				 errdetail("The work of owner %d in database with OID %u, and of others, is done with delays.",
						   owner, dbid),
				 errhint("You might need to increase workflow.max_owners.")));
	}
	return entry;
}

/* Forget the owners of a database; under the lock, exclusive. */
void
wf_owner_forget_locked(Oid dbid)
{
	for (int i = 0; i < wf_shared->nowners; i++)
	{
		WfOwner    *entry = &wf_shared->owners[i];

		if (entry->dbid == dbid)
		{
			entry->dbid = InvalidOid;
			entry->owner = OWNER_DELETED;
		}
	}
}
