/*-------------------------------------------------------------------------
 *
 * database_members.c
 *	  When the runtime of a database is to look after the others of its cluster.
 *
 * Runs in every process: sessions say at their commits that runtimes or settings have changed,
 * the runtime that it has to look once more.  That somebody says nothing for too long is known
 * to member_silence.c.  Without a lock; the field is a single word.  Nothing here throws.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/clock.h"
#include "shmem/database.h"
#include "shmem/database_members.h"

/* Runtimes or settings have changed, or have not been looked after to the end. */
void
wf_database_members_look(Oid dbid)
{
	WfDatabase *database = wf_database_peek(dbid);

	if (database != NULL)
		wf_database_lower(database, &database->members_at, wf_clock_now());
}

/* When the runtime is to look, by wf_clock_now(); infinity: when somebody tells. */
TimestampTz
wf_database_members_at(WfDatabase *database)
{
	return (TimestampTz) pg_atomic_read_u64(&database->members_at);
}

/*
 * The runtime is about to look, with a snapshot that it has not taken yet: what is changed from
 * now on is told again.
 */
void
wf_database_members_looking(WfDatabase *database)
{
	pg_atomic_write_u64(&database->members_at, (uint64) DT_NOEND);
	pg_memory_barrier();
}
