/*-------------------------------------------------------------------------
 *
 * owner.c
 *	  What the processes of an instance know of an owner of work.
 *
 * Runs in every process.  Entries never move.  They are freed only when their
 * database was dropped (or, to make room, that of a database without the
 * extension), so that a backend may keep a pointer to an entry of its own
 * database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lwlock.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/instance.h"
#include "shmem/lane.h"
#include "shmem/owner.h"

/* A free entry that once was in use: a search must not stop there. */
#define OWNER_DELETED	(-1)

WfOwner    *wf_owners = NULL;

/* Bytes of the segment: entries, then those that stand for the others. */
Size
wf_owner_shmem_size(void)
{
	return mul_size(add_size(wf_max_owners, wf_max_databases), sizeof(WfOwner));
}

/* Take the segment, and fill it if it was created just now. */
void
wf_owner_shmem_attach(void *segment, bool created)
{
	wf_owners = segment;
	for (int i = 0; created && i < wf_max_owners + wf_max_databases; i++)
	{
		wf_owners[i].lanes = wf_lane_of_place(i);
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
			wf_owners[i].lanes[kind].entry = &wf_owners[i];
	}
}

/*
 * What stands for all owners of a database that found no place (owner 0), by the
 * number of the database's entry: their marks are the earliest of theirs.  The
 * runtime looks up who they are.
 */
WfOwner *
wf_owner_overflow(int database)
{
	return &wf_owners[wf_max_owners + database];
}

/* Fill a free place; `mark`: see wf_lane_init().  Under the lock, exclusive. */
void
wf_owner_init(WfOwner *entry, Oid dbid, int32 owner, TimestampTz mark)
{
	for (int kind = 0; kind < WF_LANE_KINDS; kind++)
		wf_lane_init(&entry->lanes[kind], dbid, owner, mark);
	entry->role = InvalidOid;
	entry->not_before = DT_NOBEGIN;
	entry->failures = 0;
	entry->reason = WF_WAIT_NONE;
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
	int			n = wf_max_owners;
	uint32		hash = hash_combine(murmurhash32(dbid),
									murmurhash32((uint32) owner));

	*free_place = NULL;
	for (int i = 0; i < n; i++)
	{
		WfOwner    *entry = &wf_owners[(hash + i) % n];

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
 * The entry of an owner of a database, made (marks -infinity) when it does not
 * exist and `create`.  NULL when there is none, or the table is full: then the
 * owner has no marks of its own, see wf_owner_overflow() (one WARNING).  Takes
 * the lock.
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

	wf_instance_lock(LW_SHARED);
	entry = find_owner(dbid, owner, &place);
	wf_instance_unlock();

	if (entry == NULL && create)
	{
		wf_instance_lock(LW_EXCLUSIVE);
		entry = find_owner(dbid, owner, &place);
		if (entry == NULL && place != NULL)
		{
			wf_owner_init(place, dbid, owner, DT_NOBEGIN);
			entry = place;
		}
		wf_instance_unlock();
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
	for (int i = 0; i < wf_max_owners; i++)
	{
		WfOwner    *entry = &wf_owners[i];

		if (entry->dbid == dbid)
		{
			entry->dbid = InvalidOid;
			entry->owner = OWNER_DELETED;
		}
	}
}

/*
 * Until when no executor is started for an owner, by wf_clock_now(); -infinity:
 * it is not held back.  Work of one who is counts from then on, wherever somebody
 * asks who waits longest: else what cannot be done would always come first.
 */
TimestampTz
wf_owner_held_until(const WfOwner *entry)
{
	if (likely(TIMESTAMP_IS_NOBEGIN(entry->not_before)) ||
		wf_clock_is_over(entry->not_before, WF_OWNER_BACK_OFF_MAX))
		return DT_NOBEGIN;
	return wf_clock_at(entry->not_before);
}

/* Is it the role that keeps an owner from being served? */
static bool
waits_for_role(const WfOwner *entry)
{
	return entry->reason == WF_WAIT_ROLE_GONE || entry->reason == WF_WAIT_ROLE_NOLOGIN ||
		entry->reason == WF_WAIT_ROLE_CONNECT || entry->reason == WF_WAIT_ROLE_SUPERUSER;
}

/* Those of a database (InvalidOid: of all, for what their role was) are held back no more. */
static void
release(Oid dbid)
{
	wf_instance_lock(LW_EXCLUSIVE);
	for (int i = 0; i < wf_max_owners + wf_max_databases; i++)
	{
		WfOwner    *entry = &wf_owners[i];

		if (OidIsValid(entry->dbid) &&
			(OidIsValid(dbid) ? entry->dbid == dbid : waits_for_role(entry)))
		{
			entry->not_before = DT_NOBEGIN;
			entry->failures = 0;
		}
	}
	wf_instance_unlock();
}

/*
 * Somebody asks to look at a database anew: nobody in it is held back any more.
 * Takes the lock.
 */
void
wf_owner_try_again(Oid dbid)
{
	release(dbid);
}

/*
 * What roles may has changed: owners that had to wait for that are looked at
 * again, in all databases.  Who calls this wakes the runtimes.  Never throws.  Takes
 * the lock.
 */
void
wf_owner_recheck(void)
{
	release(InvalidOid);
}

/*
 * The role that the tables name; InvalidOid: to be looked up.  Said by the
 * runtime of the database alone, which is also the only one to read it.
 */
void
wf_owner_set_role(WfOwner *entry, Oid role)
{
	entry->role = role;
}

/*
 * Why its due work waits.  Said by the runtime of the database alone.  Without
 * the exclusive lock: an aligned int does not tear, and whoever looks at
 * workflow.activity sees the reason of before or of after.
 */
void
wf_owner_waits(WfOwner *entry, WfWaitReason reason)
{
	entry->reason = reason;
}

/*
 * An executor ended badly, or could not be started: none is before `not_before`
 * (real time).  Takes the lock.
 */
void
wf_owner_failed(WfOwner *entry, WfWaitReason reason, TimestampTz not_before)
{
	wf_instance_lock(LW_EXCLUSIVE);
	entry->failures++;
	entry->reason = reason;
	entry->not_before = not_before;
	wf_instance_unlock();
}

/*
 * An executor has done a batch: the failures before it are forgotten.  Takes the
 * lock if there are any.
 */
void
wf_owner_proved(WfOwner *entry)
{
	if (entry->failures == 0)
		return;
	wf_instance_lock(LW_EXCLUSIVE);
	entry->failures = 0;
	entry->reason = WF_WAIT_NONE;
	wf_instance_unlock();
}

/*
 * Is there more to be done of any owner of a database than who is at it can, as far as they
 * have said?  Without a lock, as wf_lane_backlog().
 */
bool
wf_owner_any_backlog(Oid dbid)
{
	for (int i = 0; i < wf_max_owners; i++)
	{
		if (wf_owners[i].dbid != dbid)
			continue;
		for (int kind = 0; kind < WF_LANE_KINDS; kind++)
			if (wf_owners[i].lanes[kind].backlog)
				return true;
	}
	return false;
}
