/*-------------------------------------------------------------------------
 *
 * database_alerts.c
 *	  When the runtime of a database is to look at its alerts.
 *
 * Runs in every process: sessions say at their commits that there may be something new, the
 * runtime looks, and says when it is to look again.  Without a lock; fields are single
 * words.  Nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "shmem/database.h"
#include "shmem/database_alerts.h"

/* Alerts were made or changed: the runtime is to look at once. */
void
wf_database_alerts_look(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		wf_database_lower(database, &database->alerts_at, wf_clock_now());
}

/* Work was written: there may be something new, as soon as the last look has said. */
void
wf_database_alerts_written(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);
	int64		after;

	if (database == NULL)
		return;
	after = (int64) pg_atomic_read_u64(&database->alerts_after);
	if (unlikely(after >= 0))
		wf_database_lower(database, &database->alerts_at, wf_clock_now() + after);
}

/* When the runtime is to look, by wf_clock_now(); infinity: when somebody tells. */
TimestampTz
wf_database_alerts_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->alerts_at);
}

/*
 * The runtime is about to look, with a snapshot that it has not taken yet: what is written
 * from now on is told again.
 */
void
wf_database_alerts_looking(WfDatabase *database)
{
	pg_atomic_write_u64(&database->alerts_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}

/*
 * It has looked: it is to look again at that time, and so long (us) after something was
 * written; -1: there is no alert.
 */
void
wf_database_alerts_looked(WfDatabase *database, TimestampTz at, int64 after)
{
	pg_atomic_write_u64(&database->alerts_after, (uint64) after);
	pg_memory_barrier();
	wf_database_lower(database, &database->alerts_at, at);
}
