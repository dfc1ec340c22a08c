/*-------------------------------------------------------------------------
 *
 * database_watch.c
 *	  Who looks for files that make runs in a database, and when somebody is to.
 *
 * Runs in every process: sessions say at their commits that triggers of files have changed.
 * The runtime of the database sees to it that somebody watches if there is any, and tells
 * who does.  The mark is without a lock, a single word; who watches is known under the lock
 * of the instance.
 *
 * No change is missed: it lowers the mark, and the runtime looks after it has read the
 * mark.  A watcher that has nothing to watch detaches first, and looks once more then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "shmem/database_watch.h"
#include "shmem/instance.h"

/* The runtime is to look at that time, if it is earlier than what was known. */
void
wf_database_watch_again(Oid dbid, TimestampTz at)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		wf_database_lower(database, &database->watch_at, at);
}

/* Triggers were made or changed: it is to look at once. */
void
wf_database_watch_look(Oid dbid)
{
	wf_database_watch_again(dbid, wf_clock_now());
}

/* The same in all databases. */
void
wf_database_watch_look_all(void)
{
	for (int i = 0; i < wf_max_databases; i++)
		if (OidIsValid(wf_databases[i].dbid))
			wf_database_lower(&wf_databases[i], &wf_databases[i].watch_at, wf_clock_now());
}

/* When it is to look, by wf_clock_now(); infinity: when somebody tells. */
TimestampTz
wf_database_watch_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->watch_at);
}

/* It is about to look, with a snapshot that it has not taken yet. */
void
wf_database_watch_looking(WfDatabase *database)
{
	pg_atomic_write_u64(&database->watch_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}

/* Tell who watches; false: nobody does.  Takes the lock. */
bool
wf_database_watch_tell(WfDatabase *database)
{
	bool		told = false;

	wf_instance_lock(LW_SHARED);
	if (database->watcher != NULL)
	{
		SetLatch(database->watcher);
		told = true;
	}
	wf_instance_unlock();
	return told;
}

/* This process watches from now on; false: another one does.  Takes the lock. */
bool
wf_database_watch_attach(WfDatabase *database, Oid dbid)
{
	bool		mine;

	wf_instance_lock(LW_EXCLUSIVE);
	mine = database->dbid == dbid && database->watcher_pid == 0 && database->state != WF_DB_HELD;
	if (mine)
	{
		database->watcher_pid = MyProcPid;
		database->watcher = MyLatch;
	}
	wf_instance_unlock();
	return mine;
}

/* It does not any more, if it did.  Takes the lock. */
void
wf_database_watch_detach(WfDatabase *database)
{
	wf_instance_lock(LW_EXCLUSIVE);
	if (database->watcher_pid == MyProcPid)
	{
		database->watcher_pid = 0;
		database->watcher = NULL;
	}
	wf_instance_unlock();
}
