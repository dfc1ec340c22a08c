/*-------------------------------------------------------------------------
 *
 * database_runs.c
 *	  What the runtime of a database is to do for runs: told by others, without a lock.
 *
 * Runs in every process: executors and sessions say what has happened, the runtime
 * takes it and acts.  Fields are single words; who sets one sets the runtime's latch
 * afterwards.  Nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "shmem/database.h"
#include "shmem/database_runs.h"

/* --- runs that are lost ------------------------------------------------------ */

/*
 * An executor has ended amid a run: the runtime is to look, whose latch is set
 * afterwards.  One that comes later looks anyway.
 */
void
wf_database_runs_lost(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		database->lost_runs = true;
}

/* Has one?  Not told again for the same. */
bool
wf_database_runs_take_lost(WfDatabase *database)
{
	bool		lost = database->lost_runs;

	database->lost_runs = false;
	pg_memory_barrier();
	return lost;
}

/* --- leases ---------------------------------------------------------------- */

/*
 * A worker has a run until then, unless it extends that.  Somebody is to look at that
 * time: if it is earlier than what was known, the runtime or the launcher is told.
 * Without a lock.  Never throws.
 */
void
wf_database_runs_lease(WfDatabase *database, TimestampTz until)
{
	wf_database_lower(database, &database->leases_at, until);
}

/* When the first of them ends that is known. */
TimestampTz
wf_database_runs_leases_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->leases_at);
}

/*
 * The runtime is about to look for them, with a snapshot that it has not taken yet:
 * what it finds it tells again.
 */
void
wf_database_runs_leases_looked_for(WfDatabase *database)
{
	pg_atomic_write_u64(&database->leases_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}

/* The runtime has renewed those of before the server's start. */
void
wf_database_runs_leases_renewed(WfDatabase *database)
{
	database->leases_renewed = true;
}

/* --- runs that wait for others ---------------------------------------------- */

/* May there be any?  Without a lock, as all of these. */
bool
wf_database_runs_awaited(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	pg_memory_barrier();
	return database == NULL || database->runs_awaited;
}

/* There are, or will be. */
void
wf_database_runs_await(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		database->runs_awaited = true;
	pg_memory_barrier();
}

/*
 * The runtime is about to look whether there are any, with a snapshot that it has not
 * taken yet: those that come later say so when they have committed.
 */
void
wf_database_runs_await_no_more(WfDatabase *database)
{
	database->runs_awaited = false;
	pg_memory_barrier();
}

/* The runtime is to look at what ended.c has for it, or at all.  Never throws. */
void
wf_database_runs_settle(Oid dbid, bool all)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database == NULL)
		return;
	if (all)
		database->settle_all = true;
	pg_write_barrier();
	database->settle = true;
	wf_database_latch(dbid);
}

/* Is it?  Not told again for the same. */
bool
wf_database_runs_take_settle(WfDatabase *database, bool *all)
{
	bool		settle = database->settle;

	database->settle = false;
	pg_memory_barrier();
	*all = database->settle_all;
	database->settle_all = false;
	pg_memory_barrier();
	return settle || *all;
}

/* --- notifications --------------------------------------------------------- */

/* Has it queues that notify, or may it have some?  Without a lock. */
void
wf_database_runs_notifies(WfDatabase *database, bool notifies)
{
	database->notifies = notifies;
}

/*
 * There may be work then for outside workers, in a queue that notifies.  Without a
 * lock.  Never throws.
 */
void
wf_database_runs_notify(WfDatabase *database, TimestampTz at)
{
	if (database->notifies)
		wf_database_lower(database, &database->notify_at, at);
}

/* When they are to be notified. */
TimestampTz
wf_database_runs_notify_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->notify_at);
}

/* The runtime is about to look for such work, as wf_database_runs_leases_looked_for(). */
void
wf_database_runs_notifying(WfDatabase *database)
{
	pg_atomic_write_u64(&database->notify_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}
