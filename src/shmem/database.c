/*-------------------------------------------------------------------------
 *
 * database.c
 *	  What the processes of an instance know of a database.
 *
 * See shmem.h for the locks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "shmem/database.h"
#include "shmem/owner.h"
#include "shmem/shmem.h"

/* Under WfShared.lock, exclusive: an entry takes another state. */
void
wf_database_state(WfDatabase *database, WfDatabaseState state)
{
	database->state = state;
	database->since = GetCurrentTimestamp();
}

/* An entry for a database that has none; under the lock. */
static WfDatabase *
make_database(Oid dbid)
{
	WfDatabase *database = NULL;

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		WfDatabase *candidate = &wf_shared->databases[i];

		if (!OidIsValid(candidate->dbid))
		{
			database = candidate;
			break;
		}
		if (candidate->state == WF_DB_ABSENT && !candidate->wake &&
			pg_atomic_read_u32(&candidate->awaiting) == 0)
			database = candidate;
	}
	if (database == NULL)
		return NULL;

	database->generation++;
	wf_database_state(database, WF_DB_UNKNOWN);
	database->wake = false;
	database->yield_to = DT_NOEND;
	database->wants_worker = false;
	database->holds = 0;
	database->extension = InvalidOid;
	database->runtime_pid = 0;
	database->runtime = NULL;
	database->not_before = DT_NOBEGIN;
	database->failures = 0;
	database->hungry = DT_NOEND;
	database->recovered = false;
	database->careful = false;
	database->careful_until = DT_NOBEGIN;
	wf_owner_init(&database->others, dbid, 0);
	database->others.mark = DT_NOEND;	/* nobody, so far */
	database->dbid = dbid;
	return database;
}

/* The same for callers that hold WfShared.lock (exclusive to create). */
WfDatabase *
wf_database_entry_locked(Oid dbid, bool create)
{
	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		if (wf_shared->databases[i].dbid == dbid)
			return &wf_shared->databases[i];
	}
	return create ? make_database(dbid) : NULL;
}

/*
 * The entry of a database, made as UNKNOWN if `create`; NULL when there is
 * none, or full (entries of databases without the extension are reused).
 */
WfDatabase *
wf_database_entry(Oid dbid, bool create)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_SHARED);
	database = wf_database_entry_locked(dbid, false);
	LWLockRelease(wf_shared->lock);

	if (database == NULL && create)
	{
		LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
		database = wf_database_entry_locked(dbid, true);
		LWLockRelease(wf_shared->lock);
	}
	return database;
}

/* Forget a dropped database and its owners. */
void
wf_database_forget(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database)
	{
		database->dbid = database->others.dbid = InvalidOid;
		database->generation++;
	}
	wf_owner_forget_locked(dbid);
	LWLockRelease(wf_shared->lock);
}

/*
 * The database entry without a lock: what it finds may be stale, which is
 * good enough to set a latch.  The last place is nearly always right.
 */
static WfDatabase *
peek_database(Oid dbid)
{
	static int	last = 0;

	if (wf_shared->databases[last].dbid == dbid)
		return &wf_shared->databases[last];

	for (int i = 0; i < wf_shared->ndatabases; i++)
	{
		if (wf_shared->databases[i].dbid == dbid)
		{
			last = i;
			return &wf_shared->databases[i];
		}
	}
	return NULL;
}

/* Set the latch of its runtime, or else of the launcher.  Never throws. */
void
wf_database_latch(Oid dbid)
{
	WfDatabase *database = peek_database(dbid);
	Latch	   *latch = database ? database->runtime : NULL;

	if (latch == NULL)
		latch = wf_shared->launcher;
	if (latch != NULL)
		SetLatch(latch);
}

/*
 * Tell its runtime, or else the launcher, that a database is to be looked at
 * anew (extension created or dropped, database created or altered).  Called
 * at the end of transactions.
 */
void
wf_database_wake(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, true);
	if (database)
	{
		database->wake = true;
		database->not_before = DT_NOBEGIN;
	}
	LWLockRelease(wf_shared->lock);

	if (database)
		wf_database_latch(dbid);
	else
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many databases use workflow"),
				 errhint("You might need to increase workflow.max_databases.")));
}

/* A hold (WF_DB_HELD) is over: have the database looked at anew.  Never throws. */
void
wf_database_release(Oid dbid)
{
	WfDatabase *database;

	LWLockAcquire(wf_shared->lock, LW_EXCLUSIVE);
	database = wf_database_entry_locked(dbid, false);
	if (database && database->holds > 0 && --database->holds == 0)
	{
		wf_database_state(database, database->runtime_pid ?
						  WF_DB_RUNNING : WF_DB_UNKNOWN);
		database->not_before = DT_NOBEGIN;
	}
	LWLockRelease(wf_shared->lock);
	if (database)
		wf_database_latch(dbid);
}

/* Somebody in await() may want to look again.  Never throws. */
void
wf_database_stepped(Oid dbid)
{
	WfDatabase *database = peek_database(dbid);

	if (database == NULL)
		return;

	/* our rows are visible; did a waiter look before they were? */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&database->awaiting) > 0)
		ConditionVariableBroadcast(&database->stepped);
}

/* The same, or else what stands for it; NULL: there is no database entry. */
WfOwner *
wf_database_owner(Oid dbid, int32 owner, bool create)
{
	WfOwner    *entry = wf_owner_entry(dbid, owner, create);
	WfDatabase *database;

	if (entry != NULL)
		return entry;
	database = wf_database_entry(dbid, create);
	return database ? &database->others : NULL;
}

/* Has an owner timers that may have crashed the server?  See quarantine.h. */
bool
wf_database_has_suspects(const WfDatabase *database, const WfOwner *entry)
{
	return (database->careful && !entry->cleared) ||
		entry->suspect_until != DT_NOBEGIN;
}
